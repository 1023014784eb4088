// SPDX-License-Identifier: LGPL-2.1-or-later
//! A /proc/meminfo that tells the container's own limit.
//!
//! libvirt serves one, but a second read of the same descriptor fails there
//! (seen with 9.0: ESPIPE), and that is how top, free and vmstat read it. So a
//! plain file stands in its place, which init keeps up to date.

use super::Site;
use crate::fault::{at, io_at, Result};
use nix::mount::{mount, MsFlags};
use std::fs::{self, File};
use std::io::Read;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
use terrarium_protocol::message::Step;

/// libvirt's is shorter.
const MAX: u64 = 16 * 1024;
const PATH: &str = "/proc/meminfo";

/// libvirt's file and ours.
pub struct MemoryInfo {
    /// Only a place to open it anew: O_PATH.
    source: File,
    shown: File,
}

impl MemoryInfo {
    /// Puts ours into the new root, whose /proc is there already.
    pub fn show(site: &Site) -> Result<Self> {
        let file = site.new.with_file_name("meminfo");
        let io = || io_at(Step::Devices, PATH);
        let source =
            fs::OpenOptions::new().read(true).custom_flags(nix::libc::O_PATH).open(PATH).map_err(io())?;
        let shown = File::create(&file).map_err(io())?;
        let info = Self { source, shown };
        info.refresh();
        info.cover(site, &file).map_err(at(Step::Devices, PATH))?;
        Ok(info)
    }

    fn cover(&self, site: &Site, file: &Path) -> nix::Result<()> {
        let Some(spot) = site.find(Path::new(PATH))? else { return Ok(()) };
        spot.bind(file)?;
        let Some(top) = site.find(Path::new(PATH))? else { return Ok(()) };
        let flags = MsFlags::MS_RDONLY | MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
        let flags = MsFlags::MS_REMOUNT | MsFlags::MS_BIND | flags;
        mount(None::<&str>, &top.path(), None::<&str>, flags, None::<&str>)
    }

    /// Copies what libvirt says now. What cannot be read stays as it was.
    pub fn refresh(&self) {
        let path = format!("/proc/self/fd/{}", self.source.as_raw_fd());
        let mut text = Vec::new();
        let read = File::open(path).and_then(|file| file.take(MAX).read_to_end(&mut text));
        if read.is_ok() && self.shown.write_all_at(&text, 0).is_ok() {
            let _ = self.shown.set_len(text.len() as u64);
        }
    }
}
