// SPDX-License-Identifier: LGPL-2.1-or-later
use super::*;
use crate::error::Error;
use crate::host::{Family, Piece};
use crate::plan::{AcceleratorReason, KernelPart, MachineOnly, NftLack, Note, Problem, ProblemKind};
use crate::sandbox::LastWords;
use terrarium_protocol::display::DisplayStatus;
use terrarium_protocol::message::{Ending, Failure, Outcome, Step};
use terrarium_protocol::Bytes;

#[test]
fn values_are_filled_and_never_read_again() {
    assert_eq!(fill("{a} and {b} {c", &[("a", "{b}"), ("b", "x")]), "{b} and x {c");
}

#[test]
fn durations_and_sizes_read_well() {
    let times: Vec<String> = [40, 250, 12_000, 151_000, 3_900_000].into_iter().map(duration).collect();
    assert_eq!(times, ["40 ms", "0.2 s", "12 s", "2 min 31 s", "1 h 5 min"]);
    let ago: Vec<String> = [5, 61, 7200, 200_000].into_iter().map(ago).collect();
    assert_eq!(ago, ["just now", "1 minute ago", "2 hours ago", "2 days ago"]);
    let sizes: Vec<String> = [37, 1536, 1 << 30, 200 << 20].into_iter().map(size).collect();
    assert_eq!(sizes, ["37 bytes", "1.5 KiB", "1 GiB", "200 MiB"]);
}

#[test]
fn ends_are_named() {
    let title = |ending: Ending| {
        outcome(&Outcome { ending, duration: 12_000, out_of_memory: false, dropped: 0, stopped: false })
    };
    assert_eq!(
        title(Ending::Exited { code: 7 }),
        ("Finished With an Error".into(), "Exit code 7 after 12 s".into())
    );
    let asked = Outcome {
        ending: Ending::Exited { code: 15 },
        duration: 12_000,
        out_of_memory: false,
        dropped: 0,
        stopped: true,
    };
    assert_eq!(outcome(&asked), ("Stopped".into(), "You stopped it after 12 s".into()));
    let stopped = |signal| title(Ending::Signalled { signal, stopped: true });
    assert_eq!(stopped(15), ("Stopped".into(), "You stopped it after 12 s".into()));
    let killed = "You stopped it after 12 s; it did not end by itself and was killed";
    assert_eq!(stopped(9), ("Stopped".into(), killed.into()));
    let none_left = Outcome {
        ending: Ending::Signalled { signal: 9, stopped: false },
        duration: 12_000,
        out_of_memory: true,
        dropped: 0,
        stopped: false,
    };
    let (heading, detail) = outcome(&none_left);
    assert_eq!(heading, "Out of Memory");
    assert!(detail.starts_with("After 12 s the command asked for more memory"), "{detail}");
    let (killed, detail) = title(Ending::Signalled { signal: 11, stopped: false });
    assert_eq!(
        (killed.as_str(), detail.as_str()),
        ("Ended by a Signal", "Signal SIGSEGV (invalid memory access) after 12 s")
    );
}

#[test]
fn every_step_of_a_start_has_a_sentence_with_its_object() {
    use Step::*;
    let all = [
        Module,
        Root,
        Mount,
        Share,
        Image,
        FileSystem,
        Driver,
        Mask,
        Devices,
        Network,
        Display,
        Streams,
        Ids,
        Confine,
        Directory,
        NotFound,
        NotExecutable,
    ];
    for step in all {
        let text = failure(&Failure { step, object: Bytes::from("/the/object"), errno: 13 });
        assert!(
            text.contains("/the/object") && text.ends_with('.') && !text.contains('{'),
            "{step:?}: {text}"
        );
    }
}

