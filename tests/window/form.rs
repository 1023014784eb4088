// SPDX-License-Identifier: LGPL-2.1-or-later
//! The form has a row for every key, a way back from each, and says why
//! something is not there.

use crate::scene::walk;
use crate::{Fake, Scene, Shown};
use adw::prelude::*;
use std::sync::Arc;
use terrarium::bridge::Bridge;
use terrarium_engine::profile::{Icon, Isolation, Profile};

/// On a computer that can have networks, with a form in which a command stands.
pub fn begun() -> Scene {
    let folder = tempfile::tempdir().expect("a folder");
    let fake = Arc::new(Fake::new(folder.path().to_owned()));
    let mut host = crate::host(folder.path().to_owned());
    (host.network.nft, host.network.dnsmasq) = (true, true);
    let bridge = Bridge::with(host, fake.clone());
    let scene = Scene { shown: Shown::new(bridge.clone()), fake, bridge, folder };
    scene.act("win.new-run");
    scene.object::<adw::EntryRow>("command").set_text("echo");
    scene.until("it can be run", || scene.object::<gtk::Button>("run-form").is_sensitive());
    scene
}

/// The button in a row that leads back to the default.
fn way_back(within: &gtk::Widget) -> Option<gtk::Button> {
    let is_it = |one: &gtk::Widget| {
        one.tooltip_text().is_some_and(|text| text.starts_with("Changed From")) && one.is_mapped()
    };
    walk(within, &is_it).and_downcast()
}

#[gtk::test]
fn ports_of_this_computer_can_lead_into_it() {
    let scene = begun();
    let (access, row) =
        (scene.object::<adw::ComboRow>("network"), scene.object::<adw::EntryRow>("network-forwards"));
    access.set_selected(0);
    assert!(!row.is_visible(), "nothing leads to what has no network");
    access.set_selected(1);
    assert!(row.is_visible() && row.title().contains("8080:80"), "{}", row.title());
    let forwards = || scene.window.form().profile().network.forwards;
    let below = scene.object::<adw::ActionRow>("network-forwards-message");
    row.set_text("8080:80 9090:90");
    assert_eq!(forwards(), ["8080:80", "9090:90"]);
    assert!(below.is_visible() && below.title().contains("this computer alone"), "{}", below.title());
    let run = scene.object::<gtk::Button>("run-form");
    for (text, said) in [("8080", "is not a port of this computer"), ("8080:80 8080:81", "leads somewhere")] {
        row.set_text(text);
        assert!(below.is_visible() && below.title().contains(said), "{text}: {}", below.title());
        assert!(below.has_css_class("error") && !run.is_sensitive(), "{text}");
    }
    row.set_text("8080:80");
    assert!(run.is_sensitive());
    // It waits where it does not apply, and is no part of what is run.
    access.set_selected(0);
    assert!(!row.is_visible() && !below.is_visible() && forwards().is_empty());
    for mode in [1, 2, 3] {
        access.set_selected(mode);
        assert!(row.is_visible());
        assert_eq!(forwards(), ["8080:80"], "{mode}");
    }
    assert!(row.has_css_class("changed"));
    way_back(row.upcast_ref()).expect("a way back").emit_clicked();
    assert!(row.text().is_empty() && forwards().is_empty() && !row.has_css_class("changed"));
}

#[gtk::test]
fn where_it_starts_is_marked_and_goes_back() {
    let scene = begun();
    let row = scene.object::<adw::EntryRow>("directory");
    assert!(!row.has_css_class("changed"));
    row.set_text("/srv");
    scene.until("it is marked", || row.has_css_class("changed") && way_back(row.upcast_ref()).is_some());
    assert_eq!(scene.window.form().profile().command.directory.as_deref(), Some("/srv".as_ref()));
    way_back(row.upcast_ref()).expect("a way back").emit_clicked();
    assert!(row.text().is_empty() && !row.has_css_class("changed"));
    assert_eq!(scene.window.form().profile().command.directory, None);
}

#[gtk::test]
fn how_strong_and_the_icon_can_be_left_to_terrarium_again() {
    let scene = begun();
    let mut profile = Profile::new("One", vec!["echo".into()]);
    (profile.isolation, profile.icon) = (Some(Isolation::Container), Some(Icon::Game));
    scene.window.edit(&profile, None);
    let said = || {
        let profile = scene.window.form().profile();
        (profile.isolation, profile.icon)
    };
    assert_eq!(said(), (profile.isolation, profile.icon));
    let group = scene.object::<gtk::Widget>("how-strong");
    scene.until("it is marked", || way_back(&group).is_some());
    let row = scene.object::<adw::ActionRow>("container-row");
    assert!(row.has_css_class("changed"));
    let place = row.compute_bounds(&group).expect("a place");
    way_back(&group).expect("a way back").emit_clicked();
    scene.until("it is as by default", || said().0.is_none() && way_back(&group).is_none());
    assert!(!row.has_css_class("changed"));
    let now = row.compute_bounds(&group).expect("a place");
    assert_eq!(place.y().to_bits(), now.y().to_bits(), "nothing moves below the pointer");
    assert!(scene.object::<gtk::CheckButton>("container").is_active(), "this computer has no other");
    // The icon has its choice beside the others.
    let automatic = scene.object::<gtk::ToggleButton>("icon-automatic");
    assert!(!automatic.is_active());
    automatic.set_active(true);
    assert_eq!(said(), (None, None));
    scene.window.edit(&Profile::new("Two", vec!["echo".into()]), None);
    assert!(automatic.is_active() && way_back(&group).is_none());
}

#[gtk::test]
fn what_only_machines_have_is_said_to_be_theirs() {
    let scene = begun();
    scene.object::<gtk::CheckButton>("container").set_active(true);
    scene.object::<adw::ActionRow>("advanced").emit_by_name::<()>("activated", &[]);
    let why = scene.object::<adw::ActionRow>("machines-only");
    scene.until("it is unfolded", || why.is_mapped());
    assert!(why.title().contains("virtual machines only"), "{}", why.title());
    for name in ["accelerator", "kernel-path", "modules-path", "kernel", "connection"] {
        assert!(!scene.object::<gtk::Widget>(name).is_visible(), "{name}");
    }
    scene.object::<gtk::CheckButton>("machine").set_active(true);
    scene.until("they are there", || scene.object::<gtk::Widget>("connection").is_mapped());
    assert!(!why.is_visible());
}
