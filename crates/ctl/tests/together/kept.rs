// SPDX-License-Identifier: LGPL-2.1-or-later
//! What is kept for the next run of a name.

use crate::common::layers::*;
use crate::common::*;
use std::fs;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

for_both! {
    fn what_is_kept_goes_on(glass: Glass) {
        let name = fresh_name("keep");
        let keep = |script: &str| {
            let options = ["-p", "--changes", "keep", "-n", &name];
            run(glass, &options, &["sh", "-c", script]).output().unwrap()
        };
        assert_eq!(out(&keep("echo 1 >count; echo new >/usr/mine; rm /etc/issue; echo ok")), "ok\n");
        let second = keep("cat count /usr/mine; ls /etc/issue 2>/dev/null; echo 2 >>count");
        assert_eq!(out(&second), "1\nnew\n", "{}", err(&second));
        // Two at once would be two kernels that write the same disk.
        let runs = run(glass, &["--detach", "--changes", "keep", "-n", &name], &["sleep", "60"]).output().unwrap();
        assert!(runs.status.success(), "{}", err(&runs));
        let stop = Stop { user: glass.user(), name: name.clone() };
        // One whose name is alike has a layer of its own, and nothing of this one's.
        let alike = name.to_uppercase();
        let other = run(glass, &["--changes", "keep", "-n", &alike], &["ls", "/usr/mine"]).output().unwrap();
        assert!(other.status.code() == Some(2), "{}", err(&other));
        assert!(ctl(glass, &["discard", &alike]).status.success());
        for verb in ["changes", "discard", "keep"] {
            let refused = ctl(glass, &[verb, &name]);
            assert!(refused.status.code() == Some(125) && err(&refused).contains("used by a sandbox"), "{verb}: {}", err(&refused));
        }
        drop(stop);
        assert!(changes(glass, &name, &[]).contains("/usr/mine"));
        // This computer's own file changes under the one that was kept.
        let file = PathBuf::from("/var/cache").join(&name);
        fs::write(&file, "host\n").unwrap();
        assert_eq!(out(&keep(&format!("echo sandbox >>{}", file.display()))), "");
        fs::write(&file, "another host\n").unwrap();
        let told = keep(&format!("cat {}", file.display()));
        let listed = changes(glass, &name, &[]);
        fs::remove_file(&file).unwrap();
        assert_eq!(out(&told), "host\nsandbox\n");
        assert!(err(&told).contains(&file.display().to_string()) && listed.contains("changed on this computer since"), "{}{listed}", err(&told));
        assert!(ctl(glass, &["discard", &name]).status.success());
        let fresh = keep("ls count /usr/mine 2>/dev/null; ls /etc/issue");
        assert_eq!(out(&fresh), "/etc/issue\n", "{}", err(&fresh));
        assert!(ctl(glass, &["discard", &name]).status.success());
        assert_eq!(layers(glass, &name), 0);
    }
}

/// A run that goes on from what is kept, and is to be looked at.
pub fn reviewed(glass: Glass, name: &str, script: &str) -> std::process::Output {
    run(glass, &["--changes", "review", "-n", name], &["sh", "-c", script]).output().unwrap()
}

pub fn kept(glass: Glass, name: &str, script: &str) -> std::process::Output {
    run(glass, &["--changes", "keep", "-n", name], &["sh", "-c", script]).output().unwrap()
}

for_both! {
    machine at full scale:
    fn what_is_kept_outlives_a_review_that_is_thrown_away(glass: Glass) {
        let name = fresh_name("again");
        let first = kept(glass, &name, "echo kept >count; echo old >other; mkdir same; echo same >same/file");
        assert!(first.status.success(), "{}", err(&first));
        let script = "cat count other; echo more >>count; echo new >fresh; rm other";
        let second = reviewed(glass, &name, script);
        assert_eq!(out(&second), "kept\nold\n", "{}", err(&second));
        // Only what this run has changed is told.
        let (home, shown) = (glass.user().home().display().to_string(), changes(glass, &name, &[]));
        let lines: Vec<&str> = shown.lines().collect();
        assert_eq!(lines.len(), 3, "{shown}");
        for (line, (begin, end)) in lines.iter().zip([("Added        ~/count (10 bytes", ", kept otherwise by an earlier run"),
            ("Added        ~/fresh (4 bytes", "0644)"), ("Deleted      ~/other (4 bytes", ", kept otherwise by an earlier run")]) {
            assert!(line.starts_with(&begin.replace('~', &home)) && line.ends_with(end), "{shown}");
        }
        assert!(ctl(glass, &["discard", &name]).status.success());
        assert_eq!(layers(glass, &name), 1);
        let third = reviewed(glass, &name, "cat count other same/file; ls fresh 2>/dev/null; echo third >count");
        assert_eq!(out(&third), "kept\nold\nsame\n", "{}", err(&third));
        assert!(ctl(glass, &["keep", &name]).status.success());
        assert_eq!(layers(glass, &name), 1);
        let last = kept(glass, &name, "cat count other same/file");
        assert_eq!(out(&last), "third\nold\nsame\n", "{}", err(&last));
        assert!(ctl(glass, &["discard", &name]).status.success());
        assert_eq!(layers(glass, &name), 0);
    }
}

