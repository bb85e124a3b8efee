//! Reads one raw HTTP/1.1 request, as copied from a log or a packet trace. More lenient than a server: line ends may be bare
//! line feeds, and a body may be followed by the line end that an editor adds.

use crate::{Body, RequestView, UrlScheme};

/// Why a text is not a request that can be explained.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RawError {
    /// The first line is not `METHOD TARGET HTTP/1.1`.
    #[error("the first line is not METHOD TARGET HTTP/1.1")]
    RequestLine,
    /// The line (counted from 1) is not `Name: value`.
    #[error("line {0} is not a header")]
    Header(usize),
    /// The body is chunked: the signature covers what the chunks carry, not the chunks.
    #[error("the body is chunked: give it unchunked, with a Content-Length or none")]
    Chunked,
}

/// A request with everything it owns.
pub struct RawRequest {
    method: String,
    target: String,
    headers: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
    /// What is odd about the text and may explain a difference.
    pub(super) notes: Vec<String>,
}

impl RawRequest {
    /// Reads the text of a request.
    ///
    /// # Errors
    /// See [`RawError`].
    pub fn parse(text: &[u8]) -> Result<Self, RawError> {
        let mut rest = text;
        let line = std::str::from_utf8(next_line(&mut rest)).map_err(|_| RawError::RequestLine)?;
        let mut words = line.split(' ');
        let (Some(method), Some(target), Some(version), None) =
            (words.next(), words.next(), words.next(), words.next())
        else {
            return Err(RawError::RequestLine);
        };
        if method.is_empty() || target.is_empty() || !version.starts_with("HTTP/") {
            return Err(RawError::RequestLine);
        }
        let mut headers = Vec::new();
        loop {
            let line = next_line(&mut rest);
            if line.is_empty() {
                break;
            }
            headers.push(header(line).ok_or(RawError::Header(headers.len() + 2))?);
        }
        let mut request = Self {
            method: method.to_owned(),
            target: target.to_owned(),
            headers,
            body: rest.to_vec(),
            notes: Vec::new(),
        };
        request.cut_body()?;
        Ok(request)
    }

    /// Hands a view of the request to `read`.
    pub fn view<T>(&self, read: impl FnOnce(&RequestView<'_>) -> T) -> T {
        let headers: Vec<_> =
            self.headers.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect();
        read(&RequestView::new(
            &self.method,
            &self.target,
            &headers,
            Body::Bytes(&self.body),
            UrlScheme::Http,
        ))
    }

    fn cut_body(&mut self) -> Result<(), RawError> {
        let value = |wanted: &str| {
            self.headers
                .iter()
                .find(|(name, _)| name.eq_ignore_ascii_case(wanted))
                .map(|(_, value)| value.as_slice())
        };
        if value("transfer-encoding").is_some() {
            return Err(RawError::Chunked);
        }
        let declared = value("content-length").map(|value| String::from_utf8_lossy(value).parse::<usize>());
        match declared {
            Some(Ok(length)) if length < self.body.len() => self.body.truncate(length),
            Some(Ok(length)) if length > self.body.len() => {
                let missing = length - self.body.len();
                self.notes.push(format!("The body is {missing} bytes shorter than its Content-Length says."));
            }
            Some(Err(_)) => self.notes.push("The Content-Length is not a number.".to_owned()),
            Some(Ok(_)) => {}
            None if self.body.iter().all(u8::is_ascii_whitespace) => self.body.clear(),
            None if self.body.ends_with(b"\n") => {
                let note =
                    "There is no Content-Length, so the line end behind the body was taken for a part of it.";
                self.notes.push(note.to_owned());
            }
            None => {}
        }
        Ok(())
    }
}

/// Takes a line off the front of `rest`, without its line end.
fn next_line<'a>(rest: &mut &'a [u8]) -> &'a [u8] {
    let end = rest.iter().position(|&byte| byte == b'\n').unwrap_or(rest.len());
    let (line, tail) = rest.split_at_checked(end).unwrap_or((rest, b""));
    *rest = tail.strip_prefix(b"\n").unwrap_or(tail);
    line.strip_suffix(b"\r").unwrap_or(line)
}

fn header(line: &[u8]) -> Option<(String, Vec<u8>)> {
    let colon = line.iter().position(|&byte| byte == b':')?;
    let (name, value) = line.split_at_checked(colon)?;
    let name =
        std::str::from_utf8(name).ok().filter(|name| !name.is_empty() && !name.contains([' ', '\t']))?;
    Some((name.to_owned(), value.strip_prefix(b":")?.trim_ascii().to_vec()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> (String, Vec<u8>, Vec<String>) {
        let request = RawRequest::parse(text.as_bytes()).unwrap();
        (request.target, request.body, request.notes)
    }

    #[test]
    fn both_line_ends_are_read() {
        for text in
            ["GET /a?b HTTP/1.1\r\nHost: h\r\nX:\t y \r\n\r\nbody", "GET /a?b HTTP/1.1\nHost:h\nX: y\n\nbody"]
        {
            let request = RawRequest::parse(text.as_bytes()).unwrap();
            assert_eq!(
                request.headers,
                [("Host".to_owned(), b"h".to_vec()), ("X".to_owned(), b"y".to_vec())]
            );
            assert_eq!((request.target.as_str(), request.body.as_slice()), ("/a?b", &b"body"[..]));
        }
        assert_eq!(read("GET / HTTP/1.1").1, b"");
        assert_eq!(read("GET / HTTP/1.1\r\n\r\n\n").1, b"");
    }

    #[test]
    fn the_content_length_decides_where_the_body_ends() {
        assert_eq!(
            read("POST / HTTP/1.1\nContent-Length: 3\n\nabc\n"),
            ("/".to_owned(), b"abc".to_vec(), vec![])
        );
        assert!(read("POST / HTTP/1.1\nContent-Length: 5\n\nabc").2[0].contains("2 bytes shorter"));
        assert!(read("POST / HTTP/1.1\n\nabc\n").2[0].contains("line end"));
        assert!(read("POST / HTTP/1.1\nContent-Length: x\n\nabc").2[0].contains("not a number"));
    }

    #[test]
    fn other_texts_are_refused() {
        let error = |text: &str| RawRequest::parse(text.as_bytes()).map(drop).unwrap_err();
        for text in ["", "GET /", "GET / x HTTP/1.1", "GET  HTTP/1.1", "curl http://x", "{}", "GET / FTP/1.1"]
        {
            assert_eq!(error(text), RawError::RequestLine, "{text}");
        }
        assert_eq!(error("GET / HTTP/1.1\nA: b\nnonsense\n"), RawError::Header(3));
        assert_eq!(error("GET / HTTP/1.1\nA : b\n"), RawError::Header(2));
        assert_eq!(error("GET / HTTP/1.1\n folded\n"), RawError::Header(2));
        assert_eq!(error("GET / HTTP/1.1\nTransfer-Encoding: chunked\n\n0\n"), RawError::Chunked);
    }

    proptest! {
        #[test]
        fn t76_reading_never_panics(text in any::<Vec<u8>>(), like in "GET / HTTP/1.1\n([A-Za-z-]{0,9}:?[ -~]{0,9}\r?\n){0,4}") {
            let _ = RawRequest::parse(&text);
            let _ = RawRequest::parse(like.as_bytes());
        }
    }
}
