//! HTTP/2 from clients that misbehave: they are sent away, and others notice nothing.

use crate::harness::Server;
use crate::harness::http2::{
    ACK, CONTINUATION, DATA, END_HEADERS, END_STREAM, HEADERS, Http2, PING, RST_STREAM, SETTINGS,
    header_block, request,
};
use crate::harness::tls::{Certificate, with_tls};

/// More frames than any server takes before it closes.
const FLOOD: usize = 100_000;

/// Sends frames until the server closes the connection; how many it took.
fn flood(mut client: Http2, mut send: impl FnMut(&mut Http2) -> bool) -> usize {
    (0..FLOOD).take_while(|_| send(&mut client)).count()
}

fn honest(server: &Server, client: &mut Http2) {
    let path = format!("/?{}", server.administrator().form("ListUsers", &[]));
    let (status, body) = client.exchange(&request("GET", &path), b"").unwrap();
    assert_eq!(status, 200);
    assert!(body.starts_with(b"{\"RetCode\":0,"), "{}", String::from_utf8_lossy(&body));
}

#[test]
fn t82_floods_of_frames_end_their_connection_and_no_other() {
    let certificate = Certificate::issue();
    let server = with_tls(&certificate).settings("limits.http2_resets_per_10_seconds = 50").start();
    let mut neighbour = Http2::open(&server, &certificate);
    honest(&server, &mut neighbour);
    let block = header_block(&request("GET", "/nowhere"));
    let open_stream = |client: &mut Http2| {
        let stream = client.stream();
        client.send(HEADERS, END_HEADERS, stream, &block);
        stream
    };
    let attack = |name: &str, send: &mut dyn FnMut(&mut Http2) -> bool| {
        let taken = flood(Http2::open(&server, &certificate), send);
        assert!(taken < FLOOD, "{name}: all frames were taken");
    };
    attack("rapid reset", &mut |client| {
        let stream = client.stream();
        client.send(HEADERS, END_HEADERS | END_STREAM, stream, &block)
            && client.send(RST_STREAM, 0, stream, &8_u32.to_be_bytes())
    });
    let mut begun = None;
    attack("continuations without an end", &mut |client| match begun {
        Some(stream) => client.send(CONTINUATION, 0, stream, &header_block(&[("x", "y")])),
        None => {
            let stream = client.stream();
            begun = Some(stream);
            client.send(HEADERS, 0, stream, &block)
        }
    });
    let mut empty = None;
    attack("empty data", &mut |client| {
        let stream = *empty.get_or_insert_with(|| open_stream(client));
        client.send(DATA, 0, stream, &[])
    });
    attack("settings", &mut |client| client.send(SETTINGS, 0, 0, &[]));
    attack("acknowledged settings", &mut |client| client.send(SETTINGS, ACK, 0, &[]));
    attack("pings", &mut |client| client.send(PING, 0, 0, &[0; 8]));
    attack("priorities", &mut |client| client.send(2, 0, 1, &[0, 0, 0, 0, 16]));
    attack("frames of no known kind", &mut |client| client.send(200, 0, 0, &[0; 8]));
    attack("window updates of nothing", &mut |client| client.send(8, 0, 0, &[0; 4]));
    attack("a header that grows without end", &mut |client| {
        let stream = client.stream();
        client.send(HEADERS, END_HEADERS | END_STREAM, stream, &header_block(&[("x", &"y".repeat(16_000))]))
    });
    honest(&server, &mut neighbour);
    drop(neighbour);
    honest(&server, &mut Http2::open(&server, &certificate));
    let refused = |reason| server.metric("keyward_refused_heads_total", reason);
    assert!(refused("too many HTTP/2 resets") >= 1 && refused("too many HTTP/2 control frames") >= 1);
    server.stop();
}

#[test]
fn t82_heads_that_are_too_large_for_http1_are_so_for_http2() {
    let certificate = Certificate::issue();
    let server = with_tls(&certificate).start();
    let exchange = |headers: &[(&str, &str)]| Http2::open(&server, &certificate).exchange(headers, b"");
    let names: Vec<String> = (0..120).map(|n| format!("x-{n}")).collect();
    let many: Vec<(&str, &str)> =
        request("GET", "/nowhere").into_iter().chain(names.iter().map(|name| (name.as_str(), "y"))).collect();
    let answer = exchange(&many);
    assert!(answer.is_none_or(|(status, _)| status == 0), "neither served nor not found");
    let long = format!("/{}", "x".repeat(12_000));
    assert_eq!(exchange(&request("GET", &long)).map(|(status, _)| status), Some(404), "fits");
    let mut silent = Http2::open(&server, &certificate);
    honest(&server, &mut silent);
    server.signal(rustix::process::Signal::TERM);
    assert!(silent.sent_away(), "a drain is told with GOAWAY");
    assert_eq!(server.end().code, Some(0));
}
