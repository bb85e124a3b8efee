//! The real `keyward`, built by cargo and started on ports that the system chooses.

use std::io::{self, BufRead as _, BufReader, Read};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::scloud::Credential;

/// Longest wait for a start, a crash recovery included (promise P12).
pub(crate) const READY_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest wait for a stop: requests in flight may take 10 seconds (promise P12), then the process must be gone.
pub(crate) const STOP_TIMEOUT: Duration = Duration::from_secs(12);
/// What a pipe holds: one read empties it.
const PIPE_BYTES: usize = 64 * 1024;
/// How much of a process's standard error is kept.
const KEPT_BYTES: usize = 4 * 1024;

/// How cargo builds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Profile {
    /// Quick to build.
    Debug,
    /// As released.
    Release,
}

/// Listeners of a server: the public one and the admin one.
pub(crate) const SERVER_LISTENERS: usize = 2;

/// The server: the one given, else what this tree builds.
pub(crate) fn binary(given: Option<PathBuf>, profile: Profile) -> Result<PathBuf> {
    if let Some(path) = given {
        return Ok(std::path::absolute(path)?);
    }
    let (folder, arguments) = match profile {
        Profile::Debug => ("debug", &["build", "--package", "keyward"][..]),
        Profile::Release => ("release", &["build", "--package", "keyward", "--release"][..]),
    };
    crate::process::cargo(arguments).map_err(anyhow::Error::msg)?;
    Ok(target()?.join(folder).join("keyward"))
}

/// Cargo's target directory: this program lies in it, whatever its name and place.
pub(crate) fn target() -> Result<PathBuf> {
    let own = std::env::current_exe()?;
    Ok(own.parent().and_then(Path::parent).context("no target directory")?.to_owned())
}

/// How to start a server.
pub(crate) struct Launch {
    /// The binary.
    pub(crate) binary: PathBuf,
    /// Where it keeps its data.
    pub(crate) data_dir: PathBuf,
    /// The administrator's key of a first start.
    pub(crate) bootstrap: Credential,
    /// Settings as environment variables.
    pub(crate) settings: Vec<(&'static str, String)>,
}

impl Launch {
    /// Starts the server without waiting for it.
    pub(crate) fn start(&self) -> Result<Process> {
        let mut command = self.command();
        command.args(["serve", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"]);
        command.arg("--data-dir").arg(&self.data_dir);
        // The usual place of a server run by root is one for the whole machine.
        command.env("KEYWARD_GATE__SOCKET", "");
        command.envs(self.settings.iter().map(|(name, value)| (name, value)));
        command.env("KEYWARD_BOOTSTRAP_ACCESS_KEY_ID", &self.bootstrap.id);
        command.env("KEYWARD_BOOTSTRAP_SECRET_ACCESS_KEY", &self.bootstrap.secret);
        Process::start(&mut command)
    }

    /// Runs a local command on the data and returns how it ended with what it printed.
    pub(crate) fn local(&self, arguments: &[&str]) -> Result<(ExitStatus, String)> {
        let mut command = self.command();
        command.args(arguments).arg("--data-dir").arg(&self.data_dir);
        let output = command.stdin(Stdio::null()).output()?;
        let text = [output.stdout, output.stderr].concat();
        Ok((output.status, String::from_utf8_lossy(&text).into_owned()))
    }

    /// The binary, without the settings of whoever runs this task.
    fn command(&self) -> Command {
        let mut command = Command::new(&self.binary);
        for (name, _) in
            std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("KEYWARD_"))
        {
            command.env_remove(name);
        }
        command
    }
}

/// What became of waiting for a listener.
pub(crate) enum Wait {
    /// One is open here.
    Listening(SocketAddr),
    /// Not within the time given.
    NotYet,
    /// The process ended instead.
    Ended,
}

/// A running process that says where it listens. What it prints is read and dropped. Killed when dropped.
pub(crate) struct Process {
    child: Child,
    listeners: Receiver<SocketAddr>,
    /// Gives the end of its standard error once the process is gone.
    errors: Option<JoinHandle<Vec<u8>>>,
}

impl Process {
    /// Starts `command`, whose standard output is to announce listeners.
    pub(crate) fn start(command: &mut Command) -> Result<Self> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().with_context(|| format!("{command:?} does not start"))?;
        let output = child.stdout.take().context("no standard output")?;
        let errors = child.stderr.take().context("no standard error")?;
        let (found, listeners) = channel();
        thread::spawn(move || listeners_in(output, &found));
        Ok(Self { child, listeners, errors: Some(thread::spawn(|| end_of(errors))) })
    }

