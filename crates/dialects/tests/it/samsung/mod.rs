//! The Samsung Cloud Platform dialect.

mod authorization;
mod bodies;
mod docs;
mod golden_cases;
mod keys;
mod lists;
mod samples;
mod signatures;
mod walk;
pub mod wire;
