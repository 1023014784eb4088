// SPDX-License-Identifier: LGPL-2.1-or-later
//! libvirt is restarted, hangs and dies while sandboxes run and start. These
//! tests disturb all others. Those of containers and those of machines, which
//! have daemons of their own, run beside each other.

#[macro_use]
mod common;

use common::*;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

/// One daemon's, and what was there of its users' before the first test.
struct Turn {
    turn: Mutex<()>,
    before: OnceLock<Vec<String>>,
}

static TURNS: [Turn; 2] = [const { Turn { turn: Mutex::new(()), before: OnceLock::new() } }; 2];

fn turn_of(glass: Glass) -> &'static Turn {
    &TURNS[usize::from(glass == Glass::Machine)]
}

/// The daemon that serves a glass's user here.
struct Daemon {
    glass: Glass,
    _alone: MutexGuard<'static, ()>,
}

impl Daemon {
    /// `None`, and this test counted as skipped, where it is not ours to disturb.
    fn of(glass: Glass, test: &str) -> Option<Self> {
        let alone = alone(glass);
        let folder =
            std::env::var_os("TERRARIUM_SERVICES").unwrap_or_else(|| "/run/terrarium-services".into());
        let ours = fs::read_to_string(Path::new(&folder).join("started")).unwrap_or_default();
        let may = glass == Glass::Machine || has_systemd() || ours.contains("libvirtd");
        if !may {
            skip(
                &format!("{test}: {glass:?}"),
                "libvirtd was started by somebody else, and is not restarted",
            );
            return None;
        }
        Some(Self { glass, _alone: alone })
    }

    fn pid(&self) -> Option<String> {
        let folder = match self.glass {
            Glass::Container => PathBuf::from("/run"),
            Glass::Machine => PathBuf::from(format!("/run/user/{}/libvirt", self.glass.user().uid())),
        };
        let names = ["virtlxcd.pid", "virtqemud.pid", "libvirtd.pid"];
        let pids = names.iter().filter_map(|name| fs::read_to_string(folder.join(name)).ok());
        let alive = |pid: &String| Path::new("/proc").join(pid.trim()).exists();
        pids.into_iter().find(alive).map(|pid| pid.trim().to_owned())
    }

    fn signal(&self, signal: &str) {
        let pid = self.pid().expect("libvirt runs");
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
    }

    /// A session's daemon is started by whoever needs it.
    fn start(&self) {
        if self.glass == Glass::Container {
            let services = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tools/services");
            assert!(Command::new(services).arg("start").status().unwrap().success());
        }
    }

    fn kill(&self) {
        let pid = self.pid().expect("libvirt runs");
        self.signal("-KILL");
        wait_for("the daemon's end", Duration::from_secs(5), || !Path::new("/proc").join(&pid).exists());
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if let Some(pid) = self.pid() {
            let _ = Command::new("kill").args(["-CONT", &pid]).status();
        }
        self.start();
    }
}

fn has_systemd() -> bool {
    Path::new("/run/systemd/system").is_dir()
}

/// Takes the tests of a glass one after another, and remembers what was there
/// before the first, so that it does not count as left behind.
fn alone(glass: Glass) -> MutexGuard<'static, ()> {
    let turn = turn_of(glass);
    let alone = turn.turn.lock().unwrap_or_else(PoisonError::into_inner);
    turn.before.get_or_init(|| traces(glass));
    alone
}

/// Those that were not there before the first test.
fn fresh(glass: Glass, mut found: Vec<String>) -> Vec<String> {
    let before = turn_of(glass).before.get().map_or(&[][..], Vec::as_slice);
    found.retain(|one| !before.contains(one));
    found
}

/// Everything of a glass's user that a run could leave behind.
fn traces(glass: Glass) -> Vec<String> {
    let user = glass.user();
    let mut all: Vec<String> = fs::read_dir(user.runtime())
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| entry.file_name() != "lock")
        .map(|entry| entry.path().display().to_string())
        .collect();
    all.extend(processes(glass));
    all
}

/// The command lines of a user's sandboxes, without a program to look for them.
fn processes(glass: Glass) -> Vec<String> {
    let uid = glass.user().uid();
    let (program, name) = match glass {
        Glass::Container => ("libvirt_lxc", format!("terrarium-{uid}-")),
        Glass::Machine => ("qemu-system", format!("guest=terrarium-{uid}-")),
    };
    let lines = fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .filter_map(|entry| fs::read(entry.path().join("cmdline")).ok());
    let lines = lines.map(|line| String::from_utf8_lossy(&line).replace('\0', " "));
    lines.filter(|line| line.contains(program) && line.contains(&name)).collect()
}

fn nothing_is_left(glass: Glass) {
    wait_for("nothing to be left", Duration::from_secs(40), || {
        list(glass.user());
        fresh(glass, traces(glass)).is_empty()
    });
}

