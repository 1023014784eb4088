// SPDX-License-Identifier: LGPL-2.1-or-later
//! Which modules are needed: `modules.dep`, `modules.softdep`,
//! `modules.builtin`.

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::path::Path;

/// Largest index file that is read, in bytes; Debian's is 0.6 MB.
const MAX: u64 = 32 * 1024 * 1024;

/// What a kernel's index files say.
#[derive(Debug, Default)]
pub struct Index {
    /// Name -> path below the modules' directory, and what it depends on.
    modules: HashMap<String, (String, Vec<String>)>,
    /// Name -> modules before and after it.
    soft: HashMap<String, (Vec<String>, Vec<String>)>,
    builtin: BTreeSet<String>,
}

impl Index {
    /// Reads the index of a directory; `None` without a readable one.
    pub fn read(directory: &Path) -> Option<Self> {
        let text = |name: &str| {
            let path = directory.join(name);
            fs::metadata(&path).ok().filter(|metadata| metadata.len() <= MAX)?;
            fs::read(&path).ok().map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        };
        let dep = text("modules.dep")?;
        let soft = text("modules.softdep").unwrap_or_default();
        Some(Self::parse(&dep, &soft, &text("modules.builtin").unwrap_or_default()))
    }

    /// Reads the three files' texts. Lines of other forms count for nothing.
    pub fn parse(dep: &str, soft: &str, builtin: &str) -> Self {
        let mut index = Self::default();
        for (path, needs) in dep.lines().filter_map(|line| line.split_once(':')) {
            let needs = needs.split_whitespace().map(name).collect();
            index.modules.insert(name(path), (path.trim().to_owned(), needs));
        }
        for line in soft.lines().filter_map(|line| line.strip_prefix("softdep ")) {
            let mut words = line.split_whitespace();
            let Some(module) = words.next() else { continue };
            let entry = index.soft.entry(name(module)).or_default();
            let mut after = false;
            for word in words {
                match word {
                    "pre:" => after = false,
                    "post:" => after = true,
                    other if after => entry.1.push(wished(other)),
                    other => entry.0.push(wished(other)),
                }
            }
        }
        index.builtin = builtin.lines().map(name).collect();
        index
    }

    /// Whether a module exists or is built in.
    pub fn has(&self, module: &str) -> bool {
        let module = name(module);
        self.modules.contains_key(&module) || self.builtin.contains(&module)
    }

    /// Paths of the wanted modules and of all that they need, in the order of
    /// loading; what is built in or soft and missing is left out.
    pub fn closure(&self, wanted: &[&str]) -> Vec<String> {
        let mut order = Vec::new();
        let mut seen = BTreeSet::new();
        for module in wanted {
            self.visit(&name(module), &mut seen, &mut order);
        }
        order
    }

    /// Depth first, without recursion's risk: a hostile index can be as deep
    /// as it is long.
    fn visit(&self, module: &str, seen: &mut BTreeSet<String>, order: &mut Vec<String>) {
        enum Step {
            Enter(String),
            Leave(String),
        }
        let mut stack = vec![Step::Enter(module.to_owned())];
        while let Some(step) = stack.pop() {
            match step {
                Step::Enter(module) => {
                    if !seen.insert(module.clone()) {
                        continue;
                    }
                    let Some((path, needs)) = self.modules.get(&module) else { continue };
                    let (before, after) = self.soft.get(&module).cloned().unwrap_or_default();
                    stack.extend(after.into_iter().rev().map(Step::Enter));
                    stack.push(Step::Leave(path.clone()));
                    // modules.dep names the nearest first.
                    stack.extend(before.into_iter().rev().map(Step::Enter));
                    stack.extend(needs.iter().cloned().map(Step::Enter));
                }
                Step::Leave(path) => order.push(path),
            }
        }
    }
}

/// A module by what it can do: the one that runs on every processor.
fn wished(word: &str) -> String {
    match word {
        "crypto-crc32c" => "crc32c_generic".to_owned(),
        other => name(other),
    }
}

/// The name of a module in any of its forms: `kernel/fs/9p/9p.ko.xz`,
/// `virtio-gpu`, `virtio_gpu`.
pub fn name(path: &str) -> String {
    let file = path.trim().rsplit('/').next().unwrap_or_default();
    let stem = file.split(".ko").next().unwrap_or_default();
    stem.replace('-', "_")
}
