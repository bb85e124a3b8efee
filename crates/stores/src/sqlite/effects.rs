//! Effects and audit rows as statements. They only write what they are given; what must be unique is so by the schema.

use domain::access_keys::AccessKey;
use domain::accounts::Account;
use domain::audit::AuditRow;
use domain::batch::Effect;
use domain::clock::UnixMillis;
use domain::id::{KeyId, KeyUuid, RequestId, Serial, UserUuid};
use domain::idempotency::RememberedRequest;
use domain::last_used::KeyUse;
use domain::refusals::{KEPT_MINUTES, RefusalCount};
use domain::users::User;
use domain::vault::{MasterKeyId, RingRow};
use rusqlite::{Connection, Params, params};

use super::fault::Fault;
use super::logins;
use super::rows::{attributes_text, audience_text, sources_text};
use super::token_keys;

/// Writes one effect.
pub(super) fn apply(db: &Connection, effect: &Effect) -> Result<(), Fault> {
    match effect {
        Effect::InsertAccount(account) => insert_account(db, account),
        Effect::UpdateAccount(account) => update_account(db, account),
        Effect::InsertUser(user) => insert_user(db, user),
        Effect::UpdateUser(user) => update_user(db, user),
        Effect::InsertKey(key) => insert_key(db, key),
        Effect::UpdateKey(key) => update_key(db, key),
        Effect::InsertSshKey(key) => logins::insert_ssh_key(db, key),
        Effect::UpdateSshKey(key) => logins::update_ssh_key(db, key),
        Effect::SetPassword(password) => logins::set_password(db, password),
        Effect::InsertToken(token) => logins::insert_token(db, token),
        Effect::DeleteToken(token) => logins::delete_token(db, token),
        Effect::InsertTokenKey(key) => token_keys::insert(db, key),
        Effect::ForgetLogin(user) => logins::forget_login(db, *user),
        Effect::InsertRingKey(row) => insert_ring_key(db, row),
        Effect::RewrapRingKey { from, row } => rewrap_ring_key(db, *from, row),
        Effect::CountSeals { ring_key, seals } => {
            write_one(db, "UPDATE key_ring SET seals = seals + ?2 WHERE id = ?1", params![ring_key, seals])
        }
        Effect::RememberRequest { request, remembered_since } => remember(db, request, *remembered_since),
        Effect::CountRefusals(count) => count_refusals(db, count),
        Effect::NoteUse(used) => note_use(db, used),
    }
}

/// Appends an audit row.
pub(super) fn insert_audit(db: &Connection, row: &AuditRow) -> Result<(), Fault> {
    let entry = &row.entry;
    write_one(
        db,
        "INSERT INTO audit (node, seq, at, account, actor, actor_key, request, source, dialect, action, object, \
         object_version, detail, mark) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
        params![
            row.node.as_bytes(),
            row.seq,
            entry.at.0,
            entry.account.as_bytes(),
            entry.actor.as_ref().map(UserUuid::as_bytes),
            entry.actor_key.as_ref().map(KeyId::as_str),
            entry.request.as_ref().map(RequestId::as_bytes),
            entry.source,
            entry.dialect,
            entry.action,
            entry.object,
            entry.object_version,
            entry.detail,
            row.mark,
        ],
    )
}

/// Adds a wrapped key.
pub(super) fn insert_ring_key(db: &Connection, row: &RingRow) -> Result<(), Fault> {
    write_one(
        db,
        "INSERT INTO key_ring (id, purpose, master, wrapped, seals, created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![row.id, row.purpose.code(), row.master.0, row.wrapped, row.seals, row.created_at.0],
    )
}

/// Changes only who wraps the key, and only from the master key that the writer took it from.
fn rewrap_ring_key(db: &Connection, from: MasterKeyId, row: &RingRow) -> Result<(), Fault> {
    write_one(
        db,
        "UPDATE key_ring SET master = ?5, wrapped = ?6 \
         WHERE id = ?1 AND purpose = ?2 AND created_at = ?3 AND master = ?4",
        params![row.id, row.purpose.code(), row.created_at.0, from.0, row.master.0, row.wrapped],
    )
}

/// Runs a statement that must change exactly one row. If it changes none, the row is not there or is another one than the
/// effect took it for.
pub(super) fn write_one(db: &Connection, statement: &str, params: impl Params) -> Result<(), Fault> {
    match db.prepare_cached(statement)?.execute(params)? {
        1 => Ok(()),
        _ => Err(Fault::Row("a row to change is not there".to_owned())),
    }
}

