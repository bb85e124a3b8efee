//! The model: a store that is obviously right, for comparing others with and for tests that need no disk. Plain maps behind
//! one lock; every rule is written down once more, in the simplest way.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::access_keys::{AccessKey, KeyKind, KeyStatus};
use domain::accounts::{Account, AccountStatus};
use domain::audit::{AuditChain, AuditRow, ChainHead};
use domain::batch::{Batch, Effect, Require};
use domain::clock::UnixMillis;
use domain::id::{AccountUuid, KeyId, KeyUuid, NodeId, Serial, UserUuid};
use domain::last_used::{KeyUse, LastUse};
use domain::name::NameKey;
use domain::policy::Role;
use domain::refusals::{KEPT_MINUTES, RefusalCount};
use domain::store::{
    CommitError, CommitObserver, KeyOwner, RowCounts, Store, StoreError, StoreFuture, UserPage, UserRows,
};
use domain::users::{User, UserStatus};
use domain::vault::RingRow;

/// A store in memory.
pub struct MemoryStore {
    state: Mutex<State>,
    observer: Arc<dyn CommitObserver>,
}

impl MemoryStore {
    /// An empty store with these wrapped keys, which appends to `chain` and tells `observer`.
    pub fn start(ring: Vec<RingRow>, chain: AuditChain, observer: Arc<dyn CommitObserver>) -> Arc<Self> {
        let rows = Rows { ring: ring.into_iter().map(|row| (row.id, row)).collect(), ..Rows::default() };
        Arc::new(Self { state: Mutex::new(State { rows, chain, is_closed: false }), observer })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, batch: &Batch) -> Result<(), CommitError> {
        let mut state = self.state();
        if state.is_closed {
            return Err(closed().into());
        }
        if batch.lacks_audit() {
            return Err(StoreError::Corrupt("a change without an audit entry".to_owned()).into());
        }
        if let Some(refused) = batch.require.iter().find(|require| !state.rows.holds(require)) {
            return Err(CommitError::Refused(Box::new(refused.clone())));
        }
        state.rows.apply_all(&batch.effects)?;
        for entry in &batch.audit {
            let row = state.chain.append(entry.clone());
            state.rows.audit.insert((row.node, row.seq), row);
        }
        // Under the lock: the observer hears of commits in their order.
        self.observer.committed(batch);
        self.observer.chained(&state.chain.head());
        Ok(())
    }

    fn read<T: Send + 'static>(&self, read: impl FnOnce(&Rows) -> T) -> StoreFuture<'_, T> {
        let state = self.state();
        let answer = if state.is_closed { Err(closed()) } else { Ok(read(&state.rows)) };
        Box::pin(std::future::ready(answer))
    }
}

struct State {
    rows: Rows,
    chain: AuditChain,
    is_closed: bool,
}

type RefusalKind = (i64, String, String, String, String);

#[derive(Default)]
struct Rows {
    ring: BTreeMap<u32, RingRow>,
    accounts: BTreeMap<AccountUuid, Account>,
    users: BTreeMap<UserUuid, User>,
    keys: BTreeMap<KeyUuid, AccessKey>,
    audit: BTreeMap<(NodeId, u64), AuditRow>,
    refusals: BTreeMap<RefusalKind, u64>,
    last_used: BTreeMap<KeyUuid, LastUse>,
}

/// Puts back what an effect changed.
type Undo = Box<dyn FnOnce(&mut Rows)>;

impl Rows {
    fn live_users(&self, account: AccountUuid) -> impl Iterator<Item = &User> {
        self.users.values().filter(move |user| user.account == account && user.deleted_at.is_none())
    }

    fn live_keys(&self, user: UserUuid) -> impl Iterator<Item = &AccessKey> {
        self.keys.values().filter(move |key| key.user == user && key.deleted_at.is_none())
    }

