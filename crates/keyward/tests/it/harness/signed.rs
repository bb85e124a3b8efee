//! Requests signed as each cloud's clients sign them, to any path: what passes through a proxy to the gate.

use keyward::system::SystemClock;
use signing::encode::percent_encode;
use signing::request::Header;
use signing::{Body, Params, RequestView, Scheme, UrlScheme, aws4, format_basic};
use signing::{scloud, scp, sdk_hmac_sha256, tc3, tencent_v1};

use super::Key;
use super::http::Request;

/// SHA-256 of nothing.
pub(crate) const EMPTY_SHA256: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// A signed request.
#[derive(Clone, Debug)]
pub(crate) struct Signed {
    pub(crate) method: String,
    pub(crate) host: String,
    pub(crate) target: String,
    /// Without `Host`.
    pub(crate) headers: Vec<(String, String)>,
}

/// Seconds since 1970.
pub(crate) fn now() -> i64 {
    SystemClock.now_ms() / 1000
}

impl Signed {
    /// A GET without a body, signed now; it has a header `X-Test`, signed where the scheme can.
    pub(crate) fn get(scheme: Scheme, key: &Key, host: &str, target: &str) -> Self {
        Self::at(now(), scheme, key, "GET", host, target)
    }

    /// A request without a body, signed at `seconds` since 1970.
    pub(crate) fn at(
        seconds: i64,
        scheme: Scheme,
        key: &Key,
        method: &str,
        host: &str,
        target: &str,
    ) -> Self {
        let mut signed = Self {
            method: method.to_owned(),
            host: host.to_owned(),
            target: target.to_owned(),
            headers: vec![("X-Test".to_owned(), "signed value".to_owned())],
        };
        let (id, secret) = (key.id.as_str(), key.secret.as_bytes());
        match scheme {
            Scheme::Tc3 => {
                signed.push("Content-Type", "application/json");
                signed.push("X-TC-Timestamp", &seconds.to_string());
                let authorization = signed.view(|request| {
                    let exact = tc3::Target::Exact;
                    tc3::sign_target(request, exact, id, secret, "web", &["x-test"]).unwrap()
                });
                signed.push("Authorization", &authorization);
            }
            Scheme::SdkHmacSha256 => {
                signed.push("X-Sdk-Date", &format_basic(seconds));
                signed.push("X-Sdk-Content-Sha256", EMPTY_SHA256);
                let names = ["host", "x-sdk-content-sha256", "x-sdk-date", "x-test"];
                let authorization =
                    signed.view(|request| sdk_hmac_sha256::sign(request, id, secret, &names).unwrap());
                signed.push("Authorization", &authorization);
            }
            Scheme::Aws4 => {
                signed.push("X-Amz-Date", &format_basic(seconds));
                signed.push("X-Amz-Content-Sha256", EMPTY_SHA256);
                let signer = aws4::Signer { access_key_id: id, secret, region: "r", service: "web" };
                let names = ["host", "x-amz-content-sha256", "x-amz-date", "x-test"];
                let authorization = signed.view(|request| aws4::sign(request, &signer, &names).unwrap());
                signed.push("Authorization", &authorization);
            }
            Scheme::Scp => {
                let stamp = scp::Stamp {
                    access_key_id: id,
                    timestamp_ms: seconds * 1000,
                    account_id: "",
                    client_type: "Openapi",
                };
                for (name, value) in scp::sign(method, &format!("http://{host}{target}"), stamp, secret) {
                    if !value.is_empty() {
                        signed.push(name, &value);
                    }
                }
            }
            Scheme::TencentV1 => {
                let separator = if target.contains('?') { '&' } else { '?' };
                let common =
                    format!("SecretId={id}&Timestamp={seconds}&Nonce=4711&SignatureMethod=HmacSHA256");
                signed.target = format!("{target}{separator}{common}");
                assert!(target.starts_with("/?") || target == "/", "this crate signs the path / only");
                let query = signed.view(|request| {
                    let params = tencent_v1::params(request, 64).unwrap();
                    tencent_v1::sign(request, &params, secret).unwrap()
                });
                signed.target = format!("/?{query}");
            }
            Scheme::Scloud => {
                let (path, query) = target.split_once('?').unwrap_or((target, ""));
                let query = [query, if query.is_empty() { "" } else { "&" }, "PublicKey=", id].concat();
                let signature = scloud::sign(&Params::from_form(query.as_bytes(), 64).unwrap(), secret);
                signed.target = format!("{path}?{query}&Signature={}", percent_encode(signature.as_bytes()));
            }
        }
        signed
    }

