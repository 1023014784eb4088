// SPDX-License-Identifier: LGPL-2.1-or-later
//! Plans for sandboxes with a screen.

use super::*;
use crate::host::{Displays, Family, Host, Kvm, KvmDevice, Look, Piece};
use crate::kernel::{Feature, Kernel};
use crate::profile::{Manager, Profile};
use crate::xml::tests::host;
use proptest::prelude::*;
use terrarium_protocol::display::{ScreenSize, SCALE_MAX};
use terrarium_protocol::orders::{Orders, Until};
use terrarium_protocol::Bytes;

fn window(isolation: Isolation) -> Profile {
    let mut profile = Profile::new("x", vec!["xterm".into()]);
    profile.isolation = Some(isolation);
    profile.display.kind = DisplayKind::Window;
    profile
}

fn problems(profile: &Profile, host: &Host) -> Vec<(String, ProblemKind)> {
    plan(profile, host).problems.into_iter().map(|problem| (problem.field, problem.what)).collect()
}

fn planned(profile: &Profile, host: &Host) -> Plan {
    let planned = plan(profile, host);
    planned.plan.unwrap_or_else(|| panic!("{:?}", planned.problems))
}

fn variable(orders: &Orders, name: &str) -> Option<String> {
    let found = orders.command.environment.iter().find(|(other, _)| *other == Bytes::from(name));
    found.map(|(_, value)| value.to_string())
}

fn file(orders: &Orders, path: &str) -> Option<String> {
    let found = orders.files.iter().find(|file| file.path == Bytes::from(path));
    found.map(|file| file.content.to_string())
}

fn words(all: &[&str]) -> Option<Vec<Bytes>> {
    Some(all.iter().map(|word| Bytes::from(*word)).collect())
}

#[test]
fn a_window_has_a_screen_three_pipes_and_ends_with_its_last_process() {
    for isolation in [Isolation::Container, Isolation::Machine] {
        let orders = planned(&window(isolation), &host()).orders;
        let display = orders.display.as_ref().unwrap();
        assert_eq!(display.server, Bytes::from("/usr/lib/xorg/Xorg"));
        assert_eq!(display.size, ScreenSize { width: 1024, height: 768 });
        assert_eq!(display.bus, Some(Bytes::from("/usr/bin/dbus-daemon")));
        let agent = display.agent.as_ref().unwrap();
        assert_eq!(agent.daemon, Bytes::from("/usr/sbin/spice-vdagentd"));
        assert_eq!(agent.client, Bytes::from("/usr/bin/spice-vdagent"));
        assert!(!display.sound && display.prepare.is_empty());
        let openbox = ["/usr/bin/openbox", "--sm-disable", "--config-file", "/run/terrarium/openbox.xml"];
        let ready = ["--startup", "touch /run/user/1000/openbox"];
        // Here machines are emulated: init stands in for openbox at first.
        let late: &[&str] = if isolation == Isolation::Machine { &["--replace"] } else { &[] };
        assert_eq!(display.manager, words(&[&openbox[..], &ready[..], late].concat()));
        assert_eq!(display.manager_late, isolation == Isolation::Machine);
        assert_eq!(display.manager_ready, Some("/run/user/1000/openbox".into()));
        assert_eq!((orders.until, orders.command.terminal), (Until::All, None));
    }
    let mut terminal = window(Isolation::Machine);
    terminal.display.kind = DisplayKind::Terminal;
    terminal.display.sound = true;
    let plan = planned(&terminal, &host());
    let files: Vec<String> = plan.orders.files.iter().map(|file| file.path.to_string()).collect();
    assert!(plan.orders.display.is_none() && files == ["/home/ada/.config/user-dirs.dirs"], "{files:?}");
    assert_eq!(plan.passes, Passes::default());
    let machine = plan.machine.unwrap();
    assert_eq!(machine.video, None);
    assert_eq!(machine.modules, [crate::kernel::BASE, &["virtio_balloon"]].concat());
    assert_eq!(variable(&plan.orders, "DISPLAY"), None);
}

