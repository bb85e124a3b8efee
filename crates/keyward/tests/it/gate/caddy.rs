//! Debian's Caddy in front of a backend, with the configuration of the page about it.

use std::process::Command;

use signing::Scheme;

use super::questions::BOUND;
use super::stage::Stage;
use crate::harness::Server;
use crate::harness::http::Connection;
use crate::harness::programs::{Backend, Program, block_of};
use crate::harness::signed::Signed;

const PAGE: &str = include_str!("../../../../../docs/integrations/caddy.md");

fn caddy(server: &Server, backend: &Backend) -> Program {
    let (home, socket) = (server.setup.beside("caddy"), server.setup.socket());
    std::fs::create_dir(&home).unwrap();
    Program::start(&home.join("log"), |port| {
        let replace = [
            ("/run/keyward/gate.sock", socket.to_str().unwrap()),
            (":8080 {", &format!(":{port} {{\n\tbind 127.0.0.1")),
            ("127.0.0.1:9000", &backend.address.to_string()),
        ];
        let settings = format!("{{\n\tadmin off\n}}\n{}", block_of(PAGE, "caddyfile", &replace));
        let file = home.join("Caddyfile");
        std::fs::write(&file, settings).unwrap();
        let mut command = Command::new("caddy");
        command.args(["run", "--adapter", "caddyfile", "--config"]).arg(&file);
        // Where it keeps its own files.
        command.env("HOME", &home).env("XDG_CONFIG_HOME", &home).env("XDG_DATA_HOME", &home);
        command
    })
}

#[test]
fn signed_requests_pass_and_the_backend_sees_who_it_is() {
    let Stage { server, proxy, backend } = Stage::behind(caddy);
    for scheme in BOUND {
        Stage::assert_identity(&server, &proxy, scheme);
    }
    assert_eq!(backend.reached(), 2 * BOUND.len());
    server.stop();
}

#[test]
fn a_request_with_one_changed_byte_does_not_pass() {
    let Stage { server, proxy, backend } = Stage::behind(caddy);
    let mut client = Connection::open(proxy.address);
    for scheme in BOUND {
        let signed = Signed::get(scheme, server.administrator(), Stage::HOST, "/a/b?x=1&y=2");
        for (what, changed) in signed.changed_everywhere() {
            let answer = client.exchange(&changed.request());
            assert!(matches!(answer.status, 401 | 403), "{scheme} {what}: {changed:?} {answer:?}");
        }
    }
    assert_eq!(backend.reached(), 0);
}

#[test]
fn a_scheme_that_binds_nothing_does_not_pass() {
    let Stage { server, proxy, backend } = Stage::behind(caddy);
    let signed = Signed::get(Scheme::Scloud, server.administrator(), Stage::HOST, "/a?x=1");
    assert_eq!(proxy.ask(&signed.request()).status, 401);
    assert_eq!(backend.reached(), 0);
}
