// SPDX-License-Identifier: LGPL-2.1-or-later
//! What init itself has put into the layer: places to mount at, settings,
//! copies. As long as it is what it was, the sandbox has not written it; a copy
//! that is not there any more was deleted by it.

use nix::sys::stat::{lstat, FileStat};
use serde_json::{from_str, to_string};
use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use terrarium_protocol::changes::{Facts, FileKind};
use terrarium_protocol::Bytes;

/// In the layer, beside what is shown of it.
const NAME: &str = "base";
/// Most that is read, in bytes.
const MAX: u64 = 64 << 20;

/// What something was when init had made it. Nobody inside can set the time
/// of an inode's last change.
pub type Stamp = [i64; 9];

/// What init has made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Made {
    /// As it was then.
    pub stamp: Stamp,
    /// A copy of something of the user's.
    pub copied: bool,
}

/// Everything that init has made, by its place in the layer.
pub type Base = HashMap<Vec<u8>, Made>;

/// As it is now. What is put into a directory changes its times.
pub fn stamp(found: &FileStat) -> Stamp {
    let mode = i64::from(found.st_mode);
    let owner = [mode, i64::from(found.st_uid), i64::from(found.st_gid)];
    let [mode, uid, gid] = owner;
    if found.st_mode & libc::S_IFMT == libc::S_IFDIR {
        return [mode, uid, gid, 0, 0, 0, 0, 0, 0];
    }
    let times = [found.st_mtime, found.st_mtime_nsec, found.st_ctime, found.st_ctime_nsec];
    let [modified, modified_ns, changed, changed_ns] = times;
    [mode, uid, gid, found.st_size, modified, modified_ns, changed, changed_ns, found.st_ino as i64]
}

/// What is told of a copy with this stamp: a file, a folder or a link.
pub fn facts(stamp: &Stamp) -> Facts {
    let [mode, uid, gid, size, modified, nanoseconds, ..] = *stamp;
    Facts {
        kind: match u32::try_from(mode).unwrap_or(0) & libc::S_IFMT {
            libc::S_IFDIR => FileKind::Folder,
            libc::S_IFLNK => FileKind::Link,
            _ => FileKind::File,
        },
        mode: u32::try_from(mode & 0o7777).unwrap_or(0),
        uid: u32::try_from(uid).unwrap_or(0),
        gid: u32::try_from(gid).unwrap_or(0),
        size: u64::try_from(size).unwrap_or(0),
        modified,
        nanoseconds: u32::try_from(nanoseconds).unwrap_or(0),
        target: Bytes::default(),
    }
}

/// Adds what was made now. `places`: in the layer, whose directory is `disk`.
/// And whether they are copies.
pub fn add(disk: &Path, places: &[(PathBuf, bool)]) -> std::io::Result<()> {
    if places.is_empty() {
        return Ok(());
    }
    let file = OpenOptions::new().append(true).create(true).open(disk.join(NAME))?;
    write(file, places, |place| lstat(&disk.join(place)))
}

/// The same into the open file. `look`: at a place in the layer.
pub fn write(
    mut file: File,
    places: &[(PathBuf, bool)],
    look: impl Fn(&Path) -> nix::Result<FileStat>,
) -> std::io::Result<()> {
    let mut text = String::new();
    for (place, copied) in places {
        let Ok(found) = look(place) else { continue };
        let one = (Bytes::from(place.as_os_str().as_bytes()), stamp(&found), copied);
        text.push_str(&to_string(&one)?);
        text.push('\n');
    }
    file.write_all(text.as_bytes())
}

/// Copies in these places are of no interest any more.
pub fn forget(mut file: File, places: &[&Vec<u8>]) -> std::io::Result<()> {
    let mut text = String::new();
    for place in places {
        text.push_str(&to_string(&(Bytes::from(place.as_slice()), Stamp::default(), false))?);
        text.push('\n');
    }
    file.write_all(text.as_bytes())
}

/// All that was made, now and before. Later ones count.
pub fn load(file: File) -> Base {
    let lines = BufReader::new(file.take(MAX)).lines().map_while(Result::ok);
    let one = |line: String| {
        let before = || from_str::<(Bytes, Stamp)>(&line).map(|(place, stamp)| (place, stamp, false));
        let (place, stamp, copied) = from_str(&line).or_else(|_| before()).ok()?;
        let place: Bytes = place;
        Some((place.0, Made { stamp, copied }))
    };
    lines.filter_map(one).collect()
}

/// Its name in the layer.
pub fn name() -> &'static str {
    NAME
}
