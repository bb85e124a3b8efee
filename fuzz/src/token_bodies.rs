//! Who asks for a token, and who asks for a key with one: bodies that anybody may send.

use dialects::huawei::{decode_exchange, decode_login};
use serde_json::Value as Lenient;

/// A body is a login, an exchange, or nothing. Whatever is read of it stands there for a lenient reader too, at its place and in
/// the same words (threat T04); there is one method, once (threat T83); and a key has the life that was asked for.
pub fn token_bodies(data: &[u8]) {
    let (login, exchange) = (decode_login(data), decode_exchange(data));
    assert!(login.is_none() || exchange.is_none(), "both a login and an exchange");
    let (parts, method, lives) = match (login, exchange) {
        (Some(parts), _) => (parts, "password", None),
        (None, Some((parts, seconds))) => (parts, "token", seconds),
        (None, None) => return,
    };
    let body: Lenient = serde_json::from_slice(data).expect("what is read is JSON");
    if let Some(seconds) = lives {
        let asked = body.pointer("/auth/identity/token/duration_seconds").filter(|asked| !asked.is_null());
        assert_eq!(asked.map_or_else(|| "900".to_owned(), Lenient::to_string), seconds.to_string());
        assert!((900..=86_400).contains(&seconds), "{seconds}");
        assert!(
            body.pointer("/auth/identity/policy").is_none_or(Lenient::is_null),
            "narrowed, and made all the same"
        );
    }
    assert_eq!(body.pointer("/auth/identity/methods"), Some(&serde_json::json!([method])));
    for (place, text) in parts {
        let there = match body.pointer(place) {
            Some(Lenient::String(there)) => there.clone(),
            Some(Lenient::Number(there)) => there.to_string(),
            other => panic!("{text:?} was read at {place}, where there is {other:?}"),
        };
        assert_eq!(there, text, "{place}");
    }
}
