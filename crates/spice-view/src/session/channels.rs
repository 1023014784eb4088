// SPDX-License-Identifier: LGPL-2.1-or-later
//! The channels of a connection: their sockets, that they come in time, and
//! what their end means.

use std::os::fd::{IntoRawFd, OwnedFd};
use std::rc::Rc;
use std::time::Duration;

use gtk::glib;
use spice_client_glib as spice;
use spice_client_glib::prelude::*;
use spice_client_glib::{ChannelEvent, ChannelType};

use super::attempt::{Attempt, MAX_DISPLAYS};
use super::display::Display;
use super::guard;
use crate::types::{ChannelKind, FailureKind};
use crate::wire::Refusal;

/// The channels of a session that is closed end this close together, on a busy
/// computer too.
const TOGETHER: Duration = Duration::from_secs(1);

fn kind_of(channel: &spice::Channel) -> ChannelKind {
    match ChannelType::try_from(channel.channel_type()) {
        Ok(ChannelType::Main) => ChannelKind::Main,
        Ok(ChannelType::Display) => ChannelKind::Display,
        Ok(ChannelType::Inputs) => ChannelKind::Inputs,
        Ok(ChannelType::Cursor) => ChannelKind::Cursor,
        Ok(ChannelType::Playback) => ChannelKind::Playback,
        Ok(ChannelType::Record) => ChannelKind::Record,
        Ok(ChannelType::Usbredir) => ChannelKind::Usb,
        _ => ChannelKind::Other,
    }
}

/// Without these there is nothing to show or to work with.
fn is_needed(kind: ChannelKind) -> bool {
    matches!(kind, ChannelKind::Main | ChannelKind::Display | ChannelKind::Inputs)
}

impl Attempt {
    /// A channel came to be; the server named it, so it may be anything.
    pub(super) fn take_channel(self: &Rc<Self>, channel: &spice::Channel) {
        let kind = kind_of(channel);
        if self.has_ended() || !self.adopt(kind, channel) {
            return;
        }
        let weak = Rc::downgrade(self);
        channel.connect_open_fd(move |channel, tls| {
            if let Some(attempt) = weak.upgrade() {
                attempt.open_socket(channel, tls != 0);
            }
        });
        let weak = Rc::downgrade(self);
        channel.connect_channel_event(move |channel, event| {
            if let Some(attempt) = weak.upgrade() {
                attempt.channel_event(channel, event);
            }
        });
        // The session connects the main channel by itself, and the player those of sound.
        if !matches!(kind, ChannelKind::Main | ChannelKind::Playback | ChannelKind::Record | ChannelKind::Usb)
        {
            ChannelExt::connect(channel);
        }
    }

    /// Whether such a channel is used.
    fn adopt(self: &Rc<Self>, kind: ChannelKind, channel: &spice::Channel) -> bool {
        match kind {
            ChannelKind::Main => match channel.downcast_ref::<spice::MainChannel>() {
                Some(main) if self.main.borrow().is_none() => self.adopt_main(main),
                _ => return false,
            },
            ChannelKind::Display => {
                let Some(display) = channel.downcast_ref::<spice::DisplayChannel>() else { return false };
                let number = channel.channel_id();
                let known = self.displays.borrow().contains_key(&number);
                if known || self.displays.borrow().len() >= MAX_DISPLAYS {
                    self.dropped("the server names too many channels of pictures");
                    return false;
                }
                let display = Display::new(self, display, number);
                self.displays.borrow_mut().insert(number, display);
            }
            ChannelKind::Inputs => match channel.downcast_ref::<spice::InputsChannel>() {
                Some(inputs) if !self.inputs.is_known() => self.adopt_inputs(inputs),
                _ => return false,
            },
            ChannelKind::Cursor => match channel.downcast_ref::<spice::CursorChannel>() {
                Some(cursor) => return self.adopt_cursor(cursor),
                None => return false,
            },
            ChannelKind::Playback => match channel.downcast_ref::<spice::PlaybackChannel>() {
                Some(playback) if self.options.sound => self.adopt_playback(playback),
                _ => return false,
            },
            ChannelKind::Record => return self.options.microphone,
            ChannelKind::Usb => return self.options.usb && cfg!(feature = "usb"),
            ChannelKind::Other => return false,
        }
        true
    }

    fn open_socket(self: &Rc<Self>, channel: &spice::Channel, tls: bool) {
        if self.has_ended() {
            return;
        }
        if tls {
            return self.fail(FailureKind::Encryption, "it refuses a connection without TLS");
        }
        let kind = kind_of(channel);
        self.start_timer(kind, channel);
        let (weak, channel) = (Rc::downgrade(self), channel.clone());
        let opening = self.connector.open(kind);
        glib::MainContext::default().spawn_local(async move {
            let socket = opening.await;
            let Some(attempt) = weak.upgrade().filter(|attempt| !attempt.has_ended()) else { return };
            match socket {
                Ok(socket) => attempt.hand_over(kind, &channel, socket),
                Err(error) => attempt.lose(kind, FailureKind::Unreachable, &error.to_string()),
            }
        });
    }

