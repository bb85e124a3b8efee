//! `keyward key`: the access keys of the account, from their making to their end.

mod bring;
mod conditions;

use std::io::{Read, Write};
use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use self::conditions::ConditionArgs;
use super::audit::COLUMNS as EVENT_COLUMNS;
use super::client::Call;
use super::duration;
use super::output::Column;
use super::{Environment, Failure, PageArgs, RemoteArgs, Session};

/// List, make, rotate, change and delete access keys
#[derive(Debug, Subcommand)]
pub enum KeyCommand {
    /// List the access keys of your account
    #[command(after_long_help = "\
Examples:
  keyward key list --user bob
  keyward key list --sort=-created_at --limit 20
  keyward key list --used-before 2026-01-01T00:00:00Z --status active     keys that nobody needs any more")]
    List(ListArgs),
    /// Show one access key
    #[command(after_long_help = "\
Examples:
  keyward key show KWEXAMPLE")]
    Show(OneKey),
    /// Show what happened to an access key
    #[command(after_long_help = "\
Examples:
  keyward key events KWEXAMPLE")]
    Events {
        /// Its id
        id: String,
        /// Which part.
        #[command(flatten)]
        page: PageArgs,
        /// The server.
        #[command(flatten)]
        remote: RemoteArgs,
    },
    /// Make an access key; its secret is shown once
    #[command(after_long_help = "\
Examples:
  keyward key create bob
  keyward key create bob --schemes aws4,tc3 --source 10.0.0.0/8 --expires-at 2027-01-01T00:00:00Z
  keyward key create deploy --json --output deploy.json")]
    Create(CreateArgs),
    /// Change an access key
    #[command(after_long_help = "\
Examples:
  keyward key update KWEXAMPLE --description 'night build'
  keyward key update KWEXAMPLE --source 10.0.0.0/8 --source 192.0.2.7")]
    Update(UpdateArgs),
    /// Let a disabled access key work again
    #[command(after_long_help = "\
Examples:
  keyward key enable KWEXAMPLE")]
    Enable(OneKey),
    /// Disable an access key; it stops working at once
    #[command(after_long_help = "\
Examples:
  keyward key disable KWEXAMPLE")]
    Disable(OneKey),
    /// Delete an access key for good
    #[command(after_long_help = "\
Examples:
  keyward key delete KWEXAMPLE")]
    Delete(OneKey),
    /// Replace an access key by a new one
    ///
    /// Both are good during the overlap, then the old one retires by itself. The new secret is shown once.
    #[command(after_long_help = "\
Examples:
  keyward key rotate KWEXAMPLE --overlap 1h
  keyward key rotate KWEXAMPLE --overlap 7d --output new.key")]
    Rotate(RotateArgs),
    /// Bring along a key that exists elsewhere, with its id and secret
    ///
    /// The secret is read from standard input, or from a file that only you can read. With --bulk, many keys from a file: CSV
    /// with a head line, or one JSON object per line, with the members user, id, secret and schemes.
    #[command(after_long_help = "\
Examples:
  keyward key import bob --id AKIDEXAMPLE --schemes tc3,tencent-v1 < secret.txt
  keyward key import --bulk keys.csv --create-users")]
    Import(ImportArgs),
}

