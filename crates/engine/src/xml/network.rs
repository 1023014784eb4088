// SPDX-License-Identifier: LGPL-2.1-or-later
//! Interfaces of a sandbox, and the guard's domain.

use super::{empty, endings, path, text, Xml};
use crate::network::names;
use crate::plan::{Enforcer, Instance, InterfacePlan, Plan, Source};
use quick_xml::events::BytesText;
use quick_xml::Writer;
use std::io;
use std::path::Path;

/// Memory of the guard in KiB; it takes a few MiB.
const GUARD_MEMORY: &str = "65536";

/// All interfaces. A container's have names inside from the start; init raises
/// them.
pub(super) fn interfaces(xml: &mut Xml, plan: &Plan, instance: &Instance) -> io::Result<()> {
    let all = plan.reach.iter().flat_map(|reach| &reach.interfaces).enumerate();
    all.into_iter().try_for_each(|(index, one)| interface(xml, plan, instance, index, one))
}

fn interface(
    xml: &mut Xml,
    plan: &Plan,
    instance: &Instance,
    index: usize,
    one: &InterfacePlan,
) -> io::Result<()> {
    let own = names::network(plan.caller);
    let network = match &one.source {
        Source::Own => Some(own.as_str()),
        Source::Named(name) => Some(name.as_str()),
        Source::User => None,
    };
    let kind = if network.is_some() { "network" } else { "user" };
    let mac = one.mac.unwrap_or_else(|| names::mac(plan.caller, instance.number, index)).to_string();
    let device = names::interface(plan.caller, instance.number, index);
    let inner = xml.create_element("interface").with_attribute(("type", kind)).write_inner_content(|xml| {
        empty(xml, "mac", &[("address", &mac)])?;
        if let Some(network) = network {
            empty(xml, "source", &[("network", network)])?;
            empty(xml, "target", &[("dev", &device)])?;
        }
        if plan.machine.is_some() {
            empty(xml, "model", &[("type", "virtio")])?;
            // Nobody boots from it.
            empty(xml, "rom", &[("enabled", "no")])?;
        } else {
            empty(xml, "guest", &[("dev", &format!("eth{index}"))])?;
        }
        let enforcer = plan.reach.as_ref().map(|reach| reach.enforcer);
        if one.source == Source::Own && enforcer == Some(Enforcer::Filter) {
            return filter(xml, &names::filter(plan.caller, instance.number), &[]);
        }
        one.filter.as_ref().map_or(Ok(()), |name| filter(xml, name, &one.parameters))
    });
    inner.map(drop)
}

fn filter(xml: &mut Xml, name: &str, parameters: &[(String, String)]) -> io::Result<()> {
    let element = xml.create_element("filterref").with_attribute(("filter", name));
    let inner = element.write_inner_content(|xml| {
        parameters
            .iter()
            .try_for_each(|(name, value)| empty(xml, "parameter", &[("name", name), ("value", value)]))
    });
    inner.map(drop)
}

/// The guard's domain. It has neither `<privnet/>` nor an interface: that
/// gives it this computer's network.
#[must_use]
pub fn guard(caller: u32, uuid: &str, init: &Path) -> String {
    let mut xml = Writer::new_with_indent(Vec::new(), b' ', 2);
    // Writing to memory does not fail.
    let _ = xml.create_element("domain").with_attribute(("type", "lxc")).write_inner_content(|xml| {
        text(xml, "name", &names::guard(caller))?;
        text(xml, "uuid", uuid)?;
        let memory = xml.create_element("memory").with_attribute(("unit", "KiB"));
        memory.write_text_content(BytesText::new(GUARD_MEMORY))?;
        text(xml, "vcpu", "1")?;
        xml.create_element("os").write_inner_content(|xml| {
            text(xml, "type", "exe")?;
            text(xml, "init", &path(init))?;
            text(xml, "initarg", "guard")
        })?;
        endings(xml)?;
        xml.create_element("devices").write_inner_content(|xml| {
            xml.create_element("filesystem").with_attribute(("type", "mount")).write_inner_content(
                |xml| {
                    empty(xml, "source", &[("dir", "/")])?;
                    empty(xml, "target", &[("dir", "/")])?;
                    empty(xml, "readonly", &[])
                },
            )?;
            ["/tmp", "/run"]
                .iter()
                .filter(|top| !init.starts_with(top))
                .try_for_each(|path| hidden(xml, path))?;
            empty(xml, "console", &[("type", "pty")])
        })?;
        Ok(())
    });
    let mut text = String::from_utf8_lossy(&xml.into_inner()).into_owned();
    text.push('\n');
    text
}

/// Emptiness instead of what the host has there.
fn hidden(xml: &mut Xml, path: &str) -> io::Result<()> {
    let inner = xml.create_element("filesystem").with_attribute(("type", "ram")).write_inner_content(|xml| {
        empty(xml, "source", &[("usage", "64"), ("units", "KiB")])?;
        empty(xml, "target", &[("dir", path)])
    });
    inner.map(drop)
}
