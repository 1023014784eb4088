// SPDX-License-Identifier: LGPL-2.1-or-later
//! A screen for the command: an X server that the command can use and not
//! reach, and what runs beside it.
//!
//! | module | what |
//! |---|---|
//! | [`server`], [`config`], [`devices`] | Xorg, its namespaces and its files |
//! | [`usb`], [`mixer`] | devices for the command: those that are handed in, sound |
//! | [`confined`] | who runs it: a user that the command does not have |
//! | [`watcher`], [`screen`], [`scale`], [`heads`], [`windows`], [`standin`], [`picture`] | copies of init that speak X |
//! | [`beside`], [`socket`], [`later`] | agent, session bus, sound, window manager; when |
//! | [`relay`] | what the agent does not know of the clipboard |
//! | [`life`], [`hear`] | how they live and what they say |

mod beside;
mod config;
mod confined;
mod devices;
mod heads;
mod hear;
mod later;
mod life;
mod mixer;
mod picture;
mod relay;
mod scale;
mod screen;
mod server;
mod socket;
mod standin;
mod usb;
mod watcher;
mod windows;

pub use beside::{daemon_waits, Beside};
pub use devices::sound;
pub use hear::Source;
pub use life::Lost;
pub use mixer::turn_up;

use crate::build::Place;
use crate::channel::set_nonblocking;
use crate::fault::{at, Result};
use crate::ids;
use crate::ring::Ring;
use crate::spawn::Spawned;
use later::Later;
use life::Part;
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::stat::Mode;
use nix::unistd::{chown, pipe2, Pid};
use server::{Ready, Server, Wish};
use socket::Socket;
use std::ffi::OsStr;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use terrarium_protocol::display::{self, DisplayStatus, ScreenSize};
use terrarium_protocol::message::{Failure, Step};
use terrarium_protocol::orders::User;
use watcher::Watcher;

/// What the server and its like wrote last, in bytes.
const LOG: usize = 64 * 1024;
/// The server comes up within this time, or not at all: an emulated machine
/// takes up to 10 s.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long the command waits, once the server is up, for the bus, the window
/// manager and the screen's size. An emulated machine takes 2 s.
const COMPANIONS: Duration = Duration::from_secs(15);
/// Between two looks for something that may never come.
pub const LOOK: Duration = Duration::from_millis(500);
/// Between two looks whether something is there that is about to come. More
/// often would hold it up where a machine is emulated.
pub const SOON: Duration = Duration::from_millis(15);
/// The file with the cookie that the command is given.
const AUTHORITY: &str = "/run/terrarium/Xauthority";

/// The display of a sandbox.
pub struct Display {
    orders: display::Display,
    place: Place,
    uid: u32,
    home: PathBuf,
    /// Whose the command's files are.
    owner: (u32, u32),
    bus: PathBuf,
    /// Where servers listen that come when somebody connects.
    sockets: Vec<(Beside, Socket)>,
    usb: Option<usb::Usb>,
    cookie: [u8; 16],
    server: Option<Server>,
    daemon: Option<Pid>,
    relay: Option<Pid>,
    /// Keeps a container's server listening to its FIFOs.
    sound: Vec<OwnedFd>,
    later: Later,
    watcher: Option<Watcher>,
    log: Ring,
    log_pipe: (OwnedFd, OwnedFd),
    /// When the server was started last.
    begun: Instant,
    /// When it was up.
    up_since: Option<Instant>,
    /// When something had to be started again.
    restarts: Vec<(Part, Instant)>,
    size: ScreenSize,
    /// The server that runs has been given its size.
    sized: bool,
    windows: Option<u32>,
    /// It is not to be started again any more.
    ending: bool,
}

impl Display {
    /// Makes what all its programs share, and starts the server.
    pub fn begin(orders: display::Display, place: Place, user: &User, id_base: u32) -> Result<Self> {
        let uid = ids::display(id_base);
        server::share(uid).map_err(at(Step::Display, "/tmp/.X11-unix"))?;
        if orders.sound && place == Place::Container {
            server::share_sound().map_err(at(Step::Display, config::SOUND))?;
        }
        if let Some(agent) = &orders.agent {
            server::share_agent(uid, agent).map_err(at(Step::Display, "/tmp/.X11-unix/agent"))?;
        }
        let (owner, group) = crate::build::owner(user, id_base, place);
        let bus = PathBuf::from(format!("/run/user/{}/bus", user.uid));
        let sockets = sockets(&orders, user, (owner, group)).map_err(at(Step::Display, "sockets"))?;
        let usb = (orders.usb && place == Place::Machine).then(|| usb::Usb::listen((owner, group)));
        let mut display = Self {
            usb: usb.transpose().map_err(at(Step::Display, "usb"))?,
            later: Later::new(orders.manager_late),
            sockets,
            owner: (owner, group),
            size: orders.size.bounded(),
            orders,
            place,
            uid,
            home: PathBuf::from(OsStr::from_bytes(user.home.as_slice())),
            bus,
            cookie: key_for(owner)?,
            server: None,
            daemon: None,
            relay: None,
            sound: Vec::new(),
            watcher: None,
            log: Ring::new(LOG),
            log_pipe: log_pipe().map_err(at(Step::Display, "log"))?,
            begun: Instant::now(),
            up_since: None,
            restarts: Vec::new(),
            sized: false,
            windows: None,
            ending: false,
        };
        display.start_server()?;
        Ok(display)
    }

