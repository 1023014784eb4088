// SPDX-License-Identifier: LGPL-2.1-or-later
//! Images of the host as file systems and as disks of a sandbox.

use crate::common::image::*;
use crate::common::share::*;
use crate::common::*;
use std::fs;
use std::os::unix::fs::{chown, FileExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

/// A folder with what images are made of.
fn tree(glass: Glass) -> Folder {
    let tree = Folder::home(glass);
    tree.file("file", "on the image\n");
    let theirs = tree.file("theirs", "SECRET\n");
    chown(&theirs, Some(0), Some(0)).unwrap();
    fs::set_permissions(&theirs, fs::Permissions::from_mode(0o600)).unwrap();
    let run = tree.path.join("id");
    fs::copy("/usr/bin/id", &run).unwrap();
    fs::set_permissions(&run, fs::Permissions::from_mode(0o4755)).unwrap();
    let null = tree.path.join("null");
    let made = std::process::Command::new("mknod").arg("-m666").arg(null).args(["c", "1", "3"]).status();
    assert!(made.unwrap().success());
    tree
}

/// What a container's mount has to say.
fn trust(glass: Glass) -> &'static str {
    match glass {
        Glass::Container => ",trusted",
        Glass::Machine => "",
    }
}

for_both! {
    fn images_are_mounted_and_disks_are_devices(glass: Glass) {
        let (tree, folder) = (tree(glass), Folder::home(glass));
        let read_only = ext4(&folder, "ro.img", &tree.path);
        // libvirt's containers take no path of 64 bytes.
        let long = |name: &str| format!("{name}-{}.img", "x".repeat(200));
        let writable = ext4(&folder, &long("rw"), &tree.path);
        let disk = sparse(&folder, &long("disk"), 1 << 20);
        let fixed = sparse(&folder, "fixed.img", 1 << 20);
        fs::write(&fixed, [b"FIXED".to_vec(), vec![0; (1 << 20) - 5]].concat()).unwrap();
        let before = fs::read(&read_only).unwrap();
        let trust = trust(glass);
        let a = format!("host-image:/mnt/deep/a={}{trust}", read_only.display());
        let b = format!("host-image:/b={},format=raw,rw{trust}", writable.display());
        let c = format!("file:data={},rw", disk.display());
        let d = format!("file:fixed.x={},format=raw", fixed.display());
        let script = "cat /mnt/deep/a/file; touch /mnt/deep/a/no 2>/dev/null || echo ro; \
            echo more >>/b/file && cat /b/file; cat /b/theirs 2>/dev/null || echo denied; /b/id -u; \
            cat /b/null 2>/dev/null || echo nodev; stat -c %u /b/file /b/theirs; ls /mnt/deep/a/in; \
            grep -o ' /mnt/deep/a ro,nosuid,nodev\\| /b rw,nosuid,nodev' /proc/self/mountinfo | sort -u; \
            printf WRITTEN >/dev/disk/by-tag/data && sync; head -c 5 /dev/disk/by-tag/fixed.x; echo; \
            chmod 600 /dev/disk/by-tag/fixed.x 2>/dev/null; (echo x >/dev/disk/by-tag/fixed.x) 2>/dev/null || echo denied; ls /dev/disk/by-tag";
        let options = ["-m", &a, "-m", "ram:/mnt/deep/a/in=1M", "-m", &b, "--disk", &c, "--disk", &d];
        let output = run(glass, &options, &["sh", "-c", script]).output().unwrap();
        let user = glass.user().uid();
        let expected = format!("on the image\nro\non the image\nmore\ndenied\n{user}\nnodev\n{user}\n0\n /b rw,nosuid,nodev\n /mnt/deep/a ro,nosuid,nodev\nFIXED\ndenied\ndata\nfixed.x\n");
        assert_eq!(out(&output), expected, "{}", err(&output));
        assert!(fs::read(&read_only).unwrap() == before, "what is read-only was written");
        assert_eq!(read(&writable, "/file"), "on the image\nmore\n");
        assert!(fs::read(&disk).unwrap().starts_with(b"WRITTEN"));
        // What a sandbox wrote as a disk this computer's kernel never reads, nor
        // what a machine's kernel wrote.
        fs::write(&disk, before).unwrap();
        let (member, written) = (Folder::home(Glass::Container), if glass == Glass::Container { disk } else { writable });
        let image = member.path.join("written.img");
        fs::rename(written, &image).unwrap();
        member.own(&image);
        let mount = format!("host-image:/x={},trusted", image.display());
        let output = with(Glass::Container, &[&mount], "true");
        let said = err(&output);
        assert!(output.status.code() == Some(125) && said.contains("never mounts") && said.contains(&format!("-m {mount}: ")), "{said}");
    }
}

