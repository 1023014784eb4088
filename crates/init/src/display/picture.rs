// SPDX-License-Identifier: LGPL-2.1-or-later
//! A copy of init that takes a picture of the screen and writes it to a pipe.

use super::confined::{nothing, Confined};
use super::screen;
use super::watcher::connect;
use crate::build::Place;
use crate::channel::set_nonblocking;
use crate::spawn::Spawned;
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::unistd::pipe2;
use std::convert::Infallible;
use std::io::Write;
use std::os::fd::{AsFd, OwnedFd};
use terrarium_protocol::picture;
use x11rb::connection::Connection;
use x11rb::errors::ReplyError;
use x11rb::protocol::xproto::{ConnectionExt, ImageFormat};
use x11rb::rust_connection::RustConnection;

/// Rows that are asked for at once are at most this, in bytes.
const PIECE: u32 = 1 << 20;
/// Bytes of one of the server's pixels (depth 24).
const THEIRS: u32 = 4;

/// Starts it. Its output is a program's, as [`picture`] has it.
pub fn start(place: Place, uid: u32, cookie: &[u8; 16], log: &OwnedFd) -> nix::Result<Spawned> {
    let (out, theirs) = pipe2(OFlag::O_CLOEXEC)?;
    let null = nothing()?;
    let descriptors = [null.as_fd(), theirs.as_fd(), log.as_fd()];
    let confined = Confined { place, uid, descriptors: &descriptors };
    let pid = confined.spawn(|| Ok(()), || take(cookie))?;
    set_nonblocking(&out)?;
    Ok(Spawned { pid, out, err: None, input: None, slave: None })
}

fn take(cookie: &[u8; 16]) -> nix::Result<Infallible> {
    let lost = |error: String| {
        eprintln!("terrarium: picture: {error}");
        Errno::EPIPE
    };
    let (x, root) = connect(cookie).map_err(lost)?;
    write(&x, root, &mut Out).map_err(|error| lost(error.to_string()))?;
    std::process::exit(0)
}

/// Descriptor 1, without the library's look for lines.
struct Out;

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        Ok(nix::unistd::write(std::io::stdout(), bytes)?)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn write(
    x: &RustConnection,
    root: u32,
    out: &mut impl Write,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    // Nobody changes it meanwhile; whoever reads it may take their time.
    x.grab_server()?;
    let whole = read(x, root);
    x.ungrab_server()?;
    x.flush()?;
    out.write_all(&whole?)?;
    Ok(out.flush()?)
}

fn read(x: &RustConnection, root: u32) -> Result<Vec<u8>, ReplyError> {
    let size = screen::current(x, root)?;
    let mut whole = picture::header(size).to_vec();
    let rows = (PIECE / (size.width * THEIRS)).max(1);
    let mut top = 0;
    while top < size.height {
        let height = rows.min(size.height - top);
        let (format, width) = (ImageFormat::Z_PIXMAP, size.width as u16);
        let piece = x.get_image(format, root, 0, top as i16, width, height as u16, u32::MAX)?.reply()?;
        // Blue, green, red and nothing, on every processor that we know.
        whole.extend(
            piece.data.chunks_exact(THEIRS as usize).flat_map(|pixel| [pixel[2], pixel[1], pixel[0]]),
        );
        top += height;
    }
    Ok(whole)
}
