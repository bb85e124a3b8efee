//! The Huawei Cloud dialect: CodeArts Repo's user keys, IAM's tokens and access keys, in the three families of routes that
//! share one host.
//!
//! Here: the settings, the table of operations and the order of the checks. What an operation does is in its family's file.

mod access_keys;
mod access_keys_v5;
mod auth;
mod call;
mod errors;
mod input;
mod paths;
mod projects;
mod shapes;
mod ssh_keys;
mod token_keys;
mod tokens;

use std::borrow::Cow;

use domain::Service;
use domain::id::RequestId;
use domain::policy::Action;
use jiff::tz::Offset;
use signing::encode::{form_decode, form_pieces};
use signing::{Body as RequestBody, RequestView};
use zeroize::Zeroizing;

use crate::answer::{Answer, Cause, Note, TransportRefusal};
use crate::keystone::is_project_name;
use crate::operation::{Access, Operation, Reveals};
use crate::request::{Recognition, Request};
use crate::settings::Own;
use call::{Call, Handler, Reply};
use errors::{Code as ErrorCode, Refusal};
use input::Query;
use paths::{Segments, without_doubled_start};
use token_keys::TokenBody;

pub use errors::Code;
#[cfg(feature = "testing")]
pub use token_keys::{decode_exchange, decode_login};

/// The dialect's name, as in the registry.
const NAME: &str = "huawei";
/// Most keys on a page of `/v4/user/keys`.
const PAGE: u32 = 100;
/// Longest text that titles are searched for, in characters.
const SEARCH_CHARS: usize = 2_000;
/// Most regions that may be configured.
const REGIONS: usize = 100;
/// The vendor's public regions: the projects of an account that asks for all.
const PUBLIC_REGIONS: [&str; 16] = [
    "cn-north-1",
    "cn-north-4",
    "cn-north-9",
    "cn-east-2",
    "cn-east-3",
    "cn-south-1",
    "cn-southwest-2",
    "ap-southeast-1",
    "ap-southeast-2",
    "ap-southeast-3",
    "af-south-1",
    "la-north-2",
    "la-south-2",
    "na-mexico-1",
    "sa-brazil-1",
    "tr-west-1",
];
/// What clients are told to wait after 429, in seconds: they honour it.
const RETRY_AFTER: &str = "1";

/// The dialect, ready to answer.
#[derive(Debug)]
pub struct Huawei {
    settings: Settings,
}

/// `[dialect.huawei]`.
#[derive(Debug)]
struct Settings {
    /// Whether a signature carries one write only.
    strict_replay: bool,
    /// The zone of the times in `/v4/user/keys`.
    offset: Offset,
    /// Regions: the names of the projects that are listed when none is asked for.
    regions: Vec<String>,
}

/// The family of a route: how its refusals look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Family {
    /// CodeArts Repo, version 4.
    Repo,
    /// Its older forms.
    RepoV1,
    /// IAM 3 and 3.0, which speak Keystone.
    Iam,
    /// IAM 5.
    Iam5,
}

/// Who may call an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Door {
    /// Anybody: discovery, and the login itself.
    Open,
    /// A verified caller with the right to the row's action.
    Verified,
    /// The same, who is verified by a token alone: in the body, or in the usual header.
    Token,
}

/// A row of the table of operations.
struct Row {
    operation: Operation,
    method: &'static str,
    path: &'static str,
    family: Family,
    door: Door,
    query: &'static [&'static str],
    handler: Handler,
}

macro_rules! table {
    ($($family:ident $name:literal $method:literal $path:literal, $door:ident, $access:ident, $action:ident, $reveals:ident,
       [$($query:literal)*], $handler:path;)*) => {
        /// The operations. Everything that knows which there are reads this table.
        static TABLE: &[Row] = &[$(Row {
            operation: Operation {
                name: $name,
                action: Action::$action,
                access: Access::$access,
                reveals: Reveals::$reveals,
            },
            method: $method,
            path: $path,
            family: Family::$family,
            door: Door::$door,
            query: &[$($query),*],
            handler: $handler,
        },)*];
    };
}