    /// A presigned URL of AWS version 4, which signs that there is no body.
    pub(crate) fn presigned(at: i64, key: &Key, host: &str, target: &str, expires_seconds: u32) -> Self {
        let headers = vec![("X-Amz-Content-Sha256".to_owned(), EMPTY_SHA256.to_owned())];
        let mut signed =
            Self { method: "GET".to_owned(), host: host.to_owned(), target: target.to_owned(), headers };
        let signer = aws4::Signer {
            access_key_id: &key.id,
            secret: key.secret.as_bytes(),
            region: "r",
            service: "web",
        };
        let (date, names) = (format_basic(at), ["x-amz-content-sha256"]);
        let query = signed
            .view(|request| aws4::presign(request, &signer, &names, &date, expires_seconds, None).unwrap());
        let path = target.split('?').next().unwrap();
        signed.target = format!("{path}?{query}");
        signed
    }

    fn push(&mut self, name: &str, value: &str) {
        self.headers.push((name.to_owned(), value.to_owned()));
    }

    fn view<T>(&self, read: impl FnOnce(&RequestView<'_>) -> T) -> T {
        let mut headers: Vec<Header<'_>> = vec![("host", self.host.as_bytes())];
        headers.extend(self.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())));
        read(&RequestView::new(&self.method, &self.target, &headers, Body::Bytes(b""), UrlScheme::Http))
    }

    /// The value of a header.
    pub(crate) fn header(&self, name: &str) -> &str {
        &self.headers.iter().find(|(given, _)| given.eq_ignore_ascii_case(name)).unwrap().1
    }

    /// The same with another value of a header.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        let found = self.headers.iter_mut().find(|(given, _)| given.eq_ignore_ascii_case(name));
        match found {
            Some((_, old)) => *old = value.to_owned(),
            None => self.push(name, value),
        }
        self
    }

    /// As the client sends it.
    pub(crate) fn request(&self) -> Request {
        self.add_headers(Request::new(&self.method, &self.target).host(&self.host))
    }

    /// As nginx asks about it.
    pub(crate) fn as_nginx(&self) -> Request {
        let question = Request::get("/gate/forward")
            .header("X-Original-Method", &self.method)
            .header("X-Original-URI", &self.target)
            .header("X-Original-Host", &self.host);
        self.add_headers(question)
    }

    /// As Caddy asks about it: with the client's query behind its own path.
    pub(crate) fn as_caddy(&self) -> Request {
        let query = self.target.split_once('?').map_or(String::new(), |(_, query)| format!("?{query}"));
        let question = Request::get(&format!("/gate/forward{query}"))
            .header("X-Forwarded-Method", &self.method)
            .header("X-Forwarded-Uri", &self.target)
            .header("X-Forwarded-Host", &self.host)
            .header("X-Forwarded-Proto", "http");
        self.add_headers(question)
    }

    /// As Envoy asks about it.
    pub(crate) fn as_envoy(&self) -> Request {
        let question = Request::new(&self.method, &format!("/gate/envoy{}", self.target)).host(&self.host);
        self.add_headers(question).header("Content-Length", "0")
    }

    /// As a service asks about it in JSON.
    pub(crate) fn as_json(&self) -> serde_json::Value {
        let headers: serde_json::Map<_, _> =
            self.headers.iter().map(|(name, value)| (name.clone(), value.as_str().into())).collect();
        serde_json::json!({
            "method": self.method,
            "url": format!("http://{}{}", self.host, self.target),
            "headers": headers,
        })
    }

    fn add_headers(&self, request: Request) -> Request {
        self.headers.iter().fold(request, |request, (name, value)| request.header(name, value))
    }

    /// This request with one byte changed, for each byte of its method, path, query, host and each signed header in turn;
    /// and what was changed.
    pub(crate) fn changed_everywhere(&self) -> Vec<(String, Self)> {
        let mut changed = vec![("method".to_owned(), Self { method: "PUT".to_owned(), ..self.clone() })];
        let targets = one_byte_changed(&self.target).filter(|(at, _)| *at > 0);
        changed.extend(targets.map(|(at, target)| (format!("target {at}"), Self { target, ..self.clone() })));
        let hosts = one_byte_changed(&self.host);
        changed.extend(hosts.map(|(at, host)| (format!("host {at}"), Self { host, ..self.clone() })));
        for (name, value) in &self.headers {
            // The scheme of Samsung signs no other header than its own.
            if name == "X-Test" && self.headers.iter().any(|(name, _)| name == "Scp-Signature") {
                continue;
            }
            changed.extend(
                one_byte_changed(value)
                    .map(|(at, value)| (format!("{name} {at}"), self.clone().with(name, &value))),
            );
        }
        changed
    }
}

/// `text` with another letter or digit in place of each one that it has.
fn one_byte_changed(text: &str) -> impl Iterator<Item = (usize, String)> + '_ {
    text.bytes().enumerate().filter(|(_, byte)| byte.is_ascii_alphanumeric()).map(|(at, byte)| {
        let other = match byte {
            b'0'..=b'8' | b'a'..=b'y' | b'A'..=b'Y' => byte + 1,
            _ => byte - 1,
        };
        (at, [&text[..at], std::str::from_utf8(&[other]).unwrap(), &text[at + 1..]].concat())
    })
}
