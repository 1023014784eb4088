// SPDX-License-Identifier: LGPL-2.1-or-later
//! Sandboxes without libvirt, for tests of the window. Its "commands" are
//! threads that speak init's side of the protocol over real sockets:
//!
//! | argv | what it does |
//! |---|---|
//! | `print TEXT [CODE]` | writes the text, exits |
//! | `flood BYTES` | writes so many bytes in lines, exits |
//! | `echo` | writes back what is typed, until `q` |
//! | `crash` | is gone without a result |
//! | `refuse` | cannot be started |
//! | `missing` | is not found inside |

use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use terrarium_engine::console::{greet, Console, Handler, Patience};
use terrarium_engine::error::{DomainAction, Error};
use terrarium_engine::plan::Plan;
use terrarium_engine::sandbox::{
    Attach, Driver, Id, Listing, Metadata, Picture, Progress, Start, Started, State, Stop, Summary,
};
use terrarium_protocol::message::{self, stream, Ending, Failure, Outcome, Refusal, Status, Step};
use terrarium_protocol::orders::{Command, Size};
use terrarium_protocol::{frame, greeting::Side, Decoder, FromInit, Kind, Scanner, Tag, ToInit};
use terrarium_protocol::{MAX_TO_INIT, WINDOW};

/// Bytes in one frame of output.
const PIECE: usize = 32 * 1024;

/// The driver. A test holds it too and turns its knobs.
pub struct Fake {
    folder: PathBuf,
    runs: Mutex<Vec<Arc<Run>>>,
    numbers: AtomicU32,
    /// While set nothing answers, as if libvirtd were stopped.
    pub hangs: AtomicBool,
    /// While set nobody else can attach.
    pub busy: AtomicBool,
}

/// One sandbox.
struct Run {
    summary: Summary,
    path: PathBuf,
    inside: Mutex<Inside>,
    changed: Condvar,
}

