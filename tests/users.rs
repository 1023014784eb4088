// SPDX-License-Identifier: LGPL-2.1-or-later
//! The window as those use it who are not root: one in group libvirt, with a
//! container, and one in no group, with a machine on qemu:///session.

#[path = "scene/program.rs"]
mod program;

use program::{wait_for, Glass, Other, Program, Who};
use std::io::{BufRead, BufReader, Read};
use std::process::Stdio;

/// What `terrariumctl list` knows of the one sandbox that this test started.
fn listed(who: &Other, mark: &str) -> Option<serde_json::Value> {
    let output = who.command("terrariumctl").args(["list", "--json"]).output().expect("terrariumctl");
    let all: Vec<serde_json::Value> = serde_json::from_slice(&output.stdout).expect("a list");
    all.into_iter().find(|one| one["command"].as_str().is_some_and(|command| command.ends_with(mark)))
}

fn runs_and_ends(name: &str, glass: Glass, connection: &str) {
    let who = Other::new(name);
    let program = Program::open(&who);
    let mark = format!("mark-{}", std::process::id());
    program.type_and_run(glass, &format!("sh -c 'echo before; read a; echo \"then $a\"; exit 9' {mark}"));
    let has_spoken = |one: serde_json::Value| one["status"]["streams"][0]["end"].as_u64() > Some(0);
    wait_for("the sandbox", || listed(&who, &mark).is_some_and(has_spoken));
    let one = listed(&who, &mark).expect("the sandbox");
    assert_eq!(one["connection"], connection);
    let uuid = one["uuid"].as_str().expect("a uuid");
    let mut watch = who.command("terrariumctl");
    watch.args(["attach", "--watch", uuid]).stdin(Stdio::null()).stdout(Stdio::piped());
    let mut watch = watch.spawn().expect("terrariumctl");
    let mut told = BufReader::new(watch.stdout.take().expect("a pipe"));
    let mut text = String::new();
    // It is there before the command ends.
    told.read_line(&mut text).expect("text");
    program.types("typed");
    program.key("Return");
    told.read_to_string(&mut text).expect("text");
    assert!(text.starts_with("before") && text.contains("then typed"), "{text}");
    assert_eq!(watch.wait().expect("it ends").code(), Some(9));
    wait_for("its end", || listed(&who, &mark).is_none());
}

#[test]
fn a_member_of_the_group_runs_a_container_and_anybody_a_machine() {
    let own = std::env::var("TERRARIUM_TEST_USER").unwrap_or_else(|_| "terrarium-test".into());
    runs_and_ends(format!("{own}-libvirt").leak(), Glass::Container, "lxc:///system");
    runs_and_ends(own.leak(), Glass::Machine, "qemu:///session");
}
