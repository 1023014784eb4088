// SPDX-License-Identifier: LGPL-2.1-or-later
//! What sandboxes have written, and what must not have changed meanwhile.

use super::share::{picture, Folder};
use super::{err, out, Glass, User};
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::RwLockWriteGuard;

/// terrariumctl as the user of the glass.
pub fn ctl(glass: Glass, words: &[&str]) -> Output {
    glass.user().ctl().args(words).output().unwrap()
}

/// What `changes` prints.
pub fn changes(glass: Glass, name: &str, options: &[&str]) -> String {
    let shown = ctl(glass, &[&["changes", name], options].concat());
    assert!(shown.status.success(), "changes {name}: {}", err(&shown));
    out(&shown)
}

/// Where a user's layers lie.
pub fn layers_of(user: User) -> PathBuf {
    user.home().join(".local/share/terrarium/layers")
}

/// How many of them are of this name.
pub fn layers(glass: Glass, name: &str) -> usize {
    let entries = fs::read_dir(layers_of(glass.user())).into_iter().flatten().flatten();
    let is_it = |text: String| text.contains(&format!("\"name\":\"{name}\""));
    entries.filter(|entry| fs::read_to_string(entry.path().join("tag")).is_ok_and(is_it)).count()
}

/// The host's files that a sandbox might have written, and what is mounted.
pub struct Host {
    glass: Glass,
    files: Vec<String>,
    mounts: Vec<String>,
    _mine: RwLockWriteGuard<'static, ()>,
}

impl Host {
    /// As it is, and so for as long as this lives but for what its test does.
    pub fn now(glass: Glass) -> Self {
        let mine = super::traces::host_is_mine();
        Self { glass, files: files(glass), mounts: mounts(glass), _mine: mine }
    }

    /// Panics with the first difference.
    pub fn is_as_it_was(&self) {
        for (before, now) in [(&self.files, files(self.glass)), (&self.mounts, mounts(self.glass))] {
            let fresh = now.iter().find(|line| !before.contains(line));
            let gone = before.iter().find(|line| !now.contains(line));
            assert_eq!((gone, fresh), (None, None));
        }
    }
}

/// /etc and the user's home with all that is known of each file, but for
/// Terrarium's and libvirt's own; the top of other folders.
fn files(glass: Glass) -> Vec<String> {
    let home = glass.user().home();
    let own = [".cache", ".local", ".config"].map(|name| home.join(name));
    let mut all = picture(std::path::Path::new("/etc"));
    // Where libvirt keeps the networks and filters of sandboxes that run meanwhile.
    let libvirts = ["/etc/libvirt ", "/etc/libvirt/qemu/networks", "/etc/libvirt/nwfilter"];
    all.retain(|line| !libvirts.iter().any(|place| line.starts_with(place)));
    let keep = |line: &String| {
        !line.contains("/terrarium-share")
            && !own.iter().any(|own| line.starts_with(&own.display().to_string()))
    };
    all.extend(
        picture(&home)
            .into_iter()
            .filter(|line| keep(line) && !line.starts_with(&format!("{} ", home.display()))),
    );
    for top in ["/", "/usr", "/usr/bin", "/opt", "/var", "/srv"] {
        all.extend(
            fs::read_dir(top).into_iter().flatten().flatten().map(|entry| entry.path().display().to_string()),
        );
    }
    all
}

/// Without those of others, who use this computer at the same time.
fn mounts(glass: Glass) -> Vec<String> {
    let text = fs::read_to_string("/proc/self/mountinfo").unwrap();
    let mine = format!("terrarium-{}-", glass.user().uid());
    let is_ours = |line: &&str| {
        line.contains(&mine)
            || !line.contains("/terrarium") && !line.contains("/tmp/") && !line.contains("/libvirt/")
    };
    text.lines().filter(is_ours).filter(|line| !line.contains("/run/libvirt")).map(str::to_owned).collect()
}

/// A small package with a program and a setting; its file's name.
pub fn package(folder: &Folder) -> &'static str {
    let top = tempfile::tempdir().unwrap();
    let put = |path: &str, text: &str, mode: u32| {
        let path = top.path().join("tree").join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
    };
    put("DEBIAN/control", "Package: terrarium-test-tool\nVersion: 1\nArchitecture: all\nMaintainer: A Test <test@example.org>\nDescription: says that it is there\n", 0o644);
    put("DEBIAN/postinst", "#!/bin/sh\nchown root:root /etc/terrarium-test.conf\n", 0o755);
    put("usr/bin/terrarium-test-tool", "#!/bin/sh\necho installed\n", 0o755);
    put("etc/terrarium-test.conf", "setting\n", 0o644);
    let file = folder.path.join("tool.deb");
    let built = Command::new("dpkg-deb")
        .args(["--root-owner-group", "-b"])
        .arg(top.path().join("tree"))
        .arg(&file)
        .output()
        .unwrap();
    assert!(built.status.success(), "{}", err(&built));
    folder.own(&file);
    "tool.deb"
}

/// Runs it; its output and the most memory that it had, in KiB.
pub fn measured(command: &mut Command) -> (Output, u64) {
    let time = tempfile::NamedTempFile::new().unwrap();
    let mut timed = Command::new("/usr/bin/time");
    timed.args(["-f", "%M", "-o"]).arg(time.path()).arg(command.get_program()).args(command.get_args());
    timed.env_clear().current_dir("/");
    for (name, value) in command.get_envs() {
        if let Some(value) = value {
            timed.env(name, value);
        }
    }
    let output = timed.output().unwrap();
    let text = fs::read_to_string(time.path()).unwrap();
    (output, text.lines().last().and_then(|line| line.trim().parse().ok()).unwrap_or(u64::MAX))
}
