// SPDX-License-Identifier: LGPL-2.1-or-later
//! Open connections, opened again when libvirt was restarted.

use super::patience::call;
use super::{failed, open, Domain};
use crate::error::{DomainAction, Error};
use crate::uri::Uri;
use std::collections::HashMap;
use std::ffi::CString;
use std::ops::Deref;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::sync::{mpsc, Mutex, PoisonError};
use std::time::Duration;
use virt::connect::Connect;
use virt::error::ErrorNumber;

/// How long the end of all connections may take; libvirt may hang.
const FAREWELL: Duration = Duration::from_millis(500);

/// A connection that is closed with its last copy: `virt` leaves it open, and
/// libvirtd writes an error into its log for each that just goes away.
#[derive(Clone)]
pub(super) struct Link(Connect);

impl Link {
    pub(super) fn new(connect: Connect) -> Self {
        Self(connect)
    }
}

impl Deref for Link {
    type Target = Connect;

    fn deref(&self) -> &Connect {
        &self.0
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        let _call = call();
        let _ = self.0.close();
    }
}

/// One connection for each URI that was needed.
#[derive(Default)]
pub struct Pool {
    open: Mutex<HashMap<Uri, Link>>,
}

impl Drop for Pool {
    /// Not by whoever drops it: that may be a window's main loop.
    fn drop(&mut self) {
        let open = std::mem::take(self.open.get_mut().unwrap_or_else(PoisonError::into_inner));
        if open.is_empty() {
            return;
        }
        let (tell, told) = mpsc::channel();
        std::thread::spawn(move || {
            drop(open);
            let _ = tell.send(());
        });
        let _ = told.recv_timeout(FAREWELL);
    }
}

impl Pool {
    fn get(&self, uri: &Uri) -> Result<Link, Error> {
        if let Some(connect) = self.open.lock().unwrap_or_else(PoisonError::into_inner).get(uri) {
            if connect.is_alive().unwrap_or(false) {
                return Ok(connect.clone());
            }
        }
        // Opened without the lock: one connection that hangs must not hold up
        // the others.
        let connect = open(uri).map_err(|state| Error::Connect { uri: uri.clone(), state })?;
        let old =
            self.open.lock().unwrap_or_else(PoisonError::into_inner).insert(uri.clone(), connect.clone());
        // Closed without the lock, for the same reason.
        drop(old);
        Ok(connect)
    }

    /// Does something that may be done twice: once more on a new connection
    /// if the old one turns out to be dead.
    pub(super) fn again<T>(
        &self,
        uri: &Uri,
        action: DomainAction,
        run: impl Fn(&Connect) -> Result<T, virt::error::Error>,
    ) -> Result<T, Error> {
        let connect = self.get(uri)?;
        let _call = call();
        match run(&connect) {
            Ok(value) => Ok(value),
            Err(error) if connect.is_alive().unwrap_or(false) && !is_broken(&error) => {
                Err(failed(action)(error))
            }
            Err(_) => {
                let old = self.open.lock().unwrap_or_else(PoisonError::into_inner).remove(uri);
                drop(old);
                let fresh = self.get(uri)?;
                run(&fresh).map_err(failed(action))
            }
        }
    }

    /// Every domain that libvirt knows, also those that are off: their names
    /// are taken.
    pub fn domains(&self, uri: &Uri) -> Result<Vec<Domain>, Error> {
        let found = self.again(uri, DomainAction::List, |connect| connect.list_all_domains(0))?;
        Ok(found.into_iter().map(Domain::new).collect())
    }

    /// The domain with this UUID, if it exists.
    pub fn find(&self, uri: &Uri, uuid: &str) -> Result<Option<Domain>, Error> {
        self.again(uri, DomainAction::Look, |connect| {
            match virt::domain::Domain::lookup_by_uuid_string(connect, uuid) {
                Ok(domain) => Ok(Some(Domain::new(domain))),
                Err(error) if error.code() == ErrorNumber::NoDomain => Ok(None),
                Err(error) => Err(error),
            }
        })
    }

    /// Makes and starts a transient domain. The container's init gets `files`
    /// as its descriptors 3, 4, …
    pub fn create(&self, uri: &Uri, xml: &str, files: &[BorrowedFd]) -> Result<Domain, Error> {
        let error = |message: String| Error::Libvirt { action: DomainAction::Create, message };
        let text = CString::new(xml).map_err(|nul| error(nul.to_string()))?;
        // A connection that libvirtd's restart broke shows it here first.
        self.domains(uri)?;
        let connect = self.get(uri)?;
        let _call = call();
        let mut files: Vec<i32> = files.iter().map(AsRawFd::as_raw_fd).collect();
        // QEMU's driver does not know the call with files.
        let domain = if files.is_empty() {
            // SAFETY: the connection and the text outlive the call.
            unsafe { virt_sys::virDomainCreateXML(connect.as_ptr(), text.as_ptr(), 0) }
        } else {
            let (list, count) = (files.as_mut_ptr(), files.len() as u32);
            // SAFETY: the connection, the text and the list of `count` open
            // descriptors all outlive the call, which keeps none of them.
            unsafe { virt_sys::virDomainCreateXMLWithFiles(connect.as_ptr(), text.as_ptr(), count, list, 0) }
        };
        if domain.is_null() {
            return Err(failed(DomainAction::Create)(virt::error::Error::last_error()));
        }
        // SAFETY: a new reference that nobody else holds.
        Ok(Domain::new(unsafe { virt::domain::Domain::from_ptr(domain) }))
    }
}

/// Whether an error says that the connection, not the request, is at fault.
/// Its words are in whatever language the daemon or we speak.
pub(super) fn is_broken(error: &virt::error::Error) -> bool {
    use ErrorNumber as N;
    matches!(error.code(), N::Rpc | N::InvalidConn | N::NoServer | N::SystemError)
}
