//! Huawei Cloud `SDK-HMAC-SHA256`.

use signing::sdk_hmac_sha256 as sdk;

use crate::request::Request;
use crate::scheme::{KEY_ID, Read, Scheme, host, path_and_query, same_body, same_headers, sorted_pairs};

pub(crate) const SCHEME: Scheme = Scheme { parse: |request| request.view(sdk::parse), sign, same_meaning };

/// Parser and verification of `SDK-HMAC-SHA256`.
pub fn sdk_hmac_sha256(data: &[u8]) {
    SCHEME.check(data);
}

fn sign(request: &Request) -> Option<Request> {
    let mut signed = request.clone();
    signed.headers.retain(|(name, _)| !name.eq_ignore_ascii_case("authorization"));
    signed.set_if_missing("Host", "iam.example.com");
    signed.set("X-Sdk-Date", signing::format_basic(1_700_000_000));
    if signed.values("X-Security-Token").count() > 0 {
        signed.set("X-Security-Token", "token");
    }
    let names = signed.names();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let authorization = signed.view(|view| sdk::sign(view, KEY_ID, &signed.secret, &names)).ok()?;
    signed.set("Authorization", authorization);
    Some(signed)
}

fn same_meaning(one: Read<'_>, other: Read<'_>) -> bool {
    // Repeated headers are signed sorted.
    let sorted = |mut values: Vec<&[u8]>| {
        values.sort_unstable();
        values.join(&b'\n')
    };
    let target = |(request, _): Read<'_>| {
        let (path, query) = path_and_query(request);
        let mut path: Vec<u8> = percent_encoding::percent_decode_str(&path).collect();
        if path.last() != Some(&b'/') {
            path.push(b'/');
        }
        (path, sorted_pairs(&query))
    };
    one.0.method.eq_ignore_ascii_case(&other.0.method)
        && one.1.signed_at() == other.1.signed_at()
        && target(one) == target(other)
        && same_headers(one, other, sorted)
        && (!one.1.signs_header("host") || host(one.0) == host(other.0))
        && same_body(one, other)
}
