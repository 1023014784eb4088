// SPDX-License-Identifier: LGPL-2.1-or-later
use super::*;
use crate::host::{ConnectionState, Host, Kvm, KvmDevice};
use crate::profile::{parse, to_toml, Colour, Isolation, Profile, Until};
use crate::xml::tests::host;
use proptest::prelude::*;
use terrarium_protocol::Bytes;

fn profile(argv: &[&str]) -> Profile {
    Profile::new("x", argv.iter().map(Into::into).collect())
}

fn kinds(profile: &Profile, host: &Host) -> Vec<(String, ProblemKind)> {
    plan(profile, host).problems.into_iter().map(|problem| (problem.field, problem.what)).collect()
}

#[test]
fn the_isolation_follows_what_works() {
    let mut host = host();
    let chosen = |host: &Host| {
        plan(&profile(&["true"]), host).plan.map(|plan| (plan.isolation, plan.isolation_reason))
    };
    assert_eq!(chosen(&host), Some((Isolation::Container, IsolationReason::ContainerWorks)));
    host.connections[0].state = ConnectionState::NotAllowed;
    assert_eq!(chosen(&host), Some((Isolation::Machine, IsolationReason::EmulationLeft)));
    host.kvm = Kvm { device: KvmDevice::Writable, processor: true };
    assert_eq!(chosen(&host), Some((Isolation::Machine, IsolationReason::KvmWorks)));
    host.kvm.processor = false;
    assert_eq!(
        chosen(&host),
        Some((Isolation::Machine, IsolationReason::EmulationLeft)),
        "/dev/kvm alone says nothing"
    );
}

#[test]
fn what_every_sandbox_sees_is_known() {
    let mut host = host();
    let seen = |path: &str, host: &Host| shows(std::path::Path::new(path), host);
    for path in ["/usr", "/usr/share/games", "/etc"] {
        assert!(seen(path, &host), "{path}");
    }
    for path in ["/opt/tool", "/home/ada", "/etc/libvirt/qemu", "/usrlocal", "/usr/../srv", "usr"] {
        assert!(!seen(path, &host), "{path}");
    }
    // Its own lies over a home folder that is below one of them.
    host.root.push(crate::host::RootEntry::Directory { path: "/var/lib".into() });
    host.user.home = "/var/lib/ada".into();
    assert!(seen("/var/lib/games", &host) && !seen("/var/lib/ada/bin", &host));
}

#[test]
fn what_root_inside_cannot_write_is_told() {
    let mut host = host();
    let told = |profile: &Profile, host: &Host| {
        plan(profile, host).notes.contains(&Note::StaysReadOnly { paths: vec!["/opt".into()] })
    };
    let mut root = profile(&["true"]);
    root.security.privileged = true;
    assert!(!told(&root, &host));
    host.unmapped = vec!["/opt".into()];
    assert!(told(&root, &host) && !told(&profile(&["true"]), &host));
    root.isolation = Some(Isolation::Machine);
    assert!(!told(&root, &host), "its kernel writes a layer of its own");
}

#[test]
fn a_kept_home_begins_with_the_same_folders() {
    let mut host = host();
    host.folders = vec![crate::host::Folder { purpose: "MUSIC".into(), name: "Musik".into() }];
    let fresh = |home| {
        let mut profile = profile(&["true"]);
        profile.files.home = home;
        plan(&profile, &host).plan.unwrap().fresh_home
    };
    let kept = fresh(crate::profile::Home::Kept).unwrap();
    assert!(kept.folders.contains(&"Musik".into()) && kept.folders.contains(&".local/share".into()));
    assert_eq!(kept.user_dirs, "XDG_MUSIC_DIR=\"$HOME/Musik\"\n");
    assert_eq!(fresh(crate::profile::Home::Private), None);
}

#[test]
fn every_problem_is_found_at_once_and_names_its_key() {
    let mut wrong = profile(&["/home/ada/.local/bin/tool", "a\0b"]);
    wrong.name = "a/b".into();
    wrong.command.directory = Some("relative".into());
    wrong.limits.memory = 1;
    wrong.limits.cpus = Some(99);
    wrong.machine.connection = Some("qemu+ext:///system?command=x".into());
    wrong.isolation = Some(Isolation::Machine);
    wrong.files.writable = 1;
    let fields: Vec<String> = kinds(&wrong, &host()).into_iter().map(|(field, _)| field).collect();
    for field in [
        "name",
        "machine.connection",
        "command.argv[1]",
        "command.argv[0]",
        "command.directory",
        "files.writable",
        "limits.memory",
        "limits.cpus",
    ] {
        assert!(fields.contains(&field.to_owned()), "{field} is missing in {fields:?}");
    }
}

