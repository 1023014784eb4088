// SPDX-License-Identifier: LGPL-2.1-or-later
//! What becomes of changes: applied, copied, kept, thrown away.

use super::ChangesWindow;
use crate::bridge::Bridge;
use adw::prelude::*;
use gettextrs::gettext;
use gtk::{gio, glib};
use std::path::PathBuf;
use std::rc::Rc;
use terrarium_engine::error::{LayerError, NotApplied};
use terrarium_engine::sandbox::changes::{self, Entry};
use terrarium_engine::{message, plan, Error};

impl ChangesWindow {
    pub(super) fn add_actions(self: &Rc<Self>) {
        let group = gio::SimpleActionGroup::new();
        let on = |name: &str, run: fn(&Rc<Self>)| {
            let (action, weak) = (gio::SimpleAction::new(name, None), Rc::downgrade(self));
            action.connect_activate(move |_, _| {
                if let Some(page) = weak.upgrade() {
                    run(&page);
                }
            });
            group.add_action(&action);
        };
        on("apply", |page| page.apply(None, false));
        on("copy", Self::copy);
        on("forget", Self::forget);
        on("keep", Self::keep);
        on("discard", Self::ask_to_discard);
        self.widget.insert_action_group("changes", Some(&group));
        for name in ["apply", "copy", "forget"] {
            self.enable(name, false);
        }
    }

    fn bridge(&self) -> Option<Bridge> {
        self.window.upgrade().map(|window| window.bridge.clone())
    }

    fn enable(&self, name: &str, may: bool) {
        self.widget.action_set_enabled(&format!("changes.{name}"), may);
    }

    /// What can be done with the entry that is seen.
    pub(super) fn may_apply(&self, entry: &Entry) {
        let there = entry.change.after.is_some();
        let home = self.window.upgrade().and_then(|window| window.bridge.host().map(plan::home));
        let inside = home.is_some_and(|home| entry.path().starts_with(home));
        self.enable("apply", there && inside);
        self.enable("copy", there);
        self.enable("forget", true);
    }

    /// Puts the selected one to its real place, or into `to`.
    fn apply(self: &Rc<Self>, to: Option<PathBuf>, replace: bool) {
        let (Some(index), Some(bridge)) = (self.selected(), self.bridge()) else { return };
        let Some(entry) = self.looking.found.all.get(index).cloned() else { return };
        let (page, copies) = (self.clone(), to.is_some());
        glib::spawn_future_local(async move {
            match bridge.apply(page.looking.clone(), entry, to, replace).await {
                Ok(applied) => {
                    page.decide(index, if copies { gettext("Copied") } else { gettext("Applied") });
                    for left in &applied.left {
                        page.toast(&message::left_out(left.as_slice()));
                    }
                }
                Err(Error::Layer(LayerError::NotApplied { why: NotApplied::Changed, .. })) if !copies => {
                    page.ask_to_replace().await;
                }
                Err(error) => page.toast(&message::error(&error)),
            }
        });
    }

    /// It saw a copy of the file, or none, or one that is another by now.
    async fn ask_to_replace(self: &Rc<Self>) {
        let text = if self.saw_this_one().await {
            gettext("The sandbox had a copy of it, or made one of the same name. Yours goes to the trash.")
        } else {
            gettext("The real one is another than when the run began. It goes to the trash.")
        };
        let dialog =
            adw::MessageDialog::new(Some(&self.widget), Some(&gettext("Replace Your File?")), Some(&text));
        dialog.add_responses(&[("cancel", &gettext("_Cancel")), ("replace", &gettext("_Replace"))]);
        dialog.set_response_appearance("replace", adw::ResponseAppearance::Destructive);
        dialog.set_close_response("cancel");
        let weak = Rc::downgrade(self);
        dialog.connect_response(Some("replace"), move |_, _| {
            if let Some(page) = weak.upgrade() {
                page.apply(None, true);
            }
        });
        dialog.present();
    }

