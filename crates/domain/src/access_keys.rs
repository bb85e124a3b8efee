//! Access keys: an id that travels in requests and a secret that signs them.

use std::borrow::Cow;

use signing::Scheme;

use crate::accounts::Account;
use crate::batch::{Batch, Effect, Require};
use crate::caller::Caller;
use crate::clock::UnixMillis;
use crate::commit::Refused;
use crate::directory::UserRecord;
use crate::error::{Error, Field};
use crate::id::{AccountUuid, KeyId, KeyUuid, Serial, UserUuid};
use crate::limits::{CONFLICT_RETRIES, DESCRIPTION_CHARS};
use crate::net::AddressRange;
use crate::policy::{Action, Reach, Role};
use crate::random;
use crate::secret::{Reveal, Secret};
use crate::service::Service;
use crate::users::UserRef;
use crate::vault::{Binding, Mark, MarkInput};

/// An access key without its secret, which stays sealed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessKey {
    /// Its record.
    pub uuid: KeyUuid,
    /// What travels in requests; unique over the server, never given out again.
    pub key_id: KeyId,
    /// Its account.
    pub account: AccountUuid,
    /// Its owner; never changes.
    pub user: UserUuid,
    /// The key that a temporary key belongs to.
    pub parent: Option<KeyUuid>,
    /// The dialect that issued it.
    pub dialect: String,
    /// Which schemes it may sign in.
    pub schemes: SchemeSet,
    /// Permanent or temporary.
    pub kind: KeyKind,
    /// Enabled or disabled.
    pub status: KeyStatus,
    /// The sealed secret; gone once the key is deleted.
    pub sealed: Option<Vec<u8>>,
    /// Where it may be used from; empty means anywhere.
    pub sources: Vec<AddressRange>,
    /// From when on it may act.
    pub not_before: Option<UnixMillis>,
    /// From when on it may not act any more.
    pub expires_at: Option<UnixMillis>,
    /// Free text.
    pub description: String,
    /// Raised with every change.
    pub version: u64,
    /// When and by whom it was made.
    pub created_at: UnixMillis,
    /// Who made it.
    pub created_by: UserUuid,
    /// When it was last changed.
    pub modified_at: UnixMillis,
    /// Who last changed it.
    pub modified_by: UserUuid,
    /// When it was deleted.
    pub deleted_at: Option<UnixMillis>,
    /// Who deleted it.
    pub deleted_by: Option<UserUuid>,
    /// The mark over all of the above but the sealed secret, which has a tag of its own.
    pub mark: Mark,
}

/// Enabled or disabled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyStatus {
    /// May act.
    Active,
    /// May not.
    Inactive,
}

impl KeyStatus {
    /// The stored word.
    pub const fn as_str(self) -> &'static str {
        match self {
            KeyStatus::Active => "active",
            KeyStatus::Inactive => "inactive",
        }
    }

    /// Reads the stored word.
    pub fn parse(text: &str) -> Option<Self> {
        [KeyStatus::Active, KeyStatus::Inactive].into_iter().find(|status| status.as_str() == text)
    }
}

/// Permanent or temporary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKind {
    /// Lives until it is deleted or expires.
    Permanent,
    /// Belongs to a parent, never outlives it, cannot create keys.
    Temporary,
}

impl KeyKind {
    /// The stored word.
    pub const fn as_str(self) -> &'static str {
        match self {
            KeyKind::Permanent => "permanent",
            KeyKind::Temporary => "temporary",
        }
    }

    /// Reads the stored word.
    pub fn parse(text: &str) -> Option<Self> {
        [KeyKind::Permanent, KeyKind::Temporary].into_iter().find(|kind| kind.as_str() == text)
    }
}

/// A set of signature schemes, one bit each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SchemeSet(u8);

