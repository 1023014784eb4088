// SPDX-License-Identifier: LGPL-2.1-or-later
//! What is shown: a screen on which everything moves.

use std::io;
use std::time::{Duration, Instant};

use crate::server::{heads, picture, shows, words, Channel, Server};

pub const WIDTH: u32 = 1920;
pub const HEIGHT: u32 = 1080;
/// The pictures that follow each other; each has its mark in the middle.
const PICTURES: u32 = 8;
/// The width of the mark, in pixels.
const MARK: u32 = 64;

/// The colour of a picture's mark.
fn mark(number: u32) -> u32 {
    0x00a0_5000 | number << 4
}

/// Whether a pixel is of a mark.
pub fn is_mark(pixel: u32) -> bool {
    (0..PICTURES).any(|number| mark(number) == pixel)
}

/// A server that sends so many pictures a second, or one and no more.
pub fn start(rate: u32) -> Server {
    let messages: Vec<Vec<u8>> = (0..PICTURES).map(message).collect();
    Server::start(shows(move |channel| {
        picture(channel, WIDTH, HEIGHT)?;
        heads(channel, &[[0, 0, WIDTH, HEIGHT, 0, 0, 0]])?;
        if rate == 0 {
            return send(channel, &messages[0]);
        }
        let (begun, pause) = (Instant::now(), Duration::from_secs(1) / rate);
        let mut number = 0_u32;
        loop {
            send(channel, &messages[(number % PICTURES) as usize])?;
            // A viewer that is slow misses pictures.
            number += 1;
            let due = pause * number;
            match due.checked_sub(begun.elapsed()) {
                Some(rest) => std::thread::sleep(rest),
                None => number = (begun.elapsed().as_nanos() / pause.as_nanos()) as u32,
            }
        }
    }))
}

fn send(channel: &mut Channel, message: &[u8]) -> io::Result<()> {
    channel.raw(message)
}

/// A picture that fills the screen, as it is: nothing has to be unpacked.
fn message(number: u32) -> Vec<u8> {
    // Surface; top, left, bottom, right; no clipping.
    let mut content = words(&[0, 0, 0, HEIGHT, WIDTH]);
    content.push(0);
    // Where the image is; the part of it; put; smoothly; no mask.
    let image = u32::try_from(content.len()).unwrap_or(0) + 4 + 16 + 3 + 13;
    content.extend(words(&[image, 0, 0, HEIGHT, WIDTH]));
    content.extend([8, 0, 1, 0]);
    content.extend(words(&[0, 0, 0]));
    // The image: number, a bitmap, no flags, size; 32 bits, downwards, size, row, no palette.
    content.extend(words(&[number + 1, 0]));
    content.extend([0, 0]);
    content.extend(words(&[WIDTH, HEIGHT]));
    content.extend([8, 4]);
    content.extend(words(&[WIDTH, HEIGHT, WIDTH * 4, 0]));
    let within = |at: u32, side: u32| at.abs_diff(side / 2) < MARK / 2;
    for y in 0..HEIGHT {
        for x in 0..WIDTH {
            let moving = (x + number * 40) ^ y;
            let pixel = if within(x, WIDTH) && within(y, HEIGHT) { mark(number) } else { moving & 0xff_ffff };
            content.extend(pixel.to_le_bytes());
        }
    }
    let mut message = 304_u16.to_le_bytes().to_vec();
    message.extend(u32::try_from(content.len()).unwrap_or(0).to_le_bytes());
    message.extend(content);
    message
}
