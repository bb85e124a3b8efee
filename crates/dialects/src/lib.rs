//! The dialects crate.
