//! When each key was last used, from where and for what. Marked in memory while a request is answered and written off its
//! path, in batches: losing the last second in a crash costs a date, waiting for a disk would cost every request.

use std::borrow::Cow;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::access_keys::{AccessKey, SchemeSet};
use crate::batch::{Batch, Effect};
use crate::caller::{Caller, Origin};
use crate::clock::UnixMillis;
use crate::error::Error;
use crate::id::{KeyId, KeyUuid};
use crate::policy::{Action, Reach};
use crate::service::Service;
use crate::store::CommitError;

/// Maps that share the marks, so that cores rarely meet at one lock.
const SHARDS: usize = 64;
/// Keys with a mark that is not written yet, in each shard. Beyond, a key's use is not noted until there is room again: it
/// takes a store that refuses writes, or four million keys in use within a second.
pub const PENDING_PER_SHARD: usize = 65_536;
/// Marks in one batch.
const MARKS_PER_BATCH: usize = 512;

/// A use of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastUse {
    /// When.
    pub at: UnixMillis,
    /// From which address.
    pub source: Option<IpAddr>,
    /// In which dialect.
    pub dialect: Cow<'static, str>,
    /// For what: the operation in its dialect's words; empty when it was none.
    pub operation: Cow<'static, str>,
}

/// A use with the key it is of: what a store keeps, one for each key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyUse {
    /// The key.
    pub key: KeyUuid,
    /// Its last use.
    pub last: LastUse,
}

/// Marks that wait to be written.
#[derive(Debug)]
pub struct LastUsed {
    shards: Box<[Mutex<HashMap<KeyUuid, LastUse>>]>,
}

impl Default for LastUsed {
    fn default() -> Self {
        Self { shards: (0..SHARDS).map(|_| Mutex::default()).collect() }
    }
}

impl LastUsed {
    /// Notes a use. A clock that steps back changes nothing.
    pub fn mark(&self, key: KeyUuid, at: UnixMillis, origin: &Origin, operation: &'static str) {
        let Some(mut shard) = self.shard(key) else { return };
        let has_room = shard.len() < PENDING_PER_SHARD;
        let last = LastUse {
            at,
            source: origin.source,
            dialect: Cow::Borrowed(origin.dialect),
            operation: Cow::Borrowed(operation),
        };
        match shard.entry(key) {
            Entry::Occupied(mut known) if known.get().at <= at => *known.get_mut() = last,
            Entry::Vacant(place) if has_room => {
                place.insert(last);
            }
            Entry::Occupied(_) | Entry::Vacant(_) => {}
        }
    }

    /// The use that waits to be written, if one does.
    pub fn pending(&self, key: KeyUuid) -> Option<LastUse> {
        self.shard(key)?.get(&key).cloned()
    }

    /// All that waits to be written. It stays visible until it is [written](Self::forget).
    fn snapshot(&self) -> Vec<KeyUse> {
        let mut uses = Vec::new();
        for shard in &self.shards {
            let shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
            uses.extend(shard.iter().map(|(&key, last)| KeyUse { key, last: last.clone() }));
        }
        uses
    }

    /// Drops what was written, unless the key was used again meanwhile.
    fn forget(&self, written: &[KeyUse]) {
        for KeyUse { key, last } in written {
            if let Some(mut shard) = self.shard(*key)
                && shard.get(key) == Some(last)
            {
                shard.remove(key);
            }
        }
    }