#[test]
fn variables_are_those_of_a_screen_and_the_profiles_count_more() {
    let mut host = host();
    host.environment.insert("TERM".into(), "xterm".into());
    let mut profile = window(Isolation::Container);
    profile.command.environment.insert("GDK_BACKEND".into(), "broadway".into());
    let orders = planned(&profile, &host).orders;
    for (name, expected) in [
        ("DISPLAY", Some(":0")),
        ("XAUTHORITY", Some("/run/terrarium/Xauthority")),
        ("XDG_SESSION_TYPE", Some("x11")),
        ("XDG_CONFIG_DIRS", Some("/run/terrarium/xdg:/etc/xdg")),
        ("DBUS_SESSION_BUS_ADDRESS", Some("unix:path=/run/user/1000/bus")),
        ("GDK_BACKEND", Some("broadway")),
        ("QT_QPA_PLATFORM", Some("xcb")),
        ("GSK_RENDERER", None),
        ("LIBGL_ALWAYS_SOFTWARE", None),
        ("TERM", None),
    ] {
        assert_eq!(variable(&orders, name).as_deref(), expected, "{name}");
    }
    host.display.bus = None;
    let orders = planned(&profile, &host).orders;
    assert_eq!(variable(&orders, "DBUS_SESSION_BUS_ADDRESS"), None);
}

#[test]
fn only_an_emulated_machine_is_without_glx() {
    let glx = |isolation, host: &Host| {
        let orders = planned(&window(isolation), host).orders;
        let software = variable(&orders, "LIBGL_ALWAYS_SOFTWARE").is_some();
        assert_eq!(variable(&orders, "GSK_RENDERER").is_some(), software);
        assert_eq!(orders.display.unwrap().glx, !software);
        !software
    };
    let mut host = host();
    assert!(glx(Isolation::Container, &host) && !glx(Isolation::Machine, &host));
    host.kvm = Kvm { device: KvmDevice::Writable, processor: true };
    assert!(glx(Isolation::Machine, &host));
}

#[test]
fn programs_look_as_on_the_host() {
    let mut host = host();
    let path = "/run/terrarium/xdg/gtk-4.0/settings.ini";
    let orders = planned(&window(Isolation::Container), &host).orders;
    assert_eq!(file(&orders, path).unwrap(), "[Settings]\ngtk-application-prefer-dark-theme=0\n");
    assert!(file(&orders, "/run/terrarium/openbox.xml").unwrap().contains("<name>Clearlooks</name>"));
    assert_eq!(variable(&orders, "ADW_DEBUG_COLOR_SCHEME"), None);
    let name = |text: &str| Some(text.to_owned());
    host.display.look = Look {
        dark: true,
        theme: name("Breeze"),
        icons: name("breeze\n[Other]"),
        pointers: name("Adwaita"),
        font: name("Cantarell 11"),
    };
    let orders = planned(&window(Isolation::Container), &host).orders;
    let expected = "[Settings]\ngtk-theme-name=Breeze\ngtk-cursor-theme-name=Adwaita\n\
                    gtk-font-name=Cantarell 11\ngtk-application-prefer-dark-theme=1\n";
    assert_eq!(file(&orders, path).unwrap(), expected);
    assert_eq!(file(&orders, "/run/terrarium/xdg/gtk-3.0/settings.ini").unwrap(), expected);
    assert!(file(&orders, "/run/terrarium/openbox.xml").unwrap().contains("<name>Onyx</name>"));
    assert_eq!(variable(&orders, "ADW_DEBUG_COLOR_SCHEME").as_deref(), Some("prefer-dark"));
}

#[test]
fn windows_are_managed_as_the_profile_says() {
    let mut profile = window(Isolation::Container);
    let openbox = |orders: &Orders| file(orders, "/run/terrarium/openbox.xml").is_some();
    profile.display.manager = Manager::None;
    let orders = planned(&profile, &host()).orders;
    assert!(orders.display.as_ref().unwrap().manager.is_none() && !openbox(&orders));
    profile.display.manager = Manager::Session;
    assert_eq!(problems(&profile, &host()), [("display.session".into(), ProblemKind::NoSession)]);
    profile.display.session = vec!["startxfce4".into(), "--x".into()];
    let orders = planned(&profile, &host()).orders;
    assert_eq!(orders.display.as_ref().unwrap().manager, words(&["startxfce4", "--x"]));
    assert!(!openbox(&orders));
    profile.display.session = vec!["/home/ada/bin/session".into(), "a\0".into()];
    let fields: Vec<String> = problems(&profile, &host()).into_iter().map(|(field, _)| field).collect();
    assert_eq!(fields, ["display.session[0]", "display.session[1]"]);
}

