//! `keyward verify-store`: its arguments and help.

use clap::Args;

use super::config::ConfigArgs;

/// Check that the store keeps its invariants
///
/// Reads the whole store and writes nothing. Checks that every key has an owner, a secret, a status and a dialect;
/// that quotas hold; that no key of a deleted user is active; that temporary keys stay within their parents; that
/// indexes equal tables; that each change has exactly one audit entry and the chain verifies; that every sealed
/// record opens; that no nonce was used twice. Exit code 1 with one line per violation.
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
