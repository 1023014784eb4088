// SPDX-License-Identifier: LGPL-2.1-or-later
//! The host's doors, shut by default: network, descriptors, environment,
//! processes, and what private file systems allow.

use crate::common::standing::look;
use crate::common::*;
use std::net::TcpListener;

for_both! {
    fn there_is_no_network_but_loopback(glass: Glass) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let script = format!(
            "ls /sys/class/net; perl -MIO::Socket::INET -e \
             'print \"connected\\n\" if IO::Socket::INET->new(PeerAddr => \"127.0.0.1:{port}\", Timeout => 1)'; \
             cat /proc/net/route | tail -n +2; perl -MIO::Socket::INET -e \
             'my $s = IO::Socket::INET->new(LocalAddr => \"127.0.0.1\", Listen => 1); \
              print \"own\\n\" if IO::Socket::INET->new(PeerAddr => \"127.0.0.1:\" . $s->sockport)'"
        );
        let output = look(glass, false, &script);
        assert_eq!(out(&output), "lo\nown\n", "{}", err(&output));
    }
}

for_both! {
    fn descriptors_and_environment_are_few(glass: Glass) {
        let mut ctl = run(glass, &[], &["sh", "-c", "ls /proc/self/fd | wc -l; env | cut -d= -f1 | sort | tr '\\n' ' '"]);
        ctl.env("SECRET_TOKEN", "x").env("SSH_AUTH_SOCK", "/tmp/agent").env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/x");
        let output = ctl.output().unwrap();
        // Three streams, and the folder that ls reads.
        let expected = "4\nHOME LANG LOGNAME PATH PWD SHELL USER XDG_RUNTIME_DIR ";
        assert_eq!(out(&output), expected, "{}", err(&output));
    }
}

for_both! {
    fn no_process_of_the_host_is_seen(glass: Glass) {
        let script = "for pid in $(ls /proc | grep '^[0-9]'); do tr '\\0' ' ' </proc/$pid/cmdline 2>/dev/null; echo; done";
        let output = look(glass, false, script);
        let text = out(&output);
        for host in ["libvirtd", "virtlogd", "cargo", "Xvfb", "dbus-daemon --system"] {
            assert!(!text.contains(host), "{host}: {text}");
        }
    }
}

for_both! {
    fn nothing_in_private_places_gains_privileges(glass: Glass) {
        let script = "for place in /tmp /var/tmp /dev/shm \"$HOME\" \"$XDG_RUNTIME_DIR\"; do \
            grep \" $place \" /proc/self/mountinfo | grep -v nosuid; grep \" $place \" /proc/self/mountinfo | grep -v nodev; \
            cp /usr/bin/id $place/id && chmod 4755 $place/id && $place/id -u; mknod $place/disk b 8 0 2>/dev/null && echo made; \
            done";
        let output = sh(glass, script);
        let own = format!("{}\n", glass.user().uid());
        assert_eq!(out(&output), own.repeat(5), "{}", err(&output));
    }
}
