// SPDX-License-Identifier: LGPL-2.1-or-later
//! Whether a server that closed a connection goes on without it. A server has
//! one viewer at a time and shuts the door on the first when a second comes,
//! without a word why; one that ends shuts it in the same way.

use std::io;
use std::os::fd::OwnedFd;
use std::time::Duration;

use gtk::prelude::*;
use gtk::{gio, glib};

use super::Connector;
use crate::types::ChannelKind;

/// A server that lives answers at once.
const PATIENCE: Duration = Duration::from_secs(1);
/// How a conversation begins, and its answer.
const MAGIC: &[u8; 4] = b"REDQ";

/// Whether the server still greets. The conversation ends before the server
/// would take it for a viewer, so that nobody loses their place.
pub(super) async fn greets(connector: &Connector) -> bool {
    let asking = async { ask(connector).await.unwrap_or(false) };
    glib::future_with_timeout(PATIENCE, asking).await.unwrap_or(false)
}

async fn ask(connector: &Connector) -> Result<bool, io::Error> {
    let socket: OwnedFd = connector.open(ChannelKind::Main).await?;
    let socket = gio::Socket::from_fd(socket).map_err(io::Error::other)?;
    let connection = socket.connection_factory_create_connection();
    let (output, input) = (connection.output_stream(), connection.input_stream());
    let said = output.write_all_future(greeting(), glib::Priority::DEFAULT).await;
    said.map_err(|(_, error)| io::Error::other(error))?;
    let answer = input.read_bytes_future(MAGIC.len(), glib::Priority::DEFAULT).await;
    Ok(answer.map_err(io::Error::other)?[..] == MAGIC[..])
}

/// The first words to a main channel, without abilities.
fn greeting() -> Vec<u8> {
    let mut body = 0_u32.to_le_bytes().to_vec();
    body.extend([1, 0]);
    for number in [0_u32, 0, 18] {
        body.extend(number.to_le_bytes());
    }
    let mut message = MAGIC.to_vec();
    for number in [2_u32, 2, 18] {
        message.extend(number.to_le_bytes());
    }
    message.extend(body);
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_greeting_has_the_length_it_names() {
        let message = greeting();
        assert_eq!(message.len(), 16 + 18);
        assert_eq!(message[12..16], 18_u32.to_le_bytes());
    }
}
