// SPDX-License-Identifier: LGPL-2.1-or-later
//! One row of the form: a key of the profile, its widget, what the plan says
//! of it below, and a mark with a way back where it is not as by default.

use adw::prelude::*;
use gettextrs::gettext;
use gtk::glib;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use terrarium_engine::profile::Profile;

type Call = Rc<dyn Fn()>;
type Same = dyn Fn(&Profile, &Profile) -> bool;
type Back = dyn Fn(&mut Profile, &Profile);
type Fault = dyn Fn() -> Option<String>;

/// Tells the form that something was changed.
#[derive(Clone, Default)]
pub struct Signal {
    call: Rc<RefCell<Option<Call>>>,
    /// While the form is being filled nothing is told.
    quiet: Rc<Cell<bool>>,
}

impl Signal {
    /// Says what to do then.
    pub fn connect(&self, call: impl Fn() + 'static) {
        self.call.replace(Some(Rc::new(call)));
    }

    /// Something was changed.
    pub fn emit(&self) {
        let call = self.call.borrow().clone();
        if let (Some(call), false) = (call, self.quiet.get()) {
            call();
        }
    }

    /// Whether the form is being filled.
    pub fn is_quiet(&self) -> bool {
        self.quiet.get()
    }

    /// Does something of which nothing is told.
    pub fn quietly(&self, work: impl FnOnce()) {
        let before = self.quiet.replace(true);
        work();
        self.quiet.set(before);
    }
}

/// One row.
pub struct Field {
    /// The profile's key.
    pub key: &'static str,
    /// Its widget.
    pub row: gtk::Widget,
    message: adw::ActionRow,
    reset: gtk::Button,
    fill: Box<dyn Fn(&Profile)>,
    read: Box<dyn Fn(&mut Profile)>,
    same: Box<Same>,
    back: Box<Back>,
    /// Switches it on, to see whether that could work.
    pub probe: Option<fn(&mut Profile)>,
    fault: Option<Box<Fault>>,
}

/// How a value is taken out of a profile and put into it.
#[derive(Clone, Copy)]
pub struct Access<T> {
    /// Takes it.
    pub get: fn(&Profile) -> T,
    /// Puts it.
    pub set: fn(&mut Profile, T),
}

/// A place for rows, under a title.
#[derive(Clone)]
pub struct Group {
    /// The whole.
    pub widget: adw::PreferencesGroup,
    /// The rows.
    pub list: gtk::ListBox,
}

impl Group {
    /// An empty one.
    pub fn new(title: &str) -> Self {
        let list = gtk::ListBox::builder().selection_mode(gtk::SelectionMode::None).build();
        list.add_css_class("boxed-list");
        let widget = adw::PreferencesGroup::builder().title(title).build();
        widget.add(&list);
        Self { widget, list }
    }
}

/// The row for a sentence about the one above. Whoever does not see it hears of
/// it, as far as GTK tells.
pub fn message_row(name: &str) -> adw::ActionRow {
    sentence_row(name, gtk::AccessibleRole::Alert)
}

/// The same for one that is heard when it is come to.
pub(super) fn sentence_row(name: &str, role: gtk::AccessibleRole) -> adw::ActionRow {
    let row = adw::ActionRow::builder().visible(false).activatable(false).selectable(false);
    let row = row.accessible_role(role).build();
    row.add_css_class("message");
    row.set_icon_name(Some("help-about-symbolic"));
    row.set_title_lines(0);
    row.set_widget_name(name);
    row
}

/// Shows a sentence below a row, or none. `wrong` if it has to be mended.
pub fn say(message: &adw::ActionRow, text: Option<&str>, wrong: bool) {
    if let Some(text) = text {
        message.set_title(&glib::markup_escape_text(text));
        message.set_icon_name(Some(if wrong { "dialog-error-symbolic" } else { "help-about-symbolic" }));
    }
    if wrong {
        message.add_css_class("error");
    } else {
        message.remove_css_class("error");
    }
    message.set_visible(text.is_some());
    // They belong together: no line between them.
    if let Some(above) = message.prev_sibling() {
        if text.is_some() {
            above.add_css_class("continued");
        } else {
            above.remove_css_class("continued");
        }
    }
}

/// A way back to the default, which is not shown yet.
pub(super) fn reset_button() -> gtk::Button {
    let reset = gtk::Button::builder()
        .icon_name("edit-undo-symbolic")
        .valign(gtk::Align::Center)
        .visible(false)
        .tooltip_text(gettext("Changed From the Default. Reset"))
        .css_classes(["flat"])
        .build();
    crate::pages::name_by_hint(&reset);
    reset
}

