//! `keyward ssh-key`: SSH public keys of the account's users. Private keys are never read further than to see that they are.

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;

use clap::{Args, Subcommand};
use domain::ssh_keys::{Fingerprint, PublicKey};
use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use super::client::Call;
use super::output::{Column, record};
use super::{Environment, Failure, PageArgs, RemoteArgs, Session};

/// Longer than any public key's file.
const MAX_FILE_BYTES: u64 = 64 * 1024;
/// Standard input, where a file is named.
const STANDARD_INPUT: &str = "-";

/// Add, list, find, change and delete SSH keys
#[derive(Debug, Subcommand)]
pub enum SshKeyCommand {
    /// Add a public key
    #[command(after_long_help = "\
Examples:
  keyward ssh-key add ~/.ssh/id_ed25519.pub
  keyward ssh-key add --user bob --title 'build machine' --source 10.0.0.0/8 build.pub
  ssh-keygen -y -f key | keyward ssh-key add --title laptop -")]
    Add(AddArgs),
    /// List your SSH keys, another user's, or all of the account
    #[command(after_long_help = "\
Examples:
  keyward ssh-key list
  keyward ssh-key list --user bob
  keyward ssh-key list --all --status inactive")]
    List(ListArgs),
    /// Show one SSH key
    #[command(after_long_help = "\
Examples:
  keyward ssh-key show 1804289383")]
    Show(OneKey),
    /// Find whose a key is, by its fingerprint or by the public key itself
    #[command(after_long_help = "\
Examples:
  keyward ssh-key find SHA256:QO5GCzd/t+RS0RTG6ie+9ltuvliFVyThHpBPZfQ0v+I
  keyward ssh-key find id_ed25519.pub
  ssh-add -L | head -n 1 | keyward ssh-key find -")]
    Find {
        /// Fingerprint as `ssh-keygen -l` prints it, or file with a public key; `-` is standard input
        #[arg(value_name = "FINGERPRINT|FILE")]
        key: String,
        /// The server.
        #[command(flatten)]
        remote: RemoteArgs,
    },
    /// Change title, end and networks of an SSH key
    #[command(after_long_help = "\
Examples:
  keyward ssh-key set 1804289383 --title 'old laptop' --expires-at 2027-01-01T00:00:00Z
  keyward ssh-key set 1804289383 --source any --expires-at none")]
    Set(SetArgs),
    /// Let a disabled SSH key open logins again
    #[command(after_long_help = "\
Examples:
  keyward ssh-key enable 1804289383")]
    Enable(OneKey),
    /// Disable an SSH key; it opens no login from now on
    #[command(after_long_help = "\
Examples:
  keyward ssh-key disable 1804289383")]
    Disable(OneKey),
    /// Disable all SSH keys of the account, until each is enabled again
    ///
    /// For when keys may have been added in silence. Nobody logs in with a key any more; whoever sees a key of his own that he
    /// knows enables it again. The root user's keys are disabled by himself only.
    #[command(after_long_help = "\
Examples:
  keyward ssh-key disable-all
  keyward ssh-key list --status inactive       what you have to look at
  keyward ssh-key enable 1804289383            one that you know")]
    DisableAll {
        /// The server.
        #[command(flatten)]
        remote: RemoteArgs,
    },
    /// Delete an SSH key for good
    #[command(after_long_help = "\
Examples:
  keyward ssh-key delete 1804289383")]
    Delete(OneKey),
}

/// A new SSH key.
#[derive(Args, Clone, Debug)]
pub struct AddArgs {
    /// File with the public key; `-` is standard input
    pub file: String,
    /// The user who gets it [default: you]
    #[arg(long, value_name = "NAME")]
    pub user: Option<String>,
    /// Title [default: the key's comment]
    #[arg(long, value_name = "TEXT")]
    pub title: Option<String>,
    /// Where and until when it is good.
    #[command(flatten)]
    pub limits: LimitArgs,
    /// The server.
    #[command(flatten)]
    pub remote: RemoteArgs,
}

/// Which SSH keys.
#[derive(Args, Clone, Debug)]
pub struct ListArgs {
    /// Those of this user [default: yours]
    #[arg(long, value_name = "NAME", conflicts_with = "all")]
    pub user: Option<String>,
    /// Those of the whole account
    #[arg(long)]
    pub all: bool,
    /// Only those whose title contains this
    #[arg(long, value_name = "TEXT")]
    pub title: Option<String>,
    /// Only with this status
    #[arg(long, value_name = "STATUS", value_parser = ["active", "inactive"])]
    pub status: Option<String>,
    /// Which part.
    #[command(flatten)]
    pub page: PageArgs,
    /// The server.
    #[command(flatten)]
    pub remote: RemoteArgs,
}

