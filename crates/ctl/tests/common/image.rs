// SPDX-License-Identifier: LGPL-2.1-or-later
//! Images of disks.

use super::share::Folder;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// One with ext4 that holds what a folder holds.
pub fn ext4(folder: &Folder, name: &str, tree: &Path) -> PathBuf {
    let path = sparse(folder, name, 8 << 20);
    let made = Command::new("mke2fs").args(["-q", "-t", "ext4", "-d"]).arg(tree).arg(&path).output().unwrap();
    assert!(made.status.success(), "{}", super::err(&made));
    path
}

/// One with nothing in it.
pub fn sparse(folder: &Folder, name: &str, size: u64) -> PathBuf {
    let path = folder.path.join(name);
    fs::File::create(&path).unwrap().set_len(size).unwrap();
    folder.own(&path);
    path
}

/// A file of an ext4 image.
pub fn read(image: &Path, path: &str) -> String {
    let cat = Command::new("debugfs").args(["-R", &format!("cat {path}")]).arg(image).output().unwrap();
    super::out(&cat)
}

/// Of a qcow2 image, in bytes.
pub const CLUSTER: u64 = 64 << 10;
/// In its tables: nobody else has that cluster.
pub const COPIED: u64 = 1 << 63;

/// The same bytes as a qcow2 image (version 2), with the name of a backing
/// file.
pub fn qcow2(folder: &Folder, name: &str, raw: &Path, backing: &str) -> PathBuf {
    const CLUSTER: usize = super::image::CLUSTER as usize;
    const COPIED: usize = super::image::COPIED as usize;
    let raw = fs::read(raw).unwrap();
    let clusters = raw.len().div_ceil(CLUSTER);
    let mut image = vec![0u8; (5 + clusters) * CLUSTER];
    let put =
        |image: &mut Vec<u8>, at: usize, bytes: &[u8]| image[at..at + bytes.len()].copy_from_slice(bytes);
    let long = |value: usize| (value as u64).to_be_bytes();
    put(&mut image, 0, b"QFI\xfb\0\0\0\x02");
    if !backing.is_empty() {
        put(&mut image, 8, &long(512));
        put(&mut image, 16, &(backing.len() as u32).to_be_bytes());
        put(&mut image, 512, backing.as_bytes());
    }
    put(&mut image, 20, &16u32.to_be_bytes());
    put(&mut image, 24, &long(raw.len()));
    put(&mut image, 36, &1u32.to_be_bytes());
    put(&mut image, 40, &long(CLUSTER));
    put(&mut image, 48, &long(3 * CLUSTER));
    put(&mut image, 56, &1u32.to_be_bytes());
    put(&mut image, CLUSTER, &long((2 * CLUSTER) | COPIED));
    put(&mut image, 3 * CLUSTER, &long(4 * CLUSTER));
    for cluster in 0..5 + clusters {
        put(&mut image, 4 * CLUSTER + cluster * 2, &1u16.to_be_bytes());
    }
    for (index, bytes) in raw.chunks(CLUSTER).enumerate() {
        let at = (5 + index) * CLUSTER;
        put(&mut image, 2 * CLUSTER + index * 8, &long(at | COPIED));
        put(&mut image, at, bytes);
    }
    let path = folder.path.join(name);
    fs::write(&path, image).unwrap();
    folder.own(&path);
    path
}

/// A loop device that shows an image, made by root.
pub struct Loop(pub String);

impl Loop {
    pub fn new(image: &Path) -> Self {
        let made = Command::new("losetup").args(["--find", "--show"]).arg(image).output().unwrap();
        assert!(made.status.success(), "{}", super::err(&made));
        Self(super::out(&made).trim().to_owned())
    }
}

impl Drop for Loop {
    fn drop(&mut self) {
        let _ = Command::new("losetup").args(["-d", &self.0]).status();
    }
}
