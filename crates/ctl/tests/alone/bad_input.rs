// SPDX-License-Identifier: LGPL-2.1-or-later
//! What users get wrong, and what computers do: a clear sentence each, status
//! 125, nothing lost, nothing left.

use crate::common::traces::{alone, nothing_is_left, traces};
use crate::common::*;
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::MutexGuard;

/// The computer, of which a test leaves nothing other than it was.
struct Untouched {
    before: BTreeSet<String>,
    _alone: MutexGuard<'static, ()>,
}

impl Untouched {
    fn new() -> Self {
        let alone = alone();
        Self { before: traces(), _alone: alone }
    }
}

impl Drop for Untouched {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            nothing_is_left(&self.before);
        }
    }
}

/// Fails with these words.
fn fails(mut command: Command, says: &str) -> Output {
    let output = command.stdin(Stdio::null()).output().unwrap();
    assert_eq!(output.status.code(), Some(125), "{}{}", out(&output), err(&output));
    assert!(err(&output).to_lowercase().contains(&says.to_lowercase()), "{says} is not in: {}", err(&output));
    assert!(out(&output).is_empty());
    output
}

/// A folder that everybody may look into.
fn open_folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    folder
}

/// `run --profile` with this text, whatever its name.
fn with_profile(glass: Glass, folder: &Path, name: &OsStr, text: &str) -> Command {
    let file = folder.join(name);
    fs::write(&file, text).unwrap();
    let mut ctl = glass.user().ctl();
    ctl.args(["run", glass.option(), "--profile"]).arg(&file).stdin(Stdio::null());
    ctl
}

for_both! {
    fn no_command_and_an_empty_one(glass: Glass) {
        let _alone = Untouched::new();
        let mut none = glass.user().ctl();
        none.args(["run", glass.option()]);
        fails(none, "command");
        fails(run(glass, &["-T", "--headless"], &["true"]), "--headless is about a screen");
        fails(run(glass, &[], &[""]), "command");
    }
}

for_both! {
    fn names_that_cannot_be(glass: Glass) {
        let _alone = Untouched::new();
        fails(run(glass, &["-n", "a/b"], &["true"]), "a/b");
        fails(run(glass, &["-n", ""], &["true"]), "name");
        fails(run(glass, &["-n", "a\nb"], &["true"]), "name");
    }
}

#[test]
fn uris_that_are_refused() {
    let _alone = Untouched::new();
    for uri in ["qemu+ext:///system?command=/bin/true", "test:///default", "rubbish"] {
        for user in [User::Plain, User::Member] {
            let mut ctl = user.ctl();
            ctl.args(["run", "-c", uri, "--", "true"]);
            fails(ctl, uri);
        }
    }
    // One of them is taken when it is trusted by name; a profile's is not.
    let mut ctl = User::Member.ctl();
    ctl.args(["run", "--any-uri", "-c", "lxc+unix:///system", "--", "sh", "-c", "echo inside; exit 4"]);
    let output = ctl.output().unwrap();
    assert_eq!((out(&output).as_str(), output.status.code()), ("inside\n", Some(4)), "{}", err(&output));
    let folder = share::Folder::new(User::Member, &User::Member.home());
    let text = "version = 1\nname = \"x\"\nisolation = \"container\"\n[command]\nargv = [\"true\"]\n\
        [machine]\nconnection = \"lxc+unix:///system\"\n";
    let profile = folder.file("x.terrarium", text);
    let mut ctl = User::Member.ctl();
    ctl.args(["run", "--any-uri", "-c", "lxc:///system", "--profile"]).arg(&profile);
    assert!(ctl.output().unwrap().status.success(), "the command line goes before the profile");
    let mut ctl = User::Member.ctl();
    ctl.args(["run", "--profile"]).arg(&profile);
    fails(ctl, "lxc+unix:///system");
}

for_both! {
    fn limits_that_cannot_be(glass: Glass) {
        let _alone = Untouched::new();
        fails(run(glass, &["--memory", "9999 TiB"], &["true"]), "memory");
        fails(run(glass, &["--memory", "many"], &["true"]), "many");
        fails(run(glass, &["--cpus", "0"], &["true"]), "processor");
        fails(run(glass, &["--cwd", "relative"], &["true"]), "relative");
        if glass == Glass::Machine {
            fails(run(glass, &["--kernver", "0.0.0-none"], &["true"]), "0.0.0-none");
        }
    }
}

for_both! {
    fn a_command_or_a_folder_that_the_sandbox_does_not_see(glass: Glass) {
        let _alone = Untouched::new();
        fails(run(glass, &[], &["/srv/tool"]), "/srv");
        fails(run(glass, &["--cwd", "/no/such"], &["true"]), "/no/such");
    }
}

for_both! {
    fn arguments_longer_than_the_kernel_takes(glass: Glass) {
        let _alone = Untouched::new();
        let folder = open_folder();
        let words = vec![format!("\"{}\"", "x".repeat(100_000)); 21].join(",");
        let text = format!("version = 1\nname = \"long\"\n[command]\nargv = [\"echo\",{words}]\n");
        fails(with_profile(glass, folder.path(), OsStr::new("long.terrarium"), &text), "argument");
    }
}

