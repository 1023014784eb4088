// SPDX-License-Identifier: LGPL-2.1-or-later
//! Sandboxes as things: listed, stopped, paused, attached.

use crate::common::*;
use std::process::Stdio;
use std::time::{Duration, Instant};

for_both! {
    fn it_is_listed_paused_resumed_and_stopped(glass: Glass) {
        let sandbox = detached(glass, "trap 'exit 5' TERM; echo ready; while :; do sleep 0.1; done");
        let state = || listed(sandbox.user, &sandbox.name).map(|one| one["state"].as_str().unwrap().to_owned());
        wait_for("running", Duration::from_secs(20), || state().as_deref() == Some("running"));
        let shown = |what: &str| out(&sandbox.user.ctl().args(["show", what, &sandbox.name]).output().unwrap());
        let command = shown("--command");
        assert!(command.starts_with("terrariumctl run ") && command.contains("echo ready"), "{command}");
        let reach = shown("--reach");
        assert!(reach.contains("It Cannot\n") && reach.contains("  Talk to the network\n"), "{reach}");
        assert!(sandbox.user.ctl().args(["pause", &sandbox.name]).status().unwrap().success());
        assert_eq!(state().as_deref(), Some("paused"));
        assert!(sandbox.user.ctl().args(["resume", &sandbox.name]).status().unwrap().success());
        wait_for("running again", Duration::from_secs(20), || state().as_deref() == Some("running"));
        let begun = Instant::now();
        assert!(sandbox.user.ctl().args(["stop", &sandbox.name]).status().unwrap().success());
        assert!(begun.elapsed() < Duration::from_secs(9), "TERM was enough: {:?}", begun.elapsed());
        assert_eq!(state(), None);
        let again = sandbox.user.ctl().args(["stop", &sandbox.name]).output().unwrap();
        assert_eq!(again.status.code(), Some(125));
        assert!(err(&again).contains(&sandbox.name));
    }
}

for_both! {
    machine at full scale:
    fn a_command_that_ignores_term_is_killed(glass: Glass) {
        let sandbox = detached(glass, "trap '' TERM INT HUP; echo ready; while :; do sleep 0.1; done");
        let begun = Instant::now();
        assert!(sandbox.user.ctl().args(["stop", &sandbox.name]).status().unwrap().success());
        assert!(begun.elapsed() >= Duration::from_secs(9), "it has 10 s to end by itself");
        assert!(begun.elapsed() < Duration::from_secs(25), "{:?}", begun.elapsed());
        assert!(listed(sandbox.user, &sandbox.name).is_none());
    }
}

#[test]
fn a_shell_on_a_terminal_ends_when_it_is_stopped() {
    let user = Glass::Container.user();
    let one = |script: &str| {
        let name = fresh_name("shell");
        let options = ["-t", "--detach", "-n", &name];
        let begun = run(Glass::Container, &options, &["bash", "-c", script]).output().unwrap();
        assert_eq!(begun.status.code(), Some(0), "{}", err(&begun));
        let sandbox = Stop { user, name };
        let said = |one: serde_json::Value| one["status"]["streams"][0]["end"].as_u64() > Some(0);
        wait_for("ready", Duration::from_secs(30), || listed(user, &sandbox.name).is_some_and(said));
        sandbox
    };
    let stop = |sandbox: &Stop| {
        // Its end as whoever looks at it meanwhile is told it.
        let mut watcher = user.ctl();
        let watching = watcher.args(["attach", "--watch", &sandbox.name]).stdin(Stdio::null());
        let mut watching = watching.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        std::io::Read::read_exact(watching.stdout.as_mut().unwrap(), &mut [0; 1]).unwrap();
        let begun = Instant::now();
        assert!(user.ctl().args(["stop", &sandbox.name]).status().unwrap().success());
        let time = begun.elapsed();
        let output = watching.wait_with_output().unwrap();
        (output.status.code(), out(&output), time)
    };
    // HUP is what a shell goes by, which ignores TERM.
    let (status, _, time) = stop(&one("exec bash --norc -i"));
    assert!(status == Some(129) && time < Duration::from_secs(9), "{status:?} after {time:?}");
    let traps = "trap '' TERM; trap 'echo bye; exit 5' HUP; echo ready; while :; do sleep 0.1; done";
    let (status, text, time) = stop(&one(traps));
    assert!(status == Some(5) && text.ends_with("bye\r\n"), "{status:?} {text:?}");
    assert!(time < Duration::from_secs(9), "{time:?}");
    // Who ignores both has its time, and is killed then.
    let (status, _, time) = stop(&one("trap '' TERM HUP; echo ready; while :; do sleep 0.1; done"));
    assert!(status == Some(137) && time >= Duration::from_secs(9), "{status:?} after {time:?}");
}

