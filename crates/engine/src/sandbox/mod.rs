// SPDX-License-Identifier: LGPL-2.1-or-later
//! Running sandboxes: start, list, attach, end.
//!
//! libvirt is the registry: a sandbox is a domain that carries our metadata
//! and our uid, and no process of ours has to run for it to live on. Every
//! method here may block; none may be called from a GUI's main loop.

pub mod changes;
mod directory;
mod end;
pub mod fuzz;
mod groups;
mod ids;
mod layers;
mod limits;
mod list;
mod log;
mod lonely;
mod loop_path;
mod lost;
mod network;
mod program;
mod real;
mod save;
mod screen;
mod set_ids;
mod sources;
mod start;
#[cfg(test)]
mod tests;
mod usage;

pub use changes::{Changes, Review, Told, Waiting, Watch};
pub use directory::names;
pub(crate) use layers::kept_id;
pub use layers::{Layer, Tag};
pub use limits::{check as check_limits, LimitChange, Limits};
pub use real::Real;
pub use save::save;
pub use set_ids::Cleared;

pub(crate) use directory::{fault, is_starting, lock_file as lock, make_private};
pub(crate) use program::install_init;
pub(crate) use start::random_uuid;

pub use crate::error::{Fixed, LastWords};
pub use crate::virt::{longest_call as waits_for_libvirt, Moved};
pub use crate::xml::Metadata;

use crate::console::{Console, Handler};
use crate::error::Error;
use crate::host::ConnectionState;
use crate::plan::Plan;
use crate::profile::{Colour, Isolation, Profile};
use crate::uri::Uri;
use serde::Serialize;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use terrarium_protocol::display::ScreenSize;
use terrarium_protocol::message::{Outcome, Status};
use terrarium_protocol::orders::{Command, Lifetime, Size};

/// Names one sandbox for as long as it exists.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Id {
    /// Where its domain lives.
    pub connection: Uri,
    /// N of `terrarium-UID-N`.
    pub number: u32,
    /// The domain's UUID.
    pub uuid: String,
}

/// What is known of a sandbox without a conversation of one's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Which.
    pub id: Id,
    /// What the domain's metadata says.
    pub metadata: Metadata,
    /// How it is.
    pub state: State,
    /// What init says; absent if it did not answer or could not be asked.
    pub status: Option<Status>,
}

impl Summary {
    /// What the user calls it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.metadata.name
    }

    /// How strong its glass is.
    #[must_use]
    pub fn isolation(&self) -> Isolation {
        self.metadata.isolation
    }

    /// Its mark.
    #[must_use]
    pub fn colour(&self) -> Colour {
        self.metadata.colour
    }
}

/// How a sandbox is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Being built, or the machine boots.
    Starting,
    /// The command runs.
    Running,
    /// Frozen by the user.
    Paused,
    /// It has ended; the result waits to be fetched.
    Finished(Outcome),
    /// Its domain is there, its init does not answer.
    NotAnswering,
    /// It ended unexpectedly while nobody was attached.
    Crashed,
}

/// All sandboxes of the caller, and the connections that could not be asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// By number.
    pub sandboxes: Vec<Summary>,
    /// Connections that did not answer, and why.
    pub unreachable: Vec<(Uri, ConnectionState)>,
}

/// How a sandbox is started.
#[derive(Clone, Copy, Debug)]
pub struct Start {
    /// What becomes of it without its client.
    pub lifetime: Lifetime,
    /// Size of the terminal, if the plan has one.
    pub size: Size,
    /// Size of the screen, if the plan has one; by default that of the plan.
    pub screen: Option<ScreenSize>,
    /// How many of its pixels, across and down, are for one of the desktop that
    /// shows it. Programs draw that much larger, from their start on.
    pub scale: u32,
    /// If a running sandbox has the plan's name, take "NAME 2" and so on; else
    /// it is an error.
    pub unique_name: bool,
}

