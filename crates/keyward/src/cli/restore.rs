//! `keyward restore FILE`: a backup becomes the store.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;

use super::config::ConfigArgs;
use super::local::{progress, protect, runtime, settings, tell, world};
use super::{Environment, Failure};
use crate::operator::restore::{Order, Present, Revive, restore};

/// Make a backup the store of a data directory
///
/// The server must be stopped. No key that was revoked since the backup was made works again by itself: with --force,
/// the backup is compared with the store that it replaces, and what was disabled, deleted or expired meanwhile stays
/// unusable, each with an entry in the audit. Where there is no store to compare with, or --revive names a key, you
/// accept that revoked keys work again. Everything is checked as by `verify-store` before it is put in place; a
/// replaced store is kept under another name.
#[derive(Args, Clone, Debug)]
#[command(after_long_help = "\
Examples:
  keyward restore --data-dir /var/lib/keyward --force /backups/keyward-2026-01-31.backup
  keyward restore --data-dir ./elsewhere --master-key-file master.key --revive-all keyward.backup")]
pub struct RestoreArgs {
    /// The settings' place.
    #[command(flatten)]
    pub config_args: ConfigArgs,
    /// The backup
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Replace the store that is there
    #[arg(long)]
    pub force: bool,
    /// File with the master key of the time when the backup was made, where it is another one
    #[arg(long, value_name = "FILE")]
    pub master_key_file: Option<PathBuf>,
    /// Id of a revoked key that may work again; may be repeated
    #[arg(long, value_name = "KEY_ID")]
    pub revive: Vec<String>,
    /// Accept that every key revoked after the backup was made works again
    #[arg(long, conflicts_with = "revive")]
    pub revive_all: bool,
}

pub(super) fn run(args: RestoreArgs, environment: Environment, out: &mut dyn Write) -> Result<(), Failure> {
    protect();
    let config = settings(&args.config_args, environment.clone())?;
    let order = Order {
        file: args.file,
        master_key_file: args.master_key_file,
        present: if args.force { Present::Replace } else { Present::Refuse },
        revive: if args.revive_all { Revive::All } else { Revive::Keys(args.revive) },
    };
    tell(runtime()?.block_on(restore(&config, &world(environment), order, progress()))?, out)
}
