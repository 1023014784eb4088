// SPDX-License-Identifier: LGPL-2.1-or-later
//! The narrow bridge between a session and its views: events go one way,
//! commands the other, all of them plain data. A view that comes late is told
//! what it missed.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::{Rc, Weak};

use crate::types::{
    CloseReason, Command, Cursor, Event, Frame, Locks, MonitorId, MouseMode, Picture, State, UsbDevice,
};

type Handler = Rc<dyn Fn(&Event)>;

/// A session as its views see it. Clones are the same session, which ends
/// when the last of them is dropped. It belongs to the main thread.
#[derive(Clone)]
pub struct Link(Rc<Inner>);

struct Inner {
    commands: Box<dyn Fn(Command)>,
    handlers: RefCell<Vec<(u64, Handler)>>,
    next: Cell<u64>,
    known: RefCell<Known>,
}

/// What the last events said.
#[derive(Default)]
struct Known {
    state: State,
    closed: Option<CloseReason>,
    monitors: Vec<MonitorId>,
    pictures: BTreeMap<MonitorId, Rc<Picture>>,
    cursor: Cursor,
    cursors: BTreeMap<MonitorId, Cursor>,
    cursor_at: Option<(u32, u32)>,
    mouse_mode: MouseMode,
    locks: Locks,
    sound: bool,
    usb: Vec<UsbDevice>,
}

/// Listens to a session until it is dropped.
pub struct Listener {
    link: Weak<Inner>,
    id: u64,
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let Some(inner) = self.link.upgrade() {
            inner.handlers.borrow_mut().retain(|(id, _)| *id != self.id);
        }
    }
}

/// The session's end of a link; it does not keep the link alive.
#[derive(Clone)]
pub struct Teller(Weak<Inner>);

impl Teller {
    /// Tells all views. Does nothing when there is none left.
    pub fn tell(&self, event: &Event) {
        let Some(inner) = self.0.upgrade() else { return };
        inner.known.borrow_mut().learn(event);
        // A handler may send commands, come or go: nothing is borrowed while it runs.
        let handlers: Vec<Handler> = inner.handlers.borrow().iter().map(|(_, f)| Rc::clone(f)).collect();
        for handler in handlers {
            handler(event);
        }
    }
}

impl Known {
    fn learn(&mut self, event: &Event) {
        match event {
            Event::State(state) => {
                self.state = state.clone();
                if *state == State::Connecting {
                    self.closed = None;
                    self.cursors.clear();
                    self.cursor_at = None;
                }
            }
            Event::Closing(reason) => self.closed = Some(*reason),
            Event::Monitors(monitors) => {
                self.monitors.clone_from(monitors);
                self.pictures.retain(|monitor, _| monitors.contains(monitor));
            }
            Event::Frame(frame) => {
                self.pictures.insert(frame.monitor, Rc::clone(&frame.picture));
            }
            Event::Cursor(cursor) => self.cursor = cursor.clone(),
            Event::CursorOn(monitor, cursor) => {
                self.cursors.insert(*monitor, cursor.clone());
            }
            Event::CursorAt(x, y) => self.cursor_at = Some((*x, *y)),
            Event::MouseMode(mode) => self.mouse_mode = *mode,
            Event::Locks(locks) => self.locks = *locks,
            Event::Sound(sound) => self.sound = *sound,
            Event::Usb(devices) => self.usb.clone_from(devices),
            Event::Clipboard(_) | Event::Transfer(_) | Event::Dropped(_) => {}
        }
    }

    fn events(&self) -> Vec<Event> {
        let mut events: Vec<Event> = self.closed.map(Event::Closing).into_iter().collect();
        events.extend([
            Event::State(self.state.clone()),
            Event::Monitors(self.monitors.clone()),
            Event::MouseMode(self.mouse_mode),
            Event::Locks(self.locks),
            Event::Sound(self.sound),
            Event::Usb(self.usb.clone()),
            Event::Cursor(self.cursor.clone()),
        ]);
        let own = self.cursors.iter().map(|(monitor, cursor)| Event::CursorOn(*monitor, cursor.clone()));
        events.extend(own);
        events.extend(self.cursor_at.map(|(x, y)| Event::CursorAt(x, y)));
        events.extend(self.pictures.iter().map(|(monitor, picture)| {
            let dirty = vec![picture.bounds()];
            Event::Frame(Frame { monitor: *monitor, picture: Rc::clone(picture), dirty })
        }));
        events
    }
}

