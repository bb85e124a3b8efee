//! Refusals: from each kind of refusal to the code, status and body that Huawei's clients know. The three families of routes
//! have bodies of their own; what is refused at the door has the gateway's. No match has a wildcard arm, so that a new kind
//! does not compile until it has a code.

use std::borrow::Cow;

use domain::Error;
use domain::authenticate::AuthError;
use domain::decision::Unusable;
use domain::error::Field;
use domain::limits::LimitName;
use domain::replay::ReplayRefusal;
use domain::ssh_keys::BadKey;
use domain::store::StoreError;
use domain::tokens::{LoginError, TokenError};
use signing::Reject;

use super::Family;
use crate::answer::{Outcome, TransportRefusal};
use crate::keystone::micros;

macro_rules! codes {
    ($($variant:ident = $text:literal, $status:literal, $outcome:ident, $meaning:literal;)*) => {
        /// The codes that this dialect answers, as the vendor publishes them. Keystone's are the HTTP status itself.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Code {
            $(#[doc = $meaning] $variant,)*
        }

        impl Code {
            /// Every code.
            pub const ALL: &'static [Code] = &[$(Code::$variant,)*];

            /// The text on the wire.
            pub const fn as_str(self) -> &'static str {
                match self { $(Code::$variant => $text,)* }
            }

            /// The HTTP status.
            pub const fn status(self) -> u16 {
                match self { $(Code::$variant => $status,)* }
            }

            /// What it means, in a few words that hold nothing of the request.
            pub const fn meaning(self) -> &'static str {
                match self { $(Code::$variant => $meaning,)* }
            }

            /// How a request that gets this code ended, for the operator.
            pub(super) const fn outcome(self) -> Outcome {
                match self { $(Code::$variant => Outcome::$outcome,)* }
            }
        }
    };
}

codes! {
    ApiUnknown = "APIGW.0101", 404, Malformed, "there is no such API";
    RequestError = "APIGW.0201", 400, Malformed, "the request cannot be read";
    TooLarge = "APIGW.0201", 413, Malformed, "the body is too large";
    Unauthenticated = "APIGW.0301", 401, Unauthenticated, "no credential, or one that is not good";
    ForeignDomain = "APIGW.0302", 403, Refused, "the signed X-Domain-Id is not the caller's account";
    SourceRefused = "APIGW.0402", 403, Refused, "the key may not be used from the client's address";
    Throttled = "APIGW.0308", 429, Limited, "too many requests";
    GatewayFailed = "APIGW.0601", 500, Failed, "the server failed";
    GatewayUnavailable = "APIGW.0613", 503, Failed, "the server cannot do this now";
    RepoInvalid = "CH.00401999", 400, Refused, "a value is refused";
    RepoRefused = "CH.080002", 400, Refused, "title or key are missing, or the key exists";
    RepoBadKey = "40", 400, Refused, "the text is not a public key that is accepted";
    RepoToken = "DEV.00000003", 401, Unauthenticated, "the token is not good, or no more";
    RepoForbidden = "CH.004403", 403, Refused, "the caller may not do this";
    RepoNotFound = "CH.004404", 404, Refused, "the caller has no such key";
    RepoNotFoundV1 = "CH.000404", 404, Refused, "the caller has no such key, in the older forms";
    RepoFailed = "CH.000001", 500, Failed, "the server failed";
    RepoTimeout = "CH.080504", 504, Failed, "it took too long";
    Iam400 = "400", 400, Refused, "the body or a value is refused";
    Iam401 = "401", 401, Unauthenticated, "wrong user name or password, or a token that is not good";
    Iam403 = "403", 403, Refused, "the caller may not do this";
    Iam404 = "404", 404, Refused, "there is no such object that the caller may see";
    Iam409 = "409", 409, Refused, "the object kept changing";
    Iam429 = "429", 429, Limited, "too many requests";
    Iam500 = "500", 500, Failed, "the server failed";
    Iam503 = "503", 503, Failed, "the server cannot do this now";
    Pap5Forbidden = "PAP5.0001", 403, Refused, "the caller may not do this";
    Pap5NotFound = "PAP5.0002", 404, Refused, "there is no such user or key that the caller may see";
    Pap5Quota = "PAP5.0003", 409, Refused, "the user has as many keys as he may";
    Pap5Invalid = "PAP5.0004", 400, Refused, "a value is refused";
    Pap5Marker = "PAP5.0010", 400, Refused, "the marker is not one that this list gave out";
}

