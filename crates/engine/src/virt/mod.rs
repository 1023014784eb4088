// SPDX-License-Identifier: LGPL-2.1-or-later
//! libvirt, and the only place that knows its API.

mod domain;
mod limits;
mod network;
mod patience;
mod pool;

pub use domain::{Domain, Moved, Power};
pub use limits::Bound;
pub use network::Network;
pub use patience::longest_call;
pub use pool::Pool;

use crate::error::{DomainAction, Error};
use crate::host::{Connection, ConnectionState};
use crate::uri::Uri;
use nix::errno::Errno;
use nix::unistd::{access, AccessFlags};
use quick_xml::events::Event;
use std::sync::Once;
use virt::error::ErrorNumber;

/// libvirt prints every error on stderr unless told not to.
fn silence() {
    static ONCE: Once = Once::new();
    ONCE.call_once(virt::error::clear_error_callback);
}

/// Whether `uri` answers, and how it confines its domains. Blocks; may start
/// the user's session daemon.
#[must_use]
pub fn probe(uri: Uri) -> Connection {
    match open(&uri) {
        Ok(connect) => {
            let models = connect.get_capabilities().map(|xml| security_models(&xml)).ok();
            Connection { uri, state: ConnectionState::Works, confinement: models }
        }
        Err(state) => Connection { uri, state, confinement: None },
    }
}

/// The `<secmodel>`s of the host in libvirt's capabilities, without `dac`
/// (file ownership) and `none`.
fn security_models(capabilities: &str) -> Vec<String> {
    let mut reader = quick_xml::Reader::from_str(capabilities);
    let (mut models, mut outer, mut inner) = (Vec::new(), Vec::new(), Vec::new());
    loop {
        match reader.read_event() {
            Ok(Event::Start(element)) => {
                outer = std::mem::replace(&mut inner, element.name().as_ref().to_vec());
            }
            Ok(Event::Text(text)) if (outer.as_slice(), inner.as_slice()) == (b"secmodel", b"model") => {
                models.extend(text.decode().map(|name| name.into_owned()));
            }
            Ok(Event::End(_)) => inner.clear(),
            Ok(Event::Eof) | Err(_) => break,
            _ => {}
        }
    }
    models.retain(|name| name != "none" && name != "dac");
    models
}

/// How often a connection is tried when the daemon is just going.
const ATTEMPTS: u32 = 5;

/// A session's daemon ends when nobody has used it for a while. Whoever comes
/// at that moment is cut off, and has to come again to start a new one.
fn open(uri: &Uri) -> Result<pool::Link, ConnectionState> {
    silence();
    let _call = patience::call();
    tracing::debug!(uri = uri.as_str(), "opening a connection");
    let mut left = ATTEMPTS;
    loop {
        left -= 1;
        match virt::connect::Connect::open(Some(uri.as_str())) {
            Ok(connect) => return Ok(pool::Link::new(connect)),
            Err(error) if left > 0 && pool::is_broken(&error) => {
                std::thread::sleep(std::time::Duration::from_millis(200));
            }
            Err(error) => return Err(state_of(&error)),
        }
    }
}

/// Why a connection failed, as a user can act on it.
fn state_of(error: &virt::error::Error) -> ConnectionState {
    use ErrorNumber as N;
    match error.code() {
        N::AuthFailed | N::AuthCancelled | N::AuthUnavailable | N::AccessDenied | N::OperationDenied => {
            ConnectionState::NotAllowed
        }
        N::NoConnect | N::ConfigUnsupported | N::NoSupport => ConnectionState::DriverMissing,
        N::SystemError if is_locked() => ConnectionState::NotAllowed,
        N::SystemError => ConnectionState::NotRunning,
        _ => ConnectionState::Failed(error.message().to_owned()),
    }
}

/// Whether the system's sockets are there, and not for us.
fn is_locked() -> bool {
    let sockets =
        ["libvirt-sock", "virtqemud-sock", "virtlxcd-sock"].map(|name| format!("/run/libvirt/{name}"));
    let closed = |path: &String| access(path.as_str(), AccessFlags::W_OK) == Err(Errno::EACCES);
    sockets.iter().any(closed)
}

fn failed(action: DomainAction) -> impl Fn(virt::error::Error) -> Error {
    move |error| Error::Libvirt { action, message: error.message().to_owned() }
}

#[cfg(test)]
mod tests {
    use super::security_models;

    #[test]
    fn what_confines_domains_is_read_from_the_capabilities() {
        let text =
            "<capabilities><host><cpu><model>Zen</model></cpu><secmodel><model>apparmor</model><doi>0</doi>\
                    </secmodel><secmodel><model>dac</model></secmodel></host></capabilities>";
        assert_eq!(security_models(text), ["apparmor"]);
        assert!(
            security_models("<secmodel><model>none</model>").is_empty() && security_models("<<").is_empty()
        );
    }
}
