//! What a handler is given, and how it answers.

use std::borrow::Cow;
use std::future::Future;
use std::pin::Pin;

use domain::caller::Caller;
use domain::clock::UnixMillis;
use domain::{Error, Service};
use serde::Serialize;
use zeroize::Zeroizing;

use super::errors::{Problem, Refusal};
use super::input::{Fields, Query};
use super::paths::Segments;
use crate::json::{self, Body};

/// A finished answer, without what every answer has.
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) content_type: &'static str,
    pub(super) headers: Vec<(&'static str, Cow<'static, str>)>,
    pub(super) body: Body,
}

impl Reply {
    /// A text that is part of the program.
    pub(super) fn fixed(text: &str) -> Self {
        Self::with(200, "application/json", Zeroizing::new(text.as_bytes().to_vec()))
    }

    /// An answer with a body.
    pub(super) const fn with(status: u16, content_type: &'static str, body: Body) -> Self {
        Self { status, content_type, headers: Vec::new(), body }
    }

    /// 200 with an object.
    pub(super) fn ok(object: &impl Serialize) -> Result<Self, Refusal> {
        Self::json(200, object)
    }

    /// 201 with what was made.
    pub(super) fn created(object: &impl Serialize) -> Result<Self, Refusal> {
        Self::json(201, object)
    }

    /// 204.
    pub(super) fn done() -> Self {
        Self::with(204, "application/json", Body::default())
    }

    fn json(status: u16, object: &impl Serialize) -> Result<Self, Refusal> {
        // No type of ours provokes this.
        let failed = |error: serde_json::Error| Refusal::of(Problem::Internal).because(error.to_string());
        Ok(Self::with(status, "application/json", json::write(object).map_err(failed)?))
    }
}

/// What a handler returns: one allocation for each request, and no list of handlers anywhere but in the table.
pub(super) type Answering<'a> = Pin<Box<dyn Future<Output = Result<Reply, Refusal>> + Send + 'a>>;

/// Carries an operation out.
pub(super) type Handler = for<'a> fn(Call<'a>) -> Answering<'a>;

/// A verified request.
#[derive(Clone, Copy)]
pub(super) struct Call<'a> {
    /// The product.
    pub(super) service: &'a Service,
    /// Who asks.
    pub(super) caller: &'a Caller,
    /// The base URLs under which clients reach the server.
    pub(super) public_urls: &'a [String],
    /// What the path names.
    pub(super) segments: &'a Segments<'a>,
    /// The parameters, all of them known to the operation.
    pub(super) query: &'a Query,
    /// The members of the body.
    pub(super) body: &'a Fields,
    /// The body as received.
    pub(super) bytes: &'a [u8],
    /// Its type.
    pub(super) content_type: &'a str,
}

impl<'a> Call<'a> {
    /// The time.
    pub(super) fn now(&self) -> UnixMillis {
        self.service.clock().now()
    }

    /// What was made; `None` when the same request, sent twice at once, made it first.
    pub(super) async fn unless_made_meanwhile<T>(
        &self,
        made: Result<T, Error>,
    ) -> Result<Option<T>, Refusal> {
        match made {
            Ok(made) => Ok(Some(made)),
            Err(Error::Conflict) if self.service.remembered(self.caller).await?.is_some() => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// The user, account or key that the path names.
    pub(super) fn name(&self) -> &'a str {
        self.segments.first()
    }

    /// The position that the request's cursor gives, if it has one. `list` names the list and all that decides what is on it.
    pub(super) fn cursor(&self, list: &str) -> Result<Option<Vec<u8>>, Refusal> {
        let read = |cursor| self.service.cursor_position(self.caller, list, cursor).map_err(Refusal::from);
        self.query.text("cursor").map(read).transpose()
    }
}
