//! HTTP/2 with a client that writes single frames: floods over TLS, and slow peers on the paused clock.

use super::tls::Identity;
use super::wire::{Memory, Net, memory2, until};
use crate::listen::{HeadLimits, Limits, Refusal};
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_rustls::client::TlsStream;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const PRIORITY: u8 = 2;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// One field in HPACK, never indexed and without Huffman code. For texts up to some 16,000 bytes.
fn field(name: &str, value: &str) -> Vec<u8> {
    [&[0x10][..], &text(name), &text(value)].concat()
}

fn text(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    if text.len() < 127 {
        bytes.push(u8::try_from(text.len()).unwrap());
    } else {
        let more = text.len() - 127;
        bytes.extend([127, u8::try_from(more % 128).unwrap() | 128, u8::try_from(more / 128).unwrap()]);
    }
    [&bytes, text.as_bytes()].concat()
}

/// A request without a body.
fn get(stream: u32, path: &str, more: &[(&str, &str)]) -> Vec<u8> {
    frame(HEADERS, END_STREAM | END_HEADERS, stream, &head("GET", path, more))
}

fn head(method: &str, path: &str, more: &[(&str, &str)]) -> Vec<u8> {
    let pseudo = [(":method", method), (":scheme", "https"), (":path", path), (":authority", "h")];
    pseudo.iter().chain(more).flat_map(|(name, value)| field(name, value)).collect()
}

/// A connection whose client does as it likes.
struct Client<I> {
    io: I,
}

/// What the server sent in one frame.
#[derive(Debug)]
struct Frame {
    kind: u8,
    flags: u8,
    stream: u32,
    payload: Vec<u8>,
}

impl Client<TlsStream<TcpStream>> {
    async fn connect(identity: &Identity, net: &Net) -> Self {
        Client::start(identity.connect(net, &["h2"]).await.unwrap()).await
    }
}

impl<I: AsyncRead + AsyncWrite + Unpin> Client<I> {
    async fn start(io: I) -> Self {
        let mut client = Self { io };
        client.send(PREFACE).await.unwrap();
        client.send(&frame(SETTINGS, 0, 0, b"")).await.unwrap();
        client
    }

    async fn send(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.io.write_all(bytes).await?;
        self.io.flush().await
    }

    /// The next frame; none when the connection is over, however it ended.
    async fn frame(&mut self) -> Option<Frame> {
        let mut head = [0; 9];
        self.io.read_exact(&mut head).await.ok()?;
        let [a, b, c, kind, flags, stream @ ..] = head;
        let mut payload = vec![0; u32::from_be_bytes([0, a, b, c]) as usize];
        self.io.read_exact(&mut payload).await.ok()?;
        Some(Frame { kind, flags, stream: u32::from_be_bytes(stream), payload })
    }

    /// The status of the answer on `stream`; none when it was reset or the connection ended.
    async fn status(&mut self, stream: u32) -> Option<u16> {
        loop {
            let frame = self.frame().await?;
            match frame.kind {
                GOAWAY => return None,
                RST_STREAM if frame.stream == stream => return None,
                HEADERS if frame.stream == stream => return Some(status(&frame.payload)),
                _ => {}
            }
        }
    }

    /// Reads to the end and says whether the server announced it.
    async fn ended(&mut self) -> Option<u32> {
        let mut reason = None;
        while let Some(frame) = self.frame().await {
            if frame.kind == GOAWAY {
                reason = Some(u32::from_be_bytes(frame.payload[4..8].try_into().unwrap()));
            }
        }
        reason
    }

    /// Sends until the server stops it; returns how many times it got through.
    async fn flood(&mut self, mut wire: impl FnMut(u32) -> Vec<u8>, times: u32) -> u32 {
        for time in 0..times {
            if self.send(&wire(time)).await.is_err() {
                return time;
            }
        }
        times
    }
}

/// The status that opens a header block: from the static table, or as digits in Huffman code (RFC 7541
/// appendix B: five bits for 0 to 2, six for the others).
fn status(block: &[u8]) -> u16 {
    match block {
        [0x88, ..] => 200,
        [0x8c, ..] => 400,
        [0x8e, ..] => 500,
        [0x48, 0x82 | 0x83, a, b, c, ..] => {
            let bits = u32::from_be_bytes([*a, *b, *c, 0]);
            let mut at = 0;
            let mut digit = || {
                let (short, long) = (bits << at >> 27, bits << at >> 26);
                let (width, digit) = if short < 3 { (5, short) } else { (6, long - 0b011001 + 3) };
                at += width;
                u16::try_from(digit).unwrap()
            };
            digit() * 100 + digit() * 10 + digit()
        }
        other => panic!("{other:x?}"),
    }
}

