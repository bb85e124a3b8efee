//! CreateAccessKey, ListAccessKeys, UpdateAccessKey, DeleteAccessKey.

use domain::access_keys::{AccessKey, CreatedKey, KeyChange, KeyIssue, KeyShape, KeyStatus, SchemeSet};
use domain::clock::UnixMillis;
use domain::directory::UserRecord;
use domain::id::Serial;
use domain::policy::Action;
use domain::random::ALPHANUMERIC;
use domain::secret::Reveal;
use serde::Serialize;
use signing::Scheme;
use zeroize::Zeroizing;

use super::call::{Call, Nothing, Reply};
use super::errors::Refusal;
use super::parameters::USER_NAME;
use super::{NAME, RevealSecret};

/// Keys that this dialect issues, lists, edits and counts.
pub(super) const SCHEMES: SchemeSet = SchemeSet::of(&[Scheme::Scloud]);

/// Letters and digits only, so that hand-made GETs work without escaping. Seven characters of time keep ids in order of
/// creation until 2081, 25 random ones hold 148 bits, the secret's 43 hold 256.
const SHAPE: KeyShape = KeyShape {
    prefix: "",
    time_chars: 7,
    random_chars: 25,
    id_alphabet: ALPHANUMERIC,
    secret_alphabet: ALPHANUMERIC,
    secret_chars: 43,
};

/// A key as the vendor shows it. The owner's number has two spellings: his table says `UserId`, his example `UserID`.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct AccessKeyModel<'a> {
    #[serde(rename = "AccessKeyID")]
    access_key_id: &'a str,
    /// Empty except where the secret is revealed.
    access_key_secret: &'a str,
    user_id: u32,
    #[serde(rename = "UserID")]
    user_id_again: u32,
    description: &'a str,
    status: &'static str,
    created_at: i64,
    updated_at: i64,
    /// 0: never.
    expired_at: i64,
    deleted_at: i64,
}

impl<'a> AccessKeyModel<'a> {
    fn new(key: &'a AccessKey, owner: Serial, secret: &'a str) -> Self {
        Self {
            access_key_id: key.key_id.as_str(),
            access_key_secret: secret,
            user_id: owner.get(),
            user_id_again: owner.get(),
            description: &key.description,
            status: status_word(key.status),
            created_at: key.created_at.seconds(),
            updated_at: key.modified_at.seconds(),
            expired_at: key.expires_at.map_or(0, UnixMillis::seconds),
            deleted_at: 0,
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
    access_key: Vec<AccessKeyModel<'a>>,
}

pub(super) fn create(call: Call<'_>) -> Reply<'_> {
    Box::pin(async move {
        let user = call.text(USER_NAME);
        let CreatedKey { key, owner, secret } =
            call.service.create_access_key(call.caller, &user, &issue()).await?;
        let secret = secret.into_text();
        call.success(&OneKey { access_key: AccessKeyModel::new(&key, owner, &secret) })
    })
}

pub(super) fn list(call: Call<'_>) -> Reply<'_> {
    Box::pin(async move {
        let record = call.service.list_access_keys(call.caller, &call.text(USER_NAME)).await?;
        let mut keys: Vec<&AccessKey> =
            record.rows.keys.iter().filter(|key| key.is_shown_by(SCHEMES)).collect();
        keys.sort_by(|one, other| {
            (one.created_at.seconds(), &one.key_id).cmp(&(other.created_at.seconds(), &other.key_id))
        });
        let secrets = secrets_for_owner(&call, &record, &keys).await?;
        let owner = record.rows.user.serial;
        let secret = |n: usize| secrets.get(n).and_then(Option::as_ref).map_or("", |secret| secret.as_str());
        let models = keys.iter().enumerate().map(|(n, key)| AccessKeyModel::new(key, owner, secret(n)));
        call.success(&ManyKeys { access_key: models.collect() })
    })
}

pub(super) fn update(call: Call<'_>) -> Reply<'_> {
    Box::pin(async move {
        let change = KeyChange {
            status: call.given("Status").and_then(|word| parse_status(&word)),
            description: call.given("Description").map(Into::into),
            ..KeyChange::default()
        };
        call.service.update_access_key(call.caller, &call.text("AccessKeyID"), SCHEMES, change).await?;
        call.success(&Nothing {})
    })
}

pub(super) fn delete(call: Call<'_>) -> Reply<'_> {
    Box::pin(async move {
        call.service.delete_access_key(call.caller, &call.text("AccessKeyID"), SCHEMES).await?;
        call.success(&Nothing {})
    })
}

/// How this dialect issues a key.
pub(super) fn issue() -> KeyIssue<'static> {
    KeyIssue::plain(NAME, SCHEMES, &SHAPE)
}

/// Reads a status word; the vendor's own example spells one of them `Inactivate`.
pub(super) fn parse_status(word: &str) -> Option<KeyStatus> {
    match word {
        "Active" => Some(KeyStatus::Active),
        "Inactive" | "Inactivate" => Some(KeyStatus::Inactive),
        _ => None,
    }
}

const fn status_word(status: KeyStatus) -> &'static str {
    match status {
        KeyStatus::Active => "Active",
        KeyStatus::Inactive => "Inactive",
    }
}

/// The secrets of `keys`, one for each, when the server is set to show a user his own; empty otherwise.
async fn secrets_for_owner(
    call: &Call<'_>,
    record: &UserRecord,
    keys: &[&AccessKey],
) -> Result<Vec<Option<Zeroizing<String>>>, Refusal> {
    let shown = call.settings.reveal_secret == RevealSecret::Owner
        && record.rows.user.uuid == call.caller.user()
        && call.caller.reach(Action::RevealSecret).is_ok();
    if !shown {
        return Ok(Vec::new());
    }
    let secrets = call.service.reveal_own_secrets(call.caller, keys).await?;
    Ok(secrets.into_iter().map(|secret| secret.map(Reveal::into_text)).collect())
}
