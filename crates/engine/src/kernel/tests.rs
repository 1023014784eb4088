// SPDX-License-Identifier: LGPL-2.1-or-later
use super::modules::Index;
use super::*;
use proptest::prelude::*;
use std::io::Write;
use std::path::{Path, PathBuf};

const DEP: &str = "kernel/fs/9p/9p.ko: kernel/net/9p/9pnet.ko kernel/fs/fscache/fscache.ko kernel/fs/netfs/netfs.ko\n\
    kernel/net/9p/9pnet.ko:\nkernel/fs/fscache/fscache.ko: kernel/fs/netfs/netfs.ko\nkernel/fs/netfs/netfs.ko:\n\
    kernel/net/9p/9pnet_virtio.ko.xz: kernel/net/9p/9pnet.ko kernel/v/virtio.ko\nkernel/v/virtio.ko:\n\
    kernel/fs/ext4/ext4.ko: kernel/fs/jbd2/jbd2.ko\nkernel/fs/jbd2/jbd2.ko:\nkernel/c/crc32c-generic.ko:\n\
    kernel/a/loop-a.ko: kernel/a/loop_b.ko\nkernel/a/loop_b.ko: kernel/a/loop-a.ko\n";

#[test]
fn modules_come_after_what_they_need() {
    let index = Index::parse(
        DEP,
        "softdep ext4 pre: crypto-crc32c post: virtio\n",
        "kernel/drivers/virtio/virtio-pci.ko\n",
    );
    let order = index.closure(&["9p", "9pnet_virtio", "ext4", "loop_a", "virtio_pci", "absent"]);
    let at = |name: &str| order.iter().position(|path| modules::name(path) == name).unwrap();
    assert!(at("netfs") < at("fscache") && at("fscache") < at("9p") && at("9pnet") < at("9p"));
    assert!(
        at("virtio") < at("9pnet_virtio") && at("crc32c_generic") < at("ext4") && at("jbd2") < at("ext4")
    );
    assert_eq!(order.len(), 11, "{order:?}");
    assert!(index.has("virtio-pci") && index.has("loop-b") && !index.has("absent"));
}

#[test]
fn every_packing_is_unpacked() {
    let data: Vec<u8> = (0..200_000u32).flat_map(|number| (number / 7).to_le_bytes()).collect();
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gz.write_all(&data).unwrap();
    let mut lz4 = lz4_flex::frame::FrameEncoder::new(Vec::new());
    lz4.write_all(&data).unwrap();
    let mut legacy = vec![0x02, 0x21, 0x4c, 0x18];
    for block in data.chunks(300_000) {
        let packed = lz4_flex::block::compress(block);
        legacy.extend((packed.len() as u32).to_le_bytes());
        legacy.extend(packed);
    }
    legacy.extend((data.len() as u32).to_le_bytes());
    let zst = ruzstd::encoding::compress_to_vec(&data[..], ruzstd::encoding::CompressionLevel::Fastest);
    for packed in [gz.finish().unwrap(), lz4.finish().unwrap(), legacy, zst, data.clone()] {
        assert_eq!(decompress::decompress(&packed, data.len()).unwrap(), data);
        assert!(decompress::decompress(&packed, data.len() - 1).is_err(), "the bound holds");
    }
}

fn xz(data: &[u8], check: lzma_rust2::CheckType, block: u64, x86: bool) -> Vec<u8> {
    let mut options = lzma_rust2::XzOptions::with_preset(1);
    options.set_check_sum_type(check);
    options.set_block_size(std::num::NonZeroU64::new(block));
    if x86 {
        options.prepend_pre_filter(lzma_rust2::FilterType::BcjX86, 0);
    }
    let mut writer = lzma_rust2::XzWriter::new(Vec::new(), options).unwrap();
    writer.write_all(data).unwrap();
    writer.finish().unwrap()
}

