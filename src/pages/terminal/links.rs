// SPDX-License-Identifier: LGPL-2.1-or-later
//! Links in a terminal. They are a sandbox's words: where one leads is shown,
//! and only a yes opens it on this computer. The menu has those that are seen.

use adw::prelude::*;
use gettextrs::gettext;
use gtk::gdk;
use terrarium_engine::message;
use vte::prelude::*;

/// Longest address that is opened, in bytes.
const MAX: usize = 2000;
/// What may be opened: addresses that a browser or a mail program takes.
const SCHEMES: &[&str] = &["https://", "http://", "mailto:"];
/// What a mail's address may say beside whom it goes to.
const MAIL: &[&str] = &["to", "cc", "bcc", "subject", "body", "in-reply-to"];
/// Addresses in plain text.
const PATTERN: &str = r"https?://[[:alnum:]\-._~:/?#\[\]@!$&'()*+,;=%]+[[:alnum:]/]";
/// PCRE2_MULTILINE, which VTE asks for, and PCRE2_UTF with its check left out.
const FLAGS: u32 = 0x0000_0400 | 0x0008_0000 | 0x4000_0000;

/// Ctrl and a click ask whether a link is to be opened.
pub fn connect(terminal: &vte::Terminal) {
    if let Ok(regex) = vte::Regex::for_match(PATTERN, FLAGS) {
        let tag = terminal.match_add_regex(&regex, 0);
        terminal.match_set_cursor_name(tag, "pointer");
    }
    let click = gtk::GestureClick::builder().button(1).build();
    click.set_propagation_phase(gtk::PropagationPhase::Capture);
    click.connect_pressed(|click, _, x, y| {
        if !click.current_event_state().contains(gdk::ModifierType::CONTROL_MASK) {
            return;
        }
        let Some(terminal) = click.widget().and_downcast::<vte::Terminal>() else { return };
        if let Some(link) = at(&terminal, x, y) {
            click.set_state(gtk::EventSequenceState::Claimed);
            ask(&terminal, &link);
        }
    });
    terminal.add_controller(click);
}

/// The link that is there, if it is one that may be opened.
fn at(terminal: &vte::Terminal, x: f64, y: f64) -> Option<String> {
    let link = terminal.check_hyperlink_at(x, y).or_else(|| terminal.check_match_at(x, y).0);
    link.map(String::from).filter(|link| may_open(link))
}

/// All that are seen, each once, from the top.
pub fn seen(terminal: &vte::Terminal) -> Vec<String> {
    let (width, height) = (terminal.char_width() as f64, terminal.char_height() as f64);
    let cells =
        (0..terminal.row_count()).flat_map(|row| (0..terminal.column_count()).map(move |at| (at, row)));
    let middle = |cell: i64, size: f64| (cell as f64 + 0.5) * size;
    let mut found: Vec<String> = Vec::new();
    for link in cells.filter_map(|(column, row)| at(terminal, middle(column, width), middle(row, height))) {
        if !found.contains(&link) {
            found.push(link);
        }
    }
    found
}

/// Whether an address is one that may be opened at all.
#[must_use]
pub fn may_open(link: &str) -> bool {
    link.len() <= MAX
        && SCHEMES.iter().any(|scheme| link.starts_with(scheme))
        && !link.contains(char::is_control)
        && link.strip_prefix("mailto:").is_none_or(is_harmless_mail)
}

/// Whether a mail that is begun holds nothing but words: some mail programs
/// attach a file of this computer that such an address names.
fn is_harmless_mail(address: &str) -> bool {
    let (_, fields) = address.split_once('?').unwrap_or_default();
    let is_known = |field: &str| {
        let name = field.split('=').next().unwrap_or_default();
        MAIL.iter().any(|known| name.eq_ignore_ascii_case(known))
    };
    fields.is_empty() || fields.split(['&', ';', '?']).all(is_known)
}

/// Asks whether it is to be opened.
pub fn ask(terminal: &vte::Terminal, link: &str) {
    let parent = terminal.root().and_downcast::<gtk::Window>();
    let shown = format!("\u{2068}{}\u{2069}", message::shown(link));
    let dialog =
        adw::MessageDialog::new(parent.as_ref(), Some(&gettext("Open the Link Outside?")), Some(&shown));
    dialog.add_response("cancel", &gettext("_Cancel"));
    dialog.add_response("copy", &gettext("Co_py"));
    dialog.add_response("open", &gettext("_Open"));
    dialog.set_close_response("cancel");
    dialog.set_default_response(Some("cancel"));
    let link = link.to_owned();
    dialog.connect_response(None, move |dialog, answer| match answer {
        "copy" => dialog.clipboard().set_text(&link),
        "open" => gtk::show_uri(dialog.transient_for().as_ref(), &link, gdk::CURRENT_TIME),
        _ => {}
    });
    dialog.present();
}

#[cfg(test)]
mod tests {
    use super::may_open;

    #[test]
    fn only_addresses_for_a_browser_are_opened() {
        assert!(may_open("https://example.org/a?b") && may_open("mailto:a@example.org"));
        for bad in ["file:///etc/passwd", "javascript:alert(1)", "vnc://x", "https://a\n", "smb://x"] {
            assert!(!may_open(bad), "{bad}");
        }
        assert!(!may_open(&format!("https://{}", "a".repeat(3000))));
        assert!(may_open("mailto:a@example.org?Subject=a%20b&body=x") && may_open("mailto:"));
        for field in ["attach=/etc/passwd", "subject=x&Attach=/home/me/.ssh/id", "%61ttach=x", "x-y=z"] {
            assert!(!may_open(&format!("mailto:a@example.org?{field}")), "{field}");
        }
    }
}
