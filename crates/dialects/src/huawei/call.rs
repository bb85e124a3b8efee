//! What a handler is given, and how it answers.

use std::borrow::Cow;
use std::future::Future;
use std::pin::Pin;

use domain::Service;
use domain::caller::{Caller, Origin};
use domain::error::Error;
use domain::tokens::TokenError;
use serde::Serialize;
use signing::RequestView;

use super::errors::Refusal;
use super::input::{Fields, Query};
use super::paths::Segments;
use super::token_keys::TokenBody;
use super::{Family, Settings};
use crate::json::{self, Body};

/// A finished answer, without what every answer has.
#[derive(Debug, Default)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) headers: Vec<(&'static str, Cow<'static, str>)>,
    pub(super) body: Body,
}

impl Reply {
    /// 200 with a body.
    pub(super) fn ok(object: &impl Serialize) -> Result<Self, Refusal> {
        Self::json(200, object)
    }

    /// 201 with what was made.
    pub(super) fn created(object: &impl Serialize) -> Result<Self, Refusal> {
        Self::json(201, object)
    }

    /// A status alone.
    pub(super) fn bare(status: u16) -> Self {
        Self { status, ..Self::default() }
    }

    /// The same with a header.
    pub(super) fn with_header(mut self, name: &'static str, value: impl Into<Cow<'static, str>>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    fn json(status: u16, object: &impl Serialize) -> Result<Self, Refusal> {
        // No type of ours provokes this.
        let failed =
            |error: serde_json::Error| Refusal::of(Family::Iam5, Error::Damaged).because(error.to_string());
        Ok(Self { status, headers: Vec::new(), body: json::write(object).map_err(failed)? })
    }
}

/// What a handler returns: one allocation for each request, and no list of handlers anywhere but in the table.
pub(super) type Answering<'a> = Pin<Box<dyn Future<Output = Result<Reply, Refusal>> + Send + 'a>>;

/// Carries an operation out.
pub(super) type Handler = for<'a> fn(Call<'a>) -> Answering<'a>;

/// A request whose caller is verified, unless the operation is one that anybody may call.
#[derive(Clone, Copy)]
pub(super) struct Call<'a> {
    /// The product.
    pub(super) service: &'a Service,
    /// The dialect's settings.
    pub(super) settings: &'a Settings,
    /// The family of the route: how its refusals look.
    pub(super) family: Family,
    /// Who asks.
    pub(super) verified: Option<&'a Caller>,
    /// The request itself.
    pub(super) view: &'a RequestView<'a>,
    /// Where it came from.
    pub(super) origin: Origin,
    /// The URL that the client reached us by, without a slash at its end.
    pub(super) base: &'a str,
    /// What the path names.
    pub(super) segments: &'a Segments<'a>,
    /// The parameters.
    pub(super) query: &'a Query,
    /// The raw body.
    pub(super) body: &'a [u8],
    /// The body of an operation that takes a token in it.
    pub(super) token_body: Option<&'a TokenBody>,
}

impl<'a> Call<'a> {
    /// Who asks. The table lets nobody in without, except where the handler does not ask.
    pub(super) fn caller(&self) -> Result<&'a Caller, Refusal> {
        self.verified.ok_or_else(|| Refusal::of_token(self.family, TokenError::Unknown))
    }

    /// How an error of the domain is told here.
    pub(super) fn refused(&self, error: Error) -> Refusal {
        Refusal::of(self.family, error)
    }

    /// The body's members.
    pub(super) fn fields(&self) -> Result<Fields, Refusal> {
        Fields::read(self.body).ok_or_else(|| Refusal::malformed(self.family))
    }
}
