// SPDX-License-Identifier: LGPL-2.1-or-later
//! Profiles as text.

use super::schema::Expected;
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
    /// A key that must be there is not.
    Missing {
        /// The whole key.
        key: String,
    },
    /// A key has a value of the wrong kind.
    WrongValue {
        /// The whole key.
        key: String,
        /// What it has to be.
        expected: Expected,
    },
    /// It is not TOML.
    Syntax {
        /// The words of the TOML library.
        message: String,
    },
}

/// Longest profile that is read, in bytes.
pub const MAX: usize = 8 * 1024 * 1024;

/// Reads a profile.
///
/// # Errors
/// It is no profile; every fault is named, with its line.
pub fn parse(text: &str) -> Result<Profile, ParseError> {
    let lines = Lines::new(text);
    let (table, errors) = toml::de::DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        return Err(ParseError { faults: errors.iter().map(|error| fault(&lines, error)).collect() });
    }
    if let Some(version) = table.get_ref().get("version").and_then(|value| value.get_ref().as_integer()) {
        let version = i64::from_str_radix(version.as_str(), version.radix()).unwrap_or(i64::MAX);
        if version > i64::from(VERSION) {
            return Err(ParseError { faults: vec![Fault { line: 0, what: FaultKind::Newer { version } }] });
        }
    }
    let faults = super::schema::check(&lines, &table);
    if !faults.is_empty() {
        return Err(ParseError { faults });
    }
    Profile::deserialize(toml::Deserializer::from(table))
        .map_err(|error| ParseError { faults: vec![fault(&lines, &error)] })
}

fn fault(lines: &Lines, error: &toml::de::Error) -> Fault {
    let line = error.span().map_or(0, |span| lines.of(span.start));
    Fault { line, what: FaultKind::Syntax { message: error.message().trim().replace('\n', " ") } }
}

/// Where the lines of a text begin: there can be a million faults in it.
pub(super) struct Lines(Vec<usize>);

impl Lines {
    pub(super) fn new(text: &str) -> Self {
        Self(text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1).collect())
    }

    /// Line of an offset, from 1.
    pub(super) fn of(&self, offset: usize) -> usize {
        self.0.partition_point(|start| *start <= offset) + 1
    }
}

/// Writes a profile.
///
/// # Errors
/// It holds bytes that are not text (arguments and paths from a command line
/// may), which no file can hold.
pub fn to_toml(profile: &Profile) -> Result<String, NotText> {
    toml::to_string_pretty(profile).map_err(|_| NotText)
}

/// A profile holds bytes that are not text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotText;

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
    use serde::{ser, Deserialize, Deserializer, Serializer};
    use std::ffi::OsString;

    pub fn serialize<S: Serializer>(words: &[OsString], serializer: S) -> Result<S::Ok, S::Error> {
        let text = |word: &OsString| word.clone().into_string().map_err(|_| ser::Error::custom("not text"));
        serializer.collect_seq(words.iter().map(text).collect::<Result<Vec<_>, _>>()?)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<OsString>, D::Error> {
        Ok(Vec::<String>::deserialize(deserializer)?.into_iter().map(OsString::from).collect())
    }
}