fn kill(child: &Child, signal: &str) {
    assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
}

for_both! {
    fn a_restart_is_not_noticed(glass: Glass) {
        let Some(daemon) = Daemon::of(glass, "a_restart_is_not_noticed") else { return };
        let (user, name) = (glass.user(), fresh_name("restart"));
        let script = "for i in $(seq 40); do echo line $i; sleep 0.1; done; exit 6";
        let started = run(glass, &["--detach", "-n", &name], &["sh", "-c", script]).output().unwrap();
        assert!(started.status.success(), "{}", err(&started));
        let _stop = Stop { user, name: name.clone() };
        let mut first = user.ctl().args(["attach", &name]).stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let mut begun = Vec::new();
        let mut pipe = BufReader::new(first.stdout.take().unwrap());
        while begun.len() < 20 {
            pipe.read_until(b'\n', &mut begun).unwrap();
        }
        daemon.kill();
        daemon.start();
        pipe.read_until(b'\n', &mut begun).unwrap();
        kill(&first, "-KILL");
        pipe.read_to_end(&mut begun).unwrap();
        first.wait().unwrap();
        // One that only watches, and one with the keyboard.
        let mut watcher = user.ctl();
        watcher.args(["attach", "--watch", &name]).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let watcher = watcher.spawn().unwrap();
        let rest = user.ctl().args(["attach", &name, "--from", &begun.len().to_string()]).stdin(Stdio::null()).output().unwrap();
        assert_eq!(rest.status.code(), Some(6), "{}", err(&rest));
        begun.extend(rest.stdout);
        let expected: String = (1..=40).map(|i| format!("line {i}\n")).collect();
        assert_eq!(String::from_utf8_lossy(&begun), expected);
        let watched = watcher.wait_with_output().unwrap();
        assert_eq!(watched.status.code(), Some(6), "{}", err(&watched));
        nothing_is_left(glass);
    }
}

for_both! {
    // Killed as soon as the sandbox's first process is there. A start that
    // was quicker works; one of a few is not.
    fn one_that_dies_in_create_leaves_nothing(glass: Glass) {
        let Some(daemon) = Daemon::of(glass, "one_that_dies_in_create_leaves_nothing") else { return };
        let mut failures = 0;
        for _ in 0..6 {
            if failures > scaled(0, 3) {
                break;
            }
            let before = sh(glass, "exit 3");
            assert_eq!(before.status.code(), Some(3), "{}", err(&before));
            nothing_is_left(glass);
            let child = run(glass, &[], &["true"]).stderr(Stdio::piped()).spawn().unwrap();
            let begun = Instant::now();
            while fresh(glass, processes(glass)).is_empty() && begun.elapsed() < Duration::from_secs(20) {}
            daemon.kill();
            let output = child.wait_with_output().unwrap();
            daemon.start();
            match output.status.code() {
                Some(0) => {}
                code => {
                    assert_eq!(code, Some(125), "{}", err(&output));
                    assert!(err(&output).contains("libvirt"), "{}", err(&output));
                    failures += 1;
                }
            }
            nothing_is_left(glass);
        }
        assert!(failures > 0, "it never died in time");
        assert_eq!(out(&sh(glass, "echo works again")), "works again\n");
    }
}

#[test]
fn none_at_all_is_said() {
    let Some(daemon) = Daemon::of(Glass::Container, "none_at_all_is_said") else { return };
    if has_systemd() {
        skip("none_at_all_is_said", "systemd starts libvirtd whenever it is asked for");
        return;
    }
    daemon.kill();
    let output = sh(Glass::Container, "true");
    assert_eq!(output.status.code(), Some(125));
    assert!(err(&output).contains("libvirt") && out(&output).is_empty(), "{}", err(&output));
    // Where no daemon is to be started either.
    let mut machine = run(Glass::Machine, &[], &["true"]);
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o777)).unwrap();
    machine.env("LIBVIRT_AUTOSTART", "0").env("XDG_RUNTIME_DIR", folder.path());
    let output = machine.output().unwrap();
    assert_eq!(output.status.code(), Some(125));
    assert!(err(&output).contains("libvirt") && out(&output).is_empty(), "{}", err(&output));
}

