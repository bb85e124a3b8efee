//! How a request ended, in the few words that logs and metrics share.

use crate::config::LogLevel;

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The caller got what was asked for.
    Ok,
    /// A known caller was refused: not allowed, not found, over quota, wrong value.
    Refused,
    /// Nobody proved to be anybody.
    Unauthenticated,
    /// Refused before anybody looked at credentials: broken HTTP, unknown route, wrong shape.
    Malformed,
    /// Over a rate, or shed under load.
    Limited,
    /// The client went away before the answer.
    Aborted,
    /// The server could not do what it promises.
    Failed,
}

impl Outcome {
    /// All of them, in the order of [`Outcome::index`].
    pub const ALL: [Self; 7] = [
        Self::Ok,
        Self::Refused,
        Self::Unauthenticated,
        Self::Malformed,
        Self::Limited,
        Self::Aborted,
        Self::Failed,
    ];

    /// The word in log lines and metric labels.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Refused => "refused",
            Self::Unauthenticated => "unauthenticated",
            Self::Malformed => "malformed",
            Self::Limited => "limited",
            Self::Aborted => "aborted",
            Self::Failed => "failed",
        }
    }

    /// Position in [`Outcome::ALL`].
    #[must_use]
    pub fn index(self) -> usize {
        self as usize
    }

    /// The level of its log line.
    #[must_use]
    pub fn level(self) -> LogLevel {
        match self {
            Self::Ok | Self::Refused | Self::Aborted => LogLevel::Info,
            Self::Unauthenticated | Self::Malformed | Self::Limited => LogLevel::Warn,
            Self::Failed => LogLevel::Error,
        }
    }

    /// Whether anybody on the network can cause it at will, so that its lines are sampled per source.
    #[must_use]
    pub fn is_free_to_cause(self) -> bool {
        match self {
            Self::Unauthenticated | Self::Malformed | Self::Limited => true,
            Self::Ok | Self::Refused | Self::Aborted | Self::Failed => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Outcome;

    #[test]
    fn the_index_is_the_position() {
        for (position, outcome) in Outcome::ALL.into_iter().enumerate() {
            assert_eq!(outcome.index(), position);
        }
    }
}
