//! The codes that this dialect answers, and what each means.

use crate::answer::Outcome;

macro_rules! codes {
    ($($variant:ident = $text:literal, $outcome:ident, $meaning:literal;)*) => {
        /// The codes that this dialect answers, as the vendor publishes them.
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
    UnsupportedProtocol = "UnsupportedProtocol", Malformed, "neither GET nor POST";
    PathUnknown = "ResourceNotFound", Malformed, "nothing is at this path";
    TooLarge = "RequestSizeLimitExceeded", Malformed, "the body is too large";
    BadRequest = "InvalidRequest", Malformed, "the body did not arrive";
    MissingParameter = "MissingParameter", Malformed, "a common or required parameter is missing";
    InvalidAuthorization = "AuthFailure.InvalidAuthorization", Unauthenticated, "the credential cannot be read or its scope is wrong";
    SignatureExpire = "AuthFailure.SignatureExpire", Unauthenticated, "signed more than 300 seconds away from the server's clock";
    SecretIdNotFound = "AuthFailure.SecretIdNotFound", Unauthenticated, "the key is unknown, deleted, disabled or expired";
    SignatureFailure = "AuthFailure.SignatureFailure", Unauthenticated, "the signature is wrong, or was used before where that matters";
    TokenFailure = "AuthFailure.TokenFailure", Unauthenticated, "the token is not the key's";
    IpNotInWhitelist = "IpNotInWhitelist", Refused, "the key may not be used from the client's address";
    NoSuchVersion = "NoSuchVersion", Malformed, "there is no such API version";
    InvalidAction = "InvalidAction", Malformed, "the version has no such action";
    RequestLimitExceeded = "RequestLimitExceeded", Limited, "too many requests";
    UnknownParameter = "UnknownParameter", Refused, "the action does not know the parameter";
    InvalidParameter = "InvalidParameter", Refused, "a parameter has the wrong type, or the body is no JSON object";
    ParamError = "InvalidParameter.ParamError", Refused, "a parameter has a value that it does not take";
    TargetNotExist = "InvalidParameter.UserNotExist", Refused, "TargetUin names nobody";
    UserNameInUse = "InvalidParameter.SubUserNameInUse", Refused, "the user name is taken";
    UserNameIllegal = "InvalidParameter.UserNameIllegal", Refused, "the user name is malformed";
    PasswordViolatedRules = "InvalidParameter.PasswordViolatedRules", Refused, "the password is too short or too long";
    UserLimit = "InvalidParameter.SubUserFull", Refused, "the account has as many users as it may";
    Denied = "AuthFailure.UnauthorizedOperation", Refused, "the caller may not do this";
    UserNotExist = "ResourceNotFound.UserNotExist", Refused, "the user name names nobody";
    SecretNotExist = "ResourceNotFound.SecretNotExist", Refused, "there is no such access key";
    UinNotMatch = "OperationDenied.UinNotMatch", Refused, "the access key belongs to another user";
    SubUin = "OperationDenied.SubUin", Refused, "only root may use root's access keys";
    KeyLimit = "OperationDenied.AccessKeyOverLimit", Refused, "the user has as many access keys as he may";
    HaveKeys = "OperationDenied.HaveKeys", Refused, "the user still has access keys";
    LastAdministrator = "OperationDenied", Refused, "it would lock the last administrator out";
    Unmodifiable = "FailedOperation.Unmodifiable", Refused, "only root may change root, and nobody deletes him";
    KeyTrouble = "FailedOperation.Accesskey", Failed, "the store or the vault could not do it to an access key";
    Conflict = "FailedOperation", Failed, "others kept changing the same object";
    InternalError = "InternalError", Failed, "the server failed";
    Unavailable = "ServiceUnavailable", Failed, "the server stops or has no room";
}
