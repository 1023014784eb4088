// SPDX-License-Identifier: LGPL-2.1-or-later
//! Who draws the window.

use std::ffi::{OsStr, OsString};
use std::path::Path;

/// GTK's own word for it.
const ASKED: &str = "GSK_RENDERER";
const CAIRO: &str = "cairo";
/// The first GTK 4 that has a variable of its own for what is switched off.
const DISABLES: u32 = 16;

/// Draws by cairo where no graphics card could: GL in software takes twice the
/// time for each picture of a screen (38 against 21 ms at 1920×1080). GTK
/// would load it all the same, which is 60 MB and a third of a start, so it is
/// switched off then. To be called before GTK is used and before there is a
/// second thread.
pub fn choose() {
    let asked = std::env::var_os(ASKED);
    let has_card = has_card(Path::new("/dev/dri"));
    if by_cairo(has_card, asked.as_deref()) {
        std::env::set_var(ASKED, CAIRO);
        let (key, word) = if gtk::minor_version() >= DISABLES {
            ("GDK_DISABLE", "gl")
        } else {
            ("GDK_DEBUG", "gl-disable")
        };
        std::env::set_var(key, with(std::env::var_os(key), word));
    }
}

/// `asked`: what the user wants. Who asks for cairo where there is a card may
/// still want GL for something else.
fn by_cairo(has_card: bool, asked: Option<&OsStr>) -> bool {
    !has_card && asked.is_none_or(|asked| asked == CAIRO)
}

/// `cards`: where the kernel shows them. A screen alone draws nothing.
fn has_card(cards: &Path) -> bool {
    let renders = |name: &OsStr| name.as_encoded_bytes().starts_with(b"renderD");
    std::fs::read_dir(cards).into_iter().flatten().flatten().any(|card| renders(&card.file_name()))
}

/// A list of words with one more.
fn with(list: Option<OsString>, word: &str) -> OsString {
    let mut list = list.unwrap_or_default();
    if !list.is_empty() {
        list.push(",");
    }
    list.push(word);
    list
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_or_a_wish_goes_first() {
        assert!(by_cairo(false, None) && by_cairo(false, Some(OsStr::new("cairo"))));
        assert!(!by_cairo(false, Some(OsStr::new("gl"))));
        assert!(!by_cairo(true, None) && !by_cairo(true, Some(OsStr::new("cairo"))));
    }

    #[test]
    fn a_screen_alone_is_no_card() {
        let folder = tempfile::tempdir().expect("a folder");
        assert!(!has_card(Path::new("/none")) && !has_card(folder.path()));
        std::fs::write(folder.path().join("card0"), "").expect("a file");
        assert!(!has_card(folder.path()));
        std::fs::write(folder.path().join("renderD128"), "").expect("a file");
        assert!(has_card(folder.path()));
    }

    #[test]
    fn what_else_is_switched_stays_so() {
        assert_eq!(with(None, "gl-disable"), "gl-disable");
        assert_eq!(with(Some("events".into()), "gl-disable"), "events,gl-disable");
    }
}
