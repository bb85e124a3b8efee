//! A real HTTP/1 server on bytes in memory, without a runtime: what does a service behind it see?

use std::cell::RefCell;
use std::convert::Infallible;
use std::io;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use http::{Request, Response};
use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper::server::conn::http1;
use hyper::service::service_fn;

/// Often enough for any input: bytes are always at hand, so every poll makes progress.
const MAX_POLLS: usize = 64;

/// A request as the service saw it.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) headers: Vec<(String, Vec<u8>)>,
    pub(crate) body: Vec<u8>,
}

/// The requests that a service sees when a client sends `wire` and then closes.
pub(crate) fn serve(wire: Vec<u8>) -> Vec<Seen> {
    let requests = Rc::new(RefCell::new(Vec::new()));
    let service = service_fn(|request: Request<Incoming>| {
        let requests = Rc::clone(&requests);
        async move {
            let (parts, body) = request.into_parts();
            let body = body.collect().await.map(|body| body.to_bytes().to_vec()).unwrap_or_default();
            let headers = parts
                .headers
                .iter()
                .map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec()));
            let (method, target) = (parts.method.to_string(), parts.uri.to_string());
            requests.borrow_mut().push(Seen { method, target, headers: headers.collect(), body });
            Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new()))
        }
    });
    {
        let mut stack = http1::Builder::new();
        // As the product builds it, and without the clock.
        stack.half_close(true).header_read_timeout(None).auto_date_header(false);
        let mut connection = pin!(stack.serve_connection(Memory { wire, at: 0 }, service));
        let mut context = Context::from_waker(Waker::noop());
        for _ in 0..MAX_POLLS {
            if connection.as_mut().poll(&mut context).is_ready() {
                break;
            }
        }
    }
    Rc::into_inner(requests).map(RefCell::into_inner).unwrap_or_default()
}

/// Gives out `wire` and then its end; takes and drops whatever is written.
struct Memory {
    wire: Vec<u8>,
    at: usize,
}

impl Read for Memory {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        mut room: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let rest = self.wire.get(self.at..).unwrap_or_default();
        let bytes = rest.get(..room.remaining()).unwrap_or(rest);
        room.put_slice(bytes);
        let length = bytes.len();
        self.at += length;
        Poll::Ready(Ok(()))
    }
}

impl Write for Memory {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
