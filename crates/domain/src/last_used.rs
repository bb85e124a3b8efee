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

/// What is noted of a key. Each is kept apart: an SSH key that is offered has opened nothing yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum UseKind {
    /// An access key signed a request that was accepted.
    AccessKey,
    /// An SSH key was offered to an SSH server, by whoever holds its public half.
    SshOffer,
    /// An SSH key opened a login, as the login's own command reports.
    SshLogin,
}

impl UseKind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::AccessKey, Self::SshOffer, Self::SshLogin];

    /// The word that is stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AccessKey => "access-key",
            Self::SshOffer => "ssh-offer",
            Self::SshLogin => "ssh-login",
        }
    }
}

/// A use with the key it is of: what a store keeps, one for each key and kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyUse {
    /// What is noted.
    pub kind: UseKind,
    /// The key.
    pub key: KeyUuid,
    /// Its last use.
    pub last: LastUse,
}

/// When an SSH key was last offered and last opened a login.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SshKeyUses {
    /// Offered to an SSH server that asks here.
    pub offered: Option<LastUse>,
    /// Opened a login whose command reports it.
    pub used: Option<LastUse>,
}

type Marked = (UseKind, KeyUuid);

/// Marks that wait to be written.
#[derive(Debug)]
pub struct LastUsed {
    shards: Box<[Mutex<HashMap<Marked, LastUse>>]>,
}

impl Default for LastUsed {
    fn default() -> Self {
        Self { shards: (0..SHARDS).map(|_| Mutex::default()).collect() }
    }
}

impl LastUsed {
    /// Notes a use. A clock that steps back changes nothing.
    pub fn mark(
        &self,
        kind: UseKind,
        key: KeyUuid,
        at: UnixMillis,
        origin: &Origin,
        operation: &'static str,
    ) {
        let Some(mut shard) = self.shard(key) else { return };
        let has_room = shard.len() < PENDING_PER_SHARD;
        let last = LastUse {
            at,
            source: origin.source,
            dialect: Cow::Borrowed(origin.dialect),
            operation: Cow::Borrowed(operation),
        };
        match shard.entry((kind, key)) {
            Entry::Occupied(mut known) if known.get().at <= at => *known.get_mut() = last,
            Entry::Vacant(place) if has_room => {
                place.insert(last);
            }
            Entry::Occupied(_) | Entry::Vacant(_) => {}
        }
    }

    /// The use that waits to be written, if one does.
    pub fn pending(&self, kind: UseKind, key: KeyUuid) -> Option<LastUse> {
        self.shard(key)?.get(&(kind, key)).cloned()
    }

    /// All that waits to be written. It stays visible until it is [written](Self::forget).
    fn snapshot(&self) -> Vec<KeyUse> {
        let mut uses = Vec::new();
        for shard in &self.shards {
            let shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
            uses.extend(shard.iter().map(|(&(kind, key), last)| KeyUse { kind, key, last: last.clone() }));
        }
        uses
    }

    /// Drops what was written, unless the key was used again meanwhile.
    fn forget(&self, written: &[KeyUse]) {
        for KeyUse { kind, key, last } in written {
            if let Some(mut shard) = self.shard(*key)
                && shard.get(&(*kind, *key)) == Some(last)
            {
                shard.remove(&(*kind, *key));
            }
        }
    }

