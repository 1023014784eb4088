// SPDX-License-Identifier: LGPL-2.1-or-later
//! The window: a stack of pages, and what they ask of each other.

mod background;
mod closing;
mod desktop;
mod dialogs;
mod launch;
mod launchers;
mod naming;
mod profiles;
mod shortcuts;
mod toasts;

pub use dialogs::close_with_escape;
pub use launch::{hide, Launch, Purpose};
pub use naming::Words;

use crate::bridge::Bridge;
use crate::library::{Item, Library};
use crate::pages::{computer::Computer, form::Form, home::Home, new_profile, runs::Runs};
use adw::prelude::*;
use gtk::{gio, glib};
use std::cell::{Cell, OnceCell, RefCell};
use std::rc::{Rc, Weak};
use terrarium_engine::plan::Plan;
use terrarium_engine::profile::{store::Deleted, Profile};
use terrarium_engine::sandbox::Summary;

thread_local! {
    /// Windows that were opened.
    static OPEN: RefCell<Vec<Weak<Window>>> = const { RefCell::new(Vec::new()) };
}

/// One window. Kept alive by its own signal handlers.
pub struct Window {
    /// The widget.
    pub widget: adw::ApplicationWindow,
    toasts: Rc<toasts::Toasts>,
    leaflet: adw::Leaflet,
    shortcuts: shortcuts::Shortcuts,
    /// The first page.
    pub home: Rc<Home>,
    /// What runs.
    pub runs: Rc<Runs>,
    form: OnceCell<Rc<Form>>,
    computer: OnceCell<Rc<Computer>>,
    /// This Computer was opened from the form.
    beside: Cell<bool>,
    /// The way to the engine.
    pub bridge: Bridge,
    /// The profiles.
    pub library: Rc<Library>,
    /// What holds up logging out, if something does.
    held_up: RefCell<Option<desktop::HeldUp>>,
    /// What the desktop was told last.
    told: RefCell<Option<String>>,
    /// Profiles that were deleted here, which can be had back.
    deleted: RefCell<Vec<Rc<Deleted>>>,
    /// Where others than the session's bus are spoken to.
    bus: RefCell<Option<gio::DBusConnection>>,
}

impl Window {
    /// Opens a window.
    pub fn open(app: &adw::Application, bridge: Bridge) {
        let _ = Self::new(app, bridge);
    }

    /// Opens a window and gives it, for tests.
    pub fn new(app: &adw::Application, bridge: Bridge) -> Rc<Self> {
        let widget = adw::ApplicationWindow::builder()
            .application(app)
            .title("Terrarium")
            .default_width(1100)
            .default_height(760)
            .width_request(360)
            .height_request(320)
            .icon_name(crate::APP_ID)
            .build();
        // A page that is not seen keeps the window from nothing.
        let leaflet =
            adw::Leaflet::builder().can_unfold(false).can_navigate_back(true).homogeneous(false).build();
        // The others come when they are asked for.
        let (home, runs) = (Home::new(), Runs::new());
        let toasts = toasts::Toasts::new(&leaflet, &runs);
        widget.set_content(Some(&toasts.widget));
        leaflet.append(&home.widget).set_name(Some("home"));
        leaflet.append(&runs.widget).set_name(Some("runs"));
        let shortcuts = shortcuts::add(&widget);
        let library = Rc::default();
        let window = Rc::new(Self {
            widget,
            toasts,
            leaflet,
            shortcuts,
            home,
            runs,
            form: OnceCell::new(),
            computer: OnceCell::new(),
            beside: Cell::new(false),
            bridge,
            library,
            held_up: RefCell::default(),
            told: RefCell::default(),
            deleted: RefCell::default(),
            bus: RefCell::default(),
        });
        OPEN.with_borrow_mut(|open| open.push(Rc::downgrade(&window)));
        window.home.connect(&window);
        window.runs.connect(&window);
        window.add_actions();
        window.add_profile_actions();
        window.add_ways_back();
        window.ask_before_closing();
        let weak = Rc::downgrade(&window);
        window.leaflet.connect_visible_child_notify(move |_| {
            let Some(window) = weak.upgrade() else { return };
            window.lead_focus_out();
            window.let_toasts_go();
            window.runs.current().iter().for_each(|tab| tab.tell_if_full(&window));
            if window.shows("home") {
                window.home.is_shown(&window);
            }
        });
        window.take_drops(&window.home.widget, false);
        window.remember_size();
        window.begin();
        window.widget.present();
        window
    }

    fn begin(self: &Rc<Self>) {
        let window = self.clone();
        glib::spawn_future_local(async move {
            window.bridge.begin().await;
            if let Some(form) = window.form.get() {
                form.host_is_known(&window);
            }
            window.library.read(&window.bridge).await;
            window.library.watch(&window.bridge);
            window.home.watch(&window);
            if window.bridge.draft().await.is_some() {
                window.form().read_draft(&window);
            }
        });
    }

