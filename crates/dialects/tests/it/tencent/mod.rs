//! The Tencent dialect on the wire.

mod authorization;
mod credentials;
mod docs;
mod golden;
mod golden_cases;
mod golden_objects;
mod rates;
mod samples;
mod signatures;
mod targets;
mod times;
mod vectors;
mod wire;