    fn sorted_keys(&self, user: UserUuid, with_deleted: bool) -> Vec<AccessKey> {
        let wanted = |key: &&AccessKey| key.user == user && (with_deleted || key.deleted_at.is_none());
        let mut keys: Vec<AccessKey> = self.keys.values().filter(wanted).cloned().collect();
        keys.sort_by_key(|key| (key.created_at, key.uuid));
        keys
    }

    fn is_serial_taken(&self, serial: Serial) -> bool {
        self.accounts.values().any(|account| account.serial == serial)
            || self.users.values().any(|user| user.serial == serial)
    }

    fn holds(&self, require: &Require) -> bool {
        match require {
            Require::StoreIsEmpty => self.accounts.is_empty(),
            Require::CallerMayAct { key, role, at } => self.may_act(*key, *role, *at),
            Require::UserVersionIs(user, version) => {
                self.users.get(user).is_some_and(|user| user.version == *version)
            }
            Require::KeyVersionIs(key, version) => {
                self.keys.get(key).is_some_and(|key| key.version == *version)
            }
            Require::UserIsLive(user) => self.users.get(user).is_some_and(|user| user.deleted_at.is_none()),
            Require::LiveKeysAre(user, keys) => {
                let mut wanted = keys.clone();
                wanted.sort();
                wanted.dedup();
                let found: Vec<KeyUuid> = self.live_keys(*user).map(|key| key.uuid).collect();
                found == wanted
            }
            Require::NameIsFree { account, name, except } => {
                self.live_users(*account).all(|user| user.name_key != *name || Some(user.uuid) == *except)
            }
            Require::KeyIdIsFree(key_id) => self.keys.values().all(|key| key.key_id != *key_id),
            Require::SerialIsFree(serial) => !self.is_serial_taken(*serial),
            Require::KeysBelow { user, schemes, limit } => {
                let counts = |key: &&AccessKey| key.kind == KeyKind::Permanent && key.schemes.meets(*schemes);
                is_below(self.live_keys(*user).filter(counts).count(), *limit)
            }
            Require::UsersBelow { account, limit } => is_below(self.live_users(*account).count(), *limit),
            Require::AnotherAdminKeyRemains { account, lost_keys, lost_user, at } => {
                let remains = |user: &User| Some(user.uuid) != *lost_user;
                let is_admin = |user: &&User| user.role == Role::Admin && user.status == UserStatus::Active;
                let works =
                    |key: &AccessKey| key.kind == KeyKind::Permanent && key.status == KeyStatus::Active;
                self.live_users(*account).filter(is_admin).any(|user| {
                    remains(user)
                        && self
                            .live_keys(user.uuid)
                            .any(|key| works(key) && !key.is_expired(*at) && !lost_keys.contains(&key.uuid))
                })
            }
        }
    }

    fn may_act(&self, key: KeyUuid, role: Role, at: UnixMillis) -> bool {
        let works = |key: &AccessKey| {
            key.deleted_at.is_none() && key.status == KeyStatus::Active && !key.is_expired(at)
        };
        let Some(key) = self.keys.get(&key).filter(|key| works(key)) else { return false };
        let parent_works = key.parent.is_none_or(|parent| self.keys.get(&parent).is_some_and(works));
        let Some(user) = self.users.get(&key.user) else { return false };
        let user_works = user.deleted_at.is_none() && user.status == UserStatus::Active && user.role == role;
        let account_works = self
            .accounts
            .get(&user.account)
            .is_some_and(|account| account.deleted_at.is_none() && account.status == AccountStatus::Active);
        parent_works && user_works && account_works
    }

    /// All effects or none.
    fn apply_all(&mut self, effects: &[Effect]) -> Result<(), StoreError> {
        let mut done: Vec<Undo> = Vec::new();
        for effect in effects {
            match self.fits(effect) {
                Ok(()) => done.push(self.apply(effect)),
                Err(what) => {
                    done.into_iter().rev().for_each(|undo| undo(self));
                    return Err(StoreError::Corrupt(what.to_owned()));
                }
            }
        }
        for effect in effects {
            if let Effect::CountRefusals(count) = effect {
                let oldest = count.minute.saturating_sub(KEPT_MINUTES);
                self.refusals.retain(|(minute, ..), _| *minute >= oldest);
            }
        }
        Ok(())
    }

