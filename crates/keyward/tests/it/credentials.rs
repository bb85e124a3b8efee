//! Requests without a credential, with a bad one, and with two.

use dialects::Registry;

use crate::harness::carriage::{Carriage, form};
use crate::harness::http::Connection;
use crate::harness::scloud::{Key, Reply};
use crate::harness::store::Snapshot;
use crate::harness::{Request, Server, Setup};

/// What each operation needs to succeed and have an effect. A new operation does not pass without a row.
fn parameters<'a>(operation: &str, key_id: &'a str) -> Vec<(&'static str, &'a str)> {
    match operation {
        "CreateAccessKey" | "ListAccessKeys" | "GetUser" | "GetLoginProfile" | "DeleteUser" => {
            vec![("UserName", "bob")]
        }
        "UpdateAccessKey" => vec![("AccessKeyID", key_id), ("Status", "Inactive")],
        "DeleteAccessKey" => vec![("AccessKeyID", key_id)],
        "CreateUser" => {
            vec![("UserName", "carol"), ("AccessKeyStatus", "Active"), ("LoginProfileStatus", "Inactive")]
        }
        "UpdateUser" => vec![("UserName", "bob"), ("DisplayName", "Robert")],
        "UpdateLoginProfile" => vec![("UserName", "bob"), ("UserEmail", "bob@example.org")],
        "ListUsers" | "GetRegion" | "GetProjectList" => Vec::new(),
        other => panic!("what does {other} need? add a row"),
    }
}

/// Whether a dialect answers there, or the gate.
fn is_served(path: &str) -> bool {
    if keyward::gate::owns(path) {
        return true;
    }
    let registry = Registry::new(&Default::default()).unwrap();
    let view =
        signing::RequestView::new("GET", path, &[], signing::Body::Bytes(b""), signing::UrlScheme::Http);
    registry.route(&view).is_some()
}

fn operations() -> Vec<&'static str> {
    let registry = Registry::new(&Default::default()).unwrap();
    let scloud = registry.dialects().iter().find(|dialect| dialect.name() == "scloud").unwrap();
    scloud.operations().map(|operation| operation.name).collect()
}

/// The right signature of parameters, for a test to misuse.
fn signature(key: &Key, pairs: &[(&str, &str)]) -> String {
    let signed = signing::scloud::signed_form(pairs, &key.id, key.secret.as_bytes());
    signed.rsplit_once('=').unwrap().1.to_owned()
}

/// A way to lack a credential: its name, what is sent for one, and the code of the answer.
type Lack = (&'static str, Vec<(&'static str, String)>, u64);

/// Keys that may not act, and the one that may.
struct Keys {
    good: Key,
    disabled: Key,
    deleted: Key,
    of_frozen_user: Key,
    of_deleted_user: Key,
    of_other_member: Key,
}

impl Keys {
    fn create(server: &Server) -> Self {
        let admin = server.administrator();
        let done = |action, pairs: &[(&str, &str)]| drop(server.call(admin, action, pairs).done());
        let key = |name: &str| server.create_member(name);
        let keys = Self {
            good: admin.clone(),
            disabled: key("dora"),
            deleted: key("dan"),
            of_frozen_user: key("fred"),
            of_deleted_user: key("gone"),
            of_other_member: key("mallory"),
        };
        done("UpdateAccessKey", &[("AccessKeyID", &keys.disabled.id), ("Status", "Inactive")]);
        done("DeleteAccessKey", &[("AccessKeyID", &keys.deleted.id)]);
        done("UpdateUser", &[("UserName", "fred"), ("Status", "Frozen")]);
        done("DeleteUser", &[("UserName", "gone")]);
        keys
    }

