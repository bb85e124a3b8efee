//! Questions to the gate, sent byte for byte as the proxies send them.

use serde_json::{Value, json};
use signing::Scheme;

use crate::harness::http::{Answer, Connection};
use crate::harness::signed::{Signed, now};
use crate::harness::{Key, Request, Server, Setup};

/// The schemes whose signatures bind method, path and query.
pub(super) const BOUND: [Scheme; 4] = [Scheme::Tc3, Scheme::SdkHmacSha256, Scheme::Scp, Scheme::Aws4];

const HOST: &str = "web.test";

impl Server {
    /// Asks at the gate's socket.
    pub(crate) fn question(&self, request: &Request) -> Answer {
        Connection::to_socket(&self.setup.socket()).exchange(request)
    }
}

fn body(answer: &Answer) -> Value {
    serde_json::from_slice(&answer.body).unwrap()
}

fn assert_allowed(answer: &Answer, user: &str, key: &Key, scheme: Scheme) {
    assert_eq!(answer.status, 200, "{scheme}: {answer:?}");
    assert_eq!(answer.header("x-keyward-account"), Some("default"));
    assert_eq!(answer.header("x-keyward-user"), Some(user));
    assert_eq!(answer.header("x-keyward-key"), Some(key.id.as_str()));
    assert_eq!(answer.header("x-keyward-scheme"), Some(scheme.as_str()));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let told = body(answer);
    assert_eq!((&told["allowed"], &told["user"], &told["key"]), (&json!(true), &json!(user), &json!(key.id)));
}

fn assert_refused(answer: &Answer, status: u16, cause: &str) {
    assert_eq!(answer.status, status, "{answer:?}");
    assert_eq!(answer.header("x-keyward-cause"), Some(cause), "{answer:?}");
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    for identity in ["account", "user", "key", "scheme", "payload"] {
        assert_eq!(answer.header(&format!("x-keyward-{identity}")), None);
    }
    let told = body(answer);
    assert_eq!((&told["allowed"], &told["status"]), (&json!(false), &json!(status)), "{told}");
}

#[test]
fn a_request_of_each_scheme_passes_in_each_way_of_asking() {
    let server = Server::start();
    let key = server.administrator();
    for scheme in BOUND {
        let signed = Signed::get(scheme, key, HOST, "/a/b?x=1&y=2");
        for question in [signed.as_nginx(), signed.as_caddy(), signed.as_envoy()] {
            let answer = server.question(&question);
            assert_allowed(&answer, "admin", key, scheme);
            let payload = if scheme == Scheme::Scp { "unsigned" } else { "unchecked" };
            assert_eq!(answer.header("x-keyward-payload"), Some(payload), "{scheme}");
        }
        let answer = server.question(&Request::json("/gate/verify", signed.as_json().to_string()));
        assert_allowed(&answer, "admin", key, scheme);
    }
    let signed = Signed::get(Scheme::TencentV1, key, HOST, "/?x=1");
    assert_allowed(&server.question(&signed.as_nginx()), "admin", key, Scheme::TencentV1);
    server.stop();
}

#[test]
fn one_changed_byte_anywhere_is_refused() {
    let server = Server::start();
    let mut gate = Connection::to_socket(&server.setup.socket());
    for scheme in BOUND {
        let signed = Signed::get(scheme, server.administrator(), HOST, "/a/b?x=1&y=2");
        assert_eq!(gate.exchange(&signed.as_nginx()).status, 200, "{scheme}");
        for (what, changed) in signed.changed_everywhere() {
            let answer = gate.exchange(&changed.as_nginx());
            assert_eq!(answer.status, 401, "{scheme} {what}: {changed:?} {answer:?}");
        }
    }
}

#[test]
fn a_signature_over_the_clouds_one_path_opens_that_path_only() {
    let server = Server::start();
    let key = server.administrator();
    // What the official clients of Tencent Cloud always sign.
    let root = Signed::get(Scheme::Tc3, key, HOST, "/?x=1");
    assert_eq!(server.question(&root.as_nginx()).status, 200);
    let moved = Signed { target: "/a?x=1".to_owned(), ..root };
    assert_refused(&server.question(&moved.as_nginx()), 401, "wrong signature");
    let old = Signed::get(Scheme::TencentV1, key, HOST, "/?x=1");
    let moved = Signed { target: old.target.replacen('/', "/a", 1), ..old };
    assert_refused(&server.question(&moved.as_nginx()), 401, "wrong signature");
}

