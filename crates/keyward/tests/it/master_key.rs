//! The master key at the start: where it comes from, and every way in which it is not one.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::Path;

use crate::harness::hide::Hidden;
use crate::harness::server::plain_sentence;
use crate::harness::{Key, Setup};

const PREFIX: &str = "keyward-master-key-1:";

fn key_text(digits: &str) -> String {
    format!("{PREFIX}{digits}\n")
}

/// All bytes of the store's files.
fn store_bytes(data: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<_> = fs::read_dir(data)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with("keyward.db"))
        // The index of the log is rebuilt by whoever opens it, and says nothing that the log does not.
        .filter(|path| !path.ends_with("keyward.db-shm"))
        .map(|path| (path.display().to_string(), fs::read(&path).unwrap()))
        .collect();
    files.sort();
    files
}

/// A store with something in it, and no server on it.
fn filled() -> (Setup, Key) {
    let setup = Setup::new();
    let server = setup.start();
    let bob = server.create_member("bob");
    server.stop();
    (setup, bob)
}

#[test]
fn t62_a_key_that_is_not_this_stores_key_is_refused_and_the_store_left_as_it_was() {
    let (setup, bob) = filled();
    let file = setup.data().join("master.key");
    let right = fs::read_to_string(&file).unwrap();
    let digits = right.trim_end().strip_prefix(PREFIX).unwrap();
    let flipped = format!("{}{}", if digits.starts_with('0') { '1' } else { '0' }, &digits[1..]);
    let before = store_bytes(&setup.data());
    assert!(!before.is_empty());
    for (name, text, says) in [
        ("another key", key_text(&"0123456789abcdef".repeat(4)), "not the master key of this store"),
        ("one digit off", key_text(&flipped), "not the master key of this store"),
        ("zeros", key_text(&"0".repeat(64)), "one byte repeated"),
        ("one byte repeated", key_text(&"ab".repeat(32)), "one byte repeated"),
        ("too short", key_text(&digits[..62]), "64 hexadecimal digits"),
        ("too long", key_text(&format!("{digits}00")), "64 hexadecimal digits"),
        ("odd", key_text(&digits[..63]), "64 hexadecimal digits"),
        ("not hexadecimal", key_text(&"g".repeat(64)), "64 hexadecimal digits"),
        ("without its mark", format!("{digits}\n"), "64 hexadecimal digits"),
        ("two keys", format!("{right}{right}"), "64 hexadecimal digits"),
        ("empty", String::new(), "64 hexadecimal digits"),
        ("a password", "correct horse battery staple\n".to_owned(), "64 hexadecimal digits"),
    ] {
        fs::write(&file, &text).unwrap();
        let sentence = setup.refusal();
        assert!(sentence.contains(says) && sentence.contains("master.key"), "{name}: {sentence}");
        assert!(!sentence.contains(digits) && !sentence.contains("correct horse"), "{name}: {sentence}");
        for command in [&["verify-store"][..], &["audit", "verify"]] {
            let ended = setup.run(command);
            assert_eq!((ended.code, ended.out.as_str()), (Some(1), ""), "{name}");
            assert!(plain_sentence(&ended.err).contains(says), "{name}: {}", ended.err);
        }
        assert_eq!(store_bytes(&setup.data()), before, "{name}");
        assert_eq!(fs::read_to_string(&file).unwrap(), text, "{name}");
    }
    fs::write(&file, right).unwrap();
    let server = setup.start();
    server.call(&bob, "GetUser", &[("UserName", "bob")]).done();
    server.stop();
}

