// SPDX-License-Identifier: LGPL-2.1-or-later
//! The widget's inside: properties, size, drawing.

use std::cell::{Cell, OnceCell, RefCell};
use std::sync::LazyLock;

use glib::subclass::Signal;
use glib::Properties;
use gtk::prelude::*;
use gtk::subclass::prelude::*;
use gtk::{gdk, glib, graphene, gsk};

use super::clipboard::{self, Clipboard};
use super::files::Files;
use super::keyboard::Keyboard;
use super::pointer::Pointer;
use super::resize::Resize;
use super::server::ServerMemory;
use super::tiles::Tiles;
use crate::clipboard::{ClipboardAsk, ClipboardPolicy};
use crate::geometry::{self, Placement, ScaleMode, View};
use crate::link::{Link, Listener};
use crate::types::{Command, Event, Frame, MonitorId, State, Transfer};

/// A view in which nothing can be seen is of no use: logical pixels.
const SMALLEST: i32 = 64;

#[derive(Properties, Default)]
#[properties(wrapper_type = super::SpiceView)]
pub struct SpiceView {
    /// Which of the guest's monitors is shown.
    #[property(get, set = Self::set_monitor)]
    monitor: Cell<u32>,
    /// How large the guest's pixels are drawn.
    #[property(get, set = Self::set_scale_mode, builder(ScaleMode::default()))]
    scale_mode: Cell<ScaleMode>,
    /// How many device pixels a pixel of the guest is wide in the mode `actual`.
    #[property(get = Self::zoom_or_one, set = Self::set_zoom, minimum = 0.1, maximum = 8.0, default = 1.0)]
    zoom: Cell<f64>,
    /// Whether the guest is asked, through its agent, to take the view's size.
    #[property(get, set = Self::set_ask_resize, default = true)]
    pub(super) ask_resize: Cell<bool>,
    /// Whether shortcuts of the desktop go to the guest while the view has
    /// the focus. Ctrl+Alt, pressed and let go alone, ends it.
    #[property(get, set = Self::set_grab, explicit_notify)]
    pub(super) grab: Cell<bool>,
    /// In which directions the clipboard is shared.
    #[property(get, set = Self::set_clipboard_policy, builder(ClipboardPolicy::default()))]
    clipboard_policy: Cell<ClipboardPolicy>,
    /// How many bytes may be pasted at once.
    #[property(get, set = Self::set_clipboard_limit, default = clipboard::LIMIT)]
    clipboard_limit: Cell<u32>,
    /// For how many seconds a permission to paste into the guest lasts.
    #[property(get, set = Self::set_clipboard_lifetime, default = clipboard::LIFETIME)]
    clipboard_lifetime: Cell<u32>,
    /// Whether files that are dropped on the view are sent into the guest.
    #[property(get, set = Self::set_file_drop)]
    file_drop: Cell<bool>,
    /// The width of the guest's picture in pixels, 0 before the first one.
    #[property(get)]
    guest_width: Cell<u32>,
    /// The height of the guest's picture in pixels, 0 before the first one.
    #[property(get)]
    guest_height: Cell<u32>,

    pub(super) link: RefCell<Option<Link>>,
    listener: RefCell<Option<Listener>>,
    pub(super) state: RefCell<State>,
    pub(super) tiles: RefCell<Tiles>,
    server: RefCell<ServerMemory>,
    pub(super) keyboard: Keyboard,
    pub(super) pointer: Pointer,
    pub(super) resize: Resize,
    pub(super) clipboard: Clipboard,
    pub(super) files: Files,
    /// Whether the monitor has a pointer of its own.
    own_cursor: Cell<bool>,
    /// The monitors that were told last.
    monitors: RefCell<Vec<MonitorId>>,
    handlers: OnceCell<()>,
}

#[glib::object_subclass]
impl ObjectSubclass for SpiceView {
    const NAME: &'static str = "SpiceView";
    type Type = super::SpiceView;
    type ParentType = gtk::Widget;

    fn class_init(class: &mut Self::Class) {
        class.set_css_name("spiceview");
        class.set_accessible_role(gtk::AccessibleRole::Img);
    }
}