for_both! {
    fn an_image_that_was_not_closed_is_read_as_it_is(glass: Glass) {
        let (tree, folder) = (tree(glass), Folder::home(glass));
        let image = ext4(&folder, "a.img", &tree.path);
        let device = Loop::new(&image);
        let mounted = Mounted::new(folder.dir("m"), &[&device.0]);
        fs::write(folder.path.join("m/new"), "new").unwrap();
        let copied = std::process::Command::new("sh")
            .args(["-c", "sync -f m && cp a.img b.img && chmod 444 b.img"])
            .current_dir(&folder.path)
            .status();
        assert!(copied.unwrap().success());
        drop((mounted, device));
        let dirty = folder.path.join("b.img");
        let before = fs::read(&dirty).unwrap();
        assert!(before[1024 + 0x60] & 4 != 0, "its journal is in use");
        let mount = format!("host-image:/a={}{}", dirty.display(), trust(glass));
        assert_eq!(out(&with(glass, &[&mount], "cat /a/file")), "on the image\n");
        assert!(fs::read(&dirty).unwrap() == before);
    }
}

#[test]
fn a_machine_reads_qcow2() {
    let glass = Glass::Machine;
    let (tree, folder) = (tree(glass), Folder::home(glass));
    let raw = ext4(&folder, "raw.img", &tree.path);
    let image = qcow2(&folder, "a.qcow2", &raw, "");
    let mount = format!("host-image:/a={},rw", image.display());
    // Tables that lead to themselves, or out of the image, hand out nothing else.
    let secret = folder.file("secret", "ELSEWHERE\n");
    let disks: Vec<String> = BAD_TABLES
        .iter()
        .map(|(name, at, value)| {
            let path = qcow2(&folder, name, &raw, "");
            put(&path, *at, &value.to_be_bytes());
            format!("file:{name}={},rw", path.display())
        })
        .collect();
    let mut options = vec!["-m", &mount];
    options.extend(disks.iter().flat_map(|disk| ["--disk", disk.as_str()]));
    let script = "cat /a/file; ls -d /a/lost+found; for disk in /dev/disk/by-tag/*; do \
        cat $disk 2>/dev/null | grep -c ELSEWHERE; echo x 2>/dev/null >$disk; done; sync; echo end";
    let output = run(glass, &options, &["sh", "-c", script]).output().unwrap();
    let nothing = "0\n".repeat(BAD_TABLES.len());
    assert_eq!(out(&output), format!("on the image\n/a/lost+found\n{nothing}end\n"), "{}", err(&output));
    assert_eq!(fs::read_to_string(secret).unwrap(), "ELSEWHERE\n");
}

/// What is wrong in the tables of an image, where it stands, and what.
const BAD_TABLES: [(&str, u64, u64); 4] = [
    ("cyclic", CLUSTER, CLUSTER | COPIED),
    ("far", CLUSTER, 1 << 50 | COPIED),
    ("crooked", 2 * CLUSTER + 8, (6 * CLUSTER + 512) | COPIED),
    ("far-data", 2 * CLUSTER, 1 << 50 | COPIED),
];

fn put(path: &Path, at: u64, bytes: &[u8]) {
    fs::File::options().write(true).open(path).unwrap().write_all_at(bytes, at).unwrap();
}

/// An image whose first bytes promise a file system, and hold no more.
fn broken(folder: &Folder, name: &str, at: usize, mark: &[u8]) -> PathBuf {
    let mut bytes = noise(1 << 20);
    bytes[at..at + mark.len()].copy_from_slice(mark);
    let path = folder.path.join(name);
    fs::write(&path, bytes).unwrap();
    folder.own(&path);
    path
}

