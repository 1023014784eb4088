// SPDX-License-Identifier: LGPL-2.1-or-later
//! What libvirt says of a domain's limits, in its XML.

use quick_xml::events::{BytesStart, Event};

/// All of it that counts.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// What it was started with, in bytes.
    pub memory: u64,
    /// What its kernel was asked to do with.
    pub current: Option<u64>,
    /// What its control group lets it have.
    pub bound: Option<u64>,
    /// Processors that it was started with.
    pub cpus: u32,
    /// Of every so many microseconds …
    period: Option<u64>,
    /// … so many.
    quota: Option<u64>,
    /// Whether there is something that hands memory back.
    pub balloon: bool,
    /// Its disks.
    pub disks: Vec<String>,
    /// Bytes a second of each of them.
    pub rate: Option<u64>,
}

impl Found {
    /// Reads a domain's XML. What is not there is left as nothing.
    pub fn read(xml: &str) -> Self {
        let mut reader = quick_xml::Reader::from_str(xml);
        let (mut found, mut path) = (Self::default(), Vec::<String>::new());
        loop {
            match reader.read_event() {
                Ok(Event::Start(element)) => {
                    path.push(String::from_utf8_lossy(element.name().as_ref()).into_owned());
                    found.element(&path, &element);
                }
                Ok(Event::Empty(element)) => {
                    path.push(String::from_utf8_lossy(element.name().as_ref()).into_owned());
                    found.element(&path, &element);
                    path.pop();
                }
                Ok(Event::Text(text)) => {
                    if let Some(number) = text.decode().ok().and_then(|text| text.trim().parse().ok()) {
                        found.number(&path, number);
                    }
                }
                Ok(Event::End(_)) => drop(path.pop()),
                Ok(Event::Eof) | Err(_) => return found,
                _ => {}
            }
        }
    }

    fn element(&mut self, path: &[String], element: &BytesStart) {
        let attribute = |name: &str| {
            let found = element.try_get_attribute(name).ok().flatten()?;
            found.unescape_value().ok().map(|value| value.into_owned())
        };
        match within(path).as_slice() {
            ["devices", "memballoon"] => {
                self.balloon = attribute("model").is_some_and(|model| model != "none");
            }
            ["devices", "disk", "target"] => self.disks.extend(attribute("dev")),
            _ => {}
        }
    }

    /// Sizes are in KiB there, whatever was written.
    fn number(&mut self, path: &[String], number: u64) {
        match within(path).as_slice() {
            ["memory"] => self.memory = number << 10,
            ["currentMemory"] => self.current = Some(number << 10),
            ["memtune", "hard_limit"] => self.bound = Some(number << 10),
            ["vcpu"] => self.cpus = u32::try_from(number).unwrap_or(u32::MAX),
            ["cputune", "period" | "global_period"] => self.period = Some(number),
            ["cputune", "quota" | "global_quota"] => self.quota = Some(number),
            ["devices", "disk", "iotune", "total_bytes_sec"] => {
                self.rate = Some(number).filter(|rate| *rate > 0);
            }
            _ => {}
        }
    }

    /// Processors whose time it may have, if that is bound.
    pub fn processors(&self) -> Option<u32> {
        let (period, quota) = (self.period.filter(|period| *period > 0)?, self.quota?);
        u32::try_from(quota.div_ceil(period)).ok().filter(|count| *count > 0)
    }
}

/// Without the domain itself.
fn within(path: &[String]) -> Vec<&str> {
    path.iter().skip(1).map(String::as_str).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_container_s_are_read() {
        let xml = "<domain type='lxc' id='7'><name>x</name><memory unit='KiB'>1048576</memory>\
            <currentMemory unit='KiB'>1048576</currentMemory><memtune><hard_limit unit='KiB'>262144</hard_limit>\
            </memtune><vcpu placement='static'>2</vcpu><cputune><period>100000</period><quota>150000</quota>\
            </cputune><devices><console><target port='0'/></console></devices></domain>";
        let found = Found::read(xml);
        assert_eq!((found.memory, found.bound, found.cpus), (1 << 30, Some(256 << 20), 2));
        assert_eq!((found.processors(), found.balloon, found.rate), (Some(2), false, None));
    }

    #[test]
    fn a_machine_s_are_read() {
        let xml = "<domain type='qemu'><memory unit='KiB'>524288</memory><currentMemory unit='KiB'>262144\
            </currentMemory><vcpu placement='static'>2</vcpu><cputune><global_period>100000</global_period>\
            <global_quota>100000</global_quota></cputune><devices><disk><iotune><total_bytes_sec>1048576\
            </total_bytes_sec></iotune><target dev='vdz' bus='virtio'/></disk><filesystem><target dir='a'/>\
            </filesystem><memballoon model='virtio'><alias name='b'/></memballoon></devices></domain>";
        let found = Found::read(xml);
        assert_eq!((found.memory, found.current, found.cpus), (512 << 20, Some(256 << 20), 2));
        assert_eq!((found.processors(), found.balloon, found.rate), (Some(1), true, Some(1 << 20)));
        assert_eq!(found.disks, ["vdz"]);
    }

    #[test]
    fn nothing_is_read_from_nothing() {
        assert_eq!(Found::read("<<"), Found::default());
        assert_eq!(
            Found::read("<domain><cputune><period>0</period><quota>5</quota></cputune></domain>")
                .processors(),
            None
        );
    }
}
