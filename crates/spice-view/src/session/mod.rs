// SPDX-License-Identifier: LGPL-2.1-or-later
//! The half that speaks SPICE. All of it runs on the main thread, in the main
//! loop's default context, where spice-glib runs too.

mod attempt;
mod channels;
mod clipboard;
mod connector;
mod cursor;
mod display;
mod files;
mod guard;
mod inputs;
mod log;
mod main;
mod probe;
mod sound;
#[cfg(feature = "usb")]
mod usb;

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

pub use connector::{BadUri, Connector, Opening};

use crate::link::{Link, Teller};
use crate::types::{CloseReason, Command, Cursor, Event, MouseMode, State};
use attempt::Attempt;

/// What a session does and does not do.
#[derive(Clone, Debug)]
pub struct Options {
    /// The password that the server asks for, if it does.
    pub password: Option<String>,
    /// How long a channel may take to be there.
    pub patience: Duration,
    /// Whether the guest's sound is played; it can still be muted.
    pub sound: bool,
    /// Whether the guest hears the microphone.
    pub microphone: bool,
    /// Whether the guest can be given USB devices, with the feature `usb`.
    pub usb: bool,
    /// Whether pictures may come compressed, as video, and drawn in the ways of
    /// old desktops. spice-gtk ends the program where such a one is wrong, so
    /// only of a server that is trusted; without, a server that sends one is
    /// refused, and has to be told not to (QEMU: `image-compression=off`,
    /// `streaming-video=off`).
    pub decoders: bool,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            password: None,
            patience: Duration::from_secs(20),
            sound: false,
            microphone: false,
            usb: false,
            decoders: false,
        }
    }
}

/// Begins a session with the server that `connector` leads to.
///
/// It says at once that it is connecting; that it could not comes as an event.
pub fn open(connector: Connector, options: Options) -> Link {
    log::moderate();
    let link = Link::new(|teller| {
        let (attempt, muted) = (RefCell::default(), Rc::default());
        let session = Session { connector, options, teller, attempt, muted };
        move |command| session.handle(command)
    });
    link.send(Command::Reconnect);
    link
}

struct Session {
    connector: Connector,
    options: Options,
    teller: Teller,
    attempt: RefCell<Option<Rc<Attempt>>>,
    muted: Rc<Cell<bool>>,
}

impl Session {
    fn handle(&self, command: Command) {
        match command {
            Command::Reconnect => self.begin(),
            Command::Mute(mute) => self.muted.set(mute),
            Command::Close => {
                let attempt = self.attempt.take();
                if attempt.is_some_and(|attempt| attempt.end()) {
                    self.teller.tell(&Event::Closing(CloseReason::Asked));
                    self.teller.tell(&Event::State(State::Closed));
                }
            }
            other => {
                let attempt = self.attempt.borrow().clone();
                if let Some(attempt) = attempt {
                    attempt.handle(&other);
                }
            }
        }
    }

    fn begin(&self) {
        if let Some(old) = self.attempt.take() {
            old.end();
            // What was so there need not be so here.
            self.teller.tell(&Event::Cursor(Cursor::Default));
            self.teller.tell(&Event::MouseMode(MouseMode::default()));
        }
        self.teller.tell(&Event::State(State::Connecting));
        let attempt = Attempt::new(
            self.connector.clone(),
            self.options.clone(),
            self.teller.clone(),
            Rc::clone(&self.muted),
        );
        self.attempt.replace(Some(Rc::clone(&attempt)));
        attempt.begin();
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if let Some(attempt) = self.attempt.take() {
            attempt.end();
        }
    }
}
