// SPDX-License-Identifier: LGPL-2.1-or-later
//! Lists as one line of text, as a shell writes them.

use gtk::glib;
use std::path::Path;
use terrarium_engine::message;
use terrarium_engine::profile::Clipboard;

/// Several words as one line.
pub fn join(words: impl Iterator<Item = String>) -> String {
    words.map(|word| quote(&word)).collect::<Vec<_>>().join(" ")
}

/// As a shell does, but a tilde needs no quotes: none is expanded here.
fn quote(word: &str) -> String {
    match word.strip_prefix("~/") {
        Some(rest) if message::quote(rest) == rest => word.to_owned(),
        _ => message::quote(word),
    }
}

/// The words of a line; half a quote is not lost, but a word.
pub fn split(text: &str) -> Vec<String> {
    match glib::shell_parse_argv(text) {
        Ok(words) => words.into_iter().map(|word| word.to_string_lossy().into_owned()).collect(),
        Err(_) => text.split_whitespace().map(str::to_owned).collect(),
    }
}

/// A command with the home folder where a shell would put it: for `~` that
/// begins a word, alone or before a slash, and is not quoted.
pub fn with_home(text: &str, home: &Path) -> String {
    let Some(home) = home.to_str().filter(|home| home.starts_with('/')) else { return text.to_owned() };
    let (mut out, mut quote, mut begins) = (String::new(), None, true);
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        let ends = |next: Option<&char>| next.is_none_or(|next| *next == '/' || next.is_whitespace());
        match (quote, c) {
            (None, '~') if begins && ends(rest.peek()) => out.push_str(&message::quote(home)),
            (None | Some('"'), '\\') => {
                out.push(c);
                out.extend(rest.next());
            }
            _ => out.push(c),
        }
        quote = match quote {
            None => Some(c).filter(|c| matches!(c, '\'' | '"')),
            open => open.filter(|open| *open != c),
        };
        begins = quote.is_none() && c.is_whitespace();
    }
    out
}

/// `NAME=VALUE` of each word; one without `=` has an empty value.
pub fn pairs(text: &str) -> Vec<(String, String)> {
    let pair = |word: String| match word.split_once('=') {
        Some((name, value)) => (name.to_owned(), value.to_owned()),
        None => (word, String::new()),
    };
    split(text).into_iter().map(pair).collect()
}

/// What people call a policy of the clipboard.
pub fn policy(policy: Clipboard) -> String {
    use spice_view::ClipboardPolicy as View;
    crate::pages::runs::policy_name(match policy {
        Clipboard::Ask => View::Ask,
        Clipboard::Off => View::Off,
        Clipboard::In => View::In,
        Clipboard::Out => View::Out,
        Clipboard::Both => View::Both,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tilde_is_the_home_folder_as_in_a_shell() {
        for (text, said) in [
            ("view ~/a.txt ~", "view /home/ada/a.txt /home/ada"),
            ("~/bin/x\t~/y", "/home/ada/bin/x\t/home/ada/y"),
            ("echo '~/a' \"~/a\" \\~/a", "echo '~/a' \"~/a\" \\~/a"),
            (
                "echo 'it is' ~/a \"say \\\" ~/b\" ~/c",
                "echo 'it is' /home/ada/a \"say \\\" ~/b\" /home/ada/c",
            ),
            ("echo a~/b --x=~/c ~bob/d a\\ ~/e", "echo a~/b --x=~/c ~bob/d a\\ ~/e"),
        ] {
            assert_eq!(with_home(text, Path::new("/home/ada")), said);
            assert_eq!(with_home(text, Path::new("")), text, "no home is known");
        }
        assert_eq!(with_home("x ~/a", Path::new("/home/a b")), "x '/home/a b'/a");
    }

    #[test]
    fn lists_come_back() {
        for words in [vec!["~/.ssh", "a b", "it's"], vec![], vec!["", "~"]] {
            let line = join(words.iter().map(ToString::to_string));
            assert_eq!(split(&line), words, "{line}");
        }
        assert_eq!(join(["~/.ssh".to_owned()].into_iter()), "~/.ssh");
        assert_eq!(
            pairs("A=1 B='x y' C"),
            [("A", "1"), ("B", "x y"), ("C", "")].map(|(a, b)| (a.into(), b.into()))
        );
        assert_eq!(split("half 'open"), ["half", "'open"]);
    }
}