impl Link {
    /// A link whose commands go to what `make` gives. This is how a session is
    /// made; [`crate::open`] makes one that speaks SPICE.
    pub fn new<F: Fn(Command) + 'static>(make: impl FnOnce(Teller) -> F) -> Link {
        Link(Rc::new_cyclic(|weak| Inner {
            commands: Box::new(make(Teller(weak.clone()))),
            handlers: RefCell::default(),
            next: Cell::default(),
            known: RefCell::default(),
        }))
    }

    /// Sends a command. One that means nothing in the state the session is in
    /// is dropped.
    pub fn send(&self, command: Command) {
        (self.0.commands)(command);
    }

    /// Calls `handler` with each event, first with those that tell how things
    /// are, until the listener is dropped.
    #[must_use]
    pub fn listen(&self, handler: impl Fn(&Event) + 'static) -> Listener {
        let id = self.0.next.get();
        self.0.next.set(id + 1);
        let known = self.0.known.borrow().events();
        let handler: Handler = Rc::new(handler);
        self.0.handlers.borrow_mut().push((id, Rc::clone(&handler)));
        for event in known {
            handler(&event);
        }
        Listener { link: Rc::downgrade(&self.0), id }
    }

    /// How the session fares.
    pub fn state(&self) -> State {
        self.0.known.borrow().state.clone()
    }

    /// Why the session is closed, if it is.
    pub fn close_reason(&self) -> Option<CloseReason> {
        let known = self.0.known.borrow();
        known.closed.filter(|_| known.state == State::Closed)
    }

    /// The guest's monitors.
    pub fn monitors(&self) -> Vec<MonitorId> {
        self.0.known.borrow().monitors.clone()
    }

    /// The last picture of a monitor, also after the session ended.
    pub fn picture(&self, monitor: MonitorId) -> Option<Rc<Picture>> {
        self.0.known.borrow().pictures.get(&monitor).cloned()
    }

    /// Whether both are the same session.
    pub fn is(&self, other: &Link) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_comes_late_is_told_how_things_are() {
        let teller = Rc::new(RefCell::new(None));
        let link = Link::new(|t| {
            teller.replace(Some(t));
            |_| {}
        });
        let teller = teller.borrow().clone().unwrap();
        teller.tell(&Event::State(State::Connecting));
        let picture = Picture::new(4, 4);
        let frame = Frame { monitor: MonitorId(1), picture, dirty: vec![] };
        teller.tell(&Event::Frame(frame));

        let seen: Rc<RefCell<Vec<String>>> = Rc::default();
        let listener = {
            let seen = Rc::clone(&seen);
            link.listen(move |event| seen.borrow_mut().push(format!("{event:?}")))
        };
        assert!(seen.borrow().iter().any(|line| line == "State(Connecting)"));
        assert!(seen.borrow().iter().any(|line| line.contains("width: 4, height: 4")));
        assert_eq!(link.picture(MonitorId(1)).map(|p| p.width()), Some(4));

        let before = seen.borrow().len();
        teller.tell(&Event::Sound(true));
        assert_eq!(seen.borrow().len(), before + 1);
        drop(listener);
        teller.tell(&Event::Sound(false));
        assert_eq!(seen.borrow().len(), before + 1);
    }

    #[test]
    fn the_last_one_ends_the_session() {
        struct Ends(Rc<Cell<bool>>);
        impl Drop for Ends {
            fn drop(&mut self) {
                self.0.set(true);
            }
        }
        let ended = Rc::new(Cell::new(false));
        let ends = Ends(Rc::clone(&ended));
        let link = Link::new(move |_| {
            move |_| {
                let _keep = &ends;
            }
        });
        let other = link.clone();
        drop(link);
        assert!(!ended.get());
        drop(other);
        assert!(ended.get());
    }

    #[test]
    fn a_handler_may_answer_and_leave() {
        let sent: Rc<RefCell<Vec<Command>>> = Rc::default();
        let teller = Rc::new(RefCell::new(None));
        let link = Link::new(|t| {
            teller.replace(Some(t));
            let sent = Rc::clone(&sent);
            move |command| sent.borrow_mut().push(command)
        });
        let own: Rc<RefCell<Option<Listener>>> = Rc::default();
        let handle = {
            let (own, weak) = (Rc::clone(&own), Rc::downgrade(&link.0));
            move |_: &Event| {
                if let Some(inner) = weak.upgrade() {
                    Link(inner).send(Command::Close);
                }
                own.borrow_mut().take();
            }
        };
        let listener = link.listen(handle);
        own.replace(Some(listener));
        let before = sent.borrow().len();
        let teller = teller.borrow().clone().unwrap();
        teller.tell(&Event::Sound(true));
        teller.tell(&Event::Sound(true));
        assert_eq!(sent.borrow().len(), before + 1);
    }
}
