// SPDX-License-Identifier: LGPL-2.1-or-later
//! The widget on a screen: with a session that the test plays itself, with
//! QEMU, and with servers that mean harm. Needs a display (Xvfb does).

mod clipboard;
mod drawings;
mod ends;
mod extras;
mod grab;
mod hostile;
mod input;
mod monitors;
mod qemu;
mod server;
mod stage;
mod usb;
mod view;
