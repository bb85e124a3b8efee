//! The Samsung Cloud Platform dialect: access keys of version 2's IAM, as its Go SDK and Terraform provider speak it. REST
//! and JSON; the signature covers the whole URL and never the body.
//!
//! Here: the settings, the table of operations and the order of the checks. What an operation does is in its family's file.

mod access_keys;
mod auth;
mod body;
mod call;
mod discovery;
mod errors;
mod list;
mod otp;
mod query;
mod version;

use std::borrow::Cow;

use domain::Service;
use domain::duration::CalendarDuration;
use domain::id::RequestId;
use domain::policy::Action;
use signing::{Body as RequestBody, RequestView};
use zeroize::Zeroizing;

use crate::answer::{Answer, Cause, Note, Outcome, TransportRefusal};
use crate::operation::{Access, Operation, Reveals};
use crate::request::{Recognition, Request};
use crate::settings::Own;
use call::{Call, Done, Handler, base_url};
use errors::Refusal;

pub use errors::Code;

/// What the fuzz targets call, who see nothing private.
#[cfg(feature = "testing")]
pub mod fuzzing {
    use super::{call, query};

    /// What the query of a list says, as its link to itself writes it. `None`: it is refused.
    pub fn query(text: &str) -> Option<String> {
        let query = query::ListQuery::read(text).ok()?;
        let [_, own] = <[_; 2]>::try_from(query.links("", None)).ok()?;
        Some(own.into_query())
    }

    /// The record that a marker names.
    pub fn marker(text: &str) -> Option<domain::id::KeyUuid> {
        call::record_id(text)
    }
}

/// The dialect's name, as in the registry.
const NAME: &str = "samsung";
/// Under which it always answers, as in the registry.
const PREFIX: &str = "/samsung";
/// Furthest that a signed time may be set to lie from our clock, in seconds.
const MAX_TOLERANCE_SECONDS: u32 = 86_400;
/// How far it may be otherwise. The cloud's own figure is not published.
const TOLERANCE_SECONDS: u32 = 900;
/// How long a temporary key lives whose request does not say so.
const TEMPORARY_DURATION: &str = "PT1H";

/// The dialect, ready to answer.
#[derive(Debug)]
pub struct Samsung {
    settings: Settings,
}

/// `[dialect.samsung]`.
#[derive(Debug)]
struct Settings {
    /// Whether enabled keys may be deleted.
    delete_enabled: DeleteEnabled,
    /// Whether reading one's own keys shows their secrets.
    reveal_secret: RevealSecret,
    /// Furthest that a signed time may lie from our clock, either way.
    tolerance_ms: u64,
    /// How long a temporary key lives whose request does not say so.
    temporary_duration: CalendarDuration,
    /// Whether a signature carries one write only.
    strict_replay: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum DeleteEnabled {
    /// They must be disabled first, as on the platform.
    #[default]
    Refuse,
    Allow,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum RevealSecret {
    #[default]
    Creation,
    Owner,
}

/// Where an operation lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Endpoints,
    Keys,
    Bulk,
    SendOtp,
    /// One key, by the id of its record.
    Key,
}

/// A row of the table of operations.
struct Row {
    operation: Operation,
    method: &'static str,
    place: Place,
    /// How the cloud calls this kind of access in its refusals.
    level: &'static str,
    handler: Handler,
}

macro_rules! table {
    ($($name:literal, $method:literal $place:ident, $level:literal, $access:ident, $action:ident, $reveals:ident, $handler:path;)*) => {
        /// The operations. Everything that knows which there are reads this table.
        static TABLE: &[Row] = &[$(Row {
            operation: Operation {
                name: $name,
                action: Action::$action,
                access: Access::$access,
                reveals: Reveals::$reveals,
            },
            method: $method,
            place: Place::$place,
            level: $level,
            handler: $handler,
        },)*];
    };
}

table! {
    "ListEndpoints", "GET" Endpoints, "List", Read, DescribeService, Never, discovery::endpoints;
    "ListAccessKey", "GET" Keys, "List", Read, ReadAccessKey, ToOwner, list::list;
    "CreateAccessKey", "POST" Keys, "Create", Write, CreateAccessKey, AtCreation, access_keys::create;
    "ShowAccessKey", "GET" Key, "Read", Read, ReadAccessKey, ToOwner, access_keys::show;
    "SetAccessKey", "PUT" Key, "Update", Write, UpdateAccessKey, Never, access_keys::set;
    "DeleteAccessKey", "DELETE" Key, "Delete", Write, DeleteAccessKey, Never, access_keys::delete;
    "DeleteBulkAccessKey", "DELETE" Bulk, "Delete", Write, DeleteAccessKey, Never, list::delete_bulk;
    "SendTemporaryOtpAccessKey", "POST" SendOtp, "Create", Read, CreateAccessKey, Never, otp::send;
}

impl Samsung {
    /// Longest body, in bytes. The largest honest request is a bulk deletion.
    pub const BODY_LIMIT: usize = 64 * 1024;

