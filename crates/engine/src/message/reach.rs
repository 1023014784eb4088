// SPDX-License-Identifier: LGPL-2.1-or-later
//! What a sandbox can reach, in plain sentences: two columns, “it can” and
//! “it cannot”, and what becomes of the rest.

use super::{fill, secrets, size, tilde};
use crate::profile::{Changes, Clipboard, Home, NetworkMode};
use crate::reach::{Fact, Reach, Secret, Strength};
use gettextrs::{gettext, ngettext};
use std::path::{Path, PathBuf};

/// So many are named; the others are counted.
const NAMED: usize = 3;

/// One fact in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// What it is about.
    pub fact: Fact,
    /// How much it weighs.
    pub strength: Strength,
    /// Continues “It can” or “It cannot”.
    pub title: String,
    /// More about it; may be empty.
    pub detail: String,
}

/// All facts in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Words {
    /// What it can, the strongest first.
    pub can: Vec<Row>,
    /// What it cannot.
    pub cannot: Vec<Row>,
    /// What becomes of what it writes anywhere else: a title, and more.
    pub afterwards: (String, String),
}

/// What a sandbox can reach.
#[must_use]
pub fn reach(reach: &Reach) -> Words {
    let mut words = Words { can: Vec::new(), cannot: Vec::new(), afterwards: afterwards(reach) };
    for fact in &reach.facts {
        let row = |(title, detail)| Row { fact: fact.clone(), strength: fact.strength(), title, detail };
        if fact.can() {
            words.can.push(row(can(fact, reach)));
        }
        if let Some(said) = cannot(fact, reach) {
            words.cannot.push(Row { strength: Strength::Usual, ..row(said) });
        }
    }
    words.can.sort_by_key(|row| std::cmp::Reverse(row.strength));
    words
}

/// The same as lines of text.
#[must_use]
pub fn reach_lines(facts: &Reach) -> Vec<String> {
    let words = reach(facts);
    let mut lines = Vec::new();
    for (heading, rows) in [(gettext("It Can"), &words.can), (gettext("It Cannot"), &words.cannot)] {
        lines.push(heading);
        for row in rows {
            lines.push(format!("  {}", row.title));
            lines.extend((!row.detail.is_empty()).then(|| format!("    {}", row.detail)));
        }
    }
    let (title, detail) = words.afterwards;
    lines.push(gettext("Afterwards"));
    lines.push(format!("  {title}"));
    lines.extend((!detail.is_empty()).then(|| format!("    {detail}")));
    lines
}

fn can(fact: &Fact, reach: &Reach) -> (String, String) {
    let home = reach.home.as_path();
    match fact {
        Fact::Secrets { seen, .. } => (count_of(secrets_title, seen.len()), of_secrets(seen, home)),
        Fact::Writes(paths) => (count_of(writes_title, paths.len()), names(paths, home)),
        Fact::Sockets(paths) => {
            (gettext("Talk to programs outside that use sockets in these folders"), names(paths, home))
        }
        Fact::Devices { microphone, usb } => devices(*microphone, *usb),
        Fact::Network { mode: NetworkMode::Custom, own, allow, through, user, forwards } => {
            let (title, detail) = custom(*own && !*user, *user, allow, through);
            (title, with_forwards(with_networks(detail, through), forwards))
        }
        Fact::Network { mode, allow, through, forwards, .. } => {
            let (title, detail) = network(*mode, allow);
            (title, with_forwards(with_networks(detail, through), forwards))
        }
        Fact::Root(_) => {
            (gettext("Act as root inside"), gettext("Of nothing outside. It can do more harm inside."))
        }
        Fact::Kernel(_) => (
            gettext("Use this computer’s kernel"),
            gettext("A flaw in the kernel could let it out; a virtual machine has its own."),
        ),
        Fact::Reads { shown, copied } => reads(shown, copied, home),
        Fact::Home(_) => (gettext("Read your home folder"), whole_home(reach)),
        Fact::Clipboard(policy) => clipboard(policy.unwrap_or(Clipboard::Off)),
        Fact::Drops(_) => (gettext("Take files that you drop on it"), gettext("It gets copies.")),
        Fact::Sound(_) => (gettext("Play sound"), String::new()),
        Fact::Limits { memory, cpus, writable } => limits((*memory, *cpus, *writable), reach),
        Fact::Desktop => (String::new(), String::new()),
    }
}

fn cannot(fact: &Fact, reach: &Reach) -> Option<(String, String)> {
    let said = match fact {
        Fact::Secrets { seen, hidden } => return Some(hidden_secrets(seen, *hidden, &reach.home)),
        Fact::Network { mode: NetworkMode::Internet, .. } | Fact::Reads { .. } | Fact::Limits { .. } => {
            return None
        }
        fact if fact.can() => return None,
        Fact::Writes(_) => (gettext("Change your files"), String::new()),
        Fact::Sockets(_) => (gettext("Reach other programs through their sockets"), String::new()),
        Fact::Devices { .. } => (gettext("Use your microphone, camera or USB devices"), String::new()),
        Fact::Network { .. } => (gettext("Talk to the network"), String::new()),
        Fact::Root(_) => (gettext("Become root"), gettext("Not even inside.")),
        Fact::Kernel(_) => (gettext("Use this computer’s kernel"), gettext("It has a kernel of its own.")),
        Fact::Home(home) => (gettext("See your home folder"), own_home(*home)),
        Fact::Clipboard(_) => (gettext("Use your clipboard"), String::new()),
        Fact::Desktop => (gettext("See your screen or other programs"), String::new()),
        // Not worth a line where there is no window.
        Fact::Drops(_) | Fact::Sound(_) if !has_screen(reach) => return None,
        Fact::Drops(_) => (gettext("Take files that you drop on it"), String::new()),
        Fact::Sound(_) => (gettext("Play sound"), String::new()),
    };
    Some(said)
}

