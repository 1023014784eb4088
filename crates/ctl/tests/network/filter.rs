// SPDX-License-Identifier: LGPL-2.1-or-later
//! Without nft: a filter of libvirt's enforces whom sandboxes reach.

use super::*;

const FILTER: Enforcer = Enforcer::Filter;

#[test]
fn root_of_a_container_gets_nothing_through_libvirts_filter() {
    let _turn = filtered();
    let attack = roots::Attack::new(FILTER);
    let nap = roots::nap();
    let sandbox = lasting_by(FILTER, Glass::Container, &["-N", "internet", "-p"], &nap);
    attack.gets_nothing_through(&sandbox, Some(&nap));
}

/// One does all of it: to start it takes as long.
#[test]
fn a_machine_is_held_to_its_network_without_nft() {
    let _turn = filtered();
    let attack = roots::Attack::new(FILTER);
    let shared = attack.shared();
    let options = ["-N", "internet", "-p", "-m", &shared];
    let sandbox = lasting_by(FILTER, Glass::Machine, &options, "sleep 600");
    a_machine::parts(&[
        ("its root", &|| attack.gets_nothing_through(&sandbox, None)),
        ("the mode", &|| {
            let around = Surroundings::new(FILTER, &attack.world);
            let script = patient(Glass::Machine, &around.script());
            assert_eq!(answers(&inside(&sandbox, &script)), four());
        }),
        ("a change", &|| changes_hold_and_it_is_taken_away(Glass::Machine, &sandbox, &attack.world)),
    ]);
}

/// Names of our filters of libvirt's.
fn filters() -> Vec<String> {
    let output =
        std::process::Command::new("virsh").args(["-qc", "lxc:///system", "nwfilter-list"]).output().unwrap();
    let ours = format!("terrarium-{}-", USER.uid());
    out(&output).split_whitespace().filter(|word| word.starts_with(&ours)).map(str::to_owned).collect()
}

/// A sandbox's, which is called as its domain.
pub fn filter_of(sandbox: &Stop) -> String {
    let directory = directory_of(sandbox).expect("its directory");
    format!("terrarium-{}-{}", USER.uid(), directory.file_name().unwrap().to_str().unwrap())
}

/// Whom one reaches without IPv6.
fn four() -> Vec<&'static str> {
    INTERNET.into_iter().filter(|name| !name.ends_with('6')).collect()
}

#[test]
fn without_nft_libvirts_filter_enforces_the_modes() {
    let _turn = filtered();
    let world = World::new();
    let around = Surroundings::new(FILTER, &world);
    assert_eq!(usage(&around.other)["seen"], serde_json::json!(false));
    let script = around.script();
    let reached = |network: &[&str]| {
        let run = run_as(USER, Glass::Container, network, &["bash", "-c", &script]);
        let output = FILTER.seen_by(run).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{network:?}: {}", err(&output));
        answers(&out(&output))
    };
    assert_eq!(reached(&["-N", "internet"]), four());
    let mut everything = around.everything();
    everything.retain(|name| !name.ends_with('6'));
    assert_eq!(reached(&["-N", "full"]), everything);
    let [allow, lan, _] = around.lists();
    assert_eq!(reached(&["--allow", &allow, "--allow", &lan]), ["internet4", "lan-udp"]);
    let block = format!("{}:80/tcp", world.internet.v4);
    let mut left = four();
    left.retain(|name| *name != "internet4");
    assert_eq!(reached(&["-N", "internet", "--block", &block]), left);
    // Each goes with its sandbox.
    let of_other = filter_of(&around.other);
    assert!(filters().contains(&of_other));
    drop(around.other);
    wait_for("its filter to go", Duration::from_secs(10), || !filters().contains(&of_other));
}

#[test]
fn without_nft_changes_of_a_container_hold_and_what_is_left_is_taken_away() {
    let _turn = filtered();
    // Before the sandbox: what this computer joins later the filter does not know.
    let world = World::new();
    let sandbox = lasting_by(FILTER, Glass::Container, &["-N", "internet"], "sleep 600");
    changes_hold_and_it_is_taken_away(Glass::Container, &sandbox, &world);
}

/// Ends it.
fn changes_hold_and_it_is_taken_away(glass: Glass, sandbox: &Stop, world: &World) {
    let probe = probes(&[
        ("internet4", "tcp", world.internet.v4.to_string(), 80),
        ("lan4", "tcp", world.lan.v4.to_string(), 80),
    ]);
    let probe = patient(glass, &probe);
    let reached = || answers(&inside(sandbox, &probe));
    assert_eq!(reached(), ["internet4"]);
    change(sandbox, &["block", &world.internet.v4.to_string()]);
    change(sandbox, &["allow", &world.lan.v4.to_string()]);
    assert_eq!(reached(), ["lan4"]);
    change(sandbox, &["cut"]);
    assert_eq!(reached(), [""; 0]);
    change(sandbox, &["restore"]);
    assert_eq!(reached(), ["lan4"]);
    let rate = USER.ctl().args(["network", &sandbox.name, "bandwidth", "--inbound", "1M"]).output().unwrap();
    assert_eq!(rate.status.code(), Some(125));
    assert!(err(&rate).contains("nftables"), "{}", err(&rate));
    let domain = filter_of(sandbox);
    assert!(filters().contains(&domain));
    // Nobody is asked to clean up; the next one who looks does.
    let killed = std::process::Command::new("virsh")
        .args(["-qc", if glass == Glass::Machine { "qemu:///system" } else { "lxc:///system" }])
        .args(["destroy", &domain])
        .output()
        .unwrap();
    assert!(killed.status.success(), "{}", err(&killed));
    wait_for("the filter to go", Duration::from_secs(20), || {
        list(USER);
        !filters().contains(&domain)
    });
}

/// As after a restart of this computer.
#[test]
fn a_filter_that_nobody_knows_of_any_more_is_taken_away() {
    let _turn = alone();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("filter");
    let name = format!("terrarium-{}-77", USER.uid());
    std::fs::write(&file, format!("<filter name='{name}' chain='root'/>")).unwrap();
    let defined = std::process::Command::new("virsh")
        .args(["-qc", "lxc:///system", "nwfilter-define"])
        .arg(&file)
        .output()
        .unwrap();
    assert!(defined.status.success(), "{}", err(&defined));
    let removed = USER.ctl().args(["doctor", "--remove"]).output().unwrap();
    assert!(removed.status.success(), "{}", err(&removed));
    assert_eq!(filters(), [""; 0], "{}", out(&removed));
}
