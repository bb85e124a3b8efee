//! Requirements as queries. They run inside the write transaction, so what they find stays so until the effects are in.

use std::collections::BTreeSet;

use domain::batch::Require;
use domain::caller::Credential;
use domain::clock::UnixMillis;
use domain::id::{AccountUuid, KeyUuid, UserUuid};
use rusqlite::{Connection, Params, params};

use super::fault::Fault;
use super::rows::Columns;
use super::token_keys;

/// Whether `require` holds now.
pub(super) fn holds(db: &Connection, require: &Require) -> Result<bool, Fault> {
    match require {
        Require::StoreIsEmpty => is_none(db, "SELECT 1 FROM accounts", []),
        Require::CallerMayAct { credential: Credential::Key(key), role, at } => {
            is_some(db, CALLER_MAY_ACT, params![key.as_bytes(), role.as_str(), at.0])
        }
        Require::CallerMayAct { credential: Credential::Token(hash), role, at } => {
            is_some(db, TOKEN_MAY_ACT, params![hash.0, role.as_str(), at.0])
        }
        Require::CallerMayAct { credential: Credential::TokenKey(key), role, at } => {
            is_some(db, TOKEN_KEY_MAY_ACT, params![key.as_bytes(), role.as_str(), at.0])
        }
        Require::UserVersionIs(user, version) => is_some(
            db,
            "SELECT 1 FROM users WHERE uuid = ?1 AND version = ?2",
            params![user.as_bytes(), version],
        ),
        Require::KeyVersionIs(key, version) => is_some(
            db,
            "SELECT 1 FROM access_keys WHERE uuid = ?1 AND version = ?2",
            params![key.as_bytes(), version],
        ),
        Require::UserIsLive(user) => is_some(
            db,
            "SELECT 1 FROM users WHERE uuid = ?1 AND deleted_at IS NULL",
            params![user.as_bytes()],
        ),
        Require::LiveKeysAre(user, keys) => {
            let query = "SELECT uuid FROM access_keys WHERE user = ?1 AND deleted_at IS NULL";
            keys_are(db, query, params![user.as_bytes()], keys)
        }
        Require::NameIsFree { account, name, except } => is_none(
            db,
            "SELECT 1 FROM users WHERE account = ?1 AND name_key = ?2 AND deleted_at IS NULL AND uuid IS NOT ?3",
            params![account.as_bytes(), name.as_str(), except.as_ref().map(UserUuid::as_bytes)],
        ),
        Require::AccountNameIsFree(name) => {
            let query = "SELECT 1 FROM accounts WHERE name_key = ?1 AND deleted_at IS NULL";
            is_none(db, query, params![name.as_str()])
        }
        Require::AccountVersionIs(account, version) => is_some(
            db,
            "SELECT 1 FROM accounts WHERE uuid = ?1 AND version = ?2",
            params![account.as_bytes(), version],
        ),
        Require::RequestIsNew { key, remembered_since } => {
            let query = "SELECT 1 FROM remembered_requests WHERE key = ?1 AND at > ?2";
            is_none(db, query, params![key, remembered_since.0])
        }
        Require::KeyIdIsFree(key_id) => {
            let query = "SELECT 1 FROM access_keys WHERE key_id = ?1 \
                 UNION ALL SELECT 1 FROM token_keys WHERE key_id = ?1";
            is_none(db, query, params![key_id.as_str()])
        }
        Require::SerialIsFree(serial) => {
            is_none(db, "SELECT 1 FROM serials WHERE serial = ?1", params![serial.get()])
        }
        Require::KeysBelow { user, schemes, limit } => {
            let query = "SELECT count(*) FROM access_keys \
                 WHERE user = ?1 AND deleted_at IS NULL AND kind = 'permanent' AND schemes & ?2 <> 0 \
                 AND successor IS NULL";
            is_below(db, query, params![user.as_bytes(), schemes.bits()], *limit)
        }
        Require::SshKeyVersionIs(key, version) => is_some(
            db,
            "SELECT 1 FROM ssh_keys WHERE uuid = ?1 AND version = ?2",
            params![key.as_bytes(), version],
        ),
        Require::LiveSshKeysAre(user, keys) => {
            let query = "SELECT uuid FROM ssh_keys WHERE user = ?1 AND deleted_at IS NULL";
            keys_are(db, query, params![user.as_bytes()], keys)
        }
        Require::SshKeyIsFree { account, fingerprint } => is_none(
            db,
            "SELECT 1 FROM ssh_keys WHERE account = ?1 AND sha256 = ?2 AND deleted_at IS NULL",
            params![account.as_bytes(), fingerprint.0],
        ),
        Require::SshKeysBelow { user, limit } => {
            let query = "SELECT count(*) FROM ssh_keys WHERE user = ?1 AND deleted_at IS NULL";
            is_below(db, query, params![user.as_bytes()], *limit)
        }
        Require::GateTokenIsFree { account, name } => is_none(
            db,
            "SELECT 1 FROM tokens WHERE account = ?1 AND name = ?2 AND kind = 'gate'",
            params![account.as_bytes(), name],
        ),
        Require::TokenExists(hash) => is_some(db, "SELECT 1 FROM tokens WHERE hash = ?1", params![hash.0]),
        Require::ChildrenBelow { user, parent, limit, at } => {
            let query = "SELECT count(*) FROM access_keys WHERE user = ?1 AND deleted_at IS NULL AND parent = ?2 \
                 AND (expires_at IS NULL OR expires_at > ?3)";
            is_below(db, query, params![user.as_bytes(), parent.as_bytes(), at.0], *limit)
        }
        Require::TokenKeysBelow { user, limit, at } => {
            is_below(db, token_keys::COUNT, params![user.as_bytes(), at.0], *limit)
        }
        Require::ChildrenAre { user, parent, keys } => {
            let query = "SELECT uuid FROM access_keys WHERE user = ?1 AND deleted_at IS NULL AND parent = ?2";
            keys_are(db, query, params![user.as_bytes(), parent.as_bytes()], keys)
        }
        Require::UsersBelow { account, limit } => {
            let query = "SELECT count(*) FROM users WHERE account = ?1 AND deleted_at IS NULL";
            is_below(db, query, params![account.as_bytes()], *limit)
        }
        Require::AnotherAdminKeyRemains { account, lost_keys, lost_user, at } => {
            another_admin_key_remains(db, *account, lost_keys, *lost_user, *at)
        }
    }
}

