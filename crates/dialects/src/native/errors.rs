//! Refusals: from each kind of refusal to a problem (RFC 9457). No decision is taken here, and no match has a wildcard arm, so
//! that a new kind does not compile until it has a problem.

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

use super::call::Reply;
use crate::answer::{Outcome, TransportRefusal};
use crate::json::{self, Body};

/// Longest piece of a request that an answer repeats, in characters (threat T68).
const ECHO_CHARS: usize = 64;
/// What the type of a problem begins with.
const TYPE: &str = "urn:keyward:problem:";

macro_rules! problems {
    ($($(#[$doc:meta])* $variant:ident = $word:literal, $status:literal, $outcome:ident, $title:literal;)*) => {
        /// A cause that a client can act on.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Problem {
            $($(#[$doc])* $variant,)*
        }

        impl Problem {
            /// Every problem.
            pub const ALL: &'static [Problem] = &[$(Problem::$variant,)*];

            /// The end of its type: stable for ever.
            pub const fn word(self) -> &'static str {
                match self { $(Problem::$variant => $word,)* }
            }

            /// The HTTP status.
            pub const fn status(self) -> u16 {
                match self { $(Problem::$variant => $status,)* }
            }

            const fn title(self) -> &'static str {
                match self { $(Problem::$variant => $title,)* }
            }

            /// How a request that gets it ended, for the operator.
            pub(super) const fn outcome(self) -> Outcome {
                match self { $(Problem::$variant => Outcome::$outcome,)* }
            }
        }
    };
}

problems! {
    /// Neither query nor body can be read.
    MalformedRequest = "malformed-request", 400, Refused, "The request cannot be read.";
    /// A parameter or member that the operation does not know.
    UnknownParameter = "unknown-parameter", 400, Refused, "The operation does not know this parameter.";
    /// A value against a rule.
    InvalidValue = "invalid-value", 400, Refused, "A value is refused.";
    /// A cursor that this list did not give out, or not for these parameters.
    InvalidCursor = "invalid-cursor", 400, Refused, "The cursor does not belong to this list; begin again without one.";
    /// An order for which too many items match.
    TooManyMatches = "too-many-matches", 400, Refused, "Too many items match for this order; narrow the filter, or sort by created_at.";
    /// No signature.
    CredentialMissing = "credential-missing", 401, Unauthenticated, "Sign the request with AWS signature version 4 in the Authorization header, service keyward.";
    /// A signature that cannot be read or is for something else.
    CredentialMalformed = "credential-malformed", 401, Unauthenticated, "The signature cannot be read or is not meant for this service.";
    /// An unknown key or a wrong signature, told alike (threat T54).
    CredentialRefused = "credential-refused", 401, Unauthenticated, "The access key is unknown or the signature is wrong.";
    /// Signed too long ago or too far ahead.
    RequestStale = "request-stale", 401, Unauthenticated, "The request was signed more than 15 minutes away from the server's clock; set the clock.";
    /// Seen before, where that is refused.
    RequestReplayed = "request-replayed", 401, Unauthenticated, "The request was seen before; sign it again.";
    /// The key, its user or its account may not act now.
    AccessKeyUnusable = "access-key-unusable", 403, Refused, "The access key may not be used now.";
    /// From an address that the key does not allow.
    SourceRefused = "source-refused", 403, Refused, "The access key may not be used from this address.";
    /// No right.
    Denied = "denied", 403, Refused, "Your role does not allow this.";
    /// Something that only root may do.
    RootOnly = "root-only", 403, Refused, "Only the account's root user may do this to the root user or its keys.";
    /// A temporary key that wants to make keys.
    TemporaryKey = "temporary-key", 403, Refused, "A temporary access key cannot create access keys.";
    /// A key that wants to make one that is good for more.
    ExceedsOwnKey = "exceeds-own-key", 403, Refused, "An access key cannot make one that is good for more, or longer, than itself.";
    /// The key died meanwhile.
    CallerRevoked = "caller-revoked", 403, Refused, "The access key stopped being valid during the request.";
    /// No such path.
    PathUnknown = "path-unknown", 404, Malformed, "Nothing is served at this path.";
    /// No such account.
    AccountNotFound = "account-not-found", 404, Refused, "There is no such account.";
    /// No such user.
    UserNotFound = "user-not-found", 404, Refused, "There is no such user.";
    /// No such key.
    AccessKeyNotFound = "access-key-not-found", 404, Refused, "There is no such access key.";
    /// No such SSH key.
    SshKeyNotFound = "ssh-key-not-found", 404, Refused, "There is no such SSH key.";
    /// No such service among those that may ask the gate.
    GateTokenNotFound = "gate-token-not-found", 404, Refused, "There is no gate token of this name.";
    /// No such refusal.
    RefusalNotFound = "refusal-not-found", 404, Refused, "No refused request of this id is kept that concerns you.";
    /// Another method.
    MethodNotAllowed = "method-not-allowed", 405, Malformed, "The path does not take this method.";
    /// The body did not arrive.
    BodyTimeout = "body-timeout", 408, Malformed, "The body did not arrive in time.";
    /// The name is taken.
    NameTaken = "name-taken", 409, Refused, "The name is taken.";
    /// The id of a key that is brought along.
    AccessKeyIdTaken = "access-key-id-taken", 409, Refused, "An access key of this id exists, or existed once.";
    /// A key of somebody in the account.
    SshKeyTaken = "ssh-key-taken", 409, Refused, "A user of the account has this SSH key already.";
    /// A quota.
    LimitReached = "limit-reached", 409, Refused, "A limit of the server is reached.";
    /// The last administrator.
    LastAdministrator = "last-administrator", 409, Refused, "The account would be left without a usable administrator key.";
    /// A key that is part of a rotation.
    RotationUnderWay = "rotation-under-way", 409, Refused, "The key's last rotation is not over: wait until the old key has expired, or delete it.";
    /// Another request under the same idempotency key.
    IdempotencyMismatch = "idempotency-mismatch", 409, Refused, "The Idempotency-Key was used for another request; take a new one.";
    /// A user who still has keys.
    UserHasKeys = "user-has-keys", 409, Refused, "The user still has access keys.";
    /// Two writers.
    Conflict = "conflict", 409, Refused, "The object kept changing; try again.";
    /// The body is too long.
    BodyTooLarge = "body-too-large", 413, Malformed, "The body is too large.";
    /// The body has another type.
    UnsupportedMediaType = "unsupported-media-type", 415, Refused, "The body has a type that the operation does not take.";
    /// Too many requests.
    Throttled = "throttled", 429, Limited, "Too many requests; wait and try again.";
    /// Our fault.
    Internal = "internal", 500, Failed, "The server failed.";
    /// Our fault, and it may pass.
    Unavailable = "unavailable", 503, Failed, "The server cannot do this now; try again later.";
    /// It took too long.
    Timeout = "timeout", 504, Failed, "It took too long.";
}

/// A request that is refused or failed.
#[derive(Debug)]
pub(super) struct Refusal {
    /// What the client can decide by.
    pub(super) problem: Problem,
    /// What the client is told.
    detail: Cow<'static, str>,
    /// The member or parameter that is meant.
    field: Option<String>,
    /// What the operator is told: nothing that the client wrote.
    pub(super) cause: Cow<'static, str>,
}

#[derive(Serialize)]
struct Told<'a> {
    r#type: String,
    title: &'static str,
    status: u16,
    detail: &'a str,
    request_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<&'a str>,
}

