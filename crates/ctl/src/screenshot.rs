// SPDX-License-Identifier: LGPL-2.1-or-later
//! `screenshot`: a picture of a sandbox's screen, as PNG.

use crate::control::driver;
use crate::fault::Fault;
use crate::run::DONE;
use crate::Result;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use terrarium_engine::error::FileAction;
use terrarium_engine::sandbox::{Driver, Picture};
use terrarium_engine::{message, Error};
use terrarium_protocol::message::Refusal;

/// Takes it and writes it to a file, or to standard output (`-`).
pub fn screenshot(name: &str, file: &Path) -> Result {
    let driver = driver();
    let picture = driver.picture(&driver.find(name)?.id)?;
    let failed = |source| Error::File { action: FileAction::Write, path: file.to_owned(), source };
    let bytes = png(&picture).map_err(failed)?;
    let written = if file == Path::new("-") {
        let mut out = io::stdout().lock();
        out.write_all(&bytes).and_then(|()| out.flush())
    } else {
        replace(file, &bytes)
    };
    written.map_err(failed)?;
    Ok(DONE)
}

/// `log`
pub fn log(name: &str) -> Result {
    let driver = driver();
    let text = driver.log(&driver.find(name)?.id).map_err(|error| match error {
        Error::Refused(Refusal::NoScreen) => Fault::Usage(message::no_log(name)),
        error => error.into(),
    })?;
    // The sandbox's words: they may not move the terminal's cursor.
    let text = message::lines_shown(&text);
    let mut out = io::stdout().lock();
    let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    written.map_err(|source| Error::File { action: FileAction::Write, path: "-".into(), source })?;
    Ok(DONE)
}

fn png(picture: &Picture) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, picture.size.width, picture.size.height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::Fast);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&picture.pixels)?;
    writer.finish()?;
    Ok(bytes)
}

/// Writes a whole file or none: whoever reads meanwhile sees the old one.
fn replace(file: &Path, bytes: &[u8]) -> io::Result<()> {
    let name = file.file_name().ok_or(io::ErrorKind::IsADirectory)?;
    let mut fresh = name.to_owned();
    fresh.push(format!(".{}", std::process::id()));
    let fresh: PathBuf = file.with_file_name(fresh);
    let write = || {
        fs::OpenOptions::new().write(true).create_new(true).open(&fresh)?.write_all(bytes)?;
        fs::rename(&fresh, file)
    };
    write().inspect_err(|_| drop(fs::remove_file(&fresh)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use terrarium_protocol::display::ScreenSize;

    #[test]
    fn a_picture_is_a_png_with_its_pixels() {
        let pixels: Vec<u8> = (0..5 * 3 * 3).map(|number| number * 5).collect();
        let picture = Picture { size: ScreenSize { width: 5, height: 3 }, pixels: pixels.clone() };
        let bytes = png(&picture).unwrap();
        let mut reader = png::Decoder::new(io::Cursor::new(&bytes)).read_info().unwrap();
        let mut read = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut read).unwrap();
        assert_eq!((info.width, info.height, info.color_type), (5, 3, png::ColorType::Rgb));
        assert_eq!(read, pixels);
        let short = Picture { pixels: pixels[1..].to_vec(), ..picture };
        assert!(png(&short).is_err());
    }

    #[test]
    fn a_file_is_replaced_whole_or_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("picture.png");
        fs::write(&file, "old").unwrap();
        replace(&file, b"new").unwrap();
        assert_eq!(fs::read(&file).unwrap(), b"new");
        assert!(replace(&folder.path().join("none/picture.png"), b"").is_err());
        assert!(replace(folder.path(), b"").is_err() && replace(Path::new("/"), b"").is_err());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        let above = folder.path().parent().unwrap();
        let mut left = folder.path().file_name().unwrap().to_owned();
        left.push(format!(".{}", std::process::id()));
        assert!(!above.join(left).exists());
    }
}
