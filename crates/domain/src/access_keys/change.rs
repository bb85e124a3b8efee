//! Changing a key: enable, disable, describe, delete; and what must remain when a key stops working.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::conditions::{check_conditions, check_times};
use super::temporary::parent_of_changed;
use super::{AccessKey, Audience, KeyScope, KeyStatus, SchemeSet, SignedTime, check_description};
use crate::accounts::Account;
use crate::batch::{Batch, Effect, Require};
use crate::caller::Caller;
use crate::clock::UnixMillis;
use crate::commit::Refused;
use crate::directory::UserRecord;
use crate::error::{Error, Field};
use crate::id::KeyUuid;
use crate::limits::CONFLICT_RETRIES;
use crate::net::AddressRange;
use crate::policy::{Action, Reach, Role};
use crate::service::Service;
use crate::users::{UserRef, UserStatus};

/// Which key is meant.
#[derive(Clone, Copy, Debug)]
pub struct KeyRef<'a> {
    /// Its id.
    pub id: &'a str,
    /// Whose it must be, in clouds whose requests say so.
    pub owner: Option<UserRef<'a>>,
}

impl<'a, T: AsRef<str> + ?Sized> From<&'a T> for KeyRef<'a> {
    fn from(id: &'a T) -> Self {
        Self { id: id.as_ref(), owner: None }
    }
}

/// What to change of a key; what is `None` stays.
#[derive(Clone, Debug, Default)]
pub struct KeyChange {
    /// Enable or disable.
    pub status: Option<KeyStatus>,
    /// Other free text.
    pub description: Option<String>,
    /// Other schemes.
    pub schemes: Option<SchemeSet>,
    /// Other networks that it may be used from.
    pub sources: Option<Vec<AddressRange>>,
    /// Other services that it is good for.
    pub audience: Option<Vec<Audience>>,
    /// Another beginning, or none.
    pub not_before: Option<Option<UnixMillis>>,
    /// Another end, or none.
    pub expires_at: Option<Option<UnixMillis>>,
    /// Another rule for the time of its requests.
    pub signed_time: Option<SignedTime>,
}

impl KeyChange {
    fn touches_conditions(&self) -> bool {
        self.schemes.is_some()
            || self.sources.is_some()
            || self.audience.is_some()
            || self.not_before.is_some()
            || self.expires_at.is_some()
            || self.signed_time.is_some()
    }

    fn apply(&self, old: &AccessKey) -> AccessKey {
        let mut key = old.clone();
        key.status = self.status.unwrap_or(old.status);
        key.description.clone_from(self.description.as_ref().unwrap_or(&old.description));
        key.schemes = self.schemes.unwrap_or(old.schemes);
        key.sources.clone_from(self.sources.as_ref().unwrap_or(&old.sources));
        key.audience.clone_from(self.audience.as_ref().unwrap_or(&old.audience));
        key.not_before = self.not_before.unwrap_or(old.not_before);
        key.expires_at = self.expires_at.unwrap_or(old.expires_at);
        key.signed_time = self.signed_time.unwrap_or(old.signed_time);
        key
    }
}

/// Which keys a deletion takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doomed {
    /// Whatever they are.
    InAnyState,
    /// Disabled ones only, for clouds that make sure so that nobody still uses them.
    Disabled,
}

