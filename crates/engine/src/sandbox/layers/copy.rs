// SPDX-License-Identifier: LGPL-2.1-or-later
//! A copy of an image, as small as the image is: its blocks are shared where
//! the file system can do that, else only what was written is copied.

use rustix::fs::{fstatvfs, ioctl_ficlone, seek, SeekFrom};
use rustix::io::Errno;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

/// Unit of `st_blocks`, in bytes.
const BLOCK: u64 = 512;

/// Copies an image that nobody writes.
///
/// # Errors
/// There is something at `to`, or no room for it.
pub fn sparse(from: &Path, to: &Path) -> io::Result<()> {
    let from = File::open(from)?;
    let to = OpenOptions::new().write(true).create_new(true).mode(0o600).open(to)?;
    if ioctl_ficlone(&to, &from).is_ok() {
        return Ok(());
    }
    let about = from.metadata()?;
    let room = fstatvfs(&to)?;
    // Sooner known than when the disk is full.
    if room.f_bavail.saturating_mul(room.f_frsize) < about.blocks().saturating_mul(BLOCK) {
        return Err(Errno::NOSPC.into());
    }
    pieces(&from, &to)?;
    to.set_len(about.len())
}

fn pieces(mut from: &File, mut to: &File) -> io::Result<()> {
    let mut at = 0;
    loop {
        at = match seek(from, SeekFrom::Data(at)) {
            Err(Errno::NXIO) => return Ok(()),
            other => other?,
        };
        let end = seek(from, SeekFrom::Hole(at))?;
        from.seek(io::SeekFrom::Start(at))?;
        to.seek(io::SeekFrom::Start(at))?;
        // The kernel copies, where it can.
        let length = end.saturating_sub(at);
        if io::copy(&mut from.take(length), &mut to)? < length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        at = end;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::FileExt;
    use std::time::Instant;

    #[test]
    fn holes_stay_holes_and_all_else_is_the_same() {
        let top = tempfile::tempdir().unwrap();
        let (from, to) = (top.path().join("from"), top.path().join("to"));
        let image = File::create(&from).unwrap();
        image.set_len(20 << 30).unwrap();
        let places = [0u64, 4096, 9 << 20, (11 << 30) + 77, (20 << 30) - 5];
        for (number, at) in places.iter().enumerate() {
            image.write_all_at(&[number as u8 + 1; 5], *at).unwrap();
        }
        sparse(&from, &to).unwrap();
        let copy = File::open(&to).unwrap();
        let (old, new) = (image.metadata().unwrap(), copy.metadata().unwrap());
        assert_eq!((new.len(), new.mode() & 0o777), (old.len(), 0o600));
        assert!(new.blocks() <= old.blocks() + 64, "{} {}", new.blocks(), old.blocks());
        for (number, at) in places.iter().enumerate() {
            let mut found = [0; 5];
            copy.read_exact_at(&mut found, *at).unwrap();
            assert_eq!(found, [number as u8 + 1; 5], "{at}");
        }
        let mut between = [1; 3];
        copy.read_exact_at(&mut between, 5 << 30).unwrap();
        assert_eq!(between, [0; 3]);
        assert!(sparse(&from, &to).is_err(), "nothing is written over");
        assert!(sparse(&top.path().join("missing"), &top.path().join("other")).is_err());
    }

    #[test]
    #[ignore = "writes 2 GiB; tells how long that takes"]
    fn how_long_a_gibibyte_takes() {
        let top = tempfile::tempdir_in(".").unwrap();
        let image = File::create(top.path().join("from")).unwrap();
        image.set_len(10 << 30).unwrap();
        for at in 0..1024u64 {
            image.write_all_at(&vec![at as u8; 1 << 20], at * (5 << 20)).unwrap();
        }
        for name in ["first", "second"] {
            let begun = Instant::now();
            sparse(&top.path().join("from"), &top.path().join(name)).unwrap();
            println!("1 GiB of 10 GiB was copied in {:?}", begun.elapsed());
            std::fs::remove_file(top.path().join(name)).unwrap();
        }
    }
}
