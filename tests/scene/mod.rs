// SPDX-License-Identifier: LGPL-2.1-or-later
//! A window in a test: what is typed and clicked goes in, what is shown comes
//! out. Needs a display (xvfb-run will do).
#![allow(dead_code)]

use adw::prelude::*;
use gtk::glib;
use std::rc::Rc;
use std::time::{Duration, Instant};
use terrarium::bridge::Bridge;
use terrarium::window::Window;

/// How long anything may take.
pub const PATIENCE: Duration = Duration::from_secs(20);

thread_local! {
    static APP: adw::Application = {
        adw::init().expect("a display");
        let settings = gtk::Settings::default().expect("a display");
        settings.set_gtk_enable_animations(false);
        terrarium::application::load_resources();
        terrarium::look::load();
        wear(&settings);
        let app = adw::Application::builder()
            .application_id("org.terrarium.Terrarium.Test")
            .flags(gtk::gio::ApplicationFlags::NON_UNIQUE)
            .build();
        app.register(gtk::gio::Cancellable::NONE).expect("an application");
        app
    };
}

/// What `tools/pictures` asks for; high contrast is libadwaita's own variable.
pub fn asked_look() -> Option<String> {
    std::env::var("TERRARIUM_LOOK").ok()
}

/// Puts the look on that was asked for.
fn wear(settings: &gtk::Settings) {
    match asked_look().as_deref() {
        Some("rtl") => gtk::Widget::set_default_direction(gtk::TextDirection::Rtl),
        Some("large") => settings.set_gtk_xft_dpi(144 * 1024),
        Some("german") => terrarium::application::set_up_texts(),
        _ => {}
    }
}

/// A window.
pub struct Shown {
    /// The window.
    pub window: Rc<Window>,
}

impl Drop for Shown {
    fn drop(&mut self) {
        self.window.widget.destroy();
    }
}

impl Shown {
    /// Opens one.
    pub fn new(bridge: Bridge) -> Self {
        let shown = Self { window: Window::new(&APP.with(Clone::clone), bridge) };
        shown.until("the window is shown", || shown.window.widget.is_mapped());
        shown
    }

    /// Lets the main loop run until something is so.
    pub fn until(&self, what: &str, is_so: impl Fn() -> bool) {
        self.within(PATIENCE, what, is_so);
    }

    /// The same, with another patience.
    pub fn within(&self, patience: Duration, what: &str, is_so: impl Fn() -> bool) {
        let context = glib::MainContext::default();
        let begun = Instant::now();
        // Wakes the loop up, so that the clock is looked at.
        let tick = glib::timeout_add_local(Duration::from_millis(10), || glib::ControlFlow::Continue);
        while !is_so() {
            assert!(begun.elapsed() < patience, "in vain: {what}\n{}", self.state());
            context.iteration(true);
            // Looking can be dear: what is less urgent than the tick gets its
            // turn, too.
            let busy = Instant::now() + Duration::from_millis(20);
            while Instant::now() < busy && context.iteration(false) {}
        }
        tick.remove();
    }

    /// What is shown and who has the keyboard, for who reads why something was
    /// in vain.
    fn state(&self) -> String {
        let widget = &self.window.widget;
        let focus = gtk::prelude::GtkWindowExt::focus(widget).map(|focus| focus.type_().name());
        format!("{}active: {}, focus: {focus:?}\n", self.window.describe(), widget.is_active())
    }

    /// Waits for a text.
    pub fn shows(&self, text: &str) {
        self.until(text, || self.window.describe().contains(text));
    }

    /// Shows the sandbox with this name.
    pub fn view(&self, name: String) {
        let window = self.window.clone();
        glib::spawn_future_local(async move {
            window.bridge.begin().await;
            let one = window.bridge.find(name).await.expect("a sandbox");
            window.attach(&one);
        });
    }

    /// A widget by its id.
    pub fn object<T: IsA<gtk::Widget>>(&self, id: &str) -> T {
        find(self.window.widget.upcast_ref(), id)
            .and_then(|found| found.downcast().ok())
            .unwrap_or_else(|| panic!("no {id}"))
    }

    /// Does what a menu or a shortcut does.
    pub fn act(&self, action: &str) {
        WidgetExt::activate_action(&self.window.widget, action, None).expect(action);
    }