/// One SSH key.
#[derive(Args, Clone, Debug)]
pub struct OneKey {
    /// Its number
    pub id: String,
    /// The server.
    #[command(flatten)]
    pub remote: RemoteArgs,
}

/// A changed SSH key.
#[derive(Args, Clone, Debug)]
pub struct SetArgs {
    /// Its number
    pub id: String,
    /// Title
    #[arg(long, value_name = "TEXT")]
    pub title: Option<String>,
    /// Where and until when it is good.
    #[command(flatten)]
    pub limits: LimitArgs,
    /// The server.
    #[command(flatten)]
    pub remote: RemoteArgs,
}

/// Where and until when an SSH key is good. What is not given stays as it is.
#[derive(Args, Clone, Debug, Default)]
pub struct LimitArgs {
    /// Network that it may be used from, such as 10.0.0.0/8; may be repeated, `any` allows all
    #[arg(long, value_name = "NETWORK")]
    pub source: Vec<String>,
    /// Not good from this time on (RFC 3339), or `none`
    #[arg(long, value_name = "TIME")]
    pub expires_at: Option<String>,
}

impl LimitArgs {
    /// The members that were given, with the title.
    fn body(&self, title: Option<&str>) -> Map<String, Value> {
        let mut body = Map::new();
        if let Some(title) = title {
            body.insert("title".to_owned(), title.into());
        }
        if !self.source.is_empty() {
            let any = self.source.iter().any(|source| source == "any");
            body.insert("sources".to_owned(), if any { json!([]) } else { self.source.clone().into() });
        }
        if let Some(time) = &self.expires_at {
            let time = if time == "none" { Value::Null } else { time.as_str().into() };
            body.insert("expires_at".to_owned(), time);
        }
        body
    }
}

const COLUMNS: [Column; 9] = [
    ("ID", "/id"),
    ("USER", "/user"),
    ("TITLE", "/title"),
    ("STATE", "/state"),
    ("TYPE", "/type"),
    ("FINGERPRINT", "/fingerprint"),
    ("EXPIRES", "/expires_at"),
    ("LAST OFFERED", "/last_offered"),
    ("LAST USED", "/last_used"),
];

const FIELDS: [Column; 12] = [
    ("ssh key", "/id"),
    ("user", "/user"),
    ("title", "/title"),
    ("state", "/state"),
    ("type", "/type"),
    ("fingerprint", "/fingerprint"),
    ("sources", "/sources"),
    ("expires", "/expires_at"),
    ("last offered", "/last_offered"),
    ("last used", "/last_used"),
    ("created", "/created_at"),
    ("key", "/key"),
];

/// Runs one of the commands.
///
/// # Errors
/// One sentence that says what to do.
pub fn run(
    command: SshKeyCommand,
    environment: &Environment,
    input: &mut dyn Read,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    match command {
        SshKeyCommand::Add(args) => add(&args, environment, input, out),
        SshKeyCommand::List(args) => list(args, environment, out),
        SshKeyCommand::Show(one) => {
            let session = Session::open(&one.remote, environment)?;
            session.ask(&Call::get(&["ssh-keys", &one.id], &[]), &FIELDS, out)
        }
        SshKeyCommand::Find { key, remote } => find(&key, &remote, environment, input, out),
        SshKeyCommand::Set(args) => {
            let body = Value::Object(args.limits.body(args.title.as_deref()));
            let session = Session::open(&args.remote, environment)?;
            session.ask(&Call::patch(&["ssh-keys", &args.id], &body), &FIELDS, out)
        }
        SshKeyCommand::Enable(one) => set_status(&one, "active", environment, out),
        SshKeyCommand::Disable(one) => set_status(&one, "inactive", environment, out),
        SshKeyCommand::DisableAll { remote } => disable_all(&remote, environment, out),
        SshKeyCommand::Delete(one) => {
            let done = format!("deleted {}", one.id);
            Session::open(&one.remote, environment)?.delete(&["ssh-keys", &one.id], &done, out)
        }
    }
}

fn add(
    args: &AddArgs,
    environment: &Environment,
    input: &mut dyn Read,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let session = Session::open(&args.remote, environment)?;
    let text = read_public(&args.file, input)?;
    let comment = || text.split_whitespace().skip(2).collect::<Vec<_>>().join(" ");
    let title = args.title.clone().unwrap_or_else(comment);
    if title.is_empty() {
        return Err(Failure(
            "the key has no comment that could be its title; give one with --title.".to_owned(),
        ));
    }
    let user = match &args.user {
        Some(name) => name.clone(),
        None => own_name(&session)?,
    };
    let mut body = args.limits.body(Some(&title));
    body.insert("key".to_owned(), text.trim().into());
    session.ask(&Call::create(&["users", &user, "ssh-keys"], &Value::Object(body)), &FIELDS, out)
}

