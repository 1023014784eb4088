// SPDX-License-Identifier: LGPL-2.1-or-later
//! The page of an end: how, after how long, the last lines, and what next.

use super::object;
use super::tab::{Phase, Tab};
use adw::prelude::*;
use gettextrs::gettext;
use std::cell::Cell;
use std::rc::Rc;
use terrarium_engine::{message, Error};
use terrarium_protocol::message::{Ending, Outcome};
use vte::TerminalExt;

/// Lines of output on the page.
const LINES: usize = 8;
/// A line longer than this is cut, in characters.
const WIDTH: usize = 200;

/// How something ended.
pub enum End {
    /// The command's own result.
    Outcome(Outcome),
    /// It was ended without one, after so many milliseconds.
    Stopped(u64),
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
    again: gtk::Button,
    other: gtk::Button,
    output: adw::PreferencesGroup,
    show_all: gtk::Button,
    last_lines: gtk::Label,
    ended: gtk::Revealer,
    ended_text: gtk::Label,
    show_end: gtk::Button,
    more_memory: Cell<Option<u64>>,
}

impl EndPage {
    /// The page, empty.
    pub fn new(builder: &gtk::Builder) -> Self {
        Self {
            icon: object(builder, "end-icon"),
            title: object(builder, "end-title"),
            detail: object(builder, "end-detail"),
            again: object(builder, "again"),
            other: object(builder, "other"),
            output: object(builder, "output"),
            show_all: object(builder, "show-all"),
            last_lines: object(builder, "last-lines"),
            ended: object(builder, "ended"),
            ended_text: object(builder, "ended-text"),
            show_end: object(builder, "show-end"),
            more_memory: Cell::new(None),
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
        on(&self.again, |tab| tab.run_again());
        on(&self.other, |tab| tab.go_round());
        on(&self.show_all, |tab| tab.widget.set_visible_child_name("terminal"));
        on(&self.show_end, |tab| tab.widget.set_visible_child_name("end"));
    }

    /// Title and sentence; empty before the end.
    pub fn text(&self) -> String {
        self.ended_text.label().into()
    }

    /// Puts the cursor on the first button.
    pub fn focus(&self) {
        self.again.grab_focus();
    }

    /// Shows the last lines of what the command wrote.
    pub fn show_output(&self, text: &str) {
        let lines: Vec<&str> = text.lines().collect();
        let last = &lines[lines.len().saturating_sub(LINES)..];
        let cut = |line: &&str| line.chars().take(WIDTH).collect::<String>();
        // Isolated, so that no line can turn the direction of another.
        let shown: Vec<String> = last.iter().map(|line| format!("\u{2068}{}\u{2069}", cut(line))).collect();
        self.last_lines.set_label(&shown.join("\n"));
        self.output.set_visible(!text.is_empty());
        let counted = gettext("The last {shown} of {all} lines");
        let counted =
            counted.replace("{shown}", &last.len().to_string()).replace("{all}", &lines.len().to_string());
        let description = if lines.len() > last.len() { counted } else { String::new() };
        self.output.set_description(Some(&description).filter(|text| !text.is_empty()).map(String::as_str));
    }
}

impl Tab {
    /// Shows how it ended.
    pub(super) fn ended(&self, end: &End) {
        self.phase.set(Phase::Ended);
        let (title, detail) = words(end);
        let page = &self.end_page;
        page.icon.set_icon_name(Some(icon(end)));
        page.title.set_label(&title);
        page.detail.set_label(&detail);
        page.ended_text.set_label(&format!("{title} · {detail}"));
        page.ended.set_reveal_child(true);
        page.again.set_visible(self.plan.is_some() && !self.unheard.get());
        page.other.set_visible(false);
        page.show_output(&self.text());
        self.offer(end);
        self.terminal.set_opacity(1.0);
        self.terminal.set_input_enabled(false);
        // Nothing has the focus: whoever still types must not run it again.
        self.widget.set_visible_child_name("end");
        if let Some(window) = self.window.upgrade() {
            gtk::prelude::GtkWindowExt::set_focus(&window.widget, gtk::Widget::NONE);
        }
        self.change();
    }

    /// Takes the page of an end away.
    pub(super) fn not_ended(&self) {
        self.end_page.ended.set_reveal_child(false);
        self.end_page.ended_text.set_label("");
        self.terminal.set_input_enabled(true);
        self.widget.set_visible_child_name("terminal");
        self.change();
    }

    /// The second button: what goes round the cause.
    fn offer(&self, end: &End) {
        let page = &self.end_page;
        if let End::Unheard(_) = end {
            page.other.set_label(&gettext("_Try Again"));
            page.other.set_visible(true);
        }
        let Some(plan) = &self.plan else { return };
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
            End::Failed(_) | End::Outcome(Outcome { ending: Ending::Failed(_), .. }) => {
                page.other.set_label(&gettext("_Change…"));
                page.other.set_visible(true);
            }
            _ => {}
        }
    }

    fn go_round(self: &Rc<Self>) {
        if self.unheard.get() {
            return self.try_again();
        }
        let Some(window) = self.window.upgrade() else { return };
        match (self.end_page.more_memory.get(), self.plan.clone()) {
            (Some(memory), Some(mut plan)) => {
                plan.memory = memory;
                window.start(plan);
                window.runs.close(self);
            }
            _ => window.show_form(None),
        }
    }
}

fn words(end: &End) -> (String, String) {
    match end {
        End::Outcome(outcome) => message::outcome(outcome),
        End::Stopped(time) => {
            let text = gettext("You stopped it after {time}").replace("{time}", &message::duration(*time));
            (gettext("Stopped"), text)
        }
        End::Failed(error @ Error::Crashed { .. }) => (gettext("Crashed"), message::error(error)),
        End::Failed(error) => (gettext("Could Not Start"), message::error(error)),
        End::Unheard(error) => (gettext("No Connection"), message::error(error)),
    }
}

fn icon(end: &End) -> &'static str {
    match end {
        End::Stopped(_) => "media-playback-stop-symbolic",
        End::Failed(_) | End::Unheard(_) => "computer-fail-symbolic",
        End::Outcome(outcome) => match &outcome.ending {
            Ending::Exited { code: 0 } => "object-select-symbolic",
            Ending::Signalled { stopped: true, .. } => "media-playback-stop-symbolic",
            Ending::Exited { .. } | Ending::Signalled { .. } => "dialog-warning-symbolic",
            Ending::Failed(_) => "computer-fail-symbolic",
        },
    }
}
