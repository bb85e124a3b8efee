//! The bodies of refusals: the three families of routes have shapes of their own, and what is refused at the door has the
//! gateway's.

use domain::id::RequestId;
use serde::Serialize;

use super::Family;
use super::errors::{Code, Refusal};
use crate::json::{self, Body};
use crate::keystone::errors::ErrorBody;

/// Two members, as CodeArts Repo writes them.
#[derive(Serialize)]
struct RepoBody<'a> {
    error_code: &'a str,
    error_msg: &'a str,
}

/// The older form.
#[derive(Serialize)]
struct RepoV1Body<'a> {
    error: RepoV1Inner<'a>,
    status: &'static str,
}

#[derive(Serialize)]
struct RepoV1Inner<'a> {
    code: &'a str,
    message: &'a str,
}

/// Three members, as the gateway and IAM 5 write them.
#[derive(Serialize)]
struct GatewayBody<'a> {
    error_msg: &'a str,
    error_code: &'a str,
    request_id: String,
}

/// Which body a code has, wherever it is answered.
enum Shape {
    Gateway,
    Repo,
    Iam,
}

impl Code {
    const fn shape(self) -> Shape {
        match self {
            Code::ApiUnknown
            | Code::RequestError
            | Code::TooLarge
            | Code::Unauthenticated
            | Code::ForeignDomain
            | Code::SourceRefused
            | Code::Throttled
            | Code::GatewayFailed
            | Code::GatewayUnavailable
            | Code::Pap5Forbidden
            | Code::Pap5NotFound
            | Code::Pap5Quota
            | Code::Pap5Invalid
            | Code::Pap5Marker => Shape::Gateway,
            Code::RepoInvalid
            | Code::RepoRefused
            | Code::RepoBadKey
            | Code::RepoToken
            | Code::RepoForbidden
            | Code::RepoNotFound
            | Code::RepoNotFoundV1
            | Code::RepoFailed
            | Code::RepoTimeout => Shape::Repo,
            Code::Iam400
            | Code::Iam401
            | Code::Iam403
            | Code::Iam404
            | Code::Iam409
            | Code::Iam429
            | Code::Iam500
            | Code::Iam503 => Shape::Iam,
        }
    }
}

impl Refusal {
    /// The body for a route of `family`.
    pub(super) fn body(&self, family: Family, request: RequestId) -> Body {
        let (code, text) = (self.code.as_str(), self.text.as_ref());
        let body = match (self.code.shape(), family) {
            (Shape::Gateway, _) => {
                json::write(&GatewayBody { error_msg: text, error_code: code, request_id: request.hex() })
            }
            (Shape::Repo, Family::RepoV1) => {
                json::write(&RepoV1Body { error: RepoV1Inner { code, message: text }, status: "failed" })
            }
            (Shape::Repo, Family::Repo | Family::Iam | Family::Iam5) => {
                json::write(&RepoBody { error_code: code, error_msg: text })
            }
            (Shape::Iam, _) => json::write(&ErrorBody::new(self.code.status(), text)),
        };
        // No type of ours provokes this.
        body.unwrap_or_default()
    }
}
