// SPDX-License-Identifier: LGPL-2.1-or-later
use super::*;
use crate::message;
use crate::plan::plan;
use crate::profile::{Changes as Fate, Include, Interface, Mount, MountKind, MountMode, Profile};
use crate::xml::tests::host;

fn profile(isolation: Isolation) -> Profile {
    Profile { isolation: Some(isolation), ..Profile::new("x", vec!["true".into()]) }
}

fn bind(source: &str, mode: MountMode) -> Mount {
    Mount {
        kind: MountKind::HostBind,
        source: source.into(),
        target: format!("/mnt/{}", source.replace(['/', '~'], "")).into(),
        mode,
        format: None,
        trusted: false,
    }
}

fn of(profile: &Profile) -> Reach {
    let planned = plan(profile, &host());
    reach(&planned.plan.unwrap_or_else(|| panic!("{:?}", planned.problems)))
}

fn titles(rows: &[message::Row]) -> Vec<&str> {
    rows.iter().map(|row| row.title.as_str()).collect()
}

#[test]
fn a_default_profile_reaches_the_system_and_nothing_of_the_users() {
    let words = message::reach(&of(&profile(Isolation::Container)));
    assert_eq!(
        titles(&words.can),
        [
            "Read the system",
            "Ask for your clipboard",
            "Use this computer’s kernel",
            "Use up to 1 GiB of memory"
        ]
    );
    let cannot = titles(&words.cannot);
    for title in ["See your secrets", "Change your files", "Talk to the network", "See your home folder"] {
        assert!(cannot.contains(&title), "{title}: {cannot:?}");
    }
    assert!(words.can.iter().all(|row| row.strength == Strength::Usual));
    assert_eq!(words.afterwards.0, "What it writes is thrown away when it ends.");
    let words = message::reach(&of(&profile(Isolation::Machine)));
    assert!(titles(&words.cannot).contains(&"Use this computer’s kernel"));
}

#[test]
fn the_strongest_comes_first_and_is_named() {
    let mut wish = profile(Isolation::Container);
    wish.files.mounts = vec![
        bind("~/Documents/Signed", MountMode::Rw),
        bind("~/Downloads", MountMode::Ro),
        bind("~/.local/share", MountMode::Ro),
    ];
    wish.files.unmask = vec!["~/.local/share/keyrings".into()];
    wish.files.include = vec![Include { source: "~/.vimrc".into(), target: "/tmp/rc".into() }];
    wish.security.privileged = true;
    let facts = of(&wish);
    let words = message::reach(&facts);
    let said: Vec<_> = words.can.iter().map(|row| (row.title.as_str(), row.detail.as_str())).collect();
    assert_eq!(
        said[..4],
        [
            (
                "See 1 of your secrets",
                "The GNOME keyring (~/.local/share/keyrings), because ~/.local/share is shared"
            ),
            ("Change files in 1 place", "~/Documents/Signed"),
            ("Talk to programs outside that use sockets in these folders", "~/Documents/Signed"),
            ("Act as root inside", "Of nothing outside. It can do more harm inside."),
        ]
    );
    assert!(
        said.contains(&(
            "Read 3 places and the system",
            "~/Downloads, ~/.local/share, ~/.vimrc, and the programs installed on this computer"
        )),
        "{said:?}"
    );
    assert_eq!(words.can[0].strength, Strength::Secret);
    assert!(titles(&words.cannot).contains(&"See your other secrets"));
    let Fact::Secrets { seen, .. } = &facts.facts[0] else { panic!("{:?}", facts.facts[0]) };
    assert!(seen[0].can_be_hidden());
}

