//! The Keyward server: settings, command line, listeners, telemetry. What a key may do is decided in `domain`.

pub mod cli;
pub mod config;
pub mod system;
pub mod telemetry;
