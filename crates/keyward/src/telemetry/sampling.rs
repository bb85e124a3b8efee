//! Which lines about refused strangers are written: so many per source and second, the others are counted.
//!
//! Otherwise a flood of refused requests fills the disk (threat T71). Memory is fixed: sources share slots by a
//! hash that nobody outside can predict, so nobody can choose whose lines get lost beside his own.

use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};

/// Bounds memory (8 KiB) and, times the rate, the lines that a flood from everywhere can cause.
const SLOTS: usize = 1024;

/// What to do with a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Write it, and say how many of its kind were left out before.
    Write { left_out: u32 },
    /// Count it only.
    LeaveOut,
}

/// Counts per slot within one second; each slot holds the second above and the count below.
pub(super) struct Sampler {
    slots: Vec<AtomicU64>,
    hasher: RandomState,
    per_second: u32,
}

impl Sampler {
    pub(super) fn new(per_second: u32) -> Self {
        let slots = std::iter::repeat_with(AtomicU64::default).take(SLOTS).collect();
        Self { slots, hasher: RandomState::new(), per_second }
    }

    pub(super) fn judge(&self, source: Option<IpAddr>, time_ms: i64) -> Verdict {
        let Some(slot) = self.slot(source) else { return Verdict::Write { left_out: 0 } };
        let second = u32::try_from(time_ms.div_euclid(1000).rem_euclid(1 << 32)).unwrap_or_default();
        let next = |packed: u64| {
            let (slot_second, count) = unpack(packed);
            let count = if slot_second == second { count.saturating_add(1) } else { 1 };
            Some(u64::from(second) << 32 | u64::from(count))
        };
        // The closure always gives a value, so there is no error to handle.
        let (Ok(before) | Err(before)) = slot.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next);
        let (slot_second, count) = unpack(before);
        if slot_second != second {
            Verdict::Write { left_out: count.saturating_sub(self.per_second) }
        } else if count < self.per_second {
            Verdict::Write { left_out: 0 }
        } else {
            Verdict::LeaveOut
        }
    }

    /// One slot per IPv4 address or IPv6 /64, since a /64 is what one customer gets.
    fn slot(&self, source: Option<IpAddr>) -> Option<&AtomicU64> {
        let network = source.map(|source| match source.to_canonical() {
            IpAddr::V4(v4) => u64::from(v4.to_bits()),
            IpAddr::V6(v6) => u64::try_from(v6.to_bits() >> 64).unwrap_or_default() | 1 << 63,
        });
        let slots = u64::try_from(self.slots.len()).ok()?;
        let index = self.hasher.hash_one(network).checked_rem(slots)?;
        self.slots.get(usize::try_from(index).ok()?)
    }
}

fn unpack(packed: u64) -> (u32, u32) {
    let half = |value: u64| u32::try_from(value).unwrap_or_default();
    (half(packed >> 32), half(packed & u64::from(u32::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const WRITE: Verdict = Verdict::Write { left_out: 0 };

    #[test]
    fn so_many_lines_per_second_and_then_a_count_of_the_rest() {
        let sampler = Sampler::new(3);
        let source = Some(IpAddr::from([192, 0, 2, 1]));
        let verdicts: Vec<_> = (0..5).map(|ms| sampler.judge(source, 7_000 + ms)).collect();
        assert_eq!(verdicts, [WRITE, WRITE, WRITE, Verdict::LeaveOut, Verdict::LeaveOut]);
        assert_eq!(sampler.judge(source, 8_000), Verdict::Write { left_out: 2 });
        assert_eq!(sampler.judge(source, 8_001), WRITE);
    }

    #[test]
    fn a_clock_that_jumps_writes_lines_and_does_not_stop() {
        let sampler = Sampler::new(1);
        for time_ms in [i64::MIN, -1, 0, i64::MAX, 5] {
            assert!(matches!(sampler.judge(None, time_ms), Verdict::Write { .. }), "{time_ms}");
        }
    }

    #[test]
    fn one_ipv6_network_is_one_source() {
        let sampler = Sampler::new(1);
        let address = |host: u16| Some(IpAddr::from([0x2001, 0xdb8, 0, 1, 0, 0, 0, host]));
        assert_eq!(sampler.judge(address(1), 1_000), WRITE);
        assert_eq!(sampler.judge(address(2), 1_000), Verdict::LeaveOut);
    }

    #[test]
    fn other_sources_are_mostly_untouched() {
        let sampler = Sampler::new(1);
        let sources = (0..=255).map(|last| Some(IpAddr::from([198, 51, 100, last])));
        let written = sources.filter(|source| sampler.judge(*source, 1_000) == WRITE).count();
        // 256 sources in 1024 slots: about 226 find a slot of their own.
        assert!(written > 180, "{written}");
    }
}
