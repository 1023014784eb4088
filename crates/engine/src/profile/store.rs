// SPDX-License-Identifier: LGPL-2.1-or-later
//! The folder of profiles: one `SLUG.terrarium` each.

use super::parse::MAX;
use super::{edit, launcher, parse, to_toml, Changes, Home, Profile};
use crate::error::{Error, FileAction};
use crate::nearest::nearest;
use crate::places::Places;
use crate::reach::{Memory, Seen};
use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// The suffix of a profile's file.
pub const SUFFIX: &str = "terrarium";

/// One file of the folder.
#[derive(Debug)]
pub struct Entry {
    /// The file.
    pub path: PathBuf,
    /// What it holds, or why it cannot be read.
    pub profile: Result<Profile, Error>,
}

/// Whether `--profile NAME` means a file.
#[must_use]
pub fn is_file(name: &str) -> bool {
    name.contains('/') || Path::new(name).extension().is_some_and(|suffix| suffix == SUFFIX)
}

/// The profile that the user means.
///
/// # Errors
/// There is none, or it cannot be read.
pub fn resolve(places: &Places, name: &str) -> Result<Profile, Error> {
    if is_file(name) {
        return load(Path::new(name));
    }
    find(places, name)?.profile
}

/// The file that has this name, or holds a profile that has.
fn find(places: &Places, name: &str) -> Result<Entry, Error> {
    let mut all = list(places)?;
    if let Some(at) = all.iter().position(|entry| names(entry, name)) {
        return Ok(all.swap_remove(at));
    }
    let known = all.iter().filter_map(|entry| entry.profile.as_ref().ok()).map(|one| one.name.as_str());
    let like = nearest(name, known).map(str::to_owned);
    Err(Error::NoSuchProfile { name: name.to_owned(), like })
}

fn names(entry: &Entry, name: &str) -> bool {
    entry.profile.as_ref().is_ok_and(|profile| profile.name == name)
        || entry.path.file_stem().is_some_and(|stem| stem == name)
}

/// Reads one file.
///
/// # Errors
/// It cannot be read, or is no profile.
pub fn load(path: &Path) -> Result<Profile, Error> {
    parse(&read(path)?).map_err(|error| Error::Profile { path: path.to_owned(), error })
}

/// Fails if a profile from a file would get what another one keeps: homes and
/// what is written are kept under their names.
///
/// # Errors
/// Another one of the folder has its name.
pub fn keeps_its_own(places: &Places, path: &Path, profile: &Profile) -> Result<(), Error> {
    if profile.files.home != Home::Kept && profile.files.changes == Changes::Discard {
        return Ok(());
    }
    let real = |path: &Path| fs::canonicalize(path).ok();
    let is_other = |entry: &Entry| {
        let has_name = entry.profile.as_ref().is_ok_and(|other| other.name == profile.name);
        has_name && real(&entry.path) != real(path)
    };
    if list(places)?.iter().any(is_other) {
        return Err(Error::ProfileExists { name: profile.name.clone() });
    }
    Ok(())
}

/// The text of one file.
///
/// # Errors
/// It cannot be read, or is too long.
pub fn read(path: &Path) -> Result<String, Error> {
    let failed = |source| Error::File { action: FileAction::Read, path: path.to_owned(), source };
    let mut text = String::new();
    // A FIFO would wait for somebody who writes, a device may do anything.
    let flags = nix::fcntl::OFlag::O_NONBLOCK.bits();
    let file = fs::OpenOptions::new().read(true).custom_flags(flags).open(path).map_err(failed)?;
    if !file.metadata().map_err(failed)?.is_file() {
        return Err(Error::NoFile { path: path.to_owned() });
    }
    file.take(MAX as u64 + 1).read_to_string(&mut text).map_err(failed)?;
    if text.len() > MAX {
        return Err(failed(std::io::ErrorKind::FileTooLarge.into()));
    }
    Ok(text)
}

/// All profiles, by name.
///
/// # Errors
/// The folder cannot be read; that it is missing is none.
pub fn list(places: &Places) -> Result<Vec<Entry>, Error> {
    let folder = places.profiles();
    let entries = match fs::read_dir(&folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.map_err(|source| Error::File { action: FileAction::Read, path: folder, source })?,
    };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.retain(|path| path.extension().is_some_and(|suffix| suffix == SUFFIX));
    paths.sort();
    Ok(paths.into_iter().map(|path| Entry { profile: load(&path), path }).collect())
}

/// Adds a profile under a file name of its own.
///
/// # Errors
/// There is one of that name, or it cannot be written.
pub fn add(places: &Places, profile: &Profile) -> Result<PathBuf, Error> {
    add_text(places, profile, "")
}

