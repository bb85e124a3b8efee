//! Why a request was refused: told to those whom it concerns, in all that they need, and to nobody else.

use jiff::Timestamp;
use serde_json::{Value, json};
use signing::{Body, Scheme};

use crate::harness::hide::Hidden;
use crate::harness::http::{Answer, Connection, until};
use crate::harness::shell::Shell;
use crate::harness::signed::{Signed, now};
use crate::harness::{Key, Request, Server, Setup};

const HOST: &str = "web.test";

/// The request id that an answer tells, wherever its dialect has the place.
fn id_of(answer: &Answer) -> String {
    let headers = ["x-keyward-request-id", "x-request-id", "x-ucloud-request-uuid"];
    let in_header = headers.iter().find_map(|name| answer.header(name)).map(str::to_owned);
    let in_body = || {
        let text = answer.text();
        let names = ["\"RequestId\":\"", "\"requestId\":\"", "\"request_id\":\""];
        let rest = names.iter().find_map(|name| text.split_once(name)).map(|(_, rest)| rest.to_owned());
        rest.unwrap_or_else(|| panic!("no request id: {answer:?}")).split('"').next().unwrap().to_owned()
    };
    in_header.unwrap_or_else(in_body)
}

impl Server {
    fn gate(&self, request: &Request) -> Answer {
        Connection::to_socket(&self.setup.socket()).exchange(request)
    }

    fn why_as(&self, key: &Key, id: &str) -> Answer {
        self.native(key, "GET", &format!("/api/v1/refusals/{id}"), "")
    }

    /// Why the administrator is told that this was refused.
    fn why(&self, refused: &Answer) -> Value {
        let answer = self.why_as(self.administrator(), &id_of(refused));
        assert_eq!(answer.status, 200, "{refused:?}: {answer:?}");
        serde_json::from_slice(&answer.body).unwrap()
    }

    fn made(&self, target: &str, body: &Value) -> Key {
        let answer = self.native(self.administrator(), "POST", target, &body.to_string());
        assert_eq!(answer.status, 201, "{answer:?}");
        let made: Value = serde_json::from_slice(&answer.body).unwrap();
        let made = if made["access_key"].is_object() { &made["access_key"] } else { &made };
        Key::new(made["id"].as_str().unwrap(), made["secret"].as_str().unwrap())
    }

    /// A key of a new member, in every scheme that the gate takes.
    fn member(&self, name: &str, conditions: &Value) -> Key {
        let schemes = json!(["aws4", "tc3", "sdk-hmac-sha256", "scp"]);
        let mut body = json!({ "schemes": schemes });
        body.as_object_mut().unwrap().extend(conditions.as_object().unwrap().clone());
        let user =
            self.native(self.administrator(), "POST", "/api/v1/users", &json!({"name": name}).to_string());
        assert_eq!(user.status, 201, "{user:?}");
        self.made(&format!("/api/v1/users/{name}/access-keys"), &body)
    }
}

fn assert_why(why: &Value, reason: &str, cause: &str) {
    assert_eq!(why["reason"], reason, "{why:#}");
    let said = |text: &Value| text.as_str().unwrap().contains(cause);
    assert!(why["causes"].as_array().unwrap().iter().any(said), "no {cause:?}: {why:#}");
    assert!(!why["summary"].as_str().unwrap().is_empty() && !why["advice"].as_str().unwrap().is_empty());
}

fn in_seconds(seconds: i64) -> String {
    Timestamp::from_second(now() + seconds).unwrap().to_string()
}

