// SPDX-License-Identifier: LGPL-2.1-or-later
//! What the two halves of spice-vdagent in a sandbox say to each other about
//! the clipboard: a header of four numbers (kind, selection, format, length)
//! and a content (vdagentd-proto.h). Either half may be the command's.

/// Offers the formats that are its content.
pub const GRAB: u32 = 2;
/// Asks for what was offered, in a format.
pub const REQUEST: u32 = 3;
/// The answer; empty if there is none.
pub const DATA: u32 = 4;
/// What was offered is gone.
pub const RELEASE: u32 = 5;
/// The version of the half that speaks to SPICE; what it says first.
pub const VERSION: u32 = 6;
/// Nobody looks at the screen any more.
pub const DISCONNECTED: u32 = 12;

/// The clipboard among the selections.
pub const CLIPBOARD: u32 = 0;
/// The number of HTML, as `spice-view` has it, among those of the formats.
pub const HTML: u32 = u32::from_be_bytes(*b"html");

/// Bytes of a header.
pub const HEADER: usize = 16;
/// Versions, as 0.X, in which all of this is so.
const KNOWN: std::ops::RangeInclusive<u32> = 20..=23;

/// What comes before a content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// What it is.
    pub kind: u32,
    /// Which of the selections it is about, where it is about one.
    pub selection: u32,
    /// Which format it is about, where it is about one.
    pub format: u32,
    /// Bytes of the content.
    pub length: u32,
}

impl Header {
    /// As it goes over the socket.
    #[must_use]
    pub fn encode(self) -> [u8; HEADER] {
        let mut out = [0; HEADER];
        let numbers = [self.kind, self.selection, self.format, self.length];
        for (place, number) in out.chunks_exact_mut(4).zip(numbers) {
            place.copy_from_slice(&number.to_ne_bytes());
        }
        out
    }

    fn decode(bytes: [u8; HEADER]) -> Self {
        let [kind, selection, format, length] = std::array::from_fn(|at| {
            let four = std::array::from_fn(|byte| bytes[4 * at + byte]);
            u32::from_ne_bytes(four)
        });
        Self { kind, selection, format, length }
    }
}

/// A message that was kept until it was whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// What it is about.
    pub header: Header,
    /// What it says.
    pub content: Vec<u8>,
}

impl Message {
    /// About the clipboard.
    #[must_use]
    pub fn about_clipboard(kind: u32, format: u32, content: Vec<u8>) -> Self {
        let length = content.len() as u32;
        Self { header: Header { kind, selection: CLIPBOARD, format, length }, content }
    }

    /// The formats that are offered.
    #[must_use]
    pub fn formats(&self) -> Vec<u32> {
        let four = |bytes: &[u8]| bytes.try_into().map(u32::from_ne_bytes).ok();
        self.content.chunks_exact(4).filter_map(four).collect()
    }

    /// The same offer with one more format.
    #[must_use]
    pub fn with(&self, format: u32) -> Self {
        let mut content = self.content.clone();
        content.truncate(content.len() / 4 * 4);
        content.extend(format.to_ne_bytes());
        Self::about_clipboard(GRAB, 0, content)
    }

    /// Whether this is a version in which all of this is so.
    #[must_use]
    pub fn is_known_version(&self) -> bool {
        let text = self.content.split(|&byte| byte == 0).next().unwrap_or_default();
        let mut numbers = text.split(|&byte| byte == b'.').map(|number| std::str::from_utf8(number).ok());
        let minor = |text: &str| text.parse().is_ok_and(|minor| KNOWN.contains(&minor));
        numbers.next().flatten() == Some("0") && numbers.next().flatten().is_some_and(minor)
    }
}

/// A piece of what comes over the socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// A message that was to be kept.
    Message(Message),
    /// The beginning of one that passes.
    Begin(Header),
    /// Some of its content.
    Part(Vec<u8>),
}

/// Finds messages in a stream. Only those that are to be kept are.
#[derive(Default)]
pub struct Decoder {
    pending: Vec<u8>,
    kept: Option<Header>,
    passes: usize,
}

