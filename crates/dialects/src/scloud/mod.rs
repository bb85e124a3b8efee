//! The SCloud dialect: UCloud's IAM and its white labels. One path, an `Action` parameter, and HTTP 200 whatever happens.
//!
//! Here: the settings, the table of operations and the order of the checks. What an operation does is in its family's file.

mod access_keys;
mod auth;
mod call;
mod errors;
mod login_profile;
mod parameters;
mod reading;
mod service_info;
mod users;

use std::borrow::Cow;

use domain::Service;
use domain::caller::Caller;
use domain::id::RequestId;
use domain::policy::Action;
use signing::encode::{form_decode, form_pieces};
use signing::{Body as RequestBody, Params, RequestView, scloud};
use zeroize::Zeroizing;

use crate::answer::{Answer, Cause, Note, Outcome, TransportRefusal};
use crate::json::Body;
use crate::operation::{Access, Operation, Reveals};
use crate::request::{Recognition, Request};
use crate::settings::Own;
use call::{Call, Handler};
use errors::{Refusal, transport_outcome, transport_status};
use parameters::{ACTION, Parameter, USER_NAME};

pub use errors::RetCode;

/// The dialect's name, as in the registry.
const NAME: &str = "scloud";
/// Most parameters in one request.
const MAX_PARAMETERS: usize = 256;

/// The dialect, ready to answer.
#[derive(Debug)]
pub struct Scloud {
    settings: Settings,
}

/// `[dialect.scloud]`.
#[derive(Debug)]
struct Settings {
    /// Whether lists of one's own keys show their secrets.
    reveal_secret: RevealSecret,
    /// Whether a signature carries one write only.
    strict_replay: bool,
    /// Whether GET, which writes signatures into logs of proxies, is refused.
    post_only: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum RevealSecret {
    #[default]
    Creation,
    Owner,
}

/// A row of the table of operations.
struct Row {
    operation: Operation,
    parameters: &'static [Parameter],
    handler: Handler,
}

macro_rules! table {
    ($($name:literal, $access:ident, $action:ident, $reveals:ident, $parameters:ident, $handler:path;)*) => {
        /// The operations. Everything that knows which there are reads this table.
        static TABLE: &[Row] = &[$(Row {
            operation: Operation {
                name: $name,
                action: Action::$action,
                access: Access::$access,
                reveals: Reveals::$reveals,
            },
            parameters: &parameters::$parameters,
            handler: $handler,
        },)*];
    };
}

table! {
    "CreateAccessKey", Write, CreateAccessKey, AtCreation, USER, access_keys::create;
    "ListAccessKeys", Read, ReadAccessKey, ToOwner, USER, access_keys::list;
    "UpdateAccessKey", Write, UpdateAccessKey, Never, UPDATE_ACCESS_KEY, access_keys::update;
    "DeleteAccessKey", Write, DeleteAccessKey, Never, ACCESS_KEY, access_keys::delete;
    "CreateUser", Write, CreateUser, AtCreation, CREATE_USER, users::create;
    "GetUser", Read, ReadUser, Never, USER, users::get;
    "ListUsers", Read, ListUsers, Never, LIST_USERS, users::list;
    "UpdateUser", Write, UpdateUser, Never, UPDATE_USER, users::update;
    "DeleteUser", Write, DeleteUser, Never, USER, users::delete;
    "GetLoginProfile", Read, ReadUser, Never, USER, login_profile::get;
    "UpdateLoginProfile", Write, UpdateUser, Never, UPDATE_LOGIN_PROFILE, login_profile::update;
    "GetRegion", Read, DescribeService, Never, NONE, service_info::regions;
    "GetProjectList", Read, DescribeService, Never, GET_PROJECT_LIST, service_info::projects;
}

/// The table of operations.
fn operations() -> impl Iterator<Item = &'static Operation> {
    TABLE.iter().map(|row| &row.operation)
}

impl Scloud {
    /// Longest body, in bytes. The largest honest request is far below.
    pub const BODY_LIMIT: usize = 64 * 1024;

