// SPDX-License-Identifier: LGPL-2.1-or-later
//! What a machine's root can do that got rid of our init: the very exports
//! and kernel of a plan, with another init that tries all it can.

use crate::common::traces::host_is_changed;
use crate::common::*;
use std::fs;
use std::os::unix::fs::{chown, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// One file of a cpio archive ("newc"), and its end.
fn archive(name: &str, content: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (name, content, mode) in [(name, content, 0o100_755), ("TRAILER!!!", &[][..], 0)] {
        let numbers = [1, mode, 0, 0, 1, 0, content.len(), 0, 0, 0, 0, name.len() + 1, 0];
        bytes.extend(b"070701");
        numbers.iter().for_each(|number| bytes.extend(format!("{number:08x}").as_bytes()));
        for part in [[name.as_bytes(), b"\0"].concat().as_slice(), content] {
            bytes.extend(part);
            bytes.resize(bytes.len().next_multiple_of(4), 0);
        }
    }
    bytes
}

/// The text between two others.
fn between<'a>(text: &'a str, from: &str, to: &str) -> &'a str {
    text.split_once(from)
        .and_then(|(_, rest)| rest.split_once(to))
        .unwrap_or_else(|| panic!("{from} in {text}"))
        .0
}

/// Files to be found, or spoilt; they go with the test.
struct Marks(Vec<PathBuf>);

impl Marks {
    fn file(&mut self, path: PathBuf, owner: User) {
        fs::write(&path, "as it was").unwrap();
        chown(&path, Some(owner.uid()), Some(owner.uid())).unwrap();
        self.0.push(path);
    }
}

impl Drop for Marks {
    fn drop(&mut self) {
        self.0.iter().for_each(|path| drop(fs::remove_file(path)));
    }
}

/// A victim, a FIFO and a way out in each folder that is shown (they belong to
/// the user, so that permissions protect none of them), secrets elsewhere.
fn lay_out(user: User, shown: &[String]) -> Marks {
    let mut marks = Marks(Vec::new());
    for folder in shown {
        let at = |name: &str| Path::new(folder).join(format!("terrarium-mark-{name}"));
        marks.file(at("victim"), user);
        let _ = std::os::unix::fs::symlink(user.home(), at("way"));
        assert!(Command::new("mkfifo").args(["-m", "666"]).arg(at("fifo")).status().unwrap().success());
        marks.0.extend([at("way"), at("fifo")]);
    }
    let ssh = user.home().join(".ssh");
    fs::create_dir_all(&ssh).unwrap();
    chown(&ssh, Some(user.uid()), Some(user.uid())).unwrap();
    let run = user.runtime().parent().unwrap().to_owned();
    for folder in [ssh, run, user.home(), "/root".into(), "/tmp".into()] {
        marks.file(folder.join("terrarium-mark-secret"), user);
    }
    marks
}

/// The domain of a plan, with another init, and a serial port to hear it.
fn changed(xml: &str, folder: &Path, user: User) -> String {
    let domain = between(xml, "<name>", "</name>").to_owned();
    let initrd = between(xml, "<initrd>", "</initrd>").to_owned();
    let mut bytes = fs::read(&initrd).unwrap();
    bytes.resize(bytes.len().next_multiple_of(512), 0);
    bytes.extend(archive("init", &fs::read(compiled("guest.c", folder)).unwrap()));
    let (fresh, heard) = (folder.join("initrd"), folder.join("heard"));
    fs::write(&fresh, bytes).unwrap();
    let sockets = between(xml, "<source mode='bind' path='", "/0'").to_owned();
    let uuid = between(xml, "<uuid>", "</uuid>").to_owned();
    // The sandbox's own has no name any more.
    let (layer, disk) = (between(xml, "<source file='", "'").to_owned(), folder.join("disk"));
    fs::write(&disk, vec![0; 1 << 20]).unwrap();
    let serial = format!("<serial type='file'><source path='{}'/></serial></devices>", heard.display());
    let id = xml.find("<domain").map(|at| xml[at..].split('>').next().unwrap().to_owned()).unwrap();
    let fresh_id = id.split(" id='").next().unwrap().to_owned();
    let text = xml
        .replacen(&id, &fresh_id, 1)
        .replace(&domain, &format!("terrarium-probe-{}", user.uid()))
        .replace(&format!("<uuid>{uuid}</uuid>"), "")
        .replace(&initrd, &fresh.display().to_string())
        .replace(&layer, &disk.display().to_string())
        .replace(&sockets, &folder.display().to_string())
        .replacen("</devices>", &serial, 1);
    text
}

#[test]
fn the_guest_s_own_root_finds_and_writes_nothing() {
    let _host = host_is_changed();
    let user = User::Plain;
    let sandbox = detached(Glass::Machine, "sleep 300");
    let xml = out(&user.ctl().args(["show", "--xml", &sandbox.name]).output().unwrap());
    let shown: Vec<String> =
        xml.split("<source dir='").skip(1).map(|rest| rest.split('\'').next().unwrap().to_owned()).collect();
    let folder = tempfile::tempdir().unwrap();
    let text = changed(&xml, folder.path(), user);
    drop(sandbox);
    let marks = lay_out(user, &shown);
    let is_fifo = |path: &&PathBuf| path.to_string_lossy().ends_with("-fifo");
    let readers =
        marks.0.iter().filter(is_fifo).map(|path| fs::OpenOptions::new().read(true).write(true).open(path));
    let _readers: Vec<_> = readers.map(Result::unwrap).collect();
    // What may be read is readable by all, on the host.
    for path in [folder.path(), &folder.path().join("initrd"), &folder.path().join("disk")] {
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
        chown(path, Some(user.uid()), Some(user.uid())).unwrap();
    }
    let file = folder.path().join("domain.xml");
    fs::write(&file, &text).unwrap();
    let virsh = |args: &[&str]| {
        user.command("virsh").args(["-q", "-c", "qemu:///session"]).args(args).output().unwrap()
    };
    let made = virsh(&["create", file.to_str().unwrap()]);
    assert!(made.status.success(), "{}\n{text}", err(&made));
    let heard = || fs::read_to_string(folder.path().join("heard")).unwrap_or_default();
    let name = format!("terrarium-probe-{}", user.uid());
    let wait = std::panic::catch_unwind(|| {
        wait_for("the guest", Duration::from_secs(120), || {
            heard().contains("DONE") || !out(&virsh(&["list", "--name"])).contains(&name)
        });
    });
    virsh(&["destroy", &name]);
    assert!(wait.is_ok(), "{}", heard());
    let heard = heard();
    assert!(heard.contains(&format!("DONE {} tags", shown.len())) && heard.contains("uid 0"), "{heard}");
    assert_eq!(heard.matches("TRIED ").count(), shown.len(), "{heard}");
    let names: u64 = between(&heard, "tags, ", " names").parse().unwrap();
    assert!(names > 1000, "it hardly looked: {heard}");
    for word in ["WROTE", "FOUND", "OPENED", "NOT"] {
        assert!(!heard.contains(word), "{heard}");
    }
    for mark in marks.0.iter().filter(|mark| mark.to_string_lossy().ends_with("-victim")) {
        assert_eq!(fs::read_to_string(mark).unwrap(), "as it was");
        assert_eq!(fs::metadata(mark).unwrap().permissions().mode() & 0o7777, 0o644);
    }
}
