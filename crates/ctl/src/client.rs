// SPDX-License-Identifier: LGPL-2.1-or-later
//! The streams between this process and a sandbox.
//!
//! Output is written by the thread that receives it: while our reader does
//! not read, neither do we, and so the command waits. Nothing is kept here.

use crate::signals::{Signals, Target};
use crate::terminal::{LetGo, Raw};
use std::io::{Read, Write};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::Arc;
use terrarium_engine::console::{Console, Event, Handler};
use terrarium_protocol::message::{stream, Outcome};

/// What a terminal takes for the end of its input (Ctrl+D), unless a program
/// has changed that.
const END_OF_INPUT: u8 = 4;

/// How a conversation ended.
pub enum End {
    /// With the command; the result is in our hands.
    Result(Outcome),
    /// The user let go: with Ctrl+] twice, or by a signal.
    LetGo,
    /// The other side is gone without a result.
    Lost,
    /// Init would not do what was asked.
    Refused(terrarium_protocol::message::Refusal),
    /// Init does not answer, and a signal asked for the end again: the status
    /// to end with.
    Silent(u8),
}

/// How far each stream got: where to go on after a lost connection.
#[derive(Clone, Default)]
pub struct Offsets {
    out: Arc<AtomicU64>,
    err: Arc<AtomicU64>,
}

impl Offsets {
    /// The next byte of standard output.
    pub fn out(&self) -> u64 {
        self.out.load(Ordering::SeqCst)
    }

    /// The next byte of standard error.
    pub fn err(&self) -> u64 {
        self.err.load(Ordering::SeqCst)
    }

    fn of(&self, number: u8) -> &AtomicU64 {
        if number == stream::ERR {
            &self.err
        } else {
            &self.out
        }
    }
}

/// This process's side of a conversation.
pub struct Client {
    tell: Sender<End>,
    told: Receiver<End>,
    offsets: Offsets,
    terminal: bool,
    lets_go: bool,
    signals: Signals,
    full: Arc<AtomicBool>,
}

impl Client {
    /// `terminal`: the command has a terminal and ours is in raw mode.
    pub fn new(terminal: bool, signals: Signals) -> Self {
        let (tell, told) = mpsc::channel();
        let (offsets, full) = (Offsets::default(), Arc::default());
        Self { tell, told, offsets, terminal, lets_go: false, signals, full }
    }

    /// One whose end is not the command's: TERM and HUP let go of it.
    pub fn that_lets_go(self) -> Self {
        Self { lets_go: true, ..self }
    }

    /// Whether it wrote all that it may.
    pub fn is_full(&self) -> bool {
        self.full.load(Ordering::SeqCst)
    }

    /// How far the streams got.
    pub fn offsets(&self) -> &Offsets {
        &self.offsets
    }

    /// Writes what the command writes.
    pub fn handler(&self) -> Handler {
        let tell = self.tell.clone();
        let offsets = self.offsets.clone();
        let full = self.full.clone();
        let mut gone = [false; 3];
        Box::new(move |console, event| match event {
            Event::Output { stream: number, offset, bytes } => {
                let end = offset + bytes.len() as u64;
                let index = usize::from(number).min(2);
                if !gone[index] && write(number, &bytes).is_err() {
                    gone[index] = true;
                    console.close_output(number);
                }
                offsets.of(number).store(end, Ordering::SeqCst);
                console.ack(number, end);
            }
            Event::Gone { bytes, .. } => {
                eprintln!("terrariumctl: {}", terrarium_engine::message::gone(bytes));
            }
            Event::Full => full.store(true, Ordering::SeqCst),
            Event::Result(outcome) => drop(tell.send(End::Result(outcome))),
            Event::Refused(why) => drop(tell.send(End::Refused(why))),
            Event::Closed => drop(tell.send(End::Lost)),
            _ => {}
        })
    }

    /// Carries input and signals until the conversation ends.
    pub fn converse(&self, console: &Console, reads_input: bool) -> End {
        // First: a signal that ends us must not leave our terminal raw.
        let tell = self.tell.clone();
        self.signals.go_to(Target::Command {
            console: console.clone(),
            terminal: self.terminal,
            let_go: self.lets_go.then(|| self.tell.clone()),
            give_up: Box::new(move |status| drop(tell.send(End::Silent(status)))),
        });
        let raw = if self.terminal { Raw::enter() } else { None };
        if reads_input {
            self.carry_input(console.clone());
        }
        let end = self.told.recv().unwrap_or(End::Lost);
        drop(raw);
        end
    }

    /// Nothing is left of the command but its status: signals end us with it.
    pub fn is_over(&self, status: u8) {
        self.signals.go_to(Target::Over(status));
    }

    fn carry_input(&self, console: Console) {
        let (terminal, ends_with_us) = (self.terminal, !self.lets_go);
        let tell = self.tell.clone();
        std::thread::spawn(move || {
            let mut keys = LetGo::default();
            let mut piece = vec![0; 32 * 1024];
            let mut in_a_line = false;
            loop {
                let count = match std::io::stdin().lock().read(&mut piece) {
                    Ok(0) | Err(_) => break,
                    Ok(count) => count,
                };
                let (pass, let_go) =
                    if terminal { keys.filter(&piece[..count]) } else { (piece[..count].to_vec(), false) };
                if let_go {
                    let _ = tell.send(End::LetGo);
                    return;
                }
                if !console.input(&pass) {
                    return;
                }
                in_a_line = pass.last().map_or(in_a_line, |last| *last != b'\n');
            }
            if terminal && ends_with_us {
                // A terminal's input has no end but the key that says so, which
                // within a line means something else.
                let _ = console.input(if in_a_line { &[b'\n', END_OF_INPUT] } else { &[END_OF_INPUT] });
            } else {
                console.close_input();
            }
        });
    }
}

/// Writes to ours what came from the command's. Not through Rust's buffered
/// standard output: what is acknowledged must have been written.
fn write(number: u8, bytes: &[u8]) -> std::io::Result<()> {
    if number == stream::ERR {
        std::io::stderr().lock().write_all(bytes)
    } else {
        let mut out = std::io::stdout().lock();
        out.write_all(bytes)?;
        out.flush()
    }
}
