//! The program as a child process: how it is set up, started, watched, asked and stopped.

use std::ffi::{OsStr, OsString};
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

use super::http::{Answer, Connection, PATIENCE, Request};
use super::scloud::Key;

/// Where a server lives and what it is told. Servers started from one setup share its directory, one after the other.
#[derive(Clone)]
pub(crate) struct Setup {
    home: Arc<TempDir>,
    settings: String,
    environment: Vec<(OsString, OsString)>,
    arguments: Vec<String>,
    pub(super) administrator: Option<Key>,
    shell: Option<&'static str>,
    by_nobody: bool,
}

/// The user that owns nothing, on every Linux.
const NOBODY: u32 = 65534;

impl Setup {
    /// A fresh directory and an administrator whose credential is given.
    pub(crate) fn new() -> Self {
        Self {
            home: Arc::new(TempDir::new().unwrap()),
            settings: String::new(),
            environment: Vec::new(),
            arguments: Vec::new(),
            administrator: Some(Key::administrator()),
            shell: None,
            by_nobody: false,
        }
    }

    /// Adds lines to the settings file.
    pub(crate) fn settings(mut self, toml: &str) -> Self {
        self.settings.push_str(toml);
        self.settings.push('\n');
        self
    }

    pub(crate) fn environment(self, name: &str, value: &str) -> Self {
        self.raw_environment(name, value.as_bytes())
    }

    /// A variable whose value need not be text.
    pub(crate) fn raw_environment(mut self, name: &str, value: &[u8]) -> Self {
        self.environment.push((name.into(), OsStr::from_bytes(value).to_owned()));
        self
    }

    /// Adds arguments behind `serve`; later ones win over those of the harness.
    pub(crate) fn arguments(mut self, arguments: &[&str]) -> Self {
        self.arguments.extend(arguments.iter().map(|argument| (*argument).to_owned()));
        self
    }

    /// The credential that is given for the first start.
    pub(crate) fn given_administrator(&self) -> Option<&Key> {
        self.administrator.as_ref()
    }

    /// Gives no credential for the first start, or another one.
    pub(crate) fn administrator(mut self, key: Option<Key>) -> Self {
        self.administrator = key;
        self
    }

    /// A command of the shell that the program is started behind, such as `umask 000`.
    pub(crate) fn behind(mut self, shell: &'static str) -> Self {
        self.shell = Some(shell);
        self
    }

    /// Runs the server as a user who is not the superuser; the tests' own unless that is he.
    pub(crate) fn run_by_nobody(mut self) -> Self {
        self.by_nobody = rustix::process::geteuid().is_root();
        self
    }

    /// The data directory.
    pub(crate) fn data(&self) -> PathBuf {
        self.home.path().join("data")
    }

    /// The gate's socket.
    pub(crate) fn socket(&self) -> PathBuf {
        self.beside("gate.sock")
    }

    /// A path beside the data directory.
    pub(crate) fn beside(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// Starts a server and waits until it says where it listens.
    pub(crate) fn start(&self) -> Server {
        let process = self.spawn_server();
        process.out.wait(|text, ended| {
            ended
                || text.matches("\nlistening on ").count() + usize::from(text.starts_with("listening on "))
                    >= 2
        });
        let said = process.out.text();
        let mut doors = said.lines().filter_map(|line| line.strip_prefix("listening on "));
        let mut door = || {
            let url = doors.next().unwrap_or_else(|| panic!("no server: {}", process.err.text()));
            url.split_once("://").unwrap().1.parse::<SocketAddr>().unwrap()
        };
        let (public, admin) = (door(), door());
        Server { setup: self.clone(), process, public, admin }
    }

    /// Starts a server that must refuse to: with exit code 1, one plain sentence, and nothing on standard output.
    pub(crate) fn refusal(&self) -> String {
        let process = self.spawn_server();
        process.out.wait(|text, ended| ended || text.contains("listening on "));
        assert_eq!(process.out.text(), "", "it started");
        let ended = process.end();
        assert_eq!(ended.code, Some(1), "{}", ended.err);
        plain_sentence(&ended.err)
    }

    /// Runs another command of the program on the same directory and settings.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ended {
        let data = self.data();
        self.run_with(&[arguments, &["--data-dir", data.to_str().unwrap()]].concat(), b"")
    }

