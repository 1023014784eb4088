// SPDX-License-Identifier: LGPL-2.1-or-later
//! What the user shares, as init builds it in a container.
#![allow(clippy::unwrap_used)]

#[macro_use]
mod common;

use common::*;
use std::fs;
use std::os::unix::fs::{chown, symlink, MetadataExt, PermissionsExt};
use std::os::unix::net::UnixListener;
use std::path::Path;
use terrarium_protocol::orders::{HostSource, Share, Source};
use terrarium_protocol::Orders;

fn host(path: &Path, target: &str, writable: bool) -> Share {
    let found = fs::metadata(path).unwrap();
    let source = HostSource {
        path: path.to_str().unwrap().into(),
        device: found.dev(),
        inode: found.ino(),
        file: found.is_file().then(|| "".into()),
        ..HostSource::default()
    };
    Share { target: target.into(), source: Source::Host(source), writable, masks: Vec::new() }
}

fn memory(target: &str) -> Share {
    let source = Source::Memory { size: 1 << 20, owned: true };
    Share { target: target.into(), source, writable: true, masks: Vec::new() }
}

fn inside(path: &str, target: &str, writable: bool) -> Share {
    Share { target: target.into(), source: Source::Inside { path: path.into() }, writable, masks: Vec::new() }
}

fn script(text: &str, shares: Vec<Share>) -> Orders {
    let mut orders = orders(&["sh", "-c", text]);
    orders.shares = shares;
    orders
}

/// A folder of the user's, with a file in it.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("sub")).unwrap();
    fs::write(folder.path().join("file"), "content\n").unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    for name in [".", "sub", "file"] {
        chown(folder.path().join(name), Some(USER), Some(USER)).unwrap();
    }
    folder
}

fn out(done: &Finished) -> String {
    String::from_utf8_lossy(&done.out).into_owned()
}

fn err(done: &Finished) -> String {
    format!("{} {:?}", String::from_utf8_lossy(&done.err), done.outcome)
}

/// Names below a folder.
fn names(path: &Path) -> Vec<String> {
    let mut all: Vec<String> =
        fs::read_dir(path).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    all.sort();
    all
}

