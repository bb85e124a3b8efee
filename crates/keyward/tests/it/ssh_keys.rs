//! SSH keys and passwords through the command line, against a real server.

use std::fs;

use domain::ssh_keys::PublicKey;
use serde_json::Value;

use crate::harness::shell::Shell;
use crate::harness::{Key, Server, Setup};

/// Keys that `ssh-keygen -t ed25519` made, with their fingerprints.
const LAPTOP: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHtSMNsTEDaDHOUScu2iesNV77ifB9+VbWfGW2TEB5HL zoe@laptop";
const BUILD: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGNtSguTX7ZG842XQRwDSLlPeU45HWMRSvW1Ydq4zHyp";

/// A key of a user for the native API.
fn native_key(server: &Server, user: &str) -> Key {
    let made =
        server.native(server.administrator(), "POST", &format!("/api/v1/users/{user}/access-keys"), "{}");
    let made: Value = serde_json::from_slice(&made.body).unwrap();
    Key::new(made["id"].as_str().unwrap(), made["secret"].as_str().unwrap())
}

fn number(shell: &Shell, line: &str) -> String {
    let key: Value = serde_json::from_str(&shell.done(&format!("{line} --json"))).unwrap();
    key["id"].to_string()
}

#[test]
fn what_people_see_of_ssh_keys() {
    let server = Server::start();
    server.create_user("bob");
    let (laptop, build) = (server.setup.beside("laptop.pub"), server.setup.beside("build.pub"));
    fs::write(&laptop, format!("{LAPTOP}\n")).unwrap();
    fs::write(&build, format!("{BUILD}\n")).unwrap();
    let (laptop, build) = (laptop.display(), build.display());
    let mut shell = Shell::of_administrator(&server);
    shell.squeeze();
    shell.heading("Adding");
    let own = number(&shell, &format!("ssh-key add {laptop}"));
    shell.call_it(&own, "LAPTOP");
    let other =
        number(&shell, &format!("ssh-key add --user bob --title builder --source 10.0.0.0/8 {build}"));
    shell.call_it(&other, "BUILD");
    shell.note(&format!("ssh-key show {own}"));
    shell.note(&format!("ssh-key add {laptop}"));
    shell.note(&format!("ssh-key add {build}"));
    shell.heading("Looking");
    shell.note("ssh-key list");
    shell.note("ssh-key list --all");
    shell.note("ssh-key list --all --limit 1");
    shell.note("ssh-key list --user bob");
    shell.note("ssh-key list --all --title LAPTOP");
    shell.note("ssh-key list --all --status inactive");
    shell.note(&format!("ssh-key find {build}"));
    shell.note_with("ssh-key find -", LAPTOP);
    shell.note(&format!("ssh-key find SHA256:{}", "A".repeat(43)));
    shell.note("ssh-key find SHA256:short");
    shell.heading("Changing");
    shell
        .note(&format!("ssh-key set {own} --title old --expires-at 2090-01-01T00:00:00Z --source 192.0.2.7"));
    shell.note(&format!("ssh-key set {own} --expires-at none --source any"));
    shell.note(&format!("ssh-key disable {own}"));
    shell.note(&format!("ssh-key enable {own}"));
    shell.note("ssh-key disable-all");
    shell.note("ssh-key list --all --status active");
    shell.note(&format!("ssh-key delete {other}"));
    shell.note(&format!("ssh-key show {other}"));
    shell.heading("Mistakes");
    shell.note("ssh-key add /nowhere.pub");
    shell.note_with("ssh-key add -", "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n");
    shell.note_with("ssh-key add -", "no key");
    shell.note_with("ssh-key add --title t -", &format!("no-pty {BUILD}"));
    shell.note_with("ssh-key find -", "");
    shell.note("ssh-key show laptop");
    shell.note(&format!("ssh-key set {own} --source 10.0.0.1/8"));
    shell.note("ssh-key list --all --user bob");
    shell.compare("cli_ssh_keys.golden");
    server.stop();
}

