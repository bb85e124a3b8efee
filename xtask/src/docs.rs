//! `cargo xtask docs`: pages that are written by the program itself. Tests compare them with what it would write now.

use std::fs;
use std::process::Command;

use crate::process::root;

/// Writes each page anew.
pub(crate) fn write() -> Result<(), String> {
    let page = root().join("docs/cli.md");
    let output = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["run", "--quiet", "--package", "keyward", "--", "man", "--format", "markdown"])
        .current_dir(root())
        .output()
        .map_err(|error| format!("the program cannot be built: {error}"))?;
    if !output.status.success() {
        return Err(format!("`keyward man` failed: {}", String::from_utf8_lossy(&output.stderr)));
    }
    fs::write(&page, output.stdout)
        .map_err(|error| format!("{} cannot be written: {error}", page.display()))?;
    println!("wrote {}", page.display());
    Ok(())
}
