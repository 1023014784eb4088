// SPDX-License-Identifier: LGPL-2.1-or-later
//! The plain data that a session and its views exchange. No type of SPICE or
//! of GTK is here, so that a session can run where there is no screen.

use std::path::PathBuf;
use std::rc::Rc;

use crate::keys::Scancode;
pub use crate::picture::Picture;

/// What a socket that the session asks for is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ChannelKind {
    /// State, agent, clipboard.
    Main,
    /// Pictures.
    Display,
    /// Keyboard and pointer.
    Inputs,
    /// The shape of the pointer.
    Cursor,
    /// Sound from the guest.
    Playback,
    /// Sound to the guest.
    Record,
    /// A USB device.
    Usb,
    /// Anything else.
    Other,
}

/// How a session fares.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum State {
    /// Nothing was begun.
    #[default]
    Idle,
    /// Sockets are being opened, or the server has not answered yet.
    Connecting,
    /// Pictures come and input goes.
    Connected {
        /// Whether the guest's agent is there; without it there is no
        /// clipboard and no resizing.
        agent: bool,
    },
    /// It could not be begun, or broke.
    Failed(Failure),
    /// It ended as asked, or the server closed it in good order. Why is told
    /// by [`CloseReason`].
    Closed,
}

/// Why a session is in the state [`State::Closed`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CloseReason {
    /// By [`Command::Close`].
    Asked,
    /// The server closed it and is gone, as when the guest is shut down.
    Ended,
    /// The server closed this connection and goes on: as a rule because
    /// somebody else looks at the guest now. [`Command::Reconnect`] takes the
    /// place back.
    TakenOver,
}

impl State {
    /// Whether input reaches a guest.
    pub fn is_connected(&self) -> bool {
        matches!(self, State::Connected { .. })
    }
}

/// Why a session failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind}: {detail}")]
pub struct Failure {
    /// What went wrong, to choose one's own words by.
    pub kind: FailureKind,
    /// More about it, in English; at most 500 bytes, without control characters.
    pub detail: String,
}

impl Failure {
    /// A failure whose detail is cut and cleaned.
    pub fn new(kind: FailureKind, detail: &str) -> Self {
        let mut clean: String = detail.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let mut end = clean.len().min(500);
        while !clean.is_char_boundary(end) {
            end -= 1;
        }
        clean.truncate(end);
        Failure { kind, detail: clean }
    }
}

/// The kinds of failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FailureKind {
    /// No socket could be had.
    #[error("the server cannot be reached")]
    Unreachable,
    /// What answered does not speak SPICE, or not well.
    #[error("the server does not speak SPICE")]
    Protocol,
    /// The server asks for a password, or for another one.
    #[error("the server asks for a password")]
    Password,
    /// The server wants an encrypted connection, which is not supported.
    #[error("the server wants encryption")]
    Encryption,
    /// The server took longer than allowed.
    #[error("the server does not answer")]
    Timeout,
    /// The connection broke.
    #[error("the connection was lost")]
    Lost,
    /// The server sent a picture that is refused.
    #[error("the server sent what is refused")]
    Refused,
}

/// Which of a guest's monitors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct MonitorId(pub u32);

/// A rectangle in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Rect {
    /// Left edge.
    pub x: u32,
    /// Top edge.
    pub y: u32,
    /// Width.
    pub width: u32,
    /// Height.
    pub height: u32,
}

impl Rect {
    /// One pixel right of the rectangle.
    pub fn right(&self) -> u32 {
        self.x.saturating_add(self.width)
    }

    /// One pixel below the rectangle.
    pub fn bottom(&self) -> u32 {
        self.y.saturating_add(self.height)
    }

    /// Whether there is no pixel in it.
    pub fn is_empty(&self) -> bool {
        self.width == 0 || self.height == 0
    }

