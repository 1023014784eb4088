// SPDX-License-Identifier: LGPL-2.1-or-later
//! Ends that are asked for, ends that come by themselves, and nothing left
//! after either.

use crate::common::traces::{alone, nothing_is_left, traces};
use crate::common::*;
use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long it may take until nothing is there: a container, a machine.
fn soon(glass: Glass) -> Duration {
    Duration::from_millis(if glass == Glass::Container { 500 } else { 3000 })
}

/// The best of three tries, so that a busy computer does not fail it.
fn best_of_three(glass: Glass, one: impl Fn() -> Duration) {
    let mut times = Vec::new();
    while times.len() < 3 && times.iter().all(|&time| time >= soon(glass)) {
        times.push(one());
    }
    assert!(times.iter().any(|&time| time < soon(glass)), "{glass:?} took {times:?}");
}

for_both! {
    fn stop_now_does_not_ask(glass: Glass) {
        let _alone = alone();
        best_of_three(glass, || {
            let sandbox = detached(glass, "trap '' TERM; echo ready; while :; do sleep 0.1; done");
            let domain = listed(sandbox.user, &sandbox.name).unwrap()["domain"].as_str().unwrap().to_owned();
            let begun = Instant::now();
            assert!(sandbox.user.ctl().args(["stop", "--now", &sandbox.name]).status().unwrap().success());
            let time = begun.elapsed();
            assert!(processes(glass, &domain).is_empty(), "stop came back too early");
            time
        });
    }
}

for_both! {
    // From the command's end until the client is done and the domain gone.
    fn after_the_command_has_ended_it_goes_at_once(glass: Glass) {
        let _alone = alone();
        best_of_three(glass, || {
            let name = fresh_name("ends");
            let mut child = run(glass, &["-n", &name], &["sh", "-c", "echo begun; read x; exit 4"])
                .stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
            std::io::Read::read_exact(child.stdout.as_mut().unwrap(), &mut [0; 6]).unwrap();
            let begun = Instant::now();
            feed(&mut child, b"end\n".to_vec()).join().unwrap();
            assert_eq!(child.wait().unwrap().code(), Some(4));
            let time = begun.elapsed();
            assert!(listed(glass.user(), &name).is_none(), "run came back too early");
            time
        });
    }
}

/// The process ids that a domain has on the host.
fn processes(glass: Glass, domain: &str) -> Vec<String> {
    let pattern = match glass {
        Glass::Container => format!("libvirt_lxc --name {domain} "),
        Glass::Machine => format!("qemu-system-x86_64.*guest={domain},"),
    };
    let found = Command::new("pgrep").args(["-f", &pattern]).output().unwrap();
    out(&found).lines().map(str::to_owned).collect()
}

/// Another program in a sandbox, which has begun.
fn begun_beside(user: User, name: &str) -> Child {
    let mut ctl = user.ctl();
    ctl.args(["exec", name, "sh", "-c", "echo begun; sleep 300"]).stdin(Stdio::null());
    let mut child = ctl.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    std::io::Read::read_exact(child.stdout.as_mut().unwrap(), &mut [0; 6]).unwrap();
    child
}

/// Waits until libvirt has seen that these are gone, which takes it seconds
/// where much else runs.
fn are_unknown(user: User, glass: Glass, domains: &[String]) {
    let uri = if glass == Glass::Container { "lxc:///system" } else { "qemu:///session" };
    for domain in domains {
        wait_for("libvirt to see it", Duration::from_secs(30), || {
            !user.command("virsh").args(["-qc", uri, "domstate", domain]).output().unwrap().status.success()
        });
    }
}

for_both! {
    fn a_crash_is_reported_soon_and_leaves_nothing(glass: Glass) {
        let _alone = alone();
        let before = traces();
        let name = fresh_name("crash");
        let user = glass.user();
        let child = run(glass, &["-n", &name], &["sleep", "300"]).stderr(Stdio::piped()).spawn().unwrap();
        wait_for("running", Duration::from_secs(60), || listed(user, &name).is_some_and(|one| one["state"] == "running"));
        let unwatched = detached_as(user, glass, "sleep 300");
        let domain = |name: &str| listed(user, name).unwrap()["domain"].as_str().unwrap().to_owned();
        let domains = [domain(&name), domain(&unwatched.name)];
        let beside = begun_beside(user, &unwatched.name);
        let victims = domains.each_ref().map(|domain| processes(glass, domain)).concat();
        assert!(Command::new("kill").arg("-KILL").args(victims).status().unwrap().success());
        are_unknown(user, glass, &domains);
        let begun = Instant::now();
        let output = child.wait_with_output().unwrap();
        assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
        assert_eq!(output.status.code(), Some(125));
        // What is known: the log's last words, or which log to look at.
        let known = if glass == Glass::Container { "/var/log/libvirt/lxc/terrarium-" } else { "reason=crashed" };
        assert!(err(&output).contains(known) && err(&output).len() < 1000, "{}", err(&output));
        // So is it to who ran another program in it.
        let ended = beside.wait_with_output().unwrap();
        assert!(ended.status.code() == Some(125) && err(&ended).contains(known), "{}", err(&ended));
        // Who was not attached learns it, too, once.
        let state = || listed(user, &unwatched.name).map(|one| one["state"].as_str().unwrap().to_owned());
        assert_eq!(state().as_deref(), Some("crashed"));
        assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
        let told = user.ctl().args(["exec", &unwatched.name, "true"]).output().unwrap();
        let told = [told, user.ctl().args(["attach", &unwatched.name]).output().unwrap()];
        assert!(told.iter().all(|one| one.status.code() == Some(125) && err(one).contains(known)), "{told:?}");
        assert_eq!(state(), None);
        nothing_is_left(&before);
    }
}