    fn start_server(&mut self) -> Result<()> {
        self.begun = Instant::now();
        self.sized = false;
        let wish = Wish {
            place: self.place,
            uid: self.uid,
            program: self.orders.server.as_slice(),
            glx: self.orders.glx,
            agent: self.orders.agent.is_some(),
            sound: self.orders.sound,
            cookie: &self.cookie,
            log: &self.log_pipe.1,
            home: &self.home,
        };
        self.server = Some(Server::start(&wish)?);
        Ok(())
    }

    /// Where a container's sound goes, once its server is up.
    fn offer_sound(&mut self) {
        if self.orders.sound && self.place == Place::Container {
            let made = server::open_sound().and_then(|()| {
                // The command writes into it, and does not read what others do.
                server::make_fifo("playback", 0o622, (self.uid, self.uid))
            });
            self.has_fifo(made);
        }
    }

    /// The same for the server of sound, which opens what it writes into for
    /// reading as well.
    pub fn offer_sound_server(&mut self) {
        if self.sound.len() == 1 {
            self.has_fifo(server::make_fifo("pulse", 0o660, (self.uid, self.owner.1)));
        }
    }

    fn has_fifo(&mut self, made: nix::Result<OwnedFd>) {
        match made {
            Ok(fifo) => self.sound.push(fifo),
            Err(errno) => self.note("sound", errno),
        }
    }

    /// What it was ordered to be.
    pub fn orders(&self) -> &display::Display {
        &self.orders
    }

    /// Whether the server is up, and what programs expect beside it.
    pub fn is_up(&self) -> bool {
        self.server.as_ref().is_some_and(|server| matches!(server.ready, Ready::Up))
    }

    /// Whether the command may start: what does not come holds it up for a
    /// while only.
    pub fn is_ready(&self, prepared: bool) -> bool {
        let manager = self.orders.manager_ready.as_ref().filter(|_| !self.orders.manager_late);
        let manager = manager.map(|path| Path::new(OsStr::from_bytes(path.as_slice())));
        let has_bus = self.orders.bus.is_none() || self.bus.exists();
        let has_all = prepared && self.sized && has_bus && manager.is_none_or(Path::exists);
        let since = self.up_since.map_or(Duration::ZERO, |at| at.elapsed());
        self.is_up() && (has_all || since > COMPANIONS)
    }

    /// Why it will not come up any more, if so.
    pub fn is_late(&self) -> Option<Failure> {
        let late = !self.is_up() && self.begun.elapsed() > PATIENCE;
        late.then(|| self.failure(Errno::ETIMEDOUT))
    }

    /// A failure with what the server said of it.
    pub fn failure(&self, errno: Errno) -> Failure {
        let log = self.log();
        at(Step::Display, first_error(&log).unwrap_or(self.orders.server.as_slice()))(errno)
    }

    /// The end of what its programs wrote.
    pub fn log(&self) -> Vec<u8> {
        self.log.slice(self.log.start(), LOG)
    }

    /// How it is.
    pub fn status(&self, agent: bool) -> DisplayStatus {
        DisplayStatus {
            size: self.size,
            up: self.is_up(),
            agent: agent && self.daemon.is_some(),
            has_windows: self.windows().map(|count| count > 0),
        }
    }

    /// Windows that are there; `None` if nobody counts.
    pub fn windows(&self) -> Option<u32> {
        self.windows.filter(|_| self.watcher.is_some())
    }

    /// The command has started.
    pub fn command_started(&mut self) {
        self.later.command_started();
    }

    /// Starts the agent's daemon once its time has come.
    pub fn tick(&mut self) {
        if self.later.comes_now() && self.is_up() {
            self.start_daemon();
        }
    }

    /// When that is, or the window manager's.
    pub fn next_date(&self) -> Option<Instant> {
        self.later.date()
    }

    /// Whether a program that runs beside may start now.
    pub fn is_due(&self, what: Beside) -> bool {
        match what {
            Beside::Bus => self.socket(what).is_none_or(Socket::is_wanted),
            // What it plays into is there with the screen.
            Beside::Sound => self.is_up() && self.socket(what).is_some_and(Socket::is_wanted),
            Beside::Prepare(_) => self.is_up(),
            // With the size comes what tells programs how large to draw.
            Beside::Manager => {
                let told = self.sized || self.orders.scale == 1;
                self.is_up() && told && !self.later.holds_manager()
            }
            Beside::Agent => self.is_up() && daemon_waits(),
        }
    }

    /// How often to look whether it may, if nothing else wakes init for it.
    pub fn looks_for(&self, what: Beside) -> Option<Duration> {
        match what {
            Beside::Bus | Beside::Sound if self.socket(what).is_some_and(|one| !one.is_wanted()) => None,
            Beside::Manager if self.later.holds_manager() => None,
            // Its daemon may never come; the others are there in no time.
            Beside::Agent => Some(LOOK),
            _ => Some(SOON),
        }
    }

