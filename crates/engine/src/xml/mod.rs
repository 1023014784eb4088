// SPDX-License-Identifier: LGPL-2.1-or-later
//! Plan and instance become domain XML. Pure; golden files show the result.

mod container;
mod disks;
mod machine;
pub(crate) mod metadata;
mod network;
mod screen;
#[cfg(test)]
pub(crate) mod tests;

pub(crate) use container::PERIOD;
pub(crate) use network::guard;

pub use metadata::Metadata;

use crate::plan::{Instance, Plan};
use metadata::NAMESPACE;
use quick_xml::events::BytesText;
use quick_xml::Writer;
use std::io;

/// Longest command line that the metadata holds, in characters.
const COMMAND_MAX: usize = 200;

/// How many conversations a machine can have at once.
pub const PORTS: u32 = 4;

type Xml = Writer<Vec<u8>>;

/// The domain's XML.
#[must_use]
pub fn domain(plan: &Plan, instance: &Instance) -> String {
    let mut xml = Writer::new_with_indent(Vec::new(), b' ', 2);
    let kind = match &plan.machine {
        None => "lxc",
        Some(machine) if machine.kvm => "kvm",
        Some(_) => "qemu",
    };
    // Writing to memory does not fail.
    let _ = xml.create_element("domain").with_attribute(("type", kind)).write_inner_content(|xml| {
        common(xml, plan, instance)?;
        match &plan.machine {
            None => container::rest(xml, plan, instance),
            Some(machine) => machine::rest(xml, plan, machine, instance),
        }
    });
    let mut text = String::from_utf8_lossy(&xml.into_inner()).into_owned();
    text.push('\n');
    text
}

/// The XML of a run that there is not: for the eye only.
#[must_use]
pub fn preview(plan: &Plan) -> String {
    let instance = Instance {
        number: 1,
        uuid: "00000000-0000-4000-8000-000000000000".into(),
        id_base: 0x7000_0000,
        directory: plan.places.runtime.join("1"),
        init: "/init".into(),
        kernel: "/vmlinux".into(),
        initrd: "/initrd".into(),
        image: "/layer/image".into(),
        layer: "layer".into(),
        before: None,
        images: Vec::new(),
        looks: false,
        created: 0,
    };
    domain(plan, &instance)
}

fn common(xml: &mut Xml, plan: &Plan, instance: &Instance) -> io::Result<()> {
    text(xml, "name", &plan.domain_name(instance.number))?;
    text(xml, "uuid", &instance.uuid)?;
    let json = metadata(plan, instance).to_text();
    xml.create_element("metadata").write_inner_content(|xml| {
        let element = xml.create_element("terrarium:sandbox").with_attribute(("xmlns:terrarium", NAMESPACE));
        element.write_text_content(BytesText::new(&json)).map(drop)
    })?;
    let memory = (plan.memory / 1024).to_string();
    xml.create_element("memory")
        .with_attribute(("unit", "KiB"))
        .write_text_content(BytesText::new(&memory))?;
    text(xml, "vcpu", &plan.cpus.to_string())
}

/// What a domain says of its sandbox.
pub(crate) fn metadata(plan: &Plan, instance: &Instance) -> Metadata {
    Metadata {
        name: plan.name.clone(),
        caller: plan.caller,
        number: instance.number,
        colour: plan.colour,
        icon: plan.profile.icon,
        isolation: plan.isolation,
        display: plan.display,
        clipboard: plan.clipboard,
        network: plan.network,
        passes: plan.passes,
        scale: plan.orders.display.as_ref().map_or(1, |display| display.scale),
        writable: plan.sources.iter().filter(|one| one.writable).map(|one| one.path.clone()).collect(),
        layer: Some(instance.layer.clone()),
        images: plan.images.iter().map(|one| (one.path.clone(), one.writable)).collect(),
        looks: instance.looks,
        directory: instance.directory.clone(),
        id_base: instance.id_base,
        command: command_line(plan),
        created: instance.created,
    }
}

/// The command as one line for people.
pub(crate) fn command_line(plan: &Plan) -> String {
    let words: Vec<String> =
        plan.orders.command.argv.iter().take(50).map(|word| crate::quote::quote(&word.to_string())).collect();
    let line: String = words.join(" ").chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    match line.char_indices().nth(COMMAND_MAX) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

fn text(xml: &mut Xml, name: &str, value: &str) -> io::Result<()> {
    xml.create_element(name).write_text_content(BytesText::new(value)).map(drop)
}

fn empty(xml: &mut Xml, name: &str, attributes: &[(&str, &str)]) -> io::Result<()> {
    xml.create_element(name).with_attributes(attributes.iter().copied()).write_empty().map(drop)
}

/// What happens when the domain's kernel or init ends.
fn endings(xml: &mut Xml) -> io::Result<()> {
    ["on_poweroff", "on_reboot", "on_crash"].iter().try_for_each(|name| text(xml, name, "destroy"))
}

/// A path as XML can hold it.
fn path(path: &std::path::Path) -> String {
    path.to_string_lossy().into_owned()
}
