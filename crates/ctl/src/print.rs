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

/// Lines of columns as wide as their widest cell, under their heads.
pub fn table(head: &[String; 4], rows: &[[String; 4]]) -> Vec<String> {
    let width = |column: usize| {
        let cells = rows.iter().chain([head]).map(|row| row[column].chars().count());
        cells.max().unwrap_or(0)
    };
    let widths = [width(0), width(1), width(2)];
    let line = |[first, second, third, last]: &[String; 4]| {
        format!("{first:0$}  {second:1$}  {third:2$}  {last}", widths[0], widths[1], widths[2])
    };
    [head].into_iter().chain(rows).map(line).collect()
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
