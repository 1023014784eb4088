// SPDX-License-Identifier: LGPL-2.1-or-later
//! The profiles at Home.

use super::summary::summary;
use super::Home;
use crate::library::Item;
use crate::look;
use crate::pages::{chip, icon_of};
use crate::window::{Launch, Window};
use adw::prelude::*;
use gettextrs::{gettext, ngettext};
use gtk::{gio, glib};
use std::cell::RefCell;
use std::rc::{Rc, Weak};
use terrarium_engine::message;
use terrarium_engine::profile::{Colour, Profile};

/// More rows than these are made for what is seen only.
const MANY: usize = 50;
/// What does not fit into these is cut off.
const LINES: i32 = 2;

impl Home {
    /// Lists the profiles that the search finds.
    pub(super) fn show_profiles(self: &Rc<Self>, window: &Rc<Window>) {
        let items: Vec<Item> =
            window.library.items().into_iter().filter(|item| self.finds(&item.name())).collect();
        while let Some(row) = self.profiles.first_child() {
            self.profiles.remove(&row);
        }
        self.profiles.set_visible(!items.is_empty());
        self.found.set(items.len());
        let many = items.len() > MANY;
        self.place(&self.running_box, if many { &self.many_running } else { &self.head });
        self.place(&self.profiles_box, if many { &self.many_heading } else { &self.head });
        if many {
            self.many.show(items);
        } else {
            self.many.clear();
            for item in &items {
                self.profiles.append(&in_list(window, item));
            }
        }
        self.show_page(window);
    }

    /// What comes before the profiles is on the page that has them.
    fn place(&self, part: &gtk::Box, place: &gtk::Box) {
        let now = part.parent().and_downcast::<gtk::Box>();
        if now.as_ref() != Some(place) {
            now.inspect(|now| now.remove(part));
            place.append(part);
        }
    }

    /// Which page has the profiles that were found.
    pub(super) fn lists_page(&self) -> &'static str {
        if self.found.get() > MANY {
            "many"
        } else {
            "lists"
        }
    }
}

/// A row of a short list, which keeps it.
fn in_list(window: &Rc<Window>, item: &Item) -> adw::ActionRow {
    let row = adw::ActionRow::builder().title_lines(LINES).subtitle_lines(LINES).activatable(true).build();
    let _ = Row::of_list(window, &row).show(window, item);
    let (weak, own) = (Rc::downgrade(window), item.clone());
    row.connect_activated(move |_| {
        if let Some(window) = weak.upgrade() {
            open(&window, &own);
        }
    });
    row
}

/// Shows a profile in the form, or what is wrong with its file.
pub(super) fn open(window: &Rc<Window>, item: &Item) {
    match &item.profile {
        Ok(profile) => window.edit(profile, Some(item)),
        Err(lines) => window.show_broken(&item.path, lines),
    }
}

/// What is said in a row.
enum Words {
    /// By the row of a list.
    Row(adw::ActionRow),
    /// By two labels.
    Labels(gtk::Label, gtk::Label),
}

impl Words {
    fn say(&self, title: &str, subtitle: &str) {
        match self {
            Self::Row(row) => {
                row.set_title(&glib::markup_escape_text(title));
                row.set_subtitle(&glib::markup_escape_text(subtitle));
            }
            Self::Labels(first, second) => {
                first.set_label(title);
                second.set_label(subtitle);
            }
        }
    }
}

/// What shows one profile after the other.
pub(super) struct Row {
    words: Words,
    mark: gtk::Box,
    play: gtk::Button,
    /// The one that it shows.
    item: Rc<RefCell<Option<Item>>>,
}

impl Row {
    /// A row of a list.
    fn of_list(window: &Rc<Window>, row: &adw::ActionRow) -> Self {
        let made = Self::new(window, Words::Row(row.clone()));
        row.add_prefix(&made.mark);
        row.add_suffix(&made.play);
        made.add_menu(row, |more| row.add_suffix(more));
        made
    }

    /// The inside of a row that gets the focus elsewhere.
    pub fn bare(window: &Rc<Window>) -> (Self, gtk::Box) {
        let label = |class: &str| {
            let label = gtk::Label::builder().xalign(0.0).css_classes([class]);
            label.ellipsize(gtk::pango::EllipsizeMode::End).build()
        };
        let (title, subtitle) = (label("title"), label("subtitle"));
        let words = gtk::Box::builder().orientation(gtk::Orientation::Vertical).hexpand(true);
        let words = words.valign(gtk::Align::Center).css_classes(["title"]).build();
        words.append(&title);
        words.append(&subtitle);
        let made = Self::new(window, Words::Labels(title, subtitle));
        let inside = gtk::Box::builder().css_classes(["header"]).build();
        inside.append(&made.mark);
        inside.append(&words);
        inside.append(&made.play);
        made.add_menu(&inside, |more| inside.append(more));
        (made, inside)
    }