#[test]
fn a_signature_that_differs_is_explained() {
    let server = Server::start();
    let key = server.member("bob", &json!({}));
    let sign = |scheme| Signed::get(scheme, &key, HOST, "/a/b?x=1");
    let aws4 = sign(Scheme::Aws4);
    let without = |name: &str| {
        let headers = aws4.headers.iter().filter(|(given, _)| given != name).cloned().collect();
        Signed { headers, ..aws4.clone() }
    };
    let at = |seconds| Signed::at(now() + seconds, Scheme::Tc3, &key, "GET", HOST, "/a");
    for (signed, reason, cause) in [
        (at(-3_600), "stale", "s behind the clock"),
        (at(3_600), "stale", "s ahead of the clock"),
        (Signed { target: "/a/b/?x=1".to_owned(), ..aws4.clone() }, "wrong_signature", "Path encoding"),
        (Signed { method: "POST".to_owned(), ..aws4.clone() }, "wrong_signature", "Another method"),
        (Signed { host: format!("{HOST}:80"), ..aws4.clone() }, "wrong_signature", "Host: another host"),
        (without("X-Test"), "claim", "header `x-test` is missing"),
        (without("X-Amz-Content-Sha256"), "claim", "header `x-amz-content-sha256` is missing"),
        (
            Signed { target: "/a".to_owned(), ..Signed::get(Scheme::Tc3, &key, HOST, "/") },
            "wrong_signature",
            "Path:",
        ),
        (Signed::get(Scheme::Scp, &key.with_secret("another"), HOST, "/a"), "wrong_signature", "another one"),
        (aws4.clone().with("Authorization", "AWS4-HMAC-SHA256 x"), "claim", "cannot be read"),
    ] {
        let refused = server.gate(&signed.as_nginx().header("X-Real-IP", "192.0.2.7"));
        assert_eq!(refused.status, 401, "{signed:?}");
        let why = server.why(&refused);
        if !cause.contains("cannot be read") {
            assert_eq!((&why["user"], &why["key"]), (&json!("bob"), &json!(key.id)), "{why:#}");
        }
        assert_why(&why, reason, cause);
        assert_eq!((&why["dialect"], &why["operation"]), (&json!("gate"), &json!("forward")));
        assert_eq!((&why["source"], &why["status"]), (&json!("192.0.2.7"), &json!(401)));
        assert_eq!(why["request"]["path"], signed.target.split('?').next().unwrap());
    }
    // Another body than the signed one, where the asker has seen it.
    let post = Signed::at(now(), Scheme::Tc3, &key, "POST", HOST, "/a");
    for (signed, reason, cause) in [
        (&aws4, "claim", "the signed body digest is not that of the body"),
        (&post, "wrong_signature", "Body digest: that of another body was signed"),
    ] {
        let mut call = signed.as_json();
        call["body_sha256"] = json!("00".repeat(32));
        let refused = server.gate(&Request::json("/gate/verify", call.to_string()));
        assert_why(&server.why(&refused), reason, cause);
    }
    // Each of several has an id of its own.
    let wrong = Signed::get(Scheme::Scp, &key.with_secret("another"), HOST, "/a").as_json();
    let stale = Signed::at(now() - 3_600, Scheme::Scp, &key, "GET", HOST, "/a").as_json();
    let call = json!({ "requests": [wrong, stale] }).to_string();
    let answer: Value =
        serde_json::from_slice(&server.gate(&Request::json("/gate/verify", call)).body).unwrap();
    for (result, reason) in answer["results"].as_array().unwrap().iter().zip(["wrong_signature", "stale"]) {
        let told = server.why_as(&key, result["request_id"].as_str().unwrap());
        assert_eq!(serde_json::from_slice::<Value>(&told.body).unwrap()["reason"], reason);
    }
    server.stop();
}

#[test]
fn a_key_that_may_not_act_is_explained() {
    let settings = "[gate]\nservices = [\"web\"]\nservice = \"shop\"";
    let server = Setup::new().settings(settings).start();
    let key = |name: &str, conditions: Value| server.member(name, &conditions);
    let ask = |key: &Key, scheme| {
        let signed = Signed::get(scheme, key, HOST, "/a");
        server.gate(&signed.as_nginx().header("X-Real-IP", "192.0.2.7"))
    };
    let why = |key: &Key| server.why(&ask(key, Scheme::Scp));
    let disabled = key("disabled", json!({}));
    let target = format!("/api/v1/access-keys/{}", disabled.id);
    assert_eq!(
        server.native(server.administrator(), "PATCH", &target, "{\"status\":\"inactive\"}").status,
        200
    );
    assert_why(&why(&disabled), "key_inactive", "The key is disabled.");
    let brief = key("brief", json!({"expires_at": in_seconds(2)}));
    until(|| ask(&brief, Scheme::Scp).status == 403);
    assert_why(&why(&brief), "key_expired", "The key expired at 20");
    let early = key("early", json!({"not_before": in_seconds(3_600)}));
    assert_why(&why(&early), "key_not_yet_valid", "is not valid before 20");
    let elsewhere = key("elsewhere", json!({"sources": ["198.51.100.0/24"]}));
    assert_why(
        &why(&elsewhere),
        "source_not_allowed",
        "came from 192.0.2.7, and the key may be used from 198.51.100.0/24 only",
    );
    let other = key("other", json!({"audience": ["billing"]}));
    assert_why(&why(&other), "service_not_allowed", "was for `shop`, and the key is good for `billing` only");
    let narrow = key("narrow", json!({"schemes": ["aws4"]}));
    assert_why(&why(&narrow), "unknown_key", "signed with scp, and the key may sign with aws4 only");
    let gone = key("gone", json!({}));
    let target = format!("/api/v1/access-keys/{}", gone.id);
    assert_eq!(server.native(server.administrator(), "DELETE", &target, "").status, 204);
    assert_why(&why(&gone), "unknown_key", "The key was deleted at 20");
    assert_why(&why(&Key::new("nobody-has-this", "x")), "unknown_key", "No access key of this id");
    // The scope's service word is one that is served here, or not.
    let good = key("good", json!({}));
    assert_eq!(ask(&good, Scheme::Aws4).status, 200);
    let mut signed = Signed::get(Scheme::Tc3, &good, HOST, "/a");
    signed = signed.clone().with("Authorization", &signed.header("Authorization").replace("/web/", "/wab/"));
    assert_eq!(server.why(&server.gate(&signed.as_nginx()))["reason"], "wrong_signature");
    let strict = Setup::new().settings("[gate]\nservices = [\"billing\"]").start();
    let signed = Signed::get(Scheme::Aws4, strict.administrator(), HOST, "/a");
    assert_eq!(strict.why(&strict.gate(&signed.as_nginx()))["reason"], "service");
    strict.stop();
    server.stop();
}