async fn honest(identity: &Identity, net: &Net) -> Option<u16> {
    let mut client = Client::connect(identity, net).await;
    client.send(&get(1, "/honest", &[])).await.unwrap();
    client.status(1).await
}

#[tokio::test]
async fn requests_bodies_and_panics_over_http2() {
    let identity = Identity::new();
    let (net, _) = identity.serve(&Limits::default());
    let mut client = Client::connect(&identity, &net).await;
    client.send(&get(1, "/x?y", &[])).await.unwrap();
    assert_eq!(client.status(1).await, Some(200));
    let data = client.frame().await.unwrap();
    assert_eq!((data.kind, data.payload.as_slice()), (DATA, &b"GET https://h/x?y 0"[..]));
    client.send(&frame(HEADERS, END_HEADERS, 3, &head("POST", "/", &[]))).await.unwrap();
    client.send(&frame(DATA, END_STREAM, 3, b"body")).await.unwrap();
    assert_eq!(client.status(3).await, Some(200));
    let data = client.frame().await.unwrap();
    assert!(data.payload.ends_with(b" 4"));
    client.send(&get(5, "/panic", &[])).await.unwrap();
    assert_eq!(client.status(5).await, Some(500));
    client.send(&get(7, "/", &[])).await.unwrap();
    assert_eq!(client.status(7).await, Some(200));
    assert_eq!(net.stats.panics(), 1);
    drop(client);
    net.stop().await;
}

/// What HTTP/1 refuses and HTTP/2 can say.
#[tokio::test]
async fn t02_t12_t13_heads_are_checked_over_http2_too() {
    let identity = Identity::new();
    let head_limits = HeadLimits { target_bytes: 1_000, header_bytes: 4_000, ..HeadLimits::default() };
    let (net, _) = identity.serve(&Limits { head: head_limits, ..Limits::default() });
    let large = "y".repeat(4_000);
    let long = format!("/{}", "x".repeat(1_000));
    let many = vec![("x", "y"); 101];
    for (method, path, more, expected) in [
        ("GET", "/", &[("authorization", "a"), ("authorization", "b")][..], Refusal::AuthorizationRepeated),
        ("GET", "/", &[("host", "h"), ("host", "h")], Refusal::HostRepeated),
        ("GET", "/", &[("host", "other")], Refusal::HostContradicted),
        ("GET", "/", &[("content-length", "0"), ("content-length", "0")], Refusal::ContentLengthRepeated),
        ("GET", "/", &many, Refusal::TooManyHeaders),
        ("GET", "/", &[("x", &large)], Refusal::HeadersTooLarge),
        ("GET", "/a/../b", &[], Refusal::Path),
        ("GET", "/a/%2e%2E", &[], Refusal::Path),
        ("GET", "/a%00b", &[], Refusal::Path),
        ("GET", "/a\\b", &[], Refusal::Path),
        ("GET", &long, &[], Refusal::TargetTooLong),
        ("TRACE", "/", &[], Refusal::Method),
        ("get", "/", &[], Refusal::Method),
        ("FOO", "/", &[], Refusal::Method),
    ] {
        let before = net.stats.refused(expected);
        let mut client = Client::connect(&identity, &net).await;
        let block = head(method, path, more);
        client.send(&frame(HEADERS, END_STREAM | END_HEADERS, 1, &block)).await.unwrap();
        assert_eq!(client.status(1).await, Some(expected.status().as_u16()), "{method} {path} {more:?}");
        assert_eq!(net.stats.refused(expected), before + 1, "{method} {path} {more:?}");
        // The connection is fine; only the request was not.
        client.send(&get(3, "/", &[("host", "H:443")])).await.unwrap();
        assert_eq!(client.status(3).await, Some(200));
        assert_eq!(net.service.calls.swap(0, SeqCst), 1, "{method} {path} {more:?}");
    }
    net.stop().await;
}

