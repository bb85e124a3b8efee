//! Reading keys, and the audited reading of one's own secrets.

use std::sync::Arc;

use super::{AccessKey, KeyScope};
use crate::caller::Caller;
use crate::directory::UserRecord;
use crate::error::Error;
use crate::id::{KeyId, KeyUuid};
use crate::policy::{Action, Reach};
use crate::secret::Reveal;
use crate::service::Service;
use crate::users::UserRef;

impl Service {
    /// A user with his live keys; a dialect shows those that [`AccessKey::is_shown_by`] its schemes.
    ///
    /// # Errors
    /// [`Error::Denied`], [`Error::UserNotFound`]; [`Error::Damaged`] when one of the keys fails its integrity check
    /// (promise P7).
    pub async fn list_access_keys<'u>(
        &self,
        caller: &Caller,
        user: impl Into<UserRef<'u>>,
    ) -> Result<Arc<UserRecord>, Error> {
        let user = user.into();
        caller.require_named(Action::ReadAccessKey, user)?;
        let record = self.find_user(caller, user).await?;
        if record.damaged.is_empty() { Ok(record) } else { Err(Error::Damaged) }
    }

    /// One key with its owner, permanent or temporary, of whatever dialect; deleted ones for those who read the whole account.
    ///
    /// # Errors
    /// [`Error::Denied`]; [`Error::KeyNotFound`] alike for unknown keys and for those that the caller may not see (threat
    /// T38); [`Error::Damaged`].
    pub async fn get_access_key(
        &self,
        caller: &Caller,
        key_id: &str,
    ) -> Result<(Arc<UserRecord>, AccessKey), Error> {
        let reach = caller.reach(Action::ReadAccessKey)?;
        let record = self.directory.by_key(key_id).await?.ok_or(Error::KeyNotFound)?;
        let owner = &record.rows.user;
        let visible =
            owner.account == caller.account && (reach == Reach::Account || owner.uuid == caller.user);
        if !visible {
            return Err(Error::KeyNotFound);
        }
        let key = match record.key(key_id) {
            Some(key) => Some(key.clone()),
            None if reach == Reach::Account => self.store.key_with_id(&KeyId::new(key_id)).await?,
            None => None,
        };
        let key = key.filter(|key| key.user == owner.uuid).ok_or(Error::KeyNotFound)?;
        let is_marked = self.vault.is_marked(&key.mark_input(), &key.mark);
        if record.intact && is_marked { Ok((record, key)) } else { Err(Error::Damaged) }
    }

    /// The owner of a key that the caller was shown.
    ///
    /// # Errors
    /// [`Error::KeyNotFound`] when he is gone, [`Error::Damaged`], [`Error::Store`].
    pub async fn user_of(&self, caller: &Caller, key: &AccessKey) -> Result<Arc<UserRecord>, Error> {
        let record = self.directory.by_user(caller.account, key.user).await?.ok_or(Error::KeyNotFound)?;
        if record.intact { Ok(record) } else { Err(Error::Damaged) }
    }

    /// One key by its record, for `action`. Clouds that name keys so in their paths find them here.
    ///
    /// # Errors
    /// [`Error::Denied`]; [`Error::KeyNotFound`] for unknown, deleted and foreign keys alike (threat T38);
    /// [`Error::Damaged`].
    pub async fn access_key(
        &self,
        caller: &Caller,
        action: Action,
        key: KeyUuid,
        scope: KeyScope,
    ) -> Result<AccessKey, Error> {
        let reach = caller.reach(action)?;
        let record = self.owner_of(caller, key, reach).await?.ok_or(Error::KeyNotFound)?;
        let found = record.rows.keys.iter().find(|other| other.uuid == key && scope.shows(other));
        let found = found.ok_or(Error::KeyNotFound)?;
        if record.intact && !record.damaged.contains(&key) { Ok(found.clone()) } else { Err(Error::Damaged) }
    }

    /// The user of a key within the caller's reach. The caller's own keys are found without the store.
    pub(super) async fn owner_of(
        &self,
        caller: &Caller,
        key: KeyUuid,
        reach: Reach,
    ) -> Result<Option<Arc<UserRecord>>, Error> {
        let own = self.caller_record(caller).await?;
        if own.rows.keys.iter().any(|other| other.uuid == key) {
            return Ok(Some(own));
        }
        if reach != Reach::Account {
            return Ok(None);
        }
        let row = self.store.key_row(key).await?.filter(|row| row.account == caller.account);
        match row {
            Some(row) => Ok(self.directory.by_user(caller.account, row.user).await?),
            None => Ok(None),
        }
    }

    /// Secrets of the caller's own keys, for a dialect that is set to `reveal_secret = "owner"`. Each reading is in the
    /// audit before the secret is out. Keys of others are passed over: the answer has a place for each key asked for.
    ///
    /// # Errors
    /// [`Error::Denied`], [`Error::CallerRevoked`], [`Error::Damaged`] when a secret does not open;
    /// [`Error::TemporaryCaller`]: who reads a permanent key's secret has made himself one (threat T40).
    pub async fn reveal_own_secrets(
        &self,
        caller: &Caller,
        keys: &[&AccessKey],
    ) -> Result<Vec<Option<Reveal>>, Error> {
        caller.reach(Action::RevealSecret)?;
        caller.require_permanent()?;
        let now = self.clock.now();
        let own = |key: &&&AccessKey| key.user == caller.user;
        let mut batch = self.batch_by(caller, now);
        for key in keys.iter().filter(own) {
            let detail = format!("key={}", key.key_id);
            batch.audit.push(caller.entry(
                now,
                Action::RevealSecret,
                key.uuid.as_bytes(),
                key.version,
                detail,
            ));
        }
        if !batch.audit.is_empty() {
            self.commit(batch).await.map_err(|refused| refused.into_error("", &self.limits))?;
        }
        keys.iter().map(|key| Some(key).filter(own).map(|key| self.open_secret(key)).transpose()).collect()
    }

    pub(crate) fn open_secret(&self, key: &AccessKey) -> Result<Reveal, Error> {
        let sealed = key.sealed.as_deref().ok_or(Error::Damaged)?;
        self.vault.open_sealed(&key.binding(), sealed).map(Reveal::new).map_err(|_| Error::Damaged)
    }
}