#[test]
fn every_dialect_tells_the_request_id_and_its_refusals_are_explained() {
    let server = Server::start();
    let wrong = server.administrator().with_secret("another");
    let host = server.public.to_string();
    let signed = |scheme, target: &str| Signed::get(scheme, &wrong, &host, target).request();
    let form = wrong.form("ListUsers", &[]);
    for (dialect, request) in [
        ("scloud", Request::form("/", &form)),
        ("tencent", signed(Scheme::TencentV1, "/?Action=ListAccessKeys&Version=2019-01-16")),
        ("huawei", signed(Scheme::SdkHmacSha256, "/v3.0/OS-CREDENTIAL/credentials")),
        ("samsung", signed(Scheme::Scp, "/v1/access-keys")),
        ("native", signed(Scheme::Aws4, "/api/v1/whoami")),
    ] {
        let refused = server.ask(&request);
        let why = server.why(&refused);
        let reason = if dialect == "native" { "claim" } else { "wrong_signature" };
        assert_eq!((&why["dialect"], &why["reason"]), (&json!(dialect), &json!(reason)), "{why:#}");
        assert_eq!((&why["key"], &why["user"]), (&json!(wrong.id), &json!("admin")), "{why:#}");
        assert!(why["request"]["string_to_sign"].is_string(), "{why:#}");
    }
    // What was refused to somebody who is known, and what is nobody's.
    let bob = server.create_member("bob");
    let refused = server.ask(&Request::form("/", &bob.form("CreateUser", &[("UserName", "x")])));
    let why = server.why(&refused);
    assert_eq!(
        (&why["reason"], &why["user"], &why["operation"]),
        (&json!("refused"), &json!("bob"), &json!("CreateUser"))
    );
    assert_eq!(why["code"], "299");
    let why = server.why(&server.ask(&Request::get("/nothing/here")));
    assert_eq!((&why["dialect"], &why["reason"]), (&json!("-"), &json!("malformed")), "{why:#}");
    server.stop();
}

#[test]
fn t38_whom_a_refusal_does_not_concern_is_told_nothing() {
    let server = Server::start();
    let (bob, carol) = (server.member("bob", &json!({})), server.member("carol", &json!({})));
    let tenant = server.made("/api/v1/accounts", &json!({"name": "tenant"}));
    let ask = |key: &Key| id_of(&server.gate(&Signed::get(Scheme::Scp, key, HOST, "/a").as_nginx()));
    let (of_bob, of_tenant) = (ask(&bob.with_secret("wrong")), ask(&tenant.with_secret("wrong")));
    let of_nobody = ask(&Key::new("nobody-has-this", "x"));
    let told = |key: &Key, id: &str| {
        let answer = server.why_as(key, id);
        let mut told: Value = serde_json::from_slice(&answer.body).unwrap();
        told["request_id"] = json!("");
        (answer.status, told)
    };
    let unknown = told(&carol, &"0".repeat(32));
    assert_eq!(unknown.0, 404);
    for (key, id) in [
        (&carol, &of_bob),
        (&carol, &of_tenant),
        (&carol, &of_nobody),
        (&bob, &of_tenant),
        (&bob, &of_nobody),
        (&tenant, &of_bob),
        (&tenant, &of_nobody),
        (server.administrator(), &of_tenant),
        (server.administrator(), &"nonsense".to_owned()),
    ] {
        assert_eq!(told(key, id), unknown, "{} about {id}", key.id);
    }
    for (key, id) in [
        (&bob, &of_bob),
        (server.administrator(), &of_bob),
        (&tenant, &of_tenant),
        (server.administrator(), &of_nobody),
    ] {
        let (status, why) = told(key, id);
        assert_eq!(status, 200, "{} about {id}: {why}", key.id);
    }
    server.stop();
}

