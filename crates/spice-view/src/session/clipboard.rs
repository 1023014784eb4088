// SPDX-License-Identifier: LGPL-2.1-or-later
//! The clipboard's messages of the agent. What they mean is decided elsewhere;
//! here they are bounded. Only the clipboard is shared, not what is merely
//! selected.

use std::rc::Rc;

use gtk::glib;
use spice_client_glib as spice;
use spice_client_glib::prelude::*;

use super::attempt::Attempt;
use crate::types::{Event, Format, FromGuest, ToGuest, HTML_NUMBER};

/// SPICE's number of the clipboard among the selections.
const CLIPBOARD: u32 = 0;
/// More is not taken of an agent, whatever a view would take.
const MAX_BYTES: usize = 128 << 20;
/// An agent that offers more formats than this does not mean it.
const MAX_FORMATS: usize = 32;
/// The agent's ability that says that its lines end as on Windows.
const ENDS_WITH_CRLF: u32 = 9;

fn number(format: Format) -> u32 {
    match format {
        Format::Text => 1,
        Format::Png => 2,
        Format::Bmp => 3,
        Format::Tiff => 4,
        Format::Jpeg => 5,
        Format::Html => HTML_NUMBER,
    }
}

fn format_of(number_: u32) -> Option<Format> {
    [Format::Text, Format::Html, Format::Png, Format::Bmp, Format::Tiff, Format::Jpeg]
        .into_iter()
        .find(|format| number(*format) == number_)
}

impl Attempt {
    pub(super) fn adopt_clipboard(self: &Rc<Self>, main: &spice::MainChannel) {
        main.set_max_clipboard(i32::try_from(MAX_BYTES).unwrap_or(i32::MAX));
        // The bindings copy data and formats before anybody can look at their
        // length, which is the agent's and can be anything: these two signals
        // are taken raw.
        let weak = Rc::downgrade(self);
        main.connect_local("main-clipboard-selection", false, move |values| {
            if let (Some(attempt), Some(event)) = (weak.upgrade(), data_of(values)) {
                attempt.hear_guest(event);
            }
            None
        });
        let weak = Rc::downgrade(self);
        main.connect_local("main-clipboard-selection-grab", false, move |values| {
            let grab = weak.upgrade().zip(formats_of(values));
            let taken = grab.is_some();
            if let Some((attempt, formats)) = grab {
                attempt.hear_guest(FromGuest::Grab(formats));
            }
            Some(taken.to_value())
        });
        self.adopt_requests(main);
    }

    fn adopt_requests(self: &Rc<Self>, main: &spice::MainChannel) {
        let weak = Rc::downgrade(self);
        main.connect_main_clipboard_selection_request(move |_, selection, kind| {
            let (Some(attempt), CLIPBOARD, Some(format)) = (weak.upgrade(), selection, format_of(kind))
            else {
                return false;
            };
            attempt.hear_guest(FromGuest::Request(format));
            true
        });
        let weak = Rc::downgrade(self);
        main.connect_main_clipboard_selection_release(move |_, selection| {
            if let (Some(attempt), CLIPBOARD) = (weak.upgrade(), selection) {
                attempt.hear_guest(FromGuest::Release);
            }
        });
    }

    fn hear_guest(&self, mut message: FromGuest) {
        if let FromGuest::Data(Format::Text, text) = &mut message {
            if self.has_windows_lines() {
                text.retain(|byte| *byte != b'\r');
            }
        }
        self.tell(&Event::Clipboard(message));
    }

    fn has_windows_lines(&self) -> bool {
        self.main.borrow().as_ref().is_some_and(|main| main.agent_test_capability(ENDS_WITH_CRLF))
    }

