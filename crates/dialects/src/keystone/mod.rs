//! What Keystone's wire has in common wherever it is spoken: the login, the token, discovery, projects, and its errors. The
//! Huawei dialect serves it; nothing here knows its routes or its other shapes.

mod discovery;
pub(crate) mod errors;
mod login;
mod projects;
mod time;
mod token;

pub(crate) use discovery::{CatalogAnswer, Version, Versions};
pub(crate) use login::{BadLogin, LoginBody, Scope};
pub(crate) use projects::{DomainsAnswer, Project, ProjectsAnswer, is_project_name};
pub(crate) use time::micros;
pub(crate) use token::TokenAnswer;
