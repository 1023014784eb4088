// SPDX-License-Identifier: LGPL-2.1-or-later
//! A copy of init that speaks to the X server: it sets the screen's size and
//! counts the windows. Init itself never waits for the server, which anybody
//! who shows windows can keep busy.

use super::confined::{nothing, Confined};
use super::heads::Heads;
use super::scale;
use super::screen::{self, Grid};
use super::server::SOCKET;
use super::standin::{events, StandIn};
use super::windows::Windows;
use crate::build::Place;
use crate::channel::set_nonblocking;
use nix::errno::Errno;
use nix::poll::{poll, PollFd, PollFlags, PollTimeout};
use nix::sys::socket::{recv, socketpair, AddressFamily, MsgFlags, SockFlag, SockType};
use nix::unistd::{read, write, Pid};
use std::convert::Infallible;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use terrarium_protocol::display::ScreenSize;
use terrarium_protocol::news::{decode, encode, News, NEWS, SIZE};
use x11rb::connection::Connection;
use x11rb::errors::ReplyError;
use x11rb::protocol::xproto::{ChangeWindowAttributesAux, ConnectionExt};
use x11rb::protocol::Event;
use x11rb::rust_connection::{DefaultStream, RustConnection};

/// What it has to do beside sizes and counting.
#[derive(Clone, Copy)]
pub struct Duties {
    /// Windows of programs are to fill the screen.
    pub fill: bool,
    /// Monitors that may be there.
    pub monitors: u32,
    /// Pixels for each of the desktop's.
    pub scale: u32,
    /// It stands in for the window manager until that comes.
    pub stands_in: bool,
}

/// The running copy.
pub struct Watcher {
    /// Its process.
    pub pid: Pid,
    socket: OwnedFd,
    /// The size to ask for next, if the last one is still in the socket.
    waiting: Option<ScreenSize>,
}

impl Watcher {
    /// Starts it beside a server that is up.
    pub fn start(
        (place, uid): (Place, u32),
        cookie: &[u8; 16],
        log: &OwnedFd,
        duties: Duties,
    ) -> nix::Result<Self> {
        let flags = SockFlag::SOCK_CLOEXEC;
        let (ours, theirs) = socketpair(AddressFamily::Unix, SockType::SeqPacket, None, flags)?;
        let null = nothing()?;
        let descriptors = [null.as_fd(), theirs.as_fd(), log.as_fd()];
        let confined = Confined { place, uid, descriptors: &descriptors };
        let step = if place == Place::Container { 8 } else { 1 };
        let pid = confined.spawn(|| Ok(()), || watch(cookie, Grid { step, scale: duties.scale }, duties))?;
        set_nonblocking(&ours)?;
        Ok(Self { pid, socket: ours, waiting: None })
    }

    /// To be polled, for reading.
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    /// Asks for a size; of several that wait the last one counts.
    pub fn resize(&mut self, size: ScreenSize) {
        self.waiting = match write(&self.socket, &encode(size)) {
            Err(Errno::EAGAIN) => Some(size),
            _ => None,
        };
    }

    /// What it has to tell next. Ends with `None`, also when it is gone.
    pub fn news(&mut self) -> Option<News> {
        let mut bytes = [0; NEWS];
        let news = match read(&self.socket, &mut bytes) {
            Ok(NEWS) => News::decode(bytes),
            _ => None,
        };
        if let Some(size) = self.waiting.take() {
            self.resize(size);
        }
        news
    }
}

/// A connection to the server with the cookie.
pub fn connect(cookie: &[u8; 16]) -> Result<(RustConnection, u32), String> {
    let stream = UnixStream::connect(SOCKET).map_err(|error| error.to_string())?;
    let (stream, _) = DefaultStream::from_unix_stream(stream).map_err(|error| error.to_string())?;
    let name = b"MIT-MAGIC-COOKIE-1".to_vec();
    let x = RustConnection::connect_to_stream_with_auth_info(stream, 0, name, cookie.to_vec())
        .map_err(|error| error.to_string())?;
    let root = x.setup().roots.first().ok_or("the server has no screen")?.root;
    Ok((x, root))
}

