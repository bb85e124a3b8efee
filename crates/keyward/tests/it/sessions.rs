//! Tokens, their temporary keys, and who is told to be who, on a real server.

use std::sync::Arc;
use std::thread;

use signing::Scheme;

use crate::harness::http::{Answer, Connection};
use crate::harness::sessions::{PASSWORD, TokenKey};
use crate::harness::signed::Signed;
use crate::harness::store::Snapshot;
use crate::harness::{Key, Request, Server, Setup};

const HOST: &str = "keyward.test";
const KEYS: &str = "/v4/user/keys";

/// Users whose requests are interleaved, as the threat model says.
const USERS: usize = 64;
/// Requests of each of them in each version of HTTP. The threat model says 20,000 in all versions together, which takes a
/// release build; this is a few seconds of a debug build, and every connection still changes its user with each request.
const ROUNDS: usize = 160;
/// Connections that they share.
const CONNECTIONS: usize = 8;

fn list_with(token: &str) -> Request {
    Request::get(KEYS).header("X-Auth-Token", token)
}

fn signed(held: &TokenKey, path: &str) -> Signed {
    Signed::get(Scheme::SdkHmacSha256, &held.key, HOST, path)
}

#[test]
fn a_token_and_its_key_work_until_the_token_ends() {
    let setup = Setup::new().with_password();
    let server = setup.start();
    let token = server.log_in();
    let held = server.exchange(&token);
    let good = signed(&held, KEYS).with("X-Security-Token", &held.security_token);
    for request in [list_with(&token), good.request()] {
        assert_eq!(server.ask(&request).status, 200);
    }
    let rows = Snapshot::of(&setup.data());
    for bad in [signed(&held, KEYS), signed(&held, KEYS).with("X-Security-Token", "x")] {
        let refused = server.ask(&bad.request());
        assert_eq!(refused.status, 401);
        assert!(refused.text().contains("security token not match"), "{}", refused.text());
    }
    assert_eq!(Snapshot::of(&setup.data()), rows);
    server.stop();
    // What is kept is enough for the next start.
    let server = setup.start();
    assert_eq!(server.ask(&good.request()).status, 200);
    server.end_token(&token);
    for request in [list_with(&token), good.request()] {
        assert_eq!(server.ask(&request).status, 401);
    }
    server.stop();
    let checked = setup.run(&["verify-store"]);
    assert_eq!((checked.code, checked.err.as_str()), (Some(0), ""), "{}", checked.out);
}

#[test]
fn t29_the_gate_takes_a_key_of_a_token_with_it_and_while_it_lives() {
    let server = Setup::new().with_password().start();
    let token = server.log_in();
    let held = server.exchange(&token);
    let bare = signed(&held, "/a/b?x=1&y=2");
    let good = bare.clone().with("X-Security-Token", &held.security_token);
    let ways = |signed: &Signed| {
        let verify = Request::json("/gate/verify", signed.as_json().to_string());
        [signed.as_nginx(), signed.as_caddy(), signed.as_envoy(), verify]
    };
    let cause = |answer: &Answer| answer.header("x-keyward-cause").map(str::to_owned);
    for question in ways(&good) {
        let answer = server.question(&question);
        assert_eq!((answer.status, answer.header("x-keyward-user")), (200, Some("admin")), "{answer:?}");
        assert_eq!(answer.header("x-keyward-key"), Some(held.key.id.as_str()));
    }
    let other = server.exchange(&token).security_token;
    for wrong in
        [bare.clone(), bare.clone().with("X-Security-Token", &other), bare.with("X-Security-Token", &token)]
    {
        for question in ways(&wrong) {
            let answer = server.question(&question);
            assert_eq!(answer.status, 401, "{answer:?}");
            let told = cause(&answer);
            assert_eq!(told.as_deref(), Some("the session token does not belong to this key"));
        }
    }
    let stray = Signed::get(Scheme::SdkHmacSha256, server.administrator(), HOST, "/a");
    assert_eq!(server.question(&stray.clone().with("X-Security-Token", "x").as_nginx()).status, 401);
    server.end_token(&token);
    for question in ways(&good) {
        assert_eq!(server.question(&question).status, 401, "its token has ended");
    }
    server.stop();
}

#[test]
fn t56_what_locks_a_key_or_a_user_for_the_dialect_locks_nothing_at_the_gate() {
    let server = Setup::new().with_password().start();
    let key = server.administrator();
    let token = server.log_in();
    let wrong = Key::new(&key.id, "a wrong secret of some length");
    for _ in 0..6 {
        assert_eq!(server.ask(&Signed::get(Scheme::SdkHmacSha256, &wrong, HOST, KEYS).request()).status, 401);
        assert_eq!(server.try_log_in("wrong").status, 401);
    }
    let locked = server.ask(&Signed::get(Scheme::SdkHmacSha256, key, HOST, KEYS).request());
    assert!(locked.text().contains("AK access failed to reach the limit"), "{}", locked.text());
    assert_eq!(server.try_log_in(PASSWORD).status, 401, "locked, though it is right");
    let question = Signed::get(Scheme::SdkHmacSha256, key, HOST, "/a").as_nginx();
    assert_eq!(server.question(&question).status, 200);
    assert_eq!(server.ask(&list_with(&token)).status, 200, "and who is in stays in");
    server.stop();
}

