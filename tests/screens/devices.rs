// SPDX-License-Identifier: LGPL-2.1-or-later
//! A machine's second monitor, a USB device that is handed in, and its sound.

use crate::clipboard::inside;
use crate::program::{Glass, BOOT};
use crate::sandboxes::{open, Scene};
use crate::sound::{has_pulseaudio, is_heard, is_heard_through_pulseaudio, Ear, TONE};
use gtk::prelude::*;
use std::process::Command;
use terrarium::pages::screen::Screen;

#[gtk::test]
fn a_machine_is_heard_and_has_a_second_monitor_and_a_device_of_usb() {
    let (ear, scene) = (Ear::new(), open());
    let script = format!("{TONE} & exec xterm -bg blue -e sleep 1000");
    let screen = scene.run_profile(Glass::Machine, &script, |profile| {
        profile.display.monitors = 2;
        profile.display.usb = true;
        profile.display.sound = true;
    });
    // There ALSA's own programs play through PulseAudio, if that is installed.
    if has_pulseaudio("a_machine_is_heard_and_has_a_second_monitor_and_a_device_of_usb") {
        let playing = "pactl list short sink-inputs | grep -c protocol-native";
        scene.within(BOOT, "PulseAudio plays it", || inside(&scene, playing) == "1\n");
    }
    is_heard(&ear, &scene, &screen);
    scene.within(BOOT, "the agent", || screen.has_agent());
    if has_pulseaudio("a_machine_is_heard_and_has_a_second_monitor_and_a_device_of_usb") {
        // The agent has come, who would set the mixer.
        is_heard_through_pulseaudio(&ear, &scene);
    }
    assert!(screen.may_use_usb() && screen.usb_devices().is_empty(), "there is no USB here");
    second_monitor(&scene, &screen);
    usb_device(&scene);
}

fn second_monitor(scene: &Scene, screen: &Screen) {
    let first = (screen.view.guest_width(), screen.view.guest_height());
    let window = &scene.window.widget;
    gtk::prelude::WidgetExt::activate_action(window, "win.show-monitor", Some(&1u32.into()))
        .expect("an action");
    let view = screen.monitor(1).expect("a second view");
    scene.within(BOOT, "the second monitor shows", || view.guest_width() > 0);
    scene.within(BOOT, "it has the size of its view", || {
        let scale = view.scale_factor();
        let wanted = ((view.width() * scale) as u32, (view.height() * scale) as u32);
        (view.guest_width(), view.guest_height()) == wanted
    });
    assert_eq!((screen.view.guest_width(), screen.view.guest_height()), first, "the first one stays");
    let top = view.root().and_downcast::<gtk::Window>().expect("its window");
    top.close();
    scene.until("its window is closed", || screen.monitor(1).is_none());
    // A machine that is emulated takes its time to notice.
    scene
        .within(BOOT, "the guest has it no more", || inside(scene, "xrandr | grep -c ' connected'") == "1\n");
}

/// There is no USB on this computer: QEMU's own keyboard stands for a device.
fn usb_device(scene: &Scene) {
    let id = scene.window.runs.current().and_then(|tab| tab.id()).expect("a sandbox");
    let monitor = |line: &str| {
        let connection = id.connection.to_string();
        let words = ["-c", &connection, "qemu-monitor-command", &id.uuid, "--hmp", line];
        let output = Command::new("virsh").args(words).output().expect("virsh");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    };
    // All of its ports are for devices that are handed in; one takes another.
    assert_eq!(monitor("device_del redir3"), "");
    scene.within(BOOT, "a device", || monitor("device_add usb-kbd,bus=usb.0").is_empty());
    let node = || inside(scene, "find /dev/bus/usb -type c -user \"$(id -u)\" -perm 600");
    scene.within(BOOT, "the command has its node", || node().starts_with("/dev/bus/usb/00"));
}
