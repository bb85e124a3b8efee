//! A token as an answer describes it. The token itself is in a header, never in the body.

use domain::directory::UserRecord;
use domain::policy::Role;
use domain::tokens::Token;
use serde::Serialize;

use super::discovery::{Service, catalog};
use super::login::Scope;
use super::projects::project_id;
use super::time::micros;

/// `{"token": {…}}`.
#[derive(Serialize)]
pub(crate) struct TokenAnswer<'a> {
    token: Described<'a>,
}

#[derive(Serialize)]
struct Described<'a> {
    issued_at: String,
    expires_at: Option<String>,
    methods: [&'static str; 1],
    user: User<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    domain: Option<Domain<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    project: Option<Project<'a>>,
    roles: [RoleEntry; 1],
    catalog: Vec<Service>,
}

#[derive(Serialize)]
struct User<'a> {
    id: String,
    name: &'a str,
    /// Empty: never.
    password_expires_at: &'static str,
    domain: Domain<'a>,
}

#[derive(Serialize)]
struct Domain<'a> {
    id: String,
    name: &'a str,
}

#[derive(Serialize)]
struct Project<'a> {
    id: String,
    name: String,
    domain: Domain<'a>,
}

#[derive(Serialize)]
struct RoleEntry {
    id: &'static str,
    name: &'static str,
}

impl<'a> TokenAnswer<'a> {
    /// Describes a token of `owner`. Without a `base` the catalog is empty.
    pub(crate) fn new(token: &Token, owner: &'a UserRecord, base: Option<&str>) -> Self {
        let (user, account) = (&owner.rows.user, &owner.rows.account);
        let domain = || Domain { id: account.uuid.hex(), name: &account.name };
        let (domain_scope, project) = match Scope::from_stored(&token.name) {
            Scope::Domain => (Some(domain()), None),
            Scope::Project(name) => {
                let id = project_id(account.uuid, &name);
                (None, Some(Project { id, name, domain: domain() }))
            }
        };
        Self {
            token: Described {
                issued_at: micros(token.issued_at),
                expires_at: token.expires_at.map(micros),
                methods: ["password"],
                user: User {
                    id: user.uuid.hex(),
                    name: &user.name,
                    password_expires_at: "",
                    domain: domain(),
                },
                domain: domain_scope,
                project,
                roles: [role(user.role)],
                catalog: base.map(catalog).unwrap_or_default(),
            },
        }
    }
}

const fn role(role: Role) -> RoleEntry {
    match role {
        Role::Admin => RoleEntry { id: "0", name: "te_admin" },
        Role::Auditor => RoleEntry { id: "1", name: "readonly" },
        Role::Member => RoleEntry { id: "2", name: "member" },
    }
}
