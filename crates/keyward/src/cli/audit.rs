//! `keyward audit verify`: its arguments and help.

use clap::Args;

use super::config::ConfigArgs;

/// Check that the audit trail is whole
///
/// Recomputes the hash chain of every node from its first entry to its head. An entry that was changed, removed or
/// moved breaks the chain; the first break is named. A chain that was cut at its end shows only against a head
/// that left the machine earlier: compare the printed heads with those in the log or the metrics. Exit code 1 when
/// a chain is broken.
#[derive(Args, Clone, Debug, Default)]
#[command(after_long_help = "\
Examples:
  keyward audit verify
  keyward audit verify --data-dir /var/lib/keyward")]
pub struct AuditVerifyArgs {
    /// The settings' place.
    #[command(flatten)]
    pub config_args: ConfigArgs,
}
