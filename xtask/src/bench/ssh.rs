//! sshd's question: how long `keyward authorized-keys` takes from its start to its end, against a program that does nothing, and
//! how many such questions a server answers.

use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Result, ensure};

use super::load::{self, Place, Request};
use super::table::{Row, Target, Unit};
use super::{Bench, native, progress, stats};

/// A public key (RFC 8032, 7.1, test 1) as `ssh-keygen` writes it, and its fingerprint.
const KEY: &str = "AAAAC3NzaC1lZDI1NTE5AAAAINdamAGCsQq31Uv+08lkBzoO4XLz2qYjJa8CGmj3B1Ea";
const FINGERPRINT: &str = "SHA256:bbXpuKG6zhzdmnxq256TlqzFBzRl2f6OOg722cYNbU8";
const TYPE: &str = "ssh-ed25519";
/// The first user, whose name is also the login's.
const LOGIN: &str = "admin";
/// Programs started in each round.
const STARTS: usize = 200;

impl Bench {
    /// The rows about logins at SSH servers.
    pub(super) fn ssh(&mut self) -> Result<()> {
        progress("sshd's questions");
        let server = self.few.server()?.1;
        let body = serde_json::json!({ "title": "bench", "key": format!("{TYPE} {KEY}") }).to_string();
        let path = format!("/users/{LOGIN}/ssh-keys");
        let add = native::request(server, self.few.administrator(), "POST", &path, &body)?;
        load::once(&server.into(), 1, vec![add.into()], |body| body.starts_with(b"{\"id\":"))?;
        let socket = self.few.gate_socket();
        let mut ask = Command::new(&self.binary);
        ask.arg("authorized-keys").arg("--socket").arg(&socket).args([LOGIN, FINGERPRINT, TYPE, KEY]);
        ensure!(
            ask.output()?.stdout.ends_with(format!("{TYPE} {KEY}\n").as_bytes()),
            "the key opens no login"
        );
        let mut nothing = Command::new("/bin/true");
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for _ in 0..self.plan.rounds {
            ours.push(median_run(&mut ask)?);
            theirs.push(median_run(&mut nothing)?);
        }
        self.rows.push(Row {
            what: "keyward authorized-keys, start to exit / true".to_owned(),
            unit: Unit::Seconds,
            ours,
            theirs,
            target: Target::None,
        });
        let question: Request = format!(
            "GET /gate/authorized-keys?login={LOGIN}&fingerprint={}&type={TYPE}&key={} HTTP/1.1\r\nHost: gate\r\n\r\n",
            encoded(FINGERPRINT),
            encoded(KEY)
        )
        .into_bytes()
        .into();
        let opens = |body: &[u8]| body.starts_with(b"restrict,pty ssh-ed25519 ");
        self.gate_row(
            "sshd's question, Unix socket",
            server,
            &Place::Unix(socket),
            &[question],
            (1, Target::None),
            opens,
        )
    }
}

/// Seconds from start to end of a program, the median of many runs, one after the other.
fn median_run(command: &mut Command) -> Result<f64> {
    command.stdout(Stdio::null());
    let mut seconds = Vec::with_capacity(STARTS);
    for _ in 0..STARTS {
        let started = Instant::now();
        ensure!(command.status()?.success(), "it failed");
        seconds.push(started.elapsed().as_secs_f64());
    }
    Ok(stats::median(&seconds))
}

fn encoded(text: &str) -> String {
    signing::encode::form_encode(text.as_bytes())
}
