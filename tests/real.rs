// SPDX-License-Identifier: LGPL-2.1-or-later
//! The window with real sandboxes. Pictures are left under target/pictures.

#[path = "scene/program.rs"]
mod program;
#[path = "scene/sandboxes.rs"]
mod sandboxes;
mod scene;

use adw::prelude::*;
use gtk::{gdk, glib, graphene};
use program::{ctl, scaled, skip, wait_for, Glass, Me, Program, BOOT};
use sandboxes::{open, Scene};
use std::cell::Cell;
use std::io::Read;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use terrarium::pages::tab::Phase;
use terrarium::pages::templates;
use terrarium::window::Launch;
use terrarium_engine::profile::Isolation;
use vte::prelude::*;

const BOTH: [Glass; 2] = [Glass::Container, Glass::Machine];

impl Scene {
    fn start(&self, glass: Glass, command: &str) {
        self.act("win.new-run");
        let row = match glass {
            Glass::Container => "container",
            Glass::Machine => "machine",
        };
        let choice = self.object::<gtk::CheckButton>(row);
        self.until("it can be chosen", || choice.is_sensitive());
        choice.set_active(true);
        self.run(command);
        self.within(BOOT, "it runs", || self.phase() != Some(Phase::Starting));
    }

    fn phase(&self) -> Option<Phase> {
        self.window.runs.current().map(|tab| tab.phase())
    }

    /// The lines of the terminal as they stand on the screen.
    fn lines(&self) -> Vec<String> {
        let tab = self.window.runs.current().expect("a tab");
        tab.text().lines().map(str::to_owned).collect()
    }

    /// Pictures it once the terminal is drawn: its text is known before.
    fn drawn(&self, name: &str) {
        let path =
            PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/pictures").join(format!("{name}.png"));
        let bounds = || self.terminal().compute_bounds(&self.window.widget).expect("a place");
        self.until("it is drawn", || {
            self.terminal().queue_draw();
            self.picture(name);
            ink(&path, &bounds()) > 0.01
        });
    }

    fn keys(&self, keys: &str) {
        self.terminal().feed_child(keys.as_bytes());
    }

    fn ends(&self, with: &str) {
        self.within(BOOT, "it ends", || self.phase() == Some(Phase::Ended));
        self.shows(with);
        let uuid = self.uuid();
        self.within(BOOT, "it is gone", || !listed().iter().any(|one| one["uuid"] == uuid.as_str()));
    }
}

/// How much of a part of a picture is not of its most frequent colour.
fn ink(path: &std::path::Path, part: &graphene::Rect) -> f64 {
    let texture = gdk::Texture::from_filename(path).expect("a picture");
    let (width, height) = (texture.width() as usize, texture.height() as usize);
    let mut pixels = vec![0; width * height * 4];
    texture.download(&mut pixels, width * 4);
    let pixels = pixels.chunks_exact(4).enumerate().filter(|(at, _)| {
        part.contains_point(&graphene::Point::new((at % width) as f32, (at / width) as f32))
    });
    let mut counts = std::collections::HashMap::<&[u8], usize>::new();
    pixels.for_each(|(_, pixel)| *counts.entry(pixel).or_default() += 1);
    let (all, most) = (counts.values().sum::<usize>(), counts.values().copied().max());
    1.0 - most.unwrap_or(0) as f64 / all.max(1) as f64
}

#[gtk::test]
fn programs_that_fill_the_screen_draw_properly() {
    for glass in BOTH {
        let shown = open();
        // A window begins with the size of the last one.
        shown.window.widget.set_default_size(1100, 760);
        shown.start(glass, "vim -n -R -u NONE /etc/passwd");
        shown.within(BOOT, "vim draws", || shown.lines().iter().any(|line| line.contains("\"/etc/passwd\"")));
        let rows = shown.terminal().row_count() as usize;
        shown.until("its first and last row are where they belong", || {
            let lines = shown.lines();
            lines[0].starts_with("root:x:0:0:") && lines.len() == rows
        });
        shown.drawn(&format!("{glass:?}-vim"));
        shown.window.widget.set_default_size(800, 560);
        shown.until("there are fewer rows", || (shown.terminal().row_count() as usize) < rows);
        shown.keys(":set number\r");
        shown.until("it draws anew", || {
            shown.lines().iter().any(|line| line.trim_start().starts_with("1 root:x:0:0:"))
        });
        shown.keys(":file\r");
        shown.until("its last row is the last", || {
            let lines = shown.lines();
            lines.len() == shown.terminal().row_count() as usize
                && lines.last().is_some_and(|line| line.contains("/etc/passwd"))
        });
        shown.keys(":q!\r");
        shown.ends("Exit code 0");
    }
}

