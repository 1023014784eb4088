// SPDX-License-Identifier: LGPL-2.1-or-later
//! Each finding with its weight, its command and a word of its sentence, for
//! computers written by hand.

use super::{examine, Severity, Subject};
use crate::host::{ConnectionState, Host, KvmDevice};
use crate::kernel::KernelProblem;
use crate::plan::AcceleratorReason;
use crate::xml::tests::host;
use Severity::{GoodToKnow, NeedsAttention, Works};

/// What is done to a computer on which all works, what is looked for, and
/// what is to be found: weight, command, words of the sentence.
type Case = (fn(&mut Host), fn(&Subject) -> bool, Severity, Option<&'static str>, [&'static str; 2]);

fn is_kernel(subject: &Subject) -> bool {
    matches!(subject, Subject::Kernel(kernel) if !kernel.is_usable())
}

fn is_kvm(subject: &Subject) -> bool {
    matches!(subject, Subject::Kvm(_))
}

fn is_network(subject: &Subject) -> bool {
    matches!(subject, Subject::Networks { .. })
}

fn is_group(subject: &Subject) -> bool {
    matches!(subject, Subject::Group(_))
}

fn is_containers(subject: &Subject) -> bool {
    matches!(subject, Subject::Connection { uri: crate::uri::Uri::LxcSystem, .. })
}

fn lacks(host: &mut Host) {
    host.kernels[0].problem = Some(KernelProblem::Lacks(vec!["9p".into(), "9pnet_virtio".into()]));
}

fn another(host: &mut Host, problem: KernelProblem) {
    let mut kernel = host.kernels[0].clone();
    (kernel.version, kernel.problem) = ("5.0-odd".into(), Some(problem));
    host.kernels.push(kernel);
}

#[rustfmt::skip]
const CASES: &[Case] = &[
    (lacks, is_kernel, NeedsAttention, Some("apt-get install linux-image-amd64"), ["9p, 9pnet_virtio", "6.1.0-9-amd64"]),
    (|host| another(host, KernelProblem::Lacks(vec!["9p".into()])), is_kernel, GoodToKnow, None, ["lacks", "5.0-odd"]),
    (|host| another(host, KernelProblem::ModulesUnreadable), is_kernel, GoodToKnow, None, ["modules are missing", "5.0-odd"]),
    (|host| host.kernels[0].problem = Some(KernelProblem::ModulesUnreadable), is_kernel, NeedsAttention,
        Some("apt-get install linux-image-amd64"), ["cannot be read", "6.1.0-9-amd64"]),
    (|_| {}, is_network, Works, None, ["Everything", "network"]),
    (|host| host.network.ipv6 = false, is_network, Works, None, ["They have no IPv6", "ipv6.disable=1"]),
    (|host| host.network.nft = false, is_network, GoodToKnow, Some("apt-get install nftables"), ["enforced by a filter", "without IPv6"]),
    (|host| (host.network.nft, host.network.ebtables) = (false, false), is_network, GoodToKnow, Some("apt-get install nftables"), ["cannot have a network", "nftables"]),
    (|host| host.network.lacks = vec!["nft_ct".into()], is_network, GoodToKnow, None, ["enforced by a filter", "nft_ct"]),
    (|host| (host.network.lacks, host.network.ebtables) = (vec!["nft_ct".into(), "nft_log".into()], false), is_network, GoodToKnow,
        None, ["cannot have a network", "nft_ct, nft_log"]),
    (|host| (host.network.lacks, host.network.nft) = (vec!["nft_ct".into()], false), is_network, GoodToKnow, None, ["With a kernel", "nft_ct"]),
    (|_| {}, is_kvm, GoodToKnow, None, ["emulated", "/dev/kvm"]),
    (|host| host.kvm.device = KvmDevice::Writable, is_kvm, GoodToKnow, None, ["neither vmx nor svm", "firmware"]),
    (|host| (host.kvm.device, host.kvm.processor) = (KvmDevice::NotWritable, true), is_kvm, GoodToKnow,
        Some("sudo usermod -aG kvm ada"), ["emulated", "may not use KVM"]),
    (|host| (host.kvm.device, host.kvm.processor) = (KvmDevice::Writable, true), is_kvm, Works, None, ["KVM works", "full speed"]),
    (|host| host.connections[0].state = ConnectionState::NotRunning, is_containers, NeedsAttention,
        Some("systemctl enable --now libvirtd.socket"), ["lxc:///system", "does not run"]),
    (|host| host.connections[0].state = ConnectionState::NotAllowed, is_containers, GoodToKnow,
        Some("sudo usermod -aG libvirt ada"), ["members of the group", "equals being root"]),
    (|host| host.connections[0].state = ConnectionState::Failed("no such thing".into()), is_containers, NeedsAttention,
        None, ["cannot be used", "no such thing"]),
    (|_| {}, is_containers, Works, None, ["Containers", "work here"]),
    (|_| {}, is_group, GoodToKnow, None, ["You are in the group libvirt", "equals being root"]),
    (|host| host.in_group_libvirt = false, is_group, GoodToKnow,
        Some("sudo usermod -aG libvirt ada"), ["not in the group libvirt", "need no group"]),
];

