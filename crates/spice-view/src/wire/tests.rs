// SPDX-License-Identifier: LGPL-2.1-or-later
//! What is passed on does not depend on how it comes in pieces. What is
//! refused is tried with a whole server in tests/all/drawings.rs.

use proptest::prelude::*;

use super::*;

fn words(values: &[u32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

/// With these abilities, and the answer to a password.
fn greeting(abilities: u32) -> Vec<u8> {
    let mut reply = words(&[0]);
    reply.extend([7; 162]);
    reply.extend(words(&[1, 0, 178, abilities]));
    [b"REDQ".to_vec(), words(&[2, 2, u32::try_from(reply.len()).unwrap()]), reply, words(&[0])].concat()
}

fn message(kind: u16, content: &[u8]) -> Vec<u8> {
    let size = u32::try_from(content.len()).unwrap();
    [kind.to_le_bytes().to_vec(), size.to_le_bytes().to_vec(), content.to_vec()].concat()
}

/// A surface, and a bitmap on it whose rows are so far apart.
fn drawing(stride: u32) -> Vec<u8> {
    let mut copy = words(&[0, 0, 0, 8, 8]);
    copy.push(0);
    copy.extend(words(&[57, 0, 0, 8, 8]));
    copy.extend([0; 16]);
    copy.extend([0; 10]);
    copy.extend(words(&[8, 8]));
    copy.extend([8, 4]);
    copy.extend(words(&[8, 8, stride, 0]));
    copy.extend([1; 8 * 8 * 4]);
    [message(314, &words(&[0, 8, 8, 32, 1])), message(304, &copy), message(102, &[])].concat()
}

/// How much is passed on of bytes that come in pieces of these lengths.
fn passed(channel: ChannelKind, bytes: &[u8], lengths: &[usize]) -> (usize, Option<Refusal>) {
    let mut filter = Filter::new(channel, false);
    let (mut come, mut passed) = (0, 0);
    for length in lengths.iter().copied().cycle() {
        come = (come + length.max(1)).min(bytes.len());
        match filter.pass(&bytes[passed..come]) {
            Ok(more) => passed += more,
            Err(refusal) => return (passed, Some(refusal)),
        }
        if come == bytes.len() {
            return (passed, None);
        }
    }
    unreachable!("there are lengths")
}

#[test]
fn a_greeting_that_is_not_understood_is_no_server() {
    let kind = |bytes: &[u8]| passed(ChannelKind::Main, bytes, &[bytes.len()]).1.map(|refusal| refusal.kind);
    assert_eq!(kind(&greeting(0b1011)), None);
    // Long headers; SASL; another protocol; another version; a size.
    assert_eq!(kind(&greeting(0b0011)), Some(FailureKind::Protocol));
    assert_eq!(kind(&greeting(0b1111)), Some(FailureKind::Protocol));
    for (at, byte) in [(0, b'x'), (4, 3), (12, 20), (15, 1)] {
        let mut bytes = greeting(0b1011);
        bytes[at] = byte;
        assert_eq!(kind(&bytes), Some(FailureKind::Protocol), "{at}");
    }
    // Abilities that lie beyond it.
    let mut bytes = greeting(0b1011);
    bytes[16 + 174] = 200;
    assert!(kind(&bytes).is_some());
}

#[test]
fn an_agents_message_is_bounded_wherever_it_begins() {
    let agent = |size: u32| [words(&[1, 4, 0, 0, size]), vec![0; 40]].concat();
    let all = [agent(40), agent(40), agent(u32::MAX)].concat();
    for length in [1, 7, 19, 20, 21, 60, 180] {
        let pieces: Vec<u8> = all.chunks(length).flat_map(|piece| message(109, piece)).collect();
        let refused = passed(ChannelKind::Main, &[greeting(0b1011), pieces].concat(), &[4096]).1;
        assert_eq!(refused.map(|refusal| refusal.kind), Some(FailureKind::Refused), "{length}");
        let honest: Vec<u8> = all[..120].chunks(length).flat_map(|piece| message(109, piece)).collect();
        assert_eq!(passed(ChannelKind::Main, &[greeting(0b1011), honest].concat(), &[4096]).1, None);
    }
}

proptest! {
    #[test]
    fn pieces_change_nothing(lengths in proptest::collection::vec(1_usize..300, 1..20)) {
        let honest = [greeting(0b1011), drawing(32)].concat();
        prop_assert_eq!(passed(ChannelKind::Display, &honest, &lengths), (honest.len(), None));
        let lies = [greeting(0b1011), drawing(31)].concat();
        let (passed, refusal) = passed(ChannelKind::Display, &lies, &lengths);
        prop_assert!(refusal.is_some_and(|refusal| refusal.kind == FailureKind::Refused));
        // The surface at most, and not a byte of what lies.
        prop_assert!(passed <= greeting(0b1011).len() + message(314, &[0; 20]).len());
    }

    /// The same entry as the fuzz target `wire`.
    #[test]
    fn anything_is_passed_or_refused(
        messages in proptest::collection::vec(hostile(), 0..6), size: u8, how: u8,
    ) {
        fuzz::wire(&[&[size, how][..], &messages.concat()].concat());
    }
}

/// A message as somebody hostile makes it: one that is drawn with a byte or
/// two of it changed, one with any content, the beginning of one.
fn hostile() -> impl Strategy<Value = Vec<u8>> {
    let number = prop_oneof![100_u16..130, 300_u16..325, any::<u16>()];
    let content = proptest::collection::vec(any::<u8>(), 0..400);
    let any_message = (number, content.clone()).prop_map(|(number, content)| message(number, &content));
    let changes = proptest::collection::vec((any::<proptest::sample::Index>(), 0_u8..9), 0..3);
    let changed = (31_u32..34, changes).prop_map(|(stride, changes)| {
        let mut bytes = drawing(stride);
        changes.into_iter().for_each(|(at, byte)| bytes[at.index(150)] = byte);
        bytes
    });
    prop_oneof![4 => changed, 2 => any_message, 1 => content]
}

/// What the fuzz target begins with; `TERRARIUM_BLESS=1` writes it again.
#[test]
fn the_seeds_of_the_fuzz_target_pass() {
    let agent = [words(&[1, 4, 0, 0, 40]), vec![0; 40]].concat();
    let mut shape = vec![0; 5 + 2 + 17 + 8 * 8 * 4];
    (shape[5 + 2 + 9], shape[5 + 2 + 11]) = (8, 8);
    let seeds = [
        ("greeting", 1, 0, greeting(0b1011)),
        ("drawing", 40, 1 + 16, drawing(32)),
        ("lie", 255, 1 + 16, drawing(31)),
        ("decoders", 40, 1 + 8 + 16, drawing(32)),
        ("agent", 9, 16, agent.chunks(25).flat_map(|piece| message(109, piece)).collect()),
        ("pointer", 40, 3 + 16, message(103, &shape)),
        // No pixels, and where it points is missing.
        ("short-pointer", 40, 3 + 16, message(103, &[0; 21])),
    ];
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/wire");
    for (name, size, how, stream) in seeds {
        let seed = [&[size, how][..], &stream].concat();
        let path = folder.join(format!("seed-{name}"));
        if std::env::var_os("TERRARIUM_BLESS").is_some() {
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(&path, &seed).unwrap();
        }
        assert_eq!(std::fs::read(path).unwrap(), seed, "{name}");
        fuzz::wire(&seed);
    }
}
