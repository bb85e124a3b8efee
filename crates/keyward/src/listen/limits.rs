//! Every limit of the HTTP front by name, with its unit and its default.
//!
//! No limit of a dialect or of an operation lives here, and nothing here knows about configuration files.

use std::time::Duration;

/// What a listener grants its clients. The defaults are those of the operating guide.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Size of request heads.
    pub head: HeadLimits,
    /// Size and pace of request bodies.
    pub body: BodyLimits,
    /// From the first byte of a request head to its last; also for the HTTP/2 preface and header blocks.
    pub header_timeout: Duration,
    /// How long a connection may wait between two requests, or for its first.
    pub idle_timeout: Duration,
    /// How long a client may take no byte of an answer; a client that takes
    /// [`BodyLimits::min_bytes_per_second`] never meets it.
    pub write_timeout: Duration,
    /// How long a closing connection waits for its client to read the last answer.
    pub linger_timeout: Duration,
    /// How many late bytes a closing connection reads and throws away meanwhile.
    pub linger_bytes: usize,
    /// How long requests in flight may run on after a stop was asked for.
    pub drain_timeout: Duration,
    /// How long a TLS handshake may take, and as long again for its turn to come.
    pub tls_handshake_timeout: Duration,
    /// TLS handshakes under way at once, over all listeners; further ones queue.
    pub tls_handshakes: usize,
    /// HTTP/2 only.
    pub http2: Http2Limits,
}

/// Size limits of one request head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeadLimits {
    /// Header fields in one head.
    pub headers: usize,
    /// Bytes of all header lines of one head together, request line excluded.
    pub header_bytes: usize,
    /// Bytes of the request target. The HTTP stack itself stops at 65,534.
    pub target_bytes: usize,
    /// A `Content-Length` beyond this many bytes is refused before anybody is asked. The limit on bodies
    /// proper is [`BodyLimits::bytes`], which the service applies so that it can answer in its own words.
    pub content_length_bytes: u64,
}

/// Size and pace of one request body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BodyLimits {
    /// Bytes of a body that [`read_body`](super::read_body) accepts.
    pub bytes: usize,
    /// From the end of the head to the last byte of the body.
    pub timeout: Duration,
    /// How long a body may come slower than the minimum pace.
    pub grace: Duration,
    /// The minimum pace after the grace. Also the pace that earns a reader of a long answer more time.
    pub min_bytes_per_second: u32,
}

/// What a client may do on one HTTP/2 connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Http2Limits {
    /// Streams open at once.
    pub streams: u32,
    /// Streams that the client may reset within [`window`](Self::window).
    pub resets: u32,
    /// What frames that ask for nothing may cost within the window. A PING, SETTINGS, PRIORITY, empty DATA or
    /// unknown frame costs 10, a WINDOW_UPDATE costs 1, for honest clients send many of those.
    pub idle_frame_cost: u32,
    /// The window in which both are counted.
    pub window: Duration,
    /// From the first byte of a stream to its last, either way. Covers slow bodies, handlers and readers.
    pub stream_timeout: Duration,
    /// How often a silent connection is probed.
    pub ping_interval: Duration,
    /// How long a probe may stay unanswered.
    pub ping_timeout: Duration,
}

/// How many connections one listener holds. Every listener has its own, so a flood on the public one leaves
/// the administrators theirs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caps {
    /// Connections in all.
    pub total: usize,
    /// Connections from one source: an IPv4 address or an IPv6 /64. Unix sockets have no source.
    pub per_source: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            head: HeadLimits::default(),
            body: BodyLimits::default(),
            header_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(60),
            write_timeout: Duration::from_secs(30),
            linger_timeout: Duration::from_secs(2),
            linger_bytes: 256 << 10,
            drain_timeout: Duration::from_secs(10),
            tls_handshake_timeout: Duration::from_secs(5),
            tls_handshakes: 1_024,
            http2: Http2Limits::default(),
        }
    }
}

impl Default for HeadLimits {
    fn default() -> Self {
        Self { headers: 100, header_bytes: 128 << 10, target_bytes: 32 << 10, content_length_bytes: 1 << 30 }
    }
}

impl Default for BodyLimits {
    fn default() -> Self {
        Self {
            bytes: 1 << 20,
            timeout: Duration::from_secs(30),
            grace: Duration::from_secs(5),
            min_bytes_per_second: 1_000,
        }
    }
}

impl Default for Http2Limits {
    fn default() -> Self {
        Self {
            streams: 100,
            resets: 200,
            idle_frame_cost: 10_000,
            window: Duration::from_secs(10),
            // Header 10 s + body 30 s + handler 10 s + write 30 s.
            stream_timeout: Duration::from_secs(80),
            ping_interval: Duration::from_secs(20),
            ping_timeout: Duration::from_secs(10),
        }
    }
}

impl Default for Caps {
    fn default() -> Self {
        Self { total: 10_000, per_source: 256 }
    }
}
