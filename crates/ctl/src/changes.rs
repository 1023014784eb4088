// SPDX-License-Identifier: LGPL-2.1-or-later
//! `changes`, `keep`, `discard`, `apply`: what sandboxes have written.

use crate::fault::Fault;
use crate::print::{plain, table};
use crate::run::DONE;
use crate::Result;
use serde_json::{json, Value};
use std::collections::{BTreeMap, HashSet};
use std::io::{BufWriter, IsTerminal, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use terrarium_engine::error::{LayerError, NotApplied};
use terrarium_engine::host::{self, Host, ProbeOptions};
use terrarium_engine::profile::Changes as Fate;
use terrarium_engine::sandbox::changes::{
    self, Ahead, Apply, Changes, Decision, Difference, Entry, Kind, Question, Review, Why,
};
use terrarium_engine::sandbox::{Driver, Layer, Real, Told, Waiting};
use terrarium_engine::{message, nearest, plan, Error};
use terrarium_protocol::changes::{Facts, FileKind};
use terrarium_protocol::Bytes;

/// Everything that a verb needs.
struct Work {
    host: Host,
    driver: Real,
    layer: Layer,
}

impl Work {
    fn begin(name: &str) -> std::result::Result<Self, Fault> {
        let host = host::probe(&ProbeOptions::default());
        let driver = Real::new(&host);
        let is_it = |layer: &Layer| {
            layer.tag.name == name || layer.tag.uuid == name || layer.id().as_os_str() == name
        };
        let (mut layers, others): (Vec<Layer>, Vec<Layer>) = driver.layers().into_iter().partition(is_it);
        // What waits for a decision comes before what is kept.
        layers.sort_by_key(|layer| layer.tag.changes == Fate::Keep);
        let layer = layers.into_iter().next();
        let layer = layer.ok_or_else(|| {
            let like = nearest(name, others.iter().map(|layer| layer.tag.name.as_str())).map(str::to_owned);
            Error::Layer(LayerError::None { name: name.to_owned(), like })
        })?;
        let work = Self { host, driver, layer };
        work.tell_of_others();
        Ok(work)
    }

    /// Of several runs of one name the last is meant. Nobody else would say
    /// that older ones wait.
    fn tell_of_others(&self) {
        let (own, all) = (&self.layer.tag, self.driver.waiting());
        for one in all.iter().filter(|one| one.layer.tag.name == own.name && one.layer.tag.uuid != own.uuid) {
            eprintln!("terrariumctl: {}", message::waits_as_well(one));
        }
    }

    /// What somebody calls a path inside.
    fn inside(&self, path: &Path) -> Vec<u8> {
        let home = plan::home(&self.host);
        let whole: PathBuf = match path.strip_prefix("~") {
            Ok(inner) => home.join(inner),
            Err(_) => home.join(path),
        };
        let plain: PathBuf = whole.components().collect();
        plain.as_os_str().as_bytes().to_vec()
    }

    /// Has a sandbox start that hands out what was written; says so to
    /// somebody who waits.
    fn review(&self) -> std::result::Result<Box<dyn Review>, Fault> {
        if std::io::stderr().is_terminal() {
            eprintln!("terrariumctl: {}", message::looks_inside(self.layer.tag.isolation));
        }
        Ok(self.driver.review(&self.layer)?)
    }

    /// Whether a file that is new inside is in the user's real home as well:
    /// the sandbox has never seen that one.
    fn is_there_as_well(&self, entry: &Entry) -> bool {
        entry.kind() == Kind::Added
            && entry.path().starts_with(plan::home(&self.host))
            && has_content(entry)
            && self.real(entry).is_file()
    }

    /// Whether the real file's size alone says that it is another.
    fn has_other_size(&self, entry: &Entry) -> bool {
        let size = entry.change.after.as_ref().map(|after| after.size);
        std::fs::symlink_metadata(self.real(entry)).is_ok_and(|real| Some(real.len()) != size)
    }

    /// A change on a line with what was decided about it, and with its
    /// difference if that is asked for.
    fn show(
        &self,
        (entry, decided): (&Entry, Option<Decision>),
        review: Option<&mut dyn Review>,
        out: &mut dyn Write,
    ) -> std::result::Result<(), Fault> {
        let difference = match review.filter(|_| has_content(entry)) {
            Some(review) => Some(changes::difference(review, entry, &self.real(entry))?),
            None => None,
        };
        let mut line = message::change(entry);
        if let Some(decision) = decided {
            line.push_str(&format!(", {}", message::decided(decision)));
        }
        if let Some(path) = self.original(entry) {
            line.push_str(&format!(", {}", message::copy_of(&message::escaped(path.as_os_str().as_bytes()))));
        } else if decided != Some(Decision::Applied) && self.is_there_as_well(entry) {
            let is_same = |difference: &Difference| match difference {
                Difference::Text(hunks) => Some(hunks.is_empty()),
                _ => None,
            };
            let compared = difference.as_ref().and_then(is_same);
            let compared = compared.or_else(|| self.has_other_size(entry).then_some(false));
            line.push_str(&format!(", {}", message::there_as_well(compared)));
        }
        print(out, &line);
        if let Some(difference) = &difference {
            show_difference(difference, out);
        }
        Ok(())
    }

    /// What has to be said beforehand: each by its name. One is told as an
    /// error of its own.
    fn refuse_unasked(&self, questions: &[Question]) -> std::result::Result<(), Fault> {
        let why = |one: &Question| match one.why {
            Why::Guarded(holds) => NotApplied::Guarded(holds),
            Why::Changed | Why::Unseen => NotApplied::Changed,
        };
        match questions {
            [] => Ok(()),
            [one] => {
                let (path, why) = (one.place.as_os_str().as_bytes().to_vec(), why(one));
                Err(Error::Layer(LayerError::NotApplied { path, why }).into())
            }
            more => {
                for one in more {
                    eprintln!("terrariumctl: {}", message::asked(one, &self.host.user.home));
                }
                Err(Fault::Usage(message::not_asked(more.len())))
            }
        }
    }

    /// Whoever looks later finds it decided. That it could not be noted is no
    /// reason to take it back.
    fn note(&self, found: &Changes, entry: &Entry, decision: Decision) {
        let mut decided = changes::decisions(&self.layer, found);
        let is_it = |one: &Entry| one.path().starts_with(entry.path());
        for (one, noted) in found.all.iter().zip(&mut decided).filter(|(one, _)| is_it(one)) {
            let is_there = decision == Decision::Copied && *noted == Some(Decision::Applied);
            if !is_there && !is_other(one) {
                *noted = Some(decision);
            }
        }
        let _ = changes::note_decisions(&self.layer, found, &decided, |one| self.real(one));
    }

    /// The file outside of the home folder that an entry goes back to.
    fn original(&self, entry: &Entry) -> Option<&Path> {
        let (home, inside) = (&self.host.user.home, plan::home(&self.host));
        changes::original(entry, &self.layer.tag.copies, home, &inside)
    }

    fn real(&self, entry: &Entry) -> PathBuf {
        changes::real_place(entry, &self.layer.tag, &self.host.user.home, &plan::home(&self.host))
    }
}

/// `changes` without a name
pub fn list(as_json: bool) -> Result {
    let all = Real::new(&host::probe(&ProbeOptions::default())).waiting();
    let mut out = BufWriter::new(std::io::stdout().lock());
    if as_json {
        let all: Vec<Value> = all.iter().map(waiting_as_json).collect();
        print(&mut out, &plain(&Value::from(all).to_string()));
    } else if all.is_empty() {
        eprintln!("terrariumctl: {}", message::nothing_waits());
    } else {
        let row = |one: &Waiting| {
            let tag = &one.layer.tag;
            [
                message::shown(&tag.name),
                message::waiting_count(one),
                message::waiting_since(one),
                tag.uuid.clone(),
            ]
        };
        let rows: Vec<[String; 4]> = all.iter().map(row).collect();
        table(&message::waiting_head(), &rows).iter().for_each(|line| print(&mut out, line));
    }
    flush(&mut out);
    Ok(DONE)
}

fn waiting_as_json(one: &Waiting) -> Value {
    let tag = &one.layer.tag;
    json!({
        "name": tag.name,
        "uuid": tag.uuid,
        "isolation": tag.isolation,
        "started": tag.started,
        "command": tag.command,
        "total": one.told.as_ref().map(|told| told.count),
        "undecided": one.told.as_ref().map(Told::undecided),
        "edited": one.told.as_ref().map(|told| &told.edited),
    })
}

/// `changes`
pub fn show(name: &str, diff: bool, as_json: bool) -> Result {
    let work = Work::begin(name)?;
    let found = work.driver.changes(&work.layer, &|_| true)?;
    if as_json {
        let text = serde_json::to_string(&all_as_json(&work, &found)).unwrap_or_default();
        print(&mut std::io::stdout().lock(), &plain(&text));
        return Ok(DONE);
    }
    let (mut review, mut out) = (None, BufWriter::new(std::io::stdout().lock()));
    for (entry, decided) in found.all.iter().zip(changes::decisions(&work.layer, &found)) {
        if diff && has_content(entry) && review.is_none() {
            review = Some(work.review()?);
        }
        work.show((entry, decided), review.as_mut().map(|review| review.as_mut() as _), &mut out)?;
    }
    flush(&mut out);
    message::change_totals(&found).iter().for_each(|line| eprintln!("terrariumctl: {line}"));
    tell_what_is_in_place(&work.layer);
    if work.layer.tag.changes == Fate::Keep {
        eprintln!("terrariumctl: {}", message::is_kept(&work.layer.tag.name));
    }
    Ok(DONE)
}

/// What a run wrote in the user's own folders is not among its changes.
pub fn tell_what_is_in_place(layer: &Layer) {
    if !layer.tag.written.is_empty() {
        // Whole paths, as changes have them.
        let text = message::already_there(&layer.tag.written, Path::new("/"));
        eprintln!("terrariumctl: {text}");
    }
}

/// A reader that has gone is no fault.
fn print(out: &mut dyn Write, line: &str) {
    leave_without_reader(writeln!(out, "{line}"));
}

fn flush(out: &mut dyn Write) {
    leave_without_reader(out.flush());
}

fn leave_without_reader(written: std::io::Result<()>) {
    if written.is_err_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe) {
        std::process::exit(DONE.into());
    }
}

