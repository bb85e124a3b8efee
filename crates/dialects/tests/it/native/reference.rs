//! `docs/api.md` is written from the OpenAPI document, and compared with it.
//!
//! `cargo xtask docs` writes it.

use std::fmt::Write as _;
use std::path::Path;

use dialects::native::OPEN_API;
use serde_json::Value;

const HEAD: &str = "\
# The native API

Written by `cargo xtask docs` from the OpenAPI document that the server itself serves at `/api/v1/openapi.json`; a test compares
the two. How requests are signed and what lists and refusals look like is in [the dialect's page](dialects/native.md). All paths
begin with `/api/v1`.
";

#[test]
fn the_reference_is_the_documents() {
    let document: Value = serde_json::from_str(OPEN_API).unwrap();
    let text = reference(&document);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/api.md");
    if std::env::var_os("KEYWARD_BLESS").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(written == text, "docs/api.md is not current; `cargo xtask docs` writes it");
}

fn reference(document: &Value) -> String {
    let mut out = HEAD.to_owned();
    for tag in document["tags"].as_array().unwrap() {
        let tag = tag["name"].as_str().unwrap();
        let mut title = tag.to_owned();
        title[..1].make_ascii_uppercase();
        writeln!(out, "\n## {title}").unwrap();
        for (path, methods) in document["paths"].as_object().unwrap() {
            for (method, operation) in methods.as_object().unwrap() {
                if operation["tags"][0] == tag {
                    describe(&mut out, &method.to_uppercase(), path, operation);
                }
            }
        }
    }
    out.push_str("\n## Objects\n");
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        writeln!(out, "\n### {name}\n\n{}\n", text(schema, "description")).unwrap();
        members(&mut out, schema);
    }
    out
}

fn describe(out: &mut String, method: &str, path: &str, operation: &Value) {
    writeln!(out, "\n### {method} {path}\n\n{}.", text(operation, "summary")).unwrap();
    if operation["description"].is_string() {
        writeln!(out, "{}", text(operation, "description")).unwrap();
    }
    if let Some(parameters) = operation["parameters"].as_array() {
        out.push_str("\n| Parameter | In | Type | Meaning |\n|---|---|---|---|\n");
        for parameter in parameters {
            let name = emphasised(text(parameter, "name"), parameter["required"] == true);
            let (place, kind) = (text(parameter, "in"), kind(&parameter["schema"]));
            writeln!(out, "| {name} | {place} | {kind} | {} |", text(parameter, "description")).unwrap();
        }
    }
    out.push('\n');
    for (kind, content) in operation["requestBody"]["content"].as_object().into_iter().flatten() {
        let schema = self::kind(&content["schema"]);
        let body = format!("Body, `{kind}`: {schema}. {}", text(&content["schema"], "description"));
        writeln!(out, "{}\n", body.trim_end()).unwrap();
    }
    let mut refusals = Vec::new();
    for (status, response) in operation["responses"].as_object().unwrap() {
        if response["$ref"].is_string() {
            refusals.push(status.as_str());
            continue;
        }
        let contents = response["content"].as_object();
        let kinds = contents
            .into_iter()
            .flatten()
            .map(|(kind, content)| format!("`{kind}` {}", self::kind(&content["schema"])));
        let kinds: Vec<String> = kinds.collect();
        let what = if kinds.is_empty() { "no body".to_owned() } else { kinds.join(", or ") };
        writeln!(out, "Answers {status}: {what}.").unwrap();
    }
    if !refusals.is_empty() {
        writeln!(out, "Refusals: {}, as [Problem](#problem).", refusals.join(", ")).unwrap();
    }
}

fn members(out: &mut String, schema: &Value) {
    let Some(properties) = schema["properties"].as_object() else { return };
    let required = schema["required"].as_array();
    out.push_str("| Member | Type | Meaning |\n|---|---|---|\n");
    for (name, schema) in properties {
        let is_required = required.is_some_and(|names| names.iter().any(|given| given == name));
        let name = emphasised(name, is_required);
        writeln!(out, "| {name} | {} | {} |", kind(schema), text(schema, "description")).unwrap();
    }
}

fn emphasised(name: &str, is_required: bool) -> String {
    if is_required { format!("**`{name}`**") } else { format!("`{name}`") }
}

/// A type in a few words.
fn kind(schema: &Value) -> String {
    if let Some(target) = schema["$ref"].as_str() {
        let name = target.rsplit('/').next().unwrap();
        return format!("[{name}](#{})", name.to_lowercase());
    }
    if let Some(choices) = schema["oneOf"].as_array() {
        return choices.iter().map(kind).collect::<Vec<_>>().join(" or ");
    }
    let types: Vec<&str> = match &schema["type"] {
        Value::Array(types) => types.iter().map(|kind| kind.as_str().unwrap()).collect(),
        kind => vec![kind.as_str().unwrap_or("any")],
    };
    let one = |kind: &&str| match *kind {
        "array" => format!("list of {}", self::kind(&schema["items"])),
        "string" if schema["format"] == "date-time" => "time".to_owned(),
        "string" if schema["enum"].is_array() => {
            let words = schema["enum"].as_array().unwrap();
            words.iter().map(|word| format!("`{}`", word.as_str().unwrap())).collect::<Vec<_>>().join(", ")
        }
        other => other.to_owned(),
    };
    types.iter().map(one).collect::<Vec<_>>().join(" or ")
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default()
}