/// Nobody is told that all of it waits, or that their files stay as they are.
#[test]
fn what_is_written_in_place_is_not_reviewed() {
    let mut wish = profile(Isolation::Container);
    for (fate, alone, beside) in [
        (Fate::Review, "You review what it changed.", "You review what it changed anywhere else."),
        (
            Fate::Keep,
            "What it writes is kept for the next run.",
            "What it writes anywhere else is kept for the next run.",
        ),
        (
            Fate::Discard,
            "What it writes is thrown away when it ends.",
            "What it writes anywhere else is thrown away when it ends.",
        ),
    ] {
        wish.files.changes = fate;
        wish.files.mounts = vec![bind("~/Downloads", MountMode::Ro)];
        let words = message::reach(&of(&wish)).afterwards;
        assert!(words.0 == alone && !words.1.contains("in place"), "{words:?}");
        wish.files.mounts.push(bind("~/hello", MountMode::Rw));
        let words = message::reach(&of(&wish)).afterwards;
        let place = "What it writes in ~/hello is in place at once: nobody reviews or discards that.";
        assert_eq!((words.0.as_str(), words.1.as_str()), (beside, place));
    }
}

#[test]
fn a_secret_that_nothing_shows_is_not_seen() {
    let mut wish = profile(Isolation::Container);
    wish.files.unmask = vec!["~/.ssh".into()];
    assert!(!of(&wish).facts[0].can());
    wish.files.home = Home::Readonly;
    let facts = of(&wish);
    assert!(facts.facts[0].can());
    let words = message::reach(&facts);
    assert_eq!(titles(&words.can)[..2], ["See 1 of your secrets", "Read your home folder"]);
    let hidden = words.cannot.iter().find(|row| row.title == "See your other secrets").unwrap();
    assert!(hidden.detail.starts_with("keyrings, browser profiles, GnuPG keys and "), "{}", hidden.detail);
    let mut other = profile(Isolation::Container);
    other.files.mounts = vec![bind("/home", MountMode::Ro)];
    assert!(titles(&message::reach(&of(&other)).can).contains(&"Read your home folder"));
    // A kept home is Terrarium's own.
    wish.files.home = Home::Kept;
    let words = message::reach(&of(&wish));
    assert!(titles(&words.cannot).contains(&"Change your files"));
    assert_eq!(words.afterwards.1, "Its home folder is kept for the next run.");
}

fn detail<'a>(words: &'a message::Words, title: &str) -> &'a str {
    let row = words.can.iter().find(|row| row.title == title);
    row.map_or_else(|| panic!("{title}: {words:?}"), |row| row.detail.as_str())
}

#[test]
fn secrets_of_a_home_that_are_seen_are_not_said_to_be_hidden() {
    let mut wish = profile(Isolation::Container);
    wish.files.home = Home::Readonly;
    let all = "Your secrets in it are hidden, and it cannot write there.";
    let others = "Your other secrets in it are hidden, and it cannot write there.";
    let home = "Read your home folder";
    assert_eq!(detail(&message::reach(&of(&wish)), home), all);
    wish.files.unmask = vec!["~/.ssh".into()];
    assert_eq!(detail(&message::reach(&of(&wish)), home), others);
    wish.files.unmask = vec!["/etc/wireguard".into()];
    assert_eq!(detail(&message::reach(&of(&wish)), home), all, "it lies elsewhere");
}

#[test]
fn how_much_it_may_use_says_how_much_it_may_write() {
    let mut wish = profile(Isolation::Container);
    wish.limits.cpus = Some(2);
    let memory = "Use up to 1 GiB of memory";
    let said = |wish: &Profile| detail(&message::reach(&of(wish)), memory).to_owned();
    assert_eq!(said(&wish), "On 2 processors. It may write up to 2 GiB.");
    wish.files.writable = 512 << 20;
    wish.files.mounts = vec![bind("~/hello", MountMode::Ro)];
    assert_eq!(said(&wish), "On 2 processors. It may write up to 512 MiB.");
    wish.files.mounts = vec![bind("~/hello", MountMode::Rw)];
    let beside = "On 2 processors. It may write up to 512 MiB beside its folders.";
    assert_eq!(said(&wish), beside);
    wish.files.mounts = Vec::new();
    wish.files.home = Home::Kept;
    assert_eq!(said(&wish), beside);
}

