//! Why a connection or a request was turned away before any service saw it, and the few bytes it is told.

use http::StatusCode;

/// One way in which a client can misbehave below the service. Closed, so that metrics and tests can name each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Refusal {
    /// Not `METHOD SP target SP HTTP/x.y`.
    #[error("malformed request line")]
    RequestLine,
    /// A method outside GET, HEAD, POST, PUT, DELETE, PATCH and OPTIONS, or one of these in lower case.
    #[error("method not allowed")]
    Method,
    /// Neither HTTP/1.1 nor HTTP/1.0.
    #[error("HTTP version not supported")]
    Version,
    /// Neither a path nor an absolute http(s) URL, or it holds a control character, a blank or `#`.
    #[error("malformed request target")]
    Target,
    /// Longer than [`HeadLimits::target_bytes`](super::HeadLimits::target_bytes).
    #[error("request target too long")]
    TargetTooLong,
    /// A dot segment (also percent-encoded), `%00` or a backslash in the path: readings of it differ.
    #[error("ambiguous path")]
    Path,
    /// A line that ends in a bare line feed.
    #[error("bare line feed")]
    BareLineFeed,
    /// A header name that is empty, or holds a blank (also before the colon) or another forbidden character.
    #[error("malformed header name")]
    HeaderName,
    /// A header value with NUL, a bare carriage return or another control character.
    #[error("control character in a header value")]
    HeaderValue,
    /// A header continued on a second line (`obs-fold`).
    #[error("folded header")]
    FoldedHeader,
    /// More than [`HeadLimits::headers`](super::HeadLimits::headers).
    #[error("too many headers")]
    TooManyHeaders,
    /// Together longer than [`HeadLimits::header_bytes`](super::HeadLimits::header_bytes).
    #[error("headers too large")]
    HeadersTooLarge,
    /// HTTP/1.1 without `Host`, or HTTP/2 with neither `:authority` nor `Host`.
    #[error("no Host")]
    HostMissing,
    /// Two `Host` headers.
    #[error("two Host headers")]
    HostRepeated,
    /// The target's authority names another host than `Host`.
    #[error("Host contradicts the request target")]
    HostContradicted,
    /// Two `Authorization` headers: it would be open which of them decides.
    #[error("two Authorization headers")]
    AuthorizationRepeated,
    /// Not one plain decimal number.
    #[error("malformed Content-Length")]
    ContentLength,
    /// A second `Content-Length`, even an equal one.
    #[error("two Content-Length headers")]
    ContentLengthRepeated,
    /// Anything but one `chunked` on HTTP/1.1.
    #[error("unsupported Transfer-Encoding")]
    TransferEncoding,
    /// `Content-Length` beside `Transfer-Encoding`.
    #[error("both Content-Length and Transfer-Encoding")]
    TwoFramings,
    /// Beyond [`HeadLimits::content_length_bytes`](super::HeadLimits::content_length_bytes).
    #[error("Content-Length absurd")]
    BodyTooLarge,
    /// The head did not arrive in time.
    #[error("request head too slow")]
    HeaderTimeout,
    /// The body did not arrive in time or came too slowly.
    #[error("request body too slow")]
    BodyTimeout,
    /// The client does not read its answer.
    #[error("answer not read")]
    WriteTimeout,
    /// More stream resets than [`Http2Limits::resets`](super::Http2Limits::resets).
    #[error("too many HTTP/2 resets")]
    Http2Resets,
    /// More [`Http2Limits::idle_frame_cost`](super::Http2Limits::idle_frame_cost) than allowed.
    #[error("too many HTTP/2 control frames")]
    Http2IdleFrames,
    /// A stream older than [`Http2Limits::stream_timeout`](super::Http2Limits::stream_timeout).
    #[error("HTTP/2 stream too slow")]
    Http2StreamTimeout,
}

macro_rules! answer {
    ($status:literal) => {
        concat!("HTTP/1.1 ", $status, "\r\nConnection: close\r\nContent-Length: 0\r\n\r\n").as_bytes()
    };
}

impl Refusal {
    /// Every refusal, in the order of their numbers.
    pub const ALL: [Self; 27] = [
        Self::RequestLine,
        Self::Method,
        Self::Version,
        Self::Target,
        Self::TargetTooLong,
        Self::Path,
        Self::BareLineFeed,
        Self::HeaderName,
        Self::HeaderValue,
        Self::FoldedHeader,
        Self::TooManyHeaders,
        Self::HeadersTooLarge,
        Self::HostMissing,
        Self::HostRepeated,
        Self::HostContradicted,
        Self::AuthorizationRepeated,
        Self::ContentLength,
        Self::ContentLengthRepeated,
        Self::TransferEncoding,
        Self::TwoFramings,
        Self::BodyTooLarge,
        Self::HeaderTimeout,
        Self::BodyTimeout,
        Self::WriteTimeout,
        Self::Http2Resets,
        Self::Http2IdleFrames,
        Self::Http2StreamTimeout,
    ];

    /// The status that a client is told, where it is told anything.
    pub fn status(self) -> StatusCode {
        match self {
            Self::Version => StatusCode::HTTP_VERSION_NOT_SUPPORTED,
            Self::TargetTooLong => StatusCode::URI_TOO_LONG,
            Self::TooManyHeaders | Self::HeadersTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::HeaderTimeout | Self::BodyTimeout => StatusCode::REQUEST_TIMEOUT,
            _ => StatusCode::BAD_REQUEST,
        }
    }

    /// The whole HTTP/1 answer. It says nothing about the reason: what was sent may be an attack, and the
    /// operator finds the reason in the log.
    pub(super) fn answer(self) -> &'static [u8] {
        match self.status() {
            StatusCode::HTTP_VERSION_NOT_SUPPORTED => answer!("505 HTTP Version Not Supported"),
            StatusCode::URI_TOO_LONG => answer!("414 URI Too Long"),
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => answer!("431 Request Header Fields Too Large"),
            StatusCode::PAYLOAD_TOO_LARGE => answer!("413 Payload Too Large"),
            StatusCode::REQUEST_TIMEOUT => answer!("408 Request Timeout"),
            _ => answer!("400 Bad Request"),
        }
    }
}

/// Goes on when all is fine.
pub(super) fn ensure(fine: bool, refusal: Refusal) -> Result<(), Refusal> {
    if fine { Ok(()) } else { Err(refusal) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_refusal_has_its_own_number_and_an_answer_with_its_own_status() {
        for (number, refusal) in Refusal::ALL.into_iter().enumerate() {
            assert_eq!(refusal as usize, number);
            let start = format!("HTTP/1.1 {} ", refusal.status().as_str());
            assert!(refusal.answer().starts_with(start.as_bytes()), "{refusal}");
            assert!(refusal.answer().ends_with(b"\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"));
        }
    }
}