impl SchemeSet {
    /// The set of these.
    pub const fn of(schemes: &[Scheme]) -> Self {
        let mut bits = 0;
        let mut rest = schemes;
        while let [first, tail @ ..] = rest {
            bits |= first.bit();
            rest = tail;
        }
        Self(bits)
    }

    /// Every scheme.
    pub const fn all() -> Self {
        Self::of(&Scheme::ALL)
    }

    /// The stored bits.
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// Reads stored bits; unknown ones are kept and match nothing.
    pub const fn from_bits(bits: u8) -> Self {
        Self(bits)
    }

    /// Whether `scheme` is in it.
    pub const fn contains(self, scheme: Scheme) -> bool {
        self.0 & scheme.bit() != 0
    }

    /// Whether the two sets share a scheme.
    pub const fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

impl AccessKey {
    /// What the mark covers.
    pub fn mark_input(&self) -> MarkInput {
        let mut input = MarkInput::new("access-key")
            .bytes(self.uuid.as_bytes())
            .text(self.key_id.as_str())
            .bytes(self.account.as_bytes())
            .bytes(self.user.as_bytes())
            .bytes(self.parent.as_ref().map_or(&[], |id| id.as_bytes().as_slice()))
            .text(&self.dialect)
            .number(self.schemes.bits().into())
            .text(self.kind.as_str())
            .text(self.status.as_str())
            .maybe(self.not_before.map(|at| at.0))
            .maybe(self.expires_at.map(|at| at.0))
            .text(&self.description)
            .number(self.version.cast_signed())
            .number(self.created_at.0)
            .bytes(self.created_by.as_bytes())
            .number(self.modified_at.0)
            .bytes(self.modified_by.as_bytes())
            .maybe(self.deleted_at.map(|at| at.0))
            .bytes(self.deleted_by.as_ref().map_or(&[], |id| id.as_bytes().as_slice()));
        for range in &self.sources {
            input = input.text(&range.to_string());
        }
        input
    }

    /// What the sealed secret belongs to.
    pub fn binding(&self) -> Binding<'_> {
        Binding {
            kind: "access-key",
            record: self.uuid.as_bytes(),
            account: self.account.as_bytes(),
            owner: self.user.as_bytes(),
            dialect: &self.dialect,
        }
    }

    /// Whether a dialect of those schemes lists, edits and counts it.
    pub fn is_shown_by(&self, schemes: SchemeSet) -> bool {
        self.kind == KeyKind::Permanent && self.schemes.meets(schemes)
    }

    /// Whether its time is up.
    pub fn is_expired(&self, now: UnixMillis) -> bool {
        self.expires_at.is_some_and(|end| end <= now)
    }
}

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

/// Which key is meant.
#[derive(Clone, Copy, Debug)]
pub struct KeyRef<'a> {
    /// Its id.
    pub id: &'a str,
    /// Whose it must be, in clouds whose requests say so.
    pub owner: Option<UserRef<'a>>,
}

impl<'a> From<&'a str> for KeyRef<'a> {
    fn from(id: &'a str) -> Self {
        Self { id, owner: None }
    }
}

impl<'a> From<&'a Cow<'_, str>> for KeyRef<'a> {
    fn from(id: &'a Cow<'_, str>) -> Self {
        Self { id, owner: None }
    }
}