#[test]
fn a_scheme_that_binds_nothing_passes_only_where_it_is_allowed() {
    let server = Server::start();
    let signed = Signed::get(Scheme::Scloud, server.administrator(), HOST, "/a?x=1");
    let refused = server.question(&signed.as_nginx());
    assert_refused(&refused, 401, "the scheme binds neither method nor path");
    let server = Setup::new().settings("[gate]\nunbound_schemes = \"allow\"").start();
    let signed = Signed::get(Scheme::Scloud, server.administrator(), HOST, "/a?x=1");
    let answer = server.question(&signed.as_nginx());
    assert_allowed(&answer, "admin", server.administrator(), Scheme::Scloud);
    assert_eq!(answer.header("x-keyward-payload"), Some("unsigned"));
    server.wait_for_log(|log| log.contains("gate.unbound_schemes"));
    let changed = Signed { target: signed.target.replacen("x=1", "x=2", 1), ..signed };
    assert_refused(&server.question(&changed.as_nginx()), 401, "wrong signature");
}

#[test]
fn a_body_that_no_header_tells_the_digest_of_is_not_waited_for() {
    let server = Server::start();
    let key = server.administrator();
    let unsigned_digest = |scheme, header: &str| {
        let mut signed = Signed::get(scheme, key, HOST, "/a");
        signed.headers.retain(|(name, _)| name != header);
        signed
    };
    for signed in [
        Signed::at(now(), Scheme::Tc3, key, "POST", HOST, "/a"),
        unsigned_digest(Scheme::SdkHmacSha256, "X-Sdk-Content-Sha256"),
        unsigned_digest(Scheme::Aws4, "X-Amz-Content-Sha256"),
    ] {
        // nginx passes the length of the client's body on and never sends the body.
        let question = signed.as_nginx().header("Content-Length", "5");
        let answer = server.question(&question);
        // A signed header that is missing is told before the body.
        let cause = answer.header("x-keyward-cause").unwrap();
        assert!(cause == "body not visible" || cause.ends_with("is missing"), "{answer:?}");
        assert_eq!(answer.status, 401);
    }
    let post = Signed::at(now(), Scheme::Tc3, key, "POST", HOST, "/a");
    assert_refused(&server.question(&post.as_nginx()), 401, "body not visible");
    // Who has seen the body can tell its digest.
    let mut call = post.as_json();
    call["body_sha256"] = json!(crate::harness::signed::EMPTY_SHA256);
    let answer = server.question(&Request::json("/gate/verify", call.to_string()));
    assert_allowed(&answer, "admin", key, Scheme::Tc3);
    assert_eq!(answer.header("x-keyward-payload"), Some("signed"));
    call["body_sha256"] = json!("00".repeat(32));
    assert_refused(
        &server.question(&Request::json("/gate/verify", call.to_string())),
        401,
        "wrong signature",
    );
}

#[test]
fn t12_sources_that_disagree_about_the_request_are_refused() {
    let server = Server::start();
    let signed = Signed::get(Scheme::Aws4, server.administrator(), HOST, "/a?x=1");
    for (name, value, part) in [
        ("X-Forwarded-Host", "other.test", "host"),
        ("X-Forwarded-Uri", "/a?x=2", "target"),
        ("X-Forwarded-Method", "DELETE", "method"),
    ] {
        let cause = format!("two sources disagree about the {part}");
        assert_refused(&server.question(&signed.as_nginx().header(name, value)), 401, &cause);
        assert_refused(&server.question(&signed.as_envoy().header(name, value)), 401, &cause);
        let original = name.replace("Forwarded", "Original");
        assert_refused(&server.question(&signed.as_envoy().header(&original, value)), 401, &cause);
        let twice = server.question(&signed.as_caddy().header(name, value));
        assert_refused(&twice, 401, &format!("{} came twice", name.to_lowercase()));
    }
    // The question's own line, host and query are evidence of nothing.
    assert_eq!(server.question(&signed.as_nginx().host("gate.internal")).status, 200);
    let mut call = signed.as_json();
    call["headers"]["Host"] = json!("other.test");
    let answer = server.question(&Request::json("/gate/verify", call.to_string()));
    assert_refused(&answer, 401, "two sources disagree about the host");
    assert_refused(
        &server.question(&Request::get("/gate/forward")),
        400,
        "the question tells no method; see docs/integrations",
    );
}

