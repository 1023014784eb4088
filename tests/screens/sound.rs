// SPDX-License-Identifier: LGPL-2.1-or-later
//! A tone that a sandbox plays is heard, unless it is muted or not allowed.

use crate::program::{Glass, BOOT};
use crate::sandboxes::open;
use std::path::Path;

/// Samples of two channels in a second.
const RATE: usize = 48_000;
/// What is played: ALSA's own test, in both channels in turns.
const TONE: &str = "speaker-test -t sine -f 440 -c 2 >/dev/null 2>&1 & sleep 1000";

/// The left channel's samples so far.
fn left(file: &Path) -> Vec<i16> {
    let bytes = std::fs::read(file).unwrap_or_default();
    bytes.chunks_exact(4).map(|both| i16::from_le_bytes([both[0], both[1]])).collect()
}

/// How often in a second the loud samples at the end change from below to
/// above, and how many there are.
fn pitch(samples: &[i16]) -> (usize, usize) {
    let loud = |sample: &i16| sample.unsigned_abs() > 200;
    let from = samples.iter().position(loud).unwrap_or(samples.len());
    let tone = &samples[from..samples.len().min(from + RATE)];
    let rises = tone.windows(2).filter(|pair| pair[0] < 0 && pair[1] >= 0).count();
    (rises * RATE / tone.len().max(1), tone.len())
}

#[gtk::test]
fn a_container_is_heard() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("heard");
    // What spice-glib plays with: here into a file, as it comes.
    let sink = "appsrc is-live=1 do-timestamp=0 name=appsrc ! filesink name=audiosink sync=false async=false";
    let sink = format!("{sink} buffer-mode=unbuffered location={}", file.display());
    std::env::set_var("SPICE_GST_AUDIOSINK", sink);
    let scene = open();
    let screen = scene.run_profile(Glass::Container, TONE, |profile| profile.display.sound = true);
    scene.within(BOOT, "a second of the tone", || pitch(&left(&file)).1 >= RATE);
    let (pitch, _) = pitch(&left(&file));
    assert!((420..=460).contains(&pitch), "{pitch} Hz");
    screen.set_muted(true);
    scene.pass(500);
    let before = left(&file).len();
    scene.pass(1000);
    assert_eq!(left(&file).len(), before, "it is muted");
    screen.set_muted(false);
    scene.within(BOOT, "it is heard again", || left(&file).len() > before);
    std::env::remove_var("SPICE_GST_AUDIOSINK");
}

#[gtk::test]
fn without_leave_nothing_can_be_played() {
    let scene = open();
    let script = "speaker-test -t sine -c 2 -l 1 >/dev/null 2>&1; echo \"played: $?\"; \
                  ls /tmp/.X11-unix/sound; sleep 1000";
    let screen = scene.run_shown(Glass::Container, script);
    let said = || scene.window.runs.current().map(|tab| tab.text()).unwrap_or_default();
    scene.within(BOOT, "it tried", || said().contains("played: 1"));
    assert!(!screen.may_sound());
}
