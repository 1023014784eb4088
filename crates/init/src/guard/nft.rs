// SPDX-License-Identifier: LGPL-2.1-or-later
//! Runs nft, which sets everything in one transaction or nothing.

use std::io::{Read, Write};
use std::process::{Command, Stdio};

const PLACES: &[&str] = &["/usr/sbin/nft", "/sbin/nft", "/usr/bin/nft"];
/// Longest complaint that is kept, in bytes.
const WORDS: u64 = 2000;
/// Longest list that is read, in bytes.
const LIST: u64 = 2 << 20;

fn nft() -> Option<&'static &'static str> {
    PLACES.iter().find(|path| std::path::Path::new(path).exists())
}

/// What nft lists, as JSON.
pub fn list(words: &[&str]) -> Option<String> {
    let mut command = Command::new(nft()?);
    command.args(["-j", "list"]).args(words).env_clear();
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().ok()?;
    let mut text = String::new();
    let read = child.stdout.take()?.take(LIST).read_to_string(&mut text);
    let status = child.wait().ok()?;
    (status.success() && read.is_ok()).then_some(text)
}

/// Sets what `text` says.
pub fn set(text: &str) -> Result<(), String> {
    let nft = nft().ok_or("nft is not installed")?;
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
