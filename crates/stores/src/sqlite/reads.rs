//! Every read as queries on one connection. The caller has begun a transaction, so a read of several statements sees one
//! moment.

use std::sync::LazyLock;

use domain::access_keys::AccessKey;
use domain::accounts::Account;
use domain::audit::{AuditRow, ChainHead};
use domain::audit_log::{AuditOrder, AuditPage, AuditPlace, AuditScan};
use domain::id::{AccountUuid, KeyId, KeyUuid, NodeId, Serial, UserUuid};
use domain::idempotency::RememberedRequest;
use domain::last_used::{KeyUse, UseKind};
use domain::name::NameKey;
use domain::refusals::RefusalCount;
use domain::store::{KeyOwner, RowCounts, UserPage, UserRows};
use domain::users::{User, UserPlace};
use domain::vault::{Mark, RingRow};
use rusqlite::{Connection, Params, Row, params};

use super::fault::Fault;
use super::logins;
use super::rows::{self, Columns};
use super::token_keys;

/// Smaller than every id: UUIDs of version 7 begin with their time.
const BEFORE_ALL: &[u8; 16] = &[0; 16];

type Query = LazyLock<String>;

pub(super) fn key_owner(db: &Connection, key_id: &KeyId) -> Result<Option<KeyOwner>, Fault> {
    let query = "SELECT account, user FROM access_keys WHERE key_id = ?1";
    match first(db, query, params![key_id.as_str()], rows::key_owner)? {
        Some(owner) => Ok(Some(owner)),
        None => token_keys::owner(db, key_id),
    }
}

pub(super) fn key_with_id(db: &Connection, key_id: &KeyId) -> Result<Option<AccessKey>, Fault> {
    static KEY: Query =
        LazyLock::new(|| format!("SELECT {} FROM access_keys WHERE key_id = ?1", rows::ACCESS_KEY));
    first(db, &KEY, params![key_id.as_str()], rows::access_key)
}

pub(super) fn remembered_request(db: &Connection, key: Mark) -> Result<Option<RememberedRequest>, Fault> {
    let query = "SELECT key, request, object, at, mark FROM remembered_requests WHERE key = ?1";
    first(db, query, params![key], rows::remembered_request)
}

/// One query for each index and direction: it is walked row by row, so a page costs what it looks at.
pub(super) fn scan_audit(db: &Connection, scan: &AuditScan) -> Result<AuditPage, Fault> {
    let (behind, direction, from) = match scan.order {
        AuditOrder::Ascending => (">", "ASC", AuditPlace { node: NodeId::from_bytes(*BEFORE_ALL), seq: 0 }),
        AuditOrder::Descending => ("<", "DESC", AuditPlace { node: NodeId::from_bytes([0xff; 16]), seq: 0 }),
    };
    let (column, value) = match &scan.filter.object {
        Some(object) => ("object", object),
        None => ("account", scan.filter.account.as_bytes()),
    };
    let query = format!(
        "SELECT {} FROM audit WHERE {column} = ?1 AND (node, seq) {behind} (?2, ?3) \
         ORDER BY node {direction}, seq {direction}",
        rows::AUDIT
    );
    let from = scan.after.unwrap_or(from);
    let seq = i64::try_from(from.seq).unwrap_or(i64::MAX);
    let mut statement = db.prepare_cached(&query)?;
    scan.collect(statement.query_and_then(params![value, from.node.as_bytes(), seq], rows::audit)?)
}

pub(super) fn user_named(
    db: &Connection,
    account: AccountUuid,
    name: &NameKey,
) -> Result<Option<UserUuid>, Fault> {
    let query = "SELECT uuid FROM users WHERE account = ?1 AND name_key = ?2 AND deleted_at IS NULL";
    first(db, query, params![account.as_bytes(), name.as_str()], |row| {
        Columns::of("users", row).id(UserUuid::from_bytes)
    })
}

pub(super) fn user_with_serial(
    db: &Connection,
    account: AccountUuid,
    serial: Serial,
) -> Result<Option<UserUuid>, Fault> {
    let query = "SELECT uuid FROM users WHERE serial = ?2 AND account = ?1 AND deleted_at IS NULL";
    first(db, query, params![account.as_bytes(), serial.get()], |row| {
        Columns::of("users", row).id(UserUuid::from_bytes)
    })
}

pub(super) fn account_named(db: &Connection, name: &NameKey) -> Result<Option<Account>, Fault> {
    static NAMED: Query = LazyLock::new(|| {
        format!("SELECT {} FROM accounts WHERE name_key = ?1 AND deleted_at IS NULL", rows::ACCOUNT)
    });
    first(db, &NAMED, params![name.as_str()], rows::account)
}

