//! The first start: who the administrator is, what is printed once, and what is refused.

use crate::harness::store::audited_actions;
use crate::harness::{Key, Server, Setup};

const ID: &str = "KEYWARD_BOOTSTRAP_ACCESS_KEY_ID";
const SECRET: &str = "KEYWARD_BOOTSTRAP_SECRET_ACCESS_KEY";
const PASSWORD: &str = "KEYWARD_BOOTSTRAP_PASSWORD";

#[test]
fn a_credential_is_made_up_printed_once_and_works() {
    let setup = Setup::new().administrator(None);
    let server = setup.start();
    let said = server.said();
    let value = |name: &str| {
        let lines: Vec<&str> = said.lines().filter_map(|line| line.strip_prefix(name)).collect();
        assert_eq!(lines.len(), 1, "{said}");
        lines[0].to_owned()
    };
    assert_eq!(value("export KEYWARD_ENDPOINT="), format!("http://{}", server.public));
    let key = Key::new(&value("export KEYWARD_ACCESS_KEY_ID="), &value("export KEYWARD_SECRET_ACCESS_KEY="));
    assert!(key.id.starts_with("KW") && key.id.len() == 28, "{}", key.id);
    assert!(key.secret.len() >= 43, "256 bits of letters and digits");
    // Settings to paste for each client of the dialect, with the very same values.
    assert!(said.matches(&key.secret).count() >= 5, "{said}");
    let user = server.call(&key, "GetUser", &[("UserName", "admin")]).done();
    assert_eq!(user["User"]["UserName"], "admin");
    // His password opens a login, as the settings for `openstack` say.
    assert!(said.contains("token issue"), "{said}");
    let password = value("export OS_PASSWORD=");
    assert_eq!((password.len(), said.matches(&password).count()), (32, 1), "{said}");
    assert!(server.logs_in("admin", &password) && !server.logs_in("admin", &key.secret));
    server.stop();

    let server = setup.start();
    assert_eq!(server.said().lines().count(), 3, "only where it listens: {}", server.said());
    server.call(&key, "ListUsers", &[]).done();
}

#[test]
fn each_first_start_makes_another_credential() {
    let credential = || {
        let server = Setup::new().administrator(None).start();
        let said = server.said();
        said.lines()
            .filter(|line| {
                line.starts_with("export OS_PASSWORD=")
                    || line.starts_with("export KEYWARD_") && line.contains("ACCESS_KEY")
            })
            .collect::<Vec<_>>()
            .join("\n")
    };
    let (one, other) = (credential(), credential());
    assert_eq!(one.lines().count(), 3);
    assert!(one.lines().zip(other.lines()).all(|(one, other)| one != other), "{one}\n{other}");
}

#[test]
fn a_given_credential_is_not_repeated_and_is_ignored_once_the_store_has_an_account() {
    let given = Key::administrator();
    let setup = Setup::new().administrator(Some(given.clone()));
    let server = setup.start();
    assert!(!server.said().contains(&given.secret), "{}", server.said());
    assert!(server.said().contains(&given.id), "{}", server.said());
    server.call(&given, "ListUsers", &[]).done();
    server.stop();

    let late = Key::administrator();
    let server = setup.clone().administrator(Some(late.clone())).start();
    assert!(!server.said().contains(&late.id), "{}", server.said());
    assert_eq!(server.call(&late, "ListUsers", &[]).code(), 172);
    server.call(&given, "ListUsers", &[]).done();
    server.stop();

    // Even one that would be refused.
    let setup = setup.administrator(None).environment(ID, "short");
    setup.start().call(&given, "ListUsers", &[]).done();
    let creations = audited_actions(&setup.data()).into_iter().filter(|action| !action.starts_with("node."));
    assert_eq!(creations.count(), audited_creations(), "nothing was created twice");
}

/// A given password is not repeated, whoever gave the key. Who gave the key alone gets no password that he did not ask for.
#[test]
fn a_password_is_made_up_only_where_nothing_is_given() {
    let given = "a password of the operator's own";
    let file = |setup: &Setup| {
        let file = setup.beside("password");
        std::fs::write(&file, format!("{given}\n")).unwrap();
        setup.clone().environment(&format!("{PASSWORD}_FILE"), file.to_str().unwrap())
    };
    let setup = Setup::new().administrator(None);
    for setup in [
        setup.clone().environment(PASSWORD, given),
        file(&Setup::new().administrator(None)),
        file(&Setup::new()),
    ] {
        let server = setup.start();
        let said = server.said();
        assert!(!said.contains(given) && !said.contains("OS_PASSWORD="), "{said}");
        assert!(server.logs_in("admin", given));
        server.stop();
    }
    let server = Server::start();
    assert!(!server.said().contains("OS_PASSWORD="), "{}", server.said());
    assert!(!server.logs_in("admin", ""));
    server.stop();
    let sentence = Setup::new().administrator(None).environment(PASSWORD, "short").refusal();
    assert!(sentence.contains("8 to 256 characters") && sentence.contains(PASSWORD), "{sentence}");
}

