//! Debian's sshd, which asks `keyward authorized-keys` as the page about it says.

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use domain::ssh_keys::NewSshKey;
use domain::users::UserRef;
use serde_json::{Value, json};
use signing::encode::form_encode;

use super::tokens::tokens_of_two_accounts;
use crate::harness::programs::{Program, block_of};
use crate::harness::server::Ended;
use crate::harness::{Request, Server, Setup};

const PAGE: &str = include_str!("../../../../../docs/integrations/sshd.md");

/// A key pair in a file.
struct Pair {
    private: PathBuf,
    /// Type and base64.
    public: String,
}

impl Pair {
    fn generate(setup: &Setup, name: &str) -> Self {
        let private = setup.beside(name);
        generate(&private);
        let public = std::fs::read_to_string(private.with_extension("pub")).unwrap();
        Self { private, public: public.trim().to_owned() }
    }

    fn fingerprint(&self) -> String {
        let told = Command::new("ssh-keygen").arg("-lf").arg(&self.private).output().unwrap();
        String::from_utf8(told.stdout).unwrap().split(' ').nth(1).unwrap().to_owned()
    }

    /// What sshd passes to its command about this key.
    fn arguments<'a>(&'a self, login: &'a str, fingerprint: &'a str) -> [&'a str; 4] {
        let (kind, key) = self.public.split_once(' ').unwrap();
        [login, fingerprint, kind, key]
    }
}

fn generate(file: &Path) {
    let mut command = Command::new("ssh-keygen");
    command.args(["-q", "-t", "ed25519", "-N", "", "-C", "", "-f"]).arg(file);
    assert!(command.status().unwrap().success());
}

/// A setup whose store has users with these SSH keys. The server has run, and stopped.
fn setup_with_keys(settings: &str, users: &[(&str, &Pair)], setup: Setup) -> Setup {
    let setup = setup.settings(settings);
    let server = setup.start();
    for (user, _) in users {
        server.create_user(user);
    }
    server.stop();
    setup.offline(async |service, caller| {
        for (user, pair) in users {
            let key = NewSshKey::plain("laptop", &pair.public);
            service.add_ssh_key(caller, UserRef::from(*user), key).await.unwrap();
        }
    });
    setup
}

/// The Unix login of whoever runs the tests, the only one that sshd lets in without being root.
fn own_login() -> String {
    let told = Command::new("id").arg("-un").output().unwrap();
    String::from_utf8(told.stdout).unwrap().trim().to_owned()
}

fn sshd(setup: &Setup) -> Program {
    let home = setup.beside("sshd");
    std::fs::create_dir(&home).unwrap();
    let host_key = home.join("host_key");
    generate(&host_key);
    if rustix::process::geteuid().is_root() {
        // Where Debian's start script makes it.
        std::fs::create_dir_all("/run/sshd").unwrap();
    }
    let command = format!(
        "/usr/bin/env {} authorized-keys --socket {}",
        env!("CARGO_BIN_EXE_keyward"),
        setup.socket().display()
    );
    let replace = [
        ("/usr/bin/keyward authorized-keys", command.as_str()),
        ("CommandUser keyward", &format!("CommandUser {}", own_login())),
    ];
    let block = block_of(PAGE, "sshd_config", &replace);
    Program::start(&home.join("log"), |port| {
        let settings = format!(
            "ListenAddress 127.0.0.1:{port}\nHostKey {}\nPidFile none\nStrictModes no\nUsePAM no\n{block}",
            host_key.display(),
        );
        let file = home.join("sshd_config");
        std::fs::write(&file, settings).unwrap();
        let mut command = Command::new("/usr/sbin/sshd");
        command.arg0("/usr/sbin/sshd").args(["-D", "-e", "-f"]).arg(&file);
        command
    })
}

fn ssh(sshd: &Program, pair: &Pair, login: &str, command: &str) -> Output {
    let mut ssh = Command::new("ssh");
    ssh.args(["-F", "none", "-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes", "-o", "LogLevel=ERROR"]);
    ssh.args(["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-i"])
        .arg(&pair.private);
    ssh.arg("-p").arg(sshd.address.port().to_string());
    ssh.arg(format!("{login}@{}", sshd.address.ip())).arg(command).output().unwrap()
}

