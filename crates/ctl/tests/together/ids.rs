// SPDX-License-Identifier: LGPL-2.1-or-later
//! As whom everything runs, seen from outside, and what that may read.

use crate::common::traces::host_is_changed;
use crate::common::*;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The fields of lines of numbers.
fn numbers(text: &str) -> Vec<Vec<u64>> {
    let fields = |line: &str| line.split_whitespace().map(|field| field.parse().unwrap()).collect();
    text.lines().map(fields).collect()
}

#[test]
fn no_id_is_the_hosts_root() {
    for options in [&[][..], &["-p"]] {
        let output = run(Glass::Container, options, &["cat", "/proc/self/uid_map", "/proc/self/gid_map"])
            .output()
            .unwrap();
        let text = out(&output);
        let lines = numbers(&text);
        assert!(lines.len() >= 4, "{text}{}", err(&output));
        assert!(lines.iter().all(|line| line[1] != 0), "{text}");
        let own = u64::from(Glass::Container.user().uid());
        assert!(lines.iter().any(|line| line[..] == [own, own, 1]), "{text}");
    }
}

#[test]
fn root_s_sandboxes_run_as_somebody_else() {
    for glass in [Glass::Container, Glass::Machine] {
        let output = run_as(User::Root, glass, &[], &["sh", "-c", "id -u; id -un"]).output().unwrap();
        assert_eq!(out(&output).trim(), "65534\nnobody", "{glass:?}: {}", err(&output));
        let user = User::Plain;
        let name = &user.name();
        let switched = run_as(User::Root, glass, &["-S", name], &["id", "-u"]).output().unwrap();
        assert_eq!(out(&switched).trim(), user.uid().to_string(), "{glass:?}: {}", err(&switched));
        // Who became root is who commands run as, sudo before pkexec.
        let became = |variables: &[(&str, u32)]| {
            let mut ctl = run_as(User::Root, glass, &[], &["id", "-u"]);
            ctl.envs(variables.iter().map(|(name, uid)| (name, uid.to_string()))).output().unwrap()
        };
        let both = [("SUDO_UID", user.uid()), ("PKEXEC_UID", User::Member.uid())];
        for (variables, uid) in [(&both[..], user.uid()), (&both[1..], User::Member.uid())] {
            // A machine boots for each, and what differs is decided before.
            if glass == Glass::Container || full() {
                let output = became(variables);
                assert_eq!(out(&output).trim(), uid.to_string(), "{variables:?}: {}", err(&output));
            }
        }
    }
}

/// Every process of the host, with its parent.
fn processes() -> Vec<(u32, u32)> {
    let all = fs::read_dir("/proc").unwrap().flatten();
    let pids = all.filter_map(|entry| entry.file_name().to_string_lossy().parse::<u32>().ok());
    pids.filter_map(|pid| Some((pid, status(pid, "PPid:")?[0]))).collect()
}

/// A line of a process's status, as the host sees it; `None` if it is gone.
fn status(pid: u32, key: &str) -> Option<Vec<u32>> {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(key))?;
    Some(line.split_whitespace().map(|field| field.parse().unwrap()).collect())
}

/// All below one process.
fn below(top: u32, all: &[(u32, u32)]) -> Vec<u32> {
    let children = all.iter().filter(|(_, parent)| *parent == top).map(|(pid, _)| *pid);
    children.flat_map(|child| [vec![child], below(child, all)].concat()).collect()
}

fn with_command_line(pattern: &str) -> u32 {
    let found = Command::new("pgrep").args(["-f", pattern]).output().unwrap();
    out(&found).trim().parse().unwrap_or_else(|_| panic!("{pattern}: {}", out(&found)))
}

/// What must not be the host's root, once the command runs: QEMU, or all that
/// is below a container's pid 1.
fn confined(glass: Glass, domain: &str) -> Vec<u32> {
    if glass == Glass::Machine {
        return vec![with_command_line(&format!("qemu-system-x86_64.*guest={domain},"))];
    }
    let all = processes();
    let controller = with_command_line(&format!("libvirt_lxc --name {domain} "));
    let init = below(controller, &all)[0];
    let commands = below(init, &all);
    // The shell and its sleep.
    assert!(commands.len() >= 2, "{all:?}");
    for pid in &commands {
        for file in ["uid_map", "gid_map"] {
            let map = fs::read_to_string(format!("/proc/{pid}/{file}")).unwrap();
            assert!(!map.is_empty() && numbers(&map).iter().all(|line| line[1] != 0), "{file}: {map}");
        }
    }
    commands
}