#[test]
fn xz_is_unpacked_in_all_the_forms_that_kernels_have() {
    use lzma_rust2::CheckType::{Crc32, Crc64, None};
    let calls = (0..30_000u32).flat_map(|number| [&[0xe8][..], &(number / 3).to_le_bytes()].concat());
    let data: Vec<u8> = calls.collect();
    for (check, block, x86) in [(Crc32, 1 << 20, true), (Crc64, 40_000, false), (None, 1 << 20, false)] {
        let packed = xz(&data, check, block, x86);
        let with_more = [&packed, &b"more"[..]].concat();
        assert!(packed.len() < data.len() / 2);
        assert_eq!(decompress::decompress(&with_more, data.len()).unwrap(), data);
        assert!(decompress::decompress(&packed, data.len() - 1).is_err(), "the bound holds");
        assert!(decompress::decompress(&packed[..packed.len() / 2], data.len()).is_err());
        if check != None {
            let mut broken = packed;
            let middle = broken.len() / 2;
            broken[middle] ^= 1;
            assert!(decompress::decompress(&broken, data.len()).is_err(), "a bit is wrong");
        }
    }
}

#[test]
fn the_archive_has_what_a_kernel_looks_for() {
    let archive = initrd::build(
        b"INIT",
        &[
            ("virtio".into(), b"\x7fELFa".to_vec()),
            ("9p".into(), b"\x7fELFb".to_vec()),
            ("xfs".into(), b"".to_vec()),
        ],
        2,
        &[("xfs", vec!["9p".into(), "xfs".into()])],
    );
    let mut names = Vec::new();
    let mut rest = &archive[..];
    while rest.len() >= 110 {
        assert_eq!(&rest[..6], b"070701");
        let field = |n: usize| {
            usize::from_str_radix(std::str::from_utf8(&rest[6 + n * 8..14 + n * 8]).unwrap(), 16).unwrap()
        };
        let (size, name_size) = (field(6), field(11));
        let name = std::str::from_utf8(&rest[110..110 + name_size - 1]).unwrap().to_owned();
        let start = (110 + name_size).next_multiple_of(4);
        if name == "modules" {
            assert_eq!(&rest[start..start + size], b"/m/virtio.ko\n/m/9p.ko\n");
        }
        if name == "file-systems/xfs" {
            assert_eq!(&rest[start..start + size], b"/m/9p.ko\n/m/xfs.ko\n");
        }
        names.push(name);
        rest = &rest[(start + size).next_multiple_of(4)..];
    }
    assert_eq!(
        names,
        [
            "dev",
            "file-systems",
            "m",
            "proc",
            "sys",
            "dev/console",
            "dev/null",
            "init",
            "m/virtio.ko",
            "m/9p.ko",
            "m/xfs.ko",
            "file-systems/xfs",
            "modules",
            "TRAILER!!!"
        ]
    );
}

/// A kernel of this computer; the test fails where the packages of the list
/// are not installed.
fn real() -> Kernel {
    find(Path::new("/"), None, None)
        .into_iter()
        .find(Kernel::is_usable)
        .expect("a kernel with 9p (linux-image-amd64)")
}

#[test]
fn a_real_kernel_is_unpacked_kept_and_mended() {
    let kernel = real();
    let folder = tempfile::tempdir().unwrap();
    let boot = prepare(folder.path(), &kernel, BASE, &[], b"first").unwrap();
    let content = std::fs::read(&boot.kernel).unwrap();
    assert!(vmlinux::has_pvh_entry(&content), "QEMU can start it");
    let inode = || std::os::unix::fs::MetadataExt::ino(&std::fs::metadata(&boot.kernel).unwrap());
    let made = inode();
    assert_eq!(prepare(folder.path(), &kernel, BASE, &[], b"first").unwrap(), boot);
    assert_eq!(inode(), made, "it is not made twice");
    std::fs::write(&boot.kernel, &content[..content.len() / 2]).unwrap();
    std::fs::write(&boot.initrd, b"").unwrap();
    prepare(folder.path(), &kernel, BASE, &[], b"first").unwrap();
    assert_eq!(std::fs::read(&boot.kernel).unwrap(), content, "half a file is noticed");
    let third = prepare(folder.path(), &kernel, BASE, &[], b"in between").unwrap();
    assert!(boot.initrd.exists(), "it may be about to be booted");
    let long_ago = std::time::SystemTime::now() - std::time::Duration::from_secs(600);
    for path in [&boot.initrd, &third.initrd] {
        std::fs::File::options().append(true).open(path).unwrap().set_modified(long_ago).unwrap();
    }
    let other = prepare(folder.path(), &kernel, BASE, &[], b"second").unwrap();
    assert!(
        other.initrd != boot.initrd && !boot.initrd.exists() && other.kernel == boot.kernel,
        "old ones go"
    );
}