#[test]
fn t36_a_long_token_is_unknown_and_one_that_is_too_long_is_refused_unread() {
    let setup = Setup::new().with_password();
    let server = setup.start();
    let good = server.log_in();
    let rows = Snapshot::of(&setup.data());
    for name in ["X-Auth-Token", "X-Subject-Token"] {
        let long = "a".repeat(100_000);
        let request = Request::get("/v3/auth/tokens").header(name, &long);
        let request = if name == "X-Auth-Token" { request } else { request.header("X-Auth-Token", &good) };
        let answer = server.ask(&request);
        assert_eq!(answer.status, if name == "X-Auth-Token" { 401 } else { 404 }, "{answer:?}");
        assert!(!answer.text().contains("aaaa"));
        for length in [128 << 10, 1 << 20] {
            let beyond = Request::get(KEYS).header(name, &"a".repeat(length)).header("Connection", "close");
            let answers = server.probe(&beyond.wire());
            assert_eq!(answers.iter().map(|answer| answer.status).collect::<Vec<_>>(), [431]);
        }
    }
    for (length, status) in [(100_000, 401), (1 << 20, 413)] {
        let token = "a".repeat(length);
        let body = format!(r#"{{"auth":{{"identity":{{"methods":["token"],"token":{{"id":"{token}"}}}}}}}}"#);
        let request = Request::json("/v3.0/OS-CREDENTIAL/securitytokens", body);
        let answers = server.probe(&request.header("Connection", "close").wire());
        assert_eq!(answers.iter().map(|answer| answer.status).collect::<Vec<_>>(), [status], "{length}");
        assert!(answers.iter().all(|answer| !answer.text().contains("aaaa")));
    }
    assert_eq!(server.ask(&list_with(&good)).status, 200);
    assert_eq!(Snapshot::of(&setup.data()), rows);
    server.stop();
}

/// A member and his one key.
struct Member {
    name: String,
    key: Key,
}

impl Member {
    fn made_by(number: usize, make: impl FnOnce(&str) -> Key) -> Self {
        let name = format!("user{number}");
        Self { key: make(&name), name }
    }

    /// The target of a request for the list of his own keys, which nobody else among the members may see.
    fn own_list(&self) -> String {
        format!("/?{}", self.key.form("ListAccessKeys", &[("UserName", &self.name)]))
    }
}

/// Whose answer it is: the keys in it are his.
fn assert_own(body: &[u8], member: &Member) {
    let text = String::from_utf8_lossy(body);
    assert!(text.contains("\"RetCode\":0") && text.contains(&format!("\"{}\"", member.key.id)), "{text}");
    assert_eq!(text.matches("AccessKeyID").count(), 1, "{text}");
}

#[test]
fn t33_interleaved_callers_on_shared_connections_are_told_apart() {
    let server = Server::start();
    let members: Vec<Member> =
        (0..USERS).map(|number| Member::made_by(number, |name| server.create_member(name))).collect();
    let members = Arc::new(members);
    let clients: Vec<_> = (0..CONNECTIONS)
        .map(|client| {
            let (address, members) = (server.public, members.clone());
            thread::spawn(move || {
                let mut connection = Connection::open(address);
                for round in 0..ROUNDS * USERS / CONNECTIONS / 8 {
                    // Eight in a row are under way at once, each of another user.
                    let users = (0..8).map(|place| &members[(client * 13 + round * 8 + place * 5) % USERS]);
                    let users: Vec<&Member> = users.collect();
                    let wire: Vec<u8> =
                        users.iter().flat_map(|user| Request::get(&user.own_list()).wire()).collect();
                    connection.send(&wire);
                    for user in users {
                        assert_own(&connection.answer().body, user);
                    }
                }
            })
        })
        .collect();
    for client in clients {
        client.join().unwrap();
    }
    server.stop();
}

#[cfg(feature = "tls")]
#[test]
fn t33_interleaved_callers_on_streams_of_one_connection_are_told_apart() {
    use crate::harness::http2::{Http2, request};
    use crate::harness::scloud::Reply;
    use crate::harness::tls::{Certificate, with_tls};

    let certificate = Certificate::issue();
    let server = with_tls(&certificate).start();
    let mut client = server.connect_tls(&certificate, "http/1.1");
    let mut call = |action: &str, pairs: &[(&str, &str)]| {
        Reply::of(client.exchange(&Request::form("/", &server.administrator().form(action, pairs)))).done()
    };
    let mut create_member = |name: &str| {
        let off = [("UserName", name), ("AccessKeyStatus", "Inactive"), ("LoginProfileStatus", "Inactive")];
        call("CreateUser", &off);
        let made = call("CreateAccessKey", &[("UserName", name)]);
        let text = |member: &str| made["AccessKey"][member].as_str().unwrap();
        Key::new(text("AccessKeyID"), text("AccessKeySecret"))
    };
    let members: Vec<Member> = (0..USERS).map(|number| Member::made_by(number, &mut create_member)).collect();
    let members = Arc::new(members);
    let clients: Vec<_> = (0..CONNECTIONS)
        .map(|client| {
            let (members, mut connection) = (members.clone(), Http2::open(&server, &certificate));
            thread::spawn(move || {
                for round in 0..ROUNDS / CONNECTIONS {
                    // Every user has a stream, all open at once.
                    let users = (0..USERS).map(|place| &members[(place * 5 + round + client) % USERS]);
                    let users: Vec<&Member> = users.collect();
                    let paths: Vec<String> = users.iter().map(|user| user.own_list()).collect();
                    let requests: Vec<_> = paths.iter().map(|path| request("GET", path)).collect();
                    for (user, (status, body)) in users.iter().zip(connection.exchange_all(&requests)) {
                        assert_eq!(status, 200);
                        assert_own(&body, user);
                    }
                }
            })
        })
        .collect();
    for client in clients {
        client.join().unwrap();
    }
    server.stop();
}
