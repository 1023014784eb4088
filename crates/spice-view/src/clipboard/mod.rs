// SPDX-License-Identifier: LGPL-2.1-or-later
//! Who may paste what where. Pure: the machine is told what happens and says
//! what is to be done; nothing leaves or enters but by one of its actions,
//! whatever the guest's agent says.

mod content;
mod contents;
mod machine;
#[cfg(test)]
mod tests;

pub use content::accept;
pub use contents::Contents;
pub use machine::{Action, Input, Machine};

use crate::types::Format;

/// In which directions the clipboard is shared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, glib::Enum)]
#[enum_type(name = "SpiceViewClipboardPolicy")]
pub enum ClipboardPolicy {
    /// In neither.
    #[default]
    Off,
    /// From here to the guest.
    In,
    /// From the guest to here.
    Out,
    /// In both.
    Both,
    /// In neither until somebody allows one paste, in one format.
    Ask,
}

impl ClipboardPolicy {
    fn allows_in(self) -> bool {
        matches!(self, ClipboardPolicy::In | ClipboardPolicy::Both)
    }

    fn allows_out(self) -> bool {
        matches!(self, ClipboardPolicy::Out | ClipboardPolicy::Both)
    }
}

/// Which way something goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From here to the guest.
    In,
    /// From the guest to here.
    Out,
}

/// A question whether something may be pasted, once.
#[derive(Clone, Debug, PartialEq, Eq, glib::Boxed)]
#[boxed_type(name = "SpiceViewClipboardAsk")]
pub struct ClipboardAsk {
    /// The question's number.
    pub id: u64,
    /// Which way it would go.
    pub direction: Direction,
    /// What it is; [`Format::Html`] if it is text with its looks, of which the
    /// text alone may be pasted as well.
    pub format: Format,
    /// How large it is, in bytes, in all its formats.
    pub size: usize,
    /// How many characters it has, if it is text.
    pub characters: Option<usize>,
}

impl ClipboardAsk {
    /// About some content.
    pub(crate) fn about(id: u64, direction: Direction, format: Format, content: &[u8]) -> Self {
        let text = (format == Format::Text).then(|| String::from_utf8_lossy(content).chars().count());
        ClipboardAsk { id, direction, format, size: content.len(), characters: text }
    }

    /// About a content in all its formats.
    fn about_all(id: u64, direction: Direction, contents: &Contents) -> Option<Self> {
        let looks = contents.iter().find(|(format, _)| *format == Format::Html);
        let (format, content) = looks.or(contents.first())?;
        let size = contents.iter().map(|(_, content)| content.len()).sum();
        Some(ClipboardAsk { size, ..Self::about(id, direction, *format, content) })
    }
}
