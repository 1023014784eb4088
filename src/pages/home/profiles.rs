// SPDX-License-Identifier: LGPL-2.1-or-later
//! The profiles at Home.

use super::summary::summary;
use super::Home;
use crate::launcher;
use crate::library::Item;
use crate::look;
use crate::pages::{chip, icon_of};
use crate::window::{Launch, Window};
use adw::prelude::*;
use gettextrs::{gettext, ngettext};
use gtk::{gio, glib};
use std::rc::Rc;
use std::time::{Duration, Instant};
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
        let count = message::many(rest);
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
    let name = message::shown(&item.name());
    let row = adw::ActionRow::builder()
        .title(glib::markup_escape_text(&name).as_str())
        .title_lines(LINES)
        .subtitle_lines(LINES)
        .activatable(true)
        .build();
    let subtitle = match &item.profile {
        Ok(profile) => {
            let mark = chip(profile.colour, "", icon_of(profile));
            mark.set_tooltip_text(Some(&look::name(profile.colour)));
            row.add_prefix(&mark);
            row.add_suffix(&play(window, item, profile, &name));
            summary(profile, &window.bridge.host().map(|host| host.user.home.clone()).unwrap_or_default())
        }
        Err(broken) => {
            row.add_prefix(&chip(Colour::Grey, "", "dialog-warning-symbolic"));
            broken.in_short.clone()
        }
    };
    row.set_subtitle(&glib::markup_escape_text(&subtitle));
    add_menu(window, &row, item);
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
        Err(broken) => window.show_broken(&item.path, &broken.lines),
    }
}

fn play(window: &Rc<Window>, item: &Item, profile: &Profile, name: &str) -> gtk::Button {
    let play = gtk::Button::builder()
        .icon_name("media-playback-start-symbolic")
        .tooltip_text(gettext("Run"))
        .valign(gtk::Align::Center)
        .css_classes(["flat", "circular"])
        .build();
    let text = gettext("Run {name}").replace("{name}", name);
    play.update_property(&[gtk::accessible::Property::Label(&text)]);
    let (weak, own, its) = (Rc::downgrade(window), item.clone(), profile.clone());
    play.connect_clicked(move |_| {
        // Its row may be another one by the second click of a double click.
        if let Some(window) = weak.upgrade().filter(|window| !is_double_click(window, &own)) {
            window.launch(Launch::saved(its.clone(), own.clone()));
        }
    });
    play
}

/// Whether the same profile was just run: who clicks twice means one run.
fn is_double_click(window: &Window, item: &Item) -> bool {
    let settings = gtk::Settings::for_display(&WidgetExt::display(&window.widget));
    let pause = u64::try_from(settings.gtk_double_click_time()).map_or(Duration::ZERO, Duration::from_millis);
    let before = window.home.played.replace(Some((item.path.clone(), Instant::now())));
    before.is_some_and(|(path, then)| path == item.path && then.elapsed() < pause)
}

/// What else can be done with a profile: the secondary button, or the menu
/// key. It is made when it is asked for.
fn add_menu(window: &Rc<Window>, row: &adw::ActionRow, item: &Item) {
    let more = gtk::MenuButton::builder()
        .icon_name("view-more-symbolic")
        .valign(gtk::Align::Center)
        .tooltip_text(gettext("More"))
        .css_classes(["flat", "circular"])
        .build();
    crate::pages::name_by_hint(&more);
    let (weak, item) = (Rc::downgrade(window), item.clone());
    more.set_create_popup_func(move |more| {
        if let Some(window) = weak.upgrade() {
            more.set_menu_model(Some(&menu(&window, &item)));
        }
    });
    row.add_suffix(&more);
    let click = gtk::GestureClick::builder().button(3).build();
    click.connect_pressed(move |_, _, _, _| more.popup());
    row.add_controller(click);
}

/// Of a file that is no profile only the text can be had; it says so.
fn menu(window: &Window, item: &Item) -> gio::Menu {
    let target = item.path.to_string_lossy().into_owned().to_variant();
    let add = |menu: &gio::Menu, text: String, action: &str| {
        let line = gio::MenuItem::new(Some(&text), None);
        line.set_action_and_target_value(Some(action), Some(&target));
        menu.append_item(&line);
    };
    let works = item.profile.is_ok();
    let offer =
        |menu: &gio::Menu, text, action| add(menu, text, if works { action } else { "win.profile-broken" });
    let [menu, as_it_is, made_of_it, last] = [(); 4].map(|()| gio::Menu::new());
    offer(&as_it_is, gettext("_Edit"), "win.profile-edit");
    offer(&as_it_is, gettext("Re_name…"), "win.profile-rename");
    offer(&as_it_is, gettext("What It Can _Reach"), "win.profile-reach");
    add(&as_it_is, gettext("Open in _Text Editor"), "win.profile-text");
    offer(&made_of_it, gettext("D_uplicate"), "win.profile-duplicate");
    offer(&made_of_it, gettext("E_xport…"), "win.profile-export");
    if launcher::path(&window.bridge.data_home(), &item.stem()).exists() {
        offer(&made_of_it, gettext("Remove _Launcher"), "win.profile-no-launcher");
    } else {
        offer(&made_of_it, gettext("Create _Launcher"), "win.profile-launcher");
    }
    add(&last, gettext("_Delete"), "win.profile-delete");
    let why = item.profile.as_ref().err().map(|broken| broken.in_short.as_str());
    menu.append_section(why, &as_it_is);
    menu.append_section(None, &made_of_it);
    menu.append_section(None, &last);
    menu
}