    /// Reads the dialect's own settings.
    ///
    /// # Errors
    /// A sentence that names the setting.
    pub fn new(own: &toml::Table) -> Result<Self, String> {
        let names = [
            "delete_enabled",
            "reveal_secret",
            "timestamp_tolerance_seconds",
            "temporary_duration",
            "strict_replay",
        ];
        let own = Own::new(own, &names)?;
        let deletions = [("refuse", DeleteEnabled::Refuse), ("allow", DeleteEnabled::Allow)];
        let reveals = [("creation", RevealSecret::Creation), ("owner", RevealSecret::Owner)];
        let tolerance = match own.number("timestamp_tolerance_seconds", MAX_TOLERANCE_SECONDS)? {
            0 => TOLERANCE_SECONDS,
            seconds => seconds,
        };
        let duration = own.text("temporary_duration")?.unwrap_or(TEMPORARY_DURATION);
        let settings = Settings {
            delete_enabled: own.choice("delete_enabled", &deletions)?,
            reveal_secret: own.choice("reveal_secret", &reveals)?,
            tolerance_ms: u64::from(tolerance) * 1000,
            temporary_duration: CalendarDuration::parse(duration)
                .ok_or("`temporary_duration` must be an ISO 8601 duration such as \"PT1H\"")?,
            strict_replay: own.flag("strict_replay")?,
        };
        Ok(Self { settings })
    }

    /// The table of operations.
    pub fn operations() -> impl Iterator<Item = &'static Operation> {
        TABLE.iter().map(|row| &row.operation)
    }

    /// What to paste into the official clients.
    pub fn client_settings(url: &str, key_id: &str, secret: &str) -> Zeroizing<String> {
        Zeroizing::new(format!(
            "# Samsung Cloud Platform, Terraform\n\
             export SCP_TF_AUTH_URL={url}{PREFIX}/v1 SCP_TF_ENDPOINT_OVERRIDE={url}{PREFIX}\n\
             export SCP_TF_ACCESS_KEY={key_id} SCP_TF_SECRET_KEY={secret}\n"
        ))
    }

    /// Whether a request at the root is this dialect's: its paths are nobody else's.
    pub fn recognise(&self, view: &RequestView<'_>) -> Recognition {
        if place(view.path()).is_some() { Recognition::Yes } else { Recognition::No }
    }

