// SPDX-License-Identifier: LGPL-2.1-or-later
//! The form's title: the profile's name and mark, and how they are changed.

use super::field::Signal;
use super::steps::set;
use crate::look;
use crate::pages::{chip, icon_of, object};
use adw::prelude::*;
use gettextrs::gettext;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use terrarium_engine::message;
use terrarium_engine::plan::Problem;
use terrarium_engine::profile::{Colour, Icon, Profile};

/// Name and mark.
pub struct Title {
    button: gtk::MenuButton,
    place: gtk::Box,
    label: gtk::Label,
    entry: gtk::Entry,
    problem: gtk::Label,
    colours: Vec<(Colour, gtk::ToggleButton)>,
    icons: Vec<(Option<Icon>, gtk::ToggleButton)>,
    colour: Rc<Cell<Colour>>,
    icon: Rc<Cell<Option<Icon>>>,
    shown: RefCell<Option<(Colour, &'static str)>>,
}

impl Title {
    /// With its popover.
    pub fn new(builder: &gtk::Builder) -> Self {
        let entry = gtk::Entry::builder().placeholder_text(gettext("Made From the Command")).build();
        entry.set_widget_name("profile-name");
        entry.update_property(&[gtk::accessible::Property::Label(&gettext("Name"))]);
        let problem = gtk::Label::builder().wrap(true).xalign(0.0).visible(false).max_width_chars(30).build();
        ["caption", "error"].iter().for_each(|class| problem.add_css_class(class));
        let (colours, colour_box) = colours();
        let (icons, icon_box) = icons();
        let body = gtk::Box::builder().orientation(gtk::Orientation::Vertical).spacing(12).build();
        for margin in ["margin-top", "margin-bottom", "margin-start", "margin-end"] {
            body.set_property(margin, 6);
        }
        body.append(&heading(&gettext("Name")));
        body.append(&entry);
        body.append(&problem);
        body.append(&heading(&gettext("Color")));
        body.append(&colour_box);
        body.append(&heading(&gettext("Icon")));
        body.append(&icon_box);
        let button: gtk::MenuButton = object(builder, "title");
        button.set_popover(Some(&gtk::Popover::builder().child(&body).build()));
        Self {
            button,
            place: object(builder, "chip-place"),
            label: object(builder, "name"),
            entry,
            problem,
            colours,
            icons,
            colour: Rc::default(),
            icon: Rc::default(),
            shown: RefCell::default(),
        }
    }

    /// Tells when something is changed.
    pub fn connect(&self, signal: &Signal) {
        let changed = signal.clone();
        self.entry.connect_changed(move |_| changed.emit());
        let popover = self.button.popover();
        self.entry.connect_activate(move |_| popover.iter().for_each(|popover| popover.popdown()));
        for (colour, button) in &self.colours {
            let (changed, cell, colour) = (signal.clone(), self.colour.clone(), *colour);
            button.connect_toggled(move |button| {
                if button.is_active() {
                    cell.set(colour);
                    changed.emit();
                }
            });
        }
        for (icon, button) in &self.icons {
            let (changed, cell, icon) = (signal.clone(), self.icon.clone(), *icon);
            button.connect_toggled(move |button| {
                if button.is_active() {
                    cell.set(icon);
                    changed.emit();
                }
            });
        }
    }

    /// Shows a profile's.
    pub fn fill(&self, profile: &Profile) {
        self.entry.set_text(&profile.name);
        self.set_look(profile);
    }

    /// Shows a profile's colour and icon.
    pub fn set_look(&self, profile: &Profile) {
        self.colour.set(profile.colour);
        self.icon.set(profile.icon);
        for (colour, button) in &self.colours {
            button.set_active(*colour == profile.colour);
        }
        for (icon, button) in &self.icons {
            button.set_active(*icon == profile.icon);
        }
    }

    /// What they say.
    pub fn read(&self, profile: &mut Profile) {
        profile.name = self.entry.text().into();
        profile.colour = self.colour.get();
        profile.icon = self.icon.get();
    }

    /// Whether the name is still to be made from the command.
    pub fn is_untouched(&self) -> bool {
        self.entry.text().trim().is_empty()
    }

    /// The name as it was typed.
    pub fn typed(&self) -> String {
        self.entry.text().into()
    }