fn assert_refused(output: &Output) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(255), "{output:?}");
    assert!(said.contains("Permission denied (publickey)"), "{said}");
}

#[test]
fn a_key_opens_the_login_of_its_owners_name_until_it_is_gone() {
    let setup = Setup::new();
    let (own, stranger, other) =
        (Pair::generate(&setup, "own"), Pair::generate(&setup, "stranger"), Pair::generate(&setup, "other"));
    let login = own_login();
    let setup = setup_with_keys("", &[(&login, &own), ("someone", &other)], setup);
    let server = setup.start();
    let sshd = sshd(&setup);
    let output = ssh(&sshd, &own, &login, "echo hello");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "hello\n", "{output:?}");
    assert_refused(&ssh(&sshd, &stranger, &login, "true"));
    assert_refused(&ssh(&sshd, &other, &login, "true"));
    server.call(server.administrator(), "DeleteUser", &[("UserName", &login)]).done();
    assert_refused(&ssh(&sshd, &own, &login, "true"));
    server.wait_for_log(|log| log.matches("\"cause\":\"ssh_key_unknown\"").count() >= 2);
    server.stop();
    assert_refused(&ssh(&sshd, &own, &login, "true"));
}

/// The networks of a key are checked by sshd itself, from the line that it gets.
#[test]
fn a_key_opens_its_login_from_its_networks_only() {
    let setup = Setup::new();
    let own = Pair::generate(&setup, "own");
    let login = own_login();
    let setup = setup_with_keys("", &[(&login, &own)], setup);
    let server = setup.start();
    let sshd = sshd(&setup);
    let call = |method: &str, target: &str, body: &str| {
        server.native(server.administrator(), method, &format!("/api/v1/{target}"), body)
    };
    let found: Value = serde_json::from_slice(&call("GET", "ssh-keys", "").body).unwrap();
    let key = format!("ssh-keys/{}", found["items"][0]["id"]);
    for (sources, is_open) in [
        (json!(["192.0.2.0/24", "2001:db8::/32"]), false),
        (json!(["2001:db8::/32", "127.0.0.0/8", "192.0.2.7"]), true),
        (json!(["127.0.0.2"]), false),
        (json!(["127.0.0.1"]), true),
        (json!(["::/0"]), false),
        (json!(["0.0.0.0/0"]), true),
        (json!([]), true),
    ] {
        let changed = call("PATCH", &key, &json!({ "sources": sources }).to_string());
        assert_eq!(changed.status, 200, "{}", changed.text());
        let output = ssh(&sshd, &own, &login, "echo hello");
        if is_open {
            assert_eq!(String::from_utf8_lossy(&output.stdout), "hello\n", "{sources}: {output:?}");
        } else {
            assert_refused(&output);
        }
    }
    let seen: Value = serde_json::from_slice(&call("GET", &key, "").body).unwrap();
    assert!(seen["last_offered"].is_string(), "{seen}");
    server.stop();
}

#[test]
fn a_shared_login_runs_its_command_for_whoever_it_is() {
    let setup = Setup::new();
    let (jane, bob) = (Pair::generate(&setup, "jane"), Pair::generate(&setup, "bob"));
    let login = own_login();
    let settings = format!(
        "[ssh.logins.\"{login}\"]\nusers = \"any\"\ncommand = \"echo {{user}} of {{account}} asks: $SSH_ORIGINAL_COMMAND\""
    );
    let setup = setup_with_keys(&settings, &[("jane", &jane), ("bob", &bob)], setup);
    let server = setup.start();
    let sshd = sshd(&setup);
    for (name, pair) in [("jane", &jane), ("bob", &bob)] {
        let output = ssh(&sshd, pair, &login, "git-upload-pack x");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(said, format!("{name} of default asks: git-upload-pack x\n"), "{output:?}");
    }
    server.stop();
}

/// The administrator's view of the one SSH key of a user.
fn key_of(server: &Server, user: &str) -> serde_json::Value {
    let answer = server.native(server.administrator(), "GET", &format!("/api/v1/users/{user}/ssh-keys"), "");
    let mut list: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    list["items"][0].take()
}

