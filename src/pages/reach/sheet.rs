// SPDX-License-Identifier: LGPL-2.1-or-later
//! The sheet: before a run with Cancel and Run, of a running one without.

use super::pane::{Hide, Pane};
use crate::pages::{chip, icon_of, object};
use adw::prelude::*;
use gettextrs::gettext;
use std::rc::Rc;
use terrarium_engine::message;
use terrarium_engine::profile::Profile;
use terrarium_engine::reach::Reach;

/// What the sheet is to be asked for.
#[derive(Default)]
pub struct Ask {
    /// The file that the profile came from.
    pub from: Option<String>,
    /// What Run does; without it the sheet only tells.
    pub run: Option<Box<dyn FnOnce()>>,
    /// What hides secrets.
    pub hide: Option<Box<Hide>>,
}

/// Shows what a profile can reach, over `parent`.
pub fn show(parent: &impl IsA<gtk::Window>, profile: &Profile, reach: &Reach, ask: Ask) -> adw::Window {
    let builder = crate::pages::layout(include_str!("sheet.ui"));
    let sheet: adw::Window = object(&builder, "sheet");
    sheet.set_transient_for(Some(parent));
    let (width, height) = sheet.default_size();
    let room = |wanted: i32, there: i32| if there > 0 { wanted.min(there) } else { wanted };
    // Without a window manager that looks after it, it would reach out of a
    // narrow screen.
    sheet.set_default_size(room(width, parent.as_ref().width()), room(height, parent.as_ref().height()));
    let mark = chip(profile.colour, "", icon_of(profile));
    mark.set_tooltip_text(Some(&crate::look::name(profile.colour)));
    object::<gtk::Box>(&builder, "title-row").prepend(&mark);
    object::<gtk::Label>(&builder, "name").set_label(&message::shown(&profile.name));
    let words = profile.command.argv.iter().map(|word| message::quote(&word.to_string_lossy()));
    let command = message::shown(&words.collect::<Vec<_>>().join(" "));
    object::<gtk::Label>(&builder, "command").set_label(&command);
    if let Some(file) = &ask.from {
        let from = object::<gtk::Label>(&builder, "from");
        let text = gettext("From: {file}").replace("{file}", &message::shown(file));
        from.set_label(&format!("\u{2068}{text}\u{2069}"));
        from.set_visible(true);
    }
    let pane = Pane::new();
    if let Some(hide) = ask.hide {
        let weak = sheet.downgrade();
        pane.on_hide(move |secrets| {
            if let Some(sheet) = weak.upgrade() {
                sheet.close();
            }
            hide(secrets);
        });
    }
    pane.show(&message::reach(reach), false);
    object::<gtk::Box>(&builder, "body").append(&pane.widget);
    let own = ask.from.is_none() && ask.run.is_some();
    connect(&builder, &sheet, ask.run);
    if own {
        // What came from elsewhere is not run by a key that was meant for
        // something else.
        object::<gtk::Button>(&builder, "run").grab_focus();
    }
    sheet.present();
    sheet
}

fn connect(builder: &gtk::Builder, sheet: &adw::Window, run: Option<Box<dyn FnOnce()>>) {
    let keys = gtk::ShortcutController::new();
    let close = gtk::NamedAction::new("window.close");
    keys.add_shortcut(gtk::Shortcut::new(gtk::ShortcutTrigger::parse_string("Escape"), Some(close)));
    sheet.add_controller(keys);
    let (cancel, go) = (object::<gtk::Button>(builder, "cancel"), object::<gtk::Button>(builder, "run"));
    let header = object::<adw::HeaderBar>(builder, "header");
    let asks = run.is_some();
    header.set_show_end_title_buttons(!asks);
    header.set_show_start_title_buttons(!asks);
    cancel.set_visible(asks);
    go.set_visible(asks);
    let weak = sheet.downgrade();
    cancel.connect_clicked(move |_| {
        if let Some(sheet) = weak.upgrade() {
            sheet.close();
        }
    });
    if !asks {
        return;
    }
    sheet.set_default_widget(Some(&go));
    let (weak, run) = (sheet.downgrade(), Rc::new(std::cell::Cell::new(run)));
    go.connect_clicked(move |_| {
        if let Some(sheet) = weak.upgrade() {
            sheet.close();
        }
        if let Some(run) = run.take() {
            run();
        }
    });
}
