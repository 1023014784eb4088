// SPDX-License-Identifier: LGPL-2.1-or-later
//! The uncompressed kernel inside an image: QEMU starts it at its PVH entry,
//! and no guest processor has to unpack it (3 to 10 s under emulation).

use super::decompress::{decompress, is_packed};

/// Largest kernel, unpacked, in bytes.
pub const MAX: usize = 1 << 30;
/// `XEN_ELFNOTE_PHYS32_ENTRY`: where a PVH guest starts (Linux:
/// include/xen/interface/elfnote.h).
const PVH_NOTE: u32 = 18;
/// Bytes of a program header; a kernel has about five.
const PROGRAM_HEADER: usize = 56;
/// Most program headers and bytes of notes that are looked at: who made the
/// file says how often the same notes are read.
const HEADERS: usize = 64;
const NOTES: usize = 64 * 1024;

/// The ELF kernel of an image; `None` if it has none that QEMU can start, so
/// that the image itself has to be booted. At most `limit` bytes are unpacked.
pub fn extract(image: &[u8], limit: usize) -> Option<Vec<u8>> {
    let kernel = if image.starts_with(b"\x7fELF") {
        image.to_vec()
    } else if is_packed(image) {
        decompress(image, limit).ok()?
    } else {
        decompress(payload(image)?, limit).ok()?
    };
    has_pvh_entry(&kernel).then_some(kernel)
}

/// The packed kernel inside a bzImage (Linux: Documentation/arch/x86/boot.rst,
/// `payload_offset`, from protocol 2.08 on).
fn payload(image: &[u8]) -> Option<&[u8]> {
    let word = |at: usize| Some(u32::from_le_bytes(*image.get(at..)?.first_chunk()?) as usize);
    if image.get(0x202..0x206)? != b"HdrS" || u16::from_le_bytes(*image.get(0x206..)?.first_chunk()?) < 0x208
    {
        return None;
    }
    let sectors = match *image.get(0x1f1)? {
        0 => 4,
        count => usize::from(count),
    };
    let start = (sectors + 1) * 512 + word(0x248)?;
    let data = image.get(start..start.checked_add(word(0x24c)?)?)?;
    is_packed(data).then_some(data)
}

/// Whether an x86-64 ELF file has the note.
pub fn has_pvh_entry(elf: &[u8]) -> bool {
    find_note(elf).is_some()
}

fn find_note(elf: &[u8]) -> Option<()> {
    let half = |at: usize| Some(u16::from_le_bytes(*elf.get(at..)?.first_chunk()?));
    let word = |at: usize| Some(u32::from_le_bytes(*elf.get(at..)?.first_chunk()?));
    let long = |at: usize| usize::try_from(u64::from_le_bytes(*elf.get(at..)?.first_chunk()?)).ok();
    // 64 bits, little endian, x86-64.
    if elf.get(..6)? != b"\x7fELF\x02\x01" || half(18)? != 62 {
        return None;
    }
    let (table, size, count) = (long(32)?, usize::from(half(54)?), usize::from(half(56)?));
    if size != PROGRAM_HEADER {
        return None;
    }
    (0..count.min(HEADERS)).find_map(|index| {
        let header = table.checked_add(index * PROGRAM_HEADER)?;
        // PT_NOTE
        if word(header)? != 4 {
            return None;
        }
        let start = long(header.checked_add(8)?)?;
        let found = elf.get(start..start.checked_add(long(header.checked_add(32)?)?)?)?;
        notes(&found[..found.len().min(NOTES)])
    })
}

fn notes(mut data: &[u8]) -> Option<()> {
    loop {
        let field = |at: usize| Some(u32::from_le_bytes(*data.get(at..)?.first_chunk()?) as usize);
        let (name, description, kind) = (field(0)?, field(4)?, field(8)?);
        if kind as u32 == PVH_NOTE && data.get(12..)?.starts_with(b"Xen\0") {
            return Some(());
        }
        let padded = |size: usize| size.checked_add(3).map(|size| size & !3);
        let next = 12usize.checked_add(padded(name)?)?.checked_add(padded(description)?)?;
        data = data.get(next..)?;
    }
}
