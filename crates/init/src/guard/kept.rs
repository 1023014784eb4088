// SPDX-License-Identifier: LGPL-2.1-or-later
//! What must not begin anew when the rules change: how many connections a
//! sandbox has, and how much of its bandwidth it has used. Two tables of their
//! own beside the rules, set in the same transaction: their sets and limits
//! stay, and only the chains that ask them are replaced.
//!
//! Each is named after the number of the sandbox's interface, which the kernel
//! gives once: whoever comes later has the name and the addresses, not the
//! count.

use super::rules::none;
use std::fmt::Write;
use terrarium_protocol::guard::Port;

/// Connections that a sandbox may have at once. This computer's kernel remembers
/// each, also those that nobody answers, in one table for all.
const CONNECTIONS: u32 = 4096;

/// Something of the tables that stays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thing {
    family: &'static str,
    kind: &'static str,
    name: String,
    what: String,
}

/// What is counted, and for whom.
pub struct Kept {
    table: String,
    /// What there is, since the first time that anything was set.
    there: Option<Vec<Thing>>,
}

impl Kept {
    /// Of nobody yet. `table`: the rules' one. What a guard before this one has
    /// set holds until the first rules.
    pub fn new(table: &str) -> Self {
        Self { table: format!("{table}_kept"), there: None }
    }

    /// What takes it all away.
    pub fn none(&self) -> String {
        none(&self.table)
    }

    /// What sets it for these sandboxes, each with its interface's number, and
    /// what is there then. `anew`: whatever there is. `bounded`: the kernel can
    /// count connections.
    pub fn text(
        &self,
        bridge: &str,
        ports: &[(u32, &Port)],
        bounded: bool,
        anew: bool,
    ) -> (String, Vec<Thing>) {
        let things: Vec<Thing> = ports.iter().flat_map(|(index, port)| of(*index, port, bounded)).collect();
        let before = self.there.as_deref().filter(|_| !anew);
        let mut text = String::new();
        // Writing to memory does not fail.
        let _ = self.clear(&mut text, before, &things);
        let fresh: Vec<&Thing> =
            things.iter().filter(|one| before.is_none_or(|all| !all.contains(one))).collect();
        let _ = self.inet(&mut text, bridge, ports, bounded, &fresh);
        let _ = self.netdev(&mut text, ports, &fresh);
        (text, things)
    }

    /// That text holds.
    pub fn holds(&mut self, things: Vec<Thing>) {
        self.there = Some(things);
    }

    fn clear(&self, text: &mut String, before: Option<&[Thing]>, things: &[Thing]) -> std::fmt::Result {
        let table = &self.table;
        let Some(before) = before else { return write!(text, "{}", self.none()) };
        writeln!(text, "flush table inet {table}\nflush table netdev {table}")?;
        for Thing { family, kind, name, .. } in before.iter().filter(|one| !things.contains(one)) {
            writeln!(text, "delete {kind} {family} {table} {name}")?;
        }
        // Of some kernels a chain goes with its interface, of others it stays.
        for Thing { name, .. } in before.iter().filter(|one| one.family == "netdev") {
            writeln!(
                text,
                "table netdev {table} {{ chain {name} {{ }}\n}}\ndelete chain netdev {table} {name}"
            )?;
        }
        Ok(())
    }

    fn inet(
        &self,
        text: &mut String,
        bridge: &str,
        ports: &[(u32, &Port)],
        bounded: bool,
        fresh: &[&Thing],
    ) -> std::fmt::Result {
        writeln!(text, "table inet {} {{", self.table)?;
        declare(text, "inet", fresh)?;
        // Before the rules. Of what one sandbox sends the interface is always the
        // bridge, so that both families are one count.
        writeln!(text, " chain begun {{ type filter hook prerouting priority -151; policy accept;")?;
        writeln!(text, "  iifname != \"{bridge}\" accept\n  ct state != new accept")?;
        for (index, port) in ports.iter().filter(|_| bounded) {
            let count = format!("add @open{index} {{ iif ct count over {CONNECTIONS} }} drop");
            each(text, port, "saddr", &count)?;
        }
        writeln!(text, " }}\n chain into {{ type filter hook postrouting priority 1; policy accept;")?;
        writeln!(text, "  oifname != \"{bridge}\" accept")?;
        for (index, port) in ports.iter().filter(|(_, port)| port.inbound.is_some()) {
            each(text, port, "daddr", &format!("limit name \"into{index}\" drop"))?;
        }
        writeln!(text, " }}\n}}")
    }

    fn netdev(&self, text: &mut String, ports: &[(u32, &Port)], fresh: &[&Thing]) -> std::fmt::Result {
        writeln!(text, "table netdev {} {{", self.table)?;
        declare(text, "netdev", fresh)?;
        for (index, port) in ports.iter().filter(|(_, port)| port.outbound.is_some()) {
            writeln!(
                text,
                " chain from{index} {{ type filter hook ingress device \"{}\" priority 1; policy accept;\n  \
                 limit name \"from{index}\" drop\n }}",
                port.interface
            )?;
        }
        writeln!(text, "}}")
    }
}

fn of(index: u32, port: &Port, bounded: bool) -> Vec<Thing> {
    let thing = |family, kind, name, what| Thing { family, kind, name: format!("{name}{index}"), what };
    let mut all = Vec::new();
    if bounded {
        all.push(thing("inet", "set", "open", "type iface_index; flags dynamic; size 16".to_owned()));
    }
    all.extend(port.inbound.map(|rate| thing("inet", "limit", "into", over(rate))));
    all.extend(port.outbound.map(|rate| thing("netdev", "limit", "from", over(rate))));
    all
}

fn declare(text: &mut String, family: &str, fresh: &[&Thing]) -> std::fmt::Result {
    let mut all = fresh.iter().filter(|one| one.family == family);
    all.try_for_each(|one| writeln!(text, " {} {} {{ {}; }}", one.kind, one.name, one.what))
}

/// A rule for each of a sandbox's addresses.
fn each(text: &mut String, port: &Port, end: &str, rule: &str) -> std::fmt::Result {
    writeln!(text, "  ip {end} {} {rule}", port.address)?;
    port.address6.map_or(Ok(()), |address| writeln!(text, "  ip6 {end} {address} {rule}"))
}

fn over(rate: u64) -> String {
    // A tenth of a second at once, and never less than a large packet.
    let burst = (rate / 10).clamp(64 << 10, u64::from(u32::MAX));
    format!("rate over {rate} bytes/second burst {burst} bytes")
}
