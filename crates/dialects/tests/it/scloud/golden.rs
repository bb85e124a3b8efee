//! Golden files: one for each case, readable, with what changes from run to run blacked out.
//!
//! `KEYWARD_BLESS=1 cargo test -p dialects golden` writes them. A file that no case refers to fails the run.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::wire::{Seen, Wire};
use crate::world::World;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/scloud")
}

fn blessing() -> bool {
    std::env::var_os("KEYWARD_BLESS").is_some()
}

/// Compares `text` with the file, or writes the file.
pub fn compare(path: &str, text: &str) {
    let file = root().join(path);
    if blessing() {
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, text).unwrap();
    }
    let golden = std::fs::read_to_string(&file)
        .unwrap_or_else(|_| panic!("{path} is missing; KEYWARD_BLESS=1 writes it"));
    assert!(text == golden, "{path} differs; the answer is now:\n{text}\nit was:\n{golden}");
}

/// The cases of one run.
#[derive(Default)]
pub struct Book {
    paths: BTreeSet<String>,
    /// Which codes each operation was seen to answer.
    pub codes: BTreeMap<String, BTreeSet<u64>>,
}

impl Book {
    /// Sends a request and compares request and answer with the file `<folder>/<case>.txt`.
    pub async fn case(&mut self, folder: &str, case: &str, code: u64, world: &World, wire: &Wire) {
        let seen = world.send(wire).await;
        self.page(folder, case, code, Some(wire), &seen);
    }

    /// Compares an answer with the file.
    pub fn page(&mut self, folder: &str, case: &str, code: u64, wire: Option<&Wire>, seen: &Seen) {
        assert_eq!(seen.code, code, "{folder}/{case}: {}", seen.text);
        let path = format!("{folder}/{case}.txt");
        compare(&path, &page(wire, seen));
        assert!(self.paths.insert(path), "{folder}/{case} occurs twice");
        self.codes.entry(folder.to_owned()).or_default().insert(code);
    }

    /// Fails when there are files that no case refers to.
    pub fn close(&self) {
        let mut stale = Vec::new();
        for folder in std::fs::read_dir(root()).unwrap().map(|entry| entry.unwrap().path()) {
            for file in std::fs::read_dir(&folder).into_iter().flatten().map(|entry| entry.unwrap().path()) {
                let path = file.strip_prefix(root()).unwrap().to_str().unwrap().replace('\\', "/");
                if !self.paths.contains(&path) {
                    stale.push(path);
                }
            }
        }
        assert!(stale.is_empty(), "no case refers to {stale:?}");
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
