// SPDX-License-Identifier: LGPL-2.1-or-later
//! An init that does nothing any more, as one does whose part a guest's kernel
//! plays: whoever asks for the end gets it.

use crate::common::*;
use std::fs;
use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, SystemTime};

/// How long nobody answers before a signal ends more than the command.
const SILENT: Duration = Duration::from_secs(3);

fn signal(name: &str, pid: u32) {
    let done = Command::new("kill").args([format!("-{name}"), pid.to_string()]).status().unwrap();
    assert!(done.success(), "{name} to {pid}");
}

fn found(pattern: &str) -> Option<u32> {
    out(&Command::new("pgrep").args(["-f", pattern]).output().unwrap()).trim().parse().ok()
}

/// Stops what answers for a sandbox until it is dropped: a container's pid 1,
/// or the whole of a machine.
struct Stopped(u32);

impl Stopped {
    fn new(glass: Glass, domain: &str) -> Self {
        let pid = match glass {
            Glass::Machine => found(&format!("qemu-system.*guest={domain},")).unwrap(),
            Glass::Container => {
                let controller = found(&format!("libvirt_lxc --name {domain} ")).unwrap();
                let children = fs::read_to_string(format!("/proc/{controller}/task/{controller}/children"));
                children.unwrap().split_whitespace().next().unwrap().parse().unwrap()
            }
        };
        signal("STOP", pid);
        Self(pid)
    }
}

impl Drop for Stopped {
    fn drop(&mut self) {
        let _ = Command::new("kill").args(["-CONT", &self.0.to_string()]).stderr(Stdio::null()).status();
    }
}

/// A sandbox in the foreground whose command runs, and its domain.
fn foreground(glass: Glass) -> (Child, Stop, String) {
    let name = fresh_name("silent");
    let child = run(glass, &["-n", &name], &["sh", "-c", "echo ready; sleep 600"])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let sandbox = Stop { user: glass.user(), name };
    let mut domain = String::new();
    wait_for("the command", Duration::from_secs(90), || {
        let one = listed(sandbox.user, &sandbox.name).filter(|one| one["state"] == "running");
        one.inspect(|one| domain = one["domain"].as_str().unwrap().to_owned()).is_some()
    });
    (child, sandbox, domain)
}

fn exists(glass: Glass, domain: &str) -> bool {
    let uri = if glass == Glass::Machine { "qemu:///session" } else { "lxc:///system" };
    let virsh = glass.user().command("virsh").args(["-qc", uri, "list", "--all", "--name"]).output().unwrap();
    assert!(virsh.status.success(), "{}", err(&virsh));
    out(&virsh).lines().any(|line| line == domain)
}

for_both! {
    fn a_second_signal_ends_a_sandbox_whose_init_is_silent(glass: Glass) {
        let (mut child, _sandbox, domain) = foreground(glass);
        let _stopped = Stopped::new(glass, &domain);
        signal("INT", child.id());
        // The first is the command's, and so is one that comes soon after.
        signal("TERM", child.id());
        std::thread::sleep(SILENT + Duration::from_millis(300));
        assert!(child.try_wait().unwrap().is_none() && exists(glass, &domain));
        signal("TERM", child.id());
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(128 + 15), "{}", err(&output));
        assert!(err(&output).contains("The sandbox does not answer. It is ended"), "{}", err(&output));
        assert!(!exists(glass, &domain), "the sandbox outlives its client");
    }
}

#[test]
fn who_attached_leaves_a_silent_sandbox_and_it_goes_on() {
    let sandbox =
        detached(Glass::Container, "trap 'echo heard' INT; echo ready; while :; do sleep 0.1; done");
    let domain = listed(sandbox.user, &sandbox.name).unwrap()["domain"].as_str().unwrap().to_owned();
    let verbs = [
        vec!["attach", &sandbox.name],
        vec!["exec", &sandbox.name, "--", "sh", "-c", "echo ready; sleep 600"],
    ];
    for verb in verbs {
        let mut ctl = sandbox.user.ctl();
        ctl.args(&verb).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = ctl.spawn().unwrap();
        let mut line = [0; 6];
        child.stdout.as_mut().unwrap().read_exact(&mut line).unwrap();
        assert_eq!(&line, b"ready\n", "{verb:?}");
        // Until signals are the command's.
        std::thread::sleep(Duration::from_secs(1));
        let stopped = Stopped::new(Glass::Container, &domain);
        signal("INT", child.id());
        std::thread::sleep(SILENT + Duration::from_millis(300));
        signal("INT", child.id());
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(128 + 2), "{verb:?}: {}", err(&output));
        assert!(err(&output).contains("It goes on"), "{verb:?}: {}", err(&output));
        drop(stopped);
        wait_for("its answer", Duration::from_secs(10), || {
            listed(sandbox.user, &sandbox.name).is_some_and(|one| one["state"] == "running")
        });
    }
}

/// A command may take signals and go on: that is its own business.
#[test]
fn signals_that_a_command_ignores_end_nothing() {
    let name = fresh_name("ignores");
    let script = "trap '' INT; echo ready; sleep 7; echo done";
    let child =
        run(Glass::Container, &["-n", &name], &["sh", "-c", script]).stdout(Stdio::piped()).spawn().unwrap();
    let sandbox = Stop { user: Glass::Container.user(), name };
    wait_for("the command", Duration::from_secs(60), || {
        listed(sandbox.user, &sandbox.name).is_some_and(|one| one["state"] == "running")
    });
    signal("INT", child.id());
    std::thread::sleep(SILENT + Duration::from_millis(300));
    signal("INT", child.id());
    let output = child.wait_with_output().unwrap();
    assert_eq!((out(&output).as_str(), output.status.code()), ("ready\ndone\n", Some(0)));
}

for_both! {
    fn a_killed_client_s_sandbox_whose_init_is_silent_is_ended_by_a_later_list(glass: Glass) {
        let (mut child, sandbox, domain) = foreground(glass);
        let directory = sandbox.user.runtime().join(domain.rsplit('-').next().unwrap());
        let (alone, state) = (directory.join("alone"), || {
            listed(sandbox.user, &sandbox.name).map(|one| one["state"].as_str().unwrap().to_owned())
        });
        let stopped = Stopped::new(glass, &domain);
        assert_eq!(state().as_deref(), Some("not-answering"));
        assert!(!alone.exists(), "its client is there");
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(state().as_deref(), Some("not-answering"), "it gets some time");
        let long_ago = SystemTime::now() - Duration::from_secs(16);
        fs::File::options().write(true).open(&alone).unwrap().set_modified(long_ago).unwrap();
        assert_eq!(state(), None);
        wait_for("its end", Duration::from_secs(30), || !exists(glass, &domain));
        drop(stopped);
    }
}

/// One that goes on without anybody does so, silent or not.
#[test]
fn a_silent_sandbox_that_needs_no_client_is_left_alone() {
    let sandbox = detached(Glass::Container, "echo ready; sleep 600");
    let domain = listed(sandbox.user, &sandbox.name).unwrap()["domain"].as_str().unwrap().to_owned();
    let directory = sandbox.user.runtime().join(domain.rsplit('-').next().unwrap());
    let _stopped = Stopped::new(Glass::Container, &domain);
    for _ in 0..2 {
        assert_eq!(listed(sandbox.user, &sandbox.name).unwrap()["state"], "not-answering");
        assert!(!directory.join("alone").exists());
    }
    assert!(exists(Glass::Container, &domain));
}
