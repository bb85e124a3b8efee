//! `keyward verify-store`: are the invariants of the store kept?

use std::io::Write;

use clap::Args;

use super::config::ConfigArgs;
use super::local::operate;
use super::{Environment, Failure};
use crate::operator::Request;

/// Check that the store keeps its invariants
///
/// Reads the whole store and writes nothing. Checks that every key has an owner, a secret, a status and a dialect;
/// that quotas hold; that no key of a deleted user is active; that temporary keys stay within their parents; that
/// indexes equal tables; that each change has exactly one audit entry and the chain verifies; that every sealed
/// record opens; that no nonce was used twice. While the server runs, a copy of the store as it is at one moment is
/// checked. Exit code 1 with one line per violation.
#[derive(Args, Clone, Debug, Default)]
#[command(after_long_help = "\
Examples:
  keyward verify-store
  keyward verify-store --config /etc/keyward.toml
  keyward verify-store --data-dir /var/lib/keyward && echo clean")]
pub struct VerifyStoreArgs {
    /// The settings' place.
    #[command(flatten)]
    pub config_args: ConfigArgs,
}

pub(super) fn run(
    args: &VerifyStoreArgs,
    environment: Environment,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    operate(&args.config_args, environment, Request::VerifyStore, out)
}
