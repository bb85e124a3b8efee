//! Tests of the HTTP front from outside its parts: on byte slices, on connections in memory with a clock that
//! only advances when everybody waits, and on real sockets.

mod crowd;
mod framing;
mod head;
#[cfg(feature = "tls")]
mod http2;
mod paths;
mod sizes;
mod slow;
#[cfg(feature = "tls")]
mod tls;
mod wire;
