//! Counts a listener's connections, in all and per source, and gives each its slot.

use super::limits::Caps;
use super::service::{Door, Peer};
use super::stats::{DoorStats, Stats};
use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, PoisonError};

/// The slots of one listener. Shared by its accept loops.
#[derive(Debug)]
pub(super) struct Slots {
    caps: Caps,
    door: Door,
    stats: Arc<Stats>,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    total: usize,
    per_source: HashMap<Source, usize>,
}

/// Whom connections are counted for. One customer usually has a whole IPv6 /64, so single addresses in it
/// mean nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Source(IpAddr);

impl Source {
    fn of(peer: Peer) -> Option<Self> {
        let Peer::Tcp(address) = peer else { return None };
        Some(Self(match address.ip().to_canonical() {
            IpAddr::V4(address) => IpAddr::V4(address),
            IpAddr::V6(address) => {
                let [a, b, c, d, ..] = address.segments();
                IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
            }
        }))
    }
}

/// The right to hold one connection; dropping it gives the slot back.
#[derive(Debug)]
pub(super) struct Slot {
    slots: Arc<Slots>,
    source: Option<Source>,
}

impl Slots {
    pub(super) fn new(caps: Caps, door: Door, stats: Arc<Stats>) -> Arc<Self> {
        Arc::new(Self { caps, door, stats, taken: Mutex::default() })
    }

    /// A slot for a connection from `peer`; none when a cap is reached, which is counted.
    pub(super) fn take(self: &Arc<Self>, peer: Peer) -> Option<Slot> {
        let source = Source::of(peer);
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if taken.total >= self.caps.total {
            self.counters().over_total.fetch_add(1, Relaxed);
            return None;
        }
        if let Some(source) = source {
            let own = taken.per_source.entry(source).or_default();
            if *own >= self.caps.per_source {
                self.counters().over_source.fetch_add(1, Relaxed);
                return None;
            }
            *own += 1;
        }
        taken.total += 1;
        self.counters().accepted.fetch_add(1, Relaxed);
        self.counters().open.fetch_add(1, Relaxed);
        Some(Slot { slots: Arc::clone(self), source })
    }

    /// The counters that this listener adds to.
    pub(super) fn counters(&self) -> &DoorStats {
        self.stats.door(self.door)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut taken = self.slots.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.total -= 1;
        self.slots.counters().open.fetch_sub(1, Relaxed);
        let Some(source) = self.source else { return };
        let left = taken.per_source.get_mut(&source).map(|own| {
            *own -= 1;
            *own
        });
        // An entry per source that was ever seen would let strangers fill the memory.
        if left == Some(0) {
            taken.per_source.remove(&source);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tcp(address: &str) -> Peer {
        Peer::Tcp(address.parse().unwrap())
    }

    fn slots(total: usize, per_source: usize) -> Arc<Slots> {
        Slots::new(Caps { total, per_source }, Door::Public, Arc::default())
    }

    #[test]
    fn t80_slots_come_back_and_leave_no_trace() {
        let slots = slots(3, 2);
        let first = slots.take(tcp("192.0.2.1:1"));
        let second = slots.take(tcp("192.0.2.1:2"));
        assert!(slots.take(tcp("192.0.2.1:3")).is_none());
        assert_eq!(slots.counters().over_source(), 1);
        let other = slots.take(tcp("192.0.2.2:1"));
        assert!(slots.take(tcp("192.0.2.3:1")).is_none());
        assert_eq!(slots.counters().over_total(), 1);
        drop(first);
        let again = slots.take(tcp("192.0.2.1:4"));
        assert_eq!(slots.counters().open(), 3);
        assert_eq!(slots.counters().accepted(), 4);
        drop((second, other, again));
        assert_eq!(slots.counters().open(), 0);
        assert!(slots.taken.lock().unwrap().per_source.is_empty());
    }

    #[test]
    fn an_ipv6_network_is_one_source_and_a_mapped_address_is_its_ipv4() {
        let slots = slots(9, 1);
        let mut held = Vec::new();
        for (address, fits) in [
            ("[2001:db8:1:2::1]:1", true),
            ("[2001:db8:1:2:ffff::9]:1", false),
            ("[2001:db8:1:3::1]:1", true),
            ("192.0.2.1:1", true),
            ("[::ffff:192.0.2.1]:1", false),
        ] {
            let slot = slots.take(tcp(address));
            assert_eq!(slot.is_some(), fits, "{address}");
            held.push(slot);
        }
    }

    #[test]
    fn unix_sockets_have_no_source() {
        let slots = slots(2, 1);
        let held: Vec<_> = (0..3).map(|_| slots.take(Peer::Unix)).collect();
        assert_eq!(held.iter().flatten().count(), 2);
    }
}
