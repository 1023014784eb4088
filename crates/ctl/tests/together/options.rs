// SPDX-License-Identifier: LGPL-2.1-or-later
//! Options and verbs that no other test has, each with what it changes.

use crate::common::*;
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// Options, command, standard output, words on standard error.
type Case = (&'static [&'static str], &'static [&'static str], &'static str, &'static str);

const CASES: &[Case] = &[
    (
        &["-e", "A=1", "--env", "B=x=y", "-e", "E=", "--cwd", "/usr/share"],
        &["sh", "-c", "echo $A $B ${E-unset}; pwd"],
        "1 x=y\n/usr/share\n",
        "",
    ),
    (
        &["-T"],
        &["sh", "-c", "for fd in 0 1 2; do [ -t $fd ] || echo stream; done"],
        "stream\nstream\nstream\n",
        "",
    ),
    (
        &["-t"],
        &["sh", "-c", "for fd in 0 1 2; do [ -t $fd ] && echo terminal; done"],
        "terminal\r\nterminal\r\nterminal\r\n",
        "",
    ),
    (&[], &["sh", "-c", "(sleep 1; echo later) >&1 & echo first"], "first\n", ""),
    (&["--until", "command"], &["sh", "-c", "(sleep 1; echo later) & echo first"], "first\n", ""),
    (&["--until", "all"], &["sh", "-c", "(sleep 1; echo later) & echo first"], "first\nlater\n", ""),
    (&["-v"], &["echo", "x"], "x\n", "Boot the sandbox"),
    (&["-d"], &["echo", "x"], "x\n", "<uuid>"),
    (
        &["--cpus", "1", "--memory", "300M"],
        &["sh", "-c", "free -m | awk '/Mem/ { print ($2 <= 300) }'"],
        "1\n",
        "",
    ),
];

