// SPDX-License-Identifier: LGPL-2.1-or-later
//! What shares must not give away, and attempts to make them.

use crate::common::share::*;
use crate::common::traces::host_is_mine;
use crate::common::*;
use std::fs;
use std::os::unix::fs::{chown, symlink, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

for_both! {
    fn links_lead_nowhere_outside(glass: Glass) {
        let folder = Folder::home(glass);
        let victim = Folder::home(glass);
        symlink(&victim.path, folder.path.join("abs")).unwrap();
        symlink(format!("../../{}", victim.path.file_name().unwrap().to_str().unwrap()), folder.path.join("rel")).unwrap();
        symlink("/proc/1/root", folder.path.join("magic")).unwrap();
        for name in ["abs", "rel", "magic"] {
            let inner = format!("ram:/in/{name}/made=1M");
            for rest in ["", ",rw"] {
                let output = with(glass, &[&folder.bind("/in", rest), &inner], "ls -A /in/abs/ 2>/dev/null; echo ran");
                assert!(["", "ran\n", "made\nran\n"].contains(&out(&output).as_str()), "{name}{rest}: {}", out(&output));
            }
        }
        assert_eq!((victim.names(), folder.names()), (vec![], vec!["abs".into(), "magic".into(), "rel".to_owned()]));
        // From inside a writable folder a link leads to what is inside.
        let output = with(glass, &[&folder.bind("/in", ",rw")], "cat /in/abs/* /in/rel/* 2>/dev/null; ln -s /etc/passwd /in/p; readlink /in/p");
        assert_eq!(out(&output), "/etc/passwd\n");
        assert!(folder.path.join("p").is_symlink());
    }
}

fn nonblock() -> i32 {
    rustix::fs::OFlags::NONBLOCK.bits() as i32
}

/// Whether somebody inside reaches a socket of the host at each path.
fn reaches(glass: Glass, mounts: &[&str], paths: &str) -> String {
    let script = format!(
        "for p in {paths}; do perl -MSocket -e 'socket(S, AF_UNIX, SOCK_STREAM, 0); \
           print connect(S, pack_sockaddr_un($ARGV[0])) ? \"open\" : \"shut\", \"\\n\"' $p; done"
    );
    out(&with(glass, mounts, &script))
}

for_both! {
    fn sockets_and_fifos_are_shut_unless_asked(glass: Glass) {
        let folder = Folder::home(glass);
        let _listener = UnixListener::bind(folder.path.join("socket")).unwrap();
        fs::set_permissions(folder.path.join("socket"), fs::Permissions::from_mode(0o777)).unwrap();
        folder.own(&folder.path.join("socket"));
        let answer = reaches(glass, &[&folder.bind("/ro", ""), &folder.bind("/rw", ",rw")], "/ro/socket /rw/socket");
        let expected = if glass == Glass::Container { "shut\nopen\n" } else { "shut\nshut\n" };
        assert_eq!(answer, expected);
        // A FIFO that somebody reads outside.
        let fifo = folder.path.join("fifo");
        assert!(std::process::Command::new("mkfifo").arg("-m666").arg(&fifo).status().unwrap().success());
        let mut reader = fs::File::options().read(true).custom_flags(nonblock()).open(&fifo).unwrap();
        let script = "for f in /ro/fifo /rw/fifo; do perl -MFcntl -e 'sysopen(F, $ARGV[0], O_WRONLY|O_NONBLOCK) \
            && syswrite(F, $ARGV[0]); print $!+0 ? \"shut\" : \"open\", \"\\n\"' $f; done";
        let answer = out(&with(glass, &[&folder.bind("/ro", ""), &folder.bind("/rw", ",rw")], script));
        assert_eq!(answer, expected);
        let mut heard = String::new();
        let _ = std::io::Read::read_to_string(&mut reader, &mut heard);
        assert_eq!(heard, if glass == Glass::Container { "/rw/fifo" } else { "" });
    }
}

for_both! {
    fn bad_sources_are_named(glass: Glass) {
        let folder = Folder::home(glass);
        let secret = folder.dir("secret");
        chown(&secret, Some(0), Some(0)).unwrap();
        fs::set_permissions(&secret, fs::Permissions::from_mode(0o700)).unwrap();
        let theirs = folder.dir("theirs");
        chown(&theirs, Some(0), Some(0)).unwrap();
        fs::set_permissions(&theirs, fs::Permissions::from_mode(0o755)).unwrap();
        let _listener = UnixListener::bind(folder.path.join("socket")).unwrap();
        symlink("circle", folder.path.join("circle")).unwrap();
        let path = |name: &str| folder.path.join(name).display().to_string();
        for (source, words) in [
            (path("missing"), "There is no"),
            (path("circle"), "leads back to itself"),
            (path("circle/in"), "leads back to itself"),
            (path("secret"), "You may not read"),
            (path("secret/deeper"), "You may not read"),
            (path("theirs") + ",rw", "You may not write"),
            (path("socket"), "neither a folder nor a file"),
            ("/".into(), "/proc"),
            ("/proc/self".into(), "/proc"),
            ("~/.ssh".into(), "--unmask"),
            ("~,rw".into(), "may not write"),
        ] {
            let output = with(glass, &[&format!("host-bind:/mnt/x={source}")], "echo ran");
            assert_eq!((out(&output).as_str(), output.status.code()), ("", Some(125)), "{source}");
            assert!(err(&output).contains(words) && err(&output).contains(": -m host-bind:/mnt/x="), "{source}: {}", err(&output));
        }
        // A place in what is a file.
        let file = format!("host-bind:/mnt/x={}", folder.file("file", "x").display());
        for inner in [folder.bind("/mnt/x/y", ""), "ram:/mnt/x/y=1M".into()] {
            let output = with(glass, &[&file, &inner], "echo ran");
            assert_eq!((out(&output).as_str(), output.status.code()), ("", Some(125)), "{inner}");
            let said = err(&output);
            assert!(said.contains("/mnt/x/y: /mnt/x is shown as a file") && said.contains(&format!("-m {inner}: ")), "{said}");
        }
        // No size, nothing to show, what leads back to itself.
        for (mounts, field) in [(&["ram:/x=0"][..], "-m ram:/x=0: "), (&["guest-bind:/x=/none"], "/none"), (&["guest-bind:/x=/x"], "/x"),
            (&["guest-bind:/x=/y", "guest-bind:/y=/x"], "/y"), (&["ram:/x=9E"], "9E")] {
            let output = with(glass, mounts, "echo ran");
            assert_eq!((out(&output).as_str(), output.status.code()), ("", Some(125)), "{mounts:?}: {}", err(&output));
            assert!(err(&output).contains(field) && err(&output).lines().count() == 1, "{mounts:?}: {}", err(&output));
        }
        let output = with(glass, &["nonsense"], "echo ran");
        assert_eq!(output.status.code(), Some(125), "{}", err(&output));
    }
}

/// Secrets of every kind in the home of a user; what was there stays.
struct Secrets {
    home: PathBuf,
    made: Vec<PathBuf>,
}

impl Secrets {
    const NAMES: [&'static str; 7] = [
        ".ssh/id",
        ".gnupg/key",
        ".bash_history",
        ".config/autostart/x.desktop",
        ".aws/credentials",
        ".local/share/applications/x.desktop",
        ".config/terrarium/profiles/x.terrarium",
    ];

    fn new(user: User) -> Self {
        let mut secrets = Self { home: user.home(), made: Vec::new() };
        for name in Self::NAMES {
            let mut path = secrets.home.clone();
            for part in Path::new(name) {
                path.push(part);
                if path.exists() {
                    continue;
                }
                if secrets.home.join(name) == path {
                    fs::write(&path, "SECRET\n").unwrap();
                } else {
                    fs::create_dir(&path).unwrap();
                }
                chown(&path, Some(user.uid()), Some(user.uid())).unwrap();
                secrets.made.push(path.clone());
            }
        }
        secrets
    }
}

impl Drop for Secrets {
    fn drop(&mut self) {
        for path in self.made.iter().rev() {
            let _ = fs::remove_file(path).or_else(|_| fs::remove_dir(path));
        }
    }
}

for_both! {
    fn secrets_are_hidden_in_wider_shares(glass: Glass) {
        let _mine = host_is_mine();
        let home = glass.user().home();
        let secrets = Secrets::new(glass.user());
        let open = Folder::home(glass);
        open.file("open", "seen\n");
        let open = open.path.strip_prefix(&home).unwrap().join("open").display().to_string();
        let script = |top: &str| format!(
            "cd {top}; cat {open}; cat {} 2>/dev/null; find .ssh .gnupg .aws .config/autostart -type f; \
             umount .ssh 2>/dev/null && echo UNMOUNTED; touch x 2>/dev/null && echo WROTE; mv .ssh y 2>/dev/null && echo MOVED; echo end",
            Secrets::NAMES.join(" ")
        );
        let mine = format!("host-bind:/mnt/home={}", home.display());
        let all = "host-bind:/mnt/all=/home";
        let name = home.file_name().unwrap().to_str().unwrap().to_owned();
        for (mount, top) in [(mine.as_str(), "/mnt/home".to_owned()), (all, format!("/mnt/all/{name}"))] {
            let output = with(glass, &[mount], &script(&top));
            assert_eq!(out(&output), "seen\nend\n", "{mount}: {}", err(&output));
        }
        let output = run_profile(glass, "home = \"readonly\"", &[], &script(&home.display().to_string()));
        assert_eq!(out(&output), "seen\nend\n", "{}", err(&output));
        // On purpose, and only that.
        let script = script("/mnt/home");
        let output = run(glass, &["-m", &mine, "--unmask", "~/.ssh"], &["sh", "-c", &script]).output().unwrap();
        assert_eq!(out(&output), "seen\nSECRET\n.ssh/id\nend\n", "{}", err(&output));
        let output = run(glass, &["-m", &mine, "--unmask", "~/.shh"], &["true"]).output().unwrap();
        assert!(err(&output).contains("--unmask "), "{}", err(&output));
        // Root of a guest would see it all.
        let output = run(glass, &["-p", "-m", &mine], &["sh", "-c", &script]).output().unwrap();
        match glass {
            Glass::Container => assert_eq!(out(&output), "seen\nend\n", "{}", err(&output)),
            Glass::Machine => assert!(output.status.code() == Some(125) && err(&output).contains("-p"), "{}", err(&output)),
        }
        drop(secrets);
    }
}

for_both! {
    machine at full scale:
    fn a_secret_behind_a_link_is_hidden_too(glass: Glass) {
        let folder = Folder::home(glass);
        folder.dir("real");
        folder.dir("real/keys");
        folder.file("real/keys/id", "SECRET\n");
        folder.file("real/open", "seen\n");
        symlink("real", folder.path.join("home")).unwrap();
        symlink("keys", folder.path.join("real/.ssh")).unwrap();
        let home = folder.path.join("home");
        for source in ["home", "real"] {
            let mount = format!("host-bind:/mnt/x={}", folder.path.join(source).display());
            let mut ctl = run(glass, &["-m", &mount], &["sh", "-c", "cat /mnt/x/open /mnt/x/keys/id /mnt/x/.ssh/id 2>/dev/null"]);
            let output = ctl.env("HOME", &home).output().unwrap();
            assert_eq!(out(&output), "seen\n", "{source}: {}", err(&output));
        }
    }
}

for_both! {
    fn a_kept_home_is_kept_and_stays_inside(glass: Glass) {
        let _mine = host_is_mine();
        let homes = glass.user().home().join(".local/share/terrarium/homes");
        // "files test" is not a folder's name as it stands: a mark follows.
        let of_test = || {
            let all = fs::read_dir(&homes).into_iter().flatten().flatten().map(|one| one.path());
            all.filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("files-test"))).collect::<Vec<_>>()
        };
        of_test().iter().for_each(|old| fs::remove_dir_all(old).unwrap());
        let first = run_profile(glass, "home = \"kept\"", &[], "ls -A | LC_ALL=C sort | tr '\\n' ' '; echo; . .config/user-dirs.dirs; \
            echo $XDG_MUSIC_DIR; rmdir [A-Z]* && echo 1 >mine; mkdir d; pwd; chmod 700 d; ln -s /etc l");
        let home = glass.user().home().display().to_string();
        let folders = "Desktop Documents Downloads Music Pictures Public Templates Videos";
        assert_eq!(out(&first), format!(".cache .config .local {folders} \n{home}/Music\n{home}\n"), "{}", err(&first));
        let second = run_profile(glass, "home = \"kept\"", &[], "cat mine; ls; grep \" $HOME \" /proc/self/mountinfo | tail -n 1 | grep -c nosuid,nodev");
        assert_eq!(out(&second), "1\nd\nl\nmine\n1\n", "{}", err(&second));
        let all = of_test();
        let [kept] = all.as_slice() else { panic!("one home, and not {all:?}") };
        let found = fs::metadata(kept.join("mine")).unwrap();
        assert_eq!((found.uid(), fs::metadata(kept).unwrap().mode() & 0o777), (glass.user().uid(), 0o700));
        assert!(!glass.user().home().join("mine").exists());
        fs::remove_dir_all(kept).unwrap();
    }
}

