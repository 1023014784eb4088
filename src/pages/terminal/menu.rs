// SPDX-License-Identifier: LGPL-2.1-or-later
//! A terminal's menu: the secondary button, the menu key, or Shift+F10, as in
//! other terminals. It has the links that are seen, for who has no pointer.

use super::links;
use gettextrs::gettext;
use gtk::prelude::*;
use gtk::{gdk, gio, glib};
use terrarium_engine::message;
use vte::prelude::*;

/// Most links in the menu, and characters of one.
const MOST: usize = 12;
const SHOWN: usize = 60;

/// Gives a terminal its menu.
pub fn add(terminal: &vte::Terminal) {
    let (menu, seen) = (gio::Menu::new(), gio::Menu::new());
    let first = gio::Menu::new();
    first.append(Some(&gettext("_Copy")), Some("win.copy"));
    first.append(Some(&gettext("_Paste")), Some("win.paste"));
    menu.append_section(None, &first);
    menu.append_section(Some(&gettext("Links")), &seen);
    add_action(terminal);
    let popover = gtk::PopoverMenu::from_model(Some(&menu));
    popover.set_has_arrow(false);
    popover.set_halign(gtk::Align::Start);
    popover.set_widget_name("terminal-menu");
    popover.set_parent(terminal);
    let weak = popover.downgrade();
    terminal.connect_destroy(move |_| weak.upgrade().iter().for_each(|popover| popover.unparent()));
    let weak = terminal.downgrade();
    popover.connect_closed(move |_| {
        if let Some(terminal) = weak.upgrade() {
            terminal.grab_focus();
        }
    });
    let open = {
        let weak = terminal.downgrade();
        move |x: f64, y: f64| {
            let Some(terminal) = weak.upgrade() else { return };
            fill(&seen, &links::seen(&terminal));
            popover.set_pointing_to(Some(&gdk::Rectangle::new(x as i32, y as i32, 1, 1)));
            popover.popup();
        }
    };
    let by_pointer = open.clone();
    let click = gtk::GestureClick::builder().button(3).build();
    click.connect_pressed(move |_, _, x, y| by_pointer(x, y));
    terminal.add_controller(click);
    add_keys(terminal, open);
}

/// Before the terminal takes them for the sandbox.
fn add_keys(terminal: &vte::Terminal, open: impl Fn(f64, f64) + 'static) {
    let keys = gtk::EventControllerKey::new();
    keys.set_propagation_phase(gtk::PropagationPhase::Capture);
    keys.connect_key_pressed(move |keys, key, _, held| {
        let shifted = key == gdk::Key::F10 && held.contains(gdk::ModifierType::SHIFT_MASK);
        let Some(terminal) = keys.widget().and_downcast::<vte::Terminal>() else {
            return glib::Propagation::Proceed;
        };
        if key != gdk::Key::Menu && !shifted {
            return glib::Propagation::Proceed;
        }
        let (x, y) = cursor(&terminal);
        open(x, y);
        glib::Propagation::Stop
    });
    terminal.add_controller(keys);
}

/// Where the cursor is, within what is seen.
fn cursor(terminal: &vte::Terminal) -> (f64, f64) {
    let (column, row) = terminal.cursor_position();
    let top = terminal.vadjustment().map_or(0.0, |adjustment| adjustment.value());
    let row = (row as f64 - top).clamp(0.0, terminal.row_count() as f64 - 1.0);
    let (width, height) = (terminal.char_width() as f64, terminal.char_height() as f64);
    (column as f64 * width, (row + 1.0) * height)
}

fn add_action(terminal: &vte::Terminal) {
    let open = gio::SimpleAction::new("open", Some(glib::VariantTy::STRING));
    let weak = terminal.downgrade();
    open.connect_activate(move |_, link| {
        let (Some(terminal), Some(link)) = (weak.upgrade(), link.and_then(glib::Variant::str)) else {
            return;
        };
        links::ask(&terminal, link);
    });
    let actions = gio::SimpleActionGroup::new();
    actions.add_action(&open);
    terminal.insert_action_group("links", Some(&actions));
}

/// The last ones are what somebody waits for.
fn fill(seen: &gio::Menu, links: &[String]) {
    seen.remove_all();
    for link in &links[links.len().saturating_sub(MOST)..] {
        let begin: String = message::shown(link).chars().take(SHOWN).collect();
        let more = if link.chars().count() > SHOWN { "…" } else { "" };
        // No address turns the rest of the menu, or marks a key.
        let text = format!("\u{2068}{}{more}\u{2069}", begin.replace('_', "__"));
        let item = gio::MenuItem::new(Some(&text), None);
        item.set_action_and_target_value(Some("links.open"), Some(&link.to_variant()));
        seen.append_item(&item);
    }
}