/// Filters of a list.
#[derive(Args, Clone, Debug)]
pub struct ListArgs {
    /// Only those of this user
    #[arg(long, value_name = "NAME")]
    pub user: Option<String>,
    /// Only with this status
    #[arg(long, value_name = "STATUS", value_parser = ["active", "inactive"])]
    pub status: Option<String>,
    /// Only issued by this dialect
    #[arg(long, value_name = "DIALECT")]
    pub dialect: Option<String>,
    /// Only ending before this time (RFC 3339)
    #[arg(long, value_name = "TIME")]
    pub expires_before: Option<String>,
    /// Only ending after this time, or never
    #[arg(long, value_name = "TIME")]
    pub expires_after: Option<String>,
    /// Only last used before this time, or never
    #[arg(long, value_name = "TIME")]
    pub used_before: Option<String>,
    /// Only last used after this time
    #[arg(long, value_name = "TIME")]
    pub used_after: Option<String>,
    /// Deleted keys too; administrators and auditors may see them
    #[arg(long, value_name = "WHICH", value_parser = ["exclude", "include", "only"])]
    pub deleted: Option<String>,
    /// Order: created_at, modified_at, expires_at or id; with `-` in front descending
    #[arg(long, value_name = "FIELD", allow_hyphen_values = true)]
    pub sort: Option<String>,
    /// Which part.
    #[command(flatten)]
    pub page: PageArgs,
    /// The server.
    #[command(flatten)]
    pub remote: RemoteArgs,
}

/// One access key.
#[derive(Args, Clone, Debug)]
pub struct OneKey {
    /// Its id
    pub id: String,
    /// The server.
    #[command(flatten)]
    pub remote: RemoteArgs,
}

/// A new key.
#[derive(Args, Clone, Debug)]
pub struct CreateArgs {
    /// The user who gets it
    pub user: String,
    /// What it is good for.
    #[command(flatten)]
    pub conditions: ConditionArgs,
    /// The server.
    #[command(flatten)]
    pub remote: RemoteArgs,
}

/// A changed key.
#[derive(Args, Clone, Debug)]
pub struct UpdateArgs {
    /// Its id
    pub id: String,
    /// What it is good for.
    #[command(flatten)]
    pub conditions: ConditionArgs,
    /// The server.
    #[command(flatten)]
    pub remote: RemoteArgs,
}

/// A rotation.
#[derive(Args, Clone, Debug)]
pub struct RotateArgs {
    /// Id of the old key
    pub id: String,
    /// How long the old key stays good, such as 1h or 7d [default: the server's]
    #[arg(long, value_name = "TIME", value_parser = duration::seconds)]
    pub overlap: Option<u64>,
    /// Free text on the new key
    #[arg(long, value_name = "TEXT")]
    pub description: Option<String>,
    /// End of the new key's life (RFC 3339) [default: the old key's own]
    #[arg(long, value_name = "TIME")]
    pub expires_at: Option<String>,
    /// The server.
    #[command(flatten)]
    pub remote: RemoteArgs,
}

/// Keys from elsewhere.
#[derive(Args, Clone, Debug)]
pub struct ImportArgs {
    /// The user who gets it
    #[arg(required_unless_present = "bulk", conflicts_with = "bulk")]
    pub user: Option<String>,
    /// Its id
    #[arg(long, value_name = "ID", required_unless_present = "bulk", conflicts_with = "bulk")]
    pub id: Option<String>,
    /// File that holds the secret and that only you can read, instead of standard input
    #[arg(long, value_name = "FILE", conflicts_with = "bulk")]
    pub secret_file: Option<PathBuf>,
    /// File of many keys, `.csv` or `.jsonl`, that only you can read
    #[arg(long, value_name = "FILE")]
    pub bulk: Option<PathBuf>,
    /// Make users who do not exist
    #[arg(long, requires = "bulk")]
    pub create_users: bool,
    /// What it is good for.
    #[command(flatten)]
    pub conditions: ConditionArgs,
    /// The server.
    #[command(flatten)]
    pub remote: RemoteArgs,
}

const COLUMNS: [Column; 8] = [
    ("ID", "/id"),
    ("USER", "/user"),
    ("STATE", "/state"),
    ("SCHEMES", "/schemes"),
    ("CREATED", "/created_at"),
    ("EXPIRES", "/expires_at"),
    ("LAST USED", "/last_used/at"),
    ("FROM", "/last_used/source"),
];