    /// Reads the dialect's own settings.
    ///
    /// # Errors
    /// A sentence that names the setting.
    pub fn new(own: &toml::Table) -> Result<Self, String> {
        let own = Own::new(own, &["reveal_secret", "strict_replay", "post_only"])?;
        let words = [("creation", RevealSecret::Creation), ("owner", RevealSecret::Owner)];
        let settings = Settings {
            reveal_secret: own.choice("reveal_secret", &words)?,
            strict_replay: own.flag("strict_replay")?,
            post_only: own.flag("post_only")?,
        };
        Ok(Self { settings })
    }

    /// The table of operations.
    pub fn operations() -> impl Iterator<Item = &'static Operation> {
        operations()
    }

    /// What to paste into the official clients. The SDK tests paste it, so each block is complete.
    pub fn client_settings(url: &str, key_id: &str, secret: &str) -> Zeroizing<String> {
        Zeroizing::new(format!(
            "# SCloud / UCloud, Python (pip install ucloud-sdk-python3)\n\
             from ucloud.client import Client\n\
             client = Client({{\"base_url\": \"{url}\", \"public_key\": \"{key_id}\", \"private_key\": \"{secret}\"}})\n\
             \n\
             # SCloud / UCloud, Go SDK\n\
             export UCLOUD_API_BASE_URL={url} UCLOUD_PUBLIC_KEY={key_id} UCLOUD_PRIVATE_KEY={secret}\n\
             \n\
             # SCloud / UCloud, command line\n\
             ucloud config --profile keyward --active true --base-url {url} --public-key {key_id} --private-key {secret}\n\
             \n\
             # SCloud / UCloud, Terraform\n\
             provider \"ucloud\" {{\n  \
               base_url    = \"{url}\"\n  \
               public_key  = \"{key_id}\"\n  \
               private_key = \"{secret}\"\n  \
               region      = \"keyward\"\n  \
               project_id  = \"keyward\"\n\
             }}\n"
        ))
    }

    /// Whether a request at the root is this dialect's: a `PublicKey` tells, an `Action` alone only if nobody else wants it.
    pub fn recognise(&self, view: &RequestView<'_>) -> Recognition {
        if !is_root(view.path()) {
            return Recognition::No;
        }
        let mut recognition = Recognition::No;
        for (name, _) in form_pieces(view.query().as_bytes()) {
            recognition = recognition.max(form_decode(name).map_or(Recognition::No, |name| telling(&name)));
        }
        match view.body() {
            RequestBody::Bytes(body) if recognition < Recognition::Yes && !body.is_empty() => {
                recognition.max(recognise_body(view, body))
            }
            RequestBody::Bytes(_) | RequestBody::Sha256(_) | RequestBody::NotVisible => recognition,
        }
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
        let mut answer = finish(transport_status(refusal), Err(refusal.into()), Note::blank(), request);
        answer.note.outcome = transport_outcome(refusal);
        if refusal == TransportRefusal::MethodNotAllowed {
            answer.headers.push(("Allow", Cow::Borrowed("GET, POST")));
        }
        answer
    }

    /// The checks, in the vendor's order as far as it is known. Whatever a check needs that comes later stays unseen: who has
    /// not signed learns nothing about keys, and who has no right learns nothing about objects.
    async fn carry_out(
        &self,
        service: &Service,
        request: &Request<'_>,
        note: &mut Note,
    ) -> Result<Body, Refusal> {
        if self.settings.post_only && request.view.method() != "POST" {
            return Err(Refusal::plain(RetCode::ParameterRefused, "GET is switched off here: use POST"));
        }
        let params = scloud::params(&request.view, MAX_PARAMETERS)?;
        let row = find_row(&params)?;
        note.operation = Some(&row.operation);
        let (mut caller, claim) =
            auth::authenticate(service, &params, request.origin, row.parameters, note).await?;
        if !service.admit(&caller) {
            return Err(errors::throttled());
        }
        parameters::check_names(&params, row.parameters)?;
        check_right(&caller, row.operation.action, &params)?;
        parameters::check_presence(&params, row.parameters)?;
        parameters::check_values(&params, row.parameters)?;
        if let Some(name) = reading::ambiguous_parameter(&params, row.parameters) {
            return Err(Refusal::parameter(name).because("the value also spells another parameter"));
        }
        if row.operation.access == Access::Write {
            service.note_write(&mut caller, &claim, self.settings.strict_replay)?;
        }
        let call = Call {
            service,
            settings: &self.settings,
            caller: &caller,
            operation: &row.operation,
            params: &params,
        };
        (row.handler)(call).await
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
        RequestBody::Bytes(body) if body.len() > Scloud::BODY_LIMIT => Err(TransportRefusal::BodyTooLarge),
        RequestBody::Bytes(_) | RequestBody::Sha256(_) | RequestBody::NotVisible => Ok(()),
    }
}