/// The same of one that lies in a file already, whose text stays but for what
/// differs. What was remembered of an earlier one of its file's name is none of
/// this one's; `from`: what it came from, if not from here, see [`file_name`].
///
/// # Errors
/// Another profile has its name, or it cannot be written.
pub fn add_from(
    places: &Places,
    profile: &Profile,
    file: Option<&Path>,
    from: Option<String>,
) -> Result<PathBuf, Error> {
    let text = file.and_then(|file| read(file).ok()).unwrap_or_default();
    let path = add_text(places, profile, &text)?;
    Memory::change(places, &stem(&path), |seen| *seen = Seen { from, allowed: None })?;
    Ok(path)
}

/// What a file is called, for people.
#[must_use]
pub fn file_name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// The text of a profile for a file elsewhere: that of its own file, if it has
/// one, with only what differs changed.
///
/// # Errors
/// It holds bytes that are not text.
pub fn text(profile: &Profile, file: Option<&Path>) -> Result<String, Error> {
    let text = match file.and_then(|file| read(file).ok()) {
        Some(own) => edit(&own, profile),
        None => to_toml(profile),
    };
    text.map_err(|_| Error::NotText)
}

/// The text of the profile that the user means, as it is.
///
/// # Errors
/// There is none, or it cannot be read.
pub fn text_of(places: &Places, name: &str) -> Result<String, Error> {
    let path = if is_file(name) { PathBuf::from(name) } else { find(places, name)?.path };
    let text = read(&path)?;
    match parse(&text) {
        Ok(_) => Ok(text),
        Err(error) => Err(Error::Profile { path, error }),
    }
}

fn add_text(places: &Places, profile: &Profile, text: &str) -> Result<PathBuf, Error> {
    if list(places)?.iter().any(|entry| names(entry, &profile.name)) {
        return Err(Error::ProfileExists { name: profile.name.clone() });
    }
    let slug = crate::plan::slug(&profile.name);
    let numbered = |count: u32| if count == 1 { slug.clone() } else { format!("{slug}-{count}") };
    let path = (1..)
        .map(|count| places.profiles().join(format!("{}.{SUFFIX}", numbered(count))))
        .find(|path| !path.exists())
        .unwrap_or_default();
    write(&path, &edit(text, profile).map_err(|_| Error::NotText)?)?;
    Ok(path)
}

/// The name that a profile's file has, without its suffix.
#[must_use]
pub fn stem(path: &Path) -> String {
    path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default()
}

/// Writes a profile whole: whoever reads meanwhile sees the old or the new.
///
/// # Errors
/// It cannot be written; the old one is untouched.
pub fn save(path: &Path, profile: &Profile) -> Result<(), Error> {
    write(path, &to_toml(profile).map_err(|_| Error::NotText)?)
}

/// Writes a profile over the one that is there: what differs is changed, and
/// comments stay.
///
/// # Errors
/// It cannot be written, or another profile has its name; the old one is
/// untouched.
pub fn update(places: &Places, path: &Path, profile: &Profile) -> Result<(), Error> {
    let is_other = |entry: &Entry| {
        entry.path != path && entry.profile.as_ref().is_ok_and(|other| other.name == profile.name)
    };
    if list(places)?.iter().any(is_other) {
        return Err(Error::ProfileExists { name: profile.name.clone() });
    }
    let old = read(path).unwrap_or_default();
    write(path, &edit(&old, profile).map_err(|_| Error::NotText)?)
}

/// Writes a text as it is, for one that was deleted and is wanted back, or
/// that somebody edits who knows TOML.
///
/// # Errors
/// It cannot be written; the old one is untouched.
pub fn write(path: &Path, text: &str) -> Result<(), Error> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let fresh = path.with_extension(format!("{SUFFIX}.{}", std::process::id()));
    let write = || {
        fs::create_dir_all(folder)?;
        let mut file = fs::File::create(&fresh)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&fresh, path)
    };
    write().map_err(|source| {
        let _ = fs::remove_file(&fresh);
        Error::File { action: FileAction::Write, path: path.to_owned(), source }
    })
}

/// A profile that was deleted, for whoever wants it back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deleted {
    /// Its file.
    pub path: PathBuf,
    /// What was in that.
    pub text: String,
    /// Its launcher, which would start nothing any more.
    pub launcher: Option<launcher::Files>,
}

/// Deletes the profile of this name, and its launcher.
///
/// # Errors
/// There is none of that name, or it cannot be removed.
pub fn delete(places: &Places, name: &str) -> Result<Deleted, Error> {
    delete_file(places, &find(places, name)?.path)
}

/// The same, by its file.
///
/// # Errors
/// It cannot be read or removed.
pub fn delete_file(places: &Places, path: &Path) -> Result<Deleted, Error> {
    let text = read(path)?;
    let failed = |source| Error::File { action: FileAction::Remove, path: path.to_owned(), source };
    fs::remove_file(path).map_err(failed)?;
    let launcher = launcher::Files::take(data_home(places), &stem(path));
    Ok(Deleted { path: path.to_owned(), text, launcher })
}