#[test]
fn t47_who_comes_later_under_a_name_is_not_told_what_was_refused_before_him() {
    let server = Server::start();
    let bob = server.member("bob", &json!({}));
    let id = id_of(&server.native(&bob, "GET", "/api/v1/users/admin", ""));
    assert_eq!(server.why_as(&bob, &id).status, 200);
    let deleted =
        server.native(server.administrator(), "DELETE", &format!("/api/v1/access-keys/{}", bob.id), "");
    assert_eq!(deleted.status, 204, "{deleted:?}");
    let deleted = server.native(server.administrator(), "DELETE", "/api/v1/users/bob", "");
    assert_eq!(deleted.status, 204, "{deleted:?}");
    let another = server.member("bob", &json!({}));
    let told = server.why_as(&another, &id);
    assert_eq!(told.status, 404, "{told:?}");
    server.stop();
}

/// A digest of what holds a password lets whoever reads it guess the password, as often as he likes.
#[test]
fn t66_no_explanation_lets_a_password_be_guessed() {
    let server = Server::start();
    let key = server.member("bob", &json!({"schemes": ["aws4"]}));
    let body = json!({"password": "correct horse battery"}).to_string();
    let digest = Body::Bytes(body.as_bytes()).sha256().unwrap();
    let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    let wrong = server.native(&key.with_secret("wrong"), "PUT", "/api/v1/users/bob/password", &body);
    let denied = server.native(&key, "PUT", "/api/v1/users/admin/password", &body);
    for (refused, is_right) in [(wrong, false), (denied, true)] {
        let why = server.why(&refused);
        assert!(!why.to_string().contains(&digest), "{why:#}");
        let request = &why["request"];
        assert!(request["string_to_sign"].is_null() && request["canonical_request"].is_null(), "{why:#}");
        assert_eq!(request["signature_matches"], is_right, "what it comes to is told: {why:#}");
        assert_eq!(why["causes"].to_string().contains("covers the body"), !is_right, "{why:#}");
    }
    server.stop();
}

/// With what it tells nobody can sign, and nothing of it is anybody's credential.
#[test]
fn t66_no_explanation_holds_a_secret_a_signature_or_a_token() {
    let server = Server::start();
    let key = server.member("bob", &json!({"sources": ["198.51.100.0/24"]}));
    // What another member is told is looked through too.
    let carol = server.member("carol", &json!({}));
    let mut canaries = vec![key.secret.clone(), server.administrator().secret.clone()];
    let signature_of = |signed: &Signed| match signed.headers.iter().find(|(name, _)| name == "Scp-Signature")
    {
        Some((_, signature)) => signature.clone(),
        None => signed.header("Authorization").rsplit('=').next().unwrap().to_owned(),
    };
    let mut told = Vec::new();
    for scheme in [Scheme::Aws4, Scheme::Tc3, Scheme::SdkHmacSha256, Scheme::Scp] {
        let right = Signed::get(scheme, &key, HOST, "/a?access_token=cAnArY-in-query&y=2");
        let wrong =
            Signed::get(scheme, &key.with_secret("another"), HOST, "/a?access_token=cAnArY-in-query&y=2");
        // The first is good but for where it comes from: its signature may be used from there.
        for signed in [&right, &wrong] {
            canaries.push(signature_of(signed));
            let question = signed
                .as_nginx()
                .header("X-Auth-Token", "cAnArY-in-token")
                .header("Cookie", "session=cAnArY-in-cookie");
            for question in [question.clone(), question.header("X-Amz-Security-Token", "cAnArY-in-session")] {
                let id = id_of(&server.gate(&question));
                told.extend([&carol, server.administrator()].map(|key| server.why_as(key, &id).text()));
            }
        }
    }
    // A form whose parameters are signed, and a body that is none.
    let password = "cAnArY-in-password";
    let form = key.with_secret("x").form("CreateUser", &[("UserName", "x"), ("Password", password)]);
    canaries.push(form.rsplit_once('=').unwrap().1.to_owned());
    let admin = server.administrator();
    let form_of_admin =
        admin.with_secret("wrong").form("CreateUser", &[("UserName", "x"), ("Password", password)]);
    let login = json!({"auth": {"identity": {"password": {"user": {"password": password}}}}}).to_string();
    for request in [
        Request::form("/", &form),
        Request::form("/", &form_of_admin),
        Request::json("/v3/auth/tokens", &login),
        Request::get("/v3.0/OS-CREDENTIAL/credentials").header("X-Auth-Token", "cAnArY-in-token"),
    ] {
        let refused = server.ask(&request);
        let answer = server.why_as(admin, &id_of(&refused));
        assert_eq!(answer.status, 200, "{refused:?}");
        told.push(answer.text());
    }
    canaries.extend(
        ["in-query", "in-token", "in-cookie", "in-session", "in-password"]
            .map(|place| format!("cAnArY-{place}")),
    );
    let hidden = Hidden::new(canaries.iter().map(String::as_str));
    for text in &told {
        hidden.assert_not_in("an explanation", text);
    }
    assert!(told.iter().filter(|text| text.contains("\"string_to_sign\":\"")).count() >= 8, "{told:#?}");
    hidden.assert_not_in("the log", &server.log());
    server.stop();
}

