// SPDX-License-Identifier: LGPL-2.1-or-later
//! Tells programs how large to draw: on a desktop whose pixels are small, those
//! of the screen are as small.
//!
//! GTK listens to XSETTINGS, and Qt and plain X programs to the root's
//! resources. GTK would take the resources' resolution on top of the scale, if
//! XSETTINGS did not name one without it.

use x11rb::connection::Connection;
use x11rb::errors::ReplyOrIdError;
use x11rb::protocol::xproto::{
    AtomEnum, ClientMessageEvent, ConnectionExt as _, CreateWindowAux, EventMask, PropMode, Window,
    WindowClass,
};
use x11rb::wrapper::ConnectionExt as _;
use x11rb::CURRENT_TIME;

/// Dots per inch of a screen whose pixels are as large as the desktop's.
const DPI: u32 = 96;
/// Side of a pointer there.
const POINTER: u32 = 24;

x11rb::atom_manager! {
    /// Names of XSETTINGS.
    Names: NamesCookie {
        MANAGER,
        _XSETTINGS_S0,
        _XSETTINGS_SETTINGS,
    }
}

/// Tells it, for as long as `x` is connected. Resources that somebody has set
/// stay as they are. Whoever brings settings of its own takes over.
pub fn tell<C: Connection>(x: &C, root: Window, scale: u32) -> Result<(), ReplyOrIdError> {
    let names = Names::new(x)?.reply()?;
    let (resources, text) = (AtomEnum::RESOURCE_MANAGER, AtomEnum::STRING);
    if x.get_property(false, root, resources, text, 0, 1)?.reply()?.value_len == 0 {
        x.change_property8(PropMode::REPLACE, root, resources, text, resource_text(scale).as_bytes())?;
    }
    let window = x.generate_id()?;
    let class = WindowClass::INPUT_ONLY;
    x.create_window(0, window, root, -1, -1, 1, 1, 0, class, 0, &CreateWindowAux::new())?;
    let name = names._XSETTINGS_SETTINGS;
    x.change_property8(PropMode::REPLACE, window, name, name, &settings(scale))?;
    x.set_selection_owner(window, names._XSETTINGS_S0, CURRENT_TIME)?;
    let data = [CURRENT_TIME, names._XSETTINGS_S0, window, 0, 0];
    let message = ClientMessageEvent::new(32, root, names.MANAGER, data);
    Ok(x.send_event(false, root, EventMask::STRUCTURE_NOTIFY, message)?.check()?)
}

/// xterm's own font is a bitmap of one size: one that can be scaled takes its
/// place, as large as that is. Its key for pasting takes what is selected, which
/// never comes from outside: the clipboard goes before.
fn resource_text(scale: u32) -> String {
    let (dpi, pointer) = (DPI * scale, POINTER * scale);
    format!(
        "Xft.dpi:\t{dpi}\nXcursor.size:\t{pointer}\n*VT100*faceName:\tmonospace\n*VT100*faceSize:\t7.5\n\
         *VT100*translations:\t#override Shift <KeyPress>Insert: insert-selection(CLIPBOARD, PRIMARY)\n"
    )
}

/// Numbers in the form of XSETTINGS.
fn settings(scale: u32) -> Vec<u8> {
    // 1024 to the dot.
    let all = [
        ("Gdk/UnscaledDPI", DPI * 1024),
        ("Gdk/WindowScalingFactor", scale),
        ("Xft/DPI", DPI * 1024 * scale),
    ];
    let order = u8::from(cfg!(target_endian = "big"));
    let mut bytes = vec![order, 0, 0, 0];
    // The number of this state of them, and how many there are.
    for word in [1, all.len() as u32] {
        bytes.extend(word.to_ne_bytes());
    }
    for (name, value) in all {
        bytes.extend([0, 0]);
        bytes.extend((name.len() as u16).to_ne_bytes());
        bytes.extend(name.as_bytes());
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        for word in [1, value] {
            bytes.extend(word.to_ne_bytes());
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_as_their_readers_want_them() {
        let bytes = settings(2);
        let word = |at: usize| u32::from_ne_bytes(bytes[at..at + 4].try_into().unwrap());
        assert_eq!((word(4), word(8)), (1, 3));
        // The first name takes 15 bytes, and 16 with what fills them up.
        assert_eq!(&bytes[16..31], b"Gdk/UnscaledDPI");
        assert_eq!((word(32), word(36)), (1, 98_304));
        // 4 + 24 + 4 for the second's, in front of its value.
        assert_eq!(word(40 + 4 + 24 + 4), 2);
        assert_eq!(word(bytes.len() - 4), 196_608);
        assert_eq!(bytes.len(), 40 + 36 + 20);
    }

    #[test]
    fn resources_are_lines() {
        let text = resource_text(3);
        assert!(text.starts_with("Xft.dpi:\t288\n") && text.contains("size:\t72\n") && text.ends_with('\n'));
    }
}
