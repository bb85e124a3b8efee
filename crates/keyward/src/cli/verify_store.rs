//! `keyward verify-store`: are the invariants of the store kept?

use std::fmt::Write as _;
use std::io::Write;

use clap::Args;
use domain::invariants::{self, Report};

use super::config::ConfigArgs;
use super::local::with_node;
use super::{Environment, Failure, print};

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

pub(super) fn run(
    args: &VerifyStoreArgs,
    environment: Environment,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let report = with_node(&args.config_args, environment, async |node| {
        invariants::check(node.store.as_ref(), &node.vault, node.service.limits()).await
    })?;
    let mut text = String::new();
    for finding in &report.findings {
        // Writing to memory does not fail.
        let _ = writeln!(text, "{finding}");
    }
    let Report { accounts, users, keys, audit_entries, .. } = report;
    let _ = writeln!(
        text,
        "checked {accounts} accounts, {users} users, {keys} access keys, {audit_entries} audit entries"
    );
    if report.is_clean() {
        text.push_str("clean\n");
        return print(out, &text);
    }
    print(out, &text)?;
    Err(Failure(
        "the store violates its invariants; keep a copy of the data directory before you go on.".to_owned(),
    ))
}
