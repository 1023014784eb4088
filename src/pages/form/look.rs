// SPDX-License-Identifier: LGPL-2.1-or-later
//! What the plan says, below the rows that it is about.

use super::field::{say, Field};
use super::fitting::takes_hosts;
use super::{groups, usual, Form};
use crate::window::Window;
use adw::prelude::*;
use gettextrs::gettext;
use gtk::glib;
use std::rc::Rc;
use terrarium_engine::host::{Host, Piece};
use terrarium_engine::message;
use terrarium_engine::plan::{plan, Note, Planned, Problem, ProblemKind};
use terrarium_engine::profile::{DisplayKind, Interface, Isolation, Manager, NetworkMode, Profile};
use terrarium_engine::reach::{reach, written};

impl Form {
    /// Plans anew, and says what comes of it.
    pub(super) fn look(&self, window: &Rc<Window>) {
        let (Some(host), Some((profile, planned))) = (window.bridge.host(), self.planned(window)) else {
            return;
        };
        self.record();
        self.show_what(&planned);
        self.show_glass(&profile, host);
        self.offer(&profile, host);
        let usual = usual(&profile);
        for field in &self.fields {
            field.mark(&profile, &usual);
            let found = planned.problems.iter().find(|problem| is_about(&problem.field, field.key));
            // What is not offered has said why already.
            if field.row.is_sensitive() {
                self.show_field(field, &planned, found);
            }
        }
        self.folders.show_problems(&planned.problems);
        self.interfaces.show(profile.network.mode, &planned.problems);
        self.title.tell(&profile, planned.problems.iter().find(|problem| problem.field == "name"));
        let first = self.first_problem(&planned);
        self.run.set_sensitive(first.is_none());
        self.run.set_tooltip_text(first.as_deref());
        self.advanced.show(&profile, planned.plan.as_ref(), self.item.borrow().as_ref());
        let changed = self.is_changed();
        self.save.set_visible(changed && self.item.borrow().is_some() || self.is_to_be_saved.get());
        self.mark_main_button();
        self.refresh_actions(window, changed);
        self.show_reach(&profile, host);
        self.look_there(window, &profile);
    }

    /// What it can reach, or what is in the way of knowing it.
    fn show_reach(&self, profile: &Profile, host: &Host) {
        let Planned { plan, problems, .. } = plan(&with_any(&self.folders.only_there(profile)), host);
        let missing = || Some([gettext("Folders"), self.folders.missing_words()?].join(": "));
        let fault = || self.fault().map(|(_, words)| words);
        let why = problems.first().map(|problem| self.in_words(problem)).or_else(missing).or_else(fault);
        if let Some(plan) = plan {
            self.pane.show(&message::reach(&reach(&plan)), true);
        }
        self.pane.set_outdated(why.as_deref());
        self.narrow.tell(why.as_deref());
    }

    /// Return does the same. It is there at any width, if need be in place of the other.
    pub(super) fn mark_main_button(&self) {
        let saves = self.is_to_be_saved.get();
        let (main, other) = if saves { (&self.save, &self.run) } else { (&self.run, &self.save) };
        let room = self.save.ancestor(adw::Squeezer::static_type()).and_downcast::<adw::Squeezer>();
        room.iter().for_each(|room| room.set_allow_none(!saves));
        self.run.set_visible(!(saves && self.flap.is_folded()));
        main.add_css_class("suggested-action");
        other.remove_css_class("suggested-action");
    }

    /// What is in the way of a run, in a sentence.
    pub(super) fn first_problem(&self, planned: &Planned) -> Option<String> {
        let first = planned.problems.first().map(|first| message::problem(first).text);
        first.or_else(|| self.folders.missing_words()).or_else(|| self.fault().map(|(_, words)| words))
    }

    /// What is in the way of a run.
    pub(super) fn show_first_problem(&self, window: &Window) {
        let Some((_, planned)) = self.planned(window) else { return };
        match (planned.problems.first(), self.folders.missing_words()) {
            (Some(problem), _) => {
                window.toast(&whole(problem));
                self.go_to(&problem.field);
            }
            (None, Some(missing)) => {
                window.toast(&missing);
                self.folders.focus_missing();
            }
            (None, None) => {
                if let Some((key, words)) = self.fault() {
                    window.toast(&words);
                    self.go_to(key);
                }
            }
        }
    }

