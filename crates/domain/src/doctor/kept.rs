//! What is kept of a refused request: its pieces as they came, without bodies and without values that may be credentials. The
//! signature stays, in memory alone, because without it nothing can be explained; no answer ever shows it.

use signing::encode::percent_decode;
use signing::params::MAX_PARAMS;
use signing::redact::{mentions_credential, names_credential};
use signing::request::Header;
use signing::{Body, Explanation, RequestView, Scheme, UrlScheme, detect, scloud};

/// Most bytes that are kept of one request; of a longer one nothing is.
pub const KEPT_REQUEST_BYTES: usize = 16 * 1024;

/// A request as it is kept.
#[derive(Debug)]
pub(super) struct KeptRequest {
    method: Box<str>,
    target: String,
    authority: Option<Box<str>>,
    scheme: UrlScheme,
    headers: Vec<(Box<str>, Box<[u8]>)>,
    body: KeptBody,
    /// Names of the headers and parameters whose values were left out.
    withheld: Vec<Withheld>,
}

/// Something whose value was left out.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Withheld {
    /// A header; it matters where it is signed.
    Header(String),
    /// A parameter of the query or of a form; every scheme that reads those signs all of them.
    Parameter(String),
}

#[derive(Debug)]
enum KeptBody {
    /// Parameters, which are what is signed.
    Parameters(Box<[u8]>),
    /// Parameters that hold a credential, signed in that scheme.
    Withheld(Scheme),
    /// Of everything else the digest, which is what is signed.
    Digest([u8; 32]),
    /// Of one that may hold a credential the digest too. It is never shown: whoever reads it could guess a password by it, as
    /// often as he likes.
    Guessable([u8; 32]),
    NotVisible,
}

impl KeptRequest {
    /// Keeps a request; `None` when it is too long.
    pub(super) fn of(view: &RequestView<'_>) -> Option<Self> {
        let mut withheld = Vec::new();
        let target = redacted_target(view.target(), &mut withheld);
        let authority = view.header("host").is_none().then(|| view.host().ok()).flatten();
        let headers = view.all_headers();
        let length = headers.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>();
        let length = length + authority.map_or(0, <[u8]>::len);
        if length + target.len() > KEPT_REQUEST_BYTES {
            return None;
        }
        Some(Self {
            method: view.method().into(),
            target,
            authority: authority.map(|host| String::from_utf8_lossy(host).into()),
            scheme: view.url_scheme(),
            headers: headers.iter().map(|header| kept_header(*header, &mut withheld)).collect(),
            body: KeptBody::of(view, KEPT_REQUEST_BYTES - length, &mut withheld),
            withheld,
        })
    }

