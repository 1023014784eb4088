// SPDX-License-Identifier: LGPL-2.1-or-later
//! Starts a program: streams, namespaces, confinement, exec.
//!
//! Init has one thread, so a forked child may do as it likes.

use crate::build::{credentials, Place};
use crate::confine;
use crate::fault::{at, Result};
use crate::ids;
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::poll::{poll, PollFd, PollFlags};
use nix::sched::{setns, unshare, CloneFlags};
use nix::sys::signal::{sigprocmask, SigHandler, SigSet, SigmaskHow, Signal};
use nix::sys::termios::{tcgetattr, tcsetattr, InputFlags, SetArg};
use nix::sys::wait::{waitid, Id, WaitPidFlag, WaitStatus};
use nix::unistd::{fork, pipe2, ForkResult, Pid};
use std::ffi::CString;
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::time::{Duration, Instant};
use terrarium_protocol::message::{Failure, Step};
use terrarium_protocol::orders::{Command, Limits, Size, User};
use terrarium_protocol::Bytes;

/// Longest failure that a child tells, in bytes.
const WORDS_MAX: usize = 64 * 1024;
/// Between two looks whether a child was stopped on its way to its program, in
/// milliseconds.
const LOOK: u16 = 100;
/// How long that way may take: an emulated machine reads a large program.
const PATIENCE: Duration = Duration::from_secs(60);

/// Namespaces of the command, for programs that join it.
pub struct Namespaces {
    user: File,
    mount: File,
}

/// What every program of a sandbox has in common.
pub struct Setting {
    /// Where init is.
    pub place: Place,
    /// Who runs it.
    pub user: User,
    /// Bounds on each process.
    pub limits: Limits,
    /// First id of the block.
    pub id_base: u32,
    /// Whether files of the host may be written.
    pub writes_outside: bool,
    /// Set once the command runs, in a container.
    pub namespaces: Option<Namespaces>,
}

/// A program that runs, and init's ends of its streams.
pub struct Spawned {
    /// Its process, the leader of a session and group of its own.
    pub pid: Pid,
    /// Terminal: the master. Else the pipe of its output.
    pub out: OwnedFd,
    /// The pipe of its errors, without a terminal.
    pub err: Option<OwnedFd>,
    /// The pipe of its input, without a terminal.
    pub input: Option<OwnedFd>,
    /// The far side of its terminal.
    pub slave: Option<OwnedFd>,
}

/// Starts `command`.
pub fn spawn(setting: &mut Setting, command: &Command) -> Result<Spawned> {
    with_socket(setting, command, None)
}

/// Starts `command`, which takes over a listening socket as systemd hands one
/// out (sd_listen_fds(3)).
pub fn with_socket(setting: &mut Setting, command: &Command, socket: Option<BorrowedFd>) -> Result<Spawned> {
    let mut program = Program::new(command)?;
    let (ours, theirs) = streams(command.terminal, setting)?;
    let pair = |step| pipe2(OFlag::O_CLOEXEC).map_err(at(step, "pipe"));
    let (failed, fail) = pair(Step::Streams)?;
    let (ready, is_ready) = pair(Step::Ids)?;
    let (go, may_go) = pair(Step::Ids)?;
    // SAFETY: init has a single thread; nothing is locked in the child.
    match unsafe { fork() }.map_err(at(Step::Ids, "fork"))? {
        ForkResult::Child => {
            drop((failed, ready, may_go));
            let signal = Handshake { ready: is_ready.into(), go: go.into() };
            let Err(failure) = child(setting, command, &mut program, (&theirs, socket), signal);
            let text = serde_json::to_vec(&failure).unwrap_or_default();
            let _ = File::from(fail).write_all(&text);
            // SAFETY: ends this process at once, without init's clean-up.
            unsafe { libc::_exit(127) }
        }
        ForkResult::Parent { child: pid } => {
            drop((fail, is_ready, go, theirs));
            let mapped = let_go(setting, pid, ready.into(), may_go.into());
            let text = last_words(&failed, pid);
            if let Some(failure) = mapped.err().or_else(|| serde_json::from_slice(&text).ok()) {
                let _ = nix::sys::signal::kill(pid, Signal::SIGKILL);
                return Err(failure);
            }
            Ok(Spawned { pid, out: ours.out, err: ours.err, input: ours.input, slave: ours.slave })
        }
    }
}

