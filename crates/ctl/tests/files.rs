// SPDX-License-Identifier: LGPL-2.1-or-later
//! What sandboxes see beside the root, and what they must not.

#[macro_use]
mod common;

use common::*;
use std::fs;
use std::os::unix::fs::{chown, symlink, MetadataExt, PermissionsExt};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::Output;

/// A folder of a user's, below the home or wherever; gone at the end.
struct Folder {
    path: PathBuf,
    user: User,
}

impl Folder {
    fn new(user: User, above: &Path) -> Self {
        let path = above.join(fresh_name("terrarium-share"));
        let folder = Self { path, user };
        folder.dir("");
        folder
    }

    fn home(glass: Glass) -> Self {
        Self::new(glass.user(), &glass.user().home())
    }

    fn own(&self, path: &Path) {
        chown(path, Some(self.user.uid()), Some(self.user.uid())).unwrap();
    }

    fn dir(&self, name: &str) -> PathBuf {
        let path = self.path.join(name);
        fs::create_dir_all(&path).unwrap();
        self.own(&path);
        path
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path.join(name);
        fs::write(&path, text).unwrap();
        self.own(&path);
        path
    }

    fn names(&self) -> Vec<String> {
        let mut all: Vec<String> = fs::read_dir(&self.path)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        all.sort();
        all
    }

