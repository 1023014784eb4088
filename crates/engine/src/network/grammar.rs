// SPDX-License-Identifier: LGPL-2.1-or-later
//! `-N`: a network on one line, as virt-sandbox had it.
//!
//! `dhcp,source=NET,mac=…,address=IP/PREFIX%BCAST,route=NET/PREFIX%GW,
//! filter=NAME,filter.KEY=VALUE`, or `none`, `internet`, `full`, or `user`.

use super::values;
use crate::profile::{Interface, Network, NetworkMode};
use terrarium_protocol::network::Mac;

/// All words and keys that may stand there.
pub const WORDS: [&str; 12] = [
    "none", "internet", "full", "user", "dhcp", "source", "mac", "address", "route", "filter", "inbound",
    "outbound",
];

/// What is wrong with a `-N`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wrong {
    /// There is no such key.
    Unknown {
        /// What stands there.
        key: String,
    },
    /// Its value is none.
    Value {
        /// Which.
        key: String,
        /// What stands there.
        value: String,
    },
    /// It may stand there once.
    Twice {
        /// Which.
        key: String,
    },
    /// `none`, `internet` and `full` stand alone.
    NotAlone {
        /// Which.
        word: String,
    },
}

/// Adds what one `-N` says.
///
/// # Errors
/// It is none; the key that is wrong is named.
pub fn add(network: &mut Network, text: &str) -> Result<(), Wrong> {
    let mode = match text {
        "none" => Some(NetworkMode::None),
        "internet" => Some(NetworkMode::Internet),
        "full" => Some(NetworkMode::Full),
        _ => None,
    };
    if let Some(mode) = mode {
        network.mode = mode;
        network.interfaces.clear();
        return Ok(());
    }
    let interface = interface(text)?;
    network.mode = NetworkMode::Custom;
    network.interfaces.push(interface);
    Ok(())
}

fn interface(text: &str) -> Result<Interface, Wrong> {
    let mut interface = Interface::default();
    for part in text.split(',') {
        match part.split_once('=') {
            Some((key, value)) => set(&mut interface, key, value)?,
            None => word(&mut interface, part)?,
        }
    }
    Ok(interface)
}

fn word(interface: &mut Interface, word: &str) -> Result<(), Wrong> {
    match word {
        "dhcp" => interface.dhcp = true,
        "user" => interface.user = true,
        "none" | "internet" | "full" => return Err(Wrong::NotAlone { word: word.to_owned() }),
        other => return Err(Wrong::Unknown { key: other.to_owned() }),
    }
    Ok(())
}

fn set(interface: &mut Interface, key: &str, value: &str) -> Result<(), Wrong> {
    let good = match key {
        "source" | "filter" => values::is_name(value),
        "mac" => value.parse::<Mac>().is_ok_and(Mac::is_unicast),
        "address" => values::address(value).is_some(),
        "route" => values::route(value).is_some(),
        "inbound" | "outbound" => crate::profile::parse_size(value).is_some(),
        other => match other.strip_prefix("filter.") {
            Some(name) => values::is_parameter(name),
            None => return Err(Wrong::Unknown { key: key.to_owned() }),
        },
    };
    if !good {
        return Err(Wrong::Value { key: key.to_owned(), value: value.to_owned() });
    }
    let value = value.to_owned();
    let before = match key {
        "source" => interface.source.replace(value),
        "mac" => interface.mac.replace(value),
        "filter" => interface.filter.replace(value),
        "inbound" => interface.inbound.replace(value),
        "outbound" => interface.outbound.replace(value),
        "address" => {
            interface.addresses.push(value);
            None
        }
        "route" => {
            interface.routes.push(value);
            None
        }
        other => {
            let name = other.strip_prefix("filter.").unwrap_or(other).to_owned();
            interface.parameters.insert(name, value)
        }
    };
    before.map_or(Ok(()), |_| Err(Wrong::Twice { key: key.to_owned() }))
}

/// The `-N` options that say the same; for those of this grammar.
#[must_use]
pub fn write(network: &Network) -> Vec<String> {
    let word = match network.mode {
        NetworkMode::None => return Vec::new(),
        NetworkMode::Internet => "internet",
        NetworkMode::Full => "full",
        NetworkMode::Custom => return network.interfaces.iter().map(write_one).collect(),
    };
    vec![word.to_owned()]
}

