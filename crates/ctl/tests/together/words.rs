// SPDX-License-Identifier: LGPL-2.1-or-later
//! What terrariumctl says to somebody who does not know it yet: what it did,
//! what was meant, and where the mistake is. And what the README shows.

use crate::common::*;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;

fn ctl(user: User, words: &[&str]) -> Output {
    user.ctl().args(words).stdin(Stdio::null()).output().unwrap()
}

/// What is said about a command line that cannot be.
fn refused(user: User, words: &[&str]) -> String {
    let output = ctl(user, words);
    assert_eq!(output.status.code(), Some(125), "{words:?}: {}{}", out(&output), err(&output));
    err(&output)
}

/// An option is named as it was typed, a key of a profile as it stands there.
#[test]
fn what_is_wrong_with_an_option_is_said_of_the_option() {
    let run =
        |option: &str, text: &str| refused(User::Plain, &["run", "--machine", option, text, "--", "true"]);
    for (option, text, word) in [
        ("-m", "host-bind:/in=/terrarium-has-none", "There is no"),
        ("-m", "host-bind:in=/etc", "absolute"),
        ("-i", "/etc/x=/etc/issue", ""),
        ("--cwd", "srv", "absolute"),
        ("--memory", "1K", "memory"),
        ("--unmask", "/terrarium-has-none", ""),
        ("-e", "=1", ""),
        ("-n", "a/b", "a/b"),
    ] {
        let said = run(option, text);
        let text = if option == "-e" { "" } else { text };
        let begins = format!("terrariumctl: {option} {text}");
        assert!(option == "-e" || said.starts_with(&begins) && said.contains(word), "{option}: {said}");
    }
    let folder = share::Folder::new(User::Plain, &User::Plain.home());
    let text = "version = 1\nname = \"x\"\n[command]\nargv = [\"true\"]\n[files]\n\
        mounts = [{ type = \"host-bind\", source = \"/terrarium-has-none\", target = \"/in\" }]\n";
    let file = folder.file("x.terrarium", text).display().to_string();
    let said = refused(User::Plain, &["run", "--machine", "--profile", &file, "-m", "ram:/y=0"]);
    assert!(
        said.contains("terrariumctl: files.mounts[0].source: There is no") || said.contains("-m ram:/y=0: "),
        "{said}"
    );
    assert!(!said.contains("files.mounts[1]"), "{said}");
}

#[test]
fn a_number_below_nothing_is_said_to_be_none() {
    for verb in [&["run"][..], &["limits", "x"]] {
        let said = refused(User::Plain, &[verb, &["--cpus", "-3"]].concat());
        assert!(said.contains("'-3'") && said.contains("write 1 or more"), "{said}");
    }
    let said = refused(User::Plain, &["run", "--memory", "-3", "--", "true"]);
    assert!(said.contains("“-3” is not a size"), "{said}");
}

/// What it shows on a terminal, where its lines are cleared again.
#[test]
fn doctor_says_what_it_looks_at_to_who_waits() {
    let line = format!("{} doctor", binary().display());
    let shown = out(&User::Plain.command("script").args(["-qec", &line, "/dev/null"]).output().unwrap());
    let (looks, found) = (shown.find("Looking at the kernels…"), shown.find("Works"));
    assert!(looks.is_some() && looks < found && shown.contains("Asking qemu:///session…"), "{shown}");
    let output = ctl(User::Plain, &["doctor"]);
    assert!(!(out(&output) + &err(&output)).contains("Looking at"), "{}", err(&output));
}

#[test]
fn what_was_nearly_hit_is_named() {
    let _stop = {
        let name = fresh_name("NearBy");
        let output = run(Glass::Container, &["--detach", "-n", &name], &["sleep", "60"]).output().unwrap();
        assert!(output.status.success(), "{}", err(&output));
        for verb in ["network", "stop", "show"] {
            let said = refused(User::Member, &[verb, &name.to_lowercase()]);
            assert!(said.contains(&format!("Did you mean “{name}”?")), "{verb}: {said}");
        }
        Stop { user: User::Member, name }
    };
    let config = tempfile::tempdir().unwrap();
    std::os::unix::fs::chown(config.path(), Some(User::Plain.uid()), Some(User::Plain.uid())).unwrap();
    let with = |words: &[&str]| {
        let mut ctl = User::Plain.ctl();
        ctl.env("XDG_CONFIG_HOME", config.path()).args(words).stdin(Stdio::null()).output().unwrap()
    };
    let profiles = config.path().join("terrarium/profiles");
    fs::create_dir_all(&profiles).unwrap();
    fs::write(profiles.join("a.terrarium"), "version = 1\nname = \"Shell\"\n[command]\nargv = [\"sh\"]\n")
        .unwrap();
    for words in [&["run", "--profile", "shell"][..], &["profile", "show", "Shel"], &["show", "shell"]] {
        let said = err(&with(words));
        assert!(said.contains("Did you mean “Shell”?"), "{words:?}: {said}");
    }
    let said = refused(User::Plain, &["run", "-N", "intrenet", "--", "true"]);
    assert!(said.contains("Did you mean “internet”?") && said.lines().count() == 1, "{said}");
    let said = refused(User::Plain, &["rnu", "--", "true"]);
    assert!(said.contains("'run'"), "{said}");
}

