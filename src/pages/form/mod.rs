// SPDX-License-Identifier: LGPL-2.1-or-later
//! The form: what to run, and how strong. Every sentence about what cannot be
//! comes from the plan, which is made anew with every change.

mod equivalent;
mod problems;
mod screen;

use super::object;
use crate::window::Window;
use adw::prelude::*;
use equivalent::{equivalent, unescape};
use gettextrs::gettext;
use gtk::glib;
use screen::ScreenRows;
use std::cell::{Cell, RefCell};
use std::path::PathBuf;
use std::rc::Rc;
use terrarium_engine::message;
use terrarium_engine::plan::plan;
use terrarium_engine::profile::{Isolation, Profile};

/// The page.
pub struct Form {
    /// Its widget.
    pub widget: gtk::Box,
    title: adw::WindowTitle,
    run: gtk::Button,
    command: adw::EntryRow,
    directory: adw::EntryRow,
    container: gtk::CheckButton,
    machine: gtk::CheckButton,
    memory: gtk::SpinButton,
    cpus: gtk::SpinButton,
    privileged: gtk::Switch,
    screen: ScreenRows,
    equivalent: adw::ActionRow,
    copy: gtk::Button,
    rows: [adw::ActionRow; 2],
    messages: Vec<(&'static str, adw::ActionRow)>,
    /// What the form does not show of a profile stays as it was.
    rest: RefCell<Profile>,
    filling: Cell<bool>,
    /// Run was asked for before this computer was looked at.
    wanted: Cell<bool>,
}

/// Which message row shows the problems of which keys.
const FIELDS: &[(&str, &str)] = &[
    ("command.argv", "command-message"),
    ("command.directory", "directory-message"),
    ("display.sound", "sound-message"),
    ("display", "display-message"),
    ("limits", "memory-message"),
];

impl Form {
    /// The page, empty.
    pub fn new() -> Rc<Self> {
        let builder = gtk::Builder::from_string(include_str!("form.ui"));
        let messages = FIELDS.iter().map(|(key, id)| (*key, object(&builder, id)));
        let glass = [("container", "container-message"), ("machine", "machine-message")];
        Rc::new(Self {
            widget: object(&builder, "page"),
            title: object(&builder, "title"),
            run: object(&builder, "run-form"),
            command: object(&builder, "command"),
            directory: object(&builder, "directory"),
            container: object(&builder, "container"),
            machine: object(&builder, "machine"),
            memory: object(&builder, "memory"),
            cpus: object(&builder, "cpus"),
            privileged: object(&builder, "privileged"),
            screen: ScreenRows::new(&builder),
            equivalent: object(&builder, "equivalent"),
            copy: object(&builder, "copy-equivalent"),
            rows: [object(&builder, "container-row"), object(&builder, "machine-row")],
            messages: messages.chain(glass.map(|(key, id)| (key, object(&builder, id)))).collect(),
            rest: RefCell::new(Profile::new("", Vec::new())),
            filling: Cell::new(false),
            wanted: Cell::new(false),
        })
    }

    /// Looks again whenever something is changed.
    pub fn connect(self: &Rc<Self>, window: &Rc<Window>) {
        let (form, window) = (Rc::downgrade(self), Rc::downgrade(window));
        let changed = move || {
            if let (Some(form), Some(window)) = (form.upgrade(), window.upgrade()) {
                form.look(&window);
            }
        };
        let again = changed.clone();
        self.command.connect_changed(move |_| again());
        let again = changed.clone();
        self.directory.connect_changed(move |_| again());
        let again = changed.clone();
        self.container.connect_toggled(move |_| again());
        // The one that is switched off tells so before the other is on.
        let again = changed.clone();
        self.machine.connect_toggled(move |_| again());
        let again = changed.clone();
        self.memory.connect_value_changed(move |_| again());
        let again = changed.clone();
        self.cpus.connect_value_changed(move |_| again());
        let again = changed.clone();
        self.privileged.connect_active_notify(move |_| again());
        self.screen.connect(changed);
        let row = self.equivalent.clone();
        self.copy.connect_clicked(move |button| button.clipboard().set_text(&unescape(&row.subtitle())));
        let run = self.run.clone();
        self.command.connect_entry_activated(move |_| {
            let _ = run.activate_action("win.run", None);
        });
    }

