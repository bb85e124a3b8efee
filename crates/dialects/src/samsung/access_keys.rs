//! CreateAccessKey, ShowAccessKey, SetAccessKey, DeleteAccessKey, and the record that all operations show.

use domain::access_keys::{
    AccessKey, CreatedKey, Doomed, KeyChange, KeyIssue, KeyKind, KeyScope, KeyShape, KeyStatus, SchemeSet,
    TemporaryKeys,
};
use domain::clock::UnixMillis;
use domain::duration::CalendarDuration;
use domain::error::Error;
use domain::id::{AccountUuid, KeyUuid, UserUuid};
use domain::limits::LimitName;
use domain::policy::Action;
use domain::random::ALPHANUMERIC;
use domain::secret::Reveal;
use domain::users::UserRef;
use serde::Serialize;
use signing::Scheme;
use zeroize::Zeroizing;

use super::body::{Members, Problems};
use super::call::{Call, Done, Reply, Text, Time, record_id};
use super::errors::{Code, Refusal};
use super::{DeleteEnabled, NAME, RevealSecret};

/// Keys that this dialect issues and counts.
const SCHEMES: SchemeSet = SchemeSet::of(&[Scheme::Scp]);
/// Keys that it shows and edits.
pub(super) const SCOPE: KeyScope = KeyScope { schemes: SCHEMES, temporary: TemporaryKeys::Shown };

/// The cloud's ids are 32 hexadecimal digits. Seven of them tell the time, so that ids of the same days lie together; 25 are
/// random and hold 100 bits. The secret's 43 hold 256.
const SHAPE: KeyShape = KeyShape {
    prefix: "",
    time_chars: 7,
    random_chars: 25,
    id_alphabet: b"0123456789abcdef",
    secret_alphabet: ALPHANUMERIC,
    secret_chars: 43,
};

/// Most characters of a description, as everywhere in the cloud's IAM.
const DESCRIPTION_CHARS: usize = 1000;
/// When a key without an end expires.
const NEVER: UnixMillis = UnixMillis(253_402_300_799_000);

/// A key as the cloud shows it. Exactly these members: clients decode strictly.
#[derive(Serialize)]
pub(super) struct Record<'a> {
    access_key: &'a str,
    access_key_type: &'static str,
    account_id: Text<AccountUuid>,
    created_at: Time,
    created_by: Text<UserUuid>,
    description: Option<&'a str>,
    expiration_timestamp: Time,
    id: Text<KeyUuid>,
    is_enabled: bool,
    modified_at: Time,
    modified_by: Text<UserUuid>,
    parent_access_key_id: Option<Text<KeyUuid>>,
    /// Empty except where the secret is revealed.
    secret_key: &'a str,
}

impl<'a> Record<'a> {
    pub(super) fn new(key: &'a AccessKey, secret: &'a str) -> Self {
        Self {
            access_key: key.key_id.as_str(),
            access_key_type: type_word(key.kind),
            account_id: Text(key.account),
            created_at: Time(key.created_at),
            created_by: Text(key.created_by),
            description: Some(key.description.as_str()).filter(|text| !text.is_empty()),
            expiration_timestamp: Time(key.expires_at.unwrap_or(NEVER)),
            id: Text(key.uuid),
            is_enabled: key.status == KeyStatus::Active,
            modified_at: Time(key.modified_at),
            modified_by: Text(key.modified_by),
            parent_access_key_id: key.parent.map(Text),
            secret_key: secret,
        }
    }
}

/// The wrapper of one key.
#[derive(Serialize)]
struct OneKey<'a> {
    access_key: Record<'a>,
}