/// Every action is at one path; an absolute-form target may leave even the slash out.
fn is_root(path: &str) -> bool {
    matches!(path, "/" | "")
}

/// What a parameter's name says about whose the request is.
fn telling(name: &str) -> Recognition {
    match name {
        scloud::PUBLIC_KEY => Recognition::Yes,
        ACTION => Recognition::Maybe,
        _ => Recognition::No,
    }
}

/// What the names in a body say. One that cannot be read as a whole, for a name that is repeated or JSON that is broken, is
/// still this dialect's when it spells such a name: its sender understands a code and no 404.
fn recognise_body(view: &RequestView<'_>, body: &[u8]) -> Recognition {
    match scloud::params(view, MAX_PARAMETERS) {
        Ok(params) => params.iter().map(|(name, _)| telling(name)).fold(Recognition::No, Ord::max),
        Err(_) if spells(body, scloud::PUBLIC_KEY) => Recognition::Yes,
        Err(_) if spells(body, ACTION) => Recognition::Maybe,
        Err(_) => Recognition::No,
    }
}

/// Whether `name` stands where a form or JSON has a name.
fn spells(body: &[u8], name: &str) -> bool {
    let mut pieces = body.split(|byte| matches!(byte, b'&' | b'=' | b'"'));
    pieces.any(|piece| piece == name.as_bytes())
}

fn find_row(params: &Params) -> Result<&'static Row, Refusal> {
    let missing = || Refusal::plain(RetCode::ActionMissing, "Missing Action");
    let action = params.non_empty(ACTION).ok_or_else(missing)?;
    TABLE.iter().find(|row| row.operation.name == action).ok_or_else(|| Refusal::action(&action))
}

/// Asks for the right to the action before anything is said about its parameters. The user that a request names is its
/// object; a caller who reaches only himself is told the same of every other name, known or not (threat T38).
fn check_right(caller: &Caller, action: Action, params: &Params) -> Result<(), Refusal> {
    match params.non_empty(USER_NAME) {
        Some(name) => caller.require_named(action, &name)?,
        None => caller.reach(action).map(drop)?,
    }
    Ok(())
}

fn finish(status: u16, result: Result<Body, Refusal>, mut note: Note, request: RequestId) -> Answer {
    let body = match result {
        Ok(body) => body,
        Err(refusal) => {
            let body = call::failure(&refusal, note.operation);
            note.outcome = match refusal.code {
                // Anybody can send what cannot be read: lines about it are sampled (threat T71).
                RetCode::ParameterRefused if note.caller.is_none() => Outcome::Malformed,
                code => code.outcome(),
            };
            note.cause = Some(Cause { code: refusal.code.as_str().into(), text: refusal.cause.into_owned() });
            body
        }
    };
    let headers = vec![
        ("Content-Type", Cow::Borrowed("application/json")),
        // All official clients read it and show it with every error.
        ("X-UCLOUD-REQUEST-UUID", Cow::Owned(request.to_string())),
        // Answers may hold secrets (threat T70).
        ("Cache-Control", Cow::Borrowed("no-store")),
    ];
    Answer { status, headers, body, note }
}
