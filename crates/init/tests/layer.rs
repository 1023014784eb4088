// SPDX-License-Identifier: LGPL-2.1-or-later
//! What a sandbox writes: where it may, and where that goes.
#![allow(clippy::unwrap_used)]

#[macro_use]
mod common;

use common::*;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;
use terrarium_protocol::changes::{self, Change, Facts, Record, Totals};
use terrarium_protocol::layer::{Disk, Layer, Unreadable, FOLDER};
use terrarium_protocol::{contents, Orders, ToInit};

/// An image of 64 MiB, as the engine makes one.
fn image(folder: &Path) -> PathBuf {
    let path = folder.join("image");
    std::fs::File::create(&path).unwrap().set_len(64 << 20).unwrap();
    let options = "root_owner=0:0,lazy_itable_init=1,lazy_journal_init=1";
    let made = Command::new("/usr/sbin/mke2fs")
        .args(["-q", "-t", "ext4", "-b", "4096", "-F", "-m", "0", "-E", options])
        .arg(&path)
        .status();
    assert!(made.unwrap().success());
    path
}

fn script(text: &str, privileged: bool) -> Orders {
    let mut orders = sh(text);
    orders.mounts.retain(|mount| mount.target.as_slice() != b"/home/me");
    orders.user.privileged = privileged;
    orders.layer = Some(Layer {
        disk: Disk::Folder(FOLDER.into()),
        home: true,
        outlives: true,
        unreadable: Vec::new(),
        before: None,
    });
    orders
}

fn run_on(image: &Path, orders: Orders) -> Finished {
    let mut sandbox = Sandbox::with_layer(image);
    let mut client = sandbox.client();
    client.start(orders);
    let finished = client.finish();
    sandbox.wait_for_end();
    finished
}

/// What changed, as init tells it.
fn changes(client: &mut Client) -> (Vec<Change>, Totals) {
    client.say(&ToInit::Changes);
    let done = client.finish();
    assert_eq!(done.code(), Some(0), "{}", err(&done));
    let mut decoder = changes::Decoder::default();
    decoder.feed(&done.out);
    let mut found = Vec::new();
    loop {
        match decoder.record().unwrap().unwrap() {
            Record::Change(change) => found.push(change),
            Record::End(totals) => return (found, totals),
        }
    }
}

/// Runs orders and looks at what they changed before the sandbox is gone.
fn run_and_list(image: &Path, orders: Orders) -> (Finished, Vec<Change>, Totals) {
    let mut sandbox = Sandbox::with_layer(image);
    let mut client = sandbox.client();
    client.start(orders);
    let finished = client.finish_quietly();
    let begun = Instant::now();
    let (found, totals) = changes(&mut sandbox.client());
    println!("{} changes told in {:?}", found.len(), begun.elapsed());
    client.say(&ToInit::Received);
    sandbox.wait_for_end();
    (finished, found, totals)
}

/// What a file holds.
fn content(client: &mut Client, path: &str) -> Option<String> {
    client.say(&ToInit::Contents { paths: vec![path.into()] });
    let done = client.finish();
    let mut decoder = contents::Decoder::default();
    decoder.feed(&done.out);
    let mut text = Vec::new();
    assert_eq!(done.code(), Some(0));
    while let Some(piece) = decoder.piece().unwrap() {
        match piece {
            contents::Piece::Bytes(_, bytes) => text.extend(bytes),
            contents::Piece::End(length) => {
                assert_eq!(length, text.len() as u64);
                return Some(String::from_utf8_lossy(&text).into_owned());
            }
            contents::Piece::Failed(_) => break,
        }
    }
    None
}

/// One line for each change.
fn lines(found: &[Change]) -> Vec<String> {
    let facts = |facts: &Option<Facts>| {
        facts.as_ref().map_or("-".into(), |f| format!("{:?}/{:o}/{}/{}", f.kind, f.mode, f.uid, f.size))
    };
    let line = |c: &Change| format!("{:?} {} {} {}", c.what, c.path, facts(&c.before), facts(&c.after));
    let mut all: Vec<String> = found.iter().map(line).collect();
    all.sort();
    all
}

fn err(done: &Finished) -> String {
    format!("{} {:?}", String::from_utf8_lossy(&done.err), done.outcome)
}

