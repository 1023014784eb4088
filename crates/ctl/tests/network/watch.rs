// SPDX-License-Identifier: LGPL-2.1-or-later
//! The guard itself: what it may do, when it is asked, and what becomes of one
//! from before an update.

use super::*;
use serde_json::{json, Value};
use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{mpsc, Arc};
use std::thread::JoinHandle;
use terrarium_protocol::guard::VERSION;

/// What a double does with a question.
enum Does {
    Says(Value),
    /// Hangs up, and is gone from where it listened.
    Goes,
}

/// A program that sits where the guard does, and a domain of its name.
struct Double {
    uuid: String,
    is_over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

fn uuid_of_the_guard() -> String {
    let words = ["-qc", "lxc:///system", "domuuid", &guard()];
    out(&std::process::Command::new("virsh").args(words).output().unwrap()).trim().to_owned()
}

/// One question and its answer; a client that says nothing is left alone.
fn serve(mut stream: &UnixStream, answer: &impl Fn(&Value) -> Does) -> std::io::Result<bool> {
    stream.set_nonblocking(false)?;
    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    let mut text = vec![0; u32::from_le_bytes(length) as usize];
    stream.read_exact(&mut text)?;
    let Does::Says(said) = answer(&serde_json::from_slice(&text)?) else { return Ok(false) };
    let said = said.to_string();
    stream.write_all(&(said.len() as u32).to_le_bytes())?;
    stream.write_all(said.as_bytes())?;
    Ok(true)
}

impl Double {
    /// Takes the guard's place; what that has set stays. Its folder is there, as
    /// it has run before.
    fn new(answer: impl Fn(&Value) -> Does + Send + 'static) -> Self {
        end_the_guard();
        let mut file = tempfile::NamedTempFile::new().unwrap();
        let xml = format!(
            "<domain type='lxc'><name>{}</name><memory unit='KiB'>65536</memory><vcpu>1</vcpu>\
             <os><type>exe</type><init>/bin/sleep</init><initarg>600</initarg></os><devices>\
             <filesystem type='mount'><source dir='/'/><target dir='/'/><readonly/></filesystem>\
             <console type='pty'/></devices></domain>",
            guard()
        );
        file.write_all(xml.as_bytes()).unwrap();
        let mut create = std::process::Command::new("virsh");
        create.args(["-qc", "lxc:///system", "create"]).arg(file.path());
        wait_for("the name", Duration::from_secs(5), || create.output().unwrap().status.success());
        let path = USER.runtime().join("guard/c");
        let _ = std::fs::remove_file(&path);
        let listener = UnixListener::bind(&path).unwrap();
        std::os::unix::fs::chown(&path, Some(USER.uid()), None).unwrap();
        listener.set_nonblocking(true).unwrap();
        let is_over = Arc::new(AtomicBool::new(false));
        let over = is_over.clone();
        let thread = std::thread::spawn(move || {
            while !over.load(Ordering::Relaxed) {
                match listener.accept() {
                    Ok((stream, _)) if !serve(&stream, &answer).unwrap_or(true) => return,
                    Ok(_) => {}
                    Err(_) => std::thread::sleep(Duration::from_millis(20)),
                }
            }
        });
        Self { uuid: uuid_of_the_guard(), is_over, thread: Some(thread) }
    }
}

impl Drop for Double {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        let _ = self.thread.take().map(JoinHandle::join);
        let words = ["-qc", "lxc:///system", "destroy", &self.uuid];
        let _ = std::process::Command::new("virsh").args(words).output();
    }
}

fn failed(why: &str) -> Does {
    Does::Says(json!({ "failed": { "why": why } }))
}

