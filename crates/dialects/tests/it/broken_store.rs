//! A store that never answers: for what a dialect says then.

use std::future::{Future, ready};
use std::pin::Pin;

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
use domain::store::{CommitError, KeyOwner, RowCounts, Store, StoreError, StoreFuture, UserPage, UserRows};
use domain::tokens::{Token, TokenHash, TokenKind};
use domain::users::{User, UserPlace};
use domain::vault::{Mark, RingRow};

pub struct BrokenStore;

fn busy<T: Send + 'static>() -> StoreFuture<'static, T> {
    Box::pin(ready(Err(StoreError::Busy)))
}

impl Store for BrokenStore {
    fn commit(&self, _: Batch) -> Pin<Box<dyn Future<Output = Result<(), CommitError>> + Send + '_>> {
        Box::pin(ready(Err(StoreError::Busy.into())))
    }

    fn key_owner(&self, _: &KeyId) -> StoreFuture<'_, Option<KeyOwner>> {
        busy()
    }

    fn user_named(&self, _: AccountUuid, _: &NameKey) -> StoreFuture<'_, Option<UserUuid>> {
        busy()
    }

    fn user_with_serial(&self, _: AccountUuid, _: Serial) -> StoreFuture<'_, Option<UserUuid>> {
        busy()
    }

    fn user_rows(&self, _: UserUuid) -> StoreFuture<'_, Option<UserRows>> {
        busy()
    }

    fn key_with_id(&self, _: &KeyId) -> StoreFuture<'_, Option<AccessKey>> {
        busy()
    }

    fn remembered_request(&self, _: Mark) -> StoreFuture<'_, Option<RememberedRequest>> {
        busy()
    }

    fn scan_audit(&self, _: AuditScan) -> StoreFuture<'_, AuditPage> {
        busy()
    }

    fn list_users(&self, _: AccountUuid, _: u64, _: u32) -> StoreFuture<'_, UserPage> {
        busy()
    }

    fn key_row(&self, _: KeyUuid) -> StoreFuture<'_, Option<AccessKey>> {
        busy()
    }

    fn scan_keys(&self, _: KeyScan) -> StoreFuture<'_, KeyScanPage> {
        busy()
    }

    fn scan_accounts(&self, _: Option<AccountUuid>, _: u32) -> StoreFuture<'_, Vec<Account>> {
        busy()
    }

    fn scan_users(&self, _: Option<UserUuid>, _: u32) -> StoreFuture<'_, Vec<(User, Vec<AccessKey>)>> {
        busy()
    }

    fn account_named(&self, _: &NameKey) -> StoreFuture<'_, Option<Account>> {
        busy()
    }

    fn ssh_keys(&self, _: UserUuid) -> StoreFuture<'_, Vec<SshKey>> {
        busy()
    }

    fn ssh_key_with_serial(&self, _: AccountUuid, _: Serial) -> StoreFuture<'_, Option<SshKey>> {
        busy()
    }

    fn ssh_key_with_fingerprint(&self, _: AccountUuid, _: &Fingerprint) -> StoreFuture<'_, Option<SshKey>> {
        busy()
    }

    fn ssh_keys_of_account(
        &self,
        _: AccountUuid,
        _: Option<KeyUuid>,
        _: u32,
    ) -> StoreFuture<'_, Vec<SshKey>> {
        busy()
    }

    fn scan_ssh_keys(&self, _: Option<KeyUuid>, _: u32) -> StoreFuture<'_, Vec<SshKey>> {
        busy()
    }

    fn password(&self, _: UserUuid) -> StoreFuture<'_, Option<Password>> {
        busy()
    }

    fn token_owner(&self, _: &TokenHash) -> StoreFuture<'_, Option<KeyOwner>> {
        busy()
    }

    fn tokens(&self, _: AccountUuid, _: TokenKind, _: u32) -> StoreFuture<'_, Vec<Token>> {
        busy()
    }

    fn users_after(&self, _: AccountUuid, _: Option<UserPlace>, _: u32) -> StoreFuture<'_, Vec<User>> {
        busy()
    }

    fn row_counts(&self) -> StoreFuture<'_, RowCounts> {
        busy()
    }

    fn check(&self) -> StoreFuture<'_, Vec<String>> {
        busy()
    }

    fn audit_rows(&self, _: NodeId, _: u64, _: u32) -> StoreFuture<'_, Vec<AuditRow>> {
        busy()
    }

    fn refusals(&self, _: i64, _: u32) -> StoreFuture<'_, Vec<RefusalCount>> {
        busy()
    }

    fn last_uses(&self, _: UseKind, _: Vec<KeyUuid>) -> StoreFuture<'_, Vec<KeyUse>> {
        busy()
    }

    fn audit_heads(&self) -> StoreFuture<'_, Vec<ChainHead>> {
        busy()
    }

    fn key_ring(&self) -> StoreFuture<'_, Vec<RingRow>> {
        busy()
    }

    fn close(&self) -> StoreFuture<'_, ()> {
        busy()
    }
}
