//! The directory: users with their keys in memory, so that a request whose signer is known waits for nothing.
//!
//! Correct by generations. Every entry is kept with the generations (of its user and of its account) that were read *before*
//! the store was; a look-up uses it only while both are unchanged. The committer raises them between COMMIT and the
//! acknowledgement, so an entry read before a revocation is dead before anybody is told of the revocation, and a load
//! that was under way at that moment can publish nothing that would ever be used.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use quick_cache::Weighter;
use quick_cache::sync::Cache;

use crate::access_keys::AccessKey;
use crate::batch::{Batch, Effect};
use crate::clock::{Clock, UnixMillis};
use crate::id::{AccountUuid, KeyId, KeyUuid, Serial, UserUuid};
use crate::name::NameKey;
use crate::ssh_keys::SshKey;
use crate::store::{KeyOwner, SharedStore, StoreError, UserRows};
use crate::tokens::{Token, TokenHash, TokenKey};
use crate::vault::Vault;

/// How long "no such key id" is remembered.
const ABSENT_MILLIS: i64 = 5_000;
/// How many absent ids are remembered.
const ABSENT_IDS: usize = 10_000;
/// Generation counters; what shares one is merely read again a little more often.
const STRIPES: usize = 8_192;

/// A user with his keys, checked when it was loaded.
#[derive(Debug)]
pub struct UserRecord {
    /// The rows.
    pub rows: UserRows,
    /// Whether account and user carry their marks. If not, nothing of the record may be used.
    pub intact: bool,
    /// Keys that do not carry their mark and must not be used.
    pub damaged: Vec<KeyUuid>,
}

impl UserRecord {
    /// The live key of that id.
    pub fn key(&self, key_id: &str) -> Option<&AccessKey> {
        self.rows.keys.iter().find(|key| key.key_id.as_str() == key_id)
    }

    /// The token of that hash, if the user has it.
    pub fn token(&self, hash: &TokenHash) -> Option<&Token> {
        let place = self.rows.tokens.binary_search_by_key(hash, |token| token.hash).ok()?;
        self.rows.tokens.get(place)
    }

    /// The key of one of his tokens that has this id.
    pub(crate) fn token_key(&self, key_id: &str) -> Option<&TokenKey> {
        self.rows.token_keys.iter().find(|key| key.key_id.as_str() == key_id)
    }

    pub(crate) fn check(mut rows: UserRows, vault: &Vault) -> Self {
        let intact = vault.is_marked(&rows.account.mark_input(), &rows.account.mark)
            && vault.is_marked(&rows.user.mark_input(), &rows.user.mark)
            && rows.user.account == rows.account.uuid;
        let is_damaged =
            |key: &&AccessKey| key.user != rows.user.uuid || !vault.is_marked(&key.mark_input(), &key.mark);
        let damaged = rows.keys.iter().filter(is_damaged).map(|key| key.uuid).collect();
        // A token that was edited or moved by hand is no token, and likewise a token's key (threat T60).
        let user = rows.user.uuid;
        rows.tokens.retain(|token| token.user == user && vault.is_marked(&token.mark_input(), &token.mark));
        rows.token_keys.retain(|key| key.user == user && vault.is_marked(&key.mark_input(), &key.mark));
        Self { rows, intact, damaged }
    }
}

/// The live SSH keys of a user, checked when they were loaded.
#[derive(Debug)]
pub struct SshKeys {
    /// Those that carry their mark, by creation time, then number.
    pub keys: Vec<Arc<SshKey>>,
    /// Whether that is all of them.
    pub intact: bool,
}

/// Counters that say how often each user, account and key id was written. Shared by the directory, which compares, and the
/// committer, which raises.
pub struct Generations {
    stripes: Box<[AtomicU64]>,
}

impl Default for Generations {
    fn default() -> Self {
        Self { stripes: (0..STRIPES).map(|_| AtomicU64::new(0)).collect() }
    }
}