    /// Hands a view of the request to `read`.
    pub(super) fn view<T>(&self, read: impl FnOnce(&RequestView<'_>) -> T) -> T {
        let headers: Vec<Header<'_>> = self.headers.iter().map(|(name, value)| (&**name, &**value)).collect();
        let body = match &self.body {
            KeptBody::Parameters(bytes) => Body::Bytes(bytes),
            KeptBody::Digest(digest) | KeptBody::Guessable(digest) => Body::Sha256(*digest),
            KeptBody::Withheld(_) | KeptBody::NotVisible => Body::NotVisible,
        };
        let view = RequestView::new(&self.method, &self.target, &headers, body, self.scheme);
        read(&view.with_authority(self.authority.as_deref()))
    }

    /// The scheme of its signature, if it has one.
    pub(super) fn scheme(&self, told: Option<&Explanation>) -> Option<Scheme> {
        if let KeptBody::Withheld(scheme) = self.body { Some(scheme) } else { told.map(|told| told.scheme) }
    }

    /// What was left out and is part of what is signed.
    pub(super) fn missing(&self, told: Option<&Explanation>) -> Option<&Withheld> {
        let canonical = told.and_then(|told| told.canonical_request.as_deref()).unwrap_or_default();
        self.withheld.iter().find(|withheld| match withheld {
            Withheld::Header(name) => canonical.lines().any(|line| line.strip_suffix(':') == Some(name)),
            Withheld::Parameter(_) => self.scheme(told).is_some(),
        })
    }

    /// Whether its texts hold the digest of a body that may hold a credential.
    pub(super) fn hides_texts(&self, told: Option<&Explanation>) -> bool {
        matches!(self.body, KeptBody::Guessable(_))
            && told.is_some_and(|told| told.canonical_request.is_some())
    }

    /// Whether it came with a token.
    pub(super) fn has_token(&self) -> bool {
        self.withheld
            .iter()
            .any(|withheld| matches!(withheld, Withheld::Header(name) if name.contains("token")))
    }

    /// How much memory it takes, about.
    pub(super) fn bytes(&self) -> usize {
        let headers = self.headers.iter().map(|(name, value)| name.len() + value.len() + 32);
        let body = if let KeptBody::Parameters(bytes) = &self.body { bytes.len() } else { 0 };
        // Names of what was left out weigh more than what they stand for: a query can be full of short ones.
        let withheld = self.withheld.iter().map(|withheld| {
            let (Withheld::Header(name) | Withheld::Parameter(name)) = withheld;
            size_of::<Withheld>() + name.capacity()
        });
        let authority = self.authority.as_deref().map_or(0, str::len);
        let pieces = self.target.len() + authority + headers.sum::<usize>() + withheld.sum::<usize>();
        size_of::<Self>() + pieces + body
    }
}

impl KeptBody {
    fn of(view: &RequestView<'_>, room: usize, withheld: &mut Vec<Withheld>) -> Self {
        if let Body::Bytes(body) = view.body()
            && !body.is_empty()
            && let Ok(params) = scloud::params(view, MAX_PARAMS)
            && let Some(scheme @ (Scheme::Scloud | Scheme::TencentV1)) = detect(view, Some(&params))
        {
            let secret: Vec<_> = params.iter().filter(|(name, _)| names_credential(name)).collect();
            if secret.is_empty() && body.len() <= room {
                return Self::Parameters(body.into());
            }
            let names = secret.iter().map(|(name, _)| Withheld::Parameter((*name).to_owned()));
            withheld.extend(names);
            return Self::Withheld(scheme);
        }
        let is_guessable = match view.body() {
            // A longer one is not looked through.
            Body::Bytes(body) => body.len() > KEPT_REQUEST_BYTES || mentions_credential(body),
            Body::Sha256(_) | Body::NotVisible => false,
        };
        let kept = if is_guessable { Self::Guessable } else { Self::Digest };
        view.body().sha256().map_or(Self::NotVisible, kept)
    }
}

fn kept_header((name, value): Header<'_>, withheld: &mut Vec<Withheld>) -> (Box<str>, Box<[u8]>) {
    let is_signature = name.eq_ignore_ascii_case("authorization")
        && [&b"TC3-"[..], b"SDK-", b"AWS4-"].iter().any(|scheme| value.starts_with(scheme));
    if names_credential(name) && !is_signature {
        withheld.push(Withheld::Header(name.to_ascii_lowercase()));
        return (name.into(), Box::default());
    }
    (name.into(), value.into())
}

/// The target, its parameters as they were written, without the values of those that may be credentials.
fn redacted_target(target: &str, withheld: &mut Vec<Withheld>) -> String {
    let Some((path, query)) = target.split_once('?') else { return target.to_owned() };
    let mut kept = |pair: &str| -> String {
        let (raw, _) = pair.split_once('=').unwrap_or((pair, ""));
        let name = percent_decode(raw).unwrap_or(raw.into());
        if pair.len() == raw.len() || !names_credential(&name) {
            return pair.to_owned();
        }
        withheld.push(Withheld::Parameter(name.into_owned()));
        format!("{raw}=")
    };
    let query: Vec<String> = query.split('&').map(&mut kept).collect();
    format!("{path}?{}", query.join("&"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(target: &str, headers: &[Header<'_>], body: &[u8]) -> KeptRequest {
        let method = if body.is_empty() { "GET" } else { "POST" };
        let view = RequestView::new(method, target, headers, Body::Bytes(body), UrlScheme::Https);
        KeptRequest::of(&view).unwrap()
    }

    #[test]
    fn t66_what_may_be_a_credential_is_not_kept() {
        let headers: [Header<'_>; 5] = [
            ("Host", b"h.example"),
            ("X-Auth-Token", b"canary"),
            ("Cookie", b"a=canary"),
            ("Authorization", b"Bearer canary"),
            ("X-Test", b"seen"),
        ];
        let form = b"PublicKey=id&Password=canary&Signature=abc";
        for (target, body) in [
            ("/?x=1&X-Amz-Security-Token=canary&y", &b""[..]),
            ("/?%70assword=canary", b""),
            ("/", b"{\"password\": \"canary\"}"),
            ("/", form),
        ] {
            let kept = kept(target, &headers, body);
            let shown = format!("{kept:?}");
            assert!(
                !shown.contains("canary") && !shown.contains(&format!("{:?}", b"canary")[1..]),
                "{shown}"
            );
            kept.view(|view| {
                assert_eq!(view.host(), Ok(&b"h.example"[..]));
                assert_eq!(view.header("x-test"), Some(&b"seen"[..]));
            });
        }
        assert_eq!(
            kept("/", &[], form).withheld,
            [Withheld::Parameter("Password".to_owned())],
            "and it is told that something is missing"
        );
    }

    #[test]
    fn what_is_signed_is_kept_as_it_came() {
        let form = b"PublicKey=id&UserName=b%6Fb&Signature=abc";
        kept("/a%2F?b=%20+", &[("Content-Type", b"application/x-www-form-urlencoded")], form).view(|view| {
            assert_eq!((view.method(), view.target()), ("POST", "/a%2F?b=%20+"));
            assert_eq!(view.body(), Body::Bytes(form));
        });
        let header: [Header<'_>; 1] = [("Authorization", b"TC3-HMAC-SHA256 x")];
        kept("/", &header, b"{}").view(|view| {
            assert_eq!(view.header("authorization"), Some(&b"TC3-HMAC-SHA256 x"[..]));
            assert_eq!(view.body(), Body::Sha256(Body::Bytes(b"{}").sha256().unwrap()));
        });
    }

    #[test]
    fn t72_all_that_is_kept_of_a_request_is_counted() {
        let kept = kept(&format!("/?{}", "token=x&".repeat(1_500)), &[], b"");
        let names = kept.withheld.len() * (size_of::<Withheld>() + "token".len());
        assert!(kept.bytes() >= kept.target.len() + names, "{} names, {} bytes", names, kept.bytes());
        let host = "h".repeat(KEPT_REQUEST_BYTES);
        let view = RequestView::new("GET", "/", &[], Body::Bytes(b""), UrlScheme::Https);
        assert!(KeptRequest::of(&view.with_authority(Some(&host))).is_none(), "the host counts as well");
    }

    #[test]
    fn a_long_request_is_not_kept() {
        let value = vec![b'x'; KEPT_REQUEST_BYTES];
        let headers: [Header<'_>; 1] = [("X-Test", &value)];
        let view = RequestView::new("GET", "/", &headers, Body::Bytes(b""), UrlScheme::Http);
        assert!(KeptRequest::of(&view).is_none());
    }
}