    fn shard(&self, key: KeyUuid) -> Option<MutexGuard<'_, HashMap<Marked, LastUse>>> {
        // The end of a UUID of version 7 is random.
        let [.., last] = key.as_bytes();
        let shard = self.shards.get(usize::from(*last) % SHARDS)?;
        Some(shard.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Service {
    /// When these access keys were last used; the places are those of `keys`. `None`: never. What this node has seen is there
    /// at once.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn last_uses(&self, keys: &[KeyUuid]) -> Result<Vec<Option<LastUse>>, Error> {
        self.latest(UseKind::AccessKey, keys).await
    }

    /// When these SSH keys were last offered, and when they last opened a login; as [`last_uses`](Self::last_uses).
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn ssh_key_uses(&self, keys: &[KeyUuid]) -> Result<Vec<SshKeyUses>, Error> {
        let offered = self.latest(UseKind::SshOffer, keys).await?;
        let used = self.latest(UseKind::SshLogin, keys).await?;
        Ok(offered.into_iter().zip(used).map(|(offered, used)| SshKeyUses { offered, used }).collect())
    }

    async fn latest(&self, kind: UseKind, keys: &[KeyUuid]) -> Result<Vec<Option<LastUse>>, Error> {
        // Marks first: one that is written and forgotten in between is in the store by then.
        let pending: Vec<_> = keys.iter().map(|key| self.last_used.pending(kind, *key)).collect();
        let stored = self.store.last_uses(kind, keys.to_vec()).await?;
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
        marks.mark(UseKind::AccessKey, KEY, UnixMillis(10), &origin("192.0.2.1"), "One");
        marks.mark(UseKind::AccessKey, KEY, UnixMillis(9), &origin("192.0.2.2"), "Two");
        assert_eq!(marks.pending(UseKind::AccessKey, KEY).unwrap().operation, "One");
        marks.mark(UseKind::AccessKey, KEY, UnixMillis(10), &origin("192.0.2.3"), "Three");
        assert_eq!(marks.pending(UseKind::AccessKey, KEY).unwrap().operation, "Three");
    }

    #[test]
    fn what_is_offered_is_not_used() {
        let marks = LastUsed::default();
        marks.mark(UseKind::SshOffer, KEY, UnixMillis(10), &origin("192.0.2.1"), "One");
        assert_eq!(marks.pending(UseKind::SshLogin, KEY), None);
        marks.mark(UseKind::SshLogin, KEY, UnixMillis(11), &origin("192.0.2.1"), "Two");
        assert_eq!(marks.pending(UseKind::SshOffer, KEY).unwrap().at, UnixMillis(10));
        marks.forget(&marks.snapshot());
        assert_eq!(
            (marks.pending(UseKind::SshOffer, KEY), marks.pending(UseKind::SshLogin, KEY)),
            (None, None)
        );
    }

    #[test]
    fn a_use_while_the_last_one_is_written_is_not_forgotten() {
        let marks = LastUsed::default();
        marks.mark(UseKind::AccessKey, KEY, UnixMillis(1), &origin("192.0.2.1"), "One");
        let writing = marks.snapshot();
        assert_eq!(
            marks.pending(UseKind::AccessKey, KEY).unwrap().at,
            UnixMillis(1),
            "visible while it is written"
        );
        marks.mark(UseKind::AccessKey, KEY, UnixMillis(2), &origin("192.0.2.1"), "One");
        marks.forget(&writing);
        assert_eq!(marks.pending(UseKind::AccessKey, KEY).unwrap().at, UnixMillis(2));
        marks.forget(&marks.snapshot());
        assert_eq!(marks.pending(UseKind::AccessKey, KEY), None);
    }

    #[test]
    fn marks_are_bounded_and_known_keys_are_still_marked() {
        let marks = LastUsed::default();
        let key = |number: usize| {
            let mut bytes = [0; 16];
            bytes[..8].copy_from_slice(&number.to_be_bytes());
            KeyUuid::from_bytes(bytes)
        };
        (0..=PENDING_PER_SHARD)
            .for_each(|n| marks.mark(UseKind::AccessKey, key(n), UnixMillis(1), &origin("::1"), "One"));
        assert_eq!(marks.snapshot().len(), PENDING_PER_SHARD);
        assert_eq!(marks.pending(UseKind::AccessKey, key(PENDING_PER_SHARD)), None);
        marks.mark(UseKind::AccessKey, key(0), UnixMillis(2), &origin("::1"), "Two");
        assert_eq!(marks.pending(UseKind::AccessKey, key(0)).unwrap().at, UnixMillis(2));
    }
}
