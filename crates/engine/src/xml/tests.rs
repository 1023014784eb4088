// SPDX-License-Identifier: LGPL-2.1-or-later
//! Golden files: hand-written hosts and profiles on one side, XML on the
//! other. `TERRARIUM_BLESS=1` writes them anew; read the difference.

use crate::host::{
    Agent, Connection, ConnectionState, Displays, Family, Folder, Host, Keyboard, Kvm, KvmDevice, Look,
};
use crate::host::{RootEntry, User};
use crate::kernel::{Feature, Kernel};
use crate::places::Places;
use crate::plan::{plan, Instance};
use crate::profile::{
    Clipboard, Disk, DisplayKind, Home, ImageFormat, Interface, Isolation, Mount, MountKind, MountMode,
    NetworkMode, Profile,
};
use crate::uri::Uri;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A computer as anybody might have it, with nothing of this one.
pub fn host() -> Host {
    let works = |uri: Uri| Connection { uri, state: ConnectionState::Likely, confinement: None };
    Host {
        arch: "x86_64".into(),
        family: Family::Debian,
        caller: 1000,
        user: User {
            uid: 1000,
            gid: 1000,
            name: "ada".into(),
            home: "/home/ada".into(),
            shell: "/bin/bash".into(),
        },
        cpus: 4,
        memory: 8 << 30,
        kvm: Kvm { device: KvmDevice::Missing, processor: false },
        kernels: vec![Kernel {
            version: "6.1.0-9-amd64".into(),
            image: "/boot/vmlinuz-6.1.0-9-amd64".into(),
            modules: "/lib/modules/6.1.0-9-amd64".into(),
            features: vec![
                Feature::NineP,
                Feature::Console,
                Feature::Overlay,
                Feature::Disk,
                Feature::VirtioGpu,
                Feature::Qxl,
                Feature::Bochs,
                Feature::Input,
                Feature::Sound,
                Feature::Disk,
                Feature::Network,
            ],
            problem: None,
        }],
        display: displays(),
        network: crate::host::Networks {
            nft: true,
            ebtables: true,
            dnsmasq: true,
            ipv6: true,
            lacks: Vec::new(),
        },
        connections: vec![works(Uri::LxcSystem), works(Uri::QemuSession), works(Uri::QemuSystem)],
        root: vec![
            RootEntry::Directory { path: "/usr".into() },
            RootEntry::Directory { path: "/etc".into() },
            RootEntry::Link { path: "/bin".into(), target: "usr/bin".into() },
        ],
        hidden: vec!["/data".into(), "/home".into(), "/srv".into()],
        folders: vec![Folder { purpose: "DOWNLOAD".into(), name: "Downloads".into() }],
        environment: [("LANG".to_owned(), "en_GB.UTF-8".to_owned())].into(),
        places: Places {
            config: "/home/ada/.config/terrarium".into(),
            data: "/home/ada/.local/share/terrarium".into(),
            cache: "/home/ada/.cache/terrarium".into(),
            runtime: "/run/user/1000/terrarium".into(),
        },
        in_group_libvirt: true,
        systemd: true,
        mixed_groups: false,
        qemu_group: Some("libvirt-qemu".into()),
        mke2fs: Some("/usr/sbin/mke2fs".into()),
        nbd: false,
        unmapped: Vec::new(),
    }
}

/// With everything that a screen needs or is better with.
pub fn displays() -> Displays {
    Displays {
        server: Some("/usr/lib/xorg/Xorg".into()),
        spiceqxl: true,
        modesetting: true,
        evdev: true,
        keymaps: true,
        agent: Some(Agent {
            daemon: "/usr/sbin/spice-vdagentd".into(),
            client: "/usr/bin/spice-vdagent".into(),
        }),
        openbox: Some("/usr/bin/openbox".into()),
        bus: Some("/usr/bin/dbus-daemon".into()),
        bus_on_demand: false,
        pulseaudio: Some("/usr/bin/pulseaudio".into()),
        setxkbmap: Some("/usr/bin/setxkbmap".into()),
        keyboard: Keyboard::default(),
        look: Look::default(),
    }
}