#[test]
fn t62_a_key_that_is_not_there_is_not_made_up() {
    let (setup, bob) = filled();
    let file = setup.data().join("master.key");
    let right = fs::read(&file).unwrap();
    fs::remove_file(&file).unwrap();
    let before = store_bytes(&setup.data());
    let sentence = setup.refusal();
    assert!(sentence.contains("put the key back"), "{sentence}");
    assert!(!file.exists(), "a fresh key would hide that the old one is gone");
    for missing in ["/nowhere/master.key", setup.beside("missing").to_str().unwrap()] {
        let setup = setup.clone().settings(&format!("master_key.file = \"{missing}\""));
        assert!(setup.refusal().contains(missing));
        assert!(!Path::new(missing).exists());
    }
    let sentence = setup.clone().settings("master_key.env = \"NOT_SET\"").refusal();
    assert!(sentence.contains("NOT_SET"), "{sentence}");
    assert_eq!(store_bytes(&setup.data()), before);

    // It may live elsewhere, under any name.
    let elsewhere = setup.beside("elsewhere.key");
    fs::write(&elsewhere, &right).unwrap();
    fs::set_permissions(&elsewhere, Permissions::from_mode(0o400)).unwrap();
    let moved = setup.settings(&format!("master_key.file = \"{}\"", elsewhere.display()));
    let server = moved.start();
    server.call(&bob, "GetUser", &[("UserName", "bob")]).done();
    server.stop();
    assert!(!file.exists());
}

#[test]
fn t62_a_key_that_others_can_read_or_own_is_refused() {
    let (setup, _) = filled();
    let file = setup.data().join("master.key");
    let before = store_bytes(&setup.data());
    for mode in [0o644, 0o640, 0o604, 0o660, 0o610, 0o601, 0o602, 0o777] {
        fs::set_permissions(&file, Permissions::from_mode(mode)).unwrap();
        let sentence = setup.refusal();
        assert!(sentence.contains("chmod 600") && sentence.contains("master.key"), "{mode:o}: {sentence}");
        assert_eq!(
            fs::metadata(&file).unwrap().mode() & 0o777,
            mode,
            "repairing it would hide that it was open"
        );
    }
    fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
    // Only the superuser can give a file away.
    if fs::metadata(&file).unwrap().uid() == 0 && chown(&file, Some(65534), None).is_ok() {
        let sentence = setup.refusal();
        assert!(sentence.contains("belongs to user 65534"), "{sentence}");
        chown(&file, Some(0), None).unwrap();
    }
    assert_eq!(store_bytes(&setup.data()), before);
    // A link to a key is judged by the key.
    let link = setup.beside("link");
    std::os::unix::fs::symlink(&file, &link).unwrap();
    let linked = setup.settings(&format!("master_key.file = \"{}\"", link.display()));
    linked.start().stop();
    fs::set_permissions(&file, Permissions::from_mode(0o644)).unwrap();
    assert!(linked.refusal().contains("chmod 600"));
}

#[test]
fn t62_the_key_in_the_environment_is_judged_alike() {
    let digits = "00112233445566778899aabbccddeeff".repeat(2);
    let text = key_text(&digits);
    // Also under a name that looks like a setting.
    for name in ["THE_MASTER_KEY", "KEYWARD_MASTER_KEY"] {
        let setup = Setup::new().settings(&format!("master_key.env = \"{name}\""));
        let with = |text: &str| setup.clone().environment(name, text);
        let server = with(&text).start();
        let bob = server.create_member("bob");
        server.stop();
        assert!(!setup.data().join("master.key").exists(), "it stays where it is");
        Hidden::new([digits.as_str()]).assert_not_under(&setup.data());
        let before = store_bytes(&setup.data());
        for wrong in [
            key_text(&"0".repeat(64)),
            key_text(&"0123456789abcdef".repeat(4)),
            digits.clone(),
            String::new(),
        ] {
            let sentence = with(&wrong).refusal();
            assert!(sentence.contains(name), "{sentence}");
            assert!(!sentence.contains(&digits), "{sentence}");
        }
        assert!(setup.refusal().contains(name));
        assert_eq!(store_bytes(&setup.data()), before);
        with(&text).start().call(&bob, "GetUser", &[("UserName", "bob")]).done();
    }
    // The key itself where its name belongs, which must not be repeated, and two places at once.
    let sentence = Setup::new().settings(&format!("master_key.env = \"{}\"", text.trim_end())).refusal();
    assert!(sentence.contains("must be the name") && !sentence.contains(&digits), "{sentence}");
    let sentence = Setup::new().settings("[master_key]\nenv = \"A\"\nfile = \"b\"").refusal();
    assert!(sentence.contains("keep one"), "{sentence}");
}
