//! Paths that two readers could understand differently: none reaches a handler but the one that it spells letter for letter.

use std::collections::BTreeSet;

use crate::harness::http::Connection;
use crate::harness::{Request, Server};

/// Where something is served: on the public listener, and on the admin's.
const DIALECT: [&str; 3] = ["/", "/scloud", "/scloud/"];
const HEALTH: [&str; 3] = ["/healthz", "/readyz", "/metrics"];

/// What is put before, behind and into paths.
const TRICKS: [&str; 44] = [
    "/",
    "//",
    "/.",
    "/./",
    "/..",
    "/../",
    "/x/..",
    "/x/../",
    "/%2e",
    "/%2E%2e",
    "/.%2e/",
    "/%2e%2e%2f",
    "/..%2f",
    "/%2f",
    "/%2F",
    "/\\",
    "/..\\",
    "%5c",
    "/%5c..%5c",
    "/%00",
    "%00",
    "/a%00b",
    ";",
    ";x=y",
    "/;",
    "/..;",
    "/..;/",
    "/;/../",
    "/%252e%252e",
    "/%252f",
    "/%25%32%65",
    "/%c0%ae%c0%ae",
    "/%c0%af",
    "/%u002e",
    "/%ef%bc%8f",
    "%20",
    "/%20",
    "%09",
    "%0d%0a",
    "%23",
    "%3f",
    "%",
    "%zz",
    "/%2",
];

fn targets() -> BTreeSet<String> {
    let mut targets = BTreeSet::new();
    for base in DIALECT.iter().chain(&HEALTH) {
        targets.insert((*base).to_owned());
        for trick in TRICKS {
            targets.insert(format!("{base}{trick}"));
            targets.insert(format!("{trick}{base}"));
        }
        // The same letters in other clothes.
        for (at, letter) in base.char_indices().filter(|(_, letter)| letter.is_alphabetic()) {
            let with = |other: &str| format!("{}{other}{}", &base[..at], &base[at + 1..]);
            targets.insert(with(&format!("%{:02x}", u32::from(letter))));
            targets.insert(with(&letter.to_uppercase().to_string()));
        }
    }
    targets.retain(|target| target.starts_with('/'));
    targets
}

/// A dot segment, a NUL or a backslash: readers disagree about where that leads.
fn is_ambiguous(path: &str) -> bool {
    let is_dots = |segment: &str| matches!(segment.to_lowercase().replace("%2e", ".").as_str(), "." | "..");
    path.contains('\\') || path.contains("%00") || path.split('/').any(is_dots)
}

#[test]
fn t13_a_path_reaches_the_handler_that_it_spells_or_none() {
    let server = Server::start();
    let query = server.administrator().form("GetUser", &[("UserName", "admin")]);
    let targets = targets();
    assert!(targets.len() >= 500, "{}", targets.len());
    let (mut served, mut refused) = (0, 0);
    for path in &targets {
        let public = server.ask(&Request::get(&format!("{path}?{query}")));
        let admin = Connection::open(server.admin).exchange(&Request::get(&format!("{path}?{query}")));
        let elsewhere = if is_ambiguous(path) { 400 } else { 404 };
        refused += usize::from(elsewhere == 400);
        for (answer, handlers) in [(&public, DIALECT), (&admin, HEALTH)] {
            let expected = if handlers.contains(&path.as_str()) { 200 } else { elsewhere };
            assert_eq!(answer.status, expected, "{path}: {}", answer.text());
            served += usize::from(expected == 200);
        }
        let is_dialects = public.header("x-ucloud-request-uuid").is_some();
        let below_prefix = path == "/scloud" || path.starts_with("/scloud/");
        assert_eq!(
            is_dialects,
            elsewhere != 400 && (below_prefix || path == "/"),
            "{path}: whose 404 is it?"
        );
    }
    assert_eq!(served, DIALECT.len() + HEALTH.len());
    assert!(refused >= 100, "{refused}");
    // One line and one count for each.
    let counted = server.metric("keyward_requests_total", "")
        + server.metric("keyward_refused_heads_total", "ambiguous path");
    assert_eq!(counted, u64::try_from(targets.len() + refused).unwrap());
    server.stop();
}
