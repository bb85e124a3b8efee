//! Debian's nginx in front of a backend, with the configuration of the page about it.

use std::process::Command;

use signing::Scheme;

use super::questions::BOUND;
use crate::harness::http::{Answer, Connection};
use crate::harness::programs::{Backend, Program, block_of, header_in};
use crate::harness::signed::Signed;
use crate::harness::{Request, Server};

const PAGE: &str = include_str!("../../../../../docs/integrations/nginx.md");
const HOST: &str = "web.test";

/// A server, nginx that asks it, and the backend behind.
struct Stage {
    server: Server,
    nginx: Program,
    backend: Backend,
}

impl Stage {
    fn start() -> Self {
        let (server, backend) = (Server::start(), Backend::start());
        let socket = server.setup.socket();
        let nginx = nginx(&server, |port| {
            block_of(
                PAGE,
                "nginx",
                &[
                    ("/run/keyward/gate.sock", socket.to_str().unwrap()),
                    ("listen 8080", &format!("listen 127.0.0.1:{port}")),
                    ("127.0.0.1:9000", &backend.address.to_string()),
                ],
            )
        });
        Self { server, nginx, backend }
    }
}

/// nginx with these settings inside its `http` block.
pub(super) fn nginx(server: &Server, http: impl Fn(u16) -> String) -> Program {
    let home = server.setup.beside("nginx");
    std::fs::create_dir(&home).unwrap();
    Program::start(&home.join("log"), |port| {
        let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|name| format!("{name}_temp_path {}/{name};\n", home.display()))
            .concat();
        let settings = format!(
            "daemon off;\nmaster_process off;\npid {0}/pid;\nerror_log stderr warn;\nevents {{}}\n\
             http {{\naccess_log off;\n{temporary}{1}}}\n",
            home.display(),
            http(port),
        );
        let file = home.join("nginx.conf");
        std::fs::write(&file, settings).unwrap();
        let mut command = Command::new("/usr/sbin/nginx");
        command.arg("-p").arg(&home).arg("-c").arg(&file).arg("-e").arg("stderr");
        command
    })
}

fn assert_seen(answer: &Answer, user: &str, scheme: Scheme) {
    assert_eq!(answer.status, 200, "{scheme}: {answer:?}");
    let head = answer.text();
    assert_eq!(header_in(&head, "x-keyward-user"), Some(user), "{head}");
    assert_eq!(header_in(&head, "x-keyward-account"), Some("default"));
    assert_eq!(header_in(&head, "x-keyward-scheme"), Some(scheme.as_str()));
    assert_eq!(head.to_lowercase().matches("x-keyward-user").count(), 1, "{head}");
}

#[test]
fn signed_requests_pass_and_the_backend_sees_who_it_is() {
    let Stage { server, nginx, backend } = Stage::start();
    for scheme in BOUND {
        let signed = Signed::get(scheme, server.administrator(), HOST, "/a/b?x=1&y=2");
        assert_seen(&nginx.ask(&signed.request()), "admin", scheme);
        let lies = ["User", "Account", "Key", "Scheme", "Payload"];
        let lying = lies
            .iter()
            .fold(signed.request(), |request, name| request.header(&format!("X-Keyward-{name}"), "root"));
        let lying = lying.header("X-Forwarded-Uri", "/other").header("X-Real-IP", "192.0.2.1");
        assert_seen(&nginx.ask(&lying), "admin", scheme);
    }
    assert_eq!(backend.reached(), 2 * BOUND.len());
    // The client's own address, not the one that he claims.
    server.wait_for_log(|log| log.matches("\"operation\":\"forward\"").count() == 2 * BOUND.len());
    assert!(server.log().contains("\"source\":\"127.0.0.1\"") && !server.log().contains("192.0.2.1"));
    server.stop();
}

#[test]
fn a_request_with_one_changed_byte_does_not_pass() {
    let Stage { server, nginx, backend } = Stage::start();
    let mut client = Connection::open(nginx.address);
    for scheme in BOUND {
        let signed = Signed::get(scheme, server.administrator(), HOST, "/a/b?x=1&y=2");
        for (what, changed) in signed.changed_everywhere() {
            let answer = client.exchange(&changed.request());
            assert!(matches!(answer.status, 401 | 403), "{scheme} {what}: {changed:?} {answer:?}");
            if answer.header("connection") == Some("close") {
                client = Connection::open(nginx.address);
            }
        }
    }
    assert_eq!(nginx.ask(&Request::get("/a")).status, 401);
    assert_eq!(backend.reached(), 0);
}

#[test]
fn a_body_passes_unread_by_the_gate() {
    let Stage { server, nginx, backend } = Stage::start();
    let signed =
        Signed::at(crate::harness::signed::now(), Scheme::Aws4, server.administrator(), "POST", HOST, "/a");
    let answer = nginx.ask(&signed.request().body("five!"));
    assert_seen(&answer, "admin", Scheme::Aws4);
    assert_eq!(header_in(&answer.text(), "x-keyward-payload"), Some("unchecked"));
    let unknown =
        Signed::at(crate::harness::signed::now(), Scheme::Tc3, server.administrator(), "POST", HOST, "/a");
    assert_eq!(nginx.ask(&unknown.request().body("five!")).status, 401);
    assert_eq!(backend.reached(), 1);
}

#[test]
fn t12_a_request_line_that_names_another_host_does_not_pass() {
    let Stage { server, nginx, backend } = Stage::start();
    let signed = Signed::get(Scheme::Aws4, server.administrator(), HOST, "/a");
    let absolute = Signed { target: "http://other.test/a".to_owned(), ..signed };
    assert_eq!(nginx.ask(&absolute.request()).status, 400);
    assert_eq!(backend.reached(), 0);
}
