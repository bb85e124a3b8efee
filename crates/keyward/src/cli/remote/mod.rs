//! Commands that talk to a server through its native API: what they share. They know the API's JSON and nothing of the
//! domain; secrets come in by file, environment or standard input and leave only in the answer that shows them once.

pub mod account;
pub mod audit;
mod client;
pub mod configure;
mod duration;
pub mod gate_token;
pub mod key;
mod output;
mod profile;
pub mod report;
pub mod ssh_key;
mod terminal;
pub mod user;
pub mod whoami;
pub mod why;

use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use self::client::{Answer, Call, Client};
use self::output::{Column, Sink};
use self::profile::Profile;
use super::{Environment, Failure, local};

/// Items per request when everything is asked for; the most that the API gives.
const PAGE: &str = "500";

/// How the server is reached, and how its answer is shown.
#[derive(Args, Clone, Debug, Default)]
pub struct RemoteArgs {
    /// Profile that `keyward configure` wrote; the environment then does not count
    #[arg(long, value_name = "NAME")]
    pub profile: Option<String>,
    /// Print exactly the API's JSON
    #[arg(long)]
    pub json: bool,
    /// Write to a new file that only you can read, instead of standard output
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// Which part of a list.
#[derive(Args, Clone, Debug, Default)]
pub struct PageArgs {
    /// Show one page of at most so many items [default: all items]
    #[arg(long, value_name = "N")]
    pub limit: Option<u32>,
    /// Where the page begins: the `next_cursor` of the one before
    #[arg(long, value_name = "CURSOR", requires = "limit")]
    pub cursor: Option<String>,
}

/// Names and values of a query; those without a value are left out.
type Query<'a> = &'a [(&'a str, Option<String>)];

/// A way to the server for one command.
struct Session<'a> {
    client: Client,
    args: &'a RemoteArgs,
    sink: Sink,
}

/// A page as the API answers it.
#[derive(Deserialize)]
struct Page<'a> {
    #[serde(borrow)]
    items: Vec<&'a RawValue>,
    next_cursor: Option<String>,
}

impl<'a> Session<'a> {
    fn open(args: &'a RemoteArgs, environment: &Environment) -> Result<Self, Failure> {
        local::protect();
        let profile = Profile::find(args.profile.as_deref(), environment)?;
        Ok(Self {
            client: Client::new(profile)?,
            args,
            sink: Sink::new(args.output.as_deref(), profile::variable(environment, "PAGER"))?,
        })
    }

    fn get(&self, path: &[&str], query: Query<'_>) -> Result<Answer, Failure> {
        self.client.call(&Call::get(path, query))
    }

    /// Asks for one thing, and shows it as `fields`.
    fn ask(&self, call: &Call, fields: &[Column], out: &mut dyn Write) -> Result<(), Failure> {
        let answer = self.client.call(call)?;
        self.show(&answer, |value| output::record(value, fields), out)
    }

    /// Deletes and says so.
    fn delete(&self, path: &[&str], done: &str, out: &mut dyn Write) -> Result<(), Failure> {
        self.carry_out(&Call::delete(path), done, out)
    }

    /// Does what has no answer, and says so.
    fn carry_out(&self, call: &Call, done: &str, out: &mut dyn Write) -> Result<(), Failure> {
        self.client.call(call)?;
        let text = if self.args.json { String::new() } else { format!("{done}\n") };
        self.emit(&text, out)
    }

    /// Shows an answer: its own bytes with `--json`, else what `render` makes of it.
    fn show(
        &self,
        answer: &Answer,
        render: impl FnOnce(&Value) -> String,
        out: &mut dyn Write,
    ) -> Result<(), Failure> {
        if self.args.json {
            return self.emit(&answer.text(), out);
        }
        self.emit(&render(&answer.json()?), out)
    }

    /// Shows one page, or walks to the end of the list.
    fn list(
        &self,
        path: &[&str],
        query: Query<'_>,
        page: &PageArgs,
        columns: &[Column],
        out: &mut dyn Write,
    ) -> Result<(), Failure> {
        let mut query = query.to_vec();
        let limit = page.limit.map_or_else(|| PAGE.to_owned(), |limit| limit.to_string());
        query.push(("limit", Some(limit)));
        query.push(("cursor", page.cursor.clone()));
        let mut pages = Vec::new();
        loop {
            let answer = self.get(path, &query)?;
            let next = answer.page()?.next_cursor;
            pages.push(answer);
            match (next, page.limit) {
                (Some(cursor), None) => {
                    if let Some(last) = query.last_mut() {
                        last.1 = Some(cursor);
                    }
                }
                _ => break,
            }
        }
        let text = if self.args.json { joined(&pages)? } else { tabled(&pages, columns)? };
        self.emit(&text, out)
    }

    fn emit(&self, text: &str, out: &mut dyn Write) -> Result<(), Failure> {
        self.sink.emit(text, out)
    }
}

/// One page as it came; several as the one page that a list without end would be.
fn joined(pages: &[Answer]) -> Result<String, Failure> {
    if let [page] = pages {
        return Ok(page.text());
    }
    let mut items = Vec::new();
    for page in pages {
        items.extend(page.page()?.items.iter().map(|item| item.get()));
    }
    Ok(format!("{{\"items\":[{}],\"next_cursor\":null}}\n", items.join(",")))
}

fn tabled(pages: &[Answer], columns: &[Column]) -> Result<String, Failure> {
    let mut items = Vec::new();
    for page in pages {
        let page = page.page()?;
        items.extend(page.items.iter().filter_map(|item| serde_json::from_str::<Value>(item.get()).ok()));
    }
    let next = pages.last().map(Answer::page).transpose()?.and_then(|page| page.next_cursor);
    let mut text = output::table(&items, columns);
    if let Some(cursor) = next {
        text.push_str(&format!("more: --cursor {cursor}\n"));
    }
    Ok(text)
}
