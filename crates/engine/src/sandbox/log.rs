// SPDX-License-Identifier: LGPL-2.1-or-later
//! The log that libvirt keeps of each domain.

use super::real::Real;
use super::Id;
use crate::error::LastWords;
use crate::uri::Uri;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How much of a log's end is looked at, in bytes, and how many lines of it
/// are told.
const END: u64 = 8 * 1024;
const LINES: usize = 3;
/// How long libvirt may take to see that a sandbox is gone, which it writes
/// down then: seconds, where the computer is busy.
const SEEN: Duration = Duration::from_secs(8);

/// Where the log of sandbox `number` is.
fn path(real: &Real, connection: &Uri, number: u32) -> Option<PathBuf> {
    let folder = match connection {
        Uri::LxcSystem => PathBuf::from("/var/log/libvirt/lxc"),
        Uri::QemuSystem => PathBuf::from("/var/log/libvirt/qemu"),
        // Beside our own cache; root's is elsewhere.
        Uri::QemuSession if real.caller != 0 => real.places.cache.parent()?.join("libvirt/qemu/log"),
        _ => return None,
    };
    Some(folder.join(format!("terrarium-{}-{number}.log", real.caller)))
}

/// Takes away the log of the last sandbox that had this number: libvirt adds to
/// it for ever. Where the caller may not, what comes back is left for a
/// container's init to look after.
pub fn begin_anew(real: &Real, connection: &Uri, number: u32) -> Option<PathBuf> {
    let path = path(real, connection, number)?;
    let denied = fs::remove_file(&path).is_err_and(|error| error.kind() == io::ErrorKind::PermissionDenied);
    (denied && *connection == Uri::LxcSystem).then_some(path)
}

/// Waits until a domain has gone, for a moment; whether it has.
pub fn is_gone(real: &Real, id: &Id) -> bool {
    goes(SEEN, || real.domain(id).map(|found| found.is_some()).ok())
}

/// Whether something that is there goes. It is not waited for if nobody knows.
fn goes(most: Duration, is_there: impl Fn() -> Option<bool>) -> bool {
    let begun = Instant::now();
    loop {
        match is_there() {
            Some(true) if begun.elapsed() < most => std::thread::sleep(Duration::from_millis(50)),
            known => return known == Some(false),
        }
    }
}

/// The last words of a sandbox that has gone, or is going.
pub fn last_words(real: &Real, id: &Id) -> Option<LastWords> {
    let path = path(real, &id.connection, id.number)?;
    let _ = is_gone(real, id);
    match end_of(&path) {
        Ok(text) => Some(LastWords::Said(telling(&String::from_utf8_lossy(&text))?)),
        // Its folder may be shut, too: then it is not known to be there.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Some(LastWords::In(path)),
        Err(_) => None,
    }
}

fn end_of(path: &Path) -> io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(END)))?;
    let mut text = Vec::new();
    file.take(END).read_to_end(&mut text)?;
    Ok(text)
}

/// The last lines that say something: neither how it was started nor what
/// QEMU thinks of that.
fn telling(text: &str) -> Option<String> {
    let is_noise = |line: &str| {
        let start = ["PATH=", "LC_ALL=", "Please use ", "-"].iter().any(|word| line.starts_with(word));
        let middle = ["starting up", " warning: "].iter().any(|word| line.contains(word));
        line.trim().is_empty() || line.ends_with('\\') || start || middle
    };
    let mut lines: Vec<&str> = text.lines().rev().filter(|line| !is_noise(line)).take(LINES).collect();
    lines.reverse();
    (!lines.is_empty()).then(|| lines.join(" / "))
}

#[cfg(test)]
mod tests {
    use super::{goes, telling};
    use std::cell::Cell;
    use std::time::{Duration, Instant};

    #[test]
    fn what_goes_is_waited_for_and_what_stays_is_not_for_ever() {
        let looks = Cell::new(0);
        let going = || {
            looks.set(looks.get() + 1);
            Some(looks.get() < 4)
        };
        assert!(goes(Duration::from_secs(60), going) && looks.get() == 4);
        let begun = Instant::now();
        assert!(!goes(Duration::from_millis(120), || Some(true)));
        assert!(begun.elapsed() >= Duration::from_millis(120));
        assert!(!goes(Duration::from_secs(3600), || None), "libvirt cannot be asked");
    }

    #[test]
    fn the_command_line_is_no_last_word() {
        let text = "2026-01-01: starting up libvirt version: 9\nLC_ALL=C \\\n-name x \\\n-msg timestamp=on\n\
                    qemu: warning: short-form\nPlease use readonly=on\nqemu: terminating\nshutting down, reason=crashed\n";
        assert_eq!(telling(text).as_deref(), Some("qemu: terminating / shutting down, reason=crashed"));
        assert_eq!(telling("PATH=/bin libvirt_lxc\n\n"), None);
    }
}
