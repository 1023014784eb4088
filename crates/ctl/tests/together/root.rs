// SPDX-License-Identifier: LGPL-2.1-or-later
//! Another root than this computer's.

use crate::common::share::*;
use crate::common::traces::host_is_changed;
use crate::common::*;
use std::fs;
use std::os::unix::fs::{symlink, PermissionsExt};

/// A small system with busybox, which is linked statically.
fn system(glass: Glass) -> Folder {
    let system = Folder::home(glass);
    for name in ["usr/bin", "etc", "opt", "var/lib", "srv", "secret"] {
        system.dir(name);
    }
    let busybox = system.path.join("usr/bin/busybox");
    fs::copy("/bin/busybox", &busybox).unwrap();
    fs::set_permissions(&busybox, fs::Permissions::from_mode(0o4755)).unwrap();
    for name in ["sh", "cat", "ls", "touch", "grep", "id", "mount", "stat", "mkdir"] {
        symlink("busybox", system.path.join("usr/bin").join(name)).unwrap();
    }
    symlink("usr/bin", system.path.join("bin")).unwrap();
    system.file("etc/issue", "another system\n");
    system.file("etc/passwd", "root:x:0:0:root:/root:/bin/sh");
    system.file("srv/file", "not shown\n");
    // Links that would lead out, were they followed outside.
    symlink("/etc", system.path.join("var/cache")).unwrap();
    symlink("/etc/shadow", system.path.join("etc/out")).unwrap();
    symlink("../../../../../../etc/issue", system.path.join("opt/up")).unwrap();
    let given = std::process::Command::new("chown").args(["-Rh", "0:0"]).arg(&system.path).status();
    assert!(given.unwrap().success());
    system
}

for_both! {
    fn another_system_is_seen_and_not_written(glass: Glass) {
        let system = system(glass);
        let before = picture(&system.path);
        let root = system.path.display().to_string();
        let user = glass.user();
        let script = "cat /etc/issue /opt/up; ls -A / /var; id; echo $SHELL $HOME; cat /etc/out 2>/dev/null || echo no; \
            touch /usr/x /etc/x 2>/dev/null || echo no; mount -o remount,rw /usr 2>/dev/null || echo no; \
            echo in >/usr/deep/er/x; cat /usr/deep/er/x; grep ' /usr ' /proc/self/mountinfo | grep -vc nosuid,nodev; touch ~/x && echo home";
        let options = ["-r", &root, "-m", "ram:/usr/deep/er=1M"];
        let output = run(glass, &options, &["sh", "-c", script]).output().unwrap();
        let (uid, name) = (user.uid(), user.name());
        let expected = format!(
            "another system\nanother system\n/:\nbin\ndev\netc\nhome\nopt\nproc\nrun\nsys\ntmp\nusr\nvar\n\n/var:\nbackups\nlib\nlog\nmail\nspool\ntmp\n\
             uid={uid}({name}) gid={uid}({name})\n/bin/sh {}\nno\nno\nno\nin\n0\nhome\n",
            user.home().display()
        );
        let answer = out(&output).replace("cache\n", "");
        assert_eq!(answer, expected, "{}", err(&output));
        assert_eq!(picture(&system.path), before);
    }
}

for_both! {
    fn what_changed_in_another_system_is_compared_with_it(glass: Glass) {
        let system = system(glass);
        let root = system.path.display().to_string();
        let (user, name) = (glass.user(), fresh_name("other-root"));
        let options = ["-p", "-r", &root, "--changes", "review", "-n", &name];
        let output = run(glass, &options, &["sh", "-c", "echo changed >/etc/issue"]).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", err(&output));
        let told = user.ctl().args(["changes", &name, "--diff"]).output().unwrap();
        assert!(user.ctl().args(["discard", &name]).status().unwrap().success());
        assert!(out(&told).contains("-another system\n+changed\n"), "{} {}", out(&told), err(&told));
        assert_eq!(fs::read_to_string(system.path.join("etc/issue")).unwrap(), "another system\n");
    }
}