    /// Each way to lack a credential that may do `pairs`: its name, what is sent beside `pairs`, and the answer's code.
    fn lacking(&self, pairs: &[(&str, &str)]) -> Vec<Lack> {
        let good = &self.good;
        let with = |id: &str, signature: &str| {
            vec![("PublicKey", id.to_owned()), ("Signature", signature.to_owned())]
        };
        let signed = |key: &Key| with(&key.id, &signature(key, pairs));
        let right = signature(good, pairs);
        let unknown = Key::new("UNKNOWNKEYUNKNOWNKEY", &good.secret);
        let guessed = good.with_secret("administrators-secret-is-not-this");
        let empty = good.with_secret("");
        let other_request = signature(good, &[("Action", "GetUser"), ("UserName", "admin")]);
        let token = [pairs, &[("SecurityToken", "token")]].concat();
        let with_token = [
            ("SecurityToken", "token".to_owned()),
            ("PublicKey", good.id.clone()),
            ("Signature", signature(good, &token)),
        ];
        vec![
            ("nothing", Vec::new(), 170),
            ("no signature", vec![("PublicKey", good.id.clone())], 170),
            ("an empty signature", with(&good.id, ""), 170),
            ("no key", vec![("Signature", right.clone())], 172),
            ("an empty key", with("", &right), 172),
            ("garbage", with(&good.id, "zzzz"), 171),
            ("zeros", with(&good.id, &"0".repeat(40)), 171),
            ("capital letters", with(&good.id, &right.to_uppercase()), 171),
            ("a signature cut short", with(&good.id, &right[..39]), 171),
            ("another request's signature", with(&good.id, &other_request), 171),
            ("a guessed secret", signed(&guessed), 171),
            ("an empty secret", signed(&empty), 171),
            ("another key's signature", with(&good.id, &signature(&self.of_other_member, pairs)), 171),
            ("an unknown key", signed(&unknown), 172),
            ("a disabled key", signed(&self.disabled), 299),
            ("a deleted key", signed(&self.deleted), 172),
            ("a frozen user's key", signed(&self.of_frozen_user), 299),
            ("a deleted user's key", signed(&self.of_deleted_user), 172),
            ("a token that nobody issued", with_token.to_vec(), 174),
        ]
    }
}

/// Paths of other clouds, and what probes look for.
const FOREIGN_PATHS: [&str; 24] = [
    "/api/v1/whoami",
    "/api/v1/users",
    "/api/v1/access-keys",
    "/api/v1/report",
    "/gate/forward",
    "/gate/verify",
    "/gate/envoy/x",
    "/console/",
    "/tencent",
    "/samsung",
    "/huawei",
    "/aws",
    "/v3/auth/tokens",
    "/v3.0/OS-CREDENTIAL/credentials",
    "/v4/user/admin",
    "/v5/users",
    "/v1/access-keys",
    "/v1/endpoints",
    "/v1/users/sshkey",
    "/healthz",
    "/readyz",
    "/metrics",
    "/debug/pprof/",
    "/admin",
];

#[test]
fn t01_without_a_credential_that_may_act_nothing_has_an_effect() {
    let setup = Setup::new().settings("rate_limit.enabled = false\ndialect.scloud.hosts = [\"iam.test\"]");
    let server = setup.start();
    let keys = Keys::create(&server);
    let bobs = server.create_member("bob");
    let before = Snapshot::of(&setup.data());
    let done = server.metric("keyward_requests_total", "outcome=\"ok\"");
    let ways =
        [("/", "keyward.test"), ("/scloud", "keyward.test"), ("/scloud/", "keyward.test"), ("/", "iam.test")];
    let mut documents = 0;
    let mut public = server.connect();
    let mut admin = Connection::open(server.admin);
    let operations = operations();
    for operation in &operations {
        let mut pairs = parameters(operation, &bobs.id);
        pairs.insert(0, ("Action", operation));
        for (lack, credential, code) in keys.lacking(&pairs) {
            let credential = credential.iter().map(|(name, value)| (*name, value.as_str()));
            let sent: Vec<(&str, &str)> = pairs.iter().copied().chain(credential).collect();
            for carriage in Carriage::ALL {
                for (path, host) in ways {
                    let request = carriage.request(path, &sent).host(host);
                    let reply = Reply::of(public.exchange(&request));
                    assert_eq!(
                        (reply.answer.status, reply.code()),
                        (200, code),
                        "{operation} with {lack}: {request:?}"
                    );
                }
            }
        }
        // Whoever may do it may not do it elsewhere: on the other listener, at another's path, by another method.
        pairs.extend([("PublicKey", keys.good.id.as_str())]);
        let right = signature(&keys.good, &pairs[..pairs.len() - 1]);
        pairs.push(("Signature", &right));
        for carriage in Carriage::ALL {
            for (path, host) in ways {
                let answer = admin.exchange(&carriage.request(path, &pairs).host(host));
                assert_eq!(answer.status, if carriage == Carriage::Query { 404 } else { 405 });
            }
            for path in FOREIGN_PATHS {
                // On a connection of its own: some clouds close theirs.
                let answer = server.connect().exchange(&carriage.request(path, &pairs));
                // Another cloud refuses in its own words; what counts is below: nothing was done.
                assert!(answer.status == 404 || is_served(path), "{path}: {answer:?}");
                // Documents for everybody: they say which versions there are, and know of no caller.
                let versions = [("/samsung", 200), ("/huawei", 200)];
                documents += u64::from(versions.contains(&(path, answer.status)));
            }
        }
        for method in ["PUT", "DELETE", "PATCH", "OPTIONS"] {
            let request = Request::new(method, &format!("/?{}", form(&pairs))).body("");
            let reply = Reply::of(public.exchange(&request));
            assert_eq!((reply.answer.status, reply.code()), (405, 230), "{method}");
        }
    }
    assert_eq!(Snapshot::of(&setup.data()), before);
    assert_eq!(server.metric("keyward_requests_total", "outcome=\"ok\""), done + documents);

    // The same parameters, signed by who may: each would have done its work.
    let (deletions, others): (Vec<&str>, Vec<&str>) =
        operations.iter().partition(|name| name.starts_with("Delete"));
    for operation in others.iter().chain(&deletions) {
        server.call(&keys.good, operation, &parameters(operation, &bobs.id)).done();
    }
    assert_ne!(Snapshot::of(&setup.data()), before);
    server.stop();
}

