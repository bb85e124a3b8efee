//! The native API: REST and JSON under `/api/v1`, signed with AWS signature version 4. The superset of what the dialects can
//! do; people, scripts, the command line and the console use it.
//!
//! Here: the settings, the table of operations and the order of the checks. What an operation does is in its family's file;
//! what travels is in `openapi.json`, which tests hold against this code.

mod access_keys;
mod accounts;
mod audit;
mod auth;
mod call;
mod conditions;
mod csv;
mod errors;
mod gate_tokens;
mod import;
mod input;
mod key_list;
mod key_model;
mod passwords;
mod paths;
mod refusals;
mod report;
mod service_info;
mod ssh_keys;
mod time;
mod users;

use std::borrow::Cow;

use domain::Service;
use domain::caller::Caller;
use domain::id::RequestId;
use domain::policy::Action;
use signing::{Body as RequestBody, RequestView};
use zeroize::Zeroizing;

use crate::answer::{Answer, Cause, Note, TransportRefusal};
use crate::operation::{Access, Operation, Reveals};
use crate::request::{Recognition, Request};
use crate::settings::Own;
pub use errors::Problem;

use call::{Call, Handler, Reply};
use errors::Refusal;
use input::{Fields, Query};
use paths::Segments;

/// The dialect's name, as in the registry.
const NAME: &str = "native";
/// The header with a key under which a creation may be sent again.
const IDEMPOTENCY_KEY: &str = "Idempotency-Key";
/// Longest such key, in bytes.
const IDEMPOTENCY_KEY_BYTES: usize = 255;
/// What travels, for programs.
pub const OPEN_API: &str = include_str!("openapi.json");

/// The dialect, ready to answer.
#[derive(Debug)]
pub struct Native {
    settings: Settings,
}

/// `[dialect.native]`.
#[derive(Debug)]
struct Settings {
    /// Whether a signature carries one write only.
    strict_replay: bool,
}

/// Whom an operation is about, and thereby whom its caller must reach before anything else of the request is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum About {
    /// The user whom the path names.
    User,
    /// All objects of the account.
    Account,
    /// An object that the caller may or may not reach, which only the domain can tell; or the caller himself.
    Object,
}

/// What the body of a request may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Takes {
    /// None.
    Nothing,
    /// A JSON object.
    Object,
    /// A JSON object, or none, which is an empty one.
    Maybe,
    /// Lines, which the handler reads.
    Lines,
}

/// A row of the table of operations.
struct Row {
    operation: Operation,
    method: &'static str,
    path: &'static str,
    about: About,
    query: &'static [&'static str],
    takes: Takes,
    handler: Handler,
}

impl Row {
    /// Whether it can be sent again under an idempotency key.
    fn makes_something(&self) -> bool {
        self.operation.reveals == Reveals::AtCreation || self.operation.action == Action::CreateSshKey
    }
}

macro_rules! table {
    ($($name:literal $method:literal $path:literal, $access:ident, $action:ident, $about:ident, $reveals:ident,
       $takes:ident, [$($query:literal)*], $handler:path;)*) => {
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
            about: About::$about,
            query: &[$($query),*],
            takes: Takes::$takes,
            handler: $handler,
        },)*];
    };
}