impl Service {
    /// Enables, disables or describes a key, or sets its conditions, which takes a right of its own. What it already has is
    /// success and changes nothing.
    ///
    /// # Errors
    /// [`Error::Denied`], [`Error::RootOnly`], [`Error::KeyNotFound`], [`Error::KeyOfAnother`],
    /// [`Error::Invalid`], [`Error::ExceedsCaller`], [`Error::RotationUnderWay`], [`Error::LimitReached`],
    /// [`Error::LastAdministratorKey`].
    pub async fn update_access_key<'k>(
        &self,
        caller: &Caller,
        key: impl Into<KeyRef<'k>>,
        scope: impl Into<KeyScope>,
        change: KeyChange,
    ) -> Result<AccessKey, Error> {
        if let Some(text) = &change.description {
            check_description(text)?;
        }
        let (wanted, scope) = (key.into(), scope.into());
        if change.touches_conditions() {
            caller.require_account(Action::RestrictAccessKey)?;
        }
        for _ in 0..CONFLICT_RETRIES {
            let (record, old) = self.key_to_change(caller, Action::UpdateAccessKey, wanted, scope).await?;
            let now = self.clock.now();
            let key = change.apply(&old);
            if key == old {
                return Ok(key);
            }
            check_change(caller, &record.rows.account, &old, &key)?;
            let key = self.touched(caller, key, now);
            let mut batch = self.batch_by(caller, now);
            batch.require.push(Require::KeyVersionIs(old.uuid, old.version));
            batch.require.extend(parent_of_changed(&record, &old, &key)?);
            let limit = self.limits.access_keys_per_user;
            let new_groups = key.schemes.quota_groups().filter(|group| !group.meets(old.schemes));
            batch.require.extend(new_groups.map(|schemes| Require::KeysBelow {
                user: key.user,
                schemes,
                limit,
            }));
            batch.require.extend(record.loses_admin_rights(&old, &key, now));
            let detail = describe_change(&old, &key);
            let (object, version) = (key.uuid, key.version);
            batch.audit.push(caller.entry(now, Action::UpdateAccessKey, object.as_bytes(), version, detail));
            batch.effects.push(Effect::UpdateKey(key.clone()));
            self.tighten_children(&mut batch, caller, &record, (&old, &key), now);
            match self.commit(batch).await {
                Ok(()) => return Ok(key),
                Err(Refused::Changed) => {}
                Err(refused) => return Err(refused.into_error("", &self.limits)),
            }
        }
        Err(Error::Conflict)
    }

    /// Deletes a key and its temporary keys, in any state, at once and for good.
    ///
    /// # Errors
    /// [`Error::Denied`], [`Error::RootOnly`], [`Error::KeyNotFound`], [`Error::LastAdministratorKey`].
    pub async fn delete_access_key<'k>(
        &self,
        caller: &Caller,
        key: impl Into<KeyRef<'k>>,
        scope: impl Into<KeyScope>,
    ) -> Result<(), Error> {
        self.delete_access_keys(caller, &[key.into()], scope, Doomed::InAnyState).await.map(drop)
    }

    /// Deletes several keys and their temporary keys: all or none.
    ///
    /// # Errors
    /// As [`delete_access_key`](Self::delete_access_key) for the first that cannot be deleted; [`Error::KeyEnabled`].
    pub async fn delete_access_keys(
        &self,
        caller: &Caller,
        keys: &[KeyRef<'_>],
        scope: impl Into<KeyScope>,
        doomed: Doomed,
    ) -> Result<Vec<AccessKey>, Error> {
        let scope = scope.into();
        for _ in 0..CONFLICT_RETRIES {
            let mut found: BTreeMap<KeyUuid, (Arc<UserRecord>, AccessKey)> = BTreeMap::new();
            for wanted in keys {
                let (record, key) =
                    self.key_to_change(caller, Action::DeleteAccessKey, *wanted, scope).await?;
                found.insert(key.uuid, (record, key));
            }
            let is_enabled = |(_, key): &(_, AccessKey)| key.status == KeyStatus::Active;
            if doomed == Doomed::Disabled && found.values().any(is_enabled) {
                return Err(Error::KeyEnabled);
            }
            let batch = self.deletion(caller, &found);
            match self.commit(batch).await {
                Ok(()) => return Ok(found.into_values().map(|(_, key)| key).collect()),
                Err(Refused::Changed) => {}
                Err(refused) => return Err(refused.into_error("", &self.limits)),
            }
        }
        Err(Error::Conflict)
    }

    /// What deletes these keys with all that belong to them. A temporary key that is being made at the same time is either
    /// among them or finds its parent gone.
    fn deletion(&self, caller: &Caller, found: &BTreeMap<KeyUuid, (Arc<UserRecord>, AccessKey)>) -> Batch {
        let now = self.clock.now();
        let mut batch = self.batch_by(caller, now);
        let mut dying: BTreeMap<KeyUuid, &AccessKey> = BTreeMap::new();
        let mut lost = None;
        for (record, key) in found.values() {
            let (user, parent) = (key.user, key.uuid);
            let children: Vec<&AccessKey> = record.children(parent).collect();
            let keys = children.iter().map(|key| key.uuid).collect();
            batch.require.push(Require::ChildrenAre { user, parent, keys });
            lost = add_lost(lost, record.loses_admin_keys(&[key], now));
            dying.extend(children.into_iter().chain([key]).map(|key| (key.uuid, key)));
        }
        batch.require.extend(dying.values().map(|key| Require::KeyVersionIs(key.uuid, key.version)));
        batch.require.extend(lost);
        for key in dying.values() {
            self.bury(&mut batch, caller, key, now);
        }
        batch
    }

    /// Looks up a key that the caller wants to change. Who reaches only his own keys is told the same of a foreign key as
    /// of an unknown one (threat T38).
    pub(super) async fn key_to_change(
        &self,
        caller: &Caller,
        action: Action,
        wanted: KeyRef<'_>,
        scope: KeyScope,
    ) -> Result<(Arc<UserRecord>, AccessKey), Error> {
        if let Some(owner) = wanted.owner {
            caller.require_named(action, owner)?;
            // Who does not exist is told before what is said of the key.
            self.find_user(caller, owner).await?;
        }
        let reach = caller.reach(action)?;
        let key_id = wanted.id;
        let record = self.directory.by_key(key_id).await?.ok_or(Error::KeyNotFound)?;
        let owner = &record.rows.user;
        let visible =
            owner.account == caller.account && (reach == Reach::Account || owner.uuid == caller.user);
        let key = record.key(key_id).filter(|key| visible && scope.shows(key));
        let key = key.ok_or(Error::KeyNotFound)?.clone();
        if !record.intact || record.damaged.contains(&key.uuid) {
            return Err(Error::Damaged);
        }
        if !wanted.owner.is_none_or(|wanted| owner.is_meant_by(wanted, caller)) {
            return Err(Error::KeyOfAnother);
        }
        caller.require_root_for(owner)?;
        Ok((record, key))
    }

    /// A changed key as it is stored.
    pub(super) fn touched(&self, caller: &Caller, mut key: AccessKey, now: UnixMillis) -> AccessKey {
        key.modified_at = now;
        key.modified_by = caller.user;
        key.version += 1;
        key.mark = self.vault.mark(&key.mark_input());
        key
    }

    /// Turns a key into a tombstone: its id stays taken, its secret is gone.
    pub(crate) fn bury(&self, batch: &mut Batch, caller: &Caller, key: &AccessKey, now: UnixMillis) {
        let mut dead = key.clone();
        dead.sealed = None;
        dead.deleted_at = Some(now);
        dead.deleted_by = Some(caller.user);
        dead.modified_at = now;
        dead.modified_by = caller.user;
        dead.version += 1;
        dead.mark = self.vault.mark(&dead.mark_input());
        let detail = format!("key={}", dead.key_id);
        batch.audit.push(caller.entry(
            now,
            Action::DeleteAccessKey,
            dead.uuid.as_bytes(),
            dead.version,
            detail,
        ));
        batch.effects.push(Effect::UpdateKey(dead));
    }
}