/// What its thread and its clients share.
#[derive(Default)]
struct Inside {
    output: Vec<u8>,
    input: Vec<u8>,
    size: Option<Size>,
    keyboard: u32,
    clients: u32,
    result: Option<Outcome>,
    gone: bool,
    paused: bool,
    received: bool,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Run {
    fn change(&self, work: impl FnOnce(&mut Inside)) {
        work(&mut lock(&self.inside));
        self.changed.notify_all();
    }

    fn wait<T>(&self, mut ready: impl FnMut(&mut Inside) -> Option<T>) -> T {
        let mut inside = lock(&self.inside);
        loop {
            if let Some(answer) = ready(&mut inside) {
                return answer;
            }
            inside = self.changed.wait(inside).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Waits at most so long.
    fn within(&self, wait: Duration, is_so: impl Fn(&Inside) -> bool) {
        let inside = lock(&self.inside);
        drop(self.changed.wait_timeout_while(inside, wait, |inside| !is_so(inside)));
    }

    fn end(&self, ending: Ending) {
        let outcome = Outcome { ending, duration: 1200, out_of_memory: false, dropped: 0 };
        self.change(|inside| inside.result = inside.result.take().or(Some(outcome)));
    }

    fn play(&self, argv: &[String]) {
        let word = |index: usize| argv.get(index).map_or("", String::as_str);
        let exit = |code: u8| self.end(Ending::Exited { code });
        match word(0) {
            "print" => {
                let text = word(1).replace('\n', "\r\n");
                self.change(|inside| inside.output.extend(text.as_bytes()));
                exit(word(2).parse().unwrap_or(0));
            }
            "flood" => {
                let count = word(1).parse().unwrap_or(0);
                let line = b"0123456789 abcdefghijklmnopqrstuvwxyz ABCDEFGHIJKLMNOPQRSTUVWXYZ\r\n";
                let flood = line.iter().copied().cycle().take(count);
                self.change(|inside| inside.output.extend(flood));
                exit(0);
            }
            "echo" => {
                while self.echo() {}
                exit(0);
            }
            "missing" => {
                let failure = Failure { step: Step::NotFound, object: "missing".into(), errno: 2 };
                self.end(Ending::Failed(failure));
            }
            "crash" => self.change(|inside| inside.gone = true),
            _ => exit(127),
        }
    }

    /// Writes back what was typed; `false` after a `q`, or when it was ended.
    fn echo(&self) -> bool {
        let goes_on = self.wait(|inside| match std::mem::take(&mut inside.input) {
            _ if inside.result.is_some() => Some(false),
            typed if typed.is_empty() => None,
            typed => {
                inside.output.extend(&typed);
                Some(!typed.contains(&b'q'))
            }
        });
        // Whoever sends it may have looked before.
        self.changed.notify_all();
        goes_on
    }
}

impl Fake {
    /// Its sockets lie in `folder`, which the test removes.
    #[must_use]
    pub fn new(folder: PathBuf) -> Self {
        let (hangs, busy) = (AtomicBool::new(false), AtomicBool::new(false));
        Self { folder, runs: Mutex::default(), numbers: AtomicU32::new(1), hangs, busy }
    }

    /// What the terminal's size was last said to be.
    #[must_use]
    pub fn size(&self) -> Option<Size> {
        lock(&self.runs).last().and_then(|run| lock(&run.inside).size)
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

    fn make(&self, plan: &Plan) -> Result<Arc<Run>, Error> {
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
            isolation: plan.isolation,
            display: plan.display,
            clipboard: plan.clipboard,
            passes: plan.passes,
            directory: self.folder.clone(),
            id_base: 0,
            command: argv.join(" "),
            created: 0,
        };
        let summary = Summary { id, metadata, state: State::Running, status: None };
        let run = Arc::new(Run { summary, path, inside: Mutex::default(), changed: Condvar::new() });
        lock(&self.runs).push(run.clone());
        let command = run.clone();
        std::thread::spawn(move || command.play(&argv));
        let serving = run.clone();
        std::thread::spawn(move || {
            for socket in listener.incoming().flatten() {
                let run = serving.clone();
                std::thread::spawn(move || serve(&run, socket));
            }
        });
        Ok(run)
    }
}

impl Driver for Fake {
    fn start(
        &self,
        plan: &Plan,
        _how: Start,
        progress: &(dyn Fn(Progress) + Send + Sync),
        handler: Handler,
    ) -> Result<Started, Error> {
        progress(Progress::Domain);
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
        let run = self.make(plan)?;
        progress(Progress::Boot(run.summary.id.clone()));
        let request = ToInit::Start(Box::new(plan.orders.clone()));
        let console = greet(&run.path, None, Patience::ATTACH)?.begin(&request, handler)?;
        // It has been started; whoever attaches comes later.
        run.within(Duration::from_secs(10), |inside| inside.clients > 0);
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
        found.ok_or_else(|| Error::NoSuchSandbox { name: name.to_owned() })
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

    fn exec(&self, _id: &Id, _command: Command, _handler: Handler) -> Result<Console, Error> {
        Err(Error::Refused(message::Refusal::Busy))
    }

    fn open_display(&self, _id: &Id) -> Result<OwnedFd, Error> {
        Err(Error::Refused(Refusal::NoScreen))
    }

    fn picture(&self, _id: &Id) -> Result<Picture, Error> {
        Err(Error::Refused(Refusal::NoScreen))
    }

    fn stop(&self, id: &Id, _how: Stop) -> Result<Option<Outcome>, Error> {
        let run = self.run(id)?;
        run.end(Ending::Signalled { signal: 15, stopped: true });
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

    fn xml(&self, _id: &Id) -> Result<String, Error> {
        Ok(String::new())
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

fn status(inside: &Inside) -> Status {
    Status {
        kernel: "0.0-fake".into(),
        init_pid: 1,
        state: message::State::Running,
        command_pid: Some(2),
        running_for: Some(1000),
        terminal: Some(inside.size.unwrap_or(Size { columns: 80, rows: 24 })),
        display: None,
        streams: Vec::new(),
        input: 0,
        viewers: inside.clients,
        result: inside.result.clone(),
    }
}

/// One client's conversation: two threads, as in the engine.
fn serve(run: &Arc<Run>, mut socket: UnixStream) -> Option<()> {
    let mut scanner = Scanner::for_client();
    let (greeting, rest) = loop {
        if let Some(found) = scanner.feed(&read(&mut socket)?) {
            break found;
        }
    };
    write(&mut socket, &greeting.encode(Side::Init))?;
    let tag = greeting.tag();
    let mut decoder = Decoder::new(tag, MAX_TO_INIT);
    decoder.feed(&rest);
    say(&mut socket, tag, &FromInit::Welcome(Box::new(status(&lock(&run.inside)))))?;
    let acknowledged = Arc::new(Mutex::new(0));
    let mut me = 0;
    loop {
        while let Some(frame) = decoder.next_frame().ok()? {
            if frame.kind == Kind::Input {
                run.change(|inside| inside.input.extend(&frame.payload));
                continue;
            }
            match serde_json::from_slice(&frame.payload).ok()? {
                ToInit::Start(_) | ToInit::Attach { .. } => {
                    run.change(|inside| {
                        inside.clients += 1;
                        (me, inside.keyboard) = (inside.clients, inside.clients);
                    });
                    let (run, socket, acknowledged) =
                        (run.clone(), socket.try_clone().ok()?, acknowledged.clone());
                    std::thread::spawn(move || talk(&run, socket, tag, me, &acknowledged));
                }
                ToInit::Ack { offset, .. } => run.change(|_| *lock(&acknowledged) = offset),
                ToInit::Keyboard => run.change(|inside| inside.keyboard = me),
                ToInit::Resize(size) => run.change(|inside| inside.size = Some(size)),
                ToInit::Received => run.change(|inside| inside.received = true),
                _ => {}
            }
        }
        decoder.feed(&read(&mut socket)?);
    }
}

/// What a client is told next.
enum Next {
    Output(u64, Vec<u8>),
    Keyboard(bool),
    Result(Outcome),
    Gone,
}

fn talk(run: &Run, mut socket: UnixStream, tag: Tag, me: u32, acknowledged: &Mutex<u64>) -> Option<()> {
    say(&mut socket, tag, &FromInit::Started { pid: 2 })?;
    say(&mut socket, tag, &FromInit::Credit { offset: WINDOW })?;
    let (mut sent, mut mine, mut told) = (0, None, false);
    loop {
        let next = run.wait(|inside| {
            let most =
                usize::try_from(*lock(acknowledged) + WINDOW).unwrap_or(usize::MAX).min(inside.output.len());
            if inside.gone && (inside.result.is_none() || told) {
                Some(Next::Gone)
            } else if mine != Some(inside.keyboard == me) {
                Some(Next::Keyboard(inside.keyboard == me))
            } else if most > sent {
                let end = most.min(sent + PIECE);
                Some(Next::Output(sent as u64, inside.output[sent..end].to_vec()))
            } else if sent == inside.output.len() && !told {
                inside.result.clone().map(Next::Result)
            } else {
                None
            }
        });
        match next {
            Next::Output(offset, bytes) => {
                sent += bytes.len();
                let mut frame = Vec::new();
                frame::encode_output(tag, stream::OUT, offset, &bytes, &mut frame);
                write(&mut socket, &frame)?;
            }
            Next::Keyboard(yours) => {
                mine = Some(yours);
                say(&mut socket, tag, &FromInit::Keyboard { yours })?;
            }
            Next::Result(outcome) => {
                told = true;
                say(&mut socket, tag, &FromInit::Result(outcome))?;
            }
            Next::Gone => {
                let _ = std::fs::remove_file(&run.path);
                return socket.shutdown(std::net::Shutdown::Both).ok();
            }
        }
    }
}

fn say(socket: &mut UnixStream, tag: Tag, message: &FromInit) -> Option<()> {
    let mut bytes = Vec::new();
    frame::encode(tag, Kind::Control, &serde_json::to_vec(message).ok()?, &mut bytes);
    write(socket, &bytes)
}

fn write(socket: &mut UnixStream, bytes: &[u8]) -> Option<()> {
    std::io::Write::write_all(socket, bytes).ok()
}

fn read(socket: &mut UnixStream) -> Option<Vec<u8>> {
    let mut piece = vec![0; 16 * 1024];
    let count = std::io::Read::read(socket, &mut piece).ok()?;
    piece.truncate(count);
    (count > 0).then_some(piece)
}
