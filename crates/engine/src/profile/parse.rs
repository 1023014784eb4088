// SPDX-License-Identifier: LGPL-2.1-or-later
//! Profiles as text.

use super::{Profile, VERSION};
use serde::Deserialize;

/// Everything that is wrong with a profile's text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseError {
    /// In the order of the lines; never empty.
    pub faults: Vec<Fault>,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Line, from 1; 0 if it has none.
    pub line: usize,
    /// What it is.
    pub what: FaultKind,
}

/// What can be wrong with a profile's text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// A newer version of the format.
    Newer {
        /// Its version.
        version: i64,
    },
    /// No such key.
    UnknownKey {
        /// The whole key, such as `limits.memori`.
        key: String,
    },
    /// Anything else, in the words of the TOML library.
    Other {
        /// Its words.
        message: String,
    },
}

/// Longest profile that is read, in bytes.
pub const MAX: usize = 8 * 1024 * 1024;

/// Reads a profile.
///
/// # Errors
/// It is no profile; every unknown key is named, with its line.
pub fn parse(text: &str) -> Result<Profile, ParseError> {
    let table: toml::Spanned<toml::de::DeTable> =
        toml::de::DeTable::parse(text).map_err(|error| one(text, &error))?;
    if let Some(version) = table.get_ref().get("version").and_then(|value| value.get_ref().as_integer()) {
        let version = i64::from_str_radix(version.as_str(), version.radix()).unwrap_or(i64::MAX);
        if version > i64::from(VERSION) {
            return Err(ParseError { faults: vec![Fault { line: 0, what: FaultKind::Newer { version } }] });
        }
    }
    let mut faults = unknown_keys(text, table.get_ref());
    match Profile::deserialize(toml::Deserializer::from(table)) {
        Ok(profile) if faults.is_empty() => Ok(profile),
        Ok(_) => Err(ParseError { faults }),
        // The library stops at the first unknown key, which is ours already.
        Err(error) if faults.is_empty() => Err(one(text, &error)),
        Err(error) => {
            if !error.message().contains("unknown field") {
                faults.push(fault(text, &error));
            }
            Err(ParseError { faults })
        }
    }
}

fn one(text: &str, error: &toml::de::Error) -> ParseError {
    ParseError { faults: vec![fault(text, error)] }
}

fn fault(text: &str, error: &toml::de::Error) -> Fault {
    let line = error.span().map_or(0, |span| line_of(text, span.start));
    Fault { line, what: FaultKind::Other { message: error.message().trim().replace('\n', " ") } }
}

fn line_of(text: &str, offset: usize) -> usize {
    newlines(text.get(..offset).unwrap_or(text)) + 1
}

fn newlines(text: &str) -> usize {
    text.bytes().filter(|&byte| byte == b'\n').count()
}

/// Keys of each table; `None` for a table whose keys are free.
fn known(table: &str) -> Option<&'static [&'static str]> {
    Some(match table {
        "" => &[
            "version",
            "name",
            "colour",
            "isolation",
            "command",
            "display",
            "files",
            "network",
            "limits",
            "machine",
            "security",
        ],
        "command" => &["argv", "directory", "environment", "until"],
        "display" => &["kind", "clipboard"],
        "files" => &["home", "changes", "mounts"],
        "files.mounts" => &["type", "source", "target", "mode"],
        "network" => &["mode"],
        "limits" => &["memory", "cpus"],
        "machine" => &["accelerator", "kernel", "kernel_path", "modules_path", "connection"],
        "security" => &["privileged"],
        _ => return None,
    })
}

fn unknown_keys(text: &str, table: &toml::de::DeTable) -> Vec<Fault> {
    let mut found = Vec::new();
    check_table("", table, &mut found);
    found.sort();
    // One pass over the text for all of them: there can be a million.
    let (mut line, mut counted) = (1, 0);
    let fault = |(offset, key): (usize, String)| {
        line += newlines(text.get(counted..offset).unwrap_or_default());
        counted = offset;
        Fault { line, what: FaultKind::UnknownKey { key } }
    };
    found.into_iter().map(fault).collect()
}

/// Finds keys that nobody knows: where each stands, and its whole name.
fn check_table(path: &str, table: &toml::de::DeTable, found: &mut Vec<(usize, String)>) {
    let Some(keys) = known(path) else { return };
    for (key, value) in table {
        let name = key.get_ref().as_ref();
        let whole = if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
        if !keys.contains(&name) {
            found.push((key.span().start, whole));
            continue;
        }
        match value.get_ref() {
            toml::de::DeValue::Table(inner) => check_table(&whole, inner, found),
            toml::de::DeValue::Array(items) => {
                for item in items.iter().filter_map(|item| item.get_ref().as_table()) {
                    check_table(&whole, item, found);
                }
            }
            _ => {}
        }
    }
}

/// Writes a profile. What no file can hold (arguments that are not text) is
/// written as it can be shown.
#[must_use]
pub fn to_toml(profile: &Profile) -> String {
    toml::to_string_pretty(profile).unwrap_or_default()
}

/// A size: `512 MiB`, `2G`, `1.5 GiB`, `300 MB`, or bytes. K, M, G and T are
/// powers of 1024, as libvirt-sandbox had them; KB, MB… are powers of 1000.
#[must_use]
pub fn parse_size(text: &str) -> Option<u64> {
    let text = text.trim();
    let split = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let factor: u64 = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kib" => 1 << 10,
        "m" | "mib" => 1 << 20,
        "g" | "gib" => 1 << 30,
        "t" | "tib" => 1 << 40,
        "kb" => 1_000,
        "mb" => 1_000_000,
        "gb" => 1_000_000_000,
        "tb" => 1_000_000_000_000,
        _ => return None,
    };
    if let Ok(whole) = number.parse::<u64>() {
        return whole.checked_mul(factor);
    }
    let size = number.parse::<f64>().ok()? * factor as f64;
    (0.0..9e18).contains(&size).then_some(size as u64)
}

/// A size as a profile shows it: the largest binary unit that is exact.
#[must_use]
pub fn format_size(size: u64) -> String {
    let units = [("TiB", 40), ("GiB", 30), ("MiB", 20), ("KiB", 10)];
    match units.iter().find(|(_, shift)| size > 0 && size % (1u64 << shift) == 0) {
        Some((unit, shift)) => format!("{} {unit}", size >> shift),
        None => size.to_string(),
    }
}

/// Sizes as text, or as a number of bytes.
pub(super) mod size {
    use serde::{de, Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(size: &u64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&super::format_size(*size))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Size {
            Bytes(u64),
            Text(String),
        }
        match Size::deserialize(deserializer)? {
            Size::Bytes(bytes) => Ok(bytes),
            Size::Text(text) => super::parse_size(&text)
                .ok_or_else(|| de::Error::custom(format!("{text:?} is not a size such as \"1 GiB\""))),
        }
    }
}

/// Arguments: text in a file, any bytes in memory.
pub(super) mod os_strings {
    use serde::{Deserialize, Deserializer, Serializer};
    use std::ffi::OsString;

    pub fn serialize<S: Serializer>(words: &[OsString], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(words.iter().map(|word| word.to_string_lossy()))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<OsString>, D::Error> {
        Ok(Vec::<String>::deserialize(deserializer)?.into_iter().map(OsString::from).collect())
    }
}