/// What to change of a key; what is `None` stays.
#[derive(Clone, Debug, Default)]
pub struct KeyChange {
    /// Enable or disable.
    pub status: Option<KeyStatus>,
    /// Other free text.
    pub description: Option<String>,
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
            let (key, secret) = made.add_to(&mut batch, caller, now);
            match self.commit(batch).await {
                Ok(()) => return Ok(CreatedKey { key, owner: user.serial, secret }),
                Err(Refused::Other(Require::KeyIdIsFree(_))) => {}
                Err(refused) => return Err(refused.into_error(&whom.to_string(), &self.limits)),
            }
        }
        Err(Error::Conflict)
    }

    /// A user with his live keys; a dialect shows those that [`AccessKey::is_shown_by`] its schemes.
    ///
    /// # Errors
    /// [`Error::Denied`], [`Error::UserNotFound`]; [`Error::Damaged`] when one of the keys fails its integrity check
    /// (promise P7).
    pub async fn list_access_keys<'u>(
        &self,
        caller: &Caller,
        user: impl Into<UserRef<'u>>,
    ) -> Result<std::sync::Arc<UserRecord>, Error> {
        let user = user.into();
        caller.require_named(Action::ReadAccessKey, user)?;
        let record = self.find_user(caller, user).await?;
        if record.damaged.is_empty() { Ok(record) } else { Err(Error::Damaged) }
    }

    /// Enables, disables or describes a key. A status that it already has is success and changes nothing.
    ///
    /// # Errors
    /// [`Error::Denied`], [`Error::RootOnly`], [`Error::KeyNotFound`], [`Error::KeyOfAnother`], [`Error::Invalid`],
    /// [`Error::LastAdministratorKey`].
    pub async fn update_access_key<'k>(
        &self,
        caller: &Caller,
        key: impl Into<KeyRef<'k>>,
        schemes: SchemeSet,
        change: KeyChange,
    ) -> Result<AccessKey, Error> {
        if let Some(text) = &change.description {
            check_description(text)?;
        }
        let wanted = key.into();
        for _ in 0..CONFLICT_RETRIES {
            let (record, old) = self.key_to_change(caller, Action::UpdateAccessKey, wanted, schemes).await?;
            let now = self.clock.now();
            let mut key = old.clone();
            key.status = change.status.unwrap_or(old.status);
            key.description.clone_from(change.description.as_ref().unwrap_or(&old.description));
            if key == old {
                return Ok(key);
            }
            key.modified_at = now;
            key.modified_by = caller.user;
            key.version += 1;
            key.mark = self.vault.mark(&key.mark_input());
            let mut batch = self.batch_by(caller, now);
            batch.require.push(Require::KeyVersionIs(old.uuid, old.version));
            if old.status == KeyStatus::Active && key.status == KeyStatus::Inactive {
                batch.require.extend(record.loses_admin_keys(&[&old], now));
            }
            let detail = format!("key={} status={}", key.key_id, key.status.as_str());
            batch.audit.push(caller.entry(
                now,
                Action::UpdateAccessKey,
                key.uuid.as_bytes(),
                key.version,
                detail,
            ));
            batch.effects.push(Effect::UpdateKey(key.clone()));
            match self.commit(batch).await {
                Ok(()) => return Ok(key),
                Err(Refused::Changed) => {}
                Err(refused) => return Err(refused.into_error("", &self.limits)),
            }
        }
        Err(Error::Conflict)
    }

    /// Deletes a key and its temporary keys, in any state, at once and for good.
    ///
    /// # Errors
    /// [`Error::Denied`], [`Error::RootOnly`], [`Error::KeyNotFound`], [`Error::LastAdministratorKey`].
    pub async fn delete_access_key<'k>(
        &self,
        caller: &Caller,
        key: impl Into<KeyRef<'k>>,
        schemes: SchemeSet,
    ) -> Result<(), Error> {
        let wanted = key.into();
        for _ in 0..CONFLICT_RETRIES {
            let (record, key) = self.key_to_change(caller, Action::DeleteAccessKey, wanted, schemes).await?;
            let now = self.clock.now();
            let family = record.rows.keys.iter().filter(|k| k.uuid == key.uuid || k.parent == Some(key.uuid));
            let family: Vec<&AccessKey> = family.collect();
            let mut batch = self.batch_by(caller, now);
            batch.require.extend(family.iter().map(|key| Require::KeyVersionIs(key.uuid, key.version)));
            batch.require.extend(record.loses_admin_keys(&family, now));
            for member in family {
                self.bury(&mut batch, caller, member, now);
            }
            match self.commit(batch).await {
                Ok(()) => return Ok(()),
                Err(Refused::Changed) => {}
                Err(refused) => return Err(refused.into_error("", &self.limits)),
            }
        }
        Err(Error::Conflict)
    }

    /// Secrets of the caller's own keys, for a dialect that is set to `reveal_secret = "owner"`. Each reading is in the
    /// audit before the secret is out. Keys of others are passed over: the answer has a place for each key asked for.
    ///
    /// # Errors
    /// [`Error::Denied`], [`Error::CallerRevoked`], [`Error::Damaged`] when a secret does not open.
    pub async fn reveal_own_secrets(
        &self,
        caller: &Caller,
        keys: &[&AccessKey],
    ) -> Result<Vec<Option<Reveal>>, Error> {
        caller.reach(Action::RevealSecret)?;
        let now = self.clock.now();
        let own = |key: &&&AccessKey| key.user == caller.user;
        let mut batch = self.batch_by(caller, now);
        for key in keys.iter().filter(own) {
            let detail = format!("key={}", key.key_id);
            batch.audit.push(caller.entry(
                now,
                Action::RevealSecret,
                key.uuid.as_bytes(),
                key.version,
                detail,
            ));
        }
        if !batch.audit.is_empty() {
            self.commit(batch).await.map_err(|refused| refused.into_error("", &self.limits))?;
        }
        keys.iter().map(|key| Some(key).filter(own).map(|key| self.open_secret(key)).transpose()).collect()
    }

    fn open_secret(&self, key: &AccessKey) -> Result<Reveal, Error> {
        let sealed = key.sealed.as_deref().ok_or(Error::Damaged)?;
        self.vault.open_sealed(&key.binding(), sealed).map(Reveal::new).map_err(|_| Error::Damaged)
    }

    /// Looks up a permanent key that the caller wants to change. Who reaches only his own keys is told the same of a foreign key as
    /// of an unknown one (threat T38).
    async fn key_to_change(
        &self,
        caller: &Caller,
        action: Action,
        wanted: KeyRef<'_>,
        schemes: SchemeSet,
    ) -> Result<(std::sync::Arc<UserRecord>, AccessKey), Error> {
        let reach = match wanted.owner {
            Some(owner) => {
                caller.require_named(action, owner)?;
                // A user who is not there has no keys, and neither has the key another owner by that.
                self.find_user(caller, owner).await?;
                caller.reach(action)?
            }
            None => caller.reach(action)?,
        };
        let key_id = wanted.id;
        let record = self.directory.by_key(key_id).await?.ok_or(Error::KeyNotFound)?;
        let owner = &record.rows.user;
        let visible =
            owner.account == caller.account && (reach == Reach::Account || owner.uuid == caller.user);
        let key = record.key(key_id).filter(|key| visible && key.is_shown_by(schemes));
        let key = key.ok_or(Error::KeyNotFound)?.clone();
        if !record.intact || record.damaged.contains(&key.uuid) {
            return Err(Error::Damaged);
        }
        if !wanted.owner.is_none_or(|wanted| owner.is_meant_by(wanted, caller)) {
            return Err(Error::KeyOfAnother);
        }
        caller.require_root_for(owner)?;
        Ok((record, key))
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
        let longest = account.max_key_lifetime_ms.map(|life| now.plus(life));
        let expires_at = match (issue.expires_at, longest) {
            (Some(asked), Some(longest)) => Some(asked.min(longest)),
            (asked, longest) => asked.or(longest),
        };
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
            sources: Vec::new(),
            not_before: None,
            expires_at,
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
        Ok(MadeKey { key, secret, seals, quota: Require::KeysBelow { user, schemes: issue.schemes, limit } })
    }

    /// Seals `secret` into `key`, marks the row, and returns the effect that counts the seal.
    pub(crate) fn seal_into(&self, key: &mut AccessKey, secret: &Secret) -> Result<Effect, Error> {
        let sealed = self.vault.seal(&key.binding(), secret, self.random.as_ref());
        key.sealed = Some(sealed.map_err(|_| Error::Damaged)?);
        key.mark = self.vault.mark(&key.mark_input());
        Ok(Effect::CountSeals { ring_key: self.vault.active_data_key(), seals: 1 })
    }

    /// Turns a key into a tombstone: its id stays taken, its secret is gone.
    pub(crate) fn bury(&self, batch: &mut Batch, caller: &Caller, key: &AccessKey, now: UnixMillis) {
        let mut dead = key.clone();
        dead.sealed = None;
        dead.deleted_at = Some(now);
        dead.deleted_by = Some(caller.user);
        dead.modified_at = now;
        dead.modified_by = caller.user;
        dead.version += 1;
        dead.mark = self.vault.mark(&dead.mark_input());
        let detail = format!("key={}", dead.key_id);
        batch.audit.push(caller.entry(
            now,
            Action::DeleteAccessKey,
            dead.uuid.as_bytes(),
            dead.version,
            detail,
        ));
        batch.effects.push(Effect::UpdateKey(dead));
    }
}

