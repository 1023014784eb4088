// SPDX-License-Identifier: LGPL-2.1-or-later
//! Sandboxes with a screen: options for it, and the window that shows it.

use crate::args::Run;
use crate::control::driver;
use crate::fault::Fault;
use crate::{signals, Result};
use std::ffi::OsStr;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use terrarium_engine::message;
use terrarium_engine::profile::{DisplayKind, Profile};
use terrarium_engine::sandbox::Driver;
use terrarium_protocol::display::ScreenSize;

/// The program with the window.
const PROGRAM: &str = "terrarium";

/// What the options say about the screen.
pub fn set_display(profile: &mut Profile, options: &Run) {
    if options.display {
        profile.display.kind = DisplayKind::Window;
    }
    if let Some(policy) = options.clipboard {
        profile.display.clipboard = policy.into();
    }
    profile.display.sound |= options.sound;
}

/// The size that was asked for. Options about a screen need one.
pub fn size(options: &Run, kind: DisplayKind) -> std::result::Result<Option<ScreenSize>, Fault> {
    let of_screen = [
        ("--display-size", options.display_size.is_some()),
        ("--display-scale", options.display_scale.is_some()),
        ("--headless", options.headless),
        ("--clipboard", options.clipboard.is_some()),
        ("--sound", options.sound),
    ];
    let given = of_screen.into_iter().find(|(_, given)| *given && kind != DisplayKind::Window);
    if let Some((option, _)) = given {
        return Err(Fault::Usage(message::needs_screen(option)));
    }
    let Some(text) = &options.display_size else { return Ok(None) };
    match parse_size(text) {
        Some(size) => Ok(Some(size)),
        None => Err(Fault::Usage(message::not_a_screen_size(text))),
    }
}

/// `WIDTHxHEIGHT`, within the bounds of a screen.
fn parse_size(text: &str) -> Option<ScreenSize> {
    let (width, height) = text.split_once(['x', 'X', '×'])?;
    let number = |text: &str| text.parse().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()));
    let size = ScreenSize { width: number(width)?, height: number(height)? };
    (size.bounded() == size).then_some(size)
}

/// Opens the window on a sandbox that was just started from a desktop. That it
/// cannot be opened is no fault of the run.
pub fn open(name: &str) {
    if !has_desktop() {
        eprintln!("terrariumctl: {}", message::unseen(name));
        return;
    }
    let Some(program) = installed() else {
        eprintln!("terrariumctl: {}", message::no_window_program());
        return;
    };
    let mut command = Command::new(program);
    command.args(["--view", name]);
    // Whoever reads our output must not wait for the window to be closed, and
    // Ctrl+C here is the command's.
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
    if let Err(error) = signals::let_through(move || command.spawn().map(drop)) {
        eprintln!("terrariumctl: {}", message::window_not_opened(&error));
    }
}

/// `view`
pub fn view(name: &str) -> Result {
    if !has_desktop() {
        return Err(Fault::Usage(message::no_desktop()));
    }
    let program = installed().ok_or_else(|| Fault::Usage(message::no_window_program()))?;
    let found = driver().find(name)?;
    let error = signals::let_through(move || Command::new(program).args(["--view", found.name()]).exec());
    Err(Fault::Usage(message::window_not_opened(&error)))
}

/// Whether a window can be opened here.
fn has_desktop() -> bool {
    ["WAYLAND_DISPLAY", "DISPLAY"]
        .iter()
        .any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()))
}

fn installed() -> Option<PathBuf> {
    let own = std::env::current_exe().ok();
    find(own.as_deref(), &std::env::var_os("PATH").unwrap_or_default())
}

