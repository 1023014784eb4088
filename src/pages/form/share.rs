// SPDX-License-Identifier: LGPL-2.1-or-later
//! One folder, file or piece of memory that is shown.

use super::field::{message_row, Signal};
use super::steps::set;
use crate::pages::is_large;
use adw::prelude::*;
use gettextrs::gettext;
use gtk::glib;
use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use terrarium_engine::message::{self, tilde};
use terrarium_engine::profile::{Disk, ImageFormat, Mount, MountKind, MountMode};

/// What a row is about.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// One of `files.mounts`.
    Shared(MountKind),
    /// One of `files.include`.
    Copied,
    /// One of `files.disks`: an image as a device, whose target is its tag.
    Disk,
}

/// One row.
pub struct Share {
    /// What it is about.
    pub kind: Kind,
    /// Its widget.
    pub row: adw::ExpanderRow,
    /// What the plan says of it.
    pub message: adw::ActionRow,
    /// Takes it away.
    pub remove: gtk::Button,
    /// Changes places with the one above.
    pub up: gtk::Button,
    /// Changes places with the one below.
    pub down: gtk::Button,
    /// Asks for another source.
    pub choose: gtk::Button,
    source: adw::EntryRow,
    target: adw::EntryRow,
    mode: gtk::DropDown,
    /// It has a row of its own: beside the name there is no room.
    mode_below: bool,
    /// This computer's own kernel may read the image.
    trusted: gtk::Switch,
    format: Cell<Option<ImageFormat>>,
    /// The target follows the source until it is typed.
    follows: Rc<Cell<bool>>,
}

impl Share {
    /// A row with these values.
    pub fn new(kind: Kind, source: &Path, target: &Path, mode: MountMode, signal: &Signal) -> Rc<Self> {
        let modes = gtk::StringList::new(&[&gettext("Read Only"), &gettext("Can Write")]);
        let mode_list = gtk::DropDown::builder().model(&modes).valign(gtk::Align::Center).build();
        mode_list.add_css_class("flat");
        mode_list.set_selected(u32::from(mode == MountMode::Rw));
        mode_list.update_property(&[gtk::accessible::Property::Label(&gettext("Access"))]);
        let share = Rc::new(Self {
            kind,
            row: adw::ExpanderRow::new(),
            message: message_row("share-message"),
            remove: button("user-trash-symbolic", &gettext("Remove")),
            up: button("go-up-symbolic", &gettext("Move Up")),
            down: button("go-down-symbolic", &gettext("Move Down")),
            choose: button("folder-open-symbolic", &gettext("Choose…")),
            source: adw::EntryRow::builder().title(source_title(kind)).text(source.to_string_lossy()).build(),
            target: adw::EntryRow::builder().title(target_title(kind)).text(target.to_string_lossy()).build(),
            mode: mode_list,
            mode_below: is_large(),
            trusted: gtk::Switch::builder().valign(gtk::Align::Center).build(),
            format: Cell::new(None),
            follows: Rc::new(Cell::new(source == target)),
        });
        share.build();
        share.connect(signal);
        share
    }

    /// The row of one of a profile's mounts.
    pub fn of(mount: &Mount, signal: &Signal) -> Rc<Self> {
        let share = Self::new(Kind::Shared(mount.kind), &mount.source, &mount.target, mount.mode, signal);
        share.format.set(mount.format);
        signal.quietly(|| share.trusted.set_active(mount.trusted));
        share
    }

    /// The row of one of a profile's disks.
    pub fn of_disk(disk: &Disk, signal: &Signal) -> Rc<Self> {
        let share = Self::new(Kind::Disk, &disk.source, Path::new(&disk.tag), disk.mode, signal);
        share.format.set(disk.format);
        share
    }

    /// What it is in a profile as a disk.
    pub fn disk(&self) -> Disk {
        Disk {
            tag: self.target.text().into(),
            source: self.source(),
            mode: self.mode(),
            format: self.format.get(),
        }
    }

