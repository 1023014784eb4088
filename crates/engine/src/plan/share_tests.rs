// SPDX-License-Identifier: LGPL-2.1-or-later
use super::*;
use crate::profile::{Disk, Home, ImageFormat, Include, Isolation, Mount, MountKind, MountMode, Profile};
use crate::xml::tests::host;
use proptest::prelude::*;
use std::path::Path;
use terrarium_protocol::orders::Source;
use terrarium_protocol::Bytes;

fn profile(isolation: Isolation) -> Profile {
    Profile { isolation: Some(isolation), ..Profile::new("x", vec!["true".into()]) }
}

fn mount(kind: MountKind, source: &str, target: &str, mode: MountMode) -> Mount {
    Mount { kind, source: source.into(), target: target.into(), mode, format: None, trusted: false }
}

fn with(mounts: Vec<Mount>) -> Profile {
    let mut profile = profile(Isolation::Container);
    profile.files.mounts = mounts;
    profile
}

fn bind(source: &str, mode: MountMode) -> Profile {
    with(vec![mount(MountKind::HostBind, source, "/mnt/x", mode)])
}

fn problems(profile: &Profile) -> Vec<(String, ProblemKind)> {
    plan(profile, &host()).problems.into_iter().map(|problem| (problem.field, problem.what)).collect()
}

fn only(profile: &Profile) -> ProblemKind {
    let mut all = problems(profile);
    assert_eq!(all.len(), 1, "{all:?}");
    all.remove(0).1
}

#[test]
fn mounts_become_orders_in_their_order() {
    let mut wish = with(vec![
        mount(MountKind::HostBind, "~/in//", "/home/ada/in", MountMode::Ro),
        mount(MountKind::HostBind, "work/./x", "/w", MountMode::Rw),
        mount(MountKind::HostBind, "", "/fresh", MountMode::Ro),
        mount(MountKind::Ram, "3M", "/ram", MountMode::Ro),
        mount(MountKind::GuestBind, "/tmp", "/mnt/tmp", MountMode::Ro),
    ]);
    wish.files.include = vec![Include { source: "~/.vimrc".into(), target: "/fresh/rc".into() }];
    let planned = plan(&wish, &host());
    let plan = planned.plan.unwrap_or_else(|| panic!("{:?}", planned.problems));
    let targets: Vec<String> = plan.orders.shares.iter().map(|one| one.target.to_string()).collect();
    assert_eq!(targets, ["/home/ada/in", "/w", "/fresh", "/ram", "/mnt/tmp", "/fresh/rc"]);
    let writable: Vec<bool> = plan.orders.shares.iter().map(|one| one.writable).collect();
    assert_eq!(writable, [false, true, true, true, false, false]);
    let paths: Vec<&Path> = plan.sources.iter().map(|one| one.path.as_path()).collect();
    assert_eq!(paths, ["/home/ada/in", "/home/ada/work/x", "/home/ada/.vimrc"].map(Path::new));
    assert_eq!(plan.orders.shares[3].source, Source::Memory { size: 3 << 20, owned: false });
    assert_eq!(planned.notes, [Note::SocketsReachable { path: "/home/ada/work/x".into() }]);
}

#[test]
fn secrets_are_hidden_in_wider_shares() {
    let wish = bind("/home", MountMode::Ro);
    let shares = plan(&wish, &host()).plan.unwrap().orders.shares;
    for hidden in
        [".ssh", ".config/terrarium", ".local/share/terrarium", ".config/autostart", ".bash_history"]
    {
        let path = Bytes::from(format!("/mnt/x/ada/{hidden}"));
        assert!(shares[0].masks.contains(&path), "{hidden}");
    }
    assert!(!shares[0].masks.contains(&Bytes::from("/mnt/x/ada/.bashrc")));
    let mut wish = profile(Isolation::Container);
    wish.files.home = Home::Readonly;
    wish.files.unmask = vec!["~/.ssh".into()];
    let planned = plan(&wish, &host());
    let shares = planned.plan.unwrap().orders.shares;
    assert_eq!(shares[0].target, Bytes::from("/home/ada"));
    assert!(shares[0].masks.contains(&Bytes::from("/home/ada/.gnupg")));
    assert!(!shares[0].masks.contains(&Bytes::from("/home/ada/.ssh")));
    assert_eq!(planned.notes, [Note::Unmasked { path: "/home/ada/.ssh".into() }]);
    wish.files.unmask = vec!["~/.sshh".into()];
    assert_eq!(only(&wish), ProblemKind::NotMasked { path: "/home/ada/.sshh".into() });
}

