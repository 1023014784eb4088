// SPDX-License-Identifier: LGPL-2.1-or-later
//! Very many profiles: there are rows for those that are seen, and they are
//! used again. All rows have one height: GTK 4.8 fails at some of lists whose
//! rows differ much.

use super::profiles::{open, Row};
use crate::library::Item;
use crate::window::Window;
use adw::prelude::*;
use adw::subclass::prelude::*;
use gtk::{gio, glib};
use std::cell::OnceCell;
use std::rc::{Rc, Weak};

mod imp {
    use super::*;
    use gtk::DirectionType as To;

    #[derive(Default)]
    pub struct Slot {
        pub(in crate::pages::home) row: OnceCell<(Row, gtk::Box)>,
    }

    #[glib::object_subclass]
    impl ObjectSubclass for Slot {
        const NAME: &'static str = "TrSlot";
        type Type = super::Slot;
        type ParentType = adw::Bin;

        fn class_init(class: &mut Self::Class) {
            class.set_css_name("slot");
        }
    }

    impl ObjectImpl for Slot {}

    impl WidgetImpl for Slot {
        /// First the row as a whole, then what is in it.
        fn focus(&self, to: To) -> bool {
            let (slot, inside) = (self.obj(), self.obj().child());
            let goes_in = || inside.as_ref().is_some_and(|inside| inside.child_focus(to));
            let back = matches!(to, To::TabBackward | To::Left);
            match (slot.is_focus(), slot.focus_child().is_some()) {
                (true, _) => matches!(to, To::TabForward | To::Right) && goes_in(),
                (_, true) => goes_in() || back && self.take_focus(),
                _ => to == To::TabBackward && goes_in() || self.take_focus(),
            }
        }

        fn grab_focus(&self) -> bool {
            self.take_focus()
        }
    }

    impl Slot {
        fn take_focus(&self) -> bool {
            self.obj().root().inspect(|root| root.set_focus(Some(&*self.obj()))).is_some()
        }
    }

    impl BinImpl for Slot {}
}

glib::wrapper! {
    /// The place of a row, or of what comes before all rows.
    pub struct Slot(ObjectSubclass<imp::Slot>)
        @extends adw::Bin, gtk::Widget,
        @implements gtk::Accessible, gtk::Buildable, gtk::ConstraintTarget;
}

/// A profile, and whether it is the first and the last one.
#[derive(Clone, PartialEq)]
struct Entry(Item, [bool; 2]);

/// The list.
pub struct Many {
    list: gtk::ListView,
    model: gio::ListStore,
}

impl Many {
    /// Nothing is in it yet.
    pub fn new(list: gtk::ListView) -> Self {
        Self { list, model: gio::ListStore::new::<glib::BoxedAnyObject>() }
    }

    /// Connects what can be clicked.
    pub fn connect(&self, window: &Rc<Window>) {
        let factory = gtk::SignalListItemFactory::new();
        factory.connect_setup(|_, item| {
            if let Some(item) = item.downcast_ref::<gtk::ListItem>() {
                item.set_child(Some(&glib::Object::new::<Slot>()));
            }
        });
        let weak = Rc::downgrade(window);
        factory.connect_bind(move |_, item| {
            if let Some(item) = item.downcast_ref::<gtk::ListItem>() {
                bind(&weak, item);
            }
        });
        self.list.set_factory(Some(&factory));
        self.list.set_model(Some(&gtk::NoSelection::new(Some(self.model.clone()))));
        let (weak, model) = (Rc::downgrade(window), self.model.clone());
        self.list.connect_activate(move |_, position| {
            let (Some(window), Some(Entry(item, _))) = (weak.upgrade(), entry(&model, position)) else {
                return;
            };
            open(&window, &item);
        });
    }

    /// Shows these. Rows of what stays, stay.
    pub fn show(&self, items: Vec<Item>) {
        let last = items.len().saturating_sub(1);
        let all = items.into_iter().enumerate();
        let new: Vec<Entry> = all.map(|(at, item)| Entry(item, [at == 0, at == last])).collect();
        let old: Vec<Entry> = (0..self.model.n_items()).filter_map(|at| entry(&self.model, at)).collect();
        let same = old.iter().zip(&new).take_while(|(old, new)| old == new).count();
        let rest = old.len().min(new.len()) - same;
        let ends = old.iter().rev().zip(new.iter().rev()).take(rest);
        let ends = ends.take_while(|(old, new)| old == new).count();
        let added: Vec<_> =
            new[same..new.len() - ends].iter().cloned().map(glib::BoxedAnyObject::new).collect();
        let number = |length: usize| u32::try_from(length).unwrap_or(u32::MAX);
        self.model.splice(number(same), number(old.len() - same - ends), &added);
    }

    /// Nothing is shown here any more.
    pub fn clear(&self) {
        self.model.remove_all();
    }
}

fn entry(model: &gio::ListStore, position: u32) -> Option<Entry> {
    let found = model.item(position).and_downcast::<glib::BoxedAnyObject>()?;
    let entry = found.borrow::<Entry>().clone();
    Some(entry)
}

fn bind(window: &Weak<Window>, item: &gtk::ListItem) {
    let (Some(window), Some(slot)) = (window.upgrade(), item.child().and_downcast::<Slot>()) else { return };
    let Some(found) = item.item().and_downcast::<glib::BoxedAnyObject>() else { return };
    let entry = found.borrow::<Entry>();
    let Entry(profile, [first, last]) = &*entry;
    let (row, inside) = slot.imp().row.get_or_init(|| Row::bare(&window));
    let (title, subtitle) = row.show(&window, profile);
    slot.set_child(Some(inside));
    slot.set_focusable(true);
    for (is, class) in [(*first, "first"), (*last, "last")] {
        if is {
            slot.add_css_class(class);
        } else {
            slot.remove_css_class(class);
        }
    }
    slot.update_property(&[
        gtk::accessible::Property::Label(&title),
        gtk::accessible::Property::Description(&subtitle),
    ]);
}
