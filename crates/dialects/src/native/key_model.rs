//! An access key as this API shows it.

use domain::access_keys::{AccessKey, Audience, KeyStatus, SignedTime};
use domain::clock::UnixMillis;
use domain::id::KeyId;
use domain::last_used::LastUse;
use serde::Serialize;
use signing::Scheme;

use super::time;

/// An access key, without its secret.
#[derive(Serialize)]
pub(super) struct KeyModel<'a> {
    id: &'a str,
    uuid: String,
    user: &'a str,
    user_id: String,
    dialect: &'a str,
    schemes: Vec<&'static str>,
    kind: &'static str,
    parent: Option<String>,
    successor: Option<&'a str>,
    status: &'static str,
    state: &'static str,
    description: &'a str,
    sources: Vec<String>,
    audience: Vec<&'a str>,
    not_before: Option<String>,
    expires_at: Option<String>,
    requires_freshness: bool,
    last_used: Option<LastUseModel<'a>>,
    version: u64,
    created_at: String,
    created_by: String,
    modified_at: String,
    modified_by: String,
    deleted_at: Option<String>,
    deleted_by: Option<String>,
}

#[derive(Serialize)]
struct LastUseModel<'a> {
    at: String,
    source: Option<String>,
    dialect: &'a str,
    operation: &'a str,
}

impl<'a> KeyModel<'a> {
    /// A key of the user of that name, last used then.
    pub(super) fn new(key: &'a AccessKey, user: &'a str, used: Option<&'a LastUse>, now: UnixMillis) -> Self {
        let schemes = Scheme::ALL.into_iter().filter(|scheme| key.schemes.contains(*scheme));
        Self {
            id: key.key_id.as_str(),
            uuid: key.uuid.hex(),
            user,
            user_id: key.user.hex(),
            dialect: &key.dialect,
            schemes: schemes.map(Scheme::as_str).collect(),
            kind: key.kind.as_str(),
            parent: key.parent.map(|parent| parent.hex()),
            successor: key.successor.as_ref().map(KeyId::as_str),
            status: key.status.as_str(),
            state: state(key, now),
            description: &key.description,
            sources: key.sources.iter().map(ToString::to_string).collect(),
            audience: key.audience.iter().map(Audience::as_str).collect(),
            not_before: key.not_before.map(time::text),
            expires_at: key.expires_at.map(time::text),
            requires_freshness: key.signed_time == SignedTime::Required,
            last_used: used.map(LastUseModel::from),
            version: key.version,
            created_at: time::text(key.created_at),
            created_by: key.created_by.hex(),
            modified_at: time::text(key.modified_at),
            modified_by: key.modified_by.hex(),
            deleted_at: key.deleted_at.map(time::text),
            deleted_by: key.deleted_by.map(|user| user.hex()),
        }
    }
}

impl<'a> From<&'a LastUse> for LastUseModel<'a> {
    fn from(used: &'a LastUse) -> Self {
        Self {
            at: time::text(used.at),
            source: used.source.map(|source| source.to_string()),
            dialect: &used.dialect,
            operation: &used.operation,
        }
    }
}

/// What status and times come to now.
pub(super) fn state(key: &AccessKey, now: UnixMillis) -> &'static str {
    if key.deleted_at.is_some() {
        "deleted"
    } else if key.is_expired(now) {
        "expired"
    } else if key.status == KeyStatus::Inactive {
        "inactive"
    } else if key.not_before.is_some_and(|start| now < start) {
        "not_yet_valid"
    } else {
        "active"
    }
}

/// A key that was just made, with its secret.
#[derive(Serialize)]
pub(super) struct CreatedModel<'a> {
    #[serde(flatten)]
    key: KeyModel<'a>,
    secret: Option<&'a str>,
}

impl<'a> CreatedModel<'a> {
    /// A new key of the user of that name.
    pub(super) fn new(key: &'a AccessKey, user: &'a str, secret: Option<&'a str>, now: UnixMillis) -> Self {
        Self { key: KeyModel::new(key, user, None, now), secret }
    }
}

/// A page of keys.
#[derive(Serialize)]
pub(super) struct KeyList<'a> {
    pub(super) items: Vec<KeyModel<'a>>,
    pub(super) next_cursor: Option<String>,
}