for_both! {
    fn bad_roots_are_named(glass: Glass) {
        let system = system(glass);
        let folder = Folder::home(glass);
        let path = |name: &str| system.path.join(name).display().to_string();
        fs::set_permissions(folder.dir("no/usr"), fs::Permissions::from_mode(0o000)).unwrap();
        let _ = std::os::unix::fs::chown(folder.path.join("no/usr"), Some(0), Some(0));
        let refused = |root: &str, words: &str| {
            let output = run(glass, &["-r", root], &["sh", "-c", "echo ran"]).output().unwrap();
            assert_eq!((out(&output).as_str(), output.status.code()), ("", Some(125)), "{root}");
            assert!(err(&output).contains(words) && err(&output).contains(&format!("-r {root}: ")), "{root}: {}", err(&output));
        };
        for (root, words) in [
            (path("none"), "There is no"),
            (path("srv"), "no /usr and no /bin"),
            (path("etc/issue"), "no /usr and no /bin"),
            (folder.path.join("no").display().to_string(), "may not read"),
            ("/proc/1/root".into(), "/proc"),
            ("~/.ssh".into(), "--unmask"),
        ] {
            refused(&root, words);
        }
        // A sandbox that may write it could exchange what is shown.
        system.own(&system.path);
        let name = fresh_name("writer");
        let started = run(glass, &["--detach", "-n", &name, "-m", &system.bind("/w", ",rw")], &["sleep", "60"]).output();
        assert!(started.unwrap().status.success());
        let stop = Stop { user: glass.user(), name: name.clone() };
        refused(&system.path.display().to_string(), &name);
        drop(stop);
    }
}

for_both! {
    /// What is mounted in it shows read-only, and what cannot be shown is hidden.
    fn what_is_mounted_in_another_root_is_read_only(glass: Glass) {
        let system = system(glass);
        system.dir("usr/more");
        system.file("usr/more/below", "HIDDEN\n");
        let _mounted = Mounted::new(system.path.join("usr/more"), &["-t", "tmpfs", "-o", "mode=777", "tmpfs"]);
        system.file("usr/more/above", "seen\n");
        let root = system.path.display().to_string();
        let before = picture(&system.path);
        let script = "cat /usr/more/*; touch /usr/more/x 2>/dev/null && echo WROTE; echo end";
        let answer = out(&run(glass, &["-r", &root], &["sh", "-c", script]).output().unwrap());
        assert!(shown_or_hidden(glass, "seen\n").contains(&of_layer(glass, answer.clone())), "{answer}");
        assert_eq!(picture(&system.path), before);
    }
}

/// What a script says of something that is mounted. The system's libvirt may
/// have a mount table of its own: then a container shows nothing there.
fn shown_or_hidden(glass: Glass, seen: &str) -> Vec<String> {
    let shown = format!("{seen}end\n");
    match glass {
        Glass::Container => vec![shown, "end\n".into()],
        Glass::Machine => vec![shown],
    }
}

/// In a machine what is mounted on the host is a folder like others: who may
/// write there writes its own layer.
fn of_layer(glass: Glass, answer: String) -> String {
    match glass {
        Glass::Container => answer,
        Glass::Machine => answer.replace("WROTE\n", ""),
    }
}

for_both! {
    /// More of this computer's own root: mounts below /usr and /opt.
    fn what_is_mounted_below_usr_and_opt_is_read_only(glass: Glass) {
        let _host = host_is_changed();
        let folder = Folder::new(User::Root, std::path::Path::new("/opt"));
        let local = Folder::new(User::Root, std::path::Path::new("/usr/local"));
        let _mounts: Vec<Mounted> = [&folder, &local]
            .iter()
            .map(|folder| {
                let mounted = Mounted::new(folder.path.clone(), &["-t", "tmpfs", "-o", "mode=1777", "tmpfs"]);
                fs::write(folder.path.join("file"), "mounted\n").unwrap();
                fs::set_permissions(folder.path.join("file"), fs::Permissions::from_mode(0o666)).unwrap();
                mounted
            })
            .collect();
        let before = [picture(&folder.path), picture(&local.path)];
        let (a, b) = (folder.path.display(), local.path.display());
        let script = format!(
            "for d in {a} {b}; do cat $d/file; touch $d/x 2>/dev/null && echo WROTE; echo x 2>/dev/null >>$d/file && echo WROTE; done; \
             umount {a} 2>/dev/null && echo UNMOUNTED; mount -o remount,rw {b} 2>/dev/null && echo REMOUNTED; echo end"
        );
        for option in [&[][..], &["-p"]] {
            let answer = out(&run(glass, option, &["sh", "-c", &script]).output().unwrap());
            // Root inside writes its own layer.
            let answer = if option.is_empty() { of_layer(glass, answer) } else { answer.replace("WROTE\n", "") };
            assert!(shown_or_hidden(glass, "mounted\nmounted\n").contains(&answer), "{option:?}: {answer}");
            assert_eq!([picture(&folder.path), picture(&local.path)], before);
        }
    }
}
