//! `keyward user`: the users of the account.

use std::io::{Read, Write};

use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Map, Value, json};

use super::client::Call;
use super::key::KEY_FIELDS;
use super::output::{self, Column};
use super::{Environment, Failure, PageArgs, RemoteArgs, Session, terminal};

/// List, make, change and delete users
#[derive(Debug, Subcommand)]
pub enum UserCommand {
    /// List the users of your account
    #[command(after_long_help = "\
Examples:
  keyward user list
  keyward user list --json | jq -r '.items[].name'")]
    List {
        /// Which part.
        #[command(flatten)]
        page: PageArgs,
        /// The server.
        #[command(flatten)]
        remote: RemoteArgs,
    },
    /// Show one user
    #[command(after_long_help = "\
Examples:
  keyward user show bob")]
    Show {
        /// Name of the user
        name: String,
        /// The server.
        #[command(flatten)]
        remote: RemoteArgs,
    },
    /// Make a user
    #[command(after_long_help = "\
Examples:
  keyward user create bob
  keyward user create carol --role auditor --email carol@example.org
  keyward user create deploy --with-key --output deploy.key")]
    Create(CreateArgs),
    /// Change a user
    #[command(after_long_help = "\
Examples:
  keyward user update bob --status frozen      his keys stop working at once
  keyward user update bob --role admin")]
    Update(UpdateArgs),
    /// Set a user's password, for logins such as `openstack token issue`
    ///
    /// It is the first line of standard input; at a terminal you are asked for it twice, and it is not shown. All tokens of
    /// the user end.
    #[command(after_long_help = "\
Examples:
  keyward user set-password bob
  keyward user set-password bob < password.txt")]
    SetPassword {
        /// Name of the user
        name: String,
        /// The server.
        #[command(flatten)]
        remote: RemoteArgs,
    },
    /// Delete a user and all his keys
    #[command(after_long_help = "\
Examples:
  keyward user delete bob")]
    Delete {
        /// Name of the user
        name: String,
        /// The server.
        #[command(flatten)]
        remote: RemoteArgs,
    },
}

/// What a user may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Role {
    /// Everything in the account
    Admin,
    /// See everything but secrets
    Auditor,
    /// Manage his own keys
    Member,
}

/// Whether a user's keys may act.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum UserStatus {
    /// They may
    Active,
    /// They may not
    Frozen,
}

/// A new user.
#[derive(Args, Clone, Debug)]
pub struct CreateArgs {
    /// Name of the user
    pub name: String,
    /// What he may do [default: member]
    #[arg(long, value_name = "ROLE")]
    pub role: Option<Role>,
    /// Name for people
    #[arg(long, value_name = "TEXT")]
    pub display_name: Option<String>,
    /// Address
    #[arg(long, value_name = "ADDRESS")]
    pub email: Option<String>,
    /// Make an access key as well, and show its secret once
    #[arg(long)]
    pub with_key: bool,
    /// The server.
    #[command(flatten)]
    pub remote: RemoteArgs,
}

/// A changed user.
#[derive(Args, Clone, Debug)]
pub struct UpdateArgs {
    /// Name of the user
    pub name: String,
    /// New name
    #[arg(long, value_name = "NAME")]
    pub new_name: Option<String>,
    /// What he may do
    #[arg(long, value_name = "ROLE")]
    pub role: Option<Role>,
    /// Whether his keys may act
    #[arg(long, value_name = "STATUS")]
    pub status: Option<UserStatus>,
    /// Name for people
    #[arg(long, value_name = "TEXT")]
    pub display_name: Option<String>,
    /// Address
    #[arg(long, value_name = "ADDRESS")]
    pub email: Option<String>,
    /// The server.
    #[command(flatten)]
    pub remote: RemoteArgs,
}

const COLUMNS: [Column; 6] = [
    ("NAME", "/name"),
    ("ROLE", "/role"),
    ("STATUS", "/status"),
    ("DISPLAY NAME", "/display_name"),
    ("EMAIL", "/email"),
    ("CREATED", "/created_at"),
];

const FIELDS: [Column; 8] = [
    ("user", "/name"),
    ("role", "/role"),
    ("status", "/status"),
    ("root", "/is_root"),
    ("display name", "/display_name"),
    ("email", "/email"),
    ("id", "/id"),
    ("created", "/created_at"),
];

/// Runs one of the commands.
///
/// # Errors
/// One sentence that says what to do.
pub fn run(
    command: UserCommand,
    environment: &Environment,
    input: &mut dyn Read,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    match command {
        UserCommand::List { page, remote } => {
            Session::open(&remote, environment)?.list(&["users"], &[], &page, &COLUMNS, out)
        }
        UserCommand::Show { name, remote } => {
            let session = Session::open(&remote, environment)?;
            session.ask(&Call::get(&["users", &name], &[]), &FIELDS, out)
        }
        UserCommand::Create(args) => create(args, environment, out),
        UserCommand::Update(args) => {
            let body = body(&[
                ("name", args.new_name),
                ("role", args.role.map(word)),
                ("status", args.status.map(word)),
                ("display_name", args.display_name),
                ("email", args.email),
            ]);
            let session = Session::open(&args.remote, environment)?;
            session.ask(&Call::patch(&["users", &args.name], &body), &FIELDS, out)
        }
        UserCommand::SetPassword { name, remote } => {
            let session = Session::open(&remote, environment)?;
            let password = terminal::new_password(input)?;
            let call = Call::put(&["users", &name, "password"], &json!({ "password": *password }));
            session.carry_out(&call, &format!("set the password of {name}; his tokens have ended"), out)
        }
        UserCommand::Delete { name, remote } => {
            let done = format!("deleted {name} and all his keys");
            Session::open(&remote, environment)?.delete(&["users", &name], &done, out)
        }
    }
}

fn create(args: CreateArgs, environment: &Environment, out: &mut dyn Write) -> Result<(), Failure> {
    let mut body = body(&[
        ("name", Some(args.name)),
        ("role", args.role.map(word)),
        ("display_name", args.display_name),
        ("email", args.email),
    ]);
    if args.with_key
        && let Some(members) = body.as_object_mut()
    {
        members.insert("access_key".to_owned(), Value::Object(Map::new()));
    }
    // The user first, then his key where there is one.
    let user = FIELDS.iter().map(|(title, at)| (*title, format!("/user{at}")));
    let key = KEY_FIELDS.iter().filter(|(title, _)| matches!(*title, "access key" | "secret"));
    let key = key.map(|(title, at)| (*title, format!("/access_key{at}")));
    let fields: Vec<(&str, String)> = user.chain(key).collect();
    let session = Session::open(&args.remote, environment)?;
    let answer = session.client.call(&Call::create(&["users"], &body))?;
    session.show(&answer, |value| output::record(value, &fields), out)
}

/// A word of the API.
pub(super) fn word(value: impl ValueEnum) -> String {
    value.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
}

/// An object of the members that have a value.
pub(super) fn body(members: &[(&str, Option<String>)]) -> Value {
    let given =
        |(name, value): &(&str, Option<String>)| Some(((*name).to_owned(), Value::String(value.clone()?)));
    Value::Object(members.iter().filter_map(given).collect())
}
