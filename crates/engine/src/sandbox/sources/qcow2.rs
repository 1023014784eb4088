// SPDX-License-Identifier: LGPL-2.1-or-later
//! The header of a qcow2 image (QEMU: docs/interop/qcow2.txt), as far as it
//! says what else QEMU would open.

use crate::plan::ProblemKind;
use std::ops::RangeInclusive;
use std::path::Path;

const MAGIC: &[u8] = b"QFI\xfb";
/// The bit of a third version's features that says that its data is elsewhere.
const DATA_ELSEWHERE: u64 = 1 << 2;
/// One that says that QEMU has found it damaged: then it is only read.
const CORRUPT: u64 = 1 << 1;
/// One that says that its second tables' entries are twice as long.
const EXTENDED: u64 = 1 << 4;
/// All features that QEMU knows.
const KNOWN: u64 = (1 << 5) - 1;
/// What QEMU bears: how large a cluster is, and how large tables are.
const CLUSTER_BITS: RangeInclusive<u32> = 9..=21;
const REFCOUNT_ORDER_MAX: u32 = 6;
const TABLE_MAX: u64 = 32 << 20;
const COUNTS_MAX: u64 = 8 << 20;
const SNAPSHOTS_MAX: u32 = 65_536;
/// What of a table's entry says where something lies, and a bit of one that
/// lies anywhere.
const OFFSET: u64 = 0x00ff_ffff_ffff_fe00;
const COMPRESSED: u64 = 1 << 62;

/// Whether these are the first bytes of one.
pub fn is_here(head: &[u8]) -> bool {
    head.starts_with(MAGIC)
}

/// Fails unless it is one that holds everything, and that QEMU would open:
/// what QEMU says of another names no mount. `length`: of the file.
///
/// # Errors
/// It is damaged, empty, encrypted, or needs other files.
pub fn check(head: &[u8], length: u64, writable: bool, path: &Path) -> Result<(), ProblemKind> {
    let path = || path.to_owned();
    let damaged = || ProblemKind::ImageDamaged { path: path() };
    let version = word(head, 4).filter(|version| matches!(version, 2 | 3)).ok_or_else(damaged)?;
    let features = if version == 2 { 0 } else { long(head, 72).ok_or_else(damaged)? };
    let has_backing_file = long(head, 8).ok_or_else(damaged)? != 0;
    let is_encrypted = word(head, 32).ok_or_else(damaged)? != 0;
    if has_backing_file || is_encrypted || features & DATA_ELSEWHERE != 0 {
        return Err(ProblemKind::ImageIncomplete { path: path() });
    }
    if long(head, 24) == Some(0) {
        return Err(ProblemKind::ImageEmpty { path: path() });
    }
    let is_fit = features & !KNOWN == 0 && !(writable && features & CORRUPT != 0);
    if !is_fit || are_its_tables_there(head, version, length) != Some(true) {
        return Err(damaged());
    }
    Ok(())
}

/// Whether its tables lie in it and are as large as they have to be. What is
/// in them QEMU looks at when it needs it, and reads nothing but the image.
fn are_its_tables_there(head: &[u8], version: u32, length: u64) -> Option<bool> {
    let bits = word(head, 20).filter(|bits| CLUSTER_BITS.contains(bits))?;
    let cluster = 1u64 << bits;
    let lies_in = |offset: u64| offset != 0 && offset % cluster == 0 && offset < length;
    if version == 3 {
        let header = u64::from(word(head, 100)?);
        if word(head, 96)? > REFCOUNT_ORDER_MAX || header < 104 || header > cluster {
            return Some(false);
        }
    }
    // An entry of the first table is for a whole second one, 8 or 16 bytes for
    // each cluster.
    let is_extended = version == 3 && long(head, 72)? & EXTENDED != 0;
    let shown = cluster.checked_mul(cluster / if is_extended { 16 } else { 8 })?;
    let entries = u64::from(word(head, 36)?);
    let counts = u64::from(word(head, 56)?).checked_mul(cluster)?;
    let (snapshots, their_table) = (word(head, 60)?, long(head, 64)?);
    let first = entries >= long(head, 24)?.div_ceil(shown) && entries * 8 <= TABLE_MAX;
    let second = counts > 0 && counts <= COUNTS_MAX;
    let third = snapshots == 0 || snapshots <= SNAPSHOTS_MAX && lies_in(their_table);
    Some(first && second && third && lies_in(long(head, 40)?) && lies_in(long(head, 48)?))
}

/// Whether its first cluster lies where one can: QEMU reads that at its start,
/// and fails if it may write the image. `head`: one that [`check`] has passed;
/// `read`: eight bytes of it.
pub fn begins_well(head: &[u8], read: impl Fn(u64) -> Option<[u8; 8]>) -> bool {
    let place = |at: u64| read(at).map_or(0, u64::from_be_bytes);
    let cluster = word(head, 20).and_then(|bits| 1u64.checked_shl(bits)).unwrap_or(1);
    let lies_well = |entry: u64| (entry & OFFSET) % cluster == 0;
    let table = long(head, 40).map_or(0, place);
    if !lies_well(table) || table & OFFSET == 0 {
        return lies_well(table);
    }
    let first = place(table & OFFSET);
    first & COMPRESSED != 0 || lies_well(first)
}