table! {
    "WhoAmI" "GET" "/whoami", Read, DescribeService, Object, Never, Nothing, [], service_info::who_am_i;
    "ListGateTokens" "GET" "/gate-tokens", Read, ReadGateToken, Account, Never, Nothing, [], gate_tokens::list;
    "CreateGateToken" "POST" "/gate-tokens", Write, CreateGateToken, Account, AtCreation, Object, [], gate_tokens::create;
    "RevokeGateToken" "DELETE" "/gate-tokens/{name}", Write, RevokeGateToken, Account, Never, Nothing, [], gate_tokens::revoke;
    "ListAccounts" "GET" "/accounts", Read, ReadAccount, Object, Never, Nothing, ["limit" "cursor"], accounts::list;
    "CreateAccount" "POST" "/accounts", Write, CreateAccount, Account, AtCreation, Object, [], accounts::create;
    "GetAccount" "GET" "/accounts/{name}", Read, ReadAccount, Object, Never, Nothing, [], accounts::get;
    "UpdateAccount" "PATCH" "/accounts/{name}", Write, UpdateAccount, Account, Never, Object, [], accounts::update;
    "ListUsers" "GET" "/users", Read, ListUsers, Account, Never, Nothing, ["limit" "cursor"], users::list;
    "CreateUser" "POST" "/users", Write, CreateUser, Account, AtCreation, Object, [], users::create;
    "GetUser" "GET" "/users/{name}", Read, ReadUser, User, Never, Nothing, [], users::get;
    "UpdateUser" "PATCH" "/users/{name}", Write, UpdateUser, User, Never, Object, [], users::update;
    "DeleteUser" "DELETE" "/users/{name}", Write, DeleteUser, User, Never, Nothing, ["only_without_keys"], users::delete;
    "SetPassword" "PUT" "/users/{name}/password", Write, SetPassword, User, Never, Object, [], passwords::set;
    "ListUserAccessKeys" "GET" "/users/{name}/access-keys", Read, ReadAccessKey, User, Never, Nothing, [], access_keys::of_user;
    "CreateAccessKey" "POST" "/users/{name}/access-keys", Write, CreateAccessKey, User, AtCreation, Maybe, [], access_keys::create;
    "ImportAccessKey" "POST" "/users/{name}/access-keys/import", Write, ImportAccessKey, User, Never, Object, [], import::one;
    "ListAccessKeys" "GET" "/access-keys", Read, ReadAccessKey, Object, Never, Nothing,
        ["user" "status" "dialect" "expires_before" "expires_after" "used_before" "used_after" "deleted" "sort" "limit" "cursor"], key_list::list;
    "GetAccessKey" "GET" "/access-keys/{id}", Read, ReadAccessKey, Object, Never, Nothing, [], access_keys::get;
    "UpdateAccessKey" "PATCH" "/access-keys/{id}", Write, UpdateAccessKey, Object, Never, Object, [], access_keys::update;
    "DeleteAccessKey" "DELETE" "/access-keys/{id}", Write, DeleteAccessKey, Object, Never, Nothing, [], access_keys::delete;
    "RotateAccessKey" "POST" "/access-keys/{id}/rotate", Write, RotateAccessKey, Object, AtCreation, Maybe, [], access_keys::rotate;
    "ListAccessKeyEvents" "GET" "/access-keys/{id}/events", Read, ReadAccessKey, Object, Never, Nothing, ["limit" "cursor"], audit::of_key;
    "ImportAccessKeys" "POST" "/import", Write, ImportAccessKey, Account, Never, Lines, ["create_users"], import::many;
    "ListUserSshKeys" "GET" "/users/{name}/ssh-keys", Read, ReadSshKey, User, Never, Nothing,
        ["title" "status" "limit" "cursor"], ssh_keys::of_user;
    "CreateSshKey" "POST" "/users/{name}/ssh-keys", Write, CreateSshKey, User, Never, Object, [], ssh_keys::create;
    "ListSshKeys" "GET" "/ssh-keys", Read, ReadSshKey, Object, Never, Nothing,
        ["user" "fingerprint" "title" "status" "limit" "cursor"], ssh_keys::list;
    "DisableAllSshKeys" "POST" "/ssh-keys/disable-all", Write, DisableSshKeys, Account, Never, Nothing, ["cursor"], ssh_keys::disable_all;
    "GetSshKey" "GET" "/ssh-keys/{id}", Read, ReadSshKey, Object, Never, Nothing, [], ssh_keys::get;
    "UpdateSshKey" "PATCH" "/ssh-keys/{id}", Write, UpdateSshKey, Object, Never, Object, [], ssh_keys::update;
    "DeleteSshKey" "DELETE" "/ssh-keys/{id}", Write, DeleteSshKey, Object, Never, Nothing, [], ssh_keys::delete;
    "ListAudit" "GET" "/audit", Read, ReadAudit, Account, Never, Nothing,
        ["actor" "actor_key" "action" "object" "access_key" "since" "until" "order" "follow" "limit" "cursor"], audit::list;
    "GetRefusal" "GET" "/refusals/{id}", Read, ReadRefusal, Object, Never, Nothing, [], refusals::get;
    "GetReport" "GET" "/report", Read, ReadReport, Account, Never, Nothing, ["format"], report::get;
}

