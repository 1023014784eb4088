// SPDX-License-Identifier: LGPL-2.1-or-later
//! A sandbox in which nothing runs: its init tells what its layer holds.

use super::listing::{self, Changes, Collector};
use crate::console::{Console, Event, Handler, Patience};
use crate::error::{DomainAction, Error, LayerError};
use crate::plan::plan;
use crate::profile::{Changes as Fate, DisplayKind, Profile};
use crate::sandbox::layers::{Layer, Ready};
use crate::sandbox::real::Real;
use crate::sandbox::{end, log, start, Driver, Id};
use std::path::PathBuf;
use std::sync::mpsc::{sync_channel, Receiver};
use std::time::Duration;
use terrarium_protocol::contents::{Decoder, Piece};
use terrarium_protocol::message::{stream, Ending};
use terrarium_protocol::{Bytes, ToInit};

/// How long nothing may arrive.
const SILENCE: Duration = Duration::from_secs(60);
/// Pieces that wait to be dealt with; then init waits.
const QUEUE: usize = 8;
/// Most bytes of paths that are asked for at once: one may be 32 KiB long.
const ASKED_MAX: usize = 256 * 1024;
/// What a machine needs to look at files.
const MEMORY: u64 = 512 << 20;

/// Takes what arrives of a file. `false` ends it.
pub type Sink<'a> = dyn FnMut(Piece) -> Result<bool, Error> + 'a;

/// The same of several files, by their number among those that were asked for.
pub type Several<'a> = dyn FnMut(usize, Piece) -> Result<bool, Error> + 'a;

/// Is told how far something has come, in changes or in bytes. `false` ends it
/// with [`Error::Cancelled`].
pub type Watch<'a> = dyn Fn(u64) -> bool + Send + Sync + 'a;

/// A layer that is looked into. Methods wait for the sandbox; none may be
/// called from a GUI's main loop. Dropping it ends the sandbox, and waits for
/// that.
pub trait Review: Send {
    /// How the layer differs, asked anew.
    ///
    /// # Errors
    /// The sandbox does not answer, sends something else, or `watch` ended it.
    fn list(&mut self, watch: &Watch<'_>) -> Result<Changes, Error>;

    /// What a regular file holds, piece by piece; between pieces it is zero.
    /// `path` is the change's own.
    ///
    /// # Errors
    /// There is no such file in the layer, or `sink` fails.
    fn contents(&mut self, path: &Bytes, sink: &mut Sink<'_>) -> Result<(), Error>;

    /// The same of several at once. One that cannot be read ends with
    /// [`Piece::Failed`], and the others come all the same.
    ///
    /// # Errors
    /// The sandbox does not answer, or `sink` fails.
    fn several(&mut self, paths: &[Bytes], sink: &mut Several<'_>) -> Result<(), Error> {
        let mut wanted = true;
        for (index, path) in paths.iter().enumerate() {
            if !wanted {
                break;
            }
            let each = self.contents(path, &mut |piece| {
                wanted = sink(index, piece)?;
                Ok(wanted)
            });
            match each {
                Err(Error::Layer(LayerError::File { errno, .. })) => {
                    wanted = sink(index, Piece::Failed(u8::try_from(errno).unwrap_or(u8::MAX)))?;
                }
                other => other?,
            }
        }
        Ok(())
    }

    /// Takes these out of the layer, with all in them. The host's show again,
    /// or what was kept there ([`Driver::restorer`]). [`super::all_of`] tells
    /// what belongs to a change.
    ///
    /// # Errors
    /// The sandbox cannot do it, or there is none of them.
    fn forget(&mut self, paths: &[Bytes]) -> Result<(), Error>;
}

impl dyn Review + '_ {
    /// All of a file, if it is no longer than `most` says of its beginning, in
    /// bytes.
    ///
    /// # Errors
    /// As [`Review::contents`].
    pub fn whole(&mut self, path: &Bytes, most: impl Fn(&[u8]) -> usize) -> Result<Option<Vec<u8>>, Error> {
        let mut bytes = Vec::new();
        let mut fits = true;
        self.contents(path, &mut |piece| {
            let (offset, part) = match piece {
                Piece::Bytes(offset, part) => (offset, part),
                Piece::End(length) => (length, Vec::new()),
                Piece::Failed(errno) => return Err(file_error(path, errno)),
            };
            let at = usize::try_from(offset).unwrap_or(usize::MAX);
            let head = if at == 0 { &part } else { &bytes };
            fits &= at.saturating_add(part.len()) <= most(head);
            if fits {
                bytes.resize(at, 0);
                bytes.extend(part);
            }
            Ok(fits)
        })?;
        Ok(fits.then_some(bytes))
    }
}

/// What a running conversation tells.
enum Told {
    Looking,
    Output(u64, Vec<u8>),
    Result(Ending),
    Failed(Error),
}

fn channel() -> (Handler, Receiver<Told>) {
    let (tell, told) = sync_channel(QUEUE);
    let handler: Handler = Box::new(move |_, event| {
        let what = match event {
            Event::Output { stream: stream::OUT, offset, bytes } => Told::Output(offset, bytes),
            Event::Looking => Told::Looking,
            Event::Result(outcome) => Told::Result(outcome.ending),
            Event::Failed(failure) => Told::Failed(Error::Init(failure)),
            Event::Refused(why) => Told::Failed(Error::Refused(why)),
            Event::Closed => Told::Failed(Error::Crashed { last_words: None }),
            _ => return,
        };
        let _ = tell.send(what);
    });
    (handler, told)
}

/// A conversation with an init whose sandbox has ended, or never ran.
struct Talk {
    console: Console,
    told: Receiver<Told>,
}

impl Talk {
    /// The next that is told.
    fn next(&self) -> Result<Told, Error> {
        self.told.recv_timeout(SILENCE).map_err(|_| Error::NoAnswer { seconds: SILENCE.as_secs() })
    }

