// SPDX-License-Identifier: LGPL-2.1-or-later
//! The FIFO that a container's sound goes through: it serves one program after
//! another, and who misuses it hurts nobody.

use crate::common::*;
use crate::display::{first_id, part, processes, shown, PATIENCE, RED};
use std::process::{Output, Stdio};
use std::time::Duration;

const XTERM: &[&str] = &["xterm", "-bg", "red", "-fg", "red", "-cr", "red", "-e", "sleep", "1000"];
/// A second of silence, played as programs do.
const PLAY: &str = "head -c 192000 /dev/zero | timeout 15 aplay -q -t raw -f S16_LE -r 48000 -c 2";
/// The same by programs that speak PulseAudio alone; they wait until it was
/// played.
const PULSE: &str =
    "head -c 192000 /dev/zero | timeout 15 pacat --raw --format=s16le --rate=48000 --channels=2";

/// In all ways that there are here.
fn ways() -> Vec<&'static str> {
    let has_pulse = std::path::Path::new("/usr/bin/pulseaudio").exists();
    if !has_pulse {
        skip("one_program_plays_after_another", "pulseaudio is not installed");
    }
    std::iter::once(PLAY).chain(has_pulse.then_some(PULSE)).collect()
}

fn inside(sandbox: &Stop, script: &str) -> Output {
    let mut ctl = sandbox.user.ctl();
    ctl.args(["exec", &sandbox.name, "sh", "-c", script]).stdin(Stdio::null()).output().unwrap()
}

/// The process of its server, and the memory that it takes, in KiB.
fn server(sandbox: &Stop) -> Option<(u32, u64)> {
    let first = first_id(sandbox);
    let line =
        processes(first).into_iter().find(|line| line.contains("Xorg :0") && !line.contains("init"))?;
    let number = |text: &str| text.parse::<u64>().ok();
    let mut words = line.split_whitespace().skip(1).map(number);
    Some((u32::try_from(words.next()??).ok()?, words.next()??))
}

#[test]
fn one_program_plays_after_another() {
    let sandbox = shown(Glass::Container, &["--sound"], &["sleep", "1000"]);
    let ways = ways();
    for way in ways.iter().cycle().take(3 * ways.len()) {
        let output = inside(&sandbox, way);
        assert_eq!(output.status.code(), Some(0), "{}", err(&output));
        // The server sees that nobody writes.
        std::thread::sleep(Duration::from_millis(500));
    }
    // Whoever plays while the server is lost does not wait for ever, and the
    // next server plays as well.
    let (before, _) = server(&sandbox).expect("a server");
    let mut endless = sandbox.user.ctl();
    let script = "exec cat /dev/zero >/tmp/.X11-unix/sound/playback";
    endless.args(["exec", &sandbox.name, "sh", "-c", script]).stdin(Stdio::null()).stderr(Stdio::null());
    let mut endless = endless.spawn().unwrap();
    std::thread::sleep(Duration::from_secs(1));
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(before as i32), nix::sys::signal::Signal::SIGKILL)
        .unwrap();
    wait_for("the player to end", PATIENCE, || endless.try_wait().unwrap().is_some());
    wait_for("another server", PATIENCE, || server(&sandbox).is_some_and(|(pid, _)| pid != before));
    for way in ways {
        wait_for(way, PATIENCE, || inside(&sandbox, way).status.success());
    }
    // Nobody finds anything of it among the user's own files.
    let left = inside(&sandbox, "find ~ -newer /tmp/.X11-unix -iname '*pulse*'");
    assert_eq!(out(&left), "", "{}", err(&left));
}

