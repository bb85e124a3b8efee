//! Paths and hosts that two readers could understand differently.

use super::head::line;
use super::wire::{Memory, Net, exchange, memory, request, statuses};
use crate::listen::{Limits, Refusal};
use std::sync::atomic::Ordering::SeqCst;

/// One percent-decoding, as a router does it.
fn decode(segment: &str) -> Vec<u8> {
    let bytes = segment.as_bytes();
    let mut decoded = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let code = segment.get(at + 1..at + 3).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match (bytes[at], code) {
            (b'%', Some(byte)) => {
                decoded.push(byte);
                at += 3;
            }
            (byte, _) => {
                decoded.push(byte);
                at += 1;
            }
        }
    }
    decoded
}

/// Whether readers of this path could disagree about where it leads.
fn is_ambiguous(path: &str) -> bool {
    path.contains('\\')
        || path.split('/').any(|segment| {
            let decoded = decode(segment);
            decoded == b"." || decoded == b".." || decoded.contains(&0)
        })
}

fn path_tricks() -> Vec<String> {
    let odd = [
        ".",
        "..",
        "...",
        "%2e",
        "%2E",
        "%2e%2e",
        "%2e.",
        ".%2E",
        "%2e%2e%2e",
        ".%2e.",
        "..;",
        ";..",
        ".;a",
        "%2f",
        "%2F..%2f",
        "..%2f",
        "%2e%2e%2f",
        "%00",
        "a%00b",
        "%2500",
        "%252e%252e",
        "%25%32%65",
        "\\",
        "..\\",
        "%5c",
        "..%5c",
        "",
        ";",
        "..%20",
        "%20",
        "%c0%ae%c0%ae",
        "%uff0e",
        "..%",
        "%2",
        "%zz",
        "~",
        ".git",
        "a..",
        "..a",
        "a.b",
    ];
    let mut paths = Vec::new();
    for odd in odd {
        for (before, after) in [
            ("", ""),
            ("/", ""),
            ("/", "/"),
            ("/v4/user", ""),
            ("/v4/user/", ""),
            ("/v4/user/", "/x"),
            ("/v4/user/", "/x/"),
            ("/v4/user/", "?a=b"),
            ("/v4/user/", "/x?a=/../b"),
            ("//v4/user/", "//x"),
            ("/v4/", "/../x"),
            ("/v4/user//", "/./x"),
            ("/%76%34/", "/user"),
        ] {
            paths.push(format!("{before}{odd}{after}"));
        }
    }
    paths.retain(|path| path.starts_with('/'));
    paths
}

#[tokio::test]
async fn t13_ambiguous_paths_are_refused_and_all_others_arrive_as_sent() {
    let net = Net::plain(&Limits::default());
    let paths = path_tricks();
    assert!(paths.len() >= 450, "{}", paths.len());
    let mut keep = net.connect().await;
    let mut refused = 0;
    for target in &paths {
        let wire = line(&format!("GET {target} HTTP/1.1"));
        let path = target.split('?').next().unwrap();
        if is_ambiguous(path) {
            assert_eq!(net.exchange(wire.as_bytes()).await, Refusal::Path.answer(), "{target}");
            refused += 1;
        } else {
            let answer = request(&mut keep, wire.as_bytes()).await;
            assert!(answer.ends_with(&format!("\r\n\r\nGET {target} 0")), "{target}: {answer}");
        }
    }
    assert_eq!(net.service.calls.load(SeqCst), paths.len() - refused);
    assert_eq!(net.stats.refused(Refusal::Path), refused as u64);
    net.stop().await;
}

/// `Host` is opaque, except where it contradicts the target.
#[tokio::test]
async fn t12_contradicting_hosts_are_refused() {
    for (target, host, status) in [
        ("/", "Host: h\r\n", 200),
        ("/", "Host: h:7460/prefix\r\n", 200),
        ("/", "Host: http://h:7460/prefix\r\n", 200),
        ("/", "Host: a, b\r\n", 200),
        ("/", "Host:\r\n", 200),
        ("/", "", 400),
        ("/", "Host: h\r\nHost: h\r\n", 400),
        ("http://h/", "Host: h\r\n", 200),
        ("http://h/", "Host: H:80\r\n", 200),
        ("https://h:443/", "Host: h\r\n", 200),
        ("http://h:443/", "Host: h\r\n", 400),
        ("http://h/", "Host: other\r\n", 400),
        ("http://h/", "Host: h:7460\r\n", 400),
        ("http://h/", "Host: http://h/\r\n", 400),
        ("http://h@other/", "Host: other\r\n", 400),
        ("http://h/", "", 400),
        // No reader may take these for the host: they are data, and nothing here believes them.
        ("/", "Host: h\r\nX-Forwarded-Host: other\r\nForwarded: host=other\r\n", 200),
    ] {
        let Memory { mut client, .. } = memory(&Limits::default(), 4096);
        let wire = format!("GET {target} HTTP/1.1\r\n{host}Connection: close\r\n\r\n");
        let answer = exchange(&mut client, wire.as_bytes()).await;
        assert_eq!(statuses(&answer), [status], "{target} {host:?}");
    }
}
