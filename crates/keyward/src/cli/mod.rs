//! The command line: one file per command, one function to run it, exit codes that scripts can rely on.
//!
//! Arguments, environment and output come in from `main`, so that a test runs exactly what a person runs.
//! Secrets never enter by argument.

pub mod audit;
pub mod authorized_keys;
pub mod backup;
pub mod completions;
pub mod config;
pub mod explain;
mod gate_socket;
mod local;
pub mod man;
pub mod master_key;
pub mod migrate;
pub mod remote;
pub mod restore;
pub mod serve;
pub mod ssh_used;
pub mod verify_store;

use std::ffi::OsString;
use std::io::{Read, Write};
use std::process::{ExitCode, Termination};

use clap::{Parser, Subcommand};

/// The dialects of this build, for `[dialect.<name>]`.
const DIALECTS: &[&str] = dialects::registry::NAMES;

/// Environment variables, as `std::env::vars_os` gives them.
pub type Environment = Vec<(OsString, OsString)>;

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// 0: it did what was asked.
    Done,
    /// 1: refused or failed; the reason is on standard error.
    Failed,
    /// 2: the arguments make no sense.
    Usage,
}

impl Termination for Exit {
    fn report(self) -> ExitCode {
        ExitCode::from(match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
        })
    }
}

/// Access keys for your organisation, through the wire APIs that cloud clients already speak.
///
/// Keyward issues, stores, lists, rotates, disables, audits and verifies the machine credentials of an
/// organisation's users.
#[derive(Debug, Parser)]
#[command(name = "keyward", version, after_long_help = EXAMPLES)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  keyward serve                             run a server on loopback; the first start prints a credential
  keyward configure                         tell the commands below where it is and which key signs
  keyward user create bob --with-key        a user and a key; its secret is shown once
  keyward config default > keyward.toml     start from the commented defaults
  keyward config check --config keyward.toml
  keyward verify-store                      prove that the store is whole

Exit codes: 0 done, 1 refused or failed, 2 wrong usage.";

#[derive(Debug, Subcommand)]
enum Command {
    Serve(serve::ServeArgs),
    #[command(subcommand)]
    Config(config::ConfigCommand),
    Explain(explain::ExplainArgs),
    #[command(flatten)]
    Login(LoginCommand),
    Configure(remote::configure::ConfigureArgs),
    Whoami(remote::whoami::WhoamiArgs),
    #[command(subcommand)]
    User(remote::user::UserCommand),
    #[command(subcommand)]
    Key(remote::key::KeyCommand),
    #[command(subcommand)]
    SshKey(remote::ssh_key::SshKeyCommand),
    #[command(subcommand)]
    Account(remote::account::AccountCommand),
    #[command(subcommand)]
    GateToken(remote::gate_token::GateTokenCommand),
    Report(remote::report::ReportArgs),
    Audit(audit::AuditArgs),
    #[command(subcommand)]
    MasterKey(master_key::MasterKeyCommand),
    Backup(backup::BackupArgs),
    Restore(restore::RestoreArgs),
    VerifyStore(verify_store::VerifyStoreArgs),
    Migrate(migrate::MigrateArgs),
    Completions(completions::CompletionsArgs),
    Man(man::ManArgs),
}

/// What a login waits for. Building the parser of all commands takes longer than these do, so they have one of their own.
#[derive(Debug, Parser)]
#[command(name = "keyward", version)]
struct LoginArguments {
    #[command(subcommand)]
    command: LoginCommand,
}

#[derive(Debug, Subcommand)]
enum LoginCommand {
    AuthorizedKeys(authorized_keys::AuthorizedKeysArgs),
    SshUsed(ssh_used::SshUsedArgs),
}

fn parse(arguments: &[OsString]) -> Result<Command, clap::Error> {
    let named = arguments.get(1).and_then(|name| name.to_str());
    if matches!(named, Some("authorized-keys" | "ssh-used")) {
        return LoginArguments::try_parse_from(arguments).map(|arguments| Command::Login(arguments.command));
    }
    Arguments::try_parse_from(arguments).map(|arguments| arguments.command)
}

/// Runs the command that `arguments` name; the first one is the program's own name.
pub fn run(
    arguments: impl IntoIterator<Item = OsString>,
    environment: Environment,
    input: &mut dyn Read,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Exit {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let command = match parse(&arguments) {
        Ok(command) => command,
        Err(error) => return explain_usage(&error, out, err),
    };
    let result = match command {
        Command::Serve(args) => serve::run(&args, environment, out),
        Command::Config(command) => config::run(command, environment, out),
        Command::Explain(args) => explain::run(&args, &environment, input, out),
        Command::Login(LoginCommand::AuthorizedKeys(args)) => authorized_keys::run(&args, out),
        Command::Login(LoginCommand::SshUsed(args)) => ssh_used::run(&args, &environment),
        Command::Configure(args) => remote::configure::run(args, &environment, input, out),
        Command::Whoami(args) => remote::whoami::run(&args, &environment, out),
        Command::User(command) => remote::user::run(command, &environment, input, out),
        Command::Key(command) => remote::key::run(command, &environment, input, out),
        Command::SshKey(command) => remote::ssh_key::run(command, &environment, input, out),
        Command::Account(command) => remote::account::run(command, &environment, out),
        Command::GateToken(command) => remote::gate_token::run(command, &environment, out),
        Command::Report(args) => remote::report::run(&args, &environment, out),
        Command::Audit(args) => audit::run(args, environment, out),
        Command::MasterKey(command) => master_key::run(command, environment, out),
        Command::Backup(args) => backup::run(&args, environment, out),
        Command::Restore(args) => restore::run(args, environment, out),
        Command::VerifyStore(args) => verify_store::run(&args, environment, out),
        Command::Migrate(args) => migrate::run(&args, environment, out),
        Command::Completions(args) => completions::run(&args, out),
        Command::Man(args) => man::run(&args, out),
    };
    match result {
        Ok(()) => Exit::Done,
        Err(Failure(sentence)) => {
            // Nobody is left to tell when standard error is closed.
            let _ = writeln!(err, "keyward: {sentence}");
            Exit::Failed
        }
    }
}

/// Help and version are answers; everything else is a mistake in the arguments.
fn explain_usage(error: &clap::Error, out: &mut dyn Write, err: &mut dyn Write) -> Exit {
    let text = error.render();
    if error.use_stderr() {
        let _ = write!(err, "{text}");
        return Exit::Usage;
    }
    match write!(out, "{text}") {
        Ok(()) => Exit::Done,
        Err(_) => Exit::Failed,
    }
}

/// Why a command failed: one plain sentence that says what to do next.
#[derive(Debug)]
pub struct Failure(pub String);

impl From<crate::config::ConfigError> for Failure {
    fn from(error: crate::config::ConfigError) -> Self {
        Self(error.to_string())
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        let sentence = format!("{error:#}");
        Self(if sentence.ends_with('.') { sentence } else { sentence + "." })
    }
}

/// Writes a command's answer.
fn print(out: &mut dyn Write, text: &str) -> Result<(), Failure> {
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .map_err(|error| Failure(format!("the answer could not be written to standard output: {error}.")))
}

#[cfg(test)]
mod tests;
