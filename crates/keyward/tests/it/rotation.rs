//! Rotation of the master key: offline and under a server, cut off at every step, and what is refused afterwards.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::harness::server::plain_sentence;
use crate::harness::store::audited_actions;
use crate::harness::{Key, Server, Setup};

/// A store with bob in it, and no server on it.
fn filled() -> (Setup, Key) {
    let setup = Setup::new();
    let server = setup.start();
    let bob = server.create_member("bob");
    server.stop();
    (setup, bob)
}

fn assert_verifies(server: &Server, key: &Key) {
    server.call(key, "GetUser", &[("UserName", "bob")]).done();
}

fn assert_clean(setup: &Setup) {
    let ended = setup.run(&["verify-store"]);
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""), "{}", ended.out);
    assert!(ended.out.ends_with("\nclean\n"), "{}", ended.out);
}

fn rotate(setup: &Setup) -> String {
    let ended = setup.run(&["master-key", "rotate"]);
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""), "{}", ended.out);
    ended.out
}

/// The key as its file says it.
fn key_in(path: &Path) -> String {
    fs::read_to_string(path).unwrap()
}

/// The one kept key beside `master.key`.
fn kept(setup: &Setup) -> PathBuf {
    let names: Vec<PathBuf> = fs::read_dir(setup.data())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with("master.key."))
        .collect();
    assert_eq!(names.len(), 1, "{names:?}");
    names[0].clone()
}

#[test]
fn t63_the_old_master_key_is_refused_after_a_rotation_and_every_secret_verifies() {
    let (setup, bob) = filled();
    let place = setup.data().join("master.key");
    let old = key_in(&place);
    let said = rotate(&setup);
    assert!(said.contains("3 keys of the ring are now wrapped by"), "{said}");
    let new = key_in(&place);
    assert_ne!(new, old);
    assert_eq!(key_in(&kept(&setup)), old, "backups made before need it");
    assert!(!said.contains(new.trim()), "the key is never printed");
    assert_clean(&setup);
    assert_eq!(audited_actions(&setup.data()).last().unwrap(), "master-key.rotate");

    fs::write(&place, &old).unwrap();
    assert!(setup.refusal().contains("not the master key of this store"));
    let refused = setup.run(&["verify-store"]);
    assert_eq!(refused.code, Some(1));
    plain_sentence(&refused.err);
    fs::write(&place, &new).unwrap();
    let server = setup.start();
    assert_verifies(&server, &bob);
    server.stop();
}

#[test]
fn t63_a_server_goes_on_while_its_master_key_is_rotated() {
    let (setup, bob) = filled();
    let place = setup.data().join("master.key");
    let server = setup.start();
    let first = key_in(&place);
    rotate(&setup);
    assert_verifies(&server, &bob);
    let carol = server.create_member("carol");
    let second = key_in(&place);
    // Once more, and then a start with what was made meanwhile.
    rotate(&setup);
    let status = setup.run(&["master-key", "status"]);
    assert_eq!(status.code, Some(0), "{}", status.err);
    assert!(status.out.contains("none under way"), "{}", status.out);
    server.kill();
    let third = key_in(&place);
    assert!(first != second && second != third && first != third);
    for dead in [&first, &second] {
        fs::write(&place, dead).unwrap();
        assert!(setup.refusal().contains("not the master key of this store"));
    }
    fs::write(&place, &third).unwrap();
    let server = setup.start();
    assert_verifies(&server, &bob);
    server.call(&carol, "GetUser", &[("UserName", "carol")]).done();
    server.stop();
    assert_clean(&setup);
}

/// Every state that a rotation leaves behind when it is cut off, made by hand from one that went through.
#[test]
fn t63_a_rotation_cut_off_at_any_step_is_finished_by_a_start_or_by_the_next_one() {
    let (setup, bob) = filled();
    let data = setup.data();
    let (place, next) = (data.join("master.key"), data.join("master.key.next"));
    let stored =
        || ["keyward.db", "keyward.db-wal"].map(|name| fs::read(data.join(name)).unwrap_or_default());
    let put = |files: &[Vec<u8>; 2]| {
        for (name, bytes) in ["keyward.db", "keyward.db-wal", "keyward.db-shm"].iter().zip(files) {
            fs::write(data.join(name), bytes).unwrap();
        }
        let _ = fs::remove_file(data.join("keyward.db-shm"));
    };
    let (old, before) = (key_in(&place), stored());
    rotate(&setup);
    let (new, after) = (key_in(&place), stored());
    let kept = kept(&setup);
    for (step, files, waiting, is_kept) in [
        ("the new key half written", &before, None, false),
        ("the new key waits", &before, Some(&new), false),
        ("the ring is wrapped anew", &after, Some(&new), false),
        ("the old key is kept", &after, Some(&new), true),
    ] {
        for finish in ["a start", "the command"] {
            put(files);
            fs::write(&place, &old).unwrap();
            fs::remove_file(&kept).unwrap_or_default();
            if is_kept {
                fs::write(&kept, &old).unwrap();
            }
            match waiting {
                Some(key) => fs::write(&next, key).unwrap(),
                None => fs::write(data.join("master.key.next.unfinished"), &new[..40]).unwrap(),
            }
            for private in [&place, &next, &kept].into_iter().filter(|path| path.exists()) {
                use std::os::unix::fs::PermissionsExt;
                fs::set_permissions(private, fs::Permissions::from_mode(0o600)).unwrap();
            }
            if finish == "the command" {
                rotate(&setup);
                assert_ne!(key_in(&place), old, "{step}");
            }
            let server = setup.start();
            assert_verifies(&server, &bob);
            server.stop();
            if files == &after {
                assert!(!next.exists(), "{step}, {finish}");
                assert_eq!(key_in(&kept), old, "{step}, {finish}");
            }
            assert_clean(&setup);
            for entry in fs::read_dir(&data).unwrap().map(|entry| entry.unwrap().path()) {
                if entry.to_str().unwrap().contains("master.key.") {
                    fs::remove_file(entry).unwrap();
                }
            }
        }
    }
}

