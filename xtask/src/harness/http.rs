//! HTTP/1.1 as the tasks need it: requests ready as bytes, answers with a Content-Length, connections kept open.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// Longest wait for an answer; the server's own limit is 10 seconds.
pub(crate) const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);
/// An answer larger than this is a fault.
const MAX_ANSWER_BYTES: usize = 1024 * 1024;

/// Where an answer lies in the bytes received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    /// The status code.
    pub(crate) status: u16,
    /// Length of the head, its blank line included.
    pub(crate) head_bytes: usize,
    /// Length of the body.
    pub(crate) body_bytes: usize,
}

impl Frame {
    /// Length of the whole answer.
    pub(crate) fn bytes(self) -> usize {
        self.head_bytes + self.body_bytes
    }
}

/// Reads the head at the start of `bytes`; `None` while its end has not arrived.
///
/// # Errors
/// `InvalidData` for anything but HTTP/1.1 with a Content-Length, and for answers beyond a megabyte.
pub(crate) fn frame(bytes: &[u8]) -> io::Result<Option<Frame>> {
    let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else {
        return if bytes.len() > MAX_ANSWER_BYTES { Err(invalid("a head without end")) } else { Ok(None) };
    };
    let head = bytes.get(..end).and_then(|head| std::str::from_utf8(head).ok());
    let mut lines = head.ok_or_else(|| invalid("a head that is not UTF-8"))?.split("\r\n");
    let status = lines.next().and_then(|line| line.strip_prefix("HTTP/1.1 ")).and_then(|rest| rest.get(..3));
    let status = status.and_then(|digits| digits.parse().ok());
    let body_bytes = lines
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .and_then(|(_, value)| value.trim().parse().ok());
    match (status, body_bytes) {
        // Never has a body, and so no length.
        (Some(status @ 204), None) => Ok(Some(Frame { status, head_bytes: end + 4, body_bytes: 0 })),
        (Some(status), Some(body_bytes)) if body_bytes <= MAX_ANSWER_BYTES => {
            Ok(Some(Frame { status, head_bytes: end + 4, body_bytes }))
        }
        _ => Err(invalid("no HTTP/1.1 status line, or no Content-Length up to a megabyte")),
    }
}

fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("the answer has {what}"))
}

/// A whole answer.
pub(crate) struct Response {
    /// The status code.
    pub(crate) status: u16,
    /// From the status line to the blank line.
    pub(crate) head: Vec<u8>,
    /// What follows.
    pub(crate) body: Vec<u8>,
}

/// A connection that waits for each answer.
pub(crate) struct Connection {
    stream: TcpStream,
}

impl Connection {
    /// Connects.
    pub(crate) fn open(address: SocketAddr) -> io::Result<Self> {
        Self::over(TcpStream::connect(address)?)
    }

    /// Takes a connection that stands.
    pub(crate) fn over(stream: TcpStream) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(ANSWER_TIMEOUT))?;
        stream.set_write_timeout(Some(ANSWER_TIMEOUT))?;
        Ok(Self { stream })
    }

    /// Sends a request and reads its answer to the last byte.
    ///
    /// # Errors
    /// `InvalidData` when the answer is none; every other kind means that no complete answer arrived.
    pub(crate) fn exchange(&mut self, request: &[u8]) -> io::Result<Response> {
        self.stream.write_all(request)?;
        let mut bytes = Vec::with_capacity(1024);
        let mut chunk = [0; 8192];
        loop {
            let count = self.stream.read(&mut chunk)?;
            if count == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            bytes.extend_from_slice(chunk.get(..count).unwrap_or_default());
            let Some(frame) = frame(&bytes)? else { continue };
            if bytes.len() > frame.bytes() {
                return Err(invalid("bytes behind its end"));
            }
            if bytes.len() == frame.bytes() {
                let body = bytes.split_off(frame.head_bytes);
                return Ok(Response { status: frame.status, head: bytes, body });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_framed_only_when_it_is_complete() {
        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nX: y\r\n\r\n{}";
        let framed = Frame { status: 200, head_bytes: answer.len() - 2, body_bytes: 2 };
        assert_eq!(frame(answer).unwrap(), Some(framed));
        assert_eq!(framed.bytes(), answer.len());
        for cut in 0..answer.len() - 2 {
            assert_eq!(frame(&answer[..cut]).unwrap(), None, "{cut}");
        }
        let empty = b"HTTP/1.1 204 No Content\r\nX: y\r\n\r\n";
        assert_eq!(frame(empty).unwrap().map(Frame::bytes), Some(empty.len()));
    }

    #[test]
    fn answers_that_cannot_be_framed_are_refused() {
        for bad in [
            &b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n"[..],
            b"HTTP/1.1 two\r\nContent-Length: 0\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n",
        ] {
            assert!(frame(bad).is_err(), "{}", String::from_utf8_lossy(bad));
        }
    }
}
