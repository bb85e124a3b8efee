//! A request as it came over the wire: nothing decoded, nothing normalised, because that is what clients sign.
//!
//! Only borrows, so that it costs nothing to build one per request. HTTP parsing itself does not live here.

use std::fmt;

use sha2::{Digest, Sha256};

use crate::Reject;

/// One header as received: the name in any letter case, the value without outer blanks.
pub type Header<'a> = (&'a str, &'a [u8]);

/// The scheme of the URL that the client called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum UrlScheme {
    /// Plain HTTP.
    Http,
    /// HTTP over TLS.
    Https,
}

impl UrlScheme {
    /// `http` or `https`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    /// The port that a URL of this scheme may leave out.
    pub const fn default_port(self) -> &'static str {
        match self {
            Self::Http => "80",
            Self::Https => "443",
        }
    }
}

/// What is known of the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Body<'a> {
    /// The raw bytes; an empty slice for a request without a body.
    Bytes(&'a [u8]),
    /// Only its SHA-256, from a caller who has seen it.
    Sha256([u8; 32]),
    /// Nothing: the gate answers from the head alone.
    NotVisible,
}

impl Body<'_> {
    /// SHA-256 of the body, unless it is not visible.
    pub fn sha256(&self) -> Option<[u8; 32]> {
        match self {
            Self::Bytes(bytes) => Some(Sha256::digest(bytes).into()),
            Self::Sha256(digest) => Some(*digest),
            Self::NotVisible => None,
        }
    }
}

/// A request as received.
#[derive(Clone, Copy)]
pub struct RequestView<'a> {
    method: &'a str,
    target: &'a str,
    path: &'a str,
    query: Option<&'a str>,
    headers: &'a [Header<'a>],
    body: Body<'a>,
    url_scheme: UrlScheme,
    authority: Option<&'a str>,
}

impl<'a> RequestView<'a> {
    /// A view of a request. `target` is the raw request target: `/path?query`, or a whole URL (absolute form), whose scheme
    /// and authority then take the place of `url_scheme` and [`with_authority`](Self::with_authority).
    pub fn new(
        method: &'a str,
        target: &'a str,
        headers: &'a [Header<'a>],
        body: Body<'a>,
        url_scheme: UrlScheme,
    ) -> Self {
        let (url_scheme, authority, target) = split_absolute(target, url_scheme);
        let (path, query) = match target.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (target, None),
        };
        Self { method, target, path, query, headers, body, url_scheme, authority }
    }

    /// The same view with the `:authority` of HTTP/2, which has no Host header.
    #[must_use]
    pub fn with_authority(mut self, authority: Option<&'a str>) -> Self {
        self.authority = self.authority.or(authority);
        self
    }

    /// The same view with other knowledge of the body.
    #[must_use]
    pub fn with_body(mut self, body: Body<'a>) -> Self {
        self.body = body;
        self
    }

    /// The method as on the request line.
    pub fn method(&self) -> &'a str {
        self.method
    }

    /// Path and query as received (origin form).
    pub fn target(&self) -> &'a str {
        self.target
    }

    /// The path as received; may be empty for an absolute-form target.
    pub fn path(&self) -> &'a str {
        self.path
    }

    /// The query as received, without `?`; empty when there is none.
    pub fn query(&self) -> &'a str {
        self.query.unwrap_or_default()
    }

    /// All headers in the order received.
    pub fn all_headers(&self) -> &'a [Header<'a>] {
        self.headers
    }

    /// The body.
    pub fn body(&self) -> Body<'a> {
        self.body
    }

    /// The scheme of the URL called.
    pub fn url_scheme(&self) -> UrlScheme {
        self.url_scheme
    }

    /// Every value of the header `name` (any letter case), in the order received.
    pub fn headers(&self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        self.headers
            .iter()
            .filter(move |(given, _)| given.eq_ignore_ascii_case(name))
            .map(|(_, value)| *value)
    }

    /// The first value of the header `name`.
    pub fn header(&self, name: &str) -> Option<&'a [u8]> {
        self.headers(name).next()
    }

    /// The value of the header `name`.
    ///
    /// # Errors
    /// [`Reject::HeaderRepeated`] when there are two: which one a proxy or a handler sees is a coin toss (threat T02).
    pub fn single(&self, name: &str) -> Result<Option<&'a [u8]>, Reject> {
        let mut values = self.headers(name);
        match (values.next(), values.next()) {
            (_, Some(_)) => Err(Reject::HeaderRepeated(name.to_owned())),
            (value, None) => Ok(value),
        }
    }

    /// The value of the header `name` as text.
    ///
    /// # Errors
    /// As [`single`](Self::single), and [`Reject::Malformed`] when it is not UTF-8; `what` names the part in that case.
    pub fn single_text(&self, name: &str, what: &'static str) -> Result<Option<&'a str>, Reject> {
        match self.single(name)? {
            Some(value) => std::str::from_utf8(value).map(Some).map_err(|_| Reject::Malformed(what)),
            None => Ok(None),
        }
    }

    /// The host that the client addressed, literally: the Host header, else the authority (HTTP/2, absolute form).
    ///
    /// # Errors
    /// [`Reject::HeaderRepeated`] for two Host headers, [`Reject::HeaderMissing`] when nothing names a host.
    pub fn host(&self) -> Result<&'a [u8], Reject> {
        let host = self.single("host")?.or(self.authority.map(str::as_bytes));
        host.ok_or_else(|| Reject::HeaderMissing("host".to_owned()))
    }
}

