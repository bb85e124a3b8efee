//! What the domain asks of a store: a few reads, and one way to write.
//!
//! Implementations live in the crate `stores`; one conformance suite covers them all.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use crate::access_keys::{AccessKey, KeyScan, KeyScanPage};
use crate::accounts::Account;
use crate::audit::{AuditRow, ChainHead};
use crate::audit_log::{AuditPage, AuditScan};
use crate::batch::{Batch, Require};
use crate::id::{AccountUuid, KeyId, KeyUuid, NodeId, Serial, UserUuid};
use crate::idempotency::RememberedRequest;
use crate::last_used::{KeyUse, UseKind};
use crate::name::NameKey;
use crate::passwords::Password;
use crate::refusals::RefusalCount;
use crate::ssh_keys::{Fingerprint, SshKey};
use crate::tokens::{Token, TokenHash, TokenKey, TokenKind};
use crate::users::{User, UserPlace};
use crate::vault::{Mark, RingRow};

/// An answer of the store. Boxed, because the store is a trait object; nothing on the hot path asks it.
pub type StoreFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// Why the store could not answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Its queue is full; try again later.
    #[error("the store is busy")]
    Busy,
    /// No room left on the device: writes are refused, reads go on (promise P6).
    #[error("the store's disk is full")]
    DiskFull,
    /// It failed for good and the process is about to stop (promise P5), or it is closed.
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
    /// A stored record cannot be read back, or what is stored contradicts a write whose requirements held. Never served as
    /// data (promise P7).
    #[error("the store contradicts itself: {0}")]
    Corrupt(String),
}

/// Why a batch was not written. Nothing of it was.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommitError {
    /// This requirement did not hold when the transaction looked.
    #[error("a requirement of the batch did not hold")]
    Refused(Box<Require>),
    /// The store could not write.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A user with his account and all his live keys: the unit that the directory keeps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserRows {
    /// His account.
    pub account: Account,
    /// The user, live or not.
    pub user: User,
    /// His keys that are not deleted, by creation time, then record.
    pub keys: Vec<AccessKey>,
    /// His tokens, in the order of their hashes.
    pub tokens: Vec<Token>,
    /// The temporary keys of his tokens, in the order of their records.
    pub token_keys: Vec<TokenKey>,
}

/// Whose an access key id or a token is. Never changes: ids are unique over all rows, deleted ones included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyOwner {
    /// The account.
    pub account: AccountUuid,
    /// The user.
    pub user: UserUuid,
}

/// A page of an account's users.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserPage {
    /// The users of the page, by creation time, then id, each with his live keys.
    pub users: Vec<(User, Vec<AccessKey>)>,
    /// All live users of the account.
    pub total: u64,
}

/// How many rows there are, tombstones included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RowCounts {
    /// Accounts.
    pub accounts: u64,
    /// Users.
    pub users: u64,
    /// Access keys.
    pub keys: u64,
    /// SSH keys.
    pub ssh_keys: u64,
}

/// Where data lives. All reads see every batch whose `commit` returned before they began.
pub trait Store: Send + Sync {
    /// Writes a batch whole or not at all. Returns after the write is durable and the observer has been told. A batch that
    /// [lacks its audit](Batch::lacks_audit), or whose effects contradict what is stored, is [`StoreError::Corrupt`].
    fn commit(&self, batch: Batch) -> Pin<Box<dyn Future<Output = Result<(), CommitError>> + Send + '_>>;

    /// Whose this id is, deleted keys and keys of tokens included.
    fn key_owner(&self, key_id: &KeyId) -> StoreFuture<'_, Option<KeyOwner>>;

    /// The live user of that name.
    fn user_named(&self, account: AccountUuid, name: &NameKey) -> StoreFuture<'_, Option<UserUuid>>;

    /// The live user of that number.
    fn user_with_serial(&self, account: AccountUuid, serial: Serial) -> StoreFuture<'_, Option<UserUuid>>;

    /// The live account of that name.
    fn account_named(&self, name: &NameKey) -> StoreFuture<'_, Option<Account>>;

    /// A user with his account, live keys, tokens and keys of these, deleted users included.
    fn user_rows(&self, user: UserUuid) -> StoreFuture<'_, Option<UserRows>>;

    /// A key by its id, deleted keys included.
    fn key_with_id(&self, key_id: &KeyId) -> StoreFuture<'_, Option<AccessKey>>;

    /// The request that was remembered under this key.
    fn remembered_request(&self, key: Mark) -> StoreFuture<'_, Option<RememberedRequest>>;

    /// A page of an account's audit; cut by [`AuditScan::collect`].
    fn scan_audit(&self, scan: AuditScan) -> StoreFuture<'_, AuditPage>;

