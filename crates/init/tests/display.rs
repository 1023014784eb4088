// SPDX-License-Identifier: LGPL-2.1-or-later
//! A real init with a real Xorg: the screen, its sockets, its pictures.
#![allow(missing_docs, clippy::unwrap_used)]

#[macro_use]
mod common;

use common::*;
use nix::sys::socket::{recvmsg, ControlMessageOwned, MsgFlags};
use std::io::{Read, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::time::{Duration, Instant};
use terrarium_protocol::display::{Agent, Display, ScreenSize};
use terrarium_protocol::message::{Ending, Refusal, Stage, Step};
use terrarium_protocol::orders::{File, Orders, Until};
use terrarium_protocol::{picture, Bytes, FromInit, ToInit};

/// Who the command runs as here.
const NOBODY: u32 = 65_534;
const SERVER: &str = "/usr/lib/xorg/Xorg";

/// Orders with a screen of 640 × 480.
fn shown(script: &str) -> Orders {
    let mut orders = sh(script);
    // A bus wants a user who has a name.
    (orders.user.uid, orders.user.gid) = (NOBODY, NOBODY);
    let pair = |name: &str, value: &str| -> (Bytes, Bytes) { (name.into(), value.into()) };
    orders.command.environment.extend([
        pair("DISPLAY", ":0"),
        pair("XAUTHORITY", "/run/terrarium/Xauthority"),
        pair("DBUS_SESSION_BUS_ADDRESS", "unix:path=/run/user/65534/bus"),
    ]);
    orders
        .mounts
        .iter_mut()
        .filter(|one| one.target == "/run/user/1234".into())
        .for_each(|one| one.target = "/run/user/65534".into());
    orders.files = vec![File { path: "/run/terrarium/deep/file".into(), content: "text".into() }];
    orders.display = Some(Display {
        server: SERVER.into(),
        size: ScreenSize { width: 640, height: 480 },
        scale: 1,
        monitors: 1,
        glx: false,
        bus: Some("/usr/bin/dbus-daemon".into()),
        bus_on_demand: false,
        agent: Some(Agent {
            daemon: "/usr/sbin/spice-vdagentd".into(),
            client: "/usr/bin/spice-vdagent".into(),
            files: false,
        }),
        manager: Some(vec![
            "/usr/bin/openbox".into(),
            "--startup".into(),
            "touch /run/user/65534/managed".into(),
        ]),
        manager_environment: vec![("LC_ALL".into(), "C".into())],
        manager_ready: Some("/run/user/65534/managed".into()),
        manager_late: false,
        fill: true,
        prepare: vec![vec!["/usr/bin/setxkbmap".into(), "-layout".into(), "de".into()]],
        sound: false,
        sound_server: None,
        usb: false,
    });
    orders
}

/// A picture of the screen; `None` while there is none.
fn try_picture(sandbox: &Sandbox) -> Option<(ScreenSize, Vec<u8>)> {
    let mut client = sandbox.client();
    client.say(&ToInit::Picture);
    let is = |message: &FromInit| matches!(message, FromInit::Result(_) | FromInit::Refused { .. });
    let (last, whole) = client.until(is);
    if matches!(last, FromInit::Refused { .. }) {
        return None;
    }
    client.say(&ToInit::Received);
    let (size, pixels) = picture::parse(&whole)?;
    Some((size, pixels.to_vec()))
}

fn take_picture(sandbox: &Sandbox) -> (ScreenSize, Vec<u8>) {
    try_picture(sandbox).unwrap()
}

fn log(sandbox: &Sandbox) -> String {
    let mut client = sandbox.client();
    client.say(&ToInit::Log);
    client.finish().text()
}

/// Starts a command and waits until it runs.
fn start(sandbox: &Sandbox, orders: Orders) -> Client {
    let mut client = sandbox.client();
    client.start(orders);
    let is = |message: &FromInit| matches!(message, FromInit::Started { .. } | FromInit::Failed(_));
    let (started, _) = client.until(is);
    assert!(matches!(started, FromInit::Started { .. }), "{started:?}: {}", log(sandbox));
    client
}

/// How many pixels of the screen have this colour.
fn count(sandbox: &Sandbox, colour: [u8; 3]) -> usize {
    let pixels = try_picture(sandbox).map(|(_, pixels)| pixels).unwrap_or_default();
    pixels.chunks(3).filter(|pixel| pixel.iter().zip(colour).all(|(a, b)| a.abs_diff(b) < 16)).count()
}

/// Processes of a sandbox whose command line begins with this, on the host.
fn processes(sandbox: &Sandbox, begins: &str) -> Vec<i32> {
    let namespace = |pid: i32| std::fs::read_link(format!("/proc/{pid}/ns/pid")).ok();
    let ours = namespace(sandbox.init());
    let pids = std::fs::read_dir("/proc").unwrap().flatten();
    let pids = pids.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    let is = |pid: &i32| {
        std::fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| line.starts_with(begins.as_bytes()))
    };
    pids.filter(is).filter(|&pid| namespace(pid) == ours).collect()
}

