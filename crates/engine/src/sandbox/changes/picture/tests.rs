// SPDX-License-Identifier: LGPL-2.1-or-later
use super::*;
use png::{BitDepth, ColorType};
use proptest::prelude::*;

fn file(kind: ColorType, depth: BitDepth, (width, height): (u32, u32), data: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(kind);
    encoder.set_depth(depth);
    encoder.write_header().unwrap().write_image_data(data).unwrap();
    bytes
}

#[test]
fn pictures_of_all_kinds_are_decoded() {
    let eight = BitDepth::Eight;
    for (kind, depth, data, first) in [
        (ColorType::Grayscale, eight, &[7, 8][..], [7, 7, 7, 255]),
        (ColorType::Grayscale, BitDepth::One, &[0b1000_0000], [255; 4]),
        (ColorType::GrayscaleAlpha, eight, &[7, 8, 9, 10], [7, 7, 7, 8]),
        (ColorType::Rgb, eight, &[1, 2, 3, 4, 5, 6], [1, 2, 3, 255]),
        (ColorType::Rgba, BitDepth::Sixteen, &[1, 0, 2, 0, 3, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0], [1, 2, 3, 4]),
    ] {
        let found = decode(&file(kind, depth, (2, 1), data)).expect("a picture");
        assert_eq!((found.size, found.shown, &found.pixels[..4]), ((2, 1), (2, 1), &first[..]), "{kind:?}");
    }
}

#[test]
fn large_ones_are_made_small_and_larger_ones_are_left() {
    let grey = |size: (u32, u32)| {
        file(ColorType::Grayscale, BitDepth::Eight, size, &vec![9; size.0 as usize * size.1 as usize])
    };
    let found = decode(&grey((2500, 10))).unwrap();
    assert_eq!((found.size, found.shown, found.pixels.len()), ((2500, 10), (834, 4), 834 * 4 * 4));
    check(&grey((1, 4000)));
    assert!(decode(&grey((4097, 4097))).is_none() && decode(&grey((SIDE_MAX + 1, 1))).is_none());
    assert!(decode(&grey((SIDE_MAX, 1))).is_some());
    let half = grey((500, 500));
    assert!(decode(&half[..half.len() / 2]).is_none(), "half of one");
    for head in [&b"GIF89a"[..], b"\xff\xd8\xff", b"RIFF\0\0\0\0WEBP", b"<svg xmlns="] {
        assert!(decode(head).is_none());
    }
}

fn seed(name: &str) -> Vec<u8> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/pictures");
    std::fs::read(folder.join(name)).unwrap()
}

#[test]
fn the_seeds_are_pictures() {
    for seed in crate::fuzz_seeds("pictures") {
        assert!(decode(&seed).is_some(), "{:?}", &seed[..8]);
        check(&seed);
    }
}

/// The first pixel, as far as a format that loses some of it can tell.
#[test]
fn each_format_has_its_colours() {
    let (red, grey) = ([255, 0, 0, 255], [255, 255, 255, 255]);
    for (name, size, first) in [
        ("seed-jpeg", (12, 9), red),
        ("seed-grey-jpeg", (10, 7), grey),
        ("seed-cmyk", (6, 5), red),
        ("seed-gif", (5, 4), red),
        // Its only picture begins in the middle.
        ("seed-part", (5, 4), [0; 4]),
        ("seed-webp", (12, 9), red),
        ("seed-lossless", (8, 6), red),
        ("seed-animated", (6, 4), red),
    ] {
        let found = decode(&seed(name)).expect(name);
        let off = found.pixels.iter().zip(first).map(|(is, should)| is.abs_diff(should)).max();
        assert!(found.size == size && off < Some(60), "{name}: {:?} {:?}", found.size, &found.pixels[..4]);
    }
}

#[test]
fn what_claims_to_be_huge_is_left() {
    // Width and height of 65535 where each format has them.
    let mut gif = seed("seed-gif");
    gif[6..10].fill(0xff);
    let mut jpeg = seed("seed-jpeg");
    let at = jpeg.windows(2).position(|two| two == [0xff, 0xc0]).unwrap();
    jpeg[at + 5..at + 9].fill(0xff);
    let mut webp = seed("seed-lossless");
    let at = webp.windows(4).position(|four| four == *b"VP8L").unwrap() + 9;
    webp[at..at + 3].fill(0xff);
    for huge in [gif, jpeg, webp] {
        assert!(decode(&huge).is_none(), "{:?}", &huge[..4]);
    }
    // A frame that is larger than its picture is not, and takes no memory.
    let mut gif = seed("seed-gif");
    let at = gif.iter().rposition(|&byte| byte == 0x2c).unwrap();
    gif[at + 5..at + 9].fill(0xff);
    check(&gif);
    // Passes without end, each over all of it: the first one, again and again.
    let progressive = seed("seed-progressive");
    let marks = |two: &[u8]| two[0] == 0xff && matches!(two[1], 0xc4 | 0xda);
    let at = progressive.windows(2).position(|two| two == [0xff, 0xda]).unwrap();
    let end = at + 2 + progressive[at + 2..].windows(2).position(marks).unwrap();
    let mut passes = progressive[..end].to_vec();
    (0..100).for_each(|_| passes.extend(&progressive[at..end]));
    passes.extend(&progressive[end..]);
    assert!(decode(&passes).is_none());
}

proptest! {
    #[test]
    fn garbage_does_no_harm(at in 0usize..120, bytes: [u8; 6]) {
        let mut one = file(ColorType::Rgb, BitDepth::Eight, (6, 5), &[5; 90]);
        for (place, byte) in one.iter_mut().skip(at).zip(bytes) {
            *place = byte;
        }
        check(&one);
    }

    #[test]
    fn no_format_does_harm(which in 0usize..8, at in 0usize..700, bytes: [u8; 4], cut in 0usize..700) {
        let names = ["seed-jpeg", "seed-grey-jpeg", "seed-progressive", "seed-cmyk", "seed-gif", "seed-webp", "seed-lossless", "seed-animated"];
        let mut one = seed(names[which]);
        let length = one.len();
        for (place, byte) in one.iter_mut().skip(at % length).zip(bytes) {
            *place = byte;
        }
        check(&one);
        one.truncate(cut % length);
        check(&one);
    }
}
