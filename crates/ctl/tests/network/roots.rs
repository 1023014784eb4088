// SPDX-License-Identifier: LGPL-2.1-or-later
//! What a hostile root sends arrives nowhere that it should not: neither at the
//! bridge, nor at another sandbox, nor beyond.

use super::*;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;

/// What the bridge may see: what a sandbox may send, and what it may not send
/// there where rules for what is put together decide.
const AT_BRIDGE: &[&str] = &[
    "control-arp",
    "control-fragments",
    "control-udp",
    "control6-fragments",
    "control6-options",
    "control6-udp",
    "dns-elsewhere",
    "dns-fragments",
    "dns6-chain",
    "dns6-elsewhere",
    "dns6-fragments",
    "dns6-hop",
    "dns6-options",
    "lan6-chain",
    "lan6-elsewhere",
    "lan6-fragments",
    "lan6-hop",
    "lan6-options",
    "neighbour-far",
    "neighbour-far-own",
    "route6",
    "route6-end",
    "source-route",
    "to-other-routed",
    "to-other6-routed",
    // Second pieces, whose first ones are gone.
    "dns6-tiny",
    "dns6-tiny-chain",
    "lan6-tiny",
    "lan6-tiny-chain",
    "to-other6-tiny",
];

/// What the internet may see of it.
const BEYOND: [&str; 5] =
    ["control-fragments", "control-udp", "control6-fragments", "control6-options", "control6-udp"];

/// The frames, and whom they are for.
pub struct Attack {
    folder: share::Folder,
    program: PathBuf,
    pub world: World,
    other: Stop,
    enforcer: Enforcer,
}

impl Attack {
    pub fn new(enforcer: Enforcer) -> Self {
        let folder = share::Folder::new(USER, &USER.home());
        let program = compiled("frames.c", &folder.path);
        let other = lasting_by(enforcer, Glass::Container, &["-N", "full"], OTHER);
        Self { folder, program, world: World::new(), other, enforcer }
    }

    /// The option by which a machine gets the program.
    pub fn shared(&self) -> String {
        self.folder.bind("/mnt", "")
    }

    /// Root of the sandbox sends it all. In a container it is root of this
    /// computer in the sandbox's network, who is more than any program inside can
    /// be: `nap` is a command that runs in it, and in nothing else here.
    pub fn gets_nothing_through(&self, sandbox: &Stop, nap: Option<&str>) {
        let _wire = wire();
        let words = self.words(sandbox);
        let hear =
            Command::new(&self.program).arg("hear").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut hear = hear.unwrap();
        let mut first = [0; 6];
        std::io::Read::read_exact(hear.stdout.as_mut().unwrap(), &mut first).unwrap();
        assert_eq!(&first, b"ready\n");
        let sent = match nap {
            None => inside(sandbox, &format!("/mnt/program {}", words.join(" "))),
            Some(nap) => in_its_network(nap, &self.program, &words),
        };
        assert_eq!(sent.trim(), "sent");
        // It hears what is under way, and ends.
        let heard = out(&hear.wait_with_output().unwrap());
        self.judge(sandbox, &heard);
    }

    fn words(&self, sandbox: &Stop) -> Vec<String> {
        let (own, others) = (usage(sandbox), usage(&self.other));
        let own4 = own["addresses"][0].as_str().unwrap();
        // Without the guard there is no IPv6; what its root tries is a guess.
        let six = |usage: &serde_json::Value, guess: &str| {
            usage["addresses"][1].as_str().map_or_else(|| format!("fd00:7:7:7::{guess}"), str::to_owned)
        };
        let own6 = six(&own, "5");
        let bridge = bridge(USER);
        let text = |path: String| std::fs::read_to_string(path).unwrap().trim().to_owned();
        vec![
            "send".to_owned(),
            "eth0".to_owned(),
            own4.to_owned(),
            own6.clone(),
            format!("{}.1", own4.rsplit_once('.').unwrap().0),
            format!("{}::1", own6.split_once("::").unwrap().0),
            text(format!("/sys/class/net/{bridge}/address")),
            others["addresses"][0].as_str().unwrap().to_owned(),
            six(&others, "6"),
            inside(&self.other, "cat /sys/class/net/eth0/address").trim().to_owned(),
            self.world.internet.v4.to_string(),
            self.world.internet.v6.to_string(),
            self.world.lan.v6.to_string(),
        ]
    }

    fn judge(&self, sandbox: &Stop, heard: &str) {
        let lines: BTreeSet<(&str, &str)> = heard.lines().filter_map(|line| line.split_once(' ')).collect();
        let at = |device: &str| -> Vec<&str> {
            lines.iter().filter(|(name, _)| *name == device).map(|(_, mark)| *mark).collect()
        };
        assert_eq!(at("lost"), ["0"], "frames that nobody looked at");
        let beyond = if self.enforcer == Enforcer::Guard { 5 } else { 2 };
        assert_eq!(at(&self.world.internet.device), BEYOND[..beyond], "beyond");
        assert_eq!(at(&self.world.lan.device), [""; 0], "in the local network");
        let mut found = at(&bridge(USER));
        assert!(found.contains(&"control-arp"), "{found:?}");
        found.retain(|mark| !AT_BRIDGE.contains(mark));
        assert_eq!(found, [""; 0], "at the bridge");
        // Where they come out, before anything looks at them; nowhere else.
        let own = interface_of(sandbox);
        let prefix = bridge(USER).replace("trm-", "t") + "-";
        let ends: BTreeSet<&str> =
            lines.iter().map(|(name, _)| *name).filter(|name| name.starts_with(&prefix)).collect();
        assert_eq!(ends, BTreeSet::from([own.as_str()]));
    }
}

/// Root of this computer runs a program in the network of a container.
pub fn in_its_network(nap: &str, program: &std::path::Path, words: &[String]) -> String {
    let found = out(&Command::new("pgrep").args(["-f", &format!("^{nap}")]).output().unwrap());
    let pid = found.lines().next().unwrap().to_owned();
    out(&Command::new("nsenter").args(["-t", &pid, "-n"]).arg(program).args(words).output().unwrap())
}

/// A command whose number names its process on this computer.
pub fn nap() -> String {
    let name = fresh_name("x");
    let mut parts = name.rsplit('-').map(|part| part.parse::<u32>().unwrap());
    let (number, process) = (parts.next().unwrap(), parts.next().unwrap());
    format!("sleep {}", 10_000_000 + process % 32_768 * 100 + number % 100)
}

#[test]
fn root_of_a_container_gets_nothing_through() {
    let _turn = guarded();
    let attack = Attack::new(Enforcer::Guard);
    let nap = nap();
    let sandbox = lasting(Glass::Container, &["-N", "internet", "-p"], &nap);
    attack.gets_nothing_through(&sandbox, Some(&nap));
}
