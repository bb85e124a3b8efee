//! `keyward account`: tenants. The operator account makes them; everybody sees his own.

use std::io::Write;

use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};

use super::client::Call;
use super::duration;
use super::output::Column;
use super::user::{body, word};
use super::{Environment, Failure, PageArgs, RemoteArgs, Session};

/// List, make and change accounts
#[derive(Debug, Subcommand)]
pub enum AccountCommand {
    /// List the accounts that you may see
    #[command(after_long_help = "\
Examples:
  keyward account list")]
    List {
        /// Which part.
        #[command(flatten)]
        page: PageArgs,
        /// The server.
        #[command(flatten)]
        remote: RemoteArgs,
    },
    /// Show one account
    #[command(after_long_help = "\
Examples:
  keyward account show default")]
    Show {
        /// Name of the account
        name: String,
        /// The server.
        #[command(flatten)]
        remote: RemoteArgs,
    },
    /// Make an account with its first administrator; his secret is shown once
    #[command(after_long_help = "\
Examples:
  keyward account create team-a --administrator alice --output team-a.key")]
    Create(CreateArgs),
    /// Change an account
    #[command(after_long_help = "\
Examples:
  keyward account update team-a --max-key-lifetime 90d
  keyward account update team-a --status disabled")]
    Update(UpdateArgs),
}

/// Whether an account's keys may act.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum AccountStatus {
    /// They may
    Active,
    /// They may not
    Disabled,
}

/// A new account.
#[derive(Args, Clone, Debug)]
pub struct CreateArgs {
    /// Name of the account
    pub name: String,
    /// Name of its first administrator [default: the server's]
    #[arg(long, value_name = "NAME")]
    pub administrator: Option<String>,
    /// Longest life of a new key, such as 90d
    #[arg(long, value_name = "TIME", value_parser = duration::seconds)]
    pub max_key_lifetime: Option<u64>,
    /// The server.
    #[command(flatten)]
    pub remote: RemoteArgs,
}

/// A changed account.
#[derive(Args, Clone, Debug)]
pub struct UpdateArgs {
    /// Name of the account
    pub name: String,
    /// Longest life of a new key, such as 90d; 0s takes the limit away
    #[arg(long, value_name = "TIME", value_parser = duration::seconds)]
    pub max_key_lifetime: Option<u64>,
    /// Whether its keys may act; for the operator account
    #[arg(long, value_name = "STATUS")]
    pub status: Option<AccountStatus>,
    /// The server.
    #[command(flatten)]
    pub remote: RemoteArgs,
}

const COLUMNS: [Column; 5] = [
    ("NAME", "/name"),
    ("STATUS", "/status"),
    ("NUMBER", "/number"),
    ("LONGEST KEY LIFE (s)", "/max_key_lifetime_seconds"),
    ("CREATED", "/created_at"),
];

const FIELDS: [Column; 7] = [
    ("account", "/name"),
    ("status", "/status"),
    ("number", "/number"),
    ("id", "/id"),
    ("operator", "/is_operator"),
    ("longest key life (s)", "/max_key_lifetime_seconds"),
    ("created", "/created_at"),
];

const CREATED_FIELDS: [Column; 4] = [
    ("account", "/account/name"),
    ("administrator", "/user/name"),
    ("access key", "/access_key/id"),
    ("secret", "/access_key/secret"),
];

/// Runs one of the commands.
///
/// # Errors
/// One sentence that says what to do.
pub fn run(command: AccountCommand, environment: &Environment, out: &mut dyn Write) -> Result<(), Failure> {
    match command {
        AccountCommand::List { page, remote } => {
            Session::open(&remote, environment)?.list(&["accounts"], &[], &page, &COLUMNS, out)
        }
        AccountCommand::Show { name, remote } => {
            let session = Session::open(&remote, environment)?;
            session.ask(&Call::get(&["accounts", &name], &[]), &FIELDS, out)
        }
        AccountCommand::Create(args) => {
            let mut body = body(&[("name", Some(args.name))]);
            if let Some(members) = body.as_object_mut() {
                if let Some(name) = args.administrator {
                    members.insert("administrator".to_owned(), json!({ "name": name }));
                }
                if let Some(seconds) = args.max_key_lifetime {
                    members.insert("max_key_lifetime_seconds".to_owned(), Value::from(seconds));
                }
            }
            let session = Session::open(&args.remote, environment)?;
            session.ask(&Call::create(&["accounts"], &body), &CREATED_FIELDS, out)
        }
        AccountCommand::Update(args) => {
            let mut body = body(&[("status", args.status.map(word))]);
            if let (Some(seconds), Some(members)) = (args.max_key_lifetime, body.as_object_mut()) {
                let limit = if seconds == 0 { Value::Null } else { Value::from(seconds) };
                members.insert("max_key_lifetime_seconds".to_owned(), limit);
            }
            let session = Session::open(&args.remote, environment)?;
            session.ask(&Call::patch(&["accounts", &args.name], &body), &FIELDS, out)
        }
    }
}
