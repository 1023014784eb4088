// SPDX-License-Identifier: LGPL-2.1-or-later
//! The sentences themselves.

use adw::prelude::*;
use gettextrs::gettext;
use gtk::glib;
use std::cell::RefCell;
use std::rc::Rc;
use terrarium_engine::message::{Row, Words};
use terrarium_engine::reach::{Fact, Secret, Strength};

/// What hides secrets.
pub type Hide = dyn Fn(&[Secret]);
/// Rows that change a fact, and which one that is.
type Controls = (fn(&Fact) -> bool, Vec<adw::PreferencesRow>);

/// Why what is shown is from before.
struct Outdated {
    whole: gtk::Box,
    why: gtk::Label,
    before: gtk::Label,
    go: gtk::Button,
}

/// A column of groups.
pub struct Pane {
    /// Its widget.
    pub widget: gtk::Box,
    groups: gtk::Box,
    shown: RefCell<Option<Words>>,
    /// A row for each sentence, as they are shown.
    rows: RefCell<Vec<adw::ActionRow>>,
    controls: RefCell<Vec<Controls>>,
    outdated: Outdated,
    hide: RefCell<Option<Rc<Hide>>>,
}

impl Default for Pane {
    fn default() -> Self {
        Self::new()
    }
}

impl Pane {
    /// An empty one.
    pub fn new() -> Self {
        let groups = gtk::Box::builder().orientation(gtk::Orientation::Vertical).spacing(24).build();
        groups.set_widget_name("reach-groups");
        let outdated = Outdated::new();
        let widget = gtk::Box::new(gtk::Orientation::Vertical, 0);
        widget.append(&outdated.whole);
        widget.append(&groups);
        let (shown, rows, controls, hide) = Default::default();
        Self { widget, groups, shown, rows, controls, outdated, hide }
    }

    /// Puts rows below the sentence that they change.
    pub fn control(&self, what: fn(&Fact) -> bool, rows: Vec<adw::PreferencesRow>) {
        self.controls.borrow_mut().push((what, rows));
    }

    /// What is shown is not what would be now, since nothing could be: why.
    pub fn set_outdated(&self, why: Option<&str>) {
        self.outdated.why.set_label(why.unwrap_or_default());
        self.outdated.before.set_visible(self.shown.borrow().is_some());
        self.outdated.whole.set_visible(why.is_some());
        self.groups.set_sensitive(why.is_none());
        // It is read all the same.
        crate::pages::network::set_class(&self.groups, "outdated", why.is_some());
    }

    /// What was shown was of another profile.
    pub fn forget(&self) {
        if self.shown.take().is_some() {
            self.clear();
        }
    }

    /// Goes to what has to be mended first.
    pub fn on_go(&self, go: impl Fn() + 'static) {
        self.outdated.go.connect_clicked(move |_| go());
    }

    /// Offers to hide secrets.
    pub fn on_hide(&self, hide: impl Fn(&[Secret]) + 'static) {
        self.hide.replace(Some(Rc::new(hide)));
    }

    /// Shows these, if they are others than before. With `whole` what becomes
    /// of changes is a group of its own, else a closing line.
    pub fn show(&self, words: &Words, whole: bool) {
        let before = self.shown.replace(Some(words.clone()));
        if before.as_ref() == Some(words) {
            return;
        }
        // Whoever is in a row with the keyboard stays there.
        if before.is_some_and(|before| are_alike(&before, words)) {
            return self.tell_anew(words);
        }
        self.clear();
        self.groups.append(&self.group(&gettext("It Can"), &words.can, true));
        self.groups.append(&self.group(&gettext("It Cannot"), &words.cannot, false));
        let (title, detail) = &words.afterwards;
        if whole {
            let group = adw::PreferencesGroup::builder().title(gettext("Afterwards")).build();
            group.add(&line("view-list-bullet-symbolic", title, detail));
            self.groups.append(&group);
        } else {
            let text = [title.as_str(), detail].join(" ");
            let label =
                gtk::Label::builder().label(text.trim()).wrap(true).justify(gtk::Justification::Center);
            let label = label.css_classes(["dim-label", "caption"]).build();
            self.groups.append(&label);
        }
    }

    /// The controls are there again in the next ones.
    fn clear(&self) {
        for row in self.controls.borrow().iter().flat_map(|(_, rows)| rows) {
            let group = row.ancestor(adw::PreferencesGroup::static_type());
            if let Some(group) = group.and_downcast::<adw::PreferencesGroup>() {
                group.remove(row);
            }
        }
        self.rows.borrow_mut().clear();
        while let Some(child) = self.groups.first_child() {
            self.groups.remove(&child);
        }
    }

    fn tell_anew(&self, words: &Words) {
        for (row, said) in self.rows.borrow().iter().zip(words.can.iter().chain(&words.cannot)) {
            row.set_title(&glib::markup_escape_text(&said.title));
            row.set_subtitle(&unbroken(&said.detail));
        }
    }

