//! `keyward authorized-keys`: what sshd runs for each key that a client offers. It loads no settings and starts no runtime, so
//! that a login waits a few milliseconds for it (`cargo xtask bench --only ssh`).

use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::gate_socket::{ask_gate, tell_system_log};
use super::{Failure, print};
use crate::gate::AUTHORIZED_KEYS;

/// How long sshd waits for a server that does not answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// Print the line that lets an SSH key log in (for sshd's AuthorizedKeysCommand)
///
/// Asks the running server over the gate's socket whether the key that a client offers opens the login, and prints its line
/// of authorized_keys, or nothing. Loads no settings. Exits with 1 when the server is away or cannot tell; sshd then
/// knows no key.
#[derive(Args, Clone, Debug)]
#[command(after_long_help = "\
In sshd_config:
  AuthorizedKeysCommand /usr/bin/keyward authorized-keys %u %f %t %k
  AuthorizedKeysCommandUser keyward")]
pub struct AuthorizedKeysArgs {
    /// The gate's socket
    #[arg(long, value_name = "PATH", default_value = "/run/keyward/gate.sock")]
    pub socket: PathBuf,
    /// %u: the login
    pub login: String,
    /// %f: the fingerprint of the key
    pub fingerprint: String,
    /// %t: the type of the key
    #[arg(value_name = "TYPE")]
    pub kind: String,
    /// %k: the key, in base64
    pub key: String,
}

pub(super) fn run(args: &AuthorizedKeysArgs, out: &mut dyn Write) -> Result<(), Failure> {
    match ask(args) {
        Ok(line) => print(out, &line),
        Err(problem) => {
            let sentence = format!("no key for {}: {problem}", visible(&args.login));
            tell_system_log(&sentence);
            Err(Failure(sentence))
        }
    }
}

fn ask(args: &AuthorizedKeysArgs) -> Result<String, String> {
    let AuthorizedKeysArgs { login, fingerprint, kind, key, .. } = args;
    let query = [("login", login), ("fingerprint", fingerprint), ("type", kind), ("key", key)];
    let query = query.map(|(name, value)| (name, value.as_str()));
    let (status, body) = ask_gate(&args.socket, "GET", AUTHORIZED_KEYS, &query, PATIENCE)?;
    if status == "200" { Ok(body) } else { Err(format!("the server answers {status}")) }
}

/// A login that a client made up, as text that a log can show.
fn visible(login: &str) -> String {
    login.chars().take(64).map(|c| if c.is_ascii_graphic() { c } else { '?' }).collect()
}
