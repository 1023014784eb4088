// SPDX-License-Identifier: LGPL-2.1-or-later
//! Xorg's configuration. Nothing is looked for: what is not named here is not
//! used, and no udev is asked.

use super::devices::Devices;

/// Where a container's SPICE server listens, inside a network namespace that
/// has nobody else in it.
pub const SPICE_PORT: u16 = 5900;
/// Files of the agent's daemon, in the server's own /tmp.
pub const AGENT_PORT: &str = "/tmp/agent";
/// The same for the pointer's events that the agent hands back.
pub const AGENT_POINTER: &str = "/tmp/pointer";
/// The folder whose FIFOs a container's server plays; the command sees it, too.
pub const SOUND: &str = "/tmp/.X11-unix/sound";

/// What all have in common: no hot plug, no zapping, no blanking.
const COMMON: &str = r#"Section "ServerFlags"
    Option "AutoAddDevices" "false"
    Option "AutoEnableDevices" "false"
    Option "AutoAddGPU" "false"
    Option "DontVTSwitch" "true"
    Option "DontZap" "true"
    Option "BlankTime" "0"
    Option "StandbyTime" "0"
    Option "SuspendTime" "0"
    Option "OffTime" "0"
EndSection
Section "Monitor"
    Identifier "monitor"
EndSection
Section "Screen"
    Identifier "screen"
    Device "card"
    Monitor "monitor"
    DefaultDepth 24
EndSection
Section "ServerLayout"
    Identifier "layout"
    Screen "screen"
    InputDevice "keyboard" "CoreKeyboard"
    InputDevice "pointer" "CorePointer"
EndSection
"#;

/// A container's: Xorg is the SPICE server itself. Without the sizes and the
/// number of heads this driver damages its heap (Debian 12, 0.1.5).
pub fn spiceqxl(agent: bool, sound: bool) -> String {
    let agent = if agent {
        format!(
            "    Option \"SpiceVdagentEnabled\" \"true\"\n    \
                 Option \"SpiceVdagentVirtioPath\" \"{AGENT_PORT}\"\n    \
                 Option \"SpiceVdagentUinputPath\" \"{AGENT_POINTER}\"\n"
        )
    } else {
        String::new()
    };
    let sound =
        if sound { format!("    Option \"SpicePlaybackFIFODir\" \"{SOUND}\"\n") } else { String::new() };
    let card = format!(
        r#"Section "Device"
    Identifier "card"
    Driver "spiceqxl"
    Option "SpiceAddr" "127.0.0.1"
    Option "SpicePort" "{SPICE_PORT}"
    Option "SpiceDisableTicketing" "true"
    Option "SpiceExitOnDisconnect" "false"
    Option "SpiceImageCompression" "off"
    Option "SpiceStreamingVideo" "off"
    Option "SpiceZlibGlzWanCompression" "never"
    Option "SpiceJpegWanCompression" "never"
    Option "NumHeads" "1"
    Option "FrameBufferSize" "32"
    Option "CommandBufferSize" "128"
    Option "SurfaceBufferSize" "128"
{agent}{sound}EndSection
"#
    );
    [COMMON, &card, &input("keyboard", "xspice keyboard", ""), &input("pointer", "xspice pointer", "")]
        .concat()
}

/// A machine's: the kernel's own driver for whatever QEMU has. Its keys are
/// taken from the kernel's console, which would act on some of them.
pub fn modesetting(devices: &Devices) -> String {
    let card = format!(
        r#"Section "Device"
    Identifier "card"
    Driver "modesetting"
    Option "kmsdev" "{}"
    Option "AccelMethod" "none"
EndSection
"#,
        devices.card
    );
    let evdev =
        |path: &str| format!("    Option \"Device\" \"{path}\"\n    Option \"GrabDevice\" \"true\"\n");
    [
        COMMON,
        &card,
        &input("keyboard", "evdev", &evdev(&devices.keyboard)),
        &input("pointer", "evdev", &evdev(&devices.pointer)),
    ]
    .concat()
}

fn input(name: &str, driver: &str, options: &str) -> String {
    format!(
        "Section \"InputDevice\"\n    Identifier \"{name}\"\n    Driver \"{driver}\"\n{options}EndSection\n"
    )
}

/// An authority file (Xau) with one cookie, good for any address.
pub fn authority(cookie: &[u8; 16]) -> Vec<u8> {
    const ANY: u16 = 0xffff;
    let name = b"MIT-MAGIC-COOKIE-1";
    let mut file = ANY.to_be_bytes().to_vec();
    for part in [&b""[..], b"0", name, cookie] {
        file.extend((part.len() as u16).to_be_bytes());
        file.extend(part);
    }
    file
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_section_ends_and_the_agent_is_named_only_if_there_is_one() {
        let devices =
            Devices { card: "/tmp/card".into(), keyboard: "/tmp/k".into(), pointer: "/tmp/p".into() };
        for text in [spiceqxl(false, false), spiceqxl(true, true), modesetting(&devices)] {
            let count = |word: &str| text.lines().filter(|line| line.starts_with(word)).count();
            assert_eq!(count("Section"), count("EndSection"), "{text}");
            assert_eq!(text.matches('"').count() % 2, 0);
            assert!(!text.contains("{") && text.contains("AutoAddDevices"));
        }
        let quiet = spiceqxl(false, false);
        assert!(!quiet.contains("Vdagent") && !quiet.contains("Playback"));
        assert!(spiceqxl(true, false).contains("127.0.0.1") && spiceqxl(false, true).contains(SOUND));
        assert!(modesetting(&devices).contains("\"/tmp/card\""));
    }

    #[test]
    fn an_authority_is_what_xau_reads() {
        let file = authority(&[7; 16]);
        assert_eq!(file[..8], [0xff, 0xff, 0, 0, 0, 1, b'0', 0]);
        assert_eq!(file.len(), 2 + 2 + 2 + 1 + 2 + 18 + 2 + 16);
        assert!(file.ends_with(&[7; 16]));
    }
}