#[test]
fn what_is_missing_is_named_and_what_can_be_missed_is_a_note() {
    let mut host = host();
    host.display = Displays::default();
    let missing = |isolation| {
        let of = |problem: (String, ProblemKind)| match problem {
            (field, ProblemKind::DisplayLacks { piece, .. }) if field == "display.kind" => piece,
            other => panic!("{other:?}"),
        };
        problems(&window(isolation), &host).into_iter().map(of).collect::<Vec<_>>()
    };
    assert_eq!(missing(Isolation::Container), [Piece::Server, Piece::Spiceqxl, Piece::Keymaps]);
    assert_eq!(
        missing(Isolation::Machine),
        [Piece::Server, Piece::Modesetting, Piece::Evdev, Piece::Keymaps]
    );
    let mut host = crate::xml::tests::host();
    (host.display.agent, host.display.openbox, host.display.bus) = (None, None, None);
    let planned = plan(&window(Isolation::Container), &host);
    let lacks = |piece| Note::DisplayLacks { piece, family: Family::Debian };
    assert_eq!(planned.notes, [lacks(Piece::Agent), lacks(Piece::Manager), lacks(Piece::Bus)]);
    let display = planned.plan.unwrap().orders.display.unwrap();
    assert!(display.agent.is_none() && display.manager.is_none() && display.bus.is_none());
    let mut without = window(Isolation::Container);
    without.display.manager = Manager::None;
    assert_eq!(plan(&without, &host).notes, [lacks(Piece::Agent), lacks(Piece::Bus)]);
}

#[test]
fn containers_have_one_monitor_and_neither_ears_nor_ports() {
    let mut profile = window(Isolation::Container);
    let wish = &mut profile.display;
    (wish.microphone, wish.usb, wish.monitors) = (true, true, 2);
    let only = |field: &str, what| (field.to_owned(), ProblemKind::MachinesOnly { what });
    assert_eq!(
        problems(&profile, &host()),
        [
            only("display.microphone", MachineOnly::Microphone),
            only("display.usb", MachineOnly::Usb),
            only("display.monitors", MachineOnly::Monitors),
        ]
    );
    let mut loud = window(Isolation::Container);
    (loud.display.sound, loud.display.drop) = (true, true);
    let planned = plan(&loud, &host());
    assert_eq!(planned.notes, []);
    let plan = planned.plan.unwrap();
    assert_eq!(plan.passes, Passes { sound: true, drop: true, ..Passes::default() });
    assert!(plan.orders.display.as_ref().unwrap().sound);
    let settings = b"/run/terrarium/asound.conf";
    assert!(plan.orders.files.iter().any(|file| file.path.as_slice() == settings));
    assert_eq!(variable(&plan.orders, "ALSA_CONFIG_PATH").unwrap().as_bytes(), settings);
}

#[test]
fn who_speaks_pulseaudio_alone_has_a_server_where_sound_may_pass() {
    let modules = |orders: &Orders| {
        let server = orders.display.as_ref().unwrap().sound_server.as_ref()?;
        assert_eq!(server.argv[0], Bytes::from("/usr/bin/pulseaudio"));
        let all = server.argv.iter().map(ToString::to_string).filter(|word| word.starts_with("module-"));
        Some(all.map(|word| word.split(' ').next().unwrap().to_owned()).collect::<Vec<_>>().join(" "))
    };
    for (isolation, sound, microphone, expected) in [
        (Isolation::Container, true, false, Some("module-pipe-sink")),
        (Isolation::Container, false, false, None),
        (Isolation::Machine, false, false, None),
        (Isolation::Machine, true, false, Some("module-alsa-sink")),
        (Isolation::Machine, false, true, Some("module-alsa-source")),
        (Isolation::Machine, true, true, Some("module-alsa-sink module-alsa-source")),
    ] {
        let mut profile = window(isolation);
        (profile.display.sound, profile.display.microphone) = (sound, microphone);
        let orders = planned(&profile, &host()).orders;
        let whole = |own: &str| format!("module-native-protocol-unix {own} module-suspend-on-idle");
        assert_eq!(modules(&orders), expected.map(whole), "{isolation:?} {sound} {microphone}");
        let address = variable(&orders, "PULSE_SERVER");
        assert_eq!(address, expected.map(|_| "unix:/run/user/1000/pulse/native".to_owned()));
    }
    let mut host = host();
    host.display.pulseaudio = None;
    let mut loud = window(Isolation::Container);
    loud.display.sound = true;
    let planned = plan(&loud, &host);
    assert_eq!(planned.notes, [Note::DisplayLacks { piece: Piece::Sound, family: host.family }]);
    let orders = planned.plan.unwrap().orders;
    assert_eq!((modules(&orders), variable(&orders, "PULSE_SERVER")), (None, None));
}

