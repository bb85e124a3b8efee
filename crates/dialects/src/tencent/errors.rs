//! Refusals: from each kind of refusal to the code and the text that Tencent's clients know. No decision is taken here, and
//! no match has a wildcard arm, so that a new kind does not compile until it has a code.

use std::borrow::Cow;

use domain::Error;
use domain::authenticate::AuthError;
use domain::decision::Unusable;
use domain::error::Field;
use domain::id::KeyId;
use domain::limits::LimitName;
use domain::replay::ReplayRefusal;
use domain::store::StoreError;
use signing::Reject;

use super::codes::Code;
use crate::answer::TransportRefusal;

/// Longest piece of a request that an answer repeats (threat T68).
const ECHO_CHARS: usize = 64;

/// A request that is refused or failed.
#[derive(Debug)]
pub(super) struct Refusal {
    /// The code.
    pub(super) code: Code,
    /// What the client is told.
    pub(super) message: Cow<'static, str>,
    /// What the operator is told: nothing that the client wrote.
    pub(super) cause: Cow<'static, str>,
}

impl Refusal {
    /// A refusal whose fixed text serves client and operator.
    pub(super) const fn plain(code: Code, message: &'static str) -> Self {
        Self { code, message: Cow::Borrowed(message), cause: Cow::Borrowed(code.meaning()) }
    }

    /// A refusal whose text repeats something of the request and is therefore kept out of the log.
    pub(super) const fn echoing(code: Code, message: String) -> Self {
        Self { code, message: Cow::Owned(message), cause: Cow::Borrowed(code.meaning()) }
    }

    /// A parameter that the action does not know.
    pub(super) fn unknown(name: &str) -> Self {
        Self::echoing(Code::UnknownParameter, format!("The parameter `{}` is not recognized.", echo(name)))
    }

    /// A required parameter that is absent.
    pub(super) fn missing(name: &str) -> Self {
        let text = format!("The request is missing a required parameter `{}`.", echo(name));
        Self::echoing(Code::MissingParameter, text)
    }

    /// A parameter of the wrong type.
    pub(super) fn mistyped(name: &str, rule: &str) -> Self {
        Self::echoing(Code::InvalidParameter, format!("The parameter `{}` {rule}.", echo(name)))
    }

    /// A parameter whose value is out of form.
    pub(super) fn value(code: Code, name: &str, rule: &str) -> Self {
        Self::echoing(code, format!("The parameter `{}` {rule}.", echo(name)))
    }

    /// A credential that cannot be read; `problem` names parts of it, never values.
    pub(super) fn authorization(problem: &str) -> Self {
        let text = format!(
            "The request `Authorization` header does not conform to tencentcloud standards: {problem}."
        );
        Self::echoing(Code::InvalidAuthorization, text).because(problem.to_owned())
    }

    /// Over a rate of so many requests a second.
    pub(super) fn over_rate(limit: u32) -> Self {
        let text = format!(
            "Your current request times equals to `{}` in a second, which exceeds the frequency limit `{limit}` for \
             a second. Please reduce the frequency of calls.",
            limit.saturating_add(1)
        );
        Self::echoing(Code::RequestLimitExceeded, text)
    }

    /// Another text for the operator.
    pub(super) fn because(mut self, cause: impl Into<Cow<'static, str>>) -> Self {
        self.cause = cause.into();
        self
    }
}

/// A name from the request as an answer may repeat it: as it is when it has the form of one, else not at all.
pub(super) fn echo(name: &str) -> &str {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    if name.len() <= ECHO_CHARS && name.chars().all(is_plain) { name } else { "?" }
}

impl From<Reject> for Refusal {
    fn from(reject: Reject) -> Self {
        match reject {
            // Version 1's signature was found missing before: this is a part of the header.
            Reject::MissingCredential("Credential" | "SignedHeaders" | "Signature") => {
                Self::authorization(&reject.to_string())
            }
            Reject::MissingCredential(name) => Self::missing(name.trim_start_matches("X-TC-")),
            Reject::TwoCredentials(_)
            | Reject::Malformed(_)
            | Reject::AlgorithmNotAllowed
            | Reject::HeaderNotSigned(_)
            | Reject::HeaderMissing(_)
            | Reject::HeaderRepeated(_)
            | Reject::BadScope(_)
            | Reject::BadDate => Self::authorization(&reject.to_string()),
            Reject::BadSignatureForm
            | Reject::PayloadMismatch
            | Reject::UnsignedPayload
            | Reject::BodyNotVisible
            | Reject::SignatureDiffers
            | Reject::EmptySecret => signature_failure().because(reject.to_string()),
        }
    }
}

