//! The model: a store that is obviously right, for comparing others with and for tests that need no disk. Plain maps behind
//! one lock; every rule is written down once more, in the simplest way.

mod effects;
mod requires;

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::access_keys::{AccessKey, Direction, KeyScan, KeyScanPage, Total};
use domain::accounts::Account;
use domain::audit::{AuditChain, AuditRow, ChainHead};
use domain::audit_log::{AuditOrder, AuditPage, AuditPlace, AuditScan};
use domain::batch::Batch;
use domain::id::{AccountUuid, KeyId, KeyUuid, NodeId, Serial, UserUuid};
use domain::idempotency::RememberedRequest;
use domain::last_used::{KeyUse, LastUse, UseKind};
use domain::name::NameKey;
use domain::passwords::Password;
use domain::refusals::RefusalCount;
use domain::ssh_keys::{Fingerprint, SshKey};
use domain::store::{
    CommitError, CommitObserver, KeyOwner, RowCounts, Store, StoreError, StoreFuture, UserPage, UserRows,
};
use domain::tokens::{Token, TokenHash, TokenKey, TokenKind};
use domain::users::{User, UserPlace};
use domain::vault::{Mark, RingRow};

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
    requests: BTreeMap<Mark, RememberedRequest>,
    refusals: BTreeMap<RefusalKind, u64>,
    last_used: BTreeMap<(UseKind, KeyUuid), LastUse>,
    ssh_keys: BTreeMap<KeyUuid, SshKey>,
    passwords: BTreeMap<UserUuid, Password>,
    tokens: BTreeMap<TokenHash, Token>,
    token_keys: BTreeMap<KeyUuid, TokenKey>,
}

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

    fn live_ssh_keys(&self) -> impl Iterator<Item = &SshKey> {
        self.ssh_keys.values().filter(|key| key.deleted_at.is_none())
    }

    fn is_serial_taken(&self, serial: Serial) -> bool {
        self.accounts.values().any(|account| account.serial == serial)
            || self.users.values().any(|user| user.serial == serial)
            || self.ssh_keys.values().any(|key| key.serial == serial)
    }
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
            let token_key = rows.token_keys.values().find(|key| key.key_id == *key_id);
            let owner = key.map(|key| KeyOwner { account: key.account, user: key.user });
            owner.or(token_key.map(|key| KeyOwner { account: key.account, user: key.user }))
        })
    }

    fn user_named(&self, account: AccountUuid, name: &NameKey) -> StoreFuture<'_, Option<UserUuid>> {
        self.read(|rows| rows.live_users(account).find(|user| user.name_key == *name).map(|user| user.uuid))
    }

    fn user_with_serial(&self, account: AccountUuid, serial: Serial) -> StoreFuture<'_, Option<UserUuid>> {
        self.read(|rows| rows.live_users(account).find(|user| user.serial == serial).map(|user| user.uuid))
    }

    fn account_named(&self, name: &NameKey) -> StoreFuture<'_, Option<Account>> {
        self.read(|rows| {
            let named = |account: &&Account| account.name_key == *name && account.deleted_at.is_none();
            rows.accounts.values().find(named).cloned()
        })
    }

    fn user_rows(&self, user: UserUuid) -> StoreFuture<'_, Option<UserRows>> {
        self.read(|rows| {
            let user = rows.users.get(&user)?.clone();
            let account = rows.accounts.get(&user.account)?.clone();
            let keys = rows.sorted_keys(user.uuid, false);
            let tokens = rows.tokens.values().filter(|token| token.user == user.uuid).cloned().collect();
            let token_keys = rows.token_keys.values().filter(|key| key.user == user.uuid).cloned().collect();
            Some(UserRows { account, user, keys, tokens, token_keys })
        })
    }

    fn key_with_id(&self, key_id: &KeyId) -> StoreFuture<'_, Option<AccessKey>> {
        self.read(|rows| rows.keys.values().find(|key| key.key_id == *key_id).cloned())
    }

    fn remembered_request(&self, key: Mark) -> StoreFuture<'_, Option<RememberedRequest>> {
        self.read(|rows| rows.requests.get(&key).cloned())
    }

    fn scan_audit(&self, scan: AuditScan) -> StoreFuture<'_, AuditPage> {
        self.read(|rows| {
            let place = |row: &AuditRow| AuditPlace { node: row.node, seq: row.seq };
            let is_looked_at = |row: &&AuditRow| match scan.filter.object {
                Some(object) => row.entry.object == object,
                None => row.entry.account == scan.filter.account,
            };
            let mut found: Vec<&AuditRow> = rows.audit.values().filter(is_looked_at).collect();
            if scan.order == AuditOrder::Descending {
                found.reverse();
            }
            let is_behind = |row: &&AuditRow| match (scan.after, scan.order) {
                (None, _) => true,
                (Some(after), AuditOrder::Ascending) => place(row) > after,
                (Some(after), AuditOrder::Descending) => place(row) < after,
            };
            let rows = found.into_iter().filter(is_behind).cloned();
            let page: Result<AuditPage, std::convert::Infallible> = scan.collect(rows.map(Ok));
            page.unwrap_or_default()
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

    fn users_after(
        &self,
        account: AccountUuid,
        after: Option<UserPlace>,
        limit: u32,
    ) -> StoreFuture<'_, Vec<User>> {
        self.read(|rows| {
            let mut users: Vec<&User> = rows.live_users(account).collect();
            users.sort_by_key(|user| (user.created_at, user.uuid));
            page(users.into_iter().filter(|user| Some((user.created_at, user.uuid)) > after).cloned(), limit)
        })
    }

    fn key_row(&self, key: KeyUuid) -> StoreFuture<'_, Option<AccessKey>> {
        self.read(|rows| rows.keys.get(&key).cloned())
    }

    fn scan_keys(&self, scan: KeyScan) -> StoreFuture<'_, KeyScanPage> {
        self.read(|rows| {
            let last_use =
                |key: &AccessKey| rows.last_used.get(&(UseKind::AccessKey, key.uuid)).map(|last| last.at);
            let matches =
                |key: &&AccessKey| key.account == scan.account && scan.filter.shows(key, last_use(key));
            let place = |key: &AccessKey| (key.created_at, key.uuid);
            let mut keys: Vec<AccessKey> = rows.keys.values().filter(matches).cloned().collect();
            let all = u64::try_from(keys.len()).unwrap_or(u64::MAX);
            keys.sort_by_key(place);
            if scan.direction == Direction::Descending {
                keys.reverse();
            }
            let is_behind = |key: &AccessKey| match (scan.after, scan.direction) {
                (None, _) => true,
                (Some(after), Direction::Ascending) => place(key) > after,
                (Some(after), Direction::Descending) => place(key) < after,
            };
            let keys = page(keys.into_iter().filter(is_behind), scan.limit);
            KeyScanPage { keys, total: (scan.total == Total::Counted).then_some(all) }
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

    fn ssh_keys(&self, user: UserUuid) -> StoreFuture<'_, Vec<SshKey>> {
        self.read(|rows| {
            let mut keys: Vec<SshKey> =
                rows.live_ssh_keys().filter(|key| key.user == user).cloned().collect();
            keys.sort_by_key(|key| (key.created_at, key.serial));
            keys
        })
    }

    fn ssh_key_with_serial(&self, account: AccountUuid, serial: Serial) -> StoreFuture<'_, Option<SshKey>> {
        let wanted = move |key: &&SshKey| key.account == account && key.serial == serial;
        self.read(|rows| rows.live_ssh_keys().find(wanted).cloned())
    }

    fn ssh_key_with_fingerprint(
        &self,
        account: AccountUuid,
        fingerprint: &Fingerprint,
    ) -> StoreFuture<'_, Option<SshKey>> {
        let wanted = |key: &&SshKey| key.account == account && key.fingerprint == *fingerprint;
        self.read(|rows| rows.live_ssh_keys().find(wanted).cloned())
    }

    fn ssh_keys_of_account(
        &self,
        account: AccountUuid,
        after: Option<KeyUuid>,
        limit: u32,
    ) -> StoreFuture<'_, Vec<SshKey>> {
        let wanted = |key: &&SshKey| key.account == account && Some(key.uuid) > after;
        self.read(|rows| page(rows.live_ssh_keys().filter(wanted).cloned(), limit))
    }

    fn scan_ssh_keys(&self, after: Option<KeyUuid>, limit: u32) -> StoreFuture<'_, Vec<SshKey>> {
        self.read(|rows| page(rows.ssh_keys.values().filter(|row| Some(row.uuid) > after).cloned(), limit))
    }

    fn password(&self, user: UserUuid) -> StoreFuture<'_, Option<Password>> {
        self.read(|rows| rows.passwords.get(&user).cloned())
    }

    fn token_owner(&self, hash: &TokenHash) -> StoreFuture<'_, Option<KeyOwner>> {
        self.read(|rows| {
            let token = rows.tokens.get(hash)?;
            Some(KeyOwner { account: token.account, user: token.user })
        })
    }

    fn tokens(&self, account: AccountUuid, kind: TokenKind, limit: u32) -> StoreFuture<'_, Vec<Token>> {
        self.read(|rows| {
            let wanted = |token: &&Token| token.account == account && token.kind == kind;
            let mut tokens: Vec<&Token> = rows.tokens.values().filter(wanted).collect();
            tokens.sort_by(|a, b| (&a.name, a.hash).cmp(&(&b.name, b.hash)));
            page(tokens.into_iter().cloned(), limit)
        })
    }

    fn row_counts(&self) -> StoreFuture<'_, RowCounts> {
        let count = |rows: usize| u64::try_from(rows).unwrap_or(u64::MAX);
        self.read(|rows| RowCounts {
            accounts: count(rows.accounts.len()),
            users: count(rows.users.len()),
            keys: count(rows.keys.len()),
            ssh_keys: count(rows.ssh_keys.len()),
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

    fn last_uses(&self, kind: UseKind, keys: Vec<KeyUuid>) -> StoreFuture<'_, Vec<KeyUse>> {
        self.read(|rows| {
            let used = |key| Some(KeyUse { kind, key, last: rows.last_used.get(&(kind, key))?.clone() });
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