for_both! {
    fn options_do_what_they_say(glass: Glass) {
        for (number, (options, command, stdout, stderr)) in CASES.iter().enumerate() {
            // A machine boots for each: of every day are those that differ most.
            if glass == Glass::Machine && !full() && ![0, 5, 8].contains(&number) {
                continue;
            }
            let output = run(glass, options, command).output().unwrap();
            assert_eq!((out(&output).as_str(), output.status.code()), (*stdout, Some(0)), "{options:?}: {}", err(&output));
            assert!(err(&output).contains(stderr), "{options:?}: {}", err(&output));
        }
        // The user's own shell.
        let mut ctl = glass.user().ctl();
        ctl.args(["run", glass.option(), "-l", "-T"]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = ctl.spawn().unwrap();
        feed(&mut child, b"echo $0; exit 3\n".to_vec()).join().unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!((out(&output).as_str(), output.status.code()), ("/bin/sh\n", Some(3)));
    }
}

for_both! {
    fn a_connection_implies_the_glass_and_names_are_unique(glass: Glass) {
        let uri = if glass == Glass::Container { "lxc:///system" } else { "qemu:///session" };
        let user = glass.user();
        let start = |_| {
            let mut ctl = user.ctl();
            ctl.args(["run", "-c", uri, "--detach", "--", "/usr/bin/sleep", "300"]);
            let output = ctl.output().unwrap();
            assert!(output.status.success(), "{}", err(&output));
            Stop { user, name: out(&output).trim().to_owned() }
        };
        let started: Vec<Stop> = (0..2).map(start).collect();
        for one in &started {
            assert!(one.name.starts_with("sleep"), "{}", one.name);
            assert_eq!(listed(user, &one.name).unwrap()["connection"], uri);
        }
        assert_ne!(started[0].name, started[1].name);
        // What is known of one, in every form.
        let show = |form: &[&str]| user.ctl().args(["show", &started[1].name]).args(form).output().unwrap();
        let json: serde_json::Value = serde_json::from_slice(&show(&["--json"]).stdout).unwrap();
        assert_eq!((json["name"].as_str(), json["state"].as_str()), (Some(started[1].name.as_str()), Some("running")));
        assert!(out(&show(&[])).contains("sleep 300"), "{}", out(&show(&[])));
        assert!(out(&show(&["--xml"])).starts_with("<domain "));
        let plan: serde_json::Value = serde_json::from_slice(&show(&["--plan"]).stdout).unwrap();
        assert!(plan["plan"]["orders"].is_object(), "{plan}");
        assert!(out(&show(&["--command"])).trim_end().ends_with("-- /usr/bin/sleep 300"), "{}", out(&show(&["--command"])));
    }
}

/// It shows in a terminal where there is one, which is nowhere here.
const PROFILE: &str = "version = 1\nname = \"A test\"\nisolation = \"GLASS\"\n[command]\n\
    argv = [\"sh\", \"-c\", \"echo $WORD; pwd; exit 5\"]\ndirectory = \"/usr\"\nenvironment = { WORD = \"from the profile\" }\n\
    [limits]\nmemory = \"300 MiB\"\n";

/// terrariumctl with profiles of its own.
fn with_profiles(user: User, config: &Path, words: &[&str]) -> Output {
    let mut ctl: Command = user.ctl();
    ctl.env("XDG_CONFIG_HOME", config).args(words).stdin(Stdio::null()).output().unwrap()
}

for_both! {
    machine at full scale:
    fn a_profile_is_imported_shown_run_exported_and_deleted(glass: Glass) {
        let user = glass.user();
        let folder = tempfile::tempdir().unwrap();
        std::os::unix::fs::chown(folder.path(), Some(user.uid()), Some(user.uid())).unwrap();
        let (file, copy) = (folder.path().join("in.terrarium"), folder.path().join("out.terrarium"));
        std::fs::write(&file, PROFILE.replace("GLASS", &glass.option()[2..])).unwrap();
        let ctl = |words: &[&str]| with_profiles(user, folder.path(), words);
        let good = |words: &[&str]| {
            let output = ctl(words);
            assert!(output.status.success(), "{words:?}: {}", err(&output));
            out(&output)
        };
        let (file, copy) = (file.to_str().unwrap(), copy.to_str().unwrap());
        assert_eq!(good(&["profile", "list"]), "");
        let stored = good(&["profile", "import", file]);
        assert!(Path::new(stored.trim()).starts_with(folder.path().join("terrarium/profiles")), "{stored}");
        assert_eq!(ctl(&["profile", "import", file]).status.code(), Some(125), "the name is taken");
        assert_eq!(good(&["profile", "list"]), "A test\n");
        let shown = good(&["profile", "show", "A test"]);
        assert_eq!(good(&["show", "A test"]), shown);
        assert!(shown.contains("from the profile") && shown.contains("300 MiB"), "{shown}");
        assert!(good(&["show", "--command", "A test"]).contains(&format!("run --profile 'A test' {}", glass.option())));
        for form in ["--plan", "--json"] {
            let plan: serde_json::Value = serde_json::from_str(&good(&["show", form, file])).unwrap();
            assert_eq!(plan["plan"]["memory"], 300 << 20, "{plan}");
        }
        assert!(good(&["show", "--xml", "A test"]).contains("<memory unit=\"KiB\">307200</memory>"));
        for name in ["A test", file] {
            let output = ctl(&["run", "--profile", name]);
            assert_eq!((out(&output).as_str(), output.status.code()), ("from the profile\n/usr\n", Some(5)), "{}", err(&output));
        }
        // The command line goes before the profile.
        assert_eq!(good(&["run", "--profile", "A test", "-e", "WORD=mine", "--cwd", "/etc", "--", "sh", "-c", "echo $WORD; pwd"]), "mine\n/etc\n");
        good(&["profile", "export", "A test", copy]);
        // As it was written, and where it came from is known.
        assert_eq!(std::fs::read(copy).unwrap(), std::fs::read(file).unwrap());
        assert_eq!(good(&["profile", "export", "A test", "-"]), std::fs::read_to_string(file).unwrap());
        let known = std::fs::read_to_string(user.home().join(".local/share/terrarium/reach.json")).unwrap();
        assert!(known.contains("\"from\":\"in.terrarium\""), "{known}");
        assert_eq!(ctl(&["profile", "export", "A test", copy]).status.code(), Some(125), "it is there");
        good(&["profile", "delete", "A test"]);
        assert_eq!(good(&["profile", "list"]), "");
        for words in [&["profile", "delete", "A test"][..], &["profile", "show", "A test"], &["run", "--profile", "A test"]] {
            let output = ctl(words);
            assert_eq!(output.status.code(), Some(125), "{words:?}");
            assert!(err(&output).contains("A test"), "{}", err(&output));
        }
    }
}

#[test]
fn there_is_a_completion_script_for_each_shell() {
    for shell in ["bash", "zsh", "fish"] {
        let output = User::Plain.ctl().args(["completions", shell]).output().unwrap();
        let text = out(&output);
        assert!(output.status.success() && text.contains("terrariumctl"), "{shell}: {text}");
    }
}

/// As bash has it completed.
fn completed(user: User, config: &Path, line: &[&str]) -> Vec<String> {
    let script = r#"
        PATH=$1:$PATH; shift
        source <(terrariumctl completions bash)
        COMP_WORDS=(terrariumctl "$@"); COMP_CWORD=$#; COMP_TYPE=9
        _clap_complete_terrariumctl terrariumctl "${!#}" ""
        printf '%s\n' "${COMPREPLY[@]}""#;
    let mut bash = user.command("bash");
    bash.env("XDG_CONFIG_HOME", config)
        .args(["-c", script, "bash"])
        .arg(binary().parent().unwrap())
        .args(line);
    let output = bash.output().unwrap();
    assert!(output.status.success(), "{line:?}: {}", err(&output));
    out(&output).lines().map(str::to_owned).collect()
}

#[test]
fn names_of_profiles_and_sandboxes_complete_in_a_shell() {
    let (user, config) = (User::Member, tempfile::tempdir().unwrap());
    std::os::unix::fs::chown(config.path(), Some(user.uid()), Some(user.uid())).unwrap();
    let profiles = config.path().join("terrarium/profiles");
    std::fs::create_dir_all(&profiles).unwrap();
    for (stem, name) in [("shell", "Shell"), ("make-it", "Make It; rm")] {
        let text = format!("version = 1\nname = \"{name}\"\n[command]\nargv = [\"sh\"]\n");
        std::fs::write(profiles.join(format!("{stem}.terrarium")), text).unwrap();
    }
    let complete = |line: &[&str]| completed(user, config.path(), line);
    assert_eq!(complete(&["run", "--profile", "Sh"]), ["Shell"]);
    assert_eq!(complete(&["profile", "export", "m"]), ["make-it"], "by its file: the other is not one word");
    assert!(complete(&["at"]).contains(&"attach".to_owned()) && complete(&["run", "--no-t"]) == ["--no-tty"]);
    let sandbox = detached_as(user, Glass::Container, "sleep 60");
    for verb in ["attach", "stop", "show", "limits"] {
        assert_eq!(complete(&[verb, &sandbox.name]), [sandbox.name.as_str()], "{verb}");
    }
    let begun = &sandbox.name[..sandbox.name.len() - 1];
    assert!(complete(&["exec", begun]).contains(&sandbox.name));
}
