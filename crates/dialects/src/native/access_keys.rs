//! ListUserAccessKeys, CreateAccessKey, ListAccessKeys, GetAccessKey, UpdateAccessKey, DeleteAccessKey, RotateAccessKey.

use domain::access_keys::{
    AccessKey, CreatedKey, KeyChange, KeyIssue, KeyScope, KeyShape, KeyStatus, RotatedKey, Rotation,
    SchemeSet, TemporaryKeys,
};
use domain::random::ALPHANUMERIC;
use serde::Serialize;
use signing::Scheme;

use super::NAME;
use super::call::{Answering, Call, Reply};
use super::conditions;
use super::errors::Refusal;
use super::input::Fields;
use super::key_model::{CreatedModel, KeyList, KeyModel};

/// The scheme of this API: what keys are made for unless an administrator asks for others.
pub(super) const SCHEMES: SchemeSet = SchemeSet::of(&[Scheme::Aws4]);
/// Keys that this API shows and changes: all.
const SCOPE: KeyScope = KeyScope { schemes: SchemeSet::all(), temporary: TemporaryKeys::Shown };

/// `KW` and 26 of `A–Z2–7`, which hold 130 random bits; the secret's 43 characters hold 256.
pub(super) const SHAPE: KeyShape = KeyShape {
    prefix: "KW",
    time_chars: 0,
    random_chars: 26,
    id_alphabet: b"234567ABCDEFGHIJKLMNOPQRSTUVWXYZ",
    secret_alphabet: ALPHANUMERIC,
    secret_chars: 43,
};

/// How long the old key of a rotation stays good unless the client says otherwise.
const DEFAULT_OVERLAP_SECONDS: i64 = 3_600;

#[derive(Serialize)]
struct RotatedModel<'a> {
    access_key: CreatedModel<'a>,
    previous: KeyModel<'a>,
}

