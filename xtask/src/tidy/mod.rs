//! `cargo xtask tidy`: rules of the source tree that the compiler does not know.
//!
//! Each check is a function from a [`Tree`] to findings, so that its tests run on small made-up trees and show
//! that it can fail. Add a check as a function here and to [`CHECKS`].

mod dialects;
mod layers;
mod lexer;
mod secrets;
mod sources;
mod threats;
mod tree;

use crate::process::root;
use tree::Tree;

/// Something to repair.
#[derive(Debug, PartialEq, Eq)]
struct Finding {
    path: String,
    /// Counted from 1; 0 when the finding is about the whole file or folder.
    line: usize,
    message: String,
}

impl Finding {
    fn new(path: impl Into<String>, line: usize, message: impl Into<String>) -> Self {
        Self { path: path.into(), line, message: message.into() }
    }
}

const CHECKS: &[fn(&Tree) -> Vec<Finding>] = &[
    sources::long_files,
    sources::missing_heads,
    sources::forbidden_words,
    sources::machine_paths,
    sources::wildcards_in_errors,
    secrets::comparisons,
    layers::arrows,
    layers::randomness,
    dialects::agreement,
    threats::coverage,
];

/// Runs every check on the working tree and prints what to repair.
pub(crate) fn run() -> Result<(), String> {
    let tree = Tree::read(&root())?;
    let mut findings: Vec<Finding> = CHECKS.iter().flat_map(|check| check(&tree)).collect();
    findings.sort_by(|one, other| (&one.path, one.line).cmp(&(&other.path, other.line)));
    for Finding { path, line, message } in &findings {
        if *line == 0 {
            println!("{path}: {message}");
        } else {
            println!("{path}:{line}: {message}");
        }
    }
    match findings.len() {
        0 => {
            println!("{} files are tidy.", tree.len());
            Ok(())
        }
        count => Err(format!("{count} untidy places")),
    }
}