table! {
    Repo "ListUserKeys" "GET" "/v4/user/keys", Verified, Read, ReadSshKey, Never, ["offset" "limit" "query"], ssh_keys::list;
    Repo "AddSshKey" "POST" "/v4/user/keys", Verified, Write, CreateSshKey, Never, [], ssh_keys::add;
    Repo "DeleteSshKey" "DELETE" "/v4/user/keys/{key_id}", Verified, Write, DeleteSshKey, Never, [], ssh_keys::delete;
    RepoV1 "ListSshKeysV1" "GET" "/v1/users/sshkey", Verified, Read, ReadSshKey, Never, [], ssh_keys::list_v1;
    RepoV1 "AddSshKeyV1" "POST" "/v1/users/sshkey", Verified, Write, CreateSshKey, Never, [], ssh_keys::add_v1;
    RepoV1 "DeleteSshKeyV1" "DELETE" "/v1/users/sshkey/{key_id}", Verified, Write, DeleteSshKey, Never, [], ssh_keys::delete_v1;
    Iam "KeystoneListVersions" "GET" "/", Open, Read, DescribeService, Never, [], tokens::versions;
    Iam "KeystoneShowVersion" "GET" "/v3", Open, Read, DescribeService, Never, [], tokens::version;
    Iam "KeystoneCreateUserTokenByPassword" "POST" "/v3/auth/tokens", Open, Write, CreateToken, AtCreation, ["nocatalog"], tokens::create;
    Iam "KeystoneValidateToken" "GET" "/v3/auth/tokens", Verified, Read, ReadToken, Never, ["nocatalog"], tokens::validate;
    Iam "KeystoneCheckToken" "HEAD" "/v3/auth/tokens", Verified, Read, ReadToken, Never, [], tokens::check;
    Iam "KeystoneRevokeToken" "DELETE" "/v3/auth/tokens", Verified, Write, RevokeToken, Never, [], tokens::revoke;
    Iam "KeystoneShowCatalog" "GET" "/v3/auth/catalog", Verified, Read, DescribeService, Never, [], tokens::catalog;
    Iam "KeystoneListProjects" "GET" "/v3/projects", Verified, Read, DescribeService, Never, ["name"], projects::list;
    Iam "KeystoneListAuthProjects" "GET" "/v3/auth/projects", Verified, Read, DescribeService, Never, ["name"], projects::list_of_caller;
    Iam "KeystoneListProjectsForUser" "GET" "/v3/users/{user_id}/projects", Verified, Read, ReadUser, Never, ["name"], projects::list_of_user;
    Iam "KeystoneListAuthDomains" "GET" "/v3/auth/domains", Verified, Read, DescribeService, Never, [], projects::domains;
    Iam "ShowUser" "GET" "/v3.0/OS-USER/users/{user_id}", Verified, Read, ReadUser, Never, [], projects::show_user;
    Iam "CreatePermanentAccessKey" "POST" "/v3.0/OS-CREDENTIAL/credentials", Verified, Write, CreateAccessKey, AtCreation, [], access_keys::create;
    Iam "ListPermanentAccessKeys" "GET" "/v3.0/OS-CREDENTIAL/credentials", Verified, Read, ReadAccessKey, Never, ["user_id"], access_keys::list;
    Iam "ShowPermanentAccessKey" "GET" "/v3.0/OS-CREDENTIAL/credentials/{access}", Verified, Read, ReadAccessKey, Never, [], access_keys::show;
    Iam "UpdatePermanentAccessKey" "PUT" "/v3.0/OS-CREDENTIAL/credentials/{access}", Verified, Write, UpdateAccessKey, Never, [], access_keys::update;
    Iam "DeletePermanentAccessKey" "DELETE" "/v3.0/OS-CREDENTIAL/credentials/{access}", Verified, Write, DeleteAccessKey, Never, [], access_keys::delete;
    Iam "CreateTemporaryAccessKeyByToken" "POST" "/v3.0/OS-CREDENTIAL/securitytokens", Token, Write, CreateTokenKey, AtCreation, [], token_keys::create;
    Iam5 "CreateAccessKeyV5" "POST" "/v5/users/{user_id}/access-keys", Verified, Write, CreateAccessKey, AtCreation, [], access_keys_v5::create;
    Iam5 "ListAccessKeysV5" "GET" "/v5/users/{user_id}/access-keys", Verified, Read, ReadAccessKey, Never, ["limit" "marker"], access_keys_v5::list;
    Iam5 "ShowAccessKeyLastUsedV5" "GET" "/v5/users/{user_id}/access-keys/{access}/last-used", Verified, Read, ReadAccessKey, Never, [], access_keys_v5::last_used;
    Iam5 "UpdateAccessKeyV5" "PUT" "/v5/users/{user_id}/access-keys/{access}", Verified, Write, UpdateAccessKey, Never, [], access_keys_v5::update;
    Iam5 "DeleteAccessKeyV5" "DELETE" "/v5/users/{user_id}/access-keys/{access}", Verified, Write, DeleteAccessKey, Never, [], access_keys_v5::delete;
    Iam5 "GetCallerIdentity" "GET" "/v5/caller-identity", Verified, Read, DescribeService, Never, [], access_keys_v5::caller_identity;
}

