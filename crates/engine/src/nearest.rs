// SPDX-License-Identifier: LGPL-2.1-or-later
//! The name that somebody may have meant. Names are taken exactly as they
//! are; this is for saying which one was nearly hit.

use strsim::damerau_levenshtein;

/// The one that differs least, if it differs by little: in upper and lower
/// case alone, or by one letter of three.
pub fn nearest<'a>(meant: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let plain = meant.to_lowercase();
    let most = (plain.chars().count() / 3).max(1);
    let distance = |name: &str| damerau_levenshtein(&plain, &name.to_lowercase());
    let near = names.into_iter().filter(|name| *name != meant).map(|name| (distance(name), name));
    near.filter(|(far, name)| *far <= most && *far < name.chars().count()).min().map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn what_is_nearly_hit_is_named() {
        let names = ["XTerm", "Shell", "internet", "full", "run"];
        for (meant, name) in [
            ("xterm", Some("XTerm")),
            ("shell", Some("Shell")),
            ("intrenet", Some("internet")),
            ("rnu", Some("run")),
            ("Full", Some("full")),
            ("bash", None),
            ("", None),
            ("x", None),
        ] {
            assert_eq!(nearest(meant, names), name, "{meant}");
        }
        assert_eq!(nearest("run", ["run"]), None, "that is what was said");
        assert_eq!(nearest("ab", ["a", "xy", "abc"]), Some("abc"));
    }
}