/// One of each kind; the match makes a new kind fail to compile here.
fn network_problems() -> Vec<crate::plan::NetworkProblem> {
    use crate::plan::NetworkProblem as P;
    let text = || "value".to_owned();
    let kernel = || NftLack::Kernel { modules: vec![text()] };
    let all = vec![
        P::NoAddress { text: text() },
        P::NoRoute { text: text() },
        P::RoutesOverlap { text: text(), other: text() },
        P::NoMac { text: text() },
        P::MulticastMac { text: text() },
        P::NoEntry { text: text() },
        P::NoResolver { text: text() },
        P::NoRate { text: text() },
        P::NoForward { text: text() },
        P::ForwardTwice { text: text() },
        P::NoName { text: text() },
        P::NoParameter { text: text() },
        P::TooManyEntries { most: 1 },
        P::CustomOnly,
        P::SourceAndUser,
        P::OwnTwice,
        P::OwnIsGiven,
        P::ListsElsewhere,
        P::BandwidthElsewhere,
        P::FilterWithoutName,
        P::FilterOnOwn,
        P::FilterInUserMode,
        P::UserMode,
        P::NeedsSystem { in_group: true },
        P::NeedsSystem { in_group: false },
        P::NeedsContainers,
        P::NoNft { lack: NftLack::Program { family: Family::Other } },
        P::NoNft { lack: kernel() },
        P::NoDnsmasq { family: Family::Fedora },
        P::NoIpv6 { text: text() },
        P::BandwidthNeedsNft { lack: NftLack::Program { family: Family::Debian } },
        P::BandwidthNeedsNft { lack: kernel() },
        P::ForwardsNeedNft { lack: NftLack::Program { family: Family::Other } },
        P::ForwardsNeedNft { lack: kernel() },
        P::KernelLacksNetwork { version: text() },
        P::NoSuchNetwork { name: text() },
        P::NetworkInactive { name: text() },
        P::NoSuchFilter { name: text() },
    ];
    for one in &all {
        match one {
            P::NoAddress { .. } | P::NoRoute { .. } | P::RoutesOverlap { .. } | P::NoMac { .. } => {}
            P::MulticastMac { .. } | P::NoEntry { .. } | P::NoResolver { .. } | P::NoRate { .. } => {}
            P::NoName { .. } | P::NoParameter { .. } | P::TooManyEntries { .. } | P::CustomOnly => {}
            P::SourceAndUser | P::OwnTwice | P::OwnIsGiven | P::ListsElsewhere => {}
            P::BandwidthElsewhere | P::FilterWithoutName | P::FilterOnOwn | P::FilterInUserMode => {}
            P::NoForward { .. } | P::ForwardTwice { .. } => {}
            P::UserMode | P::NeedsSystem { .. } | P::NeedsContainers | P::NoNft { .. } => {}
            P::BandwidthNeedsNft { .. } | P::ForwardsNeedNft { .. } => {}
            P::NoDnsmasq { .. } | P::KernelLacksNetwork { .. } | P::NoSuchNetwork { .. } => {}
            P::NetworkInactive { .. } | P::NoSuchFilter { .. } | P::NoIpv6 { .. } => {}
        }
    }
    all
}

/// The same for what goes wrong later.
fn network_errors() -> Vec<crate::error::NetworkError> {
    use crate::error::NetworkError as N;
    let text = || HOSTILE.to_owned();
    let all = vec![
        N::Guard { why: text() },
        N::Missing { interface: text() },
        N::Newer,
        N::NoRange,
        N::Full,
        N::UnknownHost { name: text() },
        N::NotOfTheInternet { name: text(), address: std::net::Ipv4Addr::LOCALHOST.into() },
        N::InUse { sandbox: text() },
        N::NotOwn,
        N::BandwidthNeedsNft,
    ];
    for one in &all {
        match one {
            N::Guard { .. } | N::Missing { .. } | N::NoRange | N::Full => {}
            N::UnknownHost { .. } | N::NotOfTheInternet { .. } | N::InUse { .. } | N::NotOwn => {}
            N::BandwidthNeedsNft | N::Newer => {}
        }
    }
    all
}

