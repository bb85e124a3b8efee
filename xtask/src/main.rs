//! Development tasks: `cargo xtask <task>`. Plain standard library, so that it builds in a second.

mod ci;
mod process;
mod sdk;
mod tidy;

use std::process::ExitCode;

const USAGE: &str = "\
Usage: cargo xtask <task>

Tasks:
  test    everything that CI runs, in CI's order, up to the first failure
  tidy    textual checks of the source tree
  sdk     the journeys of the clouds' official clients against a real server; `sdk NAME` for one dialect";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result = match words.as_slice() {
        ["test"] => ci::test(),
        ["tidy"] => tidy::run(),
        ["sdk"] => sdk::sdk(None),
        ["sdk", dialect] => sdk::sdk(Some(dialect)),
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(sentence) => {
            eprintln!("\nxtask: {sentence}");
            ExitCode::FAILURE
        }
    }
}
