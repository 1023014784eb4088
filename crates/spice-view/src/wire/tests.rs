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

    #[test]
    fn anything_is_passed_or_refused(
        bytes in proptest::collection::vec(any::<u8>(), 0..400), kind in 0..3_usize, decoders: bool,
        number in prop_oneof![100_u16..130, 300_u16..325, any::<u16>()], size in 0_u32..400,
    ) {
        let channel = [ChannelKind::Display, ChannelKind::Cursor, ChannelKind::Main][kind];
        let mut filter = Filter::new(channel, decoders);
        let begun = [greeting(0b1011), message(314, &words(&[0, 8, 8, 32, 1]))].concat();
        let _ = filter.pass(&begun);
        let header = [number.to_le_bytes().to_vec(), size.to_le_bytes().to_vec()].concat();
        if let Ok(passed) = filter.pass(&[header, bytes.clone()].concat()) {
            prop_assert!(passed <= bytes.len() + 6);
        }
    }
}
