//! Counts what an HTTP/2 connection does, from the frame headers alone. Pure: bytes and moments in.
//!
//! The HTTP/2 stack bounds header blocks, open streams and resets of streams that nobody has accepted yet. It
//! does not bound, per time, resets of accepted streams (each of which started work), frames that ask for
//! nothing, or the age of a stream, so that is done here. Payloads are skipped, never kept.

use super::limits::Limits;
use super::refusal::Refusal;
use std::collections::VecDeque;
use std::time::Duration;
use tokio::time::Instant;

const PREFACE_BYTES: u64 = 24;
const FRAME_HEADER_BYTES: usize = 9;
const END_STREAM: u8 = 0x1;
const END_HEADERS: u8 = 0x4;
/// What one PING, SETTINGS or the like costs when a WINDOW_UPDATE costs 1.
const IDLE_FRAME_COST: u32 = 10;
/// More streams than this cannot be open in an honest exchange: the stack refuses those beyond its limit, and
/// the refusals are seen here as well.
const TRACKED_STREAMS: usize = 1_000;

mod kind {
    pub(super) const DATA: u8 = 0x0;
    pub(super) const HEADERS: u8 = 0x1;
    pub(super) const RST_STREAM: u8 = 0x3;
    pub(super) const WINDOW_UPDATE: u8 = 0x8;
    pub(super) const CONTINUATION: u8 = 0x9;
}

/// The books of one connection.
#[derive(Debug)]
pub(super) struct FrameMeter {
    inbound: Frames,
    outbound: Frames,
    /// Open streams, oldest first, with their start.
    streams: VecDeque<(u32, Instant)>,
    last_stream: u32,
    /// Since when the preface or a header block has been incomplete.
    head_since: Option<Instant>,
    /// Since when no stream has been open.
    idle_since: Instant,
    window_since: Instant,
    resets: u32,
    idle_frame_cost: u32,
}

/// When a connection is late, and with what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Deadline {
    pub(super) at: Instant,
    /// None for a connection that is merely idle.
    pub(super) refusal: Option<Refusal>,
}

