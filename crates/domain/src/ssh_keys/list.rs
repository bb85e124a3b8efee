//! Lists of SSH keys across users: filtered, in pages that survive writes.

use std::sync::Arc;

use super::{Fingerprint, FoundSshKey, SshKey};
use crate::access_keys::KeyStatus;
use crate::caller::Caller;
use crate::directory::UserRecord;
use crate::error::Error;
use crate::id::KeyUuid;
use crate::name::NameKey;
use crate::policy::{Action, Reach};
use crate::service::Service;
use crate::users::UserRef;

/// Keys that one request looks at, at most, in pages of this many: matches beyond are on the next page.
const LOOKED_AT: usize = 10_000;
const AT_ONCE: u32 = 500;

/// Which keys are wanted. What is `None` or empty does not matter.
#[derive(Clone, Copy, Debug)]
pub struct SshKeyQuery<'a> {
    /// Whose they are.
    pub user: Option<UserRef<'a>>,
    /// What they are.
    pub fingerprint: Option<Fingerprint>,
    /// What their titles contain, letter case aside.
    pub title: &'a str,
    /// Enabled or disabled.
    pub status: Option<KeyStatus>,
    /// The page begins behind this key, which may be gone meanwhile.
    pub after: Option<KeyUuid>,
    /// Most keys of the page.
    pub limit: usize,
}

/// A page of keys.
#[derive(Clone, Debug, Default)]
pub struct SshKeysFound {
    /// The keys of the page in the order of their records, which is that of their creation, each with its owner.
    pub keys: Vec<FoundSshKey>,
    /// The key behind which the next page begins; `None` on the last.
    pub next: Option<KeyUuid>,
}

impl SshKeyQuery<'_> {
    fn shows(&self, key: &SshKey, title: &NameKey) -> bool {
        self.status.is_none_or(|status| key.status == status)
            && self.after.is_none_or(|after| key.uuid > after)
            && key.is_titled(title)
    }
}

impl Service {
    /// A page of the keys that the caller reaches: all of the account, or his own.
    ///
    /// # Errors
    /// [`Error::Denied`], [`Error::UserNotFound`]; [`Error::Damaged`] when a key fails its integrity check.
    pub async fn search_ssh_keys(
        &self,
        caller: &Caller,
        query: &SshKeyQuery<'_>,
    ) -> Result<SshKeysFound, Error> {
        let reach = caller.reach(Action::ReadSshKey)?;
        let own = (reach == Reach::Own).then_some(UserRef::Caller);
        let owner = match query.user.or(own) {
            Some(user) => {
                caller.require_named(Action::ReadSshKey, user)?;
                Some(self.find_user(caller, user).await?)
            }
            None => None,
        };
        if let Some(fingerprint) = &query.fingerprint {
            return self.search_fingerprint(caller, query, owner.as_deref(), fingerprint).await;
        }
        match owner {
            Some(owner) => self.search_user(query, &owner).await,
            None => self.search_account(caller, query).await,
        }
    }

    async fn search_fingerprint(
        &self,
        caller: &Caller,
        query: &SshKeyQuery<'_>,
        owner: Option<&UserRecord>,
        fingerprint: &Fingerprint,
    ) -> Result<SshKeysFound, Error> {
        let found = match self.find_ssh_key(caller, fingerprint).await {
            Ok(found) => Some(found),
            Err(Error::SshKeyNotFound) => None,
            Err(error) => return Err(error),
        };
        let title = NameKey::of(query.title);
        let is_wanted = |found: &FoundSshKey| {
            owner.is_none_or(|owner| owner.rows.user.uuid == found.key.user)
                && query.shows(&found.key, &title)
        };
        Ok(SshKeysFound { keys: found.filter(is_wanted).into_iter().collect(), next: None })
    }

    async fn search_user(
        &self,
        query: &SshKeyQuery<'_>,
        owner: &Arc<UserRecord>,
    ) -> Result<SshKeysFound, Error> {
        let all = self.directory.ssh_keys(owner.rows.user.account, owner.rows.user.uuid).await?;
        if !all.intact {
            return Err(Error::Damaged);
        }
        let title = NameKey::of(query.title);
        let mut keys: Vec<&Arc<SshKey>> = all.keys.iter().filter(|key| query.shows(key, &title)).collect();
        keys.sort_by_key(|key| key.uuid);
        let has_more = keys.len() > query.limit;
        let page = keys.into_iter().take(query.limit);
        let keys: Vec<FoundSshKey> =
            page.map(|key| FoundSshKey { key: SshKey::clone(key), owner: owner.clone() }).collect();
        let next = keys.last().filter(|_| has_more).map(|found| found.key.uuid);
        Ok(SshKeysFound { keys, next })
    }

    async fn search_account(&self, caller: &Caller, query: &SshKeyQuery<'_>) -> Result<SshKeysFound, Error> {
        let title = NameKey::of(query.title);
        let mut found = SshKeysFound { keys: Vec::new(), next: query.after };
        let mut looked_at = 0;
        loop {
            let rows = self.store.ssh_keys_of_account(caller.account, found.next, AT_ONCE).await?;
            let is_last = rows.len() < usize::try_from(AT_ONCE).unwrap_or(usize::MAX);
            looked_at += rows.len();
            for key in rows {
                if found.keys.len() >= query.limit {
                    return Ok(found);
                }
                found.next = Some(key.uuid);
                if query.shows(&key, &title) {
                    let key = self.intact(key)?;
                    let owner = self.directory.by_user(caller.account, key.user).await?;
                    found.keys.push(FoundSshKey { key, owner: owner.ok_or(Error::Damaged)? });
                }
            }
            if is_last {
                found.next = None;
                return Ok(found);
            }
            if looked_at >= LOOKED_AT {
                return Ok(found);
            }
        }
    }
}
