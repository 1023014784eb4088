// SPDX-License-Identifier: LGPL-2.1-or-later
//! Files on their way into a sandbox, through the agent.

use crate::clipboard::inside;
use crate::program::{Glass, BOOT};
use crate::sandboxes::open;
use std::cell::RefCell;
use std::rc::Rc;

#[gtk::test]
fn a_dropped_file_arrives_and_a_cancelled_one_does_not() {
    let scene = open();
    let screen = scene
        .run_profile(Glass::Container, "exec xterm -e sleep 1000", |profile| profile.display.drop = true);
    scene.within(BOOT, "the agent", || screen.has_agent());
    let seen = Rc::new(RefCell::new(Vec::new()));
    let note = seen.clone();
    screen.view.connect_transfer(move |_, transfer| note.borrow_mut().push(transfer.clone()));
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str, size: usize| {
        let path = folder.path().join(name);
        std::fs::write(&path, vec![b'x'; size]).expect("a file");
        vec![path]
    };
    let end = |id: u64| {
        let seen = seen.borrow();
        seen.iter().filter(|one| one.id == id).find_map(|one| one.end.clone())
    };
    let small = screen.view.send_files(file("small", 3_000_000)).expect("it is allowed");
    scene.within(BOOT, "it is there", || end(small).is_some());
    assert_eq!(end(small), Some(Ok(())));
    assert_eq!(inside(&scene, "wc -c <~/small"), "3000000\n");
    let steps: Vec<u64> = seen.borrow().iter().filter(|one| one.id == small).map(|one| one.sent).collect();
    assert!(steps.is_sorted() && steps.last() == Some(&3_000_000), "{steps:?}");

    let large = screen.view.send_files(file("large", 400_000_000)).expect("it is allowed");
    let moves = || seen.borrow().iter().any(|one| one.id == large && one.sent > 0 && one.end.is_none());
    scene.within(BOOT, "it is on its way", moves);
    screen.view.cancel_transfer(large);
    scene.within(BOOT, "it is given up", || end(large).is_some());
    assert!(end(large).is_some_and(|end| end.is_err()));
    // The agent takes away what it has begun.
    scene.within(BOOT, "nothing of it is left", || inside(&scene, "ls ~ | grep -c large") == "0\n");
}