fn instance() -> Instance {
    Instance {
        number: 3,
        uuid: "0b5f5d0e-9a43-4b52-8a0e-2f1f6f3c8a11".into(),
        id_base: 0x7000_0000,
        directory: "/run/user/1000/terrarium/3".into(),
        init: "/home/ada/.cache/terrarium/init".into(),
        kernel: "/home/ada/.cache/terrarium/kernel/vmlinux-6.1.0-9-amd64-0".into(),
        initrd: "/home/ada/.cache/terrarium/kernel/initrd-6.1.0-9-amd64-0".into(),
        image: "/home/ada/.local/share/terrarium/layers/0b5f5d0e/image".into(),
        layer: "0b5f5d0e".into(),
        before: None,
        images: Vec::new(),
        looks: false,
        created: 1_700_000_000,
    }
}

fn golden(name: &str, profile: &Profile, host: &Host) {
    let planned = plan(profile, host);
    let text = super::domain(&planned.plan.unwrap_or_else(|| panic!("{:?}", planned.problems)), &instance());
    same(name, &text);
}

fn same(name: &str, text: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(format!("{name}.xml"));
    if std::env::var_os("TERRARIUM_BLESS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
    }
    assert_eq!(
        text,
        std::fs::read_to_string(&path).unwrap(),
        "{name}: TERRARIUM_BLESS=1 accepts the new one"
    );
    validate(name, &path);
}

/// libvirt's own schema must accept it.
fn validate(name: &str, path: &Path) {
    match Command::new("virt-xml-validate").arg(path).arg("domain").output() {
        Ok(output) => assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr)),
        Err(error) => {
            let skips = std::env::var_os("TERRARIUM_SKIPS").expect("virt-xml-validate (libvirt-clients)");
            let mut file = std::fs::OpenOptions::new().append(true).open(skips).unwrap();
            std::io::Write::write_all(
                &mut file,
                format!("xml {name}: virt-xml-validate: {error}\n").as_bytes(),
            )
            .unwrap();
        }
    }
}

fn profile(isolation: Isolation) -> Profile {
    let argv = vec!["printf".into(), "%s\n".into(), "<&\">'\u{7}".into()];
    Profile { isolation: Some(isolation), ..Profile::new("Quotes & <tags>", argv) }
}

#[test]
fn a_container() {
    golden("container", &profile(Isolation::Container), &host());
}

#[test]
fn an_emulated_machine_of_the_session() {
    golden("machine-session-emulated", &profile(Isolation::Machine), &host());
}

#[test]
fn a_machine_with_kvm_of_the_system() {
    let mut host = host();
    host.kvm = Kvm { device: KvmDevice::Writable, processor: true };
    let mut profile = profile(Isolation::Machine);
    profile.machine.connection = Some("qemu:///system".into());
    golden("machine-system-kvm", &profile, &host);
}

#[test]
fn a_machine_with_folders() {
    let mount = |source: &str, target: &str, mode| Mount {
        kind: MountKind::HostBind,
        source: source.into(),
        target: target.into(),
        mode,
        format: None,
        trusted: false,
    };
    let mut profile = profile(Isolation::Machine);
    profile.files.home = Home::Kept;
    profile.files.mounts =
        vec![mount("~/Down & up", "/home/ada/in", MountMode::Ro), mount("work", "/work", MountMode::Rw)];
    golden("machine-shares", &profile, &host());
}

fn images(isolation: Isolation) -> Profile {
    let mut profile = profile(isolation);
    let image = |source: &str, target: &str, mode, format| Mount {
        kind: MountKind::HostImage,
        source: source.into(),
        target: target.into(),
        mode,
        format,
        trusted: true,
    };
    profile.files.mounts = vec![
        image("~/a & b.img", "/a", MountMode::Ro, None),
        image("c.img", "/c", MountMode::Rw, Some(ImageFormat::Qcow2)),
    ];
    profile.files.disks =
        vec![Disk { tag: "data".into(), source: "d.img".into(), mode: MountMode::Rw, format: None }];
    profile
}

