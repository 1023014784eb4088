// SPDX-License-Identifier: LGPL-2.1-or-later
//! `Exec` lines: their field codes become arguments.

use super::App;
use gtk::glib;
use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

/// Program and arguments of an app.
#[must_use]
pub fn expand(app: &App, files: &[PathBuf]) -> Vec<OsString> {
    let words = glib::shell_parse_argv(app.exec.as_str()).unwrap_or_default();
    let mut argv = Vec::new();
    let mut placed = false;
    for word in words {
        match word.as_bytes() {
            // Paths serve where addresses are meant: both are local files.
            b"%f" | b"%u" => {
                argv.extend(files.first().map(|path| path.clone().into_os_string()));
                placed = true;
            }
            b"%F" | b"%U" => {
                argv.extend(files.iter().map(|path| path.clone().into_os_string()));
                placed = true;
            }
            b"%i" if !app.icon.is_empty() => argv.extend(["--icon".into(), app.icon.clone().into()]),
            b"%i" | b"%d" | b"%D" | b"%n" | b"%N" | b"%v" | b"%m" => {}
            word => placed |= fill(app, word, files, &mut argv),
        }
    }
    if !placed {
        argv.extend(files.iter().map(|path| path.clone().into_os_string()));
    }
    argv
}

/// Field codes inside a word, which takes one file: where it could take more,
/// the others follow as words of their own, as everywhere on the desktop.
/// Whether it named the files.
fn fill(app: &App, word: &[u8], files: &[PathBuf], argv: &mut Vec<OsString>) -> bool {
    let first = files.first().map_or(Path::new(""), PathBuf::as_path);
    let (mut out, mut rest) = (Vec::new(), word.iter());
    let (mut placed, mut more) = (false, false);
    while let Some(byte) = rest.next() {
        if *byte != b'%' {
            out.push(*byte);
            continue;
        }
        match rest.next() {
            Some(b'%') => out.push(b'%'),
            Some(b'c') => out.extend_from_slice(app.name.as_bytes()),
            Some(b'k') => out.extend_from_slice(app.file.as_os_str().as_bytes()),
            Some(code @ (b'f' | b'u' | b'F' | b'U')) => {
                out.extend_from_slice(first.as_os_str().as_bytes());
                placed = true;
                more |= code.is_ascii_uppercase();
            }
            _ => {}
        }
    }
    argv.push(OsString::from_vec(out));
    if more {
        argv.extend(files.iter().skip(1).map(|path| path.clone().into_os_string()));
    }
    placed
}
