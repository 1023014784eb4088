// SPDX-License-Identifier: LGPL-2.1-or-later
//! libvirt, and the only place that knows its API.

mod domain;
mod pool;

pub use domain::{Domain, Power};
pub use pool::Pool;

use crate::error::{DomainAction, Error};
use crate::host::ConnectionState;
use crate::uri::Uri;
use std::sync::Once;
use virt::error::ErrorNumber;

/// libvirt prints every error on stderr unless told not to.
fn silence() {
    static ONCE: Once = Once::new();
    ONCE.call_once(virt::error::clear_error_callback);
}

/// Whether `uri` answers. Blocks; may start the user's session daemon.
#[must_use]
pub fn probe(uri: &Uri) -> ConnectionState {
    match open(uri) {
        Ok(_) => ConnectionState::Works,
        Err(Error::Connect { state, .. }) => state,
        Err(other) => ConnectionState::Failed(other.to_string()),
    }
}

fn open(uri: &Uri) -> Result<virt::connect::Connect, Error> {
    silence();
    virt::connect::Connect::open(Some(uri.as_str()))
        .map_err(|error| Error::Connect { uri: uri.clone(), state: state_of(&error) })
}

/// Why a connection failed, as a user can act on it.
fn state_of(error: &virt::error::Error) -> ConnectionState {
    use ErrorNumber as N;
    match error.code() {
        N::AuthFailed | N::AuthCancelled | N::AuthUnavailable | N::AccessDenied | N::OperationDenied => {
            ConnectionState::NotAllowed
        }
        N::NoConnect | N::ConfigUnsupported | N::NoSupport => ConnectionState::DriverMissing,
        N::SystemError if error.message().contains("Permission denied") => ConnectionState::NotAllowed,
        N::SystemError => ConnectionState::NotRunning,
        _ => ConnectionState::Failed(error.message().to_owned()),
    }
}

fn failed(action: DomainAction) -> impl Fn(virt::error::Error) -> Error {
    move |error| Error::Libvirt { action, message: error.message().to_owned() }
}
