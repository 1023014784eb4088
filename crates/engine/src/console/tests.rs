// SPDX-License-Identifier: LGPL-2.1-or-later
//! The console against an init made of a thread and a socket.

use super::{greet, Console, Event, Patience};
use crate::error::Error;
use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::mpsc;
use std::time::Duration;
use terrarium_protocol::greeting::Side;
use terrarium_protocol::message::{stream, Ending, Outcome, State, Status};
use terrarium_protocol::{
    frame, Decoder, Frame, FromInit, Greeting, Kind, Scanner, Tag, ToInit, MAX_TO_INIT,
};

/// Init's side of one conversation.
struct Init {
    socket: UnixStream,
    tag: Tag,
    decoder: Decoder,
}

impl Init {
    fn accept(listener: &UnixListener) -> Self {
        Self::greet(listener.accept().unwrap().0)
    }

    fn greet(mut socket: UnixStream) -> Self {
        let mut scanner = Scanner::for_client();
        let mut piece = [0; 4096];
        let (greeting, rest) = loop {
            let count = socket.read(&mut piece).unwrap();
            if let Some(found) = scanner.feed(&piece[..count]) {
                break found;
            }
        };
        socket.write_all(&greeting.encode(Side::Init)).unwrap();
        let mut decoder = Decoder::new(greeting.tag(), MAX_TO_INIT);
        decoder.feed(&rest);
        let mut init = Self { socket, tag: greeting.tag(), decoder };
        init.say(&FromInit::Welcome(Box::new(status())));
        init
    }

    fn say(&mut self, message: &FromInit) {
        let mut bytes = Vec::new();
        frame::encode(self.tag, Kind::Control, &serde_json::to_vec(message).unwrap(), &mut bytes);
        self.socket.write_all(&bytes).unwrap();
    }

    fn output(&mut self, offset: u64, text: &[u8]) {
        let mut bytes = Vec::new();
        frame::encode_output(self.tag, stream::OUT, offset, text, &mut bytes);
        self.socket.write_all(&bytes).unwrap();
    }

    fn next(&mut self) -> Frame {
        let mut piece = [0; 4096];
        loop {
            if let Some(frame) = self.decoder.next_frame().unwrap() {
                return frame;
            }
            let count = self.socket.read(&mut piece).unwrap();
            assert!(count > 0, "the console closed");
            self.decoder.feed(&piece[..count]);
        }
    }

    fn hear(&mut self) -> ToInit {
        serde_json::from_slice(&self.next().payload).unwrap()
    }
}

fn status() -> Status {
    Status {
        kernel: "6.1".into(),
        init_pid: 1,
        state: State::Running,
        command_pid: Some(7),
        running_for: Some(5),
        terminal: None,
        display: None,
        streams: Vec::new(),
        input: 0,
        viewers: 0,
        result: None,
    }
}

const QUICK: Patience = Patience { most: Duration::from_secs(2), again: Some(Duration::from_millis(300)) };
const ATTACH: ToInit = ToInit::Attach { keyboard: true, out: None, err: None };

fn pair() -> (tempfile::TempDir, PathBuf, UnixListener) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("c");
    let listener = UnixListener::bind(&path).unwrap();
    (folder, path, listener)
}

fn begin(path: &std::path::Path) -> (Console, mpsc::Receiver<Event>) {
    let (tell, told) = mpsc::channel();
    let handler = Box::new(move |_: &Console, event| drop(tell.send(event)));
    (greet(path, None, QUICK).unwrap().begin(&ATTACH, handler).unwrap(), told)
}

fn next(events: &mpsc::Receiver<Event>) -> Event {
    events.recv_timeout(Duration::from_secs(5)).unwrap()
}

#[test]
fn output_and_result_arrive_in_order() {
    let (_folder, path, listener) = pair();
    let init = std::thread::spawn(move || {
        let mut init = Init::accept(&listener);
        assert_eq!(init.hear(), ATTACH);
        init.output(0, b"hello");
        let outcome = Outcome {
            ending: Ending::Exited { code: 3 },
            duration: 1,
            out_of_memory: false,
            dropped: 0,
            stopped: false,
        };
        init.say(&FromInit::Result(outcome));
        assert_eq!(init.hear(), ToInit::Ack { stream: 1, offset: 5 });
        assert_eq!(init.hear(), ToInit::Received);
    });
    let (console, events) = begin(&path);
    assert_eq!(console.status(), &status());
    assert_eq!(next(&events), Event::Output { stream: 1, offset: 0, bytes: b"hello".to_vec() });
    assert!(matches!(next(&events), Event::Result(Outcome { ending: Ending::Exited { code: 3 }, .. })));
    console.ack(1, 5);
    console.received();
    init.join().unwrap();
    assert_eq!(next(&events), Event::Closed);
}

