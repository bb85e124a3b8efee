//! The usual mistakes of clients, written down as the texts that they would have signed.

use std::borrow::Cow;

use super::{Signed, causes};
use crate::canonical::{UNSIGNED_PAYLOAD, sha256_hex};
use crate::claim::Candidate;
use crate::encode::{form_encode, percent_decode, percent_encode, percent_encode_path};
use crate::mac::Keyed;
use crate::{Body, Claim, RequestView, Scheme, Value};

type Suspect = (Vec<u8>, String);

/// The first mistake whose text gives the signature that was sent.
pub(super) fn find(signed: &Signed<'_>, claim: &Claim, key: &Keyed<'_>) -> Option<String> {
    let suspects = match signed.scheme {
        Scheme::Scloud => of_scloud(signed),
        Scheme::TencentV1 => of_tencent_v1(signed),
        Scheme::Scp => of_scp(signed, claim),
        Scheme::Tc3 | Scheme::SdkHmacSha256 | Scheme::Aws4 => of_canonical(signed.request, claim),
    };
    suspects.into_iter().find(|(text, _)| causes::gives(key, text, claim)).map(|(_, cause)| cause)
}

/// Names and values without the signature, in the order received.
fn unsigned<'a>(signed: &'a Signed<'_>) -> Vec<(&'a str, Cow<'a, str>)> {
    let unsigned = signed.params.iter().filter(|(name, _)| *name != "Signature");
    unsigned.map(|(name, value)| (name, value.text())).collect()
}

/// The same with every value changed.
fn mapped<'a>(
    pairs: &[(&'a str, Cow<'a, str>)],
    change: impl Fn(&str) -> String,
) -> Vec<(&'a str, Cow<'a, str>)> {
    pairs.iter().map(|(name, value)| (*name, Cow::Owned(change(value)))).collect()
}

fn python_bool(value: &str) -> String {
    match value {
        "true" => "True".to_owned(),
        "false" => "False".to_owned(),
        other => other.to_owned(),
    }
}

fn json_bool(value: &str) -> String {
    match value {
        "True" => "true".to_owned(),
        "False" => "false".to_owned(),
        other => other.to_owned(),
    }
}

/// Mistakes about parameters, whatever joins them to a text.
fn of_pairs(signed: &Signed<'_>, join: impl Fn(&[(&str, Cow<'_, str>)]) -> Vec<u8>) -> Vec<Suspect> {
    let received = unsigned(signed);
    let mut sorted = received.clone();
    sorted.sort();
    let mut folded = received.clone();
    folded.sort_by_key(|(name, _)| name.to_lowercase());
    let literal: Vec<_> = signed
        .params
        .iter()
        .filter(|(name, _)| *name != "Signature")
        .map(|(name, value)| match value {
            Value::Number(number) => (name, Cow::Borrowed(number.literal())),
            other => (name, other.text()),
        })
        .collect();
    let mut literal_sorted = literal;
    literal_sorted.sort();
    let cases = [
        (
            received,
            "The parameters were signed in the order sent; they must be sorted by name, byte by byte.",
        ),
        (
            folded,
            "The parameters were sorted without regard to letter case; upper case comes before lower case.",
        ),
        (
            mapped(&sorted, python_bool),
            "A boolean was signed as `True` or `False` and sent as `true` or `false`.",
        ),
        (
            mapped(&sorted, json_bool),
            "A boolean was signed as `true` or `false` and sent as `True` or `False`.",
        ),
        (
            mapped(&sorted, |value| percent_encode(value.as_bytes())),
            "The values were signed percent-encoded; they must be signed as they read after decoding.",
        ),
        (
            mapped(&sorted, |value| form_encode(value.as_bytes())),
            "The values were signed form-encoded; they must be signed as they read after decoding.",
        ),
        (
            mapped(&sorted, |value| value.replace(' ', "+")),
            "A blank was signed as `+`; values must be signed as they read after decoding.",
        ),
        (
            mapped(&sorted, |value| value.replace('+', " ")),
            "A `+` was signed as a blank; values must be signed as they read after decoding.",
        ),
        (
            mapped(&sorted, |value| value.trim().to_owned()),
            "A value was signed without the blanks around it.",
        ),
        (
            literal_sorted,
            "A number was signed as written in JSON; it must be signed as a plain decimal (`42.0` as `42`).",
        ),
        (
            sorted.iter().filter(|(_, value)| !value.is_empty()).cloned().collect(),
            "Empty parameters were left out of the signature, but sent.",
        ),
    ];
    cases.into_iter().map(|(pairs, cause)| (join(&pairs), cause.to_owned())).collect()
}

