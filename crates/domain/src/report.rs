//! The credential report: every user of an account with his keys and when each was last used.

use std::sync::Arc;

use crate::caller::Caller;
use crate::directory::UserRecord;
use crate::error::Error;
use crate::id::KeyUuid;
use crate::last_used::LastUse;
use crate::limits::USERS_AT_ONCE;
use crate::policy::Action;
use crate::service::Service;

/// A user of the report.
#[derive(Debug)]
pub struct ReportedUser {
    /// The user with his live keys.
    pub record: Arc<UserRecord>,
    /// When each of the keys was last used, in their order.
    pub uses: Vec<Option<LastUse>>,
}

impl Service {
    /// All users of the caller's account by creation time, each with his live keys. No secret is in it.
    ///
    /// # Errors
    /// [`Error::Denied`]; [`Error::Damaged`] when a row fails its integrity check (promise P7); [`Error::Store`].
    pub async fn credential_report(&self, caller: &Caller) -> Result<Vec<ReportedUser>, Error> {
        caller.require_account(Action::ReadReport)?;
        let mut report = Vec::new();
        let mut after = None;
        loop {
            let users = self.store.users_after(caller.account, after, USERS_AT_ONCE).await?;
            let Some(last) = users.last() else { return Ok(report) };
            after = Some((last.created_at, last.uuid));
            for user in &users {
                // Deleted since: the report is of those who are there.
                let record = self.directory.by_user(caller.account, user.uuid).await?;
                let Some(record) = record.filter(|record| record.rows.user.deleted_at.is_none()) else {
                    continue;
                };
                if !record.intact || !record.damaged.is_empty() {
                    return Err(Error::Damaged);
                }
                let keys: Vec<KeyUuid> = record.rows.keys.iter().map(|key| key.uuid).collect();
                let uses = if keys.is_empty() { Vec::new() } else { self.last_uses(&keys).await? };
                report.push(ReportedUser { record, uses });
            }
        }
    }
}
