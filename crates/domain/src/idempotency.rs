//! Requests that are sent again: under one idempotency key, the same caller with the same request gets what the first one
//! made, and nothing is made twice.

use crate::access_keys::AccessKey;
use crate::batch::{Batch, Effect, Require};
use crate::caller::Caller;
use crate::clock::UnixMillis;
use crate::directory::UserRecord;
use crate::error::Error;
use crate::id::UserUuid;
use crate::policy::Action;
use crate::secret::Reveal;
use crate::service::Service;
use crate::vault::{Mark, MarkInput, same};

/// How long a request is remembered, in milliseconds.
pub const REMEMBERED_MS: i64 = 24 * 3_600_000;
/// How long the secret that it made is told again.
pub const SECRET_TOLD_MS: i64 = 10 * 60_000;

/// What a request is recognised by. Neither hash tells what was hashed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repeatable {
    /// Keyed hash over the caller and his idempotency key.
    pub key: Mark,
    /// Keyed hash over the request.
    pub request: Mark,
}

/// A remembered request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RememberedRequest {
    /// What it is recognised by.
    pub repeatable: Repeatable,
    /// What it made: the record's UUID.
    pub object: [u8; 16],
    /// When.
    pub at: UnixMillis,
    /// The mark over all of the above: a row that points to another object opens no secret.
    pub mark: Mark,
}

impl RememberedRequest {
    fn mark_input(&self) -> MarkInput {
        MarkInput::new("remembered-request")
            .bytes(&self.repeatable.key)
            .bytes(&self.repeatable.request)
            .bytes(&self.object)
            .number(self.at.0)
    }
}

impl Service {
    /// Notes that the caller gave his request an idempotency key.
    pub fn note_idempotency_key(&self, caller: &mut Caller, key: &str, request: &[&[u8]]) {
        let whose = MarkInput::new("idempotency-key").bytes(caller.account.as_bytes());
        let whose = whose.bytes(caller.user.as_bytes()).text(key);
        let request =
            request.iter().fold(MarkInput::new("idempotent-request"), |input, part| input.bytes(part));
        let repeatable = Repeatable { key: self.vault.mark(&whose), request: self.vault.mark(&request) };
        caller.repeatable = Some(Box::new(repeatable));
    }

    /// What the same request made before, if it came before.
    ///
    /// # Errors
    /// [`Error::RepeatDiffers`] when another request came under this key, [`Error::Damaged`], [`Error::Store`].
    pub async fn remembered(&self, caller: &Caller) -> Result<Option<RememberedRequest>, Error> {
        let Some(repeatable) = &caller.repeatable else { return Ok(None) };
        let found = self.store.remembered_request(repeatable.key).await?;
        let now = self.clock.now();
        let Some(found) = found.filter(|found| now < found.at.plus(REMEMBERED_MS)) else { return Ok(None) };
        if !self.vault.is_marked(&found.mark_input(), &found.mark) {
            return Err(Error::Damaged);
        }
        if same(&found.repeatable.request, &repeatable.request) {
            Ok(Some(found))
        } else {
            Err(Error::RepeatDiffers)
        }
    }

    /// The user whom a remembered request made.
    ///
    /// # Errors
    /// [`Error::UserNotFound`] when he is gone, [`Error::Damaged`], [`Error::Store`].
    pub async fn remembered_user(&self, remembered: &RememberedRequest) -> Result<UserRecord, Error> {
        let rows = self.store.user_rows(UserUuid::from_bytes(remembered.object)).await?;
        let rows = rows.filter(|rows| rows.user.deleted_at.is_none());
        let rows = rows.ok_or_else(|| Error::UserNotFound(String::new()))?;
        let record = UserRecord::check(rows, &self.vault);
        if record.intact && record.damaged.is_empty() { Ok(record) } else { Err(Error::Damaged) }
    }

    /// Remembers, in the batch that makes `object`, the request that asks for it.
    pub(crate) fn remember(&self, batch: &mut Batch, caller: &Caller, object: &[u8; 16], now: UnixMillis) {
        let Some(repeatable) = &caller.repeatable else { return };
        let remembered_since = now.plus(-REMEMBERED_MS);
        batch.require.push(Require::RequestIsNew { key: repeatable.key, remembered_since });
        let repeatable = Repeatable::clone(repeatable);
        let mut request = RememberedRequest { repeatable, object: *object, at: now, mark: [0; 32] };
        request.mark = self.vault.mark(&request.mark_input());
        batch.effects.push(Effect::RememberRequest { request, remembered_since });
    }

    /// The secret of a key that a remembered request made, while it is told again; audited before it is out.
    ///
    /// # Errors
    /// [`Error::CallerRevoked`], [`Error::Damaged`], [`Error::Store`].
    pub async fn secret_again(
        &self,
        caller: &Caller,
        remembered: &RememberedRequest,
        key: &AccessKey,
    ) -> Result<Option<Reveal>, Error> {
        let now = self.clock.now();
        if now >= remembered.at.plus(SECRET_TOLD_MS) || key.sealed.is_none() {
            return Ok(None);
        }
        let mut batch = self.batch_by(caller, now);
        let detail = format!("key={} repeated=true", key.key_id);
        let (object, version) = (key.uuid, key.version);
        batch.audit.push(caller.entry(now, Action::RevealSecret, object.as_bytes(), version, detail));
        self.commit(batch).await.map_err(|refused| refused.into_error("", &self.limits))?;
        self.open_secret(key).map(Some)
    }
}