/// A request that is refused or failed.
#[derive(Debug)]
pub(super) struct Refusal {
    /// What the client can decide by.
    pub(super) code: Code,
    pub(super) text: Cow<'static, str>,
    /// What the operator is told; holds nothing that the client sent.
    pub(super) cause: Cow<'static, str>,
}

impl Refusal {
    /// A refusal whose text the operator may read too.
    pub(super) const fn new(code: Code, text: &'static str) -> Self {
        Self { code, text: Cow::Borrowed(text), cause: Cow::Borrowed(text) }
    }

    /// A refusal whose text repeats something of the request; the operator is told the code's meaning.
    pub(super) fn echoing(code: Code, text: String) -> Self {
        Self { code, text: Cow::Owned(text), cause: Cow::Borrowed(code.meaning()) }
    }

    /// Another text for the operator.
    pub(super) fn because(mut self, cause: impl Into<Cow<'static, str>>) -> Self {
        self.cause = cause.into();
        self
    }

    /// Nobody proved to be anybody: 401 in the gateway's form.
    pub(super) fn unauthenticated(detail: &str) -> Self {
        let text = format!("Incorrect IAM authentication information: {detail}");
        Self::echoing(Code::Unauthenticated, text)
    }

    /// A value against a rule.
    pub(super) fn invalid(family: Family, field: &str, rule: &str) -> Self {
        match family {
            Family::Repo | Family::RepoV1 => {
                Self::echoing(Code::RepoInvalid, format!("'{field}': {rule}")).because(rule.to_owned())
            }
            Family::Iam => Self::new(Code::Iam400, "The request body is invalid").because(rule.to_owned()),
            Family::Iam5 => {
                Self::echoing(Code::Pap5Invalid, format!("'{field}': {rule}")).because(rule.to_owned())
            }
        }
    }

    /// A body that is no JSON object.
    pub(super) fn malformed(family: Family) -> Self {
        Self::invalid(family, "body", "must be a JSON object")
    }
}

/// What a signature is refused with.
impl From<Reject> for Refusal {
    fn from(reject: Reject) -> Self {
        match reject {
            Reject::MissingCredential(_)
            | Reject::TwoCredentials(_)
            | Reject::Malformed(_)
            | Reject::AlgorithmNotAllowed
            | Reject::BadSignatureForm
            | Reject::HeaderNotSigned(_)
            | Reject::HeaderMissing(_)
            | Reject::HeaderRepeated(_)
            | Reject::BadScope(_)
            | Reject::BadDate => {
                Self::unauthenticated("authorization header is invalid").because(reject.to_string())
            }
            Reject::PayloadMismatch
            | Reject::UnsignedPayload
            | Reject::BodyNotVisible
            | Reject::SignatureDiffers
            | Reject::EmptySecret => {
                Self::unauthenticated("verify aksk signature fail").because(reject.to_string())
            }
        }
    }
}

impl Refusal {
    /// What the key `key_id` is refused with. A wrong signature has a text of its own, which the caller of this makes.
    pub(super) fn of_key(error: AuthError, key_id: &str) -> Self {
        let cause = error.to_string();
        let refusal = match error {
            AuthError::UnknownKey | AuthError::OfAnotherAccount => {
                Self::unauthenticated(&format!("ak {key_id} not exist"))
            }
            AuthError::WrongSignature(reject) => reject.into(),
            AuthError::Stale | AuthError::Untimed => Self::unauthenticated("signature expired"),
            AuthError::Replayed(replayed) => match replayed {
                ReplayRefusal::SignatureUsed
                | ReplayRefusal::NonceUsed
                | ReplayRefusal::SignedBeforeStart
                | ReplayRefusal::Full
                | ReplayRefusal::Untimed
                | ReplayRefusal::Form => Self::unauthenticated("this signature was used before"),
            },
            AuthError::WrongToken => Self::unauthenticated("security token not match"),
            AuthError::Unusable(unusable) => match unusable {
                Unusable::SourceNotAllowed => {
                    Self::new(Code::SourceRefused, "The IP address is not authorized to access the API.")
                }
                Unusable::KeyInactive
                | Unusable::KeyExpired
                | Unusable::KeyNotYetValid
                | Unusable::ParentUnusable
                | Unusable::UserFrozen
                | Unusable::AccountDisabled
                | Unusable::ServiceNotAllowed => Self::unauthenticated(&format!("ak {key_id} is inactive")),
            },
            AuthError::Damaged => failed(),
            AuthError::Throttled => throttled(),
            AuthError::Store(error) => return error.into(),
        };
        refusal.because(cause)
    }

