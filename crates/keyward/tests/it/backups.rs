//! Backup and restore: one moment under load, sealed, and no key that was revoked since comes back by itself.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::harness::hide::Hidden;
use crate::harness::server::{Ended, plain_sentence};
use crate::harness::signed::Signed;
use crate::harness::store::{Snapshot, audited_actions};
use crate::harness::{Key, Request, Server, Setup};
use signing::Scheme;

fn backup(setup: &Setup, name: &str) -> String {
    let file = setup.beside(name).to_str().unwrap().to_owned();
    let ended = setup.run(&["backup", &file]);
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""), "{}", ended.out);
    file
}

fn restored(setup: &Setup, arguments: &[&str]) -> String {
    let ended = setup.run(&[&["restore"], arguments].concat());
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""), "{}", ended.out);
    assert_clean(setup);
    ended.out
}

fn refused(ended: &Ended) -> String {
    assert_eq!((ended.code, ended.out.as_str()), (Some(1), ""), "{}", ended.err);
    plain_sentence(&ended.err)
}

fn assert_clean(setup: &Setup) {
    let ended = setup.run(&["verify-store"]);
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""), "{}", ended.out);
    assert!(ended.out.ends_with("\nclean\n"), "{}", ended.out);
}

/// The code that a request signed with the key of `user` is answered with; 0 when it works.
fn code(server: &Server, key: &Key, user: &str) -> u64 {
    server.call(key, "GetUser", &[("UserName", user)]).code()
}

/// Nothing but what belongs there stays in the data directory.
fn assert_tidy(setup: &Setup) {
    for entry in fs::read_dir(setup.data()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let known = ["keyward.db", "keyward.lock", "master.key", "reserve"];
        assert!(known.iter().any(|known| name.starts_with(known)), "{name} was left behind");
        assert!(!name.contains("scratch") && !name.contains("partial"), "{name} was left behind");
    }
}

#[test]
fn t99_what_was_revoked_since_the_backup_stays_revoked() {
    let setup = Setup::new();
    let server = setup.start();
    let admin = server.administrator().clone();
    let keys: Vec<Key> =
        ["kept", "deleted", "disabled", "frozen", "gone"].map(|name| server.create_member(name)).into();
    let file = backup(&setup, "a.backup");
    let [kept, deleted, disabled, frozen, gone] = &keys[..] else { panic!("five keys") };
    for (action, pairs) in [
        ("DeleteAccessKey", &[("AccessKeyID", deleted.id.as_str())][..]),
        ("UpdateAccessKey", &[("AccessKeyID", &disabled.id), ("Status", "Inactive")]),
        ("UpdateUser", &[("UserName", "frozen"), ("Status", "Frozen")]),
        ("DeleteUser", &[("UserName", "gone")]),
    ] {
        server.call(&admin, action, pairs).done();
    }
    let later = server.create_member("later");
    let running = setup.run(&["restore", "--force", &file]);
    assert!(refused(&running).contains("in use"), "{}", running.err);
    server.stop();
    let there = setup.run(&["restore", &file]);
    assert!(refused(&there).contains("--force"), "{}", there.err);

    let said = restored(&setup, &["--force", &file]);
    for revoked in [deleted, disabled, frozen, gone] {
        assert!(said.contains(&format!("disabled key {}", revoked.id)), "{said}");
    }
    for user in ["frozen", "gone"] {
        assert!(said.contains(&format!("user {user} is frozen and member, as he is by now")), "{said}");
    }
    assert!(!said.contains(&kept.id) && !said.contains(&admin.id), "{said}");
    assert!(said.contains("keyward.db.replaced-"), "{said}");
    let actions = audited_actions(&setup.data());
    assert_eq!(actions.iter().filter(|action| *action == "store.restore").count(), 1);
    let server = setup.start();
    assert_eq!((code(&server, kept, "kept"), code(&server, &admin, "admin")), (0, 0));
    for (user, revoked) in
        [("deleted", deleted), ("disabled", disabled), ("frozen", frozen), ("gone", gone), ("later", &later)]
    {
        assert_ne!(code(&server, revoked, user), 0, "{user}");
    }
    server.stop();
    assert_tidy(&setup);

    // Again, and now one of them is asked for.
    let said = restored(&setup, &["--force", "--revive", &deleted.id, &file]);
    assert!(said.contains(&format!("key {} of deleted works again, as you asked", deleted.id)), "{said}");
    let server = setup.start();
    assert_eq!((code(&server, deleted, "deleted"), code(&server, kept, "kept")), (0, 0));
    assert_ne!(code(&server, disabled, "disabled"), 0);
}

