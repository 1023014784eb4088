// SPDX-License-Identifier: LGPL-2.1-or-later
//! What is changed while something runs, what is wrong, and what is said of it.

use crate::flows::press_in;
use crate::{Desk, Part};
use std::fs;

/// GTK's roles for what tells of itself, as AT-SPI calls them.
const TELLS: [&str; 2] = ["alert", "status"];

/// Whether something that tells of itself says so: GTK before 4.14 has no other
/// way to announce it.
fn announces(desk: &Desk, text: &str) -> bool {
    let is_it = |one: &Part| {
        let says = |one: &Part| one.name().contains(text) || one.says(text);
        TELLS.contains(&one.role().as_str()) && says(one)
    };
    desk.windows().iter().any(|window| window.find(&is_it).is_some())
}

/// A profile of the desk's that sleeps, run as its launcher does.
fn runs(desk: &Desk, isolation: &str, more: &str) -> String {
    let name = format!("{}-{isolation}", desk.mark);
    let text = format!(
        "version = 1\nname = \"{name}\"\nisolation = \"{isolation}\"\n[command]\nargv = [\"sleep\", \"1000\"]\n{more}"
    );
    fs::write(desk.path(&format!("config/terrarium/profiles/{isolation}.terrarium")), text)
        .expect("a profile");
    desk.call(&["--run", isolation]);
    press_in(desk, "What It Can Reach", "Run");
    desk.until("it runs", || desk.runs(&name));
    name
}

/// It is known what holds, so that it can be changed.
fn changeable(desk: &Desk) {
    let memory = desk.part("spin button", "Memory");
    desk.until("it can be changed", || memory.is_sensitive());
}

fn stops(desk: &Desk, name: &str) {
    desk.press("Stop");
    desk.until("its end is announced", || announces(desk, "You stopped it after"));
    desk.until("it is gone", || !desk.runs(name));
}

#[test]
fn limits_are_changed_while_a_container_runs() {
    let desk = Desk::open();
    let name = runs(&desk, "container", "[limits]\nmemory = \"512 MiB\"\ncpus = 2\n");
    desk.until("its page is shown", || desk.says("No network · "));
    desk.act("win.reach");
    desk.until("how much it may use is said", || desk.says("Use up to 512 MiB of memory"));
    let holds = |memory: u64, cpus: u64| {
        let limits = desk.limits(&name);
        limits["memory"] == memory << 20 && limits["cpus"] == cpus
    };
    changeable(&desk);
    desk.focus("spin button", "Memory");
    desk.type_over("256");
    desk.key("Return");
    desk.until("less holds", || holds(256, 2));
    desk.until("that is said", || desk.says("Use up to 256 MiB of memory"));
    desk.focus("spin button", "Processors");
    desk.key("Down");
    desk.until("fewer hold", || holds(256, 1));
    // What cannot be says why, as what tells of itself.
    // Forward lies the terminal, from where no Tab leads back.
    let memory = desk.part("spin button", "Memory");
    desk.until("it has the keyboard again", || {
        let has = memory.is_focused();
        if !has {
            desk.key("shift+Tab");
        }
        has
    });
    desk.type_over("16");
    desk.key("Return");
    desk.until("why is announced", || announces(&desk, "at the moment") || holds(16, 1));
    stops(&desk, &name);
}

#[test]
fn a_machine_runs_is_given_less_and_is_stopped() {
    let desk = Desk::open();
    let name = runs(&desk, "machine", "[limits]\nmemory = \"384 MiB\"\n");
    desk.until("its page is shown", || desk.says("No network · "));
    desk.act("win.reach");
    desk.until("how much it may use is said", || desk.says("Use up to 384 MiB of memory"));
    changeable(&desk);
    desk.focus("spin button", "Memory");
    desk.type_over("320");
    desk.key("Return");
    desk.until("it was given back", || desk.limits(&name)["memory"] == 320u64 << 20);
    desk.until("that is said", || desk.says("Use up to 320 MiB of memory"));
    stops(&desk, &name);
}

#[test]
fn a_bad_file_is_not_imported_and_says_where_it_is_wrong() {
    let desk = Desk::open();
    let file = desk.path("bad.terrarium");
    fs::write(&file, "version = 1\nname = \"Bad\"\nnonsense = 1\n[command]\nargv = [\"true\"]\n")
        .expect("a file");
    desk.act("win.import");
    desk.until("it asks for a file", || desk.windows().iter().any(|one| one.name().contains("Import")));
    desk.types(file.to_str().expect("a text"));
    desk.key("Return");
    desk.until("the line is named", || desk.says("Line 3") && desk.says("There is no key “nonsense”"));
    let profiles = fs::read_dir(desk.path("config/terrarium/profiles")).expect("a folder");
    assert_eq!(profiles.count(), 0, "nothing was imported");
}

#[test]
fn what_is_wrong_beside_a_field_is_announced() {
    let desk = Desk::open();
    desk.act("win.new-run");
    // A new form begins with it.
    desk.part("text box", "Command");
    desk.type_over("/srv/nowhere/tool");
    desk.until("it is announced", || announces(&desk, "/srv/nowhere"));
}