    /// The first row in which is typed what no profile could hold.
    pub(super) fn fault(&self) -> Option<(&'static str, String)> {
        self.fields.iter().find_map(|field| Some((field.key, field.fault()?)))
    }

    /// The same but for a command that was not begun.
    pub(super) fn go_to_what_is_in_the_way(&self, window: &Window) {
        let Some(host) = window.bridge.host() else { return };
        if self.flap.is_folded() {
            self.flap.set_reveal_flap(false);
        }
        if let Some(problem) = plan(&with_any(&self.profile()), host).problems.first() {
            self.go_to(&problem.field);
        } else if self.folders.lacks_any() {
            self.folders.focus_missing();
        } else if let Some((key, _)) = self.fault() {
            self.go_to(key);
        }
    }

    /// Puts the focus on the row of one of the profile's keys.
    fn go_to(&self, key: &str) {
        if let Some(field) = self.fields.iter().find(|field| is_about(key, field.key)) {
            self.advanced.open_for(&field.row);
            field.row.grab_focus();
        } else if !self.folders.focus(key) {
            self.focus();
        }
    }

    /// A problem and the field that it is about.
    fn in_words(&self, problem: &Problem) -> String {
        let key = problem.field.as_str();
        let row = self.fields.iter().find(|field| is_about(key, field.key)).map(|field| field.row.clone());
        let row = row.and_downcast::<adw::PreferencesRow>().map(|row| row.title());
        let name = match row {
            // What stands in brackets is an example.
            Some(title) => title.split(" (").next().unwrap_or_default().to_owned(),
            None if is_about(key, "command") => self.command.title().into(),
            None if is_about(key, "files") => gettext("Folders"),
            None if is_about(key, "network") => gettext("Network"),
            None => return message::problem(problem).text,
        };
        [name, message::problem(problem).text].join(": ")
    }

    fn show_field(&self, field: &Field, planned: &Planned, found: Option<&Problem>) {
        if let Some(fault) = field.fault() {
            return field.say(Some(&fault), true);
        }
        match (found, planned.notes.iter().find(|note| note_field(note) == Some(field.key))) {
            (Some(problem), _) => field.say(Some(&whole(problem)), true),
            (None, Some(note)) => field.say(Some(&message::note(note)), false),
            (None, None) => {
                let said = self.in_place(field, planned).or_else(|| self.in_other_words(field));
                field.say(said.as_deref(), false);
            }
        }
    }

    /// What becomes of changes does not hold for what is written in place.
    fn in_place(&self, field: &Field, planned: &Planned) -> Option<String> {
        let plan = planned.plan.as_ref().filter(|_| field.key == "files.changes")?;
        let places = written(plan);
        (!places.is_empty()).then(|| message::in_place(&places, &self.folders.home()))
    }

    /// What a list means that is empty, where that is not what one would think,
    /// or is read from left to right, and how files call what has another name
    /// here.
    fn in_other_words(&self, field: &Field) -> Option<String> {
        let network = self.profile().network;
        if field.key == "network.mode" && network.mode == NetworkMode::Full {
            return Some(gettext("All that this computer reaches, and itself. In a profile’s file and for terrariumctl it is called “full”."));
        }
        if field.key == "network.forwards" && !network.forwards.is_empty() {
            return Some(gettext(
                "The first is a port that this computer alone can use; it leads to the second one, inside.",
            ));
        }
        let is_it = field.key == "network.allow" && network.mode == NetworkMode::Custom;
        if !is_it || !network.allow.is_empty() {
            return None;
        }
        let is_own = |one: &Interface| one.source.is_none() && !one.user;
        let has_own = network.interfaces.is_empty() || network.interfaces.iter().any(is_own);
        Some(if has_own {
            gettext("Empty: it may talk to the whole internet, as with “Internet Only”.")
        } else {
            gettext("Empty: it may talk to all that its interfaces lead to.")
        })
    }

