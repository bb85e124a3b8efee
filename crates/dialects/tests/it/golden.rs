//! Golden files: one for each case, readable, with what changes from run to run blacked out.
//!
//! `KEYWARD_BLESS=1 cargo test -p dialects golden` writes them. A file that no case refers to fails the run.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

fn root(dialect: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(dialect)
}

fn blessing() -> bool {
    std::env::var_os("KEYWARD_BLESS").is_some()
}

/// Compares `text` with the dialect's file, or writes the file.
pub fn compare(dialect: &str, path: &str, text: &str) {
    let file = root(dialect).join(path);
    if blessing() {
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, text).unwrap();
    }
    let golden = std::fs::read_to_string(&file)
        .unwrap_or_else(|_| panic!("{path} is missing; KEYWARD_BLESS=1 writes it"));
    assert!(text == golden, "{path} differs; the answer is now:\n{text}\nit was:\n{golden}");
}

/// The cases of one run.
pub struct Book<Code> {
    dialect: &'static str,
    paths: BTreeSet<String>,
    /// Which codes each operation was seen to answer.
    pub codes: BTreeMap<String, BTreeSet<Code>>,
}

impl<Code: Ord> Book<Code> {
    pub fn of(dialect: &'static str) -> Self {
        Self { dialect, paths: BTreeSet::new(), codes: BTreeMap::new() }
    }

    /// Compares the text of a case, an answer with this code, with the file `<folder>/<case>.txt`.
    pub fn page(&mut self, folder: &str, case: &str, code: Code, text: &str) {
        let path = format!("{folder}/{case}.txt");
        compare(self.dialect, &path, text);
        assert!(self.paths.insert(path), "{folder}/{case} occurs twice");
        self.codes.entry(folder.to_owned()).or_default().insert(code);
    }

    /// Fails when there are files that no case refers to.
    pub fn close(&self) {
        let root = root(self.dialect);
        let mut stale = Vec::new();
        for folder in std::fs::read_dir(&root).unwrap().map(|entry| entry.unwrap().path()) {
            for file in std::fs::read_dir(&folder).into_iter().flatten().map(|entry| entry.unwrap().path()) {
                let path = file.strip_prefix(&root).unwrap().to_str().unwrap().replace('\\', "/");
                if !self.paths.contains(&path) {
                    stale.push(path);
                }
            }
        }
        assert!(stale.is_empty(), "no case refers to {stale:?}");
    }
}
