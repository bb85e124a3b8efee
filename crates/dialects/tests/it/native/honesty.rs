//! The OpenAPI document says what the server does: every operation is driven, and every answer is held against it.

use std::collections::{BTreeMap, BTreeSet};

use dialects::native::{Native, OPEN_API, Problem};
use serde_json::{Value, json};

use super::api::{Api, Told};
use super::samples::{operations, sample};
use super::schema::faults;
use crate::world::signer;

fn document() -> Value {
    serde_json::from_str(OPEN_API).unwrap()
}

/// Operation id → method, path and description.
fn described() -> BTreeMap<String, (String, String, Value)> {
    let mut found = BTreeMap::new();
    for (path, methods) in document()["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let id = operation["operationId"].as_str().unwrap().to_owned();
            found.insert(id, (method.to_uppercase(), path.clone(), operation.clone()));
        }
    }
    found
}

#[test]
fn the_document_describes_exactly_the_operations_of_the_table() {
    let mut described: BTreeSet<(String, String, String)> =
        described().into_iter().map(|(id, (method, path, _))| (id, method, path)).collect();
    // The document itself, which needs no signature and is no row.
    assert!(described.remove(&("GetOpenApi".to_owned(), "GET".to_owned(), "/openapi.json".to_owned())));
    let real = Native::routes()
        .map(|(operation, method, path)| (operation.name.to_owned(), method.to_owned(), path.to_owned()))
        .collect();
    assert_eq!(described, real);
}

#[test]
fn the_document_names_exactly_the_problems() {
    let document = document();
    let named =
        document["components"]["schemas"]["Problem"]["properties"]["type"]["enum"].as_array().unwrap();
    let named: BTreeSet<&str> = named.iter().map(|word| word.as_str().unwrap()).collect();
    let real: Vec<String> =
        Problem::ALL.iter().map(|problem| format!("urn:keyward:problem:{}", problem.word())).collect();
    assert_eq!(named, real.iter().map(String::as_str).collect());
}

/// Holds an answer against what the document says of the operation.
fn hold(document: &Value, operation: &Value, told: &Told) {
    let responses = &operation["responses"];
    let mut response = &responses[told.status.to_string()];
    assert!(!response.is_null(), "{} is not described for {}", told.status, operation["operationId"]);
    if let Some(target) = response["$ref"].as_str() {
        response = document.pointer(target.strip_prefix('#').unwrap()).unwrap();
    }
    let Some(content) = response["content"].as_object() else {
        assert_eq!(told.text, "", "a body is not described");
        return;
    };
    let kind = told.headers["Content-Type"].split(';').next().unwrap();
    let schema = &content.get(kind).unwrap_or_else(|| panic!("{kind} is not described"))["schema"];
    if kind.contains("json") {
        let found = faults(document, schema, &told.json);
        assert_eq!(found, Vec::<String>::new(), "{}: {}", operation["operationId"], told.text);
    }
}

#[tokio::test]
async fn every_operation_answers_as_the_document_says() {
    let (document, described) = (document(), described());
    let mut statuses: BTreeMap<&str, BTreeSet<u16>> = BTreeMap::new();
    for operation in operations() {
        let (_, _, description) = &described[operation.name];
        let api = Api::furnished().await;
        let good = sample(operation.name, "bob");
        let mut requests = vec![
            ("admin", good.path.clone(), good.body.clone()),
            ("bob", good.path.clone(), good.body.clone()),
            ("audrey", good.path.clone(), good.body.clone()),
            ("nobody", good.path.clone(), good.body.clone()),
            ("admin", format!("{}?unknown=1", good.path), good.body.clone()),
            ("admin", sample(operation.name, "stranger").path, good.body.clone()),
            ("admin", sample(operation.name, "olga").path, good.body.clone()),
        ];
        if !good.body.is_null() {
            requests.push(("admin", good.path.clone(), Value::Null));
            requests.push(("admin", good.path.clone(), Value::String("{".to_owned())));
            requests.push(("admin", good.path.clone(), json!({"unknown": 1})));
            // The same once more, which what is there may stand against.
            requests.push(("admin", good.path.clone(), good.body.clone()));
        }
        for (who, path, body) in requests {
            let wire = api.wire(&signer(who), good.method, &path, body, &good.headers());
            let told = api.send(&wire).await;
            hold(&document, description, &told);
            statuses.entry(operation.name).or_default().insert(told.status);
        }
        let seen = &statuses[operation.name];
        assert!(seen.iter().any(|status| *status < 300), "{} never succeeded: {seen:?}", operation.name);
        assert!(seen.contains(&401) && seen.contains(&400), "{}: {seen:?}", operation.name);
    }
    let told = Api::new().await.call("admin", "GET", "/openapi.json", Value::Null).await;
    assert_eq!(told.expect(200), document);
}

/// Parameters that the document names are taken, and the values that it allows are.
#[tokio::test]
async fn every_described_parameter_is_taken() {
    let described = described();
    for operation in operations() {
        let api = Api::furnished().await;
        let (_, _, description) = &described[operation.name];
        let good = sample(operation.name, "bob");
        for parameter in description["parameters"].as_array().into_iter().flatten() {
            if parameter["in"] != "query" || parameter["name"] == "cursor" {
                continue;
            }
            let (name, schema) = (parameter["name"].as_str().unwrap(), &parameter["schema"]);
            let values: Vec<String> =
                match (&schema["enum"], schema["format"].as_str(), schema["type"].as_str()) {
                    _ if name == "only_without_keys" => vec!["false".to_owned()],
                    (Value::Array(words), ..) => {
                        words.iter().map(|word| word.as_str().unwrap().to_owned()).collect()
                    }
                    (_, Some("date-time"), _) => vec!["2026-01-01T00:00:00Z".to_owned()],
                    (_, _, Some("boolean")) => vec!["true".to_owned(), "false".to_owned()],
                    (_, _, Some("integer")) => {
                        vec![schema["minimum"].to_string(), schema["maximum"].to_string()]
                    }
                    _ if name == "fingerprint" => vec![format!("SHA256:{}", "A".repeat(43))],
                    _ if name == "object" => vec!["0".repeat(32)],
                    _ if name == "access_key" => vec![signer("bob").id],
                    _ => vec!["bob".to_owned()],
                };
            for value in values {
                let path = format!("{}?{name}={value}", good.path);
                let wire = api.wire(&signer("admin"), good.method, &path, good.body.clone(), &good.headers());
                let told = api.send(&wire).await;
                assert!(told.status < 300, "{path}: {}", told.text);
            }
        }
    }
}
