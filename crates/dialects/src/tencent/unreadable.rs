//! Requests whose parameters cannot be read, and what they are told. Part of the dialect's errors: no decision is taken here.

use signing::ParamError;

use super::codes::Code;
use super::errors::{Refusal, echo};

impl From<ParamError> for Refusal {
    fn from(error: ParamError) -> Self {
        let named = |rule: &str| Self::mistyped(error.parameter().unwrap_or_default(), rule);
        match &error {
            ParamError::Repeated(_) => named("occurs twice"),
            ParamError::EmptyName => named("has no name"),
            ParamError::Undecodable(_) => named("cannot be decoded"),
            ParamError::Null(_) => named("holds null"),
            ParamError::BadIndex(_) => named("is not a list"),
            ParamError::Contradiction(_) => named("differs between query and body"),
            ParamError::TooMany(_)
            | ParamError::NotAnObject
            | ParamError::Json(_)
            | ParamError::ContentType
            | ParamError::BodyNotVisible
            | ParamError::TwoSources => {
                // Says what and at which byte, and repeats names only in their plain form.
                let name = error.parameter().map(echo).unwrap_or_default();
                Self::echoing(
                    Code::InvalidParameter,
                    format!("The request cannot be read: {}{name}.", what(&error)),
                )
            }
        }
    }
}

const fn what(error: &ParamError) -> &'static str {
    match error {
        ParamError::TooMany(_) => "too many parameters",
        ParamError::NotAnObject => "the body is not a JSON object",
        ParamError::Json(signing::json::JsonError::Repeated(_)) => "the body repeats the member ",
        ParamError::Json(_) => "the body is not JSON",
        ParamError::ContentType => "the content type carries no parameters",
        ParamError::TwoSources => "parameters in query and body",
        ParamError::Repeated(_)
        | ParamError::EmptyName
        | ParamError::Undecodable(_)
        | ParamError::Null(_)
        | ParamError::BadIndex(_)
        | ParamError::Contradiction(_)
        | ParamError::BodyNotVisible => "a parameter cannot be read",
    }
}
