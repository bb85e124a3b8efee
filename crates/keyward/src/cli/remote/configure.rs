//! `keyward configure`: writes a profile, so that the other commands know the server and the key.

use std::io::{BufReader, Read, Write};

use clap::Args;
use zeroize::Zeroizing;

use super::profile::{
    ACCESS_KEY_ID, DEFAULT, DEFAULT_ENDPOINT, ENDPOINT, Endpoint, ProfileFile, SECRET_ACCESS_KEY, Stored,
    variable,
};
use super::terminal::{Echo, MAX_LINE_BYTES, ask};
use super::{Environment, Failure};
use crate::cli::{local, print};

/// Write a profile: where the server is, and which key signs
///
/// Values come from the flags, else from KEYWARD_ENDPOINT, KEYWARD_ACCESS_KEY_ID and KEYWARD_SECRET_ACCESS_KEY, else
/// you are asked for them; where there is no terminal, each is a line of standard input. The secret is never an
/// argument. Profiles are kept in keyward/profiles.toml below $XDG_CONFIG_HOME or ~/.config, which only you can read.
#[derive(Args, Clone, Debug, Default)]
#[command(after_long_help = "\
Examples:
  keyward configure
  keyward configure --profile production --endpoint https://keys.example.org
  keyward whoami --profile production")]
pub struct ConfigureArgs {
    /// Name of the profile [default: default]
    #[arg(long, value_name = "NAME")]
    pub profile: Option<String>,
    /// Base URL of the server
    #[arg(long, value_name = "URL")]
    pub endpoint: Option<String>,
    /// Id of the access key
    #[arg(long, value_name = "ID")]
    pub access_key_id: Option<String>,
}

/// Runs the command.
///
/// # Errors
/// One sentence that says what to do.
pub fn run(
    args: ConfigureArgs,
    environment: &Environment,
    input: &mut dyn Read,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    local::protect();
    let name = args.profile.as_deref().unwrap_or(DEFAULT);
    let file = ProfileFile::at(environment)?;
    let mut input = BufReader::new(input.take(3 * MAX_LINE_BYTES));
    let endpoint = args.endpoint.or_else(|| variable(environment, ENDPOINT));
    let endpoint =
        endpoint.map_or_else(|| ask(&format!("Endpoint [{DEFAULT_ENDPOINT}]"), Echo::On, &mut input), Ok)?;
    let endpoint = if endpoint.is_empty() { DEFAULT_ENDPOINT.to_owned() } else { endpoint };
    Endpoint::parse(&endpoint)?;
    let id = args.access_key_id.or_else(|| variable(environment, ACCESS_KEY_ID));
    let id = id.map_or_else(|| ask("Access key id", Echo::On, &mut input), Ok)?;
    let secret = variable(environment, SECRET_ACCESS_KEY);
    let secret = Zeroizing::new(secret.map_or_else(|| ask("Secret access key", Echo::Off, &mut input), Ok)?);
    if id.is_empty() || secret.is_empty() {
        return Err(Failure("a profile needs an access key id and its secret; give both.".to_owned()));
    }
    file.put(name, Stored { endpoint, access_key_id: id, secret_access_key: secret.to_string() })?;
    let flag = if name == DEFAULT { String::new() } else { format!(" --profile {name}") };
    let path = file.path().display();
    print(out, &format!("wrote the profile {name:?} to {path}\ntry it: keyward whoami{flag}\n"))
}
