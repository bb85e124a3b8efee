//! A revoked key opens nothing from the acknowledgement on, whoever asks at the same time.

use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use signing::Scheme;

use crate::harness::http::Connection;
use crate::harness::signed::Signed;
use crate::harness::{Key, Request, Server, Setup};

/// Users whose keys are made and revoked in turn, each on a thread of its own.
const USERS: usize = 40;
/// Ten thousand in all.
const REVOCATIONS_PER_USER: usize = 250;
/// Threads that ask about whatever key there is, all the time.
const ASKERS: usize = 2;

/// Ends the asking, also when a revocation fails its test.
struct EndOfLoad<'a>(&'a AtomicBool);

impl Drop for EndOfLoad<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// A signed question, and whether its key's revocation was acknowledged.
struct Case {
    question: Request,
    revoked: AtomicBool,
}

fn question(key: &Key) -> Request {
    Signed::get(Scheme::Scloud, key, "web.test", "/a?x=1").as_nginx()
}

/// Makes and revokes keys of one user; returns how often one was good after its revocation was acknowledged.
fn revoke_again_and_again(server: &Server, user: &str, current: &Mutex<Option<Arc<Case>>>) -> usize {
    let (mut api, mut gate) = (server.connect(), Connection::to_socket(&server.setup.socket()));
    let administrator = server.administrator();
    let mut call = |action, name, value: &str| {
        let answer = api.exchange(&Request::form("/", &administrator.form(action, &[(name, value)])));
        let json: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!(json["RetCode"], 0, "{json}");
        json
    };
    let mut still_good = 0;
    for _ in 0..REVOCATIONS_PER_USER {
        let made = call("CreateAccessKey", "UserName", user);
        let text = |name: &str| made["AccessKey"][name].as_str().unwrap().to_owned();
        let key = Key { id: text("AccessKeyID"), secret: text("AccessKeySecret") };
        let case = Arc::new(Case { question: question(&key), revoked: AtomicBool::new(false) });
        *current.lock().unwrap() = Some(Arc::clone(&case));
        assert_eq!(gate.exchange(&case.question).status, 200);
        call("DeleteAccessKey", "AccessKeyID", &key.id);
        case.revoked.store(true, Ordering::SeqCst);
        still_good += usize::from(gate.exchange(&case.question).status == 200);
    }
    still_good
}

#[test]
fn t102_ten_thousand_revocations_under_load_and_none_is_good_after_its_acknowledgement() {
    let settings =
        "rate_limit.enabled = false\n[gate]\nunbound_schemes = \"allow\"\n[log]\nlevel = \"error\"";
    let server = Setup::new().settings(settings).start();
    let users: Vec<String> = (0..USERS).map(|number| format!("user{number}")).collect();
    users.iter().for_each(|user| server.create_user(user));
    let current: Vec<Mutex<Option<Arc<Case>>>> = users.iter().map(|_| Mutex::new(None)).collect();
    let (done, asked, late) = (AtomicBool::new(false), AtomicU64::new(0), AtomicU64::new(0));
    let ask = |asker: usize| {
        let mut gate: Connection<UnixStream> = Connection::to_socket(&server.setup.socket());
        for turn in asker.. {
            if done.load(Ordering::SeqCst) {
                return;
            }
            let Some(case) = current[turn % USERS].lock().unwrap().clone() else { continue };
            // Asked before: whoever is refused from here on must be refused in the answer.
            let was_revoked = case.revoked.load(Ordering::SeqCst);
            let is_good = gate.exchange(&case.question).status == 200;
            asked.fetch_add(1, Ordering::Relaxed);
            late.fetch_add(u64::from(was_revoked && is_good), Ordering::Relaxed);
        }
    };
    let still_good: usize = std::thread::scope(|scope| {
        let (ask, _end) = (&ask, EndOfLoad(&done));
        (0..ASKERS).for_each(|asker| drop(scope.spawn(move || ask(asker))));
        let revoking: Vec<_> = users
            .iter()
            .zip(&current)
            .map(|(user, current)| scope.spawn(|| revoke_again_and_again(&server, user, current)))
            .collect();
        revoking.into_iter().map(|revoking| revoking.join().unwrap()).sum()
    });
    assert_eq!((still_good, late.into_inner()), (0, 0));
    assert!(asked.into_inner() > 100, "there was load");
    server.stop();
}