/// A request that two people seem to have signed, and how it must end: in the name of one of them, or refused.
struct Twofold {
    name: &'static str,
    request: Request,
    /// The user in whose name it was answered, or the status and the code of the refusal.
    ends: Result<&'static str, (u16, u64)>,
}

/// Whoever sees himself has the right to; a member sees nobody else.
fn see(name: &str) -> [(&str, &str); 2] {
    [("Action", "GetUser"), ("UserName", name)]
}

fn twofold(alice: &Key, bob: &Key) -> Vec<Twofold> {
    let signed = |key: &Key, name: &str| {
        let pairs = see(name);
        let right = signature(key, &pairs);
        let pairs = [&pairs[..], &[("PublicKey", key.id.as_str()), ("Signature", &right)]].concat();
        pairs.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect::<Vec<_>>()
    };
    let borrow = |pairs: &[(String, String)]| -> String {
        form(&pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect::<Vec<_>>())
    };
    let (alices, bobs) = (borrow(&signed(alice, "alice")), borrow(&signed(bob, "bob")));
    let json_of_bob = bob.json("GetUser", &[("UserName", "bob")]);
    let of_alice = || Request::form("/", &alices);
    let bobs_credential = bobs.split_once("&PublicKey").unwrap().1;
    let aws = format!(
        "AWS4-HMAC-SHA256 Credential={}/20260131/r/keyward/aws4_request, SignedHeaders=host, Signature={}",
        bob.id,
        "0".repeat(64)
    );
    let tc3 = format!(
        "TC3-HMAC-SHA256 Credential={}/2026-01-31/cam/tc3_request, SignedHeaders=host, Signature={}",
        bob.id,
        "0".repeat(64)
    );
    let row = |name, request, ends| Twofold { name, request, ends };
    vec![
        row("query and form", Request::form(&format!("/?{alices}"), &bobs), Ok("bob")),
        row("query and JSON", Request::json(&format!("/?{alices}"), &json_of_bob), Ok("bob")),
        row("query and the body of a GET", Request::get(&format!("/?{alices}")).body(&bobs), Ok("alice")),
        row("query and an empty body", Request::form(&format!("/?{alices}"), ""), Ok("alice")),
        row("a second key", Request::form("/", &format!("{alices}&PublicKey={}", bob.id)), Err((200, 230))),
        row(
            "a second key before",
            Request::form("/", &format!("PublicKey={}&{alices}", bob.id)),
            Err((200, 230)),
        ),
        row(
            "a second signature",
            Request::form("/", &format!("{alices}&Signature={}", "0".repeat(40))),
            Err((200, 230)),
        ),
        row(
            "two whole credentials",
            Request::form("/", &format!("{alices}&PublicKey{bobs_credential}")),
            Err((200, 230)),
        ),
        row(
            "a key in small letters",
            Request::form("/", &format!("{alices}&publickey={}", bob.id)),
            Err((200, 230)),
        ),
        row(
            "a token that was not signed",
            Request::form("/", &format!("{alices}&SecurityToken=t")),
            Err((200, 171)),
        ),
        row("a bearer token beside", of_alice().header("Authorization", "Bearer bobs-token"), Ok("alice")),
        row("a password beside", of_alice().header("Authorization", "Basic Ym9iOmJvYg=="), Ok("alice")),
        row("AWS's scheme beside", of_alice().header("Authorization", &aws), Ok("alice")),
        row(
            "Tencent's scheme beside",
            // At the root it would be Tencent's, and refused.
            Request::form("/scloud", &alices).header("Authorization", &tc3).header("X-TC-Action", "GetUser"),
            Ok("alice"),
        ),
        row(
            "two headers",
            of_alice().header("Authorization", "Bearer a").header("authorization", "Bearer b"),
            Err((400, 0)),
        ),
        row("a token of OpenStack beside", of_alice().header("X-Auth-Token", &bob.secret), Ok("alice")),
        row("a cookie beside", of_alice().header("Cookie", "session=bobs; user=bob"), Ok("alice")),
        row(
            "names of a proxy's making",
            of_alice()
                .header("X-User-Id", "bob")
                .header("X-Keyward-User", "bob")
                .header("X-Remote-User", "bob"),
            Ok("alice"),
        ),
    ]
}

