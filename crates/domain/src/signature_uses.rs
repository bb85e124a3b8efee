//! Which operation each good signature was last seen with: the alarm for schemes that leave the operation out of what is
//! signed.
//!
//! Tencent's clients sign neither action nor version, so a captured list is a valid create for five minutes, and the same
//! client may honestly send equal signatures for both within one second (threat T07). Nothing can be refused; but one
//! signature with two operations from two addresses is told.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// Maps that share the signatures, so that cores rarely meet at one lock.
const SHARDS: usize = 64;
/// Signatures remembered in each shard; a newer one takes the place of an older.
const SLOTS: usize = 1_024;

/// What was seen lately, in a fixed amount of memory.
#[derive(Debug)]
pub struct SignatureUses {
    shards: Box<[Mutex<Slots>]>,
    hasher: RandomState,
    suspected: AtomicU64,
}

type Slots = Box<[Option<Use>]>;

#[derive(Clone, Copy, Debug)]
struct Use {
    fingerprint: u64,
    operation: &'static str,
    source: Option<IpAddr>,
}

impl Default for SignatureUses {
    fn default() -> Self {
        let shard = || Mutex::new(vec![None; SLOTS].into_boxed_slice());
        Self {
            shards: (0..SHARDS).map(|_| shard()).collect(),
            hasher: RandomState::new(),
            suspected: AtomicU64::new(0),
        }
    }
}

impl SignatureUses {
    /// Notes a good signature that does not cover the operation.
    pub fn note(&self, signature: &[u8], operation: &'static str, source: Option<IpAddr>) {
        // Keyed anew at each start: nobody can aim at a slot.
        let fingerprint = self.hasher.hash_one(signature);
        let place = usize::try_from(fingerprint & 0xffff_ffff).unwrap_or(0);
        let Some(shard) = self.shards.get(place % SHARDS) else { return };
        let mut slots = shard.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(slot) = slots.get_mut(place / SHARDS % SLOTS) else { return };
        match slot {
            Some(seen) if seen.fingerprint == fingerprint => {
                if seen.operation != operation && seen.source != source {
                    self.suspected.fetch_add(1, Ordering::Relaxed);
                }
            }
            Some(_) | None => *slot = Some(Use { fingerprint, operation, source }),
        }
    }

    /// How often one signature came with two operations from two addresses: an alarm.
    pub fn suspected(&self) -> u64 {
        self.suspected.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::SignatureUses;

    #[test]
    fn two_operations_from_two_addresses_are_told_and_nothing_else() {
        let uses = SignatureUses::default();
        let (here, there) = (Some([192, 0, 2, 1].into()), Some([192, 0, 2, 2].into()));
        for (operation, source, expected) in [
            ("List", here, 0),
            ("List", here, 0),
            ("List", there, 0),
            ("Create", here, 0),
            ("Create", there, 1),
            ("Create", None, 2),
        ] {
            uses.note(b"signature", operation, source);
            assert_eq!(uses.suspected(), expected, "{operation} {source:?}");
        }
        uses.note(b"another", "Create", there);
        assert_eq!(uses.suspected(), 2);
    }

    #[test]
    fn memory_is_bounded_and_the_newest_is_kept() {
        let uses = SignatureUses::default();
        let source = |n: u8| Some([192, 0, 2, n].into());
        for number in 0_u32..200_000 {
            uses.note(&number.to_be_bytes(), "List", source(1));
        }
        uses.note(&199_999_u32.to_be_bytes(), "Create", source(2));
        assert_eq!(uses.suspected(), 1);
    }
}
