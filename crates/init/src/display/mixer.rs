// SPDX-License-Identifier: LGPL-2.1-or-later
//! A machine's mixer. The kernel's drivers begin with everything off and at
//! its lowest; elsewhere udev has a program set what is usual.

use nix::errno::Errno;
use nix::{ioctl_readwrite, libc};
use std::fs::OpenOptions;
use std::os::fd::{AsRawFd, RawFd};
use std::path::Path;

/// More controls than any device of QEMU's has.
const MOST: usize = 64;
/// What the kernel calls the controls that mixers show.
const MIXER: i32 = 2;
const BOOLEAN: i32 = 1;
const INTEGER: i32 = 2;

/// `struct snd_ctl_elem_id` and the like of <sound/asound.h>.
#[repr(C)]
#[derive(Clone, Copy)]
struct Id {
    number: u32,
    interface: i32,
    device: u32,
    subdevice: u32,
    name: [u8; 44],
    index: u32,
}

#[repr(C)]
struct List {
    offset: u32,
    space: u32,
    used: u32,
    count: u32,
    ids: *mut Id,
    reserved: [u8; 50],
}

#[repr(C)]
struct Info {
    id: Id,
    kind: i32,
    access: u32,
    count: u32,
    owner: i32,
    lowest: libc::c_long,
    highest: libc::c_long,
    rest: [u8; 128 - 2 * size_of::<libc::c_long>()],
    reserved: [u8; 64],
}

#[repr(C)]
struct Value {
    id: Id,
    indirect: u32,
    values: [libc::c_long; 128],
    reserved: [u8; 128],
}

ioctl_readwrite!(list, b'U', 0x10, List);
ioctl_readwrite!(info, b'U', 0x11, Info);
ioctl_readwrite!(write, b'U', 0x13, Value);

const NOBODY: Id = Id { number: 0, interface: 0, device: 0, subdevice: 0, name: [0; 44], index: 0 };

/// Switches everything on that a card has and turns it up: how loud it is says
/// who listens. `control`: the card's node.
pub fn turn_up(control: &Path) -> nix::Result<()> {
    let file = OpenOptions::new().read(true).write(true).open(control);
    let file = file.map_err(|error| error.raw_os_error().map_or(Errno::EIO, Errno::from_raw))?;
    let ids = controls(file.as_raw_fd())?;
    ids.into_iter().filter(|id| id.interface == MIXER).try_for_each(|id| set(file.as_raw_fd(), id))
}

fn controls(card: RawFd) -> nix::Result<Vec<Id>> {
    let mut ids = vec![NOBODY; MOST];
    let mut asked =
        List { offset: 0, space: MOST as u32, used: 0, count: 0, ids: ids.as_mut_ptr(), reserved: [0; 50] };
    // SAFETY: the kernel writes at most `space` ids to where it is told.
    unsafe { list(card, &raw mut asked) }?;
    ids.truncate(asked.used as usize);
    Ok(ids)
}

fn set(card: RawFd, id: Id) -> nix::Result<()> {
    let rest = [0; 128 - 2 * size_of::<libc::c_long>()];
    let mut about =
        Info { id, kind: 0, access: 0, count: 0, owner: 0, lowest: 0, highest: 0, rest, reserved: [0; 64] };
    // SAFETY: the kernel fills the structure, which is as it knows it.
    unsafe { info(card, &raw mut about) }?;
    let Some(value) = usual(&id.name, about.kind, about.highest) else { return Ok(()) };
    let mut all = Value { id, indirect: 0, values: [value; 128], reserved: [0; 128] };
    // SAFETY: as above; it reads as many values as the control has, at most all.
    unsafe { write(card, &raw mut all) }.map(drop)
}

/// What a control is set to; nothing if it is neither a switch nor a volume.
fn usual(name: &[u8], kind: i32, highest: libc::c_long) -> Option<libc::c_long> {
    let name = name.split(|&byte| byte == 0).next().unwrap_or_default();
    match kind {
        BOOLEAN if name.ends_with(b"Switch") => Some(1),
        INTEGER if name.ends_with(b"Volume") => Some(highest),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As <sound/asound.h> has them; their sizes are in the ioctls' numbers.
    #[cfg(target_pointer_width = "64")]
    #[test]
    fn the_structures_are_as_large_as_the_kernels() {
        let sizes = [size_of::<Id>(), size_of::<List>(), size_of::<Info>(), size_of::<Value>()];
        assert_eq!(sizes, [64, 80, 272, 1224]);
    }

    #[test]
    fn switches_are_on_and_volumes_up() {
        let name = |text: &str| {
            let mut name = [0; 44];
            name[..text.len()].copy_from_slice(text.as_bytes());
            name
        };
        assert_eq!(usual(&name("Master Playback Switch"), BOOLEAN, 1), Some(1));
        assert_eq!(usual(&name("Capture Volume"), INTEGER, 74), Some(74));
        assert_eq!(usual(&name("Input Source"), 3, 2), None);
        assert_eq!(usual(&name("Master Playback Volume"), BOOLEAN, 74), None);
    }
}
