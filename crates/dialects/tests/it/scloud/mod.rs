//! The SCloud dialect on the wire.

mod authorization;
mod docs;
mod golden;
mod golden_cases;
mod journeys;
mod order;
mod ownership;
mod readings;
mod replay;
mod samples;
mod secrets;
mod signatures;
mod transport;
mod values;
