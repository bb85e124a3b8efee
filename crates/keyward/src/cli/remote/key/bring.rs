//! `keyward key import`: keys that exist elsewhere. Their secrets come in by standard input or by a file that only its owner
//! can read, and go nowhere but into the request (threat T70).

use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::Value;
use zeroize::Zeroizing;

use super::super::client::Call;
use super::super::output::{Column, clean, table};
use super::super::{Environment, Failure, Session};
use super::{ImportArgs, KEY_FIELDS};

/// Longer than any secret.
const MAX_SECRET_BYTES: u64 = 1024;
/// The server takes bodies of one megabyte by default; a longer file is sent in parts.
const PART_BYTES: usize = 512 * 1024;

const COLUMNS: [Column; 5] = [
    ("LINE", "/line"),
    ("USER", "/user"),
    ("ID", "/id"),
    ("RESULT", "/result"),
    ("REASON", "/problem/detail"),
];

pub(super) fn import(
    args: ImportArgs,
    environment: &Environment,
    input: &mut dyn Read,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let session = Session::open(&args.remote, environment)?;
    if let Some(file) = &args.bulk {
        return bulk(&session, file, args.create_users, out);
    }
    let secret = match &args.secret_file {
        Some(file) => read(private(file)?, MAX_SECRET_BYTES)?,
        None => read(input, MAX_SECRET_BYTES)?,
    };
    let secret = secret.trim_end_matches(['\r', '\n']);
    if secret.is_empty() {
        return Err(Failure(
            "there is no secret on standard input; pipe it in, or name its file with --secret-file."
                .to_owned(),
        ));
    }
    let mut body = args.conditions.body();
    if let Some(members) = body.as_object_mut() {
        members.insert("id".to_owned(), args.id.unwrap_or_default().into());
        members.insert("secret".to_owned(), secret.into());
    }
    let path = ["users", args.user.as_deref().unwrap_or_default(), "access-keys", "import"];
    let body = Zeroizing::new(body.to_string().into_bytes());
    session.ask(&Call::post(&path, &[], "application/json", body), &KEY_FIELDS, out)
}

/// Sends a file in parts that begin at a line, and shows what became of each line.
fn bulk(session: &Session<'_>, file: &Path, create_users: bool, out: &mut dyn Write) -> Result<(), Failure> {
    let is_csv = match file.extension().and_then(|extension| extension.to_str()) {
        Some("csv") => true,
        Some("jsonl" | "ndjson") => false,
        _ => {
            return Err(Failure(format!(
                "{} is neither .csv nor .jsonl; name it after what it holds.",
                file.display()
            )));
        }
    };
    let text = read(private(file)?, u64::MAX)?;
    let content_type = if is_csv { "text/csv" } else { "application/x-ndjson" };
    let query = [("create_users", create_users.then(|| "true".to_owned()))];
    let (mut items, mut refused) = (Vec::new(), 0);
    for part in parts(&text, is_csv) {
        let body = Zeroizing::new(part.text.as_bytes().to_vec());
        let answer = session.client.call(&Call::post(&["import"], &query, content_type, body))?;
        if session.args.json {
            session.emit(&answer.text(), out)?;
        }
        let answer = answer.json()?;
        refused += answer.get("refused").and_then(Value::as_u64).unwrap_or(0);
        for item in answer.get("items").and_then(Value::as_array).into_iter().flatten() {
            let mut item = item.clone();
            if let Some(line) = item.get_mut("line") {
                *line = Value::from(line.as_u64().unwrap_or(0) + part.lines_before);
            }
            items.push(item);
        }
    }
    if !session.args.json {
        session.emit(&table(&items, &COLUMNS), out)?;
    }
    match refused {
        0 => Ok(()),
        _ => Err(Failure(format!(
            "{refused} of {} keys were not imported; mend their lines and import those again.",
            items.len()
        ))),
    }
}

/// A part of a file with the head line that it needs.
struct Part {
    text: Zeroizing<String>,
    /// What to add to a line's number in it.
    lines_before: u64,
}

fn parts(text: &str, has_head: bool) -> Vec<Part> {
    let (head, rest) = match text.split_once('\n') {
        Some((head, rest)) if has_head => (format!("{head}\n"), rest),
        _ => (String::new(), text),
    };
    let mut parts: Vec<Part> = Vec::new();
    for (number, line) in (0..).zip(rest.split_inclusive('\n')) {
        match parts.last_mut() {
            Some(part) if part.text.len() + line.len() <= PART_BYTES => part.text.push_str(line),
            _ => {
                parts.push(Part {
                    text: Zeroizing::new([head.as_str(), line].concat()),
                    lines_before: number,
                });
            }
        }
    }
    parts
}

/// Opens a file with secrets, which nobody else may read.
fn private(path: &Path) -> Result<File, Failure> {
    let file = File::open(path);
    let file = file.map_err(|error| Failure(format!("{} cannot be read: {error}.", path.display())))?;
    let mode = file.metadata().map_or(0, |metadata| metadata.permissions().mode());
    if mode & 0o077 != 0 {
        return Err(Failure(format!("{} can be read by others; run: chmod 600 {0}", path.display())));
    }
    Ok(file)
}

fn read(input: impl Read, limit: u64) -> Result<Zeroizing<String>, Failure> {
    let mut text = Zeroizing::new(String::new());
    let read = input.take(limit).read_to_string(&mut text);
    read.map_err(|error| Failure(format!("the secret cannot be read: {}.", clean(&error.to_string()))))?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_file_is_sent_in_parts_that_keep_their_lines() {
        let line = format!("{}\n", "x".repeat(200_000));
        let text = format!("head\n{}", line.repeat(5));
        let cut = parts(&text, true);
        assert_eq!(cut.iter().map(|part| part.lines_before).collect::<Vec<_>>(), [0, 2, 4]);
        assert!(cut.iter().all(|part| part.text.starts_with("head\nx")));
        let joined: String = cut.iter().map(|part| part.text.strip_prefix("head\n").unwrap()).collect();
        assert_eq!(joined, line.repeat(5));
        assert_eq!(parts("a\nb", false).len(), 1);
        assert!(parts("", false).is_empty());
    }
}
