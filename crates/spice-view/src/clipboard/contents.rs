// SPDX-License-Identifier: LGPL-2.1-or-later
//! What one permission is for: a content, in one format, or as text with its
//! looks and without them, of which the one who pastes takes what it can.

use crate::types::Format;

/// A content in each of its formats.
pub type Contents = Vec<(Format, Vec<u8>)>;

/// What is preferred when several formats are offered and one is asked about.
const PREFERRED: [Format; 6] =
    [Format::Text, Format::Png, Format::Jpeg, Format::Tiff, Format::Bmp, Format::Html];

/// A content that is fetched, one format after the other.
pub struct Gathering {
    /// What is fetched now, and then.
    wanted: Vec<Format>,
    got: Contents,
}

impl Gathering {
    /// Of what is offered that which is to be asked about; `None` if nothing is.
    pub fn of(offered: &[Format]) -> Option<Self> {
        let has = |format: &Format| offered.contains(format);
        let first = PREFERRED.into_iter().find(has)?;
        let looks = (first == Format::Text).then_some(Format::Html).filter(has);
        Some(Gathering { wanted: [first].into_iter().chain(looks).collect(), got: Vec::new() })
    }

    /// What is to be fetched now.
    pub fn next(&self) -> Option<Format> {
        self.wanted.first().copied()
    }

    /// Takes what was fetched: all of it together has no more than `limit` bytes.
    pub fn take(&mut self, format: Format, content: Option<Vec<u8>>, limit: usize) {
        self.wanted.retain(|wanted| *wanted != format);
        let size: usize = self.got.iter().map(|(_, content)| content.len()).sum();
        let content = content.filter(|content| size.saturating_add(content.len()) <= limit);
        self.got.extend(content.map(|content| (format, content)));
    }

    /// What was fetched; `None` if nothing was.
    pub fn finish(self) -> Option<Contents> {
        Some(self.got).filter(|got| !got.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_comes_with_its_looks_and_a_picture_alone() {
        use Format::{Html, Jpeg, Png, Text};
        let wanted = |offered: &[Format]| Gathering::of(offered).map(|gathering| gathering.wanted);
        assert_eq!(wanted(&[Png, Html, Text]), Some(vec![Text, Html]));
        assert_eq!(wanted(&[Png, Text]), Some(vec![Text]));
        assert_eq!(wanted(&[Html, Jpeg]), Some(vec![Jpeg]), "a browser's picture");
        assert_eq!(wanted(&[Html]), Some(vec![Html]));
        assert_eq!(wanted(&[]), None);
    }

    #[test]
    fn what_is_too_large_together_is_the_text_alone() {
        let mut gathering = Gathering::of(&[Format::Text, Format::Html]).unwrap();
        gathering.take(Format::Text, Some(b"text".to_vec()), 10);
        assert_eq!(gathering.next(), Some(Format::Html));
        gathering.take(Format::Html, Some(b"<b>text".to_vec()), 10);
        assert_eq!(gathering.next(), None);
        assert_eq!(gathering.finish(), Some(vec![(Format::Text, b"text".to_vec())]));
        let mut gathering = Gathering::of(&[Format::Text]).unwrap();
        gathering.take(Format::Text, None, 10);
        assert_eq!(gathering.finish(), None);
    }
}
