// SPDX-License-Identifier: LGPL-2.1-or-later
//! The network of a sandbox that runs, beside it.

use crate::fake::network::contact;
use crate::looks::{shoot, shoot_at};
use crate::scene::{find, says, walk};
use crate::Scene;
use adw::prelude::*;
use gtk::glib;
use std::cell::Cell;
use std::rc::Rc;
use std::sync::MutexGuard;
use terrarium_engine::network::{Change, Usage};
use terrarium_engine::plan::plan;
use terrarium_engine::profile::{Colour, Isolation, NetworkMode, Profile};
use terrarium_protocol::guard::Base;

const SIZES: &[(&str, i32, i32)] = &[("wide", 1100, 760), ("narrow", 360, 640)];

impl Scene {
    fn start_with(&self, mode: NetworkMode) {
        let mut profile = Profile::new("Web Without a Past", vec!["echo".into()]);
        profile.isolation = Some(Isolation::Container);
        profile.colour = Colour::Orange;
        profile.network.mode = mode;
        let mut host = self.bridge.host().expect("a computer").clone();
        host.network.nft = true;
        host.network.dnsmasq = true;
        let made = plan(&profile, &host);
        self.window.start(made.plan.unwrap_or_else(|| panic!("{:?}", made.problems)));
        self.shows("phase: Running");
    }

    fn usage(&self) -> MutexGuard<'_, Usage> {
        self.fake.network.lock().expect("a network")
    }

    fn group(&self, id: &str) -> adw::PreferencesGroup {
        self.object(id)
    }

    /// Presses the button of the peer with this name.
    fn press(&self, group: &str, name: &str, label: &str) {
        let is_row = |one: &gtk::Widget| one.is::<adw::ActionRow>() && says(one, name);
        let row = walk(self.group(group).upcast_ref(), &is_row).unwrap_or_else(|| panic!("no {name}"));
        let button = walk(&row, &|one| one.is::<gtk::Button>()).and_downcast::<gtk::Button>();
        let button = button.expect("a button");
        assert_eq!(button.label().as_deref(), Some(label), "{name}");
        button.emit_clicked();
    }
}

pub fn with_contacts() -> Scene {
    let scene = Scene::new();
    scene.start_with(NetworkMode::Internet);
    let mut usage = scene.usage();
    (usage.received, usage.sent) = (13_002_342, 98_304);
    usage.contacts = vec![
        contact("198.51.100.7", 6, Some(443), false, 14),
        contact("2001:db8::7", 17, Some(443), false, 1),
        contact("192.168.1.1", 6, Some(80), true, 3),
        contact("192.0.2.9", 1, None, true, 1),
    ];
    drop(usage);
    scene.act("win.network");
    scene.until("who was met is shown", || {
        says(scene.group("network-contacted").upcast_ref(), "198.51.100.7")
    });
    scene
}

#[gtk::test]
fn a_network_is_cut_given_back_and_changed() {
    let scene = Scene::new();
    scene.start_with(NetworkMode::Internet);
    assert!(scene.window.runs.describe().contains("Internet only"));
    scene.act("win.network");
    let state = scene.group("network-state");
    scene.until("it is asked", || state.is_visible());
    assert!(says(scene.group("network-contacted").upcast_ref(), "Nothing contacted yet"));
    assert!(!scene.group("network-refused").is_visible());
    shoot_at(&scene, "network-empty", SIZES);
    let passes = scene.object::<gtk::Switch>("network-passes");
    assert!(passes.is_active() && !scene.usage().cut);
    passes.set_active(false);
    scene.until("it is cut", || scene.usage().cut);
    scene.until("that is said", || says(state.upcast_ref(), "Nothing passes now."));
    passes.set_active(true);
    scene.until("it is given back", || !scene.usage().cut);
    let access = scene.object::<adw::ComboRow>("network-access");
    assert_eq!(access.selected(), 1);
    access.set_selected(2);
    scene.until("it may more", || scene.usage().policy.base == Base::All);
    scene.usage().policy.base = Base::Nobody;
    scene.until("what others change is seen", || access.selected() == 0);
    assert_eq!(scene.usage().policy.base, Base::Nobody, "what is shown is no wish");
}

