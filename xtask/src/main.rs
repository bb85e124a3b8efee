//! Development tasks: `cargo xtask <task>`. Plain standard library, so that it builds in a second, except for the tasks
//! in `heavy`.

#[cfg(feature = "bench")]
mod bench;
mod ci;
mod docs;
#[cfg(feature = "kill-loop")]
mod harness;
mod heavy;
#[cfg(feature = "kill-loop")]
mod kill_loop;
mod process;
mod sdk;
mod tidy;

use std::process::ExitCode;

const USAGE: &str = "\
Usage: cargo xtask <task>

Tasks:
  test       everything that CI runs, in CI's order, up to the first failure
  tidy       textual checks of the source tree
  docs       writes docs/cli.md from the definitions of the commands, docs/api.md from the OpenAPI document
  sdk        the journeys of the clouds' official clients against a real server; `sdk NAME` for one dialect
  kill-loop  kills a server under load and checks that nothing acknowledged is lost; --cycles N --rotate --seed S --release
  bench      prints the figures that the product is held to; --keys N --quick";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result = match words.as_slice() {
        ["test"] => ci::test(),
        ["tidy"] => tidy::run(),
        ["docs"] => docs::write(),
        ["sdk"] => sdk::sdk(None),
        ["sdk", dialect] => sdk::sdk(Some(dialect)),
        ["kill-loop", rest @ ..] => heavy::kill_loop(rest),
        ["bench", rest @ ..] => heavy::bench(rest),
        #[cfg(feature = "bench")]
        ["bench-baseline", answer_file] => heavy::bench_baseline(answer_file),
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
