// SPDX-License-Identifier: LGPL-2.1-or-later
//! Xorg: where it runs and what it sees.
//!
//! It has a mount namespace and a network namespace of its own, in which
//! nobody else is: its SPICE server listens there on TCP, since the driver
//! knows no other way, and only init can make sockets in it. With the command
//! it shares one directory, of its own, which holds the socket of X.

use super::config;
use super::confined::{exec, nothing, words, Confined};
use super::devices;
use crate::build::Place;
use crate::channel::set_nonblocking;
use crate::fault::{at, io_at, Result};
use nix::errno::Errno;
use nix::fcntl::{open, OFlag};
use nix::mount::{mount, MsFlags};
use nix::sched::{setns, unshare, CloneFlags};
use nix::sys::socket::{connect, setsockopt, socket, sockopt, AddressFamily, SockFlag, SockType, SockaddrIn};
use nix::sys::stat::Mode;
use nix::sys::time::TimeVal;
use nix::unistd::{chown, mkfifo, pipe2, Gid, Pid, Uid};
use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use terrarium_protocol::display::Agent;
use terrarium_protocol::message::Step;

/// The one directory that the display and the command share.
pub const SHARED: &str = "/tmp/.X11-unix";
/// Where what is not yet all that it should be is made: init's alone.
const UNFINISHED: &str = "/tmp/.X11-unix/unfinished";
/// The socket of X.
pub const SOCKET: &str = "/tmp/.X11-unix/X0";
/// Nobody but the display's user comes in here, unless the agent is another.
const AGENT: &str = "/tmp/.X11-unix/agent";
/// Where the agent's two halves meet.
pub const AGENT_SOCKET: &str = "/tmp/.X11-unix/agent/daemon";
/// Where one of them meets whoever stands between them.
pub const AGENT_RELAY: &str = "/tmp/.X11-unix/agent/relay";

/// How far a server is.
pub enum Ready {
    /// This pipe gives the display's number once it is up.
    Waits(OwnedFd),
    /// It is.
    Up,
    /// It never will be.
    Never,
}

/// A server that runs, or comes up.
pub struct Server {
    /// Its process.
    pub pid: Pid,
    /// Whether it is up.
    pub ready: Ready,
    mounts: File,
    network: File,
    /// A machine's devices for the agent.
    pub agent: Option<[PathBuf; 2]>,
}

/// What a server is told.
pub struct Wish<'a> {
    /// Where init is.
    pub place: Place,
    /// The display's user.
    pub uid: u32,
    /// Its program.
    pub program: &'a [u8],
    /// Whether it offers GLX.
    pub glx: bool,
    /// Whether an agent will be there.
    pub agent: bool,
    /// Whether it plays what the command writes into a FIFO.
    pub sound: bool,
    /// Who may connect.
    pub cookie: &'a [u8; 16],
    /// Where its errors go.
    pub log: &'a OwnedFd,
    /// The user's home, which it does not see.
    pub home: &'a Path,
}

/// Makes the shared directory; once, before anything starts.
pub fn share(uid: u32) -> nix::Result<()> {
    fs::create_dir_all(SHARED).map_err(errno)?;
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    // Not the server's own: it would let everybody write there. What is init's
    // in it can neither be moved nor replaced by the server.
    let options = format!("size=64k,nr_inodes=16,mode=1775,uid=0,gid={uid}");
    mount(Some("tmpfs"), SHARED, Some("tmpfs"), flags, Some(options.as_str()))
}

/// Makes the folder where the agent's halves meet. Who could connect there
/// would take the place of one of them.
pub fn share_agent(uid: u32, agent: &Agent) -> nix::Result<()> {
    fs::create_dir(AGENT).map_err(errno)?;
    let mode = if agent.files { 0o711 } else { 0o700 };
    fs::set_permissions(AGENT, fs::Permissions::from_mode(mode)).map_err(errno)?;
    chown(AGENT, Some(Uid::from_raw(uid)), Some(Gid::from_raw(uid)))
}

