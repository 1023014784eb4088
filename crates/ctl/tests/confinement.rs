// SPDX-License-Identifier: LGPL-2.1-or-later
//! Attempts to get out. Each must fail, as the caller and as root inside.

#[macro_use]
mod common;

use common::*;
use std::fs;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::Output;

/// Runs a script as the caller and with `-p`.
fn both_ways(glass: Glass, script: &str) -> [Output; 2] {
    let run = |options: &[&str]| run(glass, options, &["sh", "-c", script]).output().unwrap();
    [run(&[]), run(&["-p"])]
}

/// Fails unless every line that the script prints is one of the expected.
fn prints(glass: Glass, script: &str, expected: &str) {
    for (output, who) in both_ways(glass, script).iter().zip(["the caller", "root inside"]) {
        assert_eq!(out(output).trim(), expected, "{glass:?} as {who}: {}", err(output));
    }
}

/// A socket and a FIFO on the host, in a folder that sandboxes see.
struct Bait {
    folder: PathBuf,
    _listener: UnixListener,
}

impl Bait {
    fn new(top: &str) -> Self {
        let folder = Path::new(top).join(fresh_name("terrarium-bait"));
        fs::create_dir(&folder).unwrap();
        let listener = UnixListener::bind(folder.join("socket")).unwrap();
        for (name, mode) in [("socket", 0o777), (".", 0o755)] {
            fs::set_permissions(folder.join(name), std::os::unix::fs::PermissionsExt::from_mode(mode))
                .unwrap();
        }
        let fifo = folder.join("fifo");
        assert!(std::process::Command::new("mkfifo")
            .args(["-m", "666"])
            .arg(&fifo)
            .status()
            .unwrap()
            .success());
        Self { folder, _listener: listener }
    }
}