#[gtk::test]
fn a_bandwidth_is_typed() {
    let scene = Scene::new();
    scene.start_with(NetworkMode::Full);
    scene.act("win.network");
    scene.until("it is asked", || scene.group("network-state").is_visible());
    let (inbound, outbound) =
        (scene.object::<adw::EntryRow>("network-inbound"), scene.object::<adw::EntryRow>("network-outbound"));
    inbound.set_text("2 MiB");
    inbound.emit_by_name::<()>("apply", &[]);
    scene.until("it holds", || scene.usage().inbound == Some(2 << 20) && scene.usage().outbound.is_none());
    outbound.set_text("fast");
    outbound.emit_by_name::<()>("apply", &[]);
    scene.until("what is none is said", || {
        outbound.has_css_class("error") && says(scene.window.widget.upcast_ref(), "is not a bandwidth")
    });
    assert_eq!(scene.usage().inbound, Some(2 << 20));
    scene.usage().outbound = Some(64 << 10);
    scene.until("what holds is shown", || outbound.text() == "64 KiB" && !outbound.has_css_class("error"));
    inbound.set_text("4 GiB");
    inbound.emit_by_name::<()>("apply", &[]);
    scene.until("a guard that cannot is quoted", || says(scene.window.widget.upcast_ref(), "too fast"));
    inbound.set_text("");
    inbound.emit_by_name::<()>("apply", &[]);
    scene.until("it is lifted", || scene.usage().inbound.is_none());
}

#[gtk::test]
fn whom_it_met_is_blocked_and_allowed() {
    let scene = with_contacts();
    shoot_at(&scene, "network", SIZES);
    let (contacted, refused) = (scene.group("network-contacted"), scene.group("network-refused"));
    for (group, text) in [
        (&contacted, "14 connections"),
        (&contacted, "[2001:db8::7]:443/udp"),
        (&refused, "3 tries"),
        (&refused, "192.0.2.9 icmp"),
    ] {
        assert!(says(group.upcast_ref(), text), "{text}");
    }
    scene.press("network-contacted", "198.51.100.7", "Block");
    scene.until("it is said", || says(contacted.upcast_ref(), "Blocked by you"));
    let blocked = scene.usage().policy.block.clone();
    assert_eq!(blocked.len(), 1);
    assert_eq!(
        (blocked[0].net.to_string().as_str(), blocked[0].ports),
        ("198.51.100.7/32", Some((443, 443)))
    );
    scene.press("network-contacted", "198.51.100.7", "Allow");
    scene.until("it may again", || scene.usage().policy.block.is_empty());
    scene.press("network-refused", "192.168.1.1", "Allow");
    scene.until("it is said", || says(contacted.upcast_ref(), "Allowed by you · not contacted since"));
    assert!(!says(refused.upcast_ref(), "192.168.1.1"), "it is not refused any more");
    scene.usage().contacts.push(contact("192.168.1.1", 6, Some(80), false, 2));
    scene.until("it is there once", || says(contacted.upcast_ref(), "2 connections · Allowed by you"));
    scene.press("network-contacted", "192.168.1.1", "Block");
    scene.until("it is blocked", || {
        !scene.usage().policy.block.is_empty() && says(contacted.upcast_ref(), "Blocked by you")
    });
    scene.press("network-contacted", "192.168.1.1", "Allow");
    scene.until("it is not", || scene.usage().policy.block.is_empty());
    scene.usage().policy.block = {
        let all = terrarium_engine::network::values::entry("2001:db8::/32").expect("a range");
        all.peers(&all.nets())
    };
    scene.until("a range is not one of them", || says(contacted.upcast_ref(), "Blocked by a wider entry"));
    // What comes later comes below, whatever was seen last.
    scene.usage().contacts.rotate_left(1);
    scene.usage().contacts.push(contact("203.0.113.5", 6, Some(22), false, 1));
    scene.until("another one is shown", || says(contacted.upcast_ref(), "203.0.113.5"));
    let texts = walk(contacted.upcast_ref(), &|one| one.is::<gtk::ListBox>()).expect("a list");
    let rows = std::iter::successors(texts.first_child(), WidgetExt::next_sibling);
    let names: Vec<String> = rows
        .filter(WidgetExt::is_visible)
        .filter_map(|row| Some(row.downcast::<adw::ActionRow>().ok()?.title().into()))
        .collect();
    assert!(names[0].contains("198.51.100.7") && names[3].contains("203.0.113.5"), "{names:?}");
    shoot_at(&scene, "network-blocked", SIZES);
}

