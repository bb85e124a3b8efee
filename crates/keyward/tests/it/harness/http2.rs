//! A client of HTTP/2 that is made of frames, so that it can misbehave. Headers are sent without compression; of those that
//! come back only the status is read.

use std::io::{Read, Write};

use super::server::Server;
use super::tls::{Certificate, TlsConnection};

/// Types of frames (RFC 9113 section 6).
pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const RST_STREAM: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const PING: u8 = 6;
pub(crate) const GOAWAY: u8 = 7;
pub(crate) const WINDOW_UPDATE: u8 = 8;
pub(crate) const CONTINUATION: u8 = 9;

/// Flags of frames.
pub(crate) const END_STREAM: u8 = 1;
pub(crate) const ACK: u8 = 1;
pub(crate) const END_HEADERS: u8 = 4;

/// A frame as it came.
#[derive(Debug)]
pub(crate) struct Frame {
    pub(crate) kind: u8,
    pub(crate) flags: u8,
    pub(crate) stream: u32,
    pub(crate) payload: Vec<u8>,
}

/// One HTTP/2 connection.
pub(crate) struct Http2 {
    connection: TlsConnection,
    next_stream: u32,
}

impl Http2 {
    /// Connects and says hello.
    pub(crate) fn open(server: &Server, certificate: &Certificate) -> Self {
        let mut client = Self { connection: server.connect_tls(certificate, "h2"), next_stream: 1 };
        client.connection.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
        client.send(SETTINGS, 0, 0, &[]);
        client
    }

    /// Sends a frame; false when the server has closed the connection.
    pub(crate) fn send(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) -> bool {
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        let frame = [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat();
        self.connection.io.write_all(&frame).and_then(|()| self.connection.io.flush()).is_ok()
    }

    /// The next frame; none when the server has closed the connection.
    pub(crate) fn receive(&mut self) -> Option<Frame> {
        let mut head = [0; 9];
        self.connection.io.read_exact(&mut head).ok()?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut payload = vec![0; usize::try_from(length).unwrap()];
        self.connection.io.read_exact(&mut payload).ok()?;
        let stream = u32::from_be_bytes(head[5..].try_into().unwrap());
        Some(Frame { kind: head[3], flags: head[4], stream, payload })
    }

    /// A number for a new stream.
    pub(crate) fn stream(&mut self) -> u32 {
        self.next_stream += 2;
        self.next_stream - 2
    }

    /// Sends a whole request and reads its answer: the status when it is one of HPACK's table, and the body.
    pub(crate) fn exchange(&mut self, headers: &[(&str, &str)], body: &[u8]) -> Option<(u16, Vec<u8>)> {
        let stream = self.stream();
        let ends = if body.is_empty() { END_STREAM } else { 0 };
        self.send(HEADERS, END_HEADERS | ends, stream, &header_block(headers));
        if !body.is_empty() {
            self.send(DATA, END_STREAM, stream, body);
        }
        let (mut status, mut answer) = (0, Vec::new());
        loop {
            let frame = self.receive()?;
            match frame.kind {
                SETTINGS if frame.flags & ACK == 0 => drop(self.send(SETTINGS, ACK, 0, &[])),
                GOAWAY => return None,
                HEADERS if frame.stream == stream => status = status_of(&frame.payload),
                DATA if frame.stream == stream => answer.extend(&frame.payload),
                RST_STREAM if frame.stream == stream => return None,
                _ => {}
            }
            if frame.stream == stream && frame.flags & END_STREAM != 0 && matches!(frame.kind, HEADERS | DATA)
            {
                return Some((status, answer));
            }
        }
    }

    /// Sends requests without a body on streams that are all open at once, and reads their answers, in the order of the
    /// requests.
    pub(crate) fn exchange_all(&mut self, requests: &[Vec<(&str, &str)>]) -> Vec<(u16, Vec<u8>)> {
        let first = self.next_stream;
        for headers in requests {
            let stream = self.stream();
            assert!(self.send(HEADERS, END_HEADERS | END_STREAM, stream, &header_block(headers)));
        }
        let mut answers = vec![(0, Vec::new()); requests.len()];
        let mut open = requests.len();
        while open > 0 {
            let frame = self.receive().expect("the server closed the connection");
            if frame.stream == 0 {
                assert_ne!(frame.kind, GOAWAY);
                if frame.kind == SETTINGS && frame.flags & ACK == 0 {
                    self.send(SETTINGS, ACK, 0, &[]);
                }
                continue;
            }
            let answer = &mut answers[usize::try_from((frame.stream - first) / 2).unwrap()];
            match frame.kind {
                HEADERS => answer.0 = status_of(&frame.payload),
                DATA => {
                    answer.1.extend(&frame.payload);
                    self.give_credit(frame.payload.len());
                }
                other => panic!("a frame of type {other}"),
            }
            open -= usize::from(frame.flags & END_STREAM != 0);
        }
        answers
    }

    /// Lets the server send as many bytes again on the connection as it has sent.
    fn give_credit(&mut self, bytes: usize) {
        if bytes > 0 {
            self.send(WINDOW_UPDATE, 0, 0, &u32::try_from(bytes).unwrap().to_be_bytes());
        }
    }

    /// Reads until the server has closed the connection, and says whether it took leave.
    pub(crate) fn sent_away(mut self) -> bool {
        let mut told = false;
        while let Some(frame) = self.receive() {
            told |= frame.kind == GOAWAY;
            if frame.kind == PING && frame.flags & ACK == 0 {
                self.send(PING, ACK, 0, &frame.payload);
            }
        }
        told
    }
}

/// The headers of a request for `path`.
pub(crate) fn request<'a>(method: &'a str, path: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![(":method", method), (":scheme", "https"), (":authority", super::tls::NAME), (":path", path)]
}

/// Literals without indexing (RFC 7541 section 6.2.2).
pub(crate) fn header_block(headers: &[(&str, &str)]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in headers {
        block.push(0);
        for text in [name, value] {
            length(&mut block, text.len());
            block.extend(text.bytes());
        }
    }
    block
}

/// An integer with a prefix of seven bits (RFC 7541 section 5.1).
fn length(block: &mut Vec<u8>, length: usize) {
    if length < 127 {
        block.push(u8::try_from(length).unwrap());
        return;
    }
    block.push(127);
    let mut rest = length - 127;
    while rest >= 128 {
        block.push(u8::try_from(rest % 128 + 128).unwrap());
        rest /= 128;
    }
    block.push(u8::try_from(rest).unwrap());
}

/// The status, when it is an entry of the static table; else 0.
fn status_of(block: &[u8]) -> u16 {
    const STATUSES: [u16; 7] = [200, 204, 206, 304, 400, 404, 500];
    let entry = block.first().map(|first| usize::from(first.wrapping_sub(0x88)));
    entry.and_then(|entry| STATUSES.get(entry)).copied().unwrap_or(0)
}