#[test]
fn a_key_is_used_when_its_logins_command_says_so_and_offered_before() {
    let setup = Setup::new();
    let (jane, bob) = (Pair::generate(&setup, "jane"), Pair::generate(&setup, "bob"));
    let login = own_login();
    let program = env!("CARGO_BIN_EXE_keyward");
    let socket = setup.socket();
    let settings = format!(
        "[ssh.logins.\"{login}\"]\nusers = \"any\"\ncommand = \"{program} ssh-used --socket {} {{key_id}}; echo {{user}}\"",
        socket.display(),
    );
    let setup = setup_with_keys(&settings, &[("jane", &jane), ("bob", &bob)], setup);
    let server = setup.start();
    let sshd = sshd(&setup);
    assert!(key_of(&server, "jane")["last_offered"].is_null());
    // Somebody who merely has the public half makes sshd ask.
    let fingerprint = bob.fingerprint();
    let asked = authorized_keys(&socket, &setup, bob.arguments(&login, &fingerprint));
    assert!(asked.out.contains("ssh-used"), "{}", asked.out);
    let output = ssh(&sshd, &jane, &login, "anything");
    assert_eq!(
        (output.stdout.as_slice(), output.stderr.as_slice()),
        (&b"jane\n"[..], &b""[..]),
        "{output:?}\n{}",
        server.log()
    );
    let (jane_key, bob_key) = (key_of(&server, "jane"), key_of(&server, "bob"));
    assert!(jane_key["last_offered"].is_string() && jane_key["last_used"].is_string(), "{jane_key}");
    assert!(bob_key["last_offered"].is_string() && bob_key["last_used"].is_null(), "{bob_key}");
    server.wait_for_log(|log| log.contains("\"operation\":\"ssh_used\""));
    let line: serde_json::Value =
        serde_json::from_str(server.log().lines().find(|line| line.contains("ssh_used")).unwrap()).unwrap();
    assert_eq!((&line["source"], &line["http.status"]), (&"127.0.0.1".into(), &204.into()), "{line}");
    // Both are kept.
    server.stop();
    let server = setup.start();
    let kept = key_of(&server, "jane");
    assert_eq!(
        (&kept["last_offered"], &kept["last_used"]),
        (&jane_key["last_offered"], &jane_key["last_used"])
    );
    // Numbers of no key, and no numbers.
    let report =
        |query: &str| server.question(&Request::new("POST", &format!("/gate/ssh-used?{query}"))).status;
    for (query, status) in
        [("key=1", 404), ("key=0", 400), ("key=x", 400), ("", 400), ("key=1&source=x", 400)]
    {
        assert_eq!(report(query), status, "{query}");
    }
    let number = jane_key["id"].as_u64().unwrap();
    assert_eq!(
        server.question(&Request::get(&format!("/gate/ssh-used?key={number}"))).status,
        400,
        "not a GET"
    );
    assert_eq!(server.ask(&Request::new("POST", &format!("/gate/ssh-used?key={number}"))).status, 401);
    // Without a server the login goes on, without a word.
    server.stop();
    let used = ["ssh-used", "--socket", socket.to_str().unwrap(), "4711"];
    let ended = setup.run_with(&used, b"");
    assert_eq!((ended.code, ended.out.as_str(), ended.err.as_str()), (Some(0), "", ""));
    let silent = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    let ended = setup.run_with(&used, b"");
    assert_eq!((ended.code, ended.out.as_str(), ended.err.as_str()), (Some(0), "", ""));
    drop(silent);
}

/// A service of another account asks about its own account's keys, which have no logins here: it is told of no key and no user
/// of the logins' account, and makes none look used.
#[test]
fn t38_a_service_of_another_account_neither_asks_about_logins_nor_reports_any() {
    let setup = Setup::new();
    let jane = Pair::generate(&setup, "jane");
    let server = setup_with_keys("", &[("jane", &jane)], setup).start();
    let [foreign, own] = tokens_of_two_accounts(&server);
    let (kind, key) = jane.public.split_once(' ').unwrap();
    let [fingerprint, key] = [&jane.fingerprint(), key].map(|text| form_encode(text.as_bytes()));
    let question =
        format!("/gate/authorized-keys?login=jane&fingerprint={fingerprint}&type={kind}&key={key}");
    let number = key_of(&server, "jane")["id"].as_u64().unwrap();
    let ask = |token: &str| {
        let with = |request: Request| server.ask(&request.header("X-Keyward-Gate-Token", token));
        let asked = with(Request::get(&question));
        let reported = with(Request::new("POST", &format!("/gate/ssh-used?key={number}")));
        (asked.status, asked.text().contains(&jane.public), reported.status)
    };
    assert_eq!(ask(&foreign), (200, false, 404));
    let untouched = key_of(&server, "jane");
    assert!(untouched["last_offered"].is_null() && untouched["last_used"].is_null(), "{untouched}");
    assert_eq!(ask(&own), (200, true, 204));
    server.stop();
}

