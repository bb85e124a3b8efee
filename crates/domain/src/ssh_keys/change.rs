//! Adding, changing and deleting SSH keys.

use super::{BadKey, Fingerprint, FoundSshKey, PublicKey, SshKey, Weakness, check_title};
use crate::access_keys::{KeyStatus, check_conditions};
use crate::batch::{Batch, Effect, Require};
use crate::caller::Caller;
use crate::clock::UnixMillis;
use crate::commit::Refused;
use crate::error::{Error, Field};
use crate::id::{KeyUuid, Serial};
use crate::limits::CONFLICT_RETRIES;
use crate::net::{AddressRange, limit_key};
use crate::policy::Action;
use crate::service::Service;
use crate::users::UserRef;

/// A key to be added.
#[derive(Clone, Copy, Debug)]
pub struct NewSshKey<'a> {
    /// What its owner calls it.
    pub title: &'a str,
    /// The line `<type> <base64> [comment]`.
    pub text: &'a str,
    /// End of life, if any.
    pub expires_at: Option<UnixMillis>,
    /// Where it may be used from; empty means anywhere.
    pub sources: &'a [AddressRange],
}

impl<'a> NewSshKey<'a> {
    /// A key without end that may be used from anywhere.
    pub const fn plain(title: &'a str, text: &'a str) -> Self {
        Self { title, text, expires_at: None, sources: &[] }
    }
}

/// Which SSH key is meant.
#[derive(Clone, Copy, Debug)]
pub struct SshKeyRef<'a> {
    /// Its number.
    pub serial: Serial,
    /// Whose it must be, in clouds whose requests say so. A key of somebody else is then as unknown as one that is not there.
    pub owner: Option<UserRef<'a>>,
}

/// What to change of a key; what is `None` stays.
#[derive(Clone, Debug, Default)]
pub struct SshKeyChange {
    /// Another title.
    pub title: Option<String>,
    /// Enable or disable.
    pub status: Option<KeyStatus>,
    /// Another end of life, or none any more.
    pub expires_at: Option<Option<UnixMillis>>,
    /// Other networks that it may be used from.
    pub sources: Option<Vec<AddressRange>>,
}

impl SshKeyChange {
    fn apply(&self, old: &SshKey) -> SshKey {
        let mut key = old.clone();
        key.title.clone_from(self.title.as_ref().unwrap_or(&old.title));
        key.status = self.status.unwrap_or(old.status);
        key.expires_at = self.expires_at.unwrap_or(old.expires_at);
        key.sources.clone_from(self.sources.as_ref().unwrap_or(&old.sources));
        key
    }
}