/// One of each kind; the match makes a new kind fail to compile here.
fn problems() -> Vec<ProblemKind> {
    use ProblemKind as K;
    let path = || "/the/path".into();
    let text = || "value".to_owned();
    let uri = || crate::uri::Uri::LxcSystem;
    let all = vec![
        K::NoCommand,
        K::Nul,
        K::ArgumentTooLong { length: 1 << 20 },
        K::ArgumentsTooLong { length: 3 << 20, limit: 2 << 20 },
        K::VariableName { name: text() },
        K::Name { name: text() },
        K::NotAbsolute { path: path() },
        K::NotShown { path: path(), share: path() },
        K::Memory { asked: 1, least: 2, most: 3 },
        K::Cpus { asked: 9, most: 2 },
        K::Connection { uri: text() },
        K::ConnectionMismatch { uri: text() },
        K::ConnectionUnusable { uri: uri(), state: crate::host::ConnectionState::NotAllowed },
        K::Architecture { arch: text() },
        K::NoKernel { found: Vec::new() },
        K::Kernel { asked: text() },
        K::KvmUnusable { reason: crate::plan::AcceleratorReason::NoDevice },
        K::NoIsolation,
        K::RootUser,
        K::RuntimeTooLong { path: path() },
        K::DisplayLacks { piece: Piece::Server, family: Family::Debian },
        K::DisplayLacks { piece: Piece::Evdev, family: Family::Other },
        K::KernelLacks { version: text(), part: KernelPart::Screen },
        K::KernelLacks { version: text(), part: KernelPart::Input },
        K::KernelLacks { version: text(), part: KernelPart::Sound },
        K::NoSession,
        K::MachinesOnly { what: MachineOnly::Microphone },
        K::MachinesOnly { what: MachineOnly::Usb },
        K::MachinesOnly { what: MachineOnly::Monitors },
        K::Monitors { asked: 9, most: 4 },
        K::Target { path: path() },
        K::SameTarget { path: path() },
        K::IncludeTarget { path: path() },
        K::KernelView { path: path() },
        K::Secret { path: path(), holds: path() },
        K::Guards { path: path(), holds: path() },
        K::HiddenFromRoot { path: path(), holds: path() },
        K::NotMasked { path: path() },
        K::NotText { path: path() },
        K::NotASize { text: text() },
        K::RamSize { asked: 2, most: 1 },
        K::SourceMissing { path: path() },
        K::SourceCircle { path: path() },
        K::PlaceInFile { path: path(), file: path() },
        K::SourceDenied { path: path(), writable: false },
        K::SourceDenied { path: path(), writable: true },
        K::SourceKind { path: path() },
        K::SourceInSandbox { path: path(), sandbox: text() },
        K::LinkOfSandbox { path: path(), link: path() },
        K::SourceChanged { path: path() },
        K::FileInMachine { path: path() },
        K::NoPlace { path: path(), share: path() },
        K::TooMuch { path: path(), limit: 1 },
        K::NoLayerMaker { family: Family::Debian },
        K::NoLayerMaker { family: Family::Other },
        K::Writable { asked: 1, least: 2, most: 3 },
        K::KernelLacks { version: text(), part: KernelPart::Disk },
        K::ImagesOnly,
        K::ImageNotTrusted { path: path() },
        K::ImageNeedsNbd { path: path() },
        K::ImageFormat { path: path(), format: crate::profile::ImageFormat::Qcow2 },
        K::ImageIncomplete { path: path() },
        K::ImageDamaged { path: path() },
        K::ImageEmpty { path: path() },
        K::ImageUnknown { path: path() },
        K::ImageInUse { path: path(), by: crate::plan::ImageUser::Program },
        K::ImageNotOurs { path: path() },
        K::ImageInShare { path: path(), share: path() },
        K::DiskTag { tag: text() },
        K::TooMany { most: 26 },
        K::NoSystem { path: path() },
    ];
    let all: Vec<K> = all.into_iter().chain(network_problems().into_iter().map(K::Network)).collect();
    for one in &all {
        match one {
            K::NoCommand | K::Nul | K::ArgumentTooLong { .. } | K::ArgumentsTooLong { .. } => {}
            K::VariableName { .. } | K::Name { .. } | K::NotAbsolute { .. } | K::NotShown { .. } => {}
            K::Memory { .. } | K::Cpus { .. } | K::Connection { .. } | K::ConnectionMismatch { .. } => {}
            K::ConnectionUnusable { .. } | K::Architecture { .. } | K::NoKernel { .. } | K::Kernel { .. } => {
            }
            K::KvmUnusable { .. } | K::NoIsolation | K::RootUser | K::RuntimeTooLong { .. } => {}
            K::DisplayLacks { .. } | K::KernelLacks { .. } | K::NoSession => {}
            K::MachinesOnly { .. } | K::Monitors { .. } => {}
            K::NoLayerMaker { .. } | K::Writable { .. } => {}
            K::Target { .. }
            | K::SameTarget { .. }
            | K::IncludeTarget { .. }
            | K::KernelView { .. }
            | K::Secret { .. } => {}
            K::Guards { .. } | K::HiddenFromRoot { .. } | K::NotMasked { .. } | K::NotText { .. } => {}
            K::NotASize { .. } | K::RamSize { .. } | K::SourceMissing { .. } | K::SourceDenied { .. } => {}
            K::SourceCircle { .. } | K::PlaceInFile { .. } | K::LinkOfSandbox { .. } => {}
            K::SourceKind { .. } | K::SourceInSandbox { .. } | K::SourceChanged { .. } => {}
            K::FileInMachine { .. } | K::NoPlace { .. } | K::TooMuch { .. } => {}
            K::ImagesOnly | K::ImageNotTrusted { .. } | K::ImageNeedsNbd { .. } | K::ImageFormat { .. } => {}
            K::ImageIncomplete { .. }
            | K::ImageDamaged { .. }
            | K::ImageEmpty { .. }
            | K::ImageUnknown { .. } => {}
            K::ImageInUse { .. } | K::ImageNotOurs { .. } | K::ImageInShare { .. } => {}
            K::DiskTag { .. } | K::TooMany { .. } | K::NoSystem { .. } => {}
            K::Network(_) => {}
        }
    }
    all
}

