// SPDX-License-Identifier: LGPL-2.1-or-later
//! `[display]`: how a program shows, and what passes between its screen and
//! ours.

use serde::{Deserialize, Serialize};

/// Most monitors of a screen.
pub const MONITORS_MAX: u32 = 4;

/// `[display]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Display {
    /// How the program shows.
    pub kind: DisplayKind,
    /// Whether the clipboard passes.
    pub clipboard: Clipboard,
    /// What manages the windows on a screen.
    pub manager: Manager,
    /// The session's program and arguments, if that manages them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub session: Vec<String>,
    /// Whether its sound is heard.
    pub sound: bool,
    /// Whether it may listen to the microphone.
    pub microphone: bool,
    /// Whether files may be dropped into it.
    pub drop: bool,
    /// Whether USB devices may be handed to it, each by hand.
    pub usb: bool,
    /// How many monitors its screen has.
    pub monitors: u32,
}

impl Default for Display {
    fn default() -> Self {
        Self {
            kind: DisplayKind::default(),
            clipboard: Clipboard::default(),
            manager: Manager::default(),
            session: Vec::new(),
            sound: false,
            microphone: false,
            drop: false,
            usb: false,
            monitors: 1,
        }
    }
}

/// `display.kind`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DisplayKind {
    /// In a terminal.
    #[default]
    Terminal,
    /// On a screen of its own.
    Window,
    /// Not at all: standard input, output and error are three streams.
    None,
}

/// `display.clipboard`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs)]
pub enum Clipboard {
    Off,
    In,
    Out,
    Both,
    #[default]
    Ask,
}

/// `display.manager`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Manager {
    /// A small window manager: the program's window fills the screen.
    #[default]
    Small,
    /// Nothing: for programs that need the whole screen, or bring their own.
    None,
    /// `display.session`: a desktop, as one has it after logging in.
    Session,
}

/// What may pass between the screen of a sandbox and the window that shows
/// it, beside the clipboard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Passes {
    /// Sound out of it.
    pub sound: bool,
    /// Sound into it.
    pub microphone: bool,
    /// Files into it, dropped by hand.
    pub drop: bool,
    /// USB devices into it, chosen by hand.
    pub usb: bool,
    /// How many monitors it has.
    pub monitors: u32,
}

/// Nothing passes.
impl Default for Passes {
    fn default() -> Self {
        Self { sound: false, microphone: false, drop: false, usb: false, monitors: 1 }
    }
}
