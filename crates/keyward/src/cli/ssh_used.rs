//! `keyward ssh-used`: what a login's forced command runs to say that a key opened the login. It is never in the login's way:
//! it loads no settings, waits a second at most, prints nothing and always succeeds.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::gate_socket::{ask_gate, tell_system_log};
use super::{Environment, Failure};
use crate::gate::SSH_USED;

/// How long a login waits for a server to take its word, and as long again for an answer.
const PATIENCE: Duration = Duration::from_millis(500);
/// Where sshd tells a login whose it is: the client's address is the first word.
const CONNECTION: &str = "SSH_CONNECTION";

/// Note that an SSH key opened a login (for a forced command)
///
/// sshd cannot tell Keyward which of the keys that it asks about opens a login; what runs in the login can. Prints nothing and
/// always succeeds: whatever goes wrong is told to the system's log, and the login goes on.
#[derive(Args, Clone, Debug)]
#[command(after_long_help = "\
In the server's settings:
  [ssh.logins.git]
  command = \"keyward ssh-used {key_id}; exec git-serve {user}\"")]
pub struct SshUsedArgs {
    /// The gate's socket
    #[arg(long, value_name = "PATH", default_value = "/run/keyward/gate.sock")]
    pub socket: PathBuf,
    /// {key_id}: the number of the key
    #[arg(value_name = "KEY_ID")]
    pub key: u32,
}

pub(super) fn run(args: &SshUsedArgs, environment: &Environment) -> Result<(), Failure> {
    let connection = environment.iter().find(|(name, _)| name == CONNECTION).map(|(_, value)| value);
    let source = connection.and_then(|value| value.to_str()).and_then(|text| text.split(' ').next());
    let key = args.key.to_string();
    let query = [("key", key.as_str()), ("source", source.unwrap_or_default())];
    let noted = match ask_gate(&args.socket, "POST", SSH_USED, &query, PATIENCE) {
        Ok((status, _)) if status == "204" => Ok(()),
        Ok((status, _)) => Err(format!("the server answers {status}")),
        Err(problem) => Err(problem),
    };
    if let Err(problem) = noted {
        tell_system_log(&format!("the use of SSH key {key} was not noted: {problem}"));
    }
    Ok(())
}
