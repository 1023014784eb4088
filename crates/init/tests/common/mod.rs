// SPDX-License-Identifier: LGPL-2.1-or-later
//! Init as pid 1 of namespaces made for a test, and a client that speaks the
//! protocol. No libvirt: what it would do for a container, [`SCRIPT`] does.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, missing_docs)]

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use terrarium_protocol::frame::{encode, split_output};
use terrarium_protocol::greeting::Side;
use terrarium_protocol::message::{stream, Ending, Outcome, Status};
use terrarium_protocol::orders::{self, Lifetime, Limits, Mount, RootEntry, Size, Until, User};
use terrarium_protocol::{Bytes, Decoder, FromInit, Greeting, Kind, Orders, Scanner, ToInit, MAX_FROM_INIT};

/// A test that needs root.
macro_rules! as_root {
    ($($(#[$more:meta])* fn $name:ident() $body:block)*) => { $(
        #[test]
        $(#[$more])*
        fn $name() {
            if is_root() $body
        }
    )* };
}

/// Longer than anything here takes.
pub const PATIENCE: Duration = Duration::from_secs(30);
/// Who the command runs as.
pub const USER: u32 = 1234;
/// First id of the block.
pub const BASE: u32 = 1_900_000_000;

/// A /dev as libvirt makes it, then init.
const SCRIPT: &str = "set -e; mount -t tmpfs -o mode=755,size=64k dev \"$1\"
    for n in null zero full random urandom tty; do touch \"$1/$n\"; mount --bind /dev/$n \"$1/$n\"; done
    [ -z \"$LAYER\" ] || { mkdir -p \"$1/terrarium/layer\"; flock /tmp mount -o loop \"$LAYER\" \"$1/terrarium/layer\"; }
    mount --move \"$1\" /dev; shift; exec \"$@\"";

/// Whether this can be tried here. Says why not, once per test.
pub fn is_root() -> bool {
    let root = nix::unistd::geteuid().is_root();
    if !root {
        let line = "container tests of init: only root may make the namespaces\n";
        print!("{line}");
        if let Some(file) = std::env::var_os("TERRARIUM_SKIPS") {
            let _ = std::fs::OpenOptions::new()
                .append(true)
                .create(true)
                .open(file)
                .unwrap()
                .write_all(line.as_bytes());
        }
    }
    root
}

/// A running init.
pub struct Sandbox {
    folder: tempfile::TempDir,
    unshare: Child,
}

impl Sandbox {
    /// Starts init; it waits for its orders.
    pub fn new() -> Self {
        Self::with_layer(Path::new(""))
    }

    /// The same with an image for what is written, which nobody else sees.
    pub fn with_layer(image: &Path) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let dev = folder.path().join("dev");
        std::fs::create_dir(&dev).unwrap();
        let listener = UnixListener::bind(folder.path().join("socket")).unwrap();
        let fd = listener.as_raw_fd();
        let mut unshare = Command::new("unshare");
        unshare.args([
            "-m",
            "-p",
            "-n",
            "-i",
            "-u",
            "-f",
            "--mount-proc",
            "--kill-child",
            "sh",
            "-c",
            SCRIPT,
            "sh",
        ]);
        unshare.env("LAYER", image);
        unshare.arg(dev).arg(env!("CARGO_BIN_EXE_terrarium-init")).stdin(Stdio::null());
        // SAFETY: these two calls are all that happens between fork and exec.
        unsafe {
            unshare.pre_exec(move || {
                let done = if fd == 3 { libc::fcntl(fd, libc::F_SETFD, 0) } else { libc::dup2(fd, 3) };
                if done < 0 {
                    Err(std::io::Error::last_os_error())
                } else {
                    Ok(())
                }
            });
        }
        Self { unshare: unshare.spawn().unwrap(), folder }
    }

    pub fn socket(&self) -> PathBuf {
        self.folder.path().join("socket")
    }

    /// Lets every user reach the socket.
    pub fn open_to_all(&self) {
        for (path, mode) in [(self.folder.path(), 0o755), (&self.socket(), 0o777)] {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
        }
    }

    /// Init's process id on the host.
    pub fn init(&self) -> i32 {
        let id = self.unshare.id();
        let children = std::fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap();
        children.trim().parse().unwrap()
    }

    /// Bytes of memory that init has.
    pub fn memory(&self) -> u64 {
        let text = std::fs::read_to_string(format!("/proc/{}/status", self.init())).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
    }

    /// Waits until init and all its processes are gone.
    pub fn wait_for_end(&mut self) -> Duration {
        let begun = Instant::now();
        while self.unshare.try_wait().unwrap().is_none() {
            assert!(begun.elapsed() < PATIENCE, "init does not end");
            std::thread::sleep(Duration::from_millis(2));
        }
        begun.elapsed()
    }

    pub fn runs(&mut self) -> bool {
        self.unshare.try_wait().unwrap().is_none()
    }

    pub fn client(&self) -> Client {
        Client::greet(UnixStream::connect(self.socket()).unwrap(), terrarium_protocol::VERSION)
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        let _ = self.unshare.kill();
        let _ = self.unshare.wait();
    }
}

/// What a client may hear.
#[derive(Debug)]
pub enum Heard {
    Message(FromInit),
    Output(u8, u64, Vec<u8>),
}

/// All of a program.
#[derive(Debug)]
pub struct Finished {
    pub out: Vec<u8>,
    pub err: Vec<u8>,
    pub outcome: Outcome,
}

impl Finished {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.out).into_owned()
    }

    pub fn code(&self) -> Option<u8> {
        match self.outcome.ending {
            Ending::Exited { code } => Some(code),
            _ => None,
        }
    }
}