    /// The pixels that are in both.
    pub fn intersect(&self, other: &Rect) -> Option<Rect> {
        let (x, y) = (self.x.max(other.x), self.y.max(other.y));
        let (right, bottom) = (self.right().min(other.right()), self.bottom().min(other.bottom()));
        (right > x && bottom > y).then(|| Rect { x, y, width: right - x, height: bottom - y })
    }

    /// The smallest rectangle around both.
    pub fn union(&self, other: &Rect) -> Rect {
        let (x, y) = (self.x.min(other.x), self.y.min(other.y));
        let (right, bottom) = (self.right().max(other.right()), self.bottom().max(other.bottom()));
        Rect { x, y, width: right - x, height: bottom - y }
    }

    /// Whether all of `other` is in it.
    pub fn contains(&self, other: &Rect) -> bool {
        self.x <= other.x
            && self.y <= other.y
            && self.right() >= other.right()
            && self.bottom() >= other.bottom()
    }
}

/// New pixels of a monitor.
#[derive(Clone, Debug)]
pub struct Frame {
    /// Whose.
    pub monitor: MonitorId,
    /// The pixels, all of them; another one than before if the size changed.
    pub picture: Rc<Picture>,
    /// What changed since the last frame; all of it lies in the picture.
    pub dirty: Vec<Rect>,
}

/// What the pointer looks like over a view.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum Cursor {
    /// As anywhere.
    #[default]
    Default,
    /// The guest shows none.
    Hidden,
    /// The guest's own.
    Shape(CursorImage),
}

/// A pointer's picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CursorImage {
    /// In pixels, 1 to 512.
    pub width: u32,
    /// In pixels, 1 to 512.
    pub height: u32,
    /// The pixel that points, from the left; inside the picture.
    pub hot_x: u32,
    /// The pixel that points, from the top; inside the picture.
    pub hot_y: u32,
    /// Red, green, blue, alpha; not premultiplied.
    pub rgba: Vec<u8>,
}

/// How the guest takes the pointer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum MouseMode {
    /// It wants movements; a plain mouse.
    #[default]
    Relative,
    /// It wants positions; a tablet, or the agent.
    Absolute,
}

/// The keyboard's locks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Locks {
    /// Caps Lock.
    pub caps: bool,
    /// Num Lock.
    pub num: bool,
    /// Scroll Lock.
    pub scroll: bool,
}

/// A pointer's button.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Button {
    /// The first.
    Left,
    /// The wheel pressed.
    Middle,
    /// The second.
    Right,
    /// The one that goes back.
    Side,
    /// The one that goes forward.
    Extra,
}

/// What a clipboard's content is. SPICE knows no others, but for HTML.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Format {
    /// UTF-8 text, lines ending in a line feed.
    Text,
    /// Text with its looks, in UTF-8. SPICE has no number for it: see
    /// [`HTML_NUMBER`].
    Html,
    /// A PNG picture.
    Png,
    /// A JPEG picture.
    Jpeg,
    /// A BMP picture.
    Bmp,
    /// A TIFF picture.
    Tiff,
}

/// The number of [`Format::Html`] in an agent's messages: an extension, far
/// outside of SPICE's own numbers, which run from 0. An agent that does not
/// know it passes over it; one that does offers and fetches it as any other.
pub const HTML_NUMBER: u32 = u32::from_be_bytes(*b"html");

/// What the guest's agent says of the clipboard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FromGuest {
    /// Something was copied in the guest.
    Grab(Vec<Format>),
    /// The guest wants what was offered to it.
    Request(Format),
    /// The guest hands over what it was asked for.
    Data(Format, Vec<u8>),
    /// What the guest offered is gone.
    Release,
}

/// What is said to the guest's agent of the clipboard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ToGuest {
    /// Something can be pasted.
    Grab(Vec<Format>),
    /// The content that the guest asked for; empty if there is none.
    Data(Format, Vec<u8>),
    /// Asks for what the guest offered.
    Request(Format),
    /// What was offered is gone.
    Release,
}

