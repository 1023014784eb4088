// SPDX-License-Identifier: LGPL-2.1-or-later
//! What the window asks of its driver.

use super::run::lock;
use super::serve::status;
use super::Fake;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::sync::atomic::Ordering;
use std::sync::Arc;
use std::time::Duration;
use terrarium_engine::console::{greet, Console, Handler, Patience};
use terrarium_engine::error::{Error, LimitError};
use terrarium_engine::network::{self, Change};
use terrarium_engine::plan::Plan;
use terrarium_engine::profile::DisplayKind;
use terrarium_engine::sandbox::{
    Attach, Changes, Driver, Held, Id, Layer, LimitChange, Limits, Listing, Moved, Picture, Progress, Review,
    Start, Started, State, Stop, Summary, Tell, Usage, Waiting, Watch,
};
use terrarium_protocol::display::ScreenSize;
use terrarium_protocol::message::{Ending, Failure, Outcome, Refusal, Stage, Step};
use terrarium_protocol::orders::Command;
use terrarium_protocol::{Bytes, ToInit};

use super::run::Run;

impl Driver for Fake {
    fn start(
        &self,
        plan: &Plan,
        how: Start,
        progress: &Tell<'_>,
        handler: Handler,
    ) -> Result<Started, Error> {
        self.step(progress, Progress::Domain);
        for part in 1..=self.copies.load(Ordering::SeqCst) {
            std::thread::sleep(Duration::from_millis(20));
            if !progress(Progress::Copy { bytes: u64::from(part) << 20, of: 1 << 30 }) {
                return Err(Error::Cancelled);
            }
        }
        while self.hangs.load(Ordering::SeqCst) {
            std::thread::sleep(Duration::from_millis(20));
        }
        if plan.orders.command.argv.first().is_some_and(|word| word.to_string() == "refuse") {
            return Err(Error::Init(Failure {
                step: Step::Ids,
                object: "/proc/self/uid_map".into(),
                errno: 1,
            }));
        }
        let run = self.make(plan, how.screen)?;
        self.step(progress, Progress::Boot(run.summary.id.clone()));
        self.step(progress, Progress::Inside(Stage::Files));
        if plan.display == DisplayKind::Window {
            self.step(progress, Progress::Inside(Stage::Display));
        }
        self.step(progress, Progress::Inside(Stage::Command));
        let request = ToInit::Start(Box::new(plan.orders.clone()));
        let console = greet(&run.path, None, Patience::ATTACH)?.begin(&request, handler)?;
        // It has been started; whoever attaches comes later.
        run.within(Duration::from_secs(10), |inside| inside.clients > 0);
        if plan.orders.command.argv.first().is_some_and(|word| word.to_string() == "vanish") {
            run.within(Duration::from_secs(10), |inside| inside.gone);
            // Until its client has heard of it.
            std::thread::sleep(Duration::from_millis(300));
        }
        Ok(Started { id: run.summary.id.clone(), name: plan.name.clone(), console })
    }

    fn list(&self) -> Listing {
        while self.hangs.load(Ordering::SeqCst) {
            std::thread::sleep(Duration::from_millis(20));
        }
        let of = |run: &Arc<Run>| {
            let inside = lock(&run.inside);
            let state = match &inside.result {
                Some(outcome) => State::Finished(outcome.clone()),
                None if inside.paused => State::Paused,
                None => State::Running,
            };
            (!inside.gone).then(|| Summary { state, status: Some(status(&inside)), ..run.summary.clone() })
        };
        Listing { sandboxes: lock(&self.runs).iter().filter_map(of).collect(), unreachable: Vec::new() }
    }

    fn find(&self, name: &str) -> Result<Summary, Error> {
        let found = self.list().sandboxes.into_iter().find(|one| one.name() == name);
        found.ok_or_else(|| Error::NoSuchSandbox { name: name.to_owned(), like: None })
    }

    fn exists(&self, id: &Id) -> Result<bool, Error> {
        Ok(self.run(id).is_ok_and(|run| !lock(&run.inside).gone))
    }

    fn attach(&self, id: &Id, how: Attach, handler: Handler) -> Result<Console, Error> {
        let run = self.run(id)?;
        if self.busy.load(Ordering::SeqCst) {
            return Err(Error::Busy);
        }
        let request = ToInit::Attach { keyboard: how.keyboard, out: how.out, err: how.err };
        greet(&run.path, None, Patience::LOOK)?.begin(&request, handler)
    }

    /// Every program is an `echo` of its own.
    fn exec(&self, id: &Id, command: Command, handler: Handler) -> Result<Console, Error> {
        let run = self.run(id)?;
        self.execs.fetch_add(1, Ordering::SeqCst);
        greet(&run.path, None, Patience::LOOK)?.begin(&ToInit::Exec(Box::new(command)), handler)
    }

    fn open_display(&self, id: &Id) -> Result<OwnedFd, Error> {
        let run = self.run(id)?;
        let failed = |source| Error::File {
            action: terrarium_engine::error::FileAction::Connect,
            path: run.path.clone(),
            source,
        };
        let socket = lock(&self.spice).clone().ok_or(Error::Refused(Refusal::NoScreen))?;
        Ok(UnixStream::connect(socket).map_err(failed)?.into())
    }

    /// Green above, orange below.
    fn log(&self, _id: &Id) -> Result<String, Error> {
        Ok("(II) what a display says\n".to_owned())
    }