#[test]
fn t13_paths_that_can_be_read_in_two_ways_open_nothing() {
    let server = Server::start();
    let key = server.administrator();
    for scheme in BOUND {
        for path in ["/a/../b", "/a/%2e%2e/b", "/a/.", "/a%00", "/a\\b"] {
            let signed = Signed::get(scheme, key, HOST, path);
            assert_refused(&server.question(&signed.as_nginx()), 401, "target is malformed");
        }
    }
    // Signed alike, but not the same.
    let signed = Signed::get(Scheme::Aws4, key, HOST, "/a/b");
    let doubled = Signed { target: "/a//b".to_owned(), ..signed };
    assert_refused(&server.question(&doubled.as_nginx()), 401, "wrong signature");
    let signed = Signed::get(Scheme::SdkHmacSha256, key, HOST, "/a/b");
    let encoded = Signed { target: "/a%2Fb".to_owned(), ..signed };
    assert_refused(&server.question(&encoded.as_nginx()), 401, "path cannot be read");
}

#[test]
fn the_clock_is_judged_both_ways_and_a_presigned_url_by_what_it_says() {
    let server = Server::start();
    let key = server.administrator();
    for (scheme, window) in
        [(Scheme::Tc3, 300), (Scheme::SdkHmacSha256, 900), (Scheme::Scp, 900), (Scheme::Aws4, 900)]
    {
        for (offset, status) in
            [(-window + 60, 200), (window - 60, 200), (-window - 60, 401), (window + 60, 401)]
        {
            let signed = Signed::at(now() + offset, scheme, key, "GET", HOST, "/a");
            let answer = server.question(&signed.as_nginx());
            assert_eq!(answer.status, status, "{scheme} {offset}: {answer:?}");
        }
    }
    for (offset, seconds, status) in [
        (0, 60, 200),
        (-3_000, 3_600, 200),
        (-3_700, 3_600, 401),
        (-70, 60, 401),
        (800, 60, 200),
        (1_000, 604_800, 401),
    ] {
        let signed = Signed::presigned(now() + offset, key, HOST, "/a?x=1", seconds);
        let answer = server.question(&signed.as_nginx());
        assert_eq!(answer.status, status, "{offset} {seconds}: {answer:?}");
    }
}

#[test]
fn several_requests_in_one_call_get_a_result_each() {
    let server = Server::start();
    let key = server.administrator();
    let good = Signed::get(Scheme::Scp, key, HOST, "/a");
    let bad = Signed { target: "/b".to_owned(), ..good.clone() };
    let other = Signed::get(Scheme::Aws4, &server.create_member("bob"), HOST, "/a");
    let call = json!({ "requests": [good.as_json(), bad.as_json(), other.as_json()] });
    let answer = server.question(&Request::json("/gate/verify", call.to_string()));
    assert_eq!(answer.status, 200, "{answer:?}");
    let told = body(&answer);
    let statuses: Vec<_> =
        told["results"].as_array().unwrap().iter().map(|one| one["status"].clone()).collect();
    // A key that the SCloud dialect issued does not sign in another scheme (threat T18).
    assert_eq!(statuses, [json!(200), json!(401), json!(401)]);
    assert_eq!(told["results"][0]["user"], json!("admin"));
    for (call, cause) in [
        ("[]", "the body is not a JSON object"),
        ("{\"requests\":[]}", "requests holds 1 to 100 of them"),
        ("{\"requests\":[1]}", "requests holds something else than objects"),
        ("{}", "method is missing"),
        ("{\"method\":\"GET\",\"method\":\"GET\"}", "the body is not a JSON object"),
        ("{\"method\":\"GET\",\"url\":\"/a\"}", "url is missing or does not begin with http:// or https://"),
        (
            "{\"method\":\"GET\",\"body\":\"x\"}",
            "known members are method, url, headers, body_sha256 and source",
        ),
    ] {
        assert_refused(&server.question(&Request::json("/gate/verify", call)), 400, cause);
    }
    assert_refused(&server.question(&Request::get("/gate/verify")), 405, "only POST is answered here");
}

