// SPDX-License-Identifier: LGPL-2.1-or-later
//! iperf3 from a sandbox to this computer, beside the same from a namespace
//! behind a plain pair of veth.

use crate::common::net::World;
use crate::common::{self, Glass, User};
use crate::measure::{compare, Case, Unit};
use std::process::{Child, Command, Stdio};

/// Ends with the bench.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// One direction, for two seconds each.
pub fn bench(glass: Glass, runs: usize) {
    let world = World::new();
    let port = std::net::TcpListener::bind("[::]:0").unwrap().local_addr().unwrap().port();
    let mut server = Command::new("iperf3");
    let server = server.args(["-s", "-p", &port.to_string()]).stdout(Stdio::null()).stderr(Stdio::null());
    let _server = Server(server.spawn().unwrap());
    let client = |to: &str| format!("iperf3 -J -t 2 -p {port} -c {to}");
    let veth = Case::new("a plain pair of veth", || {
        rate(world.internet.inside().args(["sh", "-c", &client(&world.internet.ours.to_string())]))
    });
    // The gateway is who resolves names.
    let gateway = client("$(sed -n 's/nameserver \\([0-9.]*\\)$/\\1/p' /etc/resolv.conf)");
    let ours = Case::new(format!("terrariumctl run {} -N full", glass.option()), || {
        rate(&mut common::run_as(User::Member, glass, &["-T", "-N", "full"], &["sh", "-c", &gateway]))
    });
    let mut cases = vec![veth, ours];
    if glass == Glass::Machine {
        let slirp = client("10.0.2.2");
        cases.push(Case::new("terrariumctl run --machine -N user (slirp)", move || {
            rate(&mut common::run_as(User::Plain, glass, &["-T", "-N", "user"], &["sh", "-c", &slirp]))
        }));
    }
    let name = if glass == Glass::Container { "container" } else { "machine" };
    compare(&format!("network, {name}, iperf3"), Unit::Megabytes, runs, cases);
}

/// Millions of bytes in a second that arrived.
fn rate(command: &mut Command) -> f64 {
    let output = command.output().unwrap();
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    let bits = report["end"]["sum_received"]["bits_per_second"].as_f64();
    bits.unwrap_or_else(|| panic!("{command:?}: {}{}", common::out(&output), common::err(&output))) / 8e6
}