/// What is shown of one key.
pub(super) const KEY_FIELDS: [Column; 17] = [
    ("access key", "/id"),
    ("secret", "/secret"),
    ("user", "/user"),
    ("state", "/state"),
    ("schemes", "/schemes"),
    ("description", "/description"),
    ("sources", "/sources"),
    ("audience", "/audience"),
    ("not before", "/not_before"),
    ("expires", "/expires_at"),
    ("successor", "/successor"),
    ("last used", "/last_used/at"),
    ("from", "/last_used/source"),
    ("with", "/last_used/dialect"),
    ("for", "/last_used/operation"),
    ("created", "/created_at"),
    ("deleted", "/deleted_at"),
];

const ROTATED_FIELDS: [Column; 5] = [
    ("access key", "/access_key/id"),
    ("secret", "/access_key/secret"),
    ("user", "/access_key/user"),
    ("old key", "/previous/id"),
    ("good until", "/previous/expires_at"),
];

/// Runs one of the commands.
///
/// # Errors
/// One sentence that says what to do.
pub fn run(
    command: KeyCommand,
    environment: &Environment,
    input: &mut dyn Read,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    match command {
        KeyCommand::List(args) => list(args, environment, out),
        KeyCommand::Show(one) => {
            let session = Session::open(&one.remote, environment)?;
            session.ask(&Call::get(&["access-keys", &one.id], &[]), &KEY_FIELDS, out)
        }
        KeyCommand::Events { id, page, remote } => {
            let path = ["access-keys", &id, "events"];
            Session::open(&remote, environment)?.list(&path, &[], &page, &EVENT_COLUMNS, out)
        }
        KeyCommand::Create(args) => {
            let call = Call::create(&["users", &args.user, "access-keys"], &args.conditions.body());
            Session::open(&args.remote, environment)?.ask(&call, &KEY_FIELDS, out)
        }
        KeyCommand::Update(args) => {
            let call = Call::patch(&["access-keys", &args.id], &args.conditions.body());
            Session::open(&args.remote, environment)?.ask(&call, &KEY_FIELDS, out)
        }
        KeyCommand::Enable(one) => set_status(one, "active", environment, out),
        KeyCommand::Disable(one) => set_status(one, "inactive", environment, out),
        KeyCommand::Delete(one) => {
            let done = format!("deleted {}", one.id);
            Session::open(&one.remote, environment)?.delete(&["access-keys", &one.id], &done, out)
        }
        KeyCommand::Rotate(args) => rotate(&args, environment, out),
        KeyCommand::Import(args) => bring::import(args, environment, input, out),
    }
}

fn list(args: ListArgs, environment: &Environment, out: &mut dyn Write) -> Result<(), Failure> {
    let query = [
        ("user", args.user),
        ("status", args.status),
        ("dialect", args.dialect),
        ("expires_before", args.expires_before),
        ("expires_after", args.expires_after),
        ("used_before", args.used_before),
        ("used_after", args.used_after),
        ("deleted", args.deleted),
        ("sort", args.sort),
    ];
    Session::open(&args.remote, environment)?.list(&["access-keys"], &query, &args.page, &COLUMNS, out)
}

fn set_status(
    one: OneKey,
    status: &str,
    environment: &Environment,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let call = Call::patch(&["access-keys", &one.id], &json!({ "status": status }));
    Session::open(&one.remote, environment)?.ask(&call, &KEY_FIELDS, out)
}

fn rotate(args: &RotateArgs, environment: &Environment, out: &mut dyn Write) -> Result<(), Failure> {
    let mut body = super::user::body(&[
        ("description", args.description.clone()),
        ("expires_at", args.expires_at.clone()),
    ]);
    if let (Some(seconds), Some(members)) = (args.overlap, body.as_object_mut()) {
        members.insert("overlap_seconds".to_owned(), Value::from(seconds));
    }
    let call = Call::create(&["access-keys", &args.id, "rotate"], &body);
    Session::open(&args.remote, environment)?.ask(&call, &ROTATED_FIELDS, out)
}
