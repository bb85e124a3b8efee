//! Issuing a key: its shape, its quota, and the one moment at which its secret leaves.

use super::{AccessKey, Conditions, KeyKind, KeyStatus, SchemeSet, check_description};
use crate::accounts::Account;
use crate::batch::{Batch, Effect, Require};
use crate::caller::Caller;
use crate::clock::UnixMillis;
use crate::commit::Refused;
use crate::error::Error;
use crate::id::{KeyId, KeyUuid, Serial, UserUuid};
use crate::limits::CONFLICT_RETRIES;
use crate::policy::Action;
use crate::random;
use crate::secret::{Reveal, Secret};
use crate::service::Service;
use crate::users::UserRef;

/// The shape of generated ids and secrets: native to the dialect that issues them.
#[derive(Clone, Copy, Debug)]
pub struct KeyShape {
    /// What every id begins with.
    pub prefix: &'static str,
    /// Characters of the id that tell the time of creation, so that ids are inserted in order.
    pub time_chars: usize,
    /// Random characters of the id.
    pub random_chars: usize,
    /// Characters of the id, in ascending order.
    pub id_alphabet: &'static [u8],
    /// Characters of the secret.
    pub secret_alphabet: &'static [u8],
    /// Length of the secret.
    pub secret_chars: usize,
}

impl KeyShape {
    /// A new id: prefix, time and random characters.
    pub fn new_id(&self, now: UnixMillis, random: &dyn random::Randomness) -> KeyId {
        let base = u64::try_from(self.id_alphabet.len().max(2)).unwrap_or(2);
        let mut rest = u64::try_from(now.0).unwrap_or(0);
        let mut time = Vec::with_capacity(self.time_chars);
        for _ in 0..self.time_chars {
            let digit = usize::try_from(rest % base).unwrap_or(0);
            time.push(char::from(self.id_alphabet.get(digit).copied().unwrap_or(b'0')));
            rest /= base;
        }
        let mut id = self.prefix.to_owned();
        id.extend(time.iter().rev());
        id.push_str(&random::text(random, self.id_alphabet, self.random_chars));
        KeyId::new(id)
    }

    /// A new secret.
    pub fn new_secret(&self, random: &dyn random::Randomness) -> Secret {
        Secret::new(random::text(random, self.secret_alphabet, self.secret_chars).into_bytes())
    }
}

/// How a dialect issues a key.
#[derive(Clone, Debug)]
pub struct KeyIssue<'a> {
    /// The dialect.
    pub dialect: &'static str,
    /// The schemes that the key may sign in, and by which the dialect counts its quota.
    pub schemes: SchemeSet,
    /// The shape of id and secret.
    pub shape: &'a KeyShape,
    /// Free text.
    pub description: String,
    /// End of life, if any.
    pub expires_at: Option<UnixMillis>,
    /// What else it is limited to.
    pub conditions: Conditions,
}

impl<'a> KeyIssue<'a> {
    /// A key without description, end and conditions.
    pub fn plain(dialect: &'static str, schemes: SchemeSet, shape: &'a KeyShape) -> Self {
        let conditions = Conditions::default();
        Self { dialect, schemes, shape, description: String::new(), expires_at: None, conditions }
    }
}

/// A key that was made.
#[derive(Debug)]
pub struct CreatedKey {
    /// The key.
    pub key: AccessKey,
    /// The number of its owner.
    pub owner: Serial,
    /// Its secret.
    pub secret: Reveal,
}

