//! Samsung Cloud Platform version 2.

use signing::scp::{self, Options, Stamp};

use crate::request::Request;
use crate::scheme::{KEY_ID, Read, Scheme, host};

const HEADERS: [&str; 5] =
    ["Scp-AccessKey", "Scp-Timestamp", "Scp-AccountId", "Scp-ClientType", "Scp-Signature"];

pub(crate) const SCHEME: Scheme = Scheme {
    parse: |request| request.view(|view| scp::parse(view, &Options::default())),
    sign: |request| sign(request, "https://public.example"),
    same_meaning: |one, other| same_meaning(one, other, &[]),
};

/// Behind a proxy that changes host and path.
const BEHIND_PROXY: Scheme = Scheme {
    parse: |request| {
        let options = Options { public_urls: &["https://public.example/scp"], ..Options::default() };
        request.view(|view| scp::parse(view, &options))
    },
    sign: |request| sign(request, "https://public.example/scp"),
    same_meaning: |one, other| {
        same_meaning(one, other, &["https://public.example/scp", "https://public.example"])
    },
};

/// Parser and verification of the `Scp-*` headers.
pub fn scp(data: &[u8]) {
    SCHEME.check(data);
    BEHIND_PROXY.check(data);
}

/// Signs the URL below the Host header, or below `public` where the request says so itself in a header that is not signed.
fn sign(request: &Request, public: &str) -> Option<Request> {
    let mut signed = request.clone();
    signed.set_if_missing("Host", "scp.example.com");
    let account = signed.text("Scp-AccountId").unwrap_or_default();
    signed.headers.retain(|(name, _)| !HEADERS.iter().any(|header| name.eq_ignore_ascii_case(header)));
    let (target, url_scheme) = signed.view(|view| (view.target().to_owned(), view.url_scheme()));
    let host = String::from_utf8(host(&signed)).ok()?;
    let is_proxied = signed.values("X-Proxied").count() > 0 && public.ends_with("/scp");
    let base = if is_proxied { public.to_owned() } else { [url_scheme.as_str(), "://", &host].concat() };
    let stamp = Stamp {
        access_key_id: KEY_ID,
        timestamp_ms: 1_795_306_162_099,
        account_id: &account,
        client_type: "Openapi",
    };
    let url = base + &target;
    for (name, value) in scp::sign(&signed.method, &url, stamp, &signed.secret) {
        signed.set(name, value);
    }
    Some(signed)
}

/// The body is not signed, nor is any other header.
fn same_meaning(one: Read<'_>, other: Read<'_>, public: &[&str]) -> bool {
    let stamp = |(request, _): Read<'_>| {
        HEADERS.map(|name| request.values(name).map(<[u8]>::to_vec).next().unwrap_or_default())
    };
    one.0.method == other.0.method
        && stamp(one) == stamp(other)
        && urls(one.0, public).iter().any(|url| urls(other.0, public).contains(url))
}

/// The URLs that may stand for the request: its host with and without the default port, and below the public URLs.
fn urls(request: &Request, public: &[&str]) -> Vec<Vec<u8>> {
    let (target, url_scheme) = request.view(|view| (view.target().to_owned(), view.url_scheme()));
    let host = host(request);
    let port = [":", url_scheme.default_port()].concat();
    let mut hosts = vec![host.clone(), [host.as_slice(), port.as_bytes()].concat()];
    hosts.extend(host.strip_suffix(port.as_bytes()).map(<[u8]>::to_vec));
    let mut urls: Vec<_> = hosts
        .into_iter()
        .map(|host| [url_scheme.as_str().as_bytes(), b"://", &host, target.as_bytes()].concat())
        .collect();
    urls.extend(public.iter().map(|base| [base.as_bytes(), target.as_bytes()].concat()));
    urls
}
