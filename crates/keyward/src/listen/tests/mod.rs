//! Tests of the HTTP front from outside its parts: on byte slices, on connections in memory with a clock that
//! only advances when everybody waits, and on real sockets.

mod framing;
mod head;
mod paths;
mod slow;
mod wire;