for_both! {
    machine at full scale:
    fn what_was_kept_comes_back_when_a_change_alone_is_discarded(glass: Glass) {
        let name = fresh_name("back");
        let with = |changes: &str, script: &str| {
            let options = ["-p", "--changes", changes, "-n", &name];
            run(glass, &options, &["sh", "-c", script]).output().unwrap()
        };
        let look = "cd; for f in text tree/deep/file moved /etc/issue /etc/skel/.bashrc; do head -c 20 $f 2>/dev/null | head -n 1; done; \
            stat -c '%n %F %a %u' tree; stat -c '%n %F %a %u %Y' tree/deep/file; readlink tree/link; [ -p tree/fifo ] && echo fifo; ls -A /etc/skel /etc/issue 2>/dev/null; \
            stat -c %s tree/sparse; [ $(stat -c %b tree/sparse) -lt 100 ] && echo holes; \
            perl -e 'print unpack(\"H*\", join \"\", grep { !/^\\./ } map { s/.*tree.odd//r } glob \"tree/odd*\"), \"\\n\"'";
        let made = with("keep", &format!("cd; echo kept >text; mkdir -p tree/deep; echo deep >tree/deep/file; chmod 640 tree/deep/file; touch -d @1000 tree/deep/file; \
            ln -s /nowhere tree/link; mkfifo tree/fifo; truncate -s 30M tree/sparse; echo x >>tree/sparse; chmod 2750 tree; \
            perl -e 'open F, \">\", \"tree/odd\" . chr(255) . \"\\n\"'; rm /etc/issue; rm -r /etc/skel; mkdir /etc/skel; echo mine >/etc/skel/.bashrc; {look}"));
        assert!(made.status.success() && out(&made).contains("holes\nff0a\n"), "{}{}", out(&made), err(&made));
        let changed = "cd; echo new >text; echo other >fresh; rm -r tree; echo file >tree; echo back >/etc/issue; \
            echo other >/etc/skel/.bashrc; echo y >/etc/skel/y; cat text tree /etc/issue /etc/skel/.bashrc";
        let second = with("review", changed);
        assert_eq!(out(&second), "new\nfile\nback\nother\n", "{}", err(&second));
        // One file; one that had been deleted; a folder whose place a file took.
        for some in [&["text"][..], &["/etc/issue", "tree"], &["/etc/skel"]] {
            let done = ctl(glass, &[&["discard", &name], some].concat());
            assert!(done.status.success(), "{some:?}: {}", err(&done));
        }
        let home = glass.user().home().display().to_string();
        let left = changes(glass, &name, &[]);
        assert!(left.lines().count() == 1 && left.starts_with(&format!("Added        {home}/fresh (")), "{left}");
        // The rest, with what came back, is what goes on.
        assert!(ctl(glass, &["keep", &name]).status.success());
        let last = with("keep", look);
        assert_eq!(out(&last), out(&made), "{}", err(&last));
        // What is chosen goes on; all else is as it was kept.
        let third = with("review", "cd; echo third >text; echo third >fresh; mv tree/deep moved; rm /etc/skel/.bashrc");
        assert!(third.status.success(), "{}", err(&third));
        let kept = ctl(glass, &["keep", &name, "fresh"]);
        assert!(kept.status.success(), "{}", err(&kept));
        let last = with("keep", &format!("cat ~/fresh; {look}"));
        assert_eq!(out(&last), format!("third\n{}", out(&made)), "{}", err(&last));
        // What is kept is another meanwhile: then that is what is said.
        assert!(with("review", "echo 1 >~/text").status.success());
        assert!(with("keep", "echo 2 >~/text").status.success());
        let refused = ctl(glass, &["discard", &name, "text"]);
        assert!(refused.status.code() == Some(125) && err(&refused).contains("not there any more"), "{}", err(&refused));
        while layers(glass, &name) > 0 {
            assert!(ctl(glass, &["discard", &name]).status.success());
        }
    }
}

