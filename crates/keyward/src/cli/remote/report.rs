//! `keyward report`: every user with every key, its age and its last use, for an auditor.

use std::io::Write;

use clap::{Args, ValueEnum};
use serde_json::Value;

use super::output::{Column, table};
use super::{Environment, Failure, RemoteArgs, Session};

/// Print the credential report
#[derive(Args, Clone, Debug)]
#[command(after_long_help = "\
Examples:
  keyward report
  keyward report --format csv --output report-$(date +%F).csv")]
pub struct ReportArgs {
    /// How it is written
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = Format::Table)]
    pub format: Format,
    /// The server.
    #[command(flatten)]
    pub remote: RemoteArgs,
}

/// How a report is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    Table,
    /// For a spreadsheet
    Csv,
    /// Exactly the API's JSON
    Json,
}

const COLUMNS: [Column; 9] = [
    ("USER", "/user"),
    ("ROLE", "/role"),
    ("STATUS", "/user_status"),
    ("KEY", "/access_key/id"),
    ("STATE", "/access_key/state"),
    ("CREATED", "/access_key/created_at"),
    ("EXPIRES", "/access_key/expires_at"),
    ("LAST USED", "/access_key/last_used/at"),
    ("FROM", "/access_key/last_used/source"),
];

/// Runs the command.
///
/// # Errors
/// One sentence that says what to do.
pub fn run(args: &ReportArgs, environment: &Environment, out: &mut dyn Write) -> Result<(), Failure> {
    let session = Session::open(&args.remote, environment)?;
    let format = if args.format == Format::Csv { "csv" } else { "json" };
    let answer = session.get(&["report"], &[("format", Some(format.to_owned()))])?;
    if args.format != Format::Table {
        return session.emit(&answer.text(), out);
    }
    session.show(
        &answer,
        |report| {
            let items = report.get("items").and_then(Value::as_array);
            table(items.map(Vec::as_slice).unwrap_or_default(), &COLUMNS)
        },
        out,
    )
}
