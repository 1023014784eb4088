// SPDX-License-Identifier: LGPL-2.1-or-later
//! From the main loop to the engine and back. Nothing else in the window
//! calls what may block.

use gtk::{gio, glib};
use std::future::Future;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use terrarium_engine::console::{Console, Event, Handler};
use terrarium_engine::doctor::{self, Finding};
use terrarium_engine::host::{self, Host, ProbeOptions};
use terrarium_engine::network;
use terrarium_engine::places::Places;
use terrarium_engine::plan::Plan;
use terrarium_engine::profile::store::{self, Deleted};
use terrarium_engine::profile::Profile;
use terrarium_engine::reach::{Grants, Memory, Seen};
use terrarium_engine::sandbox::{
    save, Attach, Driver, Id, LastWords, LimitChange, Limits, Listing, Picture, Progress, Real, Start,
    Started, Stop, Summary, Usage,
};
use terrarium_engine::{message, Error};
use terrarium_protocol::message::Outcome;
use terrarium_protocol::orders::Command;

/// Events that may wait for the main loop; then the reader thread waits, and
/// with it, in the end, the command.
const QUEUE: usize = 8;

/// What comes back from a conversation.
pub type Events = async_channel::Receiver<(Console, Event)>;

/// The window's way to the engine. Clones are the same one.
#[derive(Clone)]
pub struct Bridge {
    look: Arc<dyn Fn() -> (Host, Arc<dyn Driver>) + Send + Sync>,
    host: Arc<OnceLock<Host>>,
    driver: Arc<OnceLock<Arc<dyn Driver>>>,
    /// The computer is one of a test.
    made_up: bool,
}

impl Bridge {
    /// To libvirt. Call [`Self::begin`] before anything else.
    #[must_use]
    pub fn real() -> Self {
        Self::new(|| {
            let host = host::probe(&ProbeOptions::default());
            let driver = Arc::new(Real::new(&host));
            (host, driver)
        })
    }

    /// To what `look` finds; it is called at most once, on another thread.
    #[must_use]
    pub fn new(look: impl Fn() -> (Host, Arc<dyn Driver>) + Send + Sync + 'static) -> Self {
        Self { look: Arc::new(look), host: Arc::default(), driver: Arc::default(), made_up: false }
    }

    /// To another driver, for tests.
    #[must_use]
    pub fn with(host: Host, driver: Arc<dyn Driver>) -> Self {
        let bridge = Self { made_up: true, ..Self::real() };
        let _ = bridge.host.set(host);
        let _ = bridge.driver.set(driver);
        bridge
    }

    /// Looks at this computer.
    pub async fn begin(&self) {
        if self.host.get().is_some() {
            return;
        }
        let look = self.look.clone();
        if let Ok((host, driver)) = gio::spawn_blocking(move || look()).await {
            let _ = self.driver.set(driver);
            let _ = self.host.set(host);
        }
    }

    /// This computer; `None` until it was looked at.
    #[must_use]
    pub fn host(&self) -> Option<&Host> {
        self.host.get()
    }

    /// `$XDG_DATA_HOME`.
    #[must_use]
    pub fn data_home(&self) -> PathBuf {
        let own = self.host().map(|host| &host.places.data);
        own.and_then(|own| own.parent()).map_or_else(glib::user_data_dir, ToOwned::to_owned)
    }

