// SPDX-License-Identifier: LGPL-2.1-or-later
//! What is said of an end.

use super::End;
use gettextrs::gettext;
use gtk::pango;
use terrarium_engine::{message, Error};
use terrarium_protocol::message::Ending;

/// So many characters of large text are narrower than the narrowest window.
const FITS: usize = 24;

/// Title and sentence.
pub fn words(end: &End) -> (String, String) {
    match end {
        End::Outcome(outcome) => message::outcome(outcome),
        End::Left(code, time) => {
            let text =
                gettext("The shell was left after {time}, with exit code {code} from its last command");
            let text = text.replace("{time}", &message::duration(*time)).replace("{code}", &code.to_string());
            (gettext("Finished"), text)
        }
        End::Stopped(time) => {
            let text = gettext("You stopped it after {time}").replace("{time}", &message::duration(*time));
            (gettext("Stopped"), text)
        }
        End::Forced(time) => (gettext("Stopped"), message::killed(*time)),
        End::Failed(error @ Error::Crashed { .. }) => (gettext("Crashed"), message::error(error)),
        End::Failed(error) => (gettext("Could Not Start"), message::without_keys(error)),
        End::Unheard(error) => (gettext("No Connection"), message::error(error)),
    }
}

/// Paths that fit any line do not break at their slashes. It is said to the
/// label: characters in the text would be copied with it.
pub fn whole_paths(text: &str) -> pango::AttrList {
    let list = pango::AttrList::new();
    let mut begin = 0;
    for word in text.split_inclusive(char::is_whitespace) {
        let end = begin + word.trim_end().len();
        if word.contains('/') && word.chars().count() <= FITS {
            let mut whole = pango::AttrInt::new_allow_breaks(false);
            whole.set_start_index(begin as u32);
            whole.set_end_index(end as u32);
            list.insert(whole);
        }
        begin += word.len();
    }
    list
}

/// The picture above them.
pub fn icon(end: &End) -> &'static str {
    match end {
        End::Left(..) => "utilities-terminal-symbolic",
        End::Stopped(_) | End::Forced(_) => "media-playback-stop-symbolic",
        End::Failed(_) | End::Unheard(_) => "computer-fail-symbolic",
        End::Outcome(outcome) if outcome.stopped => "media-playback-stop-symbolic",
        End::Outcome(outcome) => match &outcome.ending {
            Ending::Exited { code: 0 } => "object-select-symbolic",
            Ending::Signalled { stopped: true, .. } => "media-playback-stop-symbolic",
            Ending::Exited { .. } | Ending::Signalled { .. } => "dialog-warning-symbolic",
            Ending::Failed(_) => "computer-fail-symbolic",
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use terrarium_protocol::message::Outcome;

    #[test]
    fn every_end_that_took_time_says_how_much() {
        let outcome = |ending, out_of_memory, stopped| {
            End::Outcome(Outcome { ending, duration: 12_000, out_of_memory, dropped: 0, stopped })
        };
        let signalled = |signal, stopped| Ending::Signalled { signal, stopped };
        let ends = [
            outcome(Ending::Exited { code: 0 }, false, false),
            outcome(Ending::Exited { code: 3 }, false, false),
            outcome(Ending::Exited { code: 137 }, true, false),
            outcome(signalled(9, false), true, false),
            outcome(signalled(9, false), false, false),
            outcome(signalled(15, true), false, true),
            outcome(signalled(9, true), false, true),
            End::Left(1, 12_000),
            End::Stopped(12_000),
            End::Forced(12_000),
        ];
        for end in &ends {
            let (title, text) = words(end);
            assert!(text.contains("fter 12 s"), "{title}: {text}");
        }
        let killed = "You stopped it after 12 s; it did not end by itself and was killed";
        assert_eq!([words(&ends[6]).1, words(&ends[9]).1], [killed; 2]);
        assert_eq!([words(&ends[5]).1, words(&ends[8]).1], ["You stopped it after 12 s"; 2]);
    }

    #[test]
    fn short_paths_stay_whole() {
        let ranges = |text: &str| -> Vec<String> {
            let all = whole_paths(text).attributes();
            all.iter().map(|one| text[one.start_index() as usize..one.end_index() as usize].into()).collect()
        };
        assert_eq!(
            ranges("Für (/proc/self/uid_map): nein, und /etc auch"),
            ["(/proc/self/uid_map):", "/etc"]
        );
        assert!(ranges("nothing of that kind").is_empty());
        assert!(ranges(&format!("/home/{}", "long/".repeat(9))).is_empty(), "it has to break somewhere");
    }
}
