// SPDX-License-Identifier: LGPL-2.1-or-later
//! Changes of runs that have ended, which nobody has decided about, at Home.

use super::Home;
use crate::pages::changes::{discard_question, ChangesWindow};
use crate::pages::chip;
use crate::window::Window;
use adw::prelude::*;
use gettextrs::{gettext, ngettext};
use gtk::glib;
use std::rc::Rc;
use terrarium_engine::message;
use terrarium_engine::profile::Icon;
use terrarium_engine::sandbox::{Layer, Told, Waiting};

/// So many rows are made at first; the others when they are asked for.
const FIRST: usize = 5;
/// What does not fit into these is cut off.
const LINES: i32 = 2;

/// What a row says: two that say the same are the same.
#[derive(Clone, PartialEq, Eq)]
pub struct Line {
    uuid: String,
    title: String,
    subtitle: String,
}

impl Line {
    fn of(window: &Window, one: &Waiting) -> Self {
        let (count, since) = (message::waiting_count(one), message::waiting_since(one));
        let subtitle = match one.edit() {
            Some(file) => {
                let home = window.bridge.host().map(|host| host.user.home.clone()).unwrap_or_default();
                let short = file
                    .strip_prefix(&home)
                    .map_or_else(|_| file.display().to_string(), |inner| format!("~/{}", inner.display()));
                [message::shown(&short), since].join(" · ")
            }
            None => [count, since].join(" · "),
        };
        Self { uuid: one.layer.tag.uuid.clone(), title: message::waiting(one), subtitle }
    }
}

impl Home {
    /// Lists what waits, as it is now. Nothing is started for that.
    pub(crate) async fn look_for_waiting(self: &Rc<Self>, window: &Rc<Window>) {
        let found = window.bridge.waiting().await;
        self.waits.replace(found);
        self.show_waiting(window);
    }

    /// The same, by itself.
    pub(crate) fn waiting_may_have_changed(self: &Rc<Self>, window: &Rc<Window>) {
        let (home, window) = (self.clone(), window.clone());
        glib::spawn_future_local(async move { home.look_for_waiting(&window).await });
    }

    /// Rows are made anew when they would say something else.
    pub(super) fn show_waiting(self: &Rc<Self>, window: &Rc<Window>) {
        let all = self.waits.borrow().clone();
        let leaving = self.leaving.borrow().clone();
        // As long as it has its tab, the card of that says what waits.
        let has_card = |uuid: &str| window.runs.looking_at(uuid).is_some();
        let is_seen = |one: &&Waiting| {
            let uuid = &one.layer.tag.uuid;
            !leaving.contains(uuid) && !has_card(uuid) && self.finds(&message::waiting(one))
        };
        let all: Vec<&Waiting> = all.iter().filter(is_seen).collect();
        let lines: Vec<Line> = all.iter().map(|one| Line::of(window, one)).collect();
        self.waiting_box.set_visible(!lines.is_empty());
        if *self.waiting_lines.borrow() != lines {
            while let Some(row) = self.waiting.first_child() {
                self.waiting.remove(&row);
            }
            let whole = self.shows_all_waiting.get() || lines.len() <= FIRST + 1;
            let shown = if whole { lines.len() } else { FIRST };
            for (one, line) in all.iter().zip(&lines).take(shown) {
                self.waiting.append(&self.waiting_row(window, one, line));
            }
            if shown < lines.len() {
                self.waiting.append(&self.more_waiting(window, lines.len() - shown));
            }
            self.waiting_lines.replace(lines);
        }
        self.show_page(window);
    }

    fn more_waiting(self: &Rc<Self>, window: &Rc<Window>, rest: usize) -> adw::ActionRow {
        let count = message::many(rest);
        let text = ngettext("Show {number} More", "Show {number} More", count);
        let row = adw::ActionRow::builder().title(text.replace("{number}", &rest.to_string())).build();
        row.set_activatable(true);
        row.add_suffix(&gtk::Image::from_icon_name("pan-down-symbolic"));
        let (home, weak) = (Rc::downgrade(self), Rc::downgrade(window));
        row.connect_activated(move |_| {
            if let (Some(home), Some(window)) = (home.upgrade(), weak.upgrade()) {
                home.shows_all_waiting.set(true);
                home.waiting_lines.take();
                home.show_waiting(&window);
            }
        });
        row
    }

