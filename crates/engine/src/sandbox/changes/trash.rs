// SPDX-License-Identifier: LGPL-2.1-or-later
//! The user's trash, as the freedesktop.org Trash specification 1.0 has it:
//! `files/NAME` and `info/NAME.trashinfo` below `$XDG_DATA_HOME/Trash`, or, for
//! what lies on another file system than that, below `.Trash/UID` or
//! `.Trash-UID` at the top of its own.

use rustix::fs::{
    fstat, mkdirat, openat, renameat_with, statat, unlinkat, AtFlags, Mode, OFlags, RenameFlags, Stat,
};
use rustix::io::Errno;
use std::ffi::OsStr;
use std::fs::{self, DirBuilder};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// Names that are tried for one file.
const TRIES: u32 = 1000;
const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// Moves what is called `name` in a folder to the trash below `data`, or to
/// that of its file system. `path`: where it should go back to. `is_it` is
/// asked about what has been moved: if it is another one it is moved back, and
/// the answer is `false`.
///
/// # Errors
/// EXDEV if there is no trash on its file system, and none can be made.
pub fn put(
    data: &Path,
    folder: impl AsFd,
    name: &OsStr,
    path: &Path,
    is_it: impl Fn(&Stat) -> bool,
) -> io::Result<bool> {
    let top = data.join("Trash");
    DirBuilder::new().recursive(true).mode(0o700).create(&top)?;
    // Some people have theirs somewhere else, behind a link.
    let top: OwnedFd = fs::File::open(top)?.into();
    match put_into(&top, &folder, name, path, path, &is_it) {
        Err(error) if is_elsewhere(&error) => {}
        other => return other,
    }
    let (above, top) = of_file_system(path)?;
    put_into(&top, &folder, name, path, path.strip_prefix(&above).unwrap_or(path), &is_it)
}

/// Whether it failed because the trash is on another file system.
pub fn is_elsewhere(error: &io::Error) -> bool {
    error.raw_os_error() == Some(Errno::XDEV.raw_os_error())
}

/// The top folder of the file system that a path is on, and the user's trash
/// there.
fn of_file_system(path: &Path) -> io::Result<(PathBuf, OwnedFd)> {
    let device = |path: &Path| fs::symlink_metadata(path).map(|found| found.dev());
    let above = path.parent().unwrap_or(path).canonicalize()?;
    let own = device(&above)?;
    let same = |one: &&Path| device(one).is_ok_and(|device| device == own);
    let above = above.ancestors().take_while(same).last().unwrap_or(&above).to_owned();
    let top = rustix::fs::open(&above, FOLDER, Mode::empty())?;
    let uid = nix::unistd::geteuid();
    // One that an administrator has made, where nobody can take another's away.
    let shared = openat(&top, ".Trash", FOLDER, Mode::empty());
    let is_sticky = |shared: &OwnedFd| fstat(shared).is_ok_and(|found| found.st_mode & 0o1000 != 0);
    let shared = shared.ok().filter(is_sticky);
    let mine = shared.and_then(|shared| private(&shared, &uid.to_string()).ok());
    match mine.map_or_else(|| private(&top, &format!(".Trash-{uid}")), Ok) {
        Ok(trash) => Ok((above, trash)),
        Err(_) => Err(Errno::XDEV.into()),
    }
}

/// A folder that is the user's own, made if it is missing.
fn private(above: &OwnedFd, name: &str) -> rustix::io::Result<OwnedFd> {
    match mkdirat(above, name, Mode::RWXU) {
        Err(Errno::EXIST) => {}
        other => other?,
    }
    let folder = openat(above, name, FOLDER, Mode::empty())?;
    // Somebody else may have put one there.
    let is_own = fstat(&folder)?.st_uid == nix::unistd::geteuid().as_raw();
    is_own.then_some(folder).ok_or(Errno::PERM)
}

/// `told`: the path as its note has it.
fn put_into(
    top: &OwnedFd,
    folder: impl AsFd,
    name: &OsStr,
    path: &Path,
    told: &Path,
    is_it: impl Fn(&Stat) -> bool,
) -> io::Result<bool> {
    let (files, info) = (private(top, "files")?, private(top, "info")?);
    let own = path.file_name().unwrap_or(name);
    for count in 1..TRIES {
        let kept = if count == 1 { own.to_owned() } else { numbered(own, count) };
        let note = [kept.as_bytes(), b".trashinfo"].concat();
        let note = OsStr::from_bytes(&note);
        // The name is ours once its note is.
        match write_note(&info, note, told) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
            other => other?,
        }
        match renameat_with(&folder, name, &files, &kept, RenameFlags::NOREPLACE) {
            Ok(()) => {
                let moved = statat(&files, &kept, AtFlags::SYMLINK_NOFOLLOW)?;
                if is_it(&moved) {
                    return Ok(true);
                }
                // If its name has been taken meanwhile, it stays in the trash.
                renameat_with(&files, &kept, &folder, name, RenameFlags::NOREPLACE)?;
                unlinkat(&info, note, AtFlags::empty())?;
                return Ok(false);
            }
            Err(error) => {
                let _ = unlinkat(&info, note, AtFlags::empty());
                if error != Errno::EXIST {
                    return Err(error.into());
                }
            }
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

fn numbered(name: &OsStr, count: u32) -> std::ffi::OsString {
    let mut all = name.to_owned();
    all.push(format!(".{count}"));
    all
}

fn write_note(info: &OwnedFd, name: &OsStr, path: &Path) -> io::Result<()> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = rustix::fs::openat(info, name, flags, Mode::RUSR | Mode::WUSR)?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let text = format!("[Trash Info]\nPath={}\nDeletionDate={}\n", encoded(path), date(now));
    io::Write::write_all(&mut fs::File::from(file), text.as_bytes())
}

/// A path as a URI has it.
fn encoded(path: &Path) -> String {
    let mut text = String::new();
    for &byte in path.as_os_str().as_bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                text.push(byte.into());
            }
            other => text.push_str(&format!("%{other:02X}")),
        }
    }
    text
}

