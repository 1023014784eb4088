// SPDX-License-Identifier: LGPL-2.1-or-later
//! What Terrarium could not do, and exit statuses.

use terrarium_engine::plan::Problem;
use terrarium_engine::sandbox::Driver;
use terrarium_engine::{message, Error};
use terrarium_protocol::message::{Ending, Outcome, Step};

/// Exit status when Terrarium could not do its part.
pub const OURS: u8 = 125;

/// Why nothing came of a verb.
pub enum Fault {
    /// Whatever the engine reports.
    Engine(Error),
    /// The command line is wrong beyond what its grammar can tell.
    Usage(String),
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Engine(error)
    }
}

impl From<Vec<Problem>> for Fault {
    fn from(problems: Vec<Problem>) -> Self {
        Self::Engine(Error::Problems(problems))
    }
}

impl Fault {
    /// One line on standard error for each problem.
    pub fn print(&self) {
        match self {
            Self::Engine(error) => {
                for line in message::lines(error) {
                    eprintln!("terrariumctl: {line}");
                }
            }
            Self::Usage(text) => eprintln!("terrariumctl: {text}"),
        }
    }
}

/// The exit status that tells how a command ended.
pub fn status(outcome: &Outcome) -> u8 {
    match &outcome.ending {
        Ending::Exited { code } => *code,
        Ending::Signalled { signal, .. } => u8::try_from(128 + signal).unwrap_or(u8::MAX),
        Ending::Failed(failure) => match failure.step {
            Step::NotFound => 127,
            Step::NotExecutable => 126,
            _ => OURS,
        },
    }
}

/// What sandboxes that are gone had done to files outside.
pub fn tell_cleared(driver: &dyn Driver) {
    for line in driver.take_cleared().iter().flat_map(message::cleared) {
        eprintln!("terrariumctl: {line}");
    }
}

/// What there is to say about an end beside its status.
pub fn remark(outcome: &Outcome) {
    if let Ending::Failed(failure) = &outcome.ending {
        eprintln!("terrariumctl: {}", message::failure(failure));
    }
    if outcome.out_of_memory {
        eprintln!("terrariumctl: {}", message::out_of_memory());
    }
    if outcome.dropped > 0 {
        eprintln!("terrariumctl: {}", message::gone(outcome.dropped));
    }
}
