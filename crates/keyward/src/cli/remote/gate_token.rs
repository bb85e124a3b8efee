//! `keyward gate-token`: which services may ask the gate over TCP.

use std::io::Write;

use clap::Subcommand;
use serde_json::{Value, json};

use super::client::Call;
use super::output::{Column, table};
use super::{Environment, Failure, RemoteArgs, Session};

/// List, make and revoke tokens with which services ask the gate
#[derive(Debug, Subcommand)]
pub enum GateTokenCommand {
    /// List the services that may ask
    #[command(after_long_help = "\
Examples:
  keyward gate-token list")]
    List {
        /// The server.
        #[command(flatten)]
        remote: RemoteArgs,
    },
    /// Make a token for a service; it is shown once
    #[command(after_long_help = "\
Examples:
  keyward gate-token create nginx --output /etc/nginx/keyward-gate-token

The name is what a key's audience names. The token is good for asking the gate and for nothing else.")]
    Create {
        /// Name of the service
        name: String,
        /// The server.
        #[command(flatten)]
        remote: RemoteArgs,
    },
    /// Take a service's right to ask away, at once
    #[command(after_long_help = "\
Examples:
  keyward gate-token revoke nginx")]
    Revoke {
        /// Name of the service
        name: String,
        /// The server.
        #[command(flatten)]
        remote: RemoteArgs,
    },
}

const COLUMNS: [Column; 3] = [("SERVICE", "/name"), ("ID", "/id"), ("CREATED", "/created_at")];
const CREATED_FIELDS: [Column; 3] = [("service", "/name"), ("token", "/token"), ("created", "/created_at")];

/// Runs one of the commands.
///
/// # Errors
/// One sentence that says what to do.
pub fn run(command: GateTokenCommand, environment: &Environment, out: &mut dyn Write) -> Result<(), Failure> {
    match command {
        GateTokenCommand::List { remote } => {
            let session = Session::open(&remote, environment)?;
            let answer = session.get(&["gate-tokens"], &[])?;
            session.show(&answer, |list| table(items(list), &COLUMNS), out)
        }
        GateTokenCommand::Create { name, remote } => {
            let session = Session::open(&remote, environment)?;
            session.ask(&Call::create(&["gate-tokens"], &json!({ "name": name })), &CREATED_FIELDS, out)
        }
        GateTokenCommand::Revoke { name, remote } => {
            let session = Session::open(&remote, environment)?;
            session.delete(&["gate-tokens", &name], &format!("{name} can no longer ask the gate"), out)
        }
    }
}

fn items(list: &Value) -> &[Value] {
    list.pointer("/items").and_then(Value::as_array).map_or(&[], Vec::as_slice)
}
