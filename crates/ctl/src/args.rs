// SPDX-License-Identifier: LGPL-2.1-or-later
//! The command line. Its letters are those of virt-sandbox.

use crate::complete;
use crate::help::values;
use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};
use std::ffi::OsString;
use std::path::PathBuf;
use terrarium_engine::{message, profile};

/// Run programs behind glass, from a terminal or a script.
#[derive(Parser)]
#[command(
    name = "terrariumctl",
    version,
    about = "Run programs behind glass",
    long_about = "Run programs behind glass: in a container or a virtual machine that sees the installed programs \
                  read-only, an empty home folder, and no network.",
    after_help = "Exit status of run, attach and exec: the command's own; 128+N if signal N ended it; 125 if Terrarium \
                  could not do its part; 126 if the command cannot be executed; 127 if it was not found."
)]
pub struct Args {
    #[command(subcommand)]
    pub verb: Verb,
}

#[derive(Subcommand)]
pub enum Verb {
    /// Run a command in a new sandbox
    Run(Box<Run>),
    /// List the sandboxes
    #[command(visible_alias = "ls")]
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// See and use the command of a sandbox that runs
    #[command(
        after_help = "Ctrl+] twice, TERM and HUP let go; the sandbox goes on. INT and QUIT are the command's."
    )]
    Attach {
        /// Name of the sandbox
        #[arg(add = complete::sandboxes())]
        name: String,
        /// Continue standard output at this byte
        #[arg(long, value_name = "OFFSET")]
        from: Option<u64>,
        /// Only watch: whoever has the keyboard keeps it
        #[arg(long)]
        watch: bool,
    },
    /// End a sandbox
    #[command(
        long_about = "End a sandbox: TERM, for a shell on a terminal HUP as well, after 10 s KILL. Returns when it is gone."
    )]
    Stop {
        /// Name of the sandbox
        #[arg(add = complete::sandboxes())]
        name: String,
        /// Do not ask, destroy it
        #[arg(long)]
        now: bool,
    },
    /// Freeze a sandbox
    Pause {
        /// Name of the sandbox
        #[arg(add = complete::sandboxes())]
        name: String,
    },
    /// Let a frozen sandbox go on
    Resume {
        /// Name of the sandbox
        #[arg(add = complete::sandboxes())]
        name: String,
    },
    /// Run another command in a sandbox that runs
    Exec(Exec),
    /// Open the window that shows a sandbox
    View {
        /// Name of the sandbox
        #[arg(add = complete::sandboxes())]
        name: String,
    },
    /// Save a picture of a sandbox's screen
    Screenshot {
        /// Name of the sandbox
        #[arg(add = complete::sandboxes())]
        name: String,
        /// The file, as PNG; - for standard output
        file: PathBuf,
    },
    /// Print what a sandbox's display and its helpers wrote to their logs
    Log {
        /// Name of the sandbox
        #[arg(add = complete::sandboxes())]
        name: String,
    },
    /// Show what a sandbox that has ended changed; without a name, what waits for your decision
    Changes {
        /// Name of the sandbox
        #[arg(add = complete::changed())]
        name: Option<String>,
        /// Show how texts differ from this computer's
        #[arg(long, requires = "name")]
        diff: bool,
        /// Print JSON
        #[arg(long, conflicts_with = "diff")]
        json: bool,
    },
    /// Let the next run of the same name go on from what a sandbox changed
    Keep {
        /// Name of the sandbox
        #[arg(add = complete::changed())]
        name: String,
        /// Only these files and folders, as they are called inside; the rest is thrown away
        #[arg(value_name = "PATH")]
        paths: Vec<PathBuf>,
    },
    /// Throw away what a sandbox changed, or what is kept of it
    Discard {
        /// Name of the sandbox
        #[arg(add = complete::changed())]
        name: String,
        /// Only these files and folders, as they are called inside
        #[arg(value_name = "PATH")]
        paths: Vec<PathBuf>,
    },
    /// Put what a sandbox changed in your home folder to its real place
    Apply {
        /// Name of the sandbox
        #[arg(add = complete::changed())]
        name: String,
        /// Files and folders, as they are called inside
        #[arg(required = true, value_name = "PATH")]
        paths: Vec<PathBuf>,
        /// Put copies into this folder instead
        #[arg(long, value_name = "DIR")]
        to: Option<PathBuf>,
        /// Replace your own files; the old ones go to the trash. Also apply what starts programs, or lies among keys
        #[arg(long)]
        replace: bool,
    },
    /// Show whom a sandbox talks to, or change it
    Network(NetworkOf),
    /// Show how much a sandbox may use, or change it
    #[command(
        long_about = "Show how much a sandbox that runs may use, or change it. A change holds until the sandbox ends; \
                      “network NAME bandwidth” bounds its network."
    )]
    Limits(LimitsOf),
    /// Show what is known of a sandbox or of a profile
    Show(Show),
    /// Manage profiles
    Profile {
        #[command(subcommand)]
        verb: ProfileVerb,
    },
    /// Say what works on this computer, and what to do about the rest
    Doctor {
        /// Print JSON
        #[arg(long)]
        json: bool,
        /// Take away your own network of sandboxes (it is made again when it is needed)
        #[arg(long)]
        remove: bool,
    },
    /// Print a completion script
    #[command(hide = true)]
    Completions {
        /// For which shell
        shell: clap_complete::Shell,
    },
}

