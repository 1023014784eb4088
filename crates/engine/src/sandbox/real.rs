// SPDX-License-Identifier: LGPL-2.1-or-later
//! The driver that users get: libvirt.

use super::{changes, directory, layers, screen, Changes, Layer, Picture, Progress, Review, Watch};
use super::{end, list, log, start, Attach, Driver, Id, LastWords, Listing, Start, Started, Stop, Summary};
use crate::console::{greet, Console, Greeted, Handler, Patience};
use crate::error::{DomainAction, Error};
use crate::host::Host;
use crate::places::Places;
use crate::plan::Plan;
use crate::uri::Uri;
use crate::virt::{Domain, Pool};
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::time::Duration;
use terrarium_protocol::message::Outcome;
use terrarium_protocol::orders::Command;
use terrarium_protocol::{Bytes, ToInit};

/// Sandboxes as libvirt domains.
pub struct Real {
    pub(super) pool: Pool,
    /// Connections that are worth asking.
    pub(super) connections: Vec<Uri>,
    pub(super) caller: u32,
    pub(super) places: Places,
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
            host: self.host.clone(),
        }
    }

    /// Asks `uri` too, although the host does not offer it.
    pub fn add_connection(&mut self, uri: Uri) {
        if !self.connections.contains(&uri) {
            self.connections.push(uri);
        }
    }

    pub(super) fn domain(&self, id: &Id) -> Result<Option<Domain>, Error> {
        self.pool.find(&id.connection, &id.uuid)
    }

    pub(super) fn domain_or_fail(&self, id: &Id, action: DomainAction) -> Result<Domain, Error> {
        let gone = || Error::Libvirt { action, message: String::new() };
        self.domain(id)?.ok_or_else(gone)
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

    pub(super) fn greet(&self, id: &Id, patience: Patience) -> Result<Greeted, Error> {
        let directory = self.directory(id);
        if !directory::is_of(&directory, &id.uuid) {
            // Its number may be another's by now.
            return Err(Error::NoSuchSandbox { name: id.uuid.clone() });
        }
        let (path, lock) = directory::socket(&directory, id.connection.is_lxc())?;
        greet(&path, lock, patience)
    }
}

impl Driver for Real {
    fn start(
        &self,
        plan: &Plan,
        how: Start,
        progress: &(dyn Fn(Progress) + Send + Sync),
        handler: Handler,
    ) -> Result<Started, Error> {
        start::start(self, plan, how, progress, handler)
    }

    fn list(&self) -> Listing {
        list::list(self)
    }

    fn find(&self, name: &str) -> Result<Summary, Error> {
        list::find(self, name)
    }

    fn exists(&self, id: &Id) -> Result<bool, Error> {
        Ok(self.domain(id)?.is_some())
    }

    fn last_words(&self, id: &Id) -> Option<LastWords> {
        log::last_words(self, &id.connection, id.number)
    }

    fn attach(&self, id: &Id, how: Attach, handler: Handler) -> Result<Console, Error> {
        let request = ToInit::Attach { keyboard: how.keyboard, out: how.out, err: how.err };
        self.converse(id, Patience::ATTACH, &request, handler)
    }

    fn exec(&self, id: &Id, command: Command, handler: Handler) -> Result<Console, Error> {
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

    fn pause(&self, id: &Id) -> Result<(), Error> {
        self.domain_or_fail(id, DomainAction::Pause)?.pause()
    }

    fn resume(&self, id: &Id) -> Result<(), Error> {
        self.domain_or_fail(id, DomainAction::Resume)?.resume()
    }

    fn xml(&self, id: &Id) -> Result<String, Error> {
        self.domain_or_fail(id, DomainAction::Look)?.xml()
    }

    fn gather(&self, id: &Id) -> Result<Option<Changes>, Error> {
        changes::gather(self, id)
    }

    fn outdated(&self, plan: &Plan) -> Vec<Bytes> {
        changes::outdated(self, plan)
    }

    fn layers(&self) -> Vec<Layer> {
        layers::all(&self.places, self.caller)
    }

    fn changes(&self, layer: &Layer, watch: &Watch<'_>) -> Result<Changes, Error> {
        changes::of(self, layer, watch)
    }

    fn review(&self, layer: &Layer) -> Result<Box<dyn Review>, Error> {
        changes::review(self, layer)
    }

    fn keep(&self, layer: &Layer) -> Result<(), Error> {
        changes::keep(self, layer)
    }

    fn discard(&self, layer: &Layer) -> Result<(), Error> {
        changes::discard(self, layer)
    }

    fn finish(&self, id: &Id, wait: Duration) -> Result<(), Error> {
        end::finish(self, id, wait)
    }
}
