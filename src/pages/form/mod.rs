// SPDX-License-Identifier: LGPL-2.1-or-later
//! The form: everything that a profile can hold, in the order in which one
//! thinks of it. Every sentence about what cannot be comes from the plan,
//! which is made anew with every change.

mod advanced;
mod aside;
mod command;
mod draft;
pub(crate) mod field;
mod fitting;
mod folders;
mod glass;
pub(crate) mod groups;
mod interface;
mod interfaces;
mod look;
mod name;
mod narrow;
mod programs;
mod rows;
mod save;
mod share;
mod steps;
mod there;
mod undo;
pub(crate) mod words;

use super::object;
use super::reach::Pane;
use crate::library::Item;
use crate::window::{Launch, Window};
use advanced::Advanced;
use adw::prelude::*;
use command::Completion;
use draft::Draft;
use field::{Field, Group, Signal};
use folders::Folders;
use gettextrs::gettext;
use glass::Glass;
use gtk::glib;
use interfaces::Interfaces;
use name::Title;
use narrow::Narrow;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use terrarium_engine::message;
use terrarium_engine::plan::{plan, Planned};
use terrarium_engine::profile::Profile;
use there::There;
use undo::History;

/// So many characters of a command are seen at least.
const WIDTH: i32 = 10;

/// The page.
pub struct Form {
    /// Its widget.
    pub widget: gtk::Box,
    flap: adw::Flap,
    pane: Pane,
    narrow: Narrow,
    title: Title,
    run: gtk::Button,
    save: gtk::Button,
    command: adw::EntryRow,
    choose_app: gtk::Button,
    /// What is said of the command.
    message: adw::ActionRow,
    glass: Glass,
    fields: Vec<Field>,
    folders: Rc<Folders>,
    interfaces: Rc<Interfaces>,
    advanced: Advanced,
    completion: Rc<Completion>,
    draft: Draft,
    signal: Signal,
    /// What the form does not show of a profile stays as it was.
    rest: RefCell<Profile>,
    /// The profile as it was when it was shown or saved.
    saved: RefCell<Profile>,
    item: RefCell<Option<Item>>,
    /// Whether there is a launcher of it.
    launched: Cell<bool>,
    /// It was opened for a profile that is to be made.
    is_to_be_saved: Cell<bool>,
    /// Run was asked for before this computer was looked at.
    wanted: Cell<bool>,
    /// What it says was run, and is in no file.
    ran: Cell<bool>,
    /// What was in it before it was begun anew, and whether that was run.
    last: RefCell<Option<(Profile, bool)>>,
    scroll: gtk::ScrolledWindow,
    there: There,
    history: History,
}

impl Form {
    /// The page, empty.
    pub fn new() -> Rc<Self> {
        let builder = crate::pages::layout(include_str!("form.ui"));
        let (signal, page) = (Signal::default(), object::<gtk::Box>(&builder, "groups"));
        let what = Group { widget: object(&builder, "what-group"), list: object(&builder, "what") };
        let directory = groups::directory(&signal).in_group(&what);
        let (mut fields, folders, interfaces, advanced) = make_groups(&page, &signal);
        fields.insert(0, directory);
        let pane = Pane::new();
        object::<gtk::Box>(&builder, "pane-place").append(&pane.widget);
        let command: adw::EntryRow = object(&builder, "command");
        // The button beside it gives way before what is typed.
        command.set_width_chars(WIDTH);
        command.set_max_width_chars(WIDTH);
        let form = Rc::new(Self {
            widget: object(&builder, "page"),
            flap: object(&builder, "flap"),
            pane,
            narrow: Narrow::new(&builder),
            title: Title::new(&builder),
            run: object(&builder, "run-form"),
            save: object(&builder, "save-form"),
            completion: Completion::new(&command),
            command,
            choose_app: object(&builder, "choose-app"),
            message: object(&builder, "command-message"),
            glass: Glass::new(&builder),
            fields,
            folders,
            interfaces,
            advanced,
            draft: Draft::default(),
            signal,
            rest: RefCell::new(Profile::new("", Vec::new())),
            saved: RefCell::new(Profile::new("", Vec::new())),
            item: RefCell::default(),
            launched: Cell::new(false),
            is_to_be_saved: Cell::new(false),
            wanted: Cell::new(false),
            ran: Cell::new(false),
            last: RefCell::default(),
            scroll: object(&builder, "form-scroll"),
            there: There::new(&builder),
            history: History::default(),
        });
        form.show(&Profile::new("", Vec::new()), std::path::Path::new(""));
        form
    }

