// SPDX-License-Identifier: LGPL-2.1-or-later
//! Home: what runs, then the profiles; a welcome when there is neither.

use super::{chip, object};
use crate::look;
use crate::window::Window;
use adw::prelude::*;
use gettextrs::gettext;
use gtk::glib;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant};
use terrarium_engine::message;
use terrarium_engine::plan::plan;
use terrarium_engine::profile::{store, Profile};
use terrarium_engine::sandbox::{Listing, State, Summary};

/// How often the list is made anew.
const EVERY: Duration = Duration::from_millis(1500);
/// An answer that takes longer is said to be waited for.
const SLOW: Duration = Duration::from_secs(2);

/// Width of a card in pixels: three of them stand in a line.
const CARD: i32 = 312;

/// The page.
pub struct Home {
    /// Its widget.
    pub widget: gtk::Box,
    stack: gtk::Stack,
    notice: gtk::Revealer,
    notice_text: gtk::Label,
    running_box: gtk::Box,
    running: gtk::FlowBox,
    profiles_box: gtk::Box,
    profiles: gtk::ListBox,
    open_terminal: adw::ActionRow,
    run_command: adw::ActionRow,
    welcome_note: gtk::Label,
    shown: RefCell<Option<Vec<Summary>>>,
    known: RefCell<Vec<Profile>>,
    waiting: Cell<bool>,
}

impl Home {
    /// The page, empty.
    pub fn new() -> Rc<Self> {
        let builder = gtk::Builder::from_string(include_str!("home.ui"));
        Rc::new(Self {
            widget: object(&builder, "page"),
            stack: object(&builder, "stack"),
            notice: object(&builder, "notice"),
            notice_text: object(&builder, "notice-text"),
            running_box: object(&builder, "running-box"),
            running: object(&builder, "running"),
            profiles_box: object(&builder, "profiles-box"),
            profiles: object(&builder, "profiles"),
            open_terminal: object(&builder, "open-terminal"),
            run_command: object(&builder, "run-command"),
            welcome_note: object(&builder, "welcome-note"),
            shown: RefCell::default(),
            known: RefCell::default(),
            waiting: Cell::new(false),
        })
    }

    /// Connects what can be clicked.
    pub fn connect(self: &Rc<Self>, window: &Rc<Window>) {
        let on = |row: &adw::ActionRow, run: fn(&Rc<Window>)| {
            let window = Rc::downgrade(window);
            row.connect_activated(move |_| {
                if let Some(window) = window.upgrade() {
                    run(&window);
                }
            });
        };
        on(&self.open_terminal, open_terminal);
        on(&self.run_command, |window| window.show_form(None));
        self.profiles_box.set_visible(false);
        self.running_box.set_visible(false);
    }

    /// Makes the lists anew for as long as the window is there.
    pub fn watch(self: &Rc<Self>, window: &Rc<Window>) {
        self.read_profiles(window);
        let (home, window) = (self.clone(), Rc::downgrade(window));
        glib::spawn_future_local(async move {
            loop {
                let Some(window) = window.upgrade().filter(|window| window.widget.is_visible()) else {
                    return;
                };
                home.waiting.set(true);
                let slow = home.clone();
                glib::timeout_add_local_once(SLOW, move || slow.say_what_is_waited_for());
                let begun = Instant::now();
                let listing = window.bridge.list().await;
                home.waiting.set(false);
                window.runs.follow(&listing, begun);
                home.show(&window, listing);
                drop(window);
                glib::timeout_future(EVERY).await;
            }
        });
    }

    /// What is listed and said, as text, for tests.
    #[must_use]
    pub fn describe(&self) -> String {
        let notice = if self.notice.reveals_child() { self.notice_text.label() } else { "".into() };
        let shown = self.shown.borrow();
        let cards =
            shown.iter().flatten().map(|one| format!("{}: {}", one.name(), message::state(&one.state)));
        format!("notice: {notice}\n{}\n", cards.collect::<Vec<_>>().join("\n"))
    }

    fn say_what_is_waited_for(&self) {
        if self.waiting.get() {
            self.notice_text.set_label(&gettext("Waiting for libvirt to answer…"));
            self.notice.set_reveal_child(true);
        }
    }

    fn read_profiles(self: &Rc<Self>, window: &Rc<Window>) {
        let Some(host) = window.bridge.host() else { return };
        let entries = store::list(&host.places).unwrap_or_default();
        *self.known.borrow_mut() = entries.into_iter().filter_map(|entry| entry.profile.ok()).collect();
        for profile in self.known.borrow().iter() {
            self.profiles.append(&profile_row(window, profile));
        }
        self.profiles_box.set_visible(!self.known.borrow().is_empty());
        let container_works = host.usable(&terrarium_engine::uri::Uri::LxcSystem);
        self.welcome_note.set_label(&if container_works {
            gettext("The terminal starts as a container.")
        } else {
            gettext("This starts as a virtual machine. Containers need one more step.")
        });
    }

    fn show(self: &Rc<Self>, window: &Rc<Window>, listing: Listing) {
        match listing.unreachable.first() {
            Some((uri, state)) => {
                self.notice_text.set_label(&message::connection_state(uri, state));
                self.notice.set_reveal_child(true);
            }
            None => self.notice.set_reveal_child(false),
        }
        let unchanged = self.shown.borrow().as_ref().is_some_and(|old| same(old, &listing.sandboxes));
        if !unchanged {
            while let Some(child) = self.running.first_child() {
                self.running.remove(&child);
            }
            for one in &listing.sandboxes {
                self.running.append(&card(window, one));
            }
        }
        let empty = listing.sandboxes.is_empty();
        self.running_box.set_visible(!empty);
        let welcome = empty && self.known.borrow().is_empty();
        self.stack.set_visible_child_name(if welcome { "welcome" } else { "lists" });
        *self.shown.borrow_mut() = Some(listing.sandboxes);
    }
}

