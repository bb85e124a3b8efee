//! A client of HTTP/1.1 that hides nothing: it sends the bytes it is given and returns the bytes that came back.

use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

/// How long a test waits for what must happen before it fails. No test measures time with it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Asks again and again until something has happened that cannot be waited for.
pub(crate) fn until(mut happened: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !happened() {
        assert!(begun.elapsed() < PATIENCE, "it did not happen");
    }
}

/// A request to be sent.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Request {
    pub(crate) fn new(method: &str, target: &str) -> Self {
        Self { method: method.to_owned(), target: target.to_owned(), headers: Vec::new(), body: Vec::new() }
            .header("Host", "keyward.test")
    }

    pub(crate) fn get(target: &str) -> Self {
        Self::new("GET", target)
    }

    /// A POST of a form.
    pub(crate) fn form(target: &str, body: &str) -> Self {
        Self::new("POST", target).header("Content-Type", "application/x-www-form-urlencoded").body(body)
    }

    /// A POST of JSON.
    pub(crate) fn json(target: &str, body: impl AsRef<[u8]>) -> Self {
        Self::new("POST", target).header("Content-Type", "application/json").body(body)
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Replaces the `Host` that every request has.
    pub(crate) fn host(mut self, host: &str) -> Self {
        self.headers.retain(|(name, _)| name != "Host");
        self.header("Host", host)
    }

    /// Adds the body and its `Content-Length`.
    pub(crate) fn body(mut self, body: impl AsRef<[u8]>) -> Self {
        self.body = body.as_ref().to_vec();
        let length = self.body.len().to_string();
        self.header("Content-Length", &length)
    }

    /// The bytes on the wire.
    pub(crate) fn wire(&self) -> Vec<u8> {
        let mut wire = format!("{} {} HTTP/1.1\r\n", self.method, self.target);
        for (name, value) in &self.headers {
            wire.push_str(&format!("{name}: {value}\r\n"));
        }
        [wire.as_bytes(), b"\r\n", &self.body].concat()
    }
}

/// An answer as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Names in lower case, in the order of arrival.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// The value of a header that comes at most once.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.iter().filter(|(given, _)| given == name);
        let value = values.next().map(|(_, value)| value.as_str());
        assert!(values.next().is_none(), "{name} comes twice: {self:?}");
        value
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    /// The first answer in `bytes` and its length, when it is complete.
    fn parse(bytes: &[u8], has_body: bool) -> Option<(Self, usize)> {
        let mut room = [httparse::EMPTY_HEADER; 64];
        let mut head = httparse::Response::new(&mut room);
        let httparse::Status::Complete(head_bytes) = head.parse(bytes).unwrap() else { return None };
        let headers: Vec<(String, String)> = head
            .headers
            .iter()
            .map(|header| {
                let value = String::from_utf8(header.value.to_vec()).unwrap();
                (header.name.to_ascii_lowercase(), value)
            })
            .collect();
        let mut answer = Self { status: head.code.unwrap(), headers, body: Vec::new() };
        let length = answer.header("content-length").map(|length| length.parse().unwrap());
        // Every answer of the server says how long it is; one that does not would be read to the end of the connection.
        let length: usize = if has_body { length.unwrap_or(0) } else { 0 };
        answer.body = bytes.get(head_bytes..head_bytes + length)?.to_vec();
        Some((answer, head_bytes + length))
    }

    /// All answers in `bytes`, which must hold nothing else.
    pub(crate) fn parse_all(mut bytes: &[u8]) -> Vec<Self> {
        let mut answers = Vec::new();
        while !bytes.is_empty() {
            let (answer, length) = Self::parse(bytes, true).expect("an answer that is cut off");
            answers.push(answer);
            bytes = &bytes[length..];
        }
        answers
    }
}

/// A connection to the server.
pub(crate) struct Connection<S = TcpStream> {
    pub(crate) io: S,
    received: Vec<u8>,
}

impl Connection {
    pub(crate) fn open(server: SocketAddr) -> Self {
        Self::over(TcpStream::connect(server).unwrap())
    }

    /// A connection whose other end the server sees as `source`, an address of this machine.
    pub(crate) fn from(source: IpAddr, server: SocketAddr) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
        let stream = runtime.block_on(async {
            let socket = tokio::net::TcpSocket::new_v4().unwrap();
            socket.bind(SocketAddr::new(source, 0)).unwrap();
            socket.connect(server).await.unwrap().into_std().unwrap()
        });
        stream.set_nonblocking(false).unwrap();
        Self::over(stream)
    }

    /// Tells the server that nothing more is coming.
    pub(crate) fn end_of_requests(&mut self) {
        // The server may have closed the connection before.
        let _ = self.io.shutdown(std::net::Shutdown::Write);
    }

    fn over(stream: TcpStream) -> Self {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self::new(stream)
    }
}

impl Connection<UnixStream> {
    /// A connection to a Unix socket.
    pub(crate) fn to_socket(path: &Path) -> Self {
        let stream = UnixStream::connect(path).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        Self::new(stream)
    }
}

impl<S: Read + Write> Connection<S> {
    pub(crate) fn new(io: S) -> Self {
        Self { io, received: Vec::new() }
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) {
        self.io.write_all(bytes).unwrap();
    }

    /// Sends to a server that may have heard enough and closed.
    pub(crate) fn send_while_open(&mut self, bytes: &[u8]) -> bool {
        match self.io.write_all(bytes) {
            Ok(()) => true,
            Err(error) => {
                assert!(is_closed(&error), "{error}");
                false
            }
        }
    }

    /// Reads one answer.
    pub(crate) fn answer(&mut self) -> Answer {
        self.next_answer(true).expect("the server closed the connection without an answer")
    }

    /// Sends a request and reads its answer.
    pub(crate) fn exchange(&mut self, request: &Request) -> Answer {
        self.try_exchange(request).expect("the server closed the connection without an answer")
    }

    /// The same with a server that may close the connection instead.
    pub(crate) fn try_exchange(&mut self, request: &Request) -> Option<Answer> {
        if self.send_while_open(&request.wire()) { self.next_answer(request.method != "HEAD") } else { None }
    }

    /// All answers until the server closes the connection.
    pub(crate) fn answers_to_the_end(mut self) -> Vec<Answer> {
        while self.receive() {}
        Answer::parse_all(&self.received)
    }

    /// Whether the server closes the connection without another byte.
    pub(crate) fn is_closed_by_server(&mut self) -> bool {
        self.received.is_empty() && !self.receive()
    }

    fn next_answer(&mut self, has_body: bool) -> Option<Answer> {
        loop {
            if let Some((answer, length)) = Answer::parse(&self.received, has_body) {
                self.received.drain(..length);
                return Some(answer);
            }
            if !self.receive() {
                assert!(self.received.is_empty(), "cut off: {:?}", String::from_utf8_lossy(&self.received));
                return None;
            }
        }
    }

    /// Waits for more bytes; false at the end.
    fn receive(&mut self) -> bool {
        let mut room = [0; 16 << 10];
        match self.io.read(&mut room) {
            Ok(0) => false,
            Ok(length) => {
                self.received.extend_from_slice(&room[..length]);
                true
            }
            Err(error) => {
                assert!(is_closed(&error), "nothing came: {error}");
                false
            }
        }
    }
}

fn is_closed(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe | ErrorKind::UnexpectedEof)
}
