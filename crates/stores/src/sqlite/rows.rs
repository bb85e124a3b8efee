//! Rows as domain types and back. A row that does not read is an error that names table, row and column; nothing of it is
//! ever served as data (promise P7), and nothing of its content is told.

use std::borrow::Cow;

use domain::access_keys::{AccessKey, Audience, KeyKind, KeyStatus, SchemeSet, SignedTime};
use domain::accounts::{Account, AccountStatus};
use domain::audit::{AuditEntry, AuditRow, ChainHead};
use domain::clock::UnixMillis;
use domain::id::{AccountUuid, KeyId, KeyUuid, NodeId, RequestId, Serial, UserUuid};
use domain::idempotency::{RememberedRequest, Repeatable};
use domain::last_used::{KeyUse, LastUse, UseKind};
use domain::name::NameKey;
use domain::net::AddressRange;
use domain::policy::Role;
use domain::refusals::RefusalCount;
use domain::store::KeyOwner;
use domain::users::{Attributes, User, UserStatus};
use domain::vault::{Mark, MasterKeyId, Purpose, RingRow, to_hex};
use rusqlite::Row;
use rusqlite::types::{FromSql, ValueRef};

use super::fault::Fault;

/// Columns in the order in which [`account`] reads them.
pub(super) const ACCOUNT: &str = "uuid, serial, name, name_key, status, max_key_lifetime_ms, version, created_at, \
     modified_at, deleted_at, mark";
/// Columns in the order in which [`user`] reads them.
pub(super) const USER: &str = "uuid, serial, account, name, name_key, is_root, role, status, display_name, email, \
     attributes, version, created_at, modified_at, deleted_at, mark";
/// Columns in the order in which [`access_key`] reads them.
pub(super) const ACCESS_KEY: &str = "uuid, key_id, account, user, parent, dialect, schemes, kind, status, sealed, \
     sources, not_before, expires_at, audience, signed_time, successor, description, version, created_at, created_by, modified_at, modified_by, \
     deleted_at, deleted_by, mark";
/// Columns in the order in which [`audit`] reads them.
pub(super) const AUDIT: &str = "node, seq, at, account, actor, actor_key, request, source, dialect, action, object, \
     object_version, detail, mark";
/// Columns in the order in which [`ring_key`] reads them.
pub(super) const RING_KEY: &str = "id, purpose, master, wrapped, seals, created_at";
/// Columns in the order in which [`refusal`] reads them.
pub(super) const REFUSAL: &str = "minute, source, key_id, reason, dialect, count";

/// Columns in the order in which [`key_use`] reads them.
pub(super) const LAST_USED: &str = "record, at, source, dialect, operation";

/// Reads a row's columns one after the other.
pub(super) struct Columns<'r> {
    table: &'static str,
    row: &'r Row<'r>,
    next: usize,
}

impl<'r> Columns<'r> {
    pub(super) const fn of(table: &'static str, row: &'r Row<'r>) -> Self {
        Self { table, row, next: 0 }
    }

    pub(super) fn value<T: FromSql>(&mut self) -> Result<T, Fault> {
        self.next += 1;
        self.row.get(self.next - 1).map_err(|_| self.unreadable())
    }

    pub(super) fn id<T>(&mut self, wrap: impl Fn([u8; 16]) -> T) -> Result<T, Fault> {
        self.value().map(wrap)
    }

    pub(super) fn maybe_id<T>(&mut self, wrap: impl Fn([u8; 16]) -> T) -> Result<Option<T>, Fault> {
        Ok(self.value::<Option<[u8; 16]>>()?.map(wrap))
    }

    pub(super) fn word<T>(&mut self, parse: impl Fn(&str) -> Option<T>) -> Result<T, Fault> {
        parse(&self.value::<String>()?).ok_or_else(|| self.unreadable())
    }

    pub(super) fn number<N, T>(&mut self, parse: impl Fn(N) -> Option<T>) -> Result<T, Fault>
    where
        N: FromSql,
    {
        parse(self.value()?).ok_or_else(|| self.unreadable())
    }

    pub(super) fn time(&mut self) -> Result<UnixMillis, Fault> {
        self.value().map(UnixMillis)
    }