for_both! {
    fn damaged_images_are_named_and_leave_nothing(glass: Glass) {
        let (tree, folder) = (tree(glass), Folder::home(glass));
        let superblock = ext4(&folder, "superblock.img", &tree.path);
        put(&superblock, 1024, &noise(56));
        put(&superblock, 1082, &noise(900));
        let cut = ext4(&folder, "cut.img", &tree.path);
        fs::File::options().write(true).open(&cut).unwrap().set_len(64 << 10).unwrap();
        let mut all = vec![superblock, cut];
        for (name, at, mark) in [("xfs", 0, &b"XFSB"[..]), ("squashfs", 0, b"hsqs"), ("erofs", 1024, b"\xe2\xe1\xf5\xe0"),
            ("btrfs", 65_600, b"_BHRfS_M"), ("fat", 54, b"FAT16   "), ("cd", 32_769, b"CD001")] {
            all.push(broken(&folder, name, at, mark));
        }
        // A machine boots for each.
        let all = match glass {
            Glass::Container => &all[..],
            Glass::Machine => &all[..scaled(1, all.len())],
        };
        for (index, image) in all.iter().enumerate() {
            let (name, mode) = (fresh_name("damaged"), ["", ",rw"][index % 2]);
            let mount = format!("host-image:/mnt/x={}{mode}{}", image.display(), trust(glass));
            let output = run(glass, &["-n", &name, "-m", &mount], &["echo", "ran"]).output().unwrap();
            let said = err(&output);
            println!("{said}");
            assert_eq!((out(&output).as_str(), output.status.code()), ("", Some(125)), "{mount}: {said}");
            assert!(said.lines().count() == 1 && said.contains("/mnt/x"), "{mount}: {said}");
            assert!(listed(glass.user(), &name).is_none(), "{mount}");
        }
        let here = folder.path.display().to_string();
        let looped = || {
            let devices = std::process::Command::new("losetup").args(["-a"]).output().unwrap();
            out(&devices).contains(&here)
        };
        wait_for("no loop device", Duration::from_secs(10), || !looped());
        assert!(!fs::read_to_string("/proc/self/mountinfo").unwrap().contains(&here));
    }
}

#[test]
fn a_container_says_what_qcow2_needs() {
    if Path::new("/sys/module/nbd").exists() {
        return;
    }
    let glass = Glass::Container;
    let folder = Folder::home(glass);
    let raw = sparse(&folder, "raw.img", 1 << 20);
    let image = qcow2(&folder, "a.qcow2", &raw, "");
    for format in ["", ",format=qcow2"] {
        let output = with(glass, &[&format!("host-image:/a={}{format},trusted", image.display())], "true");
        assert!(output.status.code() == Some(125) && err(&output).contains("nbd"), "{}", err(&output));
    }
}

for_both! {
    fn bad_images_are_named(glass: Glass) {
        let (tree, folder) = (tree(glass), Folder::home(glass));
        let good = ext4(&folder, "good.img", &tree.path);
        sparse(&folder, "empty.img", 0);
        let unknown = sparse(&folder, "unknown.img", 1 << 20);
        qcow2(&folder, "backed.img", &unknown, "/etc/shadow");
        // Its third version's sign that its data lies elsewhere, and a size of
        // clusters that there is not.
        let elsewhere = qcow2(&folder, "elsewhere.img", &unknown, "");
        put(&elsewhere, 4, &3u32.to_be_bytes());
        put(&elsewhere, 72, &4u64.to_be_bytes());
        put(&qcow2(&folder, "header.img", &unknown, ""), 20, &63u32.to_be_bytes());
        put(&qcow2(&folder, "table.img", &unknown, ""), CLUSTER, &(2 * CLUSTER + 512).to_be_bytes());
        let theirs = ext4(&folder, "theirs.img", &tree.path);
        chown(&theirs, Some(0), Some(0)).unwrap();
        let hidden = sparse(&folder, "hidden.img", 1 << 20);
        chown(&hidden, Some(0), Some(0)).unwrap();
        fs::set_permissions(&hidden, fs::Permissions::from_mode(0o600)).unwrap();
        let looped = ext4(&folder, "looped.img", &tree.path);
        let _device = Loop::new(&looped);
        folder.dir("dir");
        let trust = trust(glass);
        let refused = |options: &[&str], words: &str, field: &str| {
            let output = run(glass, options, &["echo", "ran"]).output().unwrap();
            assert_eq!((out(&output).as_str(), output.status.code()), ("", Some(125)), "{options:?}");
            assert!(err(&output).contains(words) && err(&output).contains(field), "{options:?}: {}", err(&output));
        };
        for (name, rest, words) in [
            ("missing.img", "", "There is no"),
            ("empty.img", "", "size is 0"),
            ("unknown.img", "", "no file system"),
            ("dir", "", "no file system"),
            ("backed.img", "", if glass == Glass::Machine { "another file" } else { "nbd" }),
            ("elsewhere.img", "", if glass == Glass::Machine { "another file" } else { "nbd" }),
            ("header.img", "", if glass == Glass::Machine { "is damaged" } else { "nbd" }),
            ("table.img", ",rw", if glass == Glass::Machine { "is damaged" } else { "nbd" }),
            ("unknown.img", ",format=qcow2", if glass == Glass::Machine { "format qcow2" } else { "nbd" }),
            ("hidden.img", "", "may not read"),
            ("theirs.img", ",rw", "may not write"),
            ("looped.img", "", "/dev/loop"),
        ] {
            let mount = format!("host-image:/x={}/{name}{rest}{trust}", folder.path.display());
            refused(&["-m", &mount], words, &format!("-m {mount}: "));
        }
        let good = good.display();
        if glass == Glass::Container {
            refused(&["-m", &format!("host-image:/x={good}")], "attack", "-m host-image:/x=");
        }
        // Twice in one sandbox, in a share that may be written, and in two.
        let twice = [format!("host-image:/x={good},rw{trust}"), format!("host-image:/y={good}{trust}")];
        refused(&["-m", &twice[0], "-m", &twice[1]], "in use", "-m host-image:");
        refused(&["-m", &twice[1], "-m", &folder.bind("/w", ",rw")], "would break it", "-m host-bind:/w=");
        for tag in ["a/b", "", "terrarium-0", "123456789012345678901"] {
            refused(&["--disk", &format!("file:{tag}={good}")], if tag.is_empty() { "not a disk" } else { "tag of a disk" }, tag);
        }
        let name = fresh_name("image");
        let options = ["--detach", "-n", &name, "-m", &twice[1]];
        let started = run(glass, &options, &["sleep", "60"]).output().unwrap();
        assert!(started.status.success(), "{}", err(&started));
        let stop = Stop { user: glass.user(), name: name.clone() };
        refused(&["-m", &twice[0]], &name, &format!("-m {}: ", twice[0]));
        refused(&["-m", &folder.bind("/w", ",rw")], "would break it", "-m host-bind:/w=");
        if glass == Glass::Container {
            assert_eq!(out(&with(glass, &[&twice[1]], "cat /y/file")), "on the image\n", "both only read");
        }
        drop(stop);
    }
}

