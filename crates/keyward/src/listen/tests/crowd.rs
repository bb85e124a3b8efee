//! Many connections: caps, abrupt ends, and nothing left behind.

use super::head::with;
use super::wire::{GET, Net, alone, net, read_answer, request, resident_bytes, statuses, until};
use crate::listen::{Caps, Door, Limits, Listener, Security, Server, Socket, Stats};
use std::num::NonZeroUsize;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};
use tokio_util::sync::CancellationToken;

/// Whether the server closed the connection at once.
async fn is_turned_away(client: &mut TcpStream) -> bool {
    let sent = client.write_all(GET.as_bytes()).await;
    let mut byte = [0];
    sent.is_err() || client.read(&mut byte).await.map_or(true, |read| read == 0)
}

#[tokio::test]
async fn t80_the_cap_per_source_spares_other_sources() {
    let net = net(&Limits::default(), Caps { total: 100, per_source: 3 }, Security::Plain);
    let mut held = Vec::new();
    for _ in 0..3 {
        let mut client = net.connect_from(2).await;
        assert!(request(&mut client, GET.as_bytes()).await.ends_with("GET / 0"));
        held.push(client);
    }
    for _ in 0..5 {
        assert!(is_turned_away(&mut net.connect_from(2).await).await);
        assert!(!is_turned_away(&mut net.connect_from(3).await).await);
        until(|| net.open() == 3).await;
    }
    assert_eq!(net.stats.door(Door::Public).over_source(), 5);
    held.pop();
    until(|| net.open() == 2).await;
    assert!(!is_turned_away(&mut net.connect_from(2).await).await);
    net.stop().await;
}

#[tokio::test]
async fn t80_a_full_listener_leaves_the_others_their_slots() {
    let bind = || {
        let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        (socket.local_addr().unwrap(), Socket::Tcp(socket))
    };
    let ((public, public_socket), (admin, admin_socket)) = (bind(), bind());
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("gate.sock");
    let gate_socket = Socket::Unix(std::os::unix::net::UnixListener::bind(&path).unwrap());
    let (stats, stop) = (Arc::<Stats>::default(), CancellationToken::new());
    let limits = Limits::default();
    let caps = Caps { total: 2, per_source: 2 };
    let mut server = Server::new(super::wire::echo(&limits), limits, Arc::clone(&stats));
    for (door, socket) in
        [(Door::Public, public_socket), (Door::Admin, admin_socket), (Door::Gate, gate_socket)]
    {
        server = server.listen(Listener { door, socket, security: Security::Plain, caps });
    }
    let running = server.start(NonZeroUsize::MIN, &stop).unwrap();
    let mut held = [TcpStream::connect(public).await.unwrap(), TcpStream::connect(public).await.unwrap()];
    for client in &mut held {
        request(client, GET.as_bytes()).await;
    }
    assert!(is_turned_away(&mut TcpStream::connect(public).await.unwrap()).await);
    assert_eq!(stats.door(Door::Public).over_total(), 1);
    let mut client = TcpStream::connect(admin).await.unwrap();
    assert!(request(&mut client, GET.as_bytes()).await.ends_with("GET / 0"));
    let mut client = UnixStream::connect(&path).await.unwrap();
    assert!(request(&mut client, GET.as_bytes()).await.ends_with("GET / 0"));
    stop.cancel();
    running.finished().await.unwrap();
}

/// Ends a connection by a reset instead of a farewell.
fn reset(client: TcpStream) {
    client.set_zero_linger().unwrap();
}

#[test]
fn t80_abrupt_ends_leave_no_slot_descriptor_or_task() {
    alone("listen::tests::crowd::t80_abrupt_ends_leave_no_slot_descriptor_or_task", || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let net = Net::plain(&Limits::default());
            let body = with("Content-Length: 1000") + "part";
            let unread = "GET /unread HTTP/1.1\r\nHost: h\r\n\r\n".repeat(9);
            let starts = ["", "GET / HT", GET, &body, &unread, "\n"];
            let rounds = async |rounds: usize| {
                for _ in 0..rounds {
                    let mut clients = Vec::new();
                    for start in starts.iter().cycle().take(60) {
                        let mut client = net.connect().await;
                        client.write_all(start.as_bytes()).await.unwrap();
                        clients.push(client);
                    }
                    clients.into_iter().for_each(reset);
                }
                net.all_closed().await;
            };
            rounds(10).await;
            let before = (descriptors(), resident_bytes());
            rounds(200).await;
            assert_eq!(descriptors(), before.0);
            let grown = resident_bytes().saturating_sub(before.1);
            assert!(grown < 4 << 20, "{grown} bytes");
            assert!(net.stats.door(Door::Public).accepted() > 10_000);
            assert!(request(&mut net.connect().await, GET.as_bytes()).await.ends_with("GET / 0"));
            net.stop().await;
        });
    });
}

fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

#[tokio::test]
async fn t76_a_panic_is_answered_counted_and_contained() {
    let net = Net::plain(&Limits::default());
    for panics in 1..=3 {
        let answer = net.exchange(b"GET /panic HTTP/1.1\r\nHost: h\r\n\r\n").await;
        assert_eq!(statuses(&answer), [500]);
        assert_eq!(net.stats.panics(), panics);
    }
    assert!(request(&mut net.connect().await, GET.as_bytes()).await.ends_with("GET / 0"));
    net.stop().await;
}

#[tokio::test]
async fn a_stop_finishes_what_is_in_flight_and_begins_nothing() {
    let net = Net::plain(&Limits::default());
    let mut idle = net.connect().await;
    request(&mut idle, GET.as_bytes()).await;
    let mut silent = net.connect().await;
    let mut busy = net.connect().await;
    busy.write_all(b"GET /gate HTTP/1.1\r\nHost: h\r\n\r\n").await.unwrap();
    until(|| net.open() == 3 && net.service.calls.load(std::sync::atomic::Ordering::SeqCst) == 2).await;
    net.stop.cancel();
    let mut rest = Vec::new();
    assert_eq!(idle.read_to_end(&mut rest).await.unwrap(), 0);
    assert_eq!(silent.read_to_end(&mut rest).await.unwrap(), 0);
    until(|| std::net::TcpStream::connect(net.address).is_err()).await;
    net.service.gate.add_permits(1);
    let answer = read_answer(&mut busy).await;
    assert!(answer.contains("connection: close\r\n") && answer.ends_with("GET /gate 0"), "{answer}");
    net.running.finished().await.unwrap();
}

#[tokio::test]
async fn a_stop_does_not_wait_for_ever() {
    let limits = Limits { drain_timeout: std::time::Duration::from_millis(50), ..Limits::default() };
    let net = Net::plain(&limits);
    let mut stuck = net.connect().await;
    stuck.write_all(b"GET /gate HTTP/1.1\r\nHost: h\r\n\r\n").await.unwrap();
    until(|| net.service.calls.load(std::sync::atomic::Ordering::SeqCst) == 1).await;
    net.stop.cancel();
    net.running.finished().await.unwrap();
    let mut rest = Vec::new();
    assert!(stuck.read_to_end(&mut rest).await.is_ok_and(|read| read == 0));
}

#[tokio::test]
async fn two_servers_cannot_share_a_port() {
    let net = Net::plain(&Limits::default());
    assert!(std::net::TcpListener::bind(net.address).is_err());
    net.stop().await;
}
