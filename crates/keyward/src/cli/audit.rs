//! `keyward audit verify`: is the audit whole?

use std::io::Write;

use clap::{Args, Subcommand};

use super::config::ConfigArgs;
use super::local::operate;
use super::{Environment, Failure};
use crate::operator::Request;

/// Look at the audit
#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// Check that the audit is whole
    Verify(AuditVerifyArgs),
}

/// Check that the audit trail is whole
///
/// Recomputes the hash chain of every node from its first entry to its head. An entry that was changed, removed or
/// moved breaks the chain; the first break is named. A chain that was cut at its end shows only against a head
/// that left the machine earlier: compare the printed heads with those in the log or the metrics. Works while the
/// server runs. Exit code 1 when a chain is broken.
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

pub(super) fn run(
    AuditCommand::Verify(args): AuditCommand,
    environment: Environment,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    operate(&args.config_args, environment, Request::VerifyAudit, out)
}
