// SPDX-License-Identifier: LGPL-2.1-or-later
//! Many bytes, and how much memory whoever carries them takes.

use super::{scaled, Glass};
use std::fs;
use std::time::Duration;

/// Bytes that go through in the bulk tests.
pub fn bulk(glass: Glass) -> usize {
    scaled(if glass == Glass::Container { 24 } else { 4 }, 200) << 20
}

/// The number in `VmHWM:   1234 kB`.
pub fn kib(text: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().trim_end_matches(" kB").parse().ok()
}

/// The most memory that a process had, in KiB, told when it has ended.
pub fn watch_memory(pid: u32) -> std::thread::JoinHandle<u64> {
    std::thread::spawn(move || {
        let mut most = 0;
        while let Some(now) =
            fs::read_to_string(format!("/proc/{pid}/status")).ok().and_then(|text| kib(&text))
        {
            most = now;
            std::thread::sleep(Duration::from_millis(5));
        }
        most
    })
}

/// Length of a piece of [`source`].
pub const PIECE: usize = 65_536;

/// Pieces of bytes, each with its number, so that none is like another: a
/// script that writes them inside, and what is to come.
pub fn source(pieces: usize) -> (String, Vec<u8>) {
    let (writes, bytes) = numbered(0, pieces);
    (format!("{writes}; grep VmHWM /proc/1/status >&2"), bytes)
}

/// So many pieces from a number on: a command that writes them, and the bytes.
pub fn numbered(first: usize, pieces: usize) -> (String, Vec<u8>) {
    let script = format!(
        "perl -e '$x=1; $b=q(); for (1..{}) {{ $x=($x*1103515245+12345)%2147483648; $b.=pack(q(V),$x) }} \
         for ({first}..{}) {{ print pack(q(Q<),$_).$b or die }}'",
        PIECE / 4 - 2,
        first + pieces - 1
    );
    let mut x = 1u64;
    let next = |_| {
        x = (x * 1_103_515_245 + 12_345) % 2_147_483_648;
        (x as u32).to_le_bytes()
    };
    let block: Vec<u8> = (0..PIECE / 4 - 2).flat_map(next).collect();
    let piece = |number: usize| [(number as u64).to_le_bytes().as_slice(), &block].concat();
    (script, (first..first + pieces).flat_map(piece).collect())
}
