// SPDX-License-Identifier: LGPL-2.1-or-later
//! What the program is called with: files, a sandbox to show, a profile to
//! run. A second call is answered by the program that runs already.

use crate::application::{open_files, ACTIONS};
use crate::bridge::Bridge;
use crate::frames;
use crate::window::{Purpose, Window};
use gettextrs::gettext;
use gtk::glib::{ExitCode, OptionArg, OptionFlags};
use gtk::prelude::*;
use gtk::{gio, glib};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use terrarium_engine::message;

const SIGUSR1: i32 = 10;

/// So long a sandbox is looked for before there is a window to wait in.
const SLOW: Duration = Duration::from_secs(2);

/// What this program was started for has failed.
static FAILED: AtomicBool = AtomicBool::new(false);

/// What the whole program ends with.
pub fn status(code: ExitCode) -> ExitCode {
    if FAILED.load(Ordering::Relaxed) {
        ExitCode::FAILURE
    } else {
        code
    }
}

/// Says something where the program was started as well: nobody may look at its
/// window.
fn tell(text: &str) {
    eprintln!("terrarium: {text}");
}

/// `--view NAME` shows a sandbox, in the window that is open if there is one.
/// `--dump-state FILE` is for tests: on SIGUSR1 what the first window shows is
/// written there as text, the terminal's content and how many pictures were
/// drawn included.
pub fn add_options(app: &adw::Application) {
    let (hidden, shown) = (OptionFlags::HIDDEN, OptionFlags::NONE);
    let name = gettext("NAME");
    let edit = gettext("Edit copies of the files; what changed waits to be accepted");
    for (word, flags, kind, text, value) in [
        (
            "dump-state",
            hidden,
            OptionArg::Filename,
            "Write what is shown to FILE on SIGUSR1".into(),
            Some("FILE"),
        ),
        ("view", shown, OptionArg::String, gettext("Show the sandbox called NAME"), Some(name.as_str())),
        ("run", shown, OptionArg::String, gettext("Run the profile called NAME"), Some(name.as_str())),
        ("act", hidden, OptionArg::String, "Do what the app’s icon offers".into(), Some("NAME")),
        ("edit", shown, OptionArg::None, edit, None),
    ] {
        app.add_main_option(word, glib::Char::from(0), flags, kind, &text, value);
    }
    app.set_option_context_parameter_string(Some(&gettext("[FILE…]")));
    app.connect_handle_local_options(|app, options| {
        if let Ok(Some(path)) = options.lookup::<std::path::PathBuf>("dump-state") {
            dump_state(app, path);
        }
        std::ops::ControlFlow::Continue(())
    });
}

fn dump_state(app: &adw::Application, path: std::path::PathBuf) {
    app.connect_window_added(|_, window| frames::count(window));
    let app = app.downgrade();
    glib::unix_signal_add_local(SIGUSR1, move || {
        let Some(app) = app.upgrade() else { return glib::ControlFlow::Break };
        if let Some(window) = Window::first(&app) {
            if let Err(error) = std::fs::write(&path, window.describe() + &frames::describe()) {
                tracing::warn!(%error, "the state could not be written");
            }
        }
        glib::ControlFlow::Continue
    });
}

/// Does what a call asks for.
pub fn answer(app: &adw::Application, line: &gio::ApplicationCommandLine) -> ExitCode {
    let words = line.arguments();
    let options = line.options_dict();
    let asked = |name: &str| options.lookup::<String>(name).ok().flatten();
    let files = words.iter().skip(1).filter(|word| !word.to_string_lossy().starts_with('-'));
    let files: Vec<gio::File> = files.map(|word| line.create_file_for_arg(word)).collect();
    if let Some(name) = asked("view") {
        view(app, line, name);
        if files.is_empty() {
            return ExitCode::SUCCESS;
        }
    }
    app.activate();
    let purpose = if options.contains("edit") { Purpose::Edit } else { Purpose::View };
    let is_missing = |file: &&gio::File| file.path().is_some_and(|path| !path.exists());
    let missing = files.iter().find(is_missing).and_then(|file| file.path());
    open_files(app, files, purpose);
    if let Some((name, window)) = asked("run").zip(Window::first(app)) {
        let line = line.clone();
        glib::spawn_future_local(async move {
            if let Err(text) = window.run_named(name).await {
                fail(&line, &text);
                window.toast(&text);
            }
        });
    }
    if let Some(name) = asked("act").filter(|name| ACTIONS.contains(&name.as_str())) {
        app.activate_action(&name, None);
    }
    if let Some(path) = missing {
        let text = gettext("There is no file {path}.");
        fail(line, &text.replace("{path}", &message::shown(&path.to_string_lossy())));
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

/// Shows a sandbox. One that is not there opens no window: whoever called reads
/// why, and in the window that is open already if there is one.
fn view(app: &adw::Application, line: &gio::ApplicationCommandLine, name: String) {
    let (app, line, hold) = (app.clone(), line.clone(), app.hold());
    glib::spawn_future_local(async move {
        let bridge = Window::first(&app).map_or_else(Bridge::real, |window| window.bridge.clone());
        let open = || Window::first(&app).unwrap_or_else(|| Window::new(&app, bridge.clone()));
        let mut found = pin!(async {
            bridge.begin().await;
            bridge.find(name).await
        });
        let found = match glib::future_with_timeout(SLOW, found.as_mut()).await {
            Ok(found) => found,
            Err(_) => {
                open().widget.present();
                found.await
            }
        };
        match found {
            Ok(one) => {
                let window = open();
                window.attach(&one);
                window.widget.present();
            }
            Err(error) => {
                let text = message::error(&error);
                fail(&line, &text);
                Window::first(&app).iter().for_each(|window| {
                    window.toast(&text);
                    window.widget.present();
                });
            }
        }
        drop(hold);
    });
}

/// Says why, and has the call end with a failure; it is answered when nobody
/// holds it any more.
fn fail(line: &gio::ApplicationCommandLine, text: &str) {
    line.set_exit_status(ExitCode::FAILURE.get().into());
    if !line.is_remote() {
        tell(text);
        FAILED.store(true, Ordering::Relaxed);
    }
}
