//! The remote command line against a real server: what people see, every mistake they can make, and what never shows.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};

use serde_json::Value;

use crate::harness::shell::Shell;
use crate::harness::{Key, Server};

#[test]
fn what_people_see() {
    let server = Server::start();
    let mut shell = Shell::of_administrator(&server);
    shell.heading("Who am I?");
    shell.note("whoami");
    shell.heading("Users");
    shell.note("user create bob --display-name Bob --email bob@example.org");
    shell.note("user create deploy --role member --with-key");
    shell.note("user list");
    shell.note("user list --limit 1");
    shell.note("user show bob");
    shell.note("user update bob --role auditor --status frozen");
    shell.note("user delete bob");
    shell.heading("Keys");
    let created = shell.note("key create deploy --description nightly");
    let id = created.out.split_whitespace().nth(2).unwrap().to_owned();
    shell.note(&format!("key show {id}"));
    shell.note(&format!("key disable {id}"));
    shell.note(&format!("key enable {id}"));
    shell.note(&format!("key update {id} --description weekly"));
    shell.note(&format!("key delete {id}"));
    shell.compare("cli_seen.golden");
    server.stop();
}

#[test]
fn every_mistake_ends_in_one_sentence() {
    let server = Server::start();
    let bob = server.create_member("bob");
    let mut shell = Shell::new(&server);
    shell.heading("No server, no key");
    shell.note("whoami");
    shell.note("whoami --profile production");
    let mut half = shell.with("KEYWARD_ACCESS_KEY_ID", "KWHALF");
    half.note("whoami");
    let mut shell = half.with("KEYWARD_SECRET_ACCESS_KEY", "a-secret-of-nobody-at-all");
    for endpoint in ["127.0.0.1:7460", "ftp://127.0.0.1", "http://127.0.0.1:1", "https://127.0.0.1:1"] {
        shell = shell.with("KEYWARD_ENDPOINT", endpoint);
        shell.note("whoami");
    }
    shell.heading("A server that is none of ours");
    shell = shell.with("KEYWARD_ENDPOINT", &format!("http://{}", server.admin));
    let other = shell.run("whoami");
    assert_eq!(other.code, Some(1), "{}", other.err);
    assert!(other.err.contains("is this the address of a Keyward server?"), "{}", other.err);
    shell.heading("Wrong keys");
    let administrator = server.administrator().clone();
    shell = shell.with_key(&server, &Key::new("KWUNKNOWNUNKNOWNUNKNOWN22", "a-secret-of-nobody-at-all"));
    shell.note("whoami");
    shell = shell.with_key(&server, &administrator.with_secret("another-secret-altogether"));
    shell.note("whoami");
    // A key of another cloud's scheme is no key here.
    shell = shell.with_key(&server, &bob);
    shell.note("whoami");
    shell.heading("What is not there, and what is there already");
    shell = shell.with_key(&server, &administrator);
    shell.note("user show nobody");
    shell.note("user create bob");
    shell.note("user create ../../etc");
    shell.note("key show KWNOTHINGOFTHEKIND");
    shell.note("key create nobody");
    shell.note("key update KWNOTHINGOFTHEKIND --description x");
    shell.note(&format!("key delete {}", administrator.id));
    shell.heading("Usage");
    for line in [
        "user",
        "user create",
        "user create bob --role king",
        "user list --cursor x",
        "key rotate K --overlap soon",
        "key import bob",
        "key import --bulk keys.csv --id x",
        "report --format xml",
        "audit --follow --until 2026",
        "whoami --secret x",
    ] {
        let ended = shell.note(line);
        assert_eq!((ended.code, ended.out.as_str()), (Some(2), ""), "{line}");
    }
    shell.compare("cli_mistakes.golden");
    server.stop();
}

#[test]
fn json_is_exactly_what_the_api_answers() {
    let server = Server::start();
    for number in 0..7 {
        server.create_user(&format!("user{number}"));
    }
    let shell = Shell::of_administrator(&server);
    for (line, target) in [
        ("user show user3 --json", "/api/v1/users/user3"),
        ("user list --json", "/api/v1/users?limit=500"),
        ("user list --limit 3 --json", "/api/v1/users?limit=3"),
    ] {
        let api = server.native(server.administrator(), "GET", target, "").text();
        assert_eq!(shell.done(line), api + "\n", "{line}");
    }
    // Page by page it is the same list.
    let (mut names, mut cursor) = (Vec::new(), String::new());
    loop {
        let page: Value =
            serde_json::from_str(&shell.done(&format!("user list --limit 3 {cursor} --json"))).unwrap();
        names.extend(
            page["items"].as_array().unwrap().iter().map(|user| user["name"].as_str().unwrap().to_owned()),
        );
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("--cursor {next}");
    }
    assert_eq!(names.len(), 8);
    let all: Value = serde_json::from_str(&shell.done("user list --json")).unwrap();
    assert_eq!(all["items"].as_array().unwrap().len(), 8);
    server.stop();
}