pub(super) fn user_rows(db: &Connection, user: UserUuid) -> Result<Option<UserRows>, Fault> {
    static USER: Query = LazyLock::new(|| format!("SELECT {} FROM users WHERE uuid = ?1", rows::USER));
    static ACCOUNT: Query =
        LazyLock::new(|| format!("SELECT {} FROM accounts WHERE uuid = ?1", rows::ACCOUNT));
    let Some(user) = first(db, &USER, params![user.as_bytes()], rows::user)? else { return Ok(None) };
    let account = first(db, &ACCOUNT, params![user.account.as_bytes()], rows::account)?;
    let account =
        account.ok_or_else(|| Fault::Row(format!("table users, row {}: it has no account", user.uuid)))?;
    let keys = live_keys(db, user.uuid)?;
    let tokens = logins::tokens_of_user(db, user.uuid)?;
    let token_keys = token_keys::of_user(db, user.uuid)?;
    Ok(Some(UserRows { account, user, keys, tokens, token_keys }))
}

pub(super) fn list_users(
    db: &Connection,
    account: AccountUuid,
    offset: u64,
    limit: u32,
) -> Result<UserPage, Fault> {
    static PAGE: Query = LazyLock::new(|| {
        format!(
            "SELECT {} FROM users WHERE account = ?1 AND deleted_at IS NULL \
             ORDER BY created_at, uuid LIMIT ?2 OFFSET ?3",
            rows::USER
        )
    });
    let count = "SELECT count(*) FROM users WHERE account = ?1 AND deleted_at IS NULL";
    let total = db.prepare_cached(count)?.query_row(params![account.as_bytes()], |row| row.get(0))?;
    // An offset beyond what SQLite counts in is beyond every user too.
    let offset = i64::try_from(offset).unwrap_or(i64::MAX);
    let users = all(db, &PAGE, params![account.as_bytes(), limit, offset], rows::user)?;
    let with_keys = |user: User| live_keys(db, user.uuid).map(|keys| (user, keys));
    Ok(UserPage { users: users.into_iter().map(with_keys).collect::<Result<_, _>>()?, total })
}

pub(super) fn users_after(
    db: &Connection,
    account: AccountUuid,
    after: Option<UserPlace>,
    limit: u32,
) -> Result<Vec<User>, Fault> {
    static PAGE: Query = LazyLock::new(|| {
        format!(
            "SELECT {} FROM users WHERE account = ?1 AND deleted_at IS NULL AND (created_at, uuid) > (?2, ?3) \
             ORDER BY created_at, uuid LIMIT ?4",
            rows::USER
        )
    });
    let (at, uuid) = after.map_or((i64::MIN, *BEFORE_ALL), |(at, user)| (at.0, *user.as_bytes()));
    all(db, &PAGE, params![account.as_bytes(), at, uuid, limit], rows::user)
}

pub(super) fn scan_accounts(
    db: &Connection,
    after: Option<AccountUuid>,
    limit: u32,
) -> Result<Vec<Account>, Fault> {
    static SCAN: Query = LazyLock::new(|| {
        format!("SELECT {} FROM accounts WHERE uuid > ?1 ORDER BY uuid LIMIT ?2", rows::ACCOUNT)
    });
    let after = after.as_ref().map_or(BEFORE_ALL, AccountUuid::as_bytes);
    all(db, &SCAN, params![after, limit], rows::account)
}

pub(super) fn scan_users(
    db: &Connection,
    after: Option<UserUuid>,
    limit: u32,
) -> Result<Vec<(User, Vec<AccessKey>)>, Fault> {
    static SCAN: Query =
        LazyLock::new(|| format!("SELECT {} FROM users WHERE uuid > ?1 ORDER BY uuid LIMIT ?2", rows::USER));
    let after = after.as_ref().map_or(BEFORE_ALL, UserUuid::as_bytes);
    let users = all(db, &SCAN, params![after, limit], rows::user)?;
    let with_keys = |user: User| {
        let mut keys = live_keys(db, user.uuid)?;
        keys.extend(dead_keys(db, user.uuid)?);
        keys.sort_by_key(|key| (key.created_at, key.uuid));
        Ok((user, keys))
    };
    users.into_iter().map(with_keys).collect()
}