    /// Answers a request.
    pub async fn answer(&self, service: &Service, request: Request<'_>) -> Answer {
        let id = request.origin.request;
        let method = request.view.method();
        if matches!(request.path, "/" | "") {
            return match method {
                "GET" => discovery::versions(&base_url(&request)),
                _ => self.refuse_transport(TransportRefusal::MethodNotAllowed, id),
            };
        }
        let Some((place, key)) = place(request.path) else {
            return self.refuse_transport(TransportRefusal::PathUnknown, id);
        };
        let Some(row) = TABLE.iter().find(|row| row.place == place && row.method == method) else {
            let mut answer = self.refuse_transport(TransportRefusal::MethodNotAllowed, id);
            answer.headers.push(("Allow", Cow::Owned(allowed(place))));
            return answer;
        };
        if matches!(request.view.body(), RequestBody::Bytes(body) if body.len() > Self::BODY_LIMIT) {
            return self.refuse_transport(TransportRefusal::BodyTooLarge, id);
        }
        let mut note = Note { operation: Some(&row.operation), ..Note::blank() };
        let result = self.carry_out(service, &request, row, key, &mut note).await;
        finish(result, note, Some(row), id)
    }

    /// Answers a request that the server could not hand over or finish.
    pub fn refuse_transport(&self, refusal: TransportRefusal, request: RequestId) -> Answer {
        finish(Err(refusal.into()), Note::blank(), None, request)
    }

    /// The checks, in the order of the dialect's page. Whatever a check needs that comes later stays unseen: who has not
    /// signed learns nothing about keys, and who has no right learns nothing about objects.
    async fn carry_out(
        &self,
        service: &Service,
        request: &Request<'_>,
        row: &'static Row,
        key: &str,
        note: &mut Note,
    ) -> Result<Done, Refusal> {
        let (mut caller, claim) =
            auth::authenticate(service, &self.settings, request, &row.operation, note).await?;
        if !service.admit(&caller) {
            return Err(Refusal::plain(Code::TooManyRequests, "Too many requests. Please try again later."));
        }
        let version = version::read(&request.view)?;
        caller.reach(row.operation.action)?;
        if row.operation.access == Access::Write {
            service.note_write(&mut caller, &claim, self.settings.strict_replay)?;
        }
        let call = Call { service, settings: &self.settings, caller: &caller, request, key, version };
        (row.handler)(call).await
    }
}

/// What lives at a path, and the id in it. An endpoint that is configured with a slash at its end makes a second one.
fn place(path: &str) -> Option<(Place, &str)> {
    let path = path.strip_prefix('/').filter(|rest| rest.starts_with('/')).unwrap_or(path);
    match path.strip_prefix("/v1/")? {
        "endpoints" => Some((Place::Endpoints, "")),
        "access-keys" => Some((Place::Keys, "")),
        "access-keys/bulk" => Some((Place::Bulk, "")),
        "access-keys/send-otp" => Some((Place::SendOtp, "")),
        rest => {
            let key = rest.strip_prefix("access-keys/")?;
            (!key.contains('/')).then_some((Place::Key, key))
        }
    }
}

fn allowed(place: Place) -> String {
    let methods: Vec<&str> = TABLE.iter().filter(|row| row.place == place).map(|row| row.method).collect();
    methods.join(", ")
}

fn finish(
    result: Result<Done, Refusal>,
    mut note: Note,
    row: Option<&'static Row>,
    request: RequestId,
) -> Answer {
    let Done { status, body } = match result {
        Ok(done) => done,
        Err(refusal) => {
            note.outcome = match refusal.code {
                // Anybody can send what cannot be read: lines about it are sampled (threat T71).
                Code::ValidationError if note.caller.is_none() => Outcome::Malformed,
                code => code.outcome(),
            };
            let body = errors::body(&refusal, row.map(|row| (row.level, row.operation.name)), request);
            let status = refusal.code.status();
            note.cause = Some(Cause { code: refusal.code.as_str().into(), text: refusal.cause.into_owned() });
            Done { status, body: Some(body) }
        }
    };
    Answer { status, headers: headers(body.is_some()), body: body.unwrap_or_default(), note }
}

/// Nothing of a request is ever echoed in a header (threat T78).
fn headers(has_body: bool) -> Vec<(&'static str, Cow<'static, str>)> {
    // Answers may hold secrets (threat T70).
    let mut headers = vec![("Cache-Control", Cow::Borrowed("no-store"))];
    if has_body {
        headers.push(("Content-Type", Cow::Borrowed("application/json")));
    }
    headers
}