for_both! {
    fn a_source_that_a_running_sandbox_could_swap_is_refused(glass: Glass) {
        let folder = Folder::home(glass);
        let inner = folder.dir("inner");
        let name = fresh_name("writer");
        let options = ["--detach", "-n", &name, "-m", &folder.bind("/w", ",rw")];
        let started = run(glass, &options, &["sleep", "60"]).output().unwrap();
        assert!(started.status.success(), "{}", err(&started));
        let stop = Stop { user: glass.user(), name: name.clone() };
        let mount = format!("host-bind:/x={}", inner.display());
        let output = with(glass, &[&mount], "echo ran");
        assert!(output.status.code() == Some(125) && err(&output).contains(&name), "{}{}", out(&output), err(&output));
        // The very same folder cannot be swapped.
        assert_eq!(out(&with(glass, &[&folder.bind("/x", "")], "ls /x")), "inner\n");
        drop(stop);
        assert_eq!(out(&with(glass, &[&mount], "echo ran")), "ran\n");
    }
}

for_both! {
    fn a_source_that_is_swapped_meanwhile_shows_nothing_else(glass: Glass) {
        let folder = Folder::home(glass);
        folder.dir("mine");
        folder.file("mine/file", "mine\n");
        let secret = folder.dir("secret");
        folder.file("secret/file", "SECRET\n");
        chown(&secret, Some(0), Some(0)).unwrap();
        fs::set_permissions(&secret, fs::Permissions::from_mode(0o700)).unwrap();
        // One name, now a folder of the user's and now a link to root's.
        let (name, mine, link) = (folder.path.join("x"), folder.path.join("mine"), folder.path.join("link"));
        symlink(&secret, &link).unwrap();
        fs::rename(&mine, &name).unwrap();
        let stop = std::sync::atomic::AtomicBool::new(false);
        let counts = std::thread::scope(|scope| {
            scope.spawn(|| {
                while !stop.load(std::sync::atomic::Ordering::SeqCst) {
                    for (from, to) in [(&name, &mine), (&link, &name), (&name, &link), (&mine, &name)] {
                        fs::rename(from, to).unwrap();
                    }
                    std::thread::sleep(std::time::Duration::from_micros(300));
                }
            });
            let mount = format!("host-bind:/x={}", name.display());
            let runs = if glass == Glass::Container { scaled(10, 60) } else { scaled(1, 5) };
            let answers: Vec<std::process::Output> = (0..runs).map(|_| with(glass, &[&mount], "cat /x/file")).collect();
            stop.store(true, std::sync::atomic::Ordering::SeqCst);
            let mut counts = [0, 0];
            for output in answers {
                let (said, why) = (out(&output), err(&output));
                assert!(said == "mine\n" || said.is_empty(), "{said}");
                assert!(!said.is_empty() || output.status.code() == Some(125) && why.contains(&name.display().to_string()), "{why}");
                counts[usize::from(said.is_empty())] += 1;
            }
            counts
        });
        eprintln!("seen {}, refused {}", counts[0], counts[1]);
    }
}

