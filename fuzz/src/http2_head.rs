//! The checker of HTTP/2 heads, beside the one of HTTP/1.

use http::header::{HeaderName, HeaderValue};
use http::{Method, Request, Uri, Version};
use keyward::listen::{HeadLimits, Verdict, check_head, check_http2};

use crate::request::Request as Text;

/// Heads of HTTP/2: what is accepted would be accepted of HTTP/1 as well (threat T14).
pub fn http2_head(data: &[u8]) {
    let Some(text) = Text::read(data) else { return };
    let Some(request) = request(&text) else { return };
    let limits = HeadLimits::default();
    if check_http2(&request, &limits).is_err() {
        return;
    }
    let mut head = Vec::new();
    let target = request.uri().path_and_query().map_or("", |target| target.as_str());
    head.extend_from_slice([request.method().as_str(), " ", target, " HTTP/1.1\r\n"].concat().as_bytes());
    if !request.headers().contains_key("host") {
        let authority = request.uri().authority().expect("accepted without a host").as_str();
        head.extend_from_slice(["Host: ", authority, "\r\n"].concat().as_bytes());
    }
    for (name, value) in request.headers() {
        head.extend_from_slice(&[name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
    }
    head.extend_from_slice(b"\r\n");
    let verdict = check_head(&head, &limits);
    assert!(matches!(verdict, Verdict::Accepted(_)), "{verdict:?} as HTTP/1: {text:?}");
}

/// The head as the HTTP/2 stack would hand it over; `None` for what it refuses itself.
fn request(text: &Text) -> Option<Request<()>> {
    let uri: Uri = text.target.parse().ok()?;
    // `:path` begins with a slash (RFC 9113 section 8.3.1), but for `*`, which nothing here answers; lengths are the stack's
    // to compare with the body.
    let is_path = uri.path_and_query()?.as_str().starts_with('/');
    let mut request = Request::builder().version(Version::HTTP_2).uri(&uri).body(()).ok()?;
    *request.method_mut() = Method::from_bytes(text.method.as_bytes()).ok()?;
    for (name, value) in &text.headers {
        let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
        // Connection-specific headers make a request malformed (section 8.2.2).
        if ["transfer-encoding", "connection", "upgrade", "content-length"].contains(&name.as_str()) {
            return None;
        }
        request.headers_mut().append(name, HeaderValue::from_bytes(value).ok()?);
    }
    is_path.then_some(request)
}
