// SPDX-License-Identifier: LGPL-2.1-or-later
//! What to run: typed, with what was run before and the programs that are
//! there, or an app that is installed.

use super::{programs, Form};
use crate::apps::{self, App};
use crate::bridge::Bridge;
use crate::pages::templates;
use crate::window::Window;
use adw::prelude::*;
use gettextrs::gettext;
use gtk::{gdk, glib};
use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use terrarium_engine::message;
use terrarium_engine::profile::{DisplayKind, Profile};

/// Commands that are remembered.
const REMEMBERED: usize = 50;
/// Lines of the list.
const LINES: usize = 8;

/// What apps are started by, and what runs without a window as well.
const STARTERS: &[&str] =
    &["bash", "dash", "dbus-send", "env", "gapplication", "gio", "java", "perl", "python3", "sh", "xdg-open"];

/// The list below the command.
pub struct Completion {
    row: adw::EntryRow,
    popover: gtk::Popover,
    list: gtk::ListBox,
    programs: RefCell<Vec<String>>,
    history: RefCell<Vec<String>>,
    /// Programs of apps with windows.
    with_windows: RefCell<BTreeSet<String>>,
    /// The program that was typed last, and whether a window was chosen for it.
    program: RefCell<(String, bool)>,
    taking: Cell<bool>,
    /// Where the app that was chosen last starts.
    directory: RefCell<Option<PathBuf>>,
}

impl Completion {
    /// For a row.
    pub fn new(row: &adw::EntryRow) -> Rc<Self> {
        let list = gtk::ListBox::builder().selection_mode(gtk::SelectionMode::Browse).build();
        let popover = gtk::Popover::builder().child(&list).autohide(false).has_arrow(false).build();
        popover.set_position(gtk::PositionType::Bottom);
        popover.set_halign(gtk::Align::Start);
        popover.set_parent(row);
        popover.set_can_focus(false);
        let weak = popover.downgrade();
        row.connect_destroy(move |_| {
            if let Some(popover) = weak.upgrade() {
                popover.unparent();
            }
        });
        Rc::new(Self {
            row: row.clone(),
            popover,
            list,
            programs: RefCell::default(),
            history: RefCell::default(),
            with_windows: RefCell::default(),
            program: RefCell::default(),
            taking: Cell::new(false),
            directory: RefCell::default(),
        })
    }

    /// Reads what there is, and offers it while something is typed.
    pub fn connect(self: &Rc<Self>, window: &Rc<Window>) {
        let (completion, bridge) = (self.clone(), window.bridge.clone());
        glib::spawn_future_local(async move {
            bridge.begin().await;
            completion.programs.replace(read_programs(&bridge).await);
            completion.history.replace(bridge.history().await);
            let apps = bridge.look_at(templates::read_apps).await.unwrap_or_default();
            completion.with_windows.replace(with_windows(&apps));
        });
        let weak = Rc::downgrade(self);
        self.row.connect_changed(move |_| {
            if let Some(completion) = weak.upgrade().filter(|one| !one.taking.get()) {
                completion.offer();
            }
        });
        let focus = gtk::EventControllerFocus::new();
        let popover = self.popover.downgrade();
        focus.connect_leave(move |_| popover.upgrade().iter().for_each(|popover| popover.popdown()));
        self.row.add_controller(focus);
        let keys = gtk::EventControllerKey::new();
        keys.set_propagation_phase(gtk::PropagationPhase::Capture);
        let weak = Rc::downgrade(self);
        keys.connect_key_pressed(move |_, key, _, _| match weak.upgrade() {
            Some(completion) if completion.popover.is_visible() => completion.key(key),
            _ => glib::Propagation::Proceed,
        });
        self.row.add_controller(keys);
        let weak = Rc::downgrade(self);
        self.list.connect_row_activated(move |_, row| {
            if let Some(completion) = weak.upgrade() {
                completion.take(row);
            }
        });
    }

    /// What begins like this.
    fn matches(&self, text: &str) -> Vec<String> {
        if text.trim().is_empty() {
            return Vec::new();
        }
        let begins = |one: &&String| one.starts_with(text) && one.as_str() != text;
        let history = self.history.borrow();
        let programs = self.programs.borrow();
        let mut found: Vec<String> = history.iter().filter(begins).cloned().collect();
        for program in programs.iter().filter(|one| one.as_str() != text && programs::begins(one, text)) {
            if !found.contains(program) {
                found.push(program.clone());
            }
        }
        found.truncate(LINES);
        found
    }

    fn offer(&self) {
        let has_focus = self.row.state_flags().contains(gtk::StateFlags::FOCUS_WITHIN);
        let found = if has_focus { self.matches(&self.row.text()) } else { Vec::new() };
        while let Some(child) = self.list.first_child() {
            self.list.remove(&child);
        }
        for text in &found {
            let label = gtk::Label::builder().label(text).xalign(0.0).max_width_chars(50);
            let label = label.ellipsize(gtk::pango::EllipsizeMode::End).margin_start(6).margin_end(6).build();
            self.list.append(&label);
        }
        if found.is_empty() {
            self.popover.popdown();
        } else {
            self.popover.popup();
        }
    }