#[gtk::test]
fn what_was_allowed_is_said_at_the_top_and_by_its_reach() {
    let scene = with_contacts();
    scene.shows("Internet only");
    scene.act("win.reach");
    let pane = find(scene.window.widget.upcast_ref(), "reach-pane").expect("the pane");
    scene.until("it is closed to others", || {
        says(&pane, "Neither to your local network nor to this computer")
    });
    let allow = |text: &str| {
        let entry = terrarium_engine::network::values::entry(text).expect("an entry");
        crate::fake::network::change(&mut scene.usage(), &Change::Allow(entry)).expect("changed");
    };
    // By terrariumctl: nobody looks at the network's own page.
    allow("192.0.2.2:8765/tcp");
    scene.until("that is said", || {
        says(&pane, "Talk to the internet and chosen hosts") && says(&pane, "192.0.2.2:8765")
    });
    assert!(!says(&pane, "Neither to your local network"));
    scene.shows("Internet and chosen hosts");
    scene.usage().policy.base = Base::Nobody;
    scene.until("those alone", || says(&pane, "Talk to chosen hosts"));
    scene.usage().allowed.clear();
    scene.until("nobody", || says(&pane, "Talk to the network"));
    scene.shows("No network");
}

/// The button of a passing word.
fn offered(scene: &Scene, label: &str) -> Option<gtk::Button> {
    let is_it = |one: &gtk::Widget| {
        one.downcast_ref::<gtk::Button>().is_some_and(|button| {
            button.is_mapped() && button.label().is_some_and(|text| text.replace('_', "") == label)
        })
    };
    walk(scene.window.widget.upcast_ref(), &is_it).and_downcast()
}

fn take_offer(scene: &Scene, label: &str) {
    scene.until(label, || offered(scene, label).is_some());
    offered(scene, label).expect(label).emit_clicked();
}

#[gtk::test]
fn names_and_bytes_are_told_and_nothing_of_them_is_markup() {
    let scene = with_contacts();
    let mut usage = scene.usage();
    (usage.contacts[0].received, usage.contacts[0].sent) = (12_400_000, 96_000);
    usage.contacts[0].name = Some("plants.example".into());
    usage.contacts[2].name = Some("<b>x</b>\u{202e}&.example".into());
    drop(usage);
    let contacted = scene.group("network-contacted");
    scene.until("the name", || says(contacted.upcast_ref(), "plants.example"));
    for text in ["198.51.100.7:443/tcp · 14 connections", " received, "] {
        assert!(says(contacted.upcast_ref(), text), "{text}");
    }
    let refused = scene.group("network-refused");
    scene.until("the hostile one", || says(refused.upcast_ref(), "<b>x</b>"));
    assert!(!says(refused.upcast_ref(), "\u{202e}"));
    shoot_at(&scene, "network-names", SIZES);
    scene.usage().seen = false;
    scene.usage().contacts.clear();
    scene.until("nobody looks", || says(contacted.upcast_ref(), "nft was not installed"));
}

