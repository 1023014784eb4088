// SPDX-License-Identifier: LGPL-2.1-or-later
//! Sandboxes in the foreground that have lost their client.
//!
//! Their init ends them; but a guest's kernel can play it, and it can hang.
//! `RUNTIME/N/client` is there for a sandbox that is to end with its client, and
//! every client holds a share of its lock, which goes with the process. Whoever
//! looks and finds nobody leaves `RUNTIME/N/alone`; who finds that old ends the
//! sandbox.

use super::directory::fault;
use crate::console::Lock;
use crate::error::{Error, FileAction};
use nix::fcntl::{Flock, FlockArg};
use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

/// How long an init that answers is left to itself: it waits two seconds for
/// somebody, gives the command ten, and keeps the result for a minute.
pub const KEEPS_THE_RESULT: Duration = Duration::from_secs(120);
/// How long one that does not may be busy with something else.
pub const SILENT: Duration = Duration::from_secs(15);

fn client(directory: &Path) -> std::path::PathBuf {
    directory.join("client")
}

fn mark(directory: &Path) -> std::path::PathBuf {
    directory.join("alone")
}

/// This sandbox ends with its client, which holds what it gets.
///
/// # Errors
/// The disk will not have it.
pub fn begin(directory: &Path) -> Result<Lock, Error> {
    let path = client(directory);
    let failed = fault(FileAction::Create, &path);
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(&path)
        .map_err(&failed)?;
    Flock::lock(file, FlockArg::LockShared).map_err(|(_, errno)| failed(errno.into()))
}

/// One more client of a sandbox holds this, if it is such a one.
pub fn join(directory: &Path) -> Option<Lock> {
    let file = File::open(client(directory)).ok()?;
    let held = Flock::lock(file, FlockArg::LockShared).ok()?;
    forget(directory);
    Some(held)
}

/// It is not alone, or cannot end now.
pub fn forget(directory: &Path) {
    let _ = fs::remove_file(mark(directory));
}

/// Whether a sandbox that is to end with its client has had none for so long,
/// as far as anybody has looked.
pub fn is_for(directory: &Path, time: Duration) -> bool {
    let Ok(file) = File::open(client(directory)) else { return false };
    // Who comes meanwhile waits, and takes the mark away.
    let Ok(_nobody) = Flock::lock(file, FlockArg::LockExclusiveNonblock) else { return false };
    let path = mark(directory);
    let _ = OpenOptions::new().create_new(true).write(true).mode(0o600).open(&path);
    let since = fs::metadata(&path).and_then(|found| found.modified());
    since.is_ok_and(|since| since.elapsed().is_ok_and(|age| age >= time))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::SystemTime;

    fn long_ago(folder: &Path) {
        let seen = File::options().write(true).open(mark(folder)).unwrap();
        seen.set_modified(SystemTime::now() - Duration::from_secs(60)).unwrap();
    }

    #[test]
    fn only_who_had_no_client_for_long_is_given_up() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        assert!(!is_for(path, Duration::ZERO) && join(path).is_none(), "it goes on without");
        assert!(!mark(path).exists());
        let starter = begin(path).unwrap();
        assert!(!is_for(path, Duration::ZERO));
        let other = join(path).unwrap();
        drop(starter);
        assert!(!is_for(path, Duration::ZERO) && !mark(path).exists());
        drop(other);
        assert!(!is_for(path, SILENT), "it is seen for the first time");
        long_ago(path);
        assert!(is_for(path, SILENT) && !is_for(path, KEEPS_THE_RESULT));
        // Somebody came and has gone.
        drop(join(path));
        assert!(!is_for(path, SILENT) && mark(path).exists());
    }
}