impl Service {
    /// Adds a public key to a user. A key that any user of the account has already is refused, and which user is not told; the
    /// refusal is counted against the source, so that nobody can ask about keys at leisure (threat T57). What the caller's own
    /// access key is limited to, the new key is too (threat T40).
    ///
    /// # Errors
    /// [`Error::Denied`], [`Error::RootOnly`], [`Error::TemporaryCaller`], [`Error::UserNotFound`], [`Error::Invalid`],
    /// [`Error::ExceedsCaller`], [`Error::BadSshKey`], [`Error::SshKeyTaken`], [`Error::LimitReached`], [`Error::Busy`].
    pub async fn add_ssh_key<'u>(
        &self,
        caller: &Caller,
        user: impl Into<UserRef<'u>>,
        new: NewSshKey<'_>,
    ) -> Result<SshKey, Error> {
        let whom = user.into();
        caller.require_named(Action::CreateSshKey, whom)?;
        caller.require_permanent()?;
        check_title(new.title)?;
        check_conditions(new.sources, &[])?;
        let expires_at = caller.limits().end(new.expires_at)?;
        let sources = caller.limits().sources(new.sources)?;
        let public = self.read_public_key(new.text)?;
        for _ in 0..CONFLICT_RETRIES {
            let record = self.find_user(caller, whom).await?;
            let user = &record.rows.user;
            caller.require_root_for(user)?;
            let now = self.clock.now();
            if expires_at.is_some_and(|end| end <= now) {
                return Err(Error::Invalid { field: Field::Expiry, rule: "must be in the future" });
            }
            let random = self.random.as_ref();
            let mut key = SshKey {
                uuid: KeyUuid::generate(now, random),
                serial: Serial::generate(random),
                account: user.account,
                user: user.uuid,
                kind: public.kind,
                blob: public.blob.clone(),
                fingerprint: public.fingerprint(),
                text: new.text.trim().to_owned(),
                title: new.title.to_owned(),
                status: KeyStatus::Active,
                sources: sources.clone(),
                expires_at,
                version: 1,
                created_at: now,
                created_by: caller.user,
                modified_at: now,
                modified_by: caller.user,
                deleted_at: None,
                deleted_by: None,
                mark: [0; 32],
            };
            key.mark = self.vault.mark(&key.mark_input());
            let mut batch = self.batch_by(caller, now);
            batch.require.extend([
                Require::UserIsLive(user.uuid),
                Require::SshKeyIsFree { account: user.account, fingerprint: key.fingerprint },
                Require::SshKeysBelow { user: user.uuid, limit: self.limits.ssh_keys_per_user },
                Require::SerialIsFree(key.serial),
            ]);
            let detail =
                format!("ssh_key={} user={} fingerprint={}", key.serial.get(), key.user, key.fingerprint);
            batch.audit.push(caller.entry(now, Action::CreateSshKey, key.uuid.as_bytes(), 1, detail));
            batch.effects.push(Effect::InsertSshKey(key.clone()));
            self.remember(&mut batch, caller, key.uuid.as_bytes(), now);
            match self.commit(batch).await {
                Ok(()) => return Ok(key),
                Err(Refused::Other(Require::SerialIsFree(_))) => {}
                Err(Refused::Other(Require::SshKeyIsFree { .. })) => return Err(self.taken(caller, now)),
                Err(refused) => return Err(refused.into_error(&whom.to_string(), &self.limits)),
            }
        }
        Err(Error::Conflict)
    }

    /// Changes title, status, end of life or where the key may be used from; the latter two within what the caller's own
    /// access key is limited to (threat T40).
    ///
    /// # Errors
    /// [`Error::Denied`], [`Error::RootOnly`], [`Error::SshKeyNotFound`], [`Error::Invalid`], [`Error::ExceedsCaller`].
    pub async fn update_ssh_key(
        &self,
        caller: &Caller,
        wanted: SshKeyRef<'_>,
        change: SshKeyChange,
    ) -> Result<FoundSshKey, Error> {
        if let Some(title) = &change.title {
            check_title(title)?;
        }
        for _ in 0..CONFLICT_RETRIES {
            let found = self.ssh_key_to_change(caller, Action::UpdateSshKey, wanted).await?;
            let (old, owner) = (found.key, found.owner);
            let key = change.apply(&old);
            if key == old {
                return Ok(FoundSshKey { key, owner });
            }
            check_change(caller, &old, &key)?;
            let now = self.clock.now();
            let key = self.touched_ssh_key(caller, key, now);
            let mut batch = self.batch_by(caller, now);
            batch.require.push(Require::SshKeyVersionIs(old.uuid, old.version));
            let detail = describe_change(&old, &key);
            let (uuid, version) = (key.uuid.as_bytes(), key.version);
            batch.audit.push(caller.entry(now, Action::UpdateSshKey, uuid, version, detail));
            batch.effects.push(Effect::UpdateSshKey(key.clone()));
            match self.commit(batch).await {
                Ok(()) => return Ok(FoundSshKey { key, owner }),
                Err(Refused::Changed) => {}
                Err(refused) => return Err(refused.into_error("", &self.limits)),
            }
        }
        Err(Error::Conflict)
    }

    /// Deletes a key at once and for good. Its blob is free again, its number is not.
    ///
    /// # Errors
    /// [`Error::Denied`], [`Error::RootOnly`], [`Error::SshKeyNotFound`].
    pub async fn delete_ssh_key(&self, caller: &Caller, wanted: SshKeyRef<'_>) -> Result<SshKey, Error> {
        for _ in 0..CONFLICT_RETRIES {
            let old = self.ssh_key_to_change(caller, Action::DeleteSshKey, wanted).await?.key;
            let now = self.clock.now();
            let mut batch = self.batch_by(caller, now);
            batch.require.push(Require::SshKeyVersionIs(old.uuid, old.version));
            self.bury_ssh_key(&mut batch, caller, &old, now);
            match self.commit(batch).await {
                Ok(()) => return Ok(old),
                Err(Refused::Changed) => {}
                Err(refused) => return Err(refused.into_error("", &self.limits)),
            }
        }
        Err(Error::Conflict)
    }

    /// Turns a key into a tombstone.
    pub(crate) fn bury_ssh_key(&self, batch: &mut Batch, caller: &Caller, key: &SshKey, now: UnixMillis) {
        let mut dead = key.clone();
        dead.deleted_at = Some(now);
        dead.deleted_by = Some(caller.user);
        let dead = self.touched_ssh_key(caller, dead, now);
        let detail = format!("ssh_key={} fingerprint={}", dead.serial.get(), dead.fingerprint);
        let (uuid, version) = (dead.uuid.as_bytes(), dead.version);
        batch.audit.push(caller.entry(now, Action::DeleteSshKey, uuid, version, detail));
        batch.effects.push(Effect::UpdateSshKey(dead));
    }

    fn read_public_key(&self, text: &str) -> Result<PublicKey, Error> {
        let public = PublicKey::parse(text)?;
        if self.blocked_keys.contains(&Fingerprint::of(&public.blob)) {
            return Err(BadKey::Weak(Weakness::Listed).into());
        }
        Ok(public)
    }

    async fn ssh_key_to_change(
        &self,
        caller: &Caller,
        action: Action,
        wanted: SshKeyRef<'_>,
    ) -> Result<FoundSshKey, Error> {
        let found = self.visible_ssh_key(caller, action, wanted).await?;
        caller.require_root_for(&found.owner.rows.user)?;
        Ok(found)
    }

    /// A changed key as it is stored.
    pub(super) fn touched_ssh_key(&self, caller: &Caller, mut key: SshKey, now: UnixMillis) -> SshKey {
        key.modified_at = now;
        key.modified_by = caller.user;
        key.version += 1;
        key.mark = self.vault.mark(&key.mark_input());
        key
    }

    fn taken(&self, caller: &Caller, now: UnixMillis) -> Error {
        let origin = caller.origin;
        self.refusals.note(now, origin.source, caller.key_id.as_str(), "ssh_key_taken", origin.dialect);
        let within = origin.source.is_none_or(|source| self.failures.take(limit_key(source), now));
        if within { Error::SshKeyTaken } else { Error::Busy }
    }
}

/// What the caller's own access key is limited to, a key that he changes is too (threat T40).
fn check_change(caller: &Caller, old: &SshKey, new: &SshKey) -> Result<(), Error> {
    check_conditions(&new.sources, &[])?;
    if new.sources != old.sources {
        caller.limits().allow_sources(&new.sources)?;
    }
    if new.expires_at != old.expires_at {
        caller.limits().allow_end(new.expires_at)?;
    }
    Ok(())
}

/// What changed, for the audit. The title is free text and left out.
fn describe_change(old: &SshKey, new: &SshKey) -> String {
    let mut detail = format!("ssh_key={} status={}", new.serial.get(), new.status.as_str());
    if new.sources != old.sources {
        let sources: Vec<String> = new.sources.iter().map(ToString::to_string).collect();
        detail.push_str(&format!(" sources={}", sources.join(",")));
    }
    if new.expires_at != old.expires_at {
        let end = new.expires_at.map_or("never".to_owned(), |at| at.to_string());
        detail.push_str(&format!(" expires_at={end}"));
    }
    detail
}