#[test]
fn a_key_that_may_not_act_is_known_but_not_allowed() {
    let server = Setup::new().settings("[gate]\nunbound_schemes = \"allow\"").start();
    let bob = server.create_member("bob");
    let ask = |key: &Key| server.question(&Signed::get(Scheme::Scloud, key, HOST, "/a?x=1").as_nginx());
    assert_allowed(&ask(&bob), "bob", &bob, Scheme::Scloud);
    let pairs = [("AccessKeyID", bob.id.as_str()), ("Status", "Inactive")];
    server.call(server.administrator(), "UpdateAccessKey", &pairs).done();
    assert_refused(&ask(&bob), 403, "the access key is disabled");
    // Told to a holder of the secret only.
    assert_refused(&ask(&bob.with_secret("another")), 401, "wrong signature");
    server.call(server.administrator(), "DeleteAccessKey", &[("AccessKeyID", &bob.id)]).done();
    assert_refused(&ask(&bob), 401, "wrong signature");
    assert_refused(&ask(&Key::new("nobody", "nothing")), 401, "wrong signature");
}

#[test]
fn services_and_unsigned_bodies_are_refused_where_the_settings_say_so() {
    let settings =
        "[gate]\nservices = [\"billing\"]\nservice = \"shop\"\nrefuse_unsigned_payload = [\"shop\"]";
    let server = Setup::new().settings(settings).start();
    let key = server.administrator();
    for scheme in [Scheme::Aws4, Scheme::Tc3] {
        let answer = server.question(&Signed::get(scheme, key, HOST, "/a").as_nginx());
        assert_refused(&answer, 403, "the signature is for a service that is not served here");
    }
    let answer = server.question(&Signed::get(Scheme::Scp, key, HOST, "/a").as_nginx());
    assert_refused(&answer, 403, "the signature leaves the body out");
    assert_eq!(server.question(&Signed::get(Scheme::SdkHmacSha256, key, HOST, "/a").as_nginx()).status, 200);
}

#[test]
fn t25_nobody_asks_without_being_trusted_and_no_answer_holds_a_secret() {
    let server = Server::start();
    let key = server.administrator();
    let good = Signed::get(Scheme::Aws4, key, HOST, "/a");
    let wrong = Signed::get(Scheme::Aws4, &key.with_secret("another"), HOST, "/a");
    let verify = Request::json("/gate/verify", good.as_json().to_string());
    // Over TCP nobody is trusted by default.
    for question in [good.as_nginx(), good.as_envoy(), verify.clone(), Request::get("/gate/nothing")] {
        let answer = server.ask(&question);
        assert_refused(&answer, 401, "no valid X-Keyward-Gate-Token");
        let answer = server.ask(&question.header("X-Keyward-Gate-Token", "guess"));
        assert_refused(&answer, 401, "no valid X-Keyward-Gate-Token");
    }
    let open = Setup::new().settings("[gate]\nopen = true").start();
    open.wait_for_log(|log| log.contains("gate.open"));
    let own = Signed::get(Scheme::Aws4, open.administrator(), HOST, "/a");
    assert_allowed(&open.ask(&own.as_nginx()), "admin", open.administrator(), Scheme::Aws4);
    let remote = Setup::new().settings("allow_plain_http = true\n[gate]\nopen = true");
    let refusal = remote.arguments(&["--listen", "0.0.0.0:0"]).refusal();
    assert!(refusal.contains("gate.open"), "{refusal}");
    // A principal and nothing else: no member is named like a secret, and neither the secret nor a signature is there.
    let signature = |signed: &Signed| signed.header("Authorization").rsplit('=').next().unwrap().to_owned();
    for (question, expected) in [(&good, &good), (&wrong, &good)] {
        for request in [question.as_nginx(), Request::json("/gate/verify", question.as_json().to_string())] {
            let answer = server.question(&request);
            let whole = format!("{:?} {}", answer.headers, answer.text());
            for secret in [key.secret.as_str(), &signature(expected), &signature(question)] {
                assert!(!whole.contains(secret), "{whole}");
            }
            for word in ["secret", "token", "signing", "expected", "canonical"] {
                assert!(!whole.to_lowercase().contains(word), "{word}: {whole}");
            }
        }
    }
}