pub(super) fn take_serial(db: &Connection, serial: Serial, kind: &str) -> Result<(), Fault> {
    write_one(db, "INSERT INTO serials (serial, kind) VALUES (?1, ?2)", params![serial.get(), kind])
}

fn insert_account(db: &Connection, account: &Account) -> Result<(), Fault> {
    take_serial(db, account.serial, "account")?;
    write_one(
        db,
        "INSERT INTO accounts (uuid, serial, name, name_key, status, max_key_lifetime_ms, version, created_at, \
         modified_at, deleted_at, mark) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        params![
            account.uuid.as_bytes(),
            account.serial.get(),
            account.name,
            account.name_key.as_str(),
            account.status.as_str(),
            account.max_key_lifetime_ms,
            account.version,
            account.created_at.0,
            account.modified_at.0,
            account.deleted_at.map(|at| at.0),
            account.mark,
        ],
    )
}

/// As for users: what never changes is in the WHERE.
const UPDATE_ACCOUNT: &str = "UPDATE accounts SET status = ?6, max_key_lifetime_ms = ?7, version = ?8, \
     modified_at = ?9, deleted_at = ?10, mark = ?11 \
     WHERE uuid = ?1 AND serial = ?2 AND name = ?3 AND name_key = ?4 AND created_at = ?5";

fn update_account(db: &Connection, account: &Account) -> Result<(), Fault> {
    write_one(
        db,
        UPDATE_ACCOUNT,
        params![
            account.uuid.as_bytes(),
            account.serial.get(),
            account.name,
            account.name_key.as_str(),
            account.created_at.0,
            account.status.as_str(),
            account.max_key_lifetime_ms,
            account.version,
            account.modified_at.0,
            account.deleted_at.map(|at| at.0),
            account.mark,
        ],
    )
}

/// A root user shares the serial of his account: the SELECT finds no account that has another one.
const INSERT_USER: &str = "INSERT INTO users (uuid, serial, account, name, name_key, is_root, role, status, \
     display_name, email, attributes, version, created_at, modified_at, deleted_at, mark) \
     SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16 FROM accounts \
     WHERE uuid = ?3 AND (NOT ?6 OR serial = ?2)";

fn insert_user(db: &Connection, user: &User) -> Result<(), Fault> {
    if !user.is_root {
        take_serial(db, user.serial, "user")?;
    }
    write_one(
        db,
        INSERT_USER,
        params![
            user.uuid.as_bytes(),
            user.serial.get(),
            user.account.as_bytes(),
            user.name,
            user.name_key.as_str(),
            user.is_root,
            user.role.as_str(),
            user.status.as_str(),
            user.display_name,
            user.email,
            attributes_text(user)?,
            user.version,
            user.created_at.0,
            user.modified_at.0,
            user.deleted_at.map(|at| at.0),
            user.mark,
        ],
    )
}

/// Names what never changes in its WHERE, so that no update can move a user (threat T39). Foreign keys are then not looked
/// at again either.
const UPDATE_USER: &str = "UPDATE users SET name = ?6, name_key = ?7, role = ?8, status = ?9, display_name = ?10, \
     email = ?11, attributes = ?12, version = ?13, modified_at = ?14, deleted_at = ?15, mark = ?16 \
     WHERE uuid = ?1 AND serial = ?2 AND account = ?3 AND is_root = ?4 AND created_at = ?5";

fn update_user(db: &Connection, user: &User) -> Result<(), Fault> {
    write_one(
        db,
        UPDATE_USER,
        params![
            user.uuid.as_bytes(),
            user.serial.get(),
            user.account.as_bytes(),
            user.is_root,
            user.created_at.0,
            user.name,
            user.name_key.as_str(),
            user.role.as_str(),
            user.status.as_str(),
            user.display_name,
            user.email,
            attributes_text(user)?,
            user.version,
            user.modified_at.0,
            user.deleted_at.map(|at| at.0),
            user.mark,
        ],
    )
}

/// A key belongs to its user's account: the SELECT finds no such user in another one.
const INSERT_KEY: &str = "INSERT INTO access_keys (uuid, key_id, account, user, parent, dialect, schemes, kind, \
     status, sealed, sources, not_before, expires_at, description, version, created_at, created_by, modified_at, \
     modified_by, deleted_at, deleted_by, mark, audience, signed_time, successor) \
     SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, \
     ?23, ?24, ?25 \
     FROM users WHERE uuid = ?4 AND account = ?3";

