//! Tasks that need more than the standard library. Built without their feature, this program runs itself again with it,
//! so that the everyday tasks build in a second.

/// Kills a server under load and checks that nothing acknowledged is lost.
#[cfg(feature = "kill-loop")]
pub(crate) fn kill_loop(arguments: &[&str]) -> Result<(), String> {
    crate::kill_loop::main(arguments).map_err(|error| format!("{error:#}"))
}

/// Kills a server under load and checks that nothing acknowledged is lost.
#[cfg(not(feature = "kill-loop"))]
pub(crate) fn kill_loop(arguments: &[&str]) -> Result<(), String> {
    again(&["--features", "kill-loop"], "kill-loop", arguments)
}

/// Prints the table of figures.
#[cfg(feature = "bench")]
pub(crate) fn bench(arguments: &[&str]) -> Result<(), String> {
    crate::bench::main(arguments).map_err(|error| format!("{error:#}"))
}

/// Prints the table of figures.
#[cfg(not(feature = "bench"))]
pub(crate) fn bench(arguments: &[&str]) -> Result<(), String> {
    again(&["--release", "--features", "bench"], "bench", arguments)
}

/// The process that the figures are compared with; only `bench` starts it.
#[cfg(feature = "bench")]
pub(crate) fn bench_baseline(answer_file: &str) -> Result<(), String> {
    crate::bench::baseline::main(answer_file).map_err(|error| format!("{error:#}"))
}

#[cfg(not(all(feature = "kill-loop", feature = "bench")))]
fn again(how: &[&str], task: &str, arguments: &[&str]) -> Result<(), String> {
    let run = [&["run", "--package", "xtask"], how, &["--", task], arguments].concat();
    crate::process::cargo(&run)
}