#[test]
fn what_would_let_programs_out_is_not_shared() {
    use MountMode::{Ro, Rw};
    let secret = |path: &str, holds: &str| ProblemKind::Secret { path: path.into(), holds: holds.into() };
    assert_eq!(only(&bind("~/.ssh", Ro)), secret("/home/ada/.ssh", "/home/ada/.ssh"));
    assert_eq!(only(&bind("~/.ssh/id", Ro)), secret("/home/ada/.ssh/id", "/home/ada/.ssh"));
    assert!(matches!(only(&bind("/run/user/1000/bus", Rw)), ProblemKind::Secret { .. }));
    for source in ["~", "/home", "~/.config", "~/.local", "~/.local/share", "~/.bashrc", "~/bin/x"] {
        assert!(matches!(only(&bind(source, Rw)), ProblemKind::Guards { .. }), "{source}");
    }
    for source in ["/", "/proc", "/proc/self", "/sys/fs", "/dev", "/dev/shm"] {
        assert!(matches!(only(&bind(source, Ro)), ProblemKind::KernelView { .. }), "{source}");
    }
    for source in ["~/.bashrc", "~/bin", "/etc", "/srv", "~/.config/htop"] {
        assert_eq!(problems(&bind(source, Ro)), [], "{source}");
    }
    assert_eq!(problems(&bind("~/.config/htop", Rw)), []);
    let mut root = bind("/home", Ro);
    root.security.privileged = true;
    assert_eq!(problems(&root), []);
    root.isolation = Some(Isolation::Machine);
    assert!(matches!(only(&root), ProblemKind::HiddenFromRoot { .. }));
    root.security.privileged = false;
    let notes = plan(&root, &host()).notes;
    assert!(notes.contains(&Note::HiddenInside { path: "/home".into() }), "{notes:?}");
}

#[test]
fn the_home_inside_can_be_written_as_a_tilde() {
    let mut wish = with(vec![
        mount(MountKind::HostBind, "/srv", "~/project", MountMode::Ro),
        mount(MountKind::GuestBind, "~/project", "~/again/", MountMode::Ro),
    ]);
    wish.files.include = vec![Include { source: "~/.vimrc".into(), target: "~/.vimrc".into() }];
    wish.command.directory = Some("~/project".into());
    let orders = plan(&wish, &host()).plan.unwrap().orders;
    let targets: Vec<String> = orders.shares.iter().map(|share| share.target.to_string()).collect();
    assert_eq!(targets, ["/home/ada/project", "/home/ada/again", "/home/ada/.vimrc"]);
    assert_eq!(orders.shares[1].source, Source::Inside { path: "/home/ada/project".into() });
    assert_eq!(orders.command.directory, "/home/ada/project".into());
    wish.command.directory = Some("~".into());
    assert_eq!(plan(&wish, &host()).plan.unwrap().orders.command.directory, "/home/ada".into());
    // Nobody else's, and nothing above it.
    for target in ["~eve/x", "~/../eve", "a/~"] {
        let wish = with(vec![mount(MountKind::HostBind, "/srv", target, MountMode::Ro)]);
        assert!(matches!(only(&wish), ProblemKind::NotAbsolute { .. }), "{target}");
    }
}

