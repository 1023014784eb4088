// SPDX-License-Identifier: LGPL-2.1-or-later
//! Starts the window.

fn main() -> gtk::glib::ExitCode {
    terrarium::run()
}