fn list(args: ListArgs, environment: &Environment, out: &mut dyn Write) -> Result<(), Failure> {
    let session = Session::open(&args.remote, environment)?;
    let user = match args.user {
        Some(name) => Some(name),
        None if args.all => None,
        None => Some(own_name(&session)?),
    };
    let query = [("user", user), ("title", args.title), ("status", args.status)];
    session.list(&["ssh-keys"], &query, &args.page, &COLUMNS, out)
}

fn find(
    key: &str,
    remote: &RemoteArgs,
    environment: &Environment,
    input: &mut dyn Read,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let fingerprint = match Fingerprint::parse(key) {
        Some(fingerprint) => fingerprint,
        None if key.starts_with("SHA256:") => {
            return Err(Failure(
                "this is no whole fingerprint; give SHA256: and the 43 characters after it.".to_owned(),
            ));
        }
        None => {
            let public = PublicKey::parse(&read_public(key, input)?);
            public.map_err(|bad| Failure(format!("the key in {} {bad}.", shown_name(key))))?.fingerprint()
        }
    };
    let session = Session::open(remote, environment)?;
    let answer = session.get(&["ssh-keys"], &[("fingerprint", Some(fingerprint.to_string()))])?;
    if answer.page()?.items.is_empty() {
        return Err(Failure(format!("no SSH key that you may see has the fingerprint {fingerprint}.")));
    }
    let shown = |list: &Value| list.pointer("/items/0").map_or_else(String::new, |key| record(key, &FIELDS));
    session.show(&answer, shown, out)
}

fn set_status(
    one: &OneKey,
    status: &str,
    environment: &Environment,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let call = Call::patch(&["ssh-keys", &one.id], &json!({ "status": status }));
    Session::open(&one.remote, environment)?.ask(&call, &FIELDS, out)
}

/// Goes on until the server has seen every key.
fn disable_all(remote: &RemoteArgs, environment: &Environment, out: &mut dyn Write) -> Result<(), Failure> {
    let session = Session::open(remote, environment)?;
    let (mut disabled, mut kept, mut cursor) = (0, 0, None);
    loop {
        let query = [("cursor", cursor)];
        let call = Call::post(&["ssh-keys", "disable-all"], &query, "application/json", Default::default());
        let answer = session.client.call(&call)?;
        if remote.json {
            session.emit(&answer.text(), out)?;
        }
        let answer = answer.json()?;
        let count = |member| answer.get(member).and_then(Value::as_u64).unwrap_or(0);
        disabled += count("disabled");
        kept += count("kept");
        cursor = answer.get("next_cursor").and_then(Value::as_str).map(str::to_owned);
        if cursor.is_none() {
            break;
        }
    }
    if remote.json {
        return Ok(());
    }
    let mut text = format!("disabled {disabled} SSH keys; each works again once its owner has enabled it\n");
    if kept > 0 {
        text.push_str(&format!("left {kept} that only the root user may disable, or that are damaged\n"));
    }
    session.emit(&text, out)
}

fn own_name(session: &Session<'_>) -> Result<String, Failure> {
    let answer = session.get(&["whoami"], &[])?.json()?;
    let name = answer.pointer("/user/name").and_then(Value::as_str);
    name.map(str::to_owned)
        .ok_or_else(|| Failure("the server does not say who you are; update it.".to_owned()))
}

/// The text of a public key; a private one goes nowhere (threat T89).
fn read_public(file: &str, input: &mut dyn Read) -> Result<Zeroizing<String>, Failure> {
    let name = shown_name(file);
    let failed = |error: std::io::Error| Failure(format!("{name} cannot be read: {error}."));
    let mut text = Zeroizing::new(String::new());
    let read = match file {
        STANDARD_INPUT => input.take(MAX_FILE_BYTES).read_to_string(&mut text),
        file => File::open(Path::new(file)).map_err(failed)?.take(MAX_FILE_BYTES).read_to_string(&mut text),
    };
    read.map_err(failed)?;
    if text.contains("PRIVATE KEY") {
        return Err(Failure(format!("{name} is a private key; name the public one, which ends in .pub.")));
    }
    Ok(text)
}

fn shown_name(file: &str) -> &str {
    if file == STANDARD_INPUT { "standard input" } else { file }
}
