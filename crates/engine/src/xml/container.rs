// SPDX-License-Identifier: LGPL-2.1-or-later
//! What only a container has.

use super::{disks, empty, endings, network, path, text, Xml};
use crate::plan::{Instance, Plan};
use std::io;
use std::path::Path;
use terrarium_protocol::layer::{BEFORE_FOLDER, FOLDER};

/// In which processor time is counted, in microseconds.
pub const PERIOD: u64 = 100_000;

/// The image that takes what is written, through a loop device of the
/// container's own.
fn layer(xml: &mut Xml, image: &Path, folder: &str, writable: bool) -> io::Result<()> {
    let element = xml.create_element("filesystem").with_attribute(("type", "file"));
    let inner = element.write_inner_content(|xml| {
        empty(xml, "driver", &[("type", "loop"), ("format", "raw")])?;
        empty(xml, "source", &[("file", &path(image))])?;
        empty(xml, "target", &[("dir", folder)])?;
        if writable {
            return Ok(());
        }
        empty(xml, "readonly", &[])
    });
    inner.map(drop)
}

/// Everything after the parts that both have.
///
/// The host's root is init's root, read-only; init builds the sandbox's own.
/// `<privnet/>` always: without it and without an interface libvirt gives the
/// container the host's network. No `<initenv>`: libvirt does not escape it.
pub(super) fn rest(xml: &mut Xml, plan: &Plan, instance: &Instance) -> io::Result<()> {
    // `<vcpu>` alone binds no container: the scheduler has to.
    xml.create_element("cputune").write_inner_content(|xml| {
        text(xml, "period", &PERIOD.to_string())?;
        text(xml, "quota", &(PERIOD * u64::from(plan.cpus)).to_string())
    })?;
    xml.create_element("os").write_inner_content(|xml| {
        text(xml, "type", "exe")?;
        text(xml, "init", &path(&instance.init))
    })?;
    xml.create_element("features").write_inner_content(|xml| empty(xml, "privnet", &[]))?;
    endings(xml)?;
    xml.create_element("devices").write_inner_content(|xml| {
        xml.create_element("filesystem").with_attribute(("type", "mount")).write_inner_content(|xml| {
            empty(xml, "source", &[("dir", "/")])?;
            empty(xml, "target", &[("dir", "/")])?;
            empty(xml, "readonly", &[])
        })?;
        layer(xml, &instance.image, FOLDER, true)?;
        let mut before = instance.before.iter();
        before.try_for_each(|image| layer(xml, image, BEFORE_FOLDER, false))?;
        for (index, image) in plan.images.iter().enumerate() {
            disks::of_container(xml, image, instance.images.get(index).unwrap_or(&image.path))?;
        }
        network::interfaces(xml, plan, instance)?;
        empty(xml, "console", &[("type", "pty")])
    })?;
    Ok(())
}
