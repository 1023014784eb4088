// SPDX-License-Identifier: LGPL-2.1-or-later
//! Every page, wide and narrow, light and dark. Pictures of them are left
//! under target/pictures.

use crate::qemu::Machine;
use crate::scene::{find, over, walk, PATIENCE};
use crate::screens::Looks;
use crate::Scene;
use adw::prelude::*;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use vte::prelude::*;

/// Gives the window a size, and leaves pictures of it; dark ones, too, with the
/// full counts and for `tools/pictures`.
pub fn shoot(scene: &Scene, name: &str) {
    shoot_at(scene, name, &[("wide", 1100, 760), ("small", 700, 500), ("narrow", 360, 640)]);
}

/// The same with these sizes.
pub fn shoot_at(scene: &Scene, name: &str, sizes: &[(&str, i32, i32)]) {
    shoot_arranged(scene, name, sizes, || {});
}

/// The same, with something to be done once it has a size.
fn shoot_arranged(scene: &Scene, name: &str, sizes: &[(&str, i32, i32)], arrange: impl Fn()) {
    // Nobody compares the pictures of every day, and dark ones fit as light ones do.
    let full = crate::scene::asked_look().is_some() || std::env::var_os("TERRARIUM_TEST_SCALE").is_some();
    let window = scene.window.widget.upcast_ref();
    for &(size, width, height) in sizes {
        make(scene, window, name, (width, height));
        arrange();
        shoot_looks(scene, window, &format!("{name}-{size}"), full);
    }
    scene.window.widget.set_default_size(1100, 760);
}

/// Whether it is as wide as it was asked to be; a frame may be drawn around it.
fn has_width(window: &gtk::Widget, width: i32) -> bool {
    (width - 16..=width).contains(&window.width())
}

/// Pictures of a window as it is, light and, if it is to be, dark.
pub fn shoot_looks(scene: &Scene, window: &gtk::Window, name: &str, dark: bool) {
    let manager = adw::StyleManager::default();
    let schemes = [(adw::ColorScheme::ForceLight, "light"), (adw::ColorScheme::ForceDark, "dark")];
    for &(scheme, look) in if dark { &schemes[..] } else { &schemes[..1] } {
        manager.set_color_scheme(scheme);
        scene.pass(60);
        scene.picture_of(window.upcast_ref(), &format!("{name}-{look}"));
    }
    has_all_icons(window.upcast_ref(), name);
    manager.set_color_scheme(adw::ColorScheme::Default);
}

/// No icon stands for one that the theme has not.
pub fn has_all_icons(within: &gtk::Widget, name: &str) {
    let theme = gtk::IconTheme::for_display(&within.display());
    let is_lost = |one: &gtk::Widget| {
        let icon = one.downcast_ref::<gtk::Image>().and_then(gtk::Image::icon_name);
        one.is_mapped() && icon.is_some_and(|icon| !theme.has_icon(&icon))
    };
    let lost = walk(within, &is_lost).and_downcast::<gtk::Image>();
    assert!(lost.is_none(), "{name}: {:?}", lost.and_then(|image| image.icon_name()));
}

/// Makes a window so large inside of the frame that may be drawn around it. What
/// is in it has to let it.
pub fn make(scene: &Scene, window: &gtk::Window, name: &str, (width, height): (i32, i32)) {
    let whole = gtk::WidgetPaintable::new(Some(window));
    let frame = || {
        let (width, height) = (window.width(), window.height());
        ((whole.intrinsic_width() - width).max(0), (whole.intrinsic_height() - height).max(0))
    };
    let fits = || (window.width(), window.height()) == (width, height);
    let begun = Instant::now();
    let mut tries = 0;
    // Narrow it needs less: the rest of the way comes after that. A busy
    // server takes its time.
    while tries < 2 || (!fits() && begun.elapsed() < PATIENCE) {
        window.set_default_size(width + frame().0, height + frame().1);
        scene.pass(120);
        tries += 1;
    }
    let (now, along) = match window.width() {
        now if now == width => (window.height(), gtk::Orientation::Vertical),
        now => (now, gtk::Orientation::Horizontal),
    };
    assert!(fits(), "{name}: {now} instead of {width}x{height}\n{}", largest(window.upcast_ref(), along));
}

