// SPDX-License-Identifier: LGPL-2.1-or-later
//! The terminal that terrariumctl runs in.

use nix::sys::termios::{cfmakeraw, tcgetattr, tcsetattr, SetArg, Termios};
use std::io::{stdin, stdout, IsTerminal};
use terrarium_protocol::orders::Size;

/// Whether input and output are a terminal.
pub fn is_ours() -> bool {
    stdin().is_terminal() && stdout().is_terminal()
}

/// Its size; 80 by 24 if it has none.
pub fn size() -> Size {
    rustix::termios::tcgetwinsize(stdout())
        .ok()
        .filter(|size| size.ws_col > 0 && size.ws_row > 0)
        .map_or(Size { columns: 80, rows: 24 }, |size| Size { columns: size.ws_col, rows: size.ws_row })
}

/// Raw mode: every key goes to the sandbox. Undone when dropped.
pub struct Raw {
    before: Termios,
}

impl Raw {
    /// `None` if input is no terminal.
    pub fn enter() -> Option<Self> {
        let before = tcgetattr(stdin()).ok()?;
        let mut raw = before.clone();
        cfmakeraw(&mut raw);
        tcsetattr(stdin(), SetArg::TCSANOW, &raw).ok()?;
        Some(Self { before })
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        let _ = tcsetattr(stdin(), SetArg::TCSANOW, &self.before);
    }
}

/// Looks for Ctrl+] pressed twice in a row, however the keys arrive.
#[derive(Default)]
pub struct LetGo {
    armed: bool,
}

const KEY: u8 = 0x1d;

impl LetGo {
    /// What of `keys` goes to the sandbox; `true` if the user lets go. A
    /// single Ctrl+] goes on with the key after it.
    pub fn filter(&mut self, keys: &[u8]) -> (Vec<u8>, bool) {
        let mut pass = Vec::with_capacity(keys.len());
        for &key in keys {
            match (self.armed, key) {
                (true, KEY) => return (pass, true),
                (false, KEY) => self.armed = true,
                (armed, key) => {
                    if armed {
                        pass.push(KEY);
                    }
                    self.armed = false;
                    pass.push(key);
                }
            }
        }
        (pass, false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twice_lets_go_once_passes() {
        let mut keys = LetGo::default();
        assert_eq!(keys.filter(b"a\x1d"), (b"a".to_vec(), false));
        assert_eq!(keys.filter(b"b"), (b"\x1db".to_vec(), false));
        assert_eq!(keys.filter(b"\x1d"), (Vec::new(), false));
        assert_eq!(keys.filter(b"\x1drest"), (Vec::new(), true));
    }
}
