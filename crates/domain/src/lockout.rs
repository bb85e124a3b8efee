//! Locking out who fails too often: a pure state machine for each identity and source.
//!
//! Keyed by both, so that a stranger locks himself out and not the owner, and the same for identities that do not exist, so
//! that a lock tells nothing (threat T56).

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};

use crate::clock::UnixMillis;

/// Identities and sources remembered at once. When all are in use, those that are not locked make room.
pub const REMEMBERED: usize = 100_000;

/// How many failures lock, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LockRule {
    /// The failure that locks, counted from 1.
    pub failures: u32,
    /// Within which time they count together, in milliseconds.
    pub within_ms: i64,
    /// How long the lock holds, in milliseconds.
    pub locked_ms: i64,
}

/// What is remembered of one identity and source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Counting { failures: u32, since: UnixMillis },
    Locked { until: UnixMillis },
}

impl State {
    /// Whether it still means anything at `now`.
    fn is_over(self, rule: LockRule, now: UnixMillis) -> bool {
        match self {
            State::Counting { since, .. } => now >= since.plus(rule.within_ms),
            State::Locked { until } => now >= until,
        }
    }

    /// The state after one more failure. One during a lock does not prolong it.
    fn failed(before: Option<Self>, rule: LockRule, now: UnixMillis) -> Self {
        let (failures, since) = match before.filter(|state| !state.is_over(rule, now)) {
            Some(locked @ State::Locked { .. }) => return locked,
            Some(State::Counting { failures, since }) => (failures.saturating_add(1), since),
            None => (1, now),
        };
        if failures >= rule.failures {
            State::Locked { until: now.plus(rule.locked_ms) }
        } else {
            State::Counting { failures, since }
        }
    }
}

/// The locks of one kind.
#[derive(Debug)]
pub struct Lockout<K> {
    rule: Option<LockRule>,
    states: Mutex<HashMap<K, State>>,
}

impl<K: Eq + Hash> Lockout<K> {
    /// Locks by this rule; `None` never locks.
    pub fn new(rule: Option<LockRule>) -> Self {
        Self { rule, states: Mutex::default() }
    }

    /// Whether `key` is locked.
    pub fn is_locked(&self, key: &K, now: UnixMillis) -> bool {
        let Some(rule) = self.rule else { return false };
        let states = self.states.lock().unwrap_or_else(PoisonError::into_inner);
        states
            .get(key)
            .is_some_and(|state| matches!(state, State::Locked { .. }) && !state.is_over(rule, now))
    }

    /// Notes a failure.
    pub fn failed(&self, key: K, now: UnixMillis) {
        let Some(rule) = self.rule else { return };
        let mut states = self.states.lock().unwrap_or_else(PoisonError::into_inner);
        if states.len() >= REMEMBERED && !states.contains_key(&key) {
            states.retain(|_, state| matches!(state, State::Locked { .. }) && !state.is_over(rule, now));
            if states.len() >= REMEMBERED {
                return;
            }
        }
        let state = State::failed(states.get(&key).copied(), rule, now);
        states.insert(key, state);
    }

    /// Notes a success: earlier failures count no more.
    pub fn succeeded(&self, key: &K) {
        self.states.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
    }
}

#[cfg(test)]
mod tests {
    use super::{LockRule, Lockout, REMEMBERED, UnixMillis};

    const RULE: LockRule = LockRule { failures: 5, within_ms: 900_000, locked_ms: 600_000 };
    const START: UnixMillis = UnixMillis(1_000_000_000);

    #[test]
    fn t56_the_fifth_failure_locks_one_identity_at_one_source_for_a_time() {
        let locks = Lockout::new(Some(RULE));
        let (here, there) = (("alice", 1), ("alice", 2));
        for number in 0..4 {
            locks.failed(here, START.plus(number));
            assert!(!locks.is_locked(&here, START.plus(number)));
        }
        locks.failed(here, START.plus(4));
        assert!(locks.is_locked(&here, START.plus(4)));
        assert!(!locks.is_locked(&there, START.plus(4)), "her own address is not locked");
        locks.failed(here, START.plus(300_000));
        assert!(locks.is_locked(&here, START.plus(600_003)), "a try during the lock does not prolong it");
        assert!(!locks.is_locked(&here, START.plus(600_004)));
        locks.failed(here, START.plus(600_004));
        assert!(!locks.is_locked(&here, START.plus(600_004)), "counting begins anew");
    }

    #[test]
    fn t56_old_failures_and_those_before_a_success_do_not_count() {
        let locks = Lockout::new(Some(RULE));
        (0..4).for_each(|_| locks.failed("a", START));
        locks.failed("a", START.plus(900_000));
        assert!(!locks.is_locked(&"a", START.plus(900_000)));
        (0..3).for_each(|_| locks.failed("a", START.plus(900_000)));
        locks.succeeded(&"a");
        locks.failed("a", START.plus(900_001));
        assert!(!locks.is_locked(&"a", START.plus(900_001)));
    }

    #[test]
    fn without_a_rule_nothing_locks() {
        let locks = Lockout::new(None);
        (0..100).for_each(|_| locks.failed("a", START));
        assert!(!locks.is_locked(&"a", START));
    }

    #[test]
    fn memory_is_bounded_and_locks_survive_a_flood() {
        let locks = Lockout::new(Some(RULE));
        (0..5).for_each(|_| locks.failed(usize::MAX, START));
        (0..REMEMBERED + 10).for_each(|number| locks.failed(number, START));
        assert!(locks.is_locked(&usize::MAX, START));
        assert!(locks.states.lock().unwrap().len() <= REMEMBERED);
    }
}
