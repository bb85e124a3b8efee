//! `keyward audit why`: why a request was refused, what it was, and what to do next.

use std::io::Write;

use clap::Args;
use serde_json::Value;

use super::output::{Column, clean, record};
use super::{Environment, Failure, RemoteArgs, Session};

/// Show why a request was refused
///
/// Tells what the server kept of a recently refused request: what it was, why it was refused, what explains that, and what to
/// do next. Clients are told the request id with every refusal. For the owner of the key that the request names and for
/// administrators and auditors of his account.
#[derive(Args, Clone, Debug, Default)]
#[command(after_long_help = "\
Examples:
  keyward audit why 019a0a3e5c7b7d1e8f0a1b2c3d4e5f60
  keyward audit why 019a0a3e5c7b7d1e8f0a1b2c3d4e5f60 --json")]
pub struct AuditWhyArgs {
    /// The request id that the refused client was told
    #[arg(value_name = "REQUEST_ID")]
    pub request: String,
    /// The server.
    #[command(flatten)]
    pub remote: RemoteArgs,
}

/// What was refused, and why.
const FIELDS: [Column; 18] = [
    ("request", "/request_id"),
    ("at", "/at"),
    ("dialect", "/dialect"),
    ("operation", "/operation"),
    ("from", "/source"),
    ("asked by", "/service"),
    ("key", "/key"),
    ("user", "/user"),
    ("method", "/request/method"),
    ("path", "/request/path"),
    ("host", "/request/host"),
    ("scheme", "/request/scheme"),
    ("signature matches", "/request/signature_matches"),
    ("status", "/status"),
    ("code", "/code"),
    ("reason", "/reason"),
    ("why", "/summary"),
    ("detail", "/detail"),
];

/// Runs the command.
///
/// # Errors
/// One sentence that says what to do.
pub fn run(args: &AuditWhyArgs, environment: &Environment, out: &mut dyn Write) -> Result<(), Failure> {
    let session = Session::open(&args.remote, environment)?;
    let answer = session.get(&["refusals", &args.request], &[])?;
    session.show(&answer, shown, out)
}

fn shown(refusal: &Value) -> String {
    let mut text = record(refusal, &FIELDS);
    let width = FIELDS.iter().map(|(title, _)| title.len()).max().unwrap_or(0);
    let line = |title: &str, value: &Value| {
        let value = value.as_str().map(clean).unwrap_or_default();
        format!("{title:<width$}  {value}\n")
    };
    let causes = refusal.pointer("/causes").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    text.extend(causes.iter().map(|cause| line("cause", cause)));
    text.extend(refusal.pointer("/advice").map(|advice| line("what to do", advice)));
    for (title, at) in
        [("canonical request", "/request/canonical_request"), ("string to sign", "/request/string_to_sign")]
    {
        if let Some(Value::String(signed)) = refusal.pointer(at) {
            let lines: Vec<String> =
                signed.split('\n').map(|line| format!("    {}", clean(line)).trim_end().to_owned()).collect();
            text.push_str(&format!("\n{title}\n{}\n", lines.join("\n")));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::shown;

    #[test]
    fn what_why_and_what_next_are_told_and_nothing_steers_the_terminal() {
        let refusal = json!({
            "request_id": "00", "at": "2026-01-31T12:00:00.000Z", "dialect": "gate", "operation": "forward",
            "source": null, "service": null, "status": 401, "code": null, "reason": "wrong_signature",
            "summary": "S.", "detail": "d", "causes": ["One.", "Two."], "advice": "A.", "key": "KW1", "user": "bob",
            "request": {"method": "GET", "path": "/\u{1b}[31m", "host": "h", "scheme": "aws4",
                "canonical_request": "GET\n/\u{202e}\n", "string_to_sign": "x", "signature_matches": false},
        });
        let expected = "\
request            00
at                 2026-01-31 12:00:00Z
dialect            gate
operation          forward
key                KW1
user               bob
method             GET
path               /\\u{1b}[31m
host               h
scheme             aws4
signature matches  no
status             401
reason             wrong_signature
why                S.
detail             d
cause              One.
cause              Two.
what to do         A.

canonical request
    GET
    /\\u{202e}


string to sign
    x
";
        assert_eq!(shown(&refusal), expected);
    }
}
