//! HTTPS: HTTP/1.1 and HTTP/2 over one port, certificates that are replaced, handshakes that never end.

use std::io::Read;

use rustix::process::Signal;

use crate::harness::http::Connection;
use crate::harness::http2::{Http2, request};
use crate::harness::scloud::Reply;
use crate::harness::tls::{Certificate, NAME, places, with_tls};
use crate::harness::{Request, Setup};

#[test]
fn both_versions_of_http_are_served_over_tls() {
    let certificate = Certificate::issue();
    let server = with_tls(&certificate).start();
    assert!(server.said().contains(&format!("listening on https://{}", server.public)), "{}", server.said());
    let form = server.administrator().form("GetUser", &[("UserName", "admin")]);

    let mut one = server.connect_tls(&certificate, "http/1.1");
    assert_eq!(one.io.conn.alpn_protocol(), Some(&b"http/1.1"[..]));
    for _ in 0..3 {
        Reply::of(one.exchange(&Request::form("/", &form).host(NAME))).done();
    }

    let mut two = Http2::open(&server, &certificate);
    let content_type = ("content-type", "application/x-www-form-urlencoded");
    for path in ["/", "/scloud", "/scloud/?Action=GetUser"] {
        let headers = [&request("POST", path)[..], &[content_type]].concat();
        let (status, body) = two.exchange(&headers, form.as_bytes()).unwrap();
        assert_eq!(status, 200);
        assert!(body.starts_with(b"{\"RetCode\":0,"), "{}", String::from_utf8_lossy(&body));
    }
    let path = format!("/?{form}");
    let (status, body) = two.exchange(&request("GET", &path), b"").unwrap();
    assert!(status == 200 && body.starts_with(b"{\"RetCode\":0,"));
    assert_eq!(two.exchange(&request("GET", "/nowhere"), b"").unwrap().0, 404);
    drop(two);
    // Health stays where it was, unencrypted on loopback.
    assert_eq!(server.ask_admin("/readyz").status, 200);
    server.stop();
}

#[test]
fn t12_http2_names_one_host_and_one_path() {
    let certificate = Certificate::issue();
    let server = with_tls(&certificate).start();
    let path = format!("/?{}", server.administrator().form("GetUser", &[("UserName", "admin")]));
    let mut client = Http2::open(&server, &certificate);
    for (more, status) in [
        (&[][..], 200),
        (&[("host", "keyward.test")], 200),
        (&[("host", "KEYWARD.test:443")], 200),
        (&[("host", "other.test")], 400),
        (&[("host", "keyward.test:444")], 400),
        (&[("authorization", "a"), ("authorization", "a")], 400),
        (&[("x-forwarded-host", "other.test"), ("x-forwarded-for", "203.0.113.9")], 200),
    ] {
        let headers = [&request("GET", &path)[..], more].concat();
        assert_eq!(client.exchange(&headers, b"").map(|(status, _)| status), Some(status), "{more:?}");
    }
    for path in ["/../scloud", "/scloud/%2e%2e/", "/a\\b", "/%00"] {
        assert_eq!(
            client.exchange(&request("GET", path), b"").map(|(status, _)| status),
            Some(400),
            "{path}"
        );
    }
    assert_eq!(client.exchange(&request("TRACE", &path), b"").map(|(status, _)| status), Some(400));
    drop(client);
    server.stop();
}

