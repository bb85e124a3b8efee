//! `keyward audit`: what was done, from the server (`remote::audit`); `audit why`: why a request was refused; and `audit
//! verify`, on the store: is it whole?

use std::io::Write;

use clap::{Args, Subcommand};
use domain::audit::ChainHead;

use super::config::ConfigArgs;
use super::local::operate;
use super::remote::audit::AuditListArgs;
use super::remote::why::AuditWhyArgs;
use super::{Environment, Failure, remote};
use crate::operator::Request;

/// Show what was done, and check that the record of it is whole
///
/// Newest first, unless you follow it or want lines of JSON.
#[derive(Args, Debug)]
#[command(
    args_conflicts_with_subcommands = true,
    after_long_help = "\
Examples:
  keyward audit --limit 20
  keyward audit --follow
  keyward audit --access-key KWEXAMPLE
  keyward audit --jsonl --since 2026-01-01T00:00:00Z --output january.jsonl
  keyward audit why 019a0a3e5c7b7d1e8f0a1b2c3d4e5f60
  keyward audit verify"
)]
pub struct AuditArgs {
    /// Which entries.
    #[command(flatten)]
    pub list: AuditListArgs,
    /// Why, and whether it is whole.
    #[command(subcommand)]
    pub command: Option<AuditCommand>,
}

/// Ask about a refusal, or look at the audit in the store
#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// Check that the audit is whole
    Verify(AuditVerifyArgs),
    /// Show why a request was refused
    Why(AuditWhyArgs),
}

/// Check that the audit trail is whole
///
/// Recomputes the hash chain of every node from its first entry to its head. An entry that was changed, removed or
/// moved breaks the chain; the first break is named. A chain that was cut at its end shows only against a head
/// that left the machine earlier: hand it over with --head. Works while the server runs. Exit code 1 when a chain is
/// broken.
#[derive(Args, Clone, Debug, Default)]
#[command(after_long_help = "\
Examples:
  keyward audit verify --data-dir /var/lib/keyward
  keyward audit verify --head \"$(tail -n 1 heads.txt)\"")]
pub struct AuditVerifyArgs {
    /// The settings' place.
    #[command(flatten)]
    pub config_args: ConfigArgs,
    /// A head that left the machine earlier, in the log or from this command; may be repeated
    #[arg(long, value_name = "NODE:SEQ:MARK", value_parser = head)]
    pub head: Vec<String>,
}

/// Checks the form of a head.
fn head(text: &str) -> Result<String, String> {
    let known = ChainHead::parse(text).map(|_| text.to_owned());
    known.ok_or_else(|| "write node, number and mark with colons between, as they were printed".to_owned())
}

pub(super) fn run(args: AuditArgs, environment: Environment, out: &mut dyn Write) -> Result<(), Failure> {
    match args.command {
        None => remote::audit::run(&args.list, &environment, out),
        Some(AuditCommand::Why(args)) => remote::why::run(&args, &environment, out),
        Some(AuditCommand::Verify(args)) => {
            operate(&args.config_args, environment, Request::VerifyAudit { heads: args.head }, out)
        }
    }
}
