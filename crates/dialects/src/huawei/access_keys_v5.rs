//! The same access keys as IAM 5 sees them: `/v5/users/{user}/access-keys`, and who asks: `/v5/caller-identity`.

use domain::access_keys::{AccessKey, KeyChange, KeyRef};
use domain::clock::UnixMillis;
use domain::error::Error;
use domain::id::KeyUuid;
use jiff::Timestamp;
use serde::Serialize;

use super::access_keys::{SCHEMES, issue, status, status_word, user};
use super::call::{Answering, Call, Reply};
use super::errors::Refusal;

/// Keys on a page unless the client says otherwise.
const PAGE: u32 = 100;
/// Most keys on a page.
const MOST: u32 = 200;
/// Characters of a marker.
const MARKER_CHARS: std::ops::RangeInclusive<usize> = 4..=400;

/// UTC with milliseconds: `2023-09-13T06:51:20.550Z`.
fn millis(at: UnixMillis) -> String {
    format!("{:.3}", Timestamp::from_millisecond(at.0).unwrap_or(Timestamp::MAX))
}

#[derive(Serialize)]
struct One<'a> {
    access_key: Key<'a>,
}

#[derive(Serialize)]
struct Many<'a> {
    access_keys: Vec<Key<'a>>,
    page_info: PageInfo,
}

#[derive(Serialize)]
struct PageInfo {
    #[serde(skip_serializing_if = "Option::is_none")]
    next_marker: Option<String>,
    current_count: usize,
}

#[derive(Serialize)]
struct Key<'a> {
    user_id: String,
    access_key_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret_access_key: Option<&'a str>,
    status: &'static str,
    created_at: String,
}

impl<'a> Key<'a> {
    fn of(key: &'a AccessKey) -> Self {
        Self {
            user_id: key.user.hex(),
            access_key_id: key.key_id.as_str(),
            secret_access_key: None,
            status: status_word(key.status),
            created_at: millis(key.created_at),
        }
    }
}

#[derive(Serialize)]
struct LastUsedAnswer {
    access_key_last_used: LastUsed,
}

#[derive(Serialize)]
struct LastUsed {
    #[serde(skip_serializing_if = "Option::is_none")]
    last_used_at: Option<String>,
}

#[derive(Serialize)]
struct CallerIdentity {
    account_id: String,
    principal_id: String,
    principal_urn: String,
}

pub(super) fn create(call: Call<'_>) -> Answering<'_> {
    Box::pin(async move {
        let owner = user(call.segments.get(0));
        let made = call.service.create_access_key(call.caller()?, owner, &issue("")).await;
        let made = made.map_err(|error| call.refused(error))?;
        let secret = made.secret.into_text();
        Reply::created(&One { access_key: Key { secret_access_key: Some(&secret), ..Key::of(&made.key) } })
    })
}

pub(super) fn list(call: Call<'_>) -> Answering<'_> {
    Box::pin(async move {
        let limit = call.query.number("limit", 1..=MOST, PAGE);
        let limit = limit
            .map_err(|()| Refusal::invalid(call.family, "limit", "must be a whole number from 1 to 200"))?;
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let (caller, owner) = (call.caller()?, call.segments.get(0));
        let record = call.service.list_access_keys(caller, user(owner)).await;
        let record = record.map_err(|error| call.refused(error))?;
        let list = format!("huawei.access-keys/{owner}");
        let after = match call.query.get("marker") {
            None => None,
            Some(marker) => Some(position(&call, &list, marker).map_err(|error| call.refused(error))?),
        };
        // In the order of their records, which is that of their creation and never changes.
        let mut keys: Vec<&AccessKey> =
            record.rows.keys.iter().filter(|key| key.is_shown_by(SCHEMES)).collect();
        keys.sort_by_key(|key| key.uuid);
        keys.retain(|key| after.is_none_or(|after| key.uuid > after));
        let has_more = keys.len() > limit;
        keys.truncate(limit);
        let last = keys.last().filter(|_| has_more);
        let next_marker = last.map(|key| call.service.cursor(caller, &list, key.uuid.as_bytes()));
        let page_info = PageInfo { next_marker, current_count: keys.len() };
        Reply::ok(&Many { access_keys: keys.into_iter().map(Key::of).collect(), page_info })
    })
}

fn position(call: &Call<'_>, list: &str, marker: &str) -> Result<KeyUuid, Error> {
    let has_form = MARKER_CHARS.contains(&marker.len());
    let caller = call.verified.ok_or(Error::CursorInvalid)?;
    let position = call.service.cursor_position(caller, list, marker).ok().filter(|_| has_form);
    let uuid = position.and_then(|bytes| bytes.try_into().ok()).map(KeyUuid::from_bytes);
    uuid.ok_or(Error::CursorInvalid)
}

/// The key that the path names, which must be the user's.
fn key<'a>(call: &Call<'a>) -> KeyRef<'a> {
    KeyRef { id: call.segments.get(1), owner: Some(user(call.segments.get(0))) }
}

pub(super) fn last_used(call: Call<'_>) -> Answering<'_> {
    Box::pin(async move {
        let owner = user(call.segments.get(0));
        let record = call.service.list_access_keys(call.caller()?, owner).await;
        let record = record.map_err(|error| call.refused(error))?;
        let key = record.key(call.segments.get(1)).filter(|key| key.is_shown_by(SCHEMES));
        let key = key.ok_or_else(|| call.refused(Error::KeyNotFound))?;
        let uses = call.service.last_uses(&[key.uuid]).await.map_err(|error| call.refused(error))?;
        let last_used_at = uses.into_iter().flatten().next().map(|last| millis(last.at));
        Reply::ok(&LastUsedAnswer { access_key_last_used: LastUsed { last_used_at } })
    })
}

pub(super) fn update(call: Call<'_>) -> Answering<'_> {
    Box::pin(async move {
        let fields = call.fields()?;
        let word = fields.text("status").ok().flatten().and_then(status);
        let status =
            word.ok_or_else(|| Refusal::invalid(call.family, "status", "must be active or inactive"))?;
        let change = KeyChange { status: Some(status), ..KeyChange::default() };
        let changed = call.service.update_access_key(call.caller()?, key(&call), SCHEMES, change).await;
        let changed = changed.map_err(|error| call.refused(error))?;
        Reply::ok(&One { access_key: Key::of(&changed) })
    })
}

pub(super) fn delete(call: Call<'_>) -> Answering<'_> {
    Box::pin(async move {
        let deleted = call.service.delete_access_key(call.caller()?, key(&call), SCHEMES).await;
        deleted.map_err(|error| call.refused(error))?;
        Ok(Reply::bare(204))
    })
}

pub(super) fn caller_identity(call: Call<'_>) -> Answering<'_> {
    Box::pin(async move {
        let caller = call.caller()?;
        let account_id = caller.account().hex();
        let principal_urn = format!("iam::{account_id}:user:{}", caller.user_name());
        Reply::ok(&CallerIdentity { account_id, principal_id: caller.user().hex(), principal_urn })
    })
}
