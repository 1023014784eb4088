// SPDX-License-Identifier: LGPL-2.1-or-later
//! A screen for the command: an X server that the command can use and not
//! reach, and what runs beside it.
//!
//! | module | what |
//! |---|---|
//! | [`server`], [`config`], [`devices`] | Xorg, its namespaces and its files |
//! | [`confined`] | who runs it: a user that the command does not have |
//! | [`watcher`], [`news`], [`screen`], [`heads`], [`windows`], [`picture`] | copies of init that speak X |
//! | [`beside`], [`later`] | agent, session bus, window manager; when |

mod beside;
mod config;
mod confined;
mod devices;
mod heads;
mod later;
mod news;
mod picture;
mod screen;
mod server;
mod watcher;
mod windows;

pub use beside::{daemon_waits, Beside};
pub use devices::sound;
pub use news::News;

use crate::build::Place;
use crate::channel::set_nonblocking;
use crate::fault::{at, Result};
use crate::ids;
use crate::ring::Ring;
use crate::spawn::Spawned;
use later::Later;
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::signal::{kill, Signal};
use nix::unistd::{pipe2, read, Pid};
use server::{Ready, Server, Wish};
use std::ffi::OsStr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
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
/// How often something that keeps ending is started again within
/// [`WHILE`], before it is left alone.
const TRIES: usize = 5;
const WHILE: Duration = Duration::from_secs(60);
/// The file with the cookie that the command is given.
const AUTHORITY: &str = "/run/terrarium/Xauthority";

/// The display of a sandbox.
pub struct Display {
    orders: display::Display,
    place: Place,
    uid: u32,
    home: PathBuf,
    bus: PathBuf,
    cookie: [u8; 16],
    server: Option<Server>,
    daemon: Option<Pid>,
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

/// Something that there is to read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// The server says that it is up.
    Ready,
    /// The copy that speaks X.
    Watcher,
    /// The log.
    Log,
}

/// What may be started again.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Server,
    Daemon,
    Watcher,
    Beside(Beside),
}

/// A process of the display that has ended.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Lost {
    /// The server, before it was up.
    Start,
    /// Something that was started again, or is to be.
    Other,
}

impl Display {
    /// Makes what all its programs share, and starts the server.
    pub fn begin(orders: display::Display, place: Place, user: &User, id_base: u32) -> Result<Self> {
        let uid = ids::display(id_base);
        let fail = || at(Step::Display, "/tmp/.X11-unix");
        server::share(uid).map_err(fail())?;
        let mut cookie = [0; 16];
        random(&mut cookie).map_err(at(Step::Display, "cookie"))?;
        let (owner, _) = crate::build::owner(user, id_base, place);
        std::fs::create_dir_all("/run/terrarium").map_err(crate::fault::io_at(Step::Display, AUTHORITY))?;
        server::give(AUTHORITY, &config::authority(&cookie), owner).map_err(at(Step::Display, AUTHORITY))?;
        let log_pipe = pipe2(OFlag::O_CLOEXEC).map_err(at(Step::Display, "log"))?;
        set_nonblocking(&log_pipe.0).map_err(at(Step::Display, "log"))?;
        let mut display = Self {
            size: orders.size.bounded(),
            orders,
            place,
            uid,
            home: PathBuf::from(OsStr::from_bytes(user.home.as_slice())),
            bus: PathBuf::from(format!("/run/user/{}/bus", user.uid)),
            cookie,
            server: None,
            daemon: None,
            later: Later::default(),
            watcher: None,
            log: Ring::new(LOG),
            log_pipe,
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
            cookie: &self.cookie,
            log: &self.log_pipe.1,
            home: &self.home,
        };
        self.server = Some(Server::start(&wish)?);
        Ok(())
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
        let manager =
            self.orders.manager_ready.as_ref().map(|path| Path::new(OsStr::from_bytes(path.as_slice())));
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
        DisplayStatus { size: self.size, up: self.is_up(), agent: agent && self.daemon.is_some() }
    }

    /// Windows that are there; `None` if nobody counts.
    pub fn windows(&self) -> Option<u32> {
        self.windows.filter(|_| self.watcher.is_some())
    }

    /// What there is to read.
    pub fn sources(&self) -> Vec<(Source, BorrowedFd<'_>)> {
        let mut all = vec![(Source::Log, self.log_pipe.0.as_fd())];
        if let Some(Server { ready: Ready::Waits(fd), .. }) = &self.server {
            all.push((Source::Ready, fd.as_fd()));
        }
        all.extend(self.watcher.as_ref().map(|watcher| (Source::Watcher, watcher.fd())));
        all
    }