/// Streams that are opened and given up at once start work that nobody waits for.
#[tokio::test]
async fn t82_rapid_resets_end_the_connection() {
    let identity = Identity::new();
    let (net, _) = identity.serve(&Limits::default());
    let pair =
        |stream: u32| [get(stream, "/gate", &[]), frame(RST_STREAM, 0, stream, &[0, 0, 0, 8])].concat();

    let mut client = Client::connect(&identity, &net).await;
    client.flood(|time| pair(2 * time + 1), 100_000).await;
    client.ended().await;
    assert!(net.service.calls.load(SeqCst) <= 201);
    assert_eq!(honest(&identity, &net).await, Some(200));

    // The patient attacker waits until each stream was accepted, which the stack itself does not count.
    let calls = net.service.calls.load(SeqCst);
    let mut client = Client::connect(&identity, &net).await;
    for time in 0..201 {
        client.send(&get(2 * time + 1, "/gate", &[])).await.unwrap();
        until(|| net.service.calls.load(SeqCst) == calls + time as usize + 1).await;
        let reset = frame(RST_STREAM, 0, 2 * time + 1, &[0, 0, 0, 8]);
        client.send(&reset).await.unwrap();
    }
    client.ended().await;
    assert!(net.stats.refused(Refusal::Http2Resets) >= 1);
    assert_eq!(honest(&identity, &net).await, Some(200));
    net.all_closed().await;
    net.stop().await;
}

#[tokio::test]
async fn t82_a_header_block_without_end_ends_the_connection() {
    let identity = Identity::new();
    let (net, _) = identity.serve(&Limits::default());
    for piece in [field("x", "y"), field("x", &"y".repeat(15_000)), Vec::new()] {
        let mut client = Client::connect(&identity, &net).await;
        client.send(&frame(HEADERS, END_STREAM, 1, &head("GET", "/", &[]))).await.unwrap();
        client.flood(|_| frame(CONTINUATION, 0, 1, &piece), 100_000).await;
        client.ended().await;
    }
    assert_eq!(net.service.calls.load(SeqCst), 0);
    assert_eq!(honest(&identity, &net).await, Some(200));
    net.all_closed().await;
    net.stop().await;
}

#[tokio::test]
async fn t82_oversized_header_lists_never_reach_the_service() {
    let identity = Identity::new();
    let (net, _) = identity.serve(&Limits::default());
    let mut client = Client::connect(&identity, &net).await;
    let fill = field("x", &"y".repeat(16_000));
    client.send(&frame(HEADERS, END_STREAM, 1, &head("GET", "/", &[]))).await.unwrap();
    for _ in 0..12 {
        client.send(&frame(CONTINUATION, 0, 1, &fill)).await.unwrap();
    }
    let last = client.send(&frame(CONTINUATION, END_HEADERS, 1, &field("x", "y"))).await;
    assert!(last.is_err() || client.status(1).await != Some(200));
    drop(client);
    assert_eq!(net.service.calls.load(SeqCst), 0);
    assert_eq!(honest(&identity, &net).await, Some(200));
    net.stop().await;
}

#[tokio::test]
async fn t82_frames_that_ask_for_nothing_end_the_connection() {
    let identity = Identity::new();
    let (net, _) = identity.serve(&Limits::default());
    let post = frame(HEADERS, END_HEADERS, 1, &head("POST", "/", &[]));
    for (name, wire) in [
        ("settings", frame(SETTINGS, 0, 0, b"")),
        ("ping", frame(PING, 0, 0, b"12345678")),
        ("unanswered ping", frame(PING, 1, 0, b"12345678")),
        ("priority", frame(PRIORITY, 0, 1, &[0, 0, 0, 0, 7])),
        ("empty data", frame(DATA, 0, 1, b"")),
        ("padding only", frame(DATA, 8, 1, b"")),
        ("unknown", frame(0xfa, 0, 0, b"whatever")),
        ("window update", frame(WINDOW_UPDATE, 0, 0, &[0, 0, 0, 1])),
    ] {
        let mut client = Client::connect(&identity, &net).await;
        client.send(&post).await.unwrap();
        // Many at a time, as an attacker would.
        let wire = wire.repeat(100);
        let sent = client.flood(|_| wire.clone(), 10_000).await;
        client.ended().await;
        assert!(sent < 10_000, "{name}");
        assert_eq!(honest(&identity, &net).await, Some(200), "{name}");
    }
    assert!(net.stats.refused(Refusal::Http2IdleFrames) >= 5);
    net.all_closed().await;
    net.stop().await;
}

#[tokio::test]
async fn t82_streams_beyond_the_limit_are_refused_alone() {
    let identity = Identity::new();
    let (net, _) = identity.serve(&Limits::default());
    let mut client = Client::connect(&identity, &net).await;
    for stream in 0..120 {
        client.send(&get(2 * stream + 1, "/gate", &[])).await.unwrap();
    }
    let mut refused = 0;
    while refused < 20 {
        let frame = client.frame().await.unwrap();
        refused += usize::from(frame.kind == RST_STREAM);
    }
    until(|| net.service.calls.load(SeqCst) == 100).await;
    net.service.gate.add_permits(100);
    let mut answered = 0;
    while answered < 100 {
        answered += usize::from(client.frame().await.unwrap().kind == HEADERS);
    }
    drop(client);
    net.stop().await;
}

