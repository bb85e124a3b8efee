//! ListUserSshKeys, CreateSshKey, ListSshKeys, GetSshKey, UpdateSshKey, DeleteSshKey, DisableAllSshKeys.

use domain::Error;
use domain::access_keys::KeyStatus;
use domain::id::{KeyUuid, Serial};
use domain::last_used::{LastUse, SshKeyUses};
use domain::ssh_keys::{
    Fingerprint, FoundSshKey, NewSshKey, SshKey, SshKeyChange, SshKeyQuery, SshKeyRef, SshKeysFound,
};
use domain::users::UserRef;
use serde::Serialize;

use super::call::{Answering, Call, Reply};
use super::errors::{Problem, Refusal};
use super::{conditions, time};

/// What the cursors of DisableAllSshKeys are bound to.
const DISABLING: &str = "ssh-keys disable-all";

/// An SSH key.
#[derive(Serialize)]
struct SshKeyModel<'a> {
    id: u32,
    uuid: String,
    user: &'a str,
    user_id: String,
    title: &'a str,
    r#type: &'static str,
    key: &'a str,
    fingerprint: String,
    status: &'static str,
    state: &'static str,
    sources: Vec<String>,
    expires_at: Option<String>,
    last_offered: Option<String>,
    last_used: Option<String>,
    version: u64,
    created_at: String,
    created_by: String,
    modified_at: String,
    modified_by: String,
}

impl<'a> SshKeyModel<'a> {
    /// A key of the user of that name, with its last uses.
    fn new(call: &Call<'_>, key: &'a SshKey, user: &'a str, uses: &SshKeyUses) -> Self {
        let at = |last: &Option<LastUse>| last.as_ref().map(|last| time::text(last.at));
        Self {
            id: key.serial.get(),
            uuid: key.uuid.hex(),
            user,
            user_id: key.user.hex(),
            title: &key.title,
            r#type: key.kind.as_str(),
            key: &key.text,
            fingerprint: key.fingerprint.to_string(),
            status: key.status.as_str(),
            state: state(call, key),
            sources: key.sources.iter().map(ToString::to_string).collect(),
            expires_at: key.expires_at.map(time::text),
            last_offered: at(&uses.offered),
            last_used: at(&uses.used),
            version: key.version,
            created_at: time::text(key.created_at),
            created_by: key.created_by.hex(),
            modified_at: time::text(key.modified_at),
            modified_by: key.modified_by.hex(),
        }
    }
}

/// What status, end and the operator's list come to now.
fn state(call: &Call<'_>, key: &SshKey) -> &'static str {
    if call.service.is_blocked(key) {
        "blocked"
    } else if key.is_expired(call.now()) {
        "expired"
    } else {
        key.status.as_str()
    }
}

#[derive(Serialize)]
struct SshKeyList<'a> {
    items: Vec<SshKeyModel<'a>>,
    next_cursor: Option<String>,
}

#[derive(Serialize)]
struct DisabledModel {
    disabled: usize,
    kept: usize,
    next_cursor: Option<String>,
}

