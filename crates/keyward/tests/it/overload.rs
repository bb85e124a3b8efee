//! Clients that are slow, silent, rude or too many: they lose their connections, and the honest ones notice nothing.

use std::net::{IpAddr, Ipv4Addr};

use crate::harness::http::{Connection, until};
use crate::harness::scloud::Reply;
use crate::harness::{Request, Server, Setup};

fn source(last: u8) -> IpAddr {
    Ipv4Addr::new(127, 0, 0, last).into()
}

fn honest(server: &Server) -> Request {
    Request::form("/", &server.administrator().form("ListUsers", &[]))
}

#[test]
fn t79_slow_clients_are_closed_and_hurt_nobody() {
    let settings = "[limits]\nheader_seconds = 2\nbody_seconds = 2\nidle_seconds = 2\nwrite_seconds = 2";
    let server = Setup::new().settings(settings).start();
    let slow = |wire: &'static [u8]| {
        let connections = (0..120).map(move |n| (n, wire));
        connections
            .map(|(n, wire)| {
                let mut connection = Connection::from(source(2 + n % 3), server.public);
                connection.send(wire);
                connection
            })
            .collect::<Vec<_>>()
    };
    let heads = slow(b"GET / HTTP/1.1\r\nHost: ");
    let bodies = slow(b"POST /scloud HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nAction");
    let silent = slow(b"");
    let idle = slow(b"GET /nowhere HTTP/1.1\r\nHost: h\r\n\r\n")
        .into_iter()
        .map(|mut connection| {
            assert_eq!(connection.answer().status, 404);
            connection
        })
        .collect::<Vec<_>>();
    let request = honest(&server);
    let mut connection = server.connect();
    for round in 0..400 {
        Reply::of(connection.exchange(&request)).done();
        if round % 10 == 0 {
            connection = server.connect();
        }
    }
    assert_eq!(server.ask_admin("/readyz").status, 200);
    for (connections, status) in [(heads, 408), (bodies, 408)] {
        for connection in connections {
            let answers = connection.answers_to_the_end();
            assert_eq!((answers.len(), answers[0].status), (1, status));
        }
    }
    for mut connection in silent.into_iter().chain(idle) {
        assert!(connection.is_closed_by_server());
    }
    assert_eq!(server.metric("keyward_refused_heads_total", "request head too slow"), 120);
    Reply::of(server.ask(&request)).done();
    server.stop();
}

#[test]
fn t79_a_client_that_reads_nothing_is_closed() {
    let server = Setup::new().settings("limits.write_seconds = 1").start();
    // On the admin listener, where answers are large.
    let mut connection = Connection::open(server.admin);
    let many = Request::get("/metrics").wire().repeat(100);
    let sent = (0..1_000).take_while(|_| connection.send_while_open(&many)).count();
    assert!(sent < 1_000, "100,000 answers were written to nobody");
    assert_eq!(server.metric("keyward_refused_heads_total", "answer not read"), 1);
    server.stop();
}

#[test]
fn t80_each_source_and_all_together_have_so_many_connections() {
    let server = Setup::new()
        .settings("[limits]\nconnections = 16\nconnections_per_source = 4\nadmin_connections = 4")
        .start();
    let request = honest(&server);
    let served = |connection: &mut Connection| Reply::of(connection.exchange(&request)).done();
    let from = |last: u8, count: usize| {
        (0..count).map(|_| Connection::from(source(last), server.public)).collect::<Vec<_>>()
    };
    let mut held = from(2, 4);
    held.iter_mut().for_each(|connection| drop(served(connection)));
    assert!(from(2, 1)[0].is_closed_by_server(), "the fifth of one source");
    for last in 3..6 {
        held.extend(from(last, 4));
    }
    held.iter_mut().for_each(|connection| drop(served(connection)));
    assert!(from(6, 1)[0].is_closed_by_server(), "the seventeenth of all");
    // The administrator has connections of his own.
    assert_eq!(server.metric("keyward_connections", "listener=\"public\""), 16);
    held.truncate(12);
    until(|| server.metric("keyward_connections", "listener=\"public\"") <= 12);
    served(&mut from(6, 1)[0]);
    server.stop();
}

#[test]
fn t80_rude_ends_of_connections_leak_nothing() {
    // Room for few descriptors: a leak would soon use them up.
    let settings =
        "[limits]\nconnections = 16\nconnections_per_source = 16\nadmin_connections = 4\nbody_seconds = 1";
    let server = Setup::new().behind("ulimit -n 96").settings(settings).start();
    let request = honest(&server);
    let wire = request.wire();
    let round = || {
        for cut in [0, 1, 30, wire.len() - 1, wire.len()] {
            let mut connection = server.connect();
            connection.send_while_open(&wire[..cut]);
            if cut % 2 == 0 {
                connection.end_of_requests();
            }
        }
    };
    let all_gone = || until(|| server.metric("keyward_connections", "listener=\"public\"") == 0);
    (0..100).for_each(|_| round());
    all_gone();
    let before = server.resident_kib();
    (0..400).for_each(|_| round());
    all_gone();
    let grown = server.resident_kib().saturating_sub(before);
    assert!(grown <= before / 10, "{grown} KiB on top of {before}");
    for _ in 0..50 {
        Reply::of(server.ask(&request)).done();
    }
    server.stop();
}