impl Native {
    /// Longest body, in bytes: what a bulk import takes.
    pub const BODY_LIMIT: usize = 1024 * 1024;

    /// Reads the dialect's own settings.
    ///
    /// # Errors
    /// A sentence that names the setting.
    pub fn new(own: &toml::Table) -> Result<Self, String> {
        let own = Own::new(own, &["strict_replay"])?;
        Ok(Self { settings: Settings { strict_replay: own.flag("strict_replay")? } })
    }

    /// The table of operations.
    pub fn operations() -> impl Iterator<Item = &'static Operation> {
        TABLE.iter().map(|row| &row.operation)
    }

    /// Method and path of each operation, as the OpenAPI document writes them.
    pub fn routes() -> impl Iterator<Item = (&'static Operation, &'static str, &'static str)> {
        TABLE.iter().map(|row| (&row.operation, row.method, row.path))
    }

    /// What to paste into a shell.
    pub fn client_settings(url: &str, key_id: &str, secret: &str) -> Zeroizing<String> {
        Zeroizing::new(format!(
            "# Native API, with curl\n\
             curl --aws-sigv4 aws:amz:local:keyward --user {key_id}:{secret} {url}/api/v1/whoami\n"
        ))
    }

    /// It lives under its prefix and on its host names only.
    pub fn recognise(&self, _: &RequestView<'_>) -> Recognition {
        Recognition::No
    }

    /// Answers a request.
    pub async fn answer(&self, service: &Service, request: Request<'_>) -> Answer {
        let id = request.origin.request;
        if request.path == "/openapi.json" && request.view.method() == "GET" {
            return finish(Ok(Reply::fixed(OPEN_API)), Note::blank(), id);
        }
        let mut note = Note::blank();
        let result = match find_row(request.path, request.view.method()) {
            Ok((row, segments)) => {
                note.operation = Some(&row.operation);
                self.carry_out(service, &request, row, &segments, &mut note).await
            }
            Err(NoRow::Path) => return self.refuse_transport(TransportRefusal::PathUnknown, id),
            Err(NoRow::Method(allowed)) => {
                let mut answer = self.refuse_transport(TransportRefusal::MethodNotAllowed, id);
                answer.headers.push(("Allow", allowed.join(", ").into()));
                return answer;
            }
        };
        finish(result, note, id)
    }

    /// Answers a request that the server could not hand over or finish.
    pub fn refuse_transport(&self, refusal: TransportRefusal, request: RequestId) -> Answer {
        finish(Err(refusal.into()), Note::blank(), request)
    }

    /// Who has not signed learns nothing about the rest, and who has no right learns nothing about objects.
    async fn carry_out(
        &self,
        service: &Service,
        request: &Request<'_>,
        row: &'static Row,
        segments: &Segments<'_>,
        note: &mut Note,
    ) -> Result<Reply, Refusal> {
        let (mut caller, claim) = auth::authenticate(service, request, row.operation.name, note).await?;
        if !service.admit(&caller) {
            return Err(errors::throttled());
        }
        check_right(&caller, row, segments)?;
        let query = Query::read(request.view.query(), row.query)?;
        let RequestBody::Bytes(bytes) = request.view.body() else {
            return Err(Refusal::of(Problem::MalformedRequest));
        };
        let content_type = input::content_type(&request.view)?;
        let body = body(content_type, bytes, row.takes)?;
        if row.makes_something() {
            note_idempotency_key(service, &mut caller, &request.view, bytes)?;
        }
        if row.operation.access == Access::Write {
            service.note_write(&mut caller, &claim, self.settings.strict_replay)?;
        }
        let public_urls = request.public_urls;
        let call = Call {
            service,
            caller: &caller,
            public_urls,
            segments,
            query: &query,
            body: &body,
            bytes,
            content_type,
        };
        (row.handler)(call).await
    }
}

