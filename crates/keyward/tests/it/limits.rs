//! Too much of everything: heads, bodies, parameters. The answer says so, and memory does not grow.

use crate::harness::http::Answer;
use crate::harness::scloud::{Key, Reply};
use crate::harness::{Request, Server, Setup};

/// The dialect's own limit on bodies, in bytes.
const BODY_LIMIT: usize = 64 << 10;

fn code(answer: Answer) -> u64 {
    Reply::of(answer).code()
}

/// Requests beyond each limit, and the status and the dialect's code that answer them.
fn oversized(key: &Key) -> Vec<(&'static str, Vec<u8>, u16, Option<u64>)> {
    let close = |request: Request| request.header("Connection", "close").wire();
    let many = |count: usize| {
        (0..count).fold(Request::get("/"), |request, n| request.header(&format!("X-{n}"), "x"))
    };
    let parameters: Vec<(String, String)> =
        (0..300).map(|n| (format!("Parameter{n}"), "x".to_owned())).collect();
    let parameters: Vec<(&str, &str)> =
        parameters.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let long = "x".repeat(60_000);
    let absurd = Request::new("POST", "/scloud").header("Content-Length", "4000000000");
    vec![
        ("one header of 300 KB", close(Request::get("/").header("X", &"x".repeat(300_000))), 431, None),
        (
            "90 headers of 1.5 KB",
            close((0..90).fold(Request::get("/"), |r, n| r.header(&format!("X-{n}"), &"x".repeat(1_500)))),
            431,
            None,
        ),
        ("101 headers", close(many(99)), 431, None),
        ("a target of 40 KB", close(Request::get(&format!("/?{}", "x".repeat(40_000)))), 414, None),
        ("a target of 70 KB", close(Request::get(&format!("/{}", "x".repeat(70_000)))), 414, None),
        ("a body of 2 MB", close(Request::form("/scloud", &"x".repeat(2 << 20))), 413, Some(230)),
        ("a body of 65 KiB", close(Request::form("/scloud", &"x".repeat(65 << 10))), 413, Some(230)),
        ("a length of 4 GB", absurd.wire(), 413, None),
        ("300 parameters", close(Request::form("/", &key.form("ListUsers", &parameters))), 200, Some(230)),
        (
            "a value of 60 KB",
            close(Request::form("/", &key.form("GetUser", &[("UserName", &long)]))),
            200,
            Some(230),
        ),
    ]
}

#[test]
fn t72_a_thousand_oversized_requests_leave_no_trace_in_memory() {
    let server = Server::start();
    let requests = oversized(server.administrator());
    let round = || {
        for (name, wire, status, code) in &requests {
            let mut answers = server.probe(wire);
            assert_eq!(answers.len(), 1, "{name}");
            let answer = answers.remove(0);
            assert_eq!(answer.status, *status, "{name}");
            match code {
                Some(expected) => assert_eq!(self::code(answer), *expected, "{name}"),
                None => assert_eq!(answer.body.len(), 0, "{name}"),
            }
        }
    };
    // Threads and buffers that any traffic makes.
    (0..20).for_each(|_| round());
    let before = server.resident_kib();
    (0..100).for_each(|_| round());
    let grown = server.resident_kib().saturating_sub(before);
    assert!(grown < 8 << 10, "{grown} KiB");
    server.stop();
}

#[test]
fn t72_the_limits_are_those_that_are_set() {
    let server = Setup::new()
        .settings("[limits]\nheaders = 20\nheader_bytes = 2048\ntarget_bytes = 1024\nbody_bytes = 4096")
        .start();
    let headers = |count: usize| {
        (1..count).fold(Request::get("/nowhere"), |request, n| request.header(&format!("X-{n}"), "x"))
    };
    let fits = [
        headers(20),
        Request::get(&format!("/{}", "x".repeat(1023))),
        Request::get("/nowhere").header("X", &"x".repeat(1_900)),
    ];
    assert_eq!(fits.map(|request| server.ask(&request).status), [404; 3]);
    let beyond = [
        headers(21),
        Request::get(&format!("/{}", "x".repeat(1024))),
        Request::get("/nowhere").header("X", &"x".repeat(2_048)),
    ];
    assert_eq!(beyond.map(|request| server.ask(&request).status), [431, 414, 431]);
    assert_eq!(server.ask(&Request::form("/nowhere", &"x".repeat(4_096))).status, 404);
    assert_eq!(server.ask(&Request::form("/nowhere", &"x".repeat(4_097))).status, 413);
    server.stop();
}

