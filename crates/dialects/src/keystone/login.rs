//! Reading `POST /v3/auth/tokens`: who logs in, and what for.

use domain::directory::UserRecord;
use domain::id::{AccountUuid, UserUuid};
use domain::secret::Secret;
use domain::tokens::{AccountRef, LoginUser};
use signing::{Value, json};
use zeroize::Zeroizing;

use super::projects::{is_project_name, project_id};

/// What is wrong with a login, before any name or password is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BadLogin {
    /// The body is not a login.
    Form,
    /// It needs something that nobody here has, such as a second factor.
    Impossible,
}

/// A login as it was asked for.
pub(crate) struct LoginBody {
    user: UserName,
    password: Zeroizing<String>,
    scope: Wanted,
}

enum UserName {
    Named { account: AccountName, name: String },
    Identified(String),
}

enum AccountName {
    Named(String),
    Identified(String),
}

/// What a token is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// The account.
    Domain,
    /// One project of it, by name.
    Project(String),
}

impl Scope {
    /// The text that is kept with the token.
    pub(crate) fn stored(&self) -> String {
        match self {
            Scope::Domain => String::new(),
            Scope::Project(name) => name.clone(),
        }
    }

    /// Reads that text.
    pub(crate) fn from_stored(text: &str) -> Self {
        if text.is_empty() { Scope::Domain } else { Scope::Project(text.to_owned()) }
    }
}

enum Wanted {
    Domain(Option<AccountName>),
    Project { project: ProjectName, account: Option<AccountName> },
}

enum ProjectName {
    Named(String),
    Identified(String),
}

impl LoginBody {
    /// Reads a body.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, BadLogin> {
        let body = json::parse(bytes).map_err(|_| BadLogin::Form)?;
        let auth = member(&body, "auth")?;
        let identity = member(auth, "identity")?;
        check_methods(member(identity, "methods")?)?;
        let user = member(member(identity, "password")?, "user")?;
        let password = Zeroizing::new(text(user, "password")?.to_owned());
        let name = match optional(user, "id")? {
            Some(id) => UserName::Identified(id.to_owned()),
            None => UserName::Named {
                name: text(user, "name")?.to_owned(),
                account: account(member(user, "domain")?)?,
            },
        };
        let scope = match find(auth, "scope") {
            None | Some(Value::Null) => Wanted::Domain(None),
            Some(Value::Text(word)) if word == "unscoped" => Wanted::Domain(None),
            Some(scope) => wanted(scope)?,
        };
        Ok(Self { user: name, password, scope })
    }

    /// Every text that was read, with its place in the body. For fuzzing.
    #[cfg(feature = "testing")]
    pub(crate) fn parts(&self) -> Vec<(&'static str, String)> {
        let mut parts = vec![("/auth/identity/password/user/password", self.password.to_string())];
        match &self.user {
            UserName::Identified(id) => parts.push(("/auth/identity/password/user/id", id.clone())),
            UserName::Named { account, name } => {
                parts.push(("/auth/identity/password/user/name", name.clone()));
                parts.push(account.part([
                    "/auth/identity/password/user/domain/name",
                    "/auth/identity/password/user/domain/id",
                ]));
            }
        }
        let (project, account) = match &self.scope {
            Wanted::Domain(account) => (
                None,
                account
                    .as_ref()
                    .map(|account| account.part(["/auth/scope/domain/name", "/auth/scope/domain/id"])),
            ),
            Wanted::Project { project, account } => {
                let places = ["/auth/scope/project/domain/name", "/auth/scope/project/domain/id"];
                (Some(project), account.as_ref().map(|account| account.part(places)))
            }
        };
        parts.extend(account);
        parts.extend(project.map(|project| match project {
            ProjectName::Named(name) => ("/auth/scope/project/name", name.clone()),
            ProjectName::Identified(id) => ("/auth/scope/project/id", id.clone()),
        }));
        parts
    }

    /// The user, as the domain looks him up. An id that is none names nobody, at the same cost as one that is.
    pub(crate) fn user(&self) -> LoginUser<'_> {
        match &self.user {
            UserName::Identified(id) => {
                LoginUser::Identified(UserUuid::parse(id).unwrap_or(UserUuid::from_bytes([0; 16])))
            }
            UserName::Named { account, name } => {
                let account = match account {
                    AccountName::Named(name) => AccountRef::Named(name),
                    AccountName::Identified(id) => AccountRef::Identified(
                        AccountUuid::parse(id).unwrap_or(AccountUuid::from_bytes([0; 16])),
                    ),
                };
                LoginUser::Named { account, name }
            }
        }
    }

    /// The password.
    pub(crate) fn password(&self) -> Secret {
        Secret::new(self.password.as_bytes().to_vec())
    }

    /// What the token would be for, if that is the user's to ask for. A project's id is a digest, so only those of `known`
    /// projects can be told.
    pub(crate) fn scope_for(&self, owner: &UserRecord, known: &[String]) -> Option<Scope> {
        match &self.scope {
            Wanted::Domain(account) => is_own(account.as_ref(), owner).then_some(Scope::Domain),
            Wanted::Project { project, account } => {
                let is_meant = |id: &str, name: &String| project_id(owner.rows.account.uuid, name) == id;
                let name = match project {
                    ProjectName::Named(name) => Some(name).filter(|name| is_project_name(name)),
                    ProjectName::Identified(id) => known.iter().find(|name| is_meant(id, name)),
                };
                name.filter(|_| is_own(account.as_ref(), owner)).map(|name| Scope::Project(name.clone()))
            }
        }
    }
}

