// SPDX-License-Identifier: LGPL-2.1-or-later
//! Pictures of the guest to keep.

use std::path::Path;

use gtk::gdk;
use gtk::glib;
use gtk::prelude::*;
use gtk::subclass::prelude::*;

use super::tiles::make_texture;
use super::SpiceView;
use crate::types::Picture;

/// Why there is no screenshot.
#[derive(Debug, thiserror::Error)]
pub enum ScreenshotError {
    /// The guest has shown nothing yet.
    #[error("there is no picture yet")]
    NoPicture,
    /// The file could not be written.
    #[error("{0}")]
    File(#[from] glib::BoolError),
}

impl Picture {
    /// A copy of it for GTK; none of a picture without pixels.
    pub fn to_texture(&self) -> Option<gdk::Texture> {
        make_texture(self, &self.bounds())
    }
}

impl SpiceView {
    /// The guest's picture, pixel by pixel, as the view last got it; also
    /// after the session ended. A view that is not mapped gets none anew.
    pub fn screenshot(&self) -> Option<gdk::Texture> {
        self.imp().tiles.borrow().picture().and_then(|picture| picture.to_texture())
    }

    /// The guest's picture as a PNG file's content.
    pub fn screenshot_png(&self) -> Option<glib::Bytes> {
        self.screenshot().map(|texture| texture.save_to_png_bytes())
    }

    /// Puts the guest's picture into the clipboard here; false if there is none.
    pub fn copy_screenshot(&self) -> bool {
        let texture = self.screenshot();
        if let Some(texture) = &texture {
            self.clipboard().set_texture(texture);
        }
        texture.is_some()
    }

    /// Writes the guest's picture to a PNG file.
    ///
    /// # Errors
    /// If there is no picture, or the file cannot be written.
    pub fn save_screenshot(&self, path: impl AsRef<Path>) -> Result<(), ScreenshotError> {
        let texture = self.screenshot().ok_or(ScreenshotError::NoPicture)?;
        Ok(texture.save_to_png(path)?)
    }
}