fn write_one(one: &Interface) -> String {
    let mut parts = Vec::new();
    parts.extend(one.user.then(|| "user".to_owned()));
    parts.extend(one.dhcp.then(|| "dhcp".to_owned()));
    let options = [
        ("source", &one.source),
        ("mac", &one.mac),
        ("filter", &one.filter),
        ("inbound", &one.inbound),
        ("outbound", &one.outbound),
    ];
    parts.extend(
        options.iter().filter_map(|(key, value)| value.as_ref().map(|value| format!("{key}={value}"))),
    );
    parts.extend(one.addresses.iter().map(|value| format!("address={value}")));
    parts.extend(one.routes.iter().map(|value| format!("route={value}")));
    parts.extend(one.parameters.iter().map(|(key, value)| format!("filter.{key}={value}")));
    parts.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Network, Wrong> {
        let mut network = Network::default();
        add(&mut network, text).map(|()| network)
    }

    #[test]
    fn every_key_is_read() {
        let text = "dhcp,source=default,mac=52:54:00:11:22:33,address=10.0.0.2/24%10.0.0.255,address=fd00::2/64,\
                    route=10.1.0.0/16%10.0.0.1,filter=clean-traffic,filter.IP=10.0.0.2,inbound=1MiB,outbound=2M";
        let network = read(text).unwrap();
        let one = &network.interfaces[0];
        assert!(one.dhcp && !one.user && network.mode == NetworkMode::Custom);
        assert_eq!((one.source.as_deref(), one.filter.as_deref()), (Some("default"), Some("clean-traffic")));
        assert_eq!((one.addresses.len(), one.routes.len()), (2, 1));
        assert_eq!(one.parameters["IP"], "10.0.0.2");
        let again = read(&write(&network)[0]).unwrap();
        assert_eq!(again, network);
        for (word, mode) in
            [("none", NetworkMode::None), ("internet", NetworkMode::Internet), ("full", NetworkMode::Full)]
        {
            assert_eq!(read(word).unwrap().mode, mode);
        }
        assert!(read("user").unwrap().interfaces[0].user);
    }

    #[test]
    fn what_is_wrong_names_its_key() {
        let value = |key: &str, value: &str| Wrong::Value { key: key.into(), value: value.into() };
        let unknown = |key: &str| Wrong::Unknown { key: key.into() };
        for (text, wrong) in [
            ("address=10.0.0.1/33", value("address", "10.0.0.1/33")),
            ("dhcp,address=nonsense", value("address", "nonsense")),
            ("route=10.0.0.1/8%10.0.0.2", value("route", "10.0.0.1/8%10.0.0.2")),
            ("mac=01:00:5e:00:00:01", value("mac", "01:00:5e:00:00:01")),
            ("mac=5254", value("mac", "5254")),
            ("source=", value("source", "")),
            ("filter=a/b", value("filter", "a/b")),
            ("filter.=x", value("filter.", "")),
            ("inbound=much", value("inbound", "much")),
            ("", unknown("")),
            ("bogus", unknown("bogus")),
            ("colour=red", unknown("colour")),
            ("dhcp,none", Wrong::NotAlone { word: "none".into() }),
            ("source=a,source=b", Wrong::Twice { key: "source".into() }),
        ] {
            let found = read(text).unwrap_err();
            let same = match (&found, &wrong) {
                (Wrong::Value { key, .. }, Wrong::Value { key: other, .. }) => key == other,
                _ => found == wrong,
            };
            assert!(same, "{text}: {found:?}");
        }
    }

    /// Each key with a value that is one, and one that is none.
    const KEYS: &[(&str, &str, &str)] = &[
        ("source", "default", "a/b"),
        ("mac", "52:54:00:11:22:33", "53:54:00:11:22:33"),
        ("address", "fd00::2/64", "fd00::2/129"),
        ("route", "::/0%fe80::1", "::/0%10.0.0.1"),
        ("filter", "clean-traffic", ""),
        ("filter.IP", "10.0.0.2", ""),
        ("inbound", "10M", "-1"),
        ("outbound", "1 MiB", "fast"),
    ];

    #[test]
    fn each_key_is_right_wrong_and_there_twice() {
        for (key, good, bad) in KEYS {
            let option = format!("{key}={good}");
            let network = read(&option).unwrap_or_else(|wrong| panic!("{option}: {wrong:?}"));
            assert_eq!(write(&network), std::slice::from_ref(&option));
            // A filter takes any value; libvirt knows what its parameters mean.
            if *key != "filter.IP" {
                let wrong = Wrong::Value { key: (*key).to_owned(), value: (*bad).to_owned() };
                assert_eq!(read(&format!("dhcp,{key}={bad}")), Err(wrong));
            }
            let twice = read(&format!("{option},{option}"));
            match *key {
                "address" | "route" => assert!(twice.is_ok(), "{key}"),
                _ => assert_eq!(twice, Err(Wrong::Twice { key: (*key).to_owned() })),
            }
            assert_eq!(read(key), Err(Wrong::Unknown { key: (*key).to_owned() }), "it needs a value");
        }
        for bad in ["filter.", "filter.a-b", "filter.a b"] {
            assert!(
                matches!(read(&format!("{bad}=x")), Err(Wrong::Value { key, .. }) if key == bad),
                "{bad}"
            );
        }
        for word in ["none", "internet", "full"] {
            assert_eq!(read(&format!("{word},dhcp")), Err(Wrong::NotAlone { word: word.into() }));
        }
        for word in ["dhcp=yes", "user=1"] {
            let key = word.split_once('=').unwrap().0.to_owned();
            assert_eq!(read(word), Err(Wrong::Unknown { key }));
        }
    }
}