fn has_screen(reach: &Reach) -> bool {
    reach.facts.iter().any(|fact| matches!(fact, Fact::Clipboard(Some(_))))
}

fn count_of(text: fn(u32) -> String, count: usize) -> String {
    let count = super::many(count);
    fill(&text(count), &[("number", &count.to_string())])
}

fn secrets_title(count: u32) -> String {
    ngettext("See {number} of your secrets", "See {number} of your secrets", count)
}

fn writes_title(count: u32) -> String {
    ngettext("Change files in {number} place", "Change files in {number} places", count)
}

fn of_secrets(seen: &[Secret], home: &Path) -> String {
    let one = |secret: &Secret| {
        let name = secrets::name(&secret.path, home);
        if !secret.can_be_hidden() || !secret.shown_by.starts_with(home) {
            return name;
        }
        let values = [("secret", name.as_str()), ("folder", &tilde(&secret.shown_by, home))];
        fill(&gettext("{secret}, because {folder} is shared"), &values)
    };
    list(&seen.iter().map(one).collect::<Vec<_>>())
}

fn hidden_secrets(seen: &[Secret], hidden: usize, home: &Path) -> (String, String) {
    let is_seen = |path: &str| seen.iter().any(|secret| secret.path == home.join(path));
    let examples = secrets::examples().into_iter().filter(|(path, _)| !is_seen(path));
    let named: Vec<String> = examples.map(|(_, name)| name).take(NAMED).collect();
    let rest = hidden.saturating_sub(named.len()).to_string();
    let values = [("names", named.join(", ")), ("number", rest)];
    let text = gettext("{names} and {number} more places are hidden.");
    let detail = fill(&text, &[(values[0].0, &values[0].1), (values[1].0, &values[1].1)]);
    let title = if seen.is_empty() { gettext("See your secrets") } else { gettext("See your other secrets") };
    (title, detail)
}

fn devices(microphone: bool, usb: bool) -> (String, String) {
    let usb_only = gettext("USB devices only when you hand one to it.");
    match (microphone, usb) {
        (true, true) => (gettext("Listen to your microphone, and use USB devices"), usb_only),
        (true, false) => (gettext("Listen to your microphone"), String::new()),
        _ => (gettext("Use USB devices"), gettext("Only when you hand one to it.")),
    }
}

fn network(mode: NetworkMode, allow: &[String]) -> (String, String) {
    match mode {
        NetworkMode::Internet if !allow.is_empty() => {
            (gettext("Talk to the internet and chosen hosts"), list(allow))
        }
        NetworkMode::Full => everywhere(),
        _ => {
            (gettext("Talk to the internet"), gettext("Neither to your local network nor to this computer."))
        }
    }
}

fn everywhere() -> (String, String) {
    (gettext("Talk to the internet, your local network and this computer"), String::new())
}

/// Without a list Terrarium's own network leads to the internet, as it does by
/// that name; QEMU's user mode and networks of libvirt's are limited by nobody.
fn custom(own: bool, user: bool, allow: &[String], through: &[String]) -> (String, String) {
    match (own, user) {
        (true, _) if !allow.is_empty() => (gettext("Talk to chosen hosts"), list(allow)),
        (true, _) if through.is_empty() => (
            gettext("Talk to the internet"),
            gettext("To all of it, because no hosts are chosen. Neither to your local network nor to this computer."),
        ),
        (true, _) => (gettext("Talk to the internet"), String::new()),
        (false, true) => everywhere(),
        (false, false) => (gettext("Talk to networks"), String::new()),
    }
}

fn with_networks(detail: String, through: &[String]) -> String {
    if through.is_empty() {
        return detail;
    }
    let text = gettext("To all that these networks of libvirt’s reach: {networks}.");
    apart(&detail, &fill(&text, &[("networks", &list(through))]))
}

fn with_forwards(detail: String, forwards: &[String]) -> String {
    if forwards.is_empty() {
        return detail;
    }
    let text = gettext("Ports of this computer lead into it: {ports}.");
    let said = fill(&text, &[("ports", &list(forwards))]);
    apart(&detail, &said)
}

/// Both, if there are two. A list of hosts is no sentence.
fn apart(one: &str, other: &str) -> String {
    [one, other].into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join(" · ")
}