impl Huawei {
    /// Longest body, in bytes. The cloud takes 12 MB; the largest honest one here holds a token of 100,000 characters.
    pub const BODY_LIMIT: usize = 1024 * 1024;

    /// Reads the dialect's own settings.
    ///
    /// # Errors
    /// A sentence that names the setting.
    pub fn new(own: &toml::Table) -> Result<Self, String> {
        let own = Own::new(own, &["strict_replay", "utc_offset", "regions"])?;
        let offset = match own.text("utc_offset")? {
            None => Offset::UTC,
            Some(text) => {
                parse_offset(text).ok_or("`utc_offset` must be a distance from UTC such as \"+08:00\"")?
            }
        };
        let regions = match own.texts("regions", REGIONS)? {
            None => PUBLIC_REGIONS.map(str::to_owned).to_vec(),
            Some(names) if names.iter().all(|name| is_project_name(name)) => names,
            Some(_) => {
                return Err(
                    "`regions` must hold names of 1 to 64 small letters, digits and hyphens".to_owned()
                );
            }
        };
        Ok(Self { settings: Settings { strict_replay: own.flag("strict_replay")?, offset, regions } })
    }

    /// The table of operations.
    pub fn operations() -> impl Iterator<Item = &'static Operation> {
        TABLE.iter().map(|row| &row.operation)
    }

    /// Method and path of each operation, path parameters in braces.
    pub fn routes() -> impl Iterator<Item = (&'static Operation, &'static str, &'static str)> {
        TABLE.iter().map(|row| (&row.operation, row.method, row.path))
    }

    /// What to paste into the official clients.
    pub fn client_settings(url: &str, key_id: &str, secret: &str) -> Zeroizing<String> {
        Zeroizing::new(format!(
            "# Huawei Cloud, SDK for Python (pip install huaweicloudsdkcodeartsrepo huaweicloudsdkiam)\n\
             export HUAWEICLOUD_SDK_AK={key_id} HUAWEICLOUD_SDK_SK={secret}\n\
             export HUAWEICLOUD_SDK_IAM_ENDPOINT={url} HUAWEICLOUD_SDK_REGION_CODEARTSREPO_CN_NORTH_4={url}\n\
             # Huawei Cloud and OpenStack, tokens (pip install python-openstackclient), for users with a password\n\
             openstack --os-auth-url {url}/v3 --os-username admin --os-user-domain-name default \
             --os-project-name cn-north-4 --os-project-domain-name default token issue\n"
        ))
    }

    /// Whether a request at the root is this dialect's: by its path, as its clients drop any path of their endpoint. `GET /`
    /// is discovery if nobody else's.
    pub fn recognise(&self, view: &RequestView<'_>) -> Recognition {
        let path = without_doubled_start(view.path());
        let first = path.split('/').nth(1).unwrap_or_default();
        match first {
            "v3" | "v3.0" | "v4" | "v5" => Recognition::Yes,
            "v1" if path
                .strip_prefix("/v1/users/sshkey")
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/')) =>
            {
                Recognition::Yes
            }
            "" if path == "/" && view.method() == "GET" && !has_action(view.query()) => Recognition::Maybe,
            _ => Recognition::No,
        }
    }

    /// Answers a request.
    pub async fn answer(&self, service: &Service, request: Request<'_>) -> Answer {
        let id = request.origin.request;
        let mut note = Note::blank();
        let Ok(path) = Segments::of(request.path) else {
            return finish(Family::Iam5, Err(errors::unreadable()), note, id);
        };
        let Some((row, segments)) = find_row(&path, request.view.method()) else {
            let family = family_of(&path);
            return finish(family, Err(errors::api_unknown()), note, id);
        };
        note.operation = Some(&row.operation);
        let result = self.carry_out(service, &request, row, &segments, &mut note).await;
        finish(row.family, result, note, id)
    }

    /// Answers a request that the server could not hand over or finish.
    pub fn refuse_transport(&self, refusal: TransportRefusal, request: RequestId) -> Answer {
        finish(Family::Repo, Err(refusal.into()), Note::blank(), request)
    }

    /// Who is not known learns nothing about the rest, and who has no right learns nothing about objects or values.
    async fn carry_out(
        &self,
        service: &Service,
        request: &Request<'_>,
        row: &'static Row,
        segments: &Segments<'_>,
        note: &mut Note,
    ) -> Result<Reply, Refusal> {
        let family = row.family;
        let body = body_of(request)?;
        let mut token_body = None;
        let credential = match row.door {
            Door::Open => None,
            Door::Verified => {
                Some(auth::authenticate(service, request, family, row.operation.name, note).await?)
            }
            Door::Token => {
                let read = token_body.insert(TokenBody::read(body)?);
                Some((auth::by_token_alone(service, request, family, read.token(), note).await?, None))
            }
        };
        let mut verified = None;
        if let Some((mut caller, claim)) = credential {
            if !service.admit(&caller) {
                return Err(errors::throttled());
            }
            caller.reach(row.operation.action).map_err(|error| Refusal::of(family, error))?;
            if let Some(claim) = claim.filter(|_| row.operation.access == Access::Write) {
                let noted = service.note_write(&mut caller, &claim, self.settings.strict_replay);
                noted.map_err(|replayed| Refusal::of_key(replayed.into(), ""))?;
            }
            verified = Some(caller);
        }
        let query = Query::read(request.view.query(), row.query).ok_or_else(errors::unreadable)?;
        let base = base(request);
        let call = Call {
            service,
            settings: &self.settings,
            family,
            verified: verified.as_ref(),
            view: &request.view,
            origin: request.origin,
            base: &base,
            segments,
            query: &query,
            body,
            token_body: token_body.as_ref(),
        };
        (row.handler)(call).await
    }
}

