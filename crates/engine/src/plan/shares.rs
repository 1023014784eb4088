// SPDX-License-Identifier: LGPL-2.1-or-later
//! What a sandbox sees beside the root: `files.mounts`, `files.home`,
//! `files.include`.

use super::build::{bytes, Found};
use super::files::{self, home, MASKS};
use super::secrets::{self, judge, Guarded};
use super::{Export, ImageSource, Note, ProblemKind, ShareKind, ShareSource};
use crate::host::Host;
use crate::profile::{self, parse_size, Home, Isolation, Mount, MountKind, MountMode, Profile};
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};
use terrarium_protocol::file_system::FileSystem;
use terrarium_protocol::orders::{HostSource, Share, Source, TaggedDisk};
use terrarium_protocol::Bytes;

/// All of them, as far as a plan can tell.
pub(super) struct Shares {
    pub(super) orders: Vec<Share>,
    /// The key of the profile that each of them came from.
    pub(super) fields: Vec<String>,
    pub(super) sources: Vec<ShareSource>,
    pub(super) exports: Vec<Export>,
    pub(super) images: Vec<ImageSource>,
    pub(super) disks: Vec<TaggedDisk>,
    pub(super) root: Option<PathBuf>,
    pub(super) guarded: Vec<Guarded>,
    pub(super) notes: Vec<Note>,
    targets: Vec<PathBuf>,
    pub(super) unmasked: Vec<PathBuf>,
}

impl Shares {
    /// Whether a path lies in one of them.
    pub(super) fn show(&self, path: &Path) -> bool {
        self.targets.iter().any(|target| path.starts_with(target))
    }

    /// Whether no source is looked at.
    pub(super) fn looks_at_nothing(&self) -> bool {
        self.sources.is_empty() && self.images.is_empty() && self.root.is_none()
    }

    /// Those that a machine may meet on its images.
    pub(super) fn file_systems(&self) -> Vec<FileSystem> {
        let is_image = |share: &Share| matches!(share.source, Source::Image(_));
        if self.orders.iter().any(is_image) {
            FileSystem::ALL.to_vec()
        } else {
            Vec::new()
        }
    }

    /// How many paths are known to hold secrets.
    pub(super) fn known_secrets(&self) -> usize {
        self.guarded.iter().filter(|one| one.hidden).count() + self.unmasked.len()
    }

    /// What is hidden of the root. The home is mounted after that.
    pub(super) fn root_masks(&self, host: &Host) -> Vec<Bytes> {
        let home = home(host);
        let masked = |mask: &&&str| {
            !home.starts_with(mask) && !self.unmasked.iter().any(|path| path == Path::new(mask))
        };
        MASKS.iter().filter(masked).map(|path| Bytes::from(*path)).collect()
    }
}

/// Finds them, and says what is wrong with them.
pub(super) fn shares(profile: &Profile, host: &Host, isolation: Isolation, found: &mut Found) -> Shares {
    let shares = Shares {
        orders: Vec::new(),
        fields: Vec::new(),
        sources: Vec::new(),
        exports: Vec::new(),
        images: Vec::new(),
        disks: Vec::new(),
        root: None,
        guarded: secrets::guarded(host),
        notes: Vec::new(),
        targets: Vec::new(),
        unmasked: Vec::new(),
    };
    let mut work = Work { profile, host, isolation, found, shares };
    work.unmask();
    work.root();
    work.home();
    for (index, mount) in profile.files.mounts.iter().enumerate() {
        work.mount(&format!("files.mounts[{index}]"), mount);
    }
    work.disks();
    for (index, include) in profile.files.include.iter().enumerate() {
        work.include(&format!("files.include[{index}]"), include);
    }
    work.shares
}

pub(super) struct Work<'a> {
    pub(super) profile: &'a Profile,
    pub(super) host: &'a Host,
    pub(super) isolation: Isolation,
    pub(super) found: &'a mut Found,
    pub(super) shares: Shares,
}

