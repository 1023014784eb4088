// SPDX-License-Identifier: LGPL-2.1-or-later
//! Whether something was killed because memory ran out.

use crate::build::Place;
use std::fs::File;
use std::os::unix::fs::FileExt;

/// Files that count such kills: a machine's own, a container's by its memory
/// cgroup (version 2, version 1). They are opened before the sandbox's root
/// is built, where they cannot be seen any more.
const MACHINE: &[&str] = &["/proc/vmstat"];
const CONTAINER: &[&str] = &["/sys/fs/cgroup/memory.events", "/sys/fs/cgroup/memory/memory.oom_control"];

/// Watches the counter.
pub struct OutOfMemory {
    file: Option<File>,
    before: u64,
}

impl OutOfMemory {
    /// From now on.
    pub fn watch(place: Place) -> Self {
        let files = if place == Place::Machine { MACHINE } else { CONTAINER };
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
    fn the_count_is_found_among_others() {
        assert_eq!(super::parse("oom_kill_disable 0\nunder_oom 0\noom_kill 3\n"), 3);
        assert_eq!(super::parse("nothing"), 0);
    }
}