    /// What a token is refused with, in the words of the route's family.
    pub(super) fn of_token(family: Family, error: TokenError) -> Self {
        let cause = error.to_string();
        let expired = match error {
            TokenError::Damaged => return failed().because(cause),
            TokenError::Throttled => return throttled().because(cause),
            TokenError::Store(error) => return error.into(),
            TokenError::Expired(at) => Some(at),
            TokenError::Unknown | TokenError::UserChanged | TokenError::Unusable(_) => None,
        };
        let refusal = match family {
            Family::Repo | Family::RepoV1 => {
                Self::new(Code::RepoToken, "Authentication information expired.")
            }
            Family::Iam => Self::new(Code::Iam401, "Authentication failed"),
            Family::Iam5 => Self::unauthenticated(&match expired {
                Some(at) => format!("token expires, expires_at: {}", micros(at)),
                None => "decrypt token fail".to_owned(),
            }),
        };
        refusal.because(cause)
    }
}

impl From<LoginError> for Refusal {
    fn from(error: LoginError) -> Self {
        let cause = error.to_string();
        let refusal = match error {
            LoginError::Wrong => Self::new(Code::Iam401, "The username or password is wrong."),
            LoginError::Busy => throttled(),
            LoginError::Damaged => failed(),
            LoginError::Store(error) => return error.into(),
        };
        refusal.because(cause)
    }
}

impl Refusal {
    /// What an operation of `family` is refused with.
    pub(super) fn of(family: Family, error: Error) -> Self {
        let cause = error.to_string();
        let refusal = match error {
            Error::Denied
            | Error::RootOnly
            | Error::TemporaryCaller
            | Error::ExceedsCaller(_)
            | Error::LastAdministratorKey => forbidden(family),
            Error::CallerRevoked => Self::of_token(family, TokenError::UserChanged),
            Error::UserNotFound(_) => not_found(family, "Could not find user."),
            Error::KeyNotFound | Error::KeyOfAnother => not_found(family, "Could not find credential."),
            Error::SshKeyNotFound => not_found(family, "Could not find key."),
            Error::TokenNotFound => not_found(family, "X-Subject-Token is invalid in the request"),
            Error::SshKeyTaken => {
                Self::new(Code::RepoRefused, "This key already exists. Generate a new key.")
            }
            Error::BadSshKey(BadKey::TooLong) => Self::invalid(family, "key", "has at most 5000 characters"),
            Error::BadSshKey(_) => {
                Self::new(Code::RepoBadKey, "Failed to add the key. Check whether the key is valid.")
            }
            Error::Invalid { field, rule } => return Self::invalid(family, member_of(field), rule),
            Error::LimitReached { name, limit } => limit_reached(family, name, limit),
            Error::Busy => throttled(),
            Error::Conflict => match family {
                Family::Iam => Self::new(Code::Iam409, "The object kept changing, try again."),
                Family::Repo | Family::RepoV1 | Family::Iam5 => unavailable(),
            },
            Error::CursorInvalid => match family {
                Family::Iam5 => Self::new(Code::Pap5Marker, "invalid marker"),
                Family::Repo | Family::RepoV1 | Family::Iam => Self::invalid(family, "marker", "is not good"),
            },
            Error::Damaged => trouble(family),
            // What this dialect never asks for.
            Error::UserHasKeys(_)
            | Error::UserNameTaken(_)
            | Error::AccountNotFound(_)
            | Error::AccountNameTaken(_)
            | Error::KeyIdTaken
            | Error::RotationUnderWay
            | Error::ParentUnusable
            | Error::KeyEnabled
            | Error::TooManyToSort
            | Error::RepeatDiffers => trouble(family),
            Error::Store(error) => return error.into(),
        };
        refusal.because(cause)
    }
}