impl Refusal {
    /// A refusal that its title says all of.
    pub(super) const fn of(problem: Problem) -> Self {
        Self::new(problem, problem.title())
    }

    /// A refusal whose fixed text serves client and operator.
    pub(super) const fn new(problem: Problem, detail: &'static str) -> Self {
        Self { problem, detail: Cow::Borrowed(detail), field: None, cause: Cow::Borrowed(detail) }
    }

    /// A refusal whose text repeats something of the request and is therefore kept out of the log.
    pub(super) fn echoing(problem: Problem, detail: String) -> Self {
        Self { detail: Cow::Owned(detail), ..Self::of(problem) }
    }

    /// A parameter or member that the operation does not know.
    pub(super) fn unknown(name: &str) -> Self {
        let name = echo(name);
        let detail = format!("The operation does not know `{name}`.");
        Self { field: Some(name.to_owned()), ..Self::echoing(Problem::UnknownParameter, detail) }
    }

    /// A value of the parameter or member `name` that is against `rule`, which goes on after the name.
    pub(super) fn invalid(name: &str, rule: &'static str) -> Self {
        let name = echo(name);
        let refusal = Self::echoing(Problem::InvalidValue, format!("`{name}` {rule}."));
        Self { field: Some(name.to_owned()), ..refusal }.because(rule)
    }

    /// The member that it is about.
    fn about(mut self, member: &str) -> Self {
        self.field = Some(member.to_owned());
        self
    }

    /// Another text for the operator.
    pub(super) fn because(mut self, cause: impl Into<Cow<'static, str>>) -> Self {
        self.cause = cause.into();
        self
    }

