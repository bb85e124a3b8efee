//! `keyward backup FILE`: a sealed copy of the store.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;

use super::config::ConfigArgs;
use super::local::{absolute, operate};
use super::{Environment, Failure};
use crate::operator::Request;

/// Write a sealed copy of the store
///
/// The copy is of one moment, also while the server runs and is written to. It is sealed with a key that the master
/// key gives, and of no use without the master key, which is not in it: keep a copy of that elsewhere. The file appears
/// under its name only when it is whole and on the disk; an existing one is never replaced. Needs as much room again
/// in the data directory as the store takes, while it runs.
#[derive(Args, Clone, Debug)]
#[command(after_long_help = "\
Examples:
  keyward backup /backups/keyward-$(date +%F).backup
  keyward backup --data-dir /var/lib/keyward /backups/keyward.backup")]
pub struct BackupArgs {
    /// The settings' place.
    #[command(flatten)]
    pub config_args: ConfigArgs,
    /// File to make
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
}

pub(super) fn run(args: &BackupArgs, environment: Environment, out: &mut dyn Write) -> Result<(), Failure> {
    let file = absolute(&args.file)?;
    operate(&args.config_args, environment, Request::Backup { file }, out)
}
