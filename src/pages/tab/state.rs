// SPDX-License-Identifier: LGPL-2.1-or-later
//! How a tab's sandbox is, for the header and the pages.

use super::{Phase, Tab, ASKED};
use crate::library::Library;
use crate::window::Window;
use gettextrs::gettext;
use std::rc::Rc;
use std::time::{Duration, Instant};
use terrarium_engine::message;
use terrarium_engine::network::Usage;
use terrarium_engine::plan::{plan, Plan};
use terrarium_engine::profile::{Interface, NetworkMode};
use terrarium_engine::sandbox::Id;

impl Tab {
    pub(in crate::pages) fn count_from(&self, running_for: Option<u64>) {
        let ago = Duration::from_millis(running_for.unwrap_or(0));
        self.since.set(Instant::now().checked_sub(ago));
    }

    /// Its clock stands still while it does, and goes on after that.
    pub(in crate::pages) fn stand_still(&self, still: bool) {
        if still {
            self.still.set(self.still.get().or(Some(Instant::now())));
        } else if let Some(begun) = self.still.take() {
            self.since.set(self.since.get().and_then(|since| since.checked_add(begun.elapsed())));
        }
    }

    /// Milliseconds that the command has run.
    pub(in crate::pages) fn runs_for(&self) -> u64 {
        let now = self.still.get().unwrap_or_else(Instant::now);
        let since = self.since.get().map(|since| now.saturating_duration_since(since).as_millis());
        since.and_then(|time| u64::try_from(time).ok()).unwrap_or(0)
    }

    /// Its network has been looked at: what holds now may be other than what
    /// it was started with.
    pub(in crate::pages) fn network_is(&self, usage: &Usage) {
        self.network_now.replace(Some(usage.clone()));
    }

    /// Whom it may talk to now, if that was looked at.
    pub(in crate::pages) fn network_now(&self) -> Option<Usage> {
        self.network_now.borrow().clone()
    }

    /// The same in a few words.
    fn network_words(&self) -> String {
        let is_other = |one: &Interface| one.source.is_some() || one.user;
        let has_others =
            self.plan_again().is_some_and(|plan| plan.profile.network.interfaces.iter().any(is_other));
        let now = self.network_now.borrow();
        if let Some(usage) = now.as_ref().filter(|usage| usage.cut || !has_others) {
            return if usage.cut { gettext("Network cut") } else { message::access(usage) };
        }
        match self.facts.network {
            NetworkMode::None => gettext("No network"),
            NetworkMode::Internet => gettext("Internet only"),
            NetworkMode::Full => gettext("Internet and LAN"),
            NetworkMode::Custom => gettext("Chosen networks"),
        }
    }

    /// Looks at its network, which terrariumctl can change as well.
    pub(in crate::pages) fn look_at_network(self: &Rc<Self>, window: &Rc<Window>) {
        let has_one = self.facts.network != NetworkMode::None;
        let Some(id) = self.id().filter(|_| has_one && self.phase.get() == Phase::Running) else { return };
        let (tab, bridge) = (self.clone(), window.bridge.clone());
        gtk::glib::spawn_future_local(async move {
            // Without one of Terrarium's own nothing changes.
            let Ok(usage) = bridge.network(id).await else { return };
            tab.network_is(&usage);
            tab.change();
        });
    }

    /// What the user calls it. A sandbox's name is free again once it has
    /// ended: the next one of that name has its number behind it, which is no
    /// part of the name and looks like none.
    #[must_use]
    pub fn name(&self) -> String {
        match self.number.get() {
            1 => self.name.borrow().clone(),
            number => format!("{} ({number})", self.name.borrow()),
        }
    }

    pub(super) fn set_name(&self, name: &str) {
        if *self.name.borrow() != name {
            name.clone_into(&mut self.name.borrow_mut());
            self.window.upgrade().iter().for_each(|window| self.tell_apart(&window.runs.tabs()));
        }
    }

    /// Takes the first number that none of the others of its name has.
    pub(in crate::pages) fn tell_apart(&self, all: &[Rc<Self>]) {
        let others = all.iter().filter(|one| !std::ptr::eq(&***one, self) && one.name == self.name);
        let taken: Vec<u32> = others.map(|one| one.number.get()).collect();
        self.number.set((1..).find(|number| !taken.contains(number)).unwrap_or(1));
    }

    /// The line below the name; empty on pages without a live sandbox. A
    /// narrow window has room for less.
    #[must_use]
    pub fn subtitle(&self, narrow: bool) -> String {
        if self.phase.get() != Phase::Running {
            return String::new();
        }
        if let Some(waiting) = self.waiting.borrow().as_ref() {
            return waiting.clone();
        }
        if self.stopping.get().is_some() {
            return gettext("Stopping…");
        }
        if !self.paused.get()
            && self.screen.as_ref().is_some_and(|screen| screen.is_lost() && screen.is_shown())
        {
            return gettext("Waiting for the display…");
        }
        if self.screen.as_ref().is_some_and(|screen| screen.view.grab()) {
            return gettext("Shortcuts go to the sandbox · Ctrl+Alt leaves it");
        }
        let time = clock(self.runs_for());
        if self.paused.get() {
            return [gettext("Paused"), time].join(" · ");
        }
        let network = self.network_words();
        let isolation = message::isolation(self.facts.isolation);
        let parts = if narrow { vec![time, isolation] } else { vec![isolation, network, time] };
        parts.join(" · ")
    }

