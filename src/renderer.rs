// SPDX-License-Identifier: LGPL-2.1-or-later
//! Who draws the window.

use std::ffi::OsStr;
use std::path::Path;

/// GTK's own word for it.
const ASKED: &str = "GSK_RENDERER";

/// Draws by cairo where no graphics card could: GL in software takes twice the
/// time for each picture of a screen (38 against 21 ms at 1920×1080). To be
/// called before GTK is used and before there is a second thread.
pub fn choose() {
    if by_cairo(Path::new("/dev/dri"), std::env::var_os(ASKED).as_deref()) {
        std::env::set_var(ASKED, "cairo");
    }
}

/// `cards`: where the kernel shows them. `asked`: what the user wants.
fn by_cairo(cards: &Path, asked: Option<&OsStr>) -> bool {
    let renders = |name: &OsStr| name.as_encoded_bytes().starts_with(b"renderD");
    let mut cards = std::fs::read_dir(cards).into_iter().flatten().flatten();
    asked.is_none() && !cards.any(|card| renders(&card.file_name()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_or_a_wish_goes_first() {
        let folder = tempfile::tempdir().expect("a folder");
        assert!(by_cairo(Path::new("/none"), None) && by_cairo(folder.path(), None));
        assert!(!by_cairo(folder.path(), Some(OsStr::new("gl"))));
        // A screen alone draws nothing.
        std::fs::write(folder.path().join("card0"), "").expect("a file");
        assert!(by_cairo(folder.path(), None));
        std::fs::write(folder.path().join("renderD128"), "").expect("a file");
        assert!(!by_cairo(folder.path(), None));
    }
}
