//! CodeArts Repo's user keys: `/v4/user/keys`, and the older forms under `/v1/users/sshkey`.

use domain::clock::UnixMillis;
use domain::error::Error;
use domain::id::Serial;
use domain::ssh_keys::{NewSshKey, SshKey, SshKeyPage, SshKeyRef};
use domain::users::UserRef;
use jiff::Timestamp;
use jiff::tz::{Offset, TimeZone};
use serde::Serialize;

use super::call::{Answering, Call, Reply};
use super::errors::{Code, Refusal, not_found};
use super::input::is_digits;
use super::{Family, PAGE, SEARCH_CHARS};

/// Longest title of the older forms, in characters.
const TITLE_CHARS_V1: usize = 255;
/// The largest number of a key.
const LARGEST_ID: i64 = 0x7fff_ffff;

#[derive(Serialize)]
struct KeysAnswer<'a> {
    keys: Vec<Key<'a>>,
    total: usize,
}

#[derive(Serialize)]
struct Key<'a> {
    id: u32,
    title: &'a str,
    key: &'a str,
    created_at: String,
}

impl<'a> Key<'a> {
    fn of(key: &'a SshKey, offset: Offset) -> Self {
        Self {
            id: key.serial.get(),
            title: &key.title,
            key: &key.text,
            created_at: zoned(key.created_at, offset),
        }
    }
}

/// `2022-12-14T11:22:57.000+08:00`: milliseconds and the zone's distance from UTC.
fn zoned(at: UnixMillis, offset: Offset) -> String {
    let timestamp = Timestamp::from_millisecond(at.0).unwrap_or(Timestamp::MAX);
    timestamp.to_zoned(TimeZone::fixed(offset)).strftime("%Y-%m-%dT%H:%M:%S%.3f%:z").to_string()
}

pub(super) fn list(call: Call<'_>) -> Answering<'_> {
    Box::pin(async move {
        let offset = number(&call, "offset", 0..=0x7fff_ffff, 0)?;
        let limit = number(&call, "limit", 1..=PAGE, 20)?;
        let title = call.query.get("query").unwrap_or_default();
        if title.chars().count() > SEARCH_CHARS {
            return Err(Refusal::invalid(call.family, "query", "has at most 2000 characters"));
        }
        let page = page(&call, title, offset, limit).await?;
        let keys = page.keys.iter().map(|key| Key::of(key, call.settings.offset)).collect();
        Reply::ok(&KeysAnswer { keys, total: page.total })
    })
}

fn number(
    call: &Call<'_>,
    name: &'static str,
    range: std::ops::RangeInclusive<u32>,
    default: u32,
) -> Result<usize, Refusal> {
    let rule = || format!("must be a whole number from {} to {}", range.start(), range.end());
    let number = call.query.number(name, range.clone(), default);
    let number = number.map_err(|()| Refusal::invalid(call.family, name, &rule()))?;
    Ok(usize::try_from(number).unwrap_or(usize::MAX))
}

async fn page(call: &Call<'_>, title: &str, offset: usize, limit: usize) -> Result<SshKeyPage, Refusal> {
    let page = call.service.list_ssh_keys(call.caller()?, UserRef::Caller, title, offset, limit).await;
    page.map_err(|error| call.refused(error))
}

pub(super) fn add(call: Call<'_>) -> Answering<'_> {
    Box::pin(async move {
        let key = added(&call).await?;
        Reply::created(&Key::of(&key, call.settings.offset))
    })
}

async fn added(call: &Call<'_>) -> Result<SshKey, Refusal> {
    let fields = call.fields()?;
    let given = |name| fields.text(name).ok().flatten().filter(|text| !text.trim().is_empty());
    let missing = |text| Refusal::new(Code::RepoRefused, text);
    let title = given("title").ok_or_else(|| missing("title is empty"))?;
    let text = given("key").ok_or_else(|| missing("key is empty"))?;
    if call.family == Family::RepoV1 && title.chars().count() > TITLE_CHARS_V1 {
        return Err(Refusal::invalid(call.family, "title", "has at most 255 characters"));
    }
    let new = NewSshKey::plain(title, text);
    let key = call.service.add_ssh_key(call.caller()?, UserRef::Caller, new).await;
    key.map_err(|error| call.refused(error))
}

pub(super) fn delete(call: Call<'_>) -> Answering<'_> {
    Box::pin(async move {
        deleted(&call).await?;
        Ok(Reply::bare(204))
    })
}

/// Only the caller's own keys; one of somebody else is told like one that is not there, byte for byte (threat T38).
async fn deleted(call: &Call<'_>) -> Result<(), Refusal> {
    let id = call.segments.get(0);
    if !is_digits(id) || id.len() > 40 {
        return Err(Refusal::invalid(call.family, "key_id", "must be a whole number"));
    }
    let serial = id.parse().ok().filter(|id| *id <= LARGEST_ID).and_then(Serial::new);
    let serial = serial.ok_or_else(|| not_found(call.family, ""))?;
    let wanted = SshKeyRef { serial, owner: Some(UserRef::Caller) };
    let deleted = call.service.delete_ssh_key(call.caller()?, wanted).await;
    deleted.map(drop).map_err(|error: Error| call.refused(error))
}

#[derive(Serialize)]
struct V1<T> {
    result: T,
    status: &'static str,
}

impl<T> V1<T> {
    const fn of(result: T) -> Self {
        Self { result, status: "success" }
    }
}

#[derive(Serialize)]
struct V1Keys<'a> {
    total: usize,
    sshkey: Vec<V1Key<'a>>,
}

#[derive(Serialize)]
struct V1Key<'a> {
    id: String,
    title: &'a str,
    key: &'a str,
}

impl<'a> V1Key<'a> {
    fn of(key: &'a SshKey) -> Self {
        Self { id: key.serial.get().to_string(), title: &key.title, key: &key.text }
    }
}

pub(super) fn list_v1(call: Call<'_>) -> Answering<'_> {
    Box::pin(async move {
        let page = page(&call, "", 0, usize::MAX).await?;
        let sshkey = page.keys.iter().map(|key| V1Key::of(key)).collect();
        Reply::ok(&V1::of(V1Keys { total: page.total, sshkey }))
    })
}

pub(super) fn add_v1(call: Call<'_>) -> Answering<'_> {
    Box::pin(async move {
        let key = added(&call).await?;
        Reply::ok(&V1::of(V1Key::of(&key)))
    })
}

pub(super) fn delete_v1(call: Call<'_>) -> Answering<'_> {
    Box::pin(async move {
        deleted(&call).await?;
        Reply::ok(&V1::of(call.segments.get(0)))
    })
}