#[test]
fn a_question_about_the_clipboard_goes_both_ways() {
    let mut wish = profile(Isolation::Container);
    wish.display.kind = DisplayKind::Window;
    let words = message::reach(&of(&wish));
    assert_eq!(
        detail(&words, "Ask for your clipboard"),
        "You allow each paste, and each time that it fills your clipboard."
    );
}

#[test]
fn a_window_says_what_passes() {
    let mut wish = profile(Isolation::Machine);
    wish.display.kind = DisplayKind::Window;
    let policies = [
        (Clipboard::Ask, Some("Ask for your clipboard")),
        (Clipboard::In, Some("Read what you copy")),
        (Clipboard::Out, Some("Fill your clipboard")),
        (Clipboard::Both, Some("Read and fill your clipboard")),
        (Clipboard::Off, None),
    ];
    for (policy, title) in policies {
        wish.display.clipboard = policy;
        let words = message::reach(&of(&wish));
        match title {
            Some(title) => assert!(titles(&words.can).contains(&title), "{policy:?}"),
            None => assert!(titles(&words.cannot).contains(&"Use your clipboard")),
        }
    }
    // A terminal can fill it and no more.
    let mut terminal = wish.clone();
    terminal.display.kind = DisplayKind::Terminal;
    for (policy, title) in [
        (Clipboard::Ask, Some("Ask for your clipboard")),
        (Clipboard::In, None),
        (Clipboard::Out, Some("Fill your clipboard")),
        (Clipboard::Both, Some("Fill your clipboard")),
        (Clipboard::Off, None),
    ] {
        let mut terminal = terminal.clone();
        terminal.display.clipboard = policy;
        let words = message::reach(&of(&terminal));
        match title {
            Some(title) => assert!(titles(&words.can).contains(&title), "{policy:?}"),
            None => assert!(titles(&words.cannot).contains(&"Use your clipboard")),
        }
    }
    wish.display.microphone = true;
    wish.display.sound = true;
    let words = message::reach(&of(&wish));
    let can = titles(&words.can);
    assert!(can.contains(&"Listen to your microphone") && can.contains(&"Play sound"), "{can:?}");
}

#[test]
fn every_fact_is_said_of_every_plan_with_a_window() {
    for isolation in [Isolation::Container, Isolation::Machine] {
        let mut wish = profile(isolation);
        wish.display.kind = DisplayKind::Window;
        let facts = of(&wish);
        let words = message::reach(&facts);
        for fact in &facts.facts {
            assert!(words.can.iter().chain(&words.cannot).any(|row| row.fact == *fact), "{fact:?}");
        }
        for row in words.can.iter().chain(&words.cannot) {
            assert!(
                !row.title.is_empty() && !row.title.contains('{') && !row.detail.contains('{'),
                "{row:?}"
            );
        }
        assert!(message::reach_lines(&facts).len() > facts.facts.len());
    }
}

#[test]
fn more_than_was_allowed_is_asked_for_again() {
    let grants = |profile: &Profile| Grants::of(&of(profile));
    let small = profile(Isolation::Machine);
    let mut large = small.clone();
    large.files.mounts = vec![bind("~/work", MountMode::Rw)];
    let mut seen = Seen::default();
    assert!(seen.is_due(&grants(&small)), "the first time");
    seen.allowed = Some(grants(&small));
    assert!(!seen.is_due(&grants(&small)));
    assert!(seen.is_due(&grants(&large)));
    seen.allowed = Some(grants(&large));
    assert!(!seen.is_due(&grants(&small)), "less");
    large.files.mounts = vec![bind("~/work/inside", MountMode::Ro)];
    assert!(!seen.is_due(&grants(&large)), "a part of it");
    large.files.mounts = vec![bind("~/workshop", MountMode::Ro)];
    assert!(seen.is_due(&grants(&large)), "another");
    assert!(seen.is_due(&grants(&profile(Isolation::Container))), "weaker glass");
    seen.from = Some("offer.terrarium".into());
    assert!(seen.is_due(&grants(&small)), "it came from elsewhere");
}