    /// Types a command into the form and runs it.
    pub fn run(&self, command: &str) {
        self.act("win.new-run");
        self.object::<adw::EntryRow>("command").set_text(command);
        self.until("the command can be run", || self.object::<gtk::Button>("run-form").is_sensitive());
        self.act("win.run");
    }

    /// Draws the window into target/pictures, as its user sees it.
    pub fn picture(&self, name: &str) {
        self.picture_of(self.window.widget.upcast_ref(), name);
    }

    /// The same of another window.
    pub fn picture_of(&self, widget: &gtk::Widget, name: &str) {
        let paintable = gtk::WidgetPaintable::new(Some(widget));
        self.until("it has its size", || widget.width() > 0 && widget.height() > 0);
        // With the frame that is drawn around it; scaled it would have seams.
        let (width, height) = (paintable.intrinsic_width(), paintable.intrinsic_height());
        let draw = || {
            let snapshot = gtk::Snapshot::new();
            paintable.snapshot(&snapshot, width.into(), height.into());
            snapshot.to_node()
        };
        // There is something once a frame was drawn.
        widget.queue_draw();
        self.until("a frame", || draw().is_some());
        let node = draw().expect("something is drawn");
        let bounds = gtk::graphene::Rect::new(0.0, 0.0, width as f32, height as f32);
        let renderer = widget.native().and_then(|native| native.renderer()).expect("a renderer");
        let folder = std::path::PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/pictures");
        let folder = folder.join(asked_look().unwrap_or_default());
        std::fs::create_dir_all(&folder).expect("a folder for pictures");
        let path = folder.join(format!("{name}.png"));
        renderer.render_texture(&node, Some(&bounds)).save_to_png(path).expect("a picture");
    }

    /// Lets time pass.
    pub fn pass(&self, milliseconds: u64) {
        let end = Instant::now() + Duration::from_millis(milliseconds);
        self.until("time passes", || Instant::now() >= end);
    }

    /// The terminal of the tab that is shown.
    pub fn terminal(&self) -> vte::Terminal {
        let tab = self.window.runs.current().expect("a tab");
        let found = walk(tab.widget.upcast_ref(), &|one| one.is::<vte::Terminal>());
        found.and_then(|found| found.downcast().ok()).expect("a terminal")
    }

    /// The card of a sandbox, at Home.
    pub fn card(&self, name: &str) -> Option<gtk::Button> {
        let has_name = |one: &gtk::Widget| {
            one.is::<gtk::Button>()
                && walk(one, &|inner| {
                    inner.downcast_ref::<gtk::Label>().is_some_and(|label| label.text() == name)
                })
                .is_some()
        };
        let within = |id: &str| walk(&find(self.window.widget.upcast_ref(), id)?, &has_name);
        within("running").or_else(|| within("finished"))?.downcast().ok()
    }
}

/// The first widget, from the outside in, that is it.
pub fn walk(widget: &gtk::Widget, is_it: &dyn Fn(&gtk::Widget) -> bool) -> Option<gtk::Widget> {
    if is_it(widget) {
        return Some(widget.clone());
    }
    let mut child = widget.first_child();
    while let Some(one) = child {
        if let Some(found) = walk(&one, is_it) {
            return Some(found);
        }
        child = one.next_sibling();
    }
    None
}

/// By its id, or the name of one that was made without a layout.
pub fn find(widget: &gtk::Widget, id: &str) -> Option<gtk::Widget> {
    walk(widget, &|one| one.buildable_id().is_some_and(|found| found == id) || one.widget_name() == id)
}

/// The window over this one that has such a widget.
pub fn over(id: &str) -> Option<gtk::Widget> {
    gtk::Window::list_toplevels().into_iter().filter(WidgetExt::is_visible).find_map(|one| find(&one, id))
}

/// A question that is asked.
pub fn dialog() -> Option<adw::MessageDialog> {
    let all = gtk::Window::list_toplevels().into_iter();
    all.filter_map(|one| one.downcast::<adw::MessageDialog>().ok()).find(WidgetExt::is_visible)
}

/// Whether a label with this text is somewhere in it, whatever keeps its paths
/// from breaking.
pub fn says(widget: &gtk::Widget, text: &str) -> bool {
    let has = |one: &gtk::Widget| {
        one.downcast_ref::<gtk::Label>().is_some_and(|one| one.text().replace('\u{2060}', "").contains(text))
    };
    walk(widget, &has).is_some()
}