pub(super) fn row_counts(db: &Connection) -> Result<RowCounts, Fault> {
    let count = |query: &str| -> Result<u64, Fault> {
        Ok(db.prepare_cached(query)?.query_row([], |row| row.get(0))?)
    };
    Ok(RowCounts {
        accounts: count("SELECT count(*) FROM accounts")?,
        users: count("SELECT count(*) FROM users")?,
        keys: count("SELECT count(*) FROM access_keys")?,
        ssh_keys: count("SELECT count(*) FROM ssh_keys")?,
    })
}

pub(super) fn audit_rows(
    db: &Connection,
    node: NodeId,
    after: u64,
    limit: u32,
) -> Result<Vec<AuditRow>, Fault> {
    static ROWS: Query = LazyLock::new(|| {
        format!("SELECT {} FROM audit WHERE node = ?1 AND seq > ?2 ORDER BY seq LIMIT ?3", rows::AUDIT)
    });
    let after = i64::try_from(after).unwrap_or(i64::MAX);
    all(db, &ROWS, params![node.as_bytes(), after, limit], rows::audit)
}

/// Jumps from node to node along the primary key; grouping would read the whole audit.
const AUDIT_HEADS: &str = "WITH RECURSIVE nodes (node) AS ( \
         SELECT min(node) FROM audit \
         UNION ALL SELECT (SELECT min(node) FROM audit WHERE node > nodes.node) FROM nodes WHERE node IS NOT NULL) \
     SELECT node, seq, mark FROM audit AS entry JOIN nodes USING (node) \
     WHERE seq = (SELECT max(seq) FROM audit WHERE node = entry.node) ORDER BY node";

pub(super) fn audit_heads(db: &Connection) -> Result<Vec<ChainHead>, Fault> {
    all(db, AUDIT_HEADS, [], rows::chain_head)
}

pub(super) fn refusals(db: &Connection, since_minute: i64, limit: u32) -> Result<Vec<RefusalCount>, Fault> {
    static ROWS: Query = LazyLock::new(|| {
        format!(
            "SELECT {} FROM refusals WHERE minute >= ?1 \
             ORDER BY minute DESC, source, key_id, reason, dialect LIMIT ?2",
            rows::REFUSAL
        )
    });
    all(db, &ROWS, params![since_minute, limit], rows::refusal)
}

pub(super) fn last_uses(db: &Connection, kind: UseKind, keys: &[KeyUuid]) -> Result<Vec<KeyUse>, Fault> {
    static ONE: Query = LazyLock::new(|| {
        format!("SELECT {} FROM last_used WHERE kind = ?1 AND record = ?2", rows::LAST_USED)
    });
    let one = |key: &KeyUuid| {
        first(db, &ONE, params![kind.as_str(), key.as_bytes()], |row| rows::key_use(kind, row)).transpose()
    };
    keys.iter().filter_map(one).collect()
}

pub(super) fn key_ring(db: &Connection) -> Result<Vec<RingRow>, Fault> {
    static ROWS: Query = LazyLock::new(|| format!("SELECT {} FROM key_ring ORDER BY id", rows::RING_KEY));
    all(db, &ROWS, [], rows::ring_key)
}

fn live_keys(db: &Connection, user: UserUuid) -> Result<Vec<AccessKey>, Fault> {
    static LIVE: Query = LazyLock::new(|| {
        format!(
            "SELECT {} FROM access_keys WHERE user = ?1 AND deleted_at IS NULL ORDER BY created_at, uuid",
            rows::ACCESS_KEY
        )
    });
    all(db, &LIVE, params![user.as_bytes()], rows::access_key)
}

fn dead_keys(db: &Connection, user: UserUuid) -> Result<Vec<AccessKey>, Fault> {
    static DEAD: Query = LazyLock::new(|| {
        format!(
            "SELECT {} FROM access_keys WHERE user = ?1 AND deleted_at IS NOT NULL ORDER BY created_at, uuid",
            rows::ACCESS_KEY
        )
    });
    all(db, &DEAD, params![user.as_bytes()], rows::access_key)
}

pub(super) fn all<T>(
    db: &Connection,
    query: &str,
    params: impl Params,
    read: impl Fn(&Row<'_>) -> Result<T, Fault>,
) -> Result<Vec<T>, Fault> {
    db.prepare_cached(query)?.query_and_then(params, read)?.collect()
}

pub(super) fn first<T>(
    db: &Connection,
    query: &str,
    params: impl Params,
    read: impl Fn(&Row<'_>) -> Result<T, Fault>,
) -> Result<Option<T>, Fault> {
    let mut statement = db.prepare_cached(query)?;
    let mut rows = statement.query_and_then(params, read)?;
    rows.next().transpose()
}
