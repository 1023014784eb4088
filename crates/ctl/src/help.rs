// SPDX-License-Identifier: LGPL-2.1-or-later
//! The help in the user's language. Its texts are the comments in [`args`];
//! po/update finds them there.
//!
//! [`args`]: crate::args

use crate::args::Args;
use clap::{Arg, Command, CommandFactory};
use gettextrs::gettext;

/// The command line with translated help.
pub fn translated() -> Command {
    translate(Args::command())
}

fn translate(mut command: Command) -> Command {
    let about = command.get_about().map(|text| gettext(text.to_string()));
    let long_about = command.get_long_about().map(|text| gettext(text.to_string()));
    let after_help = command.get_after_help().map(|text| gettext(text.to_string()));
    if let Some(text) = about {
        command = command.about(text);
    }
    if let Some(text) = long_about {
        command = command.long_about(text);
    }
    if let Some(text) = after_help {
        command = command.after_help(text);
    }
    command.mut_args(translate_option).mut_subcommands(translate)
}

fn translate_option(mut option: Arg) -> Arg {
    // clap keeps headings as they are in the program; there are eight of them.
    let heading = option.get_help_heading().map(|text| &*Box::leak(gettext(text).into_boxed_str()));
    let help = option.get_help().map(|text| gettext(text.to_string()));
    if let Some(text) = heading {
        option = option.help_heading(text);
    }
    match help {
        Some(text) => option.help(text),
        None => option,
    }
}
