//! The stores crate.
