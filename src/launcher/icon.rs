// SPDX-License-Identifier: LGPL-2.1-or-later
//! The icon of a launcher: the app's own, with Terrarium's as a badge.

use crate::apps::App;
use crate::look;
use crate::pages::icon_of;
use gtk::{gdk, graphene, gsk, prelude::*};
use std::path::Path;
use terrarium_engine::profile::launcher::ICON_SIZE;
use terrarium_engine::profile::Profile;

/// Its width and height, in pixels.
const SIZE: i32 = ICON_SIZE as i32;
/// The badge's.
const BADGE: i32 = 60;
/// Around the mark of a profile without an app, and its corners.
const EDGE: f32 = 8.0;
const CORNER: f32 = 28.0;

/// Draws it with the renderer of a window that is shown.
pub fn draw(shown: &impl IsA<gtk::Widget>, profile: &Profile, app: Option<&App>) -> Option<gdk::Texture> {
    let theme = gtk::IconTheme::for_display(&shown.display());
    let snapshot = gtk::Snapshot::new();
    let themed = |name: &str| {
        let flags = gtk::IconLookupFlags::empty();
        theme.lookup_icon(name, &[], SIZE, 1, gtk::TextDirection::None, flags)
    };
    let own = app.map(|app| app.icon.as_str()).filter(|name| !name.is_empty());
    let size = f64::from(SIZE);
    match own {
        Some(path) if Path::new(path).is_absolute() => {
            // One that cannot be read is no icon.
            gdk::Texture::from_filename(path).ok()?.snapshot(&snapshot, size, size);
        }
        Some(name) if theme.has_icon(name) => themed(name).snapshot(&snapshot, size, size),
        _ => mark(&snapshot, profile, &themed(icon_of(profile))),
    }
    let corner = (SIZE - BADGE) as f32;
    snapshot.translate(&graphene::Point::new(corner, corner));
    themed(crate::APP_ID).snapshot(&snapshot, BADGE.into(), BADGE.into());
    let node = snapshot.to_node()?;
    let whole = graphene::Rect::new(0.0, 0.0, SIZE as f32, SIZE as f32);
    Some(shown.native()?.renderer()?.render_texture(&node, Some(&whole)))
}

/// The rounded square in the profile's colour.
fn mark(snapshot: &gtk::Snapshot, profile: &Profile, icon: &gtk::IconPaintable) {
    let side = SIZE as f32 - 2.0 * EDGE;
    let place = graphene::Rect::new(EDGE, EDGE, side, side);
    snapshot.push_rounded_clip(&gsk::RoundedRect::from_rect(place, CORNER));
    snapshot.append_color(&look::value(profile.colour), &place);
    snapshot.pop();
    snapshot.save();
    let inner = side * 0.6;
    let edge = EDGE + (side - inner) / 2.0;
    snapshot.translate(&graphene::Point::new(edge, edge));
    icon.snapshot_symbolic(snapshot, inner.into(), inner.into(), &[gdk::RGBA::WHITE]);
    snapshot.restore();
}
