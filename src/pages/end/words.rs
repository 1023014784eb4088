// SPDX-License-Identifier: LGPL-2.1-or-later
//! What is said of an end.

use super::End;
use gettextrs::gettext;
use terrarium_engine::{message, Error};
use terrarium_protocol::message::Ending;

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
        End::Failed(error @ Error::Crashed { .. }) => (gettext("Crashed"), message::error(error)),
        End::Failed(error) => (gettext("Could Not Start"), message::error(error)),
        End::Unheard(error) => (gettext("No Connection"), message::error(error)),
    }
}

/// The picture above them.
pub fn icon(end: &End) -> &'static str {
    match end {
        End::Left(..) => "utilities-terminal-symbolic",
        End::Stopped(_) => "media-playback-stop-symbolic",
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
