// SPDX-License-Identifier: LGPL-2.1-or-later
//! What shares hide, and what may not be written in them: one list for all.

use super::files::{home, MASKS};
use super::ProblemKind;
use crate::host::Host;
use serde::Serialize;
use std::path::{Path, PathBuf};

/// Below the home directory: what opens something.
const KEYS: &[&str] = &[
    // Keys and passwords.
    ".authinfo",
    ".authinfo.gpg",
    ".config/Bitwarden",
    ".config/Yubico",
    ".config/keepassxc",
    ".config/op",
    ".config/sops",
    ".git-credentials",
    ".config/git/credentials",
    ".gnupg",
    ".kde/share/apps/kwallet",
    ".local/share/gopass",
    ".local/share/keyrings",
    ".local/share/kwalletd",
    ".local/share/pki",
    ".my.cnf",
    ".netrc",
    ".password-store",
    ".pgpass",
    ".pki",
    ".smbcredentials",
    ".ssh",
    ".vault-token",
    ".ICEauthority",
    ".Xauthority",
    ".age",
    ".config/age",
    ".config/goa-1.0",
    ".config/joplin",
    ".ipsec.d",
    ".local/share/seahorse",
    ".msmtprc",
    ".config/msmtp",
    ".fetchmailrc",
    ".mbsyncrc",
    ".my.login.cnf",
    ".wallet",
    // Clouds, containers, registries.
    ".aws",
    ".azure",
    ".boto",
    ".cargo/credentials",
    ".cargo/credentials.toml",
    ".config/containers",
    ".config/doctl",
    ".config/gcloud",
    ".config/gh",
    ".config/glab-cli",
    ".config/hcloud",
    ".config/hub",
    ".config/rclone",
    ".docker",
    ".gem/credentials",
    ".gradle/gradle.properties",
    ".kube",
    ".local/share/containers",
    ".m2/settings.xml",
    ".npmrc",
    ".pypirc",
    ".s3cfg",
    ".terraform.d",
    ".terraformrc",
    ".config/helm",
    ".config/heroku",
    ".config/netlify",
    ".config/openstack",
    ".config/scw",
    ".config/tea",
    ".config/vercel",
    ".databrickscfg",
    ".fly",
    ".helm",
    ".minikube",
    ".oci",
    ".vagrant.d",
    ".composer/auth.json",
    ".config/composer/auth.json",
    ".condarc",
    ".config/NuGet",
    ".config/pip",
    ".ivy2/.credentials",
    ".nuget/NuGet",
    ".pip",
    ".sbt/.credentials",
    ".yarnrc.yml",
    ".lxc",
    ".config/lxc",
    ".config/incus",
    ".local/share/lxc",
    ".local/share/gnome-boxes",
    // Money.
    ".bitcoin",
    ".electrum",
    ".ethereum",
];

/// Below the home directory: what somebody has read, written and looked for.
const PRIVATE: &[&str] = &[
    // Browsers and mail.
    ".cache/chromium",
    ".cache/google-chrome",
    ".cache/mozilla",
    ".config/BraveSoftware",
    ".config/chromium",
    ".config/evolution",
    ".config/google-chrome",
    ".config/microsoft-edge",
    ".config/opera",
    ".config/vivaldi",
    ".config/google-chrome-beta",
    ".config/google-chrome-unstable",
    ".config/microsoft-edge-beta",
    ".config/epiphany",
    ".config/falkon",
    ".config/qutebrowser",
    ".local/share/epiphany",
    ".local/share/falkon",
    ".local/share/qutebrowser",
    ".local/share/torbrowser",
    ".librewolf",
    ".waterfox",
    ".cache/epiphany",
    ".cache/librewolf",
    ".config/Element",
    ".config/Signal",
    ".config/Slack",
    ".config/discord",
    ".config/geary",
    ".local/share/TelegramDesktop",
    ".local/share/geary",
    ".purple",
    ".claws-mail",
    ".mutt",
    ".muttrc",
    ".config/mutt",
    ".config/neomutt",
    ".config/aerc",
    ".cache/evolution",
    ".cache/thunderbird",
    ".local/share/evolution",
    ".mozilla",
    ".thunderbird",
    ".var/app",
    "snap",
    // What was typed and opened.
    ".bash_history",
    ".history",
    ".lesshst",
    ".local/share/fish/fish_history",
    ".local/share/recently-used.xbel",
    ".mysql_history",
    ".node_repl_history",
    ".psql_history",
    ".python_history",
    ".sh_history",
    ".sqlite_history",
    ".viminfo",
    ".zsh_history",
    ".ash_history",
    ".dbshell",
    ".histfile",
    ".irb_history",
    ".julia/logs",
    ".ksh_history",
    ".local/share/Trash",
    ".local/share/atuin",
    ".local/share/nano",
    ".local/share/nvim/shada",
    ".local/share/zsh",
    ".local/state/bash",
    ".local/state/lesshst",
    ".local/state/nvim",
    ".local/state/python_history",
    ".local/state/zsh",
    ".config/nushell/history.txt",
    ".config/nushell/history.sqlite3",
    ".nano_history",
    ".pry_history",
    ".rediscli_history",
    ".wget-hsts",
    ".zhistory",
    ".tcsh_history",
];

