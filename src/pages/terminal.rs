// SPDX-License-Identifier: LGPL-2.1-or-later
//! A terminal as all pages have it.

mod links;
mod menu;
pub mod osc52;

use crate::look;
use crate::settings::settings;
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
    dress(&terminal);
    let weak = terminal.downgrade();
    adw::StyleManager::default().connect_dark_notify(move |_| weak.upgrade().iter().for_each(dress));
    for key in ["terminal-colours", "terminal-font"] {
        settings().on_change(key, &terminal, dress);
    }
    terminal.set_allow_hyperlink(true);
    add_zoom(&terminal);
    links::connect(&terminal);
    menu::add(&terminal);
    terminal
}

/// Colours and font, as they are set.
fn dress(terminal: &vte::Terminal) {
    let dark = match settings().text("terminal-colours").as_str() {
        "light" => false,
        "dark" => true,
        _ => adw::StyleManager::default().is_dark(),
    };
    let (text, ground, palette) = look::terminal_palette(dark);
    let sixteen: Vec<&gtk::gdk::RGBA> = palette.iter().collect();
    terminal.set_colors(Some(&text), Some(&ground), &sixteen);
    let font = settings().text("terminal-font");
    let font = (!font.is_empty()).then(|| gtk::pango::FontDescription::from_string(&font));
    terminal.set_font(font.as_ref());
}

/// Ctrl and the wheel make the text larger and smaller.
fn add_zoom(terminal: &vte::Terminal) {
    let scroll = gtk::EventControllerScroll::new(gtk::EventControllerScrollFlags::VERTICAL);
    scroll.set_propagation_phase(gtk::PropagationPhase::Capture);
    scroll.connect_scroll(|scroll, _, by| {
        let ctrl = scroll.current_event_state().contains(gtk::gdk::ModifierType::CONTROL_MASK);
        let Some(terminal) = scroll.widget().and_downcast::<vte::Terminal>().filter(|_| ctrl) else {
            return gtk::glib::Propagation::Proceed;
        };
        zoom(&terminal, if by < 0.0 { 1 } else { -1 });
        gtk::glib::Propagation::Stop
    });
    terminal.add_controller(scroll);
}

/// One step larger or smaller; 0 is as it was.
pub fn zoom(terminal: &vte::Terminal, by: i32) {
    let scale = match by {
        0 => 1.0,
        by => terminal.font_scale() * 1.1_f64.powi(by),
    };
    terminal.set_font_scale(scale.clamp(0.5, 4.0));
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
    // What was skipped is NUL, which no label holds.
    String::from_utf8_lossy(&stream.steal_as_bytes()).replace('\0', " ").trim_end().to_owned()
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
