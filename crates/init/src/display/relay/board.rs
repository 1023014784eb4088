// SPDX-License-Identifier: LGPL-2.1-or-later
//! The clipboard of the X server.

use super::Result;
use crate::display::watcher;
use std::os::fd::{AsFd, BorrowedFd};
use terrarium_protocol::agent::HTML;
use x11rb::connection::Connection;
use x11rb::protocol::xfixes::{ConnectionExt as _, SelectionEventMask};
use x11rb::protocol::xproto::{
    Atom, AtomEnum, ChangeWindowAttributesAux, ConnectionExt as _, CreateWindowAux, EventMask, PropMode,
    SelectionNotifyEvent, SelectionRequestEvent, Window, WindowClass, SELECTION_NOTIFY_EVENT,
};
use x11rb::protocol::Event;
use x11rb::rust_connection::RustConnection;
use x11rb::wrapper::ConnectionExt as _;
use x11rb::NONE;

x11rb::atom_manager! {
    /// Names of the clipboard's conventions (ICCCM, 2).
    pub Names: NamesCookie {
        CLIPBOARD,
        TARGETS,
        TIMESTAMP,
        INCR,
        UTF8_STRING,
        TEXT,
        HTML: b"text/html",
        TERRARIUM_CONTENT,
    }
}

/// What programs call the formats, with the agent's numbers; as the agent has it.
const TYPES: [(u32, &str); 13] = [
    (1, "UTF8_STRING"),
    (1, "text/plain;charset=utf-8"),
    (1, "STRING"),
    (1, "TEXT"),
    (1, "text/plain"),
    (HTML, "text/html"),
    (2, "image/png"),
    (3, "image/bmp"),
    (3, "image/x-bmp"),
    (3, "image/x-MS-bmp"),
    (3, "image/x-win-bitmap"),
    (4, "image/tiff"),
    (5, "image/jpeg"),
];

/// The connection, and what it is known by.
pub struct Board {
    x: RustConnection,
    root: Window,
    /// Who owns the clipboard for this desktop.
    pub window: Window,
    /// Names of conventions.
    pub names: Names,
    types: Vec<(u32, Atom)>,
}

impl Board {
    /// Connects.
    pub fn connect(cookie: &[u8; 16]) -> std::result::Result<Self, String> {
        let (x, root) = watcher::connect(cookie)?;
        Self::new(x, root).map_err(|error| error.to_string())
    }

    fn new(x: RustConnection, root: Window) -> Result<Self> {
        let names = Names::new(&x)?.reply()?;
        let asked = TYPES.map(|(number, name)| (number, x.intern_atom(false, name.as_bytes())));
        let mut types = Vec::new();
        for (number, cookie) in asked {
            types.push((number, cookie?.reply()?.atom));
        }
        let mut board = Self { x, root, window: NONE, names, types };
        board.window = board.open_window()?;
        board.hear_owners()?;
        Ok(board)
    }

    /// Hears who owns the clipboard from now on.
    fn hear_owners(&self) -> Result<()> {
        self.x.xfixes_query_version(1, 0)?.reply()?;
        let events = SelectionEventMask::SET_SELECTION_OWNER
            | SelectionEventMask::SELECTION_WINDOW_DESTROY
            | SelectionEventMask::SELECTION_CLIENT_CLOSE;
        self.x.xfixes_select_selection_input(self.window, self.names.CLIPBOARD, events)?;
        Ok(())
    }

