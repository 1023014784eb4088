// SPDX-License-Identifier: LGPL-2.1-or-later
//! What this computer has for sandboxes with a screen. All of it runs inside
//! them, from the root that they are shown.

use super::keyboard::{self, Keyboard};
use super::look::{self, Look};
use super::Family;
use serde::{Deserialize, Serialize};
use std::fs;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Programs, drivers and looks for a screen.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Displays {
    /// Xorg's program itself: neither the script that calls it nor a setuid
    /// wrapper.
    pub server: Option<PathBuf>,
    /// Its driver that is a SPICE server, for containers.
    pub spiceqxl: bool,
    /// Its driver for the kernel's screens, for machines.
    pub modesetting: bool,
    /// Its driver for the kernel's keyboards and tablets, for machines.
    pub evdev: bool,
    /// xkbcomp, without which it has no keyboard.
    pub keymaps: bool,
    /// SPICE's agent.
    pub agent: Option<Agent>,
    /// The small window manager.
    pub openbox: Option<PathBuf>,
    /// dbus-daemon.
    pub bus: Option<PathBuf>,
    /// Whether that can be started by the first who connects.
    pub bus_on_demand: bool,
    /// PulseAudio's server, if it can be started by the first who connects.
    pub pulseaudio: Option<PathBuf>,
    /// setxkbmap, which sets the layout of a keyboard.
    pub setxkbmap: Option<PathBuf>,
    /// The layout here.
    pub keyboard: Keyboard,
    /// How programs look here.
    pub look: Look,
}

/// SPICE's agent, which carries the clipboard and files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Agent {
    /// spice-vdagentd.
    pub daemon: PathBuf,
    /// spice-vdagent.
    pub client: PathBuf,
}

/// One thing that a screen needs or is better with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Piece {
    /// Xorg.
    Server,
    /// See [`Displays::spiceqxl`].
    Spiceqxl,
    /// See [`Displays::modesetting`].
    Modesetting,
    /// See [`Displays::evdev`].
    Evdev,
    /// See [`Displays::keymaps`].
    Keymaps,
    /// See [`Displays::agent`].
    Agent,
    /// See [`Displays::openbox`].
    Manager,
    /// See [`Displays::bus`].
    Bus,
    /// See [`Displays::pulseaudio`].
    Sound,
}

impl Piece {
    /// The package that has it.
    #[must_use]
    pub fn package(self, family: Family) -> &'static str {
        let [debian, fedora, suse, arch] = match self {
            Self::Server | Self::Modesetting => {
                ["xserver-xorg-core", "xorg-x11-server-Xorg", "xorg-x11-server", "xorg-server"]
            }
            Self::Spiceqxl => {
                ["xserver-xspice", "xorg-x11-server-Xspice", "xorg-x11-server-Xspice", "xf86-video-qxl"]
            }
            Self::Evdev => {
                ["xserver-xorg-input-evdev", "xorg-x11-drv-evdev", "xf86-input-evdev", "xf86-input-evdev"]
            }
            Self::Keymaps => ["x11-xkb-utils", "xkbcomp", "xkbcomp", "xorg-xkbcomp"],
            Self::Agent => ["spice-vdagent"; 4],
            Self::Manager => ["openbox"; 4],
            Self::Bus => ["dbus", "dbus-daemon", "dbus-1", "dbus"],
            Self::Sound => ["pulseaudio"; 4],
        };
        match family {
            Family::Debian | Family::Other => debian,
            Family::Fedora => fedora,
            Family::Suse => suse,
            Family::Arch => arch,
        }
    }
}

impl Displays {
    /// Whether it is here.
    #[must_use]
    pub fn has(&self, piece: Piece) -> bool {
        match piece {
            Piece::Server => self.server.is_some(),
            Piece::Spiceqxl => self.spiceqxl,
            Piece::Modesetting => self.modesetting,
            Piece::Evdev => self.evdev,
            Piece::Keymaps => self.keymaps,
            Piece::Agent => self.agent.is_some(),
            Piece::Manager => self.openbox.is_some(),
            Piece::Bus => self.bus.is_some(),
            Piece::Sound => self.pulseaudio.is_some(),
        }
    }
}

/// Where distributions put Xorg, those first that have a script elsewhere.
const SERVERS: &[&str] = &["usr/lib/xorg/Xorg", "usr/libexec/Xorg", "usr/lib/Xorg", "usr/bin/Xorg"];
/// Where they put its drivers.
const MODULES: &[&str] =
    &["usr/lib/xorg/modules", "usr/lib64/xorg/modules", "usr/lib/x86_64-linux-gnu/xorg/modules"];
/// Where they put programs.
const PROGRAMS: &[&str] = &["usr/bin", "usr/sbin"];

