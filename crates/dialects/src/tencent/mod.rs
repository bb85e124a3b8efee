//! The Tencent Cloud dialect: CAM, with what its tools ask of STS and Tag. One path, the action in a header or parameter, and
//! HTTP 200 whatever happens.
//!
//! Here: the settings, the table of operations and the order of the checks. What an operation does is in its family's file.

mod access_keys;
mod auth;
mod call;
mod codes;
mod errors;
mod head;
mod parameters;
mod sts;
mod tag;
mod time;
mod unreadable;
mod users;

use std::borrow::Cow;

use domain::Service;
use domain::caller::{Caller, Credential};
use domain::id::RequestId;
use domain::policy::Action;
use domain::throttle::{Rate, Throttle};
use domain::users::UserRef;
use signing::encode::{form_decode, form_pieces};
use signing::params::{MAX_PARAMS, Nulls};
use signing::{Body as RequestBody, Params, RequestView};
use zeroize::Zeroizing;

use crate::answer::{Answer, Cause, Note, TransportRefusal};
use crate::json::Body;
use crate::operation::{Access, Operation, Reveals};
use crate::request::{Recognition, Request};
use crate::settings::Own;
use call::{Call, Handler, Target};
use errors::{Refusal, transport_status};
use head::Head;
use parameters::{Fields, Parameter};

pub use codes::Code;

/// The dialect's name, as in the registry.
const NAME: &str = "tencent";
/// Most requests a second that a setting may name.
const MOST_PER_SECOND: u32 = 1_000_000;

/// The dialect, ready to answer.
#[derive(Debug)]
pub struct Tencent {
    settings: Settings,
    requests: Throttle<(Credential, &'static str)>,
    key_changes: Throttle<(Credential, &'static str)>,
}

/// `[dialect.tencent]`.
#[derive(Debug)]
struct Settings {
    /// Whether a body may be left out of the signature.
    unsigned_payload: UnsignedPayload,
    /// Whether version 3 must sign the action, which no official client does by itself.
    require_signed_action: bool,
    /// Whether a signature carries one write only.
    strict_replay: bool,
    /// Requests a second for each action and key; 0 is any number.
    requests_per_second: u32,
    /// The same for the three actions that change keys.
    key_changes_per_second: u32,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum UnsignedPayload {
    /// Over TLS, or from this machine.
    #[default]
    Local,
    /// Never.
    Refuse,
}

/// A sister service. The vendor gives each a host and a version; here the version and the action tell them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Product {
    Cam,
    Sts,
    Tag,
}

impl Product {
    const ALL: [Self; 3] = [Self::Cam, Self::Sts, Self::Tag];

    /// Its name in scopes and host names.
    const fn name(self) -> &'static str {
        match self {
            Self::Cam => "cam",
            Self::Sts => "sts",
            Self::Tag => "tag",
        }
    }

    const fn version(self) -> &'static str {
        match self {
            Self::Cam => "2019-01-16",
            Self::Sts | Self::Tag => "2018-08-13",
        }
    }
}

/// Whom an operation is about, and thereby whom its caller must reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum About {
    /// The owner of keys: `TargetUin`, or the caller.
    Target,
    /// Any user of the account.
    Account,
    /// The caller; or users whom the handler asks the domain for.
    Caller,
}

/// A row of the table of operations.
struct Row {
    operation: Operation,
    product: Product,
    about: About,
    parameters: &'static [Parameter],
    handler: Handler,
}

macro_rules! table {
    ($($product:ident $name:literal, $access:ident, $action:ident, $about:ident, $reveals:ident, $parameters:ident, $handler:path;)*) => {
        /// The operations. Everything that knows which there are reads this table.
        static TABLE: &[Row] = &[$(Row {
            operation: Operation {
                name: $name,
                action: Action::$action,
                access: Access::$access,
                reveals: Reveals::$reveals,
            },
            product: Product::$product,
            about: About::$about,
            parameters: &parameters::$parameters,
            handler: $handler,
        },)*];
    };
}

