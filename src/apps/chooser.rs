// SPDX-License-Identifier: LGPL-2.1-or-later
//! An app is chosen from those that are installed.

use super::{folders, list, App};
use crate::bridge::Bridge;
use adw::prelude::*;
use gettextrs::gettext;
use gtk::{gio, glib};
use std::cell::RefCell;
use std::path::Path;
use std::rc::Rc;
use terrarium_engine::message;

/// Asks for an app; for a document, which is named, also among those that
/// menus leave out, which else are only found. `chosen` is called with it,
/// once.
pub fn choose(
    parent: &impl IsA<gtk::Window>,
    bridge: &Bridge,
    document: Option<&Path>,
    chosen: impl FnOnce(App) + 'static,
) {
    let file = document.and_then(Path::file_name).map(|name| message::escaped(name.as_encoded_bytes()));
    let search = gtk::SearchEntry::builder().hexpand(true).placeholder_text(gettext("Search apps")).build();
    crate::pages::name_by_hint(&search);
    let rows = gtk::ListBox::builder().selection_mode(gtk::SelectionMode::None).build();
    rows.add_css_class("boxed-list");
    rows.set_valign(gtk::Align::Start);
    let empty =
        adw::StatusPage::builder().icon_name("view-app-grid-symbolic").title(gettext("No Apps")).build();
    empty.add_css_class("compact");
    let pages = gtk::Stack::builder().vexpand(true).build();
    let clamp = adw::Clamp::builder().maximum_size(480).child(&rows).build();
    for margin in ["margin-top", "margin-bottom", "margin-start", "margin-end"] {
        clamp.set_property(margin, 12);
    }
    let scrolled =
        gtk::ScrolledWindow::builder().hscrollbar_policy(gtk::PolicyType::Never).child(&clamp).build();
    pages.add_named(&scrolled, Some("apps"));
    pages.add_named(&empty, Some("empty"));
    let nothing = adw::StatusPage::builder()
        .icon_name("system-search-symbolic")
        .title(gettext("Nothing Found"))
        .build();
    nothing.add_css_class("compact");
    pages.add_named(&nothing, Some("nothing"));
    let title = adw::WindowTitle::new(&gettext("Choose an App"), file.as_deref().unwrap_or_default());
    let header = adw::HeaderBar::builder().title_widget(&title).build();
    let bar = gtk::Box::builder().margin_start(12).margin_end(12).margin_top(6).margin_bottom(6).build();
    bar.append(&adw::Clamp::builder().maximum_size(480).hexpand(true).child(&search).build());
    let body = gtk::Box::new(gtk::Orientation::Vertical, 0);
    body.append(&header);
    body.append(&bar);
    body.append(&pages);
    let window = adw::Window::builder()
        .transient_for(parent)
        .modal(true)
        .title(title_for(file.as_deref()))
        .default_width(420)
        .default_height(560)
        .width_request(320)
        .content(&body)
        .build();
    window.set_widget_name("app-chooser");
    crate::window::close_with_escape(&window);
    fill(&window, bridge, document.is_some(), (&rows, &search, &pages), chosen);
    window.present();
    search.grab_focus();
}

/// What the window is called, which a screen reader says.
fn title_for(file: Option<&str>) -> String {
    match file {
        Some(file) => gettext("Choose an App for {file}").replace("{file}", file),
        None => gettext("Choose an App"),
    }
}

fn fill(
    window: &adw::Window,
    bridge: &Bridge,
    document: bool,
    (rows, search, pages): (&gtk::ListBox, &gtk::SearchEntry, &gtk::Stack),
    chosen: impl FnOnce(App) + 'static,
) {
    let apps: Rc<RefCell<Vec<App>>> = Rc::default();
    let (all, list_box, bridge) = (apps.clone(), rows.downgrade(), bridge.clone());
    let pages_then = pages.clone();
    glib::spawn_future_local(async move {
        let found = bridge.look_at(|| list(&folders())).await.unwrap_or_default();
        let Some(rows) = list_box.upgrade() else { return };
        found.iter().for_each(|app| rows.append(&row(app)));
        pages_then.set_visible_child_name(if found.is_empty() { "empty" } else { "apps" });
        all.replace(found);
        rows.invalidate_filter();
    });
    let (all, entry) = (apps.clone(), search.clone());
    rows.set_filter_func(move |row| {
        let wanted = entry.text().to_lowercase();
        let all = all.borrow();
        let app = usize::try_from(row.index()).ok().and_then(|index| all.get(index));
        app.is_none_or(|app| {
            (document || !wanted.is_empty() || !app.unlisted)
                && [&app.name, &app.comment, &app.exec]
                    .iter()
                    .any(|text| text.to_lowercase().contains(&wanted))
        })
    });
    connect_search(window, search, rows, pages);
    let (weak, once) = (window.downgrade(), std::cell::Cell::new(Some(chosen)));
    rows.connect_row_activated(move |_, row| {
        let app = usize::try_from(row.index()).ok().and_then(|index| apps.borrow().get(index).cloned());
        if let Some(window) = weak.upgrade() {
            window.close();
        }
        if let (Some(app), Some(chosen)) = (app, once.take()) {
            chosen(app);
        }
    });
}

/// What is typed filters; Return takes the first one that is left.
fn connect_search(window: &adw::Window, search: &gtk::SearchEntry, rows: &gtk::ListBox, pages: &gtk::Stack) {
    let (list_box, pages) = (rows.clone(), pages.clone());
    search.connect_search_changed(move |_| {
        list_box.invalidate_filter();
        if list_box.row_at_index(0).is_some() {
            let page = if first(&list_box).is_some() { "apps" } else { "nothing" };
            pages.set_visible_child_name(page);
        }
    });
    let list_box = rows.clone();
    search.connect_activate(move |_| {
        if let Some(row) = first(&list_box) {
            list_box.emit_by_name::<()>("row-activated", &[&row]);
        }
    });
    // The entry takes Escape for itself.
    let weak = window.downgrade();
    search.connect_stop_search(move |_| weak.upgrade().iter().for_each(|window| window.close()));
}

/// The first row that is left.
fn first(rows: &gtk::ListBox) -> Option<gtk::ListBoxRow> {
    (0..).map_while(|index| rows.row_at_index(index)).find(|row| row.is_child_visible())
}

fn row(app: &App) -> adw::ActionRow {
    let row = adw::ActionRow::builder()
        .title(glib::markup_escape_text(&app.name).as_str())
        .subtitle(glib::markup_escape_text(&app.comment).as_str())
        .title_lines(1)
        .subtitle_lines(1)
        .activatable(true)
        .build();
    let image =
        gtk::Image::builder().pixel_size(32).accessible_role(gtk::AccessibleRole::Presentation).build();
    match gio::Icon::for_string(&app.icon) {
        Ok(icon) if !app.icon.is_empty() => image.set_from_gicon(&icon),
        _ => image.set_icon_name(Some("application-x-executable-symbolic")),
    }
    row.add_prefix(&image);
    row
}
