//! How answers look to people: tables, single records, a pager where one reads at a terminal. What the server says is
//! somebody's input, so characters that steer a terminal are shown and not sent (threat T71).

use std::cell::Cell;
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, IsTerminal, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use super::Failure;
use crate::cli::print;

/// Lines beyond which a pager helps.
const SCREEN_LINES: usize = 24;

/// A cell without a value.
const NOTHING: &str = "-";

/// A heading and where its value is in the JSON, as a pointer; or pointers with `|` between, the first that leads to one.
pub(super) type Column = (&'static str, &'static str);

/// One line for each item under a line of headings.
pub(super) fn table(items: &[Value], columns: &[Column]) -> String {
    let heading: Vec<String> = columns.iter().map(|(title, _)| (*title).to_owned()).collect();
    let rows = items.iter().map(|item| columns.iter().map(|(_, at)| cell(value_at(item, at))).collect());
    let rows: Vec<Vec<String>> = std::iter::once(heading).chain(rows).collect();
    let widths: Vec<usize> = (0..columns.len())
        .map(|at| {
            rows.iter().filter_map(|row| row.get(at)).map(|cell| cell.chars().count()).max().unwrap_or(0)
        })
        .collect();
    let line = |row: &Vec<String>| {
        let cells: Vec<String> =
            row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        cells.join("  ").trim_end().to_owned() + "\n"
    };
    rows.iter().map(line).collect()
}

/// What a column shows of an item.
pub(super) fn value_at<'a>(item: &'a Value, at: &str) -> Option<&'a Value> {
    at.split('|').filter_map(|at| item.pointer(at)).find(|value| !value.is_null())
}

/// One line for each field; those that the record does not have, or that are empty, are left out.
pub(super) fn record<P: AsRef<str>>(value: &Value, fields: &[(&str, P)]) -> String {
    let width = fields.iter().map(|(title, _)| title.len()).max().unwrap_or(0);
    let line = |(title, at): &(&str, P)| {
        let shown = cell(value.pointer(at.as_ref()));
        (shown != NOTHING).then(|| format!("{title:<width$}  {shown}\n"))
    };
    fields.iter().filter_map(line).collect()
}

/// A value in a cell.
pub(super) fn cell(value: Option<&Value>) -> String {
    let text = match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => shortened(text),
        Some(Value::Array(items)) => items.iter().map(|item| cell(Some(item))).collect::<Vec<_>>().join(","),
        Some(Value::Bool(true)) => "yes".to_owned(),
        Some(Value::Bool(false)) => "no".to_owned(),
        Some(other) => other.to_string(),
    };
    if text.is_empty() { NOTHING.to_owned() } else { text }
}

/// Times without what nobody reads: `2026-01-31T12:00:00.000Z` is `2026-01-31 12:00:00Z`.
fn shortened(text: &str) -> String {
    let is_time = text.len() == 24
        && text.ends_with('Z')
        && text.bytes().enumerate().all(|(at, byte)| match at {
            4 | 7 => byte == b'-',
            10 => byte == b'T',
            13 | 16 => byte == b':',
            19 => byte == b'.',
            23 => byte == b'Z',
            _ => byte.is_ascii_digit(),
        });
    match (text.get(..10), text.get(11..19)) {
        (Some(day), Some(time)) if is_time => format!("{day} {time}Z"),
        _ => clean(text),
    }
}

/// Text that a terminal only shows: control characters and those that turn the direction of writing are spelled out.
pub(super) fn clean(text: &str) -> String {
    let steers = |c: char| {
        c.is_control()
            || matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
    };
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if steers(c) { out.extend(c.escape_unicode()) } else { out.push(c) }
    }
    out
}

/// Where an answer goes: standard output, or a new file, made before anything is asked of the server, so that no secret is
/// shown once to nobody.
pub(super) struct Sink {
    file: Option<(File, PathBuf)>,
    pager: String,
    is_used: Cell<bool>,
}

impl Sink {
    pub(super) fn new(output: Option<&Path>, pager: Option<String>) -> Result<Self, Failure> {
        let open = |path: &Path| -> Result<_, Failure> {
            let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
            let file = file.map_err(|error| match error.kind() {
                ErrorKind::AlreadyExists => {
                    Failure(format!("{} exists; name a file that does not.", path.display()))
                }
                _ => Failure(format!("{} cannot be written: {error}.", path.display())),
            })?;
            Ok((file, path.to_owned()))
        };
        let pager = pager.unwrap_or_else(|| "less".to_owned());
        Ok(Self { file: output.map(open).transpose()?, pager, is_used: Cell::new(false) })
    }

    /// Writes to the file, or to standard output, through a pager where somebody reads a long text at a terminal.
    pub(super) fn emit(&self, text: &str, out: &mut dyn Write) -> Result<(), Failure> {
        self.is_used.set(true);
        match &self.file {
            Some((file, path)) => {
                let mut file: &File = file;
                let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
                written.map_err(|error| Failure(format!("{} cannot be written: {error}.", path.display())))
            }
            None if is_long(text) && page(&self.pager, text) => Ok(()),
            None => print(out, text),
        }
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        if let (Some((_, path)), false) = (&self.file, self.is_used.get()) {
            // Empty, and the next try wants the name.
            let _ = std::fs::remove_file(path);
        }
    }
}

fn is_long(text: &str) -> bool {
    std::io::stdout().is_terminal() && text.lines().count() > SCREEN_LINES
}

/// Whether a pager showed it.
fn page(pager: &str, text: &str) -> bool {
    let started = Command::new(pager).env("LESS", "FRX").stdin(Stdio::piped()).spawn();
    let Ok(mut child) = started else { return false };
    // Who leaves the pager early has seen enough.
    let _ = child.stdin.take().map(|mut input| input.write_all(text.as_bytes()));
    child.wait().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_column_shows_the_first_value_that_there_is() {
        let items =
            [json!({"name": "bob", "id": "1"}), json!({"name": null, "id": "2"}), json!({"id": null})];
        assert_eq!(table(&items, &[("ACTOR", "/name|/id")]), "ACTOR\nbob\n2\n-\n");
    }

    #[test]
    fn tables_line_up_and_nothing_steers_the_terminal() {
        let items = [
            json!({"id": "KW1", "user": {"name": "zoë"}, "at": "2026-01-31T12:00:00.000Z", "on": true, "few": ["a", "b"]}),
            json!({"id": "a\u{1b}[31m\n\u{202e}b", "user": null, "at": null, "on": false, "few": []}),
        ];
        let columns = [("ID", "/id"), ("USER", "/user/name"), ("AT", "/at"), ("ON", "/on"), ("FEW", "/few")];
        let expected = "\
ID                         USER  AT                    ON   FEW
KW1                        zoë   2026-01-31 12:00:00Z  yes  a,b
a\\u{1b}[31m\\u{a}\\u{202e}b  -     -                     no   -
";
        assert_eq!(table(&items, &columns), expected);
        assert_eq!(
            record(&items[0], &[("id", "/id"), ("nothing", "/x"), ("on", "/on")]),
            "id       KW1\non       yes\n"
        );
    }
}