for_both! {
    fn a_source_that_vanishes_is_told_of(glass: Glass) {
        let folder = Folder::home(glass);
        let inner = folder.dir("inner");
        folder.file("inner/file", "x");
        let mount = format!("host-bind:/x={},rw", inner.display());
        let name = fresh_name("vanishes");
        let script = "echo ready; while [ -e /x/file ]; do sleep 0.1; done; touch /x/new 2>/dev/null || echo no; echo end";
        let ctl = run(glass, &["-n", &name, "-m", &mount], &["sh", "-c", script])
            .stdin(std::process::Stdio::null())
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        wait_for("the share", std::time::Duration::from_secs(60), || {
            listed(glass.user(), &name).is_some_and(|one| one["status"]["streams"][0]["end"].as_u64() > Some(0))
        });
        fs::remove_dir_all(&inner).unwrap();
        let output = ctl.wait_with_output().unwrap();
        assert_eq!((out(&output).as_str(), output.status.code()), ("ready\nno\nend\n", Some(0)), "{}", err(&output));
        let said = err(&output);
        assert!(said.contains(": -m host-bind:") && said.contains(&inner.display().to_string()), "{said}");
        assert!(!inner.exists());
    }
}

for_both! {
    fn setuid_bits_cannot_be_set_outside(glass: Glass) {
        let folder = Folder::home(glass);
        folder.file("old", "#!/bin/sh\n");
        let script = "cd /w; cp /bin/true own; for f in own old; do chmod u+s $f; chmod 2755 $f; chmod 6755 $f; done; \
            perl -e 'use Fcntl; sysopen(F, \"made\", O_CREAT|O_WRONLY, 04755); mkdir \"dir\", 02777; \
              syscall(90, \"own\", 04755); syscall(91, fileno(F), 04755); syscall(268, -100, \"own\", 02755); \
              syscall(452, -100, \"own\", 04755, 0); syscall(85, \"creat\", 04755); syscall(133, \"node\", 0104755, 0); \
              syscall(259, -100, \"node2\", 0104755, 0); syscall(258, -100, \"dir2\", 02755); \
              my $how = pack(\"QQQ\", 0101, 04755, 0); syscall(437, -100, \"how\", $how, 24)' 2>/dev/null; ls >/dev/null; echo end";
        for option in [&[][..], &["-p"]] {
            let bind = folder.bind("/w", ",rw");
            let options = [option, &["-m", &bind]].concat();
            let output = run(glass, &options, &["sh", "-c", script]).output().unwrap();
            assert_eq!(out(&output), "end\n", "{}", err(&output));
            assert!(folder.names().contains(&"own".to_owned()), "{option:?} {:?} {}", folder.names(), err(&output));
            for name in folder.names() {
                let found = folder.path.join(&name).symlink_metadata().unwrap();
                assert_eq!(found.mode() & 0o6000, 0, "{option:?}: {name} {:o}", found.mode());
                assert_eq!(found.uid(), glass.user().uid(), "{name}");
            }
        }
    }
}

