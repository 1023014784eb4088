// SPDX-License-Identifier: LGPL-2.1-or-later
//! Runs nft, which sets everything in one transaction or nothing.

use std::io::{Read, Write};
use std::process::{Command, Stdio};

const PLACES: &[&str] = &["/usr/sbin/nft", "/sbin/nft", "/usr/bin/nft"];
/// Longest complaint that is kept, in bytes.
const WORDS: u64 = 2000;

/// Sets what `text` says.
pub fn set(text: &str) -> Result<(), String> {
    let nft = PLACES.iter().find(|path| std::path::Path::new(path).exists()).ok_or("nft is not installed")?;
    let child = Command::new(nft)
        .args(["-f", "-"])
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = child.map_err(|error| format!("{nft}: {error}"))?;
    let fed = child.stdin.take().map_or(Ok(()), |mut input| input.write_all(text.as_bytes()));
    let mut words = Vec::new();
    if let Some(errors) = child.stderr.take() {
        let _ = errors.take(WORDS).read_to_end(&mut words);
    }
    let status = child.wait().map_err(|error| error.to_string())?;
    if status.success() && fed.is_ok() {
        return Ok(());
    }
    Err(format!("nft: {status}: {}", String::from_utf8_lossy(&words).trim()))
}
