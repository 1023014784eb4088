// SPDX-License-Identifier: LGPL-2.1-or-later
//! What one sandbox does to folders while another one's changes are put there,
//! and to the bounds of what it writes.

use crate::common::layers::*;
use crate::common::share::*;
use crate::common::*;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::time::Duration;

/// `sub` is a folder, and a link to somebody else's, in turn.
fn swapper(folder: &Folder, victim: &Folder, rest: &str) -> Stop {
    let name = victim.path.file_name().unwrap().to_str().unwrap();
    let script = format!(
        "perl -e 'chdir \"/w\"; symlink \"../{name}\", \"link\"; $| = 1; print \"ready\\n\"; {rest} \
         while (1) {{ rename \"sub\", \"real\"; rename \"link\", \"sub\"; rename \"sub\", \"link\"; rename \"real\", \"sub\" }}'"
    );
    let stop = Stop { user: User::Member, name: fresh_name("swapper") };
    let options = ["--detach", "-n", &stop.name, "-m", &folder.bind("/w", ",rw")];
    let started = run(Glass::Container, &options, &["sh", "-c", &script]).output().unwrap();
    assert!(started.status.success(), "{}", err(&started));
    let has_said = |one: serde_json::Value| one["status"]["streams"][0]["end"].as_u64() > Some(0);
    wait_for("its link", Duration::from_secs(30), || listed(stop.user, &stop.name).is_some_and(has_said));
    stop
}

/// Between a folder is chosen and something is put there another sandbox, which
/// may write it, puts a link in its place.
#[test]
fn what_is_applied_does_not_follow_what_another_sandbox_puts_there() {
    let glass = Glass::Container;
    let (name, folder, victim) = (fresh_name("raced"), Folder::home(glass), Folder::home(glass));
    let sub = folder.dir("sub");
    let inner = sub.strip_prefix(glass.user().home()).unwrap().display().to_string();
    let script = format!("mkdir -p {inner}; echo sandbox >{inner}/file; echo sandbox >.profile");
    let done = run(glass, &["--changes", "review", "-n", &name], &["sh", "-c", &script]).output().unwrap();
    assert!(done.status.success(), "{}", err(&done));
    let (path, to) = (format!("{inner}/file"), sub.display().to_string());
    // It stays a link: for who follows it there is always a way.
    let still = "rename \"sub\", \"real\"; rename \"link\", \"sub\"; sleep 600;";
    let stop = swapper(&folder, &victim, still);
    wait_for("the link", Duration::from_secs(10), || sub.is_symlink());
    let copied = ctl(glass, &["apply", &name, ".profile", "--to", &to]);
    assert!(
        copied.status.code() == Some(125) && err(&copied).contains("a sandbox may have made"),
        "{}",
        err(&copied)
    );
    let applied = ctl(glass, &["apply", &name, &path]);
    assert!(applied.status.code() == Some(125) && err(&applied).contains("in the way"), "{}", err(&applied));
    drop(stop);
    fs::remove_file(&sub).unwrap();
    fs::rename(folder.path.join("real"), &sub).unwrap();
    // The way is another one each time that it is looked at.
    let stop = swapper(&folder, &victim, "");
    for _ in 0..scaled(10, 100) {
        ctl(glass, &["apply", &name, ".profile", "--to", &to]);
        ctl(glass, &["apply", &name, &path, "--replace"]);
        assert_eq!(victim.names(), [""; 0]);
    }
    drop(stop);
    let _ = fs::remove_dir_all(glass.user().home().join(".local/share/Trash"));
    assert!(ctl(glass, &["discard", &name]).status.success());
}

for_both! {
    /// What is shown read-only, or beside a share, gets no second name in what
    /// may be written, nor does it move there.
    fn hard_links_and_renames_stay_in_their_share(glass: Glass) {
        let folder = Folder::home(glass);
        for name in ["ro", "rw", "rw/in"] {
            folder.dir(name);
        }
        folder.file("ro/file", "mine\n");
        folder.file("rw/in/file", "mine\n");
        let of = |name: &str| folder.path.join(name).display().to_string();
        let mounts = [format!("host-bind:/ro={}", of("ro")), format!("host-bind:/rw={},rw", of("rw")), format!("host-bind:/rw/in={}", of("rw/in"))];
        let script = "for f in /ro/file /rw/in/file /etc/passwd ~/own; do echo own >~/own; ln $f /rw/linked 2>/dev/null && echo LINKED $f; \
            mv -T --no-copy $f /rw/moved 2>/dev/null; perl -e 'rename $ARGV[0], \"/rw/moved\" and print \"MOVED @ARGV\\n\"' $f; done; \
            perl -e 'open my $f, \"<\", \"/ro/file\"; syscall(265, fileno($f), \"\", -100, \"/rw/linked\", 0x1000) == 0 and print \"LINKED\\n\"'; \
            ln -s /ro/file /rw/way; echo changed 2>/dev/null >/rw/way; echo end";
        let output = with(glass, &mounts.each_ref().map(String::as_str), script);
        assert_eq!(out(&output), "end\n", "{}", err(&output));
        let read = |name: &str| fs::read_to_string(folder.path.join(name)).unwrap();
        assert_eq!((read("ro/file"), read("rw/in/file")), ("mine\n".into(), "mine\n".into()));
        assert!(["ro/file", "rw/in/file"].iter().all(|name| folder.path.join(name).metadata().unwrap().nlink() == 1));
        assert!(!folder.path.join("rw/linked").exists() && !folder.path.join("rw/moved").exists());
    }
}

for_both! {
    /// Holes count for nothing, and what is written in them does.
    fn holes_do_not_make_room_beyond_the_bound(glass: Glass) {
        let name = fresh_name("holes");
        let script = "truncate -s 50G sparse && echo sparse; fallocate -l 1G whole 2>/dev/null && echo WHOLE; \
            for at in 1 2000 30000; do dd if=/dev/urandom of=sparse bs=1M count=30 seek=$at conv=notrunc 2>/dev/null || echo full; fallocate -p -o ${at}M -l 20M sparse; done; \
            dd if=/dev/urandom of=sparse bs=1M count=100 seek=40000 conv=notrunc 2>/dev/null || echo full; \
            perl -e 'for (1..200) { open my $f, \">\", \"many$_\"; seek $f, $_ * 1e9, 0; print $f \"x\" x 1e6; close $f or last }'; sync; echo end";
        let options = ["--changes", "review", "--writable", "64M", "-n", &name];
        let done = run(glass, &options, &["sh", "-c", script]).output().unwrap();
        let said = out(&done);
        assert!(said.starts_with("sparse\n") && said.contains("full\nend\n") && !said.contains("WHOLE"), "{said}{}", err(&done));
        assert!(err(&done).contains("--writable"), "{}", err(&done));
        let is_it = |path: &std::path::PathBuf| fs::read_to_string(path.join("tag")).is_ok_and(|tag| tag.contains(&name));
        let folder = fs::read_dir(layers_of(glass.user())).unwrap().flatten().map(|one| one.path()).find(is_it).unwrap();
        let image = folder.join("image").metadata().unwrap();
        assert!(image.len() == 64 << 20 && image.blocks() * 512 <= (64 << 20) + (1 << 20), "{} {}", image.len(), image.blocks());
        assert!(ctl(glass, &["discard", &name]).status.success());
        assert_eq!(layers(glass, &name), 0);
    }
}