for_both! {
    fn what_is_mounted_in_a_share_shows_and_the_kernel_does_not(glass: Glass) {
        let folder = Folder::home(glass);
        folder.dir("sub");
        folder.file("sub/below", "HIDDEN\n");
        let _mounted = Mounted::new(folder.path.join("sub"), &["-t", "tmpfs", "-o", "mode=777", "tmpfs"]);
        folder.file("sub/above", "seen\n");
        let script = "cat /x/sub/*; touch /x/sub/no 2>/dev/null && echo WROTE; echo end";
        // The system's libvirt may have a mount table of its own: then a
        // container shows nothing there, and never what the mount hides.
        let good: &[&str] = if glass == Glass::Container { &["seen\nend\n", "end\n"] } else { &["seen\nend\n"] };
        let answer = out(&with(glass, &[&folder.bind("/x", "")], script));
        assert!(good.contains(&answer.as_str()), "{answer}");
        // A container shows it read-only; a machine's QEMU writes there, too.
        let answer = out(&with(glass, &[&folder.bind("/x", ",rw")], script));
        let written = glass == Glass::Machine && answer == "seen\nWROTE\nend\n";
        assert!(written || good.contains(&answer.as_str()), "{answer}");
        folder.dir("proc");
        let _proc = Mounted::new(folder.path.join("proc"), &["--bind", "/proc"]);
        for source in ["", "/proc"] {
            let mount = format!("host-bind:/x={}{source}", folder.path.display());
            let output = with(glass, &[&mount], "echo ran");
            assert!(output.status.code() == Some(125) && err(&output).contains("/proc"), "{}{}", out(&output), err(&output));
        }
    }
}