/// Makes the folder whose FIFOs a container's server plays.
pub fn share_sound() -> nix::Result<()> {
    fs::create_dir(config::SOUND).map_err(errno)?;
    fs::DirBuilder::new().mode(0o700).create(UNFINISHED).map_err(errno)
}

/// Opens it for the server. Whatever the umask is.
pub fn open_sound() -> nix::Result<()> {
    fs::set_permissions(config::SOUND, fs::Permissions::from_mode(0o755)).map_err(errno)
}

/// Makes a FIFO in it, anew: a server sees only what comes while it runs, and
/// not of two that come at once. The command can neither make nor remove
/// anything there. Whoever holds what is returned writes into it, too: the
/// server plays nothing more out of one that nobody has open for writing any
/// longer.
pub fn make_fifo(name: &str, mode: u32, (uid, gid): (u32, u32)) -> nix::Result<OwnedFd> {
    // It comes into the folder when it is all that it should be: the server opens
    // it at once, or never.
    let (fifo, place) = (Path::new(UNFINISHED).join(name), Path::new(config::SOUND).join(name));
    let _ = fs::remove_file(&fifo);
    mkfifo(&fifo, Mode::S_IRUSR)?;
    fs::set_permissions(&fifo, fs::Permissions::from_mode(mode)).map_err(errno)?;
    chown(&fifo, Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)))?;
    let flags = OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
    // Who only writes has to be read.
    let _read = open(&fifo, OFlag::O_RDWR | flags, Mode::empty())?;
    let write = open(&fifo, OFlag::O_WRONLY | flags, Mode::empty())?;
    fs::rename(&fifo, &place).map_err(errno)?;
    Ok(write)
}

#[allow(clippy::needless_pass_by_value)] // as map_err passes it
fn errno(error: std::io::Error) -> Errno {
    error.raw_os_error().map_or(Errno::EIO, Errno::from_raw)
}

impl Server {
    /// Starts one.
    pub fn start(wish: &Wish) -> Result<Self> {
        let fail = || at(Step::Display, wish.program);
        let found = match wish.place {
            Place::Machine => Some(devices::find().map_err(|what| at(Step::Display, what)(Errno::ENODEV))?),
            Place::Container => None,
        };
        let pair = || pipe2(OFlag::O_CLOEXEC).map_err(fail());
        let (ready, is_ready) = pair()?;
        let (apart, is_apart) = pair()?;
        let (go, may_go) = pair()?;
        let null = nothing().map_err(fail())?;
        let descriptors = [null.as_fd(), null.as_fd(), wish.log.as_fd(), is_ready.as_fd()];
        let confined = Confined { place: wish.place, uid: wish.uid, descriptors: &descriptors };
        let (mut says, mut waits) = (File::from(is_apart), File::from(go));
        let before = || {
            unshare(CloneFlags::CLONE_NEWNS | CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWIPC)?;
            crate::network::raise_loopback()?;
            says.write_all(&[1]).map_err(errno)?;
            waits.read_exact(&mut [0]).map_err(errno)?;
            furnish(wish, found.as_ref())
        };
        let argv = words(arguments(wish)).map_err(fail())?;
        let pid = confined.spawn(before, || exec(&argv)).map_err(fail())?;
        drop((is_ready, says, waits));
        let _ = File::from(apart).read_exact(&mut [0]);
        let namespace = |kind: &str| {
            let path = format!("/proc/{pid}/ns/{kind}");
            File::open(&path).map_err(io_at(Step::Display, path))
        };
        let (mounts, network) = (namespace("mnt")?, namespace("net")?);
        let _ = File::from(may_go).write_all(&[1]);
        set_nonblocking(&ready).map_err(fail())?;
        let agent = found.and_then(|found| found.agent(Path::new("/tmp")));
        Ok(Self { pid, ready: Ready::Waits(ready), mounts, network, agent })
    }

