//! Debian's Caddy in front of a backend, with the configuration of the page about it.

use std::process::Command;

use super::stage::Stage;
use crate::harness::Server;
use crate::harness::programs::{Backend, Program, block_of};

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
    Stage::behind(caddy).assert_signed_requests_pass();
}

#[test]
fn nothing_else_passes() {
    Stage::behind(caddy).assert_nothing_else_passes();
}
