// SPDX-License-Identifier: LGPL-2.1-or-later
//! What people do with it.

use crate::Desk;
use std::fs;
use std::path::{Path, PathBuf};

/// A form is filled, saved, changed, made a launcher, shown with what it can
/// reach, run and stopped.
#[test]
fn a_profile_is_made_changed_run_and_stopped() {
    let desk = Desk::open();
    let name = desk.mark.clone();
    desk.act("win.new-run");
    // The text in a row is not told of: a new form begins with it.
    desk.part("text box", "Command");
    desk.type_over("sh -c 'sleep 1000'");
    choose(&desk, "Container");
    desk.act("win.form-save-as");
    desk.until("it asks for a name", || desk.says("Save as Profile"));
    desk.focus("text box", "Name");
    desk.type_over(&name);
    desk.key("Return");
    let file = desk.path(&format!("config/terrarium/profiles/{name}.terrarium"));
    desk.until("it is saved", || file.exists());
    // Edited.
    desk.until("the question is gone", || !desk.says("Save as Profile"));
    // Tab begins at the first thing after the entry, and goes round.
    desk.focus("button", "Choose an App Choose App…");
    desk.key("shift+Tab");
    desk.type_over("sh -c 'sleep 2000'");
    desk.act("win.form-save");
    desk.until("the change is saved", || {
        fs::read_to_string(&file).is_ok_and(|text| text.contains("sleep 2000"))
    });
    // Among the apps.
    desk.act("win.form-launcher");
    let launcher = desk.path(&format!("data/applications/org.terrarium.Terrarium.profile.{name}.desktop"));
    desk.until("it has a launcher", || launcher.exists());
    desk.act("win.back");
    // What it can reach is said before it runs for the first time.
    desk.press(&format!("Run {name}"));
    desk.until("its reach is shown", || desk.window("What It Can Reach").is_some());
    let sheet = desk.window("What It Can Reach").expect("a sheet");
    assert!(sheet.says("Talk to the network") && sheet.says("Read the system"), "{}", sheet.describe());
    assert!(!desk.runs(&name), "nothing runs before that");
    press_in(&desk, "What It Can Reach", "Run");
    desk.until("it runs", || desk.runs(&name));
    desk.until("its page is shown", || desk.says("No network · "));
    desk.press("Stop");
    desk.until("it is stopped", || desk.says("You stopped it after"));
    desk.until("it is gone", || !desk.runs(&name));
}

/// A terminal deletes a word with Ctrl+W, where the window would close its tab.
#[test]
fn a_shell_gets_its_own_keys() {
    let desk = Desk::open();
    desk.act("win.new-run");
    desk.part("text box", "Command");
    desk.type_over("sh -i");
    choose(&desk, "Container");
    desk.key("ctrl+Return");
    let shell = || desk.running().into_iter().find(|one| one["state"] == "running" && name(one) == "sh");
    desk.until("a shell runs", || shell().is_some_and(|one| desk.output(name(&one)).contains("$")));
    let shell = shell().expect("it runs");
    desk.types("echo word");
    desk.key("ctrl+w");
    desk.types("to-$((40 + 2))");
    desk.key("Return");
    desk.until("it has answered", || desk.output(name(&shell)).contains("\nto-42"));
    desk.press("Stop");
    desk.until("it is stopped", || desk.says("You stopped it after"));
}

fn name(one: &serde_json::Value) -> &str {
    one["name"].as_str().unwrap_or_default()
}

/// A picture without a word is called as its hint says, and not after its type.
#[test]
fn what_is_pressed_has_a_name() {
    let desk = Desk::open();
    desk.act("win.new-run");
    desk.part("text box", "Command");
    let is_nameless = |one: &crate::Part| {
        let (name, role) = (one.name(), one.role());
        let pressed = role == "button" || role == "toggle button" || role == "search box";
        // What is empty is not seen yet, and says so by its type.
        pressed && name.starts_with("Gtk") && !one.description().is_empty()
    };
    for window in desk.windows() {
        let found = window.find(&is_nameless);
        assert!(found.is_none(), "{}", found.map(|one| one.describe()).unwrap_or_default());
    }
    desk.part("button", "Home");
    desk.part("search box", "Search sandboxes and profiles");
}

