//! `keyward whoami`: does this key work, and whose is it?

use std::io::Write;

use clap::Args;

use super::client::Call;
use super::output::Column;
use super::{Environment, Failure, RemoteArgs, Session};

/// Show whose key you sign with, and what it may do
#[derive(Args, Clone, Debug, Default)]
#[command(after_long_help = "\
Examples:
  keyward whoami
  keyward whoami --profile production")]
pub struct WhoamiArgs {
    /// The server.
    #[command(flatten)]
    pub remote: RemoteArgs,
}

const FIELDS: [Column; 6] = [
    ("account", "/account/name"),
    ("user", "/user/name"),
    ("role", "/user/role"),
    ("access key", "/access_key/id"),
    ("schemes", "/access_key/schemes"),
    ("expires", "/access_key/expires_at"),
];

/// Runs the command.
///
/// # Errors
/// One sentence that says what to do.
pub fn run(args: &WhoamiArgs, environment: &Environment, out: &mut dyn Write) -> Result<(), Failure> {
    Session::open(&args.remote, environment)?.ask(&Call::get(&["whoami"], &[]), &FIELDS, out)
}
