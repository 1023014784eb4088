// SPDX-License-Identifier: LGPL-2.1-or-later
//! What runs beside the server: the agent as the display's user; the session
//! bus, the server of sound and the window manager as the command's, and the
//! agent's half that speaks to the display, if it puts files into the home.

use super::config::{AGENT_POINTER, AGENT_PORT};
use super::confined::{exec, exec_with, nothing, words, Confined};
use super::server::{Server, AGENT_RELAY, AGENT_SOCKET};
use crate::build::Place;
use crate::channel::set_nonblocking;
use crate::spawn::Spawned;
use nix::fcntl::OFlag;
use nix::unistd::{pipe2, Pid};
use std::ffi::CStr;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use terrarium_protocol::display::{Agent, Display};
use terrarium_protocol::orders::Command;
use terrarium_protocol::Bytes;

/// An agent would set the mixer to what spice-glib takes for the viewer's
/// volume: nothing, and muted, as the player that it asks has none.
const NO_MIXER: [&str; 2] = ["ALSA_CONFIG_PATH", "/dev/null"];

/// The same as the display's user, who has no bus and no settings.
const AGENT_ENVIRONMENT: [&CStr; 7] = [
    c"DISPLAY=:0",
    c"XAUTHORITY=/tmp/authority",
    c"ALSA_CONFIG_PATH=/dev/null",
    c"DBUS_SESSION_BUS_ADDRESS=disabled:",
    c"GDK_BACKEND=x11",
    c"GSETTINGS_BACKEND=memory",
    c"NO_AT_BRIDGE=1",
];

/// A program that runs as the command does, beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beside {
    /// The session bus.
    Bus,
    /// The server of sound.
    Sound,
    /// One of the programs that prepare the screen.
    Prepare(usize),
    /// The window manager, or a whole session.
    Manager,
    /// The agent's half that speaks to the display.
    Agent,
}

impl Beside {
    /// What runs, with the environment of the command; `None` if there is no
    /// such program.
    pub fn command(self, display: &Display, like: &Command) -> Option<Command> {
        let argv: Vec<Bytes> = match self {
            Self::Bus => {
                let bus = display.bus.clone()?;
                let address = if display.bus_on_demand {
                    "--address=systemd:".into()
                } else {
                    let address = variable(like, b"DBUS_SESSION_BUS_ADDRESS")?;
                    Bytes([&b"--address="[..], address.as_slice()].concat())
                };
                vec![bus, "--session".into(), address, "--nofork".into(), "--nopidfile".into()]
            }
            Self::Sound => display.sound_server.as_ref()?.argv.clone(),
            Self::Prepare(number) => display.prepare.get(number)?.clone(),
            Self::Manager => display.manager.clone()?,
            Self::Agent => {
                let client = display.agent.as_ref()?.client.clone();
                let options = agent_options().map(Bytes::from);
                [vec![client], options.into(), vec![variable(like, b"HOME")?.clone()]].concat()
            }
        };
        let mut environment = like.environment.clone();
        let own = match self {
            Self::Manager => display.manager_environment.clone(),
            Self::Sound => display.sound_server.as_ref()?.environment.clone(),
            Self::Agent => vec![NO_MIXER.map(Bytes::from).into()],
            _ => Vec::new(),
        };
        environment.retain(|(name, _)| own.iter().all(|(one, _)| one != name));
        environment.extend(own);
        Some(Command { argv, environment, directory: like.directory.clone(), terminal: None })
    }
}

fn variable<'a>(command: &'a Command, name: &[u8]) -> Option<&'a Bytes> {
    command.environment.iter().find(|(one, _)| one.as_slice() == name).map(|(_, value)| value)
}

/// What the agent is told; then comes where files go that are dropped on the
/// screen. In the foreground. It looks whether there is such a port, which
/// only its daemon may open.
fn agent_options() -> [&'static str; 6] {
    let relayed = Path::new(AGENT_RELAY).exists();
    let socket = if relayed { AGENT_RELAY } else { AGENT_SOCKET };
    ["-x", "-S", socket, "-s", AGENT_SOCKET, "-f"]
}

/// Starts the agent's half that speaks to the display, which takes no files.
pub fn agent((place, uid): (Place, u32), agent: &Agent, server: &Server) -> nix::Result<Spawned> {
    let (out, theirs) = pipe2(OFlag::O_CLOEXEC)?;
    let null = nothing()?;
    let descriptors = [null.as_fd(), theirs.as_fd(), theirs.as_fd()];
    let argv = [vec![agent.client.as_slice()], agent_options().map(str::as_bytes).into()].concat();
    let argv = words(argv.into_iter().chain([&b"/nowhere"[..]]))?;
    let confined = Confined { place, uid, descriptors: &descriptors };
    let pid = confined.spawn(|| server.enter(), || exec_with(&argv, &AGENT_ENVIRONMENT))?;
    set_nonblocking(&out)?;
    Ok(Spawned { pid, out, err: None, input: None, slave: None })
}

/// Whether the agent's daemon waits for its other half.
pub fn daemon_waits() -> bool {
    Path::new(AGENT_SOCKET).exists()
}

/// Starts the agent's daemon; `None` if there is nothing for it to speak to.
pub fn daemon(
    place: Place,
    uid: u32,
    agent: &Agent,
    server: &Server,
    log: &OwnedFd,
) -> nix::Result<Option<Pid>> {
    let (port, pointer) = match (place, &server.agent) {
        (Place::Container, _) => (Path::new(AGENT_PORT), Path::new(AGENT_POINTER)),
        (Place::Machine, Some([port, pointer])) => (port.as_path(), pointer.as_path()),
        (Place::Machine, None) => return Ok(None),
    };
    let argv = words([
        agent.daemon.as_slice().to_vec(),
        b"-f".to_vec(),
        b"-x".to_vec(),
        b"-S".to_vec(),
        AGENT_SOCKET.into(),
        b"-s".to_vec(),
        port.as_os_str().as_encoded_bytes().to_vec(),
        b"-u".to_vec(),
        pointer.as_os_str().as_encoded_bytes().to_vec(),
    ])?;
    let null = nothing()?;
    let descriptors = [null.as_fd(), null.as_fd(), log.as_fd()];
    let confined = Confined { place, uid, descriptors: &descriptors };
    // Its socket of before would be in its way.
    let _ = std::fs::remove_file(AGENT_SOCKET);
    confined.spawn(|| server.enter(), || exec(&argv)).map(Some)
}