table! {
    Cam "CreateAccessKey", Write, CreateAccessKey, Target, AtCreation, CREATE_ACCESS_KEY, access_keys::create;
    Cam "ListAccessKeys", Read, ReadAccessKey, Target, Never, KEYS, access_keys::list;
    Cam "UpdateAccessKey", Write, UpdateAccessKey, Target, Never, UPDATE_ACCESS_KEY, access_keys::update;
    Cam "DeleteAccessKey", Write, DeleteAccessKey, Target, Never, DELETE_ACCESS_KEY, access_keys::delete;
    Cam "GetSecurityLastUsed", Read, ReadAccessKey, Caller, Never, SECRET_ID_LIST, access_keys::last_used;
    Cam "AddUser", Write, CreateUser, Account, AtCreation, ADD_USER, users::add;
    Cam "GetUser", Read, ReadUser, Account, Never, USER, users::get;
    Cam "UpdateUser", Write, UpdateUser, Account, Never, UPDATE_USER, users::update;
    Cam "DeleteUser", Write, DeleteUser, Account, Never, DELETE_USER, users::delete;
    Cam "ListUsers", Read, ListUsers, Account, Never, NONE, users::list;
    Cam "DescribeSubAccounts", Read, ReadUser, Caller, Never, SUB_ACCOUNTS, users::sub_accounts;
    Cam "GetUserAppId", Read, DescribeService, Caller, Never, NONE, users::app_id;
    Sts "GetCallerIdentity", Read, DescribeService, Caller, Never, NONE, sts::caller_identity;
    Tag "DescribeResourceTagsByResourceIds", Read, DescribeService, Caller, Never, RESOURCE_TAGS, tag::of_resources;
}

impl Tencent {
    /// Longest body, in bytes. The cloud takes ten million; the largest honest request of these actions is far below.
    pub const BODY_LIMIT: usize = 64 * 1024;

    /// Reads the dialect's own settings.
    ///
    /// # Errors
    /// A sentence that names the setting.
    pub fn new(own: &toml::Table) -> Result<Self, String> {
        let names = [
            "unsigned_payload",
            "require_signed_action",
            "strict_replay",
            "requests_per_second",
            "key_changes_per_second",
        ];
        let own = Own::new(own, &names)?;
        let words = [("local", UnsignedPayload::Local), ("refuse", UnsignedPayload::Refuse)];
        let settings = Settings {
            unsigned_payload: own.choice("unsigned_payload", &words)?,
            require_signed_action: own.flag("require_signed_action")?,
            strict_replay: own.flag("strict_replay")?,
            requests_per_second: own.number("requests_per_second", MOST_PER_SECOND)?,
            key_changes_per_second: own.number("key_changes_per_second", MOST_PER_SECOND)?,
        };
        let throttle =
            |per_second| Throttle::new((per_second > 0).then_some(Rate { per_second, burst: per_second }));
        let requests = throttle(settings.requests_per_second);
        let key_changes = throttle(settings.key_changes_per_second);
        Ok(Self { settings, requests, key_changes })
    }