#[test]
fn images_are_disks_whose_format_stands_there() {
    let mut host = host();
    host.nbd = true;
    golden("container-images", &images(Isolation::Container), &host);
    let mut profile = images(Isolation::Machine);
    golden("machine-session-images", &profile, &host);
    profile.machine.connection = Some("qemu:///system".into());
    golden("machine-system-images", &profile, &host);
}

fn window(isolation: Isolation) -> Profile {
    let mut profile = profile(isolation);
    profile.display.kind = DisplayKind::Window;
    profile
}

#[test]
fn a_container_with_a_window() {
    golden("container-window", &window(Isolation::Container), &host());
}

#[test]
fn an_emulated_machine_with_a_window() {
    golden("machine-window-virtio", &window(Isolation::Machine), &host());
}

#[test]
fn a_machine_with_a_window_through_which_all_passes() {
    let mut host = host();
    host.kernels[0].features.retain(|feature| *feature != Feature::VirtioGpu);
    let mut profile = window(Isolation::Machine);
    let wish = &mut profile.display;
    (wish.sound, wish.microphone, wish.drop, wish.usb, wish.monitors) = (true, true, true, true, 2);
    golden("machine-window-qxl-sound-usb", &profile, &host);
}

#[test]
fn a_machine_with_a_window_through_which_only_sound_passes() {
    let mut host = host();
    host.kernels[0].features.retain(|feature| !matches!(feature, Feature::VirtioGpu | Feature::Qxl));
    let mut profile = window(Isolation::Machine);
    profile.display.clipboard = Clipboard::Off;
    profile.display.sound = true;
    golden("machine-window-bochs-sound", &profile, &host);
}

#[test]
fn a_container_with_the_internet() {
    let mut profile = profile(Isolation::Container);
    profile.network.mode = NetworkMode::Internet;
    golden("container-internet", &profile, &host());
    let mut host = host();
    host.network.nft = false;
    golden("container-internet-filtered", &profile, &host);
}

#[test]
fn a_machine_with_two_interfaces_and_a_filter() {
    let mut profile = profile(Isolation::Machine);
    profile.network.mode = NetworkMode::Custom;
    let named = Interface {
        source: Some("net & more".into()),
        mac: Some("52:54:00:00:00:07".into()),
        filter: Some("clean-traffic".into()),
        parameters: [("IP".to_owned(), "10.0.0.2".to_owned())].into(),
        ..Interface::default()
    };
    profile.network.interfaces = vec![Interface::default(), named];
    golden("machine-network", &profile, &host());
}

#[test]
fn a_machine_of_the_session_in_user_mode() {
    let mut profile = profile(Isolation::Machine);
    profile.network.mode = NetworkMode::Custom;
    profile.network.interfaces = vec![Interface { user: true, ..Interface::default() }];
    golden("machine-user-network", &profile, &host());
}

#[test]
fn the_guard() {
    let uuid = "0b5f5d0e-9a43-4b52-8a0e-2f1f6f3c8a11";
    let text = super::guard(1000, uuid, Path::new("/home/ada/.cache/terrarium/init-0"));
    assert!(!text.contains("privnet") && !text.contains("<interface"), "it has this computer's network");
    same("guard", &text);
}

#[test]
fn what_is_written_as_metadata_is_read_again() {
    let plan = plan(&profile(Isolation::Container), &host()).plan.unwrap();
    let text = super::domain(&plan, &instance());
    let start = text.find("<terrarium:sandbox").unwrap();
    let end = text.find("</terrarium:sandbox>").unwrap() + "</terrarium:sandbox>".len();
    let found = super::metadata::parse(&text[start..end]).unwrap();
    assert_eq!((found.name.as_str(), found.caller, found.number), ("Quotes & <tags>", 1000, 3));
    assert!(found.command.contains("<&\">") && !found.command.contains('\u{7}'), "{}", found.command);
}
