// SPDX-License-Identifier: LGPL-2.1-or-later
//! System calls that a sandbox's program must not reach, in all the ways that
//! this processor has of making them.

use crate::common::*;
use std::process::Stdio;

for_both! {
    fn forbidden_system_calls_fail_in_every_way(glass: Glass) {
        let folder = tempfile::tempdir().unwrap();
        let program = std::fs::read(compiled("calls.c", folder.path())).unwrap();
        for (options, user) in [(&[][..], 1), (&["-p"], 0)] {
            let script = "cat >/tmp/calls && chmod +x /tmp/calls && /tmp/calls";
            let mut child = run(glass, options, &["sh", "-c", script])
                .stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
            feed(&mut child, program.clone()).join().unwrap();
            let output = child.wait_with_output().unwrap();
            assert_eq!(out(&output), format!("108 calls refused, with user {user}\n"), "{}", err(&output));
        }
    }
}
