// SPDX-License-Identifier: LGPL-2.1-or-later
//! Folders of users, and sandboxes that see them.

use super::*;
use std::os::unix::fs::chown;
use std::os::unix::fs::MetadataExt;

/// A folder of a user's, below the home or wherever; gone at the end.
pub struct Folder {
    /// Where.
    pub path: PathBuf,
    user: User,
}

impl Folder {
    /// In a folder of somebody's.
    pub fn new(user: User, above: &Path) -> Self {
        let path = above.join(fresh_name("terrarium-share"));
        let folder = Self { path, user };
        folder.dir("");
        folder
    }

    /// In the home of who uses the glass.
    pub fn home(glass: Glass) -> Self {
        Self::new(glass.user(), &glass.user().home())
    }

    /// Gives something to the user.
    pub fn own(&self, path: &Path) {
        chown(path, Some(self.user.uid()), Some(self.user.uid())).unwrap();
    }

    /// A folder in it.
    pub fn dir(&self, name: &str) -> PathBuf {
        let path = self.path.join(name);
        fs::create_dir_all(&path).unwrap();
        self.own(&path);
        path
    }

    /// A file in it.
    pub fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path.join(name);
        fs::write(&path, text).unwrap();
        self.own(&path);
        path
    }

    /// What is in it.
    pub fn names(&self) -> Vec<String> {
        let mut all: Vec<String> = fs::read_dir(&self.path)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        all.sort();
        all
    }

    /// As `-m` has it.
    pub fn bind(&self, target: &str, rest: &str) -> String {
        format!("host-bind:{target}={}{rest}", self.path.display())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// `-m` for each, and a script.
pub fn with(glass: Glass, mounts: &[&str], script: &str) -> Output {
    let options: Vec<&str> = mounts.iter().flat_map(|mount| ["-m", mount]).collect();
    run(glass, &options, &["sh", "-c", script]).output().unwrap()
}

/// Names, sizes, modes, owners and times of all below a folder.
pub fn picture(path: &Path) -> Vec<String> {
    let mut all = Vec::new();
    let mut left = vec![path.to_owned()];
    while let Some(path) = left.pop() {
        let Ok(found) = path.symlink_metadata() else { continue };
        all.push(format!(
            "{} {:o} {} {} {} {}",
            path.display(),
            found.mode(),
            found.uid(),
            found.size(),
            found.mtime(),
            found.mtime_nsec()
        ));
        if found.is_dir() {
            left.extend(fs::read_dir(&path).into_iter().flatten().flatten().map(|entry| entry.path()));
        }
    }
    all.sort();
    all
}

/// A profile in a file, run by the user of the glass.
pub fn run_profile(glass: Glass, files: &str, options: &[&str], script: &str) -> Output {
    let folder = Folder::home(glass);
    let isolation = glass.option().trim_start_matches('-');
    let text = format!(
        "version = 1\nname = \"files test\"\nisolation = \"{isolation}\"\n[command]\nargv = [\"sh\", \"-c\", '''{script}''']\n\
         [display]\nkind = \"none\"\n[files]\n{files}"
    );
    let path = folder.file("x.terrarium", &text);
    let mut ctl = glass.user().ctl();
    ctl.arg("run")
        .arg("--profile")
        .arg(path)
        .args(options)
        .stdin(std::process::Stdio::null())
        .output()
        .unwrap()
}

/// Something mounted by root for a test.
pub struct Mounted(PathBuf);

impl Mounted {
    /// Mounts there.
    pub fn new(path: PathBuf, options: &[&str]) -> Self {
        let done = std::process::Command::new("mount").args(options).arg(&path).status().unwrap();
        assert!(done.success());
        Self(path)
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg(&self.0).status();
    }
}