    /// Runs a command with exactly these arguments and this standard input.
    pub(crate) fn run_with(&self, arguments: &[&str], input: &[u8]) -> Ended {
        let mut child = self.command(arguments).stdin(Stdio::piped()).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let input = input.to_vec();
        // On a thread of its own, for the program may answer before it has read all.
        let writer = std::thread::spawn(move || drop(stdin.write_all(&input)));
        let ended = Process::watch(child).end();
        writer.join().unwrap();
        ended
    }

    /// Runs a command at a terminal of its own, where each line is typed once its question stands there. What the terminal
    /// shows is the output.
    pub(crate) fn run_at_terminal(&self, arguments: &[&str], answers: &[(&str, &str)]) -> Ended {
        let inner = self.command(arguments);
        let words = std::iter::once(inner.get_program()).chain(inner.get_args());
        let words: Vec<String> = words.map(|word| format!("'{}'", word.to_str().unwrap())).collect();
        let mut script = Command::new("script");
        script.args(["-qec", &words.join(" "), "/dev/null"]).current_dir(inner.get_current_dir().unwrap());
        for (name, value) in inner.get_envs() {
            match value {
                Some(value) => script.env(name, value),
                None => script.env_remove(name),
            };
        }
        script.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = script.spawn().unwrap();
        let mut keyboard = child.stdin.take().unwrap();
        let process = Process::watch(child);
        for (question, answer) in answers {
            process.out.wait(|text, ended| {
                assert!(!ended, "it asks nothing more: {text}");
                text.ends_with(question)
            });
            writeln!(keyboard, "{answer}").unwrap();
        }
        process.end()
    }

    /// Starts a command on the same directory and settings, to be watched or killed. What it prints goes nowhere.
    pub(crate) fn spawn(&self, arguments: &[&str]) -> Child {
        let data = self.data();
        let mut command = self.command(&[arguments, &["--data-dir", data.to_str().unwrap()]].concat());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }

