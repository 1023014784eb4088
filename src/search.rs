// SPDX-License-Identifier: LGPL-2.1-or-later
//! Profiles among what the desktop's own search finds:
//! `org.gnome.Shell.SearchProvider2`. The desktop starts the program for it
//! over D-Bus, without a window.

use crate::pages::home::summary;
use crate::pages::icon_of;
use gettextrs::gettext;
use gtk::prelude::*;
use gtk::{gio, glib};
use std::collections::HashMap;
use terrarium_engine::host;
use terrarium_engine::message;
use terrarium_engine::profile::{store, Profile};

/// Where the object is, as data/ says.
const PATH: &str = "/org/terrarium/Terrarium/SearchProvider";

/// As gnome-shell's documentation has it.
const INTERFACE: &str = "<node><interface name='org.gnome.Shell.SearchProvider2'>
<method name='GetInitialResultSet'><arg type='as' direction='in'/><arg type='as' direction='out'/></method>
<method name='GetSubsearchResultSet'><arg type='as' direction='in'/><arg type='as' direction='in'/>
<arg type='as' direction='out'/></method>
<method name='GetResultMetas'><arg type='as' direction='in'/><arg type='aa{sv}' direction='out'/></method>
<method name='ActivateResult'><arg type='s' direction='in'/><arg type='as' direction='in'/>
<arg type='u' direction='in'/></method>
<method name='LaunchSearch'><arg type='as' direction='in'/><arg type='u' direction='in'/></method>
</interface></node>";

/// Most that is answered; the desktop shows a handful.
const MOST: usize = 20;
/// Words and characters of a search that are looked at.
const WORDS: usize = 16;

/// What the user chose among what was found.
pub enum Chosen {
    /// A profile, by the name of its file.
    Profile(String),
    /// All that is found with these words.
    Search(String),
}

/// What the desktop asks.
enum Question {
    Find { among: Option<Vec<String>>, words: Vec<String> },
    Describe(Vec<String>),
    Open(Chosen),
}

impl Question {
    fn read(method: &str, asked: &glib::Variant) -> Option<Self> {
        match method {
            "GetInitialResultSet" => {
                asked.get().map(|(words,): (Vec<String>,)| Self::Find { among: None, words })
            }
            "GetSubsearchResultSet" => asked
                .get()
                .map(|(among, words): (Vec<String>, Vec<String>)| Self::Find { among: Some(among), words }),
            "GetResultMetas" => asked.get().map(|(ids,): (Vec<String>,)| Self::Describe(ids)),
            "ActivateResult" => {
                asked.get().map(|(id, _, _): (String, Vec<String>, u32)| Self::Open(Chosen::Profile(id)))
            }
            "LaunchSearch" => {
                asked.get().map(|(words, _): (Vec<String>, u32)| Self::Open(Chosen::Search(words.join(" "))))
            }
            _ => None,
        }
    }
}

/// Answers from now on. To be called before the program has its name on the
/// bus: whoever starts it asks at once.
///
/// # Errors
/// The bus will not have it.
pub fn provide(
    app: &gio::Application,
    connection: &gio::DBusConnection,
    open: fn(&gio::Application, Chosen),
) -> Result<(), glib::Error> {
    let node = gio::DBusNodeInfo::for_xml(INTERFACE)?;
    let Some(interface) = node.lookup_interface("org.gnome.Shell.SearchProvider2") else { return Ok(()) };
    let app = app.downgrade();
    let answer = connection.register_object(PATH, &interface).method_call(
        move |_, _, _, _, method, asked, invocation| {
            let (Some(app), Some(question)) = (app.upgrade(), Question::read(method, &asked)) else {
                return invocation.return_error(gio::DBusError::InvalidArgs, "This is not understood");
            };
            // A program without a window lives for as long as it is asked.
            let hold = app.hold();
            invocation.return_future_local(async move {
                let answer = match question {
                    Question::Find { among, words } => Some((find(among, words).await,).to_variant()),
                    Question::Describe(ids) => Some((describe(ids).await,).to_variant()),
                    Question::Open(chosen) => {
                        open(&app, chosen);
                        None
                    }
                };
                drop(hold);
                Ok(answer)
            });
        },
    );
    answer.build().map(drop)
}

/// The profiles that can be run, by the names of their files.
async fn profiles() -> Vec<(String, Profile)> {
    let read = || {
        let entries = store::list(&host::places()).unwrap_or_default();
        entries
            .into_iter()
            .filter_map(|entry| Some((store::stem(&entry.path), entry.profile.ok()?)))
            .collect()
    };
    gio::spawn_blocking(read).await.unwrap_or_default()
}

async fn find(among: Option<Vec<String>>, words: Vec<String>) -> Vec<String> {
    let mut found = matches(&profiles().await, &words);
    found.retain(|id| among.as_ref().is_none_or(|among| among.contains(id)));
    found.truncate(MOST);
    found
}

/// Those in whose name or command all words are; by name, those first whose
/// name begins with the first word.
fn matches(profiles: &[(String, Profile)], words: &[String]) -> Vec<String> {
    let words: Vec<String> = words.iter().take(WORDS).map(|word| word.trim().to_lowercase()).collect();
    let words: Vec<&String> = words.iter().filter(|word| !word.is_empty()).collect();
    let Some(first) = words.first() else { return Vec::new() };
    let mut found: Vec<(bool, String, &String)> = Vec::new();
    for (id, profile) in profiles {
        let name = profile.name.to_lowercase();
        let argv: Vec<_> = profile.command.argv.iter().map(|word| word.to_string_lossy()).collect();
        let command = argv.join(" ").to_lowercase();
        if words.iter().all(|word| name.contains(word.as_str()) || command.contains(word.as_str())) {
            found.push((!name.starts_with(first.as_str()), name, id));
        }
    }
    found.sort();
    found.into_iter().map(|(_, _, id)| id.clone()).collect()
}

/// Name, a line and an icon of each.
async fn describe(ids: Vec<String>) -> Vec<HashMap<String, glib::Variant>> {
    let profiles = profiles().await;
    let home = glib::home_dir();
    let of = |id: &String| {
        let (_, profile) = profiles.iter().find(|(other, _)| other == id)?;
        let icon = gio::ThemedIcon::new(icon_of(profile));
        let text = gettext("Run in a sandbox: {summary}").replace("{summary}", &summary(profile, &home));
        let mut about = HashMap::from([
            ("id".to_owned(), id.to_variant()),
            ("name".to_owned(), message::shown(&profile.name).to_variant()),
            ("description".to_owned(), text.to_variant()),
        ]);
        about.extend(icon.serialize().map(|icon| ("icon".to_owned(), icon)));
        Some(about)
    };
    ids.iter().take(MOST).filter_map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_is_found_by_all_words_of_its_name_and_command() {
        let of =
            |id: &str, name: &str, command: &str| (id.to_owned(), Profile::new(name, vec![command.into()]));
        let all = [
            of("b", "My Papers", "/usr/bin/Evince"),
            of("a", "Papers to Read", "evince"),
            of("web", "Web Browser", "firefox"),
        ];
        let find =
            |words: &[&str]| matches(&all, &words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>());
        assert_eq!(find(&["PAPERS"]), ["a", "b"], "what begins so comes first");
        assert_eq!(find(&["papers", "evi"]), ["a", "b"]);
        assert_eq!(find(&["papers", "my"]), ["b"]);
        assert_eq!(find(&["fire"]), ["web"]);
        assert!(find(&["papers", "fire"]).is_empty() && find(&[]).is_empty() && find(&[" "]).is_empty());
    }
}