/// One requirement for the keys of several users, who are of one account.
fn add_lost(one: Option<Require>, other: Option<Require>) -> Option<Require> {
    match (one, other) {
        (
            Some(Require::AnotherAdminKeyRemains { account, mut lost_keys, lost_user, at }),
            Some(Require::AnotherAdminKeyRemains { lost_keys: more, .. }),
        ) => {
            lost_keys.extend(more);
            Some(Require::AnotherAdminKeyRemains { account, lost_keys, lost_user, at })
        }
        (one, other) => one.or(other),
    }
}

impl UserRecord {
    /// What must hold when `keys` of this user are about to stop working: that an administrator key remains. Empty when
    /// none of them is a working administrator key now.
    pub(crate) fn loses_admin_keys(&self, keys: &[&AccessKey], now: UnixMillis) -> Option<Require> {
        let works = |key: &&&AccessKey| key.can_administrate(now);
        let lost: Vec<KeyUuid> = keys.iter().filter(works).map(|key| key.uuid).collect();
        if lost.is_empty() || !self.is_working_admin() {
            return None;
        }
        let account = self.rows.user.account;
        Some(Require::AnotherAdminKeyRemains { account, lost_keys: lost, lost_user: None, at: now })
    }

    /// The same when `old` becomes `new`: now, or when its new end comes.
    pub(super) fn loses_admin_rights(
        &self,
        old: &AccessKey,
        new: &AccessKey,
        now: UnixMillis,
    ) -> Option<Require> {
        let ends_sooner = new.expires_at.filter(|end| old.expires_at.is_none_or(|before| *end < before));
        let at = if new.can_administrate(now) { ends_sooner? } else { now };
        self.loses_admin_keys(&[old], at)
    }