/// Says that a file and its checksum were used so long ago.
fn age(path: &Path, seconds: u64) {
    let time = std::time::SystemTime::now() - std::time::Duration::from_secs(seconds);
    for path in [path.to_owned(), PathBuf::from(format!("{}.sum", path.display()))] {
        std::fs::File::options().append(true).open(path).unwrap().set_modified(time).unwrap();
    }
}

/// No real kernel: what is kept does not depend on what is in it.
#[test]
fn an_update_makes_another_and_old_ones_go() {
    let (folder, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (image, modules) = (folder.path().join("vmlinuz"), folder.path().join("modules"));
    std::fs::create_dir(&modules).unwrap();
    std::fs::write(modules.join("modules.dep"), "").unwrap();
    let of = |version: &str| Kernel {
        version: version.to_owned(),
        image: image.clone(),
        modules: modules.clone(),
        features: Vec::new(),
        problem: None,
    };
    let boots = |version: &str, content: u8| {
        std::fs::write(&image, [content; 2048]).unwrap();
        let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(content.into());
        std::fs::File::options().append(true).open(&image).unwrap().set_modified(time).unwrap();
        let boot = prepare(cache.path(), &of(version), &[], &[], b"init").unwrap();
        assert!(std::fs::read(&boot.kernel).unwrap() == [content; 2048], "another image");
        boot.kernel
    };
    let installed = real().version;
    let (gone, first) = (boots("0.0-gone", 1), boots(&installed, 1));
    // The same size; only its time has changed.
    let second = boots(&installed, 2);
    assert!(first != second && first.exists(), "a start may just use the old one");
    age(&first, 600);
    age(&gone, 30);
    boots(&installed, 3);
    assert!(!first.exists() && !PathBuf::from(format!("{}.sum", first.display())).exists());
    assert!(second.exists() && gone.exists(), "they were used just now");
    age(&gone, 600);
    // Of another kernel that is installed: kept for a month, and no longer.
    let other =
        cache.path().join(second.file_name().unwrap().to_str().unwrap().replace("vmlinux-", "initrd.0-"));
    std::fs::write(&other, "x").unwrap();
    std::fs::write(format!("{}.sum", other.display()), "x").unwrap();
    age(&other, 29 * 86_400);
    boots(&installed, 4);
    assert!(!gone.exists() && !PathBuf::from(format!("{}.sum", gone.display())).exists());
    assert!(other.exists());
    age(&other, 31 * 86_400);
    boots(&installed, 5);
    assert!(!other.exists());
}

/// Machines with and without a screen are started in turns.
#[test]
fn each_set_of_modules_keeps_its_initrd() {
    let kernel = real();
    let folder = tempfile::tempdir().unwrap();
    let plain = prepare(folder.path(), &kernel, BASE, &[], b"init").unwrap();
    age(&plain.initrd, 36_000);
    let screen = wanted(kernel.video(), true, true);
    let shows = prepare(folder.path(), &kernel, &screen, &[], b"init").unwrap();
    assert!(plain.initrd != shows.initrd && plain.kernel == shows.kernel && plain.initrd.exists());
    let content = std::fs::read(&shows.initrd).unwrap();
    for module in ["virtio_gpu", "drm", "virtio_input", "evdev", "uinput", "snd_hda_intel", "xhci_pci"] {
        let name = format!("m/{module}.ko");
        assert!(content.windows(name.len()).any(|piece| piece == name.as_bytes()), "{module}");
    }
    age(&shows.initrd, 36_000);
    prepare(folder.path(), &kernel, &screen, &[], b"another init").unwrap();
    assert!(plain.initrd.exists() && !shows.initrd.exists());
}

#[test]
fn the_best_driver_is_taken_and_each_brings_its_module() {
    let with = |features: &[Feature]| Kernel {
        version: String::new(),
        image: "".into(),
        modules: "".into(),
        features: features.to_vec(),
        problem: None,
    };
    for (features, video, module) in [
        (&[Feature::Bochs, Feature::VirtioGpu, Feature::Qxl][..], Video::Virtio, "virtio_gpu"),
        (&[Feature::Bochs, Feature::Qxl], Video::Qxl, "qxl"),
        (&[Feature::Bochs], Video::Bochs, "bochs"),
    ] {
        assert_eq!(with(features).video(), Some(video));
        assert!(wanted(Some(video), false, false).contains(&module));
    }
    assert_eq!(with(&[Feature::Input]).video(), None);
    assert_eq!(wanted(None, false, false), [BASE, &["virtio_balloon"]].concat());
}

#[test]
fn a_kernel_without_9p_is_listed_with_its_reason() {
    let top = tempfile::tempdir().unwrap();
    let make = |path: &str, text: &str| {
        let path = top.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    make("boot/vmlinuz-6.9", "x");
    make("boot/vmlinuz-6.10", "x");
    make("boot/vmlinuz-7.0", "x");
    let all = "a/virtio_pci.ko:\na/virtio_console.ko:\na/9p.ko:\na/9pnet_virtio.ko:\n\
               a/overlay.ko:\na/virtio_blk.ko:\na/ext4.ko:\n";
    make("lib/modules/6.9/modules.dep", all);
    make("lib/modules/6.10/modules.dep", all);
    make(
        "lib/modules/7.0/modules.dep",
        "a/virtio_pci.ko:\na/virtio_console.ko:\na/overlay.ko:\na/virtio_blk.ko:\na/ext4.ko:\n",
    );
    let found = find(top.path(), None, None);
    let versions: Vec<&str> = found.iter().map(|kernel| kernel.version.as_str()).collect();
    assert_eq!(versions, ["6.10", "6.9", "7.0"]);
    assert_eq!(found[2].problem, Some(KernelProblem::Lacks(vec!["9p".into(), "9pnet_virtio".into()])));
}

/// 65 535 program headers that all name the same four megabytes of notes.
#[test]
fn the_same_notes_are_not_read_for_ever() {
    const NOTES: u64 = 4 << 20;
    let mut elf = b"\x7fELF\x02\x01".to_vec();
    elf.resize(64, 0);
    elf[18] = 62;
    elf[32] = 64;
    elf[56..58].fill(0xff);
    for size in [0u8, 56] {
        elf.truncate(64);
        elf[54] = size;
        let headers = if size == 0 { 1 } else { 65_535 };
        let mut header = [0; 56];
        header[0] = 4;
        header[8..16].copy_from_slice(&(64 + headers * 56u64).to_le_bytes());
        header[32..40].copy_from_slice(&NOTES.to_le_bytes());
        (0..headers).for_each(|_| elf.extend(header));
        elf.extend((0..NOTES).map(|at| u8::from(at % 12 == 8)));
        assert!(!vmlinux::has_pvh_entry(&elf));
    }
}

#[test]
fn the_seeds_of_the_fuzz_targets_pass() {
    let images = crate::fuzz_seeds("kernel_image");
    images.iter().for_each(|image| fuzz::image(image));
    assert!(images.iter().any(|image| vmlinux::extract(image, 1 << 20).is_some()), "one can be started");
    crate::fuzz_seeds("modules_index")
        .into_iter()
        .for_each(|seed| fuzz::index(&String::from_utf8(seed).unwrap()));
}

proptest! {
    #[test]
    fn prepared_images_do_no_harm(data in proptest::collection::vec(any::<u8>(), 0..2000), magic in 0usize..5) {
        let magics: [&[u8]; 5] = [b"", b"\x1f\x8b\x08", b"\xfd7zXZ\0", b"\x28\xb5\x2f\xfd", b"\x02\x21\x4c\x18"];
        fuzz::image(&[magics[magic], &data].concat());
    }

    #[test]
    fn prepared_indexes_do_no_harm(text in "([a-c/. :\n]|softdep |pre: |post: |\\.ko){0,80}") {
        fuzz::index(&text);
    }
}
