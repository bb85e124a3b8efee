//! `keyward explain` on requests that a server has really answered.

use serde_json::Value;

use crate::harness::carriage::Carriage;
use crate::harness::scloud::Reply;
use crate::harness::server::plain_sentence;
use crate::harness::{Request, Server, Setup};

/// The requests of one user, in each form.
fn requests(server: &Server) -> Vec<Request> {
    let key = server.administrator();
    let pairs = [("Action", "GetUser"), ("UserName", "admin"), ("PublicKey", key.id.as_str())];
    let form = key.form("GetUser", &[("UserName", "admin")]);
    let signature = form.rsplit_once('=').unwrap().1;
    Carriage::ALL
        .map(|carriage| carriage.request("/", &[&pairs[..], &[("Signature", signature)]].concat()))
        .to_vec()
}

fn with_secret(secret: &str) -> Setup {
    Setup::new().environment("KEYWARD_SECRET_KEY", secret)
}

#[test]
fn what_the_server_accepts_is_explained_as_right_and_what_it_refuses_as_wrong() {
    let server = Server::start();
    let key = server.administrator();
    let explain = |secret: &str, request: &Request| {
        let ended = with_secret(secret).run_with(&["explain", "--json"], &request.wire());
        assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""), "{}", ended.out);
        assert!(!ended.out.contains(secret), "{}", ended.out);
        serde_json::from_str::<Value>(&ended.out).unwrap()
    };
    for request in requests(&server) {
        Reply::of(server.ask(&request)).done();
        let right = explain(&key.secret, &request);
        let names: Vec<&String> = right.as_object().unwrap().keys().collect();
        let members = [
            "access_key_id",
            "canonical_request",
            "causes",
            "expected_signature",
            "given_signature",
            "matches",
            "scheme",
            "string_to_sign",
        ];
        assert_eq!(names, members);
        assert_eq!((&right["matches"], &right["scheme"]), (&true.into(), &"scloud".into()), "{right}");
        assert_eq!(right["access_key_id"], key.id.as_str());
        assert_eq!(right["string_to_sign"], format!("ActionGetUserPublicKey{}UserNameadmin", key.id));
        assert_eq!(right["expected_signature"], right["given_signature"]);

        let wrong = explain("some-other-secret", &request);
        assert_eq!(wrong["matches"], false);
        assert_ne!(wrong["expected_signature"], wrong["given_signature"]);
        let blank = explain(&format!("{} ", key.secret), &request);
        assert!(blank["causes"][0].as_str().unwrap().contains("blank"), "{blank}");
    }
    let tampered =
        Request::form("/", &key.form("GetUser", &[("UserName", "admin")]).replace("=admin", "=root"));
    assert_eq!(Reply::of(server.ask(&tampered)).code(), 171);
    assert_eq!(explain(&key.secret, &tampered)["matches"], false);
    server.stop();
}

#[test]
fn for_people_it_is_text_and_for_scripts_the_exit_codes_tell() {
    let request = Request::form(
        "/",
        &crate::harness::Key::new("an-access-key-id", "its-secret-long").form("ListUsers", &[]),
    );
    let ended = with_secret("its-secret-long").run_with(&["explain"], &request.wire());
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""));
    for line in
        ["scheme              scloud", "access key id       an-access-key-id", "matches             yes"]
    {
        assert!(ended.out.lines().any(|shown| shown == line), "{}", ended.out);
    }
    let explain = |setup: Setup, arguments: &[&str], input: &[u8]| {
        let ended = setup.run_with(&[&["explain"], arguments].concat(), input);
        assert_eq!(ended.out, "", "{arguments:?}");
        (ended.code, ended.err)
    };
    let (code, error) = explain(Setup::new(), &[], &request.wire());
    assert_eq!(code, Some(1));
    assert!(plain_sentence(&error).contains("KEYWARD_SECRET_KEY"));
    for input in [&b""[..], b"hello", &[0xff; 100], b"GET / HTTP/1.1\r\nHost: h\r\n\r\n"] {
        let (code, error) = explain(with_secret("s"), &["--json"], input);
        assert_eq!(code, Some(1));
        plain_sentence(&error);
    }
    let (code, _) = explain(with_secret("s"), &["--secret", "s"], &request.wire());
    assert_eq!(code, Some(2), "no secret on the command line");
    // It needs neither settings nor a directory, and makes none.
    let setup = with_secret("s").environment("KEYWARD_LISEN", "1");
    assert_eq!(setup.run_with(&["explain"], &request.wire()).code, Some(0));
    assert!(!setup.beside("keyward-data").exists());
}

/// Text from a stranger's request is shown on somebody's terminal.
#[test]
fn what_is_shown_cannot_move_the_cursor() {
    let key = crate::harness::Key::new("an-access-key-id", "its-secret-long");
    let request =
        Request::form("/", &key.form("GetUser", &[("UserName", "\u{1b}[2Jroot\u{202e}\u{7}\u{9b}")]));
    for arguments in [&["explain"][..], &["explain", "--json"]] {
        let ended = with_secret("its-secret-long").run_with(arguments, &request.wire());
        assert_eq!(ended.code, Some(0));
        let acts = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
        assert!(!ended.out.contains(acts), "{:?}", ended.out);
    }
}

#[test]
fn t59_commands_that_hold_secrets_make_no_dump_either() {
    use std::io::Write;
    use std::process::{Command, Stdio};

    let mut child = Command::new(env!("CARGO_BIN_EXE_keyward"))
        .arg("explain")
        .env("KEYWARD_SECRET_KEY", "its-secret-long")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // More than a pipe holds: when it is written, the program has begun to read.
    child.stdin.as_mut().unwrap().write_all(&[b'x'; 1 << 20]).unwrap();
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", child.id())).unwrap();
    drop(child.stdin.take());
    child.wait().unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().rev().take(3).collect::<Vec<_>>(), ["bytes", "0", "0"], "{core}");
}