/// Brings it back. What has its place by now keeps that.
///
/// # Errors
/// It cannot be written, or there is another one of its name.
pub fn bring_back(places: &Places, deleted: &Deleted) -> Result<(), Error> {
    let path = if deleted.path.exists() {
        let parsed = parse(&deleted.text);
        let parsed = parsed.map_err(|error| Error::Profile { path: deleted.path.clone(), error })?;
        add_text(places, &parsed, &deleted.text)?
    } else {
        write(&deleted.path, &deleted.text)?;
        deleted.path.clone()
    };
    let Some(files) = deleted.launcher.as_ref().filter(|_| path == deleted.path) else { return Ok(()) };
    let (data, stem) = (data_home(places), stem(&path));
    let failed =
        |source| Error::File { action: FileAction::Write, path: launcher::path(data, &stem), source };
    files.put(data, &stem).map_err(failed)
}

/// `$XDG_DATA_HOME`: launchers are there.
fn data_home(places: &Places) -> &Path {
    places.data.parent().unwrap_or(&places.data)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(top: &Path) -> Places {
        let below = |name| top.join(name);
        Places {
            config: below("config"),
            data: below("share/terrarium"),
            cache: below("cache"),
            runtime: below("run"),
        }
    }

    /// As a person wrote it, in an order and with words of their own.
    const WRITTEN: &str =
        "# Of a friend.\ncommand.argv = ['true'] # does nothing\n\nname = \"A test\"\nversion = 1\n";

    #[test]
    fn what_was_written_by_hand_stays_so_wherever_it_is_copied() {
        let top = tempfile::tempdir().unwrap();
        let (places, file) = (places(top.path()), top.path().join("of a friend.terrarium"));
        fs::write(&file, WRITTEN).unwrap();
        let mut profile = load(&file).unwrap();
        let add = |profile: &Profile| add_from(&places, profile, Some(&file), Some(file_name(&file)));
        let path = add(&profile).unwrap();
        assert_eq!(
            (read(&path).unwrap().as_str(), text_of(&places, "A test").unwrap().as_str()),
            (WRITTEN, WRITTEN)
        );
        // Where it came from is known, and what was allowed an earlier one is not.
        let note = |path: &Path| Memory::load(&places).of(&stem(path));
        assert_eq!(note(&path), Seen { from: Some("of a friend.terrarium".into()), allowed: None });
        assert!(matches!(add(&profile), Err(Error::ProfileExists { .. })));
        profile.name = "A test 2".into();
        let other = WRITTEN.replace("A test", "A test 2");
        assert_eq!(read(&add(&profile).unwrap()).unwrap(), other);
        assert_eq!(text(&profile, Some(&path)).unwrap(), other);
        assert_eq!(text(&profile, None).unwrap(), to_toml(&profile).unwrap());
        // One that comes back beside another one is what it was.
        let deleted = delete(&places, "A test").unwrap();
        write(&path, &to_toml(&Profile::new("Another", vec!["true".into()])).unwrap()).unwrap();
        bring_back(&places, &deleted).unwrap();
        assert_eq!(text_of(&places, "A test").unwrap(), WRITTEN);
        assert!(matches!(text_of(&places, "none"), Err(Error::NoSuchProfile { .. })));
        fs::write(&file, "name = 1").unwrap();
        assert!(matches!(text_of(&places, file.to_str().unwrap()), Err(Error::Profile { .. })));
    }

    /// Whoever deletes it: the window and terrariumctl do it here.
    #[test]
    fn a_launcher_goes_with_its_profile_and_comes_back_with_it() {
        let top = tempfile::tempdir().unwrap();
        let below = |name| top.path().join(name);
        let places = places(top.path());
        let profile = Profile::new("A test", vec!["true".into()]);
        let path = add(&places, &profile).unwrap();
        let (data, files) = (below("share"), launcher::Files { text: b"x".to_vec(), icon: b"y".to_vec() });
        files.put(&data, &stem(&path)).unwrap();
        let there = || {
            [launcher::path(&data, &stem(&path)), launcher::icon_path(&data, &stem(&path))]
                .map(|one| one.exists())
        };
        assert_eq!(there(), [true; 2]);
        let deleted = delete(&places, "A test").unwrap();
        assert!(there() == [false; 2] && !path.exists() && deleted.launcher.as_ref() == Some(&files));
        bring_back(&places, &deleted).unwrap();
        assert!(there() == [true; 2] && load(&path).unwrap() == profile);
        // What has its place by now keeps it.
        let deleted = delete(&places, "A test").unwrap();
        write(&path, &to_toml(&Profile::new("Another", vec!["true".into()])).unwrap()).unwrap();
        bring_back(&places, &deleted).unwrap();
        assert_eq!((load(&path).unwrap().name.as_str(), list(&places).unwrap().len()), ("Another", 2));
    }
}