    /// Tells the agent, if there is one.
    pub(super) fn to_guest(&self, message: &ToGuest) {
        let main = self.main.borrow().clone();
        let Some(main) = main.filter(spice::MainChannel::is_agent_connected) else { return };
        match message {
            ToGuest::Grab(formats) => {
                let numbers: Vec<u32> = formats.iter().map(|format| number(*format)).collect();
                main.clipboard_selection_grab(CLIPBOARD, &numbers);
            }
            ToGuest::Data(Format::Text, text) if self.has_windows_lines() => {
                let text = with_windows_lines(text);
                main.clipboard_selection_notify(CLIPBOARD, number(Format::Text), &text);
            }
            ToGuest::Data(format, content) => {
                main.clipboard_selection_notify(CLIPBOARD, number(*format), content);
            }
            ToGuest::Request(format) => main.clipboard_selection_request(CLIPBOARD, number(*format)),
            ToGuest::Release => main.clipboard_selection_release(CLIPBOARD),
        }
    }
}

fn with_windows_lines(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    for byte in text.iter().filter(|byte| **byte != b'\r') {
        if *byte == b'\n' {
            out.push(b'\r');
        }
        out.push(*byte);
    }
    out
}

/// The arguments: channel, selection, format, data, its length.
fn data_of(values: &[glib::Value]) -> Option<FromGuest> {
    let number = |at: usize| values.get(at)?.get::<u32>().ok();
    let length = usize::try_from(number(4)?).ok()?;
    if number(1)? != CLIPBOARD || length > MAX_BYTES {
        return None;
    }
    let format = format_of(number(2)?)?;
    let data = values.get(3)?.get::<glib::Pointer>().ok()?.cast::<u8>().cast_const();
    if length == 0 || data.is_null() {
        return Some(FromGuest::Data(format, Vec::new()));
    }
    // SAFETY: spice-glib holds that many bytes there while the signal runs.
    // Where an agent's message is too short its length wraps around to four
    // gigabytes less a few bytes, which was refused above.
    Some(FromGuest::Data(format, unsafe { std::slice::from_raw_parts(data, length) }.to_vec()))
}

/// The arguments: channel, selection, formats, their count.
fn formats_of(values: &[glib::Value]) -> Option<Vec<Format>> {
    let number = |at: usize| values.get(at)?.get::<u32>().ok();
    let count = usize::try_from(number(3)?).ok()?;
    if number(1)? != CLIPBOARD || count > MAX_FORMATS {
        return None;
    }
    let data = values.get(2)?.get::<glib::Pointer>().ok()?.cast::<u32>().cast_const();
    if count == 0 || data.is_null() {
        return Some(Vec::new());
    }
    // SAFETY: spice-glib holds that many numbers there while the signal runs;
    // a count that wrapped around was refused above. They need not be aligned.
    let read = |at: usize| unsafe { data.add(at).read_unaligned() };
    Some((0..count).map(read).filter_map(|kind| format_of(u32::from_le(kind))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_as_the_guest_wants() {
        assert_eq!(with_windows_lines(b"a\nb\r\nc"), b"a\r\nb\r\nc");
    }

    #[test]
    fn numbers_that_are_no_formats_are_left_out() {
        let kinds: Vec<u32> = vec![1, 6, 0, 2, u32::MAX, HTML_NUMBER];
        let pointer: glib::Pointer = kinds.as_ptr().cast_mut().cast();
        let count =
            |count: u32| [0_u32.to_value(), CLIPBOARD.to_value(), pointer.to_value(), count.to_value()];
        assert_eq!(formats_of(&count(6)), Some(vec![Format::Text, Format::Png, Format::Html]));
        assert_eq!(formats_of(&count(0)), Some(vec![]));
        assert_eq!(formats_of(&count(0x3fff_ffff)), None, "a message that is too short");
    }

    #[test]
    fn data_whose_length_wrapped_around_is_refused() {
        let text = b"text".to_vec();
        let pointer: glib::Pointer = text.as_ptr().cast_mut().cast();
        let data = |selection: u32, kind: u32, length: u32| {
            let head = [0_u32.to_value(), selection.to_value(), kind.to_value()];
            data_of(&[head.as_slice(), &[pointer.to_value(), length.to_value()]].concat())
        };
        assert_eq!(data(0, 1, 4), Some(FromGuest::Data(Format::Text, text.clone())));
        assert_eq!(data(0, 1, 0), Some(FromGuest::Data(Format::Text, vec![])));
        assert_eq!(data(0, 1, u32::MAX - 3), None);
        assert_eq!(data(1, 1, 4), None);
        assert_eq!(data(0, 9, 4), None);
    }
}
