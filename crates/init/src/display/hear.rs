// SPDX-License-Identifier: LGPL-2.1-or-later
//! What the display's own programs say.

use super::server::{Ready, Server};
use super::watcher::Watcher;
use super::{usb, Beside, Display};
use nix::sys::signal::{kill, Signal};
use nix::unistd::read;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Instant;
use terrarium_protocol::news::News;

/// Something that there is to read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// The server says that it is up.
    Ready,
    /// The copy that speaks X.
    Watcher,
    /// The log.
    Log,
    /// Somebody connects to a server that is not there yet.
    Wanted(Beside),
    /// A USB device comes or goes.
    Usb,
}

impl Display {
    /// What there is to read.
    pub fn sources(&self) -> Vec<(Source, BorrowedFd<'_>)> {
        let mut all = vec![(Source::Log, self.log_pipe.0.as_fd())];
        if let Some(Server { ready: Ready::Waits(fd), .. }) = &self.server {
            all.push((Source::Ready, fd.as_fd()));
        }
        for (what, socket) in &self.sockets {
            all.extend(socket.fd().map(|fd| (Source::Wanted(*what), fd)));
        }
        all.extend(self.usb.as_ref().map(|usb| (Source::Usb, usb.fd())));
        all.extend(self.watcher.as_ref().map(|watcher| (Source::Watcher, watcher.fd())));
        all
    }

    /// Reads. `true` if the screen is another than before.
    pub fn hear(&mut self, source: Source) -> bool {
        match source {
            Source::Log => self.hear_log(),
            Source::Ready => return self.hear_ready(),
            Source::Watcher => return self.hear_watcher(),
            Source::Usb => {
                if let Some(Err(errno)) = self.usb.as_ref().map(usb::Usb::hear) {
                    self.note("usb", errno);
                }
            }
            Source::Wanted(what) => self.want(what, true),
        }
        false
    }

    fn hear_watcher(&mut self) -> bool {
        let shown = |display: &Self| (display.size, display.windows.map(|count| count > 0));
        let before = shown(self);
        while let Some(news) = self.watcher.as_mut().and_then(Watcher::news) {
            match news {
                News::Size(size) => (self.size, self.sized) = (size, true),
                News::Windows(count) => {
                    self.windows = Some(count);
                    if count > 0 {
                        self.later.window_came();
                    }
                }
            }
        }
        before != shown(self)
    }

    pub(super) fn hear_log(&mut self) {
        let mut piece = vec![0; 4096];
        if let Ok(count) = read(&self.log_pipe.0, &mut piece) {
            self.log.push(&piece[..count]);
        }
    }

    fn hear_ready(&mut self) -> bool {
        let Some(server) = &mut self.server else { return false };
        let Ready::Waits(ready) = &server.ready else { return false };
        let mut number = [0; 16];
        match read(ready, &mut number) {
            // It has closed it without a word: its end comes as a signal.
            Ok(0) => {
                let _ = kill(server.pid, Signal::SIGKILL);
                server.ready = Ready::Never;
                false
            }
            // The number and the end of its line come in two pieces.
            Ok(count) if number[..count].contains(&b'\n') => {
                server.ready = Ready::Up;
                self.offer_sound();
                self.up();
                true
            }
            _ => false,
        }
    }

    /// The server is up: its companions come.
    fn up(&mut self) {
        self.up_since = Some(Instant::now());
        self.start_watcher();
        if self.later.is_over() {
            self.start_daemon();
        }
    }
}
