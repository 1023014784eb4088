// SPDX-License-Identifier: LGPL-2.1-or-later
//! Output, input and status, byte for byte, in real sandboxes.

use crate::common::bytes::{bulk, kib, numbered, watch_memory, PIECE};
use crate::common::*;
use std::io::{Read, Write};
use std::process::Stdio;

for_both! {
    fn streams_are_apart_and_the_status_is_the_commands(glass: Glass) {
        let output = sh(glass, "echo out; echo err >&2; exit 7");
        assert_eq!((out(&output).as_str(), err(&output).as_str(), output.status.code()), ("out\n", "err\n", Some(7)));
    }
}

for_both! {
    machine at full scale:
    fn ends_other_than_exit_are_told_apart(glass: Glass) {
        assert_eq!(sh(glass, "kill -KILL $$").status.code(), Some(137));
        let missing = run(glass, &[], &["/no/such"]).output().unwrap();
        assert_eq!(missing.status.code(), Some(127), "{}", err(&missing));
        assert!(err(&missing).contains("/no/such") && out(&missing).is_empty());
        let data = run(glass, &[], &["/etc/passwd"]).output().unwrap();
        assert_eq!(data.status.code(), Some(126), "{}", err(&data));
    }
}

for_both! {
    fn input_reaches_its_end(glass: Glass) {
        let mut child = run(glass, &[], &["wc", "-c"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        feed(&mut child, vec![b'x'; 12_345]).join().unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!((out(&output).trim(), output.status.code()), ("12345", Some(0)));
    }
}

for_both! {
    fn bulk_through_cat_is_unchanged_and_takes_little_memory(glass: Glass) {
        let source = noise(bulk(glass));
        let mut child = run(glass, &[], &["sh", "-c", "cat; grep VmHWM /proc/1/status >&2"])
            .stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let ours = watch_memory(child.id());
        let feeder = feed(&mut child, source.clone());
        let output = child.wait_with_output().unwrap();
        feeder.join().unwrap();
        assert_eq!(output.status.code(), Some(0));
        assert!(output.stdout == source, "{} of {} bytes came back", output.stdout.len(), source.len());
        takes_little(&err(&output), ours);
    }
}

/// What init said of itself, and what was watched of terrariumctl.
fn takes_little(words: &str, ours: std::thread::JoinHandle<u64>) {
    let init = kib(words).unwrap_or_else(|| panic!("{words}"));
    assert!((1..32 << 10).contains(&init), "init took {init} KiB");
    let ours = ours.join().unwrap();
    assert!((1..64 << 10).contains(&ours), "terrariumctl took {ours} KiB");
}

for_both! {
    fn both_outputs_at_once_lose_nothing(glass: Glass) {
        let pieces = bulk(glass) / 2 / PIECE;
        let ((writes, out), (complains, err)) = (numbered(0, pieces), numbered(pieces, pieces));
        let script = format!("{writes} & {complains} >&2 & wait; grep VmHWM /proc/1/status");
        let child = run(glass, &[], &["sh", "-c", &script]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let ours = watch_memory(child.id());
        let output = child.wait_with_output().unwrap();
        assert!(output.stderr == err, "{} of {} bytes came, or others", output.stderr.len(), err.len());
        let (bytes, memory) = output.stdout.split_at(out.len().min(output.stdout.len()));
        assert!(bytes == out, "{} of {} bytes came, or others", output.stdout.len(), out.len());
        takes_little(&String::from_utf8_lossy(memory), ours);
    }
}

for_both! {
    machine at full scale:
    fn a_closed_output_gives_sigpipe(glass: Glass) {
        let mut child = run(glass, &[], &["yes"]).stdout(Stdio::piped()).spawn().unwrap();
        let mut stdout = child.stdout.take().unwrap();
        stdout.read_exact(&mut [0; 10]).unwrap();
        drop(stdout);
        assert_eq!(child.wait().unwrap().code(), Some(141));
    }
}

for_both! {
    machine at full scale:
    fn names_and_output_need_not_be_utf_8(glass: Glass) {
        use std::os::unix::ffi::OsStrExt;
        let odd = std::ffi::OsStr::from_bytes(b"a\xffb\ncd");
        let output = run(glass, &[], &["printf", "%s|"]).arg(odd).output().unwrap();
        assert_eq!(output.stdout, b"a\xffb\ncd|");
    }
}

#[test]
fn a_broken_profile_says_every_problem_and_125() {
    let user = User::Plain;
    let mut file = tempfile::Builder::new().suffix(".terrarium").tempfile().unwrap();
    file.write_all(
        b"version = 1\nname = \"x\"\nnonsense = 1\n[command]\nargv = [\"true\"]\n[limits]\nmemori = 1\n",
    )
    .unwrap();
    std::fs::set_permissions(file.path(), std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
    let output = user.ctl().args(["run", "--profile"]).arg(file.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(125));
    let text = err(&output);
    assert!(text.contains("nonsense") && text.contains('3'), "{text}");
    assert!(out(&output).is_empty());
}