/// In the copy: descriptor 1 is init's.
fn watch(cookie: &[u8; 16], grid: Grid, duties: Duties) -> nix::Result<Infallible> {
    let lost = |error: String| {
        eprintln!("terrarium: display: {error}");
        Errno::EPIPE
    };
    let (x, root) = connect(cookie).map_err(lost)?;
    if grid.scale > 1 {
        scale::tell(&x, root, grid.scale).map_err(|error| lost(error.to_string()))?;
    }
    let windows = Windows::new(&x, root, duties.fill).map_err(|error| lost(error.to_string()))?;
    let plain = ChangeWindowAttributesAux::new().event_mask(events());
    let _ = x.change_window_attributes(root, &plain).map_err(|error| lost(error.to_string()))?;
    let stand_in = duties.stands_in.then(|| StandIn::begin(&x, root)).transpose();
    let stand_in = stand_in.map_err(|error| lost(error.to_string()))?.flatten();
    let watch =
        Watch { x, root, grid, windows, heads: Heads::new(duties.monitors, grid), stand_in, told: None };
    watch.run().map_err(|error| lost(error.to_string()))
}

struct Watch {
    x: RustConnection,
    root: u32,
    grid: Grid,
    windows: Windows,
    heads: Option<Heads>,
    stand_in: Option<StandIn>,
    /// The last count.
    told: Option<u32>,
}

impl Watch {
    fn run(mut self) -> Result<Infallible, ReplyError> {
        loop {
            let mut dirty = self.told.is_none();
            while let Some(event) = self.x.poll_for_event()? {
                dirty |= self.windows.concerns(&event);
                self.stand_in(&event)?;
            }
            if dirty {
                let count = self.windows.look(&self.x)?;
                if self.told.replace(count) != Some(count) {
                    tell(News::Windows(count));
                }
                // Events may have come with the answers.
                continue;
            }
            self.wait()?;
            self.windows.fill_again(&self.x)?;
        }
    }

    fn stand_in(&mut self, event: &Event) -> Result<(), ReplyError> {
        let Some(stand_in) = &mut self.stand_in else { return Ok(()) };
        if !stand_in.hear(&self.x, &self.windows, event)? {
            self.stand_in = None;
        }
        Ok(())
    }

    /// Waits for the server or for a wish of init, and carries that out.
    fn wait(&mut self) -> Result<(), ReplyError> {
        self.x.flush()?;
        let stdout = std::io::stdout();
        let mut fds = [
            PollFd::new(stdout.as_fd(), PollFlags::POLLIN),
            PollFd::new(self.x.stream().as_fd(), PollFlags::POLLIN),
        ];
        let _ = poll(&mut fds, self.patience());
        if fds[0].revents().is_some_and(|now| !now.is_empty()) {
            self.carry_out()?;
        }
        if self.heads.as_mut().is_some_and(Heads::is_due) {
            self.arrange(None)?;
        }
        Ok(())
    }

    fn patience(&self) -> PollTimeout {
        let patience = self.windows.patience();
        self.heads.as_ref().map_or(patience, |heads| heads.patience(patience))
    }

    /// Places the monitors. The first one's size if there are several.
    fn arrange(&mut self, first: Option<ScreenSize>) -> Result<Option<ScreenSize>, ReplyError> {
        let Some(heads) = &mut self.heads else { return Ok(None) };
        match heads.arrange(&self.x, self.root, first) {
            // One may have gone in the middle of it; the next look shows.
            Err(ReplyError::X11Error(error)) => {
                eprintln!("terrarium: monitors: {error:?}");
                Ok(None)
            }
            other => other,
        }
    }

    /// Of the sizes that wait the last one counts.
    fn carry_out(&mut self) -> Result<(), ReplyError> {
        let mut wanted = None;
        let mut bytes = [0; SIZE];
        loop {
            match recv(1, &mut bytes, MsgFlags::MSG_DONTWAIT) {
                Ok(SIZE) => wanted = Some(decode(bytes)),
                // Init has let go.
                Ok(0) => std::process::exit(0),
                _ => break,
            }
        }
        let Some(wanted) = wanted else { return Ok(()) };
        if let Some(size) = self.arrange(Some(wanted.bounded()))? {
            tell(News::Size(size));
            return Ok(());
        }
        let size = match screen::resize(&self.x, self.root, wanted, self.grid) {
            Err(ReplyError::X11Error(error)) => {
                eprintln!("terrarium: the size {wanted:?}: {error:?}");
                screen::current(&self.x, self.root)?
            }
            other => other?,
        };
        self.stand_in.as_ref().map_or(Ok(()), |stand_in| stand_in.fit(&self.x))?;
        tell(News::Size(size));
        Ok(())
    }
}

/// One message each; init reads them all the time.
fn tell(news: News) {
    let _ = write(std::io::stdout(), &news.encode());
}
