// SPDX-License-Identifier: LGPL-2.1-or-later
//! A terminal as all pages have it.

use crate::look;
use gettextrs::gettext;
use gtk::gio;
use gtk::prelude::*;
use terrarium_protocol::orders::Size;
use vte::prelude::*;

/// Lines that VTE keeps: 10 000 to scroll back, and those that are shown,
/// which it counts as well.
const SCROLLBACK: i64 = 10_300;

/// A terminal in the window's colours, with its menu.
pub fn make() -> vte::Terminal {
    let terminal = vte::Terminal::builder().hexpand(true).vexpand(true).audible_bell(false).build();
    terminal.set_scrollback_lines(SCROLLBACK);
    terminal.set_widget_name("terminal");
    terminal.update_property(&[gtk::accessible::Property::Label(&gettext("Terminal"))]);
    let dress = |terminal: &vte::Terminal, dark: bool| {
        let (text, ground, palette) = look::terminal_palette(dark);
        let sixteen: Vec<&gtk::gdk::RGBA> = palette.iter().collect();
        terminal.set_colors(Some(&text), Some(&ground), &sixteen);
    };
    let manager = adw::StyleManager::default();
    dress(&terminal, manager.is_dark());
    let weak = terminal.downgrade();
    manager.connect_dark_notify(move |manager| {
        if let Some(terminal) = weak.upgrade() {
            dress(&terminal, manager.is_dark());
        }
    });
    add_menu(&terminal);
    terminal
}

/// The menu of the secondary button.
fn add_menu(terminal: &vte::Terminal) {
    let menu = gio::Menu::new();
    menu.append(Some(&gettext("_Copy")), Some("win.copy"));
    menu.append(Some(&gettext("_Paste")), Some("win.paste"));
    let popover = gtk::PopoverMenu::from_model(Some(&menu));
    popover.set_has_arrow(false);
    popover.set_halign(gtk::Align::Start);
    popover.set_parent(terminal);
    let weak = popover.downgrade();
    terminal.connect_destroy(move |_| {
        if let Some(popover) = weak.upgrade() {
            popover.unparent();
        }
    });
    let click = gtk::GestureClick::builder().button(3).build();
    click.connect_pressed(move |_, _, x, y| {
        popover.set_pointing_to(Some(&gtk::gdk::Rectangle::new(x as i32, y as i32, 1, 1)));
        popover.popup();
    });
    terminal.add_controller(click);
}

/// Cells of a terminal as it is shown.
pub fn size(terminal: &vte::Terminal) -> Size {
    let cells = |count: i64| u16::try_from(count.clamp(1, 1000)).unwrap_or(80);
    Size { columns: cells(terminal.column_count()), rows: cells(terminal.row_count()) }
}

/// All that a terminal shows and remembers.
pub fn text(terminal: &vte::Terminal) -> String {
    let stream = gio::MemoryOutputStream::new_resizable();
    let written = terminal.write_contents_sync(&stream, vte::WriteFlags::Default, gio::Cancellable::NONE);
    if written.is_err() || stream.close(gio::Cancellable::NONE).is_err() {
        return String::new();
    }
    String::from_utf8_lossy(&stream.steal_as_bytes()).trim_end().to_owned()
}

/// Feeds what a program without a terminal writes: none would go back to the
/// line's start for it.
pub fn feed_plain(terminal: &vte::Terminal, bytes: &[u8]) {
    let lines: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').collect();
    terminal.feed(&lines.join(&b"\r\n"[..]));
}

/// A line of ours among the sandbox's: dim and in brackets.
pub fn remark(terminal: &vte::Terminal, text: &str) {
    terminal.feed(format!("\r\n\x1b[0;2m[{text}]\x1b[0m\r\n").as_bytes());
}
