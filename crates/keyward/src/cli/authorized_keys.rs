//! `keyward authorized-keys`: what sshd runs for each key that a client offers. It loads no settings and starts no runtime, so
//! that a login waits about a millisecond for it.

use std::io::{Read, Write};
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use signing::encode::form_encode;

use super::{Failure, print};
use crate::gate::AUTHORIZED_KEYS;

/// How long sshd waits for a server that does not answer.
const PATIENCE: Duration = Duration::from_secs(2);
/// The longest answer that is read: one key with its options.
const MAX_ANSWER_BYTES: u64 = 64 * 1024;

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
    let query: Vec<String> = [("login", login), ("fingerprint", fingerprint), ("type", kind), ("key", key)]
        .map(|(name, value)| format!("{name}={}", form_encode(value.as_bytes())))
        .into();
    let request = format!(
        "GET {AUTHORIZED_KEYS}?{} HTTP/1.1\r\nHost: gate\r\nConnection: close\r\n\r\n",
        query.join("&")
    );
    let answer = exchange(&args.socket, request.as_bytes())
        .map_err(|error| format!("the server at {} does not answer: {error}", args.socket.display()))?;
    let (head, body) = answer.split_once("\r\n\r\n").ok_or("the server's answer was cut off")?;
    let status = head.split(' ').nth(1).unwrap_or_default();
    if status == "200" { Ok(body.to_owned()) } else { Err(format!("the server answers {status}")) }
}

fn exchange(socket: &Path, request: &[u8]) -> std::io::Result<String> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.write_all(request)?;
    let mut answer = String::new();
    stream.take(MAX_ANSWER_BYTES).read_to_string(&mut answer)?;
    Ok(answer)
}

/// sshd throws the standard error of its command away, so the reason goes to the system's log as well.
fn tell_system_log(sentence: &str) {
    /// Facility `authpriv`, severity `error`.
    const PRIORITY: u8 = 10 * 8 + 3;
    let line = format!("<{PRIORITY}>keyward[{}]: {sentence}", std::process::id());
    // Where nobody collects a log there is nobody to tell.
    let _ = UnixDatagram::unbound().and_then(|socket| socket.send_to(line.as_bytes(), "/dev/log"));
}

/// A login that a client made up, as text that a log can show.
fn visible(login: &str) -> String {
    login.chars().take(64).map(|c| if c.is_ascii_graphic() { c } else { '?' }).collect()
}
