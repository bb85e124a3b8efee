//! The `keyward` binary: hands the process's arguments, environment and streams to the command line.

use std::io;

use keyward::cli::{self, Exit};

fn main() -> Exit {
    let environment = std::env::vars_os().collect();
    cli::run(std::env::args_os(), environment, &mut io::stdin(), &mut io::stdout(), &mut io::stderr())
}
