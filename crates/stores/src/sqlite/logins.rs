//! SSH keys, passwords and tokens: rows, reads and effects.

use std::sync::LazyLock;

use domain::access_keys::KeyStatus;
use domain::id::{AccountUuid, KeyUuid, Serial, UserUuid};
use domain::passwords::{HashCost, Password};
use domain::ssh_keys::{Fingerprint, SshKey, SshKeyType};
use domain::store::KeyOwner;
use domain::tokens::{SESSIONS_PER_USER, Token, TokenHash, TokenKind};
use domain::vault::Mark;
use rusqlite::{Connection, Row, params};

use super::effects::{take_serial, write_one};
use super::fault::Fault;
use super::reads::{all, first};
use super::rows::{Columns, sources_text};

/// Columns in the order in which [`ssh_key`] reads them.
const SSH_KEY: &str = "uuid, serial, account, user, type, blob, sha256, body, title, status, expires_at, version, \
     created_at, created_by, modified_at, modified_by, deleted_at, deleted_by, mark, sources";
/// Columns in the order in which [`token`] reads them.
const TOKEN: &str = "hash, kind, account, user, user_version, name, issued_at, expires_at, mark";
/// Smaller than every id.
const BEFORE_ALL: &[u8; 16] = &[0; 16];

type Query = LazyLock<String>;

fn ssh_key(row: &Row<'_>) -> Result<SshKey, Fault> {
    let mut columns = Columns::of("ssh_keys", row);
    Ok(SshKey {
        uuid: columns.id(KeyUuid::from_bytes)?,
        serial: columns.number(Serial::new)?,
        account: columns.id(AccountUuid::from_bytes)?,
        user: columns.id(UserUuid::from_bytes)?,
        kind: columns.word(SshKeyType::parse)?,
        blob: columns.value()?,
        fingerprint: Fingerprint(columns.value()?),
        text: columns.value()?,
        title: columns.value()?,
        status: columns.word(KeyStatus::parse)?,
        expires_at: columns.maybe_time()?,
        version: columns.value()?,
        created_at: columns.time()?,
        created_by: columns.id(UserUuid::from_bytes)?,
        modified_at: columns.time()?,
        modified_by: columns.id(UserUuid::from_bytes)?,
        deleted_at: columns.maybe_time()?,
        deleted_by: columns.maybe_id(UserUuid::from_bytes)?,
        mark: columns.value::<Mark>()?,
        sources: columns.sources()?,
    })
}

fn token(row: &Row<'_>) -> Result<Token, Fault> {
    let mut columns = Columns::of("tokens", row);
    Ok(Token {
        hash: TokenHash(columns.value()?),
        kind: columns.word(TokenKind::parse)?,
        account: columns.id(AccountUuid::from_bytes)?,
        user: columns.id(UserUuid::from_bytes)?,
        user_version: columns.value()?,
        name: columns.value()?,
        issued_at: columns.time()?,
        expires_at: columns.maybe_time()?,
        mark: columns.value::<Mark>()?,
    })
}

pub(super) fn ssh_keys(db: &Connection, user: UserUuid) -> Result<Vec<SshKey>, Fault> {
    static LIVE: Query = LazyLock::new(|| {
        format!(
            "SELECT {SSH_KEY} FROM ssh_keys WHERE user = ?1 AND deleted_at IS NULL ORDER BY created_at, serial"
        )
    });
    all(db, &LIVE, params![user.as_bytes()], ssh_key)
}

pub(super) fn ssh_key_with_serial(
    db: &Connection,
    account: AccountUuid,
    serial: Serial,
) -> Result<Option<SshKey>, Fault> {
    static ONE: Query = LazyLock::new(|| {
        format!("SELECT {SSH_KEY} FROM ssh_keys WHERE serial = ?1 AND account = ?2 AND deleted_at IS NULL")
    });
    first(db, &ONE, params![serial.get(), account.as_bytes()], ssh_key)
}

