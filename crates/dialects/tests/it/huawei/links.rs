//! Links in answers: where they lead, whoever asks.

use serde_json::Value;

use super::{PASSWORD, Seen, give_password, login, plain, signed, world};
use crate::wire::Wire;
use crate::world::World;

async fn behind(world: &World, wire: &Wire, prefix: &str, public_urls: &[&str]) -> Seen {
    Seen::new(world.answer_behind(wire, prefix, public_urls).await)
}

/// Every URL in an answer.
fn urls(json: &Value) -> Vec<String> {
    match json {
        Value::String(text) if text.contains("://") => vec![text.clone()],
        Value::Array(items) => items.iter().flat_map(urls).collect(),
        Value::Object(members) => members.values().flat_map(urls).collect(),
        _ => Vec::new(),
    }
}

/// Each kind of request whose answer has links.
fn with_links(world: &World, prefix: &str) -> Vec<Wire> {
    let mut wires: Vec<Wire> = ["/", "/v3", "/v3/"].map(|target| plain("GET", target, "")).into();
    wires.push(login("bob", PASSWORD, ""));
    let lookups = ["/v3/auth/catalog", "/v3/projects?name=a", "/v3/auth/projects", "/v3/auth/domains"];
    wires.extend(lookups.map(|target| signed(world, "bob", "GET", &format!("{prefix}{target}"), "")));
    for wire in &mut wires {
        if !wire.target.starts_with(prefix) {
            wire.target = format!("{prefix}{}", wire.target);
        }
    }
    wires
}

#[tokio::test]
async fn t12_links_begin_with_a_public_url_else_the_host_and_never_with_what_is_forwarded() {
    let world = world().await;
    give_password(&world, "bob").await;
    let own = "https://iam.example.org";
    let (public, other) = ("https://keys.example.org/iam", "https://iam.example.org:443/x/");
    for (prefix, public_urls, base) in [
        ("", &[][..], own.to_owned()),
        ("", &[public], public.to_owned()),
        // The one that names the host that was called, else the first.
        ("", &[public, "https://IAM.example.org/a"], "https://IAM.example.org/a".to_owned()),
        ("", &[public, other], public.to_owned()),
        ("", &[other], "https://iam.example.org:443/x".to_owned()),
        ("/huawei", &[], format!("{own}/huawei")),
        ("/huawei", &[public], format!("{public}/huawei")),
    ] {
        for wire in with_links(&world, prefix) {
            let lie = ["X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Prefix", "X-Original-Host"]
                .into_iter()
                .fold(wire, |wire, name| wire.with_header(name, "evil.example"))
                .with_header("Forwarded", "host=evil.example;proto=evil");
            let seen = behind(&world, &lie, prefix, public_urls).await;
            assert!(matches!(seen.status, 200 | 201), "{}: {}", lie.target, seen.text);
            let found = urls(&seen.json);
            assert!(!found.is_empty(), "{}", seen.text);
            for url in found {
                assert!(
                    url.starts_with(&format!("{base}/v3")),
                    "{prefix} {public_urls:?}: {url} is not below {base}"
                );
            }
        }
    }
}