    fn key(&self, key: gdk::Key) -> glib::Propagation {
        let by = match key {
            gdk::Key::Down => 1,
            gdk::Key::Up => -1,
            gdk::Key::Escape => {
                self.popover.popdown();
                return glib::Propagation::Stop;
            }
            gdk::Key::Tab | gdk::Key::Return => {
                return match self.list.selected_row() {
                    Some(row) => {
                        self.take(&row);
                        glib::Propagation::Stop
                    }
                    None => {
                        self.popover.popdown();
                        glib::Propagation::Proceed
                    }
                };
            }
            _ => return glib::Propagation::Proceed,
        };
        let at = self.list.selected_row().map_or(if by > 0 { 0 } else { -1 }, |row| row.index() + by);
        let row = self.list.row_at_index(at);
        self.list.select_row(row.as_ref());
        glib::Propagation::Stop
    }

    fn take(&self, row: &gtk::ListBoxRow) {
        let Some(label) = row.child().and_downcast::<gtk::Label>() else { return };
        self.taking.set(true);
        self.row.set_text(&label.label());
        self.row.set_position(-1);
        self.taking.set(false);
        self.popover.popdown();
    }

    /// It was run: the next time it is offered.
    pub fn remember(&self, window: &Rc<Window>, text: &str) {
        if text.trim().is_empty() {
            return;
        }
        let mut history = self.history.borrow_mut();
        history.retain(|one| one != text);
        history.insert(0, text.to_owned());
        history.truncate(REMEMBERED);
        let (bridge, kept) = (window.bridge.clone(), history.clone());
        glib::spawn_future_local(async move { drop(bridge.keep_history(kept).await) });
    }
}

/// Programs that a command may begin with. Folders are read on another thread.
async fn read_programs(bridge: &Bridge) -> Vec<String> {
    let Some(host) = bridge.host().cloned() else { return Vec::new() };
    let path = std::env::var_os("PATH").unwrap_or_default();
    bridge.look_at(move || programs::programs(&host, &path)).await.unwrap_or_default()
}

/// The programs of apps that have windows.
fn with_windows(apps: &[App]) -> BTreeSet<String> {
    let programs = apps.iter().filter(|app| !app.terminal).filter_map(|app| app.argv(&[]).into_iter().next());
    let names = programs.map(|program| base_name(&program.to_string_lossy()));
    names.filter(|name| !STARTERS.contains(&name.as_str())).collect()
}

pub(super) fn base_name(program: &str) -> String {
    program.rsplit('/').next().unwrap_or_default().to_owned()
}

impl Form {
    pub(super) fn connect_app(self: &Rc<Self>, window: &Rc<Window>) {
        let (form, weak) = (Rc::downgrade(self), Rc::downgrade(window));
        self.choose_app.connect_clicked(move |_| {
            let Some(window) = weak.upgrade() else { return };
            let (form, own) = (form.clone(), window.clone());
            apps::choose(&window.widget, &window.bridge, None, move |app| {
                if let Some(form) = form.upgrade() {
                    form.take_app(&own, &app);
                }
            });
        });
    }

    /// Another program was typed: one of an app with windows gets a screen,
    /// and what had got one by that goes back to a terminal.
    pub(super) fn follow_program(&self) {
        if self.item.borrow().is_some() {
            return;
        }
        let profile = self.typed();
        let program = profile.command.argv.first().map(|word| base_name(&word.to_string_lossy()));
        let program = program.unwrap_or_default();
        let (before, chosen) = self.completion.program.borrow().clone();
        if before == program {
            return;
        }
        let has_windows = self.completion.with_windows.borrow().contains(&program);
        let kind = match (profile.display.kind, has_windows) {
            (DisplayKind::Terminal, true) => DisplayKind::Window,
            (DisplayKind::Window, false) if chosen => DisplayKind::Terminal,
            (kind, _) => kind,
        };
        let is_ours = has_windows && (chosen || kind != profile.display.kind);
        self.completion.program.replace((program, is_ours));
        if kind != profile.display.kind {
            let mut changed = profile;
            changed.display.kind = kind;
            self.signal.quietly(|| self.fields.iter().for_each(|field| field.fill(&changed)));
        }
    }

    /// Runs this app: its command, its name, and how it shows.
    pub fn take_app(self: &Rc<Self>, window: &Rc<Window>, app: &App) {
        let mut profile = self.typed();
        profile.command.argv = app.argv(&[]);
        self.take_directory(window, app, &mut profile);
        profile.display.kind = if app.terminal { DisplayKind::Terminal } else { DisplayKind::Window };
        if self.title.is_untouched() {
            profile.name = app.name.replace('/', "-");
        }
        let home = window.bridge.host().map(|host| host.user.home.clone()).unwrap_or_default();
        self.show(&profile, &home);
        self.look(window);
        self.keep_draft(window);
        window.toast(&gettext("{name} is chosen").replace("{name}", &message::shown(&app.name)));
    }

    /// Where it starts goes with the app: what the last one brought is taken
    /// away again, and what was typed stays.
    fn take_directory(&self, window: &Rc<Window>, app: &App, profile: &mut Profile) {
        let brought = window.bridge.host().and_then(|host| templates::directory(app, host));
        let before = self.completion.directory.replace(brought.clone());
        if before.is_some() && profile.command.directory == before {
            profile.command.directory = None;
        }
        // Another root need not have it.
        let brought = brought.filter(|_| profile.files.root.is_none());
        profile.command.directory = profile.command.directory.take().or(brought);
    }

    /// An image is shown as a device.
    pub fn take_disk(&self, path: &Path) {
        self.folders.add_path(super::share::Kind::Disk, path);
    }

    /// A file was dropped on the form: it is shared, and can be opened.
    pub fn take_path(&self, path: &Path) {
        self.folders
            .add_path(super::share::Kind::Shared(terrarium_engine::profile::MountKind::HostBind), path);
    }
}