for_both! {
    machine at full scale:
    fn a_result_waits_until_it_is_fetched(glass: Glass) {
        let sandbox = detached(glass, "echo kept; exit 3");
        let state = || listed(sandbox.user, &sandbox.name).unwrap()["state"].as_str().unwrap().to_owned();
        wait_for("finished", Duration::from_secs(20), || state() == "finished");
        let output = sandbox.user.ctl().args(["attach", &sandbox.name]).output().unwrap();
        assert_eq!((out(&output).as_str(), output.status.code()), ("kept\n", Some(3)), "{}", err(&output));
        wait_for("gone", Duration::from_secs(10), || listed(sandbox.user, &sandbox.name).is_none());
    }
}

for_both! {
    fn exec_runs_beside_the_command(glass: Glass) {
        let sandbox = detached(glass, "sleep 300");
        let exec = |command: &[&str]| {
            sandbox.user.ctl().args(["exec", "-T", &sandbox.name, "--"]).args(command).stdin(Stdio::null()).output().unwrap()
        };
        let output = exec(&["sh", "-c", "id -u; echo err >&2; exit 9"]);
        assert_eq!(out(&output).trim(), sandbox.user.uid().to_string());
        assert_eq!((err(&output).as_str(), output.status.code()), ("err\n", Some(9)));
        let sees = exec(&["sh", "-c", "grep -ls '^sleep' /proc/[0-9]*/cmdline | head -1"]);
        assert!(!out(&sees).is_empty(), "it is in the command's own pid namespace");
        assert_eq!(exec(&["/no/such"]).status.code(), Some(127));
    }
}

for_both! {
    machine at full scale:
    fn a_name_is_taken_once(glass: Glass) {
        let sandbox = detached(glass, "sleep 300");
        let second = run(glass, &["-n", &sandbox.name], &["true"]).output().unwrap();
        assert_eq!(second.status.code(), Some(125));
        assert!(err(&second).contains(&sandbox.name), "{}", err(&second));
    }
}

for_both! {
    machine at full scale:
    fn orphans_do_not_hold_it_up_and_their_status_is_not_the_commands(glass: Glass) {
        let begun = Instant::now();
        let output = sh(glass, "(sleep 300; exit 9) & (exit 8) & exit 4");
        assert_eq!(output.status.code(), Some(4), "{}", err(&output));
        assert!(begun.elapsed() < Duration::from_secs(60));
    }
}

for_both! {
    fn a_lost_client_ends_a_foreground_run(glass: Glass) {
        let name = fresh_name("lost");
        let user = glass.user();
        let mut child = run(glass, &["-n", &name], &["sleep", "300"]).spawn().unwrap();
        let running = || listed(user, &name).is_some_and(|one| one["state"] == "running");
        wait_for("running", Duration::from_secs(60), running);
        let pattern = format!("terrariumctl run .*-n {name} ");
        assert!(user.command("pkill").args(["-KILL", "-f", &pattern]).status().unwrap().success());
        child.wait().unwrap();
        let finished = || listed(user, &name).is_none_or(|one| one["state"] == "finished");
        wait_for("finished", Duration::from_secs(20), finished);
        user.ctl().args(["stop", "--now", &name]).stderr(Stdio::null()).status().unwrap();
    }
}

