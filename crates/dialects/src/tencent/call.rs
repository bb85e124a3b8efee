//! What a handler is given, and how it answers.

use std::future::Future;
use std::pin::Pin;

use domain::Service;
use domain::caller::Caller;
use domain::id::{RequestId, Serial};
use domain::users::UserRef;
use serde::Serialize;
use zeroize::Zeroizing;

use super::errors::{Refusal, internal_error};
use super::parameters::{Fields, NAME, TARGET_UIN};
use crate::json::{self, Body};

/// Added to a serial it is the number that the vendor shows: twelve digits.
const UIN_BASE: u64 = 100_000_000_000;

/// What a handler returns: one allocation for each request, and no list of handlers anywhere but in the table.
pub(super) type Reply<'a> = Pin<Box<dyn Future<Output = Result<Body, Refusal>> + Send + 'a>>;

/// Carries an operation out. The request has passed every check of its parameters.
pub(super) type Handler = for<'a> fn(Call<'a>) -> Reply<'a>;

/// A verified, well-formed request.
#[derive(Clone, Copy)]
pub(super) struct Call<'a> {
    /// The product.
    pub(super) service: &'a Service,
    /// Who asks.
    pub(super) caller: &'a Caller,
    /// The very parameters that were signed (structural rule S2).
    pub(super) fields: &'a Fields,
    /// The id told to the client.
    pub(super) request: RequestId,
}

impl<'a> Call<'a> {
    /// The name of the user that the request is about.
    pub(super) fn name(&self) -> &'a str {
        self.fields.text(NAME).unwrap_or_default()
    }

    /// The user whose keys the request is about: a request that names nobody ends before its handler.
    pub(super) fn target(&self) -> UserRef<'static> {
        match target(self.fields) {
            Target::User(user) => user,
            Target::Nobody => UserRef::Caller,
        }
    }

    /// Whether a flag is set.
    pub(super) fn flag(&self, name: &str) -> bool {
        self.fields.uint(name) == Some(1)
    }

    /// The answer of success with these fields.
    ///
    /// # Errors
    /// `InternalError` when the fields cannot be written, which no type of ours provokes.
    pub(super) fn success(&self, fields: &impl Serialize) -> Result<Body, Refusal> {
        let answer = Envelope { response: Response { fields, request_id: request_id(self.request) } };
        json::write(&answer).map_err(|error| internal_error().because(error.to_string()))
    }
}

/// Whose keys a request is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// A user who may or may not exist.
    User(UserRef<'static>),
    /// A number that nobody can have.
    Nobody,
}

/// Absent or 0 is the caller: Terraform keeps and sends 0.
pub(super) fn target(fields: &Fields) -> Target {
    match fields.uint(TARGET_UIN) {
        None | Some(0) => Target::User(UserRef::Caller),
        Some(uin) => serial(uin).map_or(Target::Nobody, |serial| Target::User(UserRef::Numbered(serial))),
    }
}

/// The number that the vendor shows for a user or account.
pub(super) fn uin(serial: Serial) -> u64 {
    UIN_BASE + u64::from(serial.get())
}

/// The serial behind a number, if it can be one.
pub(super) fn serial(uin: u64) -> Option<Serial> {
    Serial::new(i64::try_from(uin.checked_sub(UIN_BASE)?).ok()?)
}

/// The fields of an answer that has none.
#[derive(Serialize)]
pub(super) struct Nothing {}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Envelope<T> {
    response: T,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Response<'a, T> {
    #[serde(flatten)]
    fields: &'a T,
    request_id: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Failure<'a> {
    error: ErrorModel<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ErrorModel<'a> {
    code: &'static str,
    message: &'a str,
}

/// The body of a refusal. The Python client fails without a RequestId, so there is one even if writing fails, which strings
/// do not provoke.
pub(super) fn failure(refusal: &Refusal, request: RequestId) -> Body {
    let error = ErrorModel { code: refusal.code.as_str(), message: &refusal.message };
    let fields = &Failure { error };
    let answer = Envelope { response: Response { fields, request_id: request_id(request) } };
    json::write(&answer).unwrap_or_else(|_| {
        let text = r#"{"Response":{"Error":{"Code":"InternalError","Message":""},"RequestId":""}}"#;
        Zeroizing::new(text.as_bytes().to_vec())
    })
}

/// The vendor's ids have hyphens; the log's have not.
fn request_id(request: RequestId) -> String {
    let hex = request.hex();
    let part = |from, to| hex.get(from..to).unwrap_or_default();
    [part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)].join("-")
}
