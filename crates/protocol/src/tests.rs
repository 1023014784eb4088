// SPDX-License-Identifier: LGPL-2.1-or-later
use crate::greeting::{padding, Side, LENGTH};
use crate::*;
use proptest::prelude::*;

const NONCE: [u8; 16] = *b"0123456789abcdef";

fn encoded(tag: Tag, kind: Kind, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    frame::encode(tag, kind, payload, &mut out);
    out
}

#[test]
fn a_frame_comes_back_from_single_bytes() {
    let tag = Greeting::new(NONCE).tag();
    let mut decoder = Decoder::new(tag, 100);
    let mut frames = Vec::new();
    for byte in encoded(tag, Kind::Input, b"hello") {
        decoder.feed(&[byte]);
        frames.extend(decoder.next_frame().unwrap());
    }
    assert_eq!(frames, [Frame { kind: Kind::Input, payload: b"hello".to_vec() }]);
}

#[test]
fn half_a_frame_then_padding_and_a_greeting_is_a_new_conversation() {
    let old = Greeting::new(NONCE).tag();
    let fresh = Greeting::new(*b"another nonce 00");
    let mut decoder = Decoder::new(old, 1000);
    let whole = encoded(old, Kind::Input, &[b'x'; 500]);
    decoder.feed(&whole[..200]);
    assert_eq!(decoder.next_frame(), Ok(None));
    decoder.feed(&padding(1000));
    decoder.feed(&fresh.encode(Side::Client));
    assert_eq!(decoder.next_frame(), Err(FrameError::Tag), "never a whole frame");
    let found = Scanner::for_client().feed(&decoder.into_rest()).unwrap();
    assert_eq!(found, (fresh, Vec::new()));
}

#[test]
fn a_length_above_the_limit_is_refused_before_it_is_stored() {
    let tag = Greeting::new(NONCE).tag();
    let mut decoder = Decoder::new(tag, 10);
    decoder.feed(&encoded(tag, Kind::Control, &[0; 11])[..9]);
    assert_eq!(decoder.next_frame(), Err(FrameError::Length(11)));
}

#[test]
fn an_echo_of_another_nonce_is_passed_over() {
    let mut stream = b"rest of a frame".to_vec();
    stream.extend(Greeting::new(*b"stale stale stal").encode(Side::Init));
    stream.extend(Greeting::new(NONCE).encode(Side::Init));
    stream.extend(b"next");
    let found = Scanner::for_echo(NONCE).feed(&stream).unwrap();
    assert_eq!(found, (Greeting::new(NONCE), b"next".to_vec()));
}

#[test]
fn bytes_survive_json() {
    let all = Bytes((0..=255).collect());
    let text = serde_json::to_string(&all).unwrap();
    assert_eq!(serde_json::from_str::<Bytes>(&text).unwrap(), all);
    assert!(serde_json::from_str::<Bytes>("\"\u{100}\"").is_err());
}

/// A piece of a stream as somebody hostile makes it who knows the tag: whole
/// frames, the beginnings of frames, lengths that lie, greetings, anything.
fn hostile() -> impl Strategy<Value = Vec<u8>> {
    let tag = Greeting::new(fuzz::NONCE).tag();
    let bytes = || proptest::collection::vec(any::<u8>(), 0..300);
    let kind = prop_oneof![Just(Kind::Control), Just(Kind::Input), Just(Kind::Output)];
    let whole = (kind, bytes()).prop_map(move |(kind, payload)| encoded(tag, kind, &payload)).boxed();
    let begun = (whole.clone(), any::<proptest::sample::Index>())
        .prop_map(|(frame, end)| frame[..end.index(frame.len())].to_vec());
    let header = (0u32..600, 0u8..5)
        .prop_map(move |(length, kind)| [&tag.0.to_le_bytes()[..], &length.to_le_bytes(), &[kind]].concat());
    let side = prop_oneof![Just(Side::Client), Just(Side::Init)];
    let greeting = (side, prop_oneof![Just(fuzz::NONCE), any::<[u8; 16]>()])
        .prop_map(|(side, nonce)| Greeting::new(nonce).encode(side).to_vec())
        .boxed();
    let cut = (greeting.clone(), 0..LENGTH).prop_map(|(greeting, end)| greeting[..end].to_vec());
    prop_oneof![4 => whole, 1 => begun, 1 => header, 2 => greeting, 1 => cut, 1 => bytes()]
}