#[gtk::test]
fn a_pager_and_a_monitor_draw_properly() {
    for glass in BOTH {
        let shown = open();
        shown.start(glass, "less /usr/share/common-licenses/GPL-3");
        let has = |text: &str| shown.lines().iter().any(|line| line.contains(text));
        shown.within(BOOT, "less draws", || has("GNU GENERAL PUBLIC LICENSE"));
        shown.drawn(&format!("{glass:?}-less"));
        shown.keys("G");
        shown.until("the last page", || has("why-not-lgpl.html") && !has("GNU GENERAL PUBLIC LICENSE  "));
        shown.keys("q");
        shown.ends("Exit code 0");
        shown.start(glass, "top -d 1");
        shown.within(BOOT, "top draws", || has("PID USER") && has("load average"));
        let row = |text: &str| shown.lines().iter().position(|line| line.contains(text));
        shown.until("its rows are in order", || {
            row("top - ").is_some_and(|first| row("PID USER") == Some(first + 6))
        });
        shown.drawn(&format!("{glass:?}-top"));
        shown.is_killed(glass);
    }
}

#[gtk::test]
fn much_text_leaves_the_window_usable_and_small() {
    for glass in BOTH {
        much_text(glass);
    }
}

fn much_text(glass: Glass) {
    // Tests before this one have left something in the process, too.
    std::fs::write("/proc/self/clear_refs", "5").expect("the peak is forgotten");
    let before = peak_memory();
    let shown = open();
    let bytes = scaled(if glass == Glass::Container { 20 } else { 4 }, 100) * 1_000_000;
    shown.start(glass, &format!("sh -c 'yes \"a line of text that is long enough to be one\" | head -c {bytes}; echo; echo the end'"));
    let (longest, last) = (Cell::new(Duration::ZERO), Cell::new(Instant::now()));
    shown.within(Duration::from_secs(240), "it ends", || {
        longest.set(longest.get().max(last.replace(Instant::now()).elapsed()));
        shown.phase() == Some(Phase::Ended)
    });
    assert!(longest.get() < Duration::from_secs(1), "the main loop stood still for {:?}", longest.get());
    shown.until("the end is drawn", || shown.lines().last().is_some_and(|line| line == "the end"));
    shown.ends("Exit code 0");
    let lines = shown.lines();
    assert!(lines.len() > 10_000, "only {} lines are kept", lines.len());
    // A window of its own begins with some 100 MiB, and may have 250.
    // The kernel counts in batches: it can be a little less than it was.
    let memory = peak_memory().saturating_sub(before);
    assert!(memory < 150 << 20, "the window took {} MiB more than {} MiB", memory >> 20, before >> 20);
}

/// The most memory that this process had since that was forgotten, in bytes.
fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("a status");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a peak");
    line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") * 1024
}

#[gtk::test]
fn a_killed_window_is_opened_again_where_it_was() {
    for glass in BOTH {
        let program = Program::open(&Me);
        program.type_and_run(glass, "sh -c 'echo before; read a; echo \"then $a\"; exit 9'");
        wait_for("it runs", has_spoken);
        // SIGKILL.
        drop(program);
        let shown = open();
        shown.within(BOOT, "the sandbox is listed", || shown.card("sh").is_some());
        match restart_of_libvirt() {
            Some(restart) => assert!(restart.success()),
            None => skip("a_killed_window: restart", "libvirtd was started by somebody else"),
        }
        shown.card("sh").expect("a card").emit_clicked();
        shown.within(BOOT, "what was there", || shown.window.describe().contains("before"));
        let mut killed = shown.terminal_client(&[]);
        let mut first = [0; 6];
        killed.stdout.as_mut().expect("a pipe").read_exact(&mut first).expect("what was there");
        assert_eq!(&first, b"before");
        killed.kill().and_then(|()| killed.wait()).expect("its end");
        let mut next = shown.terminal_client(&["--from", "6"]);
        // It is there before the command ends.
        let mut rest = [0; 2];
        next.stdout.as_mut().expect("a pipe").read_exact(&mut rest).expect("the rest of the line");
        assert_eq!(&rest, b"\r\n");
        shown.keys("typed\r");
        shown.ends("Exit code 9");
        shown.shows("then typed");
        let output = next.wait_with_output().expect("its output");
        assert_eq!(String::from_utf8_lossy(&output.stdout), "typed\r\nthen typed\r\n");
        assert_eq!(output.status.code(), Some(9), "the one that watched");
    }
}