pub(super) fn of_user(call: Call<'_>) -> Answering<'_> {
    Box::pin(async move {
        let record = call.service.list_access_keys(call.caller, call.name()).await?;
        let keys = &record.rows.keys;
        let uuids: Vec<_> = keys.iter().map(|key| key.uuid).collect();
        let uses = call.service.last_uses(&uuids).await?;
        let (name, now) = (&record.rows.user.name, call.now());
        let models = keys.iter().zip(&uses).map(|(key, used)| KeyModel::new(key, name, used.as_ref(), now));
        Reply::ok(&KeyList { items: models.collect(), next_cursor: None })
    })
}

pub(super) fn create(call: Call<'_>) -> Answering<'_> {
    Box::pin(async move {
        let issue = issue(&call, call.body)?;
        if let Some(reply) = repeated_creation(&call).await? {
            return Ok(reply);
        }
        let made = call.service.create_access_key(call.caller, call.name(), &issue).await;
        let CreatedKey { key, secret, .. } = match call.unless_made_meanwhile(made).await? {
            Some(created) => created,
            None => return repeated_creation(&call).await?.ok_or(domain::Error::Conflict.into()),
        };
        let secret = secret.into_text();
        Reply::created(&CreatedModel::new(&key, call.name(), Some(&secret), call.now()))
    })
}

/// The answer to a creation that was asked for before, with the same idempotency key.
async fn repeated_creation(call: &Call<'_>) -> Result<Option<Reply>, Refusal> {
    let Some(remembered) = call.service.remembered(call.caller).await? else { return Ok(None) };
    let record = call.service.list_access_keys(call.caller, call.name()).await?;
    let made = |key: &&AccessKey| *key.uuid.as_bytes() == remembered.object;
    let key = record.rows.keys.iter().find(made).ok_or(domain::Error::KeyNotFound)?;
    let secret = call.service.secret_again(call.caller, &remembered, key).await?;
    let secret = secret.map(domain::secret::Reveal::into_text);
    let secret = secret.as_ref().map(|secret| secret.as_str());
    Reply::created(&CreatedModel::new(key, call.name(), secret, call.now())).map(Some)
}

pub(super) fn get(call: Call<'_>) -> Answering<'_> {
    Box::pin(async move {
        let (record, key) = call.service.get_access_key(call.caller, call.name()).await?;
        answer(&call, &key, &record.rows.user.name).await
    })
}

pub(super) fn update(call: Call<'_>) -> Answering<'_> {
    Box::pin(async move {
        call.body.closed(&[&["status", "description"], conditions::MEMBERS].concat())?;
        let change = KeyChange {
            status: call.body.word("status", KeyStatus::parse)?,
            description: call.body.text("description")?.map(str::to_owned),
            schemes: conditions::schemes(call.body)?,
            sources: conditions::sources(call.body)?,
            audience: conditions::audience(call.body)?,
            not_before: call.body.time("not_before")?,
            expires_at: call.body.time("expires_at")?,
            signed_time: conditions::signed_time(call.body)?,
        };
        let key = call.service.update_access_key(call.caller, call.name(), SCOPE, change).await?;
        let owner = call.service.user_of(call.caller, &key).await?;
        answer(&call, &key, &owner.rows.user.name).await
    })
}

pub(super) fn delete(call: Call<'_>) -> Answering<'_> {
    Box::pin(async move {
        call.service.delete_access_key(call.caller, call.name(), SCOPE).await?;
        Ok(Reply::done())
    })
}

pub(super) fn rotate(call: Call<'_>) -> Answering<'_> {
    Box::pin(async move {
        call.body.closed(&["overlap_seconds", "description", "expires_at"])?;
        let overlap = call.body.integer("overlap_seconds")?.unwrap_or(DEFAULT_OVERLAP_SECONDS);
        let rotation = Rotation {
            dialect: NAME,
            shape: &SHAPE,
            overlap_ms: overlap.saturating_mul(1000),
            description: call.body.text("description")?.map(str::to_owned),
            expires_at: call.body.time("expires_at")?,
        };
        if let Some(reply) = repeated_rotation(&call).await? {
            return Ok(reply);
        }
        let rotated = call.service.rotate_access_key(call.caller, call.name(), &rotation).await;
        let RotatedKey { created, previous, owner } = match call.unless_made_meanwhile(rotated).await? {
            Some(rotated) => rotated,
            None => return repeated_rotation(&call).await?.ok_or(domain::Error::Conflict.into()),
        };
        let secret = created.secret.into_text();
        let user = &owner.rows.user.name;
        Reply::created(&RotatedModel {
            access_key: CreatedModel::new(&created.key, user, Some(&secret), call.now()),
            previous: KeyModel::new(&previous, user, None, call.now()),
        })
    })
}

async fn repeated_rotation(call: &Call<'_>) -> Result<Option<Reply>, Refusal> {
    let Some(remembered) = call.service.remembered(call.caller).await? else { return Ok(None) };
    let (record, previous) = call.service.get_access_key(call.caller, call.name()).await?;
    let made = |key: &&AccessKey| *key.uuid.as_bytes() == remembered.object;
    let key = record.rows.keys.iter().find(made).ok_or(domain::Error::KeyNotFound)?;
    let secret = call.service.secret_again(call.caller, &remembered, key).await?;
    let secret = secret.map(domain::secret::Reveal::into_text);
    let user = &record.rows.user.name;
    let answer = RotatedModel {
        access_key: CreatedModel::new(key, user, secret.as_ref().map(|secret| secret.as_str()), call.now()),
        previous: KeyModel::new(&previous, user, None, call.now()),
    };
    Reply::created(&answer).map(Some)
}

async fn answer(call: &Call<'_>, key: &AccessKey, user: &str) -> Result<Reply, Refusal> {
    let uses = call.service.last_uses(&[key.uuid]).await?;
    let used = uses.first().and_then(Option::as_ref);
    Reply::ok(&KeyModel::new(key, user, used, call.now()))
}

/// How this API issues a key that is described so.
pub(super) fn issue(call: &Call<'_>, fields: &Fields) -> Result<KeyIssue<'static>, Refusal> {
    fields.closed(&[&["description"], conditions::MEMBERS].concat())?;
    conditions::issue(call, fields, SCHEMES)
}