pub(super) fn create(call: Call<'_>) -> Reply<'_> {
    Box::pin(async move {
        let members = Members::read(&call.request.view)?;
        let new = NewKey::read(&members)?;
        call.check_account(new.account)?;
        let made = match new.kind {
            KeyKind::Permanent => {
                let issue = new.issue(&call, new.duration)?;
                call.service.create_access_key(call.caller, UserRef::Caller, &issue).await
            }
            KeyKind::Temporary => {
                let issue = new.issue(&call, new.duration.or(Some(call.settings.temporary_duration)))?;
                temporary(&call, new.parent, &issue).await
            }
        };
        let CreatedKey { key, secret, .. } = match made {
            Ok(made) => made,
            Err(error) => return Err(explain_quota(&call, error).await),
        };
        let secret = secret.into_text();
        Done::json(201, &OneKey { access_key: Record::new(&key, &secret) })
    })
}

/// Makes a temporary key of one of the caller's own keys: an administrator acts for others elsewhere.
async fn temporary(call: &Call<'_>, parent: Option<&str>, issue: &KeyIssue<'_>) -> Result<CreatedKey, Error> {
    let parent = parent.and_then(record_id).ok_or(Error::ParentUnusable)?;
    let found = call.service.access_key(call.caller, Action::CreateAccessKey, parent, SCOPE).await;
    match found {
        Ok(found) if found.user == call.caller.user() => {
            call.service.create_temporary_key(call.caller, parent, issue).await
        }
        Ok(_) | Err(Error::KeyNotFound) => Err(Error::ParentUnusable),
        Err(error) => Err(error),
    }
}

/// Names the keys that hold the places: with few places, one forgotten key blocks every later run.
async fn explain_quota(call: &Call<'_>, error: Error) -> Refusal {
    let Error::LimitReached { name: LimitName::AccessKeysPerUser, limit } = error else {
        return error.into();
    };
    let Ok(record) = call.service.list_access_keys(call.caller, UserRef::Caller).await else {
        return error.into();
    };
    let holders: Vec<&str> = record
        .rows
        .keys
        .iter()
        .filter(|key| key.is_shown_by(SCHEMES))
        .map(|key| key.key_id.as_str())
        .collect();
    let detail = format!("A user can have {limit} PERMANENT access keys; these are: {}.", holders.join(", "));
    Refusal::plain(Code::QuotaExceeded, detail).because(error.to_string())
}

/// What a creation asks for.
struct NewKey<'a> {
    kind: KeyKind,
    account: Option<&'a str>,
    description: &'a str,
    duration: Option<CalendarDuration>,
    parent: Option<&'a str>,
}

impl<'a> NewKey<'a> {
    fn read(members: &'a Members) -> Result<Self, Refusal> {
        let mut problems = Problems::default();
        let name = "access_key_type";
        let kind = match members.text(name, &mut problems) {
            Some("PERMANENT") => Some(KeyKind::Permanent),
            Some("TEMPORARY") => Some(KeyKind::Temporary),
            Some(_) => {
                problems.add(name, "Input should be 'PERMANENT' or 'TEMPORARY'");
                None
            }
            None => {
                if members.get(name).is_none() {
                    problems.add(name, "Field required");
                }
                None
            }
        };
        let description = read_description(members, &mut problems);
        let duration = members.text("duration", &mut problems).map(CalendarDuration::parse);
        if duration.is_some_and(|duration| duration.is_none()) {
            problems
                .add("duration", "Input should be a positive ISO 8601 duration such as P1Y2M10DT2H30M15S");
        }
        let parent = members.text("parent_access_key_id", &mut problems);
        if kind == Some(KeyKind::Temporary) && members.get("parent_access_key_id").is_none() {
            problems.add("parent_access_key_id", "Field required");
        }
        let account = members.text("account_id", &mut problems);
        // Any passcode is accepted, and none is needed.
        members.text("passcode", &mut problems);
        problems.check()?;
        let kind = kind.unwrap_or(KeyKind::Permanent);
        Ok(Self { kind, account, description, duration: duration.flatten(), parent })
    }

    fn issue(
        &self,
        call: &Call<'_>,
        duration: Option<CalendarDuration>,
    ) -> Result<KeyIssue<'static>, Refusal> {
        let now = call.service.clock().now();
        let end = |duration: CalendarDuration| {
            let too_late =
                || Refusal::invalid(vec!["duration: the key must end before the year 10000".to_owned()]);
            duration.after(now).ok_or_else(too_late)
        };
        Ok(KeyIssue {
            description: self.description.to_owned(),
            expires_at: duration.map(end).transpose()?,
            ..KeyIssue::plain(NAME, SCHEMES, &SHAPE)
        })
    }
}

