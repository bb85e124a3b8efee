//! Gate tokens from the command line to the question.

use serde_json::{Value, json};
use signing::Scheme;

use crate::harness::shell::Shell;
use crate::harness::signed::Signed;
use crate::harness::{Key, Server};

/// The gate tokens of two services: one of a tenant, one of the first account.
pub(super) fn tokens_of_two_accounts(server: &Server) -> [String; 2] {
    let admin = server.administrator();
    let made = |key: &Key, path: &str, name: &str| -> Value {
        let answer = server.native(key, "POST", path, &json!({"name": name}).to_string());
        assert_eq!(answer.status, 201, "{answer:?}");
        serde_json::from_slice(&answer.body).unwrap()
    };
    let tenant = &made(admin, "/api/v1/accounts", "tenant")["access_key"];
    let tenant = Key::new(tenant["id"].as_str().unwrap(), tenant["secret"].as_str().unwrap());
    [&tenant, admin].map(|key| made(key, "/api/v1/gate-tokens", "git")["token"].as_str().unwrap().to_owned())
}

#[test]
fn a_service_asks_with_its_token_until_it_is_revoked() {
    let server = Server::start();
    let shell = Shell::of_administrator(&server);
    let created = shell.done("gate-token create nginx");
    let token = created.lines().find_map(|line| line.strip_prefix("token")).unwrap().trim().to_owned();
    assert!(token.starts_with("kwg-"), "{created}");
    let signed = Signed::get(Scheme::Scp, server.administrator(), "web.test", "/a");
    let ask = || server.ask(&signed.as_nginx().header("X-Keyward-Gate-Token", &token)).status;
    assert_eq!(ask(), 200);
    let listed = shell.done("gate-token list");
    assert!(listed.contains("nginx") && !listed.contains(&token), "{listed}");
    shell.refused("gate-token create nginx");
    assert_eq!(shell.done("gate-token revoke nginx"), "nginx can no longer ask the gate\n");
    assert_eq!(ask(), 401);
    let again = shell.refused("gate-token revoke nginx");
    assert!(again.contains("no gate token"), "{again}");
    assert!(!server.log().contains(&token));
    server.stop();
}

#[test]
fn a_valid_key_of_another_service_is_known_and_not_allowed() {
    let server = Server::start();
    let shell = Shell::of_administrator(&server);
    let field = |text: &str, name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_else(|| panic!("{text}"));
        line.trim().to_owned()
    };
    let [billing, web] = ["billing", "web"]
        .map(|service| field(&shell.done(&format!("gate-token create {service}")), "token"));
    shell.done("user create bob");
    let made: Value = serde_json::from_str(&shell.done("key create bob --audience billing --json")).unwrap();
    let text = |name: &str| made[name].as_str().unwrap_or_else(|| panic!("{made}")).to_owned();
    let key = Key::new(&text("id"), &text("secret"));
    let signed = Signed::get(Scheme::Aws4, &key, "web.test", "/a");
    let ask = |token: &str| server.ask(&signed.as_nginx().header("X-Keyward-Gate-Token", token));
    assert_eq!(ask(&billing).status, 200);
    let other = ask(&web);
    assert_eq!(other.status, 403, "{other:?}");
    assert_eq!(other.header("x-keyward-cause"), Some("the access key is not good for this service"));
    // The socket names no service here, and neither does this server itself.
    assert_eq!(server.question(&signed.as_nginx()).status, 403);
    assert_eq!(server.native(&key, "GET", "/api/v1/whoami", "").status, 403);
    server.stop();
}

/// To a service of another account a key is as unknown as one that is not there, whatever its state, and asking about it leaves
/// no trace on it.
#[test]
fn t38_a_service_of_another_account_learns_nothing_of_a_key() {
    let server = Server::start();
    let [foreign, own] = tokens_of_two_accounts(&server);
    let bob = server.create_member("bob");
    let path = format!("/api/v1/access-keys/{}", bob.id);
    let ask = |token: &str, key: &Key| {
        let signed = Signed::get(Scheme::Scp, key, "web.test", "/a");
        let answer = server.ask(&signed.as_nginx().header("X-Keyward-Gate-Token", token));
        (answer.status, answer.header("x-keyward-cause").unwrap_or_default().to_owned())
    };
    let unknown = (401, "wrong signature".to_owned());
    let set = |change: Value| server.native(server.administrator(), "PATCH", &path, &change.to_string());
    assert_eq!(set(json!({"schemes": ["scp"]})).status, 200);
    assert_eq!(ask(&foreign, &bob), unknown);
    assert_eq!(ask(&foreign, &Key::new("nobody", "nothing")), unknown);
    let shown = server.native(server.administrator(), "GET", &path, "").text();
    assert!(serde_json::from_str::<Value>(&shown).unwrap()["last_used"].is_null(), "{shown}");
    assert_eq!(ask(&own, &bob).0, 200);
    assert_eq!(set(json!({"status": "inactive"})).status, 200);
    assert_eq!(ask(&foreign, &bob), unknown);
    assert_eq!(ask(&own, &bob), (403, "the access key is disabled".to_owned()));
    server.stop();
}