#[test]
fn json_of_ssh_keys_is_exactly_what_the_api_answers() {
    let server = Server::start();
    let shell = Shell::of_administrator(&server);
    let added = shell.run_with("ssh-key add - --json", LAPTOP);
    assert_eq!(added.code, Some(0), "{}", added.err);
    let id = serde_json::from_str::<Value>(&added.out).unwrap()["id"].to_string();
    for (line, target) in [
        (format!("ssh-key show {id} --json"), format!("/api/v1/ssh-keys/{id}")),
        ("ssh-key list --all --json".to_owned(), "/api/v1/ssh-keys?limit=500".to_owned()),
    ] {
        let api = server.native(server.administrator(), "GET", &target, "").text();
        assert_eq!(shell.done(&line), api + "\n", "{line}");
    }
    assert_eq!(
        shell.done("ssh-key disable-all --json"),
        "{\"disabled\":1,\"kept\":0,\"next_cursor\":null}\n"
    );
    assert_eq!(shell.done(&format!("ssh-key delete {id} --json")), "");
    server.stop();
}

/// A member adds and finds his own, and of others learns nothing.
#[test]
fn members_work_with_their_own_ssh_keys() {
    let server = Server::start();
    server.create_user("bob");
    let admin = Shell::of_administrator(&server);
    let bob = Shell::new(&server).with_key(&server, &native_key(&server, "bob"));
    assert_eq!(admin.run_with("ssh-key add -", LAPTOP).code, Some(0));
    assert_eq!(bob.run_with("ssh-key add --title build -", BUILD).code, Some(0));
    assert!(bob.done("ssh-key list").contains("build"));
    assert_eq!(bob.done("ssh-key list --all").lines().count(), 2, "a heading and his own");
    assert!(bob.run_with("ssh-key find -", BUILD).out.contains("bob"));
    let hidden = bob.run_with("ssh-key find -", LAPTOP);
    assert_eq!((hidden.code, hidden.out.as_str()), (Some(1), ""));
    assert!(bob.refused("ssh-key list --user admin").contains("role does not allow"));
    assert!(bob.refused("ssh-key disable-all").contains("role does not allow"));
    server.stop();
}

#[test]
fn a_password_comes_by_standard_input_or_is_typed_unseen() {
    let server = Server::start();
    server.create_user("bob");
    let mut shell = Shell::of_administrator(&server);
    let (first, second) = ("correct horse battery staple", "another 8 words that nobody says, ever");
    let ended = shell.run_with("user set-password bob", &format!("{first}\n"));
    let said = "set the password of bob; his tokens have ended\n";
    assert_eq!((ended.code, ended.out.as_str(), ended.err.as_str()), (Some(0), said, ""));
    assert!(server.logs_in("bob", first));
    // At a terminal it is asked for twice and never shown.
    let typed = [("New password: ", second), ("Again: ", second)];
    let ended = shell.run_at_terminal("user set-password bob", &typed);
    assert_eq!(ended.code, Some(0), "{}", ended.out);
    assert!(ended.out.contains(said.trim_end()) && !ended.out.contains("words"), "{}", ended.out);
    assert!(server.logs_in("bob", second) && !server.logs_in("bob", first));
    let differing = [("New password: ", first), ("Again: ", second)];
    let ended = shell.run_at_terminal("user set-password bob", &differing);
    assert_eq!(ended.code, Some(1), "{}", ended.out);
    assert!(ended.out.contains("not the same") && server.logs_in("bob", second), "{}", ended.out);
    assert_eq!(shell.run_with("user set-password bob --json", first).out, "");

    shell.heading("Mistakes");
    shell.note("user set-password bob");
    shell.note_with("user set-password bob", "short\n");
    shell.note_with("user set-password nobody", first);
    shell.note("user set-password bob correct-horse-battery-staple");
    shell.note("user set-password bob --password correct-horse-battery-staple");
    shell.compare("cli_passwords.golden");
    let log = server.stop().err;
    assert!(!log.contains("horse") && !log.contains("words"), "{log}");
}

