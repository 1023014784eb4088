// SPDX-License-Identifier: LGPL-2.1-or-later
//! The driver that users get: libvirt.

use super::sources::stage;
use super::Usage;
use super::{changes, directory, layers, lonely, lost, screen, set_ids, usage, Changes, Cleared, Layer};
use super::{end, list, log, start, Attach, Driver, Id, LastWords, Listing, Start, Started, State, Stop};
use super::{Held, Picture, Review, Summary, Tell, Watch};
use crate::console::{greet, Console, Greeted, Handler, Patience};
use crate::error::{DomainAction, Error, NetworkError};
use crate::host::Host;
use crate::places::Places;
use crate::plan::Plan;
use crate::profile::{Changes as Fate, Profile};
use crate::sandbox::network::follow;
use crate::uri::Uri;
use crate::virt::{Domain, Pool, Power};
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;
use terrarium_protocol::message::Outcome;
use terrarium_protocol::orders::Command;
use terrarium_protocol::{Bytes, ToInit};

/// Sandboxes as libvirt domains.
pub struct Real {
    pub(crate) pool: Pool,
    /// Connections that are worth asking.
    pub(crate) connections: Vec<Uri>,
    pub(super) caller: u32,
    pub(crate) places: Places,
    cleared: Mutex<Vec<Cleared>>,
    /// How much waits for a decision.
    pub(super) counted: changes::Counted,
    /// Names of networks' lists are looked up for as long as this is here.
    follows: OnceLock<follow::Alive>,
    /// What a layer is looked at with.
    pub(super) host: Host,
}

impl Real {
    /// For the caller and the connections of `host`. Opens nothing yet.
    #[must_use]
    pub fn new(host: &Host) -> Self {
        let usable = host.connections.iter().filter(|c| c.state.usable()).map(|c| c.uri.clone()).collect();
        Self {
            pool: Pool::default(),
            connections: usable,
            caller: host.caller,
            places: host.places.clone(),
            cleared: Mutex::default(),
            counted: changes::Counted::default(),
            follows: OnceLock::new(),
            host: host.clone(),
        }
    }

    /// Another one like it, with connections of its own.
    pub(super) fn again(&self) -> Self {
        Self {
            pool: Pool::default(),
            connections: self.connections.clone(),
            caller: self.caller,
            places: self.places.clone(),
            cleared: Mutex::default(),
            counted: changes::Counted::default(),
            follows: OnceLock::new(),
            host: self.host.clone(),
        }
    }

    /// Has the names of networks' lists looked up from now on, if there are any.
    fn follow_names(&self) {
        if self.follows.get().is_none() && follow::is_needed(&self.places.runtime) {
            self.follows.get_or_init(|| {
                let alive = follow::Alive::default();
                follow::begin(self.again(), Arc::downgrade(&alive));
                alive
            });
        }
    }

    /// Asks `uri` too, although the host does not offer it.
    pub fn add_connection(&mut self, uri: Uri) {
        if !self.connections.contains(&uri) {
            self.connections.push(uri);
        }
    }

    /// What is left of sandboxes that are gone.
    pub(super) fn sweep(&self) {
        stage::sweep(&self.places.cache, &self.places.runtime);
        layers::sweep(&self.places, self.caller);
        crate::sandbox::network::filter::sweep(self);
        let found = set_ids::sweep(self);
        if !found.is_empty() {
            self.cleared.lock().unwrap_or_else(PoisonError::into_inner).extend(found);
        }
    }

    pub(super) fn domain(&self, id: &Id) -> Result<Option<Domain>, Error> {
        self.pool.find(&id.connection, &id.uuid)
    }

    pub(super) fn domain_or_fail(&self, id: &Id, action: DomainAction) -> Result<Domain, Error> {
        let gone = || Error::Libvirt { action, message: String::new() };
        self.domain(id)?.ok_or_else(gone)
    }