#[test]
fn targets_and_sizes_are_checked() {
    let at = |target: &str| only(&with(vec![mount(MountKind::Ram, "1M", target, MountMode::Rw)]));
    for target in ["/", "/proc/x", "/sys", "/dev", "/dev/null", "//"] {
        assert!(matches!(at(target), ProblemKind::Target { .. }), "{target}");
    }
    for target in ["x", "/a/../b", ""] {
        assert!(matches!(at(target), ProblemKind::NotAbsolute { .. }), "{target}");
    }
    assert_eq!(at("/a\0"), ProblemKind::Nul);
    let ram = |size: &str| with(vec![mount(MountKind::Ram, size, "/x", MountMode::Rw)]);
    assert_eq!(only(&ram("0")), ProblemKind::RamSize { asked: 0, most: 1 << 30 });
    assert_eq!(only(&ram("2G")), ProblemKind::RamSize { asked: 2 << 30, most: 1 << 30 });
    assert_eq!(only(&ram("lots")), ProblemKind::NotASize { text: "lots".into() });
    let mut large = ram("3GiB");
    large.limits.memory = 4 << 30;
    let orders = plan(&large, &host()).plan.unwrap().orders;
    assert_eq!(orders.shares[0].source, Source::Memory { size: 3 << 30, owned: false });
    let mut copy = profile(Isolation::Container);
    for (target, good) in [("/home/ada/x", true), ("/tmp/x", true), ("/etc/x", false), ("/home/ada", false)] {
        copy.files.include = vec![Include { source: "x".into(), target: target.into() }];
        assert_eq!(problems(&copy).is_empty(), good, "{target}");
    }
    copy.files.home = Home::Readonly;
    copy.files.include[0].target = "/home/ada/x".into();
    assert!(matches!(only(&copy), ProblemKind::IncludeTarget { .. }));
}

#[test]
fn a_place_is_taken_once() {
    let mut wish = with(vec![
        mount(MountKind::HostBind, "/srv", "~/in", MountMode::Rw),
        mount(MountKind::HostBind, "/opt", "/home/ada/in/", MountMode::Ro),
    ]);
    let planned = plan(&wish, &host());
    let found: Vec<_> = planned.problems.iter().map(|one| (one.field.as_str(), &one.what)).collect();
    let taken = ProblemKind::SameTarget { path: "/home/ada/in".into() };
    assert_eq!(found, [("files.mounts[1].target", &taken)], "at the row that comes later");
    wish.files.mounts[1].target = "~/in/deeper".into();
    assert_eq!(problems(&wish), []);
    let copy = |target: &str| Include { source: "~/.vimrc".into(), target: target.into() };
    wish.files.include = vec![copy("~/rc"), copy("~/rc")];
    assert_eq!(only(&wish), ProblemKind::SameTarget { path: "/home/ada/rc".into() });
    // The home folder is there whatever is asked for.
    wish.files.include.clear();
    wish.files.home = Home::Kept;
    wish.files.mounts = vec![mount(MountKind::HostBind, "/srv", "~", MountMode::Ro)];
    assert_eq!(problems(&wish), []);
}

#[test]
fn images_are_named_with_what_is_wrong_with_them() {
    let image = mount(MountKind::HostImage, "/x.img", "/x", MountMode::Ro);
    let mut wish = with(vec![image.clone()]);
    assert_eq!(only(&wish), ProblemKind::ImageNotTrusted { path: "/x.img".into() });
    wish.files.mounts[0].trusted = true;
    let planned = plan(&wish, &host());
    assert_eq!(planned.notes, [Note::ImageTrusted { path: "/x.img".into() }]);
    let planned = planned.plan.unwrap();
    assert_eq!((planned.images[0].name.as_str(), planned.images[0].format), ("vda", None));
    assert!(matches!(&planned.orders.shares[0].source, Source::Image(disk) if disk.name == "vda"));
    wish.files.mounts[0].format = Some(ImageFormat::Qcow2);
    assert_eq!(only(&wish), ProblemKind::ImageNeedsNbd { path: "/x.img".into() });
    wish.files.mounts[0].kind = MountKind::HostBind;
    assert_eq!(only(&wish), ProblemKind::ImagesOnly);
    // A machine trusts nobody, but needs a driver.
    wish.files.mounts[0] = image;
    wish.isolation = Some(Isolation::Machine);
    let planned = plan(&wish, &host()).plan.unwrap();
    assert_eq!(planned.images[0].name, "terrarium-0");
    let machine = planned.machine.unwrap();
    assert!(machine.modules.contains(&"virtio_blk".to_owned()) && machine.file_systems.len() == 8);
    let mut host = host();
    host.kernels[0].features.retain(|feature| *feature != crate::kernel::Feature::Disk);
    let lacks = plan(&wish, &host).problems;
    assert!(matches!(lacks[0].what, ProblemKind::KernelLacks { part: KernelPart::Disk, .. }), "{lacks:?}");
}

