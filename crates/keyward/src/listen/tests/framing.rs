//! Requests on the wire: how many answers they get, which, and what the service sees of them.

use super::head::{line, tricks, with};
use super::wire::{GET, Memory, Net, exchange, memory, read_answer, request, statuses};
use crate::listen::{Limits, Refusal};
use std::sync::atomic::Ordering::SeqCst;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

#[tokio::test]
async fn t02_two_authorization_headers_never_reach_the_service() {
    let net = Net::plain(&Limits::default());
    let wire = with("Authorization: one\r\nX: y\r\nauthorization: two");
    let answer = net.exchange(wire.as_bytes()).await;
    assert_eq!(answer, Refusal::AuthorizationRepeated.answer());
    assert_eq!(net.service.calls.load(SeqCst), 0);
    assert_eq!(net.stats.refused(Refusal::AuthorizationRepeated), 1);
    net.stop().await;
}

/// The request behind each trick must get no answer, and the one before it its own.
#[tokio::test]
async fn t14_each_trick_gets_one_refusal_and_hides_no_second_request() {
    let net = Net::plain(&Limits::default());
    let smuggled = "GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n";
    for (head, refusal) in tricks() {
        let calls = net.service.calls.load(SeqCst);
        let answer = net.exchange(format!("{head}{smuggled}").as_bytes()).await;
        assert_eq!(answer, refusal.answer(), "{head:?}");
        assert_eq!(net.service.calls.load(SeqCst), calls, "{head:?}");

        let answer = net.exchange(format!("{GET}{head}{smuggled}").as_bytes()).await;
        assert_eq!(statuses(&answer), [200, refusal.status().as_u16()], "{head:?}");
        assert!(answer.ends_with(refusal.answer()));
        assert_eq!(net.service.calls.load(SeqCst), calls + 1, "{head:?}");
    }
    net.all_closed().await;
    net.stop().await;
}

