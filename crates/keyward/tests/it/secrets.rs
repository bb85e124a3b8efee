//! Secrets leave the server once, in the answer that makes them, and nowhere else.

use std::cell::RefCell;

use serde_json::Value;

use crate::harness::hide::Hidden;
use crate::harness::http::{Answer, Connection};
use crate::harness::scloud::{Key, Reply};
use crate::harness::store::audited_actions;
use crate::harness::{Request, Server, Setup};

/// Everything that was sent or made and must not be seen again.
#[derive(Default)]
struct Canaries(RefCell<Vec<String>>);

impl Canaries {
    /// A text that nobody else uses.
    fn lay(&self, what: &str) -> String {
        let text = format!("cAnArY{:03}x{what}", self.0.borrow().len());
        self.also(&text);
        text
    }

    /// A signed form, whose signature is a canary too.
    fn form(&self, key: &Key, action: &str, pairs: &[(&str, &str)]) -> String {
        let form = key.form(action, pairs);
        self.also(form.rsplit_once('=').unwrap().1);
        form
    }

    fn also(&self, text: &str) {
        self.0.borrow_mut().push(text.to_owned());
    }

    fn hidden(&self) -> Hidden {
        Hidden::new(self.0.borrow().iter().map(String::as_str))
    }
}

/// Requests of every kind, each with something in it that must not be seen again.
fn full_journey(server: &Server, canaries: &Canaries) {
    let admin = server.administrator().clone();
    let ask = |request: Request| server.ask(&request);
    // Good ones.
    let password = canaries.lay("password");
    let create = [
        ("UserName", "bob"),
        ("AccessKeyStatus", "Active"),
        ("LoginProfileStatus", "Active"),
        ("Password", &password),
    ];
    let form = canaries.form(&admin, "CreateUser", &create);
    let created = Reply::of(ask(Request::form("/", &form))).done();
    let bob =
        Key::new(created["AccessKeyID"].as_str().unwrap(), created["AccessKeySecret"].as_str().unwrap());
    canaries.also(&bob.secret);
    let form = canaries.form(&admin, "CreateAccessKey", &[("UserName", "bob")]);
    let created = Reply::of(ask(Request::form("/", &form))).done();
    canaries.also(created["AccessKey"]["AccessKeySecret"].as_str().unwrap());
    let password = canaries.lay("password-in-JSON");
    let json = bob.json("UpdateLoginProfile", &[("UserName", "bob"), ("Password", &password)]);
    assert_eq!(Reply::of(ask(Request::json("/", json))).code(), 299, "not his own to change");
    for (key, action) in [(&bob, "ListAccessKeys"), (&bob, "GetUser"), (&admin, "ListAccessKeys")] {
        let form = canaries.form(key, action, &[("UserName", "bob")]);
        let request = Request::get(&format!("/scloud/?{form}"))
            .header("Authorization", &format!("Bearer {}", canaries.lay("bearer")))
            .header("Cookie", &canaries.lay("cookie"))
            .header("X-Auth-Token", &canaries.lay("token"))
            .header("User-Agent", &canaries.lay("agent"))
            .header("Referer", &canaries.lay("referer"))
            .header(&canaries.lay("header"), "x");
        Reply::of(ask(request)).done();
    }
    // Wrong secrets, whole and in part, and credentials of other kinds.
    for secret in [canaries.lay("wrong-secret"), bob.secret[1..].to_owned()] {
        let form = canaries.form(&bob.with_secret(&secret), "GetUser", &[("UserName", "bob")]);
        assert_eq!(Reply::of(ask(Request::form("/", &form))).code(), 171);
    }
    let garbage = format!("Action=GetUser&PublicKey={}&Signature={}", bob.id, canaries.lay("garbage"));
    assert_eq!(Reply::of(ask(Request::form("/", &garbage))).code(), 171);
    let token =
        canaries.form(&bob, "GetUser", &[("UserName", "bob"), ("SecurityToken", &canaries.lay("session"))]);
    assert_eq!(Reply::of(ask(Request::form("/", &token))).code(), 174);
    // Malformed ones.
    let unknown = canaries.form(
        &bob,
        "GetUser",
        &[("UserName", "bob"), (&canaries.lay("name"), &canaries.lay("value"))],
    );
    assert_eq!(Reply::of(ask(Request::form("/", &unknown))).code(), 230);
    let action = canaries.lay("action");
    assert_eq!(Reply::of(ask(Request::form("/", &canaries.form(&bob, &action, &[])))).code(), 161);
    let twice = format!("{0}=1&{0}=2&PublicKey=x", canaries.lay("twice"));
    assert_eq!(Reply::of(ask(Request::form("/", &twice))).code(), 230);
    let broken = format!("{{\"PublicKey\": \"{}\", \"{}\": ", canaries.lay("json"), canaries.lay("member"));
    assert_eq!(Reply::of(ask(Request::json("/", broken))).code(), 230);
    let nowhere = format!("/{}?password={}", canaries.lay("path"), canaries.lay("query"));
    assert_eq!(ask(Request::form(&nowhere, &canaries.lay("body"))).status, 404);
    assert_eq!(
        server.ask_admin(&format!("/{}?password={}", canaries.lay("path"), canaries.lay("query"))).status,
        404
    );
    for head in [
        format!("GET /../{}?{} HTTP/1.1\r\nHost: h\r\n\r\n", canaries.lay("path"), canaries.lay("query")),
        format!("GET / HTTP/1.1\r\nHost: {}\r\nHost: h\r\n\r\n", canaries.lay("host")),
        format!("{} / HTTP/1.1\r\nHost: h\r\n\r\n", canaries.lay("METHOD")),
        format!(
            "GET / HTTP/1.1\r\nHost: h\r\nAuthorization: {}\r\nAuthorization: {}\r\n\r\n",
            canaries.lay("one"),
            canaries.lay("two")
        ),
        format!(
            "GET / HTTP/1.1\r\nHost: h\r\n{}: {}\0\r\n\r\n",
            canaries.lay("header"),
            canaries.lay("value")
        ),
        format!("{}\r\n\r\n", canaries.lay("line")),
    ] {
        assert_eq!(server.probe(head.as_bytes())[0].status, 400, "{head}");
    }
    // Oversized ones.
    let big = |canary: String, bytes: usize| canary.repeat(bytes / canary.len() + 1);
    let body = format!("PublicKey={}&x={}", bob.id, big(canaries.lay("big"), 70 << 10));
    assert_eq!(Reply::of(ask(Request::form("/", &body))).code(), 230);
    let mut sender = server.connect();
    sender.send_while_open(&Request::form("/scloud", &big(canaries.lay("bigger"), 2 << 20)).wire());
    assert_eq!(sender.answer().status, 413);
    assert_eq!(
        server.probe(&Request::get("/").header("X", &big(canaries.lay("head"), 140 << 10)).wire())[0].status,
        431
    );
    assert_eq!(
        server.probe(&Request::get(&format!("/{}", big(canaries.lay("target"), 40 << 10))).wire())[0].status,
        414
    );
    // Ones that are not finished in time, or never.
    let slow = format!(
        "POST /scloud HTTP/1.1\r\nHost: h\r\nContent-Length: 999\r\n\r\n{}",
        canaries.form(&bob, "GetUser", &[])
    );
    assert_eq!(server.probe(slow.as_bytes())[0].status, 408);
    let slow =
        format!("GET /?{} HTTP/1.1\r\nX: {}", canaries.form(&bob, "GetUser", &[]), canaries.lay("slow"));
    assert_eq!(server.probe(slow.as_bytes())[0].status, 408);
    server.connect().send(slow.as_bytes());
}