impl Drop for Bait {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

for_both! {
    fn no_socket_or_fifo_of_the_host_is_reachable(glass: Glass) {
        let baits: Vec<Bait> = ["/usr", "/etc", "/opt", "/var/lib", "/var/cache"].map(Bait::new).into();
        let folders: Vec<String> = baits.iter().map(|bait| bait.folder.display().to_string()).collect();
        // Every path and abstract name that the host knows.
        let host: Vec<String> = fs::read_to_string("/proc/net/unix").unwrap().lines().skip(1)
            .filter_map(|line| line.split_whitespace().nth(7).map(str::to_owned)).collect();
        let tried = host.into_iter().chain(folders.iter().map(|f| format!("{f}/socket"))).collect::<Vec<_>>().join("\n");
        let script = format!(
            "cat <<'END' | perl -MSocket -ne 'chomp; my $p=$_; my $n=$p; $n =~ s/^@/\\0/; \
               for my $t (SOCK_STREAM, SOCK_DGRAM, 5) {{ socket(S, AF_UNIX, $t, 0) or die; \
               print \"CONNECTED $p\\n\" if connect(S, pack_sockaddr_un($n)); close S }}'\n{tried}\nEND\n\
             perl -e 'use Fcntl; for (@ARGV) {{ print \"NOT SHOWN $_\\n\" unless -p \"$_/fifo\"; \
               print \"FIFO $_\\n\" if sysopen(F, \"$_/fifo\", O_WRONLY|O_NONBLOCK) }}' {}; echo tried",
            folders.join(" ")
        );
        // A reader on the host: opening a FIFO for writing succeeds only if it
        // is the host's.
        let readers: Vec<_> = folders.iter().map(|f| fs::OpenOptions::new().read(true).write(true)
            .open(format!("{f}/fifo")).unwrap()).collect();
        prints(glass, &script, "tried");
        drop(readers);
    }
}

for_both! {
    fn the_root_is_read_only_and_cannot_be_made_otherwise(glass: Glass) {
        let script = "for d in / /usr /etc /opt /var/lib /var/cache; do \
              mount -o remount,rw $d 2>/dev/null && echo REMOUNTED $d; \
              touch $d/terrarium-was-here 2>/dev/null && echo WROTE $d; done; \
            for d in /tmp /var/tmp /run/user/* /dev/shm \"$HOME\"; do touch $d/x 2>/dev/null || echo CANNOT WRITE $d; done; \
            echo tried";
        prints(glass, script, "tried");
        for folder in ["/usr", "/etc", "/opt", "/var/lib", "/var/cache", "/"] {
            assert!(!Path::new(folder).join("terrarium-was-here").exists(), "{folder}");
        }
    }
}

for_both! {
    fn what_is_private_is_not_there(glass: Glass) {
        let user = glass.user();
        let secret = user.home().join("secret-of-the-test");
        fs::write(&secret, "x").unwrap();
        let script = format!(
            "for p in /root /media /mnt /srv /boot /lost+found '{}' /run/dbus /run/libvirt /run/systemd; do \
               [ -e \"$p\" ] && [ -n \"$(ls -A $p 2>&1)\" ] && echo SEEN $p; done; \
             for p in /etc/shadow /etc/gshadow /etc/sudoers; do cat $p >/dev/null 2>&1 && echo READ $p; done; \
             find \"$HOME\" ! -type d ! -path '*/user-dirs.dirs'; ls -A /tmp; echo tried",
            secret.display()
        );
        let answer = both_ways(glass, &script);
        fs::remove_file(secret).unwrap();
        for (output, who) in answer.iter().zip(["the caller", "root inside"]) {
            assert_eq!(out(output).trim(), "tried", "as {who}: {}", err(output));
        }
    }
}

for_both! {
    fn the_command_has_no_power(glass: Glass) {
        let script = "grep -E '^(CapInh|CapPrm|CapEff|CapBnd|CapAmb|NoNewPrivs|Seccomp|Groups):' /proc/self/status | tr -s '\\t ' ' '";
        let text = out(&sh(glass, script));
        for line in ["CapInh: 0000000000000000", "CapPrm: 0000000000000000", "CapEff: 0000000000000000",
                     "CapBnd: 0000000000000000", "CapAmb: 0000000000000000", "NoNewPrivs: 1", "Seccomp: 2"] {
            assert!(text.contains(line), "{line} is missing in\n{text}");
        }
        assert!(text.lines().any(|line| line.trim() == "Groups:"), "{text}");
        let root = run(glass, &["-p"], &["sh", "-c", "id -u; grep -E '^(NoNewPrivs|Seccomp):' /proc/self/status | tr -s '\\t' ' '"]).output().unwrap();
        assert_eq!(out(&root).trim(), "0\nNoNewPrivs: 1\nSeccomp: 2", "{}", err(&root));
    }
}

for_both! {
    fn proc_and_sys_are_masked(glass: Glass) {
        // In a machine root inside is init's equal; what it gains is the guest.
        let who = if glass == Glass::Machine { "[ $(id -u) != 0 ] &&" } else { "" };
        let script = "for f in /proc/kcore /proc/keys /proc/timer_list /proc/sched_debug /sys/firmware/* ; do \
              [ -n \"$(head -c 1 $f 2>/dev/null | od -c 2>/dev/null | head -1 | cut -c9-)\" ] && echo READ $f; done; \
            for f in /proc/sys/kernel/hostname /proc/sysrq-trigger /proc/irq/default_smp_affinity /sys/kernel/mm/ksm/run; do \
              (echo x > $f) 2>/dev/null && echo WROTE $f; done; \
            find /sys/fs/cgroup -writable 2>/dev/null | head -3; \
            for f in mem environ maps fd/0; do cat /proc/1/$f >/dev/null 2>&1 && NOBODY echo LOOKED INTO INIT $f; done; \
            kill -0 1 2>/dev/null && NOBODY echo CAN SIGNAL INIT; echo tried".replace("NOBODY", who);
        prints(glass, &script, "tried");
    }
}

#[test]
fn a_machine_exports_nothing_of_the_host_beside_the_shown_folders() {
    // Root of the guest looks at every 9p tag again, without the masks.
    let script = "ls /sys/bus/virtio/drivers/9pnet_virtio/*/mount_tag 2>/dev/null | while read f; do tr -d '\\0' < $f; echo; done";
    let output = run(Glass::Machine, &["-p"], &["sh", "-c", script]).output().unwrap();
    let xml = User::Plain
        .ctl()
        .args(["run", "--machine", "--detach", "-n", "exports", "--", "sleep", "60"])
        .output()
        .unwrap();
    assert!(xml.status.success(), "{}", err(&xml));
    let _stop = Stop { user: User::Plain, name: "exports".into() };
    let shown = out(&User::Plain.ctl().args(["show", "--xml", "exports"]).output().unwrap());
    let sources: Vec<&str> =
        shown.split("<source dir='").skip(1).filter_map(|rest| rest.split('\'').next()).collect();
    assert!(sources.len() >= 5, "{shown}{}", out(&output));
    for source in &sources {
        let allowed =
            ["/usr", "/etc", "/opt", "/var/lib", "/var/cache", "/bin", "/sbin", "/lib", "/nix", "/gnu"];
        assert!(allowed.iter().any(|top| source.starts_with(top)), "{source}");
    }
    assert_eq!(shown.matches("<readonly/>").count(), sources.len(), "{shown}");
}

/// Two loops for three seconds on one processor get three seconds together.
#[test]
fn processors_are_limited() {
    let script = "t() { awk '{ print $14 + $15 + $16 + $17 }' /proc/$$/stat; }; \
        for i in 1 2; do timeout 3 sh -c 'while :; do :; done' & done; wait; t";
    for glass in [Glass::Container, Glass::Machine] {
        let output = run(glass, &["--cpus", "1"], &["sh", "-c", script]).output().unwrap();
        let ticks: u64 =
            out(&output).trim().parse().unwrap_or_else(|_| panic!("{glass:?}: {}", err(&output)));
        assert!((50..375).contains(&ticks), "{glass:?}: {ticks} ticks of 10 ms in 3 s");
    }
}

#[test]
fn usual_links_lead_to_private_places() {
    for glass in [Glass::Container, Glass::Machine] {
        let output = sh(glass, "readlink -f /var/run /var/lock; touch /var/lock/mine && ls /run/lock");
        assert_eq!(out(&output), "/run\n/run/lock\nmine\n", "{glass:?}: {}", err(&output));
    }
}