fn body_of<'a>(request: &Request<'a>) -> Result<&'a [u8], Refusal> {
    match request.view.body() {
        RequestBody::Bytes(body) => Ok(body),
        RequestBody::Sha256(_) | RequestBody::NotVisible => Err(errors::unreadable()),
    }
}

/// The URL of the server, and the prefix by which the client reached this dialect.
fn base(request: &Request<'_>) -> String {
    request.server_url() + request.view.path().strip_suffix(request.path).unwrap_or_default()
}

fn has_action(query: &str) -> bool {
    form_pieces(query.as_bytes()).any(|(name, _)| form_decode(name).is_ok_and(|name| name == "Action"))
}

fn find_row<'a>(path: &Segments<'a>, method: &str) -> Option<(&'static Row, Segments<'a>)> {
    let candidates = TABLE.iter().filter(|row| row.method == method);
    candidates.filter_map(|row| Some((row, path.matching(row.path)?))).next()
}

/// The family that a path without an operation belongs to.
fn family_of(path: &Segments<'_>) -> Family {
    match path.get(0) {
        "v4" => Family::Repo,
        "v1" => Family::RepoV1,
        "v5" => Family::Iam5,
        _ => Family::Iam,
    }
}

/// `+08:00` or `-03:30`.
fn parse_offset(text: &str) -> Option<Offset> {
    let (sign, rest) = match text.split_at_checked(1)? {
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => return None,
    };
    let (hours, minutes) = rest.split_once(':')?;
    let two_digits = |text: &str| input::is_digits(text) && text.len() == 2;
    if !two_digits(hours) || !two_digits(minutes) {
        return None;
    }
    let (hours, minutes): (i32, i32) = (hours.parse().ok()?, minutes.parse().ok()?);
    let fits = hours <= 14 && minutes < 60;
    Offset::from_seconds(sign * (hours * 3_600 + minutes * 60)).ok().filter(|_| fits)
}

fn finish(family: Family, result: Result<Reply, Refusal>, mut note: Note, request: RequestId) -> Answer {
    let reply = result.unwrap_or_else(|refusal| {
        note.outcome = refusal.code.outcome();
        let mut reply = Reply { body: refusal.body(family, request), ..Reply::bare(refusal.code.status()) };
        if refusal.code == ErrorCode::Throttled {
            reply = reply.with_header("Retry-After", RETRY_AFTER);
        }
        note.cause = Some(Cause { code: refusal.code.as_str().into(), text: refusal.cause.into_owned() });
        reply
    });
    let mut headers = vec![
        ("X-Request-Id", Cow::Owned(request.hex())),
        // Answers may hold secrets (threat T70).
        ("Cache-Control", Cow::Borrowed("no-store")),
    ];
    if !reply.body.is_empty() {
        headers.push(("Content-Type", Cow::Borrowed("application/json")));
    }
    headers.extend(reply.headers);
    Answer { status: reply.status, headers, body: reply.body, note }
}