#[test]
fn each_finding_has_its_weight_its_command_and_its_words() {
    for (number, (change, is_it, severity, fix, words)) in CASES.iter().enumerate() {
        let mut host = host();
        change(&mut host);
        let found = examine(&host).into_iter().find(|one| is_it(&one.subject));
        let found = found.unwrap_or_else(|| panic!("case {number}: nothing is found"));
        let text = crate::message::finding(&found);
        assert_eq!((found.severity, found.fix.as_deref()), (*severity, *fix), "case {number}: {text}");
        assert!(words.iter().all(|word| text.contains(word)), "case {number}: {text}");
    }
}

#[test]
fn the_group_is_spoken_of_once() {
    let mut host = host();
    host.in_group_libvirt = false;
    host.connections[0].state = ConnectionState::NotAllowed;
    host.connections[2].state = ConnectionState::NotAllowed;
    let lines = crate::message::doctor(&examine(&host));
    let told: Vec<&String> =
        lines.iter().filter(|line| line.contains("libvirt") && line.contains("group")).collect();
    assert_eq!(told.len(), 1, "{lines:#?}");
    assert!(told[0].contains("logged in again"), "{told:?}");
    let command = "    To fix it: sudo usermod -aG libvirt ada";
    assert_eq!(lines.iter().filter(|line| line.contains("usermod")).collect::<Vec<_>>(), [command]);
    assert!(!lines.iter().any(|line| line.contains("windows in containers")), "there are none: {lines:#?}");
}

#[test]
fn root_is_told_of_no_group_and_a_dead_kernel_leaves_none() {
    let mut host = host();
    host.caller = 0;
    lacks(&mut host);
    let all = examine(&host);
    assert!(!all.iter().any(|one| is_group(&one.subject)));
    assert!(all.iter().any(|one| one.subject == Subject::NoKernel && one.severity == NeedsAttention));
    let no_device = Subject::Kvm(AcceleratorReason::NoDevice);
    assert!(all.iter().any(|one| one.subject == no_device));
}

#[test]
fn a_computer_can_be_written_down_and_read_back() {
    let mut all = host();
    another(&mut all, KernelProblem::Lacks(vec!["9p".into()]));
    another(&mut all, KernelProblem::ImageUnreadable);
    all.connections[0].state = ConnectionState::Failed("why".into());
    all.connections[1].confinement = Some(vec!["apparmor".into()]);
    all.connections[2].uri = crate::uri::Uri::from("lxc+unix:///system");
    let text = serde_json::to_string(&all).unwrap();
    assert_eq!(serde_json::from_str::<Host>(&text).unwrap(), all);
    let more = text.replacen('{', "{\"nonsense\":1,", 1);
    assert!(serde_json::from_str::<Host>(&more).is_err());
}
