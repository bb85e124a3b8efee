//! Tencent Cloud signature version 3.

use signing::tc3::{self, Target};

use crate::request::Request;
use crate::scheme::{KEY_ID, Read, Scheme, host, path_and_query, same_body, same_headers};

pub(crate) const VENDOR: Scheme = Scheme {
    parse: |request| request.view(|view| tc3::parse(view, Target::Vendor)),
    sign,
    same_meaning: |one, other| same_but_path(one, other) && (is_post(one) || query(one) == query(other)),
};

/// As the gate reads it: nothing of the target may be left open.
const EXACT: Scheme = Scheme {
    parse: |request| request.view(|view| tc3::parse(view, Target::Exact)),
    // The vendor's clients sign the path `/` and no query of a POST.
    sign: |request| match path_and_query(request) {
        (path, query) if path == "/" && (query.is_empty() || request.method != "POST") => sign(request),
        _ => None,
    },
    same_meaning: |one, other| same_but_path(one, other) && path_and_query(one.0) == path_and_query(other.0),
};

/// Parser and verification of `TC3-HMAC-SHA256`, as the vendor's own API and as the gate use them.
pub fn tc3(data: &[u8]) {
    VENDOR.check(data);
    EXACT.check(data);
}

fn sign(request: &Request) -> Option<Request> {
    let mut signed = request.clone();
    signed.headers.retain(|(name, _)| !name.eq_ignore_ascii_case("authorization"));
    signed.set_if_missing("Host", "cam.example.com");
    signed.set_if_missing("Content-Type", "application/json");
    signed.set("X-TC-Timestamp", "1700000000");
    if signed.values("X-TC-Token").count() > 0 {
        signed.set("X-TC-Token", "token");
    }
    // Values that differ only in letter case sign alike by the vendor's rule, so few headers are left to chance.
    let also: Vec<_> = signed
        .names()
        .into_iter()
        .filter(|name| name.starts_with("x-tc-") && signed.values(name).count() == 1)
        .collect();
    let also: Vec<_> = also.iter().map(String::as_str).collect();
    let authorization = signed.view(|view| tc3::sign(view, KEY_ID, &signed.secret, "cam", &also)).ok()?;
    signed.set("Authorization", authorization);
    Some(signed)
}

fn same_but_path(one: Read<'_>, other: Read<'_>) -> bool {
    let lower = |values: Vec<&[u8]>| values.concat().to_ascii_lowercase();
    one.0.method == other.0.method
        && one.1.scope() == other.1.scope()
        && one.1.signed_at() == other.1.signed_at()
        && same_headers(one, other, lower)
        && hosts(one.0).iter().any(|host| hosts(other.0).contains(host))
        && same_body(one, other)
}

/// What the vendor's clients may have signed for a host: with port, without, followed by the path.
fn hosts(request: &Request) -> Vec<Vec<u8>> {
    let host = host(request).to_ascii_lowercase();
    let path = path_and_query(request).0.trim_end_matches('/').to_ascii_lowercase();
    let mut hosts = vec![[host.as_slice(), path.as_bytes()].concat()];
    let digits = host.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
    let name = host.get(..host.len() - digits).and_then(|name| name.strip_suffix(b":"));
    hosts.extend(name.map(<[u8]>::to_vec));
    hosts.push(host);
    hosts
}

fn query(read: Read<'_>) -> String {
    path_and_query(read.0).1
}

fn is_post(read: Read<'_>) -> bool {
    read.0.method == "POST"
}