    /// What is unique stays so, what is referred to exists, and what never changes does not.
    fn fits(&self, effect: &Effect) -> Result<(), &'static str> {
        match effect {
            Effect::InsertAccount(new) => {
                ensure(!self.accounts.contains_key(&new.uuid), "the account exists")?;
                ensure(!self.is_serial_taken(new.serial), "the serial is taken")?;
                self.account_name_fits(new)
            }
            Effect::InsertUser(new) => {
                let account = self.accounts.get(&new.account).ok_or("the account does not exist")?;
                ensure(!self.users.contains_key(&new.uuid), "the user exists")?;
                if new.is_root {
                    ensure(account.serial == new.serial, "root has another serial than the account")?;
                    let other = self.users.values().any(|user| user.is_root && user.account == new.account);
                    ensure(!other, "the account has a root user")?;
                } else {
                    ensure(!self.is_serial_taken(new.serial), "the serial is taken")?;
                }
                self.user_name_fits(new)
            }
            Effect::UpdateUser(new) => {
                let fixed = |user: &User| (user.serial, user.account, user.is_root, user.created_at);
                let old = self.users.get(&new.uuid).ok_or("the user does not exist")?;
                ensure(fixed(old) == fixed(new), "what never changes of a user has changed")?;
                self.user_name_fits(new)
            }
            Effect::InsertKey(new) => {
                let user = self.users.get(&new.user).ok_or("the user does not exist")?;
                ensure(user.account == new.account, "the user is of another account")?;
                ensure(!self.keys.contains_key(&new.uuid), "the key exists")?;
                ensure(self.keys.values().all(|key| key.key_id != new.key_id), "the key id is taken")?;
                ensure(
                    new.parent.is_none_or(|parent| self.keys.contains_key(&parent)),
                    "the parent does not exist",
                )
            }
            Effect::UpdateKey(new) => {
                let fixed = |key: &AccessKey| AccessKey {
                    schemes: new.schemes,
                    status: new.status,
                    sealed: new.sealed.clone(),
                    sources: new.sources.clone(),
                    not_before: new.not_before,
                    expires_at: new.expires_at,
                    description: new.description.clone(),
                    version: new.version,
                    modified_at: new.modified_at,
                    modified_by: new.modified_by,
                    deleted_at: new.deleted_at,
                    deleted_by: new.deleted_by,
                    mark: new.mark,
                    ..key.clone()
                };
                let old = self.keys.get(&new.uuid).ok_or("the key does not exist")?;
                ensure(fixed(old) == *new, "what never changes of a key has changed")
            }
            Effect::InsertRingKey(new) => ensure(!self.ring.contains_key(&new.id), "the ring key exists"),
            Effect::CountSeals { ring_key, .. } => {
                ensure(self.ring.contains_key(ring_key), "the ring key does not exist")
            }
            Effect::CountRefusals(_) | Effect::NoteUse(_) => Ok(()),
        }
    }

    fn account_name_fits(&self, new: &Account) -> Result<(), &'static str> {
        let clashes = |other: &Account| {
            other.uuid != new.uuid && other.name_key == new.name_key && other.deleted_at.is_none()
        };
        ensure(new.deleted_at.is_some() || !self.accounts.values().any(clashes), "the account name is taken")
    }

    fn user_name_fits(&self, new: &User) -> Result<(), &'static str> {
        let clashes = |other: &User| other.uuid != new.uuid && other.name_key == new.name_key;
        let taken = self.live_users(new.account).any(clashes);
        ensure(new.deleted_at.is_some() || !taken, "the user name is taken")
    }

    fn apply(&mut self, effect: &Effect) -> Undo {
        match effect {
            Effect::InsertAccount(new) => put(self, |rows| &mut rows.accounts, new.uuid, new.clone()),
            Effect::InsertUser(new) | Effect::UpdateUser(new) => {
                put(self, |rows| &mut rows.users, new.uuid, new.clone())
            }
            Effect::InsertKey(new) | Effect::UpdateKey(new) => {
                put(self, |rows| &mut rows.keys, new.uuid, new.clone())
            }
            Effect::InsertRingKey(new) => put(self, |rows| &mut rows.ring, new.id, new.clone()),
            Effect::CountSeals { ring_key, seals } => match self.ring.get(ring_key).cloned() {
                Some(row) => {
                    let row = RingRow { seals: row.seals + seals, ..row };
                    put(self, |rows| &mut rows.ring, row.id, row)
                }
                None => Box::new(|_| {}),
            },
            Effect::CountRefusals(new) => {
                let text = |text: &str| text.to_owned();
                let (source, key_id) = (text(&new.source), text(&new.key_id));
                let kind = (new.minute, source, key_id, text(&new.reason), text(&new.dialect));
                let count = self.refusals.get(&kind).copied().unwrap_or_default() + new.count;
                put(self, |rows| &mut rows.refusals, kind, count)
            }
            Effect::NoteUse(KeyUse { key, last }) => match self.last_used.get(key) {
                Some(known) if known.at > last.at => Box::new(|_| {}),
                Some(_) | None => put(self, |rows| &mut rows.last_used, *key, last.clone()),
            },
        }
    }
}