    /// Takes the caller's own network away. Returns whether there was one.
    ///
    /// # Errors
    /// A sandbox is on it; libvirt cannot be asked, or would not.
    pub fn remove_network(&self) -> Result<bool, Error> {
        // One that crashed is listed, and has nothing any more.
        let on_it = |one: &Summary| {
            one.state != State::Crashed
                && crate::sandbox::network::guard::read(&self.directory(&one.id)).is_some()
        };
        if let Some(one) = self.list().sandboxes.iter().find(|one| on_it(one)) {
            return Err(Error::Network(NetworkError::InUse { sandbox: one.name().to_owned() }));
        }
        if !self.connections.contains(&Uri::LxcSystem) {
            return Ok(false);
        }
        let filters = crate::sandbox::network::filter::remove(self)?;
        crate::sandbox::network::own::remove(&self.pool, &Uri::LxcSystem, self.caller)
            .map(|was| was || filters)
    }

    /// Whose sandboxes these are.
    pub(crate) fn caller(&self) -> u32 {
        self.caller
    }

    /// Where what a sandbox has lies, if it is still that sandbox.
    pub(crate) fn own_directory(&self, id: &Id) -> Result<PathBuf, Error> {
        let directory = self.directory(id);
        if directory::is_of(&directory, &id.uuid) {
            return Ok(directory);
        }
        Err(Error::NoSuchSandbox { name: id.uuid.clone(), like: None })
    }

    /// Where the sandbox's sockets are.
    pub(super) fn directory(&self, id: &Id) -> PathBuf {
        self.places.sandbox(id.number)
    }

    pub(super) fn converse(
        &self,
        id: &Id,
        patience: Patience,
        request: &ToInit,
        handler: Handler,
    ) -> Result<Console, Error> {
        self.greet(id, patience)?.begin(request, handler)
    }

    /// Fails at once if it is paused: its init would not answer. Where libvirt
    /// cannot be asked, it is left to init.
    pub(super) fn expect_running(&self, id: &Id) -> Result<(), Error> {
        match self.domain(id) {
            Ok(Some(domain)) if domain.power() == Power::Paused => Err(Error::Paused),
            _ => Ok(()),
        }
    }

    pub(super) fn greet(&self, id: &Id, patience: Patience) -> Result<Greeted, Error> {
        let directory = self.directory(id);
        if !directory::is_of(&directory, &id.uuid) {
            // Its number may be another's by now.
            return Err(Error::NoSuchSandbox { name: id.uuid.clone(), like: None });
        }
        let (path, lock) = directory::socket(&directory, id.connection.is_lxc())?;
        let held = lonely::join(&directory);
        Ok(greet(&path, lock, patience)?.holding(held))
    }
}

impl Driver for Real {
    fn start(
        &self,
        plan: &Plan,
        how: Start,
        progress: &Tell<'_>,
        handler: Handler,
    ) -> Result<Started, Error> {
        start::start(self, plan, how, progress, handler).inspect(|_| self.follow_names())
    }

    fn list(&self) -> Listing {
        self.follow_names();
        list::list(self)
    }

    fn watched(&self) -> Option<PathBuf> {
        let mode = if self.caller == 0 { 0o711 } else { 0o700 };
        directory::make_private(&self.places.runtime, mode).ok()?;
        Some(self.places.runtime.clone())
    }

    fn find(&self, name: &str) -> Result<Summary, Error> {
        list::find(self, name)
    }

    fn exists(&self, id: &Id) -> Result<bool, Error> {
        Ok(self.domain(id)?.is_some())
    }

    fn last_words(&self, id: &Id) -> Option<LastWords> {
        log::last_words(self, id)
    }

    fn received(&self, id: &Id, console: &Console) {
        lost::expect_end(&self.directory(id), &id.uuid);
        console.received();
    }

    fn profile(&self, id: &Id) -> Option<Profile> {
        directory::profile(&self.directory(id), &id.uuid)
    }

    fn usage(&self, id: &Id) -> Option<Usage> {
        usage::of(self, id)
    }

    fn attach(&self, id: &Id, how: Attach, handler: Handler) -> Result<Console, Error> {
        let request = ToInit::Attach { keyboard: how.keyboard, out: how.out, err: how.err };
        self.follow_names();
        self.converse(id, Patience::ATTACH, &request, handler)
    }

