// SPDX-License-Identifier: LGPL-2.1-or-later
//! What can be done with a card: the secondary button, or the menu key.

use crate::pages::tab::{Tab, GRACE};
use crate::window::Window;
use gettextrs::gettext;
use gtk::prelude::*;
use gtk::{gdk, gio, glib};
use std::rc::Rc;
use terrarium_engine::message;
use terrarium_engine::sandbox::{Id, State, Stop, Summary};

/// What a menu offers: the action's name, its label, and what it does.
type Offer = (&'static str, String, Box<dyn Fn()>);

/// What is done with a tab.
type Wish = (&'static str, String, fn(&Rc<Tab>));

/// What can be done with the tab of what has ended.
pub fn of_ended(card: &gtk::Button, tab: &Rc<Tab>) {
    let wishes: [Wish; 3] = [
        ("again", gettext("_Run Again"), |tab| tab.run_again()),
        ("change", gettext("_Change…"), |tab| tab.change_it()),
        ("close", gettext("C_lose"), |tab| tab.close()),
    ];
    // What was begun elsewhere cannot be run again from here.
    let known = if tab.has_plan() { 0 } else { 2 };
    let offer = |(name, text, wish): Wish| -> Offer {
        let weak = Rc::downgrade(tab);
        (name, text, Box::new(move || weak.upgrade().iter().for_each(wish)))
    };
    add(card, wishes.into_iter().skip(known).map(offer).collect());
}

/// What can be done with a sandbox that runs, whether or not it has a tab.
pub fn of_running(window: &Rc<Window>, card: &gtk::Button, one: &Summary) {
    let is_paused = one.state == State::Paused;
    let pause = if is_paused { gettext("_Continue") } else { gettext("_Pause") };
    let (weak, id) = (Rc::downgrade(window), one.id.clone());
    let toggles = move || weak.upgrade().iter().for_each(|window| set_paused(window, &id, !is_paused));
    let (weak, id) = (Rc::downgrade(window), one.id.clone());
    let stops = move || weak.upgrade().iter().for_each(|window| stop(window, &id));
    let offers: Vec<Offer> =
        vec![("pause", pause, Box::new(toggles)), ("stop", gettext("_Stop"), Box::new(stops))];
    add(card, offers);
}

/// As its page does it, if it has one.
fn set_paused(window: &Rc<Window>, id: &Id, paused: bool) {
    if let Some(tab) = window.runs.tab_of(id) {
        return tab.toggle_pause();
    }
    let (window, id) = (window.clone(), id.clone());
    glib::spawn_future_local(async move {
        if let Err(error) = window.bridge.set_paused(id, paused).await {
            window.toast(&message::error(&error));
        }
    });
}

fn stop(window: &Rc<Window>, id: &Id) {
    if let Some(tab) = window.runs.tab_of(id) {
        return tab.stop();
    }
    let (window, id) = (window.clone(), id.clone());
    glib::spawn_future_local(async move {
        if let Err(error) = window.bridge.stop(id, Stop::Gently { grace: GRACE }).await {
            window.toast(&message::error(&error));
        }
    });
}

/// Gives a card its menu.
fn add(card: &gtk::Button, offers: Vec<Offer>) {
    let actions = gio::SimpleActionGroup::new();
    let menu = gio::Menu::new();
    for (name, text, act) in offers {
        menu.append(Some(&text), Some(&format!("card.{name}")));
        let action = gio::SimpleAction::new(name, None);
        action.connect_activate(move |_, _| act());
        actions.add_action(&action);
    }
    card.insert_action_group("card", Some(&actions));
    open_by_press_and_key(card, &popover_of(card, &menu));
}

fn popover_of(card: &gtk::Button, menu: &gio::Menu) -> gtk::PopoverMenu {
    let popover = gtk::PopoverMenu::from_model(Some(menu));
    popover.set_has_arrow(false);
    popover.set_halign(gtk::Align::Start);
    popover.set_parent(card);
    let weak = popover.downgrade();
    card.connect_destroy(move |_| weak.upgrade().iter().for_each(|popover| popover.unparent()));
    // The press that opened it made the card look pressed, and the release goes
    // to the menu.
    let weak = card.downgrade();
    popover.connect_closed(move |_| weak.upgrade().iter().for_each(let_go));
    popover
}

fn open_by_press_and_key(card: &gtk::Button, popover: &gtk::PopoverMenu) {
    let click = gtk::GestureClick::builder().button(3).build();
    let weak = popover.downgrade();
    click.connect_pressed(move |_, _, x, y| {
        if let Some(popover) = weak.upgrade() {
            popover.set_pointing_to(Some(&gdk::Rectangle::new(x as i32, y as i32, 1, 1)));
            popover.popup();
        }
    });
    card.add_controller(click);
    let (keys, popover) = (gtk::EventControllerKey::new(), popover.clone());
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
