//! `keyward migrate`: bring the store's file up to date without serving from it.

use std::io::Write;

use clap::Args;
use stores::sqlite::{FILE, Options, SqliteStore};

use super::config::ConfigArgs;
use super::local::{protect, settings};
use super::{Environment, Failure, print};

/// Bring the store up to this version
///
/// `serve` does the same at its start; this command is for those who want to see it happen first. Each step is one
/// transaction: one that fails leaves the file as it was. There is no way back, so make a backup before. A file of a
/// newer version is refused untouched. The server must be stopped.
#[derive(Args, Clone, Debug)]
#[command(after_long_help = "\
Examples:
  keyward backup before.backup && keyward migrate --data-dir /var/lib/keyward")]
pub struct MigrateArgs {
    /// The settings' place.
    #[command(flatten)]
    pub config_args: ConfigArgs,
}

pub(super) fn run(args: &MigrateArgs, environment: Environment, out: &mut dyn Write) -> Result<(), Failure> {
    protect();
    let config = settings(&args.config_args, environment)?;
    let directory = config.data_dir.display();
    if !config.data_dir.join(FILE).exists() {
        return Err(Failure(format!(
            "there is no store in {directory}; name its directory with --data-dir."
        )));
    }
    let opened = SqliteStore::open(&config.data_dir, Options::default());
    let versions = opened.map_err(anyhow::Error::from)?.versions();
    print(
        out,
        &if versions.found == versions.now {
            format!("the store is of schema version {}, the newest\n", versions.now)
        } else {
            format!("the store went from schema version {} to {}\n", versions.found, versions.now)
        },
    )
}
