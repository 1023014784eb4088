// SPDX-License-Identifier: LGPL-2.1-or-later
//! Who runs sandboxes here, and of which kind.

use super::binary;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::{chown, PermissionsExt};
use std::path::PathBuf;
use std::process::Command;

/// How strong the glass is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Glass {
    /// `--container`
    Container,
    /// `--machine`
    Machine,
}

impl Glass {
    /// The option that chooses it.
    pub fn option(self) -> &'static str {
        match self {
            Self::Container => "--container",
            Self::Machine => "--machine",
        }
    }

    /// Who uses it here: containers need group libvirt, machines nothing.
    pub fn user(self) -> User {
        match self {
            Self::Container => User::Member,
            Self::Machine => User::Plain,
        }
    }
}

/// Who calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum User {
    /// Root.
    Root,
    /// An ordinary user in group libvirt.
    Member,
    /// An ordinary user in no group.
    Plain,
}

impl User {
    /// Its name: the tests' own users are called after `$TERRARIUM_TEST_USER`, so
    /// that two runs side by side do not meet.
    pub fn name(self) -> String {
        let own = std::env::var("TERRARIUM_TEST_USER").unwrap_or_else(|_| "terrarium-test".into());
        match self {
            Self::Root => "root".into(),
            Self::Member => format!("{own}-libvirt"),
            Self::Plain => own,
        }
    }

    /// Its uid.
    pub fn uid(self) -> u32 {
        let text = fs::read_to_string("/etc/passwd").unwrap();
        let line = text.lines().find(|line| line.split(':').next() == Some(self.name().as_str()));
        let line =
            line.unwrap_or_else(|| panic!("there is no user {}: run the tests with tools/test", self.name()));
        line.split(':').nth(2).unwrap().parse().unwrap()
    }

    /// Its home directory.
    pub fn home(self) -> PathBuf {
        match self {
            Self::Root => PathBuf::from("/root"),
            _ => PathBuf::from("/home").join(self.name()),
        }
    }

    /// Where Terrarium keeps its running sandboxes.
    pub fn runtime(self) -> PathBuf {
        match self {
            Self::Root => PathBuf::from("/run/terrarium"),
            _ => PathBuf::from(format!("/run/user/{}/terrarium", self.uid())),
        }
    }

    /// A program run by this user, in its own environment.
    pub fn command(self, program: impl AsRef<OsStr>) -> Command {
        if self == Self::Root {
            let mut command = Command::new(program);
            command.env_remove("SUDO_UID").env_remove("PKEXEC_UID").current_dir("/");
            return command;
        }
        let runtime = PathBuf::from(format!("/run/user/{}", self.uid()));
        if !runtime.is_dir() {
            fs::create_dir_all(&runtime).unwrap();
            fs::set_permissions(&runtime, fs::Permissions::from_mode(0o700)).unwrap();
            chown(&runtime, Some(self.uid()), Some(self.uid())).unwrap();
        }
        let mut command = Command::new("setpriv");
        let id = self.uid().to_string();
        command.args(["--reuid", &id, "--regid", &id, "--init-groups", "--"]).arg(program);
        command.env_clear().current_dir("/");
        command.env("HOME", self.home()).env("USER", self.name()).env("XDG_RUNTIME_DIR", runtime);
        command
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("LANG", "C.UTF-8")
            .env("TERM", "xterm-256color");
        command
    }

    /// terrariumctl run by this user.
    pub fn ctl(self) -> Command {
        self.command(binary())
    }
}