#[test]
fn every_problem_says_what_and_what_to_do() {
    for what in problems() {
        let found = problem(&Problem { field: "field".into(), what: what.clone() });
        let whole = format!("{} {}", found.text, found.fix);
        assert!(
            found.text.len() > 10 && found.text.ends_with('.') && !whole.contains('{'),
            "{what:?}: {whole}"
        );
        assert!(!found.fix.is_empty() || matches!(what, ProblemKind::ConnectionUnusable { .. }), "{what:?}");
        let line = &lines(&Error::Problems(vec![Problem { field: "field".into(), what }]))[0];
        assert!(line.starts_with("field: "));
    }
}

/// One of each kind; the match makes a new kind fail to compile here.
fn notes() -> Vec<Note> {
    let lacks = |piece| Note::DisplayLacks { piece, family: Family::Fedora };
    let all = vec![
        Note::Emulated { reason: AcceleratorReason::NoDevice },
        Note::Privileged,
        lacks(Piece::Agent),
        lacks(Piece::Manager),
        lacks(Piece::Bus),
        lacks(Piece::Sound),
        Note::LittleMemory { asked: 512 << 20, better: 768 << 20 },
        Note::SocketsReachable { path: "/the/path".into() },
        Note::Unmasked { path: "/the/path".into() },
        Note::HiddenInside { path: "/the/path".into() },
        Note::StaysReadOnly { paths: vec!["/the/path".into()] },
        Note::ImageTrusted { path: "/the/path".into() },
        Note::UserModeReachesHost,
        Note::FilteredByLibvirt { lack: NftLack::Program { family: Family::Debian } },
        Note::FilteredByLibvirt { lack: NftLack::Kernel { modules: vec!["nft_ct".into()] } },
    ];
    for one in &all {
        match one {
            Note::Emulated { .. } | Note::Privileged | Note::DisplayLacks { .. } => {}
            Note::LittleMemory { .. } => {}
            Note::SocketsReachable { .. } | Note::Unmasked { .. } | Note::HiddenInside { .. } => {}
            Note::ImageTrusted { .. } | Note::StaysReadOnly { .. } => {}
            Note::UserModeReachesHost | Note::FilteredByLibvirt { .. } => {}
        }
    }
    all
}

#[test]
fn every_note_has_its_sentence() {
    for one in notes() {
        let text = note(&one);
        assert!(text.len() > 20 && text.ends_with('.') && !text.contains('{'), "{one:?}: {text}");
    }
}

