// SPDX-License-Identifier: LGPL-2.1-or-later
//! Networks that cannot be: refused, and named as they were typed.

use super::*;

#[test]
fn what_cannot_be_is_refused_with_its_key() {
    let _turn = guarded();
    let down = Down::new();
    for (option, key) in [
        ("address=10.0.0.1/33,source=default", "address"),
        ("address=10.0.0.256/24,source=default", "address"),
        ("route=10.0.0.1/8%10.0.0.2", "route"),
        ("mac=01:00:5e:00:00:01", "mac"),
        ("colour=red", "colour"),
        ("source=terrarium-has-none", "-N source=terrarium-has-none"),
        (down.option.as_str(), down.typed.as_str()),
        ("source=default,filter=terrarium-has-none", "-N source=default,filter=terrarium-has-none"),
        (
            "source=default,address=10.0.0.2/24,route=10.1.0.0/16%10.0.0.1,route=10.1.2.0/24%10.0.0.1",
            "-N source=default,address=10.0.0.2/24,route=10.1.0.0/16%10.0.0.1,route=10.1.2.0/24%10.0.0.1",
        ),
        ("user", "-N user"),
    ] {
        let output = networked(Glass::Container, &["-N", option], "true");
        let said = err(&output);
        assert_eq!(output.status.code(), Some(125), "{option}: {said}");
        assert!(said.contains(&format!("{key}: ")) || said.contains(&format!("“{key}”")), "{option}: {said}");
    }
    let output = networked(Glass::Container, &["-N", &down.option], "true");
    let fix = format!("virsh net-start {}", down.name);
    assert!(err(&output).contains(&fix), "{}", err(&output));
    let output = networked(Glass::Container, &["-N", "internet", "--block", "example.org:70000"], "true");
    assert!(err(&output).contains("--block example.org:70000: "), "{}", err(&output));
    let plain = run_as(User::Plain, Glass::Machine, &["-N", "internet"], &["true"]).output().unwrap();
    assert_eq!(plain.status.code(), Some(125));
    assert!(err(&plain).contains("-N internet: ") && err(&plain).contains("libvirt"), "{}", err(&plain));
    let session = ["-c", "qemu:///session", "-N", "internet"];
    let session = run_as(USER, Glass::Machine, &session, &["true"]).output().unwrap();
    assert_eq!(session.status.code(), Some(125));
    for word in ["-N internet: ", "use qemu:///system", "-N user"] {
        assert!(err(&session).contains(word), "{word}: {}", err(&session));
    }
}

/// A network of libvirt's that is not up.
struct Down {
    name: String,
    option: String,
    /// As it is named when it is refused.
    typed: String,
}

impl Down {
    fn new() -> Self {
        // Of those of `Named` none is called so.
        let name = fresh_name("terrarium-test-down");
        let mut file = tempfile::NamedTempFile::new().unwrap();
        let xml = format!("<network><name>{name}</name></network>");
        std::io::Write::write_all(&mut file, xml.as_bytes()).unwrap();
        let mut define = std::process::Command::new("virsh");
        let defined = define.args(["-qc", "lxc:///system", "net-define"]).arg(file.path()).output().unwrap();
        assert!(defined.status.success(), "{}", err(&defined));
        Self { option: format!("source={name}"), typed: format!("-N source={name}"), name }
    }
}

impl Drop for Down {
    fn drop(&mut self) {
        let words = ["-qc", "lxc:///system", "net-undefine", &self.name];
        let _ = std::process::Command::new("virsh").args(words).output();
    }
}

/// Ends of the user's sandboxes' interfaces, and their filters of libvirt's.
fn made_here() -> Vec<String> {
    let virsh = |word: &str| {
        out(&std::process::Command::new("virsh").args(["-qc", "lxc:///system", word]).output().unwrap())
    };
    let ours = format!("terrarium-{}-", USER.uid());
    let filters = virsh("nwfilter-list");
    let filters = filters.split_whitespace().filter(|word| word.starts_with(&ours));
    let mut all = interfaces();
    all.extend(filters.map(str::to_owned));
    all
}

/// libvirt cannot make the second interface when the first one is there: its
/// filter wants a parameter.
#[test]
fn a_start_that_fails_leaves_nothing() {
    let _turn = alone();
    let network = Named::new();
    let option = format!("dhcp,source={},filter=allow-dhcp-server", network.name);
    for glass in [Glass::Container, Glass::Machine] {
        let name = fresh_name(STEM);
        let words = ["-n", &name, "-N", "dhcp", "-N", &option];
        let run = run_as(USER, glass, &words, &["true"]);
        let output = Enforcer::Filter.seen_by(run).output().unwrap();
        assert_eq!(output.status.code(), Some(125), "{glass:?}: {}", err(&output));
        assert!(err(&output).contains("DHCPSERVER"), "{glass:?}: {}", err(&output));
        wait_for("its filter and its interfaces to go", Duration::from_secs(10), || made_here().is_empty());
        let bridged = ["-o", "link", "show", "master", &network.bridge];
        let bridged = std::process::Command::new("ip").args(bridged).output().unwrap();
        assert_eq!(out(&bridged), "", "{glass:?}");
        let leases = ["-qc", "lxc:///system", "net-dhcp-leases", &network.name];
        let leases = std::process::Command::new("virsh").args(leases).output().unwrap();
        assert!(leases.status.success() && out(&leases).trim().is_empty(), "{glass:?}: {}", out(&leases));
        assert!(listed(USER, &name).is_none(), "{glass:?}");
    }
}
