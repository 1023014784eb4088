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

/// Copied between two looks at whether it is still wanted, in bytes.
const PIECE: u64 = 16 << 20;

/// Copies an image that nobody writes. `watch` is told how many bytes of how
/// many are copied; when it says `false` the copy ends ([`is_cancelled`]).
///
/// # Errors
/// There is something at `to`, or no room for it, or nobody wants it.
pub fn sparse(from: &Path, to: &Path, watch: &dyn Fn(u64, u64) -> bool) -> io::Result<()> {
    let from = File::open(from)?;
    let to = OpenOptions::new().write(true).create_new(true).mode(0o600).open(to)?;
    if ioctl_ficlone(&to, &from).is_ok() {
        return Ok(());
    }
    let about = from.metadata()?;
    let room = fstatvfs(&to)?;
    // Sooner known than when the disk is full.
    let all = about.blocks().saturating_mul(BLOCK);
    if room.f_bavail.saturating_mul(room.f_frsize) < all {
        return Err(Errno::NOSPC.into());
    }
    pieces(&from, &to, &|bytes| watch(bytes, all))?;
    to.set_len(about.len())
}

/// Whether a copy ended because nobody wanted it any more.
pub fn is_cancelled(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::Interrupted
}

fn pieces(mut from: &File, mut to: &File, watch: &dyn Fn(u64) -> bool) -> io::Result<()> {
    let (mut at, mut copied, mut told) = (0, 0, 0);
    loop {
        at = match seek(from, SeekFrom::Data(at)) {
            Err(Errno::NXIO) => return Ok(()),
            other => other?,
        };
        let end = seek(from, SeekFrom::Hole(at))?;
        from.seek(io::SeekFrom::Start(at))?;
        to.seek(io::SeekFrom::Start(at))?;
        // The kernel copies, where it can.
        let length = end.saturating_sub(at).min(PIECE);
        if io::copy(&mut from.take(length), &mut to)? < length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        (at, copied) = (at + length, copied + length);
        if copied - told >= PIECE {
            told = copied;
            if !watch(copied) {
                return Err(io::ErrorKind::Interrupted.into());
            }
        }
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
        sparse(&from, &to, &|_, _| true).unwrap();
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
        assert!(sparse(&from, &to, &|_, _| true).is_err(), "nothing is written over");
        assert!(sparse(&top.path().join("missing"), &top.path().join("other"), &|_, _| true).is_err());
    }

    /// On a file system that shares blocks there is nothing to wait for.
    #[test]
    fn a_long_copy_is_told_and_can_be_ended() {
        let top = tempfile::tempdir().unwrap();
        let (from, to) = (top.path().join("from"), top.path().join("to"));
        let image = File::create(&from).unwrap();
        let (large, count) = (vec![1; 40 << 20], std::cell::Cell::new(0));
        image.write_all_at(&large, 1 << 30).unwrap();
        let watch = |bytes: u64, of: u64| {
            count.set(count.get() + 1);
            assert!(bytes == count.get() * PIECE && of >= large.len() as u64, "{bytes} of {of}");
            count.get() < 2
        };
        let shares = ioctl_ficlone(File::create(top.path().join("shared")).unwrap(), &image).is_ok();
        let ended = sparse(&from, &to, &watch);
        assert!(shares || count.get() == 2 && is_cancelled(&ended.unwrap_err()), "{}", count.get());
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
            sparse(&top.path().join("from"), &top.path().join(name), &|_, _| true).unwrap();
            println!("1 GiB of 10 GiB was copied in {:?}", begun.elapsed());
            std::fs::remove_file(top.path().join(name)).unwrap();
        }
    }
}
