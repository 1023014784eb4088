// SPDX-License-Identifier: LGPL-2.1-or-later
//! The application: one instance, its translations, its shortcuts.

use crate::bridge::Bridge;
use crate::look;
use crate::window::Window;
use adw::prelude::*;
use gettextrs::gettext;
use gtk::glib;

/// The app's id on the desktop.
pub const APP_ID: &str = "org.terrarium.Terrarium";

const SIGUSR1: i32 = 10;

/// Runs until the last window is closed.
pub fn run() -> glib::ExitCode {
    let _ = tracing_subscriber::fmt().with_env_filter("warn").with_writer(std::io::stderr).try_init();
    set_up_texts();
    load_resources();
    let flags = gtk::gio::ApplicationFlags::HANDLES_COMMAND_LINE;
    let app = adw::Application::builder().application_id(APP_ID).flags(flags).build();
    add_options(&app);
    app.connect_startup(|app| {
        look::load();
        set_accels(app, true);
    });
    app.connect_activate(|app| match app.active_window() {
        Some(window) => window.present(),
        None => Window::open(app, Bridge::real()),
    });
    app.connect_command_line(|app, line| {
        app.activate();
        if let Ok(Some(name)) = line.options_dict().lookup::<String>("view") {
            if let Some(window) = Window::first(app) {
                window.view(name);
            }
        }
        glib::ExitCode::SUCCESS
    });
    app.run()
}

/// The window's shortcuts. The last ones work also while a sandbox's screen has
/// the keyboard.
const SHORTCUTS: &[(&str, &[&str])] = &[
    ("win.new-run", &["<Control>n"]),
    ("win.run", &["<Control>Return"]),
    ("win.back", &["<Alt>Left"]),
    ("win.close-tab", &["<Control>w"]),
    ("win.copy", &["<Control><Shift>c"]),
    ("win.paste", &["<Control><Shift>v"]),
    ("win.shortcuts", &["<Control>question"]),
    ("window.close", &["<Control>q"]),
];
const ALWAYS: &[(&str, &[&str])] = &[("win.fullscreen", &["F11"])];

fn set_accels(app: &adw::Application, on: bool) {
    for (action, keys) in SHORTCUTS {
        app.set_accels_for_action(action, if on { keys } else { &[] });
    }
    for (action, keys) in ALWAYS {
        app.set_accels_for_action(action, keys);
    }
}

/// Lets the shortcuts of a window's application work, or leaves their keys to
/// a sandbox.
pub fn set_shortcuts(window: &adw::ApplicationWindow, on: bool) {
    if let Some(app) = window.application().and_downcast::<adw::Application>() {
        set_accels(&app, on);
    }
}

/// The app's own icons, found by its id.
pub fn load_resources() {
    if let Err(error) = gtk::gio::resources_register_include!("terrarium.gresource") {
        tracing::warn!(%error, "the icons could not be loaded");
    }
}

/// `--view NAME` shows a sandbox, in the window that is open if there is one.
/// `--dump-state FILE` is for tests: on SIGUSR1 what the first window shows is
/// written there as text, the terminal's content included.
fn add_options(app: &adw::Application) {
    app.add_main_option(
        "dump-state",
        glib::Char::from(0),
        glib::OptionFlags::HIDDEN,
        glib::OptionArg::Filename,
        "Write what is shown to FILE on SIGUSR1",
        Some("FILE"),
    );
    app.add_main_option(
        "view",
        glib::Char::from(0),
        glib::OptionFlags::NONE,
        glib::OptionArg::String,
        &gettext("Show the sandbox called NAME"),
        Some(&gettext("NAME")),
    );
    app.connect_handle_local_options(|app, options| {
        let Ok(Some(path)) = options.lookup::<std::path::PathBuf>("dump-state") else {
            return std::ops::ControlFlow::Continue(());
        };
        let app = app.downgrade();
        glib::unix_signal_add_local(SIGUSR1, move || {
            let Some(app) = app.upgrade() else { return glib::ControlFlow::Break };
            if let Some(window) = Window::first(&app) {
                if let Err(error) = std::fs::write(&path, window.describe()) {
                    tracing::warn!(%error, "the state could not be written");
                }
            }
            glib::ControlFlow::Continue
        });
        std::ops::ControlFlow::Continue(())
    });
}

fn set_up_texts() {
    use gettextrs::{bind_textdomain_codeset, bindtextdomain, setlocale, textdomain, LocaleCategory};
    setlocale(LocaleCategory::LcAll, "");
    let folder = option_env!("TERRARIUM_LOCALEDIR").unwrap_or("/usr/share/locale");
    // Without its translations Terrarium speaks English.
    let _ = bindtextdomain("terrarium", folder);
    let _ = bind_textdomain_codeset("terrarium", "UTF-8");
    let _ = textdomain("terrarium");
}
