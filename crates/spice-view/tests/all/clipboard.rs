// SPDX-License-Identifier: LGPL-2.1-or-later
//! The clipboard from end to end: the real one of the display, and an agent
//! that the test plays.

use std::cell::RefCell;
use std::io;
use std::rc::Rc;
use std::sync::{mpsc, Arc, Mutex};
use std::time::Duration;

use gtk::gdk;
use gtk::gio;
use gtk::glib;
use gtk::prelude::*;
use spice_view::{ClipboardAsk, ClipboardPolicy, Direction, Format, Link, SpiceView, HTML_NUMBER};

use crate::server::{begin, picture, words, Channel, Manner, Server, CURSOR, DISPLAY, INPUTS, MAIN};
use crate::stage::{pass, wait, Stage};

const CLIPBOARD: u32 = 4;
const CAPABILITIES: u32 = 6;
const GRAB: u32 = 7;
const REQUEST: u32 = 8;
const RELEASE: u32 = 9;

/// A message of the agent, with its selection in front where it has one.
pub fn agent(kind: u32, content: &[u8]) -> Vec<u8> {
    let mut message = words(&[1, kind, 0, 0, u32::try_from(content.len()).unwrap()]);
    message.extend(content);
    message
}

fn clip(kind: u32, content: &[u8]) -> Vec<u8> {
    selected(0, kind, content)
}

/// The same about another selection than the clipboard.
fn selected(selection: u8, kind: u32, content: &[u8]) -> Vec<u8> {
    agent(kind, &[&[selection, 0, 0, 0], content].concat())
}

fn text(content: &[u8]) -> Vec<u8> {
    clip(CLIPBOARD, &[&words(&[1]), content].concat())
}

/// A guest whose agent the test plays: what it shall say goes in here.
pub struct Guest {
    server: Server,
    say: mpsc::Sender<Vec<u8>>,
    /// The bytes of the agent's messages so far.
    heard: RefCell<Vec<u8>>,
}

impl Guest {
    fn start() -> Guest {
        let (say, said) = mpsc::channel::<Vec<u8>>();
        let said = Arc::new(Mutex::new(said));
        let script = move |channel: &mut Channel| match channel.kind {
            MAIN => {
                begin(channel, true, &[(DISPLAY, 0), (INPUTS, 0), (CURSOR, 0)])?;
                // By demand, and with a selection.
                channel.send(109, &agent(CAPABILITIES, &words(&[0, 1 << 5 | 1 << 6])))?;
                speak(channel, &said)
            }
            DISPLAY => {
                channel.hear()?;
                picture(channel, 64, 64)
            }
            INPUTS => channel.send(101, &[0, 0]),
            _ => Ok(()),
        };
        Guest { server: Server::start(Manner::Speaks(Arc::new(script))), say, heard: RefCell::default() }
    }

    pub fn say(&self, message: Vec<u8>) {
        self.say.send(message).unwrap();
    }

    /// What the agent heard of that kind, without the selection.
    fn heard(&self, kind: u32) -> Vec<Vec<u8>> {
        self.whole(kind).into_iter().filter_map(|content| content.get(4..).map(<[u8]>::to_vec)).collect()
    }

    /// What the agent heard of that kind.
    pub fn whole(&self, kind: u32) -> Vec<Vec<u8>> {
        let mut heard = self.heard.borrow_mut();
        for (channel, message, content) in self.server.taken() {
            if channel == MAIN && message == 107 {
                heard.extend(content);
            }
        }
        let (mut rest, mut found) = (heard.as_slice(), Vec::new());
        let number = |bytes: &[u8]| u32::from_le_bytes(bytes.try_into().unwrap());
        while rest.len() >= 20 {
            let size = number(&rest[16..20]) as usize;
            let Some(content) = rest.get(20..20 + size) else { break };
            if number(&rest[4..8]) == kind {
                found.push(content.to_vec());
            }
            rest = &rest[20 + size..];
        }
        found
    }
}

