//! What a handler is given, and how it answers.

use std::borrow::Cow;
use std::fmt;
use std::future::Future;
use std::pin::Pin;

use domain::Service;
use domain::caller::Caller;
use serde::{Serialize, Serializer};
use signing::Params;
use zeroize::Zeroizing;

use super::Settings;
use super::errors::{Refusal, RetCode, service_error};
use super::parameters::integer;
use crate::json::{self, Body};
use crate::operation::Operation;

/// What a handler returns: one allocation for each request, and no list of handlers anywhere but in the table.
pub(super) type Reply<'a> = Pin<Box<dyn Future<Output = Result<Body, Refusal>> + Send + 'a>>;

/// Carries an operation out. The request has passed every check of its parameters.
pub(super) type Handler = for<'a> fn(Call<'a>) -> Reply<'a>;

/// A verified, well-formed request.
#[derive(Clone, Copy)]
pub(super) struct Call<'a> {
    /// The product.
    pub(super) service: &'a Service,
    /// The dialect's settings.
    pub(super) settings: &'a Settings,
    /// Who asks.
    pub(super) caller: &'a Caller,
    /// For what.
    pub(super) operation: &'static Operation,
    /// The very parameters that were signed (structural rule S2).
    pub(super) params: &'a Params,
}

impl<'a> Call<'a> {
    /// The value of a parameter; empty when it is absent.
    pub(super) fn text(&self, name: &str) -> Cow<'a, str> {
        self.given(name).unwrap_or_default()
    }

    /// The value of a parameter that was sent, empty or not.
    pub(super) fn given(&self, name: &str) -> Option<Cow<'a, str>> {
        self.params.text(name)
    }

    /// The value of an integer parameter that was sent.
    pub(super) fn integer(&self, name: &str) -> Option<i64> {
        self.given(name).and_then(|text| integer(&text))
    }

    /// The answer of success with these fields.
    ///
    /// # Errors
    /// 130 when the fields cannot be written, which no type of ours provokes.
    pub(super) fn success(&self, fields: &impl Serialize) -> Result<Body, Refusal> {
        let answer = Success {
            ret_code: RetCode::Success.number(),
            action: ActionResponse(self.operation.name),
            message: "",
            fields,
        };
        json::write(&answer).map_err(|error| service_error().because(error.to_string()))
    }
}

/// The fields of an answer that has none.
#[derive(Serialize)]
pub(super) struct Nothing {}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Success<'a, T> {
    ret_code: u32,
    action: ActionResponse,
    /// The vendor sends it only on failure; his generic clients look for it always.
    message: &'static str,
    #[serde(flatten)]
    fields: &'a T,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Failure<'a> {
    ret_code: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    action: Option<ActionResponse>,
    message: &'a str,
}

/// `<Action>Response`.
struct ActionResponse(&'static str);

impl Serialize for ActionResponse {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl fmt::Display for ActionResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}Response", self.0)
    }
}

/// The body of a refusal. Without an integer `RetCode` the vendor's clients crash or take it for success, so there is one
/// even if writing fails, which strings and numbers do not provoke.
pub(super) fn failure(refusal: &Refusal, operation: Option<&'static Operation>) -> Body {
    let answer = Failure {
        ret_code: refusal.code.number(),
        action: operation.map(|operation| ActionResponse(operation.name)),
        message: &refusal.message,
    };
    json::write(&answer)
        .unwrap_or_else(|_| Zeroizing::new(br#"{"RetCode":130,"Message":"Service error"}"#.to_vec()))
}