    /// What it is in a profile.
    pub fn mount(&self, kind: MountKind) -> Mount {
        Mount {
            kind,
            source: self.source(),
            target: self.target(),
            mode: self.mode(),
            format: self.format.get(),
            trusted: kind == MountKind::HostImage && self.trusted.is_active(),
        }
    }

    /// Shows another source and place.
    pub fn set(&self, source: &Path, target: &Path) {
        set(&self.source, &source.to_string_lossy());
        set(&self.target, &target.to_string_lossy());
        self.follows.set(source == target);
    }

    /// Shows another mount of its kind.
    pub fn set_mount(&self, mount: &Mount) {
        self.set(&mount.source, &mount.target);
        self.mode.set_selected(u32::from(mount.mode == MountMode::Rw));
        self.trusted.set_active(mount.trusted);
        self.format.set(mount.format);
    }

    /// Shows another disk.
    pub fn set_disk(&self, disk: &Disk) {
        self.set(&disk.source, Path::new(&disk.tag));
        self.mode.set_selected(u32::from(disk.mode == MountMode::Rw));
        self.format.set(disk.format);
    }

    fn build(&self) {
        let icon = match self.kind {
            Kind::Shared(MountKind::HostBind) => "folder-symbolic",
            Kind::Shared(MountKind::HostImage) => "drive-harddisk-symbolic",
            Kind::Shared(MountKind::GuestBind) => "folder-visiting-symbolic",
            Kind::Shared(MountKind::Ram) => "media-flash-symbolic",
            Kind::Copied => "edit-copy-symbolic",
            Kind::Disk => "drive-multidisk-symbolic",
        };
        self.row.add_prefix(&gtk::Image::from_icon_name(icon));
        // What is added first stands last.
        self.row.add_action(&self.remove);
        let has_mode = !matches!(self.kind, Kind::Copied | Kind::Shared(MountKind::Ram));
        self.mode.set_visible(has_mode);
        if self.mode_below {
            let access = adw::ActionRow::builder().title(gettext("Access")).visible(has_mode).build();
            access.add_suffix(&self.mode);
            self.row.add_row(&access);
        } else {
            self.row.add_action(&self.mode);
        }
        let on_this_computer = matches!(
            self.kind,
            Kind::Copied | Kind::Disk | Kind::Shared(MountKind::HostBind | MountKind::HostImage)
        );
        self.choose.set_visible(on_this_computer);
        self.source.add_suffix(&self.choose);
        self.row.add_row(&self.source);
        self.row.add_row(&self.target);
        let trusted = adw::ActionRow::builder().title(gettext("Trust This Image")).build();
        trusted.set_subtitle(&gettext(
            "In a container this computer’s kernel reads it, and a prepared image can attack the kernel.",
        ));
        trusted.set_subtitle_lines(0);
        trusted.add_suffix(&self.trusted);
        trusted.set_activatable_widget(Some(&self.trusted));
        trusted.set_visible(self.kind == Kind::Shared(MountKind::HostImage));
        self.row.add_row(&trusted);
        if self.kind == Kind::Disk {
            // Nothing is mounted, so nothing lies over it.
            return;
        }
        let order = adw::ActionRow::builder().title(gettext("Order")).build();
        order.set_subtitle(&gettext("What is mounted later lies over what was before."));
        order.set_subtitle_lines(0);
        order.add_suffix(&self.up);
        order.add_suffix(&self.down);
        self.row.add_row(&order);
    }

    fn connect(self: &Rc<Self>, signal: &Signal) {
        let changed = signal.clone();
        self.trusted.connect_active_notify(move |_| changed.emit());
        let (weak, changed) = (Rc::downgrade(self), signal.clone());
        self.source.connect_changed(move |source| {
            if let Some(share) = weak.upgrade().filter(|share| share.follows.get()) {
                share.target.set_text(&source.text());
                share.follows.set(true);
            }
            changed.emit();
        });
        let (follows, changed) = (self.follows.clone(), signal.clone());
        self.target.connect_changed(move |_| {
            follows.set(false);
            changed.emit();
        });
        let changed = signal.clone();
        self.trusted.connect_active_notify(move |_| changed.emit());
        let changed = signal.clone();
        self.mode.connect_selected_notify(move |_| changed.emit());
    }

