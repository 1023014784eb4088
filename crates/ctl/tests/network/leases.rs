// SPDX-License-Identifier: LGPL-2.1-or-later
//! What a network of libvirt's gave for a time, and has again when its sandbox
//! is gone. A lease there takes two minutes to end by itself.

use super::*;

/// What the network's server has given.
pub fn given(network: &Named) -> String {
    let words = ["-qc", "lxc:///system", "net-dhcp-leases", &network.name];
    let leases = std::process::Command::new("virsh").args(words).output().unwrap();
    assert!(leases.status.success(), "{}", err(&leases));
    out(&leases).trim().to_owned()
}

/// Waits until there is no more of it.
pub fn are_back(network: &Named) {
    wait_for("the leases to be given back", Duration::from_secs(20), || given(network).is_empty());
}

fn waits_for_one(network: &Named) {
    wait_for("a lease", Duration::from_secs(60), || given(network).contains(&network.net));
}

for_both! {
    machine at full scale: fn leases_go_with_their_sandbox(glass: Glass) {
        let _turn = guarded();
        let network = Named::new();
        let option = format!("dhcp,source={}", network.name);
        // It ends by itself, and nobody is there to hear of it.
        let sandbox = lasting(glass, &["-N", &option], "sleep 3");
        waits_for_one(&network);
        are_back(&network);
        drop(sandbox);
        // It is killed, with its init.
        let sandbox = Stop { user: USER, name: fresh_name(STEM) };
        let options = ["-n", &sandbox.name, "-N", &option];
        let mut run = run_as(USER, glass, &options, &["sleep", "600"]).spawn().unwrap();
        waits_for_one(&network);
        let domain = filter::filter_of(&sandbox);
        let driver = if glass == Glass::Machine { "qemu:///system" } else { "lxc:///system" };
        let killed = std::process::Command::new("virsh").args(["-qc", driver, "destroy", &domain]).output();
        assert!(killed.unwrap().status.success());
        assert_eq!(run.wait().unwrap().code(), Some(125));
        are_back(&network);
    }
}

for_both! {
    machine at full scale: fn a_start_that_fails_inside_leaves_no_lease(glass: Glass) {
        let _turn = guarded();
        let (one, other) = (Named::new(), Named::new());
        // Nobody is at the gateway's address, nor on a link to it; by then the
        // first interface has its lease.
        let (dhcp, shut) = (
            format!("dhcp,source={}", one.name),
            format!("source={},address={}.9/24,route=10.254.0.0/16%203.0.113.77", other.name, other.net),
        );
        let name = fresh_name(STEM);
        let mut run = run_as(USER, glass, &["-n", &name, "-N", &dhcp, "-N", &shut], &["true"]);
        let run = run.stderr(Stdio::piped()).spawn().unwrap();
        let output = run.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(125), "{}", err(&output));
        assert!(err(&output).contains("eth1"), "{}", err(&output));
        are_back(&one);
        assert!(listed(USER, &name).is_none());
    }
}
