// SPDX-License-Identifier: LGPL-2.1-or-later
//! The page of an end: how, after how long, the last lines or the last
//! picture, and what next.

mod changes;
mod close;
mod focus;
mod quoted;
mod screen;
mod shell;
mod words;

use super::object;
use super::tab::{Phase, Tab};
use crate::bridge::changes::Looking;
use crate::window::Launch;
use adw::prelude::*;
use gettextrs::gettext;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use terrarium_engine::profile::DisplayKind;
use terrarium_engine::{message, Error};
use terrarium_protocol::message::{Ending, Outcome, Step};
use vte::TerminalExt;
use words::{icon, whole_paths, words};

/// How something ended.
pub enum End {
    /// The command's own result.
    Outcome(Outcome),
    /// Somebody left an interactive shell, with this status of its last
    /// command, after so many milliseconds: that is no failure.
    Left(u8, u64),
    /// It was ended without one, after so many milliseconds.
    Stopped(u64),
    /// The same by force, when asking had been in vain.
    Forced(u64),
    /// It never ran, or its result is lost.
    Failed(Error),
    /// It is there, but cannot be talked to.
    Unheard(Error),
}

/// The page.
pub struct EndPage {
    icon: gtk::Image,
    title: gtk::Label,
    detail: gtk::Label,
    buttons: gtk::Box,
    review: gtk::Button,
    /// It leads on, more than the others do.
    review_first: Cell<bool>,
    again: gtk::Button,
    other: gtk::Button,
    output: adw::PreferencesGroup,
    /// How much of the output is shown.
    counted: RefCell<String>,
    show_all: gtk::Button,
    last_lines: gtk::Label,
    picture: adw::PreferencesGroup,
    last_picture: adw::Clamp,
    changes: adw::PreferencesGroup,
    changes_row: adw::ActionRow,
    to_review: RefCell<Option<Looking>>,
    log: adw::PreferencesGroup,
    log_row: adw::ExpanderRow,
    ended: gtk::Revealer,
    ended_text: gtk::Label,
    show_end: gtk::Button,
    more_memory: Cell<Option<u64>>,
    more_disk: Cell<Option<u64>>,
    needs_screen: Cell<bool>,
    failed: Cell<bool>,
    /// What was asked for has to be changed before it can work.
    change_first: Cell<bool>,
}

impl EndPage {
    /// The page, empty.
    pub fn new(builder: &gtk::Builder) -> Self {
        Self {
            icon: object(builder, "end-icon"),
            title: object(builder, "end-title"),
            detail: object(builder, "end-detail"),
            buttons: object(builder, "end-buttons"),
            review: object(builder, "review"),
            review_first: Cell::new(false),
            again: object(builder, "again"),
            other: object(builder, "other"),
            output: object(builder, "output"),
            counted: RefCell::default(),
            show_all: object(builder, "show-all"),
            last_lines: object(builder, "last-lines"),
            picture: object(builder, "last-picture-group"),
            last_picture: object(builder, "last-picture"),
            changes: object(builder, "changes-group"),
            changes_row: object(builder, "changes-row"),
            to_review: RefCell::default(),
            log: object(builder, "log-group"),
            log_row: object(builder, "log-row"),
            ended: object(builder, "ended"),
            ended_text: object(builder, "ended-text"),
            show_end: object(builder, "show-end"),
            more_memory: Cell::new(None),
            more_disk: Cell::new(None),
            needs_screen: Cell::new(false),
            failed: Cell::new(false),
            change_first: Cell::new(false),
        }
    }

    /// Connects what can be clicked.
    pub fn connect(&self, tab: &Rc<Tab>) {
        let on = |button: &gtk::Button, run: fn(&Rc<Tab>)| {
            let weak = Rc::downgrade(tab);
            button.connect_clicked(move |_| {
                if let Some(tab) = weak.upgrade() {
                    run(&tab);
                }
            });
        };
        on(&self.review, |tab| tab.look_at_changes());
        on(&self.again, |tab| tab.run_again());
        on(&self.other, |tab| tab.go_round());
        on(&self.show_all, |tab| tab.show_output());
        let weak = Rc::downgrade(tab);
        self.changes_row.connect_activated(move |_| {
            if let Some(tab) = weak.upgrade() {
                tab.look_at_changes();
            }
        });
        on(&self.show_end, |tab| tab.widget.set_visible_child_name("end"));
    }

    /// In a narrow window the buttons are below each other.
    pub fn set_narrow(&self, narrow: bool) {
        let along = if narrow { gtk::Orientation::Vertical } else { gtk::Orientation::Horizontal };
        self.buttons.set_orientation(along);
    }

