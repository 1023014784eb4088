// SPDX-License-Identifier: LGPL-2.1-or-later
//! Whether sandboxes can show windows here.

use super::{good_to_know, Finding, Severity, Subject};
use crate::host::{ConnectionState, Host, Piece};
use crate::kernel::Kernel;
use crate::plan::{kernel_lacks, needed_for_screen};
use crate::profile::Isolation;

/// What a screen is better with.
const BETTER: [Piece; 4] = [Piece::Agent, Piece::Manager, Piece::Bus, Piece::Sound];

/// Containers, machines, and what both are better with.
pub(super) fn examine(host: &Host) -> Vec<Finding> {
    let kinds = [Isolation::Container, Isolation::Machine];
    let mut all: Vec<Finding> = kinds.into_iter().filter_map(|isolation| of(host, isolation)).collect();
    all.extend(kernel(host));
    all.extend(BETTER.into_iter().filter(|piece| !host.display.has(*piece)).map(|piece| {
        let package = piece.package(host.family);
        let subject = Subject::WindowsBetterWith { piece, package };
        Finding { fix: host.family.install(&[package]), ..good_to_know(subject) }
    }));
    all
}

/// What is missing matters where such sandboxes run at all; that all is there
/// says nothing where they do not.
fn of(host: &Host, isolation: Isolation) -> Option<Finding> {
    let needed = needed_for_screen(isolation).iter().copied();
    let missing: Vec<Piece> = needed.filter(|piece| !host.display.has(*piece)).collect();
    let mut packages: Vec<&'static str> = missing.iter().map(|piece| piece.package(host.family)).collect();
    packages.dedup();
    let runs = host
        .connections
        .iter()
        .filter(|one| one.uri.is_lxc() == (isolation == Isolation::Container))
        .any(|one| ConnectionState::usable(&one.state));
    let severity = match (missing.is_empty(), runs) {
        (true, true) => Severity::Works,
        (true, false) => return None,
        (false, true) => Severity::NeedsAttention,
        (false, false) => Severity::GoodToKnow,
    };
    let fix = if packages.is_empty() { None } else { host.family.install(&packages) };
    Some(Finding { severity, subject: Subject::Windows { isolation, missing, packages }, fix })
}

/// If no kernel that can be booted has drivers for a screen: what the best of
/// them lacks.
fn kernel(host: &Host) -> Vec<Finding> {
    let usable: Vec<&Kernel> = host.kernels.iter().filter(|kernel| kernel.is_usable()).collect();
    let lacks: Vec<_> = usable.iter().map(|kernel| kernel_lacks(kernel)).collect();
    if lacks.iter().any(Vec::is_empty) {
        return Vec::new();
    }
    let best = usable.first().zip(lacks.into_iter().next());
    best.map_or_else(Vec::new, |(kernel, parts)| {
        let one = |part| {
            let subject = Subject::KernelWithoutWindows { version: kernel.version.clone(), part };
            Finding { severity: Severity::NeedsAttention, subject, fix: None }
        };
        parts.into_iter().map(one).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::{Displays, Family};
    use crate::kernel::Feature;
    use crate::plan::KernelPart;
    use crate::xml::tests::host;

    fn told(host: &Host) -> Vec<(Severity, String, Option<String>)> {
        let words = |finding: Finding| (finding.severity, crate::message::finding(&finding), finding.fix);
        examine(host).into_iter().map(words).collect()
    }

    #[test]
    fn all_is_well_where_all_is_there() {
        let found = told(&host());
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found.iter().all(|(severity, _, fix)| *severity == Severity::Works && fix.is_none()));
    }

    #[test]
    fn what_is_missing_is_named_once_with_its_packages() {
        let mut host = host();
        host.display = Displays::default();
        let found = told(&host);
        let (severity, text, fix) = &found[0];
        assert_eq!(*severity, Severity::NeedsAttention);
        assert!(text.contains("xserver-xspice"), "{text}");
        assert_eq!(
            fix.as_deref(),
            Some("apt-get install xserver-xorg-core xserver-xspice x11-xkb-utils"),
            "{text}"
        );
        let machine = "apt-get install xserver-xorg-core xserver-xorg-input-evdev x11-xkb-utils";
        assert_eq!(found[1].2.as_deref(), Some(machine));
        let better: Vec<_> = found[2..].iter().map(|one| (one.0, one.2.as_deref().unwrap())).collect();
        let expected =
            ["spice-vdagent", "openbox", "dbus", "pulseaudio"].map(|name| format!("apt-get install {name}"));
        assert_eq!(better.iter().map(|one| one.1).collect::<Vec<_>>(), expected);
        assert!(better.iter().all(|one| one.0 == Severity::GoodToKnow));
        host.family = Family::Other;
        host.connections.clear();
        let found = told(&host);
        assert!(found[0].0 == Severity::GoodToKnow && found[0].2.is_none() && found[0].1.contains("xspice"));
    }

    #[test]
    fn a_kernel_matters_if_no_other_shows() {
        let mut host = host();
        let mut blind = host.kernels[0].clone();
        (blind.version, blind.features) = ("6.9-cloud".into(), vec![Feature::Input]);
        host.kernels.insert(0, blind);
        assert_eq!(told(&host).len(), 2);
        host.kernels.pop();
        let found = told(&host);
        assert_eq!(found.len(), 3);
        assert!(found[2].1.contains("6.9-cloud") && found[2].0 == Severity::NeedsAttention);
        let part = KernelPart::Screen;
        let subject = Subject::KernelWithoutWindows { version: "6.9-cloud".into(), part };
        assert_eq!(examine(&host)[2].subject, subject);
        host.kernels.clear();
        assert_eq!(told(&host).len(), 2, "that there is none is said elsewhere");
    }
}
