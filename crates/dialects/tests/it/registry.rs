//! Whose a request is: by prefix, by host name, and at the root by what it says of itself.

use std::collections::BTreeMap;

use dialects::native::Native;
use dialects::{Dialect, DialectSettings, Recognition, Registry, SettingsError};

use crate::wire::{FORM, JSON, Wire};
use crate::world::settings;

fn registry(text: &str) -> Result<Registry, SettingsError> {
    let mut all = BTreeMap::new();
    let tables: toml::Table = text.parse().unwrap();
    for (name, table) in tables {
        let mut own = table.as_table().unwrap().clone();
        let enabled = own.remove("enabled").is_none_or(|value| value.as_bool().unwrap());
        let hosts = own.remove("hosts").map(|hosts| hosts.try_into().unwrap()).unwrap_or_default();
        all.insert(name, DialectSettings { enabled, hosts, own });
    }
    Registry::new(&all)
}

/// The dialect and the path that it is given.
fn route(registry: &Registry, wire: &Wire) -> Option<(&'static str, String)> {
    let headers = wire.headers();
    registry.route(&wire.view(&headers)).map(|(dialect, path)| (dialect.name(), path.to_owned()))
}

fn target(target: &str) -> Wire {
    Wire { target: target.to_owned(), ..Wire::get("") }
}

#[test]
fn a_prefix_decides_before_anything_else() {
    let registry = registry("").unwrap();
    for (path, below) in [
        ("/scloud", "/"),
        ("/scloud/", "/"),
        ("/scloud?Action=X", "/"),
        ("/scloud//", "//"),
        ("/scloud/x", "/x"),
        ("/scloud/../v4", "/../v4"),
    ] {
        assert_eq!(route(&registry, &target(path)), Some(("scloud", below.to_owned())), "{path}");
    }
    for path in ["/scloudx", "/Scloud", "//scloud", "/x/scloud", "/%73cloud", "/scloud%2f", "/", "/v4/user"] {
        assert_eq!(route(&registry, &target(path)), None, "{path}");
    }
}

#[test]
fn a_host_name_owns_its_root() {
    let registry = registry("[scloud]\nhosts = [\"IAM.example.org\"]").unwrap();
    for host in ["iam.example.org", "IAM.EXAMPLE.ORG", "iam.example.org:7460"] {
        let wire = target("/x").with_header("Host", host);
        assert_eq!(route(&registry, &wire), Some(("scloud", "/x".to_owned())), "{host}");
    }
    for host in ["example.org", "iam.example.org.evil.example", "xiam.example.org", ""] {
        assert_eq!(route(&registry, &target("/x").with_header("Host", host)), None, "{host}");
    }
    let twice = target("/x").with_header("Host", "iam.example.org").with_header("Host", "iam.example.org");
    assert_eq!(route(&registry, &twice), None);
}