    /// Title and sentence; empty before the end.
    pub fn text(&self) -> String {
        self.ended_text.label().into()
    }

    /// Marks the button that leads on.
    fn suggest(&self) {
        let all = self.by_weight();
        let first = all.iter().position(|button| button.is_visible());
        for (at, button) in all.iter().enumerate() {
            if Some(at) == first {
                button.add_css_class("suggested-action");
            } else {
                button.remove_css_class("suggested-action");
            }
        }
    }

    /// The one that leads on comes first: what there is to review, if somebody
    /// would miss it. Where the cause is in what was asked for, the same again
    /// ends the same.
    fn by_weight(&self) -> [&gtk::Button; 3] {
        let [first, second] =
            if self.change_first.get() { [&self.other, &self.again] } else { [&self.again, &self.other] };
        if self.review_first.get() {
            [&self.review, first, second]
        } else {
            [first, second, &self.review]
        }
    }

    /// Puts the cursor on the first button, or on the one that leads on.
    pub fn focus(&self) {
        if let Some(first) = self.by_weight().into_iter().find(|one| one.is_visible()) {
            first.grab_focus();
        }
    }
}

impl Tab {
    /// Shows how it ended.
    pub(super) fn ended(self: &Rc<Self>, end: &End) {
        self.phase.set(Phase::Ended);
        if matches!(end, End::Unheard(_)) {
            self.restarts.set(false);
        }
        let other = self.was_asked(end).or_else(|| self.was_left(end));
        let end = other.as_ref().unwrap_or(end);
        let (title, mut detail) = words(end);
        let page = &self.end_page;
        let is_good = matches!(end, End::Outcome(Outcome { ending: Ending::Exited { code: 0 }, .. }));
        if !is_good && self.is_full() {
            detail = [detail, gettext("It had written all that it may")].join(" · ");
        }
        page.icon.set_icon_name(Some(icon(end)));
        page.title.set_label(&title);
        page.detail.set_label(&detail);
        page.detail.set_attributes(Some(&whole_paths(&detail)));
        page.ended_text.set_label(&format!("{title} · {detail}"));
        page.ended.set_reveal_child(true);
        page.again.set_visible(self.has_plan() && !self.unheard.get());
        page.other.set_visible(false);
        page.failed.set(!(is_good || matches!(end, End::Left(..))));
        self.log.add(&format!("{title}: {detail}"));
        if let Some(window) = self.window.upgrade().filter(|_| !self.restarts.get()) {
            window.tell_end(self, &title, &detail);
        }
        if let Some(screen) = &self.screen {
            screen.close();
            page.show_picture(screen.picture().as_ref());
        }
        self.shells.end();
        let reached = self.start_page.reached_last();
        page.show_log(has_log(end).then(|| self.log.view()), &reached);
        page.show_output(&self.text());
        self.offer(end);
        page.change_first.set(is_of_profile(end) && page.other.is_visible());
        page.suggest();
        if matches!(end, End::Outcome(Outcome { ending: Ending::Exited { .. }, out_of_memory: false, .. })) {
            self.offer_screen();
        }
        self.dim(false);
        self.terminal.set_input_enabled(false);
        // Nothing has the focus: whoever still types must not run it again.
        self.widget.set_visible_child_name("end");
        if let Some(window) = self.window.upgrade() {
            gtk::prelude::GtkWindowExt::set_focus(&window.widget, gtk::Widget::NONE);
        }
        self.change();
        self.tell_home();
        self.focus_later();
        self.close_later();
    }

    /// Shows all that it wrote, as it stands in the terminal.
    pub(in crate::pages) fn show_output(&self) {
        if self.phase() == Phase::Ended && self.end_page.output.is_visible() {
            self.widget.set_visible_child_name("terminal");
        }
    }

    /// Its card there says something else now.
    fn tell_home(&self) {
        if let Some(window) = self.window.upgrade().filter(|window| window.shows("home")) {
            window.home.is_shown(&window);
        }
    }

    /// How it ended, in a word or two, and what waits.
    pub(in crate::pages) fn end_in_short(&self) -> String {
        let page = &self.end_page;
        let waits = page.changes.is_visible().then(|| page.changes_row.title());
        let parts = [Some(page.title.label()), waits];
        parts.into_iter().flatten().collect::<Vec<_>>().join(" · ")
    }

    /// The sentence below the title of its end.
    pub(in crate::pages) fn end_page_detail(&self) -> String {
        self.end_page.detail.label().into()
    }

