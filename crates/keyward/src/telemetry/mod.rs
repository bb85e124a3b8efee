//! What an operator sees of a running server: one log line per request, operational events, metrics.
//!
//! Nothing here ever receives a secret, a signature, a header value or a body; callers pass names, ids and words
//! from tables. Time comes in as an argument. There is no `tracing`: a hand-formatted line costs a fraction of what
//! a subscriber's line does, and nothing else in the tree needs it.

pub mod log;
pub mod metrics;

mod histogram;
mod line;
mod outcome;
mod queue;
mod sampling;

pub use histogram::DurationHistogram;
pub use line::Value;
