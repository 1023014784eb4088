// SPDX-License-Identifier: LGPL-2.1-or-later
//! The block of host ids that a container's user namespace is mapped to.
//!
//! Blocks lie between 0x7000_0000 and 0x7fff_0000: above what systemd-nspawn
//! (to 0x6fff_ffff), subordinate ids and ordinary users have, below what is
//! negative as a signed number (uapi-group.org, "Users, Groups, UIDs and GIDs
//! on systemd systems").

use std::fs;

const FIRST: u32 = 0x7000_0000;
const BLOCKS: u32 = 4000;
const SIZE: u32 = 0x1_0000;

/// A block that is neither in `used` nor given to anybody by `/etc/subuid`
/// or `/etc/subgid`. Starts looking at a place that depends on user and
/// number, so that two users who start at once hardly meet.
pub fn choose(caller: u32, number: u32, used: &[u32]) -> u32 {
    let subordinate: Vec<(u64, u64)> = ["/etc/subuid", "/etc/subgid"]
        .iter()
        .filter_map(|path| fs::read_to_string(path).ok())
        .flat_map(|text| ranges(&text))
        .collect();
    choose_free(caller, number, used, &subordinate)
}

fn choose_free(caller: u32, number: u32, used: &[u32], subordinate: &[(u64, u64)]) -> u32 {
    let start = caller.wrapping_mul(131).wrapping_add(number) % BLOCKS;
    let free = |base: u32| {
        let (first, last) = (u64::from(base), u64::from(base) + u64::from(SIZE));
        !used.contains(&base) && !subordinate.iter().any(|&(from, to)| first < to && from < last)
    };
    (0..BLOCKS)
        .map(|step| FIRST + (start + step) % BLOCKS * SIZE)
        .find(|&base| free(base))
        .unwrap_or(FIRST + start * SIZE)
}

/// `name:first:count` lines as half-open ranges; lines of other forms count
/// for nothing, as for newuidmap.
fn ranges(text: &str) -> Vec<(u64, u64)> {
    let line = |line: &str| {
        let mut fields = line.split(':').skip(1);
        let first: u64 = fields.next()?.trim().parse().ok()?;
        let count: u64 = fields.next()?.trim().parse().ok()?;
        Some((first, first.saturating_add(count)))
    };
    text.lines().filter_map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_differ_and_avoid_what_is_taken() {
        let mut used = Vec::new();
        for number in 1..=50 {
            let base = choose_free(1000, number, &used, &[]);
            assert!(!used.contains(&base) && base >= FIRST && base % SIZE == 0);
            used.push(base);
        }
        let first = choose_free(1000, 1, &[], &[]);
        let beside = choose_free(1000, 1, &[], &[(u64::from(first) + 5, u64::from(first) + 6)]);
        assert_ne!(first, beside);
    }

    #[test]
    fn subordinate_ids_are_read_and_rubbish_is_not() {
        assert_eq!(
            ranges("me:100000:65536\nbroken\n:::\nyou:5:18446744073709551615\n"),
            [(100_000, 165_536), (5, u64::MAX)]
        );
    }
}
