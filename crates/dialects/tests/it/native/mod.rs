//! The native API on the wire.

mod api;
mod authorization;
mod docs;
mod golden_cases;
mod honesty;
mod keys;
mod lists;
mod ownership;
mod reference;
mod repeats;
mod samples;
mod schema;
mod signatures;
mod ssh_keys;