/// How to attach to a sandbox.
#[derive(Clone, Copy, Debug, Default)]
pub struct Attach {
    /// Whether the keyboard is wanted.
    pub keyboard: bool,
    /// First offset of standard output; `None`: see [`terrarium_protocol::ToInit::Attach`].
    pub out: Option<u64>,
    /// The same for standard error.
    pub err: Option<u64>,
}

/// How to end a sandbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// TERM, KILL after this many milliseconds, then the domain is destroyed.
    Gently {
        /// 10 000 by default.
        grace: u32,
    },
    /// Destroyed at once.
    Now,
}

/// What a start tells while it goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// The kernel and initrd of a machine are being prepared.
    Kernel,
    /// libvirt makes the domain.
    Domain,
    /// What is kept is copied, since the run may be thrown away.
    Copy {
        /// Copied so far.
        bytes: u64,
        /// In all.
        of: u64,
    },
    /// The domain is there: the machine boots, or the container's init comes
    /// up. From here on the start can be cancelled by stopping it.
    Boot(Id),
    /// Init got this far.
    Inside(terrarium_protocol::message::Stage),
}

/// Is told how far a start has come. `false` ends it with [`Error::Cancelled`]
/// while something is copied; later it can be stopped.
pub type Tell<'a> = dyn Fn(Progress) -> bool + Send + Sync + 'a;

/// A sandbox that was just started, and the conversation with it.
pub struct Started {
    /// Which.
    pub id: Id,
    /// Its name: the plan's, or one made from it.
    pub name: String,
    /// Attached with the keyboard; the handler has it too.
    pub console: Console,
}

/// What a sandbox uses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Usage {
    /// Time of processors that it has had, in nanoseconds.
    pub processor: u64,
    /// Memory in bytes.
    pub memory: u64,
    /// What its own disks moved, if that can be known: what is shown of this
    /// computer's files is on none of them.
    pub disk: Option<Moved>,
    /// What its interfaces moved; `None` without any that can be asked.
    pub network: Option<Moved>,
}

/// A picture of a screen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// Its size.
    pub size: ScreenSize,
    /// Three bytes a pixel from top left: red, green, blue.
    pub pixels: Vec<u8>,
}

/// Something is kept as long as this is there.
pub type Held = Box<dyn Send>;

