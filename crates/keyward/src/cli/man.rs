//! `keyward man`: the manual page, and the same reference as Markdown, which is `docs/cli.md`.

use std::fmt::Write as _;
use std::io::Write;

use clap::{Arg, Args, Command, CommandFactory, ValueEnum};

use super::{Arguments, Failure, print};

/// Print the manual page
#[derive(Args, Clone, Debug)]
#[command(after_long_help = "\
Examples:
  keyward man | man -l -
  keyward man > /usr/local/share/man/man1/keyward.1
  keyward man --format markdown > docs/cli.md")]
pub struct ManArgs {
    /// How it is written
    #[arg(long, value_enum, default_value_t = Format::Roff, value_name = "FORMAT")]
    pub format: Format,
}

/// How a manual is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For `man`: one page with every command.
    Roff,
    /// For people: the reference of every command.
    Markdown,
}

pub(super) fn run(args: &ManArgs, out: &mut dyn Write) -> Result<(), Failure> {
    let mut command = Arguments::command();
    command.build();
    print(
        out,
        &match args.format {
            Format::Roff => roff(&command)?,
            Format::Markdown => markdown(&command),
        },
    )
}

/// The page of the program, followed by those of its commands without their own title.
fn roff(command: &Command) -> Result<String, Failure> {
    let failed = |error: std::io::Error| Failure(format!("the manual cannot be written: {error}."));
    let mut page = Vec::new();
    clap_mangen::Man::new(command.clone()).render(&mut page).map_err(failed)?;
    for command in leaves(command) {
        let man = clap_mangen::Man::new(command.clone());
        writeln!(page, ".SH \"{}\"", path(command).to_uppercase()).map_err(failed)?;
        man.render_synopsis_section(&mut page).map_err(failed)?;
        man.render_description_section(&mut page).map_err(failed)?;
        man.render_options_section(&mut page).map_err(failed)?;
    }
    Ok(String::from_utf8_lossy(&page).into_owned())
}

const HEAD: &str = "\
# The command line

Written by `cargo xtask docs` from the definitions of the commands; a test compares the two. `keyward help COMMAND` shows the
same for one command.

Exit codes: 0 done, 1 refused or failed, 2 wrong usage. A failure is one sentence on standard error that says what to do.

";

fn markdown(root: &Command) -> String {
    let mut text = HEAD.to_owned();
    let commands = leaves(root);
    for command in &commands {
        let (name, anchor) = (path(command), path(command).replace(' ', "-"));
        // Writing to memory does not fail.
        let _ = writeln!(text, "- [`{name}`](#{anchor}): {}", about(command));
    }
    for command in &commands {
        section(&mut text, command);
    }
    text
}

fn section(text: &mut String, command: &Command) {
    let usage = command.clone().render_usage().to_string();
    let _ =
        writeln!(text, "\n## {}\n\n```text\n{}\n```\n", path(command), usage.trim_start_matches("Usage: "));
    let long = command.get_long_about().or(command.get_about()).map(ToString::to_string).unwrap_or_default();
    let _ = writeln!(text, "{}\n", escape(&long));
    let shown = |arg: &&Arg| !arg.is_hide_set() && !matches!(arg.get_id().as_str(), "help" | "version");
    let args: Vec<&Arg> = command.get_arguments().filter(shown).collect();
    if !args.is_empty() {
        text.push_str("| argument | meaning |\n|---|---|\n");
        for arg in args {
            let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
            let values: Vec<String> =
                arg.get_possible_values().iter().map(|value| format!("`{}`", value.get_name())).collect();
            let takes_value = arg.get_action().takes_values();
            let values = if takes_value && !values.is_empty() {
                format!(": {}", values.join(", "))
            } else {
                String::new()
            };
            let _ = writeln!(text, "| `{}` | {}{values} |", spelled(arg), escape(&help).replace('|', "\\|"));
        }
        text.push('\n');
    }
    if let Some(after) = command.get_after_long_help() {
        let _ = writeln!(text, "```text\n{}\n```", after.to_string().trim_end());
    }
}

fn spelled(arg: &Arg) -> String {
    let value = arg.get_value_names().and_then(|names| names.first()).map(ToString::to_string);
    let value = value.filter(|_| arg.get_action().takes_values());
    match (arg.get_long(), value) {
        (Some(long), Some(value)) => format!("--{long} {value}"),
        (Some(long), None) => format!("--{long}"),
        (None, value) => value.unwrap_or_else(|| arg.get_id().to_string()),
    }
}

/// What Markdown would take for a tag or an emphasis.
fn escape(text: &str) -> String {
    text.replace('<', "\\<").replace('*', "\\*")
}

fn about(command: &Command) -> String {
    command.get_about().map(ToString::to_string).unwrap_or_default()
}

fn path(command: &Command) -> String {
    command.get_bin_name().unwrap_or(command.get_name()).to_owned()
}

/// Every command that does something, in the order of the help.
fn leaves(command: &Command) -> Vec<&Command> {
    let commands = command.get_subcommands().filter(|one| one.get_name() != "help" && !one.is_hide_set());
    commands
        .flat_map(|command| {
            let own = !command.has_subcommands() || !command.is_subcommand_required_set();
            own.then_some(command).into_iter().chain(leaves(command))
        })
        .collect()
}
