// SPDX-License-Identifier: LGPL-2.1-or-later
//! What users get wrong, and what computers do: a clear sentence each, status
//! 125, nothing lost, nothing left.

mod common;

use common::*;
use std::fs;
use std::process::{Command, Output, Stdio};

fn fails(mut command: Command, says: &str) -> Output {
    let output = command.stdin(Stdio::null()).output().unwrap();
    assert_eq!(output.status.code(), Some(125), "{}{}", out(&output), err(&output));
    assert!(err(&output).to_lowercase().contains(&says.to_lowercase()), "{says} is not in: {}", err(&output));
    assert!(out(&output).is_empty());
    output
}

#[test]
fn no_command_and_an_empty_one() {
    let mut none = User::Plain.ctl();
    none.args(["run", "--machine"]);
    fails(none, "command");
    fails(run(Glass::Machine, &[], &[""]), "command");
}

#[test]
fn names_and_uris_that_cannot_be() {
    fails(run(Glass::Machine, &["-n", "a/b"], &["true"]), "a/b");
    fails(run(Glass::Machine, &["-n", ""], &["true"]), "name");
    for uri in ["qemu+ext:///system?command=/bin/true", "test:///default", "rubbish"] {
        let mut ctl = User::Plain.ctl();
        ctl.args(["run", "-c", uri, "--", "true"]);
        fails(ctl, uri);
    }
}

#[test]
fn limits_that_cannot_be() {
    fails(run(Glass::Machine, &["--memory", "9999 TiB"], &["true"]), "memory");
    fails(run(Glass::Machine, &["--memory", "many"], &["true"]), "many");
    fails(run(Glass::Machine, &["--cpus", "0"], &["true"]), "processor");
    fails(run(Glass::Machine, &["--kernver", "0.0.0-none"], &["true"]), "0.0.0-none");
    fails(run(Glass::Machine, &["--cwd", "relative"], &["true"]), "relative");
}

#[test]
fn a_command_that_the_sandbox_does_not_see() {
    let output = fails(run(Glass::Machine, &[], &["/srv/tool"]), "/srv");
    assert!(!err(&output).is_empty());
}

#[test]
fn arguments_longer_than_the_kernel_takes() {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let file = folder.path().join("long.terrarium");
    let words = vec![format!("\"{}\"", "x".repeat(100_000)); 21].join(",");
    fs::write(&file, format!("version = 1\nname = \"long\"\n[command]\nargv = [\"echo\",{words}]\n"))
        .unwrap();
    let mut ctl = User::Plain.ctl();
    ctl.args(["run", "--machine", "--profile"]).arg(&file);
    fails(ctl, "argument");
}

#[test]
fn a_user_without_the_group_is_told_and_nothing_is_left() {
    let output = fails(run_as(User::Plain, Glass::Container, &[], &["true"]), "libvirt");
    assert!(
        err(&output).contains("--machine") || err(&output).to_lowercase().contains("virtual machine"),
        "{}",
        err(&output)
    );
}

#[test]
fn a_runtime_folder_that_is_too_long_or_not_set() {
    let long = std::env::temp_dir().join("x".repeat(90));
    fs::create_dir_all(&long).unwrap();
    fs::set_permissions(&long, std::os::unix::fs::PermissionsExt::from_mode(0o777)).unwrap();
    let mut ctl = run(Glass::Container, &[], &["true"]);
    ctl.env("XDG_RUNTIME_DIR", &long);
    fails(ctl, "x".repeat(90).as_str());
    let mut ctl = run(Glass::Container, &[], &["echo", "works"]);
    ctl.env_remove("XDG_RUNTIME_DIR");
    let output = ctl.output().unwrap();
    assert_eq!((out(&output).trim(), output.status.code()), ("works", Some(0)), "{}", err(&output));
    let _ = fs::remove_dir_all(long);
}

#[test]
fn a_full_disk_under_the_cache() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().to_owned();
    let uid = User::Plain.uid();
    let mount =
        |args: &[&str]| assert!(Command::new("mount").args(args).arg(&target).status().unwrap().success());
    mount(&["-t", "tmpfs", "-o", &format!("size=4m,mode=700,uid={uid}"), "tmpfs"]);
    fs::set_permissions(
        folder.path().parent().unwrap(),
        std::os::unix::fs::PermissionsExt::from_mode(0o1777),
    )
    .unwrap();
    let mut ctl = run(Glass::Machine, &[], &["true"]);
    ctl.env("XDG_CACHE_HOME", &target);
    let output = ctl.output().unwrap();
    let left = Command::new("find").arg(&target).args(["-type", "f", "-size", "+100k"]).output().unwrap();
    assert!(Command::new("umount").arg(&target).status().unwrap().success());
    assert_eq!(output.status.code(), Some(125), "{}", err(&output));
    assert!(err(&output).contains(&target.display().to_string()), "{}", err(&output));
    assert!(!out(&left).contains("vmlinux"), "half a kernel was left: {}", out(&left));
}

#[test]
fn doctor_says_what_works_as_text_and_json() {
    for user in [User::Plain, User::Member, User::Root] {
        let text = user.ctl().arg("doctor").output().unwrap();
        assert!(text.status.success() && !out(&text).is_empty(), "{}", err(&text));
        let json = user.ctl().args(["doctor", "--json"]).output().unwrap();
        let value: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
        assert!(value["findings"].as_array().is_some_and(|all| !all.is_empty()));
    }
}

#[test]
fn screens_that_cannot_be() {
    fails(run(Glass::Machine, &["--display", "--display-size", "1x1"], &["true"]), "1x1");
    fails(run(Glass::Machine, &["--display-size", "640x480"], &["true"]), "--display");
    fails(run(Glass::Machine, &["--display", "--memory", "300M"], &["true"]), "512 MiB");
    fails(run(Glass::Machine, &["--display", "--clipboard", "some"], &["true"]), "some");
    let mut view = User::Plain.ctl();
    view.args(["view", "none"]).env_remove("DISPLAY").env_remove("WAYLAND_DISPLAY");
    fails(view, "DISPLAY");
    let mut picture = User::Plain.ctl();
    picture.args(["screenshot", "none", "-"]);
    fails(picture, "none");
}