#[gtk::test]
fn what_is_blocked_or_allowed_goes_into_the_profile_and_back() {
    let scene = with_contacts();
    let mut profile = Profile::new("Web Without a Past", vec!["echo".into()]);
    profile.network.mode = NetworkMode::Internet;
    profile.isolation = Some(Isolation::Container);
    // Whoever runs no saved profile is offered nothing.
    scene.press("network-contacted", "198.51.100.7", "Block");
    scene.until("it is said", || says(scene.window.widget.upcast_ref(), "Blocked until it ends"));
    assert!(offered(&scene, "Always Block").is_none());
    let saved = Rc::new(Cell::new(false));
    let (done, window) = (saved.clone(), scene.window.clone());
    glib::spawn_future_local(async move {
        done.set(window.add_profile(profile).await.is_some());
    });
    scene.until("it is saved", || saved.get());
    let lists = || {
        let found =
            scene.window.library.items().into_iter().find_map(|item| item.profile.ok()).expect("a profile");
        (found.network.allow.join(" "), found.network.block.join(" "))
    };
    let is = |allow: &str, block: &str| lists() == (allow.to_owned(), block.to_owned());
    scene.press("network-refused", "192.168.1.1", "Allow");
    take_offer(&scene, "Always Allow");
    scene.until("it is allowed for ever", || is("192.168.1.1:80/tcp", ""));
    take_offer(&scene, "Undo");
    scene.until("it is not", || is("", ""));
    scene.usage().contacts[1].name = Some("metrics.example".into());
    scene.until("the name", || says(scene.group("network-contacted").upcast_ref(), "metrics.example"));
    scene.press("network-contacted", "metrics.example", "Block");
    take_offer(&scene, "Always Block");
    scene.until("it is blocked for ever", || is("", "metrics.example:443/udp"));
}

#[gtk::test]
fn without_a_network_and_at_the_end_there_is_nothing_to_change() {
    let scene = with_contacts();
    // A narrow one would show the end alone.
    scene.window.widget.set_default_size(1100, 760);
    scene.until("it is wide", || scene.window.widget.width() > 1000);
    scene.fake.end(0);
    scene.shows("Exit code 0");
    let note = scene.object::<gtk::Label>("network-note");
    scene.until("it says so", || note.text() == "It has ended.");
    assert!(!scene.group("network-state").is_sensitive() && !scene.group("network-contacted").is_sensitive());
    shoot_at(&scene, "network-ended", SIZES);
    scene.until("it is wide again", || scene.window.widget.width() > 1000);
    scene.start_with(NetworkMode::None);
    scene.until("it has none", || note.text().contains("without a network"));
    assert!(!scene.group("network-state").is_visible() && !scene.group("network-contacted").is_visible());
    assert!(scene.window.runs.describe().contains("No network"));
    scene.act("win.network");
    let pane = find(scene.window.widget.upcast_ref(), "network-pane").expect("the pane");
    scene.until("it is closed", || !pane.is_mapped());
    // A narrow window has room for one of them, and who runs something wants that.
    scene.window.widget.set_default_size(360, 640);
    scene.until("it is narrow", || scene.window.widget.width() < 400);
    scene.act("win.network");
    scene.until("it is open", || pane.is_mapped());
    scene.start_with(NetworkMode::None);
    scene.until("what was begun is seen", || !pane.is_mapped() && scene.terminal().is_mapped());
}

/// A row of the form below the one with this title.
fn below<T: IsA<gtk::Widget>>(scene: &Scene, title: &str, id: &str) -> T {
    let is_row =
        |one: &gtk::Widget| one.downcast_ref::<adw::ExpanderRow>().is_some_and(|row| row.title() == title);
    let row = walk(scene.window.widget.upcast_ref(), &is_row).unwrap_or_else(|| panic!("no {title}"));
    find(&row, id).and_downcast::<T>().unwrap_or_else(|| panic!("no {id}"))
}