    /// Gives spice-glib a socket, of which it hears what may be heard.
    fn hand_over(self: &Rc<Self>, kind: ChannelKind, channel: &spice::Channel, server: OwnedFd) {
        let (refuse, refused) = async_channel::bounded(1);
        let told = move |refusal| drop(refuse.send_blocking(refusal));
        let socket = match guard::stand_before(server, kind, self.options.decoders, told) {
            Ok(socket) => socket,
            Err(error) => return self.lose(kind, FailureKind::Unreachable, &error.to_string()),
        };
        let weak = Rc::downgrade(self);
        glib::MainContext::default().spawn_local(async move {
            let Ok(Refusal { kind, detail }) = refused.recv().await else { return };
            if let Some(attempt) = weak.upgrade() {
                attempt.fail(kind, &detail);
            }
        });
        // From here on spice-glib owns the socket.
        if !channel.open_fd(socket.into_raw_fd()) {
            self.lose(kind, FailureKind::Protocol, "a socket was not taken");
        }
    }

    fn start_timer(self: &Rc<Self>, kind: ChannelKind, channel: &spice::Channel) {
        let key = (channel.channel_type(), channel.channel_id());
        let weak = Rc::downgrade(self);
        let timer = glib::timeout_add_local_once(self.options.patience, move || {
            let Some(attempt) = weak.upgrade() else { return };
            // It has run: removing it again would be an error.
            attempt.timers.borrow_mut().remove(&key);
            attempt.lose(kind, FailureKind::Timeout, &format!("no answer on the channel {kind:?}"));
        });
        if let Some(old) = self.timers.borrow_mut().insert(key, timer) {
            old.remove();
        }
    }

    fn stop_timer(&self, channel: &spice::Channel) {
        let key = (channel.channel_type(), channel.channel_id());
        let timer = self.timers.borrow_mut().remove(&key);
        if let Some(timer) = timer {
            timer.remove();
        }
    }

    /// A channel is lost, and with it the session if it is a needed one.
    fn lose(self: &Rc<Self>, kind: ChannelKind, why: FailureKind, detail: &str) {
        if !is_needed(kind) {
            self.dropped(&format!("the channel {kind:?} is lost: {detail}"));
        } else if self.was_open() {
            self.suspect(why, detail);
        } else {
            self.fail(why, detail);
        }
    }

    /// A channel is lost of a session in use. If the whole session was closed,
    /// the others end with it, the main one too, in any order.
    fn suspect(self: &Rc<Self>, why: FailureKind, detail: &str) {
        let (key, weak) = ((-2, -2), Rc::downgrade(self));
        if self.timers.borrow().contains_key(&key) {
            return;
        }
        let detail = detail.to_owned();
        let timer = glib::timeout_add_local_once(TOGETHER, move || {
            let Some(attempt) = weak.upgrade() else { return };
            attempt.timers.borrow_mut().remove(&key);
            attempt.fail(why, &detail);
        });
        self.timers.borrow_mut().insert(key, timer);
    }

    fn channel_event(self: &Rc<Self>, channel: &spice::Channel, event: ChannelEvent) {
        let kind = kind_of(channel);
        tracing::trace!("channel {kind:?}: {event:?}");
        let detail = channel.error().map_or_else(String::new, |error| error.message().to_owned());
        match event {
            ChannelEvent::Opened => {
                self.stop_timer(channel);
                self.opened(kind);
            }
            ChannelEvent::Closed if kind == ChannelKind::Main && self.was_open() => self.closed(None),
            ChannelEvent::Closed if self.was_open() => {
                self.lose(kind, FailureKind::Lost, "it closed a connection");
            }
            ChannelEvent::Closed => self.lose(kind, FailureKind::Protocol, "it closed the connection"),
            ChannelEvent::ErrorConnect => self.lose(kind, FailureKind::Unreachable, &detail),
            ChannelEvent::ErrorTls => self.lose(kind, FailureKind::Encryption, &detail),
            ChannelEvent::ErrorLink => self.lose(kind, FailureKind::Protocol, &detail),
            ChannelEvent::ErrorAuth => self.lose(kind, FailureKind::Password, &detail),
            ChannelEvent::ErrorIo if kind == ChannelKind::Main && self.was_open() => {
                self.closed(Some(&detail));
            }
            ChannelEvent::ErrorIo => self.lose(kind, FailureKind::Lost, &detail),
            _ => {}
        }
    }

    fn opened(self: &Rc<Self>, kind: ChannelKind) {
        match kind {
            ChannelKind::Main => {
                self.main_open.set(true);
                self.await_pictures();
            }
            ChannelKind::Display => self.display_open.set(true),
            ChannelKind::Inputs => self.inputs.open(),
            // Only now there is room for a device.
            #[cfg(feature = "usb")]
            ChannelKind::Usb => self.tell_usb(),
            _ => {}
        }
        self.update_state();
    }

    /// A server that names no channel of pictures is not waited for forever.
    fn await_pictures(self: &Rc<Self>) {
        let weak = Rc::downgrade(self);
        let key = (-1, -1);
        let timer = glib::timeout_add_local_once(self.options.patience, move || {
            let Some(attempt) = weak.upgrade() else { return };
            attempt.timers.borrow_mut().remove(&key);
            if !attempt.display_open.get() {
                attempt.fail(FailureKind::Timeout, "no channel of pictures came");
            }
        });
        if let Some(old) = self.timers.borrow_mut().insert(key, timer) {
            old.remove();
        }
    }

    fn was_open(&self) -> bool {
        self.main_open.get() && self.display_open.get()
    }
}