#[test]
fn what_runs_is_not_gone_because_none_answers() {
    let test = "what_runs_is_not_gone_because_none_answers";
    let Some(daemon) = Daemon::of(Glass::Container, test) else { return };
    if has_systemd() {
        skip(test, "systemd starts libvirtd whenever it is asked for");
        return;
    }
    let user = Glass::Container.user();
    let script = "echo begins; read line; echo $line; exit 4";
    let mut child = run(Glass::Container, &[], &["sh", "-c", script]);
    let mut child = child.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut said = BufReader::new(child.stdout.take().unwrap());
    until_it_says(&mut said, "begins");
    let before = traces(Glass::Container);
    // As whoever stops the service does, who takes the sockets away.
    daemon.kill();
    let sockets = Path::new("/run/libvirt");
    for name in ["libvirt-sock", "libvirt-sock-ro"] {
        let _ = fs::remove_file(sockets.join(name));
    }
    let list = || user.ctl().arg("list").stdin(Stdio::null()).output().unwrap();
    for _ in 0..2 {
        let listed = list();
        assert!(err(&listed).contains("libvirt") && out(&listed).is_empty(), "{}", err(&listed));
        // Whoever finds nothing for so long is taken for left over.
        std::thread::sleep(Duration::from_secs(6));
    }
    assert_eq!(traces(Glass::Container), before);
    daemon.start();
    assert!(out(&list()).contains("sh -c"), "{}", err(&list()));
    child.stdin.take().unwrap().write_all(b"ends\n").unwrap();
    until_it_says(&mut said, "ends");
    assert_eq!(child.wait().unwrap().code(), Some(4));
}

/// Reads what a child says until a line has this.
fn until_it_says(words: &mut impl BufRead, text: &str) {
    let mut line = String::new();
    while !line.contains(text) {
        line.clear();
        assert!(words.read_line(&mut line).unwrap() > 0, "it ended before it said: {text}");
    }
}

/// Presses Ctrl+C for a child that says it waits for libvirt.
fn is_given_up(mut child: Child, words: &mut impl BufRead, status: i32) {
    until_it_says(words, "Ctrl+C");
    let begun = Instant::now();
    kill(&child, "-INT");
    assert_eq!(child.wait().unwrap().code(), Some(status));
    assert!(begun.elapsed() < Duration::from_secs(2));
}

for_both! {
    fn one_that_hangs_can_be_given_up(glass: Glass) {
        let Some(daemon) = Daemon::of(glass, "one_that_hangs_can_be_given_up") else { return };
        assert_eq!(sh(glass, "exit 3").status.code(), Some(3));
        daemon.signal("-STOP");
        let mut child = run(glass, &[], &["true"]).stderr(Stdio::piped()).spawn().unwrap();
        let mut words = BufReader::new(child.stderr.take().unwrap());
        is_given_up(child, &mut words, 130);
        daemon.signal("-CONT");
        nothing_is_left(glass);
    }
}

for_both! {
    // Once to take the sandbox away, and once because that hangs.
    fn one_that_hangs_then_is_given_up_with_a_second_ctrl_c(glass: Glass) {
        let Some(daemon) = Daemon::of(glass, "one_that_hangs_then_is_given_up_with_a_second_ctrl_c") else { return };
        let name = fresh_name("twice");
        let mut child = run(glass, &["-v", "-n", &name], &["sleep", "60"]).stderr(Stdio::piped()).spawn().unwrap();
        let mut words = BufReader::new(child.stderr.take().unwrap());
        until_it_says(&mut words, "Boot the sandbox");
        daemon.signal("-STOP");
        kill(&child, "-INT");
        is_given_up(child, &mut words, 130);
        daemon.signal("-CONT");
        // It may have got as far as a result, which is kept for a minute.
        drop(Stop { user: glass.user(), name });
        nothing_is_left(glass);
    }
}

for_both! {
    fn one_that_hangs_does_not_hold_up_what_runs(glass: Glass) {
        let Some(daemon) = Daemon::of(glass, "one_that_hangs_does_not_hold_up_what_runs") else { return };
        let mut child = run(glass, &[], &["sh", "-c", "echo begun; read x; echo \"got $x\"; exit 4"])
            .stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut words = BufReader::new(child.stderr.take().unwrap());
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        lines.read_line(&mut line).unwrap();
        daemon.signal("-STOP");
        feed(&mut child, b"typed\n".to_vec()).join().unwrap();
        line.clear();
        lines.read_line(&mut line).unwrap();
        assert_eq!(line, "got typed\n");
        // What it cleans up after its command can be given up, too.
        is_given_up(child, &mut words, 4);
        daemon.signal("-CONT");
        nothing_is_left(glass);
    }
}

for_both! {
    fn a_start_is_given_up_with_ctrl_c(glass: Glass) {
        let _alone = alone(glass);
        let mut child = run(glass, &["-v"], &["sleep", "60"]).stderr(Stdio::piped()).spawn().unwrap();
        let mut words = BufReader::new(child.stderr.take().unwrap());
        until_it_says(&mut words, "Boot the sandbox");
        kill(&child, "-INT");
        let code = child.wait().unwrap().code();
        assert_eq!(code, Some(130), "the command, or nobody, got it");
        nothing_is_left(glass);
    }
}