#[cfg(feature = "testing")]
impl AccountName {
    /// What names the account, and which of two places that is: of the name, or of the id.
    fn part(&self, [name_at, id_at]: [&'static str; 2]) -> (&'static str, String) {
        match self {
            AccountName::Named(name) => (name_at, name.clone()),
            AccountName::Identified(id) => (id_at, id.clone()),
        }
    }
}

fn is_own(account: Option<&AccountName>, owner: &UserRecord) -> bool {
    match account {
        None => true,
        Some(AccountName::Named(name)) => *name == owner.rows.account.name,
        Some(AccountName::Identified(id)) => *id == owner.rows.account.uuid.hex(),
    }
}

/// One method, and each once: a list of the same method many times would have it carried out as often (threat T83).
fn check_methods(methods: &Value) -> Result<(), BadLogin> {
    let Value::Array(methods) = methods else { return Err(BadLogin::Form) };
    match methods.as_slice() {
        [Value::Text(method)] if method == "password" => Ok(()),
        [Value::Text(first), Value::Text(second)]
            if [first, second].map(String::as_str) == ["password", "totp"] =>
        {
            Err(BadLogin::Impossible)
        }
        _ => Err(BadLogin::Form),
    }
}

fn wanted(scope: &Value) -> Result<Wanted, BadLogin> {
    match (find(scope, "domain"), find(scope, "project")) {
        (Some(domain), None) => Ok(Wanted::Domain(Some(account(domain)?))),
        (None, Some(project)) => {
            let account = find(project, "domain").map(account).transpose()?;
            let project = match optional(project, "id")? {
                Some(id) => ProjectName::Identified(id.to_owned()),
                None => ProjectName::Named(text(project, "name")?.to_owned()),
            };
            Ok(Wanted::Project { project, account })
        }
        _ => Err(BadLogin::Form),
    }
}

fn account(domain: &Value) -> Result<AccountName, BadLogin> {
    match optional(domain, "id")? {
        Some(id) => Ok(AccountName::Identified(id.to_owned())),
        None => Ok(AccountName::Named(text(domain, "name")?.to_owned())),
    }
}

fn find<'v>(value: &'v Value, name: &str) -> Option<&'v Value> {
    let Value::Object(members) = value else { return None };
    members.iter().find(|(given, _)| given == name).map(|(_, value)| value)
}

fn member<'v>(value: &'v Value, name: &str) -> Result<&'v Value, BadLogin> {
    find(value, name).ok_or(BadLogin::Form)
}

fn text<'v>(value: &'v Value, name: &str) -> Result<&'v str, BadLogin> {
    optional(value, name)?.ok_or(BadLogin::Form)
}

fn optional<'v>(value: &'v Value, name: &str) -> Result<Option<&'v str>, BadLogin> {
    match find(value, name) {
        None => Ok(None),
        Some(Value::Text(text)) => Ok(Some(text)),
        Some(_) => Err(BadLogin::Form),
    }
}

#[cfg(test)]
mod tests {
    use super::{BadLogin, LoginBody};

    const USER: &str = r#"{"name":"a","password":"p","domain":{"name":"d"}}"#;

    fn read(methods: &str, user: &str, scope: &str) -> Result<LoginBody, BadLogin> {
        let body = format!(
            r#"{{"auth":{{"identity":{{"methods":{methods},"password":{{"user":{user}}}}}{scope}}}}}"#
        );
        LoginBody::read(body.as_bytes())
    }

    #[test]
    fn the_forms_that_clients_send_are_read() {
        let password = r#"["password"]"#;
        for user in
            [USER, r#"{"id":"1","password":"p"}"#, r#"{"name":"a","password":"p","domain":{"id":"d"}}"#]
        {
            for scope in [
                "",
                r#","scope":null"#,
                r#","scope":"unscoped""#,
                r#","scope":{"domain":{"name":"d"}}"#,
                r#","scope":{"project":{"name":"p"}}"#,
                r#","scope":{"project":{"name":"p","domain":{"id":"d"}}}"#,
                r#","scope":{"project":{"id":"p"}}"#,
            ] {
                assert!(read(password, user, scope).is_ok(), "{user} {scope}");
            }
        }
    }

    #[test]
    fn t83_a_method_counts_once() {
        let refused = |methods: &str| read(methods, USER, "").err();
        assert_eq!(refused(r#"["password","password"]"#), Some(BadLogin::Form));
        assert_eq!(refused(r#"["password","totp"]"#), Some(BadLogin::Impossible));
        for methods in
            ["[]", r#"["token"]"#, r#"["hw_ak_sk"]"#, r#"["hw_assume_role"]"#, r#""password""#, "[1]"]
        {
            assert_eq!(refused(methods), Some(BadLogin::Form), "{methods}");
        }
    }

    #[test]
    fn other_bodies_are_no_logins() {
        for scope in [
            r#","scope":{}"#,
            r#","scope":"all""#,
            r#","scope":{"domain":{"name":"d"},"project":{"name":"p"}}"#,
        ] {
            assert!(read(r#"["password"]"#, USER, scope).is_err(), "{scope}");
        }
        for user in [
            "{}",
            r#"{"name":"a","domain":{"name":"d"}}"#,
            r#"{"name":"a","password":"p"}"#,
            r#"{"id":1,"password":"p"}"#,
        ] {
            assert!(read(r#"["password"]"#, user, "").is_err(), "{user}");
        }
        for body in ["", "[]", "{}", r#"{"auth":1}"#, "{\"auth\":{},\"auth\":{}}"] {
            assert!(LoginBody::read(body.as_bytes()).is_err(), "{body}");
        }
    }
}