/// Each of these grants more than the one before; changed on its own it is due.
#[test]
fn homes_that_are_kept_ports_and_networks_are_due_when_they_are_new() {
    let on = |source: &str| Interface { source: Some(source.into()), ..Interface::default() };
    let custom = |change: fn(&mut Profile)| {
        let mut wish = profile(Isolation::Container);
        wish.network.mode = NetworkMode::Custom;
        wish.network.interfaces = vec![on("default")];
        change(&mut wish);
        wish
    };
    let internet = |forwards: &[&str]| {
        let mut wish = profile(Isolation::Container);
        wish.network.mode = NetworkMode::Internet;
        wish.network.forwards = forwards.iter().map(|one| (*one).to_owned()).collect();
        wish
    };
    let home = |home| {
        let mut wish = profile(Isolation::Container);
        wish.files.home = home;
        wish
    };
    let pairs = [
        (home(Home::Private), home(Home::Kept)),
        (internet(&[]), internet(&["8080:80"])),
        (internet(&["8080:80"]), internet(&["8080:22"])),
        (custom(|_| {}), custom(|wish| wish.network.interfaces[0].source = Some("isolated".into()))),
        (custom(|_| {}), custom(|wish| wish.network.interfaces.push(wish.network.interfaces[0].clone()))),
    ];
    for (number, (before, after)) in pairs.iter().enumerate() {
        let seen = Seen { from: None, allowed: Some(Grants::of(&of(before))) };
        assert!(!seen.is_due(&Grants::of(&of(before))));
        // Two interfaces on one network reach no more than one.
        assert_eq!(seen.is_due(&Grants::of(&of(after))), number < 4, "{number}");
    }
}

#[test]
fn what_was_shown_is_remembered() {
    let folder = tempfile::tempdir().unwrap();
    let mut places = host().places;
    places.data = folder.path().join("data");
    assert_eq!(Memory::load(&places).of("a"), Seen::default());
    let allowed = Some(Grants::of(&of(&profile(Isolation::Machine))));
    Memory::change(&places, "a", |seen| seen.allowed.clone_from(&allowed)).unwrap();
    Memory::change(&places, "b", |seen| seen.from = Some("b.terrarium".into())).unwrap();
    let memory = Memory::load(&places);
    assert_eq!(memory.of("a"), Seen { from: None, allowed });
    assert_eq!(memory.of("b").from.as_deref(), Some("b.terrarium"));
    Memory::forget(&places, "a").unwrap();
    assert_eq!(Memory::load(&places).of("a"), Seen::default());
    std::fs::write(places.data.join("reach.json"), "broken").unwrap();
    assert_eq!(Memory::load(&places), Memory::default());
}

#[test]
fn whom_it_may_talk_to_is_named() {
    let mut wish = profile(Isolation::Container);
    let said = |wish: &Profile| {
        let facts = Reach {
            facts: vec![Fact::Network {
                mode: wish.network.mode,
                allow: wish.network.allow.clone(),
                through: wish.network.interfaces.iter().filter_map(|one| one.source.clone()).collect(),
                own: wish.network.interfaces.is_empty(),
                user: false,
                forwards: wish.network.forwards.clone(),
            }],
            changes: Changes::Discard,
            home: "/home/ada".into(),
        };
        let words = message::reach(&facts);
        let row = words.can.first().or(words.cannot.first()).unwrap();
        (row.title.clone(), row.detail.clone())
    };
    wish.network.mode = NetworkMode::Full;
    assert!(said(&wish).0.ends_with("this computer"));
    wish.network.mode = NetworkMode::Custom;
    wish.network.allow = vec!["example.org:443/tcp".into()];
    assert_eq!(said(&wish), ("Talk to chosen hosts".into(), "example.org:443/tcp".into()));
    wish.network.mode = NetworkMode::Internet;
    let (title, detail) = said(&wish);
    assert!(title.ends_with("and chosen hosts") && detail == "example.org:443/tcp", "{title}");
    let granted = |allow: &[String]| {
        let facts = vec![Fact::Network {
            mode: NetworkMode::Internet,
            allow: allow.to_vec(),
            through: Vec::new(),
            own: true,
            user: false,
            forwards: Vec::new(),
        }];
        Grants::of(&Reach { facts, changes: Changes::Discard, home: "/home/ada".into() })
    };
    let (more, less) = (granted(&wish.network.allow), granted(&[]));
    assert!(more.exceed(&less) && !less.exceed(&more));
}