    /// The output of what was asked for, and its exit status.
    fn output(&self, mut sink: impl FnMut(&[u8]) -> Result<bool, Error>) -> Result<u8, Error> {
        let mut wanted = Ok(true);
        loop {
            match self.next()? {
                Told::Output(offset, bytes) => {
                    if matches!(wanted, Ok(true)) {
                        wanted = sink(&bytes);
                    }
                    self.console.ack(stream::OUT, offset + bytes.len() as u64);
                    if !matches!(wanted, Ok(true)) {
                        self.console.close_output(stream::OUT);
                    }
                }
                Told::Result(ending) => {
                    self.console.received();
                    return match (wanted?, ending) {
                        (true, Ending::Exited { code }) => Ok(code),
                        (false, _) => Ok(0),
                        _ => Err(Error::Layer(LayerError::Broken)),
                    };
                }
                Told::Failed(error) => return Err(error),
                Told::Looking => {}
            }
        }
    }

    fn list(&self, watch: &Watch<'_>) -> Result<Changes, Error> {
        let mut collector = Collector::default();
        let code = self.output(|bytes| {
            collector.feed(bytes)?;
            if watch(collector.count()) {
                Ok(true)
            } else {
                Err(Error::Cancelled)
            }
        })?;
        if code != 0 {
            return Err(Error::Layer(LayerError::Broken));
        }
        collector.finish()
    }
}

/// Asks a sandbox that has ended, and is still there.
pub fn of_running(real: &Real, id: &Id) -> Result<Changes, Error> {
    let (handler, told) = channel();
    let console = real.converse(id, Patience::ATTACH, &ToInit::Changes, handler)?;
    let talk = Talk { console, told };
    let found = talk.list(&|_| true);
    talk.console.close();
    found
}

/// A layer's own sandbox.
struct Session {
    real: Real,
    id: Id,
    folder: PathBuf,
    talk: Talk,
    /// What the layer began as a copy of, locked, if it is there, too.
    _origin: Option<Ready>,
}

/// Starts it. `origin`: what the layer began as a copy of, to be there, too.
pub fn begin(real: &Real, layer: &Layer, mut origin: Option<Ready>) -> Result<impl Review, Error> {
    let name = format!("changes-{}", layer.tag.uuid);
    let mut profile = Profile::new(name, vec!["/bin/true".into()]);
    profile.isolation = Some(layer.tag.isolation);
    profile.display.kind = DisplayKind::None;
    profile.files.changes = Fate::Review;
    profile.files.root.clone_from(&layer.tag.root);
    profile.limits.memory = MEMORY;
    let planned = plan(&profile, &real.host);
    let plan = planned.plan.ok_or(Error::Problems(planned.problems))?;
    let (handler, told) = channel();
    let (id, console) = start::look(real, &plan, layer, origin.as_mut(), handler)?;
    let real = real.again();
    let folder = layer.folder.clone();
    let session = Session { real, id, folder, talk: Talk { console, told }, _origin: origin };
    match session.talk.next()? {
        Told::Looking => Ok(session),
        Told::Failed(Error::Crashed { .. }) => {
            let last_words = log::last_words(&session.real, &session.id);
            Err(Error::Crashed { last_words })
        }
        Told::Failed(error) => Err(error),
        Told::Output(..) | Told::Result(_) => {
            Err(Error::Libvirt { action: DomainAction::Look, message: String::new() })
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.talk.console.close();
        if let Ok(Some(domain)) = self.real.domain(&self.id) {
            let _ = end::destroy(&domain, &self.id);
        }
        let _ = self.real.finish(&self.id, Duration::ZERO);
    }
}

impl Review for Session {
    fn list(&mut self, watch: &Watch<'_>) -> Result<Changes, Error> {
        self.talk.console.ask(&ToInit::Changes);
        self.talk.list(watch)
    }

    fn contents(&mut self, path: &Bytes, sink: &mut Sink<'_>) -> Result<(), Error> {
        self.several(std::slice::from_ref(path), &mut |_, piece| match piece {
            Piece::Failed(errno) => Err(file_error(path, errno)),
            other => sink(other),
        })
    }

    fn several(&mut self, paths: &[Bytes], sink: &mut Several<'_>) -> Result<(), Error> {
        let broken = || Error::Layer(LayerError::Broken);
        self.talk.console.ask(&ToInit::Contents { paths: paths.to_vec() });
        let mut decoder = Decoder::default();
        let (mut wanted, mut ended) = (true, 0);
        let code = self.talk.output(|bytes| {
            decoder.feed(bytes);
            while let Some(piece) = decoder.piece().map_err(|_| broken())? {
                if ended >= paths.len() {
                    return Err(broken());
                }
                let is_last = matches!(piece, Piece::End(_) | Piece::Failed(_));
                wanted = sink(ended, piece)?;
                if !wanted {
                    return Ok(false);
                }
                ended += usize::from(is_last);
            }
            Ok(true)
        })?;
        if !wanted || (code == 0 && ended == paths.len()) {
            Ok(())
        } else {
            Err(broken())
        }
    }

    fn forget(&mut self, paths: &[Bytes]) -> Result<(), Error> {
        listing::set_aside(&self.folder);
        let mut found = false;
        for some in portions(paths) {
            self.talk.console.ask(&ToInit::Forget { paths: some.to_vec() });
            match self.talk.output(|_| Ok(true))? {
                0 => found = true,
                errno if i32::from(errno) == nix::libc::ENOENT => {}
                errno => return Err(file_error(&some[0], errno)),
            }
        }
        let missing = || file_error(paths.first().unwrap_or(&Bytes::default()), nix::libc::ENOENT as u8);
        found.then_some(()).ok_or_else(missing)
    }
}

/// Something of the sandbox cannot be read.
pub fn file_error(path: &Bytes, errno: u8) -> Error {
    Error::Layer(LayerError::File { path: path.0.clone(), errno: errno.into() })
}

/// What goes into one message.
fn portions(paths: &[Bytes]) -> impl Iterator<Item = &[Bytes]> {
    let mut rest = paths;
    std::iter::from_fn(move || {
        let mut size = 0;
        let fits = rest.iter().take_while(|path| {
            size += path.0.len() + 16;
            size <= ASKED_MAX
        });
        let count = fits.count().max(1).min(rest.len());
        let (some, after) = rest.split_at(count);
        rest = after;
        (!some.is_empty()).then_some(some)
    })
}
