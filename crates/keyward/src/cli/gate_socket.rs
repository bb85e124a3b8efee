//! Asking the running server over the gate's socket, for commands that sshd and its logins run: no settings, no runtime, and a
//! bounded wait for everything, so that a login waits a few milliseconds for them.

use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use signing::encode::form_encode;

/// The longest answer that is read: one key with its options.
const MAX_ANSWER_BYTES: u64 = 64 * 1024;

/// Sends one request; status and body of the answer. No step of it takes longer than `patience`.
pub(super) fn ask_gate(
    socket: &Path,
    method: &str,
    path: &str,
    query: &[(&str, &str)],
    patience: Duration,
) -> Result<(String, String), String> {
    let query: Vec<String> =
        query.iter().map(|(name, value)| format!("{name}={}", form_encode(value.as_bytes()))).collect();
    let request =
        format!("{method} {path}?{} HTTP/1.1\r\nHost: gate\r\nConnection: close\r\n\r\n", query.join("&"));
    let answer = exchange(socket, request.as_bytes(), patience)
        .map_err(|error| format!("the server at {} does not answer: {error}", socket.display()))?;
    let (head, body) = answer.split_once("\r\n\r\n").ok_or("the server's answer was cut off")?;
    let status = head.split(' ').nth(1).unwrap_or_default();
    Ok((status.to_owned(), body.to_owned()))
}

fn exchange(socket: &Path, request: &[u8], patience: Duration) -> io::Result<String> {
    let mut stream = connect(socket.to_owned(), patience)?;
    stream.set_read_timeout(Some(patience))?;
    stream.set_write_timeout(Some(patience))?;
    stream.write_all(request)?;
    let mut answer = String::new();
    stream.take(MAX_ANSWER_BYTES).read_to_string(&mut answer)?;
    Ok(answer)
}

/// Connects on a thread of its own: a server that accepts nobody lets its clients wait for as long as they like.
fn connect(socket: PathBuf, patience: Duration) -> io::Result<UnixStream> {
    let (done, connected) = mpsc::sync_channel(1);
    thread::Builder::new().spawn(move || done.send(UnixStream::connect(socket)))?;
    connected.recv_timeout(patience).map_err(|_| io::Error::from(ErrorKind::TimedOut))?
}

/// Leaves a line in the system's log: nobody reads what these commands print.
pub(super) fn tell_system_log(sentence: &str) {
    /// Facility `authpriv`, severity `error`.
    const PRIORITY: u8 = 10 * 8 + 3;
    let line = format!("<{PRIORITY}>keyward[{}]: {sentence}", std::process::id());
    // Where nobody collects a log there is nobody to tell.
    let _ = UnixDatagram::unbound().and_then(|socket| socket.send_to(line.as_bytes(), "/dev/log"));
}
