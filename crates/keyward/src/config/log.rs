//! `[log]`: how lines look and which are written.

use serde::{Deserialize, Serialize};

use super::section::section;

section! {
    /// The log goes to standard error.
    pub struct Log in "log" {
        /// Shape of a line.
        format: LogFormat = LogFormat::Json;
        /// Least important level that is written.
        level: LogLevel = LogLevel::Info;
        /// Lines per second about refused strangers, per source; the rest is counted, not written.
        refusals_per_source_per_second: u32 = 10, 1..=1_000_000;
        /// Lines waiting to be written; when full, further lines are counted and dropped.
        queue_bytes: usize = 1024 * 1024, 16 * 1024..=1024 * 1024 * 1024;
    }
}

/// Shape of a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// One JSON object per line.
    Json,
    /// `key=value` pairs, for people.
    Text,
}

/// How much a line matters, most important first. A level includes those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// The server failed to do what it promises.
    Error,
    /// Somebody should look, or somebody was refused.
    Warn,
    /// What was done.
    Info,
    /// Details for finding a fault.
    Debug,
    /// Everything. Still without secrets, signatures, header values and bodies.
    Trace,
}

impl LogLevel {
    /// The word in the file and in the line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}