/// What never comes out of a sandbox.
fn is_other(entry: &Entry) -> bool {
    let after = entry.change.after.as_ref();
    after.is_some_and(|after| !matches!(after.kind, FileKind::File | FileKind::Folder))
}

fn has_content(entry: &Entry) -> bool {
    let is_file = |facts: &Option<Facts>| facts.as_ref().is_some_and(|facts| facts.kind == FileKind::File);
    is_file(&entry.change.after) || (entry.change.after.is_none() && is_file(&entry.change.before))
}

fn show_difference(difference: &Difference, out: &mut dyn Write) {
    match difference {
        Difference::Pictures(..) | Difference::Other => print(out, &message::not_compared()),
        Difference::Text(hunks) => {
            for hunk in hunks {
                print(out, &message::hunk_head(hunk));
                for line in hunk {
                    let sign = match (line.old, line.new) {
                        (Some(_), Some(_)) => ' ',
                        (Some(_), None) => '-',
                        _ => '+',
                    };
                    print(out, &format!("{sign}{}", message::text_line(&line.text)));
                }
            }
        }
    }
}

fn all_as_json(work: &Work, found: &Changes) -> Value {
    let layer = &work.layer;
    let decided = changes::decisions(layer, found);
    let of = |(entry, decided): (&Entry, Option<Decision>)| {
        let mut value = as_json((entry, decided));
        if let Some(path) = work.original(entry) {
            value["copy_of"] = json!(path);
        }
        value
    };
    let all: Vec<Value> = found.all.iter().zip(decided).map(of).collect();
    json!({
        "name": layer.tag.name,
        "uuid": layer.tag.uuid,
        "isolation": layer.tag.isolation,
        "started": layer.tag.started,
        "command": layer.tag.command,
        "fate": layer.tag.changes,
        "total": found.totals.changes,
        "bytes": found.totals.bytes,
        "partial": found.totals.partial,
        "written_in_place": layer.tag.written,
        "changes": all,
    })
}