#[test]
fn t73_a_body_ends_at_its_limit_however_it_is_announced() {
    let server =
        Setup::new().settings("dialect.scloud.hosts = [\"iam.test\"]\nlimits.body_bytes = 131072").start();
    let named = |bytes: usize| format!("PublicKey=x&x={}", "x".repeat(bytes - 14));
    for (path, host) in [("/", "h"), ("/scloud", "h"), ("/scloud/", "h"), ("/", "iam.test")] {
        for (bytes, status) in [(BODY_LIMIT, 200), (BODY_LIMIT + 1, 413), (65 << 10, 413), (100_000, 413)] {
            let reply = Reply::of(server.ask(&Request::form(path, &named(bytes)).host(host)));
            assert_eq!(
                (reply.answer.status, reply.code()),
                (status, if status == 413 { 230 } else { 160 }),
                "{bytes} bytes"
            );
        }
    }
    let json = format!("{{\"PublicKey\":\"x\",\"x\":\"{}\"}}", "x".repeat(BODY_LIMIT));
    let reply = Reply::of(server.ask(&Request::json("/", json)));
    assert_eq!((reply.answer.status, reply.code()), (413, 230));
    // Beyond what anybody takes, a whole body is not waited for.
    for request in
        [Request::form("/scloud", ""), Request::new("GET", "/scloud"), Request::new("DELETE", "/scloud")]
    {
        let mut wire = request.wire();
        let length = b"Content-Length: 0\r\n";
        wire =
            String::from_utf8(wire).unwrap().replace(std::str::from_utf8(length).unwrap(), "").into_bytes();
        wire.truncate(wire.len() - 2);
        wire.extend(b"Content-Length: 131073\r\n\r\n");
        let answers = server.probe(&wire);
        assert_eq!((answers.len(), answers[0].status), (1, 413));
        assert_eq!(code(answers[0].clone()), 230);
    }
    server.stop();
}

#[test]
fn t73_endless_chunks_are_cut_off() {
    let server = Setup::new().settings("limits.body_seconds = 1").start();
    let head = b"POST /scloud HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
    // Ever smaller, ever slower: one byte a chunk, and then none.
    let slow = [&b"1\r\nx\r\n"[..], b"1\r\n", b"ffffff\r\n", b""].map(|chunk| {
        let mut connection = server.connect();
        connection.send(&[head, chunk].concat());
        connection
    });
    let chunk = [&b"4000\r\n"[..], &[b'x'; 0x4000], b"\r\n"].concat();
    let mut endless = server.connect();
    endless.send(head);
    let sent = (0..4_096).take_while(|_| endless.send_while_open(&chunk)).count();
    assert!(sent < 4_096, "64 MiB were taken");
    // One chunk more than is taken, and an ear for the answer.
    let mut listening = server.connect();
    listening.send(&[head, &chunk.repeat((1 << 20) / 0x4000 + 1)[..]].concat());
    let answers = listening.answers_to_the_end();
    assert_eq!((answers.len(), answers[0].status), (1, 413));
    assert_eq!(code(answers[0].clone()), 230);
    for connection in slow {
        let answers = connection.answers_to_the_end();
        assert_eq!((answers.len(), answers[0].status), (1, 408));
        assert_eq!(code(answers[0].clone()), 110);
    }
    server.stop();
}

#[test]
fn t73_lengths_that_lie_and_bodies_where_none_is_due() {
    let server = Setup::new().settings("limits.body_seconds = 1").start();
    let list = server.administrator().form("ListUsers", &[]);
    let short = |method: &str, path: &str, length: usize| {
        let mut connection = server.connect();
        let wire = format!("{method} {path} HTTP/1.1\r\nHost: h\r\nContent-Length: {length}\r\n\r\nshort");
        connection.send(wire.as_bytes());
        connection
    };
    let waiting =
        [("POST", "/scloud", 5_000), ("GET", "/scloud", 10), ("POST", "/nowhere", 10), ("DELETE", "/", 10)]
            .map(|(method, path, length)| short(method, path, length));
    for connection in waiting {
        let answers = connection.answers_to_the_end();
        assert_eq!((answers.len(), answers[0].status), (1, 408));
        assert_eq!(answers[0].header("connection"), Some("close"));
    }
    // The client is gone in the middle: nobody is left to be told.
    for _ in 0..10 {
        short("POST", "/scloud", 5_000);
    }
    // A GET may carry a body; it says nothing.
    let get = Request::get(&format!("/?{list}")).body("Action=DeleteUser&UserName=admin");
    Reply::of(server.ask(&get)).done();
    let empty = Request::new("POST", &format!("/?{list}"));
    Reply::of(server.ask(&empty)).done();
    server.stop();
}
