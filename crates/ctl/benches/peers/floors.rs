// SPDX-License-Identifier: LGPL-2.1-or-later
//! The least that could be: the same libvirt and the same QEMU, without us.

use crate::common::{self, Glass, User};
use crate::measure::succeed;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// A bare container that is there for this long will stay.
const MISSED: Duration = Duration::from_secs(5);

/// A folder that every user can read; it is gone in the end.
pub fn folder() -> &'static Path {
    common::binary().parent().unwrap_or(Path::new("/nowhere"))
}

/// A libvirt container with nothing in it but a program that ends at once.
pub struct Container {
    user: User,
    name: String,
    xml: PathBuf,
}

impl Container {
    /// One that `user` may start.
    pub fn new(user: User) -> Self {
        let name = format!("terrarium-floor-{}", std::process::id());
        let xml = folder().join("floor.xml");
        let text = format!(
            "<domain type='lxc'><name>{name}</name><memory unit='MiB'>64</memory><vcpu>1</vcpu>\
             <os><type>exe</type><init>/bin/true</init></os><features><privnet/></features>\
             <devices><filesystem type='mount'><source dir='/'/><target dir='/'/><readonly/></filesystem>\
             <console type='pty'/></devices></domain>"
        );
        fs::write(&xml, text).unwrap();
        Self { user, name, xml }
    }

    /// Creates it and waits until libvirt has put it away. Seconds.
    ///
    /// libvirt can miss the end of a container that ends at once, and then
    /// shows it as running for ever; such a run is taken away and repeated.
    pub fn run(&self) -> f64 {
        loop {
            let begun = Instant::now();
            succeed(self.virsh("create").arg(&self.xml));
            while self.note().exists() && begun.elapsed() < MISSED {
                std::thread::sleep(Duration::from_millis(1));
            }
            if !self.note().exists() {
                return begun.elapsed().as_secs_f64();
            }
            eprint!(" (libvirt missed its end, once more)");
            succeed(self.virsh("destroy").arg(&self.name));
        }
    }

    fn virsh(&self, verb: &str) -> Command {
        let mut virsh = self.user.command("virsh");
        virsh.args(["-q", "-c", "lxc:///system", verb]);
        virsh
    }

    /// What libvirt notes of a domain while there is one.
    fn note(&self) -> PathBuf {
        Path::new("/run/libvirt/lxc").join(format!("{}.xml", self.name))
    }
}

/// What a machine of Terrarium boots, started by QEMU alone.
pub struct Machine {
    user: User,
    arguments: Vec<String>,
}

impl Machine {
    /// Reads kernel, initrd and command line off a sandbox that runs.
    pub fn new(user: User) -> Self {
        let xml = xml_of(user, Glass::Machine, &[]);
        let initrd = between(&xml, "<initrd>", "</initrd>");
        let mut arguments = arguments(&xml, &initrd, " rdinit=/none");
        arguments.extend(["-display".into(), "none".into()]);
        Self { user, arguments }
    }

    /// Boots the kernel with the initrd. There is no init by the name that it
    /// is given, so that it ends as soon as it would have started one.
    pub fn run(&self) -> Command {
        let mut qemu = self.user.command("qemu-system-x86_64");
        qemu.args(&self.arguments);
        qemu
    }
}

/// The XML of a sandbox that runs, with some options.
pub fn xml_of(user: User, glass: Glass, options: &[&str]) -> String {
    let name = common::fresh_name("floor");
    let _stop = common::Stop { user, name: name.clone() };
    let options = [&["--detach", "-n", &name], options].concat();
    succeed(&mut common::run_as(user, glass, &options, &["sleep", "600"]));
    common::out(&succeed(user.ctl().args(["show", "--xml", &name])))
}

/// What stands between two texts.
pub fn between(xml: &str, from: &str, to: &str) -> String {
    let (_, rest) = xml.split_once(from).unwrap_or_else(|| panic!("no {from} in {xml}"));
    rest.split_once(to).map_or(rest, |(value, _)| value).to_owned()
}

/// QEMU's arguments for the same computer without devices, and `more` on the
/// kernel's command line.
pub fn arguments(xml: &str, initrd: &str, more: &str) -> Vec<String> {
    let kvm = xml.contains("type='kvm'");
    let line = format!("{}{more}", between(xml, "<cmdline>", "</cmdline>"));
    let memory = between(xml, "<memory unit='KiB'>", "<").parse::<u64>().unwrap() / 1024;
    let accelerator = if kvm { "kvm" } else { "tcg" };
    let processor = if kvm { "host" } else { "max" };
    let words = format!(
        "-nodefaults -no-user-config -no-reboot -machine {},accel={accelerator},usb=off \
         -cpu {processor} -smp {} -m {memory}",
        between(xml, "machine='", "'"),
        between(xml, "<vcpu placement='static'>", "<"),
    );
    let mut arguments: Vec<String> = words.split_whitespace().map(str::to_owned).collect();
    let kernel = between(xml, "<kernel>", "</kernel>");
    arguments.extend(["-kernel".into(), kernel, "-initrd".into(), initrd.into(), "-append".into(), line]);
    arguments
}

/// bubblewrap with a read-only root, where it is installed and may be used.
pub fn bubblewrap(user: User) -> Option<Command> {
    let folders = std::env::var_os("PATH")?;
    let program =
        std::env::split_paths(&folders).map(|folder| folder.join("bwrap")).find(|file| file.is_file())?;
    let make = || {
        let mut bwrap = user.command(&program);
        bwrap.args([
            "--ro-bind",
            "/",
            "/",
            "--dev",
            "/dev",
            "--proc",
            "/proc",
            "--unshare-all",
            "--",
            "true",
        ]);
        bwrap
    };
    make().output().is_ok_and(|output| output.status.success()).then(make)
}
