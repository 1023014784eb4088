// SPDX-License-Identifier: LGPL-2.1-or-later
//! Who of this computer reaches what a sandbox serves at its own address.

use super::*;

/// Tries to begin a connection as some user, and to send a datagram that is
/// answered.
fn reaches(user: User, address: &str, port: u16) -> (bool, bool) {
    let script = |talk: &str| format!("timeout 2 bash -c '{talk}' 2>/dev/null");
    let tcp = script(&format!("read -r line < /dev/tcp/{address}/{port} && echo $line"));
    let udp = script(&format!(
        "exec 3<>/dev/udp/{address}/{port}; echo x >&3; read -r -n 1 line <&3 && echo other"
    ));
    let begin =
        |script: &str| user.command("bash").args(["-c", script]).stdout(Stdio::piped()).spawn().unwrap();
    let says = |child: std::process::Child| out(&child.wait_with_output().unwrap()).contains("other");
    let (tcp, udp) = (begin(&tcp), begin(&udp));
    (says(tcp), says(udp))
}

/// As [`OTHER`] does, and over UDP as well.
pub const BOTH: &str = r#"perl -MIO::Socket::IP -e '
    for my $any ("0.0.0.0", "::") {
        next if fork; my %at = (LocalHost => $any, LocalPort => 4001, V6Only => 1);
        if (!fork) { my $s = IO::Socket::IP->new(%at, Proto => "udp") || die $!; while (my $from = recv($s, my $text, 99, 0)) { send($s, "other\n", 0, $from) } }
        my $s = IO::Socket::IP->new(%at, Listen => 9, ReuseAddr => 1) || die $!; while (my $c = $s->accept) { print $c "other\n" } } sleep 600'"#;

#[test]
fn only_who_it_belongs_to_reaches_what_a_container_serves() {
    let _turn = guarded();
    reaches_what_it_serves(&lasting(Glass::Container, &["-N", "internet"], BOTH));
}

/// A sandbox that runs [`BOTH`].
pub fn reaches_what_it_serves(sandbox: &Stop) {
    let usage = usage(sandbox);
    for index in 0..2 {
        let address = usage["addresses"][index].as_str().unwrap();
        let owners = || reaches(USER, address, 4001) == (true, true);
        wait_for("the owner's answer", Duration::from_secs(60), owners);
        assert_eq!(reaches(User::Root, address, 4001), (true, true), "{address}");
        assert_eq!(reaches(User::Plain, address, 4001), (false, false), "{address}");
    }
}
