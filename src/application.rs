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
    let flags = gtk::gio::ApplicationFlags::HANDLES_COMMAND_LINE | gtk::gio::ApplicationFlags::HANDLES_OPEN;
    let app = adw::Application::builder().application_id(APP_ID).flags(flags).build();
    add_options(&app);
    app.connect_startup(|_| look::load());
    app.connect_activate(|app| match app.active_window() {
        Some(window) => window.present(),
        None => Window::open(app, Bridge::real()),
    });
    app.connect_open(|app, files, _| {
        app.activate();
        open_files(app, files.to_vec());
    });
    app.connect_command_line(|app, line| {
        app.activate();
        let words = line.arguments();
        let files = words.iter().skip(1).filter(|word| !word.to_string_lossy().starts_with('-'));
        open_files(app, files.map(|word| line.create_file_for_arg(word)).collect());
        let Some(window) = Window::first(app) else { return glib::ExitCode::SUCCESS };
        if let Ok(Some(name)) = line.options_dict().lookup::<String>("view") {
            window.view(name);
        }
        if let Ok(Some(name)) = line.options_dict().lookup::<String>("run") {
            window.run_by_name(name);
        }
        glib::ExitCode::SUCCESS
    });
    add_actions(&app);
    app.run()
}

/// Opens files one after the other: profiles, and what is looked at.
fn open_files(app: &adw::Application, files: Vec<gtk::gio::File>) {
    let Some(window) = Window::first(app).filter(|_| !files.is_empty()) else { return };
    glib::spawn_future_local(async move {
        window.bridge.begin().await;
        for file in files {
            window.open_file(file).await;
        }
    });
}

/// What notifications do.
fn add_actions(app: &adw::Application) {
    let show = gtk::gio::SimpleAction::new("show-sandbox", Some(glib::VariantTy::STRING));
    show.connect_activate(|_, uuid| {
        if let Some(uuid) = uuid.and_then(glib::Variant::str) {
            let _ = Window::all().iter().any(|window| window.show_tab(uuid));
        }
    });
    app.add_action(&show);
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
    app.add_main_option(
        "run",
        glib::Char::from(0),
        glib::OptionFlags::NONE,
        glib::OptionArg::String,
        &gettext("Run the profile called NAME"),
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