    /// Does something with the driver on another thread.
    fn call<T: Send + 'static>(
        &self,
        work: impl FnOnce(&dyn Driver) -> Result<T, Error> + Send + 'static,
    ) -> impl Future<Output = Result<T, Error>> {
        let driver = self.driver.clone();
        let task = gio::spawn_blocking(move || match driver.get() {
            Some(driver) => work(driver.as_ref()),
            None => Err(Error::Cancelled),
        });
        async move { task.await.unwrap_or(Err(Error::Cancelled)) }
    }

    /// What runs.
    pub async fn list(&self) -> Listing {
        self.call(|driver| Ok(driver.list())).await.unwrap_or_default()
    }

    /// A folder in which something comes or goes with every sandbox.
    pub async fn watched(&self) -> Option<PathBuf> {
        self.call(|driver| Ok(driver.watched())).await.ok().flatten()
    }

    /// Starts a plan. Progress and events come through the channels. What can
    /// be ended by itself is when it is `cancelled`.
    pub fn start(
        &self,
        plan: Plan,
        how: Start,
        cancelled: Arc<AtomicBool>,
    ) -> (async_channel::Receiver<Progress>, Events, impl Future<Output = Result<Started, Error>>) {
        let (tell, told) = async_channel::unbounded();
        let (handler, events) = queue();
        let progress = move |step| {
            let _ = tell.send_blocking(step);
            !cancelled.load(Ordering::Relaxed)
        };
        (told, events, self.call(move |driver| driver.start(&plan, how, &progress, handler)))
    }

    /// Attaches to a sandbox, with the keyboard.
    pub fn attach(&self, id: Id, out: Option<u64>) -> (Events, impl Future<Output = Result<Console, Error>>) {
        let (handler, events) = queue();
        let how = Attach { keyboard: true, out, err: None };
        (events, self.call(move |driver| driver.attach(&id, how, handler)))
    }

    /// Runs another program in a sandbox.
    pub fn exec(&self, id: Id, command: Command) -> (Events, impl Future<Output = Result<Console, Error>>) {
        let (handler, events) = queue();
        (events, self.call(move |driver| driver.exec(&id, command, handler)))
    }

    /// A socket for one more channel of a sandbox's screen.
    pub fn open_display(&self, id: Id) -> impl Future<Output = Result<OwnedFd, Error>> {
        self.call(move |driver| driver.open_display(&id))
    }

    /// A picture of a sandbox's screen, as `make` leaves it.
    pub fn picture<T: Send + 'static>(
        &self,
        id: Id,
        make: impl FnOnce(Picture) -> T + Send + 'static,
    ) -> impl Future<Output = Result<T, Error>> {
        self.call(move |driver| driver.picture(&id).map(make))
    }

    /// How a sandbox's network is, and whom it met.
    pub async fn network(&self, id: Id) -> Result<network::Usage, Error> {
        self.call(move |driver| driver.network(&id)).await
    }

    /// Changes a sandbox's network.
    pub async fn change_network(&self, id: Id, change: network::Change) -> Result<(), Error> {
        self.call(move |driver| driver.change_network(&id, &change)).await
    }

    /// How much a sandbox may use.
    pub async fn limits(&self, id: Id) -> Result<Limits, Error> {
        self.call(move |driver| driver.limits(&id)).await
    }

    /// Changes how much a sandbox may use.
    pub async fn change_limits(&self, id: Id, change: LimitChange) -> Result<(), Error> {
        self.call(move |driver| driver.change_limits(&id, &change)).await
    }

    /// Networks of libvirt's, and whether they are active.
    pub async fn networks(&self) -> Result<Vec<(String, bool)>, Error> {
        self.call(|driver| driver.networks()).await
    }

    /// Makes one of them active.
    pub async fn start_network(&self, name: String) -> Result<(), Error> {
        self.call(move |driver| driver.start_network(&name)).await
    }

    /// What the programs of a sandbox's screen wrote last.
    pub async fn log(&self, id: Id) -> Result<String, Error> {
        self.call(move |driver| driver.log(&id)).await
    }

    /// What is known of a sandbox that crashed.
    pub async fn last_words(&self, id: Id) -> Option<LastWords> {
        self.call(move |driver| Ok(driver.last_words(&id))).await.ok().flatten()
    }

    /// Set-id bits that were taken away since it was asked last, in words.
    pub async fn cleared(&self) -> Vec<String> {
        let all = self.call(|driver| Ok(driver.take_cleared())).await.unwrap_or_default();
        all.iter().flat_map(message::cleared).collect()
    }

    /// Tells a sandbox that its result has arrived.
    pub async fn received(&self, id: Id, console: Console) {
        let tell = move |driver: &dyn Driver| {
            driver.received(&id, &console);
            Ok(())
        };
        let _ = self.call(tell).await;
    }

    /// The sandbox with this name.
    pub async fn find(&self, name: String) -> Result<Summary, Error> {
        self.call(move |driver| driver.find(&name)).await
    }

    /// Ends a sandbox.
    pub async fn stop(&self, id: Id, how: Stop) -> Result<Option<Outcome>, Error> {
        self.call(move |driver| driver.stop(&id, how)).await
    }

    /// Freezes a sandbox, or lets it go on.
    pub async fn set_paused(&self, id: Id, paused: bool) -> Result<(), Error> {
        self.call(move |driver| if paused { driver.pause(&id) } else { driver.resume(&id) }).await
    }

    /// Whether a sandbox still exists.
    pub async fn exists(&self, id: Id) -> Result<bool, Error> {
        self.call(move |driver| driver.exists(&id)).await
    }

    /// Cleans up after a sandbox.
    pub async fn finish(&self, id: Id) -> Result<(), Error> {
        self.call(move |driver| driver.finish(&id, Duration::from_secs(3))).await
    }

    /// Stops several, and waits for them at most for a while: used when the
    /// window closes.
    pub async fn stop_all(&self, ids: Vec<Id>) {
        let stop = |id: Id| self.stop(id, Stop::Gently { grace: 10_000 });
        for task in ids.into_iter().map(stop).collect::<Vec<_>>() {
            let _ = task.await;
        }
    }
}

