//! CreateAccessKey, ListAccessKeys, UpdateAccessKey, DeleteAccessKey, GetSecurityLastUsed.

use domain::access_keys::{AccessKey, KeyChange, KeyIssue, KeyRef, KeyShape, KeyStatus, SchemeSet};
use domain::random::ALPHANUMERIC;
use serde::Serialize;
use signing::{Scheme, Value};

use super::NAME;
use super::call::{Call, Nothing, Reply};
use super::errors::Refusal;
use super::time::{date, date_time};

/// Keys that this dialect issues, lists, edits and counts.
pub(super) const SCHEMES: SchemeSet = SchemeSet::of(&[Scheme::Tc3, Scheme::TencentV1]);

/// The lengths of the vendor's examples. Seven characters of time keep ids in order of creation until 2081, 25 random ones
/// hold 148 bits, the secret's 32 hold 190, all that the shape has room for.
const SHAPE: KeyShape = KeyShape {
    prefix: "AKID",
    time_chars: 7,
    random_chars: 25,
    id_alphabet: ALPHANUMERIC,
    secret_alphabet: ALPHANUMERIC,
    secret_chars: 32,
};

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct AccessKeyModel<'a> {
    access_key_id: &'a str,
    status: &'static str,
    create_time: String,
    /// Null when there is none; the international site has no such field.
    description: Option<&'a str>,
    /// In the answer that makes the key only.
    #[serde(skip_serializing_if = "Option::is_none")]
    secret_access_key: Option<&'a str>,
}

impl<'a> AccessKeyModel<'a> {
    fn new(key: &'a AccessKey, secret: Option<&'a str>) -> Self {
        Self {
            access_key_id: key.key_id.as_str(),
            status: match key.status {
                KeyStatus::Active => "Active",
                KeyStatus::Inactive => "Inactive",
            },
            create_time: date_time(key.created_at),
            description: Some(key.description.as_str()).filter(|text| !text.is_empty()),
            secret_access_key: secret,
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct OneKey<'a> {
    access_key: AccessKeyModel<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ManyKeys<'a> {
    access_keys: Vec<AccessKeyModel<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct LastUses<'a> {
    secret_id_last_used_rows: Vec<LastUseModel<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct LastUseModel<'a> {
    secret_id: &'a str,
    last_used_date: Option<String>,
    last_secret_used_date: Option<i64>,
}

pub(super) fn create(call: Call<'_>) -> Reply<'_> {
    Box::pin(async move {
        let description = call.fields.text("Description").unwrap_or_default();
        let issue = KeyIssue { description: description.to_owned(), ..issue() };
        let created = call.service.create_access_key(call.caller, call.target(), &issue).await;
        let created = created.map_err(Refusal::of_key)?;
        let secret = created.secret.into_text();
        call.success(&OneKey { access_key: AccessKeyModel::new(&created.key, Some(&secret)) })
    })
}

pub(super) fn list(call: Call<'_>) -> Reply<'_> {
    Box::pin(async move {
        let record =
            call.service.list_access_keys(call.caller, call.target()).await.map_err(Refusal::of_key)?;
        let shown = record.rows.keys.iter().filter(|key| key.is_shown_by(SCHEMES));
        call.success(&ManyKeys { access_keys: shown.map(|key| AccessKeyModel::new(key, None)).collect() })
    })
}

pub(super) fn update(call: Call<'_>) -> Reply<'_> {
    Box::pin(async move {
        let status = match call.fields.text("Status") {
            Some("Inactive") => KeyStatus::Inactive,
            Some(_) | None => KeyStatus::Active,
        };
        let change = KeyChange { status: Some(status), ..KeyChange::default() };
        let changed = call.service.update_access_key(call.caller, key(&call), SCHEMES, change).await;
        changed.map_err(Refusal::of_key)?;
        call.success(&Nothing {})
    })
}

pub(super) fn delete(call: Call<'_>) -> Reply<'_> {
    Box::pin(async move {
        let deleted = call.service.delete_access_key(call.caller, key(&call), SCHEMES).await;
        deleted.map_err(Refusal::of_key)?;
        call.success(&Nothing {})
    })
}

pub(super) fn last_used(call: Call<'_>) -> Reply<'_> {
    Box::pin(async move {
        let ids = call.fields.list("SecretIdList").into_iter().filter_map(|value| match value {
            Value::Text(text) => Some(text.as_str()),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => None,
        });
        let ids: Vec<&str> = ids.collect();
        let uses = call.service.last_uses_by_id(call.caller, &ids, SCHEMES).await?;
        let rows = uses.iter().map(|(key_id, last)| {
            let at = last.as_ref().map(|last| last.at);
            LastUseModel {
                secret_id: key_id.as_str(),
                last_used_date: at.map(date),
                last_secret_used_date: at.map(|at| at.0),
            }
        });
        call.success(&LastUses { secret_id_last_used_rows: rows.collect() })
    })
}

/// How this dialect issues a key.
pub(super) fn issue() -> KeyIssue<'static> {
    KeyIssue::plain(NAME, SCHEMES, &SHAPE)
}

/// The key that a request is about: its owner must be the target, who is the caller unless the request says otherwise.
fn key<'a>(call: &Call<'a>) -> KeyRef<'a> {
    KeyRef { id: call.fields.text("AccessKeyId").unwrap_or_default(), owner: Some(call.target()) }
}
