//! Tests that need a process of their own, because what they set (umask, limits) holds for a whole process: the test starts
//! itself again and plays the other part there.

use std::path::{Path, PathBuf};
use std::process::Command;

const DIR: &str = "KEYWARD_TEST_CHILD_DIR";

/// Where the child shall work; `None` in the parent.
pub(crate) fn dir() -> Option<PathBuf> {
    std::env::var_os(DIR).map(Into::into)
}

/// Runs the test of that full name in a child, after `prelude` in a shell. Fails when the child does.
pub(crate) fn run(test: &str, dir: &Path, prelude: &str) {
    let output = Command::new("sh")
        .args(["-c", &format!("{prelude}; exec \"$0\" \"$@\"")])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env(DIR, dir)
        .output()
        .unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "the child failed: {}\n{out}\n{err}", output.status);
    assert!(out.contains("1 passed"), "the child ran nothing: {out}");
}