impl Scene {
    /// `terrariumctl attach --watch` of what this window shows.
    fn terminal_client(&self, options: &[&str]) -> Child {
        let mut ctl = Command::new(ctl());
        ctl.args(["attach", "--watch"]).args(options).arg(self.uuid());
        ctl.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("terrariumctl")
    }

    fn uuid(&self) -> String {
        self.window.runs.current().and_then(|tab| tab.id()).expect("a sandbox").uuid
    }

    /// Kills what holds the sandbox from outside: the window says so soon.
    fn is_killed(&self, glass: Glass) {
        let uuid = self.uuid();
        let all = listed();
        let domain =
            all.iter().find(|one| one["uuid"] == uuid.as_str()).expect("it is listed")["domain"].clone();
        let domain = domain.as_str().expect("a name");
        let pattern = match glass {
            Glass::Container => format!("libvirt_lxc --name {domain} "),
            Glass::Machine => format!("qemu-system-x86_64.*guest={domain},"),
        };
        let killed = Command::new("pkill").args(["-KILL", "-f", &pattern]).status().expect("pkill");
        assert!(killed.success(), "nothing is called {pattern}");
        self.within(Duration::from_secs(3), "it has crashed", || self.window.describe().contains("Crashed"));
        self.ends("Crashed");
    }
}

/// What `terrariumctl list` knows.
fn listed() -> Vec<serde_json::Value> {
    let output = Command::new(ctl()).args(["list", "--json"]).output().expect("terrariumctl");
    serde_json::from_slice(&output.stdout).expect("a list")
}

/// Whether the sandbox of the killed window has written something.
fn has_spoken() -> bool {
    let wrote = |one: &serde_json::Value| one["status"]["streams"][0]["end"].as_u64() > Some(0);
    listed().iter().any(|one| one["name"] == "sh" && wrote(one))
}

/// Restarts the daemon, if it was started by tools/services.
fn restart_of_libvirt() -> Option<std::process::ExitStatus> {
    let services = concat!(env!("CARGO_MANIFEST_DIR"), "/tools/services");
    let pid = our_daemon()?;
    Command::new("kill").args(["-KILL", &pid]).status().ok()?;
    wait_for("the daemon's end", || !PathBuf::from("/proc").join(&pid).exists());
    Command::new(services).arg("start").status().ok()
}

/// Goes on when the test is over, however it ends.
struct Hung(String);

impl Hung {
    fn signal(&self, name: &str) {
        let _ = Command::new("kill").args([name, &self.0]).status();
    }
}

impl Drop for Hung {
    fn drop(&mut self) {
        self.signal("-CONT");
    }
}

/// The daemon that tools/services has started.
fn our_daemon() -> Option<String> {
    let folder = std::env::var_os("TERRARIUM_SERVICES").unwrap_or_else(|| "/run/terrarium-services".into());
    let notes = std::fs::read_to_string(PathBuf::from(folder).join("started")).ok()?;
    let line = notes.lines().rev().find(|line| line.ends_with(" libvirtd"))?;
    line.split(' ').next().map(str::to_owned)
}

#[gtk::test]
fn a_stopped_libvirt_leaves_the_window_painting_and_the_terminal_working() {
    let Some(pid) = our_daemon() else {
        skip("a_stopped_libvirt", "libvirtd was started by somebody else");
        return;
    };
    let shown = open();
    let hung = Hung(pid);
    shown.start(Glass::Container, "cat");
    hung.signal("-STOP");
    shown.keys("hello\r");
    shown.shows("hello");
    shown.act("win.back");
    let notice = shown.object::<gtk::Revealer>("notice");
    shown.until("it says what it waits for", || notice.reveals_child());
    shown.picture("waiting-for-libvirt");
    shown.act("win.new-run");
    assert!(shown.window.shows("form"));
    // The main loop goes round while libvirt stands still.
    let turns = std::rc::Rc::new(Cell::new(0));
    let count = turns.clone();
    let ticks = glib::timeout_add_local(Duration::from_millis(20), move || {
        count.set(count.get() + 1);
        glib::ControlFlow::Continue
    });
    shown.until("the loop goes round", || turns.get() > 50);
    ticks.remove();
    hung.signal("-CONT");
    shown.until("it works again", || !notice.reveals_child());
    shown.window.show("runs");
    shown.window.runs.current().expect("a tab").stop();
    shown.ends("Stopped");
}

