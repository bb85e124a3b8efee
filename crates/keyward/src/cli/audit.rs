//! `keyward audit verify`: is the audit whole?

use std::fmt::Write as _;
use std::io::Write;

use clap::{Args, Subcommand};
use domain::invariants;
use domain::vault::to_hex;

use super::config::ConfigArgs;
use super::local::with_node;
use super::{Environment, Failure, print};

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

pub(super) fn run(
    AuditCommand::Verify(args): AuditCommand,
    environment: Environment,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let report = with_node(&args.config_args, environment, async |node| {
        invariants::check_audit_only(node.store.as_ref(), &node.vault).await
    })?;
    let mut text = String::new();
    for finding in &report.findings {
        // Writing to memory does not fail.
        let _ = writeln!(text, "{finding}");
    }
    for head in &report.heads {
        let _ = writeln!(text, "head {} {} {}", head.node, head.seq, to_hex(&head.mark));
    }
    let _ = writeln!(text, "checked {} entries in {} chains", report.audit_entries, report.heads.len());
    print(out, &text)?;
    if report.is_clean() {
        return Ok(());
    }
    Err(Failure("the audit was changed; keep a copy of the data directory before you go on.".to_owned()))
}
