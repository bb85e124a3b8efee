//! Debian's nginx in front of a backend, with the configuration of the page about it.

use std::process::Command;

use signing::Scheme;

use super::stage::Stage;
use crate::harness::Server;
use crate::harness::programs::{Backend, Program, block_of, header_in};
use crate::harness::signed::{Signed, now};

const PAGE: &str = include_str!("../../../../../docs/integrations/nginx.md");

/// nginx as the page sets it up.
fn asking_nginx(server: &Server, backend: &Backend) -> Program {
    let socket = server.setup.socket();
    nginx(server, |port| {
        let replace = [
            ("/run/keyward/gate.sock", socket.to_str().unwrap()),
            ("listen 8080", &format!("listen 127.0.0.1:{port}")),
            ("127.0.0.1:9000", &backend.address.to_string()),
        ];
        block_of(PAGE, "nginx", &replace)
    })
}

/// nginx with these settings inside its `http` block.
pub(crate) fn nginx(server: &Server, http: impl Fn(u16) -> String) -> Program {
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

#[test]
fn signed_requests_pass_and_the_backend_sees_who_it_is() {
    Stage::behind(asking_nginx).assert_signed_requests_pass();
}

#[test]
fn nothing_else_passes() {
    Stage::behind(asking_nginx).assert_nothing_else_passes();
}

#[test]
fn a_body_passes_unread_by_the_gate() {
    let Stage { server, proxy, backend } = Stage::behind(asking_nginx);
    let signed = Signed::at(now(), Scheme::Aws4, server.administrator(), "POST", Stage::HOST, "/a");
    let answer = proxy.ask(&signed.request().body("five!"));
    Stage::assert_seen(&answer, Scheme::Aws4);
    assert_eq!(header_in(&answer.text(), "x-keyward-payload"), Some("unchecked"));
    let unknown = Signed::at(now(), Scheme::Tc3, server.administrator(), "POST", Stage::HOST, "/a");
    assert_eq!(proxy.ask(&unknown.request().body("five!")).status, 401);
    assert_eq!(backend.reached(), 1);
}

#[test]
fn t12_a_request_line_that_names_another_host_does_not_pass() {
    let Stage { server, proxy, backend } = Stage::behind(asking_nginx);
    let signed = Signed::get(Scheme::Aws4, server.administrator(), Stage::HOST, "/a");
    let absolute = Signed { target: "http://other.test/a".to_owned(), ..signed };
    assert_eq!(proxy.ask(&absolute.request()).status, 400);
    assert_eq!(backend.reached(), 0);
}