#[glib::derived_properties]
impl ObjectImpl for SpiceView {
    fn signals() -> &'static [Signal] {
        static SIGNALS: LazyLock<Vec<Signal>> = LazyLock::new(|| {
            vec![
                Signal::builder("state-changed").build(),
                Signal::builder("monitors-changed").build(),
                Signal::builder("wanted-size").param_types([u32::static_type(), u32::static_type()]).build(),
                Signal::builder("clipboard-asks").param_types([ClipboardAsk::static_type()]).build(),
                Signal::builder("clipboard-ask-gone").param_types([u64::static_type()]).build(),
                Signal::builder("clipboard-moved").param_types([ClipboardAsk::static_type()]).build(),
                Signal::builder("transfer").param_types([Transfer::static_type()]).build(),
                Signal::builder("leave").run_last().class_handler(super::keyboard::leave_by_default).build(),
            ]
        });
        &SIGNALS
    }

    fn constructed(&self) {
        self.parent_constructed();
        let view = self.obj();
        self.ask_resize.set(true);
        self.clipboard_limit.set(clipboard::LIMIT);
        self.clipboard_lifetime.set(clipboard::LIFETIME);
        view.set_focusable(true);
        view.set_overflow(gtk::Overflow::Hidden);
        view.update_property(&[gtk::accessible::Property::Description(super::WAY_OUT)]);
        if self.handlers.set(()).is_ok() {
            self.keyboard.install(&view);
            self.pointer.install(&view);
        }
        view.connect_scale_factor_notify(|view| {
            view.queue_resize();
            view.imp().size_changed();
        });
    }

    fn dispose(&self) {
        self.set_link(None);
        self.resize.forget();
        self.clipboard.forget(&self.obj());
    }
}

impl WidgetImpl for SpiceView {
    fn request_mode(&self) -> gtk::SizeRequestMode {
        gtk::SizeRequestMode::ConstantSize
    }

    fn measure(&self, orientation: gtk::Orientation, _for_size: i32) -> (i32, i32, i32, i32) {
        let (width, height) = self.measured().natural(self.tiles.borrow().size());
        let natural = if orientation == gtk::Orientation::Horizontal { width } else { height };
        let natural = natural.max(SMALLEST);
        let minimum = if self.scale_mode.get() == ScaleMode::Actual { natural } else { SMALLEST };
        (minimum, natural, -1, -1)
    }

    fn size_allocate(&self, width: i32, height: i32, baseline: i32) {
        self.parent_size_allocate(width, height, baseline);
        self.size_changed();
    }

    fn map(&self) {
        self.parent_map();
        self.send(Command::FrameWanted(self.monitor_id()));
    }

    fn unmap(&self) {
        self.let_go();
        self.keyboard.unmapped(&self.obj());
        self.server.borrow_mut().forget();
        self.parent_unmap();
    }

    fn root(&self) {
        self.parent_root();
        self.keyboard.rooted(&self.obj());
    }

    fn unroot(&self) {
        self.keyboard.unrooted();
        self.parent_unroot();
    }

    fn snapshot(&self, snapshot: &gtk::Snapshot) {
        let view = self.obj();
        let placement = self.placement();
        let (width, height) = (f64::from(view.width()), f64::from(view.height()));
        for (x, y, width, height) in geometry::around(placement.as_ref(), width, height) {
            let bar = graphene::Rect::new(x as f32, y as f32, width as f32, height as f32);
            snapshot.append_color(&gdk::RGBA::BLACK, &bar);
        }
        if let Some(placement) = placement {
            let by_cairo = self.is_drawn_by_cairo();
            self.tiles.borrow_mut().draw(snapshot, &placement, by_cairo);
            self.pointer.draw(snapshot, &placement);
        }
        self.send(Command::FrameWanted(self.monitor_id()));
    }
}

impl SpiceView {
    fn is_drawn_by_cairo(&self) -> bool {
        let Some(native) = self.obj().native() else { return false };
        let by_cairo = native.renderer().is_some_and(|renderer| renderer.is::<gsk::CairoRenderer>());
        if let Some(window) = native.surface().filter(|_| by_cairo) {
            self.server.borrow_mut().keep_for(&window);
        }
        by_cairo
    }

    pub(super) fn set_link(&self, link: Option<&Link>) {
        if let (Some(old), Some(new)) = (self.link.borrow().as_ref(), link) {
            if old.is(new) {
                return;
            }
        }
        self.let_go();
        self.listener.take();
        // What was offered to one guest is not offered to the next.
        self.set_state(&State::Idle);
        self.link.replace(link.cloned());
        self.listen();
    }

    /// Listens to the session anew, and so hears how things are.
    fn listen(&self) {
        self.listener.take();
        self.own_cursor.set(false);
        self.clear();
        let weak = self.obj().downgrade();
        let link = self.link.borrow().clone();
        let listener = link.map(|link| {
            link.listen(move |event| {
                if let Some(view) = weak.upgrade() {
                    view.imp().hear(event);
                }
            })
        });
        self.listener.replace(listener);
    }

    /// Shows no picture.
    fn clear(&self) {
        self.tiles.take();
        let view = self.obj();
        if self.guest_width.replace(0) != 0 {
            self.guest_height.set(0);
            view.notify_guest_width();
            view.notify_guest_height();
        }
        view.queue_resize();
        view.queue_draw();
    }

    fn monitors_changed(&self, monitors: &[MonitorId]) {
        if !monitors.is_empty() && !monitors.contains(&self.monitor_id()) {
            self.clear();
        }
        if *self.monitors.borrow() != monitors {
            self.monitors.replace(monitors.to_vec());
            self.obj().emit_by_name::<()>("monitors-changed", &[]);
        }
    }

    pub(super) fn send(&self, command: Command) {
        // Sending may lead back here: nothing is borrowed meanwhile.
        let link = self.link.borrow().clone();
        if let Some(link) = link {
            link.send(command);
        }
    }