/// Whoever takes over a machine's kernel asks QEMU itself, which runs as the
/// user: here somebody else of that user does what QEMU would.
#[test]
fn set_id_bits_of_a_machine_are_taken_back_and_told() {
    let user = User::Plain;
    let folder = Folder::home(Glass::Machine);
    let old = folder.file("old", "");
    fs::set_permissions(&old, fs::Permissions::from_mode(0o4755)).unwrap();
    std::thread::sleep(std::time::Duration::from_secs(2));
    // A cache of its own: whoever of this user lists sandboxes meanwhile would be told.
    let cache = folder.path.with_extension("cache");
    let ctl = || {
        let mut ctl = user.ctl();
        ctl.env("XDG_CACHE_HOME", &cache);
        ctl
    };
    // Stopped; and gone without anybody who saw it.
    for seen in [true, false] {
        let name = fresh_name("setter");
        let options = ["--detach", "-n", &name, "-m", &folder.bind("/w", ",rw")];
        let mut started = run(Glass::Machine, &options, &["sleep", "60"]);
        let started = started.env("XDG_CACHE_HOME", &cache).output().unwrap();
        assert!(started.status.success(), "{}", err(&started));
        let stop = Stop { user, name: name.clone() };
        let new = folder.file("new\u{1b}[1m", "#!/bin/sh\n");
        fs::set_permissions(&new, fs::Permissions::from_mode(0o6755)).unwrap();
        let told = if seen {
            ctl().args(["stop", &name, "--now"]).output().unwrap()
        } else {
            let found = user.ctl().args(["show", &name, "--xml"]).output().unwrap();
            let domain = out(&found).lines().find_map(|line| {
                Some(line.trim().strip_prefix("<name>")?.strip_suffix("</name>")?.to_owned())
            });
            let virsh = ["-c", "qemu:///session", "destroy", &domain.unwrap()];
            assert!(user.command("virsh").args(virsh).status().unwrap().success());
            let mut told = ctl().arg("list").output().unwrap();
            // Its directory is kept for some seconds.
            wait_for("the bits to go", std::time::Duration::from_secs(30), || {
                let before = err(&told);
                told = if before.is_empty() { ctl().arg("list").output().unwrap() } else { told.clone() };
                !before.is_empty()
            });
            told
        };
        let text = err(&told);
        assert!(text.contains(&name) && text.contains("new") && !text.contains('\u{1b}'), "{text}");
        assert_eq!(new.metadata().unwrap().mode() & 0o7777, 0o755);
        assert_eq!(old.metadata().unwrap().mode() & 0o7777, 0o4755);
        fs::remove_file(new).unwrap();
        drop(stop);
    }
    let _ = fs::remove_dir_all(cache);
}

