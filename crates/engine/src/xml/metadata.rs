// SPDX-License-Identifier: LGPL-2.1-or-later
//! What Terrarium writes into a domain's `<metadata>` and finds there again.

use crate::profile::{Clipboard, Colour, DisplayKind, Icon, Isolation, NetworkMode, Passes};
use quick_xml::events::{BytesRef, Event};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// XML namespace of the metadata element.
pub const NAMESPACE: &str = "urn:org.terrarium:domain:1";

/// The element's content: one JSON text, which needs no second vocabulary and
/// is escaped by the XML writer as a whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metadata {
    /// What the user calls it.
    pub name: String,
    /// Uid of the caller that it belongs to.
    pub caller: u32,
    /// N of `terrarium-UID-N`.
    pub number: u32,
    /// Its mark.
    pub colour: Colour,
    /// What is on that mark.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub icon: Option<Icon>,
    /// How strong its glass is.
    pub isolation: Isolation,
    /// How it shows.
    #[serde(default)]
    pub display: DisplayKind,
    /// Whether the clipboard passes, if it has a screen.
    #[serde(default)]
    pub clipboard: Clipboard,
    /// Whom it could talk to when it was started.
    #[serde(default)]
    pub network: NetworkMode,
    /// What else passes then.
    #[serde(default)]
    pub passes: Passes,
    /// Pixels of its screen for each of the desktop's.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub scale: u32,
    /// Folders and files of the host that it may write.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub writable: Vec<PathBuf>,
    /// The name of its layer's folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layer: Option<PathBuf>,
    /// Images that are its disks, and whether it may write each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub images: Vec<(PathBuf, bool)>,
    /// Nothing runs in it: its layer is looked at.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub looks: bool,
    /// Its private directory on the host.
    pub directory: PathBuf,
    /// First id of its block of host ids.
    pub id_base: u32,
    /// Its command, as one line for people; not for running it again.
    pub command: String,
    /// Seconds since 1970 when it was started.
    pub created: u64,
}

fn one() -> u32 {
    1
}

#[allow(clippy::trivially_copy_pass_by_ref)] // as serde passes it
fn is_one(scale: &u32) -> bool {
    *scale == 1
}

impl Metadata {
    /// The element's content, not yet escaped for XML.
    #[must_use]
    pub fn to_text(&self) -> String {
        // XML has no form for these two at all.
        let json = serde_json::to_string(self).unwrap_or_default();
        json.replace(['\u{fffe}', '\u{ffff}'], "\u{fffd}")
    }
}

/// Reads the element back. Anybody who may use libvirt can have written it.
#[must_use]
pub fn parse(xml: &str) -> Option<Metadata> {
    let mut reader = quick_xml::Reader::from_str(xml);
    let mut text = String::new();
    loop {
        match reader.read_event().ok()? {
            Event::Text(piece) => text.push_str(&piece.decode().ok()?),
            Event::GeneralRef(name) => text.push_str(&resolve(&name)?),
            Event::CData(piece) => text.push_str(&piece.decode().ok()?),
            Event::Eof => break,
            _ => {}
        }
    }
    serde_json::from_str(text.trim()).ok()
}

fn resolve(name: &BytesRef) -> Option<String> {
    if let Some(character) = name.resolve_char_ref().ok()? {
        return Some(character.to_string());
    }
    quick_xml::escape::resolve_predefined_entity(&name.decode().ok()?).map(str::to_owned)
}