    /// The computer has been looked at: choose what works, unless the user
    /// was quicker.
    pub fn host_is_known(self: &Rc<Self>, window: &Rc<Window>) {
        let chosen = self.machine.is_active() || self.container.is_active();
        if let Some(host) = window.bridge.host().filter(|_| !chosen) {
            let usual = plan(&Profile::new("usual", vec!["true".into()]), host).plan;
            let machine = usual.is_some_and(|plan| plan.isolation == Isolation::Machine);
            if machine { &self.machine } else { &self.container }.set_active(true);
        }
        self.look(window);
        if self.wanted.take() {
            self.run(window);
        }
    }

    /// Types a command.
    pub fn set_command(&self, text: &str) {
        self.command.set_text(text);
    }

    /// Puts the cursor where one begins.
    pub fn focus(&self) {
        self.command.grab_focus();
    }

    /// Shows a profile.
    pub fn fill(&self, profile: &Profile) {
        self.filling.set(true);
        let words = profile.command.argv.iter().map(|word| message::quote(&word.to_string_lossy()));
        self.command.set_text(&words.collect::<Vec<_>>().join(" "));
        let directory = profile.command.directory.as_ref();
        self.directory.set_text(&directory.map(|path| path.display().to_string()).unwrap_or_default());
        match profile.isolation {
            Some(Isolation::Machine) => self.machine.set_active(true),
            Some(Isolation::Container) => self.container.set_active(true),
            None => {}
        }
        self.memory.set_value((profile.limits.memory >> 20) as f64);
        self.cpus.set_value(f64::from(profile.limits.cpus.unwrap_or(1)));
        self.privileged.set_active(profile.security.privileged);
        self.screen.fill(&profile.display);
        self.title.set_title(&profile.name);
        *self.rest.borrow_mut() = profile.clone();
        self.filling.set(false);
        self.command.emit_by_name::<()>("changed", &[]);
    }

    /// What the form says.
    fn profile(&self) -> Profile {
        let mut profile = self.rest.borrow().clone();
        let text = self.command.text();
        profile.command.argv = glib::shell_parse_argv(text.as_str()).unwrap_or_default();
        if profile.name.is_empty() {
            let program = profile.command.argv.first().map(|word| word.to_string_lossy().into_owned());
            profile.name =
                program.and_then(|word| word.rsplit('/').next().map(str::to_owned)).unwrap_or_default();
            if profile.name.is_empty() {
                profile.name = gettext("Command");
            }
        }
        let directory = self.directory.text();
        profile.command.directory = (!directory.is_empty()).then(|| PathBuf::from(directory.as_str()));
        let machine = self.machine.is_active();
        profile.isolation = Some(if machine { Isolation::Machine } else { Isolation::Container });
        profile.limits.memory = (self.memory.value() as u64) << 20;
        profile.limits.cpus = Some(self.cpus.value() as u32);
        profile.security.privileged = self.privileged.is_active();
        self.screen.read(&mut profile.display);
        profile
    }

    /// Runs what the form says, or shows why it cannot.
    pub fn run(self: &Rc<Self>, window: &Rc<Window>) {
        if !window.shows("form") {
            return;
        }
        let Some(host) = window.bridge.host() else { return self.wanted.set(true) };
        match plan(&self.profile(), host).plan {
            Some(plan) => window.start(plan),
            None => self.look(window),
        }
    }

    fn look(&self, window: &Rc<Window>) {
        let Some(host) = window.bridge.host().filter(|_| !self.filling.get()) else { return };
        let profile = self.profile();
        let planned = plan(&profile, host);
        self.show_problems(&planned);
        self.show_glass(&profile, host);
        self.run.set_sensitive(planned.problems.is_empty());
        let first = planned.problems.first().map(|first| message::problem(first).text);
        self.run.set_tooltip_text(first.as_deref());
        self.equivalent.set_subtitle(&glib::markup_escape_text(&equivalent(&profile)));
    }
}