#[test]
fn identity_headers_are_names_in_percent_encoding() {
    let server = Setup::new().settings("[gate]\nunbound_schemes = \"allow\"").start();
    let key = server.create_member("jane@example.org");
    let answer = server.question(&Signed::get(Scheme::Scloud, &key, HOST, "/?x=1").as_nginx());
    assert_eq!(answer.header("x-keyward-user"), Some("jane%40example.org"));
    assert_eq!(body(&answer)["user"], json!("jane@example.org"));
}

#[test]
fn questions_are_logged_and_counted_under_the_address_of_the_client() {
    let server = Server::start();
    let signed = Signed::get(Scheme::Scp, server.administrator(), HOST, "/a");
    let answer = server.question(&signed.as_nginx().header("X-Real-IP", "192.0.2.7"));
    let id = answer.header("x-keyward-request-id").unwrap();
    server.wait_for_log(|log| log.contains(id));
    let log = server.log();
    let line: Value = serde_json::from_str(log.lines().find(|line| line.contains(id)).unwrap()).unwrap();
    assert_eq!(line["dialect"], "gate");
    assert_eq!(line["operation"], "forward");
    assert_eq!(line["source"], "192.0.2.7");
    assert_eq!(line["caller.user"], "admin");
    let through = |chain| server.question(&signed.as_caddy().header("X-Forwarded-For", chain)).status;
    assert_eq!((through("10.0.0.1, 192.0.2.8"), through("nonsense")), (200, 401));
    let count = |label| server.metric("keyward_requests_total", label);
    assert_eq!(count("dialect=\"gate\",operation=\"forward\",outcome=\"ok\""), 2);
    assert_eq!(count("dialect=\"gate\",operation=\"forward\",outcome=\"unauthenticated\""), 1);
}

#[test]
fn t25_a_service_with_a_gate_token_asks_over_tcp_and_can_do_nothing_else() {
    let setup = Setup::new().settings("[gate]\nrefuse_unsigned_payload = [\"strict\"]");
    setup.start().stop();
    let (web, strict) = setup.offline(async |service, caller| {
        let web = service.create_gate_token(caller, "web").await.unwrap().word;
        let strict = service.create_gate_token(caller, "strict").await.unwrap().word;
        (web.as_str().to_owned(), strict.as_str().to_owned())
    });
    let server = setup.start();
    let key = server.administrator();
    let ask = |token: &str, scheme| {
        let signed = Signed::get(scheme, key, HOST, "/a");
        server.ask(&signed.as_nginx().header("X-Keyward-Gate-Token", token))
    };
    assert_allowed(&ask(&web, Scheme::Scp), "admin", key, Scheme::Scp);
    assert_refused(&ask(&strict, Scheme::Scp), 403, "the signature leaves the body out");
    assert_allowed(&ask(&strict, Scheme::Aws4), "admin", key, Scheme::Aws4);
    for other in [&web[1..], &web.to_uppercase(), &format!("{web},{strict}")] {
        assert_refused(&ask(other, Scheme::Aws4), 401, "no valid X-Keyward-Gate-Token");
    }
    let twice = Signed::get(Scheme::Aws4, key, HOST, "/a").as_nginx();
    let twice = twice.header("X-Keyward-Gate-Token", &web).header("X-Keyward-Gate-Token", &web);
    assert_refused(&server.ask(&twice), 401, "no valid X-Keyward-Gate-Token");
    // Where a user's token opens something, this one opens nothing.
    for path in ["/v3/users", "/v3/auth/tokens", "/api/v1/whoami", "/?Action=ListUsers"] {
        let answer = server.ask(&Request::get(path).header("X-Auth-Token", &web));
        let text = answer.text();
        assert!(answer.status != 200 || text.contains("\"RetCode\":170"), "{path}: {answer:?}");
    }
    server.stop();
}