for_both! {
    machine at full scale:
    /// The same name is the user's image, and a link to one that the user may
    /// not read, in turn.
    fn an_image_that_is_swapped_meanwhile_shows_nothing_else(glass: Glass) {
        let (tree, folder) = (tree(glass), Folder::home(glass));
        let image = ext4(&folder, "mine.img", &tree.path);
        tree.file("file", "SECRET\n");
        let secret = ext4(&folder, "secret.img", &tree.path);
        chown(&secret, Some(0), Some(0)).unwrap();
        fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).unwrap();
        let (name, link) = (folder.path.join("x"), folder.path.join("link"));
        std::os::unix::fs::symlink(&secret, &link).unwrap();
        fs::rename(&image, &name).unwrap();
        let stop = std::sync::atomic::AtomicBool::new(false);
        let mount = format!("host-image:/x={}{}", name.display(), trust(glass));
        let answers = std::thread::scope(|scope| {
            scope.spawn(|| {
                while !stop.load(std::sync::atomic::Ordering::SeqCst) {
                    for (from, to) in [(&name, &image), (&link, &name), (&name, &link), (&image, &name)] {
                        fs::rename(from, to).unwrap();
                    }
                    std::thread::sleep(Duration::from_micros(300));
                }
            });
            let runs = if glass == Glass::Container { scaled(6, 60) } else { 5 };
            let answers: Vec<std::process::Output> = (0..runs).map(|_| with(glass, &[&mount], "cat /x/file")).collect();
            stop.store(true, std::sync::atomic::Ordering::SeqCst);
            answers
        });
        for output in answers {
            let (said, why) = (out(&output), err(&output));
            println!("{said}{why}");
            assert!(said == "on the image\n" || said.is_empty(), "{said}");
            let names_it = why.contains(&name.display().to_string()) || why.contains("for /x ");
            assert!(!said.is_empty() || output.status.code() == Some(125) && names_it, "{why}");
        }
    }
}

for_both! {
    fn an_image_that_vanishes_is_told_of(glass: Glass) {
        let (tree, folder) = (tree(glass), Folder::home(glass));
        let image = ext4(&folder, "a.img", &tree.path);
        let (name, mount) = (fresh_name("vanishes"), format!("host-image:/a={}{}", image.display(), trust(glass)));
        let script = "echo ready; read line; cat /a/file; echo end";
        let mut ctl = run(glass, &["-n", &name, "-m", &mount], &["sh", "-c", script]);
        let ctl = ctl.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let mut ctl = ctl.unwrap();
        let has_said = |one: serde_json::Value| one["status"]["streams"][0]["end"].as_u64() > Some(0);
        wait_for("the image", Duration::from_secs(60), || listed(glass.user(), &name).is_some_and(has_said));
        fs::remove_file(&image).unwrap();
        drop(ctl.stdin.take());
        let output = ctl.wait_with_output().unwrap();
        // Whoever has it open has it.
        assert_eq!((out(&output).as_str(), output.status.code()), ("ready\non the image\nend\n", Some(0)), "{}", err(&output));
        assert!(err(&output).contains("-m host-image:") && err(&output).contains("a.img"), "{}", err(&output));
    }
}
