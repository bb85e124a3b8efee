//! A person at the command line: runs commands against a server, and writes down what was typed and what came back, with
//! what differs from run to run replaced by names.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::path::Path;
use std::process::Child;

use serde_json::json;
use signing::{Body, RequestView, UrlScheme, aws4, format_basic};

use super::Key;
use super::http::{Answer, Request};
use super::server::{Ended, Server, Setup, plain_sentence};
use super::signed::now;

/// A shell whose environment names a server and a key.
pub(crate) struct Shell {
    setup: Setup,
    names: HashMap<String, String>,
    counts: HashMap<&'static str, usize>,
    text: String,
    squeezes: bool,
}

impl Shell {
    /// With nothing set but a directory for settings.
    pub(crate) fn new(server: &Server) -> Self {
        let config = server.setup.beside("config");
        let setup = server.setup.clone().environment("XDG_CONFIG_HOME", config.to_str().unwrap());
        let home = server.setup.beside("");
        let fixed = [
            (server.public.to_string(), "SERVER"),
            (home.to_str().unwrap().trim_end_matches('/').to_owned(), "HOME"),
        ];
        let mut names: HashMap<_, _> = fixed.map(|(found, name)| (found, name.to_owned())).into();
        if let Some(key) = server.setup.given_administrator() {
            names.insert(key.id.clone(), "ADMINISTRATOR".to_owned());
        }
        Self { setup, names, counts: HashMap::new(), text: String::new(), squeezes: false }
    }

    /// With the environment that the first start prints.
    pub(crate) fn of_administrator(server: &Server) -> Self {
        Self::new(server).with_key(server, server.administrator())
    }

    pub(crate) fn with_key(self, server: &Server, key: &Key) -> Self {
        self.with("KEYWARD_ENDPOINT", &format!("http://{}", server.public))
            .with("KEYWARD_ACCESS_KEY_ID", &key.id)
            .with("KEYWARD_SECRET_ACCESS_KEY", &key.secret)
    }

    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.setup = self.setup.environment(name, value);
        self
    }

    /// Runs a command, as it would be typed; quoting is not known.
    pub(crate) fn run(&self, line: &str) -> Ended {
        self.run_with(line, "")
    }

    pub(crate) fn run_with(&self, line: &str, input: &str) -> Ended {
        let words: Vec<&str> = line.split_whitespace().collect();
        self.setup.run_with(&words, input.as_bytes())
    }

    /// Runs a command at a terminal, where these lines are typed in answer to these questions.
    pub(crate) fn run_at_terminal(&self, line: &str, answers: &[(&str, &str)]) -> Ended {
        let words: Vec<&str> = line.split_whitespace().collect();
        self.setup.run_at_terminal(&words, answers)
    }

    /// Starts a command that goes on by itself; its standard output is to be read.
    pub(crate) fn spawn(&self, line: &str) -> Child {
        let words: Vec<&str> = line.split_whitespace().collect();
        self.setup.spawn_with_output(&words)
    }

    /// Runs a command that must succeed, and returns what it printed.
    pub(crate) fn done(&self, line: &str) -> String {
        let ended = self.run(line);
        assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""), "{line}: {}", ended.out);
        ended.out
    }

    /// Runs a command that must be refused, and returns the sentence.
    pub(crate) fn refused(&self, line: &str) -> String {
        let ended = self.run(line);
        assert_eq!((ended.code, ended.out.as_str()), (Some(1), ""), "{line}: {}", ended.err);
        plain_sentence(&ended.err)
    }

    /// Runs a command and writes everything down.
    pub(crate) fn note(&mut self, line: &str) -> Ended {
        self.note_with(line, "")
    }

    pub(crate) fn note_with(&mut self, line: &str, input: &str) -> Ended {
        let ended = self.run_with(line, input);
        if ended.code == Some(1) {
            plain_sentence(&ended.err);
        }
        let shown = if self.squeezes { squeezed(&ended.out) } else { ended.out.clone() };
        let said = self.named(&format!("$ keyward {line}\n{shown}{}", ended.err));
        let code = ended.code.unwrap();
        self.text.push_str(&said);
        if code != 0 {
            let _ = writeln!(self.text, "exit {code}");
        }
        self.text.push('\n');
        ended
    }

    /// From here on, columns are written down as close together as they can be: for tables with a number in front, whose
    /// width differs from run to run.
    pub(crate) fn squeeze(&mut self) {
        self.squeezes = true;
    }

    /// From here on, `found` is written down as `name`.
    pub(crate) fn call_it(&mut self, found: &str, name: &str) {
        self.names.insert(found.to_owned(), name.to_owned());
    }

    /// A heading in what is written down.
    pub(crate) fn heading(&mut self, text: &str) {
        let _ = writeln!(self.text, "# {text}\n");
    }

    /// Replaces what differs from run to run: ids, secrets, times, addresses, paths.
    fn named(&mut self, text: &str) -> String {
        let mut out = String::new();
        let mut word = String::new();
        for c in text.chars().chain(['\n']) {
            if c.is_whitespace() || "\"'`(),;[]{}".contains(c) {
                out.push_str(&self.name(&std::mem::take(&mut word)));
                out.push(c);
            } else {
                word.push(c);
            }
        }
        out.pop();
        out
    }

    fn name(&mut self, word: &str) -> String {
        let (word, end) = match word.strip_suffix(['.', ':']) {
            Some(inner) => (inner, &word[inner.len()..]),
            None => (word, ""),
        };
        for (found, name) in &self.names {
            if word.contains(found.as_str()) {
                return word.replace(found.as_str(), name) + end;
            }
        }
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        let hex = |part: &str| part.bytes().all(|byte| byte.is_ascii_hexdigit());
        let kind = match word.len() {
            28 if word.starts_with("KW") => "KEY",
            32 if hex(word) => "ID",
            60.. if hex(word) => "CURSOR",
            43 if word.bytes().all(|byte| byte.is_ascii_alphanumeric()) => "SECRET",
            10 if word.split('-').all(digits) => return "DATE".to_owned() + end,
            9 if word.trim_end_matches('Z').split(':').all(digits) => return "TIME".to_owned() + end,
            9 | 10 if digits(word) => "NUMBER",
            _ => return word.to_owned() + end,
        };
        let count = self.counts.entry(kind).or_default();
        *count += 1;
        let name = format!("{kind}-{count}");
        self.names.insert(word.to_owned(), name.clone());
        name + end
    }

    /// Compares what was written down with the golden file of that name; `KEYWARD_BLESS=1` writes it.
    pub(crate) fn compare(self, name: &str) {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
        if std::env::var_os("KEYWARD_BLESS").is_some() {
            std::fs::write(&file, &self.text).unwrap();
        }
        let golden = std::fs::read_to_string(&file).unwrap_or_default();
        let text = &self.text;
        assert!(*text == golden, "{} differs; it is now:\n{text}", file.display());
    }
}

