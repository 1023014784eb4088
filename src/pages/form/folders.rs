// SPDX-License-Identifier: LGPL-2.1-or-later
//! Folders, files and memory that are shown: rows that come, change places and
//! go.

use super::field::{say, Group, Signal};
use super::share::{Kind, Share};
use super::there::is_on_host;
use crate::window::Window;
use adw::prelude::*;
use gettextrs::gettext;
use gtk::{gio, glib};
use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::rc::{Rc, Weak};
use terrarium_engine::message;
use terrarium_engine::plan::Problem;
use terrarium_engine::profile::{Include, MountKind, MountMode, Profile};

/// All of them.
pub struct Folders {
    shares: RefCell<Vec<Rc<Share>>>,
    list: gtk::ListBox,
    signal: Signal,
    window: RefCell<Weak<Window>>,
    own: Weak<Self>,
    /// Rows of the list before the first of these.
    before: Cell<i32>,
    home: RefCell<PathBuf>,
    /// How often the rows were made anew.
    fillings: Cell<u32>,
    /// Sources that are not there.
    missing: RefCell<BTreeSet<PathBuf>>,
    /// The problems that are shown.
    problems: RefCell<Vec<Problem>>,
}

impl Folders {
    /// In a group, below the rows that it has.
    pub fn new(group: &Group, signal: &Signal) -> Rc<Self> {
        let before = std::iter::successors(group.list.first_child(), WidgetExt::next_sibling).count();
        let folders = Rc::new_cyclic(|own| Self {
            shares: RefCell::default(),
            list: group.list.clone(),
            signal: signal.clone(),
            window: RefCell::default(),
            own: own.clone(),
            before: Cell::new(i32::try_from(before).unwrap_or(0)),
            home: RefCell::default(),
            fillings: Cell::new(0),
            missing: RefCell::default(),
            problems: RefCell::default(),
        });
        group.widget.set_header_suffix(Some(&folders.add_button()));
        folders
    }

    /// Where files are chosen, and things are said.
    pub fn connect(&self, window: &Rc<Window>) {
        self.window.replace(Rc::downgrade(window));
    }

    fn add_button(self: &Rc<Self>) -> gtk::MenuButton {
        let menu = gio::Menu::new();
        let group = gio::SimpleActionGroup::new();
        for (name, text, kind) in [
            ("folder", gettext("_Folder…"), Kind::Shared(MountKind::HostBind)),
            ("file", gettext("F_ile…"), Kind::Shared(MountKind::HostBind)),
            ("copy", gettext("_Copy of a File…"), Kind::Copied),
            ("image", gettext("Content of a Disk _Image…"), Kind::Shared(MountKind::HostImage)),
            ("disk", gettext("Disk Image as a Bare _Device…"), Kind::Disk),
            ("memory", gettext("Empty Folder in _Memory"), Kind::Shared(MountKind::Ram)),
            ("inside", gettext("Another Place for a Folder _Inside"), Kind::Shared(MountKind::GuestBind)),
        ] {
            menu.append(Some(&text), Some(&format!("share.{name}")));
            let action = gio::SimpleAction::new(name, None);
            let (weak, folder) = (self.own.clone(), name == "folder");
            action.connect_activate(move |_, _| {
                if let Some(folders) = weak.upgrade() {
                    folders.begin(kind, folder);
                }
            });
            group.add_action(&action);
        }
        let content = adw::ButtonContent::builder().icon_name("list-add-symbolic").label(gettext("_Add…"));
        let content = content.use_underline(true).build();
        let button = gtk::MenuButton::builder().child(&content).menu_model(&menu).valign(gtk::Align::Center);
        let button = button.css_classes(["flat"]).build();
        button.insert_action_group("share", Some(&group));
        button.set_widget_name("add-share");
        button
    }

