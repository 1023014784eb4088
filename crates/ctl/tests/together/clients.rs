// SPDX-License-Identifier: LGPL-2.1-or-later
//! Clients that stop reading, are killed, or are not alone.

use crate::common::bytes::{bulk, kib, source, watch_memory, PIECE};
use crate::common::*;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A number below `most`, another one in each run. `TERRARIUM_TEST_SEED` has
/// the one that was printed when a test failed.
fn random(most: usize) -> usize {
    let now = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64;
    let seed =
        std::env::var("TERRARIUM_TEST_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(now);
    println!("TERRARIUM_TEST_SEED={seed}");
    (seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 16) as usize % most
}

fn assert_same(got: &[u8], expected: &[u8]) {
    let first = got.iter().zip(expected).position(|(a, b)| a != b);
    assert!(got == expected, "{} of {} bytes, the first other one at {first:?}", got.len(), expected.len());
}

/// SIGKILL to a client: `setpriv` has become it.
fn kill(client: &mut Child) {
    client.kill().unwrap();
    client.wait().unwrap();
}

for_both! {
    fn a_reader_that_stops_holds_the_command_up_and_loses_nothing(glass: Glass) {
        let (script, expected) = source(bulk(glass) / 2 / PIECE);
        let mut child =
            run(glass, &[], &["sh", "-c", &script]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let ours = watch_memory(child.id());
        let mut got = vec![0; 100];
        let mut stdout = child.stdout.take().unwrap();
        stdout.read_exact(&mut got).unwrap();
        std::thread::sleep(Duration::from_secs(scaled(3, 30)));
        assert!(child.try_wait().unwrap().is_none(), "it must wait for its reader");
        stdout.read_to_end(&mut got).unwrap();
        let output = child.wait_with_output().unwrap();
        assert_same(&got, &expected);
        assert_eq!(output.status.code(), Some(0));
        let init = kib(&err(&output)).unwrap_or_else(|| panic!("{}", err(&output)));
        assert!((1..32 << 10).contains(&init), "init took {init} KiB");
        let ours = ours.join().unwrap();
        assert!((1..64 << 10).contains(&ours), "terrariumctl took {ours} KiB");
    }
}

for_both! {
    fn a_client_killed_at_any_byte_and_the_next_one_get_all_together(glass: Glass) {
        let (script, expected) = source(bulk(glass) / PIECE);
        let name = fresh_name("resume");
        let user = glass.user();
        let _stop = Stop { user, name: name.clone() };
        let mut child =
            run(glass, &["-n", &name], &["sh", "-c", &script]).stdout(Stdio::piped()).spawn().unwrap();
        let mut got = vec![0; 1 + random(expected.len() - 1)];
        let mut stdout = child.stdout.take().unwrap();
        stdout.read_exact(&mut got).unwrap();
        kill(&mut child);
        stdout.read_to_end(&mut got).unwrap();
        let mut attach = user.ctl();
        attach.args(["attach", &name, "--from", &got.len().to_string()]).stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = attach.spawn().unwrap();
        let ours = watch_memory(child.id());
        let rest = child.wait_with_output().unwrap();
        assert_eq!(rest.status.code(), Some(0), "{}", err(&rest));
        got.extend(rest.stdout);
        assert_same(&got, &expected);
        let ours = ours.join().unwrap();
        assert!((1..64 << 10).contains(&ours), "terrariumctl took {ours} KiB");
    }
}

/// `attach` with some options, and its output.
fn attach(sandbox: &Stop, options: &[&str]) -> (Child, BufReader<std::process::ChildStdout>) {
    let mut ctl = sandbox.user.ctl();
    ctl.args(["attach", &sandbox.name]).args(options).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = ctl.spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap());
    (child, lines)
}

fn read_line(lines: &mut impl BufRead) -> String {
    let mut line = String::new();
    lines.read_line(&mut line).unwrap();
    line
}

for_both! {
    machine at full scale:
    // One has the keyboard and is killed; one watches all the time; the next
    // takes the keyboard and goes on where the first was.
    fn a_killed_client_leaves_those_beside_it_alone(glass: Glass) {
        let sandbox = detached(glass, "echo ready; while read x; do echo \"got $x\"; [ $x = end ] && exit 6; done");
        let (watcher, mut watched) = attach(&sandbox, &["--watch"]);
        assert_eq!(read_line(&mut watched), "ready\n");
        let (mut first, mut lines) = attach(&sandbox, &["--from", "0"]);
        assert_eq!(read_line(&mut lines), "ready\n");
        fifth_client(&sandbox, glass);
        for word in ["one", "two"] {
            std::io::Write::write_all(first.stdin.as_mut().unwrap(), format!("{word}\n").as_bytes()).unwrap();
            assert_eq!(read_line(&mut lines), format!("got {word}\n"));
        }
        kill(&mut first);
        let (mut second, mut lines) = attach(&sandbox, &["--from", "14"]);
        std::io::Write::write_all(second.stdin.as_mut().unwrap(), b"end\n").unwrap();
        assert_eq!(read_line(&mut lines), "got two\n");
        assert_eq!(read_line(&mut lines), "got end\n");
        assert_eq!(second.wait().unwrap().code(), Some(6));
        let mut text = String::new();
        watched.read_to_string(&mut text).unwrap();
        assert_eq!(text, "got one\ngot two\ngot end\n");
        assert_eq!(watcher.wait_with_output().unwrap().status.code(), Some(6));
    }
}

/// Beside two clients there is room for two more; with those a machine's ports
/// are taken, and a container has more.
fn fifth_client(sandbox: &Stop, glass: Glass) {
    let watch = || attach(sandbox, &["--watch", "--from", "0"]);
    let mut more = [watch(), watch()];
    for (_, lines) in &mut more {
        assert_eq!(read_line(lines), "ready\n");
    }
    if glass == Glass::Container {
        let (mut fifth, mut lines) = watch();
        assert_eq!(read_line(&mut lines), "ready\n");
        kill(&mut fifth);
    } else {
        let output = sandbox.user.ctl().args(["attach", "--watch", &sandbox.name]).output().unwrap();
        assert_eq!((output.status.code(), out(&output).as_str()), (Some(125), ""), "{}", err(&output));
        assert!(
            err(&output).contains("Four windows or terminals use this virtual machine already."),
            "{}",
            err(&output)
        );
    }
    more.iter_mut().for_each(|(client, _)| kill(client));
}

/// A result waits for somebody who asks: a minute in the foreground, else for
/// days. With full durations that minute passes.
#[test]
fn a_result_is_kept_for_who_may_come() {
    for glass in [Glass::Container, Glass::Machine] {
        if glass == Glass::Machine && !full() {
            continue;
        }
        let (user, name) = (glass.user(), fresh_name("lost"));
        let kept = detached(glass, "exit 5");
        let _stop = Stop { user, name: name.clone() };
        let script = "trap 'exit 3' TERM; echo begun; while :; do sleep 0.1; done";
        let mut lost =
            run(glass, &["-n", &name], &["sh", "-c", script]).stdout(Stdio::piped()).spawn().unwrap();
        lost.stdout.as_mut().unwrap().read_exact(&mut [0; 6]).unwrap();
        kill(&mut lost);
        let state = |name: &str| listed(user, name).map(|one| one["state"].clone());
        wait_for("its end", Duration::from_secs(20), || {
            state(&name).is_some_and(|state| state == "finished")
        });
        if full() {
            std::thread::sleep(Duration::from_secs(50));
            assert!(state(&name).is_some_and(|state| state == "finished"), "it did not wait a minute");
            std::thread::sleep(Duration::from_secs(20));
            assert_eq!(state(&name), None, "it waits longer than a minute");
        } else {
            let late = user.ctl().args(["attach", &name]).stdin(Stdio::null()).output().unwrap();
            assert_eq!(late.status.code(), Some(3), "{}", err(&late));
        }
        assert!(state(&kept.name).is_some_and(|state| state == "finished"));
        let late = user.ctl().args(["attach", &kept.name]).stdin(Stdio::null()).output().unwrap();
        assert_eq!(late.status.code(), Some(5), "{}", err(&late));
        assert_eq!(state(&kept.name), None, "it has been heard");
    }
}
