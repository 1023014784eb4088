// SPDX-License-Identifier: LGPL-2.1-or-later
//! What can go wrong while something is done. Data only: the sentences are in
//! [`crate::message`].

use crate::plan::{Holds, Problem};
use crate::uri::Uri;
use serde::Serialize;
use std::path::PathBuf;
use terrarium_protocol::message::{Failure, Refusal};

/// Everything that the engine reports.
#[derive(Debug, thiserror::Error)]
#[error("{self:?}")]
pub enum Error {
    /// The profile cannot be carried out here.
    Problems(Vec<Problem>),
    /// A profile's file cannot be read as one.
    Profile {
        /// The file.
        path: PathBuf,
        /// Every fault in it.
        error: crate::profile::ParseError,
    },
    /// A profile is to be read from something that is not a file.
    NoFile {
        /// What it is.
        path: PathBuf,
    },
    /// A profile with bytes that are not text cannot be written to a file.
    NotText,
    /// There is a profile with this name.
    ProfileExists {
        /// The name.
        name: String,
    },
    /// A file operation failed.
    File {
        /// What was done.
        action: FileAction,
        /// To which path.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// libvirt cannot be reached.
    Connect {
        /// Which connection.
        uri: Uri,
        /// Why.
        state: crate::host::ConnectionState,
    },
    /// libvirt refused or failed.
    Libvirt {
        /// What it was asked to do.
        action: DomainAction,
        /// Its words.
        message: String,
    },
    /// The sandbox's init could not do its part.
    Init(Failure),
    /// Init refused what was asked.
    Refused(Refusal),
    /// The domain ended before its result arrived.
    Crashed {
        /// What libvirt's log said last, if anything.
        last_words: Option<LastWords>,
    },
    /// It is paused, and so answers nothing.
    Paused,
    /// Init did not answer in time.
    NoAnswer {
        /// How long was waited, in seconds.
        seconds: u64,
    },
    /// Init speaks another version of the protocol.
    Version {
        /// Init's.
        theirs: u16,
    },
    /// All of a machine's ports are taken by other clients.
    Busy,
    /// A running sandbox has this name already.
    NameTaken {
        /// The name.
        name: String,
        /// Whether its command has ended, and nobody has asked how.
        ended: bool,
    },
    /// No sandbox has this name.
    NoSuchSandbox {
        /// What was asked for.
        name: String,
        /// What may have been meant.
        like: Option<String>,
    },
    /// Neither a sandbox nor a profile has this name.
    NoSuchName {
        /// What was asked for.
        name: String,
        /// What may have been meant.
        like: Option<String>,
    },
    /// No profile has this name.
    NoSuchProfile {
        /// What was asked for.
        name: String,
        /// What may have been meant.
        like: Option<String>,
    },
    /// The network could not be made what it should be.
    Network(NetworkError),
    /// How much it may use cannot be changed so.
    Limits(LimitError),
    /// A kernel or its initrd could not be prepared.
    Kernel(crate::kernel::Error),
    /// Something about what a sandbox has written.
    Layer(LayerError),
    /// The way to where something was to be written leads through a link that
    /// a sandbox may have made.
    LedElsewhere {
        /// Where that was.
        path: PathBuf,
    },
    /// It was cancelled.
    Cancelled,
}

/// What a log says of the end of a sandbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LastWords {
    /// Its last lines.
    Said(String),
    /// The log, which the caller may not read.
    In(PathBuf),
}

/// Why a sandbox that runs cannot be given another limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LimitError {
    /// There is no more memory before the next start.
    Memory {
        /// Bytes that can be had.
        most: u64,
    },
    /// There are no more processors before the next start.
    Cpus {
        /// That can be had.
        most: u32,
    },
    /// A container uses more.
    InUse {
        /// Bytes that were asked for.
        asked: u64,
        /// Bytes that it uses.
        used: u64,
    },
    /// A machine's kernel needs more.
    NotGiven {
        /// Bytes that were asked for.
        asked: u64,
        /// Bytes that it came down to.
        left: u64,
    },
    /// It cannot be changed while it runs.
    Fixed(Fixed),
}