impl From<AuthError> for Refusal {
    fn from(error: AuthError) -> Self {
        match error {
            AuthError::UnknownKey | AuthError::OfAnotherAccount => {
                secret_id_not_found().because(error.to_string())
            }
            AuthError::WrongSignature(_) => signature_failure().because(error.to_string()),
            AuthError::Stale | AuthError::Untimed => {
                Self::plain(Code::SignatureExpire, "The signature is expired, please request again.")
            }
            AuthError::Replayed(refusal) => refusal.into(),
            AuthError::WrongToken => {
                Self::plain(Code::TokenFailure, "The provided token is not valid for this key.")
            }
            AuthError::Unusable(unusable) => unusable.into(),
            AuthError::Damaged => internal_error().because(error.to_string()),
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
            | ReplayRefusal::Form => signature_failure().because(refusal.to_string()),
            ReplayRefusal::SignatureUsed => Self::plain(
                Code::SignatureFailure,
                "This signature already carried a change; sign the request again.",
            ),
        }
    }
}

impl From<Unusable> for Refusal {
    fn from(unusable: Unusable) -> Self {
        match unusable {
            // The cloud answers a disabled key like an unknown one, and knows no other reasons.
            Unusable::KeyInactive
            | Unusable::KeyExpired
            | Unusable::KeyNotYetValid
            | Unusable::ParentUnusable
            | Unusable::UserFrozen
            | Unusable::AccountDisabled
            | Unusable::ServiceNotAllowed => secret_id_not_found().because(unusable.to_string()),
            Unusable::SourceNotAllowed => {
                Self::plain(Code::IpNotInWhitelist, "The SecretId may not be used from this address.")
            }
        }
    }
}

/// What an operation on users is refused with.
impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        match error {
            Error::Denied => Self::plain(
                Code::Denied,
                "The request is not authorized: you may not perform this operation.",
            ),
            Error::TemporaryCaller => Self::plain(Code::Denied, "Temporary keys cannot create access keys."),
            Error::CallerRevoked => secret_id_not_found().because(error.to_string()),
            Error::RootOnly => {
                Self::plain(Code::Unmodifiable, "The root user is changed by itself only and never deleted.")
            }
            Error::UserNotFound(name) => {
                Self::echoing(Code::UserNotExist, format!("The user `{}` does not exist.", echo_name(&name)))
            }
            Error::KeyNotFound => Self::plain(Code::SecretNotExist, "The key does not exist."),
            // No operation of this dialect asks for what these refuse.
            Error::ParentUnusable
            | Error::KeyEnabled
            | Error::TooManyToSort
            | Error::LimitReached { name: LimitName::TemporaryKeysPerKey, .. } => {
                internal_error().because(error.to_string())
            }
            Error::KeyOfAnother => {
                Self::plain(Code::UinNotMatch, "The access key does not match the account.")
            }
            Error::UserHasKeys(keys) => have_keys(&keys),
            Error::UserNameTaken(name) => {
                Self::echoing(Code::UserNameInUse, format!("The user name `{}` is in use.", echo_name(&name)))
            }
            Error::LimitReached { name: LimitName::AccessKeysPerUser, limit } => {
                Self::echoing(Code::KeyLimit, format!("Each account can have up to {limit} AccessKey."))
            }
            Error::LimitReached { name: LimitName::UsersPerAccount, limit } => {
                Self::echoing(Code::UserLimit, format!("The account can have up to {limit} users."))
            }
            Error::Busy => Self::plain(Code::RequestLimitExceeded, "Too many requests, try again later."),
            Error::LastAdministratorKey => Self::plain(
                Code::LastAdministrator,
                "This would take away the last usable administrator key of the account.",
            ),
            Error::ExceedsCaller(_) => {
                Self::plain(Code::Denied, "A key cannot create one that is good for more than itself.")
            }
            // What this dialect never asks for.
            Error::AccountNotFound(_)
            | Error::AccountNameTaken(_)
            | Error::KeyIdTaken
            | Error::RotationUnderWay
            | Error::RepeatDiffers
            | Error::CursorInvalid
            | Error::SshKeyNotFound
            | Error::SshKeyTaken
            | Error::BadSshKey(_)
            | Error::TokenNotFound
            | Error::LimitReached { name: LimitName::SshKeysPerUser | LimitName::TokenKeysPerUser, .. } => {
                internal_error().because(error.to_string())
            }
            Error::Invalid { field, rule } => {
                let (name, code) = parameter_of(field);
                Self::echoing(code, format!("The parameter `{name}` is not valid: {rule}."))
            }
            Error::Conflict => Self::plain(
                Code::Conflict,
                "The object kept changing while it was to be changed, please request again.",
            ),
            Error::Damaged => internal_error().because(error.to_string()),
            Error::Store(error) => error.into(),
        }
    }
}

