//! How a case of Tencent looks in its golden file.

use std::fmt::Write as _;

use serde_json::Value;
use signing::params::MAX_PARAMS;
use signing::{Params, tencent_v1};

use super::samples::UIN_BASE;
use super::wire::{Seen, send};
use crate::golden;
use crate::wire::Wire;
use crate::world::World;

pub type Book = golden::Book<String>;

/// Compares `text` with the file.
pub fn compare(path: &str, text: &str) {
    golden::compare("tencent", path, text);
}

impl Book {
    /// Sends a request and compares request and answer with the file `<folder>/<case>.txt`.
    pub async fn told(&mut self, folder: &str, case: &str, code: &str, world: &World, wire: &Wire) {
        let seen = send(world, wire).await;
        self.shown(folder, case, code, Some(wire), &seen);
    }

    /// Compares an answer with the file.
    pub fn shown(&mut self, folder: &str, case: &str, code: &str, wire: Option<&Wire>, seen: &Seen) {
        assert_eq!(seen.code, code, "{folder}/{case}: {}", seen.text);
        self.page(folder, case, code.to_owned(), &page(wire, seen));
    }
}

fn page(wire: Option<&Wire>, seen: &Seen) -> String {
    let mut out = String::new();
    if let Some(wire) = wire {
        request(&mut out, wire);
    }
    writeln!(out, "< {}", seen.status).unwrap();
    for (name, value) in &seen.headers {
        writeln!(out, "< {name}: {value}").unwrap();
    }
    let mut json = seen.json.clone();
    redact(&mut json);
    writeln!(out, "{}", serde_json::to_string_pretty(&json).unwrap()).unwrap();
    out
}

fn request(out: &mut String, wire: &Wire) {
    let (path, query) = wire.target.split_once('?').unwrap_or((&wire.target, ""));
    writeln!(out, "> {} {path}", wire.method).unwrap();
    for (name, value) in &wire.fields {
        writeln!(out, "> {name}: {}", hide_signature(value)).unwrap();
    }
    let v1 = tencent_v1::params(&wire.view(&wire.headers()), MAX_PARAMS).ok();
    match v1.or_else(|| Params::from_form(query.as_bytes(), MAX_PARAMS).ok()) {
        Some(params) if !params.is_empty() => {
            for (name, value) in params.iter() {
                let value = value.text();
                let value = if name == "Signature" { "<signature>".into() } else { number(&value) };
                writeln!(out, "    {name} = {}", value.escape_debug()).unwrap();
            }
        }
        _ if wire.body.is_empty() => {}
        _ if wire.body.len() > 1000 => writeln!(out, "    {} bytes", wire.body.len()).unwrap(),
        _ => writeln!(out, "    {}", number(&wire.body.escape_ascii().to_string())).unwrap(),
    }
}

fn hide_signature(value: &str) -> String {
    match value.split_once("Signature=") {
        Some((before, _)) => format!("{before}Signature=<signature>"),
        None => value.to_owned(),
    }
}

/// Blacks out the random numbers of users.
fn number(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(|c: char| c.is_ascii_digit()) {
        let (before, digits) = rest.split_at(at);
        let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
        let (digits, after) = digits.split_at(end);
        let is_uin = digits.len() == 12 && digits.parse().is_ok_and(|uin: u64| uin > UIN_BASE + 1);
        out.push_str(before);
        out.push_str(if is_uin { "<uin>" } else { digits });
        rest = after;
    }
    out + rest
}

/// Blacks out what is random: new ids and secrets, and the numbers of users and accounts.
fn redact(json: &mut Value) {
    match json {
        Value::Array(items) => items.iter_mut().for_each(redact),
        Value::Object(members) => {
            for (name, value) in members {
                redact(value);
                let text = value.as_str().unwrap_or_default();
                let new = match (name.as_str(), text.len()) {
                    ("AccessKeyId" | "SecretId", 36) => "<new key id, 36 characters>".to_owned(),
                    ("SecretAccessKey" | "SecretKey" | "Password", 1..) => {
                        format!("<secret, {} characters>", text.len())
                    }
                    ("Uin" | "Uid" | "AppId", 0) if value.is_u64() => "<number>".to_owned(),
                    (_, 1..) => number(text),
                    _ => continue,
                };
                *value = Value::String(new);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
