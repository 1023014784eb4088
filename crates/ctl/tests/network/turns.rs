// SPDX-License-Identifier: LGPL-2.1-or-later
//! Who may be tested beside whom, and that nobody meets what a test that was
//! killed has left.

use super::*;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// Beside whom.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Guarded,
    Filtered,
    Alone,
}

/// Tests that are running, and those that wait: first come, first served.
struct State {
    next: u64,
    served: u64,
    kind: Kind,
    count: usize,
}

static STATE: Mutex<State> = Mutex::new(State { next: 0, served: 0, kind: Kind::Alone, count: 0 });
static CHANGED: Condvar = Condvar::new();

fn state() -> MutexGuard<'static, State> {
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A test's turn, until it is over. To be taken before anything that it begins.
pub struct Turn(());

/// Beside others whose sandboxes the guard guards.
pub fn guarded() -> Turn {
    take(Kind::Guarded)
}

/// Beside others where libvirt's filter enforces: the guard lets through nobody
/// whom it does not know.
pub fn filtered() -> Turn {
    take(Kind::Filtered)
}

/// Beside nobody: for what is about all that there is.
pub fn alone() -> Turn {
    take(Kind::Alone)
}

fn take(kind: Kind) -> Turn {
    let mut state = state();
    let number = state.next;
    state.next += 1;
    while state.served != number || state.count > 0 && (state.kind != kind || kind == Kind::Alone) {
        state = CHANGED.wait(state).unwrap_or_else(PoisonError::into_inner);
    }
    if state.count == 0 {
        end_what_is_left();
    }
    (state.served, state.kind, state.count) = (number + 1, kind, state.count + 1);
    CHANGED.notify_all();
    Turn(())
}

impl Drop for Turn {
    fn drop(&mut self) {
        state().count -= 1;
        CHANGED.notify_all();
    }
}

/// The stem of the names of this suite's sandboxes.
pub const STEM: &str = "net";

/// No test runs: what there is of ours and of the dead nobody needs any more.
/// Others of the user may be tested by another program.
fn end_what_is_left() {
    common::net::end_worlds_of_the_dead();
    let own = format!("{STEM}-{}-", std::process::id());
    // Whoever waits for a turn waits for this, so it does not panic.
    let listed = USER.ctl().args(["list", "--json"]).output().unwrap();
    let all: Vec<serde_json::Value> = serde_json::from_slice(&listed.stdout).unwrap_or_default();
    for one in all {
        let name = one["name"].as_str().unwrap_or_default();
        let is_ours = name.strip_prefix(STEM).is_some_and(common::net::is_of_the_dead);
        if is_ours || name.starts_with(&own) {
            println!("left by another test: {name}");
            drop(Stop { user: USER, name: name.to_owned() });
        }
    }
    // In the guard's place, from a test that was killed.
    let virsh = |words: &[&str]| {
        out(&std::process::Command::new("virsh").args(["-qc", "lxc:///system"]).args(words).output().unwrap())
    };
    if virsh(&["dumpxml", &guard()]).contains("<init>/bin/sleep</init>") {
        virsh(&["destroy", &guard()]);
    }
}

static GUARD: RwLock<()> = RwLock::new(());

/// For a test that takes the guard to live.
pub fn guard_lives() -> RwLockReadGuard<'static, ()> {
    GUARD.read().unwrap_or_else(PoisonError::into_inner)
}

/// For one that ends it.
pub fn guard_dies() -> RwLockWriteGuard<'static, ()> {
    GUARD.write().unwrap_or_else(PoisonError::into_inner)
}

/// For whoever listens to everything, or sends as much as goes through.
pub fn wire() -> MutexGuard<'static, ()> {
    static WIRE: Mutex<()> = Mutex::new(());
    WIRE.lock().unwrap_or_else(PoisonError::into_inner)
}