#[derive(ClapArgs, Default)]
pub struct Run {
    /// Start from this profile: a name, or a file (with a / or ending in .terrarium)
    #[arg(long, value_name = "NAME|FILE", add = complete::profiles_and_files())]
    pub profile: Option<String>,
    /// Name of the sandbox [default: made from the command]
    #[arg(short, long)]
    pub name: Option<String>,

    /// Use a container: it shares this computer's kernel and starts at once
    #[arg(long, conflicts_with = "machine", help_heading = "How strong")]
    pub container: bool,
    /// Use a virtual machine: it has a kernel of its own
    #[arg(long, help_heading = "How strong")]
    pub machine: bool,
    /// The command is root inside (of nothing outside)
    #[arg(short, long, help_heading = "How strong")]
    pub privileged: bool,
    /// Run as this user; for root only
    #[arg(short = 'S', long = "switchto", value_name = "USER", help_heading = "How strong")]
    pub user: Option<String>,

    /// Set a variable
    #[arg(short, long = "env", value_name = "NAME=VALUE", help_heading = "The command")]
    pub environment: Vec<String>,
    /// Start in this folder [default: the home folder]
    #[arg(long, value_name = "DIR", help_heading = "The command")]
    pub cwd: Option<PathBuf>,
    /// Run your shell
    #[arg(short = 'l', long, conflicts_with = "command", help_heading = "The command")]
    pub shell: bool,
    /// When the sandbox ends
    #[arg(long, value_parser = values::<Until>(), help_heading = "The command")]
    pub until: Option<Until>,

    /// Show a folder or file (host-bind:DST=SRC), an image (host-image:DST=SRC[,format=raw|qcow2][,trusted]),
    /// memory (ram:DST=SIZE) or another path inside (guest-bind:DST=SRC)
    #[arg(short, long = "mount", value_name = "TYPE:DST=SRC[,ro|rw]", help_heading = "Files")]
    pub mount: Vec<OsString>,
    /// Give the sandbox an image as the device /dev/disk/by-tag/TAG
    #[arg(long, value_name = "file:TAG=SRC[,ro|rw][,format=raw|qcow2]", help_heading = "Files")]
    pub disk: Vec<OsString>,
    /// Show the system in this folder instead of this computer's
    #[arg(short, long, value_name = "DIR", help_heading = "Files")]
    pub root: Option<PathBuf>,
    /// Copy a file or folder into a private place of the sandbox
    #[arg(short, long, value_name = "DST=SRC", help_heading = "Files")]
    pub include: Vec<OsString>,
    /// Copy every file that this one lists, as DST=SRC on a line each
    #[arg(short = 'I', long, value_name = "FILE", help_heading = "Files")]
    pub includefile: Vec<PathBuf>,
    /// What becomes of what it writes [default: discard]
    #[arg(long, value_enum, value_name = "FATE", help_heading = "Files")]
    pub changes: Option<Changes>,
    /// How much it may write, such as 500M or 8GiB [default: 2GiB]
    #[arg(long, value_name = "SIZE", allow_negative_numbers = true, help_heading = "Files")]
    pub writable: Option<String>,
    /// Do not hide this secret, such as ~/.ssh, in what is shared
    #[arg(long, value_name = "PATH", help_heading = "Files")]
    pub unmask: Vec<PathBuf>,

    /// Whom it may talk to: none, internet, full (the window's Internet and LAN), or an interface such as dhcp,source=NET
    #[arg(short = 'N', long, value_name = "NETWORK", help_heading = "Network")]
    pub network: Vec<String>,
    /// Let it talk to these alone, such as example.org:443/tcp or 10.0.0.0/8
    #[arg(long, value_name = "WHO", help_heading = "Network")]
    pub allow: Vec<String>,
    /// Never let it talk to these
    #[arg(long, value_name = "WHO", help_heading = "Network")]
    pub block: Vec<String>,
    /// Lead a port of this computer's 127.0.0.1 to a port of the sandbox, such as 8080:80
    #[arg(long, value_name = "PORT:PORT", help_heading = "Network")]
    pub forward: Vec<String>,
    /// Address of a server that resolves names
    #[arg(long, value_name = "ADDRESS", help_heading = "Network")]
    pub dns: Vec<String>,

