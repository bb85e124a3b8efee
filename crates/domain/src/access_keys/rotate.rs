//! Rotation: a successor takes a key's place, and for an overlap both are good. Then the old key expires by itself.
//!
//! A key that is being replaced does not count against the quota, so that a full quota never stands in the way of a rotation.
//! The quota holds afterwards, for such a key cannot be rotated again, its end cannot be moved further away, and its
//! successor cannot be rotated before that end: a user never has more than twice his quota, and after the overlap no more
//! than it.

use std::sync::Arc;

use super::{AccessKey, Conditions, CreatedKey, KeyIssue, KeyShape, SchemeSet};
use crate::batch::{Effect, Require};
use crate::caller::Caller;
use crate::clock::UnixMillis;
use crate::commit::Refused;
use crate::directory::UserRecord;
use crate::error::{Error, Field};
use crate::id::KeyId;
use crate::limits::{CONFLICT_RETRIES, LONGEST_OVERLAP_MS};
use crate::policy::Action;
use crate::service::Service;

/// How to rotate a key.
#[derive(Clone, Debug)]
pub struct Rotation<'a> {
    /// The dialect that issues the successor.
    pub dialect: &'static str,
    /// The shape of its id and secret.
    pub shape: &'a KeyShape,
    /// How long the old key stays good, in milliseconds.
    pub overlap_ms: i64,
    /// The successor's free text; the old key's unless given.
    pub description: Option<String>,
    /// The successor's end; the old key's own unless given.
    pub expires_at: Option<Option<UnixMillis>>,
}

/// A rotated key.
#[derive(Debug)]
pub struct RotatedKey {
    /// The successor and its secret.
    pub created: CreatedKey,
    /// The old key, which now has an end.
    pub previous: AccessKey,
    /// The owner.
    pub owner: Arc<UserRecord>,
}

impl Service {
    /// Replaces a key by a new one with the same schemes and conditions.
    ///
    /// # Errors
    /// [`Error::Denied`], [`Error::RootOnly`], [`Error::TemporaryCaller`], [`Error::KeyNotFound`],
    /// [`Error::RotationUnderWay`], [`Error::ExceedsCaller`], [`Error::Invalid`], [`Error::CallerRevoked`].
    pub async fn rotate_access_key(
        &self,
        caller: &Caller,
        key_id: &str,
        rotation: &Rotation<'_>,
    ) -> Result<RotatedKey, Error> {
        caller.require_permanent()?;
        if !(0..=LONGEST_OVERLAP_MS).contains(&rotation.overlap_ms) {
            return Err(Error::Invalid {
                field: Field::Overlap,
                rule: "must be between 0 seconds and 30 days",
            });
        }
        let all = SchemeSet::all();
        for _ in 0..CONFLICT_RETRIES {
            let (record, old) =
                self.key_to_change(caller, Action::RotateAccessKey, key_id.into(), all.into()).await?;
            let now = self.clock.now();
            let predecessors = predecessors(&record, &old, now)?;
            let issue = successor(caller, &record, &old, rotation, now)?;
            let account = &record.rows.account;
            let mut made = self.new_key(caller, account, old.user, &issue, now)?;
            made.key.status = old.status;
            made.key.mark = self.vault.mark(&made.key.mark_input());
            // The successor counts in the old key's place.
            made.quota.clear();
            let mut batch = self.batch_by(caller, now);
            batch.require.push(Require::KeyVersionIs(old.uuid, old.version));
            for dead in predecessors {
                batch.require.push(Require::KeyVersionIs(dead.uuid, dead.version));
                self.bury(&mut batch, caller, dead, now);
            }
            let previous = self.retire(caller, &old, &made.key.key_id, now.plus(rotation.overlap_ms), now);
            let end = previous.expires_at.map_or(0, |end| end.0);
            let detail = format!("key={} successor={} expires_at={end}", old.key_id, &made.key.key_id);
            let (object, version) = (previous.uuid, previous.version);
            batch.audit.push(caller.entry(now, Action::RotateAccessKey, object.as_bytes(), version, detail));
            batch.effects.push(Effect::UpdateKey(previous.clone()));
            self.tighten_children(&mut batch, caller, &record, (&old, &previous), now);
            if let Some(Some(end)) = rotation.expires_at {
                batch.require.extend(record.loses_admin_keys(&[&old], end));
            }
            let created = made.add_to(&mut batch, caller, record.rows.user.serial, now);
            self.remember(&mut batch, caller, created.key.uuid.as_bytes(), now);
            match self.commit(batch).await {
                Ok(()) => return Ok(RotatedKey { created, previous, owner: record }),
                Err(Refused::Changed | Refused::Other(Require::KeyIdIsFree(_))) => {}
                Err(refused) => return Err(refused.into_error("", &self.limits)),
            }
        }
        Err(Error::Conflict)
    }

    /// The old key with an end, or with its own where that comes sooner.
    fn retire(
        &self,
        caller: &Caller,
        old: &AccessKey,
        successor: &KeyId,
        end: UnixMillis,
        now: UnixMillis,
    ) -> AccessKey {
        let mut key = old.clone();
        key.successor = Some(successor.clone());
        key.expires_at = Some(old.expires_at.map_or(end, |own| own.min(end)));
        self.touched(caller, key, now)
    }
}

/// The keys that `old` replaced: at most one, and its time must be over. It is buried with this rotation.
fn predecessors<'r>(
    record: &'r UserRecord,
    old: &AccessKey,
    now: UnixMillis,
) -> Result<Vec<&'r AccessKey>, Error> {
    let replaced = |key: &&AccessKey| key.successor.as_ref() == Some(&old.key_id);
    let found: Vec<&AccessKey> = record.rows.keys.iter().filter(replaced).collect();
    let is_over = old.successor.is_none() && found.iter().all(|key| key.is_expired(now));
    if is_over { Ok(found) } else { Err(Error::RotationUnderWay) }
}

/// How the successor is issued. It may not outlive an end that was set for the old key, unless the caller may set such ends.
fn successor<'a>(
    caller: &Caller,
    record: &UserRecord,
    old: &AccessKey,
    rotation: &Rotation<'a>,
    now: UnixMillis,
) -> Result<KeyIssue<'a>, Error> {
    let own_end = old.own_end(&record.rows.account);
    let expires_at = rotation.expires_at.unwrap_or(own_end);
    let is_longer = own_end.is_some_and(|own| expires_at.is_none_or(|end| end > own));
    if is_longer && caller.require_account(Action::RestrictAccessKey).is_err() {
        return Err(Error::ExceedsCaller(Field::Expiry));
    }
    if expires_at.is_some_and(|end| end <= now) {
        let rule = "has passed: give the new key another";
        return Err(Error::Invalid { field: Field::Expiry, rule });
    }
    let conditions = Conditions {
        sources: old.sources.clone(),
        audience: old.audience.clone(),
        not_before: old.not_before,
        signed_time: old.signed_time,
    };
    Ok(KeyIssue {
        dialect: rotation.dialect,
        schemes: old.schemes,
        shape: rotation.shape,
        description: rotation.description.clone().unwrap_or_else(|| old.description.clone()),
        expires_at,
        conditions,
    })
}
