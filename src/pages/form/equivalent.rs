// SPDX-License-Identifier: LGPL-2.1-or-later
//! What the form says as a command line.

use gtk::glib;
use terrarium_engine::message;
use terrarium_engine::profile::{Clipboard, DisplayKind, Isolation, Profile};

/// The command line that does the same.
pub fn equivalent(profile: &Profile) -> String {
    let glass = if profile.isolation == Some(Isolation::Machine) { "--machine" } else { "--container" };
    let shown = match profile.display.kind {
        DisplayKind::Terminal => "-t",
        DisplayKind::Window => "--display",
        DisplayKind::None => "-T",
    };
    let mut words = vec!["terrariumctl".to_owned(), "run".into(), shown.into(), glass.into()];
    if profile.display.kind == DisplayKind::Window {
        words.push(format!("--clipboard={}", policy(profile.display.clipboard)));
        words.extend(profile.display.sound.then(|| "--sound".to_owned()));
    }
    words.push(format!("--memory={}M", profile.limits.memory >> 20));
    words.extend(profile.limits.cpus.map(|cpus| format!("--cpus={cpus}")));
    words.extend(profile.security.privileged.then(|| "-p".to_owned()));
    words.extend(profile.command.directory.as_ref().map(|path| format!("--cwd={}", path.display())));
    words.push("--".into());
    words.extend(profile.command.argv.iter().map(|word| word.to_string_lossy().into_owned()));
    words.iter().map(|word| message::quote(word)).collect::<Vec<_>>().join(" ")
}

/// The text of a markup that [`equivalent`] was put into.
pub fn unescape(markup: &Option<glib::GString>) -> String {
    let text = markup.as_deref().unwrap_or_default();
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&apos;", "'")
        .replace("&amp;", "&")
}

fn policy(clipboard: Clipboard) -> &'static str {
    match clipboard {
        Clipboard::Off => "off",
        Clipboard::In => "in",
        Clipboard::Out => "out",
        Clipboard::Both => "both",
        Clipboard::Ask => "ask",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_and_what_passes_are_said() {
        let mut profile = Profile::new("x", vec!["xterm".into()]);
        assert!(equivalent(&profile).contains(" -t "));
        profile.display.kind = DisplayKind::Window;
        profile.display.sound = true;
        let line = equivalent(&profile);
        assert!(line.contains("--display") && line.contains("--clipboard=ask --sound"), "{line}");
    }
}