    /// Give the command a terminal [default: if this is one]
    #[arg(short, long, conflicts_with = "no_tty", help_heading = "Streams")]
    pub tty: bool,
    /// Give the command three streams
    #[arg(short = 'T', long, help_heading = "Streams")]
    pub no_tty: bool,
    /// Print the name and return once the command runs
    #[arg(long, help_heading = "Streams")]
    pub detach: bool,

    /// Give the command a screen of its own, for its windows
    #[arg(long, conflicts_with_all = ["tty", "no_tty"], help_heading = "Windows")]
    pub display: bool,
    /// Size of the screen, such as 1280x720
    #[arg(long, value_name = "WIDTHxHEIGHT", help_heading = "Windows")]
    pub display_size: Option<String>,
    /// How much larger than usual programs draw, for a desktop with small pixels [default: 1]
    #[arg(long, value_name = "1-4", value_parser = clap::value_parser!(u32).range(1..=4), allow_negative_numbers = true, help_heading = "Windows")]
    pub display_scale: Option<u32>,
    /// Do not open the window that shows the screen
    #[arg(long, help_heading = "Windows")]
    pub headless: bool,
    /// Whether the clipboard passes between the screen and this computer [default: ask]
    #[arg(long, value_parser = values::<Clipboard>(), value_name = "POLICY", help_heading = "Windows")]
    pub clipboard: Option<Clipboard>,
    /// Let its sound be heard
    #[arg(long, help_heading = "Windows")]
    pub sound: bool,

    /// Memory of the whole sandbox, such as 512M or 2GiB [default: 1GiB]
    #[arg(long, value_name = "SIZE", allow_negative_numbers = true, help_heading = "Limits")]
    pub memory: Option<String>,
    /// Processors [default: 2, as far as there are]
    #[arg(long, value_name = "N", value_parser = processors, allow_negative_numbers = true, help_heading = "Limits")]
    pub cpus: Option<u32>,

    /// lxc:///system, qemu:///session or qemu:///system
    #[arg(short, long, value_name = "URI", help_heading = "Advanced")]
    pub connect: Option<String>,
    /// Allow any other URI for --connect (some can run programs on this computer)
    #[arg(long, requires = "connect", help_heading = "Advanced")]
    pub any_uri: bool,
    /// How a virtual machine computes
    #[arg(long, value_parser = values::<Accelerator>(), help_heading = "Advanced")]
    pub accelerator: Option<Accelerator>,
    /// Version of the virtual machine's kernel
    #[arg(long, value_name = "VERSION", help_heading = "Advanced")]
    pub kernver: Option<String>,
    /// Image of the virtual machine's kernel
    #[arg(long, value_name = "FILE", help_heading = "Advanced")]
    pub kernpath: Option<PathBuf>,
    /// Folder of the modules of the virtual machine's kernel
    #[arg(long, value_name = "DIR", help_heading = "Advanced")]
    pub kmodpath: Option<PathBuf>,
    /// Say what is being done
    #[arg(short, long, help_heading = "Advanced")]
    pub verbose: bool,
    /// Say everything
    #[arg(short, long, help_heading = "Advanced")]
    pub debug: bool,

    /// The command and its arguments
    #[arg(trailing_var_arg = true, value_name = "COMMAND")]
    pub command: Vec<OsString>,
}

// None at all is the plan's affair: it knows how many there are.
fn processors(text: &str) -> Result<u32, String> {
    text.parse().map_err(|_| message::not_processors())
}

#[derive(ClapArgs)]
pub struct Exec {
    /// Name of the sandbox
    #[arg(add = complete::sandboxes())]
    pub name: String,
    /// Give the command a terminal [default: if this is one]
    #[arg(short, long, conflicts_with = "no_tty")]
    pub tty: bool,
    /// Give the command three streams
    #[arg(short = 'T', long)]
    pub no_tty: bool,
    /// Set a variable
    #[arg(short, long = "env", value_name = "NAME=VALUE")]
    pub environment: Vec<String>,
    /// Start in this folder [default: the home folder]
    #[arg(long, value_name = "DIR")]
    pub cwd: Option<PathBuf>,
    /// The command and its arguments
    #[arg(trailing_var_arg = true, required = true, value_name = "COMMAND")]
    pub command: Vec<OsString>,
}

#[derive(ClapArgs)]
pub struct LimitsOf {
    /// Name of the sandbox
    #[arg(add = complete::sandboxes())]
    pub name: String,
    /// Memory of the whole sandbox, such as 512M or 2GiB
    #[arg(long, value_name = "SIZE", allow_negative_numbers = true)]
    pub memory: Option<String>,
    /// Processors
    #[arg(long, value_name = "N", value_parser = processors, allow_negative_numbers = true)]
    pub cpus: Option<u32>,
    /// Bytes a second of each of a virtual machine's disks, such as 10M; 0 lifts it
    #[arg(long, value_name = "RATE")]
    pub disk: Option<String>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(ClapArgs)]