#[tokio::test]
async fn t14_pipelined_requests_get_their_answers_in_order() {
    let net = Net::plain(&Limits::default());
    let mut wire = String::new();
    for n in 0..50 {
        let body = "b".repeat(n * 40);
        wire += &format!("POST /{n} HTTP/1.1\r\nHost: h\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        wire += &line(&format!("GET /{n} HTTP/1.1"));
    }
    wire += "GET /last HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\nGET /never HTTP/1.1\r\n";
    let answer = String::from_utf8(net.exchange(wire.as_bytes()).await).unwrap();
    let bodies: Vec<_> = answer.split("\r\n\r\n").skip(1).collect();
    assert_eq!(bodies.len(), 101);
    for n in 0..50 {
        assert!(bodies[2 * n].starts_with(&format!("POST /{n} {}", n * 40)), "{}", bodies[2 * n]);
        assert!(bodies[2 * n + 1].starts_with(&format!("GET /{n} 0")), "{}", bodies[2 * n + 1]);
    }
    assert!(bodies[100].starts_with("GET /last 0"));
    net.stop().await;
}

/// In memory, so that each byte really is a read of its own.
#[tokio::test]
async fn t14_the_split_of_reads_changes_no_answer() {
    let limits = Limits::default();
    let bad = with("Content-Length: 3\r\nContent-Length: 3");
    let body = "POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc";
    let wire = format!("{GET}{body}\r\n{GET}{bad}{GET}");
    for buffer_bytes in [1, 2, 3, 7, 64, 4096] {
        let Memory { client, served, service, .. } = memory(&limits, buffer_bytes);
        let (mut reader, mut writer) = tokio::io::split(client);
        let mut answer = Vec::new();
        // The last request is cut off, so writing it may fail.
        let (_sent, read) = tokio::join!(writer.write_all(wire.as_bytes()), reader.read_to_end(&mut answer));
        read.unwrap();
        assert_eq!(statuses(&answer), [200, 200, 200, 400]);
        assert_eq!(service.calls.load(SeqCst), 3);
        drop((reader, writer));
        served.await.unwrap();
    }
}

#[tokio::test]
async fn t14_a_chunked_request_is_the_last_on_its_connection() {
    let net = Net::plain(&Limits::default());
    let head = with("Transfer-Encoding: chunked");
    let answer = net.exchange(format!("{head}3\r\nabc\r\n0\r\n\r\n{GET}").as_bytes()).await;
    let answer = String::from_utf8(answer).unwrap();
    assert_eq!(statuses(answer.as_bytes()), [200]);
    assert!(answer.contains("connection: close\r\n"), "{answer}");
    assert!(answer.ends_with("POST / 3"), "{answer}");
    assert_eq!(net.service.calls.load(SeqCst), 1);

    // Trailers are no headers, whatever they claim and whoever announced them.
    let head = with("Transfer-Encoding: chunked\r\nTrailer: Authorization");
    let answer = net.exchange(format!("{head}0\r\nAuthorization: x\r\n\r\n{GET}").as_bytes()).await;
    assert_eq!(statuses(&answer), [200]);

    for broken in ["3\nabc\r\n0\r\n\r\n", "3\r\nabcd\r\n0\r\n\r\n", "+3\r\nabc\r\n0\r\n\r\n", "x\r\n"] {
        let head = with("Transfer-Encoding: chunked");
        let answer = net.exchange(format!("{head}{broken}{GET}").as_bytes()).await;
        assert_eq!(statuses(&answer), [400], "{broken:?}");
    }
    net.stop().await;
}

#[tokio::test]
async fn http_1_0_and_expect_continue_work() {
    let net = Net::plain(&Limits::default());
    let answer = net.exchange(b"GET /old HTTP/1.0\r\n\r\nGET /never HTTP/1.0\r\n\r\n").await;
    let answer = String::from_utf8(answer).unwrap();
    assert!(answer.starts_with("HTTP/1.0 200 ") && answer.ends_with("GET /old 0"), "{answer}");

    let mut old = net.connect().await;
    for _ in 0..2 {
        let answer = request(&mut old, b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").await;
        assert!(answer.starts_with("HTTP/1.0 200 "), "{answer}");
    }

    let mut client = net.connect().await;
    let head = with("Expect: 100-continue\r\nContent-Length: 4");
    assert_eq!(request(&mut client, head.as_bytes()).await, "HTTP/1.1 100 Continue\r\n\r\n");
    assert!(request(&mut client, b"body").await.ends_with("POST / 4"));
    assert!(request(&mut client, GET.as_bytes()).await.ends_with("GET / 0"));
    net.stop().await;
}

/// A client that closes its sending side after the last request still gets the answers.
#[tokio::test]
async fn half_closed_clients_are_answered() {
    let net = Net::plain(&Limits::default());
    let mut client = net.connect().await;
    client.write_all(format!("{GET}{GET}").as_bytes()).await.unwrap();
    client.shutdown().await.unwrap();
    assert!(read_answer(&mut client).await.ends_with("GET / 0"));
    assert_eq!(statuses(&exchange(&mut client, b"").await), [200]);
    net.stop().await;
}

/// The answer must survive even though the client goes on sending what nobody reads.
#[tokio::test]
async fn a_refusal_reaches_a_client_that_is_still_sending() {
    let net = Net::plain(&Limits::default());
    for head in [
        with("Content-Length: 100000\r\nContent-Length: 100000"),
        with("Content-Length: 100000").replace("POST /", "POST /unread"),
    ] {
        for _ in 0..20 {
            let (mut reader, mut writer) = net.connect().await.into_split();
            writer.write_all(head.as_bytes()).await.unwrap();
            let answer = tokio::spawn(async move {
                let mut answer = Vec::new();
                reader.read_to_end(&mut answer).await.map(|_| answer)
            });
            writer.write_all(&[b'x'; 100_000]).await.unwrap();
            assert_eq!(statuses(&answer.await.unwrap().unwrap()).len(), 1);
        }
    }
    net.stop().await;
}
