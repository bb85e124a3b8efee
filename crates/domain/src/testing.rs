//! A settable clock and a seeded generator, for tests.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use sha2::{Digest, Sha256};

use crate::clock::{Clock, UnixMillis};
use crate::random::Randomness;

/// A clock that stands still until it is moved.
#[derive(Debug)]
pub struct TestClock(AtomicI64);

impl TestClock {
    /// A clock that shows `now`.
    pub const fn at(now: UnixMillis) -> Self {
        Self(AtomicI64::new(now.0))
    }

    /// Moves it by `millis`, backwards too.
    pub fn advance(&self, millis: i64) {
        self.0.fetch_add(millis, Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> UnixMillis {
        UnixMillis(self.0.load(Ordering::SeqCst))
    }
}

/// Random bytes that are the same for the same seed. Never for anything but tests.
#[derive(Debug)]
pub struct TestRandom {
    seed: u64,
    drawn: AtomicU64,
}

impl TestRandom {
    /// The generator of that seed.
    pub const fn seeded(seed: u64) -> Self {
        Self { seed, drawn: AtomicU64::new(0) }
    }
}

impl Randomness for TestRandom {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(32) {
            let n = self.drawn.fetch_add(1, Ordering::SeqCst);
            let block = Sha256::digest([self.seed.to_be_bytes(), n.to_be_bytes()].concat());
            chunk.iter_mut().zip(block).for_each(|(to, from)| *to = from);
        }
    }
}