pub mod changes;
mod tail;

impl Bridge {
    /// Does something with files, on another thread.
    fn files<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Places) -> Result<T, Error> + Send + 'static,
    ) -> impl Future<Output = Result<T, Error>> {
        let host = self.host.clone();
        let task =
            gio::spawn_blocking(move || host.get().map_or(Err(Error::Cancelled), |host| work(&host.places)));
        async move { task.await.unwrap_or(Err(Error::Cancelled)) }
    }

    /// All profiles, and what is remembered of each.
    pub async fn profiles(&self) -> Vec<(store::Entry, Seen)> {
        let read = |places: &Places| {
            let memory = Memory::load(places);
            let of = |entry: store::Entry| (memory.of(&store::stem(&entry.path)), entry);
            Ok(store::list(places)?.into_iter().map(of).map(|(seen, entry)| (entry, seen)).collect())
        };
        self.files(read).await.unwrap_or_default()
    }

    /// Reads a profile from any file.
    pub async fn read_profile(&self, path: PathBuf) -> Result<Profile, Error> {
        self.files(move |_| store::load(&path)).await
    }

    /// The text of any file that should be a profile.
    pub async fn read_text(&self, path: PathBuf) -> Result<String, Error> {
        self.files(move |_| store::read(&path)).await
    }

    /// Writes a text into a file.
    pub async fn write_text(&self, path: PathBuf, text: String) -> Result<(), Error> {
        self.files(move |_| store::write(&path, &text)).await
    }

    /// Writes a file where the user said. `private`: for the user alone.
    ///
    /// # Errors
    /// It cannot be written, or a sandbox's link would lead it elsewhere.
    pub async fn save(&self, path: PathBuf, content: Vec<u8>, private: bool) -> Result<(), Error> {
        self.files(move |places| save(places, &path, &content, private)).await
    }

    /// Adds a profile; `file`: where it lies already, `from` if it came from
    /// elsewhere.
    pub async fn add_profile(
        &self,
        profile: Profile,
        file: Option<PathBuf>,
        from: Option<String>,
    ) -> Result<PathBuf, Error> {
        self.files(move |places| store::add_from(places, &profile, file.as_deref(), from)).await
    }

    /// The text of a profile for a file elsewhere. `file`: its own.
    pub async fn profile_text(&self, profile: Profile, file: Option<PathBuf>) -> Result<String, Error> {
        self.files(move |_| store::text(&profile, file.as_deref())).await
    }

    /// Changes a profile's file where the profile differs.
    pub async fn update_profile(&self, path: PathBuf, profile: Profile) -> Result<(), Error> {
        self.files(move |places| store::update(places, &path, &profile)).await
    }

    /// Deletes a profile's file, and its launcher.
    pub async fn delete_profile(&self, path: PathBuf) -> Result<Deleted, Error> {
        self.files(move |places| store::delete_file(places, &path)).await
    }

    /// Brings it back.
    pub async fn bring_back(&self, deleted: Deleted) -> Result<(), Error> {
        self.files(move |places| store::bring_back(places, &deleted)).await
    }

    /// Remembers that the user has been shown what a profile can reach.
    pub async fn remember(&self, stem: String, allowed: Grants) -> Result<(), Error> {
        self.files(move |places| Memory::change(places, &stem, |seen| seen.allowed = Some(allowed))).await
    }

    /// What is typed and not saved yet, for a window that comes after a crash.
    pub async fn keep_draft(&self, text: Option<String>) -> Result<(), Error> {
        let keep = move |places: &Places| match text {
            Some(text) => store::write(&places.cache.join(DRAFT), &text),
            None => {
                let _ = std::fs::remove_file(places.cache.join(DRAFT));
                Ok(())
            }
        };
        self.files(keep).await
    }

    /// What was typed last, if there is a draft.
    pub async fn draft(&self) -> Option<String> {
        self.files(|places| store::read(&places.cache.join(DRAFT))).await.ok()
    }

    /// What works on this computer, asking libvirt as well.
    pub async fn examine(&self) -> Vec<Finding> {
        let host = self.host.clone();
        let made_up = self.made_up;
        let look = move || match host.get().filter(|_| made_up) {
            Some(host) => doctor::examine(host),
            None => doctor::examine(&host::probe(&ProbeOptions { connect: true, ..ProbeOptions::default() })),
        };
        gio::spawn_blocking(look).await.unwrap_or_default()
    }

    /// Commands that were run from the form, the last one first.
    pub async fn history(&self) -> Vec<String> {
        let text = self.files(|places| store::read(&places.cache.join(HISTORY))).await.unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// Keeps them.
    pub async fn keep_history(&self, commands: Vec<String>) -> Result<(), Error> {
        let lines: Vec<String> = commands.into_iter().filter(|one| !one.contains('\n')).collect();
        self.files(move |places| store::write(&places.cache.join(HISTORY), &lines.join("\n"))).await
    }

    /// The profile that a sandbox runs.
    pub async fn profile_of(&self, id: Id) -> Option<Profile> {
        self.call(move |driver| Ok(driver.profile(&id))).await.ok().flatten()
    }

    /// What each of these sandboxes uses.
    pub async fn usage(&self, ids: Vec<Id>) -> Vec<(Id, Usage)> {
        let ask = move |driver: &dyn Driver| {
            let one = |id: Id| driver.usage(&id).map(|usage| (id, usage));
            Ok(ids.into_iter().filter_map(one).collect())
        };
        self.call(ask).await.unwrap_or_default()
    }

    /// The last lines that a sandbox's terminal showed.
    pub async fn last_lines(&self, id: Id, end: u64) -> Option<String> {
        self.call(move |driver| Ok(tail::last_lines(driver, &id, end))).await.ok().flatten()
    }

    /// Does something else that may block and needs neither libvirt nor a
    /// profile, such as reading a folder of the host.
    pub async fn look_at<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
        gio::spawn_blocking(work).await.ok()
    }
}

/// The file of what is typed and not saved.
const DRAFT: &str = "draft.json";
/// The file of what was run.
const HISTORY: &str = "history";

fn queue() -> (Handler, Events) {
    let (tell, told) = async_channel::bounded(QUEUE);
    let handler: Handler = Box::new(move |console, event| drop(tell.send_blocking((console.clone(), event))));
    (handler, told)
}

/// Runs a future on the main loop, after input and drawing.
pub fn later(future: impl Future<Output = ()> + 'static) {
    glib::MainContext::default().spawn_local_with_priority(glib::Priority::DEFAULT_IDLE, future);
}
