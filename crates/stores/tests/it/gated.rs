//! A store whose loads of users can be held back after they have read and before they answer.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use domain::access_keys::{AccessKey, KeyScan, KeyScanPage};
use domain::accounts::Account;
use domain::audit::{AuditRow, ChainHead};
use domain::audit_log::{AuditPage, AuditScan};
use domain::batch::Batch;
use domain::id::{AccountUuid, KeyId, KeyUuid, NodeId, Serial, UserUuid};
use domain::idempotency::RememberedRequest;
use domain::last_used::{KeyUse, UseKind};
use domain::name::NameKey;
use domain::passwords::Password;
use domain::refusals::RefusalCount;
use domain::ssh_keys::{Fingerprint, SshKey};
use domain::store::{CommitError, KeyOwner, RowCounts, SharedStore, Store, StoreFuture, UserPage, UserRows};
use domain::tokens::{Token, TokenHash, TokenKind};
use domain::users::{User, UserPlace};
use domain::vault::{Mark, RingRow};

/// Holds loads of users back after they have read.
#[derive(Default)]
pub(crate) struct Gate {
    is_closed: AtomicBool,
    held: AtomicU64,
    arrived: tokio::sync::Notify,
    opened: tokio::sync::Notify,
}

impl Gate {
    pub(crate) fn close(&self) {
        self.is_closed.store(true, Ordering::SeqCst);
    }

    /// Loads that begin from here on are not held; those that are held stay so.
    pub(crate) fn let_others_pass(&self) {
        self.is_closed.store(false, Ordering::SeqCst);
    }

    pub(crate) fn open(&self) {
        self.let_others_pass();
        self.opened.notify_waiters();
    }

    pub(crate) async fn wait_for_loads(&self, count: u64) {
        while self.held.load(Ordering::SeqCst) < count {
            self.arrived.notified().await;
        }
    }

    async fn pass(&self) {
        if self.is_closed.load(Ordering::SeqCst) {
            let opened = self.opened.notified();
            self.held.fetch_add(1, Ordering::SeqCst);
            self.arrived.notify_one();
            opened.await;
        }
    }
}

/// A store behind a gate.
pub(crate) struct Gated {
    pub(crate) store: SharedStore,
    pub(crate) gate: Arc<Gate>,
}

impl Store for Gated {
    fn user_rows(&self, user: UserUuid) -> StoreFuture<'_, Option<UserRows>> {
        Box::pin(async move {
            let rows = self.store.user_rows(user).await;
            self.gate.pass().await;
            rows
        })
    }

    fn commit(&self, batch: Batch) -> Pin<Box<dyn Future<Output = Result<(), CommitError>> + Send + '_>> {
        self.store.commit(batch)
    }

    fn key_owner(&self, key_id: &KeyId) -> StoreFuture<'_, Option<KeyOwner>> {
        self.store.key_owner(key_id)
    }

    fn user_with_serial(&self, account: AccountUuid, serial: Serial) -> StoreFuture<'_, Option<UserUuid>> {
        self.store.user_with_serial(account, serial)
    }

    fn user_named(&self, account: AccountUuid, name: &NameKey) -> StoreFuture<'_, Option<UserUuid>> {
        self.store.user_named(account, name)
    }

    fn key_with_id(&self, key_id: &KeyId) -> StoreFuture<'_, Option<AccessKey>> {
        self.store.key_with_id(key_id)
    }

    fn remembered_request(&self, key: Mark) -> StoreFuture<'_, Option<RememberedRequest>> {
        self.store.remembered_request(key)
    }

    fn scan_audit(&self, scan: AuditScan) -> StoreFuture<'_, AuditPage> {
        self.store.scan_audit(scan)
    }

    fn list_users(&self, account: AccountUuid, offset: u64, limit: u32) -> StoreFuture<'_, UserPage> {
        self.store.list_users(account, offset, limit)
    }

    fn users_after(
        &self,
        account: AccountUuid,
        after: Option<UserPlace>,
        limit: u32,
    ) -> StoreFuture<'_, Vec<User>> {
        self.store.users_after(account, after, limit)
    }

    fn key_row(&self, key: KeyUuid) -> StoreFuture<'_, Option<AccessKey>> {
        self.store.key_row(key)
    }

    fn scan_keys(&self, scan: KeyScan) -> StoreFuture<'_, KeyScanPage> {
        self.store.scan_keys(scan)
    }

    fn scan_accounts(&self, after: Option<AccountUuid>, limit: u32) -> StoreFuture<'_, Vec<Account>> {
        self.store.scan_accounts(after, limit)
    }

    fn scan_users(
        &self,
        after: Option<UserUuid>,
        limit: u32,
    ) -> StoreFuture<'_, Vec<(User, Vec<AccessKey>)>> {
        self.store.scan_users(after, limit)
    }

    fn account_named(&self, name: &NameKey) -> StoreFuture<'_, Option<Account>> {
        self.store.account_named(name)
    }

    fn ssh_keys(&self, user: UserUuid) -> StoreFuture<'_, Vec<SshKey>> {
        self.store.ssh_keys(user)
    }

    fn ssh_key_with_serial(&self, account: AccountUuid, serial: Serial) -> StoreFuture<'_, Option<SshKey>> {
        self.store.ssh_key_with_serial(account, serial)
    }

    fn ssh_key_with_fingerprint(
        &self,
        account: AccountUuid,
        wanted: &Fingerprint,
    ) -> StoreFuture<'_, Option<SshKey>> {
        self.store.ssh_key_with_fingerprint(account, wanted)
    }

    fn ssh_keys_of_account(
        &self,
        account: AccountUuid,
        after: Option<KeyUuid>,
        limit: u32,
    ) -> StoreFuture<'_, Vec<SshKey>> {
        self.store.ssh_keys_of_account(account, after, limit)
    }

    fn scan_ssh_keys(&self, after: Option<KeyUuid>, limit: u32) -> StoreFuture<'_, Vec<SshKey>> {
        self.store.scan_ssh_keys(after, limit)
    }

    fn password(&self, user: UserUuid) -> StoreFuture<'_, Option<Password>> {
        self.store.password(user)
    }

    fn token_owner(&self, hash: &TokenHash) -> StoreFuture<'_, Option<KeyOwner>> {
        self.store.token_owner(hash)
    }

    fn tokens(&self, account: AccountUuid, kind: TokenKind, limit: u32) -> StoreFuture<'_, Vec<Token>> {
        self.store.tokens(account, kind, limit)
    }

    fn row_counts(&self) -> StoreFuture<'_, RowCounts> {
        self.store.row_counts()
    }

    fn check(&self) -> StoreFuture<'_, Vec<String>> {
        self.store.check()
    }

    fn audit_rows(&self, node: NodeId, after: u64, limit: u32) -> StoreFuture<'_, Vec<AuditRow>> {
        self.store.audit_rows(node, after, limit)
    }

    fn refusals(&self, since_minute: i64, limit: u32) -> StoreFuture<'_, Vec<RefusalCount>> {
        self.store.refusals(since_minute, limit)
    }

    fn last_uses(&self, kind: UseKind, keys: Vec<KeyUuid>) -> StoreFuture<'_, Vec<KeyUse>> {
        self.store.last_uses(kind, keys)
    }

    fn audit_heads(&self) -> StoreFuture<'_, Vec<ChainHead>> {
        self.store.audit_heads()
    }

    fn key_ring(&self) -> StoreFuture<'_, Vec<RingRow>> {
        self.store.key_ring()
    }

    fn close(&self) -> StoreFuture<'_, ()> {
        self.store.close()
    }
}
