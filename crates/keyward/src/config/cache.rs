//! `[cache]`: bounds of the directory, the map in front of the store.

use super::section::{Seconds, section};

section! {
    /// How much the directory may hold. Secrets stay sealed in it.
    pub struct Cache in "cache" {
        /// Access keys held with their users.
        max_keys: usize = 100_000, 100..=100_000_000;
        /// Key ids held that do not exist.
        max_unknown_keys: usize = 10_000, 0..=10_000_000;
        /// How long the absence of a key id is believed.
        unknown_key_seconds: Seconds = Seconds(5), Seconds(0)..=Seconds(60);
    }
}