#[test]
fn t66_nothing_that_was_confidential_is_written_down() {
    for format in ["json", "text"] {
        let canaries = Canaries::default();
        let master = "00112233445566778899aabbccddeeff".repeat(2);
        let setup = Setup::new()
            .settings(&format!(
                "[log]\nformat = \"{format}\"\nlevel = \"trace\"\nrefusals_per_source_per_second = 1000000"
            ))
            .settings("[limits]\nbody_seconds = 1\nheader_seconds = 1")
            .settings("[master_key]\nenv = \"THE_MASTER_KEY\"")
            .environment("THE_MASTER_KEY", &format!("keyward-master-key-1:{master}"));
        let server = setup.start();
        let secret = server.administrator().secret.clone();
        canaries.also(&secret);
        canaries.also(&master);
        full_journey(&server, &canaries);
        let hidden = canaries.hidden();
        hidden.assert_not_in("standard output", &server.said());
        hidden.assert_not_in("the metrics", &server.metrics());
        let requests =
            server.metric("keyward_requests_total", "") + server.metric("keyward_refused_heads_total", "");
        let (asked, log) = (usize::try_from(requests).unwrap(), server.stop().err);
        hidden.assert_not_in("the log", &log);
        assert!(log.matches("request").count() >= asked, "each request has its line: {asked}\n{log}");
        assert!(log.contains("bob"), "names are no secrets");
        hidden.assert_not_under(&setup.data());
        let checked = setup
            .clone()
            .environment("KEYWARD_BOOTSTRAP_SECRET_ACCESS_KEY", &secret)
            .environment("KEYWARD_SECRET_ACCESS_KEY", &secret)
            .run_with(&["config", "check", "--config", setup.beside("keyward.toml").to_str().unwrap()], b"");
        assert_eq!((checked.code, checked.err.as_str()), (Some(0), ""));
        assert!(checked.out.contains("THE_MASTER_KEY"), "{}", checked.out);
        hidden.assert_not_in("config check", &checked.out);
    }
}