    fn picture(&self, id: &Id) -> Result<Picture, Error> {
        let run = self.run(id)?;
        let display = lock(&run.inside).display.ok_or(Error::Refused(Refusal::NoScreen))?;
        let ScreenSize { width, height } = display.size;
        let half = (width * height / 2) as usize;
        let pixels = [[0x1a, 0x7f, 0x47]].repeat(half).concat().into_iter();
        let rest = [[0xb8, 0x47, 0x00]].repeat((width * height) as usize - half).concat();
        Ok(Picture { size: display.size, pixels: pixels.chain(rest).collect() })
    }

    fn usage(&self, id: &Id) -> Option<Usage> {
        let run = self.run(id).ok()?;
        let asked = lock(&run.inside).usage;
        run.change(|inside| inside.usage += 1);
        // A quarter of a processor, and more memory each time.
        // 3 MB are read, 300 kB written each time; it has no network.
        let disk = Some(Moved { inwards: asked * 3_000_000, outwards: asked * 300_000 });
        let memory = (64 << 20) + asked * (8 << 20);
        Some(Usage { processor: asked * 750_000_000, memory, disk, network: None })
    }

    fn stop(&self, id: &Id, how: Stop) -> Result<Option<Outcome>, Error> {
        let run = self.run(id)?;
        self.stops.lock().expect("a list").push(how);
        let signal = match how {
            Stop::Gently { grace } if run.summary.metadata.command == "stubborn" => {
                run.within(Duration::from_millis(grace.into()), |inside| inside.result.is_some());
                9
            }
            Stop::Gently { .. } => 15,
            Stop::Now => 9,
        };
        run.end(Ending::Signalled { signal, stopped: true });
        let outcome = lock(&run.inside).result.clone();
        Ok(outcome)
    }

    fn pause(&self, id: &Id) -> Result<(), Error> {
        self.run(id)?.change(|inside| inside.paused = true);
        Ok(())
    }

    fn resume(&self, id: &Id) -> Result<(), Error> {
        self.run(id)?.change(|inside| inside.paused = false);
        Ok(())
    }

    fn network(&self, id: &Id) -> Result<network::Usage, Error> {
        self.run(id)?;
        Ok(lock(&self.network).clone())
    }

    fn change_network(&self, id: &Id, change: &Change) -> Result<(), Error> {
        self.run(id)?;
        super::network::change(&mut lock(&self.network), change)
    }

    fn limits(&self, id: &Id) -> Result<Limits, Error> {
        self.run(id)?;
        Ok(lock(&self.limits).clone())
    }

    fn change_limits(&self, id: &Id, change: &LimitChange) -> Result<(), Error> {
        self.run(id)?;
        let mut limits = lock(&self.limits);
        let most = limits.memory_most;
        match change.memory {
            Some(memory) if memory > most => return Err(Error::Limits(LimitError::Memory { most })),
            Some(memory) if memory < 64 << 20 => {
                let (asked, used) = (memory, 64 << 20);
                return Err(Error::Limits(LimitError::InUse { asked, used }));
            }
            memory => limits.memory = memory.unwrap_or(limits.memory),
        }
        limits.cpus = change.cpus.unwrap_or(limits.cpus);
        limits.disk = change.disk.unwrap_or(limits.disk);
        Ok(())
    }

    fn networks(&self) -> Result<Vec<(String, bool)>, Error> {
        Ok(lock(&self.networks).clone())
    }

    fn start_network(&self, name: &str) -> Result<(), Error> {
        lock(&self.networks).iter_mut().filter(|one| one.0 == name).for_each(|one| one.1 = true);
        Ok(())
    }

    fn xml(&self, _id: &Id) -> Result<String, Error> {
        Ok(String::new())
    }

    fn hold(&self, id: &Id) -> Option<Held> {
        self.hold_layer(id)
    }

    fn layers(&self) -> Vec<Layer> {
        self.all_layers()
    }

    fn waiting(&self) -> Vec<Waiting> {
        self.all_waiting()
    }

    fn changes(&self, _layer: &Layer, _watch: &Watch<'_>) -> Result<Changes, Error> {
        Ok(self.found())
    }

    fn review(&self, _layer: &Layer) -> Result<Box<dyn Review>, Error> {
        Ok(self.look_into())
    }

    fn restorer(&self, _layer: &Layer) -> Result<Box<dyn Review>, Error> {
        Ok(self.look_beside_what_is_kept())
    }

    fn keep(&self, layer: &Layer) -> Result<(), Error> {
        self.settle(layer);
        self.note("keep", &[]);
        Ok(())
    }

    fn keep_only(&self, layer: &Layer, paths: &[Bytes]) -> Result<(), Error> {
        self.settle(layer);
        self.note("keep", paths);
        Ok(())
    }

    fn discard(&self, layer: &Layer) -> Result<(), Error> {
        self.settle(layer);
        self.note("discard", &[]);
        Ok(())
    }

    fn finish(&self, id: &Id, wait: Duration) -> Result<(), Error> {
        let run = self.run(id)?;
        // As init does: it goes when it is told that its result has arrived.
        run.within(wait, |inside| inside.received);
        run.change(|inside| inside.gone = true);
        let _ = std::fs::remove_file(&run.path);
        Ok(())
    }
}
