//! The log as somebody's evidence: one line for one request, written by us and not by whoever sent it.

use std::collections::BTreeMap;

use serde_json::Value;
use signing::Params;
use signing::params::Nulls;

use crate::harness::scloud::Key;
use crate::harness::{Request, Server, Setup};

/// Text that would end a line, begin another, hide, or move a terminal's cursor.
const HOSTILE: [&str; 12] = [
    "a\r\n{\"time\":\"2026-01-31T12:00:00Z\",\"level\":\"info\",\"event\":\"request\",\"outcome\":\"ok\",\"caller.user\":\"admin\"}",
    "a\ntime=2026-01-31T12:00:00Z level=info event=request outcome=ok caller.user=admin",
    "\",\"outcome\":\"ok\",\"caller.user\":\"admin\",\"x\":\"",
    "x\" outcome=ok caller.user=admin y=\"",
    " outcome=ok caller.user=admin",
    "\u{1b}[2J\u{1b}]0;owned\u{7}",
    "\u{9b}31m\u{85}",
    "\0\u{7f}\u{8}",
    "\u{202e}nimda\u{2066}\u{200f}\u{61c}",
    "a\u{2028}b\u{2029}c\u{feff}\u{200b}",
    "\\u0022,\\\"outcome\\\":\\\"ok\\\"",
    "=outcome=ok",
];

/// Requests with hostile text wherever a client can write something.
fn hostile_requests(server: &Server) -> Vec<Request> {
    let admin = server.administrator();
    let mut requests = Vec::new();
    for text in HOSTILE {
        let other = Key::new(text, "whatever-the-secret-is");
        requests.push(Request::form("/", &other.form("GetUser", &[("UserName", "admin")])));
        requests.push(Request::form("/", &admin.form(text, &[])));
        requests.push(Request::form("/", &admin.form("GetUser", &[("UserName", text)])));
        requests.push(Request::form("/", &admin.form("GetUser", &[("UserName", "admin"), (text, text)])));
        requests.push(Request::form(
            "/",
            &admin.form("UpdateUser", &[("UserName", "admin"), ("DisplayName", text)]),
        ));
        requests.push(Request::form(
            "/",
            &admin.form(
                "CreateUser",
                &[("UserName", text), ("AccessKeyStatus", "Inactive"), ("LoginProfileStatus", "Inactive")],
            ),
        ));
        let in_header: String = text.chars().filter(|c| !c.is_control()).collect();
        requests.push(
            Request::get("/nowhere").header("User-Agent", &in_header).header("X-Forwarded-For", &in_header),
        );
        requests.push(Request::get("/nowhere").host(&in_header));
    }
    requests
}

const FIELDS: [&str; 16] = [
    "time",
    "level",
    "event",
    "request.id",
    "dialect",
    "operation",
    "caller.account",
    "caller.user",
    "key.id",
    "source",
    "http.status",
    "outcome",
    "cause",
    "duration_us",
    "left_out",
    "node",
];

/// Fields of a line of `key=value`, values quoted as in JSON.
fn fields_of_text(line: &str) -> BTreeMap<String, String> {
    let mut fields = BTreeMap::new();
    let mut rest = line;
    while !rest.is_empty() {
        let (key, value) = rest.split_once('=').unwrap_or_else(|| panic!("{line}"));
        let length = match value.strip_prefix('"') {
            Some(quoted) => {
                let mut escaped = false;
                let end = quoted.find(|c| {
                    let ends = c == '"' && !escaped;
                    escaped = c == '\\' && !escaped;
                    ends
                });
                end.unwrap() + 2
            }
            None => value.find(' ').unwrap_or(value.len()),
        };
        let (value, after) = value.split_at(length);
        let value =
            if value.starts_with('"') { serde_json::from_str(value).unwrap() } else { value.to_owned() };
        assert!(fields.insert(key.to_owned(), value).is_none(), "{key} twice: {line}");
        rest = after.strip_prefix(' ').unwrap_or(after);
    }
    fields
}

/// Fields of a JSON line. The parser refuses a name that stands twice.
fn fields_of_json(line: &str) -> BTreeMap<String, String> {
    let params = Params::from_json(line.as_bytes(), Nulls::Refuse, 64)
        .unwrap_or_else(|error| panic!("{error}: {line}"));
    params.iter().map(|(name, value)| (name.to_owned(), value.text().into_owned())).collect()
}

