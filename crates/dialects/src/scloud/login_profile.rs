//! GetLoginProfile, UpdateLoginProfile: flags of a console log-in that the vendor's Terraform provider reads on every
//! refresh. They are kept for it and decide nothing.

use domain::users::{Attributes, User, UserChange};
use serde::Serialize;

use super::call::{Call, Reply};
use super::parameters::{USER_NAME, integer};

/// Attributes of a user that hold the profile, and the parameters that set them. The first, the status, has another
/// parameter in each action.
const STATUS: &str = "scloud.LoginProfileStatus";
const MAX_PASSWORD_AGE: &str = "scloud.MaxPasswordAge";
const MFA_BIND_REQUIRED: &str = "scloud.MFABindRequired";
const PASSWORD_RESET_REQUIRED: &str = "scloud.PasswordResetRequired";
const KEPT: [(&str, &str); 4] = [
    (MAX_PASSWORD_AGE, "MaxPasswordAge"),
    (MFA_BIND_REQUIRED, "MFABindRequired"),
    (PASSWORD_RESET_REQUIRED, "PasswordResetRequired"),
    ("scloud.GenerateRandomPassword", "GenerateRandomPassword"),
];

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct LoginProfile {
    status: &'static str,
    max_password_age: i64,
    #[serde(rename = "MFABindRequired")]
    mfa_bind_required: bool,
    password_reset_required: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct OneProfile {
    login_profile: LoginProfile,
}

pub(super) fn get(call: Call<'_>) -> Reply<'_> {
    Box::pin(async move {
        let record = call.service.get_user(call.caller, &call.text(USER_NAME)).await?;
        call.success(&profile(&record.rows.user))
    })
}

pub(super) fn update(call: Call<'_>) -> Reply<'_> {
    Box::pin(async move {
        let change = UserChange {
            email: call.given("UserEmail").map(Into::into),
            attributes: attributes(&call, "Status"),
            ..UserChange::default()
        };
        let user = call.service.update_user(call.caller, &call.text(USER_NAME), change).await?;
        call.success(&profile(&user))
    })
}

/// The attributes that the request sets. A password is not among them: without a console there is nothing to log in to.
pub(super) fn attributes(call: &Call<'_>, status_parameter: &str) -> Attributes {
    let pairs = KEPT.into_iter().chain([(STATUS, status_parameter)]);
    let given = pairs.filter_map(|(attribute, parameter)| Some((attribute, call.given(parameter)?)));
    given.map(|(attribute, value)| (attribute.to_owned(), value.into_owned())).collect()
}

/// Whether the user is marked for the console.
pub(super) fn has_console(user: &User) -> bool {
    attribute(user, STATUS) == "Active"
}

fn profile(user: &User) -> OneProfile {
    OneProfile {
        login_profile: LoginProfile {
            status: if has_console(user) { "Active" } else { "Inactive" },
            max_password_age: integer(attribute(user, MAX_PASSWORD_AGE)).unwrap_or(0),
            mfa_bind_required: attribute(user, MFA_BIND_REQUIRED) == "true",
            password_reset_required: attribute(user, PASSWORD_RESET_REQUIRED) == "true",
        },
    }
}

fn attribute<'a>(user: &'a User, name: &str) -> &'a str {
    user.attributes.get(name).map_or("", String::as_str)
}
