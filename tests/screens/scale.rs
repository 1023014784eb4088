// SPDX-License-Identifier: LGPL-2.1-or-later
//! On a desktop with small pixels programs draw larger, and not twice as much
//! as they should.

use crate::program::{ctl, Glass};
use crate::programs::{beside, compiled};
use std::process::Command;

/// How high a line is, in pixels of the screen: with GTK, with Qt; then the
/// lines that xterm has on the whole of it.
const SCRIPT: &str = r#"cd "$XDG_RUNTIME_DIR"
    for one in /tmp/with-gtk "python3 /tmp/with-qt"; do
        $one >out & until grep text: out; do sleep 0.1; done; kill $!; wait $!
    done
    xterm -e sh -c 'sleep 1; stty size >size'; echo "lines:$(cut -d " " -f 1 size)""#;
const HEIGHT: f32 = 900.0;

/// Of GTK, Qt and xterm.
fn heights(glass: Glass, scale: u32) -> [f32; 3] {
    let mut command = Command::new(ctl());
    command.args(["run", "--display", "--headless", "--display-size", "1200x900"]);
    command.arg(format!("--display-scale={scale}"));
    command.arg(if glass == Glass::Container { "--container" } else { "--machine" });
    command.arg(format!("--include=/tmp/with-gtk={}", compiled().display()));
    command.arg(format!("--include=/tmp/with-qt={}", beside("program.py").display()));
    let output = command.args(["--", "sh", "-c", SCRIPT]).output().expect("terrariumctl");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let numbers: Vec<f32> = said.lines().filter_map(|line| line.split_once(':')?.1.parse().ok()).collect();
    let [gtk, qt, lines] = numbers[..] else {
        panic!("{said}{}", String::from_utf8_lossy(&output.stderr));
    };
    [gtk, qt, HEIGHT / lines]
}

#[test]
fn programs_draw_as_large_as_the_desktop_wants() {
    let usual = heights(Glass::Container, 1);
    for glass in [Glass::Container, Glass::Machine] {
        let twice = heights(glass, 2);
        println!("{glass:?}: {usual:?} and {twice:?} pixels");
        for (one, two) in usual.into_iter().zip(twice) {
            assert!((1.7..=2.3).contains(&(two / one)), "{glass:?}: {usual:?} and {twice:?}");
        }
    }
}