fn of_scloud(signed: &Signed<'_>) -> Vec<Suspect> {
    let concat = |pairs: &[(&str, Cow<'_, str>)]| -> Vec<u8> {
        pairs.iter().flat_map(|(name, value)| [name.as_bytes(), value.as_bytes()].concat()).collect()
    };
    let mut suspects = of_pairs(signed, concat);
    let mut sorted = unsigned(signed);
    sorted.sort();
    let joined: Vec<_> = sorted.iter().map(|(name, value)| [name, "=", value].concat()).collect();
    let separators =
        "The parameters were joined by `=` and `&`; names and values follow each other without separators.";
    suspects.push((joined.join("&").into_bytes(), separators.to_owned()));
    for left_out in ["PublicKey", "SecurityToken", "Action", "Region", "ProjectId"] {
        let rest: Vec<_> = sorted.iter().filter(|(name, _)| *name != left_out).cloned().collect();
        suspects.push((concat(&rest), format!("`{left_out}` was left out of the signature, but sent.")));
    }
    suspects
}

fn of_tencent_v1(signed: &Signed<'_>) -> Vec<Suspect> {
    let (method, path) = (signed.request.method(), signed.request.path());
    let host = String::from_utf8_lossy(signed.request.host().unwrap_or_default()).into_owned();
    let text = |method: &str, host: &str, path: &str, pairs: &[(&str, Cow<'_, str>)]| -> Vec<u8> {
        let joined: Vec<_> = pairs.iter().map(|(name, value)| [name, "=", value].concat()).collect();
        [method, host, path, "?", &joined.join("&")].concat().into_bytes()
    };
    let mut sorted = unsigned(signed);
    sorted.sort();
    let other_method = if method == "POST" { "GET" } else { "POST" };
    let (bare_host, _) = host.split_once(':').unwrap_or((&host, ""));
    let mut suspects = of_pairs(signed, |pairs| text(method, &host, "/", pairs));
    for path in ["/", path] {
        suspects.push((
            text(other_method, &host, path, &sorted),
            format!("The request was signed as {other_method} and sent as {method}."),
        ));
        suspects.push((
            text(method, bare_host, path, &sorted),
            format!("The host was signed as `{bare_host}` and sent as `{host}`."),
        ));
    }
    suspects
}

fn of_scp(signed: &Signed<'_>, claim: &Claim) -> Vec<Suspect> {
    let request = signed.request;
    let first = claim.candidates.first().map(Candidate::string_to_sign).unwrap_or_default();
    let text = String::from_utf8_lossy(&first);
    let host = String::from_utf8_lossy(request.host().unwrap_or_default()).into_owned();
    let target = request.target();
    // The text is method, URL and the rest; what follows the URL stays as it is.
    let url = [request.url_scheme().as_str(), "://", &host, target].concat();
    let Some((method, rest)) = text.split_once(&url) else { return Vec::new() };
    let with = |url: String| [method, &url, rest].concat().into_bytes();
    let decoded = percent_decode(target).unwrap_or_default();
    let encoded_again = target.replace('%', "%25");
    let mut suspects = Vec::new();
    for scheme in ["http", "https"] {
        let url = [scheme, "://", &host, target].concat();
        suspects.push((with(url), format!("The URL was signed as {scheme}. {SCP_PUBLIC_URL}")));
        let lower = [scheme, "://", &host.to_lowercase(), target].concat();
        suspects
            .push((with(lower), "The host was signed in lower case; it is signed as it is sent.".to_owned()));
    }
    let origin = [request.url_scheme().as_str(), "://", &host].concat();
    suspects.extend([
        (with(target.to_owned()), "Only path and query were signed; the whole URL must be.".to_owned()),
        (with(format!("{origin}{}", request.path())), "The query was left out of the signed URL.".to_owned()),
        (
            with(format!("{origin}{decoded}")),
            "The URL was signed decoded; it must be signed as it is sent.".to_owned(),
        ),
        (
            with(format!("{origin}{encoded_again}")),
            "The URL was percent-encoded twice for signing.".to_owned(),
        ),
    ]);
    if let Body::Bytes(body) = request.body() {
        let with_body = [text.as_bytes(), body].concat();
        suspects.push((with_body, "The body was signed; it is no part of this signature.".to_owned()));
    }
    let account = String::from_utf8_lossy(request.header("scp-accountid").unwrap_or_default()).into_owned();
    if !account.is_empty() {
        let without = text.replacen(&account, "", 1).into_bytes();
        suspects.push((without, "Scp-AccountId was sent but left out of the signature.".to_owned()));
    }
    suspects
}

const SCP_PUBLIC_URL: &str = "Behind a proxy, give the URL that the client calls as the public URL; a request in absolute form tells its own.";

/// Mistakes about one line of a canonical request.
fn of_canonical(request: &RequestView<'_>, claim: &Claim) -> Vec<Suspect> {
    let Some(Candidate::Digest { head, canonical_request }) = claim.candidates.first() else {
        return Vec::new();
    };
    let canonical = String::from_utf8_lossy(canonical_request);
    let lines: Vec<&str> = canonical.split('\n').collect();
    let with = |at: usize, text: &str| -> Vec<u8> {
        let mut lines = lines.clone();
        if let Some(line) = lines.get_mut(at) {
            *line = text;
        }
        [head.as_str(), &sha256_hex(lines.join("\n").as_bytes())].concat().into_bytes()
    };
    let mut suspects = Vec::new();
    let mut suspect = |at: usize, text: &str, cause: &str| {
        let right = lines.get(at).copied().unwrap_or_default();
        suspects.push((with(at, text), format!("{cause} Signed: `{text}`; right: `{right}`.")));
    };
    for method in ["GET", "POST", "PUT", "DELETE", "HEAD", "PATCH", &request.method().to_lowercase()] {
        suspect(0, method, "Another method was signed than sent.");
    }
    let path = request.path();
    let decoded = percent_decode(path).unwrap_or_default();
    let trimmed = lines.get(1).map(|line| line.trim_end_matches('/')).unwrap_or_default();
    for spelling in [
        path,
        &decoded,
        &percent_encode_path(path.as_bytes()),
        &percent_encode_path(decoded.as_bytes()),
        trimmed,
        "/",
        "",
    ] {
        suspect(1, spelling, "Path encoding: the path was signed in another spelling.");
    }
    let query = request.query();
    let mut pairs: Vec<_> = query.split('&').collect();
    pairs.sort_unstable();
    let sorted = pairs.join("&");
    for spelling in [query, &sorted, &sorted.replace('+', "%20"), &sorted.replace("%20", "+"), ""] {
        suspect(2, spelling, "Query: it was signed unsorted, or in another spelling.");
    }
    for (at, line) in lines.iter().enumerate().filter(|(_, line)| line.starts_with("host:")) {
        let bare = line.rsplit_once(':').filter(|(name, _)| *name != "host").map_or(*line, |(bare, _)| bare);
        let port = request.url_scheme().default_port();
        for spelling in [bare, &[line, ":", port].concat(), &line.to_lowercase()] {
            suspect(at, spelling, "Host: another host was signed than sent; a proxy may have changed it.");
        }
    }
    let last = lines.len().saturating_sub(1);
    let unsigned_word = sha256_hex(UNSIGNED_PAYLOAD.as_bytes());
    let upper = lines.get(last).map(|digest| digest.to_uppercase()).unwrap_or_default();
    let mut digests = vec![sha256_hex(b""), UNSIGNED_PAYLOAD.to_owned(), unsigned_word, upper];
    if let Body::Bytes(body) = request.body() {
        digests.extend([sha256_hex(body.trim_ascii()), sha256_hex(&[body, b"\n"].concat())]);
    }
    for digest in &digests {
        suspect(last, digest, "Body digest: that of another body was signed.");
    }
    suspects
}
