//! What the server's tests share: the real program as a child process, a client that sends exact bytes and reads exact
//! answers, a client that signs, and a look into the store. No expectation of a test lives here.

pub(crate) mod carriage;
pub(crate) mod hide;
pub(crate) mod http;
#[cfg(feature = "tls")]
pub(crate) mod http2;
pub(crate) mod offline;
pub(crate) mod programs;
pub(crate) mod scloud;
pub(crate) mod server;
pub(crate) mod sessions;
pub(crate) mod shell;
pub(crate) mod signed;
pub(crate) mod store;
#[cfg(feature = "tls")]
pub(crate) mod tls;

pub(crate) use http::Request;
pub(crate) use scloud::Key;
pub(crate) use server::{Server, Setup};
