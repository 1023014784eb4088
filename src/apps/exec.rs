// SPDX-License-Identifier: LGPL-2.1-or-later
//! `Exec` lines: their field codes become arguments.

use super::App;
use gtk::glib;
use std::ffi::OsString;
use std::path::PathBuf;

/// Program and arguments of an app.
#[must_use]
pub fn expand(app: &App, files: &[PathBuf]) -> Vec<OsString> {
    let words = glib::shell_parse_argv(app.exec.as_str()).unwrap_or_default();
    let mut argv = Vec::new();
    let mut placed = false;
    for word in words {
        let Some(word) = word.to_str() else {
            argv.push(word);
            continue;
        };
        match word {
            // Paths serve where addresses are meant: both are local files.
            "%f" | "%u" => {
                argv.extend(files.first().map(|path| path.clone().into_os_string()));
                placed = true;
            }
            "%F" | "%U" => {
                argv.extend(files.iter().map(|path| path.clone().into_os_string()));
                placed = true;
            }
            "%i" if !app.icon.is_empty() => argv.extend(["--icon".into(), app.icon.clone().into()]),
            "%i" | "%d" | "%D" | "%n" | "%N" | "%v" | "%m" => {}
            word => argv.push(fill(app, word, files).into()),
        }
    }
    if !placed {
        argv.extend(files.iter().map(|path| path.clone().into_os_string()));
    }
    argv
}

/// Field codes inside a word.
fn fill(app: &App, word: &str, files: &[PathBuf]) -> String {
    let (mut out, mut rest) = (String::new(), word.chars());
    while let Some(c) = rest.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        match rest.next() {
            Some('%') => out.push('%'),
            Some('c') => out.push_str(&app.name),
            Some('k') => out.push_str(&app.file.to_string_lossy()),
            Some('f' | 'u' | 'F' | 'U') => {
                out.push_str(&files.first().map(|path| path.to_string_lossy()).unwrap_or_default());
            }
            _ => {}
        }
    }
    out
}
