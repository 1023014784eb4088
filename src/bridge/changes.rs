// SPDX-License-Identifier: LGPL-2.1-or-later
//! What a sandbox has written: its layer, looked at from the window.

pub mod follow;

use super::Bridge;
use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use terrarium_engine::error::{LayerError, NotApplied};
use terrarium_engine::host::Host;
use terrarium_engine::plan;
use terrarium_engine::profile::Changes as Fate;
pub use terrarium_engine::sandbox::changes::Decision;
use terrarium_engine::sandbox::changes::{self, Ahead, Apply, Changes, Difference, Entry, Question, Review};
use terrarium_engine::sandbox::{Driver, Held, Id, Layer, Waiting};
use terrarium_engine::Error;
use terrarium_protocol::changes::FileKind;
use terrarium_protocol::Bytes;

/// How long a sandbox may take to be gone once its result has come.
const LEAVES: Duration = Duration::from_secs(6);

/// A layer and what has changed in it. The sandbox that hands out contents is
/// started when the first is asked for. Clones are the same one.
#[derive(Clone)]
pub struct Looking {
    /// Which layer.
    pub layer: Layer,
    /// What there is to decide about.
    pub found: Arc<Changes>,
    /// What is new inside and not to the user: the run began with copies.
    edited: Arc<HashSet<Bytes>>,
    /// The numbers of what programs wrote for themselves beside those.
    own: Arc<HashSet<usize>>,
    /// What is new inside where the user has something else, which the sandbox
    /// has never seen; and how large that is.
    there: Arc<HashMap<Bytes, u64>>,
    open: Arc<Mutex<Option<Box<dyn Review>>>>,
    /// What was decided, for each of what was found.
    decided: Arc<Mutex<Vec<Option<Decision>>>>,
}

/// How far something has come that may take long. Clones are the same one.
#[derive(Clone, Default)]
pub struct Work {
    bytes: Arc<AtomicU64>,
    cancelled: Arc<AtomicBool>,
}

impl Work {
    /// Bytes that are written by now.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Ends it: what is written by then stays.
    pub fn cancel(&self) {
        self.cancelled.store(true, Ordering::Relaxed);
    }

    fn watch(&self, bytes: u64) -> bool {
        self.bytes.store(bytes, Ordering::Relaxed);
        !self.cancelled.load(Ordering::Relaxed)
    }
}

impl Looking {
    /// Blocks.
    fn new(host: Option<&Host>, layer: Layer, found: Changes) -> Self {
        let decided = Arc::new(Mutex::new(changes::decisions(&layer, &found)));
        let is_edited = |entry: &&Entry| {
            let from = changes::copied_from(entry, &layer.tag.copies);
            // In a folder that was copied there may be something new as well.
            let is_it = layer.tag.copies.iter().any(|(_, to)| to == entry.path());
            // What comes to another place than it was copied from is new there.
            let goes_back = |from: &PathBuf| host.is_none_or(|host| real(host, &layer, entry) == *from);
            from.filter(goes_back).is_some_and(|from| is_it || from.symlink_metadata().is_ok())
        };
        let edited = found.all.iter().filter(is_edited).map(|entry| entry.change.path.clone());
        let edited: HashSet<Bytes> = edited.collect();
        let own = host.filter(|_| !edited.is_empty()).map(plan::home);
        let is_own = |index: &usize| {
            let entry = &found.all[*index];
            let own = own.as_ref().is_some_and(|home| follow::is_own(entry, home));
            own && !edited.contains(&entry.change.path)
        };
        let own = Arc::new((0..found.all.len()).filter(is_own).collect());
        let edited = Arc::new(edited);
        let there = Arc::new(host.map(|host| there(host, &layer, &found)).unwrap_or_default());
        Self { layer, found: Arc::new(found), edited, own, there, open: Arc::default(), decided }
    }

    /// How large the user's own file is in the place of one that is new inside,
    /// if there is one.
    pub fn there_as_well(&self, entry: &Entry) -> Option<u64> {
        self.there.get(&entry.change.path).copied()
    }

    /// Whether the run began with a copy of the user's file, which lies in this
    /// place inside.
    pub fn is_edited(&self, entry: &Entry) -> bool {
        self.edited.contains(&entry.change.path)
    }

    /// The file outside of the home folder that it is a copy of, and goes back to.
    pub fn original(&self, entry: &Entry, host: &Host) -> Option<PathBuf> {
        let (home, inside) = (&host.user.home, plan::home(host));
        changes::original(entry, &self.layer.tag.copies, home, &inside).map(Into::into)
    }