for_both! {
    fn an_idle_sandbox_does_not_compute(glass: Glass) {
        let sandbox = detached(glass, "sleep 300");
        std::thread::sleep(Duration::from_secs(1));
        let script = "set -- $(cat /proc/1/stat); a=$((${14}+${15})); sleep 2; set -- $(cat /proc/1/stat); echo $((${14}+${15}-a))";
        let output = sandbox.user.ctl().args(["exec", "-T", &sandbox.name, "--", "sh", "-c", script]).output().unwrap();
        // Ticks of 10 ms in two seconds.
        let ticks: u64 = out(&output).trim().parse().unwrap_or_else(|_| panic!("{}{}", out(&output), err(&output)));
        assert!(ticks < 60, "init computes all the time: {ticks}");
    }
}

for_both! {
    // These read /proc/meminfo more than once through one descriptor.
    fn monitors_work_and_show_the_sandbox_s_own_memory(glass: Glass) {
        let script = "top -b -n 1 | head -5; free -m; vmstat 1 2 | tail -1 | wc -w";
        let output = run(glass, &["--memory", "512MiB"], &["sh", "-c", script]).output().unwrap();
        let text = out(&output);
        assert!(text.starts_with("top - ") && text.contains("MiB Mem"), "{text}{}", err(&output));
        let total = text.lines().find_map(|line| line.strip_prefix("Mem:")).and_then(|line| line.split_whitespace().next());
        let total: u32 = total.and_then(|total| total.parse().ok()).unwrap_or_else(|| panic!("{text}"));
        assert!((400..=512).contains(&total), "{text}");
        assert!(text.trim().ends_with("17"), "{text}");
    }
}

#[test]
fn kernel_and_accelerator_are_chosen() {
    let doctor = User::Plain.ctl().args(["doctor", "--json"]).output().unwrap();
    let doctor: serde_json::Value = serde_json::from_slice(&doctor.stdout).unwrap();
    let kernels = doctor["host"]["kernels"].as_array().unwrap();
    let kernel = kernels.iter().find(|kernel| kernel["problem"].is_null()).expect("a kernel that boots");
    let word = |key: &str| kernel[key].as_str().unwrap();
    let version = word("version");
    for options in [
        vec!["--kernver", version],
        vec!["--kernpath", word("image"), "--kmodpath", word("modules"), "--accelerator", "emulation"],
    ] {
        let output = run(Glass::Machine, &options, &["uname", "-r"]).output().unwrap();
        assert_eq!(out(&output).trim(), version, "{options:?}: {}", err(&output));
    }
    let kvm = run(Glass::Machine, &["--accelerator", "kvm"], &["uname", "-r"]).output().unwrap();
    let works = doctor["host"]["kvm"]["processor"] == true && doctor["host"]["kvm"]["device"] == "writable";
    assert_eq!(kvm.status.code(), Some(if works { 0 } else { 125 }), "{}", err(&kvm));
    assert!(works || err(&kvm).contains("KVM") || err(&kvm).contains("vmx"), "{}", err(&kvm));
}

for_both! {
    fn what_a_sandbox_uses_and_writes_is_counted(glass: Glass) {
        let script = "dd if=/dev/zero of=/var/tmp/x bs=64K count=64 conv=fsync 2>/dev/null; echo ready; exec sleep 300";
        let one = detached(glass, script);
        let usage = || {
            let shown = one.user.ctl().args(["show", &one.name, "--json"]).output().unwrap();
            let json: serde_json::Value = serde_json::from_slice(&shown.stdout).unwrap();
            json["usage"].clone()
        };
        wait_for("what it wrote is counted", Duration::from_secs(30), || {
            usage()["disk"]["outwards"].as_u64() >= Some(4 << 20)
        });
        let found = usage();
        assert!(found["processor"].as_u64() > Some(0) && found["memory"].as_u64() > Some(0), "{found}");
        assert!(found["disk"]["outwards"].as_u64() < Some(200 << 20), "{found}");
        assert!(found["network"].is_null(), "it has none: {found}");
    }
}
