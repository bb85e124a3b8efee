//! AddUser, GetUser, UpdateUser, DeleteUser, ListUsers, DescribeSubAccounts, GetUserAppId.

use domain::Error;
use domain::policy::{Action, Role};
use domain::users::{Attributes, NewUser, User, UserChange, UserRef};
use serde::Serialize;
use zeroize::Zeroizing;

use super::access_keys::issue;
use super::call::{Call, Nothing, Reply, serial, uin};
use super::parameters::uint;
use super::time::date_time;

/// Attributes of a user that this dialect takes and shows, and the parameters that set them. They decide nothing.
const REMARK: &str = "tencent.Remark";
const CONSOLE_LOGIN: &str = "tencent.ConsoleLogin";
const PHONE_NUM: &str = "tencent.PhoneNum";
const COUNTRY_CODE: &str = "tencent.CountryCode";
const KEPT: [(&str, &str); 3] = [(REMARK, "Remark"), (PHONE_NUM, "PhoneNum"), (COUNTRY_CODE, "CountryCode")];

/// What every answer about a user has.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct UserModel<'a> {
    uin: u64,
    name: &'a str,
    uid: u32,
    remark: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Contact<'a> {
    console_login: u8,
    phone_num: &'a str,
    country_code: &'a str,
    email: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct OneUser<'a> {
    #[serde(flatten)]
    user: UserModel<'a>,
    #[serde(flatten)]
    contact: Contact<'a>,
    /// Nobody logs in: there is no console of this cloud.
    #[serde(rename = "RecentlyLoginIP")]
    recently_login_ip: &'static str,
    recently_login_time: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ListedUser<'a> {
    #[serde(flatten)]
    user: UserModel<'a>,
    #[serde(flatten)]
    contact: Contact<'a>,
    create_time: String,
    nick_name: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ManyUsers<'a> {
    data: Vec<ListedUser<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct SubAccount<'a> {
    #[serde(flatten)]
    user: UserModel<'a>,
    create_time: String,
    user_type: u8,
    last_login_ip: &'static str,
    last_login_time: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct SubAccounts<'a> {
    sub_accounts: Vec<SubAccount<'a>>,
}

/// Terraform reads the last four without asking whether they are there.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct AddedUser<'a> {
    uin: u64,
    name: &'a str,
    password: &'a str,
    secret_id: &'a str,
    secret_key: &'a str,
    uid: u32,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct AppId {
    uin: String,
    owner_uin: String,
    app_id: u32,
}

impl<'a> UserModel<'a> {
    fn new(user: &'a User) -> Self {
        Self {
            uin: uin(user.serial),
            name: &user.name,
            uid: user.serial.get(),
            remark: attribute(user, REMARK),
        }
    }
}

impl<'a> Contact<'a> {
    fn new(user: &'a User) -> Self {
        Self {
            console_login: u8::from(attribute(user, CONSOLE_LOGIN) == "1"),
            phone_num: attribute(user, PHONE_NUM),
            country_code: attribute(user, COUNTRY_CODE),
            email: &user.email,
        }
    }
}