    /// Reads. `true` if the screen is another than before.
    pub fn hear(&mut self, source: Source) -> bool {
        match source {
            Source::Log => self.hear_log(),
            Source::Ready => return self.hear_ready(),
            Source::Watcher => {
                let before = self.size;
                while let Some(news) = self.watcher.as_mut().and_then(Watcher::news) {
                    match news {
                        News::Size(size) => (self.size, self.sized) = (size, true),
                        News::Windows(count) => {
                            self.windows = Some(count);
                            if count > 0 {
                                self.later.window_came();
                            }
                        }
                    }
                }
                return before != self.size;
            }
        }
        false
    }

    fn hear_log(&mut self) {
        let mut piece = vec![0; 4096];
        if let Ok(count) = read(&self.log_pipe.0, &mut piece) {
            self.log.push(&piece[..count]);
        }
    }

    fn hear_ready(&mut self) -> bool {
        let Some(server) = &mut self.server else { return false };
        let Ready::Waits(ready) = &server.ready else { return false };
        let mut number = [0; 16];
        match read(ready, &mut number) {
            // It has closed it without a word: its end comes as a signal.
            Ok(0) => {
                let _ = kill(server.pid, Signal::SIGKILL);
                server.ready = Ready::Never;
                false
            }
            // The number and the end of its line come in two pieces.
            Ok(count) if number[..count].contains(&b'\n') => {
                server.ready = Ready::Up;
                self.up();
                true
            }
            _ => false,
        }
    }

    /// The server is up: its companions come.
    fn up(&mut self) {
        self.up_since = Some(Instant::now());
        self.start_watcher();
        if self.later.is_over() {
            self.start_daemon();
        }
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

    /// When that is.
    pub fn agent_date(&self) -> Option<Instant> {
        self.orders.agent.as_ref().and_then(|_| self.later.date())
    }

    fn start_watcher(&mut self) {
        let confined = (self.place, self.uid);
        match Watcher::start(
            confined,
            &self.cookie,
            &self.log_pipe.1,
            (self.orders.fill, self.orders.monitors),
        ) {
            Ok(mut watcher) => {
                watcher.resize(self.size);
                self.watcher = Some(watcher);
            }
            Err(errno) => self.note("watcher", errno),
        }
    }

    fn start_daemon(&mut self) {
        let (Some(agent), Some(server)) = (&self.orders.agent, &self.server) else { return };
        match beside::daemon(self.place, self.uid, agent, server, &self.log_pipe.1) {
            Ok(pid) => self.daemon = pid,
            Err(errno) => self.note("agent", errno),
        }
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

    /// A picture of the screen, as the output of a program.
    pub fn picture(&self) -> nix::Result<Spawned> {
        if !self.is_up() {
            return Err(Errno::ENODEV);
        }
        picture::start(self.place, self.uid, &self.cookie, &self.log_pipe.1)
    }

    /// Its own processes.
    pub fn pids(&self) -> Vec<Pid> {
        let server = self.server.as_ref().map(|server| server.pid);
        let watcher = self.watcher.as_ref().map(|watcher| watcher.pid);
        [server, watcher, self.daemon].into_iter().flatten().collect()
    }

    /// One of its own processes has ended. It is started again, as long as
    /// that does not go on and on.
    pub fn lost(&mut self, pid: Pid) -> Option<Lost> {
        if self.daemon == Some(pid) {
            self.daemon = None;
            if self.is_up() && self.may_restart(Part::Daemon) {
                self.start_daemon();
            }
        } else if self.watcher.as_ref().is_some_and(|watcher| watcher.pid == pid) {
            self.watcher = None;
            if self.is_up() && self.may_restart(Part::Watcher) {
                self.start_watcher();
            }
        } else if self.server.as_ref().is_some_and(|server| server.pid == pid) {
            let was_up = self.is_up();
            self.server = None;
            self.hear_log();
            self.note_down("terrarium: the server has ended\n", &[]);
            if !was_up && self.windows.is_none() && self.restarts.is_empty() {
                return Some(Lost::Start);
            }
            self.server_again();
        } else {
            return None;
        }
        Some(Lost::Other)
    }

    fn server_again(&mut self) {
        if self.may_restart(Part::Server) {
            if let Err(failure) = self.start_server() {
                self.note("server", Errno::from_raw(failure.errno));
            }
        }
    }

    fn may_restart(&mut self, part: Part) -> bool {
        self.restarts.retain(|(_, at)| at.elapsed() < WHILE);
        let tries = self.restarts.iter().filter(|(one, _)| *one == part).count();
        if self.ending || tries >= TRIES {
            return false;
        }
        self.restarts.push((part, Instant::now()));
        true
    }

    /// Whether something that ran beside may be started again.
    pub fn may_come_again(&mut self, what: Beside) -> bool {
        self.may_restart(Part::Beside(what))
    }

    /// Whether it was ended.
    pub fn is_ending(&self) -> bool {
        self.ending
    }

    /// It is over: nothing comes again.
    pub fn end(&mut self) {
        self.ending = true;
        for pid in self.pids() {
            let _ = kill(pid, Signal::SIGKILL);
        }
    }
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