    /// A page of an account's live users: at most `limit` after skipping `offset`.
    fn list_users(&self, account: AccountUuid, offset: u64, limit: u32) -> StoreFuture<'_, UserPage>;

    /// Live users of an account by creation time, then id: at most `limit` after that place.
    fn users_after(
        &self,
        account: AccountUuid,
        after: Option<UserPlace>,
        limit: u32,
    ) -> StoreFuture<'_, Vec<User>>;

    /// A key by its record, deleted keys included.
    fn key_row(&self, key: KeyUuid) -> StoreFuture<'_, Option<AccessKey>>;

    /// Keys of an account in the order of creation.
    fn scan_keys(&self, scan: KeyScan) -> StoreFuture<'_, KeyScanPage>;

    /// Accounts in the order of their ids, tombstones included: at most `limit` after `after`.
    fn scan_accounts(&self, after: Option<AccountUuid>, limit: u32) -> StoreFuture<'_, Vec<Account>>;

    /// Users in the order of their ids, tombstones included, each with all his keys, tombstones included.
    fn scan_users(&self, after: Option<UserUuid>, limit: u32)
    -> StoreFuture<'_, Vec<(User, Vec<AccessKey>)>>;

    /// A user's live SSH keys, by creation time, then number.
    fn ssh_keys(&self, user: UserUuid) -> StoreFuture<'_, Vec<SshKey>>;

    /// The live SSH key of that number.
    fn ssh_key_with_serial(&self, account: AccountUuid, serial: Serial) -> StoreFuture<'_, Option<SshKey>>;

    /// The live SSH key of that fingerprint.
    fn ssh_key_with_fingerprint(
        &self,
        account: AccountUuid,
        fingerprint: &Fingerprint,
    ) -> StoreFuture<'_, Option<SshKey>>;

    /// Live SSH keys of an account in the order of their records: at most `limit` after `after`.
    fn ssh_keys_of_account(
        &self,
        account: AccountUuid,
        after: Option<KeyUuid>,
        limit: u32,
    ) -> StoreFuture<'_, Vec<SshKey>>;

    /// All SSH keys in the order of their records, tombstones included: at most `limit` after `after`.
    fn scan_ssh_keys(&self, after: Option<KeyUuid>, limit: u32) -> StoreFuture<'_, Vec<SshKey>>;

    /// A user's password.
    fn password(&self, user: UserUuid) -> StoreFuture<'_, Option<Password>>;

    /// Whose the token is.
    fn token_owner(&self, hash: &TokenHash) -> StoreFuture<'_, Option<KeyOwner>>;

    /// Tokens of one kind in an account, by name, then hash: at most `limit`.
    fn tokens(&self, account: AccountUuid, kind: TokenKind, limit: u32) -> StoreFuture<'_, Vec<Token>>;

    /// How many rows there are.
    fn row_counts(&self) -> StoreFuture<'_, RowCounts>;

    /// What the store finds wrong with itself: files, pages, indexes that differ from their tables. Empty when all is well.
    fn check(&self) -> StoreFuture<'_, Vec<String>>;

    /// Audit rows of one node after `after`, at most `limit`, in chain order.
    fn audit_rows(&self, node: NodeId, after: u64, limit: u32) -> StoreFuture<'_, Vec<AuditRow>>;

    /// Refusals counted since that minute, newest first, then in the order of their fields: at most `limit`.
    fn refusals(&self, since_minute: i64, limit: u32) -> StoreFuture<'_, Vec<RefusalCount>>;

    /// The last uses of these keys of one kind, in any order; keys that were never used so, and unknown ones, are left out.
    fn last_uses(&self, kind: UseKind, keys: Vec<KeyUuid>) -> StoreFuture<'_, Vec<KeyUse>>;

    /// The last audit row of each node, oldest node first.
    fn audit_heads(&self) -> StoreFuture<'_, Vec<ChainHead>>;

    /// The wrapped keys.
    fn key_ring(&self) -> StoreFuture<'_, Vec<RingRow>>;

    /// Stops: what was queued is written, then nothing more is accepted.
    fn close(&self) -> StoreFuture<'_, ()>;
}

/// A store that the use cases share.
pub type SharedStore = Arc<dyn Store>;

/// Told of each transaction between its COMMIT and the moment its waiters wake, on the committer's own thread and never by
/// a request: that order is what makes a revocation hold from its acknowledgement on.
pub trait CommitObserver: Send + Sync {
    /// Effects that are now durable.
    fn committed(&self, batch: &Batch);

    /// The store failed for good: nothing is acknowledged from here on and the process must stop (promise P5).
    fn failed(&self, cause: &str);

    /// The newest link of the audit chain, after each transaction.
    fn chained(&self, head: &ChainHead);

    /// How long a transaction took, its sync included; for the metrics.
    fn timed(&self, _took: Duration) {}
}
