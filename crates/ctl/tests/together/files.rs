// SPDX-License-Identifier: LGPL-2.1-or-later
//! What sandboxes see beside the root.

use crate::common::share::*;
use crate::common::*;
use std::fs;
use std::os::unix::fs::{chown, symlink, MetadataExt, PermissionsExt};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

for_both! {
    fn a_private_home_has_the_users_name_shell_locale_and_folders(glass: Glass) {
        let user = glass.user();
        let script = "id -un; getent passwd $(id -u) | cut -d: -f6,7; echo $USER $LOGNAME $SHELL; locale charmap; \
            ls -A ~ | LC_ALL=C sort | tr '\\n' ' '; stat -c %U ~/Downloads ~/.local/share; . ~/.config/user-dirs.dirs; \
            echo $XDG_DOWNLOAD_DIR; touch ~/Downloads/x ~/.config/x ~/.cache/x && echo written; \
            for d in /tmp /var/tmp /dev/shm /run/user/$(id -u); do ls -A $d; touch $d/x || echo no; done; ls /run";
        let output = run(glass, &[], &["sh", "-c", script]).output().unwrap();
        let (name, home) = (user.name(), user.home().display().to_string());
        let shell = "/bin/bash";
        let expected = format!(
            "{name}\n{home}:{shell}\n{name} {name} {shell}\nUTF-8\n.cache .config .local Desktop Documents Downloads Music \
             Pictures Public Templates Videos {name}\n{name}\n{home}/Downloads\nwritten\nlock\nuser\n"
        );
        let passwd = fs::read_to_string("/etc/passwd").unwrap();
        let own = passwd.lines().find(|line| line.starts_with(&format!("{name}:"))).unwrap();
        let expected = expected.replace(shell, own.rsplit(':').next().unwrap());
        assert_eq!(out(&output), expected, "{}", err(&output));
    }
}

for_both! {
    fn folders_and_files_are_seen_and_not_written(glass: Glass) {
        let folder = Folder::home(glass);
        let file = folder.file("file", "content\n");
        folder.file("sub-file", "other\n");
        let one = format!("host-bind:/home/one={}", file.display());
        let before = picture(&folder.path);
        let script = "cat /mnt/in/file /home/one; touch /mnt/in/new 2>/dev/null || echo no; \
            echo x 2>/dev/null >>/home/one || echo no; mount -o remount,rw /mnt/in 2>/dev/null || echo no; \
            chmod 777 /mnt/in/file 2>/dev/null || echo no; stat -c %u /mnt/in/file; \
            grep -c ' /mnt/in .*nosuid,nodev\\| /home/one .*nosuid,nodev' /proc/self/mountinfo; ls /home";
        let bind = folder.bind("/mnt/in", "");
        for option in [&[][..], &["-p"]] {
            let options = [option, &["-m", &bind, "-m", &one]].concat();
            let output = run(glass, &options, &["sh", "-c", script]).output().unwrap();
            let user = glass.user().uid();
            let expected = format!("content\ncontent\nno\nno\nno\nno\n{user}\n2\none\n{}\n", glass.user().home().file_name().unwrap().to_str().unwrap());
            assert_eq!(out(&output), expected, "{option:?}: {}", err(&output));
        }
        assert_eq!(picture(&folder.path), before);
    }
}

for_both! {
    fn what_is_made_in_a_writable_folder_is_the_users(glass: Glass) {
        let folder = Folder::home(glass);
        let file = folder.file("file", "old\n");
        let one = format!("host-bind:/one={},rw", file.display());
        let script = "cd /mnt/out && mkdir d && echo new >d/f && ln -s f d/l && ln d/f d/h && echo more >>/one && \
            cat file && touch gone && rm gone && mv d/h moved && stat -c '%u %g' d/f; \
            mknod dev c 1 3 2>/dev/null || echo no; chmod 640 moved; chown 0 moved 2>/dev/null || echo no";
        let output = with(glass, &[&folder.bind("/mnt/out", ",rw"), &one], script);
        let uid = glass.user().uid();
        assert_eq!(out(&output), format!("old\nmore\n{uid} {uid}\nno\nno\n"), "{}", err(&output));
        assert_eq!(folder.names(), ["d", "file", "moved"]);
        for name in ["d", "d/f", "d/l", "moved"] {
            let found = folder.path.join(name).symlink_metadata().unwrap();
            assert_eq!((found.uid(), found.gid()), (uid, uid), "{name}");
        }
        assert_eq!(fs::read_to_string(folder.path.join("moved")).unwrap(), "new\n");
        assert_eq!(folder.path.join("moved").metadata().unwrap().mode() & 0o7777, 0o640);
        assert_eq!(fs::read_link(folder.path.join("d/l")).unwrap(), Path::new("f"));
    }
}