    /// The same when the user himself is about to stop working.
    pub(crate) fn loses_admin_user(&self, now: UnixMillis) -> Option<Require> {
        let (account, user) = (self.rows.user.account, self.rows.user.uuid);
        self.is_working_admin().then(|| Require::AnotherAdminKeyRemains {
            account,
            lost_keys: Vec::new(),
            lost_user: Some(user),
            at: now,
        })
    }

    fn is_working_admin(&self) -> bool {
        let user = &self.rows.user;
        user.role == Role::Admin && user.status == UserStatus::Active
    }
}

/// The rules for a changed key.
fn check_change(caller: &Caller, account: &Account, old: &AccessKey, new: &AccessKey) -> Result<(), Error> {
    if new.schemes.bits() == 0 {
        return Err(Error::Invalid { field: Field::Schemes, rule: "must name at least one scheme" });
    }
    check_conditions(&new.sources, &new.audience)?;
    check_times(new.not_before, new.expires_at)?;
    if new.sources != old.sources {
        caller.limits().allow_sources(&new.sources)?;
    }
    if new.expires_at == old.expires_at {
        return Ok(());
    }
    caller.limits().allow_end(new.expires_at)?;
    let is_later = |limit: UnixMillis| new.expires_at.is_none_or(|end| end > limit);
    if old.successor.is_some() && old.expires_at.is_some_and(is_later) {
        return Err(Error::RotationUnderWay);
    }
    let longest = account.max_key_lifetime_ms.map(|life| old.created_at.plus(life));
    if longest.is_some_and(is_later) {
        return Err(Error::Invalid { field: Field::Expiry, rule: "is later than the account allows" });
    }
    Ok(())
}

/// What changed, for the audit. Free text is left out.
pub(super) fn describe_change(old: &AccessKey, new: &AccessKey) -> String {
    let mut words = vec![format!("key={} status={}", new.key_id, new.status.as_str())];
    let mut note = |differs: bool, word: String| {
        if differs {
            words.push(word);
        }
    };
    let time = |at: Option<UnixMillis>| at.map_or("never".to_owned(), |at| at.to_string());
    note(new.schemes != old.schemes, format!("schemes={}", new.schemes));
    let sources: Vec<String> = new.sources.iter().map(ToString::to_string).collect();
    note(new.sources != old.sources, format!("sources={}", sources.join(",")));
    let audience: Vec<&str> = new.audience.iter().map(Audience::as_str).collect();
    note(new.audience != old.audience, format!("audience={}", audience.join(",")));
    note(new.not_before != old.not_before, format!("not_before={}", time(new.not_before)));
    note(new.expires_at != old.expires_at, format!("expires_at={}", time(new.expires_at)));
    note(new.signed_time != old.signed_time, format!("signed_time={}", new.signed_time.as_str()));
    words.join(" ")
}
