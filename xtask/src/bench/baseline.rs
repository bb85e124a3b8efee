//! The bare axum handler that lists are compared with: the same bytes, no work.
//!
//! A process of its own, as the server is: `axum::serve` as it comes, on the default multi-thread runtime. The handler does
//! not even read the request's body.

use std::fs;
use std::io::Read as _;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};
use axum::Router;
use axum::body::Bytes;
use axum::http::header::{CONNECTION, CONTENT_LENGTH, DATE};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::routing::any;
use tokio::net::TcpListener;

use crate::harness::http::{Connection, Response};
use crate::harness::process::Process;

/// Starts the process, which is to answer as `answer` does.
pub(super) fn start(answer: &Response, folder: &Path) -> Result<Process> {
    let file = folder.join("baseline-answer");
    fs::write(&file, [answer.head.as_slice(), &answer.body].concat())?;
    Process::start(Command::new(std::env::current_exe()?).arg("bench-baseline").arg(file))
}

/// Makes sure that both really send the same: status, body, and header fields of the same names and sizes.
pub(super) fn same_bytes(ours: &Response, theirs: &Response) -> Result<()> {
    let fields = |response: &Response| {
        let head = String::from_utf8_lossy(&response.head).to_ascii_lowercase();
        let mut fields: Vec<(String, usize)> = head
            .split("\r\n")
            .map(|line| (line.split(':').next().unwrap_or(line).to_owned(), line.len()))
            .collect();
        fields.sort_unstable();
        fields
    };
    if ours.body != theirs.body || fields(ours) != fields(theirs) {
        let text = |response: &Response| String::from_utf8_lossy(&response.head).into_owned();
        bail!("the bare handler does not send the same bytes:\n{}---\n{}", text(ours), text(theirs));
    }
    Ok(())
}

/// One exchange on a connection of its own.
pub(super) fn ask(server: std::net::SocketAddr, request: &[u8]) -> Result<Response> {
    Ok(Connection::open(server)?.exchange(request)?)
}

/// Runs the process until its standard input ends.
pub(crate) fn main(answer_file: &str) -> Result<()> {
    let bytes = fs::read(answer_file).with_context(|| answer_file.to_owned())?;
    let text = std::str::from_utf8(&bytes)?;
    let (head, body) = text.split_once("\r\n\r\n").context("no head")?;
    let mut headers = HeaderMap::new();
    for (name, value) in head.split("\r\n").skip(1).filter_map(|line| line.split_once(": ")) {
        let name: HeaderName = name.parse()?;
        // hyper writes these itself.
        if ![CONNECTION, CONTENT_LENGTH, DATE].contains(&name) {
            headers.append(name, HeaderValue::from_str(value)?);
        }
    }
    let body = Bytes::copy_from_slice(body.as_bytes());
    tokio::runtime::Runtime::new()?.block_on(async {
        // Reads the body, as any server must: one that does not cannot keep the connection after a large one.
        let handler = move |_: Bytes| {
            let answer = (headers.clone(), body.clone());
            async { answer }
        };
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        println!("listening on http://{}", listener.local_addr()?);
        tokio::spawn(async {
            axum::serve(listener, Router::new().route("/", any(handler.clone())).fallback(handler)).await
        });
        // The parent holds the other end; it closes whatever becomes of the parent.
        tokio::task::spawn_blocking(|| std::io::stdin().read(&mut [0])).await??;
        Ok(())
    })
}
