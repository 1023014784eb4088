// SPDX-License-Identifier: LGPL-2.1-or-later
//! The form of a profile: every key, and what its value has to be.
//!
//! serde stops at the first fault; people want all of them at once, each with
//! its line. So the text is held against this table first.

use super::parse::{parse_size, Fault, FaultKind, Lines};
use toml::de::{DeTable, DeValue};
use toml::Spanned;

/// What a value has to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expected {
    /// Any text.
    Text,
    /// A whole number that is not negative.
    Number,
    /// A size such as `"1 GiB"`, or a number of bytes.
    Size,
    /// `true` or `false`.
    Flag,
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// A list of texts.
    Texts,
    /// A table of texts whose keys are free.
    Variables,
    /// A table with these keys.
    Table(&'static [Key]),
    /// A list of tables with these keys.
    Tables(&'static [Key]),
}

/// One key of a table.
#[derive(Debug, PartialEq, Eq)]
pub struct Key {
    name: &'static str,
    value: Expected,
    required: bool,
}

const fn key(name: &'static str, value: Expected) -> Key {
    Key { name, value, required: false }
}

const fn required(name: &'static str, value: Expected) -> Key {
    Key { name, value, required: true }
}

use Expected::{Flag, Number, OneOf, Size, Table, Tables, Text, Texts, Variables};

const PROFILE: &[Key] = &[
    required("version", Number),
    required("name", Text),
    key("colour", OneOf(&["red", "orange", "amber", "green", "teal", "blue", "purple", "grey"])),
    key("icon", OneOf(super::icon::WORDS)),
    key("isolation", OneOf(&["container", "machine"])),
    required("command", Table(COMMAND)),
    key("display", Table(DISPLAY)),
    key("files", Table(FILES)),
    key("network", Table(NETWORK)),
    key("limits", Table(&[key("memory", Size), key("cpus", Number)])),
    key("machine", Table(MACHINE)),
    key("security", Table(&[key("privileged", Flag)])),
];

const COMMAND: &[Key] = &[
    required("argv", Texts),
    key("directory", Text),
    key("environment", Variables),
    key("until", OneOf(&["command", "all"])),
];

const DISPLAY: &[Key] = &[
    key("kind", OneOf(&["terminal", "window", "none"])),
    key("clipboard", OneOf(&["off", "in", "out", "both", "ask"])),
    key("manager", OneOf(&["small", "none", "session"])),
    key("session", Texts),
    key("sound", Flag),
    key("microphone", Flag),
    key("drop", Flag),
    key("usb", Flag),
    key("monitors", Number),
];

const FILES: &[Key] = &[
    key("home", OneOf(&["private", "kept", "readonly"])),
    key("changes", OneOf(&["discard", "keep", "review"])),
    key("writable", Size),
    key("root", Text),
    key("unmask", Texts),
    key("mounts", Tables(MOUNT)),
    key("disks", Tables(DISK)),
    key("include", Tables(&[required("source", Text), required("target", Text)])),
];

const MOUNT: &[Key] = &[
    required("type", OneOf(&["host-bind", "host-image", "guest-bind", "ram"])),
    key("source", Text),
    required("target", Text),
    key("mode", OneOf(&["ro", "rw"])),
    key("format", OneOf(&["raw", "qcow2"])),
    key("trusted", Flag),
];

const DISK: &[Key] = &[
    required("tag", Text),
    required("source", Text),
    key("mode", OneOf(&["ro", "rw"])),
    key("format", OneOf(&["raw", "qcow2"])),
];

const NETWORK: &[Key] = &[
    key("mode", OneOf(&["none", "internet", "full", "custom"])),
    key("allow", Texts),
    key("block", Texts),
    key("dns", Texts),
    key("interfaces", Tables(INTERFACE)),
];

const INTERFACE: &[Key] = &[
    key("source", Text),
    key("user", Flag),
    key("dhcp", Flag),
    key("mac", Text),
    key("addresses", Texts),
    key("routes", Texts),
    key("filter", Text),
    key("parameters", Variables),
    key("inbound", Text),
    key("outbound", Text),
];

const MACHINE: &[Key] = &[
    key("accelerator", OneOf(&["auto", "kvm", "emulation"])),
    key("kernel", Text),
    key("kernel_path", Text),
    key("modules_path", Text),
    key("connection", Text),
];

/// Everything in which `table` is no profile, in the order of the lines.
pub(super) fn check(lines: &Lines, table: &Spanned<DeTable>) -> Vec<Fault> {
    let mut check = Check { lines, faults: Vec::new() };
    check.table("", PROFILE, table.get_ref(), 0);
    check.faults.sort_by_key(|fault| fault.line);
    check.faults
}

struct Check<'a> {
    lines: &'a Lines,
    faults: Vec<Fault>,
}

