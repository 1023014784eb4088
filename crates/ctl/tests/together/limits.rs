// SPDX-License-Identifier: LGPL-2.1-or-later
//! How much a sandbox that runs may use: changed, read back where the kernel
//! keeps it, and met by a program inside.

use crate::common::*;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

/// Takes so many MiB, and says whether it got them.
const TAKES: &str = "my @a; push @a, q(x) x 1048576 for 1..$ARGV[0]; print q(taken)";
/// Two programs compute for so many seconds.
const COMPUTES: &str =
    "for (1..2) { fork or do { alarm $ARGV[0]; 1 while 1 } } wait; wait; my @t = times; print $t[2] + $t[3]";

fn limits(sandbox: &Stop, options: &[&str]) -> Output {
    sandbox.user.ctl().args(["limits", &sandbox.name]).args(options).output().unwrap()
}

fn change(sandbox: &Stop, options: &[&str]) {
    let output = limits(sandbox, options);
    assert!(output.status.success(), "{options:?}: {}", err(&output));
}

fn refused(sandbox: &Stop, options: &[&str], why: &str) {
    let output = limits(sandbox, options);
    assert_eq!(output.status.code(), Some(125), "{options:?}: {}", out(&output));
    assert!(err(&output).contains(why), "{options:?}: {}", err(&output));
}

fn now(sandbox: &Stop) -> serde_json::Value {
    serde_json::from_slice(&limits(sandbox, &["--json"]).stdout).unwrap()
}

fn perl(sandbox: &Stop, script: &str, number: &str) -> Output {
    let mut exec = sandbox.user.ctl();
    exec.args(["exec", "-T", &sandbox.name, "--", "perl", "-e", script, number]).stdin(Stdio::null());
    exec.output().unwrap()
}

/// What its kernel says that there is, in KiB.
fn total(sandbox: &Stop) -> u64 {
    let mut exec = sandbox.user.ctl();
    exec.args(["exec", "-T", &sandbox.name, "--", "awk", "/^MemTotal/ { print $2 }", "/proc/meminfo"]);
    out(&exec.stdin(Stdio::null()).output().unwrap()).trim().parse().unwrap_or(0)
}

/// A file of a domain's control group, as the kernel has it.
fn group(uri: &str, sandbox: &Stop, controller: &str, file: &str) -> String {
    let domain = listed(sandbox.user, &sandbox.name).unwrap()["domain"].as_str().unwrap().to_owned();
    let groups = PathBuf::from("/sys/fs/cgroup").join(controller).join("machine");
    let kind = if uri.starts_with("lxc") { "lxc" } else { "qemu" };
    let is_it = |path: &PathBuf| {
        // libvirt's name has the domain's number in it. An empty one is left
        // of another.
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let lives = fs::read_to_string(path.join("tasks")).is_ok_and(|tasks| !tasks.is_empty());
        name.starts_with(kind) && name.contains(&format!("-{domain}.libvirt-")) && lives
            || fs::read_dir(path).is_ok_and(|mut inner| {
                let is_inner = |name: String| name == "emulator" || name == "vcpu0";
                name.contains(&format!("-{domain}.libvirt-"))
                    && inner.any(|one| {
                        one.is_ok_and(|one| is_inner(one.file_name().to_string_lossy().into_owned()))
                    })
            })
    };
    let all: Vec<PathBuf> = fs::read_dir(&groups).unwrap().flatten().map(|entry| entry.path()).collect();
    let found = all.iter().find(|path| is_it(path)).unwrap_or_else(|| panic!("{domain}: {all:?}"));
    fs::read_to_string(found.join(file)).unwrap().trim().to_owned()
}

/// A sandbox with two processors that goes on until it is stopped.
fn lasting(user: User, glass: Glass, options: &[&str]) -> Stop {
    let name = fresh_name("limits");
    let all = [&["--detach", "-n", &name, "--cpus", "2"], options].concat();
    let output = run_as(user, glass, &all, &["sleep", "600"]).output().unwrap();
    assert!(output.status.success(), "{}", err(&output));
    Stop { user, name }
}