pub(super) fn ssh_key_with_fingerprint(
    db: &Connection,
    account: AccountUuid,
    fingerprint: &Fingerprint,
) -> Result<Option<SshKey>, Fault> {
    static ONE: Query = LazyLock::new(|| {
        format!("SELECT {SSH_KEY} FROM ssh_keys WHERE account = ?1 AND sha256 = ?2 AND deleted_at IS NULL")
    });
    first(db, &ONE, params![account.as_bytes(), fingerprint.0], ssh_key)
}

pub(super) fn ssh_keys_of_account(
    db: &Connection,
    account: AccountUuid,
    after: Option<KeyUuid>,
    limit: u32,
) -> Result<Vec<SshKey>, Fault> {
    static PAGE: Query = LazyLock::new(|| {
        format!(
            "SELECT {SSH_KEY} FROM ssh_keys WHERE account = ?1 AND uuid > ?2 AND deleted_at IS NULL \
             ORDER BY uuid LIMIT ?3"
        )
    });
    let after = after.as_ref().map_or(BEFORE_ALL, KeyUuid::as_bytes);
    all(db, &PAGE, params![account.as_bytes(), after, limit], ssh_key)
}

pub(super) fn scan_ssh_keys(
    db: &Connection,
    after: Option<KeyUuid>,
    limit: u32,
) -> Result<Vec<SshKey>, Fault> {
    static SCAN: Query =
        LazyLock::new(|| format!("SELECT {SSH_KEY} FROM ssh_keys WHERE uuid > ?1 ORDER BY uuid LIMIT ?2"));
    let after = after.as_ref().map_or(BEFORE_ALL, KeyUuid::as_bytes);
    all(db, &SCAN, params![after, limit], ssh_key)
}

pub(super) fn password(db: &Connection, user: UserUuid) -> Result<Option<Password>, Fault> {
    let query =
        "SELECT user, salt, hash, memory_kib, passes, lanes, changed_at, mark FROM passwords WHERE user = ?1";
    first(db, query, params![user.as_bytes()], |row| {
        let mut columns = Columns::of("passwords", row);
        Ok(Password {
            user: columns.id(UserUuid::from_bytes)?,
            salt: columns.value()?,
            hash: columns.value()?,
            cost: HashCost {
                memory_kib: columns.value()?,
                passes: columns.value()?,
                lanes: columns.value()?,
            },
            changed_at: columns.time()?,
            mark: columns.value::<Mark>()?,
        })
    })
}

pub(super) fn token_owner(db: &Connection, hash: &TokenHash) -> Result<Option<KeyOwner>, Fault> {
    first(db, "SELECT account, user FROM tokens WHERE hash = ?1", params![hash.0], |row| {
        let mut columns = Columns::of("tokens", row);
        Ok(KeyOwner {
            account: columns.id(AccountUuid::from_bytes)?,
            user: columns.id(UserUuid::from_bytes)?,
        })
    })
}

pub(super) fn tokens_of_user(db: &Connection, user: UserUuid) -> Result<Vec<Token>, Fault> {
    static OF_USER: Query =
        LazyLock::new(|| format!("SELECT {TOKEN} FROM tokens WHERE user = ?1 ORDER BY hash"));
    all(db, &OF_USER, params![user.as_bytes()], token)
}

pub(super) fn tokens(
    db: &Connection,
    account: AccountUuid,
    kind: TokenKind,
    limit: u32,
) -> Result<Vec<Token>, Fault> {
    static OF_KIND: Query = LazyLock::new(|| {
        format!("SELECT {TOKEN} FROM tokens WHERE account = ?1 AND kind = ?2 ORDER BY name, hash LIMIT ?3")
    });
    all(db, &OF_KIND, params![account.as_bytes(), kind.as_str(), limit], token)
}

/// As for access keys, the SELECT finds no such user in another account.
const INSERT_SSH_KEY: &str = "INSERT INTO ssh_keys (uuid, serial, account, user, type, blob, sha256, body, title, \
     status, expires_at, version, created_at, created_by, modified_at, modified_by, deleted_at, deleted_by, mark, \
     sources) \
     SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20 \
     FROM users WHERE uuid = ?4 AND account = ?3";

