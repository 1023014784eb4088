// SPDX-License-Identifier: LGPL-2.1-or-later
//! The application: one instance, its translations, its shortcuts.

use crate::bridge::Bridge;
use crate::command_line;
use crate::look;
use crate::renderer;
use crate::search::{self, Chosen};
use crate::spoken;
use crate::window::{Purpose, Window};
use adw::prelude::*;
use adw::subclass::prelude::*;
use gtk::{gio, glib};

/// The app's id on the desktop.
pub const APP_ID: &str = terrarium_engine::profile::launcher::APP_ID;

/// So long a program without a window waits for another question, in
/// milliseconds.
const LINGER: u32 = 10_000;

mod imp {
    use super::*;

    #[derive(Default)]
    pub struct App;

    #[glib::object_subclass]
    impl ObjectSubclass for App {
        const NAME: &'static str = "TrApplication";
        type Type = super::App;
        type ParentType = adw::Application;
    }

    impl ObjectImpl for App {}

    impl ApplicationImpl for App {
        fn dbus_register(
            &self,
            connection: &gio::DBusConnection,
            object_path: &str,
        ) -> Result<(), glib::Error> {
            self.parent_dbus_register(connection, object_path)?;
            search::provide(self.obj().upcast_ref(), connection, open_chosen)
        }
    }

    impl GtkApplicationImpl for App {}
    impl AdwApplicationImpl for App {}
}

glib::wrapper! {
    /// The application: it answers the desktop's search as well.
    pub struct App(ObjectSubclass<imp::App>)
        @extends adw::Application, gtk::Application, gio::Application,
        @implements gio::ActionGroup, gio::ActionMap;
}

/// What was chosen in the desktop's search is run, or searched for here.
fn open_chosen(app: &gio::Application, chosen: Chosen) {
    app.activate();
    let Some(window) = app.downcast_ref().and_then(Window::first) else { return };
    match chosen {
        Chosen::Profile(stem) => window.run_by_name(stem),
        Chosen::Search(words) => {
            window.show("home");
            window.home.search_for(&words);
        }
    }
    window.widget.present();
}

/// Runs until the last window is closed.
pub fn run() -> glib::ExitCode {
    let _ = tracing_subscriber::fmt().with_env_filter("warn").with_writer(std::io::stderr).try_init();
    set_up_texts();
    load_resources();
    renderer::choose();
    let _bus = spoken::connect();
    let flags = gio::ApplicationFlags::HANDLES_COMMAND_LINE | gio::ApplicationFlags::HANDLES_OPEN;
    let app: App =
        glib::Object::builder().property("application-id", APP_ID).property("flags", flags).build();
    let app: adw::Application = app.upcast();
    command_line::add_options(&app);
    app.connect_startup(|app| {
        if app.flags().contains(gio::ApplicationFlags::IS_SERVICE) {
            app.set_inactivity_timeout(LINGER);
        }
        look::load();
    });
    app.connect_activate(|app| match app.active_window() {
        Some(window) => window.present(),
        None => Window::open(app, Bridge::real()),
    });
    app.connect_open(|app, files, _| {
        app.activate();
        open_files(app, files.to_vec(), Purpose::View);
    });
    app.connect_command_line(command_line::answer);
    add_actions(&app);
    command_line::status(app.run())
}

/// Opens files one after the other: profiles, and what is looked at or edited.
pub fn open_files(app: &adw::Application, files: Vec<gio::File>, purpose: Purpose) {
    let Some(window) = Window::first(app).filter(|_| !files.is_empty()) else { return };
    glib::spawn_future_local(async move {
        window.bridge.begin().await;
        for file in files {
            window.open_file(file, purpose).await;
        }
    });
}

/// What the desktop offers beside the app's icon.
pub const ACTIONS: [&str; 3] = ["new-run", "open-terminal", "open-document"];

/// What notifications and the app's icon do.
pub fn add_actions(app: &adw::Application) {
    for name in ACTIONS {
        let action = gio::SimpleAction::new(name, None);
        let weak = app.downgrade();
        action.connect_activate(move |_, _| {
            let Some(app) = weak.upgrade() else { return };
            if Window::first(&app).is_none() {
                app.activate();
            }
            let Some(window) = Window::first(&app) else { return };
            glib::spawn_future_local(async move {
                // What works here has to be known.
                window.bridge.begin().await;
                window.widget.present();
                let _ = WidgetExt::activate_action(&window.widget, &format!("win.{name}"), None);
            });
        });
        app.add_action(&action);
    }
    let show = gio::SimpleAction::new("show-sandbox", Some(glib::VariantTy::STRING));
    show.connect_activate(|_, uuid| {
        if let Some(uuid) = uuid.and_then(glib::Variant::str) {
            let _ = Window::all().iter().any(|window| window.show_tab(uuid));
        }
    });
    app.add_action(&show);
}

/// The app's own icons, found by its id.
pub fn load_resources() {
    if let Err(error) = gio::resources_register_include!("terrarium.gresource") {
        tracing::warn!(%error, "the icons could not be loaded");
    }
}

/// The language of the desktop.
pub fn set_up_texts() {
    use gettextrs::{bind_textdomain_codeset, bindtextdomain, setlocale, textdomain, LocaleCategory};
    setlocale(LocaleCategory::LcAll, "");
    let folder = option_env!("TERRARIUM_LOCALEDIR").unwrap_or("/usr/share/locale");
    // Without its translations Terrarium speaks English.
    let _ = bindtextdomain("terrarium", folder);
    let _ = bind_textdomain_codeset("terrarium", "UTF-8");
    let _ = textdomain("terrarium");
}
