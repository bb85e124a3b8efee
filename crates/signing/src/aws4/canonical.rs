//! The canonical request of AWS version 4 and the string to sign.

use super::{ALGORITHM, Place, SIGNATURE_PARAMETER, Spelling, scope_text};
use crate::canonical::{UNSIGNED_PAYLOAD, push_new, signed_names, signed_values};
use crate::claim::Candidate;
use crate::encode::{form_decode, form_pieces, is_lower_hex, lower_hex, percent_encode, percent_encode_path};
use crate::{Payload, Reject, RequestView, Scope};

const CONTENT_SHA256: &str = "X-Amz-Content-Sha256";
/// An object store's chunked upload: the first signature covers this word, each chunk then signs itself.
const STREAMING_PAYLOAD: &str = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD";

/// What goes into the signed texts besides the request itself.
pub(super) struct Text<'a> {
    pub(super) place: Place,
    pub(super) query: &'a str,
    pub(super) signed_headers: &'a str,
    pub(super) date: &'a str,
    pub(super) scope: &'a Scope,
}

impl Text<'_> {
    pub(super) fn candidates(
        &self,
        request: &RequestView<'_>,
        spelling: Spelling,
    ) -> Result<(Payload, Vec<Candidate>), Reject> {
        let headers = canonical_headers(request, self.signed_headers)?;
        let (payload, digest) = payload(request)?;
        let head = [ALGORITHM, "\n", self.date, "\n", &scope_text(self.scope), "\n"].concat();
        let normal = normalise(request.path());
        let path = percent_encode_path(normal.as_bytes());
        let query = self.canonical_query()?;
        let mut spellings = Vec::with_capacity(3);
        if spelling != Spelling::Exact || normal == request.path() {
            spellings.push((path.as_str(), query.as_str()));
        }
        if spelling != Spelling::Standard {
            spellings.push((request.path(), &query));
            if self.place == Place::Header {
                spellings.push((request.path(), self.query));
            }
        }
        let mut candidates = Vec::with_capacity(spellings.len());
        for (path, query) in spellings {
            let mut canonical = [request.method(), "\n", path, "\n", query, "\n"].concat().into_bytes();
            canonical.extend_from_slice(&headers);
            canonical.extend_from_slice(["\n", self.signed_headers, "\n", &digest].concat().as_bytes());
            push_new(&mut candidates, Candidate::Digest { head: head.clone(), canonical_request: canonical });
        }
        Ok((payload, candidates))
    }

    /// Decoded, encoded again, sorted by encoded name, then value. A presigned URL's own signature is left out.
    fn canonical_query(&self) -> Result<String, Reject> {
        let mut pairs = Vec::new();
        for (name, value) in form_pieces(self.query.as_bytes()) {
            let encode = |text| {
                form_decode(text)
                    .map(|text| percent_encode(text.as_bytes()))
                    .map_err(|_| Reject::Malformed("query"))
            };
            let (name, value) = (encode(name)?, encode(value)?);
            if self.place == Place::Header || name != SIGNATURE_PARAMETER {
                pairs.push((name, value));
            }
        }
        pairs.sort();
        let joined: Vec<_> = pairs.iter().map(|(name, value)| [name, "=", value].concat()).collect();
        Ok(joined.join("&"))
    }
}

/// One line per signed header, its values joined by commas in the order received, runs of blanks made one.
///
/// `host` and every `x-amz-*` header that is present must be signed: the latter steer what a request means.
fn canonical_headers(request: &RequestView<'_>, signed_headers: &str) -> Result<Vec<u8>, Reject> {
    let names = signed_names(signed_headers)?;
    if !names.contains(&"host") {
        return Err(Reject::HeaderNotSigned("host".to_owned()));
    }
    for (name, _) in request.all_headers() {
        let steers = name.get(..6).is_some_and(|prefix| prefix.eq_ignore_ascii_case("x-amz-"));
        if steers && !names.iter().any(|signed| signed.eq_ignore_ascii_case(name)) {
            return Err(Reject::HeaderNotSigned(name.to_ascii_lowercase()));
        }
    }
    let mut lines = Vec::new();
    for name in names {
        lines.extend_from_slice(name.as_bytes());
        for (n, value) in signed_values(request, name)?.into_iter().enumerate() {
            lines.push(if n == 0 { b':' } else { b',' });
            push_squeezed(value, &mut lines);
        }
        lines.push(b'\n');
    }
    Ok(lines)
}

fn push_squeezed(value: &[u8], out: &mut Vec<u8>) {
    let mut after_blank = false;
    for &byte in value {
        let blank = matches!(byte, b' ' | b'\t');
        if !(blank && after_blank) {
            out.push(if blank { b' ' } else { byte });
        }
        after_blank = blank;
    }
}

/// Removes empty and dot segments; a trailing slash stays. Only for comparing signatures: routing sees the raw path.
fn normalise(path: &str) -> String {
    let mut segments = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => drop(segments.pop()),
            other => segments.push(other),
        }
    }
    let trailing = if path.ends_with('/') && !segments.is_empty() { "/" } else { "" };
    ["/", &segments.join("/"), trailing].concat()
}

/// The payload line. A digest in the header must be that of the body; a presigned URL without one signs the body it is sent
/// with, normally none.
fn payload(request: &RequestView<'_>) -> Result<(Payload, String), Reject> {
    let declared = request.single_text(CONTENT_SHA256, CONTENT_SHA256)?;
    let actual = request.body().sha256().map(|digest| lower_hex(&digest));
    match (declared, actual) {
        (None, Some(actual)) => Ok((Payload::Signed, actual)),
        (None, None) => Err(Reject::BodyNotVisible),
        (Some(word @ UNSIGNED_PAYLOAD), _) => Ok((Payload::Unsigned, word.to_owned())),
        (Some(word @ STREAMING_PAYLOAD), _) => Ok((Payload::Unchecked, word.to_owned())),
        (Some(declared), _) if !is_lower_hex(declared.as_bytes(), 64) => {
            Err(Reject::Malformed(CONTENT_SHA256))
        }
        (Some(declared), Some(actual)) if declared == actual => Ok((Payload::Signed, actual)),
        (Some(_), Some(_)) => Err(Reject::PayloadMismatch),
        (Some(declared), None) => Ok((Payload::Unchecked, declared.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lose_empty_and_dot_segments() {
        let cases = [
            ("", "/"),
            ("/", "/"),
            ("//", "/"),
            ("/a//b", "/a/b"),
            ("/a/./b/../c", "/a/c"),
            ("/../..", "/"),
            ("/a/..", "/"),
            ("/a/../", "/"),
            ("/a/b//", "/a/b/"),
            ("/base%20path/./x/../%E2%82%AC//", "/base%20path/%E2%82%AC/"),
        ];
        for (path, expected) in cases {
            assert_eq!(normalise(path), expected, "{path}");
        }
    }

    #[test]
    fn runs_of_blanks_become_one() {
        let mut out = Vec::new();
        push_squeezed(b"a   b \t c", &mut out);
        assert_eq!(out, b"a b c");
    }
}