    /// The answer. Should writing fail, which texts and numbers do not provoke, the status still tells.
    pub(super) fn reply(&self, request: RequestId) -> Reply {
        let body = json::write(&self.told(request)).unwrap_or_else(|_| Body::default());
        let mut reply = Reply::with(self.problem.status(), "application/problem+json", body);
        if self.problem == Problem::Throttled {
            reply.headers.push(("Retry-After", Cow::Borrowed("1")));
        }
        reply
    }

    /// The same within another answer.
    pub(super) fn as_json(&self, request: RequestId) -> Result<serde_json::Value, Self> {
        serde_json::to_value(self.told(request))
            .map_err(|error| Self::of(Problem::Internal).because(error.to_string()))
    }

    fn told(&self, request: RequestId) -> impl Serialize {
        Told {
            r#type: format!("{TYPE}{}", self.problem.word()),
            title: self.problem.title(),
            status: self.problem.status(),
            detail: &self.detail,
            request_id: request.hex(),
            field: self.field.as_deref(),
        }
    }
}

/// A name from the request as an answer may repeat it: as it is when it has the form of one, else not at all.
fn echo(name: &str) -> &str {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    if name.len() <= ECHO_CHARS && name.chars().all(is_plain) { name } else { "?" }
}

impl From<Reject> for Refusal {
    fn from(reject: Reject) -> Self {
        let problem = match reject {
            Reject::MissingCredential("Authorization") => Problem::CredentialMissing,
            Reject::MissingCredential(_)
            | Reject::TwoCredentials(_)
            | Reject::Malformed(_)
            | Reject::AlgorithmNotAllowed
            | Reject::BadSignatureForm
            | Reject::HeaderNotSigned(_)
            | Reject::HeaderMissing(_)
            | Reject::HeaderRepeated(_)
            | Reject::BadScope(_)
            | Reject::BadDate
            | Reject::PayloadMismatch
            | Reject::UnsignedPayload
            | Reject::BodyNotVisible => Problem::CredentialMalformed,
            Reject::SignatureDiffers | Reject::EmptySecret => return Self::of(Problem::CredentialRefused),
        };
        // Names parts of the request, never their values.
        let text = reject.to_string();
        Self::echoing(problem, format!("The signature is refused: {text}.")).because(text)
    }
}

impl From<AuthError> for Refusal {
    fn from(error: AuthError) -> Self {
        match error {
            AuthError::UnknownKey
            | AuthError::OfAnotherAccount
            | AuthError::WrongSignature(_)
            | AuthError::WrongToken => Self::of(Problem::CredentialRefused).because(error.to_string()),
            AuthError::Stale => Self::of(Problem::RequestStale),
            // Every request here has a signed time.
            AuthError::Untimed => Self::of(Problem::CredentialMalformed).because(error.to_string()),
            AuthError::Replayed(refusal) => refusal.into(),
            AuthError::Unusable(unusable) => unusable.into(),
            AuthError::Damaged => Self::of(Problem::Internal).because(error.to_string()),
            AuthError::Throttled => throttled().because(error.to_string()),
            AuthError::Store(error) => error.into(),
        }
    }
}

impl From<ReplayRefusal> for Refusal {
    fn from(refusal: ReplayRefusal) -> Self {
        match refusal {
            ReplayRefusal::NonceUsed
            | ReplayRefusal::SignedBeforeStart
            | ReplayRefusal::Full
            | ReplayRefusal::Untimed
            | ReplayRefusal::Form
            | ReplayRefusal::SignatureUsed => Self::of(Problem::RequestReplayed).because(refusal.to_string()),
        }
    }
}

