//! From nothing to a restored store, as a newcomer goes it with the README: everything through the command line, and the
//! server as the only other program.

use std::fs;
use std::io::{BufRead, BufReader};
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::Value;

use crate::harness::shell::Shell;
use crate::harness::{Key, Server, Setup};

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

fn key_of(object: &Value) -> Key {
    Key::new(object["id"].as_str().unwrap(), object["secret"].as_str().unwrap())
}

fn whoami(server: &Server, key: &Key) -> String {
    Shell::new(server).with_key(server, key).done("whoami")
}

#[test]
fn a_newcomer_gets_from_the_first_start_to_a_restored_store() {
    let setup = Setup::new().administrator(None);
    let server = setup.start();
    // The first start prints what to paste.
    let printed = |name: &str| {
        let said = server.said();
        let line = said.lines().find_map(|line| line.strip_prefix(&format!("export {name}=")));
        line.unwrap_or_else(|| panic!("no {name} in {said}")).to_owned()
    };
    let admin = Key::new(&printed("KEYWARD_ACCESS_KEY_ID"), &printed("KEYWARD_SECRET_ACCESS_KEY"));
    let shell = Shell::new(&server).with_key(&server, &admin);
    shell.done("configure");
    let shell = Shell::new(&server);
    assert!(shell.done("whoami").contains("admin"));

    shell.done("user create bob");
    let old = key_of(&json(&shell.done("key create bob --json")));
    assert!(whoami(&server, &old).contains("bob"));
    let rotated = json(&shell.done(&format!("key rotate {} --overlap 1h --json", old.id)));
    let new = key_of(&rotated["access_key"]);
    assert_eq!(rotated["previous"]["id"], old.id.as_str());
    assert!(!rotated["previous"]["expires_at"].is_null());
    for key in [&old, &new] {
        assert!(whoami(&server, key).contains("bob"), "both are good for an hour");
    }

    // Who used which key last, and from where?
    let listed = shell.done("key list --user bob");
    for line in listed.lines().skip(1) {
        assert!(line.ends_with("127.0.0.1"), "{listed}");
    }
    let report = setup.beside("report.csv");
    shell.done(&format!("report --format csv --output {}", report.display()));
    let report = fs::read_to_string(report).unwrap();
    for key in [&old, &new, &admin] {
        assert!(report.contains(&key.id) && !report.contains(&key.secret), "{report}");
    }
    let audit = shell.done(&format!("audit --jsonl --access-key {}", new.id));
    assert!(
        audit.lines().count() >= 1 && audit.lines().all(|line| json(line)["action"].is_string()),
        "{audit}"
    );

    // A backup while others write, and a restore elsewhere.
    let done = AtomicBool::new(false);
    let backup = setup.beside("keyward.backup");
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for number in 0.. {
                if done.load(Ordering::SeqCst) {
                    return;
                }
                let body = format!("{{\"name\":\"user{number}\",\"access_key\":{{}}}}");
                assert_eq!(server.native(&admin, "POST", "/api/v1/users", &body).status, 201);
            }
        });
        let ended = setup.run(&["backup", backup.to_str().unwrap()]);
        done.store(true, Ordering::SeqCst);
        assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""));
    });
    server.stop();
    let elsewhere = Setup::new().administrator(None);
    let key = setup.data().join("master.key");
    let restore =
        ["restore", "--revive-all", "--master-key-file", key.to_str().unwrap(), backup.to_str().unwrap()];
    assert_eq!(elsewhere.run(&restore).code, Some(0));
    let verified = elsewhere.run(&["verify-store"]);
    assert!(verified.out.ends_with("\nclean\n"), "{}{}", verified.out, verified.err);
    let server = elsewhere.start();
    for (key, name) in [(&old, "bob"), (&new, "bob"), (&admin, "admin")] {
        assert!(whoami(&server, key).contains(name));
    }
    server.stop();
}

#[test]
fn the_audit_is_followed_as_it_is_written() {
    let server = Server::start();
    let shell = Shell::of_administrator(&server);
    let mut follower = shell.spawn("audit --follow --jsonl --action user.");
    let mut lines = BufReader::new(follower.stdout.take().unwrap()).lines();
    // From when on it follows is when the server has its first request.
    while server.metric("keyward_requests_total", "ListAudit") == 0 {
        std::thread::yield_now();
    }
    for name in ["bob", "carol"] {
        shell.done(&format!("user create {name}"));
        let entry = json(&lines.next().unwrap().unwrap());
        assert_eq!(entry["action"], "user.create");
        assert!(entry["detail"].as_str().unwrap().contains(name), "{entry}");
    }
    follower.kill().unwrap();
    follower.wait().unwrap();
    server.stop();
}

#[test]
fn keys_that_exist_elsewhere_are_brought_along() {
    let server = Server::start();
    let shell = Shell::of_administrator(&server);
    shell.done("user create bob");
    let secret = "the-secret-of-elsewhere-0001";
    let ended =
        shell.run_with("key import bob --id KEYOFELSEWHERE01 --schemes aws4 --json", &format!("{secret}\n"));
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""));
    assert!(!ended.out.contains(secret), "{}", ended.out);
    assert!(whoami(&server, &Key::new("KEYOFELSEWHERE01", secret)).contains("bob"));
    assert_eq!(shell.run_with("key import bob --id KEYOFELSEWHERE02 --schemes aws4", "").code, Some(1));

    let bulk = server.setup.beside("keys.csv");
    let line = |number: u32| format!("carol{number},KEYOFELSEWHERE1{number},{secret}{number},aws4\n");
    fs::write(&bulk, format!("user,id,secret,schemes\n{}{}dave,x,short,aws4\n", line(1), line(2))).unwrap();
    let command = format!("key import --bulk {} --create-users", bulk.display());
    assert!(shell.refused(&command).contains("chmod 600"));
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(&bulk, fs::Permissions::from_mode(0o600)).unwrap();
    let ended = shell.run(&command);
    assert_eq!(ended.code, Some(1));
    assert!(ended.err.contains("1 of 3 keys were not imported"), "{}", ended.err);
    assert!(!ended.out.contains(secret), "{}", ended.out);
    for number in [1, 2] {
        let key = Key::new(&format!("KEYOFELSEWHERE1{number}"), &format!("{secret}{number}"));
        assert!(whoami(&server, &key).contains(&format!("carol{number}")));
    }
    server.stop();
}

/// A tenant of his own: made by the operator account, and blind to everything else.
#[test]
fn an_account_is_made_with_its_administrator() {
    let server = Server::start();
    let shell = Shell::of_administrator(&server);
    let made = json(&shell.done("account create team-a --administrator alice --max-key-lifetime 90d --json"));
    let alice = key_of(&made["access_key"]);
    let hers = Shell::new(&server).with_key(&server, &alice);
    assert!(hers.done("whoami").contains("team-a"));
    let users = json(&hers.done("user list --json"));
    assert_eq!(users["items"].as_array().unwrap().len(), 1, "the other account's users are not there");
    assert!(hers.refused("account create team-b").contains("administrator"));
    shell.done("account update team-a --status disabled");
    assert_eq!(hers.run("whoami").code, Some(1));
    shell.done("account update team-a --status active --max-key-lifetime 0s");
    assert!(hers.done("whoami").contains("alice"));
    server.stop();
}
