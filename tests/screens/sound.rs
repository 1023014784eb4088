// SPDX-License-Identifier: LGPL-2.1-or-later
//! A tone that a sandbox plays is heard, and a machine hears the microphone,
//! unless it is muted or not allowed.

use crate::clipboard::inside;
use crate::program::{skip, Glass, BOOT};
use crate::sandboxes::{open, Scene};
use terrarium::pages::screen::Screen;

/// Samples of two channels in a second.
const RATE: usize = 48_000;
/// What is played: ALSA's own test, in both channels in turns.
pub const TONE: &str = "speaker-test -t sine -f 440 -c 2 >/dev/null 2>&1";
/// The same for those that speak PulseAudio alone, an octave higher; and how
/// they record, as [`RECORD`] does.
const PULSE_TONE: &str = r#"perl -e '$s = pack "s<*", map { ($_) x 2 } map { 8000 * sin $_ * 880 / 48000 * 6.28318531 } 0 .. 47999;
    print $s for 1 .. 60' | setsid pacat --raw --rate=48000 --channels=2 --format=s16le >/dev/null 2>&1 &"#;
const PULSE_RECORD: &str =
    "timeout 60 parec --raw --rate=8000 --channels=1 --format=s16le | head -c 32000 | tail -c 16000 | od -An -v -td2";
/// What the microphone hears, the last second of two, as numbers. There are none
/// if there is no microphone.
const RECORD: &str =
    "arecord -q -t raw -f S16_LE -r 8000 -c 1 -d 2 2>/dev/null | tail -c 16000 | od -An -v -td2";
const RECORDED: usize = 8_000;

/// Where everything that is heard goes from now on, as it comes.
pub struct Ear(tempfile::TempDir);

impl Ear {
    pub fn new() -> Self {
        let ear = Self(tempfile::tempdir().expect("a folder"));
        // What spice-glib plays with.
        let sink =
            "appsrc is-live=1 do-timestamp=0 name=appsrc ! filesink name=audiosink sync=false async=false";
        // It is opened anew whenever the guest begins to play again.
        let sink = format!("{sink} append=true buffer-mode=unbuffered location={}", ear.file().display());
        std::env::set_var("SPICE_GST_AUDIOSINK", sink);
        ear
    }

    fn file(&self) -> std::path::PathBuf {
        self.0.path().join("heard")
    }

    /// The left channel's samples so far.
    fn left(&self) -> Vec<i16> {
        let bytes = std::fs::read(self.file()).unwrap_or_default();
        bytes.chunks_exact(4).map(|both| i16::from_le_bytes([both[0], both[1]])).collect()
    }
}

impl Drop for Ear {
    fn drop(&mut self) {
        std::env::remove_var("SPICE_GST_AUDIOSINK");
    }
}

/// The samples that are not silence, from the first on.
fn loud(samples: &[i16]) -> &[i16] {
    let from = samples.iter().position(|sample| sample.unsigned_abs() > 200).unwrap_or(samples.len());
    &samples[from..]
}

/// The pitch of a tone in Hz. A machine that is emulated leaves gaps: the usual
/// time from one rise to the next tells it.
fn pitch(samples: &[i16], rate: usize) -> usize {
    let rises = samples.windows(2).enumerate().filter(|(_, pair)| pair[0] < 0 && pair[1] >= 0);
    let rises: Vec<usize> = rises.map(|(at, _)| at).collect();
    let mut periods: Vec<usize> = rises.windows(2).map(|pair| pair[1] - pair[0]).collect();
    periods.sort_unstable();
    periods.get(periods.len() / 2).map_or(0, |period| rate / period)
}

/// What a program inside records.
fn record(scene: &Scene, how: &str) -> Vec<i16> {
    inside(scene, how).split_whitespace().map(|one| one.parse().expect("a sample")).collect()
}

/// Whether programs that speak PulseAudio alone can be tried here.
pub fn has_pulseaudio(name: &str) -> bool {
    let has = std::path::Path::new("/usr/bin/pulseaudio").exists();
    if !has {
        skip(name, "pulseaudio is not installed");
    }
    has
}

