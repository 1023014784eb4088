// SPDX-License-Identifier: LGPL-2.1-or-later
//! Addresses, names and routes inside: given by somebody, or told.

use super::*;
use common::share::{picture, Folder};
use std::io::Write;
use std::os::unix::fs::symlink;

#[test]
fn a_network_of_libvirts_gives_or_takes_addresses_of_a_container() {
    gives_or_takes_addresses(Glass::Container);
}

#[test]
fn a_network_of_libvirts_gives_or_takes_addresses_of_a_machine() {
    gives_or_takes_addresses(Glass::Machine);
}

#[test]
fn a_filter_of_libvirts_has_its_parameters() {
    let _turn = guarded();
    let network = Named::new();
    let host = std::net::TcpListener::bind((format!("{}.1", network.net), 0)).unwrap();
    let port = host.local_addr().unwrap().port();
    std::thread::spawn(move || {
        while let Ok((mut client, _)) = host.accept() {
            let _ = client.write_all(b"hello\n");
        }
    });
    let heard = |own: u8, allowed: u8| {
        let net = &network.net;
        let option = format!(
            "source={},address={net}.{own}/24,filter=clean-traffic,filter.IP={net}.{allowed}",
            network.name
        );
        let script = format!("timeout 3 cat < /dev/tcp/{net}.1/{port}; true");
        out(&networked(Glass::Container, &["-N", &option], &script))
    };
    assert_eq!(heard(9, 9), "hello\n");
    assert_eq!(heard(9, 10), "", "it is not the address that it may have");
}

fn gives_or_takes_addresses(glass: Glass) {
    let _turn = guarded();
    let (one, other) = (Named::new(), Named::new());
    let dhcp = format!("dhcp,source={}", one.name);
    let fixed = format!(
        "source={},mac=52:54:00:77:00:01,address={}.9/24%{1}.255,route=10.254.0.0/16%{1}.1,filter=clean-traffic,filter.IP={1}.9",
        other.name, other.net
    );
    let script = "perl -e 'for (`cat /proc/net/fib_trie`) { print \"$1\\n\" if /\\|-- (198\\.19\\.\\d+\\.(?!0$|255$)\\d+)$/ }' | sort -u
        cat /etc/resolv.conf | grep nameserver; cat /sys/class/net/eth1/address; cut -f1,2,3 /proc/net/route | grep FE0A; cat < /dev/tcp/$GATE/$PORT";
    let host = std::net::TcpListener::bind((format!("{}.1", other.net), 0)).unwrap();
    let port = host.local_addr().unwrap().port();
    let server =
        std::thread::spawn(move || host.accept().map(|(mut client, _)| client.write_all(b"hello\n")));
    let script = format!("GATE={}.1 PORT={port}; {script}", other.net);
    let output = networked(glass, &["-N", &dhcp, "-N", &fixed], &script);
    let text = out(&output);
    assert_eq!(output.status.code(), Some(0), "{}", err(&output));
    let given = (100..=200).any(|host| text.contains(&format!("{}.{host}\n", one.net)));
    assert!(given, "an address of the range: {text}");
    for line in [
        format!("{}.9\n", other.net),
        format!("nameserver {}.1\n", one.net),
        "52:54:00:77:00:01\n".to_owned(),
        "eth1\t".to_owned(),
        "hello".to_owned(),
    ] {
        assert!(text.contains(&line), "{line} in {text}");
    }
    server.join().unwrap().unwrap().unwrap();
    let is_joined = |net: &Named| {
        let words = ["-o", "link", "show", "master", &net.bridge];
        !std::process::Command::new("ip").args(words).output().unwrap().stdout.is_empty()
    };
    wait_for("its interfaces to go", Duration::from_secs(20), || !is_joined(&one) && !is_joined(&other));
    leases::are_back(&one);
}

#[test]
fn names_are_resolved_in_a_container_whatever_resolv_conf_is() {
    resolves_whatever_resolv_conf_is(Glass::Container);
}

#[test]
fn names_are_resolved_in_a_machine_whatever_resolv_conf_is() {
    resolves_whatever_resolv_conf_is(Glass::Machine);
}

