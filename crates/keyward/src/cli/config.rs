//! `keyward config default|check`, and the flags by which commands find their settings.

use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use dialects::Registry;

use super::serve::ServeArgs;
use super::{DIALECTS, Environment, Failure, print};
use crate::config::{Config, ConfigFile, DEFAULT_TOML, Flags};

/// A settings file larger than this is a mistake.
const MAX_FILE_BYTES: u64 = 1024 * 1024;

/// Show the default settings, or check yours
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Print the commented default settings
    #[command(after_long_help = "\
Examples:
  keyward config default > keyward.toml")]
    Default,
    /// Print the settings that `serve` would run with, or say what is wrong with them
    ///
    /// The same file, environment and flags as for `serve`. Prints TOML without comments and without anything that
    /// could be a secret. Exit code 1 when the settings are refused.
    #[command(after_long_help = "\
Examples:
  keyward config check --config keyward.toml
  keyward config default | keyward config check --config /dev/stdin
  KEYWARD_LISTEN=0.0.0.0:7460 keyward config check     says what is missing for that")]
    Check(ServeArgs),
}

/// Where a local command finds the settings.
#[derive(Args, Clone, Debug, Default)]
pub struct ConfigArgs {
    /// Settings file, TOML; without it the defaults apply
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Directory of the store and the master key [default: ./keyward-data]
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
}

pub(super) fn run(
    command: ConfigCommand,
    environment: Environment,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    match command {
        ConfigCommand::Default => print(out, DEFAULT_TOML),
        ConfigCommand::Check(args) => {
            let config = load(args.config_args.config.as_deref(), environment, &args.flags())?;
            // Each dialect reads its own settings, and `serve` would stop at the same place.
            Registry::new(&config.dialects()).map_err(|error| Failure(error.to_string()))?;
            print(out, &config.to_redacted_toml()?)
        }
    }
}

/// Reads the file and gives the effective settings.
///
/// # Errors
/// A sentence for the person who started the command.
pub fn load(file: Option<&Path>, environment: Environment, flags: &Flags) -> Result<Config, Failure> {
    let file = file.map(read).transpose()?;
    Ok(Config::load(file.as_ref(), environment, flags, DIALECTS)?)
}

fn read(path: &Path) -> Result<ConfigFile, Failure> {
    let name = path.display().to_string();
    let mut text = String::new();
    let length = File::open(path)
        .and_then(|file| file.take(MAX_FILE_BYTES + 1).read_to_string(&mut text))
        .map_err(|error| Failure(format!("the settings file {name} cannot be read: {error}.")))?;
    if u64::try_from(length).is_ok_and(|length| length <= MAX_FILE_BYTES) {
        Ok(ConfigFile { name, text })
    } else {
        Err(Failure(format!("the settings file {name} is larger than 1 MiB; is it the right file?")))
    }
}
