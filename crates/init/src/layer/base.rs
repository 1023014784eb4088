// SPDX-License-Identifier: LGPL-2.1-or-later
//! What init itself has put into the layer: places to mount at, settings,
//! copies. As long as it is what it was, the sandbox has not written it.

use nix::sys::stat::{lstat, FileStat};
use serde_json::{from_str, to_string};
use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use terrarium_protocol::Bytes;

/// In the layer, beside what is shown of it.
const NAME: &str = "base";
/// Most that is read, in bytes.
const MAX: u64 = 64 << 20;

/// What something was when init had made it. Nobody inside can set the time
/// of an inode's last change.
pub type Stamp = [i64; 9];

/// Everything that init has made, by its place in the layer.
pub type Base = HashMap<Vec<u8>, Stamp>;

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

/// Adds what was made now. `places`: in the layer, whose directory is `disk`.
pub fn add(disk: &Path, places: &[PathBuf]) -> std::io::Result<()> {
    if places.is_empty() {
        return Ok(());
    }
    let mut file = OpenOptions::new().append(true).create(true).open(disk.join(NAME))?;
    let mut text = String::new();
    for place in places {
        let Ok(found) = lstat(&disk.join(place)) else { continue };
        let one = (Bytes::from(place.as_os_str().as_bytes()), stamp(&found));
        text.push_str(&to_string(&one)?);
        text.push('\n');
    }
    file.write_all(text.as_bytes())
}

/// All that was made, now and before. Later ones count.
pub fn load(file: File) -> Base {
    let lines = BufReader::new(file.take(MAX)).lines().map_while(Result::ok);
    let one = |line: String| from_str::<(Bytes, Stamp)>(&line).ok();
    lines.filter_map(one).map(|(place, stamp)| (place.0, stamp)).collect()
}

/// Its name in the layer.
pub fn name() -> &'static str {
    NAME
}