#[test]
fn what_exec_would_refuse_is_said_before() {
    let one = |profile: &Profile| {
        let all = kinds(profile, &host());
        assert_eq!(all.len(), 1, "{all:?}");
        all.into_iter().next().unwrap()
    };
    let long = "x".repeat(128 << 10);
    let too_long = |length: usize| ProblemKind::ArgumentTooLong { length };
    assert_eq!(one(&profile(&["echo", &long])), ("command.argv[1]".into(), too_long(128 << 10)));
    assert_eq!(kinds(&profile(&["echo", &long[1..]]), &host()), []);
    let mut many = profile(&["true"]);
    many.command.argv.extend(vec!["".into(); 300_000]);
    assert!(matches!(one(&many).1, ProblemKind::ArgumentsTooLong { length, .. } if length > 300_000 * 9));
    let mut wish = profile(&["env"]);
    wish.command.environment.insert("LONG".into(), long.clone());
    assert_eq!(one(&wish), ("command.environment.LONG".into(), too_long((128 << 10) + 5)));
    let mut turned = profile(&["true"]);
    turned.name = "safe\u{202e}fdp.exe".into();
    assert_eq!(one(&turned).0, "name");
    // Counted in characters, whatever they take.
    turned.name = "\u{648}".repeat(200);
    assert_eq!(kinds(&turned, &host()), []);
    turned.name.push('x');
    assert_eq!(one(&turned).0, "name");
}

#[test]
fn nobody_is_ever_root() {
    let mut host = host();
    host.user.uid = 0;
    assert!(kinds(&profile(&["id"]), &host).contains(&("user".into(), ProblemKind::RootUser)));
}

#[test]
fn an_empty_home_never_hides_the_system() {
    for (home, expected) in [
        ("/home/ada", "/home/ada"),
        ("/nonexistent", "/nonexistent"),
        ("/var/lib/ada", "/var/lib/ada"),
        ("/var/lib/libvirt", "/var/lib/libvirt"),
        ("/var/lib/libvirt/qemu", "/home/ada"),
        ("/", "/home/ada"),
        ("/usr/sbin", "/home/ada"),
        ("/bin", "/home/ada"),
        ("/var", "/home/ada"),
        ("/run", "/home/ada"),
        ("/tmp", "/home/ada"),
        ("relative", "/home/ada"),
        ("/home/../usr", "/home/ada"),
        ("", "/home/ada"),
    ] {
        let mut host = host();
        host.user.home = home.into();
        let orders = plan(&profile(&["/usr/sbin/nologin"]), &host).plan.unwrap().orders;
        assert_eq!(orders.user.home, Bytes::from(expected), "{home}");
        assert!(orders.layer.is_some_and(|layer| layer.home), "{home}");
        assert_eq!(orders.command.directory, Bytes::from(expected));
        let masks_home = |mask: &Bytes| std::path::Path::new(expected).starts_with(mask.to_string());
        assert!(!orders.masks.iter().any(masks_home), "{home}");
    }
}

#[test]
fn variables_are_the_few_and_the_profiles() {
    let mut own = profile(&["env"]);
    own.command.environment.insert("LANG".into(), "de_DE.UTF-8".into());
    let orders = plan(&own, &host()).plan.unwrap().orders;
    let value = |name: &str| {
        let mut all = orders.command.environment.iter().filter(|(other, _)| *other == Bytes::from(name));
        let first = all.next().map(|(_, value)| value.to_string());
        assert!(all.next().is_none(), "{name} is there twice");
        first
    };
    assert_eq!(value("LANG").as_deref(), Some("de_DE.UTF-8"));
    assert_eq!(value("TERM").as_deref(), Some("xterm-256color"));
    assert_eq!(value("HOME").as_deref(), Some("/home/ada"));
    assert_eq!(value("SSH_AUTH_SOCK"), None);
}

#[test]
fn unknown_keys_are_all_named_with_their_lines() {
    let text =
        "version = 1\nname = \"x\"\nnonsense = 1\n[command]\nargv = [\"true\"]\n[limits]\nmemori = 1\n";
    let faults = parse(text).unwrap_err().faults;
    let lines: Vec<usize> = faults.iter().map(|fault| fault.line).collect();
    assert_eq!(lines, [3, 7]);
    let newer = parse("version = 2\nname = 1\n").unwrap_err().faults;
    assert_eq!(newer[0].what, crate::profile::FaultKind::Newer { version: 2 });
}

