//! Listing and finding SSH keys.

use std::sync::Arc;

use super::{Fingerprint, SshKey};
use crate::caller::Caller;
use crate::directory::UserRecord;
use crate::error::Error;
use crate::id::{AccountUuid, KeyUuid};
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

/// A page of an account's keys.
#[derive(Clone, Debug)]
pub struct AccountSshKeys {
    /// The keys of the page, oldest first, each with its owner's name.
    pub keys: Vec<(SshKey, String)>,
    /// Where the next page begins; `None` on the last.
    pub next: Option<KeyUuid>,
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
        // The same folding as of names: Unicode letters too.
        let wanted = NameKey::of(title);
        let fits = |key: &&Arc<SshKey>| {
            title.is_empty() || NameKey::of(&key.title).as_str().contains(wanted.as_str())
        };
        let total = if title.is_empty() { all.keys.len() } else { all.keys.iter().filter(fits).count() };
        let keys = all.keys.iter().filter(fits).skip(offset).take(limit).cloned().collect();
        Ok(SshKeyPage { keys, total })
    }

    /// A page of all keys of the account, for who reaches them all: at most `limit` after the key `after`.
    ///
    /// # Errors
    /// [`Error::Denied`], [`Error::Damaged`].
    pub async fn list_account_ssh_keys(
        &self,
        caller: &Caller,
        after: Option<KeyUuid>,
        limit: u32,
    ) -> Result<AccountSshKeys, Error> {
        caller.require_account(Action::ReadSshKey)?;
        let rows = self.store.ssh_keys_of_account(caller.account, after, limit.saturating_add(1)).await?;
        let wanted = usize::try_from(limit).unwrap_or(usize::MAX);
        let has_more = rows.len() > wanted;
        let mut keys = Vec::with_capacity(rows.len().min(wanted));
        for key in rows.into_iter().take(wanted) {
            let key = self.intact(key)?;
            let owner = self.directory.by_user(caller.account, key.user).await?.ok_or(Error::Damaged)?;
            keys.push((key, owner.rows.user.name.clone()));
        }
        let next = if has_more { keys.last().map(|(key, _)| key.uuid) } else { None };
        Ok(AccountSshKeys { keys, next })
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

    /// All live keys of a user, from memory where they are there; keys that fail their integrity check are left out.
    ///
    /// # Errors
    /// What the store says.
    pub async fn ssh_keys_of_user(&self, owner: &UserRecord) -> Result<Vec<Arc<SshKey>>, StoreError> {
        let user = &owner.rows.user;
        Ok(self.directory.ssh_keys(user.account, user.uuid).await?.keys.clone())
    }

    /// The key, if it carries its mark.
    pub(super) fn intact(&self, key: SshKey) -> Result<SshKey, Error> {
        if self.vault.is_marked(&key.mark_input(), &key.mark) { Ok(key) } else { Err(Error::Damaged) }
    }
}
