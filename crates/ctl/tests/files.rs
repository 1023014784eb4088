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
