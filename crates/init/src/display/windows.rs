// SPDX-License-Identifier: LGPL-2.1-or-later
//! The windows of programs: how many there are, and that they fill the screen.

use nix::poll::PollTimeout;
use std::collections::HashMap;
use std::time::{Duration, Instant};
use x11rb::connection::Connection;
use x11rb::errors::ReplyError;
use x11rb::protocol::xproto::{
    Atom, AtomEnum, ClientMessageEvent, ConnectionExt, EventMask, MapState, Window,
};
use x11rb::protocol::Event;

/// Most windows that are looked at.
const MOST: u32 = 4096;
/// How long after a window came its wish to be small still goes unheard, and
/// how often it is looked at within that time.
const YOUNG: Duration = Duration::from_millis(800);
const LOOK: u16 = 200;

/// In messages to the manager: a wish of the user's, not the program's.
const USER: u32 = 2;

x11rb::atom_manager! {
    /// Names of the window manager's specification (EWMH).
    Names: NamesCookie {
        _NET_ACTIVE_WINDOW,
        _NET_CLIENT_LIST,
        _NET_CLIENT_LIST_STACKING,
        _NET_SUPPORTING_WM_CHECK,
        _NET_WM_STATE,
        _NET_WM_STATE_MAXIMIZED_HORZ,
        _NET_WM_STATE_MAXIMIZED_VERT,
        _NET_WM_WINDOW_TYPE,
        _NET_WM_WINDOW_TYPE_NORMAL,
    }
}

/// What is known of them.
pub struct Windows {
    root: Window,
    names: Names,
    fill: bool,
    /// When each came, or the manager.
    known: HashMap<Window, Instant>,
    /// A window of the manager's own, by which it shows that it is there.
    manager: Option<Window>,
}

impl Windows {
    /// Of a server that has just come up. `fill`: they are to fill the screen.
    pub fn new<C: Connection>(x: &C, root: Window, fill: bool) -> Result<Self, ReplyError> {
        Ok(Self { root, names: Names::new(x)?.reply()?, fill, known: HashMap::new(), manager: None })
    }

    /// Whether they are to fill the screen.
    pub fn fill(&self) -> bool {
        self.fill
    }

    /// Whether an event is about them.
    pub fn concerns(&mut self, event: &Event) -> bool {
        match event {
            Event::PropertyNotify(property) => {
                let names = &self.names;
                [names._NET_CLIENT_LIST, names._NET_SUPPORTING_WM_CHECK].contains(&property.atom)
            }
            Event::DestroyNotify(gone) => {
                // The next one may get the same number.
                self.manager = self.manager.filter(|manager| *manager != gone.window);
                true
            }
            Event::MapNotify(_) | Event::UnmapNotify(_) | Event::ReparentNotify(_) => true,
            _ => false,
        }
    }

    /// Counts them: what a window manager lists; without one, what the root
    /// shows.
    pub fn look<C: Connection>(&mut self, x: &C) -> Result<u32, ReplyError> {
        let is_there = self.look_for_manager(x)?;
        let list = self.atoms(x, self.root, self.names._NET_CLIENT_LIST, AtomEnum::WINDOW)?;
        let Some(list) = list.filter(|_| is_there) else { return self.shown(x) };
        self.known.retain(|window, _| list.contains(window));
        for &window in &list {
            self.known.entry(window).or_insert_with(Instant::now);
        }
        self.fill_again(x)?;
        Ok(list.len() as u32)
    }

    /// Whether what is listed is true: a manager that was killed leaves its list
    /// behind. To one that has just come all windows are new.
    fn look_for_manager<C: Connection>(&mut self, x: &C) -> Result<bool, ReplyError> {
        let name = self.names._NET_SUPPORTING_WM_CHECK;
        let first = |all: Option<Vec<u32>>| all.and_then(|all| all.first().copied());
        // One that does not show itself is believed.
        let Some(found) = first(self.atoms(x, self.root, name, AtomEnum::WINDOW)?) else { return Ok(true) };
        let lives = first(self.atoms(x, found, name, AtomEnum::WINDOW)?) == Some(found);
        let now = Some(found).filter(|_| lives);
        if self.manager != now {
            self.manager = now;
            self.known.clear();
        }
        Ok(lives)
    }

    /// A property that is a list of ids; `None` if there is no such one.
    fn atoms<C: Connection>(
        &self,
        x: &C,
        window: Window,
        name: Atom,
        kind: AtomEnum,
    ) -> Result<Option<Vec<u32>>, ReplyError> {
        let reply = x.get_property(false, window, name, kind, 0, MOST)?.reply();
        let reply = match reply {
            // The window is gone by now.
            Err(ReplyError::X11Error(_)) => return Ok(None),
            other => other?,
        };
        Ok(reply.value32().map(Iterator::collect))
    }

