//! How a target is started: by libFuzzer, or without it on files.

use std::io;

/// The `main` of a target's program. Under `cargo fuzz` libFuzzer brings inputs; otherwise each argument is a file to try
/// once, so that a crash can be looked at on the stable toolchain.
#[macro_export]
macro_rules! entry {
    ($target:ident) => {
        #[cfg(fuzzing)]
        libfuzzer_sys::fuzz_target!(|data: &[u8]| $crate::$target(data));

        #[cfg(not(fuzzing))]
        fn main() -> std::io::Result<()> {
            $crate::replay($crate::$target)
        }
    };
}

/// Runs `target` on each file named on the command line.
///
/// # Errors
/// When a file cannot be read.
pub fn replay(target: fn(&[u8])) -> io::Result<()> {
    for path in std::env::args_os().skip(1) {
        println!("{}", path.display());
        target(&std::fs::read(path)?);
    }
    Ok(())
}
