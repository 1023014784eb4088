// SPDX-License-Identifier: LGPL-2.1-or-later
//! Keys pressed together, written like `Ctrl+Alt+Delete`.

use std::str::FromStr;

use super::{from_evdev, Scancode};

/// Keys that are pressed one after the other and let go in reverse.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Combo(Vec<Scancode>);

/// A name that is no key's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no key named \"{0}\"")]
pub struct UnknownKey(pub String);

/// Names of keys and the kernel's numbers; letters, digits and F keys are reckoned.
const NAMES: &[(&str, u32)] = &[
    ("ctrl", 29),
    ("control", 29),
    ("alt", 56),
    ("altgr", 100),
    ("shift", 42),
    ("super", 125),
    ("escape", 1),
    ("esc", 1),
    ("tab", 15),
    ("enter", 28),
    ("return", 28),
    ("space", 57),
    ("backspace", 14),
    ("delete", 111),
    ("insert", 110),
    ("home", 102),
    ("end", 107),
    ("pageup", 104),
    ("pagedown", 109),
    ("up", 103),
    ("down", 108),
    ("left", 105),
    ("right", 106),
    ("print", 99),
    ("pause", 119),
    ("capslock", 58),
    ("numlock", 69),
    ("scrolllock", 70),
    ("menu", 127),
];

const LETTERS: [(&str, u32); 3] = [("qwertyuiop", 16), ("asdfghjkl", 30), ("zxcvbnm", 44)];

fn evdev(name: &str) -> Option<u32> {
    let name = name.to_ascii_lowercase();
    if let Some((_, code)) = NAMES.iter().find(|(known, _)| *known == name) {
        return Some(*code);
    }
    if let Some(number) = name.strip_prefix('f').and_then(|rest| rest.parse::<u32>().ok()) {
        return match number {
            1..=10 => Some(58 + number),
            11 | 12 => Some(76 + number),
            13..=24 => Some(170 + number),
            _ => None,
        };
    }
    match name.as_bytes() {
        [b'0'] => Some(11),
        [digit @ b'1'..=b'9'] => Some(u32::from(digit - b'1') + 2),
        [letter] => LETTERS.iter().find_map(|(row, first)| {
            row.bytes().position(|key| key == *letter).and_then(|at| Some(first + u32::try_from(at).ok()?))
        }),
        _ => None,
    }
}

impl FromStr for Combo {
    type Err = UnknownKey;

    /// Reads names joined by `+`. Letters mean the key at their place on a
    /// US keyboard.
    fn from_str(text: &str) -> Result<Self, UnknownKey> {
        let key = |name: &str| {
            evdev(name.trim()).and_then(from_evdev).ok_or_else(|| UnknownKey(name.trim().to_owned()))
        };
        Ok(Combo(text.split('+').map(key).collect::<Result<_, _>>()?))
    }
}

impl Combo {
    /// The keys in the order in which they are pressed.
    pub fn keys(&self) -> &[Scancode] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(text: &str) -> Vec<u16> {
        text.parse::<Combo>().unwrap().keys().iter().map(|key| key.code()).collect()
    }

    #[test]
    fn combos_are_read() {
        assert_eq!(codes("Ctrl+Alt+Delete"), [0x1d, 0x38, 0x153]);
        assert_eq!(codes("ctrl + alt + F1"), [0x1d, 0x38, 0x3b]);
        assert_eq!(codes("F10+F11+F12+F13"), [0x44, 0x57, 0x58, 0x5d]);
        assert_eq!(codes("1+9+0"), [0x02, 0x0a, 0x0b]);
        assert_eq!(codes("q+p+a+l+z+m"), [0x10, 0x19, 0x1e, 0x26, 0x2c, 0x32]);
        assert_eq!(codes("Print"), [0x137]);
    }

    #[test]
    fn every_name_is_a_key() {
        for (name, _) in NAMES {
            assert_eq!(codes(name).len(), 1, "{name}");
        }
    }

    #[test]
    fn other_names_are_refused_by_name() {
        for (text, bad) in [("Ctrl+Foo", "Foo"), ("", ""), ("F25", "F25"), ("Ctrl++", ""), ("ä", "ä")] {
            assert_eq!(text.parse::<Combo>(), Err(UnknownKey(bad.to_owned())));
        }
    }
}
