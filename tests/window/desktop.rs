// SPDX-License-Identifier: LGPL-2.1-or-later
//! Settings, the terminal's help, and what comes from the desktop.

use crate::home::with_profiles;
use crate::looks::{shoot, shoot_at};
use crate::scene::{find, over, says};
use crate::Scene;
use adw::prelude::*;
use terrarium::settings::settings;
use terrarium::window::Purpose;
use vte::prelude::*;

#[gtk::test]
fn what_is_set_holds_at_once_and_without_being_installed() {
    let scene = Scene::new();
    scene.run("echo");
    scene.shows("phase: Running");
    let terminal = scene.terminal();
    scene.act("win.preferences");
    scene.until("they are shown", || over("terminal-colours").is_some());
    let preferences = over("preferences").expect("a window");
    settings().set_text("default-isolation", "machine");
    assert_eq!(settings().text("default-isolation"), "machine");
    scene.pass(200);
    scene.picture_of(&preferences, "preferences");
    let before = terminal.color_background_for_draw();
    over("terminal-colours").and_downcast::<adw::ComboRow>().expect("a row").set_selected(2);
    scene.until("the terminal is dark", || terminal.color_background_for_draw() != before);
    over("default-isolation").and_downcast::<adw::ComboRow>().expect("a row").set_selected(1);
    assert_eq!(settings().isolation(), Some(terrarium_engine::profile::Isolation::Container));
    settings().set_text("terminal-colours", "follow");
    // The desktop turns dark, and light again, while it is shown.
    let manager = adw::StyleManager::default();
    for scheme in [adw::ColorScheme::ForceDark, adw::ColorScheme::ForceLight] {
        manager.set_color_scheme(scheme);
        let is_dark = scheme == adw::ColorScheme::ForceDark;
        scene.until("the terminal follows", || {
            (terminal.color_background_for_draw().green() < 0.5) == is_dark
        });
    }
    manager.set_color_scheme(adw::ColorScheme::Default);
    settings().set_text("default-isolation", "automatic");
    preferences.downcast::<gtk::Window>().expect("a window").close();
    scene.act("win.zoom-in");
    assert!(terminal.font_scale() > 1.0);
    scene.act("win.zoom-normal");
    assert!((terminal.font_scale() - 1.0).abs() < 0.01);
}

#[gtk::test]
fn text_is_found_in_a_terminal() {
    let scene = Scene::new();
    scene.run("echo");
    scene.shows("phase: Running");
    scene.terminal().feed_child(b"needle (a+b) hay");
    scene.shows("hay");
    scene.act("win.find");
    let entry = scene.object::<gtk::SearchEntry>("find-entry");
    // It is no pattern.
    entry.set_text("(A+B)");
    scene.until("it is found", || scene.terminal().has_selection());
    assert!(!entry.has_css_class("error"));
    shoot(&scene, "find");
    entry.set_text("straw");
    scene.until("what is not there is said not to be", || entry.has_css_class("error"));
    scene.object::<gtk::SearchBar>("find-bar").set_search_mode(false);
}

#[gtk::test]
fn the_clock_stands_still_while_it_is_paused() {
    let scene = Scene::new();
    scene.run("echo");
    scene.shows("phase: Running");
    scene.act("win.pause");
    scene.shows("subtitle: Paused");
    let subtitle = || {
        let text = scene.window.describe();
        text.lines().find(|line| line.starts_with("subtitle:")).map(str::to_owned)
    };
    let before = subtitle();
    scene.pass(2100);
    assert_eq!(subtitle(), before);
    scene.act("win.pause");
    scene.until("it goes on", || subtitle() != before);
    scene.act("win.reach");
    let pane = scene.object::<gtk::ScrolledWindow>("reach-pane");
    scene.until("what a running one reaches is said", || {
        pane.is_mapped() && says(pane.upcast_ref(), "Talk to the network")
    });
    assert!(over("sheet").is_none(), "it is beside the sandbox");
}

#[gtk::test]
fn a_profile_runs_by_its_name_and_a_file_is_opened() {
    let scene = with_profiles();
    scene.until("they are known", || !scene.window.library.items().is_empty());
    scene.window.run_by_name("shell".into());
    scene.until("the sheet is shown", || over("sheet").is_some());
    find(&over("sheet").expect("a sheet"), "run")
        .and_downcast::<gtk::Button>()
        .expect("a button")
        .emit_clicked();
    scene.shows("name: Terminal Without Network");
    let offer = scene.folder().join("offer.terrarium");
    std::fs::write(&offer, "version = 1\nname = \"Offer\"\n[command]\nargv = [\"echo\"]\n").expect("written");
    let (window, file) = (scene.window.clone(), gtk::gio::File::for_path(&offer));
    gtk::glib::spawn_future_local(async move { window.open_file(file, Purpose::View).await });
    scene.until("its origin is said", || {
        over("sheet").is_some_and(|sheet| says(&sheet, "From: offer.terrarium"))
    });
    over("sheet").and_downcast::<gtk::Window>().expect("a sheet").close();
}