impl Field {
    /// A row that is there, made of four ways to handle its value.
    pub fn new<T: PartialEq + 'static>(
        (key, name): (&'static str, &str),
        row: &impl IsA<gtk::Widget>,
        Access { get, set }: Access<T>,
        (show, value): (impl Fn(T) + 'static, impl Fn() -> Option<T> + 'static),
    ) -> Self {
        let reset = reset_button();
        let row = row.clone().upcast::<gtk::Widget>();
        row.set_widget_name(name);
        if let Some(row) = row.downcast_ref::<adw::ActionRow>() {
            row.add_suffix(&reset);
        } else if let Some(row) = row.downcast_ref::<adw::EntryRow>() {
            row.add_suffix(&reset);
        }
        // Before what is changed with it, which so stays under the pointer.
        if let Some(place) = reset.parent().and_downcast::<gtk::Box>() {
            place.reorder_child_after(&reset, None::<&gtk::Widget>);
        }
        Self {
            key,
            row,
            message: message_row(&format!("{name}-message")),
            reset,
            fill: Box::new(move |profile| show(get(profile))),
            // What it shows may be rounded: what nobody changed stays as it was.
            read: Box::new(move |profile| {
                if let Some(value) = value().filter(|value| *value != get(profile)) {
                    set(profile, value);
                }
            }),
            same: Box::new(move |one, other| get(one) == get(other)),
            back: Box::new(move |profile, usual| set(profile, get(usual))),
            probe: None,
            fault: None,
        }
    }

    /// The row for a sentence about it.
    pub(super) fn message(&self) -> adw::ActionRow {
        self.message.clone()
    }

    /// With a look at whether it could be on.
    pub fn probed(mut self, probe: fn(&mut Profile)) -> Self {
        self.probe = Some(probe);
        self
    }

    /// With words for what is typed and no profile could hold.
    pub fn refusing(mut self, fault: impl Fn() -> Option<String> + 'static) -> Self {
        self.fault = Some(Box::new(fault));
        self
    }

    /// What of it is in no profile, and why.
    pub fn fault(&self) -> Option<String> {
        self.fault.as_ref().filter(|_| self.row.is_visible()).and_then(|fault| fault())
    }

    /// Puts it and its sentence into a group.
    pub fn in_group(self, group: &Group) -> Self {
        group.list.append(&self.row);
        group.list.append(&self.message);
        self
    }

    /// Adds a sentence between it and what the plan says, which stays. An entry
    /// has no place for one.
    pub fn explain(&self, group: &Group, words: &str) {
        let row = sentence_row(&format!("{}-words", self.row.widget_name()), gtk::AccessibleRole::Note);
        group.list.insert(&row, self.message.index());
        say(&row, Some(words), false);
    }

    /// It and its sentence, for a place that is no form.
    pub fn rows(&self) -> [Option<adw::PreferencesRow>; 2] {
        [self.row.clone().downcast().ok(), Some(self.message.clone().upcast())]
    }

    /// Shows a profile's value.
    pub fn fill(&self, profile: &Profile) {
        (self.fill)(profile);
    }

    /// Takes what the widget says.
    pub fn read(&self, profile: &mut Profile) {
        (self.read)(profile);
    }

    /// Back to what it is by default.
    pub fn reset(&self, profile: &mut Profile, usual: &Profile) {
        (self.back)(profile, usual);
    }

    /// Calls back when the way back is taken.
    pub fn connect_reset(&self, call: impl Fn() + 'static) {
        self.reset.connect_clicked(move |_| call());
    }

    /// Whether two profiles say the same of it.
    pub fn is_same(&self, one: &Profile, other: &Profile) -> bool {
        (self.same)(one, other)
    }

    /// The row, if text is typed into it.
    pub fn entry(&self) -> Option<&adw::EntryRow> {
        self.row.downcast_ref()
    }

    /// Whether its value is gone through on the way to another one, as with keys
    /// that are typed and a number that is counted up.
    pub fn is_gradual(&self) -> bool {
        let row = self.row.downcast_ref::<adw::ActionRow>();
        let inner = row.and_then(adw::prelude::ActionRowExt::activatable_widget);
        self.entry().is_some() || inner.is_some_and(|inner| inner.is::<gtk::SpinButton>())
    }

    /// Marks it if it is not as by default.
    pub fn mark(&self, profile: &Profile, usual: &Profile) {
        let changed = !self.is_same(profile, usual);
        self.reset.set_visible(changed);
        if changed {
            self.row.add_css_class("changed");
        } else {
            self.row.remove_css_class("changed");
        }
    }

    /// Says something below it, while it is seen.
    pub fn say(&self, text: Option<&str>, wrong: bool) {
        say(&self.message, text.filter(|_| self.row.is_visible()), wrong);
    }

    /// Whether it is offered.
    pub fn show(&self, visible: bool) {
        self.row.set_visible(visible);
        if !visible {
            self.say(None, false);
        }
    }
}
