// SPDX-License-Identifier: LGPL-2.1-or-later
//! The control messages of a conversation.
//!
//! After the greetings init sends [`FromInit::Welcome`]. A client then says
//! one of `Start`, `Attach`, `Exec` or `Query`, which decides what the
//! conversation is about: the command, another program, or nothing.
//!
//! **Output** flows under credit: init sends at most [`crate::WINDOW`] bytes of
//! a stream beyond what was acknowledged, and keeps a stream's last `WINDOW`
//! bytes. **Input** flows under credit too: [`FromInit::Credit`] names the
//! offset up to which the client may send.

use crate::display::{DisplayStatus, ScreenSize};
use crate::orders::{Command, Orders, Size};
use serde::{Deserialize, Serialize};

/// Streams of a command that init reads.
pub mod stream {
    /// Standard output, or all that a terminal shows.
    pub const OUT: u8 = 1;
    /// Standard error; not used with a terminal.
    pub const ERR: u8 = 2;
}

/// What a client says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum ToInit {
    /// Build the sandbox and run its command; the client is attached to it
    /// with the keyboard. Accepted once.
    Start(Box<Orders>),
    /// See the command's output and state.
    Attach {
        /// Whether this client wants the keyboard.
        keyboard: bool,
        /// From which offset on of standard output; by default a terminal's
        /// from the oldest byte kept, a pipe's from the first byte that
        /// nobody acknowledged.
        out: Option<u64>,
        /// The same for standard error.
        err: Option<u64>,
    },
    /// Run another program in the command's own namespaces, as the command's
    /// user. It belongs to this conversation: it gets HUP when that ends.
    Exec(Box<Command>),
    /// Nothing but the [`FromInit::Welcome`] was wanted.
    Query,
    /// Ask for the keyboard; whoever asks last has it.
    Keyboard,
    /// The window of this client has a new size.
    Resize(Size),
    /// The screen shall have this size.
    Screen(ScreenSize),
    /// Hand out a socket for one more channel of the screen's SPICE session.
    /// [`FromInit::Channel`] answers and carries it. Containers only: libvirt
    /// hands out a machine's.
    Channel,
    /// Take a picture of the screen. It belongs to this conversation as a
    /// program's output does: [`crate::picture`] says in what form.
    Picture,
    /// Read what the display's programs wrote to their standard error last, as
    /// a program's output.
    Log,
    /// Build what [`Self::Start`] would and run nothing: a layer is to be
    /// looked at. Accepted once. Answered with [`FromInit::Looking`] or
    /// [`FromInit::Failed`]; it ends when nobody is connected.
    Look(Box<Orders>),
    /// What was written, once nothing runs: a program's output, as
    /// [`crate::changes`] has it.
    Changes,
    /// What regular files of the layer hold, one after another: a program's
    /// output, as [`crate::contents`] has it.
    Contents {
        /// Absolute, inside; no link is followed.
        paths: Vec<crate::Bytes>,
    },
    /// Take these out of the layer, with all in them; the host's shows again,
    /// or what was there before ([`crate::layer::Layer::before`]). A program without output, whose exit status is an error number: ENOENT
    /// if there is none of them.
    Forget {
        /// Absolute, inside; no link is followed.
        paths: Vec<crate::Bytes>,
    },
    /// No more input comes. With a terminal it does nothing.
    CloseInput,
    /// The reader of this stream is gone: the command gets SIGPIPE.
    CloseOutput {
        /// One of [`stream`].
        stream: u8,
    },
    /// All of `stream` before `offset` has been dealt with.
    Ack {
        /// One of [`stream`].
        stream: u8,
        /// Absolute offset in that stream.
        offset: u64,
    },
    /// Send a signal to the command's process group.
    Signal {
        /// Its number.
        signal: i32,
    },
    /// TERM to the command's process group, and HUP if it has a terminal and
    /// ignores that; KILL to all after `grace`.
    Stop {
        /// Milliseconds between TERM and KILL.
        grace: u32,
    },
    /// The result has arrived and is in safe hands: the sandbox may go.
    Received,
    /// Answer with [`FromInit::Pong`].
    Ping {
        /// Echoed.
        id: u32,
    },
}

/// What init says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum FromInit {
    /// The first message of every conversation.
    Welcome(Box<Status>),
    /// The start got this far.
    Stage(Stage),
    /// What the client asked for now runs.
    Started {
        /// Process id inside the sandbox.
        pid: i32,
    },
    /// The sandbox has written all that it may: programs are told that no space
    /// is left. Said once to everybody who watches the command, now or later.
    Full,
    /// The layer can be looked at.
    Looking,
    /// The command could not be started or init could not do its part; an
    /// [`Outcome`] with the same failure follows.
    Failed(Failure),
    /// `bytes` of `stream` that this client would have got next are gone.
    Gone {
        /// One of [`stream`].
        stream: u8,
        /// How many.
        bytes: u64,
    },
    /// `stream` ends at `offset`.
    End {
        /// One of [`stream`].
        stream: u8,
        /// Its whole length in bytes.
        offset: u64,
    },
    /// Input may be sent up to this absolute offset.
    Credit {
        /// Offset in the command's input.
        offset: u64,
    },
    /// The command has closed its input: no more of it is wanted.
    InputClosed,
    /// Who has the keyboard now.
    Keyboard {
        /// Whether it is this client.
        yours: bool,
    },
    /// The terminal has a new size (set by another client).
    Resized(Size),
    /// How it ended. Sent after all output of this conversation.
    Result(Outcome),
    /// What was asked cannot be done now.
    Refused {
        /// Why.
        why: Refusal,
    },
    /// The socket that comes with the first byte of this frame is connected to
    /// the screen's SPICE server.
    Channel,
    /// The screen is another than before.
    Display(DisplayStatus),
    /// Answer to [`ToInit::Ping`].
    Pong {
        /// The id that came with it.
        id: u32,
    },
}

