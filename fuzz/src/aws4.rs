//! AWS signature version 4, in the header and in the query.

use signing::aws4::{self, Signer, Spelling};

use crate::request::Request;
use crate::scheme::{KEY_ID, Read, Scheme, host, path_and_query, same_body, same_headers, sorted_pairs};

const DATE: &str = "20231114T221320Z";

pub(crate) const STANDARD: Scheme = Scheme {
    parse: |request| request.view(|view| aws4::parse(view, Spelling::Standard)),
    sign,
    same_meaning: |one, other| same_but_path(one, other) && normalised(one) == normalised(other),
};

/// As the native API reads it: a signature for `/a%20b` in the standard spelling is one for `/a%2520b` in the raw one.
const ALSO_RAW: Scheme = Scheme {
    parse: |request| request.view(|view| aws4::parse(view, Spelling::AlsoRaw)),
    sign,
    same_meaning: |one, other| {
        let paths = |read| [normalised(read), path_and_query(read.0).0];
        same_but_path(one, other) && paths(one).iter().any(|path| paths(other).contains(path))
    },
};

const PRESIGNED: Scheme = Scheme { sign: presign, ..STANDARD };

/// Parser and verification of `AWS4-HMAC-SHA256`, in both places and both spellings.
pub fn aws4(data: &[u8]) {
    STANDARD.check(data);
    ALSO_RAW.check(data);
    PRESIGNED.check(data);
}

fn sign(request: &Request) -> Option<Request> {
    let mut signed = unsigned(request)?;
    signed.set("X-Amz-Date", DATE);
    if signed.values("X-Amz-Security-Token").count() > 0 {
        signed.set("X-Amz-Security-Token", "token");
    }
    let names = signed.names();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let authorization = signed.view(|view| aws4::sign(view, &signer(&signed), &names)).ok()?;
    signed.set("Authorization", authorization);
    Some(signed)
}

fn presign(request: &Request) -> Option<Request> {
    let mut signed = unsigned(request)?;
    signed.headers.retain(|(name, _)| !name.eq_ignore_ascii_case("x-amz-date"));
    let names: Vec<_> = signed.names().into_iter().filter(|name| name != "host").collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let query = signed.view(|view| aws4::presign(view, &signer(&signed), &names, DATE, 900, None)).ok()?;
    signed.target = [&path_and_query(&signed).0, "?", &query].concat();
    Some(signed)
}

/// The request without credentials, with a host; `None` when its query has parameters of a credential.
fn unsigned(request: &Request) -> Option<Request> {
    let mut unsigned = request.clone();
    unsigned.headers.retain(|(name, _)| !name.eq_ignore_ascii_case("authorization"));
    unsigned.set_if_missing("Host", "keys.example.com");
    // In the origin form, so that the host is in its header only.
    unsigned.target = unsigned.view(|view| view.target().to_owned());
    let query = path_and_query(&unsigned).1;
    (unsigned.target.starts_with('/') && !query.contains("X-Amz-")).then_some(unsigned)
}

fn signer(request: &Request) -> Signer<'_> {
    Signer { access_key_id: KEY_ID, secret: &request.secret, region: "local", service: "keyward" }
}

fn same_but_path(one: Read<'_>, other: Read<'_>) -> bool {
    let squeezed =
        |values: Vec<&[u8]>| values.iter().map(|value| squeeze(value)).collect::<Vec<_>>().join(&b',');
    let query = |(request, _): Read<'_>| {
        let is_presigned = request.values("authorization").count() == 0;
        let mut pairs = sorted_pairs(&path_and_query(request).1);
        pairs.retain(|(name, _)| !is_presigned || name != "X-Amz-Signature");
        pairs
    };
    one.0.method == other.0.method
        && one.1.scope() == other.1.scope()
        && one.1.signed_at() == other.1.signed_at()
        && query(one) == query(other)
        && same_headers(one, other, squeezed)
        && squeeze(&host(one.0)) == squeeze(&host(other.0))
        && same_body(one, other)
}

/// Runs of blanks made one.
fn squeeze(value: &[u8]) -> Vec<u8> {
    let words = value.split(|byte| matches!(byte, b' ' | b'\t'));
    words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(&b' ')
}

/// The path without empty and dot segments, each segment percent-encoded.
fn normalised((request, _): Read<'_>) -> String {
    let path = path_and_query(request).0;
    let mut kept = String::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => kept.truncate(kept.rfind('/').unwrap_or(0)),
            _ => {
                kept.push('/');
                for byte in segment.bytes() {
                    match byte {
                        b'-' | b'_' | b'.' | b'~' => kept.push(char::from(byte)),
                        _ if byte.is_ascii_alphanumeric() => kept.push(char::from(byte)),
                        _ => kept.push_str(&format!("%{byte:02X}")),
                    }
                }
            }
        }
    }
    if kept.is_empty() || path.ends_with('/') { kept + "/" } else { kept }
}
