// SPDX-License-Identifier: LGPL-2.1-or-later
//! What sandboxes without libvirt have written: whatever a test says.

use super::run::lock;
use super::Fake;
use std::sync::Mutex;
use std::time::Duration;
use terrarium_engine::error::Error;
use terrarium_engine::profile::{Changes as Fate, Isolation};
use terrarium_engine::sandbox::changes::{Entry, Sink, Watch};
use terrarium_engine::sandbox::{Changes, Held, Id, Layer, Review, Tag, Told, Waiting};
use terrarium_protocol::changes::{Change, Facts, FileKind, Totals, What};
use terrarium_protocol::contents::Piece;
use terrarium_protocol::Bytes;

/// The changes of every sandbox, and what was decided about them.
#[derive(Default)]
pub struct Written {
    found: Mutex<Changes>,
    contents: Mutex<Vec<(Bytes, Vec<u8>)>>,
    decided: Mutex<Vec<String>>,
    slow: Mutex<Option<u64>>,
    /// Of whom nothing waits any more.
    settled: Mutex<Vec<String>>,
}

/// Contents come in pieces of this, in bytes.
const PIECE: usize = 1000;

/// An entry of a size, or a folder.
#[must_use]
pub fn entry(path: &str, what: What, size: Option<u64>) -> Entry {
    let kind = if size.is_some() { FileKind::File } else { FileKind::Folder };
    let facts = Facts {
        kind,
        mode: 0o644,
        uid: 1000,
        gid: 1000,
        size: size.unwrap_or(4096),
        modified: 1,
        nanoseconds: 0,
        target: Bytes::default(),
    };
    let before = (what != What::Added).then(|| facts.clone());
    let after = (what != What::Deleted).then_some(facts);
    Entry {
        change: Change { path: path.into(), what, before, after },
        moved_from: None,
        outdated: false,
        again: false,
    }
}

impl Written {
    /// Every sandbox has changed this.
    pub fn set(&self, mut all: Vec<Entry>) {
        all.sort_by(|a, b| a.change.path.cmp(&b.change.path));
        let totals = Totals { changes: all.len() as u64, ..Totals::default() };
        *lock(&self.found) = Changes { all, totals };
    }

    /// What a file holds.
    pub fn holds(&self, path: &str, bytes: &[u8]) {
        lock(&self.contents).push((path.into(), bytes.to_vec()));
    }

    /// Each piece of a file takes this long, in milliseconds.
    pub fn is_slow(&self, milliseconds: u64) {
        *lock(&self.slow) = Some(milliseconds);
    }

    /// What was decided, in order.
    #[must_use]
    pub fn decided(&self) -> Vec<String> {
        lock(&self.decided).clone()
    }

    fn note(&self, verb: &str, paths: &[Bytes]) {
        let all: Vec<String> =
            std::iter::once(verb.to_owned()).chain(paths.iter().map(ToString::to_string)).collect();
        lock(&self.decided).push(all.join(" "));
    }
}

impl Fake {
    pub(super) fn all_layers(&self) -> Vec<Layer> {
        let of = |run: &std::sync::Arc<super::Run>| {
            let tag = Tag {
                name: run.summary.name().to_owned(),
                uuid: run.summary.id.uuid.clone(),
                isolation: Isolation::Container,
                changes: if run.lingers { Fate::Discard } else { Fate::Review },
                size: 1 << 30,
                // Its clock is a day ahead.
                started: run.summary.metadata.created - 86_400,
                command: String::new(),
                colour: run.summary.colour(),
                icon: run.summary.metadata.icon,
                root: None,
                from: None,
                copies: run.copies.clone(),
                written: run.written.clone(),
            };
            let folder = self.folder.join("layers").join(&tag.uuid);
            std::fs::create_dir_all(&folder).expect("a folder");
            Layer { folder, tag }
        };
        lock(&self.runs).iter().map(of).collect()
    }

    /// Of those that have ended.
    pub(super) fn all_waiting(&self) -> Vec<Waiting> {
        let found = self.found();
        let is_gone = |layer: &Layer| {
            let run = lock(&self.runs).iter().find(|run| run.summary.id.uuid == layer.tag.uuid).cloned();
            run.is_some_and(|run| lock(&run.inside).gone)
        };
        let waits = |layer: &Layer| {
            layer.tag.changes == Fate::Review
                && !found.all.is_empty()
                && !lock(&self.written.settled).contains(&layer.tag.uuid)
        };
        let all = self.all_layers().into_iter().filter(|layer| waits(layer) && is_gone(layer));
        all.map(|layer| Waiting { told: Some(Told::of(&layer, &found)), layer }).rev().collect()
    }

    /// It is kept, or thrown away.
    pub(super) fn settle(&self, layer: &Layer) {
        lock(&self.written.settled).push(layer.tag.uuid.clone());
    }

    /// Nobody else sweeps here.
    pub(super) fn hold_layer(&self, id: &Id) -> Option<Held> {
        let run = self.run(id).ok()?;
        run.lingers.then(|| -> Held { Box::new(()) })
    }

    pub(super) fn found(&self) -> Changes {
        lock(&self.written.found).clone()
    }

    pub(super) fn look_into(&self) -> Box<dyn Review> {
        Box::new(Looked(self.written.clone(), "forget"))
    }

    pub(super) fn look_beside_what_is_kept(&self) -> Box<dyn Review> {
        Box::new(Looked(self.written.clone(), "bring back"))
    }

    pub(super) fn note(&self, verb: &str, paths: &[Bytes]) {
        self.written.note(verb, paths);
    }
}

/// And what it is called when something is taken out.
struct Looked(std::sync::Arc<Written>, &'static str);

impl Review for Looked {
    fn list(&mut self, _watch: &Watch<'_>) -> Result<Changes, Error> {
        Ok(lock(&self.0.found).clone())
    }

    fn contents(&mut self, path: &Bytes, sink: &mut Sink<'_>) -> Result<(), Error> {
        let all = lock(&self.0.contents);
        let bytes =
            all.iter().find(|(other, _)| other == path).map(|(_, bytes)| bytes.clone()).unwrap_or_default();
        drop(all);
        for (at, piece) in bytes.chunks(PIECE).enumerate() {
            std::thread::sleep(Duration::from_millis(lock(&self.0.slow).unwrap_or(0)));
            if !sink(Piece::Bytes((at * PIECE) as u64, piece.to_vec()))? {
                return Ok(());
            }
        }
        sink(Piece::End(bytes.len() as u64)).map(drop)
    }

    fn forget(&mut self, paths: &[Bytes]) -> Result<(), Error> {
        self.0.note(self.1, paths);
        Ok(())
    }
}