    fn new(window: &Rc<Window>, words: Words) -> Self {
        let item = Rc::default();
        let play = play(Rc::downgrade(window), Rc::clone(&item));
        Self { words, mark: chip(Colour::Grey, "", ""), play, item }
    }

    /// Shows this one. What it says, for who does not see it.
    pub fn show(&self, window: &Rc<Window>, item: &Item) -> (String, String) {
        let name = message::shown(&item.name());
        let subtitle = match &item.profile {
            Ok(profile) => self.show_profile(window, profile, &name),
            Err(lines) => self.show_broken(lines),
        };
        self.words.say(&name, &subtitle);
        self.play.set_visible(item.profile.is_ok());
        self.item.replace(Some(item.clone()));
        (name, subtitle)
    }

    fn show_profile(&self, window: &Rc<Window>, profile: &Profile, name: &str) -> String {
        let home = window.bridge.host().map(|host| host.user.home.as_path()).unwrap_or("".as_ref());
        self.show_mark(profile.colour, icon_of(profile));
        self.mark.set_tooltip_text(Some(&look::name(profile.colour)));
        let text = gettext("Run {name}").replace("{name}", name);
        self.play.update_property(&[gtk::accessible::Property::Label(&text)]);
        summary(profile, home)
    }

    /// A file that is no profile: the row says so, and shows where.
    fn show_broken(&self, lines: &[String]) -> String {
        let count = u32::try_from(lines.len()).unwrap_or(u32::MAX);
        let text = ngettext("{number} mistake in its file", "{number} mistakes in its file", count);
        self.show_mark(Colour::Grey, "dialog-warning-symbolic");
        self.mark.set_tooltip_text(None);
        text.replace("{number}", &count.to_string())
    }

    fn show_mark(&self, colour: Colour, icon: &str) {
        self.mark.set_css_classes(&["chip", &look::class(colour)]);
        if let Some(image) = self.mark.first_child().and_downcast::<gtk::Image>() {
            image.set_icon_name(Some(icon));
        }
    }

    /// What else can be done with a profile: the secondary button, or the menu
    /// key. It is made when it is asked for.
    fn add_menu(&self, row: &impl IsA<gtk::Widget>, add: impl FnOnce(&gtk::MenuButton)) {
        let more = gtk::MenuButton::builder()
            .icon_name("view-more-symbolic")
            .valign(gtk::Align::Center)
            .tooltip_text(gettext("More"))
            .css_classes(["flat", "circular"])
            .build();
        let item = self.item.clone();
        more.set_create_popup_func(move |more| {
            more.set_menu_model(item.borrow().as_ref().map(menu).as_ref());
        });
        add(&more);
        let click = gtk::GestureClick::builder().button(3).build();
        click.connect_pressed(move |_, _, _, _| more.popup());
        row.add_controller(click);
    }
}

fn play(window: Weak<Window>, item: Rc<RefCell<Option<Item>>>) -> gtk::Button {
    let play = gtk::Button::builder()
        .icon_name("media-playback-start-symbolic")
        .tooltip_text(gettext("Run"))
        .valign(gtk::Align::Center)
        .css_classes(["flat", "circular"])
        .build();
    play.connect_clicked(move |_| {
        let (Some(window), Some(item)) = (window.upgrade(), item.borrow().clone()) else { return };
        if let Ok(profile) = item.profile.clone() {
            window.launch(Launch::saved(profile, item));
        }
    });
    play
}

fn menu(item: &Item) -> gio::Menu {
    let menu = gio::Menu::new();
    let target = item.path.to_string_lossy().into_owned().to_variant();
    let add = |menu: &gio::Menu, text: String, action: &str| {
        let line = gio::MenuItem::new(Some(&text), None);
        line.set_action_and_target_value(Some(action), Some(&target));
        menu.append_item(&line);
    };
    if item.profile.is_ok() {
        add(&menu, gettext("What It Can _Reach"), "win.profile-reach");
        add(&menu, gettext("D_uplicate"), "win.profile-duplicate");
        add(&menu, gettext("_Export…"), "win.profile-export");
    }
    add(&menu, gettext("Open in _Text Editor"), "win.profile-text");
    let last = gio::Menu::new();
    add(&last, gettext("_Delete"), "win.profile-delete");
    menu.append_section(None, &last);
    menu
}
