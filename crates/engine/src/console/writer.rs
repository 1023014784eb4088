// SPDX-License-Identifier: LGPL-2.1-or-later
//! What waits to be sent, and the thread that sends it.

use super::pulse::Pulse;
use super::to_json;
use std::collections::VecDeque;
use std::io::Write;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use terrarium_protocol::{frame, Kind, Tag, ToInit};

/// Largest payload of a frame of input, in bytes.
const INPUT_FRAME: usize = 32 * 1024;
/// [`Outbox::input`] waits while this much is queued, in bytes.
const INPUT_QUEUE: usize = 256 * 1024;

/// Everything that waits to be sent.
pub struct Outbox {
    tag: Tag,
    state: Mutex<State>,
    changed: Condvar,
    /// Whether what was asked is answered.
    pub pulse: Pulse,
}

#[derive(Default)]
struct State {
    control: VecDeque<Vec<u8>>,
    input: VecDeque<u8>,
    /// Offset of the first byte in `input`.
    sent: u64,
    /// Init takes input up to this offset.
    credit: u64,
    /// The command reads no more input.
    unwanted: bool,
    /// The end of input waits behind `input`.
    end: bool,
    /// Bytes are being written now.
    busy: bool,
    /// What is queued is sent, and nothing more.
    ending: bool,
    closed: bool,
}

impl State {
    fn may_send(&self) -> usize {
        let credit = usize::try_from(self.credit.saturating_sub(self.sent)).unwrap_or(usize::MAX);
        self.input.len().min(credit).min(INPUT_FRAME)
    }

    fn ends_now(&self) -> bool {
        self.end && self.input.is_empty()
    }

    fn has_work(&self) -> bool {
        !self.control.is_empty() || self.may_send() > 0 || self.ends_now()
    }
}

impl Outbox {
    /// `sent` bytes of input have arrived already (from an earlier client).
    pub fn new(tag: Tag, sent: u64) -> Self {
        let state = State { sent, credit: sent, ..State::default() };
        Self { tag, state: Mutex::new(state), changed: Condvar::new(), pulse: Pulse::default() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues a control message.
    pub fn control(&self, message: &ToInit) {
        let mut bytes = Vec::new();
        frame::encode(self.tag, Kind::Control, &to_json(message), &mut bytes);
        let mut state = self.lock();
        if !state.closed {
            state.control.push_back(bytes);
            self.changed.notify_all();
        }
    }

    /// Queues input however much there is already.
    pub fn queue_input(&self, bytes: &[u8]) {
        let mut state = self.lock();
        if !state.closed && !state.unwanted && !state.end {
            state.input.extend(bytes);
            self.changed.notify_all();
        }
    }

    /// Queues input when there is room; `false` if nobody will read it.
    pub fn input(&self, bytes: &[u8]) -> bool {
        let mut state = self.lock();
        while state.input.len() >= INPUT_QUEUE && !state.closed && !state.ending && !state.unwanted {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if state.closed || state.ending || state.unwanted || state.end {
            return false;
        }
        state.input.extend(bytes);
        self.changed.notify_all();
        true
    }

    /// Queues the end of input behind the input.
    pub fn close_input(&self) {
        self.lock().end = true;
        self.changed.notify_all();
    }

    /// Init takes input up to `offset`.
    pub fn credit(&self, offset: u64) {
        let mut state = self.lock();
        state.credit = state.credit.max(offset);
        self.changed.notify_all();
    }

    /// The command reads no more input: what is queued is dropped.
    pub fn input_unwanted(&self) {
        let mut state = self.lock();
        state.unwanted = true;
        state.input.clear();
        self.changed.notify_all();
    }

    /// Waits until control messages are sent, for `most` at the longest.
    pub fn drain(&self, most: Duration) {
        let until = Instant::now() + most;
        let mut state = self.lock();
        while (state.busy || !state.control.is_empty()) && !state.closed {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// What is queued beside input is sent still; then all is closed. Returns
    /// at once.
    pub fn finish(&self) {
        let mut state = self.lock();
        state.ending = true;
        state.input.clear();
        state.end = false;
        self.changed.notify_all();
    }

    /// Nothing more is sent, nobody waits any longer.
    pub fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        state.control.clear();
        state.input.clear();
        self.changed.notify_all();
    }

    /// Bytes to write next; `None` when closed. Waits for work.
    fn next(&self) -> Option<Vec<u8>> {
        let mut state = self.lock();
        state.busy = false;
        self.changed.notify_all();
        while !state.has_work() && !state.closed && !state.ending {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if state.closed || (state.ending && state.control.is_empty()) {
            return None;
        }
        state.busy = true;
        if let Some(bytes) = state.control.pop_front() {
            return Some(bytes);
        }
        let mut bytes = Vec::new();
        let count = state.may_send();
        if count > 0 {
            let input: Vec<u8> = state.input.drain(..count).collect();
            state.sent += count as u64;
            frame::encode(self.tag, Kind::Input, &input, &mut bytes);
        } else {
            state.end = false;
            state.unwanted = true;
            frame::encode(self.tag, Kind::Control, &to_json(&ToInit::CloseInput), &mut bytes);
        }
        self.changed.notify_all();
        Some(bytes)
    }
}

/// Starts the thread that writes to `socket` until the outbox is closed, and
/// then ends the conversation.
pub fn spawn(outbox: Arc<Outbox>, mut socket: UnixStream) -> std::io::Result<()> {
    std::thread::Builder::new().name("console-writer".into()).spawn(move || {
        while let Some(bytes) = outbox.next() {
            if socket.write_all(&bytes).is_err() {
                break;
            }
        }
        outbox.close();
        let _ = socket.shutdown(std::net::Shutdown::Both);
    })?;
    Ok(())
}