fn kill(pids: &[i32]) {
    assert!(!pids.is_empty());
    for &pid in pids {
        nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), nix::sys::signal::Signal::SIGKILL).unwrap();
    }
}

/// Asks for a socket of the SPICE server.
fn channel(sandbox: &Sandbox) -> Option<OwnedFd> {
    let mut client = sandbox.client();
    client.say(&ToInit::Channel);
    let (mut piece, mut found) = ([0; 4096], None);
    let mut space = nix::cmsg_space!(i32);
    let mut parts = [std::io::IoSliceMut::new(&mut piece)];
    let message =
        recvmsg::<()>(client.socket.as_raw_fd(), &mut parts, Some(&mut space), MsgFlags::MSG_CMSG_CLOEXEC)
            .unwrap();
    for control in message.cmsgs().unwrap() {
        if let ControlMessageOwned::ScmRights(descriptors) = control {
            // SAFETY: just made for this process.
            found = descriptors.first().map(|&fd| unsafe { OwnedFd::from_raw_fd(fd) });
        }
    }
    found
}

/// From the smallest to the largest, few of them usual.
const SIZES: [(u32, u32); 20] = [
    (320, 240),
    (333, 241),
    (401, 397),
    (517, 333),
    (640, 481),
    (719, 405),
    (801, 603),
    (853, 481),
    (1001, 699),
    (1023, 767),
    (1113, 555),
    (1280, 719),
    (1367, 769),
    (1441, 901),
    (1599, 1199),
    (1680, 1051),
    (1921, 1079),
    (2559, 1441),
    (3441, 1439),
    (3840, 2160),
];

const RED: [u8; 3] = [255, 0, 0];
const GREEN: [u8; 3] = [0, 255, 0];