as_root! {
    fn a_user_writes_where_the_host_would_let_it() {
        let folder = tempfile::tempdir().unwrap();
        let image = image(folder.path());
        let text = "for d in / /usr /etc /opt /var/lib /mnt; do touch $d/x 2>/dev/null && echo WROTE $d; done; \
            echo mine >file; mkdir -p deep/er; stat -c '%u %a' . file; rm /etc/issue 2>/dev/null && echo REMOVED; \
            cat /etc/shadow 2>/dev/null && echo READ; grep -c ' /home/me [a-z]*,nosuid,nodev' /proc/self/mountinfo; \
            umount /usr 2>/dev/null; mount -o remount,suid /usr 2>/dev/null; echo end";
        let done = run_on(&image, script(text, false));
        assert_eq!(done.text(), "1234 700\n1234 644\n1\nend\n", "{}", err(&done));
        let again = run_on(&image, script("cat file; ls -d deep/er", false));
        assert_eq!(again.text(), "mine\ndeep/er\n", "{}", err(&again));
    }

    fn root_inside_changes_what_it_likes_and_the_host_stays() {
        let folder = tempfile::tempdir().unwrap();
        let image = image(folder.path());
        let hidden = folder.path().join("hidden");
        std::fs::write(&hidden, "x").unwrap();
        let before = std::fs::metadata("/etc/issue").unwrap();
        let text = "id -u; for d in / /usr /etc /opt /var/lib; do touch $d/x || echo NOT $d; done; \
            rm /etc/issue; echo new >/etc/issue; echo more >>/etc/os-release; mkdir /usr/new; chown 7:8 /usr/new; \
            chmod 4755 /usr/new; mv /etc/passwd /etc/passwd.old; cat /etc/issue; stat -c '%u %g %a' /usr/new /etc/x; \
            stat -c %u /usr/bin/env /etc/hosts . ; cat /etc/shadow 2>/dev/null && echo READ; \
            cp /etc/shadow /tmp/s 2>/dev/null && echo COPIED; chmod 644 /etc/shadow 2>/dev/null && cat /etc/shadow; \
            ls -A /root /etc/ssl/private 2>/dev/null; ln /usr/bin/env /usr/e && echo linked; rm -r /usr/share/doc && mkdir /usr/share/doc && ls /usr/share/doc; \
            mkdir -p /var/log/y /srv && touch /var/log/y/z && echo log; mknod /etc/disk b 8 0 2>/dev/null && echo NODE; echo end";
        let done = run_on(&image, script(text, true));
        let expected = "0\nnew\n7 8 4755\n0 0 644\n0\n0\n0\nlinked\nlog\nend\n";
        assert_eq!(done.text(), expected, "{}", err(&done));
        let after = std::fs::metadata("/etc/issue").unwrap();
        assert_eq!(before.modified().unwrap(), after.modified().unwrap());
        assert!(Path::new("/etc/passwd").exists() && !Path::new("/usr/new").exists());
        let again = run_on(&image, script("cat /etc/issue; stat -c '%u %g' /usr/new; ls /etc/passwd; ls /usr/share/doc; rm /usr/x && echo gone", true));
        assert_eq!(again.text(), "new\n7 8\ngone\n", "{}", err(&again));
        // An ordinary user finds it as root has left it.
        let again = run_on(&image, script("cat /etc/issue; stat -c '%u %g' /etc/x /usr/new; touch /usr/x 2>/dev/null || echo no; touch f && echo home", false));
        assert_eq!(again.text(), "new\n65534 65534\n65534 65534\nno\nhome\n", "{}", err(&again));
    }

    fn what_the_caller_cannot_read_can_be_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let image = image(folder.path());
        let one = |path: &str, is_folder, mode| Unreadable { path: path.into(), is_folder, mode, uid: 0, gid: 0 };
        let mut orders = script("stat -c '%a %s %u' /etc/shadow; ls -A /etc/ssl/private; echo a >>/etc/shadow; \
            cat /etc/shadow; touch /etc/ssl/private/key && echo made", true);
        orders.layer.as_mut().unwrap().unreadable = vec![one("/etc/shadow", false, 0o640), one("/etc/ssl/private", true, 0o710)];
        let done = run_on(&image, orders);
        assert_eq!(done.text(), "640 0 0\na\nmade\n", "{}", err(&done));
    }

    fn every_kind_of_change_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let image = image(folder.path());
        let mut orders = script("echo hello >new; mkdir dir; ln -s /etc/shadow dir/link; mkfifo dir/fifo; ln new dir/hard; mknod dir/none c 0 0; \
            printf x >> /etc/os-release; rm /etc/issue; chmod 600 /etc/profile; touch /etc/group; \
            rm -r /etc/skel; echo file >/etc/skel; echo 1 >/etc/made; rm -r /etc/default; mkdir /etc/default; \
            cp /usr/bin/env /usr/bin/env2; mkdir /srv; sed -i s/root/toor/ /etc/passwd; echo b >settings", true);
        orders.files = vec![
            terrarium_protocol::orders::File { path: "/home/me/.config/x".into(), content: "init's".into() },
            terrarium_protocol::orders::File { path: "/home/me/settings".into(), content: "a".into() },
        ];
        orders.layer.as_mut().unwrap().unreadable = vec![Unreadable { path: "/etc/ssl/private".into(), is_folder: true, mode: 0o710, uid: 0, gid: 0 }];
        let (done, found, totals) = run_and_list(&image, orders.clone());
        let lines = lines(&found);
        let has = |line: &str| assert!(lines.iter().any(|one| one.starts_with(line)), "{line}: {lines:#?} {}", err(&done));
        for line in ["Added /home/me/new - File/644/0/6", "Added /home/me/dir - Folder/755/0/", "Added /home/me/dir/link - Link/777/0/11",
            "Added /home/me/dir/fifo - Fifo/644/0/0", "Added /home/me/dir/none - Character/644/0/0", "Added /home/me/dir/hard - File/644/0/6", "Modified /usr/lib/os-release File/644/0/",
            "Deleted /etc/issue File/644/0/", "Permissions /etc/profile File/644/0/", "Type /etc/skel Folder/755/0/", "Added /etc/made - File/644/0/2",
            "Deleted /etc/default/", "Added /usr/bin/env2 - File/755/0/", "Added /srv - Folder/755/0/", "Modified /etc/passwd File", "Added /home/me/settings - File/644/0/2"] {
            has(line);
        }
        for path in ["/etc/group", "/home/me/.config", "/etc/ssl", "/usr/share", "/home ", "/var", "/bin", "/proc"] {
            assert!(!lines.iter().any(|line| line.contains(&format!(" {path}"))), "{path}: {lines:#?}");
        }
        assert_eq!((totals.changes, totals.partial), (found.len() as u64, false));
        // The same again, looked at later.
        let mut sandbox = Sandbox::with_layer(&image);
        let mut client = sandbox.client();
        orders.layer.as_mut().unwrap().unreadable.clear();
        orders.user.privileged = false;
        client.say(&ToInit::Look(Box::new(orders)));
        client.until(|message| *message == terrarium_protocol::FromInit::Looking);
        let (again, _) = changes(&mut client);
        assert_eq!(self::lines(&again), lines);
        for (path, expected) in [("/home/me/new", Some("hello\n")), ("/etc/made", Some("1\n")), ("/home/me/dir/link", None),
            ("/home/me/dir/fifo", None), ("/home/me/dir", None), ("/etc/issue", None), ("/no", None), ("/home/me/../me/new", None), ("/etc/shadow", None)] {
            assert_eq!(content(&mut client, path).as_deref(), expected, "{path}");
        }
        for path in ["/etc/issue", "/home/me/dir", "/usr/bin/env2"] {
            client.say(&ToInit::Forget { paths: vec![path.into(), "/etc/none/such".into()] });
            assert_eq!(client.finish().code(), Some(0), "{path}");
        }
        let (again, _) = changes(&mut client);
        let left = self::lines(&again);
        assert_eq!(left.len() + 7, lines.len(), "{left:#?}");
        drop(client);
        sandbox.wait_for_end();
    }

    fn a_full_layer_says_so_inside() {
        let folder = tempfile::tempdir().unwrap();
        let image = image(folder.path());
        let done = run_on(&image, script("head -c 80000000 /dev/zero >big; echo $?; stat -c %s big; rm big; echo small >s && cat s", false));
        let text = done.text();
        assert!(text.starts_with("1\n") && text.ends_with("small\n"), "{text} {}", err(&done));
        assert!(String::from_utf8_lossy(&done.err).contains("No space"), "{}", err(&done));
    }
}
