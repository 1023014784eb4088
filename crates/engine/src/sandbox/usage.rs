// SPDX-License-Identifier: LGPL-2.1-or-later
//! What a sandbox uses, and has moved since it was started.

use super::real::Real;
use super::{list, Id, Moved, Usage};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// The kernel counts a disk's bytes in these.
const SECTOR: u64 = 512;
/// In a sandbox's directory: what its disk counted before.
const BEGIN: &str = "disk";

/// See [`super::Driver::usage`].
pub fn of(real: &Real, id: &Id) -> Option<Usage> {
    let domain = real.domain(id).ok().flatten()?;
    let (processor, memory) = domain.load()?;
    let disk = if id.connection.is_lxc() {
        let metadata = list::read_metadata(&domain)?;
        let image = metadata.layer.map(|layer| real.places.layers(real.caller).join(layer).join("image"));
        image.and_then(|image| since_begin(&metadata.directory, on_loop(&image)?))
    } else {
        domain.disks()
    };
    Some(Usage { processor, memory, disk, network: domain.interfaces() })
}

/// Notes down what went through a container's disk before it was there: the
/// kernel goes on counting with whoever gets a loop device next.
pub fn begin(directory: &Path, image: &Path) {
    if let Some(Moved { inwards, outwards }) = on_loop(image) {
        // Without it nothing is told.
        let _ = fs::write(directory.join(BEGIN), format!("{inwards} {outwards}"));
    }
}

fn since_begin(directory: &Path, now: Moved) -> Option<Moved> {
    let text = fs::read_to_string(directory.join(BEGIN)).ok()?;
    let (inwards, outwards) = text.split_once(' ')?;
    let since = |now: u64, then: &str| Some(now.saturating_sub(then.parse().ok()?));
    Some(Moved { inwards: since(now.inwards, inwards)?, outwards: since(now.outwards, outwards)? })
}

/// What went through the loop device of an image, which may have no name any
/// more. A container's control group counts nothing of that: the kernel writes
/// for a loop device.
fn on_loop(image: &Path) -> Option<Moved> {
    // The kernel says where it lies, whatever links lead there.
    let folder = image.parent()?.parent()?;
    let folder = fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned());
    let image = folder.join(image.parent()?.file_name()?).join(image.file_name()?);
    let mut devices = fs::read_dir("/sys/block").ok()?.flatten().map(|entry| entry.path());
    let device = devices.find(|device| {
        let file = fs::read(device.join("loop/backing_file")).unwrap_or_default();
        is_of(&file, image.as_os_str().as_bytes())
    })?;
    counted(&fs::read_to_string(device.join("stat")).ok()?)
}

fn is_of(backing_file: &[u8], image: &[u8]) -> bool {
    let path = backing_file.strip_suffix(b"\n").unwrap_or(backing_file);
    path.strip_suffix(b" (deleted)").unwrap_or(path) == image
}

/// A disk's `stat`: the third number is what was read, the seventh what was
/// written.
fn counted(stat: &str) -> Option<Moved> {
    let number = |at: usize| stat.split_whitespace().nth(at)?.parse::<u64>().ok();
    let bytes = |at: usize| Some(number(at)?.saturating_mul(SECTOR));
    Some(Moved { inwards: bytes(2)?, outwards: bytes(6)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_is_counted_in_bytes() {
        let stat =
            "   13709     2029   444098     7657     5245    17048  5590168     9297        0    11276\n";
        let moved = counted(stat).expect("numbers");
        assert_eq!((moved.inwards, moved.outwards), (444_098 * 512, 5_590_168 * 512));
        assert_eq!(counted("1 2 3"), None);
    }

    #[test]
    fn what_was_counted_before_is_nobodys() {
        let folder = tempfile::tempdir().expect("a folder");
        let now = Moved { inwards: 100, outwards: 7 };
        assert_eq!(since_begin(folder.path(), now), None);
        fs::write(folder.path().join(BEGIN), "40 7").expect("written");
        assert_eq!(since_begin(folder.path(), now), Some(Moved { inwards: 60, outwards: 0 }));
        fs::write(folder.path().join(BEGIN), "x 7").expect("written");
        assert_eq!(since_begin(folder.path(), now), None);
    }

    #[test]
    fn an_image_is_found_with_and_without_its_name() {
        assert!(is_of(b"/d/image\n", b"/d/image") && is_of(b"/d/image (deleted)\n", b"/d/image"));
        assert!(!is_of(b"/d/image2\n", b"/d/image") && !is_of(b"", b"/d/image"));
    }
}