    /// Starts a command with exactly these arguments, whose standard output somebody else reads.
    pub(crate) fn spawn_with_output(&self, arguments: &[&str]) -> Child {
        let mut command = self.command(arguments);
        command.stdin(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }

    fn spawn_server(&self) -> Process {
        let config = self.beside("keyward.toml");
        std::fs::write(&config, &self.settings).unwrap();
        let data = self.data();
        let mut arguments = vec!["serve", "--config", config.to_str().unwrap()];
        let own: Vec<&str> = self.arguments.iter().map(String::as_str).collect();
        for (flag, value) in [
            ("--listen", "127.0.0.1:0"),
            ("--admin-listen", "127.0.0.1:0"),
            ("--data-dir", data.to_str().unwrap()),
        ] {
            if !own.contains(&flag) {
                arguments.extend([flag, value]);
            }
        }
        arguments.extend(own);
        let mut command = self.command(&arguments);
        if let Some(key) = &self.administrator {
            command.env("KEYWARD_BOOTSTRAP_ACCESS_KEY_ID", &key.id);
            command.env("KEYWARD_BOOTSTRAP_SECRET_ACCESS_KEY", &key.secret);
        }
        if self.by_nobody {
            let home = self.home.path();
            // He can reach nothing of the superuser's, where the program may well be.
            let program = home.join("keyward");
            // By another process: a server that another test starts meanwhile would inherit a handle for writing of ours,
            // and a program with one of those cannot be started.
            let copied = Command::new("cp").arg(command.get_program()).arg(&program).status().unwrap();
            assert!(copied.success());
            chown(home, Some(NOBODY), Some(NOBODY)).unwrap();
            let mut as_nobody = Command::new(program);
            as_nobody
                .args(command.get_args())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .current_dir(home);
            as_nobody.uid(NOBODY).gid(NOBODY);
            command = as_nobody;
        }
        Process::watch(command.stdin(Stdio::null()).spawn().unwrap())
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let program = env!("CARGO_BIN_EXE_keyward");
        let mut command = match self.shell {
            None => Command::new(program),
            Some(before) => {
                let mut shell = Command::new("sh");
                shell.args(["-c", &format!("{before} && exec \"$@\""), "sh", program]);
                shell
            }
        };
        for (name, _) in std::env::vars_os() {
            if name.as_encoded_bytes().starts_with(b"KEYWARD_") {
                command.env_remove(name);
            }
        }
        command.env("KEYWARD_GATE__SOCKET", self.socket());
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.args(arguments).current_dir(self.home.path()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }
}

/// The one line that `text` is: a sentence for people, without the inner names of the program.
pub(crate) fn plain_sentence(text: &str) -> String {
    let sentence = text.strip_prefix("keyward: ").unwrap_or_else(|| panic!("{text}"));
    assert_eq!(sentence.lines().count(), 1, "{text}");
    let sentence = sentence.trim_end_matches('\n');
    for inner in ["Error", "Err(", "Some(", "{ ", "panicked", "unwrap"] {
        assert!(!sentence.contains(inner), "{text}");
    }
    sentence.to_owned()
}

/// A server that runs. It is killed when it is dropped.
pub(crate) struct Server {
    pub(crate) setup: Setup,
    process: Process,
    pub(crate) public: SocketAddr,
    pub(crate) admin: SocketAddr,
}

impl Server {
    /// A server with a fresh directory and nothing set.
    pub(crate) fn start() -> Self {
        Setup::new().start()
    }

    pub(crate) fn administrator(&self) -> &Key {
        self.setup.administrator.as_ref().unwrap()
    }

    pub(crate) fn connect(&self) -> Connection {
        Connection::open(self.public)
    }

    /// Sends one request on a connection of its own.
    pub(crate) fn ask(&self, request: &Request) -> Answer {
        self.connect().exchange(request)
    }

    /// Sends bytes on a connection of their own and reads every answer until the server closes it. The client's half stays
    /// open: a server that waits for more keeps the test waiting.
    pub(crate) fn probe(&self, wire: &[u8]) -> Vec<Answer> {
        let mut connection = self.connect();
        connection.send_while_open(wire);
        connection.answers_to_the_end()
    }

    pub(crate) fn ask_admin(&self, target: &str) -> Answer {
        Connection::open(self.admin).exchange(&Request::get(target))
    }

    /// Sends one request to the admin listener.
    pub(crate) fn ask_admin_with(&self, request: &Request) -> Answer {
        Connection::open(self.admin).exchange(request)
    }

    pub(crate) fn metrics(&self) -> String {
        self.ask_admin("/metrics").text()
    }

    /// The sum of all series of a metric whose labels contain `label`.
    pub(crate) fn metric(&self, name: &str, label: &str) -> u64 {
        let metrics = self.metrics();
        let lines = metrics.lines().filter_map(|line| {
            let (series, value) = line.rsplit_once(' ')?;
            let labels = series.strip_prefix(name)?;
            let is_it = labels.is_empty() || labels.starts_with('{');
            (is_it && labels.contains(label)).then(|| value.parse::<u64>().unwrap())
        });
        let values: Vec<u64> = lines.collect();
        assert!(!values.is_empty(), "no series {name} {label} in\n{metrics}");
        values.iter().sum()
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.child.id()
    }

    /// Resident memory, in KiB.
    pub(crate) fn resident_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().strip_suffix(" kB").unwrap().parse().unwrap()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.process.child), signal).unwrap();
    }

    /// What it wrote to standard output so far.
    pub(crate) fn said(&self) -> String {
        self.process.out.text()
    }

    /// The log so far.
    pub(crate) fn log(&self) -> String {
        self.process.err.text()
    }

    /// Waits until the log fulfils a condition.
    pub(crate) fn wait_for_log(&self, condition: impl Fn(&str) -> bool) {
        self.process.err.wait(|text, ended| {
            assert!(!ended, "the server ended: {text}");
            condition(text)
        });
    }

    /// The log line of an answered request, with its fields.
    pub(crate) fn line_of(&self, answer: &Answer) -> Value {
        let id = answer.header("x-ucloud-request-uuid").unwrap().replace('-', "");
        let is_meant = |line: &&str| line.contains(&id) && line.contains("\"event\":\"request\"");
        self.wait_for_log(|log| log.lines().any(|line| is_meant(&line)));
        serde_json::from_str(self.log().lines().find(is_meant).unwrap()).unwrap()
    }

    /// Asks it to stop and waits for that: it must end by itself with exit code 0, and no request may have panicked.
    pub(crate) fn stop(self) -> Ended {
        self.assert_no_panic();
        self.signal(Signal::TERM);
        let ended = self.process.end();
        assert_eq!(ended.code, Some(0), "{}", ended.err);
        ended
    }

    /// Kills it without warning.
    pub(crate) fn kill(self) -> Ended {
        self.signal(Signal::KILL);
        self.process.end()
    }

    /// Waits for the end that something else brings about.
    pub(crate) fn end(self) -> Ended {
        self.process.end()
    }

    /// Threat T76: never, whatever was sent.
    pub(crate) fn assert_no_panic(&self) {
        assert_eq!(self.metric("keyward_panics_total", ""), 0);
        assert!(!self.log().contains("panicked at"), "{}", self.log());
    }
}