#[test]
fn a_secret_goes_to_a_file_that_only_its_owner_can_read() {
    let server = Server::start();
    let shell = Shell::of_administrator(&server);
    let file = server.setup.beside("bob.json");
    let line = format!("user create bob --with-key --json --output {}", file.display());
    assert_eq!(shell.done(&line), "");
    assert_eq!(fs::metadata(&file).unwrap().mode() & 0o777, 0o600);
    let made: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    let key =
        Key::new(made["access_key"]["id"].as_str().unwrap(), made["access_key"]["secret"].as_str().unwrap());
    assert!(Shell::new(&server).with_key(&server, &key).done("whoami").contains("bob"));
    // The file is there, so nothing may be made whose secret could then not be kept.
    let line = format!("user create carol --with-key --output {}", file.display());
    assert!(shell.refused(&line).contains("exists"));
    assert!(shell.refused("user show carol").contains("no such user"));
    server.stop();
}

#[test]
fn profiles_are_private_and_asked_for_in_order() {
    let server = Server::start();
    server.create_user("bob");
    let made = server.native(server.administrator(), "POST", "/api/v1/users/bob/access-keys", "{}");
    let made: Value = serde_json::from_slice(&made.body).unwrap();
    let bob = Key::new(made["id"].as_str().unwrap(), made["secret"].as_str().unwrap());
    let shell = Shell::new(&server);
    let url = format!("http://{}", server.public);
    let admin = server.administrator();
    let typed = format!("{url}\n{}\n{}\n", admin.id, admin.secret);
    let ended = shell.run_with("configure", &typed);
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""));
    assert!(!ended.out.contains(&admin.secret), "{}", ended.out);
    let file = server.setup.beside("config/keyward/profiles.toml");
    assert_eq!(fs::metadata(&file).unwrap().mode() & 0o777, 0o600);
    assert_eq!(fs::metadata(file.parent().unwrap()).unwrap().mode() & 0o777, 0o700);
    assert!(shell.done("whoami").contains("admin"));
    let line = format!("configure --profile bob --endpoint {url} --access-key-id {}", bob.id);
    assert_eq!(shell.run_with(&line, &bob.secret).code, Some(0));
    assert!(shell.done("whoami --profile bob").contains("bob"));
    assert!(shell.done("whoami").contains("admin"), "the other profile is still there");
    // The environment goes before the default profile, a named profile before the environment.
    let shell = shell.with_key(&server, &bob);
    assert!(shell.done("whoami").contains("bob"));
    assert!(shell.done("whoami --profile default").contains("admin"));
    for input in ["", "\n\n\n", "http://127.0.0.1:1\nonly-an-id\n", "no url\nid\nsecret\n"] {
        let ended = Shell::new(&server).run_with("configure --profile broken", input);
        assert_eq!((ended.code, ended.out.as_str()), (Some(1), ""), "{input:?}");
    }
    fs::set_permissions(&file, Permissions::from_mode(0o644)).unwrap();
    assert!(shell.refused("whoami --profile bob").contains("chmod 600"));
    fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
    fs::write(&file, format!("[default]\nsecret_access_key = {}\n", bob.secret)).unwrap();
    let sentence = shell.refused("whoami --profile bob");
    assert!(sentence.contains("damaged") && !sentence.contains(&bob.secret), "{sentence}");
    server.stop();
}

#[cfg(feature = "tls")]
#[test]
fn a_server_behind_tls_is_known_by_its_certificate() {
    use crate::harness::tls::{Certificate, places, with_tls};

    let certificate = Certificate::issue_for("127.0.0.1");
    let server = with_tls(&certificate).start();
    let others = server.setup.beside("others.crt");
    fs::write(&others, Certificate::issue_for("127.0.0.1").pem).unwrap();
    let shell = || {
        let shell = Shell::of_administrator(&server);
        shell.with("KEYWARD_ENDPOINT", &format!("https://{}", server.public))
    };
    let refused = shell().with("SSL_CERT_FILE", others.to_str().unwrap()).refused("whoami");
    assert!(refused.contains("SSL_CERT_FILE names certificates to trust"), "{refused}");
    let (own, _) = places(&server.setup);
    assert!(shell().with("SSL_CERT_FILE", own.to_str().unwrap()).done("whoami").contains("admin"));
    server.stop();
}