    /// What was decided, for each of what was found.
    pub fn decisions(&self) -> MutexGuard<'_, Vec<Option<Decision>>> {
        self.decided.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How much waits for a decision, and of how much: a folder follows what
    /// was added with it, and beside a file that was edited what programs keep
    /// for themselves is not asked about.
    pub fn undecided(&self) -> (usize, usize) {
        let (decided, all) = (self.decisions(), &self.found.all);
        let asked: Vec<usize> = (0..all.len()).filter(|index| !self.own.contains(index)).collect();
        let left = asked.iter().filter(|index| !follow::is_settled(all, &decided, **index)).count();
        (left, asked.len())
    }

    /// How many changes are asked about, those included that are too many to
    /// be told.
    pub fn asked(&self) -> u64 {
        self.found.totals.changes.saturating_sub(self.own.len() as u64)
    }

    /// Nothing was decided about anything.
    pub fn is_untouched(&self) -> bool {
        self.decisions().iter().all(Option::is_none)
    }

    /// How many changes programs made for themselves, beside what was edited.
    pub fn own(&self) -> usize {
        self.own.len()
    }

    /// Where all lies for which this was decided.
    pub fn all(&self, decision: Decision) -> Vec<Bytes> {
        let decided = self.decisions();
        let all = self.found.all.iter().zip(decided.iter());
        let chosen = all.filter(|(_, one)| **one == Some(decision));
        chosen.map(|(entry, _)| entry.change.path.clone()).collect()
    }

    /// Nothing was thrown away.
    pub fn take_back_discarded(&self) {
        let mut decided = self.decisions();
        decided.iter_mut().filter(|one| **one == Some(Decision::Discarded)).for_each(|one| *one = None);
    }

    fn with<T>(
        &self,
        driver: &dyn Driver,
        work: impl FnOnce(&mut dyn Review) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let mut review = match open.take() {
            Some(review) => review,
            None => patiently(|| driver.review(&self.layer))?,
        };
        let done = work(review.as_mut());
        *open = Some(review);
        done
    }

    /// Ends its sandbox, if there is one. Blocks.
    fn end(&self) {
        drop(self.open.lock().unwrap_or_else(PoisonError::into_inner).take());
    }
}

fn real(host: &Host, layer: &Layer, entry: &Entry) -> PathBuf {
    changes::real_place(entry, &layer.tag, &host.user.home, &plan::home(host))
}

fn there(host: &Host, layer: &Layer, found: &Changes) -> HashMap<Bytes, u64> {
    let inside = plan::home(host);
    let is_new = |entry: &&Entry| {
        let is_file = entry.change.after.as_ref().is_some_and(|after| after.kind == FileKind::File);
        is_file && entry.kind() == changes::Kind::Added && entry.path().starts_with(&inside)
    };
    let size = |entry: &Entry| {
        let real = real(host, layer, entry).symlink_metadata().ok()?;
        real.is_file().then(|| (entry.change.path.clone(), real.len()))
    };
    found.all.iter().filter(is_new).filter_map(size).collect()
}

/// The sandbox whose changes are known may still be on its way out.
fn patiently<T>(work: impl Fn() -> Result<T, Error>) -> Result<T, Error> {
    let begun = Instant::now();
    loop {
        match work() {
            Err(Error::Layer(LayerError::InUse { .. })) if begun.elapsed() < LEAVES => {
                std::thread::sleep(Duration::from_millis(100));
            }
            other => return other,
        }
    }
}

/// What the user has said before changes are put to their real places.
#[derive(Clone, Debug, Default)]
pub struct Said {
    /// See [`Apply::asked`].
    pub asked: HashSet<Bytes>,
    /// See [`Apply::leave`].
    pub leave: HashSet<Bytes>,
}

/// Where changes are put.
#[derive(Clone, Debug)]
pub enum To {
    /// To their real places.
    Home(Said),
    /// Copies, into a folder. `replace`: also what has their names there.
    Folder {
        /// Which.
        folder: PathBuf,
        /// See [`Apply::replace`].
        replace: bool,
    },
    /// A copy of one file, as this one; the user has been asked about what is
    /// there.
    File(PathBuf),
}

/// A change that is to be put somewhere.
#[derive(Clone, Debug)]
pub struct Chosen {
    /// Its number.
    pub index: usize,
    /// See [`Apply::under`].
    pub under: Option<PathBuf>,
}

