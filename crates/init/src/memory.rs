// SPDX-License-Identifier: LGPL-2.1-or-later
//! What happens when memory runs out: who is killed, and whether it was so.

use crate::build::Place;
use std::fs::File;
use std::os::unix::fs::FileExt;

/// Counts such kills in a machine.
const MACHINE: &str = "/proc/vmstat";
/// Where version 2 of cgroups is mounted; below it version 1's `memory`.
const GROUPS: &str = "/sys/fs/cgroup";

/// Files that count such kills in a container: its memory group's, by the
/// group's path or, where that is seen as the root, there.
fn counters(groups: &str) -> Vec<String> {
    let path = |line: &str| {
        let mut fields = line.splitn(3, ':').skip(1);
        let is_it = fields.next()?.split(',').any(|name| name == "memory" || name.is_empty());
        fields.next().filter(|_| is_it).map(|path| path.trim_end_matches('/').to_owned())
    };
    let own = groups.lines().filter_map(path).chain([String::new()]);
    own.flat_map(|path| {
        [format!("{GROUPS}/memory{path}/memory.oom_control"), format!("{GROUPS}{path}/memory.events")]
    })
    .collect()
}

/// How likely a process is to be killed, from -1000 (never) to 1000.
const SCORE: &str = "/proc/self/oom_score_adj";
/// What programs get on top of init's score where init may not lower its own
/// (libvirt's containers): more than a tenth of all memory, which init never
/// has.
const HANDICAP: i32 = 200;

/// Init is the last to be killed: with it the sandbox and its result would go.
pub fn spare_init() {
    // Takes a privilege that a container may lack; then the handicap does it.
    let _ = std::fs::write(SCORE, "-1000");
}

/// In the child that becomes a program.
pub fn come_before_init() {
    let own = std::fs::read_to_string(SCORE).ok().and_then(|text| text.trim().parse().ok()).unwrap_or(0);
    let score = if own < 0 { 0 } else { (own + HANDICAP).min(1000) };
    let _ = std::fs::write(SCORE, score.to_string());
}

/// Watches the counter.
pub struct OutOfMemory {
    file: Option<File>,
    before: u64,
}

impl OutOfMemory {
    /// From now on. The file is opened before the sandbox's root is built,
    /// where it cannot be seen any more.
    pub fn watch(place: Place) -> Self {
        let groups = || std::fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
        let files = if place == Place::Machine { vec![MACHINE.to_owned()] } else { counters(&groups()) };
        let file = files.iter().find_map(|path| File::open(path).ok());
        let mut watch = Self { file, before: 0 };
        watch.before = watch.count();
        watch
    }

    /// Whether it has happened.
    pub fn is_out(&self) -> bool {
        self.count() > self.before
    }

    fn count(&self) -> u64 {
        let mut text = vec![0; 16 * 1024];
        let Some(length) = self.file.as_ref().and_then(|file| file.read_at(&mut text, 0).ok()) else {
            return 0;
        };
        parse(&String::from_utf8_lossy(&text[..length]))
    }
}

fn parse(text: &str) -> u64 {
    let line = text.lines().find_map(|line| line.strip_prefix("oom_kill "));
    line.and_then(|count| count.trim().parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_counter_is_that_of_the_own_group() {
        let first = |groups: &str| super::counters(groups).swap_remove(0);
        assert_eq!(
            first("8:pids:/x\n4:memory:/machine/a\n0::/\n"),
            "/sys/fs/cgroup/memory/machine/a/memory.oom_control"
        );
        assert_eq!(super::counters("0::/machine/a\n")[1], "/sys/fs/cgroup/machine/a/memory.events");
        assert_eq!(super::counters("")[1], "/sys/fs/cgroup/memory.events");
    }

    #[test]
    fn the_count_is_found_among_others() {
        assert_eq!(super::parse("oom_kill_disable 0\nunder_oom 0\noom_kill 3\n"), 3);
        assert_eq!(super::parse("nothing"), 0);
    }
}
