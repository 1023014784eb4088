// SPDX-License-Identifier: LGPL-2.1-or-later
//! What is seen only now and then, in the look that `tools/pictures` asks for.
//! Nothing here reads what is shown: it may be in any language.

use crate::clipboard::{focused, press};
use crate::looks::{make, shoot_at, shoot_over, sizes};
use crate::qemu::Machine;
use crate::scene::{dialog, find, walk};
use crate::Scene;
use adw::prelude::*;
use vte::prelude::*;

/// A picture of the menu that opens from a card.
fn shoot_menu(scene: &Scene, name: &str) {
    let popover = || {
        let is_it = |one: &gtk::Widget| one.is::<gtk::PopoverMenu>() && one.is_mapped();
        walk(scene.window.widget.upcast_ref(), &is_it).and_downcast::<gtk::PopoverMenu>()
    };
    scene.until(name, || popover().is_some());
    let popover = popover().expect("a menu");
    scene.pass(250);
    scene.picture_of(popover.upcast_ref(), &format!("look-{name}"));
    popover.popdown();
    scene.until("it is closed", || !popover.is_mapped());
}

fn open_menu(card: &gtk::Button) {
    card.grab_focus();
    let all = card.observe_controllers();
    let mut clicks = (0..all.n_items()).filter_map(|at| all.item(at).and_downcast::<gtk::GestureClick>());
    let click = clicks.find(|one| one.button() == 3);
    click.expect("a card has a menu").emit_by_name::<()>("pressed", &[&1, &8.0, &8.0]);
}

#[gtk::test]
fn menus_of_cards_fit_in_every_look() {
    let scene = Scene::new();
    scene.window.start(crate::flows::small(&scene, "echo"));
    scene.shows("phase: Running");
    scene.window.show("home");
    scene.pass(500);
    let card = || {
        let all = find(scene.window.widget.upcast_ref(), "running").expect("a place for cards");
        walk(&all, &|one| one.is::<gtk::Button>() && one.is_mapped()).and_downcast::<gtk::Button>()
    };
    scene.until("it has a card", || card().is_some());
    open_menu(&card().expect("a card"));
    shoot_menu(&scene, "menu-running");
    scene.fake.end(0);
    let ended = || {
        let all = find(scene.window.widget.upcast_ref(), "finished")?;
        walk(&all, &|one| one.is::<gtk::Button>() && one.is_mapped()).and_downcast::<gtk::Button>()
    };
    scene.until("it has ended", || ended().is_some());
    open_menu(&ended().expect("a card"));
    shoot_menu(&scene, "menu-ended");
}

#[gtk::test]
fn questions_fit_in_every_look() {
    let (scene, machine) = (Scene::new(), Machine::start());
    let (screen, _played) = focused(&scene, &machine);
    scene.fake.set_has_windows(false);
    let hint = find(screen.widget.upcast_ref(), "screen-empty").expect("a hint");
    scene.until("it is waited for a window", || hint.is_mapped());
    shoot_at(&scene, "look-no-window", sizes());
    scene.window.widget.clipboard().set_text("from here");
    screen.focus();
    scene.until("the view has the focus", || screen.view.has_focus());
    press("ctrl+v");
    let ask = scene.object::<gtk::Revealer>("ask");
    scene.until("it is asked", || ask.is_child_revealed());
    shoot_at(&scene, "look-asks", sizes());
    scene.object::<gtk::Button>("deny").emit_clicked();
    scene.window.start(crate::flows::small(&scene, "echo"));
    scene.shows("phase: Running");
    scene.terminal().feed_child(b"\x1b]8;;https://evil.example/a?b\x1b\\my bank\x1b]8;;\x1b\\\r\n");
    let target = "https://evil.example/a?b".to_variant();
    WidgetExt::activate_action(&scene.terminal(), "links.open", Some(&target)).expect("it asks");
    shoot_question(&scene, "link");
}

fn shoot_question(scene: &Scene, name: &str) {
    scene.until(name, || dialog().is_some());
    let asked = dialog().expect("a question");
    scene.pass(250);
    crate::looks::shoot_looks(scene, asked.upcast_ref(), &format!("look-{name}"), true);
    asked.close();
    scene.until("it is closed", || dialog().is_none());
}