pub(super) fn insert_ssh_key(db: &Connection, key: &SshKey) -> Result<(), Fault> {
    take_serial(db, key.serial, "ssh-key")?;
    write_ssh_key(db, INSERT_SSH_KEY, key)
}

/// Owner, number and the key itself never change: they are named in the WHERE.
const UPDATE_SSH_KEY: &str = "UPDATE ssh_keys SET title = ?9, status = ?10, expires_at = ?11, version = ?12, \
     modified_at = ?15, modified_by = ?16, deleted_at = ?17, deleted_by = ?18, mark = ?19, sources = ?20 \
     WHERE uuid = ?1 AND serial = ?2 AND account = ?3 AND user = ?4 AND type = ?5 AND blob = ?6 AND sha256 = ?7 \
     AND body = ?8 AND created_at = ?13 AND created_by = ?14";

pub(super) fn update_ssh_key(db: &Connection, key: &SshKey) -> Result<(), Fault> {
    write_ssh_key(db, UPDATE_SSH_KEY, key)
}

fn write_ssh_key(db: &Connection, statement: &str, key: &SshKey) -> Result<(), Fault> {
    write_one(
        db,
        statement,
        params![
            key.uuid.as_bytes(),
            key.serial.get(),
            key.account.as_bytes(),
            key.user.as_bytes(),
            key.kind.as_str(),
            key.blob,
            key.fingerprint.0,
            key.text,
            key.title,
            key.status.as_str(),
            key.expires_at.map(|at| at.0),
            key.version,
            key.created_at.0,
            key.created_by.as_bytes(),
            key.modified_at.0,
            key.modified_by.as_bytes(),
            key.deleted_at.map(|at| at.0),
            key.deleted_by.as_ref().map(UserUuid::as_bytes),
            key.mark,
            sources_text(&key.sources),
        ],
    )
}

pub(super) fn set_password(db: &Connection, password: &Password) -> Result<(), Fault> {
    let Password { user, salt, hash, cost, changed_at, mark } = password;
    write_one(
        db,
        "INSERT OR REPLACE INTO passwords (user, salt, hash, memory_kib, passes, lanes, changed_at, mark) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        params![user.as_bytes(), salt, hash, cost.memory_kib, cost.passes, cost.lanes, changed_at.0, mark],
    )
}

const INSERT_TOKEN: &str = "INSERT INTO tokens (hash, kind, account, user, user_version, name, issued_at, \
     expires_at, mark) SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9 FROM users WHERE uuid = ?4 AND account = ?3";

pub(super) fn insert_token(db: &Connection, token: &Token) -> Result<(), Fault> {
    write_one(
        db,
        INSERT_TOKEN,
        params![
            token.hash.0,
            token.kind.as_str(),
            token.account.as_bytes(),
            token.user.as_bytes(),
            token.user_version,
            token.name,
            token.issued_at.0,
            token.expires_at.map(|at| at.0),
            token.mark,
        ],
    )?;
    db.prepare_cached("DELETE FROM tokens WHERE user = ?1 AND kind = 'session' AND expires_at <= ?2")?
        .execute(params![token.user.as_bytes(), token.issued_at.0])?;
    db.prepare_cached(
        "DELETE FROM tokens WHERE hash IN (SELECT hash FROM tokens WHERE user = ?1 AND kind = 'session' \
         ORDER BY issued_at DESC, hash DESC LIMIT -1 OFFSET ?2)",
    )?
    .execute(params![token.user.as_bytes(), SESSIONS_PER_USER])?;
    Ok(())
}

pub(super) fn delete_token(db: &Connection, token: &Token) -> Result<(), Fault> {
    write_one(db, "DELETE FROM tokens WHERE hash = ?1", params![token.hash.0])
}

pub(super) fn forget_login(db: &Connection, user: UserUuid) -> Result<(), Fault> {
    db.prepare_cached("DELETE FROM passwords WHERE user = ?1")?.execute(params![user.as_bytes()])?;
    db.prepare_cached("DELETE FROM tokens WHERE user = ?1 AND kind = 'session'")?
        .execute(params![user.as_bytes()])?;
    Ok(())
}
