//! `cargo xtask docs`: pages that are written by the program itself. Tests compare them with what it would write now.

use std::fs;
use std::process::Command;

use crate::process::{root, run};

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
    // The test that compares this page with the OpenAPI document writes it when asked to.
    let mut test = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    test.args(["test", "--quiet", "--package", "dialects", "--test", "it", "native::reference"]);
    run(test.current_dir(root()).env("KEYWARD_BLESS", "1"))?;
    println!("wrote {}", root().join("docs/api.md").display());
    Ok(())
}
