// SPDX-License-Identifier: LGPL-2.1-or-later
//! The network's pane beside a real sandbox: whom it met, and what is blocked,
//! allowed, cut and given back there. The internet is a namespace.

use crate::program::{ctl, BOOT};
use crate::sandboxes::{open, Scene};
use crate::scene::{says, walk};
use adw::prelude::*;
use std::io::{BufRead, BufReader};
use std::net::Ipv4Addr;
use std::process::{Child, Command, Stdio};
use terrarium_engine::plan::plan;
use terrarium_engine::profile::{Isolation, NetworkMode, Profile};

/// Says who it is to whoever connects.
const SERVER: &str = r#"$| = 1; $SIG{CHLD} = "IGNORE";
    my $socket = IO::Socket::INET->new(LocalAddr => "0.0.0.0:80", Listen => 20, ReuseAddr => 1) || die $!;
    print "ready\n"; while (my $client = $socket->accept) { print $client "hello\n"; close $client }"#;

fn ip(words: &str) -> String {
    let output = Command::new("ip").args(words.split_whitespace()).output().expect("ip");
    assert!(output.status.success(), "ip {words}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// A server behind a link: at an address of documentation's that leads there,
/// and at one of the link, which is this computer's own network.
struct World {
    name: String,
    device: String,
    far: Ipv4Addr,
    near: Ipv4Addr,
    server: Child,
}

impl World {
    fn new() -> Self {
        let id = std::process::id();
        let (name, device) = (format!("terrarium-s-{id}"), format!("tts{id}"));
        let link = 0xc612_0000 + (id % 4096) * 16;
        let (ours, near) = (Ipv4Addr::from(link + 1), Ipv4Addr::from(link + 2));
        let taken = ip("-4 route");
        let hosts = (0..16).map(|step| Ipv4Addr::new(203, 0, 113, ((id + step) % 16 * 16 + 11) as u8));
        let far = hosts.into_iter().find(|ip| !taken.contains(&format!("{ip} "))).expect("an address");
        ip(&format!("netns add {name}"));
        ip(&format!("link add {device} type veth peer name inside netns {name}"));
        ip(&format!("addr add {ours}/28 dev {device}"));
        ip(&format!("link set {device} up"));
        for words in [
            "link set lo up",
            &format!("addr add {near}/28 dev inside"),
            "link set inside up",
            &format!("addr add {far} dev lo"),
            &format!("route add default via {ours}"),
        ] {
            ip(&format!("-n {name} {words}"));
        }
        ip(&format!("route add {far} via {near} dev {device}"));
        let mut server = Command::new("ip");
        server.args(["netns", "exec", &name, "perl", "-MIO::Socket::INET", "-e", SERVER]);
        let mut server = server.stdout(Stdio::piped()).spawn().expect("a server");
        let mut line = String::new();
        BufReader::new(server.stdout.take().expect("its words")).read_line(&mut line).expect("a line");
        assert_eq!(line, "ready\n");
        Self { name, device, far, near, server }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
        let _ = Command::new("ip").args(["link", "del", &self.device]).output();
        let _ = Command::new("ip").args(["netns", "del", &self.name]).output();
    }
}

/// root's network, which only this test has.
struct Network;

impl Drop for Network {
    fn drop(&mut self) {
        let _ = Command::new(ctl()).args(["doctor", "--remove"]).output();
    }
}

/// Tries both for ever, and says who answered.
fn script(world: &World) -> String {
    let both = format!("far={} near={}", world.far, world.near);
    format!(
        "for one in {both}; do (while :; do timeout 1 bash -c \"read line < /dev/tcp/${{one#*=}}/80\" 2>/dev/null && echo ${{one%=*}}; sleep 0.2; done) & done; wait"
    )
}

impl Scene {
    /// How often somebody answered.
    fn heard(&self, who: &str) -> usize {
        let text = self.window.runs.current().map(|tab| tab.text()).unwrap_or_default();
        text.lines().filter(|line| line.trim() == who).count()
    }

    fn goes_on(&self, who: &str) {
        let before = self.heard(who);
        self.within(BOOT, who, || self.heard(who) > before + 1);
    }

    fn is_silent(&self, who: &str) {
        // What was under way.
        self.pass(1500);
        let before = self.heard(who);
        self.pass(3000);
        assert_eq!(self.heard(who), before, "{who}");
    }

    fn row(&self, group: &str, name: &str) -> Option<gtk::Widget> {
        let group: adw::PreferencesGroup = self.object(group);
        walk(group.upcast_ref(), &|one| one.is::<adw::ActionRow>() && says(one, name))
    }

    fn press(&self, group: &str, name: &str, label: &str) {
        let button = || {
            let row = self.row(group, name)?;
            walk(&row, &|one| {
                one.downcast_ref::<gtk::Button>()
                    .is_some_and(|button| button.label().as_deref() == Some(label))
            })
        };
        self.within(BOOT, label, || button().is_some());
        button().and_downcast::<gtk::Button>().expect("a button").emit_clicked();
    }
}

#[gtk::test]
fn whom_a_sandbox_met_is_blocked_allowed_and_cut_off() {
    let world = World::new();
    let _network = Network;
    let scene = open();
    let mut profile =
        Profile::new("Network", ["bash".to_owned(), "-c".into(), script(&world)].map(Into::into).into());
    profile.isolation = Some(Isolation::Container);
    profile.network.mode = NetworkMode::Internet;
    let planned = plan(&profile, scene.window.bridge.host().expect("a computer"));
    scene.window.start(planned.plan.unwrap_or_else(|| panic!("{:?}", planned.problems)));
    scene.within(BOOT, "it runs", || scene.heard("far") > 0);
    assert_eq!(scene.heard("near"), 0);
    scene.act("win.network");
    let (far, near) = (format!("{}:80/tcp", world.far), format!("{}:80/tcp", world.near));
    scene.within(BOOT, "who was met", || {
        scene.row("network-contacted", &far).is_some_and(|row| says(&row, " received, "))
    });
    scene.within(BOOT, "who was refused", || scene.row("network-refused", &near).is_some());
    scene.picture("network-real");
    scene.press("network-contacted", &far, "Block");
    scene.within(BOOT, "it is blocked", || says(scene.window.widget.upcast_ref(), "Blocked by you"));
    scene.is_silent("far");
    scene.press("network-contacted", &far, "Allow");
    scene.goes_on("far");
    scene.press("network-refused", &near, "Allow");
    scene.goes_on("near");
    let passes = scene.object::<gtk::Switch>("network-passes");
    passes.set_active(false);
    scene.within(BOOT, "it is cut", || says(scene.window.widget.upcast_ref(), "Nothing passes now."));
    scene.is_silent("far");
    passes.set_active(true);
    scene.goes_on("far");
}
