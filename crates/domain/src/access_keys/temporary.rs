//! Temporary keys: they belong to a permanent key, never outlive it, and make no keys themselves (threat T40).

use super::change::describe_change;
use super::{AccessKey, CreatedKey, KeyIssue, KeyKind, KeyStatus};
use crate::batch::{Batch, Effect, Require};
use crate::caller::Caller;
use crate::clock::UnixMillis;
use crate::commit::Refused;
use crate::directory::UserRecord;
use crate::error::{Error, Field};
use crate::id::KeyUuid;
use crate::limits::CONFLICT_RETRIES;
use crate::policy::Action;
use crate::service::Service;

impl Service {
    /// Makes a temporary key of `parent`, for the parent's user. Its end is the earliest of what is asked for, the parent's
    /// own and the account's longest lifetime. Temporary keys of the same parent that have expired make room.
    ///
    /// # Errors
    /// [`Error::Denied`], [`Error::RootOnly`], [`Error::TemporaryCaller`], [`Error::ParentUnusable`], [`Error::Invalid`]
    /// when the key would have no end or a past one, [`Error::LimitReached`], [`Error::CallerRevoked`].
    pub async fn create_temporary_key(
        &self,
        caller: &Caller,
        parent: KeyUuid,
        issue: &KeyIssue<'_>,
    ) -> Result<CreatedKey, Error> {
        let reach = caller.reach(Action::CreateAccessKey)?;
        caller.require_permanent()?;
        for _ in 0..CONFLICT_RETRIES {
            let record = self.owner_of(caller, parent, reach).await?.ok_or(Error::ParentUnusable)?;
            let now = self.clock.now();
            let parent = usable_parent(&record, parent, issue, now)?;
            caller.require_root_for(&record.rows.user)?;
            let user = &record.rows.user;
            // Whatever was asked for is cut to the earliest end.
            let issue = &KeyIssue { expires_at: caller.limits().cap(issue.expires_at), ..issue.clone() };
            let mut made = self.new_key(caller, &record.rows.account, user.uuid, issue, now)?;
            made.key.kind = KeyKind::Temporary;
            made.key.parent = Some(parent.uuid);
            made.key.expires_at = Some(end_of_child(&made.key, parent, now)?);
            made.key.mark = self.vault.mark(&made.key.mark_input());
            let limit = self.limits.temporary_keys_per_key;
            made.quota =
                vec![Require::ChildrenBelow { user: user.uuid, parent: parent.uuid, limit, at: now }];
            let mut batch = self.batch_by(caller, now);
            // The parent is as it was found: neither disabled nor deleted meanwhile, nor was its end moved.
            batch.require.push(Require::KeyVersionIs(parent.uuid, parent.version));
            self.bury_expired(&mut batch, caller, record.children(parent.uuid), now);
            let created = made.add_to(&mut batch, caller, user.serial, now);
            match self.commit(batch).await {
                Ok(()) => return Ok(created),
                Err(Refused::Changed | Refused::Other(Require::KeyIdIsFree(_))) => {}
                Err(refused) => return Err(refused.into_error("", &self.limits)),
            }
        }
        Err(Error::Conflict)
    }

    /// Temporary keys are good for no more, and no longer, than their parent (threats T30, T40): what the change `from` one
    /// state of it `to` another takes from it is taken from them.
    pub(super) fn tighten_children(
        &self,
        batch: &mut Batch,
        caller: &Caller,
        record: &UserRecord,
        (from, to): (&AccessKey, &AccessKey),
        now: UnixMillis,
    ) {
        if (from.schemes, from.expires_at) == (to.schemes, to.expires_at) {
            return;
        }
        // One that is being made at the same time is either among them or finds its parent changed.
        let (user, parent) = (to.user, to.uuid);
        let keys = record.children(parent).map(|child| child.uuid).collect();
        batch.require.push(Require::ChildrenAre { user, parent, keys });
        for old in record.children(parent) {
            let mut child = old.clone();
            child.expires_at = child.expires_at.into_iter().chain(to.expires_at).min();
            child.schemes = child.schemes.and(to.schemes);
            if child == *old {
                continue;
            }
            batch.require.push(Require::KeyVersionIs(old.uuid, old.version));
            if child.schemes.bits() == 0 {
                self.bury(batch, caller, old, now);
                continue;
            }
            let child = self.touched(caller, child, now);
            let detail = describe_change(old, &child);
            let (object, version) = (child.uuid, child.version);
            let action = Action::UpdateAccessKey;
            batch.audit.push(caller.entry(now, action, object.as_bytes(), version, detail));
            batch.effects.push(Effect::UpdateKey(child));
        }
    }