#[test]
fn a_container_meets_what_it_was_given_meanwhile() {
    let sandbox = lasting(User::Member, Glass::Container, &["--memory", "512MiB"]);
    let file = |controller, file| group("lxc:///system", &sandbox, controller, file);
    assert_eq!(now(&sandbox)["memory"], 512 << 20);
    assert_eq!(out(&perl(&sandbox, TAKES, "300")), "taken");
    change(&sandbox, &["--memory", "128MiB"]);
    assert_eq!(now(&sandbox)["memory"], 128 << 20);
    assert_eq!(file("memory", "memory.limit_in_bytes"), (128 << 20).to_string());
    let killed = perl(&sandbox, TAKES, "300");
    assert!(out(&killed).is_empty() && killed.status.code() == Some(137), "{killed:?}");
    wait_for("its own meminfo", Duration::from_secs(5), || total(&sandbox) == 128 << 10);
    // More than it was started with.
    change(&sandbox, &["--memory", "700MiB"]);
    assert_eq!(out(&perl(&sandbox, TAKES, "600")), "taken");
    change(&sandbox, &["--cpus", "1"]);
    assert_eq!(now(&sandbox)["cpus"], 1);
    assert_eq!(file("cpu", "cpu.cfs_quota_us"), "100000");
    let had: f64 = out(&perl(&sandbox, COMPUTES, "3")).parse().unwrap();
    assert!(had < 3.5, "{had} s of processors in 3 s");
    change(&sandbox, &["--cpus", "2"]);
    assert_eq!(file("cpu", "cpu.cfs_quota_us"), "200000");
}

#[test]
fn a_container_is_not_given_what_cannot_be() {
    let sandbox = lasting(User::Member, Glass::Container, &["--memory", "256MiB"]);
    refused(&sandbox, &["--memory", "1M"], "--memory 1M:");
    refused(&sandbox, &["--memory", "900T"], "--memory 900T:");
    refused(&sandbox, &["--cpus", "0"], "--cpus 0:");
    refused(&sandbox, &["--memory", "much"], "much");
    refused(&sandbox, &["--disk", "1M"], "own kernel, which cannot hold it");
    assert_eq!(
        (now(&sandbox)["memory"].as_u64(), now(&sandbox)["cpus"].as_u64()),
        (Some(256 << 20), Some(2))
    );
    // It holds more than that, and nobody may be killed for a limit.
    let holds = "my @a; push @a, q(x) x 1048576 for 1..150; sleep 600";
    let mut holder = sandbox.user.ctl();
    holder.args(["exec", "-T", &sandbox.name, "--", "perl", "-e", holds]).stdin(Stdio::null());
    let mut holder = holder.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let usage = || {
        let shown = sandbox.user.ctl().args(["show", &sandbox.name, "--json"]).output().unwrap();
        let shown: serde_json::Value = serde_json::from_slice(&shown.stdout).unwrap();
        shown["usage"]["memory"].as_u64().unwrap_or(0)
    };
    wait_for("it to hold something", Duration::from_secs(10), || usage() > 140 << 20);
    let swaps = fs::read_to_string("/proc/swaps").unwrap().lines().count() > 1;
    if !swaps {
        refused(&sandbox, &["--memory", "64MiB"], "It uses ");
        assert_eq!(now(&sandbox)["memory"], 256 << 20, "it has what it had");
    }
    assert!(holder.try_wait().unwrap().is_none(), "it lives");
    drop(sandbox);
    let _ = holder.wait();
}

/// QEMU's process, by what libvirt calls it with.
fn qemu(sandbox: &Stop) -> PathBuf {
    let uuid = listed(sandbox.user, &sandbox.name).unwrap()["uuid"].as_str().unwrap().to_owned();
    let found = Command::new("pgrep").args(["-f", &format!("qemu.*-uuid {uuid}")]).output().unwrap();
    PathBuf::from("/proc").join(out(&found).lines().next().expect("QEMU"))
}

