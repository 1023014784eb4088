// SPDX-License-Identifier: LGPL-2.1-or-later
//! Which file system an image holds, told by its first bytes. Pure, so that
//! the engine can look at an image and init at a device.

/// A file system that an image may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum FileSystem {
    /// ext2 and ext3, too: their driver is ext4's.
    Ext4,
    Xfs,
    Btrfs,
    Vfat,
    Exfat,
    Iso9660,
    Squashfs,
    Erofs,
}

/// How many bytes [`probe`] wants to see; btrfs begins last.
pub const HEAD: usize = 65_536 + 4096;

/// Where it says what, and which: no image can be two of them by accident,
/// but a hybrid image of a CD has a partition table before its own mark.
const MARKS: &[(usize, &[u8], FileSystem)] = &[
    (0, b"XFSB", FileSystem::Xfs),
    (0, b"hsqs", FileSystem::Squashfs),
    (1024, b"\xe2\xe1\xf5\xe0", FileSystem::Erofs),
    (1080, b"\x53\xef", FileSystem::Ext4),
    (65_600, b"_BHRfS_M", FileSystem::Btrfs),
    (32_769, b"CD001", FileSystem::Iso9660),
    (3, b"EXFAT   ", FileSystem::Exfat),
    (82, b"FAT32   ", FileSystem::Vfat),
    (54, b"FAT16   ", FileSystem::Vfat),
    (54, b"FAT12   ", FileSystem::Vfat),
    (54, b"FAT     ", FileSystem::Vfat),
];

/// What begins with these bytes.
#[must_use]
pub fn probe(head: &[u8]) -> Option<FileSystem> {
    let has = |&&(at, mark, _): &&(usize, &[u8], FileSystem)| {
        head.get(at..).is_some_and(|rest| rest.starts_with(mark))
    };
    MARKS.iter().find(has).map(|&(_, _, kind)| kind)
}

impl FileSystem {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Ext4,
        Self::Xfs,
        Self::Btrfs,
        Self::Vfat,
        Self::Exfat,
        Self::Iso9660,
        Self::Squashfs,
        Self::Erofs,
    ];

    /// As the kernel calls it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Ext4 => "ext4",
            Self::Xfs => "xfs",
            Self::Btrfs => "btrfs",
            Self::Vfat => "vfat",
            Self::Exfat => "exfat",
            Self::Iso9660 => "iso9660",
            Self::Squashfs => "squashfs",
            Self::Erofs => "erofs",
        }
    }

    /// Modules that Linux may have it in; what they need follows.
    #[must_use]
    pub fn modules(self) -> &'static [&'static str] {
        match self {
            // Checksums, which they ask for by another name when they are
            // mounted: modules.dep does not know that.
            Self::Ext4 => &["crc32c_generic", "ext4"],
            Self::Xfs => &["crc32c_generic", "xfs"],
            Self::Btrfs => {
                &["crc32c_generic", "xxhash_generic", "sha256_generic", "blake2b_generic", "btrfs"]
            }
            // It does not name its tables of characters as what it needs.
            Self::Vfat => &["vfat", "nls_cp437", "nls_ascii", "nls_iso8859_1", "nls_utf8"],
            Self::Exfat => &["exfat"],
            Self::Iso9660 => &["isofs"],
            Self::Squashfs => &["squashfs"],
            Self::Erofs => &["erofs"],
        }
    }

    /// Whether it has no owners of its own: those come with the mount.
    #[must_use]
    pub fn is_ownerless(self) -> bool {
        matches!(self, Self::Vfat | Self::Exfat)
    }

    /// Options with which it is mounted. Read-only it must not even bring its
    /// journal to an end; and no image says that the kernel should panic.
    #[must_use]
    pub fn options(self, writable: bool) -> &'static str {
        match (self, writable) {
            (Self::Ext4, true) => "errors=remount-ro",
            (Self::Ext4, false) => "errors=continue,noload",
            (Self::Xfs, true) => "nouuid",
            (Self::Xfs, false) => "nouuid,norecovery",
            (Self::Btrfs, false) => "rescue=nologreplay",
            (Self::Exfat, true) => "errors=remount-ro",
            (Self::Vfat, true) => "errors=remount-ro,utf8",
            (Self::Vfat, false) => "utf8",
            _ => "",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_told_by_its_mark_and_nothing_by_none() {
        assert_eq!(probe(&[0; HEAD]), None);
        assert_eq!(probe(b"XF"), None);
        for &(at, mark, kind) in MARKS {
            let mut head = vec![0; HEAD];
            head[at..at + mark.len()].copy_from_slice(mark);
            assert_eq!(probe(&head), Some(kind));
            assert_eq!(probe(&head[..at + mark.len() - 1]), None);
        }
        assert!(FileSystem::ALL.iter().all(|kind| MARKS.iter().any(|(_, _, other)| other == kind)));
    }
}
