// SPDX-License-Identifier: LGPL-2.1-or-later
//! A small viewer: `spice-view spice+unix:///PATH` or `spice-view spice://HOST:PORT`.

use std::cell::Cell;

use gtk::gdk;
use gtk::glib;
use gtk::prelude::*;
use spice_view::{Combo, Connector, Options, ScaleMode, SpiceView, State};

const COMBOS: [&str; 4] = ["Ctrl+Alt+Delete", "Ctrl+Alt+F1", "Ctrl+Alt+F2", "Print"];

fn main() -> glib::ExitCode {
    let uri = std::env::args().nth(1).unwrap_or_default();
    let connector = match Connector::from_uri(&uri) {
        Ok(connector) => connector,
        Err(error) => {
            eprintln!("{error}\nUsage: spice-view URI");
            return glib::ExitCode::from(2);
        }
    };
    let connector = Cell::new(Some(connector));
    let app = gtk::Application::new(None::<&str>, gtk::gio::ApplicationFlags::NON_UNIQUE);
    app.connect_activate(move |app| {
        if let Some(connector) = connector.take() {
            show(app, connector);
        }
    });
    app.run_with_args(&[uri])
}

fn show(app: &gtk::Application, connector: Connector) {
    let view = SpiceView::new();
    let pages = gtk::Stack::new();
    let message = gtk::Label::builder().wrap(true).build();
    let again = gtk::Button::builder().label("Connect again").halign(gtk::Align::Center).build();
    let ended = gtk::Box::new(gtk::Orientation::Vertical, 12);
    ended.set_valign(gtk::Align::Center);
    ended.append(&message);
    ended.append(&again);
    let scrolled = gtk::ScrolledWindow::builder().child(&view).propagate_natural_width(true).build();
    scrolled.set_propagate_natural_height(true);
    pages.add_named(&scrolled, Some("guest"));
    pages.add_named(&ended, Some("ended"));

    let link = spice_view::open(connector, Options::default());
    view.connect_state_changed({
        let pages = pages.clone();
        move |_, state| {
            let text = match state {
                State::Failed(failure) => failure.to_string(),
                State::Closed => "The session has ended".to_owned(),
                _ => return pages.set_visible_child_name("guest"),
            };
            message.set_text(&text);
            pages.set_visible_child_name("ended");
        }
    });
    view.set_link(Some(&link));
    again.connect_clicked(move |_| link.send(spice_view::Command::Reconnect));

    let window = gtk::ApplicationWindow::builder().application(app).title("SPICE").child(&pages).build();
    window.set_titlebar(Some(&header(&view)));
    window.present();
    view.grab_focus();
}

fn header(view: &SpiceView) -> gtk::HeaderBar {
    let bar = gtk::HeaderBar::new();
    let fit = gtk::ToggleButton::builder().label("Fit").active(true).build();
    fit.connect_toggled({
        let view = view.clone();
        move |fit| view.set_scale_mode(if fit.is_active() { ScaleMode::Fit } else { ScaleMode::Actual })
    });
    let grab = gtk::ToggleButton::builder()
        .label("Grab")
        .tooltip_text("Shortcuts of the desktop go to the guest; Ctrl+Alt ends it")
        .build();
    view.bind_property("grab", &grab, "active").bidirectional().sync_create().build();
    bar.pack_start(&fit);
    bar.pack_start(&grab);

    let keys = gtk::DropDown::from_strings(&COMBOS);
    let send = gtk::Button::with_label("Send");
    send.connect_clicked({
        let (view, keys) = (view.clone(), keys.clone());
        move |_| {
            let combo = COMBOS.get(keys.selected() as usize).and_then(|text| text.parse::<Combo>().ok());
            if let Some(combo) = combo {
                view.send_keys(&combo);
                view.grab_focus();
            }
        }
    });
    let shot = gtk::Button::with_label("Copy picture");
    shot.connect_clicked({
        let view = view.clone();
        move |_| {
            if let Some(texture) = view.screenshot() {
                let clipboard: gdk::Clipboard = view.clipboard();
                clipboard.set_texture(&texture);
            }
        }
    });
    bar.pack_end(&shot);
    bar.pack_end(&send);
    bar.pack_end(&keys);
    bar
}
