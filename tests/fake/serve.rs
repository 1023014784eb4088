// SPDX-License-Identifier: LGPL-2.1-or-later
//! Init's side of a conversation.

use super::run::{lock, Inside, Run};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Condvar, Mutex};
use terrarium_protocol::display::DisplayStatus;
use terrarium_protocol::message::{self, stream, Ending, Outcome, Status};
use terrarium_protocol::orders::Size;
use terrarium_protocol::{frame, greeting::Side, Decoder, FromInit, Kind, Scanner, Tag, ToInit};
use terrarium_protocol::{MAX_TO_INIT, WINDOW};

/// Bytes in one frame of output.
const PIECE: usize = 32 * 1024;

pub fn status(inside: &Inside) -> Status {
    Status {
        kernel: "0.0-fake".into(),
        init_pid: 1,
        state: message::State::Running,
        command_pid: Some(2),
        running_for: Some(1000),
        terminal: Some(inside.size.unwrap_or(Size { columns: 80, rows: 24 })),
        display: inside.display,
        streams: Vec::new(),
        input: 0,
        viewers: inside.clients,
        result: inside.result.clone(),
    }
}

/// One client's conversation: two threads, as in the engine.
pub fn serve(run: &Arc<Run>, mut socket: UnixStream) -> Option<()> {
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
                ToInit::Exec(_) => {
                    let echo = Run {
                        summary: run.summary.clone(),
                        path: run.path.clone(),
                        inside: Mutex::default(),
                        changed: Condvar::new(),
                        lingers: false,
                        copies: Vec::new(),
                        written: Vec::new(),
                    };
                    return exec(&Arc::new(echo), socket, tag, decoder);
                }
                ToInit::Screen(size) => run.change(|inside| {
                    inside.screen = Some(size);
                    inside.display = inside.display.map(|display| DisplayStatus { size, ..display });
                }),
                ToInit::Ack { offset, .. } => run.change(|_| *lock(&acknowledged) = offset),
                ToInit::Keyboard => run.change(|inside| inside.keyboard = me),
                ToInit::Resize(size) => run.change(|inside| {
                    inside.size = Some(size);
                    inside.sizes.push(size);
                }),
                ToInit::Received => run.change(|inside| inside.received = true),
                _ => {}
            }
        }
        decoder.feed(&read(&mut socket)?);
    }
}

/// A program beside the command, for as long as its client listens.
fn exec(run: &Arc<Run>, mut socket: UnixStream, tag: Tag, mut decoder: Decoder) -> Option<()> {
    run.change(|inside| (inside.clients, inside.keyboard) = (1, 1));
    let echo = run.clone();
    std::thread::spawn(move || {
        while echo.echo() {}
        echo.end(Ending::Exited { code: 0 });
    });
    let (telling, own) = (run.clone(), socket.try_clone().ok()?);
    std::thread::spawn(move || talk(&telling, own, tag, 1, &Mutex::new(u64::MAX / 2)));
    loop {
        while let Some(frame) = decoder.next_frame().ok()? {
            if frame.kind == Kind::Input {
                run.change(|inside| inside.input.extend(&frame.payload));
            }
        }
        match read(&mut socket) {
            Some(bytes) => decoder.feed(&bytes),
            None => {
                run.end(Ending::Exited { code: 0 });
                return None;
            }
        }
    }
}

/// What a client is told next.
enum Next {
    Output(u64, Vec<u8>),
    Keyboard(bool),
    Display(DisplayStatus),
    Full,
    Result(Outcome),
    Gone,
}

fn talk(run: &Run, mut socket: UnixStream, tag: Tag, me: u32, acknowledged: &Mutex<u64>) -> Option<()> {
    say(&mut socket, tag, &FromInit::Started { pid: 2 })?;
    say(&mut socket, tag, &FromInit::Credit { offset: WINDOW })?;
    let (mut sent, mut mine, mut told, mut full) = (0, None, false, false);
    let mut display = lock(&run.inside).display;
    loop {
        let next = run.wait(|inside| {
            let most =
                usize::try_from(*lock(acknowledged) + WINDOW).unwrap_or(usize::MAX).min(inside.output.len());
            if inside.gone && (inside.result.is_none() || told) {
                Some(Next::Gone)
            } else if mine != Some(inside.keyboard == me) {
                Some(Next::Keyboard(inside.keyboard == me))
            } else if inside.display != display {
                inside.display.map(Next::Display)
            } else if inside.full && !full {
                Some(Next::Full)
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
            Next::Display(status) => {
                display = Some(status);
                say(&mut socket, tag, &FromInit::Display(status))?;
            }
            Next::Full => {
                full = true;
                say(&mut socket, tag, &FromInit::Full)?;
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
