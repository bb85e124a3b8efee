//! The bounded memory of recent refusals. Requests that name somebody's key, and those that name nobody's, have a half each, so
//! that whoever guesses pushes out no refusal of a key that exists. Within a half, one source (an IPv4 address or an IPv6 /64)
//! holds at most a sixteenth and the keys of one user at most a quarter: a newer refusal of theirs then takes the place of
//! their own oldest. To push out everybody else's, a flood takes sixteen networks and the key ids of four users.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use super::Entry;
use crate::id::{RequestId, UserUuid};
use crate::limits::KeptRefusals;

/// What one source may hold of a half: one part in so many.
const SHARES_OF_SOURCE: usize = 16;
/// What the keys of one user may hold.
const SHARES_OF_USER: usize = 4;

/// Whose key a refused request names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// Nobody's, as far as memory tells.
    Stranger,
    /// Somebody's.
    Known(Option<UserUuid>),
}

/// Recent refusals.
#[derive(Debug)]
pub(crate) struct Ring {
    halves: Mutex<Halves>,
    bounds: KeptRefusals,
}

#[derive(Debug, Default)]
struct Halves {
    known: Half,
    strangers: Half,
}

#[derive(Debug, Default)]
struct Half {
    /// Oldest first.
    slots: VecDeque<Slot>,
    bytes: usize,
}

#[derive(Debug)]
struct Slot {
    /// As limits count it.
    source: Option<IpAddr>,
    user: Option<UserUuid>,
    bytes: usize,
    entry: Arc<Entry>,
}

impl Ring {
    /// An empty one.
    pub(crate) fn new(bounds: KeptRefusals) -> Self {
        Self { halves: Mutex::default(), bounds }
    }

    /// Whether anything is kept at all.
    pub(super) const fn keeps(&self) -> bool {
        self.bounds.entries > 0
    }

    /// Keeps a refusal of a request from `source`.
    pub(super) fn keep(&self, entry: Entry, source: Option<IpAddr>, standing: Standing) {
        let bounds = KeptRefusals { entries: self.bounds.entries.div_ceil(2), bytes: self.bounds.bytes / 2 };
        let bytes = entry.bytes();
        let user = if let Standing::Known(user) = standing { user } else { None };
        let slot = Slot { source, user, bytes, entry: Arc::new(entry) };
        let mut halves = self.halves.lock().unwrap_or_else(PoisonError::into_inner);
        let half = if standing == Standing::Stranger { &mut halves.strangers } else { &mut halves.known };
        half.make_room(bounds.part(SHARES_OF_SOURCE), bytes, |other| other.source == source);
        if user.is_some() {
            half.make_room(bounds.part(SHARES_OF_USER), bytes, |other| other.user == user);
        }
        half.make_room(bounds, bytes, |_| true);
        half.bytes += bytes;
        half.slots.push_back(slot);
    }

    /// The refusal of that request, if it is still there.
    pub(super) fn find(&self, request: RequestId) -> Option<Arc<Entry>> {
        let halves = self.halves.lock().unwrap_or_else(PoisonError::into_inner);
        let mut slots = halves.known.slots.iter().chain(&halves.strangers.slots);
        slots.find(|slot| slot.entry.origin.request == request).map(|slot| Arc::clone(&slot.entry))
    }
}

impl KeptRefusals {
    /// One part of so many, at least one request.
    const fn part(self, shares: usize) -> Self {
        Self { entries: self.entries.div_ceil(shares), bytes: self.bytes / shares }
    }
}

