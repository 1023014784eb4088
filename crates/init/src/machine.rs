// SPDX-License-Identifier: LGPL-2.1-or-later
//! What only a machine's init does: the first mounts, the last call.

use nix::mount::{mount, MsFlags};
use nix::sys::reboot::{self, reboot, RebootMode};
use std::path::Path;

/// Whether this is the init of an initramfs of ours.
pub fn is_here() -> bool {
    std::process::id() == 1 && Path::new("/modules").is_file()
}

/// /dev, /proc and /sys for init itself; the command gets others.
pub fn begin() {
    for (kind, path) in [("devtmpfs", "/dev"), ("proc", "/proc"), ("sysfs", "/sys")] {
        let _ = std::fs::create_dir_all(path);
        // A failure shows when the ports are looked for.
        let _ = mount(Some(kind), path, Some(kind), MsFlags::empty(), None::<&str>);
    }
    // Ctrl+Alt+Delete is for the program on the screen, not for the kernel.
    let _ = reboot::set_cad_enabled(false);
}

/// Ends the machine: it has no ACPI, so it reboots, which libvirt makes an
/// end.
pub fn end() -> ! {
    let _ = reboot(RebootMode::RB_AUTOBOOT);
    // The kernel ends a machine whose init ends.
    std::process::exit(1)
}
