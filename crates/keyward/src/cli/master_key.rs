//! `keyward master-key generate|status|rotate`: the key that wraps the key ring.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use domain::vault::MasterKey;

use super::config::ConfigArgs;
use super::local::{absolute, operate, protect};
use super::{Environment, Failure, print};
use crate::node::rotation::sync_directory;
use crate::operator::Request;
use crate::system::OsRandom;

/// Make, look at and rotate the master key
#[derive(Debug, Subcommand)]
pub enum MasterKeyCommand {
    /// Make a new master key
    ///
    /// Writes it to a new file that only you can read, or to standard output. Nothing else is changed: name its place
    /// with [master_key] in the settings before the first start, or hand it to `keyward master-key rotate`.
    #[command(after_long_help = "\
Examples:
  keyward master-key generate --output /media/keys/master.key
  keyward master-key generate | vault kv put secret/keyward key=-")]
    Generate {
        /// File to make; it must not exist
        #[arg(long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Show which master key wraps the key ring
    #[command(after_long_help = "\
Examples:
  keyward master-key status --data-dir /var/lib/keyward")]
    Status(ConfigArgs),
    /// Replace the master key
    ///
    /// Makes a new master key, wraps the key ring by it in one transaction, and puts it in the place of the old one,
    /// which is kept beside it under its id: backups made before open only with the old one. Works while the server
    /// runs and takes the same moment however many secrets there are. Cut off at any point, the next start or the
    /// same command finishes it; at every moment the key in its place opens the store. Afterwards the old key is
    /// refused.
    ///
    /// Where the key comes from a variable, or from a place that cannot be written, make one with `keyward
    /// master-key generate` and name it with --new-key-file; then put it in its place before the next start.
    #[command(after_long_help = "\
Examples:
  keyward master-key rotate --data-dir /var/lib/keyward
  keyward master-key generate --output new.key && keyward master-key rotate --new-key-file new.key")]
    Rotate(RotateArgs),
}

/// How to rotate.
#[derive(Args, Clone, Debug)]
pub struct RotateArgs {
    /// The settings' place.
    #[command(flatten)]
    pub config_args: ConfigArgs,
    /// File with the new key, made by `keyward master-key generate`
    #[arg(long, value_name = "FILE")]
    pub new_key_file: Option<PathBuf>,
}

pub(super) fn run(
    command: MasterKeyCommand,
    environment: Environment,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    match command {
        MasterKeyCommand::Generate { output } => generate(output.as_deref(), out),
        MasterKeyCommand::Status(args) => operate(&args, environment, Request::MasterKeyStatus, out),
        MasterKeyCommand::Rotate(args) => {
            let new_key_file = args.new_key_file.as_deref().map(absolute).transpose()?;
            operate(&args.config_args, environment, Request::RotateMasterKey { new_key_file }, out)
        }
    }
}

fn generate(output: Option<&Path>, out: &mut dyn Write) -> Result<(), Failure> {
    protect();
    let text = MasterKey::generate(&OsRandom).to_text();
    let Some(path) = output else { return print(out, &text) };
    let written =
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).and_then(|mut file| {
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            sync_directory(path)
        });
    written
        .map_err(|error| Failure(format!("the master key cannot be written to {}: {error}.", path.display())))
}