fn insert_key(db: &Connection, key: &AccessKey) -> Result<(), Fault> {
    write_one(
        db,
        INSERT_KEY,
        params![
            key.uuid.as_bytes(),
            key.key_id.as_str(),
            key.account.as_bytes(),
            key.user.as_bytes(),
            key.parent.as_ref().map(KeyUuid::as_bytes),
            key.dialect,
            key.schemes.bits(),
            key.kind.as_str(),
            key.status.as_str(),
            key.sealed,
            sources_text(&key.sources),
            key.not_before.map(|at| at.0),
            key.expires_at.map(|at| at.0),
            key.description,
            key.version,
            key.created_at.0,
            key.created_by.as_bytes(),
            key.modified_at.0,
            key.modified_by.as_bytes(),
            key.deleted_at.map(|at| at.0),
            key.deleted_by.as_ref().map(UserUuid::as_bytes),
            key.mark,
            audience_text(key),
            key.signed_time.as_str(),
            key.successor.as_ref().map(KeyId::as_str),
        ],
    )
}

/// As for users: owner, id, kind and origin of a key never change.
const UPDATE_KEY: &str = "UPDATE access_keys SET schemes = ?10, status = ?11, sealed = ?12, sources = ?13, \
     not_before = ?14, expires_at = ?15, description = ?16, version = ?17, modified_at = ?18, modified_by = ?19, \
     deleted_at = ?20, deleted_by = ?21, mark = ?22, audience = ?23, signed_time = ?24, successor = ?25 \
     WHERE uuid = ?1 AND key_id = ?2 AND account = ?3 AND user = ?4 AND parent IS ?5 AND dialect = ?6 AND kind = ?7 \
     AND created_at = ?8 AND created_by = ?9";

fn update_key(db: &Connection, key: &AccessKey) -> Result<(), Fault> {
    write_one(
        db,
        UPDATE_KEY,
        params![
            key.uuid.as_bytes(),
            key.key_id.as_str(),
            key.account.as_bytes(),
            key.user.as_bytes(),
            key.parent.as_ref().map(KeyUuid::as_bytes),
            key.dialect,
            key.kind.as_str(),
            key.created_at.0,
            key.created_by.as_bytes(),
            key.schemes.bits(),
            key.status.as_str(),
            key.sealed,
            sources_text(&key.sources),
            key.not_before.map(|at| at.0),
            key.expires_at.map(|at| at.0),
            key.description,
            key.version,
            key.modified_at.0,
            key.modified_by.as_bytes(),
            key.deleted_at.map(|at| at.0),
            key.deleted_by.as_ref().map(UserUuid::as_bytes),
            key.mark,
            audience_text(key),
            key.signed_time.as_str(),
            key.successor.as_ref().map(KeyId::as_str),
        ],
    )
}

/// Changes no row when a later use is stored already: nodes write their marks in any order.
fn note_use(db: &Connection, KeyUse { kind, key, last }: &KeyUse) -> Result<(), Fault> {
    let source = last.source.map(|source| source.to_string());
    db.prepare_cached(
        "INSERT INTO last_used (kind, record, at, source, dialect, operation) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO UPDATE SET at = excluded.at, \
         source = excluded.source, dialect = excluded.dialect, operation = excluded.operation \
         WHERE excluded.at >= at",
    )?
    .execute(params![kind.as_str(), key.as_bytes(), last.at.0, source, last.dialect, last.operation])?;
    Ok(())
}

/// The old row under the key, if there is one, is from before `remembered_since`: the batch requires so.
fn remember(db: &Connection, request: &RememberedRequest, remembered_since: UnixMillis) -> Result<(), Fault> {
    db.prepare_cached("DELETE FROM remembered_requests WHERE at <= ?1")?
        .execute(params![remembered_since.0])?;
    write_one(
        db,
        "INSERT INTO remembered_requests (key, request, object, at, mark) VALUES (?1, ?2, ?3, ?4, ?5)",
        params![
            request.repeatable.key,
            request.repeatable.request,
            request.object,
            request.at.0,
            request.mark
        ],
    )
}

/// Counts back from this count's own minute, not from the newest one stored: after a clock that jumped ahead and came back,
/// the minutes that are real must not go with each write.
fn count_refusals(db: &Connection, count: &RefusalCount) -> Result<(), Fault> {
    write_one(
        db,
        "INSERT INTO refusals (minute, source, key_id, reason, dialect, count) VALUES (?1, ?2, ?3, ?4, ?5, ?6) \
         ON CONFLICT DO UPDATE SET count = count + excluded.count",
        params![count.minute, count.source, count.key_id, count.reason, count.dialect, count.count],
    )?;
    db.prepare_cached("DELETE FROM refusals WHERE minute < ?1")?
        .execute(params![count.minute.saturating_sub(KEPT_MINUTES)])?;
    Ok(())
}
