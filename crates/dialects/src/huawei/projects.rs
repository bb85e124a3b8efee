//! What the SDKs and Terraform look up by themselves: projects, the account as a domain, and a user.

use domain::error::Error;
use domain::users::UserStatus;
use serde::Serialize;

use super::access_keys::user;
use super::call::{Answering, Call, Reply};
use super::errors::Refusal;
use crate::keystone::{DomainsAnswer, Project, ProjectsAnswer, is_project_name};

pub(super) fn list(call: Call<'_>) -> Answering<'_> {
    Box::pin(async move { projects(&call, "/v3/projects") })
}

pub(super) fn list_of_caller(call: Call<'_>) -> Answering<'_> {
    Box::pin(async move { projects(&call, "/v3/auth/projects") })
}

pub(super) fn list_of_user(call: Call<'_>) -> Answering<'_> {
    Box::pin(async move {
        let id = call.segments.get(0);
        let found = call.service.get_user(call.caller()?, user(id)).await;
        found.map_err(|error| call.refused(error))?;
        projects(&call, &format!("/v3/users/{id}/projects"))
    })
}

/// With a name exactly the project of that name, which every account has; without one the configured regions.
fn projects(call: &Call<'_>, path: &str) -> Result<Reply, Refusal> {
    let account = call.caller()?.account();
    let project = |name: &str| Project::new(account, name, call.base);
    let projects = match call.query.get("name") {
        Some(name) if is_project_name(name) => vec![project(name)],
        Some(_) => Vec::new(),
        None => call.settings.regions.iter().map(|name| project(name)).collect(),
    };
    Reply::ok(&ProjectsAnswer::new(projects, format!("{}{path}", call.base)))
}

pub(super) fn domains(call: Call<'_>) -> Answering<'_> {
    Box::pin(async move {
        let caller = call.caller()?;
        Reply::ok(&DomainsAnswer::new(caller.account(), caller.account_name(), call.base))
    })
}

#[derive(Serialize)]
struct UserAnswer<'a> {
    user: User<'a>,
}

#[derive(Serialize)]
struct User<'a> {
    id: String,
    name: &'a str,
    domain_id: String,
    enabled: bool,
    is_domain_owner: bool,
    description: &'a str,
}

pub(super) fn show_user(call: Call<'_>) -> Answering<'_> {
    Box::pin(async move {
        let found = call.service.get_user(call.caller()?, user(call.segments.get(0))).await;
        let record = found.map_err(|error: Error| call.refused(error))?;
        let found = &record.rows.user;
        Reply::ok(&UserAnswer {
            user: User {
                id: found.uuid.hex(),
                name: &found.name,
                domain_id: found.account.hex(),
                enabled: found.status == UserStatus::Active,
                is_domain_owner: found.is_root,
                description: &found.display_name,
            },
        })
    })
}
