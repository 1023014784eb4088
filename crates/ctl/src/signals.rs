// SPDX-License-Identifier: LGPL-2.1-or-later
//! Signals that this process gets, and where they go. Ctrl+C works at any
//! time: while libvirt is waited for, while a machine boots, and then it is
//! the command's.

use crate::client::End;
use crate::terminal;
use nix::sys::signal::{SigSet, Signal};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use terrarium_engine::console::Console;
use terrarium_engine::{message, sandbox};

/// When it is said that libvirt does not answer. The first start of a machine
/// takes a few seconds, in which libvirt looks at QEMU.
const SLOW: Duration = Duration::from_secs(8);

/// How long init may take to answer a signal before the next one says that it
/// will not: something else than our init may play its part.
const SILENT: Duration = Duration::from_secs(3);

/// Where signals go.
pub enum Target {
    /// Nothing is there yet: this process ends.
    Nobody,
    /// A sandbox that boots: it is taken away, then this process ends.
    Boot(Box<dyn FnOnce() + Send>),
    /// The command has ended with this status; what is still cleaned up can be
    /// left to the next `run` or `list`.
    Over(u8),
    /// This process is ending because of one. The next one does not wait for
    /// what is taken away.
    Leaving,
    /// The command.
    Command {
        /// The way to it.
        console: Console,
        /// Whether it has a terminal of the size of ours.
        terminal: bool,
        /// Called with the status to end with when a signal comes and none
        /// has arrived for a while.
        give_up: Box<dyn Fn(u8) + Send>,
        /// Who attached is not who runs it: TERM, and HUP of a terminal that
        /// is closed, let go of it.
        let_go: Option<Sender<End>>,
    },
}

/// A handle to the thread that takes signals.
#[derive(Clone)]
pub struct Signals(Arc<Mutex<Target>>);

impl Signals {
    /// Begins to take them. Call it before any thread is started: threads
    /// inherit that signals are held.
    pub fn take() -> Self {
        let signals = Self(Arc::new(Mutex::new(Target::Nobody)));
        let _ = set().thread_block();
        let taker = signals.clone();
        std::thread::spawn(move || {
            while let Ok(signal) = set().wait() {
                taker.pass(signal);
            }
        });
        std::thread::spawn(say_when_libvirt_is_slow);
        signals
    }

    /// From now on they go there. Does not return once one has ended this
    /// process: what is taken away fails, and that is not what is to be said.
    pub fn go_to(&self, target: Target) {
        let mut now = self.lock();
        while matches!(*now, Target::Leaving) {
            drop(now);
            std::thread::park();
            now = self.lock();
        }
        *now = target;
    }

    fn lock(&self) -> MutexGuard<'_, Target> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn pass(&self, signal: Signal) {
        let mut target = self.lock();
        match &*target {
            Target::Command { console, terminal, .. } if signal == Signal::SIGWINCH => {
                if *terminal {
                    console.resize(terminal::size());
                }
            }
            Target::Command { let_go: Some(tell), .. }
                if matches!(signal, Signal::SIGTERM | Signal::SIGHUP) =>
            {
                let _ = tell.send(End::LetGo);
            }
            Target::Command { console, give_up, .. } if console.is_silent(SILENT) => {
                let status = status_of(signal);
                give_up(status);
                // Whatever is still waited for: the next one ends us.
                *target = Target::Over(status);
            }
            // A terminal sends its keys as they are; signals that reach us
            // all the same, and all of them without one, are the command's.
            Target::Command { console, .. } => console.signal(signal as i32),
            _ if signal == Signal::SIGWINCH => {}
            Target::Over(status) => std::process::exit((*status).into()),
            _ => leave(std::mem::replace(&mut *target, Target::Leaving), status_of(signal)),
        }
    }
}

/// The status of who is ended by a signal.
fn status_of(signal: Signal) -> u8 {
    128 + signal as u8
}

/// Ends this process. libvirt may let it wait: meanwhile signals are taken.
fn leave(target: Target, status: u8) {
    let Target::Boot(take_away) = target else { std::process::exit(status.into()) };
    std::thread::spawn(move || {
        take_away();
        std::process::exit(status.into());
    });
}

/// Starts another program, which is to get signals as usual: it would inherit
/// that they are held. In a thread of its own, so that ours stay held.
pub fn let_through<T: Send>(start: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            let _ = set().thread_unblock();
            start()
        });
        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

fn set() -> SigSet {
    let mut set = SigSet::empty();
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP, Signal::SIGQUIT, Signal::SIGWINCH] {
        set.add(signal);
    }
    set
}

fn say_when_libvirt_is_slow() {
    loop {
        std::thread::sleep(Duration::from_secs(1));
        if sandbox::waits_for_libvirt().is_some_and(|time| time > SLOW) {
            eprintln!("terrariumctl: {}", message::libvirt_is_slow());
            return;
        }
    }
}