fn processor_seconds(process: &std::path::Path) -> f64 {
    let stat = fs::read_to_string(process.join("stat")).unwrap();
    let after = stat.rsplit_once(')').unwrap().1;
    let ticks = |at: usize| after.split_whitespace().nth(at).unwrap().parse::<f64>().unwrap();
    (ticks(11) + ticks(12)) / 100.0
}

#[test]
fn a_machine_meets_what_it_was_given_meanwhile() {
    let sandbox = lasting(User::Plain, Glass::Machine, &["--memory", "512MiB"]);
    let before = total(&sandbox);
    change(&sandbox, &["--memory", "256MiB"]);
    assert_eq!(now(&sandbox)["memory"], 256 << 20);
    let given = before - total(&sandbox);
    assert!((250 << 10..=256 << 10).contains(&given), "{given} KiB were handed back");
    let killed = perl(&sandbox, TAKES, "300");
    assert!(out(&killed).is_empty() && killed.status.code() == Some(137), "{killed:?}");
    change(&sandbox, &["--memory", "512MiB"]);
    assert_eq!(total(&sandbox), before);
    assert_eq!(out(&perl(&sandbox, TAKES, "300")), "taken");
    refused(&sandbox, &["--memory", "1GiB"], "the 512 MiB that it was started with");
    refused(&sandbox, &["--memory", "64MiB"], "--memory 64MiB:");
    let process = qemu(&sandbox);
    change(&sandbox, &["--cpus", "1"]);
    assert_eq!(now(&sandbox)["cpus"], 1);
    for thread in fs::read_dir(process.join("task")).unwrap().flatten() {
        let status = fs::read_to_string(thread.path().join("status")).unwrap();
        let on = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:")).unwrap().trim();
        assert!(on.parse::<u32>().is_ok(), "one of them: {on}");
    }
    let (begun, had) = (Instant::now(), processor_seconds(&process));
    perl(&sandbox, COMPUTES, "3");
    let (time, had) = (begun.elapsed().as_secs_f64(), processor_seconds(&process) - had);
    assert!(had < time * 1.1, "{had} s of processors in {time} s");
    change(&sandbox, &["--cpus", "2"]);
    assert_eq!(now(&sandbox)["cpus"], 2);
    refused(&sandbox, &["--cpus", "3"], "");
}

#[test]
fn a_machine_of_the_system_s_is_bound_by_its_control_group() {
    let options = ["--memory", "256MiB", "-c", "qemu:///system"];
    let sandbox = lasting(User::Member, Glass::Machine, &options);
    change(&sandbox, &["--cpus", "1"]);
    assert_eq!(now(&sandbox)["cpus"], 1);
    assert_eq!(group("qemu:///system", &sandbox, "cpu", "cpu.cfs_quota_us"), "100000");
    change(&sandbox, &["--cpus", "2"]);
    assert_eq!(group("qemu:///system", &sandbox, "cpu", "cpu.cfs_quota_us"), "200000");
}

#[test]
fn a_machine_s_disk_is_held_to_a_rate() {
    let sandbox = lasting(User::Plain, Glass::Machine, &["--memory", "256MiB"]);
    let written = || {
        let begun = Instant::now();
        let mut exec = sandbox.user.ctl();
        exec.args(["exec", "-T", &sandbox.name, "--", "sh", "-c"]);
        exec.arg("dd if=/dev/urandom of=$HOME/noise bs=64k count=128 conv=fsync 2>/dev/null; rm $HOME/noise");
        assert!(exec.stdin(Stdio::null()).status().unwrap().success());
        begun.elapsed()
    };
    change(&sandbox, &["--disk", "1M"]);
    assert_eq!(now(&sandbox)["disk"], 1 << 20);
    let held = written();
    assert!(held > Duration::from_secs(5), "8 MiB in {held:?}");
    change(&sandbox, &["--disk", "0"]);
    assert!(now(&sandbox)["disk"].is_null());
    let free = written();
    assert!(free < held / 2, "{free:?} beside {held:?}");
}