impl fmt::Debug for RequestView<'_> {
    /// Leaves out query, header values and body, which may hold credentials (threat T66).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestView")
            .field("method", &self.method)
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

/// The media type of the body in lower case, without its parameters; `None` without a Content-Type.
pub(crate) fn media_type(request: &RequestView<'_>) -> Result<Option<String>, Reject> {
    let text = request.single_text("content-type", "Content-Type")?;
    Ok(text.map(|text| text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()))
}

fn split_absolute(target: &str, url_scheme: UrlScheme) -> (UrlScheme, Option<&str>, &str) {
    for scheme in [UrlScheme::Http, UrlScheme::Https] {
        let rest = target.strip_prefix(scheme.as_str()).and_then(|rest| rest.strip_prefix("://"));
        if let Some(rest) = rest {
            let (authority, origin) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
            return (scheme, Some(authority), origin);
        }
    }
    (url_scheme, None, target)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view<'a>(target: &'a str, headers: &'a [Header<'a>]) -> RequestView<'a> {
        RequestView::new("GET", target, headers, Body::Bytes(b""), UrlScheme::Http)
    }

    #[test]
    fn target_is_split_and_never_normalised() {
        let request = view("//v1/../a%2fb?x=%zz&?y", &[]);
        assert_eq!(request.path(), "//v1/../a%2fb");
        assert_eq!(request.query(), "x=%zz&?y");
        assert_eq!(request.target(), "//v1/../a%2fb?x=%zz&?y");
    }

    #[test]
    fn absolute_form_tells_scheme_and_authority() {
        let request = view("https://h.example:8443/p?q", &[]).with_authority(Some("other"));
        assert_eq!((request.url_scheme(), request.path(), request.query()), (UrlScheme::Https, "/p", "q"));
        assert_eq!(request.host(), Ok(&b"h.example:8443"[..]));
        assert_eq!(view("http://h?q", &[]).target(), "?q");
    }

    #[test]
    fn headers_are_found_in_any_case_and_a_second_one_is_refused() {
        let headers: [Header<'_>; 3] = [("Host", b"a"), ("X-Two", b"1"), ("x-two", b"2")];
        let request = view("/", &headers).with_authority(Some("b"));
        assert_eq!(request.host(), Ok(&b"a"[..]));
        assert_eq!(request.header("X-TWO"), Some(&b"1"[..]));
        assert_eq!(request.headers("x-Two").count(), 2);
        assert_eq!(request.single("X-two"), Err(Reject::HeaderRepeated("X-two".to_owned())));
        assert_eq!(request.single("x-none"), Ok(None));
        assert_eq!(view("/", &[]).host(), Err(Reject::HeaderMissing("host".to_owned())));
    }
}
