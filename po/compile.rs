// SPDX-License-Identifier: LGPL-2.1-or-later
//! For build scripts: translations of a program that is run from where it was
//! built. An installed one gets them from meson, which sets
//! `TERRARIUM_LOCALEDIR`.

use std::path::Path;
use std::process::Command;

/// Compiles what LINGUAS names; `top` is the checkout.
pub fn compile(top: &Path) {
    println!("cargo::rerun-if-env-changed=TERRARIUM_LOCALEDIR");
    println!("cargo::rerun-if-changed={}", top.join("po").display());
    let Some(out) = std::env::var_os("OUT_DIR") else { return };
    if std::env::var_os("TERRARIUM_LOCALEDIR").is_some() {
        return;
    }
    let folder = Path::new(&out).join("locale");
    let languages = std::fs::read_to_string(top.join("po/LINGUAS")).unwrap_or_default();
    for language in languages.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
        let messages = folder.join(language).join("LC_MESSAGES");
        let po = top.join("po").join(format!("{language}.po"));
        let made = std::fs::create_dir_all(&messages).is_ok()
            && Command::new("msgfmt")
                .arg("-o")
                .arg(messages.join("terrarium.mo"))
                .arg(po)
                .status()
                .is_ok_and(|status| status.success());
        if !made {
            println!("cargo::warning=no translation into {language}: is gettext installed?");
        }
    }
    println!("cargo::rustc-env=TERRARIUM_LOCALEDIR={}", folder.display());
}
