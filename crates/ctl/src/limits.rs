// SPDX-License-Identifier: LGPL-2.1-or-later
//! `limits`: how much a sandbox that runs may use.

use crate::args::LimitsOf;
use crate::fault::Fault;
use crate::run::DONE;
use crate::{control, print, Result};
use serde_json::json;
use terrarium_engine::profile::parse_size;
use terrarium_engine::sandbox::{Driver, LimitChange};
use terrarium_engine::{message, Error};
use terrarium_protocol::guard::RATE_MIN;

/// `limits`
pub fn limits(options: &LimitsOf) -> Result {
    let change = change(options)?;
    let driver = control::driver();
    let id = control::living(&driver, &options.name)?.id;
    if change != LimitChange::default() {
        driver.change_limits(&id, &change).map_err(|error| as_typed(error, options))?;
        if !options.json {
            return Ok(DONE);
        }
    }
    let now = driver.limits(&id)?;
    if options.json {
        println!("{}", print::json(&json!(now)));
    } else {
        message::limits(&now).iter().for_each(|line| println!("{line}"));
    }
    Ok(DONE)
}

fn change(options: &LimitsOf) -> std::result::Result<LimitChange, Fault> {
    let size = |text: &String| parse_size(text).ok_or_else(|| Fault::Usage(message::not_a_size(text)));
    let rate = |text: &String| match parse_size(text) {
        Some(0) => Ok(None),
        Some(rate) if rate >= RATE_MIN => Ok(Some(rate)),
        _ => Err(Fault::Usage(message::not_a_rate(text))),
    };
    Ok(LimitChange {
        memory: options.memory.as_ref().map(size).transpose()?,
        cpus: options.cpus,
        disk: options.disk.as_ref().map(rate).transpose()?,
    })
}

/// What cannot be is named as it was typed.
fn as_typed(error: Error, options: &LimitsOf) -> Error {
    let Error::Problems(mut all) = error else { return error };
    for one in &mut all {
        let typed = match one.field.as_str() {
            "limits.memory" => options.memory.as_ref().map(|text| format!("--memory {text}")),
            "limits.cpus" => options.cpus.map(|count| format!("--cpus {count}")),
            _ => None,
        };
        one.field = typed.unwrap_or_else(|| one.field.clone());
    }
    Error::Problems(all)
}
