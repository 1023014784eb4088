// SPDX-License-Identifier: LGPL-2.1-or-later
//! When the list is to be made anew: often while something runs, or has just
//! come or gone; otherwise when something comes.

use crate::window::Window;
use gtk::{gio, glib, prelude::*};
use std::cell::Cell;
use std::rc::{Rc, Weak};
use std::time::{Duration, Instant};

/// How often it is asked.
const EVERY: Duration = Duration::from_millis(1500);
/// How often while nothing runs: libvirt itself may have come or gone.
const SELDOM: Duration = Duration::from_secs(15);
/// A folder is there before its sandbox is, and is gone a little earlier.
const SETTLES: Duration = Duration::from_secs(20);

/// What wakes who waits.
pub struct Pace {
    /// Without it nothing would be heard of.
    monitor: Option<gio::FileMonitor>,
    woken: async_channel::Receiver<()>,
    /// When something came or went last.
    last: Rc<Cell<Instant>>,
}

impl Pace {
    /// Follows the folder in which every sandbox has one of its own, and who
    /// comes back to the window.
    pub async fn new(window: &Weak<Window>) -> Self {
        let (wake, woken) = async_channel::bounded(1);
        let last = Rc::new(Cell::new(Instant::now()));
        let mut pace = Self { monitor: None, woken, last: last.clone() };
        let Some(bridge) = window.upgrade().map(|window| window.bridge.clone()) else { return pace };
        let Some(folder) = bridge.watched().await else { return pace };
        let flags = gio::FileMonitorFlags::NONE;
        let monitor = gio::File::for_path(folder).monitor_directory(flags, gio::Cancellable::NONE).ok();
        if let Some(monitor) = &monitor {
            let wake = wake.clone();
            monitor.connect_changed(move |_, _, _, event| {
                if matches!(event, gio::FileMonitorEvent::Created | gio::FileMonitorEvent::Deleted) {
                    last.set(Instant::now());
                    let _ = wake.try_send(());
                }
            });
        }
        if let Some(window) = window.upgrade() {
            window.widget.connect_is_active_notify(move |_| {
                let _ = wake.try_send(());
            });
        }
        pace.monitor = monitor;
        pace
    }

    /// Waits until it is time. `runs`: something does.
    pub async fn wait(&self, runs: bool) {
        if runs || self.monitor.is_none() || self.last.get().elapsed() < SETTLES {
            return glib::timeout_future(EVERY).await;
        }
        let _ = glib::future_with_timeout(SELDOM, self.woken.recv()).await;
    }
}
