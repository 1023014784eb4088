// SPDX-License-Identifier: LGPL-2.1-or-later
//! A machine's devices for its display: found in /sys, made anew where only
//! the server sees them.

use nix::errno::Errno;
use nix::sys::stat::{makedev, mknod, Mode, SFlag};
use nix::unistd::{chown, Gid, Uid};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How long the kernel may take to find them.
const PATIENCE: Duration = Duration::from_secs(5);

/// Where libdrm looks for screens, whatever it is told.
pub const SCREENS: &str = "/dev/dri";

/// Paths of the devices.
#[derive(Clone, Debug)]
pub struct Devices {
    /// The screen.
    pub card: String,
    /// The keyboard.
    pub keyboard: String,
    /// The tablet or mouse.
    pub pointer: String,
}

/// A character device of the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Number {
    major: u64,
    minor: u64,
}

/// Devices that were found.
pub struct Found {
    card: Number,
    keyboard: Number,
    pointer: Number,
    agent: Option<(Number, Number)>,
}

/// Looks until screen, keyboard and pointer are there.
pub fn find() -> Result<Found, &'static str> {
    let begun = Instant::now();
    loop {
        let found = (screen(), input(&["Keyboard", "keyboard"]), input(&["Tablet", "Mouse", "mouse"]));
        match found {
            (Some(card), Some(keyboard), Some(pointer)) => {
                let agent = port("com.redhat.spice.0").zip(number(Path::new("/sys/class/misc/uinput")));
                return Ok(Found { card, keyboard, pointer, agent });
            }
            (card, keyboard, _) if begun.elapsed() > PATIENCE => {
                return Err(match (card, keyboard) {
                    (None, _) => "screen",
                    (_, None) => "keyboard",
                    _ => "pointer",
                });
            }
            _ => std::thread::sleep(Duration::from_millis(10)),
        }
    }
}

impl Found {
    /// Makes them in `folder`, and the screen where libdrm looks for it, for
    /// `owner` alone.
    pub fn make(&self, folder: &Path, owner: u32) -> nix::Result<Devices> {
        let node = |path: PathBuf, number: Number| {
            let mode = Mode::from_bits_truncate(0o600);
            mknod(&path, SFlag::S_IFCHR, mode, makedev(number.major, number.minor))?;
            chown(&path, Some(Uid::from_raw(owner)), Some(Gid::from_raw(owner)))?;
            path.into_os_string().into_string().map_err(|_| Errno::EINVAL)
        };
        if let Some((port, pointer)) = self.agent {
            node(folder.join("agent"), port)?;
            node(folder.join("uinput"), pointer)?;
        }
        Ok(Devices {
            card: node(Path::new(SCREENS).join("card0"), self.card)?,
            keyboard: node(folder.join("keyboard"), self.keyboard)?,
            pointer: node(folder.join("pointer"), self.pointer)?,
        })
    }

    /// Where the agent's port and its uinput are once they are made.
    pub fn agent(&self, folder: &Path) -> Option<[PathBuf; 2]> {
        self.agent.map(|_| [folder.join("agent"), folder.join("uinput")])
    }
}

fn entries(folder: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    paths.sort();
    paths
}

fn named(path: &Path, prefix: &str) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(prefix))
}

fn number(path: &Path) -> Option<Number> {
    parse(&fs::read_to_string(path.join("dev")).ok()?)
}

fn parse(text: &str) -> Option<Number> {
    let (major, minor) = text.trim().split_once(':')?;
    Some(Number { major: major.parse().ok()?, minor: minor.parse().ok()? })
}

fn screen() -> Option<Number> {
    let cards = entries("/sys/class/drm").into_iter();
    cards.filter(|path| named(path, "card")).find_map(|path| number(&path))
}

/// The event device of the first input whose name holds one of these words,
/// the earlier word first.
fn input(words: &[&str]) -> Option<Number> {
    let events: Vec<_> =
        entries("/sys/class/input").into_iter().filter(|path| named(path, "event")).collect();
    let has = |path: &Path, word: &str| {
        fs::read_to_string(path.join("device/name")).is_ok_and(|name| name.contains(word))
    };
    words.iter().find_map(|word| events.iter().find(|path| has(path, word)).and_then(|path| number(path)))
}

fn port(name: &str) -> Option<Number> {
    let is = |path: &PathBuf| fs::read_to_string(path.join("name")).is_ok_and(|found| found.trim() == name);
    entries("/sys/class/virtio-ports").into_iter().find(is).and_then(|path| number(&path))
}

/// Sound devices, as /dev/snd has them: name and number. The kernel finds them
/// in its own time; without any after a while there is no sound.
pub fn sound() -> Vec<(String, u64, u64)> {
    let begun = Instant::now();
    let is_there = || entries("/sys/class/sound").iter().any(|path| named(path, "controlC"));
    while !is_there() && begun.elapsed() < PATIENCE {
        std::thread::sleep(Duration::from_millis(10));
    }
    let one = |path: PathBuf| {
        let number = number(&path)?;
        Some((path.file_name()?.to_str()?.to_owned(), number.major, number.minor))
    };
    entries("/sys/class/sound").into_iter().filter_map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_the_kernel_writes_them() {
        assert_eq!(parse("226:0\n"), Some(Number { major: 226, minor: 0 }));
        assert_eq!(parse("226"), None);
        assert_eq!(parse(":"), None);
    }
}
