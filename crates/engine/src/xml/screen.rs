// SPDX-License-Identifier: LGPL-2.1-or-later
//! A machine's screen: graphics device, SPICE, keyboard, tablet, sound, USB.

use super::{empty, Xml};
use crate::kernel::Video;
use crate::plan::Plan;
use crate::profile::{Clipboard, Passes};
use std::io;

/// How many USB devices can be handed in at a time.
const REDIRECTED: usize = 4;
/// Memory of the devices that have their own, in KiB: enough for two pictures
/// of the largest screen. What is not used costs nothing.
const VIDEO_MEMORY: &str = "65536";
const QXL_MEMORY: &str = "131072";

/// All of it.
pub(super) fn devices(xml: &mut Xml, plan: &Plan, video: Video) -> io::Result<()> {
    agent(xml)?;
    empty(xml, "input", &[("type", "tablet"), ("bus", "virtio")])?;
    empty(xml, "input", &[("type", "keyboard"), ("bus", "virtio")])?;
    graphics(xml, plan)?;
    sound(xml, plan.passes)?;
    model(xml, plan, video)?;
    let redirected = if plan.passes.usb { REDIRECTED } else { 0 };
    (0..redirected).try_for_each(|_| empty(xml, "redirdev", &[("bus", "usb"), ("type", "spicevmc")]))
}

/// The way to SPICE's agent.
fn agent(xml: &mut Xml) -> io::Result<()> {
    let inner =
        xml.create_element("channel").with_attribute(("type", "spicevmc")).write_inner_content(|xml| {
            empty(xml, "target", &[("type", "virtio"), ("name", "com.redhat.spice.0")])
        });
    inner.map(drop)
}

/// A SPICE server that listens nowhere: libvirt hands out its sockets. They
/// are on this computer, so nothing is worth compressing. The tablet moves the
/// pointer and the agent does not: it may not be there.
fn graphics(xml: &mut Xml, plan: &Plan) -> io::Result<()> {
    let clipboard = plan.clipboard != Clipboard::Off;
    let inner = xml.create_element("graphics").with_attribute(("type", "spice")).write_inner_content(|xml| {
        empty(xml, "listen", &[("type", "none")])?;
        empty(xml, "image", &[("compression", "off")])?;
        empty(xml, "jpeg", &[("compression", "never")])?;
        empty(xml, "zlib", &[("compression", "never")])?;
        empty(xml, "playback", &[("compression", "off")])?;
        empty(xml, "streaming", &[("mode", "off")])?;
        empty(xml, "clipboard", &[("copypaste", yes_no(clipboard))])?;
        empty(xml, "mouse", &[("mode", "server")])?;
        empty(xml, "filetransfer", &[("enable", yes_no(plan.passes.drop))])
    });
    inner.map(drop)
}

/// Without a microphone the sound device has no input; without both there is
/// no device, and SPICE has no channel for it.
fn sound(xml: &mut Xml, passes: Passes) -> io::Result<()> {
    if !passes.sound && !passes.microphone {
        return empty(xml, "audio", &[("id", "1"), ("type", "none")]);
    }
    let codec = if passes.microphone { "duplex" } else { "output" };
    xml.create_element("sound").with_attribute(("model", "ich6")).write_inner_content(|xml| {
        empty(xml, "codec", &[("type", codec)])?;
        empty(xml, "audio", &[("id", "1")])
    })?;
    empty(xml, "audio", &[("id", "1"), ("type", "spice")])
}

fn model(xml: &mut Xml, plan: &Plan, video: Video) -> io::Result<()> {
    let heads = plan.passes.monitors.to_string();
    let mut attributes = match video {
        Video::Virtio => vec![("type", "virtio")],
        Video::Qxl => {
            vec![("type", "qxl"), ("ram", QXL_MEMORY), ("vram", VIDEO_MEMORY), ("vgamem", VIDEO_MEMORY)]
        }
        Video::Bochs => vec![("type", "bochs"), ("vram", VIDEO_MEMORY)],
    };
    attributes.extend([("heads", heads.as_str()), ("primary", "yes")]);
    let size = plan.orders.display.as_ref().map(|display| display.size).unwrap_or_default();
    let (width, height) = (size.width.to_string(), size.height.to_string());
    let inner = xml.create_element("video").write_inner_content(|xml| {
        xml.create_element("model")
            .with_attributes(attributes.iter().copied())
            .write_inner_content(|xml| empty(xml, "resolution", &[("x", &width), ("y", &height)]))
            .map(drop)
    });
    inner.map(drop)
}

fn yes_no(value: bool) -> &'static str {
    if value {
        "yes"
    } else {
        "no"
    }
}
