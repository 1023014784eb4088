// SPDX-License-Identifier: LGPL-2.1-or-later
//! What a sandbox writes: where it may, and where that goes.
#![allow(clippy::unwrap_used)]

#[macro_use]
mod common;

use common::*;
use std::path::{Path, PathBuf};
use std::process::Command;
use terrarium_protocol::layer::{Disk, Layer, Unreadable, FOLDER};
use terrarium_protocol::Orders;

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
    orders.layer =
        Some(Layer { disk: Disk::Folder(FOLDER.into()), home: true, outlives: true, unreadable: Vec::new() });
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

    fn a_full_layer_says_so_inside() {
        let folder = tempfile::tempdir().unwrap();
        let image = image(folder.path());
        let done = run_on(&image, script("head -c 80000000 /dev/zero >big; echo $?; stat -c %s big; rm big; echo small >s && cat s", false));
        let text = done.text();
        assert!(text.starts_with("1\n") && text.ends_with("small\n"), "{text} {}", err(&done));
        assert!(String::from_utf8_lossy(&done.err).contains("No space"), "{}", err(&done));
    }
}