/// The log that libvirt keeps of the sandboxes with this domain's name.
fn log(user: User, glass: Glass, domain: &str) -> PathBuf {
    let folder = match (user, glass) {
        (_, Glass::Container) => PathBuf::from("/var/log/libvirt/lxc"),
        (User::Root, Glass::Machine) => PathBuf::from("/var/log/libvirt/qemu"),
        (_, Glass::Machine) => user.home().join(".cache/libvirt/qemu/log"),
    };
    folder.join(format!("{domain}.log"))
}

/// Starts in the log of a sandbox that just runs, and its length.
fn log_of_one(user: User, glass: Glass) -> (usize, usize) {
    let sandbox = detached_as(user, glass, "echo ready; sleep 300");
    let domain = listed(user, &sandbox.name).unwrap()["domain"].as_str().unwrap().to_owned();
    let text = fs::read_to_string(log(user, glass, &domain)).unwrap();
    (text.matches("starting up").count(), text.len())
}

#[test]
fn libvirt_s_logs_do_not_grow_with_the_runs() {
    let _alone = alone();
    for (user, glass) in
        [(User::Root, Glass::Container), (User::Root, Glass::Machine), (User::Plain, Glass::Machine)]
    {
        for _ in 0..2 {
            let (starts, length) = log_of_one(user, glass);
            assert_eq!(starts, 1, "{user:?}, {glass:?}: {length} bytes");
        }
    }
    // A group's member may not: a container's init does, when it has grown.
    let (first, second) =
        (log_of_one(User::Member, Glass::Container), log_of_one(User::Member, Glass::Container));
    assert!(second.1.saturating_sub(first.1) < 1024 && second.0 <= first.0 + 1, "{first:?}, {second:?}");
    let sandbox = detached_as(User::Member, Glass::Container, "sleep 300");
    let domain = listed(User::Member, &sandbox.name).unwrap()["domain"].as_str().unwrap().to_owned();
    let path = log(User::Member, Glass::Container, &domain);
    drop(sandbox);
    fs::OpenOptions::new().append(true).open(path).unwrap().write_all(&[b'x'; 65 * 1024]).unwrap();
    let (_, length) = log_of_one(User::Member, Glass::Container);
    assert!(length < 1024, "{length} bytes");
}

/// What libvirt keeps files of: domains and networks of ours. Of a container
/// that is gone it sometimes leaves a socket for the next one to replace, too.
fn kept_by_libvirt() -> BTreeSet<PathBuf> {
    let script = format!(
        "find /run/libvirt /var/log/libvirt /home/{}*/.cache/libvirt /run/user/*/libvirt \
                  -name '*terrarium-*' 2>/dev/null | sort",
        User::Plain.name()
    );
    let all = out(&Command::new("sh").args(["-c", &script]).output().unwrap());
    all.lines().map(|file| PathBuf::from(file).with_extension("")).collect()
}

#[test]
fn many_leave_nothing_behind() {
    let _alone = alone();
    let before = traces();
    several_at_once(Glass::Container, 20);
    several_at_once(Glass::Machine, scaled(2, 4));
    one_after_another(Glass::Container, scaled(10, 100));
    one_after_another(Glass::Machine, scaled(1, 5));
    nothing_is_left(&before);
    let files = kept_by_libvirt();
    one_after_another(Glass::Container, scaled(10, 100));
    one_after_another(Glass::Machine, scaled(1, 5));
    nothing_is_left(&before);
    let fresh: Vec<_> = kept_by_libvirt().difference(&files).cloned().collect();
    assert!(fresh.is_empty(), "libvirt keeps more the more runs there were: {fresh:?}");
}

for_both! {
    // Else the daemon writes an error into its log for each.
    fn every_connection_is_closed_again(glass: Glass) {
        let mut ctl = run(glass, &[], &["true"]);
        ctl.env("LIBVIRT_LOG_FILTERS", "1:rpc").env("LIBVIRT_LOG_OUTPUTS", "1:stderr");
        let words = err(&ctl.output().unwrap());
        // REMOTE_PROC_CONNECT_OPEN and REMOTE_PROC_CONNECT_CLOSE.
        let sent = |call: u32| words.matches(&format!("prog=536903814 vers=1 proc={call} type=0")).count();
        assert!(sent(1) > 0 && words.contains("TX_QUEUE"), "libvirt tells nothing of its calls");
        assert_eq!(sent(1), sent(2));
    }
}

fn several_at_once(glass: Glass, count: usize) {
    let children: Vec<_> = (0..count)
        .map(|i| {
            run(glass, &[], &["sh", "-c", &format!("echo {i}; exit {i}")])
                .stdout(Stdio::piped())
                .spawn()
                .unwrap()
        })
        .collect();
    for (i, child) in children.into_iter().enumerate() {
        let output = child.wait_with_output().unwrap();
        assert_eq!((out(&output).trim().to_owned(), output.status.code()), (i.to_string(), Some(i as i32)));
    }
}

fn one_after_another(glass: Glass, count: usize) {
    for i in 0..count {
        let output = sh(glass, &format!("echo {i}"));
        assert_eq!(
            (out(&output).trim(), output.status.code()),
            (i.to_string().as_str(), Some(0)),
            "{}",
            err(&output)
        );
    }
}
