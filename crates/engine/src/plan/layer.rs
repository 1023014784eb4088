// SPDX-License-Identifier: LGPL-2.1-or-later
//! The layer that takes what a sandbox writes.

use super::build::Found;
use super::ProblemKind;
use crate::host::Host;
use crate::profile::{Changes, Home, Isolation, Profile};
use terrarium_protocol::layer::{Disk, Layer, FOLDER, SERIAL};

/// Less is no file system with a journal; more is none that ext4 makes with
/// blocks of 4 KiB.
const LEAST: u64 = 16 << 20;
const MOST: u64 = 16 << 40;

/// Whether there can be one.
pub(super) fn check(profile: &Profile, host: &Host, found: &mut Found) {
    let asked = profile.files.writable;
    if !(LEAST..=MOST).contains(&asked) {
        found.add("files.writable", ProblemKind::Writable { asked, least: LEAST, most: MOST });
    }
    if host.mke2fs.is_none() {
        found.add("files.changes", ProblemKind::NoLayerMaker { family: host.family });
    }
}

/// Init's part of it.
pub(super) fn orders(profile: &Profile, isolation: Isolation) -> Layer {
    Layer {
        disk: match isolation {
            Isolation::Container => Disk::Folder(FOLDER.into()),
            Isolation::Machine => Disk::Serial(SERIAL.into()),
        },
        home: profile.files.home == Home::Private,
        outlives: profile.files.changes != Changes::Discard,
        unreadable: Vec::new(),
        before: None,
    }
}
