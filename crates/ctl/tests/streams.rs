// SPDX-License-Identifier: LGPL-2.1-or-later
//! Output, input and status, byte for byte, in real sandboxes.

#[macro_use]
mod common;

use common::*;
use std::io::{Read, Write};
use std::process::Stdio;
use std::time::Duration;

/// Bytes that go through in the bulk tests.
fn bulk(glass: Glass) -> usize {
    scaled(if glass == Glass::Container { 24 } else { 4 }, 200) << 20
}

for_both! {
    fn streams_are_apart_and_the_status_is_the_commands(glass: Glass) {
        let output = sh(glass, "echo out; echo err >&2; exit 7");
        assert_eq!((out(&output).as_str(), err(&output).as_str(), output.status.code()), ("out\n", "err\n", Some(7)));
    }
}

for_both! {
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
        let init = kib(&err(&output)).unwrap_or_else(|| panic!("{}", err(&output)));
        assert!((1..32 << 10).contains(&init), "init took {init} KiB");
        let ours = ours.join().unwrap();
        assert!((1..64 << 10).contains(&ours), "terrariumctl took {ours} KiB");
    }
}

/// The number in `VmHWM:   1234 kB`.
fn kib(text: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().trim_end_matches(" kB").parse().ok()
}

/// The most memory that a process had, in KiB, told when it has ended.
fn watch_memory(pid: u32) -> std::thread::JoinHandle<u64> {
    std::thread::spawn(move || {
        let mut most = 0;
        while let Some(now) =
            std::fs::read_to_string(format!("/proc/{pid}/status")).ok().and_then(|text| kib(&text))
        {
            most = now;
            std::thread::sleep(Duration::from_millis(5));
        }
        most
    })
}

for_both! {
    fn both_outputs_at_once_lose_nothing(glass: Glass) {
        let count = bulk(glass) / 2;
        let script = format!(
            "head -c {count} /dev/zero | tr '\\0' o & head -c {count} /dev/zero | tr '\\0' e >&2 & wait"
        );
        let output = sh(glass, &script);
        assert_eq!((output.stdout.len(), output.stderr.len()), (count, count));
        assert!(output.stdout.iter().all(|&byte| byte == b'o') && output.stderr.iter().all(|&byte| byte == b'e'));
    }
}

for_both! {
    fn a_reader_that_stops_holds_the_command_up_and_loses_nothing(glass: Glass) {
        let count = 8usize << 20;
        let script = format!("head -c {count} /dev/zero; echo done >&2");
        let mut child =
            run(glass, &[], &["sh", "-c", &script]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut first = vec![0; 100];
        let mut stdout = child.stdout.take().unwrap();
        stdout.read_exact(&mut first).unwrap();
        std::thread::sleep(Duration::from_secs(scaled(3, 30)));
        assert!(child.try_wait().unwrap().is_none(), "it must wait for its reader");
        let mut rest = Vec::new();
        stdout.read_to_end(&mut rest).unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!(rest.len() + first.len(), count);
        assert_eq!((err(&output).as_str(), output.status.code()), ("done\n", Some(0)));
    }
}

for_both! {
    fn a_closed_output_gives_sigpipe(glass: Glass) {
        let mut child = run(glass, &[], &["yes"]).stdout(Stdio::piped()).spawn().unwrap();
        let mut stdout = child.stdout.take().unwrap();
        stdout.read_exact(&mut [0; 10]).unwrap();
        drop(stdout);
        assert_eq!(child.wait().unwrap().code(), Some(141));
    }
}

for_both! {
    fn a_killed_client_and_the_next_one_get_every_byte_together(glass: Glass) {
        let count = bulk(glass) / 4;
        let name = fresh_name("resume");
        let user = glass.user();
        let _stop = Stop { user, name: name.clone() };
        // The same bytes in every run, made inside.
        let script = format!("perl -e '$x=1; $s=\"\"; for (1..{}) {{ $x=($x*1103515245+12345)%2147483648; \
             $s.=pack(\"V\",$x); if (length($s)>65536) {{ print $s; $s=\"\" }} }} print $s'", count / 4);
        let mut child =
            run(glass, &["-n", &name], &["sh", "-c", &script]).stdout(Stdio::piped()).spawn().unwrap();
        let mut begun = vec![0; count / 3 + 1237];
        let mut stdout = child.stdout.take().unwrap();
        stdout.read_exact(&mut begun).unwrap();
        kill_client(user, &name);
        stdout.read_to_end(&mut begun).unwrap();
        child.wait().unwrap();
        let rest = user.ctl().args(["attach", &name, "--from", &begun.len().to_string()]).output().unwrap();
        assert_eq!(rest.status.code(), Some(0), "{}", err(&rest));
        begun.extend(rest.stdout);
        let mut x = 1u64;
        let expected: Vec<u8> = (0..count / 4)
            .flat_map(|_| {
                x = (x * 1_103_515_245 + 12_345) % 2_147_483_648;
                (x as u32).to_le_bytes()
            })
            .collect();
        assert!(begun == expected, "{} of {} bytes, or other ones", begun.len(), expected.len());
    }
}

/// SIGKILL to the terrariumctl that runs the sandbox `name`.
fn kill_client(user: User, name: &str) {
    let pattern = format!("terrariumctl run .*-n {name} ");
    let status = user.command("pkill").args(["-KILL", "-f", &pattern]).status().unwrap();
    assert!(status.success(), "there is no client to kill");
}

for_both! {
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
