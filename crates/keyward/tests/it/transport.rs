//! Plain HTTP, proxies and host names: what is believed, what is refused, and when the server does not even start.

use crate::harness::carriage::Carriage;
use crate::harness::scloud::{Key, Reply};
use crate::harness::{Request, Setup};

/// From anywhere, on a port that the system chooses.
const EVERYWHERE: [&str; 2] = ["--listen", "0.0.0.0:0"];

#[test]
fn t11_beyond_loopback_nothing_starts_unencrypted_by_accident() {
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:7460", "[2001:db8::1]:7460", "[::ffff:192.0.2.1]:7460"]
    {
        let setup = Setup::new().arguments(&["--listen", address]);
        let sentence = setup.refusal();
        for way_out in ["[tls]", "trusted_proxies", "allow_plain_http = true"] {
            assert!(sentence.contains(way_out), "{sentence}");
        }
        assert!(!setup.data().exists());
    }
    for address in ["0.0.0.0:0", "192.0.2.1:7461"] {
        let setup = Setup::new().arguments(&["--admin-listen", address]);
        assert!(setup.refusal().contains("admin_listen"));
        // A certificate or a proxy in front of the other listener does not help this one.
        let setup = setup.settings("trusted_proxies = [\"192.0.2.7\"]");
        assert!(setup.refusal().contains("admin_listen"));
        assert!(!setup.data().exists());
    }
    // What looks like the permission and is none.
    for word in ["\"true\"", "1", "\"yes\""] {
        let setup = Setup::new().arguments(&EVERYWHERE).settings(&format!("allow_plain_http = {word}"));
        assert!(setup.refusal().contains("allow_plain_http"), "{word}");
    }
    Setup::new().arguments(&EVERYWHERE).settings("trusted_proxies = [\"192.0.2.7\"]").start().stop();
}

#[test]
fn t11_plain_http_that_was_allowed_is_told_at_each_start() {
    let setup = Setup::new().arguments(&EVERYWHERE).settings("allow_plain_http = true");
    for _ in 0..2 {
        let server = setup.start();
        server.call(server.administrator(), "ListUsers", &[]).done();
        let log = server.stop().err;
        let warnings: Vec<&str> = log.lines().filter(|line| line.contains("\"event\":\"warning\"")).collect();
        assert_eq!(warnings.len(), 1, "{log}");
        assert!(warnings[0].contains("\"level\":\"warn\"") && warnings[0].contains("unencrypted"), "{log}");
    }
    // Not silenced by the level.
    let ended = setup.settings("log.level = \"warn\"").start().stop();
    assert!(ended.err.contains("unencrypted"), "{}", ended.err);
}

#[test]
fn t11_a_key_of_one_installation_is_unknown_to_another() {
    let (here, there) = (Setup::new().start(), Setup::new().start());
    let here_key = here.create_member("bob");
    let there_key = there.create_member("bob");
    for (key, code) in [(here.administrator(), 172), (&here_key, 172), (&there_key, 0)] {
        let request = Request::form("/", &key.form("GetUser", &[("UserName", "bob")]));
        // The very bytes: neither host nor path is signed.
        assert_eq!(Reply::of(there.ask(&request)).code(), code);
    }
    // Made with the same master key, the same name and the same id it is still another key.
    let master = here.setup.data().join("master.key");
    let copy = Setup::new();
    std::fs::create_dir(copy.data()).unwrap();
    std::fs::copy(master, copy.data().join("master.key")).unwrap();
    let other_secret = here.administrator().with_secret("another-secret-of-another-installation");
    let third = copy.administrator(Some(other_secret)).start();
    assert_eq!(third.call(here.administrator(), "ListUsers", &[]).code(), 171);
    third.call(third.administrator(), "ListUsers", &[]).done();
}

/// What a proxy on this machine, or a stranger on it, says about the client, and what becomes of that: the address in the
/// log when the request is served, else the status.
type Row<'a> = (&'a [(&'a str, &'a str)], Result<&'a str, u16>);