    fn waiting_row(self: &Rc<Self>, window: &Rc<Window>, one: &Waiting, line: &Line) -> adw::ActionRow {
        let row = adw::ActionRow::builder()
            .title(glib::markup_escape_text(&line.title).as_str())
            .subtitle(glib::markup_escape_text(&line.subtitle).as_str())
            .title_lines(LINES)
            .subtitle_lines(LINES)
            .activatable(true)
            .build();
        let tag = &one.layer.tag;
        row.add_prefix(&chip(tag.colour, "", tag.icon.map_or("document-edit-symbolic", Icon::themed)));
        row.set_tooltip_text(Some(&message::shown(&tag.command)));
        let discard = gtk::Button::builder()
            .icon_name("user-trash-symbolic")
            .tooltip_text(gettext("Discard"))
            .valign(gtk::Align::Center)
            .css_classes(["flat", "circular"])
            .build();
        let text = gettext("Discard {name}").replace("{name}", &line.title);
        discard.update_property(&[gtk::accessible::Property::Label(&text)]);
        let (home, weak, own) = (Rc::downgrade(self), Rc::downgrade(window), one.clone());
        discard.connect_clicked(move |_| {
            if let (Some(home), Some(window)) = (home.upgrade(), weak.upgrade()) {
                home.ask_to_discard(&window, &own);
            }
        });
        row.add_suffix(&discard);
        let (weak, own) = (Rc::downgrade(window), one.clone());
        row.connect_activated(move |_| {
            if let Some(window) = weak.upgrade() {
                window.look_at_waiting(&own);
            }
        });
        row
    }

    /// Nobody has decided about them: that is asked, and how many they are.
    fn ask_to_discard(self: &Rc<Self>, window: &Rc<Window>, one: &Waiting) {
        let name = message::shown(&one.layer.tag.name);
        let dialog = discard_question(&window.widget, one.told.as_ref().map(Told::undecided), &name);
        let (home, weak, layer) = (Rc::downgrade(self), Rc::downgrade(window), one.layer.clone());
        dialog.connect_response(Some("discard"), move |_, _| {
            if let (Some(home), Some(window)) = (home.upgrade(), weak.upgrade()) {
                home.discard_waiting(&window, layer.clone());
            }
        });
        dialog.present();
    }

    /// It is gone from the list at once, and from the disk soon.
    fn discard_waiting(self: &Rc<Self>, window: &Rc<Window>, layer: Layer) {
        self.leaving.borrow_mut().push(layer.tag.uuid.clone());
        self.show_waiting(window);
        let (home, window) = (self.clone(), window.clone());
        glib::spawn_future_local(async move {
            match window.bridge.discard_layer(layer.clone()).await {
                Ok(()) => window.runs.changes_are_settled(&layer.tag.uuid),
                Err(error) => window.toast(&message::error(&error)),
            }
            home.leaving.borrow_mut().retain(|uuid| *uuid != layer.tag.uuid);
            home.look_for_waiting(&window).await;
        });
    }
}

impl Window {
    /// Opens the page of changes that wait: with what was decided already, if
    /// they are a tab's.
    pub(crate) fn look_at_waiting(self: &Rc<Self>, one: &Waiting) {
        if let Some(looking) = self.runs.looking_at(&one.layer.tag.uuid) {
            return ChangesWindow::open(self, &looking);
        }
        if one.told.is_none() {
            self.toast(&message::looks_inside(one.layer.tag.isolation));
        }
        let (window, layer) = (self.clone(), one.layer.clone());
        glib::spawn_future_local(async move {
            match window.bridge.look_into(layer).await {
                Ok(looking) => ChangesWindow::open(&window, &looking),
                Err(error) => window.toast(&message::error(&error)),
            }
        });
    }
}