/// A key that exists only in memory so far.
pub(crate) struct MadeKey {
    key: AccessKey,
    secret: Secret,
    seals: Effect,
    quota: Require,
}

impl MadeKey {
    /// Adds everything that storing it takes.
    pub(crate) fn add_to(self, batch: &mut Batch, caller: &Caller, now: UnixMillis) -> (AccessKey, Reveal) {
        batch.require.push(self.quota);
        batch.require.push(Require::KeyIdIsFree(self.key.key_id.clone()));
        let detail = format!("key={} user={} dialect={}", self.key.key_id, self.key.user, self.key.dialect);
        batch.audit.push(caller.entry(
            now,
            Action::CreateAccessKey,
            self.key.uuid.as_bytes(),
            self.key.version,
            detail,
        ));
        batch.effects.push(Effect::InsertKey(self.key.clone()));
        batch.effects.push(self.seals);
        (self.key, Reveal::new(self.secret))
    }
}

impl UserRecord {
    /// What must hold when `keys` of this user are about to stop working: that an administrator key remains. Empty when
    /// none of them is a working administrator key now.
    pub(crate) fn loses_admin_keys(&self, keys: &[&AccessKey], now: UnixMillis) -> Option<Require> {
        let works = |key: &&&AccessKey| {
            key.kind == KeyKind::Permanent && key.status == KeyStatus::Active && !key.is_expired(now)
        };
        let lost: Vec<KeyUuid> = keys.iter().filter(works).map(|key| key.uuid).collect();
        if lost.is_empty() || !self.is_working_admin() {
            return None;
        }
        let account = self.rows.user.account;
        Some(Require::AnotherAdminKeyRemains { account, lost_keys: lost, lost_user: None, at: now })
    }

    /// The same when the user himself is about to stop working.
    pub(crate) fn loses_admin_user(&self, now: UnixMillis) -> Option<Require> {
        let (account, user) = (self.rows.user.account, self.rows.user.uuid);
        self.is_working_admin().then(|| Require::AnotherAdminKeyRemains {
            account,
            lost_keys: Vec::new(),
            lost_user: Some(user),
            at: now,
        })
    }

    fn is_working_admin(&self) -> bool {
        let user = &self.rows.user;
        user.role == Role::Admin && user.status == crate::users::UserStatus::Active
    }
}

fn check_description(text: &str) -> Result<(), Error> {
    let field = Field::Description;
    if text.chars().count() > DESCRIPTION_CHARS {
        return Err(Error::Invalid { field, rule: "has at most 1024 characters" });
    }
    if text.chars().any(char::is_control) {
        return Err(Error::Invalid { field, rule: "must not hold control characters" });
    }
    Ok(())
}