/// Without the group there is one thing to say, and what helps.
#[test]
fn a_network_without_the_group_is_one_sentence() {
    let said = refused(User::Plain, &["run", "-N", "internet", "--", "true"]);
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(said.starts_with("terrariumctl: -N internet: "), "{said}");
    for word in ["group libvirt", "-N user", "sudo usermod -aG libvirt", "log in again"] {
        assert!(said.contains(word), "{word}: {said}");
    }
    let doctor = out(&ctl(User::Plain, &["doctor"]));
    let command = format!("sudo usermod -aG libvirt {}", User::Plain.name());
    assert_eq!(doctor.matches("usermod").count(), 1, "{doctor}");
    assert!(doctor.contains(&command) && !doctor.contains("windows in containers"), "{doctor}");
}

#[test]
fn a_name_whose_result_waits_is_not_one_that_runs() {
    let name = fresh_name("ended");
    let again = || run(Glass::Container, &["-n", &name], &["true"]).output().unwrap();
    let first = run(Glass::Container, &["--detach", "-n", &name], &["sh", "-c", "exit 3"]).output().unwrap();
    assert!(first.status.success(), "{}", err(&first));
    let _stop = Stop { user: User::Member, name: name.clone() };
    wait_for("its end", Duration::from_secs(60), || {
        listed(User::Member, &name).is_some_and(|one| one["state"] == "finished")
    });
    let said = err(&again());
    assert!(said.contains("has ended") && said.contains(&format!("terrariumctl attach {name}")), "{said}");
    assert_eq!(ctl(User::Member, &["attach", &name]).status.code(), Some(3));
    assert_eq!(again().status.code(), Some(0));
}

for_both! {
    fn what_was_done_with_changes_is_said(glass: Glass) {
        let (user, name) = (glass.user(), fresh_name("told"));
        let theirs = user.home().join(&name);
        fs::write(&theirs, "one\ntwo\n").unwrap();
        let home = user.home().display().to_string();
        let script = format!("echo other >{name}; echo new >{name}.new; mkdir {name}.d; echo x >{name}.d/x; ln -s / {name}.link");
        let done = run(glass, &["--changes", "review", "-n", &name], &["sh", "-c", &script]).output().unwrap();
        assert!(done.status.success(), "{}", err(&done));
        // What is new inside and not in the user's home.
        let plain = out(&ctl(user, &["changes", &name]));
        assert!(plain.contains("your home folder has another one"), "{plain}");
        let diff = out(&ctl(user, &["changes", &name, "--diff"]));
        let heading = diff.lines().find(|line| line.contains(&format!("{home}/{name} ("))).unwrap();
        assert!(heading.starts_with("Added") && heading.ends_with("your home folder has another one"), "{diff}");
        assert_eq!(diff.matches("your home folder").count(), 1, "{diff}");
        // Refused at once, all or nothing: nothing has to start for that.
        for (path, word) in [(name.clone(), "--replace"), (format!("{name}.link"), "neither"), ("/etc/issue".into(), "not among")] {
            let said = refused(user, &["apply", &name, &format!("{name}.new"), &path]);
            assert!(said.contains(word) && said.lines().count() == 1, "{path}: {said}");
        }
        assert!(!user.home().join(format!("{name}.new")).exists());
        let applied = ctl(user, &["apply", &name, &format!("{name}.new"), &format!("{name}.d")]);
        assert_eq!(err(&applied), format!("terrariumctl: 3 files and folders were put into {home}.\n"));
        // What was decided is said, and what somebody put there by hand.
        fs::remove_file(user.home().join(format!("{name}.new"))).unwrap();
        fs::write(user.home().join(format!("{name}.new")), "new\n").unwrap();
        let plain = out(&ctl(user, &["changes", &name]));
        let said = |words| plain.matches(words).count();
        assert_eq!((said(", applied"), said("has one of the same size")), (2, 1), "{plain}");
        let diff = out(&ctl(user, &["changes", &name, "--diff"]));
        assert_eq!(diff.matches("your home folder has the same").count(), 1, "{diff}");
        // A folder for copies is made, if there is one for it to lie in.
        let copies = format!("{home}/{name}.copies");
        let path = format!("{name}.new");
        let said = refused(user, &["apply", &name, &path, "--to", &format!("{copies}/deeper")]);
        assert!(said.contains("No such file"), "{said}");
        let copy = || ctl(user, &["apply", &name, &path, "--to", &copies]);
        assert_eq!(err(&copy()), format!("terrariumctl: 1 file or folder was put into {copies}.\n"));
        let again = copy();
        assert!(err(&again).contains("was not copied: there is a file of that name already"), "{}", err(&again));
        fs::remove_dir_all(&copies).unwrap();
        let gone = ctl(user, &["discard", &name, &format!("{name}.d")]);
        assert_eq!(err(&gone), format!("terrariumctl: 2 changes of “{name}” were thrown away.\n"));
        let kept = ctl(user, &["keep", &name]);
        assert!(err(&kept).starts_with("terrariumctl: 3 changes are kept: the next run of"), "{}", err(&kept));
        assert!(err(&ctl(user, &["changes", &name])).contains("This is kept"));
        let gone = ctl(user, &["discard", &name]);
        assert_eq!(err(&gone), format!("terrariumctl: What was kept of “{name}” was thrown away: 3 changes.\n"));
        fs::remove_file(&theirs).unwrap();
        fs::remove_file(user.home().join(format!("{name}.new"))).unwrap();
        fs::remove_dir_all(user.home().join(format!("{name}.d"))).unwrap();
    }
}

