// SPDX-License-Identifier: LGPL-2.1-or-later
//! What only a machine has.

use super::PORTS;
use super::{disks, empty, endings, network, path, screen, text, Xml};
use crate::plan::{Export, Instance, MachinePlan, Plan};
use std::io;
use std::path::Path;
use terrarium_protocol::layer::{BEFORE_SERIAL, SERIAL};

/// The guest kernel's command line. No console; ends by reboot; no self-tests
/// of its cryptography. Nothing that weakens it.
const COMMAND_LINE: &str = "quiet loglevel=0 console=hvc9 random.trust_cpu=on cryptomgr.notests audit=0 \
                            rcupdate.rcu_expedited=1 nowatchdog reboot=t panic=-1";

/// Saves an emulated processor the search for timers and the patching for
/// several processors.
const EMULATED: &str = " no_timer_check noreplace-smp tsc=reliable";

/// Everything after the parts that both have. No ACPI, and no USB and no screen
/// unless they are asked for: what is not there need not be looked for. The
/// balloon hands memory back when the machine is given less of it.
pub(super) fn rest(xml: &mut Xml, plan: &Plan, machine: &MachinePlan, instance: &Instance) -> io::Result<()> {
    let command_line = format!("{COMMAND_LINE}{}", if machine.kvm { "" } else { EMULATED });
    xml.create_element("os").write_inner_content(|xml| {
        let kind = xml.create_element("type").with_attributes([("arch", "x86_64"), ("machine", "pc")]);
        kind.write_text_content(quick_xml::events::BytesText::new("hvm"))?;
        text(xml, "kernel", &path(&instance.kernel))?;
        text(xml, "initrd", &path(&instance.initrd))?;
        text(xml, "cmdline", &command_line)
    })?;
    let cpu: &[(&str, &str)] =
        if machine.kvm { &[("mode", "host-passthrough")] } else { &[("mode", "maximum"), ("check", "none")] };
    empty(xml, "cpu", cpu)?;
    endings(xml)?;
    xml.create_element("devices").write_inner_content(|xml| {
        machine.exports.iter().try_for_each(|one| export(xml, one))?;
        layer(xml, &instance.image, "vdz", SERIAL)?;
        let mut before = instance.before.iter();
        before.try_for_each(|image| layer(xml, image, "vdy", BEFORE_SERIAL))?;
        let relabels = machine.dac_label.is_some();
        for (index, image) in plan.images.iter().enumerate() {
            disks::of_machine(xml, image, index, relabels)?;
        }
        (0..PORTS).try_for_each(|number| port(xml, instance, number))?;
        network::interfaces(xml, plan, instance)?;
        let usb = if plan.passes.usb { "qemu-xhci" } else { "none" };
        empty(xml, "controller", &[("type", "usb"), ("model", usb)])?;
        machine.video.map_or(Ok(()), |video| screen::devices(xml, plan, video))?;
        empty(xml, "memballoon", &[("model", "virtio")])
    })?;
    machine.dac_label.as_deref().map_or(Ok(()), |label| runs_as(xml, label))
}

/// Read-only for QEMU itself, unless it may be written: root of the guest
/// cannot make it otherwise. What is made in a writable one is QEMU's user's,
/// whoever makes it.
fn export(xml: &mut Xml, export: &Export) -> io::Result<()> {
    let mode = if export.writable { "squash" } else { "passthrough" };
    let attributes = [("type", "mount"), ("accessmode", mode), ("multidevs", "remap")];
    let element = xml.create_element("filesystem").with_attributes(attributes);
    let inner = element.write_inner_content(|xml| {
        empty(xml, "source", &[("dir", &path(&export.path))])?;
        empty(xml, "target", &[("dir", &export.tag)])?;
        if export.writable {
            Ok(())
        } else {
            empty(xml, "readonly", &[])
        }
    });
    inner.map(drop)
}

/// The image that takes what is written. What is zero or freed inside takes no
/// room outside.
fn layer(xml: &mut Xml, image: &Path, device: &str, serial: &str) -> io::Result<()> {
    let element = xml.create_element("disk").with_attributes([("type", "file"), ("device", "disk")]);
    let inner = element.write_inner_content(|xml| {
        let driver = [
            ("name", "qemu"),
            ("type", "raw"),
            ("cache", "writeback"),
            ("discard", "unmap"),
            ("detect_zeroes", "unmap"),
            // A full disk of this computer's is the program's error, and stops
            // no machine.
            ("error_policy", "report"),
        ];
        empty(xml, "driver", &driver)?;
        empty(xml, "source", &[("file", &path(image))])?;
        empty(xml, "target", &[("dev", device), ("bus", "virtio")])?;
        text(xml, "serial", serial)
    });
    inner.map(drop)
}

/// QEMU serves one client per socket, so there are several.
fn port(xml: &mut Xml, instance: &Instance, number: u32) -> io::Result<()> {
    let socket = path(&instance.directory.join(number.to_string()));
    let inner = xml.create_element("channel").with_attribute(("type", "unix")).write_inner_content(|xml| {
        empty(xml, "source", &[("mode", "bind"), ("path", &socket)])?;
        empty(xml, "target", &[("type", "virtio"), ("name", &format!("org.terrarium.{number}"))])
    });
    inner.map(drop)
}

/// On qemu:///system, the user that QEMU runs as.
fn runs_as(xml: &mut Xml, label: &str) -> io::Result<()> {
    let attributes = [("type", "static"), ("model", "dac"), ("relabel", "yes")];
    let element = xml.create_element("seclabel").with_attributes(attributes);
    element.write_inner_content(|xml| text(xml, "label", label)).map(drop)
}
