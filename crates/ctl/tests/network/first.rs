// SPDX-License-Identifier: LGPL-2.1-or-later
//! How long an interface takes from when it is up: nothing on Terrarium's own
//! network holds the first packet back.

use super::*;

/// Takes eth0 down and up, and asks the gateway for a name every 10 ms until it
/// answers. Prints the best of some rounds in ms: others use this computer, too.
const ROUNDS: &str = r#"use Socket; use Time::HiRes qw(time sleep); my $best = 1e9;
    socket(my $control, AF_INET, SOCK_DGRAM, 0) || die $!;
    my $flags = sub { ioctl($control, 0x8914, pack("a16 S x22", "eth0", $_[0])) || die $! };
    my $gateway = pack_sockaddr_in(53, inet_aton($ARGV[0]));
    for (1 .. 5) {
        socket(my $socket, AF_INET, SOCK_DGRAM, 0) || die $!;
        $flags->(0x1002);
        connect($socket, $gateway) && die "it is not down";
        my $begun = time;
        $flags->(0x1043);
        connect($socket, $gateway) || die $!;
        while (time < $begun + 6) {
            send($socket, "\0\7\1\0\0\1\0\0\0\0\0\0\7version\4bind\0\0\20\0\3", 0);
            my $bits = ""; vec($bits, fileno($socket), 1) = 1;
            last if select($bits, undef, undef, 0.01) && defined recv($socket, my $text, 512, 0);
        }
        my $took = (time - $begun) * 1000; $best = $took if $took < $best;
        sleep 0.2;
    }
    printf "%.2f\n", $best"#;

#[test]
fn the_first_packet_of_a_container_passes_and_names_are_resolved_at_once() {
    let _turn = guarded();
    // An address that is there before anybody would have to ask for it.
    let nap = roots::nap();
    let sandbox = lasting(Glass::Container, &["-N", "dhcp"], &nap);
    passes_at_once(&sandbox, Some(&nap));
}

/// `nap`: what only this container runs. A machine's root does it inside.
pub fn passes_at_once(sandbox: &Stop, nap: Option<&str>) {
    let own = usage(sandbox)["addresses"][0].as_str().unwrap().to_owned();
    let gateway = format!("{}.1", own.rsplit_once('.').unwrap().0);
    let words = ["-e".to_owned(), ROUNDS.to_owned(), gateway];
    let text = match nap {
        None => out(&USER.ctl().args(["exec", &sandbox.name, "--", "perl"]).args(words).output().unwrap()),
        Some(nap) => roots::in_its_network(nap, std::path::Path::new("perl"), &words),
    };
    let best: f64 = text.trim().parse().unwrap_or_else(|_| panic!("{text}"));
    println!("{best} ms from the interface is up until a name is resolved");
    // One packet there and one back, after neighbours were asked for.
    assert!(best < 100.0, "{best} ms");
}
