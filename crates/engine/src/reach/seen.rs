// SPDX-License-Identifier: LGPL-2.1-or-later
//! What a user has been shown of each profile's reach, and where profiles
//! came from: one small file beside the kept homes.

use super::Grants;
use crate::error::{Error, FileAction};
use crate::places::Places;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Larger files are not ours.
const MAX: u64 = 4 * 1024 * 1024;

/// What is remembered of one profile.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Seen {
    /// The file that it was imported from, by its name; none for one's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// What was allowed when it was run last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allowed: Option<Grants>,
}

impl Seen {
    /// Whether its reach has to be shown before it runs: the first time, when
    /// it reaches more than before, and always when it came from elsewhere.
    #[must_use]
    pub fn is_due(&self, wanted: &Grants) -> bool {
        self.from.is_some() || self.allowed.as_ref().is_none_or(|allowed| wanted.exceed(allowed))
    }
}

/// Of all profiles, by the names of their files.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Memory(BTreeMap<String, Seen>);

impl Memory {
    /// Reads it. A file that cannot be read is as none: everything is shown.
    #[must_use]
    pub fn load(places: &Places) -> Self {
        let path = file(places);
        let is_small = std::fs::metadata(&path).is_ok_and(|found| found.is_file() && found.len() <= MAX);
        let text = if is_small { std::fs::read(&path).unwrap_or_default() } else { Vec::new() };
        serde_json::from_slice(&text).unwrap_or_default()
    }

    /// What is remembered of a profile.
    #[must_use]
    pub fn of(&self, profile: &str) -> Seen {
        self.0.get(profile).cloned().unwrap_or_default()
    }

    /// Changes what is remembered of a profile, and writes it down.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn change(places: &Places, profile: &str, change: impl FnOnce(&mut Seen)) -> Result<(), Error> {
        let mut all = Self::load(places);
        change(all.0.entry(profile.to_owned()).or_default());
        all.save(places)
    }

    /// Forgets a profile.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn forget(places: &Places, profile: &str) -> Result<(), Error> {
        let mut all = Self::load(places);
        match all.0.remove(profile) {
            Some(_) => all.save(places),
            None => Ok(()),
        }
    }

    fn save(&self, places: &Places) -> Result<(), Error> {
        let path = file(places);
        let failed = |source| Error::File { action: FileAction::Write, path: path.clone(), source };
        let fresh = path.with_extension(format!("json.{}", std::process::id()));
        std::fs::create_dir_all(&places.data).map_err(failed)?;
        std::fs::write(&fresh, serde_json::to_vec(self).unwrap_or_default()).map_err(failed)?;
        std::fs::rename(&fresh, &path).map_err(failed)
    }
}

fn file(places: &Places) -> PathBuf {
    places.data.join("reach.json")
}
