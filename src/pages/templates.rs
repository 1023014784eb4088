// SPDX-License-Identifier: LGPL-2.1-or-later
//! Beginnings of profiles for what people do most.

use crate::apps::{self, App};
use gettextrs::gettext;
use gtk::gio;
use gtk::prelude::*;
use std::path::{Path, PathBuf};
use terrarium_engine::host::Host;
use terrarium_engine::plan::{self, plan};
use terrarium_engine::profile::{Changes, Clipboard, Colour, DisplayKind, Home, Icon, Include, Isolation};
use terrarium_engine::profile::{Mount, MountKind, MountMode, NetworkMode, Profile};

/// One beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Template {
    /// A file that is looked at.
    Document,
    /// A browser that forgets.
    Web,
    /// A folder that is worked in.
    Build,
    /// A shell.
    Terminal,
    /// A program with a memory of its own.
    OldApp,
    /// Nothing passes.
    EverythingOff,
}

impl Template {
    /// All of them, as they are shown.
    pub const ALL: [Self; 6] =
        [Self::Document, Self::Web, Self::Build, Self::Terminal, Self::OldApp, Self::EverythingOff];

    /// Its title, and a sentence.
    pub fn words(self) -> (String, String) {
        match self {
            Self::Document => (
                gettext("Untrusted Document"),
                gettext("Look at a file you do not trust. It is shared read-only, without network."),
            ),
            Self::Web => (
                gettext("Web Browser Without a Past"),
                gettext("Reaches the internet and nothing at home. What it stores is thrown away."),
            ),
            Self::Build => (
                gettext("Build or Test a Project Folder"),
                gettext("Works in one folder of yours and sees no other."),
            ),
            Self::Terminal => (
                gettext("Terminal Without Network"),
                gettext("A shell with an empty home folder. What it writes is thrown away."),
            ),
            Self::OldApp => (
                gettext("Old App With a Kept Home"),
                gettext("Keeps its settings in a home folder of its own, apart from yours."),
            ),
            Self::EverythingOff => (
                gettext("Everything Off"),
                gettext("No network, no clipboard, no sound, no folder of yours."),
            ),
        }
    }

    /// What its mark looks like.
    pub fn looks(self) -> (Colour, Icon) {
        match self {
            Self::Document => (Colour::Red, Icon::Document),
            Self::Web => (Colour::Orange, Icon::Web),
            Self::Build => (Colour::Blue, Icon::Build),
            Self::Terminal => (Colour::Grey, Icon::Terminal),
            Self::OldApp => (Colour::Purple, Icon::App),
            Self::EverythingOff => (Colour::Green, Icon::Lock),
        }
    }

    /// The profile that it is, with what this computer has for it.
    pub fn profile(self, host: &Host, apps: &[App]) -> Profile {
        let shell = || vec![host.user.shell.clone().into_os_string()];
        let app = |kind: &str| default_app(apps, kind);
        let (colour, icon) = self.looks();
        let mut profile = Profile::new(self.words().0, Vec::new());
        (profile.colour, profile.icon) = (colour, Some(icon));
        match self {
            Self::Document => {
                begin(&mut profile, app("application/pdf"), host);
                profile.display.kind = DisplayKind::Window;
            }
            Self::Web => {
                begin(&mut profile, app("x-scheme-handler/http"), host);
                profile.display.kind = DisplayKind::Window;
                profile.network.mode = NetworkMode::Internet;
            }
            Self::Build => {
                profile.command.argv = shell();
            }
            Self::Terminal => profile.command.argv = shell(),
            Self::OldApp => {
                profile.display.kind = DisplayKind::Window;
                profile.files.home = Home::Kept;
            }
            Self::EverythingOff => {
                profile.command.argv = shell();
                profile.display.clipboard = Clipboard::Off;
                profile.files.changes = Changes::Discard;
            }
        }
        best(profile, host)
    }
}

/// Runs this app, if there is one for it.
fn begin(profile: &mut Profile, app: Option<&App>, host: &Host) {
    profile.command.argv = app.map(|app| app.argv(&[])).unwrap_or_default();
    profile.command.directory = app.and_then(|app| directory(app, host));
}