#[test]
fn the_last_word_of_a_console_that_is_dropped_gets_through() {
    for _ in 0..50 {
        let (_folder, path, listener) = pair();
        let init = std::thread::spawn(move || {
            let mut init = Init::accept(&listener);
            assert_eq!((init.hear(), init.hear()), (ATTACH, ToInit::Received));
            assert_eq!(init.socket.read(&mut [0]).unwrap_or(0), 0, "and then it is closed");
        });
        let (console, _events) = begin(&path);
        console.received();
        drop(console);
        init.join().unwrap();
    }
}

#[test]
fn input_waits_for_credit_and_its_end_comes_last() {
    let (_folder, path, listener) = pair();
    let init = std::thread::spawn(move || {
        let mut init = Init::accept(&listener);
        init.hear();
        init.say(&FromInit::Credit { offset: 4 });
        assert_eq!(init.next(), Frame { kind: Kind::Input, payload: b"abcd".to_vec() });
        init.say(&FromInit::Credit { offset: 100 });
        assert_eq!(init.next(), Frame { kind: Kind::Input, payload: b"ef".to_vec() });
        assert_eq!(init.hear(), ToInit::CloseInput);
    });
    let (console, _events) = begin(&path);
    assert!(console.input(b"abcdef"));
    console.close_input();
    init.join().unwrap();
    assert!(!console.input(b"more"), "after the end there is no more");
}

#[test]
fn a_greeting_swallowed_by_an_unfinished_frame_is_said_again() {
    let (_folder, path, listener) = pair();
    let init = std::thread::spawn(move || {
        let (mut socket, _) = listener.accept().unwrap();
        // What an unfinished frame would take: the first greeting.
        let mut swallowed = [0; terrarium_protocol::greeting::LENGTH];
        socket.read_exact(&mut swallowed).unwrap();
        Init::greet(socket).hear()
    });
    let (_console, _events) = begin(&path);
    assert_eq!(init.join().unwrap(), ATTACH);
}

#[test]
fn silence_noise_and_another_version_are_told_apart() {
    let (_folder, path, listener) = pair();
    let quick = Patience { most: Duration::from_millis(500), again: None };
    assert!(matches!(greet(&path, None, quick), Err(Error::NoAnswer { .. })));
    drop(listener);
    assert!(matches!(greet(&path, None, quick), Err(Error::File { .. })));
    let (_folder, path, listener) = pair();
    std::thread::spawn(move || {
        let (mut socket, _) = listener.accept().unwrap();
        let mut bytes = [0; terrarium_protocol::greeting::LENGTH];
        socket.read_exact(&mut bytes).unwrap();
        let (found, _) = Scanner::for_client().feed(&bytes).unwrap();
        socket.write_all(b"noise before it").unwrap();
        socket.write_all(&Greeting { version: 77, ..found }.encode(Side::Init)).unwrap();
        std::thread::sleep(Duration::from_secs(1));
    });
    assert!(matches!(greet(&path, None, QUICK), Err(Error::Version { theirs: 77 })));
}

#[test]
fn hostile_bytes_after_the_welcome_close_the_conversation() {
    let (_folder, path, listener) = pair();
    std::thread::spawn(move || {
        let mut init = Init::accept(&listener);
        init.hear();
        init.socket.write_all(&[0xff; 1000]).unwrap();
        std::thread::sleep(Duration::from_secs(3));
    });
    let (_console, events) = begin(&path);
    assert_eq!(next(&events), Event::Closed);
}

#[test]
fn a_handler_that_waits_holds_up_the_sender_and_nothing_grows() {
    let (_folder, path, listener) = pair();
    let (let_go, wait) = mpsc::channel::<()>();
    let sent = std::thread::spawn(move || {
        let mut init = Init::accept(&listener);
        init.hear();
        init.socket.set_write_timeout(Some(Duration::from_millis(300))).unwrap();
        let mut bytes = Vec::new();
        frame::encode_output(init.tag, stream::OUT, 0, &[b'x'; 60_000], &mut bytes);
        (0..1000).take_while(|_| init.socket.write_all(&bytes).is_ok()).count()
    });
    let handler = Box::new(move |_: &Console, _| _ = wait.recv());
    let _console = greet(&path, None, QUICK).unwrap().begin(&ATTACH, handler).unwrap();
    assert!(sent.join().unwrap() < 20, "the sender must be held up by a handler that waits");
    drop(let_go);
}
