//! Token buckets: how often a source may fail to authenticate, and how often a key may ask.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};

use crate::clock::UnixMillis;

/// Buckets kept at once. When all are in use, full ones (nothing happened lately) make room; if none is full, a newcomer
/// shares the strictest treatment: he is refused.
pub const BUCKETS: usize = 100_000;

/// A sustained rate and a burst above it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Tokens that come back each second.
    pub per_second: u32,
    /// Tokens that can be saved up.
    pub burst: u32,
}

/// One bucket for each `K`, bounded.
#[derive(Debug)]
pub struct Throttle<K> {
    rate: Option<Rate>,
    buckets: Mutex<HashMap<K, Bucket>>,
}

#[derive(Clone, Copy, Debug)]
struct Bucket {
    /// Thousandths of a token.
    level: u64,
    at: UnixMillis,
}

impl<K: Eq + Hash> Throttle<K> {
    /// Buckets of that rate; `None` lets everything pass.
    pub fn new(rate: Option<Rate>) -> Self {
        Self { rate, buckets: Mutex::default() }
    }

    /// Takes a token for `key`; `false` when there is none. A clock that steps back refills nothing and empties nothing.
    pub fn take(&self, key: K, now: UnixMillis) -> bool {
        let Some(rate) = self.rate else { return true };
        let full = u64::from(rate.burst) * 1000;
        let refilled = |bucket: &Bucket| {
            let millis = u64::try_from(now.0.saturating_sub(bucket.at.0)).unwrap_or(0);
            bucket.level.saturating_add(millis.saturating_mul(rate.per_second.into())).min(full)
        };
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= BUCKETS && !buckets.contains_key(&key) {
            buckets.retain(|_, bucket| refilled(bucket) < full);
            if buckets.len() >= BUCKETS {
                return false;
            }
        }
        let bucket = buckets.entry(key).or_insert(Bucket { level: full, at: now });
        bucket.level = refilled(bucket);
        bucket.at = bucket.at.max(now);
        let Some(rest) = bucket.level.checked_sub(1000) else { return false };
        bucket.level = rest;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::{Rate, Throttle, UnixMillis};

    #[test]
    fn a_burst_passes_then_the_rate_holds() {
        let throttle = Throttle::new(Some(Rate { per_second: 10, burst: 4 }));
        let start = UnixMillis(1_000_000);
        let passed = (0..10).filter(|_| throttle.take("a", start)).count();
        assert_eq!(passed, 4);
        assert!(throttle.take("b", start), "another key has a bucket of its own");
        assert!(!throttle.take("a", start.plus(99)));
        assert!(throttle.take("a", start.plus(100)));
        assert!(!throttle.take("a", start.plus(-60_000)), "a step back brings no tokens");
    }

    #[test]
    fn without_a_rate_everything_passes() {
        let throttle = Throttle::new(None);
        assert!((0..1000).all(|_| throttle.take("a", UnixMillis(0))));
    }
}