fn check(setup: &Setup, rows: &[Row<'_>]) {
    let server = setup.start();
    let form = server.administrator().form("GetUser", &[("UserName", "admin")]);
    for (headers, expected) in rows {
        let plain = Request::form("/scloud", &form);
        let request = headers.iter().fold(plain, |request, (name, value)| request.header(name, value));
        let answer = server.ask(&request);
        match expected {
            Ok(source) => {
                assert_eq!(answer.status, 200, "{headers:?}: {}", answer.text());
                assert_eq!(server.line_of(&answer)["source"], *source, "{headers:?}");
                Reply::of(answer).done();
            }
            Err(status) => assert_eq!(answer.status, *status, "{headers:?}: {}", answer.text()),
        }
    }
    server.stop();
}

#[test]
fn t12_what_strangers_forward_is_not_believed() {
    let lies: &[Row<'_>] = &[
        (&[], Ok("127.0.0.1")),
        (&[("X-Forwarded-For", "203.0.113.9")], Ok("127.0.0.1")),
        (&[("X-Forwarded-For", "203.0.113.9"), ("X-Forwarded-Proto", "http")], Ok("127.0.0.1")),
        (&[("X-Forwarded-Proto", "ftp")], Ok("127.0.0.1")),
        (&[("X-Forwarded-Proto", "http"), ("X-Forwarded-Proto", "https")], Ok("127.0.0.1")),
        (&[("X-Forwarded-For", "not an address")], Ok("127.0.0.1")),
        (&[("X-Forwarded-Host", "evil.example")], Ok("127.0.0.1")),
        (&[("X-Real-IP", "203.0.113.9"), ("Forwarded", "for=203.0.113.9;proto=https")], Ok("127.0.0.1")),
    ];
    check(&Setup::new(), lies);
    check(&Setup::new().settings("trusted_proxies = [\"10.0.0.0/8\", \"127.0.0.2\"]"), lies);
}

#[test]
fn t12_what_a_trusted_proxy_forwards_is_believed_as_far_as_it_wrote_it() {
    check(
        &Setup::new().settings("trusted_proxies = [\"127.0.0.0/8\", \"10.0.0.0/8\"]"),
        &[
            (&[("X-Forwarded-For", "203.0.113.9"), ("X-Forwarded-Proto", "https")], Ok("203.0.113.9")),
            (&[("X-Forwarded-For", "2001:db8::9"), ("X-Forwarded-Proto", "https")], Ok("2001:db8::9")),
            // A list grows to the right; what the client wrote stands on the left.
            (
                &[("X-Forwarded-For", "127.0.0.1, 203.0.113.9"), ("X-Forwarded-Proto", "https")],
                Ok("203.0.113.9"),
            ),
            (
                &[
                    ("X-Forwarded-For", "127.0.0.1"),
                    ("X-Forwarded-For", "203.0.113.9, 10.0.0.2"),
                    ("X-Forwarded-Proto", "https"),
                ],
                Ok("203.0.113.9"),
            ),
            (
                &[("X-Forwarded-For", "nonsense, 203.0.113.9"), ("X-Forwarded-Proto", "https")],
                Ok("203.0.113.9"),
            ),
            // Straight from this machine.
            (&[], Ok("127.0.0.1")),
            // Contradictions and what is no address.
            (&[("X-Forwarded-Proto", "https"), ("X-Forwarded-Proto", "https")], Err(400)),
            (&[("X-Forwarded-Proto", "https"), ("X-Forwarded-Proto", "http")], Err(400)),
            (&[("X-Forwarded-Proto", "https, http")], Err(400)),
            (&[("X-Forwarded-Proto", "HTTPS")], Err(400)),
            (&[("X-Forwarded-Proto", "")], Err(400)),
            (&[("X-Forwarded-For", ""), ("X-Forwarded-Proto", "https")], Err(400)),
            (&[("X-Forwarded-For", "203.0.113.9:443"), ("X-Forwarded-Proto", "https")], Err(400)),
            (&[("X-Forwarded-For", "unknown"), ("X-Forwarded-Proto", "https")], Err(400)),
            // Headers that nobody said the proxy sets.
            (
                &[
                    ("X-Forwarded-Host", "evil.example"),
                    ("X-Real-IP", "203.0.113.9"),
                    ("Forwarded", "for=203.0.113.9"),
                ],
                Ok("127.0.0.1"),
            ),
        ],
    );
}

#[test]
fn t11_plain_http_through_a_proxy_is_refused() {
    let setup = Setup::new().settings("trusted_proxies = [\"127.0.0.1\"]");
    let rows: &[Row<'_>] = &[
        (&[("X-Forwarded-For", "203.0.113.9")], Err(403)),
        (&[("X-Forwarded-For", "203.0.113.9"), ("X-Forwarded-Proto", "http")], Err(403)),
        (&[("X-Forwarded-For", "203.0.113.9, 127.0.0.1")], Err(403)),
        // Whoever it was, he came to the proxy unencrypted.
        (&[("X-Forwarded-Proto", "http")], Err(403)),
        (&[("X-Forwarded-For", "127.0.0.1"), ("X-Forwarded-Proto", "http")], Ok("127.0.0.1")),
        (&[("X-Forwarded-For", "203.0.113.9"), ("X-Forwarded-Proto", "https")], Ok("203.0.113.9")),
    ];
    check(&setup, rows);
    check(
        &setup.settings("allow_plain_http = true"),
        &[
            (&[("X-Forwarded-For", "203.0.113.9")], Ok("203.0.113.9")),
            (&[("X-Forwarded-Proto", "http")], Ok("127.0.0.1")),
        ],
    );
}

#[test]
fn t12_host_and_target_agree_or_nobody_is_asked() {
    let server = Setup::new().settings("dialect.scloud.hosts = [\"iam.test\"]").start();
    let key = server.administrator();
    let query = key.form("GetUser", &[("UserName", "admin")]);
    for (target, host, status) in [
        ("/", "iam.test", 200),
        ("/", "IAM.Test:7460", 200),
        ("http://iam.test/", "iam.test", 200),
        ("http://iam.test", "iam.test:80", 200),
        ("http://IAM.test/", "iam.TEST", 200),
        ("http://other.test/scloud", "other.test", 200),
        ("http://iam.test/", "other.test", 400),
        ("http://other.test/", "iam.test", 400),
        ("http://iam.test:81/", "iam.test", 400),
        ("https://iam.test/", "iam.test:80", 400),
        ("http://iam.test@other.test/", "other.test", 400),
        ("//iam.test/", "iam.test", 404),
        ("ftp://iam.test/", "iam.test", 400),
        ("iam.test:80", "iam.test", 400),
    ] {
        let request = Request::get(&format!("{target}?{query}")).host(host);
        let answer = server.ask(&request);
        assert_eq!(answer.status, status, "{target} {host}: {}", answer.text());
        if status == 200 {
            Reply::of(answer).done();
        }
    }
    // A name that only a forwarded header gives opens no door.
    let lie = Carriage::Query.request("/nowhere", &[]).header("X-Forwarded-Host", "iam.test");
    assert_eq!(server.ask(&lie).status, 404);
    assert_eq!(
        server.ask(&Request::get("/nowhere").host("iam.test")).header("x-ucloud-request-uuid").map(str::len),
        Some(32)
    );
    server.stop();
}

#[test]
fn a_public_url_stands_in_the_settings_to_paste() {
    let setup = Setup::new()
        .administrator(None)
        .settings("public_url = [\"https://Keys.Example.org/x/\", \"https://other.example\"]");
    let said = setup.start().said();
    assert!(said.contains("export KEYWARD_ENDPOINT=https://keys.example.org/x\n"), "{said}");
    assert!(!said.contains("other.example"), "{said}");
}

#[test]
fn each_way_to_the_dialect_is_the_same() {
    let setup = Setup::new().settings("dialect.scloud.hosts = [\"iam.test\"]");
    let server = setup.start();
    let key = server.administrator();
    let ways = [
        ("/", "keyward.test"),
        ("/scloud", "keyward.test"),
        ("/scloud/", "keyward.test"),
        ("/", "iam.test"),
        ("/", "IAM.TEST:1"),
        ("/scloud", "iam.test"),
    ];
    for (path, host) in ways {
        for carriage in Carriage::ALL {
            let pairs = [("Action", "GetUser"), ("UserName", "admin"), ("PublicKey", key.id.as_str())];
            let signature = signing::scloud::signed_form(&pairs[..2], &key.id, key.secret.as_bytes());
            let signature = signature.rsplit_once('=').unwrap().1;
            let request =
                carriage.request(path, &[&pairs[..], &[("Signature", signature)]].concat()).host(host);
            let reply = Reply::of(server.ask(&request));
            assert_eq!(reply.done()["User"]["UserName"], "admin", "{path} {host} {carriage:?}");
        }
    }
    // Below the prefix, or at a host of its own, a path that is nobody's gets the dialect's 404, elsewhere a plain one.
    for (path, host) in [("/scloud/x", "keyward.test"), ("/x", "iam.test"), ("/scloud//", "keyward.test")] {
        let reply = Reply::of(server.ask(&Request::get(path).host(host)));
        assert_eq!((reply.answer.status, reply.code()), (404, 230), "{path}");
    }
    for path in ["/x", "/scloudx", "/Scloud", "/SCLOUD/", "/index.html"] {
        let answer = server.ask(&Request::get(path));
        assert_eq!(
            (answer.status, answer.text().as_str()),
            (404, "nothing is served at this path\n"),
            "{path}"
        );
    }
    // A client that follows a redirect may turn a POST into a GET.
    let statuses =
        ways.map(|(path, host)| server.ask(&Request::form(path, "Action=GetUser").host(host)).status);
    assert_eq!(statuses, [200; 6]);
    server.stop();
}

#[test]
fn a_method_of_another_kind_is_told_so_in_the_words_of_the_dialect() {
    let server = Setup::new().start();
    let form = server.administrator().form("ListUsers", &[]);
    for method in ["PUT", "DELETE", "PATCH", "OPTIONS"] {
        for path in ["/", "/scloud", "/scloud/"] {
            let reply = Reply::of(server.ask(&Request::new(method, &format!("{path}?{form}"))));
            assert_eq!((reply.answer.status, reply.code()), (405, 230), "{method} {path}");
            assert_eq!(reply.answer.header("allow"), Some("GET, POST"));
        }
    }
    let mut connection = server.connect();
    assert_eq!(connection.exchange(&Request::new("HEAD", &format!("/?{form}"))).status, 405);
    server.stop();
}

#[test]
fn a_dialect_that_is_switched_off_is_not_there() {
    let server = Setup::new().settings("dialect.scloud.enabled = false").start();
    for path in ["/", "/scloud"] {
        let form = Key::administrator().form("ListUsers", &[]);
        assert_eq!(server.ask(&Request::form(path, &form)).status, 404, "{path}");
    }
    server.stop();
}
