// SPDX-License-Identifier: LGPL-2.1-or-later
//! Every page without a pointer: what can be used is reached by Tab and the
//! arrow keys, and has a name for who does not see it.

use crate::changes;
use crate::flows::small;
use crate::home::{row, with_profiles};
use crate::qemu::Machine;
use crate::scene::over;
use crate::Scene;
use adw::prelude::*;
use gtk::DirectionType as To;
use std::collections::HashSet;
use terrarium::window::Launch;
use vte::prelude::*;

/// What is used with the pointer, or with keys when it has the focus.
fn is_control(widget: &gtk::Widget) -> bool {
    let row = widget.downcast_ref::<gtk::ListBoxRow>().is_some_and(gtk::ListBoxRow::is_activatable);
    row || widget.is::<gtk::Button>()
        || widget.is::<gtk::CheckButton>()
        || widget.is::<gtk::Switch>()
        || widget.is::<gtk::Text>()
        || widget.is::<vte::Terminal>()
}

/// Parts of other widgets that have keys of their own for these, or that the
/// window manager has keys for.
fn is_part(widget: &gtk::Widget) -> bool {
    let types = [
        gtk::WindowControls::static_type(),
        gtk::SpinButton::static_type(),
        gtk::SearchEntry::static_type(),
        adw::TabBar::static_type(),
        adw::EntryRow::static_type(),
    ];
    let outer = std::iter::successors(widget.parent(), WidgetExt::parent);
    !widget.is::<gtk::Text>() && outer.into_iter().any(|one| types.iter().any(|kind| one.type_().is_a(*kind)))
}

/// All that are seen and can be used.
fn controls(widget: &gtk::Widget, found: &mut Vec<gtk::Widget>) {
    if !widget.is_child_visible() || !widget.is_mapped() || !widget.is_sensitive() {
        return;
    }
    if is_control(widget) && !is_part(widget) {
        found.push(widget.clone());
    }
    // What a button is made of is the button.
    if widget.is::<gtk::Button>() {
        return;
    }
    std::iter::successors(widget.first_child(), WidgetExt::next_sibling)
        .for_each(|child| controls(&child, found));
}

/// All that gets the focus, whoever begins where the window begins.
fn reached(window: &gtk::Window) -> HashSet<gtk::Widget> {
    let (mut all, mut waiting) = (HashSet::new(), Vec::new());
    gtk::prelude::GtkWindowExt::set_focus(window, gtk::Widget::NONE);
    let mut go = |from: Option<&gtk::Widget>, to: To| {
        if let Some(from) = from {
            gtk::prelude::GtkWindowExt::set_focus(window, Some(from));
        }
        window.child_focus(to);
        let now = gtk::prelude::GtkWindowExt::focus(window);
        now.filter(|now| all.insert(now.clone()))
    };
    waiting.extend(go(None, To::TabForward));
    while let Some(one) = waiting.pop() {
        for to in [To::TabForward, To::TabBackward, To::Down, To::Up, To::Left, To::Right] {
            waiting.extend(go(Some(&one), to));
        }
    }
    all
}

/// Whether it is called something: by a label or its own text. GTK tells a hint
/// as a description only.
fn has_name(widget: &gtk::Widget) -> bool {
    let has_text = |one: &gtk::Widget| {
        let label = one.downcast_ref::<gtk::Label>();
        label.is_some_and(|label| label.is_visible() && !label.text().trim().is_empty())
    };
    let own = |one: &gtk::Widget| {
        gtk::test_accessible_has_property(one, gtk::AccessibleProperty::Label)
            || gtk::test_accessible_has_relation(one, gtk::AccessibleRelation::LabelledBy)
    };
    // An entry's text, a row's switch, the button in a menu button: the outer
    // one has the name.
    let outer = || {
        let outer = std::iter::successors(widget.parent(), WidgetExt::parent).take(5);
        outer.into_iter().any(|one| {
            let is_whole = one.is::<gtk::Entry>()
                || one.is::<gtk::SearchEntry>()
                || one.is::<gtk::SpinButton>()
                || one.is::<gtk::MenuButton>()
                || one.is::<adw::PreferencesRow>();
            let title = one.downcast_ref::<adw::PreferencesRow>().map(|row| row.title());
            is_whole && (own(&one) || title.is_some_and(|title| !title.is_empty()))
        })
    };
    let is_terminal = widget.is::<vte::Terminal>();
    own(widget) || crate::scene::walk(widget, &has_text).is_some() || outer() || is_terminal && own(widget)
}

fn place(widget: &gtk::Widget) -> String {
    let outer: Vec<String> = std::iter::successors(Some(widget.clone()), WidgetExt::parent)
        .take(6)
        .map(|one| {
            let id = one.buildable_id().map(String::from).unwrap_or_default();
            format!("{}:{id}{:?}", one.type_(), one.tooltip_text().unwrap_or_default())
        })
        .collect();
    outer.join(" < ")
}