    pub(super) fn maybe_time(&mut self) -> Result<Option<UnixMillis>, Fault> {
        Ok(self.value::<Option<i64>>()?.map(UnixMillis))
    }

    /// Networks as [`sources_text`] writes them.
    pub(super) fn sources(&mut self) -> Result<Vec<AddressRange>, Fault> {
        self.word(|text| text.split_terminator(' ').map(|range| range.parse().ok()).collect())
    }

    /// Text that is never empty where it is present, so that NULL and '' cannot be exchanged unnoticed.
    fn maybe_text(&mut self) -> Result<Option<String>, Fault> {
        let text = self.value::<Option<String>>()?;
        if text.as_deref() == Some("") { Err(self.unreadable()) } else { Ok(text) }
    }

    /// The error for the column read last.
    fn unreadable(&self) -> Fault {
        let column = self.row.as_ref().column_name(self.next.saturating_sub(1)).unwrap_or("?");
        let id = match self.row.get_ref(0) {
            Ok(ValueRef::Blob(bytes)) => to_hex(bytes),
            Ok(ValueRef::Integer(number)) => number.to_string(),
            _ => "?".to_owned(),
        };
        Fault::Row(format!("table {}, row {id}: column {column} does not read", self.table))
    }
}

pub(super) fn account(row: &Row<'_>) -> Result<Account, Fault> {
    let mut columns = Columns::of("accounts", row);
    Ok(Account {
        uuid: columns.id(AccountUuid::from_bytes)?,
        serial: columns.number(Serial::new)?,
        name: columns.value()?,
        name_key: NameKey::from_stored(columns.value::<String>()?),
        status: columns.word(AccountStatus::parse)?,
        max_key_lifetime_ms: columns.value()?,
        version: columns.value()?,
        created_at: columns.time()?,
        modified_at: columns.time()?,
        deleted_at: columns.maybe_time()?,
        mark: columns.value::<Mark>()?,
    })
}

pub(super) fn user(row: &Row<'_>) -> Result<User, Fault> {
    let mut columns = Columns::of("users", row);
    Ok(User {
        uuid: columns.id(UserUuid::from_bytes)?,
        serial: columns.number(Serial::new)?,
        account: columns.id(AccountUuid::from_bytes)?,
        name: columns.value()?,
        name_key: NameKey::from_stored(columns.value::<String>()?),
        is_root: columns.number(|number: i64| [false, true].into_iter().find(|&b| i64::from(b) == number))?,
        role: columns.word(Role::parse)?,
        status: columns.word(UserStatus::parse)?,
        display_name: columns.value()?,
        email: columns.value()?,
        attributes: columns.word(|text| serde_json::from_str::<Attributes>(text).ok())?,
        version: columns.value()?,
        created_at: columns.time()?,
        modified_at: columns.time()?,
        deleted_at: columns.maybe_time()?,
        mark: columns.value::<Mark>()?,
    })
}

pub(super) fn access_key(row: &Row<'_>) -> Result<AccessKey, Fault> {
    let mut columns = Columns::of("access_keys", row);
    Ok(AccessKey {
        uuid: columns.id(KeyUuid::from_bytes)?,
        key_id: KeyId::new(columns.value::<String>()?),
        account: columns.id(AccountUuid::from_bytes)?,
        user: columns.id(UserUuid::from_bytes)?,
        parent: columns.maybe_id(KeyUuid::from_bytes)?,
        dialect: columns.value()?,
        schemes: SchemeSet::from_bits(columns.value()?),
        kind: columns.word(KeyKind::parse)?,
        status: columns.word(KeyStatus::parse)?,
        sealed: columns.value()?,
        sources: columns.sources()?,
        not_before: columns.maybe_time()?,
        expires_at: columns.maybe_time()?,
        audience: columns.word(|text| text.split_terminator(' ').map(Audience::parse).collect())?,
        signed_time: columns.word(SignedTime::parse)?,
        successor: columns.maybe_text()?.map(KeyId::new),
        description: columns.value()?,
        version: columns.value()?,
        created_at: columns.time()?,
        created_by: columns.id(UserUuid::from_bytes)?,
        modified_at: columns.time()?,
        modified_by: columns.id(UserUuid::from_bytes)?,
        deleted_at: columns.maybe_time()?,
        deleted_by: columns.maybe_id(UserUuid::from_bytes)?,
        mark: columns.value::<Mark>()?,
    })
}

