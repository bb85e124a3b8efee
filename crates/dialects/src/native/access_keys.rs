//! ListUserAccessKeys, CreateAccessKey, GetAccessKey, UpdateAccessKey, DeleteAccessKey.

use domain::access_keys::{AccessKey, CreatedKey, KeyChange, KeyIssue, KeyShape, KeyStatus, SchemeSet};
use domain::clock::UnixMillis;
use domain::last_used::LastUse;
use domain::random::ALPHANUMERIC;
use serde::Serialize;
use signing::Scheme;

use super::call::{Answering, Call, Reply};
use super::errors::Refusal;
use super::input::Fields;
use super::{NAME, time};

/// The scheme of this API.
const SCHEMES: SchemeSet = SchemeSet::of(&[Scheme::Aws4]);

/// `KW` and 26 of `A–Z2–7`, which hold 130 random bits; the secret's 43 characters hold 256.
const SHAPE: KeyShape = KeyShape {
    prefix: "KW",
    time_chars: 0,
    random_chars: 26,
    id_alphabet: b"234567ABCDEFGHIJKLMNOPQRSTUVWXYZ",
    secret_alphabet: ALPHANUMERIC,
    secret_chars: 43,
};

/// An access key.
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
    status: &'static str,
    state: &'static str,
    description: &'a str,
    sources: Vec<String>,
    not_before: Option<String>,
    expires_at: Option<String>,
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
            status: key.status.as_str(),
            state: state(key, now),
            description: &key.description,
            sources: key.sources.iter().map(ToString::to_string).collect(),
            not_before: key.not_before.map(time::text),
            expires_at: key.expires_at.map(time::text),
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
fn state(key: &AccessKey, now: UnixMillis) -> &'static str {
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

#[derive(Serialize)]
struct KeyList<'a> {
    items: Vec<KeyModel<'a>>,
    next_cursor: Option<String>,
}

pub(super) fn of_user(call: Call<'_>) -> Answering<'_> {
    Box::pin(async move {
        let record = call.service.list_access_keys(call.caller, call.name()).await?;
        let keys = &record.rows.keys;
        let uuids: Vec<_> = keys.iter().map(|key| key.uuid).collect();
        let uses = call.service.last_uses(&uuids).await?;
        let (name, now) = (&record.rows.user.name, call.service.clock().now());
        let models = keys.iter().zip(&uses).map(|(key, used)| KeyModel::new(key, name, used.as_ref(), now));
        Reply::ok(&KeyList { items: models.collect(), next_cursor: None })
    })
}

pub(super) fn create(call: Call<'_>) -> Answering<'_> {
    Box::pin(async move {
        let issue = issue(call.body)?;
        let CreatedKey { key, secret, .. } =
            call.service.create_access_key(call.caller, call.name(), &issue).await?;
        let secret = secret.into_text();
        let now = call.service.clock().now();
        Reply::created(&CreatedModel::new(&key, call.name(), Some(&secret), now))
    })
}

pub(super) fn get(call: Call<'_>) -> Answering<'_> {
    Box::pin(async move {
        let (record, key) = call.service.get_access_key(call.caller, call.name()).await?;
        answer(&call, &key, &record.rows.user.name).await
    })
}

pub(super) fn update(call: Call<'_>) -> Answering<'_> {
    Box::pin(async move {
        call.body.closed(&["status", "description"])?;
        let change = KeyChange {
            status: call.body.word("status", KeyStatus::parse)?,
            description: call.body.text("description")?.map(str::to_owned),
        };
        let key = call.service.update_access_key(call.caller, call.name(), SchemeSet::all(), change).await?;
        let (record, _) = call.service.get_access_key(call.caller, call.name()).await?;
        answer(&call, &key, &record.rows.user.name).await
    })
}

pub(super) fn delete(call: Call<'_>) -> Answering<'_> {
    Box::pin(async move {
        call.service.delete_access_key(call.caller, call.name(), SchemeSet::all()).await?;
        Ok(Reply::done())
    })
}

async fn answer(call: &Call<'_>, key: &AccessKey, user: &str) -> Result<Reply, Refusal> {
    let uses = call.service.last_uses(&[key.uuid]).await?;
    let used = uses.first().and_then(Option::as_ref);
    Reply::ok(&KeyModel::new(key, user, used, call.service.clock().now()))
}

/// How this API issues a key that is described so.
pub(super) fn issue(fields: &Fields) -> Result<KeyIssue<'static>, Refusal> {
    fields.closed(&["description", "expires_at"])?;
    Ok(KeyIssue {
        dialect: NAME,
        schemes: SCHEMES,
        shape: &SHAPE,
        description: fields.text("description")?.unwrap_or_default().to_owned(),
        expires_at: fields.time("expires_at")?.flatten(),
    })
}
