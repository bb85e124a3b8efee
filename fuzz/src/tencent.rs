//! The Tencent dialect before anybody is asked for a credential: whose a request at the root is, and which parameters a
//! handler would read.

use std::collections::{BTreeMap, HashSet};

use dialects::Registry;
use dialects::tencent::decode;
use serde_json::Value as Lenient;
use signing::RequestView;

use crate::json::folded;
use crate::request::Request;

/// Recognition and parameters of Tencent's requests.
pub fn tencent(data: &[u8]) {
    let Some(request) = Request::read(data) else { return };
    request.view(|view| {
        check_route(view);
        match decode(view) {
            Ok(fields) => check_fields(&request, view, &fields),
            // What an answer repeats has the form of a name (threat T68).
            Err((code, message)) => {
                let plain = message.chars().all(|c| !c.is_control() && !"<>\"".contains(c));
                assert!(plain && message.chars().count() < 300, "{code:?}: {message:?}");
            }
        }
    });
}

/// Nobody else takes a request that says whose it is.
fn check_route(view: &RequestView<'_>) {
    let registry = Registry::new(&BTreeMap::new()).expect("the defaults are accepted");
    let route = registry.route(view).map(|(dialect, _)| dialect.name());
    let is_tc3 = view.header("authorization").is_some_and(|value| value.starts_with(b"TC3-"));
    if view.path() == "/" && is_tc3 {
        assert_eq!(route, Some("tencent"));
    }
}

fn check_fields(request: &Request, view: &RequestView<'_>, fields: &[(String, String)]) {
    let names: HashSet<_> = fields.iter().map(|(name, _)| folded(name)).collect();
    assert_eq!(names.len(), fields.len(), "two names that differ in letter case only: {fields:?}");
    if let Ok(Lenient::Object(members)) = serde_json::from_slice(&request.body)
        && view.method() == "POST"
    {
        for (name, value) in fields {
            let same = match members.get(name) {
                Some(Lenient::String(text)) => text == value,
                Some(Lenient::Number(_) | Lenient::Array(_)) => true,
                other => panic!("{name} is read and is {other:?}"),
            };
            assert!(same, "{name} is read as {value:?}: {members:?}");
        }
        return;
    }
    let form = if view.method() == "POST" { request.body.as_slice() } else { view.query().as_bytes() };
    let pairs: Vec<_> = form_urlencoded::parse(form).collect();
    for (name, value) in fields {
        assert!(pairs.iter().any(|(n, v)| n == name && v == value), "{name}={value:?} is read, not sent: {pairs:?}");
        // Joined without escaping, it would sign like two parameters (threat T05).
        assert!(name == "Signature" || !value.contains('&'), "{name}={value}");
    }
}