fn limit_reached(family: Family, name: LimitName, limit: u32) -> Refusal {
    match (family, name) {
        (Family::Iam, LimitName::AccessKeysPerUser | LimitName::TokenKeysPerUser) => {
            Refusal::new(Code::Iam400, "akSkNumExceed")
        }
        (Family::Iam5, LimitName::AccessKeysPerUser) => Refusal::echoing(
            Code::Pap5Quota,
            format!("the number of access keys per user has reached the limit of {limit}"),
        ),
        (Family::Repo | Family::RepoV1, LimitName::SshKeysPerUser) => {
            Refusal::invalid(family, "key", "there are as many keys as a user may have")
        }
        (
            _,
            LimitName::AccessKeysPerUser
            | LimitName::TemporaryKeysPerKey
            | LimitName::TokenKeysPerUser
            | LimitName::SshKeysPerUser
            | LimitName::UsersPerAccount,
        ) => trouble(family),
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        let refusal = match error {
            StoreError::Busy | StoreError::DiskFull | StoreError::Unavailable(_) => unavailable(),
            StoreError::Corrupt(_) => failed(),
        };
        refusal.because(error.to_string())
    }
}

impl From<TransportRefusal> for Refusal {
    fn from(refusal: TransportRefusal) -> Self {
        match refusal {
            // Another method at a known path is told alike, as the vendor's gateway does.
            TransportRefusal::PathUnknown | TransportRefusal::MethodNotAllowed => api_unknown(),
            TransportRefusal::BodyTooLarge => Self::new(Code::TooLarge, "Request entity too large."),
            TransportRefusal::BodyTimeout => {
                Self::new(Code::RequestError, "API request error: the body did not arrive in time.")
            }
            TransportRefusal::Deadline => Self::new(Code::RepoTimeout, "Request timed out."),
            TransportRefusal::Internal => failed(),
            TransportRefusal::Unavailable => unavailable(),
        }
    }
}

/// Nothing is at this path, or not with this method.
pub(super) const fn api_unknown() -> Refusal {
    Refusal::new(Code::ApiUnknown, "The API does not exist or has not been published in the environment.")
}

/// A request that two readers could understand differently.
pub(super) const fn unreadable() -> Refusal {
    Refusal::new(Code::RequestError, "API request error.")
}

/// More than a rate allows.
pub(super) const fn throttled() -> Refusal {
    Refusal::new(Code::Throttled, "The throttling threshold has been reached.")
}

const fn failed() -> Refusal {
    Refusal::new(Code::GatewayFailed, "Internal server error.")
}

const fn unavailable() -> Refusal {
    Refusal::new(Code::GatewayUnavailable, "The service is currently unavailable.")
}

const fn trouble(family: Family) -> Refusal {
    match family {
        Family::Repo | Family::RepoV1 => Refusal::new(Code::RepoFailed, "Unknown error."),
        Family::Iam => Refusal::new(Code::Iam500, "An unexpected error occurred."),
        Family::Iam5 => failed(),
    }
}

/// The caller is known and may not.
pub(super) const fn forbidden(family: Family) -> Refusal {
    match family {
        Family::Repo | Family::RepoV1 => Refusal::new(
            Code::RepoForbidden,
            "Insufficient permissions. Apply for the required permissions and try again.",
        ),
        Family::Iam => Refusal::new(Code::Iam403, "You are not authorized to perform the requested action."),
        Family::Iam5 => Refusal::new(Code::Pap5Forbidden, "access denied"),
    }
}

/// There is no such object that the caller may see.
pub(super) const fn not_found(family: Family, what: &'static str) -> Refusal {
    match family {
        Family::Repo => Refusal::new(Code::RepoNotFound, "Resource unavailable."),
        Family::RepoV1 => Refusal::new(Code::RepoNotFoundV1, "Resource unavailable."),
        Family::Iam => Refusal::new(Code::Iam404, what),
        Family::Iam5 => Refusal::new(Code::Pap5NotFound, what),
    }
}

/// The member that carries a field of the domain.
const fn member_of(field: Field) -> &'static str {
    match field {
        Field::Title => "title",
        Field::Description => "description",
        Field::UserName => "name",
        Field::DisplayName => "description",
        Field::Email => "email",
        Field::Role => "role",
        Field::Password => "password",
        Field::Schemes => "schemes",
        Field::Sources => "sources",
        Field::Audience => "audience",
        Field::NotBefore => "not_before",
        Field::Overlap => "overlap",
        Field::AccountName => "domain",
        Field::KeyLifetime => "lifetime",
        Field::Expiry => "expires_at",
        Field::KeyId => "access",
        Field::Secret => "secret",
    }
}