for_both! {
    machine at full scale:
    fn what_is_kept_outlives_whatever_is_killed(glass: Glass) {
        let name = fresh_name("struck");
        assert!(kept(glass, &name, "echo kept >count").status.success());
        // Its sandbox, in the middle.
        let options = ["--detach", "--changes", "review", "-n", &name];
        let runs = run(glass, &options, &["sh", "-c", "echo lost >count; sync; echo ready; sleep 600"]).output().unwrap();
        assert!(runs.status.success(), "{}", err(&runs));
        let has_said = |one: serde_json::Value| one["status"]["streams"][0]["end"].as_u64() > Some(0);
        wait_for("ready", Duration::from_secs(60), || listed(glass.user(), &name).is_some_and(has_said));
        assert!(ctl(glass, &["stop", "--now", &name]).status.success());
        assert_eq!(layers(glass, &name), 2);
        assert!(ctl(glass, &["discard", &name]).status.success());
        // Who starts it, at any moment.
        let most = if glass == Glass::Container { 400 } else { 600 };
        for after in (0..most).step_by(scaled(200, 20)) {
            let mut starts = run(glass, &["--changes", "review", "-n", &name], &["sh", "-c", "echo lost >count"]);
            let mut starts = starts.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
            std::thread::sleep(Duration::from_millis(after));
            let _ = starts.kill();
            let _ = starts.wait();
        }
        let is_gone = || listed(glass.user(), &name).is_none();
        // The result of one that had begun is kept for a minute.
        wait_for("all of them to be gone", Duration::from_secs(90), is_gone);
        while layers(glass, &name) > 1 {
            assert!(ctl(glass, &["discard", &name]).status.success());
        }
        let last = kept(glass, &name, "cat count");
        assert_eq!(out(&last), "kept\n", "{}", err(&last));
        let half = || {
            let folders = fs::read_dir(layers_of(glass.user())).unwrap().flatten();
            folders.map(|entry| entry.path()).filter(|path| !path.join("tag").exists()).collect::<Vec<_>>()
        };
        // Others begin to make theirs beside this.
        let last = half();
        wait_for("nothing half made to be left", Duration::from_secs(60), || !half().iter().any(|one| last.contains(one)));
        assert!(ctl(glass, &["discard", &name]).status.success());
        assert_eq!(layers(glass, &name), 0);
    }
}

for_both! {
    machine at full scale:
    fn a_folder_that_was_made_again_is_decided_about_name_by_name(glass: Glass) {
        let name = fresh_name("made-again");
        let with = |changes: &str, script: &str| {
            let options = ["-p", "--changes", changes, "-n", &name];
            run(glass, &options, &["sh", "-c", script]).output().unwrap()
        };
        let again = "cd /etc; rm -r skel apt; mkdir skel apt apt/apt.conf.d; echo new >skel/.profile; echo x >skel/x; echo x >apt/apt.conf.d/x; ls -A skel apt";
        let made = with("review", again);
        assert_eq!(out(&made), "apt:\napt.conf.d\n\nskel:\n.profile\nx\n", "{}", err(&made));
        let shown = changes(glass, &name, &[]);
        let a_setting = fs::read_dir("/etc/apt/apt.conf.d").unwrap().flatten().next().unwrap().file_name();
        let a_setting = format!("/etc/apt/apt.conf.d/{}", a_setting.to_str().unwrap());
        for line in ["Deleted      /etc/skel/.bashrc (", "Modified     /etc/skel/.profile (", "Added        /etc/skel/x (2", &format!("Deleted      {a_setting} ("), "Deleted      /etc/apt/sources.list"] {
            assert!(shown.contains(line), "{line}: {shown}");
        }
        for some in ["/etc/skel/.profile", &a_setting] {
            let done = ctl(glass, &["discard", &name, some]);
            assert!(done.status.success(), "{some}: {}", err(&done));
        }
        let left = changes(glass, &name, &[]);
        assert!(!left.contains("/etc/skel/.profile") && !left.contains(&a_setting) && left.contains("Deleted      /etc/skel/.bashrc ("), "{left}");
        assert!(ctl(glass, &["keep", &name]).status.success());
        let look = format!("ls -A /etc/skel; ls {a_setting}; ls -A /etc/apt; ls /etc/apt/sources.list.d 2>/dev/null; wc -c </etc/skel/.profile");
        let next = with("review", &look);
        assert_eq!(out(&next), format!(".profile\nx\n{a_setting}\napt.conf.d\n{}\n", fs::metadata("/etc/skel/.profile").unwrap().len()), "{}", err(&next));
        // All but one goes: nothing is hidden any more.
        assert!(ctl(glass, &["discard", &name]).status.success() && ctl(glass, &["discard", &name]).status.success());
        assert!(with("review", again).status.success());
        assert!(ctl(glass, &["keep", &name, "/etc/skel/x"]).status.success());
        let whole = |path: &str| fs::read_dir(path).unwrap().flatten().map(|one| one.file_name().into_string().unwrap()).collect::<Vec<_>>();
        let mut names: Vec<String> = whole("/etc/skel").into_iter().chain(["x".to_owned()]).chain(whole("/etc/apt/apt.conf.d")).collect();
        names.sort();
        let last = with("keep", "ls -A /etc/skel /etc/apt/apt.conf.d | grep -v : | LC_ALL=C sort | grep .");
        assert_eq!(out(&last).lines().collect::<Vec<_>>(), names, "{}", err(&last));
        assert!(ctl(glass, &["discard", &name]).status.success());
        assert_eq!(layers(glass, &name), 0);
    }
}

