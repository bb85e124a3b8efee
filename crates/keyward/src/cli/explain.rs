//! `keyward explain`: its arguments and help.

use clap::Args;

use crate::config::PublicUrl;

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
