// SPDX-License-Identifier: LGPL-2.1-or-later
//! The header of a qcow2 image (QEMU: docs/interop/qcow2.txt), as far as it
//! says what else QEMU would open.

use crate::plan::ProblemKind;
use std::path::Path;

const MAGIC: &[u8] = b"QFI\xfb";
/// The bit of a third version's features that says that its data is elsewhere.
const DATA_ELSEWHERE: u64 = 1 << 2;

/// Whether these are the first bytes of one.
pub fn is_here(head: &[u8]) -> bool {
    head.starts_with(MAGIC)
}

/// Fails unless it is one that holds everything.
///
/// # Errors
/// It is broken, empty, encrypted, or needs other files.
pub fn check(head: &[u8], path: &Path) -> Result<(), ProblemKind> {
    let path = || path.to_owned();
    let broken = || ProblemKind::ImageFormat { path: path(), format: crate::profile::ImageFormat::Qcow2 };
    let long = |at: usize| Some(u64::from_be_bytes(head.get(at..at + 8)?.try_into().ok()?));
    let word = |at: usize| Some(u32::from_be_bytes(head.get(at..at + 4)?.try_into().ok()?));
    let version = word(4).ok_or_else(broken)?;
    let features = match version {
        2 => 0,
        3 => long(72).ok_or_else(broken)?,
        _ => return Err(broken()),
    };
    let has_backing_file = long(8).ok_or_else(broken)? != 0;
    let is_encrypted = word(32).ok_or_else(broken)? != 0;
    if has_backing_file || is_encrypted || features & DATA_ELSEWHERE != 0 {
        return Err(ProblemKind::ImageIncomplete { path: path() });
    }
    if long(24) == Some(0) {
        return Err(ProblemKind::ImageEmpty { path: path() });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn header(version: u32) -> Vec<u8> {
        let mut head = vec![0; 104];
        head[..4].copy_from_slice(MAGIC);
        head[4..8].copy_from_slice(&version.to_be_bytes());
        head[24..32].copy_from_slice(&(1u64 << 20).to_be_bytes());
        head
    }

    #[test]
    fn what_names_other_files_is_refused() {
        let path = || "/x".into();
        let with = |version: u32, at: usize, value: u8| {
            let mut head = header(version);
            head[at] = value;
            check(&head, Path::new("/x"))
        };
        assert_eq!((with(2, 15, 0), with(3, 15, 0)), (Ok(()), Ok(())));
        for (version, at, value) in [(2, 15, 1), (3, 8, 1), (2, 35, 1), (3, 35, 2), (3, 79, 4)] {
            let incomplete = ProblemKind::ImageIncomplete { path: path() };
            assert_eq!(with(version, at, value), Err(incomplete), "{version} {at}");
        }
        assert_eq!(with(2, 79, 4), Ok(()));
        assert_eq!(with(3, 29, 0), Err(ProblemKind::ImageEmpty { path: path() }));
        for version in [0, 1, 4] {
            assert!(matches!(with(version, 15, 0), Err(ProblemKind::ImageFormat { .. })));
        }
    }

    proptest! {
        #[test]
        fn any_bytes_do_no_harm(bytes in prop::collection::vec(any::<u8>(), 0..120)) {
            let _ = check(&bytes, Path::new("/x"));
            let whole = [MAGIC, &bytes].concat();
            let _ = check(&whole, Path::new("/x"));
        }
    }
}