/// What is there below `top`; `config` is the user's folder of settings.
#[must_use]
pub fn probe(top: &Path, config: &Path, gtk_theme: Option<&str>) -> Displays {
    let absolute = |path: &str| Path::new("/").join(path);
    let program = |name: &str| {
        let paths = PROGRAMS.iter().map(|folder| format!("{folder}/{name}"));
        paths.into_iter().find(|path| is_executable(&top.join(path))).map(|path| absolute(&path))
    };
    let module = |name: &str| MODULES.iter().any(|folder| top.join(folder).join(name).is_file());
    let bus = program("dbus-daemon");
    let below = |path: &Path| top.join(path.strip_prefix("/").unwrap_or(path));
    let agent = program("spice-vdagentd").zip(program("spice-vdagent"));
    Displays {
        server: SERVERS.iter().find(|path| is_server(&top.join(path))).map(|path| absolute(path)),
        spiceqxl: module("drivers/spiceqxl_drv.so"),
        modesetting: module("drivers/modesetting_drv.so"),
        evdev: module("input/evdev_drv.so"),
        keymaps: program("xkbcomp").is_some(),
        agent: agent.map(|(daemon, client)| Agent { daemon, client }),
        openbox: program("openbox"),
        bus_on_demand: bus.as_ref().is_some_and(|bus| takes_sockets(&below(bus))),
        bus,
        pulseaudio: program("pulseaudio").filter(|program| takes_sockets(&below(program))),
        setxkbmap: program("setxkbmap"),
        keyboard: keyboard::keyboard(top, |name| std::env::var(name).ok()),
        look: look::look(config, gtk_theme),
    }
}

fn is_executable(path: &Path) -> bool {
    path.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

/// Whether it is a program, and one that gains nothing when it is run.
fn is_server(path: &Path) -> bool {
    let mut magic = [0; 4];
    let is_elf =
        fs::File::open(path).and_then(|mut file| file.read_exact(&mut magic)).is_ok() && magic == *b"\x7fELF";
    is_elf
        && is_executable(path)
        && path.metadata().is_ok_and(|metadata| metadata.permissions().mode() & 0o6000 == 0)
}

/// Whether a server was built with systemd's library, and so listens on a
/// socket that it is handed.
fn takes_sockets(server: &Path) -> bool {
    const LIBRARY: &[u8] = b"libsystemd.so";
    const MOST: u64 = 8 << 20;
    let mut bytes = Vec::new();
    let read = fs::File::open(server).and_then(|file| file.take(MOST).read_to_end(&mut bytes));
    read.is_ok() && bytes.windows(LIBRARY.len()).any(|part| part == LIBRARY)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(top: &Path, path: &str, content: &[u8], mode: u32) {
        let path = top.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn scripts_and_wrappers_are_no_servers() {
        let top = tempfile::tempdir().unwrap();
        let server = || probe(top.path(), Path::new("/nonexistent"), None).server;
        assert_eq!(server(), None);
        put(top.path(), "usr/lib/xorg/Xorg", b"#!/bin/sh\n", 0o755);
        put(top.path(), "usr/libexec/Xorg", b"\x7fELF", 0o4755);
        put(top.path(), "usr/lib/Xorg", b"\x7fELF", 0o644);
        assert_eq!(server(), None);
        put(top.path(), "usr/bin/Xorg", b"\x7fELF", 0o755);
        assert_eq!(server(), Some("/usr/bin/Xorg".into()));
        put(top.path(), "usr/libexec/Xorg", b"\x7fELF", 0o755);
        assert_eq!(server(), Some("/usr/libexec/Xorg".into()));
    }

    #[test]
    fn what_is_there_is_found_and_the_rest_is_not() {
        let top = tempfile::tempdir().unwrap();
        put(top.path(), "usr/lib64/xorg/modules/drivers/spiceqxl_drv.so", b"", 0o644);
        put(top.path(), "usr/lib/xorg/modules/drivers/evdev_drv.so", b"", 0o644);
        put(top.path(), "usr/sbin/spice-vdagentd", b"", 0o755);
        put(top.path(), "usr/bin/dbus-daemon", b"\x7fELF libsystemd.so.0", 0o755);
        put(top.path(), "usr/bin/pulseaudio", b"\x7fELF", 0o755);
        let found = probe(top.path(), Path::new("/nonexistent"), None);
        assert!(found.has(Piece::Spiceqxl) && found.has(Piece::Bus));
        assert_eq!(found.bus, Some("/usr/bin/dbus-daemon".into()));
        assert!(found.bus_on_demand);
        assert!(!found.has(Piece::Sound), "nobody could start it when it is wanted");
        put(top.path(), "usr/bin/pulseaudio", b"\x7fELF libsystemd.so.0", 0o755);
        let again = probe(top.path(), Path::new("/nonexistent"), None);
        assert_eq!(again.pulseaudio, Some("/usr/bin/pulseaudio".into()));
        assert!(!found.has(Piece::Evdev), "it is no driver for a screen");
        assert!(!found.has(Piece::Agent), "one half of it is none");
        put(top.path(), "usr/bin/spice-vdagent", b"", 0o755);
        let agent = probe(top.path(), Path::new("/nonexistent"), None).agent.unwrap();
        assert_eq!(agent.daemon, Path::new("/usr/sbin/spice-vdagentd"));
    }
}