    /// The command. One that was not begun is not wrong yet.
    fn show_what(&self, planned: &Planned) {
        let text = self.command.text();
        let command = &self.message;
        let found = planned.problems.iter().find(|problem| is_about(&problem.field, "command.argv"));
        let half = glib::shell_parse_argv(text.as_str()).err().filter(|_| !text.trim().is_empty());
        self.there.share.set_visible(false);
        match (half, found.filter(|_| !text.is_empty())) {
            (Some(error), _) => say(command, Some(&half_words(&text, &error)), true),
            (None, Some(problem)) => say(command, Some(&whole(problem)), true),
            (None, None) => self.say_what_is_not_shared(command),
        }
    }

    /// Only what makes sense is offered; where something could be switched on
    /// but would not work, it says why.
    fn offer(&self, profile: &Profile, host: &Host) {
        let window = profile.display.kind == DisplayKind::Window;
        let machine = self.isolation() == Isolation::Machine;
        self.advanced.tell(machine);
        for field in &self.fields {
            let shown = match field.key {
                "display.kind" => true,
                "network.mode" => true,
                "display.clipboard" => profile.display.kind != DisplayKind::None,
                // What may talk to all has no more to be allowed.
                "network.allow" => {
                    set_title(&field.row, &groups::allow_title(profile.network.mode));
                    takes_hosts(profile.network.mode)
                }
                key if key.starts_with("network.") => profile.network.mode != NetworkMode::None,
                "display.session" => window && profile.display.manager == Manager::Session,
                key if key.starts_with("display.") => window,
                key if key.starts_with("machine.") => machine,
                _ => true,
            };
            field.show(shown);
            if let Some(probe) = field.probe.filter(|_| shown) {
                self.try_out(field, probe, profile, host);
            }
        }
    }

    fn try_out(&self, field: &Field, probe: fn(&mut Profile), profile: &Profile, host: &Host) {
        let mut on = profile.clone();
        probe(&mut on);
        let planned = plan(&on, host);
        let only = |problem: &&Problem| {
            is_about(&problem.field, field.key) && matches!(problem.what, ProblemKind::MachinesOnly { .. })
        };
        let found = planned.problems.iter().find(only).filter(|_| on != *profile);
        field.row.set_sensitive(found.is_none());
        if let Some(problem) = found {
            field.say(Some(&message::problem(problem).text), false);
        }
    }
}

/// Calls a row something else, if it is not called so already.
fn set_title(row: &gtk::Widget, title: &str) {
    let row = row.downcast_ref::<adw::PreferencesRow>();
    row.filter(|row| row.title() != title).iter().for_each(|row| row.set_title(title));
}

/// Before there is a command it is known what the rest allows.
pub(super) fn with_any(profile: &Profile) -> Profile {
    let mut any = profile.clone();
    if any.command.argv.is_empty() {
        any.command.argv = vec!["true".into()];
    }
    any
}

/// Whether a problem's key is this one or inside it.
pub(super) fn is_about(field: &str, key: &str) -> bool {
    field.strip_prefix(key).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

fn whole(problem: &Problem) -> String {
    let sentence = message::problem(problem);
    format!("{} {}", sentence.text, sentence.fix).trim().to_owned()
}

/// The row that a note is about; those about shares are in what it can reach.
fn note_field(note: &Note) -> Option<&'static str> {
    match note {
        Note::DisplayLacks { piece: Piece::Sound, .. } => Some("display.sound"),
        Note::DisplayLacks { .. } => Some("display.kind"),
        Note::LittleMemory { .. } => Some("limits.memory"),
        Note::Unmasked { .. } => Some("files.unmask"),
        _ => None,
    }
}

/// What is wrong with a command that is no list of words.
fn half_words(text: &str, error: &glib::Error) -> String {
    if text.trim_start().starts_with('#') {
        // For a shell it is empty.
        return error.message().to_owned();
    }
    gettext("A quotation mark is open, or a backslash stands at the end. Close it, or write \\ before it.")
}