#[test]
fn the_guard_has_two_powers_and_no_more() {
    let _turn = guarded();
    let _lives = guard_lives();
    let _sandbox = lasting(Glass::Container, &["-N", "internet"], "sleep 600");
    let run = |program: &str, words: &[&str]| {
        out(&std::process::Command::new(program).args(words).output().unwrap()).trim().to_owned()
    };
    // What libvirt has of a container is the process above its first one.
    let above = run("virsh", &["-qc", "lxc:///system", "domid", &guard()]);
    let pid = run("pgrep", &["-P", &above]);
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let has = |key: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'));
        line.unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ")
    };
    // CAP_NET_ADMIN and CAP_NET_RAW.
    for key in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
        assert_eq!(has(key), "0000000000003000", "{key}");
    }
    let id = 0x7fff_0000.to_string();
    for key in ["Uid", "Gid"] {
        assert_eq!(has(key), [id.as_str(); 4].join(" "), "{key}");
    }
    assert_eq!((has("Groups"), has("NoNewPrivs"), has("Seccomp")), (String::new(), "1".into(), "2".into()));
    let mounts = std::fs::read_to_string(format!("/proc/{pid}/mountinfo")).unwrap();
    let root = mounts.lines().rfind(|line| line.split(' ').nth(4) == Some("/")).unwrap();
    assert!(root.split(' ').nth(5).unwrap().split(',').any(|option| option == "ro"), "{root}");
}

#[test]
fn a_container_sends_nothing_before_its_rules_hold() {
    sends_nothing_before_its_rules_hold(Glass::Container);
}

#[test]
fn a_machine_sends_nothing_before_its_rules_hold() {
    sends_nothing_before_its_rules_hold(Glass::Machine);
}

/// While rules are waited for its interface is down, and when they are refused
/// nothing of it is left.
fn sends_nothing_before_its_rules_hold(glass: Glass) {
    let _turn = alone();
    let first = lasting(Glass::Container, &["-N", "internet"], "sleep 600");
    let (before, seen) = (interfaces(), mpsc::channel());
    let (tell, known) = (seen.0, before.clone());
    let name = fresh_name(STEM);
    let newcomer = name.clone();
    // As long as it takes until whoever is to raise it is there, and a while; an
    // answer is waited for no longer.
    let boots = move || {
        let begun = Instant::now();
        let is_there = || listed(USER, &newcomer).is_some_and(|one| one["status"].is_object());
        while begun.elapsed() < Duration::from_secs(11) && !is_there() {
            std::thread::sleep(Duration::from_millis(100));
        }
        println!("its init was waited for {:?}", begun.elapsed());
        std::thread::sleep(Duration::from_secs(1));
    };
    let sent = |name: &str| {
        let path = format!("/sys/class/net/{name}/statistics/rx_packets");
        std::fs::read_to_string(path).unwrap().trim().parse::<u64>().unwrap()
    };
    let double = Double::new(move |question| {
        if question == "version" {
            return Does::Says(json!({ "version": VERSION }));
        }
        let ports = question["rules"]["ports"].as_array().cloned().unwrap_or_default();
        let names = ports.iter().filter_map(|port| port["interface"].as_str());
        let fresh: Vec<&str> = names.filter(|name| !known.contains(&(*name).to_owned())).collect();
        if !fresh.is_empty() {
            boots();
        }
        for name in fresh {
            let _ = tell.send((name.to_owned(), sent(name)));
        }
        failed("not today")
    });
    let refused = networked(glass, &["-n", &name, "-N", "internet"], "true");
    assert_eq!(refused.status.code(), Some(125));
    assert!(err(&refused).contains("not today"), "{}", err(&refused));
    let (end, packets) = seen.1.recv_timeout(Duration::from_secs(1)).unwrap();
    assert_eq!(packets, 0, "{glass:?}: {end} was up");
    assert!(sent(&before[0]) > 0, "those of the first one are counted");
    wait_for("its interface to go", Duration::from_secs(10), || interfaces() == before);
    assert!(listed(USER, &name).is_none() && listed(USER, &first.name).is_some(), "the first one alone");
    drop(double);
    // There is a guard again, which ends with the last one.
    change(&first, &["cut"]);
}

#[test]
fn a_guard_from_before_an_update_is_replaced_and_its_rules_hold_until_then() {
    let _turn = alone();
    let world = World::new();
    let first = lasting(Glass::Container, &["-N", "internet"], "sleep 600");
    let script = probes(&[
        ("internet4", "tcp", world.internet.v4.to_string(), 80),
        ("lan4", "tcp", world.lan.v4.to_string(), 80),
    ]);
    // As one did before it could be asked for its version.
    let double = Double::new(
        |question| {
            if question == "version" {
                Does::Goes
            } else {
                failed("these rules are none")
            }
        },
    );
    assert_eq!(answers(&inside(&first, &script)), ["internet4"], "nobody guards");
    let second = lasting(Glass::Container, &["-N", "internet"], "sleep 600");
    let now = uuid_of_the_guard();
    assert!(!now.is_empty() && now != double.uuid, "{now}");
    for sandbox in [&first, &second] {
        assert_eq!(answers(&inside(sandbox, &script)), ["internet4"]);
        assert!(!usage(sandbox)["contacts"].as_array().unwrap().is_empty(), "it watches both");
    }
}

