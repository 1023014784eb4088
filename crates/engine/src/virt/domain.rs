// SPDX-License-Identifier: LGPL-2.1-or-later
//! One domain.

use super::failed;
use super::patience::call;
use crate::error::{DomainAction, Error};
use quick_xml::events::{BytesStart, Event};
use serde::Serialize;
use std::os::fd::{FromRawFd, OwnedFd};

/// Whether a domain computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Power {
    /// It does.
    On,
    /// It is frozen.
    Paused,
    /// It does not exist any more, or is about to go.
    Off,
}

/// Bytes that were moved since the start, as seen from inside.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Moved {
    /// Read or received.
    pub inwards: u64,
    /// Written or sent.
    pub outwards: u64,
}

/// A domain of libvirt.
#[derive(Clone)]
pub struct Domain {
    pub(super) inner: virt::domain::Domain,
}

impl Domain {
    pub(super) fn new(inner: virt::domain::Domain) -> Self {
        Self { inner }
    }

    /// Its name; empty if it is gone.
    pub fn name(&self) -> String {
        self.inner.get_name().unwrap_or_default()
    }

    /// Its UUID; empty if it is gone.
    pub fn uuid(&self) -> String {
        self.inner.get_uuid_string().unwrap_or_default()
    }

    /// The metadata element of one namespace, as XML. `None` if it has none
    /// or is gone.
    pub fn metadata(&self, namespace: &str) -> Option<String> {
        let kind = virt_sys::VIR_DOMAIN_METADATA_ELEMENT as i32;
        self.inner.get_metadata(kind, Some(namespace), 0).ok()
    }

    /// Whether it computes.
    pub fn power(&self) -> Power {
        let _call = call();
        match self.inner.get_state() {
            Ok((virt_sys::VIR_DOMAIN_PAUSED, _)) => Power::Paused,
            Ok((virt_sys::VIR_DOMAIN_RUNNING | virt_sys::VIR_DOMAIN_BLOCKED, _)) => Power::On,
            _ => Power::Off,
        }
    }

    /// Processor time in nanoseconds and memory in bytes; `None` if it is gone.
    pub fn load(&self) -> Option<(u64, u64)> {
        let _call = call();
        let info = self.inner.get_info().ok()?;
        Some((info.cpu_time, info.memory.saturating_mul(1024)))
    }

    /// What all of a machine's disks moved.
    pub fn disks(&self) -> Option<Moved> {
        let _call = call();
        let moved = self.inner.get_block_stats("").ok()?;
        // What libvirt does not know is negative.
        let bytes = |count: i64| u64::try_from(count).ok();
        Some(Moved { inwards: bytes(moved.rd_bytes)?, outwards: bytes(moved.wr_bytes)? })
    }

    /// What all of its interfaces moved that this computer has an end of.
    pub fn interfaces(&self) -> Option<Moved> {
        let _call = call();
        let devices = devices(&self.inner.get_xml_desc(0).ok()?);
        let moved = devices.iter().filter_map(|device| self.inner.interface_stats(device).ok());
        let bytes = |count: i64| u64::try_from(count).unwrap_or(0);
        moved.fold(None, |sum: Option<Moved>, one| {
            let sum = sum.unwrap_or_default();
            Some(Moved {
                inwards: sum.inwards.saturating_add(bytes(one.rx_bytes)),
                outwards: sum.outwards.saturating_add(bytes(one.tx_bytes)),
            })
        })
    }

    /// Freezes it.
    pub fn pause(&self) -> Result<(), Error> {
        let _call = call();
        self.inner.suspend().map(drop).map_err(failed(DomainAction::Pause))
    }

    /// Lets it go on.
    pub fn resume(&self) -> Result<(), Error> {
        let _call = call();
        self.inner.resume().map(drop).map_err(failed(DomainAction::Resume))
    }

    /// Ends it without asking. No fault if it is gone already.
    pub fn destroy(&self) -> Result<(), Error> {
        let _call = call();
        match self.inner.destroy() {
            Ok(()) => Ok(()),
            Err(_) if self.power() == Power::Off => Ok(()),
            Err(error) => Err(failed(DomainAction::Destroy)(error)),
        }
    }

    /// A connected socket for one more channel of its SPICE server, which
    /// listens nowhere else.
    pub fn open_graphics(&self) -> Result<OwnedFd, Error> {
        let _call = call();
        let flags = virt_sys::VIR_DOMAIN_OPEN_GRAPHICS_SKIPAUTH;
        // SAFETY: the domain outlives the call.
        let descriptor = unsafe { virt_sys::virDomainOpenGraphicsFD(self.inner.as_ptr(), 0, flags) };
        if descriptor < 0 {
            return Err(failed(DomainAction::Look)(virt::error::Error::last_error()));
        }
        // SAFETY: libvirt made it for the caller to close.
        Ok(unsafe { OwnedFd::from_raw_fd(descriptor) })
    }

    /// Its XML as libvirt has it now.
    pub fn xml(&self) -> Result<String, Error> {
        let _call = call();
        self.inner.get_xml_desc(0).map_err(failed(DomainAction::Look))
    }
}

/// This computer's ends of the interfaces in a domain's XML.
fn devices(xml: &str) -> Vec<String> {
    let mut reader = quick_xml::Reader::from_str(xml);
    let (mut devices, mut inside) = (Vec::new(), false);
    let device = |element: &BytesStart| {
        let found = element.try_get_attribute("dev").ok().flatten()?;
        found.unescape_value().ok().map(|name| name.into_owned())
    };
    loop {
        match reader.read_event() {
            Ok(Event::Start(element)) if element.name().as_ref() == b"interface" => inside = true,
            Ok(Event::End(element)) if element.name().as_ref() == b"interface" => inside = false,
            Ok(Event::Empty(element) | Event::Start(element))
                if inside && element.name().as_ref() == b"target" =>
            {
                devices.extend(device(&element));
            }
            Ok(Event::Eof) | Err(_) => return devices,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::devices;

    #[test]
    fn interfaces_are_told_from_disks() {
        let xml = "<domain><devices><disk><target dev='vda'/></disk><interface type='network'>\
                   <mac address='x'/><target dev='vnet3'/></interface><interface type='user'><mac/></interface>\
                   <filesystem><target dir='/'/></filesystem></devices></domain>";
        assert_eq!(devices(xml), ["vnet3"]);
        assert!(devices("<<").is_empty());
    }
}