/// What became of changes that were to be put somewhere.
#[derive(Debug, Default)]
pub struct Put {
    /// The numbers of those that are there.
    pub done: Vec<usize>,
    /// Those of them in whose places something was, which is in the trash.
    pub replaced: Vec<usize>,
    /// Those whose real place was changed meanwhile, or whose copies' names
    /// something has already.
    pub changed: Vec<usize>,
    /// What was left out of folders.
    pub left: Vec<Bytes>,
    /// The first that went wrong, and how many did.
    pub error: Option<Error>,
    /// See there.
    pub failed: usize,
}

/// Blocks.
fn how(host: &Host, looking: &Looking, to: &To) -> Apply {
    let real = Apply::of(host, &looking.layer.tag);
    match to {
        To::Home(Said { asked, leave }) => Apply { asked: asked.clone(), leave: leave.clone(), ..real },
        To::Folder { folder, replace } => Apply { to: Some(folder.clone()), replace: *replace, ..real },
        To::File(file) => {
            let (to, name) = (file.parent().map(Into::into), file.file_name().map(Into::into));
            Apply { to, name, replace: true, ..real }
        }
    }
}

fn put(review: &mut dyn Review, found: &Changes, chosen: &[Chosen], how: &Apply, work: &Work) -> Put {
    let (mut put, mut how) = (Put::default(), how.clone());
    let entries = chosen.iter().filter_map(|one| found.all.get(one.index));
    let review = &mut Ahead::new(review, found, entries);
    for Chosen { index, under } in chosen {
        let Some(entry) = found.all.get(*index) else { continue };
        how.under.clone_from(under);
        let before = work.bytes();
        match changes::apply(review, found, entry, &how, &|bytes| work.watch(before + bytes)) {
            Ok(applied) => {
                put.done.push(*index);
                put.left.extend(applied.left);
                put.replaced.extend((!applied.replaced.is_empty()).then_some(*index));
            }
            Err(Error::Layer(LayerError::NotApplied {
                why: NotApplied::Changed | NotApplied::Taken,
                ..
            })) if !how.replace => {
                put.changed.push(*index);
            }
            Err(error) => {
                put.failed += 1;
                let goes_on =
                    matches!(error, Error::Layer(LayerError::NotApplied { .. } | LayerError::File { .. }));
                put.error.get_or_insert(error);
                if !goes_on {
                    break;
                }
            }
        }
        if work.cancelled.load(Ordering::Relaxed) {
            break;
        }
    }
    if let Err(error) = changes::sync(&how) {
        put.failed += 1;
        put.error.get_or_insert(error);
    }
    put
}

impl Bridge {
    /// Has a sandbox whose result has come tell what it changed. Whether it did.
    pub async fn gather(&self, id: Id) -> bool {
        self.call(move |driver| driver.gather(&id)).await.is_ok_and(|found| found.is_some())
    }

    /// Keeps what a sandbox writes until it is thrown away.
    pub async fn hold(&self, id: Id) -> Option<Held> {
        self.call(move |driver| Ok(driver.hold(&id))).await.ok().flatten()
    }

    /// Throws away what was held of sandboxes.
    pub async fn throw_away(&self, all: Vec<(Id, Held)>) {
        let discard = move |driver: &dyn Driver| {
            for (id, held) in all {
                let is_it = |layer: &Layer| layer.tag.uuid == id.uuid && layer.tag.changes == Fate::Discard;
                // What cannot be removed now is swept with the next start.
                let _ = driver.layers().iter().find(|layer| is_it(layer)).map(|layer| driver.discard(layer));
                drop(held);
            }
            Ok(())
        };
        let _ = self.call(discard).await;
    }

    /// What a sandbox that has ended left to be looked at.
    pub async fn to_review(&self, id: Id) -> Option<Looking> {
        let host = self.host().cloned();
        let look = move |driver: &dyn Driver| {
            let is_it = |layer: &Layer| layer.tag.uuid == id.uuid && layer.tag.changes != Fate::Keep;
            let Some(layer) = driver.layers().into_iter().find(is_it) else { return Ok(None) };
            let found = driver.changes(&layer, &|_| true)?;
            Ok(Some(Looking::new(host.as_ref(), layer, found)))
        };
        self.call(look).await.ok().flatten()
    }

