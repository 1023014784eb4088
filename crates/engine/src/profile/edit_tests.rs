// SPDX-License-Identifier: LGPL-2.1-or-later
use super::*;
use proptest::prelude::*;

const TEXT: &str = "# Mine.\nversion = 1\nname = \"Documents\" # as I call it\ncommand.argv = ['evince', \"a.pdf\"]\n\n\
                    # Enough for large ones.\n[limits]\nmemory = \"2048 MiB\"\n\n[files]\nchanges = \"discard\"\n\
                    # The first.\n[[files.mounts]]\ntype = \"host-bind\"\nsource = \"~/in\" # read here\n\
                    target = \"/in\"\n# The second.\n[[files.mounts]]\ntype = \"ram\"\ntarget = \"/ram\"\n";

fn changed(change: impl FnOnce(&mut Profile)) -> String {
    let mut profile = parse(TEXT).unwrap();
    change(&mut profile);
    let text = edit(TEXT, &profile).unwrap();
    assert_eq!(parse(&text).as_ref(), Ok(&profile), "{text}");
    text
}

#[test]
fn what_is_not_changed_stays_byte_for_byte() {
    assert_eq!(changed(|_| {}), TEXT);
}

#[test]
fn one_value_changes_alone() {
    let text = changed(|profile| profile.limits.memory = 1 << 30);
    assert_eq!(text, TEXT.replace("2048 MiB", "1 GiB"));
    let text = changed(|profile| profile.name = "Papers".into());
    assert_eq!(text, TEXT.replace("\"Documents\"", "\"Papers\""));
    let text = changed(|profile| profile.command.argv.push("-f".into()));
    assert!(text.contains("# Mine.") && text.contains("# read here"), "{text}");
}

#[test]
fn new_keys_come_without_all_the_others() {
    let text = changed(|profile| profile.network.mode = NetworkMode::Internet);
    assert!(text.ends_with("[network]\nmode = \"internet\"\n"), "{text}");
    assert!(!text.contains("clipboard"), "{text}");
}

#[test]
fn rows_keep_their_comments_when_others_come_and_go() {
    let text = changed(|profile| profile.files.mounts[1].target = "/elsewhere".into());
    assert_eq!(text, TEXT.replace("/ram", "/elsewhere"));
    let text = changed(|profile| drop(profile.files.mounts.remove(0)));
    assert!(text.contains("# The second.") && !text.contains("# read here"), "{text}");
    let text = changed(|profile| profile.files.mounts.swap(0, 1));
    assert!(text.find("# The second.") < text.find("# The first."), "{text}");
    let text = changed(|profile| {
        let mut third = profile.files.mounts[0].clone();
        third.target = "/third".into();
        profile.files.mounts.insert(0, third);
    });
    assert!(text.contains("# read here") && text.find("/third") < text.find("\"/in\""), "{text}");
}

#[test]
fn a_list_in_one_line_is_changed_in_place() {
    let text = "version = 1\nname = \"x\"\ncommand.argv = [\"a\"]\n[files]\nmounts = [\n  # In.\n  { type = \"host-bind\", source = \"/a\", target = \"/b\" },\n]\n";
    let mut profile = parse(text).unwrap();
    profile.files.mounts[0].mode = MountMode::Rw;
    let edited = edit(text, &profile).unwrap();
    assert!(edited.contains("# In.") && edited.contains("mode = \"rw\""), "{edited}");
    assert_eq!(parse(&edited), Ok(profile));
}

#[test]
fn a_new_profile_has_only_what_differs() {
    let mut profile = Profile::new("Terminal", vec!["bash".into()]);
    assert_eq!(
        write(&profile).unwrap(),
        "version = 1\nname = \"Terminal\"\n\n[command]\nargv = [\"bash\"]\n"
    );
    profile.colour = Colour::Grey;
    profile.display.kind = DisplayKind::Window;
    profile.command.directory = Some("/tmp".into());
    let text = write(&profile).unwrap();
    assert_eq!(parse(&text).as_ref(), Ok(&profile), "{text}");
    assert!(!text.contains("clipboard"), "{text}");
    assert_eq!(edit("nonsense", &profile).unwrap(), text);
}

fn any_profile() -> impl Strategy<Value = Profile> {
    let mount = ("[a-z]{1,3}", any::<bool>(), any::<bool>()).prop_map(|(name, ram, rw)| Mount {
        kind: if ram { MountKind::Ram } else { MountKind::HostBind },
        source: if ram { "1M".into() } else { name.clone().into() },
        target: format!("/{name}").into(),
        mode: if rw { MountMode::Rw } else { MountMode::Ro },
        format: None,
        trusted: false,
    });
    let mounts = proptest::collection::vec(mount, 0..4);
    let words = proptest::collection::vec("[ -~é]{0,4}", 1..4);
    let variables = proptest::collection::btree_map("[A-Z. ]{1,3}", "[ -~]{0,3}", 0..3);
    (mounts, words, variables, any::<[bool; 6]>(), any::<u32>(), "\\PC{1,5}").prop_map(
        |(mounts, words, environment, flags, number, name)| {
            let mut profile = Profile::new(name, words.into_iter().map(Into::into).collect());
            profile.command.environment = environment;
            profile.files.mounts = mounts;
            profile.limits.memory = u64::from(number) << 8;
            profile.limits.cpus = flags[0].then_some(number);
            profile.isolation = flags[1].then_some(Isolation::Machine);
            profile.icon = flags[2].then_some(Icon::Web);
            profile.display.sound = flags[3];
            profile.network.mode = if flags[4] { NetworkMode::Full } else { NetworkMode::None };
            profile.files.unmask = if flags[5] { vec!["~/.ssh".into()] } else { Vec::new() };
            profile
        },
    )
}

proptest! {
    #[test]
    fn whatever_is_changed_is_read_again(old in any_profile(), new in any_profile(), whole in any::<bool>()) {
        let text = if whole { to_toml(&old) } else { write(&old) }.unwrap();
        prop_assert_eq!(&parse(&text), &Ok(old), "{}", text);
        let edited = edit(&text, &new).unwrap();
        prop_assert_eq!(&parse(&edited), &Ok(new), "{}", edited);
    }
}