for_both! {
    machine at full scale:
    /// Nobody was told what it had written.
    fn what_was_kept_by_a_run_that_crashed_comes_back_as_well(glass: Glass) {
        let name = fresh_name("crashed");
        let options = ["--detach", "--changes", "keep", "-n", &name];
        let script = "echo kept >count; echo kept >same; sync; echo ready; sleep 600";
        let runs = run(glass, &options, &["sh", "-c", script]).output().unwrap();
        assert!(runs.status.success(), "{}", err(&runs));
        let has_said = |one: serde_json::Value| one["status"]["streams"][0]["end"].as_u64() > Some(0);
        wait_for("ready", Duration::from_secs(60), || listed(glass.user(), &name).is_some_and(has_said));
        crash(glass, &name);
        let second = reviewed(glass, &name, "cat count same; echo new >count; echo new >fresh");
        assert_eq!(out(&second), "kept\nkept\n", "{}", err(&second));
        let shown = changes(glass, &name, &[]);
        assert!(shown.lines().count() == 2 && shown.contains("/count (4 bytes") && shown.contains("kept otherwise"), "{shown}");
        for path in ["count", "fresh"] {
            let done = ctl(glass, &["discard", &name, path]);
            assert!(done.status.success(), "{path}: {}", err(&done));
        }
        assert!(ctl(glass, &["keep", &name]).status.success());
        let last = kept(glass, &name, "cat count same; ls fresh 2>/dev/null");
        assert_eq!(out(&last), "kept\nkept\n", "{}", err(&last));
        assert!(ctl(glass, &["discard", &name]).status.success());
        assert_eq!(layers(glass, &name), 0);
    }
}

/// Takes a sandbox's domain away without asking anybody.
fn crash(glass: Glass, name: &str) {
    let shown = glass.user().ctl().args(["show", name, "--xml"]).output().unwrap();
    let domain = out(&shown)
        .lines()
        .find_map(|line| Some(line.trim().strip_prefix("<name>")?.strip_suffix("</name>")?.to_owned()));
    let uri = if glass == Glass::Container { "lxc:///system" } else { "qemu:///session" };
    let words = ["-qc", uri, "destroy", &domain.unwrap()];
    assert!(glass.user().command("virsh").args(words).status().unwrap().success());
    // Whoever asks for it is told, and then its name is free.
    let is_gone = || {
        ctl(glass, &["stop", "--now", name]);
        listed(glass.user(), name).is_none()
    };
    wait_for("it to be gone", Duration::from_secs(30), is_gone);
}

/// Two that began as the same: the second would throw away what the first kept.
#[test]
fn what_was_kept_meanwhile_is_not_replaced() {
    let glass = Glass::Container;
    let name = fresh_name("late");
    assert!(kept(glass, &name, "echo 1 >count").status.success());
    assert!(reviewed(glass, &name, "echo 2 >count").status.success());
    assert!(kept(glass, &name, "echo 3 >count").status.success());
    let waiting = fs::read_dir(layers_of(glass.user())).unwrap().flatten();
    let is_it = |tag: &str| tag.contains(&format!("\"name\":\"{name}\"")) && tag.contains("\"review\"");
    let uuid = waiting
        .filter(|entry| fs::read_to_string(entry.path().join("tag")).is_ok_and(|tag| is_it(&tag)))
        .find_map(|entry| entry.file_name().into_string().ok())
        .expect("one that waits");
    // Called by its name it is the one that waits, although the other is younger.
    assert!(changes(glass, &name, &["--json"]).contains(&uuid));
    let refused = ctl(glass, &["keep", &uuid]);
    assert!(
        refused.status.code() == Some(125) && err(&refused).contains(&format!("discard keep-{name}")),
        "{}",
        err(&refused)
    );
    assert!(ctl(glass, &["discard", &name]).status.success());
    assert_eq!(out(&kept(glass, &name, "cat count")), "3\n");
    assert!(ctl(glass, &["discard", &name]).status.success());
    assert_eq!(layers(glass, &name), 0);
}