fn reads(shown: &[PathBuf], copied: &[PathBuf], home: &Path) -> (String, String) {
    let system = gettext("the programs installed on this computer");
    let all: Vec<PathBuf> = shown.iter().chain(copied).cloned().collect();
    if all.is_empty() {
        return (
            gettext("Read the system"),
            gettext("The programs installed on this computer and their settings."),
        );
    }
    let title =
        |count| ngettext("Read {number} place and the system", "Read {number} places and the system", count);
    let values = [("places", names(&all, home)), ("system", system)];
    let text =
        fill(&gettext("{places}, and {system}"), &[(values[0].0, &values[0].1), (values[1].0, &values[1].1)]);
    (count_of(title, all.len()), text)
}

/// Those that are named above are not hidden.
fn whole_home(reach: &Reach) -> String {
    let sees_some = reach.facts.iter().any(|fact| match fact {
        Fact::Secrets { seen, .. } => seen.iter().any(|secret| secret.path.starts_with(&reach.home)),
        _ => false,
    });
    if sees_some {
        gettext("Your other secrets in it are hidden, and it cannot write there.")
    } else {
        gettext("Your secrets in it are hidden, and it cannot write there.")
    }
}

fn own_home(home: Home) -> String {
    match home {
        Home::Kept => gettext("It keeps one of its own."),
        _ => gettext("It gets an empty one."),
    }
}

fn clipboard(policy: Clipboard) -> (String, String) {
    match policy {
        Clipboard::In => (gettext("Read what you copy"), gettext("It cannot fill your clipboard.")),
        Clipboard::Out => (gettext("Fill your clipboard"), gettext("It cannot read what you copy.")),
        Clipboard::Both => (gettext("Read and fill your clipboard"), gettext("Without asking.")),
        Clipboard::Ask | Clipboard::Off => {
            let detail = gettext("You allow each paste, and each time that it fills your clipboard.");
            (gettext("Ask for your clipboard"), detail)
        }
    }
}

fn limits((memory, cpus, writable): (u64, u32, u64), reach: &Reach) -> (String, String) {
    let title = fill(&gettext("Use up to {size} of memory"), &[("size", &size(memory))]);
    let on = |count| ngettext("On {number} processor.", "On {number} processors.", count);
    // What lies in folders of the host's takes their room.
    let has_folders = reach.facts.iter().any(|fact| match fact {
        Fact::Writes(paths) => !paths.is_empty(),
        Fact::Home(home) => *home == Home::Kept,
        _ => false,
    });
    let written = if has_folders {
        gettext("It may write up to {size} beside its folders.")
    } else {
        gettext("It may write up to {size}.")
    };
    let written = fill(&written, &[("size", &size(writable))]);
    (title, format!("{} {written}", count_of(on, cpus as usize)))
}

fn afterwards(reach: &Reach) -> (String, String) {
    let kept = reach.facts.contains(&Fact::Home(Home::Kept));
    let written = reach.facts.iter().find_map(|fact| match fact {
        Fact::Writes(places) if !places.is_empty() => Some(places.as_slice()),
        _ => None,
    });
    let in_place = written.map(|places| in_place(places, &reach.home));
    let detail = kept.then(|| gettext("Its home folder is kept for the next run."));
    let (title, detail) = match reach.changes {
        Changes::Discard if kept || written.is_some() => {
            (gettext("What it writes anywhere else is thrown away when it ends."), detail)
        }
        Changes::Discard => (gettext("What it writes is thrown away when it ends."), detail),
        Changes::Keep if written.is_some() => {
            (gettext("What it writes anywhere else is kept for the next run."), None)
        }
        Changes::Keep => {
            let detail = gettext("Your own files stay as they are.");
            (gettext("What it writes is kept for the next run."), Some(detail))
        }
        Changes::Review if written.is_some() => (gettext("You review what it changed anywhere else."), None),
        Changes::Review => {
            (gettext("You review what it changed."), Some(gettext("Nothing is kept unless you say so.")))
        }
    };
    (title, detail.into_iter().chain(in_place).collect::<Vec<_>>().join(" "))
}

/// What a sandbox writes in these is there at once, whatever becomes of its
/// changes.
#[must_use]
pub fn in_place(places: &[PathBuf], home: &Path) -> String {
    fill(
        &gettext("What it writes in {places} is in place at once: nobody reviews or discards that."),
        &[("places", &names(places, home))],
    )
}

/// The same once it has ended.
#[must_use]
pub fn already_there(places: &[PathBuf], home: &Path) -> String {
    fill(
        &gettext("What it wrote in {places} is there already, and is not part of this review."),
        &[("places", &names(places, home))],
    )
}

/// `~/Downloads, ~/Documents and 3 more`.
fn names(paths: &[PathBuf], home: &Path) -> String {
    list(&paths.iter().map(|path| tilde(path, home)).collect::<Vec<_>>())
}

fn list(names: &[String]) -> String {
    let named = if names.len() > NAMED + 1 { NAMED } else { names.len() };
    let first = names[..named].join(", ");
    let rest = super::many(names.len() - named);
    if rest == 0 {
        return super::shown(&first);
    }
    let text = ngettext("{names} and {number} more", "{names} and {number} more", rest);
    fill(&text, &[("names", &first), ("number", &rest.to_string())])
}