    /// Looks again whenever something is changed.
    pub fn connect(self: &Rc<Self>, window: &Rc<Window>) {
        let (form, weak) = (Rc::downgrade(self), Rc::downgrade(window));
        self.signal.connect(move || {
            if let (Some(form), Some(window)) = (form.upgrade(), weak.upgrade()) {
                form.look(&window);
                form.keep_draft(&window);
            }
        });
        let (signal, form) = (self.signal.clone(), Rc::downgrade(self));
        self.command.connect_changed(move |_| {
            if let Some(form) = form.upgrade().filter(|form| !form.signal.is_quiet()) {
                form.follow_program();
            }
            signal.emit();
        });
        let form = Rc::downgrade(self);
        self.command.connect_entry_activated(move |row| {
            if let Some(form) = form.upgrade() {
                // As the button that stands out.
                let does = if form.is_to_be_saved.get() { "win.form-save" } else { "win.run" };
                let _ = row.activate_action(does, None);
            }
        });
        self.flap.connect_folded_notify(|flap| flap.set_reveal_flap(!flap.is_folded()));
        self.connect_resets(window);
        self.connect_glass(window);
        self.connect_pane(window);
        self.connect_narrow(window);
        self.connect_app(window);
        self.completion.connect(window);
        self.title.connect(&self.signal);
        self.folders.connect(window);
        self.interfaces.connect(window);
        self.advanced.connect(window);
        self.connect_there(window);
        self.add_actions(window);
    }

    fn connect_resets(self: &Rc<Self>, window: &Rc<Window>) {
        for (index, field) in self.fields.iter().enumerate() {
            let (form, weak) = (Rc::downgrade(self), Rc::downgrade(window));
            field.connect_reset(move || {
                if let (Some(form), Some(window)) = (form.upgrade(), weak.upgrade()) {
                    let (mut profile, usual) = (form.typed(), usual(&form.typed()));
                    form.fields[index].reset(&mut profile, &usual);
                    form.signal.quietly(|| form.fields[index].fill(&profile));
                    form.changed_at_once(&window);
                }
            });
        }
    }

    /// It was changed by a click, of which nothing has told yet.
    fn changed_at_once(self: &Rc<Self>, window: &Rc<Window>) {
        self.history.pause();
        self.look(window);
        self.keep_draft(window);
    }

    fn connect_pane(self: &Rc<Self>, window: &Rc<Window>) {
        let (form, weak) = (Rc::downgrade(self), Rc::downgrade(window));
        self.pane.on_go(move || {
            if let (Some(form), Some(window)) = (form.upgrade(), weak.upgrade()) {
                form.go_to_what_is_in_the_way(&window);
            }
        });
        let (form, weak) = (Rc::downgrade(self), Rc::downgrade(window));
        self.pane.on_hide(move |secrets| {
            let (Some(form), Some(window)) = (form.upgrade(), weak.upgrade()) else { return };
            let Some(host) = window.bridge.host() else { return };
            let mut profile = form.typed();
            crate::window::hide(&mut profile, secrets, &host.user.home);
            form.show(&profile, &host.user.home);
            form.look(&window);
        });
    }

    /// The computer has been looked at: choose what works, unless the user
    /// was quicker.
    pub fn host_is_known(self: &Rc<Self>, window: &Rc<Window>) {
        window.bridge.host().iter().for_each(|host| self.folders.set_home(&host.user.home));
        if !self.glass.is_chosen() {
            self.signal.quietly(|| self.choose_glass(window, None));
        }
        if self.command.text().is_empty() {
            self.saved.replace(self.typed());
        }
        self.accept();
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
        // Above what has the focus is more than what scrolls to it leaves.
        let scroll = self.scroll.downgrade();
        glib::idle_add_local_once(move || {
            scroll.upgrade().iter().for_each(|scroll| scroll.vadjustment().set_value(0.0));
        });
    }

    /// Begins with a profile, which may be one of the library.
    pub fn fill(self: &Rc<Self>, window: &Rc<Window>, profile: &Profile, item: Option<&Item>) {
        let home = window.bridge.host().map(|host| host.user.home.clone()).unwrap_or_default();
        self.is_to_be_saved.set(false);
        self.pane.forget();
        self.item.replace(item.cloned());
        let mut shown = profile.clone();
        if item.is_none() && shown.name == name_of(&shown.command.argv) {
            // It was made from the command, and follows another one.
            shown.name.clear();
        }
        self.show(&shown, &home);
        self.signal.quietly(|| self.choose_glass(window, profile.isolation));
        self.saved.replace(self.typed());
        self.launched.set(false);
        self.history.begin(self.shown());
        self.look_for_launcher(window);
        self.look(window);
    }