/// A profile that somebody sent: what it reaches is shown, it runs, its card
/// says what it writes and uses, and whoever stops it has stopped it, whatever
/// status its command ends with.
#[gtk::test]
fn a_profile_is_shown_runs_and_is_stopped_from_outside() {
    let shown = open();
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("offer.terrarium");
    let command = "trap 'exit 15' TERM; echo ready; while :; do sleep 0.1; done";
    let text = format!(
        "version = 1\nname = \"Offer\"\nisolation = \"container\"\n[command]\nargv = [\"sh\", \"-c\", \"{command}\"]\n"
    );
    std::fs::write(&path, text).expect("a profile");
    let window = shown.window.clone();
    glib::spawn_future_local(async move { window.open_profile(path).await });
    shown.until("its reach is shown", || scene::over("sheet").is_some());
    let sheet = scene::over("sheet").expect("a sheet");
    assert!(scene::says(&sheet, "From: offer.terrarium") && scene::says(&sheet, "Talk to the network"));
    assert!(shown.window.runs.current().is_none(), "nothing runs unseen");
    scene::find(&sheet, "run").and_downcast::<gtk::Button>().expect("a button").emit_clicked();
    shown.within(BOOT, "it runs", || {
        shown.phase() == Some(Phase::Running) && shown.lines().iter().any(|line| line == "ready")
    });
    let uuid = shown.window.runs.current().and_then(|tab| tab.id()).expect("a sandbox").uuid;
    shown.act("win.back");
    let says = |text: &str| shown.card("Offer").is_some_and(|card| scene::says(card.upcast_ref(), text));
    shown.within(BOOT, "its card knows", || says("ready") && says("CPU\u{a0}· ") && says("MiB"));
    shown.picture("real-home");
    let status = Command::new(ctl()).args(["stop", &uuid]).status().expect("terrariumctl");
    assert!(status.success());
    shown.window.show("runs");
    shown.within(BOOT, "it has stopped", || {
        shown.window.describe().contains("Stopped · You stopped it after")
    });
}

#[gtk::test]
fn what_a_sandbox_changed_is_looked_at_and_thrown_away() {
    for glass in BOTH {
        let shown = open();
        let name = format!("Changing {glass:?} {}", std::process::id());
        start_to_review(&shown, glass, &name);
        let row = || {
            shown.window.runs.current().and_then(|tab| scene::find(tab.widget.upcast_ref(), "changes-row"))
        };
        shown.within(BOOT, "its changes are offered", || row().is_some_and(|row| row.is_mapped()));
        let row = row().and_downcast::<adw::ActionRow>().expect("a row");
        assert_eq!(row.title(), "5 Changes");
        shown.picture(&format!("real-changes-end-{glass:?}"));
        adw::prelude::ActionRowExt::activate(&row);
        shown.until("the changes are shown", || scene::over("changes").is_some());
        let changes = scene::over("changes").expect("a window");
        look_at_all(&shown, glass, &changes);
        WidgetExt::activate_action(&changes, "changes.discard", None).expect("it can be thrown away");
        shown.until("it asks", || scene::dialog().is_some());
        answer(&scene::dialog().expect("a question"), "discard");
        shown.within(BOOT, "it is gone", || !changes.is_visible() && !row.is_mapped());
        let left = Command::new(ctl()).args(["changes", &name]).output().expect("terrariumctl");
        assert_eq!(left.status.code(), Some(125), "{left:?}");
    }
}