    fn exec(&self, id: &Id, command: Command, handler: Handler) -> Result<Console, Error> {
        self.expect_running(id)?;
        self.converse(id, Patience::ATTACH, &ToInit::Exec(Box::new(command)), handler)
    }

    fn open_display(&self, id: &Id) -> Result<OwnedFd, Error> {
        screen::open(self, id)
    }

    fn picture(&self, id: &Id) -> Result<Picture, Error> {
        screen::picture(self, id)
    }

    fn log(&self, id: &Id) -> Result<String, Error> {
        screen::log(self, id)
    }

    fn stop(&self, id: &Id, how: Stop) -> Result<Option<Outcome>, Error> {
        end::stop(self, id, how)
    }

    fn network(&self, id: &Id) -> Result<crate::network::Usage, Error> {
        crate::sandbox::network::live::usage(self, id)
    }

    fn networks(&self) -> Result<Vec<(String, bool)>, Error> {
        let own = crate::network::names::network(self.caller);
        let all = self.pool.networks(&Uri::LxcSystem)?;
        let others = all.into_iter().filter(|network| network.name() != own);
        Ok(others.map(|network| (network.name(), network.is_active())).collect())
    }

    fn start_network(&self, name: &str) -> Result<(), Error> {
        let all = self.pool.networks(&Uri::LxcSystem)?;
        let none = || Error::Libvirt { action: DomainAction::Network, message: name.to_owned() };
        all.into_iter().find(|network| network.name() == name).ok_or_else(none)?.start()
    }

    fn change_network(&self, id: &Id, change: &crate::network::Change) -> Result<(), Error> {
        crate::sandbox::network::live::change(self, id, change)
    }

    fn limits(&self, id: &Id) -> Result<super::Limits, Error> {
        super::limits::of(self, id)
    }

    fn change_limits(&self, id: &Id, change: &super::LimitChange) -> Result<(), Error> {
        super::limits::change(self, id, change)
    }

    fn pause(&self, id: &Id) -> Result<(), Error> {
        self.domain_or_fail(id, DomainAction::Pause)?.pause()
    }

    fn resume(&self, id: &Id) -> Result<(), Error> {
        self.domain_or_fail(id, DomainAction::Resume)?.resume()
    }

    fn xml(&self, id: &Id) -> Result<String, Error> {
        self.domain_or_fail(id, DomainAction::Look)?.xml()
    }

    fn take_cleared(&self) -> Vec<Cleared> {
        std::mem::take(&mut *self.cleared.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn gather(&self, id: &Id) -> Result<Option<Changes>, Error> {
        changes::gather(self, id)
    }

    fn outdated(&self, plan: &Plan) -> Vec<Bytes> {
        changes::outdated(self, plan)
    }

    fn hold(&self, id: &Id) -> Option<Held> {
        let is_it = |layer: &Layer| layer.tag.uuid == id.uuid && layer.tag.changes == Fate::Discard;
        let layer = self.layers().into_iter().find(is_it)?;
        layers::hold(&layer.folder).map(|lock| -> Held { Box::new(lock) })
    }

    fn layers(&self) -> Vec<Layer> {
        layers::all(&self.places, self.caller)
    }

    fn waiting(&self) -> Vec<changes::Waiting> {
        changes::waiting(self)
    }

    fn changes(&self, layer: &Layer, watch: &Watch<'_>) -> Result<Changes, Error> {
        changes::of(self, layer, watch)
    }

    fn review(&self, layer: &Layer) -> Result<Box<dyn Review>, Error> {
        changes::review(self, layer)
    }

    fn restorer(&self, layer: &Layer) -> Result<Box<dyn Review>, Error> {
        changes::restorer(self, layer)
    }

    fn keep(&self, layer: &Layer) -> Result<(), Error> {
        changes::keep(self, layer)
    }

    fn keep_only(&self, layer: &Layer, paths: &[Bytes]) -> Result<(), Error> {
        changes::keep_only(self, layer, paths)
    }

    fn discard(&self, layer: &Layer) -> Result<(), Error> {
        changes::discard(self, layer)
    }

    fn finish(&self, id: &Id, wait: Duration) -> Result<(), Error> {
        end::finish(self, id, wait)
    }
}