/// One conversation.
pub struct Client {
    pub socket: UnixStream,
    greeting: Greeting,
    decoder: Decoder,
    ready: VecDeque<Heard>,
    pub status: Option<Status>,
    pub received: [u64; 3],
    pub sent: u64,
    pub credit: u64,
    pub acks: bool,
}

impl Client {
    /// Begins a conversation of protocol `version` on a fresh connection.
    pub fn greet(mut socket: UnixStream, version: u16) -> Self {
        static COUNT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(1);
        let count = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let mut nonce = [0x5a; 16];
        nonce[..8].copy_from_slice(&count.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes());
        let greeting = Greeting { version, nonce };
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        socket.write_all(&greeting.encode(Side::Client)).unwrap();
        let mut scanner = Scanner::for_echo(nonce);
        let mut piece = [0; 4096];
        let rest = loop {
            let count = socket.read(&mut piece).unwrap();
            assert!(count > 0, "init hung up");
            if let Some((_, rest)) = scanner.feed(&piece[..count]) {
                break rest;
            }
        };
        let mut decoder = Decoder::new(greeting.tag(), MAX_FROM_INIT + 1024);
        decoder.feed(&rest);
        let mut client = Self {
            socket,
            greeting,
            decoder,
            ready: VecDeque::new(),
            status: None,
            received: [0; 3],
            sent: 0,
            credit: 0,
            acks: true,
        };
        if version == terrarium_protocol::VERSION {
            match client.hear() {
                Heard::Message(FromInit::Welcome(status)) => client.status = Some(*status),
                other => panic!("{other:?} is no welcome"),
            }
        }
        client
    }

    pub fn say(&mut self, message: &ToInit) {
        let json = serde_json::to_vec(message).unwrap();
        let mut out = Vec::new();
        encode(self.greeting.tag(), Kind::Control, &json, &mut out);
        self.socket.write_all(&out).unwrap();
    }

    /// The bytes of an input frame.
    pub fn input_frame(&self, bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        encode(self.greeting.tag(), Kind::Input, bytes, &mut out);
        out
    }

    /// Sends input as far as credit goes; hears meanwhile what init says.
    pub fn input(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let room = usize::try_from(self.credit - self.sent).unwrap().min(32 * 1024).min(bytes.len());
            if room == 0 {
                let heard = self.listen();
                self.ready.push_back(heard);
                continue;
            }
            let frame = self.input_frame(&bytes[..room]);
            self.socket.write_all(&frame).unwrap();
            self.sent += room as u64;
            bytes = &bytes[room..];
        }
    }

    /// The next that init said.
    pub fn hear(&mut self) -> Heard {
        match self.ready.pop_front() {
            Some(heard) => heard,
            None => self.listen(),
        }
    }

    fn listen(&mut self) -> Heard {
        self.try_listen().expect("init hung up")
    }

    /// `None` if init hung up.
    pub fn try_listen(&mut self) -> Option<Heard> {
        loop {
            if let Some(frame) = self.decoder.next_frame().unwrap() {
                return Some(self.look(frame.kind, &frame.payload));
            }
            let mut piece = vec![0; 64 * 1024];
            match self.socket.read(&mut piece) {
                Ok(0) => return None,
                Ok(count) => self.decoder.feed(&piece[..count]),
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => return None,
                Err(error) => panic!("init says nothing: {error}"),
            }
        }
    }

    fn look(&mut self, kind: Kind, payload: &[u8]) -> Heard {
        if kind == Kind::Output {
            let (stream, offset, bytes) = split_output(payload).unwrap();
            self.received[usize::from(stream)] = offset + bytes.len() as u64;
            if self.acks {
                self.say(&ToInit::Ack { stream, offset: offset + bytes.len() as u64 });
            }
            return Heard::Output(stream, offset, bytes.to_vec());
        }
        let message: FromInit = serde_json::from_slice(payload).unwrap();
        if let FromInit::Credit { offset } = message {
            self.credit = offset;
        }
        Heard::Message(message)
    }

    /// Hears until a message is the one; gives back the output so far.
    pub fn until(&mut self, mut is: impl FnMut(&FromInit) -> bool) -> (FromInit, Vec<u8>) {
        let mut out = Vec::new();
        loop {
            match self.hear() {
                Heard::Message(message) if is(&message) => return (message, out),
                Heard::Message(_) => {}
                Heard::Output(_, _, bytes) => out.extend(bytes),
            }
        }
    }

    /// Hears until the output has `text`.
    pub fn until_text(&mut self, text: &str) -> String {
        let mut shown = String::new();
        while !shown.contains(text) {
            match self.hear() {
                Heard::Output(_, _, bytes) => shown.push_str(&String::from_utf8_lossy(&bytes)),
                Heard::Message(FromInit::Result(outcome)) => panic!("{outcome:?} before {text:?}: {shown}"),
                Heard::Message(_) => {}
            }
        }
        shown
    }

    /// Hears all until the result; says that it has arrived.
    pub fn finish(&mut self) -> Finished {
        let finished = self.finish_quietly();
        self.say(&ToInit::Received);
        finished
    }

    /// The same without the last word.
    pub fn finish_quietly(&mut self) -> Finished {
        let mut finished = (Vec::new(), Vec::new());
        loop {
            match self.hear() {
                Heard::Output(stream::OUT, _, bytes) => {
                    finished.0.extend(bytes);
                }
                Heard::Output(_, _, bytes) => finished.1.extend(bytes),
                Heard::Message(FromInit::Result(outcome)) => {
                    return Finished { out: finished.0, err: finished.1, outcome };
                }
                Heard::Message(_) => {}
            }
        }
    }

    /// What marks this conversation's frames.
    pub fn tag(&self) -> terrarium_protocol::Tag {
        self.greeting.tag()
    }

    pub fn start(&mut self, orders: Orders) {
        self.say(&ToInit::Start(Box::new(orders)));
    }
}