#[test]
fn t66_the_first_credential_is_announced_and_never_again() {
    let setup = Setup::new().administrator(None).settings("log.level = \"trace\"");
    let server = setup.start();
    let said = server.said();
    let secret = said
        .lines()
        .find_map(|line| line.strip_prefix("export KEYWARD_SECRET_ACCESS_KEY="))
        .unwrap()
        .to_owned();
    let hidden = Hidden::new([secret.as_str()]);
    let ended = server.stop();
    let after = ended.out.split_once("\nlistening on ").unwrap().1;
    hidden.assert_not_in("standard output after the announcement", after);
    hidden.assert_not_in("the log", &ended.err);
    let again = setup.start().stop();
    hidden.assert_not_in("the next start", &format!("{}{}", again.out, again.err));
    hidden.assert_not_under(&setup.data());
}

/// Fails when a member of `json` that is named like a secret holds text.
fn assert_no_secret(json: &Value, answer: &str) {
    match json {
        Value::Object(members) => {
            for (name, value) in members {
                let name = name.to_lowercase();
                let is_named_so = ["secret", "password", "token", "private", "credential"]
                    .iter()
                    .any(|word| name.contains(word));
                assert!(
                    !is_named_so || value.is_boolean() || value.is_number() || value == "",
                    "{name} in {answer}"
                );
                assert_no_secret(value, answer);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| assert_no_secret(item, answer)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Every operation, as an administrator and as a member, with an outcome of each kind; all answers but those that make a key.
fn all_answers(server: &Server, bob: &Key) -> Vec<Reply> {
    let admin = server.administrator();
    let operations: &[(&str, &[(&str, &str)])] = &[
        ("ListAccessKeys", &[("UserName", "bob")]),
        ("GetUser", &[("UserName", "bob")]),
        ("ListUsers", &[]),
        ("GetLoginProfile", &[("UserName", "bob")]),
        (
            "UpdateLoginProfile",
            &[
                ("UserName", "bob"),
                ("Password", "a-new-password-for-bob"),
                ("GenerateRandomPassword", "true"),
            ],
        ),
        ("UpdateAccessKey", &[("AccessKeyID", &bob.id), ("Description", "mine")]),
        ("UpdateUser", &[("UserName", "bob"), ("DisplayName", "Robert")]),
        ("GetRegion", &[]),
        ("GetProjectList", &[]),
        (
            "CreateUser",
            &[
                ("UserName", "without-key"),
                ("AccessKeyStatus", "Inactive"),
                ("LoginProfileStatus", "Active"),
                ("GenerateRandomPassword", "true"),
            ],
        ),
        (
            "CreateUser",
            &[("UserName", "bob"), ("AccessKeyStatus", "Active"), ("LoginProfileStatus", "Active")],
        ),
        ("CreateAccessKey", &[("UserName", "nobody")]),
        ("DeleteAccessKey", &[("AccessKeyID", "no-such-key")]),
        ("DeleteUser", &[("UserName", "nobody")]),
    ];
    let mut replies = Vec::new();
    for key in [admin, bob, &bob.with_secret("a-wrong-secret-of-bob")] {
        replies.extend(operations.iter().map(|(action, pairs)| server.call(key, action, pairs)));
    }
    replies.push(server.call(admin, "DeleteAccessKey", &[("AccessKeyID", &bob.id)]));
    replies.push(server.call(admin, "DeleteUser", &[("UserName", "without-key")]));
    replies
}

#[test]
fn t67_only_the_answer_that_makes_a_key_shows_its_secret() {
    let server = Setup::new().settings("rate_limit.enabled = false").start();
    let bob = server.create_member("bob");
    assert!(bob.secret.len() >= 43);
    let pairs = [("UserName", "carol"), ("AccessKeyStatus", "Active"), ("LoginProfileStatus", "Inactive")];
    let carol = server.call(server.administrator(), "CreateUser", &pairs).done();
    let secret_of_carol = carol["AccessKeySecret"].as_str().unwrap();
    assert!(secret_of_carol.len() >= 43);
    let hidden =
        Hidden::new([&bob.secret, &server.administrator().secret, secret_of_carol, "a-new-password-for-bob"]);
    let replies = all_answers(&server, &bob);
    for Reply { answer, json } in &replies {
        assert_no_secret(json, &answer.text());
        hidden.assert_not_in("an answer", &format!("{:?}{}", answer.headers, answer.text()));
    }
    let list = &replies[0].json["AccessKey"][0];
    assert_eq!(
        (&list["AccessKeyID"], &list["AccessKeySecret"]),
        (&bob.id.as_str().into(), &"".into()),
        "there, and empty"
    );
    server.stop();
}

#[test]
fn t67_an_owner_who_may_see_his_secret_again_is_audited_each_time() {
    let server = Setup::new().settings("[dialect.scloud]\nreveal_secret = \"owner\"").start();
    let bob = server.create_member("bob");
    let reveals = || {
        audited_actions(&server.setup.data()).into_iter().filter(|action| action.contains("reveal")).count()
    };
    let shown = |key: &Key, user: &str| {
        let list = server.call(key, "ListAccessKeys", &[("UserName", user)]).done();
        list["AccessKey"][0]["AccessKeySecret"].as_str().unwrap().to_owned()
    };
    assert_eq!(reveals(), 0);
    assert_eq!(shown(server.administrator(), "bob"), "", "an administrator is not the owner");
    assert_eq!(reveals(), 0);
    for times in 1..=3 {
        assert_eq!(shown(&bob, "bob"), bob.secret);
        assert_eq!(reveals(), times);
    }
    assert_eq!(server.call(&bob, "ListAccessKeys", &[("UserName", "admin")]).code(), 299);
    assert_eq!(reveals(), 3);
    server.stop();
}

fn assert_not_stored(answer: &Answer) {
    assert_eq!(answer.header("cache-control"), Some("no-store"), "{answer:?}");
    assert_eq!(answer.header("content-encoding"), None, "{answer:?}");
    assert_eq!(answer.header("etag"), None, "{answer:?}");
    assert_eq!(answer.header("last-modified"), None, "{answer:?}");
}

#[test]
fn t70_no_answer_is_kept_or_compressed_by_anybody_on_the_way() {
    let setup = Setup::new().settings("trusted_proxies = [\"127.0.0.1\"]\nlimits.body_seconds = 1");
    let server = setup.start();
    let admin = server.administrator();
    let create = admin.form(
        "CreateUser",
        &[("UserName", "bob"), ("AccessKeyStatus", "Active"), ("LoginProfileStatus", "Inactive")],
    );
    let list = admin.form("ListUsers", &[]);
    let big = format!("PublicKey=x&{}", "x".repeat(70 << 10));
    for (request, status) in [
        (Request::form("/", &create), 200),
        (Request::get(&format!("/?{list}")), 200),
        (Request::json("/scloud", "{"), 200),
        (Request::get("/scloud/x"), 404),
        (Request::new("PUT", "/scloud"), 405),
        (Request::form("/", &big), 413),
        (Request::get("/nowhere"), 404),
        (Request::get("/").header("X-Forwarded-For", "x"), 400),
        (Request::get("/").header("X-Forwarded-Proto", "http"), 403),
        (Request::new("POST", "/scloud").header("Content-Length", "9"), 408),
        (Request::new("POST", "/nowhere").header("Content-Length", "9"), 408),
    ] {
        let answer = server.ask(&request.header("Accept-Encoding", "gzip, deflate, br, zstd"));
        assert_eq!(answer.status, status, "{}", answer.text());
        assert_not_stored(&answer);
        assert!(!answer.body.is_empty());
    }
    let mut admin_door = Connection::open(server.admin);
    for target in ["/healthz", "/readyz", "/metrics", "/nowhere"] {
        assert_not_stored(&admin_door.exchange(&Request::get(target).header("Accept-Encoding", "gzip")));
    }
    server.stop();
}

#[test]
fn t70_nothing_confidential_is_on_the_command_line_or_in_a_logged_query() {
    let setup = Setup::new().settings("log.level = \"trace\"");
    let server = setup.start();
    let arguments = std::fs::read_to_string(format!("/proc/{}/cmdline", server.pid())).unwrap();
    assert!(arguments.contains("--data-dir"));
    assert!(!arguments.contains(&server.administrator().secret));
    for command in
        [&["serve"][..], &["explain"], &["config", "check"], &["verify-store"], &["audit", "verify"]]
    {
        let help = setup.run_with(&[command, &["--help"]].concat(), b"").out;
        let options: Vec<&str> = help.split_whitespace().filter(|word| word.starts_with("--")).collect();
        assert!(!options.is_empty());
        let takes_secret =
            |option: &&str| ["secret", "password", "key", "token"].iter().any(|word| option.contains(word));
        assert!(!options.iter().any(takes_secret), "{command:?} {options:?}");
    }
    // A GET is allowed to carry a password; then it must not be in the log of the request.
    let password = "cAnArY-password-in-a-query";
    let query =
        server.administrator().form("UpdateLoginProfile", &[("UserName", "admin"), ("Password", password)]);
    let answer = server.ask(&Request::get(&format!("/?{query}")));
    let line = server.line_of(&answer).to_string();
    Reply::of(answer).done();
    for part in [password, "UserName", query.rsplit_once('=').unwrap().1, "?"] {
        assert!(!line.contains(part), "{line}");
    }
    server.stop();
    // Where GET is switched off, nothing of a credential gets into the logs of proxies either.
    let server = Setup::new().settings("dialect.scloud.post_only = true").start();
    let form = server.administrator().form("ListUsers", &[]);
    assert_eq!(Reply::of(server.ask(&Request::get(&format!("/?{form}")))).code(), 230);
    Reply::of(server.ask(&Request::form("/", &form))).done();
    server.stop();
}
