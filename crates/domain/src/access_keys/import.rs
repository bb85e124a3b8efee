//! Import: a key that exists elsewhere is brought along with its id and secret, so that nobody has to hand out new ones.
//! It takes a right of its own, for whoever knows the secret already gets in with it (threat T44).

use super::{AccessKey, KeyIssue, KeyStatus};
use crate::accounts::check_given_secret;
use crate::batch::Require;
use crate::caller::Caller;
use crate::commit::Refused;
use crate::error::{Error, Field};
use crate::id::KeyId;
use crate::limits::CONFLICT_RETRIES;
use crate::policy::Action;
use crate::secret::Secret;
use crate::service::Service;

/// A key that is brought along.
#[derive(Debug)]
pub struct ImportedKey<'a> {
    /// Its id.
    pub id: &'a str,
    /// Its secret.
    pub secret: Secret,
    /// Enabled or disabled.
    pub status: KeyStatus,
    /// Everything else.
    pub issue: KeyIssue<'a>,
}

impl Service {
    /// Stores a key that exists elsewhere. Quota and limits hold as for a new one.
    ///
    /// # Errors
    /// [`Error::Denied`], [`Error::RootOnly`], [`Error::TemporaryCaller`], [`Error::UserNotFound`], [`Error::Invalid`],
    /// [`Error::KeyIdTaken`], [`Error::LimitReached`], [`Error::CallerRevoked`].
    pub async fn import_access_key(
        &self,
        caller: &Caller,
        user: &str,
        imported: &ImportedKey<'_>,
    ) -> Result<AccessKey, Error> {
        caller.require_account(Action::ImportAccessKey)?;
        caller.require_permanent()?;
        check_imported_id(imported.id)?;
        check_given_secret(&imported.secret)?;
        for _ in 0..CONFLICT_RETRIES {
            let record = self.find_user(caller, user.into()).await?;
            let owner = &record.rows.user;
            caller.require_root_for(owner)?;
            let now = self.clock.now();
            let mut made = self.new_key(caller, &record.rows.account, owner.uuid, &imported.issue, now)?;
            made.key.key_id = KeyId::new(imported.id);
            made.key.status = imported.status;
            made.seals = self.seal_into(&mut made.key, &imported.secret)?;
            made.action = Action::ImportAccessKey;
            let mut batch = self.batch_by(caller, now);
            batch.require.push(Require::UserIsLive(owner.uuid));
            let key = made.add_to(&mut batch, caller, owner.serial, now).key;
            match self.commit(batch).await {
                Ok(()) => return Ok(key),
                Err(Refused::Changed) => {}
                Err(Refused::Other(Require::KeyIdIsFree(_))) => return Err(Error::KeyIdTaken),
                Err(refused) => return Err(refused.into_error(user, &self.limits)),
            }
        }
        Err(Error::Conflict)
    }
}

/// Ids of other systems: 8 to 128 letters, digits and `_ + / = . @ -`, which every scheme can carry.
fn check_imported_id(id: &str) -> Result<(), Error> {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || "_+/=.@-".contains(c);
    let fits = (8..=128).contains(&id.len()) && id.chars().all(is_allowed);
    let rule = "must be 8 to 128 letters, digits or _ + / = . @ -";
    if fits { Ok(()) } else { Err(Error::Invalid { field: Field::KeyId, rule }) }
}