for_both! {
    /// What one run leaves in a folder is not followed for the next.
    fn a_link_that_a_sandbox_made_shares_nothing(glass: Glass) {
        let (folder, victim) = (Folder::home(glass), Folder::home(glass));
        folder.dir("out/inner");
        victim.file("inner", "private");
        let name = victim.path.file_name().unwrap().to_str().unwrap();
        let script = format!("mv /in/out /in/away && ln -s ../{name} /in/out && ln -s away/inner /in/within");
        let output = with(glass, &[&folder.bind("/in", ",rw")], &script);
        assert!(output.status.success(), "{}", err(&output));
        for (source, rest) in [("out", ",rw"), ("out", ""), ("out/inner", "")] {
            let mount = format!("host-bind:/x={}/{source}{rest}", folder.path.display());
            let output = with(glass, &[&mount], "cat /x /x/*; touch /x/made");
            assert_eq!((out(&output).as_str(), output.status.code()), ("", Some(125)), "{source}");
            assert!(err(&output).contains(&format!("{}/out,", folder.path.display())), "{}", err(&output));
        }
        let copied = format!("/tmp/x={}/out/inner", folder.path.display());
        let output = run(glass, &["-i", &copied], &["cat", "/tmp/x"]).output().unwrap();
        assert_eq!((out(&output).as_str(), output.status.code()), ("", Some(125)));
        assert_eq!(victim.names(), ["inner"]);
        // What it could write anyway, and links of the user's own.
        let mount = format!("host-bind:/x={}/within", folder.path.display());
        assert_eq!(out(&with(glass, &[&mount], "ls -d /x")), "/x\n");
        let own = Folder::home(glass);
        symlink(&victim.path, own.path.join("link")).unwrap();
        let mount = format!("host-bind:/x={}/link", own.path.display());
        assert_eq!(out(&with(glass, &[&mount], "cat /x/inner")), "private");
    }
}