#[gtk::test]
fn another_direction_large_text_and_high_contrast_fit() {
    let scene = with_profiles();
    scene.until("they are known", || !scene.window.library.items().is_empty());
    let settings = gtk::Settings::default().expect("settings");
    gtk::Widget::set_default_direction(gtk::TextDirection::Rtl);
    shoot(&scene, "home-rtl");
    scene.act("win.new-run");
    shoot(&scene, "form-rtl");
    gtk::Widget::set_default_direction(gtk::TextDirection::Ltr);
    let dpi = settings.gtk_xft_dpi();
    settings.set_gtk_xft_dpi(144 * 1024);
    let sizes = [("wide", 1100, 760), ("narrow", 360, 640)];
    shoot_at(&scene, "form-large", &sizes);
    scene.act("win.back");
    shoot_at(&scene, "home-large", &sizes);
    settings.set_gtk_xft_dpi(dpi);
}

#[gtk::test]
fn titles_are_whole_in_a_narrow_window_with_large_text() {
    let scene = Scene::new();
    let settings = gtk::Settings::default().expect("settings");
    let dpi = settings.gtk_xft_dpi();
    let whole = |id: &str| {
        let shown = scene.object::<adw::Squeezer>(id).visible_child().and_downcast::<gtk::Label>();
        let shown = shown.expect("a label");
        (!shown.layout().is_ellipsized() && !shown.text().is_empty()).then(|| shown.text().to_string())
    };
    scene.run("echo");
    scene.shows("phase: Running");
    let of_time = |text: &str| text.starts_with("0:");
    for (dpi, width) in [(dpi, 1100), (dpi, 376), (144 * 1024, 376)] {
        settings.set_gtk_xft_dpi(dpi);
        scene.window.widget.set_default_size(width, 656);
        scene.until("it has its width", || scene.window.widget.width() <= width);
        scene.until("its time is whole", || {
            whole("subtitles").is_some_and(|text| of_time(&text) != (width > 400))
        });
        scene.act("win.computer");
        scene.until("its title is whole", || whole("titles").is_some());
        assert_eq!(whole("titles").as_deref(), Some("This Computer"));
        scene.picture(&format!("titles-{width}-{dpi}"));
        scene.act("win.back");
        scene.window.show("runs");
        scene.picture(&format!("title-{width}-{dpi}"));
    }
    settings.set_gtk_xft_dpi(dpi);
}

#[gtk::test]
fn what_the_icon_offers_is_done() {
    let scene = Scene::new();
    let app = scene.window.widget.application().and_downcast::<adw::Application>().expect("an app");
    terrarium::application::add_actions(&app);
    app.activate_action("new-run", None);
    scene.until("the form is shown", || scene.window.shows("form"));
    app.activate_action("open-terminal", None);
    scene.shows("name: Terminal");
    // What is in the menu of the icon is there.
    let file = include_str!("../../data/org.terrarium.Terrarium.desktop.in");
    let names = file.lines().find_map(|line| line.strip_prefix("Actions=")).expect("actions");
    let names: Vec<&str> = names.split(';').filter(|name| !name.is_empty()).collect();
    assert_eq!(names, terrarium::application::ACTIONS);
    for name in names {
        assert!(file.contains(&format!("[Desktop Action {name}]")), "{name}");
    }
}

/// What is weaker than by default says so beside its switch.
#[gtk::test]
fn a_weaker_setting_is_said_in_words() {
    let scene = Scene::new();
    scene.act("win.new-run");
    for (row, words) in [("sound-row", "You hear what it plays"), ("microphone-row", "It hears what is said")]
    {
        let row = scene.object::<adw::ActionRow>(row);
        assert!(row.subtitle().is_some_and(|text| text.contains(words)), "{:?}", row.subtitle());
    }
    let words = scene.object::<adw::ActionRow>("unmask-words");
    assert!(words.title().contains("can read what is named here"), "{}", words.title());
    let above = words.prev_sibling().expect("the row");
    assert_eq!(above.widget_name(), "unmask");
}