    /// What waits for a decision.
    pub async fn waiting(&self) -> Vec<Waiting> {
        self.call(|driver| Ok(driver.waiting())).await.unwrap_or_default()
    }

    /// Looks at a layer that waits.
    pub async fn look_into(&self, layer: Layer) -> Result<Looking, Error> {
        let host = self.host().cloned();
        self.call(move |driver| {
            let found = driver.changes(&layer, &|_| true)?;
            Ok(Looking::new(host.as_ref(), layer, found))
        })
        .await
    }

    /// Throws a layer away that waits.
    pub async fn discard_layer(&self, layer: Layer) -> Result<(), Error> {
        self.call(move |driver| driver.discard(&layer)).await
    }

    /// How one file differs.
    pub async fn difference(&self, looking: Looking, entry: Entry) -> Result<Difference, Error> {
        let host = self.host().cloned().ok_or(Error::Cancelled)?;
        let real = real(&host, &looking.layer, &entry);
        self.call(move |driver| looking.with(driver, |review| changes::difference(review, &entry, &real)))
            .await
    }

    /// Puts changes to their real places, or copies of them into a folder.
    /// What is refused does not keep the others from being done.
    pub async fn apply(&self, looking: Looking, chosen: Vec<Chosen>, to: To, work: &Work) -> Put {
        let work = work.clone();
        let Some(host) = self.host().cloned() else { return Put::default() };
        let begun = self.call(move |driver| {
            let how = how(&host, &looking, &to);
            let put = |review: &mut dyn Review| Ok(put(review, &looking.found, &chosen, &how, &work));
            looking.with(driver, put)
        });
        begun.await.unwrap_or_else(|error| Put { error: Some(error), ..Put::default() })
    }

    /// Everything that has to be asked before these are put to their real
    /// places; `said` is not asked again.
    pub async fn questions(
        &self,
        looking: Looking,
        chosen: Vec<Chosen>,
        said: Said,
    ) -> Result<Vec<Question>, Error> {
        let host = self.host().cloned().ok_or(Error::Cancelled)?;
        self.call(move |_| {
            let how = how(&host, &looking, &To::Home(said));
            let entries = chosen.iter().filter_map(|one| looking.found.all.get(one.index));
            changes::questions(&looking.found, entries, &how)
        })
        .await
    }

    /// Takes what is to be thrown away out of the layer.
    pub async fn forget_discarded(&self, looking: Looking) -> Result<(), Error> {
        self.call(move |driver| {
            let found = looking.found.clone();
            let gone = looking.all(Decision::Discarded);
            let paths: Vec<Bytes> =
                gone.iter().flat_map(|path| changes::all_of(&found, path.as_slice())).collect();
            if paths.is_empty() {
                return Ok(());
            }
            patiently(|| {
                let mut open = looking.open.lock().unwrap_or_else(PoisonError::into_inner);
                changes::take_out(driver, &looking.layer, &found, &paths, &mut open)
            })
        })
        .await
    }

    /// Lets the next run go on from the layer, or only from some of it.
    pub async fn keep(&self, looking: Looking, only: Option<Vec<Bytes>>) -> Result<(), Error> {
        self.call(move |driver| {
            looking.end();
            match only {
                None => patiently(|| driver.keep(&looking.layer)),
                Some(paths) => patiently(|| driver.keep_only(&looking.layer, &paths)),
            }
        })
        .await
    }

    /// Throws the layer away.
    pub async fn discard(&self, looking: Looking) -> Result<(), Error> {
        self.call(move |driver| {
            looking.end();
            patiently(|| driver.discard(&looking.layer))
        })
        .await
    }

    /// Writes down what was decided, for whoever looks later. What is to be
    /// thrown away is taken out or waits.
    pub async fn note_decisions(&self, looking: Looking) -> Result<(), Error> {
        let host = self.host().cloned().ok_or(Error::Cancelled)?;
        self.call(move |_| {
            let mut decided = looking.decisions().clone();
            decided.iter_mut().filter(|one| **one == Some(Decision::Discarded)).for_each(|one| *one = None);
            let place = |entry: &Entry| real(&host, &looking.layer, entry);
            changes::note_decisions(&looking.layer, &looking.found, &decided, place)
        })
        .await
    }

    /// Nobody looks any more.
    pub async fn looked(&self, looking: Looking) {
        let end = move |_: &dyn Driver| {
            looking.end();
            Ok(())
        };
        let _ = self.call(end).await;
    }
}
