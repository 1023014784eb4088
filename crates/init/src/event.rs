// SPDX-License-Identifier: LGPL-2.1-or-later
//! The loop: waits for whatever happens next and hands it on.

use crate::build::Place;
use crate::conversation::Conversation;
use crate::sandbox::Sandbox;
use nix::poll::{poll, PollFd, PollFlags, PollTimeout};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use std::os::fd::{AsFd, OwnedFd};

/// What a place in the poll list stands for.
enum Source {
    Signals,
    Listener,
    Talk(usize),
    Output(u32, usize),
    Input,
    Display(crate::display::Source),
}

/// A new client, or a port that may have one.
pub fn add(sandbox: &mut Sandbox, fd: OwnedFd) {
    let id = sandbox.fresh_id();
    sandbox.talks.push(Conversation::new(id, fd));
}

/// Runs until the sandbox should end.
pub fn run(mut sandbox: Sandbox) {
    let mut set = SigSet::empty();
    for signal in
        [Signal::SIGCHLD, Signal::SIGIO, Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP, Signal::SIGPWR]
    {
        set.add(signal);
    }
    // Blocked signals reach pid 1 even without a handler.
    let signals = set
        .thread_block()
        .and_then(|()| SignalFd::with_flags(&set, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK));
    let Ok(signals) = signals else { return };
    loop {
        // First what is due, since that may be a result to be told; nothing
        // that can be said now waits for the next event.
        sandbox.tick();
        // What was written at once made room for more.
        while sandbox.pump() {
            flush(&mut sandbox);
        }
        flush(&mut sandbox);
        if sandbox.should_end(std::time::Instant::now()) || !once(&mut sandbox, &signals) {
            return;
        }
    }
}

/// Waits once. `false` when libvirt asks for the end.
fn once(sandbox: &mut Sandbox, signals: &SignalFd) -> bool {
    let (sources, ready) = wait(sandbox, signals);
    let mut left = Vec::new();
    for (source, now) in sources.into_iter().zip(ready) {
        if now.is_empty() {
            continue;
        }
        match source {
            Source::Signals => {
                while let Ok(Some(signal)) = signals.read_signal() {
                    if signal.ssi_signo == Signal::SIGTERM as u32 {
                        return false;
                    }
                }
                sandbox.reap();
            }
            Source::Listener => accept(sandbox),
            Source::Talk(talk) => {
                if !attend(sandbox, talk, now) {
                    left.push(talk);
                }
            }
            Source::Output(id, stream) => sandbox.fill(id, stream),
            Source::Input => sandbox.write_input(),
            Source::Display(source) => sandbox.hear_display(source),
        }
    }
    left.into_iter().rev().for_each(|talk| leave(sandbox, talk));
    wake_ports(sandbox);
    true
}

fn wait(sandbox: &Sandbox, signals: &SignalFd) -> (Vec<Source>, Vec<PollFlags>) {
    let mut sources = vec![Source::Signals];
    let mut fds = vec![PollFd::new(signals.as_fd(), PollFlags::POLLIN)];
    if let Some(listener) = sandbox.listener.as_ref().filter(|_| !sandbox.is_full()) {
        sources.push(Source::Listener);
        fds.push(PollFd::new(listener.fd(), PollFlags::POLLIN));
    }
    for (index, talk) in sandbox.talks.iter().enumerate().filter(|(_, talk)| !talk.absent) {
        let out = if talk.queued() > 0 { PollFlags::POLLOUT } else { PollFlags::empty() };
        sources.push(Source::Talk(index));
        fds.push(PollFd::new(talk.fd(), PollFlags::POLLIN | out));
    }
    for job in &sandbox.jobs {
        for (index, stream) in job.streams.iter().enumerate().filter(|(_, stream)| job.wants(stream)) {
            if let Some(fd) = &stream.fd {
                sources.push(Source::Output(job.id, index));
                fds.push(PollFd::new(fd.as_fd(), PollFlags::POLLIN));
            }
        }
        if let Some(fd) = job.input_fd().filter(|_| job.has_input()) {
            sources.push(Source::Input);
            fds.push(PollFd::new(fd.as_fd(), PollFlags::POLLOUT));
        }
    }
    for (source, fd) in sandbox.screen.sources() {
        sources.push(Source::Display(source));
        fds.push(PollFd::new(fd, PollFlags::POLLIN));
    }
    let timeout = PollTimeout::try_from(sandbox.patience()).unwrap_or(PollTimeout::MAX);
    let _ = poll(&mut fds, timeout);
    let ready = fds.iter().map(|fd| fd.revents().unwrap_or(PollFlags::empty())).collect();
    (sources, ready)
}

fn accept(sandbox: &mut Sandbox) {
    while !sandbox.is_full() {
        let Some(client) = sandbox.listener.as_ref().and_then(crate::channel::Listener::accept) else {
            return;
        };
        add(sandbox, client);
    }
}

/// Hears a client. `false` if it is gone.
fn attend(sandbox: &mut Sandbox, talk: usize, now: PollFlags) -> bool {
    if now.contains(PollFlags::POLLIN) {
        // Its last words come before its end, which is read too.
        return sandbox.listen(talk);
    }
    !now.intersects(PollFlags::POLLHUP | PollFlags::POLLERR | PollFlags::POLLNVAL)
}

/// A client is gone: a socket for good, a port until the next one.
fn leave(sandbox: &mut Sandbox, talk: usize) {
    let id = sandbox.talks[talk].id;
    sandbox.left(id);
    if sandbox.place == Place::Machine {
        let fresh = sandbox.fresh_id();
        sandbox.talks[talk].reset(fresh);
        sandbox.talks[talk].absent = true;
    } else {
        sandbox.talks.remove(talk);
    }
}

fn wake_ports(sandbox: &mut Sandbox) {
    for talk in sandbox.talks.iter_mut().filter(|talk| talk.absent) {
        talk.absent = talk.still_absent();
    }
}

fn flush(sandbox: &mut Sandbox) {
    for talk in (0..sandbox.talks.len()).rev() {
        let one = &mut sandbox.talks[talk];
        if !one.absent && (!one.flush() || one.is_flooded()) {
            leave(sandbox, talk);
        }
    }
}