as_root! {
    fn folders_and_files_show_read_only_or_writable() {
        let folder = folder();
        let file = folder.path().join("file");
        let text = "cat /a/file /b/file /etc/one; id -u; stat -c %u /b/file; \
            echo x >/a/new || echo a; echo x >>/etc/one || echo one; echo y >/b/made; \
            mount -o remount,rw /a 2>/dev/null || echo no; umount /a 2>/dev/null || echo no; \
            grep -c ' /[ab] [a-z]*,nosuid,nodev' /proc/self/mountinfo";
        let shares = vec![host(folder.path(), "/a", false), host(folder.path(), "/b", true), host(&file, "/etc/one", false)];
        let done = run(script(text, shares));
        assert_eq!(out(&done), "content\ncontent\ncontent\n1234\n1234\na\none\nno\nno\n2\n", "{}", err(&done));
        let made = fs::metadata(folder.path().join("made")).unwrap();
        assert_eq!((made.uid(), made.gid(), names(folder.path())), (USER, USER, vec!["file".into(), "made".into(), "sub".to_owned()]));
        assert_eq!(fs::read_to_string(file).unwrap(), "content\n");
        assert!(!Path::new("/etc/one").exists());
    }

    fn places_are_made_inside_and_never_on_the_host() {
        let folder = folder();
        let text = "ls -d /usr/share/terrarium-test/deep /var/lib/t /opt/x /new/y /a/inner/most; echo z >/a/inner/most/z; \
            cat /a/file; ls /usr/share/doc >/dev/null && echo all; touch /usr/share/terrarium-test/x 2>/dev/null || echo sealed";
        let targets = ["/usr/share/terrarium-test/deep", "/var/lib/t", "/opt/x", "/new/y"];
        let mut shares: Vec<Share> = targets.iter().map(|target| memory(target)).collect();
        shares.push(host(folder.path(), "/a", false));
        shares.push(memory("/a/inner/most"));
        let done = run(script(text, shares));
        let expected = "/a/inner/most\n/new/y\n/opt/x\n/usr/share/terrarium-test/deep\n/var/lib/t\ncontent\nall\nsealed\n";
        assert_eq!(out(&done), expected, "{}", err(&done));
        assert_eq!(names(folder.path()), ["file", "sub"]);
        for target in targets {
            assert!(!Path::new(target).exists(), "{target}");
        }
        // In what may be written there is nowhere to make it.
        let done = run(script("echo ran", vec![host(folder.path(), "/a", true), memory("/a/inner")]));
        assert!(!out(&done).contains("ran"));
        assert_eq!(names(folder.path()), ["file", "sub"]);
        // What is there can be covered.
        let done = run(script("ls /a/sub; touch /a/sub/x /a/y", vec![host(folder.path(), "/a", true), memory("/a/sub")]));
        assert_eq!((out(&done).as_str(), names(folder.path())), ("", vec!["file".into(), "sub".into(), "y".to_owned()]), "{}", err(&done));
    }

    fn a_source_that_was_swapped_is_refused() {
        let folder = folder();
        let (path, other) = (folder.path().join("sub"), folder.path().join("other"));
        let share = host(&path, "/a", false);
        fs::rename(&path, &other).unwrap();
        fs::create_dir(&path).unwrap();
        assert!(!out(&run(script("echo ran", vec![share.clone()]))).contains("ran"));
        fs::remove_dir(&path).unwrap();
        // Even a link to the very same folder.
        symlink(&other, &path).unwrap();
        assert!(!out(&run(script("echo ran", vec![share.clone()]))).contains("ran"));
        fs::remove_file(&path).unwrap();
        fs::rename(&other, &path).unwrap();
        assert_eq!(out(&run(script("echo ran", vec![share]))), "ran\n");
    }

    fn links_in_targets_stay_inside() {
        let folder = folder();
        symlink("/etc", folder.path().join("abs")).unwrap();
        symlink("../../../../../etc", folder.path().join("rel")).unwrap();
        let text = "ls -d /etc/made1 /etc/made2; ls /etc/passwd";
        let shares = vec![host(folder.path(), "/a", false), memory("/a/abs/made1"), memory("/a/rel/made2")];
        let before = names(Path::new("/etc"));
        let done = run(script(text, shares));
        // It may be refused, but nothing is made anywhere else.
        assert!(out(&done).is_empty() || out(&done) == "/etc/made1\n/etc/made2\n/etc/passwd\n", "{}", out(&done));
        assert_eq!(names(Path::new("/etc")), before);
    }

    fn doors_are_shut_unless_it_may_be_written() {
        let folder = folder();
        let socket = folder.path().join("socket");
        let _listener = UnixListener::bind(&socket).unwrap();
        fs::set_permissions(&socket, fs::Permissions::from_mode(0o777)).unwrap();
        let text = "for d in a b; do perl -MSocket -e 'socket(S, AF_UNIX, SOCK_STREAM, 0); \
            print connect(S, pack_sockaddr_un(\"/$ARGV[0]/socket\")) ? \"open\" : \"shut\", \"\\n\"' $d; done";
        let done = run(script(text, vec![host(folder.path(), "/a", false), host(folder.path(), "/b", true)]));
        assert_eq!(out(&done), "shut\nopen\n", "{}", err(&done));
    }

    fn masks_hide_and_go_along() {
        let folder = folder();
        let mut share = host(folder.path(), "/a", false);
        share.masks = vec!["/a/file".into(), "/a/sub".into(), "/a/missing".into()];
        fs::write(folder.path().join("sub/secret"), "x").unwrap();
        let shares = vec![share, inside("/a", "/b", true), inside("/etc", "/c", false)];
        let text = "cat /a/file /b/file; ls /a/sub /b/sub; cat /c/hostname; umount /a/sub 2>/dev/null || echo no; touch /b/x 2>/dev/null || echo ro";
        let done = run(script(text, shares));
        assert_eq!(out(&done), "/a/sub:\n\n/b/sub:\nno\nro\n", "{}", err(&done));
    }

    fn other_paths_inside_show_twice() {
        let folder = folder();
        let text = "echo 1 >/mnt/tmp/x; cat /tmp/x; echo 2 >/mnt/ro/x || echo ro; echo 3 >/mnt/a/three; ls /mnt/a; cat /mnt/file";
        let shares = vec![
            inside("/tmp", "/mnt/tmp", true), inside("/tmp", "/mnt/ro", false),
            host(folder.path(), "/a", true), inside("/a", "/mnt/a", true), inside("/a/file", "/mnt/file", false),
        ];
        let done = run(script(text, shares));
        assert_eq!(out(&done), "1\nro\nfile\nsub\nthree\ncontent\n", "{}", err(&done));
        assert_eq!(names(folder.path()), ["file", "sub", "three"]);
    }

    fn copies_are_the_users_own() {
        let folder = folder();
        fs::set_permissions(folder.path().join("file"), fs::Permissions::from_mode(0o4755)).unwrap();
        symlink("file", folder.path().join("link")).unwrap();
        let mut tree = host(folder.path(), "/home/me/tree", false);
        let mut one = host(&folder.path().join("file"), "/home/me/in/one", false);
        for share in [&mut tree, &mut one] {
            if let Source::Host(host) = &mut share.source {
                host.copied = true;
            }
        }
        let text = "cd; echo more >>tree/file; cat tree/file tree/link; stat -c '%u %a' tree tree/file in in/one; readlink tree/link";
        let done = run(script(text, vec![tree, one]));
        assert_eq!(out(&done), "content\nmore\ncontent\nmore\n1234 755\n1234 755\n1234 755\n1234 755\nfile\n", "{}", err(&done));
        assert_eq!(fs::read_to_string(folder.path().join("file")).unwrap(), "content\n");
    }
}