pub(super) fn of_user(call: Call<'_>) -> Answering<'_> {
    Box::pin(async move {
        let name = format!("ssh-keys of {:?} {}", call.name(), call.query.identity());
        let query = query(&call, &name, Some(call.name()))?;
        page(&call, &name, &query).await
    })
}

pub(super) fn list(call: Call<'_>) -> Answering<'_> {
    Box::pin(async move {
        let name = format!("ssh-keys {}", call.query.identity());
        let query = query(&call, &name, call.query.text("user"))?;
        page(&call, &name, &query).await
    })
}

/// What the parameters ask for; `name` is what cursors are bound to.
fn query<'a>(call: &Call<'a>, name: &str, user: Option<&'a str>) -> Result<SshKeyQuery<'a>, Refusal> {
    let status = call.query.text("status").map(KeyStatus::parse);
    if status == Some(None) {
        return Err(Refusal::invalid("status", "must be active or inactive"));
    }
    let fingerprint = call.query.text("fingerprint").map(Fingerprint::parse);
    if fingerprint == Some(None) {
        return Err(Refusal::invalid(
            "fingerprint",
            "must be SHA256: and 43 characters, as ssh-keygen -l prints it",
        ));
    }
    Ok(SshKeyQuery {
        user: user.map(UserRef::Named),
        fingerprint: fingerprint.flatten(),
        title: call.query.text("title").unwrap_or_default(),
        status: status.flatten(),
        after: call.cursor(name)?.as_deref().map(place).transpose()?,
        limit: usize::try_from(call.query.limit()?).unwrap_or(usize::MAX),
    })
}

async fn page(call: &Call<'_>, name: &str, query: &SshKeyQuery<'_>) -> Result<Reply, Refusal> {
    let SshKeysFound { keys, next } = call.service.search_ssh_keys(call.caller, query).await?;
    let uses = uses(call, &keys).await?;
    let items = keys.iter().zip(&uses);
    let items =
        items.map(|(found, uses)| SshKeyModel::new(call, &found.key, &found.owner.rows.user.name, uses));
    let next_cursor = next.map(|next| call.service.cursor(call.caller, name, next.as_bytes()));
    Reply::ok(&SshKeyList { items: items.collect(), next_cursor })
}

/// When each was last offered to an SSH server, and when it last opened a login.
async fn uses(call: &Call<'_>, keys: &[FoundSshKey]) -> Result<Vec<SshKeyUses>, Refusal> {
    let uuids: Vec<KeyUuid> = keys.iter().map(|found| found.key.uuid).collect();
    Ok(call.service.ssh_key_uses(&uuids).await?)
}

pub(super) fn create(call: Call<'_>) -> Answering<'_> {
    Box::pin(async move {
        call.body.closed(&["title", "key", "expires_at", "sources"])?;
        let sources = conditions::sources(call.body)?.unwrap_or_default();
        let new = NewSshKey {
            title: call.body.required("title")?,
            text: call.body.required("key")?,
            expires_at: call.body.time("expires_at")?.flatten(),
            sources: &sources,
        };
        if let Some(reply) = repeated_creation(&call).await? {
            return Ok(reply);
        }
        let made = call.service.add_ssh_key(call.caller, call.name(), new).await;
        let key = match call.unless_made_meanwhile(made).await? {
            Some(key) => key,
            None => return repeated_creation(&call).await?.ok_or(Error::Conflict.into()),
        };
        Reply::created(&SshKeyModel::new(&call, &key, call.name(), &SshKeyUses::default()))
    })
}

/// The answer to a creation that was asked for before, with the same idempotency key.
async fn repeated_creation(call: &Call<'_>) -> Result<Option<Reply>, Refusal> {
    let Some(remembered) = call.service.remembered(call.caller).await? else { return Ok(None) };
    let page = call.service.list_ssh_keys(call.caller, call.name(), "", 0, usize::MAX).await?;
    let key = page.keys.iter().find(|key| *key.uuid.as_bytes() == remembered.object);
    let key = key.ok_or(Error::SshKeyNotFound)?;
    Reply::created(&SshKeyModel::new(call, key, call.name(), &SshKeyUses::default())).map(Some)
}

pub(super) fn get(call: Call<'_>) -> Answering<'_> {
    Box::pin(async move {
        let found = call.service.get_ssh_key(call.caller, wanted(&call)?).await?;
        answer(&call, found).await
    })
}

pub(super) fn update(call: Call<'_>) -> Answering<'_> {
    Box::pin(async move {
        call.body.closed(&["title", "status", "expires_at", "sources"])?;
        let change = SshKeyChange {
            title: call.body.text("title")?.map(str::to_owned),
            status: call.body.word("status", KeyStatus::parse)?,
            expires_at: call.body.time("expires_at")?,
            sources: conditions::sources(call.body)?,
        };
        let found = call.service.update_ssh_key(call.caller, wanted(&call)?, change).await?;
        answer(&call, found).await
    })
}

async fn answer(call: &Call<'_>, found: FoundSshKey) -> Result<Reply, Refusal> {
    let found = [found];
    let uses = uses(call, &found).await?.into_iter().next().unwrap_or_default();
    let [FoundSshKey { key, owner }] = &found;
    Reply::ok(&SshKeyModel::new(call, key, &owner.rows.user.name, &uses))
}

pub(super) fn delete(call: Call<'_>) -> Answering<'_> {
    Box::pin(async move {
        call.service.delete_ssh_key(call.caller, wanted(&call)?).await?;
        Ok(Reply::done())
    })
}

pub(super) fn disable_all(call: Call<'_>) -> Answering<'_> {
    Box::pin(async move {
        let after = call.cursor(DISABLING)?.as_deref().map(place).transpose()?;
        let done = call.service.disable_ssh_keys(call.caller, after).await?;
        let next_cursor = done.next.map(|next| call.service.cursor(call.caller, DISABLING, next.as_bytes()));
        Reply::ok(&DisabledModel { disabled: done.disabled, kept: done.kept, next_cursor })
    })
}

/// The key that the path names. What is no number names none.
fn wanted(call: &Call<'_>) -> Result<SshKeyRef<'static>, Refusal> {
    let text = call.name();
    let is_plain = !text.starts_with('0') && text.bytes().all(|byte| byte.is_ascii_digit());
    let serial = text.parse().ok().filter(|_| is_plain).and_then(Serial::new);
    Ok(SshKeyRef { serial: serial.ok_or(Error::SshKeyNotFound)?, owner: None })
}

/// What a cursor says.
fn place(position: &[u8]) -> Result<KeyUuid, Refusal> {
    let uuid = position.try_into().map_err(|_| Refusal::of(Problem::InvalidCursor))?;
    Ok(KeyUuid::from_bytes(uuid))
}