/// What the child says of its failure; nothing once it has become the program.
/// Until then it is the command's user for a moment, whose programs may stop
/// it: one that is stopped would hold init up for ever, so that is its end.
fn last_words(failed: &OwnedFd, pid: Pid) -> Vec<u8> {
    let (mut text, mut piece) = (Vec::new(), [0; 4096]);
    let begun = Instant::now();
    while text.len() < WORDS_MAX {
        let mut one = [PollFd::new(failed.as_fd(), PollFlags::POLLIN)];
        match poll(&mut one, LOOK) {
            Ok(0) if is_stopped(pid) || begun.elapsed() > PATIENCE => {
                let _ = nix::sys::signal::kill(pid, Signal::SIGKILL);
            }
            Ok(0) | Err(Errno::EINTR) => {}
            Ok(_) => match nix::unistd::read(failed, &mut piece) {
                Ok(count) if count > 0 => text.extend_from_slice(&piece[..count]),
                _ => break,
            },
            Err(_) => break,
        }
    }
    text
}

fn is_stopped(pid: Pid) -> bool {
    let flags = WaitPidFlag::WSTOPPED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
    matches!(waitid(Id::Pid(pid), flags), Ok(WaitStatus::Stopped(..)))
}

/// The child says when it has its namespaces, and waits for its ids.
struct Handshake {
    ready: File,
    go: File,
}

/// The parent's part of the same.
fn let_go(setting: &mut Setting, pid: Pid, mut ready: File, mut go: File) -> Result<()> {
    if setting.place == Place::Machine || setting.namespaces.is_some() {
        return Ok(());
    }
    // Nothing to read: it failed before; its own report says how.
    if ready.read_exact(&mut [0]).is_err() {
        return Ok(());
    }
    ids::write(pid.as_raw(), setting.user.uid, setting.user.gid, setting.id_base)?;
    let open = |kind: &str| {
        let path = format!("/proc/{pid}/ns/{kind}");
        File::open(&path).map_err(crate::fault::io_at(Step::Ids, path))
    };
    setting.namespaces = Some(Namespaces { user: open("user")?, mount: open("mnt")? });
    go.write_all(&[1]).map_err(crate::fault::io_at(Step::Ids, "start"))
}

/// Everything between fork and exec; returns only if it fails.
fn child(
    setting: &Setting,
    command: &Command,
    program: &mut Program,
    (streams, socket): (&Theirs, Option<BorrowedFd>),
    signal: Handshake,
) -> std::result::Result<std::convert::Infallible, Failure> {
    reset_signals().map_err(at(Step::Streams, "signals"))?;
    streams.install(command.terminal.is_some()).map_err(at(Step::Streams, "streams"))?;
    // As long as it is root.
    crate::memory::come_before_init();
    namespaces(setting, signal)?;
    nix::sys::stat::umask(nix::sys::stat::Mode::from_bits_truncate(0o022));
    confine::drop_privileges(&setting.user, setting.limits, setting.place)
        .map_err(at(Step::Confine, "privileges"))?;
    let directory = command.directory.as_slice();
    nix::unistd::chdir(directory).map_err(at(Step::Directory, directory))?;
    close_the_rest();
    socket.map_or(Ok(()), |one| program.take_over(one)).map_err(at(Step::Streams, "socket"))?;
    confine::filter(setting.writes_outside).map_err(at(Step::Confine, "seccomp"))?;
    Err(program.exec())
}

fn namespaces(setting: &Setting, mut signal: Handshake) -> Result<()> {
    let fail = || at(Step::Ids, "namespaces");
    // Where init's group lies on the host is nobody's business. It is no
    // boundary, and a kernel may lack it.
    let _ = unshare(CloneFlags::CLONE_NEWCGROUP);
    match (&setting.namespaces, setting.place) {
        (Some(joined), _) => {
            setns(&joined.user, CloneFlags::CLONE_NEWUSER).map_err(fail())?;
            setns(&joined.mount, CloneFlags::CLONE_NEWNS).map_err(fail())
        }
        (None, Place::Machine) => unshare(CloneFlags::CLONE_NEWNS).map_err(fail()),
        (None, Place::Container) => {
            // The kernel counts all processes of a user namespace, whatever ids
            // they have in it, for who made it, and by the limit that it had:
            // somebody who is nobody else, so that root inside has no more than
            // others, and no sandbox takes of another one's.
            confine::bound_processes(setting.limits).map_err(fail())?;
            credentials::become_with_all(setting.id_base).map_err(fail())?;
            // Together, so that what is mounted is locked for the new user
            // namespace: masks cannot be taken away, nor flags.
            unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNS).map_err(fail())?;
            signal.ready.write_all(&[1]).map_err(crate::fault::io_at(Step::Ids, "start"))?;
            signal.go.read_exact(&mut [0]).map_err(crate::fault::io_at(Step::Ids, "start"))
        }
    }
}

