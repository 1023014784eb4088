// SPDX-License-Identifier: LGPL-2.1-or-later
//! What a program in a terminal asks to be put on the clipboard (OSC 52). VTE
//! passes over it; here it is found in what the sandbox writes, and the
//! profile decides. Asking what the clipboard holds is never answered.

use gtk::glib;

/// Longest sequence that is looked at, in bytes; longer ones are passed over.
const MAX: usize = 128 * 1024;
/// What such a sequence begins with, after `ESC ]`.
const PREFIX: &[u8] = b"52;";

#[derive(Default, PartialEq, Eq)]
enum State {
    #[default]
    Text,
    Escape,
    /// Inside a sequence; what it holds is in `held` while it may be one of these.
    Inside,
    /// Inside another one, or one that is too long.
    Other,
    /// An escape inside: the end comes, or something else begins.
    Ending,
}

/// Looks through a terminal's output, in whatever pieces it comes.
#[derive(Default)]
pub struct Scanner {
    state: State,
    held: Vec<u8>,
}

impl Scanner {
    /// The texts whose sequences end in these bytes.
    pub fn look(&mut self, bytes: &[u8]) -> Vec<String> {
        if self.state == State::Text && !bytes.contains(&0x1b) {
            return Vec::new();
        }
        bytes.iter().filter_map(|byte| self.step(*byte)).collect()
    }

    fn step(&mut self, byte: u8) -> Option<String> {
        let inside = matches!(self.state, State::Inside | State::Other);
        match byte {
            // Cancelled.
            0x18 | 0x1a => self.begin(State::Text),
            0x07 if inside => return self.end(),
            b'\\' if self.state == State::Ending => return self.end(),
            0x1b if inside => self.state = State::Ending,
            0x1b => self.begin(State::Escape),
            b']' if matches!(self.state, State::Escape | State::Ending) => self.begin(State::Inside),
            _ if matches!(self.state, State::Escape | State::Ending) => self.begin(State::Text),
            _ if self.state == State::Inside => self.hold(byte),
            _ => {}
        }
        None
    }

    fn begin(&mut self, state: State) {
        self.state = state;
        self.held.clear();
    }

    fn hold(&mut self, byte: u8) {
        let at = self.held.len();
        if at >= MAX || PREFIX.get(at).is_some_and(|wanted| *wanted != byte) {
            return self.begin(State::Other);
        }
        self.held.push(byte);
    }

    fn end(&mut self) -> Option<String> {
        let held = std::mem::take(&mut self.held);
        self.state = State::Text;
        text(held.strip_prefix(PREFIX)?)
    }
}

/// `c;` and what base64 makes of a text; of a text nothing but lines and tabs.
fn text(rest: &[u8]) -> Option<String> {
    let at = rest.iter().position(|byte| *byte == b';')?;
    let (which, data) = (&rest[..at], std::str::from_utf8(&rest[at + 1..]).ok()?);
    let is_it = which.is_empty() || which.contains(&b'c');
    let base64 = |c: char| c.is_ascii_alphanumeric() || "+/=".contains(c);
    if !is_it || data.is_empty() || !data.chars().all(base64) {
        return None;
    }
    let text = String::from_utf8(glib::base64_decode(data)).ok()?;
    let text: String = text.chars().filter(|c| !c.is_control() || "\n\t".contains(*c)).collect();
    Some(text).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(output: &[u8], piece: usize) -> Vec<String> {
        let mut scanner = Scanner::default();
        output.chunks(piece.max(1)).flat_map(|bytes| scanner.look(bytes)).collect()
    }

    #[test]
    fn texts_are_found_in_whatever_pieces_they_come() {
        let output = b"one\x1b]52;c;aGVsbG8=\x07two\x1b[1m\x1b]0;title\x07\x1b]52;;d29ybGQ=\x1b\\ \x1b]52;p;cHJpbWFyeQ==\x07";
        for piece in [1, 2, 7, 1000] {
            assert_eq!(found(output, piece), ["hello", "world"], "in pieces of {piece}");
        }
    }

    #[test]
    fn questions_and_nonsense_are_passed_over() {
        for bad in [
            &b"\x1b]52;c;?\x07"[..],
            b"\x1b]52;c;%%%\x07",
            b"\x1b]52;c;aGVs\x18bG8=\x07",
            b"\x1b]52;c;aGVs\x1b[mbG8=\x07",
            b"\x1b]520;c;aGVsbG8=\x07",
            b"\x1b]52;c;/w==\x07",
            b"\x1b]52;c;\x07",
            b"52;c;aGVsbG8=\x07",
        ] {
            assert!(found(bad, 3).is_empty(), "{}", bad.escape_ascii());
        }
        let long = [b"\x1b]52;c;", "QUJD".repeat(MAX / 4).as_bytes(), b"\x07\x1b]52;c;aGVsbG8=\x07"].concat();
        assert_eq!(found(&long, 4096), ["hello"], "what is too long is passed over, what follows is not");
        assert_eq!(found(b"\x1b]52;c;GwFhCWIKYw==\x07", 5), ["a\tb\nc"], "nothing but a text");
    }
}
