// SPDX-License-Identifier: LGPL-2.1-or-later
//! Looks at this computer. Opens no connection unless asked to.

use super::{display, family, folders, kvm, root, Connection, ConnectionState, Host, User};
use crate::kernel::{self, Running};
use crate::places::Places;
use crate::uri::Uri;
use nix::unistd::{Group, Uid};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// What may be asked beside the usual.
#[derive(Clone, Debug, Default)]
pub struct ProbeOptions {
    /// Who commands run as; for root only.
    pub user: Option<String>,
    /// A kernel image that lies elsewhere.
    pub kernel_path: Option<PathBuf>,
    /// Modules that lie elsewhere.
    pub modules_path: Option<PathBuf>,
    /// Connect to libvirt to see whether it answers.
    pub connect: bool,
    /// Is told what is looked at next, of what takes long.
    pub tell: Option<fn(&LookedAt)>,
}

/// What takes long to look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LookedAt {
    /// The kernels, and what they can do.
    Kernels,
    /// One of libvirt's drivers.
    Libvirt(Uri),
}

/// Where distributions put libvirt's drivers.
const DRIVERS: &[&str] = &[
    "/usr/lib/x86_64-linux-gnu/libvirt/connection-driver",
    "/usr/lib/aarch64-linux-gnu/libvirt/connection-driver",
    "/usr/lib64/libvirt/connection-driver",
    "/usr/lib/libvirt/connection-driver",
];

/// Where they put QEMU, which libvirt's driver is nothing without.
const EMULATORS: &[&str] = &["/usr/bin/qemu-system-x86_64", "/usr/libexec/qemu-kvm", "/usr/bin/qemu-kvm"];

/// Where they put the program that makes file systems.
const MKE2FS: &[&str] = &["/usr/sbin/mke2fs", "/sbin/mke2fs", "/usr/bin/mke2fs"];

/// Everything that a plan may depend on.
#[must_use]
pub fn probe(options: &ProbeOptions) -> Host {
    let caller = Uid::effective().as_raw();
    let user = command_user(caller, options.user.as_deref());
    let in_group_libvirt = is_in_group("libvirt");
    let root = root::entries(Path::new("/"));
    let running = Running::new(Path::new("/"));
    let tell = |what: LookedAt| options.tell.iter().for_each(|tell| tell(&what));
    tell(LookedAt::Kernels);
    Host {
        arch: std::env::consts::ARCH.to_owned(),
        family: family::family(Path::new("/")),
        caller,
        cpus: std::thread::available_parallelism().map_or(1, |count| count.get() as u32),
        memory: memory(),
        kvm: kvm::kvm(&user),
        kernels: kernel::find(
            Path::new("/"),
            options.kernel_path.as_deref(),
            options.modules_path.as_deref(),
        ),
        connections: connections(caller, in_group_libvirt, options.connect, &tell),
        display: displays(),
        network: super::network::probe(Path::new("/"), &running),
        unmapped: root::unmapped(Path::new("/"), &root),
        root,
        hidden: root::hidden(Path::new("/")),
        environment: environment(),
        folders: folders::folders(&config(), Path::new("/")),
        places: places(),
        in_group_libvirt,
        mixed_groups: Path::new("/sys/fs/cgroup/unified/cgroup.controllers").exists(),
        systemd: Path::new("/run/systemd/system").is_dir(),
        mke2fs: MKE2FS.iter().map(PathBuf::from).find(|path| path.exists()),
        nbd: nbd(&running),
        qemu_group: Group::from_name("libvirt-qemu").ok().flatten().map(|group| group.name),
        user,
    }
}

/// Where Terrarium keeps the caller's things.
#[must_use]
pub fn places() -> Places {
    Places::new(Uid::effective().as_raw(), &callers_home(), |name| std::env::var_os(name))
}

fn callers_home() -> PathBuf {
    let home = nix::unistd::User::from_uid(Uid::effective()).ok().flatten().map(|user| user.dir);
    let home = std::env::var_os("HOME").map(PathBuf::from).filter(|path| path.is_absolute()).or(home);
    home.unwrap_or_else(|| PathBuf::from("/"))
}

