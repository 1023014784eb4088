// SPDX-License-Identifier: LGPL-2.1-or-later
//! What the guest copied, as the clipboard here offers it: fetched when
//! somebody pastes it.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::Pin;

use gtk::prelude::*;
use gtk::subclass::prelude::*;
use gtk::{gdk, gio, glib};

use super::SpiceView;
use crate::types::Format;

/// The names of a format, the usual one first.
pub(super) fn mime_types(format: Format) -> &'static [&'static str] {
    match format {
        Format::Text => &["text/plain;charset=utf-8", "text/plain"],
        Format::Html => &["text/html"],
        Format::Png => &["image/png"],
        Format::Jpeg => &["image/jpeg"],
        Format::Bmp => &["image/bmp"],
        Format::Tiff => &["image/tiff"],
    }
}

/// All formats.
pub(super) const FORMATS: [Format; 6] =
    [Format::Text, Format::Html, Format::Png, Format::Jpeg, Format::Tiff, Format::Bmp];

glib::wrapper! {
    /// Offers what the guest copied.
    pub struct GuestProvider(ObjectSubclass<imp::GuestProvider>) @extends gdk::ContentProvider;
}

impl GuestProvider {
    /// Offers what the guest offered under that number.
    pub(super) fn new(view: &SpiceView, number: u64, formats: &[Format]) -> Self {
        let provider: Self = glib::Object::new();
        provider.imp().view.set(Some(view));
        provider.imp().number.set(number);
        provider.imp().formats.replace(formats.to_vec());
        provider
    }
}

mod imp {
    use super::*;

    #[derive(Default)]
    pub struct GuestProvider {
        pub(super) view: glib::WeakRef<SpiceView>,
        pub(super) number: Cell<u64>,
        pub(super) formats: RefCell<Vec<Format>>,
    }

    #[glib::object_subclass]
    impl ObjectSubclass for GuestProvider {
        const NAME: &'static str = "SpiceViewGuestProvider";
        type Type = super::GuestProvider;
        type ParentType = gdk::ContentProvider;
    }

    impl ObjectImpl for GuestProvider {}

    impl ContentProviderImpl for GuestProvider {
        fn formats(&self) -> gdk::ContentFormats {
            let mut builder = gdk::ContentFormatsBuilder::new();
            for name in self.formats.borrow().iter().flat_map(|format| mime_types(*format)) {
                builder = builder.add_mime_type(*name);
            }
            builder.build()
        }

        fn write_mime_type_future(
            &self,
            mime_type: &str,
            stream: &gio::OutputStream,
            priority: glib::Priority,
        ) -> Pin<Box<dyn Future<Output = Result<(), glib::Error>> + 'static>> {
            let format = FORMATS.into_iter().find(|format| mime_types(*format).contains(&mime_type));
            let (view, number, stream) = (self.view.upgrade(), self.number.get(), stream.clone());
            Box::pin(async move {
                let none =
                    || glib::Error::new(gio::IOErrorEnum::NotFound, "The guest has nothing of the kind.");
                let (view, format) = view.zip(format).ok_or_else(none)?;
                let content = view.imp().clipboard.fetch(&view, number, format);
                let content = content.recv().await.ok().flatten().ok_or_else(none)?;
                let (_, _, error) = stream.write_all_future(content, priority).await.map_err(|(_, e)| e)?;
                error.map_or(Ok(()), Err)
            })
        }
    }
}
