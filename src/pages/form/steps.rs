// SPDX-License-Identifier: LGPL-2.1-or-later
//! What the form shows, as it stands there, and where two of these differ.

use super::field::Field;
use super::Form;
use adw::prelude::*;
use terrarium_engine::profile::{Disk, Include, Interface, Isolation, Mount, Profile};

/// All that can be changed in the form.
pub struct Shown {
    /// What the rows mean; its name is empty if it is made from the command.
    profile: Profile,
    command: String,
    glass: Isolation,
    /// The isolation of the profile that was shown.
    isolation: Option<Isolation>,
    /// What is typed into each field that takes text.
    texts: Vec<Option<String>>,
    /// The same of the interfaces.
    interfaces: Vec<Vec<String>>,
}

/// Where something can be changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The command.
    Command,
    /// How strong the glass is.
    Glass,
    /// One of the fields.
    Field(usize),
    /// Folders and files, or one of them.
    Folders(Option<usize>),
    /// Interfaces, or one of them.
    Interfaces(Option<usize>),
    /// The profile's name.
    Name,
    /// Its icon and colour.
    Look,
}

impl Shown {
    /// Where the other one differs.
    pub fn places(&self, other: &Self, fields: &[Field]) -> Vec<Place> {
        let (one, two) = (&self.profile, &other.profile);
        let is_field = |index: &usize| {
            self.texts.get(*index) != other.texts.get(*index) || !fields[*index].is_same(one, two)
        };
        let mut places = Vec::new();
        let mut add = |place, differs: bool| places.extend(differs.then_some(place));
        add(Place::Command, self.command != other.command);
        add(Place::Glass, self.glass != other.glass || one.isolation != two.isolation);
        (0..fields.len()).for_each(|index| add(Place::Field(index), is_field(&index)));
        add(Place::Folders(None), shares(one) != shares(two));
        let differs = one.network.interfaces != two.network.interfaces || self.interfaces != other.interfaces;
        add(Place::Interfaces(None), differs);
        add(Place::Name, one.name != two.name);
        add(Place::Look, (one.colour, one.icon) != (two.colour, two.icon));
        places
    }
}

fn shares(profile: &Profile) -> (&[Mount], &[Include], &[Disk]) {
    let files = &profile.files;
    (&files.mounts, &files.include, &files.disks)
}

/// Where keys are being typed, or a number is counted, if that is all that was
/// changed: what follows there is the same step.
pub fn gradual(before: &Shown, after: &Shown, changed: &[Place], fields: &[Field]) -> Option<Place> {
    match changed {
        // How it shows follows the command.
        [Place::Command, ..] => Some(Place::Command),
        [Place::Name] => Some(Place::Name),
        [Place::Field(index)] if fields[*index].is_gradual() => Some(Place::Field(*index)),
        [Place::Folders(_)] => share_typed(&before.profile, &after.profile),
        [Place::Interfaces(_)] => interface_typed(before, after),
        _ => None,
    }
}

/// The share into which was typed.
fn share_typed(before: &Profile, after: &Profile) -> Option<Place> {
    let (one, other) = (&before.files, &after.files);
    let blank = |mount: &Mount| Mount { source: "".into(), target: "".into(), ..mount.clone() };
    let mounts = only(&one.mounts, &other.mounts, |one, other| blank(one) == blank(other))?;
    let includes = only(&one.include, &other.include, |_, _| true)?;
    let blank = |disk: &Disk| Disk { source: "".into(), tag: String::new(), ..disk.clone() };
    let disks = only(&one.disks, &other.disks, |one, other| blank(one) == blank(other))?;
    let after_mounts = one.mounts.len();
    let all =
        [mounts, includes.map(|at| after_mounts + at), disks.map(|at| after_mounts + one.include.len() + at)];
    let mut found = all.into_iter().flatten();
    let first = found.next()?;
    found.next().is_none().then_some(Place::Folders(Some(first)))
}

/// The interface into which was typed.
fn interface_typed(before: &Shown, after: &Shown) -> Option<Place> {
    let chosen = |one: &Shown| -> Vec<(Option<String>, bool, bool)> {
        let choice = |one: &Interface| (one.source.clone(), one.user, one.dhcp);
        one.profile.network.interfaces.iter().map(choice).collect()
    };
    let is_chosen_so = chosen(before) == chosen(after);
    let typed = only(&before.interfaces, &after.interfaces, |_, _| true)?;
    typed.filter(|_| is_chosen_so).map(|at| Place::Interfaces(Some(at)))
}

/// The one that differs, if there are as many and not more than one differs,
/// and only so that it `may`.
fn only<T: PartialEq>(before: &[T], after: &[T], may: impl Fn(&T, &T) -> bool) -> Option<Option<usize>> {
    if before.len() != after.len() {
        return None;
    }
    let pairs = before.iter().zip(after).enumerate();
    let mut different = pairs.filter(|(_, (one, other))| one != other);
    match (different.next(), different.next()) {
        (None, _) => Some(None),
        (Some((at, (one, other))), None) if may(one, other) => Some(Some(at)),
        _ => None,
    }
}

/// Types a text, unless it is there: what a text takes back itself outlives no
/// other one.
pub fn set(entry: &impl IsA<gtk::Editable>, text: &str) {
    if entry.text() != text {
        entry.set_text(text);
    }
}

impl Form {
    /// What stands in the form now.
    pub(super) fn shown(&self) -> Shown {
        Shown {
            profile: Profile { name: self.title.typed(), ..self.typed() },
            command: self.command.text().into(),
            glass: self.isolation(),
            isolation: self.rest.borrow().isolation,
            texts: self.fields.iter().map(|field| Some(field.entry()?.text().into())).collect(),
            interfaces: self.interfaces.texts(),
        }
    }

    /// Shows what stood in one place.
    pub(super) fn put(&self, place: Place, shown: &Shown) {
        let profile = &shown.profile;
        match place {
            Place::Command => set(&self.command, &shown.command),
            Place::Glass => {
                self.rest.borrow_mut().isolation = shown.isolation;
                self.glass.choose(shown.glass);
            }
            Place::Field(index) => {
                let field = &self.fields[index];
                match (field.entry(), shown.texts.get(index)) {
                    (Some(entry), Some(Some(text))) => set(entry, text),
                    _ => field.fill(profile),
                }
            }
            Place::Folders(_) => self.folders.restore(profile),
            Place::Interfaces(_) => self.interfaces.restore(profile, &shown.interfaces),
            Place::Name => self.title.set_name(&profile.name),
            Place::Look => self.title.set_look(profile),
        }
    }

    /// What is looked at when something changes there.
    pub(super) fn row_of(&self, place: Place) -> Option<gtk::Widget> {
        match place {
            Place::Command => Some(self.command.clone().upcast()),
            Place::Glass => Some(self.glass.row()),
            Place::Field(index) => Some(self.fields[index].row.clone()),
            Place::Folders(at) => self.folders.row(at),
            Place::Interfaces(at) => self.interfaces.row(at),
            Place::Name => Some(self.title.entry()),
            // It is above the page.
            Place::Look => None,
        }
    }
}