    fn bind(&self, target: &str, rest: &str) -> String {
        format!("host-bind:{target}={}{rest}", self.path.display())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// `-m` for each, and a script.
fn with(glass: Glass, mounts: &[&str], script: &str) -> Output {
    let options: Vec<&str> = mounts.iter().flat_map(|mount| ["-m", mount]).collect();
    run(glass, &options, &["sh", "-c", script]).output().unwrap()
}

/// Names, sizes, modes, owners and times of all below a folder.
fn picture(path: &Path) -> Vec<String> {
    let mut all = Vec::new();
    let mut left = vec![path.to_owned()];
    while let Some(path) = left.pop() {
        let Ok(found) = path.symlink_metadata() else { continue };
        all.push(format!(
            "{} {:o} {} {} {} {}",
            path.display(),
            found.mode(),
            found.uid(),
            found.size(),
            found.mtime(),
            found.mtime_nsec()
        ));
        if found.is_dir() {
            left.extend(fs::read_dir(&path).into_iter().flatten().flatten().map(|entry| entry.path()));
        }
    }
    all.sort();
    all
}

for_both! {
    fn folders_and_files_are_seen_and_not_written(glass: Glass) {
        let folder = Folder::home(glass);
        let file = folder.file("file", "content\n");
        folder.file("sub-file", "other\n");
        let one = format!("host-bind:/home/one={}", file.display());
        let before = picture(&folder.path);
        let script = "cat /mnt/in/file /home/one; touch /mnt/in/new 2>/dev/null || echo no; \
            echo x 2>/dev/null >>/home/one || echo no; mount -o remount,rw /mnt/in 2>/dev/null || echo no; \
            chmod 777 /mnt/in/file 2>/dev/null || echo no; stat -c %u /mnt/in/file; \
            grep -c ' /mnt/in .*nosuid,nodev\\| /home/one .*nosuid,nodev' /proc/self/mountinfo; ls /home";
        let bind = folder.bind("/mnt/in", "");
        for option in [&[][..], &["-p"]] {
            let options = [option, &["-m", &bind, "-m", &one]].concat();
            let output = run(glass, &options, &["sh", "-c", script]).output().unwrap();
            let user = glass.user().uid();
            let expected = format!("content\ncontent\nno\nno\nno\nno\n{user}\n2\none\n{}\n", glass.user().home().file_name().unwrap().to_str().unwrap());
            assert_eq!(out(&output), expected, "{option:?}: {}", err(&output));
        }
        assert_eq!(picture(&folder.path), before);
    }
}

for_both! {
    fn what_is_made_in_a_writable_folder_is_the_users(glass: Glass) {
        let folder = Folder::home(glass);
        let file = folder.file("file", "old\n");
        let one = format!("host-bind:/one={},rw", file.display());
        let script = "cd /mnt/out && mkdir d && echo new >d/f && ln -s f d/l && ln d/f d/h && echo more >>/one && \
            cat file && touch gone && rm gone && mv d/h moved && stat -c '%u %g' d/f; \
            mknod dev c 1 3 2>/dev/null || echo no; chmod 640 moved; chown 0 moved 2>/dev/null || echo no";
        let output = with(glass, &[&folder.bind("/mnt/out", ",rw"), &one], script);
        let uid = glass.user().uid();
        assert_eq!(out(&output), format!("old\nmore\n{uid} {uid}\nno\nno\n"), "{}", err(&output));
        assert_eq!(folder.names(), ["d", "file", "moved"]);
        for name in ["d", "d/f", "d/l", "moved"] {
            let found = folder.path.join(name).symlink_metadata().unwrap();
            assert_eq!((found.uid(), found.gid()), (uid, uid), "{name}");
        }
        assert_eq!(fs::read_to_string(folder.path.join("moved")).unwrap(), "new\n");
        assert_eq!(folder.path.join("moved").metadata().unwrap().mode() & 0o7777, 0o640);
        assert_eq!(fs::read_link(folder.path.join("d/l")).unwrap(), Path::new("f"));
    }
}

for_both! {
    fn places_are_made_inside_and_never_on_the_host(glass: Glass) {
        let folder = Folder::home(glass);
        folder.file("file", "content\n");
        let mounts = ["ram:/usr/share/terrarium-no/deep=1M", "ram:/etc/terrarium-no=1M", "ram:/terrarium-no=1M",
            "ram:/home/other/place=1M", &folder.bind("/var/lib/terrarium-no", ""), "ram:/var/lib/terrarium-no/in/most=1M"];
        let script = "for d in /usr/share/terrarium-no/deep /etc/terrarium-no /terrarium-no /home/other/place \
              /var/lib/terrarium-no/in/most; do echo x >$d/f && cat $d/f; done; cat /var/lib/terrarium-no/file; \
            ls /etc/passwd; touch /etc/terrarium-other /usr/share/terrarium-no/f /var/lib/terrarium-no/f 2>/dev/null || echo no";
        let output = with(glass, &mounts, script);
        assert_eq!(out(&output), "x\nx\nx\nx\nx\ncontent\n/etc/passwd\nno\n", "{}", err(&output));
        assert_eq!(folder.names(), ["file"]);
        for path in ["/usr/share/terrarium-no", "/etc/terrarium-no", "/terrarium-no", "/home/other", "/var/lib/terrarium-no"] {
            assert!(!Path::new(path).exists(), "{path}");
        }
        // Below one that may be written there is nowhere to make it.
        let output = with(glass, &[&folder.bind("/w", ",rw"), "ram:/w/inner=1M"], "echo ran");
        assert_eq!((out(&output).as_str(), output.status.code()), ("", Some(125)));
        assert!(err(&output).contains("/w/inner"), "{}", err(&output));
        assert_eq!(folder.names(), ["file"]);
    }
}

for_both! {
    fn later_mounts_lie_in_earlier_ones_in_order(glass: Glass) {
        let folder = Folder::home(glass);
        folder.dir("a/b");
        folder.file("a/b/file", "outer\n");
        let inner = Folder::home(glass);
        inner.file("file", "inner\n");
        let mounts = [folder.bind("/x", ",rw"), inner.bind("/x/a/b", ""), "ram:/x/a/b=1M".into(), "guest-bind:/y=/x".into()];
        let count = |count: usize, script: &str| {
            let mounts: Vec<&str> = mounts[..count].iter().map(String::as_str).collect();
            out(&with(glass, &mounts, script))
        };
        assert_eq!(count(1, "cat /x/a/b/file"), "outer\n");
        assert_eq!(count(2, "cat /x/a/b/file; touch /x/a/b/no 2>/dev/null || echo no; touch /x/yes"), "inner\nno\n");
        assert_eq!(count(4, "ls /x/a/b; echo z >/x/a/b/z; cat /y/a/b/z; touch /y/no 2>/dev/null || echo no"), "z\nno\n");
        assert_eq!((folder.names(), inner.names()), (vec!["a".into(), "yes".to_owned()], vec!["file".to_owned()]));
    }
}

for_both! {
    fn memory_and_fresh_folders_hold_what_they_should(glass: Glass) {
        let script = "df -k /r | awk 'NR==2 { print $2 }'; touch /r/x /f/x /home/deep/er/x; stat -c '%a %u' /r /f; \
            head -c 20000000 /dev/zero >/r/full 2>/dev/null || echo full; ls -A /home/deep";
        let output = with(glass, &["ram:/r=9M", "host-bind:/f=", "host-bind:/home/deep/er=,rw"], script);
        let uid = glass.user().uid();
        assert_eq!(out(&output), format!("9216\n1777 0\n700 {uid}\nfull\ner\n").replace("1777 0", &owner_of_ram(glass)), "{}", err(&output));
    }
}

/// A container's root inside is nobody as the user sees it.
fn owner_of_ram(glass: Glass) -> String {
    match glass {
        Glass::Container => "1777 65534".into(),
        Glass::Machine => "1777 0".into(),
    }
}

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

for_both! {
    fn what_root_inside_makes_is_the_users_too(glass: Glass) {
        let folder = Folder::home(glass);
        let file = folder.file("file", "old\n");
        let theirs = folder.file("theirs", "theirs\n");
        chown(&theirs, Some(0), Some(0)).unwrap();
        fs::set_permissions(&theirs, fs::Permissions::from_mode(0o600)).unwrap();
        let one = format!("host-bind:/one={},rw", file.display());
        let script = "cd /w && id -u && mkdir d && echo new >d/f && ln -s f d/l && echo more >>file && echo more >>/one && cat /one; \
            chown 1 d/f 2>/dev/null && echo CHOWNED; mknod dev c 1 3 2>/dev/null && echo NODE; cat theirs 2>/dev/null && echo READ; echo end";
        let bind = folder.bind("/w", ",rw");
        let output = run(glass, &["-p", "-m", &bind, "-m", &one], &["sh", "-c", script]).output().unwrap();
        assert_eq!(out(&output), "0\nold\nmore\nmore\nend\n", "{}", err(&output));
        let uid = glass.user().uid();
        for name in ["d", "d/f", "d/l", "file"] {
            let found = folder.path.join(name).symlink_metadata().unwrap();
            assert_eq!((found.uid(), found.gid()), (uid, uid), "{name}");
        }
        let found = theirs.metadata().unwrap();
        assert_eq!((found.uid(), found.len()), (0, 7));
    }
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
        let path = |name: &str| folder.path.join(name).display().to_string();
        for (source, words) in [
            (path("missing"), "There is no"),
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
            assert!(err(&output).contains(words) && err(&output).contains("files.mounts[0]"), "{source}: {}", err(&output));
        }
        let output = with(glass, &["ram:/x=0"], "echo ran");
        assert!(err(&output).contains("files.mounts[0]"), "{}", err(&output));
        let output = with(glass, &["nonsense"], "echo ran");
        assert_eq!(output.status.code(), Some(125), "{}", err(&output));
    }
}

/// A profile in a file, run by the user of the glass.
fn run_profile(glass: Glass, files: &str, options: &[&str], script: &str) -> Output {
    let folder = Folder::home(glass);
    let isolation = glass.option().trim_start_matches('-');
    let text = format!(
        "version = 1\nname = \"files test\"\nisolation = \"{isolation}\"\n[command]\nargv = [\"sh\", \"-c\", '''{script}''']\n\
         [display]\nkind = \"none\"\n[files]\n{files}"
    );
    let path = folder.file("x.terrarium", &text);
    let mut ctl = glass.user().ctl();
    ctl.arg("run")
        .arg("--profile")
        .arg(path)
        .args(options)
        .stdin(std::process::Stdio::null())
        .output()
        .unwrap()
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

/// One at a time: they all use the same home.
static HOME: std::sync::Mutex<()> = std::sync::Mutex::new(());

for_both! {
    fn secrets_are_hidden_in_wider_shares(glass: Glass) {
        let _one = HOME.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
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
        assert!(err(&output).contains("files.unmask[0]"), "{}", err(&output));
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
        let _one = HOME.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let kept = glass.user().home().join(".local/share/terrarium/homes/files-test");
        let _ = fs::remove_dir_all(&kept);
        let first = run_profile(glass, "home = \"kept\"", &[], "ls -A; echo 1 >mine; mkdir d; pwd; chmod 700 d; ln -s /etc l");
        assert_eq!(out(&first), format!("{}\n", glass.user().home().display()), "{}", err(&first));
        let second = run_profile(glass, "home = \"kept\"", &[], "cat mine; ls -A; grep \" $HOME \" /proc/self/mountinfo | tail -n 1 | grep -c nosuid,nodev");
        assert_eq!(out(&second), "1\nd\nl\nmine\n1\n", "{}", err(&second));
        let found = fs::metadata(kept.join("mine")).unwrap();
        assert_eq!((found.uid(), fs::metadata(&kept).unwrap().mode() & 0o777), (glass.user().uid(), 0o700));
        assert!(!glass.user().home().join("mine").exists());
        fs::remove_dir_all(kept).unwrap();
    }
}

for_both! {
    fn copies_are_the_sandboxes_own(glass: Glass) {
        let folder = Folder::home(glass);
        folder.dir("tree/deep");
        folder.file("tree/deep/file", "one\n");
        let run_me = folder.file("tree/run", "#!/bin/sh\necho ran\n");
        fs::set_permissions(&run_me, fs::Permissions::from_mode(0o4755)).unwrap();
        symlink("/etc/passwd", folder.path.join("tree/link")).unwrap();
        let _listener = UnixListener::bind(folder.path.join("tree/socket")).unwrap();
        let list = folder.file("list", "# all of it\n\n/tmp/by/list=tree/deep/file\n");
        let before = picture(&folder.path);
        let home = glass.user().home().display().to_string();
        let include = format!("{home}/in/tree={}/tree", folder.path.display());
        let script = "cd ~/in/tree; cat deep/file /tmp/by/list; ./run; readlink link; ls -A; stat -c '%u %a' . run deep/file; \
            echo more >>deep/file; echo more >>/tmp/by/list; rm -r ~/in && echo gone";
        let options = ["-i", &include, "-I", list.to_str().unwrap()];
        let output = run(glass, &options, &["sh", "-c", script]).output().unwrap();
        let uid = glass.user().uid();
        let expected = format!("one\none\nran\n/etc/passwd\ndeep\nlink\nrun\n{uid} 755\n{uid} 755\n{uid} 644\ngone\n");
        assert_eq!(out(&output), expected, "{}", err(&output));
        assert_eq!(picture(&folder.path), before);
        let stage = glass.user().home().join(".cache/terrarium/stage");
        let wait = std::time::Duration::from_secs(10);
        wait_for("an empty stage", wait, || { list_all(glass); fs::read_dir(&stage).map_or(0, Iterator::count) == 0 });
        // Bounded.
        let large = folder.path.join("large");
        fs::File::create(&large).unwrap().set_len(65 << 20).unwrap();
        folder.own(&large);
        for (include, words) in [(format!("/tmp/x={}", large.display()), "64 MiB"), ("/etc/x=/etc/passwd".into(), "private places"), ("x".into(), "DST=SRC")] {
            let output = run(glass, &["-i", &include], &["true"]).output().unwrap();
            assert!(output.status.code() == Some(125) && err(&output).contains(words), "{include}: {}", err(&output));
        }
    }
}

fn list_all(glass: Glass) {
    let _ = list(glass.user());
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

/// Something mounted by root for a test.
struct Mounted(PathBuf);

impl Mounted {
    fn new(path: PathBuf, options: &[&str]) -> Self {
        let done = std::process::Command::new("mount").args(options).arg(&path).status().unwrap();
        assert!(done.success());
        Self(path)
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg(&self.0).status();
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

for_both! {
    fn odd_names_are_names(glass: Glass) {
        let folder = Folder::home(glass);
        let name = "a:b,c\\d e'f\"g<h>&i=j;ü";
        folder.dir(name);
        folder.file(&format!("{name}/file"), "seen\n");
        let mount = format!("host-bind:/mnt/{}=", name.replace('=', "-"));
        for rest in ["", ",rw"] {
            let mount = format!("{mount}{}/{name}{rest}", folder.path.display());
            assert_eq!(out(&with(glass, &[&mount], "cat /mnt/*/file")), "seen\n", "{rest}");
        }
        folder.dir("new\nline");
        let output = with(glass, &[&format!("host-bind:/x={}/new\nline", folder.path.display())], "ls -d /x");
        let expected = if glass == Glass::Container { "/x\n" } else { "" };
        assert_eq!(out(&output), expected, "{}", err(&output));
    }
}

for_both! {
    fn nothing_is_left_of_a_start_that_fails(glass: Glass) {
        let folder = Folder::home(glass);
        let file = folder.file("file", "x");
        let mount = format!("host-bind:/x={}", file.display());
        // A folder over a file, and the other way round.
        for mounts in [[mount.as_str(), &folder.bind("/x", "")], ["ram:/x=1M", mount.as_str()]] {
            let output = with(glass, &mounts, "echo ran");
            assert_eq!((out(&output).as_str(), output.status.code()), ("", Some(125)), "{}", err(&output));
            assert!(err(&output).contains("/x"), "{}", err(&output));
        }
        assert_eq!(folder.names(), ["file"]);
        assert_eq!(fs::metadata(file).unwrap().nlink(), 1);
    }
}