for_both! {
    fn places_are_made_inside_and_never_on_the_host(glass: Glass) {
        let folder = Folder::home(glass);
        folder.file("file", "content\n");
        let mounts = ["ram:/usr/share/terrarium-no/deep=1M", "ram:/etc/terrarium-no=1M", "ram:/terrarium-no=1M",
            "ram:/home/other/place=1M", &folder.bind("/var/lib/terrarium-no", ""), "ram:/var/lib/terrarium-no/in/most=1M"];
        let script = "for d in /usr/share/terrarium-no/deep /etc/terrarium-no /terrarium-no /home/other/place \
              /var/lib/terrarium-no/in/most; do echo x >$d/f && cat $d/f; done; cat /var/lib/terrarium-no/file; \
            ls /etc/passwd; touch /etc/terrarium-other /usr/share/terrarium-no/f /var/lib/terrarium-no/f 2>/dev/null || echo no";
        let output = with(glass, &mounts, script);
        assert_eq!(out(&output), "x\nx\nx\nx\nx\ncontent\n/etc/passwd\nno\n", "{}", err(&output));
        assert_eq!(folder.names(), ["file"]);
        for path in ["/usr/share/terrarium-no", "/etc/terrarium-no", "/terrarium-no", "/home/other", "/var/lib/terrarium-no"] {
            assert!(!Path::new(path).exists(), "{path}");
        }
        // Below one that may be written there is nowhere to make it.
        let output = with(glass, &[&folder.bind("/w", ",rw"), "ram:/w/inner=1M"], "echo ran");
        assert_eq!((out(&output).as_str(), output.status.code()), ("", Some(125)));
        assert!(err(&output).contains("/w/inner"), "{}", err(&output));
        assert_eq!(folder.names(), ["file"]);
    }
}

for_both! {
    machine at full scale:
    fn later_mounts_lie_in_earlier_ones_in_order(glass: Glass) {
        let folder = Folder::home(glass);
        folder.dir("a/b");
        folder.file("a/b/file", "outer\n");
        let inner = Folder::home(glass);
        inner.file("file", "inner\n");
        let mounts = [folder.bind("/x", ",rw"), inner.bind("/x/a/b", ""), "ram:/x/a/b/in=1M".into(), "guest-bind:/y=/x".into()];
        let count = |count: usize, script: &str| {
            let mounts: Vec<&str> = mounts[..count].iter().map(String::as_str).collect();
            out(&with(glass, &mounts, script))
        };
        assert_eq!(count(1, "cat /x/a/b/file"), "outer\n");
        assert_eq!(count(2, "cat /x/a/b/file; touch /x/a/b/no 2>/dev/null || echo no; touch /x/yes"), "inner\nno\n");
        assert_eq!(count(4, "ls /x/a/b/in; echo z >/x/a/b/in/z; cat /y/a/b/in/z; touch /y/no 2>/dev/null || echo no"), "z\nno\n");
        assert_eq!((folder.names(), inner.names()), (vec!["a".into(), "yes".to_owned()], vec!["file".to_owned()]));
    }
}

for_both! {
    fn memory_and_fresh_folders_hold_what_they_should(glass: Glass) {
        let script = "df -k /r | awk 'NR==2 { print $2 }'; touch /r/x /f/x /home/deep/er/x; stat -c '%a %u' /r /f; \
            head -c 20000000 /dev/zero >/r/full 2>/dev/null || echo full; ls -A /home/deep";
        let output = with(glass, &["ram:/r=9M", "host-bind:/f=", "host-bind:/home/deep/er=,rw"], script);
        let uid = glass.user().uid();
        assert_eq!(out(&output), format!("9216\n1777 0\n700 {uid}\nfull\ner\n").replace("1777 0", &owner_of_ram(glass)), "{}", err(&output));
    }
}

for_both! {
    machine at full scale:
    fn memory_may_be_more_than_two_gibibytes(glass: Glass) {
        let script = "df -k /a /b | awk 'NR>1 { print $2 }'";
        let options = ["--memory", "8GiB", "-m", "ram:/a=3G", "-m", "ram:/b=4100MiB"];
        let output = run(glass, &options, &["sh", "-c", script]).output().unwrap();
        assert_eq!(out(&output), "3145728\n4198400\n", "{}", err(&output));
    }
}

/// A container's root inside is nobody as the user sees it.
fn owner_of_ram(glass: Glass) -> String {
    match glass {
        Glass::Container => "1777 65534".into(),
        Glass::Machine => "1777 0".into(),
    }
}

