//! The admin socket: how a local command asks the server that holds the data directory. A Unix socket in that directory, for
//! its owner alone; the file's permissions are the authentication, and no listener for clients leads here (threat T52).
//!
//! One request per connection, as a line of JSON; the answer is lines of JSON: any number of `progress`, then `done` or
//! `refused`. A client that goes away does not stop what it asked for.

use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream as BlockingStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio::sync::mpsc::{Sender, channel};

use super::{Operator, Progress, Report, Request};

/// Its name in the data directory.
const NAME: &str = "admin.sock";
/// A request is a path and a word.
const MAX_REQUEST_BYTES: u64 = 16 * 1024;
/// An answer's line holds at most the findings of a check.
const MAX_ANSWER_BYTES: u64 = 16 * 1024 * 1024;
/// How long a request may take to arrive.
const REQUEST_WAIT: Duration = Duration::from_secs(5);
/// Requests at once; one is worked on, the others wait their turn.
const CONNECTIONS: usize = 8;
/// How long after a connection that could not be accepted the next is tried.
const ACCEPT_AGAIN: Duration = Duration::from_secs(1);
/// Lines of progress that may wait for a slow reader; further ones are dropped.
const PROGRESS_QUEUE: usize = 16;

/// A line of the answer.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Line {
    Progress(String, u8),
    Done(Report),
    Refused(String),
}

/// The server's end.
#[derive(Debug)]
pub struct AdminSocket {
    listener: UnixListener,
    path: PathBuf,
}

impl AdminSocket {
    /// Binds it. The data directory is held by this process, so a socket that is there belongs to a server that is gone.
    ///
    /// # Errors
    /// What the system says; a data directory with a very long name cannot have a socket.
    pub fn bind(data_dir: &Path) -> anyhow::Result<Self> {
        let path = data_dir.join(NAME);
        let bind = || {
            match fs::remove_file(&path) {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
                Ok(()) | Err(_) => {}
            }
            let listener = UnixListener::bind(&path)?;
            fs::set_permissions(&path, Permissions::from_mode(0o600))?;
            Ok(listener)
        };
        let listener = bind().with_context(|| {
            format!("{} cannot be listened on; local commands need the server stopped", path.display())
        })?;
        Ok(Self { listener, path })
    }

    /// Answers until it is dropped.
    pub async fn serve(self, operator: Arc<Operator>) {
        let room = Arc::new(Semaphore::new(CONNECTIONS));
        loop {
            let Ok(permit) = room.clone().acquire_owned().await else { return };
            let Ok((stream, _)) = self.listener.accept().await else {
                // Most likely there are no descriptors left, and not in the next moment either.
                tokio::time::sleep(ACCEPT_AGAIN).await;
                continue;
            };
            let operator = operator.clone();
            tokio::spawn(async move {
                let _permit = permit;
                // Who asked is gone: what was asked for is done, and there is nobody to tell.
                let _ = answer(stream, &operator).await;
            });
        }
    }
}

impl Drop for AdminSocket {
    fn drop(&mut self) {
        // A left-over one is replaced by the next start.
        let _ = fs::remove_file(&self.path);
    }
}

async fn answer(mut stream: UnixStream, operator: &Operator) -> std::io::Result<()> {
    let (reader, mut writer) = stream.split();
    let mut text = String::new();
    let mut reader = tokio::io::BufReader::new(reader.take(MAX_REQUEST_BYTES));
    let line = tokio::time::timeout(REQUEST_WAIT, reader.read_line(&mut text));
    let request = match line.await {
        Ok(Ok(_)) => serde_json::from_str::<Request>(&text).map_err(|_| {
            "the server does not know this operation; use the server's own version of keyward".to_owned()
        }),
        Ok(Err(error)) => return Err(error),
        Err(_) => return Ok(()),
    };
    let last = match request {
        Err(sentence) => Line::Refused(sentence),
        Ok(request) => {
            let (told, mut telling) = channel(PROGRESS_QUEUE);
            let work = operator.run(request, tell(told));
            let mut work = std::pin::pin!(work);
            loop {
                tokio::select! {
                    done = &mut work => break match done {
                        Ok(report) => Line::Done(report),
                        Err(error) => Line::Refused(format!("{error:#}")),
                    },
                    // Whether anybody listens does not matter to the work.
                    Some(line) = telling.recv() => { let _ = writer.write_all(&encode(&line)).await; }
                }
            }
        }
    };
    writer.write_all(&encode(&last)).await
}

/// Progress that becomes lines; dropped when the reader is slow.
fn tell(told: Sender<Line>) -> Progress {
    Arc::new(move |what, percent| {
        let _ = told.try_send(Line::Progress(what.to_owned(), percent));
    })
}

fn encode(line: &impl Serialize) -> Vec<u8> {
    let mut bytes = serde_json::to_vec(line).unwrap_or_default();
    bytes.push(b'\n');
    bytes
}

/// Asks the server that holds `data_dir`, and waits for its answer.
///
/// # Errors
/// The server's sentence, or one that says that there is no way to it.
pub fn ask(data_dir: &Path, request: &Request, progress: &Progress) -> anyhow::Result<Report> {
    let path = data_dir.join(NAME);
    let mut stream = BlockingStream::connect(&path).with_context(|| {
        format!(
            "{} is in use, but its server does not answer on {NAME}; stop the server first",
            data_dir.display()
        )
    })?;
    stream.write_all(&encode(request))?;
    let mut lines = BufReader::new(stream);
    loop {
        let mut text = String::new();
        (&mut lines).take(MAX_ANSWER_BYTES).read_line(&mut text)?;
        match serde_json::from_str(&text) {
            Ok(Line::Progress(what, percent)) => progress(&what, percent),
            Ok(Line::Done(report)) => return Ok(report),
            Ok(Line::Refused(sentence)) => return Err(anyhow!(sentence)),
            Err(_) => bail!("the server ended before it had answered; look at its log, then try again"),
        }
    }
}
