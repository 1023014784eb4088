// SPDX-License-Identifier: LGPL-2.1-or-later
//! Colours of profiles, and the style sheet made of them.

use gettextrs::gettext;
use gtk::{gdk, gio, glib};
use std::fmt::Write;
use terrarium_engine::profile::Colour;

/// Key, light value, dark value. The light ones have a contrast of at least
/// 5.0:1 on white, the dark ones of 4.7:1 on a dark card.
const COLOURS: &[(Colour, &str, &str, &str)] = &[
    (Colour::Red, "red", "#c01c28", "#ff7b78"),
    (Colour::Orange, "orange", "#b84700", "#ffa348"),
    (Colour::Amber, "amber", "#8f6400", "#f5c211"),
    (Colour::Green, "green", "#1a7f47", "#57e389"),
    (Colour::Teal, "teal", "#0a7580", "#5bc8d0"),
    (Colour::Blue, "blue", "#1c62bd", "#78aeed"),
    (Colour::Purple, "purple", "#813d9c", "#dc8add"),
    (Colour::Grey, "grey", "#5e5c64", "#c0bfbc"),
];

const COMMON: &str = "
.chip { border-radius: 9px; min-width: 32px; min-height: 32px; color: white; }
.chip.small { border-radius: 7px; min-width: 24px; min-height: 24px; }
.chip.large { border-radius: 18px; min-width: 72px; min-height: 72px; }
.chip.large image { -gtk-icon-size: 40px; }
.glass-line { min-height: 3px; }
.glass-line.upright { min-height: 0; min-width: 3px; }
.above-bar > toast { margin-bottom: 5em; }
toast { background: mix(black, @window_bg_color, .3); }
.details { background: @window_bg_color; }
.thumbnail, .cover { border-radius: 12px 12px 0 0; }
row.to-come label.title { opacity: .55; }
.pill-label { border-radius: 99px; padding: 3px 10px; font-weight: bold; font-size: .82em; background: alpha(@window_bg_color, .92); }
.badge { border-radius: 6px; min-width: 22px; min-height: 22px; font-weight: bold; font-size: .85em; }
.badge.added { background: alpha(@success_color, .2); }
.badge.modified { background: alpha(@accent_color, .2); }
.badge.deleted { background: alpha(@error_color, .2); }
.numeric { font-feature-settings: \"tnum\"; }
row.message, row.message > box.header { min-height: 0; }
row.message > box.header { padding-bottom: 9px; }
row.message label.title, row.message image { opacity: .75; }
row.message label.title { font-size: .85em; }
.boxed-list > row.continued, list.boxed-list > row.continued { border-bottom-color: transparent; }
.boxed-list > row.expander.continued:not(:checked) row.header { border-bottom-color: transparent; }
row.expander.continued:checked + row.message > box.header { padding-top: 9px; }
flowboxchild { padding: 0; }
.terminal-box { padding: 10px 12px; background: @view_bg_color; }
.bare { padding: 0; }
.prompt { padding: 6px 12px; }
label.osd.hint { padding: 9px 18px; border-radius: 99px; }
dropdown.flat > button { background: none; box-shadow: none; font-weight: normal; }
dropdown.flat > button:hover { background: alpha(currentColor, .07); }
row.secret label.title { font-weight: bold; }
row.changed { background-image: linear-gradient(to right, @accent_bg_color 3px, transparent 3px); }
row.changed:dir(rtl) { background-image: linear-gradient(to left, @accent_bg_color 3px, transparent 3px); }
row.message.error { color: @card_fg_color; }
row.message.error label.title, row.message.error image { color: @error_color; opacity: 1; }
.outdated label:disabled { filter: none; }
.outdated label.title, .outdated image { opacity: .7; }
row.secret image { color: @warning_color; }
.quoted { font-feature-settings: \"liga\" 0, \"calt\" 0; }
";

/// Nothing that has to be read is dim.
const CONTRAST: &str = "
row.message label.title, row.message image { opacity: 1; }
row.to-come label.title { opacity: .9; }
.outdated label.title, .outdated image { opacity: .9; }
";

/// The class of a colour.
pub fn class(colour: Colour) -> String {
    let key = COLOURS.iter().find(|(other, ..)| *other == colour).map_or("grey", |(_, key, ..)| key);
    format!("tr-{key}")
}

/// What people call a colour.
pub fn name(colour: Colour) -> String {
    match colour {
        Colour::Red => gettext("Red"),
        Colour::Orange => gettext("Orange"),
        Colour::Amber => gettext("Amber"),
        Colour::Green => gettext("Green"),
        Colour::Teal => gettext("Teal"),
        Colour::Blue => gettext("Blue"),
        Colour::Purple => gettext("Purple"),
        Colour::Grey => gettext("Grey"),
    }
}

/// A colour, as it is under white.
pub fn value(colour: Colour) -> gdk::RGBA {
    let text =
        COLOURS.iter().find(|(other, ..)| *other == colour).map_or("#5e5c64", |(_, _, light, _)| light);
    gdk::RGBA::parse(text).unwrap_or(gdk::RGBA::BLACK)
}

/// A small square in a colour, for tabs.
pub fn square(colour: Colour) -> gio::BytesIcon {
    let value =
        COLOURS.iter().find(|(other, ..)| *other == colour).map_or("#5e5c64", |(_, _, light, _)| light);
    let picture = format!(
        "<svg xmlns='http://www.w3.org/2000/svg' width='16' height='16'>\
         <rect x='1' y='1' width='14' height='14' rx='4' fill='{value}'/></svg>"
    );
    gio::BytesIcon::new(&glib::Bytes::from_owned(picture.into_bytes()))
}

/// The style sheet for a scheme.
fn sheet(dark: bool, contrast: bool) -> String {
    let mut css = COMMON.to_owned();
    if contrast {
        css += CONTRAST;
    }
    let (tint, wash) = if dark { (".16", ".13") } else { (".13", ".09") };
    for (_, key, light, night) in COLOURS {
        let line = if dark { night } else { light };
        let _ = writeln!(
            css,
            ".chip.tr-{key} {{ background: {light}; }} .glass-line.tr-{key} {{ background: {line}; }}\
             headerbar.tr-{key}, .prompt.tr-{key}, tabbar.tr-{key} .box {{ background: mix(@headerbar_bg_color, {line}, {tint}); \
             box-shadow: none; border-bottom: none; }} .thumbnail.tr-{key} {{ background: alpha({line}, {wash}); }}"
        );
    }
    css
}

/// Loads the style sheet, and again whenever light turns dark, or contrast high.
pub fn load() {
    let Some(display) = gdk::Display::default() else { return };
    let provider = gtk::CssProvider::new();
    gtk::style_context_add_provider_for_display(
        &display,
        &provider,
        gtk::STYLE_PROVIDER_PRIORITY_APPLICATION,
    );
    // Also for a program that has another id, such as a test.
    gtk::IconTheme::for_display(&display).add_resource_path("/org/terrarium/Terrarium/icons");
    let manager = adw::StyleManager::default();
    let apply = move |manager: &adw::StyleManager| {
        provider.load_from_data(&sheet(manager.is_dark(), manager.is_high_contrast()));
    };
    apply(&manager);
    manager.connect_dark_notify(apply.clone());
    manager.connect_high_contrast_notify(apply);
}

/// A terminal's colours: foreground, background, and GNOME's sixteen.
pub fn terminal_palette(dark: bool) -> (gdk::RGBA, gdk::RGBA, Vec<gdk::RGBA>) {
    let colour = |text: &&str| gdk::RGBA::parse(*text).unwrap_or(gdk::RGBA::BLACK);
    let (text, ground) = if dark { ("#ffffff", "#1e1e1e") } else { ("#1e1e1e", "#ffffff") };
    let sixteen = [
        "#241f31", "#c01c28", "#2ec27e", "#b5835a", "#1e78e4", "#9841bb", "#0ab9dc", "#c0bfbc", "#5e5c64",
        "#ed333b", "#57e389", "#c88800", "#51a1ff", "#c061cb", "#4fd2fd", "#f6f5f4",
    ];
    (colour(&text), colour(&ground), sixteen.iter().map(colour).collect())
}
