// SPDX-License-Identifier: LGPL-2.1-or-later
//! The end of a sandbox that lasts until all have ended: who is left in it.

use super::Sandbox;
use crate::display::{Display, LOOK};
use crate::job::Job;
use nix::unistd::Pid;
use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::time::{Duration, Instant};
use terrarium_protocol::orders::Until;

/// Without a window for this long a program has none; one that hands over to
/// another needs a moment.
const WINDOWLESS: Duration = Duration::from_secs(2);

/// Who is left in a sandbox whose command has ended.
enum Left {
    /// Only the display's own.
    Nobody,
    /// What a bus has started, too; one of them may be about to show a window.
    Services,
    /// Somebody else.
    Others,
}

impl Sandbox {
    /// A sandbox that lasts until all have ended does not last for the sake of
    /// its display: it ends when the command has, no window is left, and
    /// whoever is left belongs to the display.
    pub(super) fn notice_that_only_the_display_is_left(&mut self) {
        let Some(command) = self.command().filter(|job| job.has_ended()) else { return };
        // Who asked for the end does not wait for a window that may still come.
        let asked = command.stop_asked;
        if self.until != Until::All || self.over_since.is_some() || self.looked_lately() {
            return;
        }
        let Some(display) = self.screen.display.as_ref().filter(|display| !display.is_ending()) else {
            return;
        };
        if asked {
            if !matches!(self.who_is_left(), Left::Others) {
                self.end_the_rest();
            }
            return;
        }
        if display.windows().unwrap_or(0) > 0 {
            self.screen.windowless_since = None;
            return;
        }
        let since = *self.screen.windowless_since.get_or_insert_with(Instant::now);
        let over = match self.who_is_left() {
            Left::Others => false,
            Left::Services => since.elapsed() >= WINDOWLESS,
            Left::Nobody => true,
        };
        if over {
            self.end_the_rest();
        }
    }

    fn looked_lately(&mut self) -> bool {
        if self.screen.looked.is_some_and(|at| at.elapsed() < LOOK) {
            return true;
        }
        self.screen.looked = Some(Instant::now());
        false
    }

    /// Who is left beside the display's own.
    fn who_is_left(&self) -> Left {
        let mut own: Vec<i32> = self.screen.display.iter().flat_map(Display::pids).map(Pid::as_raw).collect();
        let is_beside = |job: &&Job| self.screen.beside.iter().any(|(id, _)| *id == job.id);
        own.extend(self.jobs.iter().filter(is_beside).filter_map(|job| job.pid).map(Pid::as_raw));
        let parents = parents();
        if !any_other(&parents, &own) {
            return Left::Nobody;
        }
        own.extend(parents.keys().filter(|&&pid| is_a_service(pid)));
        if any_other(&parents, &own) {
            Left::Others
        } else {
            Left::Services
        }
    }
}

/// Whether a bus started a process: it says so in the environment. Who claims
/// it without being one has given up its say in when the sandbox ends.
fn is_a_service(pid: i32) -> bool {
    const MOST: u64 = 256 * 1024;
    let mut text = Vec::new();
    let read =
        File::open(format!("/proc/{pid}/environ")).and_then(|file| file.take(MOST).read_to_end(&mut text));
    read.is_ok() && text.split(|&byte| byte == 0).any(|pair| pair.starts_with(b"DBUS_STARTER_BUS_TYPE="))
}

/// Each process and its parent, without the kernel's own.
fn parents() -> HashMap<i32, i32> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let one = |entry: std::fs::DirEntry| {
        let pid = entry.file_name().to_str()?.parse().ok()?;
        let stat = std::fs::read_to_string(entry.path().join("stat")).ok()?;
        Some((pid, parent(&stat)?))
    };
    entries.filter_map(one).filter(|&(pid, parent)| pid > 2 && parent != 2 && parent != 0).collect()
}

/// The fourth field; the second, in brackets, may hold anything.
fn parent(stat: &str) -> Option<i32> {
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    // What has ended and was not reaped yet is nobody.
    match fields.next()? {
        "Z" | "X" => None,
        _ => fields.next()?.parse().ok(),
    }
}

fn any_other(parents: &HashMap<i32, i32>, own: &[i32]) -> bool {
    let belongs = |mut pid: i32| {
        // A tree is not deeper than it has members.
        for _ in 0..parents.len() {
            if own.contains(&pid) {
                return true;
            }
            match parents.get(&pid) {
                Some(&parent) if parent > 1 => pid = parent,
                _ => return false,
            }
        }
        false
    };
    parents.keys().any(|&pid| !belongs(pid))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_of_the_bus_are_nobody_and_orphans_are_somebody() {
        let tree: HashMap<i32, i32> = [(10, 1), (11, 10), (12, 11), (20, 1)].into();
        assert!(!any_other(&tree, &[10, 20]));
        assert!(any_other(&tree, &[10]));
        assert!(any_other(&tree, &[11, 20]));
        assert!(!any_other(&HashMap::new(), &[]));
    }

    #[test]
    fn a_name_with_brackets_hides_no_parent() {
        assert_eq!(parent("7 (a) Z) S 5 7 7"), Some(5));
        assert_eq!(parent("7 (a) Z 5 7 7"), None);
        assert_eq!(parent("garbage"), None);
    }
}