/// Says what is to be said and hears what comes, at the same time.
fn speak(channel: &mut Channel, said: &Mutex<mpsc::Receiver<Vec<u8>>>) -> io::Result<()> {
    channel.set_patience(Duration::from_millis(5))?;
    loop {
        if let Ok(message) = said.lock().unwrap().try_recv() {
            for chunk in message.chunks(2048) {
                channel.send(109, chunk)?;
            }
        }
        channel.hear_if_any()?;
    }
}

/// A view with the focus on a guest, whose agent is there.
pub fn begin_with(policy: ClipboardPolicy) -> (Stage, Guest, Link) {
    let (stage, guest) = (Stage::new(300, 200), Guest::start());
    let link = guest.server.link();
    stage.connect(&link, 10);
    wait(10, "the agent is there", || stage.view.state() == spice_view::State::Connected { agent: true });
    crate::input::focus(&stage, &format!("spice-view clipboard {policy:?}"));
    stage.view.clipboard().set_content(None::<&gdk::ContentProvider>).unwrap();
    // X tells of it late, and GTK would believe what comes next to be gone.
    pass(300);
    stage.view.set_clipboard_policy(policy);
    (stage, guest, link)
}

/// Copies as another program would: what is in the clipboard is not the view's.
fn copy(view: &SpiceView, content: &str) {
    view.clipboard().set_text(content);
}

/// What a program here pastes.
fn paste(view: &SpiceView) -> Option<String> {
    let pasted: Rc<RefCell<Option<Option<String>>>> = Rc::default();
    let (clipboard, slot) = (view.clipboard(), Rc::clone(&pasted));
    glib::MainContext::default().spawn_local(async move {
        let text = clipboard.read_text_future().await.ok().flatten().map(Into::into);
        slot.replace(Some(text));
    });
    wait(20, "the paste is answered", || pasted.borrow().is_some());
    pasted.take().flatten()
}

/// The questions of a view.
fn asks(view: &SpiceView) -> Rc<RefCell<Vec<ClipboardAsk>>> {
    let asks: Rc<RefCell<Vec<ClipboardAsk>>> = Rc::default();
    view.connect_clipboard_asks({
        let asks = Rc::clone(&asks);
        move |_, ask| asks.borrow_mut().push(ask.clone())
    });
    asks
}

#[gtk::test]
fn both_gives_and_takes_text() {
    let (stage, guest, _link) = begin_with(ClipboardPolicy::Both);
    copy(&stage.view, "von hier: grün");
    wait(10, "the guest is offered text", || guest.heard(GRAB).contains(&words(&[1])));
    guest.say(clip(REQUEST, &words(&[1])));
    let data = [&words(&[1]), "von hier: grün".as_bytes()].concat();
    wait(10, "the guest has it", || guest.heard(CLIPBOARD).contains(&data));

    pass(600);
    guest.say(clip(GRAB, &words(&[1, 2])));
    wait(10, "the guest's is offered here", || {
        stage.view.clipboard().formats().contain_mime_type("image/png")
    });
    assert!(guest.heard(REQUEST).is_empty(), "it is fetched when somebody pastes");
    guest.say(text(b"from there"));
    pass(100);
    // The answer that came before the question is not taken.
    let say = guest.say.clone();
    glib::timeout_add_local_once(Duration::from_millis(300), move || drop(say.send(text(b"asked for"))));
    assert_eq!(paste(&stage.view).as_deref(), Some("asked for"));
    assert_eq!(guest.heard(REQUEST), [words(&[1])]);

    guest.say(clip(RELEASE, &[]));
    wait(10, "it is taken back", || stage.view.clipboard().content().is_none());
}

/// Copies text with its looks.
fn copy_looks(view: &SpiceView) {
    let named = [("text/html", "<b>bold</b>"), ("text/plain;charset=utf-8", "bold")];
    let named = named.map(|(name, content)| {
        gdk::ContentProvider::for_bytes(name, &glib::Bytes::from_static(content.as_bytes()))
    });
    view.clipboard().set_content(Some(&gdk::ContentProvider::new_union(&named))).unwrap();
}

