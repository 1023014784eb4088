// SPDX-License-Identifier: LGPL-2.1-or-later
//! What people call the places that hold secrets.

use super::values::tilde;
use gettextrs::gettext;
use std::path::Path;

/// The name of a secret, or its path.
pub(super) fn name(path: &Path, home: &Path) -> String {
    let inside = path.strip_prefix(home).unwrap_or(path);
    let named = match inside.to_str().unwrap_or_default() {
        ".ssh" => gettext("Your SSH keys"),
        ".gnupg" => gettext("Your GnuPG keys"),
        ".local/share/keyrings" => gettext("The GNOME keyring"),
        ".local/share/kwalletd" | ".kde/share/apps/kwallet" => gettext("The KDE wallet"),
        ".password-store" | ".local/share/gopass" | ".config/keepassxc" | ".config/Bitwarden" => {
            gettext("Your passwords")
        }
        ".mozilla" => gettext("Your Firefox profile"),
        ".config/chromium" => gettext("Your Chromium profile"),
        ".config/google-chrome" => gettext("Your Chrome profile"),
        ".thunderbird" | ".config/evolution" | ".local/share/evolution" => gettext("Your mail"),
        ".aws" | ".azure" | ".config/gcloud" | ".config/doctl" | ".config/hcloud" => {
            gettext("Your cloud credentials")
        }
        ".kube" => gettext("Your Kubernetes credentials"),
        ".docker" | ".config/containers" => gettext("Your container credentials"),
        ".git-credentials"
        | ".config/git/credentials"
        | ".config/gh"
        | ".config/glab-cli"
        | ".config/hub" => gettext("Your Git credentials"),
        ".bitcoin" | ".electrum" | ".ethereum" => gettext("Your wallet"),
        ".bash_history" | ".zsh_history" | ".sh_history" | ".history" => gettext("Your shell’s history"),
        ".netrc" | ".authinfo" | ".pgpass" | ".my.cnf" => gettext("Stored logins"),
        _ => return tilde(path, home),
    };
    let path = tilde(path, home);
    super::fill(&gettext("{what} ({path})"), &[("what", &named), ("path", &path)])
}

/// Well-known secrets, to name some of those that are hidden.
pub(super) fn examples() -> [(&'static str, String); 6] {
    [
        (".ssh", gettext("SSH keys")),
        (".local/share/keyrings", gettext("keyrings")),
        (".mozilla", gettext("browser profiles")),
        (".gnupg", gettext("GnuPG keys")),
        (".password-store", gettext("passwords")),
        (".aws", gettext("cloud credentials")),
    ]
}
