// SPDX-License-Identifier: LGPL-2.1-or-later
//! Where a setting came from: what is wrong with an option is said of the
//! option as it was typed, and not of the key that it became.

use crate::args::Run;
use crate::fault::Fault;
use std::ffi::OsStr;
use terrarium_engine::profile::Profile;
use terrarium_engine::Error;

/// What a profile had before the options were added.
#[derive(Default)]
pub struct Origin {
    mounts: usize,
    disks: usize,
    include: usize,
    unmask: usize,
    allow: usize,
    block: usize,
    dns: usize,
    forwards: usize,
}

impl Origin {
    /// Of a profile to which no option was added yet.
    pub fn of(profile: &Profile) -> Self {
        let (files, network) = (&profile.files, &profile.network);
        Self {
            mounts: files.mounts.len(),
            disks: files.disks.len(),
            include: files.include.len(),
            unmask: files.unmask.len(),
            allow: network.allow.len(),
            block: network.block.len(),
            dns: network.dns.len(),
            forwards: network.forwards.len(),
        }
    }

    /// The option that a key came from, as it was typed; else the key.
    pub fn name(&self, options: &Run, field: &str) -> String {
        self.listed(options, field).or_else(|| single(options, field)).unwrap_or_else(|| field.to_owned())
    }

    /// A fault, of options where it is of them.
    pub fn named(&self, options: &Run, fault: Fault) -> Fault {
        let Fault::Engine(Error::Problems(mut problems)) = fault else { return fault };
        for problem in &mut problems {
            problem.field = self.name(options, &problem.field);
        }
        Fault::Engine(Error::Problems(problems))
    }

    /// What may be there several times: those of the profile come first.
    fn listed(&self, options: &Run, field: &str) -> Option<String> {
        let at = |list: &str, before: usize| index(field, list)?.checked_sub(before);
        let word = |option: &str, text: Option<&OsStr>| Some(written(option, text?));
        let text =
            |option: &str, list: &[String], at: Option<usize>| word(option, list.get(at?).map(OsStr::new));
        if let Some(at) = at("files.mounts", self.mounts) {
            return word("-m", options.mount.get(at).map(AsRef::as_ref));
        }
        if let Some(at) = at("files.disks", self.disks) {
            return word("--disk", options.disk.get(at).map(AsRef::as_ref));
        }
        if let Some(at) = at("files.include", self.include) {
            // Behind those of `-i` come those of lists, of which it is not known how long each is.
            let list = options.includefile.first().filter(|_| options.includefile.len() == 1);
            return word("-i", options.include.get(at).map(AsRef::as_ref))
                .or_else(|| word("-I", list.map(AsRef::as_ref)));
        }
        if let Some(at) = at("files.unmask", self.unmask) {
            return word("--unmask", options.unmask.get(at).map(AsRef::as_ref));
        }
        text("--allow", &options.allow, at("network.allow", self.allow))
            .or_else(|| text("--block", &options.block, at("network.block", self.block)))
            .or_else(|| text("--dns", &options.dns, at("network.dns", self.dns)))
            .or_else(|| text("--forward", &options.forward, at("network.forwards", self.forwards)))
            .or_else(|| {
                word("-N", interfaces(options).get(index(field, "network.interfaces")?).map(OsStr::new))
            })
    }
}

/// What is there once.
fn single(options: &Run, field: &str) -> Option<String> {
    let of = |option: &str, text: Option<&OsStr>| text.map(|text| written(option, text));
    let text = |option: &str, text: &Option<String>| of(option, text.as_deref().map(OsStr::new));
    if let Some(variable) = field.strip_prefix("command.environment.") {
        let is_it = |pair: &&String| pair.split_once('=').is_some_and(|(name, _)| name == variable);
        return of("-e", options.environment.iter().rfind(is_it).map(OsStr::new));
    }
    match field {
        "name" => text("-n", &options.name),
        "command.argv" if options.profile.is_none() => Some("COMMAND".to_owned()),
        "files.root" => of("-r", options.root.as_deref().map(AsRef::as_ref)),
        "files.writable" => text("--writable", &options.writable),
        "command.directory" => of("--cwd", options.cwd.as_deref().map(AsRef::as_ref)),
        "limits.memory" => text("--memory", &options.memory),
        "limits.cpus" => options.cpus.map(|cpus| format!("--cpus {cpus}")),
        "machine.connection" => text("-c", &options.connect),
        "machine.kernel" => text("--kernver", &options.kernver)
            .or_else(|| of("--kernpath", options.kernpath.as_deref().map(AsRef::as_ref)))
            .or_else(|| of("--kmodpath", options.kmodpath.as_deref().map(AsRef::as_ref))),
        "isolation" if options.container => Some("--container".to_owned()),
        "isolation" if options.machine => Some("--machine".to_owned()),
        "isolation" => text("-c", &options.connect),
        "network.mode" => of("-N", options.network.last().map(OsStr::new))
            .or_else(|| of("--allow", options.allow.first().map(OsStr::new))),
        _ => None,
    }
}

/// Those of `-N` that became interfaces; a mode takes away what was said before.
fn interfaces(options: &Run) -> Vec<&str> {
    let of_last = options.network.rsplit(|text| matches!(text.as_str(), "none" | "internet" | "full")).next();
    of_last.unwrap_or_default().iter().map(String::as_str).collect()
}

fn written(option: &str, text: &OsStr) -> String {
    format!("{option} {}", text.to_string_lossy())
}

/// `N` of `LIST[N]` or `LIST[N].key`.
fn index(field: &str, list: &str) -> Option<usize> {
    let (number, _) = field.strip_prefix(list)?.strip_prefix('[')?.split_once(']')?;
    number.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use terrarium_engine::profile::{Mount, MountKind, MountMode};

    #[test]
    fn options_are_named_as_they_were_typed_and_keys_as_they_are() {
        let mut profile = Profile::new("x".to_owned(), Vec::new());
        profile.files.mounts.push(Mount {
            kind: MountKind::Ram,
            source: "1M".into(),
            target: "/x".into(),
            mode: MountMode::Rw,
            format: None,
            trusted: false,
        });
        let origin = Origin::of(&profile);
        let options = Run {
            mount: vec!["host-bind:/in=/nothing".into(), "ram:/y=9T".into()],
            include: vec!["/tmp/a=/b".into()],
            includefile: vec!["list".into()],
            environment: vec!["A=1".into(), "A=2".into()],
            network: vec!["source=a".into(), "full".into(), "source=b".into(), "user".into()],
            forward: vec!["1:1".into()],
            memory: Some("9T".into()),
            machine: true,
            ..Run::default()
        };
        for (field, name) in [
            ("files.mounts[0].source", "files.mounts[0].source"),
            ("files.mounts[1].source", "-m host-bind:/in=/nothing"),
            ("files.mounts[2]", "-m ram:/y=9T"),
            ("files.mounts[3]", "files.mounts[3]"),
            ("files.include[0].target", "-i /tmp/a=/b"),
            ("files.include[1].target", "-I list"),
            ("command.environment.A", "-e A=2"),
            ("command.environment.B", "command.environment.B"),
            ("network.interfaces[1].user", "-N user"),
            ("network.interfaces[0].source", "-N source=b"),
            ("network.forwards[0]", "--forward 1:1"),
            ("network.mode", "-N user"),
            ("limits.memory", "--memory 9T"),
            ("limits.cpus", "limits.cpus"),
            ("isolation", "--machine"),
            ("command.argv", "COMMAND"),
            ("runtime", "runtime"),
        ] {
            assert_eq!(origin.name(&options, field), name, "{field}");
        }
    }
}