    /// What to run: the form, made when it is needed first.
    pub fn form(self: &Rc<Self>) -> &Rc<Form> {
        self.form.get_or_init(|| {
            let form = Form::new();
            self.leaflet.insert_child_after(&form.widget, Some(&self.home.widget)).set_name(Some("form"));
            self.take_drops(&form.widget, true);
            form.connect(self);
            if self.bridge.host().is_some() {
                form.host_is_known(self);
            }
            form
        })
    }

    /// The form, if it was needed already.
    pub fn known_form(&self) -> Option<Rc<Form>> {
        self.form.get().cloned()
    }

    fn computer(self: &Rc<Self>) -> &Rc<Computer> {
        self.computer.get_or_init(|| {
            let computer = Computer::new();
            self.leaflet.append(&computer.widget).set_name(Some("computer"));
            computer.connect(self);
            computer
        })
    }

    fn add_actions(self: &Rc<Self>) {
        let simple = |name: &str, run: fn(&Rc<Self>)| {
            let action = gio::SimpleAction::new(name, None);
            let window = Rc::downgrade(self);
            action.connect_activate(move |_, _| {
                if let Some(window) = window.upgrade() {
                    run(&window);
                }
            });
            self.widget.add_action(&action);
        };
        simple("new-run", |window| {
            window.form().begin_anew(window);
            window.show_form();
        });
        simple("preferences", crate::pages::preferences::show);
        simple("new-window", |window| {
            if let Some(app) = window.widget.application().and_downcast::<adw::Application>() {
                Self::open(&app, window.bridge.clone());
            }
        });
        simple("computer", |window| {
            let computer = window.computer();
            window.beside.set(window.shows("form"));
            window.show("computer");
            computer.look(window);
        });
        simple("new-profile", new_profile::show);
        simple("search", |window| {
            if window.shows("home") {
                window.home.begin_search();
            } else if window.shows("runs") {
                window.runs.begin_find();
            }
        });
        simple("import", |window| window.ask_for_import());
        simple("open-terminal", |window| window.open_terminal());
        simple("open-document", |window| window.ask_for_document());
        simple("try-app", |window| window.ask_for_app());
        simple("run", |window| {
            if window.shows("form") {
                window.form().run(window);
            }
        });
        simple("back", |window| {
            // Whoever came from the form to mend something is not done with it.
            let to_form = window.shows("computer") && window.beside.take();
            window.known_form().iter().for_each(|form| form.is_left(window));
            window.show(if to_form { "form" } else { "home" });
        });
        simple("copy", |window| window.runs.copy());
        simple("paste", |window| window.runs.paste());
        simple("about", |window| window.about());
        simple("shortcuts", |window| window.show_shortcuts());
    }

    /// The window that was opened first.
    #[must_use]
    pub fn first(app: &adw::Application) -> Option<Rc<Self>> {
        OPEN.with_borrow(|open| {
            open.iter()
                .filter_map(Weak::upgrade)
                .find(|one| one.widget.application().as_ref() == Some(app.upcast_ref()))
        })
    }

    /// All windows.
    #[must_use]
    pub fn all() -> Vec<Rc<Self>> {
        OPEN.with_borrow(|open| open.iter().filter_map(Weak::upgrade).collect())
    }

    /// What is shown, as text, for tests.
    #[must_use]
    pub fn describe(&self) -> String {
        let page = self.leaflet.visible_child_name().unwrap_or_default();
        let mut text = format!("page: {page}\n");
        if self.shows("runs") {
            text += &self.runs.describe();
        } else if self.shows("home") {
            text += &self.home.describe();
        }
        text
    }

    /// Shows a page by its name.
    pub fn show(&self, name: &str) {
        if let Some(page) = self.leaflet.child_by_name(name) {
            self.leaflet.set_visible_child(&page);
        }
    }

    /// Whether a page is shown.
    pub fn shows(&self, name: &str) -> bool {
        self.leaflet.visible_child_name().is_some_and(|shown| shown == name)
    }

    /// Shows the form as it was left.
    pub fn show_form(self: &Rc<Self>) {
        let form = self.form();
        self.show("form");
        form.focus();
    }

    /// Shows the form with a profile, which may be one of the library.
    pub fn edit(self: &Rc<Self>, profile: &Profile, item: Option<&Item>) {
        self.form().open(self, profile, item);
        self.show_form();
    }

    /// Shows the form with a profile that is to be made.
    pub fn edit_new(self: &Rc<Self>, profile: &Profile) {
        self.form().open_new(self, profile);
        self.show_form();
    }

    /// Runs a plan in a tab of its own.
    pub fn start(self: &Rc<Self>, plan: Plan) {
        self.show("runs");
        self.runs.start(self, plan);
    }

    /// Shows a sandbox that runs already.
    pub fn attach(self: &Rc<Self>, one: &Summary) {
        self.show("runs");
        self.runs.attach(self, one);
    }
}