#[test]
fn programs_draw_as_large_as_the_desktop_wants_unless_the_profile_says_so_itself() {
    let names = ["QT_AUTO_SCREEN_SCALE_FACTOR", "XCURSOR_SIZE"];
    let told = |orders: &Orders| names.map(|name| variable(orders, name).unwrap_or_default());
    let mut profile = window(Isolation::Machine);
    let mut orders = planned(&profile, &host()).orders;
    assert_eq!((orders.display.as_ref().unwrap().scale, told(&orders)), (1, ["", ""].map(String::from)));
    set_scale(&mut orders, 1);
    assert_eq!(told(&orders), ["", ""]);
    set_scale(&mut orders, 2);
    assert_eq!((orders.display.as_ref().unwrap().scale, told(&orders)), (2, ["1", "48"].map(String::from)));
    profile.command.environment.insert("XCURSOR_SIZE".into(), "30".into());
    let mut orders = planned(&profile, &host()).orders;
    set_scale(&mut orders, 1000);
    assert_eq!(orders.display.as_ref().unwrap().scale, SCALE_MAX);
    assert_eq!(told(&orders), ["1", "30"]);
    profile.display.kind = DisplayKind::None;
    let mut orders = planned(&profile, &host()).orders;
    set_scale(&mut orders, 2);
    assert_eq!(told(&orders), ["", "30"], "nothing is shown");
}

#[test]
fn a_machine_asks_for_the_modules_of_what_passes() {
    let mut profile = window(Isolation::Machine);
    let modules = |profile: &Profile| {
        let plan = planned(profile, &host());
        assert_eq!(plan.orders.display.unwrap().sound, plan.passes.sound || plan.passes.microphone);
        plan.machine.unwrap().modules[crate::kernel::BASE.len()..].join(" ")
    };
    assert_eq!(modules(&profile), "virtio_gpu virtio_input evdev uinput virtio_balloon");
    profile.display.microphone = true;
    profile.display.usb = true;
    assert_eq!(
        modules(&profile),
        "snd_hda_codec_generic snd_hda_intel virtio_gpu virtio_input evdev uinput xhci_pci virtio_balloon"
    );
}

#[test]
fn a_kernel_that_shows_is_taken_and_one_that_does_not_is_named() {
    let mut host = host();
    let blind = |version: &str, features: &[Feature]| Kernel {
        version: version.into(),
        features: features.to_vec(),
        ..crate::xml::tests::host().kernels[0].clone()
    };
    host.kernels.insert(0, blind("6.9-cloud", &[Feature::Input]));
    let machine = planned(&window(Isolation::Machine), &host).machine.unwrap();
    assert_eq!((machine.kernel.version.as_str(), machine.video), ("6.1.0-9-amd64", Some(Video::Virtio)));
    host.kernels.pop();
    let lacks = |field: &str, part| {
        (field.to_owned(), ProblemKind::KernelLacks { version: "6.9-cloud".into(), part })
    };
    let mut profile = window(Isolation::Machine);
    profile.display.sound = true;
    let expected = [lacks("display.kind", KernelPart::Screen), lacks("display.sound", KernelPart::Sound)];
    assert_eq!(problems(&profile, &host), expected);
    host.kernels[0] = blind("6.9-cloud", &[Feature::Bochs]);
    profile.display.sound = false;
    profile.display.monitors = 2;
    let monitors = |asked, most| ("display.monitors".to_owned(), ProblemKind::Monitors { asked, most });
    assert_eq!(problems(&profile, &host), [lacks("display.kind", KernelPart::Input), monitors(2, 1)]);
    host.kernels[0] = crate::xml::tests::host().kernels[0].clone();
    for (asked, expected) in [(0, vec![monitors(0, 4)]), (4, vec![]), (5, vec![monitors(5, 4)])] {
        profile.display.monitors = asked;
        assert_eq!(problems(&profile, &host), expected);
    }
}

