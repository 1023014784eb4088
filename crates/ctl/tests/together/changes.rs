// SPDX-License-Identifier: LGPL-2.1-or-later
//! What becomes of what a sandbox writes.

use crate::common::layers::*;
use crate::common::share::*;
use crate::common::*;
use crate::kept::{kept, reviewed};
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::{symlink, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

for_both! {
    machine at full scale:
    fn nothing_is_left_of_a_run_that_is_thrown_away(glass: Glass) {
        let before = Host::now(glass);
        let name = fresh_name("thrown-away");
        let script = "echo x >file; for d in /usr /etc /var/lib; do touch $d/made 2>/dev/null && echo $d; done; ls /etc/made";
        assert_eq!(out(&sh(glass, script)), "");
        let root = run(glass, &["-p"], &["sh", "-c", script]).output().unwrap();
        assert_eq!(out(&root), "/usr\n/etc\n/var/lib\n/etc/made\n", "{}", err(&root));
        // While it runs its image has no name any more: nobody can leave it.
        let runs = run(glass, &["--detach", "-n", &name], &["sleep", "60"]).output().unwrap();
        assert!(runs.status.success(), "{}", err(&runs));
        let stop = Stop { user: glass.user(), name: name.clone() };
        assert_eq!(layers(glass, &name), 0);
        drop(stop);
        assert_eq!(layers(glass, &name), 0);
        before.is_as_it_was();
    }
}

for_both! {
    fn what_changed_is_told_applied_and_thrown_away(glass: Glass) {
        let before = Host::now(glass);
        let name = fresh_name("review");
        let script = "printf 'one\\ntwo\\n' >text; mkdir -p dir/deep; echo 4 >dir/deep/four; chmod 4750 dir/deep/four; \
            ln -s /etc/passwd dir/link; mkfifo dir/fifo; rm /etc/issue; echo more >>/etc/profile; mv /etc/shells /etc/moved; mv /etc/skel /etc/skeleton; \
            chmod 600 /etc/deluser.conf /etc/adduser.conf /etc/login.defs 2>/dev/null; mkdir /srv2; touch /usr/bin/new; cat /etc/issue";
        let done = run(glass, &["-p", "--changes", "review", "-n", &name], &["sh", "-c", script]).output().unwrap();
        assert_eq!(out(&done), "", "{}", err(&done));
        let shown = changes(glass, &name, &[]);
        let home = glass.user().home().display().to_string();
        for line in ["Added        ~/text (8 bytes, 0644)", "Added        ~/dir (folder, 0755)", "Added        ~/dir/deep/four (2 bytes, 4750)",
            "Added        ~/dir/link (→ /etc/passwd, 0777)", "Added        ~/dir/fifo (pipe, 0644)", "Deleted      /etc/issue (", "Modified     /etc/profile (",
            "Moved        /etc/moved (", "Permissions  /etc/login.defs (", "Added        /srv2 (folder, 0755)", "Added        /usr/bin/new (0 bytes, 0644)"] {
            let line = line.replace('~', &home);
            assert!(shown.contains(&line), "{line}: {shown}");
        }
        for (from, to) in [("/etc/shells", "/etc/moved"), ("/etc/skel", "/etc/skeleton"), ("/etc/skel/.bashrc", "/etc/skeleton/.bashrc")] {
            let is_told = |line: &str| line.starts_with(&format!("Moved        {to} (")) && line.ends_with(&format!(", from {from}"));
            assert!(shown.lines().any(is_told) && !shown.contains(&format!("Deleted      {from} ")), "{from}: {shown}");
        }
        let diff = changes(glass, &name, &["--diff"]);
        assert!(diff.contains("+more\n") && diff.contains("+one\n+two\n"), "{diff}");
        let json: serde_json::Value = serde_json::from_str(&changes(glass, &name, &["--json"])).unwrap();
        assert_eq!((&json["partial"], json["total"].as_u64()), (&false.into(), Some(json["changes"].as_array().unwrap().len() as u64)));
        let target = Folder::home(glass);
        let to = target.path.display().to_string();
        // Copies of what can be copied; nothing keeps more than permissions.
        let applied = ctl(glass, &["apply", &name, "dir", "text", "/etc/profile", "--to", &to]);
        assert!(applied.status.success() && err(&applied).contains("dir/fifo") && err(&applied).contains("dir/link"), "{}", err(&applied));
        assert_eq!(target.names(), ["dir", "profile", "text"]);
        let four = target.path.join("dir/deep/four");
        assert_eq!((fs::read_to_string(&four).unwrap().as_str(), fs::metadata(&four).unwrap().permissions().mode() & 0o7777), ("4\n", 0o750));
        assert_eq!(fs::read_dir(target.path.join("dir")).unwrap().count(), 1);
        // Nothing is replaced, nothing outside the home is touched.
        for (options, words) in [(&["text", "--to", to.as_str()][..], "--replace"), (&["/etc/profile"], "home folder"), (&["dir/link"], "neither"), (&["nothing"], "not among")] {
            let refused = ctl(glass, &[&["apply", &name], options].concat());
            assert!(refused.status.code() == Some(125) && err(&refused).contains(words), "{options:?}: {}", err(&refused));
        }
        if glass == Glass::Container || scaled(0, 1) == 1 {
            what_is_chosen_goes_on(glass, &name);
        }
        assert!(ctl(glass, &["discard", &name]).status.success());
        assert!(err(&ctl(glass, &["changes", &name])).contains("no changes"));
        assert_eq!(layers(glass, &name), 0);
        drop(target);
        before.is_as_it_was();
    }
}

/// The rest is thrown away: what was moved is where it was.
fn what_is_chosen_goes_on(glass: Glass, name: &str) {
    let refused = ctl(glass, &["keep", name, "text", "nothing"]);
    assert!(
        err(&refused).contains("not among") && changes(glass, name, &[]).contains("/srv2"),
        "{}",
        err(&refused)
    );
    let kept = ctl(glass, &["keep", name, "text", "dir/deep"]);
    assert!(kept.status.success(), "{}", err(&kept));
    let listed = changes(glass, name, &[]);
    let home = glass.user().home().display().to_string();
    for (line, path) in listed.lines().zip(["dir", "dir/deep", "dir/deep/four", "text"]) {
        assert!(line.starts_with(&format!("Added        {home}/{path} (")), "{listed}");
    }
    assert_eq!(listed.lines().count(), 4, "{listed}");
    let script = "cat text dir/deep/four; ls -d dir/* /etc/issue /etc/shells /etc/skel /etc/skel/.bashrc /etc/skeleton /srv2 /usr/bin/new 2>/dev/null";
    let next = run(glass, &["-p", "--changes", "keep", "-n", name], &["sh", "-c", script]).output().unwrap();
    let expected = "one\ntwo\n4\n/etc/issue\n/etc/shells\n/etc/skel\n/etc/skel/.bashrc\ndir/deep\n";
    assert_eq!(out(&next), expected, "{}", err(&next));
}

for_both! {
    machine at full scale:
    fn copies_that_were_deleted_or_moved_inside_can_be_outside(glass: Glass) {
        let (name, folder) = (fresh_name("copies"), Folder::home(glass));
        folder.dir("dir");
        for file in ["a", "b", "c", "dir/d", "dir/e"] {
            folder.file(file, &format!("mine {file}\n"));
        }
        // What is alike might have been any of them.
        folder.file("c", "mine c, no other\n");
        folder.dir("whole");
        folder.dir("whole/deep");
        folder.file("whole/deep/f", "mine, deep\n");
        symlink("e", folder.path.join("dir/link")).unwrap();
        // Whether a folder is as it was its time tells, by the second.
        std::thread::sleep(Duration::from_secs(2));
        let inner = folder.path.strip_prefix(glass.user().home()).unwrap().display().to_string();
        let path = |file: &str| format!("{inner}/{file}");
        let include = |file: &str| format!("{}={}", folder.path.join(file).display(), folder.path.join(file).display());
        let (a, b, c, dir, whole) = (include("a"), include("b"), include("c"), include("dir"), include("whole"));
        let options = ["--changes", "review", "-n", &name, "-i", &a, "-i", &b, "-i", &c, "-i", &dir, "-i", &whole];
        let script = format!("cd {inner}; cat dir/link; rm -r a b dir/d dir/link whole; mv c moved; ls -R");
        let done = run(glass, &options, &["sh", "-c", &script]).output().unwrap();
        assert_eq!(out(&done), "mine dir/e\n.:\ndir\nmoved\n\n./dir:\ne\n", "{}", err(&done));
        let shown = changes(glass, &name, &[]);
        let at = |file: &str| folder.path.join(file).display().to_string();
        for line in [format!("Deleted      {} (7 bytes", at("a")), format!("Deleted      {} (11 bytes", at("dir/d")), format!("Moved        {} (17 bytes", at("moved")),
            format!("Deleted      {} (folder", at("whole")), format!("Deleted      {} (folder", at("whole/deep")), format!("Deleted      {} (11 bytes", at("whole/deep/f")), format!("Deleted      {} (", at("dir/link"))] {
            assert!(shown.contains(&line), "{line}: {shown}");
        }
        assert_eq!(shown.lines().count(), 8, "{shown}");
        // As it was: it goes unasked. Changed since: it does not.
        folder.file("b", "mine, and changed\n");
        for (file, words) in [("a", ""), ("b", "--replace"), ("moved", "")] {
            let applied = ctl(glass, &["apply", &name, &path(file)]);
            assert!(applied.status.success() == words.is_empty() && err(&applied).contains(words), "{file}: {}", err(&applied));
        }
        assert_eq!(folder.names(), ["b", "dir", "moved", "whole"]);
        // A folder goes with all that is in it, a link by itself.
        for file in ["whole", "dir/link"] {
            let applied = ctl(glass, &["apply", &name, &path(file)]);
            assert!(applied.status.success() && err(&applied).contains("is in the trash now"), "{file}: {}", err(&applied));
        }
        assert_eq!(folder.names(), ["b", "dir", "moved"]);
        assert_eq!(fs::read_to_string(folder.path.join("moved")).unwrap(), "mine c, no other\n");
        let trash = glass.user().home().join(".local/share/Trash");
        assert_eq!(fs::read_to_string(trash.join("files/a")).unwrap(), "mine a\n");
        assert_eq!(fs::read_to_string(trash.join("files/whole/deep/f")).unwrap(), "mine, deep\n");
        assert_eq!(fs::read_to_string(trash.join("files/c")).unwrap(), "mine c, no other\n");
        fs::remove_dir_all(trash).unwrap();
        // What is discarded is not told again; the rest can be kept.
        assert!(ctl(glass, &["discard", &name, &path("dir/d")]).status.success());
        let left = changes(glass, &name, &[]);
        assert!(!left.contains("dir/d") && left.lines().count() == 7, "{left}");
        assert!(ctl(glass, &["keep", &name, &path("moved")]).status.success());
        assert!(ctl(glass, &["discard", &name]).status.success());
        assert_eq!(layers(glass, &name), 0);
    }
}

for_both! {
    machine at full scale:
    fn a_copy_of_a_file_from_elsewhere_goes_back_there(glass: Glass) {
        let (name, folder) = (fresh_name("elsewhere"), Folder::new(glass.user(), Path::new("/var/tmp")));
        let (path, home) = (folder.path.join("x.txt"), glass.user().home());
        folder.file("x.txt", "one\nold\n");
        // That it is as it was its time tells, by the second.
        std::thread::sleep(Duration::from_secs(2));
        let include = format!("{}={}", home.join(format!("{name}.txt")).display(), path.display());
        let script = format!("printf 'one\nnew\n' >{name}.txt; echo beside >{name}.bak");
        let done = run(glass, &["--changes", "review", "-n", &name, "-i", &include], &["sh", "-c", &script]).output().unwrap();
        assert!(done.status.success(), "{}", err(&done));
        // It is compared with the one that it is a copy of.
        let shown = changes(glass, &name, &["--diff"]);
        let lines = [format!("{name}.txt (8 bytes, 0644), copy of {}\n", path.display()), "\n-old\n+new\n".into()];
        assert!(lines.iter().all(|line| shown.contains(line)) && !shown.contains("+one"), "{shown}");
        // Who may not write it is told, and nothing is lost.
        let mode = |mode| fs::set_permissions(&folder.path, fs::Permissions::from_mode(mode)).unwrap();
        let apply = || ctl(glass, &["apply", &name, &format!("{name}.txt")]);
        if glass.user().uid() != 0 {
            mode(0o555);
            let refused = apply();
            mode(0o755);
            assert!(refused.status.code() == Some(125) && err(&refused).contains(&path.display().to_string()), "{}", err(&refused));
            assert_eq!((folder.names(), fs::read_to_string(&path).unwrap()), (vec!["x.txt".to_owned()], "one\nold\n".into()));
        }
        let applied = apply();
        assert_eq!(err(&applied), format!("terrariumctl: 1 file or folder was put into {}.\n", folder.path.display()));
        assert_eq!((folder.names(), fs::read_to_string(&path).unwrap()), (vec!["x.txt".to_owned()], "one\nnew\n".into()));
        assert!(!home.join(format!("{name}.txt")).exists(), "nothing came to the home folder");
        let trash = home.join(".local/share/Trash");
        assert_eq!(fs::read_to_string(trash.join("files/x.txt")).unwrap(), "one\nold\n");
        fs::remove_dir_all(trash).unwrap();
        assert!(ctl(glass, &["discard", &name]).status.success());
    }
}

/// A file that was applied, and then deleted inside.
#[test]
fn what_was_deleted_inside_goes_to_the_trash_when_that_is_applied() {
    let glass = Glass::Container;
    let name = fresh_name("gone");
    let folder = Folder::home(glass);
    let inner = folder.path.strip_prefix(glass.user().home()).unwrap().display().to_string();
    let made = kept(glass, &name, &format!("mkdir -p {inner}; echo sandbox >{inner}/file"));
    assert!(made.status.success(), "{}", err(&made));
    let path = format!("{inner}/file");
    assert!(ctl(glass, &["apply", &name, &path]).status.success());
    assert_eq!(folder.names(), ["file"]);
    let gone = reviewed(glass, &name, &format!("rm {path}"));
    assert!(gone.status.success(), "{}", err(&gone));
    assert!(
        changes(glass, &name, &[]).contains(&format!("Deleted      {}", folder.path.join("file").display()))
    );
    // It was written after the run that is looked at saw its own.
    let refused = ctl(glass, &["apply", &name, &path]);
    assert!(refused.status.code() == Some(125) && err(&refused).contains("--replace"), "{}", err(&refused));
    let copied = ctl(glass, &["apply", &name, &path, "--to", "/tmp"]);
    assert!(
        copied.status.code() == Some(125) && err(&copied).contains("nothing to copy"),
        "{}",
        err(&copied)
    );
    let applied = ctl(glass, &["apply", &name, &path, "--replace"]);
    assert!(applied.status.success() && err(&applied).contains("is in the trash now"), "{}", err(&applied));
    assert_eq!(folder.names(), Vec::<String>::new());
    let trash = glass.user().home().join(".local/share/Trash");
    assert_eq!(fs::read_to_string(trash.join("files/file")).unwrap(), "sandbox\n");
    fs::remove_dir_all(trash).unwrap();
    while layers(glass, &name) > 0 {
        assert!(ctl(glass, &["discard", &name]).status.success());
    }
}

for_both! {
    fn a_killed_sandbox_keeps_what_it_had_written(glass: Glass) {
        let name = fresh_name("killed");
        let script = "for i in $(seq 200); do echo $i >f$i; done; echo done >/var/lib/../../home/last; echo ready; sleep 600";
        let options = ["-p", "--detach", "--changes", "review", "-n", &name];
        let started = run(glass, &options, &["sh", "-c", script]).output().unwrap();
        assert!(started.status.success(), "{}", err(&started));
        let has_said = |one: serde_json::Value| one["status"]["streams"][0]["end"].as_u64() > Some(0);
        wait_for("ready", Duration::from_secs(30), || listed(glass.user(), &name).is_some_and(has_said));
        std::thread::sleep(Duration::from_secs(5));
        assert!(ctl(glass, &["stop", "--now", &name]).status.success());
        let shown = changes(glass, &name, &[]);
        assert!(shown.contains("/f200 (4 bytes") && shown.contains("/home/last (5 bytes"), "{shown}");
        assert!(ctl(glass, &["discard", &name]).status.success());
        assert_eq!(layers(glass, &name), 0);
    }
}

for_both! {
    fn what_may_be_written_has_an_end(glass: Glass) {
        let script = "head -c 100000000 /dev/urandom >big; echo $?; rm big; echo small >small && cat small; exit 3";
        let done = run(glass, &["--writable", "40M"], &["sh", "-c", script]).output().unwrap();
        assert_eq!((out(&done).as_str(), done.status.code()), ("1\nsmall\n", Some(3)), "{}", err(&done));
        assert!(err(&done).contains("No space left"), "{}", err(&done));
        let full = run(glass, &["--writable", "40M"], &["sh", "-c", "head -c 100000000 /dev/zero >big 2>/dev/null; exit 4"]).output().unwrap();
        assert!(full.status.code() == Some(4) && err(&full).contains("--writable"), "{}", err(&full));
        if glass == Glass::Container {
            // Whoever comes later is told as well.
            let name = fresh_name("full");
            let script = "head -c 100000000 /dev/zero >big 2>/dev/null; sleep 1; echo ready; sleep 3; exit 5";
            let options = ["--detach", "-n", &name, "--writable", "40M"];
            let started = run(glass, &options, &["sh", "-c", script]).output().unwrap();
            assert!(started.status.success(), "{}", err(&started));
            let has_said = |one: serde_json::Value| one["status"]["streams"][0]["end"].as_u64() > Some(0);
            wait_for("it is full", Duration::from_secs(30), || listed(glass.user(), &name).is_some_and(has_said));
            let later = ctl(glass, &["attach", &name]);
            assert!(later.status.code() == Some(5) && err(&later).contains("--writable"), "{}", err(&later));
        }
        for wrong in ["1K", "99999999T", "much"] {
            let refused = run(glass, &["--writable", wrong], &["echo", "ran"]).output().unwrap();
            assert_eq!((out(&refused).as_str(), refused.status.code()), ("", Some(125)), "{}", err(&refused));
        }
    }
}

for_both! {
    machine at full scale:
    fn a_package_is_installed_and_all_of_it_is_told(glass: Glass) {
        let folder = Folder::home(glass);
        let package = package(&folder);
        let name = fresh_name("package");
        let mount = folder.bind("/packages", "");
        let script = format!("export DEBIAN_FRONTEND=noninteractive; apt-get install -y /packages/{package} >/tmp/log 2>&1 || \
            {{ cat /tmp/log; exit 1; }}; terrarium-test-tool; dpkg -s terrarium-test-tool | grep Status; cat /etc/terrarium-test.conf");
        let options = ["-p", "--changes", "review", "-n", &name, "-m", &mount];
        let done = run(glass, &options, &["sh", "-c", &script]).output().unwrap();
        assert_eq!(out(&done), "installed\nStatus: install ok installed\nsetting\n", "{}", err(&done));
        let shown = changes(glass, &name, &[]);
        for path in ["/usr/bin/terrarium-test-tool", "/etc/terrarium-test.conf", "/var/lib/dpkg/info/terrarium-test-tool.list"] {
            assert!(shown.contains(&format!("Added        {path} (")), "{path}: {shown}");
        }
        assert!(shown.contains("Modified     /var/lib/dpkg/status ("), "{shown}");
        assert!(ctl(glass, &["discard", &name]).status.success());
        let gone = run(glass, &["-p"], &["sh", "-c", "ls /usr/bin/terrarium-test-tool /etc/terrarium-test.conf; dpkg -s terrarium-test-tool"]).output().unwrap();
        assert_eq!(out(&gone), "", "{}", err(&gone));
        assert_eq!(layers(glass, &name), 0);
    }
}

for_both! {
    fn twenty_thousand_files_are_told_at_once(glass: Glass) {
        let name = fresh_name("many");
        let count = scaled(if glass == Glass::Container { 20_000 } else { 5_000 }, 20_000);
        let script = format!("mkdir many; cd many; perl -e 'for (1..{count}) {{ open F, \">\", \"file-$_\" or die; print F $_; close F }}'; echo made");
        let mut runs = run(glass, &["--changes", "review", "-n", &name], &["sh", "-c", &script]);
        let mut runs = runs.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut made = String::new();
        BufReader::new(runs.stdout.take().unwrap()).read_line(&mut made).unwrap();
        let begun = Instant::now();
        // It is known before the sandbox is gone.
        let folders = || fs::read_dir(layers_of(glass.user())).unwrap().flatten().map(|entry| entry.path());
        let is_it = |path: &PathBuf| fs::read_to_string(path.join("tag")).is_ok_and(|tag| tag.contains(&name));
        wait_for("what init tells", Duration::from_secs(60), || folders().any(|path| is_it(&path) && path.join("listing").exists()));
        let told = begun.elapsed();
        let shown = changes(glass, &name, &[]);
        println!("{glass:?}: {count} added files told {told:?} after the end, printed {:?} after it", begun.elapsed());
        let done = runs.wait_with_output().unwrap();
        assert_eq!(made, "made\n", "{}", err(&done));
        assert_eq!(shown.lines().count(), count + 1);
        assert!(ctl(glass, &["discard", &name]).status.success());
    }
}

/// Only what was chosen, and only where it was chosen to be.
#[test]
fn applying_follows_no_link_and_replaces_nothing_unasked() {
    let glass = Glass::Container;
    let name = fresh_name("apply");
    let (folder, victim) = (Folder::home(glass), Folder::home(glass));
    let inner = folder.path.strip_prefix(glass.user().home()).unwrap().display().to_string();
    let script = format!("mkdir -p {inner}/sub {inner}/other; for f in new old sub/file other/file link; do echo sandbox >{inner}/$f; done");
    let done = run(glass, &["--changes", "review", "-n", &name], &["sh", "-c", &script]).output().unwrap();
    assert!(done.status.success(), "{}", err(&done));
    folder.file("old", "mine\n");
    victim.file("kept", "kept\n");
    symlink(&victim.path, folder.path.join("sub")).unwrap();
    symlink(victim.path.join("kept"), folder.path.join("link")).unwrap();
    let apply = |path: &str, more: &[&str]| {
        let path = format!("{inner}/{path}");
        ctl(glass, &[&["apply", &name, &path], more].concat())
    };
    for (path, more, words) in [
        ("old", &[][..], "--replace"),
        ("sub/file", &[], "in the way"),
        ("link", &["--replace"], "in the way"),
        ("sub", &[], "in the way"),
    ] {
        let refused = apply(path, more);
        assert!(
            refused.status.code() == Some(125) && err(&refused).contains(words),
            "{path}: {}",
            err(&refused)
        );
    }
    assert_eq!(victim.names(), ["kept"]);
    assert_eq!(fs::read_to_string(victim.path.join("kept")).unwrap(), "kept\n");
    assert_eq!(fs::read_to_string(folder.path.join("old")).unwrap(), "mine\n");
    for (path, more) in [("new", &[][..]), ("old", &["--replace"]), ("other", &[])] {
        let applied = apply(path, more);
        assert!(applied.status.success(), "{path}: {}", err(&applied));
    }
    for path in ["new", "old", "other/file"] {
        assert_eq!(fs::read_to_string(folder.path.join(path)).unwrap(), "sandbox\n");
    }
    // No half file stays, and the old one is in the trash.
    assert_eq!(folder.names(), ["link", "new", "old", "other", "sub"]);
    let trash = glass.user().home().join(".local/share/Trash");
    assert_eq!(fs::read_to_string(trash.join("files/old")).unwrap(), "mine\n");
    assert!(fs::read_to_string(trash.join("info/old.trashinfo")).unwrap().contains("/old\n"));
    fs::remove_dir_all(trash).unwrap();
    assert!(ctl(glass, &["discard", &name]).status.success());
}

/// What starts programs or lies among keys comes only if that is said, and of
/// all that was named nothing comes before. What is written in place is said to
/// be there. What was applied is known later.
#[test]
fn what_matters_outside_is_applied_only_if_that_is_said() {
    let glass = Glass::Container;
    let name = fresh_name("matters");
    let folder = Folder::home(glass);
    let home = glass.user().home().to_owned();
    let places = [".config/autostart/x.desktop", ".ssh/authorized_keys"].map(|path| home.join(path));
    assert!(places.iter().all(|place| !place.exists()), "{places:?}");
    let plain = format!("{name}.plain");
    let script = format!("mkdir -p .config/autostart .ssh; for f in .config/autostart/x.desktop .ssh/authorized_keys {plain}; do echo x >$f; done; echo y >/shared/new");
    let mount = format!("host-bind:/shared={},rw", folder.path.display());
    let done = run(glass, &["--changes", "review", "-m", &mount, "-n", &name], &["sh", "-c", &script])
        .output()
        .unwrap();
    let said = format!(
        "What it wrote in {} is there already, and is not part of this review.",
        folder.path.display()
    );
    assert!(done.status.success() && err(&done).contains(&said), "{}", err(&done));
    assert_eq!(folder.names(), ["new"]);
    let all = [".config/autostart/x.desktop", ".ssh/authorized_keys", &plain];
    let refused = ctl(glass, &[&["apply", &name], &all[..]].concat());
    let text = err(&refused);
    assert_eq!(refused.status.code(), Some(125), "{text}");
    for words in [
        "~/.config/autostart/x.desktop: It can start by itself",
        "~/.ssh/authorized_keys: It is among your keys",
        "--replace",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
    assert!(places.iter().all(|place| !place.exists()) && !home.join(&plain).exists(), "something came");
    let one = ctl(glass, &["apply", &name, ".ssh/authorized_keys"]);
    assert!(
        one.status.code() == Some(125)
            && err(&one).contains("your keys and passwords. Look at it first; add --replace"),
        "{}",
        err(&one)
    );
    let applied = ctl(glass, &[&["apply", &name], &all[..], &["--replace"]].concat());
    assert!(applied.status.success() && places.iter().all(|place| place.exists()), "{}", err(&applied));
    let waiting: serde_json::Value = serde_json::from_str(&out(&ctl(glass, &["changes", "--json"]))).unwrap();
    let own = waiting.as_array().unwrap().iter().find(|one| one["name"] == name.as_str()).unwrap();
    assert_eq!(own["total"].as_u64().unwrap() - own["undecided"].as_u64().unwrap(), 3, "{own}");
    let listed = out(&ctl(glass, &["changes", &name]));
    assert_eq!(listed.lines().filter(|line| line.ends_with(", applied")).count(), 3, "{listed}");
    let gone = places.into_iter().chain([home.join(&plain)]);
    gone.for_each(|place| fs::remove_file(place).unwrap());
    assert!(ctl(glass, &["discard", &name]).status.success());
}

/// What a machine has kept is not read in a container, nor the other way round:
/// the same user, the same name. Neither is touched.
#[test]
fn what_the_other_isolation_kept_is_refused() {
    let user = User::Member;
    for (first, second) in [(Glass::Container, Glass::Machine), (Glass::Machine, Glass::Container)] {
        let name = fresh_name("foreign");
        let runs = |glass: Glass, changes: &str, script: &str| {
            run_as(user, glass, &["--changes", changes, "-n", &name], &["sh", "-c", script]).output().unwrap()
        };
        let kept = runs(first, "keep", "echo mine >file; sync");
        assert!(kept.status.success(), "{}", err(&kept));
        for changes in ["keep", "review"] {
            let refused = runs(second, changes, "echo ran");
            assert_eq!((out(&refused).as_str(), refused.status.code()), ("", Some(125)), "{}", err(&refused));
            let said = err(&refused);
            assert!(said.contains(&name) && said.contains("terrariumctl discard"), "{said}");
        }
        assert_eq!(out(&runs(first, "keep", "cat file")), "mine\n");
        assert!(user.ctl().args(["discard", &name]).status().unwrap().success());
    }
}

for_both! {
    machine at full scale:
    /// Whoever starts it is struck at any moment: the next start cleans up.
    fn nothing_is_left_of_a_run_whose_start_was_struck(glass: Glass) {
        let most = if glass == Glass::Container { 600 } else { 3000 };
        let mut names = Vec::new();
        for after in (0..most).step_by(scaled(most as usize / 3, 100)) {
            let name = fresh_name("cut");
            let mut starts = run(glass, &["-n", &name], &["sh", "-c", "echo secret >secret; sleep 600"]);
            let mut starts = starts.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
            std::thread::sleep(Duration::from_millis(after));
            let _ = starts.kill();
            let _ = starts.wait();
            names.push(name);
        }
        // Those that had begun keep their result for a minute.
        names.iter().for_each(|name| drop(ctl(glass, &["stop", "--now", name])));
        let is_gone = |name: &String| listed(glass.user(), name).is_none();
        wait_for("all of them to be gone", Duration::from_secs(120), || names.iter().all(is_gone));
        // A directory without a domain may be that of a start for ten seconds.
        std::thread::sleep(Duration::from_secs(11));
        assert!(sh(glass, "true").status.success());
        let left: Vec<&String> = names.iter().filter(|name| layers(glass, name) > 0).collect();
        assert!(left.is_empty(), "{left:?}");
    }
}

/// What a crash leaves behind is gone with the next start.
#[test]
fn leftovers_are_swept_and_the_other_isolation_is_refused() {
    let user = User::Member;
    let all = layers_of(user);
    let left = all.join("11111111-1111-4111-8111-111111111111");
    for path in [&all, &left] {
        let _ = fs::create_dir(path);
        std::os::unix::fs::chown(path, Some(user.uid()), Some(user.uid())).unwrap();
    }
    let image = left.join("image");
    fs::write(&image, "half made").unwrap();
    std::os::unix::fs::chown(&image, Some(user.uid()), Some(user.uid())).unwrap();
    assert!(sh(Glass::Container, "true").status.success());
    assert!(!left.exists());
    // An image that the other isolation wrote is never mounted.
    let name = fresh_name("other");
    assert!(run(Glass::Container, &["--changes", "keep", "-n", &name], &["true"])
        .status()
        .unwrap()
        .success());
    let tag = all.join(format!("keep-{name}")).join("tag");
    let text = fs::read_to_string(&tag).unwrap();
    fs::write(&tag, text.replace("\"container\"", "\"machine\"")).unwrap();
    let refused =
        run(Glass::Container, &["--changes", "keep", "-n", &name], &["echo", "ran"]).output().unwrap();
    assert!(out(&refused).is_empty() && err(&refused).contains("must not read it"), "{}", err(&refused));
    assert!(user.ctl().args(["discard", &name]).status().unwrap().success());
}

for_both! {
    machine at full scale:
    fn what_waits_is_listed_and_older_runs_of_a_name_are_told(glass: Glass) {
        let name = fresh_name("waits");
        let review = |script: &str| {
            let done = run(glass, &["--changes", "review", "-n", &name], &["sh", "-c", script]).output().unwrap();
            assert!(done.status.success(), "{}", err(&done));
        };
        let list = || {
            let all: serde_json::Value = serde_json::from_str(&out(&ctl(glass, &["changes", "--json"]))).unwrap();
            let mine = all.as_array().unwrap().iter().filter(|one| one["name"] == name.as_str()).cloned();
            mine.collect::<Vec<_>>()
        };
        let rows = || {
            let shown = out(&ctl(glass, &["changes"]));
            shown.lines().filter(|line| line.starts_with(&format!("{name} "))).map(str::to_owned).collect::<Vec<_>>()
        };
        // What changes nothing leaves nothing to decide.
        review("true");
        assert_eq!((list(), rows()), (vec![], vec![]));
        assert_eq!(layers(glass, &name), 0, "and nothing on the disk");
        review("echo 1 >first");
        // They are told apart by the second.
        std::thread::sleep(Duration::from_millis(1100));
        review("echo 2 >second; echo 3 >third");
        let all = list();
        assert_eq!(all.iter().map(|one| one["total"].as_u64()).collect::<Vec<_>>(), [Some(2), Some(1)]);
        let rows = rows();
        assert!(rows[0].contains("  2 changes  ") && rows[1].contains("  1 change   "), "{rows:?}");
        let older = all[1]["uuid"].as_str().unwrap();
        assert!(rows[1].ends_with(older), "{rows:?}");
        let shown = ctl(glass, &["changes", &name]);
        assert!(out(&shown).contains("/second") && err(&shown).contains(older), "{}", err(&shown));
        assert!(changes(glass, older, &[]).contains("/first"));
        for left in [1, 0] {
            let gone = ctl(glass, &["discard", &name]);
            assert!(gone.status.success() && err(&gone).contains(older) == (left == 1), "{}", err(&gone));
            assert_eq!(list().len(), left);
        }
    }
}

for_both! {
    machine at full scale:
    fn who_discards_a_run_is_told_what_is_kept(glass: Glass) {
        let name = fresh_name("stays");
        for (fate, script) in [("keep", "echo 1 >a"), ("review", "true")] {
            let done = run(glass, &["--changes", fate, "-n", &name], &["sh", "-c", script]).output().unwrap();
            assert!(done.status.success(), "{}", err(&done));
        }
        let first = err(&ctl(glass, &["discard", &name]));
        assert!(first.contains("0 changes") && first.contains(&format!("terrariumctl discard keep-{name}")), "{first}");
        let second = err(&ctl(glass, &["discard", &format!("keep-{name}")]));
        assert!(second.contains(&format!("kept of “{name}” was thrown away")) && !second.contains("earlier runs"), "{second}");
        assert_eq!(layers(glass, &name), 0);
    }
}