impl Generations {
    /// Makes every entry that rests on these effects unusable. Called by the committer only, after COMMIT and before the
    /// acknowledgement.
    pub fn raise(&self, batch: &Batch) {
        for effect in &batch.effects {
            match effect {
                Effect::InsertAccount(account) | Effect::UpdateAccount(account) => {
                    self.raise_one(account.uuid.as_bytes());
                }
                Effect::InsertUser(user) | Effect::UpdateUser(user) => self.raise_one(user.uuid.as_bytes()),
                Effect::InsertKey(key) => {
                    self.raise_one(key.user.as_bytes());
                    self.raise_one(key.key_id.as_str().as_bytes());
                }
                Effect::UpdateKey(key) => self.raise_one(key.user.as_bytes()),
                Effect::InsertSshKey(key) | Effect::UpdateSshKey(key) => self.raise_one(key.user.as_bytes()),
                Effect::InsertToken(token) => {
                    self.raise_one(token.user.as_bytes());
                    self.raise_one(&token.hash.0);
                }
                Effect::InsertTokenKey(key) => {
                    self.raise_one(key.user.as_bytes());
                    self.raise_one(key.key_id.as_str().as_bytes());
                }
                Effect::DeleteToken(token) => self.raise_one(token.user.as_bytes()),
                Effect::ForgetLogin(user) => self.raise_one(user.as_bytes()),
                Effect::InsertRingKey(_)
                | Effect::RewrapRingKey { .. }
                | Effect::CountSeals { .. }
                | Effect::RememberRequest { .. }
                | Effect::CountRefusals(_)
                | Effect::SetPassword(_)
                | Effect::NoteUse(_) => {}
            }
        }
    }

    fn raise_one(&self, name: &[u8]) {
        self.stripe(name).fetch_add(1, Ordering::AcqRel);
    }

    fn of(&self, name: &[u8]) -> u64 {
        self.stripe(name).load(Ordering::Acquire)
    }

    fn stripe(&self, name: &[u8]) -> &AtomicU64 {
        static NEVER: AtomicU64 = AtomicU64::new(0);
        // FNV-1a: fixed, so that committer and readers agree, and quick on 16 bytes.
        let hash = name.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, &byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        let slot = usize::try_from(hash ^ (hash >> 32)).unwrap_or(0) % STRIPES;
        self.stripes.get(slot).unwrap_or(&NEVER)
    }
}

impl std::fmt::Debug for Generations {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Generations({} stripes)", self.stripes.len())
    }
}

/// What a look-up without waiting found.
#[derive(Debug)]
pub enum Lookup {
    /// The owner of the key.
    Hit(Arc<UserRecord>),
    /// The id does not exist.
    Absent,
    /// Ask the store.
    Miss,
}

/// How the directory fares, for the metrics.
#[derive(Debug, Default)]
pub struct DirectoryCounts {
    /// Look-ups answered from memory.
    pub hits: AtomicU64,
    /// Look-ups that asked the store.
    pub misses: AtomicU64,
    /// Records that failed their integrity check when they were loaded.
    pub damaged: AtomicU64,
}

/// The bounded map from key ids and names to users. See the module's head for why it is never stale.
pub struct Directory {
    store: SharedStore,
    vault: Arc<Vault>,
    clock: Arc<dyn Clock>,
    generations: Arc<Generations>,
    owners: Cache<KeyId, KeyOwner>,
    names: Cache<(AccountUuid, NameKey), UserUuid>,
    /// Never wrong: a number is never given twice.
    serials: Cache<(AccountUuid, Serial), UserUuid>,
    absent: Cache<KeyId, Absent>,
    token_owners: Cache<TokenHash, KeyOwner>,
    absent_tokens: Cache<TokenHash, Absent>,
    ssh_lists: Cache<UserUuid, SshEntry, ByLength>,
    records: Cache<UserUuid, Entry, ByKeys>,
    counts: DirectoryCounts,
}

#[derive(Clone)]
struct Entry {
    record: Arc<UserRecord>,
    user_generation: u64,
    account_generation: u64,
}

#[derive(Clone, Copy)]
struct Absent {
    until: UnixMillis,
    generation: u64,
}

#[derive(Clone)]
struct SshEntry {
    list: Arc<SshKeys>,
    generation: u64,
}

#[derive(Clone)]
struct ByLength;

impl Weighter<UserUuid, SshEntry> for ByLength {
    fn weight(&self, _: &UserUuid, entry: &SshEntry) -> u64 {
        1 + u64::try_from(entry.list.keys.len()).unwrap_or(u64::MAX - 1)
    }
}

#[derive(Clone)]
struct ByKeys;