#[test]
fn the_root_belongs_to_whom_the_request_names() {
    let dialect = settings("");
    let of = |wire: &Wire| dialect.recognise(&wire.view(&wire.headers()));
    for (wire, expected) in [
        (Wire::get("PublicKey=x"), Recognition::Yes),
        (Wire::get("a=b&Public%4bey=x"), Recognition::Yes),
        (Wire::get("Action=ListUsers"), Recognition::Maybe),
        (Wire::get("Action=ListUsers&PublicKey="), Recognition::Yes),
        (Wire::get("publickey=x&action=y"), Recognition::No),
        (Wire::get("Version=2019-01-16"), Recognition::No),
        (Wire::get(""), Recognition::No),
        (Wire::post("/", FORM, "Action=X&PublicKey=x"), Recognition::Yes),
        (Wire::post("/", FORM, "Action=X"), Recognition::Maybe),
        (Wire::post("/", FORM, "UserName=X"), Recognition::No),
        (Wire::post("/?Action=X", FORM, "Action=X&PublicKey=x"), Recognition::Yes),
        (Wire::post("/?Action=X", FORM, "%zz"), Recognition::Maybe),
        (Wire::post("/", JSON, r#"{"Action":"X","PublicKey":"x"}"#), Recognition::Yes),
        (Wire::post("/", JSON, r#"{"Action":"X"}"#), Recognition::Maybe),
        (Wire::post("/", JSON, r#"{"UserName":"PublicKey"}"#), Recognition::No),
        (Wire::post("/", JSON, r#"{"Action""#), Recognition::Maybe),
        (Wire::post("/v1/access-keys", FORM, "Action=X&PublicKey=x"), Recognition::No),
    ] {
        assert_eq!(of(&wire), expected, "{wire:?}");
    }
    let registry = registry("").unwrap();
    assert_eq!(route(&registry, &Wire::get("Action=X")), Some(("scloud", "/".to_owned())));
    // The head alone does not tell whose a request at the root is.
    let wire = Wire::get("Action=X&PublicKey=x");
    assert!(registry.addressed(&wire.view(&wire.headers())).is_none());
    assert_eq!(registry.body_limit(), Native::BODY_LIMIT, "the largest of all dialects");
}

#[test]
fn tencents_requests_are_known_at_the_root_by_what_only_they_have() {
    let registry = registry("").unwrap();
    let of = |wire: &Wire| route(&registry, wire).map(|(dialect, _)| dialect);
    let tencent = Some("tencent");
    for (wire, expected) in [
        (Wire::post("/", JSON, "{}").with_header("X-TC-Action", "ListAccessKeys"), tencent),
        (Wire::post("/", JSON, "{}").with_header("x-tc-requestclient", "SDK"), tencent),
        (Wire::post("/", JSON, "{}").with_header("Authorization", "TC3-HMAC-SHA256 x"), tencent),
        (Wire::get("Action=X&SecretId=a&Signature=b"), tencent),
        (Wire::get("Action=X&Version=2019-01-16"), tencent),
        (Wire::get("Action=X&Version=2018-08-13"), tencent),
        (Wire::post("/", FORM, "Action=X&Secret%49d=a"), tencent),
        (Wire::post("/", JSON, r#"{"Version":"2019-01-16"}"#), tencent),
        (Wire::get("").with_header("Host", "cam.example.org"), tencent),
        (Wire::get("").with_header("Host", "TAG.example.org:7460"), tencent),
        // What others have, and what nobody has.
        (Wire::get("Action=X"), Some("scloud")),
        (Wire::get("Action=X&PublicKey=a&Version=2020-01-01"), Some("scloud")),
        (Wire::get("").with_header("Host", "camera.example.org"), None),
        (Wire::get("").with_header("Host", "cam"), None),
    ] {
        let found = of(&wire).filter(|name| ["tencent", "scloud"].contains(name));
        assert_eq!(found, expected, "{wire:?}");
    }
    // Its prefix and nothing below it; the dialect answers what else is asked for there.
    assert_eq!(route(&registry, &target("/tencent/")), Some(("tencent", "/".to_owned())));
    assert_eq!(of(&target("/v1").with_header("X-TC-Action", "X")).filter(|name| *name == "tencent"), None);
}

#[test]
fn a_dialect_that_is_switched_off_answers_nothing() {
    let registry = registry("[scloud]\nenabled = false\nhosts = [\"iam.example.org\"]").unwrap();
    assert!(registry.dialects().iter().all(|dialect| dialect.name() != "scloud"));
    for wire in
        [target("/scloud"), target("/x").with_header("Host", "iam.example.org"), Wire::get("PublicKey=x")]
    {
        assert_eq!(route(&registry, &wire), None);
    }
}

#[test]
fn settings_of_a_dialect_are_checked_with_its_name() {
    let refused = |text: &str| registry(text).unwrap_err().to_string();
    let known: Vec<&str> = registry("").unwrap().dialects().iter().map(Dialect::name).collect();
    let unknown = format!("[dialect.skloud]: there is no such dialect; known are: {}", known.join(", "));
    assert_eq!(refused("[skloud]"), unknown);
    assert_eq!(
        refused("[scloud]\nenabled = false\npost_olny = true"),
        "[dialect.scloud]: there is no setting `post_olny`; did you mean `post_only`?"
    );
}
