//! What is evidence, and what is refused as such.

use super::*;

const NGINX: [Header<'_>; 4] = [
    ("x-original-method", b"GET"),
    ("x-original-uri", b"/a?x=%20"),
    ("x-original-host", b"h.test:8080"),
    ("x-real-ip", b"::ffff:192.0.2.7"),
];

fn told(headers: &[Header<'_>]) -> Result<(), Fault> {
    Evidence::told(headers, &[]).map(|_| ())
}

fn with<'a>(name: &'a str, value: &'a [u8]) -> Vec<Header<'a>> {
    let mut headers: Vec<_> = NGINX.into_iter().filter(|(given, _)| *given != name).collect();
    headers.push((name, value));
    headers
}

#[test]
fn nginx_tells_the_request() {
    let evidence = Evidence::told(&NGINX, &[]).unwrap();
    assert_eq!((evidence.method, evidence.target), ("GET", "/a?x=%20"));
    assert_eq!((evidence.host, evidence.scheme), (Some("h.test:8080"), UrlScheme::Http));
    assert_eq!(evidence.source, Some("192.0.2.7".parse().unwrap()));
    let https = with("x-original-proto", b"https");
    assert_eq!(Evidence::told(&https, &[]).unwrap().scheme, UrlScheme::Https);
    // A client of HTTP/1.0 may name no host, and one at a Unix socket has no address.
    let poor = [NGINX[0], NGINX[1], ("x-real-ip", b"unix:".as_slice())];
    let evidence = Evidence::told(&poor, &[]).unwrap();
    assert_eq!((evidence.host, evidence.source), (None, None));
}

#[test]
fn caddy_and_traefik_tell_the_request() {
    let headers: Vec<Header<'_>> = vec![
        ("x-forwarded-method", b"DELETE"),
        ("x-forwarded-uri", b"/a"),
        ("x-forwarded-host", b"h.test"),
        ("x-forwarded-proto", b"wss"),
        ("x-forwarded-for", b"203.0.113.9, 10.0.0.1"),
        ("x-real-ip", b"192.0.2.66"),
    ];
    let trusted = ["10.0.0.0/8".parse().unwrap()];
    let evidence = Evidence::told(&headers, &trusted).unwrap();
    assert_eq!((evidence.method, evidence.scheme), ("DELETE", UrlScheme::Https));
    assert_eq!(evidence.source, Some("203.0.113.9".parse().unwrap()));
    assert_eq!(Evidence::told(&headers, &[]).unwrap().source, Some("10.0.0.1".parse().unwrap()));
}

#[test]
fn t12_two_sources_must_agree() {
    for (name, value, part) in [
        ("x-forwarded-method", "POST", "method"),
        ("x-forwarded-uri", "/b", "target"),
        ("x-forwarded-host", "other.test", "host"),
    ] {
        assert_eq!(told(&with(name, value.as_bytes())), Err(Fault::Disagree(part)));
        let itself = |headers: &[Header<'_>]| Evidence::itself("GET", "/a", headers, &[]).map(|_| ());
        let own = [("host", b"h.test".as_slice()), (name, value.as_bytes())];
        assert_eq!(itself(&own), Err(Fault::Disagree(part)));
        let original = name.replace("forwarded", "original");
        assert_eq!(itself(&[own[0], (&original, value.as_bytes())]), Err(Fault::Disagree(part)));
    }
    assert_eq!(told(&with("x-forwarded-uri", b"/a?x=%20")), Ok(()));
    // A client who names a host where the proxy names none.
    let poor = [NGINX[0], NGINX[1], ("x-forwarded-host", b"h.test".as_slice())];
    assert_eq!(told(&poor), Err(Fault::Disagree("host")));
}

#[test]
fn each_part_comes_once_and_has_its_form() {
    for name in ["x-original-method", "x-original-uri", "x-original-host", "x-real-ip"] {
        let twice = [NGINX.as_slice(), NGINX.as_slice()].concat();
        let twice: Vec<_> =
            NGINX.into_iter().chain(twice.into_iter().filter(|(given, _)| *given == name).take(1)).collect();
        assert_eq!(told(&twice), Err(Fault::Repeated(name)));
    }
    for (name, value, fault) in [
        ("x-original-method", "get", Fault::Malformed("method")),
        ("x-original-method", "", Fault::Malformed("method")),
        ("x-original-method", "GET /", Fault::Malformed("method")),
        ("x-original-uri", "a", Fault::Malformed("target")),
        ("x-original-uri", "", Fault::Malformed("target")),
        ("x-original-uri", "*", Fault::Malformed("target")),
        ("x-original-uri", "http://h/a", Fault::Malformed("target")),
        ("x-original-uri", "/a b", Fault::Malformed("target")),
        ("x-original-uri", "/a#b", Fault::Malformed("target")),
        ("x-original-uri", "/ä", Fault::Malformed("target")),
        ("x-original-uri", "/a/..", Fault::Malformed("target")),
        ("x-original-host", "", Fault::Malformed("host")),
        ("x-original-host", "h.test/a", Fault::Malformed("host")),
        ("x-original-host", "u@h.test", Fault::Malformed("host")),
        ("x-original-proto", "HTTP", Fault::Malformed("x-original-proto")),
        ("x-real-ip", "192.0.2.7:80", Fault::Malformed("x-real-ip")),
    ] {
        assert_eq!(told(&with(name, value.as_bytes())), Err(fault), "{name}: {value}");
    }
    assert_eq!(told(&with("x-original-uri", b"/\xff")), Err(Fault::Malformed("x-original-uri")));
    for (part, left) in [("method", 1), ("target", 0)] {
        assert_eq!(told(&[NGINX[left]]), Err(Fault::Missing(part)));
    }
    assert_eq!(told(&[]), Err(Fault::Missing("method")));
}

#[test]
fn the_questions_own_headers_are_none_of_the_request() {
    let headers: Vec<Header<'_>> = vec![
        ("host", b"gate"),
        ("x-original-uri", b"/a"),
        ("x-keyward-gate-token", b"t"),
        ("x-test", b"1"),
        ("authorization", b"2"),
    ];
    assert_eq!(signable(&headers), [headers[3], headers[4]]);
}