#[test]
fn the_certificate_is_read_again_on_sighup_and_a_bad_one_is_not_taken() {
    let (old, new, newest) = (Certificate::issue(), Certificate::issue(), Certificate::issue());
    let setup = with_tls(&old);
    let server = setup.start();
    let reloads = |log: &str, level: &str| {
        log.lines().filter(|line| line.contains("\"event\":\"reload\"") && line.contains(level)).count()
    };
    let hang_up = |level: &str| {
        let before = reloads(&server.log(), level);
        server.signal(Signal::HUP);
        server.wait_for_log(|log| reloads(log, level) > before);
    };
    let mut open = server.connect_tls(&old, "http/1.1");
    assert_eq!(open.exchange(&Request::get("/nowhere")).status, 404);

    new.install(&setup);
    assert!(server.try_connect_tls(&new, "http/1.1").is_err(), "not before it is told");
    hang_up("info");
    assert_eq!(server.connect_tls(&new, "http/1.1").exchange(&Request::get("/nowhere")).status, 404);
    assert!(server.try_connect_tls(&old, "http/1.1").is_err());
    assert_eq!(open.exchange(&Request::get("/nowhere")).status, 404, "an open connection goes on");

    let (certificate, key) = places(&setup);
    for (file, text) in [
        (&certificate, Some("no certificate")),
        (&certificate, None),
        // Half of a renewal: the new certificate with the old key.
        (&certificate, Some(&*newest.pem)),
        (&key, Some("")),
    ] {
        match text {
            Some(text) => std::fs::write(file, text).unwrap(),
            None => std::fs::remove_file(file).unwrap(),
        }
        hang_up("error");
        assert_eq!(server.connect_tls(&new, "http/1.1").exchange(&Request::get("/nowhere")).status, 404);
    }
    assert!(!server.log().contains("PRIVATE KEY"));
    newest.install(&setup);
    hang_up("info");
    server.connect_tls(&newest, "http/1.1");
    server.stop();
}

#[test]
fn sighup_without_tls_ends_nothing() {
    let server = Setup::new().start();
    server.signal(Signal::HUP);
    server.wait_for_log(|log| log.contains("\"event\":\"reload\""));
    server.call(server.administrator(), "ListUsers", &[]).done();
    server.stop();
}

#[test]
fn a_certificate_that_cannot_be_used_is_refused_at_the_start() {
    let (one, other) = (Certificate::issue(), Certificate::issue());
    let setup = with_tls(&one);
    let (certificate, key) = places(&setup);
    for (certificate_text, key_text) in
        [("", &*one.key), ("garbage", &one.key), (&one.pem, ""), (&one.pem, &other.key), (&one.key, &one.pem)]
    {
        std::fs::write(&certificate, certificate_text).unwrap();
        std::fs::write(&key, key_text).unwrap();
        let sentence = setup.refusal();
        assert!(sentence.contains("tls.crt") || sentence.contains("tls.key"), "{sentence}");
        assert!(!setup.data().exists());
    }
    for half in ["[tls]\ncert = \"a\"", "[tls]\nkey = \"a\"", "[tls]"] {
        let sentence = Setup::new().settings(half).refusal();
        assert!(sentence.contains("tls"), "{sentence}");
    }
}

#[test]
fn t81_handshakes_that_never_end_do_not_keep_others_out() {
    let certificate = Certificate::issue();
    let setup =
        with_tls(&certificate).settings("limits.tls_handshakes = 2\nlimits.tls_handshake_seconds = 1");
    let server = setup.start();
    let silent: Vec<Connection> = (0..8).map(|_| server.connect()).collect();
    let mut begun = server.connect();
    // The beginning of a greeting, and never the rest.
    begun.send(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03");
    let request = Request::form("/", &server.administrator().form("ListUsers", &[]));
    let honest = || server.try_connect_tls(&certificate, "http/1.1").ok()?.try_exchange(&request);
    for _ in 0..3 {
        // Whoever has waited for his turn as long as a handshake may take is given up too, and comes again.
        let answer = loop {
            if let Some(answer) = honest() {
                break answer;
            }
        };
        Reply::of(answer).done();
    }
    for mut connection in silent.into_iter().chain([begun]) {
        assert!(connection.is_closed_by_server());
    }
    // What is no greeting at all.
    for wire in [&b"GET / HTTP/1.1\r\nHost: h\r\n\r\n"[..], &[0xff; 100], b"\x16\x03\x01\xff\xff"] {
        let mut connection = server.connect();
        connection.send_while_open(wire);
        let mut answer = Vec::new();
        let _ = connection.io.read_to_end(&mut answer);
        assert!(!answer.starts_with(b"HTTP"), "no answer in the clear");
    }
    assert_eq!(server.ask_admin("/readyz").status, 200);
    server.stop();
}