    /// Where it is typed.
    pub fn entry(&self) -> gtk::Widget {
        self.entry.clone().upcast()
    }

    /// Names the profile.
    pub fn set_name(&self, name: &str) {
        set(&self.entry, name);
    }

    /// Shows the name in the header.
    pub fn tell(&self, profile: &Profile, problem: Option<&Problem>) {
        let begun = !(self.is_untouched() && profile.command.argv.is_empty());
        let name = if begun { message::shown(&profile.name) } else { gettext("New Sandbox") };
        self.label.set_label(&name);
        let looks = (profile.colour, icon_of(profile));
        if self.shown.replace(Some(looks)) != Some(looks) {
            while let Some(old) = self.place.first_child() {
                self.place.remove(&old);
            }
            self.place.append(&chip(looks.0, "small", looks.1));
        }
        let sentence = problem.map(message::problem);
        self.problem.set_visible(sentence.is_some());
        if let Some(sentence) = sentence {
            self.problem.set_label(&format!("{} {}", sentence.text, sentence.fix));
        }
    }
}

fn heading(text: &str) -> gtk::Label {
    gtk::Label::builder().label(text).xalign(0.0).css_classes(["heading"]).build()
}

fn colours() -> (Vec<(Colour, gtk::ToggleButton)>, gtk::Widget) {
    let all = [
        Colour::Red,
        Colour::Orange,
        Colour::Amber,
        Colour::Green,
        Colour::Teal,
        Colour::Blue,
        Colour::Purple,
        Colour::Grey,
    ];
    toggles(&all, |colour| (chip(*colour, "small", "").upcast(), look::name(*colour)))
}

/// The first has a row of its own: the icon follows how it shows.
fn icons() -> (Vec<(Option<Icon>, gtk::ToggleButton)>, gtk::Widget) {
    let name = |icon: &Icon| match icon {
        Icon::Terminal => gettext("Terminal"),
        Icon::Window => gettext("Window"),
        Icon::Document => gettext("Document"),
        Icon::Web => gettext("Web"),
        Icon::Build => gettext("Building"),
        Icon::App => gettext("App"),
        Icon::Calculator => gettext("Calculator"),
        Icon::Game => gettext("Game"),
        Icon::Graphics => gettext("Graphics"),
        Icon::Media => gettext("Media"),
        Icon::Mail => gettext("Mail"),
        Icon::Text => gettext("Text"),
        Icon::Folder => gettext("Folder"),
        Icon::Lock => gettext("Lock"),
    };
    let (icons, grid) =
        toggles(&Icon::ALL, |icon| (gtk::Image::from_icon_name(icon.themed()).upcast(), name(icon)));
    let automatic = gtk::ToggleButton::builder().label(gettext("Automatic")).css_classes(["flat"]).build();
    automatic.set_widget_name("icon-automatic");
    automatic.set_tooltip_text(Some(&gettext("Follows “Show As”")));
    icons.iter().for_each(|(_, button)| button.set_group(Some(&automatic)));
    let whole = gtk::Box::builder().orientation(gtk::Orientation::Vertical).spacing(3).build();
    whole.append(&automatic);
    whole.append(&grid);
    let icons = icons.into_iter().map(|(icon, button)| (Some(icon), button));
    (std::iter::once((None, automatic)).chain(icons).collect(), whole.upcast())
}

/// A grid in which one is chosen.
fn toggles<T: Copy>(
    all: &[T],
    looks: impl Fn(&T) -> (gtk::Widget, String),
) -> (Vec<(T, gtk::ToggleButton)>, gtk::Widget) {
    let grid = gtk::Grid::builder().row_spacing(3).column_spacing(3).build();
    let mut buttons: Vec<(T, gtk::ToggleButton)> = Vec::new();
    for (at, one) in (0..).zip(all) {
        let (child, name) = looks(one);
        let button =
            gtk::ToggleButton::builder().child(&child).tooltip_text(&name).css_classes(["flat"]).build();
        button.update_property(&[gtk::accessible::Property::Label(&name)]);
        if let Some((_, first)) = buttons.first() {
            button.set_group(Some(first));
        }
        grid.attach(&button, at % 4, at / 4, 1, 1);
        grid.set_column_homogeneous(true);
        buttons.push((*one, button));
    }
    (buttons, grid.upcast())
}
