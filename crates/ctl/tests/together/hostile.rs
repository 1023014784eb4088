// SPDX-License-Identifier: LGPL-2.1-or-later
//! Layers that were made to hurt whoever looks at them.

use crate::common::layers::*;
use crate::common::share::*;
use crate::common::*;
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// What a sandbox may think of to hurt whoever looks at it.
#[test]
fn a_hostile_layer_of_a_container_is_told_and_does_no_harm() {
    for count in scaled(&[30_000][..], &[30_000, 1_000_000]) {
        a_hostile_layer(Glass::Container, *count);
    }
}

#[test]
fn a_hostile_layer_of_a_machine_is_told_and_does_no_harm() {
    a_hostile_layer(Glass::Machine, scaled(300, 30_000));
}

/// `count`: tiny files in it. Of very many only some are told, which is said.
fn a_hostile_layer(glass: Glass, count: usize) {
    let name = fresh_name("hostile");
    let script = format!(
        "perl -e 'mkdir \"deep\"; chdir \"deep\"; for (1..1000) {{ mkdir \"d\"; chdir \"d\" }} open F, \">\", \"bottom\"; print F \"b\"; close F;
           chdir $ENV{{HOME}}; open F, \">\", join \"\", map {{ chr(128 + $_ % 120) }} 1..255; close F; open F, \">\", \"a\\nAdded etc-passwd\\e[2J\\x{{e2}}\\x{{80}}\\x{{ae}}\"; close F;
           open F, \">\", \"sparse\"; truncate F, 50e9; seek F, 25e9, 0; print F \"middle\"; close F;
           mkdir \"long\"; chdir \"long\"; for (1..150) {{ my $n = \"x\" x 250; mkdir $n; chdir $n }}
           chdir $ENV{{HOME}}; mkdir \"many\"; for (1..{count}) {{ open F, \">\", \"many/$_\"; close F }}
           mkdir \".terrarium\"; symlink \"/etc/shadow\", \"shadow\"; symlink \"../../../../..\", \"up\"; link \"sparse\", \"hard\"; mkdir \"x\"; symlink \"/etc\", \"x/etc\"'"
    );
    let done =
        run(glass, &["-p", "--changes", "review", "--writable", "8G", "-n", &name], &["sh", "-c", &script])
            .output()
            .unwrap();
    assert!(done.status.success(), "{}", err(&done));
    let begun = Instant::now();
    let mut shows = glass.user().ctl();
    let shown = measured(shows.args(["changes", &name]));
    println!("{count} files and other things listed in {:?}, {} KiB", begun.elapsed(), shown.1);
    let text = out(&shown.0);
    assert!(shown.1 < 600 * 1024, "{} KiB", shown.1);
    if count > terrarium_protocol::changes::CHANGES_MAX {
        let said = format!("{}{text}", err(&shown.0));
        assert!(said.contains("not all can be shown"), "{}", &said[..300]);
        assert!(ctl(glass, &["discard", &name]).status.success());
        assert_eq!(layers(glass, &name), 0);
        return;
    }
    assert!(
        text.contains("/bottom (1 byte,")
            && text.contains("shadow (→ /etc/shadow")
            && text.contains("sparse (46."),
        "{}",
        &text[..text.len().min(3000)]
    );
    assert!(
        !text.contains('\u{1b}')
            && !text.contains('\u{202e}')
            && text.contains("a\\nAdded etc-passwd\\u{1b}[2J\\u{202e}"),
        "escaped"
    );
    assert!(text.contains("\\x81\\x82\\x83"), "escaped");
    // Its links stay links, its holes stay holes.
    let target = Folder::home(glass);
    let to = target.path.display().to_string();
    for path in ["shadow", "up", "x/etc", "x/etc/passwd", "up/etc/passwd"] {
        assert_eq!(ctl(glass, &["apply", &name, path, "--to", &to]).status.code(), Some(125), "{path}");
    }
    let begun = Instant::now();
    let applied = ctl(glass, &["apply", &name, "sparse", "deep", "--to", &to]);
    println!("a file of 50 GB and 1000 folders applied in {:?}", begun.elapsed());
    assert!(applied.status.success(), "{}", err(&applied));
    let sparse = fs::metadata(target.path.join("sparse")).unwrap();
    assert!(sparse.len() == 50_000_000_000 && std::os::unix::fs::MetadataExt::blocks(&sparse) < 1000);
    assert!(ctl(glass, &["discard", &name, "many", "deep"]).status.success());
    let left = changes(glass, &name, &[]);
    assert!(
        !left.contains("/many") && !left.contains("/bottom") && left.contains("/sparse"),
        "{}",
        &left[..left.len().min(2000)]
    );
    assert!(ctl(glass, &["discard", &name]).status.success());
    assert_eq!(layers(glass, &name), 0);
}

