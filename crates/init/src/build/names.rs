// SPDX-License-Identifier: LGPL-2.1-or-later
//! How names are resolved: this sandbox's own resolv.conf, hosts and hostname
//! over the host's, which are never changed.

use super::overlay::{self, Wanted};
use super::site::Site;
use crate::fault::{at, io_at, Result};
use nix::errno::Errno;
use std::path::{Component, Path, PathBuf};
use terrarium_protocol::message::Step;
use terrarium_protocol::network::{hosts, resolv_conf};
use terrarium_protocol::{Bytes, Orders};

const RESOLV_CONF: &str = "/etc/resolv.conf";
const HOSTS: &str = "/etc/hosts";
const HOSTNAME: &str = "/etc/hostname";

/// As many links as the kernel follows.
const LINKS: usize = 40;

/// The places that they need. What a link leads to is not wanted here: it may
/// lie in a private place.
pub fn wanted(orders: &Orders) -> Vec<Wanted> {
    let names = [RESOLV_CONF, HOSTS].into_iter().filter(|_| orders.network.is_some());
    names.map(|path| Wanted { path: path.into(), is_file: true }).collect()
}

/// Puts them in their places, if there is a network.
pub fn show(site: &Site, orders: &Orders) -> Result<()> {
    let Some(network) = &orders.network else { return Ok(()) };
    let addresses: Vec<_> =
        network.interfaces.iter().flat_map(|one| &one.addresses).map(|address| address.ip).collect();
    put(site, RESOLV_CONF, &resolv_conf(&network.resolvers))?;
    put(site, HOSTS, &hosts(&orders.host_name, &addresses))?;
    if matches!(site.find(Path::new(HOSTNAME)), Ok(Some(_))) {
        put(site, HOSTNAME, &Bytes::from(format!("{}\n", orders.host_name)))?;
    }
    Ok(())
}

/// The file of ours that is shown at one of these paths.
fn file(site: &Site, path: &str) -> PathBuf {
    site.new.with_file_name(path.trim_start_matches("/etc/"))
}

fn put(site: &Site, path: &str, content: &Bytes) -> Result<()> {
    let file = file(site, path);
    std::fs::write(&file, content.as_slice()).map_err(io_at(Step::Network, path))?;
    let place = || -> nix::Result<()> {
        let real = real(site, Path::new(path))?;
        site.place(&real, true)?.bind(&file)?;
        overlay::close(site, &real)
    };
    place().map_err(at(Step::Network, path))
}

/// Where a path leads inside, whether or not something lies there.
fn real(site: &Site, path: &Path) -> nix::Result<PathBuf> {
    let mut done = PathBuf::from("/");
    let mut left: Vec<PathBuf> = parts(path);
    let mut links = 0;
    while let Some(part) = left.pop() {
        if part.as_os_str() == ".." {
            done.pop();
            continue;
        }
        let next = done.join(&part);
        // The sandbox's own view of this name, itself not followed.
        let above = site.find(&done)?;
        // Its path is good for as long as it is open.
        match above.as_ref().and_then(|above| std::fs::read_link(above.path().join(&part)).ok()) {
            Some(target) => {
                links += 1;
                if links > LINKS {
                    return Err(Errno::ELOOP);
                }
                if target.is_absolute() {
                    done = PathBuf::from("/");
                }
                left.extend(parts(&target));
            }
            None => done = next,
        }
    }
    Ok(done)
}

/// Its names, the first one last.
fn parts(path: &Path) -> Vec<PathBuf> {
    let plain = path.components().filter(|part| matches!(part, Component::Normal(_) | Component::ParentDir));
    plain.map(|part| PathBuf::from(part.as_os_str())).rev().collect()
}