    /// The table of operations.
    pub fn operations() -> impl Iterator<Item = &'static Operation> {
        TABLE.iter().map(|row| &row.operation)
    }

    /// What to paste into the official clients.
    pub fn client_settings(url: &str, key_id: &str, secret: &str) -> Zeroizing<String> {
        let (scheme, host) = url.split_once("://").unwrap_or(("http", url));
        let scheme_upper = scheme.to_ascii_uppercase();
        Zeroizing::new(format!(
            "# Tencent Cloud, command line (pip install tccli)\n\
             export TENCENTCLOUD_SECRET_ID={key_id} TENCENTCLOUD_SECRET_KEY={secret}\n\
             tccli cam ListAccessKeys --region ap-guangzhou --endpoint {url}/tencent\n\
             # Tencent Cloud, Python (pip install tencentcloud-sdk-python-cam)\n\
             CamClient(Credential(\"{key_id}\", \"{secret}\"), \"\", \
             ClientProfile(httpProfile=HttpProfile(protocol=\"{scheme}\", endpoint=\"{host}/tencent\")))\n\
             # Tencent Cloud, Terraform: the names cam.DOMAIN and tag.DOMAIN must lead here\n\
             export TENCENTCLOUD_DOMAIN={host} TENCENTCLOUD_PROTOCOL={scheme_upper}\n"
        ))
    }

    /// Whether a request at the root is this dialect's: its headers tell, then its host, then its parameters.
    pub fn recognise(&self, view: &RequestView<'_>) -> Recognition {
        if !is_root(view.path()) {
            return Recognition::No;
        }
        let by_head = is_tc3(view)
            || view.all_headers().iter().any(|(name, _)| is_own_header(name))
            || is_own_host(view)
            || form_pieces(view.query().as_bytes()).any(|(name, value)| {
                matches!((form_decode(name), form_decode(value)), (Ok(name), Ok(value)) if tells(&name, &value))
            });
        if by_head || body_tells(view) { Recognition::Yes } else { Recognition::No }
    }

    /// Answers a request.
    pub async fn answer(&self, service: &Service, request: Request<'_>) -> Answer {
        if let Err(refusal) = check_transport(&request) {
            return self.refuse_transport(refusal, request.origin.request);
        }
        let mut note = Note::blank();
        let result = self.carry_out(service, &request, &mut note).await;
        finish(200, result, note, request.origin.request)
    }

    /// Answers a request that the server could not hand over or finish.
    pub fn refuse_transport(&self, refusal: TransportRefusal, request: RequestId) -> Answer {
        finish(transport_status(refusal), Err(refusal.into()), Note::blank(), request)
    }

    /// The checks, in the vendor's order as far as it is known. Whatever a check needs that comes later stays unseen: who has
    /// not signed learns nothing about keys, and who has no right learns nothing about objects.
    async fn carry_out(
        &self,
        service: &Service,
        request: &Request<'_>,
        note: &mut Note,
    ) -> Result<Body, Refusal> {
        let mut head = Head::read(&request.view)?;
        let row = find_row(&head);
        note.operation = row.as_ref().ok().map(|row| &row.operation);
        let known = row.as_ref().ok().copied();
        let (mut caller, claim) =
            auth::authenticate(service, &self.settings, request, &head, known, note).await?;
        let row = row?;
        self.admit(service, &caller, row)?;
        let fields = head.fields(&request.view)?;
        fields.check(row.parameters)?;
        check_right(&caller, row, &fields)?;
        if row.operation.access == Access::Write {
            service.note_write(&mut caller, &claim, self.settings.strict_replay)?;
        }
        let call = Call { service, caller: &caller, fields: &fields, request: request.origin.request };
        (row.handler)(call).await
    }

    /// The rates of the server, then those of this dialect, for each action and key.
    fn admit(&self, service: &Service, caller: &Caller, row: &Row) -> Result<(), Refusal> {
        if !service.admit(caller) {
            return Err(errors::throttled());
        }
        let changes_keys = row.about == About::Target && row.operation.access == Access::Write;
        let (throttle, limit) = if changes_keys {
            (&self.key_changes, self.settings.key_changes_per_second)
        } else {
            (&self.requests, self.settings.requests_per_second)
        };
        if throttle.take((caller.key(), row.operation.name), service.clock().now()) {
            Ok(())
        } else {
            Err(Refusal::over_rate(limit))
        }
    }
}

/// What is wrong with the HTTP of a request, before anything in it is read.
fn check_transport(request: &Request<'_>) -> Result<(), TransportRefusal> {
    if !is_root(request.path) {
        return Err(TransportRefusal::PathUnknown);
    }
    if !matches!(request.view.method(), "GET" | "POST") {
        return Err(TransportRefusal::MethodNotAllowed);
    }
    match request.view.body() {
        RequestBody::Bytes(body) if body.len() > Tencent::BODY_LIMIT => Err(TransportRefusal::BodyTooLarge),
        RequestBody::Bytes(_) | RequestBody::Sha256(_) | RequestBody::NotVisible => Ok(()),
    }
}

/// Every action is at one path; an absolute-form target may leave even the slash out.
fn is_root(path: &str) -> bool {
    matches!(path, "/" | "")
}

fn is_tc3(view: &RequestView<'_>) -> bool {
    view.header("authorization").is_some_and(|value| value.starts_with(b"TC3-"))
}