#[gtk::test]
fn interfaces_come_change_places_and_go() {
    let scene = Scene::new();
    let networks = [("default", true), ("lab", false)].map(|(name, active)| (name.to_owned(), active));
    scene.fake.networks.lock().expect("networks").extend(networks);
    scene.act("win.new-run");
    scene.object::<gtk::CheckButton>("container").set_active(true);
    let add = scene.object::<gtk::Button>("add-interface");
    scene.until("they are not offered", || !add.is_visible());
    scene.object::<adw::ComboRow>("network").set_selected(3);
    scene.until("they are", || add.is_visible());
    let form = &scene.window.form();
    let of = |index: usize| form.profile().network.interfaces[index].clone();
    add.emit_clicked();
    assert_eq!(of(0), terrarium_engine::profile::Interface::default());
    let (own, lab) = ("Terrarium’s Own", "lab");
    scene.until("libvirt's are offered", || {
        let network = below::<adw::ComboRow>(&scene, own, "interface-network");
        network.model().is_some_and(|model| model.n_items() == 4)
    });
    add.emit_clicked();
    // The first of two of the same title.
    below::<adw::ComboRow>(&scene, own, "interface-network").set_selected(3);
    assert_eq!(of(0).source.as_deref(), Some("lab"));
    let start = below::<gtk::Button>(&scene, lab, "interface-start");
    scene.until("it can be started", || start.is_mapped());
    // What has the focus is scrolled to.
    start.grab_focus();
    shoot(&scene, "form-interfaces");
    start.emit_clicked();
    scene.until("it is", || scene.fake.networks.lock().expect("networks")[1].1 && !start.is_mapped());
    let addresses = below::<adw::EntryRow>(&scene, lab, "interface-addresses");
    addresses.set_text("10.0.0.2/33");
    let wrong = || says(scene.window.widget.upcast_ref(), "“10.0.0.2/33” is not an address");
    scene.until("what is wrong is said", wrong);
    addresses.set_text("10.0.0.2/24 fd00::2/64");
    below::<adw::EntryRow>(&scene, lab, "interface-parameters").set_text("IP=10.0.0.2");
    below::<adw::EntryRow>(&scene, lab, "interface-filter").set_text("clean-traffic");
    below::<adw::EntryRow>(&scene, lab, "interface-mac").set_text("52:54:00:11:22:33");
    below::<adw::EntryRow>(&scene, lab, "interface-routes").set_text("10.1.0.0/16%10.0.0.1");
    below::<gtk::Switch>(&scene, lab, "interface-dhcp").set_active(true);
    below::<adw::EntryRow>(&scene, own, "interface-inbound").set_text("1 MiB");
    let text = terrarium_engine::network::grammar::write(&form.profile().network);
    let first = "dhcp,source=lab,mac=52:54:00:11:22:33,filter=clean-traffic,address=10.0.0.2/24,\
                 address=fd00::2/64,route=10.1.0.0/16%10.0.0.1,filter.IP=10.0.0.2";
    assert_eq!(text, [first, "inbound=1 MiB"]);
    scene.until("nothing is wrong", || !wrong());
    let press = |title: &str, hint: &str| {
        let is_row = |one: &gtk::Widget| {
            one.downcast_ref::<adw::ExpanderRow>().is_some_and(|row| row.title() == title)
        };
        let row = walk(scene.window.widget.upcast_ref(), &is_row).expect(title);
        let is_it = |one: &gtk::Widget| one.tooltip_text().is_some_and(|text| text == hint);
        walk(&row, &is_it).and_downcast::<gtk::Button>().expect(hint).emit_clicked();
    };
    press(lab, "Move Down");
    assert_eq!((of(0).source, of(1).source.as_deref()), (None, Some("lab")));
    let profile = form.profile();
    press(own, "Remove");
    assert_eq!(form.profile().network.interfaces.len(), 1);
    scene.window.form().fill(&scene.window, &profile, None);
    assert_eq!(form.profile().network.interfaces, profile.network.interfaces, "what is shown is read again");
}