/// What `tools/pictures` asks for, or just whether all fits where it is hardest.
pub fn sizes() -> &'static [(&'static str, i32, i32)] {
    match crate::scene::asked_look() {
        Some(_) => &[("wide", 1100, 760), ("small", 700, 500), ("narrow", 360, 640)],
        None => &[("narrow", 360, 640)],
    }
}

/// A picture of a window over the other, which is closed again.
pub fn shoot_over(scene: &Scene, id: &str, name: &str) {
    scene.until(name, || over(id).is_some());
    scene.pass(250);
    let window = over(id).and_then(|one| one.root()).and_downcast::<gtk::Window>().expect("a window");
    shoot_looks(scene, &window, &format!("look-{name}"), true);
    gtk::prelude::GtkWindowExt::destroy(&window);
}

/// Every page that needs no screen, in the look that `tools/pictures` asks for.
/// Nothing here reads what is shown: it may be in any language.
#[gtk::test]
fn pages_fit_in_every_look() {
    let scene = crate::home::with_profiles();
    scene.until("they are known", || scene.window.library.items().len() > 4);
    let page = |name: &str| shoot_at(&scene, &format!("look-{name}"), sizes());
    scene.window.start(crate::flows::small(&scene, "echo"));
    scene.shows("phase: Running");
    scene.terminal().feed_child(b"what is typed comes back\r\n");
    page("terminal");
    scene.act("win.reach");
    scene.until("what holds is known", || scene.object::<gtk::Widget>("live-memory-row").is_sensitive());
    page("beside");
    scene.act("win.network");
    page("network");
    scene.object::<gtk::ToggleButton>("details-button").emit_clicked();
    scene.act("win.usage");
    scene.until("what it uses is shown", || over("usage").is_some_and(|one| one.width() > 300));
    let all = crate::scene::walk(&over("usage").expect("a window"), &|one| one.is::<gtk::ScrolledWindow>());
    let place = all.and_downcast::<gtk::ScrolledWindow>().expect("what it uses").vadjustment();
    scene.until("nothing of it is below its edge", || place.upper() <= place.page_size());
    shoot_over(&scene, "usage", "usage");
    scene.act("win.back");
    scene.pass(3500);
    page("home");
    scene.window.home.search_for("nothing is called so");
    page("nothing");
    scene.window.home.search_for("");
    scene.object::<gtk::SearchBar>("search-bar").set_search_mode(false);
    scene.act("win.computer");
    scene.pass(500);
    page("computer");
    scene.act("win.preferences");
    shoot_over(&scene, "preferences", "preferences");
    scene.act("win.new-profile");
    shoot_over(&scene, "new-profile-sheet", "templates");
    scene.window.show("runs");
    scene.fake.end(0);
    scene.shows("phase: Ended");
    page("end");
    scene.act("win.close-tab");
    scene.window.start(crate::flows::small(&scene, "refuse this"));
    scene.shows("phase: Ended");
    scene.object::<adw::ExpanderRow>("log-row").set_expanded(true);
    page("failure");
    scene.act("win.close-tab");
}

#[gtk::test]
fn the_form_fits_in_every_look() {
    let scene = crate::home::with_profiles();
    scene.until("they are known", || scene.window.library.items().len() > 4);
    let page = |name: &str| shoot_at(&scene, &format!("look-{name}"), sizes());
    scene.act("win.new-run");
    page("form-empty");
    scene.object::<adw::EntryRow>("command").set_text("echo a b c");
    page("form");
    scene.act("win.form-reach");
    shoot_over(&scene, "sheet", "reach");
    scene.act("win.form-save-as");
    shoot_over(&scene, "save-name", "name");
    // One whose folder is not there.
    let item = scene.window.library.items().into_iter().find(|item| item.stem() == "build").expect("one");
    scene.window.edit(&item.profile.clone().expect("a profile"), Some(&item));
    scene.object::<gtk::SpinButton>("memory").set_value(2048.0);
    page("form-changed");
    // All that can be seen of it, further and further down.
    scene.object::<adw::ComboRow>("show-as").set_selected(1);
    scene.object::<adw::ComboRow>("network").set_selected(1);
    scene.object::<adw::EntryRow>("environment").set_text("1 FOO");
    scene.object::<adw::ActionRow>("advanced").emit_by_name::<()>("activated", &[]);
    // The frame of a list is drawn around it.
    let unfolded = scene.object::<adw::ActionRow>("domain-xml").ancestor(gtk::Revealer::static_type());
    scene.until("nothing is cut off", || {
        unfolded.as_ref().is_some_and(|all| all.overflow() == gtk::Overflow::Visible)
    });
    let place = scene.object::<gtk::ScrolledWindow>("form-scroll").vadjustment();
    for part in 1..=4 {
        shoot_arranged(&scene, &format!("look-form-part{part}"), sizes(), || {
            scene.pass(200);
            place.set_value((place.upper() - place.page_size()) * f64::from(part) / 4.0);
        });
    }
}