/// A path that is no text has its bytes beside it.
fn as_json((entry, decided): (&Entry, Option<Decision>)) -> Value {
    let path = entry.change.path.as_slice();
    let text = |path: &[u8]| match std::str::from_utf8(path) {
        Ok(text) => text.to_owned(),
        Err(_) => message::escaped(path),
    };
    let mut value = json!({
        "path": text(path),
        "kind": format!("{:?}", entry.kind()).to_lowercase(),
        "before": entry.change.before.as_ref().map(facts),
        "after": entry.change.after.as_ref().map(facts),
        "outdated": entry.outdated,
        "kept_otherwise": entry.again,
        "decided": decided.map(|decision| format!("{decision:?}").to_lowercase()),
    });
    if let Some(from) = &entry.moved_from {
        value["moved_from"] = json!(text(from.as_slice()));
    }
    if std::str::from_utf8(path).is_err() {
        value["bytes"] = json!(path);
    }
    value
}

fn facts(facts: &Facts) -> Value {
    json!({
        "type": format!("{:?}", facts.kind).to_lowercase(),
        "mode": format!("{:04o}", facts.mode),
        "uid": facts.uid,
        "gid": facts.gid,
        "size": facts.size,
        "modified": facts.modified,
    })
}

/// `keep`
pub fn keep(name: &str, paths: &[PathBuf]) -> Result {
    let work = Work::begin(name)?;
    let found = work.driver.changes(&work.layer, &|_| true)?;
    let count = if paths.is_empty() {
        work.driver.keep(&work.layer)?;
        usize::try_from(found.totals.changes).unwrap_or(usize::MAX)
    } else {
        let paths: Vec<Bytes> = paths.iter().map(|path| work.inside(path).into()).collect();
        work.driver.keep_only(&work.layer, &paths)?;
        count(&found, paths.iter().map(Bytes::as_slice))
    };
    eprintln!("terrariumctl: {}", message::kept(count, &work.layer.tag.name));
    Ok(DONE)
}