/// Names, kinds and attributes that a sandbox can make without any privilege.
const TRICKS: &str = "perl -e '
    mkdir \"swap\"; open F, \">\", \"swap/file\"; print F \"x\"; close F;
    my ($file, $value, $folder, $big, $much) = (\"swap/file\", \"v\" x 15, \"swap\", \"user.big\", \"v\" x 3000);
    for (1..200) { my $name = \"user.a$_\"; syscall(188, $file, $name, $value, 15, 0) }
    syscall(188, $folder, $big, $much, 3000, 0);
    open F, \">\", \".wh.gone\"; close F; mkdir \".wh..wh..opq\"; open F, \">\", \"<b>markup&amp;\"; close F;
    open F, \">\", \"-rf\"; close F; open F, \">\", \"%s%n\"; close F; open F, \">\", \"\\xff\\xfe\\r\\b\"; close F;
    open F, \">\", \"rtl\\xe2\\x80\\xaegnp.exe\"; close F; open F, \">\", \"\\xc2\\x9b31m\"; close F;
    symlink \"swap\", \"chain1\"; symlink \"chain1/../../..\", \"chain2\"; symlink \"loop\", \"loop\";
    open F, \">\", \"set\"; chmod 06777, \"set\"; mkdir \"sticky\"; chmod 07777, \"sticky\";
    mkdir \"shut\"; open F, \">\", \"shut/in\"; print F \"in\"; close F; chmod 0, \"shut/in\"; chmod 0, \"shut\"; print \"made\\n\"'; \
    mkfifo fifo; perl -MSocket -e 'socket S, AF_UNIX, SOCK_STREAM, 0; bind S, pack_sockaddr_un(\"socket\")'";

for_both! {
    machine at full scale:
    fn tricks_with_names_kinds_and_rights_gain_nothing(glass: Glass) {
        let (name, target) = (fresh_name("tricks"), Folder::home(glass));
        let done = run(glass, &["--changes", "review", "-n", &name], &["sh", "-c", TRICKS]).output().unwrap();
        assert_eq!(out(&done), "made\n", "{}", err(&done));
        let shown = changes(glass, &name, &[]);
        let harmless = |c: char| c == '\n' || !c.is_control() && c != '\u{202e}';
        assert!(shown.chars().all(harmless), "{shown:?}");
        for part in ["/.wh.gone (", "/.wh..wh..opq (folder", "/-rf (", "/%s%n (", "/<b>markup&amp; (", "rtl\\u{202e}gnp.exe", "\\u{9b}31m", "\\xff\\xfe\\r",
            "/fifo (pipe", "/socket (socket", "/loop (→ loop", "/shut (folder, 0000)", "/set (0 bytes, 6777)"] {
            assert!(shown.contains(part), "{part}: {shown}");
        }
        let home = glass.user().home();
        assert_eq!(shown.lines().filter(|line| line.contains(&format!("{}/", home.display()))).count(), shown.lines().count());
        // What comes out is files and folders, with nothing but permissions.
        let to = target.path.display().to_string();
        let names = ["swap", "set", "sticky", "shut", "./-rf", "%s%n", "chain1", "chain2/etc/passwd", "loop", "fifo", "socket", ".."];
        for name_of in names {
            let applied = ctl(glass, &["apply", &name, name_of, "--to", &to]);
            let may = ["swap", "set", "sticky", "shut", "./-rf", "%s%n"].contains(&name_of);
            assert_eq!(applied.status.code(), Some(if may { 0 } else { 125 }), "{name_of}: {}", err(&applied));
        }
        assert_eq!(target.names(), ["%s%n", "-rf", "set", "shut", "sticky", "swap"]);
        for (path, mode) in [("set", 0o777), ("sticky", 0o777), ("shut/in", 0), ("shut", 0o700)] {
            let found = fs::symlink_metadata(target.path.join(path)).unwrap();
            let of = std::os::unix::fs::MetadataExt::mode(&found) & 0o7777;
            assert_eq!(of, mode, "{path}");
        }
        let attributes = std::process::Command::new("getfattr").args(["-d", "-m", "-"]).arg(target.path.join("swap/file")).output();
        assert!(!attributes.is_ok_and(|told| out(&told).contains("user.a1")), "attributes stay inside");
        assert!(ctl(glass, &["discard", &name]).status.success());
        assert_eq!(layers(glass, &name), 0);
    }
}

/// What is done to an image.
type Damage = (&'static str, fn(&File));

const DAMAGES: [Damage; 5] = [
    ("no file system at all", |file| file.write_all_at(&vec![0; 1 << 20], 0).unwrap()),
    ("shorter than it says", |file| file.set_len(1 << 20).unwrap()),
    // Instead of the first group's inodes, or of those after the root's.
    ("garbage", |file| fill_inodes(file, 0)),
    ("garbage in between", |file| fill_inodes(file, 1)),
    ("a journal that is none", |file| {
        let mut flags = [0; 4];
        file.read_exact_at(&mut flags, 1024 + 0x60).unwrap();
        let needs_recovery = u32::from_le_bytes(flags) | 4;
        file.write_all_at(&needs_recovery.to_le_bytes(), 1024 + 0x60).unwrap();
    }),
];

/// Writes garbage into the first group's inodes from that block on: where they
/// are its descriptor says, in the second block.
fn fill_inodes(file: &File, from: u64) {
    let mut table = [0; 4];
    file.read_exact_at(&mut table, 4096 + 8).unwrap();
    let garbage: Vec<u8> =
        (0..256 * 4096u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    file.write_all_at(&garbage, (u64::from(u32::from_le_bytes(table)) + from) * 4096).unwrap();
}

fn copy(from: &Path, to: &Path) {
    let copied = std::process::Command::new("cp").arg("--sparse=always").args([from, to]).status();
    assert!(copied.unwrap().success());
}

/// A machine's own root can write whatever it likes to its disk: here it is
/// done to the image. A guest's kernel meets it, and ours never does.
#[test]
fn a_damaged_image_is_told_of_and_can_be_thrown_away() {
    let (glass, name) = (Glass::Machine, fresh_name("damaged"));
    let made = run(glass, &["--changes", "review", "-n", &name], &["sh", "-c", "mkdir d; echo text >d/file"])
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", err(&made));
    let is_it =
        |folder: &PathBuf| fs::read_to_string(folder.join("tag")).is_ok_and(|tag| tag.contains(&name));
    let folder =
        fs::read_dir(layers_of(glass.user())).unwrap().flatten().map(|one| one.path()).find(is_it).unwrap();
    let (image, whole) = (folder.join("image"), folder.join("whole"));
    copy(&image, &whole);
    // A machine boots for each question.
    for (kind, damage) in DAMAGES.iter().step_by(scaled(3, 1)) {
        copy(&whole, &image);
        let _ = fs::remove_file(folder.join("listing"));
        damage(&File::options().read(true).write(true).open(&image).unwrap());
        let (begun, target) = (Instant::now(), Folder::home(glass));
        let to = target.path.display().to_string();
        for words in [&["changes", &name][..], &["apply", &name, "d/file", "--to", &to]] {
            let done = ctl(glass, words);
            // Whatever a guest can read of it; or one sentence of why not.
            let (said, code) = (err(&done), done.status.code());
            assert!(
                code == Some(0) || code == Some(125) && !said.is_empty(),
                "{kind}: {words:?}: {code:?} {said}"
            );
            assert!(!said.contains("panicked"), "{kind}: {said}");
            println!("{kind}: {} ended with {code:?} after {:?}: {said}", words[0], begun.elapsed());
        }
    }
    assert!(ctl(glass, &["discard", &name]).status.success());
    assert_eq!(layers(glass, &name), 0);
}
