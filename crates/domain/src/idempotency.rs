//! Requests that are sent again: under one idempotency key, the same caller with the same request gets what the first one
//! made, and nothing is made twice.

use crate::access_keys::AccessKey;
use crate::batch::{Batch, Effect, Require};
use crate::caller::Caller;
use crate::clock::UnixMillis;
use crate::error::Error;
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
}

impl Service {
    /// Notes that the caller gave his request an idempotency key.
    pub fn note_idempotency_key(&self, caller: &mut Caller, key: &str, request: &[&[u8]]) {
        let whose = MarkInput::new("idempotency-key").bytes(caller.account.as_bytes());
        let whose = whose.bytes(caller.user.as_bytes()).text(key);
        let request =
            request.iter().fold(MarkInput::new("idempotent-request"), |input, part| input.bytes(part));
        caller.repeatable =
            Some(Repeatable { key: self.vault.mark(&whose), request: self.vault.mark(&request) });
    }

    /// What the same request made before, if it came before.
    ///
    /// # Errors
    /// [`Error::RepeatDiffers`] when another request came under this key.
    pub async fn remembered(&self, caller: &Caller) -> Result<Option<RememberedRequest>, Error> {
        let Some(repeatable) = &caller.repeatable else { return Ok(None) };
        let found = self.store.remembered_request(repeatable.key).await?;
        let now = self.clock.now();
        let Some(found) = found.filter(|found| now < found.at.plus(REMEMBERED_MS)) else { return Ok(None) };
        if same(&found.repeatable.request, &repeatable.request) {
            Ok(Some(found))
        } else {
            Err(Error::RepeatDiffers)
        }
    }

    /// Remembers, in the batch that makes `object`, the request that asks for it.
    pub(crate) fn remember(&self, batch: &mut Batch, caller: &Caller, object: &[u8; 16], now: UnixMillis) {
        let Some(repeatable) = &caller.repeatable else { return };
        let remembered_since = now.plus(-REMEMBERED_MS);
        batch.require.push(Require::RequestIsNew { key: repeatable.key, remembered_since });
        let request = RememberedRequest { repeatable: repeatable.clone(), object: *object, at: now };
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