    /// Opens it, to be filled in.
    pub fn expand(&self) {
        self.row.set_expanded(true);
    }

    /// Opens it, and leads there.
    pub fn focus(&self) {
        self.expand();
        self.focus_title();
    }

    /// Its title gets the focus, not the whole, which takes none.
    pub fn focus_title(&self) {
        self.row.child_focus(gtk::DirectionType::TabForward);
    }

    /// Shows another source.
    pub fn set_source(&self, path: &Path) {
        self.source.set_text(&path.to_string_lossy());
    }

    /// What is shown.
    pub fn source(&self) -> PathBuf {
        PathBuf::from(self.source.text().as_str())
    }

    /// Where.
    pub fn target(&self) -> PathBuf {
        PathBuf::from(self.target.text().as_str())
    }

    /// Whether it may be written.
    pub fn mode(&self) -> MountMode {
        if self.mode.is_visible() && self.mode.selected() == 1 {
            MountMode::Rw
        } else {
            MountMode::Ro
        }
    }

    /// Whether a folder rather than a file is chosen next.
    pub fn is_folder(&self) -> bool {
        self.kind == Kind::Shared(MountKind::HostBind) && self.source().extension().is_none()
    }

    /// Says in its title what it is.
    pub fn tell(&self, home: &Path) {
        let (source, target) = (self.source(), self.target());
        let path = message::shown(&tilde(&source, home));
        let target_text = message::shown(&tilde(&target, home));
        let name = source.file_name().map(|name| message::shown(&name.to_string_lossy()));
        let title = match self.kind {
            Kind::Shared(MountKind::Ram) => gettext("Memory"),
            Kind::Shared(MountKind::HostBind) if source.as_os_str().is_empty() => gettext("Empty Folder"),
            Kind::Copied => gettext("Copy of {name}").replace("{name}", &name.unwrap_or_default()),
            Kind::Shared(_) | Kind::Disk => name.unwrap_or_else(|| path.clone()),
        };
        let target_text = match self.kind {
            Kind::Disk => format!("/dev/disk/by-tag/{target_text}"),
            _ => target_text,
        };
        let is_same = source == target || tilde(&source, home) == tilde(&target, home);
        let subtitle = match (path.is_empty(), is_same) {
            (false, true) => path,
            (true, _) => target_text,
            (false, false) => format!("{path} → {target_text}"),
        };
        let subtitle =
            [Some(subtitle), self.mode_in_words()].into_iter().flatten().collect::<Vec<_>>().join(" · ");
        self.row.set_title(&glib::markup_escape_text(&title));
        self.row.set_subtitle(&glib::markup_escape_text(&subtitle));
    }

    /// How it is shared, if that is not seen beside its name.
    fn mode_in_words(&self) -> Option<String> {
        let chosen = self.mode.selected_item().and_downcast::<gtk::StringObject>();
        let chosen = chosen.filter(|_| self.mode_below && self.mode.is_visible());
        chosen.map(|chosen| chosen.string().into())
    }
}

fn source_title(kind: Kind) -> String {
    match kind {
        Kind::Shared(MountKind::Ram) => gettext("Size (half of the memory if empty)"),
        Kind::Shared(MountKind::GuestBind) => gettext("Folder Inside"),
        Kind::Shared(_) | Kind::Copied | Kind::Disk => gettext("On This Computer"),
    }
}

fn target_title(kind: Kind) -> String {
    match kind {
        Kind::Disk => gettext("Name in /dev/disk/by-tag"),
        _ => gettext("Seen At"),
    }
}

/// A flat button with a picture.
pub fn button(icon: &str, hint: &str) -> gtk::Button {
    let button = gtk::Button::builder().icon_name(icon).tooltip_text(hint).valign(gtk::Align::Center).build();
    crate::pages::name_by_hint(&button);
    button.add_css_class("flat");
    button
}
