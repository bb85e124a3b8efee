//! Clients that take their time, on a clock that advances only when everybody waits.

use super::head::with;
use super::wire::{GET, Memory, memory, net, read_answer, request, statuses};
use crate::listen::{BodyLimits, Caps, Door, Limits, Refusal, Security};
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::time::{Instant, sleep, timeout};

/// Sends `bytes` one by one, each after a pause, until the server closes; returns what came back and when.
async fn drip(client: DuplexStream, bytes: &[u8], pause: Duration) -> (Vec<u8>, Duration) {
    let started = Instant::now();
    let (mut reader, mut writer) = tokio::io::split(client);
    let sending = async {
        for byte in bytes {
            sleep(pause).await;
            if writer.write_all(&[*byte]).await.is_err() {
                break;
            }
        }
        std::future::pending::<()>().await;
    };
    let mut answer = Vec::new();
    tokio::select! {
        () = sending => {}
        read = reader.read_to_end(&mut answer) => { read.unwrap(); }
    }
    (answer, started.elapsed())
}

#[tokio::test(start_paused = true)]
async fn t79_a_dripped_head_is_answered_408_after_ten_seconds() {
    let second = Duration::from_secs(1);
    for (sent, pause, closed_after) in [
        (GET.repeat(9), second, 11),
        // A partial head and then nothing.
        ("GET / HT".to_owned(), Duration::ZERO, 10),
        ("G".to_owned(), Duration::ZERO, 10),
        (GET[..GET.len() - 1].to_owned(), Duration::ZERO, 10),
    ] {
        let Memory { client, service, stats, .. } = memory(&Limits::default(), 4096);
        let (answer, after) = drip(client, sent.as_bytes(), pause).await;
        assert_eq!(statuses(&answer), [408]);
        assert_eq!(after.as_secs(), closed_after, "{sent:?}");
        assert_eq!(stats.refused(Refusal::HeaderTimeout), 1);
        assert_eq!(service.calls.load(SeqCst), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn t79_a_slow_head_after_an_answered_request_is_closed_too() {
    let Memory { mut client, stats, .. } = memory(&Limits::default(), 4096);
    request(&mut client, GET.as_bytes()).await;
    sleep(Duration::from_secs(30)).await;
    let (answer, after) = drip(client, GET.as_bytes(), Duration::from_secs(4)).await;
    assert_eq!(statuses(&answer), [408]);
    assert_eq!(after.as_secs(), 4 + 10);
    assert_eq!(stats.refused(Refusal::HeaderTimeout), 1);
}

#[tokio::test(start_paused = true)]
async fn t79_a_dripped_body_is_closed_after_the_grace() {
    for (framing, body) in [("Content-Length: 100000", "x"), ("Transfer-Encoding: chunked", "1\r\nx\r\n")] {
        let Memory { mut client, stats, .. } = memory(&Limits::default(), 4096);
        client.write_all(with(framing).as_bytes()).await.unwrap();
        let (answer, after) = drip(client, body.repeat(99).as_bytes(), Duration::from_millis(500)).await;
        assert_eq!(statuses(&answer), [408], "{framing}");
        assert_eq!(after.as_secs(), 5, "{framing}");
        assert_eq!(stats.refused(Refusal::BodyTimeout), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn t79_a_body_at_the_minimum_pace_is_cut_off_only_by_the_total() {
    let Memory { client, stats, .. } = memory(&Limits::default(), 64 << 10);
    let (mut reader, mut writer) = tokio::io::split(client);
    let started = Instant::now();
    writer.write_all(with("Content-Length: 100000").as_bytes()).await.unwrap();
    let sending = async {
        loop {
            sleep(Duration::from_secs(1)).await;
            writer.write_all(&[b'x'; 1_100]).await.unwrap();
        }
    };
    let mut answer = Vec::new();
    tokio::select! {
        () = sending => {}
        read = reader.read_to_end(&mut answer) => { read.unwrap(); }
    }
    assert_eq!(statuses(&answer), [408]);
    assert_eq!(started.elapsed().as_secs(), 30);
    assert_eq!(stats.refused(Refusal::BodyTimeout), 1);
}

/// The same body, but complete in time.
#[tokio::test(start_paused = true)]
async fn a_slow_but_complete_body_is_served() {
    let Memory { mut client, stats, .. } = memory(&Limits::default(), 64 << 10);
    client.write_all(with("Content-Length: 22000").as_bytes()).await.unwrap();
    for _ in 0..20 {
        sleep(Duration::from_secs(1)).await;
        client.write_all(&[b'x'; 1_100]).await.unwrap();
    }
    assert!(read_answer(&mut client).await.ends_with("POST / 22000"));
    assert_eq!(stats.refused(Refusal::BodyTimeout), 0);
}

#[tokio::test(start_paused = true)]
async fn t79_idle_connections_are_closed_without_a_word() {
    let Memory { mut client, stats, .. } = memory(&Limits::default(), 4096);
    let started = Instant::now();
    let mut answer = Vec::new();
    client.read_to_end(&mut answer).await.unwrap();
    assert!(answer.is_empty());
    assert_eq!(started.elapsed().as_secs(), 60);

    let Memory { mut client, .. } = memory(&Limits::default(), 4096);
    // Each request starts the wait anew.
    for _ in 0..5 {
        sleep(Duration::from_secs(50)).await;
        assert!(request(&mut client, GET.as_bytes()).await.ends_with("GET / 0"));
    }
    let started = Instant::now();
    client.read_to_end(&mut answer).await.unwrap();
    assert!(answer.is_empty());
    assert_eq!(started.elapsed().as_secs(), 60);
    assert_eq!(stats.refused(Refusal::HeaderTimeout), 0);
}

/// Waiting for the service is nobody's fault.
#[tokio::test(start_paused = true)]
async fn a_slow_service_is_waited_for() {
    let Memory { mut client, service, .. } = memory(&Limits::default(), 4096);
    client.write_all(b"GET /gate HTTP/1.1\r\nHost: h\r\n\r\n").await.unwrap();
    sleep(Duration::from_secs(3_600)).await;
    service.gate.add_permits(1);
    assert!(read_answer(&mut client).await.ends_with("GET /gate 0"));
}

#[tokio::test(start_paused = true)]
async fn t79_a_client_that_does_not_read_is_cut_off() {
    let Memory { mut client, stats, served, .. } = memory(&Limits::default(), 4096);
    let started = Instant::now();
    client.write_all(b"GET /big HTTP/1.1\r\nHost: h\r\n\r\n").await.unwrap();
    served.await.unwrap();
    assert_eq!(started.elapsed().as_secs(), 30);
    assert_eq!(stats.refused(Refusal::WriteTimeout), 1);
}

#[tokio::test(start_paused = true)]
async fn t79_a_client_that_sips_is_cut_off_and_one_that_drinks_is_not() {
    for (sip_bytes, is_cut_off) in [(10, true), (2_000, false)] {
        let Memory { mut client, stats, mut served, .. } = memory(&Limits::default(), 4096);
        client.write_all(b"GET /big HTTP/1.1\r\nHost: h\r\n\r\n").await.unwrap();
        let mut sip = vec![0; sip_bytes];
        let sipping = async {
            while client.read_exact(&mut sip).await.is_ok() {
                sleep(Duration::from_secs(1)).await;
            }
        };
        let ended = tokio::select! {
            _ = timeout(Duration::from_secs(600), sipping) => false,
            _ = &mut served => true,
        };
        assert_eq!(ended, is_cut_off, "{sip_bytes}");
        assert_eq!(stats.refused(Refusal::WriteTimeout), u64::from(is_cut_off));
    }
}

/// Many slow clients over many source addresses, and honest ones in between.
#[tokio::test]
async fn t79_honest_clients_are_served_while_slow_ones_wait_for_their_end() {
    let limits = Limits {
        header_timeout: Duration::from_secs(2),
        idle_timeout: Duration::from_secs(2),
        body: BodyLimits { grace: Duration::from_secs(2), ..BodyLimits::default() },
        ..Limits::default()
    };
    let net = net(&limits, Caps { total: 1_000, per_source: 20 }, Security::Plain);
    let mut slow = Vec::new();
    for host in 2..22 {
        for start in
            ["", "GET / HTTP/1.1\r\nHo", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nabc"]
        {
            for _ in 0..5 {
                let mut client = net.connect_from(host).await;
                client.write_all(start.as_bytes()).await.unwrap();
                slow.push(client);
            }
        }
        assert!(request(&mut net.connect().await, GET.as_bytes()).await.ends_with("GET / 0"));
    }
    for mut client in slow {
        let mut answer = Vec::new();
        client.read_to_end(&mut answer).await.unwrap();
        assert!(answer.is_empty() || statuses(&answer) == [408]);
    }
    net.all_closed().await;
    assert_eq!(net.stats.refused(Refusal::HeaderTimeout), 100);
    assert_eq!(net.stats.refused(Refusal::BodyTimeout), 100);
    assert_eq!(net.stats.door(Door::Public).over_source(), 0);
    net.stop().await;
}
