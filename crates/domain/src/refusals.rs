//! Refused authentications, added up per minute, source, key id and reason, so that a flood costs the store one row a
//! minute and not one write a request.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use crate::clock::UnixMillis;
use crate::net::limit_key;

/// Different counts of one minute before its rest is added to one row without source and key, so that a flood with ever
/// new addresses or ids cannot fill the store (threat T85).
pub const PENDING_REFUSALS: usize = 1_000;
/// How many minutes of refusals a store keeps, counted back from the one being written.
pub const KEPT_MINUTES: i64 = 24 * 60;

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
    pub reason: Cow<'static, str>,
    /// In which dialect.
    pub dialect: Cow<'static, str>,
    /// How many.
    pub count: u64,
}

type Kind = (i64, String, String, &'static str, &'static str);

/// Counts that wait to be written.
#[derive(Debug, Default)]
pub struct Refusals {
    pending: Mutex<Pending>,
    /// Since the start, by reason; for the metrics.
    totals: Mutex<BTreeMap<&'static str, u64>>,
}

#[derive(Debug, Default)]
struct Pending {
    minute: i64,
    /// A count of zero was written already and keeps its place in the minute's limit.
    counts: HashMap<Kind, u64>,
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
        *self.totals.lock().unwrap_or_else(PoisonError::into_inner).entry(reason).or_default() += 1;
        let minute = now.seconds().div_euclid(60);
        let source = source.map(|source| limit_key(source).to_string()).unwrap_or_default();
        let key_id: String = key_id.chars().filter(|c| c.is_ascii_graphic()).take(64).collect();
        let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        if pending.minute != minute {
            pending.minute = minute;
            pending.counts.retain(|_, count| *count > 0);
        }
        let kind = (minute, source, key_id, reason, dialect);
        if pending.counts.len() < PENDING_REFUSALS || pending.counts.contains_key(&kind) {
            *pending.counts.entry(kind).or_default() += 1;
        } else {
            *pending.counts.entry((minute, String::new(), String::new(), reason, dialect)).or_default() += 1;
        }
    }

    /// How many there were since the start, by reason.
    pub fn totals(&self) -> BTreeMap<&'static str, u64> {
        self.totals.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Takes what is pending, to be written.
    pub fn take(&self) -> Vec<RefusalCount> {
        let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = pending.counts.iter_mut().filter(|(_, count)| **count > 0);
        taken
            .map(|((minute, source, key_id, reason, dialect), count)| RefusalCount {
                minute: *minute,
                source: source.clone(),
                key_id: key_id.clone(),
                reason: Cow::Borrowed(*reason),
                dialect: Cow::Borrowed(*dialect),
                count: std::mem::take(count),
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::{PENDING_REFUSALS, Refusals, UnixMillis};

    fn note(refusals: &Refusals, now: UnixMillis, number: u32) {
        let source = IpAddr::V4(Ipv4Addr::from(number));
        refusals.note(now, Some(source), &format!("key{number}"), "unknown_key", "scloud");
    }

    #[test]
    fn a_flood_of_new_sources_fills_a_bounded_number_of_rows_a_minute_however_often_it_is_written() {
        let refusals = Refusals::default();
        let now = UnixMillis(60_000_000);
        let mut rows = std::collections::BTreeSet::new();
        let mut total = 0;
        for number in 0..5_000 {
            note(&refusals, now, number);
            if number % 100 == 99 {
                for row in refusals.take() {
                    total += row.count;
                    rows.insert((row.minute, row.source, row.key_id));
                }
            }
        }
        assert_eq!(total, 5_000);
        assert_eq!(rows.len(), PENDING_REFUSALS + 1);
        note(&refusals, now.plus(60_000), 9_999);
        let next = refusals.take();
        assert_eq!(next.len(), 1);
        assert_eq!(next[0].key_id, "key9999", "the next minute has a limit of its own");
    }

    #[test]
    fn equal_refusals_add_up_and_are_taken_once() {
        let refusals = Refusals::default();
        (0..7).for_each(|_| note(&refusals, UnixMillis(0), 1));
        assert_eq!(refusals.take()[0].count, 7);
        assert!(refusals.take().is_empty());
    }
}
