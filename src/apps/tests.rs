// SPDX-License-Identifier: LGPL-2.1-or-later
use super::*;
use std::os::unix::ffi::{OsStrExt, OsStringExt};

fn app(exec: &str) -> App {
    App {
        id: "x.desktop".into(),
        name: "An App".into(),
        comment: String::new(),
        icon: "its-icon".into(),
        exec: exec.into(),
        terminal: false,
        directory: None,
        unlisted: false,
        types: Vec::new(),
        file: "/usr/share/applications/x.desktop".into(),
    }
}

fn argv(exec: &str, files: &[&str]) -> Vec<String> {
    let files: Vec<PathBuf> = files.iter().map(PathBuf::from).collect();
    app(exec).argv(&files).into_iter().map(|word| word.into_string().expect("text")).collect()
}

#[test]
fn field_codes_become_arguments() {
    assert_eq!(argv("evince %U", &["/a b.pdf", "/c"]), ["evince", "/a b.pdf", "/c"]);
    assert_eq!(argv("evince %U", &[]), ["evince"]);
    assert_eq!(argv("gimp %f --new", &["/a", "/b"]), ["gimp", "/a", "--new"]);
    assert_eq!(
        argv("\"/opt/a b/run\" %i %c %k --at=%f %% %m", &["/x"]),
        ["/opt/a b/run", "--icon", "its-icon", "An App", "/usr/share/applications/x.desktop", "--at=/x", "%",]
    );
    assert_eq!(argv("editor", &["/a"]), ["editor", "/a"]);
    assert!(argv("broken \"", &[]).is_empty());
}

/// As `gio launch` does it: who named the file in a word is not handed it again.
#[test]
fn a_field_code_inside_a_word_takes_one_file() {
    for code in ["%f", "%u", "%F", "%U"] {
        let exec = format!("view --at={code} -q");
        assert_eq!(argv(&exec, &["/a b"]), ["view", "--at=/a b", "-q"], "{code}");
        assert_eq!(argv(&exec, &[]), ["view", "--at=", "-q"], "{code}");
    }
    assert_eq!(argv("view --at=%f -q", &["/a", "/b"]), ["view", "--at=/a", "-q"]);
    assert_eq!(argv("view --at=%F -q", &["/a", "/b"]), ["view", "--at=/a", "/b", "-q"]);
    assert_eq!(argv("view --100%% --at=%x", &["/a"]), ["view", "--100%", "--at=", "/a"]);
    let odd = PathBuf::from(OsString::from_vec(b"/\xff".to_vec()));
    assert_eq!(app("view --at=%f").argv(&[odd])[1].as_bytes(), b"--at=/\xff", "byte by byte");
}

#[test]
fn apps_are_listed_with_those_that_menus_leave_out_and_the_users_own_count_more() {
    let folder = tempfile::tempdir().expect("a folder");
    let (own, system) = (folder.path().join("own"), folder.path().join("system"));
    std::fs::create_dir_all(system.join("kde")).expect("a folder");
    std::fs::create_dir_all(&own).expect("a folder");
    let write = |path: PathBuf, more: &str| {
        let text = format!("[Desktop Entry]\nType=Application\nName=N\nExec=x %f\n{more}");
        std::fs::write(path, text).expect("written");
    };
    write(system.join("a.desktop"), "Terminal=true\nMimeType=text/plain;text/html;\nIcon=i\n");
    write(system.join("kde/b.desktop"), "Name[de]=B\n");
    write(system.join("hidden.desktop"), "NoDisplay=true\n");
    write(system.join("replaced.desktop"), "");
    write(own.join("replaced.desktop"), "Hidden=true\n");
    std::fs::write(system.join("link.desktop"), "[Desktop Entry]\nType=Link\nName=L\nURL=x\n")
        .expect("written");
    std::fs::write(system.join("broken.desktop"), "nonsense").expect("written");
    let apps = list(&[own, system]);
    let ids: Vec<&str> = apps.iter().map(|app| app.id.as_str()).collect();
    assert_eq!(ids, ["a.desktop", "hidden.desktop", "kde-b.desktop"]);
    assert!(!apps[0].unlisted && apps[1].unlisted, "menus leave it out");
    assert!(apps[0].terminal && apps[0].types == ["text/plain", "text/html"] && apps[0].icon == "i");
}

/// Apps of one folder that holds these desktop files, on these desktops.
fn listed(desktops: &str, entries: &[(&str, &str)]) -> Vec<App> {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, more) in entries {
        let text = format!("[Desktop Entry]\nType=Application\nName={name}\nExec=x %f\n{more}\n");
        std::fs::write(folder.path().join(format!("{name}.desktop")), text).expect("written");
    }
    list_for(&[folder.path().to_owned()], desktops)
}

#[test]
fn an_app_whose_program_is_missing_is_not_offered() {
    let apps = listed(
        "",
        &[
            ("absolute", "TryExec=/bin/sh"),
            ("empty", "TryExec="),
            ("gone", "TryExec=/nowhere/program"),
            ("name", "TryExec=sh"),
            ("no-program", "TryExec=/etc/passwd"),
            ("unknown", "TryExec=no-program-of-this-name"),
        ],
    );
    let names: Vec<&str> = apps.iter().map(|app| app.name.as_str()).collect();
    assert_eq!(names, ["absolute", "empty", "name"]);
}

#[test]
fn an_app_of_another_desktop_is_left_out_of_menus() {
    let entries = [
        ("anywhere", ""),
        ("gnome", "OnlyShowIn=GNOME;Unity;"),
        ("kde", "OnlyShowIn=KDE;"),
        ("not-gnome", "NotShowIn=GNOME;"),
    ];
    let unlisted = |desktops: &str| -> Vec<String> {
        let apps = listed(desktops, &entries);
        assert_eq!(apps.len(), entries.len(), "it opens documents all the same");
        apps.into_iter().filter(|app| app.unlisted).map(|app| app.name).collect()
    };
    assert_eq!(unlisted("ubuntu:GNOME"), ["kde", "not-gnome"]);
    assert_eq!(unlisted("KDE"), ["gnome"]);
    assert_eq!(unlisted(""), ["gnome", "kde"]);
}

#[test]
fn an_app_starts_in_its_folder_if_that_is_there() {
    let apps = listed(
        "",
        &[("a", "Path=/usr/share"), ("b", "Path=/nowhere"), ("c", "Path=share"), ("d", "Path=/etc/passwd")],
    );
    let folders: Vec<Option<&Path>> = apps.iter().map(|app| app.directory.as_deref()).collect();
    assert_eq!(folders, [Some(Path::new("/usr/share")), None, None, None]);
}