    fn group(&self, title: &str, rows: &[Row], can: bool) -> adw::PreferencesGroup {
        let group = adw::PreferencesGroup::builder().title(title).build();
        for row in rows {
            let made = line(icon(&row.fact, can), &row.title, &row.detail);
            if row.strength == Strength::Secret {
                made.add_css_class("secret");
                self.add_button(&made, &row.fact);
            }
            group.add(&made);
            self.rows.borrow_mut().push(made);
            let controls = self.controls.borrow();
            let own = controls.iter().filter(|(is_it, _)| is_it(&row.fact)).flat_map(|(_, rows)| rows);
            own.for_each(|control| group.add(control));
        }
        group
    }

    fn add_button(&self, row: &adw::ActionRow, fact: &Fact) {
        let (Fact::Secrets { seen, .. }, Some(hide)) = (fact, self.hide.borrow().clone()) else { return };
        let seen: Vec<Secret> = seen.iter().filter(|secret| secret.can_be_hidden()).cloned().collect();
        if seen.is_empty() {
            return;
        }
        let text = if seen.len() == 1 { gettext("_Hide It") } else { gettext("_Hide Them") };
        let button =
            gtk::Button::builder().label(text).use_underline(true).valign(gtk::Align::Center).build();
        button.connect_clicked(move |_| hide(&seen));
        row.add_suffix(&button);
    }
}

impl Outdated {
    fn new() -> Self {
        let label = |text: &str, class: &str| {
            let label = gtk::Label::builder().label(text).wrap(true).xalign(0.0).build();
            label.add_css_class(class);
            label
        };
        let whole = gtk::Box::builder().orientation(gtk::Orientation::Vertical).spacing(6).build();
        whole.set_margin_bottom(18);
        whole.set_visible(false);
        whole.set_widget_name("reach-outdated");
        let go = gtk::Button::builder().label(gettext("_Go There")).use_underline(true).build();
        go.set_halign(gtk::Align::Start);
        go.set_widget_name("reach-go");
        let (why, before) = (label("", "error"), label(&gettext("Below is what held before."), "dim-label"));
        whole.append(&label(&gettext("It Cannot Run Like This"), "heading"));
        whole.append(&why);
        whole.append(&go);
        whole.append(&before);
        Self { whole, why, before, go }
    }
}

/// Whether the same rows can say both.
fn are_alike(one: &Words, other: &Words) -> bool {
    let alike = |(one, other): (&Row, &Row)| {
        let same = std::mem::discriminant(&one.fact) == std::mem::discriminant(&other.fact);
        let has_button = one.strength == Strength::Secret;
        same && one.strength == other.strength && (!has_button || one.fact == other.fact)
    };
    let all = |one: &[Row], other: &[Row]| one.len() == other.len() && one.iter().zip(other).all(alike);
    all(&one.can, &other.can) && all(&one.cannot, &other.cannot) && one.afterwards == other.afterwards
}

fn line(icon: &str, title: &str, detail: &str) -> adw::ActionRow {
    let row = adw::ActionRow::builder()
        .title(glib::markup_escape_text(title).as_str())
        .subtitle(unbroken(detail))
        .selectable(false)
        .build();
    // No sentence about what can be reached is ever cut off.
    row.set_title_lines(0);
    row.set_subtitle_lines(0);
    let image = gtk::Image::builder().icon_name(icon).accessible_role(gtk::AccessibleRole::Presentation);
    row.add_prefix(&image.build());
    row
}

/// As markup whose paths do not break at their slashes, where a line does in prose.
pub(crate) fn unbroken(text: &str) -> String {
    glib::markup_escape_text(text).replace('/', "/\u{2060}")
}

fn icon(fact: &Fact, can: bool) -> &'static str {
    match fact {
        Fact::Secrets { .. } if can => "dialog-warning-symbolic",
        Fact::Secrets { .. } => "changes-prevent-symbolic",
        Fact::Writes(_) => "document-edit-symbolic",
        Fact::Sockets(_) => "network-transmit-receive-symbolic",
        Fact::Devices { .. } => "audio-input-microphone-symbolic",
        Fact::Network { .. } => "network-workgroup-symbolic",
        Fact::Root(_) => "avatar-default-symbolic",
        Fact::Kernel(_) => "applications-system-symbolic",
        Fact::Reads { .. } => "folder-open-symbolic",
        Fact::Home(_) => "user-home-symbolic",
        Fact::Clipboard(_) => "edit-paste-symbolic",
        Fact::Drops(_) => "folder-download-symbolic",
        Fact::Sound(_) => "audio-speakers-symbolic",
        Fact::Limits { .. } => "power-profile-balanced-symbolic",
        Fact::Desktop => "view-conceal-symbolic",
    }
}