/// The window program beside ours, else in `PATH`.
fn find(own: Option<&Path>, path: &OsStr) -> Option<PathBuf> {
    let beside = own.and_then(Path::parent).map(Path::to_owned);
    let folders = std::env::split_paths(path).filter(|folder| folder.is_absolute());
    beside.into_iter().chain(folders).map(|folder| folder.join(PROGRAM)).find(|program| {
        program.metadata().is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::{Args, Verb};
    use clap::Parser;
    use terrarium_engine::profile::Clipboard;

    fn options(words: &[&str]) -> std::result::Result<Run, clap::Error> {
        let all = ["terrariumctl", "run"].into_iter().chain(words.iter().copied());
        match Args::try_parse_from(all)?.verb {
            Verb::Run(options) => Ok(*options),
            _ => unreachable!(),
        }
    }

    fn profile(words: &[&str]) -> Profile {
        let mut profile = Profile::new("x", Vec::new());
        set_display(&mut profile, &options(words).unwrap());
        profile
    }

    #[test]
    fn options_of_the_screen_come_into_the_profile() {
        let plain = profile(&["xterm"]);
        assert_eq!(plain.display, terrarium_engine::profile::Display::default());
        let window = profile(&["--display", "--clipboard", "out", "--sound", "--", "xterm"]).display;
        assert_eq!((window.kind, window.clipboard), (DisplayKind::Window, Clipboard::Out));
        assert!(window.sound && !window.microphone);
        for policy in ["off", "in", "out", "both", "ask"] {
            let given = profile(&["--clipboard", policy]).display.clipboard;
            assert_eq!(serde_json::to_value(given).unwrap(), policy);
        }
    }

    #[test]
    fn options_that_contradict_each_other_are_refused() {
        for wrong in [
            &["--display", "-t"][..],
            &["--display", "-T"],
            &["--clipboard", "some"],
            &["--display-scale", "0"],
        ] {
            assert!(options(wrong).is_err(), "{wrong:?}");
        }
        assert!(options(&["--display", "--detach", "--headless", "x"]).is_ok());
    }

    #[test]
    fn sizes_are_read_or_refused() {
        let read = |text: &str| parse_size(text).map(|size| (size.width, size.height));
        assert_eq!(read("1280x720"), Some((1280, 720)));
        assert_eq!(read("3840×2160"), Some((3840, 2160)));
        for wrong in
            ["", "x", "1280", "1280x", "-1x700", "+640x480", "100x100", "9000x300", "8192x8192", "640x480x2"]
        {
            assert_eq!(read(wrong), None, "{wrong}");
        }
        let size = |words: &[&str], kind| size(&options(words).unwrap(), kind);
        assert!(matches!(size(&[], DisplayKind::None), Ok(None)));
        let asked = ["--display-size", "640x480"];
        assert!(matches!(
            size(&asked, DisplayKind::Window),
            Ok(Some(ScreenSize { width: 640, height: 480 }))
        ));
        assert!(matches!(size(&asked, DisplayKind::Terminal), Err(Fault::Usage(_))));
        for option in [&["--headless"][..], &["--clipboard", "in"], &["--sound"], &["--display-scale", "2"]] {
            assert!(matches!(size(option, DisplayKind::None), Err(Fault::Usage(_))), "{option:?}");
            assert!(matches!(size(option, DisplayKind::Window), Ok(None)), "{option:?}");
        }
        assert!(matches!(size(&["--display-size", "big"], DisplayKind::Window), Err(Fault::Usage(_))));
    }

    #[test]
    fn the_window_is_looked_for_beside_us_first() {
        let top = tempfile::tempdir().unwrap();
        let put = |folder: &str, mode: u32| {
            let folder = top.path().join(folder);
            std::fs::create_dir_all(&folder).unwrap();
            let program = folder.join(PROGRAM);
            std::fs::write(&program, "").unwrap();
            std::fs::set_permissions(&program, std::fs::Permissions::from_mode(mode)).unwrap();
            program
        };
        let own = top.path().join("own/terrariumctl");
        let path = std::env::join_paths([top.path().join("a"), top.path().join("b")]).unwrap();
        assert_eq!(find(Some(&own), &path), None);
        put("a", 0o644);
        let second = put("b", 0o755);
        assert_eq!(find(Some(&own), &path), Some(second));
        let beside = put("own", 0o755);
        assert_eq!(find(Some(&own), &path), Some(beside));
        assert_eq!(find(None, OsStr::new("relative:")), None);
    }
}
