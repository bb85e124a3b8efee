//! Projects and domains. An account is the domain; its projects are names, one for each region that is asked for, and their
//! ids are digests: nothing is stored for them.

use domain::id::AccountUuid;
use serde::Serialize;
use sha2::{Digest, Sha256};
use signing::encode::lower_hex;

/// Longest name of a project, in characters.
const NAME_CHARS: usize = 64;

/// Whether a project of that name exists: every account has those of this form.
pub(crate) fn is_project_name(name: &str) -> bool {
    (1..=NAME_CHARS).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

/// The id of an account's project: 32 hexadecimal digits, the same for ever.
pub(crate) fn project_id(account: AccountUuid, name: &str) -> String {
    let digest = Sha256::new()
        .chain_update(b"keyward/project/1")
        .chain_update(account.as_bytes())
        .chain_update(name.as_bytes())
        .finalize();
    lower_hex(digest.get(..16).unwrap_or_default())
}

/// A project of an account.
#[derive(Serialize)]
pub(crate) struct Project {
    id: String,
    name: String,
    domain_id: String,
    parent_id: String,
    is_domain: bool,
    enabled: bool,
    description: &'static str,
    links: OwnLink,
}

#[derive(Serialize)]
struct OwnLink {
    #[serde(rename = "self")]
    own: String,
}

#[derive(Serialize)]
struct ListLinks {
    next: Option<String>,
    previous: Option<String>,
    #[serde(rename = "self")]
    own: String,
}

impl Project {
    /// The project of that name.
    pub(crate) fn new(account: AccountUuid, name: &str, base: &str) -> Self {
        let id = project_id(account, name);
        Self {
            links: OwnLink { own: format!("{base}/v3/projects/{id}") },
            id,
            name: name.to_owned(),
            domain_id: account.hex(),
            parent_id: account.hex(),
            is_domain: false,
            enabled: true,
            description: "",
        }
    }
}

/// `{"projects": […], "links": {…}}`.
#[derive(Serialize)]
pub(crate) struct ProjectsAnswer {
    projects: Vec<Project>,
    links: ListLinks,
}

impl ProjectsAnswer {
    /// A list that is all on one page.
    pub(crate) const fn new(projects: Vec<Project>, own: String) -> Self {
        Self { projects, links: ListLinks { next: None, previous: None, own } }
    }
}

/// `{"domains": […], "links": {…}}`.
#[derive(Serialize)]
pub(crate) struct DomainsAnswer {
    domains: [Domain; 1],
    links: OwnLink,
}

#[derive(Serialize)]
struct Domain {
    id: String,
    name: String,
    description: &'static str,
    enabled: bool,
    links: OwnLink,
}

impl DomainsAnswer {
    /// The one domain of a caller: his account.
    pub(crate) fn new(account: AccountUuid, name: &str, base: &str) -> Self {
        let id = account.hex();
        let links = OwnLink { own: format!("{base}/v3/domains/{id}") };
        let domain = Domain { id, name: name.to_owned(), description: "", enabled: true, links };
        Self { domains: [domain], links: OwnLink { own: format!("{base}/v3/auth/domains") } }
    }
}

#[cfg(test)]
mod tests {
    use super::{AccountUuid, is_project_name, project_id};

    #[test]
    fn ids_tell_accounts_and_names_apart_and_stay() {
        let (a, b) = (AccountUuid::from_bytes([1; 16]), AccountUuid::from_bytes([2; 16]));
        let ids =
            [(a, "cn-north-4"), (a, "cn-north-1"), (b, "cn-north-4")].map(|(a, name)| project_id(a, name));
        assert!(ids[0] != ids[1] && ids[0] != ids[2] && ids.iter().all(|id| id.len() == 32));
        assert_eq!(ids[0], project_id(a, "cn-north-4"));
    }

    #[test]
    fn names_have_one_form() {
        assert!(is_project_name("cn-north-4") && is_project_name("a"));
        for name in ["", "A", "a_b", "a b", "ü", &"a".repeat(65)] {
            assert!(!is_project_name(name), "{name}");
        }
    }
}