#[gtk::test]
fn beside_what_it_can_reach_the_form_is_as_wide_as_on_a_phone() {
    let scene = Scene::new();
    scene.act("win.new-run");
    scene.window.widget.set_default_size(700, 500);
    let form = scene.object::<gtk::ScrolledWindow>("form-scroll");
    scene.until("it is small", || has_width(scene.window.widget.upcast_ref(), 700) && form.width() < 400);
    let flap = form.parent().and_downcast::<adw::Flap>().expect("both");
    assert!(flap.reveals_flap() && !flap.is_folded());
    assert!(form.width() >= 352, "{}", form.width());
}

#[gtk::test]
fn changes_and_the_welcome_fit_in_every_look() {
    let scene = Scene::new();
    scene.shows("home: welcome");
    shoot_at(&scene, "look-welcome", sizes());
    let text: String = (1..30).map(|line| format!("line {line} of a text;\n")).collect();
    scene.fake.written.holds("/home/me/src/tree.c", text.as_bytes());
    scene.fake.written.holds("/home/me/picture.png", &crate::changes::png(1500, 1100));
    scene.run_and_leave(crate::changes::some(), terrarium_engine::profile::Changes::Review);
    shoot_at(&scene, "look-end-review", sizes());
    let changes = scene.look();
    let window = changes.downcast_ref::<gtk::Window>().expect("a window").clone();
    let leaflet = find(&changes, "leaflet").and_downcast::<adw::Leaflet>().expect("a leaflet");
    for &(size, width, height) in sizes() {
        make(&scene, &window, "changes", (width, height));
        for (index, what) in [
            (gtk::INVALID_LIST_POSITION, "list"),
            (5, "text"),
            (2, "about"),
            (0, "folder"),
            (1, "picture"),
            (9, "deleted"),
        ] {
            crate::changes::choose(&changes, index);
            scene.pass(400);
            if index == gtk::INVALID_LIST_POSITION {
                leaflet.set_visible_child_name("list");
                scene.pass(100);
            }
            shoot_looks(&scene, &window, &format!("look-changes-{what}-{size}"), true);
        }
    }
    crate::changes::close(&changes);
}

/// What needs the most room along a line, from the outside in.
fn largest(widget: &gtk::Widget, along: gtk::Orientation) -> String {
    let least = |one: &gtk::Widget| one.measure(along, -1).0;
    let children = std::iter::successors(widget.first_child(), WidgetExt::next_sibling);
    let inner = children.filter(WidgetExt::is_visible).max_by_key(least);
    let text = widget.downcast_ref::<gtk::Label>().map(|label| label.text()).unwrap_or_default();
    let line = format!("{} {} {} {text}", least(widget), widget.type_(), widget.widget_name());
    inner.map_or_else(|| line.clone(), |inner| format!("{line}\n{}", largest(&inner, along)))
}