/// What a program here pastes that wants the looks of text.
fn paste_looks(view: &SpiceView) -> Option<String> {
    let pasted: Rc<RefCell<Option<Option<String>>>> = Rc::default();
    let (clipboard, slot) = (view.clipboard(), Rc::clone(&pasted));
    glib::MainContext::default().spawn_local(async move {
        let read = clipboard.read_future(&["text/html"], glib::Priority::DEFAULT).await;
        let read = match read {
            Ok((stream, _)) => stream.read_bytes_future(4096, glib::Priority::DEFAULT).await.ok(),
            Err(_) => None,
        };
        slot.replace(Some(read.map(|bytes| String::from_utf8_lossy(&bytes).into_owned())));
    });
    wait(20, "the paste is answered", || pasted.borrow().is_some());
    pasted.take().flatten()
}

#[gtk::test]
fn text_passes_with_its_looks() {
    let (stage, guest, _link) = begin_with(ClipboardPolicy::Both);
    let offer = words(&[1, HTML_NUMBER]);
    let html = |content: &[u8]| [&words(&[HTML_NUMBER]), content].concat();
    copy_looks(&stage.view);
    wait(10, "the guest is offered both", || guest.heard(GRAB).contains(&offer));
    guest.say(clip(REQUEST, &words(&[HTML_NUMBER])));
    wait(10, "the guest has it", || guest.heard(CLIPBOARD).contains(&html(b"<b>bold</b>")));

    pass(600);
    guest.say(clip(GRAB, &words(&[1, 2, HTML_NUMBER])));
    wait(10, "the guest's is offered here", || {
        let here = stage.view.clipboard().content().map(|content| content.formats());
        here.is_some_and(|here| ["text/html", "image/png"].iter().all(|name| here.contain_mime_type(name)))
    });
    let (say, answer) = (guest.say.clone(), clip(CLIPBOARD, &html(b"<i>there</i>")));
    glib::timeout_add_local_once(Duration::from_millis(300), move || drop(say.send(answer)));
    assert_eq!(paste_looks(&stage.view).as_deref(), Some("<i>there</i>"));
    assert_eq!(guest.heard(REQUEST), [words(&[HTML_NUMBER])]);
}

#[gtk::test]
fn off_gives_and_takes_nothing() {
    let (stage, guest, _link) = begin_with(ClipboardPolicy::Off);
    copy_looks(&stage.view);
    guest.say(clip(REQUEST, &words(&[HTML_NUMBER])));
    wait(10, "the guest is refused", || guest.heard(CLIPBOARD) == [words(&[HTML_NUMBER])]);
    copy(&stage.view, "secret");
    guest.say(clip(GRAB, &words(&[1, HTML_NUMBER])));
    guest.say(clip(REQUEST, &words(&[1])));
    guest.say(text(b"evil"));
    wait(10, "the guest is refused", || guest.heard(CLIPBOARD) == [words(&[HTML_NUMBER]), words(&[1])]);
    assert_eq!(paste(&stage.view).as_deref(), Some("secret"));
    assert!(guest.heard(GRAB).is_empty() && guest.heard(REQUEST).is_empty());
}

#[gtk::test]
fn each_direction_alone() {
    let (stage, guest, _link) = begin_with(ClipboardPolicy::In);
    guest.say(clip(GRAB, &words(&[1])));
    copy(&stage.view, "in");
    wait(10, "the guest is offered text", || !guest.heard(GRAB).is_empty());
    guest.say(clip(GRAB, &words(&[1])));
    pass(200);
    assert_eq!(paste(&stage.view).as_deref(), Some("in"), "the guest replaces nothing");

    stage.view.set_clipboard_policy(ClipboardPolicy::Out);
    let before = guest.heard(GRAB).len();
    copy(&stage.view, "secret");
    guest.say(clip(REQUEST, &words(&[1])));
    wait(10, "the guest is refused", || guest.heard(CLIPBOARD) == [words(&[1])]);
    assert_eq!(guest.heard(GRAB).len(), before);
    guest.say(clip(GRAB, &words(&[1])));
    let here = |view: &SpiceView| view.clipboard().content().map(|c| c.formats().mime_types());
    wait(10, "the guest's is offered here", || here(&stage.view).is_some_and(|names| names.len() == 2));
}

