// SPDX-License-Identifier: LGPL-2.1-or-later
//! One connection to a server, from its first socket to its end. Reconnecting
//! makes another one, so that nothing of an old one can reach the views.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use gtk::{gio, glib};
use spice_client_glib as spice;

use super::cursor::Pointers;
use super::display::Display;
use super::inputs::Inputs;
use super::{probe, Connector, Options};
use crate::link::Teller;
use crate::types::{CloseReason, Command, Event, Failure, FailureKind, MonitorId, State};

/// More channels of pictures than this are left alone.
pub(super) const MAX_DISPLAYS: usize = 16;
/// A pointer is nowhere beyond this, in pixels.
const MAX_PLACE: u32 = 16384;

pub(super) struct Attempt {
    pub(super) connector: Connector,
    pub(super) options: Options,
    teller: Teller,
    pub(super) spice: spice::Session,
    ended: Cell<bool>,
    /// Finds out why it ended.
    probe: RefCell<Option<glib::JoinHandle<()>>>,
    /// The last state that was told.
    state: RefCell<State>,
    /// Timers of channels that are not there yet.
    pub(super) timers: RefCell<BTreeMap<(i32, i32), glib::SourceId>>,
    pub(super) main: RefCell<Option<spice::MainChannel>>,
    pub(super) main_open: Cell<bool>,
    pub(super) display_open: Cell<bool>,
    pub(super) inputs: Inputs,
    pub(super) pointers: Pointers,
    pub(super) displays: RefCell<BTreeMap<i32, Rc<Display>>>,
    /// The sizes that views asked for; the agent may come later.
    pub(super) sizes: RefCell<BTreeMap<MonitorId, (u32, u32)>>,
    /// Whether sound is kept silent; outlives the connection.
    pub(super) muted: Rc<Cell<bool>>,
    /// Whether the guest plays.
    pub(super) sounds: Cell<bool>,
    /// What stops each of the transfers under way.
    pub(super) transfers: RefCell<BTreeMap<u64, gio::Cancellable>>,
    #[cfg(feature = "usb")]
    pub(super) usb: RefCell<Option<spice::UsbDeviceManager>>,
}

/// What is not asked for is not there: nothing reads cards, folders or devices.
fn bare_session(options: &Options) -> spice::Session {
    let spice = spice::Session::new();
    spice.set_enable_smartcard(false);
    spice.set_enable_usbredir(false);
    spice.set_enable_audio(false);
    spice.set_shared_dir(None);
    spice.set_gl_scanout(false);
    spice.set_password(options.password.as_deref());
    spice
}

impl Attempt {
    pub(super) fn new(
        connector: Connector,
        options: Options,
        teller: Teller,
        muted: Rc<Cell<bool>>,
    ) -> Rc<Attempt> {
        Rc::new(Attempt {
            connector,
            spice: bare_session(&options),
            options,
            teller,
            ended: Cell::default(),
            probe: RefCell::default(),
            state: RefCell::new(State::Connecting),
            timers: RefCell::default(),
            main: RefCell::default(),
            main_open: Cell::default(),
            display_open: Cell::default(),
            inputs: Inputs::default(),
            pointers: RefCell::default(),
            displays: RefCell::default(),
            sizes: RefCell::default(),
            muted,
            sounds: Cell::default(),
            transfers: RefCell::default(),
            #[cfg(feature = "usb")]
            usb: RefCell::default(),
        })
    }

    pub(super) fn begin(self: &Rc<Self>) {
        let weak = Rc::downgrade(self);
        self.spice.connect_channel_new(move |session, channel| {
            match weak.upgrade().filter(|attempt| !attempt.has_ended()) {
                Some(attempt) => attempt.take_channel(channel),
                // Channels that were announced still come after the end, and
                // keep the session, which keeps them.
                None => session.disconnect(),
            }
        });
        self.begin_sound();
        #[cfg(feature = "usb")]
        self.begin_usb();
        // With -1 each channel asks for its socket; nothing is opened by spice-glib itself.
        if !self.spice.open_fd(-1) {
            self.fail(FailureKind::Protocol, "the session cannot be begun");
        }
    }

    pub(super) fn handle(self: &Rc<Self>, command: &Command) {
        if self.ended.get() {
            return;
        }
        match *command {
            Command::Clipboard(ref message) => self.to_guest(message),
            Command::SendFiles(id, ref paths) => self.send_files(id, paths),
            Command::CancelTransfer(id) => self.cancel_transfer(id),
            #[cfg(feature = "usb")]
            Command::Usb(ref name, connect) => self.use_usb(name, connect),
            Command::Resize(monitor, width, height) => {
                self.sizes.borrow_mut().insert(monitor, (width, height));
                self.send_sizes();
            }
            Command::FrameWanted(monitor) => {
                let displays: Vec<_> = self.displays.borrow().values().cloned().collect();
                displays.iter().for_each(|display| display.frame_wanted(monitor));
            }
            Command::Position(monitor, x, y) => self.position(monitor, x, y),
            Command::Key(key, down) => self.inputs.key(key, down),
            Command::Motion(x, y) => self.inputs.motion(x, y),
            Command::Button(button, down) => self.inputs.button(button, down),
            Command::Wheel(steps) => self.inputs.wheel(steps),
            Command::Locks(locks) => self.inputs.set_locks(locks),
            _ => {}
        }
    }

