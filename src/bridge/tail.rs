// SPDX-License-Identifier: LGPL-2.1-or-later
//! The last lines of a terminal that nobody shows here: a short look at what
//! init keeps, as one of those who only watch.

use std::sync::mpsc;
use std::time::{Duration, Instant};
use terrarium_engine::console::Event;
use terrarium_engine::sandbox::{Attach, Driver, Id};
use terrarium_protocol::message::stream::OUT;

/// So many bytes before the end hold the lines that a card shows.
const BYTES: u64 = 2048;
/// A sandbox that says nothing for so long is not waited for.
const PATIENCE: Duration = Duration::from_millis(500);

/// What is there before `end`, without what drives a terminal.
pub(super) fn last_lines(driver: &dyn Driver, id: &Id, end: u64) -> Option<String> {
    let from = end.saturating_sub(BYTES);
    let (tell, told) = mpsc::channel();
    let handler = Box::new(move |_: &_, event| drop(tell.send(event)));
    let console = driver.attach(id, Attach { keyboard: false, out: Some(from), err: None }, handler).ok()?;
    let (mut bytes, until) = (Vec::new(), Instant::now() + PATIENCE);
    let wanted = usize::try_from(end - from).unwrap_or(0);
    while bytes.len() < wanted {
        match told.recv_timeout(until.saturating_duration_since(Instant::now())) {
            Ok(Event::Output { stream: OUT, bytes: more, .. }) => bytes.extend(more),
            Ok(Event::Closed | Event::Result(_)) | Err(_) => break,
            Ok(_) => {}
        }
    }
    console.close();
    Some(plain(&String::from_utf8_lossy(&bytes)))
}

/// How far a sequence that drives a terminal has been read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum At {
    Text,
    Escape,
    Control,
    Command,
}

/// The text of what was sent to a terminal, line by line, roughly: colours and
/// titles are left out, and a carriage return begins the line anew.
pub(super) fn plain(text: &str) -> String {
    let (mut lines, mut line, mut at, mut back) = (Vec::new(), String::new(), At::Text, false);
    for c in text.chars() {
        at = match (at, c) {
            (At::Text, '\x1b') => At::Escape,
            (At::Text, '\n') => {
                lines.push(std::mem::take(&mut line));
                back = false;
                At::Text
            }
            (At::Text, '\r') => {
                back = true;
                At::Text
            }
            (At::Text, '\x08') => {
                line.pop();
                At::Text
            }
            (At::Text, c) => {
                if std::mem::take(&mut back) {
                    line.clear();
                }
                line.extend((!c.is_control() || c == '\t').then_some(c));
                At::Text
            }
            (At::Escape, '[') => At::Control,
            (At::Escape, ']' | 'P' | '_' | '^') => At::Command,
            (At::Control, '@'..='~') | (At::Command, '\x07') => At::Text,
            (At::Command, '\x1b') => At::Escape,
            (At::Escape, _) => At::Text,
            (at, _) => at,
        };
    }
    lines.push(line);
    lines.join("\n").trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn what_drives_a_terminal_is_left_out() {
        assert_eq!(plain("\x1b[1;32mPASS\x1b[0m: one\r\n\x1b]0;title\x07two\r\n"), "PASS: one\ntwo");
        assert_eq!(plain("10 %\r20 %\rdone\n"), "done");
        assert_eq!(plain("abx\x08c"), "abc");
        assert_eq!(plain("\x1b]8;;file:///x\x1b\\link\x1b]8;;\x1b\\"), "link");
        assert_eq!(plain("\x1b[31"), "");
    }
}