/// How many entries a first start leaves in the audit beside that of the node.
fn audited_creations() -> usize {
    let server = Server::start();
    audited_actions(&server.setup.data()).into_iter().filter(|action| !action.starts_with("node.")).count()
}

#[test]
fn each_part_of_the_credential_may_come_from_a_file() {
    let key = Key::administrator();
    let setup = Setup::new().administrator(None);
    let (id_file, secret_file) = (setup.beside("id"), setup.beside("secret"));
    std::fs::write(&id_file, &key.id).unwrap();
    // As `echo` and most editors write it.
    std::fs::write(&secret_file, format!("{}\n", key.secret)).unwrap();
    let setup = setup
        .environment(&format!("{ID}_FILE"), id_file.to_str().unwrap())
        .environment(&format!("{SECRET}_FILE"), secret_file.to_str().unwrap());
    let server = setup.start();
    assert!(!server.said().contains(&key.secret), "{}", server.said());
    server.call(&key, "ListUsers", &[]).done();
}

#[test]
fn a_credential_that_is_not_clear_is_refused_and_creates_no_account() {
    let key = Key::administrator();
    let setup = Setup::new().administrator(None);
    let file = setup.beside("file");
    std::fs::write(&file, &key.secret).unwrap();
    let file = file.to_str().unwrap();
    let missing = setup.beside("missing");
    let missing = missing.to_str().unwrap();
    let (id_file, secret_file) = (&*format!("{ID}_FILE"), &*format!("{SECRET}_FILE"));
    let (long_id, long_secret) = ("I".repeat(129), "s".repeat(257));
    for (environment, says) in [
        (vec![(ID, key.id.as_str())], SECRET),
        (vec![(SECRET, &key.secret)], ID),
        (vec![(id_file, file)], SECRET),
        (vec![(ID, &key.id), (SECRET, &key.secret), (secret_file, file)], secret_file),
        (vec![(ID, &key.id), (id_file, file), (SECRET, &key.secret)], id_file),
        (vec![(ID, &key.id), (secret_file, missing)], secret_file),
        (vec![(ID, ""), (SECRET, "")], "16 to 128"),
        (vec![(ID, "fifteen-letters"), (SECRET, &key.secret)], "16 to 128"),
        (vec![(ID, &long_id), (SECRET, &key.secret)], "16 to 128"),
        (vec![(ID, "sixteen letters!"), (SECRET, &key.secret)], "16 to 128"),
        (vec![(ID, &key.id), (SECRET, "fifteen-letters")], "16 to 256"),
        (vec![(ID, &key.id), (SECRET, &long_secret)], "16 to 256"),
        (vec![(ID, &key.id), (SECRET, "a secret with blanks")], "16 to 256"),
        (vec![(ID, &key.id), (SECRET, "ein-geheimnis-für-uns")], "16 to 256"),
    ] {
        let mut setup = setup.clone();
        for (name, value) in &environment {
            setup = setup.environment(name, value);
        }
        let sentence = setup.refusal();
        assert!(sentence.contains(says), "{environment:?}: {sentence}");
        for (_, value) in environment.iter().filter(|(name, value)| *name == SECRET && !value.is_empty()) {
            assert!(!sentence.contains(value), "the secret is repeated: {sentence}");
        }
    }
    // What was refused left nothing behind that the next start would take for an account.
    setup.administrator(Some(key.clone())).start().call(&key, "ListUsers", &[]).done();
}

#[test]
fn a_credential_that_is_no_text_does_not_pass_for_none() {
    let secret = Key::administrator().secret;
    for (id, secret) in [
        (&b"ADMINISTRATOR\xff0000"[..], &b"administrators\xffsecret"[..]),
        (b"ADMINISTRATOR\xff0000", secret.as_bytes()),
    ] {
        let setup = Setup::new().administrator(None).raw_environment(ID, id).raw_environment(SECRET, secret);
        let sentence = setup.refusal();
        assert!(sentence.contains("16 to 128"), "{sentence}");
    }
}
