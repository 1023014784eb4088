// SPDX-License-Identifier: LGPL-2.1-or-later
//! What the programs on a sandbox's screen find in place of a desktop: a
//! window manager's settings, GTK's, and variables.

use super::build::bytes;
use super::sound;
use crate::host::{Host, Look};
use std::fmt::Write;
use std::path::Path;
use terrarium_protocol::display::SCALE_MAX;
use terrarium_protocol::orders::{File, Orders};
use terrarium_protocol::Bytes;

/// The openbox that fills the screen with the program's window.
const OPENBOX: &str = include_str!("openbox.xml");
const OPENBOX_FILE: &str = "/run/terrarium/openbox.xml";
/// Fonts for the titles of dialogs: all, one of these first.
const FONTS: &str = r#"<?xml version="1.0"?>
<fontconfig>
  <dir>/usr/share/fonts</dir>
  <cachedir>/var/cache/fontconfig</cachedir>
  <alias>
    <family>sans</family>
    <prefer><family>DejaVu Sans</family><family>Noto Sans</family><family>Liberation Sans</family></prefer>
  </alias>
</fontconfig>
"#;
const FONTS_FILE: &str = "/run/terrarium/fonts.conf";
/// Where GTK's settings lie; before /etc/xdg.
const SETTINGS: &str = "/run/terrarium/xdg";
/// Side of a pointer where pixels are as large as the desktop's.
const POINTER: u32 = 24;
/// Where init puts the key to the screen.
const KEY: &str = "/run/terrarium/Xauthority";

/// Its command. Once it manages windows it makes `ready`. `replaces`: somebody
/// stands in for it until then.
pub(super) fn openbox(program: &Path, ready: &str, replaces: bool) -> Vec<Bytes> {
    let touch = format!("touch {ready}");
    let words = ["--sm-disable", "--config-file", OPENBOX_FILE, "--startup", &touch];
    let replace = replaces.then(|| "--replace".into());
    std::iter::once(bytes(program)).chain(words.map(Bytes::from)).chain(replace).collect()
}

/// See [`openbox`].
pub(super) fn openbox_ready(host: &Host) -> String {
    format!("/run/user/{}/openbox", host.user.uid)
}

/// Its settings, and the fonts of a lean one.
pub(super) fn openbox_files(look: &Look) -> [File; 2] {
    let theme = if look.dark { "Onyx" } else { "Clearlooks" };
    [
        File { path: OPENBOX_FILE.into(), content: OPENBOX.replace("{theme}", theme).as_str().into() },
        File { path: FONTS_FILE.into(), content: FONTS.into() },
    ]
}

/// What openbox has of variables beside the command's: what it writes for
/// itself is none of the changes that somebody looks at. `lean` makes it come up
/// a third earlier in an emulated machine: it reads one file about fonts in place
/// of a hundred, and none of a language's. Only the titles of dialogs are its own.
pub(super) fn openbox_environment(host: &Host, lean: bool) -> Vec<(Bytes, Bytes)> {
    let cache = format!("/run/user/{}/.cache", host.user.uid);
    let mut all = vec![("XDG_CACHE_HOME".into(), cache.as_str().into())];
    if lean {
        all.extend([("LC_ALL".into(), "C".into()), ("FONTCONFIG_FILE".into(), FONTS_FILE.into())]);
    }
    all
}

/// GTK's settings as they are on the host.
pub(super) fn gtk_files(look: &Look) -> Vec<File> {
    let mut text = String::from("[Settings]\n");
    let names = [
        ("gtk-theme-name", &look.theme),
        ("gtk-icon-theme-name", &look.icons),
        ("gtk-cursor-theme-name", &look.pointers),
        ("gtk-font-name", &look.font),
    ];
    for (key, name) in names {
        // One line each, wherever the name comes from.
        if let Some(name) = name.as_ref().filter(|name| !name.contains(char::is_control)) {
            let _ = writeln!(text, "{key}={name}");
        }
    }
    let _ = writeln!(text, "gtk-application-prefer-dark-theme={}", u8::from(look.dark));
    let file = |folder: &str| File {
        path: format!("{SETTINGS}/{folder}/settings.ini").as_str().into(),
        content: text.as_str().into(),
    };
    vec![file("gtk-3.0"), file("gtk-4.0")]
}

/// What the variables of a command tell of its screen.
#[derive(Clone, Copy, Debug)]
pub struct Desk {
    /// The screen's server offers GLX.
    pub glx: bool,
    /// It plays what ALSA writes into a FIFO, as a container's with sound does.
    pub fifo: bool,
    /// The command may play sound or listen to the microphone.
    pub sound: bool,
    /// Its pixels, across and down, for each of the desktop that shows it.
    pub scale: u32,
}

/// What some listen to beside what init tells the screen. GDK_SCALE is not
/// among it: with it GTK takes the resolution of all pixels for the one of text
/// and draws that twice as large again.
fn scale_environment(scale: u32) -> Vec<(Bytes, Bytes)> {
    if scale <= 1 {
        return Vec::new();
    }
    let pair = |name: &str, value: String| (name.into(), value.as_str().into());
    vec![
        // Qt 5 looks at the screen's resolution if it is told to, later ones
        // always do.
        pair("QT_AUTO_SCREEN_SCALE_FACTOR", "1".to_owned()),
        pair("XCURSOR_SIZE", (POINTER * scale).to_string()),
    ]
}

/// Has the programs of a sandbox draw larger, for a desktop whose pixels are
/// small. Variables that are there already stay as they are.
pub fn set_scale(orders: &mut Orders, scale: u32) {
    let Some(display) = &mut orders.display else { return };
    display.scale = scale.clamp(1, SCALE_MAX);
    let environment = &mut orders.command.environment;
    let is_there = |name: &Bytes| environment.iter().any(|(other, _)| other == name);
    let more: Vec<_> =
        scale_environment(display.scale).into_iter().filter(|(name, _)| !is_there(name)).collect();
    environment.extend(more);
}

/// The variables of a command with a screen, beside those that every command
/// has.
#[must_use]
pub fn screen_environment(host: &Host, desk: Desk) -> Vec<(Bytes, Bytes)> {
    let mut all = vec![
        ("DISPLAY", ":0".to_owned()),
        ("XAUTHORITY", KEY.to_owned()),
        ("XDG_SESSION_TYPE", "x11".to_owned()),
        ("XDG_CONFIG_DIRS", format!("{SETTINGS}:/etc/xdg")),
        ("GDK_BACKEND", "x11".to_owned()),
        ("QT_QPA_PLATFORM", "xcb".to_owned()),
        // No screen reader can reach in here, and each program would start a
        // second bus for one.
        ("NO_AT_BRIDGE", "1".to_owned()),
        ("GTK_A11Y", "none".to_owned()),
    ];
    if host.display.bus.is_some() {
        let address = format!("unix:path=/run/user/{}/bus", host.user.uid);
        all.push(("DBUS_SESSION_BUS_ADDRESS", address));
    }
    if host.display.look.dark {
        // libadwaita asks a portal, which is not there, and then nobody else.
        all.push(("ADW_DEBUG_COLOR_SCHEME", "prefer-dark".to_owned()));
    }
    if !desk.glx {
        all.push(("GSK_RENDERER", "cairo".to_owned()));
        all.push(("LIBGL_ALWAYS_SOFTWARE", "1".to_owned()));
    }
    let all = all.into_iter().map(|(name, value)| (name.into(), value.as_str().into()));
    let sound = sound::environment(host, desk.fifo, desk.sound);
    all.chain(sound).chain(scale_environment(desk.scale)).collect()
}
