// SPDX-License-Identifier: LGPL-2.1-or-later
//! A real init with a real Xorg: the screen, its sockets, its pictures.
#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use common::*;
use std::time::{Duration, Instant};
use terrarium_protocol::display::{Agent, Display, ScreenSize};
use terrarium_protocol::message::Ending;
use terrarium_protocol::orders::{Orders, Until};
use terrarium_protocol::{picture, Bytes, FromInit, ToInit};

const SERVER: &str = "/usr/lib/xorg/Xorg";

/// Orders with a screen of 640 × 480.
fn shown(script: &str) -> Orders {
    let mut orders = sh(script);
    let pair = |name: &str, value: &str| -> (Bytes, Bytes) { (name.into(), value.into()) };
    orders.command.environment.extend([
        pair("DISPLAY", ":0"),
        pair("XAUTHORITY", "/run/terrarium/Xauthority"),
        pair("DBUS_SESSION_BUS_ADDRESS", "unix:path=/run/user/1234/bus"),
    ]);
    orders.display = Some(Display {
        server: SERVER.into(),
        size: ScreenSize { width: 640, height: 480 },
        glx: false,
        bus: Some("/usr/bin/dbus-daemon".into()),
        agent: Some(Agent { daemon: "/usr/sbin/spice-vdagentd".into(), client: "/usr/bin/spice-vdagent".into() }),
        manager: Some(vec!["/usr/bin/openbox".into()]),
        sound: false,
    });
    orders
}

fn take_picture(sandbox: &Sandbox) -> (ScreenSize, Vec<u8>) {
    let mut client = sandbox.client();
    client.say(&ToInit::Picture);
    let whole = client.finish().out;
    let (size, pixels) = picture::parse(&whole).unwrap();
    (size, pixels.to_vec())
}

fn log(sandbox: &Sandbox) -> String {
    let mut client = sandbox.client();
    client.say(&ToInit::Log);
    client.finish().text()
}

#[test]
fn a_window_shows_and_the_exit_status_is_the_commands() {
    if !is_root() {
        return;
    }
    let mut sandbox = Sandbox::new();
    let mut client = sandbox.client();
    let begun = Instant::now();
    client.start(shown("xterm -geometry 40x10+0+0 -bg red -fg red -e sleep 3; echo over; exit 5"));
    let (started, _) = client.until(|message| matches!(message, FromInit::Started { .. } | FromInit::Failed(_)));
    println!("{started:?} after {:?}", begun.elapsed());
    std::thread::sleep(Duration::from_millis(1500));
    println!("{}", log(&sandbox));
    let (size, pixels) = take_picture(&sandbox);
    assert_eq!(size, ScreenSize { width: 640, height: 480 });
    std::fs::write("/tmp/p.ppm", [format!("P6 {} {} 255\n", size.width, size.height).as_bytes(), &pixels].concat()).unwrap();
    let red = pixels.chunks(3).filter(|pixel| pixel[0] > 200 && pixel[1] < 50).count();
    println!("{red} red");
    let finished = client.finish();
    println!("{}", finished.text());
    assert!(red > 1000);
    assert_eq!(finished.outcome.ending, Ending::Exited { code: 5 });
    assert!(sandbox.wait_for_end() < Duration::from_secs(2));
}