    pub(super) fn tell(&self, event: &Event) {
        if !self.ended.get() {
            self.teller.tell(event);
        }
    }

    /// Tells that something was dropped, which harms nothing else.
    pub(super) fn dropped(&self, what: &str) {
        tracing::debug!("{what}");
        self.tell(&Event::Dropped(Failure::new(FailureKind::Refused, what).detail));
    }

    /// Tells the state if it is another one than before.
    pub(super) fn update_state(&self) {
        if self.ended.get() || !self.main_open.get() || !self.display_open.get() {
            return;
        }
        let agent = self.has_agent();
        let state = State::Connected { agent };
        if *self.state.borrow() != state {
            self.state.replace(state.clone());
            self.tell(&Event::State(state));
            if agent {
                self.send_sizes();
            }
        }
    }

    pub(super) fn fail(&self, kind: FailureKind, detail: &str) {
        // What follows an end is no cause of it.
        if !self.has_ended() && self.end() {
            self.teller.tell(&Event::State(State::Failed(Failure::new(kind, detail))));
        }
    }

    /// The server closed a connection that was in use; `lost` says how, if
    /// not in good order. Told once it is known whether the server goes on.
    pub(super) fn closed(self: &Rc<Self>, lost: Option<&str>) {
        if self.has_ended() || !self.end() {
            return;
        }
        let (weak, connector) = (Rc::downgrade(self), self.connector.clone());
        let lost = lost.map(|detail| Failure::new(FailureKind::Lost, detail));
        let probe = glib::MainContext::default().spawn_local(async move {
            let goes_on = probe::greets(&connector).await;
            // Somebody may have begun anew, or closed, in the meantime.
            let Some(attempt) = weak.upgrade().filter(|attempt| attempt.probe.take().is_some()) else {
                return;
            };
            let reason = if goes_on { CloseReason::TakenOver } else { CloseReason::Ended };
            match lost.filter(|_| !goes_on) {
                Some(failure) => attempt.teller.tell(&Event::State(State::Failed(failure))),
                None => {
                    attempt.teller.tell(&Event::Closing(reason));
                    attempt.teller.tell(&Event::State(State::Closed));
                }
            }
        });
        self.probe.replace(Some(probe));
    }

    /// Ends the connection; false if its end had been told before.
    pub(super) fn end(&self) -> bool {
        if self.ended.get() {
            let probe = self.probe.take();
            return probe.map(|probe| probe.abort()).is_some();
        }
        self.end_transfers();
        self.tell_sound(false);
        self.ended.set(true);
        for timer in self.timers.take().into_values() {
            timer.remove();
        }
        self.inputs.forget();
        self.pointers.take();
        self.main.take();
        #[cfg(feature = "usb")]
        self.usb.take();
        self.displays.take().values().for_each(|display| display.forget());
        self.spice.disconnect();
        true
    }

    pub(super) fn has_ended(&self) -> bool {
        self.ended.get()
    }

    /// Tells the monitors of all channels in one order.
    pub(super) fn tell_monitors(&self) {
        let monitors = self.displays.borrow().values().flat_map(|display| display.monitors()).collect();
        self.tell(&Event::Monitors(monitors));
    }

    /// The pointer is at a pixel of a monitor. An agent is told the monitor; a
    /// tablet knows no monitors, only the whole that they are parts of.
    fn position(&self, monitor: MonitorId, x: u32, y: u32) {
        let (x, y) = (x.min(MAX_PLACE), y.min(MAX_PLACE));
        let (left, top) = if self.has_agent() { (0, 0) } else { self.origin_of(monitor) };
        self.inputs.position(monitor, x + left, y + top);
    }

    pub(super) fn has_agent(&self) -> bool {
        self.main.borrow().as_ref().is_some_and(spice::MainChannel::is_agent_connected)
    }

    fn origin_of(&self, monitor: MonitorId) -> (u32, u32) {
        let displays = self.displays.borrow();
        displays.values().find_map(|display| display.origin_of(monitor)).unwrap_or_default()
    }

    /// The bytes that the pictures of the other channels take.
    pub(super) fn bytes_of_others(&self, number: i32) -> u64 {
        let displays = self.displays.borrow();
        displays.iter().filter(|(other, _)| **other != number).map(|(_, display)| display.bytes()).sum()
    }
}