pub struct NetworkOf {
    /// Name of the sandbox
    #[arg(add = complete::sandboxes())]
    pub name: String,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    #[command(subcommand)]
    pub verb: Option<NetworkVerb>,
}

#[derive(Subcommand)]
pub enum NetworkVerb {
    /// Let nothing pass
    Cut,
    /// Let pass again what may
    Restore,
    /// Change whom it may talk to, beside those allowed and blocked
    Mode {
        /// Whom
        mode: Reach,
    },
    /// Let it talk to somebody
    Allow {
        /// Such as example.org:443/tcp or 10.0.0.0/8
        who: String,
    },
    /// Never let it talk to somebody
    Block {
        /// Such as example.org:443/tcp or 10.0.0.0/8
        who: String,
    },
    /// Bound how much passes; without options nothing does
    Bandwidth {
        /// Bytes a second that it receives, such as 10M
        #[arg(long, value_name = "RATE")]
        inbound: Option<String>,
        /// Bytes a second that it sends
        #[arg(long, value_name = "RATE")]
        outbound: Option<String>,
    },
}

#[derive(Clone, Copy, ValueEnum)]
pub enum Reach {
    /// Nobody
    None,
    /// Internet only: the world, but neither this computer nor its networks
    Internet,
    /// Internet and LAN: all that this computer reaches, and itself
    Full,
}

#[derive(ClapArgs)]
pub struct Show {
    /// A sandbox, or a profile (its name, or a file with a / or ending in .terrarium)
    #[arg(add = complete::all_and_files())]
    pub name: String,
    /// What would be done, with every default
    #[arg(long, group = "form")]
    pub plan: bool,
    /// The domain XML
    #[arg(long, group = "form")]
    pub xml: bool,
    /// All that is known, as JSON
    #[arg(long, group = "form")]
    pub json: bool,
    /// The terrariumctl command that does the same
    #[arg(long, group = "form")]
    pub command: bool,
    /// What it can reach, in plain words
    #[arg(long, group = "form")]
    pub reach: bool,
}

#[derive(Subcommand)]
pub enum ProfileVerb {
    /// List the profiles
    List,
    /// Print a profile
    Show {
        /// Its name
        #[arg(add = complete::profiles())]
        name: String,
    },
    /// Copy a file into the profiles
    Import {
        /// The file
        file: PathBuf,
    },
    /// Write a profile to a file
    Export {
        /// Its name
        #[arg(add = complete::profiles())]
        name: String,
        /// The file; must not exist, or - for standard output
        file: PathBuf,
    },
    /// Delete a profile
    Delete {
        /// Its name
        #[arg(add = complete::profiles())]
        name: String,
    },
}

#[derive(Clone, Copy, ValueEnum)]
pub enum Until {
    /// When the command ends
    Command,
    /// When the last process ends
    All,
}

impl From<Until> for profile::Until {
    fn from(until: Until) -> Self {
        match until {
            Until::Command => Self::Command,
            Until::All => Self::All,
        }
    }
}

#[derive(Clone, Copy, ValueEnum)]
pub enum Changes {
    /// Thrown away
    Discard,
    /// Kept for the next run
    Keep,
    /// Looked at when it has ended
    Review,
}

impl From<Changes> for profile::Changes {
    fn from(changes: Changes) -> Self {
        match changes {
            Changes::Discard => Self::Discard,
            Changes::Keep => Self::Keep,
            Changes::Review => Self::Review,
        }
    }
}

#[derive(Clone, Copy, ValueEnum)]
pub enum Clipboard {
    /// Never
    Off,
    /// Into the sandbox
    In,
    /// Out of the sandbox
    Out,
    /// Both ways
    Both,
    /// When you allow it, each time
    Ask,
}

impl From<Clipboard> for profile::Clipboard {
    fn from(policy: Clipboard) -> Self {
        match policy {
            Clipboard::Off => Self::Off,
            Clipboard::In => Self::In,
            Clipboard::Out => Self::Out,
            Clipboard::Both => Self::Both,
            Clipboard::Ask => Self::Ask,
        }
    }
}

#[derive(Clone, Copy, ValueEnum)]
pub enum Accelerator {
    /// KVM where it works, else emulation
    Auto,
    /// KVM or nothing
    Kvm,
    /// Emulation
    Emulation,
}

impl From<Accelerator> for profile::Accelerator {
    fn from(accelerator: Accelerator) -> Self {
        match accelerator {
            Accelerator::Auto => Self::Auto,
            Accelerator::Kvm => Self::Kvm,
            Accelerator::Emulation => Self::Emulation,
        }
    }
}
