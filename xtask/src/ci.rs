//! `cargo xtask test`: exactly what CI runs.

use crate::process::cargo;
use crate::{heavy, sdk, tidy};

type Step = (&'static str, fn() -> Result<(), String>);

/// Cheap and frequent mistakes first.
const STEPS: &[Step] = &[
    ("format", || cargo(&["fmt", "--all", "--", "--check"])),
    ("clippy", || cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"])),
    ("clippy without default features", || {
        cargo(&[
            "clippy",
            "--package",
            "keyward",
            "--no-default-features",
            "--all-targets",
            "--",
            "-D",
            "warnings",
        ])
    }),
    ("clippy with the heavy tasks", || {
        cargo(&["clippy", "--package", "xtask", "--all-features", "--all-targets", "--", "-D", "warnings"])
    }),
    ("tidy", tidy::run),
    ("tests", || cargo(&["test", "--workspace"])),
    ("seeds of the fuzz targets", || cargo(&["test", "--manifest-path", "fuzz/Cargo.toml"])),
    ("official clients", || sdk::sdk(None)),
    ("kill loop", || heavy::kill_loop(&["--cycles", "25"])),
    ("kill loop with rotation of the master key", || heavy::kill_loop(&["--cycles", "10", "--rotate"])),
];

/// Runs every step up to the first failure, which it names.
pub(crate) fn test() -> Result<(), String> {
    for (number, (name, step)) in STEPS.iter().enumerate() {
        println!("\n==> {} of {}: {name}", number + 1, STEPS.len());
        step().map_err(|error| format!("step \"{name}\" failed: {error}"))?;
    }
    println!("\nAll {} steps passed.", STEPS.len());
    Ok(())
}
