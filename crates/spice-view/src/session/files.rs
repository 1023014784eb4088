// SPDX-License-Identifier: LGPL-2.1-or-later
//! Files on their way into the guest. The bindings leave this out, so
//! spice-glib is called directly.

use std::cell::Cell;
use std::path::PathBuf;
use std::rc::{Rc, Weak};
use std::time::{Duration, Instant};

use gtk::glib::translate::{from_glib_full, ToGlibPtr};
use gtk::prelude::*;
use gtk::{gio, glib};
use spice_client_glib as spice;
use spice_client_glib::ffi;

use super::attempt::Attempt;
use crate::types::{Event, Transfer};

/// More files than this are not sent at once.
const MAX_FILES: usize = 256;
/// Progress is told this often at most.
const PAUSE: Duration = Duration::from_millis(100);

/// Files that are being sent under one number.
struct Sending {
    attempt: Weak<Attempt>,
    id: u64,
    sent: Cell<u64>,
    total: Cell<u64>,
    told: Cell<Option<Instant>>,
}

impl Sending {
    fn tell(&self, end: Option<Result<(), String>>) {
        if let Some(attempt) = self.attempt.upgrade() {
            let (sent, total) = (self.sent.get(), self.total.get());
            attempt.tell(&Event::Transfer(Transfer { id: self.id, sent, total, end }));
        }
    }

    fn progress(&self, sent: i64, total: i64) {
        self.sent.set(u64::try_from(sent).unwrap_or(0));
        self.total.set(u64::try_from(total).unwrap_or(0));
        let rested = self.told.get().is_none_or(|told| told.elapsed() >= PAUSE);
        if rested {
            self.told.set(Some(Instant::now()));
            self.tell(None);
        }
    }
}

impl Attempt {
    pub(super) fn send_files(self: &Rc<Self>, id: u64, paths: &[PathBuf]) {
        let refuse = |why: &str| {
            let end = Some(Err(why.to_owned()));
            self.tell(&Event::Transfer(Transfer { id, sent: 0, total: 0, end }));
        };
        if paths.is_empty() || paths.len() > MAX_FILES {
            return refuse("no files, or too many at once");
        }
        if !paths.iter().all(|path| path.is_file()) {
            return refuse("only files can be sent");
        }
        let main = self.main.borrow().clone();
        let Some(main) = main.filter(spice::MainChannel::is_agent_connected) else {
            return refuse("there is no agent in the guest");
        };
        let cancellable = gio::Cancellable::new();
        if self.transfers.borrow_mut().insert(id, cancellable.clone()).is_some() {
            return refuse("the number is in use");
        }
        let files: Vec<gio::File> = paths.iter().map(gio::File::for_path).collect();
        let sending = Sending {
            attempt: Rc::downgrade(self),
            id,
            sent: Cell::default(),
            total: Cell::default(),
            told: Cell::default(),
        };
        copy(&main, &files, &cancellable, Box::new(sending));
    }

    pub(super) fn cancel_transfer(&self, id: u64) {
        let cancellable = self.transfers.borrow().get(&id).cloned();
        if let Some(cancellable) = cancellable {
            cancellable.cancel();
        }
    }

    /// Tells that what is being sent will not arrive.
    pub(super) fn end_transfers(&self) {
        for (id, cancellable) in self.transfers.take() {
            cancellable.cancel();
            let end = Some(Err("the session ended".to_owned()));
            self.tell(&Event::Transfer(Transfer { id, sent: 0, total: 0, end }));
        }
    }
}

fn copy(
    main: &spice::MainChannel,
    files: &[gio::File],
    cancellable: &gio::Cancellable,
    sending: Box<Sending>,
) {
    let mut sources: Vec<*mut gio::ffi::GFile> = files.iter().map(|file| file.as_ptr()).collect();
    sources.push(std::ptr::null_mut());
    let data: glib::ffi::gpointer = Box::into_raw(sending).cast();
    // SAFETY: the channel and the files live during the call, which takes its
    // own references; the array ends with null. `done` is called once, after
    // the last call of `progress`, and takes the box back.
    unsafe {
        ffi::spice_main_channel_file_copy_async(
            main.to_glib_none().0,
            sources.as_mut_ptr(),
            gio::ffi::G_FILE_COPY_NONE,
            cancellable.to_glib_none().0,
            Some(progress),
            data,
            Some(done),
            data,
        );
    }
}

/// # Safety
/// `data` is the box that `copy` gave away, and not yet taken back.
unsafe extern "C" fn progress(sent: i64, total: i64, data: glib::ffi::gpointer) {
    // SAFETY: as above.
    let sending = unsafe { &*data.cast::<Sending>() };
    sending.progress(sent, total);
}

/// # Safety
/// `data` is the box that `copy` gave away; it is taken back here.
unsafe extern "C" fn done(
    source: *mut glib::gobject_ffi::GObject,
    result: *mut gio::ffi::GAsyncResult,
    data: glib::ffi::gpointer,
) {
    // SAFETY: as above.
    let sending = unsafe { Box::from_raw(data.cast::<Sending>()) };
    let mut error = std::ptr::null_mut();
    // SAFETY: the source is the channel that the copy was begun with.
    unsafe { ffi::spice_main_channel_file_copy_finish(source.cast(), result, &mut error) };
    let end = if error.is_null() {
        sending.sent.set(sending.total.get());
        Ok(())
    } else {
        // SAFETY: the error is ours from here on.
        let error: glib::Error = unsafe { from_glib_full(error) };
        Err(error.message().chars().take(200).collect())
    };
    let attempt = sending.attempt.upgrade();
    // What was ended with the session has been told already.
    if attempt.is_some_and(|attempt| attempt.transfers.borrow_mut().remove(&sending.id).is_some()) {
        sending.tell(Some(end));
    }
}
