// SPDX-License-Identifier: LGPL-2.1-or-later
//! From the main loop to the engine and back. Nothing else in the window
//! calls what may block.

use gtk::{gio, glib};
use std::future::Future;
use std::os::fd::OwnedFd;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use terrarium_engine::console::{Console, Event, Handler};
use terrarium_engine::host::{self, Host, ProbeOptions};
use terrarium_engine::plan::Plan;
use terrarium_engine::sandbox::{
    Attach, Driver, Id, LastWords, Listing, Picture, Progress, Real, Start, Started, Stop, Summary,
};
use terrarium_engine::Error;
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
        Self { look: Arc::new(look), host: Arc::default(), driver: Arc::default() }
    }

    /// To another driver, for tests.
    #[must_use]
    pub fn with(host: Host, driver: Arc<dyn Driver>) -> Self {
        let bridge = Self::real();
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

    /// Starts a plan. Progress and events come through the channels.
    pub fn start(
        &self,
        plan: Plan,
        how: Start,
    ) -> (async_channel::Receiver<Progress>, Events, impl Future<Output = Result<Started, Error>>) {
        let (tell, told) = async_channel::unbounded();
        let (handler, events) = queue();
        let progress = move |step| drop(tell.send_blocking(step));
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

    /// What the programs of a sandbox's screen wrote last.
    pub async fn log(&self, id: Id) -> Result<String, Error> {
        self.call(move |driver| driver.log(&id)).await
    }

    /// What is known of a sandbox that crashed.
    pub async fn last_words(&self, id: Id) -> Option<LastWords> {
        self.call(move |driver| Ok(driver.last_words(&id))).await.ok().flatten()
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

fn queue() -> (Handler, Events) {
    let (tell, told) = async_channel::bounded(QUEUE);
    let handler: Handler = Box::new(move |console, event| drop(tell.send_blocking((console.clone(), event))));
    (handler, told)
}

/// Runs a future on the main loop, after input and drawing.
pub fn later(future: impl Future<Output = ()> + 'static) {
    glib::MainContext::default().spawn_local_with_priority(glib::Priority::DEFAULT_IDLE, future);
}
