// SPDX-License-Identifier: LGPL-2.1-or-later
//! An initrd: init, its modules and their order, as an uncompressed cpio
//! archive (Linux: Documentation/driver-api/early-userspace/buffer-format.rst).

const DIRECTORY: u32 = 0o040_755;
const FILE: u32 = 0o100_644;
const PROGRAM: u32 = 0o100_755;
const CHARACTER_DEVICE: u32 = 0o020_600;

/// The archive. `modules` are names and contents in the order of loading; the
/// first `early` of them are loaded at the start, those that a file system of
/// `met` names when it is met.
#[must_use]
pub fn build(
    init: &[u8],
    modules: &[(String, Vec<u8>)],
    early: usize,
    met: &[(&str, Vec<String>)],
) -> Vec<u8> {
    let mut archive = Archive::default();
    for name in ["dev", "file-systems", "m", "proc", "sys"] {
        archive.add(name, DIRECTORY, (0, 0), &[]);
    }
    // Without these a kernel without a console starts init without the
    // standard descriptors, and Rust's runtime aborts.
    archive.add("dev/console", CHARACTER_DEVICE, (5, 1), &[]);
    archive.add("dev/null", CHARACTER_DEVICE, (1, 3), &[]);
    archive.add("init", PROGRAM, (0, 0), init);
    let line = |name: &String| format!("/m/{name}.ko\n");
    for (name, content) in modules {
        archive.add(&format!("m/{name}.ko"), FILE, (0, 0), content);
    }
    for (kind, names) in met {
        let list: String = names.iter().map(line).collect();
        archive.add(&format!("file-systems/{kind}"), FILE, (0, 0), list.as_bytes());
    }
    let list: String = modules.iter().take(early).map(|(name, _)| line(name)).collect();
    archive.add("modules", FILE, (0, 0), list.as_bytes());
    archive.finish()
}

#[derive(Default)]
struct Archive {
    bytes: Vec<u8>,
    entries: u32,
}

impl Archive {
    fn add(&mut self, name: &str, mode: u32, (major, minor): (u32, u32), content: &[u8]) {
        self.entries += 1;
        let links = if mode & DIRECTORY == DIRECTORY { 2 } else { 1 };
        let size = content.len() as u32;
        let name_size = name.len() as u32 + 1;
        // Inode, mode, uid, gid, links, mtime, size, device (2), special
        // device (2), length of the name, checksum: none but "newc" has it.
        let fields = [self.entries, mode, 0, 0, links, 0, size, 0, 0, major, minor, name_size, 0];
        self.bytes.extend_from_slice(b"070701");
        for field in fields {
            self.bytes.extend_from_slice(format!("{field:08x}").as_bytes());
        }
        self.bytes.extend_from_slice(name.as_bytes());
        self.bytes.push(0);
        self.pad();
        self.bytes.extend_from_slice(content);
        self.pad();
    }

    fn pad(&mut self) {
        let length = self.bytes.len().next_multiple_of(4);
        self.bytes.resize(length, 0);
    }

    fn finish(mut self) -> Vec<u8> {
        self.add("TRAILER!!!", 0, (0, 0), &[]);
        self.bytes
    }
}