/// How a process ended and what it wrote.
pub(crate) struct Ended {
    /// None when it was killed.
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

struct Process {
    child: Child,
    out: Capture,
    err: Capture,
}

impl Process {
    fn watch(mut child: Child) -> Self {
        let (out, err) =
            (Capture::of(child.stdout.take().unwrap()), Capture::of(child.stderr.take().unwrap()));
        Self { child, out, err }
    }

    fn end(mut self) -> Ended {
        self.out.wait(|_, ended| ended);
        self.err.wait(|_, ended| ended);
        let code = self.child.wait().unwrap().code();
        Ended { code, out: self.out.text(), err: self.err.text() }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended before.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a process writes to one of its streams, as it comes.
#[derive(Clone)]
struct Capture(Arc<(Mutex<Captured>, Condvar)>);

#[derive(Default)]
struct Captured {
    bytes: Vec<u8>,
    ended: bool,
}

impl Capture {
    fn of(mut stream: impl Read + Send + 'static) -> Self {
        let capture = Self(Arc::default());
        let writer = capture.clone();
        std::thread::spawn(move || {
            let mut room = [0; 16 << 10];
            let (captured, changed) = &*writer.0;
            loop {
                let length = stream.read(&mut room).unwrap_or(0);
                let mut captured = captured.lock().unwrap();
                captured.bytes.extend_from_slice(&room[..length]);
                captured.ended = length == 0;
                changed.notify_all();
                if captured.ended {
                    return;
                }
            }
        });
        capture
    }

    fn text(&self) -> String {
        String::from_utf8(self.0.0.lock().unwrap().bytes.clone()).unwrap()
    }

    /// Waits until `condition` holds for the text and whether it has ended.
    fn wait(&self, condition: impl Fn(&str, bool) -> bool) {
        let (captured, changed) = &*self.0;
        let unmet =
            |captured: &mut Captured| !condition(&String::from_utf8_lossy(&captured.bytes), captured.ended);
        let (captured, waited) =
            changed.wait_timeout_while(captured.lock().unwrap(), PATIENCE, unmet).unwrap();
        assert!(
            !waited.timed_out(),
            "it did not happen; so far:\n{}",
            String::from_utf8_lossy(&captured.bytes)
        );
    }
}
