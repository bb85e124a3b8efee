//! CreateUser, GetUser, ListUsers, UpdateUser, DeleteUser.

use std::borrow::Cow;

use domain::access_keys::{AccessKey, KeyStatus};
use domain::id::Serial;
use domain::policy::Role;
use domain::users::{NewUser, User, UserChange, UserStatus};
use serde::Serialize;

use super::access_keys::{SCHEMES, issue, parse_status};
use super::call::{Call, Nothing, Reply};
use super::login_profile::{self, has_console};
use super::parameters::USER_NAME;

/// Users on a page unless the client says otherwise. Never 100: a Terraform data source that sends neither `Limit` nor
/// `Offset` asks again and again until a page has fewer.
const DEFAULT_LIMIT: u32 = 10;

/// A user as the vendor shows him.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct UserModel<'a> {
    user_name: &'a str,
    display_name: &'a str,
    email: Cow<'a, str>,
    status: &'static str,
    created_at: i64,
}

impl<'a> UserModel<'a> {
    fn new(user: &'a User, account: Serial) -> Self {
        Self {
            user_name: &user.name,
            display_name: &user.display_name,
            email: email(user, account),
            status: match user.status {
                UserStatus::Active => "Active",
                UserStatus::Frozen => "Frozen",
            },
            created_at: user.created_at.seconds(),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct OneUser<'a> {
    user: UserModel<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct UserPage<'a> {
    users: Vec<ListedUser<'a>>,
    total_count: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ListedUser<'a> {
    #[serde(flatten)]
    user: UserModel<'a>,
    console_access: bool,
    #[serde(rename = "APIAccess")]
    api_access: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct CreatedUser<'a> {
    user_name: &'a str,
    display_name: &'a str,
    #[serde(rename = "CompanyID")]
    company_id: u32,
    console_access: bool,
    #[serde(rename = "APIAccess")]
    api_access: bool,
    /// Empty when no key was asked for, like its secret.
    #[serde(rename = "AccessKeyID")]
    access_key_id: &'a str,
    access_key_secret: &'a str,
}

pub(super) fn create(call: Call<'_>) -> Reply<'_> {
    Box::pin(async move {
        let name = call.text(USER_NAME);
        let wants_key = parse_status(&call.text("AccessKeyStatus")) == Some(KeyStatus::Active);
        let new = NewUser {
            name: &name,
            display_name: call.text("DisplayName").into(),
            email: call.text("Email").into(),
            role: Role::Member,
            attributes: login_profile::attributes(&call, "LoginProfileStatus"),
            first_key: wants_key.then(issue),
        };
        let created = call.service.create_user(call.caller, new).await?;
        let (key, secret) = created.key.map(|made| (made.key, made.secret.into_text())).unzip();
        call.success(&CreatedUser {
            user_name: &created.user.name,
            display_name: &created.user.display_name,
            company_id: call.caller.account_serial().get(),
            console_access: has_console(&created.user),
            api_access: key.is_some(),
            access_key_id: key.as_ref().map_or("", |key| key.key_id.as_str()),
            access_key_secret: secret.as_ref().map_or("", |secret| secret.as_str()),
        })
    })
}

pub(super) fn get(call: Call<'_>) -> Reply<'_> {
    Box::pin(async move {
        let record = call.service.get_user(call.caller, &call.text(USER_NAME)).await?;
        call.success(&OneUser { user: UserModel::new(&record.rows.user, call.caller.account_serial()) })
    })
}

pub(super) fn list(call: Call<'_>) -> Reply<'_> {
    Box::pin(async move {
        let offset = call.integer("Offset").and_then(|offset| u64::try_from(offset).ok()).unwrap_or(0);
        let limit =
            call.integer("Limit").and_then(|limit| u32::try_from(limit).ok()).unwrap_or(DEFAULT_LIMIT);
        let page = call.service.list_users(call.caller, offset, limit).await?;
        let account = call.caller.account_serial();
        let users = page.users.iter().map(|(user, keys)| ListedUser {
            user: UserModel::new(user, account),
            console_access: has_console(user),
            api_access: has_active_key(keys),
        });
        call.success(&UserPage { users: users.collect(), total_count: page.total })
    })
}

pub(super) fn update(call: Call<'_>) -> Reply<'_> {
    Box::pin(async move {
        let change = UserChange {
            name: call.given("NewUserName").map(Into::into),
            display_name: call.given("DisplayName").map(Into::into),
            status: call.given("Status").and_then(|word| match &*word {
                "Active" => Some(UserStatus::Active),
                "Frozen" => Some(UserStatus::Frozen),
                _ => None,
            }),
            ..UserChange::default()
        };
        call.service.update_user(call.caller, &call.text(USER_NAME), change).await?;
        call.success(&Nothing {})
    })
}

pub(super) fn delete(call: Call<'_>) -> Reply<'_> {
    Box::pin(async move {
        call.service.delete_user(call.caller, &call.text(USER_NAME)).await?;
        call.success(&Nothing {})
    })
}

/// His address, or an invented one, never mailed: the vendor's model requires the field, and his Terraform provider lets
/// an address be changed only while it ends like this.
fn email(user: &User, account: Serial) -> Cow<'_, str> {
    if user.email.is_empty() {
        format!("{}@{}.apiuser.ucloud.cn", user.name, account.get()).into()
    } else {
        user.email.as_str().into()
    }
}

fn has_active_key(keys: &[AccessKey]) -> bool {
    keys.iter().any(|key| key.is_shown_by(SCHEMES) && key.status == KeyStatus::Active)
}
