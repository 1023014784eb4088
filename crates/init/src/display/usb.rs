// SPDX-License-Identifier: LGPL-2.1-or-later
//! A machine's USB devices: each was handed in by hand, for the command. There
//! is no udev; the kernel says what comes and goes, and nodes are made of that.

use nix::errno::Errno;
use nix::sys::socket::{
    bind, recv, socket, AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType,
};
use nix::sys::stat::{makedev, mknod, Mode, SFlag};
use nix::unistd::{chown, Gid, Uid};
use std::collections::HashMap;
use std::fs;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::{Component, Path, PathBuf};

/// The kernel's own messages, without udev's.
const KERNEL: u32 = 1;
/// Where their nodes lie, in a file system that init alone may write: the
/// devices themselves, which is what libusb wants. There are no drivers.
const NODES: &str = "bus/usb";

/// Hears of them.
pub struct Usb {
    socket: OwnedFd,
    owner: (u32, u32),
}

/// A device that came or went.
#[derive(Debug, PartialEq, Eq)]
struct Change {
    comes: bool,
    path: PathBuf,
    number: (u64, u64),
}

impl Usb {
    /// Begins to listen, before there can be any.
    pub fn listen(owner: (u32, u32)) -> nix::Result<Self> {
        let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
        let kind = SockProtocol::NetlinkKObjectUEvent;
        let socket = socket(AddressFamily::Netlink, SockType::Datagram, flags, kind)?;
        bind(socket.as_raw_fd(), &NetlinkAddr::new(0, KERNEL))?;
        Ok(Self { socket, owner })
    }

    /// To be polled, for reading.
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    /// Makes and removes nodes; says what of that failed.
    pub fn hear(&self) -> nix::Result<()> {
        let mut bytes = [0; 8192];
        let mut all = Ok(());
        loop {
            match recv(self.socket.as_raw_fd(), &mut bytes, MsgFlags::empty()) {
                Ok(count) => {
                    let done = change(&bytes[..count]).map_or(Ok(()), |change| self.follow(&change));
                    all = all.and(done);
                }
                // Some were lost: so many come at once only on purpose.
                Err(Errno::ENOBUFS | Errno::EINTR) => {}
                Err(_) => return all,
            }
        }
    }

    fn follow(&self, change: &Change) -> nix::Result<()> {
        if !change.comes {
            return fs::remove_file(&change.path).map_err(|_| Errno::ENOENT);
        }
        if let Some(folder) = change.path.parent() {
            fs::create_dir_all(folder).map_err(|_| Errno::EIO)?;
        }
        let (major, minor) = change.number;
        let mode = Mode::from_bits_truncate(0o600);
        mknod(&change.path, SFlag::S_IFCHR, mode, makedev(major, minor))?;
        let (uid, gid) = self.owner;
        chown(&change.path, Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)))
    }
}

/// What a message of the kernel says of a device that is on USB and no hub.
fn change(message: &[u8]) -> Option<Change> {
    let text = std::str::from_utf8(message).ok()?;
    let pairs: HashMap<&str, &str> = text.split('\0').filter_map(|pair| pair.split_once('=')).collect();
    let get = |name: &str| pairs.get(name).copied();
    let on_usb = get("DEVPATH")?
        .split('/')
        .any(|part| part.strip_prefix("usb").is_some_and(|bus| bus.parse::<u32>().is_ok()));
    let is_hub = get("TYPE").is_some_and(|kind| kind.starts_with("9/"));
    let name = Path::new(get("DEVNAME")?);
    let is_plain = name.components().all(|part| matches!(part, Component::Normal(_)));
    if !on_usb || is_hub || !is_plain || !name.starts_with(NODES) {
        return None;
    }
    let comes = match get("ACTION")? {
        "add" => true,
        "remove" => false,
        _ => return None,
    };
    let number = (get("MAJOR")?.parse().ok()?, get("MINOR")?.parse().ok()?);
    Some(Change { comes, path: Path::new("/dev").join(name), number })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(changed: &[(&str, &str)]) -> Vec<u8> {
        let usual = [
            ("ACTION", "add"),
            ("DEVPATH", "/devices/pci0000:00/0000:00:04.0/usb1/1-1"),
            ("MAJOR", "189"),
            ("MINOR", "1"),
            ("DEVNAME", "bus/usb/001/002"),
            ("TYPE", "0/0/0"),
        ];
        let value = |name: &str, usual| changed.iter().find(|(n, _)| *n == name).map_or(usual, |(_, v)| *v);
        let pairs = usual.map(|(name, usual)| format!("{name}={}", value(name, usual)));
        format!("add@/devices/x\0{}\0", pairs.join("\0")).into_bytes()
    }

    #[test]
    fn a_device_is_a_node() {
        let path = PathBuf::from("/dev/bus/usb/001/002");
        let found = change(&message(&[]));
        assert_eq!(found, Some(Change { comes: true, path: path.clone(), number: (189, 1) }));
        let gone = change(&message(&[("ACTION", "remove")]));
        assert_eq!(gone, Some(Change { comes: false, path, number: (189, 1) }));
    }

    #[test]
    fn what_is_not_the_commands_is_left_alone() {
        for other in [
            ("ACTION", "bind"),
            ("DEVPATH", "/devices/virtual/tty/tty9"),
            ("DEVNAME", "input/event7"),
            ("TYPE", "9/0/1"),
            ("DEVNAME", "../etc/passwd"),
            ("DEVNAME", "/etc/passwd"),
            ("MAJOR", "x"),
        ] {
            assert_eq!(change(&message(&[other])), None, "{other:?}");
        }
        assert_eq!(change(b"\xff\xfe"), None);
        assert_eq!(change(b""), None);
    }
}