impl Half {
    /// Drops the oldest of those that belong together until they are within their bounds with another of `bytes`.
    fn make_room(&mut self, bounds: KeptRefusals, bytes: usize, belongs: impl Fn(&Slot) -> bool) {
        let own = self.slots.iter().filter(|slot| belongs(slot));
        let (mut entries, mut held) = own.fold((1, bytes), |(n, sum), slot| (n + 1, sum + slot.bytes));
        while entries > bounds.entries || held > bounds.bytes {
            let oldest = self.slots.iter().position(&belongs);
            let Some(slot) = oldest.and_then(|oldest| self.slots.remove(oldest)) else { return };
            self.bytes -= slot.bytes;
            entries -= 1;
            held -= slot.bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    use signing::explain::Binding;

    use super::*;
    use crate::caller::Origin;
    use crate::clock::UnixMillis;
    use crate::doctor::{Claimed, Kept};
    use crate::reason::Reason;

    const USER: Option<UserUuid> = Some(UserUuid::from_bytes([7; 16]));

    fn id(number: u32) -> RequestId {
        let mut bytes = [0; 16];
        bytes[..4].copy_from_slice(&number.to_be_bytes());
        RequestId::from_bytes(bytes)
    }

    fn keep(ring: &Ring, number: u32, source: &str, standing: Standing) {
        let source = Some(source.parse().unwrap());
        let entry = Entry {
            at: UnixMillis(0),
            origin: Origin { request: id(number), source, dialect: "scloud" },
            operation: "",
            status: 401,
            code: "171".into(),
            text: "x".into(),
            reason: Some(Reason::WrongSignature),
            claimed: Claimed::Nothing,
            service: None,
            binding: Binding::Vendor,
            request: Kept::Nothing,
        };
        ring.keep(entry, source, standing);
    }

    fn kept(ring: &Ring, numbers: std::ops::Range<u32>) -> usize {
        numbers.filter(|number| ring.find(id(*number)).is_some()).count()
    }

    fn address(number: u32) -> String {
        std::net::Ipv4Addr::from(0x0a00_0000 + number).to_string()
    }

    #[test]
    fn the_ring_is_bounded_in_requests_and_in_bytes() {
        let ring = Ring::new(KeptRefusals { entries: 100, bytes: 1 << 20 });
        (0..1_000).for_each(|number| keep(&ring, number, &address(number), Standing::Stranger));
        assert_eq!((kept(&ring, 0..950), kept(&ring, 950..1_000)), (0, 50), "the newest of a half");
        let small = Ring::new(KeptRefusals { entries: 1_000, bytes: 20_000 });
        (0..1_000).for_each(|number| keep(&small, number, &address(number), Standing::Known(None)));
        let held = small.halves.lock().unwrap();
        assert!(held.known.bytes <= 10_000 && held.known.bytes > 5_000, "{}", held.known.bytes);
        assert_eq!(held.known.bytes, held.known.slots.iter().map(|slot| slot.bytes).sum());
    }

    #[test]
    fn a_flood_from_one_source_pushes_out_its_own() {
        let ring = Ring::new(KeptRefusals { entries: 320, bytes: 1 << 20 });
        (0..50).for_each(|number| keep(&ring, number, &address(number), Standing::Stranger));
        (50..10_000).for_each(|number| keep(&ring, number, "192.0.2.1", Standing::Stranger));
        assert_eq!((kept(&ring, 0..50), kept(&ring, 50..10_000)), (50, 10));
        assert!(ring.find(id(9_999)).is_some(), "the newest one stays");
    }

    #[test]
    fn strangers_push_out_no_refusal_of_a_known_key_and_no_user_all_others() {
        let ring = Ring::new(KeptRefusals { entries: 320, bytes: 1 << 20 });
        keep(&ring, 0, "192.0.2.1", Standing::Known(Some(UserUuid::from_bytes([1; 16]))));
        (1..5_000).for_each(|number| keep(&ring, number, &address(number), Standing::Stranger));
        (5_000..9_000).for_each(|number| keep(&ring, number, &address(number), Standing::Known(USER)));
        assert!(ring.find(id(0)).is_some());
        assert_eq!(kept(&ring, 5_000..9_000), 40);
    }

    #[test]
    fn nothing_is_kept_where_nothing_is_to_be() {
        let ring = Ring::new(KeptRefusals { entries: 0, bytes: 1 << 20 });
        assert!(!ring.keeps());
    }
}