#[test]
fn the_seeds_of_the_fuzz_targets_pass() {
    type Target = (&'static str, fn(&[u8], usize));
    let whole: [Target; 2] =
        [("picture", |data, _| fuzz::picture(data)), ("news", |data, _| fuzz::news(data))];
    let streams: [Target; 5] = [
        ("agent", fuzz::agent),
        ("frames", fuzz::frames),
        ("greeting", fuzz::greeting),
        ("changes", fuzz::changes),
        ("contents", fuzz::contents),
    ];
    for (target, entry) in whole.into_iter().chain(streams) {
        let in_pieces = streams.iter().any(|(name, _)| *name == target);
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(target);
        let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
        let seeds = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with("seed-"));
        let seeds: Vec<Vec<u8>> = seeds.map(|seed| std::fs::read(seed.path()).unwrap()).collect();
        assert!(seeds.len() > 1, "{target}");
        for data in seeds {
            let (size, rest) = data.split_at(usize::from(in_pieces));
            entry(rest, size.first().copied().map_or(0, usize::from));
        }
    }
}

proptest! {
    /// The same entries as the fuzz targets `picture` and `news`.
    #[test]
    fn pictures_and_news_are_what_they_say(
        width in 0u32..9, height in 0u32..9, bytes in proptest::collection::vec(any::<u8>(), 0..200)
    ) {
        let header = crate::picture::header(crate::display::ScreenSize { width, height });
        for bytes in [bytes.clone(), [&header[..], &bytes].concat()] {
            fuzz::picture(&bytes);
            fuzz::news(&bytes);
        }
    }

    /// The same entry as the fuzz target `frames`.
    #[test]
    fn any_frames_in_any_pieces_stay_bounded_and_the_same(
        pieces in proptest::collection::vec(hostile(), 0..20), size in 0usize..400
    ) {
        fuzz::frames(&pieces.concat(), size);
    }

    /// The same entry as the fuzz target `greeting`.
    #[test]
    fn any_conversations_in_any_pieces_stay_bounded_and_the_same(
        pieces in proptest::collection::vec(hostile(), 0..20), size in 0usize..400
    ) {
        fuzz::greeting(&pieces.concat(), size);
    }

    #[test]
    fn frames_come_back_whatever_the_pieces(
        payloads in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..200), 1..10),
        size in 1usize..64
    ) {
        let tag = Greeting::new(NONCE).tag();
        let stream: Vec<u8> = payloads.iter().flat_map(|p| encoded(tag, Kind::Output, p)).collect();
        let mut decoder = Decoder::new(tag, 200);
        let mut got = Vec::new();
        for piece in stream.chunks(size) {
            decoder.feed(piece);
            while let Some(frame) = decoder.next_frame().unwrap() {
                got.push(frame.payload);
            }
        }
        prop_assert_eq!(got, payloads);
    }

    #[test]
    fn a_greeting_is_found_after_any_noise(
        noise in proptest::collection::vec(any::<u8>(), 0..500), size in 1usize..50
    ) {
        let mut stream = noise;
        stream.extend(Greeting::new(NONCE).encode(Side::Init));
        let mut scanner = Scanner::for_echo(NONCE);
        let found = stream.chunks(size).find_map(|piece| scanner.feed(piece));
        prop_assert_eq!(found.map(|(greeting, _)| greeting), Some(Greeting::new(NONCE)));
        prop_assert_eq!(LENGTH, 32);
    }
}
