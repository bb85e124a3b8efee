//! Refused authentications, added up per minute, source, key id and reason, so that a flood costs the store one row a
//! minute and not one write a request.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use crate::clock::UnixMillis;
use crate::net::limit_key;

/// Different counts held before the rest of the interval is added to one row without source and key.
pub const PENDING_REFUSALS: usize = 1_000;

/// Refusals of one kind in one minute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusalCount {
    /// Minutes since 1970.
    pub minute: i64,
    /// From where, IPv6 cut to its /64; empty when unknown or when there were too many.
    pub source: String,
    /// The key id that was claimed, cut to 64 bytes; empty when there were too many.
    pub key_id: String,
    /// Why: a word of a fixed set.
    pub reason: &'static str,
    /// In which dialect.
    pub dialect: &'static str,
    /// How many.
    pub count: u64,
}

type Kind = (i64, String, String, &'static str, &'static str);

/// Counts that wait to be written.
#[derive(Debug, Default)]
pub struct Refusals {
    pending: Mutex<HashMap<Kind, u64>>,
}

impl Refusals {
    /// Counts one.
    pub fn note(
        &self,
        now: UnixMillis,
        source: Option<IpAddr>,
        key_id: &str,
        reason: &'static str,
        dialect: &'static str,
    ) {
        let minute = now.seconds().div_euclid(60);
        let source = source.map(|source| limit_key(source).to_string()).unwrap_or_default();
        let key_id: String = key_id.chars().filter(|c| c.is_ascii_graphic()).take(64).collect();
        let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        let kind = (minute, source, key_id, reason, dialect);
        if pending.len() < PENDING_REFUSALS || pending.contains_key(&kind) {
            *pending.entry(kind).or_default() += 1;
        } else {
            *pending.entry((minute, String::new(), String::new(), reason, dialect)).or_default() += 1;
        }
    }

    /// Takes what is pending, to be written.
    pub fn take(&self) -> Vec<RefusalCount> {
        let pending = std::mem::take(&mut *self.pending.lock().unwrap_or_else(PoisonError::into_inner));
        let row = |((minute, source, key_id, reason, dialect), count)| RefusalCount {
            minute,
            source,
            key_id,
            reason,
            dialect,
            count,
        };
        pending.into_iter().map(row).collect()
    }
}