fn authorized_keys(socket: &Path, setup: &Setup, arguments: [&str; 4]) -> Ended {
    let socket = ["authorized-keys", "--socket", socket.to_str().unwrap()];
    setup.run_with(&[&socket[..], &arguments].concat(), b"")
}

#[test]
fn t92_the_line_is_that_of_the_very_key_and_no_other_gets_one() {
    let setup = Setup::new();
    let (jane, stranger) = (Pair::generate(&setup, "jane"), Pair::generate(&setup, "stranger"));
    let setup = setup_with_keys("", &[("jane", &jane), ("empty", &Pair::generate(&setup, "gone"))], setup);
    let server = setup.start();
    let ask = |arguments| {
        let ended = authorized_keys(&setup.socket(), &setup, arguments);
        assert_eq!(ended.code, Some(0), "{}", ended.err);
        ended.out
    };
    let (fingerprint, strangers) = (jane.fingerprint(), stranger.fingerprint());
    let own = jane.arguments("jane", &fingerprint);
    assert_eq!(ask(own), format!("restrict,pty {}\n", jane.public));
    // A key that is not stored, for a user who is, and for one who has other keys.
    for login in ["jane", "empty", "nobody"] {
        assert_eq!(ask(stranger.arguments(login, &strangers)), "");
    }
    // Another's login; the name in another case; a name with more in it.
    for login in ["empty", "JANE", "jane ", "jane&login=jane", "jane\njane"] {
        assert_eq!(ask(jane.arguments(login, &fingerprint)), "", "{login}");
    }
    // The fingerprint of a key that would open, the key of one that would not, and the other way round.
    assert_eq!(ask(stranger.arguments("jane", &fingerprint)), "");
    assert_eq!(ask(jane.arguments("jane", &strangers)), "");
    // A certificate whose inner key is stored, and the key under another type.
    for kind in ["ssh-ed25519-cert-v01@openssh.com", "ssh-rsa", "sk-ssh-ed25519@openssh.com"] {
        assert_eq!(ask([own[0], own[1], kind, own[3]]), "", "{kind}");
    }
    let blank = format!("{} x", own[3]);
    for key in ["", "AAAA", &own[3][..own[3].len() - 4], blank.as_str()] {
        let ended = authorized_keys(&setup.socket(), &setup, [own[0], own[1], own[2], key]);
        assert!(ended.out.is_empty() || key == blank, "{key}: {}", ended.out);
        assert!(!ended.out.contains(" x"), "nothing of the question is in the answer: {}", ended.out);
    }
    server.stop();
}

#[test]
fn without_a_server_there_is_no_key_and_a_reason() {
    let server = Server::start();
    let socket = server.setup.socket();
    let setup = server.setup.clone();
    server.kill();
    for socket in [socket.as_path(), Path::new("/nowhere/gate.sock")] {
        let ended = authorized_keys(socket, &setup, ["jane", "SHA256:x", "ssh-ed25519", "AAAA"]);
        assert_eq!((ended.code, ended.out.as_str()), (Some(1), ""));
        let sentence = crate::harness::server::plain_sentence(&ended.err);
        assert!(sentence.contains("no key for jane") && sentence.contains("gate.sock"), "{sentence}");
    }
    // Somebody who listens and does not answer.
    let silent = setup.beside("silent.sock");
    let listener = std::os::unix::net::UnixListener::bind(&silent).unwrap();
    let ended = authorized_keys(&silent, &setup, ["jane", "SHA256:x", "ssh-ed25519", "AAAA"]);
    assert_eq!((ended.code, ended.out.as_str()), (Some(1), ""));
    drop(listener);
}
