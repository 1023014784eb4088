// SPDX-License-Identifier: LGPL-2.1-or-later
//! Init as a file: a container's pid 1 must be one.

use super::directory::fault;
use super::start::random_uuid;
use crate::error::{Error, FileAction};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};
use terrarium_init_image::INIT;

/// How long one that is not used is kept, of another version of Terrarium.
const UNUSED: Duration = Duration::from_secs(24 * 60 * 60);

/// Puts init where the container finds it, unless it is there already. Each
/// version has a name of its own: another one may be starting something now.
pub fn install(cache: &Path) -> Result<PathBuf, Error> {
    let path = cache.join(format!("init-{:08x}", crc32fast::hash(INIT)));
    if fs::read(&path).is_ok_and(|found| found == INIT) {
        let _ = fs::File::open(&path).and_then(|file| file.set_modified(SystemTime::now()));
        return Ok(path);
    }
    // A name of its own, renamed into place: whoever starts at the same time
    // sees a whole file, and a running one is never written to.
    let fresh = cache.join(format!("init.{}.{}", std::process::id(), random_uuid()?));
    let written = fs::write(&fresh, INIT)
        .and_then(|()| fs::set_permissions(&fresh, fs::Permissions::from_mode(0o755)))
        .and_then(|()| fs::rename(&fresh, &path));
    if written.is_err() {
        let _ = fs::remove_file(&fresh);
    }
    written.map_err(fault(FileAction::Write, &path))?;
    remove_unused(cache);
    Ok(path)
}

/// The same for the guard, which nothing but its owner's init becomes.
pub fn install_init(real: &super::Real) -> Result<PathBuf, Error> {
    super::make_private(&real.places.cache, if real.caller == 0 { 0o755 } else { 0o700 })?;
    install(&real.places.cache)
}

fn remove_unused(cache: &Path) {
    for entry in fs::read_dir(cache).into_iter().flatten().flatten() {
        let is_init = entry.file_name().as_encoded_bytes().starts_with(b"init");
        let time = entry.metadata().and_then(|found| found.modified());
        if is_init && time.is_ok_and(|time| time.elapsed().is_ok_and(|age| age > UNUSED)) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_do_not_take_each_others_file() {
        let cache = tempfile::tempdir().unwrap();
        let (old, other) = (cache.path().join("init"), cache.path().join("init-00000000"));
        for path in [&old, &other] {
            fs::write(path, "another version").unwrap();
        }
        fs::File::options()
            .write(true)
            .open(&old)
            .unwrap()
            .set_modified(SystemTime::now() - 2 * UNUSED)
            .unwrap();
        let path = install(cache.path()).unwrap();
        assert!(fs::read(&path).unwrap() == INIT && other.exists() && !old.exists());
        fs::write(&path, "torn").unwrap();
        assert_eq!(install(cache.path()).unwrap(), path);
        assert!(fs::read(&path).unwrap() == INIT);
    }
}
