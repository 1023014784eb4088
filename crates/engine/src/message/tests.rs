// SPDX-License-Identifier: LGPL-2.1-or-later
use super::*;
use crate::error::Error;
use crate::plan::{Problem, ProblemKind};
use terrarium_protocol::message::{Ending, Failure, Outcome, Step};
use terrarium_protocol::Bytes;

#[test]
fn values_are_filled_and_never_read_again() {
    assert_eq!(fill("{a} and {b} {c", &[("a", "{b}"), ("b", "x")]), "{b} and x {c");
}

#[test]
fn durations_and_sizes_read_well() {
    let times: Vec<String> = [250, 12_000, 151_000, 3_900_000].into_iter().map(duration).collect();
    assert_eq!(times, ["0.2 s", "12 s", "2 min 31 s", "1 h 5 min"]);
    let sizes: Vec<String> = [37, 1536, 1 << 30, 200 << 20].into_iter().map(size).collect();
    assert_eq!(sizes, ["37 bytes", "1.5 KiB", "1 GiB", "200 MiB"]);
}

#[test]
fn ends_are_named() {
    let title =
        |ending: Ending| outcome(&Outcome { ending, duration: 12_000, out_of_memory: false, dropped: 0 });
    assert_eq!(
        title(Ending::Exited { code: 7 }),
        ("Finished With an Error".into(), "Exit code 7 after 12 s".into())
    );
    let (killed, detail) = title(Ending::Signalled { signal: 11, stopped: false });
    assert_eq!(
        (killed.as_str(), detail.as_str()),
        ("Killed", "Signal SIGSEGV (invalid memory access) after 12 s")
    );
}

#[test]
fn every_step_of_a_start_has_a_sentence_with_its_object() {
    use Step::*;
    let all = [
        Module,
        Root,
        Mount,
        Mask,
        Devices,
        Network,
        Streams,
        Ids,
        Confine,
        Directory,
        NotFound,
        NotExecutable,
    ];
    for step in all {
        let text = failure(&Failure { step, object: Bytes::from("/the/object"), errno: 13 });
        assert!(
            text.contains("/the/object") && text.ends_with('.') && !text.contains('{'),
            "{step:?}: {text}"
        );
    }
}

/// One of each kind; the match makes a new kind fail to compile here.
fn problems() -> Vec<ProblemKind> {
    use ProblemKind as K;
    let path = || "/the/path".into();
    let text = || "value".to_owned();
    let uri = || crate::uri::Uri::LxcSystem;
    let all = vec![
        K::NoCommand,
        K::Nul,
        K::ArgumentTooLong { length: 1 << 20 },
        K::ArgumentsTooLong { length: 3 << 20, limit: 2 << 20 },
        K::VariableName { name: text() },
        K::Name { name: text() },
        K::NotAbsolute { path: path() },
        K::NotShown { path: path(), share: path() },
        K::Memory { asked: 1, least: 2, most: 3 },
        K::Cpus { asked: 9, most: 2 },
        K::Connection { uri: text() },
        K::ConnectionMismatch { uri: text() },
        K::ConnectionUnusable { uri: uri(), state: crate::host::ConnectionState::NotAllowed },
        K::Architecture { arch: text() },
        K::NoKernel { found: Vec::new() },
        K::Kernel { asked: text() },
        K::KvmUnusable { reason: crate::plan::AcceleratorReason::NoDevice },
        K::NoIsolation,
        K::RootUser,
        K::RuntimeTooLong { path: path() },
        K::NotYet { value: text() },
    ];
    for one in &all {
        match one {
            K::NoCommand | K::Nul | K::ArgumentTooLong { .. } | K::ArgumentsTooLong { .. } => {}
            K::VariableName { .. } | K::Name { .. } | K::NotAbsolute { .. } | K::NotShown { .. } => {}
            K::Memory { .. } | K::Cpus { .. } | K::Connection { .. } | K::ConnectionMismatch { .. } => {}
            K::ConnectionUnusable { .. } | K::Architecture { .. } | K::NoKernel { .. } | K::Kernel { .. } => {
            }
            K::KvmUnusable { .. }
            | K::NoIsolation
            | K::RootUser
            | K::RuntimeTooLong { .. }
            | K::NotYet { .. } => {}
        }
    }
    all
}

#[test]
fn every_problem_says_what_and_what_to_do() {
    for what in problems() {
        let found = problem(&Problem { field: "field".into(), what: what.clone() });
        let whole = format!("{} {}", found.text, found.fix);
        assert!(
            found.text.len() > 10 && found.text.ends_with('.') && !whole.contains('{'),
            "{what:?}: {whole}"
        );
        assert!(!found.fix.is_empty() || matches!(what, ProblemKind::ConnectionUnusable { .. }), "{what:?}");
        let line = &lines(&Error::Problems(vec![Problem { field: "field".into(), what }]))[0];
        assert!(line.starts_with("field: "));
    }
}

#[test]
fn words_are_quoted_for_a_shell() {
    assert_eq!([quote("a-b"), quote(""), quote("it's")], ["a-b", "''", "'it'\\''s'"]);
}
