// SPDX-License-Identifier: LGPL-2.1-or-later
//! What a sandbox showed, or a profile, is written where the user said.
//! Between that and the writing a sandbox that may write there can have put a
//! link in the place of a folder or of the file.

use super::changes::fresh_name;
use super::directory::fault;
use super::sources::is_meant;
use crate::error::{Error, FileAction};
use crate::places::Places;
use nix::libc;
use rustix::fs::{openat, renameat, unlinkat, AtFlags, Mode, OFlags};
use std::fs::File;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Writes a file whole, in the very folder that was meant; what has its name
/// is replaced and not followed. `private`: for the user alone.
///
/// # Errors
/// It cannot be written, or a link that may be a sandbox's is on the way.
pub fn save(places: &Places, path: &Path, content: &[u8], private: bool) -> Result<(), Error> {
    let failed = |error: std::io::Error| fault(FileAction::Write, path)(error);
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(failed(std::io::ErrorKind::IsADirectory.into()));
    };
    let flags = libc::O_PATH | libc::O_DIRECTORY;
    let opened = File::options().read(true).custom_flags(flags).open(folder).map_err(failed)?;
    if !is_meant(&places.data, folder, &opened) {
        return Err(Error::LedElsewhere { path: path.to_owned() });
    }
    let fresh = fresh_name()?;
    let mode = Mode::from_raw_mode(if private { 0o600 } else { 0o666 });
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = openat(&opened, &fresh, flags, mode).map_err(|errno| failed(errno.into()))?;
    let mut file = File::from(file);
    let written = file.write_all(content).and_then(|()| file.sync_all());
    let put = written.and_then(|()| Ok(renameat(&opened, &fresh, &opened, name)?));
    put.map_err(|error| {
        let _ = unlinkat(&opened, &fresh, AtFlags::empty());
        failed(error)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::{symlink, PermissionsExt};

    #[test]
    fn no_link_of_a_sandbox_leads_it_elsewhere() {
        let top = tempfile::tempdir().unwrap();
        let top = top.path().canonicalize().unwrap();
        let below = |name: &str| top.join(name);
        let places = Places {
            config: below("config"),
            data: below("data"),
            cache: below("cache"),
            runtime: below("run"),
        };
        for folder in ["data", "shared/real", "victim"] {
            fs::create_dir_all(below(folder)).unwrap();
        }
        fs::write(below("victim/file"), "mine").unwrap();
        symlink("../victim", below("shared/out")).unwrap();
        symlink("../victim/file", below("shared/file")).unwrap();
        let put = |name: &str| save(&places, &below(name), b"said", true);
        // The user's own link, as long as no sandbox could write there.
        put("shared/out/first").unwrap();
        assert_eq!(fs::read(below("victim/first")).unwrap(), b"said");
        let folder = [below("shared").as_os_str().as_encoded_bytes(), &[0]].concat();
        fs::write(below("data/written"), folder).unwrap();
        for name in ["shared/out/file", "shared/out/new"] {
            let refused = put(name).unwrap_err();
            assert!(matches!(refused, Error::LedElsewhere { path } if path == below(name)), "{name}");
        }
        for name in ["shared/file", "shared/real/new", "victim/second"] {
            put(name).unwrap();
            let found = fs::symlink_metadata(below(name)).unwrap();
            assert!(found.is_file() && found.permissions().mode() & 0o777 == 0o600, "{name}");
        }
        assert_eq!(fs::read(below("victim/file")).unwrap(), b"mine");
        // What cannot be put leaves nothing.
        assert!(matches!(put("shared/real"), Err(Error::File { .. })));
        assert!(matches!(put("none/new"), Err(Error::File { .. })));
        let names = |name: &str| fs::read_dir(below(name)).unwrap().count();
        assert_eq!((names("shared"), names("shared/real"), names("victim")), (3, 1, 3));
    }
}
