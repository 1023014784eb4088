// SPDX-License-Identifier: LGPL-2.1-or-later
//! Pid 1 of every sandbox, in a container and in a machine.
//!
//! | module | what |
//! |---|---|
//! | [`event`] | the loop: one thread, one poll |
//! | [`sandbox`] | clients, jobs and time: what is done about each event |
//! | [`channel`], [`conversation`] | where clients come from; their frames |
//! | [`job`], [`ring`], [`hangup`] | a program, its streams, its end |
//! | [`build`], [`network`], [`modules`] | what the command sees |
//! | [`layer`] | what was written, handed out |
//! | [`display`] | a screen for the command |
//! | [`guard`] | another role: whom sandboxes may talk to |
//! | [`spawn`], [`ids`], [`confine`] | how it is started, and as what |
//!
//! It trusts its orders, which come from the engine over a channel that only
//! the owner can reach, and nothing that the command does.

mod build;
mod channel;
mod confine;
mod conversation;
mod display;
mod event;
mod fault;
mod guard;
mod hangup;
mod ids;
mod job;
mod layer;
mod machine;
mod memory;
mod modules;
mod network;
mod ring;
mod sandbox;
mod spawn;
#[allow(dead_code)]
mod syscalls;

use build::Place;
use channel::Listener;
use sandbox::Sandbox;

fn main() {
    if std::env::args_os().nth(1).is_some_and(|role| role == "guard") {
        let _ = nix::sys::prctl::set_dumpable(false);
        return guard::run();
    }
    let is_machine = machine::is_here();
    if is_machine {
        machine::begin();
    }
    // A program that joins the command's namespaces is init's copy until it
    // has given up everything: nobody inside may trace it, or look into it.
    let _ = nix::sys::prctl::set_dumpable(false);
    memory::spare_init();
    if is_machine {
        let early = modules::load();
        let ports = channel::ports(std::time::Duration::from_secs(10));
        if ports.is_empty() {
            // Nobody can be told; the host sees a machine that ended.
            machine::end();
        }
        let mut sandbox = Sandbox::new(Place::Machine, None, early);
        for port in ports {
            event::add(&mut sandbox, port);
        }
        event::run(sandbox);
        machine::end();
    }
    match Listener::inherit() {
        Ok(listener) => {
            // libvirt's controller is our parent; without it nobody could end
            // this container properly.
            let _ = nix::sys::prctl::set_pdeathsig(nix::sys::signal::Signal::SIGKILL);
            event::run(Sandbox::new(Place::Container, Some(listener), Vec::new()));
        }
        Err(error) => eprintln!("terrarium-init: descriptor 3 is no listening socket: {error}"),
    }
}
