//! Listing and finding SSH keys.

use std::sync::Arc;

use super::{Fingerprint, SshKey, SshKeyRef};
use crate::caller::Caller;
use crate::directory::UserRecord;
use crate::error::Error;
use crate::id::AccountUuid;
use crate::name::NameKey;
use crate::policy::{Action, Reach};
use crate::service::Service;
use crate::store::StoreError;
use crate::users::UserRef;

/// A page of a user's keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SshKeyPage {
    /// The keys of the page, by creation time, then number.
    pub keys: Vec<Arc<SshKey>>,
    /// How many there are on all pages.
    pub total: usize,
}

/// A key that was found, with its owner.
#[derive(Clone, Debug)]
pub struct FoundSshKey {
    /// The key.
    pub key: SshKey,
    /// Whose it is.
    pub owner: Arc<UserRecord>,
}

impl Service {
    /// A page of a user's keys whose title contains `title`, letter case aside: at most `limit` after skipping `offset`.
    ///
    /// # Errors
    /// [`Error::Denied`], [`Error::UserNotFound`]; [`Error::Damaged`] when a key fails its integrity check.
    pub async fn list_ssh_keys<'u>(
        &self,
        caller: &Caller,
        user: impl Into<UserRef<'u>>,
        title: &str,
        offset: usize,
        limit: usize,
    ) -> Result<SshKeyPage, Error> {
        let user = user.into();
        caller.require_named(Action::ReadSshKey, user)?;
        let record = self.find_user(caller, user).await?;
        let owner = &record.rows.user;
        let all = self.directory.ssh_keys(owner.account, owner.uuid).await?;
        if !all.intact {
            return Err(Error::Damaged);
        }
        let wanted = NameKey::of(title);
        let fits = |key: &&Arc<SshKey>| key.is_titled(&wanted);
        let total = if title.is_empty() { all.keys.len() } else { all.keys.iter().filter(fits).count() };
        let keys = all.keys.iter().filter(fits).skip(offset).take(limit).cloned().collect();
        Ok(SshKeyPage { keys, total })
    }

    /// The live key of that number, with its owner.
    ///
    /// # Errors
    /// [`Error::Denied`], [`Error::SshKeyNotFound`], [`Error::Damaged`].
    pub async fn get_ssh_key(&self, caller: &Caller, wanted: SshKeyRef<'_>) -> Result<FoundSshKey, Error> {
        self.visible_ssh_key(caller, Action::ReadSshKey, wanted).await
    }

    /// The key of that fingerprint in the caller's account, whoever has it; a caller who reaches only his own keys finds only
    /// these (threat T38).
    ///
    /// # Errors
    /// [`Error::Denied`], [`Error::SshKeyNotFound`], [`Error::Damaged`].
    pub async fn find_ssh_key(&self, caller: &Caller, wanted: &Fingerprint) -> Result<FoundSshKey, Error> {
        let reach = caller.reach(Action::ReadSshKey)?;
        let found = self.ssh_key_of(caller.account, wanted).await?;
        found
            .filter(|found| reach == Reach::Account || found.key.user == caller.user)
            .ok_or(Error::SshKeyNotFound)
    }

    /// The live key of that fingerprint in an account, in whatever state: whether it may act is for
    /// [`crate::decision::may_log_in`] to say.
    ///
    /// # Errors
    /// [`Error::Damaged`], [`Error::Store`].
    pub async fn ssh_key_of(
        &self,
        account: AccountUuid,
        wanted: &Fingerprint,
    ) -> Result<Option<FoundSshKey>, Error> {
        let Some(key) = self.store.ssh_key_with_fingerprint(account, wanted).await? else { return Ok(None) };
        let key = self.intact(key)?;
        let owner = self.directory.by_user(account, key.user).await?.filter(|owner| owner.intact);
        let owner = owner.ok_or(Error::Damaged)?;
        Ok(Some(FoundSshKey { key, owner }))
    }

    /// Whether the operator has listed the key as one that nobody may use (threat T87).
    pub fn is_blocked(&self, key: &SshKey) -> bool {
        self.blocked_keys.contains(&key.fingerprint)
    }

    /// All live keys of a user, from memory where they are there; keys that fail their integrity check are left out.
    ///
    /// # Errors
    /// What the store says.
    pub async fn ssh_keys_of_user(&self, owner: &UserRecord) -> Result<Vec<Arc<SshKey>>, StoreError> {
        let user = &owner.rows.user;
        Ok(self.directory.ssh_keys(user.account, user.uuid).await?.keys.clone())
    }

    /// The live key of that number, if `action` reaches it: one of somebody else is told like one that is not there.
    pub(super) async fn visible_ssh_key(
        &self,
        caller: &Caller,
        action: Action,
        wanted: SshKeyRef<'_>,
    ) -> Result<FoundSshKey, Error> {
        let reach = caller.reach(action)?;
        let owner = match wanted.owner {
            Some(owner) => {
                caller.require_named(action, owner)?;
                Some(self.find_user(caller, owner).await?.rows.user.uuid)
            }
            None if reach == Reach::Own => Some(caller.user),
            None => None,
        };
        let key = self.store.ssh_key_with_serial(caller.account, wanted.serial).await?;
        let key = key.filter(|key| owner.is_none_or(|owner| key.user == owner));
        let key = self.intact(key.ok_or(Error::SshKeyNotFound)?)?;
        let owner = self.directory.by_user(caller.account, key.user).await?.ok_or(Error::SshKeyNotFound)?;
        Ok(FoundSshKey { key, owner })
    }

    /// The key, if it carries its mark.
    pub(super) fn intact(&self, key: SshKey) -> Result<SshKey, Error> {
        if self.vault.is_marked(&key.mark_input(), &key.mark) { Ok(key) } else { Err(Error::Damaged) }
    }
}

impl SshKey {
    /// Whether its title contains `wanted`, letter case aside: the same folding as of names, Unicode letters too.
    pub(super) fn is_titled(&self, wanted: &NameKey) -> bool {
        wanted.as_str().is_empty() || NameKey::of(&self.title).as_str().contains(wanted.as_str())
    }
}
