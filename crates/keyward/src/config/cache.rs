//! `[cache]`: bounds of the directory, the map in front of the store.

use super::section::section;

section! {
    /// How much the directory may hold. Secrets stay sealed in it.
    pub struct Cache in "cache" {
        /// Access keys held with their users.
        max_keys: usize = 100_000, 100..=100_000_000;
    }
}
