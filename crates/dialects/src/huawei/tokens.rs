//! Tokens: `/v3/auth/tokens`, the catalog, and discovery.

use domain::tokens::Login;

use super::auth::token;
use super::call::{Answering, Call, Reply};
use super::errors::{Code, Refusal};
use crate::keystone::{BadLogin, CatalogAnswer, LoginBody, Scope, TokenAnswer, Version, Versions};

/// The header that carries the token that an operation is about.
const SUBJECT: &str = "X-Subject-Token";

impl From<BadLogin> for Refusal {
    fn from(bad: BadLogin) -> Self {
        match bad {
            BadLogin::Form => Self::new(Code::Iam400, "The request body is invalid"),
            BadLogin::Impossible => Self::new(Code::Iam401, "The username or password is wrong.")
                .because("the login needs a second factor, which nobody has here"),
        }
    }
}

/// The catalog's base, unless the client does not want it.
fn catalog_base<'a>(call: &Call<'a>) -> Option<&'a str> {
    call.query.get("nocatalog").is_none().then_some(call.base)
}

pub(super) fn create(call: Call<'_>) -> Answering<'_> {
    Box::pin(async move {
        let body = LoginBody::read(call.body)?;
        let known = &call.settings.regions;
        let scope = |owner: &_| body.scope_for(owner, known).as_ref().map(Scope::stored);
        let login = Login { user: body.user(), password: body.password(), scope: &scope };
        let issued = call.service.log_in(login, call.origin).await?;
        let answer = TokenAnswer::new(&issued.token, &issued.owner, catalog_base(&call));
        Ok(Reply::created(&answer)?.with_header(SUBJECT, issued.text.to_string()))
    })
}

pub(super) fn validate(call: Call<'_>) -> Answering<'_> {
    Box::pin(async move {
        let text = subject(&call)?;
        let (token, owner) =
            call.service.read_token(call.caller()?, text).await.map_err(|error| call.refused(error))?;
        let answer = TokenAnswer::new(&token, &owner, catalog_base(&call));
        Ok(Reply::ok(&answer)?.with_header(SUBJECT, text.to_owned()))
    })
}

pub(super) fn check(call: Call<'_>) -> Answering<'_> {
    Box::pin(async move {
        let read = call.service.read_token(call.caller()?, subject(&call)?).await;
        read.map_err(|error| call.refused(error))?;
        Ok(Reply::bare(200))
    })
}

pub(super) fn revoke(call: Call<'_>) -> Answering<'_> {
    Box::pin(async move {
        let revoked = call.service.revoke_token(call.caller()?, subject(&call)?).await;
        revoked.map_err(|error| call.refused(error))?;
        Ok(Reply::bare(204))
    })
}

/// The token that the operation is about. None at all is as unknown as any other.
fn subject<'a>(call: &Call<'a>) -> Result<&'a str, Refusal> {
    Ok(token(call.view, SUBJECT)?.unwrap_or_default())
}

pub(super) fn catalog(call: Call<'_>) -> Answering<'_> {
    Box::pin(async move { Reply::ok(&CatalogAnswer::at(call.base)) })
}

pub(super) fn versions(call: Call<'_>) -> Answering<'_> {
    Box::pin(async move { Reply::ok(&Versions::at(call.base)) })
}

pub(super) fn version(call: Call<'_>) -> Answering<'_> {
    Box::pin(async move { Reply::ok(&Version::at(call.base)) })
}