fn is_own_header(name: &str) -> bool {
    name.get(..5).is_some_and(|start| start.eq_ignore_ascii_case("x-tc-"))
}

fn is_own_host(view: &RequestView<'_>) -> bool {
    let host = view.host().unwrap_or_default();
    let label = host.split(|byte| *byte == b'.').next().unwrap_or_default();
    // A host without a dot is a machine's own name.
    label.len() < host.len()
        && Product::ALL.iter().any(|product| label.eq_ignore_ascii_case(product.name().as_bytes()))
}

/// Whether a parameter is one that only this dialect's requests have.
fn tells(name: &str, value: &str) -> bool {
    match name {
        "SecretId" => true,
        "Version" => Product::ALL.iter().any(|product| product.version() == value),
        _ => false,
    }
}

fn body_tells(view: &RequestView<'_>) -> bool {
    let RequestBody::Bytes(body) = view.body() else { return false };
    let params = match body.first() {
        None => return false,
        Some(b'{') => Params::from_json(body, Nulls::Drop, MAX_PARAMS),
        Some(_) => Params::from_form(body, MAX_PARAMS),
    };
    params.is_ok_and(|params| params.iter().any(|(name, value)| tells(name, &value.text())))
}

/// What the handler of a request would be given, whoever signed it, or the code and the text of its refusal. For fuzzing.
///
/// # Errors
/// A refusal that concerns the head or the parameters.
#[cfg(feature = "testing")]
pub fn decode(view: &RequestView<'_>) -> Result<Vec<(String, String)>, (Code, String)> {
    let read = || {
        let mut head = Head::read(view)?;
        let row = find_row(&head)?;
        let fields = head.fields(view)?;
        fields.check(row.parameters)?;
        Ok(fields.texts())
    };
    read().map_err(|refusal: Refusal| (refusal.code, refusal.message.into_owned()))
}

/// The row of the action, or how it is refused once the caller is known.
fn find_row(head: &Head) -> Result<&'static Row, Refusal> {
    if !Product::ALL.iter().any(|product| product.version() == head.version) {
        let text = format!("The version `{}` does not exist.", errors::echo(&head.version));
        return Err(Refusal::echoing(Code::NoSuchVersion, text));
    }
    let is_meant = |row: &&Row| row.product.version() == head.version && row.operation.name == head.action;
    TABLE.iter().find(is_meant).ok_or_else(|| {
        let text = format!("The action `{}` does not exist.", errors::echo(&head.action));
        Refusal::echoing(Code::InvalidAction, text)
    })
}

/// Asks for the right to the action before any object is looked at. A caller who reaches only himself is told the same of
/// every other number, known or not (threat T38); root's, which everybody in the account may know, has a code of its own.
fn check_right(caller: &Caller, row: &Row, fields: &Fields) -> Result<(), Refusal> {
    let action = row.operation.action;
    match row.about {
        About::Account => caller.require_account(action)?,
        About::Caller => caller.reach(action).map(drop)?,
        About::Target => match call::target(fields) {
            Target::User(UserRef::Numbered(serial))
                if serial == caller.account_serial() && !caller.is_root() =>
            {
                return Err(errors::sub_uin());
            }
            Target::User(user) => caller.require_named(action, user)?,
            Target::Nobody => {
                caller.require_account(action)?;
                return Err(errors::target_not_exist());
            }
        },
    }
    Ok(())
}

fn finish(status: u16, result: Result<Body, Refusal>, mut note: Note, request: RequestId) -> Answer {
    let body = match result {
        Ok(body) => body,
        Err(refusal) => {
            let body = call::failure(&refusal, request);
            note.outcome = refusal.code.outcome();
            note.cause = Some(Cause { code: refusal.code.as_str().into(), text: refusal.cause.into_owned() });
            body
        }
    };
    let headers = vec![
        // To the letter: with a charset behind it the Python client takes failures for success.
        ("Content-Type", Cow::Borrowed("application/json")),
        // Answers may hold secrets (threat T70).
        ("Cache-Control", Cow::Borrowed("no-store")),
    ];
    Answer { status, headers, body, note }
}
