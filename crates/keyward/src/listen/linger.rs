//! How a connection ends: the last answer, the end of output, and time for the client to read both.

use super::deadline::{Pace, Watch};
use super::limits::Limits;
use super::refusal::Refusal;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The end of one connection.
#[derive(Debug)]
pub(super) struct Farewell {
    step: Step,
    linger_bytes: usize,
    since: Pace,
}

#[derive(Debug)]
enum Step {
    /// Write what is left of the answer to a refusal.
    Answer(&'static [u8]),
    /// See that it leaves, then end the output.
    Shutdown,
    /// Read and drop what the client still sends: closing with unread input makes the kernel reset the
    /// connection, and a reset can overtake the answer that explains it.
    Linger,
}

impl Farewell {
    /// `unread` tells whether the client may still be sending.
    pub(super) fn new(refused: Option<Refusal>, unread: bool, limits: &Limits) -> Self {
        Self {
            step: refused.map_or(Step::Shutdown, |refusal| Step::Answer(refusal.answer())),
            linger_bytes: if unread { limits.linger_bytes } else { 0 },
            since: Pace::start(),
        }
    }

    /// Ready when the connection may be dropped, at the latest after the linger timeout.
    pub(super) fn poll<S>(
        &mut self,
        cx: &mut Context<'_>,
        io: &mut S,
        watch: &mut Watch,
    ) -> Poll<io::Result<()>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        match self.steps(cx, io) {
            Poll::Ready(outcome) => Poll::Ready(outcome),
            Poll::Pending => {
                let deadline = self.since.after(watch.limits.linger_timeout);
                watch.poll(cx, deadline).map(Ok)
            }
        }
    }

    fn steps<S>(&mut self, cx: &mut Context<'_>, io: &mut S) -> Poll<io::Result<()>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        loop {
            match &mut self.step {
                Step::Answer([]) => {
                    ready!(Pin::new(&mut *io).poll_flush(cx))?;
                    self.step = Step::Shutdown;
                }
                Step::Answer(rest) => match ready!(Pin::new(&mut *io).poll_write(cx, rest))? {
                    0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                    written => *rest = rest.get(written..).unwrap_or_default(),
                },
                Step::Shutdown => {
                    ready!(Pin::new(&mut *io).poll_shutdown(cx))?;
                    self.step = Step::Linger;
                }
                Step::Linger if self.linger_bytes == 0 => return Poll::Ready(Ok(())),
                Step::Linger => {
                    let mut room = [0; 4 << 10];
                    let mut buf = ReadBuf::new(&mut room);
                    ready!(Pin::new(&mut *io).poll_read(cx, &mut buf))?;
                    match buf.filled().len() {
                        0 => return Poll::Ready(Ok(())),
                        read => self.linger_bytes = self.linger_bytes.saturating_sub(read),
                    }
                }
            }
        }
    }
}
