//! One request, one answer: whatever a request looks like, nothing that follows it in the same bytes is taken for another
//! one, unless it is.

mod proxies;

use crate::harness::http::Answer;
use crate::harness::store::Snapshot;
use crate::harness::{Request, Server, Setup};

/// A request that creates a user. Wherever it is carried out although it was part of something else, the user is there.
fn hidden(server: &Server) -> Vec<u8> {
    let pairs =
        [("UserName", "smuggled"), ("AccessKeyStatus", "Inactive"), ("LoginProfileStatus", "Inactive")];
    Request::get(&format!("/?{}", server.administrator().form("CreateUser", &pairs))).wire()
}

/// Heads that must be refused; `{}` stands for the bytes that hide the request.
const REFUSED: [(&str, &str, u16); 46] = [
    (
        "length beside chunks",
        "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{}",
        400,
    ),
    (
        "chunks beside length",
        "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n{}",
        400,
    ),
    (
        "length zero beside chunks",
        "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n{}",
        400,
    ),
    ("two lengths", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\nContent-Length: 5\r\n\r\n{}", 400),
    (
        "two equal lengths",
        "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\nContent-Length: 0\r\n\r\n{}",
        400,
    ),
    ("a list of lengths", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0, 0\r\n\r\n{}", 400),
    ("a signed length", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: +0\r\n\r\n{}", 400),
    ("a negative length", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n{}", 400),
    ("a hexadecimal length", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0x0\r\n\r\n{}", 400),
    ("a length with zeros", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 00\r\n\r\n{}", 400),
    ("a length with a blank", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1 0\r\n\r\n{}", 400),
    ("no length", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length:\r\n\r\n{}", 400),
    (
        "a length beyond 64 bits",
        "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 18446744073709551616\r\n\r\n{}",
        413,
    ),
    ("an absurd length", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999\r\n\r\n{}", 413),
    (
        "an underscore for the hyphen, and a length",
        "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\nContent-Length : 9\r\n\r\n{}",
        400,
    ),
    ("identity", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: identity\r\n\r\n{}", 400),
    (
        "chunks twice",
        "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n{}",
        400,
    ),
    (
        "two headers of chunks",
        "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{}",
        400,
    ),
    (
        "chunks and identity",
        "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n{}",
        400,
    ),
    (
        "zipped chunks",
        "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n{}",
        400,
    ),
    (
        "something like chunks",
        "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n{}",
        400,
    ),
    (
        "chunks in capitals",
        "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: CHUNKED\r\n\r\n0\r\n\r\n{}",
        400,
    ),
    (
        "chunks in quotes",
        "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n{}",
        400,
    ),
    (
        "chunks with vertical tabulation",
        "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: \u{b}chunked\r\n\r\n0\r\n\r\n{}",
        400,
    ),
    (
        "chunks on HTTP/1.0",
        "POST / HTTP/1.0\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{}",
        400,
    ),
    (
        "a blank before the colon",
        "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n{}",
        400,
    ),
    ("a folded header", "POST / HTTP/1.1\r\nHost: h\r\nX: y\r\n Content-Length: 5\r\n\r\n{}", 400),
    ("a folded first header", "POST / HTTP/1.1\r\n Host: h\r\nHost: h\r\n\r\n{}", 400),
    ("bare line feeds", "POST / HTTP/1.1\nHost: h\n\n{}", 400),
    ("one bare line feed", "POST / HTTP/1.1\r\nHost: h\nContent-Length: 0\r\n\r\n{}", 400),
    ("a bare line feed at the end", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\n{}", 400),
    ("a bare carriage return", "POST / HTTP/1.1\r\nHost: h\r\nX: y\rContent-Length: 5\r\n\r\n{}", 400),
    ("NUL", "POST / HTTP/1.1\r\nHost: h\r\nX: \0\r\n\r\n{}", 400),
    ("two hosts", "GET / HTTP/1.1\r\nHost: h\r\nHost: h\r\n\r\n{}", 400),
    ("no host", "GET / HTTP/1.1\r\n\r\n{}", 400),
    ("another host in the target", "GET http://i/ HTTP/1.1\r\nHost: h\r\n\r\n{}", 400),
    ("two credentials", "GET / HTTP/1.1\r\nHost: h\r\nAuthorization: a\r\nAuthorization: a\r\n\r\n{}", 400),
    ("a fragment", "GET /# HTTP/1.1\r\nHost: h\r\n\r\n{}", 400),
    ("a blank in the target", "GET / x HTTP/1.1\r\nHost: h\r\n\r\n{}", 400),
    ("a method in small letters", "get / HTTP/1.1\r\nHost: h\r\n\r\n{}", 400),
    ("TRACE", "TRACE / HTTP/1.1\r\nHost: h\r\n\r\n{}", 400),
    ("CONNECT", "CONNECT h:80 HTTP/1.1\r\nHost: h:80\r\n\r\n{}", 400),
    ("a method of one's own", "SMUGGLE / HTTP/1.1\r\nHost: h\r\n\r\n{}", 400),
    ("the greeting of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n{}", 505),
    ("HTTP/1.2", "GET / HTTP/1.2\r\nHost: h\r\n\r\n{}", 505),
    ("no version", "GET /\r\n\r\n{}", 400),
];

/// A server that logs every refusal.
fn logging() -> Server {
    Setup::new().settings("log.refusals_per_source_per_second = 1000000\nlimits.body_seconds = 1").start()
}

fn statuses(answers: &[Answer]) -> Vec<u16> {
    answers.iter().map(|answer| answer.status).collect()
}

#[test]
fn t14_what_could_be_read_in_two_ways_is_refused_and_ends_the_connection() {
    let server = logging();
    let before = Snapshot::of(&server.setup.data());
    let hidden = hidden(&server);
    for (name, wire, status) in REFUSED {
        let (head, tail) = wire.split_once("{}").unwrap();
        let wire = [head.as_bytes(), &hidden, tail.as_bytes()].concat();
        assert_eq!(statuses(&server.probe(&wire)), [status], "{name}");
        // In single bytes, as a slow network brings them, and behind a good request.
        let mut slow = server.connect();
        let all_taken = head.bytes().chain(*b"GET /hidden").all(|byte| slow.send_while_open(&[byte]));
        assert_eq!(statuses(&slow.answers_to_the_end()), [status], "{name}, {all_taken}");
        let behind = [Request::get("/nowhere").wire(), wire].concat();
        assert_eq!(statuses(&server.probe(&behind)), [404, status], "{name}");
    }
    let refused = server.metric("keyward_refused_heads_total", "");
    assert_eq!(
        refused,
        u64::try_from(3 * REFUSED.len()).unwrap(),
        "each was refused once, and nothing behind it was looked at"
    );
    assert_eq!(Snapshot::of(&server.setup.data()), before);
    server.stop();
}

/// Bodies in chunks that are not what they should be. None of them is answered as if it were whole, and nothing behind them
/// is taken for a request.
const BAD_CHUNKS: [&str; 14] = [
    "+1\r\nx\r\n0\r\n\r\n",
    "0x1\r\nx\r\n0\r\n\r\n",
    "-1\r\nx\r\n0\r\n\r\n",
    "g\r\nx\r\n0\r\n\r\n",
    "1\nx\n0\n\n",
    "1\r\nxx\r\n0\r\n\r\n",
    "1\r\nx0\r\n\r\n",
    "\r\n1\r\nx\r\n0\r\n\r\n",
    "10000000000000001\r\nx\r\n0\r\n\r\n",
    "ffffffffffffffff\r\nx\r\n0\r\n\r\n",
    "1;\nx=y\r\nx\r\n0\r\n\r\n",
    "1 1\r\nx\r\n0\r\n\r\n",
    "1\r\nx\r\n00000000000000000\r\n\r\n",
    "1\r\rx\r\n0\r\n\r\n",
];

#[test]
fn t14_chunks_hide_nothing() {
    let server = logging();
    let before = Snapshot::of(&server.setup.data());
    let hidden = hidden(&server);
    let head = b"POST /scloud HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
    for chunks in BAD_CHUNKS {
        let answers = server.probe(&[head, chunks.as_bytes(), &hidden].concat());
        assert!(answers.len() <= 1, "{chunks:?}: {answers:?}");
        assert!(
            answers
                .iter()
                .all(|answer| answer.text().contains("\"RetCode\":")
                    && !answer.text().contains("\"RetCode\":0,")),
            "{answers:?}"
        );
    }
    // Good ones too: a request in chunks is the last of its connection.
    let form = server.administrator().form("ListUsers", &[]);
    let chunks: String = form
        .as_bytes()
        .chunks(7)
        .map(|chunk| format!("{:X};ext=\"a\"\r\n{}\r\n", chunk.len(), String::from_utf8_lossy(chunk)))
        .collect();
    let good = format!("{chunks}0\r\nTrailer-Field: x\r\n\r\n");
    let answers = server.probe(&[head, good.as_bytes(), &hidden].concat());
    assert_eq!(answers.len(), 1);
    assert!(answers[0].text().starts_with("{\"RetCode\":0,"), "{}", answers[0].text());
    assert_eq!(answers[0].header("connection"), Some("close"));
    assert_eq!(Snapshot::of(&server.setup.data()), before);
    server.stop();
}

#[test]
fn t14_a_body_is_a_body_whatever_it_says() {
    let server = logging();
    let before = Snapshot::of(&server.setup.data());
    let hidden = hidden(&server);
    let hidden_text = String::from_utf8(hidden.clone()).unwrap();
    let list = server.administrator().form("ListUsers", &[]);
    let last = Request::get("/nowhere").header("Connection", "close").wire();
    for (name, request, status) in [
        ("of a GET", Request::get(&format!("/?{list}")).body(&hidden_text), 200),
        ("that nobody wants", Request::new("POST", "/nowhere").body(&hidden_text), 404),
        ("of a form", Request::form("/scloud", &hidden_text), 200),
        ("of a method that is refused", Request::new("DELETE", "/scloud").body(&hidden_text), 405),
        (
            "with an upgrade",
            Request::get(&format!("/?{list}"))
                .header("Upgrade", "h2c")
                .header("Connection", "Upgrade, HTTP2-Settings")
                .header("HTTP2-Settings", "AAMAAABkAAQAAP__")
                .body(&hidden_text),
            200,
        ),
    ] {
        let wire = [request.wire(), last.clone()].concat();
        assert_eq!(statuses(&server.probe(&wire)), [status, 404], "a body {name}");
    }
    // Refused before its body is read: the body must not become the next request.
    let proxied = Setup::new().settings("trusted_proxies = [\"127.0.0.1\"]").start();
    for header in [("X-Forwarded-Proto", "gopher"), ("X-Forwarded-Proto", "http")] {
        let request = Request::new("POST", "/").header(header.0, header.1).body(&hidden_text);
        let answers = proxied.probe(&[request.wire(), last.clone()].concat());
        assert!(matches!(*statuses(&answers), [400 | 403] | [400 | 403, 404]), "{header:?}: {answers:?}");
    }
    // Too short: what is left over is no request. Too long: the server waits, and then gives up.
    let short = [Request::form("/", &list).wire(), b"xyz".to_vec(), hidden.clone()].concat();
    assert_eq!(statuses(&server.probe(&short)), [200, 400]);
    let long = format!("POST /scloud HTTP/1.1\r\nHost: h\r\nContent-Length: {}\r\n\r\n", hidden.len() + 1);
    let answers = server.probe(&[long.as_bytes(), &hidden].concat());
    assert_eq!(statuses(&answers), [408]);
    assert_eq!(answers[0].header("connection"), Some("close"));
    assert_eq!(Snapshot::of(&server.setup.data()), before);
    server.stop();
    proxied.stop();
}

#[test]
fn t14_pipelined_requests_are_answered_in_order_and_a_connection_serves_many() {
    let server = Server::start();
    let names = ["ann", "ben", "cem", "dan", "eve"];
    names.iter().for_each(|name| server.create_user(name));
    let query = |name| server.administrator().form("GetUser", &[("UserName", name)]);
    let mut wire: Vec<u8> = names.iter().flat_map(|name| Request::form("/", &query(name)).wire()).collect();
    // One empty line after a body: some clients send it, and it is no request.
    wire.extend(b"\r\n");
    wire.extend(Request::get("/nowhere").header("Connection", "close").wire());
    wire.extend(hidden(&server));
    let answered = |answers: &[Answer]| {
        assert_eq!(statuses(answers), [200, 200, 200, 200, 200, 404]);
        for (name, answer) in names.iter().zip(answers) {
            assert!(answer.text().contains(&format!("\"UserName\":\"{name}\"")), "{}", answer.text());
        }
    };
    answered(&server.probe(&wire));
    let mut slow = server.connect();
    for bytes in wire.chunks(3) {
        slow.send_while_open(bytes);
    }
    answered(&slow.answers_to_the_end());

    let mut kept = server.connect();
    for round in 0..200 {
        let name = names[round % names.len()];
        let request = if round % 2 == 0 {
            Request::form("/", &query(name))
        } else {
            Request::get(&format!("/?{}", query(name)))
        };
        assert!(kept.exchange(&request).text().contains(name));
    }
    assert_eq!(server.metric("keyward_requests_total", "operation=\"GetUser\",outcome=\"ok\""), 210);
    assert_eq!(server.metric("keyward_connections", "listener=\"public\""), 1);
    server.stop();
}