#[test]
fn t99_sessions_and_their_keys_end_with_a_restore() {
    let setup = Setup::new().with_password();
    let server = setup.start();
    let token = server.log_in();
    let held = server.exchange(&token);
    let by_token = Request::get("/v4/user/keys").header("X-Auth-Token", &token);
    let by_key = Signed::get(Scheme::SdkHmacSha256, &held.key, "keyward.test", "/v4/user/keys")
        .with("X-Security-Token", &held.security_token)
        .request();
    let statuses = |server: &Server| [&by_token, &by_key].map(|request| server.ask(request).status);
    assert_eq!(statuses(&server), [200, 200]);
    let file = backup(&setup, "a.backup");
    assert_eq!(statuses(&server), [200, 200]);
    server.stop();
    restored(&setup, &["--force", &file]);
    let server = setup.start();
    assert_eq!(statuses(&server), [401, 401], "nobody can tell which of them were ended since");
    let again = server.exchange(&server.log_in());
    assert_ne!(again.key.id, held.key.id);
    server.stop();
    assert_clean(&setup);
}

#[test]
fn t99_where_nothing_tells_what_was_revoked_the_operator_must_say_so() {
    let setup = Setup::new();
    let server = setup.start();
    let bob = server.create_member("bob");
    let file = backup(&setup, "a.backup");
    let rows = Snapshot::of(&setup.data());
    server.stop();
    let elsewhere = Setup::new().administrator(None);
    let key = setup.data().join("master.key");
    let key = key.to_str().unwrap();

    let no_key = elsewhere.run(&["restore", &file]);
    assert!(refused(&no_key).contains("--master-key-file"), "{}", no_key.err);
    let silent = elsewhere.run(&["restore", "--master-key-file", key, &file]);
    assert!(refused(&silent).contains("--revive-all"), "{}", silent.err);
    assert!(!elsewhere.data().join("keyward.db").exists() && !elsewhere.data().join("master.key").exists());
    let said = restored(&elsewhere, &["--master-key-file", key, "--revive-all", &file]);
    assert!(said.contains("revoke it again now"), "{said}");
    let copied = Snapshot::of(&elsewhere.data());
    for table in ["accounts", "users", "access_keys", "serials", "key_ring"] {
        assert_eq!(copied.rows(table), rows.rows(table), "{table}");
    }
    assert_eq!(fs::read(elsewhere.data().join("master.key")).unwrap(), fs::read(key).unwrap());
    let server = elsewhere.start();
    assert_eq!(code(&server, &bob, "bob"), 0);
    server.stop();
    assert_tidy(&elsewhere);
}

#[test]
fn t99_a_restore_does_not_lock_every_administrator_out() {
    let setup = Setup::new();
    let server = setup.start();
    let old = server.administrator().clone();
    let file = backup(&setup, "a.backup");
    let new = server.create_key("admin");
    server.call(&new, "DeleteAccessKey", &[("AccessKeyID", &old.id)]).done();
    server.stop();
    let before = fs::read(setup.data().join("keyward.db")).unwrap();
    let locked = setup.run(&["restore", "--force", &file]);
    assert!(refused(&locked).contains(&format!("--revive with one of {}", old.id)), "{}", locked.err);
    assert_eq!(fs::read(setup.data().join("keyward.db")).unwrap(), before, "the store is as it was");
    restored(&setup, &["--force", "--revive", &old.id, &file]);
    assert_eq!(code(&setup.start(), &old, "admin"), 0);
}

#[test]
fn a_backup_under_load_is_of_one_moment() {
    let setup = Setup::new();
    let server = setup.start();
    let done = AtomicBool::new(false);
    let files: Vec<String> = std::thread::scope(|scope| {
        for worker in 0..4 {
            let (server, done) = (&server, &done);
            scope.spawn(move || {
                for round in 0.. {
                    if done.load(Ordering::SeqCst) {
                        return;
                    }
                    let name = format!("user{worker}-{round}");
                    let key = server.create_member(&name);
                    if round % 2 == 0 {
                        server
                            .call(server.administrator(), "DeleteAccessKey", &[("AccessKeyID", &key.id)])
                            .done();
                    }
                }
            });
        }
        let files = (0..3).map(|number| backup(&setup, &format!("{number}.backup"))).collect();
        done.store(true, Ordering::SeqCst);
        files
    });
    let verified = setup.run(&["verify-store"]);
    assert_eq!((verified.code, verified.err.as_str()), (Some(0), ""), "{}", verified.out);
    assert!(setup.run(&["audit", "verify"]).out.contains("entries in 1 chains"));
    server.stop();
    let key = setup.data().join("master.key");
    let mut counts = Vec::new();
    for file in &files {
        let elsewhere = Setup::new();
        restored(&elsewhere, &["--master-key-file", key.to_str().unwrap(), "--revive-all", file]);
        counts.push(Snapshot::of(&elsewhere.data()).rows("audit").len());
    }
    assert!(counts.windows(2).all(|pair| pair[0] < pair[1]), "{counts:?}");
    assert_tidy(&setup);
}

#[test]
fn t59_a_backup_tells_nothing_without_the_master_key() {
    let setup = Setup::new();
    let server = setup.start();
    let keys: Vec<Key> =
        (0..20).map(|number| server.create_member(&format!("canary-user-of-the-backup-{number}"))).collect();
    let file = backup(&setup, "a.backup");
    let master = fs::read_to_string(setup.data().join("master.key")).unwrap();
    server.stop();
    let folder = setup.beside("sealed");
    fs::create_dir(&folder).unwrap();
    fs::rename(&file, folder.join("a.backup")).unwrap();
    let file = folder.join("a.backup");
    let mut words: Vec<&str> = keys.iter().flat_map(|key| [key.id.as_str(), key.secret.as_str()]).collect();
    words.extend(["canary-user-of-the-backup", master.trim().rsplit(':').next().unwrap()]);
    Hidden::new(words).assert_not_under(&folder);
    assert_eq!(fs::metadata(file).unwrap().mode() & 0o777, 0o600);
}

