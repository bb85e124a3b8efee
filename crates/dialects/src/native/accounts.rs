//! ListAccounts, CreateAccount, GetAccount, UpdateAccount.

use domain::access_keys::{CreatedKey, KeyIssue};
use domain::accounts::{Account, AccountChange, AccountStatus, CreatedAccount, NewAccount};
use domain::id::AccountUuid;
use serde::Serialize;

use super::access_keys::{SCHEMES, SHAPE};
use super::call::{Answering, Call, Reply};
use super::conditions;
use super::errors::{Problem, Refusal};
use super::input::Fields;
use super::key_model::CreatedModel;
use super::users::UserModel;
use super::{NAME, time};

/// What its cursors are bound to.
const LIST: &str = "accounts";
/// Name of an account's root user unless the client says otherwise.
const ROOT: &str = "admin";

/// An account.
#[derive(Serialize)]
pub(super) struct AccountModel<'a> {
    name: &'a str,
    id: String,
    number: u32,
    is_operator: bool,
    status: &'static str,
    max_key_lifetime_seconds: Option<i64>,
    version: u64,
    created_at: String,
    modified_at: String,
}

impl<'a> From<&'a Account> for AccountModel<'a> {
    fn from(account: &'a Account) -> Self {
        Self {
            name: &account.name,
            id: account.uuid.hex(),
            number: account.serial.get(),
            is_operator: account.is_operator(),
            status: account.status.as_str(),
            max_key_lifetime_seconds: account.max_key_lifetime_ms.map(|millis| millis / 1000),
            version: account.version,
            created_at: time::text(account.created_at),
            modified_at: time::text(account.modified_at),
        }
    }
}

#[derive(Serialize)]
struct AccountList<'a> {
    items: Vec<AccountModel<'a>>,
    next_cursor: Option<String>,
}

#[derive(Serialize)]
struct CreatedModels<'a> {
    account: AccountModel<'a>,
    user: UserModel<'a>,
    access_key: CreatedModel<'a>,
}

pub(super) fn list(call: Call<'_>) -> Answering<'_> {
    Box::pin(async move {
        let limit = call.query.limit()?;
        let after = call.cursor(LIST)?.map(|bytes| <[u8; 16]>::try_from(bytes).map(AccountUuid::from_bytes));
        let after = after.transpose().map_err(|_| Refusal::of(Problem::InvalidCursor))?;
        let accounts = call.service.list_accounts(call.caller, after, limit).await?;
        let is_full = u32::try_from(accounts.len()).is_ok_and(|found| found == limit);
        let last = accounts.last().filter(|_| is_full);
        let next_cursor = last.map(|last| call.service.cursor(call.caller, LIST, last.uuid.as_bytes()));
        let items = accounts.iter().filter(|account| account.deleted_at.is_none()).map(AccountModel::from);
        Reply::ok(&AccountList { items: items.collect(), next_cursor })
    })
}

pub(super) fn create(call: Call<'_>) -> Answering<'_> {
    Box::pin(async move {
        call.body.closed(&["name", "max_key_lifetime_seconds", "administrator"])?;
        let administrator = call.body.object("administrator")?.unwrap_or_default();
        administrator.closed(&["name", "display_name", "email", "schemes"])?;
        let text = |name| administrator.text(name).map(|text| text.unwrap_or_default().to_owned());
        let schemes = conditions::schemes(&administrator)?.unwrap_or(SCHEMES);
        let new = NewAccount {
            name: call.body.required("name")?,
            max_key_lifetime_ms: lifetime(call.body)?.flatten(),
            administrator: administrator.text("name")?.unwrap_or(ROOT),
            display_name: text("display_name")?,
            email: text("email")?,
            key: KeyIssue::plain(NAME, schemes, &SHAPE),
        };
        if let Some(reply) = repeated(&call).await? {
            return Ok(reply);
        }
        let made = call.service.create_account(call.caller, &new).await;
        let Some(CreatedAccount { account, user, key }) = call.unless_made_meanwhile(made).await? else {
            return repeated(&call).await?.ok_or(domain::Error::Conflict.into());
        };
        let CreatedKey { key, secret, .. } = key;
        let secret = secret.into_text();
        Reply::created(&CreatedModels {
            account: AccountModel::from(&account),
            user: UserModel::from(&user),
            access_key: CreatedModel::new(&key, &user.name, Some(&secret), call.now()),
        })
    })
}

async fn repeated(call: &Call<'_>) -> Result<Option<Reply>, Refusal> {
    let Some(remembered) = call.service.remembered(call.caller).await? else { return Ok(None) };
    let record = call.service.remembered_user(&remembered).await?;
    let user = &record.rows.user;
    let first = record.rows.keys.iter().find(|key| key.created_at == user.created_at);
    let key = first.ok_or(domain::Error::KeyNotFound)?;
    let secret = call.service.secret_again(call.caller, &remembered, key).await?;
    let secret = secret.map(domain::secret::Reveal::into_text);
    let secret = secret.as_ref().map(|secret| secret.as_str());
    let answer = CreatedModels {
        account: AccountModel::from(&record.rows.account),
        user: UserModel::from(user),
        access_key: CreatedModel::new(key, &user.name, secret, call.now()),
    };
    Reply::created(&answer).map(Some)
}

pub(super) fn get(call: Call<'_>) -> Answering<'_> {
    Box::pin(async move {
        let account = call.service.get_account(call.caller, call.name()).await?;
        Reply::ok(&AccountModel::from(&account))
    })
}

pub(super) fn update(call: Call<'_>) -> Answering<'_> {
    Box::pin(async move {
        call.body.closed(&["max_key_lifetime_seconds", "status"])?;
        let change = AccountChange {
            max_key_lifetime_ms: lifetime(call.body)?,
            status: call.body.word("status", AccountStatus::parse)?,
        };
        let account = call.service.update_account(call.caller, call.name(), &change).await?;
        Reply::ok(&AccountModel::from(&account))
    })
}

/// The longest life of keys in milliseconds; `Some(None)` for null.
fn lifetime(fields: &Fields) -> Result<Option<Option<i64>>, Refusal> {
    let seconds = fields.nullable_integer("max_key_lifetime_seconds")?;
    Ok(seconds.map(|seconds| seconds.map(|seconds| seconds.saturating_mul(1000))))
}
