// SPDX-License-Identifier: LGPL-2.1-or-later
//! The same server and the same program on a screen, with nothing around them.

use crate::common::{self, Glass, User};
use crate::floors::{arguments, between, folder, xml_of};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const BUSYBOX: &str = "/bin/busybox";
const SERVERS: [&str; 3] = ["/usr/lib/xorg/Xorg", "/usr/libexec/Xorg", "/usr/bin/Xorg"];
const FILE: u32 = 0o100_644;
const PROGRAM: u32 = 0o100_755;

fn server() -> Result<&'static str, &'static str> {
    SERVERS.into_iter().find(|path| Path::new(path).is_file()).ok_or("there is no Xorg")
}

/// In namespaces that root makes: the program needs more ids than a user
/// namespace of an ordinary user has.
pub fn container() -> Result<impl Fn() -> Command, &'static str> {
    let server = server()?;
    if !rustix::process::geteuid().is_root() {
        return Err("its floor needs root");
    }
    Ok(move || {
        let mut unshare = Command::new("unshare");
        unshare.args(["-mnpf", "--kill-child", "sh", "-c", include_str!("bare-container.sh"), "sh", server]);
        unshare.env_clear().env("LANG", "C.UTF-8").env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
        unshare
    })
}

/// QEMU alone, with a shell script for an init.
pub struct Machine {
    user: User,
    arguments: Vec<String>,
}

impl Machine {
    /// Reads off a sandbox with a screen what it is made of.
    pub fn new(user: User) -> Result<Self, &'static str> {
        let busybox = fs::read(BUSYBOX).map_err(|_| "busybox-static is missing")?;
        let xml = xml_of(user, Glass::Machine, &["--display"]);
        if !xml.contains("<model type='virtio' heads") {
            return Err("its floor has virtio-gpu only, and the kernel has no driver for it");
        }
        let exports = exports(&xml);
        let glx = if xml.contains("type='kvm'") { "" } else { " -extension GLX" };
        let listed: String = exports.iter().map(|(tag, path)| format!("{tag} {path}\n")).collect();
        let mut initrd =
            fs::read(between(&xml, "<initrd>", "</initrd>")).map_err(|_| "there is no initrd")?;
        // Later archives replace files of earlier ones.
        initrd.extend(entry("init", PROGRAM, include_bytes!("bare-machine.sh")));
        initrd.extend(entry("busybox", PROGRAM, &busybox));
        initrd.extend(entry("exports", FILE, listed.as_bytes()));
        initrd.extend(entry("server", FILE, format!("{}{glx}\n", server()?).as_bytes()));
        initrd.extend(entry("TRAILER!!!", 0, &[]));
        let path: PathBuf = folder().join("bare-initrd");
        fs::write(&path, initrd).map_err(|_| "its initrd cannot be written")?;
        let mut arguments = arguments(&xml, &path.to_string_lossy(), "");
        arguments.extend(devices(&xml, &exports));
        Ok(Self { user, arguments })
    }

    /// Its output are the steps; its input has to stay open, or nobody reads
    /// them.
    pub fn command(&self) -> Command {
        let mut qemu = self.user.command("qemu-system-x86_64");
        qemu.args(&self.arguments);
        qemu
    }
}

/// Tag and path of each directory that is shown.
fn exports(xml: &str) -> Vec<(String, String)> {
    let one = |text: &str| (between(text, "<target dir='", "'"), between(text, "<source dir='", "'"));
    xml.split("<filesystem ").skip(1).map(one).collect()
}

fn devices(xml: &str, exports: &[(String, String)]) -> Vec<String> {
    let (width, height) = (between(xml, "<resolution x='", "'"), between(xml, "' y='", "'"));
    let mut words = format!(
        "-no-acpi -device virtio-serial-pci -chardev stdio,id=floor,signal=off -device virtserialport,chardev=floor,name=floor \
         -chardev spicevmc,id=agent,name=vdagent -device virtserialport,chardev=agent,name=com.redhat.spice.0 \
         -device virtio-tablet-pci -device virtio-keyboard-pci -spice port=0,disable-ticketing=on \
         -device virtio-vga,max_outputs=1,xres={width},yres={height}"
    );
    for (tag, path) in exports {
        words.push_str(&format!(
            " -fsdev local,security_model=passthrough,multidevs=remap,id={tag},path={path},readonly=on \
             -device virtio-9p-pci,fsdev={tag},mount_tag={tag}"
        ));
    }
    words.split_whitespace().map(str::to_owned).collect()
}

/// A file of a cpio archive (Linux: early-userspace/buffer-format.rst).
fn entry(name: &str, mode: u32, content: &[u8]) -> Vec<u8> {
    let fields = [0, mode, 0, 0, 1, 0, content.len() as u32, 0, 0, 0, 0, name.len() as u32 + 1, 0];
    let mut bytes = b"070701".to_vec();
    bytes.extend(fields.iter().flat_map(|field| format!("{field:08x}").into_bytes()));
    bytes.extend_from_slice(name.as_bytes());
    bytes.push(0);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes.extend_from_slice(content);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

/// What shows a program on a screen and says so.
pub fn shown(user: User, glass: Glass, options: &[&str]) -> Command {
    const SCRIPT: &str = "f=$XDG_RUNTIME_DIR/shown; mkfifo $f; xterm -wf -e sh -c \"echo >$f\" & \
                          read _ <$f; echo shown";
    let options = [&["--display", "--headless"], options].concat();
    common::run_as(user, glass, &options, &["sh", "-c", SCRIPT])
}
