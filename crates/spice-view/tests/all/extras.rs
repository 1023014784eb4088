// SPDX-License-Identifier: LGPL-2.1-or-later
//! Files into the guest, and sound: only where that is allowed.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use spice_view::{ClipboardPolicy, Command, Event, Options, SpiceView, Transfer};

use crate::clipboard::{agent, begin_with, Guest};
use crate::server::{begin, picture, words, Channel, Manner, Server, CURSOR, DISPLAY, INPUTS, MAIN};
use crate::stage::{pass, wait, Stage};

const STATUS: u32 = 11;
const START: u32 = 10;
const DATA: u32 = 12;
const PLAYBACK: u8 = 5;
const RECORD: u8 = 6;

fn transfers(view: &SpiceView) -> Rc<RefCell<Vec<Transfer>>> {
    let transfers: Rc<RefCell<Vec<Transfer>>> = Rc::default();
    view.connect_transfer({
        let transfers = Rc::clone(&transfers);
        move |_, transfer| transfers.borrow_mut().push(transfer.clone())
    });
    transfers
}

fn ended(transfers: &RefCell<Vec<Transfer>>) -> Option<Result<(), String>> {
    transfers.borrow().last().and_then(|transfer| transfer.end.clone())
}

/// The number that the client gave the last file it began to send.
fn last_id(guest: &Guest) -> u32 {
    let mut id = 0;
    wait(10, "the guest is told of the file", || {
        id = guest.whole(START).last().map_or(0, |start| u32::from_le_bytes(start[..4].try_into().unwrap()));
        id != 0
    });
    id
}

#[gtk::test]
fn a_file_goes_into_the_guest() {
    let (stage, guest, _link) = begin_with(ClipboardPolicy::Off);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("report.txt");
    let content: Vec<u8> = (0..300_000_u32).map(|at| (at % 251) as u8).collect();
    std::fs::write(&file, &content).unwrap();
    assert_eq!(stage.view.send_files(vec![file.clone()]), None, "it is off until it is allowed");

    stage.view.set_file_drop(true);
    let transfers = transfers(&stage.view);
    let number = stage.view.send_files(vec![file.clone()]).unwrap();
    let id = last_id(&guest);
    assert!(String::from_utf8_lossy(&guest.whole(START)[0]).contains("name=report.txt"));
    assert!(guest.whole(DATA).is_empty(), "nothing is sent before the guest agrees");
    guest.say(agent(STATUS, &words(&[id, 0])));
    let arrived = || guest.whole(DATA).iter().flat_map(|data| data[12..].to_vec()).collect::<Vec<u8>>();
    wait(20, "all of it arrives", || arrived().len() >= content.len());
    assert!(arrived() == content);
    guest.say(agent(STATUS, &words(&[id, 3])));
    wait(10, "the end is told", || ended(&transfers).is_some());
    assert_eq!(ended(&transfers), Some(Ok(())));
    assert!(transfers.borrow().iter().all(|t| t.id == number && t.sent <= t.total));

    // One that is given up, one that the guest refuses, one that is lost with the session.
    let number = stage.view.send_files(vec![file.clone()]).unwrap();
    let id = last_id(&guest);
    assert_ne!(id, 0);
    stage.view.cancel_transfer(number);
    wait(10, "it is given up", || matches!(ended(&transfers), Some(Err(_))));
    transfers.borrow_mut().clear();
    stage.view.send_files(vec![folder.path().to_owned()]);
    assert_eq!(ended(&transfers), Some(Err("only files can be sent".to_owned())));
    transfers.borrow_mut().clear();
    stage.view.send_files(vec![file]);
    pass(100);
    stage.view.link().unwrap().send(Command::Close);
    assert_eq!(ended(&transfers), Some(Err("the session ended".to_owned())));
    pass(200);
    assert_eq!(transfers.borrow().iter().filter(|t| t.end.is_some()).count(), 1);
}

/// The channels that were opened, and what was said of sound.
fn with_sound(sound: bool, microphone: bool) -> (BTreeSet<u8>, Vec<bool>) {
    let server = Server::start(Manner::Speaks(Arc::new(|channel: &mut Channel| match channel.kind {
        MAIN => {
            let all = [(DISPLAY, 0), (INPUTS, 0), (CURSOR, 0), (PLAYBACK, 0), (RECORD, 0)];
            begin(channel, false, &all)
        }
        DISPLAY => {
            channel.hear()?;
            picture(channel, 64, 64)
        }
        PLAYBACK => {
            // Unpacked; two channels of 16 bits; then the end.
            channel.send(102, &[0, 0, 0, 0, 1, 0])?;
            channel.send(103, &[words(&[2]), vec![1, 0], words(&[48_000, 0])].concat())?;
            std::thread::sleep(Duration::from_millis(200));
            channel.send(104, &[])
        }
        _ => Ok(()),
    })));
    let options = Options { sound, microphone, ..Options::default() };
    let (stage, link) = (Stage::new(300, 200), spice_view::open(server.connector(), options));
    let said: Rc<RefCell<Vec<bool>>> = Rc::default();
    let _listener = link.listen({
        let said = Rc::clone(&said);
        move |event| {
            if let Event::Sound(sound) = event {
                said.borrow_mut().push(*sound);
            }
        }
    });
    said.borrow_mut().clear();
    link.send(Command::Mute(true));
    stage.connect(&link, 10);
    pass(800);
    let opened = server.taken().into_iter().map(|(kind, ..)| kind).collect();
    let said = said.borrow().clone();
    (opened, said)
}

#[gtk::test]
fn sound_is_opened_only_where_it_is_allowed() {
    let needed = BTreeSet::from([MAIN, DISPLAY, INPUTS, CURSOR]);
    assert_eq!(with_sound(false, false), (needed.clone(), vec![]));
    let (opened, said) = with_sound(true, false);
    assert_eq!(opened, &needed | &BTreeSet::from([PLAYBACK]));
    assert_eq!(said, [true, false]);
    assert_eq!(with_sound(false, true).0, &needed | &BTreeSet::from([RECORD]));
}
