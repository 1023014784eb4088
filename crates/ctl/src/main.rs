// SPDX-License-Identifier: LGPL-2.1-or-later
//! terrariumctl: Terrarium from a terminal and from scripts.
//!
//! | module | what |
//! |---|---|
//! | [`args`] | the command line |
//! | [`run`] | `run`: from options to a profile, a plan and a sandbox |
//! | [`origin`] | which option a key came from |
//! | [`help`] | its help in the user's language |
//! | [`complete`] | what completes a word in a shell |
//! | [`client`] | the streams between this process and a sandbox |
//! | [`signals`] | Ctrl+C and its like, at any time |
//! | [`terminal`] | raw mode, sizes, letting go |
//! | [`control`] | `list`, `attach`, `exec`, `stop`, `pause`, `resume` |
//! | [`network`] | `-N`, `network` |
//! | [`window`] | options for a screen, `view` |
//! | [`screenshot`] | `screenshot` |
//! | [`changes`] | `changes`, `keep`, `discard`, `apply` |
//! | [`show`] | `show`, `profile`, `doctor` |
//! | [`files`] | options for what is shared
//! | [`print`] | others' words on a terminal |
//! | [`fault`] | errors and exit statuses |

mod args;
mod changes;
mod client;
mod complete;
mod control;
mod fault;
mod files;
mod help;
mod limits;
mod network;
mod origin;
mod print;
mod run;
mod screenshot;
mod show;
mod signals;
mod terminal;
mod window;

use args::{Args, Verb};
use clap::FromArgMatches;
use fault::{Fault, OURS};
use std::process::ExitCode;

fn main() -> ExitCode {
    set_up_texts();
    terrarium_engine::message::name_options();
    complete::answer();
    let matches = help::translated().try_get_matches();
    let args = match matches.and_then(|matches| Args::from_arg_matches(&matches)) {
        Ok(args) => args,
        Err(error) => {
            let error = help::with_verb(error);
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { OURS } else { 0 });
        }
    };
    let signals = signals::Signals::take();
    let result = match args.verb {
        Verb::Run(options) => run::run(&options, &signals),
        Verb::List { json } => control::list(json),
        Verb::Attach { name, from, watch } => control::attach(&name, from, watch, signals),
        Verb::Stop { name, now } => control::stop(&name, now),
        Verb::Pause { name } => control::pause(&name),
        Verb::Resume { name } => control::resume(&name),
        Verb::Exec(exec) => control::exec(&exec, signals),
        Verb::View { name } => window::view(&name),
        Verb::Log { name } => screenshot::log(&name),
        Verb::Screenshot { name, file } => screenshot::screenshot(&name, &file),
        Verb::Changes { name: Some(name), diff, json } => changes::show(&name, diff, json),
        Verb::Changes { name: None, json, .. } => changes::list(json),
        Verb::Keep { name, paths } => changes::keep(&name, &paths),
        Verb::Discard { name, paths } => changes::discard(&name, &paths),
        Verb::Apply { name, paths, to, replace } => changes::apply(&name, &paths, to.as_deref(), replace),
        Verb::Limits(options) => limits::limits(&options),
        Verb::Network(options) => network::network(&options),
        Verb::Show(what) => show::show(&what),
        Verb::Profile { verb } => show::profile(&verb),
        Verb::Doctor { remove: true, .. } => show::remove(),
        Verb::Doctor { json, .. } => show::doctor(json),
        Verb::Completions { shell } => complete::script(shell),
    };
    result
        .unwrap_or_else(|fault| {
            fault.print();
            OURS
        })
        .into()
}

fn set_up_texts() {
    use gettextrs::{bind_textdomain_codeset, bindtextdomain, setlocale, textdomain, LocaleCategory};
    setlocale(LocaleCategory::LcAll, "");
    let folder = option_env!("TERRARIUM_LOCALEDIR").unwrap_or("/usr/share/locale");
    // Without its translations Terrarium speaks English.
    let _ = bindtextdomain("terrarium", folder);
    let _ = bind_textdomain_codeset("terrarium", "UTF-8");
    let _ = textdomain("terrarium");
}

/// What every verb returns: an exit status, or what Terrarium could not do.
type Result = std::result::Result<u8, Fault>;
