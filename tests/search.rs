// SPDX-License-Identifier: LGPL-2.1-or-later
//! The desktop's search, as gnome-shell asks for it: over a bus of the test's
//! own, which starts the program when it is asked.

#[path = "scene/bus.rs"]
mod bus;

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

const ID: &str = "org.terrarium.Terrarium";

/// A session bus with the program on it.
struct Search {
    bus: bus::Bus,
    folder: tempfile::TempDir,
}

impl Search {
    fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let services = folder.path().join("data/dbus-1/services");
        fs::create_dir_all(&services).expect("a folder");
        let program = env!("CARGO_BIN_EXE_terrarium");
        let template = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("data/{ID}.service.in"));
        let service = fs::read_to_string(template).expect("the service");
        let service = service.replace("@bindir@/terrarium", program);
        fs::write(services.join(format!("{ID}.service")), service).expect("a service");
        let profiles = folder.path().join("config/terrarium/profiles");
        fs::create_dir_all(&profiles).expect("a folder");
        for (stem, name, command) in
            [("papers", "My Papers", "xterm"), ("web", "Papers & <Web>", "firefox"), ("shell", "Shell", "sh")]
        {
            let text = format!("version = 1\nname = \"{name}\"\n[command]\nargv = [\"{command}\"]\n");
            fs::write(profiles.join(format!("{stem}.terrarium")), text).expect("a profile");
        }
        fs::write(profiles.join("broken.terrarium"), "name = papers").expect("a file");
        let path = |inner: &str| folder.path().join(inner).into_os_string();
        let bus = bus::Bus::start([
            ("XDG_DATA_HOME", path("data")),
            ("XDG_CONFIG_HOME", path("config")),
            ("XDG_CACHE_HOME", path("cache")),
            ("XDG_RUNTIME_DIR", path("")),
            ("HOME", path("")),
            ("LC_ALL", "C.UTF-8".into()),
            ("NO_AT_BRIDGE", "1".into()),
        ]);
        Self { bus, folder }
    }

    /// What gdbus prints.
    fn call(&self, object: &str, method: &str, arguments: &[&str]) -> String {
        let output = Command::new("gdbus")
            .args(["call", "--session", "--dest", ID, "--object-path", object, "--method", method])
            .args(arguments)
            .env("DBUS_SESSION_BUS_ADDRESS", &self.bus.address)
            .output()
            .expect("gdbus");
        assert!(output.status.success(), "{method}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    fn search(&self, method: &str, arguments: &[&str]) -> String {
        let method = format!("org.gnome.Shell.SearchProvider2.{method}");
        self.call("/org/terrarium/Terrarium/SearchProvider", &method, arguments)
    }

    /// The titles of the program's windows.
    fn windows(&self) -> Vec<String> {
        let Some(pid) = self.pid() else { return Vec::new() };
        let found = Command::new("xdotool").args(["search", "--onlyvisible", "--pid", &pid]).output();
        let ids = String::from_utf8_lossy(&found.expect("xdotool").stdout).into_owned();
        let title = |id: &str| {
            let title = Command::new("xdotool").args(["getwindowname", id]).output().expect("xdotool");
            String::from_utf8_lossy(&title.stdout).trim().to_owned()
        };
        ids.lines().map(title).collect()
    }

    fn pid(&self) -> Option<String> {
        let output = Command::new("gdbus")
            .args([
                "call",
                "--session",
                "--dest",
                "org.freedesktop.DBus",
                "--object-path",
                "/org/freedesktop/DBus",
            ])
            .args(["--method", "org.freedesktop.DBus.GetConnectionUnixProcessID", ID])
            .env("DBUS_SESSION_BUS_ADDRESS", &self.bus.address)
            .output()
            .expect("gdbus");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let pid: String = text.chars().skip_while(|c| *c != ' ').filter(char::is_ascii_digit).collect();
        Some(pid).filter(|pid| output.status.success() && !pid.is_empty())
    }

    fn until(&self, what: &str, is_so: impl Fn() -> bool) {
        let begun = Instant::now();
        while !is_so() {
            assert!(begun.elapsed() < Duration::from_secs(30), "in vain: {what}: {:?}", self.windows());
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

impl Drop for Search {
    fn drop(&mut self) {
        if let Some(pid) = self.pid() {
            let _ = Command::new("kill").arg(pid).status();
        }
    }
}

#[test]
fn profiles_are_found_described_and_opened_from_the_desktop() {
    let bus = Search::start();
    // The program is started by this, and answers without a window.
    assert_eq!(bus.search("GetInitialResultSet", &["['PAPERS']"]), "(['web', 'papers'],)");
    assert_eq!(bus.search("GetSubsearchResultSet", &["['papers']", "['papers', 'my']"]), "(['papers'],)");
    assert_eq!(bus.search("GetSubsearchResultSet", &["['papers']", "['fire']"]), "(@as [],)");
    assert_eq!(bus.search("GetInitialResultSet", &["@as []"]), "(@as [],)");
    let about = bus.search("GetResultMetas", &["['web', 'gone', 'broken']"]);
    for part in
        ["'id': <'web'>", "'name': <'Papers & <Web>'>", "Run in a sandbox: firefox · No network", "'icon': "]
    {
        assert!(about.contains(part), "{part} is not in {about}");
    }
    assert_eq!(about.matches("'id'").count(), 1, "{about}");
    assert!(bus.windows().is_empty());
    bus.search("LaunchSearch", &["['papers']", "0"]);
    bus.until("the window is there", || bus.windows().contains(&"Terrarium".to_owned()));
    let first = bus.pid();
    bus.search("ActivateResult", &["gone", "['x']", "0"]);
    bus.search("ActivateResult", &["papers", "['papers']", "0"]);
    // It is run, or, where nothing works, shown with the reason.
    bus.call("/org/terrarium/Terrarium", "org.gtk.Actions.List", &[]);
    assert_eq!(bus.pid(), first, "there is one program");
    assert!(bus.folder.path().join("config").exists());
}

#[test]
fn what_is_installed_names_what_answers() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("data/{ID}.search-provider.ini"));
    let text = fs::read_to_string(path).expect("the file");
    for line in [
        "[Shell Search Provider]",
        "DesktopId=org.terrarium.Terrarium.desktop",
        "BusName=org.terrarium.Terrarium",
        "ObjectPath=/org/terrarium/Terrarium/SearchProvider",
        "Version=2",
    ] {
        assert!(text.lines().any(|one| one == line), "{line}");
    }
}