#[gtk::test]
fn what_comes_to_the_form_fits_in_every_look() {
    let scene = crate::home::with_profiles();
    scene.until("they are known", || scene.window.library.items().len() > 4);
    let networks = [("default", true), ("lab", false)].map(|(name, active)| (name.to_owned(), active));
    scene.fake.networks.lock().expect("networks").extend(networks);
    let item = scene.window.library.items().into_iter().find(|item| item.stem() == "build").expect("one");
    let target = item.path.to_string_lossy().into_owned().to_variant();
    WidgetExt::activate_action(&scene.window.widget, "win.profile-rename", Some(&target)).expect("renamed");
    shoot_over(&scene, "save-name", "rename");
    scene.act("win.new-run");
    scene.object::<adw::EntryRow>("command").set_text("echo");
    scene.object::<gtk::CheckButton>("container").set_active(true);
    scene.object::<adw::ComboRow>("network").set_selected(3);
    let add = scene.object::<gtk::Button>("add-interface");
    scene.until("interfaces are offered", || add.is_visible());
    add.emit_clicked();
    scene.window.form().take_disk("/srv/a disk with a name that is rather long.img".as_ref());
    for (name, is_it) in [("interface", is_interface as fn(&adw::ExpanderRow) -> bool), ("disk", is_disk)] {
        let is_it = |one: &gtk::Widget| one.downcast_ref::<adw::ExpanderRow>().is_some_and(is_it);
        let row = walk(scene.window.widget.upcast_ref(), &is_it).and_downcast::<adw::ExpanderRow>();
        let row = row.unwrap_or_else(|| panic!("no {name}"));
        row.set_expanded(true);
        scene.pass(300);
        // What has the focus is scrolled to.
        row.child_focus(gtk::DirectionType::TabForward);
        shoot_at(&scene, &format!("look-form-{name}"), sizes());
        row.set_expanded(false);
    }
}

fn is_interface(row: &adw::ExpanderRow) -> bool {
    row.widget_name() == "interface"
}

fn is_disk(row: &adw::ExpanderRow) -> bool {
    row.title().contains(".img")
}

/// Labels that are seen and end with an ellipsis.
fn cut(within: &gtk::Widget) -> Vec<String> {
    let children = std::iter::successors(within.first_child(), WidgetExt::next_sibling);
    let label = within.downcast_ref::<gtk::Label>();
    let own =
        label.filter(|one| one.is_mapped() && one.layout().is_ellipsized()).map(|one| one.text().into());
    own.into_iter().chain(children.flat_map(|child| cut(&child))).collect()
}

#[gtk::test]
fn with_large_text_nothing_that_holds_is_cut() {
    let scene = crate::home::with_profiles();
    let settings = gtk::Settings::default().expect("a display");
    let usual = settings.gtk_xft_dpi();
    settings.set_gtk_xft_dpi(144 * 1024);
    scene.until("they are known", || scene.window.library.items().len() > 4);
    let item = scene.window.library.items().into_iter().find(|item| item.stem() == "build").expect("one");
    scene.window.edit(&item.profile.clone().expect("a profile"), Some(&item));
    make(&scene, scene.window.widget.upcast_ref(), "large", (360, 640));
    let form = scene.window.form().widget.clone();
    let header = find(form.upcast_ref(), "form-header").expect("a header");
    scene.until("its name is whole", || cut(&header).is_empty());
    let is_row = |one: &gtk::Widget| one.is::<adw::ComboRow>() || one.widget_name() == "share-message";
    let mut rows = Vec::new();
    all(form.upcast_ref(), &is_row, &mut rows);
    assert!(rows.len() > 5, "{}", rows.len());
    scene.until("what is chosen is whole", || rows.iter().all(|row| cut(row).is_empty()));
    assert!(crate::scene::says(form.upcast_ref(), "Can Write"), "how it is shared is said below its name");
    scene.window.start(crate::flows::small(&scene, "echo"));
    scene.shows("phase: Running");
    let is_header = |one: &gtk::Widget| one.is::<adw::HeaderBar>();
    let header = walk(scene.window.runs.widget.upcast_ref(), &is_header).and_downcast::<adw::HeaderBar>();
    let header = header.expect("a header");
    scene.until("its name is whole", || cut(header.upcast_ref()).is_empty());
    settings.set_gtk_xft_dpi(usual);
    make(&scene, scene.window.widget.upcast_ref(), "usual", (1100, 760));
    scene.until("all buttons are back", || header.decoration_layout().is_none());
    make(&scene, scene.window.widget.upcast_ref(), "usual and narrow", (360, 640));
    scene.pass(600);
    let beside = find(header.upcast_ref(), "details-button").expect("a button");
    assert!(beside.is_mapped() && cut(header.upcast_ref()).is_empty(), "a short name leaves it its room");
    assert!(rows
        .iter()
        .filter_map(|row| row.downcast_ref::<adw::ComboRow>())
        .all(|row| !row.uses_subtitle()));
}

fn all(within: &gtk::Widget, is_it: &dyn Fn(&gtk::Widget) -> bool, into: &mut Vec<gtk::Widget>) {
    if is_it(within) {
        return into.push(within.clone());
    }
    let children = std::iter::successors(within.first_child(), WidgetExt::next_sibling);
    children.for_each(|child| all(&child, is_it, into));
}
