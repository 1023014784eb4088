// SPDX-License-Identifier: LGPL-2.1-or-later
//! The command line of `terrariumctl` that does what a profile says.

use super::{
    Accelerator, Changes, Clipboard, Display, DisplayKind, Files, Home, Isolation, MountKind, MountMode,
};
use super::{Network, NetworkMode, Profile, Until};
use std::path::Path;

/// The words of the command line, and whether they say all of the profile.
#[must_use]
pub fn command_line(profile: &Profile) -> (Vec<String>, bool) {
    let shown = match profile.display.kind {
        DisplayKind::Terminal => "-t",
        DisplayKind::Window => "--display",
        DisplayKind::None => "-T",
    };
    let mut words = vec!["terrariumctl".to_owned(), "run".into(), shown.into()];
    words.extend(profile.isolation.map(|isolation| match isolation {
        Isolation::Container => "--container".to_owned(),
        Isolation::Machine => "--machine".to_owned(),
    }));
    if profile.display.kind == DisplayKind::Window {
        words.push(format!("--clipboard={}", policy(profile.display.clipboard)));
        words.extend(profile.display.sound.then(|| "--sound".to_owned()));
    }
    files(profile, &mut words);
    match profile.network.mode {
        NetworkMode::Internet => words.extend(["-N".to_owned(), "internet".into()]),
        NetworkMode::Full => words.extend(["-N".to_owned(), "full".into()]),
        NetworkMode::None | NetworkMode::Custom => {}
    }
    words.push(format!("--memory={}", short(profile.limits.memory)));
    words.extend(profile.limits.cpus.map(|cpus| format!("--cpus={cpus}")));
    words.extend(profile.security.privileged.then(|| "-p".to_owned()));
    words.extend(profile.command.directory.as_deref().map(|path| with("--cwd", path)));
    for (name, value) in &profile.command.environment {
        words.extend(["-e".to_owned(), format!("{name}={value}")]);
    }
    words.extend(profile.command.until.map(|until| match until {
        Until::Command => "--until=command".to_owned(),
        Until::All => "--until=all".to_owned(),
    }));
    machine(profile, &mut words);
    words.push("--".into());
    words.extend(profile.command.argv.iter().map(|word| word.to_string_lossy().into_owned()));
    (words, is_complete(profile))
}

/// `1536M`
fn short(size: u64) -> String {
    super::format_size(size).replace([' ', 'i', 'B'], "")
}

fn with(option: &str, path: &Path) -> String {
    format!("{option}={}", path.display())
}

fn files(profile: &Profile, words: &mut Vec<String>) {
    for mount in &profile.files.mounts {
        let kind = match mount.kind {
            MountKind::HostBind => "host-bind",
            MountKind::HostImage => "host-image",
            MountKind::GuestBind => "guest-bind",
            MountKind::Ram => "ram",
        };
        let mode = if mount.mode == MountMode::Rw { ",rw" } else { "" };
        let format = mount.format.map(|format| format!(",format={}", format.word())).unwrap_or_default();
        let trusted = if mount.trusted { ",trusted" } else { "" };
        let (target, source) = (mount.target.display(), mount.source.display());
        let text = format!("{kind}:{target}={source}{format}{mode}{trusted}");
        words.extend(["-m".to_owned(), text]);
    }
    for copy in &profile.files.include {
        words.extend(["-i".to_owned(), format!("{}={}", copy.target.display(), copy.source.display())]);
    }
    for disk in &profile.files.disks {
        let mode = if disk.mode == MountMode::Rw { ",rw" } else { "" };
        let format = disk.format.map(|format| format!(",format={}", format.word())).unwrap_or_default();
        words.push(format!("--disk=file:{}={}{format}{mode}", disk.tag, disk.source.display()));
    }
    words.extend(profile.files.root.as_deref().map(|path| with("--root", path)));
    words.extend(match profile.files.changes {
        Changes::Discard => None,
        Changes::Keep => Some("--changes=keep".to_owned()),
        Changes::Review => Some("--changes=review".to_owned()),
    });
    let usual = Files::default().writable;
    let writable = Some(profile.files.writable).filter(|size| *size != usual);
    words.extend(writable.map(|size| format!("--writable={}", short(size))));
    words.extend(profile.files.unmask.iter().map(|path| with("--unmask", path)));
}

fn machine(profile: &Profile, words: &mut Vec<String>) {
    let machine = &profile.machine;
    words.extend(machine.connection.as_ref().map(|uri| format!("--connect={uri}")));
    match machine.accelerator {
        Accelerator::Auto => {}
        Accelerator::Kvm => words.push("--accelerator=kvm".into()),
        Accelerator::Emulation => words.push("--accelerator=emulation".into()),
    }
    words.extend(machine.kernel.as_ref().map(|version| format!("--kernver={version}")));
    words.extend(machine.kernel_path.as_deref().map(|path| with("--kernpath", path)));
    words.extend(machine.modules_path.as_deref().map(|path| with("--kmodpath", path)));
}

/// Whether options can say it; the rest needs `--profile`.
fn is_complete(profile: &Profile) -> bool {
    let display = Display {
        kind: profile.display.kind,
        clipboard: profile.display.clipboard,
        sound: profile.display.sound,
        ..Display::default()
    };
    profile.display == display
        && profile.files.home == Home::Private
        && profile.network == Network { mode: profile.network.mode, ..Network::default() }
        && profile.network.mode != NetworkMode::Custom
}

fn policy(clipboard: Clipboard) -> &'static str {
    match clipboard {
        Clipboard::Off => "off",
        Clipboard::In => "in",
        Clipboard::Out => "out",
        Clipboard::Both => "both",
        Clipboard::Ask => "ask",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::Mount;

    #[test]
    fn what_options_can_say_is_said() {
        let mut profile = Profile::new("x", vec!["xterm".into(), "-e".into()]);
        assert_eq!(command_line(&profile).0.join(" "), "terrariumctl run -t --memory=1G -- xterm -e");
        profile.display.kind = DisplayKind::Window;
        profile.display.sound = true;
        profile.isolation = Some(Isolation::Machine);
        profile.limits.memory = 1536 << 20;
        profile.limits.cpus = Some(2);
        profile.files.mounts = vec![Mount {
            kind: MountKind::HostBind,
            source: "~/a".into(),
            target: "/b".into(),
            mode: MountMode::Rw,
            format: None,
            trusted: false,
        }];
        let (words, complete) = command_line(&profile);
        let expected = "terrariumctl run --display --machine --clipboard=ask --sound -m host-bind:/b=~/a,rw \
                        --memory=1536M --cpus=2 -- xterm -e";
        assert_eq!(words.join(" "), expected);
        assert!(complete);
        profile.network.mode = NetworkMode::Internet;
        assert!(command_line(&profile).0.join(" ").contains(" -N internet "));
        profile.files.home = Home::Kept;
        assert!(!command_line(&profile).1);
    }
}