/// A window that was killed, two windows, and a file.
#[test]
fn what_runs_is_found_again_and_a_file_is_opened() {
    let mut desk = Desk::open();
    let (letter, file, _papers) = letter(&desk);
    desk.call(&[letter.to_str().expect("a path")]);
    is_read_only(&desk, &letter, &file);
    desk.act("win.new-window");
    desk.until("there are two", || {
        desk.windows().iter().filter(|one| one.name() == "Terrarium").count() == 2
    });
    // Both of them are gone at once.
    desk.kill();
    desk.until("it lives on", || desk.runs(&file));
    desk.begin();
    let card = || {
        let is_it = |one: &crate::Part| one.role() == "button" && one.name().starts_with(&file);
        desk.main().find(&is_it)
    };
    desk.until("its card is there", || card().is_some());
    assert!(card().is_some_and(|card| card.act()));
    desk.until("its page is shown", || desk.says("No network · "));
    desk.press("Stop");
    desk.until("it is stopped", || desk.says("You stopped it after"));
    desk.until("nothing is left of it", || !desk.runs(&file));
}

/// Dropped by another program on Home.
#[test]
fn a_file_that_is_dropped_is_opened_and_cannot_be_written() {
    let desk = Desk::open();
    let (letter, file, _papers) = letter(&desk);
    crate::drop::drop_file(desk.display(), &format!("file://{}", letter.display()));
    is_read_only(&desk, &letter, &file);
}

/// A text, its name, and an app that shows texts and tries to write them.
fn letter(desk: &Desk) -> (PathBuf, String, tempfile::TempDir) {
    let file = format!("{}.txt", desk.mark);
    fs::write(desk.path("data/applications/viewer.desktop"), VIEWER).expect("an app");
    fs::write(desk.path("config/mimeapps.list"), "[Default Applications]\ntext/plain=viewer.desktop\n")
        .expect("a choice");
    let papers = tempfile::tempdir().expect("a folder");
    let letter = papers.path().join(&file);
    fs::write(&letter, "Dear reader\n").expect("a file");
    (letter, file, papers)
}

fn is_read_only(desk: &Desk, letter: &Path, file: &str) {
    desk.until("it is opened", || desk.runs(file));
    desk.until("it is read, and cannot be written", || {
        let text = desk.output(file);
        text.contains("Dear reader") && text.contains("refused")
    });
    assert_eq!(fs::read_to_string(letter).expect("the file"), "Dear reader\n");
}

/// What it wrote is offered, looked at and thrown away.
#[test]
fn changes_are_looked_at_and_thrown_away() {
    let desk = Desk::open();
    let name = format!("{}-changes", desk.mark);
    let text = format!(
        "version = 1\nname = \"{name}\"\nisolation = \"container\"\n[files]\nchanges = \"review\"\n\
         [command]\nargv = [\"sh\", \"-c\", \"echo written >~/new.txt\"]\n"
    );
    fs::write(desk.path("config/terrarium/profiles/changing.terrarium"), text).expect("a profile");
    // As its launcher does.
    desk.call(&["--run", "changing"]);
    press_in(&desk, "What It Can Reach", "Run");
    desk.until("its end is told", || desk.says("Exit code 0"));
    desk.focus("list item", "1 Change");
    desk.key("Return");
    desk.until("the change is named", || desk.says("new.txt"));
    let shown =
        || desk.windows().into_iter().find(|one| one.actions().iter().any(|it| it == "changes.discard"));
    desk.until("it can be thrown away", || shown().is_some_and(|window| window.act_by("changes.discard")));
    desk.press("Discard");
    desk.until("it is gone", || shown().is_none());
}

const VIEWER: &str = "[Desktop Entry]\nType=Application\nName=Viewer\nTerminal=true\nMimeType=text/plain;\n\
    Exec=sh -c 'cat \"$0\"; echo x >>\"$0\" || echo refused; exec sleep 1000' %f\n";

/// A check button has no action in GTK 4.8.
fn choose(desk: &Desk, name: &str) {
    let button = desk.part("checkbox", name);
    if !button.is_checked() {
        desk.focus("checkbox", name);
        desk.key("space");
    }
    desk.until(&format!("{name} is chosen"), || button.is_checked());
}

pub fn press_in(desk: &Desk, window: &str, name: &str) {
    desk.until(&format!("{name} in {window}"), || {
        let button = desk.window(window).and_then(|window| window.button(name));
        button.is_some_and(|button| button.is_sensitive() && button.act())
    });
}
