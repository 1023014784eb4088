// SPDX-License-Identifier: LGPL-2.1-or-later
//! Which kernels this computer has.

use super::modules::Index;
use super::{Feature, Kernel, KernelProblem, BASE};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

/// Features, and the modules that each needs.
const FEATURES: &[(Feature, &[&str])] = &[
    (Feature::NineP, &["9p", "9pnet_virtio"]),
    (Feature::Console, &["virtio_pci", "virtio_console"]),
    (Feature::Overlay, &["overlay"]),
    (Feature::VirtioGpu, &["virtio_gpu"]),
    (Feature::Qxl, &["qxl"]),
    (Feature::Bochs, &["bochs"]),
    (Feature::Network, &["virtio_net"]),
    (Feature::Disk, &["virtio_blk", "ext4"]),
    (Feature::Input, &["virtio_input", "evdev"]),
    (Feature::Sound, &["snd_hda_intel", "snd_hda_codec_generic"]),
];

/// Every kernel below `top`, the best first; one that was named comes before
/// all others.
#[must_use]
pub fn find(top: &Path, image: Option<&Path>, modules: Option<&Path>) -> Vec<Kernel> {
    let mut images: BTreeMap<String, PathBuf> = BTreeMap::new();
    for folder in ["lib/modules", "usr/lib/modules"] {
        for (version, path) in entries(&top.join(folder)) {
            let inside = path.join("vmlinuz");
            if inside.exists() {
                images.insert(version, inside);
            }
        }
    }
    for (file, path) in entries(&top.join("boot")) {
        if let Some(version) = file.strip_prefix("vmlinuz-") {
            images.insert(version.to_owned(), path);
        }
    }
    let mut kernels: Vec<Kernel> =
        images.into_iter().map(|(version, image)| examine(top, version, image, modules)).collect();
    kernels.sort_by_key(|kernel| std::cmp::Reverse(rank(kernel)));
    if let Some(image) = image {
        kernels.retain(|kernel| kernel.image != image);
        kernels.insert(0, examine(top, version_of(image, modules), image.to_owned(), modules));
    }
    kernels
}

fn entries(folder: &Path) -> Vec<(String, PathBuf)> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    entries
        .flatten()
        .filter_map(|entry| Some((entry.file_name().into_string().ok()?, entry.path())))
        .collect()
}

/// A version by the names that the user gave.
fn version_of(image: &Path, modules: Option<&Path>) -> String {
    let name =
        |path: &Path| path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    match modules {
        Some(modules) => name(modules),
        None => name(image).trim_start_matches("vmlinuz-").trim_start_matches("vmlinux-").to_owned(),
    }
}

fn examine(top: &Path, version: String, image: PathBuf, modules: Option<&Path>) -> Kernel {
    let usual = || top.join("lib/modules").join(&version);
    let modules = modules.map_or_else(usual, Path::to_owned);
    let index = Index::read(&modules);
    let features = index.as_ref().map(features).unwrap_or_default();
    let problem = if File::open(&image).is_err() {
        Some(KernelProblem::ImageUnreadable)
    } else {
        match &index {
            None => Some(KernelProblem::ModulesUnreadable),
            Some(index) => {
                let lacks: Vec<String> =
                    BASE.iter().filter(|name| !index.has(name)).map(|name| (*name).to_owned()).collect();
                (!lacks.is_empty()).then_some(KernelProblem::Lacks(lacks))
            }
        }
    };
    Kernel { version, image, modules, features, problem }
}

fn features(index: &Index) -> Vec<Feature> {
    FEATURES
        .iter()
        .filter(|(_, needs)| needs.iter().all(|name| index.has(name)))
        .map(|(feature, _)| *feature)
        .collect()
}

/// Usable, able, new.
fn rank(kernel: &Kernel) -> (bool, usize, Vec<(u64, String)>) {
    (kernel.is_usable(), kernel.features.len(), version_key(&kernel.version))
}

/// Compares versions as people do: 6.10 comes after 6.9.
fn version_key(version: &str) -> Vec<(u64, String)> {
    let parts = version.split(['.', '-', '+', '~', '_']);
    parts
        .map(|part| {
            let digits = part.bytes().take_while(u8::is_ascii_digit).count();
            (part[..digits].parse().unwrap_or(0), part[digits..].to_owned())
        })
        .collect()
}
