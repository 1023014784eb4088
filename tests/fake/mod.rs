// SPDX-License-Identifier: LGPL-2.1-or-later
//! Sandboxes without libvirt, for tests of the window. Its "commands" are
//! threads that speak init's side of the protocol over real sockets:
//!
//! | argv | what it does |
//! |---|---|
//! | `print TEXT [CODE]` | writes the text, exits |
//! | `flood BYTES` | writes so many bytes in lines, exits |
//! | `echo` | writes back what is typed, until `q` |
//! | `stubborn` | does not end when it is asked to |
//! | `crash` | is gone without a result |
//! | `vanish` | the same, before its start has been answered |
//! | `refuse` | cannot be started |
//! | `missing` | is not found inside |
//!
//! A plan that shows as a window gets a SPICE server's sockets, if a test says
//! where one listens.

mod driver;
mod layers;
pub mod network;
mod run;
mod serve;

pub use layers::entry;
use layers::Written;
use run::{lock, Inside, Run};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;
use terrarium_engine::console::Console;
use terrarium_engine::error::{DomainAction, Error};
use terrarium_engine::network::Usage;
use terrarium_engine::plan::Plan;
use terrarium_engine::profile::{DisplayKind, Isolation};
use terrarium_engine::sandbox::{
    Attach, Driver, Fixed, Id, Limits, Metadata, Progress, State, Stop, Summary, Tell,
};
use terrarium_protocol::display::{DisplayStatus, ScreenSize};
use terrarium_protocol::message::Ending;
use terrarium_protocol::orders::Size;

/// The driver. A test holds it too and turns its knobs.
pub struct Fake {
    folder: PathBuf,
    runs: Mutex<Vec<Arc<Run>>>,
    numbers: AtomicU32,
    /// While set nothing answers, as if libvirtd were stopped.
    pub hangs: AtomicBool,
    /// While set nobody else can attach.
    pub busy: AtomicBool,
    /// Where the SPICE server of every screen listens.
    spice: Mutex<Option<PathBuf>>,
    /// Whether screens have an agent.
    pub agent: AtomicBool,
    /// How long each step of a start takes, in milliseconds.
    pub slow: AtomicU32,
    /// A start copies this many pieces first.
    pub copies: AtomicU32,
    execs: AtomicU32,
    /// How sandboxes were ended.
    pub stops: Mutex<Vec<Stop>>,
    /// What they have written.
    pub written: Arc<Written>,
    /// The network of every sandbox that has one.
    pub network: Mutex<Usage>,
    /// How much every sandbox may use.
    pub limits: Mutex<Limits>,
    /// Networks of libvirt's, and whether they are active.
    pub networks: Mutex<Vec<(String, bool)>>,
}

impl Fake {
    /// Its sockets lie in `folder`, which the test removes.
    #[must_use]
    pub fn new(folder: PathBuf) -> Self {
        let (hangs, busy) = (AtomicBool::new(false), AtomicBool::new(false));
        let (spice, agent, slow) = (Mutex::default(), AtomicBool::new(true), AtomicU32::new(0));
        Self {
            folder,
            runs: Mutex::default(),
            numbers: AtomicU32::new(1),
            hangs,
            busy,
            spice,
            agent,
            slow,
            copies: AtomicU32::new(0),
            execs: AtomicU32::new(0),
            stops: Mutex::default(),
            written: Arc::default(),
            network: Mutex::new(network::usage()),
            limits: Mutex::new(Limits {
                isolation: Isolation::Container,
                memory: 1 << 30,
                memory_most: 8 << 30,
                cpus: 2,
                cpus_most: 4,
                processes: 4096,
                disk: None,
                fixed: vec![Fixed::Processes, Fixed::Disk],
            }),
            networks: Mutex::default(),
        }
    }

    /// Screens are shown by the SPICE server that listens there.
    pub fn set_spice(&self, socket: &Path) {
        *lock(&self.spice) = Some(socket.to_owned());
    }

    /// The size that the last screen was said to have.
    #[must_use]
    pub fn screen(&self) -> Option<ScreenSize> {
        lock(&self.runs).last().and_then(|run| lock(&run.inside).screen)
    }

    /// Init says what size the last screen has got.
    pub fn set_screen_size(&self, size: ScreenSize) {
        if let Some(run) = lock(&self.runs).last() {
            run.change(|inside| {
                inside.display = inside.display.map(|display| DisplayStatus { size, ..display });
            });
        }
    }

    /// Init says how the last screen is.
    pub fn set_display(&self, up: bool, agent: bool) {
        if let Some(run) = lock(&self.runs).last() {
            run.change(|inside| {
                let size = inside.screen.unwrap_or_default();
                inside.display = Some(DisplayStatus { size, up, agent, has_windows: None });
            });
        }
    }

    /// Init says whether the last screen has a window.
    pub fn set_has_windows(&self, has_windows: bool) {
        if let Some(run) = lock(&self.runs).last() {
            run.change(|inside| {
                inside.display =
                    inside.display.map(|display| DisplayStatus { has_windows: Some(has_windows), ..display });
            });
        }
    }

