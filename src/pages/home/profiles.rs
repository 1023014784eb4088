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

/// So many rows are made at first; the others when they are asked for.
const FIRST: usize = 50;
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
        let all = self.shows_all.get() || items.len() <= FIRST + 5;
        let shown = if all { items.len() } else { FIRST };
        for item in &items[..shown] {
            self.profiles.append(&row(window, item));
        }
        if shown < items.len() {
            self.profiles.append(&self.more(window, items.len() - shown));
        }
        self.show_page(window);
    }

    /// The row that shows the rest.
    fn more(self: &Rc<Self>, window: &Rc<Window>, rest: usize) -> adw::ActionRow {
        let count = u32::try_from(rest).unwrap_or(u32::MAX);
        let text = ngettext("Show {number} More", "Show {number} More", count);
        let title = text.replace("{number}", &rest.to_string());
        let row = adw::ActionRow::builder().title(title).activatable(true).build();
        row.add_suffix(&gtk::Image::from_icon_name("pan-down-symbolic"));
        let (home, weak) = (Rc::downgrade(self), Rc::downgrade(window));
        row.connect_activated(move |_| {
            if let (Some(home), Some(window)) = (home.upgrade(), weak.upgrade()) {
                home.shows_all.set(true);
                home.show_profiles(&window);
            }
        });
        row
    }
}

fn row(window: &Rc<Window>, item: &Item) -> adw::ActionRow {
    let made = Row::new(window);
    made.show(window, item);
    let row = made.widget;
    let (weak, own) = (Rc::downgrade(window), item.clone());
    row.connect_activated(move |_| {
        if let Some(window) = weak.upgrade() {
            open(&window, &own);
        }
    });
    row
}

/// Shows a profile in the form, or what is wrong with its file.
fn open(window: &Rc<Window>, item: &Item) {
    match &item.profile {
        Ok(profile) => window.edit(profile, Some(item)),
        Err(lines) => window.show_broken(&item.path, lines),
    }
}

/// What a row is made of.
struct Row {
    widget: adw::ActionRow,
    mark: gtk::Box,
    play: gtk::Button,
    /// The one that it shows.
    item: Rc<RefCell<Option<Item>>>,
}

impl Row {
    /// One that shows nothing yet.
    fn new(window: &Rc<Window>) -> Self {
        let widget =
            adw::ActionRow::builder().title_lines(LINES).subtitle_lines(LINES).activatable(true).build();
        let (mark, item) = (chip(Colour::Grey, "", ""), Rc::default());
        let play = play(Rc::downgrade(window), Rc::clone(&item));
        widget.add_prefix(&mark);
        widget.add_suffix(&play);
        let row = Self { widget, mark, play, item };
        row.add_menu();
        row
    }

    /// Shows this one.
    fn show(&self, window: &Rc<Window>, item: &Item) {
        let name = message::shown(&item.name());
        let subtitle = match &item.profile {
            Ok(profile) => self.show_profile(window, profile, &name),
            Err(lines) => self.show_broken(lines),
        };
        self.widget.set_title(&glib::markup_escape_text(&name));
        self.widget.set_subtitle(&glib::markup_escape_text(&subtitle));
        self.play.set_visible(item.profile.is_ok());
        self.item.replace(Some(item.clone()));
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
    fn add_menu(&self) {
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
        self.widget.add_suffix(&more);
        let click = gtk::GestureClick::builder().button(3).build();
        click.connect_pressed(move |_, _, _, _| more.popup());
        self.widget.add_controller(click);
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