/// A list that is empty limits nothing beyond what the network does.
#[test]
fn a_custom_network_says_whom_it_reaches() {
    let said = |change: fn(&mut Vec<Interface>, &mut Vec<String>)| {
        let mut wish = profile(Isolation::Container);
        wish.network.mode = NetworkMode::Custom;
        change(&mut wish.network.interfaces, &mut wish.network.allow);
        let words = message::reach(&of(&wish));
        let is_it = |row: &&message::Row| matches!(row.fact, Fact::Network { .. });
        let row = words.can.iter().find(is_it).expect("it has a network");
        (row.title.clone(), row.detail.clone())
    };
    let internet = (
        "Talk to the internet",
        "To all of it, because no hosts are chosen. Neither to your local network nor to this computer.",
    );
    let reached = "To all that these networks of libvirt’s reach: default.";
    let pair = |(title, detail): (&str, &str)| (title.to_owned(), detail.to_owned());
    assert_eq!(said(|_, _| {}), pair(internet));
    assert_eq!(said(|all, _| all.push(Interface::default())), pair(internet));
    assert_eq!(said(|_, allow| allow.push("10.0.0.5".into())), pair(("Talk to chosen hosts", "10.0.0.5")));
    assert_eq!(
        said(|all, _| all.push(Interface { source: Some("default".into()), ..Interface::default() })),
        pair(("Talk to networks", reached))
    );
    let both = said(|all, allow| {
        all.push(Interface::default());
        all.push(Interface { source: Some("default".into()), ..Interface::default() });
        allow.push("10.0.0.5".into());
    });
    assert_eq!(both, pair(("Talk to chosen hosts", &format!("10.0.0.5 · {reached}"))));
}

#[test]
fn what_holds_now_is_said_of_a_network() {
    use crate::network::Usage;
    use terrarium_protocol::guard::{Base, Policy};
    let mut wish = profile(Isolation::Container);
    wish.network.mode = NetworkMode::Internet;
    let usage = |base: Base, allowed: &[&str], cut: bool| Usage {
        policy: Policy { base, ..Policy::default() },
        allowed: allowed.iter().map(|one| (*one).to_owned()).collect(),
        cut,
        seen: true,
        ..Usage::default()
    };
    let said = |wish: &Profile, usage: &Usage| {
        let mut facts = of(wish);
        facts.network_is(usage);
        let words = message::reach(&facts);
        let is_it = |row: &&message::Row| matches!(row.fact, Fact::Network { .. });
        let row = words.can.iter().chain(&words.cannot).find(is_it).expect("a row").clone();
        (row.fact.can(), row.title, row.detail)
    };
    let one = usage(Base::Internet, &["192.0.2.2:8765/tcp"], false);
    let (can, title, detail) = said(&wish, &one);
    assert!(can && title == "Talk to the internet and chosen hosts" && detail == "192.0.2.2:8765/tcp");
    let (can, title, _) = said(&wish, &usage(Base::Nobody, &["a.example"], false));
    assert!(can && title == "Talk to chosen hosts");
    for nobody in [usage(Base::Nobody, &[], false), usage(Base::All, &["a.example"], true)] {
        assert_eq!(said(&wish, &nobody), (false, "Talk to the network".to_owned(), String::new()));
    }
    // Networks of libvirt's lead on, whatever holds of Terrarium's own.
    wish.network.mode = NetworkMode::Custom;
    let lab = Interface { source: Some("lab".into()), ..Interface::default() };
    wish.network.interfaces = vec![Interface::default(), lab];
    for usage in
        [usage(Base::Internet, &[], false), usage(Base::Nobody, &[], false), usage(Base::All, &[], true)]
    {
        let (can, _, detail) = said(&wish, &usage);
        assert!(can && detail.contains("lab"), "{detail}");
    }
}
