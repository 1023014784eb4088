// SPDX-License-Identifier: LGPL-2.1-or-later
//! Stands in for the window manager until that comes: windows fill the screen
//! and have the keyboard from the start, and nobody waits for a program that
//! takes a second of an emulated processor. It leaves as any manager does for
//! the next one (ICCCM, 2.8 and 4.3).

use super::screen::current;
use super::windows::Windows;
use x11rb::connection::Connection;
use x11rb::errors::{ReplyError, ReplyOrIdError};
use x11rb::properties::WmSizeHints;
use x11rb::protocol::xproto::{
    AtomEnum, ChangeWindowAttributesAux, ConfigureNotifyEvent, ConfigureRequestEvent, ConfigureWindowAux,
    ConnectionExt as _, CreateWindowAux, EventMask, InputFocus, Window, WindowClass,
};
use x11rb::protocol::Event;
use x11rb::wrapper::ConnectionExt as _;
use x11rb::{CURRENT_TIME, NONE};

x11rb::atom_manager! {
    /// Names of managers' conventions (ICCCM, EWMH).
    Names: NamesCookie {
        WM_S0,
        WM_STATE,
        _NET_ACTIVE_WINDOW,
    }
}

/// States of a window that a manager notes on it.
const NORMAL: u32 = 1;

/// What the copy of init at the server hears of the root.
pub fn events() -> EventMask {
    EventMask::SUBSTRUCTURE_NOTIFY | EventMask::PROPERTY_CHANGE | EventMask::STRUCTURE_NOTIFY
}

/// Whoever manages windows for the time being.
pub struct StandIn {
    root: Window,
    /// Holds the selection that every manager holds.
    owner: Window,
    names: Names,
    /// Windows that fill the screen.
    filling: Vec<Window>,
}

impl StandIn {
    /// Begins; `None` if somebody else manages windows.
    pub fn begin<C: Connection>(x: &C, root: Window) -> Result<Option<Self>, ReplyOrIdError> {
        let names = Names::new(x)?.reply()?;
        let redirect =
            ChangeWindowAttributesAux::new().event_mask(events() | EventMask::SUBSTRUCTURE_REDIRECT);
        if x.change_window_attributes(root, &redirect)?.check().is_err() {
            return Ok(None);
        }
        let owner = x.generate_id()?;
        let class = WindowClass::INPUT_ONLY;
        x.create_window(0, owner, root, -1, -1, 1, 1, 0, class, 0, &CreateWindowAux::new())?;
        x.set_selection_owner(owner, names.WM_S0, CURRENT_TIME)?.check()?;
        Ok(Some(Self { root, owner, names, filling: Vec::new() }))
    }

    /// Does what an event asks for. `false` once the next manager is there.
    pub fn hear<C: Connection>(
        &mut self,
        x: &C,
        windows: &Windows,
        event: &Event,
    ) -> Result<bool, ReplyError> {
        match event {
            Event::MapRequest(request) => match self.show(x, windows, request.window) {
                // It is gone by now.
                Err(ReplyError::X11Error(_)) => {}
                other => other?,
            },
            Event::ConfigureRequest(request) => self.configure(x, request)?,
            Event::UnmapNotify(gone) => self.filling.retain(|one| *one != gone.window),
            Event::SelectionClear(clear) if clear.selection == self.names.WM_S0 => {
                self.leave(x)?;
                return Ok(false);
            }
            _ => {}
        }
        Ok(true)
    }

    fn show<C: Connection>(&mut self, x: &C, windows: &Windows, window: Window) -> Result<(), ReplyError> {
        let whole = current(x, self.root)?;
        if windows.fill() && windows.is_main(x, window)? && !has_one_size(x, window)? {
            let fill = ConfigureWindowAux::new().x(0).y(0).border_width(0);
            x.configure_window(window, &fill.width(whole.width).height(whole.height))?;
            self.filling.push(window);
        } else {
            let own = current(x, window)?;
            let middle = |whole: u32, own: u32| (whole.saturating_sub(own) / 2) as i32;
            let place = ConfigureWindowAux::new().x(middle(whole.width, own.width));
            x.configure_window(window, &place.y(middle(whole.height, own.height)))?;
        }
        let state = self.names.WM_STATE;
        let replace = x11rb::protocol::xproto::PropMode::REPLACE;
        x.change_property32(replace, window, state, state, &[NORMAL, NONE])?;
        x.map_window(window)?;
        x.set_input_focus(InputFocus::POINTER_ROOT, window, CURRENT_TIME)?;
        // The next manager gives it the keyboard again.
        x.change_property32(replace, self.root, self.names._NET_ACTIVE_WINDOW, AtomEnum::WINDOW, &[window])?;
        Ok(())
    }

    /// A window gets what it asks for, unless it fills the screen: then it is
    /// told how it is.
    fn configure<C: Connection>(&self, x: &C, request: &ConfigureRequestEvent) -> Result<(), ReplyError> {
        if !self.filling.contains(&request.window) {
            let wish = ConfigureWindowAux::from_configure_request(request);
            x.configure_window(request.window, &wish)?;
            return Ok(());
        }
        let whole = current(x, self.root)?;
        let event = ConfigureNotifyEvent {
            response_type: x11rb::protocol::xproto::CONFIGURE_NOTIFY_EVENT,
            sequence: 0,
            event: request.window,
            window: request.window,
            above_sibling: NONE,
            x: 0,
            y: 0,
            width: whole.width as u16,
            height: whole.height as u16,
            border_width: 0,
            override_redirect: false,
        };
        x.send_event(false, request.window, EventMask::STRUCTURE_NOTIFY, event)?;
        Ok(())
    }

    /// The screen has another size.
    pub fn fit<C: Connection>(&self, x: &C) -> Result<(), ReplyError> {
        let whole = current(x, self.root)?;
        for &window in &self.filling {
            x.configure_window(window, &ConfigureWindowAux::new().width(whole.width).height(whole.height))?;
        }
        Ok(())
    }

    /// Makes room. What asked to be shown until now asks again: nobody
    /// redirects it any more, or the next manager does.
    fn leave<C: Connection>(&self, x: &C) -> Result<(), ReplyError> {
        let plain = ChangeWindowAttributesAux::new().event_mask(events());
        x.change_window_attributes(self.root, &plain)?.check()?;
        while let Some(event) = x.poll_for_event()? {
            match event {
                Event::MapRequest(request) => drop(x.map_window(request.window)?),
                Event::ConfigureRequest(request) => {
                    x.configure_window(
                        request.window,
                        &ConfigureWindowAux::from_configure_request(&request),
                    )?;
                }
                _ => {}
            }
        }
        x.destroy_window(self.owner)?;
        Ok(x.flush()?)
    }
}

/// Whether a window can have no other size than it has, as a splash.
fn has_one_size<C: Connection>(x: &C, window: Window) -> Result<bool, ReplyError> {
    let hints = WmSizeHints::get_normal_hints(x, window)?.reply()?;
    Ok(hints.is_some_and(|hints| hints.min_size.is_some() && hints.min_size == hints.max_size))
}