    /// A socket that is connected to a container's SPICE server. It is made in
    /// the server's network namespace, to which it belongs wherever it goes.
    pub fn connect(&self) -> nix::Result<OwnedFd> {
        let own = File::open("/proc/self/ns/net").map_err(errno)?;
        setns(&self.network, CloneFlags::CLONE_NEWNET)?;
        let made = socket(AddressFamily::Inet, SockType::Stream, SockFlag::SOCK_CLOEXEC, None);
        setns(&own, CloneFlags::CLONE_NEWNET)?;
        let socket = made?;
        // On loopback this does not wait, unless nobody accepts for long.
        setsockopt(&socket, sockopt::SendTimeout, &TimeVal::new(1, 0))?;
        connect(socket.as_raw_fd(), &SockaddrIn::new(127, 0, 0, 1, config::SPICE_PORT))?;
        setsockopt(&socket, sockopt::SendTimeout, &TimeVal::new(0, 0))?;
        setsockopt(&socket, sockopt::TcpNoDelay, &true)?;
        Ok(socket)
    }

    /// Goes where the server is; in a child of init.
    pub fn enter(&self) -> nix::Result<()> {
        setns(&self.network, CloneFlags::CLONE_NEWNET)?;
        setns(&self.mounts, CloneFlags::CLONE_NEWNS)
    }
}

fn arguments(wish: &Wish) -> Vec<Vec<u8>> {
    let mut all = vec![wish.program.to_vec()];
    // A seat that is not the first has no virtual terminals, which would take
    // privileges to open. MIT-SHM could not work across users.
    let fixed = ":0 -config /tmp/xorg.conf -configdir /tmp/none -logfile /tmp/log -auth /tmp/authority \
                 -displayfd 3 -noreset -nolisten tcp -nolisten local -seat glass -novtswitch \
                 -extension MIT-SHM";
    all.extend(fixed.split_whitespace().map(|word| word.as_bytes().to_vec()));
    if !wish.glx {
        all.extend([b"-extension".to_vec(), b"GLX".to_vec()]);
    }
    all
}

/// Gives the server a /tmp of its own with its files, and hides what is the
/// user's.
fn furnish(wish: &Wish, found: Option<&devices::Found>) -> nix::Result<()> {
    let path_only = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    let shared = open(SHARED, path_only, Mode::empty())?;
    let safe = MsFlags::MS_NOSUID | MsFlags::MS_NOEXEC;
    let options = format!("size=64m,mode=700,uid={0},gid={0}", wish.uid);
    // Devices work in a machine's: they lie here and nowhere else.
    let nodev = if found.is_some() { MsFlags::empty() } else { MsFlags::MS_NODEV };
    mount(Some("tmpfs"), "/tmp", Some("tmpfs"), safe | nodev, Some(options.as_str()))?;
    fs::create_dir(SHARED).map_err(errno)?;
    let shared = format!("/proc/self/fd/{}", shared.as_raw_fd());
    mount(Some(shared.as_str()), SHARED, None::<&str>, MsFlags::MS_BIND, None::<&str>)?;
    for hidden in [Path::new("/run"), Path::new("/var/tmp"), wish.home] {
        if hidden.is_dir() {
            let flags = safe | MsFlags::MS_RDONLY | MsFlags::MS_NODEV;
            mount(Some("tmpfs"), hidden, Some("tmpfs"), flags, Some("size=4k,nr_inodes=2"))?;
        }
    }
    if found.is_some() {
        mount(Some("tmpfs"), devices::SCREENS, Some("tmpfs"), safe, Some("size=4k,nr_inodes=4,mode=755"))?;
    }
    let text = match found {
        Some(found) => config::modesetting(&found.make(Path::new("/tmp"), wish.uid)?),
        None => config::spiceqxl(wish.agent, wish.sound),
    };
    give("/tmp/xorg.conf", text.as_bytes(), wish.uid)?;
    give("/tmp/authority", &config::authority(wish.cookie), wish.uid)
}

/// Writes a file that one user alone can read.
pub fn give(path: &str, content: &[u8], uid: u32) -> nix::Result<()> {
    fs::write(path, content).map_err(errno)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o400)).map_err(errno)?;
    chown(path, Some(Uid::from_raw(uid)), Some(Gid::from_raw(uid)))
}
