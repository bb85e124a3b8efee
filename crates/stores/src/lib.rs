//! Where Keyward's data lives: implementations of [`domain::store::Store`].
//!
//! [`sqlite`] is the embedded store. [`memory`] is the model that it is compared with, and a store for tests of other
//! crates. What every store must do is in the conformance suite; nothing here decides who may do what.

#[cfg(feature = "testing")]
pub mod conformance;
pub mod memory;
pub mod sqlite;