#[gtk::test]
fn ask_asks_and_one_answer_is_for_one_paste() {
    let (stage, guest, _link) = begin_with(ClipboardPolicy::Ask);
    let asks = asks(&stage.view);
    copy(&stage.view, "four");
    pass(300);
    assert!(asks.borrow().is_empty(), "nobody pastes");
    crate::input::paste();
    wait(10, "the user is asked", || !asks.borrow().is_empty());
    let ask = asks.borrow_mut().remove(0);
    assert_eq!((ask.direction, ask.format, ask.size), (Direction::In, Format::Text, 4));
    assert!(guest.heard(GRAB).is_empty());
    stage.view.answer_clipboard(ask.id, true);
    wait(10, "the guest is offered it", || guest.heard(GRAB) == [words(&[1])]);
    guest.say(clip(REQUEST, &words(&[1])));
    guest.say(clip(REQUEST, &words(&[1])));
    let full = [&words(&[1]), b"four".as_slice()].concat();
    wait(10, "one is answered, one refused", || guest.heard(CLIPBOARD) == [full.clone(), words(&[1])]);
    crate::input::paste();
    wait(10, "the user is asked about the same again", || !asks.borrow().is_empty());
    let again = asks.borrow_mut().remove(0);
    assert_eq!((again.direction, again.size), (Direction::In, 4));
    stage.view.answer_clipboard(again.id, false);
    stage.view.offer_clipboard();
    wait(10, "the user asks for the question", || !asks.borrow().is_empty());
    stage.view.answer_clipboard(asks.borrow_mut().remove(0).id, false);

    pass(600);
    guest.say(clip(GRAB, &words(&[1])));
    wait(10, "the guest is asked", || !guest.heard(REQUEST).is_empty());
    guest.say(text(b"out"));
    wait(10, "the user is asked", || !asks.borrow().is_empty());
    let ask = asks.borrow_mut().remove(0);
    assert_eq!((ask.direction, ask.format, ask.size), (Direction::Out, Format::Text, 3));
    assert_eq!(paste(&stage.view).as_deref(), Some("four"), "nothing comes before the answer");
    stage.view.answer_clipboard(ask.id, true);
    assert_eq!(paste(&stage.view).as_deref(), Some("out"));
}

#[gtk::test]
fn fifty_megabytes_and_a_picture() {
    let (stage, guest, _link) = begin_with(ClipboardPolicy::Both);
    let large = "0123456789".repeat(5_000_000);
    guest.say(clip(GRAB, &words(&[1])));
    wait(10, "the guest's is offered here", || stage.view.clipboard().content().is_some());
    let (say, answer) = (guest.say.clone(), text(large.as_bytes()));
    glib::timeout_add_local_once(Duration::from_millis(50), move || drop(say.send(answer)));
    assert!(paste(&stage.view).is_some_and(|pasted| pasted == large));

    let bytes = glib::Bytes::from_static(&[0xff; 4 * 16 * 16]);
    let texture = gdk::MemoryTexture::new(16, 16, gdk::MemoryFormat::R8g8b8a8, &bytes, 64);
    pass(600);
    stage.view.clipboard().set_texture(&texture);
    let offered = |guest: &Guest| guest.heard(GRAB).iter().any(|formats| formats.starts_with(&words(&[2])));
    wait(10, "the guest is offered a picture", || offered(&guest));
    guest.say(clip(REQUEST, &words(&[2])));
    wait(10, "the guest has the picture", || {
        guest
            .heard(CLIPBOARD)
            .iter()
            .any(|data| data.starts_with(&words(&[2])) && data[4..].starts_with(b"\x89PNG"))
    });

    pass(600);
    let png = texture.save_to_png_bytes();
    guest.say(clip(GRAB, &words(&[2])));
    wait(10, "the guest's picture is offered here", || {
        stage.view.clipboard().formats().mime_types().iter().any(|name| name == "image/png")
            && stage.view.clipboard().content().is_some_and(|c| !c.formats().contain_mime_type("image/bmp"))
    });
    let (say, answer) = (guest.say.clone(), clip(CLIPBOARD, &[&words(&[2]), &png[..]].concat()));
    glib::timeout_add_local_once(Duration::from_millis(300), move || drop(say.send(answer)));
    let pasted: Rc<RefCell<Option<Option<gdk::Texture>>>> = Rc::default();
    stage.view.clipboard().read_texture_async(gio::Cancellable::NONE, {
        let pasted = Rc::clone(&pasted);
        move |texture| drop(pasted.replace(Some(texture.ok().flatten())))
    });
    wait(20, "the picture is pasted", || pasted.borrow().is_some());
    assert!(pasted.take().flatten().is_some_and(|texture| texture.width() == 16));
}

