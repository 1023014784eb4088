// SPDX-License-Identifier: LGPL-2.1-or-later
//! Others' words on the user's terminal: profiles come from strangers, and what
//! is told of a sandbox can be its own.

use serde_json::Value;
use std::io::IsTerminal;
use terrarium_engine::message;

/// JSON; what drives a terminal is escaped in it, which changes nothing for who
/// reads JSON.
pub fn json(value: &Value) -> String {
    plain(&serde_json::to_string_pretty(value).unwrap_or_default())
}

/// The same of JSON that is there.
pub fn plain(json: &str) -> String {
    let mut safe = String::with_capacity(json.len());
    for c in json.chars() {
        match c {
            // Between values: in them it is escaped already.
            '\n' => safe.push(c),
            c if message::is_deceptive(c) => safe.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => safe.push(c),
        }
    }
    safe
}

/// A text that goes to a file or a program as it is, and to a terminal without
/// what drives that.
pub fn text(text: &str) {
    if std::io::stdout().is_terminal() {
        print!("{}", message::lines_shown(text));
    } else {
        print!("{text}");
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn json_stays_what_it_is() {
        let value = serde_json::json!({ "a\u{9b}\u{1b}": ["\u{202e}\u{7f}\n", "é€😀"] });
        let text = super::json(&value);
        assert!(text.chars().all(|c| c == '\n' || !terrarium_engine::message::is_deceptive(c)), "{text}");
        assert_eq!(serde_json::from_str::<super::Value>(&text).ok(), Some(value));
    }
}
