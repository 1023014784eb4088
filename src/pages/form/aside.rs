// SPDX-License-Identifier: LGPL-2.1-or-later
//! What is typed and not saved outlives that the form shows something else: it
//! waits aside, and comes back when its profile is opened again.

use super::Form;
use crate::library::Item;
use crate::window::Window;
use gettextrs::gettext;
use std::path::Path;
use std::rc::Rc;
use terrarium_engine::message;
use terrarium_engine::profile::Profile;

impl Form {
    /// Begins with a profile, which may be one of the library.
    pub fn open(self: &Rc<Self>, window: &Rc<Window>, profile: &Profile, item: Option<&Item>) {
        self.put_aside();
        self.fill(window, profile, item);
        // A beginning that was chosen comes before an earlier one.
        if let Some(item) = item {
            self.bring_back(window, Some(&item.path));
        }
        self.keep_draft(window);
    }

    /// Begins a profile that is to be made: what stands out, and Return, save it.
    pub fn open_new(self: &Rc<Self>, window: &Rc<Window>, profile: &Profile) {
        self.open(window, profile, None);
        self.is_to_be_saved.set(true);
        self.look(window);
    }

    /// Begins anew with this command.
    pub fn begin_with(self: &Rc<Self>, window: &Rc<Window>, command: &str) {
        self.put_aside();
        self.start_over(window);
        self.set_command(command);
        self.history.begin(self.shown());
        self.look(window);
    }

    /// The form is about to show something else, or not to be seen.
    pub(super) fn put_aside(&self) {
        let Some(kept) = self.kept() else { return };
        let mut aside = self.draft.aside.borrow_mut();
        // Of a profile the last is all; a new one is not another new one.
        aside.retain(|one| kept.file.is_none() || one.file != kept.file);
        aside.push(kept);
    }

    /// Shows again what was typed into a profile, or into a new one. Whether
    /// there is such.
    pub(super) fn bring_back(self: &Rc<Self>, window: &Rc<Window>, file: Option<&Path>) -> bool {
        let found = {
            let mut aside = self.draft.aside.borrow_mut();
            let at = aside.iter().rposition(|one| one.file.as_deref() == file);
            at.map(|at| aside.remove(at))
        };
        let Some(kept) = found else { return false };
        let before = self.saved.borrow().clone();
        self.show_kept(window, &kept, before);
        self.keep_draft(window);
        if !self.is_changed() {
            return false;
        }
        let (form, weak) = (Rc::downgrade(self), Rc::downgrade(window));
        window.offer(
            &gettext("What you changed is not saved yet"),
            &gettext("_Undo Unsaved Changes"),
            move || {
                if let (Some(form), Some(window)) = (form.upgrade(), weak.upgrade()) {
                    form.revert(&window);
                }
            },
        );
        true
    }

    /// A profile was given another name, not here: neither what is shown nor
    /// what waits takes it back.
    pub fn is_renamed(self: &Rc<Self>, window: &Rc<Window>, path: &Path, name: &str) {
        for kept in self.draft.aside.borrow_mut().iter_mut() {
            if kept.file.as_deref() == Some(path) {
                name.clone_into(&mut kept.name);
            }
        }
        if self.item.borrow().as_ref().is_some_and(|item| item.path == path) {
            self.item.replace(window.library.of(path));
            self.saved.borrow_mut().name = name.to_owned();
            self.signal.quietly(|| self.title.set_name(name));
            self.accept();
            self.look(window);
        }
        self.keep_draft(window);
    }

    /// Another page is shown. What was changed is not in the file.
    pub fn is_left(&self, window: &Window) {
        if window.shows("form") && self.item.borrow().is_some() && self.is_changed() {
            let text =
                gettext("What you changed in “{name}” is not saved yet. It is there when you open it again.");
            window.toast(&text.replace("{name}", &message::shown(&self.profile().name)));
        }
    }
}
