//! Reading users: one, a page, all.

use std::sync::Arc;

use super::{User, UserRef};
use crate::access_keys::AccessKey;
use crate::caller::Caller;
use crate::clock::UnixMillis;
use crate::directory::UserRecord;
use crate::error::Error;
use crate::id::UserUuid;
use crate::limits::{CONFLICT_RETRIES, USERS_AT_ONCE};
use crate::policy::Action;
use crate::service::Service;

/// A place in the order of an account's users: behind the user of that creation time and id.
pub type UserPlace = (UnixMillis, UserUuid);

/// A page of users with their live keys.
#[derive(Debug)]
pub struct UserList {
    /// The users, each with his live keys.
    pub users: Vec<(User, Vec<AccessKey>)>,
    /// All users of the account.
    pub total: u64,
}

impl Service {
    /// Reads one user. Everybody may read himself.
    ///
    /// # Errors
    /// [`Error::Denied`], [`Error::UserNotFound`].
    pub async fn get_user<'u>(
        &self,
        caller: &Caller,
        user: impl Into<UserRef<'u>>,
    ) -> Result<Arc<UserRecord>, Error> {
        let user = user.into();
        caller.require_named(Action::ReadUser, user)?;
        self.find_user(caller, user).await
    }

    /// A page of the account's users, by creation time: at most `limit` after skipping `offset`.
    ///
    /// # Errors
    /// [`Error::Denied`]; [`Error::Damaged`] when a row of the page fails its integrity check (promise P7).
    pub async fn list_users(&self, caller: &Caller, offset: u64, limit: u32) -> Result<UserList, Error> {
        caller.require_account(Action::ListUsers)?;
        let page = self.store.list_users(caller.account, offset, limit).await?;
        let is_intact = |(user, keys): &(User, Vec<AccessKey>)| {
            self.vault.is_marked(&user.mark_input(), &user.mark)
                && keys.iter().all(|key| self.vault.is_marked(&key.mark_input(), &key.mark))
        };
        if !page.users.iter().all(is_intact) {
            return Err(Error::Damaged);
        }
        Ok(UserList { users: page.users, total: page.total })
    }

    /// Users of the account by creation time, at most `limit` after a place in that order. Walking page by page shows each
    /// user once, whatever is written meanwhile (threat T51).
    ///
    /// # Errors
    /// [`Error::Denied`]; [`Error::Damaged`] when a row of the page fails its integrity check (promise P7).
    pub async fn users_after(
        &self,
        caller: &Caller,
        after: Option<UserPlace>,
        limit: u32,
    ) -> Result<Vec<User>, Error> {
        caller.require_account(Action::ListUsers)?;
        let users = self.store.users_after(caller.account, after, limit).await?;
        let is_intact = |user: &User| self.vault.is_marked(&user.mark_input(), &user.mark);
        if users.iter().all(is_intact) { Ok(users) } else { Err(Error::Damaged) }
    }

    /// All users of the account by creation time, for clouds that do not page. Read page by page; each page begins with the
    /// last user of the one before, so that a deletion in between, which moves users forward, is noticed and nobody is
    /// passed over (threat T51).
    ///
    /// # Errors
    /// As [`list_users`](Self::list_users); [`Error::Conflict`] when users keep being deleted meanwhile.
    pub async fn all_users(&self, caller: &Caller) -> Result<Vec<(User, Vec<AccessKey>)>, Error> {
        'again: for _ in 0..CONFLICT_RETRIES {
            let mut all = self.list_users(caller, 0, USERS_AT_ONCE).await?.users;
            let mut page = all.len();
            while page >= usize::try_from(USERS_AT_ONCE).unwrap_or(usize::MAX) {
                let Some((last, _)) = all.last() else { break };
                let offset = u64::try_from(all.len()).unwrap_or(u64::MAX) - 1;
                let mut users = self.list_users(caller, offset, USERS_AT_ONCE).await?.users.into_iter();
                if users.next().is_none_or(|(first, _)| first.uuid != last.uuid) {
                    continue 'again;
                }
                page = users.len() + 1;
                all.extend(users);
            }
            return Ok(all);
        }
        Err(Error::Conflict)
    }
}
