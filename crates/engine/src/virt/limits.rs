// SPDX-License-Identifier: LGPL-2.1-or-later
//! How much a domain may use, changed while it runs.

use super::patience::call;
use super::{failed, Domain};
use crate::error::{DomainAction, Error};
use std::ffi::CString;
use virt::domain::{MemoryParameters, SchedBandwidth, SchedulerInfo};

/// Whose processors are bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// A container's processes.
    Container,
    /// QEMU, with all its threads.
    Machine,
}

/// libvirt's word for no limit, in KiB.
const UNLIMITED: u64 = virt_sys::VIR_DOMAIN_MEMORY_PARAM_UNLIMITED;

impl Domain {
    /// Binds a container's memory, in bytes.
    pub fn set_memory_bound(&self, bytes: u64) -> Result<(), Error> {
        self.set_memory_parameters(MemoryParameters { hard_limit: Some(bytes >> 10), ..Default::default() })
    }

    /// Has the kernel take memory of a container's back beyond so many bytes,
    /// and kill nobody for it; `None` lifts that.
    pub fn set_memory_pressure(&self, bytes: Option<u64>) -> Result<(), Error> {
        let soft_limit = Some(bytes.map_or(UNLIMITED, |bytes| bytes >> 10));
        self.set_memory_parameters(MemoryParameters { soft_limit, ..Default::default() })
    }

    fn set_memory_parameters(&self, parameters: MemoryParameters) -> Result<(), Error> {
        let _call = call();
        let done = self.inner.set_memory_parameters(parameters, virt_sys::VIR_DOMAIN_AFFECT_LIVE);
        done.map(drop).map_err(failed(DomainAction::Limits))
    }

    /// Asks a machine's kernel to do with so many bytes.
    pub fn set_balloon(&self, bytes: u64) -> Result<(), Error> {
        let _call = call();
        let done = self.inner.set_memory_flags(bytes >> 10, virt_sys::VIR_DOMAIN_AFFECT_LIVE);
        done.map(drop).map_err(failed(DomainAction::Limits))
    }

    /// What a machine's kernel has left itself, in bytes.
    pub fn balloon(&self) -> Option<u64> {
        let _call = call();
        let all = self.inner.memory_stats(0).ok()?;
        let tag = virt_sys::VIR_DOMAIN_MEMORY_STAT_ACTUAL_BALLOON;
        all.iter().find(|one| one.tag == tag).map(|one| one.val << 10)
    }

    /// Binds processor time: `quota` of every `period`, both in microseconds.
    pub fn set_quota(&self, of: Bound, period: u64, quota: u64) -> Result<(), Error> {
        let time = SchedBandwidth { period: Some(period), quota: i64::try_from(quota).ok() };
        let mut info = SchedulerInfo { scheduler_type: "posix".into(), ..SchedulerInfo::default() };
        match of {
            Bound::Container => info.vcpu_bw = time,
            Bound::Machine => info.global_bw = time,
        }
        let _call = call();
        let done = self.inner.set_scheduler_parameters_flags(&info, virt_sys::VIR_DOMAIN_AFFECT_LIVE);
        done.map(drop).map_err(failed(DomainAction::Limits))
    }

    /// Binds what goes through one of a machine's disks, in bytes a second; 0
    /// lifts that.
    pub fn set_disk_rate(&self, disk: &str, rate: u64) -> Result<(), Error> {
        let wrong = || Error::Libvirt { action: DomainAction::Limits, message: disk.to_owned() };
        let disk = CString::new(disk).map_err(|_| wrong())?;
        let _call = call();
        let (mut parameters, mut count, mut room) = (std::ptr::null_mut(), 0, 0);
        let name = virt_sys::VIR_DOMAIN_BLOCK_IOTUNE_TOTAL_BYTES_SEC;
        // SAFETY: libvirt makes the list and counts what is in it; the texts
        // outlive the calls, and the list is freed once.
        let done = unsafe {
            let added = virt_sys::virTypedParamsAddULLong(
                &raw mut parameters,
                &raw mut count,
                &raw mut room,
                name.as_ptr(),
                rate,
            );
            let flags = virt_sys::VIR_DOMAIN_AFFECT_LIVE;
            let done = added == 0
                && virt_sys::virDomainSetBlockIoTune(
                    self.inner.as_ptr(),
                    disk.as_ptr(),
                    parameters,
                    count,
                    flags,
                ) == 0;
            let error = (!done).then(virt::error::Error::last_error);
            virt_sys::virTypedParamsFree(parameters, count);
            error
        };
        done.map_or(Ok(()), |error| Err(failed(DomainAction::Limits)(error)))
    }
}
