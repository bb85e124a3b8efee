//! The `keyward` binary: hands the process's arguments, environment and streams to the command line.

use std::io;

use keyward::cli::{self, Exit};

fn main() -> Exit {
    cli::run(std::env::args_os(), std::env::vars_os().collect(), &mut io::stdout(), &mut io::stderr())
}
