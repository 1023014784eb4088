// SPDX-License-Identifier: LGPL-2.1-or-later
//! What the plan says, below the rows that it is about.

use super::{Form, FIELDS};
use adw::prelude::*;
use gtk::glib;
use terrarium_engine::host::Host;
use terrarium_engine::message;
use terrarium_engine::plan::{plan, Note, Planned, Problem};
use terrarium_engine::profile::{Isolation, Profile};

impl Form {
    /// Each problem below its row, or else what is worth knowing.
    pub(super) fn show_problems(&self, planned: &Planned) {
        let untouched = self.command.text().is_empty();
        for (key, row) in &self.messages {
            if FIELDS.iter().any(|(field, _)| field == key) {
                let found = planned.problems.iter().find(|problem| field_of(&problem.field) == Some(*key));
                show(row, found.filter(|_| !(untouched && *key == "command.argv")));
                let note = planned.notes.iter().find(|note| note_field(note) == *key);
                if let (None, Some(note)) = (found, note) {
                    show_note(row, note);
                }
            }
        }
    }

    /// Each kind of glass is planned for itself; one that cannot work says
    /// why below it.
    pub(super) fn show_glass(&self, profile: &Profile, host: &Host) {
        for (isolation, row, key) in [
            (Isolation::Container, &self.rows[0], "container"),
            (Isolation::Machine, &self.rows[1], "machine"),
        ] {
            let planned = plan(&Profile { isolation: Some(isolation), ..profile.clone() }, host);
            let about =
                |problem: &&Problem| problem.field == "isolation" || problem.field.starts_with("machine.");
            let found = planned.problems.iter().find(about);
            row.set_sensitive(found.is_none());
            if let Some((_, below)) = self.messages.iter().find(|(other, _)| *other == key) {
                show(below, found);
                let note = planned.notes.iter().find(|note| note_field(note) == "isolation");
                let chosen = profile.isolation == Some(isolation);
                if let (None, Some(note)) = (found, note.filter(|_| chosen)) {
                    show_note(below, note);
                }
            }
        }
    }
}

/// The first row that shows the problems of a key.
fn field_of(key: &str) -> Option<&'static str> {
    FIELDS.iter().map(|(field, _)| *field).find(|field| key.starts_with(field))
}

/// The row that a note is about.
fn note_field(note: &Note) -> &'static str {
    match note {
        Note::Emulated { .. } | Note::Privileged => "isolation",
        Note::DisplayLacks { .. } => "display",
        Note::SoundInMachines => "display.sound",
        Note::LittleMemory { .. } => "limits",
        // No row is about files yet.
        Note::SocketsReachable { .. }
        | Note::Unmasked { .. }
        | Note::HiddenInside { .. }
        | Note::ImageTrusted { .. } => "files",
    }
}

fn show_note(row: &adw::ActionRow, note: &Note) {
    row.set_title(&glib::markup_escape_text(&message::note(note)));
    row.set_visible(true);
    mark(row);
}

fn show(row: &adw::ActionRow, problem: Option<&Problem>) {
    row.set_visible(problem.is_some());
    mark(row);
    if let Some(problem) = problem {
        let sentence = message::problem(problem);
        row.set_title(&glib::markup_escape_text(format!("{} {}", sentence.text, sentence.fix).trim()));
    }
}

/// The row above a sentence loses its separator: they belong together.
fn mark(row: &adw::ActionRow) {
    if let Some(above) = row.prev_sibling() {
        if row.is_visible() {
            above.add_css_class("continued");
        } else {
            above.remove_css_class("continued");
        }
    }
}