as_root! {
    fn a_window_shows_and_the_exit_status_is_the_commands() {
        let mut sandbox = Sandbox::new();
        let mut client = start(&sandbox, shown("xterm -bg red -fg red -cr red -e sleep 3; cat /run/terrarium/deep/file; \
             setxkbmap -query | grep -o 'de$'; exit 5"));
        eventually("a red window", || count(&sandbox, RED) > 10_000);
        let (size, _) = take_picture(&sandbox);
        assert_eq!(size, ScreenSize { width: 640, height: 480 });
        // What was drawn before is drawn again on another screen.
        client.say(&ToInit::Screen(ScreenSize { width: 800, height: 600 }));
        client.until(|message| matches!(message, FromInit::Display(status) if status.size.width == 800));
        eventually("a red window", || count(&sandbox, RED) > 10_000);
        let finished = client.finish();
        assert_eq!(finished.text(), "textde\n");
        assert_eq!(finished.outcome.ending, Ending::Exited { code: 5 });
        assert!(sandbox.wait_for_end() < Duration::from_secs(2));
    }

    fn the_screen_takes_the_sizes_that_it_is_given() {
        let sandbox = Sandbox::new();
        let mut client = start(&sandbox, shown("sleep 60"));
        let mut slowest = Duration::ZERO;
        for (width, height) in SIZES {
            let wanted = ScreenSize { width: width / 8 * 8, height };
            // The best of three: the computer may be busy with something else.
            let taken = (0..3).map(|_| {
                client.say(&ToInit::Screen(ScreenSize { width: 648, height: 488 }));
                client.until(|message| matches!(message, FromInit::Display(status) if status.size.width == 648));
                let begun = Instant::now();
                client.say(&ToInit::Screen(ScreenSize { width, height }));
                client.until(|message| matches!(message, FromInit::Display(status) if status.size == wanted));
                begun.elapsed()
            });
            slowest = slowest.max(taken.min().unwrap());
            assert_eq!(take_picture(&sandbox).0, wanted);
        }
        println!("the slowest of {} sizes took {slowest:?}", SIZES.len());
        assert!(slowest < Duration::from_millis(500));
        // The same more than once, and there and back.
        for width in [800, 800, 640, 800] {
            client.say(&ToInit::Screen(ScreenSize { width, height: 600 }));
            eventually("the size", || take_picture(&sandbox).0.width == width);
        }
        assert!(!log(&sandbox).contains("CreateMode"), "{}", log(&sandbox));
        // Of many at once the last one counts.
        for width in 400..500 {
            client.say(&ToInit::Screen(ScreenSize { width, height: 300 }));
        }
        let last = ScreenSize { width: 496, height: 300 };
        eventually("the last size", || take_picture(&sandbox).0 == last);
        let silly = ScreenSize { width: u32::MAX, height: 0 };
        client.say(&ToInit::Screen(silly));
        client.until(|message| matches!(message, FromInit::Display(status) if status.size == silly.bounded()));
    }

    fn sockets_of_the_spice_server_are_handed_out() {
        let sandbox = Sandbox::new();
        let _client = start(&sandbox, shown("sleep 60"));
        let sockets: Vec<OwnedFd> = (0..3).map(|_| channel(&sandbox).unwrap()).collect();
        // SPICE's greeting: magic, version 2.2, length of the rest; the main
        // channel (1) without a connection, no capabilities.
        let mut hello = b"REDQ".to_vec();
        hello.extend([2u32, 2, 18].iter().flat_map(|word| word.to_le_bytes()));
        hello.extend([0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 18, 0, 0, 0]);
        let mut stream = std::fs::File::from(sockets.into_iter().next().unwrap());
        stream.write_all(&hello).unwrap();
        let mut answer = [0; 4];
        stream.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"REDQ");
    }

    fn without_a_screen_there_is_nothing_to_hand_out() {
        let sandbox = Sandbox::new();
        let mut client = sandbox.client();
        client.start(sh("sleep 60"));
        client.until(|message| matches!(message, FromInit::Started { .. }));
        for request in [ToInit::Channel, ToInit::Picture, ToInit::Log] {
            let mut other = sandbox.client();
            other.say(&request);
            let (answer, _) = other.until(|message| matches!(message, FromInit::Refused { .. }));
            assert_eq!(answer, FromInit::Refused { why: Refusal::NoScreen });
        }
    }

    fn the_command_reaches_neither_the_server_nor_its_files() {
        let attacks = r#"
            server=$(pgrep -o Xorg); watcher=$(pgrep -x terrarium-init | grep -v '^1$' | head -n 1)
            for pid in $server $watcher; do
                [ -n "$pid" ] || echo "no process found"
                for signal in TERM KILL STOP; do kill -$signal $pid 2>/dev/null && echo "killed $pid"; done
                cat /proc/$pid/mem /proc/$pid/environ /proc/$pid/maps >/dev/null 2>&1 && echo "read $pid"
                ls /proc/$pid/root/ /proc/$pid/fd/ >/dev/null 2>&1 && echo "looked into $pid"
                nsenter -t $pid -n true 2>/dev/null && echo "entered $pid"
            done
            perl -MIO::Socket::INET -e 'for (5900, 6000) { print "connected to $_\n" if IO::Socket::INET->new("127.0.0.1:$_") }'
            perl -MSocket -e 'for my $path ("\0/tmp/.X11-unix/X0", "/tmp/agent") {
                socket(my $s, PF_UNIX, SOCK_STREAM, 0); print "connected to $path\n" if connect($s, sockaddr_un($path)) }'
            rm -f /tmp/.X11-unix/X0 2>/dev/null && echo removed
            mv /tmp/.X11-unix /tmp/other 2>/dev/null && echo moved
            touch /tmp/.X11-unix/X1 2>/dev/null && echo made
            umount /tmp/.X11-unix 2>/dev/null && echo unmounted
            chmod 777 /tmp/.X11-unix 2>/dev/null && echo chmod
            XAUTHORITY=/dev/null xterm -e true 2>/dev/null && echo "shown without the cookie"
            xterm -e true && echo fine"#;
        for privileged in [false, true] {
            let mut orders = shown(attacks);
            orders.user.privileged = privileged;
            let sandbox = Sandbox::new();
            let mut client = start(&sandbox, orders);
            assert_eq!(client.finish().text(), "fine\n", "privileged: {privileged}");
        }
    }

    fn the_command_reaches_neither_half_of_the_agent() {
        let attacks = r#"
            xterm -e sleep 100 &
            until agent=$(pgrep -x spice-vdagent); do sleep 0.1; done; sleep 1
            for pid in $agent $(pgrep -x spice-vdagentd); do
                for signal in TERM KILL STOP; do kill -$signal $pid 2>/dev/null && echo "killed $pid"; done
                cat /proc/$pid/mem /proc/$pid/environ /proc/$pid/maps >/dev/null 2>&1 && echo "read $pid"
                ls /proc/$pid/root/ /proc/$pid/fd/ >/dev/null 2>&1 && echo "looked into $pid"
            done
            cd /tmp/.X11-unix; mv agent other 2>/dev/null && echo moved; ls agent 2>/dev/null
            perl -MSocket -e 'for my $path (grep { !/X0/ } glob("* */*"), "agent/daemon", "agent/relay") {
                socket(my $s, PF_UNIX, SOCK_STREAM, 0); print "connected to $path\n" if connect($s, sockaddr_un($path)) }'
            sleep 1; [ "$agent" = "$(pgrep -x spice-vdagent)" ] && echo fine"#;
        for privileged in [false, true] {
            let mut orders = shown(attacks);
            orders.user.privileged = privileged;
            let sandbox = Sandbox::new();
            let mut client = start(&sandbox, orders);
            assert_eq!(client.finish().text(), "fine\n", "privileged: {privileged}\n{}", log(&sandbox));
        }
    }

    fn what_is_killed_comes_again() {
        let sandbox = Sandbox::new();
        let mut client = start(&sandbox, shown("xterm -bg red -fg red -cr red -e sleep 60; \
             while :; do xterm -bg green -fg green -cr green -e sleep 2; done"));
        eventually("a red window", || count(&sandbox, RED) > 10_000);
        for name in ["/usr/bin/openbox", "/usr/bin/spice-vdagent\0", "/usr/sbin/spice-vdagentd", "/usr/bin/dbus-daemon"] {
            eventually(name, || !processes(&sandbox, name).is_empty());
            let before = processes(&sandbox, name);
            kill(&before);
            eventually(name, || processes(&sandbox, name).iter().any(|pid| !before.contains(pid)));
        }
        kill(&processes(&sandbox, SERVER));
        // Its window is gone with it; the next one shows on a new server.
        eventually("a green window", || {
            !processes(&sandbox, SERVER).is_empty() && channel(&sandbox).is_some() && count(&sandbox, GREEN) > 10_000
        });
        client.say(&ToInit::Stop { grace: 500 });
        client.finish();
    }

    fn a_window_fills_the_screen_and_has_the_keyboard_before_its_manager_comes() {
        let script = r#"
            type() { until [ -s $2 ]; do xdotool type "$1
" ; sleep 0.3; done; echo "$(head -n 1 $2)"; }
            xterm -bg red -fg red -cr red -e sh -c 'while read a; do echo $a >/tmp/a; mv /tmp/a /tmp/$a; done' &
            until xdotool search --onlyvisible --class xterm >/dev/null; do sleep 0.1; done
            type one /tmp/one; [ -e /run/user/65534/managed ] && echo "the manager came early"
            until [ -e /run/user/65534/managed ]; do sleep 0.1; done
            type two /tmp/two; xprop -root _NET_CLIENT_LIST | grep -o 0x | wc -l
            xterm -e sleep 9 & until [ $(xprop -root _NET_CLIENT_LIST | grep -o 0x | wc -l) = 2 ]; do sleep 0.1; done
            echo "$(xwininfo -id $(xdotool getactivewindow) | grep -cE 'Width: (79|80)')"; sleep 3"#;
        let mut orders = shown(script);
        let display = orders.display.as_mut().unwrap();
        display.manager_late = true;
        let late = "sleep 4; exec openbox --replace --startup 'touch /run/user/65534/managed'";
        display.manager = Some(vec!["/bin/sh".into(), "-c".into(), late.into()]);
        let sandbox = Sandbox::new();
        let mut client = start(&sandbox, orders);
        eventually("a red screen", || count(&sandbox, RED) > 640 * 460);
        assert!(processes(&sandbox, "openbox").is_empty());
        // It still fills the screen when that gets another size.
        client.say(&ToInit::Screen(ScreenSize { width: 800, height: 600 }));
        eventually("a larger red screen", || count(&sandbox, RED) > 800 * 570);
        assert!(processes(&sandbox, "openbox").is_empty());
        assert_eq!(client.finish().text(), "one\ntwo\n1\n1\n");
    }

    fn a_bus_comes_when_somebody_connects() {
        let mut orders = shown(r#"
            ask() { dbus-send --session --print-reply --dest=org.freedesktop.DBus / org.freedesktop.DBus.GetId >/dev/null && echo answered; }
            pgrep -c dbus-daemon; ask; pgrep -c dbus-daemon; pkill -9 dbus-daemon; sleep 0.3; pgrep -c dbus-daemon; ask"#);
        orders.display.as_mut().unwrap().bus_on_demand = true;
        let sandbox = Sandbox::new();
        let mut client = start(&sandbox, orders);
        assert_eq!(client.finish().text(), "0\nanswered\n1\n0\nanswered\n");
    }

    fn it_lasts_until_the_last_window_is_closed() {
        let mut orders = shown("xterm -bg red -fg red -cr red -e sleep 3 & exit 4");
        orders.until = Until::All;
        let sandbox = Sandbox::new();
        let mut client = start(&sandbox, orders);
        eventually("a red window", || count(&sandbox, RED) > 10_000);
        let begun = Instant::now();
        let finished = client.finish();
        assert_eq!(finished.outcome.ending, Ending::Exited { code: 4 });
        assert!(begun.elapsed() > Duration::from_millis(1000) && begun.elapsed() < Duration::from_secs(10));
    }

    fn it_ends_with_its_windows_whoever_is_killed_with_them() {
        // One that is killed leaves its list of windows behind, whether it comes
        // again or not.
        let once = "[ -e /tmp/once ] && exit 1; : >/tmp/once; exec openbox --startup 'touch /run/user/65534/managed'";
        for manager in [None, Some(vec!["/bin/sh".into(), "-c".into(), once.into()])] {
            let mut orders = shown("xterm -bg red -fg red -cr red -e sleep 1000 & exit 4");
            orders.until = Until::All;
            let display = orders.display.as_mut().unwrap();
            display.manager = manager.or(display.manager.take());
            let mut sandbox = Sandbox::new();
            let mut client = start(&sandbox, orders);
            eventually("a red window", || count(&sandbox, RED) > 10_000);
            kill(&[processes(&sandbox, "openbox"), processes(&sandbox, "/usr/bin/openbox"), processes(&sandbox, "xterm")].concat());
            assert_eq!(client.finish().outcome.ending, Ending::Exited { code: 4 });
            sandbox.wait_for_end();
        }
    }

    fn a_manager_that_comes_after_a_window_gives_it_the_keyboard() {
        let script = r#"
            xterm -bg red -fg red -cr red -e sleep 1000 &
            until xdotool search --onlyvisible --class xterm >/dev/null; do sleep 0.1; done
            : >/tmp/go; until [ -e /run/user/65534/managed ]; do sleep 0.1; done
            for _ in $(seq 80); do
                xprop -root _NET_ACTIVE_WINDOW | grep -q '# 0x[1-9a-f]' && echo active && break; sleep 0.1
            done
            xwininfo -id $(xdotool getactivewindow) | grep -cE 'Width: (63|64)'; pkill xterm"#;
        let mut orders = shown(script);
        let display = orders.display.as_mut().unwrap();
        display.manager_ready = None;
        let late = "until [ -e /tmp/go ]; do sleep 0.1; done; exec openbox --startup 'touch /run/user/65534/managed'";
        display.manager = Some(vec!["/bin/sh".into(), "-c".into(), late.into()]);
        let sandbox = Sandbox::new();
        let mut client = start(&sandbox, orders);
        assert_eq!(client.finish().text(), "active\n1\n");
    }

    fn a_stop_waits_for_the_command_and_not_for_the_display() {
        let mut orders = shown("trap 'echo asked; exit 6' TERM; echo ready; while :; do sleep 0.1; done");
        orders.until = Until::All;
        let sandbox = Sandbox::new();
        let mut client = start(&sandbox, orders);
        client.until_text("ready");
        let begun = Instant::now();
        client.say(&ToInit::Stop { grace: 10_000 });
        let finished = client.finish();
        assert_eq!((finished.text().as_str(), finished.code()), ("asked\n", Some(6)));
        assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    }

    fn a_command_that_is_not_there_ends_its_display() {
        for (name, step) in [("/no/such", Step::NotFound), ("/etc/passwd", Step::NotExecutable)] {
            let mut orders = shown("");
            orders.command.argv = vec![name.into()];
            let mut sandbox = Sandbox::new();
            let mut client = sandbox.client();
            client.start(orders);
            let ending = client.finish().outcome.ending;
            assert!(matches!(&ending, Ending::Failed(failure) if failure.step == step), "{ending:?}");
            sandbox.wait_for_end();
        }
    }

    fn a_signal_ends_what_the_command_left_behind() {
        let mut orders = shown("xterm -bg red -fg red -cr red -e sleep 1000 & exit 4");
        orders.until = Until::All;
        let sandbox = Sandbox::new();
        let mut client = start(&sandbox, orders);
        eventually("a red window", || count(&sandbox, RED) > 10_000);
        client.say(&ToInit::Signal { signal: 15 });
        assert_eq!(client.finish().outcome.ending, Ending::Exited { code: 4 });
    }

    fn a_server_that_does_not_come_up_is_told_with_its_words() {
        let mut orders = shown("echo never");
        orders.display.as_mut().unwrap().server = "/bin/false".into();
        let mut sandbox = Sandbox::new();
        let mut client = sandbox.client();
        client.start(orders);
        let (failed, _) = client.until(|message| matches!(message, FromInit::Failed(_)));
        assert!(matches!(failed, FromInit::Failed(failure) if failure.step == Step::Display));
        let finished = client.finish();
        assert!(matches!(finished.outcome.ending, Ending::Failed(_)) && finished.out.is_empty());
        sandbox.wait_for_end();
    }

    fn a_stop_while_the_display_comes_up_ends_it() {
        let mut orders = shown("echo never");
        orders.display.as_mut().unwrap().server = "/bin/sleep".into();
        let mut sandbox = Sandbox::new();
        let mut client = sandbox.client();
        client.start(orders);
        client.until(|message| matches!(message, FromInit::Stage(Stage::Display)));
        client.say(&ToInit::Stop { grace: 500 });
        assert!(matches!(client.finish().outcome.ending, Ending::Failed(_)));
        sandbox.wait_for_end();
    }
}
