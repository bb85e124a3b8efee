//! What the tasks share that run a real server: the process, a plain HTTP client, scloud calls, seeded randomness.
//!
//! Nothing here knows the product's crates other than `signing`: the server is driven as its users drive it.

pub(crate) mod http;
pub(crate) mod options;
pub(crate) mod process;
pub(crate) mod random;
pub(crate) mod scloud;
