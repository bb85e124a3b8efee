//! Refusals: from each kind of refusal to the code, status and text that this cloud's clients know. No decision is taken here,
//! and no match has a wildcard arm, so that a new kind does not compile until it has a code.

use std::borrow::Cow;

use domain::Error;
use domain::authenticate::AuthError;
use domain::decision::Unusable;
use domain::error::Field;
use domain::id::RequestId;
use domain::replay::ReplayRefusal;
use domain::store::StoreError;
use serde::Serialize;
use signing::Reject;

use crate::answer::{Outcome, TransportRefusal};
use crate::json::{self, Body};

/// Longest piece of a request that an answer repeats, in characters (threat T68).
const ECHO_CHARS: usize = 64;

macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident = $status:literal, $word:literal, $outcome:ident;)*) => {
        /// The codes that this dialect answers, each with its one status.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Code {
            $($(#[$doc])* $variant,)*
        }

        impl Code {
            /// Every code, by status.
            pub const ALL: &'static [Code] = &[$(Code::$variant,)*];

            /// The HTTP status, which the body repeats.
            pub const fn status(self) -> u16 {
                match self { $(Code::$variant => $status,)* }
            }

            /// The word on the wire.
            pub const fn as_str(self) -> &'static str {
                match self { $(Code::$variant => $word,)* }
            }

            /// How a request that gets this code ended, for the operator.
            pub(super) const fn outcome(self) -> Outcome {
                match self { $(Code::$variant => Outcome::$outcome,)* }
            }
        }
    };
}

codes! {
    /// A member or parameter is missing, unknown in its values, or does not fit.
    ValidationError = 400, "ValidationError", Refused;
    /// A version that is not served.
    UnsupportedApiVersion = 400, "UnsupportedApiVersion", Refused;
    /// No way to send a passcode by.
    InvalidMethod = 400, "ContactAdminForAssistance", Refused;
    /// Nobody proved to be anybody, or his key may not act.
    Unauthorized = 401, "Unauthorized", Unauthenticated;
    /// No permission, another account, or an address that the key does not allow.
    Forbidden = 403, "Forbidden", Refused;
    /// A limit is reached.
    QuotaExceeded = 403, "QuotaExceeded", Refused;
    /// No such key, or nothing lives there.
    NotFound = 404, "NotFound", Refused;
    /// Nothing takes this method there.
    MethodNotAllowed = 405, "MethodNotAllowed", Malformed;
    /// The body did not arrive in time.
    RequestTimeout = 408, "RequestTimeout", Malformed;
    /// The body is too long.
    PayloadTooLarge = 413, "PayloadTooLarge", Malformed;
    /// The body is no JSON.
    UnsupportedMediaType = 415, "UnsupportedMediaType", Refused;
    /// Over a rate.
    TooManyRequests = 429, "TooManyRequests", Limited;
    /// We failed.
    Internal = 500, "ContactAdminForAssistance", Failed;
    /// We cannot do it now.
    Unavailable = 503, "ServiceUnavailable", Failed;
    /// It took too long.
    Timeout = 504, "GatewayTimeout", Failed;
}

/// A refused request.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) code: Code,
    detail: Detail,
    /// For the operator; never holds a secret, a signature or raw input.
    pub(super) cause: Cow<'static, str>,
}

/// What the client is told. The provider prints the texts of every error.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Detail {
    Text(Cow<'static, str>),
    /// One for each problem.
    Texts(Vec<String>),
    /// The sentence about the permission that the operation takes; written when the operation is known.
    #[serde(skip)]
    Permission,
}

impl Refusal {
    /// A refusal whose text is the operator's cause as well.
    pub(super) fn plain(code: Code, text: impl Into<Cow<'static, str>>) -> Self {
        let text = text.into();
        Self { code, cause: text.clone(), detail: Detail::Text(text) }
    }

    /// Values that do not fit, one text for each. The cause names no value.
    pub(super) fn invalid(problems: Vec<String>) -> Self {
        Self {
            code: Code::ValidationError,
            detail: Detail::Texts(problems),
            cause: "a member or parameter does not fit".into(),
        }
    }

    /// The same with another cause for the operator.
    #[must_use]
    pub(super) fn because(mut self, cause: impl Into<Cow<'static, str>>) -> Self {
        self.cause = cause.into();
        self
    }
}

/// Repeats a piece of a request, bounded.
pub(super) fn echo(text: &str) -> String {
    let mut echoed: String = text.chars().take(ECHO_CHARS).collect();
    if echoed.len() < text.len() {
        echoed.push('…');
    }
    echoed
}

#[derive(Serialize)]
struct Errors<'a> {
    errors: [ErrorModel<'a>; 1],
}