/// Runs something that writes a text, a folder with two more, and a picture.
fn start_to_review(shown: &Scene, glass: Glass, name: &str) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("changing.terrarium");
    let picture = "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAA0JCgsKCA0LCgsODg0PEyAVExISEyccHhcgLikxMC4pLSwzOko+MzZGNywtQFdBRkxOUlNSMj5aYVpQYEpRUk//2wBDAQ4ODhMREyYVFSZPNS01T09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT0//wAARCAAJAAwDASIAAhEBAxEB/8QAFgABAQEAAAAAAAAAAAAAAAAAAAUG/8QAFhABAQEAAAAAAAAAAAAAAAAAABRh/8QAFQEBAQAAAAAAAAAAAAAAAAAABAb/xAAXEQADAQAAAAAAAAAAAAAAAAAABBVR/9oADAMBAAIRAxEAPwDJV6V6nitgq4Mts6f/2Q==";
    let command = format!(
        "echo written inside >~/new.txt; mkdir ~/folder; for f in a b; do echo $f >~/folder/$f.txt; done; \
         echo {picture} | base64 -d >~/picture.jpg; echo ready"
    );
    let isolation = if glass == Glass::Container { "container" } else { "machine" };
    let text = format!(
        "version = 1\nname = \"{name}\"\nisolation = \"{isolation}\"\n[files]\nchanges = \"review\"\n\
         [command]\nargv = [\"sh\", \"-c\", \"{command}\"]\n"
    );
    std::fs::write(&path, text).expect("a profile");
    let window = shown.window.clone();
    glib::spawn_future_local(async move {
        window.open_profile(path).await;
        drop(folder);
    });
    shown.until("its reach is shown", || scene::over("sheet").is_some());
    let sheet = scene::over("sheet").expect("a sheet");
    scene::find(&sheet, "run").and_downcast::<gtk::Button>().expect("a button").emit_clicked();
}

/// Each of them, wide and narrow.
fn look_at_all(shown: &Scene, glass: Glass, changes: &gtk::Widget) {
    let list = scene::find(changes, "list").and_downcast::<gtk::ListView>().expect("a list");
    let text = scene::find(changes, "text").and_downcast::<gtk::TextView>().expect("a text");
    let stack = scene::find(changes, "detail").and_downcast::<gtk::Stack>().expect("a stack");
    let leaflet = scene::find(changes, "leaflet").and_downcast::<adw::Leaflet>().expect("a leaflet");
    let chosen = list.model().and_downcast::<gtk::SingleSelection>().expect("a selection");
    let window = changes.downcast_ref::<gtk::Window>().expect("a window");
    let content = || {
        let buffer = text.buffer();
        buffer.text(&buffer.start_iter(), &buffer.end_iter(), false)
    };
    let is = |page: &str| stack.visible_child_name().is_some_and(|name| name == page);
    for (size, width, height) in [("wide", 1100, 760), ("narrow", 400, 700)] {
        shown.until("it has its size", || {
            window.set_default_size(width, height);
            (width - 30..=width).contains(&window.width())
        });
        leaflet.set_visible_child_name("list");
        chosen.set_selected(gtk::INVALID_LIST_POSITION);
        shown.until("all are listed", || scene::says(changes, "new.txt") && scene::says(changes, "~/folder"));
        shown.picture_of(changes, &format!("real-changes-{glass:?}-list-{size}"));
        // Home Folder, folder, new.txt, picture.jpg, ~/folder, a.txt, b.txt
        chosen.set_selected(2);
        shown.within(BOOT, "the difference is shown", || {
            is("text") && content().contains(" 1 + written inside")
        });
        shown.picture_of(changes, &format!("real-changes-{glass:?}-text-{size}"));
        chosen.set_selected(3);
        shown.within(BOOT, "the picture is shown", || is("pictures") && scene::says(changes, "12 × 9"));
        shown.picture_of(changes, &format!("real-changes-{glass:?}-picture-{size}"));
        chosen.set_selected(1);
        shown.until("the folder is shown", || is("about") && scene::says(changes, "2 files · 4\u{a0}bytes"));
        shown.picture_of(changes, &format!("real-changes-{glass:?}-folder-{size}"));
    }
}

/// Nothing of it is left once its tab is closed, and all of it is there before.
#[gtk::test]
fn what_is_thrown_away_is_there_until_its_tab_is_closed() {
    let shown = open();
    let word = format!("file-{}", std::process::id());
    shown.start(Glass::Container, &format!("sh -c 'echo seen >~/{word}; echo ready'"));
    let row = || {
        let tab = shown.window.runs.current()?;
        scene::find(tab.widget.upcast_ref(), "changes-row").filter(WidgetExt::is_mapped)
    };
    shown.within(BOOT, "its changes are offered", || row().is_some());
    let uuid = shown.window.runs.current().and_then(|tab| tab.id()).expect("a sandbox").uuid;
    let listed = || Command::new(ctl()).args(["changes", &uuid]).output().expect("terrariumctl");
    // Others clean up meanwhile.
    assert!(Command::new(ctl()).arg("list").output().expect("terrariumctl").status.success());
    let told = listed();
    let text = String::from_utf8_lossy(&told.stdout).into_owned();
    assert!(text.contains(&word), "{told:?}");
    shown.act("win.close-tab");
    shown.until("it asks", || scene::dialog().is_some_and(|one| one.body().contains(&word)));
    answer(&scene::dialog().expect("a question"), "discard");
    shown.within(BOOT, "it is closed", || shown.window.runs.current().is_none());
    shown.within(BOOT, "nothing is left", || listed().status.code() == Some(125));
}