impl Refusal {
    /// What an operation on access keys is refused with.
    pub(super) fn of_key(error: Error) -> Self {
        match error {
            Error::UserNotFound(_) => target_not_exist(),
            Error::RootOnly => sub_uin(),
            Error::Damaged | Error::Conflict | Error::Store(_) => {
                Self::plain(Code::KeyTrouble, "An error occurred while manipulating the access key.")
                    .because(error.to_string())
            }
            Error::Denied
            | Error::TemporaryCaller
            | Error::CallerRevoked
            | Error::KeyNotFound
            | Error::ParentUnusable
            | Error::KeyEnabled
            | Error::TooManyToSort
            | Error::KeyOfAnother
            | Error::SshKeyNotFound
            | Error::SshKeyTaken
            | Error::BadSshKey(_)
            | Error::TokenNotFound
            | Error::Busy
            | Error::UserHasKeys(_)
            | Error::UserNameTaken(_)
            | Error::LimitReached { .. }
            | Error::LastAdministratorKey
            | Error::AccountNotFound(_)
            | Error::AccountNameTaken(_)
            | Error::KeyIdTaken
            | Error::ExceedsCaller(_)
            | Error::RotationUnderWay
            | Error::RepeatDiffers
            | Error::CursorInvalid
            | Error::Invalid { .. } => error.into(),
        }
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Busy | StoreError::DiskFull | StoreError::Unavailable(_) | StoreError::Corrupt(_) => {
                internal_error().because(error.to_string())
            }
        }
    }
}

impl From<TransportRefusal> for Refusal {
    fn from(refusal: TransportRefusal) -> Self {
        match refusal {
            TransportRefusal::PathUnknown => {
                Self::plain(Code::PathUnknown, "Nothing is at this path: every action is at `/`.")
            }
            TransportRefusal::MethodNotAllowed => Self::plain(
                Code::UnsupportedProtocol,
                "The request protocol is not supported: use GET or POST.",
            ),
            TransportRefusal::BodyTooLarge => {
                Self::plain(Code::TooLarge, "The request exceeds the size limit.")
            }
            TransportRefusal::BodyTimeout => {
                Self::plain(Code::BadRequest, "The body did not arrive in time.")
            }
            TransportRefusal::Deadline | TransportRefusal::Internal => internal_error(),
            TransportRefusal::Unavailable => {
                Self::plain(Code::Unavailable, "The service is unavailable, please request again later.")
            }
        }
    }
}

/// The HTTP status of a transport refusal. Every client turns another one than 200 into an error of the connection and
/// hides the code, so only what is no request to this API has one.
pub(super) const fn transport_status(refusal: TransportRefusal) -> u16 {
    match refusal {
        TransportRefusal::PathUnknown | TransportRefusal::BodyTimeout => refusal.status(),
        TransportRefusal::MethodNotAllowed
        | TransportRefusal::BodyTooLarge
        | TransportRefusal::Deadline
        | TransportRefusal::Internal
        | TransportRefusal::Unavailable => 200,
    }
}

/// More requests than the key's rate allows, or more failures than the address's.
pub(super) const fn throttled() -> Refusal {
    Refusal::plain(Code::RequestLimitExceeded, "Too many requests. Please reduce the frequency of calls.")
}

/// Something of ours went wrong.
pub(super) const fn internal_error() -> Refusal {
    Refusal::plain(Code::InternalError, "An internal error occurred.")
}

/// `TargetUin` names nobody.
pub(super) const fn target_not_exist() -> Refusal {
    Refusal::plain(Code::TargetNotExist, "User object does not exist.")
}

/// Root's keys are root's alone.
pub(super) const fn sub_uin() -> Refusal {
    Refusal::plain(Code::SubUin, "The sub-user is not allowed to use the root account key.")
}

const fn secret_id_not_found() -> Refusal {
    Refusal::plain(
        Code::SecretIdNotFound,
        "The SecretId is not found, please ensure that your SecretId is correct.",
    )
}

const fn signature_failure() -> Refusal {
    Refusal::plain(
        Code::SignatureFailure,
        "The provided credentials could not be validated. Please check your signature is correct.",
    )
}

/// Names the keys, which is what those who ran into it ask for.
fn have_keys(keys: &[KeyId]) -> Refusal {
    let ids: Vec<&str> = keys.iter().map(|key| echo(key.as_str())).collect();
    let text =
        format!("The user still has access keys: {}. Delete them, or set `Force` to 1.", ids.join(", "));
    Refusal::echoing(Code::HaveKeys, text)
}

/// A user name has letters of every script and no character with a meaning to a terminal or page.
fn echo_name(name: &str) -> &str {
    let is_plain = |c: char| c.is_alphanumeric() || "_+=,.@-".contains(c);
    if name.chars().count() <= ECHO_CHARS && name.chars().all(is_plain) { name } else { "?" }
}

/// The parameter that carries a field of the domain, and the code that its values are refused with.
const fn parameter_of(field: Field) -> (&'static str, Code) {
    let name = match field {
        Field::UserName => return ("Name", Code::UserNameIllegal),
        Field::DisplayName => "NickName",
        Field::Email => "Email",
        Field::Role => "Role",
        Field::Description => "Description",
        Field::Title => "Title",
        Field::Password => return ("Password", Code::PasswordViolatedRules),
        Field::Schemes => "Schemes",
        Field::Sources => "Sources",
        Field::Audience => "Audience",
        Field::NotBefore => "NotBefore",
        Field::Overlap => "Overlap",
        Field::AccountName => "AccountName",
        Field::KeyLifetime => "KeyLifetime",
        Field::Expiry => "ExpiredTime",
        Field::KeyId => "AccessKeyId",
        Field::Secret => "SecretKey",
    };
    (name, Code::ParamError)
}