#[test]
fn what_a_screen_lacks_is_named_as_the_distribution_calls_it() {
    let pieces = [
        Piece::Server,
        Piece::Spiceqxl,
        Piece::Modesetting,
        Piece::Evdev,
        Piece::Keymaps,
        Piece::Agent,
        Piece::Manager,
        Piece::Bus,
        Piece::Sound,
    ];
    for piece in pieces {
        for family in [Family::Debian, Family::Fedora, Family::Suse, Family::Arch, Family::Other] {
            let what = ProblemKind::DisplayLacks { piece, family };
            let found = problem(&Problem { field: "display.kind".into(), what });
            assert!(found.text.ends_with('.') && found.fix.contains(piece.package(family)), "{found:?}");
            assert_eq!(found.fix.contains("Debian"), family == Family::Other);
        }
    }
}

#[test]
fn screens_and_what_is_asked_of_them_have_words() {
    use crate::profile::Clipboard as C;
    let size = terrarium_protocol::display::ScreenSize { width: 1280, height: 720 };
    let status = |up, agent| screen(DisplayStatus { size, up, agent, has_windows: None });
    assert_eq!(status(true, true), "1280 × 720");
    assert!(status(true, false).starts_with("1280 × 720, ") && !status(false, true).contains("1280"));
    let policies: Vec<String> = [C::Off, C::In, C::Out, C::Both, C::Ask].into_iter().map(clipboard).collect();
    let different: std::collections::BTreeSet<&String> = policies.iter().collect();
    assert_eq!(different.len(), 5);
    let error = std::io::Error::from_raw_os_error(13);
    assert!(not_a_screen_size("big").contains("“big”") && not_a_screen_size("").contains("320x200"));
    for text in [needs_screen("--clipboard"), no_desktop(), no_window_program(), window_not_opened(&error)] {
        assert!(text.ends_with('.') && !text.contains('{') && is_harmless(&text), "{text}");
    }
}

#[test]
fn words_are_quoted_for_a_shell() {
    assert_eq!([quote("a-b"), quote(""), quote("it's")], ["a-b", "''", "'it'\\''s'"]);
    let words = [Bytes::from("python3"), Bytes::from("-m"), Bytes::from("a b")];
    assert_eq!(quote_all(&words), "python3 -m 'a b'");
}

/// What a stranger would like to say: a colour, a fake line, a turned text.
const HOSTILE: &str = "\u{1b}[31m\nroot: all is well\u{202e}\u{7}";

fn is_harmless(text: &str) -> bool {
    !text.chars().any(|c| c.is_control() || c == '\u{202e}')
}

#[test]
fn foreign_text_drives_no_terminal() {
    assert_eq!(shown("a\u{1b}[31m\u{202e}b\nc"), "a\\u{1b}[31m\\u{202e}b c");
    assert_eq!(shown(&"x".repeat(9000)).chars().count(), 501);
    for text in
        [uri_refused(HOSTILE), not_a_size(HOSTILE), not_a_variable(HOSTILE), not_a_screen_size(HOSTILE)]
    {
        assert!(is_harmless(&text), "{text:?}");
    }
    let failed = Failure { step: Step::Directory, object: Bytes::from(HOSTILE), errno: 2 };
    assert!(is_harmless(&failure(&failed)), "what a sandbox reports");
    let faults = ["[x]\n\"\\u001b[31m\" = 1\nversion = 1\n", "version = 1\n\"\\u001b[31m\" = 1\n", "\u{1b}"];
    for text in faults {
        let error = crate::profile::parse(text).unwrap_err();
        let error = Error::Profile { path: "/a\u{1b}b".into(), error };
        assert!(lines(&error).iter().all(|line| is_harmless(line)), "{:?}", lines(&error));
    }
}

#[test]
fn faults_of_a_profile_say_what_belongs_there() {
    let text = "version = 1\nname = 3\ncolour = \"pink\"\nlimits.memory = \"much\"\n";
    let error = crate::profile::parse(text).unwrap_err();
    let lines = lines(&Error::Profile { path: "x.terrarium".into(), error });
    assert_eq!(lines.len(), 4, "{lines:?}");
    assert_eq!(lines[0], "x.terrarium: The key “command” is missing. Add it.");
    assert_eq!(lines[1], "x.terrarium:2: The value of “name” has to be text in quotes.");
    assert!(lines[2].starts_with("x.terrarium:3: The value of “colour” has to be one of \"red\", "));
    assert!(lines[3].ends_with("has to be a size such as \"1 GiB\"."));
}