/// How files on their way into the guest fare.
#[derive(Clone, Debug, PartialEq, Eq, glib::Boxed)]
#[boxed_type(name = "SpiceViewTransfer")]
pub struct Transfer {
    /// The number that was given with the order.
    pub id: u64,
    /// Bytes that were sent.
    pub sent: u64,
    /// Bytes in all, as far as it is known.
    pub total: u64,
    /// How it ended, or nothing while it goes on.
    pub end: Option<Result<(), String>>,
}

/// A USB device of this computer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsbDevice {
    /// Who made it, what it is and where it is plugged in; no other has it.
    pub name: String,
    /// Whether the guest has it.
    pub connected: bool,
    /// Whether the guest could have it.
    pub possible: bool,
}

/// What a session tells its views.
#[derive(Clone, Debug)]
pub enum Event {
    /// How the session fares.
    State(State),
    /// Why the session will now be told to be closed.
    Closing(CloseReason),
    /// The guest's monitors, in their order; at most 16 of each channel of
    /// pictures. Those that are not named are gone.
    Monitors(Vec<MonitorId>),
    /// New pixels.
    Frame(Frame),
    /// The pointer's shape, on each monitor that has no other.
    Cursor(Cursor),
    /// The pointer's shape over a monitor that has one of its own.
    CursorOn(MonitorId, Cursor),
    /// Where the guest moved its pointer to, in relative mode.
    CursorAt(u32, u32),
    /// How the guest takes the pointer.
    MouseMode(MouseMode),
    /// The guest's locks.
    Locks(Locks),
    /// The guest's clipboard.
    Clipboard(FromGuest),
    /// Files on their way into the guest.
    Transfer(Transfer),
    /// Whether the guest has sound to play.
    Sound(bool),
    /// The USB devices of this computer.
    Usb(Vec<UsbDevice>),
    /// Something that the server sent was dropped; a line for a log.
    Dropped(String),
}

/// What a view tells its session.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// A key goes down or up.
    Key(Scancode, bool),
    /// The pointer is at a pixel of a monitor.
    Position(MonitorId, u32, u32),
    /// The pointer moved by so many pixels.
    Motion(i32, i32),
    /// A button goes down or up.
    Button(Button, bool),
    /// The wheel turns; steps down, or up if negative.
    Wheel(i32),
    /// The locks of the keyboard here.
    Locks(Locks),
    /// Asks the guest, through its agent, for another size of a monitor in
    /// pixels. A size of 0x0 turns a monitor off, but not the first.
    Resize(MonitorId, u32, u32),
    /// The clipboard here.
    Clipboard(ToGuest),
    /// A view drew what it got and takes the next frame of that monitor.
    FrameWanted(MonitorId),
    /// Sends files into the guest, through its agent, under a number of the caller's choice.
    SendFiles(u64, Vec<PathBuf>),
    /// Gives up sending.
    CancelTransfer(u64),
    /// Silences the guest's sound, or lets it be heard.
    Mute(bool),
    /// Gives the USB device of that name to the guest, or takes it back.
    Usb(String, bool),
    /// Ends the session.
    Close,
    /// Begins anew, with new sockets.
    Reconnect,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rectangles_meet_where_both_are() {
        let a = Rect { x: 0, y: 0, width: 10, height: 10 };
        let b = Rect { x: 5, y: 8, width: 10, height: 10 };
        assert_eq!(a.intersect(&b), Some(Rect { x: 5, y: 8, width: 5, height: 2 }));
        assert_eq!(a.union(&b), Rect { x: 0, y: 0, width: 15, height: 18 });
        assert_eq!(a.intersect(&Rect { x: 10, y: 0, width: 1, height: 1 }), None);
    }

    #[test]
    fn a_failures_detail_is_short_and_plain() {
        let failure = Failure::new(FailureKind::Lost, &"ä\u{1b}\n".repeat(400));
        assert!(failure.detail.len() <= 500 && !failure.detail.contains(char::is_control));
        assert!(failure.detail.starts_with("ä  ä"));
    }
}
