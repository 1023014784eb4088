// SPDX-License-Identifier: LGPL-2.1-or-later
//! The id maps of a container's command.

use crate::fault::{io_at, Result};
use std::fs;
use terrarium_protocol::message::Step;

/// Ids that a sandbox has: 0 to 65 534, and the user's own if that is above.
const COUNT: u32 = 65_535;

/// The host id of the display, the last one of the block: no user namespace of
/// a command has it.
pub fn display(base: u32) -> u32 {
    base.saturating_add(COUNT)
}

/// Lines of a uid_map or gid_map: `own` is mapped to itself, all others to
/// the block at `base`. No line has the host's id 0.
pub fn map(own: u32, base: u32) -> String {
    let line = |inside: u32, outside: u32, count: u32| {
        if count > 0 {
            format!("{inside} {outside} {count}\n")
        } else {
            String::new()
        }
    };
    let below = own.min(COUNT);
    let above = COUNT.saturating_sub(own.saturating_add(1));
    [
        line(0, base, below),
        line(own, own, 1),
        line(own.saturating_add(1), base.saturating_add(own + 1), above),
    ]
    .concat()
}

/// Gives process `pid`, which has just made its user namespace, its ids.
pub fn write(pid: i32, uid: u32, gid: u32, base: u32) -> Result<()> {
    for (file, own) in [("uid_map", uid), ("gid_map", gid)] {
        let path = format!("/proc/{pid}/{file}");
        fs::write(&path, map(own, base)).map_err(io_at(Step::Ids, path))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::map;
    use proptest::prelude::*;

    #[test]
    fn a_map_has_the_user_and_a_block() {
        assert_eq!(map(1000, 1_900_000_000), "0 1900000000 1000\n1000 1000 1\n1001 1900001001 64534\n");
        assert_eq!(map(70_000, 1_900_000_000), "0 1900000000 65535\n70000 70000 1\n");
    }

    proptest! {
        #[test]
        fn no_line_has_the_hosts_root_and_none_overlap(own in 1u32..4_000_000_000, block in 0x7000u32..0x7fff) {
            let lines: Vec<Vec<u64>> = map(own, block << 16).lines()
                .map(|line| line.split(' ').map(|field| field.parse().unwrap()).collect()).collect();
            for line in &lines {
                prop_assert!(line[1] > 0 && line[2] > 0);
            }
            let total: u64 = lines.iter().map(|line| line[2]).sum();
            prop_assert_eq!(total, if own < 65_535 { 65_535 } else { 65_536 });
            let display = u64::from(super::display(block << 16));
            for line in &lines {
                prop_assert!(!(line[1]..line[1] + line[2]).contains(&display) || u64::from(own) == display);
            }
        }
    }
}
