//! Refusals: from each kind of refusal to the code and the text that SCloud's clients know. No decision is taken here, and no
//! match has a wildcard arm, so that a new kind does not compile until it has a code.

use std::borrow::Cow;

use domain::Error;
use domain::authenticate::AuthError;
use domain::decision::Unusable;
use domain::error::Field;
use domain::limits::LimitName;
use domain::replay::ReplayRefusal;
use domain::store::StoreError;
use signing::{ParamError, Reject};

use crate::answer::{Outcome, TransportRefusal};

/// Longest piece of a request that an answer repeats (threat T68).
const ECHO_CHARS: usize = 64;

macro_rules! ret_codes {
    ($($(#[$doc:meta])* $variant:ident = $number:literal, $meaning:literal;)*) => {
        /// The codes that this dialect answers. Those below 2000 that the vendor does not publish are ours; they stay below
        /// because his SDKs repeat a request on anything above.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum RetCode {
            $($(#[$doc])* $variant,)*
        }

        impl RetCode {
            /// Every code, ascending.
            pub const ALL: &'static [RetCode] = &[$(RetCode::$variant,)*];

            /// The number on the wire.
            pub const fn number(self) -> u32 {
                match self { $(RetCode::$variant => $number,)* }
            }

            /// The number as text, for the log.
            pub const fn as_str(self) -> &'static str {
                match self { $(RetCode::$variant => stringify!($number),)* }
            }

            /// What it means, in a few words that hold nothing of the request.
            pub const fn meaning(self) -> &'static str {
                match self { $(RetCode::$variant => $meaning,)* }
            }
        }
    };
}

ret_codes! {
    /// Done.
    Success = 0, "success";
    /// It took too long.
    Timeout = 110, "timeout";
    /// We failed.
    ServiceError = 130, "internal error";
    /// We cannot do it now.
    Unavailable = 150, "unavailable";
    /// Too many requests.
    Throttled = 153, "throttled";
    /// No `Action`.
    ActionMissing = 160, "Action missing";
    /// An `Action` that does not exist.
    ActionUnknown = 161, "Action unknown";
    /// No `Signature`.
    SignatureMissing = 170, "Signature missing";
    /// The signature is wrong, too old, or was used before where that matters.
    SignatureWrong = 171, "Signature wrong";
    /// No `PublicKey`, or one that is unknown or deleted.
    PublicKeyUnknown = 172, "PublicKey unknown, deleted or missing";
    /// A `SecurityToken` that is not the key's.
    TokenUnknown = 174, "SecurityToken unknown";
    /// A required parameter is absent or empty.
    ParameterMissing = 220, "parameter missing";
    /// A parameter that the action does not know, that is repeated, or whose value it does not take.
    ParameterRefused = 230, "parameter unknown, repeated or invalid";
    /// The key may not be used from the client's address.
    SourceRefused = 294, "source address refused";
    /// No right, or the key or its user may not act.
    Denied = 299, "no permission; key inactive or expired; user frozen";
    /// No such access key.
    KeyUnknown = 1901, "access key unknown";
    /// The user has as many keys as he may.
    KeyLimit = 1902, "access key limit of the user reached";
    /// The account has as many users as it may.
    UserLimit = 1903, "user limit reached";
    /// It would lock the last administrator out.
    LastAdministrator = 1904, "would lock out the last administrator";
    /// No such user.
    UserUnknown = 11021, "user unknown";
    /// The user name is taken.
    UserNameTaken = 11208, "user name taken";
}

impl RetCode {
    /// How a request that gets this code ended, for the operator.
    pub(super) const fn outcome(self) -> Outcome {
        match self {
            RetCode::Success => Outcome::Ok,
            RetCode::Timeout | RetCode::ServiceError | RetCode::Unavailable => Outcome::Failed,
            RetCode::Throttled => Outcome::Limited,
            RetCode::ActionMissing | RetCode::ActionUnknown => Outcome::Malformed,
            RetCode::SignatureMissing
            | RetCode::SignatureWrong
            | RetCode::PublicKeyUnknown
            | RetCode::TokenUnknown => Outcome::Unauthenticated,
            RetCode::ParameterMissing
            | RetCode::ParameterRefused
            | RetCode::SourceRefused
            | RetCode::Denied
            | RetCode::KeyUnknown
            | RetCode::KeyLimit
            | RetCode::UserLimit
            | RetCode::LastAdministrator
            | RetCode::UserUnknown
            | RetCode::UserNameTaken => Outcome::Refused,
        }
    }
}

/// A request that is refused or failed.
#[derive(Debug)]
pub(super) struct Refusal {
    /// The code.
    pub(super) code: RetCode,
    /// What the client is told.
    pub(super) message: Cow<'static, str>,
    /// What the operator is told: nothing that the client wrote.
    pub(super) cause: Cow<'static, str>,
}

impl Refusal {
    /// A refusal whose fixed text serves client and operator.
    pub(super) const fn plain(code: RetCode, message: &'static str) -> Self {
        Self { code, message: Cow::Borrowed(message), cause: Cow::Borrowed(message) }
    }

    /// A refusal whose text repeats something of the request and is therefore kept out of the log.
    pub(super) const fn echoing(code: RetCode, message: String) -> Self {
        Self { code, message: Cow::Owned(message), cause: Cow::Borrowed(code.meaning()) }
    }

    /// A parameter that the action does not take, or not with this value.
    pub(super) fn parameter(name: &str) -> Self {
        Self::echoing(RetCode::ParameterRefused, format!("Params [{}] not available", echo(name)))
    }

    /// A parameter of the table that is missing; alternatives are separated by `|`.
    pub(super) fn missing(names: &str) -> Self {
        Self::echoing(RetCode::ParameterMissing, format!("Missing params [{names}]"))
    }

    /// An action that does not exist.
    pub(super) fn action(name: &str) -> Self {
        Self::echoing(RetCode::ActionUnknown, format!("Action [{}] not found", echo(name)))
    }

    /// Another text for the operator.
    pub(super) fn because(mut self, cause: impl Into<Cow<'static, str>>) -> Self {
        self.cause = cause.into();
        self
    }
}

/// A name from the request as an answer may repeat it: as it is when it has the form of one, else not at all.
fn echo(name: &str) -> &str {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    if name.len() <= ECHO_CHARS && name.chars().all(is_plain) { name } else { "?" }
}

impl From<ParamError> for Refusal {
    fn from(error: ParamError) -> Self {
        let plain = |message| Self::plain(RetCode::ParameterRefused, message);
        match error {
            ParamError::Repeated(_)
            | ParamError::EmptyName
            | ParamError::Undecodable(_)
            | ParamError::Null(_)
            | ParamError::BadIndex(_)
            | ParamError::Contradiction(_) => Self::parameter(error.parameter().unwrap_or_default()),
            ParamError::Json(ref problem) => match error.parameter() {
                Some(name) => Self::parameter(name),
                // Says what and at which byte, and repeats nothing.
                None => Self::echoing(RetCode::ParameterRefused, format!("The body is not JSON: {problem}")),
            },
            ParamError::TooMany(_) => plain("Too many parameters"),
            ParamError::NotAnObject => plain("The body is not a JSON object"),
            ParamError::ContentType => plain("The content type carries no parameters"),
            ParamError::BodyNotVisible => plain("The body cannot be read"),
            ParamError::TwoSources => plain("Parameters in two places"),
        }
    }
}

impl From<Reject> for Refusal {
    fn from(reject: Reject) -> Self {
        match reject {
            Reject::MissingCredential(signing::scloud::PUBLIC_KEY) => public_key_unknown(),
            Reject::MissingCredential(_) => Self::plain(RetCode::SignatureMissing, "Missing signature"),
            Reject::TwoCredentials(_)
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
            | Reject::BodyNotVisible
            | Reject::SignatureDiffers
            | Reject::EmptySecret => signature_wrong().because(reject.to_string()),
        }
    }
}

impl From<AuthError> for Refusal {
    fn from(error: AuthError) -> Self {
        match error {
            AuthError::UnknownKey | AuthError::OfAnotherAccount => {
                public_key_unknown().because(error.to_string())
            }
            AuthError::WrongSignature(_) => signature_wrong().because(error.to_string()),
            AuthError::Stale => Self::plain(
                RetCode::SignatureWrong,
                "Signature VerifyAC Error: Timestamp is more than 300 seconds away from the server's clock",
            ),
            AuthError::Untimed => Self::plain(
                RetCode::SignatureWrong,
                "Signature VerifyAC Error: this key takes only requests with Timestamp and Nonce",
            ),
            AuthError::Replayed(refusal) => refusal.into(),
            AuthError::WrongToken => Self::plain(RetCode::TokenUnknown, "Token Not Exists"),
            AuthError::Unusable(unusable) => unusable.into(),
            AuthError::Damaged => service_error().because(error.to_string()),
            AuthError::Throttled => throttled().because(error.to_string()),
            AuthError::Store(error) => error.into(),
        }
    }
}

impl From<ReplayRefusal> for Refusal {
    fn from(refusal: ReplayRefusal) -> Self {
        let message = match refusal {
            ReplayRefusal::NonceUsed => "Signature VerifyAC Error: this Nonce was used before",
            ReplayRefusal::SignedBeforeStart => {
                "Signature VerifyAC Error: signed before the server started, sign again"
            }
            ReplayRefusal::Full => "Signature VerifyAC Error: too many Nonces, wait for 300 seconds",
            ReplayRefusal::Untimed => "Signature VerifyAC Error: Nonce needs a Timestamp beside it",
            ReplayRefusal::Form => "Signature VerifyAC Error: Nonce has more than 128 bytes",
            ReplayRefusal::SignatureUsed => "Signature VerifyAC Error: this signature was used before",
        };
        Self::plain(RetCode::SignatureWrong, message)
    }
}

impl From<Unusable> for Refusal {
    fn from(unusable: Unusable) -> Self {
        let denied = |message| Self::plain(RetCode::Denied, message);
        match unusable {
            Unusable::KeyInactive => denied("The access key is inactive"),
            Unusable::KeyExpired => denied("The access key has expired"),
            Unusable::KeyNotYetValid => denied("The access key is not valid yet"),
            Unusable::ParentUnusable => denied("The access key that this one belongs to may not be used"),
            Unusable::UserFrozen => denied("The user is frozen"),
            Unusable::AccountDisabled => denied("The account is disabled"),
            Unusable::ServiceNotAllowed => denied("The access key is not good for this service"),
            Unusable::SourceNotAllowed => Self::plain(RetCode::SourceRefused, "Access denied for this IP"),
        }
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        match error {
            Error::Denied => Self::plain(RetCode::Denied, "IAM permission denied"),
            Error::RootOnly => {
                Self::plain(RetCode::Denied, "Only the root user may change the root user or its keys")
            }
            Error::CallerRevoked => Self::plain(RetCode::Denied, "The access key is no longer valid"),
            Error::TemporaryCaller => {
                Self::plain(RetCode::Denied, "Temporary access keys cannot create access keys")
            }
            Error::UserNotFound(name) => {
                Self::echoing(RetCode::UserUnknown, format!("User [{name}] not found"))
            }
            Error::KeyNotFound | Error::ParentUnusable => {
                Self::plain(RetCode::KeyUnknown, "Access key not found")
            }
            Error::KeyEnabled => Self::plain(RetCode::Denied, "The access key is active"),
            // Neither owner nor keys are named in requests of this dialect.
            Error::KeyOfAnother => Self::plain(RetCode::KeyUnknown, "Access key not found"),
            Error::UserHasKeys(_) => Self::plain(RetCode::Denied, "The user still has access keys"),
            Error::UserNameTaken(name) => {
                Self::echoing(RetCode::UserNameTaken, format!("User [{name}] already exists"))
            }
            Error::LimitReached {
                name: LimitName::AccessKeysPerUser | LimitName::TemporaryKeysPerKey,
                limit,
            } => Self::echoing(RetCode::KeyLimit, format!("Access key limit of {limit} reached")),
            Error::LimitReached { name: LimitName::UsersPerAccount, limit } => {
                Self::echoing(RetCode::UserLimit, format!("User limit of {limit} reached"))
            }
            // Nothing of this dialect speaks of SSH keys or tokens.
            Error::SshKeyNotFound
            | Error::SshKeyTaken
            | Error::BadSshKey(_)
            | Error::TokenNotFound
            | Error::LimitReached { name: LimitName::SshKeysPerUser | LimitName::TokenKeysPerUser, .. } => {
                service_error().because(error.to_string())
            }
            Error::Busy => throttled(),
            Error::LastAdministratorKey => Self::plain(RetCode::LastAdministrator, "Last administrator key"),
            Error::ExceedsCaller(_) => Self::plain(
                RetCode::Denied,
                "An access key cannot create one that is good for more than itself",
            ),
            // What this dialect never asks for.
            Error::AccountNotFound(_)
            | Error::AccountNameTaken(_)
            | Error::KeyIdTaken
            | Error::RotationUnderWay
            | Error::RepeatDiffers
            | Error::CursorInvalid => service_error().because(error.to_string()),
            Error::Invalid { field, rule } => Self::parameter(parameter_of(field)).because(rule),
            Error::TooManyToSort => Self::plain(RetCode::ParameterRefused, "Too many access keys to sort")
                .because(error.to_string()),
            Error::Conflict => unavailable().because(error.to_string()),
            Error::Damaged => service_error().because(error.to_string()),
            Error::Store(error) => error.into(),
        }
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        let refusal = match error {
            StoreError::Busy | StoreError::DiskFull | StoreError::Unavailable(_) => unavailable(),
            StoreError::Corrupt(_) => service_error(),
        };
        refusal.because(error.to_string())
    }
}

impl From<TransportRefusal> for Refusal {
    fn from(refusal: TransportRefusal) -> Self {
        let refused = |message| Self::plain(RetCode::ParameterRefused, message);
        match refusal {
            TransportRefusal::PathUnknown => refused("Path not found: every action is at /"),
            TransportRefusal::MethodNotAllowed => refused("Method not allowed: use GET or POST"),
            TransportRefusal::BodyTooLarge => refused("The body is too large"),
            TransportRefusal::BodyTimeout => Self::plain(RetCode::Timeout, "The body did not arrive in time"),
            TransportRefusal::Deadline => Self::plain(RetCode::Timeout, "Request timeout"),
            TransportRefusal::Internal => service_error(),
            TransportRefusal::Unavailable => unavailable(),
        }
    }
}

/// The HTTP status of a transport refusal. Clients throw the body of anything but 200 away, so only what is wrong with the
/// HTTP itself has another.
pub(super) const fn transport_status(refusal: TransportRefusal) -> u16 {
    match refusal {
        TransportRefusal::PathUnknown
        | TransportRefusal::MethodNotAllowed
        | TransportRefusal::BodyTooLarge
        | TransportRefusal::BodyTimeout => refusal.status(),
        TransportRefusal::Deadline | TransportRefusal::Internal | TransportRefusal::Unavailable => 200,
    }
}

/// How a request that was refused in transport ended, for the operator: what is wrong with the HTTP anybody can cause, and
/// the other refusals are ours.
pub(super) const fn transport_outcome(refusal: TransportRefusal) -> Outcome {
    match refusal {
        TransportRefusal::PathUnknown
        | TransportRefusal::MethodNotAllowed
        | TransportRefusal::BodyTooLarge
        | TransportRefusal::BodyTimeout => Outcome::Malformed,
        TransportRefusal::Deadline | TransportRefusal::Internal | TransportRefusal::Unavailable => {
            Outcome::Failed
        }
    }
}

/// More requests than the key's rate allows.
pub(super) const fn throttled() -> Refusal {
    Refusal::plain(RetCode::Throttled, "Request throttled, retry later")
}

/// Something of ours went wrong.
pub(super) const fn service_error() -> Refusal {
    Refusal::plain(RetCode::ServiceError, "Service error")
}

const fn unavailable() -> Refusal {
    Refusal::plain(RetCode::Unavailable, "Service unavailable")
}

const fn public_key_unknown() -> Refusal {
    Refusal::plain(RetCode::PublicKeyUnknown, "User Not Exists")
}

const fn signature_wrong() -> Refusal {
    Refusal::plain(RetCode::SignatureWrong, "Signature VerifyAC Error")
}

/// The parameter that carries a field of the domain.
const fn parameter_of(field: Field) -> &'static str {
    match field {
        Field::UserName => "UserName",
        Field::DisplayName => "DisplayName",
        Field::Email => "Email",
        Field::Role => "Role",
        Field::Description => "Description",
        Field::Title => "Title",
        Field::Password => "Password",
        Field::Schemes => "Schemes",
        Field::Sources => "Sources",
        Field::Audience => "Audience",
        Field::NotBefore => "NotBefore",
        Field::Overlap => "Overlap",
        Field::AccountName => "AccountName",
        Field::KeyLifetime => "KeyLifetime",
        Field::Expiry => "ExpiredAt",
        Field::KeyId => "AccessKeyID",
        Field::Secret => "AccessKeySecret",
    }
}
