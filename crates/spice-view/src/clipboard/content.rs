// SPDX-License-Identifier: LGPL-2.1-or-later
//! Whether bytes are what they are said to be.

use crate::types::Format;

/// Gives the content back if it is of that format and not larger than
/// `limit` bytes; text without the zero that some agents end it with. HTML is
/// text here: what it says is for whoever pastes it.
pub fn accept(format: Format, mut bytes: Vec<u8>, limit: usize) -> Option<Vec<u8>> {
    if bytes.len() > limit {
        return None;
    }
    if matches!(format, Format::Text | Format::Html) && bytes.last() == Some(&0) {
        bytes.pop();
    }
    let starts = |signs: &[&[u8]]| signs.iter().any(|sign| bytes.starts_with(sign));
    let good = match format {
        Format::Text | Format::Html => {
            !bytes.is_empty() && !bytes.contains(&0) && std::str::from_utf8(&bytes).is_ok()
        }
        Format::Png => starts(&[b"\x89PNG\r\n\x1a\n"]),
        Format::Jpeg => starts(&[b"\xff\xd8\xff"]),
        Format::Bmp => starts(&[b"BM"]),
        Format::Tiff => starts(&[b"II*\0", b"MM\0*"]),
    };
    good.then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_is_what_it_is_said_to_be() {
        let take = |format, bytes: &[u8]| accept(format, bytes.to_vec(), 16);
        assert_eq!(take(Format::Text, "grün".as_bytes()), Some("grün".as_bytes().to_vec()));
        assert_eq!(take(Format::Text, b"end\0"), Some(b"end".to_vec()));
        for bad in [b"".as_slice(), b"\0", b"a\0b", b"\xff\xfe", &[b'x'; 17]] {
            assert_eq!(take(Format::Text, bad), None, "{bad:?}");
            assert_eq!(take(Format::Html, bad), None, "{bad:?}");
        }
        assert_eq!(take(Format::Html, b"<b>end\0"), Some(b"<b>end".to_vec()));
        assert!(take(Format::Png, b"\x89PNG\r\n\x1a\n1234").is_some());
        assert!(take(Format::Tiff, b"MM\0*").is_some());
        for format in [Format::Png, Format::Jpeg, Format::Bmp, Format::Tiff] {
            assert_eq!(take(format, b"#!/bin/sh"), None, "{format:?}");
            assert_eq!(take(format, b""), None, "{format:?}");
        }
    }
}
