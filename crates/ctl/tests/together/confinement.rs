// SPDX-License-Identifier: LGPL-2.1-or-later
//! Attempts to get out. Each must fail, as the caller and as root inside.

use crate::common::share::picture;
use crate::common::standing::{look, machine};
use crate::common::traces::host_is_changed;
use crate::common::*;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

/// Runs a script as the caller and with `-p`.
fn both_ways(glass: Glass, script: &str) -> [Output; 2] {
    [look(glass, false, script), look(glass, true, script)]
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
        let listener = UnixListener::bind(folder.join("the socket")).unwrap();
        for (name, mode) in [("the socket", 0o777), (".", 0o755)] {
            fs::set_permissions(folder.join(name), fs::Permissions::from_mode(mode)).unwrap();
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

/// Every name of a socket that the host knows, as connect() takes it.
fn names_of_sockets() -> Vec<Vec<u8>> {
    let table = fs::read("/proc/net/unix").unwrap();
    let mut names = Vec::new();
    for line in table.split(|&byte| byte == b'\n').skip(1) {
        // Seven columns, then the name with whatever is in it.
        let mut rest = line;
        for _ in 0..7 {
            rest = rest.trim_ascii_start();
            rest = &rest[rest.iter().position(|&byte| byte == b' ').unwrap_or(rest.len())..];
        }
        match rest.strip_prefix(b" ") {
            // The kernel prints @ for each zero, and for each @.
            Some([b'@', name @ ..]) => {
                names.push([b"\0", name].concat());
                if name.contains(&b'@') {
                    let zeros = name.iter().map(|&byte| if byte == b'@' { 0 } else { byte });
                    names.push([0].into_iter().chain(zeros).collect());
                }
            }
            Some(name) if !name.is_empty() => names.push(name.to_vec()),
            _ => {}
        }
    }
    names
}

/// Connects to each name that comes in, in hexadecimal, in each way there is;
/// opens the FIFOs of the folders that are its arguments. What works is
/// printed. Sockets of its own show that it can connect at all.
const KNOCKS: &str = r#"
use Socket; use Fcntl; my $tries = 0;
sub works { my ($type, $name) = @_; socket(my $s, AF_UNIX, $type, 0) or die; $tries++; connect($s, pack_sockaddr_un($name)) }
while (my $name = <STDIN>) { chomp $name; $name = pack("H*", $name);
  for (SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET) { print "CONNECTED $name\n" if works($_, $name) } }
for my $name ("/tmp/a name", "\0a name") {
  socket(my $own, AF_UNIX, SOCK_STREAM, 0) or die; bind($own, pack_sockaddr_un($name)) or die "$!"; listen($own, 1) or die;
  print "own\n" if works(SOCK_STREAM, $name) }
for (@ARGV) { print "NOT SHOWN $_\n" unless -p "$_/fifo";
  print "FIFO $_\n" if sysopen(F, "$_/fifo", O_WRONLY|O_NONBLOCK) }
print "tries $tries\n";
"#;

for_both! {
    fn no_socket_or_fifo_of_the_host_is_reachable(glass: Glass) {
        let _host = host_is_changed();
        let baits: Vec<Bait> = ["/usr", "/etc", "/opt", "/var/lib", "/var/cache"].map(Bait::new).into();
        let folders: Vec<&str> = baits.iter().map(|bait| bait.folder.to_str().unwrap()).collect();
        let names = names_of_sockets();
        for folder in &folders {
            let bait = format!("{folder}/the socket").into_bytes();
            assert!(names.contains(&bait), "the host's list is not read rightly: {names:?}");
        }
        let hex = |name: &Vec<u8>| name.iter().map(|byte| format!("{byte:02x}")).collect::<String>() + "\n";
        let list: String = names.iter().map(hex).collect();
        // A reader on the host: opening a FIFO for writing succeeds only if it
        // is the host's.
        let readers: Vec<_> = folders.iter().map(|f| fs::OpenOptions::new().read(true).write(true)
            .open(format!("{f}/fifo")).unwrap()).collect();
        for options in [&[][..], &["-p"]] {
            let command = [&["perl", "-e", KNOCKS][..], &folders].concat();
            let mut child = run(glass, options, &command)
                .stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
            let feeder = feed(&mut child, list.clone().into_bytes());
            let output = child.wait_with_output().unwrap();
            feeder.join().unwrap();
            let expected = format!("own\nown\ntries {}\n", names.len() * 3 + 2);
            assert_eq!(out(&output), expected, "{glass:?} {options:?}: {}", err(&output));
        }
        drop(readers);
    }
}

/// A folder and a file in it that anybody may write, where sandboxes see it.
struct Open(PathBuf);

impl Open {
    fn new(top: &str) -> Self {
        let folder = Path::new(top).join(fresh_name("terrarium-open"));
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("file"), "as it was").unwrap();
        for (name, mode) in [("file", 0o666), (".", 0o777)] {
            fs::set_permissions(folder.join(name), fs::Permissions::from_mode(mode)).unwrap();
        }
        Self(folder)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Does to each folder all that changes one; says how much of it went well.
const CHANGES: &str = r#"use Fcntl; my $done = 0; for my $d (@ARGV) { my %all = (
  append => sub { sysopen(my $f, "$d/file", O_WRONLY|O_APPEND) }, make => sub { sysopen(my $f, "$d/new", O_WRONLY|O_CREAT) },
  truncate => sub { truncate("$d/file", 0) }, mkdir => sub { mkdir "$d/dir" }, remove => sub { unlink "$d/file" },
  rename => sub { rename "$d/file", "$d/other" }, mode => sub { chmod 0600, "$d/file" }, time => sub { utime 1, 1, "$d/file" },
  link => sub { symlink "/etc/passwd", "$d/link" } );
  for (sort keys %all) { $done++ if $all{$_}->() } }
print "$done changes\n""#;

for_both! {
    fn the_host_s_root_cannot_be_written(glass: Glass) {
        let _host = host_is_changed();
        let open: Vec<Open> = ["/opt", "/etc", "/usr/local", "/var/lib", "/var/cache"].map(Open::new).into();
        let folders: Vec<&str> = open.iter().map(|one| one.0.to_str().unwrap()).collect();
        let pictures = || folders.iter().flat_map(|folder| picture(Path::new(folder))).collect::<Vec<_>>();
        let before = pictures();
        // Root inside writes to a layer, and nobody else does even that, but
        // where anybody may.
        let script = "for d in / /usr /etc /opt /var/lib /var/cache; do \
              mount -o remount,rw $d 2>/dev/null && echo REMOUNTED $d; \
              mount -o remount,bind,rw $d 2>/dev/null && echo REMOUNTED $d; \
              touch $d/terrarium-was-here 2>/dev/null && [ $(id -u) != 0 ] && echo WROTE $d; done; \
            perl -e \"$0\" \"$@\"; \
            for d in /tmp /var/tmp /run/user/* /dev/shm \"$HOME\"; do touch $d/x 2>/dev/null || echo CANNOT WRITE $d; done; \
            echo tried";
        for options in [&[][..], &["-p"]] {
            let output = run(glass, options, &[&["sh", "-c", script, CHANGES][..], &folders].concat()).output().unwrap();
            // The mode is the owner's. What was removed cannot be changed after that.
            let expected = if options.is_empty() { "25 changes\ntried\n" } else { "30 changes\ntried\n" };
            assert_eq!(out(&output), expected, "{glass:?} {options:?}: {}", err(&output));
        }
        assert_eq!(pictures(), before);
        for folder in ["/usr", "/etc", "/opt", "/var/lib", "/var/cache", "/"] {
            assert!(!Path::new(folder).join("terrarium-was-here").exists(), "{folder}");
        }
    }
}

for_both! {
    fn what_is_private_is_not_there(glass: Glass) {
        let user = glass.user();
        let _host = host_is_changed();
        let secret = user.home().join("secret-of-the-test");
        fs::write(&secret, "x").unwrap();
        let script = format!(
            "for p in /root /media /mnt /srv /boot /lost+found '{}' /run/dbus /run/libvirt /run/systemd; do \
               [ -e \"$p\" ] && [ -n \"$(ls -A $p 2>&1)\" ] && echo SEEN $p; done; \
             for p in /etc/shadow /etc/gshadow /etc/sudoers; do [ -n \"$(cat $p 2>/dev/null)\" ] && echo READ $p; done; \
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
        let root = look(glass, true, "id -u; grep -E '^(NoNewPrivs|Seccomp):' /proc/self/status | tr -s '\\t' ' '");
        assert_eq!(out(&root).trim(), "0\nNoNewPrivs: 1\nSeccomp: 2", "{}", err(&root));
    }
}

/// What OCI runtimes hide by default, and what they let nobody write (the
/// lists that containerd and runc have).
const HIDDEN: &str = "/proc/acpi /proc/asound /proc/interrupts /proc/kcore /proc/keys /proc/latency_stats \
    /proc/sched_debug /proc/scsi /proc/timer_list /proc/timer_stats /sys/firmware /sys/devices/virtual/powercap \
    /sys/devices/system/cpu/cpu*/thermal_throttle";
const UNWRITTEN: &str = "/proc/bus /proc/fs /proc/irq /proc/sys /proc/sysrq-trigger";

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
            kill -0 1 2>/dev/null && NOBODY echo CAN SIGNAL INIT; \
            flags() { awk -v p=\"$1\" '$5 == p { flags = $6 } END { print \",\" flags \",\" }' /proc/self/mountinfo; }; \
            for p in HIDDEN; do [ -e $p ] && [ \"$(flags $p)\" = ,, ] && echo SHOWN $p; [ ! -d $p ] || ls -A $p; done; \
            for p in UNWRITTEN /sys; do case $(flags $p) in *,ro,*) ;; *) [ ! -e $p ] || echo CAN BE WRITTEN $p;; esac; done; \
            echo tried".replace("NOBODY", who).replace("HIDDEN", HIDDEN).replace("UNWRITTEN", UNWRITTEN);
        prints(glass, &script, "tried");
    }
}

#[test]
fn a_machine_exports_nothing_of_the_host_beside_the_shown_folders() {
    // Root of the guest looks at every 9p tag again, without the masks.
    let script = "ls /sys/bus/virtio/drivers/9pnet_virtio/*/mount_tag 2>/dev/null | while read f; do tr -d '\\0' < $f; echo; done";
    let output = look(Glass::Machine, true, script);
    let shown = out(&User::Plain.ctl().args(["show", "--xml", machine(true)]).output().unwrap());
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
        let output =
            look(glass, false, "readlink -f /var/run /var/lock; touch /var/lock/mine && ls /run/lock");
        assert_eq!(out(&output), "/run\n/run/lock\nmine\n", "{glass:?}: {}", err(&output));
    }
}

