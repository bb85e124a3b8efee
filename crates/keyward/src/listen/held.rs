//! Bytes that were read from a connection but may not go up to the HTTP stack yet.

use tokio::io::ReadBuf;

/// More room than this is not kept for the next time.
const KEPT_CAPACITY_BYTES: usize = 16 << 10;

/// Holds the start of a head that is not complete, or what a client sent behind a request, in this order:
/// bytes gone up, bytes free to go up, bytes not yet free. Empty on most connections most of the time.
#[derive(Debug, Default)]
pub(super) struct Held {
    bytes: Vec<u8>,
    gone: usize,
    free: usize,
    /// What is not free was judged and found incomplete: only more bytes can help.
    needs_more: bool,
}

impl Held {
    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Moves free bytes into `buf`, as many as fit.
    pub(super) fn release(&mut self, buf: &mut ReadBuf<'_>) {
        let free = self.bytes.get(self.gone..self.free).unwrap_or_default();
        let fitting = free.get(..buf.remaining()).unwrap_or(free);
        buf.put_slice(fitting);
        self.gone += fitting.len();
        if self.gone == self.bytes.len() {
            self.clear();
        }
    }

    /// What should be judged next; none when more bytes are needed for that.
    pub(super) fn unjudged(&self) -> Option<&[u8]> {
        let rest = self.bytes.get(self.free..).unwrap_or_default();
        (!self.needs_more && !rest.is_empty()).then_some(rest)
    }

    /// The judgement on [`unjudged`](Self::unjudged): so many bytes are free, or more are needed.
    pub(super) fn judged(&mut self, free: usize) {
        self.free += free;
        self.needs_more = free == 0;
    }

    /// Adds bytes that follow those held.
    pub(super) fn append(&mut self, fresh: &[u8]) {
        self.bytes.drain(..self.gone.min(self.bytes.len()));
        self.free = self.free.saturating_sub(self.gone);
        self.gone = 0;
        self.bytes.extend_from_slice(fresh);
        self.needs_more = false;
    }

    fn clear(&mut self) {
        if self.bytes.capacity() > KEPT_CAPACITY_BYTES {
            self.bytes = Vec::new();
        }
        self.bytes.clear();
        (self.gone, self.free, self.needs_more) = (0, 0, false);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_go_up_in_order_once_and_only_when_free() {
        let mut held = Held::default();
        held.append(b"abc");
        assert_eq!(held.unjudged(), Some(&b"abc"[..]));
        held.judged(0);
        assert_eq!(held.unjudged(), None);
        held.append(b"def");
        assert_eq!(held.unjudged(), Some(&b"abcdef"[..]));
        held.judged(4);
        let (mut small, mut large) = ([0; 3], [0; 9]);
        let mut buf = ReadBuf::new(&mut small);
        held.release(&mut buf);
        assert_eq!(buf.filled(), b"abc");
        let mut buf = ReadBuf::new(&mut large);
        held.release(&mut buf);
        assert_eq!(buf.filled(), b"d");
        assert_eq!(held.unjudged(), Some(&b"ef"[..]));
        held.append(b"g");
        held.judged(3);
        held.release(&mut buf);
        assert_eq!(buf.filled(), b"defg");
        assert!(held.is_empty());
    }

    #[test]
    fn room_for_a_giant_head_is_given_back() {
        let mut held = Held::default();
        held.append(&[b'x'; 4 * KEPT_CAPACITY_BYTES]);
        held.judged(4 * KEPT_CAPACITY_BYTES);
        let mut room = vec![0; 4 * KEPT_CAPACITY_BYTES];
        held.release(&mut ReadBuf::new(&mut room));
        assert!(held.is_empty());
        assert_eq!(held.bytes.capacity(), 0);
    }
}