#[test]
fn a_backup_never_replaces_a_file_and_appears_whole_or_not_at_all() {
    let setup = Setup::new();
    setup.start().stop();
    let file = backup(&setup, "a.backup");
    let bytes = fs::read(&file).unwrap();
    let again = setup.run(&["backup", &file]);
    assert!(refused(&again).contains("exists"), "{}", again.err);
    assert_eq!(fs::read(&file).unwrap(), bytes);
    let nowhere = setup.run(&["backup", "/nowhere/a.backup"]);
    assert!(refused(&nowhere).contains("/nowhere/a.backup"), "{}", nowhere.err);
    assert_tidy(&setup);
}

/// Flips a bit or cuts; the data directory stays empty.
#[test]
fn a_changed_backup_is_refused() {
    let setup = Setup::new();
    let server = setup.start();
    (0..3).for_each(|number| server.create_user(&format!("user{number}")));
    let file = backup(&setup, "a.backup");
    server.stop();
    let whole = fs::read(&file).unwrap();
    let key = setup.data().join("master.key");
    let elsewhere = Setup::new();
    let damaged = elsewhere.beside("damaged.backup");
    let mut variants: Vec<(String, Vec<u8>)> = Vec::new();
    for at in [0, 15, 16, 24, 40, 64, 70, whole.len() / 2, whole.len() - 1] {
        let mut flipped = whole.clone();
        flipped[at] ^= 1;
        variants.push((format!("byte {at} flipped"), flipped));
    }
    for length in [0, 10, 64, 80, whole.len() - 1] {
        variants.push((format!("cut to {length} bytes"), whole[..length].to_vec()));
    }
    variants.push(("lengthened".to_owned(), [&whole[..], b"x"].concat()));
    variants.push(("a plain store".to_owned(), fs::read(setup.data().join("keyward.db")).unwrap()));
    for (what, bytes) in variants {
        fs::write(&damaged, bytes).unwrap();
        let arguments = ["restore", "--revive-all", "--master-key-file", key.to_str().unwrap()];
        let ended = elsewhere.run(&[&arguments[..], &[damaged.to_str().unwrap()]].concat());
        assert_eq!((ended.code, ended.out.as_str()), (Some(1), ""), "{what}: {}", ended.err);
        plain_sentence(&ended.err);
        assert!(!elsewhere.data().join("keyward.db").exists(), "{what}");
        assert!(!elsewhere.data().join("keyward.scratch").exists(), "{what}");
    }
}

#[test]
fn a_backup_of_before_a_rotation_is_restored_under_the_present_master_key() {
    let setup = Setup::new();
    let server = setup.start();
    let bob = server.create_member("bob");
    let file = backup(&setup, "a.backup");
    let old = fs::read_to_string(setup.data().join("master.key")).unwrap();
    assert_eq!(setup.run(&["master-key", "rotate"]).code, Some(0));
    server.stop();
    let ended = setup.run(&["restore", "--force", &file]);
    assert!(refused(&ended).contains("--master-key-file"), "{}", ended.err);
    let kept = fs::read_dir(setup.data())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.file_name().unwrap().to_str().unwrap().starts_with("master.key."))
        .unwrap();
    let new = fs::read_to_string(setup.data().join("master.key")).unwrap();
    restored(&setup, &["--force", "--master-key-file", kept.to_str().unwrap(), &file]);
    assert_eq!(fs::read_to_string(setup.data().join("master.key")).unwrap(), new);
    let server = setup.start();
    assert_eq!(code(&server, &bob, "bob"), 0);
    server.stop();
    fs::write(setup.data().join("master.key"), old).unwrap();
    assert!(setup.refusal().contains("not the master key of this store"));
}

#[test]
fn what_a_killed_operation_left_behind_is_removed_by_the_next_start() {
    let setup = Setup::new();
    setup.start().stop();
    let scratch = setup.data().join("keyward.scratch");
    fs::create_dir(&scratch).unwrap();
    fs::copy(setup.data().join("keyward.db"), scratch.join("keyward.db")).unwrap();
    setup.start().stop();
    assert!(!scratch.exists());
}

#[test]
fn migrate_says_which_version_the_store_has() {
    let setup = Setup::new();
    let none = setup.run(&["migrate"]);
    assert!(refused(&none).contains("there is no store"), "{}", none.err);
    let server = setup.start();
    let running = setup.run(&["migrate"]);
    assert!(refused(&running).contains("in use"), "{}", running.err);
    server.stop();
    let ended = setup.run(&["migrate"]);
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""));
    assert!(ended.out.starts_with("the store is of schema version "), "{}", ended.out);
    assert!(Path::new(&setup.data().join("keyward.db")).exists());
}