/// A folder of profiles of its own.
fn with_profiles(folder: &Folder, profile: &str) -> std::process::Command {
    folder.dir("config/terrarium/profiles");
    folder.file("config/terrarium/profiles/x.terrarium", profile);
    let mut ctl = User::Member.ctl();
    ctl.env("XDG_CONFIG_HOME", folder.path.join("config")).env("XDG_DATA_HOME", folder.dir("data"));
    ctl
}

#[test]
fn a_profile_from_elsewhere_gets_nothing_that_another_one_keeps() {
    let folder = Folder::home(Glass::Container);
    let profile = |files: &str, script: &str| {
        format!("version = 1\nname = \"Bank\"\nisolation = \"container\"\n[command]\nargv = [\"sh\", \"-c\", \"{script}\"]\n[display]\nkind = \"none\"\n[files]\n{files}\n")
    };
    for kept in ["home = \"kept\"", "changes = \"keep\"", "changes = \"review\""] {
        let first = profile(kept, "echo secret >~/kept");
        let mut run = with_profiles(&folder, &first);
        let output = run.args(["run", "--profile", "Bank"]).output().unwrap();
        assert!(output.status.success(), "{}", err(&output));
        let other = folder.file("other.terrarium", &profile(kept, "cat ~/kept"));
        let mut run = with_profiles(&folder, &first);
        let output = run.arg("run").arg("--profile").arg(&other).output().unwrap();
        assert_eq!((out(&output).as_str(), output.status.code()), ("", Some(125)), "{kept}");
        assert!(err(&output).contains("“Bank”"), "{}", err(&output));
        // Its own file by its path, and another name.
        let own = folder.path.join("config/terrarium/profiles/x.terrarium");
        let mut run = with_profiles(&folder, &first);
        assert!(run.arg("run").arg("--profile").arg(own).status().unwrap().success(), "{kept}");
        let mut run = with_profiles(&folder, &first);
        let output = run.args(["run", "-n", "other", "--profile"]).arg(&other).output().unwrap();
        assert_eq!((out(&output).as_str(), output.status.code()), ("", Some(1)), "{kept}: {}", err(&output));
    }
}

#[test]
fn no_word_of_a_profile_drives_a_terminal() {
    let folder = Folder::home(Glass::Container);
    let profile = "version = 1\nname = \"x\\u001b]0;y\\u0007\\u009b31m\"\n[command]\nargv = [\"\\u009b1m\\u007f\\u202e\"]\n";
    for words in [
        &["profile", "list"][..],
        &["show", "x", "--json"],
        &["show", "x", "--plan"],
        &["show", "x", "--command"],
    ] {
        let output = with_profiles(&folder, profile).args(words).output().unwrap();
        let said = out(&output) + &err(&output);
        assert!(said.contains("31m") || said.contains("--profile"), "{words:?}: {said}");
        let drives = |c: char| c != '\n' && (c.is_control() || c == '\u{202e}');
        assert!(!said.contains(drives), "{words:?}: {}", said.escape_debug());
    }
}