#[test]
fn the_command_line_tells_what_was_refused_and_what_to_do() {
    let server = Server::start();
    let bob = server.member("bob", &json!({}));
    let signed = Signed::get(Scheme::Aws4, &bob, HOST, "/a/b");
    let refused = server.gate(&Signed { target: "/a/b/".to_owned(), ..signed }.as_nginx());
    let id = id_of(&refused);
    let shell = Shell::new(&server).with_key(&server, &bob);
    let told = shell.done(&format!("audit why {id}"));
    for part in [
        "Path encoding",
        "wrong_signature",
        "what to do",
        "canonical request\n    GET\n    /a/b/\n",
        "string to sign",
    ] {
        assert!(told.contains(part), "no {part}: {told}");
    }
    let json: Value = serde_json::from_str(&shell.done(&format!("audit why {id} --json"))).unwrap();
    assert_eq!(json["request_id"], id.as_str());
    // As other programs write ids.
    let hyphenated = format!("{}-{}-{}-{}-{}", &id[..8], &id[8..12], &id[12..16], &id[16..20], &id[20..]);
    assert!(shell.done(&format!("audit why {hyphenated}")).contains(&id));
    let stranger = Shell::new(&server).with_key(&server, &server.member("carol", &json!({})));
    let sentence = stranger.refused(&format!("audit why {id}"));
    assert!(sentence.contains("No refused request of this id"), "{sentence}");
    server.stop();
}

#[test]
fn what_is_kept_has_an_end_and_a_flood_keeps_its_own_place() {
    let server = Setup::new().settings("[limits]\nkept_refusals = 64").start();
    let bob = server.member("bob", &json!({}));
    let ask = |key: &Key, source: &str| {
        let signed = Signed::get(Scheme::Scp, key, HOST, "/a").as_nginx();
        id_of(&server.gate(&signed.header("X-Real-IP", source)))
    };
    let (of_bob, of_stranger) =
        (ask(&bob.with_secret("wrong"), "192.0.2.1"), ask(&Key::new("nobody-has-this", "x"), "192.0.2.1"));
    let flood: Vec<String> =
        (0..200).map(|n| ask(&Key::new(&format!("guess-{n}"), "x"), &format!("2001:db8::{n:x}"))).collect();
    let is_kept = |id: &String| server.why_as(server.administrator(), id).status == 200;
    assert!(is_kept(&of_bob) && is_kept(&of_stranger));
    assert_eq!(flood.iter().filter(|id| is_kept(id)).count(), 2, "one /64, and a sixteenth of a half");
    assert!(is_kept(flood.last().unwrap()));
    server.stop();
    let none = Setup::new().settings("[limits]\nkept_refusals = 0").start();
    let signed = Signed::get(Scheme::Scp, &none.administrator().with_secret("wrong"), HOST, "/a");
    let id = id_of(&none.gate(&signed.as_nginx()));
    assert_eq!(none.why_as(none.administrator(), &id).status, 404);
    none.stop();
}