#[test]
fn the_example_of_the_documentation_is_read() {
    let text = r#"
version = 1
name = "Untrusted documents"
colour = "red"
isolation = "machine"
[command]
argv = ["evince", "/home/me/in/report.pdf"]
directory = "/home/me"
environment = { LANG = "en_GB.UTF-8" }
[display]
kind = "window"
clipboard = "ask"
[files]
home = "private"
changes = "review"
mounts = [ { type = "host-bind", source = "~/Downloads", target = "/home/me/in", mode = "ro" } ]
[network]
mode = "none"
[limits]
memory = "1 GiB"
cpus = 2
"#;
    let read = parse(text).unwrap();
    assert_eq!((read.colour, read.limits.memory, read.files.mounts.len()), (Colour::Red, 1 << 30, 1));
    assert_eq!(parse(&to_toml(&read).unwrap()).unwrap(), read);
}

prop_compose! {
    fn any_profile()(
        name in ".{0,120}", argv in proptest::collection::vec(".{0,30}", 0..5), memory in any::<u64>(),
        cpus in proptest::option::of(any::<u32>()), directory in proptest::option::of(".{0,20}"),
        variable in "[A-Z=\u{0}]{0,5}", connection in proptest::option::of("[a-z:/+?=]{0,20}"),
        machine in proptest::option::of(any::<bool>()), privileged in any::<bool>(), all in any::<bool>()
    ) -> Profile {
        let mut profile = Profile::new(name, argv.into_iter().map(Into::into).collect());
        profile.limits.memory = memory;
        profile.limits.cpus = cpus;
        profile.command.directory = directory.map(Into::into);
        profile.command.environment.insert(variable, "value".into());
        profile.command.until = all.then_some(Until::All);
        profile.machine.connection = connection;
        profile.isolation = machine.map(|machine| if machine { Isolation::Machine } else { Isolation::Container });
        profile.security.privileged = privileged;
        profile
    }
}

/// Nothing but faults: each has its line, and the text is not read anew for each.
#[test]
fn a_long_text_of_unknown_keys_is_read_in_one_pass() {
    let mut text = String::from("version = 1\nname = \"a\"\ncommand.argv = []\n");
    (0..200_000).for_each(|number| text.push_str(&format!("k{number:x} = 1\n")));
    let faults = parse(&text).unwrap_err().faults;
    assert_eq!((faults.len(), faults[0].line, faults[199_999].line), (200_000, 4, 200_003));
}

#[test]
fn the_seeds_of_the_fuzz_target_profile_pass() {
    let seeds = crate::fuzz_seeds("profile").into_iter().map(|seed| String::from_utf8(seed).unwrap());
    let read: Vec<bool> = seeds
        .map(|text| {
            crate::profile::fuzz::text(&text);
            parse(&text).is_ok()
        })
        .collect();
    assert!(read.contains(&true) && read.contains(&false), "{read:?}");
}

proptest! {
    #[test]
    fn a_plan_or_a_reason_whatever_the_profile(profile in any_profile(), uid in any::<u32>()) {
        let mut host = host();
        host.user.uid = uid;
        let planned = plan(&profile, &host);
        prop_assert_eq!(planned.plan.is_some(), planned.problems.is_empty());
        if let Some(plan) = planned.plan {
            prop_assert!(plan.orders.user.uid != 0 && plan.connection.is_known());
            prop_assert!(plan.orders.root.len() == 3);
        }
        for problem in &planned.problems {
            let words = crate::message::problem(problem);
            prop_assert!(!words.text.is_empty());
        }
    }

    #[test]
    fn any_text_is_a_profile_or_a_fault(text in "(\\[|\\]|=|\"|version|command|limits|[a-z0-9. \n]){0,60}") {
        crate::profile::fuzz::text(&text);
    }

    #[test]
    fn what_is_written_is_read_again(profile in any_profile()) {
        prop_assert_eq!(parse(&to_toml(&profile).unwrap()).unwrap(), profile);
    }

    #[test]
    fn sizes_come_back(size in any::<u64>()) {
        prop_assert_eq!(crate::profile::parse_size(&crate::profile::format_size(size)), Some(size));
    }
}