impl Work<'_> {
    fn unmask(&mut self) {
        for (index, path) in self.profile.files.unmask.iter().enumerate() {
            let path = self.resolve(path);
            let before = self.shares.guarded.len();
            self.shares.guarded.retain(|one| one.path != path);
            if self.shares.guarded.len() == before {
                self.found.add(format!("files.unmask[{index}]"), ProblemKind::NotMasked { path });
            } else {
                self.shares.notes.push(Note::Unmasked { path: path.clone() });
                self.shares.unmasked.push(path);
            }
        }
    }

    fn home(&mut self) {
        let target = home(self.host);
        let (path, kind, writable) = match self.profile.files.home {
            Home::Private => return,
            Home::Readonly => (self.host.user.home.clone(), ShareKind::Shown, false),
            Home::Kept => {
                let folder = super::folder_name(&self.profile.name);
                (self.host.places.data.join("homes").join(folder), ShareKind::KeptHome, true)
            }
        };
        self.of_host("files.home", &path, target, writable, kind);
    }

    fn mount(&mut self, field: &str, mount: &Mount) {
        let Some(target) = self.target(&format!("{field}.target"), &mount.target) else { return };
        let writable = mount.mode == MountMode::Rw;
        if mount.kind != MountKind::HostImage && (mount.format.is_some() || mount.trusted) {
            self.found.add(field, ProblemKind::ImagesOnly);
        }
        match mount.kind {
            MountKind::HostImage => self.image(field, mount, target),
            MountKind::Ram => {
                let size = self.size(&format!("{field}.source"), mount);
                self.add(field, target, Source::Memory { size, owned: false }, true);
            }
            MountKind::HostBind if mount.source.as_os_str().is_empty() => {
                let size = self.profile.limits.memory / 2;
                self.add(field, target, Source::Memory { size, owned: true }, true);
            }
            MountKind::HostBind => {
                let path = self.resolve(&mount.source);
                self.of_host(&format!("{field}.source"), &path, target, writable, ShareKind::Shown);
            }
            MountKind::GuestBind => {
                let Some(path) = self.path(&format!("{field}.source"), &mount.source) else { return };
                self.add(field, target, Source::Inside { path: bytes(&path) }, writable);
            }
        }
    }

    fn include(&mut self, field: &str, include: &profile::Include) {
        let Some(target) = self.target(&format!("{field}.target"), &include.target) else { return };
        if !self.is_private(&target) {
            self.found.add(format!("{field}.target"), ProblemKind::IncludeTarget { path: target });
            return;
        }
        let path = self.resolve(&include.source);
        self.of_host(&format!("{field}.source"), &path, target, false, ShareKind::Copied);
    }

    /// Whether nothing of the host shows there: the innermost that is mounted
    /// there is memory.
    fn is_private(&self, path: &Path) -> bool {
        let is_above = |target: &&Share| {
            let target = target.target.to_string();
            path.starts_with(&target) && path != Path::new(&target)
        };
        let copied = |share: &Share| matches!(&share.source, Source::Host(host) if host.copied);
        let last = self.shares.orders.iter().filter(|share| !copied(share)).rfind(is_above);
        let below = |top: &Path| path.starts_with(top) && path != top;
        match last {
            Some(share) => matches!(share.source, Source::Memory { .. }),
            None => {
                ["/tmp", "/var/tmp", "/run", "/dev/shm"].iter().any(|top| below(Path::new(top)))
                    || below(&home(self.host))
            }
        }
    }

    fn size(&mut self, field: &str, mount: &Mount) -> u64 {
        let most = self.profile.limits.memory;
        let text = mount.source.to_string_lossy();
        if text.is_empty() {
            return most / 2;
        }
        match parse_size(&text) {
            None => self.found.add(field, ProblemKind::NotASize { text: text.into_owned() }),
            Some(size) if size > 0 && size <= most => return size,
            Some(asked) => self.found.add(field, ProblemKind::RamSize { asked, most }),
        }
        0
    }

    /// On this computer `~` is the home of who runs the command; what is
    /// relative lies in it.
    pub(super) fn resolve(&self, path: &Path) -> PathBuf {
        let home = &self.host.user.home;
        plain(&path.strip_prefix("~").map_or_else(|_| home.join(path), |rest| home.join(rest)))
    }

    /// A path inside, where `~` is the home that the command has.
    pub(super) fn path(&mut self, field: &str, path: &Path) -> Option<PathBuf> {
        let path = &files::from_home(path, self.host);
        if path.as_os_str().as_bytes().contains(&0) {
            self.found.add(field, ProblemKind::Nul);
        } else if !path.is_absolute() || path.components().any(|part| part == Component::ParentDir) {
            self.found.add(field, ProblemKind::NotAbsolute { path: path.to_owned() });
        } else {
            return Some(plain(path));
        }
        None
    }

    fn target(&mut self, field: &str, path: &Path) -> Option<PathBuf> {
        let path = self.path(field, path)?;
        let is_kernels = ["/proc", "/sys", "/dev"].iter().any(|top| path.starts_with(top));
        if path == Path::new("/") || is_kernels && !path.starts_with("/dev/shm") {
            self.found.add(field, ProblemKind::Target { path });
            return None;
        }
        if self.is_taken(&path) {
            self.found.add(field, ProblemKind::SameTarget { path });
            return None;
        }
        Some(path)
    }

    /// Whether another row shows something exactly there, which nobody would
    /// see any more. What the home folder is may well be replaced.
    fn is_taken(&self, path: &Path) -> bool {
        let is_row = |field: &String| field.starts_with("files.mounts") || field.starts_with("files.include");
        let mut rows = self.shares.fields.iter().zip(&self.shares.targets);
        rows.any(|(field, target)| is_row(field) && target == path)
    }

    pub(super) fn add(&mut self, field: &str, target: PathBuf, source: Source, writable: bool) {
        self.shares.fields.push(field.to_owned());
        self.shares.orders.push(Share { target: bytes(&target), source, writable, masks: Vec::new() });
        self.shares.targets.push(target);
    }

    fn of_host(&mut self, field: &str, path: &Path, target: PathBuf, writable: bool, kind: ShareKind) {
        let Some(path) = self.path(field, path) else { return };
        let is_machine = self.isolation == Isolation::Machine;
        if is_machine && path.to_str().is_none_or(|text| text.contains(char::is_control)) {
            self.found.add(field, ProblemKind::NotText { path });
            return;
        }
        let hidden = match kind {
            ShareKind::KeptHome => Ok(Vec::new()),
            ShareKind::Shown | ShareKind::Copied => judge(&path, writable, &self.shares.guarded),
        };
        let hidden = match hidden {
            Ok(hidden) => hidden,
            Err(problem) => return self.found.add(field, problem),
        };
        if kind == ShareKind::Shown {
            self.remark(field, &path, writable, &hidden);
        }
        let masks = hidden.iter().filter(|_| kind == ShareKind::Shown).map(|one| bytes(&target.join(one)));
        let masks = masks.collect();
        let share = self.shares.orders.len();
        let tag = is_machine.then(|| format!("share{share}"));
        let exports = tag.iter().map(|tag| Export { path: path.clone(), tag: tag.clone(), writable });
        self.shares.exports.extend(exports);
        let copied = kind == ShareKind::Copied;
        self.add(
            field,
            target,
            Source::Host(HostSource { path: bytes(&path), tag, copied, ..HostSource::default() }),
            writable,
        );
        if let Some(last) = self.shares.orders.last_mut() {
            last.masks = masks;
        }
        self.shares.sources.push(ShareSource { field: field.to_owned(), share, path, writable, kind });
    }

    fn remark(&mut self, field: &str, path: &Path, writable: bool, hidden: &[PathBuf]) {
        match (self.isolation, hidden.first()) {
            (Isolation::Machine, Some(first)) if self.profile.security.privileged => {
                let (path, holds) = (path.to_owned(), path.join(first));
                self.found.add(field, ProblemKind::HiddenFromRoot { path, holds });
            }
            (Isolation::Machine, Some(_)) => {
                self.shares.notes.push(Note::HiddenInside { path: path.to_owned() });
            }
            (Isolation::Container, _) if writable => {
                self.shares.notes.push(Note::SocketsReachable { path: path.to_owned() });
            }
            _ => {}
        }
    }
}

/// Without what means nothing in it.
fn plain(path: &Path) -> PathBuf {
    path.components().collect()
}
