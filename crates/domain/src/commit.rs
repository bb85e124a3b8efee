//! What every use case that writes shares: how a batch begins, and what a refusal means.

use std::sync::Arc;

use crate::batch::{Batch, Require};
use crate::caller::Caller;
use crate::clock::UnixMillis;
use crate::directory::UserRecord;
use crate::error::Error;
use crate::limits::{LimitName, Limits};
use crate::service::Service;
use crate::store::{CommitError, StoreError};
use crate::users::UserRef;

impl Service {
    /// The live user of the caller's account whom the reference means.
    pub(crate) async fn find_user(
        &self,
        caller: &Caller,
        user: UserRef<'_>,
    ) -> Result<Arc<UserRecord>, Error> {
        let record = match user {
            UserRef::Named(name) => self.directory.by_name(caller.account, name).await?,
            UserRef::Numbered(serial) => self.directory.by_serial(caller.account, serial).await?,
            UserRef::Identified(uuid) => {
                let record = self.directory.by_user(caller.account, uuid).await?;
                record.filter(|record| record.rows.user.deleted_at.is_none())
            }
            UserRef::Caller => return self.caller_record(caller).await,
        };
        let record = record.ok_or_else(|| Error::UserNotFound(user.to_string()))?;
        if record.intact { Ok(record) } else { Err(Error::Damaged) }
    }

    /// The caller's own record.
    pub(crate) async fn caller_record(&self, caller: &Caller) -> Result<Arc<UserRecord>, Error> {
        let record = self.directory.by_user(caller.account, caller.user).await?;
        let record =
            record.filter(|record| record.rows.user.deleted_at.is_none()).ok_or(Error::CallerRevoked)?;
        if record.intact { Ok(record) } else { Err(Error::Damaged) }
    }

    /// A batch that starts by making sure that the caller may still act.
    pub(crate) fn batch_by(&self, caller: &Caller, now: UnixMillis) -> Batch {
        let may_act = Require::CallerMayAct { credential: caller.key, role: caller.role, at: now };
        Batch { require: vec![may_act], ..Batch::default() }
    }

    pub(crate) async fn commit(&self, batch: Batch) -> Result<(), Refused> {
        self.store.commit(batch).await.map_err(Refused::from)
    }
}

/// A refused commit, sorted by what a use case does about it.
pub(crate) enum Refused {
    /// An object is no longer as it was read: read again and try again.
    Changed,
    /// Another requirement did not hold.
    Other(Require),
    /// The store could not write.
    Store(StoreError),
}

impl From<CommitError> for Refused {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Store(error) => Refused::Store(error),
            CommitError::Refused(require) => match *require {
                Require::UserVersionIs(..)
                | Require::KeyVersionIs(..)
                | Require::LiveKeysAre(..)
                | Require::AccountVersionIs(..)
                | Require::SshKeyVersionIs(..)
                | Require::LiveSshKeysAre(..)
                | Require::ChildrenAre { .. } => Refused::Changed,
                other => Refused::Other(other),
            },
        }
    }
}

impl Refused {
    /// The error for the client. `name` is the user that the request speaks of.
    pub(crate) fn into_error(self, name: &str, limits: &Limits) -> Error {
        let reached = |name, limit| Error::LimitReached { name, limit };
        match self {
            Refused::Changed => Error::Conflict,
            Refused::Store(error) => Error::Store(error),
            Refused::Other(require) => match require {
                Require::CallerMayAct { .. } => Error::CallerRevoked,
                Require::UserIsLive(_) => Error::UserNotFound(name.to_owned()),
                Require::NameIsFree { .. } | Require::GateTokenIsFree { .. } => {
                    Error::UserNameTaken(name.to_owned())
                }
                Require::AccountNameIsFree(_) => Error::AccountNameTaken(name.to_owned()),
                Require::KeysBelow { .. } => {
                    reached(LimitName::AccessKeysPerUser, limits.access_keys_per_user)
                }
                Require::SshKeysBelow { .. } => reached(LimitName::SshKeysPerUser, limits.ssh_keys_per_user),
                Require::SshKeyIsFree { .. } => Error::SshKeyTaken,
                Require::TokenExists(_) => Error::TokenNotFound,
                Require::ChildrenBelow { .. } => {
                    reached(LimitName::TemporaryKeysPerKey, limits.temporary_keys_per_key)
                }
                Require::TokenKeysBelow { .. } => {
                    reached(LimitName::TokenKeysPerUser, limits.token_keys_per_user)
                }
                Require::UsersBelow { .. } => reached(LimitName::UsersPerAccount, limits.users_per_account),
                Require::AnotherAdminKeyRemains { .. } => Error::LastAdministratorKey,
                Require::StoreIsEmpty
                | Require::UserVersionIs(..)
                | Require::KeyVersionIs(..)
                | Require::LiveKeysAre(..)
                | Require::SshKeyVersionIs(..)
                | Require::LiveSshKeysAre(..)
                | Require::ChildrenAre { .. }
                | Require::AccountVersionIs(..)
                // The same request under way twice; sent once more, it gets what the other one made.
                | Require::RequestIsNew { .. }
                | Require::KeyIdIsFree(_)
                | Require::SerialIsFree(_) => Error::Conflict,
            },
        }
    }
}