    fn socket(&self, what: Beside) -> Option<&Socket> {
        self.sockets.iter().find(|(of, _)| *of == what).map(|(_, socket)| socket)
    }

    /// Notes whether somebody waits for it.
    fn want(&mut self, what: Beside, wanted: bool) {
        let own = self.sockets.iter_mut().filter(|(of, _)| *of == what);
        own.for_each(|(_, socket)| socket.want(wanted));
    }

    /// What it listens on, if that was made for it.
    pub fn listener(&self, what: Beside) -> Option<BorrowedFd<'_>> {
        self.socket(what).map(Socket::listener)
    }

    /// Adds to the log what somebody said last.
    pub fn note_down(&mut self, about: &str, last_words: &[u8]) {
        self.log.push(about.as_bytes());
        self.log.push(last_words);
    }

    fn note(&mut self, what: &str, errno: Errno) {
        self.log.push(format!("terrarium: {what}: {}\n", errno.desc()).as_bytes());
    }

    /// Asks for another size of the screen.
    pub fn resize(&mut self, size: ScreenSize) {
        let size = size.bounded();
        match &mut self.watcher {
            Some(watcher) => watcher.resize(size),
            // It gets it when it comes.
            None => self.size = size,
        }
    }

    /// A socket for a client of a container's SPICE server.
    pub fn connect(&self) -> nix::Result<OwnedFd> {
        let up = self.server.as_ref().filter(|_| self.is_up() && self.place == Place::Container);
        up.ok_or(Errno::ENODEV)?.connect()
    }

    /// The agent's half that speaks to the display, if it is not the command's
    /// user, who could end it and listen to it.
    pub fn agent(&self) -> Option<nix::Result<Spawned>> {
        let agent = self.orders.agent.as_ref().filter(|agent| !agent.files)?;
        let server = self.server.as_ref().ok_or(Errno::ENODEV);
        Some(server.and_then(|server| beside::agent((self.place, self.uid), agent, server)))
    }

    /// A picture of the screen, as the output of a program.
    pub fn picture(&self) -> nix::Result<Spawned> {
        if !self.is_up() {
            return Err(Errno::ENODEV);
        }
        picture::start(self.place, self.uid, &self.cookie, &self.log_pipe.1)
    }
}

/// Sockets of servers that come when somebody connects.
fn sockets(
    orders: &display::Display,
    user: &User,
    (owner, group): (u32, u32),
) -> nix::Result<Vec<(Beside, Socket)>> {
    let folder = PathBuf::from(format!("/run/user/{}", user.uid));
    let mut all = Vec::new();
    if orders.bus.is_some() && orders.bus_on_demand {
        all.push((Beside::Bus, Socket::listen(&folder.join("bus"), (owner, group))?));
    }
    if orders.sound_server.is_some() {
        let folder = folder.join("pulse");
        nix::unistd::mkdir(&folder, Mode::S_IRWXU)?;
        chown(&folder, Some(owner.into()), Some(group.into()))?;
        all.push((Beside::Sound, Socket::listen(&folder.join("native"), (owner, group))?));
    }
    Ok(all)
}

/// A cookie, in the file that the command is given.
fn key_for(owner: u32) -> Result<[u8; 16]> {
    let mut cookie = [0; 16];
    random(&mut cookie).map_err(at(Step::Display, "cookie"))?;
    std::fs::create_dir_all("/run/terrarium").map_err(crate::fault::io_at(Step::Display, AUTHORITY))?;
    server::give(AUTHORITY, &config::authority(&cookie), owner).map_err(at(Step::Display, AUTHORITY))?;
    Ok(cookie)
}

/// Where the display's programs write; our end does not wait.
fn log_pipe() -> nix::Result<(OwnedFd, OwnedFd)> {
    let pipe = pipe2(OFlag::O_CLOEXEC)?;
    set_nonblocking(&pipe.0)?;
    Ok(pipe)
}

/// The first line with an error of Xorg; some of them are empty.
fn first_error(log: &[u8]) -> Option<&[u8]> {
    let lines = log.split(|&byte| byte == b'\n');
    let mut errors = lines.filter_map(|line| line.strip_prefix(b"(EE) ")).map(<[u8]>::trim_ascii);
    errors.find(|line| !line.is_empty())
}

/// Bytes that nobody can guess.
fn random(bytes: &mut [u8; 16]) -> nix::Result<()> {
    // SAFETY: fills exactly these bytes.
    let got = Errno::result(unsafe { libc::getrandom(bytes.as_mut_ptr().cast(), bytes.len(), 0) })?;
    if got == bytes.len() as isize {
        Ok(())
    } else {
        Err(Errno::EIO)
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn an_error_is_found_among_legends_and_empty_lines() {
        let log = b"\t(WW) warning, (EE) error\n(EE) \n(EE) open /dev/x: No such file\n(EE) more\n";
        assert_eq!(super::first_error(log), Some(&b"open /dev/x: No such file"[..]));
        assert_eq!(super::first_error(b"(EE) \n"), None);
    }
}