impl Service {
    /// Makes a key for a user. The secret leaves here and, by default, never again.
    ///
    /// # Errors
    /// [`Error::Denied`], [`Error::RootOnly`], [`Error::TemporaryCaller`], [`Error::UserNotFound`],
    /// [`Error::LimitReached`], [`Error::CallerRevoked`].
    pub async fn create_access_key<'u>(
        &self,
        caller: &Caller,
        user: impl Into<UserRef<'u>>,
        issue: &KeyIssue<'_>,
    ) -> Result<CreatedKey, Error> {
        let whom = user.into();
        caller.require_named(Action::CreateAccessKey, whom)?;
        caller.require_permanent()?;
        for _ in 0..CONFLICT_RETRIES {
            let record = self.find_user(caller, whom).await?;
            let user = &record.rows.user;
            caller.require_root_for(user)?;
            let now = self.clock.now();
            let made = self.new_key(caller, &record.rows.account, user.uuid, issue, now)?;
            let mut batch = self.batch_by(caller, now);
            batch.require.push(Require::UserIsLive(user.uuid));
            let created = made.add_to(&mut batch, caller, user.serial, now);
            self.remember(&mut batch, caller, created.key.uuid.as_bytes(), now);
            match self.commit(batch).await {
                Ok(()) => return Ok(created),
                Err(Refused::Other(Require::KeyIdIsFree(_))) => {}
                Err(refused) => return Err(refused.into_error(&whom.to_string(), &self.limits)),
            }
        }
        Err(Error::Conflict)
    }

    /// Makes a key in memory, sealed and marked.
    pub(crate) fn new_key(
        &self,
        caller: &Caller,
        account: &Account,
        user: UserUuid,
        issue: &KeyIssue<'_>,
        now: UnixMillis,
    ) -> Result<MadeKey, Error> {
        check_description(&issue.description)?;
        issue.check()?;
        let longest = account.max_key_lifetime_ms.map(|life| now.plus(life));
        let asked = caller.limits().end(issue.expires_at)?;
        let expires_at = asked.into_iter().chain(longest).min();
        let conditions = &issue.conditions;
        let random = self.random.as_ref();
        let secret = issue.shape.new_secret(random);
        let mut key = AccessKey {
            uuid: KeyUuid::generate(now, random),
            key_id: issue.shape.new_id(now, random),
            account: account.uuid,
            user,
            parent: None,
            dialect: issue.dialect.to_owned(),
            schemes: issue.schemes,
            kind: KeyKind::Permanent,
            status: KeyStatus::Active,
            sealed: None,
            sources: caller.limits().sources(&conditions.sources)?,
            not_before: conditions.not_before,
            expires_at,
            audience: conditions.audience.clone(),
            signed_time: conditions.signed_time,
            successor: None,
            description: issue.description.clone(),
            version: 1,
            created_at: now,
            created_by: caller.user,
            modified_at: now,
            modified_by: caller.user,
            deleted_at: None,
            deleted_by: None,
            mark: [0; 32],
        };
        let seals = self.seal_into(&mut key, &secret)?;
        let limit = self.limits.access_keys_per_user;
        let groups = issue.schemes.quota_groups();
        let quota = groups.map(|schemes| Require::KeysBelow { user, schemes, limit }).collect();
        Ok(MadeKey { key, secret, seals, quota, action: Action::CreateAccessKey })
    }

    /// Seals `secret` into `key`, marks the row, and returns the effect that counts the seal.
    pub(crate) fn seal_into(&self, key: &mut AccessKey, secret: &Secret) -> Result<Effect, Error> {
        let sealed = self.vault.seal(&key.binding(), secret, self.random.as_ref());
        key.sealed = Some(sealed.map_err(|_| Error::Damaged)?);
        key.mark = self.vault.mark(&key.mark_input());
        Ok(Effect::CountSeals { ring_key: self.vault.active_data_key(), seals: 1 })
    }
}

/// A key that exists only in memory so far.
pub(crate) struct MadeKey {
    pub(super) key: AccessKey,
    secret: Secret,
    pub(super) seals: Effect,
    /// What must hold of the keys that are there.
    pub(super) quota: Vec<Require>,
    /// What the audit calls it.
    pub(super) action: Action,
}

impl MadeKey {
    /// Adds everything that storing it takes.
    pub(crate) fn add_to(
        self,
        batch: &mut Batch,
        caller: &Caller,
        owner: Serial,
        now: UnixMillis,
    ) -> CreatedKey {
        batch.require.extend(self.quota);
        batch.require.push(Require::KeyIdIsFree(self.key.key_id.clone()));
        let mut detail =
            format!("key={} user={} dialect={}", self.key.key_id, self.key.user, self.key.dialect);
        if let Some(parent) = self.key.parent {
            detail.push_str(&format!(" parent={parent}"));
        }
        batch.audit.push(caller.entry(now, self.action, self.key.uuid.as_bytes(), self.key.version, detail));
        batch.effects.push(Effect::InsertKey(self.key.clone()));
        batch.effects.push(self.seals);
        CreatedKey { key: self.key, owner, secret: Reveal::new(self.secret) }
    }
}