for_both! {
    // The host's program for crashes, which is root, would read it.
    fn no_crash_is_told_to_the_host(glass: Glass) {
        let script = "for set in 'ulimit -c 0' 'ulimit -Sc unlimited'; do bash -c \"$set; \
            grep '^Max core' /proc/self/limits\" | tr -s ' '; done; \
            perl -e '$| = 1; my $none = pack(q(QQ), 0, 0); print syscall(160, 4, $none), qq(\n); exec qw(grep ^Max.core /proc/self/limits)' | tr -s ' '";
        let limit = "Max core file size 1 1 bytes";
        prints(glass, script, &format!("{limit} \n{limit} \n0\n{limit}"));
    }
}

/// Stops whatever it can but itself, and cannot be stopped by a copy.
const STOPPER: &str = "$SIG{TERM} = q(IGNORE); for (1, 2) { last if !fork } my $own = getpgrp(0); \
    while (1) { opendir D, q(/proc); for (grep /^\\d+$/, readdir D) { kill q(STOP), $_ if $_ > 1 && getpgrp($_) != $own } }";

for_both! {
    /// Who joins a sandbox is the command's user a moment before it is a program.
    fn stopping_whoever_comes_holds_nobody_up(glass: Glass) {
        let (user, name) = (glass.user(), fresh_name("stopper"));
        let _stop = Stop { user, name: name.clone() };
        let started = run(glass, &["--detach", "-n", &name], &["perl", "-e", STOPPER]).output().unwrap();
        assert!(started.status.success(), "{}", err(&started));
        // A machine has four ports, one of which is to be asked.
        for _ in 0..scaled(4, 20) {
            let execs = (0..2).map(|_| {
                let mut exec = user.ctl();
                exec.args(["exec", &name, "--", "true"]).stdout(Stdio::null()).stderr(Stdio::null());
                exec.stdin(Stdio::null()).spawn().unwrap()
            });
            let mut execs: Vec<_> = execs.collect();
            std::thread::sleep(std::time::Duration::from_millis(500));
            wait_for("init", std::time::Duration::from_secs(20), || {
                listed(user, &name).is_some_and(|one| one["state"] == "running")
            });
            for exec in &mut execs {
                // It may wait for its program, which was stopped.
                let _ = exec.kill();
                exec.wait().unwrap();
            }
        }
    }
}
