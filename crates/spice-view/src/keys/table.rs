// SPDX-License-Identifier: LGPL-2.1-or-later
//! From the kernel's numbers of keys to those of a PC keyboard.

use super::Scancode;

/// The kernel's number is the X server's and Wayland's less eight.
const OFFSET: u32 = 8;

/// Keys of the kernel that do not have the same number on a PC keyboard.
const OTHERS: &[(u32, u16)] = &[
    (85, 0x76),   // Zenkaku/Hankaku
    (89, 0x73),   // Ro
    (90, 0x78),   // Katakana
    (91, 0x77),   // Hiragana
    (92, 0x79),   // Henkan
    (93, 0x70),   // Katakana/Hiragana
    (94, 0x7b),   // Muhenkan
    (95, 0x5c),   // comma of a Japanese keypad
    (96, 0x11c),  // Enter of the keypad
    (97, 0x11d),  // right Ctrl
    (98, 0x135),  // slash of the keypad
    (99, 0x137),  // Print
    (100, 0x138), // right Alt
    (101, 0x5b),  // line feed
    (102, 0x147), // Home
    (103, 0x148), // Up
    (104, 0x149), // Page Up
    (105, 0x14b), // Left
    (106, 0x14d), // Right
    (107, 0x14f), // End
    (108, 0x150), // Down
    (109, 0x151), // Page Down
    (110, 0x152), // Insert
    (111, 0x153), // Delete
    (112, 0x16f), // macro
    (113, 0x120), // mute
    (114, 0x12e), // volume down
    (115, 0x130), // volume up
    (116, 0x15e), // power
    (117, 0x59),  // equals of the keypad
    (118, 0x14e), // plus or minus of the keypad
    (119, 0x21d), // Pause
    (120, 0x10b), // scale
    (121, 0x7e),  // comma of the keypad
    (122, 0x72),  // Hangul
    (123, 0x71),  // Hanja
    (124, 0x7d),  // Yen
    (125, 0x15b), // left Super
    (126, 0x15c), // right Super
    (127, 0x15d), // menu
    (128, 0x168), // stop
    (129, 0x105), // again
    (130, 0x106), // properties
    (131, 0x107), // undo
    (132, 0x10c), // front
    (133, 0x178), // copy
    (134, 0x64),  // open
    (135, 0x65),  // paste
    (136, 0x141), // find
    (137, 0x13c), // cut
    (138, 0x175), // help
    (139, 0x11e), // menu of media keyboards
    (140, 0x121), // calculator
    (142, 0x15f), // sleep
    (143, 0x163), // wake up
    (150, 0x102), // browser
    (155, 0x16c), // mail
    (156, 0x166), // bookmarks
    (157, 0x16b), // computer
    (158, 0x16a), // back
    (159, 0x169), // forward
    (163, 0x119), // next song
    (164, 0x122), // play or pause
    (165, 0x110), // previous song
    (166, 0x124), // stop song
    (172, 0x132), // home page
    (173, 0x167), // refresh
    (183, 0x5d),  // F13
    (184, 0x5e),
    (185, 0x5f),
    (186, 0x55),
    (187, 0x103),
    (188, 0x177),
    (189, 0x104),
    (190, 0x5a), // F20
    (191, 0x74),
    (192, 0x179),
    (193, 0x6d),
    (194, 0x6f),  // F24
    (217, 0x165), // search
];

/// The key with that number of the kernel (`linux/input-event-codes.h`), if a
/// PC keyboard has it.
pub fn from_evdev(code: u32) -> Option<Scancode> {
    match code {
        // The kernel took these over from the PC keyboard.
        1..=83 | 86..=88 => u16::try_from(code).ok().map(Scancode::new),
        _ => OTHERS
            .binary_search_by_key(&code, |(evdev, _)| *evdev)
            .ok()
            .and_then(|at| OTHERS.get(at))
            .map(|(_, xt)| Scancode::new(*xt)),
    }
}

/// The key with that hardware code of GDK, if a PC keyboard has it.
pub fn from_hardware(code: u32) -> Option<Scancode> {
    code.checked_sub(OFFSET).and_then(from_evdev)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[test]
    fn well_known_keys() {
        let known = [
            (1, 0x01),    // Escape
            (2, 0x02),    // 1
            (14, 0x0e),   // Backspace
            (28, 0x1c),   // Enter
            (30, 0x1e),   // A
            (57, 0x39),   // space
            (68, 0x44),   // F10
            (83, 0x53),   // point of the keypad
            (86, 0x56),   // the key left of Z
            (88, 0x58),   // F12
            (97, 0x11d),  // right Ctrl
            (100, 0x138), // right Alt
            (103, 0x148), // Up
            (111, 0x153), // Delete
            (125, 0x15b), // left Super
        ];
        for (evdev, xt) in known {
            assert_eq!(from_evdev(evdev), Some(Scancode::new(xt)), "{evdev}");
            assert_eq!(from_hardware(evdev + 8), Some(Scancode::new(xt)), "{evdev}");
        }
        assert_eq!(from_evdev(119), Some(Scancode::PAUSE));
    }

    #[test]
    fn no_two_keys_share_a_code() {
        let mut seen = HashMap::new();
        for evdev in 0..1000 {
            if let Some(key) = from_evdev(evdev) {
                assert_eq!(seen.insert(key, evdev), None, "{evdev} and another are {key:?}");
                let code = key.code();
                assert!((code & 0x7f) != 0 && code & 0x80 == 0 && code < 0x300, "{code:#x}");
            }
        }
        assert!(seen.len() > 150);
    }

    #[test]
    fn the_table_can_be_searched() {
        assert!(OTHERS.windows(2).all(|pair| pair[0].0 < pair[1].0));
    }

    #[test]
    fn what_is_no_key_gives_none() {
        for code in [0, 84, 255, 0x110, u32::MAX] {
            assert_eq!(from_evdev(code), None);
        }
        assert_eq!(from_hardware(7), None);
    }
}