    /// One more; what lies on this computer is chosen first.
    fn begin(&self, kind: Kind, folder: bool) {
        let target = |name: &str| PathBuf::from(name);
        let fresh = match kind {
            Kind::Shared(MountKind::Ram) => Some((String::new(), target("/ram"))),
            Kind::Shared(MountKind::GuestBind) => Some(("/tmp".into(), target("/mnt"))),
            _ => None,
        };
        if let Some((source, target)) = fresh {
            self.add(Share::new(kind, Path::new(&source), &target, MountMode::Ro, &self.signal)).expand();
            return self.signal.emit();
        }
        let (Some(folders), Some(window)) = (self.own.upgrade(), self.window.borrow().upgrade()) else {
            return;
        };
        glib::spawn_future_local(async move {
            let Some(path) = choose(&window, folder).await else { return };
            folders.add_path(kind, &path);
        });
    }

    /// Shares a path where it is; a copy lies in the home folder.
    pub fn add_path(&self, kind: Kind, path: &Path) {
        let target = match (kind, path.file_name()) {
            (Kind::Copied, Some(name)) => self.home.borrow().join(name),
            (Kind::Shared(MountKind::HostImage), _) => PathBuf::from("/mnt/image"),
            (Kind::Disk, _) => self.free_tag(),
            _ => path.to_owned(),
        };
        let share = self.add(Share::new(kind, path, &target, MountMode::Ro, &self.signal));
        self.signal.emit();
        // Once it has its place it is scrolled to.
        glib::idle_add_local_once(move || {
            share.focus_title();
        });
    }

    /// A name for a device that no other has.
    fn free_tag(&self) -> PathBuf {
        let shares = self.shares.borrow();
        let disks = || shares.iter().filter(|share| share.kind == Kind::Disk);
        let is_free = |tag: &String| disks().all(|share| share.disk().tag != *tag);
        let tag = (1..).map(|number| format!("disk{number}")).find(is_free);
        tag.unwrap_or_default().into()
    }

    fn add(&self, share: Rc<Share>) -> Rc<Share> {
        self.connect_share(&share);
        self.shares.borrow_mut().push(share.clone());
        self.place();
        share
    }

    fn connect_share(&self, share: &Rc<Share>) {
        let (weak, one) = (self.own.clone(), Rc::downgrade(share));
        share.remove.connect_clicked(move |_| {
            if let (Some(folders), Some(one)) = (weak.upgrade(), one.upgrade()) {
                folders.remove(&one);
            }
        });
        for (button, by) in [(&share.up, -1_isize), (&share.down, 1)] {
            let (weak, one) = (self.own.clone(), Rc::downgrade(share));
            button.connect_clicked(move |_| {
                if let (Some(folders), Some(one)) = (weak.upgrade(), one.upgrade()) {
                    folders.shift(&one, by);
                }
            });
        }
        let (weak, one) = (self.own.clone(), Rc::downgrade(share));
        share.choose.connect_clicked(move |_| {
            let (Some(folders), Some(one)) = (weak.upgrade(), one.upgrade()) else { return };
            let Some(window) = folders.window.borrow().upgrade() else { return };
            glib::spawn_future_local(async move {
                if let Some(path) = choose(&window, one.is_folder()).await {
                    one.set_source(&path);
                }
            });
        });
    }

    fn remove(&self, share: &Rc<Share>) {
        let Some(index) = self.index(share) else { return };
        self.shares.borrow_mut().remove(index);
        self.list.remove(&share.row);
        self.list.remove(&share.message);
        self.place();
        self.signal.emit();
        let Some(window) = self.window.borrow().upgrade() else { return };
        let (weak, share, filling) = (self.own.clone(), share.clone(), self.fillings.get());
        window.offer(&gettext("Removed"), &gettext("_Undo"), move || {
            // In other rows it has no place.
            if let Some(folders) = weak.upgrade().filter(|folders| folders.fillings.get() == filling) {
                let at = index.min(folders.shares.borrow().len());
                folders.shares.borrow_mut().insert(at, share.clone());
                folders.place();
                folders.signal.emit();
            }
        });
    }

    fn shift(&self, share: &Rc<Share>, by: isize) {
        let Some(index) = self.index(share) else { return };
        let other = index.checked_add_signed(by).filter(|other| *other < self.shares.borrow().len());
        if let Some(other) = other {
            self.shares.borrow_mut().swap(index, other);
            self.place();
            self.signal.emit();
        }
    }