    /// Programs with windows take TERM for a reason to exit by themselves:
    /// what was stopped has not finished.
    fn was_asked(&self, end: &End) -> Option<End> {
        match end {
            End::Outcome(Outcome { ending: Ending::Exited { .. }, duration, .. }) if self.is_stopping() => {
                Some(End::Stopped(*duration))
            }
            _ => None,
        }
    }

    /// A shell that somebody typed into hands on what its last command said.
    fn was_left(&self, end: &End) -> Option<End> {
        let End::Outcome(outcome) = end else { return None };
        let Outcome { ending: Ending::Exited { code: code @ 1.. }, duration, .. } = outcome else {
            return None;
        };
        if outcome.out_of_memory || outcome.stopped {
            return None;
        }
        let plan = self.plan_again().filter(|plan| plan.orders.command.terminal.is_some())?;
        shell::is_interactive(&plan.profile.command.argv).then_some(End::Left(*code, *duration))
    }

    /// Takes the page of an end away.
    pub(super) fn not_ended(&self) {
        self.changes_are_settled();
        self.end_page.ended.set_reveal_child(false);
        self.end_page.ended_text.set_label("");
        self.terminal.set_input_enabled(true);
        self.show_main();
        self.change();
    }

    /// The second button: what goes round the cause.
    fn offer(&self, end: &End) {
        let page = &self.end_page;
        if let End::Unheard(_) = end {
            page.other.set_label(&gettext("_Try Again"));
            page.other.set_visible(true);
        }
        let Some(plan) = self.plan_again() else { return };
        match end {
            End::Outcome(outcome) if outcome.out_of_memory => {
                let host =
                    self.window.upgrade().and_then(|window| window.bridge.host().map(|host| host.memory));
                let more =
                    Some(plan.memory.saturating_mul(2)).filter(|more| host.is_some_and(|most| *more < most));
                page.more_memory.set(more);
                if let Some(more) = more {
                    let text = gettext("_Allow {size} and Run Again").replace("{size}", &message::size(more));
                    page.other.set_label(&text);
                    page.other.set_visible(true);
                }
            }
            End::Outcome(Outcome { ending: Ending::Exited { code: 0 }, .. })
            | End::Stopped(_)
            | End::Forced(_)
            | End::Left(..) => {}
            End::Outcome(_) if self.is_full() => {
                let more = plan.profile.files.writable.saturating_mul(2);
                page.more_disk.set(Some(more));
                let text = gettext("Let It _Write {size} and Run Again");
                page.other.set_label(&text.replace("{size}", &message::size(more)));
                page.other.set_visible(true);
            }
            End::Failed(_) | End::Outcome(_) => {
                page.other.set_label(&gettext("_Change…"));
                page.other.set_visible(true);
            }
            End::Unheard(_) => {}
        }
    }

    fn go_round(self: &Rc<Self>) {
        if self.unheard.get() {
            return self.try_again();
        }
        let Some(window) = self.window.upgrade() else { return };
        let Some(mut profile) = self.plan_again().map(|plan| plan.profile) else {
            return window.show_form();
        };
        let page = &self.end_page;
        if let Some(memory) = page.more_memory.get() {
            profile.limits.memory = memory;
        } else if let Some(size) = page.more_disk.get() {
            profile.files.writable = size;
        } else if page.needs_screen.get() {
            profile.display.kind = DisplayKind::Window;
        } else {
            return window.edit(&profile, None);
        }
        window.launch(Launch { shown: true, ..Launch::unsaved(profile) });
        window.runs.close(self);
    }

    /// Shows what was run in the form, however it ended.
    pub(in crate::pages) fn change_it(&self) {
        if let (Some(window), Some(plan)) = (self.window.upgrade(), self.plan_again()) {
            window.edit(&plan.profile, None);
        }
    }
}

/// Whether the cause is in the profile: what it names is not there, or cannot
/// be used.
fn is_of_profile(end: &End) -> bool {
    use Step::{Directory, FileSystem, Image, NotExecutable, NotFound, Share};
    let step = match end {
        End::Outcome(Outcome { ending: Ending::Failed(failure), .. }) => failure.step,
        End::Failed(Error::Init(failure)) => failure.step,
        End::Failed(Error::Problems(_)) => return true,
        _ => return false,
    };
    matches!(step, NotFound | NotExecutable | Directory | Share | Image | FileSystem)
}

/// Whether it is asked for the log first of all.
fn has_log(end: &End) -> bool {
    let failed = |outcome: &Outcome| matches!(outcome.ending, Ending::Failed(_));
    match end {
        End::Failed(_) | End::Unheard(_) => true,
        End::Outcome(outcome) => failed(outcome),
        End::Stopped(_) | End::Forced(_) | End::Left(..) => false,
    }
}
