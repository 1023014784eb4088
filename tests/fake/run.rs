// SPDX-License-Identifier: LGPL-2.1-or-later
//! A sandbox of the fake: a thread that plays its command.

use std::path::PathBuf;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use terrarium_engine::sandbox::Summary;
use terrarium_protocol::display::{DisplayStatus, ScreenSize};
use terrarium_protocol::message::{Ending, Failure, Outcome, Step};
use terrarium_protocol::orders::Size;

/// One sandbox.
pub struct Run {
    pub summary: Summary,
    pub path: PathBuf,
    pub inside: Mutex<Inside>,
    pub changed: Condvar,
    /// What it writes is thrown away once nobody looks at it.
    pub lingers: bool,
    /// What it got copies of, and where.
    pub copies: Vec<(PathBuf, PathBuf)>,
    /// What it may write in place.
    pub written: Vec<PathBuf>,
}

/// What its thread and its clients share.
#[derive(Default)]
pub struct Inside {
    pub output: Vec<u8>,
    pub input: Vec<u8>,
    pub size: Option<Size>,
    pub sizes: Vec<Size>,
    pub keyboard: u32,
    pub clients: u32,
    pub result: Option<Outcome>,
    pub gone: bool,
    pub paused: bool,
    pub received: bool,
    pub usage: u64,
    pub screen: Option<ScreenSize>,
    pub display: Option<DisplayStatus>,
    pub full: bool,
}

pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Run {
    pub fn change(&self, work: impl FnOnce(&mut Inside)) {
        work(&mut lock(&self.inside));
        self.changed.notify_all();
    }

    pub fn wait<T>(&self, mut ready: impl FnMut(&mut Inside) -> Option<T>) -> T {
        let mut inside = lock(&self.inside);
        loop {
            if let Some(answer) = ready(&mut inside) {
                return answer;
            }
            inside = self.changed.wait(inside).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Waits at most so long.
    pub fn within(&self, wait: Duration, is_so: impl Fn(&Inside) -> bool) {
        let inside = lock(&self.inside);
        drop(self.changed.wait_timeout_while(inside, wait, |inside| !is_so(inside)));
    }

    pub fn end(&self, ending: Ending) {
        let stopped = matches!(ending, Ending::Signalled { stopped: true, .. });
        let outcome = Outcome { ending, duration: 1200, out_of_memory: false, dropped: 0, stopped };
        self.change(|inside| inside.result = inside.result.take().or(Some(outcome)));
    }

    pub fn play(&self, argv: &[String]) {
        let word = |index: usize| argv.get(index).map_or("", String::as_str);
        let exit = |code: u8| self.end(Ending::Exited { code });
        match word(0) {
            "print" => {
                let text = word(1).replace('\n', "\r\n");
                self.change(|inside| inside.output.extend(text.as_bytes()));
                exit(word(2).parse().unwrap_or(0));
            }
            "flood" => {
                let count = word(1).parse().unwrap_or(0);
                let line = b"0123456789 abcdefghijklmnopqrstuvwxyz ABCDEFGHIJKLMNOPQRSTUVWXYZ\r\n";
                let flood = line.iter().copied().cycle().take(count);
                self.change(|inside| inside.output.extend(flood));
                exit(0);
            }
            "echo" => {
                while self.echo() {}
                exit(0);
            }
            // Whoever ends it has to use force.
            "stubborn" => self.within(Duration::MAX, |inside| inside.result.is_some()),
            "missing" => {
                let failure = Failure { step: Step::NotFound, object: "missing".into(), errno: 2 };
                self.end(Ending::Failed(failure));
            }
            "crash" | "vanish" => self.change(|inside| inside.gone = true),
            _ => exit(127),
        }
    }

    /// Writes back what was typed; `false` after a `q`, or when it was ended.
    pub fn echo(&self) -> bool {
        let goes_on = self.wait(|inside| match std::mem::take(&mut inside.input) {
            _ if inside.result.is_some() => Some(false),
            typed if typed.is_empty() => None,
            typed => {
                inside.output.extend(&typed);
                Some(!typed.contains(&b'q'))
            }
        });
        // Whoever sends it may have looked before.
        self.changed.notify_all();
        goes_on
    }
}
