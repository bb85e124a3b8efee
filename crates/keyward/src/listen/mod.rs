//! The HTTP front: everything between a socket and the service that answers requests.
//!
//! A byte passes `server` (workers, listeners) → `accept` (caps) → `tls` → `connection` (the HTTP stack) and
//! on its way into the stack `guard` or, for HTTP/2, `http2`. The judgements are pure and stand apart:
//! `head`, `target` and `follow` for HTTP/1, `frames` for HTTP/2. `deadline` and `linger` say how long a
//! connection may take, `limits` names every number.
//!
//! Nothing here knows dialects, signatures or configuration files, and no path is ever rewritten: signatures
//! cover the raw target and `Host`, so a request is passed on as it came or refused.

#![cfg_attr(not(feature = "tls"), allow(dead_code, reason = "HTTP/2 is spoken over TLS only"))]

mod accept;
mod body;
mod caps;
mod connection;
mod crew;
mod deadline;
mod follow;
mod frames;
mod guard;
mod head;
mod held;
mod http2;
mod limits;
mod linger;
mod refusal;
mod server;
mod service;
mod stats;
mod target;
#[cfg(test)]
mod tests;
#[cfg(feature = "tls")]
mod tls;

pub use body::{BodyRefusal, read_body};
pub use head::{Framing, Head, Verdict, check_head};
pub use http2::check_http2;
pub use limits::{BodyLimits, Caps, HeadLimits, Http2Limits, Limits};
pub use refusal::Refusal;
pub use server::{Listener, Running, Security, Server, Socket, WorkerPanicked};
pub use service::{ConnectionInfo, Door, Peer, Service, Transport};
pub use stats::{DoorStats, Stats};
pub use target::check_origin_target;
#[cfg(feature = "tls")]
pub use tls::{Tls, TlsError};