impl Decoder {
    /// Takes what came.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.pending.extend_from_slice(bytes);
    }

    /// The next piece. `keep` says whether a message is to be kept, and must
    /// look at its length.
    pub fn piece(&mut self, keep: impl FnOnce(&Header) -> bool) -> Option<Piece> {
        if self.passes > 0 {
            let count = self.pending.len().min(self.passes);
            self.passes -= count;
            return Some(Piece::Part(self.split(count))).filter(|_| count > 0);
        }
        if self.kept.is_none() {
            let header = Header::decode(*self.pending.first_chunk()?);
            self.split(HEADER);
            if !keep(&header) {
                self.passes = header.length as usize;
                return Some(Piece::Begin(header));
            }
            self.kept = Some(header);
        }
        let header = self.kept.take_if(|header| self.pending.len() >= header.length as usize)?;
        Some(Piece::Message(Message { header, content: self.split(header.length as usize) }))
    }

    /// Bytes that wait for more.
    #[must_use]
    pub fn kept(&self) -> usize {
        self.pending.len()
    }

    fn split(&mut self, count: usize) -> Vec<u8> {
        let rest = self.pending.split_off(count);
        std::mem::replace(&mut self.pending, rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_offer_is_read_and_made_longer() {
        let offer = Message::about_clipboard(GRAB, 0, [1u32.to_ne_bytes(), 2u32.to_ne_bytes()].concat());
        assert_eq!(offer.formats(), [1, 2]);
        assert_eq!(offer.with(HTML).formats(), [1, 2, HTML]);
        assert_eq!(offer.with(HTML).header.length, 12);
        let odd = Message::about_clipboard(GRAB, 0, vec![1, 0, 0]);
        assert_eq!(odd.with(HTML).formats(), [HTML]);
    }

    #[test]
    fn only_versions_that_are_known_are() {
        let is = |text: &[u8]| Message::about_clipboard(VERSION, 0, text.to_vec()).is_known_version();
        assert!(is(b"0.22.1\0") && is(b"0.20\0rest") && is(b"0.23.0"));
        for other in [&b""[..], b"0", b"0.", b"0.17.0\0", b"0.24\0", b"1.22.0", b"0.\xff", b"\0", b".22"] {
            assert!(!is(other), "{other:?}");
        }
    }

    #[test]
    fn a_message_that_passes_is_not_kept() {
        let mut decoder = Decoder::default();
        let whole = |kind: u32, content: &[u8]| {
            let message = Message::about_clipboard(kind, 1, content.to_vec());
            [&message.header.encode()[..], content].concat()
        };
        decoder.feed(&[whole(DATA, b"large")[..18].to_vec()].concat());
        assert!(matches!(decoder.piece(|_| false), Some(Piece::Begin(header)) if header.length == 5));
        assert_eq!(decoder.piece(|_| false), Some(Piece::Part(b"la".to_vec())));
        assert_eq!((decoder.piece(|_| false), decoder.kept()), (None, 0));
        decoder.feed(&[b"rge".to_vec(), whole(RELEASE, b"")].concat());
        assert_eq!(decoder.piece(|_| true), Some(Piece::Part(b"rge".to_vec())));
        let release = Message::about_clipboard(RELEASE, 1, Vec::new());
        assert_eq!(decoder.piece(|_| true), Some(Piece::Message(release)));
        assert_eq!(decoder.piece(|_| true), None);
    }

    proptest! {
        /// The same entry as the fuzz target `agent`.
        #[test]
        fn any_messages_in_any_pieces_pass_unchanged(
            messages in proptest::collection::vec(
                (0u32..9, any::<bool>(), 0u32..90, proptest::collection::vec(any::<u8>(), 0..80)), 0..9
            ),
            size in 1usize..200
        ) {
            let encoded = messages.iter().flat_map(|(kind, lies, length, content)| {
                let length = if *lies { *length } else { content.len() as u32 };
                let header = Header { kind: *kind, selection: 0, format: 1, length };
                [&header.encode()[..], content].concat()
            });
            crate::fuzz::agent(&encoded.collect::<Vec<_>>(), size);
        }
    }
}
