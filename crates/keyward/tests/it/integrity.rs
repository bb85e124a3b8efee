//! `verify-store` and `audit verify` on what real requests left behind, and on files that somebody has touched.

use std::fs;
use std::path::Path;

use crate::harness::store::{Snapshot, audited_actions};
use crate::harness::{Key, Server, Setup};

/// Users and keys made, changed and deleted; bob's key, and a text in each kind of row.
fn journey(server: &Server) -> Key {
    let admin = server.administrator();
    let bob = server.create_member("bob");
    let carol = server.create_member("carol");
    for (action, pairs) in [
        ("UpdateUser", &[("UserName", "bob"), ("DisplayName", "Robert-the-Builder")][..]),
        ("UpdateAccessKey", &[("AccessKeyID", &bob.id), ("Description", "for-the-night-build")]),
        ("UpdateAccessKey", &[("AccessKeyID", &carol.id), ("Status", "Inactive")]),
        ("UpdateUser", &[("UserName", "carol"), ("Status", "Frozen")]),
        ("UpdateUser", &[("UserName", "carol"), ("NewUserName", "caroline")]),
        ("DeleteAccessKey", &[("AccessKeyID", &carol.id)]),
        ("DeleteUser", &[("UserName", "caroline")]),
    ] {
        server.call(admin, action, pairs).done();
    }
    assert_eq!(server.call(admin, "GetUser", &[("UserName", "caroline")]).code(), 11021);
    assert_eq!(server.call(&carol, "GetUser", &[("UserName", "carol")]).code(), 172);
    bob
}

#[test]
fn a_store_is_clean_after_a_journey_however_it_ended() {
    let setup = Setup::new();
    let server = setup.start();
    journey(&server);
    server.stop();
    let verified = || {
        let ended = setup.run(&["verify-store"]);
        assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""), "{}", ended.out);
        ended.out
    };
    let said = verified();
    let rows = Snapshot::of(&setup.data());
    let audited = audited_actions(&setup.data()).len();
    let expected = format!("checked 1 accounts, 3 users, 3 access keys, {audited} audit entries\nclean\n");
    assert_eq!(said, expected);
    assert_eq!(Snapshot::of(&setup.data()), rows, "it writes nothing");
    let server = setup.start();
    server.create_member("dave");
    server.kill();
    assert!(verified().ends_with("\nclean\n"));

    let ended = setup.run(&["audit", "verify"]);
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""));
    let heads = ended.out.lines().filter(|line| line.starts_with("head ")).count();
    assert_eq!(heads, 2, "one chain for each run of the server: {}", ended.out);
    assert!(ended.out.ends_with("entries in 2 chains\n"), "{}", ended.out);
}

#[test]
fn the_head_of_the_audit_leaves_the_machine_with_the_log() {
    let setup = Setup::new();
    let server = setup.start();
    journey(&server);
    let seq = server.metric("keyward_audit_head_seq", "");
    let log = server.stop().err;
    let line = log.lines().rfind(|line| line.contains("\"event\":\"audit.head\"")).unwrap();
    let line: serde_json::Value = serde_json::from_str(line).unwrap();
    assert_eq!(line["seq"].as_u64(), Some(seq));
    let head =
        format!("head {} {} {}", line["node"].as_str().unwrap(), line["seq"], line["mark"].as_str().unwrap());
    let verified = setup.run(&["audit", "verify"]).out;
    assert!(verified.lines().any(|line| line == head), "{head}\n{verified}");
}

#[test]
fn there_is_nothing_to_look_at_where_no_store_is() {
    let setup = Setup::new();
    for command in [&["verify-store"][..], &["audit", "verify"]] {
        let ended = setup.run(command);
        assert_eq!(ended.code, Some(1));
        assert!(
            crate::harness::server::plain_sentence(&ended.err).contains("there is no store"),
            "{}",
            ended.err
        );
        assert!(!setup.data().exists());
    }
}

