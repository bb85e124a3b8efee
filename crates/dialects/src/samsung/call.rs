//! What a handler is given, and how it answers.

use std::future::Future;
use std::pin::Pin;

use domain::Service;
use domain::caller::Caller;
use domain::clock::UnixMillis;
use domain::id::KeyUuid;
use serde::{Serialize, Serializer};

use super::errors::{Code, Refusal};
use super::version::Version;
use super::{PREFIX, Settings};
use crate::json::{self, Body};
use crate::request::Request;

/// What a handler returns: one allocation for each request, and no list of handlers anywhere but in the table.
pub(super) type Reply<'a> = Pin<Box<dyn Future<Output = Result<Done, Refusal>> + Send + 'a>>;

/// Carries an operation out. The caller may do it to something.
pub(super) type Handler = for<'a> fn(Call<'a>) -> Reply<'a>;

/// A success.
pub(super) struct Done {
    /// Its status.
    pub(super) status: u16,
    /// Its body, where it has one.
    pub(super) body: Option<Body>,
}

impl Done {
    /// An answer with a body.
    ///
    /// # Errors
    /// 500 when it cannot be written, which no type of ours provokes.
    pub(super) fn json(status: u16, answer: &impl Serialize) -> Result<Self, Refusal> {
        let body = json::write(answer).map_err(|error| errors_internal(&error))?;
        Ok(Self { status, body: Some(body) })
    }

    /// An answer without one.
    pub(super) const fn empty() -> Self {
        Self { status: 204, body: None }
    }
}

fn errors_internal(error: &serde_json::Error) -> Refusal {
    super::errors::internal().because(error.to_string())
}

/// A verified request.
#[derive(Clone, Copy)]
pub(super) struct Call<'a> {
    /// The product.
    pub(super) service: &'a Service,
    /// The dialect's settings.
    pub(super) settings: &'a Settings,
    /// Who asks.
    pub(super) caller: &'a Caller,
    /// The request; of it the URL is signed and the body is not.
    pub(super) request: &'a Request<'a>,
    /// The id in the path; empty where the path has none.
    pub(super) key: &'a str,
    /// The version asked for.
    pub(super) version: Version,
}

impl Call<'_> {
    /// The record that the path names. A malformed id names none.
    ///
    /// # Errors
    /// 404.
    pub(super) fn key(&self) -> Result<KeyUuid, Refusal> {
        record_id(self.key).ok_or_else(super::errors::not_found)
    }

    /// Refuses an account other than the caller's, for which nothing can be asked here.
    ///
    /// # Errors
    /// 403.
    pub(super) fn check_account(&self, account: Option<&str>) -> Result<(), Refusal> {
        match account {
            Some(account) if account != self.caller.account().hex() => {
                Err(Refusal::plain(Code::Forbidden, "The access key belongs to another account.")
                    .because("account_id names another account"))
            }
            Some(_) | None => Ok(()),
        }
    }
}

/// The id of a record: 32 lower-case hexadecimal digits, in this one spelling.
pub(super) fn record_id(text: &str) -> Option<KeyUuid> {
    if signing::encode::is_lower_hex(text.as_bytes(), 32) { KeyUuid::parse(text) } else { None }
}

/// The base URL that the client has called, without `/v1`: below the public URL that goes with the host, or the first; else
/// below the host itself, which the signature covers.
pub(super) fn base_url(request: &Request<'_>) -> String {
    let below = request.view.path().strip_prefix(PREFIX);
    let is_below = below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    request.server_url() + if is_below { PREFIX } else { "" }
}

/// A moment as the cloud writes it: RFC 3339 in UTC with whole seconds.
pub(super) struct Time(pub(super) UnixMillis);

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&signing::format_time(self.0.seconds(), "Y-M-DTh:m:sZ"))
    }
}

/// Whatever writes itself as text.
pub(super) struct Text<T>(pub(super) T);

impl<T: std::fmt::Display> Serialize for Text<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}