#[gtk::test]
fn every_page_fits_wide_and_narrow() {
    let (scene, mut machine) = (Scene::new(), Machine::start());
    scene.fake.slow.store(400, Ordering::SeqCst);
    scene.show_screen(&machine);
    scene.act("win.close-tab");
    scene.fake.slow.store(1500, Ordering::SeqCst);
    scene.window.start(scene.screen_plan("echo"));
    scene.shows("page: start");
    scene.pass(1500);
    shoot(&scene, "start");
    scene.until("the screen is shown", || scene.the_screen().is_some_and(|screen| screen.is_shown()));
    let screen = scene.the_screen().expect("a screen");
    shoot(&scene, "screen");
    scene.act("win.show-terminal");
    scene.act("win.new-shell");
    scene.until("it is talked to", || scene.fake.shells() == 1);
    shoot(&scene, "terminal");
    scene.act("win.show-display");
    scene.act("win.fullscreen");
    shoot(&scene, "fullscreen");
    scene.act("win.fullscreen");
    machine.kill();
    scene.within(Duration::from_secs(60), "it is given up", || !screen.is_shown());
    shoot(&scene, "no-picture");
    machine.restart();
    scene.object::<gtk::Button>("screen-again").emit_clicked();
    scene.until("the screen is shown", || screen.is_shown() && screen.is_connected());
    scene.pass(3000);
    scene.fake.end(0);
    scene.shows("Exit code 0");
    shoot(&scene, "end");
    scene.act("win.close-tab");
    scene.run("refuse this");
    scene.shows("Could Not Start");
    scene.object::<adw::ExpanderRow>("log-row").set_expanded(true);
    shoot(&scene, "failure");
}

#[gtk::test]
fn the_form_says_how_a_program_shows() {
    let scene = Scene::new();
    scene.act("win.new-run");
    scene.object::<adw::EntryRow>("command").set_text("echo");
    scene.object::<gtk::CheckButton>("container").set_active(true);
    let clipboard = scene.object::<adw::ComboRow>("clipboard");
    let sound = scene.object::<adw::ActionRow>("sound-row");
    assert!(clipboard.is_visible() && !sound.is_visible(), "a terminal has nothing but a way out");
    scene.object::<adw::ComboRow>("show-as").set_selected(2);
    scene.until("nothing passes from what is not shown", || !clipboard.is_visible());
    scene.object::<adw::ComboRow>("show-as").set_selected(1);
    scene.until("what passes can be chosen", || clipboard.is_visible());
    let below = scene.object::<adw::ActionRow>("show-as-message");
    assert!(below.is_visible() && below.title().contains("spice-vdagent"), "{}", below.title());
    scene.object::<gtk::Switch>("sound").set_active(true);
    let below = scene.object::<adw::ActionRow>("sound-message");
    scene.until("sound in a container is spoken of", || below.is_visible());
    clipboard.set_selected(3);
    let line = scene.object::<adw::ActionRow>("equivalent").subtitle().unwrap_or_default();
    assert!(line.contains("--display") && line.contains("--clipboard=out --sound"), "{line}");
    shoot(&scene, "form");
    scene.act("win.run");
    scene.until("it is started so", || {
        // Beside a narrow form what it can reach is not seen yet.
        if let Some(sheet) = over("sheet") {
            find(&sheet, "run").and_downcast::<gtk::Button>().expect("a button").emit_clicked();
        }
        scene.the_screen().is_some()
    });
    assert_eq!(scene.the_screen().map(|screen| screen.policy()), Some(spice_view::ClipboardPolicy::Out));
}

#[gtk::test]
fn home_shows_what_a_screen_shows() {
    let (scene, machine) = (Scene::new(), Machine::start());
    scene.show_screen(&machine);
    scene.act("win.back");
    let card = || scene.card("Untrusted Documents");
    let picture = || {
        let found = crate::scene::walk(card()?.upcast_ref(), &|one| one.is::<gtk::Picture>());
        found.and_downcast::<gtk::Picture>()
    };
    let shown = || picture().and_then(|picture| picture.paintable()).and_downcast::<gtk::gdk::Texture>();
    scene.until("its tab's picture is on the card", || shown().is_some_and(|shown| shown.width() >= 640));
    scene.picture("home-own");
    scene.window.show("runs");
    scene.act("win.close-tab");
    scene.until("it is taken from the sandbox", || {
        // The fake's is green above.
        let mut bytes = Vec::new();
        shown().is_some_and(|shown| {
            bytes.resize(shown.width() as usize * shown.height() as usize * 4, 0);
            shown.download(&mut bytes, shown.width() as usize * 4);
            bytes[..3] == [0x47, 0x7f, 0x1a]
        })
    });
    scene.picture("home-asked");
    let (width, height) = picture().map_or((0, 0), |picture| (picture.width(), picture.height()));
    assert_eq!((width, height), (304, 160), "the guest's size moves nothing");
}