#[derive(Serialize)]
struct ErrorModel<'a> {
    code: &'static str,
    detail: &'a Detail,
    global_request_id: &'a str,
    links: [&'static str; 0],
    related_resources: [&'static str; 0],
    request_id: &'a str,
    response: Option<Response>,
    status: u16,
    title: &'static str,
}

/// What the cloud adds to a refused permission.
#[derive(Serialize)]
struct Response {
    access_level: &'static str,
    action_name: String,
    caused_auths: [&'static str; 0],
    message: &'static str,
}

/// The body of a refusal of an operation, which is its level of access and its name.
pub(super) fn body(
    refusal: &Refusal,
    operation: Option<(&'static str, &'static str)>,
    request: RequestId,
) -> Body {
    let code = refusal.code;
    let (level, name) = operation.unwrap_or(("Access", ""));
    let permission = Detail::Text(
        format!("You do not have permission to {level}. Please contact the administrator.").into(),
    );
    let denied = matches!(refusal.detail, Detail::Permission);
    let id = format!("req-{}", request.hyphenated());
    let error = ErrorModel {
        code: code.as_str(),
        detail: if denied { &permission } else { &refusal.detail },
        global_request_id: &id,
        links: [],
        related_resources: [],
        request_id: &id,
        response: denied.then(|| Response {
            access_level: level,
            action_name: format!("iam:{name}"),
            caused_auths: [],
            message: "You are not authorized to perform this operation.",
        }),
        status: code.status(),
        title: code.as_str(),
    };
    // Strings and numbers do not fail to be written.
    json::write(&Errors { errors: [error] }).unwrap_or_default()
}

impl From<Reject> for Refusal {
    fn from(reject: Reject) -> Self {
        let text = match &reject {
            Reject::MissingCredential(header) => format!("The header {header} is missing."),
            Reject::BadDate => "Scp-Timestamp must be the time in milliseconds, 13 digits.".to_owned(),
            Reject::Malformed(_)
            | Reject::TwoCredentials(_)
            | Reject::AlgorithmNotAllowed
            | Reject::BadSignatureForm
            | Reject::HeaderNotSigned(_)
            | Reject::HeaderMissing(_)
            | Reject::HeaderRepeated(_)
            | Reject::BadScope(_)
            | Reject::PayloadMismatch
            | Reject::UnsignedPayload
            | Reject::BodyNotVisible
            | Reject::SignatureDiffers
            | Reject::EmptySecret => "The Scp headers of the request are not valid.".to_owned(),
        };
        Self::plain(Code::Unauthorized, text).because(reject.to_string())
    }
}

impl From<AuthError> for Refusal {
    fn from(error: AuthError) -> Self {
        let unauthorized = |text: &'static str| Self::plain(Code::Unauthorized, text);
        let refusal = match error {
            // One text for both, so that nobody learns which keys there are.
            AuthError::UnknownKey | AuthError::OfAnotherAccount | AuthError::WrongSignature(_) => {
                unauthorized("The access key or the signature is not valid.")
            }
            AuthError::Stale | AuthError::Untimed => {
                unauthorized("Scp-Timestamp is too far from the server's clock.")
            }
            AuthError::WrongToken => unauthorized("The session token is not valid."),
            AuthError::Replayed(refusal) => return refusal.into(),
            AuthError::Unusable(unusable) => return unusable.into(),
            AuthError::Damaged => internal(),
            AuthError::Throttled => {
                Self::plain(Code::TooManyRequests, "Too many requests. Please try again later.")
            }
            AuthError::Store(error) => return error.into(),
        };
        refusal.because(error.to_string())
    }
}

impl From<ReplayRefusal> for Refusal {
    fn from(refusal: ReplayRefusal) -> Self {
        let text = match refusal {
            ReplayRefusal::SignatureUsed => "This signature was used before; sign again.",
            ReplayRefusal::NonceUsed
            | ReplayRefusal::SignedBeforeStart
            | ReplayRefusal::Full
            | ReplayRefusal::Untimed
            | ReplayRefusal::Form => "The request cannot be told from a repeated one; sign again.",
        };
        Self::plain(Code::Unauthorized, text).because(refusal.to_string())
    }
}

impl From<Unusable> for Refusal {
    fn from(unusable: Unusable) -> Self {
        // Told only to who has proved that he holds the secret.
        let (code, text) = match unusable {
            Unusable::KeyInactive => (Code::Unauthorized, "The access key is disabled."),
            Unusable::KeyExpired => (Code::Unauthorized, "The access key has expired."),
            Unusable::KeyNotYetValid => (Code::Unauthorized, "The access key is not valid yet."),
            Unusable::ParentUnusable => {
                (Code::Unauthorized, "The access key that this temporary key belongs to may not be used.")
            }
            Unusable::UserFrozen => (Code::Unauthorized, "The user is locked."),
            Unusable::AccountDisabled => (Code::Unauthorized, "The account is disabled."),
            Unusable::SourceNotAllowed => {
                (Code::Forbidden, "The access key may not be used from this address.")
            }
            Unusable::ServiceNotAllowed => (Code::Forbidden, "The access key is not good for this service."),
        };
        Self::plain(code, text)
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        let invalid = |text: &str| Self::invalid(vec![text.to_owned()]);
        let refusal = match &error {
            Error::Denied => {
                Self { code: Code::Forbidden, detail: Detail::Permission, cause: Cow::Borrowed("") }
            }
            Error::RootOnly => {
                Self::plain(Code::Forbidden, "Only the root user may change the root user's access keys.")
            }
            Error::TemporaryCaller => {
                Self::plain(Code::Forbidden, "Temporary access keys cannot create access keys.")
            }
            Error::CallerRevoked => Self::plain(Code::Unauthorized, "The access key is not valid any more."),
            Error::KeyNotFound | Error::KeyOfAnother | Error::UserNotFound(_) => not_found(),
            Error::ParentUnusable => invalid(
                "parent_access_key_id: must be an enabled, unexpired PERMANENT access key of the same user",
            ),
            Error::KeyEnabled => Self::plain(Code::ValidationError, "Access key is Enabled."),
            Error::CursorInvalid => invalid("marker: no such access key in this list"),
            Error::TooManyToSort => {
                invalid("sort: more than 10000 access keys match; sort by created_at or id, or use a filter")
            }
            Error::LimitReached { name, limit } => {
                Self::plain(Code::QuotaExceeded, format!("The limit {name} = {limit} is reached."))
            }
            Error::LastAdministratorKey => Self::plain(
                Code::ValidationError,
                "This would take away the last usable administrator key of the account.",
            ),
            Error::Invalid { field, rule } => invalid(&format!("{}: {rule}", member_of(*field))),
            // No operation of this dialect asks for what these refuse.
            Error::UserNameTaken(_)
            | Error::UserHasKeys(_)
            | Error::AccountNotFound(_)
            | Error::AccountNameTaken(_)
            | Error::KeyIdTaken
            | Error::ExceedsCaller(_)
            | Error::RotationUnderWay
            | Error::RepeatDiffers
            | Error::SshKeyNotFound
            | Error::SshKeyTaken
            | Error::BadSshKey(_)
            | Error::TokenNotFound => internal(),
            Error::Busy => Self::plain(Code::Unavailable, "The service is busy. Please try again later."),
            Error::Conflict => {
                Self::plain(Code::Unavailable, "The access key kept changing. Please try again.")
            }
            Error::Damaged => internal(),
            Error::Store(error) => return error.clone().into(),
        };
        refusal.because(error.to_string())
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        let refusal = match error {
            StoreError::Busy | StoreError::DiskFull | StoreError::Unavailable(_) => {
                Self::plain(Code::Unavailable, "The service is not available. Please try again later.")
            }
            StoreError::Corrupt(_) => internal(),
        };
        refusal.because(error.to_string())
    }
}

impl From<TransportRefusal> for Refusal {
    fn from(refusal: TransportRefusal) -> Self {
        match refusal {
            TransportRefusal::PathUnknown => not_found(),
            TransportRefusal::MethodNotAllowed => {
                Self::plain(Code::MethodNotAllowed, "The method is not allowed here.")
            }
            TransportRefusal::BodyTooLarge => Self::plain(Code::PayloadTooLarge, "The body is too large."),
            TransportRefusal::BodyTimeout => {
                Self::plain(Code::RequestTimeout, "The body did not arrive in time.")
            }
            TransportRefusal::Deadline => Self::plain(Code::Timeout, "The request took too long."),
            TransportRefusal::Internal => internal(),
            TransportRefusal::Unavailable => {
                Self::plain(Code::Unavailable, "The service is not available. Please try again later.")
            }
        }
    }
}

/// 404 tells the provider that a resource is gone; 403 would not.
pub(super) fn not_found() -> Refusal {
    Refusal::plain(Code::NotFound, "The requested resource could not be found.")
}

/// Something of ours went wrong.
pub(super) fn internal() -> Refusal {
    let text = "There was a problem processing your request. Please contact the administrator.";
    Refusal::plain(Code::Internal, text)
}

/// The member that carries a field of the domain.
const fn member_of(field: Field) -> &'static str {
    match field {
        Field::Description => "description",
        Field::Expiry => "duration",
        Field::KeyId => "access_key",
        Field::Secret => "secret_key",
        // No operation of this dialect carries them.
        Field::UserName
        | Field::DisplayName
        | Field::Email
        | Field::Role
        | Field::Schemes
        | Field::Sources
        | Field::Audience
        | Field::NotBefore
        | Field::Overlap
        | Field::AccountName
        | Field::KeyLifetime
        | Field::Title
        | Field::Password => "request",
    }
}