/// Whether two lists look the same; the time is counted in whole minutes.
fn same(old: &[Summary], new: &[Summary]) -> bool {
    let looks = |one: &Summary| (one.id.clone(), message::state(&one.state), age(one));
    old.len() == new.len() && old.iter().zip(new).all(|(a, b)| looks(a) == looks(b))
}

fn age(one: &Summary) -> String {
    let milliseconds = one.status.as_ref().and_then(|status| status.running_for).unwrap_or(0);
    // Whole minutes: a card does not tick.
    match milliseconds / 60_000 {
        0 => gettext("less than a minute"),
        minutes => message::duration(minutes * 60_000),
    }
}

fn card(window: &Rc<Window>, one: &Summary) -> gtk::Button {
    let name =
        gtk::Label::builder().label(one.name()).xalign(0.0).ellipsize(gtk::pango::EllipsizeMode::End).build();
    name.add_css_class("heading");
    let detail = format!("{} · {}", message::isolation(one.isolation()), age(one));
    let detail =
        gtk::Label::builder().label(detail).xalign(0.0).ellipsize(gtk::pango::EllipsizeMode::End).build();
    detail.add_css_class("dim-label");
    detail.add_css_class("caption");
    let words = gtk::Box::builder().orientation(gtk::Orientation::Vertical).hexpand(true).build();
    words.append(&name);
    words.append(&detail);
    let foot = gtk::Box::builder()
        .spacing(12)
        .margin_top(9)
        .margin_bottom(9)
        .margin_start(12)
        .margin_end(12)
        .build();
    foot.append(&chip(one.colour(), "", "utilities-terminal-symbolic"));
    foot.append(&words);
    let body = gtk::Box::builder().orientation(gtk::Orientation::Vertical).build();
    body.append(&thumbnail(one));
    body.append(&foot);
    let card = gtk::Button::builder().child(&body).width_request(CARD).build();
    card.add_css_class("card");
    card.set_tooltip_text(Some(&one.metadata.command));
    let (window, one) = (Rc::downgrade(window), one.clone());
    card.connect_clicked(move |_| {
        if let Some(window) = window.upgrade() {
            window.attach(&one);
        }
    });
    card
}

/// The command, and a pill for what is not plain running.
fn thumbnail(one: &Summary) -> gtk::Overlay {
    let command = gtk::Label::builder()
        .label(format!("$ {}", one.metadata.command))
        .xalign(0.0)
        .yalign(0.0)
        .wrap(true)
        .wrap_mode(gtk::pango::WrapMode::WordChar)
        .lines(4)
        .ellipsize(gtk::pango::EllipsizeMode::End)
        .margin_top(12)
        .margin_start(14)
        .margin_end(14)
        .hexpand(true)
        .build();
    command.add_css_class("monospace");
    command.add_css_class("caption");
    let ground = gtk::Box::builder().css_classes(["thumbnail", &look::class(one.colour())]).build();
    ground.append(&command);
    let overlay = gtk::Overlay::builder().child(&ground).build();
    if one.state != State::Running {
        let pill = gtk::Label::builder()
            .label(message::state(&one.state))
            .halign(gtk::Align::End)
            .valign(gtk::Align::Start)
            .margin_top(6)
            .margin_end(6)
            .css_classes(["pill-label"])
            .build();
        overlay.add_overlay(&pill);
    }
    overlay
}

fn profile_row(window: &Rc<Window>, profile: &Profile) -> adw::ActionRow {
    let program =
        profile.command.argv.first().map(|word| word.to_string_lossy().into_owned()).unwrap_or_default();
    let glass = profile.isolation.map(message::isolation);
    let parts: Vec<String> = [Some(program), glass].into_iter().flatten().collect();
    let row = adw::ActionRow::builder()
        .title(glib::markup_escape_text(&profile.name).as_str())
        .subtitle(glib::markup_escape_text(&parts.join(" · ")).as_str())
        .activatable(true)
        .build();
    row.add_prefix(&chip(profile.colour, "", "utilities-terminal-symbolic"));
    let play = gtk::Button::builder()
        .icon_name("media-playback-start-symbolic")
        .tooltip_text(gettext("Run"))
        .valign(gtk::Align::Center)
        .css_classes(["flat", "circular"])
        .build();
    row.add_suffix(&play);
    let (weak, own) = (Rc::downgrade(window), profile.clone());
    play.connect_clicked(move |_| {
        if let Some(window) = weak.upgrade() {
            run_profile(&window, &own);
        }
    });
    let (weak, own) = (Rc::downgrade(window), profile.clone());
    row.connect_activated(move |_| {
        if let Some(window) = weak.upgrade() {
            window.show_form(Some(&own));
        }
    });
    row
}

/// Runs a profile; one with problems is shown in the form instead.
fn run_profile(window: &Rc<Window>, profile: &Profile) {
    let Some(host) = window.bridge.host() else { return };
    match plan(profile, host).plan {
        Some(plan) => window.start(plan),
        None => window.show_form(Some(profile)),
    }
}

fn open_terminal(window: &Rc<Window>) {
    let Some(host) = window.bridge.host() else { return };
    let shell = host.user.shell.clone().into_os_string();
    run_profile(window, &Profile::new(gettext("Terminal"), vec![shell]));
}
