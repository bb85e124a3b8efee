//! What the server's tests share: the real program as a child process, a client that sends exact bytes and reads exact
//! answers, a client that signs, and a look into the store. No expectation of a test lives here.

pub(crate) mod carriage;
pub(crate) mod hide;
pub(crate) mod http;
pub(crate) mod scloud;
pub(crate) mod server;
pub(crate) mod store;

pub(crate) use http::{Answer, Connection, Request};
pub(crate) use scloud::{Key, Reply};
pub(crate) use server::{Server, Setup};