impl Check<'_> {
    fn add(&mut self, line: usize, what: FaultKind) {
        self.faults.push(Fault { line, what });
    }

    fn table(&mut self, path: &str, keys: &'static [Key], table: &DeTable, line: usize) {
        let whole = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
        for (name, value) in table {
            let line = self.lines.of(name.span().start);
            let name = name.get_ref().as_ref();
            match keys.iter().find(|key| key.name == name) {
                None => self.add(line, FaultKind::UnknownKey { key: whole(name) }),
                Some(key) => self.value(&whole(name), &key.value, value, line),
            }
        }
        for key in keys.iter().filter(|key| key.required && !table.contains_key(key.name)) {
            self.add(line, FaultKind::Missing { key: whole(key.name) });
        }
    }

    fn value(&mut self, path: &str, expected: &Expected, value: &Spanned<DeValue>, line: usize) {
        let good = match (expected, value.get_ref()) {
            (Text, DeValue::String(_)) | (Flag, DeValue::Boolean(_)) => true,
            (Number | Size, DeValue::Integer(number)) => {
                let most = if *expected == Size { u64::MAX } else { u32::MAX.into() };
                u64::from_str_radix(number.as_str(), number.radix()).is_ok_and(|number| number <= most)
            }
            (Size, DeValue::String(text)) => parse_size(text).is_some(),
            (OneOf(words), DeValue::String(text)) => words.contains(&text.as_ref()),
            (Texts, DeValue::Array(items)) => items.iter().all(|item| item.get_ref().is_str()),
            (Variables, DeValue::Table(table)) => table.iter().all(|(_, value)| value.get_ref().is_str()),
            (Table(keys), DeValue::Table(table)) => {
                self.table(path, keys, table, line);
                true
            }
            (Tables(keys), DeValue::Array(items)) => {
                for (index, item) in items.iter().enumerate() {
                    self.value(
                        &format!("{path}[{index}]"),
                        &Table(keys),
                        item,
                        self.lines.of(item.span().start),
                    );
                }
                true
            }
            _ => false,
        };
        if !good {
            let line = line.max(self.lines.of(value.span().start));
            self.add(line, FaultKind::WrongValue { key: path.to_owned(), expected: expected.clone() });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::{parse, to_toml, Profile};

    fn faults(text: &str) -> Vec<(usize, FaultKind)> {
        parse(text).unwrap_err().faults.into_iter().map(|fault| (fault.line, fault.what)).collect()
    }

    fn wrong(key: &str, expected: Expected) -> FaultKind {
        FaultKind::WrongValue { key: key.into(), expected }
    }

    #[test]
    fn every_fault_is_found_at_once() {
        let text = "version = 1\nname = 7\ncolour = \"pink\"\nnonsense = 1\n[command]\nargv = [\"a\", 1]\n\
                    [limits]\nmemory = \"much\"\ncpus = -1\n[[files.mounts]]\ntype = \"ram\"\n\
                    [security]\nprivileged = \"yes\"\n";
        let colours = OneOf(&["red", "orange", "amber", "green", "teal", "blue", "purple", "grey"]);
        let expected = [
            (2, wrong("name", Text)),
            (3, wrong("colour", colours)),
            (4, FaultKind::UnknownKey { key: "nonsense".into() }),
            (6, wrong("command.argv", Texts)),
            (8, wrong("limits.memory", Size)),
            (9, wrong("limits.cpus", Number)),
            (10, FaultKind::Missing { key: "files.mounts[0].target".into() }),
            (13, wrong("security.privileged", Flag)),
        ];
        assert_eq!(faults(text), expected);
    }

    #[test]
    fn what_is_missing_is_named() {
        let missing = |key: &str| (0, FaultKind::Missing { key: key.into() });
        assert_eq!(faults(""), [missing("version"), missing("name"), missing("command")]);
    }

    #[test]
    fn this_table_and_the_profile_know_the_same_keys() {
        let full = r#"{"version":1,"name":"x","colour":"red","icon":"web","isolation":"machine",
            "command":{"argv":["a"],"directory":"/","environment":{"A":"b"},"until":"all"},
            "display":{"kind":"none","clipboard":"off","manager":"session","session":["xfce4-session","x"],
            "sound":true,"microphone":true,"drop":true,"usb":true,"monitors":2},
            "files":{"home":"kept","changes":"keep","writable":"3 GiB","unmask":["~/.ssh"],"root":"/r","disks":[{"tag":"t","source":"/d","mode":"ro","format":"raw"}],"include":[{"source":"/a","target":"/b"}],"mounts":[{"type":"ram","source":"1M","target":"/x","mode":"rw","format":"raw","trusted":true}]},
            "network":{"mode":"full","allow":["a:1/tcp"],"block":["b"],"dns":["10.0.0.1"],"interfaces":[{"source":"default",
            "user":true,"dhcp":true,"mac":"52:54:00:00:00:01","addresses":["10.0.0.2/24"],"routes":["10.1.0.0/16%10.0.0.1"],
            "filter":"x","parameters":{"IP":"10.0.0.2"},"inbound":"1M","outbound":"2M"}]},"limits":{"memory":"2 GiB","cpus":2},
            "machine":{"accelerator":"kvm","kernel":"6","kernel_path":"/k","modules_path":"/m","connection":"qemu:///system"},
            "security":{"privileged":true}}"#;
        let profile: Profile = serde_json::from_str(full).unwrap();
        let text = to_toml(&profile).unwrap();
        assert_eq!(parse(&text).unwrap(), profile);
        let written: toml::Table = text.parse().unwrap();
        assert_same("", PROFILE, &written);
    }

    fn assert_same(path: &str, keys: &[Key], table: &toml::Table) {
        let mut known: Vec<&str> = keys.iter().map(|key| key.name).collect();
        let mut written: Vec<&str> = table.keys().map(String::as_str).collect();
        known.sort_unstable();
        written.sort_unstable();
        assert_eq!(known, written, "in [{path}]");
        for key in keys {
            match (&key.value, &table[key.name]) {
                (Table(keys), toml::Value::Table(inner)) => assert_same(key.name, keys, inner),
                (Tables(keys), toml::Value::Array(all)) => {
                    assert_same(key.name, keys, all[0].as_table().unwrap());
                }
                _ => {}
            }
        }
    }

    #[test]
    fn every_word_of_the_table_is_one_of_the_profile() {
        fn check(path: &str, keys: &[Key]) {
            for key in keys {
                let path = if path.is_empty() { key.name.to_owned() } else { format!("{path}.{}", key.name) };
                match &key.value {
                    Table(keys) => check(&path, keys),
                    OneOf(words) => words.iter().for_each(|word| one(&path, word)),
                    _ => {}
                }
            }
        }
        fn one(path: &str, word: &str) {
            let text = format!("version = 1\nname = \"x\"\n{path} = \"{word}\"\n[command]\nargv = [\"a\"]\n");
            let text = if path.starts_with("command.") {
                format!("version = 1\nname = \"x\"\ncommand.argv = [\"a\"]\n{path} = \"{word}\"\n")
            } else {
                text
            };
            assert!(parse(&text).is_ok(), "{path} = {word}: {:?}", parse(&text));
        }
        check("", PROFILE);
    }
}