impl FrameMeter {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            inbound: Frames { skip: PREFACE_BYTES, ..Frames::default() },
            outbound: Frames::default(),
            streams: VecDeque::new(),
            last_stream: 0,
            head_since: Some(now),
            idle_since: now,
            window_since: now,
            resets: 0,
            idle_frame_cost: 0,
        }
    }

    /// Takes note of bytes from the client.
    ///
    /// # Errors
    /// The client asks for too much; the connection must end.
    pub(super) fn received(&mut self, bytes: &[u8], now: Instant, limits: &Limits) -> Result<(), Refusal> {
        if now.duration_since(self.window_since) >= limits.http2.window {
            (self.window_since, self.resets, self.idle_frame_cost) = (now, 0, 0);
        }
        let mut rest = bytes;
        while let Some(frame) = self.inbound.next(&mut rest) {
            self.frame_from_client(frame, now, limits)?;
        }
        match self.deadline(limits) {
            Deadline { at, refusal: Some(refusal) } if at <= now => Err(refusal),
            _ => Ok(()),
        }
    }

    /// Takes note of bytes to the client: only here can be seen when a stream is over.
    pub(super) fn sent(&mut self, bytes: &[u8], now: Instant) {
        let mut rest = bytes;
        while let Some(frame) = self.outbound.next(&mut rest) {
            let last = match frame.kind {
                kind::DATA | kind::HEADERS => frame.flags & END_STREAM != 0,
                kind::RST_STREAM => true,
                _ => false,
            };
            if last {
                self.close(frame.stream, now);
            }
        }
    }

    /// When the connection must have moved on.
    pub(super) fn deadline(&self, limits: &Limits) -> Deadline {
        let at = |since: Instant, timeout: Duration, refusal| Deadline { at: since + timeout, refusal };
        match (self.head_since, self.streams.front()) {
            (Some(since), _) => at(since, limits.header_timeout, Some(Refusal::HeaderTimeout)),
            (None, Some((_, since))) => {
                at(*since, limits.http2.stream_timeout, Some(Refusal::Http2StreamTimeout))
            }
            (None, None) => at(self.idle_since, limits.idle_timeout, None),
        }
    }

    fn frame_from_client(&mut self, frame: Frame, now: Instant, limits: &Limits) -> Result<(), Refusal> {
        // The first frame proves that the preface is complete.
        let in_headers = matches!(frame.kind, kind::HEADERS | kind::CONTINUATION);
        self.head_since = match self.head_since {
            since if in_headers && frame.flags & END_HEADERS == 0 => since.or(Some(now)),
            _ => None,
        };
        match frame.kind {
            kind::HEADERS => return self.open(frame.stream, now),
            kind::RST_STREAM => {
                self.resets += 1;
                self.close(frame.stream, now);
            }
            kind::DATA if frame.length > 0 || frame.flags & END_STREAM != 0 => {}
            // Their number per header block is the stack's to bound.
            kind::CONTINUATION => {}
            kind::WINDOW_UPDATE => self.idle_frame_cost += 1,
            _ => self.idle_frame_cost += IDLE_FRAME_COST,
        }
        if self.resets > limits.http2.resets {
            return Err(Refusal::Http2Resets);
        }
        if self.idle_frame_cost > limits.http2.idle_frame_cost {
            return Err(Refusal::Http2IdleFrames);
        }
        Ok(())
    }

    fn open(&mut self, stream: u32, now: Instant) -> Result<(), Refusal> {
        // A second header block on a stream is its trailers.
        if stream > self.last_stream {
            self.last_stream = stream;
            self.streams.push_back((stream, now));
        }
        if self.streams.len() > TRACKED_STREAMS { Err(Refusal::Http2Resets) } else { Ok(()) }
    }

    fn close(&mut self, stream: u32, now: Instant) {
        if let Ok(at) = self.streams.binary_search_by_key(&stream, |(id, _)| *id) {
            self.streams.remove(at);
            self.idle_since = now;
        }
    }
}

/// One frame header.
#[derive(Debug, Clone, Copy)]
struct Frame {
    length: u32,
    kind: u8,
    flags: u8,
    stream: u32,
}

/// Cuts one direction of a connection into frames.
#[derive(Debug, Default)]
struct Frames {
    /// Bytes to pass over before the next frame header.
    skip: u64,
    header: [u8; FRAME_HEADER_BYTES],
    have: usize,
}