#[test]
fn disks_go_by_their_tags() {
    let disk =
        |tag: &str| Disk { tag: tag.into(), source: "/d.img".into(), mode: MountMode::Ro, format: None };
    let mut wish = with(Vec::new());
    wish.files.disks = ["a", "a", "", "b/c", "..", "terrarium-1"].map(disk).to_vec();
    let fields: Vec<String> = problems(&wish).into_iter().map(|(field, _)| field).collect();
    assert_eq!(fields, [1, 2, 3, 4, 5].map(|index| format!("files.disks[{index}].tag")));
    wish.files.disks = vec![Disk { source: "~/.ssh/id".into(), ..disk("a") }];
    assert!(matches!(only(&wish), ProblemKind::Secret { .. }));
    wish.files.disks = (0..26).map(|number| disk(&number.to_string())).collect();
    assert_eq!(only(&wish), ProblemKind::TooMany { most: 25 });
}

#[test]
fn another_root_is_left_to_the_start() {
    let mut wish = with(Vec::new());
    wish.files.root = Some("/".into());
    let usual = plan(&wish, &host()).plan.unwrap();
    assert!(usual.root.is_none() && !usual.orders.root.is_empty());
    wish.files.root = Some("~/trees/old".into());
    let other = plan(&wish, &host()).plan.unwrap();
    assert_eq!((other.root, other.orders.root), (Some("/home/ada/trees/old".into()), Vec::new()));
    wish.files.root = Some("/home/ada/.ssh".into());
    assert!(matches!(only(&wish), ProblemKind::Secret { .. }));
    wish.files.root = Some("/proc/1/root".into());
    assert!(matches!(only(&wish), ProblemKind::KernelView { .. }));
}

#[test]
fn a_command_in_a_share_is_seen() {
    let mut wish = with(vec![mount(MountKind::HostBind, "/srv/tools", "/srv/tools", MountMode::Ro)]);
    wish.command.argv = vec!["/srv/tools/run".into()];
    wish.command.directory = Some("/srv/tools/data".into());
    assert_eq!(problems(&wish), []);
    wish.files.mounts.clear();
    assert_eq!(problems(&wish).len(), 2);
}

#[test]
fn a_machine_gets_a_device_for_each_source() {
    let mut wish = with(vec![
        mount(MountKind::HostBind, "/srv/a", "/a", MountMode::Ro),
        mount(MountKind::Ram, "1M", "/b", MountMode::Rw),
        mount(MountKind::HostBind, "/srv/c", "/c", MountMode::Rw),
    ]);
    wish.isolation = Some(Isolation::Machine);
    let plan = plan(&wish, &host()).plan.unwrap();
    let machine = plan.machine.unwrap();
    let shares: Vec<(&str, bool)> =
        machine.exports.iter().map(|one| (one.tag.as_str(), one.writable)).collect();
    assert_eq!(shares[shares.len() - 2..], [("share0", false), ("share2", true)]);
    assert!(machine.modules.contains(&"overlay".to_owned()));
}

proptest! {
    /// Whatever the paths: no share of a plan shows a secret or the kernel,
    /// and none that may be written holds what starts programs.
    #[test]
    fn no_plan_gives_away_what_is_guarded(
        source in "(/|~|~/)?(home|ada|\\.ssh|\\.config|autostart|proc|\\.|\\.\\.|/|x){0,6}",
        target in "/(home|ada|\\.ssh|x|/){0,5}", rw in any::<bool>(), machine in any::<bool>(),
    ) {
        let mut wish = bind(&source, if rw { MountMode::Rw } else { MountMode::Ro });
        wish.files.mounts[0].target = target.into();
        wish.isolation = Some(if machine { Isolation::Machine } else { Isolation::Container });
        let Some(plan) = plan(&wish, &host()).plan else { return Ok(()) };
        for source in &plan.sources {
            let share = &plan.orders.shares[source.share];
            let inside = |path: &Path| Path::new(&share.target.to_string()).join(path);
            prop_assert!(source.path.is_absolute() && !source.path.starts_with("/proc"));
            for one in plan.guarded.iter().filter(|one| one.hidden || source.writable) {
                prop_assert!(!one.hidden || !source.path.starts_with(&one.path));
                if let Ok(rest) = one.path.strip_prefix(&source.path) {
                    prop_assert!(!source.writable);
                    let masked = share.masks.iter().any(|mask| inside(rest) == Path::new(&mask.to_string()));
                    prop_assert!(masked, "{:?} shows {:?}", source.path, one.path);
                }
            }
        }
    }
}