fn io(errno: i32) -> std::io::Error {
    std::io::Error::from_raw_os_error(errno)
}

fn connections() -> Vec<Error> {
    use crate::host::ConnectionState as C;
    use crate::uri::Uri;
    let states =
        [C::Likely, C::Works, C::DriverMissing, C::NotRunning, C::NotAllowed, C::Failed(HOSTILE.into())];
    for state in &states {
        match state {
            C::Likely | C::Works | C::DriverMissing | C::NotRunning | C::NotAllowed | C::Failed(_) => {}
        }
    }
    let uris = [Uri::LxcSystem, Uri::QemuSession, Uri::QemuSystem, Uri::Other(HOSTILE.into())];
    let every = |uri: Uri| states.clone().map(|state| Error::Connect { uri: uri.clone(), state });
    uris.into_iter().flat_map(every).collect()
}

/// One of each kind at least; the match makes a new kind fail to compile.
fn errors() -> Vec<Error> {
    use crate::error::{DomainAction as D, FileAction as F};
    use terrarium_protocol::message::Refusal as R;
    let foreign = || HOSTILE.to_owned();
    let mut all = connections();
    for action in [F::Read, F::Write, F::Create, F::Remove, F::Listen, F::Connect, F::Run] {
        for source in [io(28), io(13), std::io::Error::other(HOSTILE)] {
            all.push(Error::File { action, path: HOSTILE.into(), source });
        }
    }
    for action in [D::List, D::Create, D::Look, D::Pause, D::Resume, D::Destroy, D::Network, D::Limits] {
        all.extend([String::new(), foreign()].map(|message| Error::Libvirt { action, message }));
    }
    use crate::kernel::{Error as KernelError, Expected as X};
    let formats = [X::Image, X::Module, X::Index];
    all.extend(formats.map(|expected| Error::Kernel(KernelError::Format { path: HOSTILE.into(), expected })));
    let refusals = [
        R::AlreadyStarted,
        R::NotStarted,
        R::Finished,
        R::Malformed,
        R::NoScreen,
        R::NoLayer,
        R::Busy,
        R::Version,
    ];
    all.extend(refusals.map(Error::Refused));
    all.extend([
        Error::Problems(problems().into_iter().map(|what| Problem { field: foreign(), what }).collect()),
        Error::Init(Failure { step: Step::Root, object: Bytes::from(HOSTILE), errno: 1 }),
        Error::Crashed { last_words: None },
        Error::Crashed { last_words: Some(LastWords::Said(foreign())) },
        Error::Crashed { last_words: Some(LastWords::In(foreign().into())) },
        Error::Paused,
        Error::NoAnswer { seconds: 20 },
        Error::Version { theirs: 7 },
        Error::Busy,
        Error::NameTaken { name: foreign(), ended: false },
        Error::NameTaken { name: foreign(), ended: true },
        Error::NoSuchSandbox { name: foreign(), like: None },
        Error::NoSuchSandbox { name: foreign(), like: Some(foreign()) },
        Error::NoSuchProfile { name: foreign(), like: None },
        Error::NoSuchProfile { name: foreign(), like: Some(foreign()) },
        Error::NoSuchName { name: foreign(), like: None },
        Error::NoSuchName { name: foreign(), like: Some(foreign()) },
        Error::Kernel(crate::kernel::Error::File { path: HOSTILE.into(), source: io(28) }),
        Error::NoFile { path: HOSTILE.into() },
        Error::NotText,
        Error::ProfileExists { name: foreign() },
        Error::LedElsewhere { path: HOSTILE.into() },
        Error::Cancelled,
    ]);
    all.extend(layer_errors().map(Error::Layer));
    all.extend(network_errors().into_iter().map(Error::Network));
    all.extend(limit_errors().map(Error::Limits));
    for one in &all {
        match one {
            Error::Problems(_) | Error::Profile { .. } | Error::File { .. } | Error::Connect { .. } => {}
            Error::Libvirt { .. } | Error::Init(_) | Error::Refused(_) | Error::Crashed { .. } => {}
            Error::Paused => {}
            Error::NoAnswer { .. } | Error::Version { .. } | Error::Busy | Error::NameTaken { .. } => {}
            Error::NoSuchSandbox { .. }
            | Error::NoSuchProfile { .. }
            | Error::NoSuchName { .. }
            | Error::ProfileExists { .. }
            | Error::NoFile { .. }
            | Error::NotText
            | Error::Kernel(_)
            | Error::Layer(_)
            | Error::Network(_)
            | Error::Limits(_)
            | Error::LedElsewhere { .. }
            | Error::Cancelled => {}
        }
    }
    all
}