#[gtk::test]
fn an_agent_that_lies_gets_and_gives_nothing() {
    let (stage, guest, _link) = begin_with(ClipboardPolicy::Both);
    copy(&stage.view, "mine");
    wait(10, "the guest is offered text", || guest.heard(GRAB) == [words(&[1])]);
    // What is selected is not the clipboard; so many formats there are not.
    for selection in [1, 2, 3, 255] {
        guest.say(selected(selection, GRAB, &words(&[1])));
        guest.say(selected(selection, REQUEST, &words(&[1])));
        guest.say(selected(selection, CLIPBOARD, &[&words(&[1]), b"evil".as_slice()].concat()));
        guest.say(selected(selection, RELEASE, &[]));
    }
    guest.say(clip(GRAB, &words(&vec![1; 5000])));
    guest.say(clip(GRAB, &[]));
    guest.say(clip(GRAB, &words(&[0, 6, 77, u32::MAX])));
    guest.say(clip(REQUEST, &words(&[77])));
    // Messages that end too soon, or say that they are longer than they are.
    for kind in [CLIPBOARD, GRAB, REQUEST, RELEASE] {
        guest.say(agent(kind, &[]));
        guest.say(agent(kind, &[0, 0, 0]));
        guest.say(clip(kind, &[1]));
    }
    pass(500);
    assert!(!guest.whole(CLIPBOARD).iter().any(|data| data.ends_with(b"mine")), "it was not asked for");
    assert_eq!(paste(&stage.view).as_deref(), Some("mine"));

    // It offers text and hands over something else.
    stage.view.set_clipboard_policy(ClipboardPolicy::Out);
    guest.say(clip(GRAB, &words(&[1])));
    wait(10, "the guest's is offered here", || {
        stage.view.clipboard().content().is_some_and(|content| content.formats().types().is_empty())
    });
    for answer in [text(b"\xff\xfe"), text(b"a\0b"), text(b"")] {
        let say = guest.say.clone();
        glib::timeout_add_local_once(Duration::from_millis(200), move || {
            let picture = clip(CLIPBOARD, &[&words(&[2]), b"\x89PNG\r\n\x1a\n".as_slice()].concat());
            let _ = say.send(picture).and_then(|()| say.send(answer));
        });
        assert!(paste(&stage.view).unwrap_or_default().is_empty());
    }
    // Thousands of questions are each answered with nothing.
    let before = guest.heard(CLIPBOARD).len();
    for _ in 0..2000 {
        guest.say(clip(REQUEST, &words(&[1])));
    }
    wait(20, "all are answered", || guest.heard(CLIPBOARD).len() >= before + 2000);
    assert!(guest.heard(CLIPBOARD)[before..].iter().all(|data| *data == words(&[1])));
    assert!(stage.view.state().is_connected());
}

#[gtk::test]
fn more_than_the_limit_does_not_pass() {
    let (stage, guest, _link) = begin_with(ClipboardPolicy::Both);
    stage.view.set_clipboard_limit(1000);
    copy(&stage.view, &"x".repeat(1001));
    wait(10, "the guest is offered text", || !guest.heard(GRAB).is_empty());
    guest.say(clip(REQUEST, &words(&[1])));
    wait(10, "the guest is refused", || guest.heard(CLIPBOARD) == [words(&[1])]);
    pass(600);
    guest.say(clip(GRAB, &words(&[1])));
    wait(10, "the guest's is offered here", || {
        stage.view.clipboard().content().is_some_and(|c| c.formats().types().is_empty())
    });
    let say = guest.say.clone();
    glib::timeout_add_local_once(Duration::from_millis(300), move || drop(say.send(text(&[b'y'; 1001]))));
    // GTK tells a program that pastes nothing of an error.
    assert!(paste(&stage.view).unwrap_or_default().is_empty());
}
