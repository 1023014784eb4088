// SPDX-License-Identifier: LGPL-2.1-or-later
//! An X server without a screen, whose picture lies in a file.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::FileExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::stream::{HEIGHT, WIDTH};

/// The pixel that is watched lies so far from the middle, where the X server
/// draws its pointer.
const BESIDE: u32 = 24;

pub struct Screen {
    process: Child,
    /// Puts windows over the whole screen.
    manager: Child,
    pub display: String,
    file: File,
    /// Where in the file the pixel lies that is watched.
    middle: u64,
    _folder: tempfile::TempDir,
}

impl Screen {
    pub fn start() -> Screen {
        let folder = tempfile::tempdir().expect("a folder");
        let mut process = Command::new("Xvfb")
            .args(["-displayfd", "1", "-nolisten", "tcp", "-screen", "0"])
            .arg(format!("{WIDTH}x{HEIGHT}x24"))
            .arg("-fbdir")
            .arg(folder.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("Xvfb can be run");
        let mut number = String::new();
        let output = process.stdout.take().expect("its output");
        BufReader::new(output).read_line(&mut number).expect("the number of the display");
        let file = File::open(folder.path().join("Xvfb_screen0")).expect("the screen's file");
        let middle = place(&file);
        let display = format!(":{}", number.trim());
        let manager = Command::new("openbox")
            .env("DISPLAY", &display)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("openbox can be run");
        // It says nowhere that it is ready.
        std::thread::sleep(Duration::from_secs(1));
        Screen { process, manager, display, file, middle, _folder: folder }
    }

    fn pixel(&self) -> u32 {
        let mut bytes = [0; 4];
        self.file.read_exact_at(&mut bytes, self.middle).expect("the file is as large as the screen");
        u32::from_le_bytes(bytes) & 0xff_ffff
    }

    /// Whether the stream is seen.
    pub fn shows_stream(&self) -> bool {
        crate::stream::is_mark(self.pixel())
    }

    /// How often another picture was shown in a time.
    pub fn count_changes(&self, time: Duration) -> u32 {
        let (begun, mut last, mut count) = (Instant::now(), self.pixel(), 0);
        while begun.elapsed() < time {
            std::thread::sleep(Duration::from_millis(2));
            let now = self.pixel();
            if now != last {
                assert!(crate::stream::is_mark(now), "something else is in front: {now:06x}");
                (last, count) = (now, count + 1);
            }
        }
        count
    }

    /// Processor seconds that the X server used.
    pub fn time(&self) -> f64 {
        processor_time(self.process.id())
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        for process in [&mut self.manager, &mut self.process] {
            process.kill().ok();
            process.wait().ok();
        }
    }
}

/// The header of an X window dump has its own length, the length of a row
/// and the number of colours, of twelve bytes each, that follow it.
fn place(file: &File) -> u64 {
    let field = |at: u64| {
        let mut bytes = [0; 4];
        file.read_exact_at(&mut bytes, at * 4).expect("a header");
        u64::from(u32::from_be_bytes(bytes))
    };
    let (header, row, colours) = (field(0), field(12), field(19));
    header + colours * 12 + row * u64::from(HEIGHT / 2 - BESIDE) + u64::from(WIDTH / 2 - BESIDE) * 4
}

/// The processor seconds that a process used, all its threads together.
pub fn processor_time(id: u32) -> f64 {
    let line = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    let fields: Vec<&str> = line.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<f64>().ok()).unwrap_or(0.0);
    // Counted by the kernel in hundredths on every usual system.
    (ticks(11) + ticks(12)) / 100.0
}
