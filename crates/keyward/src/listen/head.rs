//! The pure checker of HTTP/1 request heads: bytes in, verdict out.
//!
//! It decides from the raw bytes what the HTTP stack hides from a service or takes leniently (measured with
//! hyper 1.12: Content-Length beside chunked, a second equal Content-Length, bare line feeds and `#` in the
//! target cannot even be seen above it). It reads nothing, waits for nothing and keeps no byte.

use super::limits::HeadLimits;
use super::refusal::{Refusal, ensure};
use super::target::{Authority, check_method, check_target, same_authority};
use std::ops::Range;

/// What is known about a head after some of its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing wrong so far; the head goes on.
    Incomplete,
    /// A complete head that a service may see.
    Accepted(Head),
    /// Never shown to a service.
    Refused(Refusal),
}

/// An accepted head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// Bytes of the head, its final empty line included.
    pub length: usize,
    /// What follows it.
    pub framing: Framing,
}

/// How the body that follows a head is delimited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// This many bytes; 0 when the head announces no body.
    Length(u64),
    /// Chunks. The request is the last on its connection.
    Chunked,
}

/// Judges the head at the start of `bytes` in one go; what follows the head is not looked at.
pub fn check_head(bytes: &[u8], limits: &HeadLimits) -> Verdict {
    HeadScan::default().check(bytes, limits)
}

/// `METHOD`, two blanks and `HTTP/1.1` fit into this many bytes beside the target.
const REQUEST_LINE_REST_BYTES: usize = 32;

/// A head in the course of its arrival. Looks at each line once, however the bytes are split into reads, and
/// comes to the same verdict as [`check_head`] on the whole.
#[derive(Debug, Default)]
pub(super) struct HeadScan {
    /// Where the line begins that has no end yet.
    line_start: usize,
    /// Up to here no line feed was found in that line.
    searched: usize,
    /// Where the header lines begin; none while the request line is awaited.
    headers_start: Option<usize>,
    skipped_empty_line: bool,
    facts: Facts,
}

/// What the lines so far have said, as far as other lines could contradict it.
#[derive(Debug, Default)]
struct Facts {
    is_http_10: bool,
    /// With [`Authority::range`] relative to the head.
    authority: Option<Authority>,
    headers: usize,
    host: Option<Range<usize>>,
    has_authorization: bool,
    content_length: Option<u64>,
    is_chunked: bool,
}

impl HeadScan {
    /// Judges `head`: all bytes since the start of this head, thus never fewer than in the call before.
    pub(super) fn check(&mut self, head: &[u8], limits: &HeadLimits) -> Verdict {
        match self.lines(head, limits) {
            Ok(Some(accepted)) => Verdict::Accepted(accepted),
            Ok(None) => Verdict::Incomplete,
            Err(refusal) => Verdict::Refused(refusal),
        }
    }

    fn lines(&mut self, head: &[u8], limits: &HeadLimits) -> Result<Option<Head>, Refusal> {
        loop {
            if self.headers_start.is_none() {
                self.check_first_byte(head)?;
            }
            let fresh = head.get(self.searched..).unwrap_or_default();
            let newline = memchr::memchr(b'\n', fresh).map(|at| self.searched + at);
            self.check_size(newline.map_or(head.len(), |at| at + 1), limits)?;
            let Some(newline) = newline else {
                self.searched = head.len();
                return Ok(None);
            };
            let line = self.line_start..newline.saturating_sub(1);
            let text = match head.get(self.line_start..newline) {
                Some([text @ .., b'\r']) => text,
                _ => return Err(Refusal::BareLineFeed),
            };
            self.line_start = newline + 1;
            self.searched = newline + 1;
            if self.headers_start.is_some() && text.is_empty() {
                let framing = self.facts.framing(head)?;
                return Ok(Some(Head { length: newline + 1, framing }));
            }
            self.line(text, line, limits)?;
        }
    }

    /// Turns away at once what is no HTTP request at all, such as a TLS greeting, instead of waiting for a
    /// line that never ends.
    fn check_first_byte(&self, head: &[u8]) -> Result<(), Refusal> {
        match head.get(self.line_start) {
            None | Some(b'A'..=b'Z') => Ok(()),
            // Some clients send one empty line after a body; RFC 9112 section 2.2 asks servers to skip it.
            Some(b'\r') if !self.skipped_empty_line => Ok(()),
            Some(b'\n') => Err(Refusal::BareLineFeed),
            Some(b'a'..=b'z') => Err(Refusal::Method),
            Some(_) => Err(Refusal::RequestLine),
        }
    }

    /// `end` is where the line ends, or what has arrived of it: a line is refused as soon as it is too long.
    fn check_size(&self, end: usize, limits: &HeadLimits) -> Result<(), Refusal> {
        match self.headers_start {
            None if end - self.line_start > limits.target_bytes.saturating_add(REQUEST_LINE_REST_BYTES) => {
                Err(Refusal::TargetTooLong)
            }
            Some(start) if end - start > limits.header_bytes => Err(Refusal::HeadersTooLarge),
            _ => Ok(()),
        }
    }

    fn line(&mut self, text: &[u8], place: Range<usize>, limits: &HeadLimits) -> Result<(), Refusal> {
        if self.headers_start.is_some() {
            return self.facts.header_line(text, place.start, limits);
        }
        if text.is_empty() {
            self.skipped_empty_line = true;
            return Ok(());
        }
        self.headers_start = Some(self.line_start);
        self.facts.request_line(text, place.start, limits)
    }
}