/// What cannot be changed while a sandbox runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fixed {
    /// A machine's memory, as it was started without what hands it back.
    Memory,
    /// Processes: each of them carries their number from its start.
    Processes,
    /// What goes through a container's disk, which this computer's kernel
    /// writes for it.
    Disk,
}

/// What can be wrong with what a sandbox has written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LayerError {
    /// A sandbox that runs, or starts, has it.
    InUse {
        /// Its name.
        name: String,
    },
    /// It was written by the other isolation.
    OfOther {
        /// Its name.
        name: String,
        /// Who wrote it.
        isolation: crate::profile::Isolation,
    },
    /// There is none of this name.
    None {
        /// The name.
        name: String,
        /// What may have been meant.
        like: Option<String>,
    },
    /// Another one is kept under this name.
    Kept {
        /// The name.
        name: String,
    },
    /// What an earlier run kept is not there any more, and would not come back
    /// if this change alone were thrown away.
    KeptEarlier {
        /// The change's.
        path: Vec<u8>,
    },
    /// What the sandbox sent is not what was asked for.
    Broken,
    /// There are more changes than are told, so that nobody can choose.
    Partial,
    /// A file in it cannot be had.
    File {
        /// Its path inside.
        path: Vec<u8>,
        /// What the system inside said.
        errno: i32,
    },
    /// It is nothing that can be applied, or lies elsewhere.
    NotApplied {
        /// Its path inside.
        path: Vec<u8>,
        /// Why.
        why: NotApplied,
    },
    /// Its file system could not be made.
    NotMade {
        /// What mke2fs said.
        words: String,
    },
}

/// Why something is not applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotApplied {
    /// It is not below the home folder.
    Outside,
    /// It is not there any more, so no copy can be made.
    Gone,
    /// It is neither a regular file nor a folder.
    Kind,
    /// The real one is another than when the run began, or one that the
    /// sandbox has never seen.
    Changed,
    /// A copy has no place: something of that name is there.
    Taken,
    /// It is not among the changes.
    Unchanged,
    /// A link, or something that is no folder, is in the way.
    InTheWay,
    /// What is there cannot go to the trash, which is on another file system.
    NoTrash,
    /// The way to the folder for copies leads through a link that may be a
    /// sandbox's.
    LedElsewhere,
    /// The same of the way to a file that the run had a copy of.
    Astray,
    /// It starts programs or holds secrets, and nobody has said that it may
    /// come there, or go.
    Guarded(Holds),
}

/// What was done to a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum FileAction {
    Read,
    Write,
    Create,
    Remove,
    Listen,
    Connect,
    Run,
}

/// What libvirt was asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum DomainAction {
    List,
    Create,
    Look,
    Pause,
    Resume,
    Destroy,
    Network,
    Limits,
}

/// Why a sandbox's network is not what it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NetworkError {
    /// Nothing can be enforced: the guard did not start, or could not do its
    /// part.
    Guard {
        /// Its words, or the system's.
        why: String,
    },
    /// A later version of Terrarium has set rules for sandboxes that run.
    Newer,
    /// An interface is not where libvirt should have made it.
    Missing {
        /// Its name.
        interface: String,
    },
    /// All private ranges are in use here.
    NoRange,
    /// All addresses of Terrarium's own network are taken.
    Full,
    /// A name has no address.
    UnknownHost {
        /// Which.
        name: String,
    },
    /// A name of a list of allowed ones leads into this computer's networks.
    NotOfTheInternet {
        /// Which.
        name: String,
        /// Where it leads.
        address: std::net::IpAddr,
    },
    /// A sandbox is on Terrarium's own network.
    InUse {
        /// Its name.
        sandbox: String,
    },
    /// The sandbox is not on Terrarium's own network.
    NotOwn,
    /// libvirt's filter keeps no bandwidth.
    BandwidthNeedsNft,
}
