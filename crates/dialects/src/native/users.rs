//! ListUsers, CreateUser, GetUser, UpdateUser, DeleteUser.

use domain::clock::UnixMillis;
use domain::id::UserUuid;
use domain::policy::Role;
use domain::users::{Attributes, CreatedUser, NewUser, User, UserChange, UserPlace, UserStatus};
use serde::Serialize;

use super::access_keys::issue;
use super::call::{Answering, Call, Reply};
use super::errors::{Problem, Refusal};
use super::key_model::CreatedModel;
use super::time;

/// What its cursors are bound to.
const LIST: &str = "users";

/// A user.
#[derive(Serialize)]
pub(super) struct UserModel<'a> {
    name: &'a str,
    id: String,
    number: u32,
    is_root: bool,
    role: &'static str,
    status: &'static str,
    display_name: &'a str,
    email: &'a str,
    version: u64,
    created_at: String,
    modified_at: String,
}

impl<'a> From<&'a User> for UserModel<'a> {
    fn from(user: &'a User) -> Self {
        Self {
            name: &user.name,
            id: user.uuid.hex(),
            number: user.serial.get(),
            is_root: user.is_root,
            role: user.role.as_str(),
            status: user.status.as_str(),
            display_name: &user.display_name,
            email: &user.email,
            version: user.version,
            created_at: time::text(user.created_at),
            modified_at: time::text(user.modified_at),
        }
    }
}

#[derive(Serialize)]
struct UserList<'a> {
    items: Vec<UserModel<'a>>,
    next_cursor: Option<String>,
}

#[derive(Serialize)]
struct CreatedUserModel<'a> {
    user: UserModel<'a>,
    access_key: Option<CreatedModel<'a>>,
}

pub(super) fn list(call: Call<'_>) -> Answering<'_> {
    Box::pin(async move {
        let limit = call.query.limit()?;
        let after = call.cursor(LIST)?.as_deref().map(place).transpose()?;
        let users = call.service.users_after(call.caller, after, limit).await?;
        let is_full = u32::try_from(users.len()).is_ok_and(|found| found == limit);
        let last = users.last().filter(|_| is_full);
        let position = last.map(|last| [&last.created_at.0.to_be_bytes()[..], last.uuid.as_bytes()].concat());
        let next_cursor = position.map(|position| call.service.cursor(call.caller, LIST, &position));
        Reply::ok(&UserList { items: users.iter().map(UserModel::from).collect(), next_cursor })
    })
}

pub(super) fn create(call: Call<'_>) -> Answering<'_> {
    Box::pin(async move {
        call.body.closed(&["name", "display_name", "email", "role", "access_key"])?;
        let text = |name| call.body.text(name).map(|text| text.unwrap_or_default().to_owned());
        let new = NewUser {
            name: call.body.required("name")?,
            display_name: text("display_name")?,
            email: text("email")?,
            role: call.body.word("role", Role::parse)?.unwrap_or(Role::Member),
            attributes: Attributes::new(),
            first_key: call.body.object("access_key")?.map(|key| issue(&call, &key)).transpose()?,
        };
        if let Some(reply) = repeated(&call).await? {
            return Ok(reply);
        }
        let made = call.service.create_user(call.caller, new).await;
        let Some(CreatedUser { user, key }) = call.unless_made_meanwhile(made).await? else {
            return repeated(&call).await?.ok_or(domain::Error::Conflict.into());
        };
        let now = call.now();
        let (key, secret) = key.map(|made| (made.key, made.secret.into_text())).unzip();
        let secret = secret.as_ref().map(|secret| secret.as_str());
        let access_key = key.as_ref().map(|key| CreatedModel::new(key, &user.name, secret, now));
        Reply::created(&CreatedUserModel { user: UserModel::from(&user), access_key })
    })
}

/// The answer to a creation that was asked for before, with the same idempotency key.
async fn repeated(call: &Call<'_>) -> Result<Option<Reply>, Refusal> {
    let Some(remembered) = call.service.remembered(call.caller).await? else { return Ok(None) };
    let record = call.service.remembered_user(&remembered).await?;
    let user = &record.rows.user;
    let key = record.rows.keys.iter().find(|key| key.created_at == user.created_at);
    let secret = match key {
        Some(key) => call.service.secret_again(call.caller, &remembered, key).await?,
        None => None,
    };
    let secret = secret.map(domain::secret::Reveal::into_text);
    let secret = secret.as_ref().map(|secret| secret.as_str());
    let access_key = key.map(|key| CreatedModel::new(key, &user.name, secret, call.now()));
    Reply::created(&CreatedUserModel { user: UserModel::from(user), access_key }).map(Some)
}

pub(super) fn get(call: Call<'_>) -> Answering<'_> {
    Box::pin(async move {
        let record = call.service.get_user(call.caller, call.name()).await?;
        Reply::ok(&UserModel::from(&record.rows.user))
    })
}

pub(super) fn update(call: Call<'_>) -> Answering<'_> {
    Box::pin(async move {
        call.body.closed(&["name", "display_name", "email", "role", "status"])?;
        let text = |name| call.body.text(name).map(|text| text.map(str::to_owned));
        let change = UserChange {
            name: text("name")?,
            display_name: text("display_name")?,
            email: text("email")?,
            role: call.body.word("role", Role::parse)?,
            status: call.body.word("status", UserStatus::parse)?,
            attributes: Attributes::new(),
        };
        let user = call.service.update_user(call.caller, call.name(), change).await?;
        Reply::ok(&UserModel::from(&user))
    })
}

pub(super) fn delete(call: Call<'_>) -> Answering<'_> {
    Box::pin(async move {
        if call.query.flag("only_without_keys")? {
            call.service.delete_user_without_keys(call.caller, call.name()).await?;
        } else {
            call.service.delete_user(call.caller, call.name()).await?;
        }
        Ok(Reply::done())
    })
}

/// What a cursor of the list says.
fn place(position: &[u8]) -> Result<UserPlace, Refusal> {
    let read = || {
        let (at, user) = position.split_first_chunk::<8>()?;
        Some((UnixMillis(i64::from_be_bytes(*at)), UserUuid::from_bytes(user.try_into().ok()?)))
    };
    read().ok_or(Refusal::of(Problem::InvalidCursor))
}