/// What a client needs to know when it arrives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Status {
    /// Release of the kernel that init runs on (`uname -r`).
    pub kernel: String,
    /// Init's own process id: 1.
    pub init_pid: i32,
    /// How far it is.
    pub state: State,
    /// Process id of the command inside the sandbox.
    pub command_pid: Option<i32>,
    /// Milliseconds since the command was started.
    pub running_for: Option<u64>,
    /// Size of the command's terminal, if it has one.
    pub terminal: Option<Size>,
    /// Its screen, if it has one.
    pub display: Option<DisplayStatus>,
    /// The streams that the command has.
    pub streams: Vec<StreamStatus>,
    /// Bytes of input received so far.
    pub input: u64,
    /// Conversations about the command, without this one.
    pub viewers: u32,
    /// Set once [`State::Finished`].
    pub result: Option<Outcome>,
}

/// How far a sandbox is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Waits for its orders.
    Waiting,
    /// Builds the sandbox.
    Starting,
    /// The command (or what it left behind) runs.
    Running,
    /// The result waits to be fetched.
    Finished,
}

/// Steps of a start, for those who watch it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// The root and what lies in it is being mounted.
    Files,
    /// The display server is coming up.
    Display,
    /// The command is being started.
    Command,
}

/// One stream of the command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StreamStatus {
    /// One of [`stream`].
    pub stream: u8,
    /// Offset of the oldest byte that is kept.
    pub start: u64,
    /// Bytes written so far.
    pub end: u64,
    /// Offset up to which it was acknowledged.
    pub acknowledged: u64,
    /// Whether it has ended.
    pub ended: bool,
}

/// How a command ended, and what its sandbox has to say about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outcome {
    /// How the command itself ended; never another process's status.
    pub ending: Ending,
    /// Milliseconds from its start to its end.
    pub duration: u64,
    /// Whether the sandbox ran out of memory (a process was killed for it).
    pub out_of_memory: bool,
    /// Bytes of output that were dropped because nobody read them.
    pub dropped: u64,
    /// Whether somebody asked for the end, whatever the command made of it.
    #[serde(default)]
    pub stopped: bool,
}

/// How a command ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Ending {
    /// It exited.
    Exited {
        /// Exit status, 0 to 255.
        code: u8,
    },
    /// A signal ended it.
    Signalled {
        /// Number of the signal.
        signal: i32,
        /// Whether somebody asked for it with [`ToInit::Stop`].
        stopped: bool,
    },
    /// It never ran.
    Failed(Failure),
}

/// Why a command never ran.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Failure {
    /// What init was about to do.
    pub step: Step,
    /// The object: a path, a module, a limit.
    pub object: crate::Bytes,
    /// The operating system's error number; 0 if there was none.
    pub errno: i32,
}

/// What init does at a start, in its order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// Load a kernel module.
    Module,
    /// Find and mount the layer that takes what is written.
    Layer,
    /// Show a directory of the host.
    Root,
    /// Mount a private file system.
    Mount,
    /// Show what the user shares.
    Share,
    /// Mount an image, or hand out a disk.
    Image,
    /// Find the file system on an image.
    FileSystem,
    /// Find a driver for the file system on an image.
    Driver,
    /// Hide a path.
    Mask,
    /// Set up devices, /proc and /sys.
    Devices,
    /// Raise the loopback interface, set the host name.
    Network,
    /// Bring up the display.
    Display,
    /// Make the terminal or the pipes.
    Streams,
    /// Make the user namespace.
    Ids,
    /// Give up privileges: ids, capabilities, limits, seccomp.
    Confine,
    /// Change to the working directory.
    Directory,
    /// There is no such program.
    NotFound,
    /// The program cannot be executed.
    NotExecutable,
}

/// Why a request was refused; the conversation goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Refusal {
    /// The orders were given already.
    AlreadyStarted,
    /// Nothing runs yet.
    NotStarted,
    /// It has finished.
    Finished,
    /// The message makes no sense here, or could not be understood.
    Malformed,
    /// There is no screen, or none yet.
    NoScreen,
    /// There is no layer, or something still writes to it.
    NoLayer,
    /// Too many programs or clients.
    Busy,
    /// This client's protocol version is not init's.
    Version,
}
