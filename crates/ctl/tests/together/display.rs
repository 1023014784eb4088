// SPDX-License-Identifier: LGPL-2.1-or-later
//! Sandboxes with a screen: programs show on it, nobody else reaches it, and
//! nothing is left of it.

use crate::common::*;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// An emulated machine's screen takes its time.
pub const PATIENCE: Duration = Duration::from_secs(90);

/// A sandbox with a screen that goes on until it is stopped.
pub fn shown(glass: Glass, options: &[&str], command: &[&str]) -> Stop {
    let name = fresh_name("shown");
    let user = glass.user();
    let options = [&["--display", "--detach", "-n", &name], options].concat();
    let output = run(glass, &options, command).output().unwrap();
    assert_eq!((out(&output).trim(), output.status.code()), (name.as_str(), Some(0)), "{}", err(&output));
    Stop { user, name }
}

/// A picture of its screen: width, and three bytes a pixel.
fn picture(sandbox: &Stop) -> Option<(usize, Vec<u8>)> {
    let output = sandbox.user.ctl().args(["screenshot", &sandbox.name, "-"]).output().unwrap();
    if !output.status.success() {
        return None;
    }
    let mut reader = png::Decoder::new(std::io::Cursor::new(output.stdout)).read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut pixels).unwrap();
    assert_eq!(info.color_type, png::ColorType::Rgb);
    Some((info.width as usize, pixels))
}

/// The part of the screen that has this colour, from 0 to 1.
pub fn part(sandbox: &Stop, colour: [u8; 3]) -> f64 {
    let Some((_, pixels)) = picture(sandbox) else { return 0.0 };
    let near = |pixel: &&[u8]| pixel.iter().zip(colour).all(|(a, b)| a.abs_diff(b) < 24);
    let count = pixels.chunks_exact(3).filter(near).count();
    count as f64 / (pixels.len() / 3) as f64
}

pub const RED: [u8; 3] = [255, 0, 0];

for_both! {
    machine at full scale:
    fn what_shows_a_program_is_none_of_its_changes(glass: Glass) {
        let name = fresh_name("unchanged");
        let options = ["--display", "--headless", "--changes", "review", "-n", &name];
        let output = run(glass, &options, &["xterm", "-e", "true"]).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", err(&output));
        assert!(err(&output).contains("Nothing was changed."), "{}", err(&output));
    }
}

/// A paused sandbox answers nothing: that is said at once.
fn paused_it_says_so(sandbox: &Stop) {
    let verb = |words: &[&str]| sandbox.user.ctl().args(words).stdin(Stdio::null()).output().unwrap();
    assert!(verb(&["pause", &sandbox.name]).status.success());
    let begun = Instant::now();
    for words in
        [&["screenshot", &sandbox.name, "-"][..], &["log", &sandbox.name], &["exec", &sandbox.name, "true"]]
    {
        let output = verb(words);
        assert_eq!(output.status.code(), Some(125), "{words:?}");
        assert!(err(&output).contains("is paused"), "{}", err(&output));
    }
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    assert!(verb(&["resume", &sandbox.name]).status.success());
    assert!(picture(sandbox).is_some());
}

for_both! {
    fn a_programs_window_fills_the_screen(glass: Glass) {
        let sandbox = shown(glass, &["--display-size", "800x600"], &["xterm", "-bg", "red", "-fg", "red", "-cr", "red", "-e", "sleep", "1000"]);
        wait_for("a red screen", PATIENCE, || part(&sandbox, RED) > 0.95);
        let (width, pixels) = picture(&sandbox).unwrap();
        assert_eq!((width, pixels.len()), (800, 800 * 600 * 3));
        let listed = listed(sandbox.user, &sandbox.name).unwrap();
        assert_eq!(listed["display"]["status"]["up"], true, "{listed}");
        wait_for("the agent", PATIENCE, || {
            crate::common::listed(sandbox.user, &sandbox.name).is_some_and(|one| one["display"]["status"]["agent"] == true)
        });
        paused_it_says_so(&sandbox);
    }
}

for_both! {
    fn the_exit_status_and_the_streams_are_the_programs(glass: Glass) {
        let output = run(glass, &["--display", "--headless"], &["sh", "-c", "xterm -e true; echo out; echo err >&2; exit 7"]).output().unwrap();
        assert_eq!((out(&output).as_str(), output.status.code()), ("out\n", Some(7)), "{}", err(&output));
        assert!(err(&output).ends_with("err\n"), "{}", err(&output));
    }
}

