// SPDX-License-Identifier: LGPL-2.1-or-later
//! Another program drops a file on the window, as the X server's XDND has it.

use std::time::{Duration, Instant};
use x11rb::connection::Connection;
use x11rb::protocol::xproto::{
    AtomEnum, ClientMessageEvent, ConnectionExt, CreateWindowAux, EventMask, MapState, PropMode,
    SelectionNotifyEvent, SelectionRequestEvent, Window, WindowClass, SELECTION_NOTIFY_EVENT,
};
use x11rb::protocol::Event;
use x11rb::rust_connection::RustConnection;
use x11rb::wrapper::ConnectionExt as _;
use x11rb::{CURRENT_TIME, NONE};

/// The version of XDND that is spoken.
const VERSION: u32 = 5;

/// Who drags.
struct Source {
    x: RustConnection,
    window: Window,
    root: Window,
    text: String,
}

/// Drops a file on the first window that takes any.
pub fn drop_file(display: &str, uri: &str) {
    let (x, at) = RustConnection::connect(Some(display)).expect("a display");
    let (root, window) = (x.setup().roots[at].root, x.generate_id().expect("an id"));
    let aux = CreateWindowAux::new();
    x.create_window(0, window, root, 0, 0, 1, 1, 0, WindowClass::INPUT_ONLY, 0, &aux).expect("a window");
    let source = Source { x, window, root, text: format!("{uri}\r\n") };
    let selection = source.atom("XdndSelection");
    source.x.set_selection_owner(window, selection, CURRENT_TIME).expect("owned");
    let target = source.aware(root).expect("a window that takes drops");
    let (copy, list) = (source.atom("XdndActionCopy"), source.atom("text/uri-list"));
    source.send(target, "XdndEnter", [VERSION << 24, list, NONE, NONE]);
    let place = source.middle(target);
    // It has to look at what it is offered first.
    let accepts = || {
        source.send(target, "XdndPosition", [0, place, CURRENT_TIME, copy]);
        source.hears("XdndStatus")[1] & 1 == 1
    };
    let begun = Instant::now();
    while !accepts() {
        assert!(begun.elapsed() < Duration::from_secs(20), "it is not taken");
        std::thread::sleep(Duration::from_millis(50));
    }
    source.send(target, "XdndDrop", [0, CURRENT_TIME, 0, 0]);
    source.hears("XdndFinished");
}

impl Source {
    fn atom(&self, name: &str) -> u32 {
        self.x.intern_atom(false, name.as_bytes()).expect("asked").reply().expect("an atom").atom
    }

    /// The first window that says that it takes drops.
    fn aware(&self, window: Window) -> Option<Window> {
        let aware = self.atom("XdndAware");
        let property = self.x.get_property(false, window, aware, AtomEnum::ANY, 0, 1).ok()?.reply().ok()?;
        let looks = self.x.get_window_attributes(window).ok()?.reply().ok()?;
        // Menus that are closed say so as well.
        if property.type_ != NONE && looks.map_state == MapState::VIEWABLE {
            return Some(window);
        }
        let tree = self.x.query_tree(window).ok()?.reply().ok()?;
        tree.children.into_iter().rev().find_map(|child| self.aware(child))
    }

    /// On the screen, in one number.
    fn middle(&self, window: Window) -> u32 {
        let size = self.x.get_geometry(window).expect("asked").reply().expect("a size");
        let (x, y) = (size.width / 2, size.height / 2);
        let place = self.x.translate_coordinates(window, self.root, x as i16, y as i16);
        let place = place.expect("asked").reply().expect("a place");
        (place.dst_x as u32) << 16 | place.dst_y as u32
    }

    fn send(&self, to: Window, kind: &str, rest: [u32; 4]) {
        let data = [self.window, rest[0], rest[1], rest[2], rest[3]];
        let event = ClientMessageEvent::new(32, to, self.atom(kind), data);
        self.x.send_event(false, to, EventMask::NO_EVENT, event).expect("sent");
        self.x.flush().expect("sent");
    }

    /// Waits for an answer, and hands out what is dropped meanwhile.
    fn hears(&self, kind: &str) -> [u32; 5] {
        let (name, kind, begun) = (kind, self.atom(kind), Instant::now());
        loop {
            match self.x.poll_for_event().expect("the display is there") {
                Some(Event::ClientMessage(event)) if event.type_ == kind => return event.data.as_data32(),
                Some(Event::SelectionRequest(asked)) => self.hand_out(&asked),
                Some(Event::Error(error)) => panic!("{error:?}"),
                Some(_) => {}
                None => std::thread::sleep(Duration::from_millis(10)),
            }
            assert!(begun.elapsed() < Duration::from_secs(20), "no {name}");
        }
    }

    fn hand_out(&self, asked: &SelectionRequestEvent) {
        let (to, property, kind) = (asked.requestor, asked.property, asked.target);
        self.x
            .change_property8(PropMode::REPLACE, to, property, kind, self.text.as_bytes())
            .expect("written");
        let told = SelectionNotifyEvent {
            response_type: SELECTION_NOTIFY_EVENT,
            sequence: 0,
            time: asked.time,
            requestor: to,
            selection: asked.selection,
            target: kind,
            property,
        };
        self.x.send_event(false, to, EventMask::NO_EVENT, told).expect("sent");
        self.x.flush().expect("sent");
    }
}
