// SPDX-License-Identifier: LGPL-2.1-or-later
//! Init as the engine carries it: one static program for container and
//! machine. Packagers may give a ready one in `TERRARIUM_INIT`.

/// The program.
pub static INIT: &[u8] = include_bytes!(env!("TERRARIUM_INIT_IMAGE"));

#[cfg(test)]
mod tests {
    use super::INIT;

    /// Program header of the dynamic linker; a static program has none.
    const PT_INTERP: u32 = 3;

    #[test]
    fn it_is_a_static_program() {
        assert_eq!(&INIT[..4], b"\x7fELF");
        let half = |at: usize| usize::from(u16::from_le_bytes([INIT[at], INIT[at + 1]]));
        let table = u64::from_le_bytes(INIT[32..40].try_into().unwrap()) as usize;
        for header in 0..half(56) {
            let at = table + header * half(54);
            assert_ne!(u32::from_le_bytes(INIT[at..at + 4].try_into().unwrap()), PT_INTERP);
        }
    }
}