const CALLER_MAY_ACT: &str = "SELECT 1 FROM access_keys AS key \
     JOIN users AS user ON user.uuid = key.user \
     JOIN accounts AS account ON account.uuid = user.account \
     LEFT JOIN access_keys AS parent ON parent.uuid = key.parent \
     WHERE key.uuid = ?1 AND key.deleted_at IS NULL AND key.status = 'active' \
     AND (key.expires_at IS NULL OR key.expires_at > ?3) \
     AND (key.parent IS NULL OR (parent.uuid IS NOT NULL AND parent.deleted_at IS NULL \
          AND parent.status = 'active' AND (parent.expires_at IS NULL OR parent.expires_at > ?3))) \
     AND user.deleted_at IS NULL AND user.status = 'active' AND user.role = ?2 \
     AND account.deleted_at IS NULL AND account.status = 'active'";

const TOKEN_MAY_ACT: &str = "SELECT 1 FROM tokens AS token \
     JOIN users AS user ON user.uuid = token.user AND user.version = token.user_version \
     JOIN accounts AS account ON account.uuid = user.account \
     WHERE token.hash = ?1 AND token.kind = 'session' AND (token.expires_at IS NULL OR token.expires_at > ?3) \
     AND user.deleted_at IS NULL AND user.status = 'active' AND user.role = ?2 \
     AND account.deleted_at IS NULL AND account.status = 'active'";

const TOKEN_KEY_MAY_ACT: &str = "SELECT 1 FROM token_keys AS key JOIN tokens AS token ON token.hash = key.token \
     JOIN users AS user ON user.uuid = token.user AND user.version = token.user_version \
     JOIN accounts AS account ON account.uuid = user.account \
     WHERE key.uuid = ?1 AND key.expires_at > ?3 \
     AND token.kind = 'session' AND (token.expires_at IS NULL OR token.expires_at > ?3) \
     AND user.deleted_at IS NULL AND user.status = 'active' AND user.role = ?2 \
     AND account.deleted_at IS NULL AND account.status = 'active'";

/// Usually the first row decides: the root user is the oldest.
const ADMIN_KEYS: &str = "SELECT key.uuid, key.user FROM users AS user \
     JOIN access_keys AS key ON key.user = user.uuid AND key.deleted_at IS NULL \
     WHERE user.account = ?1 AND user.deleted_at IS NULL AND user.role = 'admin' AND user.status = 'active' \
     AND key.kind = 'permanent' AND key.status = 'active' AND (key.expires_at IS NULL OR key.expires_at > ?2) \
     AND (key.not_before IS NULL OR key.not_before <= ?2) AND key.audience = ''";

fn is_some(db: &Connection, query: &str, params: impl Params) -> Result<bool, Fault> {
    Ok(db.prepare_cached(query)?.exists(params)?)
}

fn is_none(db: &Connection, query: &str, params: impl Params) -> Result<bool, Fault> {
    is_some(db, query, params).map(|found| !found)
}

fn is_below(db: &Connection, query: &str, params: impl Params, limit: u32) -> Result<bool, Fault> {
    let count: u64 = db.prepare_cached(query)?.query_row(params, |row| row.get(0))?;
    Ok(count < u64::from(limit))
}

fn keys_are(db: &Connection, query: &str, params: impl Params, keys: &[KeyUuid]) -> Result<bool, Fault> {
    let mut statement = db.prepare_cached(query)?;
    let found =
        statement.query_and_then(params, |row| Columns::of("access_keys", row).id(KeyUuid::from_bytes))?;
    let found: BTreeSet<KeyUuid> = found.collect::<Result<_, Fault>>()?;
    Ok(found == keys.iter().copied().collect())
}

fn another_admin_key_remains(
    db: &Connection,
    account: AccountUuid,
    lost_keys: &[KeyUuid],
    lost_user: Option<UserUuid>,
    at: UnixMillis,
) -> Result<bool, Fault> {
    let mut statement = db.prepare_cached(ADMIN_KEYS)?;
    let candidates = statement.query_and_then(params![account.as_bytes(), at.0], |row| {
        let mut columns = Columns::of("access_keys", row);
        Ok::<_, Fault>((columns.id(KeyUuid::from_bytes)?, columns.id(UserUuid::from_bytes)?))
    })?;
    for candidate in candidates {
        let (key, user) = candidate?;
        if !lost_keys.contains(&key) && Some(user) != lost_user {
            return Ok(true);
        }
    }
    Ok(false)
}