    fn shown<C: Connection>(&self, x: &C) -> Result<u32, ReplyError> {
        let children = x.query_tree(self.root)?.reply()?.children;
        let mut count = 0;
        for window in children.into_iter().take(MOST as usize) {
            // One that is gone by now is none.
            if let Ok(attributes) = x.get_window_attributes(window)?.reply() {
                let shows = attributes.map_state == MapState::VIEWABLE && !attributes.override_redirect;
                count += u32::from(shows);
            }
        }
        Ok(count)
    }

    /// Asks the manager once more to let young windows fill the screen: GTK 4
    /// asks for the contrary when it shows one.
    pub fn fill_again<C: Connection>(&self, x: &C) -> Result<(), ReplyError> {
        for window in self.young() {
            if self.is_main(x, window)? && !self.fills(x, window)? {
                self.ask(x, window)?;
            }
        }
        self.activate(x)?;
        x.flush()?;
        Ok(())
    }

    /// Asks the manager to give the keyboard to the window on top, if nobody has
    /// it: one that comes after the windows does not do it by itself.
    fn activate<C: Connection>(&self, x: &C) -> Result<(), ReplyError> {
        if self.young().next().is_none() {
            return Ok(());
        }
        let names = &self.names;
        let active = self.atoms(x, self.root, names._NET_ACTIVE_WINDOW, AtomEnum::WINDOW)?;
        if active.is_some_and(|all| all.iter().any(|&window| window != x11rb::NONE)) {
            return Ok(());
        }
        let stack = self.atoms(x, self.root, names._NET_CLIENT_LIST_STACKING, AtomEnum::WINDOW)?;
        match stack.and_then(|all| all.last().copied()) {
            Some(top) => self.tell(x, top, names._NET_ACTIVE_WINDOW, [USER, x11rb::CURRENT_TIME, 0, 0, 0]),
            None => Ok(()),
        }
    }

    fn young(&self) -> impl Iterator<Item = Window> + '_ {
        let young = self.known.iter().filter(|(_, since)| self.fill && since.elapsed() < YOUNG);
        young.map(|(window, _)| *window)
    }

    /// When to look at young ones again.
    pub fn patience(&self) -> PollTimeout {
        if self.young().next().is_some() {
            PollTimeout::from(LOOK)
        } else {
            PollTimeout::NONE
        }
    }

    /// Neither a dialog nor a panel.
    pub fn is_main<C: Connection>(&self, x: &C, window: Window) -> Result<bool, ReplyError> {
        let of = self.atoms(x, window, AtomEnum::WM_TRANSIENT_FOR.into(), AtomEnum::WINDOW)?;
        let kinds = self.atoms(x, window, self.names._NET_WM_WINDOW_TYPE, AtomEnum::ATOM)?;
        let plain = kinds.is_none_or(|all| all.contains(&self.names._NET_WM_WINDOW_TYPE_NORMAL));
        Ok(plain && of.is_none_or(|all| all.iter().all(|&parent| parent == x11rb::NONE)))
    }

    fn fills<C: Connection>(&self, x: &C, window: Window) -> Result<bool, ReplyError> {
        let state = self.atoms(x, window, self.names._NET_WM_STATE, AtomEnum::ATOM)?;
        Ok(state.is_some_and(|all| all.contains(&self.names._NET_WM_STATE_MAXIMIZED_HORZ)))
    }

    fn ask<C: Connection>(&self, x: &C, window: Window) -> Result<(), ReplyError> {
        // Add two states.
        const ADD: u32 = 1;
        let names = &self.names;
        let data = [ADD, names._NET_WM_STATE_MAXIMIZED_HORZ, names._NET_WM_STATE_MAXIMIZED_VERT, USER, 0];
        self.tell(x, window, names._NET_WM_STATE, data)
    }

    /// A message about a window to the manager.
    fn tell<C: Connection>(
        &self,
        x: &C,
        window: Window,
        name: Atom,
        data: [u32; 5],
    ) -> Result<(), ReplyError> {
        let message = ClientMessageEvent::new(32, window, name, data);
        let mask = EventMask::SUBSTRUCTURE_REDIRECT | EventMask::SUBSTRUCTURE_NOTIFY;
        x.send_event(false, self.root, mask, message)?.check()
    }
}