/// Kills at moments of its own choosing: the command, the server, or both.
#[test]
fn t63_a_killed_rotation_loses_nothing() {
    let (setup, bob) = filled();
    let mut took = Duration::from_millis(40);
    for round in 0_u32..20 {
        let server = setup.start();
        let started = std::time::Instant::now();
        let mut command = setup.spawn(&["master-key", "rotate"]);
        // Spread over the command's life, from its first instruction to its end.
        let until = took * (round + 1) / 20;
        while started.elapsed() < until && command.try_wait().unwrap().is_none() {
            std::thread::yield_now();
        }
        if round % 3 != 0 {
            command.kill().unwrap();
        }
        if round % 3 != 1 {
            server.kill();
        } else {
            server.stop();
        }
        command.wait().unwrap();
        if round == 0 {
            took = took.max(started.elapsed());
        }
        let server = setup.start();
        assert_verifies(&server, &bob);
        server.stop();
        assert_clean(&setup);
    }
    let old = key_in(&setup.data().join("master.key"));
    rotate(&setup);
    fs::write(setup.data().join("master.key"), old).unwrap();
    assert!(setup.refusal().contains("not the master key of this store"));
}

#[test]
fn t63_rotations_that_race_leave_one_key_in_its_place() {
    let (setup, bob) = filled();
    let server = setup.start();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let rotations: Vec<_> = (0..4).map(|_| scope.spawn(|| rotate(&setup))).collect();
        scope.spawn(|| {
            while !done.load(Ordering::SeqCst) {
                assert_verifies(&server, &bob);
            }
        });
        rotations.into_iter().for_each(|rotation| drop(rotation.join().unwrap()));
        done.store(true, Ordering::SeqCst);
    });
    server.kill();
    let server = setup.start();
    assert_verifies(&server, &bob);
    server.stop();
    assert_clean(&setup);
    let rotations =
        audited_actions(&setup.data()).iter().filter(|action| *action == "master-key.rotate").count();
    assert_eq!(rotations, 4);
}

#[test]
fn a_key_that_the_operator_brings_is_put_in_place_by_him() {
    let setup = Setup::new();
    let ended = setup.run_with(&["master-key", "generate"], b"");
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""));
    let with = |text: &str| {
        setup.clone().settings("master_key.env = \"THE_KEY\"").environment("THE_KEY", text.trim_end())
    };
    let old = with(&ended.out);
    let server = old.start();
    let bob = server.create_member("bob");
    server.stop();
    let config = setup.beside("keyward.toml");
    let config = config.to_str().unwrap();
    let refused = old.run(&["master-key", "rotate", "--config", config]);
    assert_eq!(refused.code, Some(1));
    assert!(plain_sentence(&refused.err).contains("--new-key-file"), "{}", refused.err);

    let file = setup.beside("new.key");
    let file = file.to_str().unwrap();
    let generate = ["master-key", "generate", "--output", file];
    assert_eq!(setup.run_with(&generate, b"").code, Some(0));
    assert_eq!(setup.run_with(&generate, b"").code, Some(1), "a key is never replaced");
    let rotate = ["master-key", "rotate", "--config", config, "--new-key-file", file];
    let said = old.run(&rotate);
    assert_eq!((said.code, said.err.as_str()), (Some(0), ""));
    assert!(said.out.contains("in its place before the next start"), "{}", said.out);
    assert!(old.refusal().contains("not the master key of this store"));
    let new = with(&fs::read_to_string(file).unwrap());
    let server = new.start();
    assert_verifies(&server, &bob);
    let again = new.run(&rotate);
    assert_eq!(again.code, Some(1));
    assert!(plain_sentence(&again.err).contains("is the present one"), "{}", again.err);
    server.stop();
}