/// `YYYY-MM-DDThh:mm:ss` of seconds since 1970, in UTC: the local time is not
/// known without the system's tables.
fn date(seconds: u64) -> String {
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    // Days since 0000-03-01, in eras of 400 years.
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}", rest / 3600, rest / 60 % 60, rest % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_right() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00"),
            (951_782_399, "2000-02-28T23:59:59"),
            (951_782_400, "2000-02-29T00:00:00"),
            (1_709_251_199, "2024-02-29T23:59:59"),
            (1_735_689_600, "2025-01-01T00:00:00"),
            (4_107_542_400, "2100-03-01T00:00:00"),
        ] {
            assert_eq!(date(seconds), text);
        }
    }

    #[test]
    fn what_is_thrown_away_can_be_found_again() {
        let top = tempfile::tempdir().unwrap();
        let (home, data) = (top.path().join("home"), top.path().join("data"));
        fs::create_dir(&home).unwrap();
        let folder = fs::File::open(&home).unwrap();
        for text in ["one", "two"] {
            fs::write(home.join("a b%"), text).unwrap();
            let put = |is_it: bool| put(&data, &folder, OsStr::new("a b%"), &home.join("a b%"), |_| is_it);
            assert!(!put(false).unwrap() && home.join("a b%").exists(), "it is another one");
            assert!(put(true).unwrap() && !home.join("a b%").exists());
        }
        let read = |path: &str| fs::read_to_string(data.join("Trash").join(path)).unwrap();
        assert_eq!((read("files/a b%"), read("files/a b%.2")), ("one".into(), "two".into()));
        let note = read("info/a b%.2.trashinfo");
        assert!(note.starts_with("[Trash Info]\nPath=/") && note.contains("/home/a%20b%25\n"), "{note}");
        assert!(put(&data, &folder, OsStr::new("missing"), &home.join("missing"), |_| true).is_err());
        assert_eq!(fs::read_dir(data.join("Trash/info")).unwrap().count(), 2);
    }

    /// /dev/shm is a file system of its own, whose top everybody may write.
    #[test]
    fn what_lies_on_another_file_system_stays_on_it() {
        let shared = Path::new("/dev/shm");
        let (top, elsewhere) = (tempfile::tempdir_in(shared).unwrap(), tempfile::tempdir().unwrap());
        let data = elsewhere.path().join("data");
        let trash = shared.join(format!(".Trash-{}", nix::unistd::geteuid().as_raw()));
        let was_there = trash.exists();
        let name = top.path().file_name().unwrap().to_str().unwrap().to_owned() + " gone";
        let path = top.path().join(&name);
        fs::write(&path, "mine").unwrap();
        let folder = fs::File::open(top.path()).unwrap();
        let put = |is_it: bool| put(&data, &folder, OsStr::new(&name), &path, |_| is_it);
        assert!(!put(false).unwrap() && path.exists(), "it is another one");
        assert!(put(true).unwrap() && !path.exists());
        let (file, note) = (trash.join("files").join(&name), trash.join(format!("info/{name}.trashinfo")));
        let inside = encoded(path.strip_prefix(shared).unwrap());
        assert_eq!(fs::read(&file).unwrap(), b"mine");
        assert!(fs::read_to_string(&note).unwrap().contains(&format!("\nPath={inside}\n")));
        assert_eq!(fs::metadata(&trash).unwrap().mode() & 0o777, 0o700);
        assert_eq!(fs::read_dir(data.join("Trash/files")).unwrap().count(), 0);
        fs::remove_file(file).and_then(|()| fs::remove_file(note)).unwrap();
        if !was_there {
            fs::remove_dir_all(&trash).unwrap();
        }
    }

    #[test]
    fn a_trash_that_is_not_ones_own_is_not_used() {
        let top = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink("/", top.path().join("link")).unwrap();
        let above: OwnedFd = fs::File::open(top.path()).unwrap().into();
        assert!(private(&above, "link").is_err());
        fs::write(top.path().join("file"), "").unwrap();
        assert!(private(&above, "file").is_err() && private(&above, "new").is_ok());
        if nix::unistd::geteuid().is_root() {
            std::os::unix::fs::chown(top.path().join("new"), Some(1), None).unwrap();
            assert_eq!(private(&above, "new").err(), Some(Errno::PERM));
        }
        // /proc is no place for one.
        let nowhere = of_file_system(Path::new("/proc/self/status"));
        assert!(nowhere.is_err_and(|error| is_elsewhere(&error)));
    }
}