    /// Whether the selected one is new inside while the real one has been what
    /// it is since before the run began.
    async fn saw_this_one(&self) -> bool {
        let entry = self.selected().and_then(|index| self.looking.found.all.get(index));
        let (Some(entry), Some(bridge)) = (entry, self.bridge()) else { return false };
        let Some(host) = bridge.host() else { return false };
        let tag = &self.looking.layer.tag;
        let real = changes::real_place(entry, tag, &host.user.home, &plan::home(host));
        let ask = move || std::fs::symlink_metadata(real).ok().and_then(|about| about.modified().ok());
        let changed = bridge.look_at(ask).await.flatten();
        let began = std::time::UNIX_EPOCH + std::time::Duration::from_secs(tag.started);
        entry.change.before.is_none() && changed.is_some_and(|changed| changed <= began)
    }

    fn copy(self: &Rc<Self>) {
        let chooser = gtk::FileChooserNative::new(
            Some(&gettext("Save a Copy")),
            Some(&self.widget),
            gtk::FileChooserAction::SelectFolder,
            Some(&gettext("_Save")),
            Some(&gettext("_Cancel")),
        );
        let page = self.clone();
        glib::spawn_future_local(async move {
            if chooser.run_future().await == gtk::ResponseType::Accept {
                if let Some(folder) = chooser.file().and_then(|file| file.path()) {
                    page.apply(Some(folder), false);
                }
            }
        });
    }

    /// Takes the selected one out of the layer.
    fn forget(self: &Rc<Self>) {
        let (Some(index), Some(bridge)) = (self.selected(), self.bridge()) else { return };
        let Some(path) = self.looking.found.all.get(index).map(|entry| entry.change.path.clone()) else {
            return;
        };
        let page = self.clone();
        glib::spawn_future_local(async move {
            match bridge.forget(page.looking.clone(), path).await {
                Ok(()) => page.decide(index, gettext("Discarded")),
                Err(error) => page.toast(&message::error(&error)),
            }
        });
    }

    fn keep(self: &Rc<Self>) {
        let (Some(bridge), page) = (self.bridge(), self.clone()) else { return };
        glib::spawn_future_local(async move {
            match bridge.keep(page.looking.clone()).await {
                Ok(()) => page.settle(),
                Err(error) => page.toast(&message::error(&error)),
            }
        });
    }

    fn ask_to_discard(self: &Rc<Self>) {
        let dialog = adw::MessageDialog::new(
            Some(&self.widget),
            Some(&gettext("Discard All Changes?")),
            Some(&gettext("What the sandbox wrote is gone then. What you applied or copied stays.")),
        );
        dialog.add_responses(&[("cancel", &gettext("_Cancel")), ("discard", &gettext("_Discard"))]);
        dialog.set_response_appearance("discard", adw::ResponseAppearance::Destructive);
        dialog.set_close_response("cancel");
        let page = self.clone();
        dialog.connect_response(Some("discard"), move |_, _| {
            let (Some(bridge), page) = (page.bridge(), page.clone()) else { return };
            glib::spawn_future_local(async move {
                match bridge.discard(page.looking.clone()).await {
                    Ok(()) => page.settle(),
                    Err(error) => page.toast(&message::error(&error)),
                }
            });
        });
        dialog.present();
    }

    fn settle(&self) {
        self.settled.set(true);
        if let Some(window) = self.window.upgrade() {
            window.runs.changes_are_settled(&self.looking.layer.tag.uuid);
        }
        self.widget.close();
    }

    /// What is undecided waits for another time.
    pub(super) fn closes(&self) -> glib::Propagation {
        if let (false, Some(bridge)) = (self.settled.get(), self.bridge()) {
            let looking = self.looking.clone();
            glib::spawn_future_local(async move { bridge.looked(looking).await });
        }
        glib::Propagation::Proceed
    }
}