/// A root in which /etc/resolv.conf is missing, or a link into places that a
/// sandbox has of its own, or to nowhere, as services of resolution leave it.
fn resolves_whatever_resolv_conf_is(glass: Glass) {
    let _turn = guarded();
    let system = Folder::home(Glass::Container);
    ["usr/bin", "etc/odd", "var"].iter().for_each(|name| drop(system.dir(name)));
    let busybox = system.path.join("usr/bin/busybox");
    std::fs::copy("/bin/busybox", &busybox).unwrap();
    for name in ["sh", "cat", "touch"] {
        symlink("busybox", system.path.join("usr/bin").join(name)).unwrap();
    }
    symlink("usr/bin", system.path.join("bin")).unwrap();
    system.file("etc/real", "nameserver 192.0.2.53\n");
    let root = system.path.display().to_string();
    let place = system.path.join("etc/resolv.conf");
    let links = [
        None,
        Some("../run/systemd/resolve/stub-resolv.conf"),
        Some("/run/resolvconf/resolv.conf"),
        Some("/etc/odd/nowhere"),
        Some("real"),
    ];
    // Who builds it is the same in a machine, which takes its time to start.
    let count = if glass == Glass::Machine { scaled(2, links.len()) } else { links.len() };
    for link in &links[..count] {
        let _ = std::fs::remove_file(&place);
        link.iter().for_each(|target| symlink(target, &place).unwrap());
        let before = picture(&system.path);
        let script = "cat /etc/resolv.conf; touch /etc/resolv.conf 2>/dev/null || echo shut; cat /etc/hosts";
        let options = ["-N", "internet", "-r", &root];
        let output = run_as(USER, glass, &options, &["sh", "-c", script]).output().unwrap();
        let text = out(&output);
        let is_right =
            text.contains("\nnameserver 1") && text.contains("shut\n") && text.contains("localhost");
        assert!(is_right && !text.contains("192.0.2.53"), "{link:?}: {text}{}", err(&output));
        assert_eq!(picture(&system.path), before, "{link:?}");
    }
}

#[test]
fn a_network_without_ipv4_is_one_for_a_container() {
    has_ipv6_alone(Glass::Container);
}

#[test]
fn a_network_without_ipv4_is_one_for_a_machine() {
    has_ipv6_alone(Glass::Machine);
}

fn has_ipv6_alone(glass: Glass) {
    let _turn = guarded();
    let network = Named::new();
    let bridge = &network.bridge;
    std::fs::write(format!("/proc/sys/net/ipv6/conf/{bridge}/disable_ipv6"), "0").unwrap();
    // Unique local (RFC 4193), a part that is this test's.
    let net = format!("fd7e:{}", network.net.replace('.', ":"));
    ip(&format!("-6 address add {net}::1/64 dev {bridge} nodad"));
    let host = std::net::TcpListener::bind((format!("{net}::1"), 0)).unwrap();
    let port = host.local_addr().unwrap().port();
    let server =
        std::thread::spawn(move || host.accept().map(|(mut client, _)| client.write_all(b"hello\n")));
    let option = format!("source={},address={net}::9/64,route=::/0%{net}::1", network.name);
    let dns = format!("{net}::1");
    let script = format!("grep -c '/32 host LOCAL' /proc/net/fib_trie; cat /etc/resolv.conf; cat < /dev/tcp/{net}::1/{port}; tr -s ' ' </proc/net/ipv6_route | cut -d' ' -f1,2,10");
    let output = networked(glass, &["-N", &option, "--dns", &dns], &script);
    let text = out(&output);
    // Unblocks the server, should nobody have come.
    let _ = std::net::TcpStream::connect((format!("{net}::1"), port));
    server.join().unwrap().unwrap().unwrap();
    assert!(
        text.contains(&format!("nameserver {net}::1\n")) && text.contains("hello\n"),
        "{text}{}",
        err(&output)
    );
    assert_eq!(text.matches("nameserver").count(), 1, "{text}");
    assert!(text.contains("00000000000000000000000000000000 00 eth0"), "a way to everybody: {text}");
    assert!(
        text.lines().next().is_some_and(|count| count.parse::<u32>().is_ok_and(|count| count <= 2)),
        "lo has IPv4 alone: {text}"
    );
}

/// Which the plan tells of: it reaches what listens on this computer alone.
#[test]
fn a_machine_of_the_session_has_user_mode() {
    let host = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = host.local_addr().unwrap().port();
    let server =
        std::thread::spawn(move || host.accept().map(|(mut client, _)| client.write_all(b"hello\n")));
    let script = format!("cat /etc/resolv.conf; cat < /dev/tcp/10.0.2.2/{port}");
    let run = |options: &[&str]| {
        let options = [&["-N", "user"], options].concat();
        run_as(User::Plain, Glass::Machine, &options, &["bash", "-c", &script]).output().unwrap()
    };
    let output = run(&[]);
    let _ = std::net::TcpStream::connect(("127.0.0.1", port));
    server.join().unwrap().unwrap().unwrap();
    let text = out(&output);
    assert!(text.contains("nameserver 10.0.2.3\n") && text.contains("hello\n"), "{text}{}", err(&output));
}
