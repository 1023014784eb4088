// SPDX-License-Identifier: LGPL-2.1-or-later
//! What can be done with the card of what has ended: the secondary button, or
//! the menu key.

use crate::pages::tab::Tab;
use gettextrs::gettext;
use gtk::prelude::*;
use gtk::{gdk, gio, glib};
use std::rc::Rc;

/// What is done with the tab.
type Wish = fn(&Rc<Tab>);

/// Gives a card its menu.
pub fn add_menu(card: &gtk::Button, tab: &Rc<Tab>) {
    let actions = gio::SimpleActionGroup::new();
    let menu = gio::Menu::new();
    let wishes: [(&str, String, Wish); 3] = [
        ("again", gettext("_Run Again"), |tab| tab.run_again()),
        ("change", gettext("_Change…"), |tab| tab.change_it()),
        ("close", gettext("C_lose"), |tab| tab.close()),
    ];
    // What was begun elsewhere cannot be run again from here.
    let known = if tab.has_plan() { 0 } else { 2 };
    for (name, text, wish) in wishes.into_iter().skip(known) {
        menu.append(Some(&text), Some(&format!("ended.{name}")));
        let (action, weak) = (gio::SimpleAction::new(name, None), Rc::downgrade(tab));
        action.connect_activate(move |_, _| weak.upgrade().iter().for_each(wish));
        actions.add_action(&action);
    }
    card.insert_action_group("ended", Some(&actions));
    let popover = gtk::PopoverMenu::from_model(Some(&menu));
    popover.set_has_arrow(false);
    popover.set_halign(gtk::Align::Start);
    popover.set_parent(card);
    let weak = popover.downgrade();
    card.connect_destroy(move |_| weak.upgrade().iter().for_each(|popover| popover.unparent()));
    // The press that opened it made the card look pressed, and the release goes
    // to the menu.
    let weak = card.downgrade();
    popover.connect_closed(move |_| weak.upgrade().iter().for_each(let_go));
    let click = gtk::GestureClick::builder().button(3).build();
    let weak = popover.downgrade();
    click.connect_pressed(move |_, _, x, y| {
        if let Some(popover) = weak.upgrade() {
            popover.set_pointing_to(Some(&gdk::Rectangle::new(x as i32, y as i32, 1, 1)));
            popover.popup();
        }
    });
    card.add_controller(click);
    let keys = gtk::EventControllerKey::new();
    keys.connect_key_pressed(move |_, key, _, state| {
        let shifted = key == gdk::Key::F10 && state.contains(gdk::ModifierType::SHIFT_MASK);
        if key != gdk::Key::Menu && !shifted {
            return glib::Propagation::Proceed;
        }
        popover.set_pointing_to(None);
        popover.popup();
        glib::Propagation::Stop
    });
    card.add_controller(keys);
}

/// Neither the card nor anything around the pointer is pressed any more.
fn let_go(card: &gtk::Button) {
    let mut inner = vec![card.clone().upcast::<gtk::Widget>()];
    while let Some(widget) = inner.pop() {
        widget.unset_state_flags(gtk::StateFlags::ACTIVE);
        inner.extend(std::iter::successors(widget.first_child(), WidgetExt::next_sibling));
    }
    let around = std::iter::successors(card.parent(), WidgetExt::parent);
    around.for_each(|widget| widget.unset_state_flags(gtk::StateFlags::ACTIVE));
}
