// SPDX-License-Identifier: LGPL-2.1-or-later
//! Output, input, ends and clients of a real init.
#![allow(missing_docs, clippy::unwrap_used)]

#[macro_use]
mod common;

use common::*;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;
use terrarium_protocol::message::{stream, Ending, Refusal, State, Step};
use terrarium_protocol::orders::{Lifetime, Size, Until};
use terrarium_protocol::{FromInit, ToInit};

fn noise(count: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 24) as u8
    };
    std::iter::repeat_with(next).take(count).collect()
}

/// Whether a process on this machine has this command line.
fn is_running(command: &str) -> bool {
    let is = |entry: std::fs::DirEntry| {
        std::fs::read(entry.path().join("cmdline")).is_ok_and(|line| line.starts_with(command.as_bytes()))
    };
    std::fs::read_dir("/proc").unwrap().flatten().any(is)
}

/// Ends when its terminal is closed, and not before.
const HUNG_UP: &str = "trap '' TERM; trap 'echo bye; exit 5' HUP; echo re''ady; while :; do sleep 0.05; done";

as_root! {
    fn output_errors_and_status_are_the_commands() {
        let finished = run(sh("echo out; echo err >&2; exit 7"));
        assert_eq!((finished.text().as_str(), &finished.err[..], finished.code()), ("out\n", &b"err\n"[..], Some(7)));
        assert_eq!((finished.outcome.dropped, finished.outcome.out_of_memory), (0, false));
    }

    fn the_result_waits_for_nothing_once_all_has_ended() {
        // Frozen meanwhile, init hears of the command's end and of its
        // streams' ends at once. On a busy computer one try can be slow.
        let waits = (0..3).map(|_| {
            let sandbox = Sandbox::new();
            let mut client = sandbox.client();
            client.start(sh("echo ready; sleep 0.4"));
            client.until_text("ready");
            let init = sandbox.init();
            let signal = |signal| nix::sys::signal::kill(nix::unistd::Pid::from_raw(init), signal).unwrap();
            signal(nix::sys::signal::Signal::SIGSTOP);
            eventually("the command's end", || {
                let children = std::fs::read_to_string(format!("/proc/{init}/task/{init}/children")).unwrap();
                children.split_whitespace().all(|child| {
                    std::fs::read_to_string(format!("/proc/{child}/stat")).is_ok_and(|stat| stat.contains(") Z "))
                })
            });
            signal(nix::sys::signal::Signal::SIGCONT);
            let begun = std::time::Instant::now();
            client.finish();
            begun.elapsed()
        });
        let least = waits.min().unwrap();
        assert!(least < Duration::from_millis(600), "{least:?}");
    }

    fn somebody_else_is_turned_away() {
        let sandbox = Sandbox::new();
        sandbox.open_to_all();
        let connect = |uid: u32| {
            let path = sandbox.socket();
            let connects = move || {
                // SAFETY: takes integers; changes this thread alone, which ends.
                assert_eq!(unsafe { libc::syscall(libc::SYS_setresuid, -1, uid, -1) }, 0);
                UnixStream::connect(path).unwrap()
            };
            std::thread::spawn(connects).join().unwrap()
        };
        let mut socket = connect(USER);
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut heard = Vec::new();
        // What is written may meet a closed socket; what counts is the answer.
        let _ = socket.write_all(&greeting(&[7; 16]));
        if let Err(error) = socket.read_to_end(&mut heard) {
            assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
        }
        assert_eq!(heard, b"", "init talks to another user");
        let mut own = Client::greet(connect(0), terrarium_protocol::VERSION);
        assert_eq!(own.status.as_ref().map(|status| status.state), Some(State::Waiting));
        own.start(sh("exit 6"));
        assert_eq!(own.finish().code(), Some(6));
    }

    fn a_signal_is_told_from_a_status() {
        let ending = run(sh("kill -SEGV $$")).outcome.ending;
        assert_eq!(ending, Ending::Signalled { signal: 11, stopped: false });
    }

    fn what_cannot_run_says_why() {
        for (program, step) in [("/no/such", Step::NotFound), ("nosuch", Step::NotFound),
                                ("/etc/passwd", Step::NotExecutable), ("/usr", Step::NotExecutable)] {
            let Ending::Failed(failure) = run(orders(&[program])).outcome.ending else { panic!("{program} ran") };
            assert_eq!((failure.step, failure.object), (step, program.into()));
            assert_ne!(failure.errno, 0);
        }
        let mut nowhere = sh("true");
        nowhere.command.directory = "/nowhere".into();
        let Ending::Failed(failure) = run(nowhere).outcome.ending else { panic!("it ran") };
        assert_eq!(failure.step, Step::Directory);
    }

    fn a_root_that_cannot_be_shown_ends_with_a_result_too() {
        let mut orders = sh("true");
        orders.root.insert(0, terrarium_protocol::orders::RootEntry::Show { path: "/no/such".into(), tag: None, source: None });
        let Ending::Failed(failure) = run(orders).outcome.ending else { panic!("it ran") };
        assert_eq!((failure.step, failure.object), (Step::Root, "/no/such".into()));
    }

    fn bulk_goes_through_unchanged_and_init_stays_small() {
        let mut sandbox = Sandbox::new();
        let mut client = sandbox.client();
        client.start(orders(&["cat"]));
        let source = noise(20 << 20);
        let mut sender = UnixStream::connect(sandbox.socket()).unwrap();
        let mut got = Vec::new();
        let mut closed = false;
        let mut at = 0;
        // Send what credit allows, take what comes.
        while got.len() < source.len() {
            let room = usize::try_from(client.credit - client.sent).unwrap().min(32 * 1024).min(source.len() - at);
            if room > 0 {
                let frame = client.input_frame(&source[at..at + room]);
                client.socket.write_all(&frame).unwrap();
                client.sent += room as u64;
                at += room;
                continue;
            }
            if at == source.len() && !closed {
                client.say(&ToInit::CloseInput);
                closed = true;
            }
            if let Heard::Output(stream, offset, bytes) = client.hear() {
                assert_eq!((stream, offset), (stream::OUT, got.len() as u64));
                got.extend(bytes);
            }
        }
        assert!(got == source, "other bytes");
        let memory = sandbox.memory();
        assert!(memory < 32 << 20, "{memory} bytes");
        sender.write_all(b"noise of another client").unwrap();
        assert_eq!(client.finish().code(), Some(0));
        sandbox.wait_for_end();
    }

    fn both_outputs_at_once_lose_nothing() {
        let count = 3 << 20;
        let finished = run(sh(&format!(
            "head -c {count} /dev/zero & head -c {count} /dev/zero >&2 & wait"
        )));
        assert_eq!((finished.out.len(), finished.err.len()), (count, count));
    }

    fn a_reader_that_takes_nothing_holds_the_command_up() {
        let sandbox = Sandbox::new();
        let mut client = sandbox.client();
        client.acks = false;
        client.start(sh("head -c 3000000 /dev/zero; echo done >&2"));
        let mut count = 0;
        while count < 1 << 20 {
            if let Heard::Output(stream::OUT, _, bytes) = client.hear() {
                count += bytes.len();
            }
        }
        assert_eq!(count, 1 << 20, "a window and no more");
        client.socket.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
        let more = client.socket.read(&mut [0; 1]);
        assert!(more.is_err(), "it goes on without its reader");
        client.socket.set_read_timeout(Some(PATIENCE)).unwrap();
        client.acks = true;
        client.say(&ToInit::Ack { stream: stream::OUT, offset: count as u64 });
        let finished = client.finish();
        assert_eq!((finished.out.len() + count, &finished.err[..]), (3_000_000, &b"done\n"[..]));
    }

    fn input_ends_and_closed_pipes_are_felt() {
        let sandbox = Sandbox::new();
        let mut client = sandbox.client();
        client.start(orders(&["wc", "-c"]));
        client.input(&[b'x'; 300_000]);
        client.say(&ToInit::CloseInput);
        assert_eq!(client.finish().text().trim(), "300000");

        let sandbox = Sandbox::new();
        let mut client = sandbox.client();
        client.start(orders(&["yes"]));
        client.until_text("y\n");
        client.say(&ToInit::CloseOutput { stream: stream::OUT });
        assert_eq!(client.finish().outcome.ending, Ending::Signalled { signal: 13, stopped: false });
    }

    fn a_command_that_closes_its_input_says_so() {
        let sandbox = Sandbox::new();
        let mut client = sandbox.client();
        client.start(sh("exec <&-; echo closed; sleep 60"));
        client.until_text("closed");
        client.input(&[0; 100_000]);
        client.until(|message| *message == FromInit::InputClosed);
        client.say(&ToInit::Stop { grace: 5000 });
        assert_eq!(client.finish().outcome.ending, Ending::Signalled { signal: 15, stopped: true });
    }

    fn a_terminal_has_a_size_and_a_leader() {
        let sandbox = Sandbox::new();
        let mut client = sandbox.client();
        client.start(on_terminal(orders(&["sh", "-i"]), 91, 31));
        client.input(b"stty size; tty; test -t 0 -a -t 1 -a -t 2 && echo $((70+7))\n");
        let shown = client.until_text("77");
        assert!(shown.contains("31 91") && shown.contains("/dev/pts/0"), "{shown}");
        client.say(&ToInit::Resize(Size { columns: 100, rows: 40 }));
        client.input(b"stty size\n");
        client.until_text("40 100");
        // Ctrl+C and Ctrl+Z: terrariumctl's own tests, which wait for the job.
        client.input(b"exit 3\n");
        assert_eq!(client.finish().code(), Some(3));
    }

    fn a_terminal_outlives_its_last_open_end() {
        let finished = run(on_terminal(
            sh("(exec </dev/null >/dev/null 2>&1; exec sleep 0.2)& exec </dev/null >/dev/null 2>&1; \
                sleep 0.4; echo again >/dev/tty; exit 4"), 80, 25));
        assert_eq!((finished.text().as_str(), finished.code()), ("again\r\n", Some(4)));
    }

    fn a_burst_after_a_pause_is_not_lost_on_a_terminal() {
        let sandbox = Sandbox::new();
        let mut client = sandbox.client();
        client.start(on_terminal(sh("echo first; sleep 6; head -c 4000000 /dev/zero; echo last"), 80, 25));
        client.until_text("first\r\n");
        let finished = client.finish();
        assert_eq!((finished.out.len(), finished.outcome.dropped), (4_000_006, 0));
    }

    fn nobody_at_a_terminal_means_that_the_oldest_goes() {
        let sandbox = Sandbox::new();
        let mut client = sandbox.client();
        let mut orders = on_terminal(sh("head -c 3000000 /dev/zero; echo end; sleep 60"), 80, 25);
        orders.lifetime = Lifetime::Kept;
        client.start(orders);
        client.until(|message| matches!(message, FromInit::Started { .. }));
        drop(client);
        eventually("all output", || {
            let status = sandbox.client().status.unwrap();
            status.streams[0].end == 3_000_005
        });
        let mut client = sandbox.client();
        client.say(&ToInit::Attach { keyboard: true, out: None, err: None });
        let shown = client.until_text("end");
        assert!(shown.len() <= 1 << 20, "{} bytes", shown.len());
        client.say(&ToInit::Stop { grace: 0 });
        assert!(client.finish().outcome.dropped > 1_900_000);
    }

    fn whoever_comes_to_a_terminal_sees_whole_lines() {
        let sandbox = Sandbox::new();
        let mut client = sandbox.client();
        // 23 bytes do not go into 1 MiB: the oldest one that is kept is cut.
        let lines = "yes '\u{1b}[38;5;196mcolourful' | head -n 60000; echo end; sleep 60";
        let mut orders = on_terminal(sh(lines), 80, 25);
        orders.lifetime = Lifetime::Kept;
        client.start(orders);
        client.until_text("end");
        drop(client);
        let mut client = sandbox.client();
        client.say(&ToInit::Attach { keyboard: true, out: None, err: None });
        let shown = client.until_text("end");
        assert!(shown.len() > 1_000_000 && shown.starts_with("\u{1b}[38;5;196mcolourful\r\n"), "{:?}", shown.get(..60));
        client.say(&ToInit::Stop { grace: 0 });
        client.finish();
    }

    fn a_client_killed_in_a_frame_and_the_next_get_all() {
        let mut sandbox = Sandbox::new();
        let mut client = sandbox.client();
        let mut orders = sh("i=0; while [ $i -lt 30000 ]; do i=$((i+1)); echo $i; done; exit 9");
        orders.lifetime = Lifetime::Kept;
        client.start(orders);
        let mut text = client.until_text("\n700\n");
        let half = client.input_frame(&[0; 1000]);
        client.socket.write_all(&half[..500]).unwrap();
        let from = client.received[1];
        drop(client);
        let mut client = sandbox.client();
        client.say(&ToInit::Attach { keyboard: true, out: Some(from), err: None });
        let finished = client.finish();
        text.push_str(&finished.text());
        let expected: String = (1..=30000).map(|i| format!("{i}\n")).collect();
        assert!(text == expected, "{} of {} bytes", text.len(), expected.len());
        assert_eq!(finished.code(), Some(9));
        sandbox.wait_for_end();
    }

    fn several_clients_see_it_and_one_has_the_keyboard() {
        let mut sandbox = Sandbox::new();
        let mut first = sandbox.client();
        first.start(on_terminal(orders(&["sh", "-c", "read line; echo got $line; read more; exit 2"]), 80, 25));
        first.until(|message| *message == FromInit::Keyboard { yours: true });
        let mut second = sandbox.client();
        assert_eq!((second.status.as_ref().unwrap().state, second.status.as_ref().unwrap().viewers), (State::Running, 1));
        second.say(&ToInit::Attach { keyboard: true, out: None, err: None });
        second.until(|message| *message == FromInit::Keyboard { yours: true });
        first.until(|message| *message == FromInit::Keyboard { yours: false });
        let ignored = first.input_frame(b"from the first\n");
        first.socket.write_all(&ignored).unwrap();
        second.until(|message| matches!(message, FromInit::Credit { .. }));
        second.say(&ToInit::Resize(Size { columns: 50, rows: 10 }));
        first.until(|message| *message == FromInit::Resized(Size { columns: 50, rows: 10 }));
        second.input(b"hello\n");
        first.until_text("got hello");
        second.until_text("got hello");
        second.input(b"\n");
        assert_eq!(first.finish_quietly().code(), Some(2));
        assert_eq!(second.finish().code(), Some(2));
        sandbox.wait_for_end();
    }

    fn orphans_neither_stay_nor_lend_their_status() {
        let mut sandbox = Sandbox::new();
        let mut client = sandbox.client();
        client.start(sh("(sleep 0.1; exit 5) & (trap '' TERM; sleep 1000; echo late) & exit 6"));
        let finished = client.finish_quietly();
        assert_eq!((finished.code(), finished.text().as_str()), (Some(6), ""));
        assert!(finished.outcome.duration < 1500, "the command's own time: {}", finished.outcome.duration);
        client.say(&ToInit::Received);
        assert!(sandbox.wait_for_end() < Duration::from_secs(1));
    }

    fn until_all_waits_for_the_last() {
        let mut orders = sh("(sleep 0.4; echo late) & exit 6");
        orders.until = Until::All;
        let finished = run(orders);
        assert_eq!((finished.code(), finished.text().as_str()), (Some(6), "late\n"));
    }

    fn stop_asks_and_then_does_not() {
        let mut sandbox = Sandbox::new();
        let mut client = sandbox.client();
        client.start(sh("trap '' TERM; echo ready; while :; do sleep 1000; done"));
        client.until_text("ready");
        sandbox.client().say(&ToInit::Stop { grace: 300 });
        assert_eq!(client.finish().outcome.ending, Ending::Signalled { signal: 9, stopped: true });
        sandbox.wait_for_end();
    }

    fn a_shell_on_a_terminal_is_hung_up_and_nobody_waits_for_the_grace() {
        // It ignores TERM; so does what it has in the foreground.
        let stop = |script: &str, ready: &str| {
            let sandbox = Sandbox::new();
            let mut client = sandbox.client();
            client.start(on_terminal(orders(&["bash", "--norc", "-i"]), 80, 25));
            client.input(script.as_bytes());
            client.until_text(ready);
            sandbox.client().say(&ToInit::Stop { grace: 30_000 });
            client.finish()
        };
        let hung_up = Ending::Signalled { signal: 1, stopped: true };
        assert_eq!(stop("echo re''ady\n", "ready\r\n").outcome.ending, hung_up);
        let below = "sh -c \"trap '' TERM; echo re''ady; exec sleep 1003\"\n";
        assert_eq!(stop(below, "ready\r\n").outcome.ending, hung_up);
        assert!(!is_running("sleep\x001003"));
        // What somebody does about that, and says, is its own.
        let own = format!("exec sh -c \"{HUNG_UP}\"\n");
        let own = stop(&own, "ready\r\n");
        assert!(own.code() == Some(5) && own.text().contains("bye\r\n"), "{:?} {}", own.code(), own.text());
    }

    fn who_takes_term_is_not_hung_up() {
        let waits = "echo ready; while :; do sleep 0.05; done";
        let stop = |script: &str, on_a_terminal: bool, grace: u32| {
            let sandbox = Sandbox::new();
            let mut client = sandbox.client();
            let plain = sh(&format!("{script}; {waits}"));
            client.start(if on_a_terminal { on_terminal(plain, 80, 25) } else { plain });
            client.until_text("ready");
            sandbox.client().say(&ToInit::Stop { grace });
            client.finish().outcome.ending
        };
        // It needs a moment for what it does, in which HUP would end it.
        let cleans = "trap 'sleep 0.5; exit 6' TERM";
        assert_eq!(stop(cleans, true, 30_000), Ending::Exited { code: 6 });
        // Nor does anybody without a terminal get what belongs to one.
        let killed = Ending::Signalled { signal: 9, stopped: true };
        assert_eq!(stop("trap '' TERM; trap 'exit 7' HUP", false, 300), killed);
        assert_eq!(stop("trap '' TERM HUP", true, 300), killed);
    }

    fn a_shell_beside_the_command_is_hung_up_when_that_has_ended() {
        let mut sandbox = Sandbox::new();
        let mut client = sandbox.client();
        client.start(sh("echo ready; read line; exit 3"));
        client.until_text("ready");
        let mut beside = sandbox.client();
        let mut shell = command(&["sh", "-c", HUNG_UP]);
        shell.terminal = Some(Size { columns: 80, rows: 25 });
        beside.say(&ToInit::Exec(Box::new(shell)));
        beside.until_text("ready\r\n");
        client.input(b"\n");
        let finished = beside.finish();
        assert!(finished.code() == Some(5) && finished.text().contains("bye\r\n"), "{}", finished.text());
        assert_eq!(client.finish().code(), Some(3));
        sandbox.wait_for_end();
    }

    fn a_foreground_sandbox_ends_with_its_client() {
        let sandbox = Sandbox::new();
        let mut client = sandbox.client();
        // More output than anybody takes, and a part that ignores TERM.
        client.start(sh("trap '' TERM; echo ready; head -c 3000000 /dev/zero; sleep 1000"));
        client.until_text("ready");
        drop(client);
        eventually("the end", || sandbox.client().status.unwrap().state == State::Finished);
        let mut client = sandbox.client();
        let outcome = client.status.clone().unwrap().result.unwrap();
        assert_eq!(outcome.ending, Ending::Signalled { signal: 9, stopped: false });
        client.say(&ToInit::Attach { keyboard: true, out: None, err: None });
        client.finish();
    }

    fn a_foreground_sandbox_of_many_ends_with_its_client() {
        let sandbox = Sandbox::new();
        let mut client = sandbox.client();
        let mut orders = sh("sleep 1000 & echo ready; exit 1");
        orders.until = Until::All;
        client.start(orders);
        client.until_text("ready");
        drop(client);
        eventually("the end", || sandbox.client().status.unwrap().state == State::Finished);
    }

    fn exec_runs_beside_the_command() {
        let sandbox = Sandbox::new();
        let mut client = sandbox.client();
        client.start(sh("echo here > /tmp/mark; echo ready; sleep 1000"));
        client.until_text("ready");
        let mut other = sandbox.client();
        other.say(&ToInit::Exec(Box::new(command(&["sh", "-c",
            "cat /tmp/mark; cat; id -u; readlink /proc/self/ns/user /proc/self/ns/mnt /proc/self/ns/cgroup; exit 3"]))));
        other.until(|message| matches!(message, FromInit::Credit { .. }));
        other.input(b"typed\n");
        other.say(&ToInit::CloseInput);
        let finished = other.finish();
        assert!(finished.text().starts_with("here\ntyped\n1234\n"), "{}", finished.text());
        assert_eq!(finished.code(), Some(3));
        // The same conversation may run another, whose children linger.
        other.say(&ToInit::Exec(Box::new(command(&["sh", "-c", "sleep 1000 & exit 4"]))));
        assert_eq!(other.finish().code(), Some(4));
        other.say(&ToInit::Exec(Box::new(command(&["nosuch"]))));
        assert!(matches!(other.finish().outcome.ending, Ending::Failed(_)));
        // One whose client leaves goes too.
        other.say(&ToInit::Exec(Box::new(command(&["sh", "-c", "trap '' HUP; echo up; exec sleep 1002"]))));
        other.until_text("up");
        eventually("its start", || is_running("sleep\x001002"));
        drop(other);
        eventually("its end", || !is_running("sleep\x001002"));
        client.say(&ToInit::Stop { grace: 1000 });
        assert_eq!(client.finish().outcome.ending, Ending::Signalled { signal: 15, stopped: true });
    }

    fn detached_output_drops_its_oldest_and_counts() {
        let sandbox = Sandbox::new();
        let mut client = sandbox.client();
        let mut orders = sh("head -c 3000000 /dev/zero; exit 0");
        orders.lifetime = Lifetime::Detached;
        client.acks = false;
        client.start(orders);
        client.until(|message| matches!(message, FromInit::Started { .. }));
        drop(client);
        eventually("the end", || sandbox.client().status.unwrap().state == State::Finished);
        let mut client = sandbox.client();
        client.say(&ToInit::Attach { keyboard: true, out: Some(0), err: None });
        let (gone, _) = client.until(|message| matches!(message, FromInit::Gone { .. }));
        assert_eq!(gone, FromInit::Gone { stream: stream::OUT, bytes: 3_000_000 - (1 << 20) });
        let finished = client.finish();
        assert_eq!((finished.out.len(), finished.outcome.dropped), (1 << 20, 3_000_000 - (1 << 20)));
    }

    fn nonsense_is_refused_and_the_conversation_goes_on() {
        let sandbox = Sandbox::new();
        let mut client = sandbox.client();
        let refused = |client: &mut Client, message: &ToInit| {
            client.say(message);
            client.until(|message| matches!(message, FromInit::Refused { .. })).0
        };
        let attach = ToInit::Attach { keyboard: false, out: None, err: None };
        assert_eq!(refused(&mut client, &attach), FromInit::Refused { why: Refusal::NotStarted });
        let exec = ToInit::Exec(Box::new(command(&["true"])));
        assert_eq!(refused(&mut client, &exec), FromInit::Refused { why: Refusal::NotStarted });
        client.start(sh("sleep 1000"));
        let again = ToInit::Start(Box::new(sh("true")));
        assert_eq!(refused(&mut client, &again), FromInit::Refused { why: Refusal::AlreadyStarted });
        client.say(&ToInit::Ping { id: 77 });
        client.until(|message| *message == FromInit::Pong { id: 77 });
        // Another version is told so, and gets nothing else.
        let mut other = Client::greet(UnixStream::connect(sandbox.socket()).unwrap(), 99);
        let Some(Heard::Message(first)) = other.try_listen() else { panic!("no answer") };
        assert_eq!(first, FromInit::Refused { why: Refusal::Version });
        // A client that asks without end and reads nothing is given up.
        let mut flood = sandbox.client();
        let asks = |flood: &mut Client| {
            let json = serde_json::to_vec(&ToInit::Ping { id: 1 }).unwrap();
            let frame = {
                let mut out = Vec::new();
                for _ in 0..2000 {
                    terrarium_protocol::frame::encode(flood.tag(), terrarium_protocol::Kind::Control, &json, &mut out);
                }
                out
            };
            flood.socket.set_write_timeout(Some(PATIENCE)).unwrap();
            (0..1000).any(|_| flood.socket.write_all(&frame).is_err())
        };
        assert!(asks(&mut flood), "a flood is taken");
        assert!(sandbox.memory() < 32 << 20);
        client.say(&ToInit::Stop { grace: 100 });
        client.finish();
    }

    fn term_ends_it_at_once() {
        let mut sandbox = Sandbox::new();
        let mut client = sandbox.client();
        client.start(sh("trap '' TERM; echo ready; while :; do sleep 1; done"));
        client.until_text("ready");
        // SAFETY: sends a signal to a process of this test.
        unsafe { libc::kill(sandbox.init(), libc::SIGTERM) };
        assert!(sandbox.wait_for_end() < Duration::from_millis(400));
    }
}
