// SPDX-License-Identifier: LGPL-2.1-or-later
//! The window with real sandboxes that have a screen: real programs on a real
//! Xorg over real SPICE, with real keys and clicks. Pictures are left under
//! target/pictures.

mod clipboard;
mod devices;
mod document;
mod drop;
mod killed;
mod looks;
mod many;
mod network;
#[path = "../scene/program.rs"]
mod program;
mod programs;
mod returns;
#[path = "../scene/sandboxes.rs"]
mod sandboxes;
mod scale;
#[path = "../scene/mod.rs"]
mod scene;
mod shut;
mod sizes;
mod sound;

use adw::prelude::*;
use gtk::{gdk, glib, graphene};
use program::{ctl, Glass, BOOT};
use sandboxes::{open, Scene};
use spice_view::ScaleMode;
use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::process::Command;
use std::rc::Rc;
use std::time::{Duration, Instant};
use terrarium::pages::screen::Screen;
use terrarium::pages::tab::Phase;
use terrarium_engine::plan::plan;
use terrarium_engine::profile::{DisplayKind, Isolation, Profile};

fn xdotool(args: &[&str]) -> String {
    let output = Command::new("xdotool").args(args).output().expect("xdotool");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

impl Scene {
    /// Runs a script on a screen of its own, and waits for its picture.
    fn run_shown(&self, glass: Glass, script: &str) -> Rc<Screen> {
        self.run_profile(glass, script, |_| {})
    }

    /// The same with more in its profile.
    fn run_profile(&self, glass: Glass, script: &str, more: impl FnOnce(&mut Profile)) -> Rc<Screen> {
        // The microphone of this computer, for GStreamer, which looks for one
        // once a screen is shown.
        std::env::set_var("GST_PLUGIN_FEATURE_RANK", "audiotestsrc:MAX");
        let argv = ["sh", "-c", script].map(Into::into);
        let mut profile = Profile::new("Screens", argv.into());
        profile.display.kind = DisplayKind::Window;
        profile.isolation = Some(match glass {
            Glass::Container => Isolation::Container,
            Glass::Machine => Isolation::Machine,
        });
        more(&mut profile);
        let planned = plan(&profile, self.window.bridge.host().expect("a computer"));
        self.window.start(planned.plan.unwrap_or_else(|| panic!("{:?}", planned.problems)));
        let screen = || self.window.runs.current().and_then(|tab| tab.screen.clone());
        self.within(BOOT, "the screen is shown", || {
            screen().is_some_and(|screen| screen.is_shown() && screen.is_connected())
        });
        screen().expect("a screen")
    }

    /// Gives the window and the screen in it the keyboard, as no window manager
    /// is there to do it. Where the window is on the computer's screen.
    fn has_keyboard(&self, screen: &Screen) -> (f32, f32) {
        let id = self.on_the_screen();
        // Weston has it from the start, and now and then takes being given it
        // again for losing it.
        if !(self.is_on_wayland() && self.window.widget.is_active()) {
            xdotool(&["windowfocus", &id]);
        }
        self.until("the window has the keyboard", || self.window.widget.is_active());
        screen.view.grab_focus();
        let geometry = xdotool(&["getwindowgeometry", "--shell", &id]);
        let number = |name: &str| {
            let line = geometry.lines().find_map(|line| line.strip_prefix(name)).expect("a number");
            line.parse::<f32>().expect("a number")
        };
        // What is drawn begins beside the window's own edge, except where it
        // fills all there is.
        let (x, y) = self.window.widget.surface_transform();
        let scale = self.window.widget.scale_factor() as f32;
        (number("X=") + x as f32 * scale, number("Y=") + y as f32 * scale)
    }

    /// The number that X has for the window: on Wayland for the compositor's,
    /// which it fills.
    fn on_the_screen(&self) -> String {
        let name = format!("terrarium test {}", glib::uuid_string_random());
        self.window.widget.set_title(Some(&name));
        let search =
            if self.is_on_wayland() { ["search", "--class", "weston"] } else { ["search", "--name", &name] };
        let id = RefCell::new(String::new());
        self.until("the window is found", || {
            id.replace(xdotool(&search));
            !id.borrow().is_empty()
        });
        id.into_inner()
    }

    fn is_on_wayland(&self) -> bool {
        WidgetExt::display(&self.window.widget).type_().name() == "GdkWaylandDisplay"
    }

    /// What its streams said so far.
    fn said(&self) -> String {
        self.window.runs.current().map(|tab| tab.text()).unwrap_or_default()
    }

    /// How many colours the screen has as it is drawn, and saves the picture.
    fn colours(&self, screen: &Screen, name: &str) -> usize {
        // Drawing takes its time: what comes over SPICE must get its turn.
        self.pass(300);
        self.picture(name);
        let path = std::path::PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/pictures");
        let texture = gdk::Texture::from_filename(path.join(format!("{name}.png"))).expect("a picture");
        let (width, height) = (texture.width() as usize, texture.height() as usize);
        let mut pixels = vec![0; width * height * 4];
        texture.download(&mut pixels, width * 4);
        let part = screen.view.compute_bounds(&self.window.widget).expect("a place");
        let inside = pixels.chunks_exact(4).enumerate().filter(|(at, _)| {
            part.contains_point(&graphene::Point::new((at % width) as f32, (at / width) as f32))
        });
        inside.map(|(_, pixel)| pixel).collect::<HashSet<_>>().len()
    }

    fn ends(&self, with: &str) {
        self.within(BOOT, "it ends", || {
            self.window.runs.current().is_some_and(|tab| tab.phase() == Phase::Ended)
        });
        self.shows(with);
        // The window tells the sandbox a moment later that its result arrived.
        let uuid = self.window.runs.current().and_then(|tab| tab.id()).expect("a sandbox").uuid;
        self.within(BOOT, "it is gone", || {
            self.pass(100);
            let list = Command::new(ctl()).args(["list", "--json"]).output().expect("terrariumctl");
            list.status.success() && !String::from_utf8_lossy(&list.stdout).contains(&uuid)
        });
    }
}

/// Prints `up` once xterm shows, reads and has the keyboard, then what was
/// typed into it.
const READER: &str = r#"cd "$XDG_RUNTIME_DIR"; mkfifo up; echo "pointer ${XCURSOR_SIZE:-24}"
    for layout in us de; do setxkbmap $layout
        xterm -wf -e sh -c 'echo up >up; read -r line; echo "$line" >line' & read -r word <up
        until xprop -root _NET_ACTIVE_WINDOW | grep -q '# 0x[1-9a-f]'; do sleep 0.1; done; echo "$word $layout"
        wait $!; cat line; done
    stdbuf -oL xev -event button | grep --line-buffered -A2 ButtonPress; exit 3"#;

/// No size changes for so long, once it is the last one.
const SETTLED: Duration = Duration::from_millis(400);

/// A window whose screen would have more pixels than a guest's may.
const LARGER: (i32, i32) = (3880, 2300);

/// In xterm, then in xev, which is nothing but X; then zoomed.
fn clicks_and_typed_text_arrive(glass: Glass) {
    let shown = open();
    let screen = shown.run_shown(glass, READER);
    let corner = shown.has_keyboard(&screen);
    // What is started later draws as large as what was there first.
    let scale = screen.view.scale_factor();
    let pointer = format!("{}\n", 24 * scale);
    shown.within(BOOT, "its first word", || shown.said().contains(&format!("pointer {pointer}")));
    assert_eq!(clipboard::inside(&shown, "echo ${XCURSOR_SIZE:-24}"), pointer);
    for (layout, line) in [("us", "Yz-7"), ("de", "Zyß7")] {
        shown.within(BOOT, "xterm reads", || shown.said().contains(&format!("up {layout}")));
        has_active_window(&shown);
        shown.until("the screen has the keyboard", || screen.view.has_focus());
        xdotool(&["type", "--delay", "60", "Yz-7"]);
        if layout == "us" {
            xdotool(&["key", "Return"]);
        } else {
            // What is typed is on its way; the menu's key comes behind it.
            shown.pass(500);
            let key = Some(&"Enter".to_variant());
            WidgetExt::activate_action(&shown.window.widget, "win.send-key", key).expect("an action");
        }
        shown.within(BOOT, line, || shown.said().contains(line));
        shown.picture(&format!("{glass:?}-screen-xterm"));
    }
    shown.within(BOOT, "xev shows", || {
        clipboard::inside(&shown, "xdotool getactivewindow getwindowname").contains("Event Tester")
    });
    shown.within(BOOT, "xev is drawn", || shown.colours(&screen, &format!("{glass:?}-screen-xev")) > 1);
    has_active_window(&shown);
    if glass == Glass::Container {
        larger_than_a_guest(&shown, &screen);
    }
    click_everywhere(&shown, &screen, corner);
    zoom(&shown, &screen, 1.5);
    click_everywhere(&shown, &screen, corner);
    clipboard::inside(&shown, "pkill -x xev");
    shown.ends("Exit code 3");
}

/// Gives the view more pixels than a guest's screen may have, where this
/// computer's has as many.
fn larger_than_a_guest(shown: &Scene, screen: &Screen) {
    let (widget, before) = (&shown.window.widget, screen.view.guest_width());
    let surface = widget.surface().expect("it is shown");
    let whole = WidgetExt::display(widget).monitor_at_surface(&surface).expect("a monitor").geometry();
    if whole.width() >= LARGER.0 && whole.height() >= LARGER.1 {
        widget.set_default_size(LARGER.0, LARGER.1);
        shown.within(BOOT, "the guest is as large as it can be", || screen.view.guest_width() > before);
    }
}

#[gtk::test]
fn clicks_and_typed_text_arrive_in_a_container() {
    clicks_and_typed_text_arrive(Glass::Container);
}

#[gtk::test]
fn clicks_and_typed_text_arrive_in_a_machine() {
    clicks_and_typed_text_arrive(Glass::Machine);
}

/// Where a click arrived, as xev says it.
fn clicked(said: &str) -> Option<(f32, f32)> {
    let line = said.lines().rev().find(|line| line.contains("root:("))?;
    let (x, y) = line.split("root:(").nth(1)?.split_once(')')?.0.split_once(',')?;
    Some((x.trim().parse().ok()?, y.trim().parse().ok()?))
}

/// Scrolls a view that is larger than its place so that a point is seen, and
/// waits until it is.
fn scroll_to(shown: &Scene, view: &spice_view::SpiceView, x: f32, y: f32) {
    let around = view.ancestor(gtk::ScrolledWindow::static_type()).and_downcast::<gtk::ScrolledWindow>();
    let around = around.expect("a place to scroll in");
    let (across, down) = (around.hadjustment(), around.vadjustment());
    for (along, at) in [(&across, x), (&down, y)] {
        along.set_value(f64::from(at) - along.page_size() / 2.0);
    }
    let point = graphene::Point::new(across.value() as f32, down.value() as f32);
    shown.until("it is scrolled", || {
        let corner = view.compute_point(&around, &point);
        corner.is_some_and(|corner| corner.x().abs() < 1.0 && corner.y().abs() < 1.0)
    });
}

/// One pixel of the guest takes that many of the screen.
fn zoom(shown: &Scene, screen: &Screen, zoom: f64) {
    let view = &screen.view;
    screen.set_scale(ScaleMode::Actual);
    view.set_zoom(zoom);
    let wanted = (f64::from(view.guest_width()) * zoom / f64::from(view.scale_factor())) as i32;
    shown.until("it is zoomed", || view.width().abs_diff(wanted) < 3);
}

/// Where the guest's picture lies in its view, and how large a pixel of it is:
/// where a view is larger than any guest's screen may be, it is in the middle.
fn picture_in(view: &spice_view::SpiceView) -> (f32, f32, f32) {
    let (width, height) = (view.width() as f32, view.height() as f32);
    let (guest_width, guest_height) = (view.guest_width() as f32, view.guest_height() as f32);
    let factor = view.scale_factor() as f32;
    let pixel = match view.scale_mode() {
        ScaleMode::Actual => view.zoom() as f32 / factor,
        _ => {
            let (fit, side, guest) = if width / guest_width < height / guest_height {
                (width / guest_width, width, guest_width)
            } else {
                (height / guest_height, height, guest_height)
            };
            // By less than the guest's width is rounded by nothing is stretched.
            let is_near = (0.0..8.0).contains(&(side * factor - guest));
            if is_near {
                1.0 / factor
            } else {
                fit
            }
        }
    };
    let beside = |view: f32, guest: f32| ((view - guest * pixel) / 2.0).max(0.0);
    (beside(width, guest_width), beside(height, guest_height), pixel)
}

/// Waits until neither the view nor the guest's screen changes its size any
/// more: in between a click means another place.
fn settles(shown: &Scene, view: &spice_view::SpiceView) {
    let sizes = || (view.width(), view.height(), view.guest_width(), view.guest_height());
    let (seen, since) = (Cell::new(sizes()), Cell::new(Instant::now()));
    shown.until("the sizes rest", || {
        if seen.replace(sizes()) != sizes() {
            since.set(Instant::now());
        }
        since.get().elapsed() > SETTLED
    });
}

/// Clicks at the corners and in the middle; what runs inside says where.
/// `corner`: the window's, on the screen.
fn click_everywhere(shown: &Scene, screen: &Screen, corner: (f32, f32)) {
    let view = &screen.view;
    settles(shown, view);
    let (width, height) = (view.width() as f32, view.height() as f32);
    let (left, top, pixel) = picture_in(view);
    let scale = view.scale_factor() as f32;
    // The guest's pixels fill the view but for what its width is rounded by.
    let inset = 9.0;
    let (right, bottom) = (width - left - inset, height - top - inset);
    let (left_in, top_in) = (left + inset, top + inset);
    let places = [(left_in, top_in), (right, top_in), (left_in, bottom), (right, bottom)];
    for (x, y) in places.into_iter().chain([(width / 2.0, height / 2.0)]) {
        let before = shown.said();
        scroll_to(shown, view, x, y);
        shown.pass(100);
        let place = view.compute_point(&shown.window.widget, &graphene::Point::new(x, y)).expect("a place");
        let on_screen = |at: f32, origin: f32| format!("{}", (origin + at * scale).round());
        xdotool(&["mousemove", &on_screen(place.x(), corner.0), &on_screen(place.y(), corner.1)]);
        shown.pass(200);
        xdotool(&["click", "1"]);
        shown.within(BOOT, "the click", || shown.said() != before && clicked(&shown.said()).is_some());
        shown.pass(50);
        let expected = ((x - left) / pixel, (y - top) / pixel);
        let found = clicked(&shown.said()).expect("a click");
        let far = (found.0 - expected.0).abs().max((found.1 - expected.1).abs());
        let guest = (view.guest_width(), view.guest_height());
        let inside = || {
            let script = "xdotool getmouselocation getactivewindow getwindowgeometry; xrandr | head -n 1";
            clipboard::inside(shown, script)
        };
        assert!(
            far <= 5.0,
            "at {x},{y} of {width}x{height}, {guest:?}: {found:?}, not {expected:?}; {}",
            inside()
        );
    }
}

/// Waits until a window inside has the keyboard from the window manager: while
/// that follows init's stand-in, a click is lost.
fn has_active_window(shown: &Scene) {
    let script = "until [ -e \"$XDG_RUNTIME_DIR/openbox\" ]; do sleep 0.2; done
        until xprop -root _NET_ACTIVE_WINDOW | grep -q '# 0x[1-9a-f]'; do sleep 0.2; done";
    clipboard::inside(shown, script);
}

#[gtk::test]
fn what_was_shown_is_found_again() {
    let shown = open();
    let screen = shown.run_shown(Glass::Container, "exec xterm -bg blue -fg blue -cr blue -e sleep 1000");
    let is_blue = |screen: &Screen| screen.picture().is_some_and(|it| many::middle(&it) == gdk::RGBA::BLUE);
    shown.within(BOOT, "it is drawn", || is_blue(&screen));
    let name = shown.window.runs.current().expect("a tab").name();
    let again = open();
    again.view(name);
    let found = || again.window.runs.current().and_then(|tab| tab.screen.clone());
    again.within(BOOT, "the same screen is shown", || found().is_some_and(|screen| is_blue(&screen)));
}
