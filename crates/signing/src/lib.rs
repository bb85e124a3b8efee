//! The signing crate.