/// With a real list of changes, which comes a moment after the end.
#[gtk::test]
fn a_restart_asks_about_files_and_else_about_nothing() {
    // A machine does the same in five times the time.
    for &glass in scaled(&BOTH[..1], &BOTH[..]) {
        let shown = open();
        let shell = |script: &str| format!("sh -c '{script}; sleep 1000'");
        shown.start(glass, &shell("echo ready"));
        shown.within(BOOT, "it has started", || shown.lines().iter().any(|line| line == "ready"));
        let first = shown.uuid();
        shown.act("win.restart");
        shown
            .within(BOOT, "it runs again", || shown.phase() == Some(Phase::Running) && shown.uuid() != first);
        assert!(scene::dialog().is_none(), "nothing would go");
        stop(&shown);
        shown.start(glass, &shell("echo mine >Documents/mine; echo ready"));
        shown.within(BOOT, "it has written", || shown.lines().iter().any(|line| line == "ready"));
        shown.act("win.restart");
        shown.within(BOOT, "it asks", || scene::dialog().is_some());
        let dialog = scene::dialog().expect("a question");
        assert!(dialog.body().contains("Documents/mine"), "{}", dialog.body());
        let second = shown.uuid();
        answer(&dialog, "discard");
        shown.within(BOOT, "it runs again", || {
            shown.phase() == Some(Phase::Running) && shown.uuid() != second
        });
        stop(&shown);
    }
}

/// Ends what is shown, and closes it with all that it wrote.
fn stop(shown: &Scene) {
    shown.act("win.stop");
    shown.within(BOOT, "it ends", || shown.phase() == Some(Phase::Ended));
    shown.pass(1500);
    shown.act("win.close-tab");
    shown.pass(300);
    scene::dialog().iter().for_each(|dialog| answer(dialog, "discard"));
}

/// As its buttons do.
fn answer(dialog: &adw::MessageDialog, with: &str) {
    dialog.response(with);
    gtk::prelude::GtkWindowExt::destroy(dialog);
}

#[gtk::test]
fn a_file_is_edited_and_comes_back_as_a_change() {
    let shown = open();
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("letter.txt");
    std::fs::write(&path, "one line\n").expect("a file");
    let app = terrarium::apps::App {
        id: "writer.desktop".into(),
        name: "Writer".into(),
        comment: String::new(),
        icon: String::new(),
        exec: "sh -c 'echo \"and another\" >>\"$0\"; echo written' %f".into(),
        terminal: true,
        directory: None,
        unlisted: false,
        types: Vec::new(),
        file: folder.path().join("writer.desktop"),
    };
    let mut profile = templates::edit(&path, &app, shown.window.bridge.host().expect("a host"));
    profile.isolation = Some(Isolation::Container);
    profile.name = format!("Letter {}", std::process::id());
    shown.window.launch(Launch { shown: true, ..Launch::unsaved(profile) });
    let row =
        || shown.window.runs.current().and_then(|tab| scene::find(tab.widget.upcast_ref(), "changes-row"));
    shown.within(BOOT, "its change is offered", || row().is_some_and(|row| row.is_mapped()));
    let row = row().and_downcast::<adw::ActionRow>().expect("a row");
    assert_eq!(row.title(), "1 Change");
    adw::prelude::ActionRowExt::activate(&row);
    shown.until("the change is shown", || scene::over("changes").is_some());
    let changes = scene::over("changes").expect("a window");
    assert!(scene::says(&changes, "letter.txt"));
    assert_eq!(std::fs::read_to_string(&path).expect("the file"), "one line\n", "it is as it was");
    WidgetExt::activate_action(&changes, "changes.discard", None).expect("it can be thrown away");
    shown.until("it asks", || scene::dialog().is_some());
    answer(&scene::dialog().expect("a question"), "discard");
    shown.within(BOOT, "it is gone", || !changes.is_visible());
}