impl Weighter<UserUuid, Entry> for ByKeys {
    fn weight(&self, _: &UserUuid, entry: &Entry) -> u64 {
        let rows = &entry.record.rows;
        1 + u64::try_from(rows.keys.len() + rows.tokens.len() + rows.token_keys.len()).unwrap_or(u64::MAX - 1)
    }
}

impl Directory {
    /// An empty directory over a store whose committer raises `generations`. Holds about `max_keys` keys.
    pub fn new(
        store: SharedStore,
        vault: Arc<Vault>,
        clock: Arc<dyn Clock>,
        generations: Arc<Generations>,
        max_keys: usize,
    ) -> Self {
        let weight = u64::try_from(max_keys).unwrap_or(u64::MAX).saturating_mul(2);
        Self {
            store,
            vault,
            clock,
            generations,
            owners: Cache::new(max_keys),
            names: Cache::new(max_keys),
            serials: Cache::new(max_keys),
            absent: Cache::new(ABSENT_IDS),
            token_owners: Cache::new(max_keys),
            absent_tokens: Cache::new(ABSENT_IDS),
            ssh_lists: Cache::with_weighter(max_keys, weight, ByLength),
            records: Cache::with_weighter(max_keys, weight, ByKeys),
            counts: DirectoryCounts::default(),
        }
    }

    /// The owner of a key if memory can tell. Never waits.
    pub fn get(&self, key_id: &str) -> Lookup {
        let Some(owner) = self.owners.get(&Borrowed(key_id)) else {
            return if self.is_absent(key_id) { Lookup::Absent } else { Lookup::Miss };
        };
        match self.fresh(owner.account, owner.user) {
            Some(record) => Lookup::Hit(record),
            None => Lookup::Miss,
        }
    }

    /// The owner of a key, live or deleted key alike.
    ///
    /// # Errors
    /// What the store says.
    pub async fn by_key(&self, key_id: &str) -> Result<Option<Arc<UserRecord>>, StoreError> {
        match self.get(key_id) {
            Lookup::Hit(record) => return Ok(Some(record)),
            Lookup::Absent => return Ok(None),
            Lookup::Miss => {}
        }
        if key_id.len() > KeyId::MAX_BYTES {
            return Ok(None);
        }
        let id = KeyId::new(key_id);
        let generation = self.generations.of(key_id.as_bytes());
        let owner = match self.owners.get(&id) {
            Some(owner) => owner,
            None => match self.store.key_owner(&id).await? {
                Some(owner) => owner,
                None => {
                    let until = self.clock.now().plus(ABSENT_MILLIS);
                    self.absent.insert(id, Absent { until, generation });
                    return Ok(None);
                }
            },
        };
        self.owners.insert(id, owner);
        self.by_user(owner.account, owner.user).await
    }

    /// The user whose token this is, ended or not.
    ///
    /// # Errors
    /// What the store says.
    pub async fn by_token(&self, hash: &TokenHash) -> Result<Option<Arc<UserRecord>>, StoreError> {
        let generation = self.generations.of(&hash.0);
        let owner = match self.token_owners.get(hash) {
            Some(owner) => owner,
            None => {
                let now = self.clock.now();
                let known = self.absent_tokens.get(hash);
                if known.is_some_and(|absent| now < absent.until && absent.generation == generation) {
                    return Ok(None);
                }
                let Some(owner) = self.store.token_owner(hash).await? else {
                    self.absent_tokens.insert(*hash, Absent { until: now.plus(ABSENT_MILLIS), generation });
                    return Ok(None);
                };
                self.token_owners.insert(*hash, owner);
                owner
            }
        };
        self.by_user(owner.account, owner.user).await
    }

    /// All live SSH keys of a user.
    ///
    /// # Errors
    /// What the store says.
    pub async fn ssh_keys(&self, account: AccountUuid, user: UserUuid) -> Result<Arc<SshKeys>, StoreError> {
        let generation = self.generations.of(user.as_bytes());
        if let Some(entry) = self.ssh_lists.get(&user).filter(|entry| entry.generation == generation) {
            return Ok(entry.list);
        }
        let rows = self.store.ssh_keys(user).await?;
        let is_good = |key: &SshKey| {
            (key.account, key.user) == (account, user) && self.vault.is_marked(&key.mark_input(), &key.mark)
        };
        let found = rows.len();
        let keys: Vec<Arc<SshKey>> = rows.into_iter().filter(is_good).map(Arc::new).collect();
        let list = Arc::new(SshKeys { intact: keys.len() == found, keys });
        if !list.intact {
            self.counts.damaged.fetch_add(1, Ordering::Relaxed);
        }
        self.ssh_lists.insert(user, SshEntry { list: list.clone(), generation });
        Ok(list)
    }