for_both! {
    fn what_root_inside_makes_is_the_users_too(glass: Glass) {
        let folder = Folder::home(glass);
        let file = folder.file("file", "old\n");
        let theirs = folder.file("theirs", "theirs\n");
        chown(&theirs, Some(0), Some(0)).unwrap();
        fs::set_permissions(&theirs, fs::Permissions::from_mode(0o600)).unwrap();
        let one = format!("host-bind:/one={},rw", file.display());
        let script = "cd /w && id -u && mkdir d && echo new >d/f && ln -s f d/l && echo more >>file && echo more >>/one && cat /one; \
            chown 1 d/f 2>/dev/null && echo CHOWNED; mknod dev c 1 3 2>/dev/null && echo NODE; cat theirs 2>/dev/null && echo READ; echo end";
        let bind = folder.bind("/w", ",rw");
        let output = run(glass, &["-p", "-m", &bind, "-m", &one], &["sh", "-c", script]).output().unwrap();
        assert_eq!(out(&output), "0\nold\nmore\nmore\nend\n", "{}", err(&output));
        let uid = glass.user().uid();
        for name in ["d", "d/f", "d/l", "file"] {
            let found = folder.path.join(name).symlink_metadata().unwrap();
            assert_eq!((found.uid(), found.gid()), (uid, uid), "{name}");
        }
        let found = theirs.metadata().unwrap();
        assert_eq!((found.uid(), found.len()), (0, 7));
    }
}

for_both! {
    fn copies_are_the_sandboxes_own(glass: Glass) {
        let folder = Folder::home(glass);
        folder.dir("tree/deep");
        folder.file("tree/deep/file", "one\n");
        let run_me = folder.file("tree/run", "#!/bin/sh\necho ran\n");
        fs::set_permissions(&run_me, fs::Permissions::from_mode(0o4755)).unwrap();
        symlink("/etc/passwd", folder.path.join("tree/link")).unwrap();
        let _listener = UnixListener::bind(folder.path.join("tree/socket")).unwrap();
        let list = folder.file("list", "# all of it\n\n/tmp/by/list=tree/deep/file\n");
        let before = picture(&folder.path);
        let home = glass.user().home().display().to_string();
        let include = format!("{home}/in/tree={}/tree", folder.path.display());
        let script = "cd ~/in/tree; cat deep/file /tmp/by/list; ./run; readlink link; ls -A; stat -c '%u %a' . run deep/file; \
            echo more >>deep/file; echo more >>/tmp/by/list; rm -r ~/in && echo gone";
        let options = ["-i", &include, "-I", list.to_str().unwrap()];
        let output = run(glass, &options, &["sh", "-c", script]).output().unwrap();
        let uid = glass.user().uid();
        let expected = format!("one\none\nran\n/etc/passwd\ndeep\nlink\nrun\n{uid} 755\n{uid} 755\n{uid} 644\ngone\n");
        assert_eq!(out(&output), expected, "{}", err(&output));
        assert_eq!(picture(&folder.path), before);
        let stage = glass.user().home().join(".cache/terrarium/stage");
        let below = |path: PathBuf| fs::read_dir(path).into_iter().flatten().flatten().map(|entry| entry.path());
        wait_for("the copies to go", std::time::Duration::from_secs(10), || {
            let _ = crate::common::list(glass.user());
            !below(stage.clone()).flat_map(below).any(|one| one.join("copy/deep").exists())
        });
        // Bounded.
        let large = folder.path.join("large");
        fs::File::create(&large).unwrap().set_len(65 << 20).unwrap();
        folder.own(&large);
        for (include, words) in [(format!("/tmp/x={}", large.display()), "64 MiB"), ("/etc/x=/etc/passwd".into(), "private places"), ("x".into(), "DST=SRC")] {
            let output = run(glass, &["-i", &include], &["true"]).output().unwrap();
            assert!(output.status.code() == Some(125) && err(&output).contains(words), "{include}: {}", err(&output));
        }
    }
}

for_both! {
    machine at full scale:
    fn odd_names_are_names(glass: Glass) {
        let folder = Folder::home(glass);
        let name = "a:b,c\\d e'f\"g<h>&i=j;ü";
        folder.dir(name);
        folder.file(&format!("{name}/file"), "seen\n");
        let mount = format!("host-bind:/mnt/{}=", name.replace('=', "-"));
        for rest in ["", ",rw"] {
            let mount = format!("{mount}{}/{name}{rest}", folder.path.display());
            assert_eq!(out(&with(glass, &[&mount], "cat /mnt/*/file")), "seen\n", "{rest}");
        }
        folder.dir("new\nline");
        let output = with(glass, &[&format!("host-bind:/x={}/new\nline", folder.path.display())], "ls -d /x");
        let expected = if glass == Glass::Container { "/x\n" } else { "" };
        assert_eq!(out(&output), expected, "{}", err(&output));
    }
}

for_both! {
    fn nothing_is_left_of_a_start_that_fails(glass: Glass) {
        let folder = Folder::home(glass);
        let file = folder.file("file", "x");
        let mount = format!("host-bind:/x={}", file.display());
        // A folder over a file, and the other way round.
        for mounts in [[mount.as_str(), &folder.bind("/x", "")], ["ram:/x=1M", mount.as_str()]] {
            let output = with(glass, &mounts, "echo ran");
            assert_eq!((out(&output).as_str(), output.status.code()), ("", Some(125)), "{}", err(&output));
            assert!(err(&output).contains("/x"), "{}", err(&output));
        }
        assert_eq!(folder.names(), ["file"]);
        assert_eq!(fs::metadata(file).unwrap().nlink(), 1);
    }
}