    /// The last sandbox has written all that it may.
    pub fn fill(&self) {
        if let Some(run) = lock(&self.runs).last() {
            run.change(|inside| inside.full = true);
        }
    }

    /// The command of the last sandbox ends.
    pub fn end(&self, code: u8) {
        if let Some(run) = lock(&self.runs).last() {
            run.end(Ending::Exited { code });
        }
    }

    /// Sandboxes that were started.
    #[must_use]
    pub fn starts(&self) -> usize {
        lock(&self.runs).len()
    }

    /// Programs that were run beside commands.
    #[must_use]
    pub fn shells(&self) -> u32 {
        self.execs.load(Ordering::SeqCst)
    }

    /// A sandbox that somebody else started.
    pub fn begin(&self, plan: &Plan) {
        self.make(plan, None).expect("a sandbox");
    }

    fn step(&self, progress: &Tell<'_>, step: Progress) {
        progress(step);
        std::thread::sleep(Duration::from_millis(self.slow.load(Ordering::SeqCst).into()));
    }

    /// What the terminal's size was last said to be.
    #[must_use]
    pub fn size(&self) -> Option<Size> {
        lock(&self.runs).last().and_then(|run| lock(&run.inside).size)
    }

    /// All that were said since this was asked last.
    #[must_use]
    pub fn take_sizes(&self) -> Vec<Size> {
        lock(&self.runs).last().map(|run| std::mem::take(&mut lock(&run.inside).sizes)).unwrap_or_default()
    }

    /// Whether the last result was acknowledged.
    #[must_use]
    pub fn received(&self) -> bool {
        lock(&self.runs).last().is_some_and(|run| lock(&run.inside).received)
    }

    /// Another client takes the keyboard of the last sandbox.
    ///
    /// # Errors
    /// There is none.
    pub fn take_keyboard(&self) -> Result<Console, Error> {
        let id = lock(&self.runs).last().map(|run| run.summary.id.clone()).ok_or(Error::Cancelled)?;
        let how = Attach { keyboard: true, out: None, err: None };
        self.attach(&id, how, Box::new(|_, _| {}))
    }

    fn run(&self, id: &Id) -> Result<Arc<Run>, Error> {
        while self.hangs.load(Ordering::SeqCst) {
            std::thread::sleep(Duration::from_millis(20));
        }
        let missing = || Error::Libvirt { action: DomainAction::Look, message: String::new() };
        lock(&self.runs).iter().find(|run| run.summary.id == *id).cloned().ok_or_else(missing)
    }

    fn make(&self, plan: &Plan, screen: Option<ScreenSize>) -> Result<Arc<Run>, Error> {
        let number = self.numbers.fetch_add(1, Ordering::SeqCst);
        let path = self.folder.join(number.to_string());
        let failed = |source| Error::File {
            action: terrarium_engine::error::FileAction::Listen,
            path: path.clone(),
            source,
        };
        let listener = UnixListener::bind(&path).map_err(failed)?;
        let argv: Vec<String> = plan.orders.command.argv.iter().map(ToString::to_string).collect();
        let id = Id {
            connection: plan.connection.clone(),
            number,
            uuid: format!("00000000-0000-4000-8000-{number:012}"),
        };
        let metadata = Metadata {
            name: plan.name.clone(),
            caller: plan.caller,
            number,
            colour: plan.colour,
            icon: plan.profile.icon,
            isolation: plan.isolation,
            display: plan.display,
            clipboard: plan.clipboard,
            network: plan.network,
            passes: plan.passes,
            scale: 1,
            writable: plan.sources.iter().filter(|one| one.writable).map(|one| one.path.clone()).collect(),
            layer: None,
            images: Vec::new(),
            looks: false,
            directory: self.folder.clone(),
            id_base: 0,
            command: argv.join(" "),
            // Tomorrow: the clock was set back since.
            created: std::time::SystemTime::now()
                .duration_since(std::time::UNIX_EPOCH)
                .map_or(0, |now| now.as_secs() + 86_400),
        };
        let summary = Summary { id, metadata, state: State::Running, status: None };
        let has_screen = plan.display == DisplayKind::Window;
        let agent = self.agent.load(Ordering::SeqCst);
        let size = screen.unwrap_or_default();
        let display = has_screen.then_some(DisplayStatus { size, up: true, agent, has_windows: None });
        let inside = Mutex::new(Inside { screen, display, ..Inside::default() });
        let copies = plan.profile.files.include.iter().map(|one| (one.source.clone(), one.target.clone()));
        let (changed, lingers, copies) = (Condvar::new(), plan.lingers, copies.collect());
        let written = terrarium_engine::reach::written(plan);
        let run = Arc::new(Run { summary, path, inside, changed, lingers, copies, written });
        lock(&self.runs).push(run.clone());
        let command = run.clone();
        std::thread::spawn(move || command.play(&argv));
        let serving = run.clone();
        std::thread::spawn(move || {
            for socket in listener.incoming().flatten() {
                let run = serving.clone();
                std::thread::spawn(move || serve::serve(&run, socket));
            }
        });
        Ok(run)
    }
}
