// SPDX-License-Identifier: LGPL-2.1-or-later
//! What was changed until the sandbox ends, for ever: in its profile's file,
//! from where it can be taken back.

use crate::library::Item;
use crate::window::Window;
use gettextrs::gettext;
use gtk::glib;
use std::rc::Rc;
use terrarium_engine::message;
use terrarium_engine::profile::Profile;
use terrarium_engine::sandbox::Id;

/// Says what was done, and offers to have it so always, if the sandbox runs a
/// profile that can say it: `change` makes it, and tells whether it has a
/// meaning there.
pub fn offer(window: &Rc<Window>, id: &Id, said: &str, button: &str, change: impl Fn(&mut Profile) -> bool) {
    let tab = window.runs.current().filter(|tab| tab.id().as_ref() == Some(id));
    let runs = tab.and_then(|tab| tab.plan_again()).map(|plan| plan.profile);
    let Some((item, profile)) = runs.and_then(|runs| changed(window, &runs, change)) else {
        return window.toast(said);
    };
    let weak = Rc::downgrade(window);
    window.offer(said, button, move || {
        let Some(window) = weak.upgrade() else { return };
        let (item, profile) = (item.clone(), profile.clone());
        glib::spawn_future_local(async move { write(&window, &item, profile).await });
    });
}

/// The profile that a sandbox runs, as changed.
fn changed(
    window: &Window,
    runs: &Profile,
    change: impl Fn(&mut Profile) -> bool,
) -> Option<(Item, Profile)> {
    let items = window.library.items();
    let is_it = |item: &Item| {
        item.profile.as_ref().is_ok_and(|one| one.name == runs.name && one.command.argv == runs.command.argv)
    };
    let item = items.into_iter().find(is_it)?;
    let mut profile = item.profile.clone().ok()?;
    change(&mut profile).then_some((item, profile))
}

async fn write(window: &Rc<Window>, item: &Item, profile: Profile) {
    let before = window.bridge.read_text(item.path.clone()).await;
    if let Err(error) = window.bridge.update_profile(item.path.clone(), profile).await {
        return window.toast(&message::error(&error));
    }
    window.library.read(&window.bridge).await;
    let Ok(before) = before else { return };
    let said = gettext("“{name}” is changed").replace("{name}", &message::shown(&item.name()));
    let (weak, path) = (Rc::downgrade(window), item.path.clone());
    window.offer(&said, &gettext("_Undo"), move || {
        let Some(window) = weak.upgrade() else { return };
        let (path, before) = (path.clone(), before.clone());
        glib::spawn_future_local(async move {
            if let Err(error) = window.bridge.write_text(path, before).await {
                window.toast(&message::error(&error));
            }
            window.library.read(&window.bridge).await;
        });
    });
}
