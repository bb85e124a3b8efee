//! From the start to the end of a server: where it says that it listens, health, stopping, and a second server in its way.

use std::net::{TcpListener, TcpStream};

use rustix::process::Signal;

use crate::harness::http::{Connection, until};
use crate::harness::{Request, Server, Setup};

#[test]
fn a_line_for_each_listener_and_health_behind_the_second() {
    let server = Server::start();
    let said = server.said();
    let lines: Vec<&str> = said.lines().rev().take(3).collect();
    assert_eq!(lines[2], format!("listening on http://{}", server.public));
    assert_eq!(lines[1], format!("listening on http://{}", server.admin));
    assert_eq!(lines[0], format!("listening on unix:{}", server.setup.socket().display()));

    for (target, text) in [("/healthz", "ok\n"), ("/readyz", "ready\n")] {
        let answer = server.ask_admin(target);
        assert_eq!((answer.status, answer.text().as_str()), (200, text));
    }
    let metrics = server.ask_admin("/metrics");
    assert_eq!(metrics.status, 200);
    assert!(metrics.header("content-type").unwrap().starts_with("application/openmetrics-text"));
    assert!(metrics.text().ends_with("# EOF\n"));
    // The first start wrote its account, user and key, and an audit entry for itself.
    let commits = metrics.text();
    let commits =
        commits.lines().find_map(|line| line.strip_prefix("keyward_store_commit_duration_seconds_count "));
    assert!(commits.unwrap().parse::<u64>().unwrap() >= 2, "{commits:?}");
    server.call(server.administrator(), "ListUsers", &[]).done();
    assert_eq!(server.metric("keyward_requests_total", "operation=\"ListUsers\",outcome=\"ok\""), 1);

    assert_eq!(server.ask_admin("/").status, 404);
    let mut admin = Connection::open(server.admin);
    let answer = admin.exchange(&Request::new("POST", "/healthz").body(""));
    assert_eq!((answer.status, answer.header("allow")), (405, Some("GET, HEAD")));
    let answer = admin.exchange(&Request::new("HEAD", "/healthz"));
    assert_eq!((answer.status, answer.body.len()), (200, 0));
    // What belongs to one listener is not on the other.
    assert_eq!(server.ask(&Request::get("/metrics")).status, 404);
    server.stop();
}

/// A request whose body is being waited for, and the body.
fn unfinished(server: &Server) -> (Connection, String) {
    let form = server.administrator().form("ListUsers", &[]);
    let head = Request::form("/", &form).header("Expect", "100-continue").wire();
    let mut connection = server.connect();
    connection.send(&head[..head.len() - form.len()]);
    assert_eq!(connection.answer().status, 100, "sent when somebody begins to read the body");
    (connection, form)
}

#[test]
fn a_request_in_flight_ends_while_new_ones_are_refused() {
    for signal in [Signal::TERM, Signal::INT] {
        let server = Server::start();
        let (mut connection, body) = unfinished(&server);
        let mut idle = server.connect();
        assert_eq!(idle.exchange(&Request::get("/nowhere")).status, 404);
        assert_eq!(server.ask_admin("/readyz").status, 200);
        server.signal(signal);
        assert!(idle.is_closed_by_server(), "an idle connection has nothing to wait for");
        until(|| TcpStream::connect(server.public).is_err());
        until(|| server.ask_admin("/readyz").status == 503);
        assert_eq!(server.ask_admin("/healthz").status, 200);
        connection.send(body.as_bytes());
        let answer = connection.answer();
        assert_eq!(answer.status, 200);
        assert!(answer.text().starts_with("{\"RetCode\":0,"), "{}", answer.text());
        assert_eq!(server.end().code, Some(0));
    }
}

#[test]
fn a_drain_ends_in_time_although_a_client_does_not() {
    let server = Setup::new().settings("[limits]\ndrain_seconds = 1").start();
    let (mut connection, _) = unfinished(&server);
    server.signal(Signal::TERM);
    let ended = server.end();
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert!(connection.is_closed_by_server());
}

#[test]
fn a_second_signal_ends_at_once() {
    let setup = Setup::new().settings("[limits]\ndrain_seconds = 300\nbody_seconds = 3600");
    let server = setup.start();
    let (_connection, _) = unfinished(&server);
    server.signal(Signal::TERM);
    until(|| server.ask_admin("/readyz").status == 503);
    server.signal(Signal::TERM);
    let ended = server.end();
    assert_eq!(ended.code, Some(1));
    assert!(ended.err.ends_with("keyward: stopped at once, on a second signal.\n"), "{}", ended.err);
    // Nothing is lost by that.
    let server = setup.start();
    server.call(server.administrator(), "ListUsers", &[]).done();
}

#[test]
fn a_second_server_on_the_same_directory_is_refused() {
    let server = Server::start();
    let sentence = server.setup.refusal();
    assert!(sentence.contains("in use"), "{sentence}");
    assert!(sentence.contains(&server.pid().to_string()), "it names the owner: {sentence}");
    server.call(server.administrator(), "ListUsers", &[]).done();
    let setup = server.setup.clone();
    server.kill();
    // A lock dies with its owner.
    setup.start().stop();
}

#[test]
fn a_taken_port_is_refused_before_anything_is_created() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for flag in ["--listen", "--admin-listen"] {
        let setup = Setup::new().arguments(&[flag, &address]);
        let sentence = setup.refusal();
        assert!(sentence.contains(&address), "{sentence}");
        assert!(!setup.data().exists());
    }
}

#[test]
fn settings_that_make_no_sense_are_refused_before_anything_is_created() {
    for (settings, says) in [
        ("lisen = \"127.0.0.1:1\"", "did you mean `listen`?"),
        ("[limits]\nheader = 5", "did you mean `limits.headers`?"),
        ("[dialect.sclod]\nenabled = true", "did you mean `dialect.scloud`?"),
        ("[dialect.scloud]\npost_onyl = true", "did you mean `post_only`?"),
        ("[dialect.scloud]\nreveal_secret = \"always\"", "reveal_secret"),
        ("[limits]\nbody_bytes = 1", "limits.body_bytes"),
        ("listen = ", "not valid TOML"),
        ("[tls]\ncert = \"/nowhere/cert.pem\"\nkey = \"/nowhere/key.pem\"", "/nowhere/cert.pem"),
    ] {
        let setup = Setup::new().settings(settings);
        let sentence = setup.refusal();
        assert!(sentence.contains(says), "{sentence}");
        assert!(!setup.data().exists(), "{settings}");
    }
    let sentence = Setup::new().environment("KEYWARD_LISEN", "127.0.0.1:1").refusal();
    assert!(sentence.contains("did you mean `KEYWARD_LISTEN`?"), "{sentence}");
    let ended = Setup::new().run_with(&["serve", "--lisen", "127.0.0.1:1"], b"");
    assert_eq!(ended.code, Some(2), "{}", ended.err);
}

/// The figure of the operating guide, in a build without optimisation and with an empty store.
#[test]
fn an_idle_server_is_small() {
    let server = Server::start();
    server.call(server.administrator(), "ListUsers", &[]).done();
    assert!(server.resident_kib() < 64 * 1024, "{} KiB", server.resident_kib());
}