/// All that can be done with sandboxes. [`Real`] does it with libvirt; the
/// tests of the window have another.
pub trait Driver: Send + Sync {
    /// Starts what the plan says. Returns once the command runs or has
    /// ended; events (also of a command that ended at once) go to `handler`.
    ///
    /// # Errors
    /// It could not be started; nothing is left behind.
    fn start(&self, plan: &Plan, how: Start, progress: &Tell<'_>, handler: Handler)
        -> Result<Started, Error>;

    /// Every sandbox of the caller. Cleans up after those that are gone.
    fn list(&self) -> Listing;

    /// A folder in which something comes or goes whenever a sandbox does, so
    /// that nobody has to ask all the time. `None`: there is none.
    fn watched(&self) -> Option<PathBuf> {
        None
    }

    /// The sandbox with this name (or domain name, or UUID).
    ///
    /// # Errors
    /// There is none, or a connection that may have it cannot be asked.
    fn find(&self, name: &str) -> Result<Summary, Error>;

    /// Whether the domain still exists.
    ///
    /// # Errors
    /// libvirt cannot be asked.
    fn exists(&self, id: &Id) -> Result<bool, Error>;

    /// What is known of the end of a sandbox that crashed. To be asked before
    /// [`Self::finish`].
    fn last_words(&self, _id: &Id) -> Option<LastWords> {
        None
    }

    /// Tells a sandbox that its result is in safe hands: it goes.
    fn received(&self, _id: &Id, console: &Console) {
        console.received();
    }

    /// The profile that it runs, as it was at the start.
    fn profile(&self, _id: &Id) -> Option<Profile> {
        None
    }

    /// What it uses at this moment.
    fn usage(&self, _id: &Id) -> Option<Usage> {
        None
    }

    /// Begins a conversation about the command.
    ///
    /// # Errors
    /// Init cannot be reached.
    fn attach(&self, id: &Id, how: Attach, handler: Handler) -> Result<Console, Error>;

    /// Runs another program inside.
    ///
    /// # Errors
    /// Init cannot be reached.
    fn exec(&self, id: &Id, command: Command, handler: Handler) -> Result<Console, Error>;

    /// A connected socket for one more channel of the SPICE session of its
    /// screen.
    ///
    /// # Errors
    /// It has no screen, or none yet; libvirt or init cannot be reached.
    fn open_display(&self, id: &Id) -> Result<OwnedFd, Error>;

    /// A picture of its screen.
    ///
    /// # Errors
    /// It has no screen, or none yet; init cannot be reached.
    fn picture(&self, id: &Id) -> Result<Picture, Error>;

    /// What the programs of its screen (server, agent, window manager) wrote
    /// last. It is the sandbox's and not to be believed.
    ///
    /// # Errors
    /// It has no screen; init cannot be reached.
    fn log(&self, id: &Id) -> Result<String, Error>;

    /// Ends it; returns when it is gone, with its result if it gave one.
    ///
    /// # Errors
    /// libvirt cannot be asked, or would not destroy it.
    fn stop(&self, id: &Id, how: Stop) -> Result<Option<Outcome>, Error>;

    /// How much its network was used, and with whom.
    ///
    /// # Errors
    /// It is not on Terrarium's own network; the guard cannot be asked.
    fn network(&self, _id: &Id) -> Result<crate::network::Usage, Error> {
        Err(Error::Network(crate::error::NetworkError::NotOwn))
    }

    /// Networks of libvirt's that an interface can be on, and whether they are
    /// active.
    ///
    /// # Errors
    /// libvirt cannot be asked.
    fn networks(&self) -> Result<Vec<(String, bool)>, Error> {
        Ok(Vec::new())
    }

    /// Makes one of them active.
    ///
    /// # Errors
    /// There is none of that name; libvirt cannot be asked, or would not.
    fn start_network(&self, name: &str) -> Result<(), Error> {
        let message = name.to_owned();
        Err(Error::Libvirt { action: crate::error::DomainAction::Network, message })
    }

    /// Changes its network; returns once that holds.
    ///
    /// # Errors
    /// It is not on Terrarium's own network; the guard could not do it, and
    /// all is as it was.
    fn change_network(&self, _id: &Id, _change: &crate::network::Change) -> Result<(), Error> {
        Err(Error::Network(crate::error::NetworkError::NotOwn))
    }

    /// How much it may use now, and what of that can be changed.
    ///
    /// # Errors
    /// libvirt cannot be asked.
    fn limits(&self, _id: &Id) -> Result<Limits, Error> {
        Err(Error::Libvirt { action: crate::error::DomainAction::Look, message: String::new() })
    }

    /// Changes how much it may use, until it ends; returns once that holds.
    ///
    /// # Errors
    /// A profile could not say it either, or it cannot be changed while it
    /// runs; libvirt cannot be asked, or would not. Of several the first ones
    /// may hold by then.
    fn change_limits(&self, _id: &Id, _change: &LimitChange) -> Result<(), Error> {
        Err(Error::Libvirt { action: crate::error::DomainAction::Limits, message: String::new() })
    }

    /// Freezes it.
    ///
    /// # Errors
    /// libvirt cannot be asked, or would not.
    fn pause(&self, id: &Id) -> Result<(), Error>;

    /// Lets it go on.
    ///
    /// # Errors
    /// libvirt cannot be asked, or would not.
    fn resume(&self, id: &Id) -> Result<(), Error>;

    /// The domain's XML as libvirt has it now.
    ///
    /// # Errors
    /// libvirt cannot be asked.
    fn xml(&self, id: &Id) -> Result<String, Error>;

    /// Set-id bits that were taken away from files that sandboxes wrote: what
    /// [`Self::list`], [`Self::stop`] and [`Self::finish`] found since the last
    /// call.
    fn take_cleared(&self) -> Vec<Cleared> {
        Vec::new()
    }

    /// Asks a sandbox that has ended for what it has changed, and keeps the
    /// answer with its layer, so that [`Self::changes`] need not start
    /// anything. To be called when its result has arrived, before
    /// [`Console::received`]. `None` for a sandbox that leaves nothing.
    ///
    /// # Errors
    /// Init cannot be reached, or the disk is full.
    fn gather(&self, _id: &Id) -> Result<Option<Changes>, Error> {
        Ok(None)
    }

    /// Paths inside that a run of this plan finds as the last one has left
    /// them, although this computer's files have changed since.
    fn outdated(&self, _plan: &Plan) -> Vec<terrarium_protocol::Bytes> {
        Vec::new()
    }

    /// The layers that are kept, or wait to be looked at: the one that was
    /// started last first. One of a sandbox that still runs is among them.
    fn layers(&self) -> Vec<Layer> {
        Vec::new()
    }

    /// What waits for a decision: the layers of runs that have ended and are to
    /// be looked at, the one that was started last first. Starts nothing, and
    /// costs little more than a look at a folder.
    fn waiting(&self) -> Vec<Waiting> {
        Vec::new()
    }

    /// Keeps the layer of a sandbox that is to leave nothing, but lingers
    /// ([`Plan::linger`]), until this is dropped or the caller has ended.
    /// Whoever holds it calls [`Self::discard`] in the end. `None` if there is
    /// no such layer, or somebody else holds it.
    fn hold(&self, _id: &Id) -> Option<Held> {
        None
    }

    /// How a layer differs from this computer's files; of a run that went on
    /// from what was kept, only what it has changed itself. Starts its
    /// sandbox, with nothing running in it, if nobody gathered that; `watch`
    /// is told how many changes have arrived.
    ///
    /// # Errors
    /// The layer is in use, its sandbox cannot be started, or `watch` ended it
    /// ([`Error::Cancelled`]).
    fn changes(&self, _layer: &Layer, _watch: &Watch<'_>) -> Result<Changes, Error> {
        Ok(Changes::default())
    }

    /// Starts the sandbox of a layer with nothing running in it, to look into
    /// its files. It goes when this is dropped.
    ///
    /// # Errors
    /// The layer is in use, or its sandbox cannot be started.
    fn review(&self, layer: &Layer) -> Result<Box<dyn Review>, Error> {
        Err(Error::Layer(crate::error::LayerError::None { name: layer.tag.name.clone(), like: None }))
    }

    /// As [`Self::review`], with what the layer began as a copy of beside it:
    /// what is taken out of the layer is then as it was kept. Nobody goes on
    /// from what is kept while it is there.
    ///
    /// # Errors
    /// As there; what is kept is in use, or another by now.
    fn restorer(&self, layer: &Layer) -> Result<Box<dyn Review>, Error> {
        Err(Error::Layer(crate::error::LayerError::Kept { name: layer.tag.name.clone() }))
    }

    /// The next run of the same name goes on from this layer. It takes the
    /// place of the kept one that it began as.
    ///
    /// # Errors
    /// The layer is in use, or another one is kept under that name.
    fn keep(&self, _layer: &Layer) -> Result<(), Error> {
        Ok(())
    }

    /// As [`Self::keep`], with these changes alone and what is in them; the
    /// rest is thrown away. `paths` are the changes' own.
    ///
    /// # Errors
    /// As [`Self::keep`]; one is not among the changes, or not all of those
    /// were told.
    fn keep_only(&self, _layer: &Layer, _paths: &[terrarium_protocol::Bytes]) -> Result<(), Error> {
        Ok(())
    }

    /// Takes a layer away. Nothing of it is left; what it began as is kept.
    ///
    /// # Errors
    /// The layer is in use, or cannot be removed.
    fn discard(&self, _layer: &Layer) -> Result<(), Error> {
        Ok(())
    }

    /// Cleans up after a sandbox whose result was received or that crashed:
    /// waits up to `wait` for its domain to go, destroys it if it does not,
    /// removes its directory.
    ///
    /// # Errors
    /// libvirt cannot be asked, or would not destroy it.
    fn finish(&self, id: &Id, wait: std::time::Duration) -> Result<(), Error>;
}