    fn bury_expired<'k>(
        &self,
        batch: &mut Batch,
        caller: &Caller,
        children: impl Iterator<Item = &'k AccessKey>,
        now: UnixMillis,
    ) {
        for key in children.filter(|key| key.is_expired(now)) {
            batch.require.push(Require::KeyVersionIs(key.uuid, key.version));
            self.bury(batch, caller, key, now);
        }
    }
}

impl UserRecord {
    /// The live temporary keys of a key.
    pub fn children(&self, parent: KeyUuid) -> impl Iterator<Item = &AccessKey> {
        self.rows.keys.iter().filter(move |key| key.parent == Some(parent))
    }

    /// The live key that a temporary one belongs to.
    pub(crate) fn parent(&self, key: &AccessKey) -> Option<&AccessKey> {
        let parent = key.parent?;
        self.rows.keys.iter().find(|other| other.uuid == parent)
    }
}

impl AccessKey {
    /// Whether it has an end, and none later than that of its parent (threat T30).
    pub(crate) fn ends_with(&self, parent: &Self) -> bool {
        self.expires_at.is_some_and(|end| parent.expires_at.is_none_or(|last| end <= last))
    }
}

/// The key of `record` that a temporary key may be made of.
fn usable_parent<'r>(
    record: &'r UserRecord,
    parent: KeyUuid,
    issue: &KeyIssue<'_>,
    now: UnixMillis,
) -> Result<&'r AccessKey, Error> {
    let parent = record.rows.keys.iter().find(|key| key.uuid == parent).ok_or(Error::ParentUnusable)?;
    if !record.intact || record.damaged.contains(&parent.uuid) {
        return Err(Error::Damaged);
    }
    let is_usable = parent.kind == KeyKind::Permanent
        && parent.status == KeyStatus::Active
        && !parent.is_expired(now)
        && issue.schemes.is_within(parent.schemes);
    if is_usable { Ok(parent) } else { Err(Error::ParentUnusable) }
}

/// A temporary key that gets another end or other schemes stays within its parent, as that is when the change is written
/// (threats T30, T40).
pub(super) fn parent_of_changed(
    record: &UserRecord,
    old: &AccessKey,
    new: &AccessKey,
) -> Result<Option<Require>, Error> {
    if new.parent.is_none() || (new.schemes, new.expires_at) == (old.schemes, old.expires_at) {
        return Ok(None);
    }
    let parent = record.parent(new).ok_or(Error::ParentUnusable)?;
    if !new.schemes.is_within(parent.schemes) {
        return Err(Error::Invalid { field: Field::Schemes, rule: "must be among its parent's" });
    }
    if !new.ends_with(parent) {
        return Err(Error::Invalid { field: Field::Expiry, rule: "must not be later than its parent's" });
    }
    Ok(Some(Require::KeyVersionIs(parent.uuid, parent.version)))
}

/// When a temporary key ends: never later than its parent (threats T30, T40).
fn end_of_child(child: &AccessKey, parent: &AccessKey, now: UnixMillis) -> Result<UnixMillis, Error> {
    let field = Field::Expiry;
    let end = child.expires_at.into_iter().chain(parent.expires_at).min();
    match end.ok_or(Error::Invalid { field, rule: "must be given for a temporary key" })? {
        end if end <= now => Err(Error::Invalid { field, rule: "must lie in the future" }),
        end => Ok(end),
    }
}