for_both! {
    fn nothing_of_root_s_sandboxes_is_root_on_the_host(glass: Glass) {
        let other = User::Plain.name();
        let all = [&["-p"][..], &[], &["-S", &other], &["-p", "-S", &other]];
        for options in &all[..scaled(2, 4)] {
            let name = fresh_name("roots");
            let _stop = Stop { user: User::Root, name: name.clone() };
            let options = [*options, &["--detach", "-n", &name]].concat();
            let started = run_as(User::Root, glass, &options, &["sh", "-c", "sleep 300; true"]).output().unwrap();
            assert!(started.status.success(), "{}", err(&started));
            let domain = listed(User::Root, &name).unwrap()["domain"].as_str().unwrap().to_owned();
            wait_for("the command", std::time::Duration::from_secs(20), || {
                glass == Glass::Machine || below(with_command_line(&format!("libvirt_lxc --name {domain} ")), &processes()).len() >= 3
            });
            // Whoever that is has nothing to write where root does.
            let number = domain.rsplit('-').next().unwrap();
            for entry in [User::Root.runtime(), User::Root.runtime().join(number)] {
                let found = fs::metadata(&entry).unwrap();
                assert_eq!((found.uid(), found.mode() & 0o7777), (0, 0o700), "{}", entry.display());
            }
            for pid in confined(glass, &domain) {
                for key in ["Uid:", "Gid:"] {
                    let ids = status(pid, key).unwrap();
                    assert!(ids.len() == 4 && !ids.contains(&0), "{options:?}: {key} {ids:?}");
                }
            }
        }
    }
}

/// A file that only root can read, in a folder that sandboxes see.
struct Secret(PathBuf);

impl Secret {
    fn new(folder: &str) -> Self {
        let path = Path::new(folder).join(fresh_name("terrarium-secret"));
        fs::write(&path, "secret").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        Self(path)
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// Files in the shown folders that those who run the sandbox cannot read.
fn unreadable(user: User) -> String {
    let mut find = match user {
        User::Root => {
            let mut find = Command::new("setpriv");
            find.args(["--reuid", "65534", "--regid", "65534", "--clear-groups", "--", "find"]);
            find
        }
        _ => user.command("find"),
    };
    find.args(["/etc", "/usr", "/opt", "/var/lib", "/var/cache", "-type", "f", "!", "-readable"]);
    out(&find.output().unwrap())
}

for_both! {
    // As root inside, too, and for root: what runs the sandbox cannot read it.
    fn what_the_caller_cannot_read_stays_unreadable(glass: Glass) {
        let _host = host_is_changed();
        let secrets = ["/usr", "/etc", "/opt", "/var/lib", "/var/cache"].map(Secret::new);
        for user in [glass.user(), User::Root] {
            let files = unreadable(user);
            assert!(secrets.iter().all(|one| files.contains(&*one.0.to_string_lossy())), "{files}");
            // Root inside finds some of them empty, to be filled by itself.
            let script = "perl -ne 'chomp; print qq(READ $_\\n) if open(my $f, q(<), $_) && read($f, my $byte, 1)'; echo tried";
            let ways = [&[][..], &["-p"]];
            // A machine boots for each: every day the caller's root, and root's nobody.
            let daily = if user == User::Root { &ways[..1] } else { &ways[1..] };
            for options in if glass == Glass::Container || full() { &ways[..] } else { daily } {
                let mut child = run_as(user, glass, options, &["sh", "-c", script])
                    .stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
                feed(&mut child, files.clone().into_bytes()).join().unwrap();
                let output = child.wait_with_output().unwrap();
                assert_eq!(out(&output), "tried\n", "{user:?} {options:?}");
            }
        }
    }
}
