//! `keyward audit`: what was done, by whom and from where; once, or as it happens.

use std::io::Write;
use std::time::Duration;

use clap::Args;
use serde_json::Value;

use super::output::{Column, cell, value_at};
use super::{Environment, Failure, PageArgs, RemoteArgs, Session};
use crate::cli::print;

/// How often the server is asked for news.
const FOLLOW_EVERY: Duration = Duration::from_secs(1);

/// Filters of the audit.
#[derive(Args, Clone, Debug, Default)]
pub struct AuditListArgs {
    /// Only by this user (name or id)
    #[arg(long, value_name = "USER")]
    pub actor: Option<String>,
    /// Only with this access key
    #[arg(long, value_name = "KEY_ID")]
    pub actor_key: Option<String>,
    /// Only this action, or all that begin so: `access-key.`
    #[arg(long, value_name = "ACTION")]
    pub action: Option<String>,
    /// Only to this record
    #[arg(long, value_name = "ID")]
    pub object: Option<String>,
    /// Only to this access key
    #[arg(long, value_name = "KEY_ID")]
    pub access_key: Option<String>,
    /// Not before this time (RFC 3339)
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
    /// Before this time
    #[arg(long, value_name = "TIME")]
    pub until: Option<String>,
    /// Show entries as they are written, until you stop it
    #[arg(long, conflicts_with_all = ["until", "limit", "output"])]
    pub follow: bool,
    /// Print each entry as a line of JSON, oldest first
    #[arg(long, conflicts_with = "json")]
    pub jsonl: bool,
    /// Which part.
    #[command(flatten)]
    pub page: PageArgs,
    /// The server.
    #[command(flatten)]
    pub remote: RemoteArgs,
}

/// What is shown of an entry.
pub(super) const COLUMNS: [Column; 7] = [
    ("AT", "/at"),
    ("ACTION", "/action"),
    ("ACTOR", "/actor_name|/actor"),
    ("KEY", "/actor_key"),
    ("FROM", "/source"),
    ("OBJECT", "/object"),
    ("DETAIL", "/detail"),
];

/// Runs the command.
///
/// # Errors
/// One sentence that says what to do.
pub fn run(args: &AuditListArgs, environment: &Environment, out: &mut dyn Write) -> Result<(), Failure> {
    let session = Session::open(&args.remote, environment)?;
    let mut query = vec![
        ("actor", args.actor.clone()),
        ("actor_key", args.actor_key.clone()),
        ("action", args.action.clone()),
        ("object", args.object.clone()),
        ("access_key", args.access_key.clone()),
        ("since", args.since.clone()),
        ("until", args.until.clone()),
    ];
    if !args.follow && !args.jsonl {
        return session.list(&["audit"], &query, &args.page, &COLUMNS, out);
    }
    if args.follow {
        query.push(("follow", Some("true".to_owned())));
    } else {
        query.push(("order", Some("asc".to_owned())));
    }
    walk(&session, args, query, out)
}

/// Prints page by page, as long as there is a next one.
fn walk(
    session: &Session<'_>,
    args: &AuditListArgs,
    mut query: Vec<(&str, Option<String>)>,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let mut lines = String::new();
    query.push(("cursor", args.page.cursor.clone()));
    loop {
        let answer = session.get(&["audit"], &query)?;
        let page = answer.page()?;
        for item in &page.items {
            if args.jsonl || args.remote.json {
                lines.push_str(item.get());
            } else if let Ok(entry) = serde_json::from_str::<Value>(item.get()) {
                let cells: Vec<String> = COLUMNS.iter().map(|(_, at)| cell(value_at(&entry, at))).collect();
                lines.push_str(&cells.join("  "));
            }
            lines.push('\n');
        }
        if args.follow {
            print(out, &std::mem::take(&mut lines))?;
            if page.items.is_empty() {
                session.client.pause(FOLLOW_EVERY);
            }
        }
        match (page.next_cursor, query.last_mut()) {
            (Some(next), Some(cursor)) => cursor.1 = Some(next),
            _ => return session.emit(&lines, out),
        }
    }
}