#[test]
fn a_guard_of_a_later_version_stays_and_what_to_do_is_said() {
    let _turn = alone();
    let first = lasting(Glass::Container, &["-N", "internet"], "sleep 600");
    let before = interfaces();
    let double = Double::new(|question| {
        if question == "version" {
            Does::Says(json!({ "version": VERSION + 1 }))
        } else {
            failed("these rules are none")
        }
    });
    let refused = networked(Glass::Container, &["-N", "internet"], "true");
    assert_eq!(refused.status.code(), Some(125));
    assert!(err(&refused).contains("Terrarium was updated"), "{}", err(&refused));
    assert_eq!(uuid_of_the_guard(), double.uuid, "it is left alone");
    wait_for("its interface to go", Duration::from_secs(10), || interfaces() == before);
    drop(double);
    change(&first, &["cut"]);
}

/// A number is taken again at once, and with it the name of an interface.
#[test]
fn what_held_for_one_that_is_gone_does_not_hold_for_the_next_of_its_number() {
    let _turn = alone();
    let network = Named::new();
    let _keeps_the_guard = lasting(Glass::Container, &["-N", "internet"], "sleep 600");
    let option = format!("dhcp,source={}", network.name);
    let another = || {
        let first = lasting(Glass::Container, &["-N", "internet"], "sleep 600");
        let interface = interface_of(&first);
        drop(first);
        let next = lasting(Glass::Container, &["-N", &option], "sleep 600");
        let number = directory_of(&next).unwrap().file_name().unwrap().to_str().unwrap().to_owned();
        interface.ends_with(&format!("-{number}-0")).then_some((interface, next))
    };
    // What other tests start may have taken the number in between.
    let (interface, _next) = (0..10).find_map(|_| another()).expect("the next one has its number");
    let table = format!("terrarium_{}", USER.uid());
    let held = std::process::Command::new("nft").args(["list", "table", "netdev", &table]).output().unwrap();
    assert!(held.status.success() && !out(&held).contains(&interface), "{}", out(&held));
    assert!(leases::given(&network).contains(&network.net));
}

#[test]
fn they_start_many_at_once_with_addresses_of_their_own_and_leave_nothing() {
    let _turn = alone();
    let (count, machines) = (scaled(6, 20), scaled(1, 3));
    let begun = Instant::now();
    let all: Vec<Stop> = std::thread::scope(|scope| {
        let glass = |number: usize| if number < machines { Glass::Machine } else { Glass::Container };
        let start = |number| move || lasting(glass(number), &["-N", "internet"], "sleep 600");
        let starts: Vec<_> = (0..count).map(|number| scope.spawn(start(number))).collect();
        starts.into_iter().map(|start| start.join().unwrap()).collect()
    });
    println!("{count} sandboxes with a network started in {:?}", begun.elapsed());
    let mut addresses: Vec<String> = all.iter().map(|one| usage(one)["addresses"].to_string()).collect();
    addresses.sort();
    addresses.dedup();
    assert_eq!(addresses.len(), count);
    let refused = USER.ctl().args(["doctor", "--remove"]).output().unwrap();
    assert_eq!(refused.status.code(), Some(125), "it is in use");
    drop(all);
    let left = || !interfaces().is_empty() || rules(USER).is_some();
    wait_for("everything to be gone", Duration::from_secs(10), || !left());
    let guards = || {
        out(&std::process::Command::new("virsh")
            .args(["-qc", "lxc:///system", "list", "--name"])
            .output()
            .unwrap())
    };
    wait_for("the guard to go", Duration::from_secs(5), || {
        !guards().contains(&format!("guard-{}", USER.uid()))
    });
    let removed = USER.ctl().args(["doctor", "--remove"]).output().unwrap();
    assert!(removed.status.success(), "{}", err(&removed));
    let networks = std::process::Command::new("virsh")
        .args(["-qc", "qemu:///system", "net-list", "--all", "--name"])
        .output()
        .unwrap();
    assert!(!out(&networks).contains(&format!("terrarium-{}", USER.uid())));
}