/// The text with two blanks where there are more.
fn squeezed(text: &str) -> String {
    let mut text = text.to_owned();
    while text.contains("   ") {
        text = text.replace("   ", "  ");
    }
    text
}

impl Server {
    /// Whether a user of the account `default` gets a token for this password, as `openstack token issue` asks for one.
    pub(crate) fn logs_in(&self, user: &str, password: &str) -> bool {
        let user = json!({"name": user, "domain": {"name": "default"}, "password": password});
        let body = json!({"auth": {"identity": {"methods": ["password"], "password": {"user": user}}}});
        let answer = self.ask(&Request::json("/v3/auth/tokens", body.to_string()));
        assert!(matches!(answer.status, 201 | 400 | 401), "{}", answer.text());
        answer.status == 201
    }

    /// Asks the native API, as any client that signs with AWS version 4.
    pub(crate) fn native(&self, key: &Key, method: &str, target: &str, body: &str) -> Answer {
        let (host, date) = (self.public.to_string(), format_basic(now()));
        let headers = [("host", host.as_bytes()), ("x-amz-date", date.as_bytes())];
        let view = RequestView::new(method, target, &headers, Body::Bytes(body.as_bytes()), UrlScheme::Http);
        let signer = aws4::Signer {
            access_key_id: &key.id,
            secret: key.secret.as_bytes(),
            region: "anywhere",
            service: "keyward",
        };
        let authorization = aws4::sign(&view, &signer, &["host", "x-amz-date"]).unwrap();
        let request = Request::new(method, target)
            .host(&host)
            .header("X-Amz-Date", &date)
            .header("Authorization", &authorization);
        let request = if body.is_empty() {
            request
        } else {
            request.header("Content-Type", "application/json").body(body)
        };
        self.ask(&request)
    }
}
