// SPDX-License-Identifier: LGPL-2.1-or-later
//! `-m`, `-r`, `--disk`, `-i`, `-I` and `--unmask`: from options to a profile's `[files]`.

use crate::args::Run;
use crate::fault::Fault;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Component, Path, PathBuf};
use terrarium_engine::error::FileAction;
use terrarium_engine::profile::{
    parse_size, Disk, ImageFormat, Include, Mount, MountKind, MountMode, Profile,
};
use terrarium_engine::{message, Error};

/// Longest list of copies that is read, in bytes.
const LIST_MAX: u64 = 8 << 20;

type Result<T> = std::result::Result<T, Fault>;

/// Adds what the options say.
pub fn set(profile: &mut Profile, options: &Run) -> Result<()> {
    for text in &options.mount {
        let mut mount =
            mount(text).ok_or_else(|| Fault::Usage(message::not_a_mount(&text.to_string_lossy())))?;
        if matches!(mount.kind, MountKind::HostBind | MountKind::HostImage) {
            mount.source = from_here(&mount.source);
            refuse_unknown_end(text, &mount)?;
        }
        profile.files.mounts.push(mount);
    }
    for text in &options.disk {
        let disk = disk(text).ok_or_else(|| Fault::Usage(message::not_a_disk(&text.to_string_lossy())))?;
        profile.files.disks.push(Disk { source: from_here(&disk.source), ..disk });
    }
    if let Some(root) = &options.root {
        profile.files.root = Some(from_here(root));
    }
    for text in &options.include {
        profile.files.include.push(include(text, Path::new(""))?);
    }
    for file in &options.includefile {
        profile.files.include.extend(list(file)?);
    }
    if let Some(changes) = options.changes {
        profile.files.changes = changes.into();
    }
    if let Some(text) = &options.writable {
        profile.files.writable = parse_size(text).ok_or_else(|| Fault::Usage(message::not_a_size(text)))?;
    }
    profile.files.unmask.extend(options.unmask.iter().map(|path| from_here(path)));
    Ok(())
}

/// A name may have a comma in it: what stands behind one is a word that is not
/// known if there is no such file, and one without it.
fn refuse_unknown_end(text: &OsStr, mount: &Mount) -> Result<()> {
    let source = mount.source.as_os_str().as_bytes();
    let Some(at) = source.iter().rposition(|&byte| byte == b',') else { return Ok(()) };
    let is_there = |path: &Path| {
        let home = || std::env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
        path.strip_prefix("~").map_or_else(|_| path.to_owned(), |rest| home().join(rest)).exists()
    };
    if is_there(&mount.source) || !is_there(&path(&source[..at])) {
        return Ok(());
    }
    let word = String::from_utf8_lossy(&source[at + 1..]);
    Err(Fault::Usage(message::not_an_end(&text.to_string_lossy(), &word)))
}

/// `TYPE:DST=SRC[,ro|rw]`, for an image also `,format=F` and `,trusted`; DST
/// ends at the first `=`.
fn mount(text: &OsStr) -> Option<Mount> {
    let (kind, rest) = split(text.as_bytes(), b':')?;
    let kind = match kind {
        b"host-bind" => MountKind::HostBind,
        b"host-image" => MountKind::HostImage,
        b"guest-bind" => MountKind::GuestBind,
        b"ram" => MountKind::Ram,
        _ => return None,
    };
    let (target, source) = split(rest, b'=')?;
    let (source, ends) = ends(source, kind == MountKind::HostImage)?;
    (!target.is_empty()).then(|| Mount {
        kind,
        source: path(source),
        target: path(target),
        mode: ends.mode,
        format: ends.format,
        trusted: ends.trusted,
    })
}

/// `file:TAG=SRC[,ro|rw][,format=F]`.
fn disk(text: &OsStr) -> Option<Disk> {
    let (kind, rest) = split(text.as_bytes(), b':')?;
    let (tag, source) = split(rest, b'=')?;
    let (source, ends) = ends(source, true)?;
    let tag = String::from_utf8(tag.to_vec()).ok().filter(|tag| !tag.is_empty())?;
    let good = kind == b"file" && !ends.trusted && !source.is_empty();
    good.then(|| Disk { tag, source: path(source), mode: ends.mode, format: ends.format })
}

/// What may stand behind a source.
#[derive(Default)]
struct Ends {
    mode: MountMode,
    format: Option<ImageFormat>,
    trusted: bool,
}

/// A source without what stands behind it. Of `,ro` and `,rw` a folder has at
/// most one.
fn ends(mut source: &[u8], is_image: bool) -> Option<(&[u8], Ends)> {
    let mut ends = Ends::default();
    while let Some(at) = source.iter().rposition(|&byte| byte == b',') {
        match (&source[at + 1..], is_image) {
            (b"rw", _) => ends.mode = MountMode::Rw,
            (b"ro", _) => ends.mode = MountMode::Ro,
            (b"format=raw", true) => ends.format = Some(ImageFormat::Raw),
            (b"format=qcow2", true) => ends.format = Some(ImageFormat::Qcow2),
            (b"trusted", true) => ends.trusted = true,
            // A name with a comma is more likely than another word, but for this.
            (rest, true) if rest.starts_with(b"format=") => return None,
            _ => break,
        }
        source = &source[..at];
        if !is_image {
            break;
        }
    }
    Some((source, ends))
}

/// `DST=SRC`; what is relative lies in `folder`.
fn include(text: &OsStr, folder: &Path) -> Result<Include> {
    match split(text.as_bytes(), b'=') {
        Some((target, source)) if !target.is_empty() && !source.is_empty() => {
            let source = path(source);
            let source = if source.starts_with("~") { source } else { folder.join(source) };
            Ok(Include { source: from_here(&source), target: path(target) })
        }
        _ => Err(Fault::Usage(message::not_a_copy(&text.to_string_lossy()))),
    }
}

