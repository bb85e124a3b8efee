//! What the log makes of a request's outcome.

use dialects::Outcome;

use crate::config::LogLevel;

/// The level of a request's line.
pub(super) const fn level(outcome: Outcome) -> LogLevel {
    match outcome {
        Outcome::Ok | Outcome::Refused => LogLevel::Info,
        Outcome::Unauthenticated | Outcome::Malformed | Outcome::Limited => LogLevel::Warn,
        Outcome::Failed => LogLevel::Error,
    }
}

/// Whether anybody on the network can cause it at will, so that its lines are sampled per source.
pub(super) const fn is_free_to_cause(outcome: Outcome) -> bool {
    match outcome {
        Outcome::Unauthenticated | Outcome::Malformed | Outcome::Limited => true,
        Outcome::Ok | Outcome::Refused | Outcome::Failed => false,
    }
}