impl Facts {
    fn request_line(&mut self, line: &[u8], place: usize, limits: &HeadLimits) -> Result<(), Refusal> {
        let mut parts = line.splitn(3, |&b| b == b' ');
        let (Some(method), Some(target), Some(version)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(Refusal::RequestLine);
        };
        self.is_http_10 = match version {
            b"HTTP/1.1" => false,
            b"HTTP/1.0" => true,
            [b'H', b'T', b'T', b'P', b'/', b'0'..=b'9', b'.', b'0'..=b'9'] => return Err(Refusal::Version),
            _ => return Err(Refusal::RequestLine),
        };
        check_method(method)?;
        ensure(target.len() <= limits.target_bytes, Refusal::TargetTooLong)?;
        self.authority = check_target(method, target)?.map(|authority| {
            let start = place + method.len() + 1;
            Authority { range: start + authority.range.start..start + authority.range.end, ..authority }
        });
        Ok(())
    }

    fn header_line(&mut self, line: &[u8], place: usize, limits: &HeadLimits) -> Result<(), Refusal> {
        if matches!(line, [b' ' | b'\t', ..]) {
            return Err(Refusal::FoldedHeader);
        }
        let name_length = line.iter().position(|&b| !is_name_byte(b)).unwrap_or(line.len());
        let (name, rest) = line.split_at(name_length);
        let ([_, ..], [b':', value @ ..]) = (name, rest) else { return Err(Refusal::HeaderName) };
        ensure(!has_control(line), Refusal::HeaderValue)?;
        self.headers += 1;
        ensure(self.headers <= limits.headers, Refusal::TooManyHeaders)?;
        self.header(name, value, place + name_length + 1, limits)
    }

    /// Takes note of the headers that decide about framing, routing and identity. Those must be single.
    fn header(
        &mut self,
        name: &[u8],
        value: &[u8],
        place: usize,
        limits: &HeadLimits,
    ) -> Result<(), Refusal> {
        let is = |expected: &[u8]| name.eq_ignore_ascii_case(expected);
        match name.len() {
            // The value itself is not judged: one cloud's own client sends `host:port/prefix` or a whole URL
            // there and signs it literally.
            4 if is(b"host") => {
                let before = self.host.replace(place..place + value.len());
                ensure(before.is_none(), Refusal::HostRepeated)
            }
            13 if is(b"authorization") => {
                let before = std::mem::replace(&mut self.has_authorization, true);
                ensure(!before, Refusal::AuthorizationRepeated)
            }
            14 if is(b"content-length") => {
                let before = self.content_length.replace(content_length(trim(value), limits)?);
                ensure(before.is_none(), Refusal::ContentLengthRepeated)
            }
            17 if is(b"transfer-encoding") => {
                let before = std::mem::replace(&mut self.is_chunked, true);
                ensure(!before && trim(value) == b"chunked", Refusal::TransferEncoding)
            }
            _ => Ok(()),
        }
    }

    /// The last judgement, with all lines known.
    fn framing(&self, head: &[u8]) -> Result<Framing, Refusal> {
        ensure(self.host.is_some() || self.is_http_10, Refusal::HostMissing)?;
        if let (Some(authority), Some(host)) = (&self.authority, &self.host) {
            let named = head.get(authority.range.clone()).unwrap_or_default();
            let host = trim(head.get(host.clone()).unwrap_or_default());
            ensure(same_authority(named, host, authority.default_port), Refusal::HostContradicted)?;
        }
        match (self.is_chunked, self.content_length) {
            (true, Some(_)) => Err(Refusal::TwoFramings),
            // HTTP/1.0 knows no chunks, so a proxy in front may have seen the body's end elsewhere.
            (true, None) if self.is_http_10 => Err(Refusal::TransferEncoding),
            (true, None) => Ok(Framing::Chunked),
            (false, length) => Ok(Framing::Length(length.unwrap_or(0))),
        }
    }
}

/// The token characters of RFC 9110 section 5.6.2, as bits of the ASCII table.
const NAME_BYTES: u128 = {
    let mut allowed = 0;
    let mut rest: &[u8] = b"!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    while let [byte, after @ ..] = rest {
        allowed |= 1 << *byte;
        rest = after;
    }
    allowed
};

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii() && NAME_BYTES >> byte & 1 == 1
}

/// Whether a line holds a control character other than the tab. In blocks, the last of which overlaps the one
/// before, and without a branch per byte: the compiler makes vector instructions of these.
fn has_control(line: &[u8]) -> bool {
    let any =
        |block: &[u8]| block.iter().fold(false, |bad, &b| bad | ((b < b' ') & (b != b'\t')) | (b == 0x7f));
    match line.last_chunk::<16>() {
        Some(last) => line.as_chunks::<16>().0.iter().any(|block| any(block)) || any(last),
        None => any(line),
    }
}

/// Without the optional blanks around a header value (RFC 9110 section 5.5).
fn trim(value: &[u8]) -> &[u8] {
    let start = value.iter().position(|b| !matches!(b, b' ' | b'\t')).unwrap_or(value.len());
    let end = value.iter().rposition(|b| !matches!(b, b' ' | b'\t')).map_or(start, |at| at + 1);
    value.get(start..end).unwrap_or_default()
}

/// Digits only: no sign, no list, no leading zero (which some readers take for octal).
fn content_length(value: &[u8], limits: &HeadLimits) -> Result<u64, Refusal> {
    let malformed =
        value.is_empty() || !value.iter().all(u8::is_ascii_digit) || matches!(value, [b'0', _, ..]);
    if malformed {
        return Err(Refusal::ContentLength);
    }
    let number = std::str::from_utf8(value).ok().and_then(|digits| digits.parse().ok());
    number.filter(|&length| length <= limits.content_length_bytes).ok_or(Refusal::BodyTooLarge)
}
