//! Requests that are too large, announced or not.

use super::head::with;
use super::wire::{Memory, Net, alone, exchange, memory, request, resident_bytes, statuses};
use crate::listen::{BodyLimits, HeadLimits, Limits, Refusal};
use std::sync::atomic::Ordering::SeqCst;
use tokio::io::AsyncWriteExt;

#[tokio::test]
async fn t72_oversized_heads_get_their_own_status() {
    let net = Net::plain(&Limits::default());
    for (wire, status) in [
        (format!("GET /{} HTTP/1.1\r\nHost: h\r\n\r\n", "x".repeat(32 << 10)), 414),
        (format!("GET /?{}", "x".repeat(300_000)), 414),
        (with(&"X: y\r\n".repeat(100)), 431),
        (with(&format!("X: {}", "y".repeat(128 << 10))), 431),
        (format!("GET / HTTP/1.1\r\nX: {}", "y".repeat(300_000)), 431),
        (with("Content-Length: 1073741825"), 413),
    ] {
        let answer = net.exchange(wire.as_bytes()).await;
        assert_eq!(statuses(&answer), [status], "{}", &wire[..20]);
    }
    assert_eq!(net.service.calls.load(SeqCst), 0);
    net.stop().await;
}

/// The largest head that is allowed goes all the way up, in one read or in many.
#[tokio::test]
async fn t72_heads_at_the_limit_are_served() {
    // A token of 100,000 characters is legal in one dialect.
    let limits = Limits::default();
    let target = format!("/{}", "t".repeat((32 << 10) - 1));
    let token = format!("X-Auth-Token: {}\r\n", "y".repeat(100_000));
    let more = "X: y\r\n".repeat(98);
    let wire = format!("GET {target} HTTP/1.1\r\nHost: h\r\n{token}{more}\r\n");
    let net = Net::plain(&limits);
    let mut client = net.connect().await;
    for _ in 0..3 {
        assert!(request(&mut client, wire.as_bytes()).await.ends_with(&format!("GET {target} 0")));
    }
    net.stop().await;
    for buffer_bytes in [100, 5_000, 200_000] {
        let Memory { mut client, .. } = memory(&limits, buffer_bytes);
        let answer = request(&mut client, wire.as_bytes()).await;
        assert!(answer.ends_with(&format!("GET {target} 0")));
    }
}

#[tokio::test]
async fn more_headers_than_the_stack_has_room_for_can_be_allowed() {
    let limits = Limits { head: HeadLimits { headers: 300, ..HeadLimits::default() }, ..Limits::default() };
    let Memory { mut client, .. } = memory(&limits, 4096);
    let answer = request(&mut client, with("X: y\r\n".repeat(299).trim_end()).as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    let answer = exchange(&mut client, with("X: y\r\n".repeat(300).trim_end()).as_bytes()).await;
    assert_eq!(statuses(&answer), [431]);
}

#[tokio::test]
async fn t73_bodies_beyond_the_limit_are_answered_413() {
    let limits = Limits { body: BodyLimits { bytes: 10, ..BodyLimits::default() }, ..Limits::default() };
    let net = Net::plain(&limits);
    let chunked = with("Transfer-Encoding: chunked");
    for method in ["POST", "GET", "DELETE"] {
        for (wire, status) in [
            (with("Content-Length: 10") + "0123456789", 200),
            (with("Content-Length: 11") + "0123456789x", 413),
            // Refused for what it announces, not for what it sends.
            (with("Content-Length: 1000000") + "x", 413),
            (format!("{chunked}a\r\n0123456789\r\n0\r\n\r\n"), 200),
            (format!("{chunked}b\r\n0123456789x\r\n0\r\n\r\n"), 413),
            (format!("{chunked}ffffffff\r\n0123456789x"), 413),
        ] {
            let wire =
                wire.replace("POST /", &format!("{method} /")).replace("Host", "Connection: close\r\nHost");
            let answer = net.exchange(wire.as_bytes()).await;
            assert_eq!(statuses(&answer), [status], "{wire:?}");
        }
    }
    net.stop().await;
}

#[tokio::test]
async fn t73_an_endless_chunked_body_is_cut_off() {
    let net = Net::plain(&Limits::default());
    let mut client = net.connect().await;
    client.write_all(with("Transfer-Encoding: chunked").as_bytes()).await.unwrap();
    let chunk = format!("4000\r\n{}\r\n", "x".repeat(0x4000));
    let mut sent = 0;
    while client.write_all(chunk.as_bytes()).await.is_ok() {
        sent += chunk.len();
        // The limit, what the kernel buffers on both sides, and what a closing connection reads.
        assert!(sent < 64 << 20);
    }
    net.all_closed().await;
    net.stop().await;
}

/// A body that ends before its length says so must be no request.
#[tokio::test]
async fn t73_a_lying_content_length_is_no_request() {
    let net = Net::plain(&Limits::default());
    let mut client = net.connect().await;
    client.write_all((with("Content-Length: 10") + "short").as_bytes()).await.unwrap();
    client.shutdown().await.unwrap();
    assert_eq!(statuses(&exchange(&mut client, b"").await), [400]);
    net.stop().await;
}

#[test]
fn t72_a_thousand_oversized_requests_leave_no_memory_behind() {
    alone("listen::tests::sizes::t72_a_thousand_oversized_requests_leave_no_memory_behind", || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let net = Net::plain(&Limits::default());
            let wires = [
                format!("GET /{}", "x".repeat(300_000)),
                format!("GET / HTTP/1.1\r\nX: {}", "y".repeat(300_000)),
                with("Content-Length: 900000000") + &"z".repeat(200_000),
            ];
            let tries = async |rounds: usize| {
                for round in 0..rounds {
                    // The server may close before all is sent, so writing may fail.
                    let mut client = net.connect().await;
                    let _sent = client.write_all(wires[round % wires.len()].as_bytes()).await;
                    drop(client);
                    // One at a time: what many hold at once is for the caps to bound.
                    net.all_closed().await;
                }
            };
            // Fills what is allocated once and kept.
            tries(30).await;
            let before = resident_bytes();
            tries(1_000).await;
            let grown = resident_bytes().saturating_sub(before);
            assert!(grown < 8 << 20, "{grown} bytes");
            assert!(net.stats.refused(Refusal::TargetTooLong) >= 300);
            net.stop().await;
        });
    });
}
