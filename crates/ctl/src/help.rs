// SPDX-License-Identifier: LGPL-2.1-or-later
//! The help in the user's language. Its texts are the comments in [`args`];
//! po/update finds them there.
//!
//! [`args`]: crate::args

use crate::args::Args;
use clap::builder::{EnumValueParser, PossibleValue, TypedValueParser};
use clap::error::{ContextKind, ContextValue};
use clap::{Arg, Command, CommandFactory, ValueEnum};
use gettextrs::gettext;
use std::ffi::OsStr;
use terrarium_engine::nearest;

/// The command line with translated help.
pub fn translated() -> Command {
    translate(Args::command())
}

/// A verb that is misspelt, with the one that was meant: clap overlooks two
/// letters that changed places in a short word.
pub fn with_verb(mut error: clap::Error) -> clap::Error {
    let is_said = error.get(ContextKind::SuggestedSubcommand).is_some();
    let Some(ContextValue::String(said)) = error.get(ContextKind::InvalidSubcommand).filter(|_| !is_said)
    else {
        return error;
    };
    let command = Args::command();
    let verbs = command.get_subcommands().filter(|verb| !verb.is_hide_set()).map(Command::get_name);
    if let Some(verb) = nearest(said, verbs).map(str::to_owned) {
        error.insert(ContextKind::SuggestedSubcommand, ContextValue::Strings(vec![verb]));
    }
    error
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

/// The words that an option takes, with translated help.
pub fn values<T: ValueEnum + Clone + Send + Sync + 'static>() -> Values<T> {
    Values(EnumValueParser::new())
}

/// See [`values`].
#[derive(Clone)]
pub struct Values<T: ValueEnum + Clone + Send + Sync + 'static>(EnumValueParser<T>);

impl<T: ValueEnum + Clone + Send + Sync + 'static> TypedValueParser for Values<T> {
    type Value = T;

    fn parse_ref(
        &self,
        command: &Command,
        option: Option<&Arg>,
        value: &OsStr,
    ) -> Result<Self::Value, clap::Error> {
        self.0.parse_ref(command, option, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        let translated = |value: PossibleValue| match value.get_help().map(|text| gettext(text.to_string())) {
            Some(text) => value.help(text),
            None => value,
        };
        self.0.possible_values().map(|all| Box::new(all.map(translated)) as Box<_>)
    }
}
