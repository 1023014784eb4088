// SPDX-License-Identifier: LGPL-2.1-or-later
//! `show`, `profile` and `doctor`.

use crate::args::{ProfileVerb, Show};
use crate::control::{glass_option, to_json};
use crate::fault::Fault;
use crate::run::DONE;
use crate::{print, Result};
use serde_json::json;
use std::fs;
use std::io::IsTerminal;
use terrarium_engine::host::{self, Host, LookedAt, ProbeOptions};
use terrarium_engine::plan::{plan, Planned};
use terrarium_engine::profile::{self, command_line, store, Profile};
use terrarium_engine::reach::reach;
use terrarium_engine::sandbox::{Driver, Real, Summary};
use terrarium_engine::{doctor as checks, message, xml, Error};

/// Back to the begin of a terminal's line, which is empty then.
const CLEAR: &str = "\r\x1b[K";

/// `show`: a sandbox if there is one of that name, else a profile.
pub fn show(what: &Show) -> Result {
    let host = host::probe(&ProbeOptions::default());
    if !store::is_file(&what.name) {
        let driver = Real::new(&host);
        match driver.find(&what.name) {
            Ok(found) => return show_sandbox(&host, &driver, &found, what),
            Err(error) => {
                // A profile can be shown without libvirt.
                if let Err(Error::NoSuchProfile { name, like }) = store::resolve(&host.places, &what.name) {
                    return Err(match error {
                        Error::NoSuchSandbox { like: near, .. } => {
                            Error::NoSuchName { name, like: near.or(like) }
                        }
                        error => error,
                    }
                    .into());
                }
            }
        }
    }
    show_profile(&host, what)
}

fn show_sandbox(host: &Host, driver: &Real, found: &Summary, what: &Show) -> Result {
    if what.xml {
        print::text(&driver.xml(&found.id)?);
    } else if what.command || what.plan || what.reach {
        let profile = driver.profile(&found.id).ok_or_else(|| Fault::Usage(message::of_profiles_only()))?;
        return if what.command {
            println!("{}", quoted(&command_line(&profile).0));
            Ok(DONE)
        } else {
            show_plan(&plan(&profile, host), what)
        };
    } else if what.json {
        let mut shown = to_json(found);
        shown["usage"] = json!(driver.usage(&found.id));
        println!("{}", print::json(&shown));
    } else {
        message::summary(found).iter().for_each(|line| println!("{line}"));
    }
    Ok(DONE)
}

fn show_profile(host: &Host, what: &Show) -> Result {
    let profile = store::resolve(&host.places, &what.name)?;
    let planned = plan(&profile, host);
    if what.command {
        println!("{}", command(&profile, &what.name));
        return Ok(DONE);
    }
    if !(what.json || what.plan || what.xml || what.reach) {
        print::text(&text_of(&profile)?);
    }
    show_plan(&planned, what)
}

fn show_plan(planned: &Planned, what: &Show) -> Result {
    if what.json || what.plan {
        println!("{}", print::json(&json!(planned)));
    }
    match &planned.plan {
        Some(plan) if what.xml => print::text(&xml::preview(plan)),
        Some(plan) if what.reach => {
            message::reach_lines(&reach(plan)).iter().for_each(|line| println!("{line}"));
        }
        Some(_) => {}
        None => return Err(planned.problems.clone().into()),
    }
    Ok(DONE)
}

/// The command line that runs a profile; what it does not name stays in it.
fn command(profile: &Profile, name: &str) -> String {
    let glass = profile.isolation.map(glass_option).unwrap_or_default();
    let words = ["terrariumctl", "run", "--profile", name, glass];
    quoted(&words.iter().filter(|word| !word.is_empty()).map(|word| (*word).to_owned()).collect::<Vec<_>>())
}

fn quoted(words: &[String]) -> String {
    words.iter().map(|word| message::quote(word)).collect::<Vec<_>>().join(" ")
}

/// `profile`
pub fn profile(verb: &ProfileVerb) -> Result {
    let places = host::places();
    match verb {
        ProfileVerb::List => {
            for entry in store::list(&places)? {
                match entry.profile {
                    Ok(profile) => println!("{}", message::shown(&profile.name)),
                    Err(error) => eprintln!("terrariumctl: {}", message::lines(&error).join("; ")),
                }
            }
        }
        ProfileVerb::Show { name } => print::text(&text_of(&store::resolve(&places, name)?)?),
        ProfileVerb::Import { file } => {
            let (profile, from) = (store::load(file)?, store::file_name(file));
            println!("{}", store::add_from(&places, &profile, Some(file), Some(from))?.display());
        }
        ProfileVerb::Export { name, file } if file.as_os_str() == "-" => {
            print::text(&store::text_of(&places, name)?);
        }
        ProfileVerb::Export { name, file } => {
            let text = store::text_of(&places, name)?;
            let created = fs::OpenOptions::new().write(true).create_new(true).open(file);
            created.and_then(|mut out| std::io::Write::write_all(&mut out, text.as_bytes())).map_err(
                |source| Error::File {
                    action: terrarium_engine::error::FileAction::Write,
                    path: file.clone(),
                    source,
                },
            )?;
        }
        ProfileVerb::Delete { name } => drop(store::delete(&places, name)?),
    }
    Ok(DONE)
}

fn text_of(profile: &profile::Profile) -> std::result::Result<String, Error> {
    profile::to_toml(profile).map_err(|_| Error::NotText)
}

/// `doctor`
pub fn doctor(as_json: bool) -> Result {
    let is_seen = std::io::stderr().is_terminal();
    let tell = is_seen.then_some(say_looking as fn(&LookedAt));
    let host = host::probe(&ProbeOptions { connect: true, tell, ..ProbeOptions::default() });
    let findings = checks::examine(&host);
    if is_seen {
        eprint!("{CLEAR}");
    }
    if as_json {
        println!("{}", print::json(&json!({ "findings": &findings, "host": &host })));
    } else {
        message::doctor(&findings).iter().for_each(|line| println!("{line}"));
    }
    Ok(DONE)
}

/// A libvirt that hangs is seen by the line that stays.
fn say_looking(what: &LookedAt) {
    eprint!("{CLEAR}{}", message::looking(what));
}

/// `doctor --remove`
pub fn remove() -> Result {
    let real = crate::control::driver();
    let line = if real.remove_network()? { message::network_removed() } else { message::no_network() };
    println!("{line}");
    Ok(DONE)
}
