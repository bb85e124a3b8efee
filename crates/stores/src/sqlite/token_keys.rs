//! Temporary keys of session tokens: rows, reads and effects. No statement here deletes them with their token: the schema does.

use std::sync::LazyLock;

use domain::access_keys::SchemeSet;
use domain::clock::UnixMillis;
use domain::id::{AccountUuid, KeyId, KeyUuid, UserUuid};
use domain::store::KeyOwner;
use domain::tokens::{TokenHash, TokenKey};
use domain::vault::Mark;
use rusqlite::{Connection, Row, params};

use super::effects::write_one;
use super::fault::Fault;
use super::reads::{all, first};
use super::rows::{self, Columns};

/// Columns in the order in which [`token_key`] reads them.
const TOKEN_KEY: &str = "uuid, key_id, token, account, user, dialect, schemes, sealed, security_token, issued_at, \
     expires_at, mark";

fn token_key(row: &Row<'_>) -> Result<TokenKey, Fault> {
    let mut columns = Columns::of("token_keys", row);
    Ok(TokenKey {
        uuid: columns.id(KeyUuid::from_bytes)?,
        key_id: KeyId::new(columns.value::<String>()?),
        token: TokenHash(columns.value()?),
        account: columns.id(AccountUuid::from_bytes)?,
        user: columns.id(UserUuid::from_bytes)?,
        dialect: columns.value()?,
        schemes: SchemeSet::from_bits(columns.value()?),
        sealed: columns.value()?,
        security_token: TokenHash(columns.value()?),
        issued_at: columns.time()?,
        expires_at: columns.time()?,
        mark: columns.value::<Mark>()?,
    })
}

pub(super) fn of_user(db: &Connection, user: UserUuid) -> Result<Vec<TokenKey>, Fault> {
    static OF_USER: LazyLock<String> =
        LazyLock::new(|| format!("SELECT {TOKEN_KEY} FROM token_keys WHERE user = ?1 ORDER BY uuid"));
    all(db, &OF_USER, params![user.as_bytes()], token_key)
}

pub(super) fn owner(db: &Connection, key_id: &KeyId) -> Result<Option<KeyOwner>, Fault> {
    let query = "SELECT account, user FROM token_keys WHERE key_id = ?1";
    first(db, query, params![key_id.as_str()], rows::key_owner)
}

/// How many of a user's keys are not expired at that time.
pub(super) const COUNT: &str = "SELECT count(*) FROM token_keys WHERE user = ?1 AND expires_at > ?2";

/// A key belongs to its token's user: the SELECT finds no such session of another one.
const INSERT: &str = "INSERT INTO token_keys (uuid, key_id, token, account, user, dialect, schemes, sealed, \
     security_token, issued_at, expires_at, mark) \
     SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12 \
     FROM tokens WHERE hash = ?3 AND account = ?4 AND user = ?5 AND kind = 'session'";

pub(super) fn insert(db: &Connection, key: &TokenKey) -> Result<(), Fault> {
    write_one(
        db,
        INSERT,
        params![
            key.uuid.as_bytes(),
            key.key_id.as_str(),
            key.token.0,
            key.account.as_bytes(),
            key.user.as_bytes(),
            key.dialect,
            key.schemes.bits(),
            key.sealed,
            key.security_token.0,
            key.issued_at.0,
            key.expires_at.0,
            key.mark,
        ],
    )?;
    delete_expired(db, key.user, key.issued_at)
}

fn delete_expired(db: &Connection, user: UserUuid, now: UnixMillis) -> Result<(), Fault> {
    db.prepare_cached("DELETE FROM token_keys WHERE user = ?1 AND expires_at <= ?2")?
        .execute(params![user.as_bytes(), now.0])?;
    Ok(())
}