/// Below the home directory: what the desktop starts when somebody logs in.
const SESSION: &[&str] =
    &[".config/autostart", ".config/autostart-scripts", ".config/systemd", ".local/share/systemd"];

/// Below the home directory: what the desktop and libvirt start when they are
/// asked.
const SERVICES: &[&str] =
    &[".local/share/applications", ".local/share/dbus-1", ".config/libvirt", ".local/share/libvirt"];

/// Below the home directory: nothing secret, but it runs when somebody logs in.
const LOGIN: &[&str] = &[
    ".bash_login",
    ".bash_logout",
    ".bash_profile",
    ".config/environment.d",
    ".config/plasma-workspace",
    ".config/hypr",
    ".config/i3",
    ".config/labwc",
    ".config/openbox",
    ".config/sway",
    ".config/xfce4",
    ".local/share/gnome-shell",
    ".local/share/plasma",
    ".pam_environment",
    ".profile",
    ".xinitrc",
    ".xprofile",
    ".xsession",
    ".xsessionrc",
    ".zlogin",
    ".zprofile",
];

/// Below the home directory: nothing secret, but whoever may write it runs
/// programs outside.
const PROGRAMS: &[&str] = &[
    ".bash_aliases",
    ".bashrc",
    ".config/fish",
    ".config/git",
    ".config/mimeapps.list",
    ".config/nvim",
    ".config/zsh",
    ".local/share/flatpak",
    ".local/share/kservices5",
    ".emacs",
    ".emacs.d",
    ".gitconfig",
    ".local/bin",
    ".local/share/nautilus",
    ".vimrc",
    ".zshenv",
    ".zshrc",
    "bin",
];

/// A path of the host that no share gives away by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Guarded {
    /// Absolute.
    pub path: PathBuf,
    /// Hidden, and not only kept from being written.
    pub hidden: bool,
    /// What is there.
    pub holds: Holds,
}

/// What a guarded place holds; the gravest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Holds {
    /// What starts by itself when the user logs in.
    Starts,
    /// What the user's programs run, or which.
    Programs,
    /// Keys, passwords, money.
    Keys,
    /// What Terrarium itself relies on.
    Own,
    /// What the user's programs remember of the user.
    Private,
}

/// All of them.
#[must_use]
pub fn guarded(host: &Host) -> Vec<Guarded> {
    let guarded = |path: PathBuf, hidden: bool, holds| Guarded { path, hidden, holds };
    let own = &host.places;
    let places = [&own.config, &own.data, &own.cache, &own.runtime];
    let inside = home(host);
    let system = MASKS.iter().map(Path::new).filter(|mask| !inside.starts_with(mask));
    let of_home = |names: &'static [&'static str], hidden: bool, holds| {
        names.iter().map(move |name| guarded(host.user.home.join(name), hidden, holds))
    };
    let run = guarded(format!("/run/user/{}", host.user.uid).into(), true, Holds::Own);
    let mut all: Vec<Guarded> = system.map(|path| guarded(path.into(), true, Holds::Keys)).collect();
    all.extend(places.map(|path| guarded(path.clone(), true, Holds::Own)));
    all.push(run);
    all.extend(of_home(KEYS, true, Holds::Keys));
    all.extend(of_home(PRIVATE, true, Holds::Private));
    all.extend(of_home(SESSION, true, Holds::Starts));
    all.extend(of_home(SERVICES, true, Holds::Programs));
    all.extend(of_home(LOGIN, false, Holds::Starts));
    all.extend(of_home(PROGRAMS, false, Holds::Programs));
    all
}

/// What of the kernel no share may show: a machine's QEMU would hand out the
/// memory of all the user's processes.
const KERNEL: [&str; 3] = ["/proc", "/sys", "/dev"];

/// Whether a source may be shared, and what in it has to be hidden: paths
/// relative to it.
///
/// # Errors
/// It may not.
pub fn judge(source: &Path, writable: bool, guarded: &[Guarded]) -> Result<Vec<PathBuf>, ProblemKind> {
    let path = || source.to_owned();
    if KERNEL.iter().any(|top| source.starts_with(top) || Path::new(top).starts_with(source)) {
        return Err(ProblemKind::KernelView { path: path() });
    }
    if let Some(one) = guarded.iter().find(|one| one.hidden && source.starts_with(&one.path)) {
        return Err(ProblemKind::Secret { path: path(), holds: one.path.clone() });
    }
    let meets = |one: &&Guarded| one.path.starts_with(source) || source.starts_with(&one.path);
    if let Some(one) = guarded.iter().filter(|_| writable).find(meets) {
        // A mask would not do: what is above it could be moved away.
        return Err(ProblemKind::Guards { path: path(), holds: one.path.clone() });
    }
    let hidden = guarded.iter().filter(|one| one.hidden);
    Ok(hidden.filter_map(|one| one.path.strip_prefix(source).ok()).map(Path::to_owned).collect())
}