    /// Waits for the next listener to be announced.
    pub(crate) fn listener(&self, limit: Duration) -> Wait {
        match self.listeners.recv_timeout(limit) {
            Ok(address) => Wait::Listening(address),
            Err(RecvTimeoutError::Timeout) => Wait::NotYet,
            Err(RecvTimeoutError::Disconnected) => Wait::Ended,
        }
    }

    /// Waits until `count` listeners are announced; the first is the public one.
    ///
    /// # Errors
    /// Not within [`READY_TIMEOUT`], or not at all; with what the process printed on its standard error.
    pub(crate) fn ready(self, count: usize) -> Result<(Self, SocketAddr)> {
        let deadline = Instant::now() + READY_TIMEOUT;
        let mut public = None;
        for _ in 0..count {
            match self.listener(deadline.saturating_duration_since(Instant::now())) {
                Wait::Listening(address) => public = public.or(Some(address)),
                Wait::NotYet => bail!("not ready after {READY_TIMEOUT:?}: {}", self.last_words()),
                Wait::Ended => bail!("ended while it started: {}", self.last_words()),
            }
        }
        Ok((self, public.context("no listener asked for")?))
    }

    /// Its process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Whether it has ended by itself.
    pub(crate) fn has_ended(&mut self) -> io::Result<bool> {
        Ok(self.child.try_wait()?.is_some())
    }

    /// `SIGKILL`, and waits until it is gone.
    pub(crate) fn kill(mut self) -> io::Result<()> {
        self.child.kill()?;
        self.child.wait().map(drop)
    }

    /// Kills it if need be, and returns the end of what it printed on its standard error.
    pub(crate) fn last_words(mut self) -> String {
        // It may be gone already.
        let _ = self.child.kill();
        let end = self.errors.take().and_then(|errors| errors.join().ok());
        String::from_utf8_lossy(&end.unwrap_or_default()).into_owned()
    }

    /// `SIGTERM`, and waits until it is gone.
    pub(crate) fn stop(mut self) -> Result<ExitStatus> {
        let sent = Command::new("kill").args(["-TERM", &self.id().to_string()]).status()?;
        if !sent.success() {
            bail!("the process was gone before it was asked to stop");
        }
        let deadline = Instant::now() + STOP_TIMEOUT;
        // The channel closes with the process's standard output, that is with the process.
        while self.listeners.recv_timeout(deadline.saturating_duration_since(Instant::now())).is_ok() {}
        if Instant::now() >= deadline {
            bail!("the server runs on {STOP_TIMEOUT:?} after SIGTERM");
        }
        Ok(self.child.wait()?)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Nothing is left to do about a process that is already gone.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends each listener that is announced, then reads until the output ends. The channel closes with it.
fn listeners_in(output: ChildStdout, found: &Sender<SocketAddr>) {
    let mut output = BufReader::with_capacity(PIPE_BYTES, output);
    let mut line = String::new();
    let mut announced = 0;
    while announced < SERVER_LISTENERS && matches!(output.read_line(&mut line), Ok(1..)) {
        let address = line.trim_end().strip_prefix("listening on http://").and_then(|text| text.parse().ok());
        if let Some(address) = address {
            announced += 1;
            // Nobody waits for the listeners of a process that is about to be killed.
            let _ = found.send(address);
        }
        line.clear();
    }
    end_of(output);
}

/// Reads until the output ends; returns its last lines.
fn end_of(mut output: impl Read) -> Vec<u8> {
    let (mut chunk, mut end) = (vec![0; PIPE_BYTES], Vec::new());
    while let Ok(count @ 1..) = output.read(&mut chunk) {
        let new = chunk.get(..count).unwrap_or_default();
        end.extend_from_slice(new.get(new.len().saturating_sub(KEPT_BYTES)..).unwrap_or_default());
        end.drain(..end.len().saturating_sub(KEPT_BYTES));
    }
    end
}
