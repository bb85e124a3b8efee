//! Everything that a store holds, read through the trait in small pages: equal dumps mean equal stores.

use domain::access_keys::AccessKey;
use domain::accounts::Account;
use domain::audit::{AuditRow, ChainHead};
use domain::last_used::{KeyUse, UseKind};
use domain::passwords::Password;
use domain::refusals::RefusalCount;
use domain::ssh_keys::SshKey;
use domain::store::{RowCounts, Store};
use domain::tokens::{Token, TokenKey};
use domain::users::User;
use domain::vault::RingRow;

/// All rows of a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dump {
    /// Accounts by id.
    pub accounts: Vec<Account>,
    /// Users by id, each with all his keys.
    pub users: Vec<(User, Vec<AccessKey>)>,
    /// SSH keys by id.
    pub ssh_keys: Vec<SshKey>,
    /// Passwords, tokens and keys of tokens, in the order of the users.
    pub logins: Vec<(Option<Password>, Vec<Token>, Vec<TokenKey>)>,
    /// How many rows there are.
    pub counts: RowCounts,
    /// Audit rows, node by node.
    pub audit: Vec<AuditRow>,
    /// Chain heads.
    pub heads: Vec<ChainHead>,
    /// The key ring.
    pub ring: Vec<RingRow>,
    /// Last uses of the keys, by key.
    pub last_used: Vec<KeyUse>,
    /// Counted refusals.
    pub refusals: Vec<RefusalCount>,
}

/// Reads everything.
pub async fn dump(store: &dyn Store) -> Dump {
    const PAGE: u32 = 3;
    let mut accounts: Vec<Account> = Vec::new();
    loop {
        let page = store.scan_accounts(accounts.last().map(|row| row.uuid), PAGE).await.unwrap();
        if page.is_empty() {
            break;
        }
        accounts.extend(page);
    }
    let mut users: Vec<(User, Vec<AccessKey>)> = Vec::new();
    loop {
        let page = store.scan_users(users.last().map(|(row, _)| row.uuid), PAGE).await.unwrap();
        if page.is_empty() {
            break;
        }
        users.extend(page);
    }
    let mut ssh_keys: Vec<SshKey> = Vec::new();
    loop {
        let page = store.scan_ssh_keys(ssh_keys.last().map(|row| row.uuid), PAGE).await.unwrap();
        if page.is_empty() {
            break;
        }
        ssh_keys.extend(page);
    }
    let mut logins = Vec::new();
    for (user, _) in &users {
        let rows = store.user_rows(user.uuid).await.unwrap().unwrap();
        logins.push((store.password(user.uuid).await.unwrap(), rows.tokens, rows.token_keys));
    }
    let heads = store.audit_heads().await.unwrap();
    let mut audit: Vec<AuditRow> = Vec::new();
    for head in &heads {
        let mut after = 0;
        loop {
            let page = store.audit_rows(head.node, after, PAGE).await.unwrap();
            let Some(last) = page.last() else { break };
            after = last.seq;
            audit.extend(page);
        }
    }
    let keys: Vec<_> = users.iter().flat_map(|(_, keys)| keys.iter().map(|key| key.uuid)).collect();
    let mut last_used = Vec::new();
    for kind in UseKind::ALL {
        last_used.extend(store.last_uses(kind, keys.clone()).await.unwrap());
    }
    last_used.sort_by_key(|used| (used.kind, used.key));
    Dump {
        accounts,
        users,
        ssh_keys,
        logins,
        counts: store.row_counts().await.unwrap(),
        audit,
        heads,
        ring: store.key_ring().await.unwrap(),
        last_used,
        refusals: store.refusals(i64::MIN, u32::MAX).await.unwrap(),
    }
}
