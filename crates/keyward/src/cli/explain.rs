//! `keyward explain`: why is this request's signature good or bad? Needs no server, no settings and no clock.

use std::fmt::Write as _;
use std::io::{Read, Write};

use clap::Args;
use serde::Serialize;
use signing::Explanation;
use signing::explain::{Options, explain};
use zeroize::Zeroizing;

use super::local::protect;
use super::{Environment, Failure, print};
use crate::config::PublicUrl;

/// Longest request that is read: the limits of a server's head and body, and some room.
const MAX_REQUEST_BYTES: u64 = 16 * 1024 * 1024;
const SECRET: &str = "KEYWARD_SECRET_KEY";

/// Explain why a signed request is good or bad
///
/// Reads one raw HTTP/1.1 request on standard input and the secret from the environment variable
/// KEYWARD_SECRET_KEY; needs no server and no settings. Prints the scheme, the access key id, the canonical text,
/// the string to sign, the expected and the given signature, whether they match, and what is likely wrong.
/// A target in absolute form (GET https://host/path HTTP/1.1) tells the scheme of the URL, otherwise it is http.
/// No policy is applied and the clock is not judged unless --now is given. The secret is never trimmed.
#[derive(Args, Clone, Debug, Default)]
#[command(after_long_help = "\
Examples:
  KEYWARD_SECRET_KEY=\"$(cat secret)\" keyward explain < request.txt
  KEYWARD_SECRET_KEY=\"$(cat secret)\" keyward explain --json --now 2026-01-31T12:00:00Z < request.txt

The secret is read from the environment because other users of the machine can see arguments.")]
pub struct ExplainArgs {
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
    /// Judge the request's time against this one: RFC 3339, or seconds since 1970
    #[arg(long, value_name = "TIME", value_parser = unix_ms)]
    pub now: Option<i64>,
    /// Base URL that the client used, for schemes that sign the whole URL; may be repeated
    #[arg(long, value_name = "URL")]
    pub public_url: Vec<PublicUrl>,
}

/// Milliseconds since 1970 from what a person writes.
fn unix_ms(text: &str) -> Result<i64, String> {
    let seconds = text.parse::<i64>().ok().and_then(|seconds| seconds.checked_mul(1000));
    let time = || text.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_millisecond);
    seconds
        .or_else(time)
        .ok_or_else(|| "write a time such as 2026-01-31T12:00:00Z, or seconds since 1970".to_owned())
}

/// The answer to a program. Members are part of the interface.
#[derive(Serialize)]
struct Json<'a> {
    scheme: &'static str,
    access_key_id: &'a str,
    canonical_request: Option<&'a str>,
    string_to_sign: &'a str,
    expected_signature: &'a str,
    given_signature: &'a str,
    matches: bool,
    causes: &'a [String],
}

pub(super) fn run(
    args: &ExplainArgs,
    environment: &Environment,
    input: &mut dyn Read,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    protect();
    let secret = environment.iter().find(|(name, _)| name == SECRET).map(|(_, value)| value);
    let secret = secret.ok_or_else(|| {
        Failure(format!("the secret is read from the environment variable {SECRET}, which is not set."))
    })?;
    let mut request = Zeroizing::new(Vec::new());
    let read = input.take(MAX_REQUEST_BYTES).read_to_end(&mut request);
    read.map_err(|error| Failure(format!("the request on standard input cannot be read: {error}.")))?;
    let urls: Vec<String> = args.public_url.iter().map(ToString::to_string).collect();
    let urls: Vec<&str> = urls.iter().map(String::as_str).collect();
    let options = Options { now_ms: args.now, public_urls: &urls, ..Options::default() };
    let explanation = explain(&request, secret.as_encoded_bytes(), &options).map_err(|error| {
        Failure(format!("{error}; give one whole HTTP/1.1 request, head and body, on standard input."))
    })?;
    print(out, &if args.json { json(&explanation)? } else { text(&explanation) })
}

fn json(explanation: &Explanation) -> Result<String, Failure> {
    let json = Json {
        scheme: explanation.scheme.as_str(),
        access_key_id: &explanation.access_key_id,
        canonical_request: explanation.canonical_request.as_deref(),
        string_to_sign: &explanation.string_to_sign,
        expected_signature: &explanation.expected_signature,
        given_signature: &explanation.given_signature,
        matches: explanation.matches,
        causes: &explanation.causes,
    };
    let text = serde_json::to_string(&json);
    text.map(|text| ascii(&text) + "\n")
        .map_err(|error| Failure(format!("the answer has no JSON form: {error}.")))
}

/// The same JSON in ASCII alone: it may be read on a terminal, which acts on some of the other characters.
fn ascii(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for character in json.chars() {
        match character {
            ' '..='~' => out.push(character),
            other => {
                for unit in other.encode_utf16(&mut [0; 2]) {
                    // Writing to memory does not fail.
                    let _ = write!(out, "\\u{unit:04x}");
                }
            }
        }
    }
    out
}

fn text(explanation: &Explanation) -> String {
    let mut out = String::new();
    let mut line = |name: &str, value: &str| {
        // Writing to memory does not fail.
        let _ = writeln!(out, "{name:<20}{}", value.escape_debug().to_string().replace("\\n", "\n    "));
    };
    line("scheme", explanation.scheme.as_str());
    line("access key id", &explanation.access_key_id);
    if let Some(canonical) = &explanation.canonical_request {
        line("canonical request", &format!("\n{canonical}"));
    }
    line("string to sign", &format!("\n{}", explanation.string_to_sign));
    line("expected signature", &explanation.expected_signature);
    line("given signature", &explanation.given_signature);
    line("matches", if explanation.matches { "yes" } else { "no" });
    for cause in &explanation.causes {
        line("likely cause", cause);
    }
    out
}