    /// Shows a profile's values.
    fn show(&self, profile: &Profile, home: &std::path::Path) {
        self.signal.quietly(|| {
            let words = profile.command.argv.iter().map(|word| message::quote(&word.to_string_lossy()));
            self.command.set_text(&words.collect::<Vec<_>>().join(" "));
            profile.isolation.iter().for_each(|one| self.glass.choose(*one));
            self.fields.iter().for_each(|field| field.fill(profile));
            self.folders.fill(profile, home);
            self.interfaces.fill(profile);
            self.title.fill(profile);
            self.rest.replace(profile.clone());
        });
    }

    /// All that stands in the form, whether it has a meaning or not.
    pub(super) fn typed(&self) -> Profile {
        let mut profile = self.rest.borrow().clone();
        let typed = words::with_home(self.command.text().as_str(), &self.folders.home());
        profile.command.argv = glib::shell_parse_argv(typed).unwrap_or_default();
        self.glass.read(&mut profile);
        self.fields.iter().for_each(|field| field.read(&mut profile));
        self.folders.read(&mut profile);
        self.interfaces.read(&mut profile);
        self.title.read(&mut profile);
        if profile.name.trim().is_empty() {
            profile.name = name_of(&profile.command.argv);
        }
        profile
    }

    /// Runs what the form says, or shows why it cannot.
    pub fn run(self: &Rc<Self>, window: &Rc<Window>) {
        if !window.shows("form") {
            return;
        }
        let Some(host) = window.bridge.host() else { return self.wanted.set(true) };
        let profile = self.profile();
        if plan(&profile, host).plan.is_none() || self.folders.lacks_any() || self.fault().is_some() {
            self.look(window);
            return self.show_first_problem(window);
        }
        self.completion.remember(window, &self.command.text());
        let item = self.item.borrow().clone().filter(|_| !self.is_changed());
        let from = self.item.borrow().as_ref().and_then(|item| item.seen.from.clone());
        if self.item.borrow().is_none() {
            // It is among the commands that were run.
            self.saved.replace(self.typed());
            self.ran.set(true);
            self.drop_draft(window);
            self.refresh_actions(window, false);
        }
        window.launch(Launch { profile, item, from, shown: self.shows_pane() });
    }

    /// Whether what it can reach is seen beside the form.
    fn shows_pane(&self) -> bool {
        self.flap.reveals_flap() && !self.flap.is_folded()
    }

    /// Whether something is not saved.
    fn is_changed(&self) -> bool {
        // What is no command yet is in no profile.
        let text = self.command.text();
        let is_half = !text.trim().is_empty() && glib::shell_parse_argv(text.as_str()).is_err();
        is_half || self.typed() != *self.saved.borrow()
    }

    fn planned(&self, window: &Window) -> Option<(Profile, Planned)> {
        let host = window.bridge.host()?;
        let profile = self.profile();
        let planned = plan(&profile, host);
        Some((profile, planned))
    }
}

/// A name made from a command.
fn name_of(argv: &[std::ffi::OsString]) -> String {
    let program = argv.first().map(|word| word.to_string_lossy().into_owned());
    let name = program.and_then(|word| word.rsplit('/').next().map(str::to_owned));
    name.filter(|name| !name.is_empty()).unwrap_or_else(|| gettext("Command"))
}

/// The profile that has every default but what has none.
fn usual(profile: &Profile) -> Profile {
    Profile::new(profile.name.clone(), profile.command.argv.clone())
}

/// The groups below those of the layout.
fn make_groups(page: &gtk::Box, signal: &Signal) -> (Vec<Field>, Rc<Folders>, Rc<Interfaces>, Advanced) {
    let group = |title: String| {
        let group = Group::new(&title);
        page.append(&group.widget);
        group
    };
    let mut fields = groups::display(signal, &group(gettext("Display")));
    let place = group(gettext("Folders"));
    fields.push(groups::home(signal).in_group(&place));
    let folders = Folders::new(&place, signal);
    fields.push(groups::changes(signal).in_group(&place));
    let network = group(gettext("Network"));
    fields.extend(groups::network(signal, &network));
    let interfaces = Interfaces::new(&network, signal);
    fields.extend(groups::limits(signal, &group(gettext("Limits"))));
    fields.extend(groups::confinement(signal, &group(gettext("Confinement"))));
    let advanced = Advanced::new(page);
    fields.extend(groups::advanced(signal, &advanced.group));
    advanced.finish();
    (fields, folders, interfaces, advanced)
}