    fn shard(&self, key: KeyUuid) -> Option<MutexGuard<'_, HashMap<KeyUuid, LastUse>>> {
        // The end of a UUID of version 7 is random.
        let [.., last] = key.as_bytes();
        let shard = self.shards.get(usize::from(*last) % SHARDS)?;
        Some(shard.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Service {
    /// When these keys were last used; the places are those of `keys`. `None`: never. What this node has seen is there at
    /// once.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn last_uses(&self, keys: &[KeyUuid]) -> Result<Vec<Option<LastUse>>, Error> {
        // Marks first: one that is written and forgotten in between is in the store by then.
        let pending: Vec<_> = keys.iter().map(|key| self.last_used.pending(*key)).collect();
        let stored = self.store.last_uses(keys.to_vec()).await?;
        let stored: HashMap<KeyUuid, LastUse> = stored.into_iter().map(|row| (row.key, row.last)).collect();
        let newest = |(key, pending): (&KeyUuid, Option<LastUse>)| {
            let stored = stored.get(key).cloned();
            [pending, stored].into_iter().flatten().max_by_key(|last| last.at)
        };
        Ok(keys.iter().zip(pending).map(newest).collect())
    }

    /// The last uses of keys by their ids, for a dialect of these schemes. Ids that are unknown, or not the caller's to see,
    /// are left out alike.
    ///
    /// # Errors
    /// [`Error::Denied`], [`Error::Damaged`], [`Error::Store`].
    pub async fn last_uses_by_id(
        &self,
        caller: &Caller,
        key_ids: &[&str],
        schemes: SchemeSet,
    ) -> Result<Vec<(KeyId, Option<LastUse>)>, Error> {
        let reach = caller.reach(Action::ReadAccessKey)?;
        let mut seen = Vec::new();
        for key_id in key_ids {
            let Some(record) = self.directory.by_key(key_id).await? else { continue };
            let owner = &record.rows.user;
            let visible =
                owner.account == caller.account && (reach == Reach::Account || owner.uuid == caller.user);
            let is_shown = |key: &&AccessKey| visible && key.is_shown_by(schemes);
            let Some(key) = record.key(key_id).filter(is_shown) else { continue };
            if !record.intact || record.damaged.contains(&key.uuid) {
                return Err(Error::Damaged);
            }
            seen.push((key.key_id.clone(), key.uuid));
        }
        let uuids: Vec<KeyUuid> = seen.iter().map(|(_, uuid)| *uuid).collect();
        let uses = self.last_uses(&uuids).await?;
        Ok(seen.into_iter().map(|(key_id, _)| key_id).zip(uses).collect())
    }

    /// Writes the uses noted since the last call, without an entry in the audit. Called about once a second.
    ///
    /// # Errors
    /// What the store says; what was not written waits for the next call.
    pub async fn flush_last_used(&self) -> Result<(), CommitError> {
        for uses in self.last_used.snapshot().chunks(MARKS_PER_BATCH) {
            let effects = uses.iter().cloned().map(Effect::NoteUse).collect();
            self.store.commit(Batch { effects, ..Batch::default() }).await?;
            self.last_used.forget(uses);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::RequestId;

    const KEY: KeyUuid = KeyUuid::from_bytes([9; 16]);

    fn origin(source: &str) -> Origin {
        let source = Some(source.parse().unwrap());
        Origin { request: RequestId::from_bytes([0; 16]), source, dialect: "scloud" }
    }

    #[test]
    fn a_mark_never_goes_back() {
        let marks = LastUsed::default();
        marks.mark(KEY, UnixMillis(10), &origin("192.0.2.1"), "One");
        marks.mark(KEY, UnixMillis(9), &origin("192.0.2.2"), "Two");
        assert_eq!(marks.pending(KEY).unwrap().operation, "One");
        marks.mark(KEY, UnixMillis(10), &origin("192.0.2.3"), "Three");
        assert_eq!(marks.pending(KEY).unwrap().operation, "Three");
    }

    #[test]
    fn a_use_while_the_last_one_is_written_is_not_forgotten() {
        let marks = LastUsed::default();
        marks.mark(KEY, UnixMillis(1), &origin("192.0.2.1"), "One");
        let writing = marks.snapshot();
        assert_eq!(marks.pending(KEY).unwrap().at, UnixMillis(1), "visible while it is written");
        marks.mark(KEY, UnixMillis(2), &origin("192.0.2.1"), "One");
        marks.forget(&writing);
        assert_eq!(marks.pending(KEY).unwrap().at, UnixMillis(2));
        marks.forget(&marks.snapshot());
        assert_eq!(marks.pending(KEY), None);
    }

    #[test]
    fn marks_are_bounded_and_known_keys_are_still_marked() {
        let marks = LastUsed::default();
        let key = |number: usize| {
            let mut bytes = [0; 16];
            bytes[..8].copy_from_slice(&number.to_be_bytes());
            KeyUuid::from_bytes(bytes)
        };
        (0..=PENDING_PER_SHARD).for_each(|n| marks.mark(key(n), UnixMillis(1), &origin("::1"), "One"));
        assert_eq!(marks.snapshot().len(), PENDING_PER_SHARD);
        assert_eq!(marks.pending(key(PENDING_PER_SHARD)), None);
        marks.mark(key(0), UnixMillis(2), &origin("::1"), "Two");
        assert_eq!(marks.pending(key(0)).unwrap().at, UnixMillis(2));
    }
}