fn limit_errors() -> impl Iterator<Item = crate::error::LimitError> {
    use crate::error::LimitError as L;
    use crate::sandbox::Fixed;
    let fixed = [Fixed::Memory, Fixed::Processes, Fixed::Disk].map(L::Fixed);
    let (asked, used) = (64 << 20, 100 << 20);
    let others = [
        L::Memory { most: 1 << 30 },
        L::Cpus { most: 2 },
        L::InUse { asked, used },
        L::NotGiven { asked, left: used },
    ];
    for one in &others {
        match one {
            L::Memory { .. } | L::Cpus { .. } | L::InUse { .. } | L::NotGiven { .. } | L::Fixed(_) => {}
        }
    }
    fixed.into_iter().chain(others)
}

fn layer_errors() -> impl Iterator<Item = crate::error::LayerError> {
    use crate::error::{LayerError as L, NotApplied};
    use crate::profile::Isolation;
    let foreign = || HOSTILE.to_owned();
    let all = [
        L::InUse { name: foreign() },
        L::OfOther { name: foreign(), isolation: Isolation::Container },
        L::OfOther { name: foreign(), isolation: Isolation::Machine },
        L::NotMade { words: foreign() },
        L::None { name: foreign(), like: None },
        L::None { name: foreign(), like: Some(foreign()) },
        L::Kept { name: foreign() },
        L::KeptEarlier { path: HOSTILE.into() },
        L::Broken,
        L::Partial,
        L::File { path: HOSTILE.into(), errno: 2 },
        L::NotApplied { path: HOSTILE.into(), why: NotApplied::Outside },
        L::NotApplied { path: HOSTILE.into(), why: NotApplied::Gone },
        L::NotApplied { path: HOSTILE.into(), why: NotApplied::Kind },
        L::NotApplied { path: HOSTILE.into(), why: NotApplied::Changed },
        L::NotApplied { path: HOSTILE.into(), why: NotApplied::Taken },
        L::NotApplied { path: HOSTILE.into(), why: NotApplied::Unchanged },
        L::NotApplied { path: HOSTILE.into(), why: NotApplied::InTheWay },
        L::NotApplied { path: HOSTILE.into(), why: NotApplied::NoTrash },
        L::NotApplied { path: HOSTILE.into(), why: NotApplied::LedElsewhere },
        L::NotApplied { path: HOSTILE.into(), why: NotApplied::Astray },
        L::NotApplied { path: HOSTILE.into(), why: NotApplied::Guarded(crate::plan::Holds::Keys) },
    ];
    for one in &all {
        match one {
            L::InUse { .. } | L::OfOther { .. } | L::NotMade { .. } | L::None { .. } | L::Kept { .. } => {}
            L::KeptEarlier { .. } | L::Broken | L::Partial | L::File { .. } | L::NotApplied { .. } => {}
        }
    }
    all.into_iter()
}

#[test]
fn every_error_has_harmless_sentences() {
    for one in errors() {
        let lines = lines(&one);
        assert!(!lines.is_empty(), "{one:?}");
        for line in &lines {
            assert!(line.len() > 10 && is_harmless(line), "{one:?}: {line:?}");
            assert!(
                !line.contains("{why}") && !line.contains("{path}") && !line.contains("{name}"),
                "{line}"
            );
        }
    }
}