for_both! {
    // A shell cannot pass one; a profile can.
    fn a_nul_in_arguments_is_refused_and_a_newline_is_not(glass: Glass) {
        let _alone = Untouched::new();
        let folder = open_folder();
        let name = OsStr::new("nul.terrarium");
        for key in ["argv = [\"echo\", \"a\\u0000b\"]", "argv = [\"echo\"]\nenvironment = { A = \"a\\u0000b\" }",
                    "argv = [\"echo\"]\ndirectory = \"/tmp\\u0000\""] {
            let text = format!("version = 1\nname = \"nul\"\n[command]\n{key}\n");
            fails(with_profile(glass, folder.path(), name, &text), "nul");
        }
        let text = "version = 1\nname = \"line\"\n[command]\nargv = [\"printf\", \"%s|\", \"a\\nb\", \"\"]\n";
        let output = with_profile(glass, folder.path(), name, text).output().unwrap();
        assert_eq!((out(&output).as_str(), output.status.code()), ("a\nb||", Some(0)), "{}", err(&output));
    }
}

/// A program in /opt whose name is no text; it goes with the test.
struct Odd(PathBuf);

impl Drop for Odd {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

for_both! {
    fn file_names_need_not_be_text(glass: Glass) {
        let _alone = Untouched::new();
        let odd = Odd(Path::new("/opt").join(fresh_name("terrarium-odd")));
        fs::create_dir(&odd.0).unwrap();
        let program = odd.0.join(OsStr::from_bytes(b"b\xffd\nx"));
        fs::write(&program, "#!/bin/sh\nprintf %s \"$0\"; cd /tmp; touch \"$1\"; ls | cat\n").unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        let mut ctl = run(glass, &[], &[]);
        let output = ctl.arg(&program).arg(OsStr::from_bytes(b"c\xfe")).output().unwrap();
        let expected = [program.as_os_str().as_bytes(), b"c\xfe\n"].concat();
        assert_eq!(output.stdout, expected, "{}", err(&output));
        // The profile's own name has to be: it is a name, too.
        let folder = open_folder();
        let text = "version = 1\nname = \"odd\"\n[command]\nargv = [\"echo\", \"works\"]\n";
        fails(with_profile(glass, folder.path(), OsStr::from_bytes(b"\xff.terrarium"), text), "utf-8");
        let mut ctl = run(glass, &[], &[]);
        ctl.arg(odd.0.join(OsStr::from_bytes(b"\xff")));
        assert_eq!(ctl.output().unwrap().status.code(), Some(127));
    }
}

#[test]
fn a_user_without_the_group_is_told_and_nothing_is_left() {
    let _alone = Untouched::new();
    let output = fails(run_as(User::Plain, Glass::Container, &[], &["true"]), "libvirt");
    let words = err(&output).to_lowercase();
    assert!(words.contains("--machine") || words.contains("virtual machine"), "{words}");
}

for_both! {
    fn a_runtime_folder_that_is_too_long_or_not_set(glass: Glass) {
        let _alone = Untouched::new();
        let long = std::env::temp_dir().join(fresh_name("x")).join("x".repeat(90));
        fs::create_dir_all(&long).unwrap();
        fs::set_permissions(&long, fs::Permissions::from_mode(0o777)).unwrap();
        let mut ctl = run(glass, &[], &["true"]);
        ctl.env("XDG_RUNTIME_DIR", &long);
        fails(ctl, "x".repeat(90).as_str());
        let mut ctl = run(glass, &[], &["echo", "works"]);
        ctl.env_remove("XDG_RUNTIME_DIR");
        let output = ctl.output().unwrap();
        assert_eq!((out(&output).trim(), output.status.code()), ("works", Some(0)), "{}", err(&output));
        let _ = fs::remove_dir_all(long.parent().unwrap());
    }
}

/// A small disk, for as long as it lives.
struct Disk(tempfile::TempDir);

impl Disk {
    fn new(owner: User, size: &str) -> Self {
        let folder = open_folder();
        let options = format!("size={size},mode=700,uid={}", owner.uid());
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(folder.path());
        assert!(mount.status().unwrap().success());
        Self(folder)
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0.path()).status();
    }
}

for_both! {
    fn a_full_disk_under_the_cache(glass: Glass) {
        let _alone = Untouched::new();
        // Neither holds what is put there: a kernel, or init.
        let disk = Disk::new(glass.user(), if glass == Glass::Machine { "4m" } else { "256k" });
        let path = disk.0.path();
        let mut ctl = run(glass, &[], &["true"]);
        ctl.env("XDG_CACHE_HOME", path);
        let output = fails(ctl, &path.display().to_string());
        assert!(err(&output).contains("room") || err(&output).contains("space"), "{}", err(&output));
        let left = Command::new("find").arg(path).args(["-type", "f", "-size", "+100k"]).output().unwrap();
        assert_eq!(out(&left), "", "half a file was left");
    }
}

#[test]
fn doctor_says_what_works_as_text_and_json() {
    let _alone = Untouched::new();
    for user in [User::Plain, User::Member, User::Root] {
        let text = user.ctl().arg("doctor").output().unwrap();
        assert!(text.status.success() && !out(&text).is_empty(), "{}", err(&text));
        let json = user.ctl().args(["doctor", "--json"]).output().unwrap();
        let value: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
        assert!(value["findings"].as_array().is_some_and(|all| !all.is_empty()));
        let host: terrarium_engine::host::Host = serde_json::from_value(value["host"].clone()).unwrap();
        assert_eq!((host.caller, host.kernels.is_empty()), (user.uid(), false));
        assert_eq!(serde_json::to_value(&host).unwrap(), value["host"]);
    }
}

#[test]
fn screens_that_cannot_be() {
    let _alone = Untouched::new();
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
