// SPDX-License-Identifier: LGPL-2.1-or-later
//! Where a session's sockets come from. It opens none by itself.

use std::future::Future;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::rc::Rc;

use gtk::gio;
use gtk::prelude::*;

use crate::types::ChannelKind;

/// A socket that is being opened.
pub type Opening = Pin<Box<dyn Future<Output = io::Result<OwnedFd>>>>;

/// Opens a connected stream socket for each channel of a session.
#[derive(Clone)]
pub struct Connector(Rc<dyn Fn(ChannelKind) -> Opening>);

/// Why a URI is no server's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadUri {
    /// Neither of the two forms.
    #[error("\"{0}\" is neither spice+unix:///PATH nor spice://HOST:PORT")]
    Form(String),
    /// The port is missing or no number.
    #[error("\"{0}\" names no port, as in spice://HOST:5900")]
    Port(String),
}

impl Connector {
    /// Takes sockets from a function: one for each channel, connected, of
    /// which the session becomes the owner. It runs on the main thread and
    /// must not block.
    pub fn new<F>(open: impl Fn(ChannelKind) -> F + 'static) -> Self
    where
        F: Future<Output = io::Result<OwnedFd>> + 'static,
    {
        Connector(Rc::new(move |kind| Box::pin(open(kind))))
    }

    /// Connects to a socket in the file system.
    pub fn unix(path: impl Into<PathBuf>) -> Self {
        let path: PathBuf = path.into();
        Connector::new(move |_| connect(gio::UnixSocketAddress::new(&path).upcast()))
    }

    /// Connects over TCP, unencrypted.
    pub fn tcp(host: &str, port: u16) -> Self {
        let address = gio::NetworkAddress::new(host, port);
        Connector::new(move |_| connect(address.clone().upcast()))
    }

    /// Reads `spice+unix:///PATH` or `spice://HOST:PORT`.
    ///
    /// # Errors
    /// If it is neither.
    pub fn from_uri(uri: &str) -> Result<Self, BadUri> {
        if let Some(path) = uri.strip_prefix("spice+unix://") {
            if Path::new(path).is_absolute() {
                return Ok(Connector::unix(path));
            }
        } else if let Some(place) = uri.strip_prefix("spice://") {
            let place = place.trim_end_matches('/');
            let (host, port) = place.rsplit_once(':').ok_or_else(|| BadUri::Port(uri.to_owned()))?;
            let port = port.parse().map_err(|_| BadUri::Port(uri.to_owned()))?;
            let host = host.trim_start_matches('[').trim_end_matches(']');
            if !host.is_empty() {
                return Ok(Connector::tcp(host, port));
            }
        }
        Err(BadUri::Form(uri.to_owned()))
    }

    pub(super) fn open(&self, kind: ChannelKind) -> Opening {
        (self.0)(kind)
    }
}

async fn connect(address: gio::SocketConnectable) -> io::Result<OwnedFd> {
    let client = gio::SocketClient::new();
    // A proxy would see what is shown and typed.
    client.set_enable_proxy(false);
    let connection = client.connect_future(&address).await.map_err(io::Error::other)?;
    connection.socket().as_fd().try_clone_to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uris_are_told_apart() {
        for good in ["spice+unix:///run/x.sock", "spice://localhost:5900", "spice://[::1]:5900/"] {
            assert!(Connector::from_uri(good).is_ok(), "{good}");
        }
        for bad in ["", "spice+unix://x.sock", "vnc://localhost:5900", "spice://:5900", "spice+unix://"] {
            assert_eq!(Connector::from_uri(bad).err(), Some(BadUri::Form(bad.to_owned())), "{bad}");
        }
        for bad in ["spice://localhost", "spice://localhost:x", "spice://localhost:70000"] {
            assert_eq!(Connector::from_uri(bad).err(), Some(BadUri::Port(bad.to_owned())), "{bad}");
        }
    }
}
