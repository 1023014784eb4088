// SPDX-License-Identifier: LGPL-2.1-or-later
//! Images as disks. Their format always stands there: nobody may guess it from
//! what a guest wrote.

use super::{empty, path, text, Xml};
use crate::plan::ImageSource;
use crate::profile::ImageFormat;
use std::io;
use std::path::Path;

/// A node in the container's /dev that init alone uses: libvirt gives it a
/// loop device, or for qcow2 a network block device. `file`: as libvirt opens it.
pub(super) fn of_container(xml: &mut Xml, image: &ImageSource, file: &Path) -> io::Result<()> {
    let format = image.format.unwrap_or(ImageFormat::Raw);
    let driver = match format {
        ImageFormat::Raw => "loop",
        ImageFormat::Qcow2 => "nbd",
    };
    disk(xml, |xml| {
        empty(xml, "driver", &[("name", driver), ("type", format.word())])?;
        empty(xml, "source", &[("file", &path(file))])?;
        empty(xml, "target", &[("dev", &image.name)])?;
        readonly(xml, image)
    })
}

/// QEMU opens nothing but this file: the chain of images ends here. Where
/// libvirt would make it QEMU's own it stays its owner's.
pub(super) fn of_machine(xml: &mut Xml, image: &ImageSource, index: usize, relabels: bool) -> io::Result<()> {
    let format = image.format.unwrap_or(ImageFormat::Raw);
    disk(xml, |xml| {
        empty(xml, "driver", &[("name", "qemu"), ("type", format.word())])?;
        let source = xml.create_element("source").with_attribute(("file", path(&image.path).as_str()));
        if relabels {
            source
                .write_inner_content(|xml| empty(xml, "seclabel", &[("model", "dac"), ("relabel", "no")]))?;
        } else {
            source.write_empty()?;
        }
        empty(xml, "backingStore", &[])?;
        let letter = char::from(b'a' + index as u8);
        empty(xml, "target", &[("dev", &format!("vd{letter}")), ("bus", "virtio")])?;
        readonly(xml, image)?;
        text(xml, "serial", &image.name)
    })
}

fn disk(xml: &mut Xml, inner: impl FnOnce(&mut Xml) -> io::Result<()>) -> io::Result<()> {
    let element = xml.create_element("disk").with_attributes([("type", "file"), ("device", "disk")]);
    element.write_inner_content(inner).map(drop)
}

fn readonly(xml: &mut Xml, image: &ImageSource) -> io::Result<()> {
    if image.writable {
        Ok(())
    } else {
        empty(xml, "readonly", &[])
    }
}
