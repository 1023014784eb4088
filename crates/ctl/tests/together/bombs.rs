// SPDX-License-Identifier: LGPL-2.1-or-later
//! Programs that take all they can get, as the caller and as root inside. They
//! get a bounded part, and what runs beside them goes on.

use crate::common::*;

/// The options and what they stand for.
const WAYS: [&[&str]; 2] = [&[], &["-p"]];

/// Of those, what is tried every day: a machine boots for each, and root inside
/// can do more.
fn ways(glass: Glass) -> &'static [&'static [&'static str]] {
    &WAYS[if glass == Glass::Machine { scaled(1, 0) } else { 0 }..]
}

/// Forks until it is refused, and tells how often and why.
const FORKS: &str =
    "perl -e 'my ($n, $why) = (0, q(never)); $SIG{TERM} = q(IGNORE); while ($n < 7000) { my $p = fork; \
    if (!defined $p) { $why = $!+0; last } if (!$p) { sleep 600; exit } $n++ } \
    print qq($n $why\\n); kill TERM => -$$; $SIG{TERM} = q(DEFAULT); exit 0'";

/// So much that the limit is reached before memory is; an emulated machine
/// forks slowly, and its kernel lowers the caller's limit with its memory.
fn memory_for_forks(glass: Glass, options: &[&str]) -> &'static str {
    match glass {
        Glass::Machine if options == ["-p"] => "1280MiB",
        _ => "2GiB",
    }
}

for_both! {
    machine at full scale:
    fn a_fork_bomb_is_bounded_and_ends_inside(glass: Glass) {
        for options in ways(glass) {
            let options = [options, &["--memory", memory_for_forks(glass, options)][..]].concat();
            let output = run(glass, &options, &["sh", "-c", FORKS]).output().unwrap();
            let text = out(&output);
            let numbers: Vec<u32> = text.split_whitespace().map(|word| word.parse().unwrap_or(0)).collect();
            // EAGAIN.
            assert!(numbers.len() == 2 && numbers[1] == 11, "{options:?}: {text}{}", err(&output));
            // 4096, and in a machine 512 more for root, or as its memory has it.
            assert!((1000..4700).contains(&numbers[0]), "{options:?}: {text}");
        }
        assert_eq!(out(&sh(glass, "echo next")), "next\n");
    }
}

for_both! {
    fn a_memory_bomb_ends_inside(glass: Glass) {
        for options in ways(glass) {
            let options = [options, &["--memory", "256MiB"][..]].concat();
            let bomb = "my @a; push @a, 'x' x 1048576 for 1..4000; print 'SURVIVED'";
            let output = run(glass, &options, &["perl", "-e", bomb]).output().unwrap();
            assert!(output.stdout.is_empty(), "{options:?}: {}", out(&output));
            assert_eq!(output.status.code(), Some(137), "{options:?}: {}", err(&output));
            // Terrarium says what it was.
            assert!(err(&output).contains("memory"), "{options:?}: {}", err(&output));
        }
    }
}

for_both! {
    fn full_file_systems_say_so_and_nothing_dies(glass: Glass) {
        let script = "for d in /tmp /var/tmp /run/user/* /dev/shm \"$HOME\"; do [ -w $d ] || continue; \
                dd if=/dev/zero of=$d/full bs=1M 2>&1 | grep -o 'No space left on device'; rm -f $d/full; done; \
            ulimit -n; ulimit -Hn; ulimit -c; awk '/^Max processes/ { print $3 }' /proc/self/limits; \
            perl -e 'my @f; while (1) { open(my $f, q(<), q(/dev/null)) or last; push @f, $f } print $!+0, q( ), scalar @f, qq(\\n)'";
        for options in ways(glass) {
            let output = run(glass, &[options, &["--memory", "512MiB", "--writable", "64MiB"][..]].concat(), &["sh", "-c", script]).output().unwrap();
            let text = out(&output);
            assert_eq!(output.status.code(), Some(0), "{text}{}", err(&output));
            let (full, rest): (Vec<&str>, Vec<&str>) = text.lines().partition(|line| line.starts_with("No space"));
            assert!(full.len() >= 4, "{text}");
            // EMFILE at the soft limit.
            assert_eq!(rest[0], "1024");
            assert!(rest[1].parse::<u32>().unwrap() <= 1 << 20 && rest[2] == "0", "{text}");
            // A kernel with little memory has less.
            assert!((1000..=4096).contains(&rest[3].parse::<u32>().unwrap()), "{text}");
            assert!(rest[4].starts_with("24 10"), "{text}");
        }
    }
}

/// Root inside may be any of its users; each forks, and all are counted.
const MANY_USERS: &str = "perl -e 'pipe R, W; $SIG{TERM} = q(IGNORE); for my $u (1..4) { next if fork; close R; \
    $) = qq($u $u); ($(, $<) = ($u, $u); $> = $u; my $n = 0; while ($n < 2000) { my $p = fork; last if !defined $p; \
    if (!$p) { close W; sleep 600; exit } $n++ } syswrite W, qq($> $n\\n); sleep 600; exit } \
    close W; my $n = 0; for (1..4) { $_ = <R>; /^[1-4] (\\d+)/ or die; $n += $1 } print qq($n\\n)'";

#[test]
fn a_fork_bomb_of_many_users_is_bounded_as_one() {
    let options = ["-p", "--memory", "2GiB"];
    let output = run(Glass::Container, &options, &["sh", "-c", MANY_USERS]).output().unwrap();
    let count: u32 = out(&output).trim().parse().unwrap_or_else(|_| panic!("{}", err(&output)));
    assert!((1000..4700).contains(&count), "{count}");
}