/// After a suspicion no key opens a login until its owner has enabled it again, and the audit tells both (threat T90).
#[test]
fn t90_after_disable_all_a_key_opens_logins_once_its_owner_enables_it() {
    let server = Server::start();
    server.create_user("zoe");
    let admin = Shell::of_administrator(&server);
    let zoe = Shell::new(&server).with_key(&server, &native_key(&server, "zoe"));
    assert_eq!(admin.run_with("ssh-key add --user zoe -", LAPTOP).code, Some(0));
    assert_eq!(admin.run_with("ssh-key add --user zoe --title planted -", BUILD).code, Some(0));
    let socket = server.setup.socket();
    let opens = |line: &str| {
        let mut words = line.split(' ');
        let (kind, key) = (words.next().unwrap(), words.next().unwrap());
        let fingerprint = PublicKey::parse(line).unwrap().fingerprint().to_string();
        let question =
            ["authorized-keys", "--socket", socket.to_str().unwrap(), "zoe", &fingerprint, kind, key];
        let ended = server.setup.run_with(&question, b"");
        assert_eq!(ended.code, Some(0), "{}", ended.err);
        !ended.out.is_empty()
    };
    assert!(opens(LAPTOP) && opens(BUILD));
    assert!(zoe.refused("ssh-key disable-all").contains("role does not allow"));
    assert!(admin.done("ssh-key disable-all").starts_with("disabled 2 SSH keys"));
    assert!(!opens(LAPTOP) && !opens(BUILD));
    let listed: Value = serde_json::from_str(&zoe.done("ssh-key list --status inactive --json")).unwrap();
    let own = listed["items"].as_array().unwrap().iter().find(|key| key["title"] == "zoe@laptop").unwrap();
    zoe.done(&format!("ssh-key enable {}", own["id"]));
    assert!(opens(LAPTOP) && !opens(BUILD));
    let audit = admin.done("audit --action ssh-key.");
    let by = |actor: &str, action: &str| {
        audit
            .lines()
            .filter(|line| line.contains(&format!("  {action}  ")) && line.contains(&format!("  {actor}  ")))
            .count()
    };
    assert_eq!((by("admin", "ssh-key.disable-all"), by("zoe", "ssh-key.update")), (2, 1), "{audit}");
    server.stop();
}

/// Keys that everybody has are refused, and open no login where they were added before they were listed (threat T87).
#[test]
fn t87_listed_keys_are_neither_added_nor_of_any_use() {
    let setup = Setup::new();
    let server = setup.start();
    server.create_user("zoe");
    let shell = Shell::of_administrator(&server);
    assert_eq!(shell.run_with("ssh-key add --user zoe -", LAPTOP).code, Some(0));
    let fingerprint = "SHA256:F7quViubojhyp1zzcUme5J3OwrNvAQ4Y+L/NcnouC4E";
    let mut words = LAPTOP.split(' ');
    let (kind, key) = (words.next().unwrap(), words.next().unwrap());
    let socket = setup.socket();
    let asks = || {
        let question =
            ["authorized-keys", "--socket", socket.to_str().unwrap(), "zoe", fingerprint, kind, key];
        let ended = setup.run_with(&question, b"");
        assert_eq!(ended.code, Some(0), "{}", ended.err);
        ended.out
    };
    assert_eq!(asks(), format!("restrict,pty {kind} {key}\n"));
    server.stop();

    let file = setup.beside("blocked");
    let listing = |text: &str| {
        fs::write(&file, text).unwrap();
        setup.clone().settings(&format!("ssh.blocked_keys = {:?}", file.to_str().unwrap()))
    };
    let server = listing(&format!("# found in public\n\n{fingerprint} # zoe's\n{BUILD}\n")).start();
    assert_eq!(asks(), "");
    server.wait_for_log(|log| log.contains("\"cause\":\"ssh_key_blocked\""));
    let shell = Shell::of_administrator(&server);
    assert!(shell.done("ssh-key list --user zoe").contains("  blocked  "));
    let refused = shell.run_with("ssh-key add --title build -", BUILD);
    assert_eq!(refused.code, Some(1));
    assert!(refused.err.contains("in the list of compromised keys"), "{}", refused.err);
    server.stop();

    for (text, line) in [
        (format!("{fingerprint}\n\nMD5:00:11\n"), "line 3"),
        ("ssh-ed25519\n".to_owned(), "line 1"),
        (format!("# a\n{fingerprint} zoe\n"), "line 2"),
        (BUILD.replace("AAAAC3", "AAAAC4"), "line 1"),
    ] {
        let sentence = listing(&text).refusal();
        assert!(sentence.contains(line) && sentence.contains("blocked"), "{sentence}");
    }
    fs::remove_file(&file).unwrap();
    let missing = setup.clone().settings(&format!("ssh.blocked_keys = {:?}", file.to_str().unwrap()));
    let sentence = missing.refusal();
    assert!(sentence.contains("blocked_keys cannot be read"), "{sentence}");
}