for_both! {
    fn a_program_sees_a_desktop_of_its_own(glass: Glass) {
        let script = "echo $DISPLAY $XDG_SESSION_TYPE; [ -S \"$XDG_RUNTIME_DIR/bus\" ] && echo bus; \
            [ -w \"$XDG_RUNTIME_DIR\" ] && echo runtime; fc-list | grep -q . && echo fonts; \
            ls /tmp/.X11-unix | grep X; env | grep -c '^WAYLAND_DISPLAY'; id -u";
        let output = run(glass, &["--display", "--headless"], &["sh", "-c", script]).output().unwrap();
        let expected = format!(":0 x11\nbus\nruntime\nfonts\nX0\n0\n{}\n", glass.user().uid());
        assert_eq!(out(&output), expected, "{}", err(&output));
    }
}

for_both! {
    fn the_display_is_out_of_the_commands_reach(glass: Glass) {
        // What a hostile program would try, as itself and as root inside. In a
        // machine root inside is root of its own computer; the SPICE server is
        // QEMU's, outside.
        let script = r#"
            for name in Xorg spice-vdagentd init terrarium-init; do for pid in $(pgrep -x $name); do
                for signal in TERM KILL STOP; do kill -$signal $pid 2>/dev/null && echo "killed $name"; done
                cat /proc/$pid/mem /proc/$pid/environ >/dev/null 2>&1 && echo "read $name"
                ls /proc/$pid/root/ >/dev/null 2>&1 && echo "looked into $name"
            done; done
            perl -MIO::Socket::INET -e 'for my $port (5900 .. 5910, 6000, 5930) {
                print "connected to $port\n" if IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port", Timeout => 1) }'
            perl -MSocket -e 'socket(my $s, PF_UNIX, SOCK_STREAM, 0); print "abstract\n"
                if connect($s, pack("S", PF_UNIX) . "\0/tmp/.X11-unix/X0")'
            rm -f /tmp/.X11-unix/X0 2>/dev/null && echo removed
            touch /tmp/.X11-unix/X1 2>/dev/null && echo made
            XAUTHORITY=/dev/null xterm -e true 2>/dev/null && echo "shown without the key"
            for file in /dev/dri/* /dev/input/* /dev/uinput /dev/vport*; do [ -e "$file" ] && echo "there is $file"; done
            xterm -e true && echo fine"#;
        let privileged: &[bool] = if glass == Glass::Container { &[false, true] } else { &[false] };
        for &privileged in privileged {
            let mut options = vec!["--display", "--headless"];
            options.extend(privileged.then_some("-p"));
            let output = run(glass, &options, &["sh", "-c", script]).output().unwrap();
            assert_eq!(out(&output), "fine\n", "-p: {privileged}; {}", err(&output));
        }
    }
}

for_both! {
    fn nobody_else_reaches_the_screen(glass: Glass) {
        let sandbox = shown(glass, &[], &["xterm", "-e", "sleep", "1000"]);
        // No port of this computer, no abstract socket, and no socket that
        // another user or another sandbox could open.
        let listening = Command::new("ss").args(["-Hltnp"]).output().unwrap();
        let text = out(&listening);
        assert!(!text.contains("Xorg") && !text.contains("qemu") && !text.contains(":5900"), "{text}");
        let abstract_ones = std::fs::read_to_string("/proc/net/unix").unwrap();
        let is_x = |line: &&str| line.contains("@/tmp/.X11-unix") && line.contains("terrarium");
        assert_eq!(abstract_ones.lines().filter(is_x).count(), 0);
        let stranger = if sandbox.user == User::Member { User::Plain } else { User::Member };
        for verb in ["screenshot", "attach", "stop"] {
            let mut ctl = stranger.ctl();
            ctl.args([verb, &sandbox.name]);
            if verb == "screenshot" {
                ctl.arg("-");
            }
            assert_eq!(ctl.output().unwrap().status.code(), Some(125), "{verb}");
        }
        let runtime = sandbox.user.runtime();
        let denied = stranger.command("ls").arg(&runtime).output().unwrap();
        assert!(!denied.status.success(), "{}", out(&denied));
        let script = "ls /tmp/.X11-unix /run/terrarium 2>/dev/null; pgrep Xorg; \
            perl -MIO::Socket::INET -e 'print \"port\\n\" if IO::Socket::INET->new(\"127.0.0.1:5900\")'";
        let other = sh(glass, script);
        assert_eq!(out(&other), "", "{}", err(&other));
    }
}

for_both! {
    fn a_screen_that_cannot_come_up_is_an_error_that_says_so(glass: Glass) {
        // Too little memory for a display.
        let output = run(glass, &["--display", "--headless", "--memory", "16M"], &["xterm"]).output().unwrap();
        assert_eq!(output.status.code(), Some(125), "{}", err(&output));
        assert!(!err(&output).is_empty());
        let session = glass.user().ctl().args(["run", "--display", "--display-size", "1x1", glass.option(), "--", "xterm"]).output().unwrap();
        assert_eq!(session.status.code(), Some(125));
        assert!(err(&session).contains("1x1"), "{}", err(&session));
    }
}

#[test]
fn several_screens_side_by_side() {
    let glass = Glass::Container;
    let colours = ["red", "blue", "green", "yellow", "magenta", "cyan", "white", "orange"];
    let values = [
        [255, 0, 0],
        [0, 0, 255],
        [0, 255, 0],
        [255, 255, 0],
        [255, 0, 255],
        [0, 255, 255],
        [255, 255, 255],
        [255, 165, 0],
    ];
    let count = scaled(4, 8);
    let start = |colour: &&str| {
        shown(
            glass,
            &["--memory", "256M"],
            &["xterm", "-bg", colour, "-fg", colour, "-cr", colour, "-e", "sleep", "1000"],
        )
    };
    let all: Vec<Stop> = colours[..count].iter().map(start).collect();
    for (sandbox, colour) in all.iter().zip(values) {
        wait_for("its colour", PATIENCE, || part(sandbox, colour) > 0.9);
    }
}

/// First of the 65 536 host ids of a sandbox that runs.
pub fn first_id(sandbox: &Stop) -> u32 {
    let xml = out(&sandbox.user.ctl().args(["show", "--xml", &sandbox.name]).output().unwrap());
    let digits = xml.split("id_base").nth(1).unwrap().trim_start_matches(|c: char| !c.is_ascii_digit());
    digits.split(|c: char| !c.is_ascii_digit()).next().unwrap().parse().unwrap()
}

/// Processes of this computer that run under one of a sandbox's ids: whose, the
/// number, memory in KiB, command.
pub fn processes(first_id: u32) -> Vec<String> {
    let all = out(&Command::new("ps").args(["-eo", "uid,pid,rss,args"]).output().unwrap());
    let id = |line: &str| line.split_whitespace().next().and_then(|id| id.parse::<u32>().ok());
    let ours = |line: &&str| id(line).is_some_and(|id| (first_id..=first_id + 65_535).contains(&id));
    all.lines().filter(ours).map(str::to_owned).collect()
}

#[test]
fn many_starts_and_stops_leave_nothing_behind() {
    let begun = Instant::now();
    let count = scaled(6, 200);
    for _ in 0..count {
        let sandbox = shown(Glass::Container, &[], &["sleep", "1000"]);
        let (user, name, first_id) = (sandbox.user, sandbox.name.clone(), first_id(&sandbox));
        let running = processes(first_id);
        assert!(running.iter().any(|line| line.contains("Xorg")), "{running:?}");
        drop(sandbox);
        // What has ended may wait for this computer's first process to notice.
        let lives = |line: &String| !line.contains("<defunct>");
        wait_for("its processes to go", Duration::from_secs(5), || !processes(first_id).iter().any(lives));
        assert!(listed(user, &name).is_none());
    }
    println!("{count} screens in {:?}", begun.elapsed());
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
    assert!(!mounts.contains("X11-unix"), "{mounts}");
}

#[test]
fn a_view_needs_a_desktop() {
    let sandbox = shown(Glass::Container, &[], &["sleep", "1000"]);
    let mut ctl = sandbox.user.ctl();
    ctl.args(["view", &sandbox.name])
        .env_remove("DISPLAY")
        .env_remove("WAYLAND_DISPLAY")
        .stdin(Stdio::null());
    let output = ctl.output().unwrap();
    assert_eq!(output.status.code(), Some(125));
    assert!(!err(&output).is_empty());
}

/// That the second one is shown once a viewer asks for it is not tested here:
/// only SPICE's client can ask.
#[test]
fn a_machine_has_as_many_monitors_as_its_profile_says() {
    let user = Glass::Machine.user();
    let profile = binary().with_file_name("monitors.terrarium");
    let text = "version = 1\nname = \"monitors\"\nisolation = \"machine\"\n[command]\nargv = [\"xrandr\"]\n\
                [display]\nkind = \"window\"\nmonitors = 2\n";
    std::fs::write(&profile, text).unwrap();
    let output = user.ctl().args(["run", "--headless", "--profile"]).arg(&profile).output().unwrap();
    let shown = out(&output);
    assert!(
        shown.contains("Virtual-1 connected") && shown.contains("1024x768+0+0"),
        "{shown}{}",
        err(&output)
    );
    assert!(shown.contains("Virtual-2 disconnected") && !shown.contains("Virtual-3"), "{shown}");
}
