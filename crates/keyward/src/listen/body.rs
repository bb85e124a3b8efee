//! Reading a request's body, bounded in bytes and in time.

use super::limits::BodyLimits;
use bytes::Bytes;
use http_body::Body;
use http_body_util::BodyExt;
use std::error::Error;
use std::io;
use std::pin::pin;

/// Why there is no body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BodyRefusal {
    /// More than [`BodyLimits::bytes`], or announced as more.
    #[error("request body too large")]
    TooLarge,
    /// Not complete in time, or too slow.
    #[error("request body too slow")]
    Timeout,
    /// The client left, or the framing is broken.
    #[error("request body broken")]
    Broken,
}

/// Reads a body to its end. Trailers are dropped, whatever they claim.
///
/// Call it for every method: a GET can carry a body too. The body's own size hint tells its Content-Length,
/// which refuses a large one at once but is trusted for nothing else: memory grows with what has arrived. A
/// body that is refused is not read on; the connection closes after the answer.
///
/// # Errors
/// See [`BodyRefusal`].
pub async fn read_body<B>(body: B, limits: &BodyLimits) -> Result<Bytes, BodyRefusal>
where
    B: Body<Data = Bytes>,
    B::Error: Error + 'static,
{
    if body.is_end_stream() {
        return Ok(Bytes::new());
    }
    if body.size_hint().lower() > limits.bytes as u64 {
        return Err(BodyRefusal::TooLarge);
    }
    // Touches the timer only when the body is not there yet.
    tokio::time::timeout(limits.timeout, collect(body, limits.bytes))
        .await
        .unwrap_or(Err(BodyRefusal::Timeout))
}

async fn collect<B>(body: B, limit_bytes: usize) -> Result<Bytes, BodyRefusal>
where
    B: Body<Data = Bytes>,
    B::Error: Error + 'static,
{
    let mut body = pin!(body);
    // Most bodies come in one piece, which is passed on as it is.
    let mut first = Bytes::new();
    let mut joined = Vec::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|error| refusal(&error))?.into_data() else { continue };
        if data.len() > limit_bytes - first.len() - joined.len() {
            return Err(BodyRefusal::TooLarge);
        }
        if first.is_empty() && joined.is_empty() {
            first = data;
        } else {
            append(&mut joined, &std::mem::take(&mut first), limit_bytes);
            append(&mut joined, &data, limit_bytes);
        }
    }
    Ok(if joined.is_empty() { first } else { joined.into() })
}

/// Grows by doubling, as a `Vec` does of itself, but never beyond the limit.
fn append(joined: &mut Vec<u8>, data: &[u8], limit_bytes: usize) {
    let needed = joined.len() + data.len();
    if needed > joined.capacity() {
        let room = needed.max(2 * joined.capacity()).min(limit_bytes);
        joined.reserve_exact(room - joined.len());
    }
    joined.extend_from_slice(data);
}

/// The guard reports a slow body as an I/O error, which the stack wraps.
fn refusal(error: &(dyn Error + 'static)) -> BodyRefusal {
    let mut causes = std::iter::successors(Some(error), |&error| error.source());
    let late = causes.any(|cause| {
        cause.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::TimedOut)
    });
    if late { BodyRefusal::Timeout } else { BodyRefusal::Broken }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body::{Frame, SizeHint};
    use http_body_util::Full;
    use std::collections::VecDeque;
    use std::pin::Pin;
    use std::task::{Context, Poll};

    /// A body that arrives in pieces, pending for ever after the last when it has no end.
    struct Pieces {
        pieces: VecDeque<io::Result<Frame<Bytes>>>,
        announced: u64,
        ends: bool,
    }

    fn pieces(pieces: &[&'static [u8]]) -> Pieces {
        let pieces = pieces.iter().map(|piece| Ok(Frame::data(Bytes::from_static(piece)))).collect();
        Pieces { pieces, announced: 0, ends: true }
    }

    impl Body for Pieces {
        type Data = Bytes;
        type Error = io::Error;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
            match self.pieces.pop_front() {
                None if !self.ends => Poll::Pending,
                piece => Poll::Ready(piece),
            }
        }

        fn size_hint(&self) -> SizeHint {
            let mut hint = SizeHint::new();
            hint.set_lower(self.announced);
            hint
        }
    }

    async fn read(body: Pieces, bytes: usize) -> Result<Bytes, BodyRefusal> {
        read_body(body, &BodyLimits { bytes, ..BodyLimits::default() }).await
    }

    #[tokio::test]
    async fn bodies_up_to_the_limit_are_joined() {
        assert_eq!(read(pieces(&[]), 0).await.unwrap(), "");
        assert_eq!(read(pieces(&[b"abc"]), 3).await.unwrap(), "abc");
        assert_eq!(read(pieces(&[b"", b"ab", b"", b"c", b"def"]), 6).await.unwrap(), "abcdef");
        let one = Bytes::from_static(b"passed on");
        let read = read_body(Full::new(one.clone()), &BodyLimits::default()).await.unwrap();
        assert_eq!(read.as_ptr(), one.as_ptr());
    }

    #[tokio::test]
    async fn t73_bodies_beyond_the_limit_are_refused_at_the_first_byte_too_many() {
        assert_eq!(read(pieces(&[b"abcd"]), 3).await, Err(BodyRefusal::TooLarge));
        let endless = Pieces { ends: false, ..pieces(&[b"ab", b"c", b"d"]) };
        assert_eq!(read(endless, 3).await, Err(BodyRefusal::TooLarge));
        let announced = Pieces { announced: 4, ends: false, ..pieces(&[]) };
        assert_eq!(read(announced, 3).await, Err(BodyRefusal::TooLarge));
    }

    #[tokio::test]
    async fn t73_an_announced_length_allocates_nothing_and_growth_stops_at_the_limit() {
        let mut joined = Vec::new();
        for _ in 0..100 {
            append(&mut joined, b"0123456789", 1_000);
            assert!(joined.capacity() <= 1_000);
        }
        assert_eq!(joined.len(), 1_000);
    }

    #[tokio::test(start_paused = true)]
    async fn t73_a_body_that_never_ends_runs_into_the_timeout() {
        let started = tokio::time::Instant::now();
        let silent = Pieces { announced: 9, ends: false, ..pieces(&[b"abc"]) };
        assert_eq!(read(silent, 9).await, Err(BodyRefusal::Timeout));
        assert_eq!(started.elapsed(), BodyLimits::default().timeout);
    }

    #[tokio::test]
    async fn errors_of_the_connection_tell_late_from_broken() {
        for (kind, refusal) in [
            (io::ErrorKind::TimedOut, BodyRefusal::Timeout),
            (io::ErrorKind::UnexpectedEof, BodyRefusal::Broken),
        ] {
            let mut body = pieces(&[b"abc"]);
            body.pieces.push_back(Err(kind.into()));
            assert_eq!(read(body, 9).await, Err(refusal));
        }
    }

    #[tokio::test]
    async fn trailers_are_dropped() {
        let mut trailers = http::HeaderMap::new();
        trailers.insert(http::header::AUTHORIZATION, http::HeaderValue::from_static("Bearer x"));
        let mut body = pieces(&[b"abc"]);
        body.pieces.push_back(Ok(Frame::trailers(trailers)));
        assert_eq!(read(body, 9).await.unwrap(), "abc");
    }
}