    pub(super) fn monitor_id(&self) -> MonitorId {
        MonitorId(self.monitor.get())
    }

    fn hear(&self, event: &Event) {
        match event {
            Event::State(state) => self.set_state(state),
            Event::Frame(frame) if frame.monitor == self.monitor_id() => self.take_frame(frame),
            Event::Monitors(monitors) => self.monitors_changed(monitors),
            Event::Cursor(cursor) if !self.own_cursor.get() => self.pointer.set_shape(&self.obj(), cursor),
            Event::CursorOn(monitor, cursor) if *monitor == self.monitor_id() => {
                self.own_cursor.set(true);
                self.pointer.set_shape(&self.obj(), cursor);
            }
            Event::CursorAt(x, y) => self.pointer.set_place(&self.obj(), *x, *y),
            Event::MouseMode(mode) => self.pointer.set_mode(&self.obj(), *mode),
            Event::Clipboard(message) => self.clipboard.hear_guest(&self.obj(), message),
            Event::Transfer(transfer) => self.obj().emit_by_name::<()>("transfer", &[transfer]),
            Event::Locks(locks) => self.keyboard.guest_locks(&self.obj(), *locks),
            _ => {}
        }
    }

    fn set_state(&self, state: &State) {
        let before = self.state.replace(state.clone());
        if before == *state {
            return;
        }
        if !state.is_connected() {
            self.let_go();
        }
        self.pointer.update_cursor(&self.obj());
        let agent = *state == State::Connected { agent: true };
        self.clipboard.set_agent(&self.obj(), agent);
        if state.is_connected() && !before.is_connected() {
            self.keyboard.send_locks(&self.obj());
            self.resize.again(&self.obj());
        }
        self.obj().emit_by_name::<()>("state-changed", &[]);
    }

    pub(super) fn is_connected(&self) -> bool {
        self.state.borrow().is_connected()
    }

    fn take_frame(&self, frame: &Frame) {
        let resized = self.tiles.borrow_mut().take(frame);
        let view = self.obj();
        if resized {
            let (width, height) = self.tiles.borrow().size();
            self.guest_width.set(width);
            self.guest_height.set(height);
            self.pointer.forget_sent();
            view.notify_guest_width();
            view.notify_guest_height();
            view.queue_resize();
        }
        view.queue_draw();
    }

    /// The view as far as placing is concerned.
    pub(super) fn measured(&self) -> View {
        let view = self.obj();
        View {
            size: (view.width(), view.height()),
            factor: view.scale_factor(),
            mode: self.scale_mode.get(),
            zoom: self.zoom_or_one(),
        }
    }

    pub(super) fn placement(&self) -> Option<Placement> {
        self.measured().place(self.tiles.borrow().size())
    }

    /// Lets go of every key and button, and of the desktop's shortcuts.
    pub(super) fn let_go(&self) {
        self.keyboard.let_go(&self.obj());
        self.pointer.let_go(&self.obj());
    }

    fn size_changed(&self) {
        self.resize.changed(&self.obj());
    }

    fn set_monitor(&self, monitor: u32) {
        if self.monitor.get() == monitor {
            return;
        }
        self.let_go();
        self.monitor.set(monitor);
        self.listen();
        self.resize.again(&self.obj());
        self.send(Command::FrameWanted(MonitorId(monitor)));
    }

    fn set_scale_mode(&self, mode: ScaleMode) {
        self.scale_mode.set(mode);
        self.obj().queue_resize();
        self.size_changed();
    }

    /// Zero stands for a zoom that was never set.
    fn zoom_or_one(&self) -> f64 {
        if self.zoom.get() == 0.0 {
            1.0
        } else {
            self.zoom.get()
        }
    }

    fn set_zoom(&self, zoom: f64) {
        self.zoom.set(zoom);
        self.obj().queue_resize();
    }

    fn set_ask_resize(&self, ask: bool) {
        self.ask_resize.set(ask);
        self.resize.again(&self.obj());
    }

    fn set_grab(&self, grab: bool) {
        if self.grab.replace(grab) != grab {
            self.keyboard.update_grab(&self.obj());
            self.obj().notify_grab();
        }
    }

    fn set_clipboard_policy(&self, policy: ClipboardPolicy) {
        self.clipboard_policy.set(policy);
        self.clipboard.set_policy(&self.obj(), policy);
    }

    fn set_clipboard_limit(&self, limit: u32) {
        self.clipboard_limit.set(limit);
        self.clipboard.set_bounds(limit, self.clipboard_lifetime.get());
    }

    fn set_clipboard_lifetime(&self, lifetime: u32) {
        self.clipboard_lifetime.set(lifetime);
        self.clipboard.set_bounds(self.clipboard_limit.get(), lifetime);
    }

    fn set_file_drop(&self, allow: bool) {
        self.file_drop.set(allow);
        self.files.allow(&self.obj(), allow);
    }
}