    /// To be polled.
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.x.stream().as_fd()
    }

    /// The next event that has come.
    pub fn event(&self) -> Result<Option<Event>> {
        Ok(self.x.poll_for_event()?)
    }

    /// Sends what was not sent.
    pub fn flush(&self) -> Result<()> {
        Ok(self.x.flush()?)
    }

    /// A window that hears of its properties.
    pub fn open_window(&self) -> Result<Window> {
        let window = self.x.generate_id()?;
        let hears = CreateWindowAux::new().event_mask(EventMask::PROPERTY_CHANGE);
        self.x.create_window(0, window, self.root, -1, -1, 1, 1, 0, WindowClass::INPUT_ONLY, 0, &hears)?;
        Ok(window)
    }

    /// Whoever still writes to it writes to nobody.
    pub fn close_window(&self, window: Window) -> Result<()> {
        self.x.destroy_window(window)?;
        Ok(())
    }

    /// Who owns the clipboard, if anybody does.
    pub fn owner(&self) -> Result<Window> {
        Ok(self.x.get_selection_owner(self.names.CLIPBOARD)?.reply()?.owner)
    }

    /// Becomes its owner, or none any more.
    pub fn own(&self, owner: Window, time: u32) -> Result<()> {
        self.x.set_selection_owner(owner, self.names.CLIPBOARD, time)?;
        Ok(())
    }

    /// Asks the server for the time: it comes with a change of a property.
    pub fn ask_time(&self) -> Result<()> {
        self.x.change_property8(
            PropMode::APPEND,
            self.window,
            self.names.TIMESTAMP,
            AtomEnum::STRING,
            &[],
        )?;
        Ok(())
    }

    /// Asks the owner for the clipboard's content, to be put into a window's
    /// property.
    pub fn convert(&self, window: Window, target: Atom, time: u32) -> Result<()> {
        let (selection, property) = (self.names.CLIPBOARD, self.names.TERRARIUM_CONTENT);
        self.x.convert_selection(window, selection, target, property, time)?;
        Ok(())
    }

    /// Takes what was put there: its type, and its bytes if there are no more
    /// than `limit`.
    pub fn take(&self, window: Window, limit: usize) -> Result<(Atom, Option<Vec<u8>>)> {
        let property = self.names.TERRARIUM_CONTENT;
        let words = (limit / 4 + 1) as u32;
        let reply = self.x.get_property(true, window, property, AtomEnum::ANY, 0, words)?.reply()?;
        let whole = reply.bytes_after == 0 && reply.value.len() <= limit;
        Ok((reply.type_, whole.then_some(reply.value)))
    }

    /// What programs call these formats.
    pub fn targets(&self, formats: &[u32]) -> Vec<Atom> {
        let offered = self.types.iter().filter(|(number, _)| formats.contains(number));
        offered.map(|(_, atom)| *atom).collect()
    }

    /// The format of that name.
    pub fn format_of(&self, target: Atom) -> Option<u32> {
        self.types.iter().find(|(_, atom)| *atom == target).map(|(number, _)| *number)
    }

    /// The type of what is handed over under that name.
    pub fn type_of(&self, target: Atom) -> Atom {
        if target == self.names.TEXT {
            self.names.UTF8_STRING
        } else {
            target
        }
    }

    /// Puts bytes where a program wants them.
    pub fn put(&self, window: Window, property: Atom, kind: Atom, bytes: &[u8]) -> Result<()> {
        self.x.change_property8(PropMode::REPLACE, window, property, kind, bytes)?;
        Ok(())
    }

    /// Puts numbers there.
    pub fn put_numbers(&self, window: Window, property: Atom, kind: Atom, numbers: &[u32]) -> Result<()> {
        self.x.change_property32(PropMode::REPLACE, window, property, kind, numbers)?;
        Ok(())
    }

    /// Hears of a program's properties, or no longer.
    pub fn hear(&self, window: Window, hears: bool) -> Result<()> {
        let events = if hears { EventMask::PROPERTY_CHANGE } else { EventMask::NO_EVENT };
        self.x.change_window_attributes(window, &ChangeWindowAttributesAux::new().event_mask(events))?;
        Ok(())
    }

    /// Tells a program where its content is; `None`: there is none.
    pub fn answer(&self, request: &SelectionRequestEvent, property: Option<Atom>) -> Result<()> {
        let event = SelectionNotifyEvent {
            response_type: SELECTION_NOTIFY_EVENT,
            sequence: 0,
            time: request.time,
            requestor: request.requestor,
            selection: request.selection,
            target: request.target,
            property: property.unwrap_or(NONE),
        };
        self.x.send_event(false, request.requestor, EventMask::NO_EVENT, event)?;
        Ok(())
    }
}