#[tokio::test]
async fn a_stop_finishes_streams_in_flight() {
    let identity = Identity::new();
    let (net, _) = identity.serve(&Limits::default());
    let mut client = Client::connect(&identity, &net).await;
    client.send(&get(1, "/gate", &[])).await.unwrap();
    until(|| net.service.calls.load(SeqCst) == 1).await;
    net.stop.cancel();
    while client.frame().await.unwrap().kind != GOAWAY {}
    net.service.gate.add_permits(1);
    let mut answered = None;
    while let Some(seen) = client.frame().await {
        match seen.kind {
            HEADERS => answered = Some(status(&seen.payload)),
            // A graceful end waits for this answer.
            PING if seen.flags & 1 == 0 => {
                client.send(&frame(PING, 1, 0, &seen.payload)).await.unwrap();
            }
            _ => {}
        }
    }
    assert_eq!(answered, Some(200));
    net.running.finished().await.unwrap();
}

/// Serves a client that sends this and then only answers pings; returns how long that went well.
async fn patience(limits: &Limits, wire: &[u8], refusal: Option<Refusal>) -> Duration {
    let Memory { client, stats, served, .. } = memory2(limits, 64 << 10);
    let started = Instant::now();
    let mut client = Client { io: client };
    client.send(wire).await.unwrap();
    while let Some(seen) = client.frame().await {
        if seen.kind == PING && seen.flags & 1 == 0 {
            // Too late where the ping was the connection's last word.
            let _sent = client.send(&frame(PING, 1, 0, &seen.payload)).await;
        }
    }
    served.await.unwrap();
    if let Some(refusal) = refusal {
        assert_eq!(stats.refused(refusal), 1, "{refusal}");
    }
    started.elapsed()
}

#[tokio::test(start_paused = true)]
async fn t79_slow_http2_clients_are_cut_off() {
    let limits = Limits::default();
    let started = [PREFACE, &frame(SETTINGS, 0, 0, b"")].concat();
    // INITIAL_WINDOW_SIZE 0: the client will take no byte of any body.
    let closed_window = [PREFACE, &frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 0, 0])].concat();
    for (wire, refusal, seconds) in [
        (Vec::new(), Some(Refusal::HeaderTimeout), 10),
        (PREFACE[..20].to_vec(), Some(Refusal::HeaderTimeout), 10),
        (started.clone(), None, 60),
        (
            [&started[..], &frame(HEADERS, 0, 1, &head("GET", "/", &[]))].concat(),
            Some(Refusal::HeaderTimeout),
            10,
        ),
        ([&started[..], &get(1, "/gate", &[])].concat(), Some(Refusal::Http2StreamTimeout), 80),
        ([&closed_window[..], &get(1, "/big", &[])].concat(), Some(Refusal::Http2StreamTimeout), 80),
        ([&started[..], &get(1, "/", &[])].concat(), None, 60),
        // The service answers 408 after 30 s, and then the connection is idle.
        ([&started[..], &frame(HEADERS, END_HEADERS, 1, &head("POST", "/", &[]))].concat(), None, 90),
    ] {
        assert_eq!(patience(&limits, &wire, refusal).await.as_secs(), seconds, "{refusal:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn t79_an_http2_client_that_stops_reading_is_cut_off() {
    let Memory { client, stats, served, .. } = memory2(&Limits::default(), 1_000);
    let mut client = Client::start(client).await;
    // More window than anybody needs, and then no read.
    client.send(&frame(SETTINGS, 0, 0, &[0, 4, 0x7f, 0xff, 0xff, 0xff])).await.unwrap();
    client.send(&frame(WINDOW_UPDATE, 0, 0, &[0x7f, 0, 0, 0])).await.unwrap();
    let started = Instant::now();
    client.send(&get(1, "/big", &[])).await.unwrap();
    served.await.unwrap();
    assert_eq!(started.elapsed().as_secs(), 30);
    assert_eq!(stats.refused(Refusal::WriteTimeout), 1);
}

/// A peer that vanished without a word is noticed by the unanswered probe.
#[tokio::test(start_paused = true)]
async fn a_dead_http2_peer_is_noticed() {
    let Memory { client, served, .. } = memory2(&Limits::default(), 64 << 10);
    let mut client = Client::start(client).await;
    let started = Instant::now();
    client.send(&get(1, "/gate", &[])).await.unwrap();
    served.await.unwrap();
    assert_eq!(started.elapsed().as_secs(), 30);
}