fn config() -> PathBuf {
    let config = std::env::var_os("XDG_CONFIG_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    config.unwrap_or_else(|| callers_home().join(".config"))
}

fn displays() -> display::Displays {
    display::probe(Path::new("/"), &config(), std::env::var("GTK_THEME").ok().as_deref())
}

/// Who commands run as: the caller; for root whoever became root, or nobody.
fn command_user(caller: u32, asked: Option<&str>) -> User {
    let by_name = |name: &str| nix::unistd::User::from_name(name).ok().flatten();
    let by_uid = |uid: u32| nix::unistd::User::from_uid(Uid::from_raw(uid)).ok().flatten();
    let by_variable =
        |name: &str| std::env::var(name).ok()?.parse().ok().filter(|&uid| uid != 0).and_then(by_uid);
    let found = if caller == 0 {
        match asked {
            // A name that does not exist must not become somebody else.
            Some(name) => by_name(name),
            None => {
                by_variable("SUDO_UID").or_else(|| by_variable("PKEXEC_UID")).or_else(|| by_name("nobody"))
            }
        }
    } else {
        by_uid(caller).filter(|user| asked.is_none_or(|name| name == user.name))
    };
    let unknown = || User { uid: 0, gid: 0, name: asked.unwrap_or_default().to_owned(), ..User::nobody() };
    found.map_or_else(unknown, |user| User {
        uid: user.uid.as_raw(),
        gid: user.gid.as_raw(),
        home: home_of(&user, caller),
        shell: if user.shell.ends_with("nologin") || user.shell.ends_with("false") {
            "/bin/sh".into()
        } else {
            user.shell
        },
        name: user.name,
    })
}

/// The caller's own idea of its home counts; nobody's is nowhere.
fn home_of(user: &nix::unistd::User, caller: u32) -> PathBuf {
    let own = std::env::var_os("HOME").map(PathBuf::from);
    own.filter(|path| path.is_absolute() && user.uid.as_raw() == caller).unwrap_or_else(|| user.dir.clone())
}

fn memory() -> u64 {
    let text = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    line.and_then(|rest| rest.trim().trim_end_matches(" kB").parse::<u64>().ok()).unwrap_or(0) * 1024
}

/// Without nbd in the running kernel, or without QEMU's server for it, libvirt
/// has no device for a qcow2 image.
fn nbd(running: &Running) -> bool {
    let server = ["/usr/bin/qemu-nbd", "/bin/qemu-nbd"].iter().any(|path| Path::new(path).exists());
    server && running.has("nbd") == Some(true)
}

fn is_in_group(name: &str) -> bool {
    let Ok(Some(group)) = Group::from_name(name) else { return false };
    let own = nix::unistd::getgroups().unwrap_or_default();
    own.contains(&group.gid) || nix::unistd::getegid() == group.gid
}

fn environment() -> BTreeMap<String, String> {
    let passes = |name: &str| matches!(name, "LANG" | "TZ" | "TERM" | "COLORTERM") || name.starts_with("LC_");
    let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
        Some((name.into_string().ok()?, value.into_string().ok()?))
    };
    std::env::vars_os().filter_map(text).filter(|(name, _)| passes(name)).collect()
}

fn connections(caller: u32, in_group: bool, connect: bool, tell: &dyn Fn(LookedAt)) -> Vec<Connection> {
    let mut uris = vec![Uri::LxcSystem, Uri::QemuSystem];
    // As root the session is the system's daemon all the same.
    if caller != 0 {
        uris.insert(1, Uri::QemuSession);
    }
    let judge = |uri: Uri| {
        let state = state(&uri, caller, in_group);
        // Whoever is not in the group would be asked for a password.
        if connect && state.usable() {
            tell(LookedAt::Libvirt(uri.clone()));
            return crate::virt::probe(uri);
        }
        Connection { uri, state, confinement: None }
    };
    uris.into_iter().map(judge).collect()
}

/// What can be told without connecting.
fn state(uri: &Uri, caller: u32, in_group: bool) -> ConnectionState {
    let (driver, modular, programs) = if uri.is_lxc() {
        ("libvirt_driver_lxc.so", "virtlxcd-sock", &[][..])
    } else {
        ("libvirt_driver_qemu.so", "virtqemud-sock", &["/usr/sbin/libvirtd", "/usr/sbin/virtqemud"][..])
    };
    if !DRIVERS.iter().any(|folder| Path::new(folder).join(driver).exists()) {
        return ConnectionState::DriverMissing;
    }
    if !uri.is_lxc() && !EMULATORS.iter().any(|path| Path::new(path).exists()) {
        return ConnectionState::DriverMissing;
    }
    if *uri == Uri::QemuSession {
        let there = programs.iter().any(|path| Path::new(path).exists());
        return if there { ConnectionState::Likely } else { ConnectionState::DriverMissing };
    }
    let run = Path::new("/run/libvirt");
    if !["libvirt-sock", modular].iter().any(|name| run.join(name).exists()) {
        return ConnectionState::NotRunning;
    }
    if caller == 0 || in_group {
        ConnectionState::Likely
    } else {
        ConnectionState::NotAllowed
    }
}