/// Sets `key` to `value` and says how to go back.
fn put<K: Ord + Clone + 'static, V: 'static>(
    rows: &mut Rows,
    map: fn(&mut Rows) -> &mut BTreeMap<K, V>,
    key: K,
    value: V,
) -> Undo {
    let old = map(rows).insert(key.clone(), value);
    Box::new(move |rows| {
        match old {
            Some(old) => map(rows).insert(key, old),
            None => map(rows).remove(&key),
        };
    })
}

fn ensure(holds: bool, otherwise: &'static str) -> Result<(), &'static str> {
    if holds { Ok(()) } else { Err(otherwise) }
}

fn is_below(count: usize, limit: u32) -> bool {
    u32::try_from(count).is_ok_and(|count| count < limit)
}

fn closed() -> StoreError {
    StoreError::Unavailable("the store is closed".to_owned())
}

fn page<T>(rows: impl Iterator<Item = T>, limit: u32) -> Vec<T> {
    rows.take(usize::try_from(limit).unwrap_or(usize::MAX)).collect()
}

impl Store for MemoryStore {
    fn commit(&self, batch: Batch) -> Pin<Box<dyn Future<Output = Result<(), CommitError>> + Send + '_>> {
        Box::pin(async move { self.write(&batch) })
    }

    fn key_owner(&self, key_id: &KeyId) -> StoreFuture<'_, Option<KeyOwner>> {
        self.read(|rows| {
            let key = rows.keys.values().find(|key| key.key_id == *key_id);
            key.map(|key| KeyOwner { account: key.account, user: key.user })
        })
    }

    fn user_named(&self, account: AccountUuid, name: &NameKey) -> StoreFuture<'_, Option<UserUuid>> {
        self.read(|rows| rows.live_users(account).find(|user| user.name_key == *name).map(|user| user.uuid))
    }

    fn user_with_serial(&self, account: AccountUuid, serial: Serial) -> StoreFuture<'_, Option<UserUuid>> {
        self.read(|rows| rows.live_users(account).find(|user| user.serial == serial).map(|user| user.uuid))
    }

    fn user_rows(&self, user: UserUuid) -> StoreFuture<'_, Option<UserRows>> {
        self.read(|rows| {
            let user = rows.users.get(&user)?.clone();
            let account = rows.accounts.get(&user.account)?.clone();
            let keys = rows.sorted_keys(user.uuid, false);
            Some(UserRows { account, user, keys })
        })
    }

    fn list_users(&self, account: AccountUuid, offset: u64, limit: u32) -> StoreFuture<'_, UserPage> {
        self.read(|rows| {
            let mut users: Vec<&User> = rows.live_users(account).collect();
            users.sort_by_key(|user| (user.created_at, user.uuid));
            let total = u64::try_from(users.len()).unwrap_or(u64::MAX);
            let rest = users.into_iter().skip(usize::try_from(offset).unwrap_or(usize::MAX));
            let users = page(rest.map(|user| (user.clone(), rows.sorted_keys(user.uuid, false))), limit);
            UserPage { users, total }
        })
    }

    fn scan_accounts(&self, after: Option<AccountUuid>, limit: u32) -> StoreFuture<'_, Vec<Account>> {
        self.read(|rows| page(rows.accounts.values().filter(|row| Some(row.uuid) > after).cloned(), limit))
    }

    fn scan_users(
        &self,
        after: Option<UserUuid>,
        limit: u32,
    ) -> StoreFuture<'_, Vec<(User, Vec<AccessKey>)>> {
        self.read(|rows| {
            let rest = rows.users.values().filter(|row| Some(row.uuid) > after);
            page(rest.map(|user| (user.clone(), rows.sorted_keys(user.uuid, true))), limit)
        })
    }

    fn row_counts(&self) -> StoreFuture<'_, RowCounts> {
        let count = |rows: usize| u64::try_from(rows).unwrap_or(u64::MAX);
        self.read(|rows| RowCounts {
            accounts: count(rows.accounts.len()),
            users: count(rows.users.len()),
            keys: count(rows.keys.len()),
        })
    }

    fn check(&self) -> StoreFuture<'_, Vec<String>> {
        self.read(|_| Vec::new())
    }

    fn audit_rows(&self, node: NodeId, after: u64, limit: u32) -> StoreFuture<'_, Vec<AuditRow>> {
        self.read(|rows| {
            let of_node = rows.audit.values().filter(|row| row.node == node && row.seq > after);
            page(of_node.cloned(), limit)
        })
    }

    fn refusals(&self, since_minute: i64, limit: u32) -> StoreFuture<'_, Vec<RefusalCount>> {
        self.read(|rows| {
            let mut counts: Vec<RefusalCount> =
                rows.refusals.iter().map(|(kind, count)| refusal(kind, *count)).collect();
            counts.retain(|count| count.minute >= since_minute);
            counts.sort_by_key(|count| std::cmp::Reverse(count.minute));
            page(counts.into_iter(), limit)
        })
    }

    fn last_uses(&self, keys: Vec<KeyUuid>) -> StoreFuture<'_, Vec<KeyUse>> {
        self.read(|rows| {
            let used = |key: KeyUuid| Some(KeyUse { key, last: rows.last_used.get(&key)?.clone() });
            keys.into_iter().filter_map(used).collect()
        })
    }

    fn audit_heads(&self) -> StoreFuture<'_, Vec<ChainHead>> {
        self.read(|rows| {
            let mut heads: BTreeMap<NodeId, ChainHead> = BTreeMap::new();
            for row in rows.audit.values() {
                heads.insert(row.node, ChainHead { node: row.node, seq: row.seq, mark: row.mark });
            }
            heads.into_values().collect()
        })
    }

    fn key_ring(&self) -> StoreFuture<'_, Vec<RingRow>> {
        self.read(|rows| rows.ring.values().cloned().collect())
    }

    fn close(&self) -> StoreFuture<'_, ()> {
        self.state().is_closed = true;
        Box::pin(std::future::ready(Ok(())))
    }
}

fn refusal(kind: &RefusalKind, count: u64) -> RefusalCount {
    let (minute, source, key_id, reason, dialect) = kind.clone();
    RefusalCount { minute, source, key_id, reason: reason.into(), dialect: dialect.into(), count }
}
