// SPDX-License-Identifier: LGPL-2.1-or-later
//! What the tests share: a window with a view, pictures of it, waiting.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use gtk::prelude::*;
use gtk::{gdk, glib};
use spice_view::{Command, Event, Frame, Link, MonitorId, Picture, SpiceView, State, Teller};

/// Runs the main loop until something holds, for `seconds` at most.
pub fn wait(seconds: u64, what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(seconds);
    let context = glib::MainContext::default();
    // Something always comes, so that what holds is looked at again.
    let tick = glib::timeout_add_local(Duration::from_millis(5), || glib::ControlFlow::Continue);
    while !holds() {
        assert!(Instant::now() < end, "{what}: not within {seconds} s");
        context.iteration(true);
        // Looking can be dear: what has come is dealt with before.
        let while_busy = Instant::now() + Duration::from_millis(20);
        while Instant::now() < while_busy && context.iteration(false) {}
    }
    tick.remove();
}

/// Runs the main loop for a while, to see that something does not happen.
pub fn pass(milliseconds: u64) {
    let end = Instant::now() + Duration::from_millis(milliseconds);
    wait(60, "time passes", || Instant::now() >= end);
}

/// A window with a view in it; closed when dropped.
pub struct Stage {
    pub window: gtk::Window,
    pub view: SpiceView,
}

impl Stage {
    /// The window is as large as the view, which has no decoration around it.
    pub fn new(width: i32, height: i32) -> Stage {
        let view = SpiceView::new();
        let window = gtk::Window::builder().decorated(false).child(&view).build();
        window.set_default_size(width, height);
        window.present();
        wait(10, "the window is shown", || view.is_mapped() && view.width() > 0);
        Stage { window, view }
    }

    pub fn resize(&self, width: i32, height: i32) {
        self.window.set_default_size(width, height);
        wait(10, "the view has its size", || (self.view.width(), self.view.height()) == (width, height));
    }

    pub fn connect(&self, link: &Link, seconds: u64) {
        self.view.set_link(Some(link));
        wait(seconds, "connected", || {
            let state = self.view.state();
            assert!(!matches!(state, State::Failed(_)), "{state:?}");
            state.is_connected()
        });
    }

    /// What the view draws, as rows of 0xAARRGGBB, and its width.
    pub fn draw(&self) -> (Vec<u32>, usize) {
        // What was asked for is drawn with the next frame.
        let clock = self.view.frame_clock().expect("the view is shown");
        let before = clock.frame_counter();
        self.view.queue_draw();
        wait(10, "the view is drawn", || clock.frame_counter() > before);
        let paintable = gtk::WidgetPaintable::new(Some(&self.view));
        let (width, height) = (self.view.width(), self.view.height());
        let mut node = None;
        // A widget that is about to get another size draws nothing.
        wait(10, "something is drawn", || {
            let snapshot = gtk::Snapshot::new();
            paintable.snapshot(&snapshot, f64::from(width), f64::from(height));
            node = snapshot.to_node();
            node.is_some()
        });
        let node = node.expect("it was waited for");
        let renderer = self.window.renderer().expect("the window can draw");
        pixels(&renderer.render_texture(node, None))
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.window.destroy();
    }
}

/// The pixels of a texture as 0xAARRGGBB, and its width.
pub fn pixels(texture: &impl IsA<gdk::Texture>) -> (Vec<u32>, usize) {
    let width = usize::try_from(texture.width()).unwrap();
    let mut bytes = vec![0; width * usize::try_from(texture.height()).unwrap() * 4];
    texture.download(&mut bytes, width * 4);
    let pixel = |p: &[u8]| u32::from_ne_bytes([p[0], p[1], p[2], p[3]]);
    (bytes.chunks_exact(4).map(pixel).collect(), width)
}

/// The pixels of a picture as 0xAARRGGBB.
pub fn pixels_of(picture: &Picture) -> Vec<u32> {
    let bytes = picture.copy(&picture.bounds()).expect("the whole can be copied");
    let pixel = |p: &[u8]| u32::from_ne_bytes([p[0], p[1], p[2], p[3]]);
    bytes.chunks_exact(4).map(pixel).collect()
}

/// A session that the test plays itself.
pub struct Player {
    pub link: Link,
    pub teller: Teller,
    commands: Rc<RefCell<Vec<Command>>>,
}

impl Player {
    pub fn new() -> Player {
        let commands: Rc<RefCell<Vec<Command>>> = Rc::default();
        let teller = RefCell::new(None);
        let link = Link::new(|end| {
            teller.replace(Some(end));
            let commands = Rc::clone(&commands);
            move |command| commands.borrow_mut().push(command)
        });
        let teller = teller.take().expect("the link has an end");
        teller.tell(&Event::State(State::Connected { agent: true }));
        Player { link, teller, commands }
    }

    /// Shows a picture whose pixels are reckoned from their place.
    pub fn show(&self, width: u32, height: u32, colour: impl Fn(u32, u32) -> u32) -> Rc<Picture> {
        self.show_on(0, width, height, colour)
    }

    pub fn show_on(
        &self,
        monitor: u32,
        width: u32,
        height: u32,
        colour: impl Fn(u32, u32) -> u32,
    ) -> Rc<Picture> {
        let picture = Picture::from_pixels(width, height, colour);
        let dirty = vec![picture.bounds()];
        let frame = Frame { monitor: MonitorId(monitor), picture: Rc::clone(&picture), dirty };
        self.teller.tell(&Event::Frame(frame));
        picture
    }

    /// The commands since the last call, but for those that ask for frames.
    pub fn taken(&self) -> Vec<Command> {
        let mut commands = self.commands.take();
        commands.retain(|command| !matches!(command, Command::FrameWanted(_)));
        commands
    }

    /// How often a frame was asked for since the commands were last taken.
    pub fn wanted(&self) -> usize {
        let commands = self.commands.borrow();
        commands.iter().filter(|command| matches!(command, Command::FrameWanted(_))).count()
    }
}