impl From<Unusable> for Refusal {
    fn from(unusable: Unusable) -> Self {
        let unusable_now = |detail| Self::new(Problem::AccessKeyUnusable, detail);
        match unusable {
            Unusable::KeyInactive => unusable_now("The access key is inactive."),
            Unusable::KeyExpired => unusable_now("The access key has expired."),
            Unusable::KeyNotYetValid => unusable_now("The access key is not valid yet."),
            Unusable::ParentUnusable => {
                unusable_now("The access key that this one belongs to may not be used.")
            }
            Unusable::UserFrozen => unusable_now("The user is frozen."),
            Unusable::AccountDisabled => unusable_now("The account is disabled."),
            Unusable::ServiceNotAllowed => unusable_now("The access key is good for other services only."),
            Unusable::SourceNotAllowed => Self::of(Problem::SourceRefused),
        }
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        match error {
            Error::Denied => Self::of(Problem::Denied),
            Error::RootOnly => Self::of(Problem::RootOnly),
            Error::CallerRevoked => Self::of(Problem::CallerRevoked),
            Error::TemporaryCaller => Self::of(Problem::TemporaryKey),
            Error::UserNotFound(_) => Self::of(Problem::UserNotFound),
            Error::KeyNotFound | Error::KeyOfAnother | Error::ParentUnusable => {
                Self::of(Problem::AccessKeyNotFound)
            }
            Error::SshKeyNotFound => Self::of(Problem::SshKeyNotFound),
            Error::SshKeyTaken => Self::of(Problem::SshKeyTaken),
            Error::BadSshKey(bad) => {
                Self::echoing(Problem::InvalidValue, format!("The key {bad}.")).about("key")
            }
            Error::TokenNotFound => Self::of(Problem::GateTokenNotFound),
            Error::Busy => Self::of(Problem::Throttled),
            Error::UserHasKeys(_) => Self::of(Problem::UserHasKeys),
            Error::UserNameTaken(_) => Self::of(Problem::NameTaken),
            Error::LimitReached { name, limit } => {
                let text = format!("The limit {name} = {limit} is reached.");
                Self::echoing(Problem::LimitReached, text.clone()).because(text)
            }
            Error::LastAdministratorKey => Self::of(Problem::LastAdministrator),
            Error::AccountNotFound(_) => Self::of(Problem::AccountNotFound),
            Error::AccountNameTaken(_) => Self::of(Problem::NameTaken),
            Error::KeyIdTaken => Self::of(Problem::AccessKeyIdTaken),
            Error::ExceedsCaller(Field::Password) => Self::new(
                Problem::ExceedsOwnKey,
                "An access key with an end or networks of its own sets no password, which has neither.",
            ),
            Error::ExceedsCaller(field) => Self::of(Problem::ExceedsOwnKey).about(member_of(field)),
            Error::RotationUnderWay => Self::of(Problem::RotationUnderWay),
            Error::RepeatDiffers => Self::of(Problem::IdempotencyMismatch),
            Error::TooManyToSort => Self::of(Problem::TooManyMatches),
            // Samsung's way to delete.
            Error::KeyEnabled => Self::of(Problem::Conflict),
            Error::CursorInvalid => Self::of(Problem::InvalidCursor),
            Error::Invalid { field, rule } => Self::invalid(member_of(field), rule),
            Error::Conflict => Self::of(Problem::Conflict),
            Error::Damaged => Self::of(Problem::Internal).because(error.to_string()),
            Error::Store(error) => error.into(),
        }
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        let refusal = match error {
            StoreError::Busy | StoreError::Unavailable(_) => Self::of(Problem::Unavailable),
            StoreError::DiskFull => {
                Self::new(Problem::Unavailable, "The server's disk is full; only revocations are taken.")
            }
            StoreError::Corrupt(_) => Self::of(Problem::Internal),
        };
        refusal.because(error.to_string())
    }
}

impl From<TransportRefusal> for Refusal {
    fn from(refusal: TransportRefusal) -> Self {
        Self::of(match refusal {
            TransportRefusal::PathUnknown => Problem::PathUnknown,
            TransportRefusal::MethodNotAllowed => Problem::MethodNotAllowed,
            TransportRefusal::BodyTooLarge => Problem::BodyTooLarge,
            TransportRefusal::BodyTimeout => Problem::BodyTimeout,
            TransportRefusal::Deadline => Problem::Timeout,
            TransportRefusal::Internal => Problem::Internal,
            TransportRefusal::Unavailable => Problem::Unavailable,
        })
    }
}

/// More requests than the key's rate allows.
pub(super) const fn throttled() -> Refusal {
    Refusal::of(Problem::Throttled)
}

/// The member that carries a field of the domain.
const fn member_of(field: Field) -> &'static str {
    match field {
        Field::UserName => "name",
        Field::DisplayName => "display_name",
        Field::Email => "email",
        Field::Role => "role",
        Field::Description => "description",
        Field::Title => "title",
        Field::Password => "password",
        Field::Schemes => "schemes",
        Field::Sources => "sources",
        Field::Audience => "audience",
        Field::NotBefore => "not_before",
        Field::Overlap => "overlap_seconds",
        Field::AccountName => "name",
        Field::KeyLifetime => "max_key_lifetime_seconds",
        Field::Expiry => "expires_at",
        Field::KeyId => "id",
        Field::Secret => "secret",
    }
}