/// A line each; empty ones and those that begin with `#` say nothing.
fn list(file: &Path) -> Result<Vec<Include>> {
    let failed = |source| Error::File { action: FileAction::Read, path: file.to_owned(), source };
    let mut text = Vec::new();
    let open = std::fs::File::open(file).map_err(failed)?;
    std::io::Read::read_to_end(&mut std::io::Read::take(open, LIST_MAX), &mut text).map_err(failed)?;
    let lines = text.split(|&byte| byte == b'\n').filter(|line| !line.is_empty() && !line.starts_with(b"#"));
    lines.map(|line| include(OsStr::from_bytes(line), file.parent().unwrap_or(Path::new("")))).collect()
}

fn split(bytes: &[u8], at: u8) -> Option<(&[u8], &[u8])> {
    let index = bytes.iter().position(|&byte| byte == at)?;
    Some((&bytes[..index], &bytes[index + 1..]))
}

fn path(bytes: &[u8]) -> PathBuf {
    PathBuf::from(OsString::from_vec(bytes.to_vec()))
}

/// What was meant by somebody in this folder. `~` is the plan's affair, and
/// nothing stays nothing.
fn from_here(path: &Path) -> PathBuf {
    if path.as_os_str().is_empty() || path.starts_with("~") {
        return path.to_owned();
    }
    let whole = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    if whole.components().any(|part| part == Component::ParentDir) {
        return whole.canonicalize().unwrap_or(whole);
    }
    whole
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parts(text: &str) -> Option<(MountKind, String, String, MountMode)> {
        let text_of = |path: PathBuf| path.to_str().unwrap().to_owned();
        mount(text.as_ref()).map(|one| (one.kind, text_of(one.target), text_of(one.source), one.mode))
    }

    #[test]
    fn mounts_are_read() {
        use MountKind::*;
        use MountMode::*;
        for (text, kind, target, source, mode) in [
            ("host-bind:/mnt=/srv", HostBind, "/mnt", "/srv", Ro),
            ("host-bind:/mnt=~/a,rw", HostBind, "/mnt", "~/a", Rw),
            ("host-bind:/mnt=", HostBind, "/mnt", "", Ro),
            ("host-bind:/mnt=,rw", HostBind, "/mnt", "", Rw),
            ("host-bind:/mnt=/a=b,c,ro", HostBind, "/mnt", "/a=b,c", Ro),
            ("guest-bind:/a:b=/c", GuestBind, "/a:b", "/c", Ro),
            ("ram:/tmp=500M", Ram, "/tmp", "500M", Ro),
            ("host-image:/x=/y.img,rw", HostImage, "/x", "/y.img", Rw),
            ("host-image:/x=/y,z.img,format=raw,rw,trusted", HostImage, "/x", "/y,z.img", Rw),
            ("host-bind:/x=/y,trusted", HostBind, "/x", "/y,trusted", Ro),
        ] {
            assert_eq!(parts(text), Some((kind, target.into(), source.into(), mode)), "{text}");
        }
        for text in ["", "ram", "ram:", "ram:/tmp", "ram:=1M", "bind:/a=/b", "HOST-BIND:/a=/b"] {
            assert_eq!(parts(text), None, "{text}");
        }
    }

    #[test]
    fn an_unknown_word_behind_a_comma_is_named_where_the_folder_is_there() {
        let said = |source: &str| {
            let options = Run { mount: vec![format!("host-bind:/in={source}").into()], ..Run::default() };
            match set(&mut Profile::new("x".to_owned(), Vec::new()), &options) {
                Err(Fault::Usage(text)) => Some(text),
                _ => None,
            }
        };
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().display().to_string();
        assert!(said(&format!("{path},rx")).unwrap().contains("“rx”"));
        assert!(said(&format!("{path},format=raw")).unwrap().contains("“format=raw”"));
        for good in [format!("{path},rw"), format!("{path}/none,rx"), path.clone()] {
            assert_eq!(said(&good), None, "{good}");
        }
        std::fs::write(folder.path().join("a"), "").unwrap();
        std::fs::write(folder.path().join("a,rx"), "").unwrap();
        assert_eq!(said(&format!("{path}/a,rx")), None, "a name with a comma");
    }

    #[test]
    fn what_is_relative_is_here() {
        let here = std::env::current_dir().unwrap();
        assert_eq!(from_here(Path::new("a/b")), here.join("a/b"));
        assert_eq!(from_here(Path::new("..")), here.parent().unwrap());
        assert_eq!(from_here(Path::new("~/x")), Path::new("~/x"));
        assert_eq!(from_here(Path::new("")), Path::new(""));
    }

    proptest! {
        #[test]
        fn what_is_written_as_a_mount_is_read_again(
            target in "/[^=\\x00]{0,20}", source in "[^\\x00]{0,20}", rw in any::<bool>()
        ) {
            let text = format!("host-bind:{target}={source},{}", if rw { "rw" } else { "ro" });
            let mode = if rw { MountMode::Rw } else { MountMode::Ro };
            prop_assert_eq!(parts(&text), Some((MountKind::HostBind, target, source, mode)));
        }

        #[test]
        fn any_bytes_are_a_mount_or_none(bytes: Vec<u8>) {
            let _ = mount(OsStr::from_bytes(&bytes));
            let _ = include(OsStr::from_bytes(&bytes), Path::new("/x"));
        }
    }
}