/// Why no operation is meant.
enum NoRow {
    /// Nothing lives at this path.
    Path,
    /// Something does, and takes these methods.
    Method(Vec<&'static str>),
}

fn find_row<'a>(path: &'a str, method: &str) -> Result<(&'static Row, Segments<'a>), NoRow> {
    let mut allowed = Vec::new();
    for row in TABLE {
        if let Some(segments) = Segments::matching(row.path, path) {
            if row.method == method {
                return Ok((row, segments));
            }
            allowed.push(row.method);
        }
    }
    if allowed.is_empty() { Err(NoRow::Path) } else { Err(NoRow::Method(allowed)) }
}

/// Asks for the right to the action before the rest of the request is read. A caller who reaches only himself is told the
/// same of every other user, known or not (threat T38).
fn check_right(caller: &Caller, row: &Row, segments: &Segments<'_>) -> Result<(), Refusal> {
    let action = row.operation.action;
    match row.about {
        About::User => caller.require_named(action, segments.first())?,
        About::Account => caller.require_account(action)?,
        About::Object => caller.reach(action).map(drop)?,
    }
    Ok(())
}

fn body(content_type: &str, bytes: &[u8], takes: Takes) -> Result<Fields, Refusal> {
    match (takes, bytes.is_empty()) {
        (Takes::Nothing | Takes::Maybe, true) | (Takes::Lines, _) => Ok(Fields::default()),
        (Takes::Nothing, false) => {
            Err(Refusal::new(Problem::MalformedRequest, "This operation takes no body; leave it out."))
        }
        (Takes::Object | Takes::Maybe, _) if content_type == "application/json" => Fields::parse(bytes),
        (Takes::Object | Takes::Maybe, _) => {
            Err(Refusal::new(Problem::UnsupportedMediaType, "Send the body as application/json."))
        }
    }
}

/// A key under which a creation may be sent again.
fn note_idempotency_key(
    service: &Service,
    caller: &mut Caller,
    view: &RequestView<'_>,
    body: &[u8],
) -> Result<(), Refusal> {
    let given = view.single_text(IDEMPOTENCY_KEY, IDEMPOTENCY_KEY)?;
    let Some(key) = given else { return Ok(()) };
    if !(1..=IDEMPOTENCY_KEY_BYTES).contains(&key.len()) || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Refusal::invalid(IDEMPOTENCY_KEY, "must be 1 to 255 printable ASCII characters"));
    }
    service.note_idempotency_key(caller, key, &[view.method().as_bytes(), view.path().as_bytes(), body]);
    Ok(())
}

fn finish(result: Result<Reply, Refusal>, mut note: Note, request: RequestId) -> Answer {
    let reply = result.unwrap_or_else(|refusal| {
        note.outcome = refusal.problem.outcome();
        let reply = refusal.reply(request);
        note.cause = Some(Cause { code: refusal.problem.word().into(), text: refusal.cause.into_owned() });
        reply
    });
    let mut headers = vec![
        ("Content-Type", Cow::Borrowed(reply.content_type)),
        // Answers may hold secrets (threat T70).
        ("Cache-Control", Cow::Borrowed("no-store")),
        ("X-Request-Id", Cow::Owned(request.hex())),
    ];
    headers.extend(reply.headers);
    Answer { status: reply.status, headers, body: reply.body, note }
}