/// How many changes these are, with what lies in them.
fn count<'a>(found: &Changes, paths: impl Iterator<Item = &'a [u8]>) -> usize {
    let all: HashSet<&[u8]> = paths
        .flat_map(|path| found.find(path).into_iter().chain(found.below(path)))
        .map(|entry| entry.change.path.as_slice())
        .collect();
    all.len()
}

/// `discard`
pub fn discard(name: &str, paths: &[PathBuf]) -> Result {
    let work = Work::begin(name)?;
    if paths.is_empty() {
        // What has no list is thrown away all the same.
        let known = work.driver.changes(&work.layer, &|_| true).map_or(0, |found| found.totals.changes);
        work.driver.discard(&work.layer)?;
        let (count, name) = (usize::try_from(known).unwrap_or(usize::MAX), &work.layer.tag.name);
        let text = match work.layer.tag.changes {
            Fate::Keep => message::kept_discarded(count, name),
            _ => message::discarded(count, name),
        };
        eprintln!("terrariumctl: {text}");
        let is_kept = |layer: &Layer| layer.tag.name == *name && layer.tag.changes == Fate::Keep;
        if work.driver.layers().iter().any(is_kept) {
            eprintln!("terrariumctl: {}", message::kept_stays(name));
        }
        return Ok(DONE);
    }
    let found = work.driver.changes(&work.layer, &|_| true)?;
    let mut all = Vec::new();
    for path in paths {
        let path = work.inside(path);
        // What is in a folder that has not changed itself can be taken out, too.
        let is_told = found.find(&path).is_some() || found.below(&path).next().is_some();
        if !is_told && !found.totals.partial {
            return Err(Error::Layer(LayerError::NotApplied { path, why: NotApplied::Unchanged }).into());
        }
        all.extend(changes::all_of(&found, &path));
    }
    changes::take_out(&work.driver, &work.layer, &found, &all, &mut None)?;
    let paths: Vec<Vec<u8>> = paths.iter().map(|path| work.inside(path)).collect();
    let count = count(&found, paths.iter().map(Vec::as_slice));
    eprintln!("terrariumctl: {}", message::discarded(count, &work.layer.tag.name));
    Ok(DONE)
}

/// `apply`
pub fn apply(name: &str, paths: &[PathBuf], to: Option<&Path>, replace: bool) -> Result {
    let work = Work::begin(name)?;
    let found = work.driver.changes(&work.layer, &|_| true)?;
    let how = Apply { to: to.map(Path::to_owned), replace, ..Apply::of(&work.host, &work.layer.tag) };
    let mut entries = Vec::new();
    for path in paths {
        let path = work.inside(path);
        let missing = || LayerError::NotApplied { path: path.clone(), why: NotApplied::Unchanged };
        entries.push(found.find(&path).ok_or_else(|| Error::Layer(missing()))?);
    }
    // Nothing starts for what will be refused, and nothing is put before all
    // that has to be said is said. What is asked about is not refused here.
    let first_look = Apply { replace: replace || to.is_none(), ..how.clone() };
    for entry in &entries {
        changes::check_apply(entry, &first_look)?;
    }
    if !replace {
        work.refuse_unasked(&changes::questions(&found, entries.iter().copied(), &how)?)?;
    }
    let mut review = work.review()?;
    let mut review = Ahead::new(review.as_mut(), &found, entries.iter().copied());
    let mut done = Vec::new();
    for entry in entries {
        let applied = changes::apply(&mut review, &found, entry, &how, &|_| true)?;
        work.note(&found, entry, if to.is_some() { Decision::Copied } else { Decision::Applied });
        for gone in &applied.gone {
            eprintln!("terrariumctl: {}", message::in_trash(gone));
        }
        for left in &applied.left {
            eprintln!("terrariumctl: {}", message::left_out(left.as_slice()));
        }
        done.extend(applied.done);
    }
    changes::sync(&how)?;
    for (folder, count) in folders(&done, &how) {
        eprintln!("terrariumctl: {}", message::applied(count, &folder));
    }
    Ok(DONE)
}

/// How much was put into the home folder, or the one for copies; what went back
/// to another place, by its folder.
fn folders(done: &[PathBuf], how: &Apply) -> BTreeMap<PathBuf, usize> {
    let usual = how.to.as_ref().unwrap_or(&how.home);
    let mut all = BTreeMap::new();
    for path in done {
        let folder = if path.starts_with(usual) { usual } else { path.parent().unwrap_or(path) };
        *all.entry(folder.to_owned()).or_default() += 1;
    }
    all
}