fn long(head: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_be_bytes(head.get(at..at + 8)?.try_into().ok()?))
}

fn word(head: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(head.get(at..at + 4)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LENGTH: u64 = 1 << 20;

    fn header(version: u32) -> Vec<u8> {
        let mut head = vec![0; 104];
        let mut put = |at: usize, bytes: &[u8]| head[at..at + bytes.len()].copy_from_slice(bytes);
        put(0, MAGIC);
        put(4, &version.to_be_bytes());
        put(20, &16u32.to_be_bytes());
        put(24, &(1u64 << 20).to_be_bytes());
        put(36, &1u32.to_be_bytes());
        put(40, &(1u64 << 16).to_be_bytes());
        put(48, &(2u64 << 16).to_be_bytes());
        put(56, &1u32.to_be_bytes());
        put(96, &4u32.to_be_bytes());
        put(100, &104u32.to_be_bytes());
        head
    }

    fn with(version: u32, at: usize, value: u8) -> Result<(), ProblemKind> {
        let mut head = header(version);
        head[at] = value;
        check(&head, LENGTH, true, Path::new("/x"))
    }

    #[test]
    fn what_names_other_files_is_refused() {
        assert_eq!((with(2, 15, 0), with(3, 15, 0)), (Ok(()), Ok(())));
        for (version, at, value) in [(2, 15, 1), (3, 8, 1), (2, 35, 1), (3, 35, 2), (3, 79, 4), (3, 79, 0xff)]
        {
            let incomplete = ProblemKind::ImageIncomplete { path: "/x".into() };
            assert_eq!(with(version, at, value), Err(incomplete), "{version} {at}");
        }
        assert_eq!(with(2, 79, 4), Ok(()));
        assert_eq!(with(3, 29, 0), Err(ProblemKind::ImageEmpty { path: "/x".into() }));
    }

    #[test]
    fn what_qemu_would_not_open_is_named_as_damaged() {
        let damaged = Err(ProblemKind::ImageDamaged { path: "/x".into() });
        for (version, at, value) in [
            (0, 15, 0),
            (1, 15, 0),
            (4, 15, 0),
            // Features: found damaged, one that nobody knows.
            (3, 79, 2),
            (3, 72, 1),
            // Clusters, the size, the first table's length, place and order.
            (2, 23, 8),
            (2, 23, 22),
            (3, 24, 0x7f),
            (2, 39, 0),
            (2, 36, 0xff),
            (2, 45, 0),
            (2, 47, 1),
            (2, 40, 1),
            // The counts' place, order and length; snapshots.
            (2, 53, 0),
            (2, 48, 0x80),
            (2, 59, 0),
            (2, 56, 1),
            (2, 63, 1),
            (2, 60, 1),
            // Of the third version alone.
            (3, 99, 7),
            (3, 103, 100),
            (3, 101, 2),
        ] {
            assert_eq!(with(version, at, value), damaged, "{version} {at} {value}");
        }
        let mut marked = header(3);
        marked[79] = 2;
        assert_eq!(check(&marked, LENGTH, false, Path::new("/x")), Ok(()), "QEMU reads it");
        assert_eq!(check(&header(3)[..100], LENGTH, true, Path::new("/x")), damaged);
        assert_eq!(check(&header(3), 2 << 16, true, Path::new("/x")), damaged, "cut off");
    }

    #[test]
    fn its_first_cluster_lies_where_one_can() {
        const CLUSTER: u64 = 1 << 16;
        const COPIED: u64 = 1 << 63;
        let of = |table: u64, first: u64| {
            let entry = |at| if at == CLUSTER { table } else { first };
            begins_well(&header(2), |at| (at < LENGTH).then(|| entry(at).to_be_bytes()))
        };
        let (second, crooked) = ((2 * CLUSTER) | COPIED, (5 * CLUSTER + 512) | COPIED);
        assert!(of(second, (5 * CLUSTER) | COPIED) && of(0, crooked) && of(second, 0));
        assert!(of(CLUSTER | COPIED, CLUSTER) && of(1 << 50 | COPIED, crooked), "harmless");
        assert!(of(second, crooked & !COPIED | COMPRESSED));
        assert!(!of(crooked, 0) && !of(second, crooked));
    }

    proptest! {
        #[test]
        fn any_bytes_do_no_harm(bytes in prop::collection::vec(any::<u8>(), 0..120), length: u64) {
            let _ = check(&bytes, length, true, Path::new("/x"));
            let whole = [MAGIC, &bytes].concat();
            let _ = check(&whole, length, false, Path::new("/x"));
            let _ = begins_well(&whole, |at| (at % 3 > 0).then(|| at.to_be_bytes()));
        }
    }
}