/// As a program expects them.
pub fn reset_signals() -> nix::Result<()> {
    for signal in Signal::iterator().filter(|signal| !matches!(signal, Signal::SIGKILL | Signal::SIGSTOP)) {
        // SAFETY: the default action is no handler.
        unsafe { nix::sys::signal::signal(signal, SigHandler::SigDfl) }?;
    }
    sigprocmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::empty()), None)
}

/// All of init's descriptors are closed by exec; this keeps even a bug in
/// that from handing out the control channel.
fn close_the_rest() {
    const CLOSE_RANGE_CLOEXEC: libc::c_uint = 4;
    // SAFETY: marks descriptors; nothing is dereferenced.
    unsafe { libc::syscall(libc::SYS_close_range, 3, libc::c_uint::MAX, CLOSE_RANGE_CLOEXEC) };
}

/// The command's ends of its streams, as 0, 1 and 2.
struct Theirs([OwnedFd; 3]);

impl Theirs {
    fn install(&self, terminal: bool) -> nix::Result<()> {
        nix::unistd::setsid()?;
        for (to, from) in self.0.iter().enumerate() {
            // SAFETY: replaces descriptors 0 to 2 of this child; `from` is
            // open and above 2, since init keeps 0 to 2 on /dev/null.
            Errno::result(unsafe { libc::dup2(from.as_raw_fd(), to as RawFd) })?;
        }
        if terminal {
            // SAFETY: descriptor 0 is the terminal; the argument is a number.
            Errno::result(unsafe { libc::ioctl(0, libc::TIOCSCTTY, 0) })?;
        }
        Ok(())
    }
}

/// Init's ends of them.
struct Ours {
    out: OwnedFd,
    err: Option<OwnedFd>,
    input: Option<OwnedFd>,
    slave: Option<OwnedFd>,
}

fn streams(terminal: Option<Size>, setting: &Setting) -> Result<(Ours, Theirs)> {
    match terminal {
        Some(size) => pty(size, setting).map_err(at(Step::Streams, "/dev/ptmx")),
        None => pipes(setting).map_err(at(Step::Streams, "pipes")),
    }
}

fn pipes(setting: &Setting) -> nix::Result<(Ours, Theirs)> {
    let (stdin, input) = pipe2(OFlag::O_CLOEXEC)?;
    let (out, stdout) = pipe2(OFlag::O_CLOEXEC)?;
    let (err, stderr) = pipe2(OFlag::O_CLOEXEC)?;
    for ours in [&input, &out, &err] {
        crate::channel::set_nonblocking(ours)?;
    }
    // The command may open /dev/stdout again, so they are the user's.
    let (uid, gid) = crate::build::owner(&setting.user, setting.id_base, setting.place);
    for theirs in [&stdin, &stdout, &stderr] {
        nix::unistd::fchown(theirs, Some(uid.into()), Some(gid.into()))?;
    }
    Ok((Ours { out, err: Some(err), input: Some(input), slave: None }, Theirs([stdin, stdout, stderr])))
}

fn pty(size: Size, setting: &Setting) -> nix::Result<(Ours, Theirs)> {
    use nix::sys::stat::Mode;
    let flags = OFlag::O_RDWR | OFlag::O_NOCTTY | OFlag::O_CLOEXEC;
    let master = nix::fcntl::open("/dev/ptmx", flags | OFlag::O_NONBLOCK, Mode::empty())?;
    let unlock: libc::c_int = 0;
    // SAFETY: reads one int.
    Errno::result(unsafe { libc::ioctl(master.as_raw_fd(), libc::TIOCSPTLCK, &raw const unlock) })?;
    // SAFETY: the argument is a number; the result is a new descriptor.
    let slave = Errno::result(unsafe { libc::ioctl(master.as_raw_fd(), libc::TIOCGPTPEER, flags.bits()) })?;
    // SAFETY: just made, owned by nobody else.
    let slave = unsafe { <OwnedFd as std::os::fd::FromRawFd>::from_raw_fd(slave) };
    let mut modes = tcgetattr(&slave)?;
    // Erasing takes a whole character away.
    modes.input_flags |= InputFlags::IUTF8;
    tcsetattr(&slave, SetArg::TCSANOW, &modes)?;
    resize(&master, size)?;
    let (uid, gid) = crate::build::owner(&setting.user, setting.id_base, setting.place);
    nix::unistd::fchown(&slave, Some(uid.into()), Some(gid.into()))?;
    let copy = || slave.try_clone().map_err(|_| Errno::EMFILE);
    let theirs = Theirs([copy()?, copy()?, copy()?]);
    Ok((Ours { out: master, err: None, input: None, slave: Some(slave) }, theirs))
}

