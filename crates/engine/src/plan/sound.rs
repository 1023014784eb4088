// SPDX-License-Identifier: LGPL-2.1-or-later
//! What a sandbox's programs play through, and listen through: ALSA, and a
//! server for those that speak PulseAudio alone.

use super::build::bytes;
use crate::host::Host;
use crate::profile::{Isolation, Passes};
use terrarium_protocol::display::SoundServer;
use terrarium_protocol::orders::File;
use terrarium_protocol::Bytes;

/// ALSA's settings where no sound device is: what is played goes, at the pace
/// of its reader, into the FIFO that init makes. The rate is the one that SPICE
/// plays best.
const ALSA: &str = r#"pcm.!default {
    type plug
    slave {
        pcm {
            type file
            file "/tmp/.X11-unix/sound/playback"
            format "raw"
            slave.pcm { type null }
        }
        format S16_LE
        rate 48000
        channels 2
    }
    hint { show on description "Terrarium" }
}
"#;
const ALSA_FILE: &str = "/run/terrarium/asound.conf";
/// The FIFO of a container's server of sound; beside that of ALSA, and played
/// together with it.
const FIFO: &str = "/tmp/.X11-unix/sound/pulse";
/// How every server of sound is started: nothing but what is named here, no
/// files of its own, and for as long as the sandbox lasts.
const OPTIONS: &[&str] = &[
    "-n",
    "--daemonize=no",
    "--use-pid-file=no",
    "--exit-idle-time=-1",
    "--realtime=no",
    "--high-priority=no",
    "--log-target=stderr",
    "--log-level=error",
];

/// ALSA's settings in a container.
pub(super) fn alsa_file() -> File {
    File { path: ALSA_FILE.into(), content: ALSA.into() }
}

fn folder(host: &Host) -> String {
    format!("/run/user/{}/pulse", host.user.uid)
}

/// The server, if something may be heard and there is one.
pub(super) fn server(host: &Host, isolation: Isolation, passes: Passes) -> Option<SoundServer> {
    let program = host.display.pulseaudio.as_deref().filter(|_| passes.sound || passes.microphone)?;
    let folder = folder(host);
    let mut modules =
        vec![format!("module-native-protocol-unix auth-cookie-enabled=0 socket={folder}/native")];
    // A machine's device; the microphone is there if it may be.
    let device = "device=hw:0 rate=48000 channels=2";
    match isolation {
        Isolation::Container => modules.push(format!(
            "module-pipe-sink sink_name=screen file={FIFO} format=s16le rate=48000 channels=2"
        )),
        Isolation::Machine => {
            modules.extend(passes.sound.then(|| format!("module-alsa-sink sink_name=screen {device}")));
            modules
                .extend(passes.microphone.then(|| format!("module-alsa-source source_name=here {device}")));
        }
    }
    // Who plays nothing costs nothing.
    modules.push("module-suspend-on-idle timeout=5".to_owned());
    let load = modules.iter().flat_map(|module| ["-L".into(), Bytes::from(module.as_str())]);
    let options = OPTIONS.iter().map(|option| Bytes::from(*option));
    Some(SoundServer {
        argv: std::iter::once(bytes(program)).chain(options).chain(load).collect(),
        environment: vec![
            ("PULSE_STATE_PATH".into(), folder.as_str().into()),
            // It would call for a bus that nobody else needs.
            ("DBUS_SESSION_BUS_ADDRESS".into(), "disabled:".into()),
        ],
    })
}

/// What makes programs find ALSA's settings and the server. `fifo`: what ALSA
/// plays goes into one. `sound`: something may be heard.
pub(super) fn environment(host: &Host, fifo: bool, sound: bool) -> Vec<(Bytes, Bytes)> {
    let mut all = Vec::new();
    if fifo {
        all.push(("ALSA_CONFIG_PATH".into(), ALSA_FILE.into()));
    }
    if sound && host.display.pulseaudio.is_some() {
        all.push(("PULSE_SERVER".into(), format!("unix:{}/native", folder(host)).as_str().into()));
        // The server asks for none, and programs make one, at home.
        all.push(("PULSE_COOKIE".into(), format!("{}/cookie", folder(host)).as_str().into()));
    }
    all
}