impl Frames {
    /// The next frame header that ends in `bytes`, which is moved behind it.
    fn next(&mut self, bytes: &mut &[u8]) -> Option<Frame> {
        let passed = usize::try_from(self.skip).map_or(bytes.len(), |skip| skip.min(bytes.len()));
        *bytes = bytes.get(passed..)?;
        self.skip -= passed as u64;
        while self.have < FRAME_HEADER_BYTES {
            let (&byte, rest) = bytes.split_first()?;
            *bytes = rest;
            if let Some(place) = self.header.get_mut(self.have) {
                *place = byte;
            }
            self.have += 1;
        }
        self.have = 0;
        let [a, b, c, kind, flags, s, t, u, v] = self.header;
        let length = u32::from_be_bytes([0, a, b, c]);
        self.skip = u64::from(length);
        Some(Frame { length, kind, flags, stream: u32::from_be_bytes([s & 0x7f, t, u, v]) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

    fn frame(kind: u8, flags: u8, stream: u8, payload: &[u8]) -> Vec<u8> {
        let length = u8::try_from(payload.len()).unwrap();
        [&[0, 0, length, kind, flags, 0, 0, 0, stream][..], payload].concat()
    }

    fn meter(now: Instant) -> FrameMeter {
        let mut meter = FrameMeter::new(now);
        meter.received(PREFACE, now, &Limits::default()).unwrap();
        meter
    }

    #[test]
    fn frames_are_found_however_the_bytes_are_split() {
        let wire = [
            PREFACE,
            &frame(0x4, 0, 0, b""),
            &frame(kind::HEADERS, END_HEADERS, 1, b"head"),
            &frame(kind::DATA, END_STREAM, 1, b"body"),
            &frame(kind::HEADERS, END_HEADERS, 3, b""),
        ]
        .concat();
        let now = Instant::now();
        for size in 1..=wire.len() {
            let mut meter = FrameMeter::new(now);
            for chunk in wire.chunks(size) {
                meter.received(chunk, now, &Limits::default()).unwrap();
            }
            assert_eq!(meter.streams, [(1, now), (3, now)]);
            assert_eq!(meter.idle_frame_cost, 10);
            for chunk in frame(kind::DATA, END_STREAM, 1, b"answer").chunks(size) {
                meter.sent(chunk, now);
            }
            assert_eq!(meter.streams, [(3, now)]);
        }
    }

    #[test]
    fn resets_are_counted_per_window() {
        let limits = Limits::default();
        let start = Instant::now();
        let mut meter = meter(start);
        let reset = frame(kind::RST_STREAM, 0, 1, b"code");
        for _ in 0..limits.http2.resets {
            meter.received(&reset, start, &limits).unwrap();
        }
        assert_eq!(meter.received(&reset, start, &limits), Err(Refusal::Http2Resets));
        meter.received(&reset, start + limits.http2.window, &limits).unwrap();
    }

    #[test]
    fn frames_that_ask_for_nothing_are_counted() {
        let limits = Limits::default();
        let now = Instant::now();
        for (kind, cost) in [(0x0, 10), (0x2, 10), (0x4, 10), (0x6, 10), (0x8, 1), (0xfa, 10)] {
            let mut meter = meter(now);
            let one = frame(kind, 0, 0, b"");
            for _ in 0..limits.http2.idle_frame_cost / cost {
                meter.received(&one, now, &limits).unwrap();
            }
            assert_eq!(meter.received(&one, now, &limits), Err(Refusal::Http2IdleFrames), "{kind}");
        }
    }

    #[test]
    fn deadlines_follow_what_the_connection_is_doing() {
        let limits = Limits::default();
        let start = Instant::now();
        let second = |n| start + Duration::from_secs(n);
        let mut meter = FrameMeter::new(start);
        assert_eq!(
            meter.deadline(&limits),
            Deadline { at: second(10), refusal: Some(Refusal::HeaderTimeout) }
        );
        meter.received(&[PREFACE, &frame(0x4, 0, 0, b"")].concat(), second(1), &limits).unwrap();
        assert_eq!(meter.deadline(&limits), Deadline { at: second(60), refusal: None });
        meter.received(&frame(kind::HEADERS, 0, 1, b""), second(2), &limits).unwrap();
        meter.received(&frame(kind::CONTINUATION, 0, 1, b""), second(3), &limits).unwrap();
        let late = Deadline { at: second(12), refusal: Some(Refusal::HeaderTimeout) };
        assert_eq!(meter.deadline(&limits), late);
        meter.received(&frame(kind::CONTINUATION, END_HEADERS, 1, b""), second(4), &limits).unwrap();
        let late = Deadline { at: second(82), refusal: Some(Refusal::Http2StreamTimeout) };
        assert_eq!(meter.deadline(&limits), late);
        let dripped = meter.received(&frame(0x8, 0, 1, b"more"), second(82), &limits);
        assert_eq!(dripped, Err(Refusal::Http2StreamTimeout));
        meter.sent(&frame(kind::HEADERS, END_STREAM, 1, b""), second(5));
        assert_eq!(meter.deadline(&limits), Deadline { at: second(65), refusal: None });
    }

    #[test]
    fn open_streams_are_bounded_even_when_no_answer_gets_through() {
        let now = Instant::now();
        let mut meter = meter(now);
        let opened = (0..2_000u32).map(|n| meter.open(2 * n + 1, now)).position(|opened| opened.is_err());
        assert_eq!(opened, Some(TRACKED_STREAMS));
    }
}
