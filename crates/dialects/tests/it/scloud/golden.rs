//! How a case of SCloud looks in its golden file.

use std::fmt::Write as _;

use serde_json::Value;

use crate::golden;
use crate::wire::{Seen, Wire};
use crate::world::World;

pub type Book = golden::Book<u64>;

/// Compares `text` with the file.
pub fn compare(path: &str, text: &str) {
    golden::compare("scloud", path, text);
}

impl Book {
    /// Sends a request and compares request and answer with the file `<folder>/<case>.txt`.
    pub async fn case(&mut self, folder: &str, case: &str, code: u64, world: &World, wire: &Wire) {
        let seen = world.send(wire).await;
        self.seen(folder, case, code, Some(wire), &seen);
    }

    /// Compares an answer with the file.
    pub fn seen(&mut self, folder: &str, case: &str, code: u64, wire: Option<&Wire>, seen: &Seen) {
        assert_eq!(seen.code, code, "{folder}/{case}: {}", seen.text);
        self.page(folder, case, code, &page(wire, seen));
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
    let params = wire.params();
    let path = wire.target.split('?').next().unwrap_or_default();
    let target = if wire.method == "GET" && params.is_some() { path } else { &wire.target };
    writeln!(out, "> {} {target}", wire.method).unwrap();
    for (name, value) in &wire.fields {
        writeln!(out, "> {name}: {value}").unwrap();
    }
    match params {
        Some(params) => {
            for (name, value) in params.iter() {
                let value = value.text().escape_debug().to_string();
                let hidden = name == "Signature" && value.len() == 40;
                writeln!(out, "    {name} = {}", if hidden { "<signature>" } else { &value }).unwrap();
            }
        }
        None if wire.body.len() > 1000 => writeln!(out, "    {} bytes", wire.body.len()).unwrap(),
        None => writeln!(out, "    {}", wire.body.escape_ascii()).unwrap(),
    }
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
                    ("AccessKeyID", 32) => "<new key id, 32 characters>".to_owned(),
                    ("AccessKeySecret", 1..) => format!("<secret, {} characters>", text.len()),
                    ("UserId" | "UserID" | "CompanyID", 0) if value.is_u64() => "<number>".to_owned(),
                    ("ProjectId", 1..) => "org-<number>".to_owned(),
                    ("Email", 1..) if text.ends_with(".apiuser.ucloud.cn") => {
                        format!("{}@<number>.apiuser.ucloud.cn", text.split('@').next().unwrap())
                    }
                    _ => continue,
                };
                *value = Value::String(new);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