#[test]
fn t71_nobody_outside_writes_a_line_or_a_field() {
    for (format, fields_of) in [("json", fields_of_json as fn(&str) -> _), ("text", fields_of_text)] {
        let settings = format!(
            "rate_limit.enabled = false\n[log]\nformat = \"{format}\"\nlevel = \"trace\"\nrefusals_per_source_per_second = 1000000"
        );
        let server = Setup::new().settings(&settings).start();
        let requests = hostile_requests(&server);
        let mut connection = server.connect();
        requests.iter().for_each(|request| drop(connection.exchange(request)));
        let log = server.stop().err;
        let mut seen = 0;
        for line in log.lines() {
            assert!(
                !line.chars().any(|c| c.is_control()
                    || "\u{202e}\u{2066}\u{200f}\u{61c}\u{2028}\u{2029}\u{feff}\u{200b}".contains(c)),
                "{line:?}"
            );
            let fields = fields_of(line);
            if fields["event"] != "request" {
                continue;
            }
            seen += 1;
            for (name, value) in &fields {
                assert!(FIELDS.contains(&name.as_str()), "{name} in {line}");
                assert!(value.chars().count() <= 257, "{line}");
            }
            let user = fields.get("caller.user").map(String::as_str);
            assert!(matches!(user, None | Some("admin")), "{line}");
            assert!(user.is_some() || fields["outcome"] != "ok", "{line}");
        }
        assert_eq!(seen, requests.len(), "one line for each request:\n{log}");
    }
}

/// The line of a request says who did what, and before it stands a line for each object that it changed.
#[test]
fn changes_are_told_with_the_object_that_was_changed() {
    let server = Server::start();
    let admin = server.administrator();
    let bob = [("UserName", "bob"), ("AccessKeyStatus", "Inactive"), ("LoginProfileStatus", "Inactive")];
    let made = server.ask(&Request::form("/", &admin.form("CreateUser", &bob)));
    let request = server.line_of(&made);
    let listed = server.ask(&Request::form("/", &admin.form("ListUsers", &[])));
    let listed = server.line_of(&listed);
    let log = server.stop().err;
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = |id: &Value| lines.iter().filter(|line| line["request.id"] == *id).collect::<Vec<_>>();
    let told = of(&request["request.id"]);
    let (last, changes) = told.split_last().unwrap();
    assert_eq!(last["event"], "request");
    let users: Vec<_> = changes.iter().filter(|line| line["action"] == "user.create").collect();
    assert_eq!(users.len(), 1, "{log}");
    assert!(users[0]["detail"].as_str().unwrap().contains("name=bob"), "{log}");
    assert_eq!(users[0]["object"].as_str().unwrap().len(), 32);
    assert!(changes.iter().all(|line| line["event"] == "change"));
    assert_eq!(of(&listed["request.id"]).len(), 1, "who reads changes nothing");
    assert_eq!(
        lines.iter().filter(|line| line["event"] == "change").count(),
        changes.len(),
        "the start is none"
    );
}

#[test]
fn t71_a_flood_of_strangers_fills_no_disk() {
    let server = Setup::new().settings("log.refusals_per_source_per_second = 5").start();
    let stranger = Key::new("NOBODY-KNOWS-THIS-KEY", "nor-its-secret");
    let request = Request::form("/", &stranger.form("ListUsers", &[]));
    let mut connection = server.connect();
    for _ in 0..2_000 {
        connection.exchange(&request);
    }
    // Somebody who is known is not drowned by it.
    let honest = server.ask(&Request::form("/", &server.administrator().form("ListUsers", &[])));
    assert_eq!(server.line_of(&honest)["outcome"], "ok");
    let left_out = server.metric("keyward_log_lines_lost_total", "sampled");
    assert_eq!(server.metric("keyward_log_lines_lost_total", "queue full"), 0);
    let log = server.stop().err;
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let refused: Vec<&Value> =
        lines.iter().filter(|line| line["event"] == "request" && line["outcome"] != "ok").collect();
    assert_eq!(refused.len() + usize::try_from(left_out).unwrap(), 2_000, "written or counted");
    let mut per_second = BTreeMap::new();
    for line in &refused {
        *per_second.entry(&line["time"].as_str().unwrap()[..19]).or_insert(0) += 1;
    }
    assert!(per_second.values().all(|lines| *lines <= 5), "{per_second:?}");
    let told: u64 = refused.iter().filter_map(|line| line["left_out"].as_u64()).sum();
    assert!(told <= left_out, "{told} of {left_out}");
}