/// Walks through a window as it is.
fn check(what: &str, window: &impl IsA<gtk::Window>) {
    let window = window.upcast_ref::<gtk::Window>();
    let mut all = Vec::new();
    controls(window.upcast_ref(), &mut all);
    assert!(all.len() > 1, "{what}: there is something to use");
    let reached = reached(window);
    let is_reached = |one: &gtk::Widget| {
        // A row whose switch or check button it is, and the other way round.
        let inner = |reached: &gtk::Widget| reached.is_ancestor(one) && one.is::<gtk::ListBoxRow>();
        let outer = || {
            let row = one.ancestor(adw::ActionRow::static_type()).and_downcast::<adw::ActionRow>();
            row.is_some_and(|row| {
                row.activatable_widget().as_ref() == Some(one)
                    && reached.contains(row.upcast_ref::<gtk::Widget>())
            })
        };
        reached.contains(one) || reached.iter().any(inner) || outer()
    };
    let missed: Vec<String> = all.iter().filter(|one| !is_reached(one)).map(place).collect();
    assert!(missed.is_empty(), "{what}: not reached:\n{}", missed.join("\n"));
    let nameless: Vec<String> = all.iter().filter(|one| !has_name(one)).map(place).collect();
    assert!(nameless.is_empty(), "{what}: without a name:\n{}", nameless.join("\n"));
}

fn window(id: &str) -> gtk::Window {
    over(id).expect(id).root().and_downcast::<gtk::Window>().expect("a window")
}

#[gtk::test]
fn home_and_the_form_are_used_without_a_pointer() {
    let scene = Scene::new();
    scene.shows("home: welcome");
    scene.pass(200);
    check("welcome", &scene.window.widget);
    drop(scene);
    let scene = with_profiles();
    scene.until("they are listed", || row(&scene, "Build a Project").is_some());
    scene.fake.begin(&small(&scene, "echo"));
    scene.until("one runs", || scene.card("Small").is_some());
    check("home", &scene.window.widget);
    scene.act("win.new-run");
    scene.object::<adw::EntryRow>("command").set_text("echo");
    scene.pass(200);
    check("form", &scene.window.widget);
    // Narrow, and with what is folded away at first.
    scene.window.widget.set_default_size(376, 656);
    scene.pass(300);
    check("narrow form", &scene.window.widget);
    scene.act("win.new-profile");
    scene.until("templates are shown", || over("new-profile-sheet").is_some());
    scene.pass(200);
    check("templates", &window("new-profile-sheet"));
    window("new-profile-sheet").close();
}

#[gtk::test]
fn what_runs_and_has_ended_is_used_without_a_pointer() {
    let scene = Scene::new();
    scene.run("echo");
    scene.shows("phase: Running");
    scene.pass(200);
    check("terminal", &scene.window.widget);
    let flap = scene.object::<gtk::ToggleButton>("details-button");
    flap.set_active(true);
    scene.pass(400);
    check("details", &scene.window.widget);
    flap.set_active(false);
    scene.terminal().feed_child(b"q");
    scene.shows("Exit code 0");
    scene.pass(200);
    check("end", &scene.window.widget);
    scene.act("win.close-tab");
    scene.run("refuse this");
    scene.shows("Could Not Start");
    scene.pass(200);
    check("failure", &scene.window.widget);
}

#[gtk::test]
fn windows_beside_it_are_used_without_a_pointer() {
    let scene = with_profiles();
    scene.until("they are listed", || row(&scene, "Build a Project").is_some());
    scene.act("win.computer");
    scene.pass(800);
    check("computer", &scene.window.widget);
    scene.act("win.preferences");
    scene.until("they are shown", || over("preferences").is_some());
    scene.pass(200);
    check("preferences", &window("preferences"));
    window("preferences").close();
    let item = scene.window.library.items().into_iter().find(|item| item.stem() == "build").expect("one");
    let profile = item.profile.clone().expect("a profile");
    let from = Some("offer.terrarium".to_owned());
    scene.window.launch(Launch { from, ..Launch::unsaved(profile) });
    scene.until("its reach is shown", || over("sheet").is_some());
    scene.pass(200);
    check("reach", &window("sheet"));
    window("sheet").close();
    scene.act("win.try-app");
    scene.until("apps are shown", || over("app-chooser").is_some());
    scene.pass(500);
    check("apps", &window("app-chooser"));
    window("app-chooser").close();
}

#[gtk::test]
fn changes_are_decided_about_without_a_pointer() {
    let scene = Scene::new();
    let page = scene.review(changes::some());
    scene.until("it is there, and filled", || page.is_mapped() && crate::scene::says(&page, "tree.c"));
    scene.pass(200);
    changes::choose(&page, 1);
    scene.pass(400);
    check("a change", page.downcast_ref::<gtk::Window>().expect("a window"));
    changes::close(&page);
}

/// The guest has all keys while its screen has the focus: Ctrl+Alt leads out,
/// which tests of the view hold; here is what else is on the page.
#[gtk::test]
fn a_screens_page_is_used_without_a_pointer() {
    let (scene, machine) = (Scene::new(), Machine::start());
    scene.show_screen(&machine);
    scene.pass(200);
    check("screen", &scene.window.widget);
    scene.act("win.show-terminal");
    scene.pass(200);
    check("a screen's terminal", &scene.window.widget);
    scene.act("win.close-tab");
}