/// Of a sandbox that plays a tone.
pub fn is_heard(ear: &Ear, scene: &Scene, screen: &Screen) {
    scene.within(BOOT, "a second of the tone", || loud(&ear.left()).len() >= RATE);
    let pitch = pitch(loud(&ear.left()), RATE);
    assert!((420..=460).contains(&pitch), "{pitch} Hz");
    screen.set_muted(true);
    scene.pass(500);
    let before = ear.left().len();
    scene.pass(1000);
    assert_eq!(ear.left().len(), before, "it is muted");
    screen.set_muted(false);
    scene.within(BOOT, "it is heard again", || ear.left().len() > before);
    inside(scene, "pkill speaker-test");
    // What it plays itself it may record.
    assert_eq!(inside(scene, "ls /dev/snd 2>/dev/null | grep -c 'D.*c$'"), "0\n", "there is no microphone");
}

/// The same after a silence, of those that speak PulseAudio alone.
pub fn is_heard_through_pulseaudio(ear: &Ear, scene: &Scene) {
    // Its server lets go of the device meanwhile.
    let rests = || inside(scene, "pactl list short sinks | cut -f 5") == "SUSPENDED\n";
    scene.within(BOOT, "the device rests", rests);
    // What was under way.
    scene.pass(1000);
    let before = ear.left().len();
    inside(scene, PULSE_TONE);
    let since = || loud(&ear.left()[before..]).to_vec();
    scene.within(BOOT, "a second of the other tone", || since().len() >= RATE);
    let pitch = pitch(&since(), RATE);
    assert!((840..=920).contains(&pitch), "{pitch} Hz");
    inside(scene, "pkill pacat");
    // The sound that is played is there to be recorded; the microphone is not.
    let sources = inside(scene, "pactl list short sources | cut -f 2");
    assert_eq!(sources, "screen.monitor\n");
}

#[gtk::test]
fn a_container_is_heard() {
    let (ear, scene) = (Ear::new(), open());
    let script = format!("{TONE} & sleep 1000");
    let screen = scene.run_profile(Glass::Container, &script, |profile| profile.display.sound = true);
    is_heard(&ear, &scene, &screen);
    if has_pulseaudio("a_container_is_heard") {
        is_heard_through_pulseaudio(&ear, &scene);
    }
}

/// The microphone is GStreamer's own tone. What the machine plays is not heard.
#[gtk::test]
fn a_machine_hears_the_microphone_alone() {
    let (ear, scene) = (Ear::new(), open());
    let script = format!("{TONE} & sleep 1000");
    let screen = scene.run_profile(Glass::Machine, &script, |profile| profile.display.microphone = true);
    // It would set the mixer.
    scene.within(BOOT, "the agent", || screen.has_agent());
    // Where a recording begins there may be nothing yet: GStreamer comes with it.
    let hears = |how: &str| {
        scene.within(BOOT, how, || {
            let samples = record(&scene, how);
            let tone = loud(&samples);
            tone.len() > RECORDED / 2 && (420..=460).contains(&pitch(tone, RECORDED))
        });
    };
    hears(RECORD);
    if has_pulseaudio("a_machine_hears_the_microphone_alone") {
        hears(PULSE_RECORD);
    }
    assert!(!screen.may_sound() && ear.left().is_empty(), "nothing is heard");
}

/// Of a sandbox that may do nothing of it.
pub fn nothing_can_be_played(ear: &Ear, scene: &Scene, screen: &Screen) {
    assert_eq!(inside(scene, "speaker-test -t sine -c 2 -l 1 >/dev/null 2>&1; echo $?"), "1\n");
    let ways =
        "ls -A /dev/snd /tmp/.X11-unix/sound $XDG_RUNTIME_DIR/pulse/native 2>/dev/null; env | grep PULSE";
    assert_eq!(inside(scene, ways), "");
    assert!(record(scene, RECORD).is_empty(), "there is no microphone");
    assert!(!screen.may_sound() && ear.left().is_empty());
}