    fn index(&self, share: &Rc<Share>) -> Option<usize> {
        self.shares.borrow().iter().position(|one| Rc::ptr_eq(one, share))
    }

    /// Puts the rows where they belong.
    fn place(&self) {
        let shares = self.shares.borrow();
        let mut at = self.before.get();
        for (index, share) in shares.iter().enumerate() {
            for row in [share.row.upcast_ref::<gtk::Widget>(), share.message.upcast_ref()] {
                if row.parent().is_some() {
                    self.list.remove(row);
                }
                self.list.insert(row, at);
                at += 1;
            }
            share.up.set_sensitive(index > 0);
            share.down.set_sensitive(index + 1 < shares.len());
        }
    }

    /// Shows a profile's.
    pub fn fill(&self, profile: &Profile, home: &Path) {
        self.home.replace(home.to_owned());
        self.fillings.set(self.fillings.get() + 1);
        for share in self.shares.take() {
            self.list.remove(&share.row);
            self.list.remove(&share.message);
        }
        for mount in &profile.files.mounts {
            self.add(Share::of(mount, &self.signal));
        }
        for copy in &profile.files.include {
            let (source, target) = (&copy.source, &copy.target);
            self.add(Share::new(Kind::Copied, source, target, MountMode::Ro, &self.signal));
        }
        for disk in &profile.files.disks {
            self.add(Share::of_disk(disk, &self.signal));
        }
    }

    /// Shows a profile's again. Where there are as many of each kind the rows
    /// stay, open and with the focus as they are.
    pub fn restore(&self, profile: &Profile) {
        let files = &profile.files;
        let (mut mounts, mut copies, mut disks) =
            (files.mounts.iter(), files.include.iter(), files.disks.iter());
        let shares = self.shares.borrow().clone();
        let stays = shares.iter().all(|share| match share.kind {
            Kind::Shared(kind) => mounts.next().is_some_and(|mount| mount.kind == kind),
            Kind::Copied => copies.next().is_some(),
            Kind::Disk => disks.next().is_some(),
        });
        if !stays || mounts.len() + copies.len() + disks.len() > 0 {
            return self.fill(profile, &self.home());
        }
        let (mut mounts, mut copies, mut disks) =
            (files.mounts.iter(), files.include.iter(), files.disks.iter());
        for share in shares {
            match share.kind {
                Kind::Shared(_) => mounts.next().iter().for_each(|mount| share.set_mount(mount)),
                Kind::Copied => copies.next().iter().for_each(|copy| share.set(&copy.source, &copy.target)),
                Kind::Disk => disks.next().iter().for_each(|disk| share.set_disk(disk)),
            }
        }
    }

    /// One row, counted as in a profile, or all of them.
    pub fn row(&self, at: Option<usize>) -> Option<gtk::Widget> {
        let Some(at) = at else { return Some(self.list.clone().upcast()) };
        let mut shares = self.shares.borrow().clone();
        shares.sort_by_key(|share| match share.kind {
            Kind::Shared(_) => 0,
            Kind::Copied => 1,
            Kind::Disk => 2,
        });
        shares.get(at).map(|share| share.row.clone().upcast())
    }

    /// What the rows say.
    pub fn read(&self, profile: &mut Profile) {
        let (mut mounts, mut include, mut disks) = (Vec::new(), Vec::new(), Vec::new());
        for share in self.shares.borrow().iter() {
            match share.kind {
                Kind::Shared(kind) => mounts.push(share.mount(kind)),
                Kind::Copied => include.push(Include { source: share.source(), target: share.target() }),
                Kind::Disk => disks.push(share.disk()),
            }
        }
        profile.files.disks = disks;
        profile.files.mounts = mounts;
        profile.files.include = include;
    }

    /// Each problem below the row that it is about.
    pub fn show_problems(&self, problems: &[Problem]) {
        self.problems.replace(problems.to_vec());
        self.tell();
    }