/// The stored form of the address ranges of a key.
pub(super) fn sources_text(sources: &[AddressRange]) -> String {
    sources.iter().map(|range| format!("{range} ")).collect()
}

/// The stored form of what a key is good for.
pub(super) fn audience_text(key: &AccessKey) -> String {
    key.audience.iter().map(|audience| format!("{} ", audience.as_str())).collect()
}

/// The stored form of a user's echo-only fields: a JSON object of texts.
pub(super) fn attributes_text(user: &User) -> Result<String, Fault> {
    serde_json::to_string(&user.attributes).map_err(|error| Fault::Row(format!("attributes: {error}")))
}

/// Columns: account, user.
pub(super) fn key_owner(row: &Row<'_>) -> Result<KeyOwner, Fault> {
    let mut columns = Columns::of("access_keys", row);
    Ok(KeyOwner { account: columns.id(AccountUuid::from_bytes)?, user: columns.id(UserUuid::from_bytes)? })
}

pub(super) fn audit(row: &Row<'_>) -> Result<AuditRow, Fault> {
    let mut columns = Columns::of("audit", row);
    Ok(AuditRow {
        node: columns.id(NodeId::from_bytes)?,
        seq: columns.value()?,
        entry: AuditEntry {
            at: columns.time()?,
            account: columns.id(AccountUuid::from_bytes)?,
            actor: columns.maybe_id(UserUuid::from_bytes)?,
            actor_key: columns.maybe_text()?.map(KeyId::new),
            request: columns.maybe_id(RequestId::from_bytes)?,
            source: columns.maybe_text()?,
            dialect: Cow::Owned(columns.value()?),
            action: Cow::Owned(columns.value()?),
            object: columns.value()?,
            object_version: columns.value()?,
            detail: columns.value()?,
        },
        mark: columns.value::<Mark>()?,
    })
}

/// Columns: node, seq, mark.
pub(super) fn chain_head(row: &Row<'_>) -> Result<ChainHead, Fault> {
    let mut columns = Columns::of("audit", row);
    Ok(ChainHead {
        node: columns.id(NodeId::from_bytes)?,
        seq: columns.value()?,
        mark: columns.value::<Mark>()?,
    })
}

/// Columns: key, request, object, at, mark.
pub(super) fn remembered_request(row: &Row<'_>) -> Result<RememberedRequest, Fault> {
    let mut columns = Columns::of("remembered_requests", row);
    Ok(RememberedRequest {
        repeatable: Repeatable { key: columns.value()?, request: columns.value()? },
        object: columns.value()?,
        at: columns.time()?,
        mark: columns.value()?,
    })
}

pub(super) fn ring_key(row: &Row<'_>) -> Result<RingRow, Fault> {
    let mut columns = Columns::of("key_ring", row);
    Ok(RingRow {
        id: columns.value()?,
        purpose: columns.number(Purpose::from_code)?,
        master: MasterKeyId(columns.value()?),
        wrapped: columns.value()?,
        seals: columns.value()?,
        created_at: columns.time()?,
    })
}

pub(super) fn key_use(kind: UseKind, row: &Row<'_>) -> Result<KeyUse, Fault> {
    let mut columns = Columns::of("last_used", row);
    Ok(KeyUse {
        kind,
        key: columns.id(KeyUuid::from_bytes)?,
        last: LastUse {
            at: columns.time()?,
            source: match columns.maybe_text()? {
                Some(text) => Some(text.parse().map_err(|_| columns.unreadable())?),
                None => None,
            },
            dialect: Cow::Owned(columns.value()?),
            operation: Cow::Owned(columns.value()?),
        },
    })
}

pub(super) fn refusal(row: &Row<'_>) -> Result<RefusalCount, Fault> {
    let mut columns = Columns::of("refusals", row);
    Ok(RefusalCount {
        minute: columns.value()?,
        source: columns.value()?,
        key_id: columns.value()?,
        reason: Cow::Owned(columns.value()?),
        dialect: Cow::Owned(columns.value()?),
        count: columns.value()?,
    })
}