/// A shared folder or file, seen at its own path.
pub fn share(path: &Path, mode: MountMode) -> Mount {
    Mount {
        kind: MountKind::HostBind,
        source: path.to_owned(),
        target: path.to_owned(),
        mode,
        format: None,
        trusted: false,
    }
}

/// The app that opens this kind by default, if it is one of these.
pub fn default_app<'a>(apps: &'a [App], kind: &str) -> Option<&'a App> {
    let chosen = gio::AppInfo::default_for_type(kind, false).and_then(|info| info.id());
    let is_it = |app: &&App| chosen.as_ref().is_some_and(|id| id.as_str() == app.id);
    let opens = |app: &&App| app.types.iter().any(|one| one == kind);
    let listed = |app: &&App| opens(app) && !app.unlisted;
    apps.iter().find(is_it).or_else(|| apps.iter().find(listed)).or_else(|| apps.iter().find(opens))
}

/// Where an app starts, if it says so and a sandbox sees that.
pub fn directory(app: &App, host: &Host) -> Option<PathBuf> {
    app.directory.clone().filter(|folder| plan::shows(folder, host))
}

/// A file that is looked at with the app for its kind.
pub fn document(path: &Path, app: &App, host: &Host) -> Profile {
    let (colour, icon) = Template::Document.looks();
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    // A name is shown, and may not hold all that a file's name may.
    let name: String = name.chars().filter(|c| !c.is_control()).take(60).collect();
    let mut profile = Profile::new(name, app.argv(&[path.to_owned()]));
    profile.command.directory = directory(app, host);
    (profile.colour, profile.icon) = (colour, Some(icon));
    if !app.terminal {
        profile.display.kind = DisplayKind::Window;
    }
    profile.files.mounts = vec![share(path, MountMode::Ro)];
    best(profile, host)
}

/// A copy of a file that is edited with the app for its kind: what became of
/// it is a change that waits to be accepted, and goes back to where the file
/// is.
pub fn edit(path: &Path, app: &App, host: &Host) -> Profile {
    let home = plan::home(host);
    let name = path.file_name().map(Path::new).unwrap_or(Path::new("file"));
    // What lies elsewhere has no place of its own inside that lasts.
    let target = match path.strip_prefix(&host.user.home) {
        Ok(inner) => home.join(inner),
        Err(_) => home.join(name),
    };
    let mut profile = document(path, app, host);
    profile.command.argv = app.argv(std::slice::from_ref(&target));
    profile.files.mounts = Vec::new();
    profile.files.include = vec![Include { source: path.to_owned(), target }];
    profile.files.changes = Changes::Review;
    profile.colour = Colour::Orange;
    best(profile, host)
}

/// An app with an empty home folder.
pub fn app(app: &App, host: &Host) -> Profile {
    let mut profile = Profile::new(app.name.replace('/', "-"), app.argv(&[]));
    profile.command.directory = directory(app, host);
    (profile.colour, profile.icon) = (Colour::Teal, Some(Icon::App));
    if !app.terminal {
        profile.display.kind = DisplayKind::Window;
    }
    best(profile, host)
}

/// With the isolation that works for it here: what the plan takes by itself,
/// else the other.
pub fn best(mut profile: Profile, host: &Host) -> Profile {
    let about_glass = |profile: &Profile| {
        let planned = plan(profile, host);
        planned.problems.iter().any(|problem| {
            ["isolation", "display", "machine"].iter().any(|key| problem.field.starts_with(key))
        })
    };
    if about_glass(&profile) {
        for isolation in [Isolation::Container, Isolation::Machine] {
            let other = Profile { isolation: Some(isolation), ..profile.clone() };
            if !about_glass(&other) {
                profile = other;
                break;
            }
        }
    }
    profile
}

/// Reads the apps. To be called where it may block.
pub fn read_apps() -> Vec<App> {
    apps::list(&apps::folders())
}
