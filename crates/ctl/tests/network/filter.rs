// SPDX-License-Identifier: LGPL-2.1-or-later
//! Without nft: a filter of libvirt's enforces whom sandboxes reach.

use super::*;

#[test]
fn root_of_a_container_gets_nothing_through_libvirts_filter() {
    root_gets_nothing_through(Glass::Container, Enforcer::Filter);
}

#[test]
fn root_of_a_machine_gets_nothing_through_libvirts_filter() {
    root_gets_nothing_through(Glass::Machine, Enforcer::Filter);
}

/// Names of our filters of libvirt's.
fn filters() -> Vec<String> {
    let output =
        std::process::Command::new("virsh").args(["-qc", "lxc:///system", "nwfilter-list"]).output().unwrap();
    let ours = format!("terrarium-{}-", USER.uid());
    out(&output).split_whitespace().filter(|word| word.starts_with(&ours)).map(str::to_owned).collect()
}

#[test]
fn without_nft_libvirts_filter_enforces_the_modes() {
    let _alone = alone();
    let world = World::new();
    world.lan.also(&near(&world));
    let other = lasting_by(Enforcer::Filter, Glass::Container, &["-N", "full"], OTHER);
    let mut usage = usage(&other);
    assert_eq!(
        (usage["addresses"].as_array().unwrap().len(), &usage["seen"]),
        (1, &serde_json::json!(false))
    );
    let addresses = usage["addresses"].as_array_mut().unwrap();
    addresses.push("fd00:7:7:7::6".into());
    let all = targets(&world, &usage);
    let script = probes(&all);
    let reached = |glass: Glass, network: &[&str]| {
        let script = patient(glass, &script);
        let run = run_as(USER, glass, network, &["bash", "-c", &script]);
        let output = Enforcer::Filter.seen_by(run).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{glass:?} {network:?}: {}", err(&output));
        answers(&out(&output))
    };
    let internet: Vec<&str> = INTERNET.into_iter().filter(|name| !name.ends_with('6')).collect();
    for glass in glasses() {
        assert_eq!(reached(glass, &["-N", "internet"]), internet, "{glass:?}");
    }
    let mut everything: Vec<&str> = all
        .iter()
        .map(|one| one.0)
        .filter(|name| !name.starts_with("other") && !name.ends_with('6'))
        .collect();
    everything.sort_unstable();
    assert_eq!(reached(Glass::Container, &["-N", "full"]), everything);
    let (allow, lan) = (format!("{}:80/tcp", world.internet.v4), format!("{}:81", world.lan.v4));
    assert_eq!(reached(Glass::Container, &["--allow", &allow, "--allow", &lan]), ["internet4", "lan-udp"]);
    let block = format!("{}:80/tcp", world.internet.v4);
    let left: Vec<&str> = internet.into_iter().filter(|name| *name != "internet4").collect();
    assert_eq!(reached(Glass::Container, &["-N", "internet", "--block", &block]), left);
    assert_eq!(filters().len(), 1, "the other one's");
    drop(other);
    wait_for("the filters to go", Duration::from_secs(5), || filters().is_empty());
}

#[test]
fn without_nft_changes_of_a_container_hold_and_what_is_left_is_taken_away() {
    changes_hold_and_nothing_is_left(Glass::Container);
}

#[test]
fn without_nft_changes_of_a_machine_hold_and_what_is_left_is_taken_away() {
    changes_hold_and_nothing_is_left(Glass::Machine);
}

fn changes_hold_and_nothing_is_left(glass: Glass) {
    let _alone = alone();
    let world = World::new();
    let sandbox = lasting_by(Enforcer::Filter, glass, &["-N", "internet"], "sleep 600");
    let probe = probes(&[
        ("internet4", "tcp", world.internet.v4.to_string(), 80),
        ("lan4", "tcp", world.lan.v4.to_string(), 80),
    ]);
    let probe = patient(glass, &probe);
    let reached = || answers(&inside(&sandbox, &probe));
    assert_eq!(reached(), ["internet4"]);
    change(&sandbox, &["block", &world.internet.v4.to_string()]);
    change(&sandbox, &["allow", &world.lan.v4.to_string()]);
    assert_eq!(reached(), ["lan4"]);
    change(&sandbox, &["cut"]);
    assert_eq!(reached(), [""; 0]);
    change(&sandbox, &["restore"]);
    assert_eq!(reached(), ["lan4"]);
    let rate = USER.ctl().args(["network", &sandbox.name, "bandwidth", "--inbound", "1M"]).output().unwrap();
    assert_eq!(rate.status.code(), Some(125));
    assert!(err(&rate).contains("nftables"), "{}", err(&rate));
    let domain = filters().pop().unwrap();
    // Nobody is asked to clean up; the next one who looks does.
    let killed = std::process::Command::new("virsh")
        .args(["-qc", if glass == Glass::Machine { "qemu:///system" } else { "lxc:///system" }])
        .args(["destroy", &domain])
        .output()
        .unwrap();
    assert!(killed.status.success(), "{}", err(&killed));
    wait_for("the filter to go", Duration::from_secs(20), || {
        list(USER);
        filters().is_empty()
    });
    // One that nobody knows of any more, as after a restart of this computer.
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("filter");
    std::fs::write(&file, format!("<filter name='terrarium-{}-77' chain='root'/>", USER.uid())).unwrap();
    let defined = std::process::Command::new("virsh")
        .args(["-qc", "lxc:///system", "nwfilter-define"])
        .arg(&file)
        .output()
        .unwrap();
    assert!(defined.status.success() && filters().len() == 1, "{}", err(&defined));
    drop(sandbox);
    let removed = USER.ctl().args(["doctor", "--remove"]).output().unwrap();
    assert!(removed.status.success() && filters().is_empty(), "{}", err(&removed));
}