    /// The same in as few words as are of use, where the text is large.
    #[must_use]
    pub fn subtitle_in_short(&self) -> String {
        let whole = self.subtitle(true);
        let time = clock(self.runs_for());
        // Of what is said by itself nothing can go.
        if whole.starts_with(&time) {
            time
        } else {
            whole
        }
    }

    /// How far it is.
    #[must_use]
    pub fn phase(&self) -> Phase {
        self.phase.get()
    }

    /// Whether what the sandbox shows is seen, and not a page of ours.
    #[must_use]
    pub fn is_live(&self) -> bool {
        let page = self.widget.visible_child_name();
        self.phase.get() == Phase::Running
            && match page.as_deref() {
                Some("screen") => self.screen.as_ref().is_some_and(|screen| screen.is_shown()),
                page => page == Some("terminal"),
            }
    }

    /// Whether its screen, live or not, is the page that is seen.
    #[must_use]
    pub fn shows_screen(&self) -> bool {
        self.phase.get() == Phase::Running && self.widget.visible_child_name().as_deref() == Some("screen")
    }

    /// Shows the terminal behind the screen.
    pub fn show_terminal(&self) {
        if self.screen.is_some() && self.phase.get() == Phase::Running {
            self.widget.set_visible_child_name("terminal");
            self.focus();
        }
    }

    /// Shows the screen again.
    pub fn show_display(&self) {
        if self.screen.is_some() && self.phase.get() == Phase::Running {
            self.show_main();
            self.focus();
        }
    }

    /// Which sandbox, once there is one.
    #[must_use]
    pub fn id(&self) -> Option<Id> {
        self.id.borrow().clone()
    }

    /// Whether closing the window concerns it.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.phase.get() != Phase::Ended
    }

    /// Whether it is frozen.
    #[must_use]
    pub fn is_paused(&self) -> bool {
        self.paused.get()
    }

    /// Whether what is typed here arrives.
    #[must_use]
    pub fn has_keyboard(&self) -> bool {
        self.keyboard.get()
    }

    /// Whether it was asked to end.
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        self.stopping.get().is_some()
    }

    /// Whether asking was in vain for long enough.
    #[must_use]
    pub fn may_force(&self) -> bool {
        self.stopping.get().is_some_and(|since| since.elapsed() >= ASKED)
    }

    /// Whether it can be run once more.
    #[must_use]
    pub fn has_plan(&self) -> bool {
        self.plan.is_some() || self.found.borrow().is_some()
    }

    /// What is run once more.
    #[must_use]
    pub fn plan_again(&self) -> Option<Plan> {
        self.plan.clone().or_else(|| self.found.borrow().clone())
    }

    /// Whether what it runs is no profile of the library's yet.
    pub(in crate::pages) fn may_be_saved(&self, library: &Library) -> bool {
        let is_new = |plan: &Plan| !library.has(&plan.profile);
        self.plan.as_ref().map_or_else(|| self.found.borrow().as_ref().is_some_and(is_new), is_new)
    }

    /// Asks a sandbox that was found what it runs.
    pub(super) fn find_plan(self: &Rc<Self>, window: &Rc<Window>) {
        let (Some(id), None, false) = (self.id(), &self.plan, self.found.borrow().is_some()) else { return };
        let (tab, window) = (self.clone(), window.clone());
        gtk::glib::spawn_future_local(async move {
            let profile = window.bridge.profile_of(id).await;
            if let (Some(profile), Some(host)) = (profile, window.bridge.host()) {
                tab.found.replace(plan(&profile, host).plan);
                tab.change();
            }
        });
    }

    /// How it is, as text, for tests.
    #[must_use]
    pub fn describe(&self) -> String {
        let uuid = self.id().map(|id| id.uuid).unwrap_or_default();
        let status = self.console.borrow().as_ref().map(|console| console.status().clone());
        let inside = status.map(|status| format!("kernel: {}\ninit: {}\n", status.kernel, status.init_pid));
        let screen = self.screen.as_ref().map(|screen| screen.describe());
        format!(
            "name: {}\nphase: {:?}\npage: {}\nsubtitle: {}\nuuid: {uuid}\n{}{}end: {}\n---\n{}\n",
            self.name(),
            self.phase.get(),
            self.widget.visible_child_name().unwrap_or_default(),
            self.subtitle(false),
            inside.unwrap_or_default(),
            screen.unwrap_or_default(),
            self.end_page.text(),
            self.text()
        )
    }
}

/// `2:14`, `1:05:09`.
fn clock(milliseconds: u64) -> String {
    let seconds = milliseconds / 1000;
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 {
        format!("{hours}:{minutes:02}:{seconds:02}")
    } else {
        format!("{minutes}:{seconds:02}")
    }
}

#[cfg(test)]
mod tests {
    use super::clock;

    #[test]
    fn a_clock_counts_minutes_and_hours() {
        assert_eq!(clock(0), "0:00");
        assert_eq!(clock(134_000), "2:14");
        assert_eq!(clock(3_909_999), "1:05:09");
    }
}