    /// These sources are not there; whether others were missing before.
    pub fn show_missing(&self, missing: BTreeSet<PathBuf>) -> bool {
        let before = self.missing.replace(missing);
        self.tell();
        before != *self.missing.borrow()
    }

    /// Whether one of the sources is not there.
    pub fn lacks_any(&self) -> bool {
        self.first_missing().is_some()
    }

    fn first_missing(&self) -> Option<Rc<Share>> {
        let (shares, missing) = (self.shares.borrow(), self.missing.borrow());
        shares.iter().find(|share| missing.contains(&share.source())).cloned()
    }

    /// Opens the row whose source is not there.
    pub fn focus_missing(&self) {
        if let Some(share) = self.first_missing() {
            share.focus();
        }
    }

    /// The first that is not there, in words.
    pub fn missing_words(&self) -> Option<String> {
        let share = self.first_missing()?;
        let path = message::shown(&message::tilde(&share.source(), &self.home()));
        Some(gettext("{path} is not there.").replace("{path}", &path))
    }

    /// A profile without what is not there: nothing of that can be reached.
    pub fn only_there(&self, profile: &Profile) -> Profile {
        let missing = self.missing.borrow();
        let mut there = profile.clone();
        let files = &mut there.files;
        files.mounts.retain(|mount| !is_on_host(mount.kind) || !missing.contains(&mount.source));
        files.include.retain(|copy| !missing.contains(&copy.source));
        files.disks.retain(|disk| !missing.contains(&disk.source));
        there
    }

    /// The home folder that the rows are about from now on.
    pub fn set_home(&self, home: &Path) {
        self.home.replace(home.to_owned());
    }

    /// The home folder that the rows are about.
    pub fn home(&self) -> PathBuf {
        self.home.borrow().clone()
    }

    /// Opens the row that a problem is about.
    pub fn focus(&self, key: &str) -> bool {
        let keys = self.keys();
        let found = keys.iter().position(|one| key.starts_with(one.as_str()));
        let share = found.and_then(|index| self.shares.borrow().get(index).cloned());
        if let Some(share) = &share {
            share.focus();
        }
        share.is_some()
    }

    /// The profile's key of each row.
    fn keys(&self) -> Vec<String> {
        let (mut mounts, mut copies, mut disks) = (0, 0, 0);
        let shares = self.shares.borrow();
        let keys = shares.iter().map(|share| match share.kind {
            Kind::Shared(_) => numbered("files.mounts", &mut mounts),
            Kind::Copied => numbered("files.include", &mut copies),
            Kind::Disk => numbered("files.disks", &mut disks),
        });
        keys.collect()
    }

    fn tell(&self) {
        let (problems, missing) = (self.problems.borrow(), self.missing.borrow());
        let home = self.home.borrow();
        for (share, key) in self.shares.borrow().iter().zip(self.keys()) {
            share.tell(&home);
            let found = problems.iter().find(|problem| problem.field.starts_with(&key)).map(message::problem);
            let text = found.map(|found| format!("{} {}", found.text, found.fix).trim().to_owned());
            let gone = || gettext("It is not there. Choose another one, or remove it.");
            let text = text.or_else(|| missing.contains(&share.source()).then(gone));
            say(&share.message, text.as_deref(), true);
        }
    }
}

fn numbered(key: &str, count: &mut usize) -> String {
    *count += 1;
    format!("{key}[{}]", *count - 1)
}

/// Asks for a folder or a file.
async fn choose(window: &Rc<Window>, folder: bool) -> Option<PathBuf> {
    let (title, action) = if folder {
        (gettext("Choose a Folder"), gtk::FileChooserAction::SelectFolder)
    } else {
        (gettext("Choose a File"), gtk::FileChooserAction::Open)
    };
    let chooser = gtk::FileChooserNative::new(Some(&title), Some(&window.widget), action, None, None);
    chooser.set_modal(true);
    let accepted = chooser.run_future().await == gtk::ResponseType::Accept;
    chooser.file().filter(|_| accepted)?.path()
}
