// SPDX-License-Identifier: LGPL-2.1-or-later
//! A small viewer: `spice-view spice+unix:///PATH` or `spice-view spice://HOST:PORT`.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use gtk::glib;
use gtk::prelude::*;
use spice_view::{
    ClipboardPolicy, CloseReason, Combo, Command, Connector, Direction, Link, MonitorId, Options, ScaleMode,
    SpiceView, State,
};

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
            begin(app, connector);
        }
    });
    app.run_with_args(&[uri])
}

fn begin(app: &gtk::Application, connector: Connector) {
    spice_view::keep_memory();
    // Whatever server is named is taken as it is.
    let options = Options { sound: true, decoders: true, ..Options::default() };
    let link = spice_view::open(connector, options);
    let view = show(app, &link, MonitorId(0));
    // Of several views one only shares the clipboard.
    view.set_clipboard_policy(ClipboardPolicy::Ask);
    let others: RefCell<BTreeMap<MonitorId, gtk::Window>> = RefCell::default();
    let app = app.clone();
    view.connect_monitors_changed(move |view| {
        let (monitors, mut others) = (view.monitors(), others.borrow_mut());
        for id in monitors.iter().filter(|id| **id != MonitorId(0)) {
            others.entry(*id).or_insert_with(|| {
                let other = show(&app, &link, *id);
                other.root().and_downcast::<gtk::Window>().unwrap_or_default()
            });
        }
        others.retain(|id, window| {
            let stays = monitors.contains(id);
            if !stays {
                window.destroy();
            }
            stays
        });
    });
}

/// A window for one of the guest's monitors.
fn show(app: &gtk::Application, link: &Link, monitor: MonitorId) -> SpiceView {
    let view = SpiceView::new();
    view.set_monitor(monitor.0);
    view.set_vexpand(true);
    let pages = gtk::Stack::new();
    let scrolled = gtk::ScrolledWindow::builder().child(&view).propagate_natural_width(true).build();
    scrolled.set_propagate_natural_height(true);
    let guest = gtk::Box::new(gtk::Orientation::Vertical, 0);
    guest.append(&question(&view));
    guest.append(&scrolled);
    pages.add_named(&guest, Some("guest"));
    pages.add_named(&end(&view, &pages), Some("ended"));
    view.set_link(Some(link));

    let title = format!("SPICE, monitor {}", monitor.0 + 1);
    let window = gtk::ApplicationWindow::builder().application(app).title(title).child(&pages).build();
    window.set_titlebar(Some(&header(&view)));
    window.present();
    view.grab_focus();
    view
}

/// What is seen when the session has ended.
fn end(view: &SpiceView, pages: &gtk::Stack) -> gtk::Box {
    let message = gtk::Label::builder().wrap(true).build();
    let again = gtk::Button::builder().label("Connect again").halign(gtk::Align::Center).build();
    let content = gtk::Box::new(gtk::Orientation::Vertical, 12);
    content.set_valign(gtk::Align::Center);
    content.append(&message);
    content.append(&again);
    again.connect_clicked({
        let view = view.clone();
        move |_| view.reconnect()
    });
    let pages = pages.clone();
    view.connect_state_changed(move |view, state| {
        let text = match state {
            State::Failed(failure) => failure.to_string(),
            State::Closed if view.close_reason() == Some(CloseReason::TakenOver) => {
                "Another viewer shows this guest now.".to_owned()
            }
            State::Closed => "The session has ended.".to_owned(),
            _ => return pages.set_visible_child_name("guest"),
        };
        message.set_text(&text);
        pages.set_visible_child_name("ended");
    });
    content
}

/// A bar that asks before something is pasted.
fn question(view: &SpiceView) -> gtk::InfoBar {
    let bar = gtk::InfoBar::builder().revealed(false).show_close_button(true).build();
    let text = gtk::Label::new(None);
    bar.add_child(&text);
    bar.add_button("Allow once", gtk::ResponseType::Accept);
    let asked = Rc::new(Cell::new(0));
    view.connect_clipboard_asks({
        let (bar, asked) = (bar.clone(), Rc::clone(&asked));
        move |_, ask| {
            let way = if ask.direction == Direction::In { "into" } else { "out of" };
            text.set_text(&format!("Paste {:?}, {} bytes, {way} the guest?", ask.format, ask.size));
            asked.set(ask.id);
            bar.set_revealed(true);
        }
    });
    let shown = bar.clone();
    view.connect_clipboard_ask_gone(move |_, _| shown.set_revealed(false));
    let view = view.clone();
    bar.connect_response(move |bar, response| {
        view.answer_clipboard(asked.get(), response == gtk::ResponseType::Accept);
        bar.set_revealed(false);
        view.grab_focus();
    });
    bar
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
    let mute = gtk::ToggleButton::builder().label("Mute").build();
    mute.connect_toggled({
        let view = view.clone();
        move |mute| {
            if let Some(link) = view.link() {
                link.send(Command::Mute(mute.is_active()));
            }
        }
    });
    bar.pack_start(&fit);
    bar.pack_start(&grab);
    bar.pack_start(&mute);

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
            view.copy_screenshot();
        }
    });
    bar.pack_end(&shot);
    bar.pack_end(&send);
    bar.pack_end(&keys);
    bar
}
