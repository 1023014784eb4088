// SPDX-License-Identifier: LGPL-2.1-or-later
//! A new profile begins with a template, or empty.

use super::templates::{read_apps, share, Template};
use super::{chip, object};
use crate::window::Window;
use adw::prelude::*;
use gettextrs::gettext;
use gtk::glib;
use std::rc::Rc;
use terrarium_engine::profile::{Colour, Icon, MountMode, Profile};

/// Asks for a beginning, over the window.
pub fn show(window: &Rc<Window>) {
    let builder = crate::pages::layout(include_str!("new_profile.ui"));
    let sheet: adw::Window = object(&builder, "sheet");
    sheet.set_transient_for(Some(&window.widget));
    sheet.set_widget_name("new-profile-sheet");
    let rows: gtk::ListBox = object(&builder, "templates");
    for template in Template::ALL {
        let (title, sentence) = template.words();
        let row = row(&title, &sentence, template.looks());
        rows.append(&row);
        let (weak, own) = (Rc::downgrade(window), sheet.downgrade());
        row.connect_activated(move |_| {
            own.upgrade().iter().for_each(|sheet| sheet.close());
            if let Some(window) = weak.upgrade() {
                begin(&window, template);
            }
        });
    }
    let other: gtk::ListBox = object(&builder, "empty");
    let row = row(
        &gettext("Empty Profile"),
        &gettext("Nothing is shared or allowed until you say so."),
        (Colour::default(), Icon::Terminal),
    );
    other.append(&row);
    let (weak, own) = (Rc::downgrade(window), sheet.downgrade());
    row.connect_activated(move |_| {
        own.upgrade().iter().for_each(|sheet| sheet.close());
        if let Some(window) = weak.upgrade() {
            window.edit_new(&Profile::new("", Vec::new()));
        }
    });
    crate::window::close_with_escape(&sheet);
    sheet.present();
}

fn row(title: &str, sentence: &str, (colour, icon): (Colour, Icon)) -> adw::ActionRow {
    let row = adw::ActionRow::builder().title(title).subtitle(sentence).activatable(true).build();
    row.set_subtitle_lines(0);
    row.set_title_lines(0);
    row.add_prefix(&chip(colour, "", icon.themed()));
    row.add_suffix(&gtk::Image::from_icon_name("go-next-symbolic"));
    row
}

/// The form with this beginning; what it lacks is asked for.
fn begin(window: &Rc<Window>, template: Template) {
    let window = window.clone();
    glib::spawn_future_local(async move {
        let apps = window.bridge.look_at(read_apps).await.unwrap_or_default();
        let Some(host) = window.bridge.host() else { return };
        if template == Template::Document {
            // It is about one file, and the app is the one for its kind.
            return window.ask_for_profile_of_document();
        }
        let mut profile = template.profile(host, &apps);
        if template == Template::Build {
            let Some(folder) = folder(&window).await else { return };
            profile.files.mounts = vec![share(&folder, MountMode::Rw)];
            profile.command.directory = Some(folder);
        }
        window.edit_new(&profile);
    });
}

async fn folder(window: &Rc<Window>) -> Option<std::path::PathBuf> {
    let (title, action) = (gettext("The Project’s Folder"), gtk::FileChooserAction::SelectFolder);
    let chooser = gtk::FileChooserNative::new(Some(&title), Some(&window.widget), action, None, None);
    chooser.set_modal(true);
    let accepted = chooser.run_future().await == gtk::ResponseType::Accept;
    chooser.file().filter(|_| accepted)?.path()
}