/// Flips one bit of the byte `offset` bytes into each place where `text` stands in the store's files.
fn flip(data: &Path, text: &[u8], offset: usize) {
    let mut flipped = 0;
    for name in ["keyward.db", "keyward.db-wal"] {
        let path = data.join(name);
        let Ok(mut bytes) = fs::read(&path) else { continue };
        let places: Vec<usize> = bytes
            .windows(text.len())
            .enumerate()
            .filter(|(_, place)| *place == text)
            .map(|(at, _)| at)
            .collect();
        flipped += places.len();
        places.iter().for_each(|at| bytes[at + offset] ^= 1);
        fs::write(&path, bytes).unwrap();
    }
    assert!(flipped > 0, "{} is nowhere", String::from_utf8_lossy(text));
}

fn bytes_of(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

/// The value of one column in the row that contains `mark`.
fn column(data: &Path, table: &str, mark: &str, name: &str) -> String {
    let rows = Snapshot::of(data);
    let row = rows.rows(table).iter().find(|row| row.contains(mark)).unwrap();
    let value = row.split(' ').find_map(|column| column.strip_prefix(&format!("{name}="))).unwrap();
    value.to_owned()
}

/// Stores with one bit flipped: the log is folded into the file first, so that the flipped byte is the only one.
#[test]
fn a_flipped_bit_is_found_and_the_record_it_is_in_is_not_used() {
    let setup = Setup::new();
    let server = setup.start();
    let bob = journey(&server);
    server.stop();
    let data = setup.data();
    fold_log(&data);
    let sealed = bytes_of(&column(&data, "access_keys", &bob.id, "sealed"));
    let key_mark = bytes_of(&column(&data, "access_keys", &bob.id, "mark"));
    let user_mark = bytes_of(&column(&data, "users", "name=bob", "mark"));
    let last_entry = bytes_of(&column(&data, "audit", "action=user.delete", "mark"));
    let wrapped = bytes_of(&column(&data, "key_ring", "purpose=", "wrapped"));
    let whole: Vec<_> = ["keyward.db", "keyward.db-wal"]
        .iter()
        .filter_map(|name| Some((data.join(name), fs::read(data.join(name)).ok()?)))
        .collect();
    for (what, text, offset, in_audit) in [
        ("a display name", &b"Robert-the-Builder"[..], 3, false),
        ("a description", b"for-the-night-build", 3, false),
        ("a sealed secret", &sealed, sealed.len() - 1, false),
        ("the nonce of a sealed secret", &sealed, 6, false),
        ("the mark of a key", &key_mark, 0, false),
        ("the mark of a user", &user_mark, 31, false),
        ("an entry's mark in the audit", &last_entry, 9, true),
        ("an action in the audit", b"user.update", 6, true),
        ("a wrapped key", &wrapped, 20, true),
    ] {
        flip(&data, text, offset);
        let ended = setup.run(&["verify-store"]);
        assert_eq!(ended.code, Some(1), "{what}: {}{}", ended.out, ended.err);
        assert!(!ended.out.ends_with("clean\n"), "{what}");
        crate::harness::server::plain_sentence(&ended.err);
        let audit = setup.run(&["audit", "verify"]);
        assert_eq!(audit.code, Some(i32::from(in_audit)), "{what}: {}{}", audit.out, audit.err);
        for (path, bytes) in &whole {
            fs::write(path, bytes).unwrap();
        }
    }
    assert_eq!(setup.run(&["verify-store"]).code, Some(0));

    // A secret that does not open is no empty secret: the key is dead and the operator hears of it.
    flip(&data, &sealed, sealed.len() - 1);
    let server = setup.start();
    for secret in [bob.secret.as_str(), ""] {
        assert_eq!(server.call(&bob.with_secret(secret), "GetUser", &[("UserName", "bob")]).code(), 130);
    }
    server.call(server.administrator(), "ListUsers", &[]).done();
    assert!(server.metric("keyward_damaged_records_total", "") >= 1);
    server.stop();
}

/// Writes what is in the log into the file, as the next writer would.
fn fold_log(data: &Path) {
    let db = rusqlite::Connection::open(data.join("keyward.db")).unwrap();
    db.pragma_update(None, "wal_checkpoint", "TRUNCATE").unwrap();
}

#[test]
fn t105_an_edited_or_truncated_audit_is_found() {
    let setup = Setup::new();
    let server = setup.start();
    journey(&server);
    server.stop();
    setup.start().stop();
    let whole = setup.run(&["audit", "verify"]);
    assert_eq!(whole.code, Some(0), "{}", whole.out);
    let heads: Vec<String> = whole
        .out
        .lines()
        .filter_map(|line| line.strip_prefix("head "))
        .map(|head| head.replace(' ', ":"))
        .collect();
    let [first, last] = &heads[..] else { panic!("{heads:?}") };
    let with_heads = ["audit", "verify", "--head", first, "--head", last];
    assert_eq!(setup.run(&with_heads).code, Some(0));
    let data = setup.data();
    fold_log(&data);
    let file = data.join("keyward.db");
    let bytes = fs::read(&file).unwrap();
    let changed = |statement: &str| {
        let db = rusqlite::Connection::open(&file).unwrap();
        assert!(db.execute(statement, []).unwrap() > 0, "{statement}");
        db.pragma_update(None, "wal_checkpoint", "TRUNCATE").unwrap();
        drop(db);
    };
    let middle = "(node, seq) = (SELECT node, seq FROM audit WHERE action = 'user.update' LIMIT 1)";
    for change in [
        "at = at + 1",
        "account = zeroblob(16)",
        "actor = zeroblob(16)",
        "actor = NULL",
        "actor_key = 'somebody'",
        "actor_key = NULL",
        "request = zeroblob(16)",
        "source = '192.0.2.1'",
        "source = NULL",
        "dialect = 'other'",
        "action = 'user.delete'",
        "object = zeroblob(16)",
        "object_version = object_version + 1",
        "detail = ''",
        "detail = detail || ' '",
        "mark = zeroblob(32)",
        "seq = seq + 100000",
        "node = zeroblob(16)",
    ] {
        changed(&format!("UPDATE audit SET {change} WHERE {middle}"));
        let ended = setup.run(&["audit", "verify"]);
        assert_eq!(ended.code, Some(1), "{change}: {}", ended.out);
        crate::harness::server::plain_sentence(&ended.err);
        fs::write(&file, &bytes).unwrap();
    }
    changed(&format!("DELETE FROM audit WHERE {middle}"));
    assert_eq!(setup.run(&["audit", "verify"]).code, Some(1), "an entry is missing");
    fs::write(&file, &bytes).unwrap();

    // The end of a chain that is not the last: the next start wrote down where it ended.
    let (node, seq) = (first.split(':').next().unwrap(), first.split(':').nth(1).unwrap());
    changed(&format!("DELETE FROM audit WHERE node = x'{node}' AND seq = {seq}"));
    let ended = setup.run(&["audit", "verify"]);
    assert_eq!(ended.code, Some(1), "{}", ended.out);
    assert!(ended.out.contains("is not as it was"), "{}", ended.out);
    fs::write(&file, &bytes).unwrap();
    // The whole of one.
    changed(&format!("DELETE FROM audit WHERE node = x'{node}'"));
    assert_eq!(setup.run(&["audit", "verify"]).code, Some(1));
    fs::write(&file, &bytes).unwrap();
    // The last one: only a head that left the machine tells.
    let (node, seq) = (last.split(':').next().unwrap(), last.split(':').nth(1).unwrap());
    changed(&format!("DELETE FROM audit WHERE node = x'{node}' AND seq = {seq}"));
    assert_eq!(setup.run(&["audit", "verify"]).code, Some(0), "the rest is whole");
    let ended = setup.run(&with_heads);
    assert_eq!(ended.code, Some(1), "{}", ended.out);
    assert!(ended.out.contains("is not as it was"), "{}", ended.out);
    fs::write(&file, &bytes).unwrap();
    for wrong in ["x", "1:2", "00:1:00", &format!("{first}0")] {
        assert_eq!(setup.run(&["audit", "verify", "--head", wrong]).code, Some(2), "{wrong}");
    }
}
