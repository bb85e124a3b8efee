//! IAM's permanent access keys, version 3.0: `/v3.0/OS-CREDENTIAL/credentials`.

use domain::access_keys::{AccessKey, KeyChange, KeyIssue, KeyShape, KeyStatus, SchemeSet};
use domain::error::Error;
use domain::id::UserUuid;
use domain::random::ALPHANUMERIC;
use domain::users::UserRef;
use serde::Serialize;
use signing::Scheme;

use super::call::{Answering, Call, Reply};
use super::errors::{Code, Refusal};
use super::input::Fields;
use super::{Family, NAME};
use crate::keystone::micros;

/// What this dialect's keys sign in, and by which it counts and lists them.
pub(super) const SCHEMES: SchemeSet = SchemeSet::of(&[Scheme::SdkHmacSha256]);

/// Ids and secrets as the vendor's look.
pub(super) const SHAPE: KeyShape = KeyShape {
    prefix: "",
    time_chars: 0,
    random_chars: 20,
    id_alphabet: b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ",
    secret_alphabet: ALPHANUMERIC,
    secret_chars: 40,
};

/// How a key is issued.
pub(super) fn issue(description: &str) -> KeyIssue<'static> {
    KeyIssue { description: description.to_owned(), ..KeyIssue::plain(NAME, SCHEMES, &SHAPE) }
}

/// The word for a key's status.
pub(super) const fn status_word(status: KeyStatus) -> &'static str {
    match status {
        KeyStatus::Active => "active",
        KeyStatus::Inactive => "inactive",
    }
}

/// Reads that word.
pub(super) fn status(text: &str) -> Option<KeyStatus> {
    match text {
        "active" => Some(KeyStatus::Active),
        "inactive" => Some(KeyStatus::Inactive),
        _ => None,
    }
}

#[derive(Serialize)]
struct One<T> {
    credential: T,
}

#[derive(Serialize)]
struct Many<'a> {
    credentials: Vec<Credential<'a>>,
}

#[derive(Serialize)]
struct Credential<'a> {
    access: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<&'a str>,
    status: &'static str,
    user_id: String,
    description: &'a str,
    create_time: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_use_time: Option<String>,
}

impl<'a> Credential<'a> {
    fn of(key: &'a AccessKey) -> Self {
        Self {
            access: key.key_id.as_str(),
            secret: None,
            status: status_word(key.status),
            user_id: key.user.hex(),
            description: &key.description,
            create_time: micros(key.created_at),
            last_use_time: None,
        }
    }
}

/// The user of an id. One that is no id names nobody.
pub(super) fn user(id: &str) -> UserRef<'static> {
    // Only the written form that answers have: no hyphens, no capitals.
    let uuid = UserUuid::parse(id).filter(|uuid| uuid.hex() == id);
    UserRef::Identified(uuid.unwrap_or(UserUuid::from_bytes([0; 16])))
}

pub(super) fn create(call: Call<'_>) -> Answering<'_> {
    Box::pin(async move {
        let fields = credential_of(&call)?;
        let bad = |name: &'static str| Refusal::invalid(call.family, name, "must be a text");
        let owner = fields.text("user_id").map_err(|()| bad("user_id"))?;
        let owner = owner.ok_or_else(|| bad("user_id"))?;
        let description = fields.text("description").map_err(|()| bad("description"))?.unwrap_or_default();
        let made = call.service.create_access_key(call.caller()?, user(owner), &issue(description)).await;
        let made = made.map_err(|error| call.refused(error))?;
        let secret = made.secret.into_text();
        Reply::created(&One { credential: Credential { secret: Some(&secret), ..Credential::of(&made.key) } })
    })
}

pub(super) fn list(call: Call<'_>) -> Answering<'_> {
    Box::pin(async move {
        let owner = call.query.get("user_id").map_or(UserRef::Caller, user);
        let record = call.service.list_access_keys(call.caller()?, owner).await;
        let record = record.map_err(|error| call.refused(error))?;
        let shown = record.rows.keys.iter().filter(|key| key.is_shown_by(SCHEMES));
        Reply::ok(&Many { credentials: shown.map(Credential::of).collect() })
    })
}

pub(super) fn show(call: Call<'_>) -> Answering<'_> {
    Box::pin(async move {
        let id = call.segments.get(0);
        let found = call.service.get_access_key(call.caller()?, id).await;
        let (_, key) = found.map_err(|error| of_key(&call, error))?;
        if !key.is_shown_by(SCHEMES) {
            return Err(of_key(&call, Error::KeyNotFound));
        }
        let uses = call.service.last_uses(&[key.uuid]).await.map_err(|error| call.refused(error))?;
        let last = uses.into_iter().flatten().next().map_or(key.created_at, |last| last.at);
        Reply::ok(&One {
            credential: Credential { last_use_time: Some(micros(last)), ..Credential::of(&key) },
        })
    })
}

pub(super) fn update(call: Call<'_>) -> Answering<'_> {
    Box::pin(async move {
        let fields = credential_of(&call)?;
        let bad = |name: &'static str, rule| Refusal::invalid(call.family, name, rule);
        let word = fields.text("status").map_err(|()| bad("status", "must be a text"))?;
        let description = fields.text("description").map_err(|()| bad("description", "must be a text"))?;
        let status = match word {
            Some(word) => Some(status(word).ok_or_else(|| bad("status", "must be active or inactive"))?),
            None => None,
        };
        if status.is_none() && description.is_none() {
            return Err(bad("credential", "needs a status or a description"));
        }
        let change =
            KeyChange { status, description: description.map(str::to_owned), ..KeyChange::default() };
        let id = call.segments.get(0);
        let key = call.service.update_access_key(call.caller()?, id, SCHEMES, change).await;
        let key = key.map_err(|error| of_key(&call, error))?;
        Reply::ok(&One { credential: Credential::of(&key) })
    })
}

pub(super) fn delete(call: Call<'_>) -> Answering<'_> {
    Box::pin(async move {
        let id = call.segments.get(0);
        let deleted = call.service.delete_access_key(call.caller()?, id, SCHEMES).await;
        deleted.map_err(|error| of_key(&call, error))?;
        Ok(Reply::bare(204))
    })
}

fn credential_of(call: &Call<'_>) -> Result<Fields, Refusal> {
    call.fields()?.object("credential").ok_or_else(|| Refusal::malformed(Family::Iam))
}

/// As everywhere, but a key that is not there is named.
fn of_key(call: &Call<'_>, error: Error) -> Refusal {
    match error {
        Error::KeyNotFound | Error::KeyOfAnother => {
            let id: String = call.segments.get(0).chars().filter(char::is_ascii_graphic).take(64).collect();
            Refusal::echoing(Code::Iam404, format!("Could not find credential: {id}"))
        }
        other => call.refused(other),
    }
}