/// The first words of a client.
pub fn greeting(nonce: &[u8; 16]) -> Vec<u8> {
    Greeting { version: terrarium_protocol::VERSION, nonce: *nonce }.encode(Side::Client).to_vec()
}

/// Orders for `sh -c SCRIPT`.
pub fn sh(script: &str) -> Orders {
    orders(&["sh", "-c", script])
}

/// Orders as a plan makes them.
pub fn orders(argv: &[&str]) -> Orders {
    let show = |path: &str| RootEntry::Show { path: path.into(), tag: None, source: None };
    let mut root: Vec<RootEntry> = ["/usr", "/etc", "/opt", "/var/lib", "/var/cache"].map(show).into();
    for name in ["bin", "sbin", "lib", "lib64"] {
        let path = PathBuf::from("/").join(name);
        match std::fs::read_link(&path) {
            Ok(target) => root.push(RootEntry::Link {
                path: path.to_str().unwrap().into(),
                target: target.to_str().unwrap().into(),
            }),
            Err(_) if path.is_dir() => root.push(show(path.to_str().unwrap())),
            Err(_) => {}
        }
    }
    let mount = |target: &str, mode, owned| Mount { target: target.into(), size: 64 << 20, mode, owned };
    Orders {
        host_name: "box".into(),
        root,
        mounts: vec![
            mount("/tmp", 0o1777, false),
            mount("/var/tmp", 0o1777, false),
            mount("/run", 0o755, false),
            mount("/run/user/1234", 0o700, true),
            mount("/dev/shm", 0o1777, false),
            mount("/home/me", 0o700, true),
        ],
        masks: vec!["/var/lib/dpkg/info".into(), "/etc/hostname".into(), "/no/such".into()],
        shares: Vec::new(),
        layer: None,
        disks: Vec::new(),
        user: User { uid: USER, gid: USER, home: "/home/me".into(), privileged: false },
        id_base: BASE,
        folders: Vec::new(),
        files: Vec::new(),
        network: None,
        display: None,
        log: None,
        command: command(argv),
        limits: Limits { processes: 4096, files: 4096 },
        until: Until::Command,
        lifetime: Lifetime::Foreground,
    }
}

/// A command without a terminal.
pub fn command(argv: &[&str]) -> orders::Command {
    let pair = |name: &str, value: &str| -> (Bytes, Bytes) { (name.into(), value.into()) };
    orders::Command {
        argv: argv.iter().map(|&word| word.into()).collect(),
        environment: vec![
            pair("PATH", "/usr/bin:/bin:/usr/sbin:/sbin"),
            pair("HOME", "/home/me"),
            pair("TERM", "dumb"),
        ],
        directory: "/home/me".into(),
        terminal: None,
    }
}

/// With a terminal.
pub fn on_terminal(mut orders: Orders, columns: u16, rows: u16) -> Orders {
    orders.command.terminal = Some(Size { columns, rows });
    orders
}

/// Runs orders to their end.
pub fn run(orders: Orders) -> Finished {
    let mut sandbox = Sandbox::new();
    let mut client = sandbox.client();
    client.start(orders);
    let finished = client.finish();
    sandbox.wait_for_end();
    finished
}

/// Waits for something to become true.
pub fn eventually(what: &str, mut is: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is() {
        assert!(begun.elapsed() < PATIENCE, "{what} does not happen");
        std::thread::sleep(Duration::from_millis(5));
    }
}
