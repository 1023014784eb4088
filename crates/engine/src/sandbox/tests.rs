// SPDX-License-Identifier: LGPL-2.1-or-later
use super::{fuzz, Metadata};
use crate::profile::{Clipboard, Colour, DisplayKind, Isolation, Passes};
use crate::xml::metadata::parse;
use proptest::prelude::*;

/// Of no sandbox in particular.
pub fn some_metadata() -> Metadata {
    Metadata {
        name: "some".into(),
        caller: 1000,
        number: 3,
        colour: Colour::Teal,
        icon: Some(crate::profile::Icon::Web),
        isolation: Isolation::Container,
        display: DisplayKind::Terminal,
        clipboard: Clipboard::Off,
        network: crate::profile::NetworkMode::None,
        passes: Passes::default(),
        scale: 1,
        writable: Vec::new(),
        layer: None,
        looks: false,
        images: Vec::new(),
        directory: "/run/user/1000/terrarium/3".into(),
        id_base: 0x7000_0000,
        command: "true".into(),
        created: 0,
    }
}

fn any_metadata() -> impl Strategy<Value = Metadata> {
    (any::<[u32; 3]>(), any::<u64>(), any::<[String; 3]>()).prop_map(
        |(numbers, created, [name, path, command])| Metadata {
            name,
            caller: numbers[0],
            number: numbers[1],
            colour: Colour::Teal,
            icon: Some(crate::profile::Icon::Web),
            isolation: Isolation::Machine,
            display: DisplayKind::Window,
            clipboard: Clipboard::In,
            network: crate::profile::NetworkMode::Internet,
            writable: vec![path.clone().into()],
            layer: None,
            images: vec![(path.clone().into(), true)],
            looks: false,
            passes: Passes { sound: true, monitors: numbers[2], ..Passes::default() },
            scale: numbers[1],
            directory: path.into(),
            id_base: numbers[2],
            command,
            created,
        },
    )
}

#[test]
fn the_seeds_of_the_fuzz_target_pass() {
    let found: Vec<bool> = crate::fuzz_seeds("metadata")
        .into_iter()
        .map(|seed| {
            let xml = String::from_utf8(seed).unwrap();
            fuzz::metadata(&xml);
            parse(&xml).is_some()
        })
        .collect();
    assert!(found.contains(&true) && found.contains(&false), "{found:?}");
}

proptest! {
    #[test]
    fn whatever_metadata_says_is_read_again(metadata in any_metadata()) {
        let text = quick_xml::escape::escape(metadata.to_text()).into_owned();
        prop_assert_eq!(parse(&format!("<a>{text}</a>")), Some(metadata));
    }

    /// The same entry as the fuzz target `metadata`.
    #[test]
    fn prepared_metadata_does_no_harm(
        metadata in any_metadata(),
        noise in "(<a>|</a>|<!\\[CDATA\\[|\\]\\]>|&amp;|&#[0-9a-fx]{1,6};|&|<!--|-->|<\\?x|[ \"{}:,a-z]){0,12}",
        at in any::<proptest::sample::Index>()
    ) {
        let text = quick_xml::escape::escape(metadata.to_text()).into_owned();
        let mut xml = format!("<a>{text}</a>");
        let places: Vec<usize> = xml.char_indices().map(|(place, _)| place).collect();
        xml.insert_str(*at.get(&places), &noise);
        fuzz::metadata(&xml);
        fuzz::metadata(&noise);
    }
}
