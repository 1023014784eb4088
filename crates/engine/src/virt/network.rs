// SPDX-License-Identifier: LGPL-2.1-or-later
//! libvirt's networks and filters.

use super::failed;
use super::patience::call;
use super::pool::Pool;
use crate::error::{DomainAction, Error};
use crate::uri::Uri;
use std::ffi::{CStr, CString};
use std::net::Ipv4Addr;
use virt::error::ErrorNumber;

/// A network of libvirt.
pub struct Network {
    inner: virt::network::Network,
}

impl Network {
    /// Its name; empty if it is gone.
    pub fn name(&self) -> String {
        self.inner.get_name().unwrap_or_default()
    }

    /// Whether sandboxes can be on it.
    pub fn is_active(&self) -> bool {
        self.inner.is_active().unwrap_or(false)
    }

    /// What libvirt knows of it.
    pub fn xml(&self) -> Result<String, Error> {
        let _call = call();
        self.inner.get_xml_desc(0).map_err(failed(DomainAction::Network))
    }

    /// The interface of this computer that it is.
    pub fn bridge(&self) -> Result<String, Error> {
        let _call = call();
        self.inner.get_bridge_name().map_err(failed(DomainAction::Network))
    }

    /// The addresses of IPv4 that its server has given to this hardware address.
    pub fn leases(&self, mac: &str) -> Result<Vec<Ipv4Addr>, Error> {
        let _call = call();
        let mac = CString::new(mac).unwrap_or_default();
        let mut list = std::ptr::null_mut();
        // SAFETY: the network and the text outlive the call, which fills in the list.
        let count =
            unsafe { virt_sys::virNetworkGetDHCPLeases(self.inner.as_ptr(), mac.as_ptr(), &raw mut list, 0) };
        if count < 0 {
            return Err(failed(DomainAction::Network)(virt::error::Error::last_error()));
        }
        let mut all = Vec::new();
        for index in 0..usize::try_from(count).unwrap_or(0) {
            // SAFETY: the list has so many leases, each with an address. They are
            // the caller's to free, and are used no more.
            unsafe {
                let lease = *list.add(index);
                all.extend(
                    CStr::from_ptr((*lease).ipaddr).to_str().ok().and_then(|ip| ip.parse::<Ipv4Addr>().ok()),
                );
                virt_sys::virNetworkDHCPLeaseFree(lease);
            }
        }
        // SAFETY: so is the list itself; there may be none.
        unsafe { nix::libc::free(list.cast()) };
        Ok(all)
    }

    /// Raises it. No fault if it is up.
    pub fn start(&self) -> Result<(), Error> {
        let _call = call();
        match self.inner.create() {
            Ok(_) => Ok(()),
            Err(_) if self.is_active() => Ok(()),
            Err(error) => Err(failed(DomainAction::Network)(error)),
        }
    }

    /// Takes it down, and away. No fault if it is gone.
    pub fn remove(&self) -> Result<(), Error> {
        let _call = call();
        if self.is_active() {
            self.inner.destroy().map_err(failed(DomainAction::Network))?;
        }
        match self.inner.undefine() {
            Err(error) if error.code() != ErrorNumber::NoNetwork => Err(failed(DomainAction::Network)(error)),
            _ => Ok(()),
        }
    }
}

/// A filter of libvirt.
pub struct Filter {
    inner: virt::nwfilter::NWFilter,
}

impl Filter {
    /// Its name; empty if it is gone.
    pub fn name(&self) -> String {
        self.inner.get_name().unwrap_or_default()
    }

    /// Takes it away. libvirt does not while an interface has it.
    pub fn remove(&self) -> Result<(), Error> {
        let _call = call();
        match self.inner.undefine() {
            Err(error) if error.code() != ErrorNumber::NoNwfilter => {
                Err(failed(DomainAction::Network)(error))
            }
            _ => Ok(()),
        }
    }
}

impl Pool {
    /// All of them, also those that are down.
    pub fn networks(&self, uri: &Uri) -> Result<Vec<Network>, Error> {
        let found = self.again(uri, DomainAction::Network, |connect| connect.list_all_networks(0))?;
        Ok(found.into_iter().map(|inner| Network { inner }).collect())
    }

    /// The one of that name.
    pub fn network(&self, uri: &Uri, name: &str) -> Result<Network, Error> {
        let look = |connect: &virt::connect::Connect| virt::network::Network::lookup_by_name(connect, name);
        self.again(uri, DomainAction::Network, look).map(|inner| Network { inner })
    }

    /// Makes one, or changes the one of that name.
    pub fn define_network(&self, uri: &Uri, xml: &str) -> Result<Network, Error> {
        let define = |connect: &virt::connect::Connect| virt::network::Network::define_xml(connect, xml);
        self.again(uri, DomainAction::Network, define).map(|inner| Network { inner })
    }

    /// All filters.
    pub fn filters(&self, uri: &Uri) -> Result<Vec<Filter>, Error> {
        let found = self.again(uri, DomainAction::Network, |connect| connect.list_all_nw_filters(0))?;
        Ok(found.into_iter().map(|inner| Filter { inner }).collect())
    }

    /// Makes a filter, or changes the one of that name, also for those that
    /// have it already.
    pub fn define_filter(&self, uri: &Uri, xml: &str) -> Result<(), Error> {
        let define = |connect: &virt::connect::Connect| virt::nwfilter::NWFilter::define_xml(connect, xml);
        self.again(uri, DomainAction::Network, define).map(drop)
    }

    /// Whether there is a filter of that name.
    pub fn has_filter(&self, uri: &Uri, name: &str) -> Result<bool, Error> {
        self.again(uri, DomainAction::Network, |connect| {
            match virt::nwfilter::NWFilter::lookup_by_name(connect, name) {
                Ok(_) => Ok(true),
                Err(error) if error.code() == ErrorNumber::NoNwfilter => Ok(false),
                Err(error) => Err(error),
            }
        })
    }
}
