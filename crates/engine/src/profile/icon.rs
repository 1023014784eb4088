// SPDX-License-Identifier: LGPL-2.1-or-later
//! `icon`: what is on a profile's mark. A few words and no names of files: a
//! profile may come from anybody.

use serde::{Deserialize, Serialize};

/// What is on a profile's mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs)]
pub enum Icon {
    Terminal,
    Window,
    Document,
    Web,
    Build,
    App,
    Calculator,
    Game,
    Graphics,
    Media,
    Mail,
    Text,
    Folder,
    Lock,
}

/// As files have them, in the order of [`Icon::ALL`].
pub(super) const WORDS: &[&str] = &[
    "terminal",
    "window",
    "document",
    "web",
    "build",
    "app",
    "calculator",
    "game",
    "graphics",
    "media",
    "mail",
    "text",
    "folder",
    "lock",
];

impl Icon {
    /// All of them, as a chooser has them.
    pub const ALL: [Self; 14] = [
        Self::Terminal,
        Self::Window,
        Self::Document,
        Self::Web,
        Self::Build,
        Self::App,
        Self::Calculator,
        Self::Game,
        Self::Graphics,
        Self::Media,
        Self::Mail,
        Self::Text,
        Self::Folder,
        Self::Lock,
    ];

    /// The name that icon themes have for it.
    #[must_use]
    pub fn themed(self) -> &'static str {
        match self {
            Self::Terminal => "utilities-terminal-symbolic",
            Self::Window => "video-display-symbolic",
            Self::Document => "x-office-document-symbolic",
            Self::Web => "web-browser-symbolic",
            Self::Build => "applications-engineering-symbolic",
            Self::App => "view-app-grid-symbolic",
            Self::Calculator => "accessories-calculator-symbolic",
            Self::Game => "applications-games-symbolic",
            Self::Graphics => "applications-graphics-symbolic",
            Self::Media => "applications-multimedia-symbolic",
            Self::Mail => "mail-unread-symbolic",
            Self::Text => "accessories-text-editor-symbolic",
            Self::Folder => "folder-symbolic",
            Self::Lock => "changes-prevent-symbolic",
        }
    }
}