pub(super) fn add(call: Call<'_>) -> Reply<'_> {
    Box::pin(async move {
        // Without a console a password opens nothing, so none is kept; who asked for one and gave none gets one.
        let wants_password = call.flag("ConsoleLogin") && call.fields.text("Password").is_none();
        let password = wants_password.then(|| call.service.new_password());
        let new = NewUser {
            name: call.name(),
            display_name: String::new(),
            email: call.fields.text("Email").unwrap_or_default().to_owned(),
            role: Role::Member,
            attributes: attributes(&call),
            first_key: call.flag("UseApi").then(issue),
        };
        let created = call.service.create_user(call.caller, new).await?;
        let (key, secret) = created.key.map(|made| (made.key, made.secret.into_text())).unzip();
        let text =
            |text: &Option<Zeroizing<String>>| text.as_ref().map_or(String::new(), |text| text.to_string());
        let (password, secret) = (Zeroizing::new(text(&password)), Zeroizing::new(text(&secret)));
        call.success(&AddedUser {
            uin: uin(created.user.serial),
            name: &created.user.name,
            password: &password,
            secret_id: key.as_ref().map_or("", |key| key.key_id.as_str()),
            secret_key: &secret,
            uid: created.user.serial.get(),
        })
    })
}

pub(super) fn get(call: Call<'_>) -> Reply<'_> {
    Box::pin(async move {
        let record = call.service.get_user(call.caller, call.name()).await?;
        let user = &record.rows.user;
        call.success(&OneUser {
            user: UserModel::new(user),
            contact: Contact::new(user),
            recently_login_ip: "",
            recently_login_time: "",
        })
    })
}

pub(super) fn update(call: Call<'_>) -> Reply<'_> {
    Box::pin(async move {
        let change = UserChange {
            email: call.fields.text("Email").map(str::to_owned),
            attributes: attributes(&call),
            ..UserChange::default()
        };
        call.service.update_user(call.caller, call.name(), change).await?;
        call.success(&Nothing {})
    })
}

pub(super) fn delete(call: Call<'_>) -> Reply<'_> {
    Box::pin(async move {
        if call.flag("Force") {
            call.service.delete_user(call.caller, call.name()).await?;
        } else {
            call.service.delete_user_without_keys(call.caller, call.name()).await?;
        }
        call.success(&Nothing {})
    })
}

pub(super) fn list(call: Call<'_>) -> Reply<'_> {
    Box::pin(async move {
        let users = call.service.all_users(call.caller).await?;
        let listed = users.iter().map(|(user, _)| ListedUser {
            user: UserModel::new(user),
            contact: Contact::new(user),
            create_time: date_time(user.created_at),
            nick_name: &user.display_name,
        });
        call.success(&ManyUsers { data: listed.collect() })
    })
}

pub(super) fn sub_accounts(call: Call<'_>) -> Reply<'_> {
    Box::pin(async move {
        let mut records = Vec::new();
        for uin in call.fields.list("FilterSubAccountUin").into_iter().filter_map(uint) {
            let Some(serial) = serial(uin) else {
                // A number that nobody can have is somebody else's to whoever reaches only himself.
                call.caller.require_account(Action::ReadUser)?;
                continue;
            };
            match call.service.get_user(call.caller, UserRef::Numbered(serial)).await {
                Ok(record) => records.push(record),
                Err(Error::UserNotFound(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        let accounts = records.iter().map(|record| {
            let user = &record.rows.user;
            SubAccount {
                user: UserModel::new(user),
                create_time: date_time(user.created_at),
                user_type: user_type(user),
                last_login_ip: "",
                last_login_time: None,
            }
        });
        call.success(&SubAccounts { sub_accounts: accounts.collect() })
    })
}

pub(super) fn app_id(call: Call<'_>) -> Reply<'_> {
    Box::pin(async move {
        let owner = call.caller.account_serial();
        call.success(&AppId {
            uin: uin(call.caller.user_serial()).to_string(),
            owner_uin: uin(owner).to_string(),
            app_id: owner.get(),
        })
    })
}

/// The attributes that the request sets.
fn attributes(call: &Call<'_>) -> Attributes {
    let texts = KEPT.into_iter().filter_map(|(attribute, parameter)| {
        Some((attribute.to_owned(), call.fields.text(parameter)?.to_owned()))
    });
    let console_login =
        call.fields.uint("ConsoleLogin").map(|flag| (CONSOLE_LOGIN.to_owned(), flag.to_string()));
    texts.chain(console_login).collect()
}

fn attribute<'a>(user: &'a User, name: &str) -> &'a str {
    user.attributes.get(name).map_or("", String::as_str)
}

/// 1 is the root account, 2 a sub-user.
const fn user_type(user: &User) -> u8 {
    if user.is_root { 1 } else { 2 }
}
