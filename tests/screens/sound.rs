// SPDX-License-Identifier: LGPL-2.1-or-later
//! A tone that a sandbox plays is heard, and a machine hears the microphone,
//! unless it is muted or not allowed.

use crate::clipboard::inside;
use crate::program::{Glass, BOOT};
use crate::sandboxes::{open, Scene};

/// Samples of two channels in a second.
const RATE: usize = 48_000;
/// What is played: ALSA's own test, in both channels in turns.
const TONE: &str = "speaker-test -t sine -f 440 -c 2 >/dev/null 2>&1 & sleep 1000";
/// What the microphone hears, the last second of two, as numbers. There are none
/// if there is no microphone.
const RECORD: &str =
    "arecord -q -t raw -f S16_LE -r 8000 -c 1 -d 2 2>/dev/null | tail -c 16000 | od -An -v -td2";
const RECORDED: usize = 8_000;

/// Where everything that is heard goes from now on, as it comes.
struct Ear(tempfile::TempDir);

impl Ear {
    fn new() -> Self {
        let ear = Self(tempfile::tempdir().expect("a folder"));
        // What spice-glib plays with.
        let sink =
            "appsrc is-live=1 do-timestamp=0 name=appsrc ! filesink name=audiosink sync=false async=false";
        let sink = format!("{sink} buffer-mode=unbuffered location={}", ear.file().display());
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
fn record(scene: &Scene) -> Vec<i16> {
    inside(scene, RECORD).split_whitespace().map(|one| one.parse().expect("a sample")).collect()
}

fn is_heard(glass: Glass) {
    let (ear, scene) = (Ear::new(), open());
    let screen = scene.run_profile(glass, TONE, |profile| profile.display.sound = true);
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
    // In a container ALSA has silence to record.
    assert!(loud(&record(&scene)).is_empty(), "there is no microphone");
}

#[gtk::test]
fn a_container_is_heard() {
    is_heard(Glass::Container);
}

#[gtk::test]
fn a_machine_is_heard() {
    is_heard(Glass::Machine);
}

/// The microphone is GStreamer's own tone. What the machine plays is not heard.
#[gtk::test]
fn a_machine_hears_the_microphone_alone() {
    let (ear, scene) = (Ear::new(), open());
    let screen = scene.run_profile(Glass::Machine, TONE, |profile| profile.display.microphone = true);
    let samples = record(&scene);
    let pitch = pitch(loud(&samples), RECORDED);
    assert!(loud(&samples).len() > RECORDED / 2, "{} of {}", loud(&samples).len(), samples.len());
    assert!((420..=460).contains(&pitch), "{pitch} Hz");
    assert!(!screen.may_sound() && ear.left().is_empty(), "nothing is heard");
}

#[gtk::test]
fn without_leave_nothing_can_be_played() {
    for glass in [Glass::Container, Glass::Machine] {
        let (ear, scene) = (Ear::new(), open());
        let script = "speaker-test -t sine -c 2 -l 1 >/dev/null 2>&1; echo \"played: $?\"; sleep 1000";
        let screen = scene.run_shown(glass, script);
        scene.within(BOOT, "it tried", || scene.said().contains("played: 1"));
        assert_eq!(inside(&scene, "ls -A /dev/snd /tmp/.X11-unix/sound 2>/dev/null"), "");
        assert!(record(&scene).is_empty(), "there is no microphone");
        assert!(!screen.may_sound() && ear.left().is_empty());
    }
}