    /// The live user of that exact name.
    ///
    /// # Errors
    /// What the store says.
    pub async fn by_name(
        &self,
        account: AccountUuid,
        name: &str,
    ) -> Result<Option<Arc<UserRecord>>, StoreError> {
        let name_key = (account, NameKey::of(name));
        let answers_to = |record: &Arc<UserRecord>| {
            let user = &record.rows.user;
            user.name_key == name_key.1 && user.deleted_at.is_none() && user.account == account
        };
        // A remembered name proves itself on the record: a user who was renamed or deleted no longer answers to it.
        let mut record = match self.names.get(&name_key) {
            Some(user) => self.by_user(account, user).await?.filter(answers_to),
            None => None,
        };
        if record.is_none()
            && let Some(user) = self.store.user_named(account, &name_key.1).await?
        {
            record = self.by_user(account, user).await?.filter(answers_to);
            self.names.insert(name_key.clone(), user);
        }
        Ok(record.filter(|record| record.rows.user.name == name))
    }

    /// The live user of that number.
    ///
    /// # Errors
    /// What the store says.
    pub async fn by_serial(
        &self,
        account: AccountUuid,
        serial: Serial,
    ) -> Result<Option<Arc<UserRecord>>, StoreError> {
        let user = match self.serials.get(&(account, serial)) {
            Some(user) => user,
            None => match self.store.user_with_serial(account, serial).await? {
                Some(user) => {
                    self.serials.insert((account, serial), user);
                    user
                }
                None => return Ok(None),
            },
        };
        Ok(self.by_user(account, user).await?.filter(|record| record.rows.user.deleted_at.is_none()))
    }

    /// A user of an account, deleted users included.
    ///
    /// # Errors
    /// What the store says.
    pub async fn by_user(
        &self,
        account: AccountUuid,
        user: UserUuid,
    ) -> Result<Option<Arc<UserRecord>>, StoreError> {
        if let Some(record) = self.fresh(account, user) {
            return Ok(Some(record));
        }
        self.counts.misses.fetch_add(1, Ordering::Relaxed);
        // Before the read: if either is raised while the store answers, this entry is never used.
        let user_generation = self.generations.of(user.as_bytes());
        let account_generation = self.generations.of(account.as_bytes());
        let Some(rows) = self.store.user_rows(user).await? else { return Ok(None) };
        let record = Arc::new(UserRecord::check(rows, &self.vault));
        if !record.intact || !record.damaged.is_empty() {
            self.counts.damaged.fetch_add(1, Ordering::Relaxed);
        }
        self.records.insert(user, Entry { record: record.clone(), user_generation, account_generation });
        Ok(Some(record).filter(|record| record.rows.user.account == account))
    }

    /// How it fares.
    pub const fn counts(&self) -> &DirectoryCounts {
        &self.counts
    }

    fn fresh(&self, account: AccountUuid, user: UserUuid) -> Option<Arc<UserRecord>> {
        let entry = self.records.get(&user)?;
        let unchanged = entry.user_generation == self.generations.of(user.as_bytes())
            && entry.account_generation == self.generations.of(account.as_bytes())
            && entry.record.rows.account.uuid == account;
        if !unchanged {
            return None;
        }
        self.counts.hits.fetch_add(1, Ordering::Relaxed);
        Some(entry.record)
    }

    fn is_absent(&self, key_id: &str) -> bool {
        self.absent.get(&Borrowed(key_id)).is_some_and(|absent| {
            self.clock.now() < absent.until && absent.generation == self.generations.of(key_id.as_bytes())
        })
    }
}

impl std::fmt::Debug for Directory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Directory({} users)", self.records.len())
    }
}

/// A key id that was not copied, for look-ups.
#[derive(Hash)]
struct Borrowed<'a>(&'a str);

impl quick_cache::Equivalent<KeyId> for Borrowed<'_> {
    fn equivalent(&self, key: &KeyId) -> bool {
        self.0 == key.as_str()
    }
}
