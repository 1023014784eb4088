// SPDX-License-Identifier: LGPL-2.1-or-later
//! `changes`, `keep`, `discard`, `apply`: what sandboxes have written.

use crate::fault::Fault;
use crate::print::plain;
use crate::run::DONE;
use crate::Result;
use serde_json::{json, Value};
use std::io::{BufWriter, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use terrarium_engine::error::{LayerError, NotApplied};
use terrarium_engine::host::{self, Host, ProbeOptions};
use terrarium_engine::profile::Changes as Fate;
use terrarium_engine::sandbox::changes::{self, Ahead, Apply, Changes, Difference, Entry, Review};
use terrarium_engine::sandbox::{Driver, Layer, Real};
use terrarium_engine::{message, plan, Error};
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
        let mut layers: Vec<Layer> = driver.layers().into_iter().filter(is_it).collect();
        // What waits for a decision comes before what is kept.
        layers.sort_by_key(|layer| layer.tag.changes == Fate::Keep);
        let layer = layers.into_iter().next();
        let layer = layer.ok_or_else(|| Error::Layer(LayerError::None { name: name.to_owned() }))?;
        Ok(Self { host, driver, layer })
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

    fn real(&self, entry: &Entry) -> PathBuf {
        changes::real_place(entry, &self.layer.tag, &self.host.user.home, &plan::home(&self.host))
    }
}

/// `changes`
pub fn show(name: &str, diff: bool, as_json: bool) -> Result {
    let work = Work::begin(name)?;
    let found = work.driver.changes(&work.layer, &|_| true)?;
    if as_json {
        let text = serde_json::to_string(&all_as_json(&work.layer, &found)).unwrap_or_default();
        print(&mut std::io::stdout().lock(), &plain(&text));
        return Ok(DONE);
    }
    let (mut review, mut out) = (None, BufWriter::new(std::io::stdout().lock()));
    for entry in &found.all {
        print(&mut out, &message::change(entry));
        if diff && has_content(entry) {
            if review.is_none() {
                review = Some(work.driver.review(&work.layer)?);
            }
            if let Some(review) = &mut review {
                show_difference(&work, review.as_mut(), entry, &mut out)?;
            }
        }
    }
    flush(&mut out);
    message::change_totals(&found).iter().for_each(|line| eprintln!("terrariumctl: {line}"));
    Ok(DONE)
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

fn has_content(entry: &Entry) -> bool {
    let is_file = |facts: &Option<Facts>| facts.as_ref().is_some_and(|facts| facts.kind == FileKind::File);
    is_file(&entry.change.after) || (entry.change.after.is_none() && is_file(&entry.change.before))
}

fn show_difference(
    work: &Work,
    review: &mut dyn Review,
    entry: &Entry,
    out: &mut dyn Write,
) -> std::result::Result<(), Fault> {
    let real = work.real(entry);
    match changes::difference(review, entry, &real)? {
        Difference::Pictures(..) | Difference::Other => print(out, &message::not_compared()),
        Difference::Text(hunks) => {
            for hunk in &hunks {
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
    Ok(())
}

fn all_as_json(layer: &Layer, found: &Changes) -> Value {
    let all: Vec<Value> = found.all.iter().map(as_json).collect();
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
        "changes": all,
    })
}

/// A path that is no text has its bytes beside it.
fn as_json(entry: &Entry) -> Value {
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
    if paths.is_empty() {
        work.driver.keep(&work.layer)?;
    } else {
        let paths: Vec<Bytes> = paths.iter().map(|path| work.inside(path).into()).collect();
        work.driver.keep_only(&work.layer, &paths)?;
    }
    Ok(DONE)
}

/// `discard`
pub fn discard(name: &str, paths: &[PathBuf]) -> Result {
    let work = Work::begin(name)?;
    if paths.is_empty() {
        work.driver.discard(&work.layer)?;
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
    Ok(DONE)
}

/// `apply`
pub fn apply(name: &str, paths: &[PathBuf], to: Option<&Path>, replace: bool) -> Result {
    let work = Work::begin(name)?;
    let found = work.driver.changes(&work.layer, &|_| true)?;
    let data = work.host.places.data.parent().unwrap_or(&work.host.places.data).to_owned();
    let how = Apply {
        home: work.host.user.home.clone(),
        home_inside: plan::home(&work.host),
        data,
        to: to.map(Path::to_owned),
        under: None,
        since: Some(work.layer.tag.started),
        replace,
    };
    let mut entries = Vec::new();
    for path in paths {
        let path = work.inside(path);
        let missing = || LayerError::NotApplied { path: path.clone(), why: NotApplied::Unchanged };
        entries.push(found.find(&path).ok_or_else(|| Error::Layer(missing()))?);
    }
    let mut review = work.driver.review(&work.layer)?;
    let mut review = Ahead::new(review.as_mut(), &found, entries.iter().copied());
    for entry in entries {
        let applied = changes::apply(&mut review, &found, entry, &how, &|_| true)?;
        for gone in &applied.gone {
            eprintln!("terrariumctl: {}", message::in_trash(gone));
        }
        for left in &applied.left {
            eprintln!("terrariumctl: {}", message::left_out(left.as_slice()));
        }
    }
    changes::sync(&how)?;
    Ok(DONE)
}