/// Whoever took the server over moves nothing that init makes as root.
#[test]
fn the_server_replaces_nothing_of_inits() {
    let sandbox = shown(Glass::Container, &["--sound"], &["sleep", "1000"]);
    let (pid, _) = server(&sandbox).expect("a server");
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let uid = status.lines().find_map(|line| line.strip_prefix("Uid:")?.split_whitespace().next()).unwrap();
    let script = "cd /tmp/.X11-unix || exit; mv sound other && echo moved; mv unfinished other && echo moved
        rm -rf unfinished && echo removed; touch unfinished/new && echo written; ln -sf /etc/passwd sound/playback && echo led
        touch own && echo its own";
    let mut enter = std::process::Command::new("nsenter");
    enter.args(["-t", &pid.to_string(), "-m", "-S", uid, "-G", uid, "sh", "-c", script]);
    assert_eq!(out(&enter.output().unwrap()), "its own\n");
}

/// What a hostile program does to it. Whatever it manages is said.
const ATTACK: &str = r#"
    cd /tmp/.X11-unix/sound
    for fifo in *; do rm -f $fifo 2>/dev/null && echo "removed $fifo"; done
    mv playback /tmp/playback 2>/dev/null && echo moved
    ln -sf /etc/passwd playback 2>/dev/null && echo replaced
    ln -s / link 2>/dev/null && echo linked
    ln playback ../link 2>/dev/null && echo "linked beside"
    mkdir folder 2>/dev/null && echo "made a folder"
    mv ../sound /tmp/sound 2>/dev/null && echo "moved the folder"
    chmod 777 . playback 2>/dev/null && echo "changed modes"
    timeout 2 head -c 1 playback 2>/dev/null && echo "read what others play"
    perl -MPOSIX -e 'my $made = grep { POSIX::mkfifo("more$_", 0666) } 1 .. 10000; print "made $made\n" if $made'
    # Thousands who come and go, with halves of samples.
    perl -e 'for (1 .. 3000) { open(my $fifo, ">", "playback") or next; syswrite $fifo, "x"; close $fifo }'
    # Hundreds who stay and say nothing.
    perl -e 'my @all; for (1 .. 500) { open($all[$_], ">", "playback") or last } sleep 60' &
    # Noise, from many at once, for as long as it lasts.
    for _ in 1 2 3 4; do timeout 5 sh -c 'head -c 1000000000 /dev/urandom >playback' & done
    sleep 6
    echo done"#;

#[test]
fn who_misuses_the_sound_hurts_nobody() {
    for privileged in [false, true] {
        let mut options = vec!["--sound"];
        options.extend(privileged.then_some("-p"));
        let sandbox = shown(Glass::Container, &options, XTERM);
        wait_for("a red screen", PATIENCE, || part(&sandbox, RED) > 0.95);
        let (before, memory) = server(&sandbox).expect("a server");
        let output = inside(&sandbox, ATTACK);
        assert_eq!(out(&output), "done\n", "-p: {privileged}; {}", err(&output));
        let (after, grown) = server(&sandbox).expect("a server");
        assert_eq!(after, before, "it is the same server");
        assert!(grown < memory + 32 * 1024, "from {memory} to {grown} KiB");
        assert!(part(&sandbox, RED) > 0.95, "it still shows");
        // Some of the attackers are still there.
        let output = inside(&sandbox, PLAY);
        assert_eq!(output.status.code(), Some(0), "it still plays; {}", err(&output));
        assert!(!std::path::Path::new("/tmp/.X11-unix/sound").exists(), "the host has none");
    }
}

#[test]
fn without_sound_there_is_no_fifo() {
    let script = "ls -A /tmp/.X11-unix /run/terrarium $XDG_RUNTIME_DIR; env | grep -E 'ALSA|PULSE'; mkdir /tmp/.X11-unix/sound 2>/dev/null && echo made";
    let output = run(Glass::Container, &["--display", "--headless"], &["sh", "-c", script]).output().unwrap();
    let text = out(&output);
    assert!(text.contains("X0") && text.contains("Xauthority"), "{text}{}", err(&output));
    for word in ["sound", "asound", "ALSA", "PULSE", "pulse", "made"] {
        assert!(!text.contains(word), "{word}: {text}");
    }
}