/// Sets the size of a terminal; its foreground group gets SIGWINCH.
pub fn resize(master: &OwnedFd, size: Size) -> nix::Result<()> {
    let window = libc::winsize { ws_row: size.rows, ws_col: size.columns, ws_xpixel: 0, ws_ypixel: 0 };
    // SAFETY: reads one winsize that outlives the call.
    Errno::result(unsafe { libc::ioctl(master.as_raw_fd(), libc::TIOCSWINSZ, &raw const window) }).map(drop)
}

/// A command in the form that exec takes.
struct Program {
    candidates: Vec<CString>,
    argv: Vec<CString>,
    environment: Vec<CString>,
}

impl Program {
    fn new(command: &Command) -> Result<Self> {
        let text = |bytes: &[u8]| CString::new(bytes).map_err(|_| at(Step::NotFound, bytes)(Errno::EINVAL));
        let pair = |(name, value): &(Bytes, Bytes)| text(&[name.as_slice(), b"=", value.as_slice()].concat());
        let name = command.argv.first().map(Bytes::as_slice).unwrap_or_default();
        let path = command.environment.iter().rev().find(|(name, _)| name.as_slice() == b"PATH");
        let path = path.map(|(_, value)| value.as_slice()).unwrap_or_default();
        Ok(Self {
            candidates: candidates(name, path).iter().map(|one| text(one)).collect::<Result<_>>()?,
            argv: command.argv.iter().map(|word| text(word.as_slice())).collect::<Result<_>>()?,
            environment: command.environment.iter().map(pair).collect::<Result<_>>()?,
        })
    }

    /// In the child: the socket becomes descriptor 3, which init has had open
    /// for something else since its first moment.
    fn take_over(&mut self, socket: BorrowedFd) -> nix::Result<()> {
        const FIRST: RawFd = 3;
        // SAFETY: replaces a descriptor of this child, which does not use it.
        Errno::result(unsafe { libc::dup2(socket.as_raw_fd(), FIRST) })?;
        let names = [format!("LISTEN_PID={}", std::process::id()), "LISTEN_FDS=1".to_owned()];
        self.environment.extend(names.into_iter().filter_map(|name| CString::new(name).ok()));
        Ok(())
    }

    /// Becomes the first candidate that can be executed; as a shell, goes on
    /// after one that may not.
    fn exec(&self) -> Failure {
        let mut worst = Errno::ENOENT;
        for candidate in &self.candidates {
            let Err(errno) = nix::unistd::execve(candidate, &self.argv, &self.environment);
            match errno {
                Errno::ENOENT | Errno::ENOTDIR => {}
                Errno::EACCES => worst = errno,
                other => {
                    worst = other;
                    break;
                }
            }
        }
        let step = if worst == Errno::ENOENT { Step::NotFound } else { Step::NotExecutable };
        at(step, self.argv.first().map(|name| name.as_bytes().to_vec()).unwrap_or_default())(worst)
    }
}

/// Where a program may lie: itself if it has a slash, else in each directory
/// of `path`.
fn candidates(name: &[u8], path: &[u8]) -> Vec<Vec<u8>> {
    if name.contains(&b'/') || name.is_empty() {
        return vec![name.to_vec()];
    }
    path.split(|&byte| byte == b':')
        .filter(|part| !part.is_empty())
        .map(|part| [part, b"/", name].concat())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::candidates;

    #[test]
    fn programs_are_looked_for_as_a_shell_does() {
        assert_eq!(candidates(b"ls", b"/usr/bin::/bin"), [b"/usr/bin/ls".to_vec(), b"/bin/ls".to_vec()]);
        assert_eq!(candidates(b"./ls", b"/bin"), [b"./ls".to_vec()]);
        assert_eq!(candidates(b"", b"/bin"), [b"".to_vec()]);
    }
}