#[test]
fn memory_for_a_window_is_more() {
    let mut profile = window(Isolation::Machine);
    profile.limits.memory = 512 << 20;
    let little = Note::LittleMemory { asked: 512 << 20, better: 768 << 20 };
    assert!(plan(&profile, &host()).notes.contains(&little));
    profile.limits.memory -= 1;
    assert!(
        matches!(problems(&profile, &host())[0].1, ProblemKind::Memory { least, .. } if least == 512 << 20)
    );
    let mut small = window(Isolation::Container);
    small.limits.memory = 128 << 20;
    assert_eq!(plan(&small, &host()).notes, []);
}

prop_compose! {
    fn any_window()(
        flags in any::<[bool; 5]>(), monitors in 0u32..7, manager in 0usize..3,
        session in proptest::collection::vec(".{0,9}", 0..3), clipboard in 0usize..5
    ) -> Profile {
        let mut profile = window(if flags[0] { Isolation::Machine } else { Isolation::Container });
        let wish = &mut profile.display;
        [_, wish.sound, wish.microphone, wish.drop, wish.usb] = flags;
        wish.monitors = monitors;
        wish.manager = [Manager::Small, Manager::None, Manager::Session][manager];
        wish.session = session;
        use Clipboard as C;
        wish.clipboard = [C::Off, C::In, C::Out, C::Both, C::Ask][clipboard];
        profile
    }
}

prop_compose! {
    fn any_host()(pieces in any::<[bool; 8]>(), features in proptest::collection::vec(0usize..5, 0..5)) -> Host {
        let mut host = host();
        let here = &mut host.display;
        [_, here.spiceqxl, here.modesetting, here.evdev, here.keymaps, _, _, _] = pieces;
        here.server = here.server.take().filter(|_| pieces[0]);
        here.agent = here.agent.take().filter(|_| pieces[5]);
        here.openbox = here.openbox.take().filter(|_| pieces[6]);
        here.bus = here.bus.take().filter(|_| pieces[7]);
        use Feature::{Bochs, Input, Qxl, Sound, VirtioGpu};
        let all = [Bochs, Input, Qxl, Sound, VirtioGpu];
        host.kernels[0].features = features.into_iter().map(|index| all[index]).collect();
        host
    }
}

proptest! {
    #[test]
    fn a_screen_or_a_reason_whatever_is_asked_and_here(profile in any_window(), host in any_host()) {
        let planned = plan(&profile, &host);
        prop_assert_eq!(planned.plan.is_some(), planned.problems.is_empty());
        for problem in &planned.problems {
            prop_assert!(!crate::message::problem(problem).text.is_empty(), "{:?}", problem);
        }
        for note in &planned.notes {
            prop_assert!(!crate::message::note(note).is_empty(), "{:?}", note);
        }
        if let Some(plan) = planned.plan {
            let display = plan.orders.display.as_ref().unwrap();
            prop_assert!(!display.server.as_slice().is_empty());
            prop_assert!(display.manager.as_ref().is_none_or(|words| !words[0].as_slice().is_empty()));
            prop_assert!((1..=4).contains(&plan.passes.monitors));
            let of_machine = plan.passes.microphone || plan.passes.usb || plan.passes.monitors > 1;
            prop_assert!(plan.machine.is_some() || !of_machine);
            if let Some(machine) = &plan.machine {
                let video = machine.video.unwrap();
                prop_assert!(machine.kernel.can(video.feature()) && plan.passes.monitors <= video.monitors());
            }
        }
    }

    #[test]
    fn what_a_window_asks_for_is_read_again(profile in any_window()) {
        let text = crate::profile::to_toml(&profile).unwrap();
        prop_assert_eq!(crate::profile::parse(&text).unwrap(), profile);
    }
}

#[test]
fn the_keyboard_is_as_it_is_here() {
    let mut host = host();
    host.display.keyboard.layout = "de".into();
    host.display.keyboard.variant = "neo".into();
    let display = planned(&window(Isolation::Machine), &host).orders.display.unwrap();
    let wanted = words(&["/usr/bin/setxkbmap", "-layout", "de", "-variant", "neo"]);
    assert_eq!(display.prepare, vec![wanted.unwrap()]);
    host.display.setxkbmap = None;
    assert!(planned(&window(Isolation::Machine), &host).orders.display.unwrap().prepare.is_empty());
}
