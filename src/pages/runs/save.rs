// SPDX-License-Identifier: LGPL-2.1-or-later
//! What a sandbox showed is written to a file.

use super::Runs;
use crate::window::Window;
use gettextrs::gettext;
use gtk::prelude::*;
use gtk::{gio, glib};
use std::rc::Rc;
use terrarium_engine::message;

impl Runs {
    /// Asks where to, and writes the terminal's text there.
    pub fn save_output(self: &Rc<Self>, window: &Rc<Window>) {
        let Some(tab) = self.current() else { return };
        let name = format!("{}.txt", plain(&tab.name()));
        let text = tab.text().into_bytes();
        save(window, &gettext("Save Output"), &name, text, gettext("Output saved"), move |name| {
            tab.output_is_saved(name);
        });
    }

    /// Asks where to, and writes the picture of the screen there.
    pub fn save_screenshot(self: &Rc<Self>, window: &Rc<Window>) {
        let Some(tab) = self.current() else { return };
        let Some(picture) = tab.screen.as_ref().and_then(|screen| screen.picture()) else {
            return window.toast(&gettext("There is no picture yet"));
        };
        let now = glib::DateTime::now_local().and_then(|now| now.format("%Y-%m-%d %H-%M-%S"));
        let name = format!("{} {}.png", plain(&tab.name()), now.unwrap_or_default());
        let bytes = picture.save_to_png_bytes().to_vec();
        save(window, &gettext("Save Screenshot"), &name, bytes, gettext("Screenshot saved"), |_| {});
    }

    /// Puts the picture of the screen into the clipboard.
    pub fn copy_screenshot(&self, window: &Rc<Window>) {
        let picture = self.current().and_then(|tab| tab.screen.as_ref().and_then(|screen| screen.picture()));
        let said = match &picture {
            Some(picture) => {
                window.widget.clipboard().set_texture(picture);
                gettext("Screenshot copied")
            }
            None => gettext("There is no picture yet"),
        };
        window.toast(&said);
    }
}

/// A name without what a file's name cannot hold.
fn plain(name: &str) -> String {
    name.replace(['/', '\0'], "-")
}

/// `then` is told the name of the file.
fn save(
    window: &Rc<Window>,
    title: &str,
    name: &str,
    content: Vec<u8>,
    done: String,
    then: impl FnOnce(&str) + 'static,
) {
    let action = gtk::FileChooserAction::Save;
    let chooser = gtk::FileChooserNative::new(Some(title), Some(&window.widget), action, None, None);
    chooser.set_modal(true);
    chooser.set_current_name(name);
    let window = window.clone();
    glib::spawn_future_local(async move {
        if chooser.run_future().await != gtk::ResponseType::Accept {
            return;
        }
        let Some(file) = chooser.file() else { return };
        if window.save(&file, content, true, &done).await {
            then(&file.basename().unwrap_or_default().to_string_lossy());
        }
    });
}

impl Window {
    /// Writes a file that was chosen, and says so: `done`, or why not.
    /// `private`: for the user alone. Whether it is there.
    pub async fn save(&self, file: &gio::File, content: Vec<u8>, private: bool, done: &str) -> bool {
        let written = match file.path().filter(|_| file.is_native()) {
            Some(path) => {
                self.bridge.save(path, content, private).await.map_err(|error| message::error(&error))
            }
            // On another computer, where no sandbox writes.
            None => {
                let flags = gio::FileCreateFlags::REPLACE_DESTINATION;
                let written = file.replace_contents_future(content, None, false, flags).await;
                written.map(drop).map_err(|(_, error)| error.message().to_owned())
            }
        };
        let is_there = written.is_ok();
        self.toast(&written.map_or_else(|why| why, |()| done.to_owned()));
        is_there
    }
}