#[test]
fn t02_of_two_credentials_one_counts_or_none() {
    let server = Setup::new().settings("rate_limit.enabled = false").start();
    let (alice, bob) = (server.create_member("alice"), server.create_member("bob"));
    for Twofold { name, request, ends } in twofold(&alice, &bob) {
        let answer = server.ask(&request);
        let (user, key) = match ends {
            Err((400, _)) => {
                assert_eq!((answer.status, answer.body.len()), (400, 0), "{name}");
                continue;
            }
            Err((status, code)) => {
                let reply = Reply::of(answer);
                assert_eq!((reply.answer.status, reply.code()), (status, code), "{name}");
                assert!(server.line_of(&reply.answer).get("caller.user").is_none(), "{name}");
                continue;
            }
            Ok("alice") => ("alice", &alice),
            Ok(_) => ("bob", &bob),
        };
        let line = server.line_of(&answer);
        assert_eq!(Reply::of(answer).done()["User"]["UserName"], user, "{name}");
        assert_eq!(
            (&line["caller.user"], &line["key.id"]),
            (&user.into(), &key.id.as_str().into()),
            "{name}"
        );
    }
    // The loser of a pair gives nothing: each sees himself only, whatever stands beside.
    for (request, sees) in [
        (
            Request::form(
                &format!("/?{}", alice.form("GetUser", &[("UserName", "alice")])),
                &bob.form("GetUser", &[("UserName", "alice")]),
            ),
            299,
        ),
        (
            Request::form("/", &alice.form("GetUser", &[("UserName", "bob")]))
                .header("Authorization", "Bearer bobs-token"),
            299,
        ),
    ] {
        assert_eq!(Reply::of(server.ask(&request)).code(), sees);
    }
    server.stop();
}

#[test]
fn t02_trailers_carry_no_credential() {
    let server = Server::start();
    let alice = server.create_member("alice");
    let form = alice.form("GetUser", &[("UserName", "alice")]);
    let mut wire =
        b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTrailer: Authorization\r\n\r\n"
            .to_vec();
    wire.extend(format!("{:x}\r\n{form}\r\n0\r\n", form.len()).bytes());
    wire.extend(b"Authorization: Bearer of-the-administrator\r\nContent-Length: 5\r\n\r\n");
    let answers = server.probe(&wire);
    assert_eq!(answers.len(), 1);
    assert_eq!(server.line_of(&answers[0])["caller.user"], "alice");
    server.stop();
}