#[test]
fn what_a_sandbox_has_written_is_told_harmlessly() {
    use crate::plan::Holds;
    use crate::sandbox::changes::{Changes, Entry, Line, Question, Why};
    use terrarium_protocol::changes::{Change, Facts, FileKind, Totals, What};
    let facts = |kind| Facts {
        kind,
        mode: 0o4755,
        uid: 0,
        gid: 0,
        size: 7,
        modified: -1,
        nanoseconds: 0,
        target: Bytes::from(HOSTILE),
    };
    let mut path = b"/\xff\x00".to_vec();
    path.extend_from_slice(HOSTILE.as_bytes());
    let kinds = [
        FileKind::File,
        FileKind::Folder,
        FileKind::Link,
        FileKind::Block,
        FileKind::Character,
        FileKind::Fifo,
        FileKind::Socket,
    ];
    let whats = [What::Added, What::Modified, What::Deleted, What::Type, What::Permissions];
    let mut all = Vec::new();
    for kind in kinds {
        for what in whats {
            let change = Change {
                path: Bytes::from(path.as_slice()),
                what,
                before: Some(facts(FileKind::File)),
                after: Some(facts(kind)),
            };
            let moved_from = (what == What::Added).then(|| Bytes::from(path.as_slice()));
            all.push(Entry { change, moved_from, outdated: true, again: true });
        }
    }
    for entry in &all {
        let line = change(entry);
        assert!(line.contains("\\xff") && is_harmless(&line), "{line:?}");
    }
    let totals = Totals { changes: 9, bytes: 1, partial: true };
    let question = |why, deletes| Question { path: HOSTILE.into(), place: HOSTILE.into(), why, deletes };
    let lines = [
        change_totals(&Changes { all, totals }),
        change_totals(&Changes::default()),
        vec![
            outdated(&[Bytes::from(path.as_slice())]),
            to_review(1, HOSTILE),
            to_review(0, HOSTILE),
            to_review(5, HOSTILE),
            already_there(&[HOSTILE.into()], std::path::Path::new("/home/ada")),
            in_place(&vec![HOSTILE.into(); 9], std::path::Path::new("/home/ada")),
            asked(&question(Why::Unseen, false), std::path::Path::new("/home/ada")),
            asked(&question(Why::Guarded(Holds::Keys), true), std::path::Path::new("/home/ada")),
            not_asked(2),
            left_out(&path),
            hunk_head(&[Line { old: Some(1), new: None, text: HOSTILE.into() }]),
            text_line(HOSTILE),
            layer_full(),
            in_trash(std::path::Path::new(HOSTILE)),
            applied(1, std::path::Path::new(HOSTILE)),
            kept(2, HOSTILE),
            is_kept(HOSTILE),
            discarded(1, HOSTILE),
            not_compared(),
            shown_kinds(),
        ],
    ];
    for line in lines.concat() {
        assert!(!line.is_empty() && is_harmless(&line), "{line:?}");
    }
}

#[test]
fn escaped_paths_can_be_told_apart() {
    let all: [&[u8]; 6] = [b"/a\n", b"/a\\n", b"/a\xff", b"/a\\xff", "/a\u{202e}".as_bytes(), b"/a"];
    let shown: std::collections::BTreeSet<String> = all.iter().map(|path| escaped(path)).collect();
    assert_eq!(shown.len(), all.len(), "{shown:?}");
}

/// Nobody in this program names options but for a moment in another test.
#[test]
fn who_has_rows_is_told_of_rows() {
    use crate::plan::NetworkProblem;
    for in_group in [true, false] {
        let problem = crate::plan::Problem {
            field: "network.mode".into(),
            what: ProblemKind::Network(NetworkProblem::NeedsSystem { in_group }),
        };
        let fix = super::problem(&problem).fix;
        assert!(fix.contains("press “Add Interface”") && !fix.contains("-N"), "{fix}");
    }
}

#[test]
fn a_word_of_another_spelling_is_known() {
    use crate::profile::FaultKind;
    let fault = crate::profile::Fault { line: 3, what: FaultKind::UnknownKey { key: "color".into() } };
    let error = Error::Profile {
        path: "a.terrarium".into(),
        error: crate::profile::ParseError { faults: vec![fault] },
    };
    assert_eq!(lines(&error), ["a.terrarium:3: There is no key “color”. Write “colour”."]);
}