/// A description; empty when there is none.
fn read_description<'a>(members: &'a Members, problems: &mut Problems) -> &'a str {
    let description = members.text("description", problems).unwrap_or_default();
    if description.chars().count() > DESCRIPTION_CHARS {
        problems.add("description", "String should have at most 1000 characters");
    }
    description
}

pub(super) fn show(call: Call<'_>) -> Reply<'_> {
    Box::pin(async move {
        let key = call.service.access_key(call.caller, Action::ReadAccessKey, call.key()?, SCOPE).await?;
        let secrets = secrets_for_owner(&call, std::slice::from_ref(&key)).await?;
        Done::json(200, &OneKey { access_key: Record::new(&key, secret_at(&secrets, 0)) })
    })
}

pub(super) fn set(call: Call<'_>) -> Reply<'_> {
    Box::pin(async move {
        let key = call.service.access_key(call.caller, Action::UpdateAccessKey, call.key()?, SCOPE).await?;
        let members = Members::read(&call.request.view)?;
        let mut problems = Problems::default();
        let enabled = members.flag("is_enabled", &mut problems);
        let description = members.has("description").then(|| read_description(&members, &mut problems));
        problems.check()?;
        let status = match (enabled, description) {
            (Some(false), _) => Some(KeyStatus::Inactive),
            // The schema's default, except for the extension that only describes.
            (Some(true), _) | (None, None) => Some(KeyStatus::Active),
            (None, Some(_)) => None,
        };
        let change =
            KeyChange { status, description: description.map(str::to_owned), ..KeyChange::default() };
        let key = call.service.update_access_key(call.caller, key.key_id.as_str(), SCOPE, change).await?;
        Done::json(200, &OneKey { access_key: Record::new(&key, "") })
    })
}

pub(super) fn delete(call: Call<'_>) -> Reply<'_> {
    Box::pin(async move {
        let key = call.service.access_key(call.caller, Action::DeleteAccessKey, call.key()?, SCOPE).await?;
        let keys = [key.key_id.as_str().into()];
        call.service.delete_access_keys(call.caller, &keys, SCOPE, doomed(&call)).await?;
        Ok(Done::empty())
    })
}

/// Which keys may be deleted here.
pub(super) const fn doomed(call: &Call<'_>) -> Doomed {
    match call.settings.delete_enabled {
        DeleteEnabled::Refuse => Doomed::Disabled,
        DeleteEnabled::Allow => Doomed::InAnyState,
    }
}

pub(super) const fn type_word(kind: KeyKind) -> &'static str {
    match kind {
        KeyKind::Permanent => "PERMANENT",
        KeyKind::Temporary => "TEMPORARY",
    }
}

/// The secrets of the caller's own keys, a place for each key, when the server is set to show them; empty otherwise. A
/// temporary key is shown none: it would make itself permanent (threat T40).
pub(super) async fn secrets_for_owner(
    call: &Call<'_>,
    keys: &[AccessKey],
) -> Result<Vec<Option<Zeroizing<String>>>, Refusal> {
    let shown = call.settings.reveal_secret == RevealSecret::Owner
        && !call.caller.is_temporary()
        && call.caller.reach(Action::RevealSecret).is_ok();
    if !shown {
        return Ok(Vec::new());
    }
    let keys: Vec<&AccessKey> = keys.iter().collect();
    let secrets = call.service.reveal_own_secrets(call.caller, &keys).await?;
    Ok(secrets.into_iter().map(|secret| secret.map(Reveal::into_text)).collect())
}

/// The secret in a place; empty when it is not shown.
pub(super) fn secret_at(secrets: &[Option<Zeroizing<String>>], place: usize) -> &str {
    secrets.get(place).and_then(Option::as_ref).map_or("", |secret| secret.as_str())
}
