// SPDX-License-Identifier: LGPL-2.1-or-later
//! What is said where nothing runs.

use crate::common::traces::alone;
use crate::common::*;

#[test]
fn that_nothing_runs_is_said_on_a_terminal_alone() {
    let _alone = alone();
    let on_terminal = |line: String| {
        let output = User::Plain.command("script").args(["-qec", &line, "/dev/null"]).output().unwrap();
        out(&output).trim_end().to_owned()
    };
    let ctl = binary().display();
    assert_eq!(on_terminal(format!("{ctl} list")), "No sandbox runs.");
    assert_eq!(on_terminal(format!("{ctl} list 2>/dev/null")), "", "nothing on standard output");
    let output = User::Plain.ctl().arg("list").output().unwrap();
    assert_eq!((out(&output).as_str(), err(&output).as_str()), ("", ""));
}