#[test]
fn what_is_not_there_is_named_as_what_it_could_have_been() {
    let said = refused(User::Member, &["show", "no-such-thing"]);
    assert!(said.contains("neither a sandbox nor a profile with the name “no-such-thing”"), "{said}");
    let said = refused(User::Member, &["run", "--container"]);
    assert!(said.starts_with("terrariumctl: COMMAND: There is no command"), "{said}");
    let sandbox = detached(Glass::Container, "sleep 1000");
    let said = refused(User::Member, &["log", &sandbox.name]);
    assert!(said.contains("it has no screen") && said.contains("terrariumctl attach"), "{said}");
}

/// Who attached is not who runs it.
#[test]
fn attach_lets_go_when_it_is_told_to_end() {
    let script = "trap 'echo got INT' INT; sleep 1; echo ready; while :; do sleep 0.1; done";
    for signal in [nix::sys::signal::Signal::SIGTERM, nix::sys::signal::Signal::SIGHUP] {
        // What one client has read is not told to the next.
        let sandbox = detached(Glass::Container, script);
        let mut attach = User::Member.ctl();
        attach
            .args(["attach", &sandbox.name])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = attach.spawn().unwrap();
        let mut first = [0; 6];
        std::io::Read::read_exact(child.stdout.as_mut().unwrap(), &mut first).unwrap();
        let pid = nix::unistd::Pid::from_raw(child.id() as i32);
        // One that is the command's goes there.
        nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGINT).unwrap();
        let mut said = [0; 8];
        std::io::Read::read_exact(child.stdout.as_mut().unwrap(), &mut said).unwrap();
        assert_eq!(&said, b"got INT\n");
        nix::sys::signal::kill(pid, signal).unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{signal}: {}", err(&output));
        assert!(err(&output).contains("goes on"), "{}", err(&output));
        assert_eq!(listed(User::Member, &sandbox.name).unwrap()["state"], "running", "{signal}");
    }
}

/// The lines of a block of the README, from the one that begins it.
fn shown(heading: &str) -> Vec<String> {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../README.md")).unwrap();
    let (_, rest) = text.split_once(heading).unwrap_or_else(|| panic!("{heading}"));
    let lines = rest.lines().skip(2).take_while(|line| line.starts_with("    "));
    lines.map(|line| line.trim().to_owned()).collect()
}

/// Runs the lines of a block as they stand, in a folder of the user's.
fn typed(user: User, folder: &Path, lines: &[String]) {
    let bin = binary().parent().unwrap();
    for line in lines {
        // Whoever attaches lets go some time.
        let line = line.replace("terrariumctl attach", "timeout 8 terrariumctl attach");
        let mut shell = user.command("bash");
        shell.args(["-ec", &line]).current_dir(folder).stdin(Stdio::piped());
        shell.env("PATH", format!("{}:/usr/bin:/bin", bin.display()));
        let mut child = shell.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // To a shell with a terminal.
        let _fed = feed(&mut child, b"exit\n".to_vec());
        let output = child.wait_with_output().unwrap();
        let ends = if line.contains("timeout") { Some(124) } else { Some(0) };
        assert_eq!(output.status.code(), ends, "{line}: {}{}", out(&output), err(&output));
    }
}

/// What is made at home is taken away again.
struct Made(Vec<PathBuf>);

impl Drop for Made {
    fn drop(&mut self) {
        self.0.iter().for_each(|path| drop(fs::remove_dir_all(path)));
    }
}

#[test]
fn what_the_readme_shows_works_as_it_is_typed() {
    let user = User::Member;
    let folder = share::Folder::new(user, &user.home());
    let _made = Made(vec![user.home().join("project"), user.home().join("report")]);
    typed(user, &folder.path, &shown("These work as they stand, from top to bottom:"));
    assert!(user.home().join("project/out.txt").is_file());
    let _stop = Stop { user, name: "job".into() };
    typed(user, &folder.path, &shown("What goes on without us, and is looked at meanwhile:"));
    assert!(listed(user, "job").is_none());
    typed(user, &folder.path, &shown("What it changes is looked at before it counts:"));
    assert!(user.home().join("report/out").is_file() && !user.home().join("report/log").exists());
}
