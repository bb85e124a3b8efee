//! Follows the framing of an HTTP/1 connection: which bytes are a head, which a body. Pure, like `head.rs`.

use super::head::{Framing, HeadScan, Verdict};
use super::limits::HeadLimits;
use super::refusal::Refusal;

/// Where in the stream of requests the next byte belongs.
#[derive(Debug)]
pub(super) enum Follower {
    /// In a head, or in the silence before one.
    Head(HeadScan),
    /// In a body of which so many bytes are still to come.
    Body(u64),
    /// In chunks, whose end only the HTTP stack knows. The request is the last one, so everything passes.
    Chunked,
}

impl Default for Follower {
    fn default() -> Self {
        Self::Head(HeadScan::default())
    }
}

impl Follower {
    pub(super) fn is_in_head(&self) -> bool {
        matches!(self, Self::Head(_))
    }

    /// Moves along `bytes`, at most to the end of one request, and says how many of them are judged and fine.
    /// 0 stands for an incomplete head: the next call brings the same bytes and more.
    ///
    /// # Errors
    /// The head may not be seen by any service; nothing can be followed after that.
    pub(super) fn follow(&mut self, bytes: &[u8], limits: &HeadLimits) -> Result<usize, Refusal> {
        let Self::Head(scan) = self else { return Ok(self.follow_body(bytes.len())) };
        match scan.check(bytes, limits) {
            Verdict::Incomplete => Ok(0),
            Verdict::Refused(refusal) => Err(refusal),
            Verdict::Accepted(head) => {
                *self = match head.framing {
                    Framing::Length(0) => Self::default(),
                    Framing::Length(length) => Self::Body(length),
                    Framing::Chunked => Self::Chunked,
                };
                Ok(head.length + self.follow_body(bytes.len() - head.length))
            }
        }
    }

    fn follow_body(&mut self, available: usize) -> usize {
        match self {
            Self::Head(_) => 0,
            Self::Chunked => available,
            Self::Body(left) => {
                let taken = usize::try_from(*left).map_or(available, |left| left.min(available));
                *left -= taken as u64;
                if *left == 0 {
                    *self = Self::default();
                }
                taken
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_call_never_passes_the_end_of_a_request() {
        let limits = HeadLimits::default();
        let first = b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc";
        let second = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n";
        let third =
            b"PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\nwhatever";
        let wire = [&first[..], second, third].concat();
        let mut follower = Follower::default();
        let mut at = 0;
        for length in [first.len(), second.len(), third.len()] {
            assert_eq!(follower.follow(&wire[at..], &limits), Ok(length));
            at += length;
        }
    }

    #[test]
    fn a_body_is_followed_over_many_reads() {
        let limits = HeadLimits::default();
        let mut follower = Follower::default();
        let head = b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nab";
        assert_eq!(follower.follow(head, &limits), Ok(head.len()));
        assert_eq!(follower.follow(b"c", &limits), Ok(1));
        assert!(!follower.is_in_head());
        assert_eq!(follower.follow(b"deGET /", &limits), Ok(2));
        assert!(follower.is_in_head());
        assert_eq!(follower.follow(b"GET /", &limits), Ok(0));
        assert_eq!(follower.follow(b"GET / \n", &limits), Err(Refusal::BareLineFeed));
    }
}
